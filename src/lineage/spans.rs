//! Ranges that are taken, and what is left between them.

use std::collections::BTreeMap;
use std::ops::Range;

/// Ranges that do not touch each other.
#[derive(Debug, Default)]
pub(super) struct Spans {
    ends: BTreeMap<usize, usize>,
}

impl Spans {
    /// Adds a range; those that touch it become one with it.
    pub(super) fn add(&mut self, range: Range<usize>) {
        let (mut start, mut end) = (range.start, range.end);
        while let Some((other, until)) = self.ends.range(..=end).next_back().map(|(other, until)| (*other, *until)) {
            if until < start {
                break;
            }
            start = start.min(other);
            end = end.max(until);
            self.ends.remove(&other);
        }
        self.ends.insert(start, end);
    }

    /// Parts of a range that are not taken.
    pub(super) fn free(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        let mut at = range.start;
        let first = self.ends.range(..=range.start).next_back().map_or(range.start, |(start, _)| *start);
        for (start, end) in self.ends.range(first..range.end) {
            if *start > at {
                out.push(at..*start);
            }
            at = at.max(*end);
        }
        if at < range.end {
            out.push(at..range.end);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_what_was_not_added() {
        let mut spans = Spans::default();
        for range in [10..20, 30..40, 5..8, 18..31] {
            spans.add(range);
        }
        assert_eq!(spans.free(0..50), [0..5, 8..10, 40..50]);
        assert_eq!(spans.free(6..9), [Range { start: 8, end: 9 }]);
        assert!(spans.free(12..35).is_empty());
    }
}
