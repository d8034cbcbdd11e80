//! Workflows of a project, run: what `test`, `review` and the library's function share.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::behind::Surroundings;
use super::replay::{self, Request};
use super::{Error, Globals, Kind, library, origin, snapshot as kept};
use crate::config::{self, Settings, Workflow};
use crate::model::{self, Run, RunId};
use crate::record;
use crate::replay::{Live, Options, Plan, unmatched};
use crate::snapshot::{self, Failure, Folder, Outcome, Snapshot, Verdict};
use crate::store::{Recording, Store};
use crate::text::escape::one_line;
use crate::text::json::Path as JsonPath;

/// The folder whose workflows these are: that of the nearest `retake.toml` or git repository.
pub(crate) struct Project {
    pub(crate) path: PathBuf,
    /// Its `retake.toml`, which may not be there yet.
    pub(crate) file: PathBuf,
    pub(crate) folder: Folder,
    /// Its workflows.
    pub(crate) workflows: Vec<Workflow>,
    /// A `retake.toml` further up, whose settings hold as long as the project has none of its own.
    pub(crate) above: Option<PathBuf>,
}

impl Project {
    /// The project of the working directory; without a `retake.toml` or a git repository it is the directory itself.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Error> {
        let here = std::env::current_dir()
            .map_err(|error| Error::new(Kind::Own, "cannot tell the working directory").cause(&error))?;
        let is_project = |above: &&Path| above.join(config::FILE).is_file() || above.join(".git").exists();
        let path = here.ancestors().find(is_project).unwrap_or(&here).to_path_buf();
        let file = path.join(config::FILE);
        let own = file.is_file();
        Ok(Self {
            workflows: if own { settings.workflows.clone() } else { Vec::new() },
            above: settings.path.clone().filter(|_| !own),
            folder: Folder::of(&path),
            file,
            path,
        })
    }

    pub(crate) fn failed(&self, what: &str, error: &io::Error) -> Error {
        let folder = one_line(&short(self.folder.path()));
        Error::new(Kind::Failed, format!("cannot {what} `{folder}`")).cause(error)
    }
}

/// A path as it is seen from here, where it is below.
pub(crate) fn short(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_string_lossy().into_owned()
}

/// What became of a workflow's test.
pub(crate) struct Tested {
    pub(crate) workflow: Workflow,
    /// How many nodes the recording has.
    pub(crate) nodes: usize,
    /// Microseconds that it took.
    pub(crate) took: u64,
    pub(crate) result: Result<Vec<Failure>, Error>,
    /// The replay's grade line.
    pub(crate) grade: String,
    /// Every approximation that the replay made.
    pub(crate) approximations: Vec<String>,
    /// Whether the agent was ended by an interrupt (SIGINT).
    pub(crate) interrupted: bool,
    /// Names of recording and replay in the store, where a failure was kept.
    pub(crate) runs: Option<(RunId, RunId)>,
    /// What a failure says now, for review; the recording where there is one to accept.
    pub(crate) now: Option<(String, Option<String>)>,
}

impl Tested {
    /// The test as data.
    pub(crate) fn verdict(&self, project: &Project) -> Verdict {
        let result = match &self.result {
            Ok(failures) if failures.is_empty() => snapshot::Ended::Passed,
            Ok(failures) => snapshot::Ended::Failed(failures.clone()),
            Err(error) => {
                let (what, causes, hints) = error.parts();
                snapshot::Ended::Broken { what, causes, hints }
            }
        };
        Verdict {
            name: self.workflow.name.clone(),
            nodes: self.nodes,
            took: self.took,
            grade: self.grade.clone(),
            approximations: self.approximations.clone(),
            runs: self.runs.clone(),
            snapshot: short(&project.folder.snapshot(&self.workflow.name)),
            result,
        }
    }
}

/// How workflows are tested.
pub(crate) struct How {
    /// Whether runs that fail are kept in the store.
    pub(crate) keep: bool,
    /// Seconds until an agent is ended that its workflow says nothing about.
    pub(crate) timeout: Option<u64>,
    /// How many run at once.
    pub(crate) jobs: usize,
}

/// Tests workflows, several at once; `done` is told of each as it ends. After an interrupt none is begun.
pub(crate) fn test(
    workflows: &[Workflow],
    project: &Project,
    how: &How,
    globals: &Globals,
    done: &(dyn Fn(&Tested) + Sync),
) -> Result<Vec<Tested>, Error> {
    let (next, interrupted) = (AtomicUsize::new(0), AtomicBool::new(false));
    let jobs = how.jobs.clamp(1, workflows.len().max(1));
    let mut tested: Vec<(usize, Tested)> = thread::scope(|scope| {
        let worker = || {
            let mut mine = Vec::new();
            while !interrupted.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(workflow) = workflows.get(at) else { break };
                let tested = one(workflow, project, how, globals);
                done(&tested);
                interrupted.fetch_or(tested.interrupted, Ordering::Relaxed);
                mine.push((at, tested));
            }
            mine
        };
        let handles: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).collect()
    });
    if tested.len() < workflows.len() {
        let what = format!("{} of {} workflows were tested", tested.len(), workflows.len());
        let why = if interrupted.into_inner() { "interrupted" } else { "retake has a bug" };
        return Err(Error::new(Kind::Failed, format!("{why}: {what}")));
    }
    tested.sort_by_key(|(at, _)| *at);
    Ok(tested.into_iter().map(|(_, tested)| tested).collect())
}

