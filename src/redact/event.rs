//! Redaction of what a recorder saw, event by event.

use std::sync::PoisonError;

use bytes::Bytes;
use memchr::memmem;

use super::forms::Form;
use super::mark::numbers_in;
use super::names;
use super::redactor::{Redactor, apply, joined, merged, split};
use super::scan::Hit;
use crate::model::Micros;
use crate::model::event::{
    AnswerHead, Begin, Chunks, Decided, End, Ending, Event, Finish, Frame, Headers, Note, Output, Request, Seq, Started,
};
use crate::text::json::Json;

/// More of one answer than this is not held back until its end.
const MOST_HELD: usize = 8 << 20;

/// What remains held back where an answer is cut.
const OVERLAP: usize = 64 << 10;

/// More of a program's output than this is not held back for the end of its line.
const LONGEST_LINE: usize = 64 << 10;

type Pieces = Vec<(Micros, Bytes)>;

/// What is held back of an answer because a secret may go on in what comes.
#[derive(Default)]
pub(super) struct Held {
    content_type: String,
    pieces: Pieces,
    size: usize,
    frames: Vec<Frame>,
}

impl Redactor {
    /// The event without credentials, as it may be written.
    ///
    /// Pieces of an answer come out when it ends, and a program's output at the end of a line, because a secret
    /// may be cut in two; so one event gives none, one or several. Order is kept within a call and a stream.
    /// [`Redactor::finish`] gives what is left.
    pub fn event(&self, event: &Event) -> Vec<Event> {
        match event {
            Event::Started(started) => vec![Event::Started(self.started(started))],
            Event::Request(request) => {
                let request = self.request(request);
                let note = |text| Event::Note(Note { at: request.at, topic: Note::SECRET.to_owned(), text });
                let mut notes: Vec<Event> = self.untold(&request.body).into_iter().map(note).collect();
                notes.push(Event::Request(request));
                notes
            }
            Event::Decided(decided) => vec![Event::Decided(self.decided(decided))],
            Event::Answer(head) => {
                let content_type = header(&head.headers, "content-type").to_owned();
                self.with_held(|held| held.entry(head.seq).or_default().content_type = content_type);
                vec![Event::Answer(AnswerHead { headers: self.headers(&head.headers), ..head.clone() })]
            }
            Event::Chunks(chunks) => self.chunks(chunks),
            Event::End(end) => {
                let held = self.with_held(|all| all.remove(&end.seq));
                let mut out = held.map(|held| self.released(end.seq, held)).unwrap_or_default();
                out.push(Event::End(End { how: self.ending(&end.how), ..end.clone() }));
                out
            }
            Event::Frame(frame) => self.frame(frame),
            Event::Begin(begin) => vec![Event::Begin(self.begin(begin))],
            Event::Finish(finish) => vec![Event::Finish(self.finished(finish))],
            Event::Output(output) => self.output(output),
            Event::Note(note) => {
                let mut note = note.clone();
                note.text = self.line(&note.text);
                vec![Event::Note(note)]
            }
            Event::Ended(_) => {
                let mut out = self.finish();
                out.push(event.clone());
                out
            }
        }
    }

    /// Secrets in a body that are values of variables and were not told of before: number and name, as a note says
    /// them.
    fn untold(&self, body: &[u8]) -> Vec<String> {
        let numbers = numbers_in(body);
        let mut table = self.table();
        let new: Vec<usize> = numbers.into_iter().filter(|number| table.untold.remove(number)).collect();
        new.iter().filter_map(|number| Some(format!("{number} {}", table.origins.get(number)?))).collect()
    }

    /// What is still held back: for a recorder that stops before its run ended.
    pub fn finish(&self) -> Vec<Event> {
        let mut held: Vec<_> = self.with_held(|held| held.drain().collect());
        held.sort_by_key(|(seq, _)| *seq);
        let mut out: Vec<Event> = held.into_iter().flat_map(|(seq, held)| self.released(seq, held)).collect();
        for stream in 0..3 {
            out.extend(self.output_up_to(stream, usize::MAX));
        }
        out
    }

    fn started(&self, started: &Started) -> Started {
        let mut command = Vec::with_capacity(started.command.len());
        let mut secret_follows = false;
        for argument in &started.command {
            let flag = argument.strip_prefix('-').map(|flag| flag.trim_start_matches('-'));
            command.push(if secret_follows && flag.is_none() && !names::is_stand_in(argument.as_bytes()) {
                self.secret_word(argument)
            } else if let Some((name, value)) = argument.split_once('=')
                && is_secret_option(name.trim_start_matches('-'))
                && !names::is_stand_in(value.as_bytes())
            {
                format!("{name}={}", self.secret_word(value))
            } else {
                self.line(argument)
            });
            secret_follows = flag.is_some_and(is_secret_option);
        }
        let mut started = Started { command, ..started.clone() };
        for (_, url) in &mut started.upstreams {
            *url = self.url(url);
        }
        if let Some(parent) = &mut started.parent {
            for change in &mut parent.changes {
                *change = self.line(change);
            }
        }
        started
    }

