//! A hold on the agent's process: signals reach it while it lives, and no other process after that.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgrp, kill_process, kill_process_group, test_kill_process_group};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::below;

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

/// How often it is looked whether all that was told to end has ended.
const LOOK: Duration = Duration::from_millis(10);

/// A hold on the agent; clones hold the same.
#[derive(Debug, Clone, Default)]
pub struct Leash {
    state: Arc<Mutex<State>>,
    /// Whether somebody wants it to end.
    over: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// Sees to it that what was told to end does.
    ending: Option<JoinHandle<()>>,
}

/// The agent's process.
#[derive(Debug, Clone, Copy)]
struct Held {
    pid: Pid,
    /// Whether it leads a group of its own, in which is all that it started.
    leads: bool,
}

impl Held {
    fn send(self, signal: Signal) {
        // It may have ended a moment ago.
        let _ = if self.leads { kill_process_group(self.pid, signal) } else { kill_process(self.pid, signal) };
    }
}

impl Leash {
    /// Tells the agent and all that it started to end, and kills what has not after 5 s. Returns at once.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        let mut state = self.lock();
        let Some(held) = state.held else { return };
        let started = u32::try_from(held.pid.as_raw_nonzero().get()).map(below::of).unwrap_or_default();
        held.send(Signal::TERM);
        // In a group of its own they have heard it.
        let elsewhere = started.iter().filter(|_| !held.leads);
        elsewhere.for_each(|process| process.send(Signal::TERM));
        let leash = self.clone();
        let see_to_it = move || {
            let begin = Instant::now();
            let left = || {
                leash.lock().held.is_some()
                    || started.iter().any(|process| process.is_there())
                    || (held.leads && test_kill_process_group(held.pid).is_ok())
            };
            while left() {
                if begin.elapsed() > GRACE {
                    leash.send(Signal::KILL);
                    if held.leads {
                        held.send(Signal::KILL);
                    }
                    for process in &started {
                        process.send(Signal::KILL);
                    }
                    return;
                }
                std::thread::sleep(LOOK);
            }
        };
        // Without a thread it has to end by itself.
        state.ending = std::thread::Builder::new().name("retake-leash".to_owned()).spawn(see_to_it).ok();
    }

    /// Whether it was told to end, by a signal too: then nothing that it left behind is waited for.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Holds a process; `leads` says whether it leads a group of its own.
    pub(super) fn hold(&self, pid: u32, leads: bool) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        self.lock().held = pid.map(|pid| Held { pid, leads });
    }

    /// Lets go; before the process is reaped, so that its number cannot mean another one.
    pub(super) fn release(&self) {
        self.lock().held = None;
    }

    /// Waits until all that was told to end has ended.
    pub(super) fn settle(&self) {
        let ending = self.lock().ending.take();
        if let Some(ending) = ending {
            // A thread that failed has nothing more to do.
            let _ = ending.join();
        }
    }

    fn send(&self, signal: Signal) {
        if let Some(held) = self.lock().held {
            held.send(signal);
        }
    }

    /// Whether the agent does not hear what the terminal sends to this process's group.
    fn is_apart(&self) -> bool {
        self.lock().held.is_some_and(|held| held.leads)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
                            if leash.is_apart() || !came_from_terminal(number) {
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
