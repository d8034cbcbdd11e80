//! How replayable a recording is, and which node is to blame: read off the recording, with nothing running.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use memchr::memmem;

use super::effects;
use super::made_up::made_up;
use super::plan::{Entry, entries, ranges, runs_in_agent};
use super::said::Said;
use crate::config::Settings;
use crate::model::event::{Ending, PAST, Seq};
use crate::model::{Call, Detail, Edge, Kind, Message, Micros, Node, NodeId, Part, Run, Source};
use crate::record::missed;
use crate::redact;
use crate::text::escape::one_line;
use crate::text::units::count;
use crate::wire::canonical::Key;

/// How well something can be replayed, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// As it was.
    Exact,
    /// As it was, but for what is named.
    UpTo,
    /// Only if something holds that the recording does not show.
    Partly,
    /// The recording cannot answer it.
    Not,
}

impl Word {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::UpTo => "exact up to",
            Self::Partly => "partly",
            Self::Not => "not replayable",
        }
    }
}

/// Why a node is not simply exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Opaque names first seen in its request: path and value of each.
    Names(Vec<(String, String)>),
    /// Readings of the clock first seen in its request: path and value of each.
    Readings(Vec<(String, String)>),
    /// Protocol ids in its request that no answer contained.
    MadeIds(Vec<String>),
    /// Equal requests in flight together, with different answers; itself included.
    Twins(Vec<NodeId>),
    /// The body of a tool runs again, and may do more than read: its tier in words.
    RunsAgain(String),
    /// It ended without a whole answer, and will again: how.
    AsItHappened(&'static str),
    /// Its conversation begins with this many messages that nothing in the run said.
    Remembered(usize),
    /// This many secrets in its answer stand in no request, so nothing can fill them in.
    Redacted(usize),
    /// It goes on from a response, item or conversation that nothing in the run answered.
    ServerState(String),
    /// The recording ends before its answer did.
    CutOff,
    /// It was announced, and its end was not.
    Unfinished,
    /// Its connection was upgraded; this many frames are recorded.
    Upgraded(usize),
    /// It was not seen on the wire: there are no bytes to answer with.
    NoBytes,
    /// It depends on this node, which cannot be answered.
    Follows(NodeId),
}

impl Reason {
    /// What the node's grade is at best.
    #[must_use]
    pub fn word(&self) -> Word {
        match self {
            Self::Names(_)
            | Self::Readings(_)
            | Self::MadeIds(_)
            | Self::Twins(_)
            | Self::RunsAgain(_)
            | Self::AsItHappened(_)
            | Self::Remembered(_) => Word::UpTo,
            Self::Redacted(_) | Self::ServerState(_) | Self::Unfinished | Self::Follows(_) => Word::Partly,
            Self::CutOff | Self::Upgraded(_) | Self::NoBytes => Word::Not,
        }
    }

