//! What agents of the torture set say, written as clients write it and answered as providers answer.

use std::fmt::Write as _;

use crate::text::json::quote;
use crate::wire::{self, Dialect};

/// The interface that a call speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Chat,
    Messages,
    Responses,
}

/// A call of a tool as it stands in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// A message or a turn of a conversation.
#[derive(Debug, Clone)]
pub(super) enum Turn {
    User(String),
    Said(String),
    Called(Vec<Called>),
    /// Results of tools, by call id.
    Results(Vec<(String, String)>),
    /// An item that the provider keeps, by its id.
    Item(String),
}

/// A request, whatever it is written like.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) form: Form,
    pub(super) system: String,
    pub(super) turns: Vec<Turn>,
    pub(super) tools: Vec<&'static str>,
    /// A parameter that reaches the model, as JSON.
    pub(super) temperature: String,
    /// Id of the response that this one goes on from.
    pub(super) previous: Option<String>,
    pub(super) stream: bool,
    /// Prefix by which it goes out, where that is not the interface's own.
    pub(super) by: Option<&'static str>,
}

/// What a model says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) calls: Vec<Called>,
}

/// How a request is written: nothing of it counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style(pub(super) u64);

impl Style {
    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }
}

impl Ask {
    /// A question in a conversation of its own.
    pub(super) fn of(form: Form, system: &str, user: &str) -> Self {
        Self {
            form,
            system: system.to_owned(),
            turns: vec![Turn::User(user.to_owned())],
            tools: Vec::new(),
            temperature: "1".to_owned(),
            previous: None,
            stream: false,
            by: None,
        }
    }

    pub(super) fn with_tools(self, tools: &[&'static str]) -> Self {
        Self { tools: tools.to_vec(), ..self }
    }

    pub(super) fn streamed(self, stream: bool) -> Self {
        Self { stream, ..self }
    }

    /// The same conversation with these turns more.
    pub(super) fn and(&self, turns: impl IntoIterator<Item = Turn>) -> Self {
        let mut next = self.clone();
        next.turns.extend(turns);
        next
    }

    /// Everything that the model is told, in one text; ids count by their first appearance.
    pub(super) fn meaning(&self, previous: &str) -> String {
        let mut ids: Vec<String> = Vec::new();
        let mut number = |id: &String| {
            ids.iter().position(|known| known == id).unwrap_or_else(|| {
                ids.push(id.clone());
                ids.len() - 1
            })
        };
        let mut tools = self.tools.clone();
        tools.sort_unstable();
        let mut out = format!("{:?}|{}|{tools:?}|{}|{previous}", self.form, self.system, self.temperature);
        for turn in &self.turns {
            match turn {
                Turn::User(text) => write!(out, "|user {text}").expect("a text can be written to"),
                Turn::Said(text) => write!(out, "|said {text}").expect("a text can be written to"),
                Turn::Called(calls) => {
                    for call in calls {
                        let id = number(&call.id);
                        write!(out, "|call {id} {} {}", call.name, call.arguments).expect("a text can be written to");
                    }
                }
                Turn::Results(results) => {
                    let mut results: Vec<(usize, &String)> =
                        results.iter().map(|(id, text)| (number(id), text)).collect();
                    results.sort_unstable();
                    for (id, text) in results {
                        write!(out, "|result {id} {text}").expect("a text can be written to");
                    }
                }
                Turn::Item(id) => write!(out, "|item {id}").expect("a text can be written to"),
            }
        }
        out
    }

    pub(super) fn path(&self) -> &'static str {
        match self.form {
            Form::Chat => "/v1/chat/completions",
            Form::Messages => "/v1/messages",
            Form::Responses => "/v1/responses",
        }
    }

