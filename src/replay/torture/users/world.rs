//! Where these agents run: simulated time and network, an upstream that answers by what is meant, and on
//! the way between them a recorder or a tape.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::super::super::grade;
use super::super::super::matcher::Matcher;
use super::super::super::plan::{Options, Plan};
use super::super::super::tape::{Listener as Ears, Tape};
use super::super::talk::{Ask, Called, Said, Style, answer};
use super::super::world::{Pick, Rng};
use super::makers::{self, Maker};
use super::oracle::{Edit, Entry, Report};
use super::talk::{Brings, Got, Ids, Talk};
use crate::model::event::{AnswerHead, Chunks, Decided, End, Ended, Ending, Event, Request, Seq, Started};
use crate::model::{Micros, Run, RunId};
use crate::proxy::{Answer, Boxed, Call, Verdict, Watch};
use crate::record::assemble;
use crate::redact::{Redactor, Rules};
use crate::text::json::Json;

/// When recordings of this world begin, in microseconds: 2026-11-24 08:00 UTC.
const THEN: u64 = 1_795_507_200_000_000;
/// How much later replays begin: three days and some hours.
const LATER: u64 = 273_000_000_000;

/// An agent of this world, and where it was started.
pub(super) struct Agent<'a> {
    pub(super) program: &'a dyn Fn(World) -> Running,
    /// What the user gave on the command line, then and now.
    pub(super) given: [Vec<String>; 2],
    /// Whether that stood on the command line; else the agent has it from a file.
    pub(super) told: bool,
    /// Secrets of the environment, by the names of their variables.
    pub(super) secrets: [Vec<(String, String)>; 2],
    /// Temporary directories, then and now.
    pub(super) temporary: [&'static str; 2],
    /// Equal calls are answered differently.
    pub(super) draws: bool,
    /// Answers by status instead, to calls that say so.
    pub(super) troubles: Vec<(String, Vec<u16>)>,
}

/// A run of one.
pub(super) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// The agent's call, until it is answered.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) call: usize,
    pub(super) seq: Seq,
    pub(super) who: String,
    pub(super) talk: Talk,
    pub(super) meaning: String,
    /// The meaning with names by their order.
    pub(super) skeleton: String,
    /// Names as they appear: their labels.
    pub(super) names: Vec<String>,
    /// What had been asked before, in any order.
    pub(super) history: u64,
    /// Whether an equal call was in flight at the same time.
    pub(super) together: bool,
    /// Whether something was recorded for it that nobody has.
    pub(super) known: bool,
    /// In a replay with a change: whether it depends on it.
    pub(super) depends: bool,
    pub(super) body: String,
    got: Option<Got>,
    waker: Option<Waker>,
}

pub(super) type Shared = Rc<RefCell<Ticket>>;

/// What is on its way to a client.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) body: Bytes,
    pub(super) ending: Ending,
    pub(super) said: Option<Said>,
    /// What went to the provider, in a replay.
    pub(super) sent: Option<Bytes>,
}

pub(super) enum Flight {
    /// The tape has not answered: it keeps the order.
    Deciding(Pin<Box<dyn Future<Output = Verdict>>>),
    Answered(Box<Answered>),
}

/// Keeps what the tape decided.
#[derive(Default)]
pub(super) struct Seen {
    decided: Mutex<HashMap<Seq, Decided>>,
    lines: Mutex<Vec<String>>,
}

impl Watch for Seen {
    fn saw(&self, event: Event) {
        if let Event::Decided(decided) = event {
            self.decided.lock().unwrap_or_else(PoisonError::into_inner).insert(decided.seq, decided);
        }
    }

    fn settled(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

impl Ears for Seen {
    fn say(&self, line: &str) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }

    fn end_agent(&self, _: &str) {}
}

impl Seen {
    pub(super) fn decided(&self, seq: Seq) -> Option<Decided> {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).get(&seq).cloned()
    }

    pub(super) fn last_line(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().take(6).rev().cloned().collect::<Vec<_>>().join(" / ")
    }
}

pub(super) enum Way {
    Recording { events: Vec<Event>, redactor: Box<Redactor>, times: HashMap<String, usize> },
    Replay { tape: Arc<Tape>, seen: Arc<Seen> },
}

