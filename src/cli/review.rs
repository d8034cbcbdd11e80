//! `retake review`: what tests found different, accepted or rejected.

use std::io::IsTerminal;

use super::behind::Surroundings;
use super::workflows::{self, Project};
use super::{Error, Globals, Kind};
use crate::config::{self, Settings};
use crate::snapshot::{Changed, Pending, Snapshot, compare};
use crate::text::escape::one_line;
use crate::text::json::quote;
use crate::text::units::count;
use crate::ui::review as view;
use crate::ui::streams;

/// Review what tests found different
///
/// Goes through the pending snapshots (`snapshots/NAME.snap.new`) node by node. A snapshot is
/// accepted, with its recording, once all that differs in it is accepted; one rejected node rejects it. A
/// call that the recording has no answer for cannot be accepted: record the workflow again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// List what is pending
    #[arg(long)]
    list: bool,
    /// Accept the pending snapshot of this workflow (can be repeated)
    #[arg(long, value_name = "NAME")]
    accept: Vec<String>,
    /// Reject the pending snapshot of this workflow (can be repeated)
    #[arg(long, value_name = "NAME")]
    reject: Vec<String>,
    /// Let the results of a tool, or a field of requests, differ from now on (can be repeated)
    #[arg(long, value_name = "NAME:FIELD")]
    volatile: Vec<String>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let settings = Surroundings::here()?.settings;
    let project = Project::of(&settings)?;
    for entry in &args.volatile {
        let (name, field) = entry.split_once(':').ok_or_else(|| {
            Error::new(Kind::Usage, format!("`{}` names no field", one_line(entry)))
                .hint("write it as `--volatile weather:get_time` or `--volatile weather:temperature`")
        })?;
        mark(&project, name, field)?;
        globals.note(&format!("`{}` may differ in `{}` from now on", one_line(field), one_line(name)));
    }
    for name in &args.accept {
        accept(&project, &find(&project, name)?)?;
        globals.note(&format!("accepted `{}`", one_line(name)));
    }
    for name in &args.reject {
        let pending = find(&project, name)?;
        project.folder.reject(&pending.name).map_err(|error| project.failed("write", &error))?;
        globals.note(&format!("rejected `{}`", one_line(name)));
    }
    let did_something = !args.accept.is_empty() || !args.reject.is_empty() || !args.volatile.is_empty();
    if did_something && !args.list {
        return Ok(0);
    }
    let pending = project.folder.pending().map_err(|error| project.failed("read", &error))?;
    if args.list {
        return list(&project, &pending, globals);
    }
    if pending.is_empty() {
        globals.note("nothing is pending");
        return Ok(0);
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Error::new(Kind::Usage, "`retake review` needs a terminal")
            .hint("list what is pending with `retake review --list`")
            .hint("accept or reject one with `retake review --accept NAME` or `--reject NAME`"));
    }
    let mut all = None;
    for (place, pending_one) in pending.iter().enumerate() {
        if !one(&project, pending_one, (place + 1, pending.len()), &mut all, globals)? {
            break;
        }
    }
    Ok(0)
}

fn find(project: &Project, name: &str) -> Result<Pending, Error> {
    let pending = project.folder.pending().map_err(|error| project.failed("read", &error))?;
    let names: Vec<String> = pending.iter().map(|pending| format!("`{}`", one_line(&pending.name))).collect();
    pending.into_iter().find(|pending| pending.name == name).ok_or_else(|| {
        let there = if names.is_empty() { "nothing is".to_owned() } else { format!("pending: {}", names.join(", ")) };
        Error::new(Kind::Usage, format!("`{}` is not pending; {there}", one_line(name)))
            .hint("see what differs with `retake test`")
    })
}

/// What a pending snapshot says otherwise.
fn changes(project: &Project, pending: &Pending) -> Result<Vec<Changed>, Error> {
    let read = |path: &std::path::Path| {
        Snapshot::load(path)
            .map_err(|error| Error::new(Kind::Failed, format!("{}: {error}", one_line(&workflows::short(path)))))
    };
    let path = project.folder.snapshot(&pending.name);
    let old = if path.is_file() { read(&path)?.text } else { String::new() };
    Ok(compare(&old, &read(&pending.snapshot)?.text))
}

fn list(project: &Project, pending: &[Pending], globals: &Globals) -> Result<i32, Error> {
    for one in pending {
        let changes = changes(project, one)?;
        let titles: Vec<String> = changes.iter().map(|changed| changed.title.clone()).collect();
        if globals.json {
            let titles: Vec<String> = titles.iter().map(|title| quote(title)).collect();
            globals.print(format!(
                "{{\"type\":\"pending\",\"name\":{},\"complete\":{},\"changed\":[{}]}}\n",
                quote(&one.name),
                one.recording.is_some(),
                titles.join(",")
            ))?;
        } else {
            globals.print(view::row(&one.name, &titles, one.recording.is_some()))?;
        }
    }
    if pending.is_empty() {
        globals.note("nothing is pending");
    }
    Ok(0)
}

