//! Lines as events.

use std::collections::HashMap;

use bytes::Bytes;

use super::VERSION;
use super::body::{Lists, Said, most, unpack};
use crate::model::event::{
    AnswerHead, Begin, Chunks, End, Ended, Ending, Event, Finish, Frame, Headers, Note, Output, PAST, Request, Seq,
    Started,
};
use crate::model::{Micros, RunId};
use crate::text::json::{Json, Kind, Ref};
use crate::text::units::micros;

/// Why a text is no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Git left both sides of a merge in it.
    #[error("line {line}: a merge conflict is not resolved")]
    Conflict {
        /// The line, from 1.
        line: usize,
    },
    /// A newer version wrote it.
    #[error("it was written by a newer retake (format {found}, this one knows {VERSION})")]
    Newer {
        /// Its format.
        found: u64,
    },
    /// Something in it is not right.
    #[error("line {line}: {what}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// It has no first line that says what it is.
    #[error("it is not a recording: its first line is not `{{\"retake\":1,…}}`")]
    Foreign,
}

/// Reads what [`super::write`] wrote: the run's name, made of what the text says, and its events.
///
/// # Errors
/// The first line that is not right.
pub fn read(text: &str) -> Result<(RunId, Vec<Event>), Error> {
    let mut lines = Vec::new();
    for (at, text) in text.lines().enumerate() {
        let line = at + 1;
        if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| text.starts_with(mark)) {
            return Err(Error::Conflict { line });
        }
        if text.trim().is_empty() {
            continue;
        }
        let json = Json::parse_text(text).map_err(|error| Error::Line { line, what: error.to_string() })?;
        lines.push((line, json));
    }
    let Some((_, first)) = lines.first() else { return Err(Error::Foreign) };
    match first.root().get("retake").and_then(Ref::as_u64) {
        None => return Err(Error::Foreign),
        Some(found) if found > VERSION => return Err(Error::Newer { found }),
        Some(_) => {}
    }
    let mut parts = HashMap::new();
    for (_, json) in &lines {
        if let (Some(id), Some(is)) = (json.root().text("part"), json.root().get("is")) {
            parts.insert(id, Bytes::copy_from_slice(is.raw()));
        }
    }
    let hash = blake3::hash(text.as_bytes());
    let run = RunId::from_seed(hash.as_bytes()[..8].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte)));
    let mut reader =
        Reader { events: Vec::new(), clock: Micros(0), parts, lists: Lists::new(), left: most(text), run: run.clone() };
    for (line, json) in &lines {
        reader.line(json.root()).map_err(|what| Error::Line { line: *line, what })?;
    }
    Ok((run, reader.events))
}

struct Reader {
    events: Vec<Event>,
    clock: Micros,
    parts: HashMap<String, Bytes>,
    lists: Lists,
    /// How much references may still come to.
    left: usize,
    run: RunId,
}

impl Reader {
    fn line(&mut self, line: Ref<'_>) -> Result<(), String> {
        let first = line.items().next().and_then(Ref::key).unwrap_or_default().into_owned();
        let at = self.tick(line);
        match first.as_slice() {
            b"retake" => self.started(line)?,
            b"part" => {}
            b"secret" => {
                let variable = line.text("variable").ok_or("`variable` is missing")?;
                let text = format!("{} {variable}", number(line, "secret")?);
                self.events.push(Event::Note(Note { at, topic: Note::SECRET.to_owned(), text }));
            }
            b"request" => self.request(line, at)?,
            b"answer" => self.answer(line, at)?,
            b"frame" => {
                let frame = Frame {
                    seq: number(line, "frame")?,
                    at,
                    from_agent: line.text("from").as_deref() == Some("agent"),
                    opcode: u8::try_from(number(line, "opcode")?).map_err(|_| "`opcode` is too large")?,
                    payload: self.body(line)?,
                };
                self.events.push(Event::Frame(frame));
            }
            b"begin" => self.events.push(Event::Begin(Begin {
                seq: number(line, "begin")?,
                at,
                kind: line.text("kind").unwrap_or_default(),
                name: line.text("name").unwrap_or_default(),
                input: json(line, "input"),
                parent: line.get("parent").and_then(Ref::as_u64),
                call_id: line.text("call_id"),
                decided: None,
            })),
            b"finish" => self.events.push(Event::Finish(Finish {
                seq: number(line, "finish")?,
                at,
                output: json(line, "output"),
                documents: json(line, "documents"),
                error: line.text("error"),
            })),
            b"stdin" | b"stdout" | b"stderr" => {
                let stream = match first.as_slice() {
                    b"stdin" => 0,
                    b"stdout" => 1,
                    _ => 2,
                };
                let list = line.items().next().ok_or("it is empty")?;
                let mut bytes = self.body(line)?;
                if bytes.is_empty() && list.kind() == Kind::Array {
                    let lines: Option<Vec<_>> = list.items().map(Ref::as_bytes).collect();
                    bytes = lines.ok_or("a list of lines was expected")?.join(&b'\n').into();
                }
                self.events.push(Event::Output(Output { at, stream, bytes }));
            }
            b"past" => {
                let text = line.get("past").and_then(Ref::as_str).ok_or("`past` is no text")?.into_owned();
                self.events.push(Event::Note(Note { at, topic: PAST.to_owned(), text }));
            }
            b"exit" => {
                let code = line.get("exit").and_then(|code| code.raw_str().parse().ok());
                self.events.push(Event::Ended(Ended { at, code: code.ok_or("`exit` is no number")? }));
            }
            other => return Err(format!("unknown kind of line `{}`", String::from_utf8_lossy(other))),
        }
        Ok(())
    }

