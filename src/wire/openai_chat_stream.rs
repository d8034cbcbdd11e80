//! The streamed form of chat completions: chunks into one answer, one answer into chunks.

use super::build::{Object, Value, compact, embedded, plain, raw_key};
use super::dialect::Assembled;
use super::sse;
use crate::text::json::{Json, Kind, Ref};

/// How a server cuts an answer into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Arguments follow their call; usage comes in a chunk of its own, if it was asked for.
    OpenAi,
    /// A call comes whole; usage comes with the reason for the end.
    Mistral,
}

#[derive(Default)]
struct Choice {
    index: u64,
    message: Object,
    calls: Vec<Call>,
    finish: Option<Value>,
    rest: Object,
}

struct Call {
    index: Option<u64>,
    call: Object,
}

/// Puts an answer together from its chunks, also from some of them.
pub(super) fn assemble(events: &[sse::Event]) -> Assembled {
    let mut top = Object::new();
    let mut choices: Vec<Choice> = Vec::new();
    let mut done = false;
    let mut failed = false;
    for event in events {
        if event.data.trim_ascii() == b"[DONE]" {
            done = true;
            continue;
        }
        let Ok(json) = Json::parse(event.data.clone()) else {
            if event.name == "error" {
                failed = true;
                top.set("error", plain(event));
            }
            continue;
        };
        let root = json.root();
        for member in root.items() {
            let Some(key) = raw_key(member) else { continue };
            match key.as_slice() {
                b"choices" => {
                    for (place, choice) in member.items().enumerate() {
                        add(&mut choices, choice, place);
                    }
                }
                b"obfuscation" | b"object" => {}
                b"usage" | b"x_groq" => top.count_in(&key, member),
                b"error" if !member.is_null() => {
                    failed = true;
                    top.set("error", Value::raw(member));
                }
                _ => top.first(&key, Value::raw(member)),
            }
        }
        if event.name == "error" && root.get("error").is_none() {
            failed = true;
            top.set("error", Value::raw(root));
        }
    }
    failed |= choices.iter().any(|choice| choice.finish == Some(Value::Raw(b"\"error\"".to_vec())));
    let ended = !choices.is_empty() && choices.iter().all(|choice| choice.finish.is_some());
    Assembled { body: finish(top, choices), complete: done || ended, failed }
}

fn add(choices: &mut Vec<Choice>, chunk: Ref<'_>, place: usize) {
    let index = chunk.get("index").and_then(Ref::as_u64).unwrap_or(place as u64);
    let at = choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
        choices.push(Choice { index, ..Choice::default() });
        choices.len() - 1
    });
    let choice = &mut choices[at];
    for member in chunk.items() {
        let Some(key) = raw_key(member) else { continue };
        match key.as_slice() {
            b"index" => {}
            // Some servers send the whole message in the last chunk of a stream.
            b"delta" | b"message" => {
                for member in member.items() {
                    let Some(key) = raw_key(member) else { continue };
                    match key.as_slice() {
                        b"tool_calls" => member.items().for_each(|piece| add_call(&mut choice.calls, piece)),
                        b"content" => add_content(&mut choice.message, member),
                        _ => choice.message.merge(&key, Value::open(member, 4)),
                    }
                }
            }
            b"finish_reason" => {
                if member.as_str().is_some_and(|reason| !reason.is_empty()) {
                    choice.finish = Some(Value::raw(member));
                }
            }
            b"logprobs" | b"token_ids" => choice.rest.merge(&key, Value::open(member, 2)),
            _ => {
                let value = Value::raw(member);
                if !value.is_blank() || choice.rest.get(&String::from_utf8_lossy(&key)).is_none() {
                    choice.rest.set_raw(&key, value);
                }
            }
        }
    }
}

/// Text continues; lists of chunks (Mistral) continue where the kind of the last chunk does.
fn add_content(message: &mut Object, piece: Ref<'_>) {
    let piece = Value::open(piece, 4);
    let Some(known) = message.get_mut("content") else {
        message.set("content", piece);
        return;
    };
    match (known, piece) {
        (known @ Value::Text(_), Value::List(more)) => {
            let text = std::mem::replace(known, Value::List(Vec::new()));
            let mut items = Vec::new();
            if !text.is_blank() {
                items.push(text_chunk(text));
            }
            items.extend(more);
            *known = Value::List(items);
        }
        (Value::List(items), text @ Value::Text(_)) => {
            if !text.is_blank() {
                add_chunk(items, text_chunk(text));
            }
        }
        (Value::List(items), Value::List(more)) => more.into_iter().for_each(|chunk| add_chunk(items, chunk)),
        (known, piece) => known.merge("content", piece),
    }
}

