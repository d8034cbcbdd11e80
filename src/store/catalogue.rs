//! All runs of a store in a line each, from the index where it is up to date and from the files where it is not.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::PoisonError;

use super::codec::Packed;
use super::index::{Entry, Fresh, Lookup, Outcome};
use super::recording::reader;
use super::root::{Listed, scan, unreadable};
use super::{Error, Recording, Store, Warning};
use crate::model::event::{Event, Started};
use crate::model::{RunGraph, RunId, State, Summary};

/// Makes summary and graph of a recording; needed for runs that were not sealed.
pub type Read<'a> = dyn Fn(&Recording) -> (Summary, RunGraph) + 'a;

/// A run as its first event tells it.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) run: RunId,
    pub(super) started: Started,
    /// When its file was last written: decides between runs that began at the same time.
    modified: u64,
}

impl Store {
    /// All runs, newest first, with the tags of the ledger. What is not yet indexed is read from its file and
    /// indexed; running and interrupted runs are made by `read`. A file that cannot be read is left out with a
    /// warning.
    ///
    /// # Errors
    /// If the folder or the ledger cannot be read.
    pub fn summaries(&self, read: &Read<'_>) -> Result<Vec<Summary>, Error> {
        let said = self.said()?;
        let mut summaries: Vec<(u64, Summary)> = self
            .catalogue(read)?
            .into_iter()
            .map(|entry| (entry.stamp.modified, entry.summary))
            .map(|(modified, summary)| (modified, Summary { tags: said.tags_of(&summary.id), ..summary }))
            .collect();
        summaries.sort_by(|(left_time, left), (right_time, right)| {
            (right.started.at, right_time, &right.id).cmp(&(left.started.at, left_time, &left.id))
        });
        Ok(summaries.into_iter().map(|(_, summary)| summary).collect())
    }