    /// A word for it that stays.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Names(_) => "names",
            Self::Readings(_) => "readings",
            Self::MadeIds(_) => "made_ids",
            Self::Twins(_) => "interchangeable",
            Self::RunsAgain(_) => "runs_again",
            Self::AsItHappened(_) => "as_it_happened",
            Self::Remembered(_) => "remembered",
            Self::Redacted(_) => "redacted",
            Self::ServerState(_) => "server_state",
            Self::CutOff => "cut_off",
            Self::Unfinished => "unfinished",
            Self::Upgraded(_) => "upgraded",
            Self::NoBytes => "no_bytes",
            Self::Follows(_) => "follows",
        }
    }

    /// Nodes that it speaks of.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::Twins(nodes) => nodes.clone(),
            Self::Follows(node) => vec![*node],
            _ => Vec::new(),
        }
    }

    /// Paths and values that it speaks of.
    #[must_use]
    pub fn values(&self) -> Vec<(String, String)> {
        match self {
            Self::Names(values) | Self::Readings(values) => values.clone(),
            Self::MadeIds(ids) => ids.iter().map(|id| (String::new(), id.clone())).collect(),
            Self::ServerState(id) => vec![(String::new(), id.clone())],
            _ => Vec::new(),
        }
    }

    /// It in words.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::Names(names) => {
                format!("{}, if the agent makes {} anew: {}", count(names.len(), "name"), them(names), listed(names))
            }
            Self::Readings(readings) => {
                format!("{} of the clock, held as recorded: {}", count(readings.len(), "reading"), listed(readings))
            }
            Self::MadeIds(ids) => {
                let shown: Vec<String> = ids.iter().take(MOST).map(|id| one_line(id)).collect();
                format!("{} that the agent makes up: {}{}", count(ids.len(), "id"), shown.join(", "), more(ids.len()))
            }
            Self::Twins(nodes) => format!(
                "equal requests in flight together, with different answers: nodes {}; who comes first gets the first",
                ranges(nodes)
            ),
            Self::RunsAgain(effect) => format!("its body runs again in the agent's process ({effect})"),
            Self::AsItHappened(how) => format!("{how}, and is replayed as it happened"),
            Self::Remembered(messages) => format!(
                "its conversation begins with {} that nothing in the run said: exact if the agent has them again",
                count(*messages, "message")
            ),
            Self::Redacted(secrets) => {
                format!(
                    "its answer holds {} that no request carries: a placeholder is served",
                    count(*secrets, "secret")
                )
            }
            Self::ServerState(id) => format!(
                "it goes on from `{}`, which nothing in the run answered: exact only if the agent names it again",
                one_line(id)
            ),
            Self::CutOff => "the recording ends before its answer did".to_owned(),
            Self::Unfinished => "it was announced, and its end was not: it has nothing to give back".to_owned(),
            Self::Upgraded(frames) => {
                format!(
                    "its connection was upgraded; {} are recorded and cannot be answered from",
                    count(*frames, "frame")
                )
            }
            Self::NoBytes => "it was not seen on the wire, so there are no bytes to answer with".to_owned(),
            Self::Follows(node) => format!("it depends on node {node}, which cannot be answered"),
        }
    }
}

/// Most values that one line lists.
const MOST: usize = 3;

fn them<T>(values: &[T]) -> &'static str {
    if values.len() == 1 { "it" } else { "them" }
}

fn more(all: usize) -> String {
    if all > MOST { format!(" and {} more", all - MOST) } else { String::new() }
}

fn listed(values: &[(String, String)]) -> String {
    let shown = values.iter().take(MOST).map(|(path, value)| format!("`{}` at `{}`", one_line(value), one_line(path)));
    format!("{}{}", shown.collect::<Vec<_>>().join(", "), more(values.len()))
}

/// A node and what is to be said about replaying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The node.
    pub node: NodeId,
    /// Its kind.
    pub kind: Kind,
    /// Its name; may be empty.
    pub name: String,
    /// How well it can be replayed.
    pub word: Word,
    /// Why not better; empty where it is exact.
    pub reasons: Vec<Reason>,
}

/// How replayable a recording is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// How well the whole can be replayed.
    pub word: Word,
    /// Calls, tools that ran in the agent, and announced nodes, by number.
    pub nodes: Vec<Judged>,
    /// Whether the recorder ended before the agent.
    pub interrupted: bool,
    /// Whether there is a command to run again.
    pub has_command: bool,
    /// Hosts that the agent was connected to past retake: what it asked there is not on the recording.
    pub past: Vec<String>,
}

impl Assessment {
    /// How many nodes are so.
    #[must_use]
    pub fn count(&self, word: Word) -> usize {
        self.nodes.iter().filter(|judged| judged.word == word).count()
    }

    /// Nodes to blame: worse than exact up to something, and not only because of another.
    #[must_use]
    pub fn blame(&self) -> Vec<NodeId> {
        let own = |judged: &&Judged| {
            judged.reasons.iter().any(|reason| reason.word() > Word::UpTo && !matches!(reason, Reason::Follows(_)))
        };
        self.nodes.iter().filter(own).map(|judged| judged.node).collect()
    }

