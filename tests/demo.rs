//! The demo's agent and its stand-in for a model, each in a process or thread of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use retake::demo::stand_in::{Handle, Pace, serve_at};
use retake::model::Micros;
use retake::model::event::{Begin, Ending, Event, Seq};
use retake::proxy::{Answer, Boxed, Call, Given, Listener as Proxy, Setup, Upstream, Verdict, Watch};
use serde_json::{Value, json};

use crate::announce::{Listener, example, output};
use crate::support::env::TestEnv;

fn stand_in() -> (SocketAddr, Handle) {
    serve_at(Pace { before: Duration::ZERO, between: Duration::ZERO }).expect("a free port")
}

fn agent(model: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retake"));
    command.arg("demo-agent").env_clear().env("OPENAI_BASE_URL", format!("http://{model}/v1"));
    command
}

fn post(address: SocketAddr, path: &str, body: &Value) -> (String, String) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
    (head.to_owned(), body.to_owned())
}

#[test]
fn the_agent_searches_calls_two_tools_and_answers() {
    let (model, _handle) = stand_in();
    insta::assert_snapshot!(output(&mut agent(model)), @r#"
    question: Can two of us take our bicycles across on Saturday, and what will it cost?
    guide: bicycles, parking, tickets, food
    tools: get_forecast {"day":"saturday"}, get_fares {"people":2,"bicycles":2}

    - When the forecast is wind force 6 or more, bicycles stay ashore; there is a locked shed for them at Harrow Quay.
    - Saturday: wind force 7 from the south-west, dry, 14 degrees.
    - 2 people and 2 bicycles cost 31.00 euros, there and back.
    "#);
    insta::assert_snapshot!(output(agent(model).arg("Is the lighthouse open on Sunday, and can my dog come?")), @r#"
    question: Is the lighthouse open on Sunday, and can my dog come?
    guide: lighthouse, dogs, parking, roads
    tools: get_forecast {"day":"sunday"}

    - The lighthouse is open from 11:00 to 15:00.
    - Dogs travel free and stay on the lead, on the boat and on the island.
    - Sunday: wind force 4 from the north-west, showers, 13 degrees.
    "#);
}

#[test]
fn its_retrieval_and_its_tools_are_announced_and_the_tools_run_at_once() {
    let (model, _handle) = stand_in();
    let listener = Listener::new(Vec::new());
    output(agent(model).env("RETAKE_URL", &listener.url));
    let told = listener.told();
    let mut began: Vec<String> = told
        .iter()
        .map(|(path, body)| format!("{} {} {}", path.replace("/token", ""), body["kind"], body["name"]))
        .collect();
    // Both tools began before either ended; which of them ends first is left open.
    began[4..].sort();
    insta::assert_snapshot!(began.join("\n"), @r#"
    /nodes "retrieval" "guide"
    /nodes/1/end null null
    /nodes "tool" "get_forecast"
    /nodes "tool" "get_fares"
    /nodes/2/end null null
    /nodes/3/end null null
    "#);
    assert_eq!(told[1].1["documents"].as_array().map(Vec::len), Some(4));
    assert!(told[2].1["call_id"].as_str().is_some_and(|id| id.starts_with("call_")));
}

#[test]
fn recorded_documents_and_results_reach_the_answer() {
    let (model, _handle) = stand_in();
    let page = "Bicycles on board\nBicycles stay ashore on every day with wind force 2 or more.";
    let listener = Listener::new(vec![
        ("guide", json!({"documents": [{"id": "bicycles", "text": page}]})),
        ("get_forecast", json!({"output": "Saturday: wind force 1."})),
    ]);
    insta::assert_snapshot!(output(agent(model).env("RETAKE_URL", &listener.url)), @r#"
    question: Can two of us take our bicycles across on Saturday, and what will it cost?
    guide: bicycles
    tools: get_forecast {"day":"saturday"}, get_fares {"people":2,"bicycles":2}

    - Bicycles stay ashore on every day with wind force 2 or more.
    - Saturday: wind force 1.
    - 2 people and 2 bicycles cost 31.00 euros, there and back.
    "#);
}

/// Lets every call through and writes down what passes.
#[derive(Default)]
struct Onlooker(Mutex<Vec<String>>);

impl Answer for Onlooker {
    fn answer<'a>(&'a self, _: &'a Call) -> Boxed<'a, Verdict> {
        Box::pin(async { Verdict::Forward { body: None, path: None } })
    }

    fn begin<'a>(&'a self, _: &'a Begin) -> Boxed<'a, Option<Given>> {
        Box::pin(async { None })
    }

    fn ended(&self, _: Seq, _: u16, _: &Bytes, _: &Ending) {}
}

impl Watch for Onlooker {
    fn saw(&self, event: Event) {
        let line = match event {
            Event::Request(request) => {
                let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                let messages = body["messages"].as_array().map_or(0, Vec::len);
                format!("{} {} messages, stream {}", request.seq, messages, body["stream"])
            }
            Event::Begin(begin) => format!("{} {} {}", begin.seq, begin.kind, begin.name),
            Event::Finish(finish) if finish.error.is_some() => format!("{} failed", finish.seq),
            _ => return,
        };
        self.0.lock().expect("nobody panicked").push(line);
    }

    fn settled(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

#[test]
fn behind_the_proxy_it_prints_the_same_and_its_calls_are_seen_in_one_order() {
    let (model, _handle) = stand_in();
    let onlooker = Arc::new(Onlooker::default());
    let proxy = Proxy::start(Setup {
        upstreams: vec![Upstream::parse("openai", &format!("http://{model}/v1")).expect("a URL")],
        formerly: Vec::new(),
        keys: Vec::new(),
        authorities: Vec::new(),
        token: "token".to_owned(),
        first: 1,
        answer: Arc::clone(&onlooker) as Arc<dyn Answer>,
        watch: Arc::clone(&onlooker) as Arc<dyn Watch>,
        ends_stream: Arc::new(|_, _, piece| piece.ends_with(b"[DONE]\n\n")),
        clock: Arc::new(|| Micros(0)),
    })
    .expect("a free port");
    let printed = output(agent(model).env("OPENAI_BASE_URL", proxy.url("openai")).env("RETAKE_URL", proxy.nodes_url()));
    assert_eq!(printed, output(&mut agent(model)));
    let seen = onlooker.0.lock().expect("nobody panicked").join("\n");
    insta::assert_snapshot!(seen, @r"
    1 retrieval guide
    2 2 messages, stream null
    3 tool get_forecast
    4 tool get_fares
    5 5 messages, stream true
    ");
}

#[test]
fn failures_are_said_and_have_codes() {
    let (model, handle) = stand_in();
    drop(handle);
    let said = |command: &mut Command| {
        let output = command.output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stderr).replace(&model.to_string(), "ADDRESS");
        let text = text.split(" (os error").next().unwrap_or_default().trim_end().to_owned();
        format!("{} {text}", output.status.code().unwrap_or(-1))
    };
    insta::assert_snapshot!(said(&mut agent(model)), @"1 demo-agent: no answer from http://ADDRESS/v1/chat/completions: Connection refused");
    insta::assert_snapshot!(said(agent(model).arg("--fast")), @"2 demo-agent: there is no option `--fast`");
    insta::assert_snapshot!(said(agent(model).env_remove("OPENAI_BASE_URL")), @"2 demo-agent: OPENAI_BASE_URL is not set; `retake demo` starts me with a model");
}

#[test]
fn the_stand_in_streams_what_it_says_otherwise() {
    let (model, _handle) = stand_in();
    let mut request =
        json!({"messages": [{"role": "user", "content": "Bread is sold at noon. Question: Is bread sold?"}]});
    let (_, whole) = post(model, "/v1/chat/completions", &request);
    insta::assert_snapshot!(whole, @r#"{"id":"chatcmpl-408cb030081218f1","object":"chat.completion","created":0,"model":"stand-in","choices":[{"index":0,"message":{"role":"assistant","content":"Bread is sold at noon."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}}"#);
    request["stream"] = json!(true);
    request["stream_options"] = json!({"include_usage": true});
    let (head, stream) = post(model, "/v1/chat/completions", &request);
    assert!(head.contains("content-type: text/event-stream"));
    let data: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.last(), Some(&"[DONE]"));
    let events: Vec<Value> = data.iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    let whole: Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!(whole["choices"][0]["message"]["content"], text);
    assert_eq!(events.last().map(|event| &event["usage"]), Some(&whole["usage"]));
    assert_eq!(events[0]["id"], whole["id"]);
}

#[test]
fn the_stand_in_refuses_what_it_does_not_know() {
    let (model, _handle) = stand_in();
    let (head, body) = post(model, "/v1/embeddings", &json!({}));
    assert!(head.starts_with("HTTP/1.1 404"));
    insta::assert_snapshot!(body, @r#"{"error":{"message":"the stand-in has no POST /v1/embeddings","type":"invalid_request_error","param":null,"code":null}}"#);
    assert!(post(model, "/v1/chat/completions", &json!([])).0.starts_with("HTTP/1.1 400"));
}

#[test]
fn the_example_agents_run_against_it() {
    let (model, _handle) = stand_in();
    let base = format!("http://{model}/v1");
    insta::assert_snapshot!(output(example("agent").env("OPENAI_BASE_URL", &base)), @"The weather in Harrow will be sunny.");
    insta::assert_snapshot!(output(example("panel").env("OPENAI_BASE_URL", &base)), @r"
    - The bridge is closed in June.
    - The ferry is slow, and free in June.
    - The tunnel is open and costs four crowns.
    ");
}

/// A text without durations, which differ from run to run, and without the gaps that align them.
fn untimed(text: &str) -> String {
    let replace = |text: &str, pattern: &str, with: &str| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(text, with).into_owned()
    };
    let text = replace(text, r"\b\d+(\.\d+)?(ms|s)\b", "TIME");
    let text = replace(&text, r"  TIME → TIME", "");
    replace(&text, r" {3,}(\d+ documents|\d+ → \d+ tok|TIME)", "  $1").replace("tok   TIME", "tok  TIME")
}

#[test]
fn the_demo_records_shows_replays_and_compares() {
    let env = TestEnv::new();
    insta::assert_snapshot!(untimed(&env.run(["demo"])), @r#"
    An agent plans a trip: it searches a guide, calls two tools at once and answers.
    Its model is a stand-in, served by retake: no key, and nothing leaves this machine.
    For a real one set OPENAI_API_KEY or MISTRAL_API_KEY or ANTHROPIC_API_KEY.

    1. retake record: the agent runs as ever, and its calls are written down.

    question: Can two of us take our bicycles across on Saturday, and what will it cost?
    guide: bicycles, parking, tickets, food
    tools: get_forecast {"day":"saturday"}, get_fares {"people":2,"bicycles":2}

    - When the forecast is wind force 6 or more, bicycles stay ashore; there is a locked shed for them at Harrow Quay.
    - Saturday: wind force 7 from the south-west, dry, 14 degrees.
    - 2 people and 2 bicycles cost 31.00 euros, there and back.

    2. retake show: one search, one model call, two tools at once, the answer.

    lkkkkkkk  retake demo-agent "Can two of us take our bicycles across on Saturday, and what will it cost?"  exit 0
      just now, TIME, 5 nodes, 2 model calls, 453 tok
      in [root]/work

    ◆    1 guide                    Can two of us take our bicycles across on Saturday, and wha…  4 documents  TIME
    ●    2 You help people plan a…  stand-in  191 → 4 tok  TIME
    ├─╮
    ■ │  3 get_forecast             {day: saturday}  TIME
    │ ■  4 get_fares                {people: 2, bicycles: 2}  TIME
    ├─╯
    ●    5 You help people plan a…  stand-in  212 → 46 tok  TIME

    ● model call  ◆ retrieval  ■ tool
    in parallel: 3, 4

    3. retake replay: the same run, with another prompt for its last call.
       What comes before that call is answered from the recording.
       - Answer as a list of three points.
       + Answer in one sentence and name its source.

    question: Can two of us take our bicycles across on Saturday, and what will it cost?
    guide: bicycles, parking, tickets, food
    tools: get_forecast {"day":"saturday"}, get_fares {"people":2,"bicycles":2}

    When the forecast is wind force 6 or more, bicycles stay ashore; there is a locked shed for them at Harrow Quay. (Bicycles on board)

    4. retake diff: what the change did.

      1 guide                    same
      2 You help people plan a…  same
      3 get_forecast             same
      4 get_fares                same
    ~ 5 You help people plan a…  cause: input changed  46 → 25 tok
        system
        - Use only the guide and the tools. Answer as a list of three points.
        + Use only the guide and the tools. Answer in one sentence and name its source.
        answer: 24 words removed, 3 added (`retake diff lkkkkkkk nkkkkkkk 5` shows them)

    1 of 5 nodes differs: 1 cause

    Next:
      retake ls                        both runs, the replay under its origin
      retake show latest:2             the first model call in full
      retake replay                    once more, with nothing sent
      retake replay --set '2.system=Answer briefly.'
                                       another change
      retake record python agent.py    your own agent
    --- stderr
    retake: recorded lkkkkkkk: 5 nodes, 2 model calls, 453 tokens, TIME
    retake: replaying lkkkkkkk: node 2 served from the recording
    retake:   5.system changed
    retake:   node 5 sent, if the agent still makes them (at most 4 calls)
    retake: recorded nkkkkkkk: 2 calls: 1 exact, 1 sent changed; announced: 3 served; order kept; 1 sent
    "#);
}

#[test]
fn runs_of_the_demo_can_be_replayed_later() {
    let env = TestEnv::new();
    env.run(["demo", "--quiet"]);
    insta::assert_snapshot!(untimed(&env.run(["replay"])), @r#"
    question: Can two of us take our bicycles across on Saturday, and what will it cost?
    guide: bicycles, parking, tickets, food
    tools: get_forecast {"day":"saturday"}, get_fares {"people":2,"bicycles":2}

    - When the forecast is wind force 6 or more, bicycles stay ashore; there is a locked shed for them at Harrow Quay.
    - Saturday: wind force 7 from the south-west, dry, 14 degrees.
    - 2 people and 2 bicycles cost 31.00 euros, there and back.
    --- stderr
    retake: replaying lkkkkkkk: nodes 2, 5 served from the recording, nothing is sent
    retake: recorded qlwruozr: 2 calls: 2 exact; announced: 3 served; order kept; 0 sent
    "#);
    insta::assert_snapshot!(env.run(["replay", "--set", "2.system=Answer briefly."]), @r#"
    question: Can two of us take our bicycles across on Saturday, and what will it cost?
    guide: bicycles, parking, tickets, food
    tools: get_forecast {"day":"saturday"}, get_fares {"people":2,"bicycles":2}

    When the forecast is wind force 6 or more, bicycles stay ashore; there is a locked shed for them at Harrow Quay.
    --- stderr
    retake: replaying lkkkkkkk: 2.system changed
    retake:   nodes 2, 5 sent, if the agent still makes them (at most 4 calls)
    retake: recorded vmszotyz: 2 calls: 2 sent changed; announced: 3 served; order kept; 2 sent
    hint: compare them with `retake diff lkkkkkkk vmszotyz`
    "#);
}

#[test]
fn a_demo_without_a_model_says_what_is_missing() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(["demo", "--model", "m"]), @"
    --- stderr
    error: there is no key for `m` in the environment

    hint: name a server that has it: `retake demo --upstream URL --model m`
    --- exit 2
    ");
    insta::assert_snapshot!(env.run(["demo", "--upstream", "http://127.0.0.1:1/v1"]), @"
    --- stderr
    error: the following required arguments were not provided:
      --model <NAME>

    Usage: retake demo --model <NAME> --upstream <URL>

    For more information, try '--help'.
    --- exit 2
    ");
}
