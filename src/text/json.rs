//! JSON as it came over the wire: a flat tree of spans over the original bytes.
//!
//! Nothing is lost or normalised: numbers keep their digits, duplicate keys stay, lone surrogates
//! survive (decoded text is WTF-8), and depth is bounded by memory alone because nothing recurses.
//! Grammar: RFC 8259, plus the literals `NaN`, `Infinity` and `-Infinity` that Python writes.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

pub use super::path::{Path, Step};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, as digits.
    Number,
    /// A string; escapes are decoded on demand.
    String,
    /// A list.
    Array,
    /// An object; entries keep their order and their duplicates.
    Object,
}

const NONE: u32 = u32::MAX;

/// The byte order mark, in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A text without the byte order mark that it may begin with.
#[must_use]
pub fn unmarked(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

#[derive(Debug, Clone, Copy)]
struct Item {
    kind: Kind,
    parent: u32,
    /// Index after the last item of this subtree.
    after: u32,
    start: u32,
    end: u32,
    key_start: u32,
    key_end: u32,
}

/// A parsed document: the bytes and the spans of every value in them.
#[derive(Clone)]
pub struct Json {
    bytes: Bytes,
    items: Vec<Item>,
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Json({})", String::from_utf8_lossy(&self.bytes))
    }
}

/// Why bytes are not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}: {what}")]
pub struct Error {
    /// Byte offset of the first thing that is wrong.
    pub at: usize,
    /// What was wrong there.
    pub what: &'static str,
}

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Ref<'a> {
    doc: &'a Json,
    index: u32,
}

impl fmt::Debug for Ref<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(self.raw()))
    }
}

impl Json {
    /// Parses one document; white space may stand around it, and a byte order mark before it (RFC 8259 lets
    /// a reader ignore one): both stay in [`Json::bytes`] and are no part of any value.
    ///
    /// # Errors
    /// The first byte that breaks the grammar, or a document of 4 GiB and more.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, Error> {
        let bytes = bytes.into();
        if bytes.len() >= NONE as usize {
            return Err(Error { at: 0, what: "too large" });
        }
        let at = bytes.len() - unmarked(&bytes).len();
        let items = Parser { text: &bytes, at, items: Vec::with_capacity(bytes.len() / 24 + 1) }.run()?;
        Ok(Self { bytes, items })
    }

    /// Parses the text of a string value, as in a tool call's `arguments`.
    ///
    /// # Errors
    /// As [`Json::parse`].
    pub fn parse_text(text: &str) -> Result<Self, Error> {
        Self::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Ref<'_> {
        Ref { doc: self, index: 0 }
    }

    /// The value with this index, as [`Ref::index`] gave it.
    #[must_use]
    pub fn value(&self, index: u32) -> Ref<'_> {
        debug_assert!((index as usize) < self.items.len());
        Ref { doc: self, index }
    }

    /// The bytes as they were given.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The document with some spans replaced; later edits win where spans overlap.
    #[must_use]
    pub fn splice(&self, mut edits: Vec<Edit>) -> Vec<u8> {
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let mut out = Vec::with_capacity(self.bytes.len() + 64);
        let mut at = 0;
        for edit in edits {
            if edit.span.start < at {
                continue;
            }
            out.extend_from_slice(&self.bytes[at..edit.span.start]);
            out.extend_from_slice(&edit.with);
            at = edit.span.end;
        }
        out.extend_from_slice(&self.bytes[at..]);
        out
    }
}

/// A replacement of one span of a document's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Byte range that is replaced.
    pub span: Range<usize>,
    /// JSON text that stands there afterwards.
    pub with: Vec<u8>,
}

