//! What runs, nodes and lists look like.

use proptest::collection::vec;
use proptest::prelude::*;
use retake::model::{Edge, Kind, Micros, NodeId, Run, State};
use retake::ui::{Paper, graph, node, run, runs};

use crate::support::runs as made;

const PIPE: Paper = Paper { width: None, colour: false, now: Micros(made::BEGIN + 120_000_000) };
const TERMINAL: Paper = Paper { width: Some(60), ..PIPE };

fn show(run: &Run, paper: Paper) -> String {
    run::view(run, &made::summary(run, State::Finished), None, paper)
}

#[test]
fn branches_are_drawn_side_by_side() {
    insta::assert_snapshot!(show(&made::weekend(), PIPE), @r#"
    kmqxpwtz  python agent.py "What should I do in Lyon this weekend?"  exit 0
      2 minutes ago, 7.9s, 6 nodes, 3 model calls, 5,730 tok
      in /home/ada/agent

    ●      1 plan       mistral-small                812 → 94 tok  1.2s
    ├─┬─╮
    ◆ │ │  2 wiki       {query: Lyon, k: 5}            1 document  0.1s
    │ ■ │  3 weather    {city: Lyon}                               0.3s
    │ │ ◆  4 news       {query: Lyon news, k: 5}      2 documents  0.1s
    ├───╯
    ● │    5 summarize  mistral-small             3,104 → 410 tok  2.9s
    ├─╯
    ●      6 answer     mistral-large             1,022 → 288 tok  3.4s

    ● model call  ◆ retrieval  ■ tool
    in parallel: 2-4
    "#);
}

#[test]
fn calls_that_nothing_connects_are_seen_to_be_parallel() {
    insta::assert_snapshot!(graph::draw(&made::three_at_once().graph, PIPE), @"
    ●      1 model call  gpt-5-mini   9 → 1 tok  1.9s
    │ ●    2 model call  gpt-5-mini   9 → 1 tok  1.8s
    ├─╯
    │   ●  3 model call  gpt-5-mini   9 → 1 tok  1.7s
    ├───╯
    ●      4 join        gpt-5-mini  12 → 1 tok  0.9s

    ● model call
    in parallel: 1-3
    ");
}

proptest! {
    #[test]
    fn every_node_has_one_row(edges in vec((1_u32..20, 1_u32..20), 0..60), width in proptest::option::of(10_usize..90)) {
        let mut run = made::run("kmqxpwtz", &["true"]);
        for id in 1..20 {
            let detail = made::call("m", Vec::new(), Vec::new(), (1, 2));
            run.graph.add(made::node(id, Kind::Llm, "", u64::from(id / 3), u64::from(id / 2 + 1), detail));
        }
        for (from, to) in edges {
            run.graph.connect(NodeId(from), NodeId(to), Edge::Then);
        }
        let drawn = graph::draw(&run.graph, Paper { width, ..PIPE });
        let mut rows: Vec<u32> = drawn
            .lines()
            .filter(|line| line.contains('●') && line.contains("→"))
            .filter_map(|line| line.split("model call").next()?.split_whitespace().last()?.parse().ok())
            .collect();
        rows.sort_unstable();
        prop_assert_eq!(rows, (1..20).collect::<Vec<u32>>(), "{}", drawn);
    }
}

#[test]
fn a_wide_run_is_drawn() {
    let mut run = made::run("kmqxpwtz", &["true"]);
    for id in 1..=40 {
        run.graph.add(made::node(id, Kind::Tool, "t", 0, 1, made::tool("", "{}", "")));
        run.graph.connect(NodeId(1), NodeId(id), Edge::Calls);
    }
    let drawn = graph::draw(&run.graph, PIPE);
    assert!(drawn.contains("in parallel: 2-40\n"), "{drawn}");
}

#[test]
fn a_replay_says_what_it_did() {
    insta::assert_snapshot!(show(&made::replayed(), TERMINAL), @r#"
    pvwuqxtm  replay: --set 1.system="You sell chairs."  exit 1
      replay of nrsvlkyo
      2 minutes ago, 3.1s, 4 nodes, 2 model calls, 225 tok
      in /home/ada/agent

    ●    1 model call  gpt-5-mini     60 → 31 tok  1.2s  served
    ├─╮
    ■ │  2 get_price   {item: lamp}                0.2s
    │ ■  3 get_stock   {item: lamp}                0.2s
    ├─╯
    ●    4 model call  gpt-5-mini    120 → 14 tok  1.1s  refused
           refused: nearest is 4, which differs in messages[3].…

    ● model call  ■ tool
    in parallel: 2, 3

    warning: 2 keys were missing
    "#);
}

#[test]
fn a_run_without_calls_says_so() {
    insta::assert_snapshot!(show(&made::run("kmqxpwtz", &["true"]), PIPE), @"
    kmqxpwtz  true  exit 0
      2 minutes ago, 7.9s, 0 nodes, 0 model calls
      in /home/ada/agent

    no calls were recorded
    ");
}

#[test]
fn a_node_says_what_is_new_and_where_it_came_from() {
    let view = |run: &Run, id| node::view(run, NodeId(id), PIPE).expect("there is such a node");
    insta::assert_snapshot!(view(&made::weekend(), 5), @"
    5 summarize  model call  mistral-small  openai-chat  2.9s
      from 2 (data), 4 (data)
      to 6 (data)

    system  new
      Summarize the findings as a list.
    messages[1].content  user  new
      from 2 documents[0].text: 30 characters at 4, exact
      from 4 documents[0].text: 30 characters at 4, exact
      [1] Lyon is the third-largest city
      [2] Fête des Lumières until Sunday
    answer
      - Fête des Lumières, until Sunday
      - Vieux Lyon

    finish stop   3,104 → 410 tok
    ");
    insta::assert_snapshot!(view(&made::prices(), 4), @r#"
    4  model call  gpt-5-mini  openai-chat  1.1s
      from 1 (then), 2 (tool_result), 3 (tool_result)

    system  as in 1
      You sell lamps.
    messages[1].content  user  as in 1
      What do two lamps cost?
    messages[2]  assistant  answer of 1
      calls get_price {item: lamp, count: 2}  messages[2].tool_calls[0]
      calls get_stock {item: lamp}  messages[2].tool_calls[1]
    messages[3].content  tool  new
      (result call_a)
      {"total": 98}
    messages[4].content  tool  new
      (result call_b)
      7 left\u{1b}[2J
    answer
      Two lamps cost 98, and 7 are left.

    finish stop   120 → 14 tok
    "#);
    insta::assert_snapshot!(view(&made::prices(), 1), @r#"
    1  model call  gpt-5-mini  openai-chat  1.2s
      to 2 (tool_call), 3 (tool_call), 4 (then)
      POST https://api.openai.com/v1/chat/completions, 200, 24 B, stream of 2 pieces, first byte after 0.3s

    system  new
      You sell lamps.
    messages[1].content  user  new
      What do two lamps cost?
    tools  get_price, get_stock
    tool_calls[0].name  get_price  ran as 2
    tool_calls[0].arguments.item  "lamp"
    tool_calls[0].arguments.count  2
    tool_calls[1].name  get_stock  ran as 3
    tool_calls[1].arguments.item  "lamp"

    temperature 0.2   stream   finish stop   60 → 31 tok
    "#);
    insta::assert_snapshot!(view(&made::replayed(), 1), @r#"
    1  model call  gpt-5-mini  openai-chat  1.2s
      to 2 (tool_call), 3 (tool_call), 4 (then)
      POST https://api.openai.com/v1/chat/completions, 200, 24 B, stream of 2 pieces, first byte after 0.3s
      served: equal once values were held, stands for 1 of nrsvlkyo
        held messages[0].content: 2026-11-23, now 2026-11-24

    system  new
      You sell lamps.
    messages[1].content  user  new
      What do two lamps cost?
    tools  get_price, get_stock
    tool_calls[0].name  get_price  ran as 2
    tool_calls[0].arguments.item  "lamp"
    tool_calls[0].arguments.count  2
    tool_calls[1].name  get_stock  ran as 3
    tool_calls[1].arguments.item  "lamp"

    temperature 0.2   stream   finish stop   60 → 31 tok
    "#);
    insta::assert_snapshot!(view(&made::prices(), 2), @r#"
    2 get_price  tool  result seen  read off the conversation  0.2s
      from 1 (tool_call)
      to 4 (tool_result)
      in parallel with 3

    arguments.item  "lamp"
    result
      {"total": 98}

    call id call_a
    "#);
    insta::assert_snapshot!(view(&made::weekend(), 4), @r#"
    4 news  retrieval  0.1s
      from 1 (data)
      to 5 (data)
      in parallel with 2, 3

    input.query  "Lyon news"
    input.k  5
    documents[0].text  doc-0  score 0.83
      Fête des Lumières until Sunday
    documents[1].text  doc-1  score 0.83
      Other
    "#);
}

#[test]
fn a_terminal_gets_long_texts_cut() {
    let mut run = made::run("kmqxpwtz", &["true"]);
    let long: String = (0..40).map(|line| line.to_string() + "\n").collect();
    let detail = made::call("m", vec![made::says(0, "user", &long)], vec![made::text(&"word ".repeat(30))], (1, 2));
    run.graph.add(made::node(1, Kind::Llm, "", 0, 5, detail));
    insta::assert_snapshot!(node::view(&run, NodeId(1), TERMINAL).expect("there is such a node"), @"
    1  model call  m  openai-chat  0.5s

    messages[0].content  user  new
      0
      1
      2
      3
      4
      5
      6
      7
      8
      9
      10
      11
      12
      13
      14
      15
      (+ 24 lines)
    answer
      word word word word word word word word word word word
      word word word word word word word word word word word
      word word word word word word word word

    finish stop   1 → 2 tok
    ");
    let whole = node::view(&run, NodeId(1), PIPE).expect("there is such a node");
    assert!(whole.contains("  39\n"), "{whole}");
}

#[test]
fn replays_hang_under_their_run() {
    let weekend = made::weekend();
    let mut first = made::summary(&weekend, State::Finished);
    first.tags = vec!["good".to_owned()];
    let mut replay = made::summary(&made::replayed(), State::Finished);
    replay.started.at = made::at(400);
    let prices = made::summary(&made::prices(), State::Interrupted);
    let mut running = made::summary(&made::run("kqqqqqqq", &["./slow", "a\u{1b}b"]), State::Running);
    running.duration = None;
    running.started.at = made::at(1_100);
    let all = [running, replay, first, prices];
    insta::assert_snapshot!(runs::table(&all, PIPE), @r#"
    kqqqqqqq    10 seconds ago        0 nodes                 running  ./slow "a\u{1b}b"
    nrsvlkyo    2 minutes ago   7.9s  4 nodes    225 tok  interrupted  node agent.mjs
    └─pvwuqxtm  1 minute ago    3.1s  4 nodes    225 tok       exit 1  replay: --set 1.system="You sell chairs."
    kmqxpwtz    2 minutes ago   7.9s  6 nodes  5,730 tok               python agent.py "What should I do in Lyon this weekend?"  [good]
    "#);
    insta::assert_snapshot!(runs::table(&all, Paper { width: Some(80), ..PIPE }), @r#"
    kqqqqqqq    10 seconds ago        0 nodes      running  ./slow "a\u{1b}b"
    nrsvlkyo    2 minutes ago   7.9s  4 nodes  interrupted  node agent.mjs
    └─pvwuqxtm  1 minute ago    3.1s  4 nodes       exit 1  replay: --set 1.system=…
    kmqxpwtz    2 minutes ago   7.9s  6 nodes               python agent.py…  [good]
    "#);
    insta::assert_snapshot!(runs::candidates(&[all[0].clone(), all[2].clone()], &all, PIPE), @r#"
    kqqqqqqq  10 seconds ago        0 nodes             running  ./slow "a\u{1b}b"
    kmqxpwtz  2 minutes ago   7.9s  6 nodes  5,730 tok           python agent.py "What should I do in Lyon this weekend?"  [good]
    "#);
    let coloured = runs::table(&all, Paper { colour: true, ..PIPE });
    assert!(coloured.contains("\u{1b}[1mkm\u{1b}[0m\u{1b}[2mqxpwtz\u{1b}[0m"), "{coloured}");
}
