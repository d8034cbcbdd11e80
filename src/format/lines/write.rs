//! Events as lines.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use bytes::Bytes;

use super::body::{Parts, pieces, raw};
use super::{REQUEST_HEADERS, VERSION, is_kept};
use crate::model::Micros;
use crate::model::event::{
    AnswerHead, Begin, Decided, End, Ending, Event, Finish, Frame, Headers, Note, PAST, Request, Seq, Started,
};
use crate::text::json::{Json, quote};
use crate::text::layout::compact;
use crate::text::units::timestamp;

/// Writes the events of a recording; `is_key` tells which variables hold keys. The same events give the same bytes.
#[must_use]
pub fn write(events: &[Event], is_key: &dyn Fn(&str) -> bool) -> String {
    let mut writer = Writer::default();
    for event in events {
        match event {
            Event::Decided(Decided { seq, sent: Some(sent), .. }) => drop(writer.sent.insert(*seq, sent.clone())),
            Event::Request(request) => drop(writer.providers.insert(request.provider.clone())),
            _ => {}
        }
    }
    for event in events {
        writer.event(event, is_key);
    }
    writer.flush();
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    parts: Parts,
    /// The time that a reader has reached.
    clock: Micros,
    /// Numbers of calls and announced nodes in the file.
    numbers: HashMap<Seq, usize>,
    sent: HashMap<Seq, Bytes>,
    /// Providers that were called.
    providers: HashSet<String>,
    heads: HashMap<Seq, AnswerHead>,
    chunks: HashMap<Seq, Vec<Bytes>>,
    /// Output that is not written yet: stream, when it began, bytes.
    output: Option<(u8, Micros, Vec<u8>)>,
}

