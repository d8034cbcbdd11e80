//! An answer that is given here, piece by piece, each with the pause before it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::{Instant, Sleep, sleep_until};

use super::exchange::Exchange;
use super::listener::settled;
use super::reply::{self, Body};
use super::route::Upstream;
use super::{Boxed, Served, back, coding, header};
use crate::model::event::Ending;

/// Answers with what was decided on.
pub(crate) async fn handle(
    served: Served,
    upstream: &Upstream,
    method: &Method,
    mut exchange: Exchange,
) -> Response<Body> {
    let status = StatusCode::from_u16(served.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let length: usize = served.pieces.iter().map(|(_, piece)| piece.len()).sum();
    let broken = match served.ending {
        Ending::Complete | Ending::Unreachable(_) => None,
        cut @ (Ending::Broken(_) | Ending::ClientLeft) => Some(cut),
    };
    let bodiless = *method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let mut headers = frame(&header::map(&served.headers), length, broken.is_some(), bodiless);
    let transfer = if headers.contains_key(CONTENT_LENGTH) || bodiless { "" } else { "chunked" };
    exchange.head(status.as_u16(), &headers, transfer);
    back::lead_back(exchange.shared(), upstream, status.as_u16(), &mut headers);
    let nothing = bodiless || (length == 0 && broken.is_none());
    if nothing {
        exchange.end(Ending::Complete);
        exchange.shared().settled().await;
        return reply::with(status, headers, reply::whole(Bytes::new()));
    }
    let pieces: VecDeque<_> = served.pieces.into_iter().filter(|(_, piece)| !piece.is_empty()).collect();
    let known = headers.contains_key(CONTENT_LENGTH) && broken.is_none();
    let body = Pieces {
        queue: pieces,
        exchange,
        broken,
        pause: None,
        held: None,
        rest: known.then_some(length as u64),
        state: State::Going,
    };
    reply::with(status, headers, body.boxed_unsync())
}

/// Headers with the framing that this body gets. A body is served decoded.
fn frame(headers: &HeaderMap, length: usize, broken: bool, bodiless: bool) -> HeaderMap {
    let headers = header::end_to_end(headers);
    let stream = header::text(&headers, "content-type").starts_with("text/event-stream");
    let coded = coding::is_removable(header::text(&headers, "content-encoding"));
    let recorded = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut kept = header::select(&headers, |name| !(coded && name == CONTENT_ENCODING));
    match (bodiless, broken, recorded) {
        (true, ..) => {}
        // An answer that broke off is one that promised more.
        (_, true, Some(promised)) if promised > length => {}
        (_, true, _) => drop(kept.remove(CONTENT_LENGTH)),
        (_, false, Some(_)) => drop(kept.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        (_, false, None) if !stream => drop(kept.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        (_, false, None) => {}
    }
    kept
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    /// A piece was handed over and is to be on its way before the next.
    Written,
    Finished,
}

struct Pieces {
    queue: VecDeque<(Duration, Bytes)>,
    exchange: Exchange,
    /// How it ends, where it is not whole.
    broken: Option<Ending>,
    pause: Option<Pin<Box<Sleep>>>,
    held: Option<(Boxed<'static, ()>, Option<Bytes>)>,
    /// Bytes that are still to come, where their number was announced.
    rest: Option<u64>,
    state: State,
}

impl Pieces {
    /// Waits out the pause before the first piece of the queue.
    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let pause = self.queue.front().map_or(Duration::ZERO, |(pause, _)| *pause);
        if !pause.is_zero() {
            let sleep = self.pause.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + pause)));
            ready!(sleep.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(())
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some((recorded, _)) = &mut this.held {
                ready!(recorded.as_mut().poll(context));
                let piece = this.held.take().and_then(|(_, piece)| piece);
                return Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))));
            }
            if this.state == State::Finished {
                return Poll::Ready(None);
            }
            if this.state == State::Written {
                // The connection flushes what it has when the body has nothing for it.
                this.state = State::Going;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(this.poll_pause(context));
            let piece = this.queue.pop_front().map(|(_, piece)| piece);
            let marked = piece.as_ref().is_some_and(|piece| this.exchange.piece(piece));
            this.state = State::Written;
            if this.queue.is_empty() {
                if let Some(ending) = &this.broken {
                    if piece.is_none() {
                        this.state = State::Finished;
                        this.exchange.end(ending.clone());
                        return Poll::Ready(Some(Err(io::Error::other("the recorded answer goes no further"))));
                    }
                } else {
                    this.state = State::Finished;
                    this.exchange.end(Ending::Complete);
                }
            }
            this.rest = this.rest.map(|rest| rest - piece.as_ref().map_or(0, |piece| piece.len() as u64));
            if marked || this.state == State::Finished {
                this.held = Some((settled(this.exchange.shared()), piece));
                continue;
            }
            return Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Finished && self.held.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
