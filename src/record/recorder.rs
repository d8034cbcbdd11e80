//! Events on their way to the recording: a thread of their own redacts and writes them.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::model::Micros;
use crate::model::event::{AnswerHead, Begin, Chunks, Ending, Event, Finish, Headers, Seq, Started};
use crate::proxy::{Boxed, Watch};

/// Unwritten bytes beyond which recording stops: the disk hangs, and memory is the agent's too.
const MOST_QUEUED: usize = 1 << 30;

/// How long written events may wait to be flushed when nothing asks for it.
const IDLE: Duration = Duration::from_millis(200);

/// How many events are written before it is looked whether somebody waits.
const TOGETHER: usize = 256;

/// Where events are written.
pub trait Sink: Send + 'static {
    /// Writes one event.
    ///
    /// # Errors
    /// Why it could not be; nothing is written after that.
    fn write(&mut self, event: &Event) -> Result<(), String>;

    /// Hands everything written to the kernel.
    ///
    /// # Errors
    /// Why it could not be; nothing is written after that.
    fn flush(&mut self) -> Result<(), String>;
}

/// Takes credentials out of what is written.
pub trait Redact: Send + Sync + 'static {
    /// Headers without credentials.
    fn headers(&self, headers: &Headers) -> Headers;

    /// A query without credentials.
    fn query(&self, query: &str) -> String;

    /// A body without credentials.
    fn body(&self, content_type: &str, body: &Bytes) -> Bytes;

    /// Any other text without credentials.
    fn text(&self, text: &[u8]) -> Bytes;

    /// Pieces of a body without credentials, which may lie across their borders.
    fn pieces(&self, content_type: &str, pieces: &[(Micros, Bytes)]) -> Vec<(Micros, Bytes)>;
}

/// Takes what is seen and writes it elsewhere; never slows who tells it.
pub struct Recorder<S: Sink> {
    sender: Sender<Message>,
    queued: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<S>>>,
}

enum Message {
    Event(Box<Event>, usize),
    /// Somebody waits until everything before this is with the kernel.
    Waiting(oneshot::Sender<()>),
    Stop,
}

impl<S: Sink> Recorder<S> {
    /// Starts to write to this sink. `warn` is called once, with a reason, if writing stops.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn start(sink: S, redact: Arc<dyn Redact>, warn: impl Fn(&str) + Send + 'static) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let (queued, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let writer = Writer {
            sink,
            redact,
            warn: Box::new(warn),
            queued: Arc::clone(&queued),
            failed: Arc::clone(&failed),
            types: HashMap::new(),
            output: Default::default(),
            unflushed: false,
        };
        let thread =
            std::thread::Builder::new().name("retake-recorder".to_owned()).spawn(move || writer.run(&receiver))?;
        Ok(Self { sender, queued, failed, thread: Mutex::new(Some(thread)) })
    }

    /// Writes what is left and gives the sink back, with whether everything was written; `None` the
    /// second time, or if the thread broke.
    pub fn finish(&self) -> Option<(S, bool)> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        // Without a receiver the thread is gone, which join tells.
        drop(self.sender.send(Message::Stop));
        let sink = thread.join().ok()?;
        Some((sink, !self.failed.load(Ordering::SeqCst)))
    }
}

impl<S: Sink> Watch for Recorder<S> {
    fn saw(&self, event: Event) {
        let size = size(&event);
        self.queued.fetch_add(size, Ordering::Relaxed);
        // Without a receiver nothing is recorded any more, which was said.
        drop(self.sender.send(Message::Event(Box::new(event), size)));
    }

    fn settled(&self) -> Boxed<'_, ()> {
        let (done, wait) = oneshot::channel();
        drop(self.sender.send(Message::Waiting(done)));
        // An error means that the writer is gone: there is nothing to wait for.
        Box::pin(async move { drop(wait.await) })
    }
}

struct Writer<S> {
    sink: S,
    redact: Arc<dyn Redact>,
    warn: Box<dyn Fn(&str) + Send>,
    queued: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
    /// Content types of answers that have not ended.
    types: HashMap<Seq, String>,
    /// Pieces of the agent's streams whose line has not ended: a credential may go on in the next.
    output: [Vec<(Micros, Bytes)>; 3],
    unflushed: bool,
}

impl<S: Sink> Writer<S> {
    fn run(mut self, receiver: &Receiver<Message>) -> S {
        let mut waiting = Vec::new();
        loop {
            let first = match receiver.recv_timeout(IDLE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    self.flush();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => Message::Stop,
            };
            let mut stop = false;
            for message in std::iter::once(first).chain(receiver.try_iter().take(TOGETHER)) {
                match message {
                    Message::Event(event, size) => {
                        self.take(*event);
                        self.queued.fetch_sub(size, Ordering::Relaxed);
                    }
                    Message::Waiting(done) => waiting.push(done),
                    Message::Stop => stop = true,
                }
            }
            if stop || !waiting.is_empty() {
                self.flush();
                // Who does not wait any more does not mind.
                for done in waiting.drain(..) {
                    let _ = done.send(());
                }
            }
            if stop {
                return self.sink;
            }
        }
    }

