//! The demo's agent: retrieves from the guide, lets a model call two tools at once, prints an answer.
//!
//! It is a plain HTTP client that reads its provider's base URL from the environment, as any agent
//! does; all it knows of retake is that it announces its retrieval and its tools.

use std::fmt;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::search::{guide, search};
use super::{Provider, model, stand_in, tools};
use crate::announce::{self, Begun, Document, Node};
use crate::config::variable;
use crate::loopback::{self, Patience};

/// What it is asked if nothing is asked.
pub const QUESTION: &str = "Can two of us take our bicycles across on Saturday, and what will it cost?";

/// What it tells the model about its task.
pub const SYSTEM: &str = "You help people plan a trip to Tern Island. Use only the guide and the tools. \
     Answer as a list of three points.";

const PATIENCE: Patience = Patience { connect: Duration::from_secs(5), silence: Duration::from_mins(3) };

/// Pages that the model gets to read.
const PAGES: usize = 4;
/// Turns after which the model must answer.
const TURNS: usize = 6;
/// Calls of one turn that are made.
const CALLS: usize = 8;

/// Why there is no answer.
#[derive(Debug)]
enum Failure {
    /// It was started wrong.
    Usage(String),
    /// The provider did not answer, or said no.
    Model(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) | Self::Model(what) => formatter.write_str(what),
        }
    }
}

/// Runs the agent with these arguments (`[--provider NAME] [--model NAME] [QUESTION]`) and returns its exit code.
#[must_use]
pub fn agent(arguments: &[String]) -> i32 {
    let mut out = io::stdout().lock();
    let ended = Setup::read(arguments, &|name| variable(name).filter(|value| !value.is_empty()))
        .and_then(|setup| answer(&setup, &mut out));
    let failure = match ended {
        Ok(answer) => {
            // A reader that left has all it wanted.
            drop(writeln!(out, "\n{answer}").and_then(|()| out.flush()));
            return 0;
        }
        Err(failure) => failure,
    };
    drop(writeln!(io::stderr(), "demo-agent: {failure}"));
    match failure {
        Failure::Usage(_) => 2,
        Failure::Model(_) => 1,
    }
}

/// How the agent was started.
#[derive(Debug)]
struct Setup {
    base: String,
    key: Option<String>,
    model: String,
    question: String,
}

impl Setup {
    fn read(arguments: &[String], variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let (mut provider, mut model, mut question) = (Provider::OPENAI, None, None);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| Failure::Usage(format!("`{argument}` needs a value")));
            match argument.as_str() {
                "--provider" => {
                    let name = value()?;
                    provider = Provider::named(name)
                        .ok_or_else(|| Failure::Usage(format!("no provider is called `{name}`")))?;
                }
                "--model" => model = Some(value()?.clone()),
                option if option.starts_with("--") => {
                    return Err(Failure::Usage(format!("there is no option `{option}`")));
                }
                words if question.is_none() => question = Some(words.to_owned()),
                more => return Err(Failure::Usage(format!("one question at a time: what is `{more}`?"))),
            }
        }
        let base = variable(provider.base).ok_or_else(|| {
            Failure::Usage(format!("{} is not set; `retake demo` starts me with a model", provider.base))
        })?;
        if loopback::split(&base).is_none() {
            return Err(Failure::Usage(format!("I speak plain HTTP only: record me, or set {} so", provider.base)));
        }
        Ok(Self {
            base: versioned(&base),
            key: variable(provider.key),
            model: model.unwrap_or_else(|| stand_in::MODEL.to_owned()),
            question: question.unwrap_or_else(|| QUESTION.to_owned()),
        })
    }
}

/// A base URL with its version: some variables hold it, some do not.
fn versioned(base: &str) -> String {
    let base = base.trim_end_matches('/');
    let last = base.rsplit('/').next().unwrap_or_default();
    let is_version =
        last.strip_prefix('v').is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()));
    if is_version { base.to_owned() } else { format!("{base}/v1") }
}

fn answer(setup: &Setup, out: &mut impl Write) -> Result<String, Failure> {
    let mut say = |what: &str, which: &[String]| drop(writeln!(out, "{what}: {}", which.join(", ")));
    say("question", std::slice::from_ref(&setup.question));
    let pages = retrieve(&setup.question).map_err(Failure::Model)?;
    say("guide", &pages.iter().map(|page| page.id.clone().unwrap_or_default()).collect::<Vec<_>>());
    let mut messages = vec![
        json!({"role": "system", "content": SYSTEM}),
        json!({"role": "user", "content": briefing(&pages, &setup.question)}),
    ];
    for turn in 1..=TURNS {
        let reply = ask(setup, &messages, turn > 1, turn == TURNS)?;
        let calls = reply.calls(turn);
        if calls.is_empty() {
            let text = reply.text.trim();
            let nothing = || Failure::Model(format!("{} said nothing", setup.model));
            return if text.is_empty() { Err(nothing()) } else { Ok(text.to_owned()) };
        }
        say("tools", &calls.iter().map(|call| format!("{} {}", call.name, call.arguments)).collect::<Vec<_>>());
        messages.push(reply.message(&calls));
        messages.extend(run_at_once(&calls));
    }
    Err(Failure::Model(format!("{} called tools for {TURNS} turns and gave no answer", setup.model)))
}

