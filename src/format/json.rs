//! What `--json` prints: one object a line, each with a `type`.
//!
//! The shapes are stable: fields are added, never renamed or removed. Times are RFC 3339 in UTC, durations
//! whole microseconds, unknown values `null`. JSON that was recorded (arguments, parameters) is given as
//! text, byte for byte, since not all of it survives being parsed.
//!
//! | `type` | stands for |
//! | --- | --- |
//! | `run` | a run, as `ls` lists it |
//! | `node` | a node; `show RUN:NODE` adds `messages`, `answer`, `tool_calls`, `arguments`, `result`, `documents`, and `frames` of a WebSocket |
//! | `edge` | a connection of two nodes |
//! | `diff` | how much two runs differ |
//! | `pair` | two nodes that stand for one another, or one that has no other, and how they differ |
//! | `assessment`, `judged` | how replayable a run is, and each of its nodes ([`super::replays`]) |
//! | `step` | what a command of `step -c` came to ([`super::steps`]) |
//! | `flake`, `volatile`, `race` | what differs between replays, and each such thing ([`super::replays`]) |

use std::borrow::Cow;

use serde::Serialize;

use crate::diff::{Change, ChangeKind, Pair, Place, Report, Status};
use crate::model::event::{Action, Frame, Grade};
use crate::model::{Detail, Document, Edge, Kind, Message, Node, NodeId, Part, Run, State, Summary, ToolState, Usage};
use crate::text::escape::escaped_json;
use crate::text::units::timestamp;
use crate::text::words::{Hunk, Op, Tag};

#[derive(Serialize)]
struct RunLine<'a> {
    r#type: &'static str,
    id: &'a str,
    state: &'static str,
    started: String,
    duration_us: Option<u64>,
    command: &'a [String],
    directory: &'a str,
    origin: &'a str,
    exit_code: Option<i32>,
    parent: Option<&'a str>,
    changes: &'a [String],
    grade: Option<&'a str>,
    nodes: usize,
    model_calls: usize,
    tokens: Option<u64>,
    models: &'a [String],
    tools: &'a [String],
    tags: &'a [String],
}

#[derive(Serialize)]
struct NodeLine<'a> {
    r#type: &'static str,
    run: &'a str,
    id: u32,
    kind: &'a str,
    name: &'a str,
    source: &'static str,
    lane: Option<u32>,
    started: String,
    duration_us: Option<u64>,
    error: Option<&'a str>,
    attempts: usize,
    dialect: Option<&'a str>,
    model: Option<&'a str>,
    answered_by: Option<&'a str>,
    finish: Option<&'a str>,
    tokens: Option<Tokens>,
    tool_state: Option<&'static str>,
    decided: Option<DecidedLine<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    content: Option<Content<'a>>,
}

#[derive(Serialize)]
struct Tokens {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    cache_written: Option<u64>,
    reasoning: Option<u64>,
}

#[derive(Serialize)]
struct DecidedLine<'a> {
    action: &'static str,
    grade: &'static str,
    node: Option<u32>,
    notes: &'a [String],
}

#[derive(Serialize, Default)]
struct Content<'a> {
    messages: Option<Vec<MessageLine<'a>>>,
    texts: Option<&'a [String]>,
    tools: Option<Vec<&'a str>>,
    parameters: Option<Vec<(&'a str, &'a str)>>,
    answer: Option<String>,
    tool_calls: Option<Vec<CallLine<'a>>>,
    arguments: Option<&'a str>,
    result: Option<&'a str>,
    input: Option<&'a str>,
    output: Option<&'a str>,
    documents: Option<Vec<DocumentLine<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<Vec<FrameLine<'a>>>,
}

#[derive(Serialize)]
struct FrameLine<'a> {
    from_agent: bool,
    opcode: u8,
    payload: Cow<'a, str>,
}

#[derive(Serialize)]
struct MessageLine<'a> {
    path: &'a str,
    role: &'a str,
    name: Option<&'a str>,
    parts: Vec<PartLine<'a>>,
}

#[derive(Serialize)]
struct PartLine<'a> {
    part: &'static str,
    path: &'a str,
    text: &'a str,
    id: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct CallLine<'a> {
    id: &'a str,
    name: &'a str,
    arguments: &'a str,
    by_provider: bool,
}

#[derive(Serialize)]
struct DocumentLine<'a> {
    id: Option<&'a str>,
    text: &'a str,
    score: Option<&'a str>,
    metadata: Option<&'a str>,
}

