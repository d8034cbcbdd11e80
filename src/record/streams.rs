//! The agent's standard streams: passed through at once, recorded where they are no terminals.

use std::fs::File;
use std::io::{self, IsTerminal, PipeWriter, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rustix::fs::{FileType, fstat, major, minor};

use crate::model::Micros;
use crate::model::event::{Event, Note, Output};
use crate::proxy::{Clock, Watch};

/// How much is read at a time.
const PIECE: usize = 64 << 10;

/// What the agent's standard input is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Input {
    /// This process's own.
    #[default]
    Own,
    /// What a recording has, and then the end.
    Recorded(Vec<(Micros, Bytes)>),
}

/// Tells what passes through the streams.
#[derive(Clone)]
pub(super) struct Tap {
    pub(super) watch: Arc<dyn Watch>,
    pub(super) clock: Clock,
    /// Output streams that may still come up with something.
    pub(super) open: Arc<AtomicUsize>,
    /// How many pieces of output have passed.
    pub(super) passed: Arc<AtomicU64>,
    /// Whether output is recorded only, and not passed on.
    pub(super) mute: bool,
}

impl Tap {
    fn saw(&self, stream: u8, bytes: Bytes) {
        self.watch.saw(Event::Output(Output { at: (self.clock)(), stream, bytes }));
    }

    fn note(&self, text: &str) {
        self.watch.saw(Event::Note(Note { at: (self.clock)(), topic: "output".to_owned(), text: text.to_owned() }));
    }
}

/// What is to be done once the agent runs.
type Job = Box<dyn FnOnce() + Send>;

/// Runs a job on a thread of its own that nobody waits for: it may hang in a read for as long as it likes.
fn run(name: &str, job: Job) {
    // Without a thread the stream is not passed on; there is no way left to say so to the agent.
    drop(std::thread::Builder::new().name(name.to_owned()).spawn(job));
}

/// The streams that an agent gets, and the threads that will serve them.
pub(super) struct Streams {
    pub(super) input: Stdio,
    pub(super) output: Stdio,
    pub(super) error: Stdio,
    jobs: Vec<(&'static str, Job)>,
}

impl Streams {
    /// Makes the streams.
    pub(super) fn new(input: Input, tap: &Tap) -> io::Result<Self> {
        let mut jobs = Vec::new();
        let input = match input {
            Input::Own => own_input(tap, &mut jobs)?,
            Input::Recorded(pieces) => {
                let (reader, writer) = io::pipe()?;
                let tap = tap.clone();
                jobs.push(("retake-stdin", Box::new(move || feed(&pieces, writer, &tap)) as Job));
                reader.into()
            }
        };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (to_terminal, errors_to_terminal) = (!tap.mute && stdout.is_terminal(), !tap.mute && stderr.is_terminal());
        if to_terminal || errors_to_terminal {
            let which = match (to_terminal, errors_to_terminal) {
                (true, true) => "standard output and error were a terminal and are",
                (true, false) => "standard output was a terminal and is",
                _ => "standard error was a terminal and is",
            };
            tap.note(&format!("{which} not recorded"));
        }
        let joined = !tap.mute && !to_terminal && !errors_to_terminal && is_same(stdout.as_fd(), stderr.as_fd());
        let mut piped = |stream: u8| -> io::Result<PipeWriter> {
            let (reader, writer) = io::pipe()?;
            let tap = tap.clone();
            tap.open.fetch_add(1, Ordering::SeqCst);
            let name = if stream == 1 { "retake-stdout" } else { "retake-stderr" };
            jobs.push((name, Box::new(move || pass_on(reader, stream, &tap)) as Job));
            Ok(writer)
        };
        let (output, error) = if joined {
            // One pipe for both keeps the order in which they are written.
            let writer = piped(1)?;
            (writer.try_clone()?.into(), writer.into())
        } else {
            let output = if to_terminal { Stdio::inherit() } else { piped(1)?.into() };
            (output, if errors_to_terminal { Stdio::inherit() } else { piped(2)?.into() })
        };
        Ok(Self { input, output, error, jobs })
    }

