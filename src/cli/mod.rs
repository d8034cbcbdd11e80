//! The command line: one file per command, errors, exit codes, help.

mod args;
mod behind;
mod demo;
mod diff;
mod edit;
mod error;
mod export;
mod flake;
mod globals;
mod grade;
mod help;
mod import;
mod library;
mod ls;
mod origin;
mod record;
mod replay;
mod review;
mod rm;
mod show;
mod snapshot;
mod step;
mod store;
mod tag;
mod test;
mod trust;
mod workflows;

use std::ffi::OsString;
use std::panic;
use std::process::ExitCode;

pub(crate) use error::{Error, Kind};
pub(crate) use globals::Globals;

use args::Command;

/// Runs the program with the arguments of the process and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(|bug| error::report_bug(&bug.to_string())));
    let code = panic::catch_unwind(|| run(std::env::args_os().collect())).unwrap_or(2);
    ExitCode::from(u8::try_from(code).unwrap_or(2))
}

/// Tests one workflow and gives back the report of a failure.
pub(crate) fn check(name: &str) -> Result<(), String> {
    test::check(name)
}

fn run(words: Vec<OsString>) -> i32 {
    let cli = match args::parse(words) {
        Ok(cli) => cli,
        Err(refused) => {
            let code = refused.exit_code();
            // Where nobody reads the help or the error, there is nothing left to do.
            let _ = refused.print();
            return code;
        }
    };
    let globals = &cli.globals;
    let done = match &cli.command {
        Command::Record(args) => record::run(args, globals),
        Command::Import(args) => import::run(args, globals),
        Command::Ls(args) => ls::run(args, globals),
        Command::Show(args) => show::run(args, globals),
        Command::Step(args) => step::run(args, globals),
        Command::Diff(args) => diff::run(args, globals),
        Command::Replay(args) => replay::run(args, globals),
        Command::Grade(args) => grade::run(args, globals),
        Command::Flake(args) => flake::run(args, globals),
        Command::Snapshot(args) => snapshot::run(args, globals),
        Command::Test(args) => test::run(args, globals),
        Command::Review(args) => review::run(args, globals),
        Command::Tag(args) => tag::run(args, globals),
        Command::Trust(args) => trust::run(args, globals),
        Command::Export(args) => export::run(args, globals),
        Command::Rm(args) => rm::run(args, globals),
        Command::Store(args) => store::run(args, globals),
        Command::Demo(args) => demo::run(args, globals),
        Command::DemoAgent(args) => Ok(demo::agent(args)),
        Command::Help(args) => help::run(args, globals),
    };
    done.unwrap_or_else(|error| {
        error.print(globals.err_paper());
        error.code()
    })
}
