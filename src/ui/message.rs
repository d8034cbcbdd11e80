//! The messages of a model call: what each holds, where it stands, and which of them are new.

use std::fmt::Write as _;
use std::sync::Arc;

use super::facts::arguments;
use super::{Paper, Sheet, Style};
use crate::lineage::message_path;
use crate::model::{Detail, Edge, Message, Node, NodeId, Part, Passage, Run};
use crate::text::escape::{escaped, one_line};
use crate::text::json::{Json, Kind};
use crate::text::units::count;

/// Lines of an answer, a new text, and one that was carried over, before a terminal is spared the rest.
pub(super) const ANSWER_LINES: usize = 40;
const NEW_LINES: usize = 16;
const OLD_LINES: usize = 2;

/// Where a message of a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was not in the call before.
    New,
    /// The call before carried it too.
    As(NodeId),
    /// It is what the call before answered.
    AnswerOf(NodeId),
}

/// The call before this one in its lane.
#[must_use]
pub fn predecessor(run: &Run, id: NodeId) -> Option<&Node> {
    let comes_before = |edge: &Edge| matches!(edge, Edge::Then | Edge::Compacted | Edge::Handoff);
    run.graph
        .into_node(id)
        .filter(|(_, edge)| comes_before(edge))
        .filter_map(|(other, _)| run.graph.node(other))
        .filter(|node| matches!(node.detail, Detail::Call { .. }))
        .last()
}

/// Where each message of a call comes from, given the call before it.
#[must_use]
pub fn origins(messages: &[Arc<Message>], before: Option<&Node>) -> Vec<Origin> {
    let Some((id, prompt, reply)) = before.and_then(|node| match &node.detail {
        Detail::Call { prompt, reply, .. } => Some((node.id, prompt, reply)),
        _ => None,
    }) else {
        return vec![Origin::New; messages.len()];
    };
    let mut at = 0;
    let mut origin = |message: &Message| {
        if let Some(found) = prompt.messages[at..].iter().position(|old| same_message(old, message)) {
            at += found + 1;
            return Origin::As(id);
        }
        let said = message.parts.iter().filter(|part| !matches!(part, Part::Reasoning(_)));
        let answered = message.role == "assistant" || message.role.is_empty();
        let known = |part: &Part| reply.parts.iter().any(|old| same_part(old, part));
        if answered && said.clone().next().is_some() && said.clone().all(known) {
            Origin::AnswerOf(id)
        } else {
            Origin::New
        }
    };
    messages.iter().map(|message| origin(message)).collect()
}

fn same_message(left: &Message, right: &Message) -> bool {
    left.role == right.role
        && left.parts.len() == right.parts.len()
        && left.parts.iter().zip(&right.parts).all(|(left, right)| same_part(left, right))
}

fn same_part(left: &Part, right: &Part) -> bool {
    match (left, right) {
        (Part::Text(left), Part::Text(right))
        | (Part::Media(left), Part::Media(right))
        | (Part::Other(left), Part::Other(right)) => left.text == right.text,
        (Part::Reasoning(left), Part::Reasoning(right)) => left.text == right.text && left.sealed == right.sealed,
        (Part::ToolCall(left), Part::ToolCall(right)) => {
            left.name == right.name
                && left.id == right.id
                && (left.arguments == right.arguments || arguments(&left.arguments) == arguments(&right.arguments))
        }
        (Part::ToolResult(left), Part::ToolResult(right)) => {
            left.call_id == right.call_id && left.content == right.content
        }
        _ => false,
    }
}

/// A path that `--set` takes for what a message says, given the path of the message.
fn typed(place: &str, parts: &[Part]) -> String {
    match parts {
        [Part::ToolCall(call)] => call.path.clone(),
        [Part::Text(_) | Part::ToolResult(_) | Part::Media(_) | Part::Other(_)] if place != "system" => {
            format!("{place}.content")
        }
        _ => place.to_owned(),
    }
}

/// Writes the messages: a heading with path, speaker and origin, then what was said.
pub(super) fn write(out: &mut Sheet, run: &Run, node: &Node, messages: &[Arc<Message>], paper: Paper) {
    let origins = origins(messages, predecessor(run, node.id));
    let sources = Sources::of(run, node.id);
    for (position, (message, origin)) in messages.iter().zip(origins).enumerate() {
        let (mark, style, most) = match origin {
            Origin::New => ("new".to_owned(), Style::Changed, NEW_LINES),
            Origin::As(id) => (format!("as in {id}"), Style::Faint, OLD_LINES),
            Origin::AnswerOf(id) => (format!("answer of {id}"), Style::Faint, OLD_LINES),
        };
        let place = message_path(message, position);
        let path = typed(&place, &message.parts);
        let mut head = paper.paint(Style::Place, &one_line(&path));
        for word in [Some(&message.role).filter(|role| **role != path), message.name.as_ref()].into_iter().flatten() {
            let _ = write!(head, "  {}", one_line(word));
        }
        out.place(&path, origin != Origin::New);
        let _ = writeln!(out, "{head}  {}", paper.paint(style, &mark));
        if origin == Origin::New {
            sources.write(out, &place, paper);
        }
        parts(out, &message.parts, most, paper);
    }
}

