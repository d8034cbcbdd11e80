//! Provider dialects: recognised by path, read into the model, written back as the provider would.

pub mod canonical;
pub mod keys;
pub mod sse;

mod anthropic_messages;
mod anthropic_messages_stream;
mod build;
#[cfg(test)]
mod canonical_tests;
mod content;
mod dialect;
#[cfg(test)]
mod dialect_tests;
mod documents;
mod embedded;
mod errors;
mod kept;
mod known;
mod locate;
mod mistral_chat;
mod mistral_conversations;
mod mistral_embeddings;
mod openai_chat;
mod openai_chat_stream;
mod openai_embeddings;
mod openai_responses;
mod openai_responses_stream;
mod places;
mod python;
mod request;

pub use dialect::{Dialect, EndFinder, recognise};
pub use documents::documents;
pub use errors::{Refusal, error_message, refusal};
pub use kept::{Kept, beginning, kept};
pub use known::Known;
pub use locate::{Form, Has, Side, Target, Unlocated, side};
pub use request::{Parsed, other_kind, parse};
