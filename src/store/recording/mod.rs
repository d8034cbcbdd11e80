//! The recording file: a plain header, marked zstd frames of records, and, once sealed, a table and a footer.
//!
//! | part | bytes |
//! | --- | --- |
//! | header | [`MAGIC`], format version `u16`, run id (8), 2 zero bytes, CRC-32 of these 20 |
//! | frame | a marker, then one zstd frame (window of 8 MB) that holds whole records |
//! | seal | a marker of kind 2, then one zstd frame: table, summary, packed graph |
//! | footer | where the seal is, length of the file, records, CRC-32, end mark |
//!
//! Numbers are little-endian. Markers and footer are skippable zstd frames, so all that follows the header is a zstd
//! stream. A marker names its own offset: one that stands in recorded traffic is not taken for one.

mod frame;
pub(super) mod reader;
mod recorder;
pub(super) mod writer;

#[cfg(test)]
mod tests;

pub use recorder::Recorder;

use super::Calls;
use crate::model::RunId;
use crate::model::event::{Event, Seq};

/// The first bytes of a recording.
pub(super) const MAGIC: [u8; 8] = *b"\x89RETAKE\n";

/// Version of the layout of recordings and stores.
pub(super) const FORMAT: u16 = 1;

/// Length of a header.
pub(super) const HEADER: usize = 24;

/// Length of a marker.
pub(super) const MARKER: usize = 60;

/// Length of a footer.
pub(super) const FOOTER: usize = 40;

/// The bytes that every marker begins with: the magic of a skippable frame and its length.
pub(super) const MARKER_START: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 52, 0, 0, 0];

const FOOTER_START: [u8; 8] = [0x5f, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];

const END_MARK: [u8; 4] = *b"END\n";

/// Marker of a frame of events.
pub(super) const EVENTS: u32 = 1;

/// Marker of the seal.
pub(super) const SEAL: u32 = 2;

/// Where the frames of a recording are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Table {
    pub(super) places: Vec<Place>,
}

/// Where one frame is and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Offset of its marker.
    pub(super) offset: u64,
    /// Records before it.
    pub(super) records: u64,
    /// Calls that its records belong to.
    pub(super) calls: Option<Calls>,
}

/// What stands before a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) kind: u32,
    /// Number of the frame, from 0.
    pub(super) number: u32,
    /// Its own offset in the file.
    pub(super) offset: u64,
    /// Records before it.
    pub(super) records: u64,
    /// Calls that the records of the frame before it belong to.
    pub(super) before: Option<Calls>,
}

impl Marker {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MARKER_START);
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.records.to_le_bytes());
        let (known, calls) = self.before.map_or((0u64, Calls { first: 0, last: 0 }), |calls| (1, calls));
        out.extend_from_slice(&known.to_le_bytes());
        out.extend_from_slice(&calls.first.to_le_bytes());
        out.extend_from_slice(&calls.last.to_le_bytes());
        let checksum = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
    }

    /// Reads the marker at this offset of the file.
    pub(super) fn read(bytes: &[u8], offset: u64) -> Option<Self> {
        let bytes = bytes.get(..MARKER)?;
        let (body, checksum) = bytes.split_at(MARKER - 4);
        if !body.starts_with(&MARKER_START) || crc32fast::hash(body).to_le_bytes() != *checksum {
            return None;
        }
        let calls = Calls { first: u64_at(body, 40)?, last: u64_at(body, 48)? };
        let marker = Self {
            kind: u32_at(body, 8)?,
            number: u32_at(body, 12)?,
            offset: u64_at(body, 16)?,
            records: u64_at(body, 24)?,
            before: (u64_at(body, 32)? == 1).then_some(calls),
        };
        (marker.offset == offset).then_some(marker)
    }
}

/// The end of a sealed recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footer {
    /// Offset of the seal's marker.
    pub(super) seal: u64,
    /// Length of the file with this footer.
    pub(super) length: u64,
    /// Records before the seal.
    pub(super) records: u64,
}

impl Footer {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&FOOTER_START);
        out.extend_from_slice(&self.seal.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.records.to_le_bytes());
        let checksum = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&END_MARK);
    }

    /// Reads the footer at this offset of the file.
    pub(super) fn read(bytes: &[u8], offset: u64) -> Option<Self> {
        let bytes = bytes.get(..FOOTER)?;
        let (body, end) = bytes.split_at(FOOTER - 8);
        let sound =
            body.starts_with(&FOOTER_START) && crc32fast::hash(body).to_le_bytes() == end[..4] && end[4..] == END_MARK;
        if !sound {
            return None;
        }
        let footer = Self { seal: u64_at(body, 8)?, length: u64_at(body, 16)?, records: u64_at(body, 24)? };
        (footer.length == offset + FOOTER as u64).then_some(footer)
    }
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Header {
    /// A recording of this run.
    Sound(RunId),
    /// The format is newer.
    Newer(u16),
    /// The file ends in it.
    Short,
    /// It begins as a recording, and its checksum is wrong.
    Damaged,
    /// It is no recording's.
    Foreign,
}

impl Header {
    pub(super) fn write(run: &RunId, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(run.as_str().as_bytes());
        out.extend_from_slice(&[0; 2]);
        let checksum = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
    }

    pub(super) fn read(bytes: &[u8]) -> Self {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Self::Foreign;
        }
        let Some(bytes) = bytes.get(..HEADER) else { return Self::Short };
        let (body, checksum) = bytes.split_at(HEADER - 4);
        if crc32fast::hash(body).to_le_bytes() != *checksum {
            return Self::Damaged;
        }
        let version = u16::from_le_bytes([body[8], body[9]]);
        if version > FORMAT {
            return Self::Newer(version);
        }
        std::str::from_utf8(&body[10..18]).ok().and_then(RunId::parse).map_or(Self::Damaged, Self::Sound)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The call or announced node that an event belongs to.
pub(super) fn call_of(event: &Event) -> Option<Seq> {
    match event {
        Event::Request(request) => Some(request.seq),
        Event::Decided(decided) => Some(decided.seq),
        Event::Answer(head) => Some(head.seq),
        Event::Chunks(chunks) => Some(chunks.seq),
        Event::End(end) => Some(end.seq),
        Event::Frame(frame) => Some(frame.seq),
        Event::Begin(begin) => Some(begin.seq),
        Event::Finish(finish) => Some(finish.seq),
        Event::Started(_) | Event::Output(_) | Event::Note(_) | Event::Ended(_) => None,
    }
}
