//! Agents as data: branches that wait for each other, and what their requests are made of.

use std::pin::Pin;
use std::rc::Rc;

use futures_util::FutureExt as _;
use futures_util::future::{Shared, join_all};

use super::super::talk::Form;
use super::makers::Maker;
use super::talk::{Brings, Got, Ids, Talk};
use super::world::{Agent, Running, World, brought};

/// A piece of a text that an agent writes.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Words(String),
    /// A name that this run makes up: its label, and how it is made.
    Fresh(String, Maker),
    /// The time, in this format.
    Clock(&'static str),
    /// What the user gave at this place.
    Given(usize),
    /// The secret of a variable.
    Secret(&'static str),
    /// The secret of the variable that the user gave at this place.
    Chosen(usize),
    /// A secret that this run makes up.
    Token(String),
    /// What the answer of a branch brought.
    Brought(usize),
    /// The whole answer of a branch.
    Answer(usize),
    /// The least of the answers of several branches.
    Least(Vec<usize>),
}

/// How a conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// Everything is sent again.
    Resend,
    /// The provider has what was said.
    Previous,
}

/// What a branch begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// A conversation of its own.
    Own,
    /// The conversation of another branch, as it ended.
    Fork(usize),
    /// Goes on from the least of several answers, which the provider has.
    Draft(Vec<usize>),
    /// Refers to the message of the least of several answers.
    Item(Vec<usize>),
}

/// A conversation of an agent.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) after: Vec<usize>,
    pub(super) start: Start,
    pub(super) form: Form,
    pub(super) by: Option<&'static str>,
    /// It runs only if the user gave something at this place.
    pub(super) only_if: Option<usize>,
    pub(super) system: Vec<Piece>,
    pub(super) user: Vec<Piece>,
    /// Calls of tools, round by round.
    pub(super) script: Vec<Vec<(&'static str, Vec<Piece>)>>,
    pub(super) ids: Ids,
    /// What tools return beside their arguments.
    pub(super) result: Vec<Piece>,
    pub(super) turns: usize,
    /// Where the user says which of several answers it begins with; else with the least.
    pub(super) choose: Option<usize>,
    /// Its turns have words of their own.
    pub(super) apart: bool,
    pub(super) chain: Chain,
    pub(super) stream: bool,
    pub(super) brings: Brings,
}

impl Branch {
    pub(super) fn new(form: Form, system: &str, user: Vec<Piece>) -> Self {
        Self {
            after: Vec::new(),
            start: Start::Own,
            form,
            by: None,
            only_if: None,
            system: vec![words(system)],
            user,
            script: Vec::new(),
            ids: Ids::Random,
            result: Vec::new(),
            turns: 0,
            choose: None,
            apart: false,
            chain: Chain::Resend,
            stream: false,
            brings: Brings::Nothing,
        }
    }
}

pub(super) fn words(text: &str) -> Piece {
    Piece::Words(text.to_owned())
}

/// An agent and where it runs.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) branches: Vec<Branch>,
    pub(super) given: [Vec<String>; 2],
    /// Whether that stood on the command line; else the agent has it from a file.
    pub(super) told: bool,
    pub(super) secrets: [Vec<(String, String)>; 2],
    pub(super) temporary: [&'static str; 2],
    pub(super) draws: bool,
    pub(super) troubles: Vec<(String, Vec<u16>)>,
}

impl Work {
    pub(super) fn new(branches: Vec<Branch>) -> Self {
        Self {
            branches,
            given: Default::default(),
            told: true,
            secrets: Default::default(),
            temporary: ["/tmp", "/tmp"],
            draws: false,
            troubles: Vec::new(),
        }
    }

    pub(super) fn agent<'a>(&self, program: &'a dyn Fn(World) -> Running) -> Agent<'a> {
        Agent {
            program,
            given: self.given.clone(),
            told: self.told,
            secrets: self.secrets.clone(),
            temporary: self.temporary,
            draws: self.draws,
            troubles: self.troubles.clone(),
        }
    }
}

type Ended = Rc<(Talk, Got)>;
type Step = Shared<Pin<Box<dyn Future<Output = Ended>>>>;

/// Runs branches as they wait for each other.
pub(super) fn run(branches: &Rc<Vec<Branch>>, world: World) -> Running {
    let branches = Rc::clone(branches);
    Box::pin(async move {
        let mut steps: Vec<Step> = Vec::new();
        for (place, branch) in branches.iter().enumerate() {
            let before: Vec<Step> = branch.after.iter().map(|place| steps[*place].clone()).collect();
            let (branch, world) = (branch.clone(), world.clone());
            let step: Pin<Box<dyn Future<Output = Ended>>> = Box::pin(async move {
                let ended = join_all(before).await;
                let found: Vec<(usize, Ended)> = branch.after.iter().copied().zip(ended).collect();
                Rc::new(walk(&branch, place, &found, &world).await)
            });
            steps.push(step.shared());
        }
        join_all(steps).await;
    })
}

