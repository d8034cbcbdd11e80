//! Bodies as values of a line: parts that are said once, lists that begin as an earlier one, pieces that repeat the one
//! before.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::spacing;
use crate::text::json::{Edit, Json, Kind, Ref, quote, unmarked};
use crate::text::layout::compact;

/// Shortest text beside the lists of a body that becomes a part.
const LONG: usize = 80;

/// Fewest bytes that must be saved before a piece is written by its difference.
const SAVED: usize = 24;

/// Parts that were said, and beginnings of lists.
#[derive(Default)]
pub(super) struct Parts {
    said: HashSet<String>,
    /// Beginnings of the lists of requests, by member and content: the request, and how many elements.
    beginnings: HashMap<(String, blake3::Hash), (usize, usize)>,
}

/// Fewest elements that are worth a reference to the request that has them.
const FEW: usize = 3;

impl Parts {
    /// The body of a request as members of a line. Parts that were not said before are added to `out`.
    pub(super) fn request(&mut self, number: usize, body: &Bytes, out: &mut String) -> String {
        self.body(body, Some(number), out)
    }

    /// The body of an answer as members of a line; only what was said before is a part.
    pub(super) fn answer(&mut self, body: &Bytes, out: &mut String) -> String {
        self.body(body, None, out)
    }

    fn body(&mut self, body: &Bytes, request: Option<usize>, out: &mut String) -> String {
        if body.is_empty() {
            return String::new();
        }
        let Ok(text) = std::str::from_utf8(body) else { return raw(body) };
        let Ok(json) = Json::parse_text(text) else { return raw(body) };
        let Some(spaces) = spacing::write(text, &compact(unmarked(body))) else { return raw(body) };
        let mut edits = Vec::new();
        if json.root().kind() == Kind::Object {
            for member in json.root().items() {
                let span = member.span();
                let with = match (member.kind(), request) {
                    (Kind::Array, Some(number)) => Some(self.list(number, member, out)),
                    (Kind::Array, None) => {
                        let items = member.items().map(|item| self.element(item, false, out));
                        Some(format!("[{}]", items.collect::<Vec<_>>().join(",")))
                    }
                    _ if is_long(member) || is_reference(member) => Some(self.part(member, request.is_some(), out)),
                    _ => None,
                };
                edits.extend(with.map(|with| Edit { span, with: with.into_bytes() }));
            }
        }
        format!(",\"body\":{}{spaces}", compact(unmarked(&json.splice(edits))))
    }

    /// A list of a request: its beginning is a reference to the request that begins so, where there is one.
    fn list(&mut self, number: usize, list: Ref<'_>, out: &mut String) -> String {
        let key = list.key().map(|key| String::from_utf8_lossy(&key).into_owned()).unwrap_or_default();
        let items: Vec<String> = list.items().map(|item| self.element(item, true, out)).collect();
        let mut hasher = blake3::Hasher::new();
        let mut known = None;
        for (place, item) in items.iter().enumerate() {
            hasher.update(item.as_bytes()).update(b",");
            let beginning = (key.clone(), hasher.finalize());
            match self.beginnings.get(&beginning) {
                Some((request, _)) => known = Some((*request, place + 1)),
                None => drop(self.beginnings.insert(beginning, (number, place + 1))),
            }
        }
        match known.filter(|(_, count)| *count >= FEW) {
            Some((request, count)) => {
                let beginning = format!("{{\"$\":[{request},{count}]}}");
                let items: Vec<&str> = std::iter::once(&beginning).chain(&items[count..]).map(String::as_str).collect();
                format!("[{}]", items.join(","))
            }
            None => format!("[{}]", items.join(",")),
        }
    }

    /// An element of a list: a part where it is an object.
    fn element(&mut self, item: Ref<'_>, may_say: bool, out: &mut String) -> String {
        if item.kind() == Kind::Object { self.part(item, may_say, out) } else { compact(item.raw()) }
    }

    /// A reference to a part, which is said first if it was not before; where it may not be said, the value itself.
    fn part(&mut self, value: Ref<'_>, may_say: bool, out: &mut String) -> String {
        let text = compact(value.raw());
        let id = id(&text);
        // What looks like a reference must become one, or it would be read as one.
        if !may_say && !self.said.contains(&id) && !is_reference(value) {
            return text;
        }
        if self.said.insert(id.clone()) {
            out.push_str(&format!("{{\"part\":\"{id}\",\"is\":{text}}}\n"));
        }
        format!("{{\"$\":\"{id}\"}}")
    }
}

fn is_long(part: Ref<'_>) -> bool {
    part.kind() == Kind::String && part.raw().len() >= LONG
}

