//! Two model calls in flight at once, and a third that reads both answers.
//!
//! `retake record cargo run --example panel`, with `OPENAI_BASE_URL` set for a server that speaks plain HTTP.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an agent reads its environment and prints")]

mod chat;

use serde_json::json;

const NOTES: &str =
    "The bridge is closed in June. The tunnel is open and costs four crowns. The ferry is slow, and free in June.";

fn ask(system: &str, text: &str) -> std::io::Result<String> {
    let messages = [json!({"role": "system", "content": system}), json!({"role": "user", "content": text})];
    Ok(chat::ask(&messages, &[])?.answer()?["content"].as_str().unwrap_or_default().to_owned())
}

fn main() -> std::io::Result<()> {
    let (what_is_open, what_it_costs) = std::thread::scope(|scope| {
        let open =
            scope.spawn(|| ask("Answer in two sentences.", &format!("{NOTES}\n\nQuestion: What is closed in June?")));
        let costs = scope.spawn(|| ask("Answer in one sentence.", &format!("{NOTES}\n\nQuestion: What costs crowns?")));
        (open.join(), costs.join())
    });
    let broken = |_| std::io::Error::other("a call broke");
    let (what_is_open, what_it_costs) = (what_is_open.map_err(broken)??, what_it_costs.map_err(broken)??);
    let both = format!("{what_is_open}\n{what_it_costs}\n\nQuestion: How do we cross in June, and what does it cost?");
    println!("{}", ask("You see the answers of two others. Answer as a list.", &both)?);
    Ok(())
}
