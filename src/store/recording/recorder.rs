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
        let fail = |error| Error::io("write", &path, error);
        let hidden = hidden(&path);
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&hidden).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Exists { path }),
            // Some network file systems have no locks; the run is then listed as interrupted until it is sealed.
            Err(TryLockError::Error(_)) => {}
        }
        let sync = Syncer::new(&file).map_err(fail)?;
        let writer = Writer::new(run, Locked(file)).map_err(|stop| Self::error(&path, stop))?;
        let named = match fs::hard_link(&hidden, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&hidden).map_err(fail)?;
                return Err(Error::Exists { path });
            }
            Ok(()) => fs::remove_file(&hidden),
            Err(_) => fs::rename(&hidden, &path),
        };
        named.map_err(fail)?;
        Ok(Self { run: run.clone(), path, writer, sync })
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
        writer.out().0.sync_data().map_err(|error| Error::io("sync", &path, error))
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
