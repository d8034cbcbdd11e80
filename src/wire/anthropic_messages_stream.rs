//! The streamed form of Anthropic messages: events into one message, one message into events.
//!
//! Source: <https://docs.anthropic.com/en/docs/build-with-claude/streaming>.

use super::build::{Object, Value, compact, embedded, plain, raw_key};
use super::dialect::Assembled;
use super::sse;
use crate::text::json::{Json, Kind, Ref};

struct Block {
    index: u64,
    made: Object,
    /// Input of a tool call, as far as it was streamed: JSON text inside a string.
    input: Option<Vec<u8>>,
}

/// Puts a message together from its events, also from some of them.
pub(super) fn assemble(events: &[sse::Event]) -> Assembled {
    let mut message: Option<Object> = None;
    let mut blocks: Vec<Block> = Vec::new();
    let mut complete = false;
    let mut error = None;
    for event in events {
        let Ok(json) = Json::parse(event.data.clone()) else {
            if event.name == "error" {
                let whole = Object::new().with("type", Value::text("error")).with("error", plain(event));
                error = Some((plain(event), Value::Object(whole)));
            }
            continue;
        };
        let root = json.root();
        let kind = root.text("type").unwrap_or_else(|| event.name.clone());
        match kind.as_str() {
            "message_start" => {
                if let Some(started) = root.get("message") {
                    message = Some(Object::open(started, 3));
                }
            }
            "content_block_start" => {
                if let Some(block) = root.get("content_block") {
                    let index = index(root).unwrap_or(blocks.len() as u64);
                    blocks.push(Block { index, made: Object::open(block, 3), input: None });
                }
            }
            "content_block_delta" => {
                let index = index(root);
                let block = match index {
                    Some(index) => blocks.iter_mut().rev().find(|block| block.index == index),
                    None => blocks.last_mut(),
                };
                if let (Some(block), Some(delta)) = (block, root.get("delta")) {
                    add(block, delta);
                }
            }
            "message_delta" => {
                let message = message.get_or_insert_with(Object::new);
                for member in root.items() {
                    let Some(key) = raw_key(member) else { continue };
                    match key.as_slice() {
                        b"type" => {}
                        b"delta" => set_all(message, member),
                        b"usage" => message.count_in(b"usage", member),
                        _ => message.set_raw(&key, Value::raw(member)),
                    }
                }
            }
            "message_stop" => complete = true,
            _ if kind == "error" || root.get("error").is_some_and(|error| !error.is_null()) => {
                error = Some((root.get("error").map_or_else(|| Value::raw(root), Value::raw), Value::raw(root)));
            }
            _ => {}
        }
    }
    let failed = error.is_some();
    let body = match (message, error) {
        (None, Some((_, whole))) => whole.write(),
        (message, error) => {
            let mut message = message.unwrap_or_default();
            blocks.sort_by_key(|block| block.index);
            message.set("content", Value::List(blocks.into_iter().map(finish).collect()));
            if let Some((error, _)) = error {
                message.set("error", error);
            }
            message.write()
        }
    };
    Assembled { body, complete, failed }
}

fn index(event: Ref<'_>) -> Option<u64> {
    event.get("index").and_then(Ref::as_u64)
}

/// Sets members that say something; those that are new also where they do not.
fn set_all(target: &mut Object, from: Ref<'_>) {
    for member in from.items() {
        let Some(key) = raw_key(member) else { continue };
        if !member.is_null() || target.get(&String::from_utf8_lossy(&key)).is_none() {
            target.set_raw(&key, Value::raw(member));
        }
    }
}

fn add(block: &mut Block, delta: Ref<'_>) {
    let kind = delta.text("type").unwrap_or_default();
    for member in delta.items() {
        let Some(key) = raw_key(member) else { continue };
        match (key.as_slice(), kind.as_str(), Value::open(member, 3)) {
            (b"type", ..) => {}
            (b"partial_json", _, Value::Text(piece)) => {
                block.input.get_or_insert_default().extend_from_slice(&piece);
            }
            (b"citation", "citations_delta", citation) => match block.made.get_mut("citations") {
                Some(Value::List(list)) => list.push(citation),
                _ => block.made.set("citations", Value::List(vec![citation])),
            },
            (b"signature", _, signature) => block.made.set("signature", signature),
            (key, _, value) => block.made.merge(key, value),
        }
    }
}

fn finish(block: Block) -> Value {
    let mut made = block.made;
    match block.input {
        Some(input) if !input.is_empty() => made.set("input", embedded(input)),
        _ => {}
    }
    Value::Object(made)
}

