//! Reads recordings, sound, unfinished or damaged, and says what could not be read.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};

use memchr::memmem;

use super::super::codec::{Fault, Packed, Record};
use super::super::{Calls, Damage};
use super::frame::{self, Ending};
use super::{FOOTER, FOOTER_START, Footer, HEADER, Header, MARKER, MARKER_START, Marker, SEAL, Table, call_of};
use crate::model::event::{Event, Seq};
use crate::model::{RunId, Summary};

/// The first bytes of a zstd frame.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Calls that one damaged frame names at most.
const NAMED: usize = 10_000;

/// Bytes that are searched at once.
const WINDOW: usize = 1 << 20;

/// Why a file is not read at all.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Unread {
    /// It is no recording.
    #[error("not a recording")]
    Foreign,
    /// Its format, or that of a record, is newer.
    #[error("a newer version")]
    Newer(u16),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is known of a recording once it was read.
#[derive(Debug, Default)]
pub(in super::super) struct Scan {
    /// The run that the header names.
    pub(in super::super) run: Option<RunId>,
    /// Whether it was sealed.
    pub(in super::super) sealed: bool,
    /// Frames of events.
    pub(in super::super) frames: u64,
    /// Records that were read.
    pub(in super::super) records: u64,
    /// What the seal holds.
    pub(in super::super) seal: Seal,
    /// What could not be read.
    pub(in super::super) damage: Vec<Damage>,
}

/// What the seal of a recording holds.
#[derive(Debug, Default)]
pub(in super::super) struct Seal {
    pub(in super::super) table: Option<Table>,
    pub(in super::super) summary: Option<Summary>,
    pub(in super::super) graph: Option<Packed>,
}

impl Seal {
    fn take(&mut self, record: Record) {
        match record {
            Record::Table(table) => self.table = Some(table),
            Record::Summary(summary) => self.summary = Some(*summary),
            Record::Graph(graph) => self.graph = Some(graph),
            Record::Event(_) => {}
        }
    }
}

