//! Every record type, and a whole recording, against the bytes that their version wrote.
//!
//! `tests/files/store/records-v1.txt` holds a line `<name> <hex>` for each record, and `v1.retake` beside it a
//! recording. Neither is ever written again: they stand for what users have on disk.
//!
//! A version 2 of some types: write `codec/v2` with those types, `put` them with their new version, and add an arm to
//! `decode`, reading version 1 through `From`. [`every_record_of_version_1_is_read`] and
//! [`the_recording_of_version_1_is_read`] must pass, for what the old bytes can hold, without their files being
//! touched. Then add the same tests with `records-v2.txt` and `v2.retake`, which are written on their first run, and
//! let [`records_are_written_as_ever`] compare with those.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::recording::Place;
use super::super::recording::writer::Writer;
use super::super::{Calls, Store, sample};
use super::*;
use crate::model::event::Event;
use crate::model::{RunId, State};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/store").join(name)
}

/// The run of the kept recording.
fn run() -> RunId {
    sample::id("kkllmmnn")
}

/// The events of the kept recording.
fn events() -> Vec<Event> {
    let mut events = sample::one_of_each(&run());
    events.extend(sample::conversation(&run(), 2_000_000, 6..=7, 12));
    events
}

/// The bytes of a kept file. One that is not there is written, to be looked at and committed.
fn kept(name: &str, write: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = file(name);
    if !path.exists() {
        fs::write(&path, write()).unwrap();
        panic!("`{name}` was not there and is written now; commit it, and never change it again");
    }
    fs::read(path).unwrap()
}

