//! A small world in which agents run: simulated time and network, an upstream that knows what it was
//! asked, and an oracle that compares what a replay serves with what that upstream said.

mod names;
mod oracle;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::super::matcher::{Decision, Fault, Matcher};
use super::super::plan::{Options, Plan};
use super::talk::{Ask, Called, Said, Style, answer};
use crate::model::event::{Action, AnswerHead, Chunks, End, Ending, Event, Grade, Request, Seq, Started};
use crate::model::{Micros, RunId};
use crate::record::assemble;
use crate::text::json::Json;

pub(super) use names::in_short;

/// When recordings of this world begin, in microseconds: 2026-11-24 08:00 UTC.
const THEN: u64 = 1_795_507_200_000_000;
/// How much later replays begin: three days and some hours.
const LATER: u64 = 273_000_000_000;

/// Numbers that look random and are the same every time.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap_or_default()
    }

    pub(super) fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }
}

/// Which of the possible things happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// What was wanted first.
    First,
    /// What was wanted last.
    Last,
    /// By chance.
    Any,
    /// One call after the other: nothing arrives while another is being answered.
    Single,
}

/// What the upstream does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Status(u16),
    /// A stream that ends in its middle.
    Cut,
    /// No answer until the client leaves.
    Silence,
}

/// Answers as a model would: what was asked, and how often it was asked before.
pub(super) type Brain = fn(&Ask, &str, usize) -> Said;

/// An agent of this world.
pub(super) type Agent<'a> = &'a dyn Fn(World) -> Run;

/// A run of one.
pub(super) type Run = Pin<Box<dyn Future<Output = ()>>>;

/// What a client got.
#[derive(Debug, Clone, Default)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) calls: Vec<Called>,
    pub(super) id: Option<String>,
    /// The answer ended before its end.
    pub(super) broken: bool,
}

impl Got {
    pub(super) fn failed(&self) -> bool {
        self.broken || !(200..300).contains(&self.status)
    }
}

/// What the upstream said once, as the oracle remembers it.
#[derive(Debug, Clone)]
struct Entry {
    /// What was asked, up to names and to what is held.
    label: u64,
    /// What was asked, to the letter.
    verbatim: String,
    /// Who asked.
    who: String,
    status: u16,
    broken: bool,
    /// What was said, with names by their number.
    said: Said,
    /// Names in the order of their appearance.
    names: Vec<String>,
    /// What had been asked before, in any order.
    history: u64,
    /// Whether an equal call was in flight at the same time.
    together: bool,
}

/// What came of a replay.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) calls: usize,
    pub(super) grades: BTreeMap<Grade, usize>,
    /// Calls that are not on the recording and were refused.
    pub(super) refused: usize,
    /// Answers that belong to another call, are stale, or are called better than they are.
    pub(super) wrong: Vec<String>,
    /// Calls that are on the recording and were refused.
    pub(super) missed: Vec<String>,
    /// Recorded calls that nobody asked for.
    pub(super) unused: usize,
    pub(super) notes: Vec<String>,
    /// A name was drawn that looks like a word or a number: the call that has it may be refused.
    pub(super) poor: bool,
}

impl Report {
    /// Whether the oracle has something to say.
    pub(super) fn objects(&self) -> bool {
        !self.wrong.is_empty() || !self.missed.is_empty()
    }

    pub(super) fn of(&self, grade: Grade) -> usize {
        self.grades.get(&grade).copied().unwrap_or_default()
    }
}

/// What a call was served, until it is taken.
#[derive(Debug)]
struct Served {
    status: u16,
    kind: String,
    body: Bytes,
    broken: bool,
    decision: Decision,
}

#[derive(Debug)]
struct Ticket {
    seq: Seq,
    who: String,
    ask: Ask,
    leaves: bool,
    label: u64,
    verbatim: String,
    names: Vec<String>,
    history: u64,
    together: bool,
    /// Whether something was recorded for it that nobody has.
    known: bool,
    body: String,
    served: Option<Served>,
    /// What the upstream will say, in a recording.
    said: Option<(u16, Said, Option<Trouble>)>,
    got: Option<Got>,
    waker: Option<Waker>,
}

type Shared = Rc<RefCell<Ticket>>;

