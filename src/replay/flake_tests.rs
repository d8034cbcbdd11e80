//! What differs between runs made by hand.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::flake::{Flakiness, Order, Replayed, What, flakiness};
use super::plan::{Options, Plan};
use super::tests::{Tape, calls, request, text};
use crate::model::event::{Action, Decided, Event, Grade, Seq};
use crate::model::{Micros, NodeId};
use crate::text::json::Path;

fn recorded(bodies: &[&str]) -> Tape {
    let mut tape = Tape::new();
    for (body, seq) in bodies.iter().zip(1..) {
        tape.call(seq, body, &text(&format!("answer {seq}")));
    }
    tape
}

/// A replay, and which recorded call is nearest to each refused one.
struct Made(Tape, BTreeMap<Seq, NodeId>);

/// A replay: what was asked, the node that it stood for, and the node that is nearest to a call that was refused.
fn replay(made: &[(&str, Option<u32>, Option<u32>)]) -> Made {
    let mut tape = Tape::new();
    let mut near = BTreeMap::new();
    for ((body, node, nearest), seq) in made.iter().zip(101..) {
        near.extend(nearest.map(|node| (seq, NodeId(node))));
        tape.ask(seq, body);
        tape.events.push(Event::Decided(Decided {
            seq,
            action: if node.is_some() { Action::Serve } else { Action::Refuse },
            node: node.map(NodeId),
            grade: if node.is_some() { Grade::Exact } else { Grade::Miss },
            sent: None,
            notes: if node.is_some() { Vec::new() } else { vec!["this call is not on the recording".to_owned()] },
            beside: Vec::new(),
        }));
        tape.answer(seq, 200, &text("served"));
    }
    Made(tape, near)
}

fn compare(recorded: &Tape, replays: &[Made], ignore: &[&str]) -> Flakiness {
    let ignore = ignore.iter().map(|path| Path::parse(path).expect("a path")).collect();
    let plan = Plan::new(recorded.run(), Options { ignore, ..Options::default() }).expect("a plan");
    let replayed = |Made(tape, nearest): &Made| Replayed { run: tape.run(), nearest: nearest.clone() };
    let runs: Vec<_> = replays.iter().map(replayed).collect();
    flakiness(&plan, &runs)
}

fn seeded(seed: u32) -> String {
    format!(r#"{{"model":"m","seed":{seed},"messages":[{{"role":"user","content":"a"}}]}}"#)
}

#[test]
fn equal_runs_do_not_differ() {
    let first = seeded(1);
    let found =
        compare(&recorded(&[&first]), &[replay(&[(&first, Some(1), None)]), replay(&[(&first, Some(1), None)])], &[]);
    assert!(!found.differs(), "{found:?}");
}

#[test]
fn a_miss_has_both_values_and_the_path_that_accepts_it() {
    let (one, two, three) = (seeded(1), seeded(2), seeded(3));
    let replays = [replay(&[(&two, None, Some(1))]), replay(&[(&three, None, Some(1))])];
    let found = compare(&recorded(&[&one]), &replays, &[]);
    let [value] = found.volatile.as_slice() else { panic!("{found:?}") };
    assert_eq!((&value.what, value.path.as_str(), value.ignore.as_deref()), (&What::Miss, "seed", Some("seed")));
    assert_eq!(value.recorded.as_deref(), Some("1"));
    assert_eq!(value.seen, [Some("2".to_owned()), Some("3".to_owned())]);
    assert_eq!((found.refusals(), found.absent.len()), (2, 0));
    let found = compare(&recorded(&[&one]), &[replay(&[(&two, Some(1), None)])], &["seed"]);
    let [value] = found.volatile.as_slice() else { panic!("{found:?}") };
    assert_eq!((&value.what, value.path.as_str(), value.recorded.as_deref()), (&What::Ignored, "seed", Some("1")));
    assert_eq!(value.seen, [Some("2".to_owned())]);
    let found = compare(&recorded(&[&one]), &[replay(&[(&one, Some(1), None)])], &["seed", "top_p"]);
    assert!(!found.differs(), "{found:?}");
}

#[test]
fn words_are_not_suggested_to_be_ignored() {
    let asks = |text: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let found = compare(&recorded(&[&asks("one")]), &[replay(&[(&asks("two"), None, Some(1))])], &[]);
    assert_eq!((&found.volatile[0].what, &found.volatile[0].ignore), (&What::Miss, &None));
}

#[test]
fn a_held_result_is_named_by_its_tool_and_path() {
    let second = |stock: u32, note: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_1","type":"function","function":{{"name":"get_stock","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"call_1","content":"{{\"stock\":{stock}{note}}}"}}]}}"#
        )
    };
    let first = r#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#;
    let mut tape = Tape::new();
    tape.call(1, first, &calls(&[("call_1", "get_stock", "{}")]));
    tape.call(2, &second(5, ""), &text("five"));
    let run = |stock, note: &str| replay(&[(first, Some(1), None), (&second(stock, note), Some(3), None)]);
    let found = compare(&tape, &[run(6, ""), run(5, "")], &[]);
    let [value] = found.volatile.as_slice() else { panic!("{found:?}") };
    assert_eq!((&value.what, value.path.as_str()), (&What::Result("get_stock".to_owned()), "$.stock"));
    assert_eq!(value.seen, [Some("6".to_owned()), None]);
    let found = compare(&tape, &[run(5, r#",\"now\":true"#)], &[]);
    assert_eq!((found.volatile[0].path.as_str(), &found.volatile[0].recorded), ("$.now", &None));
}

#[test]
fn another_order_and_calls_that_are_not_made_are_seen() {
    let (one, two, three, four) = (seeded(1), seeded(2), seeded(3), seeded(4));
    let tape = recorded(&[&one, &two, &three, &four]);
    let run = replay(&[(&two, Some(2), None), (&one, Some(1), None), (&three, Some(3), None)]);
    let found = compare(&tape, &[run], &[]);
    assert_eq!(found.absent, [(0, vec![NodeId(4)])]);
    let arrival = found.races.iter().find(|race| race.order == Order::Arrival).expect("they race");
    assert_eq!(arrival.nodes, [NodeId(1), NodeId(2)]);
}

#[test]
fn any_requests_can_be_compared() {
    use proptest::prelude::*;
    let make = |body: &[u8], seq: Seq, node: bool| {
        let mut tape = Tape::new();
        let request = crate::model::event::Request { body: Bytes::copy_from_slice(body), ..request(seq, 20, "") };
        tape.events.push(Event::Request(request));
        if node {
            let (action, grade) = (Action::Serve, Grade::Names);
            let node = Some(NodeId(1));
            let decided = Decided { seq, action, node, grade, sent: None, notes: Vec::new(), beside: Vec::new() };
            tape.events.push(Event::Decided(decided));
        }
        tape.time = Micros(30).0;
        tape
    };
    let texts = r#"[\[\]{}",:a0-9 \\é-]{0,60}"#;
    proptest!(|(left in texts, right in texts)| {
        let found = compare(&make(left.as_bytes(), 1, false), &[Made(make(right.as_bytes(), 101, true), BTreeMap::new())], &[]);
        prop_assert!(found.runs.len() == 1);
    });
}
