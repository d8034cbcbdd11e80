//! Writes one run's recording into a store, holding its lock while alive.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::super::Error;
use super::super::codec::Packed;
use super::super::root::hidden;
use super::writer::{Stop, Writer};
use crate::model::event::Event;
use crate::model::{RunGraph, RunId, Summary};

/// How often what was flushed is synced to the disk.
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// Writes the recording of one run; dropped unsealed it leaves an interrupted run.
///
/// After a failure to write it takes nothing more ([`Error::Stopped`]), and all that was flushed before stays
/// readable.
pub struct Recorder {
    run: RunId,
    path: PathBuf,
    writer: Writer<Locked>,
    sync: Syncer,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins the recording `<folder>/<run>.retake`. The file appears under its name once it is locked and has its
    /// header, so that nobody takes it for an interrupted one.
    pub(in super::super) fn create(folder: &Path, run: &RunId) -> Result<Self, Error> {
        let path = folder.join(format!("{run}.retake"));
        if path.exists() {
            return Err(Error::Exists { path });
        }
        let hidden = hidden(&path);
        let begun = Self::begin(&hidden, run).and_then(|begun| name(&hidden, &path).map(|()| begun));
        let (writer, sync) = begun.map_err(|error| {
            let _ = fs::remove_file(&hidden);
            match error.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path: path.clone() },
                _ => Error::io("write", &path, error),
            }
        })?;
        Ok(Self { run: run.clone(), path, writer, sync })
    }

    fn begin(hidden: &Path, run: &RunId) -> io::Result<(Writer<Locked>, Syncer)> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(hidden)?;
        match file.try_lock() {
            // Some network file systems have no locks; the run is then listed as interrupted until it is sealed.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        }
        let sync = Syncer::new(&file)?;
        let writer = Writer::new(run, Locked(file)).map_err(io::Error::other)?;
        Ok((writer, sync))
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The recording's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends an event. The beginning and end of the run and the end of each call are handed to the kernel before
    /// it returns, with all before them; the rest waits for the next of these or for [`Recorder::flush`].
    ///
    /// # Errors
    /// [`Error::TooLong`] concerns this event alone; after any other nothing more is taken.
    pub fn write(&mut self, event: &Event) -> Result<(), Error> {
        let written = self.writer.write(event);
        self.check(written)?;
        match event {
            Event::Started(_) | Event::End(_) | Event::Finish(_) | Event::Ended(_) => self.flush(),
            _ => Ok(()),
        }
    }

    /// Hands all that was written to the kernel: a kill loses nothing of it.
    ///
    /// # Errors
    /// After one nothing more is taken.
    pub fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.writer.flush();
        self.sync.mark();
        self.check(flushed)
    }

    /// Appends summary and graph, syncs the file to the disk and lets go of the lock. The summary's tags are not
    /// kept: tags are said in the ledger.
    ///
    /// # Errors
    /// If writing failed, now or earlier; the run then is an interrupted one.
    pub fn seal(mut self, summary: &Summary, graph: &RunGraph) -> Result<(), Error> {
        let sealed = self.writer.seal(summary, &Packed::new(graph));
        self.check(sealed)?;
        let Self { path, writer, sync, .. } = self;
        drop(sync);
        writer.out().0.sync_data().map_err(|error| Error::io("sync", &path, error))?;
        // The name too outlives a power loss, where the file system can do that.
        let _ =
            path.parent().map(File::open).transpose().and_then(|folder| folder.map_or(Ok(()), |file| file.sync_all()));
        Ok(())
    }

    fn check(&self, result: Result<(), Stop>) -> Result<(), Error> {
        let Err(stop) = result else { return Ok(()) };
        if matches!(stop, Stop::Io(_)) {
            // What stands behind the last flush is half a block; without it the file reads as if it ended there.
            let _ = self.writer.out().0.set_len(self.writer.flushed());
        }
        Err(Self::error(&self.path, stop))
    }

    fn error(path: &Path, stop: Stop) -> Error {
        let path = path.to_owned();
        match stop {
            Stop::Record(fault) => Error::TooLong { path, reason: fault.to_string() },
            Stop::Io(error) => Error::io("write", &path, error),
            Stop::Earlier => Error::Stopped { path },
        }
    }
}

/// Gives a file its name; never that of another.
fn name(hidden: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(hidden, path) {
        Ok(()) => fs::remove_file(hidden),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system without hard links.
        Err(_) => fs::rename(hidden, path),
    }
}

/// A file with the lock that its recorder holds.
struct Locked(File);

impl io::Write for Locked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Syncs a file to the disk every few seconds, beside the writer.
struct Syncer {
    dirty: Arc<AtomicBool>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    fn new(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let dirty = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel::<()>();
        let flag = Arc::clone(&dirty);
        let thread = thread::Builder::new().name("retake-sync".to_owned()).spawn(move || {
            while stopped.recv_timeout(SYNC_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                if flag.swap(false, Ordering::Relaxed) {
                    // A failure shows again when the recording is sealed.
                    let _ = file.sync_data();
                }
            }
        })?;
        Ok(Self { dirty, stop: Some(stop), thread: Some(thread) })
    }

    fn mark(&self) {
        self.dirty.store(true, Ordering::Relaxed);
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