    fn take(&mut self, event: Event) {
        if self.failed.load(Ordering::Relaxed) {
            return;
        }
        if self.queued.load(Ordering::Relaxed) > MOST_QUEUED {
            self.fail("the disk does not keep up");
            return;
        }
        if let Event::Output(output) = event {
            let held = &mut self.output[usize::from(output.stream.min(2))];
            let ends = output.bytes.is_empty() || output.bytes.ends_with(b"\n");
            held.push((output.at, output.bytes));
            if ends {
                self.release(output.stream.min(2));
            }
            return;
        }
        self.write(|writer| vec![writer.redacted(event)]);
    }

    /// Writes what is held of a stream.
    fn release(&mut self, stream: u8) {
        let held = std::mem::take(&mut self.output[usize::from(stream)]);
        if held.is_empty() {
            return;
        }
        self.write(|writer| {
            let (pieces, ends) =
                held.split_at(held.iter().position(|(_, piece)| piece.is_empty()).unwrap_or(held.len()));
            let pieces = if pieces.is_empty() { Vec::new() } else { writer.redact.pieces("text/plain", pieces) };
            let all = pieces.into_iter().chain(ends.iter().cloned());
            all.map(|(at, bytes)| Event::Output(crate::model::event::Output { at, stream, bytes })).collect()
        });
    }

    fn write(&mut self, make: impl FnOnce(&mut Self) -> Vec<Event>) {
        let written = catch_unwind(AssertUnwindSafe(|| make(self).iter().try_for_each(|event| self.sink.write(event))));
        self.unflushed = true;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => self.fail(&reason),
            Err(_) => self.fail("a bug in retake"),
        }
    }

    fn flush(&mut self) {
        for stream in 0..3 {
            self.release(stream);
        }
        if self.unflushed && !self.failed.load(Ordering::Relaxed) {
            self.unflushed = false;
            if let Err(reason) = self.sink.flush() {
                self.fail(&reason);
            }
        }
    }

    fn fail(&mut self, reason: &str) {
        if !self.failed.swap(true, Ordering::SeqCst) {
            (self.warn)(reason);
        }
    }

    fn redacted(&mut self, event: Event) -> Event {
        let redact = Arc::clone(&self.redact);
        let text = |text: &str| into_text(&redact.text(text.as_bytes()));
        match event {
            Event::Started(started) => Event::Started(Started {
                command: started.command.iter().map(|word| text(word)).collect(),
                upstreams: started.upstreams.into_iter().map(|(name, url)| (name, text(&url))).collect(),
                ..started
            }),
            Event::Request(mut request) => {
                request.body = redact.body(content_type(&request.headers), &request.body);
                request.headers = redact.headers(&request.headers);
                request.query = redact.query(&request.query);
                request.path = text(&request.path);
                Event::Request(request)
            }
            Event::Decided(mut decided) => {
                decided.sent = decided.sent.map(|body| redact.body("application/json", &body));
                decided.notes = decided.notes.iter().map(|note| text(note)).collect();
                Event::Decided(decided)
            }
            Event::Answer(head) => {
                self.types.insert(head.seq, content_type(&head.headers).to_owned());
                Event::Answer(AnswerHead { headers: redact.headers(&head.headers), ..head })
            }
            Event::Chunks(Chunks { seq, pieces }) => {
                let content_type = self.types.get(&seq).map(String::as_str).unwrap_or_default();
                Event::Chunks(Chunks { seq, pieces: redact.pieces(content_type, &pieces) })
            }
            Event::End(mut end) => {
                self.types.remove(&end.seq);
                if let Ending::Broken(reason) | Ending::Unreachable(reason) = &mut end.how {
                    *reason = text(reason);
                }
                Event::End(end)
            }
            Event::Frame(mut frame) => {
                let content_type = if frame.opcode == 1 { "application/json" } else { "application/octet-stream" };
                frame.payload = redact.body(content_type, &frame.payload);
                Event::Frame(frame)
            }
            Event::Begin(begin) => {
                let (name, input) = (text(&begin.name), json(redact.as_ref(), &begin.input));
                Event::Begin(Begin { name, input, ..begin })
            }
            Event::Finish(finish) => {
                let (output, documents) =
                    (json(redact.as_ref(), &finish.output), json(redact.as_ref(), &finish.documents));
                Event::Finish(Finish { output, documents, error: finish.error.map(|error| text(&error)), ..finish })
            }
            Event::Note(mut note) => {
                note.text = text(&note.text);
                Event::Note(note)
            }
            Event::Output(_) | Event::Ended(_) => event,
        }
    }
}

