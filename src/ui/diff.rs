//! Two runs compared: what differs by itself first in every way, what only follows from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::facts::{kind_word, summary};
use super::{Paper, Style, graph};
use crate::diff::{Change, ChangeKind, Metric, Pair, Place, Report, Status};
use crate::model::{Kind, Node, NodeId, Run};
use crate::text::escape::{columns, cut, escaped, one_line, pad};
use crate::text::units::{count, duration, grouped};
use crate::text::words::{Diff, Op, Tag};

/// Lines of a difference that the overview shows; longer ones are counted.
const SHORT: usize = 6;

/// Equal nodes in a row from which on they are one line.
const MANY: usize = 6;

/// The whole comparison: a row a pair, what changed below it, and how much differs in all.
#[must_use]
pub fn view(report: &Report, left: &Run, right: &Run, paper: Paper) -> String {
    let rows = Rows { left, right, paper, name: names(report, left, right) };
    let mut out = String::new();
    let mut pairs = report.pairs.as_slice();
    while let Some(pair) = pairs.first() {
        let same = pairs.iter().take_while(|pair| pair.status == Status::Same).count();
        if same >= MANY {
            let numbers: Vec<NodeId> = pairs[..same].iter().filter_map(|pair| pair.left).collect();
            let _ = writeln!(out, "  {}  {}", graph::ranges(&numbers), paper.paint(Style::Faint, "same"));
            pairs = &pairs[same..];
            continue;
        }
        rows.row(&mut out, pair);
        rows.changes(&mut out, pair, true);
        pairs = &pairs[1..];
    }
    let _ = writeln!(out, "\n{}", total(report));
    out
}

/// One pair with all of its differences, found by the number of its node in either run, the left first; `None`
/// if there is no such node.
#[must_use]
pub fn pair_view(report: &Report, left: &Run, right: &Run, node: NodeId, paper: Paper) -> Option<String> {
    let on_left = report.pairs.iter().find(|pair| pair.left == Some(node));
    let pair = on_left.or_else(|| report.pairs.iter().find(|pair| pair.right == Some(node)))?;
    Some(of_pair(pair, left, right, paper))
}

/// A pair with all of its differences.
#[must_use]
pub fn of_pair(pair: &Pair, left: &Run, right: &Run, paper: Paper) -> String {
    let rows = Rows { left, right, paper, name: 0 };
    let mut out = String::new();
    rows.row(&mut out, pair);
    rows.changes(&mut out, pair, false);
    out
}

/// How much differs, in a line: `2 of 6 nodes differ: 1 cause, 1 consequence`.
#[must_use]
pub fn total(report: &Report) -> String {
    let summary = &report.summary;
    let all = report.pairs.len();
    let differ = summary.differ + summary.only_left + summary.only_right;
    if differ == 0 {
        return format!("no difference in {}", count(all, "node"));
    }
    let mut parts = vec![count(summary.frontier, "cause")];
    if differ > summary.frontier {
        parts.push(count(differ - summary.frontier, "consequence"));
    }
    if summary.only_left > 0 {
        parts.push(format!("{} only on the left", grouped(summary.only_left as u64)));
    }
    if summary.only_right > 0 {
        parts.push(format!("{} only on the right", grouped(summary.only_right as u64)));
    }
    let verb = if differ == 1 { "differs" } else { "differ" };
    format!("{differ} of {} {verb}: {}", count(all, "node"), parts.join(", "))
}

fn names(report: &Report, left: &Run, right: &Run) -> usize {
    let rows = Rows { left, right, paper: Paper { width: None, colour: false, now: left.started.at }, name: 0 };
    report.pairs.iter().map(|pair| columns(&rows.label(pair))).max().unwrap_or(0).min(40)
}

struct Rows<'a> {
    left: &'a Run,
    right: &'a Run,
    paper: Paper,
    name: usize,
}

