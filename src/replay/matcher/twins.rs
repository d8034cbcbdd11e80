//! Several recorded calls that one request may be: which of them, and whether that is certain.

use std::collections::BTreeSet;

use super::{Found, Matcher, Use};
use crate::model::NodeId;
use crate::model::event::Grade;
use crate::replay::plan::{Entry, ranges};
use crate::wire::canonical::Canonical;

/// Calls whose requests are equal and whose answers differ: nothing tells which is which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::replay) struct Twins {
    /// Whether they are in flight together, and not only in another order.
    together: bool,
    nodes: BTreeSet<NodeId>,
}

impl Twins {
    /// It in words.
    pub(in crate::replay) fn says(&self) -> String {
        let why = if self.together { "in flight together" } else { "in another order" };
        let nodes: Vec<NodeId> = self.nodes.iter().copied().collect();
        format!("interchangeable: equal requests {why}, nodes {}", ranges(&nodes))
    }

    /// Each group once: those that share a call are one.
    pub(in crate::replay) fn merged(all: &[Self]) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::new();
        for twins in all {
            let mut group = twins.clone();
            out.retain(|known| {
                let apart = known.nodes.is_disjoint(&group.nodes);
                if !apart {
                    group.nodes.extend(&known.nodes);
                    group.together |= known.together;
                }
                apart
            });
            out.push(group);
        }
        out.sort_by_key(|group| group.nodes.first().copied());
        out
    }
}

impl Matcher {
    /// One of several exchanges that this request may be; `siblings` are all that are equal, used or not.
    pub(super) fn among(&self, places: &[usize], siblings: &[usize], canonical: &Canonical) -> Found {
        let entries = &self.plan.entries;
        let exact = |entry| Found { entry, grade: Grade::Exact, notes: Vec::new(), twins: None };
        let mut places = places.to_vec();
        places.sort_by_key(|place| (entries[*place].began, entries[*place].seq));
        if places.len() > 1 && !canonical.ids.is_empty() {
            let verbatim = |place: &usize| entries[*place].parsed.canonical.ids == canonical.ids;
            let same_ids: Vec<usize> = places.iter().copied().filter(verbatim).collect();
            match same_ids[..] {
                [] => {}
                [only] => return exact(only),
                // Some servers repeat ids.
                _ => places = same_ids,
            }
        }
        let alike = |places: &[usize]| places.iter().all(|place| entries[*place].digest == entries[places[0]].digest);
        let ready: Vec<usize> = places
            .iter()
            .copied()
            .filter(|place| entries[*place].causes.iter().all(|cause| self.is_done(*cause)))
            .collect();
        let first = if alike(&places) { places[0] } else { ready.first().copied().unwrap_or(places[0]) };
        let ended = entries[first].ended;
        let overlaps =
            places.iter().any(|other| *other != first && ended.is_none_or(|ended| entries[*other].began < ended));
        // An equal call that is being answered, or was answered out of order, might as well have been this one.
        let flying = siblings.iter().copied().filter(|other| self.flying.contains(other));
        let (flying, in_order) = (flying.collect::<Vec<_>>(), self.is_in_order(first));
        let mut group = [places.as_slice(), flying.as_slice()].concat();
        if !in_order {
            let used = siblings.iter().copied().filter(|other| self.uses[*other] == Use::Taken);
            // What stands in a request stood in its twin's before: no twin depends on another.
            group.extend(used.filter(|other| entries[*other].node != entries[first].node));
        }
        if alike(&group) || (in_order && !overlaps && flying.is_empty()) {
            return exact(first);
        }
        let nodes = group.iter().map(|place| entries[*place].node).collect();
        let twins = Twins { together: overlaps || !flying.is_empty(), nodes };
        Found { entry: first, grade: Grade::Interchangeable, notes: vec![twins.says()], twins: Some(twins) }
    }

    /// Whether the calls made so far are those that were recorded before this one.
    fn is_in_order(&self, place: usize) -> bool {
        let began = |place: usize| (self.plan.entries[place].began, self.plan.entries[place].seq);
        let as_recorded = |other| (self.uses[other] == Use::Taken) == (began(other) < began(place));
        !self.refused && (0..self.uses.len()).all(|other| other == place || as_recorded(other))
    }

    /// Whether the answer of a call was handed over, or that of an equal call which was answered alike.
    fn is_done(&self, node: NodeId) -> bool {
        let alike = |entry: &Entry| self.done_alike.contains(&(entry.parsed.canonical.key, entry.digest));
        self.done.contains(&node)
            || !self.is_call(node)
            || self.plan.entries.iter().any(|entry| entry.node == node && alike(entry))
    }

    fn is_call(&self, node: NodeId) -> bool {
        self.plan.entries.iter().any(|entry| entry.node == node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_once() {
        let group = |together, nodes: &[u32]| Twins { together, nodes: nodes.iter().copied().map(NodeId).collect() };
        let met = [group(true, &[1, 2, 3]), group(false, &[7, 8]), group(false, &[2, 3]), group(true, &[3, 4])];
        let said: Vec<String> = Twins::merged(&met).iter().map(Twins::says).collect();
        assert_eq!(
            said,
            [
                "interchangeable: equal requests in flight together, nodes 1 to 4",
                "interchangeable: equal requests in another order, nodes 7, 8",
            ]
        );
    }
}
