//! Tests of writing out what only the provider keeps.

use super::kept::{Asked, Kept, WrittenOut};
use super::outgoing::Origin;
use crate::model::Micros;
use crate::model::event::Request;
use crate::text::json::Json;

/// A call whose answer is awaited.
pub(super) fn asked(provider: &str, method: &str, path: &str, body: &str) -> Asked {
    let request = Request {
        seq: 1,
        at: Micros(0),
        provider: provider.into(),
        upstream: String::new(),
        method: method.into(),
        path: path.into(),
        query: String::new(),
        headers: Vec::new(),
        body: body.to_owned().into(),
        coding: String::new(),
    };
    Asked { body: request.body.clone(), request, written_out: false }
}

fn json(text: &str) -> Json {
    Json::parse_text(text).expect("the test's text is JSON")
}

/// A replay so far.
struct So(Kept, &'static str);

impl So {
    fn far(provider: &'static str) -> Self {
        Self(Kept::default(), provider)
    }

    fn post(mut self, path: &str, request: &str, answer: &str, from: Origin) -> Self {
        self.0.remember(&asked(self.1, "POST", path, request), Some(&json(answer)), from);
        self
    }

    fn out(&self, path: &str, request: &str) -> Result<Option<WrittenOut>, String> {
        self.0.write_out(&asked(self.1, "POST", path, request).request, &json(request))
    }

    /// What is sent, and where to if elsewhere.
    fn sent(&self, path: &str, request: &str) -> (String, Option<String>) {
        let out = self.out(path, request).expect("it can be sent").expect("it was written out");
        (String::from_utf8(out.body).expect("text"), out.path)
    }

    fn is_changed(&self, path: &str, request: &str) -> bool {
        self.0.is_changed(&asked(self.1, "POST", path, request).request, &json(request))
    }
}

const RESPONSES: &str = "/v1/responses";
const ANSWER: &str = r#"{"id":"resp_1","output":[{"type":"reasoning","id":"rs_1","encrypted_content":"x"},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"n\":2}"}]}"#;
const RESULT: &str = r#"{"model":"m","previous_response_id":"resp_1","input":[{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#;

#[test]
fn a_chain_with_an_edited_answer_is_written_out() {
    let so = So::far("openai").post(RESPONSES, r#"{"input":"hi","model":"m"}"#, ANSWER, Origin::Edited);
    assert!(so.is_changed(RESPONSES, RESULT));
    assert_eq!(
        so.sent(RESPONSES, RESULT).0,
        r#"{"model":"m","input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"n\":2}"},{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#
    );
    let reference = r#"{"input":[{"type":"item_reference","id":"fc_1"},{"type":"function_call_output","call_id":"call_1","output":"3"}]}"#;
    assert!(so.is_changed(RESPONSES, reference));
    assert!(so.sent(RESPONSES, reference).0.starts_with(r#"{"input":[{"type":"function_call","call_id""#));
}

#[test]
fn a_chain_that_was_not_edited_stays_and_an_unknown_one_is_refused() {
    let next = r#"{"previous_response_id":"resp_1","input":"go on"}"#;
    let kept = So::far("openai").post(RESPONSES, r#"{"input":"hi"}"#, ANSWER, Origin::Recorded);
    assert!(!kept.is_changed(RESPONSES, next));
    assert_eq!(kept.out(RESPONSES, next), Ok(None));
    let live = So::far("openai").post(RESPONSES, r#"{"input":"hi"}"#, ANSWER, Origin::Live);
    assert!(live.is_changed(RESPONSES, next), "another answer stands before it");
    assert_eq!(live.out(RESPONSES, next), Ok(None), "the provider has that answer");
    let first = r#"{"input":"hi","previous_response_id":"resp_0"}"#;
    let remembered = So::far("openai").post(RESPONSES, first, ANSWER, Origin::Edited);
    assert!(remembered.out(RESPONSES, next).is_err_and(|reason| reason.contains("resp_0")));
}

#[test]
fn reasoning_that_only_the_provider_can_read_takes_the_ids_along() {
    let blank = ANSWER.replace(r#","encrypted_content":"x""#, "");
    let edited = r#"{"id":"resp_2","output":[{"type":"message","id":"msg_1","role":"assistant","content":[]}]}"#;
    let second = r#"{"previous_response_id":"resp_1","input":[]}"#;
    let so = So::far("openai").post(RESPONSES, r#"{"input":"hi"}"#, &blank, Origin::Recorded);
    let so = so.post(RESPONSES, second, edited, Origin::Edited);
    assert_eq!(
        so.sent(RESPONSES, r#"{"previous_response_id":"resp_2","input":"on"}"#).0,
        r#"{"input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"n\":2}"},{"type":"message","role":"assistant","content":[]},{"role":"user","content":"on"}]}"#
    );
}

const SAID: &str = r#"{"id":"resp_1","conversation":{"id":"conv_1"},"output":[{"type":"message","id":"msg_1","role":"assistant","content":"a"}]}"#;

fn conversing(from: Origin) -> So {
    So::far("openai")
        .post(
            "/v1/conversations",
            r#"{"items":[{"role":"developer","content":"d"}]}"#,
            r#"{"id":"conv_1","object":"conversation"}"#,
            Origin::Recorded,
        )
        .post(RESPONSES, r#"{"conversation":"conv_1","input":"one"}"#, SAID, from)
        .post(
            "/v1/conversations/conv_1/items",
            r#"{"items":[]}"#,
            r#"{"data":[{"id":"msg_2","role":"user","content":"n"}]}"#,
            Origin::Recorded,
        )
}

#[test]
fn a_conversation_is_written_out_whether_or_not_it_was_edited() {
    let next = r#"{"model":"m","conversation":{"id":"conv_1"},"input":"two"}"#;
    let so = conversing(Origin::Recorded);
    assert!(!so.is_changed(RESPONSES, next));
    assert_eq!(
        so.sent(RESPONSES, next).0,
        r#"{"model":"m","input":[{"role":"developer","content":"d"},{"role":"user","content":"one"},{"type":"message","id":"msg_1","role":"assistant","content":"a"},{"id":"msg_2","role":"user","content":"n"},{"role":"user","content":"two"}]}"#
    );
    let so = conversing(Origin::Edited);
    assert!(so.is_changed(RESPONSES, next));
    let sent = so.sent(RESPONSES, next).0;
    assert!(sent.contains(r#"{"type":"message","role":"assistant","content":"a"}"#), "{sent}");
}

#[test]
fn what_was_sent_written_out_is_what_the_conversation_holds() {
    let next = r#"{"conversation":"conv_1","input":"two"}"#;
    let mut so = conversing(Origin::Edited);
    let mut call = asked("openai", "POST", RESPONSES, next);
    call.body = so.sent(RESPONSES, next).0.into();
    call.written_out = true;
    so.0.remember(&call, Some(&json(&SAID.replace("_1", "_9"))), Origin::Live);
    let sent = so.sent(RESPONSES, r#"{"conversation":"conv_1","input":"three"}"#).0;
    for said in ["\"one\"", "\"two\"", "\"three\"", "msg_9"] {
        assert_eq!(sent.matches(said).count(), 1, "{said} in {sent}");
    }
}

#[test]
fn a_changed_conversation_is_not_read_from_the_recording_and_none_is_written_to() {
    let forbidden = |so: &So, method: &str, found: bool| {
        let path = "/v1/conversations/conv_1/items";
        so.0.forbidden(&asked("openai", method, path, "").request, found)
    };
    let so = conversing(Origin::Recorded);
    assert_eq!(forbidden(&so, "GET", true), None);
    assert!(forbidden(&so, "POST", false).is_some());
    let so = conversing(Origin::Edited);
    assert!(forbidden(&so, "GET", true).is_some_and(|reason| reason.contains("conv_1")));
    let unknown = So::far("openai");
    assert_eq!(forbidden(&unknown, "POST", false), None, "the recording never used it");
}

const START: &str = "/v1/conversations";
const STARTED: &str = r#"{"conversation_id":"c1","outputs":[{"type":"function.call","id":"e1","name":"f","tool_call_id":"t1","arguments":"{}"}]}"#;

fn mistral(from: Origin) -> So {
    let start = r#"{"inputs":"hi","model":"m","instructions":"i","tools":[],"completion_args":{"temperature":0},"stream":false}"#;
    So::far("mistral").post(START, start, STARTED, from)
}

#[test]
fn mistrals_conversation_goes_on_as_a_new_one() {
    let append = r#"{"inputs":[{"type":"function.result","tool_call_id":"t1","result":"9"}],"stream":true}"#;
    let (sent, path) = mistral(Origin::Edited).sent("/v1/conversations/c1", append);
    assert_eq!(path.as_deref(), Some("/v1/conversations"));
    assert_eq!(
        sent,
        r#"{"model":"m","instructions":"i","tools":[],"completion_args":{"temperature":0},"stream":true,"inputs":[{"object":"entry","type":"message.input","role":"user","content":"hi"},{"type":"function.call","name":"f","tool_call_id":"t1","arguments":"{}"},{"type":"function.result","tool_call_id":"t1","result":"9"}]}"#
    );
    // The provider's own is past this point, so it is never sent to.
    assert!(mistral(Origin::Recorded).sent("/v1/conversations/c1", append).0.contains(r#""id":"e1""#));
    // One that was begun in this replay is as the provider has it.
    assert_eq!(mistral(Origin::Live).out("/v1/conversations/c1", append), Ok(None));
}

#[test]
fn it_is_one_conversation_under_all_ids_that_it_got() {
    let mut so = mistral(Origin::Edited);
    for (id, text, answer) in [("c1", "one", "c2"), ("c2", "two", "c3"), ("c1", "three", "c4")] {
        let path = format!("/v1/conversations/{id}");
        let next = format!(r#"{{"inputs":"{text}"}}"#);
        let mut call = asked("mistral", "POST", &path, &next);
        call.body = so.sent(&path, &next).0.into();
        call.written_out = true;
        let answer = format!(
            r#"{{"conversation_id":"{answer}","outputs":[{{"type":"message.output","content":"to {text}"}}]}}"#
        );
        so.0.remember(&call, Some(&json(&answer)), Origin::Live);
    }
    let sent = so.sent("/v1/conversations/c3", r#"{"inputs":"four"}"#).0;
    let places: Vec<Option<usize>> = ["hi", "one", "to one", "two", "to two", "three", "to three", "four"]
        .iter()
        .map(|said| sent.find(&format!("\"content\":\"{said}\"")))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {sent}");
}

#[test]
fn a_branch_is_the_providers_to_make_unless_its_trunk_was_changed() {
    let branch = r#"{"from_entry_id":"e1","inputs":"again"}"#;
    let path = "/v1/conversations/c1/restart";
    assert_eq!(mistral(Origin::Recorded).out(path, branch), Ok(None));
    let more = r#"{"conversation_id":"c1","outputs":[{"type":"message.output","id":"e2","content":"later"}]}"#;
    let so = mistral(Origin::Recorded).post("/v1/conversations/c1", r#"{"inputs":"on"}"#, more, Origin::Edited);
    let (sent, path_now) = so.sent(path, branch);
    assert_eq!(path_now.as_deref(), Some(START));
    assert!(
        sent.contains("\"e1\"") && sent.contains("again") && !sent.contains("later") && !sent.contains("from_entry")
    );
    let unknown = so.out(path, r#"{"from_entry_id":"e7","inputs":"again"}"#);
    assert!(unknown.is_err_and(|reason| reason.contains("`e7`")));
    let confirms = so.out("/v1/conversations/c1", r#"{"tool_confirmations":[{"tool_call_id":"t1"}]}"#);
    assert!(confirms.is_err_and(|reason| reason.contains("confirms")));
}

#[test]
fn an_edited_entry_is_known_by_its_id_after_it_was_sent() {
    let mut so = mistral(Origin::Edited);
    let next = r#"{"inputs":"on"}"#;
    let mut call = asked("mistral", "POST", "/v1/conversations/c1", next);
    call.body = so.sent("/v1/conversations/c1", next).0.into();
    call.written_out = true;
    so.0.remember(&call, Some(&json(r#"{"conversation_id":"c2","outputs":[]}"#)), Origin::Live);
    let (sent, _) = so.sent("/v1/conversations/c1/restart", r#"{"from_entry_id":"e1","inputs":"again"}"#);
    assert!(sent.contains("\"t1\"") && !sent.contains("\"on\""), "{sent}");
}
