//! What a node holds, in units that can be compared: ids and times left out, what has no order sorted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use similar::DiffOp;

use super::assign::hash;
use super::binding::Binding;
use super::{ChangeKind, json};
use crate::lineage::message_path;
use crate::model::{
    Block, Detail, Document, Message, Node, Part, Prompt, Reply, Tool, ToolCall, ToolResult, ToolState,
};
use crate::text::words;

/// Words around a change that are shown.
const CONTEXT: usize = 8;
/// Characters of a text without spaces that is a value and not prose.
const VALUE: usize = 64;

/// One thing that a node holds.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    /// What it is; only units of one label are compared.
    pub(super) label: String,
    /// Where it stands.
    pub(super) path: String,
    /// Its text.
    pub(super) text: Cow<'a, str>,
    /// Hash of label and text, JSON by value.
    pub(super) hash: u64,
    /// Whether it is one of a sequence; else it is found by its label.
    pub(super) is_sequence: bool,
}

/// What went into a node and what came out.
#[derive(Debug, Clone, Default)]
pub(super) struct Content<'a> {
    pub(super) inputs: Vec<Unit<'a>>,
    pub(super) outputs: Vec<Unit<'a>>,
}

fn unit<'a>(label: impl Into<String>, path: impl Into<String>, text: impl Into<Cow<'a, str>>) -> Unit<'a> {
    let (label, text) = (label.into(), text.into());
    let value = json::read(&text).map_or_else(|| hash(&*text), |json| json.root());
    let hash = hash((&label, value));
    Unit { label, path: path.into(), text, hash, is_sequence: false }
}

fn in_sequence(mut unit: Unit<'_>) -> Unit<'_> {
    unit.is_sequence = true;
    unit
}

/// Hash of units: of a sequence in order, of the others in order of their labels.
pub(super) fn hash_units(units: &[Unit<'_>]) -> u64 {
    let mut labelled: Vec<u64> = units.iter().filter(|unit| !unit.is_sequence).map(|unit| unit.hash).collect();
    labelled.sort_unstable();
    let sequence: Vec<u64> = units.iter().filter(|unit| unit.is_sequence).map(|unit| unit.hash).collect();
    hash((labelled, sequence))
}

/// The units of a node, in the words of the run that it is compared with.
pub(super) fn content<'a>(node: &'a Node, binding: Option<&Binding>) -> Content<'a> {
    let mut content = plain(node);
    if let Some(binding) = binding {
        for place in content.inputs.iter_mut().chain(&mut content.outputs) {
            if let Cow::Owned(text) = binding.text(&place.text) {
                let is_sequence = place.is_sequence;
                *place = unit(std::mem::take(&mut place.label), std::mem::take(&mut place.path), text);
                place.is_sequence = is_sequence;
            }
        }
    }
    content
}

fn plain(node: &Node) -> Content<'_> {
    let mut content = Content::default();
    match &node.detail {
        Detail::Call { dialect, prompt, reply } => {
            content.inputs.push(unit("dialect", "dialect", dialect));
            prompt_units(&mut content.inputs, prompt);
            reply_units(&mut content.outputs, reply);
        }
        Detail::Tool(tool) => tool_units(&mut content, &node.name, tool),
        Detail::Block(block) => block_units(&mut content, block),
        Detail::Http { method, target, status } => {
            content.inputs.push(unit("request", "request", format!("{method} {target}")));
            content.outputs.extend(status.map(|status| unit("status", "status", status.to_string())));
        }
    }
    content.outputs.extend(node.error.as_ref().map(|error| unit("error", "error", error)));
    content
}

fn prompt_units<'a>(units: &mut Vec<Unit<'a>>, prompt: &'a Prompt) {
    units.extend(prompt.model.as_ref().map(|model| unit("model", "model", model)));
    for (name, value) in &prompt.parameters {
        units.push(unit(format!("parameter {name}"), name, value));
    }
    for (place, tool) in prompt.tools.iter().enumerate() {
        units.push(unit(format!("tool {}", tool.name), format!("tools[{place}]"), &tool.json));
    }
    message_units(units, &prompt.messages);
    for (place, text) in prompt.texts.iter().enumerate() {
        units.push(in_sequence(unit("text", format!("texts[{place}]"), text)));
    }
}