    /// A URL without its password and credentials in its query.
    fn url(&self, url: &str) -> String {
        match url.split_once('?') {
            Some((start, query)) => format!("{}?{}", self.line(start), self.query(query)),
            None => self.line(url),
        }
    }

    fn secret_word(&self, word: &str) -> String {
        self.headers(&vec![("x-api-key".to_owned(), word.to_owned())]).remove(0).1
    }

    fn request(&self, request: &Request) -> Request {
        let headers = self.headers(&request.headers);
        Request {
            upstream: self.line(&request.upstream),
            path: self.line(&request.path),
            query: self.query(&request.query),
            body: self.body(header(&headers, "content-type"), &request.body),
            headers,
            ..request.clone()
        }
    }

    fn decided(&self, decided: &Decided) -> Decided {
        Decided {
            sent: decided.sent.as_ref().map(|body| self.body("", body)),
            notes: decided.notes.iter().map(|note| self.line(note)).collect(),
            ..decided.clone()
        }
    }

    fn ending(&self, ending: &Ending) -> Ending {
        match ending {
            Ending::Complete | Ending::ClientLeft => ending.clone(),
            Ending::Broken(reason) => Ending::Broken(self.line(reason)),
            Ending::Unreachable(reason) => Ending::Unreachable(self.line(reason)),
        }
    }

    fn begin(&self, begin: &Begin) -> Begin {
        Begin {
            name: self.line(&begin.name),
            input: self.body("", &begin.input),
            decided: begin.decided.as_ref().map(|decided| self.decided(decided)),
            ..begin.clone()
        }
    }

    fn finished(&self, finish: &Finish) -> Finish {
        Finish {
            output: self.answer("", &finish.output),
            documents: self.answer("", &finish.documents),
            error: finish.error.as_ref().map(|error| self.line(error)),
            ..finish.clone()
        }
    }

    fn chunks(&self, chunks: &Chunks) -> Vec<Event> {
        let full = self.with_held(|all| {
            let held = all.entry(chunks.seq).or_default();
            held.size += chunks.pieces.iter().map(|(_, piece)| piece.len()).sum::<usize>();
            held.pieces.extend_from_slice(&chunks.pieces);
            (held.size > MOST_HELD).then(|| {
                held.size = 0;
                (held.content_type.clone(), std::mem::take(&mut held.pieces))
            })
        });
        let Some((content_type, pieces)) = full else { return Vec::new() };
        let (ready, rest) = self.cut(&content_type, &pieces);
        self.with_held(|all| {
            let held = all.entry(chunks.seq).or_default();
            held.size = rest.iter().map(|(_, piece)| piece.len()).sum();
            held.pieces = rest;
        });
        pieces_of(chunks.seq, ready)
    }

    /// Redacts the pieces of a long answer but for its last part, which no find may reach into.
    fn cut(&self, content_type: &str, pieces: &[(Micros, Bytes)]) -> (Pieces, Pieces) {
        let all = joined(pieces);
        let mut cut = all.len().saturating_sub(OVERLAP);
        // In a stream, between two events; elsewhere between two words.
        cut = memmem::rfind(&all[..cut], b"\n\n")
            .map_or_else(|| memchr::memrchr3(b' ', b',', b'\n', &all[..cut]).map_or(cut, |at| at + 1), |at| at + 2);
        let edits = self.edits(Form::guess(content_type, &all), &all, false);
        if let Some(edit) = edits.iter().find(|edit| edit.range.start < cut && cut < edit.range.end) {
            cut = edit.range.start;
        }
        let before: Vec<_> = edits.into_iter().filter(|edit| edit.range.end <= cut).collect();
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        let mut start = 0;
        for (time, piece) in pieces {
            let here = cut.saturating_sub(start).min(piece.len());
            if here > 0 {
                head.push((*time, piece.slice(..here)));
            }
            if here < piece.len() {
                tail.push((*time, piece.slice(here..)));
            }
            start += piece.len();
        }
        (split(&head, &before), tail)
    }

    fn released(&self, seq: Seq, held: Held) -> Vec<Event> {
        let mut out = pieces_of(seq, self.pieces(&held.content_type, &held.pieces));
        out.extend(self.frames(held.frames));
        out
    }

