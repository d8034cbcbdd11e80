//! One node in full: what went in, what came out, what it hangs together with, what a replay did.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::facts::{action, ending, grade, kind_word, outcome, source, summary, tokens, tool_state};
use super::graph::{beside, ranges};
use super::message::{self, Sources, field, fields};
use super::{Paper, Sheet, Style};
use crate::model::event::Frame;
use crate::model::{Block, Call, Detail, Document, Edge, Node, NodeId, Prompt, Reply, Run, Source, Tool, Usage};
use crate::text::escape::one_line;
use crate::text::units::{count, duration, grouped, size};

/// The node, as `show RUN:NODE` prints it; `None` if the run has no such node.
#[must_use]
pub fn view(run: &Run, id: NodeId, paper: Paper) -> Option<String> {
    sheet(run, id, paper).map(|sheet| sheet.text)
}

/// The same with the places of its fields.
#[must_use]
pub fn sheet(run: &Run, id: NodeId, paper: Paper) -> Option<Sheet> {
    let node = run.graph.node(id)?;
    let mut out = Sheet { text: head(node, paper), places: Vec::new() };
    for line in connections(run, node) {
        let _ = writeln!(out, "  {line}");
    }
    for line in wire(run, node) {
        let _ = writeln!(out, "  {}", paper.paint(Style::Faint, &line));
    }
    for (line, style) in decision(run, node) {
        let _ = writeln!(out, "  {}", paper.paint(style, &line));
    }
    if let Some(error) = &node.error {
        let _ = writeln!(out, "  {} {}", paper.paint(Style::Bad, "failed:"), one_line(error));
    }
    out.text.push('\n');
    match &node.detail {
        Detail::Call { prompt, reply, .. } => call(&mut out, run, node, prompt, reply, paper),
        Detail::Tool(tool) => tool_view(&mut out, run, node, tool, paper),
        Detail::Block(block) => block_view(&mut out, run, node, block, paper),
        Detail::Http { .. } => http(&mut out, run, node, paper),
    }
    Some(out)
}

/// The node in a line: `5 summarize  model call  mistral-small  3,104 → 410 tok  2.9s`.
#[must_use]
pub fn line(node: &Node) -> String {
    let name = if node.name.is_empty() { String::new() } else { format!(" {}", one_line(&node.name)) };
    let mut facts =
        vec![format!("{}{name}", node.id), one_line(kind_word(&node.kind)), summary(node, 40), outcome(node)];
    facts.extend(node.ended.map(|ended| duration(ended.since(node.started))));
    facts.extend(node.error.as_ref().map(|error| format!("failed: {}", one_line(error))));
    facts.retain(|fact| !fact.is_empty());
    facts.join("  ")
}

fn head(node: &Node, paper: Paper) -> String {
    let mut facts = vec![one_line(kind_word(&node.kind))];
    match &node.detail {
        Detail::Call { dialect, prompt, reply } => {
            facts.extend(match (&prompt.model, &reply.model) {
                (Some(asked), Some(answered)) if asked != answered => {
                    Some(format!("{}, answered by {}", one_line(asked), one_line(answered)))
                }
                (Some(model), _) | (None, Some(model)) => Some(one_line(model)),
                (None, None) => None,
            });
            facts.push(one_line(dialect));
        }
        Detail::Tool(tool) => facts.push(tool_state(tool).to_owned()),
        Detail::Http { method, target, status } => {
            facts.push(one_line(&format!("{method} {target}")));
            facts.extend(status.map(|status| status.to_string()));
        }
        Detail::Block(_) => {}
    }
    if node.source != Source::Wire {
        facts.push(source(node.source).to_owned());
    }
    facts.extend(node.ended.map(|ended| duration(ended.since(node.started))));
    let name = if node.name.is_empty() { String::new() } else { format!(" {}", one_line(&node.name)) };
    format!(
        "{}{}  {}\n",
        paper.paint(Style::Place, &node.id.to_string()),
        paper.paint(Style::Strong, &name),
        facts.join("  ")
    )
}

fn connections(run: &Run, node: &Node) -> Vec<String> {
    let say = |edges: &mut dyn Iterator<Item = (NodeId, &Edge)>| {
        let mut kinds: BTreeMap<NodeId, Vec<&str>> = BTreeMap::new();
        for (other, edge) in edges {
            kinds.entry(other).or_default().push(edge.as_str());
        }
        kinds.iter().map(|(other, kinds)| format!("{other} ({})", kinds.join(", "))).collect::<Vec<_>>().join(", ")
    };
    let from = say(&mut run.graph.into_node(node.id));
    let to = say(&mut run.graph.out_of_node(node.id));
    let beside = beside(&run.graph, node.id);
    let mut lines = Vec::new();
    if !from.is_empty() {
        lines.push(format!("from {from}"));
    }
    if !to.is_empty() {
        lines.push(format!("to {to}"));
    }
    if !beside.is_empty() {
        lines.push(format!("in parallel with {}", ranges(&beside)));
    }
    lines
}

