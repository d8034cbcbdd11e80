//! The plan of a replay: the recording laid out for matching, and what is to be different.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::change::{self, Change, Scope, Target, Wanted};
use super::nearest::Sketch;
use crate::config::Settings;
use crate::model::event::{Ending, Request, Seq};
use crate::model::{Detail, Edge, Kind, Micros, Node, NodeId, Reply, Run, Source, ToolState};
use crate::names::identity::{self, Minted};
use crate::record::{self, announced};
use crate::text::json::{Edit, Json, Path};
use crate::text::units::{count, plural};
use crate::wire::canonical::{Canonical, Key};
use crate::wire::{self, Parsed};

/// When a call that the recording cannot answer may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Live {
    /// When a change caused it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Changes, in order.
    pub changes: Vec<Wanted>,
    /// How far changes to inputs reach.
    pub scope: Scope,
    /// Nodes that are sent even if equal, with all that depends on them.
    pub from: Vec<NodeId>,
    /// Model for every call that is sent.
    pub model: Option<String>,
    /// When calls may be sent.
    pub live: Live,
    /// Most calls that may be sent; by default twice the recorded calls.
    pub max_calls: Option<usize>,
    /// Tools whose new results are let through.
    pub run_tools: BTreeSet<String>,
    /// Fields of requests that do not count.
    pub ignore: Vec<Path>,
    /// Whether announced tools may run that the recording cannot answer.
    pub allow_effects: bool,
    /// Whether changes may set what the provider does not know.
    pub force: bool,
    /// What the project says about names and tools.
    pub settings: Settings,
}

/// A recorded exchange, ready to be matched.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: Seq,
    pub(super) node: NodeId,
    /// 0 for the first attempt of a call.
    pub(super) attempt: usize,
    pub(super) began: Micros,
    pub(super) ended: Option<Micros>,
    pub(super) parsed: Parsed,
    /// Key of the request without the fields that the user ignores.
    pub(super) ignoring: Option<Key>,
    /// What was answered, ids and times aside.
    pub(super) digest: Key,
    /// Ids that its answer brought.
    pub(super) minted: Minted,
    /// Prefix that it came in by.
    pub(super) provider: String,
    /// Nodes that this one directly depends on.
    pub(super) causes: BTreeSet<NodeId>,
    /// What finds it among many.
    pub(super) sketch: Sketch,
}

/// A recorded announced node, ready to be matched.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) seq: Seq,
    pub(super) node: NodeId,
    pub(super) key: Key,
    /// Its input, where that is JSON.
    pub(super) canonical: Option<Canonical>,
}

/// A replay's plan.
#[derive(Debug)]
pub struct Plan {
    pub(super) run: Run,
    pub(super) options: Options,
    pub(super) changes: Vec<Change>,
    pub(super) entries: Vec<Entry>,
    pub(super) told: Vec<Told>,
    /// Nodes sent even if equal.
    pub(super) from: BTreeSet<NodeId>,
    /// For each change the nodes of its conversation, its own included.
    pub(super) conversations: Vec<BTreeSet<NodeId>>,
    /// The model calls that go on from each model call.
    pub(super) followers: BTreeMap<NodeId, Vec<NodeId>>,
    /// Numbers of nodes read off each call, by their place there.
    pub(super) beside: HashMap<Seq, Vec<(String, NodeId)>>,
}

impl Plan {
    /// Lays out a recording.
    ///
    /// # Errors
    /// A change that cannot be made, or a node that is not there.
    pub fn new(run: Run, options: Options) -> Result<Self, change::Error> {
        let mut changes = Vec::with_capacity(options.changes.len());
        for wanted in &options.changes {
            changes.push(Change::check(&run, wanted.clone(), options.force)?);
        }
        let mut from = BTreeSet::new();
        for node in &options.from {
            if run.graph.node(*node).is_none() {
                let last = run.graph.nodes().last().map_or(0, |node| node.id.0);
                return Err(change::Error::Node { run: run.id.to_string(), node: node.0, last });
            }
            from.extend(run.graph.dependents(*node));
        }
        let followers = followers(&run);
        let conversations = changes.iter().map(|change| conversation(&followers, change.wanted.node)).collect();
        let entries = entries(&run, &options.ignore);
        let told = told(&run);
        let mut beside: HashMap<Seq, Vec<(String, NodeId)>> = HashMap::new();
        for node in run.graph.nodes() {
            if let Some((seq, place)) = &node.anchor {
                beside.entry(*seq).or_default().push((place.clone(), node.id));
            }
        }
        Ok(Self { run, options, changes, entries, told, from, conversations, followers, beside })
    }

