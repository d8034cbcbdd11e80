//! `retake ls`: the runs there are.

use super::{Error, Globals, library};
use crate::format::json;
use crate::ui::runs;

/// List runs, replays under the run they came from
///
/// Newest first. `running` and `interrupted` are said of runs that did not end; an exit code
/// of all that did not end well.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show only this many of the newest runs
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let mut all = library::summaries(globals)?;
    all.truncate(args.limit.unwrap_or(usize::MAX));
    if globals.json {
        globals.print(all.iter().map(json::run).collect::<String>())?;
        return Ok(0);
    }
    if all.is_empty() {
        globals.note(runs::EMPTY);
        globals.hint(library::RECORD_ONE);
        return Ok(0);
    }
    globals.print(runs::table(&all, globals.paper()))?;
    Ok(0)
}
