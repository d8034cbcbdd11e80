//! Redaction of what a recorder saw, event by event.

use std::sync::PoisonError;

use bytes::Bytes;
use memchr::memmem;

use super::forms::Form;
use super::mark::numbers_in;
use super::names;
use super::redactor::{Edit, Redactor, apply, joined, merged, split};
use super::scan::Hit;
use crate::model::Micros;
use crate::model::event::{
    AnswerHead, Begin, Chunks, Decided, End, Ending, Event, Finish, Frame, Headers, Note, Output, Request, Seq, Started,
};
use crate::text::json::Json;

/// More frames than this, in bytes, are not held back until the end of their text.
const MOST_HELD: usize = 8 << 20;

/// What remains held back where an answer or a program's output is cut: twice the longest secret.
const OVERLAP: usize = 64 << 10;

/// What stands this near before a secret may be what tells it: a name, a scheme.
const CONTEXT: usize = 256;

/// How often a border is moved back from secrets around it.
const STEPS: usize = 64;

/// More of a program's output than this is not held back for the end of its line.
const LONGEST_LINE: usize = 128 << 10;

type Pieces = Vec<(Micros, Bytes)>;

/// What is held back of an answer because a secret may go on in what comes.
#[derive(Default)]
pub(super) struct Held {
    content_type: String,
    /// Its form, once it was cut: from then on it cannot be read as a whole.
    form: Option<Form>,
    pieces: Pieces,
    size: usize,
    frames: Vec<Frame>,
}

impl Redactor {
    /// The event without credentials, as it may be written.
    ///
    /// The end of a part of a long answer comes out with what follows it, and a program's output at the end of a line,
    /// because a secret may be cut in two; so one event gives none, one or several. Order is kept within a call and a
    /// stream.
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
        let (content_type, form, mut pieces) = self.with_held(|all| {
            let held = all.entry(chunks.seq).or_default();
            (held.content_type.clone(), held.form, std::mem::take(&mut held.pieces))
        });
        pieces.extend_from_slice(&chunks.pieces);
        let goes_on = chunks.pieces.iter().map(|(_, piece)| piece.len()).sum::<usize>() >= Chunks::PART;
        if !goes_on {
            return pieces_of(chunks.seq, self.part(&content_type, form, &pieces));
        }
        let all = joined(&pieces);
        let form = form.unwrap_or_else(|| in_parts(Form::guess(&content_type, &all)));
        let (ready, rest) = self.cut(form, &all, &pieces);
        self.with_held(|held| {
            let held = held.entry(chunks.seq).or_default();
            held.form = Some(form);
            held.pieces = rest;
        });
        pieces_of(chunks.seq, ready)
    }

    /// Pieces without credentials: the whole of an answer, or what is left of one that was cut.
    fn part(&self, content_type: &str, form: Option<Form>, pieces: &Pieces) -> Pieces {
        match form {
            None if pieces.is_empty() => Vec::new(),
            None => self.pieces(content_type, pieces),
            Some(form) => split(pieces, &self.edits(form, &joined(pieces), form == Form::Text)),
        }
    }

    /// Redacts the pieces of a long answer but for its last part, which no find may reach into.
    fn cut(&self, form: Form, all: &Bytes, pieces: &Pieces) -> (Pieces, Pieces) {
        let (cut, edits) = self.border(form, all, form == Form::Text);
        let before: Vec<_> = edits.into_iter().filter(|edit| edit.range.end <= cut).collect();
        let (head, tail) = apart(pieces, cut);
        (split(&head, &before), tail)
    }

    /// Where a text that goes on may be cut, and its secrets: none lies across the border, is told by what stands
    /// before it, or may go on behind the text's end.
    fn border(&self, form: Form, all: &Bytes, loosely: bool) -> (usize, Vec<Edit>) {
        let edits = self.edits(form, all, loosely);
        let mut cut = between(form, all, all.len().saturating_sub(OVERLAP));
        for _ in 0..STEPS {
            let near = edits.iter().filter(|edit| edit.begins < cut + CONTEXT && edit.range.end > cut);
            let Some(begins) = near.map(|edit| edit.begins).min() else { return (cut, edits) };
            cut = between(form, all, begins.saturating_sub(CONTEXT).min(cut.saturating_sub(1)));
        }
        // Secrets without end: none is cut in two.
        cut = all.len().saturating_sub(OVERLAP);
        let across = edits.iter().find(|edit| edit.range.start < cut && cut < edit.range.end);
        (across.map_or(cut, |edit| edit.range.end), edits)
    }

    fn released(&self, seq: Seq, held: Held) -> Vec<Event> {
        let mut out = pieces_of(seq, self.part(&held.content_type, held.form, &held.pieces));
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
            if output.bytes.is_empty() {
                usize::MAX
            } else if all.len() > LONGEST_LINE {
                self.border(Form::Text, &all, stream != 0).0
            } else {
                end_of_lines(&all)
            }
        };
        let mut out = self.output_up_to(stream, end);
        if output.bytes.is_empty() {
            out.push(Event::Output(output.clone()));
        }
        out
    }

    /// The output of a stream up to this byte of what is held back.
    fn output_up_to(&self, stream: usize, end: usize) -> Vec<Event> {
        let ready = {
            let mut held = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            let (ready, rest) = apart(&held[stream], end);
            held[stream] = rest;
            ready
        };
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
    let end = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    match memmem::rfind(&text[..end], b"-----BEGIN ") {
        Some(begin) if memmem::find(&text[begin..end], b"-----END ").is_none() => begin,
        _ => end,
    }
}