fn message_units<'a>(units: &mut Vec<Unit<'a>>, messages: &'a [Arc<Message>]) {
    // Results of one turn are put in the order of its calls: name of the call and its place.
    let mut calls: HashMap<&str, (&str, usize)> = HashMap::new();
    let mut results: Vec<(usize, Unit<'a>)> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let path = message_path(message, place);
        let content = if path == "system" { path.clone() } else { format!("{path}.content") };
        let many = message.parts.iter().filter(|part| !matches!(part, Part::Reasoning(_) | Part::ToolCall(_))).count();
        let mut at = 0;
        for part in &message.parts {
            let here = if many > 1 { format!("{content}[{at}]") } else { content.clone() };
            at += usize::from(!matches!(part, Part::Reasoning(_) | Part::ToolCall(_)));
            if let Part::ToolResult(result) = part {
                results.push(result_unit(&calls, result, here));
                continue;
            }
            flush(units, &mut results);
            match part {
                Part::Text(text) => {
                    let here = if many > 1 { format!("{here}.text") } else { here };
                    units.push(in_sequence(unit(message.role.clone(), here, &text.text)));
                }
                Part::Reasoning(reasoning) if !reasoning.text.is_empty() => {
                    units.push(in_sequence(unit("reasoning", format!("{path}.reasoning"), &reasoning.text)));
                }
                Part::Media(other) | Part::Other(other) => {
                    units.push(in_sequence(unit(format!("{} part", message.role), here, &other.text)));
                }
                _ => {}
            }
        }
        let made = sorted_calls(&message.parts);
        if !made.is_empty() {
            flush(units, &mut results);
        }
        for (rank, (place, call)) in made.into_iter().enumerate() {
            calls.insert(&call.id, (&call.name, rank));
            units.push(in_sequence(call_unit(call, &format!("{path}.tool_calls[{place}]"))));
        }
    }
    flush(units, &mut results);
}

/// Ends a turn's results: in the order of their calls; those whose calls only the provider has have none.
fn flush<'a>(units: &mut Vec<Unit<'a>>, results: &mut Vec<(usize, Unit<'a>)>) {
    results.sort_by_key(|(rank, unit)| (*rank, if *rank == usize::MAX { unit.hash } else { 0 }));
    units.extend(results.drain(..).map(|(_, unit)| unit));
}

fn result_unit<'a>(calls: &HashMap<&str, (&str, usize)>, result: &'a ToolResult, path: String) -> (usize, Unit<'a>) {
    let (name, rank) = calls.get(result.call_id.as_str()).copied().unwrap_or(("", usize::MAX));
    let name = if name.is_empty() { result.name.as_deref().unwrap_or_default() } else { name };
    (rank, in_sequence(unit(format!("result {name}"), path, &result.content)))
}

/// Tool calls of an answer and their places there, sorted: they have no order.
pub(super) fn sorted_calls(parts: &[Part]) -> Vec<(usize, &ToolCall)> {
    let calls = parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    });
    let mut calls: Vec<(usize, &ToolCall)> = calls.enumerate().collect();
    calls.sort_by_cached_key(|(place, call)| (call.name.clone(), call_unit(call, "").hash, *place));
    calls
}

fn call_unit<'a>(call: &'a ToolCall, path: &str) -> Unit<'a> {
    unit(format!("call {}", call.name), format!("{path}.arguments"), &call.arguments)
}