/// What a value refers to, if it has the shape of a reference.
fn reference(value: Ref<'_>) -> Option<Ref<'_>> {
    let only = value.items().next().filter(|only| only.next().is_none())?;
    (value.kind() == Kind::Object && only.key().as_deref() == Some(b"$")).then_some(only)
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

/// What references in a file may come to, in bytes: a small one must not fill the memory. A conversation of two thousand
/// calls comes to a thousand times what is written.
pub(super) fn most(text: &str) -> usize {
    text.len().saturating_mul(1000).clamp(64 << 20, 1 << 30)
}

/// What an element of a list costs beside its bytes.
const ELEMENT: usize = 64;

/// Takes what references came to off what is left.
fn spend(left: &mut usize, bytes: usize) -> Result<(), String> {
    *left = left.checked_sub(bytes).ok_or("what it repeats comes to too much")?;
    Ok(())
}

/// Lists of requests, by number and member: their elements as they are written in full.
pub(super) type Lists = HashMap<(u64, String), Vec<Bytes>>;

/// What references in a file stand for.
pub(super) struct Said<'a> {
    pub(super) parts: &'a HashMap<String, Bytes>,
    pub(super) lists: &'a mut Lists,
    /// How much references may still come to.
    pub(super) left: &'a mut usize,
}

impl Said<'_> {
    /// The bytes that a line's `body`, `text` or `base64` stands for; `request` is the number of the request that it
    /// is of.
    pub(super) fn bytes(&mut self, line: Ref<'_>, request: Option<u64>) -> Result<Bytes, String> {
        if let Some(text) = line.get("text") {
            return plain(text).ok_or_else(|| "`text` is no text".to_owned());
        }
        if let Some(text) = line.get("base64") {
            return decoded(text);
        }
        let Some(body) = line.get("body") else { return Ok(Bytes::new()) };
        let json = Json::parse(Bytes::copy_from_slice(body.raw())).map_err(|error| error.to_string())?;
        let mut edits = Vec::new();
        if json.root().kind() == Kind::Object {
            for member in json.root().items() {
                let with = if member.kind() == Kind::Array {
                    self.list(member, request)?
                } else if let Some(target) = reference(member) {
                    let part = self.part(target)?;
                    spend(self.left, part.len())?;
                    part.to_vec()
                } else {
                    continue;
                };
                edits.push(Edit { span: member.span(), with });
            }
        }
        let compact = json.splice(edits);
        match line.get("spaces") {
            Some(spaces) => spacing::read(spaces, &String::from_utf8_lossy(&compact)).map(Bytes::from),
            None => Ok(compact.into()),
        }
    }

    fn list(&mut self, list: Ref<'_>, request: Option<u64>) -> Result<Vec<u8>, String> {
        let key = list.key().map(|key| String::from_utf8_lossy(&key).into_owned()).unwrap_or_default();
        let mut items: Vec<Bytes> = Vec::new();
        for item in list.items() {
            match reference(item) {
                Some(target) if target.kind() == Kind::Array => {
                    let beginning = self.beginning(target, &key)?;
                    spend(self.left, beginning.iter().map(|item| item.len() + ELEMENT).sum())?;
                    items.extend(beginning);
                }
                Some(target) => {
                    let part = self.part(target)?;
                    spend(self.left, part.len() + ELEMENT)?;
                    items.push(part);
                }
                None => items.push(Bytes::copy_from_slice(item.raw())),
            }
        }
        let text =
            format!("[{}]", items.iter().map(|item| String::from_utf8_lossy(item)).collect::<Vec<_>>().join(","));
        if let Some(request) = request {
            self.lists.insert((request, key), items);
        }
        Ok(text.into_bytes())
    }

    /// The first elements of an earlier request's list.
    fn beginning(&self, target: Ref<'_>, key: &str) -> Result<Vec<Bytes>, String> {
        let number = |place| target.at(place).and_then(Ref::as_u64);
        let wrong = || format!("`{}` refers to nothing before it", target.raw_str());
        let (request, count) = (number(0).ok_or_else(wrong)?, number(1).ok_or_else(wrong)?);
        let list = self.lists.get(&(request, key.to_owned())).ok_or_else(wrong)?;
        let count = usize::try_from(count).map_err(|_| wrong())?;
        list.get(..count).map(<[Bytes]>::to_vec).ok_or_else(wrong)
    }

    fn part(&self, target: Ref<'_>) -> Result<Bytes, String> {
        let id = target.as_str().unwrap_or_default();
        self.parts.get(&*id).cloned().ok_or_else(|| format!("part `{id}` is nowhere in the file"))
    }
}

/// The pieces that a list stands for.
pub(super) fn unpack(list: Ref<'_>, left: &mut usize) -> Result<Vec<Bytes>, String> {
    let mut out: Vec<Bytes> = Vec::new();
    for item in list.items() {
        let piece = match item.kind() {
            Kind::String => plain(item),
            Kind::Object => Some(decoded(item.get("base64").unwrap_or(item))?),
            _ => spliced(item, out.last().map_or(&[], |before| &before[..]), left)?,
        };
        out.push(piece.ok_or_else(|| format!("piece {} of a stream is none", out.len() + 1))?);
    }
    Ok(out)
}

/// A piece that begins and ends as the one before.
fn spliced(item: Ref<'_>, before: &[u8], left: &mut usize) -> Result<Option<Bytes>, String> {
    let number = |place| usize::try_from(item.at(place)?.as_u64()?).ok();
    let (Some(head), Some(tail)) = (number(0), number(2)) else { return Ok(None) };
    let Some(middle) = item.at(1).and_then(Ref::as_bytes) else { return Ok(None) };
    // Beginning and end do not overlap, so nothing grows but by what is written out.
    if head.checked_add(tail).is_none_or(|both| both > before.len()) {
        return Ok(None);
    }
    spend(left, head + tail)?;
    Ok(Some([&before[..head], &middle, &before[before.len() - tail..]].concat().into()))
}

fn plain(text: Ref<'_>) -> Option<Bytes> {
    text.as_bytes().map(|bytes| Bytes::copy_from_slice(&bytes))
}

fn decoded(text: Ref<'_>) -> Result<Bytes, String> {
    let text = text.as_bytes().ok_or("`base64` is no text")?;
    STANDARD.decode(&*text).map(Bytes::from).map_err(|error| format!("`base64` cannot be decoded: {error}"))
}
