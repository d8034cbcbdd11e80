//! Tells the recorder what happens inside the agent's process: retrievals, tools, steps.
//!
//! For agents written in Rust. Where `RETAKE_URL` is missing or nobody listens there, the work is
//! simply done; in a replay it is not, and what was recorded is returned instead.
//!
//! ```
//! use retake::announce::{self, Document};
//!
//! let found = announce::retrieval("guide", "bicycles", || {
//!     Ok(vec![Document { id: Some("7".into()), text: "Bicycles are welcome.".into(), ..Document::default() }])
//! });
//! assert_eq!(found.expect("the search works")[0].text, "Bicycles are welcome.");
//! ```

use std::cell::RefCell;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

pub use crate::model::Document;

use crate::config::variable;
use crate::loopback::{self, Patience};
use crate::text::json::{Json, Kind, Ref, quote};

const PATIENCE: Patience = Patience { connect: Duration::from_millis(300), silence: Duration::from_secs(3) };

/// After so many failures in a row nobody is told anything more.
const TRIES: u8 = 3;

static FAILURES: AtomicU8 = AtomicU8::new(0);

thread_local! {
    /// Ids of the announced nodes that this thread is in, outermost first.
    static INSIDE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What came of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Output, as JSON text.
    pub output: Option<String>,
    /// Documents that were found.
    pub documents: Option<Vec<Document>>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A node to announce.
#[derive(Debug, Clone)]
pub struct Node {
    body: String,
}

/// A node whose beginning was announced.
#[derive(Debug)]
#[must_use = "it ends with `run`"]
pub struct Begun {
    url: Option<String>,
    id: Option<String>,
    given: Option<Outcome>,
}

/// Announces a node and does its work, unless a replay has its outcome.
///
/// `kind` is `retrieval`, `tool`, `step`, `agent`, …; `input` is JSON text, and taken as a plain
/// string where it is not.
pub fn node(kind: &str, name: &str, input: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    Node::new(kind, name, input).begin().run(work)
}

/// Announces a retrieval.
///
/// # Errors
/// What `work` returned, now or when it was recorded.
pub fn retrieval(
    name: &str,
    query: &str,
    work: impl FnOnce() -> Result<Vec<Document>, String>,
) -> Result<Vec<Document>, String> {
    let outcome = node("retrieval", name, &quote(query), || match work() {
        Ok(documents) => Outcome { documents: Some(documents), ..Outcome::default() },
        Err(error) => Outcome { error: Some(error), ..Outcome::default() },
    });
    match outcome.error {
        Some(error) => Err(error),
        None => Ok(outcome.documents.unwrap_or_default()),
    }
}

/// Announces a tool that answers the call with this id: arguments and result are texts, as the
/// model sees them.
///
/// # Errors
/// What `work` returned, now or when it was recorded.
pub fn tool(
    name: &str,
    call_id: &str,
    arguments: &str,
    work: impl FnOnce() -> Result<String, String>,
) -> Result<String, String> {
    Node::new("tool", name, arguments).call_id(call_id).begin().run_tool(work)
}

/// Announces a step of a workflow. What is inside is recorded and replayed; the step itself always runs.
pub fn step<T>(name: &str, work: impl FnOnce() -> T) -> T {
    Node::new("step", name, "null").begin().within(work)
}

impl Node {
    /// A node of this kind, with a name and its input as JSON text.
    #[must_use]
    pub fn new(kind: &str, name: &str, input: &str) -> Self {
        let input = if Json::parse_text(input).is_ok() { input.to_owned() } else { quote(input) };
        Self { body: format!(r#"{{"kind":{},"name":{},"input":{input}"#, quote(kind), quote(name)) }
    }

    /// Names the tool call that it answers.
    #[must_use]
    pub fn call_id(mut self, id: &str) -> Self {
        self.body.push_str(r#","call_id":"#);
        self.body.push_str(&quote(id));
        self
    }

    /// Announces that it begins, inside the node that this thread is in. The work may be done on
    /// another thread.
    pub fn begin(mut self) -> Begun {
        if let Some(parent) = INSIDE.with_borrow(|inside| inside.last().cloned()) {
            self.body.push_str(r#","parent":"#);
            self.body.push_str(&quote(&parent));
        }
        self.body.push('}');
        let nobody = Begun { url: None, id: None, given: None };
        let Some(url) = address() else { return nobody };
        let Some(answer) = post(&format!("{url}/nodes"), &self.body) else { return nobody };
        let root = answer.root();
        let id = root.get("id").and_then(|id| id.as_str().map(Into::into).or_else(|| Some(id.as_u64()?.to_string())));
        let given = (root.get("run").and_then(Ref::as_bool) == Some(false)).then(|| outcome(root));
        Begun { url: Some(url), id, given }
    }
}

impl Begun {
    /// Does the work and announces its outcome, unless a replay has one.
    pub fn run(self, work: impl FnOnce() -> Outcome) -> Outcome {
        if let Some(given) = self.given {
            return given;
        }
        let outcome = inside(self.id.as_deref(), work);
        self.end(&outcome);
        outcome
    }

    /// As [`Begun::run`], for work that returns a text.
    ///
    /// # Errors
    /// What `work` returned, now or when it was recorded.
    pub fn run_tool(self, work: impl FnOnce() -> Result<String, String>) -> Result<String, String> {
        let outcome = self.run(|| match work() {
            Ok(text) => Outcome { output: Some(quote(&text)), ..Outcome::default() },
            Err(error) => Outcome { error: Some(error), ..Outcome::default() },
        });
        if let Some(error) = outcome.error {
            return Err(error);
        }
        let output = outcome.output.unwrap_or_default();
        let text = Json::parse_text(&output).ok().and_then(|json| json.root().as_str().map(Into::into));
        Ok(text.unwrap_or(output))
    }

    /// Does work whose value is not recorded, and announces that it ended.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        let value = inside(self.id.as_deref(), work);
        if self.given.is_none() {
            self.end(&Outcome::default());
        }
        value
    }

    fn end(&self, outcome: &Outcome) {
        if let (Some(url), Some(id)) = (&self.url, &self.id) {
            post(&format!("{url}/nodes/{id}/end"), &ending(outcome));
        }
    }
}

/// Where the recorder listens.
fn address() -> Option<String> {
    let url = variable("RETAKE_URL")?;
    (!url.is_empty()).then(|| url.trim_end_matches('/').to_owned())
}

fn post(url: &str, body: &str) -> Option<Json> {
    if FAILURES.load(Ordering::Relaxed) >= TRIES {
        return None;
    }
    let Ok(answer) = loopback::exchange("POST", url, &[], body.as_bytes(), PATIENCE) else {
        FAILURES.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    FAILURES.store(0, Ordering::Relaxed);
    if answer.status < 300 { Json::parse(answer.body).ok() } else { None }
}

/// Does work while this thread is in the node; also where the work panics, the thread leaves it.
fn inside<T>(id: Option<&str>, work: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            INSIDE.with_borrow_mut(Vec::pop);
        }
    }
    let Some(id) = id else { return work() };
    INSIDE.with_borrow_mut(|inside| inside.push(id.to_owned()));
    let _leave = Leave;
    work()
}

fn ending(outcome: &Outcome) -> String {
    let mut members = Vec::new();
    if let Some(output) = &outcome.output {
        let output = if Json::parse_text(output).is_ok() { output.clone() } else { quote(output) };
        members.push(format!(r#""output":{output}"#));
    }
    if let Some(documents) = &outcome.documents {
        let documents: Vec<String> = documents.iter().map(document).collect();
        members.push(format!(r#""documents":[{}]"#, documents.join(",")));
    }
    if let Some(error) = &outcome.error {
        members.push(format!(r#""error":{}"#, quote(error)));
    }
    format!("{{{}}}", members.join(","))
}

fn document(document: &Document) -> String {
    let json = |text: &String| if Json::parse_text(text).is_ok() { text.clone() } else { quote(text) };
    let mut members = vec![format!(r#""text":{}"#, quote(&document.text))];
    if let Some(id) = &document.id {
        members.insert(0, format!(r#""id":{}"#, quote(id)));
    }
    if let Some(score) = &document.score {
        members.push(format!(r#""score":{}"#, json(score)));
    }
    if let Some(metadata) = &document.metadata {
        members.push(format!(r#""metadata":{}"#, json(metadata)));
    }
    format!("{{{}}}", members.join(","))
}

fn outcome(root: Ref<'_>) -> Outcome {
    let present = |key: &str| root.get(key).filter(|value| !value.is_null());
    let plain = |value: Ref<'_>| value.as_str().map_or_else(|| value.raw_str().into_owned(), Into::into);
    Outcome {
        output: present("output").map(|output| output.raw_str().into_owned()),
        documents: present("documents").filter(|documents| documents.kind() == Kind::Array).map(|documents| {
            documents
                .items()
                .map(|document| Document {
                    id: document.get("id").filter(|id| !id.is_null()).map(plain),
                    text: document.text("text").unwrap_or_else(|| plain(document)),
                    score: document.get("score").filter(|score| !score.is_null()).map(plain),
                    metadata: document
                        .get("metadata")
                        .filter(|metadata| !metadata.is_null())
                        .map(|metadata| metadata.raw_str().into_owned()),
                })
                .collect()
        }),
        error: present("error").map(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_survives_the_way_out_and_back() {
        let there = Outcome {
            output: Some(r#"{"a":[1,"x\ny"]}"#.into()),
            documents: Some(vec![
                Document {
                    id: Some("7".into()),
                    text: "A \"quoted\" text".into(),
                    score: Some("1.25".into()),
                    metadata: None,
                },
                Document { metadata: Some(r#"{"title":"Fares"}"#.into()), ..Document::default() },
            ]),
            error: Some("late".into()),
        };
        let json = Json::parse_text(&ending(&there)).expect("JSON");
        assert_eq!(outcome(json.root()), there);
        assert_eq!(ending(&Outcome::default()), "{}");
    }

    #[test]
    fn bodies_are_json_whatever_they_are_made_of() {
        let node = Node::new("to\"ol", "a\nb", "no json").call_id("x");
        assert_eq!(node.body, r#"{"kind":"to\"ol","name":"a\nb","input":"no json","call_id":"x""#);
        assert_eq!(Node::new("tool", "a", "{}").body, r#"{"kind":"tool","name":"a","input":{}"#);
    }

    #[test]
    fn the_thread_leaves_a_node_that_panics() {
        let caught = std::panic::catch_unwind(|| inside(Some("1"), || panic!("on purpose")));
        assert!(caught.is_err());
        assert!(INSIDE.with_borrow(Vec::is_empty));
    }
}
