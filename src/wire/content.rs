//! Reads content: the text, or list of parts, that a message, an answer or a tool result holds.
//!
//! One table for all dialects, because gateways and frameworks carry the parts of one into another.

use crate::model::{Part, Reasoning, Text, ToolCall, ToolDefinition, ToolResult};
use crate::text::json::{Kind, Ref};

/// Reads content into parts; empty text is none.
pub(super) fn read(content: Ref<'_>, path: &str, parts: &mut Vec<Part>) {
    read_within(content, path, LEVELS, parts);
}

/// How deep documents and results may stand in each other; what is deeper is shown as JSON.
const LEVELS: usize = 4;

fn read_within(content: Ref<'_>, path: &str, levels: usize, parts: &mut Vec<Part>) {
    match content.kind() {
        Kind::Null => {}
        Kind::String => text(content, path.to_owned(), parts),
        Kind::Array => {
            for (place, item) in content.items().enumerate() {
                part(item, &format!("{path}[{place}]"), levels, parts);
            }
        }
        Kind::Object => part(content, path, levels, parts),
        Kind::Bool | Kind::Number => parts.push(other(content, path.to_owned())),
    }
}

fn part(value: Ref<'_>, path: &str, levels: usize, parts: &mut Vec<Part>) {
    if value.kind() == Kind::String {
        text(value, path.to_owned(), parts);
        return;
    }
    if levels == 0 {
        parts.push(other(value, path.to_owned()));
        return;
    }
    let kind = value.text("type").unwrap_or_default();
    let at = |key: &str| format!("{path}.{key}");
    match kind.as_str() {
        "text" | "input_text" | "output_text" | "summary_text" | "reasoning_text" => {
            match value.get("text").filter(|text| text.kind() == Kind::String) {
                Some(found) => text(found, at("text"), parts),
                None => parts.push(other(value, path.to_owned())),
            }
            for key in ["annotations", "citations"] {
                parts.extend(value.get(key).filter(|list| !blank(*list)).map(|list| other(list, at(key))));
            }
        }
        "refusal" => match value.get("refusal") {
            Some(found) => text(found, at("refusal"), parts),
            None => parts.push(other(value, path.to_owned())),
        },
        "thinking" | "redacted_thinking" => parts.push(Part::Reasoning(Reasoning {
            text: value.get("thinking").map(plain).unwrap_or_default(),
            sealed: ["signature", "data"].iter().any(|key| value.get(key).is_some_and(|seal| !blank(seal))),
            path: path.to_owned(),
        })),
        "document" | "search_result" => {
            let source = value.get("source");
            let inside = source.and_then(|source| source.get("content")).map(|inside| (inside, "source.content"));
            let data = source
                .filter(|source| source.text("type").as_deref() == Some("text"))
                .and_then(|source| source.get("data"))
                .map(|data| (data, "source.data"));
            match inside.or(data).or_else(|| value.get("content").map(|inside| (inside, "content"))) {
                Some((found, key)) => read_within(found, &at(key), levels - 1, parts),
                None => parts.push(media(value, path)),
            }
        }
        "image" | "image_url" | "input_image" | "image_file" | "audio" | "audio_url" | "input_audio"
        | "output_audio" | "video" | "video_url" | "input_video" | "file" | "input_file" | "document_url"
        | "container_upload" => {
            parts.push(media(value, path));
        }
        _ if kind.ends_with("tool_use") => parts.push(Part::ToolCall(ToolCall {
            id: value.text("id").unwrap_or_default(),
            item_id: None,
            name: value.text("name").unwrap_or_else(|| kind.clone()),
            arguments: value.get("input").map(json_or_text).unwrap_or_default(),
            by_provider: kind != "tool_use",
            path: path.to_owned(),
        })),
        _ if kind.ends_with("tool_result") => {
            let content = value.get("content");
            parts.push(Part::ToolResult(ToolResult {
                call_id: value.text("tool_use_id").unwrap_or_default(),
                name: None,
                content: content.map(result_text).unwrap_or_default(),
                is_error: value.get("is_error").and_then(Ref::as_bool).unwrap_or_default() || failed(content),
                path: if content.is_some() { at("content") } else { path.to_owned() },
            }));
            parts.extend(content.into_iter().flat_map(|content| media_within(content, &at("content"), levels - 1)));
        }
        "" => match (value.get("text"), value.get("content")) {
            (Some(found), _) if found.kind() == Kind::String => text(found, at("text"), parts),
            // One level only: a message inside a part, as some harnesses nest them.
            (_, Some(found)) if found.kind() == Kind::String => text(found, at("content"), parts),
            _ => parts.push(other(value, path.to_owned())),
        },
        _ => parts.push(other(value, path.to_owned())),
    }
}

