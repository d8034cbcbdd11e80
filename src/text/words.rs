//! What changed between two texts, in words.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Tokens of both sides together up to which words are compared; what is larger counts as replaced.
const WORDS: usize = 6_000;
/// Lines of both sides together up to which lines are compared first.
const LINES: usize = 10_000;
/// Tokens of a text that is shown whole.
const SHORT: usize = 40;

/// What happened to a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// It stands in both.
    Equal,
    /// It stands in the left only.
    Removed,
    /// It stands in the right only.
    Added,
}

/// A piece of text and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// What happened.
    pub tag: Tag,
    /// The text.
    pub text: String,
}

/// Changes that stand close together, with a few words around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Character of the left text where it begins.
    pub left: usize,
    /// Character of the right text where it begins.
    pub right: usize,
    /// Its pieces in order; where both stand, what was removed comes before what was added.
    pub ops: Vec<Op>,
}

/// A difference of two texts: hunks in order, and what was left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Where they differ; none if they are equal.
    pub hunks: Vec<Hunk>,
    /// Characters of equal text that stand in no hunk.
    pub hidden: usize,
    /// Equal characters in percent of the longer text.
    pub alike: usize,
}

impl Diff {
    /// Whether the texts are equal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }
}

/// All of two texts in pieces: equal, removed, added.
#[must_use]
pub fn ops(left: &str, right: &str) -> Vec<Op> {
    let mut out = Ops::default();
    if left == right {
        out.push(Tag::Equal, left);
        return out.0;
    }
    let (lefts, rights) = (lines(left), lines(right));
    if lefts.len() + rights.len() > LINES {
        compare_words(&mut out, left, right);
    } else {
        for piece in compare(Algorithm::Patience, &lefts, &rights) {
            let (left, right) = (lefts[piece.left].concat(), rights[piece.right].concat());
            if piece.is_equal {
                out.push(Tag::Equal, &left);
            } else {
                compare_words(&mut out, &left, &right);
            }
        }
    }
    out.0
}

/// Two texts compared, with this many words around each change; short ones are shown whole.
#[must_use]
pub fn diff(left: &str, right: &str, context: usize) -> Diff {
    let ops = ops(left, right);
    let chars = |tag: Tag| -> usize { ops.iter().filter(|op| op.tag == tag).map(|op| op.text.chars().count()).sum() };
    let (equal, removed, added) = (chars(Tag::Equal), chars(Tag::Removed), chars(Tag::Added));
    let alike = (equal * 100).checked_div(equal + removed.max(added)).unwrap_or(100);
    let mut hunks = Hunks::default();
    if removed + added == 0 {
        return Diff { hunks: hunks.done, hidden: equal, alike };
    }
    let short = tokens(left).len().max(tokens(right).len()) <= SHORT;
    let last = ops.len() - 1;
    for (place, op) in ops.iter().enumerate() {
        let cut = around(&op.text, context, place == 0, place == last, short);
        match cut {
            (head, Some(tail)) if op.tag == Tag::Equal => hunks.cut(&op.text, head, tail),
            _ => hunks.add(op.tag, &op.text),
        }
    }
    Diff { hunks: hunks.done, hidden: hunks.hidden, alike }
}

/// Hunks in the making.
#[derive(Default)]
struct Hunks {
    done: Vec<Hunk>,
    is_open: bool,
    left: usize,
    right: usize,
    hidden: usize,
}

impl Hunks {
    fn add(&mut self, tag: Tag, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.is_open {
            self.done.push(Hunk { left: self.left, right: self.right, ops: Vec::new() });
            self.is_open = true;
        }
        if let Some(hunk) = self.done.last_mut() {
            hunk.ops.push(Op { tag, text: text.to_owned() });
        }
        let count = text.chars().count();
        self.left += if tag == Tag::Added { 0 } else { count };
        self.right += if tag == Tag::Removed { 0 } else { count };
    }

