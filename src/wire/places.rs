//! Follows a path of `--set` into a body: the words that all dialects share, then the body's own.

use super::dialect::{Dialect, Layout};
use super::embedded::Embedded;
use super::locate::{Form, Has, Side, Target, Unlocated};
use crate::model::{Part, ToolCall};
use crate::text::json::{Json, Kind, Path, Ref, Step};

/// First steps of a path into an answer.
pub(super) const OF_ANSWERS: &[&str] = &["answer", "tool_calls", "response", "choices", "output", "outputs", "content"];

/// First steps of a path into another kind of node: never a parameter.
const OF_OTHERS: &[&str] = &["result", "documents", "arguments"];

/// Where a value stands or will stand.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// There.
    At(Target),
    /// In a new member of this object, below these keys.
    Added { parent: u32, keys: Vec<String> },
    /// In a new member of an object inside a string.
    AddedInside { string: u32, parent: Path, keys: Vec<String> },
    /// In a new first message of this list.
    FirstMessage { list: u32 },
}

impl Dialect {
    /// The places that a path means; several where it means several texts.
    pub(super) fn places(&self, side: Side, body: &Json, path: &Path) -> Result<Vec<Place>, Unlocated> {
        let root = body.root();
        let steps = path.0.as_slice();
        let Some((Step::Key(first), rest)) = steps.split_first() else {
            return raw(root, steps, path, false).map(|place| vec![place]);
        };
        let there = root.get(first).is_some();
        match (side, first.as_str()) {
            (Side::Request, "request") | (Side::Answer, "response") => {
                return raw(root, rest, path, true).map(|place| vec![place]);
            }
            (Side::Request, key) if !there && (OF_ANSWERS.contains(&key) || OF_OTHERS.contains(&key)) => {
                return Err(Unlocated::OtherSide { path: path.to_string(), side });
            }
            (Side::Answer, "request" | "system" | "messages" | "input" | "tools") if !there => {
                return Err(Unlocated::OtherSide { path: path.to_string(), side });
            }
            _ => {}
        }
        match (side, first.as_str(), rest) {
            (Side::Answer, "answer", []) => self.answer(body, path),
            (Side::Answer, "tool_calls", [Step::Index(place), rest @ ..]) => {
                let reply = self.read(body);
                let calls: Vec<&ToolCall> = reply.tool_calls().collect();
                one(call(body, &calls, *place, rest, path))
            }
            (Side::Request, "system", []) => self.system(body, path),
            (Side::Request, "messages" | "input" | "inputs", [Step::Index(place), rest @ ..])
                if first != "inputs" || self.layout == Layout::Conversations =>
            {
                self.message(body, *place, rest, path)
            }
            (Side::Request, "messages", []) if self.layout == Layout::Responses && !there => {
                one(raw(root, &[Step::Key("input".to_owned())], path, false))
            }
            (Side::Request, "messages", []) if self.layout == Layout::Conversations && !there => {
                one(raw(root, &[Step::Key("inputs".to_owned())], path, false))
            }
            (Side::Answer, _, _) | (Side::Request, "messages" | "input", _) => one(raw(root, steps, path, false)),
            (Side::Request, "tools", [Step::Index(place), rest @ ..]) => one(tool(root, *place, rest, path)),
            (Side::Request, "texts", [Step::Index(place)]) if self.layout == Layout::Embeddings && !there => {
                let texts = root.get("input").or_else(|| root.get("inputs"));
                let texts = texts.ok_or_else(|| not_there(root, path))?;
                match texts.kind() {
                    Kind::Array => one(raw(texts, &[Step::Index(*place)], path, false)),
                    _ if *place == 0 => one(Ok(at(texts))),
                    _ => Err(no_item(path, "texts", 1)),
                }
            }
            (Side::Request, _, _) => one(raw(root, steps, path, true)),
        }
    }

