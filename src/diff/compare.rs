//! Pairs compared: words in texts, paths in JSON, numbers beside them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use similar::{Algorithm, capture_diff_slices};

use super::align::{Alignment, align};
use super::assign::{Sketch, in_order};
use super::binding::{Binding, is_served};
use super::content::{Content, Unit, gaps, text_change};
use super::frontier::mark;
use super::side::{Info, Side};
use super::{Basis, Change, ChangeKind, Metric, Pair, Place, Report, Status, Summary, json};
use crate::model::event::Ending;
use crate::model::{Detail, Node, NodeId, Run};
use crate::text::json::quote;

/// A pair in the making.
pub(super) struct Draft {
    pub(super) left: Option<usize>,
    pub(super) right: Option<usize>,
    pub(super) pair: Pair,
    /// For each change the hashes of what changed.
    pub(super) marks: Vec<(u64, u64)>,
}

/// Compares two runs.
#[must_use]
pub fn compare(left_run: &Run, right_run: &Run) -> Report {
    let bindings = (Binding::of(left_run, right_run), Binding::of(right_run, left_run));
    let mut left = Side::new(&left_run.graph, bindings.0.as_ref());
    let mut right = Side::new(&right_run.graph, bindings.1.as_ref());
    let alignment = align(left_run, &left, right_run, &right);
    let held = take_for_equal(&mut left, &mut right, &alignment, (left_run, right_run), &bindings);
    let mut known = Known::new();
    let mut drafts: Vec<Draft> = order(&alignment)
        .into_iter()
        .map(|(a, b)| {
            let basis = a.and_then(|a| alignment.left[a]).map_or(Basis::None, |(_, basis)| basis);
            let (one, other) = (a.map(|at| &left.nodes[at]), b.map(|at| &right.nodes[at]));
            let both_left = one.is_some_and(|one| was_left(left_run, one.node))
                && other.is_some_and(|other| was_left(right_run, other.node));
            let mut draft = draft((a, one), (b, other), basis, both_left, &mut known);
            if let Some((a, b)) = one.zip(other).filter(|_| a.is_some_and(|a| held.contains(&a))) {
                draft.pair.held = contents(&a.content, &b.content, &mut known).0;
            }
            draft
        })
        .collect();
    mark(&left, &right, &mut drafts);
    for draft in &mut drafts {
        let is_edited = |binding: &Option<Binding>, id: Option<NodeId>| {
            binding.as_ref().zip(id).is_some_and(|(binding, id)| binding.edited.contains(&id))
        };
        let pair = &mut draft.pair;
        // A node that the user changed is a cause, whatever it depends on.
        if pair.status != Status::Same && (is_edited(&bindings.0, pair.right) || is_edited(&bindings.1, pair.left)) {
            pair.frontier = true;
        }
    }
    let pairs: Vec<Pair> = drafts.into_iter().map(|draft| draft.pair).collect();
    let count = |status: Status| pairs.iter().filter(|pair| pair.status == status).count();
    let summary = Summary {
        same: count(Status::Same),
        differ: count(Status::Differs),
        only_left: count(Status::OnlyLeft),
        only_right: count(Status::OnlyRight),
        frontier: pairs.iter().filter(|pair| pair.frontier).count(),
        first: pairs.iter().position(|pair| pair.status != Status::Same),
    };
    Report { left: left_run.id.clone(), right: right_run.id.clone(), pairs, summary }
}

/// Makes equal what a replay took for equal: calls that it served, and results of tools that it held. Returns the
/// nodes of the left run whose results were held and differ.
fn take_for_equal(
    left: &mut Side<'_>,
    right: &mut Side<'_>,
    alignment: &Alignment,
    (left_run, right_run): (&Run, &Run),
    bindings: &(Option<Binding>, Option<Binding>),
) -> BTreeSet<usize> {
    let is_child = |run: &Run, of: &Run| run.started.parent.as_ref().is_some_and(|parent| parent.run == of.id);
    let mut held = BTreeSet::new();
    for (a, pair) in alignment.left.iter().enumerate() {
        let Some((b, _)) = *pair else { continue };
        let (one, other) = (left.nodes[a].node, right.nodes[b].node);
        let served = is_child(right_run, left_run) && is_served(other.decided.as_ref(), one.id)
            || is_child(left_run, right_run) && is_served(one.decided.as_ref(), other.id);
        if served && matches!(one.detail, Detail::Call { .. } | Detail::Http { .. }) {
            right.nodes[b].input = left.nodes[a].input;
            right.nodes[b].output = left.nodes[a].output;
        }
        let tool = matches!(one.detail, Detail::Tool(_)) && left.nodes[a].input == right.nodes[b].input;
        let is_held = |binding: &Option<Binding>| binding.as_ref().is_some_and(|known| known.held.contains(&one.name));
        if tool && left.nodes[a].output != right.nodes[b].output && (is_held(&bindings.0) || is_held(&bindings.1)) {
            right.nodes[b].output = left.nodes[a].output;
            held.insert(a);
        }
    }
    held
}

