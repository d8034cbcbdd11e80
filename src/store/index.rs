//! The sled index over the recordings: opened for milliseconds, never needed, made anew when damaged.
//!
//! Tree `runs`: run → size and time of its file and its summary. Tree `graphs`: run → packed graph, compressed, where
//! that is small. Tree `lookups`: kind, length, text, run → nothing.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::codec::{self, Packed, Record};
use super::{Error, Warning, ledger};
use crate::model::{RunId, Summary};

/// How long another process may hold the index.
const PATIENCE: Duration = Duration::from_secs(5);

/// sled keeps about ten times this much in memory.
const CACHE: u64 = 16 << 20;

/// Larger values cost sled a file each: they stay in the recording alone.
const SMALL: usize = 32 << 10;

/// The most that a graph in the index decodes to.
const LARGEST: u64 = 16 << 20;

/// Layout of the trees; another one is made anew.
const LAYOUT: &[u8] = b"1";

/// What runs can be looked up by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// A model that answered.
    Model(String),
    /// A tool that was called.
    Tool(String),
    /// blake3 of the text of the system messages of a call, joined by a zero byte.
    Prompt([u8; 32]),
    /// The run that was replayed.
    Parent(RunId),
}

impl Lookup {
    /// What the lookup finds this run by.
    pub(super) fn of(summary: &Summary, graph: &Packed) -> Vec<Self> {
        let models = summary.models.iter().cloned().map(Self::Model);
        let tools = summary.tools.iter().cloned().map(Self::Tool);
        let prompts = graph.prompts().into_iter().map(Self::Prompt);
        let parent = summary.started.parent.iter().map(|parent| Self::Parent(parent.run.clone()));
        models.chain(tools).chain(prompts).chain(parent).collect()
    }

    fn key(&self) -> Vec<u8> {
        let (kind, text) = match self {
            Self::Model(name) => (b'm', name.as_bytes()),
            Self::Tool(name) => (b't', name.as_bytes()),
            Self::Prompt(hash) => (b'p', hash.as_slice()),
            Self::Parent(run) => (b'r', run.as_str().as_bytes()),
        };
        let mut key = vec![kind];
        key.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        key.extend_from_slice(text);
        key
    }
}

/// Size and time of a file, by which a change is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: u64,
}

/// What the index keeps of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    pub(super) summary: Summary,
}

impl Entry {
    fn write(&self) -> Option<Vec<u8>> {
        let mut bytes = self.stamp.size.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.stamp.modified.to_le_bytes());
        codec::summary(&self.summary, 0, &mut bytes).ok()?;
        Some(bytes)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk()?;
        let (modified, rest) = rest.split_first_chunk()?;
        let stamp = Stamp { size: u64::from_le_bytes(*size), modified: u64::from_le_bytes(*modified) };
        match codec::read(rest) {
            Ok((Record::Summary(summary), _)) => Some(Self { stamp, summary: *summary }),
            _ => None,
        }
    }
}

/// A run to be put into the index.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) entry: Entry,
    pub(super) graph: Packed,
}

/// The index of a store; nothing is open between its calls.
#[derive(Debug)]
pub(super) struct Index {
    folder: PathBuf,
    lock: PathBuf,
}

struct Trees {
    runs: sled::Tree,
    graphs: sled::Tree,
    lookups: sled::Tree,
}

/// Why a session with sled ended without a result.
enum Trouble {
    /// Another process has it open.
    Busy,
    /// It is damaged.
    Damaged(String),
    /// Another version made it.
    OtherLayout,
    /// Anything else.
    Unusable(String),
}

/// A result, and a warning if the index was damaged on the way; without a result why there is none.
pub(super) type Outcome<T> = Result<(T, Option<Warning>), Warning>;

impl Index {
    pub(super) fn new(root: &std::path::Path) -> Self {
        Self { folder: root.join("index"), lock: root.join("index.lock") }
    }

    /// All runs that can be read.
    pub(super) fn entries(&self) -> Outcome<HashMap<RunId, Entry>> {
        self.with(|trees| {
            let mut entries = HashMap::new();
            for pair in &trees.runs {
                let (key, value) = pair?;
                if let (Some(run), Some(entry)) = (run_of(&key), Entry::read(&value))
                    && entry.summary.id == run
                {
                    entries.insert(run, entry);
                }
            }
            Ok(entries)
        })
    }

