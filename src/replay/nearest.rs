//! Which recorded call is nearest to a request: by the words that follow each other in both.

use std::sync::OnceLock;

use super::plan::Entry;
use crate::wire::canonical::{Canonical, TokenKind};

/// Hashes of a sketch: enough to tell a tenth of likeness apart.
const SKETCH: usize = 256;
/// Calls that are looked at whole, of those whose sketches are most alike.
const CLOSE: usize = 16;

/// The lowest hashes of what follows what in a recorded request; made when it is needed first.
#[derive(Debug, Default)]
pub(super) struct Sketch(OnceLock<Box<[u64]>>);

impl Sketch {
    fn of(&self, canonical: &Canonical) -> &[u64] {
        self.0.get_or_init(|| {
            let mut all = sequence(canonical);
            all.truncate(SKETCH);
            all.into()
        })
    }
}

/// The entry nearest to a request among some places: of equally near ones an unused one, then the earliest.
pub(super) fn nearest(
    entries: &[Entry],
    places: impl Iterator<Item = usize>,
    taken: &[bool],
    canonical: &Canonical,
) -> Option<usize> {
    let whole = sequence(canonical);
    let sketch = &whole[..whole.len().min(SKETCH)];
    let mut alike: Vec<(f64, usize)> = places
        .map(|place| (likeness(entries[place].sketch.of(&entries[place].parsed.canonical), sketch, SKETCH), place))
        .filter(|(alike, _)| *alike > 0.0)
        .collect();
    let better = |left: &(f64, usize), right: &(f64, usize)| {
        right.0.total_cmp(&left.0).then_with(|| taken[left.1].cmp(&taken[right.1])).then(left.1.cmp(&right.1))
    };
    alike.sort_by(better);
    alike.truncate(CLOSE);
    for (alike, place) in &mut alike {
        *alike = likeness(&sequence(&entries[*place].parsed.canonical), &whole, usize::MAX);
    }
    alike.sort_by(better);
    alike.first().map(|(_, place)| *place)
}

/// Hashes of all words of a request, alone and with the one and the two words before each, in order of the hashes; those that
/// repeat are told apart by how often.
fn sequence(canonical: &Canonical) -> Vec<u64> {
    let mut found = Vec::new();
    let (mut second, mut before) = (0, 0);
    for token in canonical.tokens.iter().filter(|token| !matches!(token.kind, TokenKind::Open | TokenKind::Close)) {
        for word in canonical.bytes(token).split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            let one = hash(word);
            let pair = mix(before, one);
            found.extend([one, pair, mix(second, pair)]);
            (second, before) = (before, one);
        }
    }
    found.sort_unstable();
    let mut times = 0;
    let mut last = None;
    for value in &mut found {
        times = if last == Some(*value) { times + 1 } else { 0 };
        last = Some(*value);
        *value = mix(*value, times);
    }
    found.sort_unstable();
    found
}

/// Shared hashes over all, of the lowest `most`.
fn likeness(left: &[u64], right: &[u64], most: usize) -> f64 {
    let (mut a, mut b, mut shared, mut all) = (0, 0, 0_u32, 0_u32);
    while (a < left.len() || b < right.len()) && (all as usize) < most {
        let (one, other) = (left.get(a).copied(), right.get(b).copied());
        shared += u32::from(one == other);
        all += 1;
        a += usize::from(other.is_none() || one.is_some_and(|one| Some(one) <= other));
        b += usize::from(one.is_none() || other.is_some_and(|other| Some(other) <= one));
    }
    f64::from(shared) / f64::from(all.max(1))
}

/// FNV-1a: nobody gains by choosing words that collide, and it is asked for every word.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Of two hashes one that is spread evenly (the finaliser of `SplitMix64`).
fn mix(left: u64, right: u64) -> u64 {
    let mut hash = left.rotate_left(23) ^ right.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_the_share_of_what_both_have() {
        assert!((likeness(&[1, 2, 3], &[2, 3, 4], usize::MAX) - 0.5).abs() < 1e-9);
        assert!((likeness(&[], &[], usize::MAX)).abs() < 1e-9);
        assert!((likeness(&[1], &[1], usize::MAX) - 1.0).abs() < 1e-9);
        assert!((likeness(&[1, 9], &[1, 8], 1) - 1.0).abs() < 1e-9);
    }
}
