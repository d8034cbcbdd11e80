//! Where runs are kept: recording files, the ledger of what is said about them later, and the index over both.
//!
//! A store is a folder:
//!
//! | path | holds |
//! | --- | --- |
//! | `format` | version of the layout |
//! | `runs/<run>.retake` | one recording each: the truth |
//! | `ledger` | tags, notes and removals |
//! | `index/` | sled; can be deleted at any time |
//! | `.gitignore` | `*` |
//!
//! Nothing here prints, and nothing of sled or bincode gets out.

mod catalogue;
mod check;
mod codec;
mod index;
mod ledger;
mod recording;
mod root;
mod select;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use catalogue::Read;
pub use check::{Agreement, FileReport, Report};
pub use index::Lookup;
pub use ledger::Remark;
pub use recording::Recorder;
pub use root::Store;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::event::{Event, Seq};
use crate::model::{RunId, State};

/// A recording that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The run.
    pub id: RunId,
    /// What happened, in order; what is damaged is left out.
    pub events: Vec<Event>,
    /// What became of the run.
    pub state: State,
    /// What could not be read.
    pub damage: Vec<Damage>,
}

/// The first and last number of some calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) first: Seq,
    pub(crate) last: Seq,
}

/// What could not be read of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The file is empty.
    Empty,
    /// The header is damaged; the frames were found without it.
    Header,
    /// The file breaks off within a record, as after a power loss: what follows this offset is not complete.
    Torn {
        /// Where.
        offset: u64,
    },
    /// Something stands after the end that is not part of the recording.
    Trailing {
        /// Where it begins.
        offset: u64,
        /// How many bytes it has.
        bytes: u64,
    },
    /// Records of a frame are lost.
    Frame {
        /// Number of the frame, from 0.
        frame: u32,
        /// Where it begins.
        offset: u64,
        /// How many records; `None` if nothing tells.
        records: Option<u64>,
        /// Calls that records may be missing of; empty if none, or if nothing tells.
        calls: Vec<Seq>,
        /// What is wrong.
        reason: String,
    },
    /// A record has a type that this version does not know, and was skipped.
    Unknown {
        /// The type.
        kind: u8,
        /// Which record of the file, from 0.
        record: u64,
    },
    /// The summary or graph of a finished run is damaged; both are made again from its events.
    Seal,
    /// A line of the ledger is damaged, and was skipped.
    Ledger {
        /// Its number, from 1.
        line: usize,
    },
}

impl Damage {
    /// Whether events are lost that were acknowledged: not so for a torn end, which a kill leaves too.
    #[must_use]
    pub fn loses(&self) -> bool {
        matches!(self, Self::Frame { records: None | Some(1..), .. } | Self::Unknown { .. } | Self::Ledger { .. })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the file is empty"),
            Self::Header => formatter.write_str("the header is damaged"),
            Self::Torn { offset } => write!(formatter, "the file breaks off after byte {offset}"),
            Self::Trailing { offset, bytes } => {
                write!(formatter, "after byte {offset} there are {bytes} bytes that do not belong to it")
            }
            Self::Frame { frame, offset, records, calls, reason } => {
                write!(formatter, "frame {frame} at byte {offset}: ")?;
                match records {
                    Some(1) => formatter.write_str("1 record is lost")?,
                    Some(records) => write!(formatter, "{records} records are lost")?,
                    None => formatter.write_str("all records after the damage are lost")?,
                }
                match calls.as_slice() {
                    [] => {}
                    [call] => write!(formatter, " (call {call})")?,
                    calls => write!(formatter, " (calls {})", ranges(calls))?,
                }
                write!(formatter, ": {reason}")
            }
            Self::Unknown { kind, record } => {
                write!(formatter, "record {record} has a type that this retake does not know ({kind}) and was skipped")
            }
            Self::Seal => formatter.write_str("the summary at the end is damaged"),
            Self::Ledger { line } => write!(formatter, "line {line} of the ledger is damaged and was skipped"),
        }
    }
}

