//! Announced nodes: their keys, their documents, and the tool calls that they are.

use std::collections::{BTreeMap, HashMap, VecDeque};

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

/// Which announced node is which tool of the conversation: by call id, where ids repeat by arguments too; else by
/// name, arguments and time. An announced tool began after the answer that asked for it.
pub(crate) fn join(seen: &[Seen], turns: &[Turn<'_>], told: &[Told<'_>]) -> BTreeMap<usize, Seq> {
    let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, tool) in seen.iter().enumerate().filter(|(_, tool)| !tool.call.id.is_empty()) {
        by_id.entry(&tool.call.id).or_default().push(number);
    }
    let mut same: BTreeMap<usize, Seq> = BTreeMap::new();
    for told in told {
        let named = told.begin.call_id.as_deref().and_then(|id| by_id.get_mut(id));
        let Some(alike) = named.filter(|alike| !alike.is_empty()) else { continue };
        let place = if let [_] = alike.as_slice() {
            Some(0)
        } else {
            let asked = |number: &usize| turns[seen[*number].turn].ended < told.began;
            let input = key("tool", &told.begin.name, &told.begin.input);
            let equal = |number: &usize| arguments(&seen[*number]) == input;
            let found = alike.iter().position(|number| asked(number) && equal(number));
            found.or_else(|| alike.iter().position(asked))
        };
        if let Some(place) = place {
            same.insert(alike.remove(place), told.begin.seq);
        }
    }
    let mut nameless: HashMap<Key, VecDeque<&Told<'_>>> = HashMap::new();
    for told in told.iter().filter(|told| told.begin.kind == "tool" && told.begin.call_id.is_none()) {
        let input = key("tool", &told.begin.name, &told.begin.input);
        nameless.entry(input).or_default().push_back(told);
    }
    if nameless.is_empty() {
        return same;
    }
    for (number, tool) in seen.iter().enumerate() {
        if same.contains_key(&number) || tool.state == ToolState::RunByProvider {
            continue;
        }
        let asked = turns[tool.turn].ended;
        let read = tool.readers.first().map_or(usize::MAX, |reader| turns[*reader].began);
        let Some(alike) = nameless.get_mut(&arguments(tool)) else { continue };
        if let Some(place) = alike.iter().position(|told| told.began > asked && told.began < read)
            && let Some(told) = alike.remove(place)
        {
            same.insert(number, told.begin.seq);
        }
    }
    same
}

/// Key of the announced node that this call would be.
fn arguments(tool: &Seen) -> Key {
    key("tool", &tool.call.name, &Bytes::from(tool.call.arguments.clone()))
}
