//! `OpenAI` responses.
//!
//! Source: <https://platform.openai.com/docs/api-reference/responses>. Each item of `input` is one
//! message, so that places in the list and places among the messages agree.

use super::canonical::Rule;
use super::content::{blank, json_or_text, media, media_in, other, plain, read, result_text, tools};
use super::dialect::drops;
use super::errors::error_text;
use crate::model::{Message, Part, Prompt, Reasoning, Reply, Text, ToolCall, ToolResult, Usage};
use crate::text::json::{Json, Kind, Ref};

/// Reads a request. `instructions` is the first message, `system`; text as input is one of `user`.
pub(super) fn prompt(body: &Json, rule: &'static Rule) -> Prompt {
    let root = body.root();
    let mut prompt = Prompt::default();
    if let Some(instructions) = root.get("instructions").filter(|instructions| !instructions.is_null()) {
        let mut parts = Vec::new();
        read(instructions, "instructions", &mut parts);
        prompt.messages.push(Message { role: "system".into(), name: None, parts, path: "system".into() });
    }
    for member in root.items() {
        let key = member.key().map(|key| String::from_utf8_lossy(&key).into_owned()).unwrap_or_default();
        match (key.as_str(), member.kind()) {
            ("instructions", _) => {}
            ("model", Kind::String) => prompt.model = member.as_str().map(std::borrow::Cow::into_owned),
            ("stream", Kind::Bool) => prompt.stream = member.as_bool().unwrap_or_default(),
            ("input", Kind::String) => {
                let mut parts = Vec::new();
                read(member, "input", &mut parts);
                prompt.messages.push(Message { role: "user".into(), name: None, parts, path: "input".into() });
            }
            ("input", Kind::Array) => {
                let items = member.items().enumerate();
                prompt.messages.extend(items.map(|(place, item)| message(item, format!("input[{place}]"))));
            }
            ("tools", Kind::Array) => prompt.tools.extend(tools(member)),
            ("previous_response_id" | "conversation", Kind::String | Kind::Object) => {
                let id = member.as_str().map(std::borrow::Cow::into_owned).or_else(|| member.text("id"));
                prompt.previous = prompt.previous.or(id);
            }
            ("previous_response_id" | "conversation", Kind::Null) => {}
            // Frames of a WebSocket name themselves.
            ("type", Kind::String) => {}
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
    let results = RESULTS.iter().filter_map(|key| Some((format!("{path}.{key}"), item.get(key)?)));
    for (path, result) in results.chain(sources.map(|sources| (format!("{path}.action.sources"), sources))) {
        if !blank(result) {
            parts.push(Part::ToolResult(ToolResult {
                call_id: id.clone(),
                name: None,
                content: outputs(result),
                is_error: path.ends_with(".error"),
                path,
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
        model: root.text("model"),
        finish: if status.as_deref() == Some("incomplete") { reason.or(status) } else { status },
        usage: usage(root),
        error: error_text(root),
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
