//! Nodes of a run and the edges between them.

use super::event::{Decided, Ending, Headers, Seq};
use super::{LaneId, Micros, NodeId, Prompt, Reply};
use bytes::Bytes;
use std::ops::Range;

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A model call.
    Llm,
    /// Texts made into vectors.
    Embedding,
    /// Documents found for a query.
    Retrieval,
    /// Documents put in order.
    Rerank,
    /// A tool.
    Tool,
    /// An agent.
    Agent,
    /// A step of a workflow.
    Step,
    /// A guardrail.
    Guardrail,
    /// An evaluator.
    Evaluator,
    /// A read or write of memory.
    Memory,
    /// Fine-tuning, a batch.
    Job,
    /// A call that nobody recognised.
    Http,
    /// Something a person did.
    Human,
    /// A kind that retake does not know, as it was named.
    Other(String),
}

impl Kind {
    /// The word for it, as announced nodes and JSON write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Llm => "llm",
            Self::Embedding => "embedding",
            Self::Retrieval => "retrieval",
            Self::Rerank => "rerank",
            Self::Tool => "tool",
            Self::Agent => "agent",
            Self::Step => "step",
            Self::Guardrail => "guardrail",
            Self::Evaluator => "evaluator",
            Self::Memory => "memory",
            Self::Job => "job",
            Self::Http => "http",
            Self::Human => "human",
            Self::Other(name) => name,
        }
    }

    /// The kind that this word means.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "llm" => Self::Llm,
            "embedding" => Self::Embedding,
            "retrieval" => Self::Retrieval,
            "rerank" => Self::Rerank,
            "tool" => Self::Tool,
            "agent" => Self::Agent,
            "step" => Self::Step,
            "guardrail" => Self::Guardrail,
            "evaluator" => Self::Evaluator,
            "memory" => Self::Memory,
            "job" => Self::Job,
            "http" => Self::Http,
            "human" => Self::Human,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// Where a fact came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Seen on the wire.
    Wire,
    /// Announced by the agent.
    Announced,
    /// Read off the conversation.
    Conversation,
    /// Inferred.
    Inferred,
}

/// One call the agent made or one structure it announced.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// What it is.
    pub kind: Kind,
    /// A name the wire or the agent gave; never invented. May be empty.
    pub name: String,
    /// Where it was seen.
    pub source: Source,
    /// Lane of a model call.
    pub lane: Option<LaneId>,
    /// When it started.
    pub started: Micros,
    /// When it ended.
    pub ended: Option<Micros>,
    /// What is wrong with it: the provider's error, a broken stream, an announced error.
    pub error: Option<String>,
    /// The call on the wire, or the announced node, that it stands for (of several attempts the last).
    pub seq: Option<Seq>,
    /// Earlier attempts, in order.
    pub attempts: Vec<Seq>,
    /// What it holds.
    pub detail: Detail,
    /// In a replay, what was decided about it.
    pub decided: Option<Decided>,
    /// Key of its canonical request, where it was a call.
    pub key: Option<[u8; 32]>,
    /// Of a node that was read off a call: that call, and its place there (`call:0:get_price`).
    pub anchor: Option<(Seq, String)>,
}

impl Node {
    /// Of a tool that an answer asked for: the call on the wire that was answered so, and the place among the tool
    /// calls of that answer. This, and not the id of the tool call, says which one it is.
    #[must_use]
    pub fn made_by(&self) -> Option<(Seq, usize)> {
        let (seq, place) = self.anchor.as_ref()?;
        let place = place.strip_prefix("call:")?.split(':').next()?.parse().ok()?;
        Some((*seq, place))
    }
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// A model call, an embedding or a rerank.
    Call {
        /// The dialect's name, as `openai-chat`.
        dialect: String,
        /// What was asked.
        prompt: Box<Prompt>,
        /// What was answered.
        reply: Box<Reply>,
    },
    /// A tool, run by the agent, the provider or nobody.
    Tool(Tool),
    /// An announced node, or a retrieval that was inferred.
    Block(Block),
    /// A call nobody recognised: method, path and status.
    Http {
        /// HTTP method.
        method: String,
        /// Host and path.
        target: String,
        /// Status of the answer.
        status: Option<u16>,
    },
}

