//! `OpenAI` responses.
//!
//! Source: <https://platform.openai.com/docs/api-reference/responses>. Each item of `input` is one
//! message, so that places in the list and places among the messages agree.

use super::canonical::Rule;
use super::content::{blank, json_or_text, key_of, media, media_in, other, plain, read, result_text, tools};
use super::dialect::drops;
use super::errors::error_text;
use super::known::Known;
use crate::model::{Message, Part, Prompt, Reasoning, Reply, Text, ToolCall, ToolResult, Usage};
use crate::text::json::{Json, Kind, Ref};

/// Reads a request. `instructions` is the first message, `system`; text as input is one of `user`.
pub(super) fn prompt(body: &Json, rule: &'static Rule, known: &mut Known) -> Prompt {
    let root = body.root();
    let mut prompt = Prompt::default();
    if let Some(instructions) = root.get("instructions").filter(|instructions| !instructions.is_null()) {
        prompt.messages.push(known.message(Known::SYSTEM, instructions, || {
            let mut parts = Vec::new();
            read(instructions, "instructions", &mut parts);
            Message { role: "system".into(), name: None, parts, path: "system".into() }
        }));
    }
    for member in root.items() {
        let key = key_of(member);
        match (key.as_str(), member.kind()) {
            ("model", Kind::String) => prompt.model = member.as_str().map(std::borrow::Cow::into_owned),
            ("stream", Kind::Bool) => prompt.stream = member.as_bool().unwrap_or_default(),
            ("input", Kind::String) => {
                let mut parts = Vec::new();
                read(member, "input", &mut parts);
                prompt.messages.push(Message { role: "user".into(), name: None, parts, path: "input".into() }.into());
            }
            ("input", Kind::Array) => {
                let items = member.items().enumerate();
                prompt.messages.extend(
                    items.map(|(place, item)| known.message(place, item, || message(item, format!("input[{place}]")))),
                );
            }
            ("tools", Kind::Array) => prompt.tools.extend(tools(member)),
            ("previous_response_id" | "conversation", Kind::String | Kind::Object) => {
                let id = member.as_str().map(std::borrow::Cow::into_owned).or_else(|| member.text("id"));
                prompt.previous = prompt.previous.or(id);
            }
            // Frames of a WebSocket name themselves.
            ("instructions", _) | ("previous_response_id" | "conversation", Kind::Null) | ("type", Kind::String) => {}
            _ if drops(rule, &key) => {}
            _ => prompt.parameters.push((key, member.raw_str().into_owned())),
        }
    }
    prompt
}

fn message(item: Ref<'_>, path: String) -> Message {
    let mut parts = Vec::new();
    read_item(item, &path, &mut parts);
    let kind = item.text("type").unwrap_or_default();
    let role = item.text("role").unwrap_or_else(|| {
        let from_outside = kind.ends_with("_output") || kind == "mcp_approval_response";
        if from_outside { "tool" } else { "assistant" }.to_owned()
    });
    Message { role, name: item.text("name").filter(|_| matches!(kind.as_str(), "" | "message")), parts, path }
}

/// Calls that the provider runs itself, inside the answer.
const HOSTED: &[&str] =
    &["web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call"];

/// Members of an item that hold the arguments of a call, by preference.
const ARGUMENTS: &[&str] = &["arguments", "input", "action", "operation", "queries", "code", "prompt"];

/// Members of a hosted call that hold its result.
const RESULTS: &[&str] = &["output", "results", "outputs", "error"];

fn read_item(item: Ref<'_>, path: &str, parts: &mut Vec<Part>) {
    let kind = item.text("type").unwrap_or_default();
    let at = |key: &str| format!("{path}.{key}");
    match kind.as_str() {
        "" | "message" => match item.get("content") {
            Some(content) => read(content, &at("content"), parts),
            None => parts.push(other(item, path.to_owned())),
        },
        "reasoning" => {
            let text: Vec<String> = ["summary", "content"]
                .iter()
                .filter_map(|key| item.get(key))
                .map(plain)
                .filter(|text| !text.is_empty())
                .collect();
            parts.push(Part::Reasoning(Reasoning {
                text: text.join("\n"),
                sealed: item.get("encrypted_content").is_some_and(|sealed| !blank(sealed)),
                path: path.to_owned(),
            }));
        }
        "compaction" => parts.push(Part::Reasoning(Reasoning {
            text: item.get("summary").map(plain).unwrap_or_default(),
            sealed: item.get("encrypted_content").is_some_and(|sealed| !blank(sealed)),
            path: path.to_owned(),
        })),
        _ if kind.ends_with("_call_output") || kind.ends_with("_output") => {
            let key = ["output", "tools", "results"].into_iter().find(|key| item.get(key).is_some());
            let output = key.and_then(|key| item.get(key));
            parts.push(Part::ToolResult(ToolResult {
                call_id: item.text("call_id").unwrap_or_default(),
                name: item.text("name"),
                content: output.map(result_text).unwrap_or_default(),
                is_error: matches!(item.text("status").as_deref(), Some("failed")),
                path: key.map_or_else(|| path.to_owned(), at),
            }));
            parts.extend(output.into_iter().flat_map(|output| media_in(output, &at("output"))));
        }
        _ if kind.ends_with("_call") => call(item, &kind, path, parts),
        _ => parts.push(other(item, path.to_owned())),
    }
}