enum Side {
    Recording {
        events: Vec<Event>,
        times: HashMap<u64, usize>,
    },
    Replay {
        matcher: Box<Matcher>,
        used: BTreeSet<usize>,
        names: BTreeMap<String, String>,
        permuted: Vec<(u64, String)>,
    },
}

struct Inner {
    rng: Rng,
    pick: Pick,
    time: u64,
    seq: Seq,
    names: Vec<(String, String)>,
    /// What is held: readings of the clock and results of tools that come out differently.
    held: BTreeSet<String>,
    waiting: Vec<Shared>,
    flying: Vec<Shared>,
    answers: HashMap<String, u64>,
    history: u64,
    brain: Brain,
    troubles: Vec<(&'static str, Vec<Trouble>)>,
    book: Vec<Entry>,
    side: Side,
    report: Report,
    interchangeable: BTreeSet<u64>,
    variant: usize,
    poor: bool,
    /// Names by their labels, in the recording that is replayed.
    recorded_names: Vec<(String, String)>,
    /// Pieces of recorded names that were served and reported, and what they should have been.
    stale: Vec<(String, String)>,
}

/// Where an agent runs.
#[derive(Clone)]
pub(super) struct World(Rc<RefCell<Inner>>);

/// A recording and what the oracle knows about it.
#[derive(Debug)]
pub(super) struct Recorded {
    events: Vec<Event>,
    book: Vec<Entry>,
    held: BTreeSet<String>,
    poor: bool,
    names: Vec<(String, String)>,
}

/// How a run differs from another of the same agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) seed: u64,
    pub(super) pick: Pick,
    /// What the agent does differently; 0 for nothing.
    pub(super) variant: usize,
}

/// Says what was asked and how often before, in words of its own.
pub(super) fn plain(ask: &Ask, asked: &str, times: usize) -> Said {
    let subject = match ask.turns.last() {
        Some(super::talk::Turn::User(text) | super::talk::Turn::Said(text)) => text.clone(),
        Some(super::talk::Turn::Results(results)) => {
            let mut texts: Vec<&str> = results.iter().map(|(_, text)| text.as_str()).collect();
            texts.sort_unstable();
            texts.join(" and ")
        }
        _ => String::new(),
    };
    let short = in_short(&subject);
    Said { text: format!("Statement {asked}, draw {times}{short}, on: {subject}"), calls: Vec::new() }
}

fn number(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap_or_default())
}

