//! Agents for the tests: each does what its first argument says, over plain HTTP, with the base URL of the environment.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use retake::announce::{self, Document};
use serde_json::{Value, json};

mod client;

use client::{Client, print, usual, variable};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["requests", file] => requests(file),
        ["among", file] => among(file),
        ["beside", file] => beside(file),
        ["loop", file] => endless(file),
        ["chat"] => chat(),
        ["fan"] => fan(),
        ["rag"] => rag(),
        ["upload"] => upload(),
        ["state", kept] => state(kept),
        ["socket"] => socket(),
        ["again"] => again(),
        _ => Err(io::Error::other("no such agent")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "scripted: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The host and path that a redirect leads to.
fn led_to(client: &Client, location: &str, path: &str) -> (String, String) {
    if let Some(rest) = location.strip_prefix("http://") {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        return (host.to_owned(), format!("/{path}"));
    }
    if location.starts_with('/') {
        return (client.host.clone(), location.to_owned());
    }
    let place = format!("{}{path}", client.prefix);
    let end = place.rfind('/').map_or(0, |at| at + 1);
    (client.host.clone(), format!("{}{location}", &place[..end]))
}

fn append(file: &str, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Makes the requests of a file, one a line: method, path, body; `> name: value` before a line is one
/// more header of it, `! text` what it stops reading the answer at, and from `@ NAME` on this variable has the base URL.
/// `${NAME}` is a variable, `${stdin}` the standard input. Redirects are followed, with the key only within one origin.
/// Prints every answer.
fn requests(file: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let mut input = String::new();
    if text.contains("${stdin}") {
        io::stdin().read_to_string(&mut input)?;
    }
    let filled = |text: &str| {
        let mut text = text.replace("${stdin}", input.trim_end());
        while let Some((start, rest)) = text.split_once("${") {
            let (name, end) = rest.split_once('}').unwrap_or((rest, ""));
            text = format!("{start}{}{end}", variable(name));
        }
        text
    };
    let (mut headers, mut stop) = (usual(), String::new());
    let mut base = "OPENAI_BASE_URL".to_owned();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("@ ") {
            name.clone_into(&mut base);
            continue;
        }
        if let Some(header) = line.strip_prefix("> ") {
            let (name, value) = header.split_once(": ").ok_or_else(|| io::Error::other("a header"))?;
            headers.push((name.to_owned(), filled(value)));
            continue;
        }
        if let Some(text) = line.strip_prefix("! ") {
            text.clone_into(&mut stop);
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let (method, path) = (words.next().unwrap_or_default(), filled(words.next().unwrap_or_default()));
        let body = filled(words.next().unwrap_or_default());
        let mut client = Client::of(&base)?;
        let (first, mut path, mut sent) = (client.host.clone(), path, std::mem::replace(&mut headers, usual()));
        let location = |client: &mut Client, path: &str, sent: &[(String, String)]| -> io::Result<Option<String>> {
            let answer = client.ask(method, path, sent, body.as_bytes())?;
            let location = answer.header("location").map(str::to_owned).filter(|_| answer.status == 307);
            Ok(location)
        };
        if path.ends_with('/') {
            while let Some(next) = location(&mut client, &path, &sent)? {
                let (host, to) = led_to(&client, &next, &path);
                if host != first {
                    sent.retain(|(name, _)| name != "Authorization");
                }
                (client, path) = (Client::at(&format!("http://{host}"))?, to);
                if !path.ends_with('/') {
                    break;
                }
            }
        }
        let answer = client.ask(method, &path, &sent, body.as_bytes())?;
        let again = answer.header("retry-after").map(|value| format!(" retry-after {value}")).unwrap_or_default();
        let kind = answer.header("content-type").unwrap_or("-").to_owned();
        let mut got = Vec::new();
        let stop = std::mem::take(&mut stop);
        let enough = |piece: &[u8]| {
            got.extend_from_slice(piece);
            !stop.is_empty() && String::from_utf8_lossy(&got).contains(&stop)
        };
        let (status, done) = (answer.status, answer.until(enough));
        let broken = if done.is_err() { " broken off" } else { "" };
        print(&format!("{status} {kind}{again}{broken} {}", String::from_utf8_lossy(&got).trim_end()));
    }
    Ok(())
}

/// Talks to a server of its own, and makes the requests of a file.
fn among(file: &str) -> io::Result<()> {
    let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    let client = std::net::TcpStream::connect(server.local_addr()?)?;
    let accepted = server.accept()?;
    requests(file)?;
    drop((client, accepted));
    Ok(())
}

/// Keeps a connection to what `FIXED` names while it makes the requests of a file.
fn beside(file: &str) -> io::Result<()> {
    let mut beside = Client::of("FIXED")?;
    requests(file)?;
    print(&String::from_utf8_lossy(&beside.ask("GET", "/", &[], b"")?.body()?));
    Ok(())
}

/// Two threads ask without end, one for streams; each writes a line down when it has got an answer's end.
fn endless(file: &str) -> io::Result<()> {
    let ask = |streamed: bool| -> io::Result<()> {
        let mut client = Client::new()?;
        for number in 0.. {
            let kind = if streamed { "stream" } else { "whole" };
            let body = json!({"model": "m", "stream": streamed, "messages": [
                {"role": "user", "content": format!("{kind} question {number}.")}]});
            let answer = client.ask("POST", "/v1/chat/completions", &usual(), body.to_string().as_bytes())?;
            let mut noted = Ok(());
            answer.pieces(|piece| {
                if streamed && piece.ends_with(b"[DONE]\n\n") {
                    noted = append(file, &format!("stream {number}."));
                }
            })?;
            noted?;
            if !streamed {
                append(file, &format!("whole {number}."))?;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| ask(true));
        let own = ask(false);
        own.and(other.join().unwrap_or(Ok(())))
    })
}

/// Runs a tool: it writes down that it ran, and returns what its file says, else its own arguments.
fn tool(name: &str, arguments: &str) -> String {
    drop(append("effects", &format!("{name} {arguments}")));
    fs::read_to_string(format!("{name}.result"))
        .map_or_else(|_| format!("{name} did {arguments}"), |text| text.trim().to_owned())
}

/// A conversation: asks, runs what is called, asks again; returns the last answer.
fn converse(system: &str, question: &str, run: &dyn Fn(&Value) -> String) -> io::Result<String> {
    let mut client = Client::new()?;
    let mut messages = vec![json!({"role": "system", "content": system}), json!({"role": "user", "content": question})];
    for _ in 0..8 {
        let tools = json!([{"type": "function", "function": {"name": "get_price", "parameters": {"type": "object"}}}]);
        let body = json!({"model": "m", "temperature": 0.5, "messages": messages, "tools": tools});
        let (status, answer) = client.json("/v1/chat/completions", &body)?;
        if status != 200 {
            return Err(io::Error::other(format!("{status}: {}", answer["error"]["message"])));
        }
        let message = answer["choices"][0]["message"].clone();
        messages.push(message.clone());
        let Some(calls) = message["tool_calls"].as_array().filter(|calls| !calls.is_empty()) else {
            return Ok(message["content"].as_str().unwrap_or_default().to_owned());
        };
        for call in calls {
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": run(call)}));
        }
    }
    Err(io::Error::other("no end"))
}

fn here(call: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tool(&text(&call["function"]["name"]), &text(&call["function"]["arguments"]))
}

fn chat() -> io::Result<()> {
    let system = fs::read_to_string("system").unwrap_or_else(|_| "You sell lamps.".to_owned());
    print(&converse(system.trim(), "What does a lamp cost?", &here)?);
    Ok(())
}

/// Three branches at once, each a conversation with a tool, and a call that joins their answers.
fn fan() -> io::Result<()> {
    let names = ["north", "south", "west"];
    let answers: Mutex<Vec<(usize, io::Result<String>)>> = Mutex::default();
    thread::scope(|scope| {
        for (place, name) in names.into_iter().enumerate() {
            let answers = &answers;
            scope.spawn(move || {
                let answer = converse(&format!("You watch the {name}."), &format!("Report on the {name}."), &here);
                answers.lock().expect("nobody panicked").push((place, answer));
            });
        }
    });
    let mut answers = answers.into_inner().expect("nobody panicked");
    answers.sort_by_key(|(place, _)| *place);
    let mut reports = Vec::new();
    for (_, answer) in answers {
        reports.push(answer?);
    }
    print(&converse("You sum up.", &reports.join("\n"), &here)?);
    Ok(())
}

/// An announced retrieval in a question, a second question without it, an announced tool.
fn rag() -> io::Result<()> {
    let found = announce::retrieval("library", "ferries", || {
        drop(append("effects", "library"));
        let page = |id: &str, text: &str| Document { id: Some(id.into()), text: text.into(), ..Document::default() };
        Ok(vec![
            page("p1", "The last ferry leaves the harbour at nine in the evening."),
            page("p2", "Dogs travel free of charge on every ferry."),
        ])
    });
    let documents = found.map_err(io::Error::other)?;
    let pages: Vec<&str> = documents.iter().map(|document| document.text.as_str()).collect();
    print(&converse("Answer from the pages.", &format!("When is the last ferry?\n\n{}", pages.join("\n")), &here)?);
    print(&converse("You are a poet.", "Write a line about the sea.", &here)?);
    let booked = announce::tool("book_seat", "call_seat", "{\"boat\":\"noon\"}", || Ok(tool("book_seat", "noon")));
    print(&booked.map_err(io::Error::other)?);
    Ok(())
}

/// Uploads a file in parts, between which stands what nobody can guess.
fn upload() -> io::Result<()> {
    let content = fs::read_to_string("upload.txt")?;
    let boundary = format!("----part{}{:?}", std::process::id(), std::time::Instant::now())
        .replace(|letter: char| !letter.is_ascii_alphanumeric(), "");
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
         {content}\r\n--{boundary}--\r\n"
    );
    let mut headers = usual();
    headers[0].1 = format!("multipart/form-data; boundary={boundary}");
    let mut client = Client::new()?;
    let answer = client.ask("POST", "/v1/files", &headers, body.as_bytes())?;
    let status = answer.status;
    print(&format!("{status} {}", String::from_utf8_lossy(&answer.body()?)));
    if status == 200 { Ok(()) } else { Err(io::Error::other("not taken")) }
}

/// Three questions in a conversation that the provider keeps: after the response before, or in a conversation of
/// `OpenAI`'s or Mistral's, which is named by its first id throughout.
fn state(kept: &str) -> io::Result<()> {
    let mut client = Client::of(if kept == "mistral" { "MISTRAL_BASE_URL" } else { "OPENAI_BASE_URL" })?;
    let mut id = Value::Null;
    if kept == "conversation" {
        id = client.json("/v1/conversations", &json!({}))?.1["id"].clone();
    }
    for question in ["Who built it?", "And when?", "And why?"] {
        let path = match (kept, id.as_str()) {
            ("mistral", None) => "/v1/conversations".to_owned(),
            ("mistral", Some(id)) => format!("/v1/conversations/{id}"),
            _ => "/v1/responses".to_owned(),
        };
        let mut body = json!({"model": "m", "input": question});
        match (kept, id.is_null()) {
            ("mistral", true) => body = json!({"model": "m", "instructions": "Be brief.", "inputs": question}),
            ("mistral", false) => body = json!({"inputs": question}),
            ("conversation", _) => body["conversation"] = id.clone(),
            (_, false) => body["previous_response_id"] = id.clone(),
            (_, true) => {}
        }
        let (status, answer) = client.json(&path, &body)?;
        if status != 200 {
            return Err(io::Error::other(format!("{status}: {answer}")));
        }
        let said = answer.pointer("/output/0/content/0/text").or_else(|| answer.pointer("/outputs/0/content"));
        print(said.and_then(Value::as_str).unwrap_or_default());
        match kept {
            "previous" => id = answer["id"].clone(),
            "mistral" if id.is_null() => id = answer["conversation_id"].clone(),
            _ => {}
        }
    }
    Ok(())
}

/// Sends one message over a WebSocket and prints the one that comes back.
fn socket() -> io::Result<()> {
    let mut client = Client::new()?;
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let status = client.ask("GET", "/v1/responses", &headers, b"")?.status;
    if status != 101 {
        return Err(io::Error::other(format!("{status} instead of an upgrade")));
    }
    let text = br#"{"type":"response.create","response":{"model":"m","input":"Is the sea blue?"}}"#;
    let mask = [1, 2, 3, 4];
    let length = u8::try_from(text.len()).expect("a short message");
    let mut frame = vec![0x81, 0x80 | length];
    frame.extend(mask);
    frame.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    client.stream.get_mut().write_all(&frame)?;
    let mut head = [0; 2];
    client.stream.read_exact(&mut head)?;
    let mut message = vec![0; usize::from(head[1])];
    client.stream.read_exact(&mut message)?;
    print(&String::from_utf8_lossy(&message));
    client.stream.get_mut().write_all(&[0x88, 0x80, 1, 2, 3, 4])
}

/// Asks until it gets an answer, and never gives up.
fn again() -> io::Result<()> {
    let question = fs::read_to_string("question")?;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": question.trim()}]});
    loop {
        let (status, answer) = Client::new()?.json("/v1/chat/completions", &body)?;
        if status == 200 {
            print(answer["choices"][0]["message"]["content"].as_str().unwrap_or_default());
            return Ok(());
        }
    }
}
