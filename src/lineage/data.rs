//! Data edges of the first degree: passages of outputs that stand in later inputs.
//!
//! Nodes are taken in order of time. Of each input only what its lane did not carry before is searched
//! for passages of outputs that had ended by then. The longest passage wins; of equal ones that whose
//! node did not itself get it. Text that stood in an input before any output had it is no evidence.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::chains::{Chains, Ranges};
use super::fields::{Field, Voice, fields, fields_from};
use super::spans::Spans;
use crate::model::{Certainty, Detail, Edge, Kind, Micros, Node, NodeId, Passage, RunGraph};
use crate::text::shingle::{GRAM, Index, Match, PASSAGE, Positions, fingerprints, fold, positions};

/// Folded bytes below which nothing is evidence.
const LEAST: usize = 15;
/// Folded bytes of its own that make a whole output evidence: what stands there whole was not put together by chance.
const OWN: usize = 4;
/// Outputs that are weighed against each other where more hold the same text.
const RIVALS: usize = 64;
/// Finds which node's output stands in which node's input, and where: from, to, passages.
#[must_use]
pub fn data_edges(graph: &RunGraph) -> Vec<(NodeId, NodeId, Vec<Passage>)> {
    Tracer::new(graph).run()
}

/// A node and what is known of its surroundings.
struct Spot<'g> {
    node: &'g Node,
    /// The call that it carries on.
    before: Option<usize>,
    /// Whether a call carries it on.
    goes_on: bool,
    /// Tools whose results went into it.
    tools: Vec<usize>,
    /// The call that asked for it.
    caller: Option<usize>,
    /// Nodes that it contains.
    inside: BTreeSet<usize>,
    /// Answers that a container handed on as its own.
    relayed: Vec<Relay>,
}

/// An answer that stands in the output of the node that contains its call.
#[derive(Clone)]
struct Relay {
    output: usize,
    place: Place,
    to: Range<usize>,
    whole: u64,
}

struct Output<'g> {
    node: usize,
    field: Field<'g>,
    /// Whether it only passed through: texts that were embedded or ranked.
    is_weak: bool,
    positions: OnceCell<Positions>,
}

/// Where a passage stands in the indexed texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    text: usize,
    from: usize,
}

/// Ranges of a target that stand in indexed texts, and where.
type Options = BTreeMap<(usize, usize), Vec<Place>>;

/// The text that is searched.
struct Target<'a, 'g> {
    node: usize,
    field: &'a Field<'g>,
    folded: &'a [u8],
    positions: OnceCell<Positions>,
    /// The node that is known to have said it.
    speaker: Option<usize>,
    /// For the output of a node: the nodes that it contains.
    inside: Option<&'a BTreeSet<usize>>,
}

struct Tracer<'g> {
    spots: Vec<Spot<'g>>,
    /// Spots by the calls that they carry on.
    chains: Chains,
    /// Passages of outputs that inputs held: by spot, text and folded range.
    got: Ranges,
    /// Those that inputs held before any output had them, so that answers may quote them.
    held: Ranges,
    /// Tools by the calls that asked for them.
    asked: HashMap<usize, Vec<usize>>,
    /// Calls that no call carries on, in order of their starts.
    last_calls: Vec<usize>,
    outputs: Vec<Output<'g>>,
    /// Outputs that hold each indexed text, in order of their ends.
    holders: Vec<Vec<usize>>,
    wholes: HashMap<u64, Vec<usize>>,
    index: Index,
    given: HashSet<u64>,
    searched: HashMap<&'g str, Rc<Vec<Match>>>,
    used: HashSet<usize>,
    found: BTreeMap<(NodeId, NodeId), Vec<Passage>>,
}