fn call(item: Ref<'_>, kind: &str, path: &str, parts: &mut Vec<Part>) {
    let by_provider = HOSTED.contains(&kind)
        || (item.text("execution").as_deref() == Some("server"))
        || (kind == "tool_search_call" && item.get("execution").is_none());
    let id = item.text("call_id").or_else(|| item.text("id")).unwrap_or_default();
    let arguments = ARGUMENTS.iter().find_map(|key| item.get(key).filter(|value| !value.is_null()));
    parts.push(Part::ToolCall(ToolCall {
        id: id.clone(),
        item_id: item.text("id"),
        name: item.text("name").unwrap_or_else(|| kind.trim_end_matches("_call").to_owned()),
        arguments: arguments.map(json_or_text).unwrap_or_default(),
        by_provider,
        path: path.to_owned(),
    }));
    if !by_provider {
        return;
    }
    let sources = item.get("action").and_then(|action| action.get("sources"));
    let results = RESULTS.iter().filter_map(|key| Some((*key, item.get(key)?)));
    for (key, result) in results.chain(sources.map(|sources| ("action.sources", sources))) {
        if !blank(result) {
            parts.push(Part::ToolResult(ToolResult {
                call_id: id.clone(),
                name: None,
                content: outputs(result),
                is_error: key == "error",
                path: format!("{path}.{key}"),
            }));
        }
    }
    if let Some(picture) = item.text("result").filter(|_| kind == "image_generation_call") {
        let text = format!("image, {} characters", picture.len());
        parts.push(Part::Media(Text { text, path: format!("{path}.result") }));
    }
    for (place, output) in item.get("outputs").into_iter().flat_map(Ref::items).enumerate() {
        if output.text("type").as_deref() == Some("image") {
            parts.push(media(output, &format!("{path}.outputs[{place}]")));
        }
    }
}

/// A result as text: what a code interpreter logged, else as any tool's result.
fn outputs(result: Ref<'_>) -> String {
    let logs: Vec<String> = match result.kind() {
        Kind::Array => result.items().filter_map(|output| output.text("logs")).collect(),
        _ => Vec::new(),
    };
    // Lists of search results have texts too, but ids and scores beside them that must stay.
    if logs.is_empty() { json_or_text(result) } else { logs.join("\n") }
}

/// Reads an answer that was not streamed.
pub(super) fn reply(body: &Json) -> Reply {
    let root = body.root();
    let status = root.text("status").filter(|status| !matches!(status.as_str(), "in_progress" | "queued"));
    let reason = root.get("incomplete_details").and_then(|details| details.text("reason"));
    let mut reply = Reply {
        id: root.text("id").filter(|id| !id.is_empty()),
        conversation: root.get("conversation").and_then(|conversation| conversation.text("id")),
        model: root.text("model"),
        finish: if status.as_deref() == Some("incomplete") { reason.or(status) } else { status },
        usage: usage(root),
        error: error_text(root).or_else(|| {
            (root.text("status").as_deref() == Some("failed")).then(|| "the provider says that it failed".to_owned())
        }),
        ..Reply::default()
    };
    for (place, item) in root.get("output").into_iter().flat_map(Ref::items).enumerate() {
        reply.item_ids.extend(item.text("id"));
        read_item(item, &format!("output[{place}]"), &mut reply.parts);
    }
    if root.get("output").is_none() && reply.error.is_none() {
        reply.parts.push(other(root, String::new()));
    }
    reply
}

