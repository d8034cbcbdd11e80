//! `retake grade`.

use crate::flake::{record, tell};
use crate::support::env::TestEnv;
use crate::support::fake_model::{FakeModel, Reply};

#[test]
fn an_exact_recording_is_said_to_be_exact() {
    let env = TestEnv::new();
    let model = FakeModel::start(|_| Reply::chat("Two hours."));
    record(&env, &model, &[]);
    insta::assert_snapshot!(tell(&env, &["grade"]), @"
    [run]  exact, 1 node
    --- stderr
    hint: try it with `retake flake [run]`: nothing is sent
    ");
    assert!(env.line("show").contains("  replay: exact, 1 node\n"), "{}", env.line("show"));
}

#[test]
fn what_a_replay_will_be_exact_up_to_is_named_with_its_node() {
    let env = TestEnv::new();
    let model = FakeModel::start(|asked| match asked.number {
        0 => Reply::tool_call("call_a1", "frobnicate", "{}"),
        _ => Reply::chat("Two hours."),
    });
    record(&env, &model, &["name", "clock", "tool"]);
    let said = tell(&env, &["grade"]);
    insta::assert_snapshot!(said, @"
    [run]  exact up to 1 name, 1 reading of the clock, what frobnicate does again
      1 Answer in one sentence. It is
          1 name, if the agent makes it anew: `[uuid]` at `messages[0].content`
          1 reading of the clock, held as recorded: `[time]` at `messages[0].content`
      2 frobnicate
          its body runs again in the agent's process (effect unknown)
    --- stderr
    hint: try it with `retake flake [run]`: nothing is sent
    ");
    let lines = tell(&env, &["grade", "--json"]);
    assert!(lines.starts_with(r#"{"type":"assessment""#) && lines.contains(r#""kind":"runs_again""#), "{lines}");
    assert!(env.line("show").contains("replay: exact up to 1 name, 1 reading of the clock"), "{}", env.line("show"));
}

#[test]
fn a_run_without_calls_is_not_replayable() {
    let env = TestEnv::new();
    env.keep("kmqxpwtz", 0, None);
    insta::assert_snapshot!(env.line("grade"), @"kmqxpwtz  not replayable: it has no calls");
    let running = env.begin("qzutwoyx", 400, None);
    insta::assert_snapshot!(env.line("grade qzut"), @"
    --- stderr
    error: run `qzutwoyx` is still being recorded
    --- exit 2
    ");
    drop(running);
}