fn text_chunk(text: Value) -> Value {
    Value::Object(Object::new().with("type", Value::text("text")).with("text", text))
}

fn add_chunk(items: &mut Vec<Value>, chunk: Value) {
    let continues = |known: &Object, chunk: &Object| {
        let kind = chunk.get("type");
        let joins = [Value::text("text"), Value::text("thinking")];
        kind == known.get("type") && kind.is_some_and(|kind| joins.contains(kind))
    };
    match (items.last_mut(), chunk) {
        (Some(Value::Object(known)), Value::Object(chunk)) if continues(known, &chunk) => {
            for (key, value) in chunk.members {
                match (key.as_slice(), value) {
                    (b"thinking", Value::List(more)) => match known.get_mut("thinking") {
                        Some(Value::List(inside)) => more.into_iter().for_each(|item| add_chunk(inside, item)),
                        _ => known.set("thinking", Value::List(more)),
                    },
                    (_, value) => known.merge(&key, value),
                }
            }
        }
        (_, chunk) => items.push(chunk),
    }
}

/// Adds a piece of a tool call: by index; a new id at a known index is a new call, and so is a name
/// after arguments that are already whole (servers that number all their calls 0).
fn add_call(calls: &mut Vec<Call>, piece: Ref<'_>) {
    let index = piece.get("index").and_then(Ref::as_u64);
    let id = piece.text("id").filter(|id| !id.is_empty());
    let at = calls.iter().rposition(|known| match index {
        Some(_) => known.index == index,
        None => id.is_none() || same_text(known.call.get("id"), id.as_deref()),
    });
    let at = at.filter(|at| {
        let known = &calls[*at].call;
        let other_id = id.is_some()
            && known.get("id").is_some_and(|known| !known.is_blank())
            && !same_text(known.get("id"), id.as_deref());
        let again = id.is_none() && name(piece).is_some() && whole(known);
        !other_id && !again
    });
    let at = at.unwrap_or_else(|| {
        calls.push(Call { index, call: Object::new() });
        calls.len() - 1
    });
    let call = &mut calls[at].call;
    for member in piece.items() {
        let Some(key) = raw_key(member) else { continue };
        match (key.as_slice(), member.kind()) {
            (b"index", _) => {}
            (b"id" | b"type", _) => call.first(&key, Value::open(member, 1)),
            (b"function" | b"custom", Kind::Object) => match call.get_mut(&String::from_utf8_lossy(&key)) {
                Some(Value::Object(inside)) => {
                    for member in member.items() {
                        let Some(key) = raw_key(member) else { continue };
                        add_to_function(inside, &key, Value::open(member, 1));
                    }
                }
                _ => call.set_raw(&key, Value::open(member, 2)),
            },
            _ => call.merge(&key, Value::open(member, 2)),
        }
    }
}

fn add_to_function(inside: &mut Object, key: &[u8], piece: Value) {
    match inside.members.iter_mut().find(|(known, _)| known == key) {
        // A name that is said again is no continuation.
        Some((_, known)) if key == b"name" && (*known == piece || piece.is_blank()) => {}
        Some((_, Value::Text(known))) if key == b"name" => {
            if let Value::Text(more) = piece {
                known.extend_from_slice(&more);
            }
        }
        _ => inside.merge(key, piece),
    }
}

fn same_text(value: Option<&Value>, text: Option<&str>) -> bool {
    value.and_then(Value::decoded).as_deref() == text.map(str::as_bytes)
}

fn name(piece: Ref<'_>) -> Option<String> {
    piece.get("function").or_else(|| piece.get("custom"))?.text("name").filter(|name| !name.is_empty())
}

fn whole(call: &Object) -> bool {
    let Some(Value::Object(function)) = call.get("function") else { return false };
    match function.get("arguments") {
        Some(Value::Text(text)) => !text.is_empty() && matches!(embedded(text.clone()), Value::Raw(_)),
        _ => false,
    }
}

