//! A hold on the agent's process: signals reach it while it lives, and no other process after that.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long an agent that was told to end has before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Signals that are handed on. Those of a terminal's suspend key reach the whole group by themselves.
const HANDED_ON: [(Signal, fn() -> SignalKind); 6] = [
    (Signal::INT, SignalKind::interrupt),
    (Signal::TERM, SignalKind::terminate),
    (Signal::HUP, SignalKind::hangup),
    (Signal::QUIT, SignalKind::quit),
    (Signal::USR1, SignalKind::user_defined1),
    (Signal::USR2, SignalKind::user_defined2),
];

/// A hold on the agent; clones hold the same.
#[derive(Debug, Clone, Default)]
pub struct Leash {
    process: Arc<Mutex<Option<Pid>>>,
    /// Whether somebody wants it to end.
    over: Arc<AtomicBool>,
}

impl Leash {
    /// Tells the agent to end, and kills it if it has not after 5 s. Returns at once.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.send(Signal::TERM);
        let held = self.clone();
        let kill = move || {
            std::thread::sleep(GRACE);
            held.send(Signal::KILL);
        };
        // Without a thread it has to end by itself.
        drop(std::thread::Builder::new().name("retake-leash".to_owned()).spawn(kill));
    }

    /// Whether it was told to end, by a signal too: then nothing that it left behind is waited for.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub(super) fn hold(&self, pid: u32) {
        *self.lock() = i32::try_from(pid).ok().and_then(Pid::from_raw);
    }

    /// Lets go; before the process is reaped, so that its number cannot mean another one.
    pub(super) fn release(&self) {
        *self.lock() = None;
    }

    fn send(&self, signal: Signal) {
        if let Some(pid) = *self.lock() {
            // It may have ended a moment ago.
            let _ = kill_process(pid, signal);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Pid>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands signals on while it lives.
pub(super) struct Signals {
    stop: Option<oneshot::Sender<()>>,
}

impl Signals {
    /// From here on the signals do not end this process.
    pub(super) fn hand_on(leash: &Leash) -> Self {
        let leash = leash.clone();
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // Without a runtime signals act as if there were no recorder.
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for (number, kind) in HANDED_ON {
                    let Ok(mut stream) = signal(kind()) else { continue };
                    let leash = leash.clone();
                    tasks.spawn(async move {
                        while stream.recv().await.is_some() {
                            if !matches!(number, Signal::USR1 | Signal::USR2) {
                                leash.over.store(true, Ordering::SeqCst);
                            }
                            if !came_from_terminal(number) {
                                leash.send(number);
                            }
                        }
                    });
                }
                // A limit on the size of files must cost the recording only, not this process.
                let too_large = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
                tasks.spawn(async move {
                    if let Ok(mut stream) = too_large {
                        while stream.recv().await.is_some() {}
                    }
                });
                let _ = ready.send(());
                drop(stopped.await);
            });
        };
        if std::thread::Builder::new().name("retake-signals".to_owned()).spawn(run).is_ok() {
            // An error means that the thread has given up.
            let _ = is_ready.recv();
        }
        Self { stop: Some(stop) }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

/// Whether the terminal sent this to the whole foreground group, the agent included: a second one could
/// cut its cleaning up short.
fn came_from_terminal(signal: Signal) -> bool {
    matches!(signal, Signal::INT | Signal::QUIT)
        && File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}