/// The best pages of the guide for a question.
fn retrieve(question: &str) -> Result<Vec<Document>, String> {
    announce::retrieval("guide", question, || {
        let found = search(&guide(), question, PAGES);
        let document = |(page, score): (super::search::Page, f64)| Document {
            id: Some(page.id.to_owned()),
            text: format!("{}\n{}", page.title, page.text),
            score: Some(format!("{score:.2}")),
            metadata: None,
        };
        Ok(found.into_iter().map(document).collect())
    })
}

fn briefing(pages: &[Document], question: &str) -> String {
    let page = |page: &Document| format!("[{}] {}\n\n", page.id.as_deref().unwrap_or("?"), page.text);
    let guide: String = pages.iter().map(page).collect();
    format!("{guide}Question: {question}")
}

/// A tool call of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

/// Runs all calls of a turn at once and returns their messages in the order of the calls.
fn run_at_once(calls: &[Call]) -> Vec<Value> {
    let begun: Vec<Option<Begun>> = calls
        .iter()
        .enumerate()
        .map(|(place, call)| {
            let node = || Node::new("tool", &call.name, &call.arguments).call_id(&call.id).begin();
            (place < CALLS).then(node)
        })
        .collect();
    let results: Vec<Result<String, String>> = thread::scope(|scope| {
        let running: Vec<_> = begun
            .into_iter()
            .zip(calls)
            .map(|(begun, call)| begun.map(|begun| scope.spawn(move || begun.run_tool(|| work(call)))))
            .collect();
        running
            .into_iter()
            .map(|running| match running {
                Some(running) => running.join().unwrap_or_else(|_| Err("the tool broke".to_owned())),
                None => Err(format!("only {CALLS} calls are made at once")),
            })
            .collect()
    });
    let message = |(call, result): (&Call, Result<String, String>)| {
        let content = result.unwrap_or_else(|error| format!("error: {error}"));
        json!({"role": "tool", "tool_call_id": call.id, "content": content})
    };
    calls.iter().zip(results).map(message).collect()
}

/// What a tool says, after as long as a service nearby would take.
fn work(call: &Call) -> Result<String, String> {
    thread::sleep(Duration::from_millis(if call.name == "get_forecast" { 140 } else { 60 }));
    tools::run(&call.name, &call.arguments)
}

/// What the model replied.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reply {
    text: String,
    /// Ids, names and arguments, as far as they were given.
    calls: Vec<Call>,
}

impl Reply {
    /// The calls, with an id where the server gave none.
    fn calls(&self, turn: usize) -> Vec<Call> {
        let mut calls: Vec<Call> = self.calls.iter().filter(|call| !call.name.is_empty()).cloned().collect();
        for (place, call) in calls.iter_mut().enumerate().filter(|(_, call)| call.id.is_empty()) {
            call.id = format!("call_{turn}_{place}");
        }
        calls
    }

