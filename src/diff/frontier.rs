//! What differs by itself, and what only because of something that it depends on.

use std::collections::HashMap;

use super::Status;
use super::compare::{Draft, lone_marks};
use super::side::Side;

/// Marks changes that come from earlier pairs, and the pairs that differ by themselves.
pub(super) fn mark(left: &Side<'_>, right: &Side<'_>, drafts: &mut [Draft]) {
    let place = |side: &Side<'_>, of: &dyn Fn(&Draft) -> Option<usize>, drafts: &[Draft]| {
        let mut places = vec![usize::MAX; side.nodes.len()];
        for (at, draft) in drafts.iter().enumerate() {
            if let Some(node) = of(draft) {
                places[node] = at;
            }
        }
        places
    };
    let lefts = place(left, &|draft| draft.left, drafts);
    let rights = place(right, &|draft| draft.right, drafts);
    let neighbours = |draft: &Draft| -> Vec<(usize, bool)> {
        let of = |side: &Side<'_>, node: Option<usize>, places: &[usize]| -> Vec<(usize, bool)> {
            let before = node.map(|node| side.nodes[node].before.clone()).unwrap_or_default();
            before.into_iter().map(|(node, contains)| (places[node], contains)).collect()
        };
        let mut all = of(left, draft.left, &lefts);
        all.extend(of(right, draft.right, &rights));
        all.sort_unstable();
        all.dedup();
        all
    };
    let before: Vec<Vec<(usize, bool)>> = drafts.iter().map(neighbours).collect();
    inherit(left, right, drafts, &before);
    let info = |draft: &Draft| (draft.left.map(|at| &left.nodes[at]), draft.right.map(|at| &right.nodes[at]));
    let is_same_input = |draft: &Draft| matches!(info(draft), (Some(a), Some(b)) if a.input == b.input);
    let mut holds_difference = vec![false; drafts.len()];
    for at in (0..drafts.len()).rev() {
        if drafts[at].pair.status != Status::Same || holds_difference[at] {
            for (outer, _) in before[at].iter().filter(|(_, contains)| *contains) {
                holds_difference[*outer] = true;
            }
        }
    }
    for at in 0..drafts.len() {
        let is_caused = before[at].iter().any(|(cause, contains)| {
            let cause = &drafts[*cause];
            // What contains a node gives it its input only.
            if *contains { !is_same_input(cause) } else { cause.pair.status != Status::Same }
        });
        let is_held = holds_difference[at] && is_same_input(&drafts[at]);
        drafts[at].pair.frontier = drafts[at].pair.status != Status::Same && !is_caused && !is_held;
    }
}

/// Marks the changes that a pair on which this one depends has too.
fn inherit(left: &Side<'_>, right: &Side<'_>, drafts: &mut [Draft], before: &[Vec<(usize, bool)>]) {
    let words = drafts.len().div_ceil(64);
    let mut ancestors: Vec<Vec<u64>> = Vec::with_capacity(drafts.len());
    let mut seen: HashMap<(bool, u64), Vec<usize>> = HashMap::new();
    for at in 0..drafts.len() {
        let mut all = vec![0_u64; words];
        // Pairs may cross, so that one may stand before what it depends on; such a one is left out.
        for (cause, _) in before[at].iter().filter(|(cause, _)| *cause < at) {
            all[cause / 64] |= 1 << (cause % 64);
            all.iter_mut().zip(&ancestors[*cause]).for_each(|(bits, more)| *bits |= more);
        }
        let is_known = |is_left: bool, hash: u64| {
            let is_ancestor = |other: &usize| all[other / 64] & (1 << (other % 64)) != 0;
            hash == 0 || seen.get(&(is_left, hash)).is_some_and(|pairs| pairs.iter().any(is_ancestor))
        };
        let draft = &mut drafts[at];
        for (change, (a, b)) in draft.pair.changes.iter_mut().zip(&draft.marks) {
            change.inherited = is_known(true, *a) && is_known(false, *b);
        }
        let (a, b) = (draft.left.map(|at| &left.nodes[at]), draft.right.map(|at| &right.nodes[at]));
        let mut marks = draft.marks.clone();
        match draft.pair.status {
            Status::OnlyLeft => marks.extend(a.into_iter().flat_map(|info| lone_marks(info, true))),
            Status::OnlyRight => marks.extend(b.into_iter().flat_map(|info| lone_marks(info, false))),
            _ => {}
        }
        for (is_left, hash) in marks.into_iter().flat_map(|(a, b)| [(true, a), (false, b)]) {
            let pairs = seen.entry((is_left, hash)).or_default();
            if pairs.last() != Some(&at) {
                pairs.push(at);
            }
        }
        ancestors.push(all);
    }
}
