//! A run: how it began and ended, its calls as they were, its nodes as they are understood.

use std::collections::BTreeMap;

use super::event::{Ended, Note, Output, Seq, Started};
use super::{Announced, Call, RunGraph, RunId};

/// One execution of an agent, or one replay of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// How it began.
    pub started: Started,
    /// How it ended; `None` while it runs or if it was interrupted.
    pub ended: Option<Ended>,
    /// Calls on the wire by number, also those that stand for one node together.
    pub calls: BTreeMap<Seq, Call>,
    /// What the agent announced, by number.
    pub announced: BTreeMap<Seq, Announced>,
    /// Nodes and edges.
    pub graph: RunGraph,
    /// The agent's own streams.
    pub output: Vec<Output>,
    /// What retake had to say.
    pub notes: Vec<Note>,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Its recorder is alive.
    Running,
    /// Its recorder ended before the agent did.
    Interrupted,
    /// It ended and was sealed.
    Finished,
}

/// A run in a line: what lists show and the index keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its name.
    pub id: RunId,
    /// Its state when it was read.
    pub state: State,
    /// How it began.
    pub started: Started,
    /// How it ended.
    pub ended: Option<Ended>,
    /// How many nodes.
    pub nodes: usize,
    /// How many of them are model calls.
    pub model_calls: usize,
    /// Input and output tokens together, of the calls where they are known.
    pub tokens: Option<u64>,
    /// Microseconds from start to end.
    pub duration: Option<u64>,
    /// Grade line of a replay.
    pub grade: Option<String>,
    /// Names the user gave.
    pub tags: Vec<String>,
    /// Models that answered, sorted.
    pub models: Vec<String>,
    /// Tools that were called, sorted.
    pub tools: Vec<String>,
}