fn one(workflow: &Workflow, project: &Project, how: &How, globals: &Globals) -> Tested {
    let began = config::now();
    let mut tested = Tested {
        workflow: workflow.clone(),
        nodes: 0,
        took: 0,
        result: Ok(Vec::new()),
        grade: String::new(),
        approximations: Vec::new(),
        interrupted: false,
        runs: None,
        now: None,
    };
    tested.result = attempt(workflow, project, how, globals, &mut tested);
    tested.took = config::now().since(began);
    tested
}

/// Exit code of a program that an interrupt ended: 128 and the signal.
const INTERRUPTED: i32 = 130;

fn attempt(
    workflow: &Workflow,
    project: &Project,
    how: &How,
    globals: &Globals,
    tested: &mut Tested,
) -> Result<Vec<Failure>, Error> {
    let directory = workflow.directory.as_ref().map_or(project.path.clone(), |below| project.path.join(below));
    let around = Surroundings::at(directory.clone())?;
    let settings = around.settings;
    let name = &workflow.name;
    settle(project, workflow, &settings)?;
    let path = project.folder.recording(name);
    if !path.is_file() {
        return Err(Error::new(Kind::Failed, format!("`{}` is not there", one_line(&short(&path))))
            .hint(format!("make it from a run with `retake snapshot RUN --name {name}`")));
    }
    let recording = library::file(&path)?;
    let recorded = record::assemble(&recording.id, &recording.events);
    tested.nodes = recorded.graph.len();
    let file = kept::file_of(&recorded, workflow, &settings, &recorded);
    agree(project, name, &file)?;
    let options = options(workflow, &recorded, &settings);
    let plan = Plan::new(recorded.clone(), options.clone()).map_err(replay::refused)?;
    let open: Vec<String> =
        replay::unagreed(&plan, &settings).into_iter().filter(|tool| !workflow.tools.contains(tool)).collect();
    if !open.is_empty() {
        let names: Vec<String> = open.iter().map(|name| format!("`{}`", one_line(name))).collect();
        let what = format!("{} would run again, and nobody agreed to it", names.join(", "));
        let named: Vec<String> = open.iter().map(|name| format!("\"{}\"", one_line(name))).collect();
        return Err(Error::new(Kind::Failed, what)
            .hint(format!("if it does no harm, say so in `retake.toml`: `tools = [{}]`", named.join(", "))));
    }
    let scratch = Scratch::new()?;
    let quiet = scratch.globals(globals);
    let (upstream, _serving) = replay::stand_in(&recorded, false)?;
    let seconds = workflow.timeout.or(how.timeout);
    let request = Request {
        command: if workflow.command.is_empty() { &recorded.started.command } else { &workflow.command }
            .iter()
            .map(OsString::from)
            .collect(),
        changes: vec!["test".to_owned()],
        upstream,
        yes: true,
        mute: true,
        agreed: true,
        directory: Some(directory),
        timeout: seconds.map(Duration::from_secs),
        ..Request::default()
    };
    let done = replay::perform(recorded.clone(), options, &request, &quiet)?;
    tested.grade.clone_from(&done.line);
    tested.approximations.clone_from(&done.loose.says);
    tested.interrupted = done.run.ended.as_ref().is_some_and(|ended| ended.code == INTERRUPTED);
    let refused = unmatched(&plan, &done.run);
    let outcome = Outcome {
        recorded: &recorded,
        replay: &done.run,
        unmatched: &refused,
        stale: &done.loose.stale,
        redacted: &done.loose.redacted,
        timed_out: seconds.filter(|_| done.timed_out),
    };
    let failures = snapshot::check(outcome, workflow, &settings.names);
    if !failures.is_empty() {
        let store = Store::open(&scratch.0).map_err(|error| library::failed(&error))?;
        let replayed = store.load(&done.run.id).map_err(|error| library::failed(&error))?;
        let whole = failures.iter().all(|failure| failure.kind.can_be_accepted());
        let text = whole.then(|| kept::text_of(&replayed.events));
        let file = match &text {
            // Its nodes have the numbers that they will have once it is accepted.
            Some(text) => kept::file_of(&read(text)?, workflow, &settings, &recorded),
            None => kept::file_of(&done.run, workflow, &settings, &recorded),
        };
        tested.now = Some((file.write(), text));
        if how.keep {
            // What was found is worth more than where it is kept.
            tested.runs = keep(globals, &recording, &store.path(&done.run.id), &done.run.id).ok();
        }
    }
    Ok(failures)
}

/// The run that a recording as text holds.
fn read(text: &str) -> Result<Run, Error> {
    let (id, events) = crate::format::lines::read(text)
        .map_err(|error| Error::new(Kind::Failed, format!("a recording cannot be read back: {error}")))?;
    Ok(record::assemble(&id, &events))
}

