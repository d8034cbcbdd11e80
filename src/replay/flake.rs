//! What differs from run to run: replays of one recording with nothing changed, compared with it.

use std::collections::{BTreeMap, BTreeSet};

use super::assess::twins;
use super::matcher::nearly::splitter;
use super::miss::cut;
use super::miss::may_be_ignored;
use super::plan::{Entry, Plan, without};
use crate::model::event::{Action, Grade, Request, Seq};
use crate::model::{Call, Micros, NodeId, Run, RunId};
use crate::names::naming::epoch;
use crate::names::opaque::{Class, Splitter};
use crate::text::json::{Json, Kind, Path, Step};
use crate::wire;
use crate::wire::canonical::{Canonical, Pair, Pairs, TokenKind};

/// What a value that differs is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Something that no rule accepts: the call is refused.
    Miss,
    /// A result of this tool; what was recorded is held.
    Result(String),
    /// A reading of the clock; what was recorded is held.
    Reading,
    /// An opaque name; it is renamed.
    Name,
    /// A field that is not compared.
    Ignored,
    /// How the agent ended.
    ExitCode,
}

impl What {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Result(_) => "tool_result",
            Self::Reading => "reading",
            Self::Name => "name",
            Self::Ignored => "ignored",
            Self::ExitCode => "exit_code",
        }
    }
}

/// A value that came out differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volatile {
    /// What it is.
    pub what: What,
    /// Where it stands first: in a request, or in the JSON of a tool's result; empty for the whole.
    pub path: String,
    /// Nodes in whose requests it stands.
    pub nodes: Vec<NodeId>,
    /// The recorded value.
    pub recorded: Option<String>,
    /// The value of each run; `None` where it was as recorded or not there.
    pub seen: Vec<Option<String>>,
    /// The path to give to `--ignore`, where that would accept the difference.
    pub ignore: Option<String>,
}

/// Which order differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// In which requests come.
    Arrival,
    /// In which answers end.
    Completion,
    /// Equal requests in flight together: nothing tells which is which.
    Interchangeable,
}

impl Order {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Completion => "completion",
            Self::Interchangeable => "interchangeable",
        }
    }
}

/// Calls that race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Race {
    /// Which order differs.
    pub order: Order,
    /// The calls.
    pub nodes: Vec<NodeId>,
}

/// What differs between a recording and replays of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flakiness {
    /// The recording.
    pub recorded: RunId,
    /// The replays.
    pub runs: Vec<RunId>,
    /// Values that differ, misses first.
    pub volatile: Vec<Volatile>,
    /// Calls whose order differs.
    pub races: Vec<Race>,
    /// Recorded calls that runs did not make, by the run's place; not where a call was refused.
    pub absent: Vec<(usize, Vec<NodeId>)>,
    /// How many calls were refused, by the run's place.
    pub refused: Vec<usize>,
}

impl Flakiness {
    /// Whether anything differed.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.volatile.is_empty() || !self.races.is_empty() || !self.absent.is_empty() || self.refusals() > 0
    }

    /// How many calls were refused in all runs.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.refused.iter().sum()
    }
}

/// A replay to compare.
#[derive(Debug)]
pub struct Replayed {
    /// Its own run.
    pub run: Run,
    /// For each refused request the recorded call that is nearest to it.
    pub nearest: BTreeMap<Seq, NodeId>,
}

