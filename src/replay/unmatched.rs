//! Calls of a replay that were refused: the nearest recorded node, and what differs.

use super::matcher::nearly::splitter;
use super::miss;
use super::plan::Plan;
use crate::model::event::{Action, Seq};
use crate::model::{NodeId, Run};
use crate::wire;

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// Its number in the replay.
    pub seq: Seq,
    /// The recorded node nearest to it.
    pub nearest: Option<NodeId>,
    /// Path of the first difference from that node; empty where the bodies are no JSON, or where nothing differs.
    pub path: String,
    /// What the recording has there.
    pub recorded: Option<String>,
    /// What the call has there.
    pub now: Option<String>,
    /// Whether that node was answered already: the call comes on top of the recorded ones.
    pub extra: bool,
    /// Why, a line each.
    pub why: Vec<String>,
}

/// The calls of a replay that were refused, in the order in which they came.
#[must_use]
pub fn unmatched(plan: &Plan, replay: &Run) -> Vec<Unmatched> {
    let served: Vec<NodeId> = replay
        .calls
        .values()
        .filter_map(|call| call.decided.as_ref())
        .filter(|decided| decided.action != Action::Refuse)
        .filter_map(|decided| decided.node)
        .collect();
    let taken: Vec<bool> = plan.entries.iter().map(|entry| served.contains(&entry.node)).collect();
    let splitter = splitter(plan, &replay.started);
    let mut found = Vec::new();
    for (seq, call) in &replay.calls {
        let Some(decided) = call.decided.as_ref().filter(|decided| decided.action == Action::Refuse) else { continue };
        let parsed = wire::parse(&call.request, &|_| None);
        let miss = miss::explain(plan, &taken, &parsed, &splitter, None);
        let difference = miss.difference();
        found.push(Unmatched {
            seq: *seq,
            nearest: miss.node(plan),
            extra: miss.node(plan).is_some_and(|node| served.contains(&node)),
            path: difference.map(|difference| difference.path.clone()).unwrap_or_default(),
            recorded: difference.and_then(|difference| difference.left.clone()),
            now: difference.and_then(|difference| difference.right.clone()),
            why: if difference.is_none() { decided.notes.clone() } else { miss.why().to_vec() },
        });
    }
    for (seq, announced) in &replay.announced {
        let decided = announced.begin.decided.as_ref().filter(|decided| decided.action == Action::Refuse);
        if let Some(decided) = decided {
            found.push(Unmatched {
                seq: *seq,
                nearest: decided.node,
                extra: false,
                path: String::new(),
                recorded: None,
                now: Some(format!("{} {}", announced.begin.name, String::from_utf8_lossy(&announced.begin.input))),
                why: decided.notes.clone(),
            });
        }
    }
    found.sort_by_key(|unmatched| unmatched.seq);
    found
}
