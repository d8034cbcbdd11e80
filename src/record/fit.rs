//! Events that are too long for a recording: cut, with what is needed to know them again, and said.

use bytes::Bytes;

use crate::model::event::{Chunks, Event};
use crate::text::json::quote;
use crate::text::units;

/// The most bytes of one event that are written whole. A record holds 256 MiB, and placeholders may be
/// longer than what they stand for.
const MOST: usize = 192 << 20;

/// How much is kept of what is longer.
const KEPT: usize = 64 << 20;

/// A body as it is recorded and compared: itself, or its beginning, its length and its hash.
pub(crate) fn body(body: Bytes) -> Bytes {
    cut(body, MOST, KEPT)
}

/// What is to be said of an event that is too long.
pub(super) fn warning(event: &Event) -> Option<String> {
    let (what, length) = match event {
        Event::Request(request) => (format!("the body of call {}", request.seq), request.body.len()),
        Event::Frame(frame) => (format!("a message of call {}", frame.seq), frame.payload.len()),
        Event::Begin(begin) => (format!("the input of `{}`", begin.name), begin.input.len()),
        Event::Finish(finish) => {
            (format!("what announced node {} gave", finish.seq), finish.output.len().max(finish.documents.len()))
        }
        _ => return None,
    };
    (length > MOST).then(|| format!("{what} has {}, too much to be kept whole", units::size(length as u64)))
}

/// The events that are written for one: itself, as a rule.
pub(super) fn fit(event: Event) -> Vec<Event> {
    fit_within(event, MOST, KEPT)
}

fn fit_within(event: Event, most: usize, kept: usize) -> Vec<Event> {
    let one = match event {
        Event::Request(mut request) => {
            request.body = cut(request.body, most, kept);
            Event::Request(request)
        }
        Event::Frame(mut frame) => {
            frame.payload = cut(frame.payload, most, kept);
            Event::Frame(frame)
        }
        Event::Decided(mut decided) => {
            decided.sent = decided.sent.map(|sent| cut(sent, most, kept));
            Event::Decided(decided)
        }
        Event::Begin(mut begin) => {
            begin.input = json(begin.input, most);
            Event::Begin(begin)
        }
        Event::Finish(mut finish) => {
            finish.output = json(finish.output, most);
            finish.documents = json(finish.documents, most);
            Event::Finish(finish)
        }
        Event::Chunks(chunks) => return parts(chunks, most),
        other => other,
    };
    vec![one]
}

fn cut(body: Bytes, most: usize, kept: usize) -> Bytes {
    if body.len() <= most {
        return body;
    }
    let end = format!("\n[{}, of which {kept} bytes are kept]", named(&body));
    [&body[..kept], end.as_bytes()].concat().into()
}

/// JSON cannot be cut: its length and hash stand for it.
fn json(value: Bytes, most: usize) -> Bytes {
    if value.len() <= most { value } else { quote(&named(&value)).into() }
}

fn named(bytes: &[u8]) -> String {
    format!("{} bytes, blake3 {}", bytes.len(), blake3::hash(bytes).to_hex())
}

/// Pieces in as many events as it takes; a piece that is too long becomes several of one time.
fn parts(chunks: Chunks, most: usize) -> Vec<Event> {
    let seq = chunks.seq;
    let mut made: Vec<Chunks> = Vec::new();
    let mut room = 0;
    for (at, mut piece) in chunks.pieces {
        loop {
            if room == 0 || made.is_empty() {
                made.push(Chunks { seq, pieces: Vec::new() });
                room = most;
            }
            let part = piece.split_to(piece.len().min(room));
            room -= part.len();
            if let Some(last) = made.last_mut() {
                last.pieces.push((at, part));
            }
            if piece.is_empty() {
                break;
            }
        }
    }
    made.into_iter().map(Event::Chunks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;
    use crate::model::event::{Finish, Frame};

    #[test]
    fn what_is_too_long_keeps_its_beginning_and_is_told_from_another() {
        let whole =
            |text: &str| String::from_utf8(cut(Bytes::copy_from_slice(text.as_bytes()), 8, 4).to_vec()).unwrap();
        assert_eq!(whole("12345678"), "12345678");
        insta::assert_snapshot!(whole("123456789"), @"
        1234
        [9 bytes, blake3 b7d65b48420d1033cb2595293263b6f72eabee20d55e699d0df1973b3c9deed1, of which 4 bytes are kept]
        ");
        assert_ne!(whole("123456789"), whole("12345678X"));
        let frame =
            Frame { seq: 1, at: Micros(1), from_agent: true, opcode: 2, payload: Bytes::from_static(b"123456789") };
        let made = fit_within(Event::Frame(frame), 8, 4);
        assert!(matches!(&made[..], [Event::Frame(frame)] if frame.payload.starts_with(b"1234\n[9 bytes, ")));
        let output = Bytes::from_static(b"\"0123456789\"");
        let documents = Bytes::from_static(b"null");
        let finish = Finish { seq: 1, at: Micros(1), output, documents, error: None };
        let made = fit_within(Event::Finish(finish), 8, 4);
        assert!(
            matches!(&made[..], [Event::Finish(it)] if it.output.starts_with(b"\"12 bytes") && it.documents == "null")
        );
    }

    #[test]
    fn pieces_that_are_too_long_are_spread_over_events() {
        let piece = |at, text: &'static str| (Micros(at), Bytes::from_static(text.as_bytes()));
        let pieces = vec![piece(1, "123"), piece(2, "4567890"), piece(3, ""), piece(4, "ab")];
        let made = fit_within(Event::Chunks(Chunks { seq: 7, pieces }), 5, 4);
        let shown: Vec<String> = made
            .iter()
            .map(|event| match event {
                Event::Chunks(chunks) => {
                    let parts =
                        chunks.pieces.iter().map(|(at, part)| format!("{}:{}", at.0, String::from_utf8_lossy(part)));
                    parts.collect::<Vec<_>>().join(" ")
                }
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(shown, ["1:123 2:45", "2:67890", "3: 4:ab"]);
    }
}
