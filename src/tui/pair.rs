//! Two runs beside each other.

use std::sync::Arc;

use super::page::Page;
use super::{Opened, ink};
use crate::diff::{Report, Status, compare};
use crate::model::{Micros, NodeId};
use crate::ui::{Paper, diff};

/// A second run, and how it differs from the first.
#[derive(Debug)]
pub struct Beside {
    /// The run on the right.
    pub right: Arc<Opened>,
    /// All pairs of both.
    pub report: Report,
}

impl Beside {
    /// Compares two runs.
    #[must_use]
    pub fn new(left: &Opened, right: Arc<Opened>) -> Self {
        let report = compare(&left.run, &right.run);
        Self { right, report }
    }

    /// The differences of a pair, laid out.
    #[must_use]
    pub fn page(&self, left: &Opened, pair: usize, width: usize) -> Page {
        let paper = Paper { width: Some(width), colour: true, now: Micros(0) };
        let text = self.report.pairs.get(pair).map(|pair| diff::of_pair(pair, &left.run, &self.right.run, paper));
        Page { rows: ink::lay(&text.unwrap_or_default(), width).0, fields: Vec::new() }
    }

    /// The pair that a node of the left run is in.
    #[must_use]
    pub fn of_left(&self, id: NodeId) -> Option<usize> {
        self.report.pairs.iter().position(|pair| pair.left == Some(id))
    }

    /// The pair that a node is in, of the left run first.
    #[must_use]
    pub fn of(&self, id: NodeId) -> Option<usize> {
        self.of_left(id).or_else(|| self.report.pairs.iter().position(|pair| pair.right == Some(id)))
    }

    /// The nearest pair after (or before) one that is not equal.
    #[must_use]
    pub fn next_difference(&self, from: usize, back: bool) -> Option<usize> {
        let differs = |place: &usize| self.report.pairs[*place].status != Status::Same;
        if back { (0..from).rev().find(differs) } else { (from + 1..self.report.pairs.len()).find(differs) }
    }
}
