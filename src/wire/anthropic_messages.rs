//! Anthropic messages.
//!
//! Source: <https://docs.anthropic.com/en/api/messages>.

use super::canonical::Rule;
use super::content::{key_of, other, read, tools};
use super::dialect::drops;
use super::errors::error_text;
use super::known::Known;
use crate::model::{Message, Prompt, Reply, Usage};
use crate::text::json::{Json, Kind, Ref};

/// Reads a request. Text beside the messages is the first message, `system`.
pub(super) fn prompt(body: &Json, rule: &'static Rule, known: &mut Known) -> Prompt {
    let root = body.root();
    let mut prompt = Prompt::default();
    if let Some(system) = root.get("system").filter(|system| !system.is_null()) {
        prompt.messages.push(known.message(Known::SYSTEM, system, || message(system, "system", "system")));
    }
    for member in root.items() {
        let key = key_of(member);
        match (key.as_str(), member.kind()) {
            ("system", _) => {}
            ("model", Kind::String) => prompt.model = member.as_str().map(std::borrow::Cow::into_owned),
            ("stream", Kind::Bool) => prompt.stream = member.as_bool().unwrap_or_default(),
            ("messages", Kind::Array) => {
                let messages = member.items().enumerate();
                prompt.messages.extend(
                    messages
                        .map(|(place, item)| known.message(place, item, || said(item, format!("messages[{place}]")))),
                );
            }
            ("tools", Kind::Array) => prompt.tools.extend(tools(member)),
            _ if drops(rule, &key) => {}
            _ => prompt.parameters.push((key, member.raw_str().into_owned())),
        }
    }
    prompt
}

fn said(item: Ref<'_>, path: String) -> Message {
    let speaker = item.text("role").unwrap_or_default();
    let read = match item.get("content") {
        Some(content) => message(content, &speaker, &format!("{path}.content")),
        None => Message { role: speaker, parts: vec![other(item, path.clone())], ..Message::default() },
    };
    Message { path, ..read }
}

fn message(content: Ref<'_>, role: &str, path: &str) -> Message {
    let mut parts = Vec::new();
    read(content, path, &mut parts);
    Message { role: role.to_owned(), name: None, parts, path: path.to_owned() }
}

/// Reads an answer that was not streamed.
pub(super) fn reply(body: &Json) -> Reply {
    let root = body.root();
    let mut reply = Reply {
        id: root.text("id").filter(|id| !id.is_empty()),
        model: root.text("model"),
        finish: root.text("stop_reason"),
        usage: usage(root),
        error: error_text(root),
        ..Reply::default()
    };
    match root.get("content") {
        Some(content) => read(content, "content", &mut reply.parts),
        None if reply.error.is_none() => reply.parts.push(other(root, String::new())),
        None => {}
    }
    reply
}

/// Tokens of an answer. `input_tokens` leaves out what was read from and written to a cache, so the
/// input is the sum of the three.
fn usage(root: Ref<'_>) -> Usage {
    let Some(usage) = root.get("usage") else { return Usage::default() };
    let count = |key: &str| usage.get(key).and_then(Ref::as_u64);
    let cached = count("cache_read_input_tokens");
    let cache_written = count("cache_creation_input_tokens");
    Usage {
        input: count("input_tokens").map(|input| {
            input.saturating_add(cached.unwrap_or_default()).saturating_add(cache_written.unwrap_or_default())
        }),
        output: count("output_tokens"),
        cached,
        cache_written,
        reasoning: usage
            .get("output_tokens_details")
            .and_then(|details| details.get("thinking_tokens").or_else(|| details.get("reasoning_tokens")))
            .and_then(Ref::as_u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_holds_what_a_cache_gave_and_took() {
        let usage =
            |text: &str| reply(&Json::parse_text(&format!(r#"{{"content":[],"usage":{text}}}"#)).expect("JSON")).usage;
        let all = usage(
            r#"{"input_tokens":3,"cache_read_input_tokens":20,"cache_creation_input_tokens":100,"output_tokens":7}"#,
        );
        assert_eq!((all.input, all.cached, all.cache_written, all.output), (Some(123), Some(20), Some(100), Some(7)));
        let none = usage(r#"{"input_tokens":3,"cache_read_input_tokens":null}"#);
        assert_eq!((none.input, none.cached, none.output), (Some(3), None, None));
        assert_eq!(usage(r#"{"cache_read_input_tokens":1}"#).input, None);
    }

    #[test]
    fn a_request_is_read_whole() {
        let body = r#"{"model":"m","system":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"messages":[{"role":"user","content":"u"},{"role":"assistant"}],"tools":[{"type":"web_search_20250305","name":"web_search"}],"max_tokens":5,"metadata":{"user_id":"x"},"stream":true,"new_one":[1]}"#;
        let prompt =
            prompt(&Json::parse_text(body).expect("JSON"), &super::super::keys::MESSAGES, &mut Known::default());
        let messages: Vec<String> =
            prompt.messages.iter().map(|m| format!("{} {} {}", m.path, m.role, m.text())).collect();
        assert_eq!(messages, ["system system a\nb", "messages[0] user u", "messages[1] assistant "]);
        assert_eq!(prompt.parameters, [("max_tokens".into(), "5".into()), ("new_one".into(), "[1]".into())]);
        assert!(prompt.stream && prompt.tools[0].name == "web_search");
    }
}
