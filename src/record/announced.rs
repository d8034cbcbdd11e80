//! Announced nodes: their keys, their documents, and the tool calls that they are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::lanes::Turn;
use super::tools::Seen;
use crate::model::event::{Begin, Finish, Seq};
use crate::model::{Document, ToolState};
use crate::text::json::{Json, Kind, Ref};
use crate::wire::canonical::{self, Canonical, Key};
use crate::wire::keys;

/// An announced node and its places among all events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    /// Place of its beginning.
    pub(crate) began: usize,
    /// Its beginning.
    pub(crate) begin: &'a Begin,
    /// Its end.
    pub(crate) finish: Option<&'a Finish>,
}

/// Key of an announced node: kind, name and canonical input.
#[must_use]
pub fn key(kind: &str, name: &str, input: &Bytes) -> Key {
    let operation = format!("announced {kind} {name}");
    canonical(kind, name, input)
        .map_or_else(|| canonical::parts(&operation, &[(String::new(), input.clone())]).key, |canonical| canonical.key)
}

/// The canonical form of an announced node's input; `None` if it is no JSON.
#[must_use]
pub fn canonical(kind: &str, name: &str, input: &Bytes) -> Option<Canonical> {
    let json = Json::parse(input.clone()).ok()?;
    Some(canonical::json(&format!("announced {kind} {name}"), &keys::PLAIN, json, &|_| None))
}

/// Documents as they are announced: a list of texts or of objects with `id`, `text`, `score` and `metadata`.
#[must_use]
pub fn documents(list: &Bytes) -> Option<Vec<Document>> {
    let json = Json::parse(list.clone()).ok()?;
    if json.root().kind() != Kind::Array {
        return None;
    }
    Some(json.root().items().map(document).collect())
}

fn document(item: Ref<'_>) -> Document {
    if let Some(text) = item.as_str() {
        return Document { text: text.into_owned(), ..Document::default() };
    }
    let written = |key: &str| {
        let value = item.get(key).filter(|value| !value.is_null())?;
        Some(value.as_str().map_or_else(|| value.raw_str().into_owned(), std::borrow::Cow::into_owned))
    };
    Document {
        id: written("id"),
        text: written("text").or_else(|| written("content")).or_else(|| written("page_content")).unwrap_or_default(),
        score: written("score"),
        metadata: item.get("metadata").filter(|value| !value.is_null()).map(|value| value.raw_str().into_owned()),
    }
}

/// Which announced node is which tool of the conversation: by call id, else by name, arguments and time.
pub(crate) fn join(seen: &[Seen], turns: &[Turn<'_>], told: &[Told<'_>]) -> BTreeMap<usize, Seq> {
    let mut same = BTreeMap::new();
    let mut used = BTreeSet::new();
    for told in told {
        if let Some(id) = &told.begin.call_id
            && let Some(number) = seen.iter().position(|tool| tool.call.id == *id && !id.is_empty())
            && !same.contains_key(&number)
        {
            same.insert(number, told.begin.seq);
            used.insert(told.begin.seq);
        }
    }
    for (number, tool) in seen.iter().enumerate() {
        if same.contains_key(&number) || tool.state == ToolState::RunByProvider {
            continue;
        }
        let asked = turns[tool.turn].ended;
        let read = tool.readers.first().map_or(usize::MAX, |reader| turns[*reader].began);
        let arguments = key("tool", &tool.call.name, &Bytes::from(tool.call.arguments.clone()));
        let found = told.iter().find(|told| {
            !used.contains(&told.begin.seq)
                && told.begin.call_id.is_none()
                && told.begin.kind == "tool"
                && told.begin.name == tool.call.name
                && told.began > asked
                && told.began < read
                && key("tool", &tool.call.name, &told.begin.input) == arguments
        });
        if let Some(told) = found {
            same.insert(number, told.begin.seq);
            used.insert(told.begin.seq);
        }
    }
    same
}
