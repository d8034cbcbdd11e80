//! `retake ls`.

use crate::support::env::TestEnv;

#[test]
fn replays_and_states_are_seen() {
    let env = TestEnv::new();
    env.keep("kmqxpwtz", 0, None);
    env.keep("nrsvlkyo", 300, Some("kmqxpwtz"));
    let running = env.begin("qzutwoyx", 400, None);
    drop(env.begin("zzzzzzzz", 200, None));
    insta::assert_snapshot!(env.line("ls"), @r#"
    qzutwoyx    20 seconds ago        0 nodes      running  python agent.py "hello there"
    zzzzzzzz    40 seconds ago  <1ms  0 nodes  interrupted  python agent.py "hello there"
    kmqxpwtz    1 minute ago    0.9s  0 nodes               python agent.py "hello there"
    └─nrsvlkyo  30 seconds ago  0.9s  0 nodes       exit 1  replay: --set 1.system=x
    "#);
    insta::assert_snapshot!(env.line("ls --json -n 1"), @r#"{"type":"run","id":"qzutwoyx","state":"running","started":"2026-11-24T08:00:40.000000Z","duration_us":null,"command":["python","agent.py","hello there"],"directory":"/home/ada/agent","origin":"record","exit_code":null,"parent":null,"changes":[],"grade":null,"nodes":0,"model_calls":0,"tokens":null,"models":[],"tools":[],"tags":[]}"#);
    drop(running);
}
