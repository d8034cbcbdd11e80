//! Data edges and inferred retrievals of runs put together by hand.

use proptest::prelude::*;

use super::build::{Build, result, system, text, tool_call, user};
use super::{data_edges, fields, inferred_retrievals};
use crate::model::{Certainty, Edge, Kind, NodeId, RunGraph};
use crate::text::json::quote;

/// Edges as lines: from, to, fields, and the text on both sides where it differs.
fn show(graph: &RunGraph) -> String {
    let mut out = Vec::new();
    for (from, to, passages) in data_edges(graph) {
        for passage in passages {
            let (source, target) = (graph.node(from).expect("there"), graph.node(to).expect("there"));
            let sides = [fields(source).outputs, fields(target).inputs, fields(target).outputs];
            let cut = |path: &str, range: &std::ops::Range<usize>, sides: &[Vec<super::Field<'_>>]| {
                let field = sides.iter().flatten().find(|field| field.path == path).expect("a field");
                field.text.chars().skip(range.start).take(range.len()).collect::<String>()
            };
            let left = cut(&passage.from, &passage.from_range, &sides[..1]);
            let right = cut(&passage.to, &passage.to_range, &sides[1..]);
            let guessed = if passage.certainty == Certainty::Exact { "" } else { " guessed" };
            let said = if left == right { left } else { format!("{left} | {right}") };
            out.push(format!("{from}.{} -> {to}.{}{guessed}: {said}", passage.from, passage.to));
        }
    }
    out.join("\n")
}

const ROME: &str = "Rome was founded in 753 BC by Romulus.";
const OSLO: &str = "Oslo lies at the northern end of a fjord.";
const LIMA: &str = "Lima is the second largest desert city.";

