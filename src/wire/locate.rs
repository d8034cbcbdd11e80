//! Finds what a path of `--set` means in a body, reads it and sets it.
//!
//! A path is in the words that all dialects share (`system`, `messages[0].content`, `tools[1].…`,
//! `texts[0]`, `answer`, `tool_calls[0].arguments.x`), or that of the body itself, with or without
//! `request.` or `response.` before it. So every path that the model carries can be set.

use std::fmt;

use super::dialect::{Dialect, Layout};
use super::embedded::Embedded;
use super::places::{OF_ANSWERS, Place, not_there};
use crate::text::json::{Edit, Json, Kind, Path, Ref, Step, quote};

/// Which body a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The request.
    Request,
    /// The answer, as it is without a stream.
    Answer,
}

/// A value that a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its index in the body.
    pub item: u32,
    /// What a new value is written as.
    pub form: Form,
}

/// What a value is written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// JSON as it is given.
    Json,
    /// A value at this path of the JSON that the string holds.
    Embedded(Path),
}

/// What stands where a path goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Has {
    /// A list of so many items.
    Items(usize),
    /// An object with these keys.
    Keys(Vec<String>),
    /// A value that holds no others.
    Scalar,
}

/// Why a path means nothing in a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlocated {
    /// It leads to nothing.
    #[error("there is no `{path}`: {}", has.about(at))]
    NotThere {
        /// The path.
        path: String,
        /// How far it leads.
        at: String,
        /// What stands there.
        has: Has,
    },
    /// It means several texts, of which one has to be named.
    #[error("`{path}` has {} texts: {}", parts.len(), list(parts))]
    Several {
        /// The path.
        path: String,
        /// Their paths.
        parts: Vec<String>,
    },
    /// It belongs to the other of request and answer, or to another kind of node.
    #[error("`{path}` is no part of {}", match side { Side::Request => "a request", Side::Answer => "an answer" })]
    OtherSide {
        /// The path.
        path: String,
        /// Where it was looked for.
        side: Side,
    },
    /// The new value is no JSON, but the old one is not text.
    #[error("`{path}` needs a JSON value like `{old}`, not `{value}`")]
    NotJson {
        /// The path.
        path: String,
        /// The new value.
        value: String,
        /// The old one, shortened.
        old: String,
    },
}

impl Has {
    fn about(&self, at: &str) -> String {
        let at = if at.is_empty() { "the body".to_owned() } else { format!("`{at}`") };
        match self {
            Self::Items(0) => format!("{at} has no items"),
            Self::Items(1) => format!("{at} has 1 item"),
            Self::Items(count) => format!("{at} has {count} items"),
            Self::Keys(keys) if keys.is_empty() => format!("{at} is empty"),
            Self::Keys(keys) => format!("{at} has {}", list(keys)),
            Self::Scalar => format!("{at} is a plain value"),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Request => "request",
            Self::Answer => "response",
        })
    }
}

