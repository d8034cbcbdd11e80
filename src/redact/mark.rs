//! Placeholders: what stands where a secret stood.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::coding::{Decoded, escape};
use super::forms::{Form, units};
use crate::text::json::unmarked;

/// How a placeholder begins; `__RETAKE_SECRET_3__` is a whole one. Safe in JSON, URLs and headers.
pub const MARK: &str = "__RETAKE_SECRET_";

const END: &[u8] = b"__";

/// More digits than this are no placeholder of ours.
const DIGITS: usize = 7;

/// The placeholder with this number.
pub(super) fn write(number: usize) -> Vec<u8> {
    format!("{MARK}{number}__").into_bytes()
}

/// The placeholder with this number, as text.
#[must_use]
pub fn mark(number: usize) -> String {
    format!("{MARK}{number}__")
}

/// Placeholders in a text: where they stand, and their numbers.
pub fn marks(text: &[u8]) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + memmem::find(&text[at..], MARK.as_bytes())?;
            at = start + MARK.len();
            let digits = text[at..].iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
            let end = at + digits;
            if (1..=DIGITS).contains(&digits) && text[end..].starts_with(END) {
                let number = text[at..end].iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
                at = end + END.len();
                return Some((start..at, number));
            }
        }
    })
}

/// Numbers of the placeholders in a text, in order of appearance, each once.
#[must_use]
pub fn numbers_in(text: &[u8]) -> Vec<usize> {
    let mut numbers = Vec::new();
    for (_, number) in marks(text) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// A text with its placeholders filled, and how many were not because `secret` has nothing for them.
///
/// In JSON and streams of JSON a secret is escaped as its place demands, also in JSON inside a string.
#[must_use]
pub fn fill(text: &[u8], secret: &dyn Fn(usize) -> Option<String>) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut unfilled = 0;
    let mut documents = None;
    for (range, number) in marks(text) {
        let Some(secret) = secret(number) else {
            unfilled += 1;
            continue;
        };
        out.extend_from_slice(&text[at..range.start]);
        if secret.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            let documents = documents.get_or_insert_with(|| units(Form::guess("", text), text));
            let unit = documents.iter().find(|unit| unit.start <= range.start && range.end <= unit.end);
            let depth = unit.map_or(0, |unit| depth(&text[unit.clone()], range.start - unit.start));
            out.extend_from_slice(&escape(secret.into_bytes(), depth));
        } else {
            out.extend_from_slice(secret.as_bytes());
        }
        at = range.end;
    }
    out.extend_from_slice(&text[at..]);
    (out, unfilled)
}

/// In how many JSON strings, one inside the other, a place of a JSON text is.
fn depth(document: &[u8], place: usize) -> usize {
    let mut text = Cow::Borrowed(document);
    let mut place = place;
    let mut depth = 0;
    while matches!(unmarked(&text).trim_ascii_start().first(), Some(b'{' | b'[' | b'"')) {
        let Some(range) = string_around(&text, place) else { break };
        let inner = Decoded::of(&text[range.clone()]);
        place = inner.place(place - range.start);
        text = Cow::Owned(inner.text);
        depth += 1;
    }
    depth
}

/// The string that a place of a JSON text stands in, without its quotes.
fn string_around(text: &[u8], place: usize) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let start = at + memchr::memchr(b'"', &text[at..])? + 1;
        if start > place {
            return None;
        }
        let mut end = start;
        loop {
            end += memchr::memchr2(b'"', b'\\', text.get(end..)?)?;
            if text[end] == b'"' {
                break;
            }
            end += 2;
        }
        if place < end {
            return Some(start..end);
        }
        at = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found() {
        let text = b"a __RETAKE_SECRET_12__ __RETAKE_SECRET___ __RETAKE_SECRET_99999999__ \
                     __RETAKE_SECRET_3____RETAKE_SECRET_12__";
        let found: Vec<_> = marks(text).collect();
        assert_eq!(found.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [12, 3, 12]);
        assert_eq!(&text[found[0].0.clone()], write(12));
        assert_eq!(numbers_in(text), [12, 3]);
    }

    #[test]
    fn filling_escapes_as_the_place_demands() {
        let secret = |number| (number == 1).then(|| "a\"b\n".to_owned());
        let check = |text: &str, expected: &str, unfilled| {
            let (filled, left) = fill(text.as_bytes(), &secret);
            assert_eq!((String::from_utf8_lossy(&filled).as_ref(), left), (expected, unfilled));
        };
        check("x __RETAKE_SECRET_1__ __RETAKE_SECRET_2__", "x a\"b\n __RETAKE_SECRET_2__", 1);
        check(r#"{"k":["__RETAKE_SECRET_1__"]}"#, r#"{"k":["a\"b\n"]}"#, 0);
        check(r#"{"k":"{\"p\":\"__RETAKE_SECRET_1__\"}"}"#, r#"{"k":"{\"p\":\"a\\\"b\\n\"}"}"#, 0);
        check(
            "data: {\"k\":\"say \\\"__RETAKE_SECRET_1__\\\"\"}\n\n",
            "data: {\"k\":\"say \\\"a\\\"b\\n\\\"\"}\n\n",
            0,
        );
    }
}
