//! What a request must lose before it is sent from a replay: reasoning that was sealed for another turn or model.

use std::collections::BTreeSet;

use super::kept::{Asked, Kept, without_id};
use crate::model::Run;
use crate::text::json::{Edit, Json, Kind, Ref};
use crate::wire::Dialect;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Given as it was recorded.
    Recorded,
    /// Given with an edit.
    Edited,
    /// From the provider, in this replay.
    Live,
}

/// Answers of this replay, as far as later requests refer to them.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Tool call ids of answers that were edited.
    edited_calls: BTreeSet<String>,
    /// Texts of answers that were edited.
    edited_texts: BTreeSet<String>,
    /// Tool call ids and texts of answers that a provider gave in this replay.
    live: BTreeSet<String>,
    kept: Kept,
}

impl Past {
    /// Nothing yet; `run` is what will be referred to.
    pub(super) fn new(run: &Run) -> Self {
        Self { kept: Kept::new(run), ..Self::default() }
    }

    /// What the provider keeps.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Remembers a call and its answer, the body that a call without streaming gets.
    pub(super) fn remember(&mut self, dialect: Option<&Dialect>, asked: &Asked, answer: Option<&Json>, from: Origin) {
        if let (Some(dialect), Some(answer)) = (dialect.filter(|_| from != Origin::Recorded), answer) {
            let reply = dialect.reply(200, "application/json", answer.bytes());
            let calls = reply.tool_calls().map(|call| call.id.clone()).filter(|id| !id.is_empty());
            let text = Some(reply.text()).filter(|text| !text.is_empty());
            if from == Origin::Edited {
                self.edited_calls.extend(calls);
                self.edited_texts.extend(text);
            } else {
                self.live.extend(calls.chain(text));
            }
        }
        self.kept.remember(asked, answer, from);
    }

    /// Takes sealed reasoning out: all of it for another model, else that of edited turns. `None` if a body
    /// can stay as it is.
    pub(super) fn unseal(&self, body: &Json, other_model: bool) -> Option<(Vec<u8>, String)> {
        if !other_model && self.edited_calls.is_empty() && self.edited_texts.is_empty() {
            return None;
        }
        let root = body.root();
        if let Some(messages) = root.get("messages").filter(|messages| messages.kind() == Kind::Array) {
            return self.unseal_messages(body, messages, other_model);
        }
        let input = root.get("input").filter(|input| input.kind() == Kind::Array)?;
        self.unseal_items(body, input, other_model)
    }

