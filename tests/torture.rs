//! Agents that are hard to replay, through the program: recorded once, replayed with nothing live.
//!
//! The agent is this test program itself, run again with `TORTURE` set; see [`agent`].

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;

use retake::announce::{self, Document};
use serde_json::{Value, json};

use crate::support::env::TestEnv;
use crate::support::fake_model::{Asked, FakeModel, Reply, Step};
use crate::support::output;

/// What the model says: what it was asked, and how often it was asked that.
fn model() -> FakeModel {
    let counts: Mutex<HashMap<String, usize>> = Mutex::default();
    FakeModel::start(move |asked: &Asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let list = body["messages"].as_array().or_else(|| body["input"].as_array()).cloned().unwrap_or_default();
        let content = |message: &Value| match &message["content"] {
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        let words: Vec<String> = list.iter().map(content).collect();
        let about = format!("{}{}", words.join(" / "), body["previous_response_id"].as_str().unwrap_or_default());
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(about.clone()).or_default();
        *count += 1;
        let said = match about
            .strip_prefix("Be brief. / Start run ")
            .and_then(|rest| rest.split_once(" at http://127.0.0.1:"))
        {
            Some((run, port)) => format!("{} is on port {}", &run[..8], port.trim_end_matches("/v1")),
            None => format!("{about} ({count})"),
        };
        if about.contains("trouble") && *count <= 3 {
            return match count {
                1 => Reply::json(r#"{"error":{"message":"slow down"}}"#).status(429),
                2 => Reply::json(r#"{"error":{"message":"overloaded"}}"#).status(529),
                _ => Reply::chat("half")
                    .header("Content-Length", "300")
                    .steps(vec![Step::Piece(b"{\"half".to_vec()), Step::Break]),
            };
        }
        if asked.target.contains("/responses") {
            let id = format!("resp_{:08}", asked.number);
            let text = json!({"id": id, "object": "response", "status": "completed", "model": "fake-1", "output": [
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                 "content": [{"type": "output_text", "text": said, "annotations": []}]}]});
            return Reply::json(&text.to_string());
        }
        if !body["tools"].is_null() && !list.iter().any(|message| message["role"] == "tool") {
            let call = |number: usize| {
                let arguments = json!({"path": words.last(), "number": number}).to_string();
                json!({"id": format!("call_{number}"), "type": "function",
                       "function": {"name": "read_part", "arguments": arguments}})
            };
            let text = json!({"id": "chatcmpl-1", "object": "chat.completion", "model": "fake-1", "choices": [
                {"index": 0, "finish_reason": "tool_calls",
                 "message": {"role": "assistant", "content": null, "tool_calls": [call(1), call(2)]}}]});
            return Reply::json(&text.to_string());
        }
        Reply::chat(&said)
    })
}

/// Sends a body and returns status and answer; status 0 if the answer ended before its end.
fn post(path: &str, body: &Value) -> (u16, Value) {
    let base = std::env::var_os("OPENAI_BASE_URL").unwrap();
    let base = base.into_string().unwrap();
    let (host, prefix) = base.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let (body, mut answer) = (body.to_string(), Vec::new());
    let head = format!(
        "POST /{prefix}{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer sk-proj-Zx81kLmQ90aBcD22\r\n\
         connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    if stream.read_to_end(&mut answer).is_err() {
        return (0, Value::Null);
    }
    let text = String::from_utf8_lossy(&answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return (0, Value::Null) };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    if value.is_null() { (0, value) } else { (status, value) }
}

fn chat(body: &Value) -> Value {
    let (status, answer) = post("/chat/completions", body);
    let message = &answer["choices"][0]["message"];
    if message.is_null() { json!({"content": format!("status {status}")}) } else { message.clone() }
}

fn ask(system: &str, user: &str) -> String {
    let messages = json!([{"role": "system", "content": system}, {"role": "user", "content": user}]);
    chat(&json!({"model": "fake-1", "messages": messages}))["content"].as_str().unwrap_or_default().to_owned()
}

/// Asks by as many threads as there are things to ask; answers in the order of the things.
fn at_once<T: Sync>(things: &[T], ask: impl Fn(&T) -> String + Sync) -> Vec<String> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = things.iter().map(|thing| scope.spawn(|| ask(thing))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn random_port() -> u64 {
    20_000 + RandomState::new().build_hasher().finish() % 40_000
}

fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// The agent: runs only where `TORTURE` names what to do, and prints what it was told.
#[test]
fn agent() {
    let Some(scenario) = std::env::var_os("TORTURE").and_then(|name| name.into_string().ok()) else { return };
    let again = std::env::var_os("TORTURE_AGAIN").is_some();
    let mut said: Vec<String> = Vec::new();
    match scenario.as_str() {
        "documents" => {
            let documents: Vec<usize> = (0..30).collect();
            said = at_once(&documents, |number| {
                ask(&format!("Answer from: document {number}, fee {} euro.", number * 7), "What is the fee?")
            });
        }
        "draws" => {
            let mut draws = at_once(&[(); 4], |()| ask("Be bold.", "A title"));
            draws.sort();
            said.push(ask("Judge.", &draws.join(" or ")));
            said.extend(draws);
        }
        "amounts" => {
            let amounts = ["4999", "49.99", if again { "4998" } else { "4990" }, "499"];
            said = at_once(&amounts, |amount| ask("You refund.", &format!("Refund {amount} euro")));
        }
        "retries" => {
            said = at_once(&["one", "two"], |which| {
                let body =
                    json!({"model": "fake-1", "messages": [{"role": "user", "content": format!("trouble {which}")}]});
                let tries: Vec<String> = (0..4)
                    .map(|_| {
                        let (status, answer) = post("/chat/completions", &body);
                        format!("{status} {}", answer["choices"][0]["message"]["content"])
                    })
                    .collect();
                tries.join(", ")
            });
        }
        "names" => {
            let directory = std::env::temp_dir().join(format!("agent-{}", random()));
            let directory = directory.to_string_lossy();
            let tools =
                json!([{"type": "function", "function": {"name": "read_part", "parameters": {"type": "object"}}}]);
            let mut messages = vec![json!({"role": "user", "content": format!("{directory}/notes")})];
            let message = chat(&json!({"model": "fake-1", "messages": messages, "tools": tools}));
            let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
            messages.push(message);
            let mut results: Vec<Value> = calls
                .iter()
                .map(|call| {
                    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                    json!({"role": "tool", "tool_call_id": call["id"], "content": format!("read {arguments}")})
                })
                .collect();
            if again {
                results.reverse();
            }
            said.extend(results.iter().map(|result| result["content"].to_string().replace(&*directory, "[own]")));
            said.sort();
            messages.extend(results);
            let last = chat(&json!({"model": "fake-1", "messages": messages, "tools": tools}));
            said.push(last["content"].to_string().replace(&*directory, "[own]"));
        }
        "announced" => {
            let directory = std::env::temp_dir().join(format!("agent-{}", random()));
            let directory = directory.to_string_lossy();
            let pages = announce::retrieval("notes", &format!("{directory}/notes"), || {
                println!("the retriever ran");
                let text = format!("The note lies in {directory}/notes/1.");
                Ok(vec![Document { text, ..Document::default() }])
            });
            let pages = pages.unwrap_or_default();
            let arguments = json!({"path": format!("{directory}/notes/2")}).to_string();
            let wrote = announce::tool("write_note", "call_1", &arguments, || {
                println!("the tool ran");
                Ok(format!("wrote {directory}/notes/2"))
            });
            said.extend(pages.iter().map(|page| page.text.clone()));
            said.push(wrote.unwrap_or_else(|error| error));
            said.push(ask("Sum up.", &said.join(" ")));
            for line in &mut said {
                *line = line.replace(&*directory, "[own]");
            }
        }
        "pieces" => {
            let run = format!("{}{}", random(), random());
            let told = ask("Be brief.", &format!("Start run {run} at http://127.0.0.1:{}/v1", random_port()));
            said.push(ask("Be brief.", &format!("Go on with {told}")));
            let port = told.rsplit("port ").next().unwrap_or_default().to_owned();
            said.push(told);
            for line in &mut said {
                *line = line.replace(&run, "[run]").replace(&run[..8], "[short]").replace(&port, "[port]");
            }
        }
        "spelling" => {
            let text = "What is spelt anew?";
            let content = if again {
                json!([{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}])
            } else {
                json!(text)
            };
            let mut body = json!({"model": "fake-1", "messages": [{"role": "user", "content": content}]});
            if again {
                body["user"] = json!(random());
                body["temperature"] = serde_json::from_str("1.0").unwrap();
            } else {
                body["temperature"] = json!(1);
            }
            said.push(chat(&body)["content"].to_string());
        }
        "responses" => {
            said = at_once(&["ferry", "train"], |subject| {
                let (_, mut answer) =
                    post("/responses", &json!({"model": "fake-1", "input": [{"role": "user", "content": subject}]}));
                let mut texts = Vec::new();
                for _ in 0..3 {
                    texts.push(answer["output"][0]["content"][0]["text"].to_string());
                    let body = json!({"model": "fake-1", "previous_response_id": answer["id"],
                                      "input": [{"role": "user", "content": "go on"}]});
                    answer = post("/responses", &body).1;
                }
                texts.join(", ")
            });
        }
        "calls" => {
            said.push(ask("First.", "x"));
            if again {
                said.push(ask("Another.", "x"));
            } else {
                ask("Dropped.", "x");
            }
            said.push(ask("Last.", "x"));
        }
        other => said.push(format!("no scenario {other}")),
    }
    println!();
    for line in said {
        println!("> {line}");
    }
}

/// Records and replays a scenario: what it said both times, and what retake said of the replay.
fn twice(scenario: &str, again: bool) -> (String, String, String) {
    let env = TestEnv::new();
    let model = model();
    let program = std::env::current_exe().unwrap();
    let agent = [program.to_str().unwrap(), "torture::agent", "--exact", "--nocapture", "--test-threads=1"];
    let run = |arguments: &[&str], again: bool| {
        let mut command = env.command();
        command.env_remove("RETAKE_TEST_CLOCK").env("OPENAI_API_KEY", "sk-proj-Zx81kLmQ90aBcD22");
        command.env("OPENAI_BASE_URL", format!("{}/v1", model.url())).env("TORTURE", scenario);
        if again {
            command.env("TORTURE_AGAIN", "1");
        }
        output::whole(&command.args(arguments).output().unwrap())
    };
    let first = run(&[&["record", "-t", "first"], &agent[..]].concat(), false);
    assert!(first.contains("retake: recorded"), "{first}");
    let asked = model.asked().len();
    let second = run(&["replay", "first", "--yes"], again);
    assert_eq!(model.asked().len(), asked, "something was sent: {second}");
    let said = |text: &str| text.lines().filter(|line| line.starts_with("> ")).collect::<Vec<_>>().join("\n");
    (said(&first), said(&second), second.clone())
}

/// The same words in both runs, and a grade line with these words.
fn same(scenario: &str, again: bool, grade: &[&str]) {
    let (first, second, all) = twice(scenario, again);
    assert!(!first.is_empty(), "{all}");
    assert_eq!(first, second, "{all}");
    for words in grade.iter().chain(&["; 0 sent"]) {
        assert!(all.contains(words), "{words}: {all}");
    }
}

#[test]
fn thirty_documents_at_once_keep_their_answers() {
    same("documents", false, &["30 calls: 30 exact"]);
}

#[test]
fn draws_of_one_question_and_their_judge() {
    same("draws", false, &["interchangeable: equal requests in flight together"]);
}

#[test]
fn a_changed_amount_is_refused_and_the_others_are_served() {
    let (first, second, all) = twice("amounts", true);
    let (first, second): (Vec<&str>, Vec<&str>) = (first.lines().collect(), second.lines().collect());
    assert_eq!([second[0], second[1], second[3]], [first[0], first[1], first[3]]);
    assert_eq!(second[2], "> status 400", "{all}");
    assert!(all.contains("3 exact, 1 refused") && all.contains("--- exit 1"), "{all}");
}

#[test]
fn attempts_fail_again_as_they_failed() {
    same("retries", false, &["8 calls: 8 exact"]);
}

#[test]
fn temporary_directories_are_those_of_this_run() {
    same("names", true, &["2 exact up to 1 name"]);
}

#[test]
fn announced_nodes_are_given_with_the_names_of_this_run() {
    let (first, second, all) = twice("announced", false);
    assert_eq!((first.matches("[own]").count(), second), (4, first.clone()), "{all}");
    assert!(!all.contains(" ran\n"), "{all}");
    assert!(all.contains("announced: 2 served (2 up to names)") && all.contains("1 exact up to 1 name"), "{all}");
}

#[test]
fn short_names_and_lone_ports_are_those_of_this_run() {
    same("pieces", false, &["2 exact up to 2 names"]);
}

#[test]
fn another_spelling_is_the_same_call() {
    same("spelling", true, &["1 call: 1 exact"]);
}

#[test]
fn chains_of_responses_are_told_apart() {
    same("responses", false, &["8 calls: 8 exact"]);
}

#[test]
fn an_extra_call_is_refused_and_a_missing_one_said() {
    let (first, second, all) = twice("calls", true);
    let (first, second): (Vec<&str>, Vec<&str>) = (first.lines().collect(), second.lines().collect());
    assert_eq!((second[0], second[2]), (first[0], first[1]), "{all}");
    assert!(all.contains("2 exact, 1 refused") && all.contains("recorded and not asked for: node 2"), "{all}");
}
