//! `retake test`: replays workflows and compares them with their snapshots.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use super::behind::Surroundings;
use super::workflows::{self, How, Project, Tested};
use super::{Error, Globals, Kind};
use crate::config::{self, Settings, Workflow};
use crate::format::tested;
use crate::snapshot::{Ended, Failure, Snapshot, Verdict};
use crate::text::escape::{command as shell, one_line};
use crate::text::units::count;
use crate::ui::tested as view;

/// Seconds until an agent is ended.
const TIMEOUT: u64 = 120;

/// Replay workflows and compare them with their snapshots
///
/// Each workflow's command runs again, answered from its recording; nothing is sent and no key is
/// needed. What differs is said with its node and both values. Runs that fail are kept in the store, and
/// what they say now is written beside the snapshot for `retake review`; not where `CI` is set.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only workflows with such a name, or whose name has one of these in it
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Accept what differs as the new snapshot
    #[arg(long)]
    accept: bool,
    /// Write the results in the format of `JUnit` to a file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// End an agent after this many seconds, where its workflow does not say
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// How many workflows run at once [default: one a processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let settings = Surroundings::here()?.settings;
    let project = Project::of(&settings)?;
    let chosen = choose(&project.workflows, &args.filters)?;
    let width = chosen.iter().map(|workflow| workflow.name.chars().count()).max().unwrap_or(0);
    let in_ci = config::in_ci();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let how =
        How { keep: !in_ci, timeout: Some(args.timeout), jobs: args.jobs.map_or(processors, |jobs| jobs as usize) };
    let told = |tested: &Tested| {
        let verdict = tested.verdict(&project);
        let text = if globals.json { tested::json(&verdict) } else { view::verdict(&verdict, width, globals.paper()) };
        // Nobody who reads is no reason to stop the tests of others.
        let _ = globals.print(text);
    };
    let all = workflows::test(&chosen, &project, &how, globals, &told)?;
    let verdicts: Vec<Verdict> = all.iter().map(|tested| tested.verdict(&project)).collect();
    if !globals.json {
        globals.print(format!("{}\n", view::total(&verdicts)))?;
    }
    elsewhere(args, &project, &verdicts, globals)?;
    let accepted = if in_ci && !args.accept { 0 } else { put_aside(&all, args.accept, &project, &settings, globals)? };
    if !in_ci && !args.accept {
        next(&all, globals);
    }
    let failed = verdicts.iter().filter(|verdict| matches!(verdict.result, Ended::Failed(_))).count();
    let broken = verdicts.iter().filter(|verdict| matches!(verdict.result, Ended::Broken { .. })).count();
    Ok(if failed > accepted {
        1
    } else if broken > 0 {
        2
    } else {
        0
    })
}

/// Tests the workflow of this name, silently; what fails is written beside its snapshot, as `run` does.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let globals = Globals::silent();
    let plain = |error: Error| error.to_string();
    let settings = Surroundings::here().map_err(plain)?.settings;
    let project = Project::of(&settings).map_err(plain)?;
    let Some(workflow) = project.workflows.iter().find(|workflow| workflow.name == name) else {
        let names: Vec<&str> = project.workflows.iter().map(|workflow| workflow.name.as_str()).collect();
        return Err(format!("`retake.toml` has no workflow `{name}`; it has: {}", names.join(", ")));
    };
    // `cargo insta test` and `INSTA_UPDATE` decide as they do for other snapshots.
    let update = config::variable("INSTA_UPDATE").unwrap_or_default();
    let in_ci = config::in_ci() || update == "no";
    let how = How { keep: !in_ci, timeout: Some(TIMEOUT), jobs: 1 };
    let tested = workflows::test(std::slice::from_ref(workflow), &project, &how, &globals, &|_| {}).map_err(plain)?;
    let accept = update == "always";
    let accepted = if in_ci { 0 } else { put_aside(&tested, accept, &project, &settings, &globals).map_err(plain)? };
    let failed: Vec<Verdict> =
        tested.iter().map(|tested| tested.verdict(&project)).filter(|one| !one.passed()).collect();
    let Some(verdict) = failed.first().filter(|_| accepted == 0) else { return Ok(()) };
    let mut report = view::verdict(verdict, name.chars().count(), globals.paper());
    if !in_ci && matches!(verdict.result, Ended::Failed(_)) {
        report.push_str("hint: accept or reject it with `retake review` or `cargo insta review`\n");
    }
    Err(report)
}

