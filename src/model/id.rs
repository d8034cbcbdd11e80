//! Names of runs, nodes and lanes.

use std::fmt;

/// A run's name: eight letters from `k` to `z`, never mistaken for a hash or a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// How many letters a run's name has.
    pub const LETTERS: usize = 8;

    /// The name that this random number stands for.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let letter = |place: usize| char::from(b'k' + u8::try_from((seed >> (place * 4)) & 15).unwrap_or_default());
        Self((0..Self::LETTERS).map(letter).collect())
    }

    /// Reads a whole name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == Self::LETTERS && text.bytes().all(|byte| (b'k'..=b'z').contains(&byte)))
            .then(|| Self(text.to_owned()))
    }

    /// The letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A node's number within its run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// A lane's number within its run, from 0 in order of first calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub u32);

/// Microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// Microseconds from `earlier` to this time; 0 where the clock went back.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
