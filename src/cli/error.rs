//! Errors as the user sees them, their hints and the exit codes. Hints are chosen in `cli` and nowhere else.

use std::fmt::Write as _;

use crate::text::escape::escaped;
use crate::ui::streams;
use crate::ui::{Paper, Style};

/// What went wrong, as far as the exit code is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was typed names nothing that there is.
    Usage,
    /// Anything else.
    Failed,
    /// `retake` itself failed where it should have run the user's command.
    Own,
    /// The user's command is there and cannot be run.
    CannotRun,
    /// The user's command is not there.
    NoCommand,
    /// Nobody reads any more: nothing is said.
    Quiet,
}

/// What failed, why, and what to do.
#[derive(Debug)]
pub(crate) struct Error {
    kind: Kind,
    what: String,
    rows: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Error {
    /// An error: lower case, no final period, names in backticks.
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), rows: String::new(), causes: Vec::new(), hints: Vec::new() }
    }

    /// Adds what caused it, and what caused that.
    pub(crate) fn cause(mut self, cause: &dyn std::error::Error) -> Self {
        self.causes.push(cause.to_string());
        let mut deeper = cause.source();
        while let Some(cause) = deeper {
            self.causes.push(cause.to_string());
            deeper = cause.source();
        }
        self
    }

    /// Adds a hint: one imperative sentence that ends in the command to copy.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds rows below the error, as `ls` prints them.
    pub(crate) fn rows(mut self, rows: String) -> Self {
        self.rows = rows;
        self
    }

    /// What failed and why, in a line, and the first hint.
    pub(crate) fn told(&self) -> (String, Option<String>) {
        let what = std::iter::once(&self.what).chain(&self.causes).map(String::as_str).collect::<Vec<_>>().join(": ");
        (what, self.hints.first().cloned())
    }

    /// What failed, why and what to do, for reports.
    pub(crate) fn parts(&self) -> (String, Vec<String>, Vec<String>) {
        (self.what.clone(), self.causes.clone(), self.hints.clone())
    }

    /// The exit code.
    pub(crate) fn code(&self) -> i32 {
        match self.kind {
            Kind::Usage | Kind::Failed => 2,
            Kind::Own => 125,
            Kind::CannotRun => 126,
            Kind::NoCommand => 127,
            Kind::Quiet => 0,
        }
    }

    /// Prints it to standard error.
    pub(crate) fn print(&self, paper: Paper) {
        if self.kind != Kind::Quiet {
            streams::note(&self.text(paper));
        }
    }

    fn text(&self, paper: Paper) -> String {
        let mut text = format!("{} {}\n{}", paper.paint(Style::Bad, "error:"), escaped(&self.what), self.rows);
        for cause in &self.causes {
            let _ = writeln!(text, "{} {}", paper.paint(Style::Bad, "caused by:"), escaped(cause));
        }
        for (place, hint) in self.hints.iter().enumerate() {
            let gap = if place == 0 { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{} {}", paper.paint(Style::Good, "hint:"), escaped(hint));
        }
        text
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = Paper { width: None, colour: false, now: crate::model::Micros(0) };
        formatter.write_str(&self.text(plain))
    }
}

/// Says that something that must hold did not.
pub(super) fn report_bug(what: &str) {
    let line = what.split_whitespace().collect::<Vec<_>>().join(" ");
    streams::note(&format!("error: retake has a bug: {}\n", escaped(&line)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;

    #[test]
    fn errors_look_as_the_style_says() {
        let paper = Paper { width: None, colour: false, now: Micros(0) };
        let cause = std::io::Error::other("no space\u{1b}[2J");
        let error = Error::new(Kind::Failed, "cannot write `x`").cause(&cause).hint("free some").hint("or more");
        let text = "error: cannot write `x`\ncaused by: no space\\u{1b}[2J\n\nhint: free some\nhint: or more\n";
        assert_eq!(error.text(paper), text);
        assert_eq!(error.code(), 2);
    }
}
