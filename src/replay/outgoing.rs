//! What a request must lose or gain before it is sent from a replay: reasoning that was sealed for
//! another turn or model, and state that only the provider of the recording had.

use std::collections::{BTreeSet, HashMap};

use crate::text::json::{Edit, Json, Kind, Ref, quote};
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
    responses: HashMap<String, Response>,
}

#[derive(Debug)]
struct Response {
    request: Json,
    answer: Json,
    edited: bool,
}

/// A request that can be sent, or why it cannot be.
pub(super) type Prepared = Result<Option<(Vec<u8>, Vec<String>)>, String>;

impl Past {
    /// Remembers an answer. `answer` is the body that a call without streaming gets.
    pub(super) fn remember(&mut self, dialect: &Dialect, request: Option<Json>, answer: Json, from: Origin) {
        if from != Origin::Recorded {
            let body = answer.bytes().clone();
            let reply = dialect.reply(200, "application/json", &body);
            let calls = reply.tool_calls().map(|call| call.id.clone()).filter(|id| !id.is_empty());
            let text = Some(reply.text()).filter(|text| !text.is_empty());
            if from == Origin::Edited {
                self.edited_calls.extend(calls);
                self.edited_texts.extend(text);
            } else {
                self.live.extend(calls.chain(text));
            }
        }
        if let (Some(id), Some(request)) = (answer.root().text("id"), request)
            && answer.root().get("output").is_some()
        {
            self.responses.insert(id, Response { request, answer, edited: from == Origin::Edited });
        }
    }

