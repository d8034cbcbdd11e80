//! Answers an agent from a recording, by the plan.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::change::{self, Target};
use super::grade::Tally;
use super::matcher::{Decision, Matcher};
use super::miss::Refusal;
use crate::model::event::{Action, Begin, Ending, Event, Headers, Request, Seq};
use crate::model::{Micros, NodeId};
use crate::names::rename::Renamer;
use crate::proxy::{Answer, Boxed, Call, Given, Served, Verdict, Watch};
use crate::record;
use crate::redact::{self, Redactor};
use crate::text::json::Json;
use crate::wire::{self, Parsed, Side};

/// What a tape tells while the agent runs.
pub(super) trait Listener: Send + Sync + 'static {
    /// A line for the user, now.
    fn say(&self, line: &str);
    /// The agent keeps asking for what is refused: end it, for this reason.
    fn end_agent(&self, reason: &str);
}

/// Longest wait for a call that was recorded as overlapping and has not arrived.
const GRACE: Duration = Duration::from_millis(20);
/// Longest wait for an agent to take an answer that was recorded as ending earlier.
const PATIENCE: Duration = Duration::from_millis(250);
/// How many such waits may be in vain before they are given up.
const VAIN: usize = 8;

/// A recording as an [`Answer`].
pub(super) struct Tape {
    state: Mutex<State>,
    changed: Notify,
    watch: Arc<dyn Watch>,
    redactor: Arc<Redactor>,
    listener: Arc<dyn Listener>,
    pace: bool,
    patience: Duration,
    /// Values that stand for keys which this machine does not have.
    placeholders: Vec<String>,
}

struct State {
    matcher: Matcher,
    tally: Tally,
    open: HashMap<Seq, Open>,
    /// Entries being answered, by when they ended in the recording.
    flights: BTreeMap<(Micros, Seq), Flight>,
    vain: usize,
    refusals: HashMap<[u8; 32], usize>,
    /// Numbers of this run's secrets, by the numbers of the recording's.
    secrets: HashMap<usize, usize>,
    denied: HashMap<Seq, String>,
}

struct Open {
    parsed: Parsed,
    changed: bool,
    served: bool,
    flight: Option<(Micros, Seq)>,
}

struct Flight {
    seq: Seq,
    began: Micros,
    released: bool,
}