impl Writer {
    fn event(&mut self, event: &Event, is_key: &dyn Fn(&str) -> bool) {
        match event {
            Event::Output(output) if output.bytes.is_empty() => {
                self.flush();
                let ms = self.ms(output.at);
                self.line(&format!("{{{}:null{ms}}}", stream(output.stream)));
            }
            Event::Output(output) => match &mut self.output {
                Some((stream, _, bytes)) if *stream == output.stream => bytes.extend_from_slice(&output.bytes),
                _ => {
                    self.flush();
                    self.output = Some((output.stream, output.at, output.bytes.to_vec()));
                }
            },
            Event::Started(started) => self.started(started, is_key),
            Event::Request(request) => self.request(request),
            Event::Answer(head) => drop(self.heads.insert(head.seq, head.clone())),
            Event::Chunks(chunks) => {
                self.chunks.entry(chunks.seq).or_default().extend(chunks.pieces.iter().map(|(_, piece)| piece.clone()));
            }
            Event::End(end) => self.answer(end),
            Event::Frame(frame) => self.frame(frame),
            Event::Begin(begin) => self.begin(begin),
            Event::Finish(finish) => self.finish(finish),
            Event::Note(note) if note.topic == PAST => {
                self.flush();
                let ms = self.ms(note.at);
                self.line(&format!("{{\"past\":{}{ms}}}", quote(&note.text)));
            }
            Event::Note(note) if note.topic == Note::SECRET => self.secret(&note.text),
            Event::Decided(_) | Event::Note(_) => {}
            Event::Ended(ended) => {
                self.flush();
                let ms = self.ms(ended.at);
                self.line(&format!("{{\"exit\":{}{ms}}}", ended.code));
            }
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Which variable's value a secret is.
    fn secret(&mut self, text: &str) {
        if let Some((number, variable)) = text.split_once(' ').filter(|(number, _)| number.parse::<usize>().is_ok()) {
            self.flush();
            self.line(&format!("{{\"secret\":{number},\"variable\":{}}}", quote(variable)));
        }
    }

    /// Milliseconds since the line before, as a member.
    fn ms(&mut self, at: Micros) -> String {
        let ms = at.since(Micros(self.clock.0 + 1)) / 1000;
        self.clock.0 += ms * 1000 + 1;
        if ms == 0 { String::new() } else { format!(",\"ms\":{ms}") }
    }

    fn number(&mut self, seq: Seq) -> usize {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(seq).or_insert(next)
    }

    /// Writes output that waits for its end.
    fn flush(&mut self) {
        let Some((number, at, bytes)) = self.output.take() else { return };
        let ms = self.ms(at);
        let name = stream(number);
        match std::str::from_utf8(&bytes) {
            Ok(text) => {
                let lines: Vec<String> = text.split('\n').map(quote).collect();
                self.line(&format!("{{{name}:[{}]{ms}}}", lines.join(",")));
            }
            Err(_) => self.line(&format!("{{{name}:[]{}{ms}}}", raw(&bytes))),
        }
    }

    fn started(&mut self, started: &Started, is_key: &dyn Fn(&str) -> bool) {
        self.clock = started.at;
        let mut line = format!("{{\"retake\":{VERSION},\"command\":{}", texts(&started.command));
        let _ = write!(line, ",\"at\":\"{}\"", timestamp(started.at.0));
        let _ = write!(line, ",\"directory\":{}", quote(&started.directory));
        let keys: Vec<String> = started.variables.iter().filter(|name| is_key(name)).cloned().collect();
        if !keys.is_empty() {
            let _ = write!(line, ",\"keys\":{}", texts(&keys));
        }
        let called = started.upstreams.iter().filter(|(provider, _)| self.providers.contains(provider));
        for (name, pairs) in [("places", &started.places), ("upstreams", &called.cloned().collect())] {
            if !pairs.is_empty() {
                let _ = write!(line, ",\"{name}\":{}", object(pairs));
            }
        }
        if started.terminals.contains(&true) {
            let names = ["stdin", "stdout", "stderr"];
            let terminals = names.iter().zip(started.terminals).filter(|(_, is)| *is);
            let terminals: Vec<String> = terminals.map(|(name, _)| (*name).to_owned()).collect();
            let _ = write!(line, ",\"terminals\":{}", texts(&terminals));
        }
        self.line(&format!("{line}}}"));
    }

    fn request(&mut self, request: &Request) {
        self.flush();
        let body = self.sent.remove(&request.seq).unwrap_or_else(|| request.body.clone());
        let number = self.number(request.seq);
        let body = self.parts.request(number, &body, &mut self.out);
        let ms = self.ms(request.at);
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let mut line = format!("{{\"request\":{number}{ms},\"provider\":{}", quote(&request.provider));
        let _ = write!(line, ",\"to\":{}", quote(&request.upstream));
        let _ = write!(line, ",\"line\":{}", quote(&format!("{} {}{query}", request.method, request.path)));
        line.push_str(&headers(&request.headers, &|name| REQUEST_HEADERS.contains(&name)));
        self.line(&format!("{line}{body}}}"));
    }

    fn answer(&mut self, end: &End) {
        self.flush();
        let (number, ms) = (self.number(end.seq), self.ms(end.at));
        let mut line = format!("{{\"answer\":{number}{ms}");
        let chunks = self.chunks.remove(&end.seq).unwrap_or_default();
        if let Some(head) = self.heads.remove(&end.seq) {
            let _ = write!(line, ",\"status\":{}", head.status);
            line.push_str(&headers(&head.headers, &is_kept));
            let is_stream = head
                .headers
                .iter()
                .any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream"));
            if is_stream {
                let _ = write!(line, ",\"pieces\":{}", pieces(chunks.iter()));
            } else {
                let body: Bytes = chunks.concat().into();
                line.push_str(&self.parts.answer(&body, &mut self.out));
            }
        }
        match &end.how {
            Ending::Complete => {}
            Ending::ClientLeft => line.push_str(",\"left\":true"),
            Ending::Broken(reason) => drop(write!(line, ",\"broken\":{}", quote(reason))),
            Ending::Unreachable(reason) => drop(write!(line, ",\"unreachable\":{}", quote(reason))),
        }
        self.line(&format!("{line}}}"));
    }

    fn frame(&mut self, frame: &Frame) {
        self.flush();
        let (number, ms) = (self.number(frame.seq), self.ms(frame.at));
        let from = if frame.from_agent { "agent" } else { "provider" };
        let payload = raw(&frame.payload);
        self.line(&format!("{{\"frame\":{number}{ms},\"from\":\"{from}\",\"opcode\":{}{payload}}}", frame.opcode));
    }

    fn begin(&mut self, begin: &Begin) {
        self.flush();
        let (number, ms) = (self.number(begin.seq), self.ms(begin.at));
        let mut line =
            format!("{{\"begin\":{number}{ms},\"kind\":{},\"name\":{}", quote(&begin.kind), quote(&begin.name));
        if let Some(parent) = begin.parent {
            let _ = write!(line, ",\"parent\":{}", self.number(parent));
        }
        if let Some(id) = &begin.call_id {
            let _ = write!(line, ",\"call_id\":{}", quote(id));
        }
        self.line(&format!("{line},\"input\":{}}}", value(&begin.input)));
    }

    fn finish(&mut self, finish: &Finish) {
        self.flush();
        let (number, ms) = (self.number(finish.seq), self.ms(finish.at));
        let mut line = format!("{{\"finish\":{number}{ms},\"output\":{}", value(&finish.output));
        if &finish.documents[..] != b"null" {
            let _ = write!(line, ",\"documents\":{}", value(&finish.documents));
        }
        if let Some(error) = &finish.error {
            let _ = write!(line, ",\"error\":{}", quote(error));
        }
        self.line(&format!("{line}}}"));
    }
}

/// The member that a stream's output stands under.
fn stream(number: u8) -> &'static str {
    match number {
        0 => "\"stdin\"",
        1 => "\"stdout\"",
        _ => "\"stderr\"",
    }
}

/// JSON text on one line; text that is none as a string.
fn value(text: &[u8]) -> String {
    match std::str::from_utf8(text).map(Json::parse_text) {
        Ok(Ok(_)) => compact(text),
        _ => quote(&String::from_utf8_lossy(text)),
    }
}

fn texts(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    format!("[{}]", quoted.join(","))
}

fn object(pairs: &[(String, String)]) -> String {
    let members: Vec<String> = pairs.iter().map(|(name, value)| format!("{}:{}", quote(name), quote(value))).collect();
    format!("{{{}}}", members.join(","))
}

fn headers(headers: &Headers, keep: &dyn Fn(&str) -> bool) -> String {
    let kept: Vec<(String, String)> = headers.iter().filter(|(name, _)| keep(name)).cloned().collect();
    if kept.is_empty() { String::new() } else { format!(",\"headers\":{}", object(&kept)) }
}
