//! The demo's steps, as data: who answers, what is recorded, what is changed, what is said.

use crate::model::event::Started;
use crate::model::{Kind, NodeId, Run};

use super::{Provider, QUESTION, SYSTEM, stand_in};

/// The hidden command that is the demo's agent.
pub const COMMAND: &str = "demo-agent";

/// What the changed prompt ends in, and what stands there before.
const BEFORE: &str = "Answer as a list of three points.";
const AFTER: &str = "Answer in one sentence and name its source.";

/// Who answers the demo's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The prefix that it goes through.
    pub provider: Provider,
    /// Base URL of the upstream, where it is not the provider's own.
    pub upstream: Option<String>,
    /// The model.
    pub model: String,
    /// Whether it is the stand-in: the caller serves it and sends the provider's calls there.
    pub is_stand_in: bool,
}

/// Why nobody can answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// An upstream was named, and no model.
    #[error("`--upstream {0}` needs a model's name")]
    NoModel(String),
    /// A model was named, and nobody has it.
    #[error("there is no key for `{0}` in the environment")]
    NoKey(String),
}

/// One step of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Say this, a line each.
    Say(Vec<String>),
    /// Record this command.
    Record {
        /// Arguments after the program's own name.
        arguments: Vec<String>,
    },
    /// Show the latest run as a graph.
    Show,
    /// Replay the recorded run with this value for the `system` of its last model call ([`last_call`]).
    Replay {
        /// The new system prompt.
        system: String,
    },
    /// Compare the replay with the run.
    Diff,
}

/// Chooses who answers: the upstream that was named, else a provider whose key is there, else the stand-in.
///
/// # Errors
/// What is missing.
pub fn choose(
    upstream: Option<&str>,
    model: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Choice, Unusable> {
    if let Some(url) = upstream {
        let model = model.ok_or_else(|| Unusable::NoModel(url.to_owned()))?;
        return Ok(Choice {
            provider: Provider::OPENAI,
            upstream: Some(url.to_owned()),
            model: model.to_owned(),
            is_stand_in: false,
        });
    }
    let has_key = |provider: &Provider| variable(provider.key).is_some_and(|key| !key.trim().is_empty());
    match (Provider::ALL.into_iter().find(has_key), model) {
        (_, Some(stand_in::MODEL)) | (None, None) => Ok(Choice {
            provider: Provider::OPENAI,
            upstream: None,
            model: stand_in::MODEL.to_owned(),
            is_stand_in: true,
        }),
        (Some(provider), model) => Ok(Choice {
            provider,
            upstream: None,
            model: model.unwrap_or(provider.model).to_owned(),
            is_stand_in: false,
        }),
        (None, Some(model)) => Err(Unusable::NoKey(model.to_owned())),
    }
}

/// The steps in order.
#[must_use]
pub fn script(choice: &Choice) -> Vec<Step> {
    let lines = |lines: &[&str]| Step::Say(lines.iter().map(|line| (*line).to_owned()).collect());
    let mut arguments = vec![COMMAND.to_owned()];
    if !choice.is_stand_in {
        arguments.extend(["--provider", choice.provider.name, "--model", &choice.model].map(str::to_owned));
    }
    arguments.push(QUESTION.to_owned());
    vec![
        introduction(choice),
        lines(&["", "1. retake record: the agent runs as ever, and its calls are written down.", ""]),
        Step::Record { arguments },
        lines(&["", "2. retake show: one search, one model call, two tools at once, the answer.", ""]),
        Step::Show,
        Step::Say(vec![
            String::new(),
            "3. retake replay: the same run, with another prompt for its last call.".to_owned(),
            "   What comes before that call is answered from the recording.".to_owned(),
            format!("   - {BEFORE}"),
            format!("   + {AFTER}"),
            String::new(),
        ]),
        Step::Replay { system: changed() },
        lines(&["", "4. retake diff: what the change did.", ""]),
        Step::Diff,
        lines(&[
            "",
            "Next:",
            "  retake ls                        both runs, the replay under its origin",
            "  retake show latest:2             the first model call in full",
            "  retake replay                    once more, with nothing sent",
            "  retake replay --set '2.system=Answer briefly.'",
            "                                   another change",
            "  retake record python agent.py    your own agent",
        ]),
    ]
}

/// The changed system prompt.
fn changed() -> String {
    SYSTEM.replace(BEFORE, AFTER)
}

fn introduction(choice: &Choice) -> Step {
    let Choice { provider, model, .. } = choice;
    let mut lines = vec!["An agent plans a trip: it searches a guide, calls two tools at once and answers.".to_owned()];
    if choice.is_stand_in {
        lines.push("Its model is a stand-in, served by retake: no key, and nothing leaves this machine.".to_owned());
        let keys: Vec<&str> = Provider::ALL.iter().map(|provider| provider.key).collect();
        lines.push(format!("For a real one set {}.", keys.join(" or ")));
    } else if let Some(url) = &choice.upstream {
        lines.push(format!("Its model is `{model}` at {url}."));
    } else {
        lines.push(format!("Its model is `{model}` of {}, because {} is set.", provider.name, provider.key));
        lines.push("For one that needs no key: `retake demo --model stand-in`.".to_owned());
    }
    Step::Say(lines)
}

/// The last model call of a run: the one that the demo changes.
#[must_use]
pub fn last_call(run: &Run) -> Option<NodeId> {
    run.graph
        .nodes()
        .filter(|node| node.kind == Kind::Llm)
        .max_by_key(|node| (node.started, node.id))
        .map(|node| node.id)
}

/// Whether a run was answered by the stand-in, which has to be served again before such a run can
/// be replayed with anything sent: its port is gone.
#[must_use]
pub fn is_stand_in(started: &Started) -> bool {
    let mut arguments = started.command.iter().skip(1);
    arguments.next().is_some_and(|argument| argument == COMMAND) && !arguments.any(|argument| argument == "--model")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_depends_on_what_is_there() {
        let none = |_: &str| None;
        let mistral = |name: &str| (name == "MISTRAL_API_KEY").then(|| "k".to_owned());
        let chosen = |upstream, model, variable: &dyn Fn(&str) -> Option<String>| {
            choose(upstream, model, variable).map(|choice| (choice.provider.name, choice.model, choice.is_stand_in))
        };
        let ok = |provider, model: &str, is_stand_in| Ok((provider, model.to_owned(), is_stand_in));
        assert_eq!(chosen(None, None, &none), ok("openai", "stand-in", true));
        assert_eq!(chosen(None, None, &mistral), ok("mistral", "mistral-small-latest", false));
        assert_eq!(chosen(None, Some("stand-in"), &mistral), ok("openai", "stand-in", true));
        assert_eq!(chosen(Some("http://x/v1"), Some("m"), &mistral), ok("openai", "m", false));
        assert_eq!(chosen(None, Some("m"), &none), Err(Unusable::NoKey("m".into())));
        assert_eq!(chosen(Some("http://x"), None, &none), Err(Unusable::NoModel("http://x".into())));
    }

    #[test]
    fn the_prompt_is_really_changed_and_the_run_is_known_again() {
        assert_ne!(changed(), SYSTEM);
        let choice = choose(None, None, &|_| None).expect("the stand-in is always there");
        let recorded = script(&choice).into_iter().find_map(|step| match step {
            Step::Record { arguments } => Some(arguments),
            _ => None,
        });
        let mut command = vec!["/usr/bin/retake".to_owned()];
        command.extend(recorded.expect("it records"));
        assert!(is_stand_in(&Started { command, ..Started::default() }));
        assert!(!is_stand_in(&Started::default()));
    }
}
