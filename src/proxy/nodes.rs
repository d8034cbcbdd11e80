//! Announced nodes: what happens inside the agent's process, told over the loopback.
//!
//! `RETAKE_URL` is `http://127.0.0.1:PORT/<token>/retake`. Bodies are JSON in UTF-8; members that are
//! not named here are ignored, optional ones may be `null`.
//!
//! **Begin**: `POST $RETAKE_URL/nodes`
//!
//! ```json
//! {"kind": "retrieval", "name": "search", "input": {"query": "Lyon"}, "parent": "3", "call_id": "call_1"}
//! ```
//!
//! `kind` and `name` are required strings; `kind` is one of `retrieval`, `rerank`, `tool`, `agent`,
//! `step`, `guardrail`, `evaluator`, `memory`, `human`, or a word of one's own. `input` is any JSON.
//! `parent` is the id of an announced node that has not ended yet or has. `call_id` is the id of the
//! model's tool call that this answers. The answer is 200 and one of
//!
//! ```json
//! {"id":"17","run":true}
//! {"id":"17","run":false,"output":{"n":3},"documents":null,"error":null}
//! ```
//!
//! With `"run":true` the agent does the work and tells its end. With `"run":false`, in a replay, it
//! does not: it takes `output`, `documents` or `error` as the result, and tells nothing more.
//!
//! **End**: `POST $RETAKE_URL/nodes/17/end`
//!
//! ```json
//! {"output": {"n": 3}, "documents": [{"id": "a", "text": "…", "score": 0.9, "metadata": {}}], "error": "timed out"}
//! ```
//!
//! All three are optional; `output` is any JSON, `documents` a list, `error` a string. The answer is
//! 200 `{}`; a second end of one node is answered the same and ignored.
//!
//! Anything else: 400 (not JSON, a member of the wrong type), 404 (no such node or address), 405 (not
//! a POST), each with `{"error":{"message":"retake: …","type":"…"}}`.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::listener::Shared;
use super::reply::{self, Body};
use super::{Given, coding, header};
use crate::model::Micros;
use crate::model::event::{Begin, Event, Finish, Seq};
use crate::text::json::{Json, Kind, Ref, quote};

/// Announced nodes, and whether they have ended.
#[derive(Default)]
pub(crate) struct Announced {
    ended: HashMap<Seq, bool>,
}

type Refused = Box<Response<Body>>;

/// Answers a request whose path behind the prefix is `rest`.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    at: Micros,
    rest: String,
    request: Request<Incoming>,
) -> Response<Body> {
    let end = rest.strip_prefix("/nodes/").and_then(|rest| rest.strip_suffix("/end"));
    if rest != "/nodes" && end.is_none() {
        let message = "announce a node with `POST …/retake/nodes`, and its end with `POST …/retake/nodes/ID/end`";
        return reply::error(StatusCode::NOT_FOUND, "unknown_address", message);
    }
    if request.method() != Method::POST {
        return reply::error(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "nodes are announced with POST");
    }
    // The number is drawn before the body is read, like that of a call.
    let seq = match end {
        Some(id) => match known(&shared, id) {
            Ok(seq) => seq,
            Err(refused) => return *refused,
        },
        None => shared.draw(),
    };
    let encoding = header::text(request.headers(), "content-encoding").to_owned();
    let Ok(body) = request.into_body().collect().await else {
        return reply::error(StatusCode::BAD_REQUEST, "unreadable_request", "the body broke off");
    };
    let (body, _) = coding::decode(Some(&encoding), &body.to_bytes());
    let answered = match object(body) {
        Ok(body) if end.is_some() => finish(&shared, at, seq, &body).await,
        Ok(body) => begin(&shared, at, seq, &body).await,
        Err(refused) => Err(refused),
    };
    answered.unwrap_or_else(|refused| *refused)
}

