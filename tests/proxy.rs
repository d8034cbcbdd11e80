//! The listener between an agent and its provider.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use retake::model::Micros;
use retake::model::event::{Begin, Ending, Event, Seq};
use retake::proxy::{Answer, Boxed, Call, Given, Listener, Served, Setup, Upstream, Verdict, Watch};

use crate::support::fake_model::{Asked, FakeModel, Framing, Gate, Reply, Step};

type Decide = Box<dyn Fn(&Call) -> Verdict + Send + Sync>;
type Ended = (Seq, u16, Bytes, Ending);

/// Decides by a closure and remembers what ended how.
struct Decider {
    decide: Decide,
    given: Option<Given>,
    ended: Mutex<Vec<Ended>>,
}

impl Answer for Decider {
    fn answer<'a>(&'a self, call: &'a Call) -> Boxed<'a, Verdict> {
        Box::pin(async move { (self.decide)(call) })
    }

    fn begin<'a>(&'a self, _: &'a Begin) -> Boxed<'a, Option<Given>> {
        Box::pin(async move { self.given.clone() })
    }

    fn ended(&self, seq: Seq, status: u16, body: &Bytes, ending: &Ending) {
        self.ended.lock().unwrap().push((seq, status, body.clone(), ending.clone()));
    }
}

/// Keeps events; says that they are settled when its gate is open.
#[derive(Default)]
struct Log {
    events: Mutex<Vec<Event>>,
    changed: Condvar,
    hold: Option<(Gate, Gate)>,
}

impl Watch for Log {
    fn saw(&self, event: Event) {
        self.events.lock().unwrap().push(event);
        self.changed.notify_all();
    }

    fn settled(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Some((asked, may)) = self.hold.clone() {
                asked.open();
                tokio::task::spawn_blocking(move || may.wait()).await.unwrap();
            }
        })
    }
}

impl Log {
    /// Waits for an event that this finds something in.
    fn wait_for<T>(&self, find: impl Fn(&Event) -> Option<T>) -> T {
        let mut events = self.events.lock().unwrap();
        loop {
            if let Some(found) = events.iter().find_map(&find) {
                return found;
            }
            events = self.changed.wait(events).unwrap();
        }
    }

    fn ending(&self) -> Ending {
        self.wait_for(|event| if let Event::End(end) = event { Some(end.how.clone()) } else { None })
    }

    /// Events without times, one a line.
    fn lines(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(line).collect()
    }
}

fn line(event: &Event) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    match event {
        Event::Request(request) => {
            let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
            let coding = if request.coding.is_empty() { String::new() } else { format!(" ({})", request.coding) };
            let (method, path, body) = (&request.method, &request.path, text(&request.body));
            format!("{} {} {method} {path}{query}{coding} {body}", request.seq, request.provider)
        }
        Event::Answer(head) => format!("{} answer {} ({})", head.seq, head.status, head.coding),
        Event::Chunks(chunks) => {
            let pieces: Vec<_> = chunks.pieces.iter().map(|(_, piece)| text(piece)).collect();
            format!("{} chunks {pieces:?}", chunks.seq)
        }
        Event::End(end) => format!("{} end {:?}", end.seq, end.how),
        Event::Frame(frame) => {
            let from = if frame.from_agent { "agent" } else { "upstream" };
            format!("{} frame {from} {} {}", frame.seq, frame.opcode, text(&frame.payload))
        }
        Event::Begin(begin) => {
            let (kind, name, input) = (&begin.kind, &begin.name, text(&begin.input));
            format!("{} begin {kind} {name} {input} {:?} {:?}", begin.seq, begin.parent, begin.call_id)
        }
        Event::Finish(finish) => {
            let (output, documents) = (text(&finish.output), text(&finish.documents));
            format!("{} finish {output} {documents} {:?}", finish.seq, finish.error)
        }
        Event::Note(note) => format!("note {}", note.text),
        other => format!("{other:?}"),
    }
}

struct Bench {
    listener: Listener,
    log: Arc<Log>,
    decider: Arc<Decider>,
}

fn forward() -> Decide {
    Box::new(|_| Verdict::Forward { body: None, path: None })
}

