//! Events on their way to the recording: a thread of their own redacts and writes them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::fit;
use crate::model::event::Event;
use crate::proxy::{Boxed, Watch};
use crate::redact::Redactor;

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
    /// The event as it may be written; it may be held back, or come with others that were.
    fn event(&self, event: &Event) -> Vec<Event>;

    /// What is still held back, at the end.
    fn finish(&self) -> Vec<Event>;
}

impl Redact for Redactor {
    fn event(&self, event: &Event) -> Vec<Event> {
        Self::event(self, event)
    }

    fn finish(&self) -> Vec<Event> {
        Self::finish(self)
    }
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
                        for event in fit::fit(*event) {
                            self.take(&event);
                        }
                        self.queued.fetch_sub(size, Ordering::Relaxed);
                    }
                    Message::Waiting(done) => waiting.push(done),
                    Message::Stop => stop = true,
                }
            }
            if stop && !self.failed.load(Ordering::Relaxed) {
                self.write(Redact::finish);
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

    fn take(&mut self, event: &Event) {
        if self.failed.load(Ordering::Relaxed) {
            return;
        }
        if self.queued.load(Ordering::Relaxed) > MOST_QUEUED {
            self.fail("the disk does not keep up");
            return;
        }
        self.write(|redact| redact.event(event));
    }

    fn write(&mut self, make: impl FnOnce(&dyn Redact) -> Vec<Event>) {
        let written = catch_unwind(AssertUnwindSafe(|| {
            make(self.redact.as_ref()).iter().try_for_each(|event| self.sink.write(event))
        }));
        self.unflushed = true;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => self.fail(&reason),
            Err(_) => self.fail("a bug in retake"),
        }
    }

    fn flush(&mut self) {
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
    use crate::model::Micros;
    use crate::model::event::{Chunks, Note, Output};

    /// Replaces `secret` with `-`, and holds back what does not end its line.
    #[derive(Default)]
    struct Dash(Mutex<Vec<u8>>);

    impl Redact for Dash {
        fn event(&self, event: &Event) -> Vec<Event> {
            match event {
                Event::Note(note) => {
                    assert!(note.text != "bug", "a bug");
                    vec![self::note(&note.text.replace("secret", "-"))]
                }
                Event::Output(piece) => {
                    let mut held = self.0.lock().unwrap();
                    held.extend_from_slice(&piece.bytes);
                    if piece.bytes.ends_with(b"\n") { release(&mut held) } else { Vec::new() }
                }
                Event::Chunks(Chunks { seq, pieces }) => {
                    let all: Vec<u8> = pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect();
                    let pieces = vec![(pieces[0].0, String::from_utf8_lossy(&all).replace("secret", "-").into())];
                    vec![Event::Chunks(Chunks { seq: *seq, pieces })]
                }
                other => vec![other.clone()],
            }
        }

        fn finish(&self) -> Vec<Event> {
            release(&mut self.0.lock().unwrap())
        }
    }

    fn release(held: &mut Vec<u8>) -> Vec<Event> {
        let text = String::from_utf8(std::mem::take(held)).unwrap().replace("secret", "-");
        vec![output(1, &text)]
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
                Event::Chunks(chunks) => String::from_utf8_lossy(&chunks.pieces[0].1).into_owned(),
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
        (Recorder::start(sink, Arc::new(Dash::default()), warn).unwrap(), warnings)
    }

    fn wait(recorder: &Recorder<Lines>) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(recorder.settled());
    }

    #[test]
    fn what_is_settled_is_flushed_and_redacted() {
        let flushed = Arc::new(AtomicUsize::new(0));
        let (recorder, warnings) = start(Lines { flushed: Arc::clone(&flushed), ..Lines::default() });
        let pieces = ["one sec", "ret"].map(|text| (Micros(1), Bytes::from_static(text.as_bytes()))).into();
        recorder.saw(note("a secret"));
        recorder.saw(Event::Chunks(Chunks { seq: 1, pieces }));
        wait(&recorder);
        assert_eq!(flushed.load(Ordering::SeqCst), 2);
        recorder.saw(output(1, "a line with a sec"));
        recorder.saw(output(1, "ret\n"));
        recorder.saw(output(1, "no line end"));
        let (sink, whole) = recorder.finish().unwrap();
        assert!(whole && recorder.finish().is_none());
        assert_eq!(sink.written, ["a -", "one -", "1 a line with a -\n", "1 no line end"]);
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
