//! Mistral conversations: the provider keeps the entries, each call brings new ones.
//!
//! Source: <https://docs.mistral.ai/api/#tag/beta.conversations>. Begun by `POST /v1/conversations`, gone on
//! with by `/v1/conversations/{id}`, branched by `/v1/conversations/{id}/restart`; all three are answered alike.

use std::borrow::Cow;

use super::build::{Object, Value, compact, plain};
use super::canonical::Rule;
use super::content::{blank, json_or_text, key_of, other, read, result_text, tools};
use super::dialect::{Assembled, drops};
use super::errors::error_text;
use super::known::Known;
use super::sse;
use crate::model::{Message, Part, Prompt, Reply, ToolCall, ToolResult, Usage};
use crate::text::json::{Json, Kind, Ref};

/// The event that ends a stream well.
const DONE: &str = "conversation.response.done";
/// The event that ends a stream with an error.
const ERROR: &str = "conversation.response.error";

/// Reads a request. `instructions` is the first message, `system`; text as inputs is one of `user`.
pub(super) fn prompt(body: &Json, rule: &'static Rule, _: &mut Known) -> Prompt {
    let mut prompt = Prompt::default();
    for member in body.root().items() {
        let key = key_of(member);
        match (key.as_str(), member.kind()) {
            ("model", Kind::String) => prompt.model = member.as_str().map(Cow::into_owned),
            ("stream", Kind::Bool) => prompt.stream = member.as_bool().unwrap_or_default(),
            ("instructions", Kind::String) => {
                let mut parts = Vec::new();
                read(member, "instructions", &mut parts);
                prompt
                    .messages
                    .insert(0, Message { role: "system".into(), name: None, parts, path: "system".into() }.into());
            }
            ("inputs", Kind::String) => {
                let mut parts = Vec::new();
                read(member, "inputs", &mut parts);
                prompt.messages.push(Message { role: "user".into(), name: None, parts, path: "inputs".into() }.into());
            }
            ("inputs", Kind::Array) => {
                let entries = member.items().enumerate();
                prompt.messages.extend(entries.map(|(place, entry)| message(entry, format!("inputs[{place}]")).into()));
            }
            ("tools", Kind::Array) => prompt.tools.extend(tools(member)),
            ("from_entry_id", Kind::String) => prompt.previous = member.as_str().map(Cow::into_owned),
            (_, Kind::Null) => {}
            _ if drops(rule, &key) => {}
            _ => prompt.parameters.push((key, member.raw_str().into_owned())),
        }
    }
    prompt
}

fn message(entry: Ref<'_>, path: String) -> Message {
    let mut parts = Vec::new();
    read_entry(entry, &path, &mut parts);
    let role = entry.text("role").unwrap_or_else(|| {
        let kind = entry.text("type").unwrap_or_default();
        match kind.as_str() {
            "message.input" => "user",
            "function.result" => "tool",
            _ => "assistant",
        }
        .to_owned()
    });
    Message { role, name: None, parts, path }
}

fn read_entry(entry: Ref<'_>, path: &str, parts: &mut Vec<Part>) {
    let at = |key: &str| format!("{path}.{key}");
    let kind = entry.text("type").unwrap_or_default();
    match (kind.as_str(), entry.get("content")) {
        ("" | "message.input" | "message.output", Some(content)) => read(content, &at("content"), parts),
        ("function.call", _) => parts.push(Part::ToolCall(call(entry, "tool_call_id", false, path))),
        ("function.result", _) => parts.push(Part::ToolResult(ToolResult {
            call_id: entry.text("tool_call_id").unwrap_or_default(),
            content: entry.get("result").map(result_text).unwrap_or_default(),
            path: at("result"),
            ..ToolResult::default()
        })),
        ("tool.execution", _) => {
            parts.push(Part::ToolCall(call(entry, "id", true, path)));
            if let Some(info) = entry.get("info").filter(|info| !blank(*info)) {
                parts.push(Part::ToolResult(ToolResult {
                    call_id: entry.text("id").unwrap_or_default(),
                    content: json_or_text(info),
                    path: at("info"),
                    ..ToolResult::default()
                }));
            }
        }
        _ => parts.push(other(entry, path.to_owned())),
    }
}

