//! Several recorded calls that one request may be: which of them, and whether that is certain.

use super::{Found, Matcher, Use};
use crate::model::NodeId;
use crate::model::event::Grade;
use crate::replay::plan::{Entry, ranges};
use crate::wire::canonical::Canonical;

impl Matcher {
    /// One of several exchanges that this request may be; `siblings` are all that are equal, used or not.
    pub(super) fn among(&self, places: &[usize], siblings: &[usize], canonical: &Canonical) -> Found {
        let entries = &self.plan.entries;
        let exact = |entry| Found { entry, grade: Grade::Exact, notes: Vec::new() };
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
        group.sort_unstable();
        let mut nodes: Vec<NodeId> = group.iter().map(|place| entries[*place].node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let why = if overlaps || !flying.is_empty() { "in flight together" } else { "in another order" };
        let note = format!("interchangeable: equal requests {why}, nodes {}", ranges(&nodes));
        Found { entry: first, grade: Grade::Interchangeable, notes: vec![note] }
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