/// Compares replays with the recording that a plan lays out.
#[must_use]
pub fn flakiness(plan: &Plan, replays: &[Replayed]) -> Flakiness {
    let mut found = Found { plan, runs: replays.len(), values: BTreeMap::new() };
    let mut refused = vec![0; replays.len()];
    let mut absent = Vec::new();
    for (place, Replayed { run, nearest }) in replays.iter().enumerate() {
        let splitter = splitter(plan, &run.started);
        let mut times: BTreeMap<NodeId, usize> = BTreeMap::new();
        for call in run.calls.values() {
            let Some(decided) = &call.decided else { continue };
            if decided.action == Action::Refuse {
                refused[place] += 1;
                found.refused(place, call, nearest.get(&call.request.seq).copied(), &splitter);
            } else if let Some(node) = decided.node {
                let time = times.entry(node).or_default();
                let attempts = || plan.entries.iter().filter(|entry| entry.node == node);
                if let Some(entry) = attempts().find(|entry| entry.attempt == *time).or_else(|| attempts().next_back())
                {
                    found.compare(place, entry, &call.request, false, &splitter);
                }
                *time += 1;
            }
        }
        for told in run.announced.values() {
            let Some(decided) = told.begin.decided.as_ref().filter(|decided| decided.action == Action::Refuse) else {
                continue;
            };
            refused[place] += 1;
            let reason = decided.notes.first().cloned().unwrap_or_default();
            found.add(
                place,
                What::Miss,
                Value { path: String::new(), recorded: None, new: Some(reason), ignore: None },
                None,
            );
        }
        let missing: BTreeSet<NodeId> =
            plan.entries.iter().map(|entry| entry.node).filter(|node| !times.contains_key(node)).collect();
        if refused[place] == 0 && !missing.is_empty() {
            absent.push((place, missing.into_iter().collect()));
        }
        let code = |run: &Run| run.ended.as_ref().map(|ended| ended.code.to_string());
        if code(plan.run()) != code(run) && refused[place] == 0 {
            let value = Value { path: String::new(), recorded: code(plan.run()), new: code(run), ignore: None };
            found.add(place, What::ExitCode, value, None);
        }
    }
    let volatile = found.values.into_values().collect();
    let runs = replays.iter().map(|replay| replay.run.id.clone()).collect();
    Flakiness { recorded: plan.run().id.clone(), runs, volatile, races: races(plan, replays), absent, refused }
}

/// A value that differs between two requests.
struct Value {
    path: String,
    recorded: Option<String>,
    new: Option<String>,
    ignore: Option<String>,
}

struct Found<'a> {
    plan: &'a Plan,
    runs: usize,
    /// By what it is and what tells it from others of its kind.
    values: BTreeMap<(What, String, String), Volatile>,
}

