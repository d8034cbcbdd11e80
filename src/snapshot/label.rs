//! Labels of nodes in a snapshot: the same whatever the order in which parallel calls began.
//!
//! A lane is a letter, its calls are `A1`, `A2`; what a call contains or called for is `A1.1`, `A1.2`. Lanes stand in
//! the order of their first calls where one ended before the other began, else in the order of what they ask.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Detail, Edge, LaneId, Micros, Node, NodeId, Run};

/// A node's label, and how deep it stands inside others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) id: NodeId,
    pub(super) label: String,
    pub(super) depth: usize,
    /// The lane's letters.
    pub(super) lane: String,
}

/// All nodes in the order in which a snapshot shows them.
pub(super) fn labelled(run: &Run) -> Vec<Labelled> {
    let mut inside: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let mut contained = BTreeSet::new();
    for node in run.graph.nodes() {
        let holder = run.graph.into_node(node.id).find(|(_, edge)| matches!(edge, Edge::ToolCall | Edge::Calls));
        if let Some((holder, _)) = holder {
            inside.entry(holder).or_default().push(node.id);
            contained.insert(node.id);
        }
    }
    let mut lanes: BTreeMap<LaneId, Vec<NodeId>> = BTreeMap::new();
    let mut groups: Vec<Vec<NodeId>> = Vec::new();
    for node in run.graph.nodes().filter(|node| !contained.contains(&node.id)) {
        match node.lane {
            Some(lane) => lanes.entry(lane).or_default().push(node.id),
            None => groups.push(vec![node.id]),
        }
    }
    groups.extend(lanes.into_values());
    let mut out = Vec::new();
    for (place, group) in in_order(run, groups).into_iter().enumerate() {
        let lane = letters(place);
        for (number, first) in group.into_iter().enumerate() {
            let mut waiting = vec![(first, 0, format!("{lane}{}", number + 1))];
            while let Some((id, depth, label)) = waiting.pop() {
                let children = inside.remove(&id).unwrap_or_default();
                for (at, child) in children.into_iter().enumerate().rev() {
                    waiting.push((child, depth + 1, format!("{label}.{}", at + 1)));
                }
                out.push(Labelled { id, label, depth, lane: lane.clone() });
            }
        }
    }
    out
}

/// Groups of nodes: one before another if its first node ended before the other's began, else by what they hold.
fn in_order(run: &Run, groups: Vec<Vec<NodeId>>) -> Vec<Vec<NodeId>> {
    let mut waiting: Vec<(&Node, Vec<NodeId>)> =
        groups.into_iter().filter_map(|group| Some((run.graph.node(*group.first()?)?, group))).collect();
    waiting.sort_by_key(|(first, _)| (first.started, first.id));
    let ended = |node: &Node| node.ended.unwrap_or(node.started).max(node.started);
    let mut waiting = waiting.into_iter().peekable();
    // Those that began before any of them had ended: they have no order in time.
    let mut together: BTreeMap<(String, NodeId), (Micros, Vec<NodeId>)> = BTreeMap::new();
    let mut ends: BTreeSet<(Micros, NodeId)> = BTreeSet::new();
    let mut out = Vec::new();
    loop {
        let first_end = ends.first().map(|(ended, _)| *ended);
        let next = waiting.next_if(|(first, _)| first_end.is_none_or(|ended| first.started <= ended));
        if let Some((first, group)) = next {
            together.insert((asked(first), first.id), (ended(first), group));
            ends.insert((ended(first), first.id));
        } else if let Some(((_, id), (ended, group))) = together.pop_first() {
            ends.remove(&(ended, id));
            out.push(group);
        } else {
            return out;
        }
    }
}

/// What a node asks, as text to sort by.
fn asked(node: &Node) -> String {
    let content = match &node.detail {
        Detail::Call { prompt, .. } => {
            let messages = prompt.messages.iter().map(|message| message.text());
            messages.chain(prompt.texts.iter().cloned()).collect::<Vec<_>>().join("\n")
        }
        Detail::Tool(tool) => tool.arguments.clone(),
        Detail::Block(block) => block.input.clone(),
        Detail::Http { method, target, .. } => format!("{method} {target}"),
    };
    format!("{}\n{}\n{content}", node.kind.as_str(), node.name)
}

/// `A` to `Z`, then `AA`.
fn letters(place: usize) -> String {
    let letter = |at: usize| char::from(b'A' + u8::try_from(at % 26).unwrap_or_default());
    let mut out = vec![letter(place)];
    let mut rest = place / 26;
    while rest > 0 {
        out.push(letter(rest - 1));
        rest = (rest - 1) / 26;
    }
    out.iter().rev().collect()
}

/// The label of each node.
pub(super) fn labels(run: &Run) -> BTreeMap<NodeId, String> {
    labelled(run).into_iter().map(|node| (node.id, node.label)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn lanes_are_counted_in_letters() {
        let letters: Vec<String> = [0, 25, 26, 27, 51, 52, 701, 702].map(super::letters).to_vec();
        assert_eq!(letters, ["A", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA"]);
    }
}
