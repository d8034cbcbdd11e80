//! Runs for the tests of the store: one of everything, and long conversations.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::{Recording, Store};
use crate::model::event::{
    Action, AnswerHead, Begin, Chunks, Decided, End, Ended, Ending, Event, Finish, Frame, Git, Grade, Note, Output,
    Parent, Request, Seq, Started,
};
use crate::model::{
    Certainty, Detail, Edge, Kind, LaneId, Message, Micros, Node, NodeId, Part, Passage, Prompt, Reply, RunGraph,
    RunId, Source, State, Summary, Text, Tool, ToolState, Usage,
};

/// A folder that is deleted when the test is over.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("retake-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn store(&self) -> Store {
        Store::create(&self.path("store")).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

pub(super) fn started(run: &RunId, at: u64, parent: Option<&RunId>) -> Started {
    Started {
        run: Some(run.clone()),
        at: Micros(at),
        version: "0.1.0".to_owned(),
        command: vec!["python".to_owned(), "agent.py".to_owned()],
        directory: "/home/user/agent".to_owned(),
        git: Some(Git { commit: "0123abcd".to_owned(), dirty: true }),
        variables: vec!["HOME".to_owned(), "PATH".to_owned()],
        terminals: [true, false, true],
        places: vec![("home".to_owned(), "/home/user".to_owned())],
        upstreams: vec![("openai".to_owned(), "https://api.openai.com".to_owned())],
        parent: parent.map(|parent| Parent {
            run: parent.clone(),
            changes: vec!["--set 2.system=Be brief".to_owned()],
            highest: 7,
        }),
        origin: if parent.is_some() { "replay" } else { "record" }.to_owned(),
    }
}

/// One event of each type, and of each kind of ending, action and grade.
pub(super) fn one_of_each(run: &RunId) -> Vec<Event> {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let request = Request {
        seq: 1,
        at: Micros(1_000_001),
        provider: "openai".to_owned(),
        upstream: "https://api.openai.com".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        query: "a=b".to_owned(),
        headers: headers.clone(),
        body: Bytes::from_static(b"{\"model\":\"m\",\"text\":\"\xc3\xa9\\ud800\"}"),
        coding: "gzip".to_owned(),
    };
    let decided = |action, grade, node, sent: Option<&'static [u8]>| Decided {
        seq: 1,
        action,
        node,
        grade,
        sent: sent.map(Bytes::from_static),
        notes: vec!["held 2026-11-24".to_owned()],
        beside: vec![("call:0:get_price".to_owned(), NodeId(6))],
    };
    let end = |seq, how| Event::End(End { seq, at: Micros(1_000_900 + seq), how });
    vec![
        Event::Started(started(run, 1_000_000, Some(&id("lmnoklmn")))),
        Event::Request(request),
        Event::Decided(decided(Action::Serve, Grade::Exact, Some(NodeId(5)), None)),
        Event::Decided(decided(Action::ServeEdited, Grade::Held, None, None)),
        Event::Decided(decided(Action::Send, Grade::Names, None, None)),
        Event::Decided(decided(Action::SendChanged, Grade::Interchangeable, None, Some(b"{}"))),
        Event::Decided(decided(Action::Refuse, Grade::Place, None, None)),
        Event::Decided(decided(Action::Refuse, Grade::Miss, None, None)),
        Event::Answer(AnswerHead { seq: 1, at: Micros(1_000_500), status: 200, headers, coding: String::new() }),
        Event::Chunks(Chunks {
            seq: 1,
            pieces: vec![
                (Micros(1_000_600), Bytes::from_static(b"data: {}\n\n")),
                (Micros(1_000_700), Bytes::new()),
                (Micros(1_000_800), Bytes::from_static(b"\x00\xff")),
            ],
        }),
        end(1, Ending::Complete),
        Event::Frame(Frame {
            seq: 2,
            at: Micros(1_001_000),
            from_agent: true,
            opcode: 1,
            payload: Bytes::from_static(b"{\"type\":\"response.create\"}"),
        }),
        end(2, Ending::ClientLeft),
        end(3, Ending::Broken("reset".to_owned())),
        end(4, Ending::Unreachable("refused".to_owned())),
        Event::Begin(Begin {
            seq: 5,
            at: Micros(1_002_000),
            kind: "retrieval".to_owned(),
            name: "search".to_owned(),
            input: Bytes::from_static(b"{\"q\":1}"),
            parent: Some(4),
            call_id: Some("call_1".to_owned()),
            decided: Some(decided(Action::Serve, Grade::Exact, Some(NodeId(2)), None)),
        }),
        Event::Finish(Finish {
            seq: 5,
            at: Micros(1_003_000),
            output: Bytes::from_static(b"null"),
            documents: Bytes::from_static(b"[]"),
            error: Some("none found".to_owned()),
        }),
        Event::Output(Output { at: Micros(1_004_000), stream: 1, bytes: Bytes::from_static(b"done\n") }),
        Event::Note(Note { at: Micros(1_005_000), topic: "warning".to_owned(), text: "one line".to_owned() }),
        Event::Ended(Ended { at: Micros(1_006_000), code: -1 }),
    ]
}