impl<'a> Ref<'a> {
    fn item(self) -> &'a Item {
        &self.doc.items[self.index as usize]
    }

    /// What this value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.item().kind
    }

    /// Index of this value in its document.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// The document this value belongs to.
    #[must_use]
    pub fn doc(self) -> &'a Json {
        self.doc
    }

    /// Byte range of the value in the document.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.item().start as usize..self.item().end as usize
    }

    /// Byte range of the whole member, key included, where the value stands in an object.
    #[must_use]
    pub fn member_span(self) -> Range<usize> {
        let item = self.item();
        let start = if item.key_start == NONE { item.start } else { item.key_start };
        start as usize..item.end as usize
    }

    /// The value as it is written.
    #[must_use]
    pub fn raw(self) -> &'a [u8] {
        &self.doc.bytes[self.span()]
    }

    /// The value as it is written, for showing.
    #[must_use]
    pub fn raw_str(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.raw())
    }

    /// The container of this value.
    #[must_use]
    pub fn parent(self) -> Option<Ref<'a>> {
        let parent = self.item().parent;
        (parent != NONE).then_some(Ref { doc: self.doc, index: parent })
    }

    /// The key this value stands under, decoded.
    #[must_use]
    pub fn key(self) -> Option<Cow<'a, [u8]>> {
        self.raw_key().map(decode)
    }

    /// The key this value stands under as it is written, quotes included.
    #[must_use]
    pub fn raw_key(self) -> Option<&'a [u8]> {
        let item = self.item();
        (item.key_start != NONE).then(|| &self.doc.bytes[item.key_start as usize..item.key_end as usize])
    }

    /// The value after this one in its container.
    #[must_use]
    pub fn next(self) -> Option<Ref<'a>> {
        let parent = self.parent()?;
        let after = self.item().after;
        (after < parent.item().after).then_some(Ref { doc: self.doc, index: after })
    }

    /// Values of an array or object, in order.
    pub fn items(self) -> impl Iterator<Item = Ref<'a>> + Clone {
        let container = matches!(self.kind(), Kind::Array | Kind::Object);
        let first = if container { self.index + 1 } else { self.item().after };
        let after = self.item().after;
        let doc = self.doc;
        let mut at = first;
        std::iter::from_fn(move || {
            (at < after).then(|| {
                let found = Ref { doc, index: at };
                at = found.item().after;
                found
            })
        })
    }

    /// How many values an array or object holds.
    #[must_use]
    pub fn len(self) -> usize {
        self.items().count()
    }

    /// Whether an array or object holds nothing (a scalar holds nothing).
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.items().next().is_none()
    }

    /// The first member with this key.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Ref<'a>> {
        if self.kind() != Kind::Object {
            return None;
        }
        self.items().find(|value| value.is_key(key))
    }

    /// Whether this value stands under this key.
    #[must_use]
    pub fn is_key(self, key: &str) -> bool {
        let Some(raw) = self.raw_key() else { return false };
        let raw = &raw[1..raw.len() - 1];
        // What has escapes is longer than what it means.
        if raw.len() > key.len() && memchr::memchr(b'\\', raw).is_some() {
            return self.key().is_some_and(|decoded| *decoded == *key.as_bytes());
        }
        raw == key.as_bytes() && !key.contains('\\')
    }

    /// The value at this place of an array.
    #[must_use]
    pub fn at(self, place: usize) -> Option<Ref<'a>> {
        if self.kind() != Kind::Array {
            return None;
        }
        self.items().nth(place)
    }

    /// The text of a string, lone surrogates replaced; `None` for anything else.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.as_bytes().map(|bytes| match bytes {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        })
    }

    /// The text of a string as WTF-8, lone surrogates kept; `None` for anything else.
    #[must_use]
    pub fn as_bytes(self) -> Option<Cow<'a, [u8]>> {
        (self.kind() == Kind::String).then(|| decode(self.raw()))
    }

    /// The member's text, where it is a string.
    #[must_use]
    pub fn text(self, key: &str) -> Option<String> {
        self.get(key)?.as_str().map(Cow::into_owned)
    }

    /// A whole number that fits, written without a fraction.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        if self.kind() != Kind::Number {
            return None;
        }
        std::str::from_utf8(self.raw()).ok()?.parse().ok()
    }

    /// `true` or `false`.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == b"true")
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Where this value stands, from the root.
    #[must_use]
    pub fn path(self) -> Path {
        let mut steps = Vec::new();
        let mut at = self;
        while let Some(parent) = at.parent() {
            steps.push(match at.key() {
                Some(key) => Step::Key(String::from_utf8_lossy(&key).into_owned()),
                None => Step::Index(parent.items().position(|item| item.index == at.index).unwrap_or_default()),
            });
            at = parent;
        }
        steps.reverse();
        Path(steps)
    }

    /// The value at the end of a path.
    #[must_use]
    pub fn find(self, path: &Path) -> Option<Ref<'a>> {
        path.0.iter().try_fold(self, |at, step| match step {
            Step::Key(key) => at.get(key),
            Step::Index(place) => at.at(*place),
        })
    }
}