impl<'g> Tracer<'g> {
    fn new(graph: &'g RunGraph) -> Self {
        let mut nodes: Vec<&Node> = graph.nodes().collect();
        nodes.sort_by_key(|node| (node.started, node.id));
        let places: HashMap<NodeId, usize> = nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
        let mut spots: Vec<Spot<'g>> = nodes
            .into_iter()
            .map(|node| Spot {
                node,
                before: None,
                goes_on: false,
                tools: Vec::new(),
                caller: None,
                inside: BTreeSet::new(),
                relayed: Vec::new(),
            })
            .collect();
        for (from, to, edge) in graph.edges() {
            let (from, to) = (places[&from], places[&to]);
            match edge {
                // Only calls carry calls on; other nodes have an order beside.
                Edge::Then | Edge::Handoff | Edge::Compacted
                    if spots[from].node.kind == Kind::Llm && spots[to].node.kind == Kind::Llm =>
                {
                    spots[to].before = spots[to].before.max(Some(from));
                    spots[from].goes_on = true;
                }
                Edge::ToolResult => spots[to].tools.push(from),
                Edge::ToolCall => spots[to].caller = Some(from),
                Edge::Calls => {
                    spots[from].inside.insert(to);
                }
                _ => {}
            }
        }
        let chains = Chains::new(spots.iter().map(|spot| spot.before));
        let mut asked: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, spot) in spots.iter().enumerate() {
            if let Some(caller) = spot.caller {
                asked.entry(caller).or_default().push(at);
            }
        }
        let is_last = |at: &usize| spots[*at].node.kind == Kind::Llm && !spots[*at].goes_on;
        let last_calls = (0..spots.len()).filter(is_last).collect();
        let mut tracer = Self {
            chains,
            got: Ranges::default(),
            held: Ranges::default(),
            asked,
            last_calls,
            spots,
            outputs: Vec::new(),
            holders: Vec::new(),
            wholes: HashMap::new(),
            index: Index::default(),
            given: HashSet::new(),
            searched: HashMap::new(),
            used: HashSet::new(),
            found: BTreeMap::new(),
        };
        tracer.index_outputs();
        tracer
    }

    fn index_outputs(&mut self) {
        let mut order: Vec<usize> = (0..self.spots.len()).collect();
        order.sort_by_key(|at| (self.spots[*at].ended(), *at));
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for at in order {
            let node = self.spots[at].node;
            let made = fields(node).outputs;
            let has_documents =
                made.iter().any(|field| is_document(field) && field.text.chars().count() >= super::PASSAGE);
            for field in made {
                let folded = fold(&field.text);
                // What a list of documents holds is better named by the document.
                if folded.len() < GRAM || has_documents && matches!(field.path.as_str(), "result" | "output") {
                    continue;
                }
                let hash = whole(&folded);
                let same = self.wholes.entry(hash).or_default();
                let text = same.iter().copied().find(|text| texts[*text] == folded).unwrap_or_else(|| {
                    same.push(texts.len());
                    texts.push(folded);
                    self.holders.push(Vec::new());
                    texts.len() - 1
                });
                let is_weak = field.path.starts_with("texts[");
                self.holders[text].push(self.outputs.len());
                self.outputs.push(Output { node: at, field, is_weak, positions: OnceCell::new() });
            }
        }
        self.index = Index::new(texts);
    }

    fn run(mut self) -> Vec<(NodeId, NodeId, Vec<Passage>)> {
        // At one time ends come before starts, but for nodes that take no time.
        let mut steps: Vec<(Micros, u8, usize)> = Vec::new();
        for (at, spot) in self.spots.iter().enumerate() {
            let takes_time = spot.ended().is_none_or(|ended| ended > spot.node.started);
            steps.push((spot.node.started, if takes_time { 2 } else { 0 }, at));
            if let Some(ended) = spot.ended() {
                steps.push((ended.max(spot.node.started), 1, at));
            }
        }
        steps.sort_unstable();
        for (_, phase, at) in steps {
            if phase == 1 {
                self.finish(at);
            } else {
                self.start(at);
            }
        }
        let mut found: Vec<(NodeId, NodeId, Vec<Passage>)> =
            self.found.into_iter().map(|((from, to), passages)| (from, to, passages)).collect();
        for (_, _, passages) in &mut found {
            passages.sort_by(|a, b| (&a.to, a.to_range.start).cmp(&(&b.to, b.to_range.start)));
        }
        found
    }

    /// Searches what is new in a node's inputs.
    fn start(&mut self, node: usize) {
        let (this, before) = (self.spots[node].node, self.spots[node].before.map(|before| self.spots[before].node));
        // Most of a conversation was sent before, and need not be looked at.
        let carried = before.map_or(0, |before| shared_messages(before, this));
        let inputs = fields_from(this, carried).inputs;
        let known = before.map(|before| fields_from(before, carried).inputs).unwrap_or_default();
        let same = inputs.iter().zip(&known).take_while(|(new, old)| new.text == old.text).count();
        let known: HashSet<&str> = known[same..].iter().map(|field| field.text.as_ref()).collect();
        for field in &inputs[same..] {
            if known.contains(field.text.as_ref()) {
                continue;
            }
            let folded = fold(&field.text);
            if folded.len() < GRAM {
                continue;
            }
            let speaker = self.speaker(node, field, &folded);
            self.search_input(&Target {
                node,
                field,
                folded: &folded,
                positions: OnceCell::new(),
                speaker,
                inside: None,
            });
        }
    }

    /// The node whose output an input is by the protocol: a tool's result, a call's arguments.
    fn speaker(&self, node: usize, field: &Field<'_>, folded: &[u8]) -> Option<usize> {
        let spot = &self.spots[node];
        match field.voice {
            Voice::Tool(id) => {
                let said = |tool: &&usize| match &self.spots[**tool].node.detail {
                    Detail::Tool(tool) if !id.is_empty() && !tool.call_id.is_empty() => tool.call_id == id,
                    Detail::Tool(tool) => tool.result.as_ref().is_some_and(|result| fold(result) == folded),
                    _ => false,
                };
                spot.tools.iter().find(said).copied()
            }
            Voice::Agent if field.path == "arguments" => spot.caller,
            _ => None,
        }
    }

    fn search_input(&mut self, target: &Target<'_, 'g>) {
        let node = target.node;
        let equal = self.equal_text(target.folded);
        if target.field.voice == Voice::Model
            && let Some(text) = equal
            && self.holders[text].iter().any(|output| self.is_lane(node, self.outputs[*output].node))
        {
            self.got.add(&self.chains, node, text, 0..target.folded.len());
            return;
        }
        let mut options = Options::new();
        for found in self.search(target).iter() {
            if self.is_made(target, found.text) {
                self.got.add(&self.chains, node, found.text, found.from..found.from + found.len);
                let place = Place { text: found.text, from: found.from };
                let (range, place) = self.trim(target, place, found.to..found.to + found.len);
                options.entry((range.start, range.end)).or_default().push(place);
            } else {
                self.held.add(&self.chains, node, found.text, found.from..found.from + found.len);
            }
        }
        if let (Some(text), Some(_)) = (equal, target.speaker) {
            options.entry((0, target.folded.len())).or_default().push(Place { text, from: 0 });
        }
        self.cover(target, options);
        self.relay(target);
    }

    /// Matches of a text, which are the same wherever it stands.
    fn search(&mut self, target: &Target<'_, 'g>) -> Rc<Vec<Match>> {
        let stored = match &target.field.text {
            Cow::Borrowed(text) => Some(*text),
            Cow::Owned(_) => None,
        };
        if let Some(matches) = stored.and_then(|text| self.searched.get(text)) {
            return Rc::clone(matches);
        }
        // For each shared fingerprint whether an output had it before.
        let mut shared: Vec<(u64, bool)> = Vec::new();
        let matches = self.index.find(target.folded, |hash, text| match shared.last_mut() {
            Some((last, is_made)) if *last == hash => *is_made = *is_made || self.is_made(target, text),
            _ => shared.push((hash, self.is_made(target, text))),
        });
        if !matches!(self.spots[target.node].node.kind, Kind::Embedding | Kind::Rerank) {
            self.given.extend(shared.iter().filter(|(_, is_made)| !is_made).map(|(hash, _)| hash));
        }
        let matches = Rc::new(matches);
        if let Some(text) = stored {
            self.searched.insert(text, Rc::clone(&matches));
        }
        matches
    }

    /// Whether an output with this text was there before.
    fn is_made(&self, target: &Target<'_, 'g>, text: usize) -> bool {
        let holders = &self.holders[text];
        // The first ended first; only what is known to have been said may end later.
        let few = if target.speaker.is_some() { holders.len() } else { holders.len().min(2) };
        holders[..few].iter().any(|output| self.may_be_from(target, *output))
    }

    /// Whether an output was there before the target's node began, or is its by structure.
    fn may_be_from(&self, target: &Target<'_, 'g>, output: usize) -> bool {
        let from = self.outputs[output].node;
        match target.inside {
            Some(inside) => self.is_within(target.node, from, inside),
            None => {
                from != target.node
                    && (target.speaker == Some(from)
                        || self.spots[from].ended().is_some_and(|ended| ended <= self.spots[target.node].node.started))
            }
        }
    }

    /// A match without the half words and marks at its ends, which may be the same by chance.
    fn trim(&self, target: &Target<'_, 'g>, place: Place, range: Range<usize>) -> (Range<usize>, Place) {
        let made = &self.outputs[self.holders[place.text][0]];
        let from_positions = made.positions.get_or_init(|| positions(&made.field.text));
        let to_positions = target.positions.get_or_init(|| positions(&target.field.text));
        let source = self.index.text(place.text);
        let shift = |at: usize| place.from + (at - range.start);
        let is_border =
            |at: usize| to_positions.is_border(target.folded, at) && from_positions.is_border(source, shift(at));
        let is_mark = |byte: &u8| byte.is_ascii_punctuation();
        let start = (range.start..range.end).find(|at| is_border(*at) && !is_mark(&target.folded[*at]));
        let Some(start) = start else { return (range, place) };
        let end = (start + 1..=range.end).rev().find(|at| is_border(*at) && !is_mark(&target.folded[*at - 1]));
        match end {
            Some(end) if end - start >= LEAST => (start..end, Place { from: shift(start), ..place }),
            _ => (range, place),
        }
    }

    /// A passage with the marks around it that both sides have.
    fn with_marks(&self, target: &Target<'_, 'g>, place: Place, piece: Range<usize>) -> (Range<usize>, Place) {
        let source = self.index.text(place.text);
        let (before, after) = (&target.folded[..piece.start], &target.folded[piece.end..]);
        let from_end = place.from + piece.len();
        let marks = |marks: &'static [u8]| move |(a, b): &(&u8, &u8)| a == b && marks.contains(*a);
        let opened = before.iter().rev().zip(source[..place.from].iter().rev()).take_while(marks(b"\"'([{<")).count();
        let closed = after.iter().zip(&source[from_end..]).take_while(marks(b".,;:!?\"')]}>")).count();
        (piece.start - opened..piece.end + closed, Place { from: place.from - opened, ..place })
    }

    /// Shares a target out among the passages that stand in it, the longest first.
    fn cover(&mut self, target: &Target<'_, 'g>, options: Options) {
        let mut order: Vec<((usize, usize), Vec<Place>)> = options.into_iter().collect();
        order.sort_by_key(|((start, end), _)| (std::cmp::Reverse(end - start), *start));
        let mut covered = Spans::default();
        let mut used_here: HashMap<usize, usize> = HashMap::new();
        for ((start, end), mut places) in order {
            places.sort_unstable();
            places.dedup();
            for piece in covered.free(start..end) {
                if piece.len() < GRAM {
                    continue;
                }
                let shift = piece.start - start;
                let here: Vec<Place> =
                    places.iter().map(|place| Place { from: place.from + shift, ..*place }).collect();
                if let Some((output, place)) = self.best(target, &here, piece.len(), &used_here) {
                    covered.add(piece.clone());
                    *used_here.entry(output).or_default() += 1;
                    self.settle(target, output, place, &here, piece);
                }
            }
        }
    }

    /// Which of several equal passages it is: an output and the place in its text.
    fn best(
        &self,
        target: &Target<'_, 'g>,
        places: &[Place],
        len: usize,
        used_here: &HashMap<usize, usize>,
    ) -> Option<(usize, Place)> {
        let here = |output: &usize| used_here.get(output).copied().unwrap_or_default();
        let mut rivals: Vec<(usize, Place)> = Vec::new();
        for place in places {
            let holders = self.holders[place.text].iter().copied();
            let may_be = |output: &usize| {
                let from = self.outputs[*output].node;
                self.may_be_from(target, *output)
                    && (target.speaker == Some(from)
                        || self.is_handed_on(target, *place)
                        || self.says_all(*place, len)
                        || !self.quotes(*output, *place, len))
            };
            rivals.extend(holders.filter(may_be).map(|output| (output, *place)));
        }
        let is_speaker = |output: usize| target.speaker == Some(self.outputs[output].node);
        rivals.sort_by_key(|(output, place)| {
            (!is_speaker(*output), here(output), self.used.contains(output), *output, place.from)
        });
        rivals.truncate(RIVALS);
        rivals.into_iter().min_by_key(|(output, place)| {
            let from = &self.outputs[*output];
            (
                !is_speaker(*output),
                from.is_weak,
                self.is_echo(from.node, places, len),
                self.is_delivered(target.node, *output, *place, len),
                here(output),
                self.used.contains(output),
                *output,
            )
        })
    }

    /// Whether the output of a node is, to the letter, an answer from within it: evidence however short.
    fn is_handed_on(&self, target: &Target<'_, 'g>, place: Place) -> bool {
        target.inside.is_some() && self.index.text(place.text) == target.folded
    }

    /// Whether a passage of a model's words stood in its own prompt: whoever has it may have it from where that has.
    fn quotes(&self, output: usize, place: Place, len: usize) -> bool {
        let Output { node, field, .. } = &self.outputs[output];
        if self.spots[*node].node.kind != Kind::Llm || field.path.ends_with(".arguments") {
            return false;
        }
        self.held.contain(&self.chains, (0, Some(*node)), place.text, &(place.from..place.from + len))
    }

    /// Whether a passage is a whole output, but for the marks around it.
    fn says_all(&self, place: Place, len: usize) -> bool {
        let text = self.index.text(place.text);
        let marks = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_punctuation);
        marks(&text[..place.from]) && marks(&text[place.from + len..])
    }

    /// Whether a node had got the passage itself.
    fn is_echo(&self, node: usize, places: &[Place], len: usize) -> bool {
        places.iter().any(|place| self.has_got((0, Some(node)), *place, len))
    }

    /// Whether an earlier call of the lane got the passage from the same output.
    fn is_delivered(&self, node: usize, output: usize, place: Place, len: usize) -> bool {
        let Some(ended) = self.spots[self.outputs[output].node].ended() else { return false };
        let first = self.spots.partition_point(|spot| spot.node.started < ended);
        self.has_got((first, self.spots[node].before), place, len)
    }

    /// Whether a call of the lane that ends with one node, none before another, got the passage.
    fn has_got(&self, between: (usize, Option<usize>), place: Place, len: usize) -> bool {
        self.got.contain(&self.chains, between, place.text, &(place.from..place.from + len))
    }

    fn is_lane(&self, node: usize, earlier: usize) -> bool {
        self.spots[node].before.is_some_and(|before| self.chains.carries_on(before, earlier))
    }

    /// Writes a passage down, if it is evidence and says something new.
    fn settle(&mut self, target: &Target<'_, 'g>, output: usize, place: Place, places: &[Place], piece: Range<usize>) {
        let from = self.outputs[output].node;
        let repeats = target.field.voice == Voice::Model && self.is_lane(target.node, from);
        if repeats || self.is_delivered(target.node, output, place, piece.len()) {
            return;
        }
        let is_whole = self.with_marks(target, place, piece.clone()).0 == (0..target.folded.len());
        let is_all = target.inside.is_some() && is_whole && self.index.text(place.text) == target.folded;
        let least = if self.says_all(place, piece.len()) { OWN } else { LEAST };
        let range = place.from..place.from + piece.len();
        if target.speaker == Some(from) || is_all || self.is_evidence(place.text, range, least) {
            self.write(target, output, place, piece, Certainty::Exact);
        } else if is_whole && let Some((output, place)) = self.task(target, places) {
            self.write(target, output, place, piece, Certainty::Guessed);
        }
    }

    /// Whether a passage has a part of this length that is rare: not given from outside and not in many outputs.
    fn is_evidence(&self, text: usize, range: Range<usize>, least: usize) -> bool {
        let passage = &self.index.text(text)[range];
        let (mut plain, mut longest) = (0, 0);
        fingerprints(passage, |hash, at| {
            if longest >= least {
                return;
            }
            if self.given.contains(&hash) || (passage.len() < PASSAGE && self.index.is_common(hash)) {
                longest = longest.max(at.saturating_sub(plain));
                plain = at + GRAM;
            } else {
                longest = longest.max((at + 1).saturating_sub(plain));
            }
        });
        longest.max(passage.len().saturating_sub(plain)) >= least
    }

    /// The arguments of a running tool that a lane begins with, as a sub-agent does with its task.
    fn task(&self, target: &Target<'_, 'g>, places: &[Place]) -> Option<(usize, Place)> {
        let spot = &self.spots[target.node];
        let began = spot.node.started;
        if spot.before.is_some() || spot.node.kind != Kind::Llm || target.inside.is_some() {
            return None;
        }
        let is_running = |call: usize| {
            self.asked
                .get(&call)
                .into_iter()
                .flatten()
                .map(|tool| &self.spots[*tool])
                .any(|tool| tool.node.started <= began && tool.ended().is_some_and(|ended| began <= ended))
        };
        places.iter().find_map(|place| {
            let holders = self.holders[place.text].iter().copied();
            let is_task = |output: &usize| {
                let from = &self.outputs[*output];
                self.may_be_from(target, *output) && from.field.path.ends_with(".arguments") && is_running(from.node)
            };
            Some((holders.into_iter().find(is_task)?, *place))
        })
    }

    fn write(
        &mut self,
        target: &Target<'_, 'g>,
        output: usize,
        place: Place,
        piece: Range<usize>,
        certainty: Certainty,
    ) {
        let made = &self.outputs[output];
        let from_positions = made.positions.get_or_init(|| positions(&made.field.text));
        let to_positions = target.positions.get_or_init(|| positions(&target.field.text));
        let source = self.index.text(place.text);
        let (piece, place) = self.with_marks(target, place, piece);
        let shift = |at: usize| place.from + (at - piece.start);
        let is_border =
            |at: &usize| to_positions.is_border(target.folded, *at) && from_positions.is_border(source, shift(*at));
        let ranges =
            |start: usize, end: usize| (from_positions.range(shift(start)..shift(end)), to_positions.range(start..end));
        let long = |ranges: &(Range<usize>, Range<usize>), least: usize| ranges.0.len().min(ranges.1.len()) >= least;
        let start = (piece.start..piece.end).find(is_border).unwrap_or(piece.start);
        let end = (start..=piece.end).rev().find(is_border).unwrap_or(piece.end);
        let mut found = ranges(start, end);
        // What the protocol hands over is connected by another edge already.
        let is_whole = target.speaker.is_none() && self.says_all(place, piece.len());
        if !long(&found, super::PASSAGE) && !is_whole {
            // Half a word is no evidence, but a piece of one very long word is.
            found = ranges(piece.start, piece.end);
            if !long(&found, 2 * super::PASSAGE) {
                return;
            }
        }
        let (from, to) = (self.spots[made.node].node.id, self.spots[target.node].node.id);
        self.found.entry((from, to)).or_default().push(Passage {
            from: made.field.path.clone(),
            from_range: found.0,
            to: target.field.path.clone(),
            to_range: found.1,
            certainty,
        });
        self.used.insert(output);
    }

    /// Finds the answers that a node which contained their calls, or ran meanwhile, hands on as its own.
    fn finish(&mut self, node: usize) {
        if !matches!(self.spots[node].node.detail, Detail::Tool(_) | Detail::Block(_)) {
            return;
        }
        self.find_embedded(node);
        let inside = self.contained(node);
        let spot = &self.spots[node];
        let meanwhile = self.last_calls.partition_point(|at| self.spots[*at].node.started < spot.node.started);
        let until = |at: &&usize| spot.ended().is_some_and(|ended| self.spots[**at].node.started <= ended);
        let mut candidates = self.last_calls[meanwhile..].iter().take_while(until).chain(&inside);
        if !candidates.any(|at| self.is_within(node, *at, &inside)) {
            return;
        }
        for field in fields(self.spots[node].node).outputs {
            let folded = fold(&field.text);
            if folded.len() >= GRAM {
                let positions = OnceCell::new();
                let inside = Some(&inside);
                self.search_output(&Target { node, field: &field, folded: &folded, positions, speaker: None, inside });
            }
        }
    }

    /// Finds the embeddings that documents of a retrieval were found by.
    fn find_embedded(&mut self, node: usize) {
        if self.spots[node].node.kind != Kind::Retrieval {
            return;
        }
        let began = self.spots[node].node.started;
        for field in fields(self.spots[node].node).outputs.iter().filter(|field| is_document(field)) {
            let folded = fold(&field.text);
            let Some(text) = self.equal_text(&folded) else { continue };
            let embedded = self.holders[text].iter().copied().find(|output| {
                let output = &self.outputs[*output];
                output.is_weak && self.spots[output.node].ended().is_some_and(|ended| ended <= began)
            });
            if let Some(output) = embedded {
                let (positions, piece) = (OnceCell::new(), 0..folded.len());
                let target = Target { node, field, folded: &folded, positions, speaker: None, inside: None };
                self.write(&target, output, Place { text, from: 0 }, piece, Certainty::Exact);
            }
        }
    }

    fn search_output(&mut self, target: &Target<'_, 'g>) {
        let node = target.node;
        let mut options = Options::new();
        for found in self.index.find(target.folded, |_, _| {}) {
            let shorter = target.folded.len().min(self.index.text(found.text).len());
            let mut holders = self.holders[found.text].iter().copied();
            // A sub-agent's answer is handed on whole, or nearly so.
            let is_most = found.len * 5 >= shorter * 4;
            let Some(output) = holders.find(|output| is_most && self.may_be_from(target, *output)) else { continue };
            self.got.add(&self.chains, node, found.text, found.from..found.from + found.len);
            let (place, to) = (Place { text: found.text, from: found.from }, found.to..found.to + found.len);
            if target.inside.is_some_and(|inside| inside.contains(&self.outputs[output].node)) {
                // An edge would lead back to the node that contains the call.
                self.spots[node].relayed.push(Relay { output, place, to, whole: whole(target.folded) });
            } else {
                options.entry((to.start, to.end)).or_default().push(place);
            }
        }
        self.cover(target, options);
    }

    /// Hands on what a tool's result had from calls inside the tool.
    fn relay(&mut self, target: &Target<'_, 'g>) {
        let Some(speaker) = target.speaker else { return };
        let hash = whole(target.folded);
        for relay in self.spots[speaker].relayed.clone() {
            if relay.whole == hash {
                self.write(target, relay.output, relay.place, relay.to, Certainty::Exact);
            }
        }
    }

    /// Whether a lane ended within a node: by structure, or by time, in its last answer.
    fn is_within(&self, node: usize, other: usize, inside: &BTreeSet<usize>) -> bool {
        let (outer, inner) = (&self.spots[node], &self.spots[other]);
        other != node
            && inner.node.kind == Kind::Llm
            && !inner.goes_on
            && (inside.contains(&other)
                || (matches!(outer.node.detail, Detail::Tool(_))
                    && inner.node.started >= outer.node.started
                    && inner.ended().is_some_and(|ended| outer.ended().is_some_and(|end| ended <= end))))
    }

    fn contained(&self, node: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![node];
        while let Some(at) = waiting.pop() {
            waiting.extend(self.spots[at].inside.iter().copied().filter(|inner| found.insert(*inner)));
        }
        found
    }

    fn equal_text(&self, folded: &[u8]) -> Option<usize> {
        self.wholes.get(&whole(folded))?.iter().copied().find(|text| self.index.text(*text) == folded)
    }
}

impl Spot<'_> {
    /// When its output was there; a tool whose end nobody saw ended when it began.
    fn ended(&self) -> Option<Micros> {
        match self.node.detail {
            Detail::Tool(_) => Some(self.node.ended.unwrap_or(self.node.started)),
            _ => self.node.ended,
        }
    }
}

/// How many messages two calls begin with that are one and the same.
fn shared_messages(left: &Node, right: &Node) -> usize {
    let (Detail::Call { prompt: left, .. }, Detail::Call { prompt: right, .. }) = (&left.detail, &right.detail) else {
        return 0;
    };
    left.messages.iter().zip(&right.messages).take_while(|(left, right)| Arc::ptr_eq(left, right)).count()
}

fn is_document(field: &Field<'_>) -> bool {
    field.path.starts_with("documents[")
}

fn whole(folded: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    folded.hash(&mut hasher);
    hasher.finish()
}