impl Tape {
    /// Puts a matcher behind the listener.
    pub(super) fn new(
        matcher: Matcher,
        watch: Arc<dyn Watch>,
        redactor: Arc<Redactor>,
        listener: Arc<dyn Listener>,
        pace: bool,
        placeholders: Vec<String>,
    ) -> Self {
        let state = State {
            matcher,
            tally: Tally::default(),
            open: HashMap::new(),
            flights: BTreeMap::new(),
            vain: 0,
            refusals: HashMap::new(),
            secrets: HashMap::new(),
            denied: HashMap::new(),
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            watch,
            redactor,
            listener,
            pace,
            patience: PATIENCE,
            placeholders,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tape for simulated time: it waits for the end of other answers only, however long that takes.
    #[cfg(test)]
    pub(super) fn untimed(mut self) -> Self {
        self.patience = Duration::MAX;
        self.lock().vain = VAIN;
        self
    }

    /// What the replay came to.
    pub(super) fn finish<T>(&self, read: impl FnOnce(&Matcher, &Tally) -> T) -> T {
        let state = self.lock();
        read(&state.matcher, &state.tally)
    }

    fn redacted(&self, call: &Call) -> Request {
        let kind = header(&call.headers, "content-type").unwrap_or_default();
        Request {
            seq: call.seq,
            at: call.at,
            provider: call.provider.clone(),
            upstream: String::new(),
            method: call.method.clone(),
            path: call.path.clone(),
            query: self.redactor.query(&call.query),
            headers: self.redactor.headers(&call.headers),
            body: self.redactor.body(kind, &record::fit::body(call.body.clone())),
            coding: String::new(),
        }
    }

    async fn decide(&self, call: &Call) -> Verdict {
        let request = self.redacted(call);
        let (decision, parsed, wait) = {
            let mut state = self.lock();
            for number in redact::numbers_in(&request.body) {
                if let Some(variable) = self.redactor.variable(number) {
                    state.matcher.know_secret(number, variable);
                }
            }
            let parsed = state.matcher.parse(&request);
            state.matcher.keyless = self.is_keyless(call);
            let decision = state.matcher.decide(&request, &parsed);
            let wait = state.enter(&decision, &parsed, call.seq);
            state.tally.count(&decision.decided);
            (decision, parsed, wait)
        };
        self.changed.notify_waiters();
        let verdict = match &decision.decided.action {
            Action::Serve | Action::ServeEdited => {
                for line in &decision.needs_consent {
                    self.listener.say(line);
                }
                if let Some(flight) = wait {
                    self.wait_turn(flight).await;
                }
                Verdict::Serve(self.recorded(&decision, &parsed, &request))
            }
            Action::Send | Action::SendChanged => self.forward(&decision),
            Action::Refuse => Verdict::Serve(self.refuse(&decision, call)),
        };
        self.watch.saw(Event::Decided(decision.decided));
        verdict
    }

    /// Whether a stand-in for a key that this machine does not have is all that a call carries.
    fn is_keyless(&self, call: &Call) -> bool {
        let carries = |value: &str| self.placeholders.iter().any(|placeholder| value.contains(placeholder.as_str()));
        call.headers.iter().any(|(_, value)| carries(value)) || carries(&call.query)
    }

    fn forward(&self, decision: &Decision) -> Verdict {
        let body = decision.decided.sent.as_ref().map(|sent| {
            let secret = |number| self.redactor.secret(number);
            Bytes::from(redact::fill(sent, &secret).0)
        });
        Verdict::Forward { body, path: decision.path.clone() }
    }

    fn refuse(&self, decision: &Decision, call: &Call) -> Served {
        let fallback = Refusal { reason: "refused".into(), details: Vec::new(), hint: None };
        let refusal = decision.refusal.as_ref().unwrap_or(&fallback);
        let node = decision.decided.node;
        self.refusal(call, &refusal.reason, &refusal.details, refusal.hint.as_deref(), decision.key, node)
    }

    /// The provider's own error for a call that is neither served nor sent, said to the user too.
    fn refusal(
        &self,
        call: &Call,
        reason: &str,
        details: &[String],
        hint: Option<&str>,
        key: [u8; 32],
        node: Option<NodeId>,
    ) -> Served {
        let (times, all) = {
            let mut state = self.lock();
            let times = state.refusals.entry(key).or_default();
            *times += 1;
            let times = *times;
            state.tally.refused(call.seq);
            (times, state.tally.refusals())
        };
        if times == 1 {
            let node = node.map(|node| format!(" (node {node})")).unwrap_or_default();
            self.listener.say(&format!("refused {} {}{node}: {reason}", call.method, call.path));
            for line in details {
                self.listener.say(&format!("  {line}"));
            }
            if let Some(hint) = hint {
                self.listener.say(&format!("  hint: {hint}; to let such calls out, `--live always`"));
            } else if !details.is_empty() {
                self.listener.say("  hint: to let such calls out, add `--live always`");
            }
        }
        if times >= 3 || all >= 10 {
            self.listener.end_agent("it asks again and again for what was refused");
        }
        let message = format!("retake refused this call: {reason}");
        let (status, headers, body) = wire::refusal(&call.provider, &call.path, &message);
        Served { status, headers, pieces: vec![(Duration::ZERO, body.into())], ending: Ending::Complete }
    }

    /// The recorded answer, edited where the plan says so, in the form that the agent asked for.
    fn recorded(&self, decision: &Decision, parsed: &Parsed, request: &Request) -> Served {
        let mut state = self.lock();
        let Some(place) = decision.entry else { return empty() };
        let entry = state.matcher.entry(place);
        let (seq, node) = (entry.seq, entry.node);
        let pairs: Vec<(usize, usize)> = redact::marks(entry.parsed.canonical.body().bytes())
            .map(|(_, number)| number)
            .zip(redact::marks(&request.body).map(|(_, number)| number))
            .collect();
        state.secrets.extend(pairs);
        let plan = &state.matcher.plan;
        let Some(call) = plan.run.calls.get(&seq) else { return empty() };
        let Some(answer) = &call.answer else {
            // It never got an answer: the agent sees its connection end.
            return Served {
                status: 502,
                headers: Vec::new(),
                pieces: Vec::new(),
                ending: call.ending.clone().unwrap_or(Ending::ClientLeft),
            };
        };
        let is_edited = plan.edits_answer(place);
        let edits: Vec<_> = plan
            .changes
            .iter()
            .filter(|change| is_edited && change.wanted.node == node && matches!(change.target, Target::Answer))
            .collect();
        let asked_stream = parsed.json().and_then(|json| json.root().get("stream")?.as_bool()).unwrap_or(false);
        let ending = match &call.ending {
            // Where the upstream was not reached the agent got an error of ours, whole.
            Some(Ending::Complete | Ending::Unreachable(_)) => Ending::Complete,
            Some(other) => other.clone(),
            None => Ending::Broken("the recording was cut off".into()),
        };
        let mut headers = kept_headers(&answer.headers, self.pace);
        let whole = matches!(ending, Ending::Complete) && (200..300).contains(&answer.status);
        let reform = whole && parsed.dialect.is_some_and(wire::Dialect::streams) && asked_stream != answer.is_stream();
        let mut pieces: Vec<(Duration, Bytes)> = Vec::new();
        let mut remade = None;
        if (!edits.is_empty() || reform)
            && let Some(dialect) = parsed.dialect
        {
            let unary = plan.run.graph.node(node).and_then(|node| change::unary_answer(&plan.run, node));
            let edited = unary.and_then(|mut unary| {
                for change in edits {
                    let body = dialect.set(Side::Answer, &unary, &change.wanted.path, &change.wanted.value).ok()?;
                    unary = Json::parse(body).ok()?;
                }
                let renamed = decision.renamer.as_ref().and_then(|renamer| renamer.json(&unary, true));
                Some(renamed.and_then(|renamed| Json::parse(renamed).ok()).unwrap_or(unary))
            });
            remade = edited.map(|unary| {
                if asked_stream {
                    set_header(&mut headers, "content-type", "text/event-stream; charset=utf-8");
                    let asked = parsed.json().cloned().unwrap_or_else(|| unary.clone());
                    dialect.stream(&unary, &asked).into_iter().map(Bytes::from).collect::<Vec<_>>()
                } else {
                    set_header(&mut headers, "content-type", "application/json");
                    vec![unary.bytes().clone()]
                }
            });
        }
        if let Some(remade) = remade {
            pieces.extend(remade.into_iter().map(|piece| (Duration::ZERO, piece)));
        } else if let Some(edited) = is_edited.then(|| edit_raw(plan, node, &answer.body())).flatten() {
            let renamed = decision.renamer.as_ref().and_then(|renamer| renamer.value(&edited));
            pieces.push((Duration::ZERO, renamed.map_or(edited, Bytes::from)));
        } else {
            let mut before = answer.at;
            for (place, (at, piece)) in answer.pieces.iter().enumerate() {
                let piece = decision.renamed.as_ref().and_then(|renamed| renamed.get(place)).unwrap_or(piece);
                let pause = if self.pace { Duration::from_micros(at.since(before)) } else { Duration::ZERO };
                before = *at;
                pieces.push((pause, piece.clone()));
            }
        }
        if self.pace
            && let Some((pause, _)) = pieces.first_mut()
        {
            *pause += Duration::from_micros(answer.at.since(call.request.at));
        }
        let status = answer.status;
        for (_, piece) in &mut pieces {
            let secret = |number: usize| state.secrets.get(&number).and_then(|number| self.redactor.secret(*number));
            let (filled, unfilled) = redact::fill(piece, &secret);
            if unfilled > 0 {
                state.tally.redacted.insert(node);
            }
            if filled != piece[..] {
                *piece = filled.into();
            }
        }
        Served { status, headers, pieces, ending }
    }

    /// Waits until everything that was recorded as ending before this one, and is being answered, has ended.
    async fn wait_turn(&self, flight: (Micros, Seq)) {
        let started = tokio::time::Instant::now();
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let patience = {
                let mut state = self.lock();
                match state.blocked(flight) {
                    Block::Free => {
                        state.release(flight);
                        break;
                    }
                    Block::Answering => self.patience,
                    Block::Expected => GRACE,
                }
            };
            let left = patience.saturating_sub(started.elapsed());
            if left.is_zero() || tokio::time::timeout(left, notified).await.is_err() {
                let mut state = self.lock();
                if started.elapsed() >= patience {
                    state.vain += 1;
                    state.release(flight);
                    break;
                }
            }
        }
        self.changed.notify_waiters();
    }

    fn given(&self, place: usize, renamer: Option<&Renamer>) -> Given {
        let state = self.lock();
        let plan = &state.matcher.plan;
        let told = &plan.told[place];
        let finish = plan.run.announced.get(&told.seq).and_then(|announced| announced.finish.as_ref());
        let null = || Bytes::from_static(b"null");
        let mut given = Given {
            output: finish.map_or_else(null, |finish| finish.output.clone()),
            documents: finish.map_or_else(null, |finish| finish.documents.clone()),
            error: finish.and_then(|finish| finish.error.clone()),
        };
        if let Some(renamer) = renamer {
            for value in [&mut given.output, &mut given.documents] {
                if let Some(renamed) = renamer.value(value) {
                    *value = renamed.into();
                }
            }
            let renamed = given.error.as_ref().and_then(|error| renamer.text(error.as_bytes()));
            given.error = renamed.map(|text| String::from_utf8_lossy(&text).into_owned()).or(given.error);
        }
        for change in &plan.changes {
            let mine = match &change.target {
                Target::Given(seq) => *seq == told.seq,
                Target::Result { announced, .. } => *announced == Some(told.seq),
                Target::Input | Target::Answer => false,
            };
            if mine {
                super::given::edit(&mut given, &change.wanted.path, change.old.as_deref(), &change.wanted.value);
            }
        }
        given
    }
}

enum Block {
    Free,
    Answering,
    Expected,
}

impl State {
    /// Notes a decided call; returns its place in the order of answers if it has one.
    fn enter(&mut self, decision: &Decision, parsed: &Parsed, seq: Seq) -> Option<(Micros, Seq)> {
        let served = matches!(decision.decided.action, Action::Serve | Action::ServeEdited);
        let changed = matches!(decision.decided.action, Action::ServeEdited | Action::Send | Action::SendChanged);
        let flight = decision.entry.filter(|_| served).and_then(|place| {
            let entry = self.matcher.entry(place);
            Some(((entry.ended?, entry.seq), entry.began))
        });
        if let Some((order, began)) = flight {
            self.flights.insert(order, Flight { seq, began, released: false });
        }
        let flight = flight.map(|(order, _)| order);
        self.open.insert(seq, Open { parsed: parsed.clone(), changed, served, flight });
        flight
    }

