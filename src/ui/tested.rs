//! How the results of tests look.

use std::fmt::Write as _;

use super::{Paper, Style};
use crate::snapshot::{Ended, Failure, Verdict};
use crate::text::escape::{escaped, one_line};
use crate::text::units::{count, duration};

/// Failures of a workflow that are shown.
const MOST: usize = 8;

/// A workflow's row, and below it what failed.
#[must_use]
pub fn verdict(verdict: &Verdict, width: usize, paper: Paper) -> String {
    let (word, style) = match verdict.result {
        Ended::Passed => ("PASS", Style::Good),
        Ended::Failed(_) => ("FAIL", Style::Bad),
        Ended::Broken { .. } => (" ERR", Style::Bad),
    };
    let name = one_line(&verdict.name);
    let nodes = count(verdict.nodes, "node");
    let mut out = format!("{}  {name:width$}  {nodes:>9}  {}", paper.paint(style, word), duration(verdict.took));
    if verdict.passed() && !verdict.approximations.is_empty() {
        let says: Vec<String> = verdict.approximations.iter().map(|says| one_line(says)).collect();
        let _ = write!(out, "  {}", paper.paint(Style::Faint, &format!("approximated: {}", says.join("; "))));
    }
    out.push('\n');
    match &verdict.result {
        Ended::Passed => {}
        Ended::Failed(failures) => {
            for failure in failures.iter().take(MOST) {
                lines(&mut out, failure, paper);
            }
            if failures.len() > MOST {
                let _ = writeln!(out, "      and {} more", failures.len() - MOST);
            }
            let look = match &verdict.runs {
                Some((recording, replay)) => format!("`retake diff {recording} {replay}` or `retake step {replay}`"),
                None => format!("`retake test {}` on your machine", one_line(&verdict.name)),
            };
            let _ = writeln!(out, "      {}", paper.paint(Style::Faint, &format!("look into it with {look}")));
        }
        Ended::Broken { what, causes, hints } => {
            let _ = writeln!(out, "      {}", escaped(what));
            for cause in causes {
                let _ = writeln!(out, "      {} {}", paper.paint(Style::Bad, "caused by:"), escaped(cause));
            }
            for hint in hints {
                let _ = writeln!(out, "      {} {}", paper.paint(Style::Good, "hint:"), escaped(hint));
            }
        }
    }
    out
}

fn lines(out: &mut String, failure: &Failure, paper: Paper) {
    let mut node = String::new();
    if !failure.label.is_empty() {
        let _ = write!(node, "{} ", paper.paint(Style::Place, &failure.label));
    }
    if !failure.name.is_empty() {
        let _ = write!(node, "{} ", paper.paint(Style::Strong, &one_line(&failure.name)));
    }
    if let Some(id) = failure.node {
        let _ = write!(node, "{} ", paper.paint(Style::Faint, &format!("(node {id})")));
    }
    if !node.is_empty() {
        node.push(' ');
    }
    let _ = writeln!(out, "      {node}{}", escaped(&failure.says));
    if !failure.path.is_empty() {
        let _ = writeln!(out, "        {}", paper.paint(Style::Place, &one_line(&failure.path)));
    }
    for (word, mark, style, value) in
        [("recorded", '-', Style::Bad, &failure.recorded), ("now", '+', Style::Good, &failure.now)]
    {
        match value {
            Some(value) => {
                for line in value.lines().take(MOST) {
                    let _ = writeln!(out, "{}", paper.paint(style, &format!("        {mark} {}", escaped(line))));
                }
            }
            None if failure.recorded.is_some() != failure.now.is_some() => {
                let _ = writeln!(out, "        {mark} (nothing {word})");
            }
            None => {}
        }
    }
    for line in &failure.why {
        let _ = writeln!(out, "        {}", paper.paint(Style::Faint, &escaped(line)));
    }
}

/// How many passed and failed, in a line.
#[must_use]
pub fn total(verdicts: &[Verdict]) -> String {
    let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
    let broken = verdicts.iter().filter(|verdict| matches!(verdict.result, Ended::Broken { .. })).count();
    let failed = verdicts.len() - passed - broken;
    let mut parts = Vec::new();
    for (number, word) in [(passed, "passed"), (failed, "failed"), (broken, "could not be tested")] {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    format!("{}: {}", count(verdicts.len(), "workflow"), parts.join(", "))
}
