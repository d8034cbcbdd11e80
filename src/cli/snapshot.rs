//! `retake snapshot`: keeps a run as a workflow that `retake test` runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::behind::Surroundings;
use super::workflows::{self, Project, volatile_tools};
use super::{Error, Globals, Kind, library, replay};
use crate::config::{self, Settings, Workflow};
use crate::format::lines;
use crate::model::event::{Action, Event};
use crate::model::{Run, State};
use crate::record;
use crate::replay::{Options, Plan};
use crate::snapshot::{self, Snapshot};
use crate::store::Recording;
use crate::text::escape::{command, one_line};
use crate::text::json::quote;
use crate::text::units::count;

/// Keep a run as a snapshot that `retake test` checks
///
/// Writes two files for git: `snapshots/NAME.snap`, to be read in a review, and `snapshots/NAME.jsonl`,
/// the recording as text; and an entry in `retake.toml`, unless there is one of that name. Of a replay
/// with a change the requests are kept as they were sent: the test passes once the agent's own code
/// makes them so. A run that says what the kept one says changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run [default: the latest, replays included]
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Name of the workflow and its files
    #[arg(short, long, value_name = "NAME")]
    name: String,
    /// Agree that tools with effects run again in the agent's process, at every test
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    if let Some(wrong) = config::is_file_name(&args.name) {
        return Err(Error::new(Kind::Usage, format!("`{}` cannot name a workflow: {wrong}", one_line(&args.name))));
    }
    let selector = match &args.run {
        Some(selector) => selector.clone(),
        None => latest(globals)?,
    };
    let recording = library::recording(&selector, globals)?;
    let run = record::assemble(&recording.id, &recording.events);
    let around = Surroundings::here()?;
    let project = Project::of(&around.settings)?;
    fit(&run, &recording)?;
    without_secrets(&run, &around, &project)?;
    let known = project.workflows.iter().find(|workflow| workflow.name == args.name);
    let entry = match known {
        Some(_) => None,
        None => Some(entry(&run, args, &around.settings, &project)?),
    };
    let text = lines::write(&recording.events, &config::is_credential_name);
    let (_, events) = lines::read(&text).map_err(|error| Error::new(Kind::Failed, format!("a bug: {error}")))?;
    // Numbers of nodes are those of the recording that is kept.
    let kept = record::assemble(&recording.id, &events);
    let volatile = known.map(|workflow| volatile_tools(workflow, &kept)).unwrap_or_default();
    let says = snapshot::render(&kept, &around.settings.names, &volatile);
    let file = Snapshot {
        description: command(&kept.started.command),
        expression: args.name.clone(),
        text: says,
        ..Snapshot::default()
    };
    let there = project.folder.recording(&args.name);
    if there.is_file()
        && let Ok(old) = library::file(&there)
        && snapshot::alike(&record::assemble(&old.id, &old.events), &kept, &around.settings, &volatile)
        && Snapshot::load(&project.folder.snapshot(&args.name)).is_ok_and(|there| there.says(&file.text))
    {
        globals.note(&format!("`{}` says the same already; nothing is changed", args.name));
        return Ok(0);
    }
    project.folder.write(&args.name, &file.write(), &text).map_err(|error| project.failed("write", &error))?;
    if let (Some(_), Some(above)) = (&entry, &project.above) {
        globals.note(&format!(
            "warning: the project has its own `retake.toml` now, so `{}` says nothing about it any more",
            one_line(&above.to_string_lossy())
        ));
    }
    if let Some(entry) = &entry {
        add(&project.file, entry).map_err(|error| {
            Error::new(Kind::Failed, format!("cannot write `{}`", one_line(&project.file.to_string_lossy())))
                .cause(&error)
        })?;
    }
    report(args, &kept, &project, entry.is_some(), globals)
}

/// The latest run that no test made.
fn latest(globals: &Globals) -> Result<String, Error> {
    let by_hand = |changes: &[String]| changes != ["test"] && changes != ["flake"];
    let runs = library::summaries(globals)?;
    let found = runs.iter().find(|run| run.started.parent.as_ref().is_none_or(|parent| by_hand(&parent.changes)));
    found.map(|run| run.id.to_string()).ok_or_else(library::nothing)
}

/// Refuses a run that no test could replay.
fn fit(run: &Run, recording: &Recording) -> Result<(), Error> {
    let refuse =
        |what: String| Err(Error::new(Kind::Failed, what).hint(format!("look at it with `retake show {}`", run.id)));
    if recording.state != State::Finished || run.ended.is_none() {
        return refuse(format!("run `{}` did not end, so it cannot be a snapshot", run.id));
    }
    if recording.damage.iter().any(crate::store::Damage::loses) {
        return refuse(format!("run `{}` is damaged, so it cannot be a snapshot", run.id));
    }
    if run.graph.is_empty() {
        return refuse(format!("run `{}` made no calls, so there is nothing to test", run.id));
    }
    let is_refused = |decided: Option<&crate::model::event::Decided>| {
        decided.is_some_and(|decided| decided.action == Action::Refuse)
    };
    let refused = run.calls.values().filter(|call| is_refused(call.decided.as_ref())).count()
        + run.announced.values().filter(|announced| is_refused(announced.begin.decided.as_ref())).count();
    if refused > 0 {
        return refuse(format!(
            "{} of run `{}` was refused, so it cannot be a snapshot",
            count(refused, "call"),
            run.id
        ));
    }
    Ok(())
}

