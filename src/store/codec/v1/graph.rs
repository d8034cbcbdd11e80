//! The packed graph, version 1: nodes without their texts, edges with their passages.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::event::{ActionV1, GradeV1};
use super::{Invalid, size};
use crate::model::event::Decided;
use crate::model::{
    Block, Certainty, Detail, Edge, Kind, LaneId, Micros, Node, NodeId, Passage, Prompt, Reply, RunGraph, Source, Tool,
    ToolState, Usage,
};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(in super::super) struct GraphV1 {
    nodes: Vec<NodeV1>,
    edges: Vec<EdgeV1>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NodeV1 {
    number: u32,
    kind: KindV1,
    name: String,
    source: SourceV1,
    lane: Option<u32>,
    started: u64,
    ended: Option<u64>,
    error: Option<String>,
    seq: Option<u64>,
    attempts: Vec<u64>,
    detail: DetailV1,
    decided: Option<DecisionV1>,
    key: Option<[u8; 32]>,
    anchor: Option<(u64, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum DetailV1 {
    Call {
        dialect: String,
        asked: Option<String>,
        answered: Option<String>,
        finish: Option<String>,
        error: Option<String>,
        usage: UsageV1,
        /// blake3 of the system prompt.
        prompt: Option<[u8; 32]>,
    },
    Tool {
        call_id: String,
        state: ToolStateV1,
        seen_in: Option<u64>,
        is_error: bool,
    },
    Block,
    Http {
        method: String,
        target: String,
        status: Option<u16>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct UsageV1 {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    cache_written: Option<u64>,
    reasoning: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DecisionV1 {
    seq: u64,
    action: ActionV1,
    node: Option<u32>,
    grade: GradeV1,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct EdgeV1 {
    from: u32,
    to: u32,
    kind: EdgeKindV1,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum EdgeKindV1 {
    Calls,
    Then,
    Data(Vec<PassageV1>),
    ToolCall,
    ToolResult,
    Handoff,
    Compacted,
    RetryOf,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PassageV1 {
    from: String,
    from_range: (u64, u64),
    to: String,
    to_range: (u64, u64),
    certainty: CertaintyV1,
}

impl GraphV1 {
    /// Hashes of the system prompts of its calls, sorted, each once.
    pub(in super::super) fn prompts(&self) -> Vec<[u8; 32]> {
        let mut prompts: Vec<[u8; 32]> = self
            .nodes
            .iter()
            .filter_map(|node| match &node.detail {
                DetailV1::Call { prompt, .. } => *prompt,
                _ => None,
            })
            .collect();
        prompts.sort_unstable();
        prompts.dedup();
        prompts
    }
}

/// blake3 of the text of all messages of role `system` or `developer`, joined by a zero byte; `None` where
/// there are none.
fn prompt_hash(prompt: &Prompt) -> Option<[u8; 32]> {
    let texts: Vec<String> = prompt
        .messages
        .iter()
        .filter(|message| message.role == "system" || message.role == "developer")
        .map(|message| message.text())
        .collect();
    (!texts.is_empty()).then(|| *blake3::hash(texts.join("\0").as_bytes()).as_bytes())
}

impl From<&RunGraph> for GraphV1 {
    fn from(graph: &RunGraph) -> Self {
        Self {
            nodes: graph.nodes().map(NodeV1::from).collect(),
            edges: graph
                .edges()
                .into_iter()
                .map(|(from, to, edge)| EdgeV1 { from: from.0, to: to.0, kind: edge.into() })
                .collect(),
        }
    }
}

impl TryFrom<GraphV1> for RunGraph {
    type Error = Invalid;

    fn try_from(stored: GraphV1) -> Result<Self, Invalid> {
        let mut graph = Self::default();
        for node in stored.nodes {
            graph.add(node.into());
        }
        for edge in stored.edges {
            graph.connect(NodeId(edge.from), NodeId(edge.to), edge.kind.try_into()?);
        }
        Ok(graph)
    }
}

impl From<&Node> for NodeV1 {
    fn from(node: &Node) -> Self {
        let Node { id, kind, name, source, lane, started, ended, error, seq, attempts, detail, decided, key, anchor } =
            node;
        Self {
            number: id.0,
            kind: kind.into(),
            name: name.clone(),
            source: (*source).into(),
            lane: lane.map(|lane| lane.0),
            started: started.0,
            ended: ended.map(|ended| ended.0),
            error: error.clone(),
            seq: *seq,
            attempts: attempts.clone(),
            detail: detail.into(),
            decided: decided.as_ref().map(|decided| DecisionV1 {
                seq: decided.seq,
                action: decided.action.into(),
                node: decided.node.map(|node| node.0),
                grade: decided.grade.into(),
            }),
            key: *key,
            anchor: anchor.clone(),
        }
    }
}

impl From<NodeV1> for Node {
    fn from(stored: NodeV1) -> Self {
        Self {
            id: NodeId(stored.number),
            kind: stored.kind.into(),
            name: stored.name,
            source: stored.source.into(),
            lane: stored.lane.map(LaneId),
            started: Micros(stored.started),
            ended: stored.ended.map(Micros),
            error: stored.error,
            seq: stored.seq,
            attempts: stored.attempts,
            detail: stored.detail.into(),
            decided: stored.decided.map(|decided| Decided {
                seq: decided.seq,
                action: decided.action.into(),
                node: decided.node.map(NodeId),
                grade: decided.grade.into(),
                sent: None,
                notes: Vec::new(),
                beside: Vec::new(),
            }),
            key: stored.key,
            anchor: stored.anchor,
        }
    }
}

impl From<&Detail> for DetailV1 {
    fn from(detail: &Detail) -> Self {
        match detail {
            Detail::Call { dialect, prompt, reply } => {
                let Usage { input, output, cached, cache_written, reasoning } = reply.usage;
                Self::Call {
                    dialect: dialect.clone(),
                    asked: prompt.model.clone(),
                    answered: reply.model.clone(),
                    finish: reply.finish.clone(),
                    error: reply.error.clone(),
                    usage: UsageV1 { input, output, cached, cache_written, reasoning },
                    prompt: prompt_hash(prompt),
                }
            }
            Detail::Tool(tool) => Self::Tool {
                call_id: tool.call_id.clone(),
                state: tool.state.into(),
                seen_in: tool.seen_in,
                is_error: tool.is_error,
            },
            Detail::Block(_) => Self::Block,
            Detail::Http { method, target, status } => {
                Self::Http { method: method.clone(), target: target.clone(), status: *status }
            }
        }
    }
}

impl From<DetailV1> for Detail {
    fn from(stored: DetailV1) -> Self {
        match stored {
            DetailV1::Call { dialect, asked, answered, finish, error, usage, prompt: _ } => {
                let UsageV1 { input, output, cached, cache_written, reasoning } = usage;
                let usage = Usage { input, output, cached, cache_written, reasoning };
                let prompt = Prompt { model: asked, ..Prompt::default() };
                let reply = Reply { model: answered, finish, error, usage, ..Reply::default() };
                Self::Call { dialect, prompt: Box::new(prompt), reply: Box::new(reply) }
            }
            DetailV1::Tool { call_id, state, seen_in, is_error } => {
                Self::Tool(Tool { call_id, state: state.into(), seen_in, is_error, ..Tool::default() })
            }
            DetailV1::Block => Self::Block(Block::default()),
            DetailV1::Http { method, target, status } => Self::Http { method, target, status },
        }
    }
}

impl From<&Edge> for EdgeKindV1 {
    fn from(edge: &Edge) -> Self {
        match edge {
            Edge::Calls => Self::Calls,
            Edge::Then => Self::Then,
            Edge::Data(passages) => Self::Data(passages.iter().map(PassageV1::from).collect()),
            Edge::ToolCall => Self::ToolCall,
            Edge::ToolResult => Self::ToolResult,
            Edge::Handoff => Self::Handoff,
            Edge::Compacted => Self::Compacted,
            Edge::RetryOf => Self::RetryOf,
        }
    }
}

impl TryFrom<EdgeKindV1> for Edge {
    type Error = Invalid;

    fn try_from(stored: EdgeKindV1) -> Result<Self, Invalid> {
        Ok(match stored {
            EdgeKindV1::Calls => Self::Calls,
            EdgeKindV1::Then => Self::Then,
            EdgeKindV1::Data(passages) => {
                Self::Data(passages.into_iter().map(Passage::try_from).collect::<Result<_, _>>()?)
            }
            EdgeKindV1::ToolCall => Self::ToolCall,
            EdgeKindV1::ToolResult => Self::ToolResult,
            EdgeKindV1::Handoff => Self::Handoff,
            EdgeKindV1::Compacted => Self::Compacted,
            EdgeKindV1::RetryOf => Self::RetryOf,
        })
    }
}

impl From<&Passage> for PassageV1 {
    fn from(passage: &Passage) -> Self {
        let ends = |range: &Range<usize>| (range.start as u64, range.end as u64);
        Self {
            from: passage.from.clone(),
            from_range: ends(&passage.from_range),
            to: passage.to.clone(),
            to_range: ends(&passage.to_range),
            certainty: passage.certainty.into(),
        }
    }
}

impl TryFrom<PassageV1> for Passage {
    type Error = Invalid;

    fn try_from(stored: PassageV1) -> Result<Self, Invalid> {
        let range = |(start, end): (u64, u64)| Ok(size(start)?..size(end)?);
        Ok(Self {
            from: stored.from,
            from_range: range(stored.from_range)?,
            to: stored.to,
            to_range: range(stored.to_range)?,
            certainty: stored.certainty.into(),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum KindV1 {
    Llm,
    Embedding,
    Retrieval,
    Rerank,
    Tool,
    Agent,
    Step,
    Guardrail,
    Evaluator,
    Memory,
    Job,
    Http,
    Human,
    Other(String),
}

impl From<&Kind> for KindV1 {
    fn from(kind: &Kind) -> Self {
        match kind {
            Kind::Llm => Self::Llm,
            Kind::Embedding => Self::Embedding,
            Kind::Retrieval => Self::Retrieval,
            Kind::Rerank => Self::Rerank,
            Kind::Tool => Self::Tool,
            Kind::Agent => Self::Agent,
            Kind::Step => Self::Step,
            Kind::Guardrail => Self::Guardrail,
            Kind::Evaluator => Self::Evaluator,
            Kind::Memory => Self::Memory,
            Kind::Job => Self::Job,
            Kind::Http => Self::Http,
            Kind::Human => Self::Human,
            Kind::Other(name) => Self::Other(name.clone()),
        }
    }
}

impl From<KindV1> for Kind {
    fn from(stored: KindV1) -> Self {
        match stored {
            KindV1::Llm => Self::Llm,
            KindV1::Embedding => Self::Embedding,
            KindV1::Retrieval => Self::Retrieval,
            KindV1::Rerank => Self::Rerank,
            KindV1::Tool => Self::Tool,
            KindV1::Agent => Self::Agent,
            KindV1::Step => Self::Step,
            KindV1::Guardrail => Self::Guardrail,
            KindV1::Evaluator => Self::Evaluator,
            KindV1::Memory => Self::Memory,
            KindV1::Job => Self::Job,
            KindV1::Http => Self::Http,
            KindV1::Human => Self::Human,
            KindV1::Other(name) => Self::Other(name),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum SourceV1 {
    Wire,
    Announced,
    Conversation,
    Inferred,
}

impl From<Source> for SourceV1 {
    fn from(source: Source) -> Self {
        match source {
            Source::Wire => Self::Wire,
            Source::Announced => Self::Announced,
            Source::Conversation => Self::Conversation,
            Source::Inferred => Self::Inferred,
        }
    }
}

impl From<SourceV1> for Source {
    fn from(stored: SourceV1) -> Self {
        match stored {
            SourceV1::Wire => Self::Wire,
            SourceV1::Announced => Self::Announced,
            SourceV1::Conversation => Self::Conversation,
            SourceV1::Inferred => Self::Inferred,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum ToolStateV1 {
    ResultSeen,
    NoResult,
    MadeByHarness,
    RunByProvider,
}

impl From<ToolState> for ToolStateV1 {
    fn from(state: ToolState) -> Self {
        match state {
            ToolState::ResultSeen => Self::ResultSeen,
            ToolState::NoResult => Self::NoResult,
            ToolState::MadeByHarness => Self::MadeByHarness,
            ToolState::RunByProvider => Self::RunByProvider,
        }
    }
}

impl From<ToolStateV1> for ToolState {
    fn from(stored: ToolStateV1) -> Self {
        match stored {
            ToolStateV1::ResultSeen => Self::ResultSeen,
            ToolStateV1::NoResult => Self::NoResult,
            ToolStateV1::MadeByHarness => Self::MadeByHarness,
            ToolStateV1::RunByProvider => Self::RunByProvider,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum CertaintyV1 {
    Exact,
    Derived,
    Guessed,
}

impl From<Certainty> for CertaintyV1 {
    fn from(certainty: Certainty) -> Self {
        match certainty {
            Certainty::Exact => Self::Exact,
            Certainty::Derived => Self::Derived,
            Certainty::Guessed => Self::Guessed,
        }
    }
}

impl From<CertaintyV1> for Certainty {
    fn from(stored: CertaintyV1) -> Self {
        match stored {
            CertaintyV1::Exact => Self::Exact,
            CertaintyV1::Derived => Self::Derived,
            CertaintyV1::Guessed => Self::Guessed,
        }
    }
}
