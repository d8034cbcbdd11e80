//! A run as a drawn graph: one row a node, lines for what depends on what, branches side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use renderdag::{Ancestor, GraphRowRenderer, Renderer};

use super::facts::{self, action, glyph, kind_word};
use super::{Paper, Style};
use crate::model::event::Action;
use crate::model::{Detail, Micros, Node, NodeId, RunGraph, ToolState};
use crate::text::escape::{columns, cut, one_line, pad, pad_left};
use crate::text::units::duration;

/// Stands before the text of a row until the width of all drawings is known.
const MARK: char = '\u{1}';

/// Columns up to which texts are put under each other, however wide the drawing.
const ALIGNED: usize = 24;

/// The graph, a legend of its signs, and which nodes ran side by side.
#[must_use]
pub fn draw(graph: &RunGraph, paper: Paper) -> String {
    let order = Order::of(graph);
    let drawing = Drawing { rows: rows(graph, &order) };
    let table = Table::of(graph, drawing.margin(), paper);
    let mut out = String::new();
    for row in &drawing.rows {
        let _ = writeln!(out, "{}", drawing.line(row, graph, &table, paper));
    }
    let legend = legend(graph);
    if !legend.is_empty() {
        let _ = writeln!(out, "\n{}", paper.paint(Style::Faint, &legend));
    }
    for group in order.parallel(graph) {
        let _ = writeln!(out, "in parallel: {}", ranges(&group));
    }
    out
}

/// The rows of a drawn graph, whatever it is drawn on.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// From top to bottom.
    pub rows: Vec<Row>,
}

impl Drawing {
    /// Draws a graph.
    #[must_use]
    pub fn of(graph: &RunGraph) -> Self {
        Self { rows: rows(graph, &Order::of(graph)) }
    }

    /// Columns before the texts, however wide some rows are drawn.
    #[must_use]
    pub fn margin(&self) -> usize {
        self.rows.iter().map(|row| columns(&row.drawing)).max().unwrap_or(0).min(ALIGNED)
    }

    /// A row with what the table says of its node.
    #[must_use]
    pub fn line(&self, row: &Row, graph: &RunGraph, table: &Table, paper: Paper) -> String {
        let drawing = pad(&row.drawing, table.margin);
        let line = if let Some(node) = row.node.and_then(|id| graph.node(id)) {
            let sign = glyph(&node.kind);
            let style = if node.error.is_some() { Style::Bad } else { Style::Strong };
            let drawing = drawing.replacen(sign, &paper.paint(style, sign), 1);
            format!("{drawing}  {}", table.row(node, paper))
        } else if let Some(text) = &row.text {
            let indent = " ".repeat(table.number + 3);
            let text = paper.cut(text, columns(&drawing) + indent.len());
            format!("{drawing}{indent}{}", paper.paint(Style::Bad, &text))
        } else {
            drawing
        };
        line.trim_end().to_owned()
    }
}

/// Numbers as `2, 4-6`.
#[must_use]
pub fn ranges(numbers: &[NodeId]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == number.0 => *last = number.0,
            _ => parts.push((number.0, number.0)),
        }
    }
    let say = |(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}-{last}"),
    };
    parts.iter().map(say).collect::<Vec<_>>().join(", ")
}

/// The nodes that ran at the same time as this one and do not depend on it, nor it on them.
#[must_use]
pub fn beside(graph: &RunGraph, id: NodeId) -> Vec<NodeId> {
    let Some(node) = graph.node(id) else { return Vec::new() };
    let related: BTreeSet<NodeId> = graph.causes(id).union(&graph.dependents(id)).copied().collect();
    graph.nodes().filter(|other| !related.contains(&other.id) && overlap(node, other)).map(|other| other.id).collect()
}

fn overlap(left: &Node, right: &Node) -> bool {
    // What was asked for and never answered took no time that anybody saw.
    let unanswered = |node: &Node| matches!(&node.detail, Detail::Tool(tool) if tool.state == ToolState::NoResult);
    if unanswered(left) || unanswered(right) {
        return false;
    }
    let before = |first: &Node, second: &Node| first.ended.is_some_and(|ended| ended <= second.started);
    !before(left, right) && !before(right, left)
}

/// The nodes in run order, what follows each directly, and what follows at all.
struct Order {
    ids: Vec<NodeId>,
    places: BTreeMap<NodeId, usize>,
    next: Vec<Vec<usize>>,
    reach: Vec<Vec<u64>>,
}

