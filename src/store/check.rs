//! Checks every file of a store against its checksums and the index, and makes the index anew.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::catalogue::{Read, reason};
use super::index::Entry;
use super::root::{Listed, scan};
use super::{Damage, Error, Store, Warning};
use crate::model::{RunId, State, Summary};

/// What a check of the whole store found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each recording, in order of their names.
    pub files: Vec<FileReport>,
    /// Damage of the ledger.
    pub ledger: Vec<Damage>,
    /// What is wrong with the index as a whole.
    pub index: Option<Warning>,
}

impl Report {
    /// Whether nothing is wrong. A run that is not yet indexed, or broke off as a kill leaves it, is not wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.ledger.is_empty() && self.index.is_none() && self.files.iter().all(FileReport::is_sound)
    }
}

/// What a check of one recording found.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// The run that the file's name means.
    pub run: RunId,
    /// The file.
    pub path: PathBuf,
    /// What became of the run; `None` if the file cannot be read at all.
    pub state: Option<State>,
    /// Frames of events.
    pub frames: u64,
    /// Events that were read.
    pub records: u64,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// Why the file cannot be read at all.
    pub error: Option<String>,
    /// Whether the index says the same.
    pub index: Agreement,
}

impl FileReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.error.is_none()
            && self.damage.iter().all(|damage| matches!(damage, Damage::Torn { .. }))
            && !matches!(self.index, Agreement::Differs)
    }
}

/// What the index says of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The same as the file.
    Agrees,
    /// Nothing yet, or something about an older state of the file.
    Behind,
    /// Something else than the file.
    Differs,
    /// There is no index, or the run is still recorded.
    Unasked,
}

impl Store {
    /// Reads every recording to its end and compares it with the index. Changes nothing.
    ///
    /// # Errors
    /// If the folder or the ledger cannot be read.
    pub fn verify(&self) -> Result<Report, Error> {
        let ledger = super::ledger::read(&self.ledger())?.damage;
        let (indexed, index) = match self.index.entries() {
            Ok((entries, warning)) => (Some(entries), warning),
            Err(warning) => (None, Some(warning)),
        };
        let files = self.listed()?.into_iter().map(|file| verify(file, indexed.as_ref()));
        Ok(Report { files: files.collect(), ledger, index })
    }

    /// Deletes the index and makes it anew from the files; returns how many runs it holds.
    ///
    /// # Errors
    /// If the index cannot be deleted, or the folder not be read.
    pub fn rebuild(&self, read: &Read<'_>) -> Result<usize, Error> {
        self.index.clear()?;
        self.warnings.lock().unwrap_or_else(std::sync::PoisonError::into_inner).no_index = false;
        let entries = self.catalogue(read)?;
        Ok(entries.iter().filter(|entry| entry.summary.state != State::Running).count())
    }
}

fn verify(file: Listed, indexed: Option<&HashMap<RunId, Entry>>) -> FileReport {
    let scanned = scan(&file.path, &mut |_| ControlFlow::Continue(()));
    let agreement = |state: State, summary: Option<&Summary>| {
        let Some(indexed) = indexed.filter(|_| state != State::Running) else { return Agreement::Unasked };
        match indexed.get(&file.run).filter(|entry| entry.stamp == file.stamp) {
            None => Agreement::Behind,
            Some(entry) if summary.is_some_and(|summary| *summary != entry.summary) => Agreement::Differs,
            Some(_) => Agreement::Agrees,
        }
    };
    match scanned {
        Ok((scan, state)) => {
            let mut damage = scan.damage;
            if scan.run.as_ref().is_some_and(|run| *run != file.run) {
                damage.push(Damage::Header);
            }
            let summary = scan.seal.summary.map(|summary| Summary { state: State::Finished, ..summary });
            FileReport {
                index: agreement(state, summary.as_ref()),
                run: file.run,
                path: file.path,
                state: Some(state),
                frames: scan.frames,
                records: scan.records,
                damage,
                error: None,
            }
        }
        Err(error) => FileReport {
            run: file.run,
            path: file.path,
            state: None,
            frames: 0,
            records: 0,
            damage: Vec::new(),
            error: Some(reason(&error)),
            index: Agreement::Unasked,
        },
    }
}