/// Writes parts of a message, two columns in; their paths too where there are several.
pub(super) fn parts(out: &mut Sheet, parts: &[Part], most: usize, paper: Paper) {
    let several = parts.len() > 1;
    let path = |path: &str| if several && !path.is_empty() { format!("  {}", one_line(path)) } else { String::new() };
    for part in parts {
        match part {
            Part::Text(text) | Part::Other(text) => paper.block(&mut out.text, 2, &text.text, most),
            Part::Media(text) => {
                let _ = writeln!(out, "  [{}]", one_line(&text.text));
            }
            Part::Reasoning(reasoning) => {
                let sealed = if reasoning.sealed { ", sealed" } else { "" };
                let _ = writeln!(out, "  {}", paper.paint(Style::Faint, &format!("(thinking{sealed})")));
                paper.block(&mut out.text, 4, &reasoning.text, most);
            }
            Part::ToolCall(call) => {
                let path = path(&call.path);
                let said = format!("calls {} {}", one_line(&call.name), arguments(&call.arguments));
                let _ = writeln!(out, "  {}{}", paper.cut(&said, 2 + path.len()), paper.paint(Style::Faint, &path));
            }
            Part::ToolResult(result) => {
                let error = if result.is_error { ", marked as an error" } else { "" };
                let name = result.name.as_deref().map(|name| format!(" of {}", one_line(name))).unwrap_or_default();
                let id =
                    if result.call_id.is_empty() { String::new() } else { format!(" {}", one_line(&result.call_id)) };
                let path = path(&result.path);
                let said = format!("(result{name}{id}{error}){path}");
                let _ = writeln!(out, "  {}", paper.paint(Style::Faint, &said));
                paper.block(&mut out.text, 2, &result.content, most);
            }
        }
    }
}

/// Writes JSON text under a path: a line for each member of an object, else the text as it is.
pub(super) fn fields(out: &mut Sheet, path: &str, text: &str, paper: Paper) {
    let document = Json::parse_text(text).ok();
    let object = document.as_ref().map(Json::root).filter(|root| root.kind() == Kind::Object && !root.is_empty());
    let Some(object) = object else {
        return field(out, path, text, paper);
    };
    for member in object.items() {
        let place = member.path().to_string();
        let full = if place.starts_with('[') { format!("{path}{place}") } else { format!("{path}.{place}") };
        field(out, &full, &member.raw_str(), paper);
    }
}

/// Writes a path and its value: beside it where it is short, else below it.
pub(super) fn field(out: &mut Sheet, path: &str, text: &str, paper: Paper) {
    out.place(path, false);
    let path = one_line(path);
    if !text.contains('\n') && path.len() + text.len() < paper.width.unwrap_or(100).saturating_sub(4) {
        let _ = writeln!(out, "{}", format!("{}  {}", paper.paint(Style::Place, &path), escaped(text)).trim_end());
        return;
    }
    let _ = writeln!(out, "{}", paper.paint(Style::Place, &path));
    paper.block(&mut out.text, 2, text, NEW_LINES);
}

/// Passages of other nodes' outputs in a node's input.
pub(super) struct Sources<'a>(Vec<(NodeId, &'a Passage)>);

impl<'a> Sources<'a> {
    pub(super) fn of(run: &'a Run, id: NodeId) -> Self {
        let mut found: Vec<(NodeId, &Passage)> = run
            .graph
            .into_node(id)
            .filter_map(|(other, edge)| match edge {
                Edge::Data(passages) => Some((other, passages)),
                _ => None,
            })
            .flat_map(|(other, passages)| passages.iter().map(move |passage| (other, passage)))
            .collect();
        found.sort_by_key(|(_, passage)| (passage.to.clone(), passage.to_range.start));
        Self(found)
    }

    /// Writes where what stands at this path or below it came from.
    pub(super) fn write(&self, out: &mut Sheet, path: &str, paper: Paper) {
        let below = |passage: &Passage| {
            passage.to.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let found: Vec<_> = self.0.iter().filter(|(_, passage)| below(passage)).collect();
        let most = if paper.width.is_some() { 4 } else { usize::MAX };
        for (other, passage) in found.iter().take(most) {
            let characters = count(passage.to_range.len(), "character");
            let line = format!(
                "from {other} {}: {characters} at {}, {}",
                one_line(&passage.from),
                passage.to_range.start,
                certainty(passage),
            );
            let _ = writeln!(out, "  {}", paper.paint(Style::Good, &line));
        }
        if found.len() > most {
            let more = format!("(+ {} from other nodes)", count(found.len() - most, "passage"));
            let _ = writeln!(out, "  {}", paper.paint(Style::Faint, &more));
        }
    }
}

/// How sure a passage is, in a word.
fn certainty(passage: &Passage) -> &'static str {
    match passage.certainty {
        crate::model::Certainty::Exact => "exact",
        crate::model::Certainty::Derived => "derived",
        crate::model::Certainty::Guessed => "guessed",
    }
}
