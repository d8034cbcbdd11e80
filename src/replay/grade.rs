//! The grade line: everything a replay did otherwise than the recording, in one line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::matcher::{Matcher, Twins};
use super::miss::held_line;
use crate::model::event::{Action, Decided, Grade, Seq};
use crate::model::{NodeId, Run};

/// How notes on what may be left of recorded names begin.
pub(super) const STALE: &str = "stale: ";

/// Counts of what was decided.
#[derive(Debug, Default)]
pub(super) struct Tally {
    decided: BTreeMap<Seq, (Action, Grade)>,
    told: BTreeMap<Seq, (Action, Grade)>,
    /// What may be left of recorded names in answers, by call.
    stale: BTreeMap<(Seq, String), Option<NodeId>>,
    /// Answers that ended in another order than recorded.
    pub(super) disordered: usize,
    /// Nodes whose answers still hold placeholders of secrets.
    pub(super) redacted: BTreeSet<NodeId>,
}

impl Tally {
    pub(super) fn count(&mut self, decided: &Decided) {
        self.decided.insert(decided.seq, (decided.action, decided.grade));
        self.doubt(decided);
    }

    pub(super) fn count_told(&mut self, decided: &Decided) {
        self.told.insert(decided.seq, (decided.action, decided.grade));
        self.doubt(decided);
    }

    fn doubt(&mut self, decided: &Decided) {
        let stale = decided.notes.iter().filter_map(|note| note.strip_prefix(STALE));
        self.stale.extend(stale.map(|name| ((decided.seq, name.to_owned()), decided.node)));
    }

    /// What may be left of recorded names in answers, and the node whose answer it is.
    pub(super) fn stale(&self) -> Vec<(Option<NodeId>, String)> {
        self.stale.iter().map(|((_, name), node)| (*node, name.clone())).collect()
    }

    pub(super) fn refused(&mut self, seq: Seq) {
        self.decided.insert(seq, (Action::Refuse, Grade::Miss));
    }

    /// How many calls were refused.
    pub(super) fn refusals(&self) -> usize {
        let refused = self.decided.values().filter(|(action, _)| *action == Action::Refuse).count();
        refused + self.told.values().filter(|(action, _)| *action == Action::Refuse).count()
    }

    /// How many calls were sent.
    pub(super) fn sent(&self) -> usize {
        self.decided.values().filter(|(action, _)| matches!(action, Action::Send | Action::SendChanged)).count()
    }
}

/// Writes the line for a replay, given its own run.
pub(super) fn line(
    matcher: &Matcher,
    tally: &Tally,
    replay: Option<&Run>,
    ignored: usize,
    live_always: bool,
) -> String {
    let counts = counts(matcher, tally);
    let calls: usize = counts.values().map(|(count, _)| count).sum();
    let mut parts: Vec<String> = counts.values().map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() {
        parts.push("none made".into());
    }
    let mut out = format!("{calls} {}: {}", if calls == 1 { "call" } else { "calls" }, parts.join(", "));
    out.push_str(&tools(matcher, tally, replay));
    let unused = matcher.unused();
    if !unused.is_empty() {
        let _ = write!(out, "; recorded and not asked for: {}", super::plan::named(&unused));
    }
    for doubt in doubts(matcher, tally, &["order kept"]) {
        let _ = write!(out, "; {doubt}");
    }
    if ignored > 0 {
        let _ = write!(out, "; {ignored} {} ignored", if ignored == 1 { "field" } else { "fields" });
    }
    if live_always {
        out.push_str("; `--live always`");
    }
    let _ = write!(out, "; {} sent", tally.sent());
    out
}

/// How many calls were answered in which way, best first.
fn counts(matcher: &Matcher, tally: &Tally) -> BTreeMap<u8, (usize, String)> {
    let names = matcher.naming.count();
    let up_to = format!("exact up to {names} {}", if names == 1 { "name" } else { "names" });
    let readings: Vec<String> =
        matcher.naming.readings.iter().map(|held| format!("reading {}, now {}", held.recorded, held.new)).collect();
    let held = if readings.is_empty() { "held".to_owned() } else { format!("held ({})", readings.join("; ")) };
    let mut counts: BTreeMap<u8, (usize, String)> = BTreeMap::new();
    for (action, grade) in tally.decided.values() {
        let (rank, word) = match (action, grade) {
            (Action::Serve, Grade::Exact) => (EXACT, "exact"),
            (Action::Serve, Grade::Names) => (1, up_to.as_str()),
            (Action::Serve, Grade::Held) => (2, held.as_str()),
            (Action::Serve, Grade::Interchangeable) => (3, "interchangeable"),
            (Action::Serve, Grade::Ignored) => (4, "equal but for ignored fields"),
            (Action::Serve, Grade::Place | Grade::Miss) => (5, "served"),
            (Action::ServeEdited, _) => (EDITED, "edited"),
            (Action::SendChanged, _) => (7, "sent changed"),
            (Action::Send, _) => (8, "sent"),
            (Action::Refuse, _) => (9, "refused"),
        };
        counts.entry(rank).or_insert_with(|| (0, word.to_owned())).0 += 1;
    }
    counts
}

