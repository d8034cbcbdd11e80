//! Tests of recordings as text.

use bytes::Bytes;

use super::{Error, read, write};
use crate::model::Micros;
use crate::model::event::{
    Action, AnswerHead, Begin, Chunks, Decided, End, Ended, Ending, Event, Finish, Frame, Grade, Note, Output, PAST,
    Request, Seq, Started,
};
use crate::text::json::Json;

const LONG: &str = "You are a careful assistant who answers in one sentence and never makes anything up at all.";

fn request(seq: Seq, at: u64, body: &str) -> Event {
    Event::Request(Request {
        seq,
        at: Micros(at),
        provider: "openai".into(),
        upstream: "https://api.openai.com".into(),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        query: "beta=1".into(),
        headers: vec![("content-type".into(), "application/json".into()), ("user-agent".into(), "x".into())],
        body: Bytes::copy_from_slice(body.as_bytes()),
        coding: String::new(),
    })
}

fn answer(seq: Seq, at: u64, kind: &str, pieces: &[&[u8]], how: Ending) -> Vec<Event> {
    let headers =
        vec![("content-type".into(), kind.into()), ("date".into(), "now".into()), ("retry-after".into(), "1".into())];
    let head = AnswerHead { seq, at: Micros(at), status: 200, headers, coding: "gzip".into() };
    let pieces = pieces.iter().map(|piece| (Micros(at), Bytes::copy_from_slice(piece))).collect();
    vec![Event::Answer(head), Event::Chunks(Chunks { seq, pieces }), Event::End(End { seq, at: Micros(at + 5), how })]
}

fn output(stream: u8, at: u64, bytes: &[u8]) -> Event {
    Event::Output(Output { at: Micros(at), stream, bytes: Bytes::copy_from_slice(bytes) })
}

fn run(rest: Vec<Event>) -> Vec<Event> {
    let started = Started {
        at: Micros(1_764_000_000_000_000),
        command: vec!["python".into(), "agent \"x\".py".into()],
        directory: "/w".into(),
        variables: vec!["HOME".into(), "OPENAI_API_KEY".into()],
        terminals: [true, false, false],
        places: vec![("home".into(), "/root".into())],
        upstreams: vec![("openai".into(), "https://api.openai.com".into())],
        ..Started::default()
    };
    std::iter::once(Event::Started(started)).chain(rest).collect()
}

fn text(events: &[Event]) -> String {
    write(events, &|name| name.ends_with("_KEY"))
}

/// What a text reads as; reading and writing again changes nothing.
fn back(text: &str) -> Vec<Event> {
    let (_, events) = read(text).expect("it was written");
    assert_eq!(self::text(&events), text);
    events
}

fn bodies(events: &[Event]) -> Vec<String> {
    let body = |event: &Event| match event {
        Event::Request(request) => Some(String::from_utf8_lossy(&request.body).into_owned()),
        _ => None,
    };
    events.iter().filter_map(body).collect()
}

fn pieces(events: &[Event]) -> Vec<Vec<Bytes>> {
    let pieces = |event: &Event| match event {
        Event::Chunks(chunks) => Some(chunks.pieces.iter().map(|(_, piece)| piece.clone()).collect()),
        _ => None,
    };
    events.iter().filter_map(pieces).collect()
}

#[test]
fn a_message_is_said_once() {
    let first = r#"{"model": "m", "n": 1.50, "messages": [{"role": "user", "content": "hi \ud800 \"there\" "}]}"#;
    let second = r#"{"model":"m","messages":[{"role":"user","content":"hi \ud800 \"there\" "},{"role":"user","content":"more"}]}"#;
    let text = text(&run(vec![request(7, 10, first), request(9, 20, second)]));
    assert_eq!(text.matches("there").count(), 1, "{text}");
    let events = back(&text);
    assert_eq!(bodies(&events)[0], first, "no digit, no escape and no space is lost");
    assert_eq!(bodies(&events)[1], second);
    let Event::Request(request) = &events[1] else { panic!("it is the request") };
    assert_eq!((request.seq, request.query.as_str(), request.headers.len()), (1, "beta=1", 1));
}

