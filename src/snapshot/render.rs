//! What a run says, written to be read in a review: the graph, then node by node what no earlier node shows.
//!
//! Nodes are named by lane and place, so that calls in flight together do not change places. Ids, times, usage and the spacing of JSON are left out; volatile values are named.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use super::label::{Labelled, labelled};
use crate::config::Names;
use crate::model::{
    Detail, Edge, LaneId, Message, Node, NodeId, Part, Prompt, Reply, Run, ToolDefinition, ToolResult, ToolState,
};
use crate::names::Steady;
use crate::text::layout;

/// Columns within which JSON stays on one line.
const WIDTH: usize = 100;

/// A part of a snapshot that is reviewed by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `graph`, `output`, or the node's heading.
    pub title: String,
    /// All of its lines, the heading first.
    pub text: String,
}

/// The sections of a snapshot's text.
#[must_use]
pub fn sections(text: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    for line in text.lines() {
        let is_heading = !line.is_empty() && !line.starts_with(' ');
        if is_heading {
            found.push(Section { title: line.to_owned(), text: String::new() });
        }
        if let Some(section) = found.last_mut() {
            section.text.push_str(line);
            section.text.push('\n');
        }
    }
    for section in &mut found {
        section.text.truncate(section.text.trim_end().len());
    }
    found
}

/// Writes what a run says. `volatile` names tools whose results are not shown.
#[must_use]
pub fn render(run: &Run, rules: &Names, volatile: &[String]) -> String {
    let order = labelled(run);
    let mut view = View {
        run,
        names: Steady::new(run, rules),
        volatile: volatile.iter().map(String::as_str).collect(),
        said: HashMap::new(),
        tools: BTreeMap::new(),
        labels: order.iter().map(|node| (node.id, node.label.clone())).collect(),
        settings: BTreeMap::new(),
        out: String::new(),
    };
    view.graph(&order);
    for node in order.iter().filter_map(|node| run.graph.node(node.id)) {
        view.node(node);
    }
    view.output();
    view.out
}

struct View<'a> {
    run: &'a Run,
    names: Steady,
    volatile: Vec<&'a str>,
    /// Parts of messages that were shown, by speaker and text: the node.
    said: HashMap<(String, String), NodeId>,
    /// Definitions of tools that were shown: the node.
    tools: BTreeMap<String, NodeId>,
    labels: BTreeMap<NodeId, String>,
    /// Of the last call of each lane.
    settings: BTreeMap<LaneId, Settings>,
    out: String,
}

/// What a call offers and asks for, besides its messages.
#[derive(Debug, Clone, Default)]
struct Settings {
    offered: Vec<String>,
    parameters: BTreeMap<String, String>,
}

