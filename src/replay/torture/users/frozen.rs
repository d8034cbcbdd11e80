//! Replays of unchanged agents: no answer is another call's, none is stale, none is refused without need.
//!
//! `cargo test` tries a few of each kind; `RETAKE_TORTURE=N` says how many in all, `RETAKE_TORTURE_SEED`
//! with which to begin, `RETAKE_TORTURE_KIND` of which kind.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::super::assess::{Reason, Word, gradeable};
use super::super::super::plan::Options;
use super::super::world::{Pick, Rng};
use super::kinds::KINDS;
use super::oracle::Report;
use super::spec;
use super::world::{Circumstances, Recorded, World, record, replay};
use crate::config::Settings;
use crate::model::event::{Action, Grade};

pub(super) fn pick(rng: &mut Rng) -> Pick {
    [Pick::Any, Pick::Any, Pick::First, Pick::Last, Pick::Single][rng.below(5)]
}

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|text| text.into_string().ok())
}

pub(super) fn number(name: &str) -> Option<u64> {
    variable(name).and_then(|text| text.parse().ok())
}

/// An agent of a kind, recorded and replayed.
fn tried(kind: usize, seed: u64) -> (Report, Vec<String>) {
    let name = KINDS[kind].0.bytes().fold(seed, |all, byte| all.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut rng = Rng::new(name);
    let work = KINDS[kind].1(&mut rng);
    let branches = Rc::new(work.branches.clone());
    let program = |world: World| spec::run(&branches, world);
    let agent = work.agent(&program);
    let then = Circumstances { seed: rng.next(), pick: pick(&mut rng) };
    let now = Circumstances { seed: rng.next(), pick: pick(&mut rng) };
    let recorded: Recorded = record(&agent, then);
    let options = Options { allow_effects: true, ..Options::default() };
    let report = replay(&recorded, &agent, options, None, now).expect("a plan without changes can be made");
    // Where the agent itself does something else now, no recording can say so.
    let same = work.given[0] == work.given[1];
    let broken = if same { broken_promises(&recorded, &report) } else { Vec::new() };
    (report, broken)
}

/// Whether a reason speaks of something.
type Says = fn(&Reason) -> bool;

/// What the grade of a recording promised and the replay did not keep.
fn broken_promises(recorded: &Recorded, report: &Report) -> Vec<String> {
    let assessment = gradeable(&recorded.run, &Settings::default());
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    for (who, action, _) in &report.outcomes {
        let turn = turns.entry(who).or_default();
        let entry = recorded.book.iter().filter(|entry| entry.who == *who).nth(*turn);
        *turn += 1;
        let Some(seq) = entry.map(|entry| entry.seq) else { continue };
        let node = recorded.run.graph.nodes().find(|node| node.seq == Some(seq) || node.attempts.contains(&seq));
        let judged = assessment.nodes.iter().find(|judged| Some(judged.node) == node.map(|node| node.id));
        let Some(judged) = judged else { continue };
        if *action == Action::Refuse && judged.word <= Word::UpTo {
            broken.push(format!("{who} was called `{}` and was refused", judged.word.as_str()));
        }
    }
    let reasons = || assessment.nodes.iter().flat_map(|judged| &judged.reasons);
    let kinds: [(Grade, Says); 3] = [
        (Grade::Names, |reason| matches!(reason, Reason::Names(_) | Reason::MadeIds(_))),
        (Grade::Held, |reason| matches!(reason, Reason::Readings(_) | Reason::RunsAgain(_))),
        (Grade::Interchangeable, |reason| matches!(reason, Reason::Twins(_))),
    ];
    for (grade, says) in kinds {
        let became = report.outcomes.iter().find(|(_, _, became)| *became == grade);
        if let Some((who, ..)) = became.filter(|_| !reasons().any(says)) {
            broken.push(format!("{who} became {grade:?}, of which `{}` says nothing", assessment.line()));
        }
    }
    broken
}

/// What came of the workloads of a kind.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) workloads: usize,
    pub(super) calls: usize,
    pub(super) wrong: usize,
    pub(super) refused: usize,
    /// Recordings whose grade promised more than their replay came to.
    pub(super) promised: usize,
    /// Calls refused without need, all together.
    pub(super) missed: usize,
    pub(super) first: Option<(u64, String)>,
    pub(super) first_refused: Option<(u64, String)>,
    pub(super) first_promised: Option<(u64, String)>,
}