/// Puts a pending recording in the place of the old one, and writes what it says.
fn accept(project: &Project, pending: &Pending) -> Result<(), Error> {
    let name = &pending.name;
    let Some(path) = &pending.recording else {
        return Err(Error::new(
            Kind::Failed,
            format!("`{}` cannot be accepted: it makes a call that the recording has no answer for", one_line(name)),
        )
        .hint(format!("record the workflow's command again, then `retake snapshot --name {name}`")));
    };
    // What it says depends on what is volatile by now.
    let settings = Settings::load(&project.path).map_err(|problem| Error::new(Kind::Usage, problem.to_string()))?;
    let workflow = settings.workflows.iter().find(|workflow| workflow.name == *name);
    let workflow = workflow.ok_or_else(|| {
        Error::new(Kind::Failed, format!("`retake.toml` has no workflow `{}`", one_line(name)))
            .hint(format!("drop what is pending with `retake review --reject {name}`"))
    })?;
    let text = std::fs::read_to_string(path).map_err(|error| project.failed("read", &error))?;
    workflows::accept(project, workflow, &settings, &text)
}

/// Lets a field of a workflow differ.
fn mark(project: &Project, name: &str, field: &str) -> Result<(), Error> {
    let settings = Settings::load(&project.path).map_err(|problem| Error::new(Kind::Usage, problem.to_string()))?;
    let workflow = settings.workflows.iter().find(|workflow| workflow.name == name).ok_or_else(|| {
        let names: Vec<String> =
            settings.workflows.iter().map(|workflow| format!("`{}`", one_line(&workflow.name))).collect();
        Error::new(Kind::Usage, format!("no workflow is named `{}`; there is {}", one_line(name), names.join(", ")))
    })?;
    if workflow.volatile.iter().any(|known| known == field) {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Error::new(Kind::Failed, format!("cannot change `{}`", one_line(&workflows::short(&project.file))))
            .cause(&error)
    };
    let text = std::fs::read_to_string(&project.file).map_err(failed)?;
    std::fs::write(&project.file, config::with_volatile(&text, workflow, field)).map_err(failed)?;
    // What the snapshot says changes with it.
    let settings = Settings::load(&project.path).map_err(|problem| Error::new(Kind::Usage, problem.to_string()))?;
    if let Some(workflow) = settings.workflows.iter().find(|workflow| workflow.name == name) {
        workflows::write_again(project, workflow, &settings)?;
    }
    Ok(())
}

/// Goes through one pending snapshot; whether to go on with the next.
fn one(
    project: &Project,
    pending: &Pending,
    place: (usize, usize),
    all: &mut Option<u8>,
    globals: &Globals,
) -> Result<bool, Error> {
    let changes = changes(project, pending)?;
    let paper = globals.paper();
    globals.print(view::head(&pending.name, place, &changes, pending.recording.is_some(), paper))?;
    let (mut accepted, mut rejected) = (0, false);
    for (at, changed) in changes.iter().enumerate() {
        globals.print(view::section(changed, (at + 1, changes.len()), paper))?;
        let key = match all {
            Some(key) => *key,
            None => ask(changed, pending, paper, globals)?,
        };
        if key.is_ascii_uppercase() {
            *all = Some(key);
        }
        match key.to_ascii_lowercase() {
            b'a' => accepted += 1,
            b'r' => {
                rejected = true;
                break;
            }
            b'v' => {
                if let Some(tool) = changed.tool() {
                    mark(project, &pending.name, tool)?;
                    globals.print(format!("`{}` may differ from now on\n", one_line(tool)))?;
                    accepted += 1;
                }
            }
            b'q' => return Ok(false),
            _ => {}
        }
    }
    let name = one_line(&pending.name);
    if rejected {
        project.folder.reject(&pending.name).map_err(|error| project.failed("write", &error))?;
        globals.print(format!("rejected `{name}`\n"))?;
    } else if accepted == changes.len() {
        accept(project, pending)?;
        globals.print(format!("accepted `{name}`\n"))?;
    } else {
        globals.print(format!("skipped `{name}`: {} not decided\n", count(changes.len() - accepted, "section")))?;
    }
    Ok(true)
}

/// A key for one section; those that cannot be done there are asked for again.
fn ask(changed: &Changed, pending: &Pending, paper: crate::ui::Paper, globals: &Globals) -> Result<u8, Error> {
    globals.print(view::keys(changed.tool(), pending.recording.is_some(), paper))?;
    loop {
        let key = streams::key().map_err(|error| Error::new(Kind::Failed, "cannot read a key").cause(&error))?;
        match key {
            b'a' | b'A' if pending.recording.is_none() => {
                globals.print("it cannot be accepted: the recording has no answer for a call\n")?;
            }
            b'v' if changed.tool().is_none() => {
                globals.print("only the result of a tool can be marked here\n")?;
            }
            b'a' | b'A' | b'r' | b'R' | b's' | b'S' | b'v' | b'q' => return Ok(key),
            3 | 4 | 27 => return Ok(b'q'),
            _ => {}
        }
    }
}