    /// Puts runs in and takes others out.
    pub(super) fn update(&self, fresh: &[Fresh], gone: &[RunId]) -> Outcome<()> {
        self.with(|trees| {
            let mut stale = gone.to_vec();
            for Fresh { entry, .. } in fresh {
                let run = &entry.summary.id;
                if trees.runs.contains_key(run.as_str())? {
                    stale.push(run.clone());
                }
            }
            if !stale.is_empty() {
                forget(trees, &stale)?;
            }
            // A run's entry goes last: what is lost of a torn index is lost with it and put in again.
            for Fresh { entry, graph } in fresh {
                let run = entry.summary.id.as_str();
                for lookup in Lookup::of(&entry.summary, graph) {
                    let mut key = lookup.key();
                    key.extend_from_slice(run.as_bytes());
                    trees.lookups.insert(key, &[])?;
                }
                if let Some(graph) = pack(graph) {
                    trees.graphs.insert(run, graph)?;
                }
                if let Some(entry) = entry.write() {
                    trees.runs.insert(run, entry)?;
                }
            }
            Ok(())
        })
    }

    /// Runs that are found by this, in order of their names.
    pub(super) fn find(&self, lookup: &Lookup) -> Outcome<Vec<RunId>> {
        let prefix = lookup.key();
        self.with(|trees| {
            let mut runs = Vec::new();
            for key in trees.lookups.scan_prefix(&prefix).keys() {
                let key = key?;
                if let Some(run) = run_of(&key[prefix.len()..])
                    && trees.runs.contains_key(run.as_str())?
                {
                    runs.push(run);
                }
            }
            Ok(runs)
        })
    }

    /// The graph of a run whose file has this stamp.
    pub(super) fn graph(&self, run: &RunId, stamp: Stamp) -> Outcome<Option<Packed>> {
        self.with(|trees| {
            let entry = trees.runs.get(run.as_str())?.and_then(|entry| Entry::read(&entry));
            if entry.is_none_or(|entry| entry.stamp != stamp) {
                return Ok(None);
            }
            Ok(trees.graphs.get(run.as_str())?.and_then(|graph| unpack(&graph)))
        })
    }

