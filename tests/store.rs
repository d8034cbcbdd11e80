//! `retake store`.

use crate::support::env::TestEnv;

#[test]
fn damage_is_found() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.line("store verify"), @"
    --- stderr
    error: no runs yet

    hint: record one with `retake record python agent.py`, or try `retake demo`
    --- exit 2
    ");
    env.keep("kmqxpwtz", 0, None);
    env.keep("nrsvlkyo", 10, None);
    insta::assert_snapshot!(env.line("store verify"), @"2 recordings, 6 events, all sound");
    insta::assert_snapshot!(env.line("store rebuild"), @"
    --- stderr
    rebuilt the index: 2 runs
    ");
    let file = env.store().join("runs/kmqxpwtz.retake");
    let mut bytes = std::fs::read(&file).expect("it is there");
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, bytes).expect("it can be written");
    let found = env.line("store verify");
    assert!(found.contains("kmqxpwtz  ") && found.ends_with("1 damaged\n--- exit 1\n"), "{found}");
}
