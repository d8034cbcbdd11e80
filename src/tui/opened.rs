//! A run laid out for stepping: drawn once, with the order of its nodes and their lanes.

use std::collections::HashMap;

use crate::model::{Edge, LaneId, NodeId, Run, RunId, Summary};
use crate::ui::graph::{Drawing, Table};

/// A run of the tree that a run belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kin {
    /// Its name.
    pub id: RunId,
    /// The lines before it that say what it hangs under.
    pub branch: String,
    /// What is said of it.
    pub says: String,
}

/// A run, ready to be stepped through.
#[derive(Debug)]
pub struct Opened {
    /// The run.
    pub run: Run,
    /// What lists say of it.
    pub summary: Summary,
    /// The recording that it came from and all replays of that, as `ls` has them.
    pub kin: Vec<Kin>,
    /// What is wrong with the recording.
    pub remarks: Vec<String>,
    /// The drawn graph.
    pub drawing: Drawing,
    /// Columns of the drawing.
    pub margin: usize,
    /// Widths of what is said beside it, where there is room for all.
    pub natural: Table,
    /// Nodes as they are stepped through.
    pub order: Vec<NodeId>,
    places: HashMap<NodeId, usize>,
    rows: HashMap<NodeId, usize>,
    lanes: HashMap<NodeId, LaneId>,
}

impl Opened {
    /// Lays a run out.
    #[must_use]
    pub fn new(run: Run, summary: Summary, kin: Vec<Kin>, remarks: Vec<String>) -> Self {
        let drawing = Drawing::of(&run.graph);
        let rows: HashMap<NodeId, usize> =
            drawing.rows.iter().enumerate().filter_map(|(place, row)| Some((row.node?, place))).collect();
        let order: Vec<NodeId> = drawing.rows.iter().filter_map(|row| row.node).collect();
        let places = order.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let lanes = lanes(&run, &order);
        let margin = drawing.margin();
        let natural = Table::natural(&run.graph, margin);
        Self { run, summary, kin, remarks, drawing, margin, natural, order, places, rows, lanes }
    }

    /// Where a node comes in the order.
    #[must_use]
    pub fn place(&self, id: NodeId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// Row of a node in the drawing.
    #[must_use]
    pub fn row(&self, id: NodeId) -> Option<usize> {
        self.rows.get(&id).copied()
    }

    /// The nodes of a lane after, or before, a node: nearest first.
    pub fn in_lane(&self, id: NodeId, back: bool) -> impl Iterator<Item = NodeId> {
        let place = self.place(id).unwrap_or_default();
        let lane = self.lanes.get(&id).copied();
        let (before, after) = self.order.split_at(place);
        let before = before.iter().rev().take(if back { usize::MAX } else { 0 });
        let after = after.iter().skip(1).take(if back { 0 } else { usize::MAX });
        before.chain(after).copied().filter(move |other| lane.is_some() && self.lanes.get(other).copied() == lane)
    }
}

/// The lane of each node: a call's own; a tool's that of the call that asked for it; of anything else that of
/// the nearest node it hangs together with.
fn lanes(run: &Run, order: &[NodeId]) -> HashMap<NodeId, LaneId> {
    let mut lanes: HashMap<NodeId, LaneId> = run.graph.nodes().filter_map(|node| Some((node.id, node.lane?))).collect();
    for id in order {
        if lanes.contains_key(id) {
            continue;
        }
        let mut from: Vec<(bool, std::cmp::Reverse<NodeId>)> = run
            .graph
            .into_node(*id)
            .filter(|(other, _)| lanes.contains_key(other))
            .map(|(other, edge)| (!matches!(edge, Edge::ToolCall), std::cmp::Reverse(other)))
            .collect();
        from.sort_unstable();
        if let Some(lane) = from.first().and_then(|(_, other)| lanes.get(&other.0)).copied() {
            lanes.insert(*id, lane);
        }
    }
    for id in order.iter().rev() {
        if !lanes.contains_key(id)
            && let Some(lane) = run.graph.out_of_node(*id).find_map(|(other, _)| lanes.get(&other)).copied()
        {
            lanes.insert(*id, lane);
        }
    }
    lanes
}
