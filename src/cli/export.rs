//! `retake export`: a run as a file of its own.

use std::path::PathBuf;

use super::{Error, Globals, library};
use crate::text::escape::one_line;

/// Write a run to a file
///
/// The file is the recording itself: `retake import` reads it, and so does every command that
/// takes a run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// The file [default: RUN.retake in the working directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let id = library::resolve(&args.run, globals)?;
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{id}.retake")));
    library::open(globals)?.export(&id, &path).map_err(|error| library::failed(&error))?;
    globals.note(&format!("wrote {id} to `{}`", one_line(&path.to_string_lossy())));
    Ok(0)
}