    /// The texts of an answer.
    fn answer(&self, body: &Json, path: &Path) -> Result<Vec<Place>, Unlocated> {
        let root = body.root();
        let reply = self.read(body);
        let texts: Vec<Place> = reply
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => root.find(&Path::parse(&text.path).ok()?).map(text_at),
                _ => None,
            })
            .collect();
        if !texts.is_empty() {
            return Ok(texts);
        }
        // No text, or an empty one: it can be written where the dialect keeps it.
        let message = root.get("choices").and_then(|choices| choices.at(0)).and_then(|choice| choice.get("message"));
        if let Some(message) = message.filter(|message| message.kind() == Kind::Object) {
            return Ok(vec![match message.get("content") {
                Some(content) if matches!(content.kind(), Kind::Null | Kind::String) => text_at(content),
                Some(content) => return Err(not_there(content, path)),
                None => Place::Added { parent: message.index(), keys: vec!["content".to_owned()] },
            }]);
        }
        let empty = |block: Ref<'_>| block.get("text").filter(|text| text.raw() == b"\"\"").map(text_at);
        let blocks = root.get("content").into_iter().flat_map(Ref::items);
        let items = root.get("output").into_iter().flat_map(Ref::items);
        let inside = items.filter_map(|item| item.get("content")).flat_map(Ref::items);
        blocks.chain(inside).find_map(empty).map(|place| vec![place]).ok_or_else(|| not_there(root, path))
    }

    /// The system prompt, wherever the dialect keeps it.
    fn system(&self, body: &Json, path: &Path) -> Result<Vec<Place>, Unlocated> {
        let root = body.root();
        let key = match self.layout {
            Layout::Messages => "system",
            Layout::Responses | Layout::Conversations => "instructions",
            Layout::Chat => "",
            Layout::Embeddings => return Err(not_there(root, path)),
        };
        let beside = root.get(key);
        if let Some(beside) = beside.filter(|beside| !beside.is_null()) {
            return texts(beside).ok_or_else(|| not_there(beside, path));
        }
        let messages = root.get("messages").or_else(|| root.get("input")).filter(|list| list.kind() == Kind::Array);
        let first = messages
            .filter(|_| self.layout != Layout::Messages)
            .into_iter()
            .flat_map(Ref::items)
            .find(|item| item.text("role").is_some_and(|role| matches!(role.as_str(), "system" | "developer")));
        if let Some(content) = first.and_then(|message| message.get("content")) {
            return texts(content).ok_or_else(|| not_there(content, path));
        }
        match (self.layout, beside, messages) {
            (_, Some(null), _) => Ok(vec![text_at(null)]),
            (Layout::Chat, None, Some(list)) => Ok(vec![Place::FirstMessage { list: list.index() }]),
            (Layout::Messages | Layout::Responses | Layout::Conversations, None, _) if root.kind() == Kind::Object => {
                Ok(vec![Place::Added { parent: root.index(), keys: vec![key.to_owned()] }])
            }
            _ => Err(not_there(root, path)),
        }
    }

    /// A message, or something in it.
    fn message(&self, body: &Json, place: usize, rest: &[Step], path: &Path) -> Result<Vec<Place>, Unlocated> {
        let root = body.root();
        let key = match self.layout {
            Layout::Responses | Layout::Embeddings => "input",
            Layout::Conversations => "inputs",
            Layout::Chat | Layout::Messages => "messages",
        };
        let list = root.get(key).ok_or_else(|| not_there(root, path))?;
        if list.kind() == Kind::String && place == 0 {
            let whole = rest.is_empty() || matches!(rest, [Step::Key(key)] if key == "content");
            return if whole { Ok(vec![text_at(list)]) } else { Err(not_there(list, path)) };
        }
        let item = list.at(place).ok_or_else(|| not_there(list, path))?;
        match rest {
            [Step::Key(key)] if key == "content" => {
                let content = ["content", "output", "result"].iter().find_map(|key| item.get(key));
                let content = content.ok_or_else(|| not_there(item, path))?;
                texts(content).ok_or_else(|| not_there(content, path))
            }
            [Step::Key(key), Step::Index(number), rest @ ..] if key == "tool_calls" => {
                let prompt = self.prompt(body);
                let here = item.path().to_string();
                let message = prompt.messages.iter().find(|message| message.path == here);
                let calls: Vec<&ToolCall> = message
                    .iter()
                    .flat_map(|message| &message.parts)
                    .filter_map(|part| match part {
                        Part::ToolCall(call) => Some(call),
                        _ => None,
                    })
                    .collect();
                one(call(body, &calls, *number, rest, path))
            }
            _ => one(raw(item, rest, path, false)),
        }
    }
}

fn one(place: Result<Place, Unlocated>) -> Result<Vec<Place>, Unlocated> {
    place.map(|place| vec![place])
}

/// A tool call, its name, its arguments or something in them.
fn call(body: &Json, calls: &[&ToolCall], place: usize, rest: &[Step], path: &Path) -> Result<Place, Unlocated> {
    let root = body.root();
    let found = calls.get(place).ok_or_else(|| no_item(path, "tool_calls", calls.len()))?;
    let value = Path::parse(&found.path).ok().and_then(|path| root.find(&path));
    let value = value.ok_or_else(|| not_there(root, path))?;
    let named = |key: &str| value.get(key).filter(|inside| inside.text("name").as_deref() == Some(&found.name));
    let holder = named("function").or_else(|| named("custom")).unwrap_or(value);
    let Some((Step::Key(key), rest)) = rest.split_first() else {
        return raw(value, rest, path, false);
    };
    match (key.as_str(), rest) {
        ("name", []) => Ok(at(holder.get("name").ok_or_else(|| not_there(holder, path))?)),
        ("arguments", rest) => {
            let arguments =
                ["arguments", "input", "action", "operation", "code"].iter().find_map(|key| holder.get(key));
            raw(arguments.ok_or_else(|| not_there(holder, path))?, rest, path, true)
        }
        (_, rest) => {
            let key = std::iter::once(Step::Key(key.clone()));
            raw(value, &key.chain(rest.iter().cloned()).collect::<Vec<_>>(), path, false)
        }
    }
}

