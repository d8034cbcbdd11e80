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
    insta::assert_snapshot!(tell(&env, &["flake", "-n", "3"]), @"");
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
    insta::assert_snapshot!(said, @"");
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
    insta::assert_snapshot!(tell(&env, &["flake"]), @"");
    let accepted = tell(&env, &["flake", "--ignore", "messages[1].content"]);
    assert!(accepted.contains("nothing differed in 2 runs"), "{accepted}");
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
    insta::assert_snapshot!(tell(&env, &["flake"]), @"");
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
    insta::assert_snapshot!(tell(&env, &["flake", "--", &agent(), "pair", "swapped"]), @"");
    assert_eq!(model.asked().len(), 3);
}
