//! What redaction costs, against hashing the same bytes.

use std::fmt::Write;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use retake::model::Micros;
use retake::redact::{Redactor, Rules};

fn main() {
    divan::main();
}

const KEY: &str = "sk-proj-a1B2c3D4e5F6g7H8i9J0";

fn redactor() -> Redactor {
    let known = |number: usize| (format!("SERVICE_{number}_KEY"), format!("a1B2c3D4e5F6g7H8i9J0-{number:04}"));
    let mut values: Vec<_> = (0..10).map(known).collect();
    values.push(("DB_PASSWORD".to_owned(), "p\"w/1+x=y zé".to_owned()));
    Redactor::new(&values, &Rules::default())
}

/// About 100 KB of an agent's request: prose, code, tool definitions, escapes.
fn request(secret: &str) -> Bytes {
    let mut body = String::from(r#"{"model":"m","max_tokens":100,"messages":["#);
    for turn in 0..70 {
        let _ = write!(
            body,
            r#"{{"role":"assistant","content":"Turn {turn}: reading `src/main.rs`.\n\n```rust\nfn main() {{\n    let token = next_token(&mut tokens);\n    println!(\"{{}}\", token);\n}}\n```\nSee https://docs.example/guide?page={turn}.","tool_calls":[{{"id":"call_{turn:024}","type":"function","function":{{"name":"read_file","arguments":"{{\"path\":\"src/{turn}.rs\",\"max_tokens\":{turn}}}"}}}}]}},{{"role":"tool","tool_call_id":"call_{turn:024}","content":"{}"}},"#,
            "The quick brown fox jumps over the lazy dog; the key is under the mat.\\n".repeat(12)
        );
    }
    let _ = write!(body, r#"{{"role":"user","content":"go on {secret}"}}]}}"#);
    Bytes::from(body)
}

/// About 100 KB of an answer that is streamed in 700 events.
fn stream() -> Vec<(Micros, Bytes)> {
    let event = |number: u64| {
        let text = format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" word {number}\"}},\"finish_reason\":null}}]}}\n\n"
        );
        (Micros(number), Bytes::from(text))
    };
    (0..700).map(event).collect()
}

#[divan::bench]
fn hash_of_a_request(bencher: Bencher<'_, '_>) {
    let body = request("");
    bencher.counter(BytesCount::of_slice(&body)).bench(|| blake3::hash(divan::black_box(&body)));
}

#[divan::bench]
fn copy_of_a_request(bencher: Bencher<'_, '_>) {
    let body = request("");
    bencher.counter(BytesCount::of_slice(&body)).bench(|| divan::black_box(&body).to_vec());
}

#[divan::bench]
fn request_without_secrets(bencher: Bencher<'_, '_>) {
    let (redactor, body) = (redactor(), request(""));
    bencher.counter(BytesCount::of_slice(&body)).bench(|| redactor.body("application/json", &body));
}

#[divan::bench]
fn request_with_a_secret(bencher: Bencher<'_, '_>) {
    let (redactor, body) = (redactor(), request(KEY));
    bencher.counter(BytesCount::of_slice(&body)).bench(|| redactor.body("application/json", &body));
}

#[divan::bench]
fn streamed_answer(bencher: Bencher<'_, '_>) {
    let (redactor, pieces) = (redactor(), stream());
    let size: usize = pieces.iter().map(|(_, piece)| piece.len()).sum();
    bencher.counter(BytesCount::new(size)).bench(|| redactor.pieces("text/event-stream", &pieces));
}

#[divan::bench]
fn a_new_redactor() -> Redactor {
    redactor()
}