#[derive(Serialize)]
struct EdgeLine<'a> {
    r#type: &'static str,
    run: &'a str,
    from: u32,
    to: u32,
    kind: &'static str,
    passages: Vec<PassageLine<'a>>,
}

#[derive(Serialize)]
struct PassageLine<'a> {
    from: &'a str,
    from_range: [usize; 2],
    to: &'a str,
    to_range: [usize; 2],
    certainty: &'static str,
}

#[derive(Serialize)]
struct DiffLine<'a> {
    r#type: &'static str,
    left: &'a str,
    right: &'a str,
    equal: bool,
    same: usize,
    differ: usize,
    only_left: usize,
    only_right: usize,
    causes: usize,
}

#[derive(Serialize)]
struct PairLine<'a> {
    r#type: &'static str,
    left: Option<u32>,
    right: Option<u32>,
    status: &'static str,
    cause: bool,
    changes: Vec<ChangeLine<'a>>,
    metrics: Vec<MetricLine<'a>>,
}

#[derive(Serialize)]
struct ChangeLine<'a> {
    path: &'a str,
    place: &'static str,
    kind: &'static str,
    inherited: bool,
    left: Option<&'a str>,
    right: Option<&'a str>,
    hunks: Option<Vec<HunkLine<'a>>>,
}

#[derive(Serialize)]
struct HunkLine<'a> {
    left: usize,
    right: usize,
    ops: Vec<(&'static str, &'a str)>,
}

#[derive(Serialize)]
struct MetricLine<'a> {
    name: &'a str,
    left: Option<u64>,
    right: Option<u64>,
}

/// The line of a run.
#[must_use]
pub fn run(summary: &Summary) -> String {
    let parent = summary.started.parent.as_ref();
    line(&RunLine {
        r#type: "run",
        id: summary.id.as_str(),
        state: match summary.state {
            State::Running => "running",
            State::Interrupted => "interrupted",
            State::Finished => "finished",
        },
        started: timestamp(summary.started.at.0),
        duration_us: summary.duration,
        command: &summary.started.command,
        directory: &summary.started.directory,
        origin: &summary.started.origin,
        exit_code: summary.ended.as_ref().map(|ended| ended.code),
        parent: parent.map(|parent| parent.run.as_str()),
        changes: parent.map_or(&[], |parent| parent.changes.as_slice()),
        grade: summary.grade.as_deref(),
        nodes: summary.nodes,
        model_calls: summary.model_calls,
        tokens: summary.tokens,
        models: &summary.models,
        tools: &summary.tools,
        tags: &summary.tags,
    })
}

/// A run, its nodes and its edges, a line each.
#[must_use]
pub fn whole(all: &Run, summary: &Summary) -> String {
    let mut lines = run(summary);
    for node in all.graph.nodes() {
        lines.push_str(&line(&node_line(all, node, None)));
    }
    for (from, to, edge) in all.graph.edges() {
        lines.push_str(&line(&edge_line(all, from, to, edge)));
    }
    lines
}

/// The line of a node; `None` if there is no such node.
#[must_use]
pub fn node(all: &Run, id: NodeId) -> Option<String> {
    Some(line(&node_line(all, all.graph.node(id)?, None)))
}

/// A node with all that it holds, then the edges that end or begin in it; `None` if there is no such node.
#[must_use]
pub fn node_in_full(all: &Run, id: NodeId) -> Option<String> {
    let node = all.graph.node(id)?;
    let mut lines = line(&node_line(all, node, Some(Content { frames: frames(all, node), ..content(node) })));
    for (from, to, edge) in all.graph.edges().into_iter().filter(|(from, to, _)| *from == id || *to == id) {
        lines.push_str(&line(&edge_line(all, from, to, edge)));
    }
    Some(lines)
}

pub(super) fn line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("the shapes hold texts and numbers, and keys are texts");
    format!("{}\n", escaped_json(&text))
}