/// Whether the result of a tool that the provider ran is an error block.
fn failed(content: Option<Ref<'_>>) -> bool {
    content.and_then(|content| content.text("type")).is_some_and(|kind| kind.ends_with("_error"))
}

fn text(value: Ref<'_>, path: String, parts: &mut Vec<Part>) {
    match value.as_str() {
        Some(text) if text.is_empty() => {}
        Some(text) => parts.push(Part::Text(Text { text: text.into_owned(), path })),
        None => parts.push(other(value, path)),
    }
}

/// A value that is shown as its JSON.
pub(super) fn other(value: Ref<'_>, path: String) -> Part {
    Part::Other(Text { text: value.raw_str().into_owned(), path })
}

/// Whether a value says nothing: `null`, `""`, `[]`, `{}`, `false`.
pub(super) fn blank(value: Ref<'_>) -> bool {
    match value.kind() {
        Kind::Null => true,
        Kind::Bool => value.as_bool() == Some(false),
        Kind::Number => false,
        Kind::String => value.raw() == b"\"\"",
        Kind::Array | Kind::Object => value.is_empty(),
    }
}

/// The key of a member, decoded.
pub(super) fn key_of(member: Ref<'_>) -> String {
    member.key().map(|key| String::from_utf8_lossy(&key).into_owned()).unwrap_or_default()
}

/// The text of a string, or the JSON of anything else.
pub(super) fn json_or_text(value: Ref<'_>) -> String {
    value.as_str().unwrap_or_else(|| value.raw_str()).into_owned()
}

/// The readable text of a string or of a list of text parts, joined by a line feed.
pub(super) fn plain(value: Ref<'_>) -> String {
    match value.kind() {
        Kind::String => value.as_str().unwrap_or_default().into_owned(),
        Kind::Array => texts(value).unwrap_or_default().join("\n"),
        _ => String::new(),
    }
}