fn finish(mut top: Object, mut choices: Vec<Choice>) -> Vec<u8> {
    choices.sort_by_key(|choice| choice.index);
    let mut body = Object::new();
    for key in ["id", "created", "model"] {
        if let Some(value) = top.take(key) {
            body.set(key, value);
            if key == "id" {
                body.set("object", Value::text("chat.completion"));
            }
        }
    }
    if choices.is_empty() && top.get("error").is_some() {
        return top.write();
    }
    let usage = top.take("usage").or_else(|| match top.get_mut("x_groq") {
        Some(Value::Object(groq)) => groq.take("usage"),
        _ => None,
    });
    let choices = choices.into_iter().map(finish_choice).collect();
    body.set("choices", Value::List(choices));
    for (key, value) in top.members {
        body.set_raw(&key, value);
    }
    if let Some(usage) = usage {
        body.set("usage", usage);
    }
    body.write()
}

fn finish_choice(choice: Choice) -> Value {
    let mut said = choice.message;
    let role = said.take("role").filter(|role| !role.is_blank()).unwrap_or_else(|| Value::text("assistant"));
    let mut content = said.take("content").unwrap_or_else(Value::null);
    if content.is_blank() && (!choice.calls.is_empty() || said.get("function_call").is_some()) {
        content = Value::null();
    }
    let mut message = Object::new().with("role", role).with("content", content);
    for (key, value) in said.members {
        message.set_raw(&key, value);
    }
    if !choice.calls.is_empty() {
        let calls = choice.calls.into_iter().map(|call| Value::Object(call.call)).collect();
        message.set("tool_calls", Value::List(calls));
    }
    let index = Value::Raw(choice.index.to_string().into_bytes());
    let mut out = Object::new().with("index", index).with("message", Value::Object(message));
    for (key, value) in choice.rest.members {
        out.set_raw(&key, value);
    }
    out.set("finish_reason", choice.finish.unwrap_or_else(Value::null));
    Value::Object(out)
}

/// Cuts an answer into the chunks that a stream would have had.
pub(super) fn events(unary: &Json, request: &Json, manner: Manner) -> Vec<Vec<u8>> {
    let root = unary.root();
    let Some(choices) = root.get("choices") else {
        return vec![sse::write("", &compact(root.raw()))];
    };
    let wants_usage = manner == Manner::Mistral
        || request.root().get("stream_options").and_then(|options| options.get("include_usage")).and_then(Ref::as_bool)
            == Some(true);
    let usage = root.get("usage").filter(|usage| wants_usage && !usage.is_null());
    let mut writer = Writer { head: Object::new(), first: Object::new(), out: Vec::new() };
    for member in root.items() {
        let Some(key) = raw_key(member) else { continue };
        match (key.as_slice(), member.kind()) {
            (b"choices" | b"usage" | b"object" | b"error", _) => {}
            (_, Kind::Array | Kind::Object) => writer.first.set_raw(&key, Value::raw(member)),
            _ => writer.head.set_raw(&key, Value::raw(member)),
        }
    }
    writer.head.set("object", Value::text("chat.completion.chunk"));
    let last = choices.len().saturating_sub(1);
    for (place, choice) in choices.items().enumerate() {
        let usage = usage.filter(|_| manner == Manner::Mistral && place == last);
        writer.choice(choice, place, manner, usage);
    }
    if let Some(error) = root.get("error").filter(|error| !error.is_null()) {
        writer.out.push(sse::write("", &compact(&Object::new().with("error", Value::raw(error)).write())));
    } else if let Some(usage) = usage.filter(|_| manner == Manner::OpenAi || choices.is_empty()) {
        writer.chunk(Vec::new(), Some(usage));
    }
    writer.out.push(sse::write("", b"[DONE]"));
    writer.out
}

struct Writer {
    /// Members of every chunk.
    head: Object,
    /// Members of the first one.
    first: Object,
    out: Vec<Vec<u8>>,
}

impl Writer {
    fn chunk(&mut self, choices: Vec<Value>, usage: Option<Ref<'_>>) {
        let mut chunk = self.head.clone();
        chunk.members.append(&mut self.first.members);
        chunk.set("choices", Value::List(choices));
        if let Some(usage) = usage {
            chunk.set("usage", Value::raw(usage));
        }
        self.out.push(sse::write("", &compact(&chunk.write())));
    }

    fn delta(&mut self, index: &Value, delta: Object, rest: Object) {
        self.finished(index, delta, rest, None, None);
    }

    fn finished(&mut self, index: &Value, delta: Object, rest: Object, finish: Option<Value>, usage: Option<Ref<'_>>) {
        let mut choice = Object::new().with("index", index.clone()).with("delta", Value::Object(delta));
        for (key, value) in rest.members {
            choice.set_raw(&key, value);
        }
        choice.set("finish_reason", finish.unwrap_or_else(Value::null));
        self.chunk(vec![Value::Object(choice)], usage);
    }

