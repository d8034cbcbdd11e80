//! Which node of one run stands for which of the other: never by position, never across kinds.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::Basis;
use super::assign::{freely, in_order};
use super::side::{Info, Lane, Side, name};
use crate::model::{Kind, NodeId, Run};

/// Likeness below which calls of one lane are not paired.
const LANE: f32 = 0.2;
/// Likeness below which lanes are not paired.
const LANES: f32 = 0.1;
/// Likeness below which other nodes are not paired.
const NODE: f32 = 0.5;

/// For each node of one side the node of the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Alignment {
    pub(super) left: Vec<Option<(usize, Basis)>>,
    pub(super) right: Vec<Option<(usize, Basis)>>,
}

impl Alignment {
    fn pair(&mut self, left: usize, right: usize, basis: Basis) {
        if self.left[left].is_none() && self.right[right].is_none() {
            self.left[left] = Some((right, basis));
            self.right[right] = Some((left, basis));
        }
    }

    fn are_paired(&self, left: usize, right: usize) -> bool {
        self.left[left].is_some_and(|(other, _)| other == right)
    }
}

/// Pairs the nodes of two runs.
pub(super) fn align(left_run: &Run, left: &Side<'_>, right_run: &Run, right: &Side<'_>) -> Alignment {
    let mut alignment = Alignment { left: vec![None; left.nodes.len()], right: vec![None; right.nodes.len()] };
    by_replay(left_run, left, right_run, right, &mut alignment);
    by_content(left, right, &mut alignment);
    by_lane(left, right, &mut alignment);
    by_caller(left, right, &mut alignment);
    by_likeness(left, right, &mut alignment);
    alignment
}

fn is_kin(left: &Info<'_>, right: &Info<'_>) -> bool {
    left.node.kind == right.node.kind && name(left.node) == name(right.node)
}

/// A replay says which nodes of its parent its nodes stand for.
fn by_replay(left_run: &Run, left: &Side<'_>, right_run: &Run, right: &Side<'_>, alignment: &mut Alignment) {
    let parent = |run: &Run| run.started.parent.as_ref().map(|parent| (parent.run.clone(), parent.highest));
    let highest = |run: &Run, of: &Run| parent(run).filter(|(id, _)| *id == of.id).map(|(_, highest)| highest);
    let limits = match (parent(left_run), parent(right_run)) {
        _ if highest(right_run, left_run).is_some() => (u32::MAX, highest(right_run, left_run).unwrap_or_default()),
        _ if highest(left_run, right_run).is_some() => (highest(left_run, right_run).unwrap_or_default(), u32::MAX),
        (Some((a, left)), Some((b, right))) if a == b => (left, right),
        _ => return,
    };
    let original = |info: &Info<'_>, limit: u32| {
        let said = info.node.decided.as_ref().and_then(|decided| decided.node);
        if limit == u32::MAX { Some(info.node.id) } else { said.or(Some(info.node.id).filter(|id| id.0 <= limit)) }
    };
    let known: HashMap<NodeId, usize> =
        left.nodes.iter().enumerate().filter_map(|(at, info)| Some((original(info, limits.0)?, at))).collect();
    for (at, info) in right.nodes.iter().enumerate() {
        let other = original(info, limits.1).and_then(|id| known.get(&id).copied());
        if let Some(other) = other.filter(|other| is_kin(&left.nodes[*other], info)) {
            alignment.pair(other, at, Basis::Replay);
        }
    }
}

/// Equal nodes with an equal past are the same, in whatever order they came.
fn by_content(left: &Side<'_>, right: &Side<'_>, alignment: &mut Alignment) {
    let mut known: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for (at, info) in left.nodes.iter().enumerate().filter(|(at, _)| alignment.left[*at].is_none()) {
        known.entry(info.whole).or_default().push_back(at);
    }
    for (at, info) in right.nodes.iter().enumerate() {
        if alignment.right[at].is_none()
            && let Some(other) = known.get_mut(&info.whole).and_then(VecDeque::pop_front)
        {
            alignment.pair(other, at, Basis::Equal);
        }
    }
}

/// Lanes are paired, parents before children, and then the calls along them.
fn by_lane(left: &Side<'_>, right: &Side<'_>, alignment: &mut Alignment) {
    let mut groups: BTreeMap<usize, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, lane) in left.lanes.iter().enumerate() {
        groups.entry(lane.depth).or_default().0.push(at);
    }
    for (at, lane) in right.lanes.iter().enumerate() {
        groups.entry(lane.depth).or_default().1.push(at);
    }
    for (lefts, rights) in groups.into_values() {
        for (a, b) in pair_lanes((left, &lefts), (right, &rights), alignment) {
            align_lane((left, &left.lanes[a]), (right, &right.lanes[b]), alignment);
        }
    }
}

