//! What is never written.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;
use retake::model::Micros;
use retake::model::event::{AnswerHead, Chunks, End, Ending, Event, Frame, Output, Request, Started};
use retake::redact::{MARK, Redactor, Rules, fill, marks, numbers_in};
use retake::text::json::{Json, quote};

const KEY: &str = "sk-proj-a1B2c3D4e5F6g7H8i9J0";
const ODD: &str = "p\"w\\1/é+=\n😀 {x";

fn redactor() -> Redactor {
    let known = [("OPENAI_API_KEY".to_owned(), KEY.to_owned()), ("DB_PASSWORD".to_owned(), ODD.to_owned())];
    Redactor::new(&known, &Rules::default())
}

fn body(redactor: &Redactor, text: &str) -> String {
    let out = redactor.body("application/json", &Bytes::copy_from_slice(text.as_bytes()));
    String::from_utf8(out.to_vec()).expect("text stays text")
}

fn pieces(texts: &[&str]) -> Vec<(Micros, Bytes)> {
    (0..).zip(texts).map(|(at, text)| (Micros(at), Bytes::copy_from_slice(text.as_bytes()))).collect()
}

fn join(pieces: &[(Micros, Bytes)]) -> String {
    let all: Vec<u8> = pieces.iter().flat_map(|(_, piece)| piece.to_vec()).collect();
    String::from_utf8(all).expect("text stays text")
}

