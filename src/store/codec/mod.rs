//! Records: bincode bodies in an envelope of type, schema version, length and checksum.
//!
//! An envelope is eleven bytes: type `u8`, schema version `u16`, length of the body `u32`, CRC-32 (IEEE) `u32`; numbers
//! are little-endian. The body follows. The checksum is of the record's number in its file (`u64`, 0 outside of
//! recordings), the first seven bytes and the body: the number, because a damaged frame can decompress to a sound copy
//! of another record.

mod v1;

#[cfg(test)]
mod golden;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::recording::Table;
use crate::model::event::Event;
use crate::model::{RunGraph, Summary};

/// Length of an envelope.
pub(super) const ENVELOPE: usize = 11;

/// The longest body that is written or read.
pub(super) const LONGEST: usize = 256 << 20;

/// What one record may make bincode claim; above the longest body, as lengths are counted too.
const LIMIT: usize = LONGEST + (16 << 20);

/// The schema version that is written.
const VERSION: u16 = 1;

/// A stored record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// Something that happened.
    Event(Box<Event>),
    /// The run in a line, without tags.
    Summary(Box<Summary>),
    /// Nodes and edges without texts.
    Graph(Packed),
    /// Where the frames of a recording are.
    Table(Table),
}

/// Nodes without their texts and edges with their passages, as they are stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Packed(v1::GraphV1);

impl Packed {
    pub(super) fn new(graph: &RunGraph) -> Self {
        Self(graph.into())
    }

    /// The graph, its nodes without texts; `None` if it holds what no graph can.
    pub(super) fn graph(&self) -> Option<RunGraph> {
        RunGraph::try_from(self.0.clone()).ok()
    }

    /// Hashes of the system prompts of its calls.
    pub(super) fn prompts(&self) -> Vec<[u8; 32]> {
        self.0.prompts()
    }
}

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The checksum is another one.
    #[error("its checksum is wrong")]
    Checksum,
    /// The checksum is right, the body is not of its type.
    #[error("it does not hold what its type says: {0}")]
    Malformed(String),
    /// A type that this version does not know.
    #[error("its type {kind} is unknown")]
    Unknown {
        /// The type.
        kind: u8,
    },
    /// A schema version that this version does not know.
    #[error("its version {version} is newer")]
    Newer {
        /// The version.
        version: u16,
    },
    /// More than [`LONGEST`].
    #[error("it has {length} bytes, more than {LONGEST}")]
    TooLong {
        /// How many bytes its body has.
        length: usize,
    },
}

/// An envelope, read but not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope {
    kind: u8,
    version: u16,
    /// Length of the body.
    pub(super) length: usize,
    checksum: u32,
}

impl Envelope {
    /// Reads an envelope; `None` if there are too few bytes or the length cannot be.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (checksum, _) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        (length <= LONGEST).then_some(Self {
            kind: *kind,
            version: u16::from_le_bytes(*version),
            length,
            checksum: u32::from_le_bytes(*checksum),
        })
    }

    fn sum(self, number: u64, body: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&number.to_le_bytes());
        hasher.update(&[self.kind]);
        hasher.update(&self.version.to_le_bytes());
        hasher.update(&u32::try_from(self.length).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(body);
        hasher.finalize()
    }
}

/// Appends an event; a fault leaves `out` as it was.
pub(super) fn event(event: &Event, number: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    match event {
        Event::Started(started) => put(1, &v1::StartedV1::from(started), number, out),
        Event::Request(request) => put(2, &v1::RequestV1::from(request), number, out),
        Event::Decided(decided) => put(3, &v1::DecidedV1::from(decided), number, out),
        Event::Answer(head) => put(4, &v1::AnswerV1::from(head), number, out),
        Event::Chunks(chunks) => put(5, &v1::ChunksV1::from(chunks), number, out),
        Event::End(end) => put(6, &v1::EndV1::from(end), number, out),
        Event::Frame(frame) => put(7, &v1::FrameV1::from(frame), number, out),
        Event::Begin(begin) => put(8, &v1::BeginV1::from(begin), number, out),
        Event::Finish(finish) => put(9, &v1::FinishV1::from(finish), number, out),
        Event::Output(output) => put(10, &v1::OutputV1::from(output), number, out),
        Event::Note(note) => put(11, &v1::NoteV1::from(note), number, out),
        Event::Ended(ended) => put(12, &v1::EndedV1::from(ended), number, out),
    }
}

