//! Dialects against traffic of real SDKs and providers, and against nonsense.

use std::path::{Path as FilePath, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;
use retake::model::{Part, Prompt, Reply};
use retake::text::json::{Json, Path, Ref};
use retake::wire::{Dialect, Side, documents, error_message, recognise, side, sse};

struct Exchange {
    name: String,
    dialect: &'static Dialect,
    status: u16,
    content_type: String,
    request: Bytes,
    answer: Bytes,
}

fn files() -> Vec<Exchange> {
    let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/wire");
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder").map(|e| e.expect("an entry").path()).collect();
    names.retain(|name| name.extension().is_some_and(|extension| extension == "body"));
    names.sort();
    let exchanges = names.into_iter().map(|body| {
        let name = body.file_stem().expect("a name").to_string_lossy().into_owned();
        let dialect = Dialect::all().find(|dialect| name.starts_with(dialect.name())).expect("named after its dialect");
        let answer = Bytes::from(std::fs::read(body.with_extension("resp")).expect("an answer"));
        let stream = name.contains("-stream-");
        Exchange {
            dialect,
            status: if name.contains("-error-400") { 400 } else { 200 },
            content_type: if stream { "text/event-stream" } else { "application/json" }.to_owned(),
            request: Bytes::from(std::fs::read(body).expect("a request")),
            answer,
            name,
        }
    });
    exchanges.collect()
}

/// Published recordings of real providers; they are not part of the repository.
fn recorded() -> Vec<Exchange> {
    let here = FilePath::new(env!("CARGO_MANIFEST_DIR"));
    let beside = [here.join(".."), here.join("../..")];
    let folder =
        beside.iter().map(|root| root.join("shared/fixtures/llm-wire/recorded")).find(|folder| folder.is_dir());
    let mut exchanges = Vec::new();
    for file in
        folder.into_iter().flat_map(|folder| ["exchanges.jsonl", "parallel-calls.jsonl"].map(|name| folder.join(name)))
    {
        let text = std::fs::read_to_string(file).expect("a recording");
        for line in text.lines() {
            let json = Json::parse_text(line).expect("a line is JSON");
            let row = json.root();
            let said = |key: &str| row.text(key).unwrap_or_default();
            let host = said("host");
            let provider = if host.contains("mistral") {
                "mistral"
            } else if host.contains("anthropic") {
                "anthropic"
            } else {
                "openai"
            };
            let Some(dialect) = recognise(provider, &said("method"), &said("path")) else { continue };
            exchanges.push(Exchange {
                name: format!("{} {}", said("run"), row.get("i").map(Ref::raw_str).unwrap_or_default()),
                dialect,
                status: row
                    .get("status")
                    .and_then(Ref::as_u64)
                    .and_then(|status| u16::try_from(status).ok())
                    .expect("a status"),
                content_type: said("ctype"),
                request: Bytes::from(said("req")),
                answer: Bytes::from(said("resp")),
            });
        }
    }
    exchanges
}

fn json(bytes: &Bytes) -> Json {
    Json::parse(bytes.clone()).expect("JSON")
}

fn everything() -> Vec<Exchange> {
    let mut all = files();
    all.extend(recorded());
    all
}

impl Exchange {
    fn reply(&self) -> Reply {
        self.dialect.reply(self.status, &self.content_type, &self.answer)
    }

    fn is_stream(&self) -> bool {
        sse::is_stream(&self.content_type, &self.answer)
    }

    /// The answer as JSON, whatever way it came.
    fn unary(&self) -> Option<Json> {
        let bytes = if self.is_stream() { Bytes::from(self.dialect.unary(&self.answer)?) } else { self.answer.clone() };
        Json::parse(bytes).ok()
    }
}

fn wants_usage() -> Json {
    Json::parse_text(r#"{"stream":true,"stream_options":{"include_usage":true}}"#).expect("JSON")
}

fn texts(prompt: &Prompt) -> impl Iterator<Item = &Part> {
    prompt.messages.iter().flat_map(|message| &message.parts)
}

#[test]
fn what_sdks_sent_and_got_is_read() {
    let mut lines = String::new();
    for exchange in files() {
        use std::fmt::Write as _;
        let prompt = exchange.dialect.prompt(&json(&exchange.request));
        let reply = exchange.reply();
        writeln!(lines, "{}", exchange.name).expect("a string grows");
        for message in &prompt.messages {
            writeln!(lines, "  {} {}: {}", message.path, message.role, shown(&message.parts)).expect("a string grows");
        }
        let tools: Vec<&str> = prompt.tools.iter().map(|tool| tool.name.as_str()).collect();
        let parameters: Vec<String> = prompt.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        writeln!(lines, "  {:?} {:?} {:?} {:?}", prompt.model, tools, parameters, prompt.texts)
            .expect("a string grows");
        let usage = reply.usage;
        writeln!(
            lines,
            "  -> {} {:?} {:?} {:?}/{:?} {:?} {:?}",
            shown(&reply.parts),
            reply.id,
            reply.finish,
            usage.input,
            usage.output,
            reply.count,
            reply.error
        )
        .expect("a string grows");
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("wire_sdks", lines);
    });
}

fn shown(parts: &[Part]) -> String {
    let lines: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => format!("{:?}@{}", text.text, text.path),
            Part::Reasoning(reasoning) => format!("({:?})@{}", reasoning.text, reasoning.path),
            Part::ToolCall(call) => format!("{}({}) {}@{}", call.name, call.arguments, call.id, call.path),
            Part::ToolResult(result) => format!("{} = {:?}@{}", result.call_id, result.content, result.path),
            Part::Media(text) | Part::Other(text) => format!("<{}>@{}", text.text, text.path),
        })
        .collect();
    lines.join(" ")
}

