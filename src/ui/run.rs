//! A whole run: how it was started and ended, its graph, what retake had to say.

use std::fmt::Write as _;

use super::{Paper, Style, graph, runs};
use crate::model::{Run, State, Summary};
use crate::text::escape::one_line;
use crate::text::units::{ago, count, duration, grouped};

/// The run, as `show` prints it; `verdict` says how replayable it is.
#[must_use]
pub fn view(run: &Run, summary: &Summary, verdict: Option<&str>, paper: Paper) -> String {
    let mut out = head(summary, paper);
    for line in about(run, summary, paper) {
        let _ = writeln!(out, "  {}", paper.paint(Style::Faint, &line));
    }
    if let Some(grade) = &summary.grade {
        let _ = writeln!(out, "  {}", one_line(grade));
    }
    if let Some(verdict) = verdict {
        let _ = writeln!(out, "  replay: {}", one_line(verdict));
    }
    out.push('\n');
    if run.graph.is_empty() {
        out.push_str("no calls were recorded\n");
    } else {
        out.push_str(&graph::draw(&run.graph, paper));
    }
    let warnings: Vec<_> = run.notes.iter().filter(|note| note.topic == "warning").collect();
    if !warnings.is_empty() {
        out.push('\n');
    }
    for note in warnings {
        let _ = writeln!(out, "{} {}", paper.paint(Style::Changed, "warning:"), one_line(&note.text));
    }
    out
}

/// Name, command and exit code in a line.
#[must_use]
pub fn head(summary: &Summary, paper: Paper) -> String {
    let state = match (summary.state, &summary.ended) {
        (State::Running, _) => "running".to_owned(),
        (State::Interrupted, None) => "interrupted".to_owned(),
        (_, Some(ended)) => format!("exit {}", ended.code),
        (State::Finished, None) => "no exit code".to_owned(),
    };
    let tags = runs::tags(summary);
    let tags = if tags.is_empty() { tags } else { format!("  {tags}") };
    let used = summary.id.as_str().len() + state.len() + 4 + tags.len();
    let style = if state == "exit 0" { Style::Good } else { Style::Bad };
    format!(
        "{}  {}  {}{}\n",
        paper.paint(Style::Strong, summary.id.as_str()),
        paper.cut(&runs::what(summary), used),
        paper.paint(style, &state),
        paper.paint(Style::Place, &tags),
    )
}

fn about(run: &Run, summary: &Summary, paper: Paper) -> Vec<String> {
    let started = &run.started;
    let mut lines = Vec::new();
    if let Some(parent) = &started.parent {
        lines.push(format!("replay of {}", parent.run));
    }
    let mut facts = vec![ago(paper.now.0, started.at.0)];
    facts.extend(summary.duration.map(duration));
    facts.push(count(summary.nodes, "node"));
    facts.push(count(summary.model_calls, "model call"));
    facts.extend(summary.tokens.map(|tokens| format!("{} tok", grouped(tokens))));
    lines.push(facts.join(", "));
    let mut place = Vec::new();
    if !started.directory.is_empty() {
        place.push(format!("in {}", one_line(&started.directory)));
    }
    if let Some(git) = &started.git {
        let commit: String = git.commit.chars().take(10).collect();
        place.push(format!("at {commit}{}", if git.dirty { ", with changes" } else { "" }));
    }
    if !place.is_empty() {
        lines.push(place.join(" "));
    }
    if summary.state == State::Interrupted {
        lines.push("the recorder ended before the agent did: the last calls may be missing".to_owned());
    }
    lines
}

/// What `record` says of a run when it ends: `6 nodes, 3 model calls, 5,730 tokens, 7.9s`.
#[must_use]
pub fn totals(summary: &Summary) -> String {
    let mut facts = vec![count(summary.nodes, "node"), count(summary.model_calls, "model call")];
    facts.extend(summary.tokens.map(|tokens| format!("{} tokens", grouped(tokens))));
    facts.extend(summary.duration.map(duration));
    facts.join(", ")
}
