//! A model call as a reader wants it, whatever dialect it was spoken in.

use std::sync::Arc;

/// A request to a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prompt {
    /// Model that was asked for.
    pub model: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// All messages in order; system text given beside the messages is the first, with role `system`.
    /// Calls of one conversation share those that are the same.
    pub messages: Vec<Arc<Message>>,
    /// Tools that were offered.
    pub tools: Vec<ToolDefinition>,
    /// Everything else that reaches the model: name and JSON text, in order.
    pub parameters: Vec<(String, String)>,
    /// Texts to embed or rank, for such calls.
    pub texts: Vec<String>,
    /// Id of an earlier response or conversation that this one continues.
    pub previous: Option<String>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant`, `tool`, or what was written.
    pub role: String,
    /// Name of the speaker, where given.
    pub name: Option<String>,
    /// Its parts in order.
    pub parts: Vec<Part>,
    /// Path of the message in the request, as `messages[2]` or `input[2]` or `system`.
    pub path: String,
}

/// A part of a message or an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text(Text),
    /// What the model thought, readable, encrypted or both.
    Reasoning(Reasoning),
    /// A tool that the model wants to be called.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// A picture, sound or file: its kind and a short description.
    Media(Text),
    /// Anything else, as JSON text.
    Other(Text),
}

/// Text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Path of the string in its body.
    pub path: String,
}

/// Reasoning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// What can be read of it; empty where nothing can.
    pub text: String,
    /// Whether it carries a signature or encrypted content.
    pub sealed: bool,
    /// Path of the block in its body.
    pub path: String,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolCall {
    /// Id by which its result refers to it; empty where the dialect has none.
    pub id: String,
    /// Id of the item that carries it, where that is another one (responses).
    pub item_id: Option<String>,
    /// Name of the tool.
    pub name: String,
    /// Arguments as JSON text, or as text where they are no JSON.
    pub arguments: String,
    /// Whether the provider ran it itself, inside the answer.
    pub by_provider: bool,
    /// Path of the call in its body.
    pub path: String,
}

/// A tool's result as it stands in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolResult {
    /// Id of the call that it answers; empty where the dialect has none.
    pub call_id: String,
    /// Name of the tool, where it is said again.
    pub name: Option<String>,
    /// The text of the result (parts joined by a line feed).
    pub content: String,
    /// Whether the harness marked it as an error.
    pub is_error: bool,
    /// Path of the value that holds the result, as `messages[3].content` or `input[4].output`.
    pub path: String,
}

/// A tool that was offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolDefinition {
    /// Its name, or its type where it has none (`web_search`).
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its whole definition as JSON text.
    pub json: String,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// Id of the conversation that the provider keeps it in.
    pub conversation: Option<String>,
    /// Ids of its items (responses), in order.
    pub item_ids: Vec<String>,
    /// Model that answered.
    pub model: Option<String>,
    /// Parts in order. Of several choices the first; the others are in `choices`.
    pub parts: Vec<Part>,
    /// Further choices (`n` above 1).
    pub choices: Vec<Vec<Part>>,
    /// Why it stopped, in the provider's word.
    pub finish: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// An error, also one inside a 200: message of the provider.
    pub error: Option<String>,
    /// How many vectors or ranks it holds, for such calls.
    pub count: Option<usize>,
}

/// Tokens as the provider counted them; `None` is unknown, not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// All input tokens, those read from a cache included.
    pub input: Option<u64>,
    /// All output tokens, reasoning included.
    pub output: Option<u64>,
    /// Input tokens read from a cache; part of `input`.
    pub cached: Option<u64>,
    /// Input tokens written to a cache; part of `input`.
    pub cache_written: Option<u64>,
    /// Output tokens of reasoning; part of `output`.
    pub reasoning: Option<u64>,
}

impl Message {
    /// The message's readable text, parts joined by a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        join(&self.parts)
    }
}

impl Reply {
    /// The answer's readable text, parts joined by a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        join(&self.parts)
    }

    /// The tool calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

fn join(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.text.as_str()),
            Part::ToolResult(result) => Some(result.content.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n")
}
