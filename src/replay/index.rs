//! Finds the recorded calls that a request may be equal to up to names and held values.

use std::collections::{HashMap, HashSet};

use super::plan::Entry;
use crate::names::opaque::Splitter;
use crate::names::split::{Split, structure};
use crate::wire::canonical::{Canonical, Key};

/// Most entries that are compared though they are taken apart otherwise: each costs up to its first difference.
const MOST_OTHERS: usize = 4096;

/// Recorded calls by what names, readings and results do not change. Built as it is asked: a replay
/// in which everything is equal never pays for it.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Places of entries by the hash of what is cheap to read.
    by_structure: Option<HashMap<Key, Vec<usize>>>,
    reached: HashSet<Key>,
    by_skeleton: HashMap<Key, Vec<usize>>,
    splits: HashMap<usize, Split>,
}

impl Index {
    /// The request taken apart, and the places of entries with its skeleton, in recorded order.
    pub(super) fn look_up(
        &mut self,
        entries: &[Entry],
        splitter: &Splitter,
        canonical: &Canonical,
    ) -> (Split, Vec<usize>) {
        let by_structure = self.by_structure.get_or_insert_with(|| {
            let mut found: HashMap<Key, Vec<usize>> = HashMap::new();
            for (place, entry) in entries.iter().enumerate() {
                found.entry(structure(&entry.parsed.canonical)).or_default().push(place);
            }
            found
        });
        let wanted = structure(canonical);
        let alike = by_structure.get(&wanted).map_or(&[][..], Vec::as_slice);
        if self.reached.insert(wanted) {
            for place in alike {
                let recorded = &entries[*place].parsed.canonical;
                let split = self.splits.entry(*place).or_insert_with(|| Split::new(splitter, recorded));
                self.by_skeleton.entry(split.skeleton(recorded)).or_default().push(*place);
            }
        }
        let split = Split::new(splitter, canonical);
        if alike.is_empty() {
            return (split, Vec::new());
        }
        let mut places = self.by_skeleton.get(&split.skeleton(canonical)).cloned().unwrap_or_default();
        places.sort_by_key(|place| (entries[*place].began, entries[*place].seq));
        (split, places)
    }

    /// Places of the other entries that are built as a request is, in recorded order: with names that are taken apart
    /// otherwise.
    pub(super) fn others(&self, canonical: &Canonical, places: &[usize]) -> Vec<usize> {
        let alike = self.by_structure.as_ref().and_then(|found| found.get(&structure(canonical)));
        let known: HashSet<usize> = places.iter().copied().collect();
        alike.into_iter().flatten().copied().filter(|place| !known.contains(place)).take(MOST_OTHERS).collect()
    }

    /// A recorded call taken apart.
    pub(super) fn split(&mut self, entries: &[Entry], splitter: &Splitter, place: usize) -> &Split {
        self.splits.entry(place).or_insert_with(|| Split::new(splitter, &entries[place].parsed.canonical))
    }

    /// A recorded call that was taken apart already.
    pub(super) fn known(&self, place: usize) -> Option<&Split> {
        self.splits.get(&place)
    }
}
