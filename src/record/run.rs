//! Runs an agent behind the listener: what recording and replaying have in common.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use super::afterlife;
use super::child::{Running, Spec};
use super::leash::Leash;
use super::program::{self, CannotRun};
use super::providers::TABLE;
use super::routes::Routes;
use super::sockets::Lookout;
use super::streams::{Input, Tap};
use super::tally::{Counts, Tally};
use crate::model::event::{Ended, Event, Note, PAST, Seq, Started};
use crate::proxy::{self, Answer, Clock, EndsStream, Listener, Watch};

/// What is run and how.
pub struct Setup {
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// Working directory.
    pub directory: PathBuf,
    /// Where calls go.
    pub routes: Routes,
    /// Variables that the agent gets besides those of the routes, which win.
    pub set: Vec<(String, String)>,
    /// Variables that the agent does not get.
    pub unset: Vec<String>,
    /// Its standard input.
    pub input: Input,
    /// Whether its output is recorded only, and not passed on.
    pub mute: bool,
    /// The first event. Upstreams that it does not name are taken from the routes.
    pub started: Started,
    /// First number of calls and announced nodes.
    pub first: Seq,
    /// Secret part of the listener's URL.
    pub token: String,
    /// Decides about calls.
    pub answer: Arc<dyn Answer>,
    /// Gets the events.
    pub watch: Arc<dyn Watch>,
    /// Recognises the end of a stream.
    pub ends_stream: EndsStream,
    /// Tells the time.
    pub clock: Clock,
    /// Ends the agent, from outside.
    pub leash: Leash,
    /// Says a line to the user, now.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The agent's program cannot be run.
    #[error(transparent)]
    Program(#[from] CannotRun),
    /// There is no listener.
    #[error("cannot listen on 127.0.0.1")]
    Listener(#[source] std::io::Error),
}

/// What became of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The agent's exit code, or 128 and the signal that ended it.
    pub code: i32,
    /// Calls by prefix.
    pub calls: BTreeMap<String, usize>,
    /// Announced nodes.
    pub announced: usize,
    /// What is to be said at the end, one line each: upstreams that the environment named, what a base
    /// URL changed in the client, warnings.
    pub remarks: Vec<String>,
    /// Hosts that it was connected to past the listener, as `api.mistral.ai` or `10.0.0.1:443`.
    pub past: Vec<String>,
}

impl Outcome {
    /// Whether nothing was seen at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.announced == 0
    }
}

/// Starts the listener and the agent, waits for its end, and tells all of it to the watch; the last
/// event is [`Event::Ended`].
///
/// # Errors
/// Nothing was run; the watch has seen [`Event::Started`] at most, and nothing if there is no such program.
pub fn run(setup: Setup) -> Result<Outcome, Failure> {
    let program = setup.command.first().map(OsString::as_os_str).unwrap_or_default();
    program::find(program, &setup.directory, &crate::config::search_path())?;
    let tally = Arc::new(Tally::new(Arc::clone(&setup.watch)));
    let watch: Arc<dyn Watch> = Arc::clone(&tally) as Arc<dyn Watch>;
    let mut started = setup.started;
    if started.upstreams.is_empty() {
        started.upstreams = setup.routes.list();
    }
    watch.saw(Event::Started(started));
    settle(watch.as_ref());
    let listener = Listener::start(proxy::Setup {
        upstreams: setup.routes.upstreams.clone(),
        formerly: setup.routes.formerly.clone(),
        keys: setup.routes.keys.clone(),
        authorities: setup.routes.authorities.clone(),
        token: setup.token,
        first: setup.first,
        answer: setup.answer,
        watch: Arc::clone(&watch),
        ends_stream: setup.ends_stream,
        clock: Arc::clone(&setup.clock),
    })
    .map_err(Failure::Listener)?;
    let tap = Tap {
        watch: Arc::clone(&watch),
        clock: Arc::clone(&setup.clock),
        open: Arc::new(AtomicUsize::new(0)),
        passed: Arc::new(AtomicU64::new(0)),
        mute: setup.mute,
    };
    let mut set = setup.set;
    set.extend(setup.routes.variables(&listener));
    let spec = Spec {
        command: &setup.command,
        directory: &setup.directory,
        set: &set,
        unset: &setup.unset,
        input: setup.input,
        apart: setup.mute,
    };
    let agent = Running::start(spec, &setup.leash, &tap)?;
    let lookout = Lookout::start(agent.id(), listener.address(), listener.nodes_url());
    let (code, signals) = agent.wait();
    let (ended, events) = ((setup.clock)(), listener.events());
    let left = afterlife::wait(&listener, &tap, &setup.leash, setup.say.as_ref());
    let past = lookout.finish();
    drop(signals);
    let at = if listener.events() == events { ended } else { (setup.clock)() };
    listener.stop();
    if !past.is_empty() {
        watch.saw(Event::Note(Note { at, topic: PAST.to_owned(), text: past.join(", ") }));
    }
    watch.saw(Event::Ended(Ended { at, code }));
    let counts = tally.counts();
    let mut remarks = remarks(&setup.routes, &counts);
    if !left.is_empty() {
        remarks.push(format!("{} still runs; what it calls from now on fails", afterlife::named(&left)));
    }
    Ok(Outcome { code, calls: counts.calls, announced: counts.announced, remarks, past })
}

/// Waits, not long, until the beginning is written: a run that is killed right away has its name and command.
fn settle(watch: &dyn Watch) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    // A recorder in trouble must not keep the agent from starting.
    let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), watch.settled()).await });
}

fn remarks(routes: &Routes, counts: &Counts) -> Vec<String> {
    let called = |provider: &str| counts.calls.contains_key(provider);
    // What was just said need not be said back.
    let told = |named: &&super::Named| called(&named.provider) && named.by != super::routes::GIVEN;
    let named = routes.named.iter().filter(told).map(super::Named::line);
    // A base URL that was there before has changed nothing.
    let effects = counts.effects.iter().filter_map(|place| TABLE.effects.get(*place));
    let effects = effects.filter(|effect| !routes.is_named(&effect.provider)).map(|effect| effect.says.clone());
    named.chain(effects).chain(routes.warnings.iter().cloned()).chain(counts.warnings.iter().cloned()).collect()
}
