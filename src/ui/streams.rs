//! Standard output for results, standard error for the rest.

use std::io::{self, IsTerminal, Write};

use super::Paper;
use crate::model::Micros;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// On a terminal that knows colours.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the environment and the options say about the looks.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// When to use colour.
    pub colour: Colour,
    /// Whether `NO_COLOR` is set or the terminal is dumb.
    pub plain: bool,
    /// `COLUMNS`, where it is set: instead of what the terminal says.
    pub columns: Option<usize>,
    /// The time.
    pub now: Micros,
}

/// The paper that standard output is.
#[must_use]
pub fn out(looks: &Looks) -> Paper {
    let stream = io::stdout();
    paper(looks, stream.is_terminal(), || rustix::termios::tcgetwinsize(&stream).ok().map(|size| size.ws_col))
}

/// The paper that standard error is.
#[must_use]
pub fn err(looks: &Looks) -> Paper {
    let stream = io::stderr();
    paper(looks, stream.is_terminal(), || rustix::termios::tcgetwinsize(&stream).ok().map(|size| size.ws_col))
}

fn paper(looks: &Looks, terminal: bool, size: impl Fn() -> Option<u16>) -> Paper {
    let columns = || looks.columns.or_else(|| size().map(usize::from)).filter(|columns| *columns > 0);
    Paper {
        width: terminal.then(|| columns().unwrap_or(80)),
        colour: match looks.colour {
            Colour::Auto => terminal && !looks.plain,
            Colour::Always => true,
            Colour::Never => false,
        },
        now: looks.now,
    }
}

/// Writes a result.
///
/// # Errors
/// As writing to standard output; `BrokenPipe` where nobody reads any more.
pub fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stream = io::stdout().lock();
    stream.write_all(bytes)?;
    stream.flush()
}

/// Writes something that is no result. Where nobody reads it, it is lost.
pub fn note(text: &str) {
    let mut stream = io::stderr().lock();
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// Waits for a key on the terminal that standard input is; only the first byte of what it sends counts.
///
/// # Errors
/// Standard input is no terminal, or at its end.
pub fn key() -> io::Result<u8> {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let stream = io::stdin();
    let before = tcgetattr(&stream)?;
    let mut raw = before.clone();
    raw.make_raw();
    tcsetattr(&stream, OptionalActions::Now, &raw)?;
    let mut bytes = [0; 16];
    let read = rustix::io::read(&stream, &mut bytes);
    tcsetattr(&stream, OptionalActions::Now, &before)?;
    match read? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(bytes[0]),
    }
}
