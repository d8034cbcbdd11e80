//! What `step -c` prints with `--json`: a `step` line for each command, then the `node`, `diff` or `pair` it is about.
//!
//! | field of `step` | holds |
//! | --- | --- |
//! | `command` | the command as it was given |
//! | `outcome` | `at`, `found`, `links`, `value`, `said`, `help`, `beside`, `pair`, `changed`, `plan`, `replayed` |
//! | `run`, `node` | where the command led to |
//! | `by` | `at`, `links`: nodes that the way could go by, the one taken first, with `edges`, `characters`, `certainty` |
//! | `path`, `text` | `value`: what stands at the path; `found`: the words around; `said`: the remark |
//! | `number`, `of` | `found`: which place of the text, of how many |
//! | `changes` | `changed`, `plan`: the changes as they would be typed |
//! | `lines` | `plan`: what a replay would do |
//! | `replay`, `exit_code`, `sent` | `replayed`: the new run, its exit code, calls that were sent |
//!
//! What a command has not is left out.

use serde::Serialize;

use super::json::line;
use crate::model::Certainty;

/// The line of a command.
#[derive(Debug, Default, Serialize)]
pub struct Step<'a> {
    r#type: Type,
    /// As it was given.
    pub command: &'a str,
    /// What it came to.
    pub outcome: &'static str,
    /// The run.
    pub run: &'a str,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// Ways, the one taken first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Way>,
    /// A field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// Which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// Of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// Changes as they would be typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<&'a [String]>,
    /// A plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<&'a [String]>,
    /// A new run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<&'a str>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Calls that were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<usize>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    #[default]
    Step,
}

/// A way from one node to another.
#[derive(Debug, Serialize)]
pub struct Way {
    node: u32,
    edges: Vec<&'static str>,
    characters: usize,
    certainty: Option<&'static str>,
}

impl Way {
    /// A way to this node.
    #[must_use]
    pub fn new(node: u32, edges: Vec<&'static str>, characters: usize, certainty: Option<Certainty>) -> Self {
        let certainty = certainty.map(|certainty| match certainty {
            Certainty::Exact => "exact",
            Certainty::Derived => "derived",
            Certainty::Guessed => "guessed",
        });
        Self { node, edges, characters, certainty }
    }
}

impl<'a> Step<'a> {
    /// A command that led to a node of a run.
    #[must_use]
    pub fn new(command: &'a str, run: &'a str, node: Option<u32>) -> Self {
        Self { command, run, node, ..Self::default() }
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        line(self)
    }
}