/// Makes the events that a stream of this message would have had.
pub(super) fn events(unary: &Json) -> Vec<Vec<u8>> {
    let root = unary.root();
    if root.kind() != Kind::Object || root.get("content").is_none() {
        return vec![sse::write("error", &compact(root.raw()))];
    }
    let mut out = Vec::new();
    let mut started = Object::new();
    let mut delta = Object::new();
    let mut error = None;
    for member in root.items() {
        let Some(key) = raw_key(member) else { continue };
        match key.as_slice() {
            b"content" => started.set("content", Value::List(Vec::new())),
            b"stop_reason" | b"stop_sequence" => {
                started.set_raw(&key, Value::null());
                delta.set_raw(&key, Value::raw(member));
            }
            b"stop_details" | b"container" => delta.set_raw(&key, Value::raw(member)),
            b"usage" => started.set("usage", first_usage(member)),
            b"error" => error = Some(member).filter(|error| !error.is_null()),
            _ => started.set_raw(&key, Value::raw(member)),
        }
    }
    let event = |kind: &str, fields: Object| {
        let mut object = Object::new().with("type", Value::text(kind));
        object.members.extend(fields.members);
        sse::write(kind, &compact(&object.write()))
    };
    out.push(event("message_start", Object::new().with("message", Value::Object(started))));
    for (index, block) in root.get("content").into_iter().flat_map(Ref::items).enumerate() {
        let (opening, deltas) = cut(block);
        let at = || Object::new().with("index", Value::number(index));
        out.push(event("content_block_start", at().with("content_block", opening)));
        for delta in deltas {
            out.push(event("content_block_delta", at().with("delta", Value::Object(delta))));
        }
        out.push(event("content_block_stop", at()));
    }
    if let Some(error) = error {
        out.push(event("error", Object::new().with("error", Value::raw(error))));
        return out;
    }
    let mut last = Object::new().with("delta", Value::Object(delta));
    if let Some(usage) = root.get("usage") {
        last.set("usage", Value::raw(usage));
    }
    out.push(event("message_delta", last));
    out.push(event("message_stop", Object::new()));
    out
}

/// The usage that a stream begins with: the input is known, of the output one token.
fn first_usage(usage: Ref<'_>) -> Value {
    let mut first = Value::open(usage, 1);
    if let Value::Object(usage) = &mut first
        && usage.get("output_tokens").is_some()
    {
        usage.set("output_tokens", Value::number(1));
    }
    first
}

/// A block as it begins, and the deltas that complete it.
fn cut(block: Ref<'_>) -> (Value, Vec<Object>) {
    let mut opening = Object::open(block, 1);
    let mut deltas = Vec::new();
    let delta = |kind: &str, key: &str, value: Value| Object::new().with("type", Value::text(kind)).with(key, value);
    let kind = block.text("type").unwrap_or_default();
    if kind.ends_with("tool_use") {
        if let Some(input) = block.get("input").filter(|input| input.kind() == Kind::Object) {
            opening.set("input", Value::Raw(b"{}".to_vec()));
            deltas.push(delta("input_json_delta", "partial_json", Value::text(&input.raw_str())));
        }
        return (Value::Object(opening), deltas);
    }
    let fields: &[(&str, &str)] = match kind.as_str() {
        "text" => &[("text", "text_delta")],
        "thinking" => &[("thinking", "thinking_delta"), ("signature", "signature_delta")],
        _ => &[],
    };
    let citations = block.get("citations").filter(|list| list.kind() == Kind::Array && !list.is_empty());
    if let Some(citations) = citations.filter(|_| kind == "text") {
        opening.set("citations", Value::List(Vec::new()));
        deltas.extend(citations.items().map(|item| delta("citations_delta", "citation", Value::raw(item))));
    }
    for (key, name) in fields {
        if let Some(value @ Value::Text(_)) = opening.get(key).cloned()
            && !value.is_blank()
        {
            opening.set(key, Value::text(""));
            deltas.push(delta(name, key, value));
        }
    }
    (Value::Object(opening), deltas)
}

/// Whether this event ends a stream.
pub(super) fn ends(event: &sse::Event) -> bool {
    let kind = Json::parse(event.data.clone()).ok().and_then(|json| json.root().text("type"));
    matches!(kind.as_deref().unwrap_or(&event.name), "message_stop" | "error")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the events together and takes them apart again; both forms must say the same.
    fn check(stream: &[&str], complete: bool, expected: &str) {
        let stream: Vec<Vec<u8>> = stream.iter().map(|data| sse::write("", data.as_bytes())).collect();
        let made = assemble(&sse::events(&stream.concat()));
        assert_eq!((String::from_utf8_lossy(&made.body).as_ref(), made.complete), (expected, complete));
        if complete && !made.failed {
            let unary = Json::parse(made.body).expect("JSON");
            let again = assemble(&sse::events(&events(&unary).concat()));
            assert_eq!(String::from_utf8_lossy(&again.body), expected);
        }
    }

    const START: &str = r#"{"type":"message_start","message":{"id":"1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#;

    #[test]
    fn events_make_a_message() {
        check(
            &[
                START,
                r#"{"type":"ping"}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"th"}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"ink"}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig=="}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":[]}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location","start":1}}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}"#,
                r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c","name":"f","input":{}}}"#,
                r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
                r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\": \"\\u00"}}"#,
                r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"e9\"}"}}"#,
                r#"{"type":"content_block_start","index":3,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
                r#"{"type":"content_block_start","index":4,"content_block":{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u"}]}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}"#,
                r#"{"type":"message_stop"}"#,
            ],
            true,
            r#"{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"think","signature":"sig=="},{"type":"text","text":"a","citations":[{"type":"char_location","start":1}]},{"type":"tool_use","id":"c","name":"f","input":{"a": "\u00e9"}},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u"}]}],"stop_reason":"tool_use","usage":{"input_tokens":5,"output_tokens":9},"stop_sequence":null}"#,
        );
    }

    #[test]
    fn a_cut_or_failed_stream_keeps_what_came() {
        let stream = [
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"c","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\": "}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#,
        ];
        let body = r#"{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"c","name":"f","input":"{\"a\": "}],"stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1}}"#;
        check(&stream[..3], false, body);
        let failed = body.replace("1}}", r#"1},"error":{"type":"overloaded_error","message":"no"}}"#);
        check(&stream, false, &failed);
        check(&stream[3..], false, stream[3]);
    }
}
