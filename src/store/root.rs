//! The store's folder: making and opening it, and its runs one at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use super::index::{Index, Stamp};
use super::ledger::{self, Remark, Said, Verb};
use super::recording::reader::{self, Scan, Unread};
use super::recording::{FORMAT, Recorder};
use super::{Damage, Error, Recording, Warning};
use crate::model::event::Event;
use crate::model::{Micros, RunId, State};

/// A folder of runs. Any number of processes may use one at the same time.
#[derive(Debug)]
pub struct Store {
    pub(super) root: PathBuf,
    pub(super) index: Index,
    pub(super) warnings: Mutex<Warnings>,
}

/// What went wrong without stopping anything.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    said: Vec<Warning>,
    /// Whether the index failed: it is not tried again.
    pub(super) no_index: bool,
}

/// A recording's file in the store.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) run: RunId,
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

impl Store {
    /// Opens the store in this folder.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is none, [`Error::Newer`] if a newer version made it.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let path = root.join("format");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(found) if found > FORMAT => {
                    Err(Error::Newer { what: "this store".to_owned(), found, known: FORMAT })
                }
                Ok(1..) => Ok(Self::at(root)),
                _ => Err(Error::Format { path }),
            },
            Err(error) if error.kind() == ErrorKind::InvalidData => Err(Error::Format { path }),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(Error::NoStore { root: root.to_owned() })
            }
            Err(error) => Err(Error::io("read", &path, error)),
        }
    }

    /// Opens the store in this folder, making what is missing of it.
    ///
    /// # Errors
    /// If a newer version made it, or it cannot be written.
    pub fn create(root: &Path) -> Result<Self, Error> {
        match Self::open(root) {
            Ok(store) if store.runs().is_dir() => return Ok(store),
            Ok(_) | Err(Error::NoStore { .. }) => {}
            Err(error) => return Err(error),
        }
        let runs = root.join("runs");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&runs);
        made.map_err(|error| Error::io("create", &runs, error))?;
        for (name, content) in [(".gitignore", "*\n".to_owned()), ("format", format!("{FORMAT}\n"))] {
            let path = root.join(name);
            if !path.exists() {
                replace(&path, &mut content.as_bytes()).map_err(|error| Error::io("write", &path, error))?;
            }
        }
        Self::open(root)
    }

    fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), index: Index::new(root), warnings: Mutex::default() }
    }

    /// The store's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What went wrong since this was last asked, without stopping anything. Each thing is said once.
    pub fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner).said)
    }

    pub(super) fn warn(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.no_index |= matches!(warning, Warning::NoIndex { .. });
        if !warnings.said.contains(&warning) {
            warnings.said.push(warning);
        }
    }

    /// Begins the recording of a run.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one of that name.
    pub fn recorder(&self, run: &RunId) -> Result<Recorder, Error> {
        Recorder::create(&self.runs(), run)
    }

    /// The file of a run, whether or not it is there.
    #[must_use]
    pub fn path(&self, run: &RunId) -> PathBuf {
        self.runs().join(format!("{run}.retake"))
    }

    /// Reads a run's recording, finished or not.
    ///
    /// # Errors
    /// [`Error::NoMatch`] or [`Error::Removed`] if it is not there; else as [`Store::load_file`].
    pub fn load(&self, run: &RunId) -> Result<Recording, Error> {
        let path = self.path(run);
        if !path.exists() {
            return Err(self.missing(run));
        }
        load(&path)
    }

    /// Reads a recording that need not be in a store.
    ///
    /// # Errors
    /// If it is no recording, newer, or cannot be read. Damage is no error.
    pub fn load_file(path: &Path) -> Result<Recording, Error> {
        load(path)
    }

    /// Gives a run a name; several runs may have the same.
    ///
    /// # Errors
    /// [`Error::Tag`] if it could be taken for something else.
    pub fn tag(&self, run: &RunId, tag: &str, at: Micros) -> Result<(), Error> {
        check_tag(tag)?;
        self.say(run, Verb::Tag, tag, at)
    }

    /// Takes a name off a run; returns whether it had it.
    ///
    /// # Errors
    /// If the run is not there or the ledger cannot be written.
    pub fn untag(&self, run: &RunId, tag: &str, at: Micros) -> Result<bool, Error> {
        if !self.said()?.tags.get(run).is_some_and(|tags| tags.contains(tag)) {
            return if self.path(run).exists() { Ok(false) } else { Err(self.missing(run)) };
        }
        self.say(run, Verb::Untag, tag, at).map(|()| true)
    }

    /// Says something about a run.
    ///
    /// # Errors
    /// If the run is not there or the ledger cannot be written.
    pub fn note(&self, run: &RunId, text: &str, at: Micros) -> Result<(), Error> {
        self.say(run, Verb::Note, text, at)
    }

    /// What was said about a run, oldest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn notes(&self, run: &RunId) -> Result<Vec<Remark>, Error> {
        Ok(self.said()?.notes.remove(run).unwrap_or_default())
    }

    /// The names that were given to a run, sorted.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn tags(&self, run: &RunId) -> Result<Vec<String>, Error> {
        Ok(self.said()?.tags_of(run))
    }

    fn say(&self, run: &RunId, verb: Verb, text: &str, at: Micros) -> Result<(), Error> {
        if !self.path(run).exists() {
            return Err(self.missing(run));
        }
        ledger::append(&self.ledger(), at, verb, run, text)
    }

    /// Deletes a run's recording, and its tags and notes with it. Again does nothing.
    ///
    /// # Errors
    /// [`Error::Running`] while it is recorded, [`Error::NoMatch`] if there never was one.
    pub fn remove(&self, run: &RunId, at: Micros) -> Result<(), Error> {
        let path = self.path(run);
        let there = match File::open(&path) {
            Ok(mut file) => {
                if state(&mut file).map_err(|error| Error::io("read", &path, error))? == State::Running {
                    return Err(Error::Running { run: run.clone() });
                }
                true
            }
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let said = self.said()?;
        if there {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io("delete", &path, error)),
                _ => {}
            }
        } else if said.removed.contains(run) {
            return Ok(());
        } else if !said.tags.contains_key(run) && !said.notes.contains_key(run) {
            return Err(Error::NoMatch { selector: run.to_string() });
        }
        ledger::append(&self.ledger(), at, Verb::Remove, run, "")
    }

    /// Copies a run's recording to a new file, as it is.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is a file already.
    pub fn export(&self, run: &RunId, path: &Path) -> Result<(), Error> {
        let from = self.path(run);
        let mut file = match File::open(&from) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(self.missing(run)),
            Err(error) => return Err(Error::io("read", &from, error)),
        };
        let fail = |error| Error::io("write", path, error);
        let mut copy = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(copy) => copy,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::Exists { path: path.to_owned() });
            }
            Err(error) => return Err(fail(error)),
        };
        io::copy(&mut file, &mut copy).and_then(|_| copy.sync_data()).map_err(fail)
    }

    /// Checks a recording and copies it into the store; returns its run. The same again does nothing.
    ///
    /// # Errors
    /// [`Error::Damaged`] if anything was lost, [`Error::Different`] if another recording of the run is there.
    pub fn import(&self, path: &Path) -> Result<RunId, Error> {
        let recording = load(path)?;
        if recording.damage.iter().any(|damage| !matches!(damage, Damage::Torn { .. })) {
            return Err(Error::Damaged { path: path.to_owned(), damage: recording.damage });
        }
        let run = recording.id;
        let target = self.path(&run);
        let read = |path: &Path| File::open(path).map_err(|error| Error::io("read", path, error));
        let mut file = read(path)?;
        if target.exists() {
            let same = equal(&mut file, &mut read(&target)?).map_err(|error| Error::io("read", path, error))?;
            return if same { Ok(run) } else { Err(Error::Different { run }) };
        }
        replace(&target, &mut file).map_err(|error| Error::io("write", &target, error))?;
        Ok(run)
    }

    pub(super) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// What the ledger says; its damage becomes a warning.
    pub(super) fn said(&self) -> Result<Said, Error> {
        let said = ledger::read(&self.ledger())?;
        if !said.damage.is_empty() {
            self.warn(Warning::Ledger { lines: said.damage.len() });
        }
        Ok(said)
    }

    /// Why there is no file of this run.
    pub(super) fn missing(&self, run: &RunId) -> Error {
        match self.said() {
            Ok(said) if said.removed.contains(run) => Error::Removed { run: run.clone() },
            _ => Error::NoMatch { selector: run.to_string() },
        }
    }

    /// All recordings, in order of their names.
    pub(super) fn listed(&self) -> Result<Vec<Listed>, Error> {
        let runs = self.runs();
        let fail = |error| Error::io("read", &runs, error);
        let mut listed = Vec::new();
        let files = match fs::read_dir(&runs) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(listed),
            files => files.map_err(fail)?,
        };
        for file in files {
            let path = file.map_err(fail)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".retake"));
            let Some(run) = name.and_then(RunId::parse) else { continue };
            // A file that vanishes between these lines was removed.
            if let Ok(stamp) = stamp(&path) {
                listed.push(Listed { run, path, stamp });
            }
        }
        listed.sort_by(|left, right| left.run.cmp(&right.run));
        Ok(listed)
    }
}