fn wire(run: &Run, node: &Node) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, seq) in node.attempts.iter().enumerate() {
        if let Some(call) = run.calls.get(seq) {
            lines.push(format!("attempt {}: {}", place + 1, exchange(call, false)));
        }
    }
    if let Some(call) = node.seq.and_then(|seq| run.calls.get(&seq)) {
        lines.push(exchange(call, true));
        if let Some(trouble) = ending(call.ending.as_ref())
            && node.error.is_none()
        {
            lines.push(trouble);
        }
    }
    lines
}

/// Request and answer of a call in a line.
fn exchange(call: &Call, whole: bool) -> String {
    let mut facts = Vec::new();
    if whole {
        let request = &call.request;
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        facts.push(one_line(&format!("{} {}{}{query}", request.method, request.upstream, request.path)));
    }
    match &call.answer {
        Some(answer) => {
            facts.push(answer.status.to_string());
            facts.push(match messages(call).count() {
                0 => size(answer.pieces.iter().map(|(_, piece)| piece.len() as u64).sum()),
                number => count(number, "message"),
            });
            if answer.is_stream() {
                facts.push(format!("stream of {}", count(answer.pieces.len(), "piece")));
            }
            facts.push(format!("first byte after {}", duration(answer.at.since(call.request.at))));
        }
        None => facts.push(ending(call.ending.as_ref()).unwrap_or_else(|| "no answer".to_owned())),
    }
    facts.join(", ")
}

fn decision(run: &Run, node: &Node) -> Vec<(String, Style)> {
    let Some(decided) = &node.decided else { return Vec::new() };
    let parent = run.started.parent.as_ref().map(|parent| format!(" of {}", parent.run)).unwrap_or_default();
    let stands_for = decided.node.map(|id| format!(", stands for {id}{parent}")).unwrap_or_default();
    let mut lines = vec![(format!("{}: {}{stands_for}", action(decided.action), grade(decided.grade)), Style::Changed)];
    lines.extend(decided.notes.iter().map(|note| (format!("  {}", one_line(note)), Style::Faint)));
    if decided.sent.is_some() {
        lines.push(("  what was sent is not what the agent asked for".to_owned(), Style::Faint));
    }
    lines
}

fn call(out: &mut Sheet, run: &Run, node: &Node, prompt: &Prompt, reply: &Reply, paper: Paper) {
    if let Some(previous) = &prompt.previous {
        field(out, "continues", previous, paper);
    }
    message::write(out, run, node, &prompt.messages, paper);
    for (place, text) in prompt.texts.iter().enumerate() {
        let path = format!("texts[{place}]");
        field(out, &path, text, paper);
        Sources::of(run, node.id).write(out, &path, paper);
    }
    if !prompt.tools.is_empty() {
        let names: Vec<String> = prompt.tools.iter().map(|tool| one_line(&tool.name)).collect();
        field(out, "tools", &names.join(", "), paper);
    }
    answer(out, run, node, reply, paper);
    let mut facts: Vec<String> =
        prompt.parameters.iter().map(|(name, value)| paper.cut(&one_line(&format!("{name} {value}")), 0)).collect();
    facts.push(if prompt.stream { "stream".to_owned() } else { String::new() });
    facts.extend(reply.finish.as_ref().map(|finish| format!("finish {}", one_line(finish))));
    facts.extend(reply.count.map(|number| count(number, "vector")));
    facts.push(usage(&reply.usage));
    facts.retain(|fact| !fact.is_empty());
    if !facts.is_empty() {
        let _ = writeln!(out, "\n{}", facts.join("   "));
    }
}