/// Puts a recording, as text, in the place of a workflow's old one, and writes what it says.
pub(crate) fn accept(project: &Project, workflow: &Workflow, settings: &Settings, text: &str) -> Result<(), Error> {
    let run = read(text)?;
    let file = kept::file_of(&run, workflow, settings, &run);
    project.folder.write(&workflow.name, &file.write(), text).map_err(|error| project.failed("write", &error))
}

/// Writes what a workflow's recording says, after what is volatile has changed.
pub(crate) fn write_again(project: &Project, workflow: &Workflow, settings: &Settings) -> Result<(), Error> {
    let path = project.folder.recording(&workflow.name);
    if !path.is_file() {
        return Ok(());
    }
    let recording = library::file(&path)?;
    let run = record::assemble(&recording.id, &recording.events);
    let file = kept::file_of(&run, workflow, settings, &run);
    project.folder.write_snapshot(&workflow.name, &file.write()).map_err(|error| project.failed("write", &error))
}

/// A snapshot that another program accepted or rejected (`cargo insta review`) takes its recording along.
fn settle(project: &Project, workflow: &Workflow, settings: &Settings) -> Result<(), Error> {
    let Some(waiting) = project.folder.left_over(&workflow.name) else { return Ok(()) };
    let recording = library::file(&waiting)?;
    let run = record::assemble(&recording.id, &recording.events);
    let says = kept::file_of(&run, workflow, settings, &run);
    if Snapshot::load(&project.folder.snapshot(&workflow.name)).is_ok_and(|there| there.says(&says.text)) {
        accept(project, workflow, settings, &kept::text_of(&recording.events))
    } else {
        project.folder.reject(&workflow.name).map_err(|error| project.failed("write", &error))
    }
}

/// Puts recording and replay into the store, to be looked at.
fn keep(globals: &Globals, recording: &Recording, replay: &Path, id: &RunId) -> Result<(RunId, RunId), Error> {
    let store = library::make(globals)?;
    library::keep(&store, &recording.id, &recording.events)?;
    store.note(&recording.id, origin::IMPORTED, config::now()).map_err(|error| library::failed(&error))?;
    store.import(replay).map_err(|error| library::failed(&error))?;
    Ok((recording.id.clone(), id.clone()))
}

/// Whether the snapshot that readers see says what the recording holds.
fn agree(project: &Project, name: &str, says: &Snapshot) -> Result<(), Error> {
    let path = project.folder.snapshot(name);
    let shown = one_line(&short(&path));
    let again =
        format!("write it again with `retake snapshot {} --name {name}`", short(&project.folder.recording(name)));
    if !path.is_file() {
        return Err(Error::new(Kind::Failed, format!("`{shown}` is not there")).hint(again));
    }
    let there = Snapshot::load(&path).map_err(|error| {
        let hint = match error {
            snapshot::Error::Conflict { .. } => format!("resolve the recording first, then {again}"),
            _ => again.clone(),
        };
        Error::new(Kind::Failed, format!("{shown}: {error}")).hint(hint)
    })?;
    if there.says(&says.text) || there.is_of_another_version() {
        return Ok(());
    }
    let differs = there.text.lines().zip(says.text.lines()).take_while(|(left, right)| left == right).count();
    let header = std::fs::read_to_string(&path)
        .map_or(0, |text| text.lines().count().saturating_sub(there.text.lines().count()));
    Err(Error::new(
        Kind::Failed,
        format!("{shown}:{}: the snapshot does not say what its recording holds", header + differs + 1),
    )
    .hint(again))
}

fn options(workflow: &Workflow, recorded: &Run, settings: &Settings) -> Options {
    let tools = volatile_tools(workflow, recorded);
    let is_tool = |entry: &String| tools.iter().any(|tool| entry == tool || entry.starts_with(&format!("{tool}.")));
    let fields = workflow.volatile.iter().filter(|entry| !is_tool(entry));
    let ignore = fields.chain(&settings.replay.ignore).filter_map(|path| JsonPath::parse(path).ok()).collect();
    Options { live: Live::Never, ignore, settings: settings.clone(), ..Options::default() }
}

/// Tools of a run whose results a workflow does not compare, wholly or in part.
pub(crate) fn volatile_tools(workflow: &Workflow, run: &Run) -> Vec<String> {
    let mut tools: Vec<String> = run
        .graph
        .nodes()
        .filter(|node| node.kind == model::Kind::Tool)
        .map(|node| node.name.clone())
        .filter(|name| workflow.volatile.iter().any(|entry| entry == name || entry.starts_with(&format!("{name}."))))
        .collect();
    tools.sort();
    tools.dedup();
    tools
}

/// A store that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("retake-test-{}-{:016x}", std::process::id(), config::seed()));
        config::Location::Given(path.clone())
            .make()
            .map_err(|error| Error::new(Kind::Failed, "cannot make a temporary store").cause(&error))?;
        Ok(Self(path))
    }

    fn globals(&self, globals: &Globals) -> Globals {
        globals.elsewhere(self.0.clone())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in the temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
