//! How replayable runs made by hand are said to be.

use bytes::Bytes;

use super::assess::{Assessment, Reason, Word, gradeable};
use super::tests::{Tape, calls, request, text};
use crate::config::Settings;
use crate::model::event::{End, Ended, Ending, Event, Frame, Request};
use crate::model::{Micros, NodeId};

fn chat(messages: &str) -> String {
    format!(r#"{{"model":"m","messages":[{messages}]}}"#)
}

fn user(text: &str) -> String {
    format!(r#"{{"role":"user","content":"{text}"}}"#)
}

fn assess(tape: &Tape) -> Assessment {
    let mut run = tape.run();
    run.ended = Some(Ended { at: Micros(tape.time), code: 0 });
    run.started.command = vec!["agent".to_owned()];
    gradeable(&run, &Settings::default())
}

/// Grades and reasons, a node a line, below the verdict.
fn check(tape: &Tape, expected: &str) {
    let assessment = assess(tape);
    let mut out = format!("{}\n", assessment.line());
    for judged in &assessment.nodes {
        let kinds: Vec<&str> = judged.reasons.iter().map(Reason::kind).collect();
        out += &format!("{} {} {}\n", judged.node, judged.word.as_str(), kinds.join(" "));
    }
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    let (out, expected): (Vec<String>, Vec<String>) = (lines(&out), lines(expected));
    assert_eq!(out, expected);
}

#[test]
fn a_plain_conversation_is_exact() {
    let mut tape = Tape::new();
    tape.call(1, &chat(&user("a")), &calls(&[("call_1", "get_price", "{}")]));
    let messages = format!(
        r#"{},{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_1","type":"function","function":{{"name":"get_price","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"call_1","content":"7"}}"#,
        user("a")
    );
    tape.call(2, &chat(&messages), &text("Seven."));
    check(&tape, "exact, 3 nodes\n 1 exact\n 2 exact\n 3 exact");
}

#[test]
fn twins_are_equal_together_and_answered_differently() {
    let mut tape = Tape::new();
    tape.ask(1, &chat(&user("a")));
    tape.ask(2, &chat(&user("a")));
    tape.answer(1, 200, &text("one"));
    tape.answer(2, 200, &text("another"));
    // Later, or with the same answer, nothing is to be told apart.
    tape.call(3, &chat(&user("a")), &text("a third"));
    check(
        &tape,
        "exact up to 2 interchangeable calls
         1 exact up to interchangeable
         2 exact up to interchangeable
         3 exact",
    );
}

#[test]
fn names_and_readings_count_once_and_only_if_no_answer_made_them() {
    let mut tape = Tape::new();
    let first = user("session 0f8fad5b-d9cb-469f-a165-70867728950e on 1970-01-01");
    tape.call(1, &chat(&first), &text("Order 7c9e6679-7425-40de-944b-e07fc1f90ae7."));
    tape.call(2, &chat(&user("again 0f8fad5b-d9cb-469f-a165-70867728950e")), &text("b"));
    tape.call(3, &chat(&user("about 7c9e6679-7425-40de-944b-e07fc1f90ae7 of 2011-02-03")), &text("c"));
    check(&tape, "exact up to 1 name, 1 reading of the clock\n 1 exact up to names readings\n 2 exact\n 3 exact");
}

#[test]
fn what_an_agent_brings_along_is_remembered() {
    let mut tape = Tape::new();
    let before = r#"{"role":"user","content":"x"},{"role":"assistant","content":"Said last week."}"#;
    tape.call(1, &chat(&format!("{before},{}", user("a"))), &text("It is so."));
    let more = format!(r#"{before},{},{{"role":"assistant","content":"It is so."}},{}"#, user("a"), user("b"));
    tape.call(2, &chat(&more), &text("b"));
    check(&tape, "exact up to 1 remembered conversation\n 1 exact up to remembered\n 2 exact");
}

#[test]
fn state_of_a_server_that_was_not_answered_in_the_run_is_to_blame() {
    let mut tape = Tape::new();
    let responses = |seq, at, body: &str| Request { path: "/v1/responses".into(), ..request(seq, at, body) };
    let body = r#"{"model":"m","input":"a","previous_response_id":"resp_before"}"#;
    tape.events.push(Event::Request(responses(1, 20, body)));
    tape.answer(1, 200, r#"{"id":"resp_now","object":"response","status":"completed","output":[]}"#);
    let body = r#"{"model":"m","input":"b","previous_response_id":"resp_now"}"#;
    tape.events.push(Event::Request(responses(2, 1000, body)));
    tape.answer(2, 200, r#"{"id":"resp_then","object":"response","status":"completed","output":[]}"#);
    check(&tape, "partly: 1 of 2 nodes exact; to blame: node 1\n 1 partly server_state\n 2 exact");
}

#[test]
fn a_conversation_that_the_run_began_is_no_state_from_elsewhere() {
    let mut tape = Tape::new();
    let mistral = |seq, at, path: &str| Request {
        path: format!("/v1/conversations{path}"),
        provider: "mistral".into(),
        ..request(seq, at, r#"{"inputs":"a"}"#)
    };
    let answer = r#"{"object":"conversation.response","conversation_id":"conv_1","outputs":[]}"#;
    for (seq, path) in [(1, ""), (2, "/conv_1"), (3, "/conv_0")] {
        tape.events.push(Event::Request(mistral(seq, 1000 * seq, path)));
        tape.answer(seq, 200, answer);
    }
    check(&tape, "partly: 2 of 3 nodes exact; to blame: node 3\n 1 exact\n 2 exact\n 3 partly server_state");
}

#[test]
fn a_secret_that_only_the_answer_has_cannot_be_filled() {
    let mut tape = Tape::new();
    tape.call(1, &chat(&user("key __RETAKE_SECRET_1__")), &text("you said __RETAKE_SECRET_1__"));
    tape.call(2, &chat(&user("b")), &text("use __RETAKE_SECRET_2__"));
    check(&tape, "partly: 1 of 2 nodes exact; to blame: node 2\n 1 exact\n 2 partly redacted");
}

#[test]
fn broken_answers_are_replayed_and_cut_off_ones_are_not() {
    let mut tape = Tape::new();
    tape.ask(1, &chat(&user("a")));
    tape.events.push(Event::End(End { seq: 1, at: Micros(tape.time), how: Ending::Broken("reset".into()) }));
    tape.call(2, &chat(&user("b")), &text("b"));
    check(&tape, "exact up to 1 call without a whole answer\n 1 exact up to as_it_happened\n 2 exact");
    tape.ask(3, &chat(&user("c")));
    let assessment = assess(&tape);
    assert_eq!((assessment.word, assessment.blame()), (Word::Partly, vec![NodeId(3)]));
}

#[test]
fn an_upgraded_connection_cannot_be_answered() {
    let mut tape = Tape::new();
    tape.ask(1, "");
    let payload = Bytes::from_static(b"{}");
    tape.events.push(Event::Frame(Frame { seq: 1, at: Micros(50), from_agent: true, opcode: 1, payload }));
    check(&tape, "not replayable; to blame: node 1\n 1 not replayable upgraded");
}

#[test]
fn tools_that_may_do_harm_are_named() {
    let mut tape = Tape::new();
    tape.call(1, &chat(&user("a")), &calls(&[("call_1", "send_email", "{}")]));
    let messages = format!(
        r#"{},{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_1","type":"function","function":{{"name":"send_email","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"call_1","content":"ok"}}"#,
        user("a")
    );
    tape.call(2, &chat(&messages), &text("Sent."));
    check(&tape, "exact up to what send_email does again\n 1 exact\n 2 exact up to runs_again\n 3 exact");
}
