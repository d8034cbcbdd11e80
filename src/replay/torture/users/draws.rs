//! Every way to make a name up, drawn many times: whatever letters chance draws, the answer is right.
//!
//! `RETAKE_TORTURE=N` says how many names of each maker are drawn.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::super::plan::Options;
use super::super::talk::Form;
use super::super::world::{Pick, Rng};
use super::frozen::{Row, add, bad, number, said};
use super::makers::Maker;
use super::spec::{self, Branch, Piece, Work, words};
use super::world::{Circumstances, World, record, replay};

/// Names in one run.
const AT_ONCE: usize = 10;

/// An agent that makes names up, each in a call of its own.
fn work(maker: Maker) -> Work {
    let branch = |place: usize| {
        let name = Piece::Fresh(format!("name {place}"), maker);
        let around =
            [("Step ", ": work in ", " now."), ("Part ", ", \"dir\": \"", "/src\"."), ("Ask ", " of `", "` again.")];
        let (before, between, after) = around[place % 3];
        Branch::new(Form::Chat, "You work.", vec![words(&format!("{before}{place}{between}")), name, words(after)])
    };
    Work { temporary: ["/tmp", "/scratch/ada"], ..Work::new((0..AT_ONCE).map(branch).collect()) }
}

/// Makers of which some names are not yet taken for names.
const NOT_YET: &[(&str, &str)] = &[];

#[test]
fn every_name_is_that_of_this_run() {
    let all = number("RETAKE_TORTURE");
    let runs = all.unwrap_or(20).div_ceil(AT_ONCE as u64);
    let names: Vec<String> = Maker::ALL.iter().map(|maker| format!("{maker:?}")).collect();
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for (maker, name) in Maker::ALL.into_iter().zip(&names) {
        let work = work(maker);
        let branches = Rc::new(work.branches.clone());
        let program = |world: World| spec::run(&branches, world);
        let agent = work.agent(&program);
        let row = rows.entry(name).or_default();
        for run in 0..runs {
            let mut rng = Rng::new(run ^ 0xd7a5);
            let then = Circumstances { seed: rng.next(), pick: Pick::First };
            let now = Circumstances { seed: rng.next(), pick: Pick::Any };
            let recorded = record(&agent, then);
            let report = replay(&recorded, &agent, Options::default(), None, now);
            let report = report.expect("a plan without changes can be made");
            add(row, run, &report, false);
            row.missed += report.missed.len();
        }
    }
    said(&rows);
    for (maker, row) in &rows {
        println!("{maker}: {} of {} names refused", row.missed, row.calls);
    }
    if all.is_none() {
        assert_eq!(bad(&rows), NOT_YET);
    }
}
