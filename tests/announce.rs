//! Nodes that an agent announces: what it says, what it gets back, and that it never needs an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What a recorder is told: path and body.
pub(crate) type Told = Vec<(String, Value)>;

/// A listener for announced nodes that writes down what it is told.
pub(crate) struct Listener {
    /// Value for `RETAKE_URL`.
    pub(crate) url: String,
    told: Arc<Mutex<Told>>,
}

impl Listener {
    /// Listens; `given` is what a node of this name gets instead of running.
    pub(crate) fn new(given: Vec<(&'static str, Value)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}/token", listener.local_addr().expect("its address"));
        let told: Arc<Mutex<Told>> = Arc::default();
        let seen = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                listen(stream, &seen, &given);
            }
        });
        Self { url, told }
    }

    /// Everything that was said so far.
    pub(crate) fn told(&self) -> Told {
        self.told.lock().expect("nobody panicked").clone()
    }
}

fn listen(mut stream: TcpStream, told: &Mutex<Told>, given: &[(&str, Value)]) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).expect("a request") == 0 {
            return;
        }
    }
    let head = String::from_utf8(head).expect("text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a body");
    let mut body = vec![0; length.parse().expect("a number")];
    reader.read_exact(&mut body).expect("all of it");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let path = head.split(' ').nth(1).expect("a path").to_owned();
    let mut told = told.lock().expect("nobody panicked");
    let number = told.iter().filter(|(path, _)| path.ends_with("/nodes")).count() + 1;
    let mut answer = json!({"id": number.to_string(), "run": true});
    if let Some((_, outcome)) = given.iter().find(|(name, _)| body["name"] == *name) {
        answer = outcome.clone();
        answer["id"] = json!(number.to_string());
        answer["run"] = json!(false);
    }
    told.push((path, body));
    drop(told);
    let answer = answer.to_string();
    let length = answer.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{answer}").expect("it waits");
}

/// An example, built beside the program.
pub(crate) fn example(name: &str) -> Command {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_retake"));
    let path = program.parent().expect("a directory").join("examples").join(name);
    assert!(path.exists(), "examples are built by `cargo test` or `cargo build --examples`");
    let mut command = Command::new(path);
    command.env_clear();
    command
}

/// Standard output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn nodes_are_told_with_what_they_stand_in() {
    let listener = Listener::new(Vec::new());
    let printed = output(example("announce").env("RETAKE_URL", &listener.url));
    insta::assert_snapshot!(printed, @r"
    The boat leaves at noon. Wind: force 4. Seats: the office is closed.
    guardrail: true
    ");
    let told: Vec<String> = listener.told().iter().map(|(path, body)| format!("{path} {body}")).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    /token/nodes {"kind":"step","name":"plan a crossing","input":null}
    /token/nodes {"kind":"retrieval","name":"timetable","input":"boats on Monday","parent":"1"}
    /token/nodes/2/end {"documents":[{"id":"p1","text":"The boat leaves at noon.","score":0.9}]}
    /token/nodes {"kind":"tool","name":"wind","input":{"day":"monday"},"call_id":"call_1","parent":"1"}
    /token/nodes/3/end {"output":"force 4"}
    /token/nodes {"kind":"tool","name":"seats","input":{"boat":"noon"},"call_id":"call_2","parent":"1"}
    /token/nodes/4/end {"error":"the office is closed"}
    /token/nodes/1/end {}
    /token/nodes {"kind":"guardrail","name":"no promises","input":null}
    /token/nodes/5/end {"output":true}
    "#);
}

#[test]
fn what_was_recorded_is_returned_instead() {
    let listener = Listener::new(vec![
        ("timetable", json!({"documents": [{"id": "p1", "text": "The boat leaves at six."}]})),
        ("wind", json!({"output": "force 11"})),
        ("seats", json!({"output": null, "documents": null, "error": "nobody answers"})),
        ("no promises", json!({"output": {"checked": [1]}})),
    ]);
    let printed = output(example("announce").env("RETAKE_URL", &listener.url));
    insta::assert_snapshot!(printed, @r#"
    The boat leaves at six. Wind: force 11. Seats: nobody answers.
    guardrail: {"checked":[1]}
    "#);
    let ends = listener.told().iter().filter(|(path, _)| path.ends_with("/end")).count();
    assert_eq!(ends, 1, "only the step ran");
}

#[test]
fn nobody_needs_to_listen() {
    let alone = output(&mut example("announce"));
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("its address");
    for url in [format!("http://{dead}/token"), "https://example.com".into(), "nonsense".into(), String::new()] {
        assert_eq!(output(example("announce").env("RETAKE_URL", &url)), alone, "{url}");
    }
}