pub(super) struct Inner {
    rng: Rng,
    pick: Pick,
    time: u64,
    seq: Seq,
    calls: usize,
    pub(super) names: Vec<(String, String)>,
    /// Texts that are as recorded in a replay: readings of the clock, and secrets by their labels.
    pub(super) fixed: BTreeMap<String, String>,
    /// Pieces of recorded names that were served and reported, and the labels of their names.
    pub(super) stale: Vec<(String, String)>,
    waiting: Vec<Shared>,
    pub(super) flying: Vec<(Shared, Flight)>,
    history: u64,
    draws: bool,
    troubles: Vec<(String, Vec<u16>)>,
    pub(super) book: Vec<Entry>,
    pub(super) way: Way,
    /// The recorded call that each call of this run stands for.
    pub(super) stands: HashMap<usize, usize>,
    pub(super) used: BTreeSet<usize>,
    pub(super) bound: BTreeMap<String, String>,
    pub(super) permuted: Vec<(String, String)>,
    pub(super) interchangeable: BTreeSet<String>,
    pub(super) report: Report,
    pub(super) edit: Option<Edit>,
    pub(super) recorded_names: Vec<(String, String)>,
    /// Names that chance made look like a plain number, by their labels.
    pub(super) poor: BTreeSet<String>,
    temporary: &'static str,
    given: Vec<String>,
    secrets: Vec<(String, String)>,
}

/// Where an agent runs.
#[derive(Clone)]
pub(super) struct World(pub(super) Rc<RefCell<Inner>>);

/// A recording and what the oracle knows about it.
pub(super) struct Recorded {
    pub(super) run: Run,
    pub(super) book: Vec<Entry>,
    fixed: BTreeMap<String, String>,
    names: Vec<(String, String)>,
    poor: BTreeSet<String>,
}

/// How a run differs from another of the same agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) seed: u64,
    pub(super) pick: Pick,
}

fn number(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap_or_default())
}

fn started(agent: &Agent<'_>, side: usize, at: u64) -> Started {
    let mut command = vec!["python".to_owned(), "agent.py".to_owned()];
    if agent.told {
        command.extend(agent.given[side].iter().cloned());
    }
    Started {
        at: Micros(at),
        command,
        directory: "/home/ada/project".into(),
        variables: agent.secrets[side].iter().map(|(name, _)| name.clone()).collect(),
        places: vec![("home".into(), "/home/ada".into()), ("tmp".into(), agent.temporary[side].into())],
        ..Started::default()
    }
}

/// Runs an agent against the upstream and keeps what happened.
pub(super) fn record(agent: &Agent<'_>, how: Circumstances) -> Recorded {
    let redactor = Box::new(Redactor::new(&agent.secrets[0], &Rules::default()));
    let events = redactor.event(&Event::Started(started(agent, 0, THEN)));
    let way = Way::Recording { events, redactor, times: HashMap::new() };
    let world = World::new(agent, way, how, 0, THEN, 1);
    world.run((agent.program)(world.clone()));
    let mut inner = world.0.borrow_mut();
    let inner = &mut *inner;
    let Way::Recording { events, redactor, .. } = &mut inner.way else { unreachable!("it is a recording") };
    events.extend(redactor.finish());
    events.push(Event::Ended(Ended { at: Micros(inner.time), code: 0 }));
    let run = assemble(&RunId::from_seed(0), events);
    Recorded {
        run,
        book: std::mem::take(&mut inner.book),
        fixed: std::mem::take(&mut inner.fixed),
        names: std::mem::take(&mut inner.names),
        poor: std::mem::take(&mut inner.poor),
    }
}

