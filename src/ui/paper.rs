//! What there is to write on: how wide, in colour or not, and what time it is.

use std::fmt::Write as _;

use crate::model::Micros;
use crate::text::escape;

/// Most entries of a list in a report; more tell nobody more.
pub(super) const MOST: usize = 40;

/// The line under a list of which only the first entries are shown; empty where all are.
pub(super) fn rest(all: usize) -> String {
    if all > MOST { format!("  … and {} more; `--json` prints all\n", all - MOST) } else { String::new() }
}

/// What a view is written on.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// Columns of the terminal; `None` where nothing is to be cut (a pipe, a file).
    pub width: Option<usize>,
    /// Whether colours are wanted. They only repeat what the text says.
    pub colour: bool,
    /// The time that "2 minutes ago" is counted from.
    pub now: Micros,
}

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Names that one looks for.
    Strong,
    /// What can be skipped.
    Faint,
    /// Errors, and what was removed.
    Bad,
    /// What is well, and what was added.
    Good,
    /// Warnings, and what was changed.
    Changed,
    /// Names of places: paths, numbers of nodes.
    Place,
}

impl Style {
    const ALL: [Self; 6] = [Self::Strong, Self::Faint, Self::Bad, Self::Good, Self::Changed, Self::Place];

    fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Bad => "31",
            Self::Good => "32",
            Self::Changed => "33",
            Self::Place => "36",
        }
    }
}

/// Text of one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The style; `None` is plain.
    pub style: Option<Style>,
    /// The text.
    pub text: String,
}

/// A painted line as pieces. Recorded text was escaped before it was painted, so that every escape in it is
/// one of [`Paper::paint`].
#[must_use]
pub fn pieces(line: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut style = None;
    for (place, part) in line.split("\u{1b}[").enumerate() {
        let mut text = part;
        if place > 0
            && let Some((code, rest)) = part.split_once('m')
        {
            style = Style::ALL.into_iter().find(|style| style.code() == code);
            text = rest;
        }
        if !text.is_empty() {
            found.push(Piece { style, text: text.to_owned() });
        }
    }
    found
}

impl Paper {
    /// The text in this style, or as it is without colour.
    #[must_use]
    pub fn paint(self, style: Style, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
    }

    /// The text, cut to what is left of a line after `used` columns.
    #[must_use]
    pub fn cut(self, text: &str, used: usize) -> String {
        match self.width {
            Some(width) => escape::cut(text, width.saturating_sub(used).max(12)).into_owned(),
            None => text.to_owned(),
        }
    }

    /// Recorded text as indented lines, escaped. On a terminal lines are wrapped and what exceeds `most`
    /// lines is counted; elsewhere all of it is there.
    pub fn block(self, out: &mut String, indent: usize, text: &str, most: usize) {
        let margin = " ".repeat(indent);
        let text = escape::escaped(text);
        let Some(width) = self.width else {
            for line in text.lines() {
                let _ = writeln!(out, "{}", format!("{margin}{line}").trim_end());
            }
            return;
        };
        let room = width.saturating_sub(indent).max(20);
        let mut left = most;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let rows = escape::wrap(line, room);
            let shown = rows.len().min(left);
            for row in &rows[..shown] {
                let _ = writeln!(out, "{}", format!("{margin}{row}").trim_end());
            }
            left -= shown;
            let hidden = lines.clone().count() + usize::from(shown < rows.len());
            if left == 0 && hidden > 0 {
                let more = format!("(+ {})", crate::text::units::count(hidden, "line"));
                let _ = writeln!(out, "{margin}{}", self.paint(Style::Faint, &more));
                return;
            }
        }
    }
}
