//! `OpenAI` chat completions, as `OpenAI`, Azure and the many servers that speak alike answer them.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>; the fields of other servers
//! (`reasoning_content`, `reasoning`, `reasoning_details`, `x_groq`, …) from their answers.

use super::canonical::Rule;
use super::content::{blank, json_or_text, key_of, media, media_in, other, read, result_text, tools};
use super::dialect::drops;
use super::errors::error_text;
use super::known::Known;
use crate::model::{Message, Part, Prompt, Reasoning, Reply, Text, ToolCall, ToolResult, Usage};
use crate::text::json::{Json, Kind, Ref};

/// Reads a request.
pub(super) fn prompt(body: &Json, rule: &'static Rule, known: &mut Known) -> Prompt {
    let root = body.root();
    let mut prompt = Prompt::default();
    for member in root.items() {
        let key = key_of(member);
        match (key.as_str(), member.kind()) {
            ("model", Kind::String) => prompt.model = member.as_str().map(std::borrow::Cow::into_owned),
            ("stream", Kind::Bool) => prompt.stream = member.as_bool().unwrap_or_default(),
            ("messages", Kind::Array) => {
                let messages = member.items().enumerate();
                prompt.messages.extend(
                    messages.map(|(place, item)| {
                        known.message(place, item, || message(item, format!("messages[{place}]")))
                    }),
                );
            }
            ("tools" | "functions", Kind::Array) => prompt.tools.extend(tools(member)),
            _ if drops(rule, &key) => {}
            _ => prompt.parameters.push((key, member.raw_str().into_owned())),
        }
    }
    prompt
}

fn message(value: Ref<'_>, path: String) -> Message {
    let role = value.text("role").unwrap_or_default();
    let mut parts = Vec::new();
    if matches!(role.as_str(), "tool" | "function") {
        let content = value.get("content");
        parts.push(Part::ToolResult(ToolResult {
            call_id: value.text("tool_call_id").unwrap_or_default(),
            name: value.text("name"),
            content: content.map(result_text).unwrap_or_default(),
            is_error: value.get("is_error").and_then(Ref::as_bool).unwrap_or_default(),
            path: format!("{path}.content"),
        }));
        parts.extend(content.into_iter().flat_map(|content| media_in(content, &format!("{path}.content"))));
    } else {
        said(value, &path, &mut parts);
    }
    let name = value.text("name").filter(|_| !matches!(role.as_str(), "tool" | "function"));
    Message { role, name, parts, path }
}

/// Members of a message that are read by name, or say nothing that a reader wants.
const KNOWN: &[&str] = &[
    "role",
    "name",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
    "images",
    "executed_tools",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "thinking_blocks",
    "extra_content",
    "thought_signature",
    "channel",
    "cache_control",
    "internal_chat_message_metadata_passthrough",
    "index",
    "id",
    "tool_call_id",
];

/// Reads what a message or an answer says.
fn said(value: Ref<'_>, path: &str, parts: &mut Vec<Part>) {
    parts.extend(reasoning(value, path));
    let content = value.get("content");
    if let Some(content) = content {
        read(content, &format!("{path}.content"), parts);
    }
    if let Some(refusal) = value.get("refusal").filter(|refusal| !blank(*refusal)) {
        read(refusal, &format!("{path}.refusal"), parts);
    }
    if let Some(audio) = value.get("audio").filter(|audio| audio.text("id").is_some_and(|id| !id.is_empty())) {
        parts.push(media(audio, &format!("{path}.audio")));
        if let Some(text) = audio.text("transcript").filter(|text| !text.is_empty()) {
            parts.push(Part::Text(Text { text, path: format!("{path}.audio.transcript") }));
        }
    }
    for (place, image) in value.get("images").into_iter().flat_map(Ref::items).enumerate() {
        parts.push(media(image, &format!("{path}.images[{place}]")));
    }
    for (place, tool) in value.get("executed_tools").into_iter().flat_map(Ref::items).enumerate() {
        executed(tool, &format!("{path}.executed_tools[{place}]"), parts);
    }
    if let Some(call) = value.get("function_call") {
        parts.extend(
            tool_call(call, format!("{path}.function_call")).filter(|call| !call.name.is_empty()).map(Part::ToolCall),
        );
    }
    for (place, call) in value.get("tool_calls").into_iter().flat_map(Ref::items).enumerate() {
        let path = format!("{path}.tool_calls[{place}]");
        parts.push(tool_call(call, path.clone()).map_or_else(|| other(call, path), Part::ToolCall));
    }
    for member in value.items() {
        let Some(key) = member.key() else { continue };
        let key = String::from_utf8_lossy(&key);
        if !KNOWN.contains(&key.as_ref()) && !blank(member) {
            parts.push(other(member, format!("{path}.{key}")));
        }
    }
}