    fn unseal_messages(&self, body: &Json, messages: Ref<'_>, other_model: bool) -> Option<(Vec<u8>, String)> {
        let mut edits = Vec::new();
        let (mut last_touched, count) = (None, messages.len());
        for (place, message) in messages.items().enumerate() {
            let Some(blocks) = message.get("content").filter(|content| content.kind() == Kind::Array) else { continue };
            let sealed =
                |block: &Ref<'_>| matches!(block.text("type").as_deref(), Some("thinking" | "redacted_thinking"));
            if !blocks.items().any(|block| sealed(&block)) || !self.is_stale(&mut blocks.items(), other_model) {
                continue;
            }
            let kept: Vec<Vec<u8>> =
                blocks.items().filter(|block| !sealed(block)).map(|block| block.raw().to_vec()).collect();
            if kept.is_empty() {
                continue;
            }
            edits.push(Edit { span: blocks.span(), with: list(&kept) });
            last_touched = Some(place);
        }
        let last_touched = last_touched?;
        let mut note = "sealed reasoning was left out of an edited turn".to_owned();
        if other_model {
            "sealed reasoning of another model was left out".clone_into(&mut note);
        }
        // With a tool turn open, thinking may not go on from a turn without its thought.
        if last_touched + 2 == count
            && let Some(thinking) = body.root().get("thinking")
            && thinking.text("type").as_deref() != Some("disabled")
        {
            edits.push(Edit { span: thinking.span(), with: br#"{"type":"disabled"}"#.to_vec() });
            note.push_str(", and thinking was switched off for this call");
        }
        Some((body.splice(edits), note))
    }

    fn unseal_items(&self, body: &Json, input: Ref<'_>, other_model: bool) -> Option<(Vec<u8>, String)> {
        let items: Vec<Ref<'_>> = input.items().collect();
        let is_reasoning = |item: &Ref<'_>| item.text("type").as_deref() == Some("reasoning");
        let ends_turn = |item: &Ref<'_>| {
            item.text("type").is_some_and(|kind| kind.ends_with("_output"))
                || matches!(item.text("role").as_deref(), Some("user" | "system" | "developer"))
        };
        let mut kept: Vec<Vec<u8>> = Vec::new();
        let mut dropped = false;
        let mut at = 0;
        while at < items.len() {
            let end = (at..items.len()).find(|place| ends_turn(&items[*place])).unwrap_or(items.len());
            let turn = &items[at..end];
            let touched = turn.iter().any(is_reasoning) && self.is_stale(&mut turn.iter().copied(), other_model);
            for item in turn {
                if !touched {
                    kept.push(item.raw().to_vec());
                } else if !is_reasoning(item) {
                    kept.push(without_id(*item));
                }
            }
            dropped |= touched;
            if let Some(item) = items.get(end) {
                kept.push(item.raw().to_vec());
            }
            at = end + 1;
        }
        let note = if other_model {
            "sealed reasoning of another model was left out, and the ids of what followed it"
        } else {
            "sealed reasoning was left out of an edited turn, and the ids of what followed it"
        };
        dropped.then(|| (body.splice(vec![Edit { span: input.span(), with: list(&kept) }]), note.to_owned()))
    }

    /// Whether what was sealed in a turn does not hold any more: it was edited, or another model said it.
    fn is_stale(&self, turn: &mut dyn Iterator<Item = Ref<'_>>, other_model: bool) -> bool {
        let mut live = false;
        for block in turn {
            let id = block.text("call_id").or_else(|| block.text("id"));
            let text = block.text("text").or_else(|| block.get("content")?.items().find_map(|part| part.text("text")));
            let known =
                |of: &BTreeSet<String>, value: &Option<String>| value.as_ref().is_some_and(|value| of.contains(value));
            if known(&self.edited_calls, &id) || known(&self.edited_texts, &text) {
                return true;
            }
            live |= known(&self.live, &id) || known(&self.live, &text);
        }
        other_model && !live
    }
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"[".to_vec(), items.join(&b","[..]), b"]".to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::super::kept_tests::asked;
    use super::*;
    use crate::wire::recognise;

    fn json(text: &str) -> Json {
        Json::parse_text(text).expect("the test's text is JSON")
    }

    fn past(path: &str, request: &str, answer: &str, edited: bool) -> Past {
        let from = if edited { Origin::Edited } else { Origin::Recorded };
        let dialect = recognise("any", "POST", path).expect("a dialect");
        let mut past = Past::default();
        past.remember(Some(dialect), &asked("any", "POST", path, request), Some(&json(answer)), from);
        past
    }

    const RESPONSE: &str = r#"{"id":"resp_1","output":[{"type":"reasoning","id":"rs_1","encrypted_content":"x"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"n\":2}"}]}"#;

    fn said(unsealed: Option<(Vec<u8>, String)>) -> String {
        String::from_utf8(unsealed.expect("it was changed").0).expect("text")
    }

    #[test]
    fn sealed_reasoning_goes_with_an_edited_turn_and_for_another_model_and_stays_else() {
        let next = json(
            r#"{"input":[{"role":"user","content":"hi"},{"type":"reasoning","id":"rs_1","encrypted_content":"x"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#,
        );
        let without = r#"{"input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#;
        let edited = past("/v1/responses", r#"{"input":"hi"}"#, RESPONSE, true);
        assert_eq!(said(edited.unseal(&next, false)), without);
        let kept = past("/v1/responses", r#"{"input":"hi"}"#, RESPONSE, false);
        assert_eq!(kept.unseal(&next, false), None);
        assert_eq!(said(kept.unseal(&next, true)), without);
    }

    #[test]
    fn thinking_is_switched_off_while_a_tool_turn_is_open() {
        let answer = r#"{"id":"msg_1","role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":2}}]}"#;
        let edited = past("/v1/messages", r#"{"messages":[]}"#, answer, true);
        let next = json(
            r#"{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":2}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"3"}]}]}"#,
        );
        assert_eq!(
            said(edited.unseal(&next, false)),
            r#"{"thinking":{"type":"disabled"},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":2}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"3"}]}]}"#
        );
    }
}