fn check_tag(tag: &str) -> Result<(), Error> {
    let reason = if tag.is_empty() {
        "it is empty"
    } else if tag == "latest" {
        "it means the newest run"
    } else if tag.starts_with('-') {
        "it would be taken for an option"
    } else if tag.chars().any(|letter| letter.is_whitespace() || letter.is_control() || "~/:@".contains(letter)) {
        "it holds a space or one of `~`, `/`, `:`, `@`"
    } else {
        return Ok(());
    };
    Err(Error::Tag { tag: tag.to_owned(), reason })
}

/// Size and time of a file.
pub(super) fn stamp(path: &Path) -> io::Result<Stamp> {
    let data = fs::metadata(path)?;
    let since = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Stamp { size: data.len(), modified: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) })
}

/// What became of the run in this file: its footer says that it is finished, a lock that it is running.
pub(super) fn state(file: &mut File) -> io::Result<State> {
    if reader::footer(file)?.is_some() {
        return Ok(State::Finished);
    }
    match file.try_lock_shared() {
        Err(fs::TryLockError::WouldBlock) => return Ok(State::Running),
        Err(fs::TryLockError::Error(_)) => {}
        Ok(()) => file.unlock()?,
    }
    // It may have been sealed in between.
    Ok(if reader::footer(file)?.is_some() { State::Finished } else { State::Interrupted })
}

