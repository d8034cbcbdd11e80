//! What matching costs: a request of 100 KB against recordings of 1,000 and 10,000 calls, beside parsing and copying it.

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use retake::model::event::{AnswerHead, Chunks, End, Ending, Event, Grade, Request, Seq, Started};
use retake::model::{Micros, RunId};
use retake::record::assemble;
use retake::replay::{Options, Plan, Rehearsal};
use retake::text::json::{Json, quote};
use retake::wire;

const WORDS: &str = "the of agent tool price order answer value is was to and in for not with a as by on flight booking \
    customer policy refund search result document item list status created updated name address payment method card \
    total amount date time please would like change cancel confirm details user account id number available cabin";

const THEN: u64 = 1_795_509_081_000_000;
const NOW: u64 = 1_811_437_323_000_000;
/// Calls of 100 KB in every recording; the others have 4 KB.
const LARGE: u64 = 40;

fn main() {
    divan::main();
}

/// What differs between two runs.
struct Side {
    session: &'static str,
    folder: &'static str,
    day: &'static str,
}

const RECORDED: Side =
    Side { session: "8d1f3a2b-1111-4222-8333-abcdefabcd01", folder: "/tmp/tmpk3x9q2ab", day: "2026-11-24" };
const HERE: Side =
    Side { session: "019aa2f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b", folder: "/tmp/tmpqq81zz0c", day: "2027-05-27" };

/// A conversation of some number of turns; prose, and results of tools with numbers, paths and dates.
fn body(number: u64, turns: u64, side: &Side) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let prose = |seed: u64, length: u64| {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut text = String::new();
        for place in 0..length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let word = words[usize::try_from(state % words.len() as u64).unwrap_or_default()];
            text.push_str(word);
            text.push(if place % 14 == 13 { '\n' } else { ' ' });
        }
        text
    };
    let Side { session, folder, day } = side;
    let system = format!("Session {session} in {folder}. Today is {day}.\n{}", prose(1, 300));
    let mut messages = vec![format!(r#"{{"role":"system","content":{}}}"#, quote(&system))];
    for turn in 0..turns {
        let said = prose(number * 1000 + turn, 170);
        let result = format!(
            r#"{{"path":"{folder}/f{turn}.txt","price":{turn}9.95,"at":"2024-03-{:02}T10:00:00Z","rows":[{turn},17,4711,350],"note":{}}}"#,
            turn % 28 + 1,
            quote(&prose(number * 777 + turn, 120))
        );
        messages.push(format!(
            r#"{{"role":"assistant","content":{},"tool_calls":[{{"id":"call_{number}_{turn}","type":"function","function":{{"name":"look","arguments":"{{\"n\":{turn}}}"}}}}]}}"#,
            quote(&said)
        ));
        messages
            .push(format!(r#"{{"role":"tool","tool_call_id":"call_{number}_{turn}","content":{}}}"#, quote(&result)));
    }
    format!(r#"{{"model":"m","temperature":0.5,"messages":[{}]}}"#, messages.join(","))
}

fn request(seq: Seq, at: u64, body: String) -> Request {
    Request {
        seq,
        at: Micros(at),
        provider: "openai".into(),
        upstream: "https://api.openai.com".into(),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        query: String::new(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: Bytes::from(body),
        coding: String::new(),
    }
}

fn rehearsal(calls: u64) -> Rehearsal {
    let mut events =
        vec![Event::Started(Started { at: Micros(THEN), directory: "/home/me/shop".into(), ..Started::default() })];
    for seq in 1..=calls {
        let at = THEN + seq * 10;
        let turns = if seq <= LARGE { 46 } else { 1 };
        events.push(Event::Request(request(seq, at, body(seq, turns, &RECORDED))));
        let headers = vec![("content-type".into(), "application/json".into())];
        events.push(Event::Answer(AnswerHead { seq, at: Micros(at + 1), status: 200, headers, coding: String::new() }));
        let said = quote(&format!("done in {}/out for {}; {WORDS}", RECORDED.folder, RECORDED.session));
        let answer = format!(
            r#"{{"id":"c{seq}","object":"chat.completion","model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":{said}}},"finish_reason":"stop"}}]}}"#
        );
        events.push(Event::Chunks(Chunks { seq, pieces: vec![(Micros(at + 2), answer.into())] }));
        events.push(Event::End(End { seq, at: Micros(at + 3), how: Ending::Complete }));
    }
    let run = assemble(&RunId::from_seed(0), &events);
    let plan = Plan::new(run, Options::default()).expect("nothing is changed");
    let here = Started { at: Micros(NOW), directory: "/ci/job-7".into(), ..Started::default() };
    Rehearsal::new(plan, &here)
}

fn measure(bencher: Bencher<'_, '_>, calls: u64, side: &Side, expected: Grade) {
    let mut rehearsal = rehearsal(calls);
    let asked: Vec<Bytes> = (1..=LARGE).map(|number| body(number, 46, side).into()).collect();
    let mut seq = calls;
    let mut ask = move || {
        seq += 1;
        let place = usize::try_from(seq % LARGE).unwrap_or_default();
        let mut request = request(seq, NOW + 20, String::new());
        request.body = asked[place].clone();
        let decided = rehearsal.ask(&request);
        rehearsal.leave(seq);
        assert_eq!(decided.0.grade, expected, "{:?}", decided.0.notes);
        decided
    };
    // The first inexact request builds the index.
    ask();
    bencher.counter(BytesCount::new(body(1, 46, side).len())).bench_local(ask);
}

#[divan::bench(args = [1_000, 10_000], max_time = 3)]
fn exact(bencher: Bencher<'_, '_>, calls: u64) {
    measure(bencher, calls, &RECORDED, Grade::Exact);
}

#[divan::bench(args = [1_000, 10_000], max_time = 3)]
fn up_to_names(bencher: Bencher<'_, '_>, calls: u64) {
    measure(bencher, calls, &HERE, Grade::Names);
}

#[divan::bench(max_time = 1)]
fn parse_json(bencher: Bencher<'_, '_>) {
    let body = Bytes::from(body(1, 46, &HERE));
    bencher.counter(BytesCount::new(body.len())).bench_local(|| Json::parse(body.clone()));
}

#[divan::bench(max_time = 1)]
fn parse_request(bencher: Bencher<'_, '_>) {
    let request = request(1, NOW, body(1, 46, &HERE));
    bencher.counter(BytesCount::new(request.body.len())).bench_local(|| wire::parse(&request, &|_| None));
}

#[divan::bench(max_time = 1)]
fn copy(bencher: Bencher<'_, '_>) {
    let body = body(1, 46, &HERE).into_bytes();
    bencher.counter(BytesCount::new(body.len())).bench_local(|| body.clone());
}