    /// The run that is replayed.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Most calls that may be sent.
    #[must_use]
    pub fn ceiling(&self) -> usize {
        self.options.max_calls.unwrap_or(self.entries.len() * 2)
    }

    /// Whether a change edits the answer of an exchange; failed attempts of its call fail as they did.
    pub(super) fn edits_answer(&self, place: usize) -> bool {
        let entry = &self.entries[place];
        let is_last = self.run.graph.node(entry.node).is_some_and(|node| node.seq == Some(entry.seq));
        is_last
            && self
                .changes
                .iter()
                .any(|change| change.wanted.node == entry.node && matches!(change.target, Target::Answer))
    }

    /// The model calls that go on from a node and are not taken yet; all of them where all are.
    pub(super) fn next(&self, node: NodeId, taken: &[bool]) -> Vec<usize> {
        let next = self.followers.get(&node).map(Vec::as_slice).unwrap_or_default();
        (0..self.entries.len()).filter(|place| !taken[*place] && next.contains(&self.entries[*place].node)).collect()
    }

    /// Highest number of a placeholder in the recording.
    #[must_use]
    pub fn highest_secret(&self) -> usize {
        let bodies = self.run.calls.values().flat_map(|call| {
            let answer = call.answer.as_ref().map(crate::model::Answer::body).unwrap_or_default();
            [call.request.body.clone(), answer]
        });
        let headers =
            self.run.calls.values().flat_map(|call| &call.request.headers).map(|(_, value)| value.clone().into());
        let texts = bodies.chain(headers);
        texts.flat_map(|text: bytes::Bytes| crate::redact::numbers_in(&text)).max().unwrap_or(0)
    }

    /// Whether anything may be sent at all.
    #[must_use]
    pub fn may_send(&self) -> bool {
        !self.changes.is_empty()
            || !self.from.is_empty()
            || self.options.live == Live::Always
            || !self.options.run_tools.is_empty()
    }

    /// Tools that ran inside the agent and will run again: name and how often, most frequent first.
    #[must_use]
    pub fn tools_that_run(&self) -> Vec<(String, usize)> {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for node in self.run.graph.nodes() {
            if runs_in_agent(&self.run, node) {
                *names.entry(&node.name).or_default() += 1;
            }
        }
        let mut names: Vec<(String, usize)> = names.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        names.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        names
    }

    /// Nodes that are changed or sent, and those that depend on them.
    pub(super) fn affected(&self) -> BTreeSet<NodeId> {
        let mut affected = self.from.clone();
        for (change, conversation) in self.changes.iter().zip(&self.conversations) {
            match change.target {
                Target::Input if self.options.scope == Scope::Conversation => {
                    for node in conversation {
                        affected.extend(self.run.graph.dependents(*node));
                    }
                }
                _ => affected.extend(self.run.graph.dependents(change.wanted.node)),
            }
        }
        for node in self.run.graph.nodes().filter(|node| self.options.run_tools.contains(&node.name)) {
            if matches!(node.detail, Detail::Tool(_)) {
                affected.extend(self.run.graph.dependents(node.id));
            }
        }
        affected
    }

    /// Where the agent's own code put a result that is changed for the model only, in words.
    fn used_elsewhere(&self, change: &Change) -> Option<String> {
        let Target::Result { announced: None, .. } = &change.target else { return None };
        let node = change.wanted.node;
        let mut used = BTreeSet::new();
        for (next, edge) in self.run.graph.out_of_node(node) {
            let (Edge::Data(passages), Some(reader)) = (edge, self.run.graph.node(next)) else { continue };
            // As results, the model sees what is changed.
            let mut results = BTreeSet::new();
            if let Detail::Call { prompt, .. } = &reader.detail {
                for part in prompt.messages.iter().flat_map(|message| &message.parts) {
                    if let crate::model::Part::ToolResult(result) = part {
                        results.insert(result.path.as_str());
                    }
                }
            }
            let is_result = |to: &str| results.iter().any(|path| to.starts_with(path));
            if passages.iter().any(|passage| !is_result(&passage.to)) {
                used.insert(next);
            }
        }
        let used: Vec<NodeId> = used.into_iter().collect();
        (!used.is_empty()).then(|| {
            format!(
                "{node}.result is changed for the model alone: the agent's own code put the real one into {}",
                named(&used)
            )
        })
    }