fn json(redact: &dyn Redact, text: &Bytes) -> Bytes {
    redact.body("application/json", text)
}

fn into_text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn content_type(headers: &Headers) -> &str {
    headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// About how much memory an event holds on to.
fn size(event: &Event) -> usize {
    256 + match event {
        Event::Request(request) => request.body.len(),
        Event::Chunks(chunks) => chunks.pieces.iter().map(|(_, piece)| piece.len() + 64).sum(),
        Event::Frame(frame) => frame.payload.len(),
        Event::Output(output) => output.bytes.len(),
        Event::Begin(begin) => begin.input.len(),
        Event::Finish(finish) => finish.output.len() + finish.documents.len(),
        Event::Decided(decided) => decided.sent.as_ref().map_or(0, Bytes::len),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Note, Output};

    /// Replaces `secret` with `-`.
    struct Dash;

    impl Redact for Dash {
        fn headers(&self, headers: &Headers) -> Headers {
            headers.clone()
        }

        fn query(&self, query: &str) -> String {
            query.replace("secret", "-")
        }

        fn body(&self, _: &str, body: &Bytes) -> Bytes {
            self.text(body)
        }

        fn text(&self, text: &[u8]) -> Bytes {
            assert!(text != b"bug", "a bug");
            String::from_utf8_lossy(text).replace("secret", "-").into()
        }

        fn pieces(&self, _: &str, pieces: &[(Micros, Bytes)]) -> Vec<(Micros, Bytes)> {
            let all: Vec<u8> = pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect();
            vec![(pieces[0].0, self.text(&all))]
        }
    }

    #[derive(Default)]
    struct Lines {
        written: Vec<String>,
        flushed: Arc<AtomicUsize>,
        full: bool,
    }

    impl Sink for Lines {
        fn write(&mut self, event: &Event) -> Result<(), String> {
            if self.full {
                return Err("disk full".to_owned());
            }
            self.written.push(match event {
                Event::Output(output) => format!("{} {}", output.stream, String::from_utf8_lossy(&output.bytes)),
                Event::Note(note) => note.text.clone(),
                other => format!("{other:?}"),
            });
            Ok(())
        }

        fn flush(&mut self) -> Result<(), String> {
            self.flushed.store(self.written.len(), Ordering::SeqCst);
            Ok(())
        }
    }

    fn note(text: &str) -> Event {
        Event::Note(Note { at: Micros(1), topic: "warning".to_owned(), text: text.to_owned() })
    }

    fn output(stream: u8, text: &str) -> Event {
        Event::Output(Output { at: Micros(1), stream, bytes: Bytes::copy_from_slice(text.as_bytes()) })
    }

    fn start(sink: Lines) -> (Recorder<Lines>, Arc<Mutex<Vec<String>>>) {
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&warnings);
        let warn = move |reason: &str| log.lock().unwrap().push(reason.to_owned());
        (Recorder::start(sink, Arc::new(Dash), warn).unwrap(), warnings)
    }

    fn wait(recorder: &Recorder<Lines>) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(recorder.settled());
    }

    #[test]
    fn what_is_settled_is_flushed_and_redacted() {
        let flushed = Arc::new(AtomicUsize::new(0));
        let (recorder, warnings) = start(Lines { flushed: Arc::clone(&flushed), ..Lines::default() });
        recorder.saw(note("a secret"));
        recorder.saw(output(1, "one sec"));
        recorder.saw(output(2, "else\n"));
        recorder.saw(output(1, "ret\n"));
        wait(&recorder);
        assert_eq!(flushed.load(Ordering::SeqCst), 3);
        recorder.saw(output(0, "no line end"));
        recorder.saw(output(0, ""));
        let (sink, whole) = recorder.finish().unwrap();
        assert!(whole && recorder.finish().is_none());
        assert_eq!(sink.written, ["a -", "2 else\n", "1 one -\n", "0 no line end", "0 "]);
        assert!(warnings.lock().unwrap().is_empty());
        wait(&recorder);
    }

    #[test]
    fn a_full_disk_is_said_once_and_nobody_waits_for_it() {
        let (recorder, warnings) = start(Lines { full: true, ..Lines::default() });
        recorder.saw(note("a"));
        wait(&recorder);
        recorder.saw(note("b"));
        wait(&recorder);
        assert_eq!(*warnings.lock().unwrap(), ["disk full"]);
        assert!(!recorder.finish().unwrap().1);
    }

    #[test]
    fn a_bug_costs_the_recording_only() {
        let (recorder, warnings) = start(Lines::default());
        recorder.saw(note("bug"));
        wait(&recorder);
        assert_eq!(*warnings.lock().unwrap(), ["a bug in retake"]);
    }
}