/// The texts of a list of parts; `None` if no part has one.
fn texts(list: Ref<'_>) -> Option<Vec<String>> {
    let found: Vec<String> = list
        .items()
        .filter_map(|item| match item.kind() {
            Kind::String => item.as_str().map(std::borrow::Cow::into_owned),
            _ => item.text("text"),
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

/// The text of a tool's result: a string, the texts of its parts, else its JSON.
pub(super) fn result_text(content: Ref<'_>) -> String {
    match content.kind() {
        Kind::Null => String::new(),
        Kind::String => content.as_str().unwrap_or_default().into_owned(),
        Kind::Array if content.is_empty() => String::new(),
        Kind::Array => match texts(content) {
            Some(texts) => texts.join("\n"),
            None => content.raw_str().into_owned(),
        },
        _ => content.raw_str().into_owned(),
    }
}

/// Pictures, sounds and files that stand beside the text of a tool's result.
pub(super) fn media_in(content: Ref<'_>, path: &str) -> Vec<Part> {
    media_within(content, path, LEVELS)
}

fn media_within(content: Ref<'_>, path: &str, levels: usize) -> Vec<Part> {
    if content.kind() != Kind::Array {
        return Vec::new();
    }
    let mut parts = Vec::new();
    for (place, item) in content.items().enumerate() {
        let mut found = Vec::new();
        part(item, &format!("{path}[{place}]"), levels, &mut found);
        parts.extend(found.into_iter().filter(|part| matches!(part, Part::Media(_))));
    }
    parts
}

/// A picture, sound or file: its kind and where it is, or how large.
pub(super) fn media(value: Ref<'_>, path: &str) -> Part {
    let kind = value.text("type").unwrap_or_else(|| "media".to_owned());
    let holders = ["source", "image_url", "input_audio", "audio", "file", "video_url", "document_url", "image"];
    let inside = holders.iter().find_map(|key| value.get(key)).unwrap_or(value);
    let said = |keys: &[&str]| {
        keys.iter().find_map(|key| inside.text(key).or_else(|| value.text(key))).filter(|found| !found.is_empty())
    };
    let url = inside
        .as_str()
        .map(std::borrow::Cow::into_owned)
        .or_else(|| said(&["url", "image_url", "file_url", "document_url", "video_url"]));
    let name = said(&["filename", "document_name", "title", "name", "file_id", "id"]);
    let data = said(&["data", "file_data", "image_data"]);
    let what = match (url, data) {
        (Some(url), _) if url.starts_with("data:") => {
            let kind = url[5..].split([';', ',']).next().unwrap_or_default();
            Some(format!("{kind}, {} characters", url.len()))
        }
        (Some(url), _) => Some(url),
        (None, Some(data)) => {
            let kind = said(&["media_type", "format", "mime_type"]).unwrap_or_else(|| "data".to_owned());
            Some(format!("{kind}, {} characters", data.len()))
        }
        (None, None) => None,
    };
    let words: Vec<String> = [Some(kind), name, what].into_iter().flatten().collect();
    Part::Media(Text { text: words.join(" "), path: path.to_owned() })
}

/// Reads the tools that a request offers.
pub(super) fn tools(list: Ref<'_>) -> Vec<ToolDefinition> {
    list.items()
        .map(|tool| {
            let kind = tool.text("type");
            let inside = ["function", "custom"]
                .iter()
                .filter_map(|key| tool.get(key))
                .find(|inside| inside.kind() == Kind::Object)
                .unwrap_or(tool);
            ToolDefinition {
                name: inside.text("name").or(kind).unwrap_or_default(),
                description: inside.text("description").unwrap_or_default(),
                json: tool.raw_str().into_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json::Json;

    fn check(content: &str, expected: &[&str]) {
        let json = Json::parse_text(content).expect("JSON");
        let mut parts = Vec::new();
        read(json.root(), "c", &mut parts);
        let lines: Vec<String> = parts.iter().map(line).collect();
        assert_eq!(lines, expected, "{content}");
    }

    fn line(part: &Part) -> String {
        match part {
            Part::Text(text) => format!("{} text {}", text.path, text.text),
            Part::Reasoning(found) => format!("{} reasoning {} {}", found.path, found.sealed, found.text),
            Part::ToolCall(call) => {
                format!("{} call {} {} {} {}", call.path, call.id, call.name, call.arguments, call.by_provider)
            }
            Part::ToolResult(result) => {
                format!("{} result {} {} {}", result.path, result.call_id, result.content, result.is_error)
            }
            Part::Media(text) => format!("{} media {}", text.path, text.text),
            Part::Other(text) => format!("{} other {}", text.path, text.text),
        }
    }

    #[test]
    fn parts_of_all_dialects_are_read() {
        check(r#""hi""#, &["c text hi"]);
        check(r#""""#, &[]);
        check("null", &[]);
        check("3", &["c other 3"]);
        check(r#"["a",{"type":"text","text":"b"}]"#, &["c[0] text a", "c[1].text text b"]);
        check(
            r#"[{"type":"thinking","thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"x"}]"#,
            &["c[0] reasoning true t", "c[1] reasoning true "],
        );
        check(
            r#"[{"type":"thinking","thinking":[{"type":"text","text":"t"}],"closed":true},{"type":"reference","reference_ids":[1]}]"#,
            &["c[0] reasoning false t", r#"c[1] other {"type":"reference","reference_ids":[1]}"#],
        );
        check(
            r#"[{"type":"tool_use","id":"i","name":"f","input":{"a":1}},{"type":"server_tool_use","id":"j","name":"web_search","input":{}}]"#,
            &[r#"c[0] call i f {"a":1} false"#, "c[1] call j web_search {} true"],
        );
        check(
            r#"[{"type":"tool_result","tool_use_id":"i","is_error":true,"content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]"#,
            &["c[0].content result i a true", "c[0].content[1] media image image/png, 4 characters"],
        );
        check(
            r#"[{"type":"web_search_tool_result","tool_use_id":"j","content":{"type":"web_search_tool_result_error","error_code":"x"}}]"#,
            &[r#"c[0].content result j {"type":"web_search_tool_result_error","error_code":"x"} true"#],
        );
        check(r#"[{"type":"tool_result","tool_use_id":"i"}]"#, &["c[0] result i  false"]);
        check(
            r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"image_url","image_url":"https://x/y.png"},{"type":"input_file","filename":"a.pdf","file_id":"f"}]"#,
            &[
                "c[0] media image_url image/png, 24 characters",
                "c[1] media image_url https://x/y.png",
                "c[2] media input_file a.pdf",
            ],
        );
        check(
            r#"[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}},{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"r"}]}]"#,
            &["c[0].source.data text d", "c[1].content[0].text text r"],
        );
        check(
            r#"[{"type":"output_text","text":"t","annotations":[{"type":"url_citation"}]},{"type":"refusal","refusal":"no"}]"#,
            &["c[0].text text t", r#"c[0].annotations other [{"type":"url_citation"}]"#, "c[1].refusal text no"],
        );
        check(
            r#"[{"role":"system","content":"s"},{"type":"new"},{}]"#,
            &["c[0].content text s", r#"c[1] other {"type":"new"}"#, "c[2] other {}"],
        );
    }
}
