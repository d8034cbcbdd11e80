//! The streamed form of responses: events into one response, one response into events.
//!
//! Source: <https://platform.openai.com/docs/api-reference/responses-streaming>.

use super::build::{Object, Value, compact, plain, raw_key};
use super::dialect::Assembled;
use super::sse;
use crate::text::json::{Json, Kind, Ref};

/// Events that end a stream and carry the whole response.
const ENDS: &[&str] = &["response.completed", "response.incomplete", "response.failed", "response.cancelled"];

/// A stream of text within an item: the event's name without `.delta`, the list that the part stands
/// in with the field of the event that says where, and the field that grows.
type Growing = (&'static str, Option<(&'static str, &'static str)>, &'static str);

/// Streams of text within an item.
const GROWS: &[Growing] = &[
    ("response.output_text", Some(("content", "content_index")), "text"),
    ("response.refusal", Some(("content", "content_index")), "refusal"),
    ("response.reasoning_text", Some(("content", "content_index")), "text"),
    ("response.reasoning_summary_text", Some(("summary", "summary_index")), "text"),
    ("response.function_call_arguments", None, "arguments"),
    ("response.mcp_call_arguments", None, "arguments"),
    ("response.custom_tool_call_input", None, "input"),
    ("response.code_interpreter_call_code", None, "code"),
];

/// Most parts that an item is believed to have; an index beyond is nonsense.
const MOST_PARTS: usize = 10_000;

struct Item {
    index: u64,
    item: Object,
}

/// Puts a response together from its events, also from some of them.
pub(super) fn assemble(events: &[sse::Event]) -> Assembled {
    let mut base: Option<Vec<u8>> = None;
    let mut items: Vec<Item> = Vec::new();
    let mut usage = Object::new();
    let mut complete = false;
    let mut error = None;
    for event in events {
        let Ok(json) = Json::parse(event.data.clone()) else {
            if event.name == "error" {
                error = Some(plain(event));
            }
            continue;
        };
        let root = json.root();
        let kind = root.text("type").unwrap_or_else(|| event.name.clone());
        if let Some(response) = root.get("response").filter(|response| response.kind() == Kind::Object) {
            base = Some(response.raw().to_vec());
            if let Some(counts) = response.get("usage").filter(|counts| !counts.is_null()) {
                usage.count_in(b"usage", counts);
            }
        }
        if ENDS.contains(&kind.as_str()) {
            complete = true;
        } else if kind == "error" || (root.get("type").is_none() && root.get("error").is_some_and(|e| !e.is_null())) {
            // The error stands in the event itself, or under `error`.
            let inside = root.get("error").filter(|inside| inside.kind() == Kind::Object).unwrap_or(root);
            error = Some(Value::raw(inside));
        } else {
            add(&mut items, &kind, root);
        }
    }
    let failed = error.is_some();
    items.sort_by_key(|item| item.index);
    let none = items.is_empty();
    let output = Value::List(items.into_iter().map(|item| Value::Object(item.item)).collect());
    let parsed = base.as_ref().and_then(|base| Json::parse(base.clone()).ok());
    // Some servers leave the output of the last event empty.
    let empty = parsed.as_ref().is_none_or(|parsed| parsed.root().get("output").is_none_or(Ref::is_empty));
    let counted = usage.take("usage").filter(|counted| {
        let last = parsed.as_ref().and_then(|parsed| parsed.root().get("usage"));
        last.is_none_or(|last| compact(last.raw()) != compact(&counted.write()))
    });
    if let (Some(base), None, None) = (&base, &error, &counted)
        && (none || (complete && !empty))
    {
        return Assembled { body: base.clone(), complete, failed };
    }
    let mut response = match parsed {
        Some(parsed) => Object::open(parsed.root(), 1),
        None if none && failed => Object::new(),
        None => Object::new().with("object", Value::text("response")),
    };
    if (!none && (empty || !complete)) || (!failed && response.get("output").is_none()) {
        response.set("output", output);
    }
    if let Some(counted) = counted {
        response.set("usage", counted);
    }
    if let Some(error) = error {
        response.set("error", error);
    }
    let body = response.write();
    Assembled { body, complete, failed }
}

