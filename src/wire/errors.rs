//! Errors of providers: reading what they say, and refusing a call in their shape.

use super::build::{Object, Value};
use super::dialect::recognise;
use crate::model::event::Headers;
use crate::text::json::{Json, Kind, Ref};

/// Status, headers and body of an answer that refuses a call.
pub type Refusal = (u16, Headers, Vec<u8>);

/// Longest error message that is taken from a body that is no JSON, in characters.
const LONGEST: usize = 300;

/// Refuses a call, in the shape of the provider whose call it is.
///
/// Statuses: 403 for Anthropic's messages, 400 elsewhere; no client that is known tries again on
/// these, and `x-should-retry` says so to the SDKs that read it.
#[must_use]
pub fn refusal(provider: &str, path: &str, message: &str) -> Refusal {
    let dialect = recognise(provider, "POST", path).map_or(provider, |dialect| dialect.name());
    shaped(dialect, message)
}

/// Refuses a call in the shape of a dialect or provider.
pub(super) fn shaped(dialect: &str, message: &str) -> Refusal {
    let kind = || Value::text("retake_refused");
    let message = Value::text(message);
    let (status, body) = if dialect.starts_with("anthropic") {
        let error = Object::new().with("type", kind()).with("message", message);
        (403, Object::new().with("type", Value::text("error")).with("error", Value::Object(error)))
    } else if dialect.starts_with("mistral") {
        let body = Object::new().with("object", Value::text("error")).with("message", message).with("type", kind());
        (400, body.with("param", Value::null()).with("code", kind()))
    } else {
        let error = Object::new().with("message", message).with("type", kind());
        let error = error.with("param", Value::null()).with("code", kind());
        (400, Object::new().with("error", Value::Object(error)))
    };
    let headers = [("content-type", "application/json"), ("x-should-retry", "false")];
    (status, headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(), body.write())
}

/// What a provider says is wrong: the message of its error, also inside a 200. `None` where nothing
/// is wrong; at a status of 400 or above there is always something to say.
#[must_use]
pub fn error_message(status: u16, body: &[u8]) -> Option<String> {
    let bad = status >= 400;
    let found = match Json::parse(body.to_vec()) {
        Ok(json) => error_text(json.root()).or_else(|| if bad { loose_text(json.root()) } else { None }),
        Err(_) if bad => {
            let text = String::from_utf8_lossy(body);
            let text = text.trim();
            let readable = !text.is_empty() && !text.starts_with('<');
            readable.then(|| text.chars().take(LONGEST).collect())
        }
        Err(_) => None,
    };
    found.or_else(|| bad.then(|| format!("HTTP {status}")))
}

/// The message under `error`.
pub(super) fn error_text(root: Ref<'_>) -> Option<String> {
    let error = root.get("error")?;
    match error.kind() {
        Kind::String => error.as_str().filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned),
        Kind::Object if !error.is_empty() => {
            let message = error.text("message").or_else(|| error.text("msg"));
            // A gateway's own message says little; what it got stands beside it.
            let raw = error.get("metadata").and_then(|metadata| metadata.text("raw"));
            Some(match (message, raw) {
                (Some(message), Some(raw)) => format!("{message}: {raw}"),
                (Some(message), None) => message,
                _ => error.raw_str().into_owned(),
            })
        }
        _ => None,
    }
}

/// The message of an error body that has no `error`.
pub(super) fn loose_text(root: Ref<'_>) -> Option<String> {
    let text = |value: Ref<'_>| match value.kind() {
        Kind::String => value.as_str().filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned),
        Kind::Null => None,
        _ => Some(value.raw_str().into_owned()),
    };
    if let Some(first) = root.at(0) {
        // Google wraps its errors in a list.
        return error_text(first);
    }
    ["message", "detail", "msg", "errors"].iter().find_map(|key| root.get(key).and_then(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: Option<&str>) {
        assert_eq!(error_message(status, body.as_bytes()).as_deref(), expected, "{status} {body}");
    }

    #[test]
    fn messages_are_found_where_servers_keep_them() {
        check(400, r#"{"error":{"message":"bad","type":"t"}}"#, Some("bad"));
        check(404, r#"{"type":"error","error":{"type":"not_found_error","message":"no"}}"#, Some("no"));
        check(422, r#"{"object":"error","message":"m","type":"t"}"#, Some("m"));
        check(422, r#"{"detail":[{"msg":"x"}]}"#, Some(r#"[{"msg":"x"}]"#));
        check(
            429,
            r#"{"error":{"message":"Provider returned error","metadata":{"raw":"slow"}}}"#,
            Some("Provider returned error: slow"),
        );
        check(400, r#"[{"error":{"message":"g"}}]"#, Some("g"));
        check(500, r#"{"error":"plain"}"#, Some("plain"));
        check(502, "<html>bad gateway</html>", Some("HTTP 502"));
        check(503, "try later\n", Some("try later"));
        check(500, "", Some("HTTP 500"));
        check(400, "{}", Some("HTTP 400"));
        check(200, r#"{"error":null,"message":"m"}"#, None);
        check(200, r#"{"error":{"message":"inside"}}"#, Some("inside"));
        check(200, "text", None);
    }

    #[test]
    fn refusals_have_the_shape_of_their_provider() {
        let body = |provider: &str, path: &str| {
            let (status, headers, body) = refusal(provider, path, "no \"x\"");
            assert_eq!(headers[1], ("x-should-retry".to_owned(), "false".to_owned()));
            format!("{status} {}", String::from_utf8_lossy(&body))
        };
        insta::assert_snapshot!(body("anthropic", "/v1/messages"), @r#"403 {"type":"error","error":{"type":"retake_refused","message":"no \"x\""}}"#);
        insta::assert_snapshot!(body("anthropic", "/v1/chat/completions"), @r#"400 {"error":{"message":"no \"x\"","type":"retake_refused","param":null,"code":"retake_refused"}}"#);
        insta::assert_snapshot!(body("openai", "/v1/models"), @r#"400 {"error":{"message":"no \"x\"","type":"retake_refused","param":null,"code":"retake_refused"}}"#);
        insta::assert_snapshot!(body("mistral", "/v1/ocr"), @r#"400 {"object":"error","message":"no \"x\"","type":"retake_refused","param":null,"code":"retake_refused"}"#);
    }
}
