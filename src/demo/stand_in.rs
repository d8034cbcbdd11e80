//! Serves the stand-in on 127.0.0.1 as an OpenAI-compatible server: chat completions, streamed or
//! not, with tool calls.

use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::model::{self, Said};
use crate::loopback;

/// The only model there is.
pub const MODEL: &str = "stand-in";

/// How fast the stand-in speaks.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Before its first word.
    pub before: Duration,
    /// Between two words of a stream.
    pub between: Duration,
}

/// Slow enough to be seen working.
const SPEAKING: Pace = Pace { before: Duration::from_millis(120), between: Duration::from_millis(6) };

/// The server; it stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the stand-in on a free port of 127.0.0.1, on threads of its own.
///
/// # Errors
/// What the system says when it gives no port.
pub fn serve() -> io::Result<(SocketAddr, Handle)> {
    serve_at(SPEAKING)
}

/// As [`serve`], at another pace.
///
/// # Errors
/// As [`serve`].
pub fn serve_at(pace: Pace) -> io::Result<(SocketAddr, Handle)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let stopped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stopped);
    let thread = thread::spawn(move || {
        for stream in listener.incoming() {
            if seen.load(Ordering::Relaxed) {
                break;
            }
            if let Ok(stream) = stream {
                thread::spawn(move || converse(stream, pace));
            }
        }
    });
    Ok((address, Handle { address, stopped, thread: Some(thread) }))
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // A last connection wakes the thread up.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            drop(thread.join());
        }
    }
}

/// Answers the requests of one connection until the client leaves.
fn converse(stream: TcpStream, pace: Pace) {
    // A client that leaves in the middle is no concern of anybody's.
    drop(answer_all(stream, pace));
}

fn answer_all(mut stream: TcpStream, pace: Pace) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = loopback::receive(&mut reader)? {
        let path = request.path.strip_prefix("/v1").unwrap_or(&request.path);
        match (request.method.as_str(), path) {
            ("POST", "/chat/completions") => match serde_json::from_slice::<Value>(&request.body) {
                Ok(body) if body["messages"].is_array() => complete(&mut stream, &body, pace)?,
                Ok(_) => fail(&mut stream, 400, "`messages` is missing")?,
                Err(error) => fail(&mut stream, 400, &format!("the body is not JSON: {error}"))?,
            },
            ("GET", "/models") => {
                let model = json!({"id": MODEL, "object": "model", "created": 0, "owned_by": "retake"});
                send(&mut stream, 200, &json!({"object": "list", "data": [model]}))?;
            }
            _ => fail(&mut stream, 404, &format!("the stand-in has no {} {}", request.method, request.path))?,
        }
        if !request.keep {
            break;
        }
    }
    Ok(())
}

fn complete(stream: &mut TcpStream, request: &Value, pace: Pace) -> io::Result<()> {
    let said = model::answer(request);
    let id = id(request);
    let usage = usage(request, &said);
    thread::sleep(pace.before);
    if request["stream"] != true {
        return send(stream, 200, &completion(&id, &said, &usage));
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let wants_usage = request["stream_options"]["include_usage"] == true;
    let events = chunks(&id, &said, wants_usage.then_some(usage));
    for event in events.iter().map(Value::to_string).chain(["[DONE]".to_owned()]) {
        let event = format!("data: {event}\n\n");
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
        thread::sleep(pace.between);
    }
    stream.write_all(b"0\r\n\r\n")
}

/// A fingerprint of the request (FNV-1a): the same question gets the same answer with the same ids.
fn id(request: &Value) -> String {
    let text = request["messages"].to_string();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

fn calls(id: &str, calls: &[(String, String)]) -> Vec<Value> {
    let call = |(place, (name, arguments)): (usize, &(String, String))| {
        json!({
            "index": place,
            "id": format!("call_{id}{place}"),
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        })
    };
    calls.iter().enumerate().map(call).collect()
}

fn completion(id: &str, said: &Said, usage: &Value) -> Value {
    let (message, finish) = match said {
        Said::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Said::Calls(named) => {
            let mut calls = calls(id, named);
            for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                call.shift_remove("index");
            }
            (json!({"role": "assistant", "content": null, "tool_calls": calls}), "tool_calls")
        }
    };
    json!({
        "id": format!("chatcmpl-{id}"),
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    })
}

fn chunks(id: &str, said: &Said, usage: Option<Value>) -> Vec<Value> {
    let chunk = |choices: Value| {
        json!({
            "id": format!("chatcmpl-{id}"),
            "object": "chat.completion.chunk",
            "created": 0,
            "model": MODEL,
            "choices": choices,
        })
    };
    let delta =
        |delta: Value, finish: Option<&str>| chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]));
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}), None)];
    let finish = match said {
        Said::Text(text) => {
            events.extend(text.split_inclusive([' ', '\n']).map(|word| delta(json!({"content": word}), None)));
            "stop"
        }
        Said::Calls(named) => {
            for (place, mut call) in calls(id, named).into_iter().enumerate() {
                let arguments = std::mem::replace(&mut call["function"]["arguments"], json!(""));
                events.push(delta(json!({"tool_calls": [call]}), None));
                let rest = json!([{"index": place, "function": {"arguments": arguments}}]);
                events.push(delta(json!({"tool_calls": rest}), None));
            }
            "tool_calls"
        }
    };
    events.push(delta(json!({}), Some(finish)));
    if let Some(usage) = usage {
        let mut last = chunk(json!([]));
        last["usage"] = usage;
        events.push(last);
    }
    events
}

/// Usage in the stand-in's own tokens: words.
fn usage(request: &Value, said: &Said) -> Value {
    let count = |text: &str| text.split_whitespace().count();
    let messages = request["messages"].as_array().into_iter().flatten();
    let prompt: usize = messages.map(|message| count(&model::text(&message["content"]))).sum();
    let completion = match said {
        Said::Text(text) => count(text),
        Said::Calls(calls) => calls.iter().map(|(_, arguments)| 1 + count(arguments)).sum(),
    };
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

fn fail(stream: &mut TcpStream, status: u16, message: &str) -> io::Result<()> {
    let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": null});
    send(stream, status, &json!({"error": error}))
}

fn send(stream: &mut TcpStream, status: u16, body: &Value) -> io::Result<()> {
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        _ => "Bad Request",
    };
    let body = body.to_string();
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + &body).as_bytes())
}