fn answer(out: &mut Sheet, run: &Run, node: &Node, reply: &Reply, paper: Paper) {
    let said: Vec<_> =
        reply.parts.iter().filter(|part| !matches!(part, crate::model::Part::ToolCall(_))).cloned().collect();
    if !said.is_empty() {
        out.place("answer", false);
        let _ = writeln!(out, "{}", paper.paint(Style::Place, "answer"));
        message::parts(out, &said, message::ANSWER_LINES, paper);
    }
    for (place, call) in reply.tool_calls().enumerate() {
        let tool = run
            .graph
            .out_of_node(node.id)
            .filter(|(_, edge)| **edge == Edge::ToolCall)
            .find(|(other, _)| {
                let made_by = run.graph.node(*other).and_then(Node::made_by);
                made_by.is_some_and(|(_, made_at)| made_at == place)
            })
            .map(|(other, _)| format!("  ran as {other}"))
            .unwrap_or_default();
        let by = if call.by_provider { "  run by the provider" } else { "" };
        let path = format!("tool_calls[{place}]");
        out.place(&format!("{path}.name"), false);
        let name = paper.paint(Style::Place, &format!("{path}.name"));
        let _ = writeln!(out, "{name}  {}{}", one_line(&call.name), paper.paint(Style::Faint, &format!("{tool}{by}")));
        fields(out, &format!("{path}.arguments"), &call.arguments, paper);
    }
    for (place, parts) in reply.choices.iter().enumerate() {
        let _ = writeln!(out, "{}", paper.paint(Style::Place, &format!("choice {}", place + 2)));
        message::parts(out, parts, message::ANSWER_LINES, paper);
    }
}

/// Tokens with what is known of caches and reasoning; a part is never added to its whole.
fn usage(usage: &Usage) -> String {
    let mut text = tokens(usage);
    let parts: Vec<String> = [
        (usage.cached, "read from the cache"),
        (usage.cache_written, "written to the cache"),
        (usage.reasoning, "of reasoning"),
    ]
    .iter()
    .filter_map(|(number, what)| {
        number.filter(|number| *number > 0).map(|number| format!("{} {what}", grouped(number)))
    })
    .collect();
    if !parts.is_empty() {
        let _ = write!(text, " ({})", parts.join(", "));
    }
    text
}

fn tool_view(out: &mut Sheet, run: &Run, node: &Node, tool: &Tool, paper: Paper) {
    fields(out, "arguments", &tool.arguments, paper);
    Sources::of(run, node.id).write(out, "arguments", paper);
    if let Some(result) = &tool.result {
        out.place("result", false);
        let _ = writeln!(out, "{}", paper.paint(Style::Place, "result"));
        paper.block(&mut out.text, 2, result, message::ANSWER_LINES);
    }
    documents(out, &tool.documents, paper);
    if !tool.call_id.is_empty() {
        let _ = writeln!(out, "\ncall id {}", one_line(&tool.call_id));
    }
}

fn block_view(out: &mut Sheet, run: &Run, node: &Node, block: &Block, paper: Paper) {
    fields(out, "input", &block.input, paper);
    Sources::of(run, node.id).write(out, "input", paper);
    if let Some(output) = &block.output {
        fields(out, "output", output, paper);
    }
    documents(out, &block.documents, paper);
}

fn documents(out: &mut Sheet, documents: &[Document], paper: Paper) {
    for (place, document) in documents.iter().enumerate() {
        let id = document.id.as_ref().map(|id| format!("  {}", one_line(id))).unwrap_or_default();
        let score = document.score.as_ref().map(|score| format!("  score {}", one_line(score))).unwrap_or_default();
        let metadata = document.metadata.as_ref().map(|text| format!("  {}", one_line(text))).unwrap_or_default();
        let path = format!("documents[{place}].text");
        let rest = paper.cut(&format!("{id}{score}{metadata}"), path.len());
        out.place(&path, false);
        let _ = writeln!(out, "{}{}", paper.paint(Style::Place, &path), paper.paint(Style::Faint, &rest));
        paper.block(&mut out.text, 2, &document.text, 8);
    }
}

fn binary(bytes: &[u8]) -> String {
    format!("({} of binary data)", size(bytes.len() as u64))
}

/// Texts and data that passed over an upgraded connection.
fn messages(call: &Call) -> impl Iterator<Item = &Frame> {
    call.frames.iter().filter(|frame| frame.opcode < 8)
}

fn http(out: &mut Sheet, run: &Run, node: &Node, paper: Paper) {
    let Some(call) = node.seq.and_then(|seq| run.calls.get(&seq)) else { return };
    let answer = call.answer.as_ref().map(crate::model::Answer::body).unwrap_or_default();
    for (path, body) in [("request", &call.request.body), ("response", &answer)] {
        match std::str::from_utf8(body) {
            Ok("") => {}
            Ok(text) => field(out, path, text, paper),
            Err(_) => field(out, path, &binary(body), paper),
        }
    }
    for (place, frame) in messages(call).enumerate() {
        let path = format!("frames[{place}] {}", if frame.from_agent { "sent" } else { "received" });
        match std::str::from_utf8(&frame.payload) {
            Ok(text) => field(out, &path, text, paper),
            Err(_) => field(out, &path, &binary(&frame.payload), paper),
        }
    }
}