/// What a message says of its reasoning, wherever the server keeps it.
fn reasoning(value: Ref<'_>, path: &str) -> Option<Part> {
    let details = ["reasoning_details", "thinking_blocks"]
        .into_iter()
        .find_map(|key| Some((key, value.get(key).filter(|list| list.kind() == Kind::Array)?)));
    let seals = ["signature", "data", "encrypted_content"];
    let seal = ["extra_content", "thought_signature"].into_iter().find(|key| {
        value.get(key).is_some_and(|found| !blank(found) && (found.kind() == Kind::String || thought(found)))
    });
    let sealed = seal.is_some()
        || details.is_some_and(|(_, list)| {
            list.items().any(|item| seals.iter().any(|key| item.get(key).is_some_and(|seal| !blank(seal))))
        });
    let plain = ["reasoning_content", "reasoning"]
        .into_iter()
        .find_map(|key| Some((key, value.text(key).filter(|text| !text.is_empty())?)));
    let (key, text) = match (plain, details, seal) {
        (Some((key, text)), ..) => (key, text),
        (None, Some((key, list)), _) if !list.is_empty() => {
            let texts = list.items().filter_map(|item| {
                ["text", "summary", "thinking"].iter().find_map(|key| item.text(key)).filter(|text| !text.is_empty())
            });
            (key, texts.collect::<Vec<_>>().join("\n"))
        }
        (None, _, Some(key)) => (key, String::new()),
        _ => return None,
    };
    Some(Part::Reasoning(Reasoning { text, sealed, path: format!("{path}.{key}") }))
}

fn thought(extra: Ref<'_>) -> bool {
    extra.get("google").is_some_and(|google| google.get("thought_signature").is_some())
}

/// A tool that the server ran itself (Groq's compound models).
fn executed(tool: Ref<'_>, path: &str, parts: &mut Vec<Part>) {
    let name = tool.text("name").or_else(|| tool.text("type")).unwrap_or_default();
    parts.push(Part::ToolCall(ToolCall {
        id: tool.text("id").unwrap_or_default(),
        item_id: None,
        name: name.clone(),
        arguments: tool.get("arguments").map(json_or_text).unwrap_or_default(),
        by_provider: true,
        path: path.to_owned(),
    }));
    if let Some(output) = tool.get("output").filter(|output| !output.is_null()) {
        parts.push(Part::ToolResult(ToolResult {
            call_id: tool.text("id").unwrap_or_default(),
            name: Some(name),
            content: result_text(output),
            is_error: false,
            path: format!("{path}.output"),
        }));
    }
}

/// Some servers write the kind that a call is not with empty fields beside the one that it is.
fn tool_call(call: Ref<'_>, path: String) -> Option<ToolCall> {
    if call.kind() != Kind::Object {
        return None;
    }
    let named = |key: &str| call.get(key).filter(|inside| inside.text("name").is_some_and(|name| !name.is_empty()));
    let inside = named("function").or_else(|| named("custom")).or_else(|| call.get("function")).unwrap_or(call);
    Some(ToolCall {
        id: call.text("id").unwrap_or_default(),
        item_id: None,
        name: inside.text("name").unwrap_or_default(),
        arguments: inside.get("arguments").or_else(|| inside.get("input")).map(json_or_text).unwrap_or_default(),
        by_provider: false,
        path,
    })
}

/// Reads an answer that was not streamed.
pub(super) fn reply(body: &Json) -> Reply {
    let root = body.root();
    let mut reply = Reply {
        id: root.text("id").filter(|id| !id.is_empty()),
        model: root.text("model").filter(|model| !model.is_empty()),
        usage: usage(root),
        error: error_text(root),
        ..Reply::default()
    };
    for (place, choice) in root.get("choices").into_iter().flat_map(Ref::items).enumerate() {
        let mut parts = Vec::new();
        match (choice.get("message"), choice.get("text")) {
            (Some(message), _) => said(message, &format!("choices[{place}].message"), &mut parts),
            (None, Some(text)) => read(text, &format!("choices[{place}].text"), &mut parts),
            (None, None) => parts.push(other(choice, format!("choices[{place}]"))),
        }
        if place == 0 {
            reply.finish = choice.text("finish_reason").filter(|finish| !finish.is_empty());
            reply.parts = parts;
        } else {
            reply.choices.push(parts);
        }
    }
    if reply.error.is_none() && reply.finish.as_deref() == Some("error") {
        reply.error = Some("the provider ended its answer with an error".to_owned());
    }
    if root.get("choices").is_none() && reply.error.is_none() {
        reply.parts.push(other(root, String::new()));
    }
    reply
}

