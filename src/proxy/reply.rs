//! Answers that the listener makes itself: errors and announced nodes.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

use crate::text::json::quote;

/// The body of every answer: pieces, or the error that breaks the connection off.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The text of an error in the shape that most providers give theirs.
pub(crate) fn error_text(kind: &str, message: &str) -> Bytes {
    let message = quote(&format!("retake: {message}"));
    Bytes::from(format!("{{\"error\":{{\"message\":{message},\"type\":{}}}}}", quote(kind)))
}

/// An error answer.
pub(crate) fn error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    json(status, error_text(kind, message))
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, text: Bytes) -> Response<Body> {
    with(status, json_headers(text.len()), whole(text))
}

/// Headers of a JSON answer.
pub(crate) fn json_headers(length: usize) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers
}

/// An answer of these parts.
pub(crate) fn with(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A body that is there already.
pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
