//! Server-sent events: reading them from bytes cut anywhere, and writing them.
//!
//! Format: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
//! Unlike a browser, the last event is also read where the stream ends without its blank line.

use crate::text::json::unmarked;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its `event:` field; empty where it has none.
    pub name: String,
    /// Its `data:` lines, joined by line feeds.
    pub data: Vec<u8>,
    /// Its `id:` field.
    pub id: Option<String>,
}

/// Reads events from pieces that may be cut at any byte.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return that ended a line; a line feed may belong to it.
    returned: bool,
    begun: bool,
    event: Event,
    /// The event that is being read has a field.
    open: bool,
    data_lines: usize,
}

impl Parser {
    /// A parser at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece and returns the events that it completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut rest = piece;
        if self.returned && !rest.is_empty() {
            self.returned = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
            self.line.extend_from_slice(&rest[..at]);
            let carriage = rest[at] == b'\r';
            rest = &rest[at + 1..];
            if carriage {
                match rest.strip_prefix(b"\n") {
                    Some(after) => rest = after,
                    None => self.returned = rest.is_empty(),
                }
            }
            let line = std::mem::take(&mut self.line);
            events.extend(self.take(&line));
        }
        self.line.extend_from_slice(rest);
        events
    }

    /// Ends the stream; returns the event that had no blank line after it.
    #[must_use]
    pub fn finish(mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() { self.dispatch() } else { self.take(&line).or_else(|| self.dispatch()) }
    }

    fn take(&mut self, line: &[u8]) -> Option<Event> {
        let line = if self.begun { line } else { unmarked(line) };
        self.begun = true;
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(at) => (&line[..at], line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..])),
            None => (line, &b""[..]),
        };
        match field {
            b"data" => {
                if self.data_lines > 0 {
                    self.event.data.push(b'\n');
                }
                self.data_lines += 1;
                self.event.data.extend_from_slice(value);
                self.open = true;
            }
            b"event" => {
                self.event.name = String::from_utf8_lossy(value).into_owned();
                self.open = true;
            }
            b"id" => {
                self.event.id = Some(String::from_utf8_lossy(value).into_owned());
                self.open = true;
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        let lines = std::mem::take(&mut self.data_lines);
        let open = std::mem::take(&mut self.open);
        (open && lines > 0).then_some(event)
    }
}

/// All events of a whole body.
#[must_use]
pub fn events(body: &[u8]) -> Vec<Event> {
    let mut parser = Parser::new();
    let mut events = parser.push(body);
    events.extend(parser.finish());
    events
}

/// Writes one event with its blank line; an empty name is left out.
#[must_use]
pub fn write(name: &str, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + data.len() + 24);
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend(name.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        out.push(b'\n');
    }
    for line in data.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        out.extend_from_slice(b"data: ");
        out.extend(line.iter().map(|byte| if *byte == b'\r' { b' ' } else { *byte }));
        out.push(b'\n');
    }
    out.push(b'\n');
    out
}

/// Whether a body is a stream of events. What it begins with decides, then the content type: some
/// servers send errors as plain JSON under the type of a stream, and streams under that of text.
#[must_use]
pub fn is_stream(content_type: &str, body: &[u8]) -> bool {
    let body = unmarked(body).trim_ascii_start();
    let begins = |fields: &[&[u8]]| fields.iter().any(|field| body.starts_with(field));
    let typed = content_type.trim_ascii_start().to_ascii_lowercase().starts_with("text/event-stream");
    match body.first() {
        Some(b'{' | b'[') => false,
        Some(b':') => true,
        _ if begins(&[b"data:", b"event:", b"id:", b"retry:"]) => true,
        _ => typed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(body: &str, expected: &[(&str, &str)]) {
        let found = events(body.as_bytes());
        let found: Vec<(&str, &str)> =
            found.iter().map(|event| (event.name.as_str(), std::str::from_utf8(&event.data).expect("text"))).collect();
        assert_eq!(found, expected, "{body:?}");
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        check("data: a\n\ndata:b\n\n", &[("", "a"), ("", "b")]);
        check("event: x\r\ndata: a\r\ndata:  b\r\n\r\n", &[("x", "a\n b")]);
        check("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]);
        check(": comment\n\n:\n\nevent: lonely\n\ndata\n\n", &[("", "")]);
        check("\u{feff}data: a\nfoo: bar\nretry: 3\n\n", &[("", "a")]);
        check("data: [DONE]", &[("", "[DONE]")]);
        check("data: a\nevent: x", &[("x", "a")]);
        check("", &[]);
        let found = events(b"id: 7\ndata: a\n\n");
        assert_eq!(found[0].id.as_deref(), Some("7"));
    }

    #[test]
    fn what_begins_like_a_stream_is_one() {
        for (content_type, body, expected) in [
            ("text/event-stream; charset=utf-8", "data: {}\n\n", true),
            ("text/event-stream", "{\"error\": {}}", false),
            ("text/plain", "\n: ping\n\n", true),
            ("", "event: x\ndata: 1\n\n", true),
            ("application/json", "{}", false),
            ("text/event-stream", "", true),
            ("application/json", "", false),
        ] {
            assert_eq!(is_stream(content_type, body.as_bytes()), expected, "{content_type} {body}");
        }
    }

    #[test]
    fn cuts_do_not_matter() {
        let text = "(data|event|id|:)?:? ?[a-c\n\r: ]{0,6}(\n|\r\n|\r)";
        proptest!(|(lines in prop::collection::vec(text, 0..12), cuts in prop::collection::vec(any::<u8>(), 0..9))| {
            let body = lines.concat().into_bytes();
            let mut parser = Parser::new();
            let mut found = Vec::new();
            let mut rest = &body[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(rest.len().min(cut as usize % 8));
                found.extend(parser.push(piece));
                rest = after;
            }
            found.extend(parser.push(rest));
            found.extend(parser.finish());
            prop_assert_eq!(found, events(&body));
        });
    }

    #[test]
    fn what_is_written_is_read() {
        proptest!(|(name in "[a-z.]{0,5}", data in "[^\r]{0,30}")| {
            let found = events(&write(&name, data.as_bytes()));
            prop_assert_eq!(found, vec![Event { name, data: data.into_bytes(), id: None }]);
        });
    }
}