#[test]
fn every_answer_says_something() {
    let mut finishes = std::collections::BTreeSet::new();
    for exchange in everything() {
        let reply = exchange.reply();
        let name = &exchange.name;
        if exchange.status >= 400 {
            assert!(reply.error.is_some_and(|error| !error.is_empty()), "{name}");
            continue;
        }
        let said = !reply.parts.is_empty() || reply.count.is_some_and(|count| count > 0) || reply.error.is_some();
        assert!(said, "{name}: {reply:?}");
        finishes.extend(reply.finish.clone());
        if let (Some(unary), None) = (exchange.unary(), &reply.error) {
            let known = reply.usage.input.is_some();
            assert!(known || exchange.is_stream() || unary.root().get("usage").is_none(), "{name}: {unary:?}");
            assert!(reply.usage.cached.unwrap_or_default() <= reply.usage.input.unwrap_or(u64::MAX), "{name}");
            assert!(
                reply.usage.reasoning.unwrap_or_default() <= reply.usage.output.unwrap_or(u64::MAX),
                "{name}: {:?}",
                reply.usage
            );
        }
    }
    let known = [
        "completed",
        "end_turn",
        "eos",
        "length",
        "max_output_tokens",
        "max_tokens",
        "pause_turn",
        "stop",
        "tool_calls",
        "tool_use",
    ];
    for finish in finishes {
        assert!(known.contains(&finish.as_str()), "{finish}");
    }
}

/// An answer without the white space of the JSON in it, which a stream has no room for.
fn compact(mut reply: Reply) -> Reply {
    for part in reply.parts.iter_mut().chain(reply.choices.iter_mut().flatten()) {
        let json = match part {
            Part::ToolCall(call) => &mut call.arguments,
            Part::ToolResult(result) => &mut result.content,
            Part::Other(text) => &mut text.text,
            _ => continue,
        };
        if Json::parse_text(json).is_ok() {
            json.retain(|character| !character.is_whitespace());
        }
    }
    reply
}

