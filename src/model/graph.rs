//! The run as a directed acyclic graph, over petgraph.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, IntoEdgeReferences};

use super::{Edge, Node, NodeId};

/// Nodes by number and the edges between them; a cycle cannot be made.
#[derive(Debug, Clone, Default)]
pub struct RunGraph {
    graph: StableDiGraph<Node, Edge>,
    places: BTreeMap<NodeId, NodeIndex>,
    /// Whether an edge leads to a lower number; while none does, no edge to a higher one can close a cycle.
    descends: bool,
}

impl RunGraph {
    /// Adds a node; one with the same number is replaced.
    pub fn add(&mut self, node: Node) {
        let id = node.id;
        if let Some(place) = self.places.get(&id)
            && let Some(slot) = self.graph.node_weight_mut(*place)
        {
            *slot = node;
            return;
        }
        let place = self.graph.add_node(node);
        self.places.insert(id, place);
    }

    /// Connects two nodes. Returns `false`, and adds nothing, if either is unknown, if it would close a
    /// cycle, or if the same edge is there already.
    pub fn connect(&mut self, from: NodeId, to: NodeId, edge: Edge) -> bool {
        let descends = from > to;
        let (Some(&from), Some(&to)) = (self.places.get(&from), self.places.get(&to)) else {
            return false;
        };
        let may_close = self.descends || descends;
        if from == to || may_close && petgraph::algo::has_path_connecting(&self.graph, to, from, None) {
            return false;
        }
        if self.graph.edges_connecting(from, to).any(|present| *present.weight() == edge) {
            return false;
        }
        self.graph.add_edge(from, to, edge);
        self.descends |= descends;
        true
    }

    /// The node with this number.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.graph.node_weight(*self.places.get(&id)?)
    }

    /// The node with this number, to change it.
    pub fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.graph.node_weight_mut(*self.places.get(&id)?)
    }

    /// All nodes, by number.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> + Clone {
        self.places.values().filter_map(|place| self.graph.node_weight(*place))
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Edges that end in this node: where they come from and what they are.
    pub fn into_node(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Edge)> {
        self.neighbours(id, Direction::Incoming)
    }

    /// Edges that begin in this node: where they go and what they are.
    pub fn out_of_node(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Edge)> {
        self.neighbours(id, Direction::Outgoing)
    }

    fn neighbours(&self, id: NodeId, direction: Direction) -> impl Iterator<Item = (NodeId, &Edge)> {
        let mut found: Vec<(NodeId, &Edge)> = self
            .places
            .get(&id)
            .map(|place| {
                self.graph
                    .edges_directed(*place, direction)
                    .map(|edge| {
                        let other = if direction == Direction::Incoming { edge.source() } else { edge.target() };
                        (self.graph[other].id, edge.weight())
                    })
                    .collect()
            })
            .unwrap_or_default();
        found.sort_by_key(|(id, edge)| (*id, edge.as_str()));
        found.into_iter()
    }

    /// All edges: from, to, and what they are, ordered.
    #[must_use]
    pub fn edges(&self) -> Vec<(NodeId, NodeId, &Edge)> {
        let mut edges: Vec<(NodeId, NodeId, &Edge)> = self
            .graph
            .edge_references()
            .map(|edge| (self.graph[edge.source()].id, self.graph[edge.target()].id, edge.weight()))
            .collect();
        edges.sort_by_key(|(from, to, edge)| (*from, *to, edge.as_str()));
        edges
    }

    /// This node and all that depend on it.
    #[must_use]
    pub fn dependents(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.reach(id, Direction::Outgoing)
    }

    /// This node and all that it depends on.
    #[must_use]
    pub fn causes(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.reach(id, Direction::Incoming)
    }

    fn reach(&self, id: NodeId, direction: Direction) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<NodeIndex> = self.places.get(&id).copied().into_iter().collect();
        while let Some(place) = waiting.pop() {
            if found.insert(self.graph[place].id) {
                waiting.extend(self.graph.neighbors_directed(place, direction));
            }
        }
        found
    }

    /// Nodes so that each comes after all that it depends on, lower numbers first among equals.
    #[must_use]
    pub fn in_order(&self) -> Vec<NodeId> {
        let mut missing: BTreeMap<NodeIndex, usize> = self
            .places
            .values()
            .map(|place| (*place, self.graph.edges_directed(*place, Direction::Incoming).count()))
            .collect();
        let mut ready: BTreeSet<(NodeId, NodeIndex)> = missing
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(place, _)| (self.graph[*place].id, *place))
            .collect();
        let mut order = Vec::with_capacity(self.places.len());
        while let Some((id, place)) = ready.pop_first() {
            order.push(id);
            for edge in self.graph.edges_directed(place, Direction::Outgoing) {
                if let Some(count) = missing.get_mut(&edge.target()) {
                    *count -= 1;
                    if *count == 0 {
                        ready.insert((self.graph[edge.target()].id, edge.target()));
                    }
                }
            }
        }
        order
    }
}
