//! A chat completions client in plain HTTP, small enough to read: what the example agents share.

use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

/// A request that was sent.
pub(crate) struct Asked(TcpStream);

/// Sends messages and tools to the model at `OPENAI_BASE_URL`.
pub(crate) fn ask(messages: &[Value], tools: &[Value]) -> Result<Asked> {
    let base = std::env::var("OPENAI_BASE_URL").map_err(|_| Error::other("OPENAI_BASE_URL is not set"))?;
    let model = std::env::var("MODEL").unwrap_or_else(|_| "stand-in".to_owned());
    let mut request = json!({"model": model, "messages": messages});
    if !tools.is_empty() {
        request["tools"] = json!(tools);
    }
    post(&format!("{base}/chat/completions"), &request.to_string()).map(Asked)
}

impl Asked {
    /// The model's message.
    pub(crate) fn answer(mut self) -> Result<Value> {
        let answer: Value = serde_json::from_slice(&read(&mut self.0)?)?;
        match answer["choices"][0].get("message") {
            Some(message) => Ok(message.clone()),
            None => Err(Error::other(format!("the model said {answer}"))),
        }
    }
}

fn post(url: &str, body: &str) -> Result<TcpStream> {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| Error::other("this client speaks plain HTTP only"))?;
    let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
    let mut stream = TcpStream::connect(host)?;
    let length = body.len();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes())?;
    Ok(stream)
}

fn read(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(|| Error::other("no answer"))?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let body = answer.split_off(end + 4);
    if head.contains("transfer-encoding: chunked") { join(&body) } else { Ok(body) }
}

fn join(mut chunks: &[u8]) -> Result<Vec<u8>> {
    let broken = || Error::other("a chunk is broken");
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n").ok_or_else(broken)?;
        let size = usize::from_str_radix(&String::from_utf8_lossy(&chunks[..line]), 16).map_err(|_| broken())?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(chunks.get(line + 2..line + 2 + size).ok_or_else(broken)?);
        chunks = chunks.get(line + 4 + size..).ok_or_else(broken)?;
    }
}
