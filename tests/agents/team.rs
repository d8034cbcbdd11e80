//! Three agents: a planner calls two others as tools, in parallel; each of those has a tool of its own.
//!
//! `TEAM` names what is different from the agent that was recorded.

use std::fs;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

mod client;

use client::{Client, print, usual, variable};

fn main() -> ExitCode {
    match plan() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(io::Write::write_fmt(&mut io::stderr(), format_args!("team: {error}\n")));
            ExitCode::FAILURE
        }
    }
}

fn is(change: &str) -> bool {
    variable("TEAM").split(',').any(|word| word == change)
}

/// An agent: its prompt, and the tools that it offers.
struct Agent<'a> {
    system: &'a str,
    tools: &'a [&'a str],
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn plan() -> io::Result<()> {
    if is("hang") {
        thread::sleep(Duration::from_mins(10));
    }
    let mut system = "You plan trips.".to_owned();
    if is("named") {
        system += &format!(" This is run {}.", fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim());
    }
    let planner = Agent { system: &system, tools: &["weather_agent", "price_agent"] };
    let day = if is("question") { "Sunday" } else { "Saturday" };
    let answer = converse(&planner, &format!("Is Lyon good on {day}, and what does it cost?"), &|calls| {
        if is("slow") {
            thread::sleep(Duration::from_millis(20));
        }
        thread::scope(|scope| {
            let order: Vec<usize> =
                if is("reordered") { (0..calls.len()).rev().collect() } else { (0..calls.len()).collect() };
            let mut running: Vec<(usize, thread::ScopedJoinHandle<'_, io::Result<String>>)> = Vec::new();
            for place in order {
                running.push((place, scope.spawn(move || specialist(&calls[place]))));
                thread::sleep(Duration::from_millis(30));
            }
            running.sort_by_key(|(place, _)| *place);
            let told = running.into_iter().map(|(_, handle)| handle.join().unwrap_or(Ok(String::new())));
            let failed = || "This failed, try again.".to_owned();
            told.map(|told| if is("catches") { Ok(told.unwrap_or_else(|_| failed())) } else { told }).collect()
        })
    })?;
    if is("extra") {
        let checker = Agent { system: "You check plans.", tools: &[] };
        converse(&checker, &answer, &|_| Ok(Vec::new()))?;
    }
    if is("crash") {
        return Err(io::Error::other("division by zero"));
    }
    match () {
        () if is("answer") => print(&answer.replace("40 euros", "41 euros")),
        () if is("lines") => print(&format!("done\n{answer}")),
        () => print(&format!("{answer}\ndone")),
    }
    Ok(())
}

fn specialist(call: &Value) -> io::Result<String> {
    let arguments = text(&call["function"]["arguments"]);
    if call["function"]["name"] == "weather_agent" {
        let system = if is("prompt") { "You know all weather." } else { "You know the weather." };
        let page = if is("document") { "Lyon: the river floods in autumn." } else { "Lyon: fair in autumn." };
        let agent = Agent { system, tools: &["get_forecast", "get_alerts"] };
        converse(&agent, &format!("{page}\n\n{arguments}"), &|calls| Ok(calls.iter().map(tool).collect()))
    } else {
        let tools: &[&str] = if is("dropped") { &["get_fare"] } else { &["get_fare", "get_discount"] };
        let agent = Agent { system: "You know what things cost.", tools };
        converse(&agent, &arguments, &|calls| Ok(calls.iter().map(tool).collect()))
    }
}

/// What a tool returns: its file's text, else what it always returns.
fn tool(call: &Value) -> String {
    let name = text(&call["function"]["name"]);
    fs::read_to_string(format!("{name}.result")).unwrap_or_else(|_| match name.as_str() {
        "get_forecast" => r#"{"sky": "sunny", "degrees": 21}"#.to_owned(),
        _ => r#"{"euros": 40}"#.to_owned(),
    })
}

/// Runs the tools that an answer calls; their results in order.
type Run<'a> = &'a dyn Fn(&[Value]) -> io::Result<Vec<String>>;

fn converse(agent: &Agent<'_>, question: &str, run: Run<'_>) -> io::Result<String> {
    let mut client = Client::new()?;
    let mut messages =
        vec![json!({"role": "system", "content": agent.system}), json!({"role": "user", "content": question})];
    let mut tools: Vec<Value> = agent
        .tools
        .iter()
        .map(|name| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}))
        .collect();
    if is("tools") {
        tools.reverse();
    }
    for _ in 0..8 {
        let mut body = json!({"model": "m", "temperature": 0.5, "messages": messages});
        if !tools.is_empty() {
            body["tools"] = Value::Array(tools.clone());
        }
        if is("forgets") && messages.len() > 2 {
            body["messages"].as_array_mut().into_iter().for_each(|messages| drop(messages.remove(1)));
        }
        let message = ask(&mut client, body)?;
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        messages.push(sent(message.clone()));
        if calls.is_empty() {
            return Ok(text(&message["content"]));
        }
        for (call, result) in calls.iter().zip(run(&calls)?) {
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": result}));
        }
    }
    Err(io::Error::other("no end"))
}

/// An answer as the agent sends it again.
fn sent(mut message: Value) -> Value {
    for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
        let arguments = &mut call["function"]["arguments"];
        if is("argument") {
            *arguments = text(arguments).replace("Lyon", "Lyons").into();
        }
        if is("spaced") {
            *arguments = text(arguments).replace(':', " :  ").into();
        }
    }
    message
}

fn ask(client: &mut Client, mut body: Value) -> io::Result<Value> {
    if is("stream") {
        body["stream"] = true.into();
        let answer = client.ask("POST", "/v1/chat/completions", &usual(), body.to_string().as_bytes())?;
        return answer.body().map(|body| gather(&String::from_utf8_lossy(&body)));
    }
    let (status, answer) = if is("spaced") {
        let answer = client.ask("POST", "/v1/chat/completions", &usual(), format!("{body:#}").as_bytes())?;
        (answer.status, serde_json::from_slice(&answer.body()?).unwrap_or_default())
    } else {
        client.json("/v1/chat/completions", &body)?
    };
    if status != 200 {
        return Err(io::Error::other(format!("{status}: {}", answer["error"]["message"])));
    }
    Ok(answer["choices"][0]["message"].clone())
}

/// The message that the pieces of a stream make.
fn gather(stream: &str) -> Value {
    let (mut content, mut calls) = (String::new(), Vec::<Value>::new());
    for data in stream.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        let delta = &event["choices"][0]["delta"];
        content += delta["content"].as_str().unwrap_or_default();
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            let place = usize::try_from(piece["index"].as_u64().unwrap_or(0)).unwrap_or(0);
            if calls.len() <= place {
                calls.push(json!({"type": "function", "id": piece["id"], "function":
                    {"name": piece["function"]["name"], "arguments": ""}}));
            }
            let before = text(&calls[place]["function"]["arguments"]);
            calls[place]["function"]["arguments"] = (before + &text(&piece["function"]["arguments"])).into();
        }
    }
    if calls.is_empty() {
        json!({"role": "assistant", "content": content})
    } else {
        json!({"role": "assistant", "content": null, "tool_calls": calls})
    }
}
