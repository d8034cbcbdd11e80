//! What is said of the store.

use std::fmt::Write as _;

use super::{Paper, Style};
use crate::text::escape::one_line;
use crate::text::units::count;

/// What was found in one recording: its name, and what is damaged.
pub type Checked = (String, Vec<String>);

/// The outcome of a check, damaged recordings first a line each, then the count.
#[must_use]
pub fn verified(checked: &[Checked], paper: Paper) -> String {
    let mut out = String::new();
    let mut damaged = 0;
    for (run, damage) in checked.iter().filter(|(_, damage)| !damage.is_empty()) {
        damaged += 1;
        for what in damage {
            let _ = writeln!(out, "{}  {}", paper.paint(Style::Bad, run), one_line(what));
        }
    }
    let state = if damaged == 0 { "all sound".to_owned() } else { format!("{damaged} damaged") };
    let _ = writeln!(out, "{}, {state}", count(checked.len(), "recording"));
    out
}

/// The outcome of a rebuild.
#[must_use]
pub fn rebuilt(runs: usize) -> String {
    format!("rebuilt the index: {}", count(runs, "run"))
}
