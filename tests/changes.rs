//! Changes of a replay: every kind of place, how far they reach, and what they may do.

use std::fs;

use serde_json::Value;

use crate::support::fake_model::{Asked, Reply};
use crate::support::trial::{Ran, Trial, shop};

/// A recorded conversation: 1 calls the tool 2, 3 answers.
fn chatted() -> Trial {
    let trial = Trial::new(shop);
    trial.record("chat", &["chat"]);
    trial
}

fn replay(trial: &Trial, arguments: &[&str]) -> (Ran, Vec<Value>) {
    let (ran, asked) = trial.asked_while(|| trial.replay(arguments));
    (ran, asked.iter().map(body).collect())
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

#[test]
fn probe() {
    let trial = chatted();
    println!("{}", trial.line("show chat"));
    for words in [
        &["--set", "1.system=You sell chairs."][..],
        &["--set", "1.system=You sell chairs.", "--once"],
        &["--set", "1.messages[1].content=What does a chair cost?"],
        &["--set", "1.messages[1].content=What does a chair cost?", "--everywhere"],
        &["--set", "1.model=m2"],
        &["--set", "1.tools=[]"],
        &["--set", "1.temperature=0"],
        &["--set", "3.answer=It is free."],
        &["--set", "1.tool_calls[0].arguments.item=chair"],
        &["--set", "2.arguments.item=chair"],
        &["--set", "2.result=sold out"],
        &["--set", "1.request.temperature=0.25"],
        &["--set", "3.response.choices[0].message.content=It is free."],
        &["--set", "1.answer=I will not look it up."],
        &["--from", "3"],
        &["--from", "1"],
        &["--model", "m3"],
        &["--model", "m3", "--from", "3"],
        &["--ignore", "temperature"],
        &["--run", "get_price"],
        &["--from", "1", "--max-calls", "1"],
        &["--from", "1", "--live", "never"],
        &["--set", "1.system=You sell lamps."],
        &["--set", "1.nothing=x"],
        &["--set", "9.system=x"],
        &["--set", "system=x"],
        &["--set", "2.system=x"],
        &["--live", "always"],
    ] {
        let (ran, asked) = replay(&trial, words);
        println!("==== {words:?} -> {:?}\n{}{}", ran.code, ran.out, ran.err);
        for asked in asked {
            println!("  sent: {asked}");
        }
    }
    println!("effects: {}", fs::read_to_string(trial.env.work().join("effects")).unwrap());
    println!("{}", trial.line("ls"));
    let _ = Reply::chat("");
}

#[test]
fn probe_tool_results() {
    let trial = chatted();
    trial.env.write("get_price.result", "49.99");
    for words in [&[][..], &["--run", "get_price"], &["--set", "2.result=sold out"]] {
        let (ran, asked) = replay(&trial, words);
        println!("==== {words:?} -> {:?}\n{}{}", ran.code, ran.out, ran.err);
        for asked in asked {
            println!("  sent: {asked}");
        }
    }
    trial.env.write("system", "You sell tables.");
    for words in [&[][..], &["--live", "always"], &["--ignore", "messages[0].content"], &["--live", "never"]] {
        let (ran, asked) = replay(&trial, words);
        println!("==== {words:?} -> {:?}\n{}{}", ran.code, ran.out, ran.err);
        for asked in asked {
            println!("  sent: {asked}");
        }
    }
}