/// All nodes in the order of the left run; what only the right has follows what it follows there.
fn order(alignment: &Alignment) -> Vec<(Option<usize>, Option<usize>)> {
    let mut after: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    let mut last = None;
    for (at, pair) in alignment.right.iter().enumerate() {
        match pair {
            Some((left, _)) => last = last.max(Some(*left)),
            None => after.entry(last).or_default().push(at),
        }
    }
    let mut out: Vec<(Option<usize>, Option<usize>)> = Vec::new();
    let mut add = |key: Option<usize>, out: &mut Vec<(Option<usize>, Option<usize>)>| {
        out.extend(after.remove(&key).unwrap_or_default().into_iter().map(|at| (None, Some(at))));
    };
    add(None, &mut out);
    for (at, pair) in alignment.left.iter().enumerate() {
        out.push((Some(at), pair.map(|(right, _)| right)));
        add(Some(at), &mut out);
    }
    out
}

/// Changes of units that were compared before, with what their paths have beyond the unit's: every call of
/// a lane carries the changes of those before.
type Known = HashMap<(u64, u64), Vec<(String, ChangeKind)>>;

type Half<'a, 'b> = (Option<usize>, Option<&'b Info<'a>>);

fn draft(left: Half<'_, '_>, right: Half<'_, '_>, basis: Basis, both_left: bool, known: &mut Known) -> Draft {
    let (mut changes, mut marks) = Default::default();
    let status = match (left.1, right.1) {
        (Some(a), Some(b)) if a.input == b.input && a.output == b.output => Status::Same,
        (Some(a), Some(b)) if a.input == b.input && both_left && begin_alike(&a.content, &b.content) => Status::Same,
        (Some(a), Some(b)) => {
            (changes, marks) = contents(&a.content, &b.content, known);
            Status::Differs
        }
        (Some(_), None) => Status::OnlyLeft,
        _ => Status::OnlyRight,
    };
    let pair = Pair {
        left: left.1.map(|info| info.node.id),
        right: right.1.map(|info| info.node.id),
        status,
        basis,
        changes,
        metrics: metrics(left.1, right.1),
        frontier: false,
        held: Vec::new(),
    };
    Draft { left: left.0, right: right.0, pair, marks }
}

/// Whether the agent stopped reading this answer. How much more had come by then is chance.
fn was_left(run: &Run, node: &Node) -> bool {
    let call = node.seq.and_then(|seq| run.calls.get(&seq));
    node.error.is_none() && call.is_some_and(|call| call.ending == Some(Ending::ClientLeft))
}

/// Whether one of two outputs goes on where the other ends.
fn begin_alike(left: &Content<'_>, right: &Content<'_>) -> bool {
    let alike = |(a, b): (&Unit<'_>, &Unit<'_>)| {
        a.label == b.label && (a.text.starts_with(b.text.as_ref()) || b.text.starts_with(a.text.as_ref()))
    };
    let (left, right) = (&left.outputs, &right.outputs);
    let mut calls = left.iter().filter(|unit| unit.is_sequence).zip(right.iter().filter(|unit| unit.is_sequence));
    let mut named = left.iter().filter(|unit| !unit.is_sequence);
    calls.all(alike)
        && named.all(|a| right.iter().filter(|b| !b.is_sequence && a.label == b.label).all(|b| alike((a, b))))
}

fn contents(left: &Content<'_>, right: &Content<'_>, known: &mut Known) -> (Vec<Change>, Vec<(u64, u64)>) {
    let (mut changes, mut marks) = (Vec::new(), Vec::new());
    for (place, lefts, rights) in
        [(Place::Input, &left.inputs, &right.inputs), (Place::Output, &left.outputs, &right.outputs)]
    {
        for (a, b) in pair_units(lefts, rights) {
            let found = match (a, b) {
                (Some(a), Some(b)) if a.hash == b.hash => continue,
                (Some(a), Some(b)) => known_changes(a, b, known),
                (Some(a), None) => vec![(a.path.clone(), ChangeKind::Removed(shown(a)))],
                (None, Some(b)) => vec![(b.path.clone(), ChangeKind::Added(shown(b)))],
                (None, None) => continue,
            };
            let mark = (a.map_or(0, |unit| unit.hash), b.map_or(0, |unit| unit.hash));
            for (path, kind) in found {
                changes.push(Change { path, place, kind, inherited: false });
                marks.push(mark);
            }
        }
    }
    (changes, marks)
}

fn known_changes(left: &Unit<'_>, right: &Unit<'_>, known: &mut Known) -> Vec<(String, ChangeKind)> {
    let base = left.path.len();
    let found = known.entry((left.hash, right.hash)).or_insert_with(|| {
        let found = unit_changes(left, right).into_iter();
        found.map(|(path, kind)| (path.get(base..).unwrap_or_default().to_owned(), kind)).collect()
    });
    found.iter().map(|(rest, kind)| (format!("{}{rest}", left.path), kind.clone())).collect()
}

