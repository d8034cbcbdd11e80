//! Secrets in JSON: by the names of fields, and whether a find may be replaced where it stands.

use std::ops::Range;

use crate::text::json::{Json, Kind, Ref};

use super::coding::{Decoded, in_escape};
use super::names::{self, Field};
use super::phrase::secret_part;
use super::scan::{Hit, Source};

/// Fields that a provider checks or that name something: never touched because of their look.
const KEPT: &[&str] = &[
    "call_id",
    "encrypted_content",
    "id",
    "item_id",
    "previous_response_id",
    "response_id",
    "signature",
    "thoughtSignature",
    "thought_signature",
    "tool_call_id",
    "tool_use_id",
];

/// JSON in strings in JSON is looked into this deep.
const DEEPEST: usize = 4;

/// Where a document stands in the text that is redacted.
pub(super) enum Origin<'a> {
    /// At this byte.
    At(usize),
    /// In a string of another one, whose first byte is `start` there.
    Inside { start: usize, decoded: &'a Decoded, outer: &'a Origin<'a> },
}

impl Origin<'_> {
    fn out(&self, range: &Range<usize>) -> Range<usize> {
        match self {
            Self::At(start) => start + range.start..start + range.end,
            Self::Inside { start, decoded, outer } => {
                let before = decoded.before(range);
                outer.out(&(start + before.start..start + before.end))
            }
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::At(_) => 0,
            Self::Inside { outer, .. } => outer.depth() + 1,
        }
    }
}

/// Adds what stands under names of credentials, and under the user's names whatever it is.
pub(super) fn fields(json: &Json, origin: &Origin<'_>, users: &[String], hits: &mut Vec<Hit>) {
    let mut open = vec![json.root()];
    while let Some(value) = open.pop() {
        let key = value.key();
        let key = key.as_deref().unwrap_or_default();
        if key == b"signature" {
            continue;
        }
        if !key.is_empty() && users.iter().any(|name| name.as_bytes() == key) {
            hits.extend(whole(value, origin));
            continue;
        }
        match value.kind() {
            Kind::Object | Kind::Array => open.extend(value.items()),
            Kind::String => {
                let place = inside(value);
                let decoded = Decoded::of(&json.bytes()[place.clone()]);
                let part =
                    names::field(key).and_then(|field| secret_part(field, &decoded.text, field == Field::Likely));
                if let Some(part) = part {
                    let before = decoded.before(&part);
                    let range = origin.out(&(place.start + before.start..place.start + before.end));
                    hits.push(Hit::new(range, decoded.text[part].to_vec(), Source::Name));
                } else if origin.depth() < DEEPEST
                    && let Some(inner) = container(&decoded)
                {
                    let origin = Origin::Inside { start: place.start, decoded: &decoded, outer: origin };
                    fields(&inner, &origin, users, hits);
                }
            }
            Kind::Null | Kind::Bool | Kind::Number => {}
        }
    }
}

/// A value as a secret, whatever it is.
fn whole(value: Ref<'_>, origin: &Origin<'_>) -> Option<Hit> {
    match value.kind() {
        Kind::Null => None,
        Kind::String => {
            let place = inside(value);
            let secret = value.as_bytes()?.into_owned();
            (!secret.is_empty()).then(|| Hit::new(origin.out(&place), secret, Source::User))
        }
        Kind::Bool | Kind::Number | Kind::Array | Kind::Object => {
            let hit = Hit::new(origin.out(&value.span()), value.raw().to_vec(), Source::User);
            Some(Hit { quotes: Some(origin.depth()), ..hit })
        }
    }
}

/// Where a find can be replaced so that JSON stays JSON: all of it in one string, no escape cut in two.
/// `None` where it cannot, or where nothing may be touched because of its look.
pub(super) fn fit(json: &Json, range: &Range<usize>, source: Source) -> Option<Range<usize>> {
    let (value, place) = string_around(json, range)?;
    let text = json.bytes();
    if range.end > place.end || in_escape(&text[place.start..], range.start - place.start) {
        return None;
    }
    let is_key = place.end < value.span().start;
    if source == Source::Look && !is_key && is_kept(value) {
        return None;
    }
    let mut end = range.end;
    while end < place.end && in_escape(&text[place.start..], end - place.start) {
        end += 1;
    }
    let decoded = Decoded::of(&text[place.clone()]);
    if !is_key && let Some(inner) = container(&decoded) {
        let within = decoded.place(range.start - place.start)..decoded.place(end - place.start);
        let fitting = fit(&inner, &within, source)?;
        let before = decoded.before(&fitting);
        return Some(place.start + before.start..place.start + before.end);
    }
    Some(range.start..end)
}