impl Found<'_> {
    fn add(&mut self, place: usize, what: What, value: Value, node: Option<NodeId>) {
        let recorded = value.recorded.clone().unwrap_or_default();
        let key = match &what {
            // A name is one thing wherever it stands.
            What::Name => (what.clone(), recorded, String::new()),
            What::Reading => (what.clone(), value.path.clone(), recorded),
            _ => (what.clone(), value.path.clone(), String::new()),
        };
        let runs = self.runs;
        let known = self.values.entry(key).or_insert_with(|| Volatile {
            what,
            path: value.path,
            nodes: Vec::new(),
            recorded: value.recorded,
            seen: vec![None; runs],
            ignore: value.ignore,
        });
        if let Some(node) = node
            && let Err(at) = known.nodes.binary_search(&node)
        {
            known.nodes.insert(at, node);
        }
        if known.seen[place].is_none() {
            known.seen[place] = value.new;
        }
    }

    /// A call that was refused, compared with the recorded one that is nearest to it.
    fn refused(&mut self, place: usize, call: &Call, nearest: Option<NodeId>, splitter: &Splitter) {
        let notes = call.decided.as_ref().map(|decided| decided.notes.as_slice()).unwrap_or_default();
        let entry = self.plan.entries.iter().rfind(|entry| Some(entry.node) == nearest);
        let explained = entry.is_some_and(|entry| self.compare(place, entry, &call.request, true, splitter));
        if !explained {
            let value = Value { path: String::new(), recorded: None, new: notes.first().cloned(), ignore: None };
            self.add(place, What::Miss, value, nearest);
        }
    }

    /// Adds what differs between a recorded request and one of a replay; returns whether a miss is explained.
    fn compare(&mut self, place: usize, entry: &Entry, request: &Request, missed: bool, splitter: &Splitter) -> bool {
        let whole_request = request;
        let request = without(request, &self.plan.options.ignore);
        let new = wire::parse(&request, &|_| None).canonical;
        let ignoring = self.plan.run.calls.get(&entry.seq).filter(|_| !self.plan.options.ignore.is_empty());
        let less =
            ignoring.map(|call| wire::parse(&without(&call.request, &self.plan.options.ignore), &|_| None).canonical);
        let old = less.as_ref().unwrap_or(&entry.parsed.canonical);
        let mut found = Vec::new();
        let mut pairs = Pairs::new(old, &new);
        while let Some(pair) = pairs.next() {
            let at = pairs.at().saturating_sub(1);
            match pair {
                Pair::Values(left, right) => {
                    let result = old.results.iter().find(|result| result.tokens.contains(&at));
                    let (a, b) = (old.bytes(left), new.bytes(right));
                    let path = old.path(left);
                    if left.kind == TokenKind::Reference || right.kind == TokenKind::Reference {
                        continue;
                    }
                    if let Some(result) = result {
                        let tool = self.tool(&result.call_id);
                        let values = within(&String::from_utf8_lossy(a), &String::from_utf8_lossy(b));
                        found.extend(values.into_iter().map(|value| (What::Result(tool.clone()), value)));
                    } else if let Some(pieces) = pieces(splitter, (left.kind, a), (right.kind, b)) {
                        found.extend(pieces.into_iter().map(|(what, recorded, new)| {
                            let ignore = whole(old, &path);
                            (what, Value { path: path.clone(), recorded: Some(recorded), new: Some(new), ignore })
                        }));
                    } else {
                        let (recorded, now) = apart(&old.written(left), &new.written(right));
                        let ignore = whole(old, &path);
                        found.push((What::Miss, Value { path, recorded: Some(recorded), new: Some(now), ignore }));
                    }
                }
                Pair::Structure(..) => {
                    let Some(last) = old.differences(&new, usize::MAX).pop() else { continue };
                    let key =
                        Path::parse(&last.path).ok().is_some_and(|path| matches!(path.0.last(), Some(Step::Key(_))));
                    let one_sided = last.left.is_none() != last.right.is_none();
                    let ignore = (key && one_sided).then(|| last.path.clone());
                    let (recorded, now) =
                        (last.left.map(|text| cut(&text, WIDE)), last.right.map(|text| cut(&text, WIDE)));
                    found.push((What::Miss, Value { path: last.path, recorded, new: now, ignore }));
                }
            }
        }
        found.extend(self.ignored(entry, whole_request));
        // Where nothing else differs, a name or reading is what was not accepted.
        let only_accepted = !found.iter().any(|(what, _)| *what == What::Miss);
        let explained = found.iter().any(|(what, _)| *what != What::Ignored);
        for (mut what, value) in found {
            if missed && only_accepted && matches!(what, What::Name | What::Reading) {
                what = What::Miss;
            }
            // A call that was answered has no misses: a result of another shape is held as a whole.
            if !missed && what == What::Miss {
                what = What::Result(String::new());
            }
            let ignore = value.ignore.clone().filter(|path| what == What::Miss && may_be_ignored(path));
            self.add(place, what, Value { ignore, ..value }, Some(entry.node));
        }
        explained
    }

    /// Fields that are not compared and differ.
    fn ignored(&self, entry: &Entry, request: &Request) -> Vec<(What, Value)> {
        if self.plan.options.ignore.is_empty() {
            return Vec::new();
        }
        let new = wire::parse(request, &|_| None).canonical;
        let (old, new) = (entry.parsed.canonical.body(), new.body());
        let value = |body: &Json, path: &Path| {
            body.root().find(path).map(|found| cut(&found.raw_str(), WIDE)).filter(|text| text != "null")
        };
        let paths = self.plan.options.ignore.iter();
        paths
            .filter_map(|path| {
                let raw = |body: &Json| body.root().find(path).map(|found| found.raw().to_vec());
                (raw(old) != raw(new)).then(|| {
                    let (recorded, new) = (value(old, path), value(new, path).or(Some("nothing".to_owned())));
                    (What::Ignored, Value { path: path.to_string(), recorded, new, ignore: None })
                })
            })
            .collect()
    }

    /// Name of the tool that was called by this id.
    fn tool(&self, call_id: &str) -> String {
        let mut tools = self.plan.run().graph.nodes().filter_map(|node| match &node.detail {
            crate::model::Detail::Tool(tool) if tool.call_id == call_id => Some(node.name.clone()),
            _ => None,
        });
        tools.next().unwrap_or_default()
    }
}

