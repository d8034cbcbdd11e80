//! Looks for credentials in a run before it is written where everybody can read it.

use bytes::Bytes;

use crate::model::{NodeId, Run};
use crate::redact::Redactor;
use crate::text::json::Json;

/// Where a credential stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The node, where it is one's.
    pub node: Option<NodeId>,
    /// `request`, `answer`, `input`, `output`, `documents`, `header NAME`, `command` or the agent's stream.
    pub part: String,
    /// Path in the JSON; empty where it is none.
    pub path: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.part)?;
        if let Some(node) = self.node {
            write!(formatter, " of node {node}")?;
        }
        if !self.path.is_empty() {
            write!(formatter, ", `{}`", self.path)?;
        }
        Ok(())
    }
}

/// The first credential in a run, by what the redactor knows now.
#[must_use]
pub fn find(run: &Run, redactor: &Redactor) -> Option<Place> {
    let node = |seq| run.graph.nodes().find(|node| node.seq == Some(seq) || node.attempts.contains(&seq));
    let place = |seq, part: &str, path: Option<String>| {
        path.map(|path| Place { node: node(seq).map(|node| node.id), part: part.to_owned(), path })
    };
    for (seq, call) in &run.calls {
        let kind = |headers: &[(String, String)]| {
            headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let request = &call.request;
        let found = changed(&request.body, &redactor.body(&kind(&request.headers), &request.body));
        if let Some(found) = place(*seq, "request", found) {
            return Some(found);
        }
        if let Some(answer) = &call.answer {
            let body = answer.body();
            let found = changed(&body, &redactor.answer(&kind(&answer.headers), &body));
            if let Some(found) = place(*seq, "answer", found) {
                return Some(found);
            }
        }
    }
    for (seq, announced) in &run.announced {
        let finish = announced.finish.as_ref();
        let parts = [
            ("input", Some(&announced.begin.input)),
            ("output", finish.map(|finish| &finish.output)),
            ("documents", finish.map(|finish| &finish.documents)),
        ];
        for (part, bytes) in parts {
            let found = bytes.and_then(|bytes| changed(bytes, &redactor.body("application/json", bytes)));
            if let Some(found) = place(*seq, part, found) {
                return Some(found);
            }
        }
    }
    let outside = |part: &str| Place { node: None, part: part.to_owned(), path: String::new() };
    for (number, part) in [(0, "standard input"), (1, "standard output"), (2, "standard error")] {
        let pieces = run.output.iter().filter(|output| output.stream == number);
        let bytes: Vec<u8> = pieces.flat_map(|output| output.bytes.iter().copied()).collect();
        if redactor.text(&bytes)[..] != bytes {
            return Some(outside(part));
        }
    }
    let command = run.started.command.join(" ");
    (redactor.text(command.as_bytes())[..] != *command.as_bytes()).then(|| outside("command"))
}

/// The path of the first value that differs, if any does.
fn changed(before: &Bytes, after: &Bytes) -> Option<String> {
    if before == after {
        return None;
    }
    let at = before.iter().zip(after.iter()).take_while(|(before, after)| before == after).count();
    let Ok(json) = Json::parse(before.clone()) else { return Some(String::new()) };
    let mut value = json.root();
    while let Some(inner) = value.items().find(|inner| inner.member_span().contains(&at)) {
        value = inner;
    }
    Some(value.path().to_string())
}