/// The text of a unit that stands alone; a tool call with its name.
fn shown(unit: &Unit<'_>) -> String {
    match unit.label.strip_prefix("call ") {
        Some(name) => format!("{name}({})", unit.text),
        None => unit.text.to_string(),
    }
}

fn unit_changes(left: &Unit<'_>, right: &Unit<'_>) -> Vec<(String, ChangeKind)> {
    if let (Some(a), Some(b)) = (json::read(&left.text), json::read(&right.text)) {
        return json::diff(&left.path, &a, &b);
    }
    let raw = || {
        // Parameters are JSON already.
        let is_json = left.label.starts_with("parameter ");
        let raw = |unit: &Unit<'_>| if is_json { unit.text.to_string() } else { quote(&unit.text) };
        (raw(left), raw(right))
    };
    vec![(left.path.clone(), text_change(&left.text, &right.text, raw))]
}

type UnitPair<'a, 'b> = (Option<&'b Unit<'a>>, Option<&'b Unit<'a>>);

/// Units that stand for one another: by label, those of a sequence by content and order.
fn pair_units<'a, 'b>(left: &'b [Unit<'a>], right: &'b [Unit<'a>]) -> Vec<UnitPair<'a, 'b>> {
    let mut pairs = Vec::new();
    let mut named: BTreeMap<&str, VecDeque<&Unit<'a>>> = BTreeMap::new();
    for unit in right.iter().filter(|unit| !unit.is_sequence) {
        named.entry(&unit.label).or_default().push_back(unit);
    }
    for unit in left.iter().filter(|unit| !unit.is_sequence) {
        pairs.push((Some(unit), named.get_mut(unit.label.as_str()).and_then(VecDeque::pop_front)));
    }
    pairs.extend(named.into_values().flatten().map(|unit| (None, Some(unit))));
    let lefts: Vec<&Unit<'a>> = left.iter().filter(|unit| unit.is_sequence).collect();
    let rights: Vec<&Unit<'a>> = right.iter().filter(|unit| unit.is_sequence).collect();
    let hashes = |units: &[&Unit<'_>]| units.iter().map(|unit| unit.hash).collect::<Vec<_>>();
    for (old, new) in gaps(&capture_diff_slices(Algorithm::Myers, &hashes(&lefts), &hashes(&rights))) {
        let sketches = |units: &[&Unit<'_>]| -> Vec<Sketch> {
            units.iter().map(|unit| Sketch::of([unit.text.as_ref()])).collect()
        };
        let (a, b) = (&lefts[old.clone()], &rights[new.clone()]);
        let (like_a, like_b) = (sketches(a), sketches(b));
        let found = in_order(a.len(), b.len(), |x, y| {
            if a[x].label == b[y].label { 0.1 + like_a[x].likeness(&like_b[y]) } else { 0.0 }
        });
        let (mut x, mut y) = (0, 0);
        for (to_x, to_y) in found.into_iter().chain([(a.len(), b.len())]) {
            pairs.extend(a[x..to_x].iter().map(|unit| (Some(*unit), None)));
            pairs.extend(b[y..to_y].iter().map(|unit| (None, Some(*unit))));
            pairs.extend(a.get(to_x).zip(b.get(to_y)).map(|(a, b)| (Some(*a), Some(*b))));
            (x, y) = (to_x + 1, to_y + 1);
        }
    }
    pairs
}

type Number<'a> = &'a dyn Fn(&Info<'_>) -> Option<u64>;

fn metrics(left: Option<&Info<'_>>, right: Option<&Info<'_>>) -> Vec<Metric> {
    let duration = |info: &Info<'_>| info.node.ended.map(|ended| ended.since(info.node.started));
    let usage = |info: &Info<'_>| match &info.node.detail {
        Detail::Call { reply, .. } => Some(reply.usage),
        _ => None,
    };
    let named: [(&'static str, Number<'_>); 5] = [
        ("duration", &duration),
        ("input_tokens", &|info| usage(info)?.input),
        ("output_tokens", &|info| usage(info)?.output),
        ("cached_tokens", &|info| usage(info)?.cached),
        ("reasoning_tokens", &|info| usage(info)?.reasoning),
    ];
    named
        .into_iter()
        .map(|(name, number)| Metric { name, left: left.and_then(number), right: right.and_then(number) })
        .filter(|metric| metric.left.is_some() || metric.right.is_some())
        .collect()
}

/// Hashes of what a node that stands alone held, as later prompts hold it too.
pub(super) fn lone_marks(info: &Info<'_>, is_left: bool) -> Vec<(u64, u64)> {
    let is_carried = |unit: &&Unit<'_>| {
        let label = unit.label.as_str();
        unit.is_sequence || label == "assistant" || label.starts_with("call ") || label.starts_with("result ")
    };
    let units = info.content.inputs.iter().chain(&info.content.outputs).filter(is_carried);
    units.map(|unit| if is_left { (unit.hash, 0) } else { (0, unit.hash) }).collect()
}