fn headers(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn headers_lose_credentials_and_nothing_else() {
    let redactor = redactor();
    let before = headers(&[
        ("Host", "api.openai.com"),
        ("authorization", &format!("Bearer {KEY}")),
        ("x-api-key", KEY),
        ("proxy-authorization", "Basic dXNlcjpwYXNz"),
        ("cookie", "theme=dark; sid=abcDEF123456"),
        ("set-cookie", "sid=abcDEF123456; Path=/; HttpOnly"),
        ("x-ratelimit-remaining-tokens", "12345"),
        ("x-claude-code-session-id", "0b1f5d3e-0a40-4c52-a2b3-0f3e6c6f0a11"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("location", "https://u:s3cret@host.example/?access_token=abcdef0123456789"),
        ("x-auth-token", ""),
    ]);
    let after = redactor.headers(&before);
    let lines: Vec<String> = after.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r##"
    Host: api.openai.com
    authorization: Bearer __RETAKE_SECRET_1__
    x-api-key: __RETAKE_SECRET_1__
    proxy-authorization: Basic __RETAKE_SECRET_2__
    cookie: theme=__RETAKE_SECRET_3__; sid=__RETAKE_SECRET_4__
    set-cookie: sid=__RETAKE_SECRET_4__; Path=/; HttpOnly
    x-ratelimit-remaining-tokens: 12345
    x-claude-code-session-id: 0b1f5d3e-0a40-4c52-a2b3-0f3e6c6f0a11
    traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
    location: https://u:__RETAKE_SECRET_5__@host.example/?access_token=__RETAKE_SECRET_6__
    x-auth-token:
    "##);
    assert_eq!(redactor.headers(&after), after);
    assert_eq!(redactor.secret(1).as_deref(), Some(KEY));
    assert_eq!(format!("{redactor:?}"), "Redactor(6 secrets)");
}

#[test]
fn queries_lose_credentials_and_nothing_else() {
    let redactor = redactor();
    let check = |query: &str, expected: &str| {
        assert_eq!(redactor.query(query), expected);
        assert_eq!(redactor.query(expected), expected);
    };
    check("alt=sse&key=AIzaShort1&x", "alt=sse&key=__RETAKE_SECRET_1__&x");
    check("sig=ab%2Bcd%3D%3D12&&sig=ab+cd==12", "sig=__RETAKE_SECRET_2__&&sig=__RETAKE_SECRET_2__");
    check(&format!("q={KEY}&key=name"), "q=__RETAKE_SECRET_3__&key=name");
    check("", "");
    assert_eq!(redactor.secret(2).as_deref(), Some("ab+cd==12"));
}

#[test]
fn bodies_lose_credentials_and_nothing_else() {
    let redactor = redactor();
    let quoted = quote(ODD);
    let text = format!(
        r#"{{ "api_key" : "k12" ,"messages":[{{"role":"tool","tool_call_id":"call_a1","content":{quoted}}},
        {{"arguments":{}, "signature":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"}}],
        "tools":[{{"parameters":{{"properties":{{"password":{{"type":"string"}}}},"required":["password"]}}}}],
        "max_tokens":100, "text":"export GITHUB_TOKEN=a1b2c3d4e5f6 and {KEY}\n{KEY}"}}"#,
        quote(&format!(r#"{{"password":{quoted},"url":"postgres://u:{}@h"}}"#, "pw12345"))
    );
    let out = body(&redactor, &text);
    insta::assert_snapshot!(out, @r##"
    { "api_key" : "__RETAKE_SECRET_1__" ,"messages":[{"role":"tool","tool_call_id":"call_a1","content":"__RETAKE_SECRET_2__"},
            {"arguments":"{\"password\":\"__RETAKE_SECRET_2__\",\"url\":\"postgres://u:__RETAKE_SECRET_3__@h\"}", "signature":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"}],
            "tools":[{"parameters":{"properties":{"password":{"type":"string"}},"required":["password"]}}],
            "max_tokens":100, "text":"export GITHUB_TOKEN=__RETAKE_SECRET_4__ and __RETAKE_SECRET_5__\n__RETAKE_SECRET_5__"}
    "##);
    assert_eq!(body(&redactor, &out), out);
    let (filled, unfilled) = fill(out.as_bytes(), &|number| redactor.secret(number));
    assert_eq!((String::from_utf8_lossy(&filled).as_ref(), unfilled), (text.as_str(), 0));
    assert_eq!(numbers_in(out.as_bytes()).len(), 5);
}

#[test]
fn forms_and_other_texts() {
    let redactor = redactor();
    let form = Bytes::from_static(b"grant_type=password&client_secret=a%20b%21&scope=x+y");
    let out = redactor.body("application/x-www-form-urlencoded", &form);
    assert_eq!(&out[..], b"grant_type=password&client_secret=__RETAKE_SECRET_1__&scope=x+y");
    let image =
        Bytes::from(["\u{89}PNG".as_bytes(), KEY.as_bytes(), b" ghp_0123456789abcdefghijABCDEFGHIJ012345"].concat());
    let out = redactor.body("image/png", &image);
    assert_eq!(numbers_in(&out), [2]);
    let clean = Bytes::from_static(br#"{"a":"nothing to see"}"#);
    assert_eq!(redactor.body("application/json", &clean).as_ptr(), clean.as_ptr());
    let large = Bytes::from_static(b"{\"a\":1}\n{\"a\":\"ghp_0123456789abcdefghijABCDEFGHIJ012345\"}\n");
    assert_eq!(&redactor.body("", &large)[..], b"{\"a\":1}\n{\"a\":\"__RETAKE_SECRET_3__\"}\n");
}

#[test]
fn the_users_own_rules() {
    let rules = Rules::new(&["ACME-([0-9]{4})".to_owned()], &["x-acme".to_owned(), "account".to_owned()]);
    let redactor = Redactor::new(&[], &rules.expect("patterns"));
    let text =
        r#"{"account":{"id":7},"x-acme":12.5,"n":"ACME-1234","a":"{\"account\":false,\"b\":\"ACME-1234\"}","c":null}"#;
    let out = body(&redactor, text);
    assert_eq!(
        out,
        r#"{"account":"__RETAKE_SECRET_1__","x-acme":"__RETAKE_SECRET_2__","n":"ACME-__RETAKE_SECRET_3__","a":"{\"account\":\"__RETAKE_SECRET_4__\",\"b\":\"ACME-__RETAKE_SECRET_3__\"}","c":null}"#
    );
    assert_eq!(body(&redactor, &out), out);
    assert_eq!(redactor.headers(&headers(&[("X-Acme", "1")]))[0].1, "__RETAKE_SECRET_5__");
    assert_eq!(redactor.query("account=1"), "account=__RETAKE_SECRET_5__");
    assert!(Rules::new(&["(".to_owned()], &[]).is_err());
}

#[test]
fn a_value_that_a_name_gave_away_is_known_from_then_on() {
    let redactor = redactor();
    let text = r#"{"content":"it is internal-4f1a9c77e2, see"}"#;
    assert_eq!(body(&redactor, text), text);
    let _ = redactor.headers(&headers(&[("x-api-key", "internal-4f1a9c77e2")]));
    assert_eq!(body(&redactor, text), r#"{"content":"it is __RETAKE_SECRET_1__, see"}"#);
}

#[test]
fn placeholders_stay_and_numbers_can_be_reserved() {
    let redactor = redactor();
    redactor.reserve(7);
    let text = format!("__RETAKE_SECRET_7__ {KEY}");
    assert_eq!(&redactor.text(text.as_bytes())[..], b"__RETAKE_SECRET_7__ __RETAKE_SECRET_8__");
    let filled = fill(b"__RETAKE_SECRET_7__", &|_| None);
    assert_eq!(filled, (b"__RETAKE_SECRET_7__".to_vec(), 1));
}

#[test]
fn fields_of_forms_that_are_named_like_credentials_go() {
    let part = |head: &str, value: &str| format!("--b1\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    let form = |fields: &[(&str, &str)]| fields.iter().map(|(head, value)| part(head, value)).collect::<String>();
    let check = |names: &[&str], head: &str, value: &str, goes: bool| {
        let redactor = Redactor::new(
            &[],
            &Rules::new(&[], &names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).expect("rules"),
        );
        let text = form(&[("name=\"purpose\"", "batch"), (head, value), ("name=\"n\"", "4")]) + "--b1--\r\n";
        let out = redactor.body("multipart/form-data; boundary=b1", &Bytes::from(text.clone()));
        let expected = if goes { text.replace(value, "__RETAKE_SECRET_1__") } else { text };
        assert_eq!(String::from_utf8_lossy(&out), expected, "{head}");
    };
    check(&[], "name=\"api_key\"", "hunter-two", true);
    check(&[], "name=\"password\"", "hunter-two", true);
    check(&[], "name=password", "hunter-two", true);
    check(&[], "name=\"client_secret\"", "abc/def+ghi", true);
    check(&[], "name=\"token\"", "a1b2c3d4e5", true);
    check(&["pin"], "name=\"pin\"", "0000", true);
    check(&[], "name=\"password\"", "<password>", false);
    check(&[], "name=\"grid_token\"", "a1b2c3d4e5", false);
    check(&[], "name=\"password\"; filename=\"a.txt\"", "hunter-two", false);
    check(&[], "name=\"model\"", "whisper-1", false);
}

#[test]
fn codes_and_sessions_in_queries_go_if_chance_made_them() {
    for (query, expected) in [
        ("code=4f0a9c77e2b14f0a9c77&x=1", "code=__RETAKE_SECRET_1__&x=1"),
        ("session=7c1f9a52e0b84d2f9a6633aa01ff23bc", "session=__RETAKE_SECRET_1__"),
        ("a=b&sid=s%3A4f0a9c77e2b14f0a9c77.x", "a=b&sid=__RETAKE_SECRET_1__"),
        ("code=SUMMER24", "code=SUMMER24"),
        ("code=200&state=open", "code=200&state=open"),
        ("session=morning", "session=morning"),
        ("error_code=4f0a9c77e2b14f0a9c77", "error_code=4f0a9c77e2b14f0a9c77"),
    ] {
        assert_eq!(redactor().query(query), expected);
        let text = format!(r#"{{"content":"see https://h.example/p?{query} for it"}}"#);
        assert_eq!(body(&redactor(), &text), text.replace(query, expected));
    }
    let redactor = redactor();
    let names = headers(&[("x-session-id", "4f0a9c77e2b1"), ("x-claude-code-session-id", "4f0a9c77-e2b1")]);
    assert_eq!(redactor.headers(&names)[0].1, "__RETAKE_SECRET_1__");
    assert_eq!(redactor.headers(&names)[1].1, "4f0a9c77-e2b1");
    let text = r#"{"bid_token":"a1b2c3d4e5f6","grid_token":"a1b2c3d4e5f6","id_token":"a1b2c3d4e5g7"}"#;
    assert!(body(&redactor, text).contains(r#""grid_token":"a1b2c3d4e5f6","id_token":"__RETAKE_SECRET_2__""#));
}

#[test]
fn a_secret_may_be_cut_anywhere() {
    let text = format!("before {KEY}, {KEY} after");
    let redactor = redactor();
    for cut in 0..=text.len() {
        for second in cut..=text.len() {
            let parts = [&text[..cut], &text[cut..second], &text[second..]];
            let out = redactor.pieces("text/plain", &pieces(&parts));
            assert_eq!(join(&out), "before __RETAKE_SECRET_1__, __RETAKE_SECRET_1__ after");
        }
    }
}

/// What a stream of chat completions says.
fn said(stream: &str) -> String {
    let text = |line: &str| {
        let json = Json::parse_text(line.strip_prefix("data: ")?).expect("events stay JSON");
        json.root().get("choices")?.at(0)?.get("delta")?.text("content")
    };
    stream.lines().filter_map(text).collect()
}

fn chat(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{}}}}}]}}\n\n", quote(delta))
}

#[test]
fn a_stream_may_cut_a_secret_into_deltas() {
    let text: Vec<char> = format!("the key is {KEY}, the password {ODD}!").chars().collect();
    for size in [1, 2, 3, 7, 40] {
        let deltas: Vec<String> = text.chunks(size).map(|part| chat(&part.iter().collect::<String>())).collect();
        let stream = deltas.concat();
        let redactor = redactor();
        let out = join(&redactor.pieces("text/event-stream", &pieces(&[&stream[..10], &stream[10..]])));
        assert_eq!(said(&out), "the key is __RETAKE_SECRET_1__, the password __RETAKE_SECRET_2__!", "{size}");
        assert_eq!(out.matches("\n\n").count(), deltas.len());
        assert_eq!(join(&redactor.pieces("text/event-stream", &pieces(&[&out]))), out);
        assert_eq!(redactor.secret(2).as_deref(), Some(ODD));
    }
}

#[test]
fn arguments_in_deltas_are_read_as_one_document() {
    let event = |part: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":{}}}}}\n\n",
            quote(part)
        )
    };
    let stream: String = [r#"{"user": "joe", "pass"#, r#"word": "hun"#, r#"ter2"}"#].map(event).concat();
    let out = join(&redactor().pieces("text/event-stream", &pieces(&[&stream])));
    assert!(out.contains(r#"word\": \"__RETAKE_SECRET_1__""#), "{out}");
    assert!(out.contains(r#""partial_json":"\"}""#), "{out}");
}

#[test]
fn events_come_out_without_credentials() {
    let redactor = redactor();
    let mut out = Vec::new();
    let mut see = |event: Event| out.extend(redactor.event(&event));
    see(Event::Started(Started {
        command: ["agent", "--api-key", "abc", "--token=t0ken", "--max-tokens", "5", "X_API_KEY=a12", KEY]
            .map(str::to_owned)
            .to_vec(),
        upstreams: vec![("openai".to_owned(), "https://me:s3cret@proxy.example/v1?key=abcdefg123".to_owned())],
        ..Started::default()
    }));
    see(Event::Request(Request {
        seq: 1,
        at: Micros(1),
        provider: "openai".to_owned(),
        upstream: "https://api.openai.com".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/x".to_owned(),
        query: format!("key={KEY}"),
        headers: headers(&[("Content-Type", "application/json")]),
        body: Bytes::from(format!("{{\"a\":\"{KEY}\"}}")),
        coding: String::new(),
    }));
    see(Event::Answer(AnswerHead {
        seq: 1,
        at: Micros(2),
        status: 200,
        headers: headers(&[("content-type", "text/event-stream"), ("set-cookie", "a=b1")]),
        coding: String::new(),
    }));
    let stream = format!("{}{}", chat(&KEY[..9]), chat(&KEY[9..]));
    let cut = pieces(&[&stream[..60], &stream[60..]]).into_iter().map(|(_, piece)| (Micros(3), piece));
    see(Event::Chunks(Chunks { seq: 1, pieces: cut.collect() }));
    see(Event::Output(Output { at: Micros(4), stream: 1, bytes: Bytes::from(format!("key {}", &KEY[..5])) }));
    see(Event::End(End { seq: 1, at: Micros(5), how: Ending::Broken(format!("no way to https://h/?key={KEY}")) }));
    see(Event::Output(Output { at: Micros(6), stream: 1, bytes: Bytes::from(format!("{}\nmore", &KEY[5..])) }));
    let frame = |at, text: &str| {
        Event::Frame(Frame {
            seq: 2,
            at: Micros(at),
            from_agent: false,
            opcode: 1,
            payload: Bytes::copy_from_slice(text.as_bytes()),
        })
    };
    see(frame(7, &format!(r#"{{"type":"x.delta","delta":"{}"}}"#, &KEY[..7])));
    see(frame(8, &format!(r#"{{"type":"x.delta","delta":"{}"}}"#, &KEY[7..])));
    see(frame(9, &format!(r#"{{"type":"x.done","text":"{KEY}"}}"#)));
    out.extend(redactor.finish());
    let lines: Vec<String> = out.iter().map(|event| format!("{event:?}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r##"
    Started(Started { run: None, at: Micros(0), version: "", command: ["agent", "--api-key", "__RETAKE_SECRET_1__", "--token=__RETAKE_SECRET_2__", "--max-tokens", "5", "X_API_KEY=__RETAKE_SECRET_3__", "__RETAKE_SECRET_4__"], directory: "", git: None, variables: [], terminals: [false, false, false], places: [], upstreams: [("openai", "https://me:__RETAKE_SECRET_5__@proxy.example/v1?key=__RETAKE_SECRET_6__")], parent: None, origin: "" })
    Note(Note { at: Micros(1), topic: "secret", text: "4 OPENAI_API_KEY" })
    Request(Request { seq: 1, at: Micros(1), provider: "openai", upstream: "https://api.openai.com", method: "POST", path: "/v1/x", query: "key=__RETAKE_SECRET_4__", headers: [("Content-Type", "application/json")], body: b"{\"a\":\"__RETAKE_SECRET_4__\"}", coding: "" })
    Answer(AnswerHead { seq: 1, at: Micros(2), status: 200, headers: [("content-type", "text/event-stream"), ("set-cookie", "a=__RETAKE_SECRET_7__")], coding: "" })
    Chunks(Chunks { seq: 1, pieces: [(Micros(3), b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"__RETAKE_SECRET_4__\"}"), (Micros(3), b"}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n")] })
    End(End { seq: 1, at: Micros(5), how: Broken("no way to https://h/?key=__RETAKE_SECRET_4__") })
    Output(Output { at: Micros(4), stream: 1, bytes: b"key __RETAKE_SECRET_4__" })
    Output(Output { at: Micros(6), stream: 1, bytes: b"\n" })
    Frame(Frame { seq: 2, at: Micros(7), from_agent: false, opcode: 1, payload: b"{\"type\":\"x.delta\",\"delta\":\"__RETAKE_SECRET_4__\"}" })
    Frame(Frame { seq: 2, at: Micros(8), from_agent: false, opcode: 1, payload: b"{\"type\":\"x.delta\",\"delta\":\"\"}" })
    Frame(Frame { seq: 2, at: Micros(9), from_agent: false, opcode: 1, payload: b"{\"type\":\"x.done\",\"text\":\"__RETAKE_SECRET_4__\"}" })
    Output(Output { at: Micros(6), stream: 1, bytes: b"more" })
    "##);
}

#[test]
fn a_long_answer_does_not_wait_for_its_end() {
    let redactor = redactor();
    let line = format!("{} {KEY}\n", "x".repeat(1000));
    let mut out = Vec::new();
    for _ in 0..10 {
        let pieces = vec![(Micros(1), Bytes::from(line.repeat(1000)))];
        out.extend(redactor.event(&Event::Chunks(Chunks { seq: 1, pieces })));
    }
    assert_eq!(out.len(), 10);
    out.extend(redactor.event(&Event::End(End { seq: 1, at: Micros(2), how: Ending::Complete })));
    let all: Vec<(Micros, Bytes)> = out
        .into_iter()
        .filter_map(|event| if let Event::Chunks(chunks) = event { Some(chunks.pieces) } else { None })
        .flatten()
        .collect();
    assert!(join(&all) == line.replace(KEY, "__RETAKE_SECRET_1__").repeat(10_000));
}

/// Recorded traffic, where it is at hand: requests, and answers.
fn recorded() -> Vec<(bool, String)> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(root) = above.map(|above| above.join("shared/fixtures")).find(|path| path.is_dir()) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for directory in
        ["llm-wire/recorded", "llm-wire/sdk", "runs/agents", "runs/mcp", "runs/swe-agent", "runs/tau-airline"]
    {
        let entries = fs::read_dir(root.join(directory)).into_iter().flatten();
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("fixtures are text");
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl") => {
                for line in text.lines() {
                    let json = Json::parse_text(line).expect("a line is JSON");
                    let field = |name: &str| json.root().text(name);
                    texts.extend(["req", "request", "line"].into_iter().filter_map(field).map(|text| (true, text)));
                    texts.extend(["resp", "response"].into_iter().filter_map(field).map(|text| (false, text)));
                }
            }
            Some("body" | "json" | "traj") => texts.push((true, text)),
            Some("resp") => texts.push((false, text)),
            _ => {}
        }
    }
    texts
}

#[test]
fn nothing_in_recorded_traffic_is_mistaken_for_a_secret() {
    let redactor = redactor();
    for (is_request, text) in recorded() {
        let bytes = Bytes::from(text);
        let out = if is_request {
            redactor.body("", &bytes)
        } else {
            redactor.pieces("", &[(Micros(0), bytes.clone())]).into_iter().next().map_or(Bytes::new(), |(_, out)| out)
        };
        assert!(out == bytes, "{:?}", redactor.secret(1));
    }
}

/// A secret planted in recorded traffic goes, the rest stays.
#[test]
fn a_secret_in_recorded_traffic_is_all_that_goes() {
    for (is_request, text) in recorded().into_iter().step_by(7) {
        let Some(at) = text.match_indices(' ').map(|(at, _)| at).find(|at| text[..*at].ends_with("the")) else {
            continue;
        };
        let planted = format!("{} {KEY}{}", &text[..at], &text[at..]);
        let expected = format!("{} __RETAKE_SECRET_1__{}", &text[..at], &text[at..]);
        let redactor = redactor();
        let bytes = Bytes::from(planted);
        let out =
            if is_request { redactor.body("", &bytes) } else { redactor.pieces("", &[(Micros(0), bytes)]).remove(0).1 };
        assert!(out == expected.as_bytes(), "{}", String::from_utf8_lossy(&out));
    }
}

/// Text with secrets in it, some of them cut, escaped or next to something that looks like a part of them.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just(KEY.to_owned()),
        Just(ODD.to_owned()),
        Just(quote(ODD)),
        Just(quote(&quote(ODD))),
        Just("__RETAKE_SECRET_1__".to_owned()),
        Just(MARK.to_owned()),
        Just("ghp_0123456789abcdefghijABCDEFGHIJ012345".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhk\n-----END PRIVATE KEY-----".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkMIIEvQIBADANBgkqhk".to_owned()),
        Just("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl".to_owned()),
        Just("postgres://u:pw12345@h/".to_owned()),
        Just("?sig=0123456789abcdef".to_owned()),
        Just("Bearer abcdef0123456789".to_owned()),
        Just("\"password\": \"".to_owned()),
        Just("{\"api_key\":\"a\\\"b1\",\"x\":[1,true,{\"secret_key\":\"z9z\"}]}".to_owned()),
        Just("OPENAI_API_KEY=".to_owned()),
        Just("\\".to_owned()),
        Just("\"".to_owned()),
        Just(" ".to_owned()),
        "[a-zA-Z0-9\\\\/\"\n:_=&-]{0,6}",
        any::<String>(),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn document() -> impl Strategy<Value = String> {
    let key = prop_oneof![Just("password".to_owned()), Just("id".to_owned()), Just("content".to_owned()), text()];
    let leaf = prop_oneof![
        text().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((key.clone(), inner.clone()), 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            // JSON in a string.
            inner.prop_map(|value| serde_json::Value::from(value.to_string())),
        ]
    });
    value.prop_map(|value| value.to_string())
}

fn holds(text: &[u8], secret: &str) -> bool {
    let escaped = quote(secret);
    let inner = &escaped[1..escaped.len() - 1];
    [secret, inner].iter().any(|form| memchr::memmem::find(text, form.as_bytes()).is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn text_is_redacted_once_and_for_all(text in text()) {
        let redactor = redactor();
        let once = redactor.text(text.as_bytes());
        prop_assert!(!holds(&once, KEY), "{}", String::from_utf8_lossy(&once));
        prop_assert!(!holds(&once, ODD), "{}", String::from_utf8_lossy(&once));
        let twice = redactor.text(&once);
        prop_assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
    }

    #[test]
    fn documents_stay_documents(document in document(), is_request in any::<bool>()) {
        let redactor = redactor();
        let redact = |bytes: &Bytes| if is_request {
            redactor.body("application/json", bytes)
        } else {
            redactor.pieces("application/json", &[(Micros(0), bytes.clone())]).remove(0).1
        };
        let once = redact(&Bytes::from(document.clone()));
        let json = Json::parse(once.clone());
        prop_assert!(json.is_ok(), "{}", String::from_utf8_lossy(&once));
        prop_assert!(!holds(&once, KEY), "{}", String::from_utf8_lossy(&once));
        prop_assert!(!holds(&once, ODD), "{}", String::from_utf8_lossy(&once));
        let twice = redact(&once);
        prop_assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
    }

    #[test]
    fn pieces_say_what_the_whole_says(text in text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let bytes = Bytes::from(text);
        let parts: Vec<(Micros, Bytes)> =
            cuts.windows(2).map(|pair| (Micros(0), bytes.slice(pair[0]..pair[1]))).collect();
        let redactor = redactor();
        let parts = redactor.pieces("text/plain", &parts);
        let whole = redactor.pieces("text/plain", &[(Micros(0), bytes)]);
        prop_assert_eq!(join(&parts), join(&whole));
        prop_assert!(marks(join(&whole).as_bytes()).count() == marks(join(&parts).as_bytes()).count());
    }

    #[test]
    fn streams_stay_streams(text in text(), size in 1..20_usize) {
        let characters: Vec<char> = text.chars().collect();
        let deltas: Vec<String> = characters.chunks(size).map(|part| chat(&part.iter().collect::<String>())).collect();
        let redactor = redactor();
        let out = join(&redactor.pieces("text/event-stream", &pieces(&[&deltas.concat()])));
        prop_assert!(!holds(said(&out).as_bytes(), KEY), "{}", out);
        prop_assert!(!holds(said(&out).as_bytes(), ODD), "{}", out);
        prop_assert_eq!(&join(&redactor.pieces("text/event-stream", &pieces(&[&out]))), &out);
    }
}