    fn choice(&mut self, choice: Ref<'_>, place: usize, manner: Manner, usage: Option<Ref<'_>>) {
        let index = choice.get("index").map_or_else(|| Value::number(place), Value::raw);
        let mut rest = Object::new();
        let mut logprobs = Object::new();
        for member in choice.items() {
            let Some(key) = raw_key(member) else { continue };
            match key.as_slice() {
                b"index" | b"message" | b"finish_reason" => {}
                b"logprobs" => logprobs.set_raw(&key, Value::raw(member)),
                _ => rest.set_raw(&key, Value::raw(member)),
            }
        }
        let Some(message) = choice.get("message").filter(|message| message.kind() == Kind::Object) else {
            let finish = choice.get("finish_reason").map(Value::raw);
            self.finished(&index, Object::new(), rest, finish, usage);
            return;
        };
        let calls = message.get("tool_calls").filter(|calls| calls.kind() == Kind::Array && !calls.is_empty());
        let content = message.get("content");
        let said = content.filter(|content| !Value::raw(*content).is_blank());
        let role = message.get("role").map_or_else(|| Value::text("assistant"), Value::raw);
        let opening = match content {
            Some(content) if content.is_null() => Value::null(),
            _ => Value::text(""),
        };
        let mut head = Object::new().with("role", role).with("content", opening);
        for member in message.items() {
            let Some(key) = raw_key(member) else { continue };
            if matches!(key.as_slice(), b"role" | b"content" | b"tool_calls") {
                continue;
            }
            // What is null or empty is said once with the role, as OpenAI says `refusal`.
            let value = Value::raw(member);
            if value.is_blank() {
                head.set_raw(&key, value);
            }
        }
        self.delta(&index, head, Object::new());
        for member in message.items() {
            let Some(key) = raw_key(member) else { continue };
            let value = Value::raw(member);
            if !matches!(key.as_slice(), b"role" | b"content" | b"tool_calls") && !value.is_blank() {
                let mut delta = Object::new();
                delta.set_raw(&key, value);
                self.delta(&index, delta, Object::new());
            }
        }
        if said.is_some() || !logprobs.members.is_empty() {
            let delta = said.map_or_else(Object::new, |said| Object::new().with("content", Value::raw(said)));
            self.delta(&index, delta, logprobs);
        }
        for (place, call) in calls.into_iter().flat_map(Ref::items).enumerate() {
            self.call(&index, call, place, manner);
        }
        let finish = choice.get("finish_reason").map(Value::raw);
        self.finished(&index, Object::new(), rest, finish, usage);
    }

    fn call(&mut self, index: &Value, call: Ref<'_>, place: usize, manner: Manner) {
        let mut whole = Object::new().with("index", Value::number(place));
        let mut later = None;
        for member in call.items() {
            let Some(key) = raw_key(member) else { continue };
            if key == b"index" {
                continue;
            }
            let mut value = Value::open(member, 1);
            if let (Value::Object(inside), Manner::OpenAi) = (&mut value, manner) {
                for field in ["arguments", "input"] {
                    if let Some(arguments) = inside.get_mut(field).filter(|value| matches!(value, Value::Text(_))) {
                        let arguments = std::mem::replace(arguments, Value::text(""));
                        if !arguments.is_blank() {
                            later = Some((key.clone(), field, arguments));
                        }
                    }
                }
            }
            whole.set_raw(&key, value);
        }
        let delta = |call: Object| Object::new().with("tool_calls", Value::List(vec![Value::Object(call)]));
        self.delta(index, delta(whole), Object::new());
        if let Some((key, field, arguments)) = later {
            let mut rest = Object::new().with("index", Value::number(place));
            rest.set_raw(&key, Value::Object(Object::new().with(field, arguments)));
            self.delta(index, delta(rest), Object::new());
        }
    }
}

