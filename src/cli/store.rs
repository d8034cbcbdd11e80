//! `retake store`: upkeep of the store.

use super::{Error, Globals, library};
use crate::store::{Agreement, FileReport, Report};
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
            globals.print(view::verified(&checked(&report), globals.paper()))?;
            Ok(i32::from(!report.is_sound()))
        }
        Command::Rebuild => {
            let runs = store.rebuild(&library::read).map_err(|error| library::failed(&error))?;
            globals.note(&view::rebuilt(runs));
            Ok(0)
        }
    }
}

/// What was found, in words.
fn checked(report: &Report) -> view::Checked {
    let words = |file: &FileReport| {
        let mut wrong: Vec<String> = file.damage.iter().map(ToString::to_string).collect();
        wrong.extend(file.error.clone());
        if file.index == Agreement::Differs {
            wrong.push("the index says something else; make it anew with `retake store rebuild`".to_owned());
        }
        view::File { run: file.run.to_string(), wrong, sound: file.is_sound() }
    };
    view::Checked {
        files: report.files.iter().map(words).collect(),
        ledger: report.ledger.iter().map(ToString::to_string).collect(),
        index: report.index.as_ref().map(ToString::to_string),
        events: report.files.iter().map(|file| file.records).sum(),
    }
}
