//! Gives a recorded answer with its names as they are now: in texts and arguments, streamed or not.
//!
//! In a stream the texts of one channel (a choice, an item, the arguments of a call) are read as one,
//! so a name may be cut between events; it then stands whole in the event where it began, and the
//! others keep what is theirs. Pieces keep their borders.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use bytes::Bytes;

use super::fragments::Fragments;
use super::naming::{Bound, component, key};
use super::opaque::{Class, LOOPBACK};
use super::places::{Form, stands_alone};
use crate::text::json::{Edit, Json, Kind, Ref, decode, quote};

/// Fields of answers that the provider mints or that only it may write.
const OWN: [&[u8]; 21] = [
    b"id",
    b"call_id",
    b"tool_call_id",
    b"tool_use_id",
    b"item_id",
    b"response_id",
    b"previous_response_id",
    b"signature",
    b"encrypted_content",
    b"thinking",
    b"data",
    b"model",
    b"object",
    b"type",
    b"role",
    b"status",
    b"finish_reason",
    b"stop_reason",
    b"system_fingerprint",
    b"obfuscation",
    b"prompt_cache_key",
];

/// Fields below which everything is the model's.
const FREE: [&[u8]; 2] = [b"input", b"arguments"];

/// Replaces recorded names.
#[derive(Debug)]
pub(crate) struct Renamer {
    finder: Option<AhoCorasick>,
    with: Vec<Vec<u8>>,
    pub(crate) fragments: Fragments,
}

/// A part of a text that comes in parts: where it stands with its quotes, and what it says.
type Part = (Range<usize>, Vec<u8>);

/// A name within a text and what stands there now.
type Found = (Range<usize>, Vec<u8>);

