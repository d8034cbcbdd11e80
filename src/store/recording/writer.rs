//! Encodes records into frames and hands them to a file, or to whatever takes bytes.

use std::io::{self, Write};

use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

use super::super::codec::{self, Fault, Packed};
use super::{Calls, EVENTS, Footer, HEADER, Header, Marker, Place, SEAL, Table, call_of};
use crate::model::event::Event;
use crate::model::{RunId, Summary};

/// Input after which a new frame begins.
const FRAME: usize = 16 << 20;

/// Compressed bytes that wait at most before they are handed over unflushed.
const WAITING: usize = 1 << 20;

const LEVEL: i32 = 3;
const WINDOW_LOG: u32 = 23;

/// Writes a recording. After an error of `out` it takes nothing more: what was flushed stays readable.
pub(in super::super) struct Writer<W> {
    out: W,
    encoder: Encoder<'static>,
    /// Encoded records and compressed bytes that `out` has not got.
    record: Vec<u8>,
    waiting: Vec<u8>,
    /// Bytes that `out` took.
    written: u64,
    /// Bytes that `out` took at the last flush.
    flushed: u64,
    /// Records and frames so far.
    records: u64,
    places: Vec<Place>,
    /// Input of the open frame; `None` if none is open.
    input: Option<usize>,
    dirty: bool,
    stopped: bool,
    frame: usize,
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Stop {
    /// This record cannot be written; the next can.
    #[error(transparent)]
    Record(#[from] Fault),
    /// Writing failed, and nothing more is taken.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Writing failed earlier.
    #[error("writing failed earlier")]
    Earlier,
}

impl<W: Write> Writer<W> {
    /// Begins a recording: its header is handed over at once.
    pub(in super::super) fn new(run: &RunId, out: W) -> Result<Self, Stop> {
        let mut encoder = Encoder::new(LEVEL)?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        let mut writer = Self {
            out,
            encoder,
            record: Vec::new(),
            waiting: Vec::with_capacity(HEADER),
            written: 0,
            flushed: 0,
            records: 0,
            places: Vec::new(),
            input: None,
            dirty: true,
            stopped: false,
            frame: FRAME,
        };
        Header::write(run, &mut writer.waiting);
        writer.flush()?;
        Ok(writer)
    }

    /// Appends an event. Nothing is certain before [`Writer::flush`].
    pub(in super::super) fn write(&mut self, event: &Event) -> Result<(), Stop> {
        self.check()?;
        self.record.clear();
        codec::event(event, self.records, &mut self.record)?;
        if self.input.is_none() {
            self.begin(EVENTS)?;
        }
        let length = self.record.len();
        self.compress()?;
        self.records += 1;
        if let (Some(place), Some(seq)) = (self.places.last_mut(), call_of(event)) {
            place.calls = Some(place.calls.map_or(Calls { first: seq, last: seq }, |calls| Calls {
                first: calls.first.min(seq),
                last: calls.last.max(seq),
            }));
        }
        let input = self.input.unwrap_or_default() + length;
        self.input = Some(input);
        if input >= self.frame {
            self.finish()?;
        }
        Ok(())
    }

    /// Hands everything over, so that all before it can be read.
    pub(in super::super) fn flush(&mut self) -> Result<(), Stop> {
        self.check()?;
        if !self.dirty {
            return Ok(());
        }
        if self.input.is_some() {
            self.drive(Encoder::flush)?;
        }
        self.hand_over()?;
        self.flushed = self.written;
        self.dirty = false;
        Ok(())
    }

    /// Appends table, summary, graph and footer.
    pub(in super::super) fn seal(&mut self, summary: &Summary, graph: &Packed) -> Result<(), Stop> {
        self.check()?;
        self.record.clear();
        let table = Table { places: self.places.clone() };
        codec::table(&table, self.records, &mut self.record)?;
        codec::summary(summary, self.records + 1, &mut self.record)?;
        codec::graph(graph, self.records + 2, &mut self.record)?;
        if self.input.is_some() {
            self.finish()?;
        }
        let seal = self.offset();
        self.begin(SEAL)?;
        self.compress()?;
        self.finish()?;
        let length = self.offset() + super::FOOTER as u64;
        Footer { seal, length, records: self.records }.write(&mut self.waiting);
        self.dirty = true;
        self.flush()
    }

    /// Length up to which the file is known to be good.
    pub(in super::super) fn flushed(&self) -> u64 {
        self.flushed
    }

    pub(in super::super) fn out(&self) -> &W {
        &self.out
    }

    /// Begins a new frame after this much input.
    #[cfg(test)]
    pub(in super::super) fn set_frame(&mut self, input: usize) {
        self.frame = input;
    }

    fn check(&self) -> Result<(), Stop> {
        if self.stopped { Err(Stop::Earlier) } else { Ok(()) }
    }

    fn offset(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    fn begin(&mut self, kind: u32) -> Result<(), Stop> {
        let offset = self.offset();
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let before = self.places.last().and_then(|place| place.calls);
        Marker { kind, number, offset, records: self.records, before }.write(&mut self.waiting);
        self.places.push(Place { offset, records: self.records, calls: None });
        self.input = Some(0);
        self.dirty = true;
        let begun = self.encoder.reinit();
        self.stop_on(begun)
    }

    fn finish(&mut self) -> Result<(), Stop> {
        self.drive(|encoder, out| encoder.finish(out, true))?;
        self.input = None;
        self.dirty = true;
        Ok(())
    }

    /// Compresses what is in `record`.
    fn compress(&mut self) -> Result<(), Stop> {
        let record = std::mem::take(&mut self.record);
        let mut input = InBuffer::around(&record);
        let mut result = Ok(());
        while result.is_ok() && input.pos() < record.len() {
            result = self.step(|encoder, out| encoder.run(&mut input, out)).map(|_| ());
        }
        self.record = record;
        self.dirty = true;
        if self.record.capacity() > FRAME {
            self.record = Vec::new();
        }
        result
    }

    /// Repeats a step until nothing is left to write.
    fn drive(
        &mut self,
        step: impl Fn(&mut Encoder<'static>, &mut OutBuffer<'_, Vec<u8>>) -> io::Result<usize>,
    ) -> Result<(), Stop> {
        while self.step(&step)? > 0 {}
        Ok(())
    }

    fn step(
        &mut self,
        step: impl FnOnce(&mut Encoder<'static>, &mut OutBuffer<'_, Vec<u8>>) -> io::Result<usize>,
    ) -> Result<usize, Stop> {
        if self.waiting.len() > WAITING {
            self.hand_over()?;
        }
        self.waiting.reserve(zstd::zstd_safe::CCtx::out_size());
        let position = self.waiting.len();
        let mut out = OutBuffer::around_pos(&mut self.waiting, position);
        let left = step(&mut self.encoder, &mut out);
        self.stop_on(left)
    }

    fn hand_over(&mut self) -> Result<(), Stop> {
        let taken = self.out.write_all(&self.waiting);
        self.stop_on(taken)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    fn stop_on<T>(&mut self, result: io::Result<T>) -> Result<T, Stop> {
        self.stopped |= result.is_err();
        Ok(result?)
    }
}
