//! Upgraded connections (`WebSocket` and any other): bytes pass both ways, messages are told.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{HeaderMap, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::exchange::Exchange;
use super::forward::reason;
use super::header;
use super::reply::{self, Body};
use super::websocket::{Compression, Reader};
use crate::model::event::Ending;

/// How long one side is still listened to after the other has said its last.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Whether these headers ask for another protocol. HTTP/2 is not gone over to: clients that ask for it
/// take HTTP/1.1 as well.
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    header::has_word(headers, "connection", "upgrade")
        && headers.contains_key(UPGRADE)
        && !header::has_word(headers, "upgrade", "h2c")
}

/// Answers that the protocol is switched, and from then on passes both directions.
pub(crate) async fn switch(response: reqwest::Response, agent: OnUpgrade, mut exchange: Exchange) -> Response<Body> {
    let status = response.status();
    let mut headers = header::end_to_end(response.headers());
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.extend(response.headers().get(UPGRADE).map(|value| (UPGRADE, value.clone())));
    exchange.head(status.as_u16(), &headers, "");
    let protocol = if header::has_word(response.headers(), "upgrade", "websocket") {
        Protocol::WebSocket(Compression::parse(header::text(response.headers(), "sec-websocket-extensions")))
    } else {
        Protocol::Other
    };
    let upstream = match response.upgrade().await {
        Ok(upstream) => upstream,
        Err(error) => {
            let why = reason(&error);
            exchange.end(Ending::Broken(why.clone()));
            return reply::error(
                StatusCode::BAD_GATEWAY,
                "upstream_unreachable",
                &format!("the upgrade failed: {why}"),
            );
        }
    };
    drop(tokio::spawn(async move {
        match agent.await {
            Ok(agent) => pass(TokioIo::new(agent), upstream, protocol, exchange).await,
            Err(_) => exchange.end(Ending::ClientLeft),
        }
    }));
    reply::with(status, headers, reply::whole(Bytes::new()))
}

enum Protocol {
    WebSocket(Compression),
    Other,
}

/// One direction: where it comes from and what its bytes mean.
struct Direction<S> {
    from: ReadHalf<S>,
    reader: Option<Reader>,
    from_agent: bool,
}

async fn pass<A, U>(agent: A, upstream: U, protocol: Protocol, mut exchange: Exchange)
where
    A: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let (up_reader, down_reader) = match protocol {
        Protocol::WebSocket(Compression { deflate, agent_resets, upstream_resets }) => {
            (Some(Reader::new(deflate, agent_resets)), Some(Reader::new(deflate, upstream_resets)))
        }
        Protocol::Other => (None, None),
    };
    let (agent_in, mut agent_out) = tokio::io::split(agent);
    let (upstream_in, mut upstream_out) = tokio::io::split(upstream);
    let mut up = Direction { from: agent_in, reader: up_reader, from_agent: true };
    let mut down = Direction { from: upstream_in, reader: down_reader, from_agent: false };
    let told = Mutex::new(exchange);
    let ending = {
        // Each direction on its own: one that cannot write must not keep the other from reading.
        let up = pin!(up.run(&mut upstream_out, &told));
        let down = pin!(down.run(&mut agent_out, &told));
        match select(up, down).await {
            Either::Left((Ok(()), rest)) => tokio::time::timeout(AFTERWARDS, rest).await.unwrap_or(Ok(())),
            Either::Right((Ok(()), rest)) => tokio::time::timeout(AFTERWARDS, rest).await.unwrap_or(Ok(())),
            Either::Left((lost, _)) | Either::Right((lost, _)) => lost,
        }
        .err()
    };
    exchange = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    exchange.end(ending.unwrap_or(Ending::Complete));
}

impl<S: AsyncRead> Direction<S> {
    /// Hands on what comes until it ends.
    async fn run<O: AsyncWrite>(&mut self, to: &mut WriteHalf<O>, told: &Mutex<Exchange>) -> Result<(), Ending> {
        let lost =
            |error: &io::Error, agent: bool| if agent { Ending::ClientLeft } else { Ending::Broken(reason(error)) };
        let shared = Arc::clone(told.lock().unwrap_or_else(PoisonError::into_inner).shared());
        let mut buffer = vec![0; 32 << 10];
        loop {
            let length = self.from.read(&mut buffer).await.map_err(|error| lost(&error, self.from_agent))?;
            if length == 0 {
                // The other side may be gone already, which it will say itself.
                drop(to.shutdown().await);
                return Ok(());
            }
            let bytes = &buffer[..length];
            if self.tell(bytes, &mut told.lock().unwrap_or_else(PoisonError::into_inner)) {
                shared.settled().await;
            }
            let written = async {
                to.write_all(bytes).await?;
                to.flush().await
            };
            written.await.map_err(|error| lost(&error, !self.from_agent))?;
        }
    }

    /// Tells the messages in these bytes; returns whether they must be recorded before they go on.
    fn tell(&mut self, bytes: &[u8], exchange: &mut Exchange) -> bool {
        let Some(reader) = &mut self.reader else {
            return exchange.frame(self.from_agent, 2, Bytes::copy_from_slice(bytes));
        };
        let mut marks = false;
        for message in reader.push(bytes) {
            marks |= exchange.frame(self.from_agent, message.opcode, message.payload);
        }
        if reader.gave_up() {
            exchange.warn("a frame of a WebSocket is too large to be recorded; what follows it is not recorded either");
        }
        marks
    }
}
