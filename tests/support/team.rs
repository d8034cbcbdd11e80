//! The team of three agents (`tests/agents/team.rs`), the model it talks to, and its workflow.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use regex::Regex;

use super::fake_model::{Asked, Reply};
use super::trial::{Ran, Trial, texts};

/// A model that plays the planner and both specialists. `fare` is the name of the tool that the second one calls.
pub(crate) fn model_of(fare: &'static str) -> impl Fn(&Asked) -> Reply + Send + Sync + Clone + 'static {
    move |asked| {
        let texts = texts(asked);
        let told = asked.text().matches("\"role\":\"tool\"").count();
        let id = |name: &str| format!("call_{name}_{}", asked.number);
        match (texts[0].as_str(), told) {
            (system, 0) if system.starts_with("You plan trips.") => Reply::tool_calls(&[
                (&id("w"), "weather_agent", r#"{"city": "Lyon"}"#),
                (&id("p"), "price_agent", r#"{"city": "Lyon"}"#),
            ]),
            (system, _) if system.starts_with("You plan trips.") => {
                Reply::chat("Lyon is sunny on Saturday, for 40 euros.")
            }
            ("You check plans.", _) => Reply::chat("Good."),
            (system, 0) if system.contains("weather") => Reply::tool_calls(&[
                (&id("f"), "get_forecast", r#"{"day": "saturday"}"#),
                (&id("a"), "get_alerts", r#"{"day": "saturday"}"#),
            ]),
            (system, _) if system.contains("weather") => Reply::chat("Sunny, 21 degrees."),
            (_, 0) => {
                // It is slower than the other, so that nodes begin in one order.
                std::thread::sleep(Duration::from_millis(250));
                Reply::tool_calls(&[(&id("c"), fare, r#"{"city": "Lyon"}"#)])
            }
            _ => Reply::chat("It costs 40 euros."),
        }
    }
}

/// Words of the team's command.
fn words() -> Vec<String> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_retake"));
    let agent = program.with_file_name("examples").join("team");
    assert!(agent.exists(), "examples are built by `cargo test` or `cargo build --examples`");
    vec![agent.to_string_lossy().into_owned()]
}

/// Makes a command's environment one in which the team does otherwise.
pub(crate) fn team<'a>(command: &'a mut Command, change: &str) -> &'a mut Command {
    command.env("TEAM", change)
}

/// Records the team.
pub(crate) fn record(trial: &Trial, change: &str) -> Ran {
    let ran = trial.finish(team(&mut trial.command(), change).arg("record").args(words()));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    ran
}

/// A world in which the team was recorded.
pub(crate) fn recorded() -> Trial {
    recorded_with(&model_of("get_fare"), "")
}

/// The same with another model, or another team.
pub(crate) fn recorded_with(model: &(impl Fn(&Asked) -> Reply + Send + Sync + Clone + 'static), change: &str) -> Trial {
    let trial = Trial::new(model.clone());
    record(&trial, change);
    trial
}

/// A world in which the team is the workflow `lyon`.
pub(crate) fn kept() -> Trial {
    kept_with("")
}

/// The same with another team.
pub(crate) fn kept_with(change: &str) -> Trial {
    let trial = recorded_with(&model_of("get_fare"), change);
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon", "--yes"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    trial
}

/// A file of the working directory, with the machine's paths taken out.
pub(crate) fn file(trial: &Trial, name: &str) -> String {
    let text = fs::read_to_string(trial.env.work().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    text.replace(&words()[0], "team")
}

/// Text without times, names of runs and numbers of nodes.
pub(crate) fn steady(text: &str) -> String {
    let time = Regex::new(r"<?\b\d+(?:\.\d+)?(?:µs|ms|s)\b").expect("a pattern");
    let name = Regex::new(r"\b[k-z]{8}\b").expect("a pattern");
    let node = Regex::new(r"\bnode \d+\b").expect("a pattern");
    let text = time.replace_all(text, "<time>");
    node.replace_all(&name.replace_all(&text, "<run>"), "node <n>").into_owned()
}