/// A run of calls, each of which repeats the conversation so far and adds to it.
pub(super) fn conversation(run: &RunId, at: u64, calls: RangeInclusive<Seq>, words: usize) -> Vec<Event> {
    let mut events = vec![Event::Started(started(run, at, None))];
    let mut body = String::from("{\"model\":\"gpt-4o\",\"messages\":[");
    for seq in calls.clone() {
        body.extend(["{\"role\":\"user\",\"content\":\"", &prose(seq + at, words), "\"},"]);
        events.push(request(seq, Micros(at + seq * 10), body.clone().into()));
        let answer = prose(seq * 31 + at, words).into_bytes();
        events.push(Event::Chunks(Chunks { seq, pieces: vec![(Micros(at + seq * 10 + 5), answer.into())] }));
        events.push(Event::End(End { seq, at: Micros(at + seq * 10 + 6), how: Ending::Complete }));
    }
    events.push(Event::Ended(Ended { at: Micros(at + calls.end() * 10 + 10), code: 0 }));
    events
}

pub(super) fn request(seq: Seq, at: Micros, body: Bytes) -> Event {
    let text = |text: &str| text.to_owned();
    Event::Request(Request {
        seq,
        at,
        provider: text("openai"),
        upstream: text("https://api.openai.com"),
        method: text("POST"),
        path: text("/v1/chat/completions"),
        query: String::new(),
        headers: Vec::new(),
        body,
        coding: String::new(),
    })
}

/// Words that do not repeat.
fn prose(seed: u64, words: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    for _ in 0..words {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend([&format!("{:x}", state & 0xf_ffff), " "]);
    }
    text
}

/// What a reader makes of a recording, as far as these tests need it.
pub(super) fn read(recording: &Recording) -> (Summary, RunGraph) {
    let started = recording.events.iter().find_map(|event| match event {
        Event::Started(started) => Some(started.clone()),
        _ => None,
    });
    let ended = recording.events.iter().find_map(|event| match event {
        Event::Ended(ended) => Some(ended.clone()),
        _ => None,
    });
    let calls = recording.events.iter().filter(|event| matches!(event, Event::Request(_))).count();
    let summary = Summary {
        id: recording.id.clone(),
        state: recording.state,
        started: started.unwrap_or_default(),
        ended,
        nodes: calls,
        model_calls: calls,
        tokens: None,
        duration: None,
        grade: None,
        tags: Vec::new(),
        models: vec!["gpt-4o".to_owned()],
        tools: Vec::new(),
    };
    (summary, graph())
}

/// Summary and graph of finished events.
pub(super) fn finished(run: &RunId, events: &[Event]) -> (Summary, RunGraph) {
    let recording = Recording { id: run.clone(), events: events.to_vec(), state: State::Finished, damage: Vec::new() };
    read(&recording)
}

/// Records these events and seals them.
pub(super) fn record(store: &Store, run: &RunId, events: &[Event]) {
    let mut recorder = store.recorder(run).unwrap();
    for event in events {
        recorder.write(event).unwrap();
    }
    let (summary, graph) = finished(run, events);
    recorder.seal(&summary, &graph).unwrap();
}

