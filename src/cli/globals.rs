//! Options that every command takes, and the streams and looks that follow from them.

use std::io::{ErrorKind, IsTerminal};
use std::path::PathBuf;

use clap::ValueEnum;

use super::{Error, Kind};
use crate::config;
use crate::ui::Paper;
use crate::ui::streams::{self, Colour, Looks};

/// Options of all commands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Store to use [default: the nearest .retake, else the user's]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl Globals {
    /// The same, where nothing but results may be printed.
    pub(crate) fn quietly(&self) -> Self {
        Self { quiet: true, ..self.clone() }
    }

    /// Whether standard input and output are a terminal.
    pub(crate) fn has_screen(&self) -> bool {
        self.paper().width.is_some() && std::io::stdin().is_terminal()
    }

    /// Those of a program that has no command line.
    pub(crate) fn silent() -> Self {
        Self { store: None, color: When::Never, json: false, quiet: true }
    }

    /// The same, with another store and silent.
    pub(crate) fn elsewhere(&self, store: PathBuf) -> Self {
        Self { store: Some(store), quiet: true, json: false, ..self.clone() }
    }

    /// The paper that standard output is.
    pub(crate) fn paper(&self) -> Paper {
        streams::out(&self.looks())
    }

    /// The paper that standard error is.
    pub(crate) fn err_paper(&self) -> Paper {
        streams::err(&self.looks())
    }

    fn looks(&self) -> Looks {
        Looks {
            colour: match self.color {
                When::Auto => Colour::Auto,
                When::Always => Colour::Always,
                When::Never => Colour::Never,
            },
            plain: config::colour_unwanted(),
            columns: config::columns(),
            now: config::now(),
        }
    }

    /// Writes a result to standard output.
    ///
    /// # Errors
    /// What writing says; a pipe that nobody reads is a quiet end.
    #[expect(clippy::unused_self, reason = "where results go is a matter of the options")]
    pub(crate) fn print(&self, text: impl AsRef<[u8]>) -> Result<(), Error> {
        streams::print(text.as_ref()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Error::new(Kind::Quiet, String::new()),
            _ => Error::new(Kind::Failed, "cannot write to standard output").cause(&error),
        })
    }

    /// Says something on standard error that is no result, a line as it is; not with `--quiet`.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            streams::note(&format!("{line}\n"));
        }
    }

    /// Says what to do next; not with `--quiet` or `--json`.
    pub(crate) fn hint(&self, text: &str) {
        if !self.json {
            self.note(&format!("hint: {text}"));
        }
    }
}