    /// The message that carries the reply in the next request.
    fn message(&self, calls: &[Call]) -> Value {
        let call = |call: &Call| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            json!({"id": call.id, "type": "function", "function": function})
        };
        let content = if self.text.is_empty() { Value::Null } else { Value::from(self.text.as_str()) };
        json!({"role": "assistant", "content": content, "tool_calls": calls.iter().map(call).collect::<Vec<_>>()})
    }

    /// Reads the body of an answer that was not streamed.
    fn unary(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let message = body["choices"].get(0)?.get("message")?;
        let mut reply = Self { text: model::text(&message["content"]), calls: Vec::new() };
        reply.add_calls(&message["tool_calls"]);
        Some(reply)
    }

    /// Reads the body of a stream.
    fn stream(body: &[u8]) -> Option<Self> {
        let mut reply = Self::default();
        let mut seen = false;
        for line in String::from_utf8_lossy(body).lines() {
            let Some(data) = line.strip_prefix("data:") else { continue };
            let Ok(event) = serde_json::from_str::<Value>(data.trim()) else { continue };
            let Some(delta) = event["choices"].get(0).and_then(|choice| choice.get("delta")) else { continue };
            seen = true;
            reply.text.push_str(&model::text(&delta["content"]));
            reply.add_calls(&delta["tool_calls"]);
        }
        seen.then_some(reply)
    }

    /// Adds calls or pieces of them: a piece belongs to its index, or begins a call where it has a name.
    fn add_calls(&mut self, pieces: &Value) {
        for piece in pieces.as_array().into_iter().flatten() {
            let function = &piece["function"];
            let name = function["name"].as_str().unwrap_or_default();
            let index = piece["index"].as_u64().and_then(|index| usize::try_from(index).ok());
            let place = match index {
                Some(index) if index < 64 => index,
                _ if name.is_empty() => self.calls.len().saturating_sub(1),
                _ => self.calls.len(),
            };
            while self.calls.len() <= place {
                self.calls.push(Call { id: String::new(), name: String::new(), arguments: String::new() });
            }
            let call = &mut self.calls[place];
            if let Some(id) = piece["id"].as_str().filter(|id| !id.is_empty()) {
                id.clone_into(&mut call.id);
            }
            call.name.push_str(name);
            match &function["arguments"] {
                Value::Null => {}
                Value::String(text) => call.arguments.push_str(text),
                // Some servers write the arguments as JSON instead of a text.
                other => call.arguments.push_str(&other.to_string()),
            }
        }
    }
}

/// One model call. A server that cannot stream is asked again without.
fn ask(setup: &Setup, messages: &[Value], stream: bool, last: bool) -> Result<Reply, Failure> {
    let mut request = json!({"model": setup.model, "messages": messages, "tools": tools::definitions()});
    if last {
        request["tool_choice"] = json!("none");
    }
    if stream {
        request["stream"] = json!(true);
        request["stream_options"] = json!({"include_usage": true});
    }
    let bearer = setup.key.as_ref().map(|key| format!("Bearer {key}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let url = format!("{}/chat/completions", setup.base);
    let answer = loopback::exchange("POST", &url, &headers, request.to_string().as_bytes(), PATIENCE)
        .map_err(|error| Failure::Model(format!("no answer from {url}: {error}")))?;
    if !(200..300).contains(&answer.status) {
        let refused = String::from_utf8_lossy(&answer.body);
        let of_stream = refused.contains("stream") && !refused.contains("retake_refused");
        if stream && of_stream && matches!(answer.status, 400 | 422) {
            return ask(setup, messages, false, last);
        }
        let error: Value = serde_json::from_str(&refused).unwrap_or_default();
        let said = error["error"]["message"].as_str().or_else(|| error["message"].as_str());
        return Err(Failure::Model(format!(
            "{} answered {}: {}",
            setup.model,
            answer.status,
            said.unwrap_or(&refused)
        )));
    }
    let is_stream = answer.content_type.starts_with("text/event-stream");
    let reply = if is_stream { Reply::stream(&answer.body) } else { Reply::unary(&answer.body) };
    reply.ok_or_else(|| Failure::Model(format!("{url} gave no chat completion")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_from_both_forms() {
        let call = |id: &str, name: &str, arguments: &str| Call {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        };
        let stream = b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n\
            : a comment\n\n\
            data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n\
            data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}}]}\n\n\
            data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"g\",\"arguments\":{\"x\":1}}}]}}]}\n\n\
            data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n";
        let reply = Reply::stream(stream).expect("a stream");
        assert_eq!(reply.calls(2), [call("a", "f", "{}"), call("call_2_1", "g", r#"{"x":1}"#)]);
        let unary = br#"{"choices":[{"message":{"content":[{"type":"text","text":"Hello"}]}}]}"#;
        assert_eq!(Reply::unary(unary).expect("an answer").text, "Hello");
        assert_eq!(Reply::stream(b"<html>"), None);
        assert_eq!(Reply::unary(b"[]"), None);
    }

    #[test]
    fn what_is_wrong_with_the_start_is_said() {
        let nothing = |_: &str| None;
        let secure = |_: &str| Some("https://example.com/v1".to_owned());
        let read = |arguments: &[&str], variable: &dyn Fn(&str) -> Option<String>| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            Setup::read(&arguments, variable).expect_err("it cannot start").to_string()
        };
        assert_eq!(read(&[], &nothing), "OPENAI_BASE_URL is not set; `retake demo` starts me with a model");
        assert_eq!(read(&["--model"], &nothing), "`--model` needs a value");
        assert_eq!(read(&["--provider", "x"], &nothing), "no provider is called `x`");
        assert_eq!(read(&["a", "b"], &nothing), "one question at a time: what is `b`?");
        assert!(read(&[], &secure).starts_with("I speak plain HTTP only"));
    }
}