    /// Adds the head and the tail of equal text, and leaves out what stands between them.
    fn cut(&mut self, text: &str, head: &str, tail: &str) {
        self.add(Tag::Equal, head);
        let skipped = text[head.len()..text.len() - tail.len()].chars().count();
        self.left += skipped;
        self.right += skipped;
        self.hidden += skipped;
        self.is_open = false;
        self.add(Tag::Equal, tail);
    }
}

/// What is shown of equal text after the change before it and before the one after it; no tail if all of it is.
fn around(text: &str, context: usize, is_first: bool, is_last: bool, short: bool) -> (&str, Option<&str>) {
    let tokens = tokens(text);
    let sides = usize::from(!is_first) + usize::from(!is_last);
    let words: Vec<usize> =
        (0..tokens.len()).filter(|place| tokens[*place].chars().any(char::is_alphanumeric)).collect();
    if short || words.len() <= context * sides + context / 2 {
        return (text, None);
    }
    let head = if is_first { 0 } else { words.get(context).copied().unwrap_or(tokens.len()) };
    let tail = if is_last { tokens.len() } else { words[words.len() - context.min(words.len())..][0] };
    let width = |tokens: &[&str]| tokens.iter().map(|token| token.len()).sum::<usize>();
    (text[..width(&tokens[..head])].trim_end(), Some(&text[width(&tokens[..tail])..]))
}

#[derive(Default)]
struct Ops(Vec<Op>);

impl Ops {
    fn push(&mut self, tag: Tag, text: &str) {
        if text.is_empty() {
            return;
        }
        // Of neighbouring changes what was removed stands together, before what was added.
        let changed = self.0.iter().rev().take_while(|op| op.tag != Tag::Equal && tag != Tag::Equal).count();
        let from = self.0.len() - changed;
        if let Some(op) = self.0[from..].iter_mut().find(|op| op.tag == tag) {
            op.text.push_str(text);
        } else if let Some(op) = self.0.last_mut().filter(|op| op.tag == tag) {
            op.text.push_str(text);
        } else {
            let at = if tag == Tag::Removed { from } else { self.0.len() };
            self.0.insert(at, Op { tag, text: text.to_owned() });
        }
    }
}

impl Ops {
    /// Adds tokens that stand for one another, of which the first and last may be equal.
    fn replace(&mut self, left: &[&str], right: &[&str]) {
        let start = common(left.iter().zip(right));
        let end = common(left[start..].iter().rev().zip(right[start..].iter().rev()));
        self.push(Tag::Equal, &left[..start].concat());
        self.push(Tag::Removed, &left[start..left.len() - end].concat());
        self.push(Tag::Added, &right[start..right.len() - end].concat());
        self.push(Tag::Equal, &left[left.len() - end..].concat());
    }
}

fn compare_words(out: &mut Ops, left: &str, right: &str) {
    let (lefts, rights) = (tokens(left), tokens(right));
    if lefts.len() + rights.len() > WORDS {
        out.replace(&lefts, &rights);
        return;
    }
    for piece in tidy(compare(Algorithm::Myers, &lefts, &rights), &lefts) {
        out.replace(&lefts[piece.left], &rights[piece.right]);
    }
}

fn common<'a>(pairs: impl Iterator<Item = (&'a &'a str, &'a &'a str)>) -> usize {
    pairs.take_while(|(left, right)| left == right).count()
}

/// Tokens that stand in both, or that one side has instead of the other's.
struct Piece {
    is_equal: bool,
    left: Range<usize>,
    right: Range<usize>,
}