fn call(entry: Ref<'_>, id: &str, by_provider: bool, path: &str) -> ToolCall {
    ToolCall {
        id: entry.text(id).unwrap_or_default(),
        item_id: entry.text("id"),
        name: entry.text("name").unwrap_or_default(),
        arguments: entry.get("arguments").map(json_or_text).unwrap_or_default(),
        by_provider,
        path: path.to_owned(),
    }
}

/// Reads an answer that was not streamed.
pub(super) fn reply(body: &Json) -> Reply {
    let root = body.root();
    let count = |key: &str| root.get("usage").and_then(|usage| usage.get(key)).and_then(Ref::as_u64);
    let mut reply = Reply {
        conversation: root.text("conversation_id"),
        usage: Usage { input: count("prompt_tokens"), output: count("completion_tokens"), ..Usage::default() },
        error: error_text(root),
        ..Reply::default()
    };
    for (place, entry) in root.get("outputs").into_iter().flat_map(Ref::items).enumerate() {
        reply.item_ids.extend(entry.text("id"));
        reply.model = reply.model.or_else(|| entry.text("model"));
        read_entry(entry, &format!("outputs[{place}]"), &mut reply.parts);
    }
    if root.get("outputs").is_none() && reply.error.is_none() {
        reply.parts.push(other(root, String::new()));
    }
    reply
}

/// An entry in the making.
struct Entry {
    index: u64,
    members: Object,
    /// Pieces of its content: where each stands, and text or a chunk.
    pieces: Vec<(u64, Value)>,
}

/// Members of an event that are no members of its entry.
const OF_EVENTS: &[&str] = &["type", "output_index", "content_index", "content", "arguments"];

/// Puts an answer together from its events, also from some of them.
pub(super) fn assemble(events: &[sse::Event]) -> Assembled {
    let mut answer = Object::new().with("object", Value::text("conversation.response"));
    let mut entries: Vec<Entry> = Vec::new();
    let mut usage = Object::new();
    let (mut complete, mut failed) = (false, false);
    for event in events {
        let Ok(json) = Json::parse(event.data.clone()) else {
            if matches!(event.name.as_str(), ERROR | "error") {
                failed = true;
                answer.set("error", plain(event));
            }
            continue;
        };
        let root = json.root();
        let kind = root.text("type").unwrap_or_else(|| event.name.clone());
        if let Some(counts) = root.get("usage") {
            usage.count_in(b"usage", counts);
        }
        match kind.as_str() {
            "conversation.response.started" => {
                if let Some(id) = root.get("conversation_id") {
                    answer.set("conversation_id", Value::raw(id));
                }
            }
            DONE => complete = true,
            ERROR | "error" => {
                failed = true;
                answer.set("error", root.get("error").map_or_else(|| Value::raw(root), Value::raw));
            }
            _ => add(&mut entries, &kind, root),
        }
    }
    entries.sort_by_key(|entry| entry.index);
    answer.set("outputs", Value::List(entries.into_iter().map(finished).collect()));
    answer.members.extend(usage.members);
    Assembled { body: answer.write(), complete, failed }
}

fn add(entries: &mut Vec<Entry>, kind: &str, root: Ref<'_>) {
    let named = match kind {
        "message.output.delta" => "message.output",
        "function.call.delta" => "function.call",
        _ => match kind.rsplit_once('.') {
            Some((name @ ("tool.execution" | "agent.handoff"), _)) => name,
            _ => return,
        },
    };
    let number = |key: &str| root.get(key).and_then(Ref::as_u64).unwrap_or_default();
    let (index, id) = (number("output_index"), root.text("id"));
    let known = entries.iter().position(|entry| {
        entry.index == index && entry.members.get("id").and_then(Value::decoded) == id.clone().map(String::into_bytes)
    });
    let place = known.unwrap_or_else(|| {
        let members = Object::new().with("object", Value::text("entry")).with("type", Value::text(named));
        entries.push(Entry { index, members, pieces: Vec::new() });
        entries.len() - 1
    });
    let entry = &mut entries[place];
    for member in root.items() {
        let key = key_of(member);
        if !OF_EVENTS.contains(&key.as_str()) && entry.members.get(&key).is_none() {
            entry.members.set(&key, Value::open(member, 0));
        }
    }
    if let Some(piece) = root.get("arguments") {
        entry.members.merge(b"arguments", Value::open(piece, 0));
    }
    if let Some(piece) = root.get("content") {
        entry.pieces.push((number("content_index"), Value::open(piece, 1)));
    }
}