fn bench(upstream: &str, decide: Decide) -> Bench {
    bench_with(upstream, Decider { decide, given: None, ended: Mutex::default() }, Log::default())
}

fn bench_with(upstream: &str, decider: Decider, log: Log) -> Bench {
    let (decider, log) = (Arc::new(decider), Arc::new(log));
    let listener = Listener::start(Setup {
        upstreams: vec![Upstream::parse("openai", upstream).unwrap()],
        formerly: Vec::new(),
        keys: Vec::new(),
        authorities: Vec::new(),
        token: "tok".to_owned(),
        first: 1,
        answer: Arc::clone(&decider) as Arc<dyn Answer>,
        watch: Arc::clone(&log) as Arc<dyn Watch>,
        ends_stream: Arc::new(|_, _, piece| memchr::memmem::find(piece, b"[DONE]").is_some()),
        clock: Arc::new(|| Micros(7)),
    });
    Bench { listener: listener.unwrap(), log, decider }
}

/// A client that reads answers as they come.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    fn new(bench: &Bench) -> Self {
        let stream = TcpStream::connect(bench.listener.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, read: Vec::new() }
    }

    fn ask(bench: &Bench, head: &str, body: &str) -> Self {
        let mut client = Self::new(bench);
        client.send(head, body);
        client
    }

    /// Sends `METHOD PATH` and further header lines behind the token, with a body if there is one.
    fn send(&mut self, head: &str, body: &str) {
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let more: String = lines.flat_map(|line| [line.trim(), "\r\n"]).collect();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.raw(&format!("{method} /tok{path} HTTP/1.1\r\nHost: localhost\r\n{more}{length}\r\n{body}"));
    }

    fn raw(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let length = self.stream.read(&mut buffer).unwrap_or_default();
        self.read.extend_from_slice(&buffer[..length]);
        length > 0
    }

    fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = memchr::memmem::find(&self.read, end.as_bytes()) {
                let rest = self.read.split_off(at + end.len());
                return String::from_utf8(std::mem::replace(&mut self.read, rest)).unwrap();
            }
            assert!(self.more(), "the connection ended before {end:?}: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    fn head(&mut self) -> String {
        self.until("\r\n\r\n").replace("\r\n", "\n").trim_end().to_owned()
    }

    fn chunk(&mut self) -> String {
        let size = usize::from_str_radix(self.until("\r\n").trim(), 16).unwrap();
        let mut text = self.bytes(size + 2);
        text.truncate(size);
        String::from_utf8(text).unwrap()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more(), "the connection ended");
        }
        let rest = self.read.split_off(length);
        std::mem::replace(&mut self.read, rest)
    }

    /// The head and what the content-length says.
    fn answer(&mut self) -> (String, String) {
        let head = self.head();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
        (head, String::from_utf8(self.bytes(length)).unwrap())
    }

    /// Everything until the connection is closed.
    fn rest(mut self) -> String {
        while self.more() {}
        String::from_utf8(self.read).unwrap()
    }
}

