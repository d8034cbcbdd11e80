//! `retake rm`.

use crate::support::env::TestEnv;

#[test]
fn nothing_is_deleted_unasked() {
    let env = TestEnv::new();
    env.keep("kmqxpwtz", 0, None);
    env.keep("nrsvlkyo", 10, Some("kmqxpwtz"));
    insta::assert_snapshot!(env.line("rm kmqx"), @"
    --- stderr
    error: `retake rm` asks before it deletes, and there is no terminal to ask on

    hint: agree with `--yes`, or look first with `--dry-run`
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("rm kmqx --dry-run"), @r#"
    would delete 1 run:
      kmqxpwtz  1 minute ago  0.9s  0 nodes  python agent.py "hello there"
    "#);
    insta::assert_snapshot!(env.line("rm kmqx --yes"), @"
    --- stderr
    deleted 1 run
    ");
    insta::assert_snapshot!(env.line("ls"), @"nrsvlkyo  59 seconds ago  0.9s  0 nodes  exit 1  replay of kmqxpwtz: --set 1.system=x");
    insta::assert_snapshot!(env.line("show kmqxpwtz"), @"
    --- stderr
    error: run kmqxpwtz was removed

    hint: list the runs with `retake ls`
    --- exit 2
    ");
}

#[test]
fn a_running_run_stays() {
    let env = TestEnv::new();
    let running = env.begin("kmqxpwtz", 0, None);
    insta::assert_snapshot!(env.line("rm kmqx --yes"), @"
    --- stderr
    error: run `kmqxpwtz` is still running
    --- exit 2
    ");
    drop(running);
}