fn node_line<'a>(all: &'a Run, node: &'a Node, content: Option<Content<'a>>) -> NodeLine<'a> {
    let (dialect, prompt, reply) = match &node.detail {
        Detail::Call { dialect, prompt, reply } => (Some(dialect.as_str()), Some(prompt), Some(reply)),
        _ => (None, None, None),
    };
    NodeLine {
        r#type: "node",
        run: all.id.as_str(),
        id: node.id.0,
        kind: node.kind.as_str(),
        name: &node.name,
        source: match node.source {
            crate::model::Source::Wire => "wire",
            crate::model::Source::Announced => "announced",
            crate::model::Source::Conversation => "conversation",
            crate::model::Source::Inferred => "inferred",
        },
        lane: node.lane.map(|lane| lane.0),
        started: timestamp(node.started.0),
        duration_us: node.ended.map(|ended| ended.since(node.started)),
        error: node.error.as_deref(),
        attempts: node.attempts.len() + 1,
        dialect,
        model: prompt.and_then(|prompt| prompt.model.as_deref()),
        answered_by: reply.and_then(|reply| reply.model.as_deref()),
        finish: reply.and_then(|reply| reply.finish.as_deref()),
        tokens: reply.map(|reply| tokens(&reply.usage)),
        tool_state: match &node.detail {
            Detail::Tool(tool) => Some(tool_state(tool.state)),
            _ => None,
        },
        decided: node.decided.as_ref().map(|decided| DecidedLine {
            action: action(decided.action),
            grade: grade(decided.grade),
            node: decided.node.map(|id| id.0),
            notes: &decided.notes,
        }),
        content,
    }
}

fn tokens(usage: &Usage) -> Tokens {
    Tokens {
        input: usage.input,
        output: usage.output,
        cached: usage.cached,
        cache_written: usage.cache_written,
        reasoning: usage.reasoning,
    }
}

fn tool_state(state: ToolState) -> &'static str {
    match state {
        ToolState::ResultSeen => "result_seen",
        ToolState::NoResult => "no_result",
        ToolState::MadeByHarness => "made_by_harness",
        ToolState::RunByProvider => "run_by_provider",
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Serve => "serve",
        Action::ServeEdited => "serve_edited",
        Action::Send => "send",
        Action::SendChanged => "send_changed",
        Action::Refuse => "refuse",
    }
}

fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Exact => "exact",
        Grade::Held => "held",
        Grade::Names => "names",
        Grade::Interchangeable => "interchangeable",
        Grade::Place => "place",
        Grade::Miss => "miss",
        Grade::Ignored => "ignored",
    }
}

fn content(node: &Node) -> Content<'_> {
    match &node.detail {
        Detail::Call { prompt, reply, .. } => Content {
            messages: (node.kind == Kind::Llm).then(|| prompt.messages.iter().map(|said| message(said)).collect()),
            texts: (!prompt.texts.is_empty()).then_some(&prompt.texts),
            tools: Some(prompt.tools.iter().map(|tool| tool.name.as_str()).collect()),
            parameters: Some(prompt.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()),
            answer: Some(reply.text()),
            tool_calls: Some(
                reply
                    .tool_calls()
                    .map(|call| CallLine {
                        id: &call.id,
                        name: &call.name,
                        arguments: &call.arguments,
                        by_provider: call.by_provider,
                    })
                    .collect(),
            ),
            ..Content::default()
        },
        Detail::Tool(tool) => Content {
            arguments: Some(&tool.arguments),
            result: tool.result.as_deref(),
            documents: documents(&tool.documents),
            ..Content::default()
        },
        Detail::Block(block) => Content {
            input: Some(&block.input),
            output: block.output.as_deref(),
            documents: documents(&block.documents),
            ..Content::default()
        },
        Detail::Http { .. } => Content::default(),
    }
}

/// What passed over an upgraded connection; bytes that are no text are replaced.
fn frames<'a>(all: &'a Run, node: &Node) -> Option<Vec<FrameLine<'a>>> {
    let frames = &all.calls.get(&node.seq?)?.frames;
    let frame = |frame: &'a Frame| FrameLine {
        from_agent: frame.from_agent,
        opcode: frame.opcode,
        payload: String::from_utf8_lossy(&frame.payload),
    };
    (!frames.is_empty()).then(|| frames.iter().map(frame).collect())
}

fn message(message: &Message) -> MessageLine<'_> {
    MessageLine {
        path: &message.path,
        role: &message.role,
        name: message.name.as_deref(),
        parts: message.parts.iter().map(part).collect(),
    }
}

fn part(part: &Part) -> PartLine<'_> {
    let (part, path, text, id, name) = match part {
        Part::Text(text) => ("text", &text.path, &text.text, None, None),
        Part::Media(text) => ("media", &text.path, &text.text, None, None),
        Part::Other(text) => ("other", &text.path, &text.text, None, None),
        Part::Reasoning(reasoning) => ("reasoning", &reasoning.path, &reasoning.text, None, None),
        Part::ToolCall(call) => ("tool_call", &call.path, &call.arguments, Some(&call.id), Some(&call.name)),
        Part::ToolResult(result) => {
            ("tool_result", &result.path, &result.content, Some(&result.call_id), result.name.as_ref())
        }
    };
    PartLine { part, path, text, id: id.map(String::as_str), name: name.map(String::as_str) }
}

