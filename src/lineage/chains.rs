//! What the calls of a lane had of each text. Lanes are long, and every passage of every input asks.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Bytes from which a range is kept apart: of shorter ones those around a place are few.
const LONG: usize = 64;

/// Nodes by their place in time, cut into chains: a node goes on with the chain of the call that it carries on,
/// unless another one does.
#[derive(Debug, Default)]
pub(super) struct Chains {
    chain: Vec<usize>,
    /// The node that each chain goes on from.
    outer: Vec<Option<usize>>,
}

impl Chains {
    /// Makes chains of the nodes that nodes carry on. One that does not lie before its node is none.
    pub(super) fn new(before: impl Iterator<Item = Option<usize>>) -> Self {
        let mut chains = Self::default();
        let mut is_continued: Vec<bool> = Vec::new();
        for (at, before) in before.enumerate() {
            is_continued.push(false);
            let before = before.filter(|before| *before < at);
            match before {
                Some(before) if !is_continued[before] => {
                    is_continued[before] = true;
                    chains.chain.push(chains.chain[before]);
                }
                _ => {
                    chains.chain.push(chains.outer.len());
                    chains.outer.push(before);
                }
            }
        }
        chains
    }

    /// Whether a node is the other one or carries it on, over any number of calls.
    pub(super) fn carries_on(&self, node: usize, earlier: usize) -> bool {
        self.parts(Some(node)).any(|(chain, last)| chain == self.chain[earlier] && earlier <= last)
    }

    /// The chains of a node's lane, each with the last node of it that the lane has, latest first.
    fn parts(&self, from: Option<usize>) -> impl Iterator<Item = (usize, usize)> + '_ {
        let part = |at: usize| (self.chain[at], at);
        std::iter::successors(from.map(part), move |(chain, _)| self.outer[*chain].map(part))
    }
}

/// Ranges of texts, and the nodes of a chain that had them.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    of: HashMap<(usize, usize), InText>,
}

/// Ranges of one text: by their start each end, with the nodes in order.
#[derive(Debug, Default)]
struct InText {
    short: BTreeMap<usize, Vec<(usize, Vec<usize>)>>,
    long: BTreeMap<usize, Vec<(usize, Vec<usize>)>>,
}

impl Ranges {
    pub(super) fn add(&mut self, chains: &Chains, node: usize, text: usize, range: Range<usize>) {
        let here = self.of.entry((chains.chain[node], text)).or_default();
        let list = if range.len() < LONG { &mut here.short } else { &mut here.long };
        let ends = list.entry(range.start).or_default();
        let place = ends.iter().position(|(end, _)| *end == range.end).unwrap_or_else(|| {
            ends.push((range.end, Vec::new()));
            ends.len() - 1
        });
        let nodes = &mut ends[place].1;
        if let Err(place) = nodes.binary_search(&node) {
            nodes.insert(place, node);
        }
    }

    /// Whether a node of the lane that ends with `last`, none before `first`, had all of a range.
    pub(super) fn contain(
        &self,
        chains: &Chains,
        (first, last): (usize, Option<usize>),
        text: usize,
        range: &Range<usize>,
    ) -> bool {
        let holds = |(end, nodes): &(usize, Vec<usize>), last: usize| {
            let until = nodes.partition_point(|node| *node <= last);
            *end >= range.end && until > 0 && nodes[until - 1] >= first
        };
        chains.parts(last).take_while(|(_, last)| *last >= first).any(|(chain, last)| {
            let Some(here) = self.of.get(&(chain, text)) else { return false };
            let near = (range.start + 1).saturating_sub(LONG)..=range.start;
            here.short.range(near).flat_map(|(_, ends)| ends).any(|had| holds(had, last))
                || here.long.range(..=range.start).flat_map(|(_, ends)| ends).any(|had| holds(had, last))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_has_what_its_calls_had() {
        // 0 ← 1 ← 3, and 0 ← 2 beside it.
        let chains = Chains::new([None, Some(0), Some(0), Some(1), Some(9)].into_iter());
        let mut ranges = Ranges::default();
        ranges.add(&chains, 1, 7, 10..100);
        ranges.add(&chains, 0, 7, 5..9);
        ranges.add(&chains, 2, 7, 300..310);
        let had = |first, last, range: Range<usize>| ranges.contain(&chains, (first, Some(last)), 7, &range);
        assert!(had(0, 3, 10..100) && had(1, 3, 20..30) && had(0, 2, 6..9) && had(0, 2, 300..310));
        assert!(!had(2, 3, 20..30) && !had(0, 2, 20..30) && !had(0, 0, 20..30) && !had(0, 3, 300..310));
        assert!(!had(0, 4, 6..9) && !had(0, 3, 4..9) && !ranges.contain(&chains, (0, None), 7, &(6..9)));
        let lanes = [(3, 0, true), (3, 3, true), (2, 1, false), (1, 3, false), (4, 0, false)];
        for (node, earlier, carries_on) in lanes {
            assert_eq!(chains.carries_on(node, earlier), carries_on, "{node} {earlier}");
        }
    }
}