/// The value in whose string a range begins, or in whose key, and that string without its quotes.
fn string_around<'a>(json: &'a Json, range: &Range<usize>) -> Option<(Ref<'a>, Range<usize>)> {
    let mut value = json.root();
    loop {
        if value.kind() == Kind::String {
            let place = inside(value);
            return (place.start <= range.start && range.start <= place.end).then_some((value, place));
        }
        value = value.items().find(|item| item.member_span().contains(&range.start))?;
        let member = value.member_span();
        if range.start < value.span().start {
            let raw = &json.bytes()[member.start + 1..value.span().start];
            let end = string_end(raw)?;
            let place = member.start + 1..member.start + 1 + end;
            return (place.start <= range.start).then_some((value, place));
        }
    }
}

fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

fn is_kept(value: Ref<'_>) -> bool {
    let kept = |key: &[u8]| KEPT.iter().any(|kept| kept.as_bytes() == key);
    if value.key().is_some_and(|key| kept(&key)) {
        return true;
    }
    let mut at = value;
    while let Some(parent) = at.parent() {
        if parent.key().is_some_and(|key| *key == *b"signature") {
            return true;
        }
        at = parent;
    }
    false
}

/// Where the strings of a document stand, keys too, without their quotes.
pub(super) fn strings(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + memchr::memchr(b'"', text.get(at..)?)? + 1;
        let end = start + string_end(&text[start..])?;
        at = end + 1;
        Some(start..end)
    })
}

/// Where a string's text stands in its document.
pub(super) fn inside(value: Ref<'_>) -> Range<usize> {
    let span = value.span();
    span.start + 1..span.end - 1
}

/// The JSON object or array that a string holds as a whole.
fn container(decoded: &Decoded) -> Option<Json> {
    matches!(decoded.text.trim_ascii_start().first(), Some(b'{' | b'['))
        .then(|| Json::parse(bytes::Bytes::copy_from_slice(&decoded.text)).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Json {
        Json::parse_text(text).expect("the test's text is JSON")
    }

    #[test]
    fn names_count_at_every_depth() {
        let text = r#"{"a":{"password":"pw\n1","x":"{\"api_key\": \"k\\\"1\", \"n\": 7}"},"n":[1],"token":"t",
            "signature":{"password":"kept"},"tools":{"password":{"type":"string"}},"authorization":"Bearer abc"}"#;
        let mut hits = Vec::new();
        fields(&parse(text), &Origin::At(0), &["n".to_owned()], &mut hits);
        hits.sort_by_key(|hit| hit.range.start);
        let found: Vec<_> = hits
            .iter()
            .map(|hit| (&text[hit.range.clone()], std::str::from_utf8(&hit.secret).expect("text"), hit.quotes))
            .collect();
        assert_eq!(
            found,
            [
                (r"pw\n1", "pw\n1", None),
                (r#"k\\\"1"#, "k\"1", None),
                ("7", "7", Some(1)),
                ("[1]", "[1]", Some(0)),
                ("abc", "abc", None),
            ]
        );
    }

    #[test]
    fn finds_stay_inside_their_strings() {
        let check = |text: &str, what: &str, source, expected: Option<&str>| {
            let start = text.find(what).expect("it is there");
            let fitting = fit(&parse(text), &(start..start + what.len()), source);
            assert_eq!(fitting.map(|range| &text[range]), expected, "{text}");
        };
        check(r#"{"a":"xyz"}"#, "xyz", Source::Look, Some("xyz"));
        check(r#"{"xyz":1}"#, "xyz", Source::Look, Some("xyz"));
        check(r#"{"a":12345}"#, "234", Source::Known, None);
        check(r#"["a","b"]"#, "a\",\"b", Source::Known, None);
        check(r#"["\nabc"]"#, "nabc", Source::Known, None);
        check(r#"["abc\n"]"#, "abc\\", Source::Known, Some(r"abc\n"));
        check(r#"{"signature":"xyz"}"#, "xyz", Source::Look, None);
        check(r#"{"signature":"xyz"}"#, "xyz", Source::Known, Some("xyz"));
        check(r#"{"call_id":"xyz"}"#, "xyz", Source::Look, None);
        check(r#"{"a":"{\"id\":\"xyz\",\"b\":1}"}"#, "xyz", Source::Look, None);
        check(r#"{"a":"{\"b\":\"xyz\",\"c\":1}"}"#, "xyz", Source::Look, Some("xyz"));
        check(r#"{"a":"{\"b\":12345}"}"#, "12345", Source::Known, None);
    }
}