/// One edge of each kind and one node of each.
pub(super) fn graph() -> RunGraph {
    let mut graph = RunGraph::default();
    let kinds = ["llm", "embedding", "retrieval", "rerank", "tool", "agent", "step", "guardrail", "evaluator"];
    let kinds = kinds.iter().chain(&["memory", "job", "http", "human", "its own word"]);
    let sources = [Source::Wire, Source::Announced, Source::Conversation, Source::Inferred];
    let states = [ToolState::ResultSeen, ToolState::NoResult, ToolState::MadeByHarness, ToolState::RunByProvider];
    for (number, (word, at)) in (1u32..).zip(kinds.zip(0usize..)) {
        let detail = match number % 4 {
            0 => Detail::Tool(Tool {
                call_id: format!("call_{number}"),
                state: states[at / 4],
                seen_in: Some(9),
                is_error: number == 4,
                ..Tool::default()
            }),
            1 => Detail::Call {
                dialect: "openai-chat".to_owned(),
                prompt: Box::new(Prompt { model: Some("gpt-4o".to_owned()), ..Prompt::default() }),
                reply: Box::new(Reply {
                    model: Some("gpt-4o-2024".to_owned()),
                    finish: Some("stop".to_owned()),
                    error: (number == 5).then(|| "overloaded".to_owned()),
                    usage: Usage { input: Some(300), output: Some(7), cached: Some(0), ..Usage::default() },
                    ..Reply::default()
                }),
            },
            2 => Detail::Block(crate::model::Block::default()),
            _ => Detail::Http { method: "GET".to_owned(), target: "host/path".to_owned(), status: Some(404) },
        };
        graph.add(Node {
            id: NodeId(number),
            kind: Kind::parse(word),
            name: (*word).to_owned(),
            source: sources[at % 4],
            lane: (number % 2 == 1).then_some(LaneId(number)),
            started: Micros(u64::from(number) * 100),
            ended: (number != 3).then_some(Micros(u64::from(number) * 100 + 50)),
            error: (number == 2).then(|| "it broke".to_owned()),
            seq: Some(u64::from(number)),
            attempts: if number == 1 { vec![7, 8] } else { Vec::new() },
            detail,
            decided: (number == 1).then(|| Decided {
                seq: 1,
                action: Action::Serve,
                node: Some(NodeId(1)),
                grade: Grade::Exact,
                sent: None,
                notes: Vec::new(),
                beside: Vec::new(),
            }),
            key: (number % 4 == 1).then_some([7; 32]),
            anchor: (number % 4 == 0).then(|| (9, "call:0:get_price".to_owned())),
        });
    }
    let passage = |certainty| Passage {
        from: "answer".to_owned(),
        from_range: 0..5,
        to: "messages[2].content".to_owned(),
        to_range: 300..305,
        certainty,
    };
    let passages = [Certainty::Exact, Certainty::Derived, Certainty::Guessed].map(passage).to_vec();
    let edges = [Edge::Calls, Edge::Then, Edge::Data(passages), Edge::ToolCall];
    let edges = edges.into_iter().chain([Edge::ToolResult, Edge::Handoff, Edge::Compacted, Edge::RetryOf]);
    for (from, edge) in (1u32..).zip(edges) {
        assert!(graph.connect(NodeId(from), NodeId(from + 1), edge));
    }
    graph
}

/// The sample graph with a system prompt in its first call.
pub(super) fn prompted(system: &str) -> RunGraph {
    let mut graph = graph();
    if let Some(Node { detail: Detail::Call { prompt, .. }, .. }) = graph.node_mut(NodeId(1)) {
        let text = Part::Text(Text { text: system.to_owned(), path: String::new() });
        prompt.messages.push(Message { role: "system".to_owned(), parts: vec![text], ..Message::default() }.into());
    }
    graph
}

/// Whether the first is the second with some left out.
pub(super) fn is_part_of(some: &[Event], all: &[Event]) -> bool {
    let mut all = all.iter();
    some.iter().all(|event| all.any(|other| other == event))
}

/// Flips one bit of a file.
pub(super) fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 4;
    fs::write(path, bytes).unwrap();
}
