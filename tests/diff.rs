//! `retake diff`, and what it looks like.

use retake::diff::compare;
use retake::format::json;
use retake::model::{Detail, Micros, NodeId, Run};
use retake::ui::{Paper, diff as view};

use crate::support::env::TestEnv;
use crate::support::runs as made;

const PIPE: Paper = Paper { width: None, colour: false, now: Micros(made::BEGIN) };

fn both(left: &Run, right: &Run) -> String {
    view::view(&compare(left, right), left, right, PIPE)
}

/// The weekend again with another system prompt, another summary and no forecast.
fn changed() -> Run {
    let mut run = made::weekend();
    run.id = made::name("nrsvlkyo");
    let node = run.graph.node_mut(NodeId(5)).expect("it is there");
    if let Detail::Call { prompt, reply, .. } = &mut node.detail {
        prompt.messages[0] = made::says(0, "system", "Summarize in one paragraph.").into();
        reply.parts = vec![made::text("The Fête des Lumières runs until Sunday.")];
        reply.usage.output = Some(187);
    }
    node.ended = Some(made::at(31));
    if let Detail::Call { reply, .. } = &mut run.graph.node_mut(NodeId(6)).expect("it is there").detail {
        reply.parts = vec![made::text("Go on Sunday.")];
    }
    run
}

#[test]
fn causes_stand_before_what_follows() {
    insta::assert_snapshot!(both(&made::weekend(), &changed()), @"
      1 plan       same
      2 wiki       same
      3 weather    same
      4 news       same
    ~ 5 summarize  cause: input changed  2.9s → 1.6s  410 → 187 tok
        system
        - Summarize the findings as a list.
        + Summarize in one paragraph.
        answer
        - - Fête des Lumières, until Sunday
        - - Vieux Lyon
        + The Fête des Lumières runs until Sunday.
    ~ 6 answer     follows
        answer
        + Go on Sunday.

    2 of 6 nodes differ: 1 cause, 1 consequence
    ");
    insta::assert_snapshot!(json::diff(&compare(&made::weekend(), &changed())), @r#"
    {"type":"diff","left":"kmqxpwtz","right":"nrsvlkyo","equal":false,"same":4,"differ":2,"only_left":0,"only_right":0,"causes":1}
    {"type":"pair","left":1,"right":1,"status":"same","cause":false,"changes":[],"metrics":[{"name":"duration","left":1200000,"right":1200000},{"name":"input_tokens","left":812,"right":812},{"name":"output_tokens","left":94,"right":94}]}
    {"type":"pair","left":2,"right":2,"status":"same","cause":false,"changes":[],"metrics":[{"name":"duration","left":100000,"right":100000}]}
    {"type":"pair","left":3,"right":3,"status":"same","cause":false,"changes":[],"metrics":[{"name":"duration","left":300000,"right":300000}]}
    {"type":"pair","left":4,"right":4,"status":"same","cause":false,"changes":[],"metrics":[{"name":"duration","left":100000,"right":100000}]}
    {"type":"pair","left":5,"right":5,"status":"differs","cause":true,"changes":[{"path":"system","place":"input","kind":"text","inherited":false,"left":null,"right":null,"hunks":[{"left":0,"right":0,"ops":[["equal","Summarize "],["removed","the findings as a list"],["added","in one paragraph"],["equal","."]]}]},{"path":"answer","place":"output","kind":"text","inherited":false,"left":null,"right":null,"hunks":[{"left":0,"right":0,"ops":[["removed","-"],["added","The"],["equal"," Fête des Lumières"],["removed",","],["added"," runs"],["equal"," until Sunday"],["removed","\n- Vieux Lyon"],["added","."]]}]}],"metrics":[{"name":"duration","left":2900000,"right":1600000},{"name":"input_tokens","left":3104,"right":3104},{"name":"output_tokens","left":410,"right":187}]}
    {"type":"pair","left":6,"right":6,"status":"differs","cause":false,"changes":[{"path":"answer","place":"output","kind":"added","inherited":false,"left":null,"right":"Go on Sunday.","hunks":null}],"metrics":[{"name":"duration","left":3400000,"right":3400000},{"name":"input_tokens","left":1022,"right":1022},{"name":"output_tokens","left":288,"right":288}]}
    "#);
}

#[test]
fn one_pair_is_shown_in_full() {
    let (left, right) = (made::weekend(), changed());
    let report = compare(&left, &right);
    insta::assert_snapshot!(view::pair_view(&report, &left, &right, NodeId(5), PIPE).expect("it is there"), @"
    ~ 5 summarize  cause: input changed  2.9s → 1.6s  410 → 187 tok
        system
        - Summarize the findings as a list.
        + Summarize in one paragraph.
        answer
        - - Fête des Lumières, until Sunday
        - - Vieux Lyon
        + The Fête des Lumières runs until Sunday.
    ");
    assert!(view::pair_view(&report, &left, &right, NodeId(9), PIPE).is_none());
}

#[test]
fn nodes_of_one_side_are_seen() {
    insta::assert_snapshot!(both(&made::prices(), &made::three_at_once()), @r#"
    + 1 model call    cause: only on the right
        gpt-5-mini
    ~ 1→2 model call  cause: input changed  1.2s → 1.8s  31 → 1 tok
        temperature
        - 0.2
        tools[0]  removed
        tools[1]  removed
        system
        - You sell lamps.
        messages[1].content
        - What do two lamps cost?
        + question 2
        answer
        + yes
        tool_calls[0].arguments
        - get_price({"item": "lamp", "count": 2})
        tool_calls[1].arguments
        - get_stock({"item": "lamp"})
    + 3 model call    cause: only on the right
        gpt-5-mini
    + 4 join          follows: only on the right
        gpt-5-mini
    - 2 get_price     follows: only on the left
        {item: lamp}
    - 3 get_stock     follows: only on the left
        {item: lamp}
    - 4 model call    follows: only on the left
        gpt-5-mini

    7 of 7 nodes differ: 3 causes, 4 consequences, 3 only on the left, 3 only on the right
    "#);
    insta::assert_snapshot!(both(&made::weekend(), &made::weekend()), @"
      1-6  same

    no difference in 6 nodes
    ");
}

#[test]
fn runs_are_found_by_what_is_left_out() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.line("diff"), @"
    --- stderr
    error: no runs yet

    hint: record one with `retake record python agent.py`, or try `retake demo`
    --- exit 2
    ");
    env.keep("kmqxpwtz", 0, None);
    insta::assert_snapshot!(env.line("diff"), @"
    --- stderr
    error: there is no replay to compare

    hint: make one with `retake replay`
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("diff kmqx"), @"
    --- stderr
    error: run `kmqxpwtz` has no replay to compare it with

    hint: make one with `retake replay`
    --- exit 2
    ");
    env.keep("nrsvlkyo", 300, Some("kmqxpwtz"));
    let compared = env.line("diff kmqx nrsv");
    insta::assert_snapshot!(compared, @"no difference in 0 nodes");
    for words in ["diff", "diff kmqx", "diff nrsv", "diff nrsv --exit-code"] {
        assert_eq!(env.line(words), compared, "{words}");
    }
    insta::assert_snapshot!(env.line("diff kmqx nrsv nrsv"), @"
    --- stderr
    error: `retake diff` compares two runs

    hint: name the runs and at most a node, as in `retake diff kmqx nrsv 5`
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("diff kmqx nrsv 3"), @"
    --- stderr
    error: run `kmqxpwtz` has no node `3`; it has none
    --- exit 2
    ");
    insta::assert_snapshot!(env.line("diff -q --exit-code"), @"");
}