#[test]
fn a_call_passes_unchanged_and_is_told() {
    let model = FakeModel::start(|_| Reply::json(r#"{"a":1}"#).header("X-Request-Id", "r1"));
    let bench = bench(&format!("{}/v1", model.url()), forward());
    let mut client = Client::ask(
        &bench,
        "POST /openai/v1/chat/completions?x=1
         Accept: */*
         Authorization: Bearer k
         Connection: keep-alive
         Accept-Encoding: gzip",
        r#"{"q":"é"}"#,
    );
    let (head, body) = client.answer();
    insta::assert_snapshot!(head, @"
    HTTP/1.1 200 OK
    Content-Type: application/json
    X-Request-Id: r1
    Content-Length: 7
    ");
    assert_eq!(body, r#"{"a":1}"#);
    let asked = &model.asked()[0];
    let headers: Vec<String> = asked.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(asked.target, "/v1/chat/completions?x=1");
    insta::assert_snapshot!(headers.join("\n").replace(&model.url()[7..], "UPSTREAM"), @"
    Host: UPSTREAM
    Accept: */*
    Authorization: Bearer k
    Accept-Encoding: gzip
    Content-Length: 10
    ");
    insta::assert_snapshot!(bench.log.lines().join("\n"), @r#"
    1 openai POST /v1/chat/completions?x=1 {"q":"é"}
    1 answer 200 ()
    1 chunks ["{\"a\":1}"]
    1 end Complete
    "#);
    bench.listener.stop();
    assert_eq!(*bench.decider.ended.lock().unwrap(), [(1, 200, Bytes::from_static(b"{\"a\":1}"), Ending::Complete)]);
}

#[test]
fn a_stream_passes_piece_by_piece() {
    let gate = Gate::default();
    let held = gate.clone();
    let model = FakeModel::start(move |_| {
        Reply::stream([]).steps(vec![
            Step::Piece(b"data: one\n\n".to_vec()),
            Step::Wait(held.clone()),
            Step::Piece(b"data: two\n\ndata: thr".to_vec()),
            Step::Piece(b"ee\n\n".to_vec()),
            Step::Piece(b"data: [DONE]\n\n".to_vec()),
        ])
    });
    let bench = bench(&model.url(), forward());
    let mut client = Client::ask(&bench, "POST /openai/v1/responses", "{}");
    assert!(client.head().contains("Transfer-Encoding: chunked"));
    assert_eq!(client.chunk(), "data: one\n\n");
    gate.open();
    assert_eq!(client.chunk(), "data: two\n\ndata: thr");
    assert_eq!(client.chunk(), "ee\n\n");
    assert_eq!(client.chunk(), "data: [DONE]\n\n");
    assert_eq!(client.chunk(), "");
    insta::assert_snapshot!(bench.log.lines().join("\n"), @r#"
    1 openai POST /v1/responses {}
    1 answer 200 (chunked)
    1 chunks ["data: one\n\n", "data: two\n\ndata: thr", "ee\n\n", "data: [DONE]\n\n"]
    1 end Complete
    "#);
}

#[test]
fn the_end_of_an_answer_waits_for_its_record() {
    for framing in [Framing::Length, Framing::Chunks, Framing::Close] {
        let model = FakeModel::start(move |_| Reply::stream(["data: one", "data: [DONE]"]).framing(framing));
        let (asked, may) = (Gate::default(), Gate::default());
        let log = Log { hold: Some((asked.clone(), may.clone())), ..Log::default() };
        let bench = bench_with(&model.url(), Decider { decide: forward(), given: None, ended: Mutex::default() }, log);
        let mut client = Client::ask(&bench, "POST /openai/v1/responses", "{}");
        client.head();
        asked.wait();
        assert!(bench.log.lines().last().is_some_and(|line| line.contains("[DONE]") || line.contains("end Complete")));
        client.stream.set_nonblocking(true).unwrap();
        let mut got = Vec::new();
        drop(client.stream.read_to_end(&mut got));
        client.read.extend(got);
        assert!(memchr::memmem::find(&client.read, b"[DONE]").is_none(), "{framing:?}");
        client.stream.set_nonblocking(false).unwrap();
        may.open();
        client.until("[DONE]\n\n");
        assert_eq!(bench.log.ending(), Ending::Complete);
    }
}

#[test]
fn coded_bodies_pass_as_they_are_and_are_recorded_decoded() {
    let coded = zstd::encode_all(&br#"{"answer":"long"}"#[..], 3).unwrap();
    let sent = coded.clone();
    let model = FakeModel::start(move |_| {
        Reply::json("").header("Content-Encoding", "zstd").steps(vec![Step::Piece(sent.clone())])
    });
    let bench = bench(&model.url(), forward());
    let mut client = Client::new(&bench);
    let request = zstd::encode_all(&b"{\"q\":1}"[..], 3).unwrap();
    client.raw(&format!(
        "POST /tok/openai/v1/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: zstd\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        request.len()
    ));
    client.stream.write_all(&[&request[..], b"\r\n0\r\n\r\n"].concat()).unwrap();
    assert!(client.head().contains("Content-Encoding: zstd"));
    assert_eq!(client.bytes(coded.len()), coded);
    assert_eq!(model.asked()[0].body, request);
    assert_eq!(model.asked()[0].header("transfer-encoding"), Some("chunked"));
    insta::assert_snapshot!(bench.log.lines().join("\n"), @r#"
    1 openai POST /v1/x (zstd, chunked) {"q":1}
    1 answer 200 (zstd)
    1 chunks ["{\"answer\":\"long\"}"]
    1 end Complete
    "#);
}

#[test]
fn an_upstream_that_is_not_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bench = bench(&format!("http://{free}/v1"), forward());
    let (head, body) = Client::ask(&bench, "POST /openai/v1/responses", "{}").answer();
    assert!(head.starts_with("HTTP/1.1 502 "));
    insta::assert_snapshot!(body.replace(&free.to_string(), "HOST"), @r#"{"error":{"message":"retake: cannot reach `HOST`: connection refused","type":"upstream_unreachable"}}"#);
    assert_eq!(bench.log.ending(), Ending::Unreachable("connection refused".to_owned()));
}

#[test]
fn an_upstream_that_breaks_off_breaks_off_for_the_agent() {
    for framing in [Framing::Length, Framing::Chunks] {
        let model = FakeModel::start(move |_| {
            let steps = vec![Step::Piece(b"half".to_vec()), Step::Break];
            let reply = Reply::json("").framing(framing).steps(steps);
            if framing == Framing::Length { reply.header("Content-Length", "8") } else { reply }
        });
        let bench = bench(&model.url(), forward());
        let rest = Client::ask(&bench, "POST /openai/v1/responses", "{}").rest();
        assert!(rest.ends_with(if framing == Framing::Length { "half" } else { "4\r\nhalf\r\n" }), "{rest}");
        assert!(matches!(bench.log.ending(), Ending::Broken(_)));
        assert!(bench.log.lines()[2].contains("half"));
    }
}

#[test]
fn an_upstream_that_says_nothing() {
    let model = FakeModel::start(|_| Reply::json("").framing(Framing::Close).status(99));
    let bench = bench(&model.url(), forward());
    let (head, _) = Client::ask(&bench, "POST /openai/v1/responses", "{}").answer();
    assert!(head.starts_with("HTTP/1.1 502 "));
    assert!(matches!(bench.log.ending(), Ending::Broken(_)));
}

#[test]
fn an_agent_that_leaves_is_told_and_the_upstream_dropped() {
    let gate = Gate::default();
    let held = gate.clone();
    let model = FakeModel::start(move |asked| {
        let reply = Reply::stream([]);
        if asked.target.ends_with("early") {
            held.wait();
            return reply;
        }
        reply.steps(vec![Step::Piece(b"data: one\n\n".to_vec()), Step::Wait(held.clone())])
    });
    for path in ["/openai/v1/early", "/openai/v1/late"] {
        let bench = bench(&model.url(), forward());
        let mut client = Client::ask(&bench, &format!("POST {path}"), "{}");
        if path.ends_with("late") {
            client.head();
            client.chunk();
        } else {
            bench.log.wait_for(|event| matches!(event, Event::Request(_)).then_some(()));
        }
        drop(client);
        assert_eq!(bench.log.ending(), Ending::ClientLeft);
        while bench.listener.open() > 0 {
            std::thread::yield_now();
        }
    }
    gate.open();
}

#[test]
fn an_agent_that_leaves_after_the_end_mark_got_everything() {
    let gate = Gate::default();
    let held = gate.clone();
    let model = FakeModel::start(move |_| {
        let steps =
            vec![Step::Piece(b"data: [DO".to_vec()), Step::Piece(b"NE]\n\n".to_vec()), Step::Wait(held.clone())];
        Reply::stream([]).steps(steps)
    });
    let bench = bench(&model.url(), forward());
    let mut client = Client::ask(&bench, "POST /openai/v1/responses", "{}");
    client.until("NE]\n\n");
    drop(client);
    assert_eq!(bench.log.ending(), Ending::Complete);
    gate.open();
}

#[test]
fn equal_calls_at_once_are_numbered_in_the_order_of_their_heads() {
    let model = FakeModel::start(|_| Reply::json("{}"));
    let bench = bench(&model.url(), forward());
    let mut clients: Vec<Client> = (0..60).map(|_| Client::new(&bench)).collect();
    for (place, client) in clients.iter_mut().enumerate() {
        client.send("POST /openai/v1/responses", &format!("{{\"n\":{place}}}"));
    }
    for client in &mut clients {
        client.answer();
    }
    let events = bench.log.events.lock().unwrap();
    let arrived =
        events.iter().filter_map(|event| if let Event::Request(request) = event { Some(request) } else { None });
    let mut arrived: Vec<(Seq, String)> =
        arrived.map(|request| (request.seq, String::from_utf8_lossy(&request.body).into_owned())).collect();
    arrived.sort();
    let expected: Vec<(Seq, String)> = (0..60).map(|place| (place + 1, format!("{{\"n\":{place}}}"))).collect();
    assert_eq!(arrived, expected);
}

#[test]
fn a_hundred_streams_at_once() {
    let gate = Gate::default();
    let held = gate.clone();
    let model = FakeModel::start(move |_| {
        let steps = vec![Step::Piece(b"a".to_vec()), Step::Wait(held.clone()), Step::Piece(b"b".to_vec())];
        Reply::stream([]).steps(steps)
    });
    let bench = bench(&model.url(), forward());
    let mut clients: Vec<Client> = (0..100).map(|_| Client::ask(&bench, "POST /openai/v1/x", "{}")).collect();
    for client in &mut clients {
        client.head();
        assert_eq!(client.chunk(), "a");
    }
    assert_eq!(bench.listener.open(), 100);
    gate.open();
    for client in &mut clients {
        assert_eq!((client.chunk(), client.chunk()), ("b".to_owned(), String::new()));
    }
}

#[test]
fn paths_of_upstreams_with_and_without_their_version() {
    let model = FakeModel::start(|asked| match asked.number {
        0 => Reply::tool_call("call_1", "search", "{\"q\":1}"),
        _ => Reply::chat("done"),
    });
    let bench = bench(&format!("{}/x/openai/v1", model.url()), forward());
    let base = bench.listener.url("openai");
    assert_eq!(base, format!("http://{}/tok/openai/x/openai/v1", bench.listener.address()));
    assert!(bench.listener.root_url("openai").ends_with("/tok/openai/x/openai"));
    for path in ["/openai/x/openai/v1/chat/completions", "/openai/v1/chat/completions", "/openai/chat/completions"] {
        let (_, body) = Client::ask(&bench, &format!("POST {path}"), "{}").answer();
        assert!(body.contains("choices"));
    }
    let targets: Vec<String> = model.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(targets, ["/x/openai/v1/chat/completions"; 3]);
    // A recording names the call by the same path, whichever gateway it went through.
    assert!(bench.log.lines().iter().any(|line| line == "3 openai POST /v1/chat/completions {}"));
}

#[test]
fn a_key_goes_to_the_host_that_its_variable_names() {
    let (openai, mistral) = (FakeModel::start(|_| Reply::json("{}")), FakeModel::start(|_| Reply::json("{}")));
    let (decider, log) =
        (Decider { decide: forward(), given: None, ended: Mutex::default() }, Arc::new(Log::default()));
    let upstream = |name: &str, model: &FakeModel| Upstream::parse(name, &format!("{}/v1", model.url())).unwrap();
    let listener = Listener::start(Setup {
        upstreams: vec![upstream("openai", &openai), upstream("mistral", &mistral)],
        formerly: Vec::new(),
        keys: vec![retake::proxy::Key { provider: "mistral".to_owned(), secret: "mistral-key".to_owned() }],
        authorities: Vec::new(),
        token: "tok".to_owned(),
        first: 1,
        answer: Arc::new(decider),
        watch: Arc::clone(&log) as Arc<dyn Watch>,
        ends_stream: Arc::new(|_, _, _| false),
        clock: Arc::new(|| Micros(7)),
    });
    let bench = Bench {
        listener: listener.unwrap(),
        log,
        decider: Arc::new(Decider { decide: forward(), given: None, ended: Mutex::default() }),
    };
    Client::ask(&bench, "POST /openai/v1/chat/completions\nAuthorization: Bearer mistral-key", "{}").answer();
    Client::ask(&bench, "POST /openai/v1/chat/completions\nAuthorization: Bearer other-key", "{}").answer();
    assert_eq!((openai.asked().len(), mistral.asked().len()), (1, 1));
    assert_eq!(mistral.asked()[0].target, "/v1/chat/completions");
    assert!(bench.log.lines()[0].starts_with("note a call to `openai` carried the key of `mistral`"));
}

#[test]
fn an_edited_request() {
    let model = FakeModel::start(|_| Reply::json("{}"));
    let edited = Bytes::from_static(b"{\"edited\":true}");
    let bench = bench(&model.url(), Box::new(move |_| Verdict::Forward { body: Some(edited.clone()), path: None }));
    Client::ask(&bench, "POST /openai/v1/x", "{\"original\":1}").answer();
    let asked: Asked = model.asked().remove(0);
    assert_eq!((asked.text().as_str(), asked.header("content-length")), (r#"{"edited":true}"#, Some("15")));
}

fn serve(headers: &[(&str, &str)], pieces: &[&str], ending: Ending) -> Decide {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let pieces =
        pieces.iter().map(|piece| (Duration::from_millis(1), Bytes::copy_from_slice(piece.as_bytes()))).collect();
    let served = Served { status: 200, headers, pieces, ending };
    Box::new(move |_| Verdict::Serve(served.clone()))
}

#[test]
fn a_served_stream() {
    let headers =
        [("content-type", "text/event-stream"), ("content-encoding", "gzip"), ("transfer-encoding", "chunked")];
    let bench = bench("http://127.0.0.1:1", serve(&headers, &["data: one\n\n", "data: [DONE]\n\n"], Ending::Complete));
    let mut client = Client::ask(&bench, "POST /openai/v1/x", "{}");
    insta::assert_snapshot!(client.head(), @"
    HTTP/1.1 200 OK
    Content-Type: text/event-stream
    Transfer-Encoding: chunked
    ");
    assert_eq!([client.chunk(), client.chunk(), client.chunk()], ["data: one\n\n", "data: [DONE]\n\n", ""]);
    insta::assert_snapshot!(bench.log.lines().join("\n"), @r#"
    1 openai POST /v1/x {}
    1 answer 200 (chunked)
    1 chunks ["data: one\n\n", "data: [DONE]\n\n"]
    1 end Complete
    "#);
    drop(client);
    bench.listener.stop();
    assert_eq!(bench.decider.ended.lock().unwrap()[0].3, Ending::Complete);
}

#[test]
fn served_answers_have_the_framing_of_the_recorded_ones() {
    let json = [("content-type", "application/json"), ("content-length", "999")];
    let bench = bench("http://127.0.0.1:1", serve(&json, &["{\"a\"", ":1}"], Ending::Complete));
    let (head, body) = Client::ask(&bench, "POST /openai/v1/x", "{}").answer();
    assert!(head.contains("Content-Length: 7"));
    assert_eq!(body, r#"{"a":1}"#);
    let mut client = Client::ask(&bench, "HEAD /openai/v1/x", "");
    assert!(client.head().contains("Content-Length: 999"));
    client.send("POST /openai/v1/x", "{}");
    assert_eq!(client.answer().1, r#"{"a":1}"#);
}

#[test]
fn a_served_answer_that_breaks_off() {
    let stream = [("content-type", "text/event-stream")];
    let bench = bench("http://127.0.0.1:1", serve(&stream, &["data: one\n\n"], Ending::Broken("reset".to_owned())));
    let rest = Client::ask(&bench, "POST /openai/v1/x", "{}").rest();
    assert!(rest.ends_with("B\r\ndata: one\n\n\r\n"), "{rest}");
    assert_eq!(bench.log.ending(), Ending::Broken("reset".to_owned()));
}

#[test]
fn a_served_answer_whose_agent_leaves() {
    let pieces = vec![(Duration::ZERO, Bytes::from_static(b"a")), (Duration::from_hours(1), Bytes::from_static(b"b"))];
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    let served = Served { status: 200, headers, pieces, ending: Ending::Complete };
    let bench = bench("http://127.0.0.1:1", Box::new(move |_| Verdict::Serve(served.clone())));
    let mut client = Client::ask(&bench, "POST /openai/v1/x", "{}");
    client.head();
    client.chunk();
    drop(client);
    assert_eq!(bench.log.ending(), Ending::ClientLeft);
    bench.listener.stop();
    assert_eq!(bench.decider.ended.lock().unwrap()[0].3, Ending::ClientLeft);
}

#[test]
fn what_is_not_for_the_listener_is_refused_with_a_reason() {
    let bench = bench("http://127.0.0.1:1", forward());
    let mut answers = Vec::new();
    for request in [
        "GET /wrong/openai/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /tok/nobody/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /tok/openai/v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n",
        "GET http://api.openai.com/v1/models HTTP/1.1\r\nHost: api.openai.com\r\n\r\n",
        "GET /tok/retake/nodes HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut client = Client::new(&bench);
        client.raw(request);
        let (head, body) = client.answer();
        answers.push(format!("{} {body}", &head[9..12]).replace(&bench.listener.address().to_string(), "ADDRESS"));
    }
    insta::assert_snapshot!(answers.join("\n"), @r#"
    404 {"error":{"message":"retake: there is nothing at this address; the URL of a recording is in the recorded command's environment, and good while it runs","type":"unknown_address"}}
    404 {"error":{"message":"retake: there is no provider `nobody` here, only openai; name it with `--upstream nobody=URL`","type":"unknown_provider"}}
    403 {"error":{"message":"retake: `evil.example` is not a name of this machine; use http://ADDRESS","type":"wrong_host"}}
    501 {"error":{"message":"retake: this port is no proxy for HTTPS; give the client a base URL instead","type":"not_a_proxy"}}
    403 {"error":{"message":"retake: `api.openai.com` is not a name of this machine; use http://ADDRESS","type":"wrong_host"}}
    405 {"error":{"message":"retake: nodes are announced with POST","type":"wrong_method"}}
    "#);
    assert!(bench.log.lines().is_empty());
}

#[test]
fn nonsense_does_not_hurt_others() {
    let model = FakeModel::start(|_| Reply::json("{}"));
    let bench = bench(&model.url(), forward());
    let mut slow = Client::new(&bench);
    slow.raw("POST /tok/openai/v1/x HTT");
    for nonsense in ["\0\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"] {
        let mut client = Client::new(&bench);
        client.raw(nonsense);
        drop(client.rest());
    }
    let huge = format!("GET /tok/openai/v1/x HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(4 << 20));
    drop(Client::new(&bench).stream.write_all(huge.as_bytes()));
    let many = "X: 1\r\n".repeat(5000);
    let mut client = Client::new(&bench);
    client.raw(&format!("GET /tok/openai/v1/x HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"));
    assert!(client.rest().starts_with("HTTP/1.1 431 "));
    let mut cut = Client::new(&bench);
    cut.raw("POST /tok/openai/v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf");
    drop(cut);
    Client::ask(&bench, "POST /openai/v1/x", "{}").answer();
    slow.raw("P/1.1\r\nHost: localhost\r\n\r\n");
    slow.answer();
}

#[test]
fn announced_nodes() {
    let bench = bench("http://127.0.0.1:1", forward());
    let mut client = Client::new(&bench);
    let mut ask = |path: &str, body: &str| {
        client.send(&format!("POST /retake/nodes{path}"), body);
        let (head, body) = client.answer();
        format!("{} {body}", &head[9..12])
    };
    let answers = [
        ask("", r#"{"kind":"step","name":"plan"}"#),
        ask("", r#"{"kind":"retrieval","name":"search","input":{"q":1.0e0},"parent":"1","call_id":"c"}"#),
        ask("/2/end", r#"{"documents":[{"id":"a","text":"x"}],"output":"\ud800"}"#),
        ask("/2/end", r#"{"error":"again"}"#),
        ask("/1/end", r#"{"error":"timed out"}"#),
        ask("/9/end", "{}"),
        ask("/x/end", "{}"),
        ask("", "{"),
        ask("", "[]"),
        ask("", r#"{"kind":"step"}"#),
        ask("", r#"{"kind":"step","name":3}"#),
        ask("", r#"{"kind":"step","name":"s","parent":"77"}"#),
        ask("/1/end", r#"{"documents":{}}"#),
    ];
    insta::assert_snapshot!(answers.join("\n"), @r#"
    200 {"id":"1","run":true}
    200 {"id":"2","run":true}
    200 {}
    200 {}
    200 {}
    404 {"error":{"message":"retake: no node `9` was announced here","type":"unknown_node"}}
    404 {"error":{"message":"retake: no node `x` was announced here","type":"unknown_node"}}
    400 {"error":{"message":"retake: the body is not JSON at byte 1: a key was expected","type":"wrong_request"}}
    400 {"error":{"message":"retake: the body is not an object","type":"wrong_request"}}
    400 {"error":{"message":"retake: `name` is missing","type":"wrong_request"}}
    400 {"error":{"message":"retake: `name` is not a string","type":"wrong_request"}}
    404 {"error":{"message":"retake: no node `77` was announced here","type":"unknown_node"}}
    400 {"error":{"message":"retake: `documents` is not a list","type":"wrong_request"}}
    "#);
    insta::assert_snapshot!(bench.log.lines().join("\n"), @r#"
    1 begin step plan null None None
    2 begin retrieval search {"q":1.0e0} Some(1) Some("c")
    2 finish "\ud800" [{"id":"a","text":"x"}] None
    1 finish null null Some("timed out")
    "#);
}

#[test]
fn an_announced_node_that_is_given_its_result() {
    let given = Given { output: Bytes::from_static(b"[1]"), documents: Bytes::new(), error: Some("e\"".to_owned()) };
    let decider = Decider { decide: forward(), given: Some(given), ended: Mutex::default() };
    let bench = bench_with("http://127.0.0.1:1", decider, Log::default());
    let (_, body) = Client::ask(&bench, "POST /retake/nodes", r#"{"kind":"tool","name":"t"}"#).answer();
    assert_eq!(body, r#"{"id":"1","run":false,"output":[1],"documents":null,"error":"e\""}"#);
    assert_eq!(bench.log.lines()[1], r#"1 finish [1]  Some("e\"")"#);
}

/// A WebSocket server that sends back what it gets, unmasked, and closes when it is told to.
fn echo() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.contains("\r\nconnection: upgrade\r\n") && head.contains("\r\nupgrade: websocket\r\n"), "{head}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        loop {
            let mut start = [0; 6];
            stream.read_exact(&mut start).unwrap();
            let mut payload = vec![0; usize::from(start[1] & 0x7f)];
            stream.read_exact(&mut payload).unwrap();
            let plain: Vec<u8> = payload.iter().enumerate().map(|(at, byte)| byte ^ start[2 + at % 4]).collect();
            stream.write_all(&[&[start[0], start[1] & 0x7f], &plain[..]].concat()).unwrap();
            if start[0] == 0x88 {
                break;
            }
        }
    });
    url
}

#[test]
fn a_websocket_is_passed_through_and_told_message_by_message() {
    let bench = bench(&echo(), forward());
    let head = "GET /openai/v1/responses\nConnection: keep-alive, Upgrade\nUpgrade: websocket\nSec-WebSocket-Key: k";
    let mut client = Client::ask(&bench, head, "");
    insta::assert_snapshot!(client.head(), @"
    HTTP/1.1 101 Switching Protocols
    Sec-Websocket-Accept: x
    Connection: Upgrade
    Upgrade: websocket
    ");
    let masked = |first: u8, text: &[u8]| {
        let coded: Vec<u8> = text.iter().enumerate().map(|(at, byte)| byte ^ [9, 8, 7, 6][at % 4]).collect();
        [&[first, 0x80 | u8::try_from(text.len()).unwrap(), 9, 8, 7, 6], &coded[..]].concat()
    };
    let parts = [masked(0x01, b"Hel"), masked(0x80, b"lo"), masked(0x88, b"")].concat();
    client.stream.write_all(&parts).unwrap();
    assert_eq!(client.bytes(4 + 5 + 2), b"\x01\x03Hel\x80\x02lo\x88\x00");
    drop(client);
    assert_eq!(bench.log.ending(), Ending::Complete);
    let mut lines = bench.log.lines();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @"
    1 answer 101 ()
    1 end Complete
    1 frame agent 1 Hello
    1 frame agent 8 
    1 frame upstream 1 Hello
    1 frame upstream 8 
    1 openai GET /v1/responses 
    ");
}
