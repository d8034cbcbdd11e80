//! Tools read off conversations whose ids do not tell one call from another.

use std::fmt::Write as _;

use bytes::Bytes;

use super::assemble;
use crate::model::event::{AnswerHead, Chunks, End, Ending, Event, Request, Seq};
use crate::model::{Detail, Edge, Micros, Run, RunId};
use crate::text::json::quote;

/// A recording that is written by hand.
#[derive(Default)]
struct Script(Vec<Event>);

impl Script {
    fn ask(&mut self, seq: Seq, path: &str, body: String) {
        self.0.push(Event::Request(Request {
            seq,
            at: Micros(self.0.len() as u64),
            provider: "openai".into(),
            upstream: String::new(),
            method: "POST".into(),
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
            body: Bytes::from(body),
            coding: String::new(),
        }));
    }

    fn answer(&mut self, seq: Seq, body: String) {
        let at = Micros(self.0.len() as u64);
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        self.0.push(Event::Answer(AnswerHead { seq, at, status: 200, headers, coding: String::new() }));
        self.0.push(Event::Chunks(Chunks { seq, pieces: vec![(at, Bytes::from(body))] }));
        self.0.push(Event::End(End { seq, at, how: Ending::Complete }));
    }

    fn run(&self) -> Run {
        assemble(&RunId::from_seed(0), &self.0)
    }

    /// Each tool: the call that asked for it and the place there, what was asked, the result, who read it.
    fn tools(&self) -> String {
        let run = self.run();
        let mut out = String::new();
        for node in run.graph.nodes() {
            let Detail::Tool(tool) = &node.detail else { continue };
            let readers: Vec<String> = run
                .graph
                .out_of_node(node.id)
                .filter(|(_, edge)| **edge == Edge::ToolResult)
                .filter_map(|(reader, _)| Some(run.graph.node(reader)?.seq?.to_string()))
                .collect();
            let made = node.made_by().map_or("harness".to_owned(), |(seq, place)| format!("{seq}[{place}]"));
            let result = tool.result.as_deref().unwrap_or("nothing");
            let _ = writeln!(out, "{made} {} {} = {result} -> {}", node.name, tool.arguments, readers.join(" "));
        }
        out
    }
}

