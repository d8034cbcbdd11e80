//! `retake show`.

use crate::support::env::TestEnv;

#[test]
fn a_run_is_found_by_every_name() {
    let env = TestEnv::new();
    env.keep("kmqxpwtz", 0, None);
    env.keep("kzvnolrt", 100, None);
    env.line("tag kmqx good");
    let shown = env.line("show kmqxpwtz");
    insta::assert_snapshot!(shown, @r#"
    kmqxpwtz  python agent.py "hello there"  exit 0  [good]
      1 minute ago, 0.9s, 0 nodes, 0 model calls
      in /home/ada/agent

    no calls were recorded
    --- stderr
    hint: see which variables lead calls to retake with `retake help environment`
    "#);
    for name in ["km", "good", "latest~1"] {
        assert_eq!(env.run(["show", name]), shown, "{name}");
    }
    assert!(env.line("show").starts_with("kzvnolrt"));
    insta::assert_snapshot!(env.line("show k"), @r#"
    --- stderr
    error: prefix `k` is ambiguous, it matches 2 runs:
      kzvnolrt  50 seconds ago  0.9s  0 nodes  python agent.py "hello there"
      kmqxpwtz  1 minute ago    0.9s  0 nodes  python agent.py "hello there"  [good]
    --- exit 2
    "#);
    insta::assert_snapshot!(env.line("show latest~7"), @"
    --- stderr
    error: no run is `latest~7`: there are 2 runs

    hint: list the runs with `retake ls`
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("show good:9"), @"
    --- stderr
    error: run `kmqxpwtz` has no node `9`; it has none
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("show good --raw request"), @"
    --- stderr
    error: `--raw` needs a node

    hint: name one, as in `retake show kmqxpwtz:1 --raw request`
    --- exit 2
    ");
}

#[test]
fn what_the_agent_printed_comes_out_as_it_was() {
    let env = TestEnv::new();
    env.keep("kmqxpwtz", 0, None);
    assert_eq!(env.line("show --output"), "hello\u{1b}[2J\n");
}