pub(super) fn table(rows: &BTreeMap<&str, Row>) -> String {
    let mut out = format!(
        "{:<36} {:>9} {:>7} {:>7} {:>15} {:>13}
",
        "kind", "workloads", "calls", "wrong", "wrongly refused", "promised more"
    );
    for (kind, row) in rows {
        let Row { workloads, calls, wrong, refused, promised, .. } = row;
        out.push_str(&format!(
            "{kind:<36} {workloads:>9} {calls:>7} {wrong:>7} {refused:>15} {promised:>13}
"
        ));
    }
    out
}

pub(super) fn add(row: &mut Row, seed: u64, report: &Report, may_refuse: bool) {
    row.workloads += 1;
    row.calls += report.calls;
    if let Some(wrong) = report.wrong.first() {
        row.wrong += 1;
        row.first.get_or_insert_with(|| (seed, wrong.clone()));
    } else if let Some(missed) = report.missed.first()
        && !may_refuse
    {
        row.refused += 1;
        row.first_refused.get_or_insert_with(|| (seed, missed.clone()));
    }
}

/// Kinds of which something is not right.
pub(super) fn bad<'a>(rows: &BTreeMap<&'a str, Row>) -> Vec<(&'a str, &'static str)> {
    let mut bad = Vec::new();
    for (kind, row) in rows {
        bad.extend((row.wrong > 0).then_some((*kind, "wrong")));
        bad.extend((row.refused > 0).then_some((*kind, "refused")));
        bad.extend((row.promised > 0).then_some((*kind, "promised")));
    }
    bad
}

pub(super) fn said(rows: &BTreeMap<&str, Row>) {
    println!("{}", table(rows));
    for (kind, row) in rows {
        for (what, first) in [("wrong", &row.first), ("refused", &row.first_refused), ("promised", &row.first_promised)]
        {
            if let Some((seed, text)) = first {
                println!("{kind}, {what}, seed {seed}: {text}");
            }
        }
    }
}

/// Kinds of which some workloads are not yet right: `wrong`, `refused`, or their grade `promised` more.
const NOT_YET: &[(&str, &str)] = &[
    ("calls that differ in a fresh name", "promised"),
    ("names as keys and in paths", "promised"),
    ("names in results of tools", "promised"),
    ("one of several drafts goes on", "promised"),
    ("two providers", "promised"),
];

#[test]
fn every_kind_of_agent_gets_its_own_answers() {
    let all = number("RETAKE_TORTURE");
    let each = all.map_or(4, |all| all.div_ceil(KINDS.len() as u64));
    let first = number("RETAKE_TORTURE_SEED").unwrap_or(0);
    let only = variable("RETAKE_TORTURE_KIND");
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for (place, (kind, _)) in KINDS.iter().enumerate() {
        if only.as_ref().is_some_and(|only| !kind.contains(only.as_str())) {
            continue;
        }
        let row = rows.entry(kind).or_default();
        for seed in first..first + each {
            let (report, broken) = tried(place, seed);
            add(row, seed, &report, false);
            if let Some(promise) = broken.into_iter().next().filter(|_| !report.poor) {
                row.promised += 1;
                row.first_promised.get_or_insert((seed, promise));
            }
        }
    }
    said(&rows);
    if all.is_none() && only.is_none() && first == 0 {
        assert_eq!(bad(&rows), NOT_YET);
    }
}
