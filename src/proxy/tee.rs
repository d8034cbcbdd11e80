//! The upstream's body on its way to the agent: never held, but for its last piece until its record
//! is written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::Boxed;
use super::exchange::Exchange;
use super::listener::settled;
use crate::model::event::Ending;

type Next = Option<Result<Frame<Bytes>, io::Error>>;

pub(crate) struct Tee {
    inner: reqwest::Body,
    exchange: Exchange,
    /// Bytes that are still to come, where the length is known.
    remaining: Option<u64>,
    /// What is handed on once its record is written.
    held: Option<(Boxed<'static, ()>, Next)>,
    finished: bool,
}

impl Tee {
    pub(crate) fn new(inner: reqwest::Body, exchange: Exchange) -> Self {
        let remaining = inner.size_hint().exact();
        Self { inner, exchange, remaining, held: None, finished: false }
    }

    /// Takes note of what comes next; returns whether its record must be written before it goes on.
    fn note(&mut self, next: &Next) -> bool {
        match next {
            Some(Ok(frame)) => {
                let Some(piece) = frame.data_ref() else { return false };
                let marked = self.exchange.piece(piece);
                self.remaining = self.remaining.map(|left| left.saturating_sub(piece.len() as u64));
                self.finished = self.remaining == Some(0);
                if self.finished {
                    self.exchange.end(Ending::Complete);
                }
                self.finished || marked
            }
            Some(Err(error)) => {
                self.finished = true;
                self.exchange.end(Ending::Broken(error.to_string()));
                false
            }
            None => {
                self.finished = true;
                self.exchange.end(Ending::Complete);
                true
            }
        }
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Next> {
        let this = self.get_mut();
        loop {
            if let Some((recorded, _)) = &mut this.held {
                ready!(recorded.as_mut().poll(context));
                return Poll::Ready(this.held.take().and_then(|(_, next)| next));
            }
            if this.finished {
                return Poll::Ready(None);
            }
            let next = ready!(Pin::new(&mut this.inner).poll_frame(context));
            let next = next.map(|frame| frame.map_err(|error| io::Error::other(super::forward::reason(&error))));
            if !this.note(&next) {
                return Poll::Ready(next);
            }
            this.held = Some((settled(this.exchange.shared()), next));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.finished && self.held.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
