//! An agent whose requests differ from run to run in the ways that its arguments name.
//!
//! `clock` puts the time into its prompt, `name` a session id, `random` a number; `tool` has a tool that
//! never answers the same; `twins` asks one thing twice at once, `pair` two things in turn, and `swapped` the second of them first.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an agent reads its environment and prints")]

mod chat;

use std::hash::{BuildHasher, RandomState};
use std::io::{Error, Result};
use std::thread;

use serde_json::{Value, json};

fn main() -> Result<()> {
    let traits: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| traits.iter().any(|given| given == name);
    let mut system = "Answer in one sentence.".to_owned();
    if has("clock") {
        system += &format!(" It is {}.", jiff::Timestamp::now());
    }
    if has("name") {
        let (high, low) = (random(), random());
        let id = (high >> 32, high >> 16 & 0xffff, high & 0xfff, low >> 48 & 0xfff, low & 0xffff_ffff_ffff);
        system += &format!(" This is session {:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}.", id.0, id.1, id.2, id.3, id.4);
    }
    if has("twins") {
        together([&system; 2].map(|system| ask(system, "What does a ticket cost?")))?;
    }
    if has("pair") {
        let mut questions = ["What does the boat cost?", "What does the bus cost?"];
        if has("swapped") {
            questions.reverse();
        }
        for question in questions {
            println!("{}", chat::ask(&ask(&system, question), &[])?.answer()?["content"]);
        }
    }
    let mut question = "How long does the trip take?".to_owned();
    if has("random") {
        question += &format!(" My number is {}.", 1_000_000 + random() % 1_000_000);
    }
    converse(ask(&system, &question), has("tool"))
}

fn ask(system: &str, question: &str) -> Vec<Value> {
    vec![json!({"role": "system", "content": system}), json!({"role": "user", "content": question})]
}

/// Asks all at once.
fn together(questions: [Vec<Value>; 2]) -> Result<()> {
    let asked = questions.map(|question| thread::spawn(move || chat::ask(&question, &[])?.answer()));
    for answer in asked {
        let answer = answer.join().map_err(|_| Error::other("a thread ended"))??;
        println!("{}", answer["content"]);
    }
    Ok(())
}

fn converse(mut messages: Vec<Value>, with_tool: bool) -> Result<()> {
    let tool = json!({"type": "function", "function": {"name": "get_delay", "description": "The delay now.",
        "parameters": {"type": "object", "properties": {}}}});
    let tools = if with_tool { vec![tool] } else { Vec::new() };
    loop {
        let message = chat::ask(&messages, &tools)?.answer()?;
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        if calls.is_empty() {
            println!("{}", message["content"]);
            return Ok(());
        }
        messages.push(message);
        for call in calls {
            let result = json!({"line": 4, "seconds": random() % 1_000_000}).to_string();
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": result}));
        }
    }
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}