/// Longest value that is kept.
const WIDE: usize = 120;

/// The path, where it stands in the body itself and not in JSON inside a string.
fn whole(canonical: &Canonical, path: &str) -> Option<String> {
    let parsed = Path::parse(path).ok()?;
    canonical.body().root().find(&parsed).map(|_| path.to_owned())
}

/// Names and readings that differ in two texts that are otherwise equal; `None` if more differs.
fn pieces(
    splitter: &Splitter,
    (left, a): (TokenKind, &[u8]),
    (right, b): (TokenKind, &[u8]),
) -> Option<Vec<(What, String, String)>> {
    let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    if left == TokenKind::Number && right == TokenKind::Number {
        return (epoch(a).is_some() && epoch(b).is_some()).then(|| vec![(What::Reading, shown(a), shown(b))]);
    }
    if left != right {
        return None;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    splitter.split(a, &mut ours);
    splitter.split(b, &mut theirs);
    if ours.is_empty() || ours.len() != theirs.len() {
        return None;
    }
    let (mut from, mut to) = (0, 0);
    let mut found = Vec::new();
    for (one, other) in ours.iter().zip(&theirs) {
        if a[from..one.start as usize] != b[to..other.start as usize] {
            return None;
        }
        (from, to) = (one.end as usize, other.end as usize);
        if one.of(a) != other.of(b) {
            let reading = one.reading && other.reading;
            if !reading && !one.sure && !other.sure {
                return None;
            }
            let is_name = !reading || (one.class != Class::Reading && one.sure);
            found.push((if is_name { What::Name } else { What::Reading }, shown(one.of(a)), shown(other.of(b))));
        }
    }
    (a[from..] == b[to..]).then_some(found)
}

/// Whether two texts differ in names and readings only.
pub(super) fn only_names(splitter: &Splitter, left: &[u8], right: &[u8]) -> bool {
    pieces(splitter, (TokenKind::Text, left), (TokenKind::Text, right)).is_some()
}

/// What differs in two results of a tool: by path where both are JSON objects or lists.
fn within(recorded: &str, new: &str) -> Vec<Value> {
    if let (Ok(left), Ok(right)) = (Json::parse_text(recorded), Json::parse_text(new))
        && left.root().kind() == right.root().kind()
        && matches!(left.root().kind(), Kind::Object | Kind::Array)
    {
        let none: wire::canonical::Resolve<'_> = &|_| None;
        let canonical = |json: Json| wire::canonical::json("result", &wire::keys::PLAIN, json, none);
        let differences = canonical(left).differences(&canonical(right), usize::MAX);
        if !differences.is_empty() {
            let value = |difference: wire::canonical::Difference| Value {
                path: format!("$.{}", difference.path),
                recorded: difference.left.map(|text| cut(&text, WIDE)),
                new: difference.right.map(|text| cut(&text, WIDE)),
                ignore: None,
            };
            return differences.into_iter().map(value).collect();
        }
    }
    let (recorded, new) = apart(recorded, new);
    vec![Value { path: "$".to_owned(), recorded: Some(recorded), new: Some(new), ignore: None }]
}

/// The parts of two texts around what differs, at the borders of words.
fn apart(left: &str, right: &str) -> (String, String) {
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if a.len().max(b.len()) <= WIDE / 2 {
        return (left.to_owned(), right.to_owned());
    }
    let mut start = a.iter().zip(&b).take_while(|(one, other)| one == other).count();
    let most = a.len().min(b.len()) - start;
    let mut end = a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(one, other)| one == other).count();
    while start > 0 && !a[start - 1].is_whitespace() {
        start -= 1;
    }
    while end > 0 && !a[a.len() - end].is_whitespace() {
        end -= 1;
    }
    let part = |text: &[char]| {
        let inner: String = text[start..text.len() - end].iter().collect();
        let (before, after) = (if start > 0 { "…" } else { "" }, if end > 0 { "…" } else { "" });
        format!("{before}{}{after}", cut(&inner, WIDE))
    };
    (part(&a), part(&b))
}

