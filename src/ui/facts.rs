//! Words for what a node is, holds and cost: used by every view.

use crate::model::event::{Action, Ending, Grade};
use crate::model::{Detail, Kind, Node, Source, Tool, ToolState, Usage};
use crate::text::escape::{cut, one_line};
use crate::text::json::{self, Json};
use crate::text::units::{count, grouped};

/// What a kind is called in prose.
#[must_use]
pub fn kind_word(kind: &Kind) -> &str {
    match kind {
        Kind::Llm => "model call",
        Kind::Http => "http call",
        Kind::Human => "person",
        other => other.as_str(),
    }
}

/// The sign before a node in a graph.
pub(super) fn glyph(kind: &Kind) -> &'static str {
    match kind {
        Kind::Llm => "●",
        Kind::Embedding => "○",
        Kind::Retrieval => "◆",
        Kind::Rerank => "◇",
        Kind::Tool => "■",
        Kind::Agent => "▲",
        Kind::Step => "△",
        Kind::Guardrail => "◈",
        Kind::Evaluator => "◉",
        Kind::Memory => "◎",
        Kind::Job => "▣",
        Kind::Http => "□",
        Kind::Human => "▼",
        Kind::Other(_) => "•",
    }
}

/// Model, arguments, query or target: what tells a node from others of its name.
pub(super) fn summary(node: &Node, room: usize) -> String {
    let text = match &node.detail {
        Detail::Call { prompt, reply, .. } => match (&prompt.model, &reply.model) {
            (Some(asked), _) => one_line(asked),
            (None, Some(answered)) => one_line(answered),
            (None, None) => String::new(),
        },
        Detail::Tool(tool) => arguments(&tool.arguments),
        // A step that was given nothing has `null`.
        Detail::Block(block) if block.input == "null" => String::new(),
        Detail::Block(block) => arguments(&block.input),
        Detail::Http { method, target, .. } => one_line(&format!("{method} {target}")),
    };
    cut(&text, room).into_owned()
}

/// JSON arguments on one line, without the quotes that reading does not need: `{city: Lyon, days: 2}`.
pub(super) fn arguments(text: &str) -> String {
    let mut line = String::new();
    match Json::parse_text(text) {
        Ok(document) => loose(document.root(), 0, &mut line),
        Err(_) => line.push_str(text),
    }
    one_line(&line)
}

fn loose(value: json::Ref<'_>, depth: usize, line: &mut String) {
    match value.kind() {
        json::Kind::Object | json::Kind::Array if depth > 8 || line.len() > 400 => line.push('…'),
        json::Kind::Object => {
            line.push('{');
            for (place, member) in value.items().enumerate() {
                if place > 0 {
                    line.push_str(", ");
                }
                line.push_str(&String::from_utf8_lossy(&member.key().unwrap_or_default()));
                line.push_str(": ");
                loose(member, depth + 1, line);
            }
            line.push('}');
        }
        json::Kind::Array => {
            line.push('[');
            for (place, item) in value.items().enumerate() {
                if place > 0 {
                    line.push_str(", ");
                }
                loose(item, depth + 1, line);
            }
            line.push(']');
        }
        _ => match value.as_str() {
            Some(text) => line.push_str(&text),
            None => line.push_str(&value.raw_str()),
        },
    }
}

/// What came out: tokens, documents, texts or the state of a tool.
pub(super) fn outcome(node: &Node) -> String {
    match &node.detail {
        Detail::Call { prompt, reply, .. } if node.kind != Kind::Llm => match (prompt.texts.len(), reply.usage.input) {
            (0, None) => String::new(),
            (0, Some(tokens)) => format!("{} tok", grouped(tokens)),
            (texts, None) => count(texts, "text"),
            (texts, Some(tokens)) => format!("{}, {} tok", count(texts, "text"), grouped(tokens)),
        },
        Detail::Call { reply, .. } => tokens(&reply.usage),
        Detail::Tool(tool) if !tool.documents.is_empty() => count(tool.documents.len(), "document"),
        Detail::Tool(tool) => match tool.state {
            ToolState::ResultSeen => String::new(),
            _ => tool_state(tool).to_owned(),
        },
        Detail::Block(block) if !block.documents.is_empty() => count(block.documents.len(), "document"),
        Detail::Block(_) => String::new(),
        Detail::Http { status, .. } => status.map(|status| status.to_string()).unwrap_or_default(),
    }
}

/// `812 → 94 tok`; unknown numbers are `?`, and nothing is said if both are.
pub(super) fn tokens(usage: &Usage) -> String {
    let say = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), grouped);
    match (usage.input, usage.output) {
        (None, None) => String::new(),
        (input, output) => format!("{} → {} tok", say(input), say(output)),
    }
}

/// What became of a tool call.
pub(super) fn tool_state(tool: &Tool) -> &'static str {
    match tool.state {
        ToolState::ResultSeen if tool.is_error => "result seen, marked as an error",
        ToolState::ResultSeen => "result seen",
        ToolState::NoResult => "no result",
        ToolState::MadeByHarness => "made by the harness",
        ToolState::RunByProvider => "run by the provider",
    }
}

/// Where a node was seen.
pub(super) fn source(source: Source) -> &'static str {
    match source {
        Source::Wire => "seen on the wire",
        Source::Announced => "announced by the agent",
        Source::Conversation => "read off the conversation",
        Source::Inferred => "inferred",
    }
}

/// What a replay did, in a word.
pub(super) fn action(action: Action) -> &'static str {
    match action {
        Action::Serve => "served",
        Action::ServeEdited => "served edited",
        Action::Send => "sent",
        Action::SendChanged => "sent changed",
        Action::Refuse => "refused",
    }
}

/// How well a request matched, in words.
pub(super) fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Exact => "exact",
        Grade::Held => "equal once values were held",
        Grade::Names => "exact up to names",
        Grade::Interchangeable => "interchangeable with other calls",
        Grade::Place => "found by its place",
        Grade::Miss => "not in the recording",
        Grade::Ignored => "equal but for fields that are ignored",
    }
}

/// How an answer ended, where it did not end well.
pub(super) fn ending(ending: Option<&Ending>) -> Option<String> {
    match ending {
        Some(Ending::Complete) => None,
        Some(Ending::ClientLeft) => Some("the agent left before the end".to_owned()),
        Some(Ending::Broken(why)) => Some(format!("the answer broke off: {}", one_line(why))),
        Some(Ending::Unreachable(why)) => Some(format!("the upstream was not reached: {}", one_line(why))),
        None => Some("the recording ends before the answer does".to_owned()),
    }
}
