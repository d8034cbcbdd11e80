//! A desk that asks two other agents at once: one has a tool for prices, the other the rules of the shop.
//!
//! `retake record shop "What does the brass lamp cost, and how long can I return it?"` beside this folder, with
//! `OPENAI_BASE_URL` set for a server that speaks plain HTTP. `shop/get_price` is wrong on purpose.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an agent reads its environment and prints")]

#[path = "../chat/mod.rs"]
mod chat;

use std::io::{Error, Result};
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

fn main() -> Result<()> {
    let question = std::env::args().nth(1).ok_or_else(|| Error::other("no question was asked"))?;
    let desk = "You are the desk of a shop. Answer in two sentences.";
    let tools = [
        tool("find_price", "Asks who knows what things cost.", &json!({"question": {"type": "string"}})),
        tool(
            "find_rule",
            "Asks who knows for how long things can be returned.",
            &json!({"question": {"type": "string"}}),
        ),
    ];
    let agent = Agent::ask(desk, &question, &tools)?;
    println!("{}", agent.answer(&answer_all)?);
    Ok(())
}

/// Gives each call to the agent whose work it is; both are asked before either answers.
fn answer_all(calls: &[Call]) -> Result<Vec<String>> {
    let asked = calls.iter().map(hand_over).collect::<Result<Vec<Agent>>>()?;
    let answer = |agent: Agent| thread::spawn(move || agent.answer(&|calls| calls.iter().map(get_price).collect()));
    let answers: Vec<_> = asked.into_iter().map(answer).collect();
    answers.into_iter().map(|answer| answer.join().map_err(|_| Error::other("an agent broke"))?).collect()
}

fn hand_over(call: &Call) -> Result<Agent> {
    let question = call.arguments["question"].as_str().unwrap_or_default();
    if call.name == "find_price" {
        let items = ["brass lamp", "desk clock", "tin globe"];
        let tools = [tool("get_price", "What an item costs, in dollars.", &json!({"item": {"enum": items}}))];
        return Agent::ask("You know the prices. Answer in one sentence.", question, &tools);
    }
    let rules = std::fs::read_to_string("shop/rules.txt")?;
    Agent::ask("You know the rules. Answer in one sentence.", &format!("{rules}\nQuestion: {question}"), &[])
}

fn get_price(call: &Call) -> Result<String> {
    let output = Command::new("shop/get_price").arg(call.arguments["item"].as_str().unwrap_or_default()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn tool(name: &str, description: &str, properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let parameters = json!({"type": "object", "properties": properties, "required": required});
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

/// A tool that a model wants to use.
struct Call {
    id: String,
    name: String,
    arguments: Value,
}

/// A conversation whose last request is under way.
struct Agent {
    messages: Vec<Value>,
    tools: Vec<Value>,
    asked: chat::Asked,
}

impl Agent {
    fn ask(system: &str, question: &str, tools: &[Value]) -> Result<Self> {
        let messages = vec![json!({"role": "system", "content": system}), json!({"role": "user", "content": question})];
        let asked = chat::ask(&messages, tools)?;
        Ok(Self { messages, tools: tools.to_vec(), asked })
    }

    /// The answer, once the model wants no more tools.
    fn answer(mut self, use_tools: &dyn Fn(&[Call]) -> Result<Vec<String>>) -> Result<String> {
        for _ in 0..5 {
            let message = self.asked.answer()?;
            let calls: Vec<Call> = message["tool_calls"].as_array().into_iter().flatten().map(Call::read).collect();
            if calls.is_empty() {
                return Ok(message["content"].as_str().unwrap_or_default().to_owned());
            }
            self.messages.push(message);
            for (call, result) in calls.iter().zip(use_tools(&calls)?) {
                self.messages.push(json!({"role": "tool", "tool_call_id": call.id, "content": result}));
            }
            self.asked = chat::ask(&self.messages, &self.tools)?;
        }
        Err(Error::other("five turns and no answer"))
    }
}

impl Call {
    fn read(call: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let arguments = serde_json::from_str(&text(&call["function"]["arguments"])).unwrap_or_default();
        Self { id: text(&call["id"]), name: text(&call["function"]["name"]), arguments }
    }
}
