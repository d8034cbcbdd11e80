//! `retake tag`.

use crate::support::env::TestEnv;

#[test]
fn names_come_and_go() {
    let env = TestEnv::new();
    env.keep("kmqxpwtz", 0, None);
    env.keep("nrsvlkyo", 10, None);
    insta::assert_snapshot!(env.line("tag good"), @"
    --- stderr
    tagged nrsvlkyo as `good`
    ");
    insta::assert_snapshot!(env.line("tag kmqx bad"), @"
    --- stderr
    tagged kmqxpwtz as `bad`
    ");
    insta::assert_snapshot!(env.line("ls"), @r#"
    nrsvlkyo  59 seconds ago  0.9s  0 nodes  python agent.py "hello there"  [good]
    kmqxpwtz  1 minute ago    0.9s  0 nodes  python agent.py "hello there"  [bad]
    "#);
    insta::assert_snapshot!(env.line("tag -d good"), @"
    --- stderr
    removed the tag `good` from 1 run
    ");
    insta::assert_snapshot!(env.line("tag -d good"), @"
    --- stderr
    error: no such run has the tag `good`

    hint: list runs and their tags with `retake ls`
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("tag 7"), @"
    --- stderr
    error: `7` cannot be a tag: a number means a node
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("tag latest"), @"
    --- stderr
    error: `latest` cannot be a tag: it means the newest run
    --- exit 2
    ");
}
