//! Header lists: hop-by-hop ones taken out, order kept.

use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};

use crate::model::event::Headers;

/// Headers that are about one connection only: RFC 9110, section 7.6.1.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The headers that go on to the other side, in their order.
pub(crate) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    select(headers, |name| !HOP_BY_HOP.contains(&name.as_str()) && !named.iter().any(|other| other == name.as_str()))
}

/// Those headers whose names pass, in their order.
pub(crate) fn select(headers: &HeaderMap, pass: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if pass(name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

/// The agent's headers as the upstream gets them: its host, no `expect` (the body is there already).
pub(crate) fn towards(headers: &HeaderMap, host: &str) -> HeaderMap {
    let mut kept = select(&end_to_end(headers), |name| name != EXPECT);
    if let Ok(host) = HeaderValue::from_str(host) {
        kept.insert(HOST, host);
    }
    kept
}

/// Headers for a body that is not the agent's: no coding, its own length.
pub(crate) fn for_body(headers: &HeaderMap, length: usize) -> HeaderMap {
    let mut kept = select(headers, |name| name != CONTENT_ENCODING);
    kept.insert(CONTENT_LENGTH, HeaderValue::from(length));
    kept
}

/// Headers as they are recorded.
pub(crate) fn list(headers: &HeaderMap) -> Headers {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// Recorded headers as they are sent; what HTTP does not allow is left out.
pub(crate) fn map(headers: &Headers) -> HeaderMap {
    let mut made = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            made.append(name, value);
        }
    }
    made
}

/// The value of a header as text; empty if it has none.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether one of the words of a comma-separated header is this one.
pub(crate) fn has_word(headers: &HeaderMap, name: &str, word: &str) -> bool {
    let all = headers.get_all(name);
    let mut values = all.iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        map(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn order_is_kept_and_hop_by_hop_headers_go() {
        let given = headers(&[
            ("host", "127.0.0.1:1"),
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("accept", "*/*"),
            ("te", "trailers"),
            ("content-length", "3"),
            ("expect", "100-continue"),
            ("accept-encoding", "gzip"),
        ]);
        let names = |headers: &HeaderMap| list(headers).into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ");
        assert_eq!(names(&end_to_end(&given)), "host accept content-length expect accept-encoding");
        let sent = towards(&given, "api.example");
        assert_eq!(names(&sent), "host accept content-length accept-encoding");
        assert_eq!(text(&sent, "host"), "api.example");
        assert_eq!(text(&for_body(&sent, 12), "content-length"), "12");
    }
}
