//! Who belongs to whom, given how alike they are.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Cells of a table of likeness that are computed at most; beyond, order decides.
const CELLS: usize = 1_000_000;

/// Pairs in the order of both sides with the greatest likeness together; 0 and less is never paired.
pub(super) fn in_order(left: usize, right: usize, likeness: impl Fn(usize, usize) -> f32) -> Vec<(usize, usize)> {
    if left.saturating_mul(right) > CELLS {
        return (0..left.min(right)).filter(|at| likeness(*at, *at) > 0.0).map(|at| (at, at)).collect();
    }
    let width = right + 1;
    let scores: Vec<f32> = (0..left * right).map(|cell| likeness(cell / right, cell % right)).collect();
    let mut best = vec![0.0_f32; (left + 1) * width];
    for a in (0..left).rev() {
        for b in (0..right).rev() {
            let score = scores[a * right + b];
            let skip = best[(a + 1) * width + b].max(best[a * width + b + 1]);
            let take = if score > 0.0 { score + best[(a + 1) * width + b + 1] } else { 0.0 };
            best[a * width + b] = skip.max(take);
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut pairs = Vec::new();
    while a < left && b < right {
        let score = scores[a * right + b];
        if score > 0.0 && score + best[(a + 1) * width + b + 1] >= best[a * width + b] {
            pairs.push((a, b));
            a += 1;
            b += 1;
        } else if best[(a + 1) * width + b] >= best[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

/// Pairs without regard to order, the most alike first; 0 and less is never paired.
pub(super) fn freely(left: usize, right: usize, likeness: impl Fn(usize, usize) -> f32) -> Vec<(usize, usize)> {
    if left.saturating_mul(right) > CELLS {
        return (0..left.min(right)).filter(|at| likeness(*at, *at) > 0.0).map(|at| (at, at)).collect();
    }
    let mut cells: Vec<(f32, usize, usize)> = (0..left * right)
        .map(|cell| (likeness(cell / right, cell % right), cell / right, cell % right))
        .filter(|(score, _, _)| *score > 0.0)
        .collect();
    // Of equals those that stand at the like place first.
    cells.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1.abs_diff(a.2), a.1).cmp(&(b.1.abs_diff(b.2), b.1))));
    let (mut lefts, mut rights) = (vec![false; left], vec![false; right]);
    let mut pairs = Vec::new();
    for (_, a, b) in cells {
        if !lefts[a] && !rights[b] {
            (lefts[a], rights[b]) = (true, true);
            pairs.push((a, b));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// The words of a text, as many as are needed to say how alike two texts are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sketch(Vec<u32>);

/// Words that a sketch keeps.
const WORDS: usize = 192;

impl Sketch {
    /// A sketch of all these texts together.
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words: Vec<u32> = texts
            .into_iter()
            .flat_map(|text| text.split(|character: char| !character.is_alphanumeric()))
            .filter(|word| !word.is_empty())
            .map(|word| u32::try_from(hash(word) >> 32).unwrap_or_default())
            .collect();
        words.sort_unstable();
        words.dedup();
        words.truncate(WORDS);
        Self(words)
    }

    /// How much of both is in both, from 0 to 1; two empty ones are alike.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred words")]
    pub(super) fn likeness(&self, other: &Self) -> f32 {
        let (mut a, mut b, mut all, mut both) = (0, 0, 0_usize, 0_usize);
        // The smallest hashes of both together are a fair sample of all words.
        while all < WORDS && (a < self.0.len() || b < other.0.len()) {
            let (left, right) = (self.0.get(a), other.0.get(b));
            let order = match (left, right) {
                (Some(left), Some(right)) => left.cmp(right),
                (Some(_), None) => std::cmp::Ordering::Less,
                _ => std::cmp::Ordering::Greater,
            };
            all += 1;
            both += usize::from(order.is_eq());
            a += usize::from(order.is_le());
            b += usize::from(order.is_ge());
        }
        if all == 0 { 1.0 } else { both as f32 / all as f32 }
    }
}

/// A hash that is the same in every process.
pub(super) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_or_not() {
        let (left, right) = ("abcx", "xacb");
        let same = |a: usize, b: usize| f32::from(u8::from(left.as_bytes()[a] == right.as_bytes()[b]));
        assert_eq!(in_order(4, 4, same), [(0, 1), (2, 2)]);
        assert_eq!(freely(4, 4, same), [(0, 1), (1, 3), (2, 2), (3, 0)]);
        assert_eq!(in_order(0, 4, same), []);
    }

    #[test]
    fn texts_are_alike_by_their_words() {
        let likeness = |a: &str, b: &str| Sketch::of([a]).likeness(&Sketch::of([b]));
        assert!((likeness("a b c", "c, b! a?") - 1.0).abs() < f32::EPSILON);
        assert!((likeness("a b", "c d")).abs() < f32::EPSILON);
        assert!((likeness("a b c", "a b d") - 0.5).abs() < f32::EPSILON);
        let long = |from: usize| (from..from + 2000).map(|word| word.to_string()).collect::<Vec<_>>().join(" ");
        assert!((0.25..0.42).contains(&likeness(&long(0), &long(1000))));
    }
}