fn records() -> Vec<(String, Record, Vec<u8>)> {
    let run = run();
    let mut records = Vec::new();
    let events = sample::one_of_each(&run);
    for event in &events {
        let mut bytes = Vec::new();
        super::event(event, 0, &mut bytes).unwrap();
        let text = format!("{event:?}");
        let name = text.split('(').next().unwrap_or_default().to_lowercase();
        records.push((name, Record::Event(Box::new(event.clone())), bytes));
    }
    let (summary, graph) = sample::finished(&run, &events);
    for state in [State::Running, State::Interrupted, State::Finished] {
        let summary = Summary { state, tokens: Some(70_000), grade: Some("2 nodes".to_owned()), ..summary.clone() };
        let mut bytes = Vec::new();
        super::summary(&summary, 0, &mut bytes).unwrap();
        records.push(("summary".to_owned(), Record::Summary(Box::new(summary)), bytes));
    }
    let packed = Packed::new(&graph);
    let mut bytes = Vec::new();
    super::graph(&packed, 0, &mut bytes).unwrap();
    records.push(("graph".to_owned(), Record::Graph(packed), bytes));
    let place = |offset, calls| Place { offset, records: offset * 2, calls };
    let table = Table { places: vec![place(24, Some(Calls { first: 1, last: 9 })), place(1 << 40, None)] };
    let mut bytes = Vec::new();
    super::table(&table, 0, &mut bytes).unwrap();
    records.push(("table".to_owned(), Record::Table(table), bytes));
    records
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

#[test]
fn records_are_written_as_ever() {
    let written = || {
        let lines: Vec<String> = records().iter().map(|(name, _, bytes)| format!("{name} {}\n", hex(bytes))).collect();
        lines.concat()
    };
    let kept = kept("records-v1.txt", || written().into_bytes());
    assert!(kept == written().into_bytes(), "a stored type changed: it needs a version of its own");
}

#[test]
fn every_record_of_version_1_is_read() {
    let (kept, records) = (fs::read_to_string(file("records-v1.txt")).unwrap(), records());
    assert_eq!(kept.lines().count(), records.len());
    for (line, (name, record, _)) in kept.lines().zip(records) {
        let bytes = unhex(line.strip_prefix(&name).and_then(|rest| rest.strip_prefix(' ')).unwrap());
        assert_eq!(read(&bytes).unwrap(), (record, bytes.len()), "{name}");
    }
}

#[test]
fn the_recording_of_version_1_is_read() {
    kept("v1.retake", || {
        let (summary, graph) = sample::finished(&run(), &events());
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&run(), &mut bytes).unwrap();
        writer.set_frame(900);
        for event in events() {
            writer.write(&event).unwrap();
            writer.flush().unwrap();
        }
        writer.seal(&summary, &Packed::new(&graph)).unwrap();
        bytes
    });
    let recording = Store::load_file(&file("v1.retake")).unwrap();
    assert_eq!((recording.id.as_str(), recording.state, recording.damage), ("kkllmmnn", State::Finished, Vec::new()));
    let line = |event: &Event| format!("{event:?}").chars().take(70).collect::<String>().trim_end().to_owned();
    let lines: Vec<String> = recording.events.iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Started(Started { run: Some(RunId("kkllmmnn")), at: Micros(1000000), v
    Request(Request { seq: 1, at: Micros(1000001), provider: "openai", ups
    Decided(Decided { seq: 1, action: Serve, node: Some(NodeId(5)), grade:
    Decided(Decided { seq: 1, action: ServeEdited, node: None, grade: Held
    Decided(Decided { seq: 1, action: Send, node: None, grade: Names, sent
    Decided(Decided { seq: 1, action: SendChanged, node: None, grade: Inte
    Decided(Decided { seq: 1, action: Refuse, node: None, grade: Place, se
    Decided(Decided { seq: 1, action: Refuse, node: None, grade: Miss, sen
    Answer(AnswerHead { seq: 1, at: Micros(1000500), status: 200, headers:
    Chunks(Chunks { seq: 1, pieces: [(Micros(1000600), b"data: {}\n\n"), (
    End(End { seq: 1, at: Micros(1000901), how: Complete })
    Frame(Frame { seq: 2, at: Micros(1001000), from_agent: true, opcode: 1
    End(End { seq: 2, at: Micros(1000902), how: ClientLeft })
    End(End { seq: 3, at: Micros(1000903), how: Broken("reset") })
    End(End { seq: 4, at: Micros(1000904), how: Unreachable("refused") })
    Begin(Begin { seq: 5, at: Micros(1002000), kind: "retrieval", name: "s
    Finish(Finish { seq: 5, at: Micros(1003000), output: b"null", document
    Output(Output { at: Micros(1004000), stream: 1, bytes: b"done\n" })
    Note(Note { at: Micros(1005000), topic: "warning", text: "one line" })
    Ended(Ended { at: Micros(1006000), code: -1 })
    Started(Started { run: Some(RunId("kkllmmnn")), at: Micros(2000000), v
    Request(Request { seq: 6, at: Micros(2000060), provider: "openai", ups
    Chunks(Chunks { seq: 6, pieces: [(Micros(2000065), b"38f08 d4a16 93502
    End(End { seq: 6, at: Micros(2000066), how: Complete })
    Request(Request { seq: 7, at: Micros(2000070), provider: "openai", ups
    Chunks(Chunks { seq: 7, pieces: [(Micros(2000075), b"91b15 36c63 af27b
    End(End { seq: 7, at: Micros(2000076), how: Complete })
    Ended(Ended { at: Micros(2000080), code: 0 })
    "#);
    assert_eq!(recording.events, events());
    let scratch = sample::Scratch::new();
    let store = scratch.store();
    let run = store.import(&file("v1.retake")).unwrap();
    let summary = store.summary(&run, &|_| panic!("it is sealed")).unwrap();
    assert_eq!((summary.nodes, summary.model_calls, summary.models.join(" ")), (3, 3, "gpt-4o".to_owned()));
    let graph = store.graph(&run, &|_| panic!("it is sealed")).unwrap();
    assert!(graph.nodes().eq(sample::graph().nodes()));
    assert_eq!(graph.edges(), sample::graph().edges());
    assert_eq!(store.verify().unwrap().files[0].frames, 3);
}

#[test]
fn the_graph_keeps_all_but_texts() {
    let graph = sample::graph();
    let back = Packed::new(&graph).graph().unwrap();
    assert!(graph.nodes().eq(back.nodes()));
    assert_eq!(graph.edges(), back.edges());
}

#[test]
fn no_changed_bit_passes() {
    for (name, _, bytes) in records() {
        for place in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[place / 8] ^= 1 << (place % 8);
            assert!(read(&bytes).is_err(), "bit {place} of {name}");
        }
    }
}

#[test]
fn what_is_newer_or_unknown_is_said() {
    let stamped = |kind: u8, version: u16, body: &[u8]| {
        let envelope = Envelope { kind, version, length: body.len(), checksum: 0 };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&envelope.sum(0, body).to_le_bytes());
        bytes.extend_from_slice(body);
        read(&bytes)
    };
    assert_eq!(stamped(2, 7, b"?"), Err(Fault::Newer { version: 7 }));
    assert_eq!(stamped(99, 1, b"?"), Err(Fault::Unknown { kind: 99 }));
    assert!(matches!(stamped(12, 1, &[1, 2, 3]), Err(Fault::Malformed(_))), "a byte is left");
    let huge = [1, 253, 255, 255, 255, 255, 255, 255, 255, 127];
    assert!(matches!(stamped(11, 1, &huge), Err(Fault::Malformed(_))), "an impossible length");
}