/// Runs an agent again behind a tape, with a change or none.
pub(super) fn replay(
    recorded: &Recorded,
    agent: &Agent<'_>,
    options: Options,
    edit: Option<Edit>,
    how: Circumstances,
) -> Result<Report, String> {
    let plan = Plan::new(recorded.run.clone(), options).map_err(|error| error.to_string())?;
    let redactor = Arc::new(Redactor::new(&agent.secrets[1], &Rules::default()));
    redactor.reserve(plan.highest_secret());
    let here = started(agent, 1, THEN + LATER);
    let seen = Arc::new(Seen::default());
    let watch = Arc::clone(&seen) as Arc<dyn Watch>;
    let ears = Arc::clone(&seen) as Arc<dyn Ears>;
    let tape = Tape::new(Matcher::new(plan, &here), watch, redactor, ears, false, Vec::new());
    let tape = Arc::new(tape.untimed());
    let way = Way::Replay { tape, seen };
    let world = World::new(agent, way, how, 1, THEN + LATER, 10_000);
    {
        let mut inner = world.0.borrow_mut();
        inner.book.clone_from(&recorded.book);
        let fixed = recorded.fixed.iter().filter(|(_, what)| *what != "<tmp>");
        inner.fixed.extend(fixed.map(|(text, what)| (text.clone(), what.clone())));
        inner.recorded_names.clone_from(&recorded.names);
        inner.edit = edit;
        inner.poor.clone_from(&recorded.poor);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime without sockets can be made");
    let entered = runtime.enter();
    world.run((agent.program)(world.clone()));
    drop(entered);
    let mut inner = world.0.borrow_mut();
    inner.close();
    let Way::Replay { tape, .. } = &inner.way else { unreachable!("it is a replay") };
    let line = tape.finish(|matcher, tally| grade::line(matcher, tally, None, 0, false));
    inner.check_line(&line);
    inner.report.poor = !inner.poor.is_empty();
    Ok(std::mem::take(&mut inner.report))
}

impl World {
    fn new(agent: &Agent<'_>, way: Way, how: Circumstances, side: usize, time: u64, seq: Seq) -> Self {
        let fixed = BTreeMap::from([(format!("{}/", agent.temporary[side]), "<tmp>".to_owned())]);
        Self(Rc::new(RefCell::new(Inner {
            rng: Rng::new(how.seed),
            pick: how.pick,
            time,
            seq,
            calls: 0,
            names: Vec::new(),
            fixed,
            stale: Vec::new(),
            waiting: Vec::new(),
            flying: Vec::new(),
            history: 0,
            draws: agent.draws,
            troubles: agent.troubles.clone(),
            book: Vec::new(),
            way,
            stands: HashMap::new(),
            used: BTreeSet::new(),
            bound: BTreeMap::new(),
            permuted: Vec::new(),
            interchangeable: BTreeSet::new(),
            report: Report::default(),
            edit: None,
            recorded_names: Vec::new(),
            poor: BTreeSet::new(),
            temporary: agent.temporary[side],
            given: agent.given[side].clone(),
            secrets: agent.secrets[side].clone(),
        })))
    }

    fn run(&self, mut agent: Running) {
        let mut context = Context::from_waker(Waker::noop());
        let mut idle = 0;
        while agent.as_mut().poll(&mut context).is_pending() {
            let (moved, woken) = self.0.borrow_mut().step();
            idle = if moved { 0 } else { idle + 1 };
            assert!(idle < 3, "every call waits for another: the agent hangs");
            if let Some(waker) = woken {
                waker.wake();
            }
        }
    }

    /// A call as SDKs make it, tried again while that may help; `who` is the same in every run of the agent.
    pub(super) async fn ask(&self, who: &str, talk: &Talk) -> Got {
        let mut got = self.once(who, talk).await;
        for _ in 0..5 {
            if !matches!(got.status, 408 | 409 | 429 | 500..=599) {
                break;
            }
            got = self.once(who, talk).await;
        }
        got
    }

    async fn once(&self, who: &str, talk: &Talk) -> Got {
        let ticket = Ticket {
            call: 0,
            seq: 0,
            who: who.to_owned(),
            talk: talk.clone(),
            meaning: String::new(),
            skeleton: String::new(),
            names: Vec::new(),
            history: 0,
            together: false,
            known: false,
            depends: false,
            body: String::new(),
            got: None,
            waker: None,
        };
        let ticket = Rc::new(RefCell::new(ticket));
        self.0.borrow_mut().waiting.push(Rc::clone(&ticket));
        Asking(ticket).await
    }

    pub(super) fn chance(&self, odds: usize) -> bool {
        self.0.borrow_mut().rng.one_in(odds)
    }

    /// A name that this run makes up, as it stands in texts.
    pub(super) fn fresh(&self, label: &str, maker: Maker) -> String {
        let mut inner = self.0.borrow_mut();
        let inner = &mut *inner;
        let temporary = inner.temporary;
        if let Some((_, name)) = inner.names.iter().find(|(known, _)| known == label) {
            return maker.placed(name, temporary);
        }
        let mut name = maker.make(&mut inner.rng, inner.time);
        // No two directories, ports or sessions of one run have one name.
        while inner.names.iter().any(|(_, known)| *known == name) {
            name = maker.make(&mut inner.rng, inner.time);
        }
        if maker.is_poor(&name) {
            inner.poor.insert(label.to_owned());
        }
        let placed = maker.placed(&name, temporary);
        inner.names.push((label.to_owned(), name));
        inner.names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
        placed
    }

    /// A reading of the clock, as programs write it into prompts.
    pub(super) fn now(&self, format: &str) -> String {
        let mut inner = self.0.borrow_mut();
        let micros = i64::try_from(inner.time).unwrap_or_default();
        let text = jiff::Timestamp::from_microsecond(micros).map(|now| now.strftime(format).to_string());
        let text = text.unwrap_or_default();
        inner.fixed.insert(text.clone(), "<clock>".into());
        text
    }

    /// A secret of the environment.
    pub(super) fn secret(&self, label: &str) -> String {
        let mut inner = self.0.borrow_mut();
        let value = inner.secrets.iter().find(|(name, _)| name == label).map(|(_, value)| value.clone());
        let value = value.unwrap_or_default();
        inner.fixed.insert(value.clone(), format!("<secret {label}>"));
        value
    }

    /// What the user gave, by its place on the command line.
    pub(super) fn given(&self, place: usize) -> Option<String> {
        self.0.borrow().given.get(place).cloned()
    }

    /// A secret that this run makes up.
    pub(super) fn token(&self, label: &str) -> String {
        let mut inner = self.0.borrow_mut();
        if let Some((_, value)) = inner.names.iter().find(|(known, _)| known == label) {
            return value.clone();
        }
        let value = makers::secret(&mut inner.rng, "ghp_");
        inner.names.push((label.to_owned(), value.clone()));
        inner.names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
        value
    }
}

/// A call that is not answered yet.
struct Asking(Shared);

impl Future for Asking {
    type Output = Got;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Got> {
        let mut ticket = self.0.borrow_mut();
        if let Some(got) = ticket.got.take() {
            return Poll::Ready(got);
        }
        ticket.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Inner {
    /// Lets one of the possible things happen.
    fn step(&mut self) -> (bool, Option<Waker>) {
        self.time += 1_000 + self.rng.next() % 9_000;
        self.hear();
        let waiting = self.waiting.len();
        let ready: Vec<usize> =
            (0..self.flying.len()).filter(|place| matches!(self.flying[*place].1, Flight::Answered(_))).collect();
        let arrives = waiting > 0
            && match self.pick {
                Pick::First | Pick::Last => true,
                Pick::Single => self.flying.is_empty(),
                Pick::Any => ready.is_empty() || self.rng.below(waiting + ready.len()) < waiting,
            };
        let of = |inner: &mut Self, count: usize| match inner.pick {
            Pick::First => 0,
            Pick::Last => count - 1,
            Pick::Any | Pick::Single => inner.rng.below(count),
        };
        if arrives {
            let place = of(self, waiting);
            let ticket = self.waiting.remove(place);
            let flight = self.arrive(&mut ticket.borrow_mut());
            self.flying.push((ticket, flight));
            return (true, None);
        }
        if ready.is_empty() {
            return (false, None);
        }
        let place = ready[of(self, ready.len())];
        let (ticket, flight) = self.flying.remove(place);
        let Flight::Answered(answered) = flight else { unreachable!("it is ready") };
        let mut ticket = ticket.borrow_mut();
        self.complete(&mut ticket, &answered);
        (true, ticket.waker.take())
    }

    /// Looks whether the tape has answered.
    fn hear(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let mut flying = std::mem::take(&mut self.flying);
        for (ticket, flight) in &mut flying {
            if let Flight::Deciding(deciding) = flight
                && let Poll::Ready(verdict) = deciding.as_mut().poll(&mut context)
            {
                *flight = Flight::Answered(Box::new(self.answered(&ticket.borrow(), verdict)));
            }
        }
        self.flying = flying;
    }

    fn arrive(&mut self, ticket: &mut Ticket) -> Flight {
        ticket.seq = self.seq;
        ticket.call = self.calls;
        self.seq += 1;
        self.calls += 1;
        let recording = matches!(self.way, Way::Recording { .. });
        if recording {
            self.stands.insert(ticket.call, ticket.call);
        }
        let stands = |call: usize| match self.stands.get(&call) {
            Some(entry) => format!("node {entry}"),
            None => format!("live {call}"),
        };
        ticket.meaning = ticket.talk.meaning(&stands);
        let (skeleton, names) = self.skeleton(&ticket.meaning, Vec::new());
        ticket.skeleton = skeleton;
        ticket.names = names;
        ticket.history = self.history;
        self.history = self.history.wrapping_add(number(&ticket.skeleton) | 1);
        for (other, _) in &self.flying {
            let mut other = other.borrow_mut();
            if other.skeleton == ticket.skeleton {
                other.together = true;
                ticket.together = true;
            }
        }
        ticket.body = ticket.talk.ask.body(Style(self.rng.next() >> 20));
        let request = request(ticket, self.time);
        match &mut self.way {
            Way::Recording { events, redactor, .. } => {
                events.extend(redactor.event(&Event::Request(request)));
                let answered = self.upstream(ticket, None);
                Flight::Answered(Box::new(answered))
            }
            Way::Replay { tape, .. } => {
                let tape = Arc::clone(tape);
                let call = Call {
                    seq: request.seq,
                    at: request.at,
                    provider: request.provider,
                    method: request.method,
                    path: request.path,
                    query: request.query,
                    headers: request.headers,
                    body: request.body,
                };
                let mut deciding: Pin<Box<dyn Future<Output = Verdict>>> =
                    Box::pin(async move { tape.answer(&call).await });
                let mut context = Context::from_waker(Waker::noop());
                let polled = deciding.as_mut().poll(&mut context);
                self.expect(ticket);
                match polled {
                    Poll::Ready(verdict) => Flight::Answered(Box::new(self.answered(ticket, verdict))),
                    Poll::Pending => Flight::Deciding(deciding),
                }
            }
        }
    }

    /// What the tape's verdict brings the client.
    fn answered(&mut self, ticket: &Ticket, verdict: Verdict) -> Answered {
        match verdict {
            Verdict::Serve(served) => {
                let kind = served.headers.iter().find(|(name, _)| name == "content-type");
                let kind = kind.map_or_else(|| "application/json".to_owned(), |(_, value)| value.clone());
                let body: Vec<u8> = served.pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect();
                let ending = served.ending;
                Answered { status: served.status, kind, body: body.into(), ending, said: None, sent: None }
            }
            Verdict::Forward { body, .. } => {
                let sent = body.unwrap_or_else(|| Bytes::copy_from_slice(ticket.body.as_bytes()));
                self.upstream(ticket, Some(sent))
            }
        }
    }

    /// The provider answers: what it says follows from what it was asked, to the letter.
    fn upstream(&mut self, ticket: &Ticket, sent: Option<Bytes>) -> Answered {
        let talk = &ticket.talk;
        let asked = match &sent {
            Some(sent) => number(&String::from_utf8_lossy(sent)),
            None => number(&ticket.skeleton),
        };
        let trouble = self.troubles.iter_mut().find(|(about, list)| ticket.meaning.contains(about) && !list.is_empty());
        if let Some((_, list)) = trouble.filter(|_| sent.is_none()) {
            let status = list.remove(0);
            let body = format!(r#"{{"error":{{"message":"trouble {status}","type":"server_error"}}}}"#);
            let said = Some(Said::default());
            let kind = "application/json".to_owned();
            return Answered { status, kind, body: body.into(), ending: Ending::Complete, said, sent };
        }
        let mut times = 0;
        if let Way::Recording { times: all, .. } = &mut self.way {
            let count = all.entry(ticket.skeleton.clone()).or_insert(0);
            times = if self.draws { *count } else { 0 };
            *count += 1;
        }
        let mut said = says(talk, asked, times, ticket.seq);
        if sent.is_some()
            && let Some(edit) = &self.edit
        {
            said.text = said.text.replace(&edit.old, &edit.new);
        }
        let unary =
            answer(talk.ask.form, &said, &format!("r{}", number(&format!("answer {}", ticket.seq)) % 1_000_000_000));
        let mut kind = "application/json".to_owned();
        let body = if talk.ask.stream {
            "text/event-stream".clone_into(&mut kind);
            let unary = Json::parse_text(&unary).expect("the upstream writes JSON");
            talk.ask.dialect().stream(&unary, &unary).concat()
        } else {
            unary.into_bytes()
        };
        Answered { status: 200, kind, body: body.into(), ending: Ending::Complete, said: Some(said), sent }
    }

    fn complete(&mut self, ticket: &mut Ticket, answered: &Answered) {
        let (seq, at) = (ticket.seq, Micros(self.time));
        let pieces = self.cut(&answered.body);
        let recorded = match &mut self.way {
            Way::Recording { events, redactor, .. } => {
                let headers = vec![("content-type".into(), answered.kind.clone())];
                let head = AnswerHead { seq, at, status: answered.status, headers, coding: String::new() };
                let pieces = pieces.into_iter().map(|piece| (at, piece)).collect();
                let end = End { seq, at, how: answered.ending.clone() };
                for event in [Event::Answer(head), Event::Chunks(Chunks { seq, pieces }), Event::End(end)] {
                    events.extend(redactor.event(&event));
                }
                true
            }
            Way::Replay { .. } => false,
        };
        let reply = ticket.talk.ask.dialect().reply(answered.status, &answered.kind, &answered.body);
        let calls = reply.tool_calls().map(|call| Called {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        });
        let calls: Vec<Called> = calls.collect();
        let said = Said { text: reply.text(), calls: calls.clone() };
        let brings_token = ticket.talk.brings == Brings::Token && (200..300).contains(&answered.status);
        if recorded {
            if brings_token {
                self.keep_secret(ticket.call, &said.text);
            }
            self.note(ticket, answered);
        } else {
            self.look(ticket, answered, &said);
            if brings_token && let Some(entry) = self.stands.get(&ticket.call) {
                self.keep_secret(*entry, &said.text);
            }
            let Way::Replay { tape, .. } = &self.way else { unreachable!("it is a replay") };
            tape.ended(seq, answered.status, &answered.body, &answered.ending);
        }
        let broken = answered.ending != Ending::Complete;
        let (status, id) = (answered.status, reply.id.clone());
        ticket.got = Some(Got { call: ticket.call, status, text: said.text, calls, id, broken });
    }

    /// The token that an answer brought is the secret of that answer.
    fn keep_secret(&mut self, entry: usize, said: &str) {
        self.fixed.insert(brought(said).to_owned(), format!("<secret {entry}>"));
    }

    fn cut(&mut self, whole: &[u8]) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < whole.len() {
            let most = if self.rng.one_in(3) { 9 } else { 400 };
            let end = (at + 1 + self.rng.below(most)).min(whole.len());
            pieces.push(Bytes::copy_from_slice(&whole[at..end]));
            at = end;
        }
        pieces
    }
}

/// What an answer brought: the word before its last full stop.
pub(super) fn brought(text: &str) -> &str {
    text.trim_end_matches('.').rsplit(' ').next().unwrap_or_default()
}

/// What a model says: what it was asked, in words of its own, or the calls that it is to make.
fn says(talk: &Talk, asked: u64, times: usize, seq: Seq) -> Said {
    let (short, round) = (asked % 10_000_000, talk.rounds());
    if let Some(calls) = talk.script.get(round) {
        let calls = calls.iter().enumerate().map(|(place, (name, arguments))| Called {
            id: match talk.ids {
                Ids::Random => format!("call_{:012x}{place}", number(&format!("call {seq}")) >> 16),
                Ids::PerTurn => format!("{name}:{place}"),
                Ids::Empty => String::new(),
                Ids::Name => (*name).to_owned(),
            },
            name: (*name).to_owned(),
            arguments: format!(r#"{{"of":{},"asked":{short}{times}}}"#, crate::text::json::quote(arguments)),
        });
        return Said { text: String::new(), calls: calls.collect() };
    }
    let drawn = number(&format!("{asked} {times}"));
    let brought = match talk.brings {
        Brings::Nothing => String::new(),
        Brings::Token => format!(" Log in with {}.", makers::secret(&mut Rng::new(drawn ^ seq), "ghp_")),
        Brings::Commit => format!(" Committed as {:07x}.", drawn >> 36),
        Brings::Order => format!(" Order no. {}-{}.", drawn % 1_000, drawn % 9_973),
        Brings::Uuid => {
            let hex = format!("{drawn:016x}{:016x}", drawn.rotate_left(17) ^ 0x9e37_79b9);
            format!(" Ticket {}-{}-4{}-b{}-{}.", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
        }
    };
    let subject = talk.subject();
    Said { text: format!("Statement {short}, draw {times}, on: {subject}{brought}"), calls: Vec::new() }
}

fn request(ticket: &Ticket, time: u64) -> Request {
    let ask: &Ask = &ticket.talk.ask;
    Request {
        seq: ticket.seq,
        at: Micros(time),
        provider: ask.provider().into(),
        upstream: format!("https://api.{}.example.com", ask.provider()),
        method: "POST".into(),
        path: ask.path().into(),
        query: String::new(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: Bytes::copy_from_slice(ticket.body.as_bytes()),
        coding: String::new(),
    }
}
