//! What was answered in a run, and when: what the agent can have from there.

use std::collections::HashMap;

use memchr::memmem;

use crate::model::{Detail, Micros, Part, Reply, Run};

/// The answers of a run.
#[derive(Debug)]
pub(super) struct Said {
    /// By the time at which they ended.
    answers: Vec<(Micros, Vec<u8>)>,
    /// When each id was said first.
    ids: HashMap<String, Micros>,
    /// When a text that was asked for was said first.
    asked: HashMap<Vec<u8>, Option<Micros>>,
}

impl Said {
    pub(super) fn of(run: &Run) -> Self {
        let mut said = Self { answers: Vec::new(), ids: HashMap::new(), asked: HashMap::new() };
        for node in run.graph.nodes() {
            let Some(ended) = node.ended else { continue };
            match &node.detail {
                Detail::Call { reply, .. } => {
                    said.answers.push((ended, text(reply)));
                    for id in ids(reply) {
                        let first = said.ids.entry(id.to_owned()).or_insert(ended);
                        *first = ended.min(*first);
                    }
                }
                Detail::Http { .. } => {
                    let body = node.seq.and_then(|seq| run.calls.get(&seq)).and_then(|call| call.answer.as_ref());
                    said.answers.extend(body.map(|answer| (ended, answer.body().to_vec())));
                }
                Detail::Block(block) => {
                    said.answers.extend(block.output.as_ref().map(|text| (ended, text.clone().into_bytes())));
                }
                Detail::Tool(_) => {}
            }
        }
        said.answers.sort_by_key(|(ended, _)| *ended);
        said
    }

    /// Whether an answer that ended before `at` contains this.
    pub(super) fn contains(&mut self, text: &str, at: Micros) -> bool {
        self.ids.get(text).is_some_and(|first| *first <= at) || self.contains_bytes(text.as_bytes(), at)
    }

    /// As [`Said::contains`], of what may be no text.
    pub(super) fn contains_bytes(&mut self, text: &[u8], at: Micros) -> bool {
        let first = self.asked.get(text).copied().unwrap_or_else(|| {
            let finder = memmem::Finder::new(text);
            let found = self.answers.iter().find(|(_, said)| finder.find(said).is_some());
            let first = found.map(|(ended, _)| *ended);
            self.asked.insert(text.to_vec(), first);
            first
        });
        first.is_some_and(|first| first <= at)
    }
}

/// Ids that an answer introduces.
fn ids(reply: &Reply) -> impl Iterator<Item = &str> {
    let calls = reply.tool_calls().map(|call| call.id.as_str());
    reply.id.iter().chain(&reply.item_ids).chain(&reply.conversation).map(String::as_str).chain(calls)
}

/// Everything in an answer that an agent may repeat, apart from one another.
fn text(reply: &Reply) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |text: &str| {
        out.extend_from_slice(text.as_bytes());
        out.push(0);
    };
    reply.id.iter().chain(&reply.item_ids).for_each(|id| add(id));
    for part in reply.parts.iter().chain(reply.choices.iter().flatten()) {
        match part {
            Part::Text(text) | Part::Media(text) | Part::Other(text) => add(&text.text),
            Part::Reasoning(reasoning) => add(&reasoning.text),
            Part::ToolCall(call) => {
                add(&call.id);
                call.item_id.iter().for_each(|id| add(id));
                add(&call.arguments);
            }
            Part::ToolResult(result) => {
                add(&result.call_id);
                add(&result.content);
            }
        }
    }
    out
}