/// The workflows that filters mean.
pub(crate) fn choose(workflows: &[Workflow], filters: &[String]) -> Result<Vec<Workflow>, Error> {
    if workflows.is_empty() {
        return Err(Error::new(Kind::Usage, "no workflows: `retake.toml` has none")
            .hint("make one from a run with `retake snapshot --name NAME`"));
    }
    let fits = |workflow: &&Workflow| {
        // A whole name means that workflow alone.
        let is_name = |filter: &String| workflows.iter().any(|workflow| workflow.name == *filter);
        let fits = |filter: &String| {
            if is_name(filter) { workflow.name == *filter } else { workflow.name.contains(filter.as_str()) }
        };
        filters.is_empty() || filters.iter().any(fits)
    };
    let chosen: Vec<Workflow> = workflows.iter().filter(fits).cloned().collect();
    if chosen.is_empty() {
        let names: Vec<String> = workflows.iter().map(|workflow| format!("`{}`", one_line(&workflow.name))).collect();
        let filters: Vec<String> = filters.iter().map(|filter| format!("`{}`", one_line(filter))).collect();
        return Err(Error::new(
            Kind::Usage,
            format!("no workflow is named like {}; there is {}", filters.join(" or "), names.join(", ")),
        ));
    }
    Ok(chosen)
}

/// Writes the results where machines look for them.
fn elsewhere(args: &Args, project: &Project, verdicts: &[Verdict], globals: &Globals) -> Result<(), Error> {
    if let Some(path) = &args.junit {
        let failed = |error: &dyn std::error::Error| {
            Error::new(Kind::Failed, format!("cannot write `{}`", one_line(&path.to_string_lossy()))).cause(error)
        };
        let xml = tested::junit(verdicts).map_err(|error| failed(&error))?;
        std::fs::write(path, xml).map_err(|error| failed(&error))?;
    }
    if config::variable("GITHUB_ACTIONS").as_deref() != Some("true") {
        return Ok(());
    }
    for verdict in verdicts {
        let snapshot = Snapshot::load(&project.folder.snapshot(&verdict.name)).map(|snapshot| snapshot.write());
        let place = |failure: &Failure| snapshot.as_ref().map_or(1, |text| line_of(text, failure));
        let commands = tested::github(verdict, &place);
        if globals.json { crate::ui::streams::note(&commands) } else { globals.print(commands)? }
    }
    if let Some(path) = config::variable("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(tested::summary(verdicts).as_bytes()));
        if let Err(error) = written {
            globals.note(&format!("warning: cannot write the job summary: {error}"));
        }
    }
    Ok(())
}

/// The line of a snapshot at which a failure's node begins.
fn line_of(text: &str, failure: &Failure) -> usize {
    let begins = format!("{} ", failure.label);
    text.lines().position(|line| line.starts_with(&begins) && begins.len() > 1).map_or(1, |at| at + 1)
}

/// Writes what failures say now: in the snapshots' place if accepted, else beside them. Returns how many were
/// accepted.
fn put_aside(
    all: &[Tested],
    accept: bool,
    project: &Project,
    settings: &Settings,
    globals: &Globals,
) -> Result<usize, Error> {
    let mut accepted = 0;
    for tested in all {
        let Some((snapshot, recording)) = &tested.now else {
            if tested.result.as_ref().is_ok_and(Vec::is_empty) {
                project.folder.reject(&tested.workflow.name).map_err(|error| project.failed("write", &error))?;
            }
            continue;
        };
        let name = &tested.workflow.name;
        if let Some(recording) = recording.as_ref().filter(|_| accept) {
            workflows::accept(project, &tested.workflow, settings, recording)?;
            globals.note(&format!("accepted `{name}`"));
            accepted += 1;
            continue;
        }
        let recording = recording.as_deref();
        project.folder.put_aside(name, snapshot, recording).map_err(|error| project.failed("write", &error))?;
        if accept {
            globals
                .note(&format!("`{name}` is not accepted: the recording has no answer for a call that it makes now"));
        }
    }
    Ok(accepted)
}

/// Says what to do now.
fn next(all: &[Tested], globals: &Globals) {
    let acceptable = all.iter().filter(|tested| matches!(&tested.now, Some((_, Some(_))))).count();
    if acceptable > 0 {
        globals.hint(&format!("accept or reject {} with `retake review`", count(acceptable, "snapshot")));
    }
    let is_new = |failure: &Failure| failure.kind == crate::snapshot::Kind::Unmatched;
    let unanswered = all.iter().find(|tested| tested.result.as_ref().is_ok_and(|found| found.iter().any(is_new)));
    if let Some(Workflow { name, command, .. }) = unanswered.map(|tested| &tested.workflow) {
        let words = if command.is_empty() { "COMMAND".to_owned() } else { shell(command) };
        globals.hint(&format!(
            "if `{name}` is to be so, record it: `retake record {words}`, then `retake snapshot --name {name}`"
        ));
    }
}
