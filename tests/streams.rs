//! Answers in pieces: asked for in the other form, edited, broken off, tried again.

use serde_json::Value;

use crate::support::fake_model::{Asked, Gate, Reply, Step};
use crate::support::trial::Trial;

const CHAT: [&str; 4] = [
    r#"data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"One "},"finish_reason":null}]}"#,
    r#"data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"two."},"finish_reason":null}]}"#,
    r#"data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "data: [DONE]",
];

const RESPONSES: [&str; 6] = [
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"in_progress\",\"model\":\"m\",\"output\":[]}}",
    "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":2,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"One \"}",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"two.\"}",
    "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"sequence_number\":4,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"One two.\",\"annotations\":[]}]}}",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":5,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"One two.\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}}}",
];

const ANTHROPIC: [&str; 7] = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"One \"}}",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"two.\"}}",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}",
];

/// Path, body without `stream`, stream, and the answer in one piece.
fn dialects() -> [(&'static str, &'static str, Vec<&'static str>, &'static str); 3] {
    [
        (
            "/v1/chat/completions",
            r#""model":"m","messages":[{"role":"user","content":"Count."}]"#,
            CHAT.to_vec(),
            r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"One two."},"finish_reason":"stop"}]}"#,
        ),
        (
            "/v1/responses",
            r#""model":"m","input":"Count.""#,
            RESPONSES.to_vec(),
            r#"{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"One two.","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}"#,
        ),
        (
            "/v1/messages",
            r#""model":"m","max_tokens":9,"messages":[{"role":"user","content":"Count."}]"#,
            ANTHROPIC.to_vec(),
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"One two."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}"#,
        ),
    ]
}

