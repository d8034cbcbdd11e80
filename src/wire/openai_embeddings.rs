//! `OpenAI` embeddings.
//!
//! Source: <https://platform.openai.com/docs/api-reference/embeddings>.

use super::canonical::Rule;
use super::content::{json_or_text, key_of, other};
use super::dialect::drops;
use super::errors::error_text;
use super::known::Known;
use crate::model::{Prompt, Reply, Usage};
use crate::text::json::{Json, Kind, Ref};

/// Reads a request; tokens instead of text stay as JSON.
pub(super) fn prompt(body: &Json, rule: &'static Rule, _: &mut Known) -> Prompt {
    let root = body.root();
    let mut prompt = Prompt::default();
    for member in root.items() {
        let key = key_of(member);
        match (key.as_str(), member.kind()) {
            ("model", Kind::String) => prompt.model = member.as_str().map(std::borrow::Cow::into_owned),
            ("input" | "inputs", Kind::Array) if member.items().all(|item| item.kind() != Kind::Number) => {
                prompt.texts.extend(member.items().map(json_or_text));
            }
            ("input" | "inputs", _) => prompt.texts.push(json_or_text(member)),
            _ if drops(rule, &key) => {}
            _ => prompt.parameters.push((key, member.raw_str().into_owned())),
        }
    }
    prompt
}

/// Reads an answer.
pub(super) fn reply(body: &Json) -> Reply {
    let root = body.root();
    let data = root.get("data").filter(|data| data.kind() == Kind::Array);
    let usage = root.get("usage");
    let error = error_text(root);
    let parts = if data.is_none() && error.is_none() { vec![other(root, String::new())] } else { Vec::new() };
    Reply {
        id: root.text("id").filter(|id| !id.is_empty()),
        model: root.text("model"),
        parts,
        usage: Usage {
            input: usage.and_then(|usage| usage.get("prompt_tokens")).and_then(Ref::as_u64),
            ..Usage::default()
        },
        error,
        count: data.map(Ref::len),
        ..Reply::default()
    }
}