#[test]
fn the_two_forms_of_an_answer_say_the_same() {
    for exchange in everything().iter().filter(|exchange| exchange.status == 200 && exchange.dialect.streams()) {
        let name = &exchange.name;
        let Some(unary) = exchange.unary() else {
            let reply = exchange.reply();
            assert!(reply.error.is_some() || !exchange.is_stream(), "{name}: {reply:?}");
            continue;
        };
        if ["choices", "output", "content"].iter().all(|key| unary.root().get(key).is_none()) {
            continue;
        }
        let expected = compact(exchange.dialect.reply(200, "application/json", unary.bytes()));
        if exchange.is_stream() {
            assert_eq!(compact(exchange.reply()), expected, "{name}");
        }
        let events = exchange.dialect.stream(&unary, &wants_usage());
        let stream = Bytes::from(events.concat());
        assert_eq!(compact(exchange.dialect.reply(200, "text/event-stream", &stream)), expected, "{name}");
        let again = exchange.dialect.unary(&stream).map(Bytes::from).expect("a whole stream");
        assert_eq!(compact(exchange.dialect.reply(200, "", &again)), expected, "{name}");
        assert_eq!(exchange.dialect.answer_ids(&json(&again)), exchange.dialect.answer_ids(&unary), "{name}");
        for event in &events {
            assert!(event.ends_with(b"\n\n"), "{name}");
            assert_eq!(sse::events(event).len(), 1, "{name}");
        }
    }
}

#[test]
fn the_end_of_a_stream_is_found_where_it_is() {
    for exchange in everything().iter().filter(|exchange| exchange.status == 200 && exchange.is_stream()) {
        let mut finder = exchange.dialect.end_finder();
        let (mut early, mut found) = (false, false);
        for (place, piece) in exchange.answer.chunks(7).enumerate() {
            if finder.push(piece) {
                found = true;
                early |= place * 7 < exchange.answer.len() / 2;
            }
        }
        assert!(found && !early, "{}", exchange.name);
        assert!(exchange.dialect.ends_stream(&exchange.answer), "{}", exchange.name);
    }
}

#[test]
fn a_stream_that_is_cut_gives_what_came() {
    for exchange in everything().iter().filter(|exchange| exchange.status == 200 && exchange.is_stream()) {
        let whole = exchange.reply().text();
        for share in 0..10 {
            let cut = exchange.answer.slice(..exchange.answer.len() * share / 10);
            let reply = exchange.dialect.reply(200, &exchange.content_type, &cut);
            assert!(whole.starts_with(&reply.text()), "{} {share}: {:?} {whole:?}", exchange.name, reply.text());
        }
    }
}

#[test]
fn every_path_can_be_typed_again() {
    for exchange in everything() {
        let name = &exchange.name;
        let request = json(&exchange.request);
        let prompt = exchange.dialect.prompt(&request);
        for part in texts(&prompt) {
            retype(exchange.dialect, Side::Request, &request, part, name);
        }
        for message in &prompt.messages {
            let path = Path::parse(&message.path).expect("a path");
            assert!(exchange.dialect.locate(Side::Request, &request, &path).is_ok(), "{name} {path}");
            let texts: Vec<&Part> = message.parts.iter().filter(|part| matches!(part, Part::Text(_))).collect();
            if let ([Part::Text(text)], true) = (texts.as_slice(), message.path != "system") {
                let path =
                    Path::parse(&format!("{}.content", message.path.replace("input[", "messages["))).expect("a path");
                if message.path != "input" && !text.path.contains(".source.") {
                    assert_eq!(
                        exchange.dialect.get(Side::Request, &request, &path).as_ref(),
                        Some(&text.text),
                        "{name} {path}"
                    );
                }
            }
        }
        for (place, text) in prompt.texts.iter().enumerate() {
            let path = Path::parse(&format!("texts[{place}]")).expect("a path");
            assert_eq!(exchange.dialect.get(Side::Request, &request, &path).as_ref(), Some(text), "{name} {path}");
        }
        for (parameter, value) in &prompt.parameters {
            let path = Path::parse(parameter).expect("a path");
            let text = Json::parse_text(value).expect("JSON").root().as_str().map_or_else(|| value.clone(), Into::into);
            assert_eq!(exchange.dialect.get(Side::Request, &request, &path), Some(text), "{name} {path}");
        }
        let Some(answer) = exchange.unary().filter(|_| exchange.status == 200) else { continue };
        let reply = exchange.reply();
        for part in &reply.parts {
            retype(exchange.dialect, Side::Answer, &answer, part, name);
        }
        for (place, call) in reply.tool_calls().enumerate().filter(|(_, call)| !call.arguments.is_empty()) {
            let path = Path::parse(&format!("tool_calls[{place}].arguments")).expect("a path");
            assert_eq!(exchange.dialect.get(Side::Answer, &answer, &path).as_ref(), Some(&call.arguments), "{name}");
            if !call.by_provider && call.arguments.starts_with('{') {
                let path = Path::parse(&format!("tool_calls[{place}].arguments.new_one")).expect("a path");
                let edited = exchange.dialect.set(Side::Answer, &answer, &path, "[1]").expect("it is added");
                let edited = Json::parse(edited).expect("JSON");
                assert_eq!(exchange.dialect.get(Side::Answer, &edited, &path).as_deref(), Some("[1]"), "{name}");
            }
        }
    }
}