impl Renamer {
    /// A renamer for these names and forms of places.
    pub(crate) fn new<'a>(names: &[Bound], forms: impl Iterator<Item = &'a Form>, fragments: Fragments) -> Self {
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for bound in names {
            spellings(bound, &mut pairs);
        }
        pairs.extend(forms.map(|form| (form.recorded.clone(), form.new.clone())));
        let mut known = std::collections::HashSet::new();
        pairs.retain(|(old, new)| old != new && !old.is_empty() && known.insert(old.clone()));
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(pairs.iter().map(|(old, _)| old)).ok();
        Self { finder, with: pairs.into_iter().map(|(_, new)| new).collect(), fragments }
    }

    /// A renamer for values of which it is known that they stand for each other: what stands now, and with what.
    pub(crate) fn of(pairs: &[(String, String)]) -> Self {
        let class = |name: &str| match name {
            _ if name.contains('/') => Class::Temporary,
            _ if name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') => Class::Hex,
            _ => Class::Random,
        };
        let bound = pairs.iter().map(|(old, new)| Bound::new(class(old), old.as_bytes(), new.as_bytes()));
        let bound: Vec<Bound> = bound.collect();
        let fragments = Fragments::new(&bound, std::iter::empty());
        Self::new(&bound, std::iter::empty(), fragments)
    }

    fn find(&self, text: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let (mut at, mut gap) = (0, 0);
        while let Some(finder) = &self.finder
            && let Some(hit) = finder.find(Input::new(text).range(at..))
        {
            if stands_alone(text, hit.start(), hit.end()) {
                self.fragments.find(text, gap..hit.start(), &mut found);
                found.push((hit.range(), self.with[hit.pattern().as_usize()].clone()));
                at = hit.end();
                gap = at;
            } else {
                at = hit.start() + 1;
            }
        }
        self.fragments.find(text, gap..text.len(), &mut found);
        found
    }

    /// What may be left of recorded names in a text of which this made the names those of now.
    pub(crate) fn stale(&self, text: &[u8]) -> BTreeSet<String> {
        self.fragments.stale(text)
    }

    /// A renamer with a fault: it leaves pieces of names as they were.
    #[cfg(test)]
    pub(crate) fn without_pieces(&self) -> std::sync::Arc<Self> {
        let (finder, with) = (self.finder.clone(), self.with.clone());
        std::sync::Arc::new(Self { finder, with, fragments: Fragments::default() })
    }

    /// The text with its names as they are now; `None` if there is none in it.
    pub(crate) fn text(&self, text: &[u8]) -> Option<Vec<u8>> {
        let found = self.find(text);
        if found.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(text.len() + 32);
        let mut at = 0;
        for (range, with) in found {
            out.extend_from_slice(&text[at..range.start]);
            out.extend_from_slice(&with);
            at = range.end;
        }
        out.extend_from_slice(&text[at..]);
        Some(out)
    }

    /// A JSON value as it is written, all of it the agent's own; `None` if nothing changes.
    pub(crate) fn value(&self, raw: &[u8]) -> Option<Vec<u8>> {
        self.json(&Json::parse(raw.to_vec()).ok()?, false)
    }

    /// The JSON of an answer, or any JSON, with its names as they are now. In an answer of a known
    /// dialect the provider's own fields stay.
    pub(crate) fn json(&self, body: &Json, known: bool) -> Option<Vec<u8>> {
        let mut edits = Vec::new();
        for leaf in leaves(body, known) {
            edits.extend(self.edit(&leaf));
        }
        (!edits.is_empty()).then(|| body.splice(edits))
    }

    fn edit(&self, leaf: &Leaf<'_>) -> Option<Edit> {
        if leaf.number {
            let with = self.text(&[b"port ", leaf.raw].concat())?;
            return Some(Edit { span: leaf.span.clone(), with: with[5..].to_vec() });
        }
        let text = decode(leaf.raw);
        let with = match self.text(&text).map(String::from_utf8)? {
            Ok(text) => quote(&text).into_bytes(),
            // Lone surrogates can only stay as they are written.
            Err(_) => self.text(leaf.raw)?,
        };
        Some(Edit { span: leaf.span.clone(), with })
    }

    /// The pieces of an answer's body with its names as they are now; `None` if nothing changes.
    pub(crate) fn body(&self, pieces: &[Bytes], known: bool, stream: bool) -> Option<Vec<Bytes>> {
        let whole: Vec<u8> = pieces.concat();
        let edits = if stream {
            self.stream_edits(&whole, known)
        } else if let Ok(json) = Json::parse(whole.clone()) {
            leaves(&json, known).iter().filter_map(|leaf| self.edit(leaf)).collect()
        } else {
            let found = std::str::from_utf8(&whole).map(|_| self.find(&whole)).unwrap_or_default();
            found.into_iter().map(|(span, with)| Edit { span, with }).collect()
        };
        (!edits.is_empty()).then(|| apply(pieces, edits))
    }

    fn stream_edits(&self, whole: &[u8], known: bool) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut channels: HashMap<Vec<u8>, Vec<Part>> = HashMap::new();
        let mut at = 0;
        for line in whole.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let start = at;
            at += line.len();
            let Some(data) = line.strip_prefix(b"data:") else { continue };
            let trimmed = data.trim_ascii();
            if !matches!(trimmed.first(), Some(b'{' | b'[')) {
                continue;
            }
            let Ok(json) = Json::parse(trimmed.to_vec()) else { continue };
            let base = start + 5 + (data.len() - data.trim_ascii_start().len());
            let place = |span: &Range<usize>| span.start + base..span.end + base;
            for leaf in leaves(&json, known) {
                match &leaf.channel {
                    Some(channel) => {
                        let part = (place(&leaf.span), decode(leaf.raw).into_owned());
                        channels.entry(channel.clone()).or_default().push(part);
                    }
                    None => {
                        edits.extend(self.edit(&leaf).map(|edit| Edit { span: place(&edit.span), with: edit.with }));
                    }
                }
            }
        }
        for parts in channels.values() {
            self.channel_edits(parts, &mut edits);
        }
        edits
    }

    /// Renames a text that comes in parts: a name goes to the part in which it begins.
    fn channel_edits(&self, parts: &[Part], edits: &mut Vec<Edit>) {
        let whole: Vec<u8> = parts.iter().flat_map(|(_, text)| text.iter().copied()).collect();
        let found = self.find(&whole);
        if found.is_empty() {
            return;
        }
        let mut next = 0;
        let mut start = 0;
        for (span, text) in parts {
            let end = start + text.len();
            let mut out = Vec::with_capacity(text.len() + 32);
            let mut at = start;
            let mut touched = false;
            while let Some((range, with)) = found.get(next).filter(|(range, _)| range.start < end) {
                touched = true;
                if range.start >= start {
                    out.extend_from_slice(&whole[at..range.start]);
                    out.extend_from_slice(with);
                }
                at = range.end.min(end);
                if range.end > end {
                    break;
                }
                next += 1;
            }
            out.extend_from_slice(&whole[at..end]);
            if touched && let Ok(out) = String::from_utf8(out) {
                edits.push(Edit { span: span.clone(), with: quote(&out).into_bytes() });
            }
            start = end;
        }
    }
}