    /// The plan in words, a line each: what is served, changed and sent.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let calls: BTreeSet<NodeId> = self.entries.iter().map(|entry| entry.node).collect();
        let sent = self.affected();
        let edited_answers: BTreeSet<NodeId> = self
            .changes
            .iter()
            .filter(|change| !matches!(change.target, Target::Input))
            .map(|change| change.wanted.node)
            .collect();
        let live: Vec<NodeId> =
            calls.iter().copied().filter(|node| sent.contains(node) && !edited_answers.contains(node)).collect();
        let served: Vec<NodeId> = calls.iter().copied().filter(|node| !live.contains(node)).collect();
        let mut lines = Vec::new();
        let nothing = live.is_empty() && self.options.live != Live::Always;
        // What an edit brings may be carried on by any call, whatever followed in the recording.
        let may = nothing && self.may_send() && self.options.live == Live::Auto && self.ceiling() > 0;
        if !served.is_empty() {
            let sent = if nothing && !may { ", nothing is sent" } else { "" };
            lines.push(format!("{} served from the recording{sent}", named(&served)));
        } else if nothing && !may {
            lines.push("nothing is sent".to_owned());
        }
        for change in &self.changes {
            let done = if change.old.is_some() { "changed" } else { "added, the recording has no such field" };
            lines.push(format!("{}.{} {done}", change.wanted.node, change.wanted.path));
        }
        lines.extend(self.changes.iter().filter_map(|change| self.used_elsewhere(change)));
        for tool in &self.options.run_tools {
            lines.push(format!("the model sees what `{tool}` returns now"));
        }
        if let (true, Some(model)) = (nothing, &self.options.model) {
            lines.push(format!("`--model {model}` changes nothing, as no call is sent; `--from NODE` sends some"));
        }
        if may {
            lines.push(format!(
                "a call is sent if it carries what was changed (at most {})",
                count(self.ceiling(), "call")
            ));
        }
        if self.options.live == Live::Never && !live.is_empty() {
            lines.push(format!("{} would have to be sent, which `--live never` forbids", named(&live)));
        } else if !live.is_empty() {
            let most = count(self.ceiling(), "call");
            lines.push(format!("{} sent, if the agent still makes them (at most {most})", named(&live)));
        }
        if self.options.live == Live::Always {
            lines.push("calls that the recording cannot answer are sent".into());
        }
        lines
    }
}

/// Whether a node's body runs inside the agent, where a replay cannot keep it from running again.
///
/// Hand-offs and output tools have none: the framework answers these calls itself.
pub(super) fn runs_in_agent(run: &Run, node: &Node) -> bool {
    match &node.detail {
        Detail::Tool(tool) => {
            node.source == Source::Conversation
                && tool.state == ToolState::ResultSeen
                && !record::is_steering(&run.graph, node)
        }
        _ => false,
    }
}

/// Numbers as a person writes them: `1 to 4, 6`.
#[must_use]
pub fn ranges(nodes: &[NodeId]) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < nodes.len() {
        let mut end = at;
        while end + 1 < nodes.len() && nodes[end + 1].0 == nodes[end].0 + 1 {
            end += 1;
        }
        match end - at {
            0 => out.push(nodes[at].to_string()),
            1 => out.extend([nodes[at].to_string(), nodes[end].to_string()]),
            _ => out.push(format!("{} to {}", nodes[at], nodes[end])),
        }
        at = end + 1;
    }
    if out.is_empty() { "nothing".into() } else { out.join(", ") }
}

/// Nodes in words: `node 2`, `nodes 1 to 4, 6`.
pub(super) fn named(nodes: &[NodeId]) -> String {
    format!("{} {}", plural(nodes.len(), "node"), ranges(nodes))
}

fn followers(run: &Run) -> BTreeMap<NodeId, Vec<NodeId>> {
    let mut followers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for node in run.graph.nodes().filter(|node| node.kind == Kind::Llm) {
        for (next, edge) in run.graph.out_of_node(node.id) {
            if matches!(edge, Edge::Then | Edge::Compacted | Edge::Handoff)
                && run.graph.node(next).is_some_and(|next| next.kind == Kind::Llm)
            {
                followers.entry(node.id).or_default().push(next);
            }
        }
    }
    followers
}

fn conversation(followers: &BTreeMap<NodeId, Vec<NodeId>>, node: NodeId) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if found.insert(node) {
            waiting.extend(followers.get(&node).into_iter().flatten());
        }
    }
    found
}