/// A text is found at its path, and replaced there without touching another byte.
fn retype(dialect: &Dialect, which: Side, body: &Json, part: &Part, name: &str) {
    let text = match part {
        Part::Text(text) => text,
        Part::ToolResult(result) => {
            let path = Path::parse(&result.path).expect("a path");
            assert_eq!(dialect.locate(which, body, &path).map(|found| found.len()), Ok(1), "{name} {path}");
            return;
        }
        _ => return,
    };
    let path = Path::parse(&text.path).expect("a path");
    assert_eq!(side(&path), which, "{name} {path}");
    assert_eq!(dialect.get(which, body, &path).as_ref(), Some(&text.text), "{name} {path}");
    let edited = dialect.set(which, body, &path, "new \"text\"\n").expect("it is there");
    let old = body.root().find(&path).expect("there").raw();
    assert_eq!(edited.len(), body.bytes().len() - old.len() + r#""new \"text\"\n""#.len(), "{name} {path}");
    let edited = Json::parse(edited).expect("JSON");
    assert_eq!(dialect.get(which, &edited, &path).as_deref(), Some("new \"text\"\n"), "{name} {path}");
}

/// Reads a body in every way; none may panic.
fn read_everything(dialect: &'static Dialect, bytes: &Bytes) -> Option<(Prompt, Reply)> {
    for (status, content_type) in [(200, "application/json"), (200, "text/event-stream"), (500, "")] {
        let _ = dialect.reply(status, content_type, bytes);
    }
    let _ = dialect.unary(bytes);
    let _ = dialect.ends_stream(bytes);
    let _ = error_message(400, bytes);
    let _ = documents(&String::from_utf8_lossy(bytes));
    let json = Json::parse(bytes.clone()).ok()?;
    let _ = dialect.answer_ids(&json);
    let stream = dialect.stream(&json, &json).concat();
    Some((dialect.prompt(&json), dialect.reply(200, "", &Bytes::from(stream))))
}

/// Everything that may be asked about a body; none of it may panic.
fn ask_everything(dialect: &'static Dialect, bytes: &Bytes) {
    let Some((prompt, reply)) = read_everything(dialect, bytes) else { return };
    let json = json(bytes);
    let paths = [
        "system",
        "messages[0].content",
        "messages[1]",
        "input[0].content",
        "messages[1].tool_calls[0].arguments.a",
        "tools[0].description",
        "model",
        "temperature",
        "texts[0]",
        "answer",
        "tool_calls[0].name",
        "tool_calls[0].arguments",
        "tool_calls[0].arguments.a.b",
        "tool_calls[0]",
        "request.a[0]",
        "response",
        "[0]",
        "",
    ];
    let printed = prompt.messages.iter().map(|message| message.path.clone());
    let said = texts(&prompt).chain(&reply.parts).filter_map(|part| match part {
        Part::Text(text) => Some(text.path.clone()),
        _ => None,
    });
    for path in paths.into_iter().map(str::to_owned).chain(printed).chain(said) {
        let Ok(path) = Path::parse(&path) else { continue };
        for side in [Side::Request, Side::Answer] {
            let _ = dialect.locate(side, &json, &path);
            let _ = dialect.get(side, &json, &path);
            for value in ["x", "{}", "3"] {
                match dialect.set(side, &json, &path, value) {
                    Ok(edited) => assert!(Json::parse(edited).is_ok(), "{path} {value} {json:?}"),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
    }
}

/// Words that the dialects look for.
const WORDS: &[&str] = &[
    "messages",
    "input",
    "content",
    "role",
    "type",
    "text",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "system",
    "instructions",
    "choices",
    "message",
    "delta",
    "index",
    "usage",
    "output",
    "summary",
    "error",
    "tools",
    "tool_use",
    "tool_result",
    "thinking",
    "reasoning",
    "function_call",
    "function_call_output",
    "message_start",
    "content_block",
    "content_block_start",
    "content_block_delta",
    "response",
    "response.completed",
    "response.output_item.added",
    "item",
    "response.output_text.delta",
    "content_index",
    "output_index",
    "documents",
    "ids",
    "score",
    "page_content",
    "node",
    "source",
    "document",
    "annotations",
    "logprobs",
    "reasoning_details",
    "audio",
    "data",
    "model",
    "stream",
    "42",
    "0",
];

fn nonsense() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i32>().prop_map(|value| value.to_string()),
        Just("99999999999999999999".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just(r#""{\"a\": 1}""#.to_owned()),
        word.clone().prop_map(|word| format!("\"{word}\"")),
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(",")));
        let member = (word.clone(), inner).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        let object = prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")));
        prop_oneof![list, object]
    })
}

#[test]
fn nonsense_is_read_without_harm() {
    let dialects: Vec<&'static Dialect> = Dialect::all().collect();
    proptest!(ProptestConfig::with_cases(300), |(text in nonsense(), events in prop::collection::vec(nonsense(), 0..6))| {
        let stream = events.iter().map(|event| format!("data: {event}\n\n")).collect::<Vec<_>>().concat();
        for dialect in &dialects {
            ask_everything(dialect, &Bytes::from(text.clone()));
            ask_everything(dialect, &Bytes::from(stream.clone()));
        }
    });
}

#[test]
fn damaged_bodies_are_read_without_harm() {
    let exchanges = files();
    let bodies: Vec<(&'static Dialect, Bytes)> = exchanges
        .iter()
        .flat_map(|exchange| [&exchange.request, &exchange.answer].map(|body| (exchange.dialect, body.clone())))
        .collect();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..6);
    proptest!(ProptestConfig::with_cases(200), |(which in any::<prop::sample::Index>(), damage in damage)| {
        let (dialect, body) = which.get(&bodies);
        let mut body = body.to_vec();
        for (place, kind, byte) in damage {
            if body.is_empty() {
                break;
            }
            let at = place.index(body.len());
            match kind {
                0 => body[at] = byte,
                1 => body.truncate(at),
                _ => drop(body.drain(at..body.len().min(at + usize::from(byte) / 8))),
            }
        }
        ask_everything(dialect, &Bytes::from(body));
    });
}

#[test]
fn depth_does_no_harm() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
    for dialect in Dialect::all() {
        for body in [
            deep("[", "]"),
            deep(r#"{"content":["#, "]}"),
            deep(r#"{"type":"document","source":{"content":["#, "]}}"),
            deep(r#"{"type":"tool_result","content":["#, "]}"),
            deep(r#"{"documents":["#, "]}"),
        ] {
            let request = Bytes::from(format!(r#"{{"messages":[{{"role":"user","content":[{body}]}}]}}"#));
            read_everything(dialect, &request);
            let delta = format!("data: {{\"choices\":[{{\"delta\":{{\"x\":{body}}}}}]}}\n\n");
            read_everything(dialect, &Bytes::from(delta.repeat(2)));
            let path = Path::parse("messages[0].content").expect("a path");
            let _ = dialect.set(Side::Request, &json(&request), &path, "x");
            read_everything(dialect, &Bytes::from(body));
        }
    }
}
