//! Reports on pairs of runs put together by hand.

use proptest::prelude::*;

use super::{Basis, ChangeKind, Report, Status, compare};
use crate::lineage::build::{Build, result, system, text, tool_call, user};
use crate::lineage::data_edges;
use crate::model::event::Parent;
use crate::model::{Detail, Edge, Kind, NodeId, Part, Run};
use crate::text::words::Tag;

/// A report as lines: frontier, nodes, status, and the changes that are new there.
fn show(report: &Report) -> String {
    let id = |id: Option<NodeId>| id.map_or("-".to_owned(), |id| id.to_string());
    let mut out = Vec::new();
    for pair in &report.pairs {
        let mark = if pair.frontier { "*" } else { " " };
        out.push(format!("{mark} {} {} {:?} {:?}", id(pair.left), id(pair.right), pair.status, pair.basis));
        for change in pair.changes.iter().filter(|change| !change.inherited) {
            let said = match &change.kind {
                ChangeKind::Text(diff) => diff
                    .hunks
                    .iter()
                    .flat_map(|hunk| &hunk.ops)
                    .map(|op| match op.tag {
                        Tag::Equal => op.text.clone(),
                        Tag::Removed => format!("[-{}-]", op.text),
                        Tag::Added => format!("{{+{}+}}", op.text),
                    })
                    .collect(),
                ChangeKind::Value { left, right } => format!("{left} -> {right}"),
                ChangeKind::Added(text) => format!("+ {text}"),
                ChangeKind::Removed(text) => format!("- {text}"),
            };
            out.push(format!("    {}: {said}", change.path));
        }
        let inherited = pair.changes.iter().filter(|change| change.inherited).count();
        if inherited > 0 {
            out.push(format!("    {inherited} inherited"));
        }
    }
    out.join("\n")
}

fn finish(mut build: Build, seed: u64) -> Run {
    for (from, to, passages) in data_edges(&build.graph) {
        build.graph.connect(from, to, Edge::Data(passages));
    }
    build.run(seed)
}