/// What stands in a conversation of chat completions.
enum Says<'a> {
    User(&'a str),
    /// Calls: id, tool, arguments.
    Calls(&'a [(&'a str, &'a str, &'a str)]),
    /// A result: id, name, content.
    Result(&'a str, Option<&'a str>, &'a str),
    Text(&'a str),
}
use Says::{Calls, Result, Text, User};

fn message(says: &Says<'_>) -> String {
    match says {
        User(text) => format!(r#"{{"role":"user","content":{}}}"#, quote(text)),
        Text(text) => format!(r#"{{"role":"assistant","content":{}}}"#, quote(text)),
        Calls(calls) => {
            let calls: Vec<String> = calls
                .iter()
                .map(|(id, name, arguments)| {
                    let (id, arguments) = (quote(id), quote(arguments));
                    format!(r#"{{"id":{id},"type":"function","function":{{"name":"{name}","arguments":{arguments}}}}}"#)
                })
                .collect();
            format!(r#"{{"role":"assistant","content":null,"tool_calls":[{}]}}"#, calls.join(","))
        }
        Result(id, name, text) => {
            let name = name.map(|name| format!(r#""name":"{name}","#)).unwrap_or_default();
            format!(r#"{{"role":"tool",{name}"tool_call_id":{},"content":{}}}"#, quote(id), quote(text))
        }
    }
}

fn asked(messages: &[Says<'_>]) -> String {
    let messages: Vec<String> = messages.iter().map(message).collect();
    format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","))
}

fn answered(says: &Says<'_>) -> String {
    format!(r#"{{"id":"r","choices":[{{"index":0,"message":{},"finish_reason":"stop"}}]}}"#, message(says))
}

const CHAT: &str = "/v1/chat/completions";

/// A conversation in which every answer asks for what `turns` says, and the results come back in order.
fn conversation(script: &mut Script, first: Seq, question: &str, turns: &[&[(&str, &str, &str)]], named: bool) {
    let mut said = vec![User(question)];
    for (seq, calls) in (first..).zip(turns) {
        script.ask(seq, CHAT, asked(&said));
        script.answer(seq, answered(&Calls(calls)));
        said.push(Calls(calls));
        for (id, name, arguments) in *calls {
            let result = Box::leak(format!("{name} of {arguments}").into_boxed_str());
            said.push(Result(id, named.then_some(*name), result));
        }
    }
    let last = first + turns.len() as Seq;
    script.ask(last, CHAT, asked(&said));
    script.answer(last, answered(&Text("done")));
}

#[test]
fn ids_that_are_numbered_per_turn_are_of_that_turn() {
    let mut script = Script::default();
    let turns: [&[_]; 3] = [
        &[("search:0", "search", r#"{"q":"alpha"}"#), ("search:1", "search", r#"{"q":"beta"}"#)],
        &[("search:0", "search", r#"{"q":"gamma"}"#)],
        &[("search:0", "fetch", r#"{"q":"gamma"}"#), ("search:1", "search", r#"{"q":"alpha"}"#)],
    ];
    conversation(&mut script, 1, "compare", &turns, false);
    insta::assert_snapshot!(script.tools(), @r#"
    1[0] search {"q":"alpha"} = search of {"q":"alpha"} -> 2
    1[1] search {"q":"beta"} = search of {"q":"beta"} -> 2
    2[0] search {"q":"gamma"} = search of {"q":"gamma"} -> 3
    3[0] fetch {"q":"gamma"} = fetch of {"q":"gamma"} -> 4
    3[1] search {"q":"alpha"} = search of {"q":"alpha"} -> 4
    "#);
}

#[test]
fn calls_without_ids_and_those_with_the_name_for_an_id_go_by_name_and_order() {
    for id in [["", "", ""], ["weather", "weather", "clock"], ["0", "0", "0"]] {
        for named in [false, true] {
            let mut script = Script::default();
            let turns: [&[_]; 2] = [
                &[
                    (id[0], "weather", r#"{"city":"Oslo"}"#),
                    (id[1], "weather", r#"{"city":"Rome"}"#),
                    (id[2], "clock", r#"{"zone":"CET"}"#),
                ],
                &[(id[0], "weather", r#"{"city":"Oslo"}"#), (id[1], "weather", r#"{"city":"Lima"}"#)],
            ];
            conversation(&mut script, 1, "weather", &turns, named);
            assert_eq!(
                script.tools(),
                "1[0] weather {\"city\":\"Oslo\"} = weather of {\"city\":\"Oslo\"} -> 2\n\
                 1[1] weather {\"city\":\"Rome\"} = weather of {\"city\":\"Rome\"} -> 2\n\
                 1[2] clock {\"zone\":\"CET\"} = clock of {\"zone\":\"CET\"} -> 2\n\
                 2[0] weather {\"city\":\"Oslo\"} = weather of {\"city\":\"Oslo\"} -> 3\n\
                 2[1] weather {\"city\":\"Lima\"} = weather of {\"city\":\"Lima\"} -> 3\n",
                "{id:?} {named}"
            );
        }
    }
}

#[test]
fn two_conversations_may_share_ids() {
    for id in ["call_0", "search", ""] {
        let mut script = Script::default();
        let (a, b) = (Calls(&[(id, "search", r#"{"q":"a"}"#)]), Calls(&[(id, "search", r#"{"q":"b"}"#)]));
        script.ask(1, CHAT, asked(&[User("one")]));
        script.ask(2, CHAT, asked(&[User("two")]));
        script.answer(1, answered(&a));
        script.answer(2, answered(&b));
        // Written anew by the client, as many do.
        let spelled = Calls(&[(id, "search", r#"{"q": "a"}"#)]);
        script.ask(3, CHAT, asked(&[User("two"), Calls(&[(id, "search", r#"{"q":"b"}"#)]), Result(id, None, "of b")]));
        script.ask(4, CHAT, asked(&[User("one"), spelled, Result(id, None, "of a")]));
        script.answer(3, answered(&Text("b is done")));
        script.answer(4, answered(&Text("a is done")));
        assert_eq!(
            script.tools(),
            "1[0] search {\"q\":\"a\"} = of a -> 4\n2[0] search {\"q\":\"b\"} = of b -> 3\n",
            "{id:?}"
        );
        let lanes: Vec<_> = script.run().graph.nodes().filter_map(|node| Some((node.seq?, node.lane?.0))).collect();
        assert_eq!(lanes, [(1, 0), (2, 1), (3, 1), (4, 0)], "{id:?}");
    }
}

#[test]
fn of_a_window_that_moves_on_the_calls_are_those_at_its_end() {
    for id in ["poll:0", "poll", ""] {
        let mut script = Script::default();
        let results = ["waiting", "waiting", "waiting", "ready"];
        let mut said = Vec::new();
        for (seq, result) in (1..).zip(results) {
            let window = said.len() - 4_usize.min(said.len());
            let body = format!(r#"{{"model":"m","messages":[{}]}}"#, said[window..].join(","));
            script.ask(seq, CHAT, body);
            script.answer(seq, answered(&Calls(&[(id, "poll", "{}")])));
            said.push(message(&Calls(&[(id, "poll", "{}")])));
            said.push(message(&Result(id, None, result)));
        }
        script.ask(5, CHAT, format!(r#"{{"model":"m","messages":[{}]}}"#, said[4..].join(",")));
        script.answer(5, answered(&Text("done")));
        assert_eq!(
            script.tools(),
            "1[0] poll {} = waiting -> 2\n2[0] poll {} = waiting -> 3\n\
             3[0] poll {} = waiting -> 4\n4[0] poll {} = ready -> 5\n",
            "{id:?}"
        );
    }
}

#[test]
fn a_result_of_a_call_that_the_provider_keeps_is_of_the_answer_before() {
    for id in ["call_0", "lookup"] {
        let mut script = Script::default();
        let call = |arguments: &str| {
            format!(r#"{{"type":"function_call","call_id":"{id}","name":"lookup","arguments":{}}}"#, quote(arguments))
        };
        let result = |text: &str| format!(r#"{{"type":"function_call_output","call_id":"{id}","output":"{text}"}}"#);
        let answers = [call(r#"{"n":1}"#), call(r#"{"n":2}"#), String::new()];
        for (seq, answer) in (1..).zip(answers) {
            let input =
                if seq == 1 { r#"{"role":"user","content":"go"}"#.to_owned() } else { result(&format!("r{seq}")) };
            let before =
                if seq == 1 { String::new() } else { format!(r#","previous_response_id":"resp_{}""#, seq - 1) };
            script.ask(seq, "/v1/responses", format!(r#"{{"model":"m","input":[{input}]{before}}}"#));
            script.answer(seq, format!(r#"{{"id":"resp_{seq}","object":"response","output":[{answer}]}}"#));
        }
        assert_eq!(script.tools(), "1[0] lookup {\"n\":1} = r2 -> 2\n2[0] lookup {\"n\":2} = r3 -> 3\n", "{id:?}");
    }
}

#[test]
fn ids_that_the_client_gives_anew_are_of_the_same_calls() {
    let mut script = Script::default();
    script.ask(1, CHAT, asked(&[User("go")]));
    script.answer(1, answered(&Calls(&[("", "find", r#"{"q":1}"#), ("", "find", r#"{"q":2}"#)])));
    let anew = [("k1", "find", r#"{"q": 1}"#), ("k2", "find", r#"{"q": 2}"#)];
    // Results may come in any order where ids tell.
    let said = [User("go"), Calls(&anew), Result("k2", None, "second"), Result("k1", None, "first")];
    script.ask(2, CHAT, asked(&said));
    script.answer(2, answered(&Text("done")));
    insta::assert_snapshot!(script.tools(), @r#"
    1[0] find {"q":1} = first -> 2
    1[1] find {"q":2} = second -> 2
    "#);
}

#[test]
fn a_call_that_no_answer_made_is_the_harness_s() {
    let mut script = Script::default();
    script.ask(1, CHAT, asked(&[User("go")]));
    script.answer(1, answered(&Calls(&[("call_1", "find", "{}")])));
    let (made, own) = (Calls(&[("call_1", "find", "{}")]), Calls(&[("own_1", "hand_back", "{}")]));
    script.ask(2, CHAT, asked(&[User("go"), made, Result("call_1", None, "x"), own, Result("own_1", None, "y")]));
    script.answer(2, answered(&Text("done")));
    insta::assert_snapshot!(script.tools(), @"
    1[0] find {} = x -> 2
    harness hand_back {} = y -> 2
    ");
}