/// Calls that came or ended in another order in any run, and those that nothing tells apart.
fn races(plan: &Plan, replays: &[Replayed]) -> Vec<Race> {
    let node = |call: &Call| call.decided.as_ref().and_then(|decided| decided.node);
    let first = |mut all: Vec<(Micros, u64, NodeId)>| {
        all.sort_unstable();
        let mut known = BTreeSet::new();
        all.into_iter().map(|(_, _, node)| node).filter(|node| known.insert(*node)).collect::<Vec<_>>()
    };
    let mut arrivals = vec![first(plan.entries.iter().map(|entry| (entry.began, entry.seq, entry.node)).collect())];
    let mut ends =
        vec![first(plan.entries.iter().filter_map(|entry| Some((entry.ended?, entry.seq, entry.node))).collect())];
    for Replayed { run, .. } in replays {
        // Numbers are drawn in the order of arrival.
        arrivals.push(first(run.calls.iter().filter_map(|(seq, call)| Some((Micros(0), *seq, node(call)?))).collect()));
        ends.push(first(run.calls.iter().filter_map(|(seq, call)| Some((call.ended?, *seq, node(call)?))).collect()));
    }
    let mut races: Vec<Race> =
        inverted(&arrivals).into_iter().map(|nodes| Race { order: Order::Arrival, nodes }).collect();
    races.extend(inverted(&ends).into_iter().map(|nodes| Race { order: Order::Completion, nodes }));
    let met: BTreeSet<NodeId> = replays
        .iter()
        .flat_map(|replay| replay.run.calls.values())
        .filter_map(|call| call.decided.as_ref().filter(|decided| decided.grade == Grade::Interchangeable)?.node)
        .collect();
    let groups: BTreeSet<Vec<NodeId>> = twins(&plan.entries).into_values().collect();
    let groups: Vec<Vec<NodeId>> =
        groups.into_iter().filter(|group| group.iter().any(|node| met.contains(node))).collect();
    // Which of them came or ended first says nothing where nothing tells them apart.
    races.retain(|race| !groups.iter().any(|group| race.nodes.iter().all(|node| group.contains(node))));
    races.extend(groups.into_iter().map(|nodes| Race { order: Order::Interchangeable, nodes }));
    races
}

/// Groups of nodes that stand in another order in one of the lists than in the first.
fn inverted(orders: &[Vec<NodeId>]) -> Vec<Vec<NodeId>> {
    let Some((recorded, others)) = orders.split_first() else { return Vec::new() };
    let mut groups: Vec<BTreeSet<NodeId>> = Vec::new();
    for other in others {
        let places: BTreeMap<NodeId, usize> = other.iter().enumerate().map(|(place, node)| (*node, place)).collect();
        let known: Vec<(NodeId, usize)> =
            recorded.iter().filter_map(|node| Some((*node, *places.get(node)?))).collect();
        // A stretch of the recorded order that is a stretch of the other one too, and no shorter one is.
        let (mut from, mut highest) = (0, 0);
        let mut sorted: Vec<usize> = known.iter().map(|(_, place)| *place).collect();
        sorted.sort_unstable();
        for at in 0..known.len() {
            highest = highest.max(known[at].1);
            if highest == sorted[at] {
                if at > from {
                    groups.push(known[from..=at].iter().map(|(node, _)| *node).collect());
                }
                (from, highest) = (at + 1, 0);
            }
        }
    }
    merged(groups)
}

fn merged(groups: Vec<BTreeSet<NodeId>>) -> Vec<Vec<NodeId>> {
    let mut out: Vec<BTreeSet<NodeId>> = Vec::new();
    for mut group in groups {
        out.retain(|known| {
            let apart = known.is_disjoint(&group);
            if !apart {
                group.extend(known);
            }
            apart
        });
        out.push(group);
    }
    let mut out: Vec<Vec<NodeId>> = out.into_iter().map(|group| group.into_iter().collect()).collect();
    out.sort();
    out
}