    fn blocked(&self, order: (Micros, Seq)) -> Block {
        let Some(own) = self.flights.get(&order) else { return Block::Free };
        if self.flights.range(..order).any(|(ended, other)| ended.0 > own.began && other.seq != own.seq) {
            return Block::Answering;
        }
        if self.vain < VAIN && self.matcher.expects_before(own.began, order.0) {
            return Block::Expected;
        }
        Block::Free
    }

    fn release(&mut self, order: (Micros, Seq)) {
        if let Some(flight) = self.flights.get_mut(&order) {
            flight.released = true;
        }
    }

    fn leave(&mut self, order: (Micros, Seq)) {
        if let Some(own) = self.flights.remove(&order) {
            let late = self.flights.range(..order).any(|(ended, _)| ended.0 > own.began)
                || self.matcher.expects_before(own.began, order.0);
            if late {
                self.tally.disordered += 1;
            }
        }
    }
}

impl Answer for Tape {
    fn answer<'a>(&'a self, call: &'a Call) -> Boxed<'a, Verdict> {
        Box::pin(self.decide(call))
    }

    fn begin<'a>(&'a self, begin: &'a Begin) -> Boxed<'a, Option<Given>> {
        Box::pin(async move {
            let told = {
                let mut state = self.lock();
                let mut redacted = begin.clone();
                redacted.input = self.redactor.body("application/json", &begin.input);
                let told = state.matcher.begin(&redacted);
                state.tally.count_told(&told.decided);
                if let Some(reason) = &told.denied {
                    state.denied.insert(begin.seq, reason.clone());
                }
                told
            };
            self.watch.saw(Event::Decided(told.decided.clone()));
            if let Some(reason) = told.denied {
                self.listener.say(&reason);
                let null = Bytes::from_static(b"null");
                let error = Some(format!("retake refused: {reason}"));
                return Some(Given { output: null.clone(), documents: null, error });
            }
            told.given.map(|place| self.given(place, told.renamer.as_deref()))
        })
    }

