//! `retake flake`.

use std::path::Path;

use regex::Regex;

use crate::support::env::TestEnv;
use crate::support::fake_model::{FakeModel, Gate, Reply, Step};
use crate::support::output;

/// The example agent, whose arguments say what differs.
fn agent() -> String {
    let agent = Path::new(env!("CARGO_BIN_EXE_retake")).parent().unwrap().join("examples/flaky");
    assert!(agent.exists(), "examples are built by `cargo test` or `cargo build --examples`");
    agent.display().to_string()
}

/// Records the agent.
pub(crate) fn record(env: &TestEnv, model: &FakeModel, traits: &[&str]) {
    let mut command = env.command();
    command.env_remove("RETAKE_TEST_CLOCK").env("OPENAI_BASE_URL", format!("{}/v1", model.url()));
    let ran = command.args(["record", &agent()]).args(traits).output().unwrap();
    assert!(ran.status.success(), "{}", output::whole(&ran));
}

/// Runs a command with the clock of the machine; names of runs, random values and times are hidden.
pub(crate) fn tell(env: &TestEnv, arguments: &[&str]) -> String {
    let mut command = env.command();
    let ran = command.env_remove("RETAKE_TEST_CLOCK").args(arguments).output().unwrap();
    let hidden = [
        (r"\b[k-z]{8}\b", "[run]"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b", "[uuid]"),
        (r"\b20\d\d-\d\d-\d\dT[0-9:.]+Z", "[time]"),
        (r"\b\d{7}\b", "[number]"),
        (r"(?m)^(    (?:recorded|runs? \d\S*)  +)\d{1,6}$", "$1[delay]"),
    ];
    hidden.iter().fold(output::whole(&ran), |text, (pattern, with)| {
        Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

#[test]
fn nothing_differs_and_nothing_is_kept() {
    let env = TestEnv::new();
    let model = FakeModel::start(|_| Reply::chat("Two hours."));
    record(&env, &model, &[]);
    insta::assert_snapshot!(tell(&env, &["flake", "-n", "3"]), @"
    [run]  nothing differed in 3 runs
    --- stderr
    run 1 of 3
    run 2 of 3
    run 3 of 3
    ");
    assert_eq!(model.asked().len(), 1);
    assert_eq!(env.line("ls").lines().count(), 1, "{}", env.line("ls"));
}

#[test]
fn what_differs_and_is_accepted_is_listed_with_its_values() {
    let env = TestEnv::new();
    let model = FakeModel::start(|asked| match asked.number {
        0 => Reply::tool_call("call_a1", "get_delay", "{}"),
        _ => Reply::chat("Two hours."),
    });
    record(&env, &model, &["clock", "name", "tool"]);
    let said = tell(&env, &["flake"]);
    insta::assert_snapshot!(said, @"
    [run]  3 values that differ in 2 runs, and all were answered

    results of tools, held as recorded
      get_delay $.seconds of node 3
        recorded  [delay]
        run 1     [delay]
        run 2     [delay]

    readings of the clock, held as recorded
      messages[0].content of nodes 1, 3
        recorded  [time]
        run 1     [time]
        run 2     [time]

    names, renamed
      messages[0].content of nodes 1, 3
        recorded  [uuid]
        run 1     [uuid]
        run 2     [uuid]
    --- stderr
    run 1 of 2
    retake:   will run again in the agent's process: get_delay (read, judged by its name)
    run 2 of 2
    kept as [run], [run]
    hint: look at one with `retake show [run]`
    ");
    let lines = tell(&env, &["flake", "--json", "-q"]);
    assert!(
        lines.starts_with(r#"{"type":"flake""#) && lines.contains(r#""tool":"get_delay","path":"$.seconds""#),
        "{lines}"
    );
    assert_eq!(model.asked().len(), 2);
}

#[test]
fn what_no_rule_accepts_is_refused_and_can_be_ignored() {
    let env = TestEnv::new();
    let model = FakeModel::start(|_| Reply::chat("Two hours."));
    record(&env, &model, &["random"]);
    insta::assert_snapshot!(tell(&env, &["flake"]), @r#"
    [run]  2 calls refused in 2 of 2 runs, 1 value that differs

    refused
      messages[1].content of node 1
        recorded  "How long does the trip take? My number is [number]."
        run 1     "How long does the trip take? My number is [number]."
        run 2     "How long does the trip take? My number is [number]."
    --- stderr
    run 1 of 2
    run 2 of 2
    kept as [run], [run]
    hint: look at one with `retake show [run]`
    --- exit 1
    "#);
    let accepted = tell(&env, &["flake", "--ignore", "messages[1].content"]);
    assert!(
        accepted.contains("not compared\n  messages[1].content of node 1\n") && !accepted.contains("--- exit"),
        "{accepted}"
    );
    assert_eq!(model.asked().len(), 1);
}

#[test]
fn calls_that_race_are_named() {
    let env = TestEnv::new();
    let gate = Gate::default();
    let model = FakeModel::start(move |asked| match asked.number {
        // The first is not answered before the second has come.
        0 => {
            let Step::Piece(body) = Reply::chat("4.").steps.remove(0) else { unreachable!() };
            let length = body.len().to_string();
            let steps = vec![Step::Wait(gate.clone()), Step::Piece(body)];
            Reply::chat("").steps(steps).header("content-length", &length)
        }
        1 => {
            gate.open();
            Reply::chat("5.")
        }
        _ => Reply::chat("Two hours."),
    });
    record(&env, &model, &["twins"]);
    insta::assert_snapshot!(tell(&env, &["flake"]), @"
    [run]  1 race in 2 runs, and all were answered

    calls that race
      nodes 1, 2 are equal, in flight together, and were answered differently
    --- stderr
    run 1 of 2
    run 2 of 2
    kept as [run], [run]
    hint: look at one with `retake show [run]`
    ");
    assert!(tell(&env, &["grade"]).contains("2 interchangeable calls"));
}

#[test]
fn another_order_is_a_race() {
    let env = TestEnv::new();
    let model = FakeModel::start(|asked| match asked.text() {
        text if text.contains("boat") => Reply::chat("4."),
        text if text.contains("bus") => Reply::chat("5."),
        _ => Reply::chat("Two hours."),
    });
    record(&env, &model, &["pair"]);
    insta::assert_snapshot!(tell(&env, &["flake", "--", &agent(), "pair", "swapped"]), @"
    [run]  2 races in 2 runs, and all were answered

    calls that race
      nodes 1, 2 come in another order
      nodes 1, 2 end in another order
    --- stderr
    run 1 of 2
    run 2 of 2
    kept as [run], [run]
    hint: look at one with `retake show [run]`
    ");
    assert_eq!(model.asked().len(), 3);
}
