//! Conversations that the provider keeps: recorded, replayed, and carried on from an answer that it never gave.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::fake_model::{Asked, Reply};
use crate::support::trial::{Ran, Trial};

/// What the provider keeps, by the ids that it gave out: the texts that were said.
type Memory = Mutex<HashMap<String, Vec<String>>>;

/// The texts of items or entries.
fn texts(items: &Value) -> Vec<String> {
    let text = |item: &Value| item.as_str().or_else(|| item["text"].as_str()).unwrap_or("-").to_owned();
    match items {
        Value::Array(items) => items
            .iter()
            .map(|item| item["content"].as_array().map_or_else(|| text(&item["content"]), |parts| text(&parts[0])))
            .collect(),
        Value::Null => Vec::new(),
        other => vec![text(other)],
    }
}

/// A provider that remembers, and refuses what it does not remember. It answers with all that was said.
fn remembers(memory: &Memory, asked: &Asked) -> Reply {
    let mut memory = memory.lock().unwrap();
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let fresh = |kind: &str| format!("{kind}_{}", asked.number);
    let mistral =
        asked.header("authorization").is_some_and(|key| key.contains("mistral")) || body.get("inputs").is_some();
    if asked.target == "/v1/conversations" && !mistral {
        memory.insert(fresh("conv"), Vec::new());
        return Reply::json(&json!({"id": fresh("conv"), "object": "conversation"}).to_string());
    }
    let named = asked.target.strip_prefix("/v1/conversations/").map(str::to_owned);
    let named =
        named.or_else(|| body["conversation"].as_str().or(body["previous_response_id"].as_str()).map(str::to_owned));
    let Some(mut said) = named.as_ref().map_or(Some(Vec::new()), |id| memory.get(id).cloned()) else {
        return Reply::json(r#"{"error":{"message":"there is no such conversation"}}"#).status(404);
    };
    if mistral && named.is_some() && (body.get("model").is_some() || body.get("instructions").is_some()) {
        return Reply::json(r#"{"error":{"message":"that belongs to the beginning"}}"#).status(422);
    }
    said.extend(texts(if mistral { &body["inputs"] } else { &body["input"] }));
    let answer = format!("<{}>", said.join("|"));
    said.push(answer.clone());
    if mistral {
        let id = named.unwrap_or_else(|| fresh("conv"));
        memory.insert(id.clone(), said);
        let entry = json!({"type": "message.output", "id": fresh("msg"), "role": "assistant", "content": answer});
        return Reply::json(&json!({"conversation_id": id, "outputs": [entry], "usage": {}}).to_string());
    }
    if let Some(conversation) = body["conversation"].as_str() {
        memory.insert(conversation.to_owned(), said.clone());
    }
    memory.insert(fresh("resp"), said);
    let part = json!({"type": "output_text", "text": answer, "annotations": []});
    let item =
        json!({"type": "message", "id": fresh("msg"), "role": "assistant", "status": "completed", "content": [part]});
    let mut response = json!({"id": fresh("resp"), "object": "response", "status": "completed", "output": [item]});
    if let Some(conversation) = body["conversation"].as_str() {
        response["conversation"] = json!({"id": conversation});
    }
    Reply::json(&response.to_string())
}

struct Talk {
    trial: Trial,
    recorded: Ran,
    /// Node of the first question.
    first: u32,
}

fn recorded(kept: &str) -> Talk {
    let memory = Memory::default();
    let trial = Trial::new(move |asked| remembers(&memory, asked));
    let mut command = trial.command();
    command.env("MISTRAL_BASE_URL", format!("{}/v1", trial.model.url())).env("MISTRAL_API_KEY", "k");
    let recorded = trial.finish(command.args(["record", "-t", "talk"]).args(Trial::agent(&["state", kept])));
    assert_eq!(recorded.code, Some(0), "{}", recorded.err);
    Talk { trial, recorded, first: if kept == "conversation" { 2 } else { 1 } }
}

impl Talk {
    fn replay(&self, arguments: &[&str]) -> (Ran, Vec<Asked>) {
        let mut command = self.trial.command();
        command.env("MISTRAL_BASE_URL", format!("{}/v1", self.trial.model.url())).env("MISTRAL_API_KEY", "k");
        self.trial.asked_while(|| self.trial.finish(command.args(["replay", "talk"]).args(arguments)))
    }
}

const KEPT: [&str; 3] = ["previous", "conversation", "mistral"];

#[test]
fn a_kept_conversation_is_replayed() {
    for kept in KEPT {
        let talk = recorded(kept);
        let (replayed, asked) = talk.replay(&[]);
        assert_eq!((asked.len(), replayed.code), (0, Some(0)), "{kept}: {}", replayed.err);
        assert_eq!(replayed.out, talk.recorded.out, "{kept}");
        assert!(replayed.grade().ends_with("exact; order kept; 0 sent"), "{kept}: {}", replayed.grade());
    }
}

#[test]
fn an_edited_answer_reaches_the_provider_with_all_that_was_said() {
    for kept in KEPT {
        let talk = recorded(kept);
        let (replayed, asked) = talk.replay(&["--set", &format!("{}.answer=Nobody.", talk.first)]);
        assert_eq!(replayed.code, Some(0), "{kept}: {}", replayed.err);
        assert_eq!(asked.len(), 2, "{kept}: what followed is asked again");
        let lines: Vec<&str> = replayed.out.lines().collect();
        let second = "<Who built it?|Nobody.|And when?>";
        assert_eq!(
            lines,
            ["Nobody.", second, &format!("<Who built it?|Nobody.|And when?|{second}|And why?>")],
            "{kept}"
        );
        // The recording's conversation at the provider is as it was.
        let (replayed, _) = talk.replay(&["--set", &format!("{}.answer=Nobody.", talk.first + 1)]);
        assert_eq!(
            replayed.out.lines().last(),
            Some("<Who built it?|<Who built it?>|And when?|Nobody.|And why?>"),
            "{kept}"
        );
    }
}

#[test]
fn a_changed_question_is_asked_at_its_place() {
    for kept in KEPT {
        let talk = recorded(kept);
        let set = format!("{}.messages[0].content=And where?", talk.first + 1);
        let (replayed, asked) = talk.replay(&["--set", &set]);
        assert_eq!((replayed.code, asked.len()), (Some(0), 2), "{kept}: {}", replayed.err);
        let second = "<Who built it?|<Who built it?>|And where?>";
        let third = format!("<Who built it?|<Who built it?>|And where?|{second}|And why?>");
        assert_eq!(replayed.out.lines().skip(1).collect::<Vec<_>>(), [second, &third], "{kept}");
    }
}

#[test]
fn a_conversation_from_before_the_recording_is_refused_when_it_would_be_sent() {
    let trial = Trial::new(|asked| {
        Reply::json(
            &json!({"id": format!("resp_{}", asked.number), "conversation": {"id": "conv_old"}, "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}]})
            .to_string(),
        )
    });
    let ask = |text: &str| format!(r#"POST /v1/responses {{"model":"m","conversation":"conv_old","input":"{text}"}}"#);
    trial.env.write("asks", format!("{}\n{}\n", ask("Is it?"), ask("Was it?")));
    let file = trial.env.work().join("asks");
    trial.record("old", &["requests", &file.to_string_lossy()]);
    let (replayed, asked) = trial.asked_while(|| trial.replay(["old", "--set", "2.messages[0].content=Will it?"]));
    assert_eq!((asked.len(), replayed.code), (0, Some(1)), "{}", replayed.err);
    assert!(replayed.err.contains("its conversation `conv_old` began before the recording"), "{}", replayed.err);
}