    pub(super) fn provider(&self) -> &'static str {
        self.by.unwrap_or(if self.form == Form::Messages { "anthropic" } else { "openai" })
    }

    pub(super) fn dialect(&self) -> &'static Dialect {
        wire::recognise(self.provider(), "POST", self.path()).expect("it is a path of a known interface")
    }

    /// The body as a client in this style writes it.
    pub(super) fn body(&self, style: Style) -> String {
        let mut tools = self.tools.clone();
        if style.has(0) {
            tools.reverse();
        }
        let tools = list(tools.iter().map(|name| {
            let inner = format!(r#""name":{},"description":"The tool {name}.""#, quote(name));
            match self.form {
                Form::Chat => format!(
                    r#"{{"type":"function","function":{{{inner},"parameters":{{"type":"object","properties":{{}}}}}}}}"#
                ),
                Form::Messages => format!(r#"{{{inner},"input_schema":{{"type":"object","properties":{{}}}}}}"#),
                Form::Responses => format!(
                    r#"{{"type":"function",{inner},"parameters":{{"type":"object","properties":{{}}}},"strict":true}}"#
                ),
            }
        }));
        let mut members = vec![("model", quote("torture-1")), ("temperature", self.temperature.clone())];
        if !self.tools.is_empty() {
            members.push(("tools", tools));
        }
        if self.stream {
            members.push(("stream", "true".to_owned()));
        }
        if style.has(1) {
            members.push(("metadata", format!(r#"{{"call":"{}"}}"#, style.0)));
        }
        match self.form {
            Form::Chat => {
                let system = (!self.system.is_empty()).then(|| {
                    format!(r#"{{"role":"system","content":{}}}"#, self.text(&self.system, style, style.has(2)))
                });
                let turns = self.turns.iter().enumerate().flat_map(|(place, turn)| self.chat(turn, place, style));
                members.push(("messages", list(system.into_iter().chain(turns))));
            }
            Form::Messages => {
                members.push(("max_tokens", "1000".to_owned()));
                if !self.system.is_empty() {
                    members.push(("system", self.text(&self.system, style, style.has(2))));
                }
                let turns = self.turns.iter().enumerate().map(|(place, turn)| self.block_message(turn, place, style));
                members.push(("messages", list(turns)));
            }
            Form::Responses => {
                if !self.system.is_empty() {
                    members.push(("instructions", quote(&self.system)));
                }
                if let Some(previous) = &self.previous {
                    members.push(("previous_response_id", quote(previous)));
                }
                members.push(("input", list(self.turns.iter().flat_map(|turn| self.items(turn, style)))));
            }
        }
        if style.has(3) {
            members.reverse();
        }
        let space = if style.has(4) { " " } else { "" };
        let members: Vec<String> =
            members.into_iter().map(|(key, value)| format!("\"{key}\":{space}{value}")).collect();
        format!("{{{}}}", members.join(if style.has(4) { ", " } else { "," }))
    }

    /// Text as it stands or as a list of one part, with a cache marker on the newest message or none.
    fn text(&self, text: &str, style: Style, marked: bool) -> String {
        if self.form == Form::Responses {
            return quote(text);
        }
        let control = if marked { r#","cache_control":{"type":"ephemeral"}"# } else { "" };
        if marked || style.has(5) {
            return format!(r#"[{{"type":"text","text":{}{control}}}]"#, quote(text));
        }
        quote(text)
    }

    fn newest(&self, place: usize, style: Style) -> bool {
        style.has(2) && place + 1 == self.turns.len()
    }

    fn chat(&self, turn: &Turn, place: usize, style: Style) -> Vec<String> {
        let marked = self.newest(place, style);
        match turn {
            Turn::User(text) => vec![format!(r#"{{"role":"user","content":{}}}"#, self.text(text, style, marked))],
            Turn::Said(text) => vec![format!(r#"{{"role":"assistant","content":{}}}"#, self.text(text, style, marked))],
            Turn::Called(calls) => {
                let calls = list(calls.iter().map(|call| {
                    format!(
                        r#"{{"id":{},"type":"function","function":{{"name":{},"arguments":{}}}}}"#,
                        quote(&call.id),
                        quote(&call.name),
                        quote(&call.arguments)
                    )
                }));
                vec![format!(r#"{{"role":"assistant","content":null,"tool_calls":{calls}}}"#)]
            }
            Turn::Results(results) => results
                .iter()
                .map(|(id, text)| {
                    format!(r#"{{"role":"tool","tool_call_id":{},"content":{}}}"#, quote(id), quote(text))
                })
                .collect(),
            Turn::Item(_) => Vec::new(),
        }
    }

    fn block_message(&self, turn: &Turn, place: usize, style: Style) -> String {
        let marked = self.newest(place, style);
        match turn {
            Turn::User(text) => format!(r#"{{"role":"user","content":{}}}"#, self.text(text, style, marked)),
            Turn::Said(text) => format!(r#"{{"role":"assistant","content":{}}}"#, self.text(text, style, marked)),
            Turn::Called(calls) => {
                let blocks = list(calls.iter().map(|call| {
                    format!(
                        r#"{{"type":"tool_use","id":{},"name":{},"input":{}}}"#,
                        quote(&call.id),
                        quote(&call.name),
                        call.arguments
                    )
                }));
                format!(r#"{{"role":"assistant","content":{blocks}}}"#)
            }
            Turn::Results(results) => {
                let last = results.len().saturating_sub(1);
                let blocks = list(results.iter().enumerate().map(|(at, (id, text))| {
                    let control = if marked && at == last { r#","cache_control":{"type":"ephemeral"}"# } else { "" };
                    let content = self.text(text, style, false);
                    format!(r#"{{"type":"tool_result","tool_use_id":{},"content":{content}{control}}}"#, quote(id))
                }));
                format!(r#"{{"role":"user","content":{blocks}}}"#)
            }
            Turn::Item(_) => r#"{"role":"user","content":[]}"#.to_owned(),
        }
    }

    fn items(&self, turn: &Turn, style: Style) -> Vec<String> {
        match turn {
            Turn::User(text) if style.has(5) => {
                vec![format!(r#"{{"role":"user","content":[{{"type":"input_text","text":{}}}]}}"#, quote(text))]
            }
            Turn::User(text) => vec![format!(r#"{{"role":"user","content":{}}}"#, quote(text))],
            Turn::Said(text) => vec![format!(r#"{{"role":"assistant","content":{}}}"#, self.text(text, style, false))],
            Turn::Called(calls) => calls
                .iter()
                .map(|call| {
                    format!(
                        r#"{{"type":"function_call","call_id":{},"name":{},"arguments":{}}}"#,
                        quote(&call.id),
                        quote(&call.name),
                        quote(&call.arguments)
                    )
                })
                .collect(),
            Turn::Results(results) => results
                .iter()
                .map(|(id, text)| {
                    format!(r#"{{"type":"function_call_output","call_id":{},"output":{}}}"#, quote(id), quote(text))
                })
                .collect(),
            Turn::Item(id) => vec![format!(r#"{{"type":"item_reference","id":{}}}"#, quote(id))],
        }
    }
}

/// The provider's answer without a stream.
pub(super) fn answer(form: Form, said: &Said, id: &str) -> String {
    let text = quote(&said.text);
    let finish = if said.calls.is_empty() { "stop" } else { "tool_calls" };
    match form {
        Form::Chat => {
            let calls = list(said.calls.iter().map(|call| {
                format!(
                    r#"{{"id":{},"type":"function","function":{{"name":{},"arguments":{}}}}}"#,
                    quote(&call.id),
                    quote(&call.name),
                    quote(&call.arguments)
                )
            }));
            let calls = if said.calls.is_empty() { String::new() } else { format!(r#","tool_calls":{calls}"#) };
            format!(
                r#"{{"id":"{id}","object":"chat.completion","created":1,"model":"torture-1","choices":[{{"index":0,"message":{{"role":"assistant","content":{text}{calls}}},"finish_reason":"{finish}"}}]}}"#
            )
        }
        Form::Messages => {
            let mut blocks = vec![format!(r#"{{"type":"text","text":{text}}}"#)];
            blocks.extend(said.calls.iter().map(|call| {
                format!(
                    r#"{{"type":"tool_use","id":{},"name":{},"input":{}}}"#,
                    quote(&call.id),
                    quote(&call.name),
                    call.arguments
                )
            }));
            let finish = if said.calls.is_empty() { "end_turn" } else { "tool_use" };
            format!(
                r#"{{"id":"{id}","type":"message","role":"assistant","model":"torture-1","content":{},"stop_reason":"{finish}","stop_sequence":null,"usage":{{"input_tokens":3,"output_tokens":2}}}}"#,
                list(blocks)
            )
        }
        Form::Responses => {
            let mut items = vec![format!(
                r#"{{"type":"message","id":"msg_{id}","status":"completed","role":"assistant","content":[{{"type":"output_text","text":{text},"annotations":[]}}]}}"#
            )];
            items.extend(said.calls.iter().map(|call| {
                format!(
                    r#"{{"type":"function_call","id":"fc_{}","call_id":{},"name":{},"arguments":{},"status":"completed"}}"#,
                    call.id,
                    quote(&call.id),
                    quote(&call.name),
                    quote(&call.arguments)
                )
            }));
            format!(
                r#"{{"id":"{id}","object":"response","created_at":1,"status":"completed","model":"torture-1","output":{}}}"#,
                list(items)
            )
        }
    }
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}