/// Whether this event ends a stream.
pub(super) fn ends(event: &sse::Event) -> bool {
    if event.data.trim_ascii() == b"[DONE]" {
        return true;
    }
    let Ok(json) = Json::parse(event.data.clone()) else { return false };
    let root = json.root();
    let finished = |choice: Ref<'_>| choice.text("finish_reason").is_some_and(|reason| !reason.is_empty());
    let failed = root.get("error").is_some_and(|error| !error.is_null());
    failed || root.get("choices").is_some_and(|choices| choices.items().any(finished))
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
            let request = Json::parse_text(r#"{"stream_options":{"include_usage":true}}"#).expect("JSON");
            for manner in [Manner::OpenAi, Manner::Mistral] {
                let again = assemble(&sse::events(&events(&unary, &request, manner).concat()));
                assert_eq!(String::from_utf8_lossy(&again.body), expected, "{manner:?}");
            }
        }
    }

    #[test]
    fn chunks_make_an_answer() {
        check(
            &[
                r#"{"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
                r#"{"id":"1","object":"chat.completion.chunk","created":5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null,"obfuscation":"x"}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":"a\ud83d"}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":"\ude00"},"logprobs":{"content":[{"token":"a"}]}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                r#"{"id":"1","choices":[],"usage":{"prompt_tokens":1}}"#,
                "[DONE]",
            ],
            true,
            r#"{"id":"1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a\ud83d\ude00","refusal":null},"logprobs":{"content":[{"token":"a"}]},"finish_reason":"stop"}],"prompt_filter_results":[{"prompt_index":0}],"usage":{"prompt_tokens":1}}"#,
        );
    }

    #[test]
    fn tool_calls_are_told_apart() {
        let call = |pieces: &[&str], expected: &str| {
            let mut stream: Vec<String> = pieces
                .iter()
                .map(|piece| format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{piece}]}}}}]}}"#))
                .collect();
            stream.push(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#.to_owned());
            let stream: Vec<&str> = stream.iter().map(String::as_str).collect();
            let expected = format!(
                r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":[{expected}]}},"finish_reason":"tool_calls"}}]}}"#
            );
            let stream: Vec<Vec<u8>> = stream.iter().map(|data| sse::write("", data.as_bytes())).collect();
            let made = assemble(&sse::events(&stream.concat()));
            assert_eq!(String::from_utf8_lossy(&made.body), expected);
        };
        let two = r#"{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{\"x\":1}"}}"#;
        // Pieces by index, in turns.
        call(
            &[
                r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}"#,
                r#"{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{\"x\""}}"#,
                r#"{"index":0,"function":{"arguments":"{}"}}"#,
                r#"{"index":1,"id":"b","function":{"name":"g","arguments":":1}"}}"#,
            ],
            two,
        );
        // All numbered 0, whole, with ids; without numbers.
        for index in [r#""index":0,"#, ""] {
            let first =
                format!(r#"{{{index}"id":"a","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#);
            let second =
                format!(r#"{{{index}"id":"b","type":"function","function":{{"name":"g","arguments":"{{\"x\""}}}}"#);
            let rest = format!(r#"{{{index}"function":{{"arguments":":1}}"}}}}"#);
            call(&[&first, &second, &rest], two);
        }
        // All numbered 0, whole, without ids.
        call(
            &[
                r#"{"index":0,"function":{"name":"f","arguments":"{}"}}"#,
                r#"{"index":0,"function":{"name":"f","arguments":"{}"}}"#,
            ],
            r#"{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"f","arguments":"{}"}}"#,
        );
    }

    #[test]
    fn choices_reasoning_and_chunked_content_are_kept() {
        check(
            &[
                r#"{"id":"1","choices":[{"index":1,"delta":{"role":"assistant","content":"b"}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"th"}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"reasoning_content":"ink","content":null}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{},"finish_reason":"length"}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            ],
            true,
            r#"{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"a","reasoning_content":"think"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"b"},"finish_reason":"length"}]}"#,
        );
        check(
            &[
                r#"{"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"th"}]}]}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"ink"}]}]}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":"an"}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":"swer"}}]}"#,
                r#"{"id":"1","choices":[{"index":0,"delta":{"content":[{"type":"reference","reference_ids":[1]}]},"finish_reason":"stop"}]}"#,
            ],
            true,
            r#"{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"think"}]},{"type":"text","text":"answer"},{"type":"reference","reference_ids":[1]}]},"finish_reason":"stop"}]}"#,
        );
    }

    #[test]
    fn a_cut_or_failed_stream_keeps_what_came() {
        let first = r#"{"id":"1","choices":[{"index":0,"delta":{"content":"a"}}]}"#;
        let body = r#"{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":null}]}"#;
        check(&[first, "{\"id\":"], false, body);
        check(&[first, r#"{"error":{"message":"no"}}"#], false, &body.replace("]}", r#"],"error":{"message":"no"}}"#));
        check(&[r#"{"error":{"message":"no"}}"#], false, r#"{"error":{"message":"no"}}"#);
    }
}
