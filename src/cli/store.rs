//! `retake store`: upkeep of the store.

use super::{Error, Globals, library};
use crate::ui::store as view;

/// Verify and rebuild the store
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read every recording and check it
    ///
    /// Exits with 1 if anything is damaged.
    Verify,
    /// Make the index anew from the recordings
    Rebuild,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let store = library::open(globals)?;
    match args.command {
        Command::Verify => {
            let report = store.verify().map_err(|error| library::failed(&error))?;
            let checked: Vec<view::Checked> = report
                .files
                .iter()
                .map(|file| (file.run.to_string(), file.damage.iter().map(ToString::to_string).collect()))
                .collect();
            globals.print(view::verified(&checked, globals.paper()))?;
            Ok(i32::from(checked.iter().any(|(_, damage)| !damage.is_empty())))
        }
        Command::Rebuild => {
            let runs = store.rebuild(&library::read).map_err(|error| library::failed(&error))?;
            globals.note(&view::rebuilt(runs));
            Ok(0)
        }
    }
}
