//! A recording as text that git can diff and merge: one JSON object a line, in the order of what happened.
//!
//! | line | holds |
//! | --- | --- |
//! | `{"retake":1,…}` | how the run began; the first line |
//! | `{"part":ID,"is":…}` | a message, a tool definition or another part of requests, said once; `ID` is a hash of it |
//! | `{"request":N,…}` | a request; in its body `{"$":ID}` stands for a part, `{"$":[N,K]}` for the first `K` elements of that list in request `N` |
//! | `{"answer":N,…}` | its answer: `body`, or `pieces` of a stream |
//! | `{"frame":N,…}` | a message on an upgraded connection |
//! | `{"begin":N,…}`, `{"finish":N,…}` | a node that the agent announced |
//! | `{"stdin":…}`, `{"stdout":…}`, `{"stderr":…}` | the agent's streams, as a list of lines |
//! | `{"exit":CODE}` | how the agent ended; the last line |
//!
//! `ms` is the time since the line before, in milliseconds. A body is JSON without the white space between its values
//! (`body`), which `spaces` puts back where there was some: what stood `before` and `after` the body, and in it after each
//! `open`ing bracket, `comma` and `colon` and before each colon (`key`) and `close`, a line feed being followed by the `unit` of
//! indentation for each level, `but` at the `[PLACE,SPACE]` of some tokens, numbered from 1. Else it is other text
//! (`text`) or bytes (`base64`). A piece of a stream is its text, or `[HEAD,TEXT,TAIL]`: that many
//! bytes of the piece before, a text, and that many last bytes of the piece before.
//!
//! Not kept: which headers only say how the bytes travelled, when the pieces of a stream arrived, the pauses below a
//! millisecond, what a replay decided, addresses of providers that were not called, and names of variables that hold no keys. A request that a replay sent changed
//! stands as it was sent.

mod body;
mod read;
mod spacing;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Error, read};
pub use write::write;

/// Version of the format.
const VERSION: u64 = 1;

/// Request headers that are kept: what the body is, and switches of features.
const REQUEST_HEADERS: &[&str] =
    &["accept", "anthropic-beta", "anthropic-version", "content-type", "openai-beta", "x-stainless-helper-method"];

/// Answer headers that are not kept: they differ from call to call and mean nothing to a client.
const TRANSPORT_HEADERS: &[&str] = &[
    "age",
    "alt-svc",
    "cf-cache-status",
    "cf-ray",
    "connection",
    "content-length",
    "date",
    "expires",
    "keep-alive",
    "nel",
    "report-to",
    "server",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
];

/// Whether an answer's header is kept.
fn is_kept(name: &str) -> bool {
    let varies = name.contains("ratelimit")
        || name.contains("request-id")
        || name.ends_with("processing-ms")
        || name.starts_with("x-envoy")
        || name.starts_with("access-control");
    !varies && !TRANSPORT_HEADERS.contains(&name)
}