    /// The verdict in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let all = self.nodes.len();
        if all == 0 {
            return "not replayable: it has no calls".to_owned();
        }
        match self.word {
            Word::Exact => format!("exact, {}", count(all, "node")),
            Word::UpTo => format!("exact up to {}", self.up_to().join(", ")),
            Word::Partly => {
                let mut parts = vec![format!("partly: {} of {} exact", self.count(Word::Exact), count(all, "node"))];
                let up_to = self.up_to();
                if !up_to.is_empty() {
                    parts.push(format!("{} up to {}", self.count(Word::UpTo), up_to.join(", ")));
                }
                format!("{}{}{}", parts.join(", "), self.to_blame(), self.beside())
            }
            Word::Not => format!("not replayable{}{}", self.to_blame(), self.beside()),
        }
    }

    fn beside(&self) -> String {
        if self.past.is_empty() {
            return String::new();
        }
        format!("; connected past retake to {}", missed::listed(&self.past))
    }

    fn to_blame(&self) -> String {
        let blame = self.blame();
        let mut out = String::new();
        if !blame.is_empty() {
            let noun = if blame.len() == 1 { "node" } else { "nodes" };
            let _ = write!(out, "; to blame: {noun} {}", ranges(&blame));
        }
        let follow =
            self.nodes.iter().filter(|judged| matches!(judged.reasons.as_slice(), [Reason::Follows(_)])).count();
        if follow > 0 {
            let _ = write!(out, ", and {follow} that follow");
        }
        if self.interrupted {
            out.push_str("; the recording was interrupted");
        }
        out
    }

    /// What it is exact up to, counted.
    fn up_to(&self) -> Vec<String> {
        let (mut names, mut readings, mut ids, mut twins, mut happened, mut remembered) = (0, 0, 0, 0, 0, 0);
        let mut tools: BTreeSet<&str> = BTreeSet::new();
        for judged in self.nodes.iter().filter(|judged| judged.word == Word::UpTo) {
            for reason in &judged.reasons {
                match reason {
                    Reason::Names(found) => names += found.len(),
                    Reason::Readings(found) => readings += found.len(),
                    Reason::MadeIds(found) => ids += found.len(),
                    Reason::Twins(_) => twins += 1,
                    Reason::AsItHappened(_) => happened += 1,
                    Reason::Remembered(_) => remembered += 1,
                    Reason::RunsAgain(_) => {
                        tools.insert(&judged.name);
                    }
                    _ => {}
                }
            }
        }
        let mut parts = Vec::new();
        let mut add = |number: usize, noun: &str, after: &str| {
            if number > 0 {
                parts.push(format!("{}{after}", count(number, noun)));
            }
        };
        add(names, "name", "");
        add(readings, "reading", " of the clock");
        add(ids, "id", " that the agent makes up");
        add(twins, "interchangeable call", "");
        add(happened, "call", " without a whole answer");
        add(remembered, "remembered conversation", "");
        if !tools.is_empty() {
            let names: Vec<String> = tools.into_iter().map(one_line).collect();
            parts.push(format!("what {} {} again", names.join(" and "), if names.len() == 1 { "does" } else { "do" }));
        }
        parts
    }
}