/// The ways in which a name may be written.
fn spellings(bound: &Bound, pairs: &mut Vec<(Vec<u8>, Vec<u8>)>) {
    let (old, new) = (&bound.recorded, &bound.new);
    if bound.class != Class::Port {
        pairs.push((old.clone(), new.clone()));
    }
    match bound.class {
        Class::Hex => {
            let (old, new) = (key(Class::Hex, old), key(Class::Hex, new));
            let both = |write: fn(&[u8]) -> Vec<u8>| (write(&old), write(&new));
            pairs.extend([both(<[u8]>::to_vec), both(<[u8]>::to_ascii_uppercase)]);
            if old.len() == 32 && new.len() == 32 {
                pairs.extend([both(dashed), both(|hex| dashed(hex).to_ascii_uppercase())]);
            }
        }
        Class::Port => {
            for host in LOOPBACK {
                let write = |port: &[u8]| [host.as_bytes(), b":", port].concat();
                pairs.push((write(old), write(new)));
            }
        }
        Class::Temporary => {
            pairs.push((escaped(old), escaped(new)));
            if let (Some(old), Some(new)) = (component(old), component(new)) {
                pairs.push((old.to_vec(), new.to_vec()));
            }
        }
        _ => {}
    }
}

/// Hex of 32 characters as a uuid.
pub(crate) fn dashed(hex: &[u8]) -> Vec<u8> {
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join(&b'-')
}

/// Slashes as some write them inside JSON text.
fn escaped(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 8);
    for byte in path {
        if *byte == b'/' {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

/// A string or key of a document that may carry names.
struct Leaf<'a> {
    /// With its quotes.
    span: Range<usize>,
    raw: &'a [u8],
    /// What it goes on, where it is a part of a streamed text.
    channel: Option<Vec<u8>>,
    /// A number where a port is told.
    number: bool,
}

fn leaves(doc: &Json, known: bool) -> Vec<Leaf<'_>> {
    let mut leaves = Vec::new();
    let root = doc.root();
    let mut head = Vec::new();
    for field in ["type", "output_index", "item_id", "content_index", "summary_index", "index"] {
        head.extend_from_slice(root.get(field).map_or(b"", |value| value.raw()));
        head.push(b'/');
    }
    let mut waiting: Vec<(Ref<'_>, bool, Option<Vec<u8>>)> = vec![(root, !known, known.then_some(head))];
    while let Some((value, free, place)) = waiting.pop() {
        if value.kind() == Kind::String {
            let channel = place.clone().filter(|place| memchr::memmem::find(place, b"/delta/").is_some());
            leaves.push(Leaf { span: value.span(), raw: value.raw(), channel, number: false });
        }
        let port = || value.key().is_some_and(|key| key.to_ascii_lowercase().ends_with(b"port"));
        if free && value.kind() == Kind::Number && port() {
            leaves.push(Leaf { span: value.span(), raw: value.raw(), channel: None, number: true });
        }
        let first = waiting.len();
        for item in value.items() {
            let key = item.key();
            if key.as_deref().is_some_and(|key| !free && OWN.contains(&key)) {
                continue;
            }
            let inside = free || key.as_deref().is_some_and(|key| FREE.contains(&key));
            let place = place.as_ref().filter(|_| !free).map(|place| {
                let mut place = place.clone();
                match (&key, item.get("index")) {
                    (Some(key), _) => place.extend_from_slice(key),
                    (None, Some(index)) => place.extend_from_slice(index.raw()),
                    (None, None) => {}
                }
                place.push(b'/');
                place
            });
            if inside && key.is_some() && free {
                leaves.extend(key_of(doc, item));
            }
            waiting.push((item, inside, place));
        }
        waiting[first..].reverse();
    }
    leaves
}

/// The key of a member, as a leaf.
fn key_of<'a>(doc: &'a Json, member: Ref<'_>) -> Option<Leaf<'a>> {
    let span = member.member_span();
    let bytes = &doc.bytes()[span.clone()];
    let mut end = 1;
    while *bytes.get(end)? != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    let span = span.start..span.start + end + 1;
    Some(Leaf { raw: &doc.bytes()[span.clone()], span, channel: None, number: false })
}

/// Applies edits to a body in pieces; what is put in stands in the piece where its edit begins.
fn apply(pieces: &[Bytes], mut edits: Vec<Edit>) -> Vec<Bytes> {
    edits.sort_by_key(|edit| edit.span.start);
    let mut out = Vec::with_capacity(pieces.len());
    let mut next = 0;
    let mut start = 0;
    for piece in pieces {
        let end = start + piece.len();
        let mut at = start;
        let mut made = Vec::with_capacity(piece.len() + 32);
        while let Some(edit) = edits.get(next).filter(|edit| edit.span.start < end) {
            if edit.span.start >= start {
                made.extend_from_slice(&piece[at - start..edit.span.start - start]);
                made.extend_from_slice(&edit.with);
            }
            at = edit.span.end.min(end);
            if edit.span.end > end {
                break;
            }
            next += 1;
        }
        made.extend_from_slice(&piece[at - start..]);
        out.push(Bytes::from(made));
        start = end;
    }
    out
}