fn add(items: &mut Vec<Item>, kind: &str, root: Ref<'_>) {
    let number = |key: &str| root.get(key).and_then(Ref::as_u64);
    if matches!(kind, "response.output_item.added" | "response.output_item.done") {
        let Some(item) = root.get("item").filter(|item| item.kind() == Kind::Object) else { return };
        let index = number("output_index").unwrap_or(items.len() as u64);
        let opened = Object::open(item, 4);
        match items.iter_mut().find(|known| known.index == index) {
            Some(known) => known.item = opened,
            None => items.push(Item { index, item: opened }),
        }
        return;
    }
    let index = number("output_index");
    let id = root.get("item_id").map(|id| Value::open(id, 1));
    let known = items.iter_mut().rev().find(|known| match index {
        Some(index) => known.index == index,
        None => id.is_none() || known.item.get("id") == id.as_ref(),
    });
    let Some(item) = known.map(|known| &mut known.item) else { return };
    let place = |key: &str| number(key).and_then(|place| usize::try_from(place).ok()).unwrap_or_default();
    match kind {
        "response.content_part.added" | "response.content_part.done" => {
            if let (Some(part), Some(slot)) = (root.get("part"), slot(item, "content", place("content_index"))) {
                *slot = Value::open(part, 3);
            }
        }
        "response.reasoning_summary_part.added" | "response.reasoning_summary_part.done" => {
            if let (Some(part), Some(slot)) = (root.get("part"), slot(item, "summary", place("summary_index"))) {
                *slot = Value::open(part, 3);
            }
        }
        "response.output_text.annotation.added" => {
            let part = slot(item, "content", place("content_index"));
            if let (Some(annotation), Some(Value::Object(part))) = (root.get("annotation"), part) {
                part.merge(b"annotations", Value::List(vec![Value::raw(annotation)]));
            }
        }
        _ => grow(item, kind, root, &place),
    }
}

fn grow(item: &mut Object, kind: &str, root: Ref<'_>, place: &dyn Fn(&str) -> usize) {
    let (name, whole) = match (kind.strip_suffix(".delta"), kind.strip_suffix(".done")) {
        (Some(name), _) => (name, false),
        (None, Some(name)) => (name, true),
        (None, None) => return,
    };
    let Some((_, list, field)) = GROWS.iter().find(|(known, ..)| *known == name) else { return };
    let Some(piece) = root.get(if whole { field } else { "delta" }).map(|piece| Value::open(piece, 2)) else {
        return;
    };
    let target = match list {
        None => item,
        Some((list, index)) => {
            let Some(slot) = slot(item, list, place(index)) else { return };
            if !matches!(slot, Value::Object(_)) {
                let kind = match name {
                    "response.reasoning_text" => "reasoning_text",
                    "response.reasoning_summary_text" => "summary_text",
                    "response.refusal" => "refusal",
                    _ => "output_text",
                };
                *slot = Value::Object(Object::new().with("type", Value::text(kind)));
            }
            let Value::Object(part) = slot else { return };
            part
        }
    };
    if whole {
        target.set(field, piece);
    } else {
        target.merge(field.as_bytes(), piece);
    }
}

/// The part at this place of a list, made if it is not there.
fn slot<'a>(item: &'a mut Object, list: &str, place: usize) -> Option<&'a mut Value> {
    if place >= MOST_PARTS {
        return None;
    }
    if !matches!(item.get(list), Some(Value::List(_))) {
        item.set(list, Value::List(Vec::new()));
    }
    let Some(Value::List(parts)) = item.get_mut(list) else { return None };
    while parts.len() <= place {
        parts.push(Value::null());
    }
    parts.get_mut(place)
}

/// Makes the events that a stream of this response would have had.
pub(super) fn events(unary: &Json) -> Vec<Vec<u8>> {
    let root = unary.root();
    if root.kind() != Kind::Object || root.get("output").is_none() {
        let error = root.get("error").filter(|error| error.kind() == Kind::Object).unwrap_or(root);
        let mut event = Object::new().with("type", Value::text("error"));
        for member in error.items() {
            if let Some(key) = raw_key(member).filter(|key| key != b"type") {
                event.set_raw(&key, Value::raw(member));
            }
        }
        return vec![sse::write("error", &compact(&event.write()))];
    }
    let mut writer = Writer { out: Vec::new() };
    let mut started = Object::open(root, 1);
    for (key, value) in [
        ("status", Value::text("in_progress")),
        ("output", Value::List(Vec::new())),
        ("usage", Value::null()),
        ("completed_at", Value::null()),
        ("incomplete_details", Value::null()),
        ("error", Value::null()),
    ] {
        if started.get(key).is_some() {
            started.set(key, value);
        }
    }
    let started = Value::Object(started);
    for kind in ["response.created", "response.in_progress"] {
        writer.event(kind, Object::new().with("response", started.clone()));
    }
    for (place, item) in root.get("output").into_iter().flat_map(Ref::items).enumerate() {
        writer.item(place, item);
    }
    let kind = match root.text("status").as_deref() {
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        _ => "response.completed",
    };
    writer.event(kind, Object::new().with("response", Value::raw(root)));
    writer.out
}

