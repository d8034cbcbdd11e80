//! Events become a run: calls as they were, nodes as they are understood.

use std::collections::{BTreeMap, HashMap};

use super::announced::{self, Told};
use super::lanes::{self, Turn};
use super::steering::names_a_handoff;
use super::tools::{self, Seen};
use crate::lineage;
use crate::model::event::{Begin, Ended, Ending, Event, Finish, Note, Output, Seq, Started};
use crate::model::{
    Announced, Answer, Block, Call, Detail, Document, Edge, Kind, LaneId, Micros, Node, NodeId, Prompt, Reply, Run,
    RunGraph, RunId, Source, State, Summary, Tool, ToolState,
};
use crate::text::json::Json;
use crate::wire::{self, canonical::Key};

/// Makes a run of the events of a recording. Events that make no sense are passed over.
#[must_use]
pub fn assemble(run: &RunId, events: &[Event]) -> Run {
    let log = Log::read(events);
    let exchanges = exchanges(&log);
    let logical = attempts(&log, &exchanges);
    let graph = Builder { log: &log, exchanges: &exchanges, logical: &logical }.graph();
    Run {
        id: run.clone(),
        started: log.started,
        ended: log.ended,
        calls: log.calls.into_iter().map(|(seq, at)| (seq, at.call)).collect(),
        announced: log
            .told
            .into_iter()
            .map(|(seq, (_, begin, end))| (seq, Announced { begin, finish: end.map(|(_, finish)| finish) }))
            .collect(),
        graph,
        output: log.output,
        notes: log.notes,
    }
}

/// A run in a line.
#[must_use]
pub fn summarise(run: &Run, state: State) -> Summary {
    let mut tokens: Option<u64> = None;
    let mut model_calls = 0;
    let mut models = std::collections::BTreeSet::new();
    let mut tools = std::collections::BTreeSet::new();
    let mut last = run.started.at;
    for node in run.graph.nodes() {
        last = last.max(node.ended.unwrap_or(node.started));
        match &node.detail {
            Detail::Call { prompt, reply, .. } => {
                model_calls += usize::from(node.kind == Kind::Llm);
                for count in [reply.usage.input, reply.usage.output].into_iter().flatten() {
                    tokens = Some(tokens.unwrap_or_default() + count);
                }
                models.extend(reply.model.clone().or_else(|| prompt.model.clone()));
            }
            Detail::Tool(_) => {
                tools.insert(node.name.clone());
            }
            Detail::Block(_) | Detail::Http { .. } => {}
        }
    }
    let end = run.ended.as_ref().map_or(last, |ended| ended.at);
    Summary {
        id: run.id.clone(),
        state,
        started: run.started.clone(),
        ended: run.ended.clone(),
        nodes: run.graph.len(),
        model_calls,
        tokens,
        duration: (state != State::Running).then(|| end.since(run.started.at)),
        grade: run.notes.iter().rev().find(|note| note.topic == "grade").map(|note| note.text.clone()),
        tags: Vec::new(),
        models: models.into_iter().collect(),
        tools: tools.into_iter().collect(),
    }
}

/// A call and the places of its first and last event.
struct At {
    call: Call,
    began: usize,
    /// Place of the last pieces of its answer.
    piece: usize,
    ended: usize,
}

/// The beginning and the end of an announced node, each with its place among the events.
type Pair = (usize, Begin, Option<(usize, Finish)>);

impl At {
    /// A stream whose end mark was delivered is whole, even where nobody was left to write its end down.
    fn close(&mut self) {
        let (request, None, Some(answer)) = (&self.call.request, &self.call.ending, &self.call.answer) else { return };
        let dialect = wire::recognise(&request.provider, &request.method, &request.path);
        if answer.is_stream() && dialect.is_some_and(|dialect| dialect.ends_stream(&answer.body())) {
            self.call.ended = answer.pieces.last().map(|(at, _)| *at);
            self.call.ending = Some(Ending::Complete);
            self.ended = self.piece;
        }
    }
}

/// Events sorted by what they belong to.
struct Log {
    started: Started,
    ended: Option<Ended>,
    calls: BTreeMap<Seq, At>,
    told: BTreeMap<Seq, Pair>,
    output: Vec<Output>,
    notes: Vec<Note>,
}