fn without_secrets(run: &Run, around: &Surroundings, project: &Project) -> Result<(), Error> {
    let redactor = around.redactor(&[])?;
    let Some(place) = snapshot::find_secret(run, &redactor) else { return Ok(()) };
    let folder = one_line(&project.folder.path().to_string_lossy());
    let what = format!("a credential stands in the {place}; nothing was written to `{folder}`");
    Err(Error::new(Kind::Failed, what).hint("name it in `retake.toml` under `[redact]`, and record the run again"))
}

/// The entry for `retake.toml`.
fn entry(run: &Run, args: &Args, settings: &Settings, project: &Project) -> Result<String, Error> {
    let words = &run.started.command;
    if words.is_empty() {
        return Err(Error::new(Kind::Usage, format!("run `{}` has no command", run.id))
            .hint("write the workflow into `retake.toml` first: `[[workflow]]` with `name` and `command`"));
    }
    let list = |words: &[String]| format!("[{}]", words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(", "));
    let mut entry = format!("[[workflow]]\nname = {}\ncommand = {}\n", quote(&args.name), list(words));
    if let Some(below) = Path::new(&run.started.directory).strip_prefix(&project.path).ok().and_then(Path::to_str)
        && !below.is_empty()
    {
        let _ = writeln!(entry, "directory = {}", quote(below));
    }
    entry.push_str("levels = [\"wire\", \"trajectory\", \"answer\"]\n");
    let plan = Plan::new(run.clone(), Options::default()).map_err(replay::refused)?;
    let open = replay::unagreed(&plan, settings);
    if !open.is_empty() {
        let names: Vec<String> = open.iter().map(|name| format!("`{}`", one_line(name))).collect();
        let question = format!("{} will run again at every test; agree? [y/N] ", names.join(", "));
        if !args.yes && !replay::asked(&question)? {
            let what =
                format!("{} would run again at every test, and it is not known that it does no harm", names.join(", "));
            return Err(
                Error::new(Kind::Usage, what).hint("agree with `--yes`; the tools are then named in `retake.toml`")
            );
        }
        let _ = writeln!(entry, "tools = {}", list(&open));
    }
    Ok(entry)
}

/// Appends an entry to a file that may not be there.
fn add(file: &PathBuf, entry: &str) -> std::io::Result<()> {
    let mut text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    if !text.is_empty() {
        text.truncate(text.trim_end().len());
        text.push_str("\n\n");
    }
    std::fs::write(file, text + entry)
}

fn report(args: &Args, run: &Run, project: &Project, added: bool, globals: &Globals) -> Result<i32, Error> {
    let shown = |path: PathBuf| one_line(&workflows::short(&path));
    let (snapshot, recording) = (project.folder.snapshot(&args.name), project.folder.recording(&args.name));
    if globals.json {
        let line = serde_line(&args.name, &shown(snapshot), &shown(recording), run.graph.len());
        globals.print(line)?;
        return Ok(0);
    }
    globals.print(format!("{}\n{}\n", shown(snapshot), shown(recording)))?;
    let added = if added { ", and an entry in `retake.toml`" } else { "" };
    globals.note(&format!("wrote `{}`: {}{added}", args.name, count(run.graph.len(), "node")));
    globals.hint(&format!("commit them, and check the agent with `retake test {}`", args.name));
    Ok(0)
}

fn serde_line(name: &str, snapshot: &str, recording: &str, nodes: usize) -> String {
    format!(
        "{{\"type\":\"snapshot\",\"name\":{},\"snapshot\":{},\"recording\":{},\"nodes\":{nodes}}}\n",
        quote(name),
        quote(snapshot),
        quote(recording)
    )
}

/// The text of a replay's or a recording's events, as a workflow keeps it.
pub(crate) fn text_of(events: &[Event]) -> String {
    lines::write(events, &config::is_credential_name)
}

/// The snapshot file of a run of a workflow.
pub(crate) fn file_of(run: &Run, workflow: &Workflow, settings: &Settings, recorded: &Run) -> Snapshot {
    Snapshot {
        description: command(&recorded.started.command),
        expression: workflow.name.clone(),
        text: snapshot::render(run, &settings.names, &volatile_tools(workflow, recorded)),
        ..Snapshot::default()
    }
}
