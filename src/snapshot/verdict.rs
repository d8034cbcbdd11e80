//! What became of a workflow's test, as data.

use super::Failure;
use crate::model::RunId;

/// What became of a workflow's test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The workflow.
    pub name: String,
    /// How many nodes the recording has.
    pub nodes: usize,
    /// Microseconds that it took.
    pub took: u64,
    /// The replay's grade line; empty if it never ran.
    pub grade: String,
    /// Every approximation that the replay made.
    pub approximations: Vec<String>,
    /// Recording and replay, where they were kept in the store.
    pub runs: Option<(RunId, RunId)>,
    /// Path of the snapshot, from where the test was started.
    pub snapshot: String,
    /// The result.
    pub result: Ended,
}

/// Passed, failed, or never ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing differs that may not.
    Passed,
    /// Something differs, the cause first.
    Failed(Vec<Failure>),
    /// It could not be tested.
    Broken {
        /// What failed.
        what: String,
        /// Why, a line each.
        causes: Vec<String>,
        /// What to do, a line each.
        hints: Vec<String>,
    },
}

impl Verdict {
    /// Whether it passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.result == Ended::Passed
    }

    /// What failed, in a line; empty where nothing did.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.result {
            Ended::Passed => String::new(),
            Ended::Failed(failures) => failures.first().map(Failure::headline).unwrap_or_default(),
            Ended::Broken { what, .. } => what.clone(),
        }
    }
}

impl Failure {
    /// Node, place and what happened, in a line.
    #[must_use]
    pub fn headline(&self) -> String {
        let node: Vec<&str> =
            [self.label.as_str(), self.name.as_str()].into_iter().filter(|word| !word.is_empty()).collect();
        let node = if node.is_empty() { String::new() } else { format!("{}: ", node.join(" ")) };
        let place = if self.path.is_empty() { String::new() } else { format!(": `{}` differs", self.path) };
        format!("{node}{}{place}", self.says)
    }
}
