//! The form that a text has: JSON, a stream of JSON, a query, something binary, or just text.

use std::ops::Range;

use crate::text::json::unmarked;

/// What a body is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON document.
    Json,
    /// Server-sent events.
    Events,
    /// A JSON document a line.
    Lines,
    /// `name=value&name=value`
    Query,
    /// No text.
    Binary,
    /// Any other text.
    Text,
}

impl Form {
    /// The form that a content type names; by its first bytes where the type is missing or says too little.
    pub(super) fn guess(content_type: &str, text: &[u8]) -> Self {
        let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let binary = ["image/", "audio/", "video/", "font/", "application/octet-stream", "application/pdf"];
        match name.as_str() {
            "text/event-stream" => Self::Events,
            "application/x-www-form-urlencoded" => Self::Query,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/json-lines" => {
                Self::Lines
            }
            "application/vnd.amazon.eventstream" | "application/zip" => Self::Binary,
            _ if binary.iter().any(|start| name.starts_with(start)) && !name.ends_with("xml") => Self::Binary,
            _ => match unmarked(text).trim_ascii_start() {
                [b'{' | b'[' | b'"', ..] => Self::Json,
                start if [&b"data:"[..], b"event:", b"id:", b"retry:"].iter().any(|field| start.starts_with(field)) => {
                    Self::Events
                }
                _ => Self::Text,
            },
        }
    }
}

/// Where JSON documents may stand in a text of this form.
pub(super) fn units(form: Form, text: &[u8]) -> Vec<Range<usize>> {
    match form {
        Form::Json => std::iter::once(0..text.len()).collect(),
        Form::Events => lines(text)
            .filter_map(|line| {
                let data = text[line.clone()].strip_prefix(b"data:")?;
                Some(line.end - data.len()..line.end)
            })
            .collect(),
        Form::Lines => lines(text).collect(),
        Form::Query | Form::Binary | Form::Text => Vec::new(),
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        (at < text.len()).then(|| {
            let end = memchr::memchr2(b'\n', b'\r', &text[at..]).map_or(text.len(), |end| at + end);
            let line = at..end;
            at = end + 1;
            line
        })
    })
    .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_first_bytes_decide() {
        let check = |content_type, text: &str, expected| {
            assert_eq!(Form::guess(content_type, text.as_bytes()), expected, "{content_type} {text}");
        };
        check("application/json; charset=utf-8", " {", Form::Json);
        check("application/problem+json", "[", Form::Json);
        check("text/event-stream;charset=utf-8", "", Form::Events);
        check("", "event: x", Form::Events);
        check("text/plain", "hello", Form::Text);
        check("text/plain", "\u{feff}{", Form::Json);
        check("", "\u{feff}data: x", Form::Events);
        check("image/png", "{", Form::Binary);
        check("image/svg+xml", "<svg", Form::Text);
        check("multipart/form-data; boundary=x", "--x", Form::Text);
    }

    #[test]
    fn documents_are_where_they_stand() {
        let text = b"event: a\r\ndata: {\"b\":1}\r\n\r\ndata:{}\n\n: c\ndata: [DONE]\n\n";
        let found: Vec<_> =
            units(Form::Events, text).into_iter().map(|unit| String::from_utf8_lossy(&text[unit])).collect();
        assert_eq!(found, [" {\"b\":1}", "{}", " [DONE]"]);
        assert_eq!(units(Form::Lines, b"{}\n\n{}"), [0..2, 4..6]);
    }
}