/// Reads the events of a file, handing each to `take`.
pub(super) fn scan(path: &Path, take: &mut dyn FnMut(Event) -> ControlFlow<()>) -> Result<(Scan, State), Error> {
    let fail = |error| Error::io("read", path, error);
    let mut file = File::open(path).map_err(fail)?;
    let state = state(&mut file).map_err(fail)?;
    let mut scan = reader::scan(&mut BufReader::new(file), take).map_err(|unread| unreadable(path, unread))?;
    if state == State::Running {
        scan.damage.retain(|damage| !matches!(damage, Damage::Torn { .. } | Damage::Empty));
    }
    let state = if scan.sealed && state != State::Running { State::Finished } else { state };
    Ok((scan, state))
}

pub(super) fn unreadable(path: &Path, unread: Unread) -> Error {
    match unread {
        Unread::Foreign => Error::Foreign { path: path.to_owned() },
        Unread::Newer(found) => Error::Newer { what: format!("`{}`", path.display()), found, known: FORMAT },
        Unread::Io(error) => Error::io("read", path, error),
    }
}

fn load(path: &Path) -> Result<Recording, Error> {
    let mut events = Vec::new();
    let (scan, state) = scan(path, &mut |event| {
        events.push(event);
        ControlFlow::Continue(())
    })?;
    let started = events.iter().find_map(|event| match event {
        Event::Started(started) => started.run.clone(),
        _ => None,
    });
    let name = || RunId::parse(path.file_stem()?.to_str()?);
    let Some(id) = scan.run.or(started).or_else(name) else {
        return Err(Error::Damaged { path: path.to_owned(), damage: scan.damage });
    };
    Ok(Recording { id, events, state, damage: scan.damage })
}

/// Where a file is written before it gets its name; no two writers share one.
pub(super) fn hidden(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// Writes a file whole or not at all.
fn replace(path: &Path, content: &mut impl Read) -> io::Result<()> {
    let hidden = hidden(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&hidden)?;
    let written = io::copy(content, &mut file).and_then(|_| file.flush()).and_then(|()| file.sync_data());
    if let Err(error) = written.and_then(|()| fs::rename(&hidden, path)) {
        let _ = fs::remove_file(&hidden);
        return Err(error);
    }
    Ok(())
}

/// Whether two files hold the same bytes.
fn equal(left: &mut File, right: &mut File) -> io::Result<bool> {
    if left.metadata()?.len() != right.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (BufReader::new(left).bytes(), BufReader::new(right).bytes());
    loop {
        match (left.next().transpose()?, right.next().transpose()?) {
            (None, None) => return Ok(true),
            (left, right) if left == right => {}
            _ => return Ok(false),
        }
    }
}
