//! What opening a big run costs: assembling it, grading it, showing it, beside hashing its bytes.
//!
//! A conversation that grows carries everything said before in each call, so its bytes grow with the
//! square of its calls; what is wanted is time in proportion to the bytes.

use std::fmt::Write;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use retake::config::Settings;
use retake::model::event::{AnswerHead, Chunks, End, Ended, Ending, Event, Request, Seq, Started};
use retake::model::{Micros, Run, RunId, State};
use retake::record::{assemble, summarise};
use retake::replay::gradeable;
use retake::text::json::quote;
use retake::ui::{Paper, run};

const WORDS: &str = "the of agent tool price order answer value is was to and in for not with a as by on flight booking \
    customer policy refund search result document item list status created updated name address payment method card";

const THEN: u64 = 1_795_509_081_000_000;

fn main() {
    divan::main();
}

/// The runs that are measured.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// One conversation that grows by a tool call and its result with every call.
    Growing(u64),
    /// Calls of one question each.
    Short(u64),
    /// One conversation of which each call carries the last six messages.
    Window(u64),
}

const SHAPES: [Shape; 5] =
    [Shape::Growing(300), Shape::Growing(1000), Shape::Short(5000), Shape::Window(1000), Shape::Window(4000)];

fn prose(seed: u64, words: u64) -> String {
    let all: Vec<&str> = WORDS.split_whitespace().collect();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::new();
    for _ in 0..words {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(all[usize::try_from(state % all.len() as u64).unwrap_or_default()]);
        text.push(' ');
    }
    text
}

impl Shape {
    fn events(self) -> Vec<Event> {
        let command = vec!["agent".to_owned()];
        let mut events = vec![Event::Started(Started { at: Micros(THEN), command, ..Started::default() })];
        let system = quote(&format!("Today is 2026-11-24. You work in /tmp/tmpk3x9q2ab.\n{}", prose(7, 600)));
        let mut messages = format!(r#"{{"role":"system","content":{system}}}"#);
        let (calls, grows) = match self {
            Self::Growing(calls) => (calls, true),
            Self::Short(calls) => (calls, false),
            Self::Window(calls) => {
                events.extend(window(calls));
                (0, false)
            }
        };
        for seq in 1..=calls {
            let question = quote(&prose(seq * 31, 20));
            if seq == 1 {
                let _ = write!(messages, r#",{{"role":"user","content":{question}}}"#);
            }
            let body = if grows {
                format!(r#"{{"model":"m","temperature":0.5,"messages":[{messages}]}}"#)
            } else {
                format!(r#"{{"model":"m","messages":[{{"role":"user","content":{question}}}]}}"#)
            };
            let said = quote(&prose(seq * 17, 12));
            let id = format!("call_{:016x}", seq.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let call = format!(
                r#"{{"id":"{id}","type":"function","function":{{"name":"look","arguments":"{{\"path\":\"src/f{seq}.rs\",\"line\":{seq}}}"}}}}"#
            );
            let message = if grows && seq < calls {
                format!(r#"{{"role":"assistant","content":{said},"tool_calls":[{call}]}}"#)
            } else {
                format!(r#"{{"role":"assistant","content":{said}}}"#)
            };
            let answer = format!(
                r#"{{"id":"chatcmpl-{seq}","object":"chat.completion","model":"m","choices":[{{"index":0,"message":{message},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":10,"completion_tokens":5}}}}"#
            );
            push_call(&mut events, seq, body.into(), answer.into());
            let result = format!(
                r#"{{"at":"2026-11-24T10:{:02}:{:02}Z","rows":[{seq},17],"note":{}}}"#,
                seq / 60 % 60,
                seq % 60,
                quote(&prose(seq * 777, 25))
            );
            let _ =
                write!(messages, r#",{message},{{"role":"tool","tool_call_id":"{id}","content":{}}}"#, quote(&result));
        }
        events.push(Event::Ended(Ended { at: Micros(THEN + (calls + 1) * 1_000_000), code: 0 }));
        events
    }
}

fn window(calls: u64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for seq in 1..=calls {
        said.push(format!(r#"{{"role":"user","content":{}}}"#, quote(&prose(seq * 31, 900))));
        let messages = said[said.len().saturating_sub(6)..].join(",");
        let answer = format!(r#"{{"role":"assistant","content":{}}}"#, quote(&prose(seq * 17, 300)));
        let whole =
            format!(r#"{{"id":"chatcmpl-{seq}","object":"chat.completion","choices":[{{"message":{answer}}}]}}"#);
        push_call(&mut events, seq, format!(r#"{{"model":"m","messages":[{messages}]}}"#).into(), whole.into());
        said.push(answer);
    }
    events
}

fn push_call(events: &mut Vec<Event>, seq: Seq, body: Bytes, answer: Bytes) {
    let at = THEN + seq * 1_000_000;
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    events.push(Event::Request(Request {
        seq,
        at: Micros(at),
        provider: "openai".into(),
        upstream: "https://api.openai.com".into(),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        query: String::new(),
        headers: headers.clone(),
        body,
        coding: String::new(),
    }));
    events.push(Event::Answer(AnswerHead { seq, at: Micros(at + 10), status: 200, headers, coding: String::new() }));
    events.push(Event::Chunks(Chunks { seq, pieces: vec![(Micros(at + 20), answer)] }));
    events.push(Event::End(End { seq, at: Micros(at + 30), how: Ending::Complete }));
}

fn bytes(events: &[Event]) -> u64 {
    let size = |event: &Event| match event {
        Event::Request(request) => request.body.len(),
        Event::Chunks(chunks) => chunks.pieces.iter().map(|(_, piece)| piece.len()).sum(),
        _ => 0,
    };
    events.iter().map(|event| size(event) as u64).sum()
}

fn opened(events: &[Event]) -> Run {
    assemble(&RunId::from_seed(0), events)
}

/// The baseline: every byte of the bodies is hashed once.
#[divan::bench(args = SHAPES, sample_count = 3)]
fn hash_of_all_bodies(bencher: Bencher<'_, '_>, shape: Shape) {
    let events = shape.events();
    bencher.counter(BytesCount::new(bytes(&events))).bench_local(|| {
        for event in &events {
            if let Event::Request(request) = event {
                divan::black_box(blake3::hash(&request.body));
            }
        }
    });
}

#[divan::bench(args = SHAPES, sample_count = 3)]
fn assembled(bencher: Bencher<'_, '_>, shape: Shape) {
    let events = shape.events();
    bencher.counter(BytesCount::new(bytes(&events))).bench_local(|| opened(&events));
}

#[divan::bench(args = SHAPES, sample_count = 3)]
fn graded(bencher: Bencher<'_, '_>, shape: Shape) {
    let events = shape.events();
    let run = opened(&events);
    let settings = Settings::default();
    bencher.counter(BytesCount::new(bytes(&events))).bench_local(|| gradeable(&run, &settings).line());
}

#[divan::bench(args = SHAPES, sample_count = 3)]
fn shown(bencher: Bencher<'_, '_>, shape: Shape) {
    let events = shape.events();
    let run = opened(&events);
    let summary = summarise(&run, State::Finished);
    bencher
        .counter(BytesCount::new(bytes(&events)))
        .bench_local(|| run::view(&run, &summary, None, Paper { width: None, colour: false, now: Micros(THEN) }));
}