struct Writer {
    out: Vec<Vec<u8>>,
}

impl Writer {
    fn event(&mut self, kind: &str, fields: Object) {
        let number = Value::number(self.out.len());
        let mut event = Object::new().with("type", Value::text(kind)).with("sequence_number", number);
        event.members.extend(fields.members);
        self.out.push(sse::write(kind, &compact(&event.write())));
    }

    fn item(&mut self, place: usize, item: Ref<'_>) {
        let kind = item.text("type").unwrap_or_default();
        let mut opening = Object::open(item, 1);
        if opening.get("status").is_some() {
            opening.set("status", Value::text("in_progress"));
        }
        for (key, value) in begins_without(&kind) {
            if opening.get(key).is_some() {
                opening.set(key, Value::Raw(value.as_bytes().to_vec()));
            }
        }
        if kind == "web_search_call" {
            opening.take("action");
        }
        let at = |fields: Object| {
            let mut all = Object::new().with("output_index", Value::number(place));
            if let Some(id) = item.get("id") {
                all.set("item_id", Value::raw(id));
            }
            all.members.extend(fields.members);
            all
        };
        let index = Object::new().with("output_index", Value::number(place));
        self.event("response.output_item.added", index.clone().with("item", Value::Object(opening)));
        for (list, key, event) in [
            ("summary", "summary_index", "response.reasoning_summary_part"),
            ("content", "content_index", "response.content_part"),
        ] {
            let parts = item.get(list).filter(|parts| parts.kind() == Kind::Array);
            for (place, part) in parts.into_iter().flat_map(Ref::items).enumerate() {
                self.part(part, event, &|fields| {
                    let mut all = at(Object::new().with(key, Value::number(place)));
                    all.members.extend(fields.members);
                    all
                });
            }
        }
        for (event, _, field) in GROWS.iter().filter(|(event, list, _)| list.is_none() && event[9..].starts_with(&kind))
        {
            if let Some(text @ Value::Text(_)) = item.get(field).map(|text| Value::open(text, 0)) {
                if !text.is_blank() {
                    self.event(&format!("{event}.delta"), at(Object::new().with("delta", text.clone())));
                }
                let mut done = Object::new();
                if let Some(name) = item.get("name").filter(|_| *field == "arguments") {
                    done.set("name", Value::raw(name));
                }
                self.event(&format!("{event}.done"), at(done.with(field, text)));
            }
        }
        self.event("response.output_item.done", index.with("item", Value::raw(item)));
    }

    fn part(&mut self, part: Ref<'_>, event: &str, at: &dyn Fn(Object) -> Object) {
        let kind = part.text("type").unwrap_or_default();
        let (stream, field) = match kind.as_str() {
            "output_text" => ("response.output_text", "text"),
            "refusal" => ("response.refusal", "refusal"),
            "reasoning_text" => ("response.reasoning_text", "text"),
            "summary_text" => ("response.reasoning_summary_text", "text"),
            _ => ("", ""),
        };
        let mut opening = Object::open(part, 1);
        let logprobs = opening.get("logprobs").cloned().unwrap_or_else(|| Value::List(Vec::new()));
        for (key, value) in [(field, "\"\""), ("annotations", "[]"), ("logprobs", "[]")] {
            if opening.get(key).is_some() {
                opening.set(key, Value::Raw(value.as_bytes().to_vec()));
            }
        }
        self.event(&format!("{event}.added"), at(Object::new().with("part", Value::Object(opening))));
        if let Some(text @ Value::Text(_)) = part.get(field).map(|text| Value::open(text, 0)) {
            let mut fields = Object::new();
            if kind == "output_text" {
                fields.set("logprobs", logprobs);
            }
            if !text.is_blank() {
                let delta = Object { members: fields.members.clone() }.with("delta", text.clone());
                self.event(&format!("{stream}.delta"), at(delta));
            }
            for (place, annotation) in part.get("annotations").into_iter().flat_map(Ref::items).enumerate() {
                let index = Object::new().with("annotation_index", Value::number(place));
                self.event(
                    "response.output_text.annotation.added",
                    at(index.with("annotation", Value::raw(annotation))),
                );
            }
            self.event(&format!("{stream}.done"), at(fields.with(field, text)));
        }
        self.event(&format!("{event}.done"), at(Object::new().with("part", Value::raw(part))));
    }
}