/// Compares numbers that stand for tokens, which is faster than comparing the tokens.
fn compare(algorithm: Algorithm, left: &[&str], right: &[&str]) -> Vec<Piece> {
    fn number<'a>(known: &mut HashMap<&'a str, usize>, tokens: &[&'a str]) -> Vec<usize> {
        tokens
            .iter()
            .map(|token| {
                let next = known.len();
                *known.entry(token).or_insert(next)
            })
            .collect()
    }
    let mut known = HashMap::new();
    let left = number(&mut known, left);
    let right = number(&mut known, right);
    // What only one side has is a change, and takes no part in the comparison.
    let shared = |tokens: &[usize], other: &[usize]| -> Vec<usize> {
        let other: HashSet<usize> = other.iter().copied().collect();
        (0..tokens.len()).filter(|at| other.contains(&tokens[*at])).collect()
    };
    let (lefts, rights) = (shared(&left, &right), shared(&right, &left));
    let pick = |tokens: &[usize], places: &[usize]| places.iter().map(|at| tokens[*at]).collect::<Vec<_>>();
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut at_left, mut at_right) = (0, 0);
    let mut push = |is_equal: bool, to_left: usize, to_right: usize| {
        if to_left + to_right > at_left + at_right {
            match pieces.last_mut() {
                Some(last) if last.is_equal == is_equal => (last.left.end, last.right.end) = (to_left, to_right),
                _ => pieces.push(Piece { is_equal, left: at_left..to_left, right: at_right..to_right }),
            }
            (at_left, at_right) = (to_left, to_right);
        }
    };
    // The lengths of operations are right; the places of compacted ones need not be.
    let (mut old, mut new) = (0, 0);
    for op in capture_diff_slices(algorithm, &pick(&left, &lefts), &pick(&right, &rights)) {
        if matches!(op, DiffOp::Equal { .. }) {
            for (old, new) in (old..).zip(new..).take(op.old_range().len()) {
                push(false, lefts[old], rights[new]);
                push(true, lefts[old] + 1, rights[new] + 1);
            }
        }
        old += op.old_range().len();
        new += op.new_range().len();
    }
    push(false, left.len(), right.len());
    pieces
}

/// Gives up equal pieces that only cut a change in two: spaces, marks and lone small words.
fn tidy(pieces: Vec<Piece>, left: &[&str]) -> Vec<Piece> {
    let size = |piece: &Piece| piece.left.len().max(piece.right.len());
    let is_weak = |place: usize| {
        let piece = &pieces[place];
        let text = left[piece.left.clone()].concat();
        let letters = text.chars().filter(|character| character.is_alphanumeric()).count();
        let beside = |place: usize| pieces.get(place).map_or(0, size);
        let smaller = beside(place.wrapping_sub(1)).min(beside(place + 1));
        piece.is_equal && smaller > 0 && (letters == 0 && !text.contains('\n') || letters <= 3 && smaller > 4)
    };
    let weak: Vec<bool> = (0..pieces.len()).map(is_weak).collect();
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    for (piece, is_weak) in pieces.into_iter().zip(weak) {
        match out.last_mut() {
            Some(last) if !last.is_equal && (is_weak || !piece.is_equal) => {
                last.left.end = piece.left.end;
                last.right.end = piece.right.end;
            }
            _ => out.push(piece),
        }
    }
    out
}