impl View<'_> {
    fn label(&self, id: NodeId) -> String {
        self.labels.get(&id).cloned().unwrap_or_default()
    }

    /// A row a node, with the nodes of other lanes that it depends on.
    fn graph(&mut self, order: &[Labelled]) {
        self.out.push_str("graph\n");
        let lanes: BTreeMap<NodeId, &str> = order.iter().map(|node| (node.id, node.lane.as_str())).collect();
        let rows: Vec<(String, String)> = order
            .iter()
            .filter_map(|Labelled { id, label, depth, lane }| {
                let node = self.run.graph.node(*id)?;
                let others = self.run.graph.into_node(*id).map(|(from, _)| from);
                let others = others.filter(|from| lanes.get(from).is_some_and(|other| other != lane));
                let from: BTreeSet<String> = others.map(|from| self.label(from)).collect();
                let from: Vec<String> = from.into_iter().collect();
                let from = if from.is_empty() { String::new() } else { format!("from {}", from.join(", ")) };
                Some((format!("{}{label} {}", "  ".repeat(depth + 1), named(node)), from))
            })
            .collect();
        let width = rows.iter().map(|(title, _)| title.chars().count()).max().unwrap_or(0).min(60);
        for (title, from) in rows {
            let row = if from.is_empty() { title } else { format!("{title:width$}  {from}") };
            let row = self.names.text(&row);
            let _ = writeln!(self.out, "{}", row.trim_end());
        }
    }

    fn node(&mut self, node: &Node) {
        let title = format!("{} {}", self.label(node.id), named(node));
        let title = one_line(&self.names.text(&title));
        let kind = match &node.detail {
            Detail::Call { prompt, .. } => {
                format!("{} {}", node.kind.as_str(), prompt.model.as_deref().unwrap_or_default())
            }
            Detail::Tool(tool) => match tool.state {
                ToolState::ResultSeen => "tool".to_owned(),
                ToolState::NoResult => "tool, no result".to_owned(),
                ToolState::MadeByHarness => "tool, made by the harness".to_owned(),
                ToolState::RunByProvider => "tool, run by the provider".to_owned(),
            },
            Detail::Block(_) | Detail::Http { .. } => node.kind.as_str().to_owned(),
        };
        let _ = writeln!(self.out, "\n{title}  {}", one_line(&self.names.text(&kind)));
        if node.attempts.len() > 1 || !node.attempts.is_empty() {
            let _ = writeln!(self.out, "  attempts  {}", node.attempts.len() + 1);
        }
        match &node.detail {
            Detail::Call { prompt, reply, .. } => self.call(node, prompt, reply),
            Detail::Tool(tool) => {
                let caller = self.run.graph.into_node(node.id).any(|(_, edge)| matches!(edge, Edge::ToolCall));
                if !caller {
                    self.block("arguments", &tool.arguments);
                }
                if let Some(result) = &tool.result {
                    self.result(node, result, tool.is_error);
                }
            }
            Detail::Block(block) => {
                self.block("input", &block.input);
                for (place, document) in block.documents.iter().enumerate() {
                    self.block(&format!("documents[{place}]"), &document.text);
                }
                if let Some(output) = block.output.as_ref().filter(|_| block.documents.is_empty()) {
                    self.result(node, output, false);
                }
            }
            Detail::Http { method, target, status } => {
                let status = status.map_or("no answer".to_owned(), |status| status.to_string());
                self.block("call", &format!("{method} {target}: {status}"));
            }
        }
        if let Some(error) = &node.error {
            self.block("failed", error);
        }
    }

    fn call(&mut self, node: &Node, prompt: &Prompt, reply: &Reply) {
        for message in &prompt.messages {
            self.message(node, message);
        }
        for (place, text) in prompt.texts.iter().enumerate() {
            self.block(&format!("texts[{place}]"), text);
        }
        self.settings(node, prompt);
        self.parts("answer", &reply.parts, node);
        for (place, parts) in reply.choices.iter().enumerate() {
            self.parts(&format!("choice {}", place + 2), parts, node);
        }
        if let Some(count) = reply.count {
            self.block("answer", &format!("{count} values"));
        }
    }

    /// A message, unless an earlier node of the same conversation shows it.
    fn message(&mut self, node: &Node, message: &Message) {
        let results: Vec<&ToolResult> = message
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolResult(result) => Some(result),
                _ => None,
            })
            .collect();
        if results.len() == message.parts.len() && !results.is_empty() {
            // Tools have their own nodes, which show what they returned.
            return;
        }
        // Some dialects send each part of an answer as a message of its own.
        let role = message.role.as_str();
        let shown: Vec<Option<NodeId>> =
            message.parts.iter().map(|part| self.said.get(&(role.to_owned(), said(part))).copied()).collect();
        let first = shown.first().copied().flatten();
        if shown.iter().all(|at| at.is_some_and(|at| self.run.graph.causes(node.id).contains(&at))) {
            return;
        }
        if let Some(at) = first.filter(|_| shown.iter().all(|at| *at == first)) {
            let _ = writeln!(self.out, "  {}  as in {}", one_line(role), self.label(at));
            return;
        }
        for part in &message.parts {
            self.said.insert((role.to_owned(), said(part)), node.id);
        }
        let role = if role.is_empty() { "message" } else { role };
        let title = message.name.as_ref().map_or(role.to_owned(), |name| format!("{role} {name}"));
        self.parts(&title, &message.parts, node);
    }

    fn parts(&mut self, title: &str, parts: &[Part], node: &Node) {
        for part in parts {
            if title == "answer" {
                self.said.entry(("assistant".to_owned(), said(part))).or_insert(node.id);
            }
            match part {
                Part::Text(text) => self.block(title, &text.text),
                Part::Media(text) | Part::Other(text) => self.block(title, &format!("[{}]", text.text)),
                Part::Reasoning(reasoning) if reasoning.text.is_empty() => {}
                Part::Reasoning(reasoning) => self.block("thinks", &reasoning.text),
                Part::ToolCall(call) => self.block(&format!("calls {}", call.name), &call.arguments),
                Part::ToolResult(result) => self.block("result", &result.content),
            }
        }
    }

    /// Model, tools and parameters, as far as they are not those of the call before in the lane.
    fn settings(&mut self, node: &Node, prompt: &Prompt) {
        let mut tools: Vec<&ToolDefinition> = prompt.tools.iter().collect();
        tools.sort_by(|left, right| left.name.cmp(&right.name));
        let offered: Vec<String> = tools.iter().map(|tool| layout::compact(tool.json.as_bytes())).collect();
        let parameters: BTreeMap<String, String> =
            prompt.parameters.iter().filter(|(name, _)| !name.starts_with("stream")).cloned().collect();
        let now = Settings { offered, parameters };
        let before = node.lane.and_then(|lane| self.settings.insert(lane, now.clone())).unwrap_or_default();
        if before.offered != now.offered {
            if tools.is_empty() {
                let _ = writeln!(self.out, "  tools  none");
            }
            self.definitions(node, &tools);
        }
        for (name, value) in &now.parameters {
            if before.parameters.get(name) != Some(value) {
                self.block(name, value);
            }
        }
        for name in before.parameters.keys().filter(|name| !now.parameters.contains_key(*name)) {
            let _ = writeln!(self.out, "  {}  (no more)", one_line(name));
        }
    }

    fn definitions(&mut self, node: &Node, tools: &[&ToolDefinition]) {
        let mut known: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        for tool in tools {
            let json = layout::compact(tool.json.as_bytes());
            if let Some(at) = self.tools.get(&json) {
                known.entry(*at).or_default().push(one_line(&tool.name));
            } else {
                self.block(&format!("tool {}", tool.name), &tool.json);
                self.tools.insert(json, node.id);
            }
        }
        for (at, names) in known {
            let _ = writeln!(self.out, "  tools  as in {}: {}", self.label(at), names.join(", "));
        }
    }

    fn result(&mut self, node: &Node, result: &str, is_error: bool) {
        let title = if is_error { "error" } else { "result" };
        if self.volatile.contains(&node.name.as_str()) {
            let _ = writeln!(self.out, "  {title}  <volatile>");
        } else {
            self.block(title, result);
        }
    }

    /// A title and a text: beside it where it is one line, else below it.
    fn block(&mut self, title: &str, text: &str) {
        let text = self.names.text(text);
        let title = one_line(title);
        let lines = layout::lines(&text, WIDTH);
        match lines.as_slice() {
            [] => drop(writeln!(self.out, "  {title}  (empty)")),
            [only] if title.len() + only.chars().count() < WIDTH => {
                let _ = writeln!(self.out, "  {title}  {}", visible(only).trim_end());
            }
            lines => {
                let _ = writeln!(self.out, "  {title}");
                for line in lines {
                    let _ = writeln!(self.out, "{}", format!("    {}", visible(line)).trim_end());
                }
            }
        }
    }

    fn output(&mut self) {
        let text = printed(self.run);
        if !text.is_empty() {
            self.out.push_str("\noutput\n");
            let text = self.names.text(&text);
            for line in text.lines() {
                let _ = writeln!(self.out, "{}", format!("  {}", visible(line)).trim_end());
            }
        }
        if let Some(ended) = self.run.ended.as_ref().filter(|ended| ended.code != 0) {
            let _ = writeln!(self.out, "\nexit {}", ended.code);
        }
    }
}

