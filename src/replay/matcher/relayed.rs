//! Results of tools that hand on what a changed call answered, as sub-agents do: they follow from the change.

use super::Matcher;
use super::doing::leaves;
use crate::model::NodeId;
use crate::replay::miss::readable;
use crate::text::json::quote;
use crate::wire::canonical::Canonical;

/// Bytes from which an answer is recognised within a longer result.
const LEAST: usize = 4;

impl Matcher {
    /// Finds the results that are not as they were recorded because of a changed answer; they are not held.
    pub(super) fn let_relayed_through(&mut self, canonical: &Canonical) {
        if self.said_otherwise.is_empty() {
            return;
        }
        for result in &canonical.results {
            let id = &result.call_id;
            let Some(recorded) = self.recorded_results.get(id) else { continue };
            let value = canonical.body().value(result.item);
            if self.held.contains_key(id) || self.relayed.contains(id) || recorded == value.raw() {
                continue;
            }
            let now = readable(value);
            if self.doing.is_in(&now) || self.said_otherwise.iter().any(|answer| hands_on(&now, answer)) {
                self.relayed.insert(id.clone());
            }
        }
    }

    /// A changed announced node gave this.
    pub(super) fn bring(&mut self, node: NodeId, values: &[String]) {
        let texts: Vec<String> = values.iter().flat_map(|value| leaves(value)).collect();
        self.doing.bring(&self.plan, Some(node), texts.iter().map(String::as_str));
        for text in texts {
            self.remember_said(&text);
        }
    }

    /// Remembers what a changed call answered.
    pub(super) fn remember_said(&mut self, answer: &str) {
        let answer = answer.trim();
        if !answer.is_empty() {
            self.said_otherwise.push(answer.to_owned());
        }
    }
}

/// Whether a result is an answer, or has it in itself, as text or in JSON.
fn hands_on(result: &str, answer: &str) -> bool {
    let quoted = quote(answer);
    result.trim() == answer
        || answer.len() >= LEAST && (result.contains(answer) || result.contains(quoted.trim_matches('"')))
}