/// Reads all events in order and hands each to `take`, until that breaks.
pub(in super::super) fn scan(
    source: &mut (impl Read + Seek),
    take: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<Scan, Unread> {
    let length = source.seek(SeekFrom::End(0))?;
    let data = data_end(source, length)?;
    let mut scanner = Scanner {
        source,
        take,
        length,
        data,
        scan: Scan::default(),
        offset: 0,
        known: 0,
        ended: BTreeMap::new(),
        ranges: BTreeMap::new(),
        lost: None,
        unnamed: Vec::new(),
    };
    scanner.run()?;
    Ok(scanner.scan)
}

/// The footer of a sealed recording, zero bytes after it aside.
pub(in super::super) fn footer(source: &mut (impl Read + Seek)) -> io::Result<Option<Footer>> {
    let length = source.seek(SeekFrom::End(0))?;
    let Some(start) = data_end(source, length)?.checked_sub(FOOTER as u64) else { return Ok(None) };
    Ok(Footer::read(&bytes_at(source, start, FOOTER)?, start))
}

/// Reads the seal alone; `None` if there is none or anything in it is damaged.
pub(in super::super) fn seal(source: &mut (impl Read + Seek)) -> Result<Option<Seal>, Unread> {
    let Some(footer) = footer(source)? else { return Ok(None) };
    let marker = bytes_at(source, footer.seal, MARKER)?;
    if Marker::read(&marker, footer.seal).is_none_or(|marker| marker.kind != SEAL) {
        return Ok(None);
    }
    let mut seal = Seal::default();
    let outcome = frame::read(source, footer.records, u64::MAX, &mut |record| {
        match record {
            Ok(record) => seal.take(record),
            Err(Fault::Newer { version }) => return Err(Unread::Newer(version)),
            Err(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let whole = matches!(outcome.ending, Ending::Whole { .. }) && seal.summary.is_some() && seal.graph.is_some();
    Ok(whole.then_some(seal))
}

struct Scanner<'a, S> {
    source: &'a mut S,
    take: &'a mut dyn FnMut(Event) -> ControlFlow<()>,
    /// Length of the file, and of what stands before trailing zeros.
    length: u64,
    data: u64,
    scan: Scan,
    /// Where the frame begins that is read.
    offset: u64,
    /// Records that were read or are reported as lost.
    known: u64,
    /// Calls that were read to their end, and the record that ended them.
    ended: BTreeMap<Seq, u64>,
    /// Calls of each frame, as the marker after it says.
    ranges: BTreeMap<u32, Calls>,
    /// Damage whose extent the next marker will tell.
    lost: Option<Lost>,
    /// Reported damage whose calls are not yet named.
    unnamed: Vec<Unnamed>,
}

struct Lost {
    frame: u32,
    offset: u64,
    /// The first record that was lost.
    record: u64,
    /// Records of wrong checksum.
    missed: u64,
    reason: String,
}

struct Unnamed {
    /// Which damage.
    index: usize,
    frames: Range<u32>,
    record: u64,
}

impl<S: Read + Seek> Scanner<'_, S> {
    fn run(&mut self) -> Result<(), Unread> {
        let header = bytes_at(self.source, 0, HEADER)?;
        match Header::read(&header) {
            Header::Sound(run) => self.scan.run = Some(run),
            Header::Newer(version) => return Err(Unread::Newer(version)),
            Header::Short => {
                let damage = if self.length == 0 { Damage::Empty } else { Damage::Torn { offset: 0 } };
                self.scan.damage.push(damage);
                return Ok(());
            }
            Header::Damaged | Header::Foreign => {
                let marker = bytes_at(self.source, HEADER as u64, MARKER)?;
                if Marker::read(&marker, HEADER as u64).is_none() {
                    return Err(Unread::Foreign);
                }
                self.scan.damage.push(Damage::Header);
            }
        }
        let finished = self.frames()?;
        self.name_calls();
        let whole = self.scan.seal.summary.is_some() && self.scan.seal.graph.is_some();
        if finished && self.scan.sealed && !whole {
            self.scan.damage.push(Damage::Seal);
        }
        self.scan.sealed |= whole;
        Ok(())
    }

    /// Reads frame after frame; returns whether the end was reached.
    fn frames(&mut self) -> Result<bool, Unread> {
        let mut offset = HEADER as u64;
        let mut number = 0;
        while offset < self.data {
            self.offset = offset;
            let bytes = bytes_at(self.source, offset, MARKER)?;
            if let Some(footer) = Footer::read(&bytes, offset) {
                self.settle(number, Some(footer.records), None);
                self.scan.sealed = true;
                offset = footer.length;
                break;
            }
            let marker = match Marker::read(&bytes, offset).filter(|marker| marker.number >= number) {
                Some(marker) => {
                    self.settle(marker.number, Some(marker.records), marker.before);
                    marker
                }
                None => match self.resume(offset, number)? {
                    Resume::Here(marker) => marker,
                    Resume::At(next) => {
                        offset = next;
                        continue;
                    }
                    Resume::Nowhere => {
                        offset = self.length;
                        break;
                    }
                },
            };
            number = marker.number.saturating_add(1);
            let Some(next) = self.frame(&marker, offset)? else { return Ok(false) };
            offset = next;
        }
        self.settle(number, None, None);
        match self.length.saturating_sub(offset) {
            0 => {}
            // The beginning of a block's header may be zeros.
            1 | 2 => self.scan.damage.push(Damage::Torn { offset }),
            bytes => self.scan.damage.push(Damage::Trailing { offset, bytes }),
        }
        Ok(true)
    }

    /// Where to go on when there is no sound marker at this offset.
    fn resume(&mut self, offset: u64, number: u32) -> Result<Resume, Unread> {
        let lose = |scanner: &mut Self, reason: &str| {
            let record = scanner.known;
            let reason = reason.to_owned();
            scanner.lost.get_or_insert(Lost { frame: number, offset, record, missed: 0, reason });
        };
        let begins = bytes_at(self.source, offset + MARKER as u64, ZSTD.len())?;
        if begins == ZSTD {
            lose(self, "its marker is damaged");
            self.settle(number, Some(self.known), None);
            return Ok(Resume::Here(Marker { kind: 0, number, offset, records: self.known, before: None }));
        }
        if let Some(next) = self.next_mark(offset + 1, number)? {
            lose(self, "its beginning is damaged");
            return Ok(Resume::At(next));
        }
        self.scan.damage.push(Damage::Torn { offset });
        Ok(Resume::Nowhere)
    }

    /// Reads one frame; returns where to go on, `None` if the receiver had enough.
    fn frame(&mut self, marker: &Marker, offset: u64) -> Result<Option<u64>, Unread> {
        let start = offset + MARKER as u64;
        self.source.seek(SeekFrom::Start(start))?;
        let data = self.data.saturating_sub(start);
        let Self { source, take, scan, ended, known, .. } = self;
        let mut number = marker.records;
        let mut missed: Option<(u64, u64, Fault)> = None;
        let mut is_seal = marker.kind == SEAL;
        let outcome = frame::read(*source, marker.records, data, &mut |record| {
            match record {
                Ok(Record::Event(event)) => {
                    *known += 1;
                    scan.records += 1;
                    if let (Event::End(_) | Event::Finish(_), Some(seq)) = (&*event, call_of(&event)) {
                        ended.entry(seq).or_insert(number);
                    }
                    number += 1;
                    return Ok(take(*event));
                }
                Ok(record) => {
                    is_seal = true;
                    scan.seal.take(record);
                }
                Err(Fault::Newer { version }) => return Err(Unread::Newer(version)),
                Err(Fault::Unknown { kind }) => {
                    *known += u64::from(!is_seal);
                    scan.damage.push(Damage::Unknown { kind, record: number });
                    number += 1;
                }
                Err(fault) => {
                    missed.get_or_insert((number, 0, fault)).1 += 1;
                    number += 1;
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        scan.frames += u64::from(!is_seal);
        let left = outcome.left > 0;
        let reason = match (&outcome.ending, &missed) {
            (Ending::Stopped, _) => return Ok(None),
            (_, Some((.., fault))) => fault.to_string(),
            (Ending::Broken(reason), None) => reason.clone(),
            (Ending::Whole { .. }, None) if left => "it ends within a record".to_owned(),
            (Ending::Whole { length }, None) => return Ok(Some(start + length)),
            (Ending::Cut { length }, None) => {
                let end = start + length;
                if end >= self.data && !left {
                    return Ok(Some(end));
                }
                // A damaged length can make it reach over all that follows.
                let next = self.next_mark(start, marker.number.saturating_add(1))?;
                if next.is_none() {
                    self.scan.damage.push(Damage::Torn { offset: end });
                    return Ok(Some(self.length));
                }
                "a block has an impossible length".to_owned()
            }
        };
        let (record, missed) = missed.map_or((number, 0), |(record, missed, _)| (record, missed));
        if is_seal {
            self.scan.sealed = true;
        } else {
            self.lost = Some(Lost { frame: marker.number, offset, record, missed, reason });
        }
        // The end of a damaged frame is not to be trusted: the next mark is looked for.
        let next = self.next_mark(start, marker.number.saturating_add(1))?;
        Ok(Some(next.unwrap_or(self.length)))
    }

    /// Reports what was lost before frame `number`, before which there are that many records.
    fn settle(&mut self, number: u32, records: Option<u64>, before: Option<Calls>) {
        if let (Some(calls), Some(frame)) = (before, number.checked_sub(1)) {
            self.ranges.insert(frame, calls);
        }
        let missing = records.map(|records| records.saturating_sub(self.known));
        let lost = match (self.lost.take(), missing) {
            (Some(lost), _) => lost,
            (None, Some(1..)) => Lost {
                frame: number.saturating_sub(1),
                offset: self.offset,
                record: self.known,
                missed: 0,
                reason: "records before the next are missing".to_owned(),
            },
            _ => return,
        };
        self.known += missing.unwrap_or(lost.missed);
        let frames = lost.frame..number.max(lost.frame.saturating_add(1));
        self.unnamed.push(Unnamed { index: self.scan.damage.len(), frames, record: lost.record });
        self.scan.damage.push(Damage::Frame {
            frame: lost.frame,
            offset: lost.offset,
            records: missing,
            calls: Vec::new(),
            reason: lost.reason,
        });
    }

    /// Names the calls of damaged frames that had not ended before the damage.
    fn name_calls(&mut self) {
        let places = self.scan.seal.table.iter().flat_map(|table| &table.places);
        for (frame, place) in (0u32..).zip(places) {
            if let Some(calls) = place.calls {
                self.ranges.insert(frame, calls);
            }
        }
        for Unnamed { index, frames, record } in std::mem::take(&mut self.unnamed) {
            let affected = self
                .ranges
                .range(frames)
                .flat_map(|(_, range)| range.first..=range.last)
                .filter(|seq| self.ended.get(seq).is_none_or(|ended| *ended >= record))
                .take(NAMED);
            let mut affected: Vec<Seq> = affected.collect();
            affected.sort_unstable();
            affected.dedup();
            if let Some(Damage::Frame { calls, records: None | Some(1..), .. }) = self.scan.damage.get_mut(index) {
                *calls = affected;
            }
        }
    }

    /// Offset of the next marker of frame `number` or later, or of the footer.
    fn next_mark(&mut self, from: u64, number: u32) -> Result<Option<u64>, Unread> {
        let finder = memmem::Finder::new(&MARKER_START[1..4]);
        let mut offset = from;
        while offset < self.length {
            let window = bytes_at(self.source, offset, WINDOW)?;
            for found in finder.find_iter(&window) {
                let Some(place) = found.checked_sub(1) else { continue };
                let at = offset + place as u64;
                if at + MARKER as u64 > offset + window.len() as u64 && window.len() == WINDOW {
                    break;
                }
                let is_mark = match window[place] {
                    byte if byte == MARKER_START[0] => {
                        Marker::read(&window[place..], at).is_some_and(|marker| marker.number >= number)
                    }
                    byte if byte == FOOTER_START[0] => Footer::read(&window[place..], at).is_some(),
                    _ => false,
                };
                if is_mark {
                    return Ok(Some(at));
                }
            }
            if window.len() < WINDOW {
                break;
            }
            offset += (WINDOW - MARKER) as u64;
        }
        Ok(None)
    }
}

enum Resume {
    /// The frame is there, only its marker is damaged.
    Here(Marker),
    At(u64),
    Nowhere,
}

/// Where the zeros begin with which a file ends; its length if it ends with none.
fn data_end(source: &mut (impl Read + Seek), length: u64) -> io::Result<u64> {
    const STEP: u64 = 4096;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let piece = bytes_at(source, start, usize::try_from(end - start).unwrap_or_default())?;
        if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Up to `count` bytes from an offset; fewer where the file ends.
fn bytes_at(source: &mut (impl Read + Seek), offset: u64, count: usize) -> io::Result<Vec<u8>> {
    source.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::with_capacity(count.min(WINDOW));
    source.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