fn pair_lanes(
    (left, lefts): (&Side<'_>, &[usize]),
    (right, rights): (&Side<'_>, &[usize]),
    alignment: &Alignment,
) -> Vec<(usize, usize)> {
    let likeness = |a: usize, b: usize| lanes_likeness(left, &left.lanes[a], right, &right.lanes[b], alignment);
    // Lanes with a pair already, and those with the same first request, are found without a table.
    let mut pairs: BTreeMap<usize, usize> = BTreeMap::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    for lane in lefts {
        let mut others = left.lanes[*lane].calls.iter().filter_map(|call| alignment.left[*call]);
        let known = others.find_map(|(other, _)| right.lane_of.get(&other).filter(|lane| !taken.contains(lane)));
        if let Some(known) = known {
            taken.insert(*known);
            pairs.insert(*lane, *known);
        }
    }
    let first = |side: &Side<'_>, lane: usize| side.nodes[side.lanes[lane].calls[0]].input;
    let mut waiting: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for lane in lefts.iter().filter(|lane| !pairs.contains_key(lane)).collect::<Vec<_>>() {
        waiting.entry(first(left, *lane)).or_default().push_back(*lane);
    }
    let mut open_right: Vec<usize> = rights.iter().copied().filter(|lane| !taken.contains(lane)).collect();
    open_right.retain(|lane| {
        let same = waiting.get_mut(&first(right, *lane)).and_then(VecDeque::pop_front);
        pairs.extend(same.map(|other| (other, *lane)));
        same.is_none()
    });
    let open_left: Vec<usize> = lefts.iter().copied().filter(|lane| !pairs.contains_key(lane)).collect();
    if let ([a], [b]) = (open_left.as_slice(), open_right.as_slice()) {
        pairs.insert(*a, *b);
    } else {
        let found = freely(open_left.len(), open_right.len(), |a, b| {
            let likeness = likeness(open_left[a], open_right[b]);
            if likeness < LANES { 0.0 } else { likeness }
        });
        pairs.extend(found.into_iter().map(|(a, b)| (open_left[a], open_right[b])));
    }
    pairs.into_iter().collect()
}

fn lanes_likeness(left: &Side<'_>, a: &Lane, right: &Side<'_>, b: &Lane, alignment: &Alignment) -> f32 {
    let parents = match (a.parent, b.parent) {
        (None, None) => 0.1,
        (Some(a), Some(b)) if alignment.are_paired(a, b) => 0.4,
        _ => 0.0,
    };
    let (first, other) = (&left.nodes[a.calls[0]], &right.nodes[b.calls[0]]);
    parents + 0.6 * first.asked.likeness(&other.asked) + 0.3 * first.said.likeness(&other.said) - 0.1
}

/// Pairs the calls of two lanes in order, between those that are paired already.
fn align_lane((left, a): (&Side<'_>, &Lane), (right, b): (&Side<'_>, &Lane), alignment: &mut Alignment) {
    let mut start = (0, 0);
    let mut stops: Vec<(usize, usize)> = Vec::new();
    for (place, call) in a.calls.iter().enumerate() {
        let other = alignment.left[*call].and_then(|(other, _)| b.calls.iter().position(|call| *call == other));
        if let Some(other) = other.filter(|other| stops.last().is_none_or(|(_, last)| last < other)) {
            stops.push((place, other));
        }
    }
    stops.push((a.calls.len(), b.calls.len()));
    for stop in stops {
        let open = |calls: &[usize], done: &[Option<(usize, Basis)>]| -> Vec<usize> {
            calls.iter().copied().filter(|call| done[*call].is_none()).collect()
        };
        let lefts = open(&a.calls[start.0..stop.0], &alignment.left);
        let rights = open(&b.calls[start.1..stop.1], &alignment.right);
        let is_first = |x: usize, y: usize| lefts[x] == a.calls[0] && rights[y] == b.calls[0];
        let found = in_order(lefts.len(), rights.len(), |x, y| {
            let likeness = calls_likeness(&left.nodes[lefts[x]], &right.nodes[rights[y]]);
            let likeness = if is_first(x, y) { likeness + 0.3 } else { likeness };
            if likeness < LANE { 0.0 } else { likeness }
        });
        for (x, y) in found {
            alignment.pair(lefts[x], rights[y], Basis::Lane);
        }
        start = (stop.0 + 1, stop.1 + 1);
    }
}

/// How alike two calls of a lane are: by what was new to them and what they answered.
fn calls_likeness(left: &Info<'_>, right: &Info<'_>) -> f32 {
    if left.input == right.input {
        return if left.output == right.output { 2.0 } else { 1.5 };
    }
    let names = |info: &Info<'_>| -> Vec<String> {
        let calls = info.content.outputs.iter().filter(|unit| unit.label.starts_with("call "));
        calls.map(|unit| unit.label.clone()).collect()
    };
    let said = left.said.likeness(&right.said);
    let said = match (names(left), names(right)) {
        (a, b) if a.is_empty() && b.is_empty() => said,
        (a, b) if a == b => 0.5 + 0.5 * said,
        (a, b) if a.iter().any(|name| b.contains(name)) => 0.3 + 0.5 * said,
        _ => 0.0,
    };
    0.45 * left.asked.likeness(&right.asked) + 0.55 * said
}

/// Tools that paired calls asked for: by name and arguments, in any order.
fn by_caller(left: &Side<'_>, right: &Side<'_>, alignment: &mut Alignment) {
    type Group = (Vec<usize>, Vec<usize>);
    let mut groups: BTreeMap<(usize, String), Group> = BTreeMap::new();
    for (at, info) in left.nodes.iter().enumerate().filter(|(at, _)| alignment.left[*at].is_none()) {
        if let Some(caller) = info.caller.filter(|caller| alignment.left[*caller].is_some()) {
            groups.entry((caller, info.node.name.clone())).or_default().0.push(at);
        }
    }
    for (at, info) in right.nodes.iter().enumerate().filter(|(at, _)| alignment.right[*at].is_none()) {
        if let Some((caller, _)) = info.caller.and_then(|caller| alignment.right[caller]) {
            groups.entry((caller, info.node.name.clone())).or_default().1.push(at);
        }
    }
    for (lefts, rights) in groups.into_values() {
        let found = freely(lefts.len(), rights.len(), |x, y| {
            let (a, b) = (&left.nodes[lefts[x]], &right.nodes[rights[y]]);
            if is_kin(a, b) { 0.01 + node_likeness(a, b) } else { 0.0 }
        });
        for (x, y) in found {
            alignment.pair(lefts[x], rights[y], Basis::Caller);
        }
    }
}

fn node_likeness(left: &Info<'_>, right: &Info<'_>) -> f32 {
    let input = if left.input == right.input { 1.0 } else { 0.9 * left.asked.likeness(&right.asked) };
    let output = if left.output == right.output { 1.0 } else { 0.9 * left.said.likeness(&right.said) };
    0.7 * input + 0.3 * output
}

/// What is left: nodes of one kind and name that are alike, more so with paired neighbours.
fn by_likeness(left: &Side<'_>, right: &Side<'_>, alignment: &mut Alignment) {
    let mut groups: BTreeMap<(Kind, String), (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    let key = |info: &Info<'_>| (info.node.kind.clone(), name(info.node).to_owned());
    for (at, info) in left.nodes.iter().enumerate().filter(|(at, _)| alignment.left[*at].is_none()) {
        groups.entry(key(info)).or_default().0.push(at);
    }
    for (at, info) in right.nodes.iter().enumerate().filter(|(at, _)| alignment.right[*at].is_none()) {
        groups.entry(key(info)).or_default().1.push(at);
    }
    for ((kind, _), (lefts, rights)) in groups {
        if kind == Kind::Llm {
            continue;
        }
        let is_only = lefts.len() == 1 && rights.len() == 1 && kind != Kind::Tool;
        let found = freely(lefts.len(), rights.len(), |x, y| {
            let (a, b) = (&left.nodes[lefts[x]], &right.nodes[rights[y]]);
            let near = a.before.iter().any(|(a, _)| b.before.iter().any(|(b, _)| alignment.are_paired(*a, *b)));
            let likeness = 0.8 * node_likeness(a, b) + if near { 0.2 } else { 0.0 };
            // A tool that other calls asked for is the same only if it was asked the same.
            let is_same = kind != Kind::Tool || a.input == b.input;
            if is_only || (likeness >= NODE && is_same) { likeness + 0.01 } else { 0.0 }
        });
        for (x, y) in found {
            alignment.pair(lefts[x], rights[y], Basis::Likeness);
        }
    }
}
