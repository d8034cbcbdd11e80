//! Secrets that a model's stream cuts in two: the text of one field, joined over the events of a stream.

use std::collections::HashMap;
use std::ops::Range;

use crate::text::json::{Json, Kind, Ref};

use super::coding::Decoded;
use super::fields::inside;
use super::scan::Hit;

/// Fields whose texts are continued from event to event.
const CONTINUED: &[&str] = &[
    "arguments",
    "code",
    "content",
    "delta",
    "input",
    "output",
    "partial_json",
    "reasoning",
    "reasoning_content",
    "refusal",
    "response",
    "summary",
    "text",
    "thinking",
    "transcript",
];

/// What tells the fields of one event from those of another.
const PLACES: &[&str] = &["type", "index", "item_id", "output_index", "content_index", "summary_index", "event"];

/// Text that is continued over several documents.
#[derive(Default)]
pub(super) struct Channel {
    pub(super) text: Vec<u8>,
    pieces: Vec<Piece>,
}

struct Piece {
    document: usize,
    /// Where its string stands in its document.
    at: usize,
    decoded: Decoded,
    /// Where its text begins in the channel's.
    start: usize,
}

/// The channels of a sequence of documents that have more than one piece.
pub(super) fn channels<'a>(documents: impl Iterator<Item = &'a Json>) -> Vec<Channel> {
    let mut channels: Vec<Channel> = Vec::new();
    let mut by_name: HashMap<u64, usize> = HashMap::new();
    for (place, document) in documents.enumerate() {
        for message in messages(document) {
            for (name, value) in leaves(message) {
                let at = inside(value);
                let decoded = Decoded::of(&document.bytes()[at.clone()]);
                if decoded.text.is_empty() {
                    continue;
                }
                let channel = *by_name.entry(name).or_insert_with(|| {
                    channels.push(Channel::default());
                    channels.len() - 1
                });
                let channel = &mut channels[channel];
                let start = channel.text.len();
                channel.text.extend_from_slice(&decoded.text);
                channel.pieces.push(Piece { document: place, at: at.start, decoded, start });
            }
        }
    }
    channels.retain(|channel| channel.pieces.len() > 1);
    channels
}

impl Channel {
    /// A find in the channel's text as finds in its documents: the first stands for it, the rest goes.
    pub(super) fn spread(&self, hit: &Hit) -> Vec<(usize, Hit)> {
        let mut found: Vec<(usize, Hit)> = Vec::new();
        let first = self.pieces.partition_point(|piece| piece.start + piece.decoded.text.len() <= hit.range.start);
        for piece in self.pieces[first..].iter().take_while(|piece| piece.start < hit.range.end) {
            let end = piece.start + piece.decoded.text.len();
            let part: Range<usize> =
                hit.range.start.max(piece.start) - piece.start..hit.range.end.min(end) - piece.start;
            let before = piece.decoded.before(&part);
            found.push((
                piece.document,
                Hit {
                    range: piece.at + before.start..piece.at + before.end,
                    quotes: hit.quotes.map(|depth| depth + 1),
                    rest: !found.is_empty(),
                    ..hit.clone()
                },
            ));
        }
        found
    }
}

/// A stream may be one JSON list of its events (Gemini's is, without `alt=sse`).
fn messages(document: &Json) -> Vec<Ref<'_>> {
    let root = document.root();
    if root.kind() == Kind::Array { root.items().collect() } else { vec![root] }
}

/// Texts that may be continued, each with a name that is the same where it is.
fn leaves(message: Ref<'_>) -> Vec<(u64, Ref<'_>)> {
    let place = |place: &&str| message.get(place).filter(|value| !matches!(value.kind(), Kind::Object | Kind::Array));
    let root = PLACES.iter().fold(0, |name, key| mix(name, place(key).map_or(b"", Ref::raw)));
    let mut found = Vec::new();
    let mut open = vec![(message, root)];
    while let Some((value, name)) = open.pop() {
        match value.kind() {
            Kind::Object => {
                open.extend(value.items().map(|item| (item, mix(name, &item.key().unwrap_or_default()))));
            }
            Kind::Array => open.extend(value.items().enumerate().map(|(place, item)| match item.get("index") {
                Some(index) => (item, mix(name, index.raw())),
                None => (item, mix(name, place.to_string().as_bytes())),
            })),
            Kind::String if is_continued(value) => found.push((name, value)),
            _ => {}
        }
    }
    found
}

/// FNV-1a of what a name is so far, a step more and its end.
fn mix(name: u64, step: &[u8]) -> u64 {
    let start = name ^ 0xcbf2_9ce4_8422_2325;
    step.iter().chain(&[0xFF]).fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn is_continued(value: Ref<'_>) -> bool {
    value.key().is_some_and(|key| CONTINUED.iter().any(|name| name.as_bytes() == &*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(documents: &[&str]) -> Vec<String> {
        let documents: Vec<Json> = documents.iter().map(|text| Json::parse_text(text).expect("JSON")).collect();
        let mut texts: Vec<_> = channels(documents.iter())
            .into_iter()
            .map(|channel| String::from_utf8_lossy(&channel.text).into())
            .collect();
        texts.sort();
        texts
    }

    #[test]
    fn texts_of_one_field_are_joined() {
        let chat = |index: usize, text: &str| {
            format!(r#"{{"id":"a","choices":[{{"index":{index},"delta":{{"content":"{text}"}}}}]}}"#)
        };
        let all = [chat(0, "a"), chat(1, "b"), chat(0, "c"), chat(1, "d"), chat(0, "")];
        assert_eq!(texts(&all.each_ref().map(String::as_str)), ["ac", "bd"]);
        assert_eq!(
            texts(&[
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"}"}}"#,
            ]),
            ["ab", "{}"]
        );
        assert_eq!(
            texts(&[
                r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"delta":"a","sequence_number":1}"#,
                r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"delta":"b","sequence_number":2}"#,
                r#"{"type":"response.output_text.done","item_id":"m","output_index":0,"text":"ab","sequence_number":3}"#,
            ]),
            ["ab"]
        );
        assert_eq!(
            texts(&[
                r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"content":{"parts":[{"text":"b"}]}}]}]"#
            ]),
            ["ab"]
        );
    }
}
