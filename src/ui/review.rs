//! How pending snapshots look in a review.

use std::fmt::Write as _;

use super::{Paper, Style};
use crate::snapshot::Changed;
use crate::text::escape::{escaped, one_line};
use crate::text::units::count;
use crate::text::words::Tag;

/// Lines of a section before the rest is counted.
const MOST: usize = 60;

/// A pending snapshot in a list.
#[must_use]
pub fn row(name: &str, titles: &[String], complete: bool) -> String {
    let cannot = if complete { "" } else { "; cannot be accepted: a call has no answer" };
    let titles: Vec<String> = titles.iter().map(|title| one_line(title)).collect();
    format!("{}  {}: {}{cannot}\n", one_line(name), count(titles.len(), "section"), titles.join(", "))
}

/// The heading of a pending snapshot.
#[must_use]
pub fn head(name: &str, (place, of): (usize, usize), changes: &[Changed], complete: bool, paper: Paper) -> String {
    let mut out = format!(
        "\n{}  {} {}\n",
        paper.paint(Style::Strong, &format!("[{place}/{of}] {}", one_line(name))),
        count(changes.len(), "section"),
        if changes.len() == 1 { "differs" } else { "differ" }
    );
    if !complete {
        let _ = writeln!(out, "the recording has no answer for a call: it can be rejected or skipped, not accepted");
    }
    out
}

/// A section that differs.
#[must_use]
pub fn section(changed: &Changed, (place, of): (usize, usize), paper: Paper) -> String {
    let mut out = format!("\n{place} of {of}  {}\n", paper.paint(Style::Place, &one_line(&changed.title)));
    for (tag, line) in changed.lines.iter().take(MOST) {
        let (mark, style) = match tag {
            Tag::Equal => (' ', Style::Faint),
            Tag::Removed => ('-', Style::Bad),
            Tag::Added => ('+', Style::Good),
        };
        let _ = writeln!(out, "{}", paper.paint(style, &format!("  {mark} {}", escaped(line))));
    }
    if changed.lines.len() > MOST {
        let _ = writeln!(out, "    (+ {})", count(changed.lines.len() - MOST, "line"));
    }
    out
}

/// The keys.
#[must_use]
pub fn keys(tool: Option<&str>, complete: bool, paper: Paper) -> String {
    let mut keys = Vec::new();
    if complete {
        keys.push("a accept".to_owned());
    }
    keys.push("r reject".to_owned());
    keys.push("s skip".to_owned());
    if let Some(tool) = tool {
        keys.push(format!("v let {} differ from now on", one_line(tool)));
    }
    keys.push("q quit".to_owned());
    keys.push("capital A, R, S: all that remain".to_owned());
    format!("  {}\n", paper.paint(Style::Faint, &keys.join("   ")))
}