impl Order {
    fn of(graph: &RunGraph) -> Self {
        let ids = graph.in_order();
        let places: BTreeMap<NodeId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let words = ids.len().div_ceil(64);
        let mut next = vec![Vec::new(); ids.len()];
        let mut reach = vec![vec![0_u64; words]; ids.len()];
        for (place, id) in ids.iter().enumerate().rev() {
            let followers: BTreeSet<usize> = graph.out_of_node(*id).map(|(other, _)| places[&other]).collect();
            let mut reached = vec![0_u64; words];
            for follower in followers {
                if bit(&reached, follower) {
                    continue;
                }
                reached[follower / 64] |= 1 << (follower % 64);
                for (word, more) in reached.iter_mut().zip(&reach[follower]) {
                    *word |= more;
                }
                next[place].push(follower);
            }
            reach[place] = reached;
        }
        Self { ids, places, next, reach }
    }

    fn unordered(&self, left: usize, right: usize) -> bool {
        !bit(&self.reach[left], right) && !bit(&self.reach[right], left)
    }

    /// Groups of nodes that ran at the same time and do not depend on each other.
    fn parallel(&self, graph: &RunGraph) -> Vec<Vec<NodeId>> {
        let mut nodes: Vec<&Node> = graph.nodes().collect();
        nodes.sort_by_key(|node| (node.started, node.id));
        let mut group: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        for (place, left) in nodes.iter().enumerate() {
            for right in &nodes[place + 1..] {
                if left.ended.is_some_and(|ended| ended <= right.started) {
                    break;
                }
                if overlap(left, right) && self.unordered(self.places[&left.id], self.places[&right.id]) {
                    let (first, second) = (head(&group, left.id), head(&group, right.id));
                    group.insert(first.max(second), first.min(second));
                    group.entry(first.min(second)).or_insert(first.min(second));
                }
            }
        }
        let mut groups: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for id in group.keys() {
            groups.entry(head(&group, *id)).or_default().push(*id);
        }
        groups.into_values().collect()
    }
}

fn head(group: &BTreeMap<NodeId, NodeId>, mut id: NodeId) -> NodeId {
    while let Some(other) = group.get(&id).filter(|other| **other != id) {
        id = *other;
    }
    id
}

fn bit(words: &[u64], place: usize) -> bool {
    words[place / 64] >> (place % 64) & 1 == 1
}

/// One line of the drawing: with a node's text, with a further line of it, or with lines only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The lines and the sign of the node.
    pub drawing: String,
    /// The node.
    pub node: Option<NodeId>,
    /// What went wrong with the node above.
    pub text: Option<String>,
}

fn rows(graph: &RunGraph, order: &Order) -> Vec<Row> {
    let mut renderer = GraphRowRenderer::new().output().with_min_row_height(1).build_box_drawing();
    let begins: Vec<(usize, &Node)> = (0..order.ids.len())
        .filter(|place| graph.into_node(order.ids[*place]).next().is_none())
        .filter_map(|place| Some((place, graph.node(order.ids[place])?)))
        .collect();
    let mut next_begin = 0;
    let mut rows = Vec::new();
    for (place, id) in order.ids.iter().enumerate() {
        let Some(node) = graph.node(*id) else { continue };
        if begins.get(next_begin).is_some_and(|(begin, _)| *begin == place) {
            next_begin += 1;
            renderer.reserve(place);
            for (other, _) in begins[next_begin..].iter().filter(|(_, other)| overlap(node, other)) {
                renderer.reserve(*other);
            }
        }
        let mut message = MARK.to_string();
        if let Some(trouble) = trouble(node) {
            let _ = write!(message, "\n{MARK}{trouble}");
        }
        let below = order.next[place].iter().map(|next| Ancestor::Parent(*next)).collect();
        let drawn = renderer.next_row(place, below, glyph(&node.kind).to_owned(), message);
        let mut first = true;
        for line in drawn.lines() {
            match line.split_once(MARK) {
                Some((drawing, _)) if std::mem::take(&mut first) => {
                    rows.push(Row { drawing: drawing.trim_end().to_owned(), node: Some(*id), text: None });
                }
                Some((drawing, text)) => {
                    rows.push(Row { drawing: drawing.trim_end().to_owned(), node: None, text: Some(text.to_owned()) });
                }
                None => rows.push(Row { drawing: line.trim_end().to_owned(), node: None, text: None }),
            }
        }
    }
    rows
}

/// What went wrong with a node, on one line.
fn trouble(node: &Node) -> Option<String> {
    let refused = node.decided.as_ref().filter(|decided| decided.action == Action::Refuse);
    match (&node.error, refused) {
        (_, Some(decided)) if !decided.notes.is_empty() => Some(format!("refused: {}", one_line(&decided.notes[0]))),
        (Some(error), _) => Some(format!("failed: {}", one_line(error))),
        _ => None,
    }
}