impl Rows<'_> {
    fn nodes(&self, pair: &Pair) -> (Option<&Node>, Option<&Node>) {
        let find = |run: &'_ Run, id: Option<NodeId>| id.and_then(|id| run.graph.node(id)).map(|node| node.id);
        let left = find(self.left, pair.left).and_then(|id| self.left.graph.node(id));
        let right = find(self.right, pair.right).and_then(|id| self.right.graph.node(id));
        (left, right)
    }

    /// Numbers and name of a pair: `5 summarize`, `5→7 summarize`.
    fn label(&self, pair: &Pair) -> String {
        let (left, right) = self.nodes(pair);
        let number = match (pair.left, pair.right) {
            (Some(left), Some(right)) if left != right => format!("{left}→{right}"),
            (Some(number), _) | (None, Some(number)) => number.to_string(),
            (None, None) => String::new(),
        };
        let Some(node) = left.or(right) else { return number };
        let name = one_line(&node.name);
        let name = if name.is_empty() { one_line(kind_word(&node.kind)) } else { cut(&name, 24).into_owned() };
        format!("{number} {name}")
    }

    fn row(&self, out: &mut String, pair: &Pair) {
        let (sign, style) = match pair.status {
            Status::Same => (" ", Style::Faint),
            Status::Differs => ("~", Style::Changed),
            Status::OnlyLeft => ("-", Style::Bad),
            Status::OnlyRight => ("+", Style::Good),
        };
        let mut row = format!("{} {}", self.paper.paint(style, sign), pad(&self.label(pair), self.name));
        if pair.status == Status::Same {
            let _ = write!(row, "  {}", self.paper.paint(Style::Faint, "same"));
        } else {
            let role = self.role(pair);
            let style = if pair.frontier { Style::Strong } else { Style::Faint };
            let _ = write!(row, "  {}", self.paper.paint(style, &role));
            for metric in pair.metrics.iter().filter_map(measure) {
                let _ = write!(row, "  {metric}");
            }
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }

    /// Why a pair differs, or that it only follows.
    fn role(&self, pair: &Pair) -> String {
        let (left, right) = self.nodes(pair);
        let what = match pair.status {
            Status::OnlyLeft => "only on the left",
            Status::OnlyRight => "only on the right",
            _ if pair.changes.iter().any(|change| change.place == Place::Input && !change.inherited) => "input changed",
            _ => match left.or(right).map(|node| &node.kind) {
                Some(Kind::Llm) => "same input, another answer",
                Some(Kind::Tool) => "same arguments, another result",
                Some(Kind::Retrieval | Kind::Embedding | Kind::Rerank) => "same query, other documents",
                _ => "same input, another output",
            },
        };
        if pair.frontier {
            format!("cause: {what}")
        } else if pair.status == Status::Differs {
            "follows".to_owned()
        } else {
            format!("follows: {what}")
        }
    }

    fn changes(&self, out: &mut String, pair: &Pair, overview: bool) {
        if pair.status != Status::Differs {
            let (left, right) = self.nodes(pair);
            if let Some(node) = left.or(right).filter(|_| pair.status != Status::Same) {
                let said = summary(node, 60);
                if !said.is_empty() {
                    let _ = writeln!(out, "    {said}");
                }
            }
            return;
        }
        let mut inherited = 0;
        for change in &pair.changes {
            if overview && change.inherited {
                inherited += 1;
                continue;
            }
            let number = pair.left.or(pair.right).map(|id| id.to_string()).unwrap_or_default();
            let more = format!("`retake diff {} {} {number}`", self.left.id, self.right.id);
            self.change(out, change, overview.then_some(more.as_str()));
        }
        if inherited > 0 {
            let said = format!("(+ {} carried on from nodes before)", count(inherited, "difference"));
            let _ = writeln!(out, "    {}", self.paper.paint(Style::Faint, &said));
        }
    }

    /// A difference: its path, then its lines; in the overview long ones are counted and `more` says where they are.
    fn change(&self, out: &mut String, change: &Change, more: Option<&str>) {
        let path = self.paper.paint(Style::Place, &one_line(&change.path));
        let carried = if change.inherited { "  (carried on)" } else { "" };
        let lines = match &change.kind {
            ChangeKind::Text(diff) => hunks(diff, self.paper),
            ChangeKind::Value { left, right } if left.len() + right.len() < 60 => {
                let _ = writeln!(out, "    {path}  {} → {}{carried}", one_line(left), one_line(right));
                return;
            }
            ChangeKind::Value { left, right } => {
                [whole(left, '-', Style::Bad, self.paper), whole(right, '+', Style::Good, self.paper)].concat()
            }
            ChangeKind::Added(text) => whole(text, '+', Style::Good, self.paper),
            ChangeKind::Removed(text) => whole(text, '-', Style::Bad, self.paper),
        };
        if let Some(more) = more.filter(|_| lines.len() > SHORT) {
            let _ = writeln!(out, "    {path}: {} ({more} shows them)", counted(&change.kind));
            return;
        }
        let bare = match &change.kind {
            ChangeKind::Added(_) if lines.is_empty() => "  added",
            ChangeKind::Removed(_) if lines.is_empty() => "  removed",
            _ => "",
        };
        let _ = writeln!(out, "    {path}{bare}{carried}");
        for line in lines {
            let _ = writeln!(out, "    {}", line.trim_end());
        }
    }
}