/// Numbers in order, neighbours together: `3, 5-8`.
fn ranges(numbers: &[Seq]) -> String {
    let chunks = numbers.chunk_by(|left, right| left.checked_add(1) == Some(*right));
    let words: Vec<String> = chunks
        .filter_map(|chunk| match chunk {
            [] => None,
            [only] => Some(only.to_string()),
            [first, .., last] => Some(format!("{first}-{last}")),
        })
        .collect();
    words.join(", ")
}

/// Something that went wrong without stopping anything, to be shown by whoever can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The index cannot be used; everything works without it, slower.
    NoIndex {
        /// Why.
        reason: String,
    },
    /// The index was damaged and was made anew.
    IndexRebuilt {
        /// What was wrong with it.
        reason: String,
    },
    /// A recording cannot be read and was left out.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Lines of the ledger are damaged and were skipped.
    Ledger {
        /// How many.
        lines: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIndex { reason } => write!(formatter, "the index cannot be used, reading the files: {reason}"),
            Self::IndexRebuilt { reason } => write!(formatter, "the index was damaged and was made anew: {reason}"),
            Self::Unreadable { path, reason } => write!(formatter, "`{}` is left out: {reason}", path.display()),
            Self::Ledger { lines: 1 } => formatter.write_str("1 line of the ledger is damaged and was skipped"),
            Self::Ledger { lines } => write!(formatter, "{lines} lines of the ledger are damaged and were skipped"),
        }
    }
}

/// Why the store did not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no store.
    #[error("there is no store at `{}`", root.display())]
    NoStore {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// A newer version wrote it.
    #[error("{what} was written by a newer retake (format {found}, this one knows {known})")]
    Newer {
        /// `this store` or the file.
        what: String,
        /// Its format.
        found: u16,
        /// The newest that is known.
        known: u16,
    },
    /// The file `format` of the store is not understood.
    #[error("`{}` does not name a format", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file is no recording.
    #[error("`{}` is not a recording", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The recording is too damaged for what was asked.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is damaged.
        damage: Vec<Damage>,
    },
    /// The file is there already.
    #[error("`{}` already exists", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another recording of this run is there already.
    #[error("run {run} is already in the store, and is a different recording")]
    Different {
        /// The run.
        run: RunId,
    },
    /// No run is meant by this.
    #[error("no run matches `{selector}`")]
    NoMatch {
        /// What was asked for.
        selector: String,
    },
    /// There are no runs, or not that many.
    #[error("no run is `{selector}`: {runs} recorded")]
    TooFewRuns {
        /// What was asked for.
        selector: String,
        /// How many recorded runs there are.
        runs: usize,
    },
    /// Several runs are meant by this.
    #[error("`{selector}` matches {} runs", candidates.len())]
    Ambiguous {
        /// What was asked for.
        selector: String,
        /// The runs, in order of their names.
        candidates: Vec<RunId>,
    },
    /// The run was removed.
    #[error("run {run} was removed")]
    Removed {
        /// The run.
        run: RunId,
    },
    /// The run is still being recorded.
    #[error("run {run} is still running")]
    Running {
        /// The run.
        run: RunId,
    },
    /// This cannot be a tag.
    #[error("`{tag}` cannot be a tag: {reason}")]
    Tag {
        /// What was given.
        tag: String,
        /// Why not.
        reason: &'static str,
    },
    /// Another process holds the file for too long.
    #[error("`{}` is in use by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// This event cannot be recorded; the next can.
    #[error("an event was not recorded in `{}`: {reason}", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Writing failed earlier, and nothing more is recorded.
    #[error("`{}` takes nothing more since writing failed", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
    /// The file system did not do something.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried, as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl Error {
    /// There is no thread to write with.
    #[must_use]
    pub fn thread(source: io::Error) -> Self {
        Self::io("start a thread for", Path::new("the recording"), source)
    }

    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