async fn begin(shared: &Arc<Shared>, at: Micros, seq: Seq, body: &Json) -> Result<Response<Body>, Refused> {
    let body = body.root();
    let parent = match member(body, "parent") {
        Some(value) if value.kind() == Kind::Number => Some(known(shared, &value.raw_str())?),
        Some(value) => Some(known(shared, &string(value, "parent")?)?),
        None => None,
    };
    let begin = Begin {
        seq,
        at,
        kind: required(body, "kind")?,
        name: required(body, "name")?,
        input: raw(member(body, "input")),
        parent,
        call_id: member(body, "call_id").map(|value| string(value, "call_id")).transpose()?,
        decided: None,
    };
    shared.announced().ended.insert(seq, false);
    shared.saw(Event::Begin(begin.clone()));
    let given = shared.answer.begin(&begin).await;
    let text = match given {
        None => format!("{{\"id\":\"{seq}\",\"run\":true}}").into(),
        Some(given) => {
            let text = given_text(seq, &given);
            shared.announced().ended.insert(seq, true);
            let Given { output, documents, error } = given;
            shared.saw(Event::Finish(Finish { seq, at: shared.now(), output, documents, error }));
            shared.settled().await;
            text
        }
    };
    Ok(reply::json(StatusCode::OK, text))
}

async fn finish(shared: &Arc<Shared>, at: Micros, seq: Seq, body: &Json) -> Result<Response<Body>, Refused> {
    let body = body.root();
    let documents = member(body, "documents");
    if documents.is_some_and(|documents| documents.kind() != Kind::Array) {
        return Err(wrong("`documents` is not a list"));
    }
    let error = member(body, "error").map(|value| string(value, "error")).transpose()?;
    let first = shared.announced().ended.insert(seq, true) == Some(false);
    if first {
        let output = raw(member(body, "output"));
        shared.saw(Event::Finish(Finish { seq, at, output, documents: raw(documents), error }));
        shared.settled().await;
    }
    Ok(reply::json(StatusCode::OK, Bytes::from_static(b"{}")))
}

fn given_text(seq: Seq, given: &Given) -> Bytes {
    let error = given.error.as_deref().map_or_else(|| "null".to_owned(), quote);
    let begin = format!("{{\"id\":\"{seq}\",\"run\":false,\"output\":");
    let documents = b",\"documents\":".as_slice();
    let parts = [
        begin.as_bytes(),
        or_null(&given.output),
        documents,
        or_null(&given.documents),
        b",\"error\":",
        error.as_bytes(),
        b"}",
    ];
    parts.concat().into()
}

fn or_null(json: &Bytes) -> &[u8] {
    if json.is_empty() { b"null" } else { json }
}

fn known(shared: &Shared, id: &str) -> Result<Seq, Refused> {
    let seq = id.parse().ok().filter(|seq| shared.announced().ended.contains_key(seq));
    seq.ok_or_else(|| {
        let message = format!("no node `{id}` was announced here");
        Box::new(reply::error(StatusCode::NOT_FOUND, "unknown_node", &message))
    })
}

fn object(body: Bytes) -> Result<Json, Refused> {
    let body = Json::parse(body).map_err(|error| wrong(&format!("the body is {error}")))?;
    if body.root().kind() == Kind::Object { Ok(body) } else { Err(wrong("the body is not an object")) }
}

fn member<'a>(body: Ref<'a>, name: &str) -> Option<Ref<'a>> {
    body.get(name).filter(|value| !value.is_null())
}

fn required(body: Ref<'_>, name: &str) -> Result<String, Refused> {
    let value = member(body, name).ok_or_else(|| wrong(&format!("`{name}` is missing")))?;
    string(value, name)
}

fn string(value: Ref<'_>, name: &str) -> Result<String, Refused> {
    value.as_str().map(std::borrow::Cow::into_owned).ok_or_else(|| wrong(&format!("`{name}` is not a string")))
}

fn raw(value: Option<Ref<'_>>) -> Bytes {
    value.map_or_else(|| Bytes::from_static(b"null"), |value| Bytes::copy_from_slice(value.raw()))
}

#[expect(clippy::unnecessary_box_returns, reason = "it is the error of results, which are to be small")]
fn wrong(message: &str) -> Refused {
    Box::new(reply::error(StatusCode::BAD_REQUEST, "wrong_request", message))
}