    /// Prepares a body for being sent; `None` if it can stay as it is.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) fn prepare(&self, body: &Json, other_model: bool) -> Prepared {
        let mut notes = Vec::new();
        let mut now: Option<Json> = None;
        if let Some(expanded) = self.expand(body)? {
            notes.push(
                "the conversation that the provider kept was written out, as an answer in it was edited".to_owned(),
            );
            now = Json::parse(expanded).ok();
        }
        let current = now.as_ref().unwrap_or(body);
        if let Some((unsealed, note)) = self.unseal(current, other_model) {
            notes.push(note);
            now = Json::parse(unsealed).ok();
        }
        Ok(now.map(|json| (json.bytes().to_vec(), notes)))
    }

    /// Writes out what `previous_response_id` and `item_reference` stand for, where an answer in it was edited.
    fn expand(&self, body: &Json) -> Result<Option<Vec<u8>>, String> {
        let root = body.root();
        let mut edits = Vec::new();
        if let Some(input) = root.get("input") {
            for item in input.items().filter(|item| item.text("type").as_deref() == Some("item_reference")) {
                if let Some(known) = item.text("id").and_then(|id| self.edited_item(&id)) {
                    edits.push(Edit { span: item.span(), with: known });
                }
            }
        }
        let any_edited = self.responses.values().any(|response| response.edited);
        if any_edited && root.get("conversation").is_some_and(|conversation| !conversation.is_null()) {
            return Err("its conversation is kept by the provider, where the edited answer is not".into());
        }
        let Some(previous) = root.get("previous_response_id").filter(|id| !id.is_null()) else {
            return Ok((!edits.is_empty()).then(|| body.splice(edits)));
        };
        let mut chain = Vec::new();
        let mut id = previous.as_str().map(std::borrow::Cow::into_owned);
        let mut unknown = None;
        while let Some(name) = id {
            let Some(response) = self.responses.get(&name).filter(|_| chain.len() <= self.responses.len()) else {
                unknown = Some(name);
                break;
            };
            chain.push(response);
            id = response.request.root().text("previous_response_id");
        }
        if !chain.iter().any(|response| response.edited) {
            return Ok((!edits.is_empty()).then(|| body.splice(edits)));
        }
        if let Some(unknown) = unknown {
            return Err(format!(
                "it goes on from `{unknown}`, which is not on the recording, so it cannot be written out"
            ));
        }
        let mut items: Vec<Vec<u8>> = Vec::new();
        for response in chain.iter().rev() {
            items.extend(inputs(response.request.root().get("input")));
            items.extend(outputs(response));
        }
        let body = if edits.is_empty() {
            body.clone()
        } else {
            Json::parse(body.splice(edits)).map_err(|error| error.to_string())?
        };
        items.extend(inputs(body.root().get("input")));
        let members: Vec<Vec<u8>> = body
            .root()
            .items()
            .filter(|member| !member.key().is_some_and(|key| matches!(&*key, b"previous_response_id" | b"input")))
            .map(|member| body.bytes()[member.member_span()].to_vec())
            .chain(std::iter::once([b"\"input\":".to_vec(), list(&items)].concat()))
            .collect();
        Ok(Some([b"{".to_vec(), members.join(&b","[..]), b"}".to_vec()].concat()))
    }

    fn edited_item(&self, id: &str) -> Option<Vec<u8>> {
        let edited = self.responses.values().filter(|response| response.edited);
        edited
            .filter_map(|response| {
                response.answer.root().get("output")?.items().find(|item| item.text("id").as_deref() == Some(id))
            })
            .map(without_id)
            .next()
    }

    /// Takes sealed reasoning out: all of it for another model, else that of edited turns.
    fn unseal(&self, body: &Json, other_model: bool) -> Option<(Vec<u8>, String)> {
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

/// The items of an input; a plain text is one user message.
fn inputs(input: Option<Ref<'_>>) -> Vec<Vec<u8>> {
    let Some(input) = input else { return Vec::new() };
    match input.as_str() {
        Some(text) => vec![format!("{{\"role\":\"user\",\"content\":{}}}", quote(&text)).into_bytes()],
        None => input.items().map(|item| item.raw().to_vec()).collect(),
    }
}

/// What a response said, as items of a later input; without reasoning and ids where it was edited.
fn outputs(response: &Response) -> Vec<Vec<u8>> {
    let Some(output) = response.answer.root().get("output") else { return Vec::new() };
    let is_reasoning = |item: &Ref<'_>| item.text("type").as_deref() == Some("reasoning");
    let sealed = |item: &Ref<'_>| item.get("encrypted_content").is_some_and(|sealed| !sealed.is_null());
    output
        .items()
        .filter(|item| !is_reasoning(item) || (!response.edited && sealed(item)))
        .map(|item| if response.edited { without_id(item) } else { item.raw().to_vec() })
        .collect()
}

fn without_id(item: Ref<'_>) -> Vec<u8> {
    if item.kind() != Kind::Object {
        return item.raw().to_vec();
    }
    let bytes = item.doc().bytes();
    let members: Vec<Vec<u8>> = item
        .items()
        .filter(|member| member.key().as_deref() != Some(b"id"))
        .map(|member| bytes[member.member_span()].to_vec())
        .collect();
    [b"{".to_vec(), members.join(&b","[..]), b"}".to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::recognise;

    fn json(text: &str) -> Json {
        Json::parse_text(text).expect("the test's text is JSON")
    }

    fn past(path: &str, request: &str, answer: &str, edited: bool) -> Past {
        let from = if edited { Origin::Edited } else { Origin::Recorded };
        let dialect = recognise("any", "POST", path).expect("a dialect");
        let mut past = Past::default();
        past.remember(dialect, Some(json(request)), json(answer), from);
        past
    }

    const RESPONSE: &str = r#"{"id":"resp_1","output":[{"type":"reasoning","id":"rs_1","encrypted_content":"x"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"n\":2}"}]}"#;

    fn said(prepared: Prepared) -> String {
        String::from_utf8(prepared.expect("it can be sent").expect("it was changed").0).expect("text")
    }

    #[test]
    fn a_chain_with_an_edited_answer_is_written_out() {
        let past = past("/v1/responses", r#"{"input":"hi","model":"m"}"#, RESPONSE, true);
        let next = json(
            r#"{"model":"m","previous_response_id":"resp_1","input":[{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#,
        );
        assert_eq!(
            said(past.prepare(&next, false)),
            r#"{"model":"m","input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"n\":2}"},{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#
        );
    }

    #[test]
    fn a_chain_that_was_not_edited_stays_and_an_unknown_one_is_refused() {
        let next = json(r#"{"previous_response_id":"resp_1","input":"go on"}"#);
        let kept = past("/v1/responses", r#"{"input":"hi"}"#, RESPONSE, false);
        assert_eq!(kept.prepare(&next, false), Ok(None));
        let remembered = past("/v1/responses", r#"{"input":"hi","previous_response_id":"resp_0"}"#, RESPONSE, true);
        assert!(remembered.prepare(&next, false).is_err_and(|reason| reason.contains("resp_0")));
    }

    #[test]
    fn sealed_reasoning_goes_with_an_edited_turn_and_for_another_model_and_stays_else() {
        let next = json(
            r#"{"input":[{"role":"user","content":"hi"},{"type":"reasoning","id":"rs_1","encrypted_content":"x"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#,
        );
        let without = r#"{"input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#;
        let edited = past("/v1/responses", r#"{"input":"hi"}"#, RESPONSE, true);
        assert_eq!(said(edited.prepare(&next, false)), without);
        let kept = past("/v1/responses", r#"{"input":"hi"}"#, RESPONSE, false);
        assert_eq!(kept.prepare(&next, false), Ok(None));
        assert_eq!(said(kept.prepare(&next, true)), without);
    }

    #[test]
    fn thinking_is_switched_off_while_a_tool_turn_is_open() {
        let answer = r#"{"id":"msg_1","role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":2}}]}"#;
        let edited = past("/v1/messages", r#"{"messages":[]}"#, answer, true);
        let next = json(
            r#"{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":2}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"3"}]}]}"#,
        );
        assert_eq!(
            said(edited.prepare(&next, false)),
            r#"{"thinking":{"type":"disabled"},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":2}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"3"}]}]}"#
        );
    }
}
