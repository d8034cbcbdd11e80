//! Requests that few clients make and every recorder meets: uploads, sockets, strange JSON, stubborn agents.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::fake_model::Reply;
use crate::support::trial::Trial;

#[test]
fn an_upload_is_the_same_whatever_stands_between_its_parts() {
    let trial = Trial::new(|_| Reply::json(r#"{"id":"file-1","object":"file"}"#));
    trial.env.write("upload.txt", "one\ntwo\n");
    trial.record("upload", &["upload"]);
    let (replayed, asked) = trial.asked_while(|| trial.replay::<&str>([]));
    assert_eq!((replayed.code, asked.len()), (Some(0), 0), "{}", replayed.err);
    assert_eq!(replayed.grade(), "1 call: 1 exact; order kept; 0 sent");
    trial.env.write("upload.txt", "one\nthree\n");
    let (replayed, asked) = trial.asked_while(|| trial.replay::<&str>([]));
    assert_eq!((replayed.code, asked.len()), (Some(1), 0), "{}", replayed.err);
    insta::assert_snapshot!(replayed.err, @"
    retake: replaying lkkkkkkk: node 1 served from the recording, nothing is sent
    retake: refused POST /v1/files: this call is not on the recording
    retake:   nearest is node 1 `/v1/files`, which differs in its body
    retake:   recorded: 8 bytes
    retake:   now:      10 bytes
    retake:   hint: to let such calls out, add `--live always`
    scripted: not taken
    retake: recorded nkkkkkkk: 1 call: 1 refused; recorded and not asked for: node 1; order kept; 0 sent
    ");
}

#[test]
fn an_agent_that_never_gives_up_is_ended() {
    let trial = Trial::new(|_| Reply::chat("Yes."));
    trial.env.write("question", "Is it?");
    trial.record("asked", &["again"]);
    trial.env.write("question", "Was it?");
    let (replayed, asked) = trial.asked_while(|| trial.replay::<&str>([]));
    assert_eq!((replayed.code, asked.len()), (Some(1), 0), "{}", replayed.err);
    assert!(replayed.err.contains("retake: ending the agent: it asks again and again for what was refused\n"));
    assert!(replayed.grade().contains(" refused") && replayed.grade().ends_with("; 0 sent; the agent was ended"));
    let shown = trial.line("show latest");
    assert!(shown.contains("refused: this call is not on the recording"), "{shown}");
}

/// A server that takes one upgrade and answers one message.
fn socket_server() -> (std::net::SocketAddr, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        let mut start = [0; 6];
        stream.read_exact(&mut start).unwrap();
        let mut message = vec![0; usize::from(start[1] & 0x7f)];
        stream.read_exact(&mut message).unwrap();
        for (place, byte) in message.iter_mut().enumerate() {
            *byte ^= start[2 + place % 4];
        }
        let answer = br#"{"type":"response.completed","response":{"id":"resp_1","output":[]}}"#;
        let mut frame = vec![0x81, u8::try_from(answer.len()).unwrap()];
        frame.extend_from_slice(answer);
        stream.write_all(&frame).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        message
    });
    (address, serve)
}

#[test]
fn a_socket_passes_through_and_is_on_the_recording() {
    let trial = Trial::new(|_| Reply::chat("unused"));
    let (address, serve) = socket_server();
    let mut command = trial.command();
    command.env("OPENAI_BASE_URL", format!("http://{address}/v1")).arg("record").args(Trial::agent(&["socket"]));
    let recorded = trial.finish(&mut command);
    let (sent, got) = (
        r#"{"type":"response.create","response":{"model":"m","input":"Is the sea blue?"}}"#,
        r#"{"type":"response.completed","response":{"id":"resp_1","output":[]}}"#,
    );
    assert_eq!((recorded.code, recorded.out.trim_end()), (Some(0), got), "{}", recorded.err);
    assert_eq!(String::from_utf8(serve.join().unwrap()).unwrap(), sent);
    let shown = trial.line("show 1");
    assert!(shown.contains(", 101, 2 messages, "), "{shown}");
    assert!(shown.contains(&format!("frames[0] sent  {sent}\nframes[1] received  {got}\n")), "{shown}");
    let frames = &trial.node("1")["frames"];
    assert_eq!((&frames[0]["from_agent"], &frames[0]["payload"]), (&true.into(), &sent.into()), "{frames}");
    assert_eq!((&frames[1]["from_agent"], &frames[1]["payload"]), (&false.into(), &got.into()), "{frames}");
    let raw = trial.line("show 1 --raw response");
    assert!(raw.contains(&format!("\n> {sent}\n< {got}\n> (close)\n")), "{raw}");
}

#[test]
fn strange_json_is_recorded_matched_and_never_mixed_up() {
    let deep = |depth: usize, inner: &str| format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
    let ask = |value: &str| {
        format!(r#"POST /v1/chat/completions {{"model":"m","messages":[{{"role":"user","content":"x"}}],"v":{value}}}"#)
    };
    let (deep_1, deep_2) = (deep(10_000, "1"), deep(10_000, "2"));
    let pairs: Vec<(String, String)> = vec![
        (ask("9007199254740993"), ask("9007199254740992")),
        (ask("0.1000000000000000055511151231257827"), ask("0.1")),
        (ask("1e400"), ask("2e400")),
        (ask(r#""\ud800""#), ask(r#""\ud801""#)),
        (ask(r#""\ud800""#), ask(r#""\ufffd""#)),
        (ask(r#"{"a":1,"a":2}"#), ask(r#"{"a":2}"#)),
        (ask(r#"{"a":1,"a":2}"#), ask(r#"{"a":2,"a":1}"#)),
        (ask(&deep_1), ask(&deep_2)),
        (ask(&deep_1), ask(&deep(9_999, "1"))),
    ];
    let trial = Trial::new(|asked| {
        let value = asked.text().split_once("\"v\":").map(|(_, value)| value.to_owned()).unwrap_or_default();
        let value = value.strip_suffix('}').unwrap_or_default();
        Reply::json(&format!(
            r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":"got it"}}}}],"v":{value},"n":{}}}"#,
            asked.number
        ))
    });
    let mut recorded = String::new();
    for (number, (ask, twin)) in pairs.iter().enumerate() {
        trial.env.write("asks", ask);
        recorded = trial.record(&format!("pair{number}"), &["requests", "asks"]).out;
        let tag = format!("pair{number}");
        let (same, asked) = trial.asked_while(|| trial.replay([&tag]));
        assert_eq!((same.code, &same.out), (Some(0), &recorded), "{}", same.err);
        assert!(asked.is_empty());
        trial.env.write("asks", twin);
        let (other, asked) = trial.asked_while(|| trial.replay([&tag]));
        assert!(asked.is_empty());
        assert_eq!(other.code, Some(1), "pair {number}: {}", other.err.chars().take(2000).collect::<String>());
        assert!(other.grade().starts_with("1 call: 1 refused; "), "pair {number}: {}", other.grade());
        let shown = trial.line(&format!("show {tag}:1"));
        assert!(shown.contains("got it") && !shown.contains("--- exit"), "pair {number}");
    }
    assert!(recorded.contains(&deep_1));
}