    /// The summary of one run.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn summary(&self, run: &RunId, read: &Read<'_>) -> Result<Summary, Error> {
        let (summary, _) = self.read_one(run, read)?;
        Ok(Summary { tags: self.said()?.tags_of(run), ..summary })
    }

    /// The graph of one run, without the texts of its nodes: numbers, kinds, names, times, tokens, edges.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn graph(&self, run: &RunId, read: &Read<'_>) -> Result<RunGraph, Error> {
        if let Ok(stamp) = super::root::stamp(&self.path(run))
            && let Some(Some(graph)) = self.ask(|store| store.index.graph(run, stamp))
            && let Some(graph) = graph.graph()
        {
            return Ok(graph);
        }
        let (_, graph) = self.read_one(run, read)?;
        Ok(graph.graph().unwrap_or_default())
    }

    fn read_one(&self, run: &RunId, read: &Read<'_>) -> Result<(Summary, Packed), Error> {
        let path = self.path(run);
        match super::root::stamp(&path) {
            Ok(stamp) => summarise(&Listed { run: run.clone(), path, stamp }, read),
            Err(_) => Err(self.missing(run)),
        }
    }

    /// Runs that this finds, in order of their names.
    ///
    /// # Errors
    /// As [`Store::summaries`].
    pub fn find(&self, lookup: &Lookup, read: &Read<'_>) -> Result<Vec<RunId>, Error> {
        let entries = self.catalogue(read)?;
        // Runs that are still recorded are never in the index.
        let (running, indexed): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.summary.state == State::Running);
        let found = self.ask(|store| store.index.find(lookup));
        let (unknown, mut runs) = match found {
            Some(found) => (running, found),
            None => (running.into_iter().chain(indexed).collect(), Vec::new()),
        };
        for entry in unknown {
            let (summary, graph) = self.read_one(&entry.summary.id, read)?;
            if Lookup::of(&summary, &graph).contains(lookup) {
                runs.push(summary.id);
            }
        }
        runs.sort_unstable();
        runs.dedup();
        Ok(runs)
    }

    /// An entry for each run that can be read; brings the index up to date.
    pub(super) fn catalogue(&self, read: &Read<'_>) -> Result<Vec<Entry>, Error> {
        let listed = self.listed()?;
        let mut indexed = self.entries(&listed);
        let (mut entries, mut fresh) = (Vec::with_capacity(listed.len()), Vec::new());
        for file in &listed {
            match indexed.remove(&file.run) {
                Some(entry) if entry.stamp == file.stamp => entries.push(entry),
                _ => match summarise(file, read) {
                    Ok((summary, graph)) => {
                        let entry = Entry { stamp: file.stamp, summary };
                        if entry.summary.state != State::Running {
                            fresh.push(Fresh { entry: entry.clone(), graph });
                        }
                        entries.push(entry);
                    }
                    // It was removed while this was on its way.
                    Err(_) if !file.path.exists() => {}
                    Err(error) => self.warn(Warning::Unreadable { path: file.path.clone(), reason: reason(&error) }),
                },
            }
        }
        let gone: Vec<RunId> = indexed.into_keys().filter(|run| !self.path(run).exists()).collect();
        if !fresh.is_empty() || !gone.is_empty() {
            self.ask(|store| store.index.update(&fresh, &gone));
        }
        Ok(entries)
    }

    /// What the index holds; nothing if it is not to be used, or if there is no file it could be about.
    fn entries(&self, listed: &[Listed]) -> HashMap<RunId, Entry> {
        if listed.is_empty() && !self.root.join("index").exists() {
            return HashMap::new();
        }
        self.ask(|store| store.index.entries()).unwrap_or_default()
    }

    /// Asks the index, and takes its warning; one that failed is not asked again.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Self) -> Outcome<T>) -> Option<T> {
        if self.warnings.lock().unwrap_or_else(PoisonError::into_inner).no_index {
            return None;
        }
        match question(self) {
            Ok((value, warning)) => {
                if let Some(warning) = warning {
                    self.warn(warning);
                }
                Some(value)
            }
            Err(warning) => {
                self.warn(warning);
                None
            }
        }
    }

    /// How a run began; empty if that is damaged.
    pub(super) fn beginning(&self, run: &RunId) -> Result<Started, Error> {
        let path = self.path(run);
        if path.exists() { Ok(first(&path)?.unwrap_or_default()) } else { Err(self.missing(run)) }
    }

    /// How each run began, newest first. Needs nothing but the first event of what is not indexed.
    pub(super) fn heads(&self) -> Result<Vec<Head>, Error> {
        let listed = self.listed()?;
        let mut indexed = self.entries(&listed);
        let mut heads = Vec::with_capacity(listed.len());
        for file in listed {
            let started = match indexed.remove(&file.run) {
                Some(entry) if entry.stamp == file.stamp => Some(entry.summary.started),
                _ => first(&file.path).ok().flatten(),
            };
            if let Some(started) = started {
                heads.push(Head { run: file.run, started, modified: file.stamp.modified });
            }
        }
        heads.sort_by(|left, right| {
            (right.started.at, right.modified, &right.run).cmp(&(left.started.at, left.modified, &left.run))
        });
        Ok(heads)
    }
}

/// Summary and graph of a run: from its seal, else made of its events.
pub(super) fn summarise(file: &Listed, read: &Read<'_>) -> Result<(Summary, Packed), Error> {
    let path = &file.path;
    let opened = File::open(path).map_err(|error| Error::io("read", path, error))?;
    let seal = reader::seal(&mut BufReader::new(opened)).map_err(|unread| unreadable(path, unread))?;
    if let Some(seal) = seal
        && let (Some(summary), Some(graph)) = (seal.summary, seal.graph)
        && summary.id == file.run
    {
        return Ok((Summary { state: State::Finished, ..summary }, graph));
    }
    let recording = Store::load_file(path)?;
    let (summary, graph) = read(&recording);
    Ok((Summary { id: file.run.clone(), state: recording.state, ..summary }, Packed::new(&graph)))
}

/// How a recording begins; `None` if that is damaged.
fn first(path: &Path) -> Result<Option<Started>, Error> {
    let mut started = None;
    scan(path, &mut |event| {
        if let Event::Started(event) = event {
            started = Some(event);
        }
        ControlFlow::Break(())
    })?;
    Ok(started)
}

/// An error and what caused it, in one line.
pub(super) fn reason(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
