//! A call on its way to the upstream and its answer on the way back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::exchange::Exchange;
use super::listener::{MOST_HEADERS, Shared};
use super::reply::{self, Body};
use super::route::{Upstream, is_foreign, owner};
use super::tee::Tee;
use super::{Call, Verdict, back, coding, header, serve, upgrade};
use crate::model::Micros;
use crate::model::event::{self, Ending, Event, Note, Seq};

/// How long a connection to an upstream is kept without use.
const IDLE: Duration = Duration::from_secs(30);

/// The head of a request: when it came, its number, and where it goes.
pub(crate) struct Arrival {
    pub(crate) seq: Seq,
    pub(crate) at: Micros,
    pub(crate) upstream: Upstream,
    /// Path behind the prefix.
    pub(crate) rest: String,
}

/// Clients for upstreams: on this machine directly, elsewhere through the user's proxy.
pub(crate) struct Clients {
    authorities: Vec<PathBuf>,
    local: OnceLock<Result<reqwest::Client, String>>,
    remote: OnceLock<Result<reqwest::Client, String>>,
}

impl Clients {
    pub(crate) fn new(authorities: Vec<PathBuf>) -> Self {
        Self { authorities, local: OnceLock::new(), remote: OnceLock::new() }
    }

    /// The client for upstreams on this machine or elsewhere. The first time it reads the system's
    /// certificate authorities, which takes some 30 ms.
    pub(crate) fn get(&self, local: bool) -> &Result<reqwest::Client, String> {
        let made = if local { &self.local } else { &self.remote };
        made.get_or_init(|| client(local, &self.authorities))
    }
}

fn client(local: bool, authorities: &[PathBuf]) -> Result<reqwest::Client, String> {
    // An error says that one is installed already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = || {
        let builder = reqwest::Client::builder()
            .http1_only()
            .http1_title_case_headers()
            .http1_max_headers(MOST_HEADERS)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE);
        if local { builder.no_proxy() } else { builder }
    };
    let certificates: Vec<_> = authorities.iter().flat_map(|file| certificates(file)).collect();
    let with_extra = builder().tls_certs_merge(certificates.clone()).build();
    // A certificate that cannot be read, or a system without any, must not cost the others.
    let made = with_extra.or_else(|_| builder().build()).or_else(|_| builder().tls_certs_only(certificates).build());
    made.map_err(|error| reason(&error))
}

fn certificates(file: &Path) -> Vec<reqwest::Certificate> {
    let pem = std::fs::read(file).unwrap_or_default();
    reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default()
}

/// The innermost cause of an error: what went wrong, without what was being done.
pub(crate) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Takes the request whole, asks what is to be done, and does it.
pub(crate) async fn handle(shared: Arc<Shared>, arrival: Arrival, mut request: Request<Incoming>) -> Response<Body> {
    let upgraded = upgrade::wanted(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    if is_foreign(&arrival.rest) {
        // Clients leave these out where a redirect leads to another origin.
        parts.headers.remove(AUTHORIZATION);
        parts.headers.remove(COOKIE);
    }
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return reply::error(
                StatusCode::BAD_REQUEST,
                "unreadable_request",
                &format!("the body broke off: {}", reason(&error)),
            );
        }
    };
    let (upstream, path) = match destination(&shared, &arrival, &parts) {
        Ok(destination) => destination,
        Err(refused) => return *refused,
    };
    let call = told(&shared, &arrival, &upstream, &path, &parts, &body);
    let exchange = Exchange::new(Arc::clone(&shared), arrival.seq, &upstream.name, &call.path);
    let (edited, elsewhere) = match shared.answer.answer(&call).await {
        Verdict::Serve(served) => return serve::handle(served, &upstream, &parts.method, exchange).await,
        Verdict::Forward { body, path } => (body, path),
    };
    let path = match (elsewhere, path.strip_suffix(call.path.as_str())) {
        (Some(elsewhere), Some(before)) => format!("{before}{elsewhere}"),
        _ => path,
    };
    let outgoing =
        Outgoing { upstream: &upstream, path, call: &call, parts: &parts, body, edited, upgrade: upgraded.is_some() };
    let (response, exchange) = match send(&shared, outgoing, exchange).await {
        Ok(answered) => answered,
        Err(made) => return *made,
    };
    match upgraded {
        Some(agent) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            upgrade::switch(response, agent, exchange).await
        }
        _ => pass_back(response, &upstream, &parts.method, exchange).await,
    }
}

/// Where the request goes: its prefix's upstream, unless it carries a key of another provider.
fn destination(
    shared: &Shared,
    arrival: &Arrival,
    parts: &request::Parts,
) -> Result<(Upstream, String), Box<Response<Body>>> {
    let named = &arrival.upstream;
    let path = named.path_of(&arrival.rest);
    let query = parts.uri.query().unwrap_or_default();
    let Some(owner) = owner(&shared.keys, &named.name, &parts.headers, query) else {
        return Ok((named.clone(), path));
    };
    let Some(other) = shared.upstream(owner) else {
        let message = format!("the key of this request is `{owner}`'s, and is not sent to {}", named.origin);
        return Err(Box::new(reply::error(StatusCode::FORBIDDEN, "foreign_key", &message)));
    };
    if other.origin == named.origin {
        return Ok((named.clone(), path));
    }
    let text = format!("a call to `{}` carried the key of `{owner}`, so it went to {}", named.name, other.origin);
    shared.saw(Event::Note(Note { at: arrival.at, topic: "warning".to_owned(), text }));
    let tail = path.strip_prefix(named.path.as_str()).unwrap_or(&path);
    Ok((other.clone(), format!("{}{tail}", other.path)))
}

