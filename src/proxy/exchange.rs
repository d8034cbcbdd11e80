//! One request and its answer, told to the [`super::Watch`] as they pass.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::coding::Decoder;
use super::header;
use super::listener::Shared;
use crate::model::Micros;
use crate::model::event::{AnswerHead, Chunks, End, Ending, Event, Frame, Note, Seq};

/// How much of an answer is kept for `Answer::ended`.
const KEPT: usize = 64 << 20;

/// How far an end mark may reach back into the piece before.
const REACH: usize = 64;

/// What is known of an answer while it passes. Whatever happens, its end is told: in `Drop` at the
/// latest, because a body whose length is known is not polled to its end.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    seq: Seq,
    provider: String,
    path: String,
    status: u16,
    decoder: Decoder,
    batch: Vec<(Micros, Bytes)>,
    batched: usize,
    /// Whether a part was told of which the end may be held back.
    parted: bool,
    kept: Vec<Bytes>,
    kept_bytes: usize,
    wanted: bool,
    tail: Vec<u8>,
    marked: bool,
    ending: Option<Ending>,
}

impl Exchange {
    pub(crate) fn new(shared: Arc<Shared>, seq: Seq, provider: &str, path: &str) -> Self {
        shared.entered();
        let wanted = shared.answer.wants_bodies();
        Self {
            shared,
            seq,
            provider: provider.to_owned(),
            path: path.to_owned(),
            status: 0,
            decoder: Decoder::new(None).0,
            batch: Vec::new(),
            batched: 0,
            parted: false,
            kept: Vec::new(),
            kept_bytes: 0,
            wanted,
            tail: Vec::new(),
            marked: false,
            ending: None,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The head arrived. `transfer` names the transfer coding that was removed.
    pub(crate) fn head(&mut self, status: u16, headers: &HeaderMap, transfer: &str) {
        let (decoder, content) = Decoder::new(Some(header::text(headers, "content-encoding")));
        let coding = [content.as_str(), transfer].into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>();
        self.decoder = decoder;
        self.status = status;
        let headers = header::list(headers);
        let at = self.shared.now();
        self.shared.saw(Event::Answer(AnswerHead { seq: self.seq, at, status, headers, coding: coding.join(", ") }));
    }

    /// A piece of the body arrived. Returns whether it must not be handed on before all is settled:
    /// it carries the mark that ends a stream, or comes after it.
    pub(crate) fn piece(&mut self, piece: &Bytes) -> bool {
        let decoded = self.decoder.push(piece);
        if let Some(reason) = self.decoder.take_error() {
            self.warn(&format!(
                "the content coding of answer {} is broken: {reason}; the rest is not recorded",
                self.seq
            ));
        }
        if decoded.is_empty() {
            return self.marked;
        }
        self.look_for_mark(&decoded);
        if self.wanted && self.kept_bytes < KEPT {
            self.kept_bytes += decoded.len();
            self.kept.push(decoded.clone());
        }
        self.batched += decoded.len();
        self.batch.push((self.shared.now(), decoded));
        // Together, because a credential may lie across the border of two pieces.
        if self.marked || self.batched >= Chunks::PART {
            self.flush();
        }
        if self.marked && std::mem::take(&mut self.parted) {
            self.shared.saw(Event::Chunks(Chunks { seq: self.seq, pieces: Vec::new() }));
        }
        self.marked
    }

    fn look_for_mark(&mut self, piece: &Bytes) {
        if self.marked {
            return;
        }
        let ends = |bytes: &[u8]| (self.shared.ends_stream)(&self.provider, &self.path, bytes);
        self.marked = if self.tail.is_empty() {
            ends(piece)
        } else {
            let start = &piece[..piece.len().min(REACH)];
            ends(piece) || ends(&[self.tail.as_slice(), start].concat())
        };
        if piece.len() >= REACH {
            self.tail.clear();
        }
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(REACH)..]);
        let excess = self.tail.len().saturating_sub(REACH);
        self.tail.drain(..excess);
    }

    /// Says something about this exchange.
    pub(crate) fn warn(&self, text: &str) {
        let (at, topic) = (self.shared.now(), "warning".to_owned());
        self.shared.saw(Event::Note(Note { at, topic, text: text.to_owned() }));
    }

    /// A message of an upgraded connection passed. Returns whether it must not be handed on before
    /// all is settled.
    pub(crate) fn frame(&mut self, from_agent: bool, opcode: u8, payload: Bytes) -> bool {
        let marks = opcode == 8 || (!from_agent && (self.shared.ends_stream)(&self.provider, &self.path, &payload));
        let at = self.shared.now();
        self.shared.saw(Event::Frame(Frame { seq: self.seq, at, from_agent, opcode, payload }));
        marks
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let pieces = std::mem::take(&mut self.batch);
            self.parted |= self.batched >= Chunks::PART;
            self.batched = 0;
            self.shared.saw(Event::Chunks(Chunks { seq: self.seq, pieces }));
        }
    }

    /// The answer ended. Only the first word on it counts.
    pub(crate) fn end(&mut self, how: Ending) {
        if self.ending.is_none() {
            self.flush();
            self.shared.saw(Event::End(End { seq: self.seq, at: self.shared.now(), how: how.clone() }));
            self.ending = Some(how);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // An agent that closes once it saw the end mark has got the whole answer.
        self.end(if self.marked { Ending::Complete } else { Ending::ClientLeft });
        let body = match std::mem::take(&mut self.kept).as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => pieces.concat().into(),
        };
        let ending = self.ending.take().unwrap_or(Ending::Complete);
        self.shared.answer.ended(self.seq, self.status, &body, &ending);
        self.shared.left();
    }
}