/// Tokens of an answer. `input_tokens` holds the cached ones, `output_tokens` the reasoning.
fn usage(root: Ref<'_>) -> Usage {
    let Some(usage) = root.get("usage") else { return Usage::default() };
    let count = |key: &str| usage.get(key).and_then(Ref::as_u64);
    let detail = |group: &str, key: &str| usage.get(group).and_then(|group| group.get(key)).and_then(Ref::as_u64);
    Usage {
        input: count("input_tokens"),
        output: count("output_tokens"),
        cached: detail("input_tokens_details", "cached_tokens"),
        cache_written: detail("input_tokens_details", "cache_write_tokens"),
        reasoning: detail("output_tokens_details", "reasoning_tokens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::keys;

    fn lines(parts: &[Part]) -> Vec<String> {
        let line = |part: &Part| match part {
            Part::Text(text) => format!("text {} {}", text.path, text.text),
            Part::Reasoning(found) => format!("reasoning {} {} {}", found.path, found.sealed, found.text),
            Part::ToolCall(call) => format!("call {} {} {} {}", call.id, call.name, call.arguments, call.by_provider),
            Part::ToolResult(result) => format!("result {} {} {}", result.call_id, result.path, result.content),
            Part::Media(text) => format!("media {} {}", text.path, text.text),
            Part::Other(text) => format!("other {}", text.path),
        };
        parts.iter().map(line).collect()
    }

    fn check(items: &str, expected: &[&str]) {
        let body = format!(r#"{{"output":[{items}]}}"#);
        assert_eq!(lines(&reply(&Json::parse_text(&body).expect("JSON")).parts), expected, "{items}");
    }

    #[test]
    fn calls_of_all_kinds_are_read() {
        check(
            r#"{"type":"web_search_call","id":"w","action":{"type":"search","query":"q","sources":[{"url":"u"}]}}"#,
            &[
                r#"call w web_search {"type":"search","query":"q","sources":[{"url":"u"}]} true"#,
                r#"result w output[0].action.sources [{"url":"u"}]"#,
            ],
        );
        check(
            r#"{"type":"file_search_call","id":"f","queries":["q"],"results":[{"file_id":"1","text":"t","score":0.5}]}"#,
            &[
                r#"call f file_search ["q"] true"#,
                r#"result f output[0].results [{"file_id":"1","text":"t","score":0.5}]"#,
            ],
        );
        check(
            r#"{"type":"code_interpreter_call","id":"k","code":"1","outputs":[{"type":"logs","logs":"2"},{"type":"image","url":"u"}]}"#,
            &["call k code_interpreter 1 true", "result k output[0].outputs 2", "media output[0].outputs[1] image u"],
        );
        check(
            r#"{"type":"mcp_call","id":"m","name":"ask","arguments":"{}","output":"o","error":null,"server_label":"s"}"#,
            &["call m ask {} true", "result m output[0].output o"],
        );
        check(
            r#"{"type":"image_generation_call","id":"i","result":"AAAA"}"#,
            &["call i image_generation  true", "media output[0].result image, 4 characters"],
        );
        check(
            r#"{"type":"custom_tool_call","id":"x","call_id":"c","name":"f","input":"text"},{"type":"local_shell_call","call_id":"d","action":{"command":["ls"]}}"#,
            &["call c f text false", r#"call d local_shell {"command":["ls"]} false"#],
        );
        check(
            r#"{"type":"tool_search_call","call_id":"c","execution":"client","arguments":{"q":1}},{"type":"tool_search_call","id":"d","arguments":{}}"#,
            &[r#"call c tool_search {"q":1} false"#, "call d tool_search {} true"],
        );
        check(
            r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"e"},{"type":"mcp_list_tools","tools":[]},{"type":"new"}"#,
            &["reasoning output[0] true s", "other output[1]", "other output[2]"],
        );
    }

    #[test]
    fn each_item_of_the_input_is_a_message() {
        let body = r#"{"instructions":"i","input":[{"role":"user","content":"u"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"r"}]},{"type":"item_reference","id":"x"}],"previous_response_id":null,"conversation":{"id":"conv"},"store":true,"include":[]}"#;
        let prompt = prompt(&Json::parse_text(body).expect("JSON"), &keys::RESPONSES, &mut Known::default());
        let messages: Vec<String> =
            prompt.messages.iter().map(|m| format!("{} {} {}", m.path, m.role, lines(&m.parts).join(" "))).collect();
        assert_eq!(
            messages,
            [
                "system system text instructions i",
                "input[0] user text input[0].content u",
                "input[1] assistant call c f {} false",
                "input[2] tool result c input[2].output r",
                "input[3] assistant other input[3]",
            ]
        );
        assert_eq!(prompt.previous.as_deref(), Some("conv"));
        assert_eq!(prompt.parameters, [("include".to_owned(), "[]".to_owned())]);
    }

    #[test]
    fn the_end_says_its_reason() {
        let end = |text: &str| {
            let reply = reply(&Json::parse_text(text).expect("JSON"));
            (reply.finish, reply.error)
        };
        assert_eq!(end(r#"{"status":"completed","output":[],"error":null}"#), (Some("completed".into()), None));
        assert_eq!(
            end(r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#),
            (Some("max_output_tokens".into()), None)
        );
        assert_eq!(
            end(r#"{"status":"failed","error":{"message":"no"},"output":[]}"#),
            (Some("failed".into()), Some("no".into()))
        );
        assert_eq!(end(r#"{"status":"in_progress","output":[]}"#), (None, None));
    }
}