#[test]
fn a_long_conversation_is_not_said_again_with_every_call() {
    let message = |number: usize| format!("{{\"role\":\"user\",\"content\":\"message {number}\"}}");
    let body = |count: usize| {
        let messages: Vec<String> = (0..count).map(message).collect();
        format!("{{\"messages\":[{}],\"tools\":[1,2,3,4]}}", messages.join(","))
    };
    let made: Vec<String> = (1..400).map(body).collect();
    let requests = made.iter().zip(1..).map(|(body, seq)| request(seq, 10 * seq, body)).collect();
    let text = text(&run(requests));
    assert!(text.len() < 400 * 400, "{} bytes", text.len());
    assert_eq!(bodies(&back(&text)), made);
    let wrong = text.replace("{\"$\":[2,2]}", "{\"$\":[2,9]}").replace("{\"$\":[3,3]}", "{\"$\":[3,9]}");
    let error = read(&wrong).expect_err("it has not that many").to_string();
    assert!(error.ends_with("`[3,9]` refers to nothing before it"), "{error}");
}

#[test]
fn a_small_file_does_not_fill_the_memory() {
    let body = |count: usize| format!("{{\"messages\":[{}]}}", vec!["\"a message\""; count].join(","));
    let requests = (1..40).map(|seq| request(seq, 10 * seq, &body(usize::try_from(seq).unwrap()))).collect();
    let mut text = text(&run(requests));
    let mut size = 3_u64;
    for place in 3..39 {
        let known = format!("{{\"$\":[{place},{place}]}}");
        assert!(text.contains(&known), "{place}: {text}");
        let twice = format!("{{\"$\":[{place},{size}]}},{{\"$\":[{place},{size}]}}");
        text = text.replace(&known, &twice);
        size = 2 * size + 1;
    }
    assert!(text.len() < 20_000);
    let error = super::read(&text).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("what it repeats comes to too much"), "{error}");

    let unpack = |list: &str| {
        let list = Json::parse_text(list).unwrap();
        super::body::unpack(list.root(), &mut 100)
    };
    assert_eq!(unpack(r#"["abcdef",[4,"-",2]]"#).unwrap()[1], "abcd-ef");
    assert!(unpack(r#"["abcdef",[6,"",6]]"#).is_err());
    assert!(unpack(r#"["abcdef",[18446744073709551615,"",1]]"#).is_err());
    let many = format!("[\"abcdef\"{}]", ",[6,\"\",0]".repeat(20));
    assert!(unpack(&many).unwrap_err().contains("too much"));
}

#[test]
fn bodies_that_look_like_ours_or_are_none_come_back() {
    for body in [
        r#"{"messages":[{"$":"0123456789abcdef"}],"system":{"$":"x"}}"#,
        r#"{"part":"x","is":1,"system":[{"$":"y"},{"$":"y","z":1},{"$":[1,3]}],"a":{"$":[1,3]},"b":[[],null,{"$":1}]}"#,
        "not json \u{2028} at\nall",
        "[1, 2]",
        "",
    ] {
        let events = back(&text(&run(vec![request(1, 10, body)])));
        assert_eq!(bodies(&events), [body], "{body}");
    }
    let mut events = run(vec![request(1, 10, "")]);
    let Event::Request(request) = &mut events[1] else { panic!("it is the request") };
    request.body = Bytes::from_static(b"\xff\x00\n");
    let Event::Request(request) = back(&text(&events)).remove(1) else { panic!("it is the request") };
    assert_eq!(&request.body[..], b"\xff\x00\n");
}

#[test]
fn streams_keep_their_pieces() {
    let stream: [&[u8]; 6] = [
        b"data: {\"id\":\"chatcmpl-123456789\",\"delta\":{\"content\":\"Gr\xc3\xbc\"}}\n\n",
        b"data: {\"id\":\"chatcmpl-123456789\",\"delta\":{\"content\":\"Gr\xc3\xb6\"}}\n\n",
        b"data: {\"id\":\"chatcmpl-123456789\",\"delta\":{\"content\":\"\"}}\n\n",
        b"half of a letter \xc3",
        b"\xbc and the rest",
        b"data: [DONE]\n\n",
    ];
    let mut events = run(vec![request(1, 10, "{}")]);
    events.extend(answer(1, 20, "text/event-stream", &stream, Ending::Broken("reset".into())));
    let written = text(&events);
    assert!(written.contains("[55,"), "what pieces share is not said again: {written}");
    let again = back(&written);
    assert_eq!(pieces(&again), [stream.map(Bytes::copy_from_slice)]);
    assert!(again.iter().any(|event| matches!(event, Event::End(end) if end.how == Ending::Broken("reset".into()))));
    let Some(Event::Answer(head)) = again.iter().find(|event| matches!(event, Event::Answer(_))) else { panic!() };
    let names: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type", "retry-after"]);
}

#[test]
fn an_answer_refers_to_what_was_said_and_says_nothing_once_more() {
    let tool = r#"{"type":"function","name":"look_up"}"#;
    let mut events = run(vec![request(1, 10, &format!("{{\"instructions\":\"{LONG}\",\"tools\":[{tool}]}}"))]);
    let body = format!("{{\n  \"tools\": [{tool}],\n  \"instructions\": \"{LONG}\",\n  \"output\": [{{\"a\": 1}}]\n}}");
    events.extend(answer(1, 20, "application/json", &[&body.as_bytes()[..9], &body.as_bytes()[9..]], Ending::Complete));
    let written = text(&events);
    assert_eq!((written.matches("look_up").count(), written.matches("careful").count()), (1, 1), "{written}");
    assert_eq!(pieces(&back(&written)), [[Bytes::from(body)]]);
}

#[test]
fn what_happened_keeps_its_order_and_times_to_the_millisecond() {
    let start = 1_764_000_000_000_000;
    let mut events = run(vec![
        output(0, start, b"question\n"),
        output(0, start + 1, b""),
        request(4, start + 2_500, "{}"),
        request(5, start + 2_501, "{}"),
        Event::Begin(Begin {
            seq: 6,
            at: Micros(start + 3_000),
            kind: "tool".into(),
            name: "look_up".into(),
            input: Bytes::from_static(b"{\"q\": 1}"),
            parent: None,
            call_id: Some("call_1".into()),
            decided: None,
        }),
        Event::Finish(Finish {
            seq: 6,
            at: Micros(start + 4_000),
            output: Bytes::from_static(b"null"),
            documents: Bytes::from_static(b"[\"one\"]"),
            error: Some("none".into()),
        }),
    ]);
    events.extend(answer(5, start + 9_000, "application/json", &[b"{}"], Ending::Complete));
    events.push(Event::End(End { seq: 4, at: Micros(start + 9_900), how: Ending::Unreachable("refused".into()) }));
    events.push(output(1, start + 10_000, b"one\ntw"));
    events.push(output(1, start + 10_001, b"o\n"));
    events.push(output(2, start + 10_002, b"\xff"));
    events.push(Event::Frame(Frame {
        seq: 4,
        at: Micros(start + 10_003),
        from_agent: true,
        opcode: 2,
        payload: Bytes::from_static(b"\x00\xff"),
    }));
    events.push(Event::Ended(Ended { at: Micros(start + 12_000), code: 3 }));
    let again = back(&text(&events));
    let kinds: Vec<String> = again
        .iter()
        .map(|event| match event {
            Event::Started(_) => "started".into(),
            Event::Output(output) => format!("output {} {}", output.stream, String::from_utf8_lossy(&output.bytes)),
            Event::Request(request) => format!("request {} at {}", request.seq, (request.at.0 - start) / 1000),
            Event::Begin(begin) => format!("begin {} {:?}", begin.seq, begin.call_id),
            Event::Finish(finish) => format!("finish {} {:?}", finish.seq, finish.documents),
            Event::End(end) => format!("end {} at {}", end.seq, (end.at.0 - start) / 1000),
            Event::Frame(frame) => format!("frame {} {:?}", frame.seq, frame.payload),
            Event::Ended(ended) => format!("ended {} at {}", ended.code, (ended.at.0 - start) / 1000),
            Event::Answer(_) | Event::Chunks(_) => "answer".into(),
            other => format!("{other:?}"),
        })
        .collect();
    insta::assert_debug_snapshot!(kinds, @r#"
    [
        "started",
        "output 0 question\n",
        "output 0 ",
        "request 1 at 2",
        "request 2 at 2",
        "begin 3 Some(\"call_1\")",
        "finish 3 b\"[\\\"one\\\"]\"",
        "answer",
        "answer",
        "end 2 at 8",
        "end 1 at 9",
        "output 1 one\ntwo\n",
        "output 2 �",
        "frame 1 b\"\\0\\xff\"",
        "ended 3 at 11",
    ]
    "#);
}

#[test]
fn what_a_replay_sent_stands_for_what_was_asked() {
    let decided = Decided {
        seq: 1,
        action: Action::SendChanged,
        node: None,
        grade: Grade::Place,
        sent: Some(Bytes::from_static(b"{\"model\":\"sent\"}")),
        notes: Vec::new(),
        beside: Vec::new(),
    };
    let text = text(&run(vec![request(1, 10, "{\"model\":\"asked\"}"), Event::Decided(decided)]));
    assert_eq!(bodies(&back(&text)), ["{\"model\":\"sent\"}"]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let good = text(&run(vec![request(1, 10, r#"{"messages":[{"role":"user"}]}"#)]));
    let check = |text: &str, expected: &str| {
        assert_eq!(read(text).expect_err("it is wrong").to_string(), expected, "{text}");
    };
    check("", "it is not a recording: its first line is not `{\"retake\":1,…}`");
    check("{\"a\":1}", "it is not a recording: its first line is not `{\"retake\":1,…}`");
    check("{\"retake\":9}", "it was written by a newer retake (format 9, this one knows 1)");
    check(&format!("<<<<<<< HEAD\n{good}"), "line 1: a merge conflict is not resolved");
    assert_eq!(read(&good.replace("\n{\"request", "\n=======\n{\"request")), Err(Error::Conflict { line: 3 }));
    check(&format!("{good}{{\"what\":1}}"), "line 4: unknown kind of line `what`");
    check(&format!("{good}nonsense"), "line 4: not JSON at byte 0: a value was expected");
    let lines: Vec<&str> = good.lines().collect();
    let without = format!("{}\n{}\n", lines[0], lines[2]);
    let error = read(&without).expect_err("a part is missing").to_string();
    assert!(error.starts_with("line 2: part `") && error.ends_with("is nowhere in the file"), "{error}");
    check(
        &format!("{good}{{\"answer\":1,\"status\":200,\"pieces\":[[3,\"x\",0]]}}"),
        "line 4: piece 1 of a stream is none",
    );
    check(&good.replace("\"at\":\"", "\"at\":\"x"), "line 1: `at` is no time: `x2025-11-24T16:00:00.000000Z`");
}

#[test]
fn bodies_come_back_byte_for_byte() {
    let long = format!(r#"{{"instructions": "{LONG}", "messages": [{{"role": "user", "content": "a: b, c"}}]}}"#);
    for (body, spaces) in [
        (r#"{"a":[1,{}],"b":"\u00e9 1.0"}"#.to_owned(), ""),
        (r#"{"a": [1, {}], "b": "x, y: \" [z] "}"#.to_owned(), r#","spaces":{"comma":" ","colon":" "}"#),
        (long, r#","spaces":{"comma":" ","colon":" "}"#),
        (
            "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}\n".to_owned(),
            r#","spaces":{"open":"\n","comma":"\n","colon":" ","close":"\n","unit":"  ","after":"\n"}"#,
        ),
        (
            "\u{feff}\r\n{\r\n\t\"a\" : [ 1 ],\r\n\t\"b\" : \"and so on\"\r\n}".to_owned(),
            r#","spaces":{"before":"\ufeff\r\n","open":"\r\n","comma":"\r\n","key":" ","colon":" ","close":" ","unit":"\t","but":[[5," "],[11,"\r\n"]]}"#,
        ),
        ("\n\n  {\"a\":1}".to_owned(), r#","spaces":{"before":"\n\n  "}"#),
        (r#"{"a long name":[ ]}"#.to_owned(), r#","spaces":{"but":[[5," "]]}"#),
        (" 1e3\n".to_owned(), r#","spaces":{"before":" ","after":"\n"}"#),
    ] {
        let mut events = run(vec![request(1, 10, &body)]);
        events.extend(answer(1, 20, "application/json", &[body.as_bytes()], Ending::Complete));
        let written = text(&events);
        let found = written.lines().filter(|line| line.contains("body") && line.ends_with(&format!("{spaces}}}")));
        assert_eq!(found.count(), 2, "{body}\n{written}");
        let again = back(&written);
        assert_eq!((bodies(&again), pieces(&again)), (vec![body.clone()], vec![vec![Bytes::from(body)]]));
    }
}

#[test]
fn what_is_spaced_without_a_rule_is_kept_as_text() {
    let body = format!("[{}]", (0..40).map(|n| format!("1{}", " ".repeat(n % 7))).collect::<Vec<_>>().join(","));
    let written = text(&run(vec![request(1, 10, &body)]));
    assert!(written.contains("\"text\":\"[1,1 ,1  ,"), "{written}");
    assert_eq!(bodies(&back(&written)), [body]);
    let deep = format!("{}1{}", "[\n".repeat(3000), "]".repeat(3000));
    assert_eq!(bodies(&back(&text(&run(vec![request(1, 10, &deep)])))), [deep]);
}

#[test]
fn any_json_comes_back_byte_for_byte() {
    use proptest::prelude::*;
    let part =
        prop_oneof![Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"a\""), Just("\"\\\"\"")];
    let space = "( |\n|\t|\r){0,3}";
    proptest!(|(tokens in prop::collection::vec((part, space), 0..12), start in prop_oneof![Just("\u{feff}"), Just("")])| {
        let body: String = tokens.iter().flat_map(|(token, space)| [*token, space.as_str()]).collect();
        for body in [format!("{start}{body}"), format!("{start}[{{\"x\" :{body}}} ]"), format!("{start} {{\"x\": [{body}]}}")] {
            prop_assert_eq!(bodies(&back(&text(&run(vec![request(1, 10, &body)])))), [body]);
        }
    });
}

#[test]
fn white_space_from_elsewhere_is_bounded_and_white() {
    let good = text(&run(vec![request(1, 10, "{\n  \"a\":1\n}")]));
    let check = |from: &str, to: &str, expected: &str| {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        assert_eq!(read(&text).expect_err("it is wrong").to_string(), expected);
    };
    check(r#""unit":"  ""#, r#""unit":"xx""#, "line 2: `spaces` holds what is no white space");
    check(r#""unit":"  ""#, r#""unit":7"#, "line 2: `spaces` holds what is no text");
    check(r#""unit":"  ""#, &format!("\"unit\":\"{}\"", " ".repeat(65)), "line 2: `spaces` holds too long a rule");
    check(r#""unit":"  ""#, r#""but":[1]"#, "line 2: `but` is no list of places and white space");
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    check(r#""body":{"a":1}"#, &format!("\"body\":{deep}"), "line 2: `spaces` makes too long a text");
}

#[test]
fn hosts_past_the_listener_are_kept_and_other_notes_are_not() {
    let note = |topic: &str, text: &str| {
        Event::Note(Note { at: Micros(1_764_000_000_000_001), topic: topic.to_owned(), text: text.to_owned() })
    };
    let events = back(&text(&run(vec![note("warning", "odd"), note(PAST, "10.0.0.1:443, a.example")])));
    assert_eq!(events[1..], [note(PAST, "10.0.0.1:443, a.example")]);
}
