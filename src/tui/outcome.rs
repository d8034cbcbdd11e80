//! What a command came to, as data: the screen draws it, a script prints it.

use crate::model::{Certainty, NodeId, RunId};

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Nothing that is to be said.
    #[default]
    Nothing,
    /// The cursor stands at a node; those it came by, the one it took first.
    At(Vec<Link>),
    /// A text was found.
    Found {
        /// Field that has it.
        path: String,
        /// The text around it, on one line.
        around: String,
        /// Which place of it this is, from 1.
        number: usize,
        /// How many places there are.
        of: usize,
    },
    /// The nodes that one can go to, surest first.
    Links(Vec<Link>),
    /// What stands at a path, or the bytes of a side.
    Value {
        /// The path, or `raw request`.
        path: String,
        /// The text.
        text: String,
    },
    /// A remark.
    Said(String),
    /// All commands are listed.
    Help,
    /// Two runs came to stand beside each other, at the first pair that differs.
    Beside(Option<usize>),
    /// The cursor stands at a pair of two runs.
    Pair(usize),
    /// A change was taken on: the changes as they would be typed.
    Changed(Vec<String>),
    /// What a replay would do, a line each.
    Plan(Vec<String>),
    /// It was replayed.
    Replayed {
        /// The new run.
        run: RunId,
        /// Exit code as `retake replay` has it.
        code: i32,
        /// Calls that were sent.
        sent: usize,
    },
    /// It could not be done.
    Failed(Trouble),
}

/// A way from a node to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The other node.
    pub node: NodeId,
    /// Edges between them, strongest first.
    pub edges: Vec<&'static str>,
    /// Characters that passed.
    pub characters: usize,
    /// How sure the surest passage is.
    pub certainty: Option<Certainty>,
}

/// Why something could not be done, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What failed: lower case, no final period.
    pub what: String,
    /// What to do, ending in what is to be typed.
    pub hint: Option<String>,
}

impl Trouble {
    /// Something that could not be done.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