/// `2.9s → 1.6s`, `410 → 187 tok` of answers; nothing where both are equal or unknown.
fn measure(metric: &Metric) -> Option<String> {
    let (say, unit): (fn(u64) -> String, _) = match metric.name {
        "duration" => (duration, ""),
        "output_tokens" => (grouped, " tok"),
        _ => return None,
    };
    let (left, right) = (metric.left.map(say), metric.right.map(say));
    (left != right && left.is_some() && right.is_some())
        .then(|| format!("{} → {}{unit}", left.unwrap_or_default(), right.unwrap_or_default()))
}

/// How much of a text changed, in words.
fn counted(kind: &ChangeKind) -> String {
    let words = |text: &str| text.split_whitespace().count();
    let say = |removed: usize, added: usize| match (removed, added) {
        (0, added) => format!("{} added", count(added, "word")),
        (removed, 0) => format!("{} removed", count(removed, "word")),
        (removed, added) => format!("{} removed, {} added", count(removed, "word"), grouped(added as u64)),
    };
    match kind {
        ChangeKind::Text(diff) => {
            let mut numbers: BTreeMap<bool, usize> = BTreeMap::new();
            for op in diff.hunks.iter().flat_map(|hunk| &hunk.ops).filter(|op| op.tag != Tag::Equal) {
                *numbers.entry(op.tag == Tag::Added).or_default() += words(&op.text);
            }
            say(numbers.get(&false).copied().unwrap_or(0), numbers.get(&true).copied().unwrap_or(0))
        }
        ChangeKind::Value { left, right } => say(words(left), words(right)),
        ChangeKind::Added(text) => say(0, words(text)),
        ChangeKind::Removed(text) => say(words(text), 0),
    }
}

fn whole(text: &str, sign: char, style: Style, paper: Paper) -> Vec<String> {
    let room = paper.width.map_or(usize::MAX, |width| width.saturating_sub(6).max(20));
    escaped(text)
        .lines()
        .flat_map(|line| crate::text::escape::wrap(line, room))
        .map(|line| paper.paint(style, &format!("{sign} {line}")))
        .collect()
}

/// Lines of a text difference: what was removed and what was added below each other, equal lines with neither sign.
fn hunks(diff: &Diff, paper: Paper) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, hunk) in diff.hunks.iter().enumerate() {
        if place > 0 {
            lines.push(paper.paint(Style::Faint, "  …"));
        }
        let mut left = side(&hunk.ops, Tag::Removed, Style::Bad, paper);
        let mut right = side(&hunk.ops, Tag::Added, Style::Good, paper);
        let before = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
        let after = left[before..].iter().rev().zip(right[before..].iter().rev()).take_while(|(a, b)| a == b).count();
        let end = left.split_off(left.len() - after);
        right.truncate(right.len() - after);
        lines.extend(left[..before].iter().map(|line| format!("  {line}")));
        lines.extend(left[before..].iter().map(|line| format!("{} {line}", paper.paint(Style::Bad, "-"))));
        lines.extend(right[before..].iter().map(|line| format!("{} {line}", paper.paint(Style::Good, "+"))));
        lines.extend(end.iter().map(|line| format!("  {line}")));
    }
    lines
}

/// One side of a hunk as lines; only what this side has alone is in colour.
fn side(ops: &[Op], own: Tag, style: Style, paper: Paper) -> Vec<String> {
    let mut lines = vec![String::new()];
    for op in ops.iter().filter(|op| op.tag == Tag::Equal || op.tag == own) {
        for (place, piece) in escaped(&op.text).split('\n').enumerate() {
            if place > 0 {
                lines.push(String::new());
            }
            let piece = if op.tag == own { paper.paint(style, piece) } else { piece.to_owned() };
            if let Some(line) = lines.last_mut() {
                line.push_str(&piece);
            }
        }
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}
