//! The texts of a node and the names of the places where they stand.

use std::borrow::Cow;

use crate::model::{Block, Detail, Document, Kind, Message, Node, Part, Prompt, Reply, Tool};
use crate::text::json::{Path, Step};

/// A text of a node and where it stands, in the words of `--set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// `system`, `messages[2].content`, `answer`, `tool_calls[0].arguments`, `documents[1].text`, …
    pub path: String,
    /// The text.
    pub text: Cow<'a, str>,
    /// Who says it.
    pub voice: Voice<'a>,
}

/// Who says a text within a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice<'a> {
    /// The model, as far as the conversation says.
    Model,
    /// A tool, in answer to the call with this id.
    Tool(&'a str),
    /// The agent: system prompts, users, arguments, queries.
    Agent,
}

/// What goes into a node and what comes out of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields<'a> {
    /// Texts that it was given.
    pub inputs: Vec<Field<'a>>,
    /// Texts that it made. Documents come before the output that may hold them too.
    pub outputs: Vec<Field<'a>>,
}

impl<'a> Fields<'a> {
    fn input(&mut self, path: impl Into<String>, text: impl Into<Cow<'a, str>>, voice: Voice<'a>) {
        push(&mut self.inputs, path.into(), text.into(), voice);
    }

    fn output(&mut self, path: impl Into<String>, text: impl Into<Cow<'a, str>>, voice: Voice<'a>) {
        push(&mut self.outputs, path.into(), text.into(), voice);
    }
}

fn push<'a>(fields: &mut Vec<Field<'a>>, path: String, text: Cow<'a, str>, voice: Voice<'a>) {
    if !text.is_empty() {
        fields.push(Field { path, text, voice });
    }
}

/// The texts of a node, empty ones left out.
#[must_use]
pub fn fields(node: &Node) -> Fields<'_> {
    fields_from(node, 0)
}

/// The texts of a node without its first messages.
pub(super) fn fields_from(node: &Node, first: usize) -> Fields<'_> {
    let mut fields = Fields::default();
    match &node.detail {
        Detail::Call { prompt, reply, .. } => {
            prompt_fields(&mut fields, prompt, first);
            reply_fields(&mut fields, reply);
            if node.kind != Kind::Llm {
                // What was embedded or ranked comes back out when it is found again.
                for (place, text) in prompt.texts.iter().enumerate() {
                    fields.output(format!("texts[{place}]"), text, Voice::Agent);
                }
            }
        }
        Detail::Tool(tool) => tool_fields(&mut fields, tool),
        Detail::Block(block) => block_fields(&mut fields, block),
        Detail::Http { .. } => {}
    }
    fields
}

fn prompt_fields<'a>(fields: &mut Fields<'a>, prompt: &'a Prompt, first: usize) {
    for (place, message) in prompt.messages.iter().enumerate().skip(first) {
        message_fields(fields, &message_path(message, place), message);
    }
    for (place, tool) in prompt.tools.iter().enumerate() {
        fields.input(format!("tools[{place}]"), &tool.json, Voice::Agent);
    }
    for (name, value) in &prompt.parameters {
        fields.input(name, value, Voice::Agent);
    }
    for (place, text) in prompt.texts.iter().enumerate() {
        fields.input(format!("texts[{place}]"), text, Voice::Agent);
    }
}

/// The path of a message: `system` for the first one if it is that, else its place in the request.
#[must_use]
pub(crate) fn message_path(message: &Message, place: usize) -> String {
    if place == 0 && matches!(message.role.as_str(), "system" | "developer") {
        return "system".to_owned();
    }
    let index = match Path::parse(&message.path).map(|path| path.0).as_deref() {
        Ok([Step::Key(_), Step::Index(index), ..]) => *index,
        _ => place,
    };
    format!("messages[{index}]")
}

fn message_fields<'a>(fields: &mut Fields<'a>, path: &str, message: &'a Message) {
    let content = if path == "system" { path.to_owned() } else { format!("{path}.content") };
    let many = message.parts.iter().filter(|part| is_content(part)).count() > 1;
    let voice = if message.role == "assistant" || message.role == "model" { Voice::Model } else { Voice::Agent };
    let mut contents = 0;
    let mut calls = 0;
    for part in &message.parts {
        let here = if many { format!("{content}[{contents}]") } else { content.clone() };
        contents += usize::from(is_content(part));
        match part {
            Part::Text(text) => {
                let path = if many { format!("{here}.text") } else { here };
                fields.input(path, &text.text, voice);
            }
            Part::ToolResult(result) => {
                let path = if many { format!("{here}.content") } else { here };
                fields.input(path, &result.content, Voice::Tool(&result.call_id));
            }
            Part::Reasoning(reasoning) => fields.input(format!("{path}.reasoning"), &reasoning.text, voice),
            Part::ToolCall(call) => {
                fields.input(format!("{path}.tool_calls[{calls}].arguments"), &call.arguments, voice);
                calls += 1;
            }
            Part::Media(other) | Part::Other(other) => fields.input(here, &other.text, voice),
        }
    }
}

fn is_content(part: &Part) -> bool {
    !matches!(part, Part::Reasoning(_) | Part::ToolCall(_))
}

fn reply_fields<'a>(fields: &mut Fields<'a>, reply: &'a Reply) {
    parts_fields(fields, "", &reply.parts);
    for (place, parts) in reply.choices.iter().enumerate() {
        parts_fields(fields, &format!("choices[{}].", place + 1), parts);
    }
}

fn parts_fields<'a>(fields: &mut Fields<'a>, prefix: &str, parts: &'a [Part]) {
    let mut texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        Part::ToolResult(result) => Some(result.content.as_str()),
        _ => None,
    });
    if let Some(first) = texts.next() {
        let rest: Vec<&str> = texts.collect();
        let answer =
            if rest.is_empty() { Cow::Borrowed(first) } else { Cow::Owned([&[first], &rest[..]].concat().join("\n")) };
        fields.output(format!("{prefix}answer"), answer, Voice::Model);
    }
    let mut calls = 0;
    for part in parts {
        match part {
            Part::Reasoning(reasoning) => fields.output(format!("{prefix}reasoning"), &reasoning.text, Voice::Model),
            Part::ToolCall(call) => {
                fields.output(format!("{prefix}tool_calls[{calls}].arguments"), &call.arguments, Voice::Model);
                calls += 1;
            }
            _ => {}
        }
    }
}

fn tool_fields<'a>(fields: &mut Fields<'a>, tool: &'a Tool) {
    fields.input("arguments", &tool.arguments, Voice::Agent);
    document_fields(fields, &tool.documents);
    if let Some(result) = &tool.result {
        fields.output("result", result, Voice::Tool(&tool.call_id));
    }
}

fn block_fields<'a>(fields: &mut Fields<'a>, block: &'a Block) {
    fields.input("input", &block.input, Voice::Agent);
    document_fields(fields, &block.documents);
    if let Some(output) = &block.output {
        fields.output("output", output, Voice::Agent);
    }
}

fn document_fields<'a>(fields: &mut Fields<'a>, documents: &'a [Document]) {
    for (place, document) in documents.iter().enumerate() {
        fields.output(format!("documents[{place}].text"), &document.text, Voice::Agent);
    }
}