    /// Deletes the index.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let _lock = self.lock().map_err(|error| match error {
            LockError::Busy => Error::Busy { path: self.lock.clone() },
            LockError::Io(error) => Error::io("open", &self.lock, error),
        })?;
        self.delete().map_err(|error| Error::io("delete", &self.folder, error))
    }

    fn delete(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn lock(&self) -> Result<File, LockError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.lock);
        let file = file.map_err(LockError::Io)?;
        ledger::lock(&file, &self.lock).map_err(|_| LockError::Busy)?;
        Ok(file)
    }

    /// Opens, works, closes. Damage is met by setting sled's snapshot aside, then by beginning an empty index.
    fn with<T>(&self, work: impl Fn(&Trees) -> sled::Result<T>) -> Outcome<T> {
        let unusable = |reason: String| Warning::NoIndex { reason };
        let _lock = self.lock().map_err(|error| {
            unusable(match error {
                LockError::Busy => "another process has it open".to_owned(),
                LockError::Io(error) => format!("`{}`: {error}", self.lock.display()),
            })
        })?;
        let mut damage = None;
        for cure in [Cure::SetSnapshotAside, Cure::Delete, Cure::None] {
            let reason = match self.patiently(&work) {
                Ok(value) => return Ok((value, damage)),
                Err(Trouble::Damaged(reason)) => reason,
                Err(Trouble::OtherLayout) => {
                    self.delete().map_err(|error| unusable(error.to_string()))?;
                    continue;
                }
                Err(Trouble::Unusable(reason)) => return Err(unusable(reason)),
                Err(Trouble::Busy) => return Err(unusable("another process has it open".to_owned())),
            };
            let cured = match cure {
                Cure::SetSnapshotAside => self.set_snapshot_aside(),
                Cure::Delete => {
                    damage = Some(Warning::IndexRebuilt { reason });
                    self.delete()
                }
                Cure::None => return Err(unusable(reason)),
            };
            cured.map_err(|error| unusable(format!("`{}`: {error}", self.folder.display())))?;
        }
        Err(unusable("it stays damaged".to_owned()))
    }

    /// sled's own lock can outlive a session by a moment, and older versions take no other.
    fn patiently<T>(&self, work: &impl Fn(&Trees) -> sled::Result<T>) -> Result<T, Trouble> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            match self.session(work) {
                Err(Trouble::Busy) if begun.elapsed() < PATIENCE => thread::sleep(pause),
                result => return result,
            }
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    fn session<T>(&self, work: &impl Fn(&Trees) -> sled::Result<T>) -> Result<T, Trouble> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| Trouble::Unusable(format!("`{}`: {error}", self.folder.display())))?;
        let open = || sled::Config::new().path(&self.folder).cache_capacity(CACHE).flush_every_ms(None).open();
        let db = guarded(open)?;
        let result = guarded(|| {
            match db.get("layout")? {
                Some(layout) if layout != LAYOUT => return Ok(None),
                Some(_) => {}
                None => {
                    db.insert("layout", LAYOUT)?;
                }
            }
            let trees = Trees {
                runs: db.open_tree("runs")?,
                graphs: db.open_tree("graphs")?,
                lookups: db.open_tree("lookups")?,
            };
            let value = work(&trees)?;
            // sled's own flush leaves data in the drive's cache.
            if db.flush()? > 0 {
                File::open(self.folder.join("db"))?.sync_data()?;
            }
            Ok(Some(value))
        });
        guarded(move || {
            drop(db);
            Ok(())
        })?;
        result?.ok_or(Trouble::OtherLayout)
    }

    fn set_snapshot_aside(&self) -> io::Result<()> {
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            if let Some(name) = file.file_name().to_str()
                && name.starts_with("snap.")
            {
                fs::rename(file.path(), self.folder.join(format!("aside.{name}")))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl Index {
    /// Has a session panic for as long as this file is there.
    pub(super) fn panic_over(&self, file: &str) -> Outcome<usize> {
        self.with(|trees| {
            assert!(!self.folder.join(file).exists(), "it is damaged");
            Ok(trees.runs.len())
        })
    }

    /// Leaves the index as another version would.
    pub(super) fn make_foreign(&self) {
        let db = sled::Config::new().path(&self.folder).open().unwrap();
        db.insert("layout", b"0").unwrap();
        db.flush().unwrap();
    }
}

enum LockError {
    Busy,
    Io(io::Error),
}

enum Cure {
    SetSnapshotAside,
    Delete,
    None,
}

/// Runs a piece of sled; a panic in it is damage.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) => {
            let reason = error.to_string();
            let busy = error.kind() == io::ErrorKind::WouldBlock || reason.contains("could not acquire lock");
            Err(if busy { Trouble::Busy } else { Trouble::Unusable(reason) })
        }
        Ok(Err(error)) => Err(Trouble::Damaged(error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            Err(Trouble::Damaged(text.to_owned()))
        }
    }
}

/// Takes runs out of all trees; of the lookups whatever they were found by.
fn forget(trees: &Trees, runs: &[RunId]) -> sled::Result<()> {
    for run in runs {
        trees.runs.remove(run.as_str())?;
        trees.graphs.remove(run.as_str())?;
    }
    for key in trees.lookups.iter().keys() {
        let key = key?;
        let start = key.len().saturating_sub(RunId::LETTERS);
        if run_of(&key[start..]).is_some_and(|run| runs.contains(&run)) {
            trees.lookups.remove(key)?;
        }
    }
    Ok(())
}

fn run_of(key: &[u8]) -> Option<RunId> {
    RunId::parse(std::str::from_utf8(key).ok()?)
}

fn pack(graph: &Packed) -> Option<Vec<u8>> {
    let mut record = Vec::new();
    codec::graph(graph, 0, &mut record).ok()?;
    let packed = zstd::stream::encode_all(record.as_slice(), 3).ok()?;
    (packed.len() <= SMALL).then_some(packed)
}

fn unpack(packed: &[u8]) -> Option<Packed> {
    let mut record = Vec::new();
    zstd::stream::read::Decoder::new(packed).ok()?.take(LARGEST).read_to_end(&mut record).ok()?;
    match codec::read(&record) {
        Ok((Record::Graph(graph), _)) => Some(graph),
        _ => None,
    }
}
