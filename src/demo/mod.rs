//! `retake demo`: an agent, a guide, a stand-in for a model, and what is shown with them.

mod agent;
mod model;
mod script;
mod search;
pub mod stand_in;
mod tools;

pub use agent::{QUESTION, SYSTEM, agent};
pub use script::{COMMAND, Choice, Step, Unusable, choose, is_stand_in, last_call, script};

/// A provider of chat completions that the demo's agent can talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// Its prefix.
    pub name: &'static str,
    /// Variable of its base URL.
    pub base: &'static str,
    /// Variable of its key.
    pub key: &'static str,
    /// Model that the demo uses unless another is named.
    pub model: &'static str,
}

impl Provider {
    /// `OpenAI`, and every server that is compatible with it.
    pub const OPENAI: Self =
        Self { name: "openai", base: "OPENAI_BASE_URL", key: "OPENAI_API_KEY", model: "gpt-5-mini" };

    /// Those whose key the demo looks for, in this order. Anthropic's chat completions are those of
    /// <https://docs.claude.com/en/api/openai-sdk>.
    pub const ALL: [Self; 3] = [
        Self::OPENAI,
        Self { name: "mistral", base: "MISTRAL_BASE_URL", key: "MISTRAL_API_KEY", model: "mistral-small-latest" },
        Self { name: "anthropic", base: "ANTHROPIC_BASE_URL", key: "ANTHROPIC_API_KEY", model: "claude-haiku-4-5" },
    ];

    /// The provider of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name == name)
    }
}
