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
    println!("{}{}", replayed.out, replayed.err);
    assert!(asked.is_empty());
    trial.env.write("upload.txt", "one\nthree\n");
    let (replayed, asked) = trial.asked_while(|| trial.replay::<&str>([]));
    println!("{}{}", replayed.out, replayed.err);
    assert!(asked.is_empty());
    println!("{}", trial.line("show upload"));
}

#[test]
fn an_agent_that_never_gives_up_is_ended() {
    let trial = Trial::new(|_| Reply::chat("Yes."));
    trial.env.write("question", "Is it?");
    trial.record("asked", &["again"]);
    trial.env.write("question", "Was it?");
    let (replayed, asked) = trial.asked_while(|| trial.replay::<&str>([]));
    println!("{:?} {}{}", replayed.code, replayed.out, replayed.err);
    assert!(asked.is_empty());
    println!("{}", trial.line("show latest"));
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
    println!("{:?} {}{}", recorded.code, recorded.out, recorded.err);
    println!("{}", String::from_utf8_lossy(&serve.join().unwrap()));
    println!("{}", trial.line("show"));
    println!("{}", trial.line("show 1"));
    println!("{}", trial.line("show 1 --json"));
    println!("{}", trial.line("show 1 --raw request"));
    println!("{}", trial.line("show 1 --raw response"));
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
        println!("{}", other.err.chars().take(1500).collect::<String>());
        let shown = trial.line(&format!("show {tag}:1"));
        println!("{}", shown.chars().take(700).collect::<String>());
    }
    assert!(recorded.contains(&deep_1));
}