/// A tool call and its result.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tool {
    /// Id of the call; empty where the dialect has none.
    pub call_id: String,
    /// Arguments, JSON text where they are JSON.
    pub arguments: String,
    /// The first result that was seen.
    pub result: Option<String>,
    /// What became of it.
    pub state: ToolState,
    /// Documents, where the result is a list of them or the tool announced some.
    pub documents: Vec<Document>,
    /// Call in whose request the result was first seen.
    pub seen_in: Option<Seq>,
    /// Whether the harness marked the result as an error.
    pub is_error: bool,
}

/// What became of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ToolState {
    /// Its result was seen.
    ResultSeen,
    /// No result was ever seen: output tools, hand-offs, interrupts.
    #[default]
    NoResult,
    /// A call that no answer contained.
    MadeByHarness,
    /// Call and result stand inside one answer.
    RunByProvider,
}

/// An announced node, or an inferred retrieval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    /// Input, as JSON text.
    pub input: String,
    /// Output, as JSON text.
    pub output: Option<String>,
    /// Documents.
    pub documents: Vec<Document>,
}

/// A document that a retrieval or a tool returned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Its text.
    pub text: String,
    /// Its score, as written.
    pub score: Option<String>,
    /// Metadata as JSON text.
    pub metadata: Option<String>,
}

/// A connection between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum Edge {
    /// The first contains the second.
    Calls,
    /// The second comes next in the lane.
    Then,
    /// Output of the first stands in the input of the second.
    Data(Vec<Passage>),
    /// The answer of the first asked for the tool.
    ToolCall,
    /// The tool's result went into the second.
    ToolResult,
    /// The conversation went to another agent.
    Handoff,
    /// The conversation goes on with only its tail.
    Compacted,
    /// The second is a further try of the first.
    RetryOf,
}

impl Edge {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Then => "then",
            Self::Data(_) => "data",
            Self::ToolCall => "tool_call",
            Self::ToolResult => "tool_result",
            Self::Handoff => "handoff",
            Self::Compacted => "compacted",
            Self::RetryOf => "retry_of",
        }
    }
}

/// A passage of one node's output that stands in another's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Field of the output, in the words of `--set`, as `answer` or `documents[1].text`.
    pub from: String,
    /// Characters of that field.
    pub from_range: Range<usize>,
    /// Field of the input.
    pub to: String,
    /// Characters of that field.
    pub to_range: Range<usize>,
    /// How sure it is.
    pub certainty: Certainty,
}

/// How sure a data edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// The same text, spacing and escapes aside.
    Exact,
    /// Text that was changed on the way.
    Derived,
    /// A guess.
    Guessed,
}

/// One exchange on the wire, whole: the truth that nodes are read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The request as the agent made it.
    pub request: super::event::Request,
    /// In a replay, what was decided.
    pub decided: Option<Decided>,
    /// The answer, where any came.
    pub answer: Option<Answer>,
    /// How it ended; `None` where the recording was cut off.
    pub ending: Option<Ending>,
    /// When it ended.
    pub ended: Option<Micros>,
    /// Frames of an upgraded connection.
    pub frames: Vec<super::event::Frame>,
}

/// Something the agent announced, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Announced {
    /// Its beginning.
    pub begin: super::event::Begin,
    /// Its end, where it was told.
    pub finish: Option<super::event::Finish>,
}

/// An answer on the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// When its head arrived.
    pub at: Micros,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Headers,
    /// Codings that were removed.
    pub coding: String,
    /// Pieces as they arrived.
    pub pieces: Vec<(Micros, Bytes)>,
}

impl Answer {
    /// The whole body.
    #[must_use]
    pub fn body(&self) -> Bytes {
        match self.pieces.as_slice() {
            [] => Bytes::new(),
            [(_, only)] => only.clone(),
            pieces => pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect(),
        }
    }

    /// The first header of this (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is a stream of server-sent events.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with("text/event-stream"))
    }
}