/// What the agent wrote to its standard output.
pub(super) fn printed(run: &Run) -> String {
    let bytes: Vec<u8> =
        run.output.iter().filter(|output| output.stream == 1).flat_map(|output| output.bytes.iter().copied()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn named(node: &Node) -> String {
    let name = if node.name.is_empty() { node.kind.as_str().to_owned() } else { one_line(&node.name) };
    // A call that nobody named has the first words of its prompt.
    let is_cut = match &node.detail {
        Detail::Call { prompt, .. } => system_of(prompt).is_some_and(|system| {
            let system = one_line(&system);
            system.starts_with(&name) && system != name
        }),
        _ => false,
    };
    if is_cut { name + "…" } else { name }
}

fn system_of(prompt: &Prompt) -> Option<String> {
    let mut messages = prompt.messages.iter();
    let system = messages.find(|message| matches!(message.role.as_str(), "system" | "developer"));
    system.map(|message| message.text())
}

fn one_line(text: &str) -> String {
    crate::text::escape::one_line(text)
}

/// A line with its control characters shown.
fn visible(line: &str) -> std::borrow::Cow<'_, str> {
    crate::text::escape::escaped(line)
}

/// What a part says, ids and spacing aside.
fn said(part: &Part) -> String {
    match part {
        Part::Text(text) | Part::Media(text) | Part::Other(text) => text.text.trim().to_owned(),
        Part::ToolCall(call) => {
            format!("calls {} {}", call.name, layout::lines(&call.arguments, usize::MAX).join("\n"))
        }
        Part::ToolResult(result) => format!("result {}", result.content),
        Part::Reasoning(reasoning) => format!("thinks {}", reasoning.text),
    }
}
