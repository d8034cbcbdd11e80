//! Decodes one zstd frame into records, block by block, so that all before a cut or a damaged byte is had.

use std::io::{self, Read};
use std::ops::ControlFlow;

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::super::codec::{self, ENVELOPE, Envelope, Fault, Record};
use super::reader::Unread;

/// Bytes that are read at once, and the most that one block decodes to.
const PIECE: usize = 128 << 10;

/// No larger window is accepted: it bounds the memory that a damaged or foreign frame can claim.
const WINDOW_LOG: u32 = 23;

/// What zstd asks for when it stands before a block: the bytes of a block's header.
const BLOCK_HEADER: usize = 3;

/// Bytes of a frame's header that are needed to know its length.
const START: usize = 5;

/// How a frame ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is complete and this long.
    Whole { length: u64 },
    /// The file ends within it; blocks up to here were complete.
    Cut { length: u64 },
    /// It cannot be decoded further.
    Broken(String),
    /// The receiver had enough.
    Stopped,
}

/// A frame once it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) ending: Ending,
    /// Bytes after the last whole record.
    pub(super) left: usize,
}

/// What takes records, or why one could not be read.
pub(super) type Take<'a> = dyn FnMut(Result<Record, Fault>) -> Result<ControlFlow<()>, Unread> + 'a;

/// Reads a frame from where `source` stands, whose first record has this number. `data` is how many bytes there are
/// before nothing but zeros.
pub(super) fn read(source: &mut impl Read, number: u64, data: u64, take: &mut Take<'_>) -> Result<Outcome, Unread> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
    let mut piece = vec![0; PIECE];
    let (mut from, mut to) = (0, 0);
    let mut records = Records { number, ..Records::default() };
    let mut wanted = START;
    // Bytes that the decoder took, and how many of them up to the last border between blocks.
    let (mut taken, mut border) = (0u64, 0u64);
    let ending = loop {
        if wanted == BLOCK_HEADER && taken > 0 {
            border = taken;
            if taken >= data {
                break Ending::Cut { length: border };
            }
        }
        if from == to {
            (from, to) = (0, read_some(source, &mut piece)?);
            if to == 0 {
                break Ending::Cut { length: border };
            }
        }
        // Within a block zstd asks for the next header too; a damaged one would cost the block.
        let some = if wanted > BLOCK_HEADER { wanted - BLOCK_HEADER } else { wanted };
        let mut input = InBuffer::around(&piece[from..to.min(from + some)]);
        let step = records.fill(&mut decoder, &mut input);
        from += input.pos();
        taken += input.pos() as u64;
        let flow = records.drain(take)?;
        match (step, flow) {
            (_, ControlFlow::Break(Some(reason))) => break Ending::Broken(reason),
            (_, ControlFlow::Break(None)) => break Ending::Stopped,
            (Err(error), _) => break Ending::Broken(error.to_string()),
            (Ok(0), _) => break Ending::Whole { length: taken },
            (Ok(hint), _) => wanted = hint,
        }
    };
    Ok(Outcome { ending, left: records.bytes.len() - records.start })
}

/// Decoded bytes of which whole records are taken.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    start: usize,
    /// Number of the next record.
    number: u64,
}

impl Records {
    /// Decodes all of `input`; returns how much zstd wants next, 0 at the end of the frame.
    fn fill(&mut self, decoder: &mut Decoder<'static>, input: &mut InBuffer<'_>) -> io::Result<usize> {
        loop {
            self.bytes.reserve(PIECE);
            let position = self.bytes.len();
            let room = self.bytes.capacity() - position;
            let mut out = OutBuffer::around_pos(&mut self.bytes, position);
            let hint = decoder.run(input, &mut out)?;
            let filled = out.pos() - position;
            let done = input.pos() == input.src.len() && filled < room;
            if hint == 0 || done {
                return Ok(hint);
            }
        }
    }

    /// Hands over whole records. Breaks with a reason if no further can be found, without if `take` has enough.
    fn drain(&mut self, take: &mut Take<'_>) -> Result<ControlFlow<Option<String>>, Unread> {
        while self.bytes.len() - self.start >= ENVELOPE {
            let rest = &self.bytes[self.start..];
            let Some(envelope) = Envelope::read(rest) else {
                return Ok(ControlFlow::Break(Some("a record has an impossible length".to_owned())));
            };
            let Some(body) = rest.get(ENVELOPE..ENVELOPE + envelope.length) else { break };
            let record = codec::decode(envelope, self.number, body);
            self.number += 1;
            self.start += ENVELOPE + envelope.length;
            if take(record)?.is_break() {
                return Ok(ControlFlow::Break(None));
            }
        }
        if self.start > PIECE || self.start == self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Reads what there is, an interruption aside.
fn read_some(source: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
