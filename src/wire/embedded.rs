//! Edits of JSON that stands inside a string: all other characters of the string stay as written.

use crate::text::json::{Edit, Json, Kind, Ref, quote};

use super::build::{inner, unescape};

/// JSON inside a string, and where each byte of it stands in the string.
pub(super) struct Embedded {
    /// The document; of an empty string an empty object.
    pub(super) json: Json,
    offsets: Vec<usize>,
    start: usize,
    blank: bool,
}

impl Embedded {
    /// Opens a string that holds an object or a list, or nothing.
    pub(super) fn open(string: Ref<'_>) -> Option<Self> {
        if string.kind() != Kind::String {
            return None;
        }
        let raw = inner(string);
        let start = string.span().start + 1;
        let (decoded, offsets) = decode(raw);
        let blank = decoded.trim_ascii().is_empty();
        let json = Json::parse(if blank { b"{}".to_vec() } else { decoded }).ok()?;
        matches!(json.root().kind(), Kind::Object | Kind::Array).then_some(Self { json, offsets, start, blank })
    }

    /// The edit of the outer document that makes this edit of the inner one.
    pub(super) fn outwards(&self, edit: &Edit) -> Edit {
        let escaped = |text: &[u8]| {
            let quoted = quote(&String::from_utf8_lossy(text));
            quoted.as_bytes()[1..quoted.len() - 1].to_vec()
        };
        if self.blank {
            let end = self.offsets.last().copied().unwrap_or_default();
            let whole = self.json.splice(vec![edit.clone()]);
            return Edit { span: self.start..self.start + end, with: escaped(&whole) };
        }
        let at = |offset: usize| self.start + self.offsets[offset.min(self.offsets.len() - 1)];
        Edit { span: at(edit.span.start)..at(edit.span.end), with: escaped(&edit.with) }
    }
}

/// Decodes a string without its quotes; for each decoded byte, and for the end, its place as written.
fn decode(raw: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let mut out = Vec::with_capacity(raw.len());
    let mut offsets = Vec::with_capacity(raw.len() + 1);
    let mut at = 0;
    while at < raw.len() {
        let length = match (raw[at], raw.get(at + 1)) {
            (b'\\', Some(b'u')) if is_pair(&raw[at..]) => 12,
            (b'\\', Some(b'u')) => 6,
            (b'\\', _) => 2,
            _ => 1,
        };
        let end = raw.len().min(at + length);
        let decoded = if length == 1 { vec![raw[at]] } else { unescape(&raw[at..end]) };
        offsets.extend(std::iter::repeat_n(at, decoded.len()));
        out.extend(decoded);
        at = end;
    }
    offsets.push(at);
    (out, offsets)
}

/// Whether text begins with the escapes of a high and a low surrogate.
fn is_pair(raw: &[u8]) -> bool {
    let code = |at: usize| {
        let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    matches!((code(0), code(6)), (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json::Path;

    #[test]
    fn only_the_edited_value_changes() {
        let text = r#"{"a":"{\"x\\u00e9\": \"\u00e9\ud83d\ude00\", \"y\" : 1,\n \"z\":\"\\ud800\"}"}"#;
        let json = Json::parse_text(text).expect("JSON");
        let string = json.root().get("a").expect("there");
        let embedded = Embedded::open(string).expect("an object");
        let y = embedded.json.root().find(&Path::parse("y").expect("a path")).expect("there");
        let edit = embedded.outwards(&Edit { span: y.span(), with: b"\"\\\"\"".to_vec() });
        let out = String::from_utf8(json.splice(vec![edit])).expect("text");
        assert_eq!(out, text.replace(" : 1,", r#" : \"\\\"\","#));
    }

    #[test]
    fn nothing_is_an_empty_object() {
        let json = Json::parse_text(r#"["", "x", "3", " "]"#).expect("JSON");
        let opened: Vec<bool> = json.root().items().map(|item| Embedded::open(item).is_some()).collect();
        assert_eq!(opened, [true, false, false, true]);
        let embedded = Embedded::open(json.root().at(3).expect("there")).expect("blank");
        let edit = embedded.outwards(&Edit { span: 1..1, with: b"\"a\":1".to_vec() });
        assert_eq!(String::from_utf8_lossy(&json.splice(vec![edit])), r#"["", "x", "3", "{\"a\":1}"]"#);
    }
}
