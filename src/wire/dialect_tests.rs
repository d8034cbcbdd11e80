//! What must hold in every dialect: byte order marks, counts, ends and errors of answers.

use bytes::Bytes;

use super::{Dialect, parse};
use crate::model::event::Request;
use crate::model::{Micros, Reply};
use crate::text::json::Json;

const MARK: &str = "\u{feff}";

fn dialect(name: &str) -> &'static Dialect {
    Dialect::named(name).expect("a dialect")
}

fn stream(events: &[&str]) -> String {
    let written = |event: &&str| match event.split_once('\n') {
        Some((name, data)) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    events.iter().map(written).collect()
}

fn read(name: &str, kind: &str, body: &str) -> (Reply, Option<&'static str>) {
    dialect(name).read_answer(200, kind, &Bytes::copy_from_slice(body.as_bytes()))
}

fn request(provider: &str, path: &str, body: &str) -> Request {
    Request {
        seq: 1,
        at: Micros(0),
        provider: provider.into(),
        upstream: String::new(),
        method: "POST".into(),
        path: path.into(),
        query: String::new(),
        headers: Vec::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        coding: String::new(),
    }
}

/// Name, provider, path, request, answer.
const CALLS: [(&str, &str, &str, &str, &str); 7] = [
    (
        "openai-chat",
        "openai",
        "/v1/chat/completions",
        r#"{"model":"m","messages":[{"role":"user","content":"ask"}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"so","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    ),
    (
        "mistral-chat",
        "mistral",
        "/v1/chat/completions",
        r#"{"model":"m","messages":[{"role":"user","content":"ask"}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"so"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    ),
    (
        "mistral-conversations",
        "mistral",
        "/v1/conversations",
        r#"{"model":"m","inputs":"ask"}"#,
        r#"{"conversation_id":"c","outputs":[{"type":"message.output","id":"m","role":"assistant","content":"so"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    ),
    (
        "openai-responses",
        "openai",
        "/v1/responses",
        r#"{"model":"m","input":"ask"}"#,
        r#"{"id":"r","model":"m","status":"completed","output":[{"id":"m","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"so","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":2}}"#,
    ),
    (
        "anthropic-messages",
        "anthropic",
        "/v1/messages",
        r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"ask"}]}"#,
        r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"so"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#,
    ),
    (
        "openai-embeddings",
        "openai",
        "/v1/embeddings",
        r#"{"model":"m","input":"ask"}"#,
        r#"{"model":"m","data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":3}}"#,
    ),
    (
        "mistral-embeddings",
        "mistral",
        "/v1/embeddings",
        r#"{"model":"m","input":["ask"]}"#,
        r#"{"model":"m","data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":3}}"#,
    ),
];

#[test]
fn a_byte_order_mark_changes_nothing() {
    for (name, provider, path, body, answer) in CALLS {
        let plain = parse(&request(provider, path, body), &|_| None);
        for start in [MARK.to_owned(), format!("{MARK}\n"), format!("{MARK}  \r\n")] {
            let marked = parse(&request(provider, path, &format!("{start}{body}")), &|_| None);
            assert_eq!(marked.dialect.map(Dialect::name), Some(name));
            assert_eq!(marked.canonical.key, plain.canonical.key, "{name}");
            let prompt = |parsed: &super::Parsed| dialect(name).prompt(parsed.json().expect("JSON"));
            assert_eq!(prompt(&marked), prompt(&plain));
            let kind = "application/json";
            assert_eq!(read(name, kind, &format!("{start}{answer}")), read(name, kind, answer));
        }
        let json = Json::parse_text(answer).expect("JSON");
        let marked = Json::parse_text(&format!("{MARK}{answer}")).expect("JSON");
        assert_eq!(dialect(name).answer_ids(&marked), dialect(name).answer_ids(&json));
        if !dialect(name).streams() {
            continue;
        }
        let asked = Json::parse_text(body).expect("JSON");
        let events = dialect(name).stream(&json, &asked);
        assert_eq!(dialect(name).stream(&marked, &asked), events, "{name}");
        let whole = String::from_utf8(events.concat()).expect("text");
        let kind = "text/event-stream";
        let expected = read(name, kind, &whole);
        assert_eq!((expected.0.text().as_str(), expected.1), ("so", None), "{name}");
        for marked in [
            format!("{MARK}{whole}"),
            whole.replace("data: {", &format!("data: {MARK}{{")),
            format!("{MARK}{}", whole.replace("data: ", &format!("data:{MARK}"))),
        ] {
            assert_eq!(read(name, kind, &marked), expected, "{marked}");
            assert_eq!(dialect(name).unary(marked.as_bytes()), dialect(name).unary(whole.as_bytes()));
            assert!(dialect(name).ends_stream(marked.as_bytes()), "{marked}");
        }
    }
}

#[test]
fn a_zero_takes_no_count_away() {
    let check = |name: &str, events: &[&str], expected: [Option<u64>; 4]| {
        let (reply, flaw) = read(name, "text/event-stream", &stream(events));
        let usage = reply.usage;
        assert_eq!([usage.input, usage.output, usage.cached, usage.reasoning], expected, "{name} {events:?}");
        assert_eq!((flaw, reply.error), (None, None));
    };
    let start = r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":70,"cache_read_input_tokens":30,"output_tokens":1}}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    for (delta, expected) in [
        (r#"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":9}"#, [Some(100), Some(9), Some(30), None]),
        (
            r#"{"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":9}"#,
            [Some(100), Some(9), Some(30), None],
        ),
        (
            r#"{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}"#,
            [Some(100), Some(9), Some(30), Some(4)],
        ),
        (r#"{"input_tokens":80,"output_tokens":0}"#, [Some(110), Some(1), Some(30), None]),
    ] {
        let delta = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{delta}}}"#);
        check("anthropic-messages", &[start, &delta, stop], expected);
    }
    let late =
        r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":0,"output_tokens":0}}}"#;
    let delta = r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":70,"output_tokens":9}}"#;
    check("anthropic-messages", &[late, delta, stop], [Some(70), Some(9), None, None]);

    let chunk = |usage: &str| {
        format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":"a"}},"finish_reason":"stop"}}],{usage}}}"#)
    };
    let counted = r#""usage":{"prompt_tokens":70,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":30},"completion_tokens_details":{"reasoning_tokens":4}}"#;
    let expected = [Some(70), Some(9), Some(30), Some(4)];
    for later in [
        r#""usage":{"prompt_tokens":0,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}"#,
        r#""usage":{"prompt_tokens":70,"completion_tokens":9,"prompt_tokens_details":null}"#,
        r#""usage":null"#,
    ] {
        for name in ["openai-chat", "mistral-chat"] {
            check(name, &[&chunk(counted), &chunk(later), "[DONE]"], expected);
        }
    }
    let groq = r#""x_groq":{"id":"q","usage":{"prompt_tokens":70,"completion_tokens":9}}"#;
    let none = r#""x_groq":{"id":"q","usage":{"prompt_tokens":0,"completion_tokens":0}}"#;
    check("openai-chat", &[&chunk(groq), &chunk(none), "[DONE]"], [Some(70), Some(9), None, None]);

    let response = |kind: &str, usage: &str| {
        format!(
            r#"{{"type":"response.{kind}","response":{{"id":"r","status":"completed","output":[],"usage":{usage}}}}}"#
        )
    };
    let counted = r#"{"input_tokens":70,"output_tokens":9,"input_tokens_details":{"cached_tokens":30},"output_tokens_details":{"reasoning_tokens":4}}"#;
    for later in [
        r#"{"input_tokens":0,"output_tokens":0,"input_tokens_details":{"cached_tokens":0},"output_tokens_details":{"reasoning_tokens":0}}"#,
        r#"{"input_tokens":70,"output_tokens":9}"#,
        "null",
    ] {
        check("openai-responses", &[&response("in_progress", counted), &response("completed", later)], expected);
    }

    for (one, other) in [
        (r#"{"prompt_tokens":70,"completion_tokens":9}"#, r#"{"prompt_tokens":0,"completion_tokens":0}"#),
        (r#"{"prompt_tokens":70,"completion_tokens":0}"#, r#"{"prompt_tokens":0,"completion_tokens":9}"#),
        (r#"{"prompt_tokens":0}"#, r#"{"prompt_tokens":70,"completion_tokens":9}"#),
    ] {
        let started = format!(r#"{{"type":"conversation.response.started","conversation_id":"c","usage":{one}}}"#);
        let done = format!(r#"{{"type":"conversation.response.done","usage":{other}}}"#);
        check("mistral-conversations", &[&started, &done], [Some(70), Some(9), None, None]);
    }
}

#[test]
fn an_answer_that_is_not_whole_is_said() {
    const CUT: Option<&str> = Some("the stream stopped before its end");
    let check = |name: &str, body: &str, error: Option<&str>, flaw: Option<&str>| {
        let (reply, found) = read(name, "text/event-stream", body);
        assert_eq!((reply.error.as_deref(), found), (error, flaw), "{name} {body}");
    };
    let chat = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let begun: [(&str, &[&str]); 5] = [
        ("openai-chat", &[chat]),
        ("mistral-chat", &[chat]),
        (
            "openai-responses",
            &[
                r#"{"type":"response.created","response":{"id":"r","status":"in_progress","output":[]}}"#,
                r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"m","type":"message","content":[]}}"#,
                r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"a"}"#,
            ],
        ),
        (
            "anthropic-messages",
            &[
                r#"{"type":"message_start","message":{"id":"m","content":[]}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            ],
        ),
        (
            "mistral-conversations",
            &[
                r#"{"type":"conversation.response.started","conversation_id":"c"}"#,
                r#"{"type":"message.output.delta","output_index":0,"id":"m","content":"a"}"#,
            ],
        ),
    ];
    for (name, events) in begun {
        let begun = stream(events);
        for end in ["", ": ping\n\n", "data: {\"half"] {
            check(name, &format!("{begun}{end}"), None, CUT);
        }
        check(name, ": only a comment\n\n", None, CUT);
        for end in [
            "event: error\ndata: out of room\n\n",
            "event: error\ndata: {\"error\":{\"message\":\"out of room\"}}\n\n",
            "data: {\"type\":\"error\",\"error\":{\"message\":\"out of room\"}}\n\n",
        ] {
            check(name, &format!("{begun}{end}"), Some("out of room"), None);
            check(name, end, Some("out of room"), None);
        }
        let text = read(name, "text/event-stream", &format!("{begun}event: error\ndata: no\n\n")).0.text();
        assert_eq!(text, "a", "{name}");
    }
    let ended = r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#;
    check("openai-chat", &stream(&[chat, ended]), Some("the provider ended its answer with an error"), None);
    let failed = r#"{"type":"response.failed","response":{"id":"r","status":"failed","error":null,"output":[]}}"#;
    check("openai-responses", &stream(&[failed]), Some("the provider says that it failed"), None);
    for (name, ..) in CALLS {
        for body in ["<html>Bad gateway</html>", "upstream is overloaded", "{\"id\":\"c\",\"cho"] {
            let (_, flaw) = read(name, "application/json", body);
            assert_eq!(flaw, Some("the answer is not JSON"), "{name} {body}");
        }
        for body in [
            r#"{"error":{"message":"out of room"}}"#,
            r#"{"object":"error","message":"out of room","code":500}"#,
            r#"{"detail":"out of room"}"#,
        ] {
            let (reply, flaw) = read(name, "application/json", body);
            assert_eq!((reply.error.as_deref(), flaw), (Some("out of room"), None), "{name} {body}");
            assert!(reply.parts.is_empty());
        }
    }
}