    /// Frames with parts of a text wait for the one that ends it; others come out at once.
    fn frame(&self, frame: &Frame) -> Vec<Event> {
        let is_part = !frame.from_agent && frame.opcode == 1 && memmem::find(&frame.payload, b".delta\"").is_some();
        let frames = self.with_held(|all| {
            let held = all.entry(frame.seq).or_default();
            held.frames.push(frame.clone());
            held.size += frame.payload.len();
            if is_part && held.size <= MOST_HELD {
                return Vec::new();
            }
            held.size = 0;
            std::mem::take(&mut held.frames)
        });
        self.frames(frames)
    }

    fn frames(&self, frames: Vec<Frame>) -> Vec<Event> {
        let documents: Vec<Option<Json>> = frames
            .iter()
            .map(|frame| (frames.len() > 1).then(|| Json::parse(frame.payload.clone()).ok()).flatten())
            .collect();
        let places: Vec<usize> = (0..frames.len()).filter(|place| documents[*place].is_some()).collect();
        let mut across: Vec<Vec<Hit>> = frames.iter().map(|_| Vec::new()).collect();
        for (place, hit) in self.joined(documents.iter().flatten(), false) {
            across[places[place]].push(hit);
        }
        let mut out = Vec::with_capacity(frames.len());
        for (frame, hits) in frames.into_iter().zip(across) {
            let form = if frame.opcode == 2 { Form::Binary } else { Form::guess("", &frame.payload) };
            let payload = if hits.is_empty() {
                frame.payload.clone()
            } else {
                let edits: Vec<_> = merged(&frame.payload, hits).into_iter().map(|hit| self.edit(hit)).collect();
                apply(&frame.payload, &edits).into()
            };
            let payload = self.whole(form, &payload, frame.from_agent);
            out.push(Event::Frame(Frame { payload, ..frame }));
        }
        out
    }

    fn output(&self, output: &Output) -> Vec<Event> {
        let stream = usize::from(output.stream).min(2);
        let end = {
            let mut held = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            held[stream].push((output.at, output.bytes.clone()));
            let all = joined(&held[stream]);
            if output.bytes.is_empty() { usize::MAX } else { end_of_lines(&all) }
        };
        let mut out = self.output_up_to(stream, end);
        if output.bytes.is_empty() {
            out.push(Event::Output(output.clone()));
        }
        out
    }

    /// The output of a stream up to this byte of what is held back.
    fn output_up_to(&self, stream: usize, end: usize) -> Vec<Event> {
        let mut ready = Vec::new();
        {
            let mut held = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rest = Vec::new();
            let mut start = 0;
            for (time, bytes) in std::mem::take(&mut held[stream]) {
                let here = end.saturating_sub(start).min(bytes.len());
                start += bytes.len();
                if here > 0 {
                    ready.push((time, bytes.slice(..here)));
                }
                if here < bytes.len() {
                    rest.push((time, bytes.slice(here..)));
                }
            }
            held[stream] = rest;
        }
        if ready.is_empty() {
            return Vec::new();
        }
        let all = joined(&ready);
        // What is read is given to the agent again in a replay, so there a name in running text is not enough.
        let edits = self.edits(Form::guess("", &all), &all, stream != 0);
        let stream = u8::try_from(stream).unwrap_or(2);
        split(&ready, &edits).into_iter().map(|(at, bytes)| Event::Output(Output { at, stream, bytes })).collect()
    }

    fn with_held<T>(&self, use_it: impl FnOnce(&mut std::collections::HashMap<Seq, Held>) -> T) -> T {
        use_it(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where output may be cut: after its last whole line, but not inside a private key.
fn end_of_lines(text: &[u8]) -> usize {
    if text.len() > LONGEST_LINE {
        return text.len();
    }
    let end = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    match memmem::rfind(&text[..end], b"-----BEGIN ") {
        Some(begin) if memmem::find(&text[begin..end], b"-----END ").is_none() => begin,
        _ => end,
    }
}

fn pieces_of(seq: Seq, pieces: Pieces) -> Vec<Event> {
    if pieces.is_empty() { Vec::new() } else { vec![Event::Chunks(Chunks { seq, pieces })] }
}

fn header<'a>(headers: &'a Headers, name: &str) -> &'a str {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
}

/// Whether the value of a command's option is a credential: `--api-key`, `--token`, `--password`, `OPENAI_API_KEY`.
fn is_secret_option(name: &str) -> bool {
    names::field(name.as_bytes()).is_some() || names::header(name) == Some(names::Header::Secret)
}
