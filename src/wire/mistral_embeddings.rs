//! Mistral embeddings: those of `OpenAI`, with an id and with more kinds of output.
//!
//! Source: <https://docs.mistral.ai/api/#tag/embeddings>.

pub(super) use super::openai_embeddings::{prompt, reply};
