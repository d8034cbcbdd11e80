//! Whether two values may be two draws of one maker: the one question that the look of a value answers.
//!
//! Whether they are *fresh* is decided by where they come from ([`super::origin`]). The look only has to say
//! that a value is no word, number, measure or text in another coding.

use super::opaque::{is_measure, spells};
use super::scrambled::{is_encoded_text, may_be_scrambled, oddness};

/// Shorter values are numbers, codes and words too often.
const SHORTEST: usize = 6;
/// From this length on draws differ in length too, as those of `Math.random().toString(36)` do.
const LONG: usize = 8;
/// By how much: a trailing zero is dropped once in 36 draws.
const UNEVEN: usize = 4;
/// From this length on a draw may have marks inside; what is shorter is words and numbers with marks between.
const WITH_MARKS: usize = 10;
/// How odd two values must be together. A word has less than 0, `28plr8qx` has 70; of 18 makers' draws
/// fewer than one pair in 100 has less.
const ODD: i32 = 40;
/// The same of hex, whose letters make few words: `cafe1234` has less than 0.
const ODD_HEX: i32 = 12;

/// Whether two different values are draws of one maker, with marks in them or without: `run-k3x9q2ab`, or all of
/// `V1StGXR8_Z5jdHi6B-myT`. Returns the parts that are, in order.
pub(crate) fn draws<'a>(old: &'a [u8], new: &'a [u8]) -> Option<Vec<(&'a [u8], &'a [u8])>> {
    let parts = |word: &'a [u8]| -> Vec<&'a [u8]> { word.split(|byte| is_mark(*byte)).collect() };
    let (left, right) = (parts(old), parts(new));
    if left.len() == right.len() {
        let marks = |word: &[u8]| -> Vec<u8> { word.iter().copied().filter(|byte| is_mark(*byte)).collect() };
        let pairs = left.iter().copied().zip(right.iter().copied());
        let pairs: Vec<_> = pairs.filter(|(one, other)| one != other).collect();
        if marks(old) == marks(new) && pairs.iter().all(|(one, other)| are_draws(one, other)) {
            return Some(pairs);
        }
    }
    // A word before a mark says what follows: `sess_…` is no `item_…`.
    let says = |parts: &[&[u8]]| {
        let first = parts[0];
        let small = first.iter().all(u8::is_ascii_lowercase) || first.iter().all(u8::is_ascii_uppercase);
        parts.len() > 1 && first.len() >= 3 && small
    };
    let long = old.len().min(new.len()) >= WITH_MARKS || left.len() + right.len() == 2;
    (long && !(says(&left) && says(&right)) && are_draws(old, new)).then(|| vec![(old, new)])
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b'_' | b'-')
}

fn are_draws(one: &[u8], other: &[u8]) -> bool {
    let both = [one, other];
    let even = one.len() == other.len();
    let hex = both.map(is_hex);
    if both.iter().any(|word| word.len() < SHORTEST || is_text(word)) {
        return false;
    }
    let digits = both.map(|word| word.iter().all(u8::is_ascii_digit));
    let odd = both.map(score);
    if digits[0] || digits[1] {
        // Eight characters of hex are digits alone once in forty draws.
        return even && hex == [true; 2] && digits != [true; 2] && odd[0].max(odd[1]) >= ODD;
    }
    if shares_a_run(one, other) || is_alike(one, other) {
        return false;
    }
    let letters = both.map(|word| !word.iter().any(u8::is_ascii_digit));
    let uneven = one.len().min(other.len()) >= LONG
        && one.len().abs_diff(other.len()) <= UNEVEN
        && odd.iter().all(|odd| *odd >= ODD / 2)
        && hex != [true; 2];
    match letters {
        // Words of any language are letters; only those that change between small and capital ones say nothing.
        [true, true] => even && both.iter().all(|word| may_be_scrambled(word)),
        [false, false] => (even || uneven) && odd[0] + odd[1] >= if hex == [true; 2] { ODD_HEX } else { ODD },
        // Letters that are no word beside a draw, and of its alphabet: hex has no other letters.
        _ => {
            let (word, draw) = if letters[0] { (0, 1) } else { (1, 0) };
            let plain = oddness(both[word]).1 == 0;
            (even || uneven) && !plain && odd[draw] > -8 && odd[0] + odd[1] >= ODD && (hex[word] || !hex[draw])
        }
    }
}

/// Text in another coding, and numbers with units, say what they say.
fn is_text(word: &[u8]) -> bool {
    is_measure(word) && word.iter().any(u8::is_ascii_alphabetic) || is_encoded_text(word) || spells(word, 4)
}

/// How odd a value is as a word: letters and digits that follow each other, letters that seldom do, capital
/// letters inside.
fn score(word: &[u8]) -> i32 {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let changes = word.windows(2).filter(|pair| is_digit(&pair[0]) != is_digit(&pair[1])).count();
    let (pairs, rare, capitals) = oddness(word);
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX / 100);
    // One change is a word with its number.
    count(changes.saturating_sub(1)) * 20 + count(rare) * 15 - count(pairs - rare) * 4 + count(capitals) * 8
}

fn is_hex(word: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit();
    word.iter().all(|byte| digit(byte) || (b'a'..=b'f').contains(byte))
        || word.iter().all(|byte| digit(byte) || (b'A'..=b'F').contains(byte))
}

/// Whether two words begin or end alike, as two draws do once in 100,000: `HDRWithVideo`, `HDRWithPhoto`.
fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let ahead = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let behind = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    // What begins with a time begins alike.
    ahead.max(behind) >= 4 && one.len() < 16
}

/// Whether a run of three and more letters stands in both: `ab12cargo`, `cd34cargo`.
fn shares_a_run(one: &[u8], other: &[u8]) -> bool {
    let runs = |word: &[u8]| -> Vec<Vec<u8>> {
        let runs = word.split(|byte| !byte.is_ascii_alphabetic());
        runs.filter(|run| run.len() >= 3).map(<[u8]>::to_vec).collect()
    };
    let right = runs(other);
    one.len() < 16 && runs(one).iter().any(|run| right.contains(run))
}
