//! Where commands get their runs: the store, or a recording file.

use std::path::{Path, PathBuf};

use super::{Error, Globals, Kind, origin};
use crate::config;
use crate::format::lines;
use crate::model::event::Event;
use crate::model::{NodeId, Run, RunGraph, RunId, State, Summary};
use crate::record;
use crate::store::{self, Recording, Store};
use crate::text::escape::{escaped, one_line};
use crate::text::units::count;
use crate::ui::{graph, runs};

/// A run and what lists say of it.
pub(crate) struct Found {
    /// The run.
    pub(crate) run: Run,
    /// Its line.
    pub(crate) summary: Summary,
    /// What is wrong with the recording.
    pub(crate) damage: Vec<String>,
}

/// The directory of the store to look into.
pub(crate) fn root(globals: &Globals) -> PathBuf {
    config::store_to_read(globals.store.as_deref(), &here()).path().to_path_buf()
}

/// The store; it is an error if there is none.
pub(crate) fn open(globals: &Globals) -> Result<Store, Error> {
    match Store::open(&root(globals)) {
        Err(store::Error::NoStore { .. }) => Err(nothing()),
        opened => opened.map_err(|error| failed(&error)),
    }
}

/// The store that new runs go to, made where it is not there yet.
pub(crate) fn make(globals: &Globals) -> Result<Store, Error> {
    let place = config::store_to_write(globals.store.as_deref(), &here());
    place.make().map_err(|error| {
        let path = one_line(&place.path().to_string_lossy());
        Error::new(Kind::Failed, format!("cannot make the store `{path}`")).cause(&error)
    })?;
    Store::create(place.path()).map_err(|error| failed(&error))
}

/// All runs, newest first; none where there is no store.
pub(crate) fn summaries(globals: &Globals) -> Result<Vec<Summary>, Error> {
    match Store::open(&root(globals)) {
        Err(store::Error::NoStore { .. }) => Ok(Vec::new()),
        opened => {
            let store = opened.map_err(|error| failed(&error))?;
            let all = store.summaries(&read).map_err(|error| failed(&error));
            warn(&store, globals);
            all
        }
    }
}

/// What the index keeps of a recording.
pub(crate) fn read(recording: &Recording) -> (Summary, RunGraph) {
    let run = understood(recording);
    let summary = record::summarise(&run, recording.state);
    (summary, run.graph)
}

/// The run that a recording holds.
fn understood(recording: &Recording) -> Run {
    record::assemble(&recording.id, &recording.events)
}

/// Says what went wrong in the store without stopping anything.
fn warn(store: &Store, globals: &Globals) {
    for warning in store.take_warnings() {
        globals.note(&format!("warning: {}", escaped(&warning.to_string())));
    }
}

fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// The name of the run that a selector means: `latest`, `latest~1`, a prefix, a tag.
pub(crate) fn resolve(selector: &str, globals: &Globals) -> Result<RunId, Error> {
    let store = open(globals)?;
    if let Some(back) = back(selector) {
        let mut all = summaries(globals)?;
        return match all.len() {
            0 => Err(nothing()),
            there if back < there => Ok(all.swap_remove(back).id),
            there => Err(Error::new(Kind::Usage, format!("no run is `{selector}`: there are {}", count(there, "run")))
                .hint("list the runs with `retake ls`")),
        };
    }
    let resolved = store.resolve(selector);
    warn(&store, globals);
    resolved.map_err(|error| match error {
        store::Error::Ambiguous { candidates, .. } => {
            let all = summaries(globals).unwrap_or_default();
            let rows: Vec<Summary> = all.iter().filter(|run| candidates.contains(&run.id)).cloned().collect();
            let error = format!("prefix `{selector}` is ambiguous, it matches {}:", count(candidates.len(), "run"));
            Error::new(Kind::Usage, error).rows(runs::candidates(&rows, &all, globals.err_paper()))
        }
        error @ (store::Error::NoMatch { .. } | store::Error::Removed { .. }) => {
            failed(&error).hint("list the runs with `retake ls`")
        }
        other => failed(&other),
    })
}

