//! What is said of the store.

use std::fmt::Write as _;

use super::{Paper, Style};
use crate::text::escape::one_line;
use crate::text::units::{count, grouped};

/// What a check of the whole store found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Each recording.
    pub files: Vec<File>,
    /// Damage of the ledger.
    pub ledger: Vec<String>,
    /// What is wrong with the index as a whole.
    pub index: Option<String>,
    /// How many events were read.
    pub events: u64,
}

/// What a check of one recording found.
#[derive(Debug, Clone)]
pub struct File {
    /// Name of the run.
    pub run: String,
    /// What is to be said of it, a line each.
    pub wrong: Vec<String>,
    /// Whether that is as it should be, as the torn end that a kill leaves.
    pub sound: bool,
}

/// The outcome of a check: a line for each thing that is to be said, then the count.
#[must_use]
pub fn verified(checked: &Checked, paper: Paper) -> String {
    let mut out = String::new();
    for file in &checked.files {
        let style = if file.sound { Style::Changed } else { Style::Bad };
        for what in &file.wrong {
            let _ = writeln!(out, "{}  {}", paper.paint(style, &file.run), one_line(what));
        }
    }
    for (part, what) in
        checked.ledger.iter().map(|what| ("ledger", what)).chain(checked.index.iter().map(|what| ("index", what)))
    {
        let _ = writeln!(out, "{}  {}", paper.paint(Style::Bad, &format!("{part:8}")), one_line(what));
    }
    let damaged = checked.files.iter().filter(|file| !file.sound).count();
    let state = match (damaged, checked.ledger.is_empty() && checked.index.is_none()) {
        (0, true) => "all sound".to_owned(),
        (0, false) => "all sound but for what is said above".to_owned(),
        (damaged, _) => format!("{} damaged", grouped(damaged as u64)),
    };
    let events = count(usize::try_from(checked.events).unwrap_or(usize::MAX), "event");
    let _ = writeln!(out, "{}, {events}, {state}", count(checked.files.len(), "recording"));
    out
}

/// The outcome of a rebuild.
#[must_use]
pub fn rebuilt(runs: usize) -> String {
    format!("rebuilt the index: {}", count(runs, "run"))
}