impl Log {
    fn read(events: &[Event]) -> Self {
        let mut log = Self {
            started: Started::default(),
            ended: None,
            calls: BTreeMap::new(),
            told: BTreeMap::new(),
            output: Vec::new(),
            notes: Vec::new(),
        };
        for (place, event) in events.iter().enumerate() {
            log.take(place, event);
        }
        log.calls.values_mut().for_each(At::close);
        log
    }

    fn take(&mut self, place: usize, event: &Event) {
        match event {
            Event::Started(started) => self.started = started.clone(),
            Event::Ended(ended) => self.ended = Some(ended.clone()),
            Event::Output(output) => self.output.push(output.clone()),
            Event::Note(note) => self.notes.push(note.clone()),
            Event::Request(request) => {
                let call = Call {
                    request: request.clone(),
                    decided: None,
                    answer: None,
                    ending: None,
                    ended: None,
                    frames: Vec::new(),
                };
                self.calls.entry(request.seq).or_insert(At {
                    call,
                    began: place,
                    piece: usize::MAX,
                    ended: usize::MAX,
                });
            }
            Event::Decided(decided) => {
                if let Some(at) = self.calls.get_mut(&decided.seq) {
                    at.call.decided = Some(decided.clone());
                } else if let Some((_, begin, _)) = self.told.get_mut(&decided.seq) {
                    begin.decided = Some(decided.clone());
                }
            }
            Event::Answer(head) => {
                if let Some(at) = self.calls.get_mut(&head.seq) {
                    at.call.answer = Some(Answer {
                        at: head.at,
                        status: head.status,
                        headers: head.headers.clone(),
                        coding: head.coding.clone(),
                        pieces: Vec::new(),
                    });
                }
            }
            Event::Chunks(chunks) => {
                if let Some(at) = self.calls.get_mut(&chunks.seq)
                    && let Some(answer) = &mut at.call.answer
                {
                    answer.pieces.extend(chunks.pieces.iter().cloned());
                    at.piece = place;
                }
            }
            Event::End(end) => {
                if let Some(at) = self.calls.get_mut(&end.seq) {
                    at.call.ending = Some(end.how.clone());
                    at.call.ended = Some(end.at);
                    at.ended = place;
                }
            }
            Event::Frame(frame) => {
                if let Some(at) = self.calls.get_mut(&frame.seq) {
                    at.call.frames.push(frame.clone());
                }
            }
            Event::Begin(begin) => {
                self.told.entry(begin.seq).or_insert((place, begin.clone(), None));
            }
            Event::Finish(finish) => {
                if let Some((_, _, end)) = self.told.get_mut(&finish.seq) {
                    end.get_or_insert((place, finish.clone()));
                }
            }
        }
    }
}

/// A call that was taken apart.
struct Exchange {
    key: Key,
    dialect: Option<&'static wire::Dialect>,
    prompt: Prompt,
    reply: Reply,
    /// What is wrong with an answer that is not whole.
    flaw: Option<&'static str>,
}

fn exchanges(log: &Log) -> BTreeMap<Seq, Exchange> {
    let mut named: HashMap<String, Key> = HashMap::new();
    let mut known: HashMap<&str, wire::Known> = HashMap::new();
    let mut exchanges = BTreeMap::new();
    for (seq, at) in &log.calls {
        let parsed = wire::parse(&at.call.request, &|id| named.get(id).copied());
        let mut exchange = Exchange {
            key: parsed.canonical.key,
            dialect: parsed.dialect,
            prompt: Prompt::default(),
            reply: Reply::default(),
            flaw: None,
        };
        if let (Some(dialect), Some(json)) = (parsed.dialect, parsed.json()) {
            // What was asked is what was sent; what it is, is what the agent wanted to send.
            let sent = at.call.decided.as_ref().and_then(|decided| Json::parse(decided.sent.clone()?).ok());
            let known = known.entry(dialect.name()).or_default();
            exchange.prompt = dialect.asked_after(&at.call.request, sent.as_ref().unwrap_or(json), known);
            if let Some(answer) = &at.call.answer {
                let kind = answer.header("content-type").unwrap_or_default();
                (exchange.reply, exchange.flaw) = dialect.read_answer(answer.status, kind, &answer.body());
                for id in exchange.reply.id.iter().chain(&exchange.reply.item_ids) {
                    named.insert(id.clone(), exchange.key);
                }
            }
        }
        exchanges.insert(*seq, exchange);
    }
    exchanges
}

