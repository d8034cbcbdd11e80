//! Lists of runs: a line each, replays under the run they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Paper, Style};
use crate::model::{RunId, State, Summary};
use crate::text::escape::{columns, command, one_line, pad, pad_left};
use crate::text::units::{ago, count, duration, grouped};

/// What is said where there are no runs.
pub const EMPTY: &str = "no runs yet";

/// A table of all runs, newest first; replays hang under the run they came from, oldest first.
#[must_use]
pub fn table(runs: &[Summary], paper: Paper) -> String {
    lines(&hung(runs), runs, paper)
}

/// The runs in that order, each with the lines that say what it hangs under.
#[must_use]
pub fn hung(runs: &[Summary]) -> Vec<(String, &Summary)> {
    let known: BTreeSet<&RunId> = runs.iter().map(|run| &run.id).collect();
    let mut children: BTreeMap<&RunId, Vec<&Summary>> = BTreeMap::new();
    let mut roots = Vec::new();
    for run in runs {
        match run.started.parent.as_ref().filter(|parent| known.contains(&parent.run) && parent.run != run.id) {
            Some(parent) => children.entry(&parent.run).or_default().push(run),
            None => roots.push(run),
        }
    }
    roots.sort_by_key(|run| std::cmp::Reverse((run.started.at, run.id.clone())));
    for replays in children.values_mut() {
        replays.sort_by_key(|run| (run.started.at, run.id.clone()));
    }
    let mut rows = Vec::new();
    for root in roots {
        hang(root, "", "", &children, &mut rows);
    }
    rows
}

/// Some runs as `ls` shows them, two spaces in: the candidates of an ambiguous name.
#[must_use]
pub fn candidates(runs: &[Summary], all: &[Summary], paper: Paper) -> String {
    let rows: Vec<(String, &Summary)> = runs.iter().map(|run| ("  ".to_owned(), run)).collect();
    lines(&rows, all, paper)
}

fn hang<'a>(
    run: &'a Summary,
    branch: &str,
    below: &str,
    children: &BTreeMap<&RunId, Vec<&'a Summary>>,
    rows: &mut Vec<(String, &'a Summary)>,
) {
    rows.push((branch.to_owned(), run));
    let replays = children.get(&run.id).map_or(&[][..], Vec::as_slice);
    for (place, replay) in replays.iter().enumerate() {
        let last = place + 1 == replays.len();
        let branch = format!("{below}{}", if last { "└─" } else { "├─" });
        let deeper = format!("{below}{}", if last { "  " } else { "│ " });
        hang(replay, &branch, &deeper, children, rows);
    }
}

fn lines(rows: &[(String, &Summary)], all: &[Summary], paper: Paper) -> String {
    let cells: Vec<[String; 5]> = rows.iter().map(|(_, run)| facts(run, paper)).collect();
    let first = rows.iter().map(|(branch, run)| columns(branch) + run.id.as_str().len()).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..5).map(|column| cells.iter().map(|row| columns(&row[column])).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for ((branch, run), row) in rows.iter().zip(&cells) {
        let unique = unique_prefix(&run.id, all);
        let (bright, rest) = run.id.as_str().split_at(unique);
        let mut line = format!("{branch}{}{}", paper.paint(Style::Strong, bright), paper.paint(Style::Faint, rest));
        let mut used = columns(branch) + run.id.as_str().len();
        let _ = write!(line, "{}", " ".repeat(first - used));
        used = first;
        for (column, width) in widths.iter().enumerate().filter(|(_, width)| **width > 0) {
            let cell = if column == 0 { pad(&row[column], *width) } else { pad_left(&row[column], *width) };
            let _ = write!(line, "  {cell}");
            used += 2 + width;
        }
        let tags = tags(run);
        let what = if branch.ends_with('─') { what(run) } else { whole(run) };
        let said = paper.cut(&what, used + 2 + if tags.is_empty() { 0 } else { columns(&tags) + 2 });
        let _ = write!(line, "  {said}");
        if !tags.is_empty() {
            let _ = write!(line, "  {}", paper.paint(Style::Place, &tags));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn facts(run: &Summary, paper: Paper) -> [String; 5] {
    let narrow = paper.width.is_some_and(|width| width < 100);
    let state = match run.state {
        State::Running => "running".to_owned(),
        State::Interrupted => "interrupted".to_owned(),
        State::Finished => match run.ended.as_ref().map(|ended| ended.code) {
            Some(0) | None => String::new(),
            Some(code) => format!("exit {code}"),
        },
    };
    [
        ago(paper.now.0, run.started.at.0),
        run.duration.map(duration).unwrap_or_default(),
        count(run.nodes, "node"),
        run.tokens.filter(|_| !narrow).map(|tokens| format!("{} tok", grouped(tokens))).unwrap_or_default(),
        state,
    ]
}

pub(super) fn tags(run: &Summary) -> String {
    run.tags.iter().map(|tag| format!("[{}]", one_line(tag))).collect::<Vec<_>>().join(" ")
}

/// The command of a recording, the changes of a replay.
#[must_use]
pub fn what(run: &Summary) -> String {
    let Some(parent) = &run.started.parent else {
        // The directory of a program is of no use in a list; `./agent` stays as it was typed.
        let mut words = run.started.command.clone();
        if let Some(program) = words.first_mut().filter(|program| program.starts_with('/'))
            && let Some((_, name)) = program.rsplit_once('/')
        {
            *program = name.to_owned();
        }
        let said = one_line(&command(&words));
        return if run.started.origin.is_empty() || matches!(run.started.origin.as_str(), "record" | "replay") {
            said
        } else {
            format!("{}: {said}", one_line(&run.started.origin))
        };
    };
    if parent.changes.is_empty() {
        return "replay".to_owned();
    }
    format!("replay: {}", one_line(&parent.changes.join(" ")))
}

/// The same, with the run that a replay came from.
#[must_use]
pub fn whole(run: &Summary) -> String {
    match &run.started.parent {
        Some(parent) => what(run).replacen("replay", &format!("replay of {}", parent.run), 1),
        None => what(run),
    }
}

/// How many letters of the name are needed to tell the run from all others; at least 1.
#[must_use]
pub fn unique_prefix(run: &RunId, all: &[Summary]) -> usize {
    let name = run.as_str();
    let shared = |other: &str| name.bytes().zip(other.bytes()).take_while(|(left, right)| left == right).count();
    all.iter()
        .filter(|other| other.id != *run)
        .map(|other| shared(other.id.as_str()) + 1)
        .max()
        .unwrap_or(1)
        .min(name.len())
}

/// The shortest prefix that is worth typing: unique, and four letters at least.
#[must_use]
pub fn short(run: &RunId, all: &[Summary]) -> String {
    run.as_str().chars().take(unique_prefix(run, all).max(4)).collect()
}
