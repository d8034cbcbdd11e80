//! Runs an agent again behind a tape.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::grade;
use super::matcher::Matcher;
use super::plan::{Live, Plan};
use super::tape::{self, Tape};
use crate::model::event::{Event, Note, Seq, Started};
use crate::model::{NodeId, Run, RunId};
use crate::proxy::{Clock, EndsStream, Watch};
use crate::record::{self, Input, Leash, Outcome, PLACEHOLDER, Routes, Setup};
use crate::redact::Redactor;

/// What a replay needs.
pub struct Job {
    /// The plan.
    pub plan: Plan,
    /// Program and arguments.
    pub command: Vec<std::ffi::OsString>,
    /// Working directory.
    pub directory: PathBuf,
    /// Where calls go that are sent.
    pub routes: Routes,
    /// Further variables for the agent.
    pub set: Vec<(String, String)>,
    /// Its standard input.
    pub input: Input,
    /// Whether its output is recorded only, and not passed on.
    pub mute: bool,
    /// The first event.
    pub started: Started,
    /// Secret part of the listener's URL.
    pub token: String,
    /// Gets the events.
    pub watch: Arc<dyn Watch>,
    /// Takes credentials out; also knows which stand in place of the recorded ones.
    pub redactor: Arc<Redactor>,
    /// Recognises the end of a stream.
    pub ends_stream: EndsStream,
    /// Tells the time.
    pub clock: Clock,
    /// Whether recorded pauses are kept.
    pub pace: bool,
    /// After how long the agent is ended; `None` is never.
    pub timeout: Option<Duration>,
    /// Gets lines for the user while the agent runs.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

/// What became of a replay.
#[derive(Debug)]
pub struct Performed {
    /// What became of the agent.
    pub outcome: Outcome,
    /// How many calls were refused.
    pub refused: usize,
    /// How many calls were sent.
    pub sent: usize,
    /// Why the agent was ended, if it was.
    pub ended: Option<String>,
    /// Whether it was ended because it took too long.
    pub timed_out: bool,
    /// For each refused request the recorded call that is nearest to it.
    pub nearest: BTreeMap<Seq, NodeId>,
    /// Approximations that were made.
    pub loose: Loose,
}

/// What keeps a replay from being the recording again.
#[derive(Debug, Clone, Default)]
pub struct Loose {
    /// Every approximation, a part of a line each.
    pub says: Vec<String>,
    /// What may be left of recorded names in answers, and the node whose answer it is.
    pub stale: Vec<(Option<NodeId>, String)>,
    /// Nodes whose answers held placeholders of secrets.
    pub redacted: Vec<NodeId>,
}

struct Ears {
    leash: Leash,
    say: Arc<dyn Fn(&str) + Send + Sync>,
    ended: Mutex<Option<String>>,
    once: AtomicBool,
}

impl tape::Listener for Ears {
    fn say(&self, line: &str) {
        (self.say)(line);
    }

    fn end_agent(&self, reason: &str) {
        if !self.once.swap(true, Ordering::SeqCst) {
            (self.say)(&format!("ending the agent: {reason}"));
            *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
            self.leash.end();
        }
    }
}

/// Ends the agent after a while, unless it is stopped before.
struct Timer {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<bool>,
}

impl Timer {
    fn start(after: Duration, ears: Arc<Ears>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let is_over = stopped.recv_timeout(after) == Err(mpsc::RecvTimeoutError::Timeout);
            if is_over {
                tape::Listener::end_agent(&*ears, &format!("it took longer than {} s", after.as_secs()));
            }
            is_over
        });
        Self { stop, thread }
    }

    /// Whether it had ended the agent.
    fn stop(self) -> bool {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}

/// Runs the agent behind the tape and writes the grade line as the last note.
///
/// `assembled` reads the replay's own run so far; the grade line counts its tools.
///
/// # Errors
/// The agent cannot be run, or there is no listener.
pub fn perform(job: Job, assembled: impl FnOnce() -> Option<Run>) -> Result<(Performed, String), record::Failure> {
    let leash = Leash::default();
    let ears =
        Arc::new(Ears { leash: leash.clone(), say: job.say, ended: Mutex::new(None), once: AtomicBool::new(false) });
    let first = job.plan.run().calls.keys().chain(job.plan.run().announced.keys()).max().map_or(1, |last| last + 1);
    let ignored = job.plan.options.ignore.len();
    let always = job.plan.options.live == Live::Always;
    let tape = Arc::new(Tape::new(
        Matcher::new(job.plan, &job.started),
        Arc::clone(&job.watch),
        job.redactor,
        Arc::clone(&ears) as Arc<dyn tape::Listener>,
        job.pace,
        vec![PLACEHOLDER.to_owned()],
    ));
    let clock = Arc::clone(&job.clock);
    let timer = job.timeout.map(|after| Timer::start(after, Arc::clone(&ears)));
    let outcome = record::run(Setup {
        command: job.command,
        directory: job.directory,
        routes: job.routes,
        set: job.set,
        unset: Vec::new(),
        input: job.input,
        mute: job.mute,
        started: job.started,
        first,
        token: job.token,
        answer: Arc::clone(&tape) as Arc<dyn crate::proxy::Answer>,
        watch: Arc::clone(&job.watch),
        ends_stream: job.ends_stream,
        clock: job.clock,
        leash,
        say: Arc::clone(&ears.say),
    });
    let timed_out = timer.is_some_and(Timer::stop);
    let outcome = outcome?;
    let replay = assembled();
    let (line, refused, sent, nearest, loose) = tape.finish(|matcher, tally| {
        let mut line = grade::line(matcher, tally, replay.as_ref(), ignored, always);
        if ears.once.load(Ordering::SeqCst) {
            line.push_str("; the agent was ended");
        }
        let mut says = grade::approximations(matcher, tally);
        if !outcome.past.is_empty() {
            let past = format!("connected past retake to {}", record::missed::listed(&outcome.past));
            line.extend(["; ", &past]);
            says.push(past);
        }
        let loose = Loose { says, stale: tally.stale(), redacted: tally.redacted.iter().copied().collect() };
        (line, tally.refusals(), tally.sent(), matcher.nearest.clone(), loose)
    });
    job.watch.saw(Event::Note(Note { at: clock(), topic: "grade".into(), text: line.clone() }));
    let ended = ears.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((Performed { outcome, refused, sent, ended, timed_out, nearest, loose }, line))
}

/// The first event of a replay: how the run began, with its parent.
#[must_use]
pub fn started(mut now: Started, parent: &RunId, changes: Vec<String>, highest: u32) -> Started {
    now.origin = "replay".into();
    now.parent = Some(crate::model::event::Parent { run: parent.clone(), changes, highest });
    now
}
