//! The order in which concurrent clients see their answers end, through the tape and the listener.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::super::grade;
use super::super::matcher::Matcher;
use super::super::plan::{Options, Plan};
use super::super::tape::{Listener as Ears, Tape};
use super::super::tests::{Tape as Written, text};
use crate::model::Micros;
use crate::model::event::{Event, Started};
use crate::proxy::{Answer, Boxed, Listener, Setup, Upstream, Watch};
use crate::redact::Redactor;

struct Nobody;

impl Watch for Nobody {
    fn saw(&self, _: Event) {}

    fn settled(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

impl Ears for Nobody {
    fn say(&self, _: &str) {}

    fn end_agent(&self, reason: &str) {
        panic!("nothing is refused here: {reason}");
    }
}

/// A replay behind a real listener.
struct Stage {
    tape: Arc<Tape>,
    listener: Listener,
}

fn stage(written: &Written) -> Stage {
    let plan = Plan::new(written.run(), Options::default()).expect("a plan without changes can be made");
    let redactor = Arc::new(Redactor::new(&[], &crate::redact::Rules::default()));
    let matcher = Matcher::new(plan, &Started::default());
    let tape = Arc::new(Tape::new(matcher, Arc::new(Nobody), redactor, Arc::new(Nobody), false, Vec::new()));
    let upstream = Upstream::parse("openai", "http://127.0.0.1:9/v1").expect("it is a URL");
    let listener = Listener::start(Setup {
        upstreams: vec![upstream],
        formerly: Vec::new(),
        keys: Vec::new(),
        authorities: Vec::new(),
        token: "token".into(),
        first: 100,
        answer: Arc::clone(&tape) as Arc<dyn Answer>,
        watch: Arc::new(Nobody),
        ends_stream: Arc::new(|_, _, _| false),
        clock: Arc::new(|| Micros(1)),
    })
    .expect("there is a free port");
    Stage { tape, listener }
}

impl Stage {
    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listener.address()).expect("it listens")
    }

    fn line(&self) -> String {
        self.tape.finish(|matcher, tally| grade::line(matcher, tally, None, 0, false))
    }
}

fn body(branch: usize) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"branch {branch}"}}]}}"#)
}

fn send(stream: &mut TcpStream, branch: usize) {
    let body = body(branch);
    let head = format!(
        "POST /token/openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).expect("it listens");
}

fn receive(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in text");
    answer
}

/// A recording in which all branches were asked at once and ended in this order.
fn ended_in(order: &[usize]) -> Written {
    let mut written = Written::new();
    for branch in 0..order.len() {
        written.ask(branch as u64 + 1, &body(branch));
    }
    for branch in order {
        written.answer(*branch as u64 + 1, 200, &text(&format!("answer of branch {branch}")));
    }
    written
}

#[test]
fn answers_end_as_they_were_recorded() {
    let order = [3, 0, 4, 1, 5, 2];
    let stage = stage(&ended_in(&order));
    let (said, hears) = mpsc::channel();
    let clients: Vec<_> = (0..order.len())
        .map(|branch| {
            let (mut stream, said) = (stage.connect(), said.clone());
            std::thread::spawn(move || {
                send(&mut stream, branch);
                let answer = receive(&mut stream);
                assert!(answer.contains(&format!("answer of branch {branch}")), "{answer}");
                said.send(branch).expect("somebody listens");
            })
        })
        .collect();
    for client in clients {
        client.join().expect("it got its answer");
    }
    drop(said);
    let line = stage.line();
    assert!(line.contains("6 exact") && line.contains("order kept"), "{line}");
    // Threads of the test may be woken in any order: what counts is the order of the listener.
    assert_eq!(hears.iter().count(), order.len());
}

#[test]
fn a_client_reads_the_end_of_an_earlier_answer_before_a_later_one_begins() {
    let stage = stage(&ended_in(&[1, 0]));
    let (mut first, mut second) = (stage.connect(), stage.connect());
    send(&mut first, 0);
    let got = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&got);
    let waits = std::thread::spawn(move || {
        let answer = receive(&mut first);
        log.lock().expect("nobody panicked").push(answer);
    });
    send(&mut second, 1);
    let early = receive(&mut second);
    assert!(early.contains("answer of branch 1"));
    waits.join().expect("it got its answer");
    assert!(got.lock().expect("nobody panicked")[0].contains("answer of branch 0"));
    assert!(stage.line().contains("order kept"), "{}", stage.line());
}

#[test]
fn an_agent_that_asks_one_by_one_does_not_hang_and_it_is_said() {
    let stage = stage(&ended_in(&[3, 2, 1, 0]));
    for branch in 0..4 {
        let mut stream = stage.connect();
        send(&mut stream, branch);
        assert!(receive(&mut stream).contains(&format!("answer of branch {branch}")));
    }
    let line = stage.line();
    assert!(line.contains("4 exact") && line.contains("order of 3 answers not kept"), "{line}");
}

#[test]
fn a_client_that_left_is_not_waited_for() {
    let stage = stage(&ended_in(&[0, 1]));
    let mut gone = stage.connect();
    send(&mut gone, 0);
    drop(gone);
    let mut stream = stage.connect();
    send(&mut stream, 1);
    assert!(receive(&mut stream).contains("answer of branch 1"));
    // It comes back.
    let mut stream = stage.connect();
    send(&mut stream, 0);
    let again = receive(&mut stream);
    assert!(again.contains("answer of branch 0") || again.contains("once more"), "{again}");
}
