//! Mistral chat completions: chat completions whose content may be a list of chunks.
//!
//! Source: <https://docs.mistral.ai/api/#tag/chat>. Content in chunks (`thinking`, `reference`, …),
//! `prefix` and tool call ids of nine characters are read by the shared code and kept as they are; a
//! streamed tool call comes whole, and the usage with the last chunk.

use super::openai_chat_stream::{self, Manner};
use crate::text::json::Json;

pub(super) use super::openai_chat::{prompt, reply};
pub(super) use super::openai_chat_stream::{assemble, ends};

/// Cuts an answer into the chunks that a stream would have had.
pub(super) fn events(unary: &Json, request: &Json) -> Vec<Vec<u8>> {
    openai_chat_stream::events(unary, request, Manner::Mistral)
}