/// Words, runs of spaces, and every other character by itself.
fn tokens(text: &str) -> Vec<&str> {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Word,
        Space,
        Mark,
    }
    let class = |character: char| match character {
        '\n' | '\u{2E80}'..='\u{D7FF}' | '\u{20000}'..='\u{3FFFF}' => Class::Mark,
        '_' => Class::Word,
        _ if character.is_alphanumeric() => Class::Word,
        _ if character.is_whitespace() => Class::Space,
        // Parts of the character before: accents, joiners, variants.
        '\u{300}'..='\u{36F}' | '\u{200D}' | '\u{FE0F}' => Class::Word,
        _ => Class::Mark,
    };
    let mut out = Vec::new();
    let mut start = 0;
    let mut before = Class::Mark;
    for (at, character) in text.char_indices() {
        let now = class(character);
        if at > start && (now != before || now == Class::Mark) {
            out.push(&text[start..at]);
            start = at;
        }
        before = now;
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

/// Lines with their line feeds.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// How many letters have to be put in, taken out or changed to make one word of another.
#[must_use]
pub fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.chars().enumerate() {
        let mut now = vec![row + 1];
        for (at, other) in right.iter().enumerate() {
            now.push((before[at] + usize::from(letter != *other)).min(before[at + 1] + 1).min(now[at] + 1));
        }
        before = now;
    }
    before[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(diff: &Diff) -> String {
        diff.hunks.iter().map(|hunk| shown(&hunk.ops)).collect::<Vec<_>>().join(" … ")
    }

    fn shown(ops: &[Op]) -> String {
        ops.iter()
            .map(|op| match op.tag {
                Tag::Equal => op.text.clone(),
                Tag::Removed => format!("[-{}-]", op.text),
                Tag::Added => format!("{{+{}+}}", op.text),
            })
            .collect()
    }

    #[test]
    fn words_are_compared() {
        for (left, right, expected) in [
            ("a cat sat", "a dog sat", "a [-cat-]{+dog+} sat"),
            ("same", "same", ""),
            ("", "new text", "{+new text+}"),
            ("old", "", "[-old-]"),
            ("price is 49.99 now", "price is 4999 now", "price is [-49.99-]{+4999+} now"),
            ("he went to the shop", "she ran from a mall", "[-he went to the shop-]{+she ran from a mall+}"),
            ("你好世界", "你好地球", "你好[-世界-]{+地球+}"),
            ("one\ntwo\nthree\n", "one\n2\nthree\n", "one\n[-two-]{+2+}\nthree\n"),
        ] {
            assert_eq!(show(&diff(left, right, 3)), expected);
        }
    }

    #[test]
    fn long_texts_are_cut_to_their_changes() {
        let filler = |from: usize| (from..from + 60).map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ");
        let left = format!("{} cat {} sat {}", filler(0), filler(100), filler(200));
        let right = format!("{} dog {} stood {}", filler(0), filler(100), filler(200));
        let found = diff(&left, &right, 3);
        insta::assert_snapshot!(show(&found), @"w57 w58 w59 [-cat-]{+dog+} w100 w101 w102 … w157 w158 w159 [-sat-]{+stood+} w200 w201 w202");
        let hunk = &found.hunks[1];
        assert!(left.chars().skip(hunk.left).collect::<String>().starts_with("w157 w158"));
        assert!(right.chars().skip(hunk.right).collect::<String>().starts_with("w157 w158"));
    }

    #[test]
    fn very_different_long_texts_end_soon() {
        let join = |count: u64, seed: u64, mark: &str| {
            (0..count).map(|word| ((word * 7919 + seed) % 104_729).to_string()).collect::<Vec<_>>().join(mark)
        };
        for (count, mark) in [(40_000, " "), (5_000, "\n")] {
            assert!(!diff(&join(count, 1, mark), &join(count, 2, mark), 3).is_empty());
        }
    }

    #[test]
    fn both_texts_can_be_read_off_the_pieces() {
        let text = "([a-c]{1,3}[ \n.]{0,2}){0,30}";
        proptest!(|(left in text, right in text)| {
            let ops = ops(&left, &right);
            let side = |drop: Tag| -> String {
                ops.iter().filter(|op| op.tag != drop).map(|op| op.text.as_str()).collect()
            };
            prop_assert_eq!(side(Tag::Added), left.clone());
            prop_assert_eq!(side(Tag::Removed), right.clone());
            let found = diff(&left, &right, 2);
            for hunk in &found.hunks {
                for (skip, text, at) in [(Tag::Added, &left, hunk.left), (Tag::Removed, &right, hunk.right)] {
                    let piece: String = hunk.ops.iter().filter(|op| op.tag != skip).map(|op| op.text.as_str()).collect();
                    prop_assert!(text.chars().skip(at).collect::<String>().starts_with(&piece));
                }
            }
            prop_assert_eq!(found.is_empty(), left == right);
        });
    }

    #[test]
    fn edits_of_words_are_counted() {
        for (left, right, expected) in
            [("temprature", "temperature", 1), ("sede", "seed", 2), ("", "abc", 3), ("top_p", "top_p", 0)]
        {
            assert_eq!(edits(left, right), expected, "{left} {right}");
        }
    }
}
