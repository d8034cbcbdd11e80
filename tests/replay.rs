//! `retake replay` of whole agents: what is served, what is sent, what runs again.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::fake_model::Reply;
use crate::support::trial::{Ran, Trial, shop, texts};

#[test]
fn a_replay_without_a_change_needs_no_key_no_network_and_no_model() {
    let trial = Trial::new(shop);
    let recorded = trial.record("first", &["chat"]);
    let dead = "http://127.0.0.1:9";
    let without = |trial: &Trial| -> Ran {
        let mut command = trial.command();
        command.env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env(name, dead);
        }
        trial.finish(command.args(["replay", "--yes"]))
    };
    let (replayed, asked) = trial.asked_while(|| without(&trial));
    assert!(asked.is_empty(), "{asked:?}");
    assert_eq!((replayed.code, &replayed.out), (Some(0), &recorded.out), "{}", replayed.err);
    assert_eq!(replayed.grade(), "2 calls: 2 exact; tools: 1 ran again in the agent; order kept; 0 sent");
}

#[test]
fn a_replay_needs_no_model() {
    let model = std::sync::Arc::new(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let address = model.local_addr().unwrap();
    let trial = Trial::new(|_| Reply::chat("Yes."));
    trial.env.write("question", "Is it?");
    let mut command = trial.command();
    command.env("OPENAI_BASE_URL", format!("http://{address}/v1")).arg("record").args(Trial::agent(&["again"]));
    let serve = std::thread::spawn(move || {
        use std::io::Read;
        let (mut stream, _) = model.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Yes."}}]}"#;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    let recorded = trial.finish(&mut command);
    serve.join().unwrap();
    assert_eq!(recorded.out, "Yes.\n", "{}", recorded.err);
    assert!(std::net::TcpStream::connect(address).is_err(), "the model is gone");
    let replayed = trial.finish(trial.command().env("OPENAI_BASE_URL", format!("http://{address}/v1")).arg("replay"));
    assert_eq!((replayed.code, replayed.out.as_str()), (Some(0), "Yes.\n"), "{}", replayed.err);
}

#[test]
fn piped_input_is_given_back() {
    let trial = Trial::new(|asked| Reply::chat(&format!("You said {}", texts(asked)[0])));
    trial
        .env
        .write("asks", r#"POST /v1/chat/completions {"model":"m","messages":[{"role":"user","content":"${stdin}"}]}"#);
    let mut command = trial.command();
    command.arg("record").args(Trial::agent(&["requests", "asks"]));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello from a pipe\n").unwrap();
    let recorded = child.wait_with_output().unwrap();
    let (replayed, asked) = trial.asked_while(|| trial.replay::<&str>([]));
    assert!(asked.is_empty());
    assert_eq!(replayed.out.as_bytes(), recorded.stdout, "{}", replayed.err);
    assert!(replayed.out.contains("You said hello from a pipe"));
    let mut command = trial.command();
    let mut child =
        command.arg("replay").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"something else\n").unwrap();
    let other = child.wait_with_output().unwrap();
    assert_eq!(other.status.code(), Some(1), "what is piped in now is read, and the recording has no answer to it");
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(said.contains("recorded: \"hello from a pipe\"\nretake:   now:      \"something else\"\n"), "{said}");
}

#[test]
fn a_prompt_changed_in_one_branch_leaves_the_others_alone() {
    let trial = Trial::new(shop);
    trial.record("fan", &["fan"]);
    let node = node_with(&trial, "You watch the south.");
    let set = format!("{node}.system=You watch the deep south.");
    let (replayed, asked) = trial.asked_while(|| trial.replay(["--yes", "--set", &set]));
    assert_eq!(replayed.code, Some(0), "{}", replayed.err);
    // Whether the branches end in the recorded order depends on when the agent asks; the line says which it was.
    let grade = replayed.grade();
    let said = ["order kept", "order of 1 answer not kept", "order of 2 answers not kept"];
    assert_eq!(said.iter().filter(|order| grade.contains(**order)).count(), 1, "{grade}");
    let [before, after] = ["7 calls: 4 exact, 2 sent changed, 1 sent; tools: 3 ran again in the agent; ", "; 3 sent"];
    assert!(grade.starts_with(before) && grade.ends_with(after), "{grade}");
    let begins: Vec<(String, usize)> = asked.iter().map(|asked| (texts(asked).remove(0), texts(asked).len())).collect();
    let changed = "You watch the deep south.".to_owned();
    assert_eq!(begins, [(changed.clone(), 2), (changed, 4), ("You sum up.".to_owned(), 2)]);
    assert!(texts(&asked[2])[1].contains("You watch the deep south. I was told"), "{:?}", texts(&asked[2]));
    for run in ["fan", "latest"] {
        assert_eq!(joined(&trial, run), (10, 3), "{run}: {}", trial.line(&format!("show {run}")));
    }
}

/// The number of the call that joins the branches, and how many calls lead to it.
fn joined(trial: &Trial, run: &str) -> (u64, usize) {
    let whole = trial.line(&format!("show {run} --json"));
    let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let join = lines.iter().find(|line| line["type"] == "node" && line["name"] == "You sum up.").unwrap();
    let into = lines.iter().filter(|line| line["type"] == "edge" && line["to"] == join["id"]);
    let from: std::collections::BTreeSet<u64> = into.map(|edge| edge["from"].as_u64().unwrap()).collect();
    (join["id"].as_u64().unwrap(), from.len())
}

/// The first model call whose request has this message.
fn node_with(trial: &Trial, text: &str) -> String {
    let whole = trial.line("show latest --json");
    let nodes = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    for node in nodes.filter(|node| node["type"] == "node" && node["kind"] == "llm") {
        let id = node["id"].to_string();
        if trial.line(&format!("show latest:{id} --json")).contains(text) {
            return id;
        }
    }
    panic!("no node has `{text}`: {whole}");
}

#[test]
fn a_changed_document_reaches_the_calls_that_carry_it() {
    let trial = Trial::new(shop);
    trial.record("rag", &["rag"]);
    let effects = || std::fs::read_to_string(trial.env.work().join("effects")).unwrap();
    assert_eq!(effects(), "library\nbook_seat noon\n");
    let (replayed, asked) = trial
        .asked_while(|| trial.replay(["--set", "1.documents[0].text=The last ferry leaves the harbour at midnight."]));
    assert_eq!(replayed.code, Some(0), "{}", replayed.err);
    assert_eq!(replayed.grade(), "2 calls: 1 exact, 1 sent; announced: 2 served; order kept; 1 sent");
    let sent: Vec<String> = asked.iter().map(|asked| texts(asked).remove(1)).collect();
    let dogs = "Dogs travel free of charge on every ferry.";
    assert_eq!(sent, [format!("When is the last ferry?\n\nThe last ferry leaves the harbour at midnight.\n{dogs}")]);
    assert_eq!(effects(), "library\nbook_seat noon\n", "nothing ran again");
    assert_eq!(trial.replay(["--yes"]).code, Some(0));
    assert_eq!(effects(), "library\nbook_seat noon\n", "nor does it without a change");
}