/// An entry with its content: text where all of it is, else a list of chunks.
fn finished(entry: Entry) -> Value {
    let Entry { members: mut done, pieces, .. } = entry;
    if pieces.is_empty() {
        return Value::Object(done);
    }
    if pieces.iter().all(|(_, piece)| matches!(piece, Value::Text(_))) {
        let text = pieces.into_iter().flat_map(|(_, piece)| match piece {
            Value::Text(text) => text,
            _ => Vec::new(),
        });
        done.set("content", Value::Text(text.collect()));
        return Value::Object(done);
    }
    let mut chunks: Vec<(u64, Object)> = Vec::new();
    for (index, piece) in pieces {
        let chunk = match piece {
            Value::Object(chunk) => chunk,
            text => Object::new().with("type", Value::text("text")).with("text", text),
        };
        let grows = chunks
            .last_mut()
            .filter(|(at, last)| *at == index && last.get("type") == chunk.get("type") && last.get("text").is_some());
        match (grows, chunk.get("text")) {
            (Some((_, last)), Some(text)) => last.merge(b"text", text.clone()),
            _ => chunks.push((index, chunk)),
        }
    }
    done.set("content", Value::List(chunks.into_iter().map(|(_, chunk)| Value::Object(chunk)).collect()));
    Value::Object(done)
}

/// Makes the events that a stream of this answer would have had.
pub(super) fn events(unary: &Json) -> Vec<Vec<u8>> {
    let root = unary.root();
    let mut out = Vec::new();
    let mut event = |kind: &str, fields: Object| {
        let mut all = Object::new().with("type", Value::text(kind));
        all.members.extend(fields.members);
        out.push(sse::write(kind, &compact(&all.write())));
    };
    if root.get("outputs").is_none() {
        let text = error_text(root).or_else(|| root.text("message")).unwrap_or_default();
        event(ERROR, Object::new().with("message", Value::text(&text)).with("code", Value::number(500)));
        return out;
    }
    let mut started = Object::new();
    if let Some(id) = root.get("conversation_id") {
        started.set("conversation_id", Value::raw(id));
    }
    event("conversation.response.started", started);
    for (place, entry) in root.get("outputs").into_iter().flat_map(Ref::items).enumerate() {
        let kind = entry.text("type").unwrap_or_default();
        let with = |keys: &[&str]| {
            let mut fields = Object::new().with("output_index", Value::number(place));
            for key in keys {
                if let Some(value) = entry.get(key) {
                    fields.set(key, Value::raw(value));
                }
            }
            fields
        };
        match kind.as_str() {
            "message.output" => {
                let fields = with(&["id", "created_at", "model", "agent_id", "role"]);
                let list = entry.get("content").filter(|content| content.kind() == Kind::Array);
                let pieces = list.map_or_else(
                    || entry.get("content").into_iter().collect(),
                    |list| list.items().collect::<Vec<_>>(),
                );
                for (index, piece) in pieces.into_iter().enumerate() {
                    let fields = fields.clone().with("content_index", Value::number(index));
                    event("message.output.delta", fields.with("content", Value::raw(piece)));
                }
            }
            "function.call" => {
                let fields = with(&["id", "created_at", "model", "agent_id", "name", "tool_call_id"]);
                let arguments = entry.get("arguments").map(json_or_text).unwrap_or_default();
                event("function.call.delta", fields.with("arguments", Value::text(&arguments)));
            }
            "tool.execution" => {
                event("tool.execution.started", with(&["id", "created_at", "model", "agent_id", "name", "arguments"]));
                event("tool.execution.done", with(&["id", "name", "info"]));
            }
            "agent.handoff" => {
                event("agent.handoff.started", with(&["id", "created_at", "previous_agent_id", "previous_agent_name"]));
                event("agent.handoff.done", with(&["id", "next_agent_id", "next_agent_name"]));
            }
            _ => {}
        }
    }
    let usage = root.get("usage").map_or(Value::Raw(b"{}".to_vec()), Value::raw);
    event(DONE, Object::new().with("usage", usage));
    out
}