/// Tells that the request arrived, and describes it for the decision.
fn told(
    shared: &Shared,
    arrival: &Arrival,
    upstream: &Upstream,
    path: &str,
    parts: &request::Parts,
    body: &Bytes,
) -> Call {
    let encoding = parts.headers.get("content-encoding").and_then(|value| value.to_str().ok());
    let (decoded, mut coding) = coding::decode(encoding, body);
    if header::has_word(&parts.headers, "transfer-encoding", "chunked") {
        coding.push_str(if coding.is_empty() { "chunked" } else { ", chunked" });
    }
    let (url, path) = upstream.split(path);
    let call = Call {
        seq: arrival.seq,
        at: arrival.at,
        provider: upstream.name.clone(),
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: header::list(&header::towards(&parts.headers, upstream.authority())),
        body: decoded,
    };
    shared.saw(Event::Request(event::Request {
        seq: call.seq,
        at: call.at,
        provider: call.provider.clone(),
        upstream: url,
        method: call.method.clone(),
        path: call.path.clone(),
        query: call.query.clone(),
        headers: call.headers.clone(),
        body: call.body.clone(),
        coding,
    }));
    call
}

struct Outgoing<'a> {
    upstream: &'a Upstream,
    path: String,
    call: &'a Call,
    parts: &'a request::Parts,
    /// The agent's body as it came.
    body: Bytes,
    edited: Option<Bytes>,
    upgrade: bool,
}

/// Sends the call; where no answer comes, the agent gets an error that says so.
async fn send(
    shared: &Shared,
    outgoing: Outgoing<'_>,
    mut exchange: Exchange,
) -> Result<(reqwest::Response, Exchange), Box<Response<Body>>> {
    let upstream = outgoing.upstream;
    let client = shared.clients.get(upstream.is_local()).as_ref().map_err(Clone::clone);
    let sent = match client.and_then(|client| Ok((client, build(&outgoing)?))) {
        Ok((client, request)) => client.execute(request).await.map_err(|error| (error.is_connect(), reason(&error))),
        Err(why) => Err((true, why)),
    };
    let (unreached, why) = match sent {
        Ok(response) => return Ok((response, exchange)),
        Err(failed) => failed,
    };
    let (message, ending) = if unreached {
        (format!("cannot reach `{}`: {why}", upstream.authority()), Ending::Unreachable(why))
    } else {
        (format!("`{}` gave no answer: {why}", upstream.authority()), Ending::Broken(why))
    };
    let text = reply::error_text("upstream_unreachable", &message);
    let headers = reply::json_headers(text.len());
    exchange.head(StatusCode::BAD_GATEWAY.as_u16(), &headers, "");
    exchange.piece(&text);
    exchange.end(ending);
    shared.settled().await;
    Err(Box::new(reply::with(StatusCode::BAD_GATEWAY, headers, reply::whole(text))))
}

fn build(outgoing: &Outgoing<'_>) -> Result<reqwest::Request, String> {
    let Outgoing { upstream, call, parts, .. } = outgoing;
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    let url = reqwest::Url::parse(&format!("{}{}{query}", upstream.origin, outgoing.path))
        .map_err(|error| error.to_string())?;
    let mut request = reqwest::Request::new(parts.method.clone(), url);
    let headers = header::towards(&parts.headers, upstream.authority());
    let mut headers = if let Some(body) = &outgoing.edited { header::for_body(&headers, body.len()) } else { headers };
    if outgoing.upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.extend(parts.headers.get(UPGRADE).map(|value| (UPGRADE, value.clone())));
    }
    *request.headers_mut() = headers;
    *request.body_mut() = match &outgoing.edited {
        Some(body) => Some(body.clone().into()),
        None if parts.headers.contains_key(TRANSFER_ENCODING) => Some(in_chunks(outgoing.body.clone())),
        None if parts.headers.contains_key(CONTENT_LENGTH) => Some(outgoing.body.clone().into()),
        None => None,
    };
    Ok(request)
}

/// A body whose length is not announced, as the agent's was not.
fn in_chunks(body: Bytes) -> reqwest::Body {
    reqwest::Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>(body)]))
}

/// Hands the answer on as it comes.
async fn pass_back(
    response: reqwest::Response,
    upstream: &Upstream,
    method: &Method,
    mut exchange: Exchange,
) -> Response<Body> {
    let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    let mut headers: HeaderMap = header::end_to_end(&parts.headers);
    let chunked = header::has_word(&parts.headers, "transfer-encoding", "chunked");
    exchange.head(parts.status.as_u16(), &headers, if chunked { "chunked" } else { "" });
    back::lead_back(exchange.shared(), upstream, parts.status.as_u16(), &mut headers);
    let bodiless = *method == Method::HEAD || matches!(parts.status.as_u16(), 204 | 304);
    if bodiless || body.is_end_stream() {
        exchange.end(Ending::Complete);
        exchange.shared().settled().await;
        return reply::with(parts.status, headers, reply::whole(Bytes::new()));
    }
    reply::with(parts.status, headers, Tee::new(body, exchange).boxed_unsync())
}