    /// The time of a line.
    fn tick(&mut self, line: Ref<'_>) -> Micros {
        if line.get("part").is_none() && line.get("retake").is_none() {
            let ms = line.get("ms").and_then(Ref::as_u64).unwrap_or(0);
            self.clock.0 = self.clock.0.saturating_add(ms.saturating_mul(1000)).saturating_add(1);
        }
        self.clock
    }

    fn body(&mut self, line: Ref<'_>) -> Result<Bytes, String> {
        let request = line.get("request").and_then(Ref::as_u64);
        Said { parts: &self.parts, lists: &mut self.lists, left: &mut self.left }.bytes(line, request)
    }

    fn started(&mut self, line: Ref<'_>) -> Result<(), String> {
        let at = line.text("at").unwrap_or_default();
        self.clock = Micros(micros(&at).ok_or_else(|| format!("`at` is no time: `{at}`"))?);
        let terminals = texts(line, "terminals")?;
        let is_terminal = |name: &str| terminals.iter().any(|terminal| terminal == name);
        self.events.push(Event::Started(Started {
            run: Some(self.run.clone()),
            at: self.clock,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: texts(line, "command")?,
            directory: line.text("directory").unwrap_or_default(),
            git: None,
            variables: texts(line, "keys")?,
            terminals: ["stdin", "stdout", "stderr"].map(is_terminal),
            places: pairs(line, "places")?,
            upstreams: pairs(line, "upstreams")?,
            parent: None,
            origin: "snapshot".to_owned(),
        }));
        Ok(())
    }

    fn request(&mut self, line: Ref<'_>, at: Micros) -> Result<(), String> {
        let target = line.text("line").unwrap_or_default();
        let (method, path) = target.split_once(' ').ok_or("`line` is no method and path")?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let body = self.body(line)?;
        self.events.push(Event::Request(Request {
            seq: number(line, "request")?,
            at,
            provider: line.text("provider").unwrap_or_default(),
            upstream: line.text("to").unwrap_or_default(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: pairs(line, "headers")?,
            body,
            coding: String::new(),
        }));
        Ok(())
    }

    fn answer(&mut self, line: Ref<'_>, at: Micros) -> Result<(), String> {
        let seq = number(line, "answer")?;
        if let Some(status) = line.get("status").and_then(Ref::as_u64) {
            let status = u16::try_from(status).map_err(|_| "`status` is none")?;
            let headers: Headers = pairs(line, "headers")?;
            self.events.push(Event::Answer(AnswerHead { seq, at, status, headers, coding: String::new() }));
            let pieces = match line.get("pieces") {
                Some(list) => unpack(list, &mut self.left)?,
                None => Some(self.body(line)?).filter(|body| !body.is_empty()).into_iter().collect(),
            };
            if !pieces.is_empty() {
                let pieces = pieces.into_iter().map(|piece| (at, piece)).collect();
                self.events.push(Event::Chunks(Chunks { seq, pieces }));
            }
        }
        let how = if let Some(reason) = line.text("broken") {
            Ending::Broken(reason)
        } else if let Some(reason) = line.text("unreachable") {
            Ending::Unreachable(reason)
        } else if line.get("left").is_some() {
            Ending::ClientLeft
        } else {
            Ending::Complete
        };
        self.events.push(Event::End(End { seq, at, how }));
        Ok(())
    }
}

fn number(line: Ref<'_>, name: &str) -> Result<Seq, String> {
    line.get(name).and_then(Ref::as_u64).ok_or_else(|| format!("`{name}` is no number"))
}

fn json(line: Ref<'_>, name: &str) -> Bytes {
    line.get(name).map_or(Bytes::from_static(b"null"), |value| Bytes::copy_from_slice(value.raw()))
}

fn texts(line: Ref<'_>, name: &str) -> Result<Vec<String>, String> {
    let Some(list) = line.get(name) else { return Ok(Vec::new()) };
    let texts: Option<Vec<String>> = list.items().map(|item| item.as_str().map(std::borrow::Cow::into_owned)).collect();
    texts.ok_or_else(|| format!("`{name}` is no list of texts"))
}

fn pairs(line: Ref<'_>, name: &str) -> Result<Vec<(String, String)>, String> {
    let Some(object) = line.get(name) else { return Ok(Vec::new()) };
    let pair = |item: Ref<'_>| {
        let key = String::from_utf8_lossy(&item.key()?).into_owned();
        Some((key, item.as_str()?.into_owned()))
    };
    let pairs: Option<Vec<_>> = object.items().map(pair).collect();
    pairs.ok_or_else(|| format!("`{name}` is no object of texts"))
}
