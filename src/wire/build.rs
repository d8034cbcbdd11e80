//! JSON in the making: known levels are opened, all below them stays as it was written.
//!
//! Strings are joined in their written form, so that a pair of surrogates cut across two pieces of a
//! stream becomes the character that it is. Recursion is bounded by the levels that were opened.

use crate::text::json::{Json, Kind, Ref, decode, quote};

/// A value in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// JSON text.
    Raw(Vec<u8>),
    /// A string as it is written between its quotes.
    Text(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(Object),
}

/// An object in the making; keys as they are written between their quotes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Object {
    pub(super) members: Vec<(Vec<u8>, Value)>,
}

/// Fields whose pieces in a stream repeat and do not continue each other.
const ONCE: &[&str] = &[
    "id",
    "type",
    "role",
    "name",
    "format",
    "channel",
    "object",
    "index",
    "status",
    "call_id",
    "server_label",
    "caller",
];

impl Value {
    /// The value `null`.
    pub(super) fn null() -> Self {
        Self::Raw(b"null".to_vec())
    }

    /// A string.
    pub(super) fn text(text: &str) -> Self {
        let quoted = quote(text);
        Self::Text(quoted.as_bytes()[1..quoted.len() - 1].to_vec())
    }

    /// A whole number.
    pub(super) fn number(number: usize) -> Self {
        Self::Raw(number.to_string().into_bytes())
    }

    /// A value as it is written.
    pub(super) fn raw(value: Ref<'_>) -> Self {
        Self::Raw(value.raw().to_vec())
    }

    /// A value with its first `levels` of containers opened.
    pub(super) fn open(value: Ref<'_>, levels: usize) -> Self {
        match value.kind() {
            Kind::String => Self::Text(inner(value).to_vec()),
            Kind::Array if levels > 0 => Self::List(value.items().map(|item| Self::open(item, levels - 1)).collect()),
            Kind::Object if levels > 0 => Self::Object(Object::open(value, levels)),
            _ => Self::raw(value),
        }
    }

    /// Whether it says nothing: `null`, `0`, empty.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Raw(raw) => matches!(raw.as_slice(), b"" | b"null" | b"0" | b"0.0" | b"[]" | b"{}" | b"\"\""),
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(object) => object.members.is_empty(),
        }
    }

    /// Whether it is `null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Raw(raw) if raw == b"null")
    }

    /// The text of a string, decoded.
    pub(super) fn decoded(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(unescape(text)),
            _ => None,
        }
    }

    /// This value as JSON text.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(raw) => out.extend_from_slice(raw),
            Self::Text(text) => {
                out.push(b'"');
                out.extend_from_slice(text);
                out.push(b'"');
            }
            Self::List(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    item.write_to(out);
                }
                out.push(b']');
            }
            Self::Object(object) => {
                out.push(b'{');
                for (place, (key, value)) in object.members.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    out.push(b'"');
                    out.extend_from_slice(key);
                    out.extend_from_slice(b"\":");
                    value.write_to(out);
                }
                out.push(b'}');
            }
        }
    }

    /// Adds the next piece of a stream: strings continue, lists grow (items that carry the same
    /// `index` and type are one item), objects are merged, anything else is replaced.
    pub(super) fn merge(&mut self, key: &str, piece: Self) {
        if piece.is_null() {
            return;
        }
        match (self, piece) {
            (Self::Text(text), Self::Text(more)) => {
                if !ONCE.contains(&key) {
                    text.extend_from_slice(&more);
                } else if text.is_empty() {
                    *text = more;
                }
            }
            (Self::List(items), Self::List(more)) => {
                for item in more {
                    let same = items.iter_mut().find(|known| same_place(known, &item));
                    match same {
                        Some(known) => known.merge("", item),
                        None => items.push(item),
                    }
                }
            }
            (Self::Object(object), Self::Object(more)) => {
                for (key, value) in more.members {
                    object.merge(&key, value);
                }
            }
            (known, piece) => *known = piece,
        }
    }
}

fn same_place(left: &Value, right: &Value) -> bool {
    let (Value::Object(left), Value::Object(right)) = (left, right) else {
        return false;
    };
    let index = left.get("index");
    index.is_some() && index == right.get("index") && left.get("type") == right.get("type")
}

/// Levels of an account of tokens that are opened.
const COUNTS: usize = 3;

impl Object {
    /// An empty object.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// An object with `levels` of containers opened, itself included; of anything else nothing.
    pub(super) fn open(value: Ref<'_>, levels: usize) -> Self {
        let levels = levels.saturating_sub(1);
        let members = value.items().filter_map(|member| Some((raw_key(member)?, Value::open(member, levels))));
        Self { members: members.collect() }
    }