fn documents<'a>(documents: &'a [Document]) -> Option<Vec<DocumentLine<'a>>> {
    let line = |document: &'a Document| {
        let Document { id, text, score, metadata } = document;
        DocumentLine { id: id.as_deref(), text, score: score.as_deref(), metadata: metadata.as_deref() }
    };
    (!documents.is_empty()).then(|| documents.iter().map(line).collect())
}

fn edge_line<'a>(all: &'a Run, from: NodeId, to: NodeId, edge: &'a Edge) -> EdgeLine<'a> {
    let passages = match edge {
        Edge::Data(passages) => passages.as_slice(),
        _ => &[],
    };
    EdgeLine {
        r#type: "edge",
        run: all.id.as_str(),
        from: from.0,
        to: to.0,
        kind: edge.as_str(),
        passages: passages
            .iter()
            .map(|passage| PassageLine {
                from: &passage.from,
                from_range: [passage.from_range.start, passage.from_range.end],
                to: &passage.to,
                to_range: [passage.to_range.start, passage.to_range.end],
                certainty: match passage.certainty {
                    crate::model::Certainty::Exact => "exact",
                    crate::model::Certainty::Derived => "derived",
                    crate::model::Certainty::Guessed => "guessed",
                },
            })
            .collect(),
    }
}

/// Two runs compared: how much differs, then a line for each pair.
#[must_use]
pub fn diff(report: &Report) -> String {
    report.pairs.iter().fold(difference(report), |lines, pair| lines + &pair_of(pair))
}

/// How much two runs differ.
#[must_use]
pub fn difference(report: &Report) -> String {
    let summary = &report.summary;
    line(&DiffLine {
        r#type: "diff",
        left: report.left.as_str(),
        right: report.right.as_str(),
        equal: summary.is_equal(),
        same: summary.same,
        differ: summary.differ,
        only_left: summary.only_left,
        only_right: summary.only_right,
        causes: summary.frontier,
    })
}

/// The line of a pair.
#[must_use]
pub fn pair_of(pair: &Pair) -> String {
    line(&pair_line(pair))
}

/// The line of the pair that this node of either run, the left first, is in; empty if there is none.
#[must_use]
pub fn diff_of(report: &Report, node: NodeId) -> String {
    let on_left = report.pairs.iter().find(|pair| pair.left == Some(node));
    let pair = on_left.or_else(|| report.pairs.iter().find(|pair| pair.right == Some(node)));
    pair.map(|pair| line(&pair_line(pair))).unwrap_or_default()
}

fn pair_line(pair: &Pair) -> PairLine<'_> {
    PairLine {
        r#type: "pair",
        left: pair.left.map(|id| id.0),
        right: pair.right.map(|id| id.0),
        status: match pair.status {
            Status::Same => "same",
            Status::Differs => "differs",
            Status::OnlyLeft => "only_left",
            Status::OnlyRight => "only_right",
        },
        cause: pair.frontier,
        changes: pair.changes.iter().map(change_line).collect(),
        metrics: pair
            .metrics
            .iter()
            .map(|metric| MetricLine { name: metric.name, left: metric.left, right: metric.right })
            .collect(),
    }
}

fn change_line(change: &Change) -> ChangeLine<'_> {
    let (kind, left, right, hunks) = match &change.kind {
        ChangeKind::Text(diff) => ("text", None, None, Some(diff.hunks.iter().map(hunk_line).collect())),
        ChangeKind::Value { left, right } => ("value", Some(left.as_str()), Some(right.as_str()), None),
        ChangeKind::Added(text) => ("added", None, Some(text.as_str()), None),
        ChangeKind::Removed(text) => ("removed", Some(text.as_str()), None, None),
    };
    let place = match change.place {
        Place::Input => "input",
        Place::Output => "output",
    };
    ChangeLine { path: &change.path, place, kind, inherited: change.inherited, left, right, hunks }
}

fn hunk_line(hunk: &Hunk) -> HunkLine<'_> {
    let op = |op: &'_ Op| match op.tag {
        Tag::Equal => "equal",
        Tag::Removed => "removed",
        Tag::Added => "added",
    };
    HunkLine { left: hunk.left, right: hunk.right, ops: hunk.ops.iter().map(|each| (op(each), &*each.text)).collect() }
}