/// How many runs before the newest `latest` or `latest~2` means; `None` for any other selector.
fn back(selector: &str) -> Option<usize> {
    match selector.strip_prefix("latest")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

/// The recording in a file: as `export` wrote it, or as text.
pub(crate) fn file(path: &Path) -> Result<Recording, Error> {
    let shown = one_line(&path.strip_prefix(here()).unwrap_or(path).to_string_lossy());
    let failed =
        |cause: &dyn std::error::Error| Error::new(Kind::Failed, format!("cannot read `{shown}`")).cause(cause);
    if !is_text(path) {
        return Store::load_file(path).map_err(|error| failed(&error));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let (id, events) = lines::read(&text).map_err(|cause| {
        let error = Error::new(Kind::Failed, format!("{shown}: {cause}"));
        if matches!(cause, lines::Error::Conflict { .. }) {
            error.hint("take one side with `git checkout --theirs FILE` or `--ours`, or record the workflow again")
        } else {
            error
        }
    })?;
    let ended = matches!(events.last(), Some(Event::Ended(_)));
    let state = if ended { State::Finished } else { State::Interrupted };
    Ok(Recording { id, events, state, damage: Vec::new() })
}

/// Whether a file is a recording as text.
pub(crate) fn is_text(path: &Path) -> bool {
    let mut start = [0; 1];
    let begins = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    path.extension() == Some("jsonl".as_ref()) || (begins.is_ok() && start == *b"{")
}

/// Puts events into the store as a run of this name, unless it is there.
pub(crate) fn keep(store: &Store, id: &RunId, events: &[Event]) -> Result<(), Error> {
    if store.path(id).exists() {
        return Ok(());
    }
    let mut recorder = store.recorder(id).map_err(|error| failed(&error))?;
    for event in events {
        recorder.write(event).map_err(|error| failed(&error))?;
    }
    let run = record::assemble(id, events);
    let summary = record::summarise(&run, State::Finished);
    recorder.seal(&summary, &run.graph).map_err(|error| failed(&error))
}

/// The recording that a selector means, or that is in a file.
pub(crate) fn recording(selector: &str, globals: &Globals) -> Result<Recording, Error> {
    if is_file(selector) {
        return file(Path::new(selector));
    }
    let id = resolve(selector, globals)?;
    open(globals)?.load(&id).map_err(|error| failed(&error))
}

/// The run that a selector means, or the one in a recording file.
pub(crate) fn find(selector: &str, globals: &Globals) -> Result<Found, Error> {
    let (recording, known) = if is_file(selector) {
        (file(Path::new(selector))?, None)
    } else {
        let id = resolve(selector, globals)?;
        let store = open(globals)?;
        let recording = store.load(&id).map_err(|error| failed(&error))?;
        let known = store.summary(&id, &read).map_err(|error| failed(&error))?;
        warn(&store, globals);
        (recording, Some(known))
    };
    let damage: Vec<String> =
        recording.damage.iter().map(|damage| format!("the recording is damaged: {damage}")).collect();
    for damage in &damage {
        globals.note(&format!("warning: {damage}"));
    }
    let run = understood(&recording);
    let summary = known.unwrap_or_else(|| record::summarise(&run, recording.state));
    Ok(Found { run, summary, damage })
}

/// The run that a selector means, and whether it came from elsewhere: a file, an import, a copy.
pub(crate) fn find_with_origin(selector: &str, globals: &Globals) -> Result<(Found, bool), Error> {
    let found = find(selector, globals)?;
    if is_file(selector) {
        return Ok((found, true));
    }
    let strange = origin::is_strange(&open(globals)?, &found.run.id, &found.run.started)?;
    Ok((found, strange))
}

/// Whether a selector is a path rather than a name.
pub(crate) fn is_file(selector: &str) -> bool {
    let named = |extension: &std::ffi::OsStr| extension == "retake" || extension == "jsonl";
    (selector.contains('/') || Path::new(selector).extension().is_some_and(named)) && Path::new(selector).is_file()
}

/// Takes `RUN:NODE`, `RUN` or `NODE` apart. A number alone is a node of the latest run.
pub(crate) fn split(target: &str) -> (&str, Option<&str>) {
    if !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_digit()) {
        return ("latest", Some(target));
    }
    if is_file(target) {
        return (target, None);
    }
    match target.rsplit_once(':') {
        Some((run, node)) if !node.is_empty() => (if run.is_empty() { "latest" } else { run }, Some(node)),
        _ => (target.trim_end_matches(':'), None),
    }
}

/// The node of a run that a number or a name means.
pub(crate) fn node(run: &Run, selector: &str) -> Result<NodeId, Error> {
    let ids: Vec<NodeId> = run.graph.nodes().map(|node| node.id).collect();
    if let Ok(number) = selector.parse() {
        let id = NodeId(number);
        return if ids.contains(&id) { Ok(id) } else { Err(no_node(run, selector, &ids)) };
    }
    let named: Vec<NodeId> = run.graph.nodes().filter(|node| node.name == selector).map(|node| node.id).collect();
    match named.as_slice() {
        [only] => Ok(*only),
        [] => Err(no_node(run, selector, &ids)),
        many => Err(Error::new(
            Kind::Usage,
            format!("run `{}` has {} nodes named `{selector}`: {}", run.id, many.len(), graph::ranges(many)),
        )),
    }
}

fn no_node(run: &Run, selector: &str, ids: &[NodeId]) -> Error {
    let nodes = match ids {
        [] => "it has none".to_owned(),
        [only] => format!("its only node is {only}"),
        _ => format!("its nodes are {}", graph::ranges(ids)),
    };
    Error::new(Kind::Usage, format!("run `{}` has no node `{selector}`; {nodes}", run.id))
}

/// The tree that a run belongs to: the recording that it came from, and all replays of that.
pub(crate) fn tree(run: &RunId, globals: &Globals) -> Result<Vec<Summary>, Error> {
    let all = summaries(globals)?;
    let parent = |id: &RunId| {
        let run = all.iter().find(|run| run.id == *id)?;
        run.started
            .parent
            .as_ref()
            .map(|parent| parent.run.clone())
            .filter(|parent| all.iter().any(|run| run.id == *parent))
    };
    let mut root = run.clone();
    // A tree that is not one, in files that were tampered with, ends somewhere too.
    for _ in 0..all.len() {
        let Some(parent) = parent(&root) else { break };
        root = parent;
    }
    let mut ids = vec![root];
    let mut at = 0;
    while let Some(id) = ids.get(at).cloned() {
        let replays = all.iter().filter(|run| run.started.parent.as_ref().is_some_and(|parent| parent.run == id));
        let new: Vec<RunId> = replays.map(|run| run.id.clone()).filter(|id| !ids.contains(id)).collect();
        ids.extend(new);
        at += 1;
    }
    Ok(all.into_iter().filter(|run| ids.contains(&run.id)).collect())
}

/// The latest run that was recorded, not replayed.
pub(crate) fn latest_recorded(globals: &Globals) -> Result<RunId, Error> {
    let recorded = summaries(globals)?.into_iter().find(|run| run.started.parent.is_none());
    recorded.map(|run| run.id).ok_or_else(nothing)
}

/// There is no run where one is needed.
pub(crate) fn nothing() -> Error {
    Error::new(Kind::Usage, runs::EMPTY).hint(RECORD_ONE)
}

/// The hint where there are no runs.
pub(crate) const RECORD_ONE: &str = "record one with `retake record python agent.py`, or try `retake demo`";

/// What the store says, as the user's error.
pub(crate) fn failed(error: &store::Error) -> Error {
    let told = Error::new(Kind::Failed, error.to_string());
    match std::error::Error::source(error) {
        Some(cause) => told.cause(cause),
        None => told,
    }
}

/// Whether a run is still being recorded.
pub(crate) fn is_running(summary: &Summary) -> bool {
    summary.state == State::Running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_runs_or_nodes() {
        for (target, run, node) in [
            ("5", "latest", Some("5")),
            ("kmqx", "kmqx", None),
            ("kmqx:5", "kmqx", Some("5")),
            ("latest~1:summarize", "latest~1", Some("summarize")),
            (":5", "latest", Some("5")),
            ("kmqx:", "kmqx", None),
        ] {
            assert_eq!(split(target), (run, node), "{target}");
        }
    }
}