/// Says how replayable a run is; `settings` say what tools do and what names are.
#[must_use]
pub fn gradeable(run: &Run, settings: &Settings) -> Assessment {
    let entries = entries(run, &[]);
    let mut said = Said::of(run);
    let mut reasons: BTreeMap<NodeId, Vec<Reason>> = BTreeMap::new();
    let mut add = |node: NodeId, reason: Option<Reason>| reasons.entry(node).or_default().extend(reason);
    let mut made = made_up(run, &entries, &mut said, settings);
    let mut twins = twins(&entries);
    let mut carried: BTreeSet<usize> = BTreeSet::new();
    let mut redacted: BTreeMap<Seq, usize> = BTreeMap::new();
    for entry in &entries {
        let Some(call) = run.calls.get(&entry.seq) else { continue };
        carried.extend(redact::numbers_in(&call.request.body));
        let answer = call.answer.as_ref().map(crate::model::Answer::body).unwrap_or_default();
        let missing: BTreeSet<usize> =
            redact::numbers_in(&answer).into_iter().filter(|number| !carried.contains(number)).collect();
        redacted.insert(entry.seq, missing.len());
    }
    for node in run.graph.nodes() {
        match &node.detail {
            Detail::Call { .. } | Detail::Http { .. } if node.source != Source::Announced => {
                add(node.id, node.seq.is_none().then_some(Reason::NoBytes));
                for seq in node.attempts.iter().chain(&node.seq) {
                    let Some(call) = run.calls.get(seq) else { continue };
                    add(node.id, wholeness(call));
                    let secrets = redacted.get(seq).copied().unwrap_or_default();
                    add(node.id, (secrets > 0).then_some(Reason::Redacted(secrets)));
                    for reason in made.remove(seq).unwrap_or_default() {
                        add(node.id, Some(reason));
                    }
                }
                add(node.id, twins.remove(&node.id).map(Reason::Twins));
                for reason in conversation(run, node, &mut said) {
                    add(node.id, Some(reason));
                }
            }
            Detail::Tool(_) if runs_in_agent(run, node) => {
                let effect = effects::of(&node.name, settings);
                add(node.id, (!effect.is_harmless()).then(|| Reason::RunsAgain(effect.says())));
            }
            _ if node.source == Source::Announced => {
                let finished =
                    node.seq.and_then(|seq| run.announced.get(&seq)).is_some_and(|told| told.finish.is_some());
                add(node.id, (!finished).then_some(Reason::Unfinished));
            }
            _ => {}
        }
    }
    let blocked = |reasons: &[Reason]| reasons.iter().any(|reason| reason.word() == Word::Not);
    let causes: Vec<NodeId> = reasons.iter().filter(|(_, reasons)| blocked(reasons)).map(|(node, _)| *node).collect();
    for cause in causes {
        for node in run.graph.dependents(cause).into_iter().filter(|node| *node != cause) {
            if let Some(reasons) = reasons.get_mut(&node)
                && !reasons.iter().any(|reason| matches!(reason, Reason::Follows(_)))
            {
                reasons.push(Reason::Follows(cause));
            }
        }
    }
    finish(run, reasons)
}

fn finish(run: &Run, reasons: BTreeMap<NodeId, Vec<Reason>>) -> Assessment {
    let judged = |(node, mut reasons): (NodeId, Vec<Reason>)| {
        let node = run.graph.node(node)?;
        reasons.dedup();
        let word = reasons.iter().map(Reason::word).max().unwrap_or(Word::Exact);
        Some(Judged { node: node.id, kind: node.kind.clone(), name: node.name.clone(), word, reasons })
    };
    let nodes: Vec<Judged> = reasons.into_iter().filter_map(judged).collect();
    let is_call = |judged: &&Judged| {
        run.graph.node(judged.node).is_some_and(|node| {
            matches!(node.detail, Detail::Call { .. } | Detail::Http { .. }) || node.source == Source::Announced
        })
    };
    let interrupted = run.ended.is_none();
    let past = run.notes.iter().filter(|note| note.topic == PAST);
    let past: Vec<String> = past.flat_map(|note| note.text.split(", ")).map(str::to_owned).collect();
    let worst = nodes.iter().map(|judged| judged.word).max().unwrap_or(Word::Not);
    let lost = |judged: &Judged| {
        judged.word == Word::Not || judged.reasons.iter().any(|reason| matches!(reason, Reason::Follows(_)))
    };
    let word = if nodes.iter().filter(is_call).all(lost) {
        Word::Not
    } else if worst > Word::UpTo || interrupted || !past.is_empty() {
        Word::Partly
    } else {
        worst
    };
    Assessment { word, nodes, interrupted, has_command: !run.started.command.is_empty(), past }
}

/// What is to be said about how a call ended.
fn wholeness(call: &Call) -> Option<Reason> {
    if !call.frames.is_empty() || call.answer.as_ref().is_some_and(|answer| answer.status == 101) {
        return Some(Reason::Upgraded(call.frames.len()));
    }
    match &call.ending {
        Some(Ending::Complete) => None,
        Some(Ending::ClientLeft) => Some(Reason::AsItHappened("the agent left before the end of its answer")),
        Some(Ending::Broken(_)) => Some(Reason::AsItHappened("its answer broke off")),
        Some(Ending::Unreachable(_)) => Some(Reason::AsItHappened("the provider was not reached")),
        None => Some(Reason::CutOff),
    }
}

