//! `retake import`: takes runs from files into the store.

use std::path::PathBuf;

use super::{Error, Globals, Kind, library, origin};
use crate::config;
use crate::model::RunId;
use crate::text::escape::one_line;

/// Read runs from retake files
///
/// A file is what `retake export` wrote, or the recording of a snapshot (`snapshots/NAME.jsonl`).
/// Prints the name of each run. A run that is there already is left as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let store = library::make(globals)?;
    let before: Vec<RunId> = library::summaries(globals)?.into_iter().map(|run| run.id).collect();
    for file in &args.files {
        let id = if library::is_text(file) {
            let recording = library::file(file)?;
            library::keep(&store, &recording.id, &recording.events)?;
            recording.id
        } else {
            store.import(file).map_err(|error| {
                let name = one_line(&file.to_string_lossy());
                Error::new(Kind::Failed, format!("cannot import `{name}`")).cause(&error)
            })?
        };
        if !before.contains(&id) {
            store.note(&id, origin::IMPORTED, config::now()).map_err(|error| library::failed(&error))?;
        }
        globals.print(format!("{id}\n"))?;
    }
    Ok(0)
}