/// The form that parts of a text of this form have.
fn in_parts(form: Form) -> Form {
    // Half a document is none: there it is read as running text.
    if matches!(form, Form::Json | Form::Parts) { Form::Text } else { form }
}

/// The last place before this one that is between two events, lines or words; 0 where there is none.
fn between(form: Form, text: &[u8], before: usize) -> usize {
    let text = &text[..before];
    let after = |mark: &[u8]| memmem::rfind(text, mark).map_or(0, |at| at + mark.len());
    match form {
        Form::Events => after(b"\n\n").max(after(b"\r\n\r\n")).max(after(b"\r\r")),
        Form::Lines => after(b"\n"),
        Form::Binary => before,
        Form::Json | Form::Query | Form::Text | Form::Parts => {
            memchr::memrchr3(b' ', b',', b'\n', text).map_or(before, |at| at + 1)
        }
    }
}

/// The pieces up to a byte of the whole, and those from there on.
fn apart(pieces: &Pieces, at: usize) -> (Pieces, Pieces) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let mut start = 0;
    for (time, piece) in pieces {
        let here = at.saturating_sub(start).min(piece.len());
        if here > 0 {
            head.push((*time, piece.slice(..here)));
        }
        if here < piece.len() {
            tail.push((*time, piece.slice(here..)));
        }
        start += piece.len();
    }
    (head, tail)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redact::Rules;

    const KEY: &str = "sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2m3";

    fn redactor() -> Redactor {
        Redactor::new(&[], &Rules::default())
    }

    /// A text with secrets after `filler` bytes, as one piece is cut at its border and put together again.
    fn cut_and_joined(form: Form, text: &str) -> (String, usize) {
        let redactor = redactor();
        let all = Bytes::copy_from_slice(text.as_bytes());
        let pieces: Pieces =
            (0..all.len()).step_by(4000).map(|at| (Micros(0), all.slice(at..all.len().min(at + 4000)))).collect();
        let (head, tail) = redactor.cut(form, &all, &pieces);
        let left = tail.iter().map(|(_, piece)| piece.len()).sum();
        let tail = redactor.part("", Some(form), &tail);
        (String::from_utf8_lossy(&[joined(&head), joined(&tail)].concat()).into_owned(), left)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn no_secret_lies_across_a_border(at in 0usize..400, gap in 1usize..300, kind in 0usize..5) {
            let secret = [
                KEY.to_owned(),
                format!("Authorization: Bearer {}", "a1B2c3D4".repeat(4)),
                format!("\"api_key\": \"{}\"", "a1B2c3D4".repeat(3)),
                format!("https://h/p?x=1&sig={}", "a1B2c3D4".repeat(5)),
                format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "MIIEvQIBADANBgkq\n".repeat(40)),
            ][kind].clone();
            let before = "word ".repeat(OVERLAP / 5);
            let around = format!("{}\n{secret}\n{}\n{secret}\n", "x".repeat(at), "y".repeat(gap));
            let text = format!("{before}{around}{}", "end ".repeat((OVERLAP - 200) / 4));
            let (out, _) = cut_and_joined(Form::Text, &text);
            prop_assert!(!out.contains("a1B2c3") && !out.contains("MIIEvQ"), "{kind} {at} {gap}");
            let whole = String::from_utf8_lossy(&redactor().whole(Form::Text, &Bytes::from(text), true)).into_owned();
            prop_assert_eq!(out, whole);
        }

        #[test]
        fn no_secret_in_deltas_lies_across_a_border(size in 1usize..40, shift in 0usize..2000) {
            let event = |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
            let deltas: String = KEY.as_bytes().chunks(size).map(|part| event(&String::from_utf8_lossy(part))).collect();
            let filler = event("some words and more of them");
            let end = filler.repeat((OVERLAP - shift) / filler.len());
            let text = format!("{}{}{deltas}{}{end}", filler.repeat(400), event("the key: "), event(" is it"));
            let (out, left) = cut_and_joined(Form::Events, &text);
            prop_assert!(out.contains("__RETAKE_SECRET_1__") && left > 0 && left < text.len());
            let whole = redactor().pieces("text/event-stream", &[(Micros(0), Bytes::from(text))]);
            prop_assert_eq!(out, String::from_utf8_lossy(&joined(&whole)).into_owned());
        }
    }

    #[test]
    fn secrets_without_end_do_not_hold_everything_back() {
        let text = format!("{KEY} ").repeat(6000);
        let (out, left) = cut_and_joined(Form::Text, &text);
        assert_eq!(out, "__RETAKE_SECRET_1__ ".repeat(6000));
        assert!(left < 2 * OVERLAP, "{left}");
    }

    #[test]
    fn a_long_answer_comes_in_parts_and_a_short_one_at_once() {
        let redactor = redactor();
        let chunks = |text: &str| {
            let pieces =
                if text.is_empty() { Vec::new() } else { vec![(Micros(0), Bytes::copy_from_slice(text.as_bytes()))] };
            redactor.event(&Event::Chunks(Chunks { seq: 1, pieces }))
        };
        let text = |events: &[Event]| {
            let pieces = events.iter().flat_map(|event| match event {
                Event::Chunks(chunks) => chunks.pieces.clone(),
                _ => Vec::new(),
            });
            String::from_utf8_lossy(&joined(&pieces.collect::<Vec<_>>())).into_owned()
        };
        assert_eq!(text(&chunks(&format!("so: {KEY}"))), "so: __RETAKE_SECRET_1__");
        let filler = "words and words \n".repeat(Chunks::PART / 17 + 1);
        let mut out = text(&chunks(&format!("{filler}{}", &KEY[..20])));
        assert!(!out.contains("sk-proj") && filler.len() - out.len() < 2 * OVERLAP);
        out += &text(&chunks(&format!("{} ends", &KEY[20..])));
        assert!(out.ends_with("words \n__RETAKE_SECRET_1__ ends") && out.len() == filler.len() + 24);
        // What is held back goes once nothing follows it.
        let mut out = text(&chunks(&format!("{filler}{KEY}")));
        out += &text(&chunks(""));
        assert!(out.ends_with("words \n__RETAKE_SECRET_1__"));
        assert!(chunks("").is_empty());
    }

    #[test]
    fn output_without_lines_is_written_in_parts_and_cuts_no_secret() {
        for at in [0, 1, 700, 30_000] {
            let redactor = redactor();
            let text =
                format!("{}Bearer {} {}", "x ".repeat(60_000 - at / 2), "a1B2c3D4".repeat(4), "y ".repeat(60_000));
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(5000) {
                let bytes = Bytes::copy_from_slice(piece);
                out.extend(redactor.event(&Event::Output(Output { at: Micros(0), stream: 1, bytes })));
            }
            assert!(!out.is_empty(), "something came out before the end");
            out.extend(redactor.finish());
            let said: Vec<u8> = out
                .iter()
                .flat_map(|event| if let Event::Output(output) = event { output.bytes.to_vec() } else { Vec::new() })
                .collect();
            let expected = text.replace(&"a1B2c3D4".repeat(4), "__RETAKE_SECRET_1__");
            assert!(said == expected.as_bytes(), "{at}");
        }
    }
}
