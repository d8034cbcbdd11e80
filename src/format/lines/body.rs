//! Bodies as values of a line: parts that stand for themselves, pieces that repeat the one before.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::text::json::{Edit, Json, Kind, Ref, quote};
use crate::text::layout::compact;

/// Shortest text beside the lists of a body that becomes a part.
const LONG: usize = 80;

/// Fewest bytes that must be saved before a piece is written by its difference.
const SAVED: usize = 24;

/// Parts that were said.
#[derive(Default)]
pub(super) struct Parts {
    said: HashSet<String>,
}

impl Parts {
    /// A body as members of a line. Parts that were not said before are added to `out`, unless `known_only`.
    pub(super) fn body(&mut self, body: &Bytes, known_only: bool, out: &mut String) -> String {
        if body.is_empty() {
            return String::new();
        }
        let json = std::str::from_utf8(body).ok().and_then(|text| Json::parse_text(text).ok());
        let Some(json) = json else { return raw(body) };
        let mut edits = Vec::new();
        if json.root().kind() == Kind::Object {
            for member in json.root().items() {
                let listed = member.kind() == Kind::Array;
                let parts: Vec<Ref<'_>> = if listed { member.items().collect() } else { vec![member] };
                for part in parts {
                    // What looks like a reference must become one, or it would be read as one.
                    let forced = is_reference(part);
                    let wanted = if listed { part.kind() == Kind::Object } else { is_long(part) };
                    if !wanted && !forced {
                        continue;
                    }
                    let text = compact(part.raw());
                    let id = id(&text);
                    if known_only && !forced && !self.said.contains(&id) {
                        continue;
                    }
                    if self.said.insert(id.clone()) {
                        out.push_str(&format!("{{\"part\":\"{id}\",\"is\":{text}}}\n"));
                    }
                    edits.push(Edit { span: part.span(), with: format!("{{\"$\":\"{id}\"}}").into_bytes() });
                }
            }
        }
        format!(",\"body\":{}", compact(&json.splice(edits)))
    }
}

fn is_long(part: Ref<'_>) -> bool {
    part.kind() == Kind::String && part.raw().len() >= LONG
}

/// The part that a value stands for.
pub(super) fn reference(value: Ref<'_>) -> Option<String> {
    let only = value.items().next().filter(|only| only.next().is_none())?;
    if value.kind() != Kind::Object || only.key().as_deref() != Some(b"$") {
        return None;
    }
    only.as_str().map(std::borrow::Cow::into_owned)
}

fn is_reference(value: Ref<'_>) -> bool {
    reference(value).is_some()
}

fn id(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// Bytes that are no JSON as members of a line.
pub(super) fn raw(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!(",\"text\":{}", quote(text)),
        Err(_) => format!(",\"base64\":\"{}\"", STANDARD.encode(bytes)),
    }
}

/// A stream's pieces as a list.
pub(super) fn pieces<'a>(pieces: impl Iterator<Item = &'a Bytes>) -> String {
    let mut before = "";
    let mut items = Vec::new();
    for piece in pieces {
        let Ok(text) = std::str::from_utf8(piece) else {
            items.push(format!("{{\"base64\":\"{}\"}}", STANDARD.encode(piece)));
            before = "";
            continue;
        };
        let (head, tail) = shared(before, text);
        let middle = &text[head..text.len() - tail];
        items.push(if head + tail > SAVED { format!("[{head},{},{tail}]", quote(middle)) } else { quote(text) });
        before = text;
    }
    format!("[{}]", items.join(","))
}

/// How many bytes two texts share at their beginnings and, besides, at their ends, at borders of characters.
fn shared(left: &str, right: &str) -> (usize, usize) {
    let same = |(left, right): &(u8, u8)| left == right;
    let most = left.len().min(right.len());
    let mut head = left.bytes().zip(right.bytes()).take_while(same).count();
    while !left.is_char_boundary(head) || !right.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = left.bytes().rev().zip(right.bytes().rev()).take(most - head).take_while(same).count();
    while !left.is_char_boundary(left.len() - tail) || !right.is_char_boundary(right.len() - tail) {
        tail -= 1;
    }
    (head, tail)
}

/// The bytes that a line's `body`, `text` or `base64` stands for; `part` finds parts.
pub(super) fn bytes<'a>(line: Ref<'a>, part: &dyn Fn(&str) -> Option<&'a [u8]>) -> Result<Bytes, String> {
    if let Some(text) = line.get("text") {
        return plain(text).ok_or_else(|| "`text` is no text".to_owned());
    }
    if let Some(text) = line.get("base64") {
        return decoded(text);
    }
    let Some(body) = line.get("body") else { return Ok(Bytes::new()) };
    let mut edits = Vec::new();
    let offset = body.span().start;
    let mut expand = |value: Ref<'_>| -> Result<(), String> {
        if let Some(id) = reference(value) {
            let text = part(&id).ok_or_else(|| format!("part `{id}` is nowhere in the file"))?;
            let span = value.span();
            edits.push(Edit { span: span.start - offset..span.end - offset, with: text.to_vec() });
        }
        Ok(())
    };
    if body.kind() == Kind::Object {
        for member in body.items() {
            if member.kind() == Kind::Array {
                member.items().try_for_each(&mut expand)?;
            } else {
                expand(member)?;
            }
        }
    }
    let json = Json::parse(Bytes::copy_from_slice(body.raw())).map_err(|error| error.to_string())?;
    Ok(json.splice(edits).into())
}

/// The pieces that a list stands for.
pub(super) fn unpack(list: Ref<'_>) -> Result<Vec<Bytes>, String> {
    let mut out: Vec<Bytes> = Vec::new();
    for item in list.items() {
        let piece = match item.kind() {
            Kind::String => plain(item),
            Kind::Object => Some(decoded(item.get("base64").unwrap_or(item))?),
            _ => spliced(item, out.last().map_or(&[], |before| &before[..])),
        };
        out.push(piece.ok_or_else(|| format!("piece {} of a stream is none", out.len() + 1))?);
    }
    Ok(out)
}

fn spliced(item: Ref<'_>, before: &[u8]) -> Option<Bytes> {
    let number = |place| usize::try_from(item.at(place)?.as_u64()?).ok();
    let head = before.get(..number(0)?)?;
    let tail = before.get(before.len().checked_sub(number(2)?)?..)?;
    Some([head, &item.at(1)?.as_bytes()?, tail].concat().into())
}

fn plain(text: Ref<'_>) -> Option<Bytes> {
    text.as_bytes().map(|bytes| Bytes::copy_from_slice(&bytes))
}

fn decoded(text: Ref<'_>) -> Result<Bytes, String> {
    let text = text.as_bytes().ok_or("`base64` is no text")?;
    STANDARD.decode(&*text).map(Bytes::from).map_err(|error| format!("`base64` cannot be decoded: {error}"))
}