/// For each node the nodes whose requests equal its own, were in flight with it, and got other answers.
pub(super) fn twins(entries: &[Entry]) -> BTreeMap<NodeId, Vec<NodeId>> {
    let mut by_key: HashMap<Key, Vec<&Entry>> = HashMap::new();
    for entry in entries {
        by_key.entry(entry.parsed.canonical.key).or_default().push(entry);
    }
    let mut found: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for mut group in by_key.into_values().filter(|group| group.len() > 1) {
        group.sort_by_key(|entry| entry.began);
        for (place, one) in group.iter().enumerate() {
            let in_flight = |other: &&&Entry| one.ended.is_none_or(|ended| other.began < ended);
            for other in group[place + 1..].iter().take_while(in_flight) {
                let together = other.ended.is_none_or(|ended| one.began < ended);
                let (ids, others) = (&one.parsed.canonical.ids, &other.parsed.canonical.ids);
                // Ids that we serve tell them apart.
                let apart = !ids.is_empty() && ids != others;
                if one.node != other.node && together && one.digest != other.digest && !apart {
                    found.entry(one.node).or_default().extend([one.node, other.node]);
                    found.entry(other.node).or_default().extend([one.node, other.node]);
                }
            }
        }
    }
    found.into_iter().map(|(node, group)| (node, group.into_iter().collect())).collect()
}

/// What a model call takes from before the run.
fn conversation(run: &Run, node: &Node, said: &mut Said) -> Vec<Reason> {
    let Detail::Call { prompt, .. } = &node.detail else { return Vec::new() };
    let mut found = Vec::new();
    let call = node.seq.and_then(|seq| run.calls.get(&seq));
    let began = call.map_or(node.started, |call| call.request.at);
    let mut unknown = |id: &String| !id.is_empty() && !said.contains(id, began);
    let state = prompt.previous.clone().filter(&mut unknown);
    found.extend(
        state.or_else(|| call.and_then(|call| referred(call).into_iter().find(&mut unknown))).map(Reason::ServerState),
    );
    let continues = run.graph.into_node(node.id).any(|(from, edge)| {
        matches!(edge, Edge::Then | Edge::Compacted | Edge::Handoff)
            && run.graph.node(from).is_some_and(|from| from.kind == Kind::Llm)
    });
    if node.kind == Kind::Llm && !continues {
        let remembered = prompt.messages.iter().filter(|message| is_from_elsewhere(message, said, began)).count();
        found.extend((remembered > 0).then_some(Reason::Remembered(remembered)));
    }
    found
}

/// Ids of items that a request of the responses interface refers to.
fn referred(call: &Call) -> Vec<String> {
    if memmem::find(&call.request.body, b"item_reference").is_none() {
        return Vec::new();
    }
    let Ok(json) = crate::text::json::Json::parse(call.request.body.clone()) else { return Vec::new() };
    let Some(input) = json.root().get("input") else { return Vec::new() };
    let is_reference = |kind: crate::text::json::Ref<'_>| kind.as_str().as_deref() == Some("item_reference");
    input
        .items()
        .filter(|item| item.get("type").is_some_and(is_reference))
        .filter_map(|item| Some(item.get("id")?.as_str()?.into_owned()))
        .collect()
}

/// Whether a message is what a model or a tool said, and no answer of the run contained it.
fn is_from_elsewhere(message: &Message, said: &mut Said, began: Micros) -> bool {
    message.parts.iter().any(|part| match part {
        Part::Text(text) if message.role == "assistant" => {
            let text = text.text.trim();
            !text.is_empty() && !said.contains(text, began)
        }
        Part::ToolCall(call) if call.id.is_empty() => !said.contains(&call.arguments, began),
        Part::ToolCall(call) => !said.contains(&call.id, began),
        Part::ToolResult(result) => !result.call_id.is_empty() && !said.contains(&result.call_id, began),
        _ => false,
    })
}