/// One call as the agent meant it: the last of its attempts, and those before.
struct Logical {
    seq: Seq,
    earlier: Vec<Seq>,
    /// Place of the first attempt's request.
    began: usize,
}

/// Puts attempts of one call together: same key, and the earlier one ended in an error that is tried again.
fn attempts(log: &Log, exchanges: &BTreeMap<Seq, Exchange>) -> Vec<Logical> {
    let mut logical: Vec<Logical> = Vec::new();
    let mut open: HashMap<Key, Vec<usize>> = HashMap::new();
    for (seq, at) in &log.calls {
        let Some(exchange) = exchanges.get(seq) else { continue };
        let waiting = open.entry(exchange.key).or_default();
        let again = waiting.iter().position(|place| log.calls[&logical[*place].seq].ended < at.began);
        let place = if let Some(found) = again {
            let place = waiting.remove(found);
            let call = &mut logical[place];
            call.earlier.push(std::mem::replace(&mut call.seq, *seq));
            place
        } else {
            logical.push(Logical { seq: *seq, earlier: Vec::new(), began: at.began });
            logical.len() - 1
        };
        if failed(&at.call) {
            waiting.push(place);
        }
    }
    logical
}

/// Whether an answer is a stream that goes well and of which something has come.
fn is_going(answer: &Answer) -> bool {
    answer.is_stream() && answer.status < 400 && !answer.pieces.is_empty()
}

/// Whether a client tries this call again.
fn failed(call: &Call) -> bool {
    let status = call.answer.as_ref().map(|answer| answer.status);
    match (&call.ending, status) {
        (Some(Ending::ClientLeft), _) if call.answer.as_ref().is_some_and(is_going) => false,
        (_, Some(408 | 409 | 429 | 500..=599) | None)
        | (Some(Ending::Broken(_) | Ending::Unreachable(_) | Ending::ClientLeft), _) => true,
        (Some(Ending::Complete) | None, Some(_)) => false,
    }
}

/// A node without its number, and where it comes in the order of the run.
struct Draft {
    order: (usize, usize),
    node: Node,
    /// Number of the parent's node that it stands for.
    stands_for: Option<NodeId>,
}

struct Builder<'a> {
    log: &'a Log,
    exchanges: &'a BTreeMap<Seq, Exchange>,
    logical: &'a [Logical],
}

/// Edges between drafts.
type DraftEdges = Vec<(usize, usize, Edge)>;

