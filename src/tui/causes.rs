//! From a node to those that it came from or that came from it, strongest first.

use std::collections::BTreeMap;

use super::Link;
use crate::model::{Certainty, Edge, NodeId, RunGraph};

/// Nodes whose output flowed into this one; where none did, those that it otherwise came from.
#[must_use]
pub(super) fn causes(graph: &RunGraph, id: NodeId) -> Vec<Link> {
    links(graph.into_node(id))
}

/// Nodes that this one's output flowed into, likewise.
#[must_use]
pub(super) fn effects(graph: &RunGraph, id: NodeId) -> Vec<Link> {
    links(graph.out_of_node(id))
}

/// How much an edge says about where something came from, the most first.
fn strength(edge: &Edge) -> u8 {
    match edge {
        Edge::Data(_) => 0,
        Edge::ToolResult => 1,
        Edge::Handoff => 2,
        Edge::ToolCall => 3,
        Edge::Compacted => 4,
        Edge::Then => 5,
        Edge::RetryOf => 6,
        Edge::Calls => 7,
    }
}

/// From this strength on an edge is an order rather than a flow.
const ORDER_ONLY: u8 = 4;

fn links<'a>(edges: impl Iterator<Item = (NodeId, &'a Edge)>) -> Vec<Link> {
    let mut found: BTreeMap<NodeId, (Vec<&Edge>, usize, Option<Certainty>)> = BTreeMap::new();
    for (other, edge) in edges {
        let (edges, characters, certainty) = found.entry(other).or_default();
        edges.push(edge);
        if let Edge::Data(passages) = edge {
            *characters += passages.iter().map(|passage| passage.to_range.len()).sum::<usize>();
            let surest = passages.iter().map(|passage| passage.certainty).min();
            *certainty = match (*certainty, surest) {
                (Some(left), Some(right)) => Some(left.min(right)),
                (left, right) => left.or(right),
            };
        }
    }
    let mut ranked: Vec<(u8, Link)> = found
        .into_iter()
        .map(|(node, (mut edges, characters, certainty))| {
            edges.sort_by_key(|edge| strength(edge));
            let rank = edges.first().map_or(u8::MAX, |edge| strength(edge));
            (rank, Link { node, edges: edges.iter().map(|edge| edge.as_str()).collect(), characters, certainty })
        })
        .collect();
    if ranked.iter().any(|(rank, _)| *rank < ORDER_ONLY) {
        ranked.retain(|(rank, _)| *rank < ORDER_ONLY);
    }
    // Among data the surest and longest is the strongest; the others are as good as each other, the nearest first.
    ranked.sort_by_key(|(rank, link)| {
        (*rank, link.certainty, std::cmp::Reverse(link.characters), std::cmp::Reverse(link.node))
    });
    ranked.into_iter().map(|(_, link)| link).collect()
}
