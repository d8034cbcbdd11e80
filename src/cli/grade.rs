//! `retake grade`: how replayable a recording is.

use super::behind::Surroundings;
use super::{Error, Globals, Kind, library};
use crate::format::replays;
use crate::replay;
use crate::ui::assessment;

/// Say how replayable a recording is
///
/// Nothing is run. Every call, tool and announced node is judged by what was recorded: exact, exact
/// up to what differs from run to run anyway, or not, with the reason. `retake flake` tries it out.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run [default: the latest that was recorded]
    #[arg(value_name = "RUN")]
    run: Option<String>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let selector = match &args.run {
        Some(selector) => selector.clone(),
        None => library::latest_recorded(globals)?.to_string(),
    };
    let found = library::find(&selector, globals)?;
    if library::is_running(&found.summary) {
        return Err(Error::new(Kind::Usage, format!("run `{}` is still being recorded", found.run.id)));
    }
    let settings = Surroundings::here()?.settings;
    let graded = replay::gradeable(&found.run, &settings);
    let id = &found.run.id;
    if globals.json {
        globals.print(replays::assessment(id, &graded))?;
    } else {
        globals.print(assessment::view(id, &graded, globals.paper()))?;
        if graded.has_command && !graded.nodes.is_empty() {
            globals.hint(&format!("try it with `retake flake {id}`: nothing is sent"));
        }
    }
    Ok(0)
}