fn ask(path: &str, body: &str, stream: bool) -> String {
    let stream = if stream { r#","stream":true"# } else { "" };
    format!("POST {path} {{{body}{stream}}}\n")
}

/// All text that stands in an answer, whatever its form.
fn said(out: &str) -> String {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    match value {
                        Value::String(text) if ["content", "text", "delta"].contains(&key.as_str()) => {
                            found.push(text.clone());
                        }
                        other => collect(other, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for line in out.lines() {
        let json = line.strip_prefix("data: ").or_else(|| line.find('{').map(|at| &line[at..])).unwrap_or_default();
        if let Ok(value) = serde_json::from_str(json) {
            collect(&value, &mut found);
        }
    }
    found.join("|")
}

#[test]
fn an_answer_is_given_in_the_form_that_is_asked_for() {
    for (path, body, stream, whole) in dialects() {
        let trial = Trial::new(move |asked| {
            if asked.text().contains(r#""stream":true"#) { Reply::stream(stream.clone()) } else { Reply::json(whole) }
        });
        for recorded_stream in [true, false] {
            trial.env.write("asks", ask(path, body, recorded_stream));
            let recorded = trial.record("first", &["requests", "asks"]);
            let (same, asked) = trial.asked_while(|| trial.replay::<&str>([]));
            assert!(asked.is_empty());
            assert_eq!((same.code, &same.out), (Some(0), &recorded.out), "{}", same.err);
            trial.env.write("asks", ask(path, body, !recorded_stream));
            let (other, asked) = trial.asked_while(|| trial.replay::<&str>([]));
            assert!(asked.is_empty());
            assert_eq!(other.code, Some(0), "{}", other.err);
            let kind = if recorded_stream { "200 application/json {" } else { "200 text/event-stream" };
            assert!(other.out.starts_with(kind), "{path}: {}", other.out);
            assert!(said(&other.out).contains("One two."), "{path}: {}", other.out);
            assert_eq!(other.grade(), "1 call: 1 exact; order kept; 0 sent");
            let (edited, asked) = trial.asked_while(|| trial.replay(["--set", "1.answer=Three!"]));
            assert!(asked.is_empty());
            assert!(edited.out.starts_with(kind), "{path}: {}", edited.out);
            assert!(said(&edited.out).contains("Three!") && !edited.out.contains("two"), "{path}: {}", edited.out);
            assert_eq!(edited.grade(), "1 call: 1 edited; order kept; 0 sent");
        }
    }
}

#[test]
fn what_was_tried_again_is_answered_as_it_was() {
    let trial = Trial::new(|asked| match asked.number {
        0 => Reply::json(r#"{"error":{"message":"slow down"}}"#).status(429).header("Retry-After", "30"),
        1 => Reply::stream(CHAT).steps(vec![Step::Piece(format!("{}\n\n", CHAT[0]).into_bytes()), Step::Break]),
        _ => Reply::stream(CHAT),
    });
    let line = ask("/v1/chat/completions", r#""model":"m","messages":[{"role":"user","content":"Count."}]"#, true);
    trial.env.write("asks", line.repeat(3));
    let recorded = trial.record("first", &["requests", "asks"]);
    let begins: Vec<&str> = recorded.out.lines().filter(|line| !line.is_empty()).collect();
    assert!(begins[0].starts_with("429 application/json retry-after 30 "), "{}", recorded.out);
    assert!(begins[1].starts_with("200 text/event-stream; charset=utf-8 broken off "), "{}", recorded.out);
    let shown = trial.line("show 1");
    assert!(shown.contains("  attempt 1: 429, 33 B, ") && shown.contains("  attempt 2: 200, "), "{shown}");
    let (same, asked) = trial.asked_while(|| trial.replay::<&str>([]));
    assert!(asked.is_empty());
    assert_eq!(
        (same.code, same.out.clone()),
        (Some(0), recorded.out.replace("retry-after 30", "retry-after 0")),
        "{}",
        same.err
    );
    assert_eq!(same.grade(), "3 calls: 3 exact; order kept; 0 sent");
    assert!(trial.line("show latest").contains("3 attempts"));
}

#[test]
fn a_stream_that_the_agent_stops_reading_is_no_failure() {
    for (path, body, stream, _) in dialects() {
        let (gate, stop) = (Gate::default(), "One ");
        let script = {
            let gate = gate.clone();
            move |_: &Asked| {
                let mut steps: Vec<Step> =
                    stream.iter().map(|event| Step::Piece(format!("{event}\n\n").into_bytes())).collect();
                let enough = stream.iter().position(|event| event.contains(stop)).unwrap();
                steps.insert(enough + 1, Step::Wait(gate.clone()));
                Reply::stream(stream.clone()).steps(steps)
            }
        };
        let trial = Trial::new(script);
        let asks = format!("! {stop}\n{}", ask(path, body, true));
        trial.env.write("asks", asks.repeat(2));
        let recorded = trial.record("first", &["requests", "asks"]);
        gate.open();
        let shown = trial.line("show first");
        assert!(shown.contains("\n●  2 model call") && !shown.contains("failed"), "{shown}");
        let shown = trial.line("show first:2");
        assert!(shown.contains("\n  the agent left before the end\n") && shown.contains("\nanswer\n  One"), "{shown}");
        for _ in 0..3 {
            let (same, asked) = trial.asked_while(|| trial.replay(["first"]));
            assert!(asked.is_empty());
            assert_eq!((same.code, &same.out), (Some(0), &recorded.out), "{}", same.err);
            assert_eq!(same.grade(), "2 calls: 2 exact; order kept; 0 sent");
            let compared = trial.line("diff first latest");
            assert!(compared.ends_with("no difference in 2 nodes\n"), "{compared}");
        }
    }
}

#[test]
fn what_ends_badly_is_said_and_ends_so_again() {
    let (cut, error) = ("the stream stopped before its end", "out of room");
    for (path, body, stream, _) in dialects() {
        let begun = |end: &[&str]| -> Vec<Step> {
            let enough = stream.iter().position(|event| event.contains("One ")).unwrap();
            let events = stream[..=enough].iter().chain(end);
            events.map(|event| Step::Piece(format!("{event}\n\n").into_bytes())).collect()
        };
        let mut broken = begun(&[]);
        broken.push(Step::Break);
        let ends = [
            (begun(&[]), cut),
            (begun(&["event: error\ndata: out of room"]), error),
            (begun(&[r#"data: {"type":"error","error":{"message":"out of room"}}"#]), error),
            (broken, "failed: "),
        ];
        let steps: Vec<Vec<Step>> = ends.iter().map(|(steps, _)| steps.clone()).collect();
        let events = stream.clone();
        let trial = Trial::new(move |asked| Reply::stream(events.clone()).steps(steps[asked.number % 4].clone()));
        let line = |number: usize| ask(path, &format!("{body},\"seed\":{number}"), true);
        trial.env.write("asks", (0..4).map(line).collect::<String>());
        let recorded = trial.record("first", &["requests", "asks"]);
        for (place, (_, expected)) in ends.iter().enumerate() {
            let shown = trial.line(&format!("show first:{}", place + 1));
            assert!(shown.contains("\n  failed: ") && shown.contains(expected), "{path} {expected}: {shown}");
            assert!(shown.contains("\nanswer\n  One"), "{shown}");
        }
        let (same, asked) = trial.asked_while(|| trial.replay(["first"]));
        assert!(asked.is_empty());
        assert_eq!((same.code, &same.out), (Some(0), &recorded.out), "{}", same.err);
        assert_eq!(same.grade(), "4 calls: 4 exact; order kept; 0 sent");
        let compared = trial.line("diff first latest");
        assert!(compared.ends_with("no difference in 4 nodes\n"), "{compared}");
    }
}