/// A lane of three calls with two tools in its first turn, whose ids, order and results can be chosen.
fn weather(ids: [&str; 2], swapped: bool, rome: &str, last: &str) -> Build {
    let mut run = Build::default();
    let cities = [("Rome", ids[0], rome), ("Oslo", ids[1], r#"{"temperature": 3, "sky": "grey"}"#)];
    let order = if swapped { [1, 0] } else { [0, 1] };
    let arguments = |city: &str| format!("{{\"city\": \"{city}\"}}");
    let calls: Vec<Part> =
        order.iter().map(|at| tool_call(cities[*at].1, "weather", &arguments(cities[*at].0))).collect();
    let ask = vec![system("You are a weather service."), user("Where is it warmer, Rome or Oslo?")];
    let first = run.llm((0, 10), ask, calls);
    let results = order.iter().rev().map(|at| result(cities[*at].1, cities[*at].2)).collect();
    let second = run.next(first, (30, 40), results, vec![text(last)]);
    for at in order {
        let (city, id, result) = cities[at];
        run.tool(("weather", id), (10, 20 + at as u64), (&arguments(city), result), (Some(first), Some(second)));
    }
    run.next(second, (50, 60), vec![user("Thank you!")], vec![text("You are welcome.")]);
    run
}

const WARM: &str = r#"{"temperature": 21, "sky": "blue"}"#;

#[test]
fn ids_times_and_the_order_of_siblings_are_no_difference() {
    let left = finish(weather(["a", "b"], false, WARM, "Rome"), 1);
    let mut right = weather(["x", "y"], true, r#"{"sky":"blue","temperature":21.0}"#, "Rome");
    for id in 1..=5 {
        let node = right.graph.node_mut(NodeId(id)).expect("there");
        node.started.0 += 1000;
        node.ended = node.ended.map(|ended| crate::model::Micros(ended.0 + 2000));
    }
    let report = compare(&left, &finish(right, 2));
    assert!(report.summary.is_equal(), "{}", show(&report));
    assert_eq!(report.summary.same, 5);
    assert!(report.pairs.iter().all(|pair| pair.basis == Basis::Equal));
    assert_eq!(report.pairs[0].metrics[0].right, Some(1010));
}

#[test]
fn a_tool_that_answers_differently_is_the_cause_and_the_rest_follow() {
    let left = finish(weather(["a", "b"], false, WARM, "It is warmer in Rome today."), 1);
    let right =
        finish(weather(["a", "b"], false, r#"{"temperature": 1, "sky": "blue"}"#, "It is warmer in Oslo today."), 2);
    let report = compare(&left, &right);
    insta::assert_snapshot!(show(&report), @r"
      1 1 Same Equal
    * 3 3 Differs Caller
        result.temperature: 21 -> 1
      4 4 Same Equal
      2 2 Differs Lane
        answer: It is warmer in [-Rome-]{+Oslo+} today.
        1 inherited
      5 5 Differs Lane
        2 inherited
    ");
    assert_eq!((report.summary.frontier, report.summary.first), (1, Some(1)));
}

#[test]
fn an_answer_drawn_again_is_the_cause() {
    let left = finish(weather(["a", "b"], false, WARM, "Rome is warmer."), 1);
    let right = finish(weather(["a", "b"], false, WARM, "It is Rome."), 2);
    insta::assert_snapshot!(show(&compare(&left, &right)), @r"
      1 1 Same Equal
      3 3 Same Equal
      4 4 Same Equal
    * 2 2 Differs Lane
        answer: [-Rome-]{+It+} is [-warmer-]{+Rome+}.
      5 5 Differs Lane
        1 inherited
    ");
}

#[test]
fn a_turn_more_does_not_shift_the_others() {
    let mut left = Build::default();
    let mut right = Build::default();
    let start = || vec![system("You mend programs."), user("The test fails; mend it.")];
    let turns = [
        ("read", r#"{"file": "calc.py"}"#, "def add(a, b): return a - b"),
        ("edit", r#"{"file": "calc.py", "to": "a + b"}"#, "saved"),
        ("test", "{}", "1 passed"),
    ];
    let extra = ("list", r#"{"folder": "."}"#, "calc.py test_calc.py");
    for (run, turns) in [(&mut left, turns.to_vec()), (&mut right, vec![turns[0], extra, turns[1], turns[2]])] {
        let mut last = None;
        for (at, (name, arguments, _)) in turns.iter().enumerate() {
            let (time, id) = (at as u64 * 100, format!("c{at}"));
            let made = vec![tool_call(&id, name, arguments)];
            let call = match last {
                None => run.llm((time, time + 10), start(), made),
                Some((before, id, answered)) => run.next(before, (time, time + 10), vec![result(id, answered)], made),
            };
            if let Some((before, _, _)) = last {
                let (name, arguments, answered) = turns[at - 1];
                run.tool(
                    (name, &format!("c{}", at - 1)),
                    (time - 90, time),
                    (arguments, answered),
                    (Some(before), Some(call)),
                );
            }
            last = Some((call, ["c0", "c1", "c2", "c3"][at], turns[at].2));
        }
    }
    insta::assert_snapshot!(show(&compare(&finish(left, 1), &finish(right, 2))), @r#"
      1 1 Same Equal
      3 3 Same Equal
    * 2 2 Differs Lane
        tool_calls[0].arguments: - edit({"file": "calc.py", "to": "a + b"})
        tool_calls[0].arguments: + list({"folder": "."})
      - 5 OnlyRight None
      - 4 OnlyRight None
      5 7 Same Likeness
      4 6 Differs Lane
        2 inherited
    "#);
}

#[test]
fn branches_are_paired_by_what_they_are_about() {
    let branches = |order: &[(&str, &str)]| {
        let mut run = Build::default();
        for (at, (city, answer)) in order.iter().enumerate() {
            let at = at as u64;
            run.llm(
                (at, 50 + at),
                vec![system("Describe the city."), user(&format!("The city is {city}, please."))],
                vec![text(answer)],
            );
        }
        let mut facts: Vec<&str> = order.iter().map(|(_, answer)| *answer).collect();
        facts.sort_unstable();
        run.llm((100, 110), vec![user(&facts.join("\n"))], vec![text("done")]);
        run
    };
    let rome = ("Rome", "Rome was founded in 753 BC.");
    let oslo = ("Oslo", "Oslo lies at the end of a fjord.");
    let lima = ("Lima", "Lima is a city in the desert.");
    let left = finish(branches(&[rome, oslo, lima]), 1);
    let report = compare(&left, &finish(branches(&[lima, rome, ("Oslo", "Oslo is the capital of Norway.")]), 2));
    insta::assert_snapshot!(show(&report), @r"
      1 2 Same Equal
    * 2 3 Differs Lane
        answer: Oslo [-lies at-]{+is+} the [-end-]{+capital+} of [-a fjord-]{+Norway+}.
      3 1 Same Equal
      4 4 Differs Lane
        messages[0].content: Lima is a city in the desert.
    Oslo [-lies at-]{+is+} the [-end-]{+capital+} of [-a fjord-]{+Norway+}.
    Rome was founded in 753 BC.
    ");
}

#[test]
fn kinds_are_never_crossed_and_what_is_missing_is_said() {
    let mut left = Build::default();
    left.llm((0, 10), vec![user("a question to ask")], vec![text("an answer")]);
    left.block(Kind::Retrieval, (20, 30), "\"q\"", "", &["a document about cats", "one about dogs"]);
    let mut right = Build::default();
    right.block(Kind::Retrieval, (0, 5), "\"q\"", "", &["a document about cats", "one about birds"]);
    right.block(Kind::Step, (6, 9), "\"q\"", "", &[]);
    insta::assert_snapshot!(show(&compare(&left.run(1), &right.run(2))), @r"
    * 1 - OnlyLeft None
    * 2 1 Differs Likeness
        documents[1].text: one about [-dogs-]{+birds+}
    * - 2 OnlyRight None
    ");
}

#[test]
fn what_holds_a_difference_is_not_its_cause() {
    let nested = |answer: &str| {
        let mut run = Build::default();
        let step = run.block(Kind::Step, (0, 50), "{\"topic\": \"Rome\"}", &format!("\"{answer}\""), &[]);
        let inner = run.llm((10, 20), vec![user("Write about Rome")], vec![text(answer)]);
        run.graph.connect(step, inner, Edge::Calls);
        run.run(1)
    };
    insta::assert_snapshot!(show(&compare(&nested("Rome is old."), &nested("Rome is large."))), @r#"
      1 1 Differs Likeness
        output: "Rome is [-old-]{+large+}."
    * 2 2 Differs Lane
        answer: Rome is [-old-]{+large+}.
    "#);
}

#[test]
fn a_replay_says_what_belongs_together() {
    let ask = |system_prompt: &str, answer: &str| {
        let mut run = Build::default();
        run.llm((0, 10), vec![system(system_prompt), user("hello there")], vec![text(answer)]);
        run.llm((0, 10), vec![system("Another one."), user("hello there")], vec![text("yes")]);
        run
    };
    let left = ask("Be polite to everyone.", "Good day!").run(1);
    let mut right = ask("Xyz", "What?").run(2);
    right.started.parent = Some(Parent { run: left.id.clone(), changes: Vec::new(), highest: 2 });
    let report = compare(&left, &right);
    assert!(
        report.pairs.iter().all(|pair| pair.basis == Basis::Replay && pair.left == pair.right),
        "{}",
        show(&report)
    );
    assert_eq!(report.pairs[0].status, Status::Differs);
    let back = compare(&right, &left);
    assert_eq!((back.summary.differ, back.summary.same, back.pairs[0].basis), (1, 1, Basis::Replay));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// However runs differ, each node is in one pair, kinds and names agree, and a run equals itself.
    #[test]
    fn every_node_is_paired_once(
        left in prop::collection::vec((0..3_usize, "[ab]{1,2}", "[a-c ]{0,6}"), 0..10),
        right in prop::collection::vec((0..3_usize, "[ab]{1,2}", "[a-c ]{0,6}"), 0..10),
    ) {
        let make = |parts: &[(usize, String, String)], seed: u64| {
            let mut run = Build::default();
            let mut last: Option<NodeId> = None;
            for (at, (kind, name, said)) in parts.iter().enumerate() {
                let time = (at as u64 * 10, at as u64 * 10 + 5);
                match (kind, last) {
                    (0, Some(before)) => last = Some(run.next(before, time, vec![user(name)], vec![text(said)])),
                    (0 | 1, _) => last = Some(run.llm(time, vec![user(name)], vec![tool_call("i", name, said)])),
                    _ => {
                        run.tool((name, "i"), time, (said, name), (last, None));
                    }
                }
            }
            finish(run, seed)
        };
        let (left, right) = (make(&left, 1), make(&right, 2));
        let report = compare(&left, &right);
        let mut lefts: Vec<u32> = report.pairs.iter().filter_map(|pair| pair.left).map(|id| id.0).collect();
        let mut rights: Vec<u32> = report.pairs.iter().filter_map(|pair| pair.right).map(|id| id.0).collect();
        lefts.sort_unstable();
        rights.sort_unstable();
        prop_assert_eq!(lefts, left.graph.nodes().map(|node| node.id.0).collect::<Vec<_>>());
        prop_assert_eq!(rights, right.graph.nodes().map(|node| node.id.0).collect::<Vec<_>>());
        for pair in &report.pairs {
            if let (Some(a), Some(b)) = (pair.left, pair.right) {
                let (a, b) = (left.graph.node(a).expect("there"), right.graph.node(b).expect("there"));
                prop_assert_eq!(&a.kind, &b.kind);
                prop_assert!(!matches!(a.detail, Detail::Tool(_)) || a.name == b.name);
            }
            prop_assert_eq!(pair.changes.is_empty(), pair.status != Status::Differs);
        }
        prop_assert_eq!(report.summary.frontier > 0, !report.summary.is_equal());
        prop_assert!(compare(&left, &left).summary.is_equal());
        let back = compare(&right, &left);
        prop_assert_eq!(back.summary.is_equal(), report.summary.is_equal());
    }
}