/// A tool that is offered, or something in it, wherever the dialect keeps it.
fn tool(root: Ref<'_>, place: usize, rest: &[Step], path: &Path) -> Result<Place, Unlocated> {
    let list = root.get("tools").ok_or_else(|| not_there(root, path))?;
    let item = list.at(place).ok_or_else(|| not_there(list, path))?;
    let Some(Step::Key(key)) = rest.first() else { return raw(item, rest, path, false) };
    let inside =
        ["function", "custom"].iter().filter_map(|key| item.get(key)).find(|inside| inside.kind() == Kind::Object);
    let schema = match key.as_str() {
        "parameters" => "input_schema",
        "input_schema" => "parameters",
        other => other,
    };
    for name in [key.as_str(), schema] {
        for holder in [Some(item), inside].into_iter().flatten() {
            if holder.get(name).is_some() {
                let key = std::iter::once(Step::Key(name.to_owned()));
                return raw(holder, &key.chain(rest[1..].iter().cloned()).collect::<Vec<_>>(), path, true);
            }
        }
    }
    raw(inside.unwrap_or(item), rest, path, true)
}

/// Follows the steps through the body itself, into strings that hold JSON too. Where `may_add`, keys
/// that an object has not are places for a new value.
fn raw(start: Ref<'_>, steps: &[Step], path: &Path, may_add: bool) -> Result<Place, Unlocated> {
    let mut here = start;
    for (place, step) in steps.iter().enumerate() {
        let next = match step {
            Step::Key(key) => here.get(key),
            Step::Index(index) => here.at(*index),
        };
        if let Some(next) = next {
            here = next;
            continue;
        }
        let rest = &steps[place..];
        if let Some(embedded) = Embedded::open(here) {
            return match raw(embedded.json.root(), rest, path, may_add) {
                Ok(Place::At(Target { form: Form::Text | Form::Json, .. })) => {
                    Ok(Place::At(Target { item: here.index(), form: Form::Embedded(Path(rest.to_vec())) }))
                }
                Ok(Place::Added { parent, keys }) => {
                    let parent = embedded.json.value(parent).path();
                    Ok(Place::AddedInside { string: here.index(), parent, keys })
                }
                Ok(_) => Err(not_there(here, path)),
                Err(Unlocated::NotThere { at, has, .. }) => {
                    let outer = here.path();
                    let at = if at.is_empty() { outer.to_string() } else { format!("{outer}.{at}") };
                    Err(Unlocated::NotThere { path: path.to_string(), at, has })
                }
                Err(error) => Err(error),
            };
        }
        let keys: Option<Vec<String>> = rest
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(key.clone()),
                Step::Index(_) => None,
            })
            .collect();
        return match keys {
            Some(keys) if may_add && here.kind() == Kind::Object => Ok(Place::Added { parent: here.index(), keys }),
            _ => Err(not_there(here, path)),
        };
    }
    Ok(at(here))
}

fn at(value: Ref<'_>) -> Place {
    let form = if value.kind() == Kind::String { Form::Text } else { Form::Json };
    Place::At(Target { item: value.index(), form })
}

fn text_at(value: Ref<'_>) -> Place {
    Place::At(Target { item: value.index(), form: Form::Text })
}

/// The texts of content: itself, or those of its parts.
fn texts(content: Ref<'_>) -> Option<Vec<Place>> {
    match content.kind() {
        Kind::String | Kind::Null => Some(vec![text_at(content)]),
        Kind::Array => {
            let found: Vec<Place> = content.items().filter_map(text_of).map(text_at).collect();
            (!found.is_empty()).then_some(found)
        }
        _ => None,
    }
}

/// The text of a part; of a tool's result in Anthropic's form its only text.
fn text_of(part: Ref<'_>) -> Option<Ref<'_>> {
    if part.kind() == Kind::String {
        return Some(part);
    }
    if let Some(text) = part.get("text").filter(|text| text.kind() == Kind::String) {
        return Some(text);
    }
    let content =
        part.get("content").filter(|_| part.text("type").is_some_and(|kind| kind.ends_with("tool_result")))?;
    match content.kind() {
        Kind::String => Some(content),
        Kind::Array => {
            content.at(0).filter(|_| content.len() == 1)?.get("text").filter(|text| text.kind() == Kind::String)
        }
        _ => None,
    }
}

/// Nothing is where the path leads; this is how far it leads.
pub(super) fn not_there(here: Ref<'_>, path: &Path) -> Unlocated {
    let has = match here.kind() {
        Kind::Array => Has::Items(here.len()),
        Kind::Object => {
            Has::Keys(here.items().filter_map(Ref::key).map(|key| String::from_utf8_lossy(&key).into_owned()).collect())
        }
        _ => Has::Scalar,
    };
    Unlocated::NotThere { path: path.to_string(), at: here.path().to_string(), has }
}

fn no_item(path: &Path, list: &str, count: usize) -> Unlocated {
    Unlocated::NotThere { path: path.to_string(), at: list.to_owned(), has: Has::Items(count) }
}