/// Tokens of an answer. `prompt_tokens` holds the cached ones; of servers that count reasoning only
/// in the total (Gemini's, xAI's), the output is what the total leaves for it.
fn usage(root: Ref<'_>) -> Usage {
    let Some(usage) = root
        .get("usage")
        .filter(|usage| usage.kind() == Kind::Object)
        .or_else(|| root.get("x_groq").and_then(|groq| groq.get("usage")))
    else {
        return Usage::default();
    };
    let count = |key: &str| usage.get(key).and_then(Ref::as_u64);
    let detail = |group: &str, key: &str| usage.get(group).and_then(|group| group.get(key)).and_then(Ref::as_u64);
    let input = count("prompt_tokens");
    let output = count("completion_tokens");
    let rest = match (count("total_tokens"), input) {
        (Some(total), Some(input)) => total.checked_sub(input),
        _ => None,
    };
    Usage {
        input,
        output: output.map(|output| output.max(rest.unwrap_or_default())),
        cached: detail("prompt_tokens_details", "cached_tokens")
            .or_else(|| count("prompt_cache_hit_tokens"))
            .or_else(|| count("num_cached_tokens"))
            .or_else(|| count("cached_tokens")),
        cache_written: detail("prompt_tokens_details", "cache_write_tokens"),
        reasoning: detail("completion_tokens_details", "reasoning_tokens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_reply(text: &str) -> Reply {
        reply(&Json::parse_text(text).expect("JSON"))
    }

    fn check(usage: &str, expected: [Option<u64>; 5]) {
        let usage = read_reply(&format!(r#"{{"choices":[],{usage}}}"#)).usage;
        let found = [usage.input, usage.output, usage.cached, usage.cache_written, usage.reasoning];
        assert_eq!(found, expected, "{usage:?}");
    }

    #[test]
    fn tokens_are_counted_once() {
        check(r#""usage":null"#, [None; 5]);
        check(r#""x":1"#, [None; 5]);
        check(
            r#""usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":3}}"#,
            [Some(10), Some(5), Some(4), Some(2), Some(3)],
        );
        check(
            r#""usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":3}}"#,
            [Some(10), Some(8), None, None, Some(3)],
        );
        check(
            r#""usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":8}"#,
            [Some(10), Some(5), Some(8), None, None],
        );
        check(
            r#""x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
            [Some(1), Some(2), None, None, None],
        );
    }

    #[test]
    fn what_servers_add_to_an_answer_is_read() {
        let answer = |message: &str| read_reply(&format!(r#"{{"choices":[{{"message":{message}}}]}}"#)).parts;
        let reasoning = |text: &str, sealed, key: &str| {
            let path = format!("choices[0].message.{key}");
            Part::Reasoning(Reasoning { text: text.to_owned(), sealed, path })
        };
        assert_eq!(answer(r#"{"reasoning_content":"t"}"#), [reasoning("t", false, "reasoning_content")]);
        assert_eq!(
            answer(r#"{"reasoning":"t","reasoning_details":[{"type":"reasoning.text","text":"t","signature":"s"}]}"#),
            [reasoning("t", true, "reasoning")]
        );
        assert_eq!(
            answer(
                r#"{"reasoning_details":[{"summary":"a"},{"data":"x"}],"content":null,"annotations":[],"audio":null}"#
            ),
            [reasoning("a", true, "reasoning_details")]
        );
        assert_eq!(
            answer(r#"{"extra_content":{"google":{"thought_signature":"s"}}}"#),
            [reasoning("", true, "extra_content")]
        );
        let [Part::ToolCall(call), Part::ToolResult(result)] =
            &answer(r#"{"executed_tools":[{"type":"search","arguments":"{}","output":"o"}]}"#)[..]
        else {
            panic!("a call and its result");
        };
        assert!(
            call.by_provider && result.content == "o" && result.path == "choices[0].message.executed_tools[0].output"
        );
        let [Part::ToolCall(custom)] =
            &answer(r#"{"tool_calls":[{"id":"c","type":"custom","custom":{"name":"f","input":"x"}}]}"#)[..]
        else {
            panic!("a call");
        };
        assert_eq!((custom.name.as_str(), custom.arguments.as_str()), ("f", "x"));
        let [Part::Other(cited)] = &answer(r#"{"annotations":[{"type":"url_citation"}]}"#)[..] else {
            panic!("annotations");
        };
        assert_eq!(cited.path, "choices[0].message.annotations");
        assert_eq!(
            read_reply(r#"{"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}]}"#).choices.len(),
            1
        );
    }
}