impl Builder<'_> {
    fn graph(&self) -> RunGraph {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut edges: DraftEdges = Vec::new();
        // Calls, in the order of `logical`.
        let call_drafts: Vec<usize> = self
            .logical
            .iter()
            .map(|logical| {
                drafts.push(self.call(logical));
                drafts.len() - 1
            })
            .collect();
        let models: Vec<usize> =
            (0..self.logical.len()).filter(|place| drafts[call_drafts[*place]].node.kind == Kind::Llm).collect();
        let turns: Vec<Turn<'_>> = models
            .iter()
            .map(|place| {
                let logical = &self.logical[*place];
                let exchange = &self.exchanges[&logical.seq];
                let at = &self.log.calls[&logical.seq];
                Turn { began: logical.began, ended: at.ended, prompt: &exchange.prompt, reply: &exchange.reply }
            })
            .collect();
        let links = lanes::links(&turns);
        let lanes = lanes::lanes(&links);
        for (turn, place) in models.iter().enumerate() {
            drafts[call_drafts[*place]].node.lane = Some(LaneId(lanes[turn]));
        }
        let node_of = |turn: usize| call_drafts[models[turn]];
        let seqs: Vec<Seq> = models.iter().map(|place| self.logical[*place].seq).collect();
        for (turn, link) in links.iter().enumerate() {
            if let Some(link) = link {
                let edge = if link.compacted {
                    Edge::Compacted
                } else if handed_off(&turns[link.from], &turns[turn]) {
                    Edge::Handoff
                } else {
                    Edge::Then
                };
                edges.push((node_of(link.from), node_of(turn), edge));
            }
        }
        let seen = tools::tools(&turns, &links);
        let told = self.told();
        let same = announced::join(&seen, &turns, &told);
        let told_by: HashMap<Seq, &Told<'_>> = told.iter().map(|told| (told.begin.seq, told)).collect();
        let mut told_drafts: BTreeMap<Seq, usize> = BTreeMap::new();
        for (number, tool) in seen.iter().enumerate() {
            let announced = same.get(&number).and_then(|seq| told_by.get(seq).copied());
            let asked = &drafts[node_of(tool.turn)];
            drafts.push(self.tool(tool, number, (&turns, &seqs), asked, announced));
            let place = drafts.len() - 1;
            if let Some(told) = announced {
                told_drafts.insert(told.begin.seq, place);
            }
            if tool.state != ToolState::MadeByHarness {
                edges.push((node_of(tool.turn), place, Edge::ToolCall));
            }
            for reader in &tool.readers {
                edges.push((place, node_of(*reader), Edge::ToolResult));
            }
        }
        for told in &told {
            if let std::collections::btree_map::Entry::Vacant(entry) = told_drafts.entry(told.begin.seq) {
                drafts.push(block(told));
                entry.insert(drafts.len() - 1);
            }
        }
        for told in &told {
            if let Some(outer) = told.begin.parent.and_then(|outer| told_drafts.get(&outer)) {
                edges.push((*outer, told_drafts[&told.begin.seq], Edge::Calls));
            }
        }
        Self::infer_retrievals(&mut drafts, &mut edges);
        let numbers = self.numbers(&drafts);
        connect(drafts, &edges, &numbers)
    }

    fn told(&self) -> Vec<Told<'_>> {
        self.log
            .told
            .values()
            .map(|(began, begin, end)| Told { began: *began, begin, finish: end.as_ref().map(|(_, finish)| finish) })
            .collect()
    }

    fn call(&self, logical: &Logical) -> Draft {
        let at = &self.log.calls[&logical.seq];
        let first = logical.earlier.first().map_or(at, |seq| &self.log.calls[seq]);
        let exchange = &self.exchanges[&logical.seq];
        let call = &at.call;
        let (kind, name, detail) = if let Some(dialect) = exchange.dialect {
            let detail = Detail::Call {
                dialect: dialect.name().to_owned(),
                prompt: Box::new(exchange.prompt.clone()),
                reply: Box::new(exchange.reply.clone()),
            };
            (dialect.kind(), first_words(&exchange.prompt), detail)
        } else {
            let detail = Detail::Http {
                method: call.request.method.clone(),
                target: format!("{}{}", call.request.upstream, call.request.path),
                status: call.answer.as_ref().map(|answer| answer.status),
            };
            (wire::other_kind(&call.request.path), call.request.path.clone(), detail)
        };
        let error = call_error(call, exchange);
        Draft {
            order: (logical.began, 0),
            stands_for: call.decided.as_ref().and_then(|decided| decided.node),
            node: Node {
                id: NodeId(0),
                kind,
                name,
                source: Source::Wire,
                lane: None,
                started: first.call.request.at,
                ended: call.ended,
                error,
                seq: Some(logical.seq),
                attempts: logical.earlier.clone(),
                detail,
                decided: call.decided.clone(),
                key: Some(exchange.key),
                anchor: None,
            },
        }
    }

    fn tool(
        &self,
        tool: &Seen,
        number: usize,
        (turns, seqs): (&[Turn<'_>], &[Seq]),
        asked: &Draft,
        announced: Option<&Told<'_>>,
    ) -> Draft {
        let turn = &turns[tool.turn];
        let content = tool.result.as_ref().map(|(result, _)| result.content.clone());
        let mut documents = content.as_deref().and_then(wire::documents).unwrap_or_default();
        let told = announced.and_then(|told| told.finish).and_then(|finish| announced::documents(&finish.documents));
        if let Some(told) = told {
            documents = told;
        }
        let read_at = tool.readers.first().map(|reader| self.request_time(seqs[*reader]));
        let (began, started) = if tool.state == ToolState::MadeByHarness {
            (turn.began, asked.node.started)
        } else {
            (turn.ended, asked.node.ended.unwrap_or(asked.node.started))
        };
        let (order, started, ended) = match announced {
            Some(told) => ((told.began, 1), told.begin.at, told.finish.map(|finish| finish.at)),
            None => ((began, number + 1), started, read_at.filter(|_| tool.state == ToolState::ResultSeen)),
        };
        let is_error = tool.result.as_ref().is_some_and(|(result, _)| result.is_error);
        let announced_error = announced.and_then(|told| told.finish).and_then(|finish| finish.error.clone());
        let beside = asked.node.decided.as_ref().map(|decided| decided.beside.as_slice()).unwrap_or_default();
        let decided = announced.and_then(|told| told.begin.decided.clone());
        let stands_for = decided
            .as_ref()
            .and_then(|decided| decided.node)
            .or_else(|| beside.iter().find(|(place, _)| *place == tool.place).map(|(_, node)| *node));
        let seen_in = tool.result.as_ref().map(|(_, turn)| *turn);
        Draft {
            order,
            stands_for,
            node: Node {
                id: NodeId(0),
                kind: if documents.is_empty() { Kind::Tool } else { Kind::Retrieval },
                name: tool.call.name.clone(),
                source: if announced.is_some() { Source::Announced } else { Source::Conversation },
                lane: None,
                started,
                ended,
                error: announced_error.or_else(|| is_error.then(|| content.clone().unwrap_or_default())),
                seq: announced.map(|told| told.begin.seq),
                attempts: Vec::new(),
                detail: Detail::Tool(Tool {
                    call_id: tool.call.id.clone(),
                    arguments: tool.call.arguments.clone(),
                    result: content,
                    state: tool.state,
                    documents,
                    seen_in: seen_in.map(|turn| seqs[turn]),
                    is_error,
                }),
                decided,
                key: None,
                anchor: Some((asked.node.seq.unwrap_or_default(), tool.place.clone())),
            },
        }
    }

    fn request_time(&self, seq: Seq) -> Micros {
        self.log.calls.get(&seq).map_or(Micros(0), |at| at.call.request.at)
    }

    /// Adds the retrievals that the run shows by itself: a query embedded, then passages in a prompt.
    fn infer_retrievals(drafts: &mut Vec<Draft>, edges: &mut DraftEdges) {
        if !drafts.iter().any(|draft| draft.node.kind == Kind::Embedding) {
            return;
        }
        let numbers: Vec<NodeId> = (1..).take(drafts.len()).map(NodeId).collect();
        let mut graph = RunGraph::default();
        for (draft, number) in drafts.iter().zip(&numbers) {
            graph.add(Node { id: *number, ..draft.node.clone() });
        }
        let place = |id: NodeId| id.0 as usize - 1;
        for (count, found) in lineage::inferred_retrievals(&graph).into_iter().enumerate() {
            let (query, reader) = (place(found.query), place(found.call));
            let anchor = format!("retrieval:{count}");
            let asked = &drafts[query].node;
            let beside = drafts[reader].node.decided.as_ref().map(|decided| decided.beside.as_slice());
            let node = Node {
                id: NodeId(0),
                kind: Kind::Retrieval,
                name: String::new(),
                source: Source::Inferred,
                lane: None,
                started: asked.ended.unwrap_or(asked.started),
                ended: Some(drafts[reader].node.started),
                error: None,
                seq: None,
                attempts: Vec::new(),
                detail: Detail::Block(Block {
                    input: crate::text::json::quote(&query_text(asked)),
                    output: None,
                    documents: found.documents,
                }),
                decided: None,
                key: None,
                anchor: Some((drafts[reader].node.seq.unwrap_or_default(), anchor.clone())),
            };
            let stands_for =
                beside.unwrap_or_default().iter().find(|(place, _)| *place == anchor).map(|(_, node)| *node);
            // It comes right before the call that carries what it found.
            let order = drafts[reader].order;
            drafts.push(Draft { order: (order.0.saturating_sub(1), usize::MAX), node, stands_for });
            let made = drafts.len() - 1;
            edges.push((query, made, Edge::Then));
            edges.push((made, reader, Edge::Then));
        }
    }

    /// Numbers nodes in the order of their starts; what stands for a parent's node has its number.
    fn numbers(&self, drafts: &[Draft]) -> Vec<NodeId> {
        let mut order: Vec<usize> = (0..drafts.len()).collect();
        order.sort_by_key(|place| drafts[*place].order);
        let mut next = self.log.started.parent.as_ref().map_or(0, |parent| parent.highest) + 1;
        let mut taken = std::collections::BTreeSet::new();
        let mut numbers = vec![NodeId(0); drafts.len()];
        let mut late = Vec::new();
        for place in order {
            match drafts[place].stands_for {
                Some(node) if node.0 < next && taken.insert(node) => numbers[place] = node,
                _ => late.push(place),
            }
        }
        for place in late {
            numbers[place] = NodeId(next);
            next += 1;
        }
        numbers
    }
}

fn connect(drafts: Vec<Draft>, edges: &DraftEdges, numbers: &[NodeId]) -> RunGraph {
    let mut graph = RunGraph::default();
    for (draft, number) in drafts.into_iter().zip(numbers) {
        graph.add(Node { id: *number, ..draft.node });
    }
    for (from, to, edge) in edges {
        graph.connect(numbers[*from], numbers[*to], edge.clone());
    }
    for (from, to, passages) in lineage::data_edges(&graph) {
        graph.connect(from, to, Edge::Data(passages));
    }
    graph
}

/// The text that an embedding call was made for.
fn query_text(node: &Node) -> String {
    match &node.detail {
        Detail::Call { prompt, .. } => prompt.texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn block(told: &Told<'_>) -> Draft {
    let begin = told.begin;
    let text = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
    let documents: Vec<Document> =
        told.finish.and_then(|finish| announced::documents(&finish.documents)).unwrap_or_default();
    Draft {
        order: (told.began, 0),
        stands_for: begin.decided.as_ref().and_then(|decided| decided.node),
        node: Node {
            id: NodeId(0),
            kind: Kind::parse(&begin.kind),
            name: begin.name.clone(),
            source: Source::Announced,
            lane: None,
            started: begin.at,
            ended: told.finish.map(|finish| finish.at),
            error: told.finish.and_then(|finish| finish.error.clone()),
            seq: Some(begin.seq),
            attempts: Vec::new(),
            detail: Detail::Block(Block {
                input: text(&begin.input),
                output: told.finish.map(|finish| text(&finish.output)).filter(|output| output != "null"),
                documents,
            }),
            decided: begin.decided.clone(),
            key: Some(announced::key(&begin.kind, &begin.name, &begin.input)),
            anchor: None,
        },
    }
}

/// Whether the conversation went to another agent between two calls of a lane.
fn handed_off(before: &Turn<'_>, after: &Turn<'_>) -> bool {
    let system = |prompt: &Prompt| {
        prompt
            .messages
            .iter()
            .find(|message| matches!(message.role.as_str(), "system" | "developer"))
            .map(|message| message.text())
    };
    before.reply.tool_calls().any(|call| names_a_handoff(&call.name)) && system(before.prompt) != system(after.prompt)
}

/// The first words of the system prompt: what a call is called where nothing named it.
fn first_words(prompt: &Prompt) -> String {
    let system = prompt.messages.iter().find(|message| matches!(message.role.as_str(), "system" | "developer"));
    let text = system.map(|message| message.text()).unwrap_or_default();
    let mut name = String::new();
    for word in text.split_whitespace() {
        if !name.is_empty() && name.chars().count() + word.chars().count() > 32 {
            break;
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.extend(word.chars().take(32));
    }
    name
}

fn call_error(call: &Call, exchange: &Exchange) -> Option<String> {
    if let Some(error) = &exchange.reply.error {
        return Some(error.clone());
    }
    match (&call.ending, &call.answer) {
        (Some(Ending::Unreachable(reason) | Ending::Broken(reason)), _) => Some(reason.clone()),
        // An agent that stops reading a stream has what it wanted.
        (Some(Ending::ClientLeft), answer) if !answer.as_ref().is_some_and(is_going) => {
            Some("the agent went away".into())
        }
        (_, Some(answer)) if answer.status >= 400 => Some(
            wire::error_message(answer.status, &answer.body()).unwrap_or_else(|| format!("status {}", answer.status)),
        ),
        (None, _) => Some("the recording was cut off".into()),
        (Some(Ending::Complete), _) => exchange.flaw.map(str::to_owned),
        _ => None,
    }
}