fn legend(graph: &RunGraph) -> String {
    let mut kinds: Vec<_> = graph.nodes().map(|node| &node.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds.iter().map(|kind| format!("{} {}", glyph(kind), one_line(kind_word(kind)))).collect::<Vec<_>>().join("  ")
}

/// Widths of the columns beside the drawing.
#[derive(Debug, Clone, Default)]
pub struct Table {
    margin: usize,
    number: usize,
    name: usize,
    summary: usize,
    outcome: usize,
    duration: usize,
    /// What a replay did.
    done: usize,
}

impl Table {
    fn of(graph: &RunGraph, margin: usize, paper: Paper) -> Self {
        let most = |text: &dyn Fn(&Node) -> String| graph.nodes().map(|node| columns(&text(node))).max().unwrap_or(0);
        let mut table = Self {
            margin,
            number: most(&|node| node.id.to_string()),
            name: most(&|node| name(node)),
            summary: 60,
            outcome: most(&facts::outcome),
            duration: most(&took),
            done: most(&done),
        };
        if let Some(width) = paper.width {
            let used = margin + 2 + table.number + 1 + table.name + 2 + table.outcome + 2 + table.duration + 2;
            table.summary = width.saturating_sub(used + 16).clamp(12, 60);
        }
        table.summary = most(&|node| facts::summary(node, table.summary));
        table
    }

    /// The widths where there is room for all.
    #[must_use]
    pub fn natural(graph: &RunGraph, margin: usize) -> Self {
        Self::of(graph, margin, Paper { width: None, colour: false, now: Micros(0) })
    }

    /// The same in so many columns and with this margin; what finds no room is left out, times first.
    #[must_use]
    pub fn fit(&self, margin: usize, width: usize) -> Self {
        let mut table = self.clone();
        let most = table.summary;
        table.margin = margin.min(width / 3);
        table.name = table.name.min(width / 2).max(4);
        let least = most.min(16);
        table.summary = 0;
        let used = |table: &Self| table.width() + if most > 0 { 2 } else { 0 };
        if used(&table) + least > width {
            table.duration = 0;
        }
        if used(&table) + least > width {
            table.outcome = 0;
        }
        if used(&table) + least.min(8) > width {
            table.done = 0;
        }
        table.summary = most.min(width.saturating_sub(used(&table)));
        if table.summary < 6 {
            table.summary = 0;
        }
        table
    }

    /// Columns of the widest row.
    #[must_use]
    pub fn width(&self) -> usize {
        let further = [self.summary, self.outcome, self.duration, self.done].into_iter().filter(|width| *width > 0);
        self.margin + 2 + self.number + 1 + self.name + further.map(|width| width + 2).sum::<usize>()
    }

    /// A node with its sign and no lines.
    #[must_use]
    pub fn line(&self, node: &Node, paper: Paper) -> String {
        format!("{} {}", glyph(&node.kind), self.row(node, paper))
    }

    fn row(&self, node: &Node, paper: Paper) -> String {
        let mut row = format!(
            "{} {}",
            paper.paint(Style::Place, &pad_left(&node.id.to_string(), self.number)),
            paper.paint(Style::Strong, &pad(&cut(&name(node), self.name), self.name)),
        );
        if self.summary > 0 {
            let _ = write!(row, "  {}", pad(&facts::summary(node, self.summary), self.summary));
        }
        for (text, width) in [(facts::outcome(node), self.outcome), (took(node), self.duration)] {
            if width > 0 {
                let _ = write!(row, "  {}", pad_left(&text, width));
            }
        }
        if let Some(decided) = node.decided.as_ref().filter(|_| self.done > 0) {
            let style = match decided.action {
                Action::Serve => Style::Faint,
                Action::Refuse => Style::Bad,
                _ => Style::Changed,
            };
            let _ = write!(row, "  {}", paper.paint(style, action(decided.action)));
        }
        if !node.attempts.is_empty() && self.done > 0 {
            let _ = write!(row, "  {} attempts", node.attempts.len() + 1);
        }
        row
    }
}

/// The node's name, else what it is; names are cut at 24 columns.
fn name(node: &Node) -> String {
    let name = one_line(&node.name);
    if name.is_empty() { one_line(kind_word(&node.kind)) } else { cut(&name, 24).into_owned() }
}

/// What a replay did, and how often it was tried.
fn done(node: &Node) -> String {
    let decided = node.decided.as_ref().map(|decided| action(decided.action).to_owned());
    let tried = (!node.attempts.is_empty()).then(|| format!("{} attempts", node.attempts.len() + 1));
    [decided, tried].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

fn took(node: &Node) -> String {
    node.ended.map(|ended| duration(ended.since(node.started))).unwrap_or_default()
}