    fn ended(&self, seq: Seq, status: u16, body: &Bytes, ending: &Ending) {
        let mut state = self.lock();
        let Some(open) = state.open.remove(&seq) else { return };
        let taken = !matches!(ending, Ending::ClientLeft);
        let kind = if looks_like_events(body) { "text/event-stream" } else { "application/json" };
        let body = self.redactor.answer(kind, body);
        state.matcher.ended(seq, taken, Some((&open.parsed, status, kind, &body)), open.changed);
        if let Some(flight) = open.flight {
            state.leave(flight);
        }
        let _ = open.served;
        drop(state);
        self.changed.notify_waiters();
    }
}

fn looks_like_events(body: &[u8]) -> bool {
    let body = crate::text::json::unmarked(body);
    [&b"data:"[..], b"event:", b":", b"id:", b"retry:"].iter().any(|start| body.starts_with(start))
}

fn edit_raw(plan: &super::plan::Plan, node: NodeId, body: &Bytes) -> Option<Bytes> {
    let mut body = body.clone();
    let mut edited = false;
    for change in &plan.changes {
        if change.wanted.node == node && matches!(change.target, Target::Answer) {
            let json = Json::parse(body.clone()).ok()?;
            let inner = crate::text::json::Path(change.wanted.path.0.get(1..)?.to_vec());
            body = change::raw_set(&json, &inner, &change.wanted.value)?.into();
            edited = true;
        }
    }
    edited.then_some(body)
}

fn empty() -> Served {
    Served { status: 500, headers: Vec::new(), pieces: Vec::new(), ending: Ending::Complete }
}

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn set_header(headers: &mut Headers, name: &str, value: &str) {
    headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value.to_owned()));
}

/// Headers of a recorded answer that are given again: not its framing, coding and connection.
fn kept_headers(headers: &Headers, pace: bool) -> Headers {
    const FRAMING: [&str; 8] = [
        "content-length",
        "transfer-encoding",
        "content-encoding",
        "connection",
        "keep-alive",
        "trailer",
        "upgrade",
        "set-cookie",
    ];
    let kept = |name: &str| !FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing));
    let mut headers: Headers = headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
    // A recorded pause before the next try is not waited for again.
    for (name, value) in headers.iter_mut().filter(|_| !pace) {
        if matches!(name.to_ascii_lowercase().as_str(), "retry-after" | "retry-after-ms") {
            "0".clone_into(value);
        }
    }
    headers
}