/// Appends a summary, without its tags.
pub(super) fn summary(summary: &Summary, number: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    put(32, &v1::SummaryV1::from(summary), number, out)
}

/// Appends a packed graph.
pub(super) fn graph(graph: &Packed, number: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    put(33, &graph.0, number, out)
}

/// Appends a table of frames.
pub(super) fn table(table: &Table, number: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    put(34, &v1::TableV1::from(table), number, out)
}

fn put(kind: u8, body: &impl Serialize, number: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    out.extend_from_slice(&[0; ENVELOPE]);
    let written = bincode::serde::encode_into_std_write(body, out, bincode::config::standard());
    let length = out.len() - start - ENVELOPE;
    if let Err(error) = written {
        out.truncate(start);
        return Err(Fault::Malformed(error.to_string()));
    }
    if length > LONGEST {
        out.truncate(start);
        return Err(Fault::TooLong { length });
    }
    let envelope = Envelope { kind, version: VERSION, length, checksum: 0 };
    let checksum = envelope.sum(number, &out[start + ENVELOPE..]);
    out[start] = kind;
    out[start + 1..start + 3].copy_from_slice(&VERSION.to_le_bytes());
    out[start + 3..start + 7].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    out[start + 7..start + 11].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Checks and reads the body of a record.
///
/// A new schema version of a type becomes an arm of its own here, and what it reads is converted from the older.
pub(super) fn decode(envelope: Envelope, number: u64, body: &[u8]) -> Result<Record, Fault> {
    if envelope.sum(number, body) != envelope.checksum {
        return Err(Fault::Checksum);
    }
    let (kind, version) = (envelope.kind, envelope.version);
    Ok(match (kind, version) {
        (1, 1) => happened(Event::Started(checked(get::<v1::StartedV1>(body)?)?)),
        (2, 1) => happened(Event::Request(get::<v1::RequestV1>(body)?.into())),
        (3, 1) => happened(Event::Decided(get::<v1::DecidedV1>(body)?.into())),
        (4, 1) => happened(Event::Answer(get::<v1::AnswerV1>(body)?.into())),
        (5, 1) => happened(Event::Chunks(get::<v1::ChunksV1>(body)?.into())),
        (6, 1) => happened(Event::End(get::<v1::EndV1>(body)?.into())),
        (7, 1) => happened(Event::Frame(get::<v1::FrameV1>(body)?.into())),
        (8, 1) => happened(Event::Begin(get::<v1::BeginV1>(body)?.into())),
        (9, 1) => happened(Event::Finish(get::<v1::FinishV1>(body)?.into())),
        (10, 1) => happened(Event::Output(get::<v1::OutputV1>(body)?.into())),
        (11, 1) => happened(Event::Note(get::<v1::NoteV1>(body)?.into())),
        (12, 1) => happened(Event::Ended(get::<v1::EndedV1>(body)?.into())),
        (32, 1) => Record::Summary(Box::new(checked(get::<v1::SummaryV1>(body)?)?)),
        (33, 1) => Record::Graph(Packed(get(body)?)),
        (34, 1) => Record::Table(get::<v1::TableV1>(body)?.into()),
        (1..=12 | 32..=34, 2..) => return Err(Fault::Newer { version }),
        _ => return Err(Fault::Unknown { kind }),
    })
}

fn happened(event: Event) -> Record {
    Record::Event(Box::new(event))
}

/// Reads a record of number 0 from the beginning of `bytes`; also how many bytes it took.
pub(super) fn read(bytes: &[u8]) -> Result<(Record, usize), Fault> {
    let short = || Fault::Malformed("it is cut off".to_owned());
    let envelope = Envelope::read(bytes).ok_or_else(short)?;
    let end = ENVELOPE + envelope.length;
    let body = bytes.get(ENVELOPE..end).ok_or_else(short)?;
    Ok((decode(envelope, 0, body)?, end))
}

fn get<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let config = bincode::config::standard().with_limit::<LIMIT>();
    let (value, read) =
        bincode::serde::decode_from_slice(body, config).map_err(|error| Fault::Malformed(error.to_string()))?;
    if read == body.len() { Ok(value) } else { Err(Fault::Malformed(format!("{} bytes are left", body.len() - read))) }
}

fn checked<T, V: TryInto<T, Error = v1::Invalid>>(stored: V) -> Result<T, Fault> {
    stored.try_into().map_err(|invalid| Fault::Malformed(format!("{} is not valid", invalid.0)))
}
