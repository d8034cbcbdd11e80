//! `retake flake`: what differs from run to run when nothing was changed.

use std::ffi::OsString;

use super::behind::Surroundings;
use super::replay::{self, Request};
use super::{Error, Globals, Kind, library};
use crate::config;
use crate::format::replays;
use crate::replay::{Flakiness, Live, Options, Plan, Replayed, flakiness};
use crate::text::escape::one_line;
use crate::text::json::Path;
use crate::ui::flake;

/// Find out what differs from run to run
///
/// The agent runs several times, answered from the recording; nothing is sent. What its requests
/// have in them that is not the same every time is listed with the values: results of tools, dates
/// and times, names, and fields that no rule accepts. So are calls that race. The replays are kept
/// if anything differed, and removed if nothing did.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run [default: the latest that was recorded]
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// How often the agent is run
    #[arg(short = 'n', long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=100))]
    times: u32,
    /// Do not compare this field of a request (can be repeated)
    #[arg(long, value_name = "PATH")]
    ignore: Vec<String>,
    /// Agree that tools with effects run again in the agent's process, as often as it is run
    #[arg(short, long)]
    yes: bool,
    /// Command to run instead of the recorded one
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let selector = match &args.run {
        Some(selector) => selector.clone(),
        None => library::latest_recorded(globals)?.to_string(),
    };
    let (found, imported) = library::find_with_origin(&selector, globals)?;
    if library::is_running(&found.summary) {
        return Err(Error::new(Kind::Usage, format!("run `{}` is still being recorded", found.run.id)));
    }
    let command = replay::command(&args.command, "flake", &found.run, imported)?;
    let options = options(args)?;
    let (upstream, _serving) = replay::stand_in(&found.run, imported)?;
    let mut request = Request {
        command,
        changes: vec!["flake".to_owned()],
        upstream,
        imported,
        yes: args.yes,
        mute: true,
        ..Request::default()
    };
    let mut replays: Vec<Replayed> = Vec::new();
    for time in 1..=args.times {
        globals.note(&format!("run {time} of {}", args.times));
        let done = replay::perform(found.run.clone(), options.clone(), &request, globals)?;
        replays.push(Replayed { run: done.run, nearest: done.nearest });
        request.agreed = true;
    }
    let plan = Plan::new(found.run, options).map_err(replay::refused)?;
    let flakiness = flakiness(&plan, &replays);
    if !flakiness.differs() {
        remove(&flakiness, globals)?;
    }
    report(&flakiness, globals)?;
    Ok(i32::from(flakiness.refusals() > 0))
}

fn options(args: &Args) -> Result<Options, Error> {
    let settings = Surroundings::here()?.settings;
    let mut ignore = Vec::new();
    for text in args.ignore.iter().chain(&settings.replay.ignore) {
        let path = Path::parse(text).map_err(|at| {
            Error::new(Kind::Usage, format!("`{}` is no path: character {}", one_line(text), at + 1))
                .hint("write it as `--ignore 'messages[0].content'`")
        })?;
        ignore.push(path);
    }
    Ok(Options { live: Live::Never, allow_effects: args.yes, ignore, settings, ..Options::default() })
}

/// Removes the replays: they say nothing that the recording does not.
fn remove(flakiness: &Flakiness, globals: &Globals) -> Result<(), Error> {
    let store = library::make(globals)?;
    for run in &flakiness.runs {
        store.remove(run, config::now()).map_err(|error| library::failed(&error))?;
    }
    Ok(())
}

fn report(flakiness: &Flakiness, globals: &Globals) -> Result<(), Error> {
    let kept = flakiness.differs();
    if globals.json {
        return globals.print(replays::flake(flakiness, kept));
    }
    globals.print(flake::view(flakiness, globals.paper()))?;
    if kept {
        let runs: Vec<&str> = flakiness.runs.iter().map(crate::model::RunId::as_str).collect();
        globals.note(&format!("kept as {}", runs.join(", ")));
        globals.hint(&format!("look at one with `retake show {}`", runs[0]));
    }
    Ok(())
}