/// One of several answers, by their order.
fn chosen<'a>(of: &[usize], found: &'a [(usize, Ended)], which: usize) -> Option<&'a Ended> {
    let mut all: Vec<&Ended> = found.iter().filter(|(place, _)| of.contains(place)).map(|(_, ended)| ended).collect();
    all.sort_by_key(|ended| ended.1.text.clone());
    all.get(which).or(all.last()).copied()
}

fn text(pieces: &[Piece], found: &[(usize, Ended)], world: &World) -> String {
    let of = |place: &usize| found.iter().find(|(known, _)| known == place).map(|(_, ended)| ended.1.text.as_str());
    let piece = |piece: &Piece| match piece {
        Piece::Words(text) => text.clone(),
        Piece::Fresh(label, maker) => world.fresh(label, *maker),
        Piece::Clock(format) => world.now(format),
        Piece::Given(place) => world.given(*place).unwrap_or_default(),
        Piece::Secret(name) => world.secret(name),
        Piece::Chosen(place) => world.secret(&world.given(*place).unwrap_or_default()),
        Piece::Token(label) => world.token(label),
        Piece::Brought(place) => brought(of(place).unwrap_or_default()).to_owned(),
        Piece::Answer(place) => of(place).unwrap_or_default().to_owned(),
        Piece::Least(of) => chosen(of, found, 0).map(|ended| ended.1.text.clone()).unwrap_or_default(),
    };
    pieces.iter().map(piece).collect()
}

async fn walk(branch: &Branch, place: usize, found: &[(usize, Ended)], world: &World) -> (Talk, Got) {
    if branch.only_if.is_some_and(|given| world.given(given).is_none_or(|text| text.is_empty())) {
        return (Talk::new(branch.form, "", ""), Got::default());
    }
    let user = text(&branch.user, found, world);
    let mut talk = match &branch.start {
        Start::Own => Talk::new(branch.form, &text(&branch.system, found, world), &user),
        Start::Fork(of) => {
            let Some((_, ended)) = found.iter().find(|(known, _)| known == of) else {
                unreachable!("it is waited for")
            };
            let mut talk = ended.0.clone();
            talk.said(&ended.1);
            talk.user(&user);
            // A hand-off: the same conversation, and another prompt before it.
            let system = text(&branch.system, found, world);
            if !system.is_empty() {
                talk.ask.system = system;
            }
            talk
        }
        Start::Draft(of) | Start::Item(of) => {
            let which = branch.choose.and_then(|place| world.given(place)?.parse().ok()).unwrap_or(0);
            let Some(ended) = chosen(of, found, which) else { unreachable!("it is waited for") };
            let mut talk = Talk::new(branch.form, &text(&branch.system, found, world), &user);
            if matches!(branch.start, Start::Draft(_)) {
                talk.after(&ended.1);
            } else {
                talk.item(&ended.1);
            }
            talk.user(&user);
            talk
        }
    };
    talk.ask.by = branch.by;
    talk.ids = branch.ids;
    talk.brings = branch.brings;
    let rounds = talk.rounds();
    talk.script.truncate(rounds);
    for calls in &branch.script {
        talk.script.push(calls.iter().map(|(name, pieces)| (*name, text(pieces, found, world))).collect());
    }
    let mut tools: Vec<&'static str> = branch.script.iter().flatten().map(|(name, _)| *name).collect();
    tools.sort_unstable();
    tools.dedup();
    if !tools.is_empty() {
        talk.ask.tools = tools;
    }
    talk.ask.stream = branch.stream;
    let mut got = world.ask(&format!("branch {place}"), &talk).await;
    for round in 0..branch.script.len() {
        if got.failed() || got.calls.is_empty() {
            return (talk, got);
        }
        let mut results: Vec<(usize, String)> = Vec::new();
        for (number, call) in got.calls.iter().enumerate() {
            let arguments = call.arguments.replace('"', "");
            results.push((number, format!("{} gave {arguments}{}", call.name, text(&branch.result, found, world))));
        }
        if world.chance(2) {
            results.reverse();
        }
        let previous = branch.chain == Chain::Previous && branch.form == Form::Responses;
        if previous {
            talk.after(&got);
        }
        talk.results(&got, &results, !previous);
        got = world.ask(&format!("branch {place} round {round}"), &talk).await;
    }
    for turn in 0..branch.turns {
        if got.failed() {
            return (talk, got);
        }
        if branch.chain == Chain::Previous && branch.form == Form::Responses {
            talk.after(&got);
        } else {
            talk.said(&got);
        }
        let own = if branch.apart { format!(" of step {place}") } else { String::new() };
        talk.user(&format!("Go on, turn {turn}{own}."));
        got = world.ask(&format!("branch {place} turn {turn}"), &talk).await;
    }
    (talk, got)
}