pub(super) fn entries(run: &Run, ignore: &[Path]) -> Vec<Entry> {
    let mut owners: HashMap<Seq, (NodeId, usize)> = HashMap::new();
    for node in run.graph.nodes() {
        if matches!(node.detail, Detail::Call { .. } | Detail::Http { .. }) {
            for (attempt, seq) in node.attempts.iter().chain(&node.seq).enumerate() {
                owners.insert(*seq, (node.id, attempt));
            }
        }
    }
    let mut named: HashMap<String, Key> = HashMap::new();
    let mut entries = Vec::with_capacity(run.calls.len());
    for (seq, call) in &run.calls {
        let Some((node, attempt)) = owners.get(seq).copied() else { continue };
        let parsed = wire::parse(&call.request, &|id| named.get(id).copied());
        let ignoring = (!ignore.is_empty())
            .then(|| wire::parse(&without(&call.request, ignore), &|id| named.get(id).copied()).canonical.key);
        let mut reply = Reply::default();
        if let (Some(dialect), Some(answer)) = (parsed.dialect, &call.answer) {
            let kind = answer.header("content-type").unwrap_or_default();
            reply = dialect.reply(answer.status, kind, &answer.body());
            for id in reply.id.iter().chain(&reply.conversation).chain(&reply.item_ids) {
                named.insert(id.clone(), parsed.canonical.key);
            }
        }
        let mut minted = identity::minted(&reply);
        if parsed.dialect.is_none()
            && let Some(id) = call.answer.as_ref().and_then(|answer| id_of(&answer.body()))
        {
            // A conversation, a file, a job.
            named.insert(id.clone(), parsed.canonical.key);
            minted.push((id, identity::Place::Answer));
        }
        let digest = match (&call.answer, parsed.dialect) {
            (Some(answer), Some(_)) => said(answer.status, &reply),
            (Some(answer), None) => *blake3::hash(&answer.body()).as_bytes(),
            (None, _) => [0; 32],
        };
        let mut causes: BTreeSet<NodeId> = run.graph.into_node(node).map(|(cause, _)| cause).collect();
        causes.remove(&node);
        entries.push(Entry {
            seq: *seq,
            node,
            attempt,
            began: call.request.at,
            ended: call.ended.filter(|_| !matches!(call.ending, Some(Ending::ClientLeft))),
            parsed,
            ignoring,
            digest,
            minted,
            provider: call.request.provider.clone(),
            causes,
            sketch: Sketch::default(),
        });
    }
    entries
}

/// The id of what an answer of no known dialect is about.
pub(super) fn id_of(body: &bytes::Bytes) -> Option<String> {
    Json::parse(body.clone()).ok()?.root().text("id").filter(|id| !id.is_empty())
}

/// A request without the fields that do not count for this user.
pub(super) fn without(request: &Request, ignore: &[Path]) -> Request {
    let mut request = request.clone();
    for path in ignore {
        let Ok(json) = Json::parse(request.body.clone()) else { break };
        if let Some(found) = json.root().find(path) {
            let edit = Edit { span: found.span(), with: b"null".to_vec() };
            request.body = json.splice(vec![edit]).into();
        } else if let Some((last, outer)) = path.0.split_last()
            && let crate::text::json::Step::Key(key) = last
            && let Some(object) = json.root().find(&Path(outer.to_vec()))
            && object.kind() == crate::text::json::Kind::Object
        {
            let comma = if object.is_empty() { "" } else { "," };
            let member = format!("{{{}:null{comma}", crate::text::json::quote(key));
            let start = object.span().start;
            request.body = json.splice(vec![Edit { span: start..start + 1, with: member.into_bytes() }]).into();
        }
    }
    request
}

/// Digest of what a model said: status, words, calls and reason to stop; no ids, counts or times.
fn said(status: u16, reply: &Reply) -> Key {
    use crate::model::Part;
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(&status.to_string());
    add(reply.error.as_deref().unwrap_or_default());
    add(reply.finish.as_deref().unwrap_or_default());
    for parts in std::iter::once(&reply.parts).chain(&reply.choices) {
        add("choice");
        for part in parts {
            match part {
                Part::Text(text) | Part::Media(text) | Part::Other(text) => add(&text.text),
                Part::ToolCall(call) => {
                    add("call");
                    add(&call.name);
                    add(&call.arguments);
                }
                Part::ToolResult(result) => add(&result.content),
                Part::Reasoning(reasoning) => add(&reasoning.text),
            }
        }
    }
    *hasher.finalize().as_bytes()
}

fn told(run: &Run) -> Vec<Told> {
    let mut owners: HashMap<Seq, NodeId> = HashMap::new();
    for node in run.graph.nodes().filter(|node| node.source == Source::Announced) {
        if let Some(seq) = node.seq {
            owners.entry(seq).or_insert(node.id);
        }
    }
    run.announced
        .iter()
        .filter(|(_, announced)| announced.finish.is_some())
        .filter_map(|(seq, announced)| {
            let begin = &announced.begin;
            let key = announced::key(&begin.kind, &begin.name, &begin.input);
            let canonical = announced::canonical(&begin.kind, &begin.name, &begin.input);
            Some(Told { seq: *seq, node: *owners.get(seq)?, key, canonical })
        })
        .collect()
}
