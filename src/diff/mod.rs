//! What differs between two runs: nodes are aligned first, then pairs are compared.
//!
//! What a replay took for the same is the same here ([`binding`]): fresh names, secrets, held readings and results.
//! Ids, times and the order of parallel siblings are never differences. Tokens and durations are shown
//! beside a pair and do not make it differ.

mod align;
mod assign;
mod binding;
mod compare;
mod content;
mod frontier;
mod json;
mod side;
#[cfg(test)]
mod tests;

pub use compare::compare;

use crate::model::{NodeId, RunId};
use crate::text::words;

/// Two runs compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The run on the left: the earlier one, as a rule.
    pub left: RunId,
    /// The run on the right.
    pub right: RunId,
    /// All nodes of both, in an order in which causes come first.
    pub pairs: Vec<Pair>,
    /// How much differs.
    pub summary: Summary,
}

/// A node of each run that stand for one another, or one that has no other.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Node of the left run.
    pub left: Option<NodeId>,
    /// Node of the right run.
    pub right: Option<NodeId>,
    /// Whether they differ.
    pub status: Status,
    /// Why they were paired.
    pub basis: Basis,
    /// Where they differ; empty unless they do.
    pub changes: Vec<Change>,
    /// Numbers of both that are known on one side at least.
    pub metrics: Vec<Metric>,
    /// Whether it differs although everything that it depends on is equal, or the user changed it.
    pub frontier: bool,
    /// Where the result of a tool differs that was held: the model was given the recorded one.
    pub held: Vec<Change>,
}

/// Whether the nodes of a pair differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Equal.
    Same,
    /// Both are there and differ.
    Differs,
    /// Only the left run has it.
    OnlyLeft,
    /// Only the right run has it.
    OnlyRight,
}

/// Why two nodes were paired, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Basis {
    /// One run is a replay of the other, or both of a third, and the replay said so.
    Replay,
    /// Equal content and equal causal past.
    Equal,
    /// A place in lanes that belong together.
    Lane,
    /// Tools of paired calls.
    Caller,
    /// Alike in kind, name and content.
    Likeness,
    /// Not paired.
    None,
}

/// Which side of a node a change is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// What went in.
    Input,
    /// What came out.
    Output,
}

/// One difference of a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where, in the words of `--set`; in the left run if it has the place.
    pub path: String,
    /// In what went in or what came out.
    pub place: Place,
    /// What changed.
    pub kind: ChangeKind,
    /// Whether a pair that this one depends on has the same difference already: a conversation carries
    /// its changes on.
    pub inherited: bool,
}

/// What changed.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeKind {
    /// Words of a text.
    Text(words::Diff),
    /// A value, as JSON text.
    Value {
        /// On the left.
        left: String,
        /// On the right.
        right: String,
    },
    /// Only the right has it: its text.
    Added(String),
    /// Only the left has it: its text.
    Removed(String),
}

/// A number of both nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// `duration` in microseconds, `input_tokens`, `output_tokens`, `cached_tokens`, `reasoning_tokens`.
    pub name: &'static str,
    /// On the left; `None` is unknown.
    pub left: Option<u64>,
    /// On the right.
    pub right: Option<u64>,
}

/// How much differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Equal pairs.
    pub same: usize,
    /// Pairs that differ.
    pub differ: usize,
    /// Nodes that only the left run has.
    pub only_left: usize,
    /// Nodes that only the right run has.
    pub only_right: usize,
    /// Pairs and single nodes that differ although all that they depend on is equal.
    pub frontier: usize,
    /// Place in `pairs` of the first that is not equal.
    pub first: Option<usize>,
}

impl Summary {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.differ + self.only_left + self.only_right == 0
    }
}