/// Runs an agent against the upstream and keeps what happened.
pub(super) fn record(
    agent: Agent<'_>,
    brain: Brain,
    troubles: &[(&'static str, &[Trouble])],
    how: Circumstances,
) -> Recorded {
    let started = Started { at: Micros(THEN), ..Started::default() };
    let side = Side::Recording { events: vec![Event::Started(started)], times: HashMap::new() };
    let troubles = troubles.iter().map(|(about, list)| (*about, list.to_vec())).collect();
    let world = World::new(side, how, brain, troubles, Vec::new(), THEN, 1);
    world.run(agent(world.clone()));
    let mut inner = world.0.borrow_mut();
    let (book, held) = (std::mem::take(&mut inner.book), std::mem::take(&mut inner.held));
    let Side::Recording { events, .. } = &mut inner.side else { unreachable!("it is a recording") };
    let events = std::mem::take(events);
    Recorded { events, book, held, poor: inner.poor, names: std::mem::take(&mut inner.names) }
}

/// Runs an agent again behind a matcher, which may have a fault.
pub(super) fn replay(
    recorded: &Recorded,
    agent: Agent<'_>,
    options: Options,
    fault: Option<Fault>,
    how: Circumstances,
) -> Report {
    let run = assemble(&RunId::from_seed(0), &recorded.events);
    let plan = Plan::new(run, options).expect("a plan without changes can be made");
    let here = Started { at: Micros(THEN + LATER), ..Started::default() };
    let mut matcher = Box::new(Matcher::new(plan, &here));
    matcher.fault = fault;
    let side = Side::Replay { matcher, used: BTreeSet::new(), names: BTreeMap::new(), permuted: Vec::new() };
    let world = World::new(side, how, plain, Vec::new(), recorded.book.clone(), THEN + LATER, 10_000);
    world.0.borrow_mut().held.clone_from(&recorded.held);
    world.0.borrow_mut().recorded_names.clone_from(&recorded.names);
    world.run(agent(world.clone()));
    let mut inner = world.0.borrow_mut();
    inner.close();
    inner.report.poor = inner.poor || recorded.poor;
    std::mem::take(&mut inner.report)
}

impl World {
    fn new(
        side: Side,
        how: Circumstances,
        brain: Brain,
        troubles: Vec<(&'static str, Vec<Trouble>)>,
        book: Vec<Entry>,
        time: u64,
        seq: Seq,
    ) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            rng: Rng::new(how.seed),
            pick: how.pick,
            time,
            seq,
            names: Vec::new(),
            held: BTreeSet::new(),
            waiting: Vec::new(),
            flying: Vec::new(),
            answers: HashMap::new(),
            history: 0,
            brain,
            troubles,
            book,
            side,
            report: Report::default(),
            interchangeable: BTreeSet::new(),
            variant: how.variant,
            poor: false,
            recorded_names: Vec::new(),
            stale: Vec::new(),
        })))
    }

    fn run(&self, mut agent: Run) {
        let mut context = Context::from_waker(Waker::noop());
        while agent.as_mut().poll(&mut context).is_pending() {
            let woken = self.0.borrow_mut().step();
            if let Some(waker) = woken {
                waker.wake();
            }
        }
    }

    /// A call; `who` is the same in every run of the agent.
    pub(super) async fn ask(&self, who: &str, ask: &Ask) -> Got {
        self.call(who, ask, false).await
    }

    /// A call whose client leaves before the answer is over.
    pub(super) async fn leave(&self, who: &str, ask: &Ask) -> Got {
        self.call(who, ask, true).await
    }

    /// A call as SDKs make it: tried again while that may help.
    pub(super) async fn insist(&self, who: &str, ask: &Ask) -> Got {
        let mut got = self.ask(who, ask).await;
        for _ in 0..5 {
            if !got.broken && !matches!(got.status, 408 | 409 | 429 | 500..=599) {
                break;
            }
            got = self.ask(who, ask).await;
        }
        got
    }

    async fn call(&self, who: &str, ask: &Ask, leaves: bool) -> Got {
        let ticket = Ticket {
            seq: 0,
            who: who.to_owned(),
            ask: ask.clone(),
            leaves,
            label: 0,
            verbatim: String::new(),
            names: Vec::new(),
            history: 0,
            together: false,
            known: false,
            body: String::new(),
            served: None,
            said: None,
            got: None,
            waker: None,
        };
        let ticket = Rc::new(RefCell::new(ticket));
        self.0.borrow_mut().waiting.push(Rc::clone(&ticket));
        Asking(ticket).await
    }

    /// What this agent does differently in this run; 0 for nothing.
    pub(super) fn variant(&self) -> usize {
        self.0.borrow().variant
    }

    pub(super) fn random(&self) -> u64 {
        self.0.borrow_mut().rng.next()
    }

    pub(super) fn chance(&self, odds: usize) -> bool {
        self.0.borrow_mut().rng.one_in(odds)
    }

    /// A reading of the clock, as programs write it into prompts.
    pub(super) fn now(&self) -> String {
        let mut inner = self.0.borrow_mut();
        let micros = i64::try_from(inner.time).unwrap_or_default();
        let text = jiff::Timestamp::from_microsecond(micros).map(|now| now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let text = text.unwrap_or_default();
        inner.held.insert(text.clone());
        text
    }

    /// What a tool returns: one thing in the recording, another in a replay.
    pub(super) fn drifting(&self, then: &str, now: &str) -> String {
        let mut inner = self.0.borrow_mut();
        inner.held.extend([then.to_owned(), now.to_owned()]);
        if inner.is_recording() { then.to_owned() } else { now.to_owned() }
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
    fn is_recording(&self) -> bool {
        matches!(self.side, Side::Recording { .. })
    }

    /// Lets one of the possible things happen.
    fn step(&mut self) -> Option<Waker> {
        self.time += 1_000 + self.rng.next() % 9_000;
        let (waiting, flying) = (self.waiting.len(), self.flying.len());
        assert!(waiting + flying > 0, "the agent waits for nothing");
        let arrives = match self.pick {
            Pick::First | Pick::Last => waiting > 0,
            Pick::Single => flying == 0,
            Pick::Any => self.rng.below(waiting + flying) < waiting,
        };
        let place = match self.pick {
            Pick::First => 0,
            Pick::Last => {
                if arrives {
                    waiting - 1
                } else {
                    flying - 1
                }
            }
            Pick::Any | Pick::Single => self.rng.below(if arrives { waiting } else { flying }),
        };
        if arrives {
            let ticket = self.waiting.remove(place);
            self.arrive(&mut ticket.borrow_mut());
            self.flying.push(ticket);
            return None;
        }
        let ticket = self.flying.remove(place);
        let mut ticket = ticket.borrow_mut();
        self.complete(&mut ticket);
        ticket.waker.take()
    }

    fn arrive(&mut self, ticket: &mut Ticket) {
        ticket.seq = self.seq;
        self.seq += 1;
        let previous = ticket.ask.previous.as_ref().map(|id| match self.answers.get(id) {
            Some(label) => label.to_string(),
            None => id.clone(),
        });
        ticket.verbatim = ticket.ask.meaning(&previous.unwrap_or_default());
        let mut names = Vec::new();
        ticket.label = number(&self.unnamed(&ticket.verbatim, &mut names));
        ticket.names = names;
        ticket.history = self.history;
        self.history = self.history.wrapping_add(ticket.label | 1);
        for other in &self.flying {
            let mut other = other.borrow_mut();
            if other.label == ticket.label {
                other.together = true;
                ticket.together = true;
            }
        }
        ticket.body = ticket.ask.body(Style(self.rng.next() >> 20));
        let request = request(ticket, self.time);
        match &mut self.side {
            Side::Recording { events, times } => {
                events.push(Event::Request(request));
                let asked = format!("{}", ticket.label % 10_000_000);
                let trouble = self
                    .troubles
                    .iter_mut()
                    .find(|(about, list)| ticket.verbatim.contains(about) && !list.is_empty())
                    .map(|(_, list)| list.remove(0));
                let said = if let Some(Trouble::Status(status)) = trouble {
                    (status, Said::default(), trouble)
                } else {
                    let times = times.entry(ticket.label).or_insert(0);
                    let said = (self.brain)(&ticket.ask, &asked, *times);
                    *times += usize::from(trouble.is_none() && !ticket.leaves);
                    (200, said, trouble)
                };
                ticket.said = Some(said);
            }
            Side::Replay { matcher, used, .. } => {
                let served = |other: &&Shared| {
                    let other = other.borrow();
                    let refused = other.served.as_ref().is_none_or(|served| served.decision.entry.is_none());
                    other.label == ticket.label && !refused
                };
                let taken = self.flying.iter().filter(served).count();
                let open = |place: &usize| self.book[*place].label == ticket.label && !used.contains(place);
                ticket.known = (0..self.book.len()).filter(open).count() > taken;
                let parsed = matcher.parse(&request);
                let decision = matcher.decide(&request, &parsed);
                self.report.calls += 1;
                *self.report.grades.entry(decision.decided.grade).or_default() += 1;
                self.report.notes.extend(decision.decided.notes.iter().cloned());
                if decision.decided.grade == Grade::Interchangeable {
                    self.interchangeable.insert(ticket.label);
                }
                ticket.served = Some(serve(matcher, decision));
            }
        }
    }

    fn complete(&mut self, ticket: &mut Ticket) {
        let dialect = ticket.ask.dialect();
        let (status, kind, body, broken) = match &mut self.side {
            Side::Recording { .. } => self.say(ticket),
            Side::Replay { .. } => self.take(ticket),
        };
        let reply = dialect.reply(status, &kind, &body);
        if let Some(id) = &reply.id {
            self.answers.insert(id.clone(), ticket.label);
        }
        let calls = reply.tool_calls().map(|call| Called {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        });
        ticket.got = Some(Got { status, text: reply.text(), calls: calls.collect(), id: reply.id.clone(), broken });
    }

    /// The upstream answers.
    fn say(&mut self, ticket: &mut Ticket) -> (u16, String, Bytes, bool) {
        let Some((status, said, trouble)) = ticket.said.take() else { unreachable!("it arrived") };
        let at = Micros(self.time);
        let seq = ticket.seq;
        let silent = ticket.leaves || trouble == Some(Trouble::Silence);
        let cut = trouble == Some(Trouble::Cut);
        let mut pieces: Vec<Bytes> = Vec::new();
        let mut kind = "application/json".to_owned();
        if status == 200 {
            let unary =
                answer(ticket.ask.form, &said, &format!("r-{}", number(&format!("answer {seq}")) % 1_000_000_000));
            if ticket.ask.stream {
                "text/event-stream".clone_into(&mut kind);
                let unary = Json::parse_text(&unary).expect("the upstream writes JSON");
                let whole: Vec<u8> = ticket.ask.dialect().stream(&unary, &unary).concat();
                let whole = if cut { whole[..whole.len() / 2].to_vec() } else { whole };
                pieces = self.cut(&whole);
            } else {
                let whole = unary.into_bytes();
                let whole = if cut { whole[..whole.len() / 2].to_vec() } else { whole };
                pieces = self.cut(&whole);
            }
        } else {
            pieces.push(Bytes::from(format!(r#"{{"error":{{"message":"trouble {status}","type":"server_error"}}}}"#)));
        }
        let how = match (silent, cut) {
            (true, _) => Ending::ClientLeft,
            (false, true) => Ending::Broken("reset".into()),
            (false, false) => Ending::Complete,
        };
        let body = Bytes::from(pieces.concat());
        let Side::Recording { events, .. } = &mut self.side else { unreachable!("it is a recording") };
        if !silent {
            let headers = vec![("content-type".into(), kind.clone())];
            events.push(Event::Answer(AnswerHead { seq, at, status, headers, coding: String::new() }));
            events.push(Event::Chunks(Chunks { seq, pieces: pieces.into_iter().map(|piece| (at, piece)).collect() }));
        }
        events.push(Event::End(End { seq, at, how }));
        let broken = silent || cut;
        let mut names = ticket.names.clone();
        let said = self.unnamed_said(&said, &mut names);
        self.book.push(Entry {
            label: ticket.label,
            verbatim: ticket.verbatim.clone(),
            who: ticket.who.clone(),
            status: if silent { 0 } else { status },
            broken,
            said: if broken { Said::default() } else { said },
            names,
            history: ticket.history,
            together: ticket.together,
        });
        if silent { (0, kind, Bytes::new(), true) } else { (status, kind, body, broken) }
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

    /// The client takes what it is served, and the oracle looks at it.
    fn take(&mut self, ticket: &mut Ticket) -> (u16, String, Bytes, bool) {
        let Some(served) = ticket.served.take() else { unreachable!("it arrived") };
        let request = request(ticket, self.time);
        let refused = served.decision.decided.action == Action::Refuse;
        if refused {
            if ticket.known {
                let reason = served.decision.refusal.as_ref().map(|refusal| format!("{refusal:?}"));
                self.report.missed.push(format!("{}: {}", ticket.who, reason.unwrap_or_default()));
            } else {
                self.report.refused += 1;
            }
        } else if !ticket.leaves {
            self.judge(ticket, &served);
        }
        let Side::Replay { matcher, .. } = &mut self.side else { unreachable!("it is a replay") };
        if !refused {
            let parsed = matcher.parse(&request);
            let answered = Some((&parsed, served.status, served.kind.as_str(), &served.body));
            matcher.ended(ticket.seq, !ticket.leaves, answered, false);
        }
        (served.status, served.kind, served.body, served.broken || ticket.leaves)
    }
}

fn request(ticket: &Ticket, time: u64) -> Request {
    Request {
        seq: ticket.seq,
        at: Micros(time),
        provider: ticket.ask.provider().into(),
        upstream: "https://api.example.com".into(),
        method: "POST".into(),
        path: ticket.ask.path().into(),
        query: String::new(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: Bytes::copy_from_slice(ticket.body.as_bytes()),
        coding: String::new(),
    }
}

/// What the tape would serve.
fn serve(matcher: &Matcher, decision: Decision) -> Served {
    let nothing = |decision, status, broken| Served {
        status,
        kind: "application/json".into(),
        body: Bytes::from_static(b"{}"),
        broken,
        decision,
    };
    let Some(place) = decision.entry else { return nothing(decision, 403, false) };
    let call = &matcher.plan.run().calls[&matcher.entry(place).seq];
    let complete = call.ending == Some(Ending::Complete);
    let Some(recorded) = &call.answer else { return nothing(decision, 502, true) };
    let kind = recorded.header("content-type").unwrap_or_default().to_owned();
    let body = decision.renamed.as_ref().map_or_else(|| recorded.body(), |pieces| pieces.concat().into());
    Served { status: recorded.status, kind, body, broken: !complete, decision }
}