    /// Starts to serve them.
    pub(super) fn serve(jobs: Vec<(&'static str, Job)>) {
        for (name, job) in jobs {
            run(name, job);
        }
    }

    /// The streams, and what [`Streams::serve`] takes.
    pub(super) fn into_parts(self) -> ([Stdio; 3], Vec<(&'static str, Job)>) {
        ([self.input, self.output, self.error], self.jobs)
    }
}

/// This process's input for the agent: itself where it can be read without being used up.
fn own_input(tap: &Tap, jobs: &mut Vec<(&'static str, Job)>) -> io::Result<Stdio> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Ok(Stdio::inherit());
    }
    let Ok(stat) = fstat(&stdin) else { return Ok(Stdio::null()) };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let mut file = File::from(stdin.as_fd().try_clone_to_owned()?);
            let from = file.stream_position()?;
            let tap = tap.clone();
            jobs.push(("retake-stdin", Box::new(move || read_along(&file, from, &tap))));
            Ok(Stdio::inherit())
        }
        FileType::CharacterDevice => {
            if is_null(stat.st_rdev) {
                tap.saw(0, Bytes::new());
            }
            Ok(Stdio::inherit())
        }
        _ => {
            let (reader, writer) = io::pipe()?;
            let tap = tap.clone();
            jobs.push(("retake-stdin", Box::new(move || hand_in(writer, &tap))));
            Ok(reader.into())
        }
    }
}

fn is_null(device: rustix::fs::Dev) -> bool {
    cfg!(target_os = "linux") && (major(device), minor(device)) == (1, 3)
}

/// Whether two descriptors are one pipe or file.
fn is_same(left: BorrowedFd<'_>, right: BorrowedFd<'_>) -> bool {
    let (Ok(left), Ok(right)) = (fstat(left), fstat(right)) else { return false };
    (left.st_dev, left.st_ino, left.st_rdev) == (right.st_dev, right.st_ino, right.st_rdev)
}

/// Records a file that the agent reads by itself, without moving its place in it.
fn read_along(file: &File, mut from: u64, tap: &Tap) {
    let mut buffer = vec![0; PIECE];
    while let Ok(length) = file.read_at(&mut buffer, from) {
        if length == 0 {
            break;
        }
        from += length as u64;
        tap.saw(0, Bytes::copy_from_slice(&buffer[..length]));
    }
    tap.saw(0, Bytes::new());
}

/// Passes input on as it comes.
fn hand_in(mut writer: PipeWriter, tap: &Tap) {
    let mut stdin = io::stdin();
    let mut buffer = vec![0; PIECE];
    loop {
        let length = match stdin.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        tap.saw(0, Bytes::copy_from_slice(&buffer[..length]));
        // An agent that reads no more has closed it.
        if length == 0 || writer.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Gives the agent what was recorded.
fn feed(pieces: &[(Micros, Bytes)], mut writer: PipeWriter, tap: &Tap) {
    for (_, piece) in pieces.iter().filter(|(_, piece)| !piece.is_empty()) {
        tap.saw(0, piece.clone());
        if writer.write_all(piece).is_err() {
            return;
        }
    }
    tap.saw(0, Bytes::new());
}

/// Passes output on as it comes. Where nobody takes it any more, the agent gets to know.
fn pass_on(mut reader: impl Read, stream: u8, tap: &Tap) {
    let mut buffer = vec![0; PIECE];
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        if length == 0 {
            break;
        }
        let piece = &buffer[..length];
        let written = match stream {
            _ if tap.mute => Ok(()),
            1 => write(&mut io::stdout(), piece),
            _ => write(&mut io::stderr(), piece),
        };
        tap.saw(stream, Bytes::copy_from_slice(piece));
        tap.passed.fetch_add(1, Ordering::Relaxed);
        if written.is_err() {
            break;
        }
    }
    tap.open.fetch_sub(1, Ordering::SeqCst);
}

/// Writes all, also to a pipe that somebody has made non-blocking.
fn write(to: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let done = match to.write(bytes) {
            Ok(0) if !bytes.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => {
                bytes = &bytes[length..];
                if bytes.is_empty() { to.flush() } else { continue }
            }
            Err(error) => Err(error),
        };
        match done {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(2)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Whether something was piped or redirected into this process: a file or pipe with something in it.
/// A pipe in which nothing is yet is given a moment.
#[must_use]
pub fn is_piped_in() -> bool {
    let stdin = io::stdin();
    let Ok(stat) = fstat(&stdin) else { return false };
    if stdin.is_terminal() {
        return false;
    }
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => stat.st_size > 0,
        FileType::CharacterDevice => !is_null(stat.st_rdev),
        _ => (0..20).any(|_| {
            let waiting = rustix::io::ioctl_fionread(&stdin).unwrap_or_default();
            if waiting == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            waiting > 0
        }),
    }
}