    /// The member with this key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.members.iter().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value)
    }

    /// The member with this key, to be changed.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.members.iter_mut().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value)
    }

    /// Sets a member; a new one comes last.
    pub(super) fn set(&mut self, key: &str, value: Value) {
        self.set_raw(key.as_bytes(), value);
    }

    /// Sets a member whose key is as it is written.
    pub(super) fn set_raw(&mut self, key: &[u8], value: Value) {
        match self.members.iter_mut().find(|(name, _)| name == key) {
            Some((_, known)) => *known = value,
            None => self.members.push((key.to_vec(), value)),
        }
    }

    /// This object with one more member.
    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        self.set(key, value);
        self
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        let place = self.members.iter().position(|(name, _)| name == key.as_bytes())?;
        Some(self.members.remove(place).1)
    }

    /// Sets a member unless it already says something.
    pub(super) fn first(&mut self, key: &[u8], value: Value) {
        match self.members.iter_mut().find(|(name, _)| name == key) {
            Some((_, known)) if known.is_blank() && !value.is_blank() => *known = value,
            Some(_) => {}
            None => self.members.push((key.to_vec(), value)),
        }
    }

    /// Adds the next piece of a member, as [`Value::merge`] does.
    pub(super) fn merge(&mut self, key: &[u8], piece: Value) {
        match self.members.iter_mut().find(|(name, _)| name == key) {
            Some((_, known)) => known.merge(std::str::from_utf8(key).unwrap_or_default(), piece),
            None => self.members.push((key.to_vec(), piece)),
        }
    }

    /// Takes over the counts of a later event: what is counted there stands, but a `0` or `null` there takes nothing
    /// away. Some servers count a thing in one event of a stream and write zeros for it in the next.
    pub(super) fn count(&mut self, from: Ref<'_>) {
        for member in from.items() {
            if let Some(key) = raw_key(member) {
                self.count_in(&key, member);
            }
        }
    }

    /// Takes over the counts of one of its members, as [`Object::count`] does.
    pub(super) fn count_in(&mut self, key: &[u8], from: Ref<'_>) {
        match (self.members.iter_mut().find(|(name, _)| name == key), from.kind()) {
            (Some((_, Value::Object(known))), Kind::Object) => known.count(from),
            (Some((_, known)), _) => {
                let more = Value::open(from, COUNTS);
                if known.is_blank() || !more.is_blank() {
                    *known = more;
                }
            }
            (None, _) => self.members.push((key.to_vec(), Value::open(from, COUNTS))),
        }
    }

    /// This object as JSON text.
    pub(super) fn write(self) -> Vec<u8> {
        Value::Object(self).write()
    }
}

/// A string as it is written between its quotes; of anything else nothing.
pub(super) fn inner(value: Ref<'_>) -> &[u8] {
    let raw = value.raw();
    if value.kind() == Kind::String { &raw[1..raw.len() - 1] } else { &[] }
}

/// The key of a member as it is written between its quotes.
pub(super) fn raw_key(member: Ref<'_>) -> Option<Vec<u8>> {
    member.key()?;
    let start = member.member_span().start + 1;
    let before = &member.doc().bytes()[start..member.span().start];
    let end = memchr::memrchr(b'"', before)?;
    Some(before[..end].to_vec())
}

/// Decodes a string that is written without its quotes.
pub(super) fn unescape(written: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(written.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(written);
    quoted.push(b'"');
    decode(&quoted).into_owned()
}

/// JSON that was streamed as the text of a string: itself if it is JSON, else that string.
pub(super) fn embedded(written: Vec<u8>) -> Value {
    let decoded = unescape(&written);
    match std::str::from_utf8(&decoded) {
        Ok(text) if Json::parse_text(text).is_ok() => Value::Raw(text.trim().as_bytes().to_vec()),
        _ => Value::Text(written),
    }
}

/// What an event says that holds no JSON.
pub(super) fn plain(event: &super::sse::Event) -> Value {
    Value::text(String::from_utf8_lossy(&event.data).trim())
}

/// JSON without the white space between its tokens, so that it fits on one line of a stream.
pub(super) fn compact(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for byte in json {
        if quoted {
            quoted = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        } else {
            quoted = *byte == b'"';
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::open(Json::parse_text(text).expect("JSON").root(), 6)
    }

    fn check(pieces: &[&str], expected: &str) {
        let mut all = value("{}");
        for piece in pieces {
            all.merge("", value(piece));
        }
        assert_eq!(String::from_utf8_lossy(&all.write()), expected);
    }

    #[test]
    fn pieces_are_joined() {
        check(
            &[r#"{"a":"x","id":"1"}"#, r#"{"a":"\ud83d","id":"1"}"#, r#"{"a":"\ude00"}"#],
            r#"{"a":"x\ud83d\ude00","id":"1"}"#,
        );
        check(&[r#"{"a":null}"#, r#"{"a":"x"}"#, r#"{"a":null}"#], r#"{"a":"x"}"#);
        check(
            &[
                r#"{"l":[{"index":0,"type":"t","text":"a"}]}"#,
                r#"{"l":[{"index":0,"type":"t","text":"b"},{"index":0,"type":"u"}]}"#,
            ],
            r#"{"l":[{"index":0,"type":"t","text":"ab"},{"index":0,"type":"u"}]}"#,
        );
        check(
            &[r#"{"l":[1]}"#, r#"{"l":[2]}"#, r#"{"o":{"a":"x"}}"#, r#"{"o":{"a":"y","b":1}}"#],
            r#"{"l":[1,2],"o":{"a":"xy","b":1}}"#,
        );
    }

    #[test]
    fn what_is_opened_is_written_back() {
        for text in [r#"{"a":[1,{"b":"\ud800"}],"k\"\u0065":{"c":null},"a":2}"#, "[[[[[[[[[[1]]]]]]]]]]", r#""x""#] {
            assert_eq!(String::from_utf8_lossy(&value(text).write()), text);
        }
        assert_eq!(compact(b"{ \"a \\\" b\" :\n[1, 2\t]}"), b"{\"a \\\" b\":[1,2]}");
        assert_eq!(compact(b"{ \"a \\\" b\" :\n[1, 2\t]}"), b"{\"a \\\" b\":[1,2]}");
        assert_eq!(embedded(br#"{\"a\": 1}"#.to_vec()).write(), br#"{"a": 1}"#);
        assert_eq!(embedded(br#"{\"a\": "#.to_vec()).write(), br#""{\"a\": ""#);
    }
}