/// Text as a JSON string, quotes included.
#[must_use]
pub fn quote(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// End (after the closing quote) of the string that begins at `start`.
#[must_use]
pub fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// Decodes a string with its quotes to WTF-8.
#[must_use]
pub fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    let inner = inside(raw);
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    decode_into(raw, &mut out);
    Cow::Owned(out)
}

/// Decodes a string with its quotes to WTF-8, after what stands in `out` already.
pub fn decode_into(raw: &[u8], out: &mut Vec<u8>) {
    let inner = inside(raw);
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &inner[at..]) {
        out.extend_from_slice(&inner[at..at + found]);
        at += found;
        // Escapes often stand close together: a few bytes between them are no search of their own.
        loop {
            at = escape_into(inner, at, out);
            let near = inner[at..].iter().take(NEAR).position(|byte| *byte == b'\\');
            let Some(plain) = near else { break };
            out.extend_from_slice(&inner[at..at + plain]);
            at += plain;
        }
    }
    out.extend_from_slice(&inner[at..]);
}

/// Bytes after an escape that are looked through one by one for the next.
const NEAR: usize = 16;

fn inside(raw: &[u8]) -> &[u8] {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

/// Decodes the escape that begins at `at`; returns where it ends.
fn escape_into(inner: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    let escape = inner.get(at + 1).copied().unwrap_or(b'\\');
    at += 2;
    match escape {
        b'n' => out.push(b'\n'),
        b't' => out.push(b'\t'),
        b'r' => out.push(b'\r'),
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'u' => {
            let mut code = hex4(inner, at);
            at += 4;
            let low = (inner.get(at) == Some(&b'\\') && inner.get(at + 1) == Some(&b'u')).then(|| hex4(inner, at + 2));
            if let (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) = (code, low) {
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                at += 6;
            }
            push_wtf8(out, code);
        }
        other => out.push(other),
    }
    at.min(inner.len())
}

fn hex4(text: &[u8], at: usize) -> u32 {
    text.get(at..at + 4)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or(0xFFFD)
}

fn push_wtf8(out: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        // A lone surrogate: three bytes, as WTF-8 has it.
        let low = |shift: u32| u8::try_from((code >> shift) & 0x3F).unwrap_or_default();
        out.extend_from_slice(&[0xED, 0x80 | low(6), 0x80 | low(0)]);
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    items: Vec<Item>,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Vec<Item>, Error> {
        let mut parent = NONE;
        let mut key = (NONE, NONE);
        self.space();
        loop {
            let opened = self.value(parent, key)?;
            key = (NONE, NONE);
            if let Some(container) = opened {
                self.space();
                if self.peek() == Some(self.closer(container)) {
                    self.close(container);
                } else {
                    parent = container;
                    if self.items[container as usize].kind == Kind::Object {
                        key = self.key()?;
                    }
                    continue;
                }
            }
            // A value is complete: go on to the next one, closing what ends here.
            loop {
                self.space();
                if parent == NONE {
                    return if self.at == self.text.len() {
                        Ok(self.items)
                    } else {
                        Err(self.error("more after the end"))
                    };
                }
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.space();
                        if self.items[parent as usize].kind == Kind::Object {
                            key = self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == self.closer(parent) => {
                        let up = self.items[parent as usize].parent;
                        self.close(parent);
                        parent = up;
                    }
                    Some(_) => return Err(self.error("a comma or the end of the list was expected")),
                    None => return Err(self.error("it ends too early")),
                }
            }
        }
    }

    fn value(&mut self, parent: u32, key: (u32, u32)) -> Result<Option<u32>, Error> {
        let start = self.at;
        let index = offset(self.items.len());
        let (kind, end) = match self.peek() {
            Some(b'{') => (Kind::Object, start + 1),
            Some(b'[') => (Kind::Array, start + 1),
            Some(b'"') => (Kind::String, self.string()?),
            Some(b't') => (Kind::Bool, self.literal(b"true")?),
            Some(b'f') => (Kind::Bool, self.literal(b"false")?),
            Some(b'n') => (Kind::Null, self.literal(b"null")?),
            Some(b'N') => (Kind::Number, self.literal(b"NaN")?),
            Some(b'I') => (Kind::Number, self.literal(b"Infinity")?),
            Some(b'-') if self.text.get(start + 1) == Some(&b'I') => (Kind::Number, self.literal(b"-Infinity")?),
            Some(b'-' | b'0'..=b'9') => (Kind::Number, self.number()?),
            Some(_) => return Err(self.error("a value was expected")),
            None => return Err(self.error("it ends too early")),
        };
        self.items.push(Item {
            kind,
            parent,
            after: index + 1,
            start: offset(start),
            end: offset(end),
            key_start: key.0,
            key_end: key.1,
        });
        self.at = end;
        Ok(matches!(kind, Kind::Array | Kind::Object).then_some(index))
    }

    fn close(&mut self, container: u32) {
        self.at += 1;
        let after = offset(self.items.len());
        let item = &mut self.items[container as usize];
        item.end = offset(self.at);
        item.after = after;
    }

    fn closer(&self, container: u32) -> u8 {
        if self.items[container as usize].kind == Kind::Object { b'}' } else { b']' }
    }

    fn key(&mut self) -> Result<(u32, u32), Error> {
        if self.peek() != Some(b'"') {
            return Err(self.error("a key was expected"));
        }
        let start = self.at;
        let end = self.string()?;
        self.at = end;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.error("a colon was expected"));
        }
        self.at += 1;
        self.space();
        Ok((offset(start), offset(end)))
    }

    fn string(&self) -> Result<usize, Error> {
        let mut at = self.at + 1;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(self.error("a string does not end"));
            };
            // Without branches, so that it is done for many bytes at once.
            if rest[..found].iter().fold(0, |any, byte| any | u8::from(*byte < 0x20)) != 0 {
                let control = rest.iter().position(|byte| *byte < 0x20).unwrap_or_default();
                return Err(Error { at: at + control, what: "a control character in a string" });
            }
            at += found;
            if self.text[at] == b'"' {
                return Ok(at + 1);
            }
            match self.text.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u')
                    if self.text.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) =>
                {
                    at += 6;
                }
                _ => return Err(Error { at, what: "an unknown escape" }),
            }
        }
    }

    fn literal(&self, word: &[u8]) -> Result<usize, Error> {
        if self.text[self.at..].starts_with(word) {
            Ok(self.at + word.len())
        } else {
            Err(self.error("a value was expected"))
        }
    }

    fn number(&self) -> Result<usize, Error> {
        let mut at = self.at;
        let digits = |at: &mut usize| {
            let from = *at;
            while self.text.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at > from
        };
        if self.text.get(at) == Some(&b'-') {
            at += 1;
        }
        let leading = self.text.get(at) == Some(&b'0');
        let from = at;
        if !digits(&mut at) || (leading && at > from + 1) {
            return Err(self.error("not a number"));
        }
        if self.text.get(at) == Some(&b'.') {
            at += 1;
            if !digits(&mut at) {
                return Err(self.error("not a number"));
            }
        }
        if matches!(self.text.get(at), Some(b'e' | b'E')) {
            at += 1;
            if matches!(self.text.get(at), Some(b'+' | b'-')) {
                at += 1;
            }
            if !digits(&mut at) {
                return Err(self.error("not a number"));
            }
        }
        Ok(at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, what: &'static str) -> Error {
        Error { at: self.at, what }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a document of 4 GiB and more was refused before")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Json {
        Json::parse_text(text).expect("the test's text is JSON")
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let json = parse(r#" {"a": [1, {"b": "x\ny"}, []], "a": null, "c\u0064": true} "#);
        let root = json.root();
        assert_eq!(root.len(), 3);
        assert_eq!(root.get("a").map(Ref::len), Some(3));
        assert_eq!(root.get("cd").and_then(Ref::as_bool), Some(true));
        let inner = root.find(&Path::parse("a[1].b").expect("a path")).expect("there");
        assert_eq!(inner.as_str().as_deref(), Some("x\ny"));
        assert_eq!(inner.path().to_string(), "a[1].b");
        assert_eq!(inner.raw(), br#""x\ny""#);
    }

    #[test]
    fn broken_text_is_an_error_with_a_place() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            (r#"{"a" 1}"#, 5),
            ("01", 0),
            ("[1] x", 4),
            (r#""\x""#, 1),
            ("\"a\nb\"", 2),
            ("nul", 0),
            ("1.", 0),
            ("{,}", 1),
        ] {
            assert_eq!(Json::parse_text(text).map_err(|error| error.at).err(), Some(at), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_document() {
        for (text, value) in [("\u{feff}{\"a\": 1}", "1"), ("\u{feff} \n{\"a\":\"\u{feff}\"}", "\"\u{feff}\"")] {
            let json = parse(text);
            let found = json.root().get("a").expect("there");
            assert_eq!((found.raw_str().as_ref(), json.bytes().as_ref()), (value, text.as_bytes()));
            let edited = json.splice(vec![Edit { span: found.span(), with: b"2".to_vec() }]);
            assert_eq!(String::from_utf8_lossy(&edited), text.replace(value, "2"));
        }
        for text in ["\u{feff}", "\u{feff}\u{feff}{}", " \u{feff}{}", "{\u{feff}}"] {
            assert!(Json::parse_text(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn any_depth_and_odd_values_survive() {
        let deep = format!("{}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(parse(&deep).items.len(), 1_000_001);
        let odd = parse(r#"["\ud800", "\ud83d\ude00", 123456789012345678901234567890.10, NaN, -Infinity]"#);
        assert_eq!(odd.root().at(0).and_then(Ref::as_bytes).as_deref(), Some(&[0xED, 0xA0, 0x80][..]));
        assert_eq!(odd.root().at(1).and_then(Ref::as_str).as_deref(), Some("😀"));
        assert_eq!(
            odd.root().at(2).map(|number| number.raw_str().into_owned()).as_deref(),
            Some("123456789012345678901234567890.10")
        );
    }

    #[test]
    fn splices_keep_all_other_bytes() {
        let json = parse(r#"{ "a" : 1,"b":[ 2 , 3 ] }"#);
        let edit = |path: &str, with: &str| Edit {
            span: json.root().find(&Path::parse(path).expect("a path")).expect("there").span(),
            with: with.into(),
        };
        let out = json.splice(vec![edit("b[1]", "\"x\""), edit("a", "{}")]);
        assert_eq!(String::from_utf8_lossy(&out), r#"{ "a" : {},"b":[ 2 , "x" ] }"#);
    }

    #[test]
    fn agrees_with_serde_json_on_random_documents() {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        let value = leaf.prop_recursive(5, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        });
        proptest!(|(value in value)| {
            let text = serde_json::to_string_pretty(&value).expect("a value");
            let json = Json::parse_text(&text).expect("the same grammar");
            let mut stack = vec![(json.root(), &value)];
            while let Some((ours, theirs)) = stack.pop() {
                match theirs {
                    serde_json::Value::String(text) => {
                        let ours = ours.as_str().map(Cow::into_owned);
                        prop_assert_eq!(ours.as_deref(), Some(text.as_str()));
                    }
                    serde_json::Value::Array(items) => {
                        prop_assert_eq!(ours.len(), items.len());
                        stack.extend(ours.items().zip(items));
                    }
                    serde_json::Value::Object(map) => {
                        prop_assert_eq!(ours.len(), map.len());
                        stack.extend(ours.items().zip(map.values()));
                    }
                    other => prop_assert_eq!(ours.raw_str().into_owned(), other.to_string()),
                }
            }
        });
    }
}