/// Ranks in [`counts`] between which an answer is a recorded one, but for something.
const EXACT: u8 = 0;
const EDITED: u8 = 6;

/// What is said of answers whatever their grade; `in_order` where they ended as they were recorded.
fn doubts(matcher: &Matcher, tally: &Tally, in_order: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Twins::merged(&matcher.twins).iter().map(Twins::says).collect();
    match matcher.unproven_secrets() {
        0 => {}
        1 => out.push("up to 1 secret".to_owned()),
        several => out.push(format!("up to {several} secrets")),
    }
    match tally.stale.len() {
        0 => {}
        1 => out.push("1 stale name may stand in an answer".to_owned()),
        several => out.push(format!("{several} stale names may stand in answers")),
    }
    if tally.disordered == 0 {
        out.extend(in_order.iter().map(|says| (*says).to_owned()));
    } else {
        let answers = if tally.disordered == 1 { "answer" } else { "answers" };
        out.push(format!("order of {} {answers} not kept", tally.disordered));
    }
    if !tally.redacted.is_empty() {
        let nodes: Vec<NodeId> = tally.redacted.iter().copied().collect();
        out.push(format!("redacted: {}", super::plan::named(&nodes)));
    }
    out
}

/// Every approximation that a replay made, a part of a line each; none of one whose calls are all answered exactly.
pub(super) fn approximations(matcher: &Matcher, tally: &Tally) -> Vec<String> {
    let counted = counts(matcher, tally);
    let mut out: Vec<String> =
        counted.range(EXACT + 1..EDITED).map(|(_, (count, word))| format!("{} {word}", calls(*count))).collect();
    out.extend(matcher.held.values().map(|held| format!("result held: {}", held_line(held))));
    let told = |wanted: Grade| {
        tally.told.values().filter(|(action, grade)| *action == Action::Serve && *grade == wanted).count()
    };
    for (count, word) in [(told(Grade::Names), "up to names"), (told(Grade::Held), "held")] {
        if count > 0 {
            out.push(format!("{count} announced {word}"));
        }
    }
    out.extend(doubts(matcher, tally, &[]));
    let unused = matcher.unused();
    if !unused.is_empty() {
        out.push(format!("recorded and not asked for: {}", super::plan::named(&unused)));
    }
    out
}

fn calls(count: usize) -> String {
    crate::text::units::count(count, "call")
}

fn tools(matcher: &Matcher, tally: &Tally, replay: Option<&Run>) -> String {
    let ran = replay.map_or(0, |run| run.graph.nodes().filter(|node| super::plan::runs_in_agent(run, node)).count());
    let served =
        tally.told.values().filter(|(action, _)| matches!(action, Action::Serve | Action::ServeEdited)).count();
    let up_to = |wanted: Grade| {
        let served = |(action, grade): &&(Action, Grade)| *action == Action::Serve && *grade == wanted;
        tally.told.values().filter(served).count()
    };
    let run = tally.told.values().filter(|(action, _)| matches!(action, Action::Send)).count();
    let mut parts = Vec::new();
    if ran > 0 {
        parts.push(format!("{ran} ran again in the agent"));
    }
    if !matcher.held.is_empty() {
        let held: Vec<String> = matcher.held.values().map(held_line).collect();
        let held = format!("{} answered differently: {}", held.len(), held.join("; "));
        match parts.first_mut() {
            Some(ran) => {
                let _ = write!(ran, " ({held})");
            }
            None => parts.push(held),
        }
    }
    let mut out = String::new();
    if !parts.is_empty() {
        let _ = write!(out, "; tools: {}", parts.join(", "));
    }
    let how: Vec<String> = [(up_to(Grade::Names), "up to names"), (up_to(Grade::Held), "held")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let how = if how.is_empty() { String::new() } else { format!(" ({})", how.join(", ")) };
    let told = [(served, format!("served{how}")), (run, "run".to_owned())];
    let told: Vec<String> =
        told.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if !told.is_empty() {
        let _ = write!(out, "; announced: {}", told.join(", "));
    }
    out
}
