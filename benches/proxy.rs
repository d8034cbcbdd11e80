//! What the listener adds to a call and to a piece of a stream, beside the same call made directly.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use divan::Bencher;
use retake::model::Micros;
use retake::model::event::Event;
use retake::proxy::{Boxed, Listener, Setup, Upstream, Watch};
use retake::record::Live;

/// How many pieces a stream has.
const PIECES: usize = 100;

/// Bytes of a request and of a whole answer.
const BODY: usize = 20 << 10;

fn main() {
    divan::main();
}

struct Nobody;

impl Watch for Nobody {
    fn saw(&self, _: Event) {}

    fn settled(&self) -> Boxed<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// An upstream that answers `/stream` in pieces and anything else whole.
fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(&stream));
        }
    });
    url
}

fn serve(mut stream: &TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (first, length) = head(&mut reader)?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if first.contains("/stream") {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                .ok()?;
            for _ in 0..PIECES {
                stream.write_all(b"12\r\ndata: {\"delta\":1}\n\r\n").ok()?;
            }
            stream.write_all(b"0\r\n\r\n").ok()?;
        } else {
            stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n").as_bytes()).ok()?;
            stream.write_all(&b"x".repeat(BODY)).ok()?;
        }
    }
}

/// The first line and the content-length.
fn head(reader: &mut BufReader<TcpStream>) -> Option<(String, usize)> {
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            return Some((first, length));
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
}

struct Client {
    reader: BufReader<TcpStream>,
    path: String,
}

impl Client {
    fn new(url: &str) -> Self {
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream), path: format!("/{path}") }
    }

    fn call(&mut self, what: &str) -> usize {
        let head_text =
            format!("POST {}/{what} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n", self.path);
        self.reader.get_mut().write_all(&[head_text.as_bytes(), &b"q".repeat(BODY)].concat()).unwrap();
        let (_, length) = head(&mut self.reader).unwrap();
        if length > 0 {
            let mut body = vec![0; length];
            self.reader.read_exact(&mut body).unwrap();
            return length;
        }
        let mut pieces = 0;
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut piece = vec![0; size + 2];
            self.reader.read_exact(&mut piece).unwrap();
            if size == 0 {
                return pieces;
            }
            pieces += 1;
        }
    }
}

fn listener(upstream: &str) -> Listener {
    Listener::start(Setup {
        upstreams: vec![Upstream::parse("openai", upstream).unwrap()],
        formerly: Vec::new(),
        keys: Vec::new(),
        authorities: Vec::new(),
        token: "token".to_owned(),
        first: 1,
        answer: Arc::new(Live),
        watch: Arc::new(Nobody),
        ends_stream: Arc::new(|_, _, piece| piece.ends_with(b"[DONE]\n\n")),
        clock: Arc::new(|| Micros(0)),
    })
    .unwrap()
}

#[divan::bench(args = ["whole", "stream"])]
fn direct(bencher: Bencher<'_, '_>, what: &str) {
    let mut client = Client::new(&upstream());
    bencher.bench_local(|| client.call(what));
}

#[divan::bench(args = ["whole", "stream"])]
fn through_the_listener(bencher: Bencher<'_, '_>, what: &str) {
    let listener = listener(&upstream());
    let mut client = Client::new(&listener.url("openai"));
    bencher.bench_local(|| client.call(what));
}
