//! One run as alignment needs it: contents hashed, neighbours known.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::assign::{Sketch, hash};
use super::binding::Binding;
use super::content::{Content, content, hash_units};
use crate::model::{Detail, Edge, Kind, Node, NodeId, RunGraph};

/// A run's nodes in an order in which causes come first.
pub(super) struct Side<'a> {
    pub(super) nodes: Vec<Info<'a>>,
    pub(super) lanes: Vec<Lane>,
    /// Lane of each call.
    pub(super) lane_of: HashMap<usize, usize>,
}

/// A node and what is known of it.
pub(super) struct Info<'a> {
    pub(super) node: &'a Node,
    pub(super) content: Content<'a>,
    pub(super) input: u64,
    pub(super) output: u64,
    /// Hash of the node and of all that it depends on.
    pub(super) whole: u64,
    /// Words of what its lane did not carry before, and of what came out.
    pub(super) asked: Sketch,
    pub(super) said: Sketch,
    /// Nodes that it depends on, and whether these contain it.
    pub(super) before: Vec<(usize, bool)>,
    /// Nodes that it contains.
    pub(super) inside: Vec<usize>,
    /// The call that asked for it.
    pub(super) caller: Option<usize>,
    /// The call that it carries on.
    pub(super) carries: Option<usize>,
}

/// Calls that carry each other on, without a fork.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) calls: Vec<usize>,
    /// The call that the first of them carries on.
    pub(super) parent: Option<usize>,
    /// How many lanes it hangs under.
    pub(super) depth: usize,
}

impl<'a> Side<'a> {
    pub(super) fn new(graph: &'a RunGraph, binding: Option<&Binding>) -> Self {
        let order = graph.in_order();
        let places: HashMap<NodeId, usize> = order.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let mut nodes: Vec<Info<'a>> = Vec::with_capacity(order.len());
        let mut pasts: Vec<u64> = Vec::with_capacity(order.len());
        for node in order.iter().filter_map(|id| graph.node(*id)) {
            let content = content(node, binding);
            let input = hash((&node.kind, name(node), hash_units(&content.inputs)));
            let output = hash_units(&content.outputs);
            let mut info = Info {
                node,
                content,
                input,
                output,
                whole: 0,
                asked: Sketch::default(),
                said: Sketch::default(),
                before: Vec::new(),
                inside: Vec::new(),
                caller: None,
                carries: None,
            };
            let mut past = Vec::new();
            for (id, edge) in graph.into_node(node.id) {
                let place = places[&id];
                let contains = matches!(edge, Edge::Calls);
                match edge {
                    // Only calls carry calls on; other nodes have an order beside.
                    Edge::Then | Edge::Handoff | Edge::Compacted
                        if node.kind == Kind::Llm && nodes[place].node.kind == Kind::Llm =>
                    {
                        info.carries = Some(place);
                    }
                    Edge::ToolCall => info.caller = Some(place),
                    _ => {}
                }
                // What contains a node gives it its input; its output comes later.
                let cause = if contains { hash((nodes[place].input, pasts[place])) } else { nodes[place].whole };
                past.push((edge.as_str(), cause));
                info.before.push((place, contains));
            }
            past.sort_unstable();
            past.dedup();
            info.before.sort_unstable();
            info.before.dedup();
            pasts.push(hash(&past));
            info.whole = hash((input, output, &past));
            nodes.push(info);
        }
        let mut side = Self { nodes, lanes: Vec::new(), lane_of: HashMap::new() };
        side.finish();
        side
    }

    fn finish(&mut self) {
        for at in 0..self.nodes.len() {
            let (asked, said) = self.sketches(at);
            self.nodes[at].asked = asked;
            self.nodes[at].said = said;
            for (place, contains) in self.nodes[at].before.clone() {
                if contains {
                    self.nodes[place].inside.push(at);
                }
            }
        }
        (self.lanes, self.lane_of) = self.find_lanes();
    }

    fn sketches(&self, at: usize) -> (Sketch, Sketch) {
        let info = &self.nodes[at];
        let known: HashSet<u64> = info
            .carries
            .map(|before| &self.nodes[before].content)
            .into_iter()
            .flat_map(|content| content.inputs.iter().chain(&content.outputs))
            .map(|unit| unit.hash)
            .collect();
        let new = info.content.inputs.iter().filter(|unit| !known.contains(&unit.hash));
        let made = info
            .content
            .outputs
            .iter()
            .filter(|unit| unit.is_sequence || matches!(unit.path.as_str(), "answer" | "result" | "output"));
        let asked = Sketch::of(new.flat_map(|unit| [unit.label.as_str(), unit.text.as_ref()]));
        (asked, Sketch::of(made.flat_map(|unit| [unit.label.as_str(), unit.text.as_ref()])))
    }

    fn find_lanes(&self) -> (Vec<Lane>, HashMap<usize, usize>) {
        let mut followers: BTreeMap<usize, usize> = BTreeMap::new();
        for info in &self.nodes {
            if let Some(before) = info.carries {
                *followers.entry(before).or_default() += 1;
            }
        }
        let mut lanes: Vec<Lane> = Vec::new();
        let mut of: HashMap<usize, usize> = HashMap::new();
        for (at, info) in self.nodes.iter().enumerate().filter(|(_, info)| info.node.kind == Kind::Llm) {
            let only = info.carries.filter(|before| followers.get(before) == Some(&1));
            if let Some(lane) = only.and_then(|before| of.get(&before).copied()) {
                lanes[lane].calls.push(at);
                of.insert(at, lane);
            } else {
                let depth = info.carries.and_then(|before| of.get(&before)).map_or(0, |lane| lanes[*lane].depth + 1);
                of.insert(at, lanes.len());
                lanes.push(Lane { calls: vec![at], parent: info.carries, depth });
            }
        }
        (lanes, of)
    }
}

/// The name that counts: a tool's or an announced node's; that of a call is only shown.
pub(super) fn name(node: &Node) -> &str {
    match node.detail {
        Detail::Call { .. } => "",
        _ => &node.name,
    }
}
