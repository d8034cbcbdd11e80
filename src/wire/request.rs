//! A request taken apart: which dialect it speaks, its JSON, and its canonical form.

use bytes::Bytes;

use super::canonical::{self, Canonical, Resolve};
use super::{Dialect, keys, recognise};
use crate::model::Kind;
use crate::model::event::{Headers, Request};
use crate::text::json::Json;

/// A request that was taken apart.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The dialect, where it is a known call with a JSON body.
    pub dialect: Option<&'static Dialect>,
    /// The canonical form.
    pub canonical: Canonical,
    /// Whether the body is JSON: then it is `canonical.body()`.
    pub is_json: bool,
}

impl Parsed {
    /// The body, where it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<&Json> {
        self.is_json.then(|| self.canonical.body())
    }
}

/// Takes a request apart; what it does not know counts as its bytes.
#[must_use]
pub fn parse(request: &Request, resolve: Resolve<'_>) -> Parsed {
    let json = if request.body.is_empty() { None } else { Json::parse(request.body.clone()).ok() };
    let dialect = json.as_ref().and_then(|_| recognise(&request.provider, &request.method, &request.path));
    let is_json = json.is_some();
    let canonical = match (json, dialect) {
        (Some(json), Some(dialect)) => {
            let named = json.root().get("model").is_some();
            let operation =
                if named { dialect.name().to_owned() } else { format!("{} {}", dialect.name(), request.path) };
            canonical::json(&operation, dialect.rules(), json, resolve)
        }
        (Some(json), None) => canonical::json(&operation(request), &keys::PLAIN, json, resolve),
        (None, _) => {
            let parts = boundary(&request.headers)
                .and_then(|boundary| multipart(&request.body, &boundary))
                .unwrap_or_else(|| vec![(String::new(), request.body.clone())]);
            canonical::parts(&operation(request), &parts)
        }
    };
    Parsed { dialect, canonical, is_json }
}

/// The kind of a call that no dialect knows, by its path.
#[must_use]
pub fn other_kind(path: &str) -> Kind {
    let named = |names: &[&str]| path.split('/').any(|part| names.contains(&part));
    if named(&["fine_tuning", "fine-tunes", "batches", "jobs"]) {
        Kind::Job
    } else if named(&["rerank"]) {
        Kind::Rerank
    } else {
        Kind::Http
    }
}

fn operation(request: &Request) -> String {
    if request.query.is_empty() {
        format!("{} {} {}", request.provider, request.method, request.path)
    } else {
        format!("{} {} {}?{}", request.provider, request.method, request.path, request.query)
    }
}

/// The boundary of a multipart body, from its content type (RFC 2046).
fn boundary(headers: &Headers) -> Option<String> {
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
    if !value.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let value = value.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (!value.is_empty()).then_some(value)
}

/// Takes a multipart body apart: the headers of each part and its content; `None` if it is none.
fn multipart(body: &Bytes, boundary: &str) -> Option<Vec<(String, Bytes)>> {
    let mark = format!("--{boundary}");
    let finder = memchr::memmem::Finder::new(mark.as_bytes());
    let mut starts: Vec<usize> = finder.find_iter(body).filter(|at| *at == 0 || body[..*at].ends_with(b"\n")).collect();
    let end = starts.pop()?;
    if !body[end + mark.len()..].starts_with(b"--") {
        return None;
    }
    let mut parts = Vec::with_capacity(starts.len());
    for (place, start) in starts.iter().enumerate() {
        let from = line_end(body, start + mark.len())?;
        let to = starts.get(place + 1).copied().unwrap_or(end);
        let part = body.slice(from..to);
        let part = part.slice(..part.len() - trailing_newline(&part));
        let blank = memchr::memmem::find(&part, b"\r\n\r\n").map(|at| (at, 4));
        let (head, skip) = blank.or_else(|| memchr::memmem::find(&part, b"\n\n").map(|at| (at, 2))).unwrap_or((0, 0));
        parts.push((part_headers(&part[..head]), part.slice(head + skip..)));
    }
    Some(parts)
}

/// A part's headers in one spelling: names in lower case, sorted.
fn part_headers(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let mut lines: Vec<String> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| format!("{}: {}", name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    lines.sort();
    lines.join("\n")
}

fn line_end(body: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', body.get(from..)?).map(|at| from + at + 1)
}

fn trailing_newline(part: &[u8]) -> usize {
    if part.ends_with(b"\r\n") { 2 } else { usize::from(part.ends_with(b"\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(boundary: &str, name: &str, content: &str) -> Request {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n\
             {content}\r\n--{boundary}--\r\n"
        );
        Request {
            seq: 1,
            at: crate::model::Micros(0),
            provider: "openai".into(),
            upstream: String::new(),
            method: "POST".into(),
            path: "/v1/files".into(),
            query: String::new(),
            headers: vec![("content-type".into(), format!("multipart/form-data; boundary={boundary}"))],
            body: Bytes::from(body),
            coding: String::new(),
        }
    }

    #[test]
    fn the_boundary_of_an_upload_does_not_count_and_its_content_does() {
        let key = |request: &Request| parse(request, &|_| None).canonical.key;
        let first = key(&upload("aaaa", "x.txt", "--bbbb\r\ntext"));
        assert_eq!(first, key(&upload("bbbbb", "x.txt", "--bbbb\r\ntext")));
        assert_ne!(first, key(&upload("aaaa", "y.txt", "--bbbb\r\ntext")));
        assert_ne!(first, key(&upload("aaaa", "x.txt", "--bbbb\r\nother")));
    }

    #[test]
    fn any_bytes_can_be_taken_apart() {
        use proptest::prelude::*;
        proptest!(|(body in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200)| {
            let mut request = upload("b", "x", "y");
            let cut = cut.min(request.body.len());
            request.body = request.body.slice(..cut);
            let _ = parse(&request, &|_| None);
            request.body = Bytes::from(body);
            let _ = parse(&request, &|_| None);
        });
    }
}
