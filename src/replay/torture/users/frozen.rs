//! Replays of unchanged agents: no answer is another call's, none is stale, none is refused without need.
//!
//! `cargo test` tries a few of each kind; `RETAKE_TORTURE=N` says how many in all, `RETAKE_TORTURE_SEED`
//! with which to begin, `RETAKE_TORTURE_KIND` of which kind.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::super::plan::Options;
use super::super::world::{Pick, Rng};
use super::kinds::KINDS;
use super::oracle::Report;
use super::spec;
use super::world::{Circumstances, Recorded, World, record, replay};

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
fn tried(kind: usize, seed: u64) -> Report {
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
    replay(&recorded, &agent, options, None, now).expect("a plan without changes can be made")
}

/// What came of the workloads of a kind.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) workloads: usize,
    pub(super) calls: usize,
    pub(super) wrong: usize,
    pub(super) refused: usize,
    pub(super) first: Option<(u64, String)>,
    pub(super) first_refused: Option<(u64, String)>,
}

pub(super) fn table(rows: &BTreeMap<&str, Row>) -> String {
    let mut out =
        format!("{:<44} {:>9} {:>7} {:>7} {:>16}\n", "kind", "workloads", "calls", "wrong", "wrongly refused");
    for (kind, row) in rows {
        out.push_str(&format!(
            "{kind:<44} {:>9} {:>7} {:>7} {:>16}\n",
            row.workloads, row.calls, row.wrong, row.refused
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
    }
    bad
}

pub(super) fn said(rows: &BTreeMap<&str, Row>) {
    println!("{}", table(rows));
    for (kind, row) in rows {
        for (what, first) in [("wrong", &row.first), ("refused", &row.first_refused)] {
            if let Some((seed, text)) = first {
                println!("{kind}, {what}, seed {seed}: {text}");
            }
        }
    }
}

/// Kinds of which some workloads are not yet right, as `wrong` or `refused`.
const NOT_YET: &[(&str, &str)] = &[
    ("calls that differ in a fresh name", "refused"),
    ("chains of responses", "refused"),
    ("mixed", "refused"),
    ("names of all makers", "refused"),
    ("one secret of two", "wrong"),
    ("records beside a run's id", "refused"),
    ("records that answers brought", "refused"),
    ("secrets made up", "wrong"),
    ("two secrets", "wrong"),
    ("two secrets, rotated", "wrong"),
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
            let report = tried(place, seed);
            add(row, seed, &report, report.poor);
        }
    }
    said(&rows);
    if all.is_none() && only.is_none() && first == 0 {
        let worse: Vec<_> = bad(&rows).into_iter().filter(|kind| !NOT_YET.contains(kind)).collect();
        assert_eq!(worse, []);
    }
}
