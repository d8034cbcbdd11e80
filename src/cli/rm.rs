//! `retake rm`: deletes runs.

use std::io::{self, BufRead, IsTerminal};

use super::{Error, Globals, Kind, library};
use crate::config;
use crate::model::Summary;
use crate::text::units::count;
use crate::ui::{runs, streams};

/// Delete runs
///
/// The recording is deleted and cannot be brought back. Replays of it stay.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let mut ids = Vec::new();
    for selector in &args.runs {
        let id = library::resolve(selector, globals)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let all = library::summaries(globals)?;
    let doomed: Vec<Summary> = all.iter().filter(|run| ids.contains(&run.id)).cloned().collect();
    if let Some(running) = doomed.iter().find(|run| library::is_running(run)) {
        return Err(Error::new(Kind::Usage, format!("run `{}` is still running", running.id)));
    }
    let rows = runs::candidates(&doomed, &all, globals.err_paper());
    if args.dry_run {
        globals.print(format!("would delete {}:\n{rows}", count(ids.len(), "run")))?;
        return Ok(0);
    }
    if !args.yes && !agreed(ids.len(), &rows)? {
        globals.note("nothing was deleted");
        return Ok(1);
    }
    let store = library::open(globals)?;
    for id in &ids {
        store.remove(id, config::now()).map_err(|error| library::failed(&error))?;
    }
    globals.note(&format!("deleted {}", count(ids.len(), "run")));
    Ok(0)
}

fn agreed(number: usize, rows: &str) -> Result<bool, Error> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Err(Error::new(Kind::Usage, "`retake rm` asks before it deletes, and there is no terminal to ask on")
            .hint("agree with `--yes`, or look first with `--dry-run`"));
    }
    streams::note(&format!("this deletes {}:\n{rows}delete? [y/N] ", count(number, "run")));
    let mut answer = String::new();
    input
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Error::new(Kind::Failed, "cannot read the answer").cause(&error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
