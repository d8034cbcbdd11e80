//! A small agent with one tool, which knows nothing of retake.
//!
//! `retake record cargo run --example agent`, with `OPENAI_BASE_URL` set for a server that speaks plain HTTP.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an agent reads its environment and prints")]

mod chat;

use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let question = std::env::args().nth(1).unwrap_or_else(|| "What will the weather be in Harrow?".to_owned());
    let tool = json!({"type": "function", "function": {
        "name": "get_weather",
        "description": "The weather in a town.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }});
    let mut messages = vec![
        json!({"role": "system", "content": "Answer in one sentence."}),
        json!({"role": "user", "content": question}),
    ];
    for _ in 0..5 {
        let message = chat::ask(&messages, std::slice::from_ref(&tool))?.answer()?;
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        if calls.is_empty() {
            println!("{}", message["content"].as_str().unwrap_or_default());
            return Ok(());
        }
        messages.push(message);
        for call in calls {
            let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap_or("{}"))?;
            let result = get_weather(arguments["city"].as_str().unwrap_or_default());
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": result}));
        }
    }
    Err(std::io::Error::other("five turns and no answer"))
}

fn get_weather(city: &str) -> String {
    let weather = ["sunny", "rainy", "windy"][city.len() % 3];
    format!("The weather in {city} will be {weather}.")
}