fn reply_units<'a>(units: &mut Vec<Unit<'a>>, reply: &'a Reply) {
    for (choice, parts) in std::iter::once(&reply.parts).chain(&reply.choices).enumerate() {
        let prefix = if choice == 0 { String::new() } else { format!("choices[{choice}].") };
        let mut add = |label: &str, path: &str, text: Cow<'a, str>| {
            if !text.is_empty() {
                // The label of an answer is the role that it has in the next prompt.
                units.push(unit(format!("{prefix}{label}"), format!("{prefix}{path}"), text));
            }
        };
        let texts: Vec<&str> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) | Part::Media(text) | Part::Other(text) => Some(text.text.as_str()),
                Part::ToolResult(result) => Some(result.content.as_str()),
                _ => None,
            })
            .collect();
        match texts.as_slice() {
            [only] => add("assistant", "answer", Cow::Borrowed(only)),
            many => add("assistant", "answer", Cow::Owned(many.join("\n"))),
        }
        for part in parts {
            if let Part::Reasoning(reasoning) = part {
                add("reasoning", "reasoning", Cow::Borrowed(&reasoning.text));
            }
        }
        for (place, call) in sorted_calls(parts) {
            units.push(in_sequence(call_unit(call, &format!("{prefix}tool_calls[{place}]"))));
        }
    }
    units.extend(reply.finish.as_ref().map(|finish| unit("finish", "finish", finish)));
    units.extend(reply.error.as_ref().map(|error| unit("reply error", "error", error)));
    units.extend(reply.count.map(|count| unit("count", "count", count.to_string())));
    units.extend(reply.model.as_ref().map(|model| unit("answering model", "response.model", model)));
}

fn tool_units<'a>(content: &mut Content<'a>, name: &str, tool: &'a Tool) {
    // The labels are those that call and result have in a conversation.
    content.inputs.push(unit(format!("call {name}"), "arguments", &tool.arguments));
    let state = match tool.state {
        ToolState::ResultSeen => None,
        ToolState::NoResult => Some("no result"),
        ToolState::MadeByHarness => Some("made by the harness"),
        ToolState::RunByProvider => Some("run by the provider"),
    };
    content.outputs.extend(state.map(|state| unit("state", "state", state)));
    output_units(content, &format!("result {name}"), "result", tool.result.as_deref(), &tool.documents);
    if tool.is_error {
        content.outputs.push(unit("is_error", "is_error", "true"));
    }
}

fn block_units<'a>(content: &mut Content<'a>, block: &'a Block) {
    content.inputs.push(unit("input", "input", &block.input));
    output_units(content, "output", "output", block.output.as_deref(), &block.documents);
}

fn output_units<'a>(
    content: &mut Content<'a>,
    label: &str,
    path: &str,
    output: Option<&'a str>,
    documents: &'a [Document],
) {
    // An output that is the list of documents is compared as documents.
    let is_told = output.is_some_and(|output| {
        documents.iter().all(|document| output.contains(crate::text::json::quote(&document.text).trim_matches('"')))
    });
    if documents.is_empty() || !is_told {
        content.outputs.extend(output.map(|output| unit(label, path, output)));
    }
    for (place, document) in documents.iter().enumerate() {
        let path = format!("documents[{place}]");
        let label = "document";
        content.outputs.push(in_sequence(unit(label, format!("{path}.text"), &document.text)));
    }
}

/// What changed between two texts: a value where they are short and without spaces, else words.
pub(super) fn text_change(left: &str, right: &str, raw: impl FnOnce() -> (String, String)) -> ChangeKind {
    let is_value = |text: &str| text.len() <= VALUE && !text.trim().contains(char::is_whitespace);
    if is_value(left) && is_value(right) {
        let (left, right) = raw();
        ChangeKind::Value { left, right }
    } else {
        ChangeKind::Text(words::diff(left, right, CONTEXT))
    }
}

/// Where two sequences differ: ranges of the left and the right that stand for one another.
pub(super) fn gaps(ops: &[DiffOp]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut out: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let (mut left, mut right) = (0, 0);
    for op in ops {
        let (from_left, from_right) = (left, right);
        left += op.old_range().len();
        right += op.new_range().len();
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        match out.last_mut() {
            Some((old, new)) if old.end == from_left && new.end == from_right => {
                (old.end, new.end) = (left, right);
            }
            _ => out.push((from_left..left, from_right..right)),
        }
    }
    out
}