fn list(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The side that a path is about, by its first step.
#[must_use]
pub fn side(path: &Path) -> Side {
    match path.0.first() {
        Some(Step::Key(key)) if OF_ANSWERS.contains(&key.as_str()) => Side::Answer,
        _ => Side::Request,
    }
}

impl Dialect {
    /// Finds what a path means; several texts where a part of a conversation has several.
    ///
    /// # Errors
    /// How far the path leads, and what stands there.
    pub fn locate(&self, side: Side, body: &Json, path: &Path) -> Result<Vec<Target>, Unlocated> {
        let places = self.places(side, body, path)?;
        let found: Vec<Target> = places
            .into_iter()
            .filter_map(|place| match place {
                Place::At(target) => Some(target),
                _ => None,
            })
            .collect();
        if found.is_empty() { Err(not_there(body.root(), path)) } else { Ok(found) }
    }

    /// The value that a path means: of text the text, of anything else its JSON.
    #[must_use]
    pub fn get(&self, side: Side, body: &Json, path: &Path) -> Option<String> {
        let found = self.locate(side, body, path).ok()?;
        let values: Vec<String> = found
            .iter()
            .filter_map(|target| {
                let value = body.value(target.item);
                match &target.form {
                    Form::Embedded(inside) => Embedded::open(value)?.json.root().find(inside).map(shown),
                    Form::Text if value.is_null() => Some(String::new()),
                    Form::Text | Form::Json => Some(shown(value)),
                }
            })
            .collect();
        (!values.is_empty()).then(|| values.join("\n"))
    }

    /// The body with another value at this path. Where text stands the value is text, else it is
    /// JSON; a parameter, a system prompt or an argument that is not there is added. All other bytes
    /// stay.
    ///
    /// # Errors
    /// How far the path leads, that it means several texts, or that the value is no JSON.
    pub fn set(&self, side: Side, body: &Json, path: &Path, value: &str) -> Result<Vec<u8>, Unlocated> {
        let mut places = self.places(side, body, path)?;
        if places.len() > 1 {
            let parts = places.iter().filter_map(|place| match place {
                Place::At(target) => Some(body.value(target.item).path().to_string()),
                _ => None,
            });
            return Err(Unlocated::Several { path: path.to_string(), parts: parts.collect() });
        }
        let Some(place) = places.pop() else { return Err(not_there(body.root(), path)) };
        let mut edits = vec![edit(body, &place, path, value)?];
        if let (Layout::Responses, Side::Answer, Place::At(target)) = (self.layout, side, &place) {
            // Some servers say the whole text once more beside the output.
            let text = body.value(target.item);
            let again = body.root().get("output_text").filter(|again| again.index() != text.index());
            if let Some(again) = again.filter(|again| text.kind() == Kind::String && again.raw() == text.raw()) {
                edits.push(Edit { span: again.span(), with: quote(value).into_bytes() });
            }
        }
        Ok(body.splice(edits))
    }
}

fn edit(body: &Json, place: &Place, path: &Path, value: &str) -> Result<Edit, Unlocated> {
    match place {
        Place::At(Target { item, form: Form::Embedded(inside) }) => {
            let embedded = Embedded::open(body.value(*item)).ok_or_else(|| not_there(body.root(), path))?;
            let root = embedded.json.root();
            let old = root.find(inside).ok_or_else(|| not_there(body.root(), path))?;
            let with = written(old, old.kind() == Kind::String, path, value)?;
            Ok(embedded.outwards(&Edit { span: old.span(), with }))
        }
        Place::At(Target { item, form }) => {
            let old = body.value(*item);
            Ok(Edit { span: old.span(), with: written(old, *form == Form::Text, path, value)? })
        }
        Place::Added { parent, keys } => Ok(added(body.value(*parent), keys, value)),
        Place::AddedInside { string, parent, keys } => {
            let embedded = Embedded::open(body.value(*string)).ok_or_else(|| not_there(body.root(), path))?;
            let parent = embedded.json.root().find(parent).ok_or_else(|| not_there(body.root(), path))?;
            Ok(embedded.outwards(&added(parent, keys, value)))
        }
        Place::FirstMessage { list } => {
            let list = body.value(*list);
            let comma = if list.is_empty() { "" } else { "," };
            let start = list.span().start + 1;
            let with = format!(r#"{{"role":"system","content":{}}}{comma}"#, quote(value));
            Ok(Edit { span: start..start, with: with.into_bytes() })
        }
    }
}

fn shown(value: Ref<'_>) -> String {
    value.as_str().unwrap_or_else(|| value.raw_str()).into_owned()
}

/// A new value as it is written: text as a string, else JSON; what says nothing takes either.
fn written(old: Ref<'_>, text: bool, path: &Path, value: &str) -> Result<Vec<u8>, Unlocated> {
    if text {
        return Ok(quote(value).into_bytes());
    }
    if Json::parse_text(value).is_ok() {
        return Ok(value.trim().as_bytes().to_vec());
    }
    if old.is_null() {
        return Ok(quote(value).into_bytes());
    }
    let old: String = old.raw_str().chars().take(40).collect();
    Err(Unlocated::NotJson { path: path.to_string(), value: value.to_owned(), old })
}

/// A new member at the end of an object: JSON where the value is some, else text.
fn added(parent: Ref<'_>, keys: &[String], value: &str) -> Edit {
    let mut with = match Json::parse_text(value) {
        Ok(_) if keys.last().is_none_or(|key| !TEXTS.contains(&key.as_str())) => value.trim().to_owned(),
        _ => quote(value),
    };
    for (place, key) in keys.iter().enumerate().rev() {
        with = format!("{}:{with}", quote(key));
        if place > 0 {
            with = format!("{{{with}}}");
        }
    }
    if !parent.is_empty() {
        with.insert(0, ',');
    }
    let end = parent.span().end - 1;
    Edit { span: end..end, with: with.into_bytes() }
}

/// Members that are text whatever it looks like.
const TEXTS: &[&str] = &["system", "instructions", "content", "description"];

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"u"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}], "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{}}}],"stop":null,"n":1}"#;
    const CHAT_ANSWER: &str = r#"{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},{"id":"d","type":"function","function":{"name":"g","arguments":""}}]}}]}"#;
    const RESPONSES: &str = r#"{"input":[{"role":"developer","content":"s"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"r"}],"tools":[{"type":"function","name":"f","description":"d"}]}"#;
    const RESPONSES_ANSWER: &str = r#"{"output":[{"type":"reasoning","summary":[]},{"type":"message","content":[{"type":"output_text","text":"t"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"}],"output_text":"t"}"#;
    const MESSAGES: &str = r#"{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":"u"},{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"c","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"r"}]}],"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}]}"#;
    const MESSAGES_ANSWER: &str = r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"tool_use","id":"c","name":"f","input":{"a":1}}]}"#;

    fn dialect(name: &str) -> &'static Dialect {
        Dialect::named(name).expect("a dialect")
    }

    /// What becomes of the body: the changed part of it, or why there is none.
    fn set(name: &str, body: &str, path: &str, value: &str) -> String {
        let json = Json::parse_text(body).expect("JSON");
        let path = Path::parse(path).expect("a path");
        let request = ["messages", "input"].iter().any(|key| json.root().get(key).is_some());
        let which = if request { Side::Request } else { Side::Answer };
        match dialect(name).set(which, &json, &path, value) {
            Ok(edited) => {
                let edited = String::from_utf8(edited).expect("text");
                assert!(Json::parse_text(&edited).is_ok(), "{edited}");
                let start = body.bytes().zip(edited.bytes()).take_while(|(old, new)| old == new).count();
                let rest = body.len().min(edited.len()) - start;
                let same = body.bytes().rev().zip(edited.bytes().rev()).take(rest).take_while(|(old, new)| old == new);
                let end = same.count();
                format!("{} -> {}", &body[start..body.len() - end], &edited[start..edited.len() - end])
            }
            Err(error) => error.to_string(),
        }
    }

    fn check(name: &str, body: &str, path: &str, value: &str, expected: &str) {
        assert_eq!(set(name, body, path, value), expected, "{path}");
    }

    #[test]
    fn chat_requests_are_set() {
        let check = |path: &str, value: &str, expected: &str| check("openai-chat", CHAT, path, value, expected);
        check("system", "new", "s -> new");
        check("messages[0].content", "new", "s -> new");
        check("messages[1].content", "x \"y\"", r#"u -> x \"y\""#);
        check("messages[1].content[0].text", "new", "u -> new");
        check("messages[3].content", "9", "r -> 9");
        check("messages[2].content", "new", r#"null -> "new""#);
        check("messages[2].tool_calls[0].arguments.a", "2", "1 -> 2");
        check("messages[2].tool_calls[0].function.arguments.a", "2", "1 -> 2");
        check("messages[2].tool_calls[0].arguments.b", "x", r#" -> ,\"b\":\"x\""#);
        check("messages[2].tool_calls[0].name", "new", "f -> new");
        check("tools[0].description", "new", "d -> new");
        check("tools[0].parameters", r#"{"x":1}"#, r#" -> "x":1"#);
        check("model", "new", "m -> new");
        check("n", "2", "1 -> 2");
        check("stop", "END", r#"null -> "END""#);
        check("temperature", "0", r#" -> ,"temperature":0"#);
        check("reasoning.effort", "high", r#" -> ,"reasoning":{"effort":"high"}"#);
        check("request.messages[0].role", "developer", "system -> developer");
        check("messages[7].content", "x", "there is no `messages[7].content`: `messages` has 4 items");
        check("messages[0].contnet", "x", "there is no `messages[0].contnet`: `messages[0]` has `role`, `content`");
        check("tools[1]", "{}", "there is no `tools[1]`: `tools` has 1 item");
        check(
            "messages[2].tool_calls[3].name",
            "x",
            "there is no `messages[2].tool_calls[3].name`: `tool_calls` has 1 item",
        );
        check("n", "many", "`n` needs a JSON value like `1`, not `many`");
        check("answer", "x", "`answer` is no part of a request");
        check("result", "x", "`result` is no part of a request");
    }

    #[test]
    fn other_requests_are_set() {
        check("openai-responses", RESPONSES, "system", "new", "s -> new");
        check("openai-responses", RESPONSES, "messages[2].content", "new", "r -> new");
        check("openai-responses", RESPONSES, "input[2].output", "new", "r -> new");
        check("openai-responses", RESPONSES, "messages[1].tool_calls[0].arguments.x", "1", r#" -> \"x\":1"#);
        check("openai-responses", RESPONSES, "tools[0].description", "new", "d -> new");
        let text = r#"{"input":"u","tools":[]}"#;
        check("openai-responses", text, "messages[0].content", "new", "u -> new");
        check("openai-responses", text, "messages[0]", "new", "u -> new");
        check("openai-responses", text, "system", "4", r#" -> ,"instructions":"4""#);
        check("anthropic-messages", MESSAGES, "system", "new", "s -> new");
        check("anthropic-messages", MESSAGES, "system[0].text", "new", "s -> new");
        check("anthropic-messages", MESSAGES, "messages[0].content", "new", "u -> new");
        check("anthropic-messages", MESSAGES, "messages[1].content", "new", "a -> new");
        check("anthropic-messages", MESSAGES, "messages[2].content", "new", "r -> new");
        check("anthropic-messages", MESSAGES, "messages[1].tool_calls[0].arguments.a", "2", "1 -> 2");
        check("anthropic-messages", MESSAGES, "tools[0].parameters.type", "new", "object -> new");
        let bare = r#"{"messages":[],"model":"m"}"#;
        check("anthropic-messages", bare, "system", "new", r#" -> ,"system":"new""#);
        check("openai-chat", bare, "system", "new", r#" -> {"role":"system","content":"new"}"#);
        let texts = r#"{"input":["a","b"],"model":"m"}"#;
        check("openai-embeddings", texts, "texts[1]", "new", "b -> new");
        check("openai-embeddings", texts, "texts[2]", "x", "there is no `texts[2]`: `input` has 2 items");
        check("openai-embeddings", r#"{"input":"a","model":"m"}"#, "texts[0]", "new", "a -> new");
    }

    #[test]
    fn answers_are_set() {
        check("openai-chat", CHAT_ANSWER, "answer", "new", r#"null -> "new""#);
        check("openai-chat", CHAT_ANSWER, "tool_calls[0].arguments.a", "\"x\"", r#"1 -> \"x\""#);
        check("openai-chat", CHAT_ANSWER, "tool_calls[0].arguments", "{}", r#"\"a\": 1 -> "#);
        check("openai-chat", CHAT_ANSWER, "tool_calls[1].arguments.city", "Rome", r#" -> {\"city\":\"Rome\"}"#);
        check("openai-chat", CHAT_ANSWER, "tool_calls[1].name", "h", "g -> h");
        check(
            "openai-chat",
            CHAT_ANSWER,
            "tool_calls[2].name",
            "h",
            "there is no `tool_calls[2].name`: `tool_calls` has 2 items",
        );
        check("openai-chat", CHAT_ANSWER, "response.choices[0].message.role", "x", "assistant -> x");
        check(
            "openai-responses",
            RESPONSES_ANSWER,
            "answer",
            "new",
            r#"t"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"}],"output_text":"t -> new"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"}],"output_text":"new"#,
        );
        check("openai-responses", RESPONSES_ANSWER, "tool_calls[0].arguments.a", "[]", "1 -> []");
        check(
            "anthropic-messages",
            MESSAGES_ANSWER,
            "answer",
            "new",
            "`answer` has 2 texts: `content[0].text`, `content[1].text`",
        );
        check("anthropic-messages", MESSAGES_ANSWER, "content[1].text", "new", "b -> new");
        check("anthropic-messages", MESSAGES_ANSWER, "tool_calls[0].arguments.b.c", "1", r#" -> ,"b":{"c":1}"#);
        check("anthropic-messages", MESSAGES_ANSWER, "tool_calls[0].name", "g", "f -> g");
    }

    #[test]
    fn values_are_got() {
        let get = |name: &str, body: &str, path: &str| {
            let json = Json::parse_text(body).expect("JSON");
            let path = Path::parse(path).expect("a path");
            dialect(name).get(side(&path), &json, &path)
        };
        let chat = |path: &str| get("openai-chat", CHAT, path);
        assert_eq!(chat("system").as_deref(), Some("s"));
        assert_eq!(chat("tools[0].parameters").as_deref(), Some("{}"));
        assert_eq!(chat("messages[2].content").as_deref(), Some(""));
        assert_eq!(chat("messages[2].tool_calls[0].arguments.a").as_deref(), Some("1"));
        assert_eq!(chat("temperature"), None);
        assert_eq!(get("anthropic-messages", MESSAGES_ANSWER, "answer").as_deref(), Some("a\nb"));
        let list = get("openai-responses", RESPONSES, "messages").expect("the input");
        assert!(list.starts_with(r#"[{"role":"developer""#), "{list}");
    }
}
