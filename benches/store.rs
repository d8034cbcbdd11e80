//! What recording costs: time a call beside a plain write of the same bytes, and size beside the sum of the bodies.

#![expect(clippy::cast_precision_loss, reason = "sizes and counts are far below 2^52")]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use retake::model::event::{AnswerHead, Chunks, End, Ended, Ending, Event, Request, Seq, Started};
use retake::model::{Micros, RunGraph, RunId, State, Summary};
use retake::store::{Recorder, Store};

/// Calls of the conversation; their bodies grow from 40 to 130 KB, 85 KB in the mean.
const CALLS: u64 = 60;

const TURN: usize = 1500;

const WORDS: &str = "the of agent tool price order answer value is was to and in for not with a as by on flight booking \
    customer policy refund search result document item list status created updated name address payment method card \
    total amount date time please would like change cancel confirm details user account id number available cabin \
    economy business seat passenger baggage insurance airport origin destination departure arrival return query model";

fn main() {
    let calls = conversation();
    compare(&calls);
    divan::main();
}

/// Prints how time and size relate to what they would be without retake.
#[expect(clippy::print_stdout, reason = "a benchmark prints")]
fn compare(calls: &[Call]) {
    let bodies: u64 = calls.iter().map(|call| call.bytes).sum();
    let (mut plain, mut recorded, mut size) = (Duration::MAX, Duration::MAX, 0);
    for round in 0..3 {
        let folder = Folder::new();
        let mut file = File::create(folder.0.join("plain")).expect("the folder can be written");
        let begun = Instant::now();
        for call in calls {
            call.write_plain(&mut file);
        }
        plain = plain.min(begun.elapsed());
        let run = RunId::from_seed(round);
        let mut recorder = folder.recorder(&run);
        let begun = Instant::now();
        for call in calls {
            call.record(&mut recorder);
        }
        recorded = recorded.min(begun.elapsed());
        let path = recorder.path().to_owned();
        recorder.seal(&summary(run), &RunGraph::default()).expect("it can be sealed");
        size = fs::metadata(path).expect("it is there").len();
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / calls.len() as f64;
    println!("{} calls, bodies of {} KB in the mean", calls.len(), bodies / calls.len() as u64 / 1000);
    println!(
        "time a call, appended and flushed: {:.0} us; a plain write of the same bytes: {:.0} us; {:.1} times",
        each(recorded),
        each(plain),
        each(recorded) / each(plain)
    );
    println!(
        "size: {} KB for {} KB of bodies, {:.1} times smaller",
        size / 1000,
        bodies / 1000,
        bodies as f64 / size as f64
    );
}

/// A call is recorded and flushed.
#[divan::bench]
fn record(bencher: Bencher<'_, '_>) {
    let calls = conversation();
    let folder = Folder::new();
    let mut recorder = folder.recorder(&RunId::from_seed(1));
    let mut next = calls.iter().cycle();
    bencher.counter(BytesCount::new(mean(&calls))).bench_local(|| {
        next.next().into_iter().for_each(|call| call.record(&mut recorder));
    });
}

/// The baseline: the same bytes are written to a file.
#[divan::bench]
fn plain_write(bencher: Bencher<'_, '_>) {
    let calls = conversation();
    let folder = Folder::new();
    let mut file = File::create(folder.0.join("plain")).expect("the folder can be written");
    let mut next = calls.iter().cycle();
    bencher.counter(BytesCount::new(mean(&calls))).bench_local(|| {
        next.next().into_iter().for_each(|call| call.write_plain(&mut file));
    });
}

/// A whole run is read.
#[divan::bench(sample_count = 10)]
fn load(bencher: Bencher<'_, '_>) {
    let folder = Folder::new();
    let run = RunId::from_seed(1);
    let calls = conversation();
    let mut recorder = folder.recorder(&run);
    for call in &calls {
        call.record(&mut recorder);
    }
    recorder.seal(&summary(run.clone()), &RunGraph::default()).expect("it can be sealed");
    let store = folder.store();
    bencher
        .counter(BytesCount::new(calls.iter().map(|call| call.bytes).sum::<u64>()))
        .bench_local(|| black_box(store.load(&run).expect("it can be read")));
}

/// Two hundred runs are listed, as a command does: opened, listed, closed.
#[divan::bench(sample_count = 10)]
fn list(bencher: Bencher<'_, '_>) {
    let folder = Folder::new();
    for seed in 0..200 {
        let run = RunId::from_seed(seed * 7919);
        folder.recorder(&run).seal(&summary(run), &RunGraph::default()).expect("it can be sealed");
    }
    bencher.bench_local(|| {
        let summaries = folder.store().summaries(&|_| unreachable!("all are sealed")).expect("they can be listed");
        assert_eq!(summaries.len(), 200);
    });
}

/// The events of one call and how many bytes its bodies have.
struct Call {
    events: Vec<Event>,
    bytes: u64,
}

impl Call {
    fn record(&self, recorder: &mut Recorder) {
        for event in &self.events {
            recorder.write(event).expect("the folder can be written");
        }
    }

    fn write_plain(&self, file: &mut File) {
        for event in &self.events {
            let written = match event {
                Event::Request(request) => file.write_all(&request.body),
                Event::Chunks(chunks) => chunks.pieces.iter().try_for_each(|(_, piece)| file.write_all(piece)),
                _ => Ok(()),
            };
            written.expect("the folder can be written");
        }
    }
}

/// Calls that each repeat the conversation so far and add a question to it.
fn conversation() -> Vec<Call> {
    let mut random = 1;
    let mut body = format!("{{\"model\":\"m\",\"messages\":[{{\"content\":\"{}\"}}", prose(&mut random, 40_000));
    (1..=CALLS)
        .map(|seq| {
            body.extend([",{\"role\":\"user\",\"content\":\"", &prose(&mut random, TURN / 2), "\"}"]);
            let answer = prose(&mut random, TURN / 2);
            body.extend([",{\"role\":\"assistant\",\"content\":\"", &answer, "\"}"]);
            call(seq, Bytes::from(format!("{body}]}}")), answer.into())
        })
        .collect()
}

fn call(seq: Seq, body: Bytes, answer: Bytes) -> Call {
    let at = Micros(seq * 1000);
    let bytes = (body.len() + answer.len()) as u64;
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let request = Request {
        seq,
        at,
        provider: "openai".to_owned(),
        upstream: "https://api.openai.com".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        query: String::new(),
        headers: headers.clone(),
        body,
        coding: String::new(),
    };
    let events = vec![
        Event::Request(request),
        Event::Answer(AnswerHead { seq, at, status: 200, headers, coding: String::new() }),
        Event::Chunks(Chunks { seq, pieces: vec![(at, answer)] }),
        Event::End(End { seq, at, how: Ending::Complete }),
    ];
    Call { events, bytes }
}

/// Words without end, up to this many bytes.
fn prose(random: &mut u64, bytes: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut text = String::new();
    while text.len() < bytes {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from(*random >> 33).unwrap_or_default() % words.len();
        text.push_str(words[place]);
        text.push(' ');
    }
    text
}

fn mean(calls: &[Call]) -> u64 {
    calls.iter().map(|call| call.bytes).sum::<u64>() / calls.len() as u64
}

fn summary(run: RunId) -> Summary {
    Summary {
        id: run.clone(),
        state: State::Finished,
        started: Started { run: Some(run), ..Started::default() },
        ended: Some(Ended { at: Micros(1), code: 0 }),
        nodes: 0,
        model_calls: 0,
        tokens: None,
        duration: None,
        grade: None,
        tags: Vec::new(),
        models: Vec::new(),
        tools: Vec::new(),
    }
}

/// A folder that is deleted at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let unique = format!("retake-bench-{}-{:?}", std::process::id(), Instant::now());
        let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = std::env::temp_dir().join(unique);
        fs::create_dir_all(&folder).expect("there is a folder for temporary files");
        Self(folder)
    }

    fn store(&self) -> Store {
        Store::create(&self.0.join("store")).expect("the folder can be written")
    }

    fn recorder(&self, run: &RunId) -> Recorder {
        self.store().recorder(run).expect("the run is new")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