#[test]
fn a_join_hangs_under_all_its_branches() {
    let mut run = Build::default();
    for (place, answer) in [ROME, OSLO, LIMA].into_iter().enumerate() {
        let place = place as u64;
        run.llm(
            (place, 10 + place),
            vec![system("You describe one city."), user("Describe the next city.")],
            vec![text(answer)],
        );
    }
    let facts = format!("Describe the next city. Facts:\n- {LIMA}\n- {ROME}\n- {OSLO}");
    run.llm((20, 30), vec![system("You pick the best."), user(&facts)], vec![text("Lima.")]);
    insta::assert_snapshot!(show(&run.graph), @"
    1.answer -> 4.messages[1].content: Rome was founded in 753 BC by Romulus.
    2.answer -> 4.messages[1].content: Oslo lies at the northern end of a fjord.
    3.answer -> 4.messages[1].content: Lima is the second largest desert city.
    ");
}

#[test]
fn equal_answers_are_shared_out() {
    let mut run = Build::default();
    for place in 0..3 {
        run.llm((place, 10), vec![user("Translate it")], vec![text("Buenos días, mis amigos queridos.")]);
    }
    let all = "Buenos días, mis amigos queridos.\n".repeat(3);
    run.llm((20, 30), vec![user(&all)], vec![]);
    run.llm((40, 50), vec![user(&format!("Again: {all}"))], vec![]);
    insta::assert_snapshot!(show(&run.graph), @"
    1.answer -> 4.messages[0].content: Buenos días, mis amigos queridos.
    1.answer -> 5.messages[0].content: Buenos días, mis amigos queridos.
    2.answer -> 4.messages[0].content: Buenos días, mis amigos queridos.
    2.answer -> 5.messages[0].content: Buenos días, mis amigos queridos.
    3.answer -> 4.messages[0].content: Buenos días, mis amigos queridos.
    3.answer -> 5.messages[0].content: Buenos días, mis amigos queridos.
    ");
}

#[test]
fn an_answer_stands_under_the_documents_of_its_prompt() {
    let mut run = Build::default();
    run.block(
        Kind::Retrieval,
        (0, 5),
        "{\"query\": \"cities\"}",
        &format!("[{}, {}, {}]", quote(ROME), quote(OSLO), quote(LIMA)),
        &[ROME, OSLO, LIMA],
    );
    run.llm(
        (10, 20),
        vec![user(&format!("Context:\n{OSLO}\n\n{ROME}\n\nQuestion: which is older?"))],
        vec![text("Rome is.")],
    );
    insta::assert_snapshot!(show(&run.graph), @"
    1.documents[1].text -> 2.messages[0].content: Oslo lies at the northern end of a fjord.
    1.documents[0].text -> 2.messages[0].content: Rome was founded in 753 BC by Romulus.
    ");
}

#[test]
fn what_an_answer_repeats_is_the_answers_if_it_comes_with_it() {
    let mut run = Build::default();
    run.block(Kind::Retrieval, (0, 5), "null", "", &[ROME]);
    run.llm(
        (10, 20),
        vec![user(&format!("Rewrite: {ROME}"))],
        vec![text(&format!("As the book says: {ROME} So it goes on."))],
    );
    // Verbatim via the second, and straight from the first.
    run.llm((30, 40), vec![user(&format!("Check this: As the book says: {ROME} So it goes on."))], vec![]);
    run.llm((50, 60), vec![user(&format!("Source:\n{ROME}\nIs it good?"))], vec![]);
    insta::assert_snapshot!(show(&run.graph), @"
    1.documents[0].text -> 2.messages[0].content: Rome was founded in 753 BC by Romulus.
    1.documents[0].text -> 4.messages[0].content: Rome was founded in 753 BC by Romulus.
    2.answer -> 3.messages[0].content: As the book says: Rome was founded in 753 BC by Romulus. So it goes on.
    ");
}

#[test]
fn a_whole_answer_is_evidence_however_short_and_whatever_it_quotes() {
    for (asked, answer) in [
        ("Give the digest of release 4.2.", "digest of release 4.2: 9f3c17ab"),
        ("How many bearings and belts are in stock?", "3 bearings, 40 belts"),
        ("Which line goes to the harbour, 5 or 7?", "line 7 goes to the harbour"),
    ] {
        let mut run = Build::default();
        run.llm((0, 5), vec![user(asked)], vec![text(answer)]);
        run.llm((1, 6), vec![user(&format!("{asked} Say no more."))], vec![text("That I do not know at all.")]);
        run.llm((10, 20), vec![user(&format!("Report this to the office: {answer}. Be kind."))], vec![]);
        run.llm((11, 21), vec![user(&format!("{asked} Be kind to the office."))], vec![]);
        assert_eq!(show(&run.graph), format!("1.answer -> 3.messages[0].content: {answer}"));
    }
}

#[test]
fn what_an_answer_quotes_of_its_prompt_is_not_its_own() {
    let mut run = Build::default();
    run.llm((0, 5), vec![user("Write a report")], vec![text(ROME)]);
    let ask = |place: &str| vec![user(&format!("Check this report: {ROME} Be brief and kind to the {place} office."))];
    let quote = format!("You asked me: {ROME} Be brief and kind to the north office. It is right.");
    run.llm((10, 20), ask("north"), vec![text(&quote)]);
    // In flight with it, and after it: neither has its words from there.
    run.llm((11, 21), ask("south"), vec![text("It is wrong.")]);
    run.llm((30, 40), ask("west"), vec![text("It is old.")]);
    insta::assert_snapshot!(show(&run.graph), @"
    1.answer -> 2.messages[0].content: Rome was founded in 753 BC by Romulus.
    1.answer -> 3.messages[0].content: Rome was founded in 753 BC by Romulus.
    1.answer -> 4.messages[0].content: Rome was founded in 753 BC by Romulus.
    ");
}

#[test]
fn a_lane_does_not_repeat_itself() {
    let mut run = Build::default();
    let ask = r#"{"city": "Rome, the eternal city of Italy"}"#;
    let first = run.llm(
        (0, 10),
        vec![system("You are a guide to old cities."), user("Tell me about Rome")],
        vec![tool_call("c1", "look_up", ask)],
    );
    let second = run.next(
        first,
        (20, 30),
        vec![result("c1", ROME)],
        vec![text("It is older than most: founded by Romulus himself.")],
    );
    run.tool(("look_up", "c1"), (10, 20), (ask, ROME), (Some(first), Some(second)));
    run.next(
        second,
        (40, 50),
        vec![user("Thanks a lot for that answer")],
        vec![text("You are welcome, any time again.")],
    );
    insta::assert_snapshot!(show(&run.graph), @r#"
    1.tool_calls[0].arguments -> 3.arguments: {"city": "Rome, the eternal city of Italy"}
    3.result -> 2.messages[3].content: Rome was founded in 753 BC by Romulus.
    "#);
}

#[test]
fn equal_results_belong_to_their_own_calls() {
    let mut run = Build::default();
    let first = run.llm((0, 10), vec![user("go")], vec![tool_call("c1", "read", "{}")]);
    let second = run.next(first, (20, 30), vec![result("c1", ROME)], vec![tool_call("c2", "read", "{}")]);
    let third = run.next(second, (40, 50), vec![result("c2", ROME)], vec![text("done")]);
    run.tool(("read", "c1"), (10, 20), ("{}", ROME), (Some(first), Some(second)));
    run.tool(("read", "c2"), (30, 40), ("{}", ROME), (Some(second), Some(third)));
    insta::assert_snapshot!(show(&run.graph), @"
    4.result -> 2.messages[2].content: Rome was founded in 753 BC by Romulus.
    5.result -> 3.messages[4].content: Rome was founded in 753 BC by Romulus.
    ");
}

#[test]
fn a_sub_agent_hangs_between_call_and_answer() {
    let mut run = Build::default();
    let task = "Find out when Rome was founded,\nand by \"whom\" exactly.";
    let arguments = format!("{{\"task\": {}}}", quote(task));
    let outer = run.llm((0, 10), vec![user("Write a report on Rome")], vec![tool_call("c1", "research", &arguments)]);
    run.llm((12, 18), vec![system("You research."), user(task)], vec![text(ROME)]);
    let last = run.next(outer, (20, 30), vec![result("c1", ROME)], vec![text("Done.")]);
    run.tool(("research", "c1"), (10, 20), (&arguments, ROME), (Some(outer), Some(last)));
    insta::assert_snapshot!(show(&run.graph), @r#"
    1.tool_calls[0].arguments -> 2.messages[1].content: Find out when Rome was founded,\nand by \"whom\" exactly. | Find out when Rome was founded,
    and by "whom" exactly.
    1.tool_calls[0].arguments -> 4.arguments: {"task": "Find out when Rome was founded,\nand by \"whom\" exactly."}
    2.answer -> 4.result: Rome was founded in 753 BC by Romulus.
    4.result -> 3.messages[2].content: Rome was founded in 753 BC by Romulus.
    "#);
}

#[test]
fn what_a_sub_agent_repeats_is_its_answer_where_that_is_the_result() {
    let mut run = Build::default();
    let (price, rule) = ("The lamp costs 49 dollars.", "A lamp can be returned for 30 days.");
    let calls = vec![tool_call("c1", "find_price", "{}"), tool_call("c2", "find_rule", "{}")];
    let outer = run.llm((0, 10), vec![user("What does the lamp cost?")], calls);
    let begun = run.llm((11, 13), vec![user("What does the lamp cost?")], vec![tool_call("c3", "get_price", "{}")]);
    run.llm((12, 14), vec![user(&format!("Rules:\n{rule}"))], vec![text(rule)]);
    let ended = run.next(begun, (15, 18), vec![result("c3", price)], vec![text(price)]);
    run.tool(("get_price", "c3"), (13, 15), ("{}", price), (Some(begun), Some(ended)));
    let last = run.next(outer, (20, 30), vec![result("c1", price), result("c2", rule)], vec![text("Done.")]);
    run.tool(("find_price", "c1"), (10, 20), ("{}", price), (Some(outer), Some(last)));
    run.tool(("find_rule", "c2"), (10, 20), ("{}", rule), (Some(outer), Some(last)));
    insta::assert_snapshot!(show(&run.graph), @"
    3.answer -> 8.result: A lamp can be returned for 30 days.
    4.answer -> 7.result: The lamp costs 49 dollars.
    5.result -> 4.messages[2].content: The lamp costs 49 dollars.
    7.result -> 6.messages[2].content: The lamp costs 49 dollars.
    8.result -> 6.messages[3].content: A lamp can be returned for 30 days.
    ");
}

#[test]
fn a_tool_that_contains_a_call_hands_its_answer_on() {
    let mut run = Build::default();
    let outer = run.llm((0, 10), vec![user("Write a report")], vec![tool_call("c1", "research", "{}")]);
    let inner = run.llm((12, 18), vec![user("look it up")], vec![text(ROME)]);
    let last = run.next(outer, (20, 30), vec![result("c1", ROME)], vec![text("Done.")]);
    let tool = run.tool(("research", "c1"), (11, 19), ("{}", ROME), (Some(outer), Some(last)));
    assert!(run.graph.connect(tool, inner, Edge::Calls));
    insta::assert_snapshot!(show(&run.graph), @"
    2.answer -> 3.messages[2].content: Rome was founded in 753 BC by Romulus.
    4.result -> 3.messages[2].content: Rome was founded in 753 BC by Romulus.
    ");
}

#[test]
fn a_task_that_repeats_the_user_is_a_guess() {
    let mut run = Build::default();
    let question = "When was the city of Rome founded?";
    let arguments = format!("{{\"task\": {}}}", quote(question));
    let outer = run.llm((0, 10), vec![user(question)], vec![tool_call("c1", "research", &arguments)]);
    run.llm((12, 18), vec![user(question)], vec![text("In 753.")]);
    let last = run.next(outer, (20, 30), vec![result("c1", "In 753.")], vec![]);
    run.tool(("research", "c1"), (10, 20), (&arguments, "In 753."), (Some(outer), Some(last)));
    insta::assert_snapshot!(show(&run.graph), @r#"
    1.tool_calls[0].arguments -> 2.messages[0].content guessed: When was the city of Rome founded?
    1.tool_calls[0].arguments -> 4.arguments: {"task": "When was the city of Rome founded?"}
    "#);
}

#[test]
fn what_all_branches_were_given_is_no_evidence() {
    let mut run = Build::default();
    let question = "How many people live in the city of Oslo today?";
    run.llm(
        (0, 10),
        vec![system("Answer questions about cities briefly."), user(question)],
        vec![text(&format!("You asked: {question}"))],
    );
    run.llm((20, 30), vec![system("Answer questions about cities briefly."), user(question)], vec![text("700,000")]);
    run.llm((40, 50), vec![system("Check."), user(&format!("{question} 700,000"))], vec![]);
    assert_eq!(show(&run.graph), "");
}

#[test]
fn parallel_branches_are_not_connected() {
    let mut run = Build::default();
    run.llm((0, 10), vec![user("a")], vec![text(ROME)]);
    run.llm((5, 15), vec![user(ROME)], vec![text(OSLO)]);
    run.llm((9, 20), vec![user(OSLO)], vec![text("nineteen characters")]);
    run.llm((30, 40), vec![user("nineteen characters")], vec![]);
    assert_eq!(show(&run.graph), "3.answer -> 4.messages[0].content: nineteen characters");
}

#[test]
fn spacing_escapes_and_scripts_do_not_matter() {
    let mut run = Build::default();
    let answer =
        "Zürich  liegt am\n„Zürichsee“, sagt \"man\".\n\n東京は日本の首都であり、世界最大の都市圏を持つ大都市である。";
    run.llm((0, 10), vec![user("go")], vec![text(answer)]);
    let escaped = quote(answer).replace('ü', "\\u00fc");
    let arguments = format!("{{\"note\":{}}}", quote(&escaped));
    run.node(
        Kind::Tool,
        "save",
        (20, 30),
        crate::model::Detail::Tool(crate::model::Tool { arguments, ..Default::default() }),
    );
    run.llm((40, 50), vec![user(&format!("x{}y", answer.split_whitespace().collect::<Vec<_>>().join(" ")))], vec![]);
    run.llm((60, 70), vec![user("概要：東京は日本の首都であり、世界最大の都市圏を持つ。")], vec![]);
    insta::assert_snapshot!(show(&run.graph), @r#"
    1.answer -> 2.arguments: Zürich  liegt am
    „Zürichsee“, sagt "man".

    東京は日本の首都であり、世界最大の都市圏を持つ大都市である。 | Z\\u00fcrich  liegt am\\n„Z\\u00fcrichsee“, sagt \\\"man\\\".\\n\\n東京は日本の首都であり、世界最大の都市圏を持つ大都市である。
    1.answer -> 3.messages[0].content: liegt am
    „Zürichsee“, sagt "man".

    東京は日本の首都であり、世界最大の都市圏を持つ大都市である。 | liegt am „Zürichsee“, sagt "man". 東京は日本の首都であり、世界最大の都市圏を持つ大都市である。
    1.answer -> 4.messages[0].content: 東京は日本の首都であり、世界最大の都市圏を持つ
    "#);
}

#[test]
fn long_repeats_give_one_passage() {
    let mut run = Build::default();
    let log = "2026-11-24 08:10:11 worker 7 said nothing new at all\n".repeat(2000);
    run.llm((0, 10), vec![user("go")], vec![text(&log)]);
    run.llm((20, 30), vec![user(&format!("Log:\n{log}"))], vec![]);
    let edges = data_edges(&run.graph);
    assert_eq!(edges.iter().map(|(_, _, passages)| passages.len()).collect::<Vec<_>>(), [1]);
    assert_eq!(edges[0].2[0].to_range.len(), log.chars().count() - 1);
}

#[test]
fn an_embedded_query_and_carried_texts_are_a_retrieval() {
    let mut run = Build::default();
    run.embed((0, 5), &[ROME, OSLO]);
    run.embed((1, 6), &[LIMA]);
    run.embed((10, 12), &["Which city is older?"]);
    run.llm(
        (20, 30),
        vec![user(&format!("Context:\n{LIMA}\n{ROME}\nQuestion: Which city is older?"))],
        vec![text("Rome")],
    );
    run.embed((40, 42), &["And where is Oslo?"]);
    run.llm((50, 60), vec![user(&format!("Context:\n{OSLO}\nQuestion: And where is Oslo?"))], vec![text("Norway")]);
    run.llm((70, 80), vec![user(&format!("Context:\n{OSLO}\nIs it a fjord?"))], vec![text("Yes")]);
    let found: Vec<String> = inferred_retrievals(&run.graph)
        .iter()
        .map(|found| {
            format!(
                "{} -> {}: {:?} {:?}",
                found.query,
                found.call,
                found.embedded.iter().map(|(node, place)| (node.0, *place)).collect::<Vec<_>>(),
                found.documents.iter().map(|document| document.text.as_str()).collect::<Vec<_>>()
            )
        })
        .collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    3 -> 4: [(2, 0), (1, 0)] ["Lima is the second largest desert city.", "Rome was founded in 753 BC by Romulus."]
    5 -> 6: [(1, 1)] ["Oslo lies at the northern end of a fjord."]
    "#);
    insta::assert_snapshot!(show(&run.graph), @"
    1.texts[0] -> 4.messages[0].content: Rome was founded in 753 BC by Romulus.
    1.texts[1] -> 6.messages[0].content: Oslo lies at the northern end of a fjord.
    1.texts[1] -> 7.messages[0].content: Oslo lies at the northern end of a fjord.
    2.texts[0] -> 4.messages[0].content: Lima is the second largest desert city.
    3.texts[0] -> 4.messages[0].content: Which city is older?
    5.texts[0] -> 6.messages[0].content: And where is Oslo?
    ");
    let retrieval = run.block(Kind::Retrieval, (12, 15), "\"Which city is older?\"", "", &[LIMA, ROME]);
    run.graph.connect(retrieval, NodeId(4), Edge::Then);
    insta::assert_snapshot!(show(&run.graph), @"
    1.texts[1] -> 6.messages[0].content: Oslo lies at the northern end of a fjord.
    1.texts[1] -> 7.messages[0].content: Oslo lies at the northern end of a fjord.
    1.texts[0] -> 8.documents[1].text: Rome was founded in 753 BC by Romulus.
    2.texts[0] -> 8.documents[0].text: Lima is the second largest desert city.
    3.texts[0] -> 4.messages[0].content: Which city is older?
    3.texts[0] -> 8.input: Which city is older?
    5.texts[0] -> 6.messages[0].content: And where is Oslo?
    8.documents[0].text -> 4.messages[0].content: Lima is the second largest desert city.
    8.documents[1].text -> 4.messages[0].content: Rome was founded in 753 BC by Romulus.
    ");
    assert_eq!(inferred_retrievals(&run.graph).len(), 1, "an announced one is not inferred again");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A pipeline in which each call gets some of the earlier answers: exactly these are its sources.
    #[test]
    fn sources_are_found_and_no_others(
        answers in prop::collection::vec("[a-z]{3,8}( [a-z]{2,9}){6,12}", 3..8),
        wanted in prop::collection::vec(prop::collection::vec(any::<bool>(), 8), 8),
        spaced in any::<bool>(),
    ) {
        let mut run = Build::default();
        let (mut nodes, mut expected): (Vec<NodeId>, Vec<(NodeId, NodeId)>) = Default::default();
        for (place, answer) in answers.iter().enumerate() {
            let sources: Vec<usize> = (0..place).filter(|source| wanted[place][*source]).collect();
            let said = |source: &usize| match &answers[*source] {
                answer if spaced => format!("<{source}>{}</{source}>", answer.replace(' ', "\n  ")),
                answer => format!("<{source}>{}</{source}>", quote(answer)),
            };
            let prompt = sources.iter().map(said).collect::<Vec<_>>().join("\n");
            let start = place as u64 * 10;
            let node = run.llm((start, start + 5), vec![user(&prompt)], vec![text(answer)]);
            nodes.push(node);
            expected.extend(sources.iter().map(|source| (nodes[*source], node)));
        }
        expected.sort_unstable();
        let found: Vec<(NodeId, NodeId)> = data_edges(&run.graph).iter().map(|(from, to, _)| (*from, *to)).collect();
        prop_assert_eq!(found, expected);
    }
}
