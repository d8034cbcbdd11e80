//! What stepping costs: laying out a run of 5,000 nodes, a key and its frame, a search, two such runs beside each other.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use retake::model::event::{AnswerHead, Chunks, End, Ended, Ending, Event, Request, Started};
use retake::model::{Micros, Run, RunId, State};
use retake::record::{assemble, summarise};
use retake::tui::{Act, App, Command, Done, Key, Message, Opened, Trouble, perform, view};

/// Agents, and calls of each; between two calls of an agent stands a tool.
const AGENTS: u64 = 50;
const CALLS: u64 = 50;

fn main() {
    divan::main();
}

/// The events of agents that work side by side, each a conversation of calls that its tools' results go into.
fn events(seed: u64) -> Vec<Event> {
    let run = RunId::from_seed(seed);
    let mut events =
        vec![Event::Started(Started { run: Some(run), origin: "record".to_owned(), ..Started::default() })];
    let mut talks = vec![String::new(); usize::try_from(AGENTS).unwrap_or_default()];
    for turn in 0..CALLS {
        for (agent, talk) in (0_u64..).zip(&mut talks) {
            let seq = turn * AGENTS + agent + 1;
            let at = seq * 1_000;
            let body = format!(
                r#"{{"model":"m","messages":[{{"role":"system","content":"You are agent {agent}."}},{{"role":"user","content":"Look up island {agent}."}}{talk}]}}"#
            );
            let request = Request {
                seq,
                at: Micros(at),
                provider: "openai".to_owned(),
                upstream: "https://api.openai.com".to_owned(),
                method: "POST".to_owned(),
                path: "/v1/chat/completions".to_owned(),
                query: String::new(),
                headers: Vec::new(),
                body: Bytes::from(body),
                coding: String::new(),
            };
            let call = format!(
                r#"[{{"id":"call_{seq}","type":"function","function":{{"name":"look_up","arguments":"{{\"island\":{agent},\"page\":{turn}}}"}}}}]"#
            );
            let answer = format!(
                r#"{{"id":"a{seq}","model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":{call}}},"finish_reason":"tool_calls"}}],"usage":{{"prompt_tokens":9,"completion_tokens":3}}}}"#
            );
            let _ = write!(
                talk,
                r#",{{"role":"assistant","content":null,"tool_calls":{call}}},{{"role":"tool","tool_call_id":"call_{seq}","content":"Page {turn} of island {agent}: thrift, sea campion and {seq} puffins live here."}}"#
            );
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            events.extend([
                Event::Request(request),
                Event::Answer(AnswerHead { seq, at: Micros(at + 300), status: 200, headers, coding: String::new() }),
                Event::Chunks(Chunks { seq, pieces: vec![(Micros(at + 400), Bytes::from(answer))] }),
                Event::End(End { seq, at: Micros(at + 500), how: Ending::Complete }),
            ]);
        }
    }
    events.push(Event::Ended(Ended { at: Micros(9_000_000), code: 0 }));
    events
}

fn run(seed: u64) -> Run {
    let run = assemble(&RunId::from_seed(seed), &events(seed));
    assert!(run.graph.len() >= 4_900, "{}", run.graph.len());
    run
}

fn opened(run: Run) -> Opened {
    let summary = summarise(&run, State::Finished);
    Opened::new(run, summary, Vec::new(), Vec::new())
}

/// A screen of 120 columns and 36 rows on a run.
struct Screen {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Screen {
    fn new() -> Self {
        let mut app = App::new(Arc::new(opened(run(1))));
        app.update(Message::Resized(120, 36));
        Self { app, terminal: Terminal::new(TestBackend::new(120, 36)).expect("memory can be drawn into") }
    }

    fn take(&mut self, message: Message) {
        let effect = self.app.update(message);
        if let Some(told) = perform(&self.app, &effect, &mut Other) {
            self.app.update(told);
        }
        self.terminal.draw(|frame| view::draw(frame, &self.app)).expect("memory can be drawn into");
    }
}

/// Opens another such run.
struct Other;

impl Act for Other {
    fn open(&mut self, _: &str) -> Result<Opened, Trouble> {
        Ok(opened(run(2)))
    }

    fn plan(
        &mut self,
        _: &Run,
        _: &[retake::replay::Wanted],
        _: retake::replay::Scope,
    ) -> Result<Vec<String>, Trouble> {
        Ok(Vec::new())
    }

    fn replay(&mut self, _: &Run, _: &[retake::replay::Wanted], _: retake::replay::Scope) -> Result<Done, Trouble> {
        Err(Trouble::new("nothing is replayed here"))
    }

    fn edit(
        &mut self,
        _: &Run,
        _: retake::model::NodeId,
        _: Option<&str>,
    ) -> Result<Vec<retake::replay::Wanted>, Trouble> {
        Err(Trouble::new("nothing is edited here"))
    }
}

#[divan::bench(sample_count = 3)]
fn assembling(bencher: Bencher<'_, '_>) {
    let events = events(1);
    bencher.bench_local(|| assemble(&RunId::from_seed(1), &events));
}

#[divan::bench(sample_count = 5)]
fn laying_out(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| run(1)).bench_local_values(opened);
}

#[divan::bench(sample_count = 100)]
fn a_step_and_its_frame(bencher: Bencher<'_, '_>) {
    let mut screen = Screen::new();
    bencher.bench_local(|| screen.take(Message::Key(Key::Char('j'))));
}

#[divan::bench(sample_count = 20)]
fn to_the_other_end_and_its_frame(bencher: Bencher<'_, '_>) {
    let mut screen = Screen::new();
    let mut keys = [Key::Char('G'), Key::Char('g')].into_iter().cycle();
    bencher.bench_local(|| screen.take(Message::Key(keys.next().expect("it goes round"))));
}

#[divan::bench(sample_count = 5)]
fn a_search_and_its_frame(bencher: Bencher<'_, '_>) {
    let mut screen = Screen::new();
    bencher.bench_local(|| screen.take(Message::Run(Command::Search("2500 puffins".to_owned()))));
}

#[divan::bench(sample_count = 10)]
fn a_resize_and_its_frame(bencher: Bencher<'_, '_>) {
    let mut screen = Screen::new();
    let mut sizes = [(120, 36), (100, 30)].into_iter().cycle();
    bencher.bench_local(|| {
        let (columns, rows) = sizes.next().expect("it goes round");
        screen.take(Message::Resized(columns, rows));
    });
}