/// Whether an event ends a stream.
pub(super) fn ends(event: &sse::Event) -> bool {
    let kind = Json::parse(event.data.clone()).ok().and_then(|json| json.root().text("type"));
    matches!(kind.as_deref().unwrap_or(&event.name), DONE | ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"object":"conversation.response","conversation_id":"conv_1","outputs":[{"object":"entry","type":"function.call","id":"fc_1","name":"f","tool_call_id":"c1","arguments":"{\"n\":1}"},{"object":"entry","type":"message.output","id":"m_1","role":"assistant","content":"so it is"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;

    #[test]
    fn an_answer_is_read() {
        let reply = reply(&Json::parse_text(ANSWER).expect("JSON"));
        assert_eq!(reply.conversation.as_deref(), Some("conv_1"));
        assert_eq!(reply.text(), "so it is");
        let calls: Vec<String> = reply.tool_calls().map(|call| format!("{} {}", call.id, call.arguments)).collect();
        assert_eq!(calls, [r#"c1 {"n":1}"#]);
        assert_eq!((reply.usage.input, reply.usage.output), (Some(3), Some(2)));
    }

    #[test]
    fn a_stream_says_what_the_answer_says() {
        let unary = Json::parse_text(ANSWER).expect("JSON");
        let stream = events(&unary).concat();
        let assembled = assemble(&sse::events(&stream));
        assert!(assembled.complete && !assembled.failed);
        let again = reply(&Json::parse(assembled.body).expect("JSON"));
        let plain = reply(&unary);
        assert_eq!(
            (again.conversation, again.parts, again.item_ids),
            (plain.conversation, plain.parts, plain.item_ids)
        );
    }

    #[test]
    fn pieces_of_content_grow_together() {
        let stream = concat!(
            "event: conversation.response.started\ndata: {\"type\":\"conversation.response.started\",\"conversation_id\":\"c\"}\n\n",
            "event: message.output.delta\ndata: {\"type\":\"message.output.delta\",\"id\":\"m\",\"output_index\":0,\"content\":\"so \"}\n\n",
            "event: message.output.delta\ndata: {\"type\":\"message.output.delta\",\"id\":\"m\",\"output_index\":0,\"content\":\"it is\"}\n\n",
            "event: function.call.delta\ndata: {\"type\":\"function.call.delta\",\"id\":\"f\",\"output_index\":1,\"name\":\"g\",\"tool_call_id\":\"t\",\"arguments\":\"{\\\"a\\\"\"}\n\n",
            "event: function.call.delta\ndata: {\"type\":\"function.call.delta\",\"id\":\"f\",\"output_index\":1,\"name\":\"g\",\"tool_call_id\":\"t\",\"arguments\":\":1}\"}\n\n",
        );
        let assembled = assemble(&sse::events(stream.as_bytes()));
        assert!(!assembled.complete);
        let reply = reply(&Json::parse(assembled.body).expect("JSON"));
        assert_eq!(reply.text(), "so it is");
        assert_eq!(reply.tool_calls().map(|call| call.arguments.as_str()).collect::<Vec<_>>(), [r#"{"a":1}"#]);
    }

    #[test]
    fn a_request_is_read() {
        let body = r#"{"inputs":[{"object":"entry","type":"function.result","tool_call_id":"c1","result":"9"}],"instructions":"i","from_entry_id":"m_1","store":true}"#;
        let prompt =
            prompt(&Json::parse_text(body).expect("JSON"), &super::super::keys::CONVERSATIONS, &mut Known::default());
        let roles: Vec<&str> = prompt.messages.iter().map(|message| message.role.as_str()).collect();
        assert_eq!(roles, ["system", "tool"]);
        assert_eq!(prompt.previous.as_deref(), Some("m_1"));
        assert!(prompt.parameters.is_empty(), "{:?}", prompt.parameters);
    }
}
