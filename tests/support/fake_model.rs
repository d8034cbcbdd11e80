//! A scripted provider on 127.0.0.1: answers each request as a closure says, in any framing, piece by
//! piece, with gates that the test opens, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Place in the order of arrival, from 0.
    pub(crate) number: usize,
    /// Method.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names as they were written, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// Body without its chunks.
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Closed until a test opens it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everybody through from now on.
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    pub(crate) fn wait(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(open, |open| !*open).unwrap());
    }
}

/// A step of answering with a body.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sends these bytes, in one chunk where there are chunks.
    Piece(Vec<u8>),
    /// Waits for the test.
    Wait(Gate),
    /// Closes the connection here.
    Break,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its length.
    Length,
    /// By the last chunk.
    Chunks,
    /// By closing the connection.
    Close,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// Status.
    pub(crate) status: u16,
    /// Headers besides those of the framing.
    pub(crate) headers: Vec<(String, String)>,
    /// Framing of the body.
    pub(crate) framing: Framing,
    /// The body.
    pub(crate) steps: Vec<Step>,
}

impl Reply {
    /// A JSON answer with its length.
    pub(crate) fn json(body: &str) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self { status: 200, headers, framing: Framing::Length, steps: vec![Step::Piece(body.into())] }
    }

    /// A stream of server-sent events, one chunk each; the blank line after an event is added.
    pub(crate) fn stream<'a>(events: impl IntoIterator<Item = &'a str>) -> Self {
        let steps = events.into_iter().map(|event| Step::Piece(format!("{event}\n\n").into_bytes())).collect();
        let headers = vec![("Content-Type".to_owned(), "text/event-stream; charset=utf-8".to_owned())];
        Self { status: 200, headers, framing: Framing::Chunks, steps }
    }

    /// A chat completion of `OpenAI`'s interface with this text.
    pub(crate) fn chat(text: &str) -> Self {
        let text = retake::text::json::quote(text);
        Self::json(&format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"fake-1","choices":[{{"index":0,"message":{{"role":"assistant","content":{text}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}}}"#
        ))
    }

    /// A chat completion of `OpenAI`'s interface that calls this tool.
    pub(crate) fn tool_call(id: &str, name: &str, arguments: &str) -> Self {
        let arguments = retake::text::json::quote(arguments);
        Self::json(&format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"fake-1","choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"{name}","arguments":{arguments}}}}}]}},"finish_reason":"tool_calls"}}],"usage":{{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}}}"#
        ))
    }

    /// A chat completion of `OpenAI`'s interface that calls several tools: id, name and arguments.
    pub(crate) fn tool_calls(calls: &[(&str, &str, &str)]) -> Self {
        let calls: Vec<String> = calls
            .iter()
            .map(|(id, name, arguments)| {
                let arguments = retake::text::json::quote(arguments);
                format!(r#"{{"id":"{id}","type":"function","function":{{"name":"{name}","arguments":{arguments}}}}}"#)
            })
            .collect();
        let calls = calls.join(",");
        Self::json(&format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"fake-1","choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":[{calls}]}},"finish_reason":"tool_calls"}}],"usage":{{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}}}"#
        ))
    }

    /// The same with another status.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with a further header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with other steps.
    pub(crate) fn steps(self, steps: Vec<Step>) -> Self {
        Self { steps, ..self }
    }

    /// The same with another framing.
    pub(crate) fn framing(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }
}

/// The provider.
pub(crate) struct FakeModel {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeModel {
    /// Starts one that answers by this script.
    pub(crate) fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(script), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                std::thread::spawn(move || {
                    // The other side may leave at any moment.
                    drop(converse(&stream, &log, script.as_ref()));
                    drop(stream.shutdown(Shutdown::Both));
                });
            }
        });
        Self { address, asked }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn converse(
    stream: &TcpStream,
    log: &Mutex<Vec<Asked>>,
    script: &(dyn Fn(&Asked) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(mut asked) = read(&mut reader)? {
        {
            let mut log = log.lock().unwrap();
            asked.number = log.len();
            log.push(asked.clone());
        }
        let reply = script(&asked);
        if !answer(stream, &asked, &reply)? {
            break;
        }
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Asked>> {
    let line = |reader: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        reader.read_line(&mut line).map(|_| line.trim_end().to_owned())
    };
    let first = line(reader)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = Vec::new();
    loop {
        let text = line(reader)?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut asked = Asked { number: 0, method, target, headers, body: Vec::new() };
    if let Some(length) = asked.header("content-length").and_then(|value| value.parse().ok()) {
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body)?;
    } else if asked.header("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&line(reader)?, 16).unwrap_or_default();
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk)?;
            line(reader)?;
            if size == 0 {
                break;
            }
            asked.body.extend(chunk);
        }
    }
    Ok(Some(asked))
}

/// Answers; returns whether the connection goes on.
fn answer(mut stream: &TcpStream, asked: &Asked, reply: &Reply) -> std::io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    head.extend(reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
    let length: usize =
        reply.steps.iter().map(|step| if let Step::Piece(piece) = step { piece.len() } else { 0 }).sum();
    match reply.framing {
        Framing::Length if !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) => {
            head += &["Content-Length: ", &length.to_string(), "\r\n"].concat();
        }
        Framing::Length => {}
        Framing::Chunks => head.push_str("Transfer-Encoding: chunked\r\n"),
        Framing::Close => head.push_str("Connection: close\r\n"),
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    if asked.method == "HEAD" {
        return Ok(true);
    }
    for step in &reply.steps {
        match step {
            Step::Piece(piece) if reply.framing == Framing::Chunks => {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                stream.write_all(&chunk)?;
            }
            Step::Piece(piece) => stream.write_all(piece)?,
            Step::Wait(gate) => gate.wait(),
            Step::Break => return Ok(false),
        }
    }
    if reply.framing == Framing::Chunks {
        stream.write_all(b"0\r\n\r\n")?;
    }
    Ok(reply.framing != Framing::Close)
}