/// What an item of this kind has not yet when it begins.
fn begins_without(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "message" => &[("content", "[]")],
        "reasoning" => &[("summary", "[]"), ("content", "[]")],
        "function_call" => &[("arguments", "\"\"")],
        "mcp_call" => &[("arguments", "\"\""), ("output", "null"), ("error", "null")],
        "custom_tool_call" => &[("input", "\"\"")],
        "code_interpreter_call" => &[("code", "\"\""), ("outputs", "null")],
        "file_search_call" => &[("results", "null")],
        "image_generation_call" => &[("result", "null")],
        _ => &[],
    }
}

/// Whether this event ends a stream.
pub(super) fn ends(event: &sse::Event) -> bool {
    if event.data.trim_ascii() == b"[DONE]" {
        return true;
    }
    let kind = Json::parse(event.data.clone()).ok().and_then(|json| json.root().text("type"));
    let kind = kind.as_deref().unwrap_or(&event.name);
    kind == "error" || ENDS.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the events together and takes them apart again; both forms must say the same.
    fn check(stream: &[&str], complete: bool, expected: &str) {
        let stream: Vec<Vec<u8>> = stream.iter().map(|data| sse::write("", data.as_bytes())).collect();
        let made = assemble(&sse::events(&stream.concat()));
        assert_eq!((String::from_utf8_lossy(&made.body).as_ref(), made.complete), (expected, complete));
        if complete && !made.failed {
            let unary = Json::parse(made.body).expect("JSON");
            let again = assemble(&sse::events(&events(&unary).concat()));
            assert_eq!(String::from_utf8_lossy(&again.body), expected);
        }
    }

    const CREATED: &str = r#"{"type":"response.created","response":{"id":"r","status":"in_progress","output":[]}}"#;
    const ITEMS: &[&str] = &[
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"think"}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"m","type":"message","content":[],"role":"assistant"}}"#,
        r#"{"type":"response.content_part.added","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"an"}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"swer"}"#,
        r#"{"type":"response.output_text.annotation.added","output_index":1,"content_index":0,"annotation":{"type":"url_citation"}}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"fc","type":"function_call","call_id":"c","name":"f","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc","delta":"{\"a\":"}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc","delta":"1}"}"#,
    ];
    const OUTPUT: &str = r#"[{"id":"rs","type":"reasoning","summary":[{"type":"summary_text","text":"think"}]},{"id":"m","type":"message","content":[{"type":"output_text","text":"answer","annotations":[{"type":"url_citation"}]}],"role":"assistant"},{"id":"fc","type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"}]"#;

    #[test]
    fn the_last_event_says_everything() {
        let whole = format!(r#"{{"id":"r","status":"completed","output":{OUTPUT},"usage":{{"input_tokens":1}}}}"#);
        let last = format!(r#"{{"type":"response.completed","response":{whole}}}"#);
        check(&[CREATED, ITEMS[0], &last], true, &whole);
        let incomplete = whole.replace("completed", "incomplete");
        check(&[&last.replace("completed", "incomplete")], true, &incomplete);
    }

    #[test]
    fn items_are_put_together_where_it_does_not() {
        let mut stream = vec![CREATED];
        stream.extend(ITEMS);
        check(&stream, false, &format!(r#"{{"id":"r","status":"in_progress","output":{OUTPUT}}}"#));
        stream.push(r#"{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}"#);
        check(&stream, true, &format!(r#"{{"id":"r","status":"completed","output":{OUTPUT}}}"#));
        check(ITEMS, false, &format!(r#"{{"object":"response","output":{OUTPUT}}}"#));
    }

    #[test]
    fn errors_are_kept_in_both_shapes() {
        let failed = r#"{"id":"r","status":"failed","output":[],"error":{"code":"server_error","message":"no"}}"#;
        check(&[&format!(r#"{{"type":"response.failed","response":{failed}}}"#)], true, failed);
        for event in [
            r#"{"type":"error","code":"c","message":"no","param":null}"#,
            r#"{"type":"error","error":{"code":"c","message":"no"}}"#,
        ] {
            let events = [sse::Event { data: event.into(), ..sse::Event::default() }];
            let made = assemble(&events);
            assert!(made.failed && !made.complete);
            let json = Json::parse(made.body).expect("JSON");
            assert_eq!(json.root().get("error").and_then(|error| error.text("message")).as_deref(), Some("no"));
            assert!(ends(&events[0]));
        }
    }
}
