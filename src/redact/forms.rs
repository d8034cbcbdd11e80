//! The form that a text has: JSON, a stream of JSON, a query, something binary, or just text.

use std::ops::Range;

use memchr::memmem;

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
    /// `multipart/form-data`: parts with names.
    Parts,
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
            "multipart/form-data" => Self::Parts,
            "application/vnd.amazon.eventstream" | "application/zip" => Self::Binary,
            _ if binary.iter().any(|start| name.starts_with(start)) && !name.ends_with("xml") => Self::Binary,
            _ => match unmarked(text).trim_ascii_start() {
                [b'{' | b'[' | b'"', ..] => Self::Json,
                [b'-', b'-', ..] if !parts(text).is_empty() => Self::Parts,
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
        Form::Query | Form::Parts | Form::Binary | Form::Text => Vec::new(),
    }
}

/// The fields of a multipart form that are no files: name, and where the value stands.
pub(super) fn parts(text: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let first = memchr::memchr2(b'\n', b'\r', text).unwrap_or(0);
    let border = &text[..first];
    // RFC 2046 allows 70 characters and two dashes before them.
    if !border.starts_with(b"--") || border.len() < 3 || border.len() > 72 {
        return Vec::new();
    }
    let starts: Vec<usize> = memmem::find_iter(text, border).collect();
    let mut found = Vec::new();
    for (place, start) in starts.iter().enumerate() {
        let end = starts.get(place + 1).copied().unwrap_or(text.len());
        let head_at = start + border.len();
        let blank =
            |mark: &[u8]| memmem::find(&text[head_at..end], mark).map(|at| (head_at + at, head_at + at + mark.len()));
        let Some((head_end, value)) = [blank(b"\r\n\r\n"), blank(b"\n\n")].into_iter().flatten().min() else {
            continue;
        };
        let head = head_at..head_end;
        let lower = text[head.clone()].to_ascii_lowercase();
        if memmem::find(&lower, b"content-disposition").is_none() || memmem::find(&lower, b"filename").is_some() {
            continue;
        }
        let Some(at) = memmem::find(&lower, b" name=").or_else(|| memmem::find(&lower, b";name=")) else { continue };
        let name = head.start + at + 6;
        let quoted = usize::from(text.get(name) == Some(&b'"'));
        let length = text[name + quoted..head.end]
            .iter()
            .take_while(|byte| if quoted == 1 { **byte != b'"' } else { !matches!(byte, b';' | b'\r' | b'\n' | b' ') })
            .count();
        let body = &text[value..end];
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        found.push((name + quoted..name + quoted + length, value..value + body.len()));
    }
    found
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
        check("multipart/form-data; boundary=x", "--x", Form::Parts);
        check("", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n", Form::Parts);
        check("", "--- a\n+++ b\n\nc", Form::Text);
    }

    #[test]
    fn fields_of_a_form_are_found() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found = parts(text.as_bytes());
            let found: Vec<_> = found.into_iter().map(|(name, value)| (&text[name], &text[value])).collect();
            assert_eq!(found, expected, "{text}");
        };
        let part = |head: &str, value: &str, line: &str| {
            format!("--x{line}Content-Disposition: form-data; {head}{line}{line}{value}{line}")
        };
        for line in ["\r\n", "\n"] {
            let text = part("name=\"a\"", "one", line) + &part("name=b", "", line) + &format!("--x--{line}");
            check(&text, &[("a", "one"), ("b", "")]);
            let file = part("name=\"f\"; filename=\"a.txt\"", "one", line) + "--x--";
            check(&file, &[]);
            check(&part("name=\"a\"", "cut off", line), &[("a", "cut off")]);
        }
        check("--x", &[]);
        check("--\r\n\r\n", &[]);
        check("", &[]);
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
