//! The stand-in for a model: no language model, but deterministic and obedient in small things.
//!
//! It calls the tools that the question is about, and answers with the sentences it was given that
//! match the question best. From the system prompt and the question it obeys a number of sentences
//! or points, "list", "capitals", "briefly" and "source".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::search::{number, rarity, stems, words};

/// What the stand-in says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// An answer.
    Text(String),
    /// Names and arguments of tools to call.
    Calls(Vec<(String, String)>),
}

/// Sentences of an answer, where nobody asks for a number.
const SENTENCES: usize = 3;

/// Weight of a question's word that is a number: numbers match by accident.
const NUMBER: f64 = 0.3;
/// Weight of a question's word in the result of a tool.
const RESULT: f64 = 1.1;
/// Weight of a word of a document that the tools or their results have and the question does not.
const HINTED: f64 = 0.5;
/// Weight of a word that a chosen sentence has already.
const COVERED: f64 = 0.2;

/// Answers a chat completions request.
pub(super) fn answer(request: &Value) -> Said {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last_user = messages.iter().rposition(|message| message["role"] == "user");
    let asked = last_user.map(|place| text(&messages[place]["content"])).unwrap_or_default();
    let question = asked.rsplit_once("Question:").map_or(asked.as_str(), |(_, question)| question).trim();
    let answered = messages.iter().skip(last_user.unwrap_or_default()).any(|message| message["role"] == "tool");
    let tools = request["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let choice = &request["tool_choice"];
    if !tools.is_empty() && !answered && choice != "none" {
        let one = request["parallel_tool_calls"] == false;
        let calls = calls(tools, question, choice, if one { 1 } else { tools.len() });
        if !calls.is_empty() {
            return Said::Calls(calls);
        }
    }
    Said::Text(compose(messages, question))
}

/// The text of a message, also where it comes in parts.
pub(super) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn calls(tools: &[Value], question: &str, choice: &Value, most: usize) -> Vec<(String, String)> {
    let asked: BTreeSet<String> = stems(question).into_iter().collect();
    let named = choice["function"]["name"].as_str();
    let wanted = |tool: &&Value| match named {
        Some(name) => tool["function"]["name"] == name,
        None => stems(&tool["function"].to_string()).iter().any(|word| asked.contains(word)),
    };
    let mut chosen: Vec<&Value> = tools.iter().filter(wanted).take(most).collect();
    if chosen.is_empty() && (choice == "required" || choice == "any") {
        chosen.extend(tools.first());
    }
    chosen
        .into_iter()
        .filter_map(|tool| {
            let function = &tool["function"];
            let arguments = Value::Object(arguments(&function["parameters"], question));
            Some((function["name"].as_str()?.to_owned(), arguments.to_string()))
        })
        .collect()
}

/// Arguments as the schema wants them, read off the question.
fn arguments(schema: &Value, question: &str) -> Map<String, Value> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut arguments = Map::new();
    let properties: Vec<(&String, &Value)> = schema["properties"].as_object().into_iter().flatten().collect();
    let names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
    for (name, property) in properties {
        if let Some(value) = argument(name, &names, property, question, required.contains(&name.as_str())) {
            arguments.insert(name.clone(), value);
        }
    }
    arguments
}

fn argument(name: &str, names: &[&str], property: &Value, question: &str, required: bool) -> Option<Value> {
    let asked = stems(question);
    if let Some(choices) = property["enum"].as_array() {
        let meant = |choice: &&Value| {
            let choice = stems(choice.as_str().unwrap_or_default());
            !choice.is_empty() && choice.iter().all(|word| asked.contains(word))
        };
        let first = if required { choices.first() } else { None };
        return choices.iter().find(meant).or(first).cloned();
    }
    match property["type"].as_str().unwrap_or("string") {
        "integer" | "number" => {
            counted(name, names, question).or(if required { Some(1) } else { None }).map(Value::from)
        }
        "boolean" => Some(Value::from(stems(name).iter().all(|word| asked.contains(word)))),
        "string" => Some(Value::from(proper_names(question).unwrap_or_else(|| question.to_owned()))),
        "array" => required.then(|| json!([question])),
        _ => required.then(|| json!({})),
    }
}

/// How many of these the question speaks of: the number before the word, else the first one that
/// does not stand before the word for something else.
fn counted(name: &str, names: &[&str], question: &str) -> Option<u64> {
    let asked: Vec<String> = words(question).collect();
    let after = |place: usize, name: &str| {
        let wanted = stems(name);
        asked.get(place + 1).is_some_and(|word| stems(word).iter().any(|word| wanted.contains(word)))
    };
    let numbers: Vec<(usize, u64)> =
        asked.iter().enumerate().filter_map(|(place, word)| Some((place, number(word)?))).collect();
    let first = numbers.iter().find(|(place, _)| after(*place, name)).or_else(|| {
        numbers.iter().find(|(place, _)| !names.iter().any(|other| *other != name && after(*place, other)))
    });
    match first {
        Some((_, number)) => Some(*number),
        None => (!numbers.is_empty()).then_some(0),
    }
}

/// The first words in a row that begin with a capital, the first word of a sentence aside.
fn proper_names(question: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    let mut begins = true;
    for word in question.split_whitespace() {
        let bare = word.trim_matches(|character: char| !character.is_alphanumeric());
        let capital = bare.len() > 1 && bare.starts_with(char::is_uppercase);
        if capital && !begins {
            names.push(bare);
        }
        if !names.is_empty() && (!capital || bare.len() < word.trim_start_matches(['"', '\'', '(']).len()) {
            break;
        }
        begins = word.ends_with(['.', '?', '!', ':']);
    }
    (!names.is_empty()).then(|| names.join(" "))
}

/// A sentence, where it stands and where it is from.
struct Sentence {
    text: String,
    source: String,
    stems: Vec<String>,
    is_result: bool,
}

fn compose(messages: &[Value], question: &str) -> String {
    let sentences = sentences(messages, question);
    let mut orders: Vec<String> = messages
        .iter()
        .filter(|message| message["role"] == "system" || message["role"] == "developer")
        .map(|message| text(&message["content"]))
        .collect();
    orders.push(question.to_owned());
    let wish = Wish::read(&orders.join("\n"));
    let mut chosen = choose(&sentences, question, wish.sentences);
    chosen.sort_unstable();
    let lines: Vec<String> = chosen
        .into_iter()
        .filter_map(|place| sentences.get(place))
        .map(|sentence| match sentence.source.as_str() {
            source if wish.sources && !source.is_empty() => format!("{} ({source})", sentence.text),
            _ => sentence.text.clone(),
        })
        .collect();
    let answer = if lines.is_empty() {
        "I am a stand-in for a model: I can only choose among sentences that I am given.".to_owned()
    } else if wish.list {
        lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
    } else {
        lines.join(" ")
    };
    if wish.capitals { answer.to_uppercase() } else { answer }
}

/// What the user's messages and the tools said, sentence by sentence; questions are left out.
fn sentences(messages: &[Value], question: &str) -> Vec<Sentence> {
    let mut found = Vec::new();
    for message in messages {
        let is_result = message["role"] == "tool";
        if !is_result && message["role"] != "user" {
            continue;
        }
        let content = text(&message["content"]);
        let given = content.rsplit_once("Question:").map_or(content.as_str(), |(given, _)| given);
        let mut source = if is_result { tool_name(messages, message) } else { String::new() };
        for line in given.lines() {
            if let Some((_, title)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
                title.trim().clone_into(&mut source);
                continue;
            }
            for sentence in split(line).filter(|sentence| !sentence.ends_with('?') && *sentence != question) {
                found.push(Sentence {
                    text: sentence.to_owned(),
                    source: source.clone(),
                    stems: stems(sentence),
                    is_result,
                });
            }
        }
    }
    found
}

fn tool_name(messages: &[Value], result: &Value) -> String {
    let called = messages.iter().flat_map(|message| message["tool_calls"].as_array().into_iter().flatten());
    let call = called.into_iter().find(|call| call["id"] == result["tool_call_id"]);
    let name = call.map_or(&result["name"], |call| &call["function"]["name"]);
    name.as_str().unwrap_or_default().to_owned()
}

/// Sentences of a line: they end in `.`, `!` or `?` before a space.
fn split(line: &str) -> impl Iterator<Item = &str> {
    line.split_inclusive(['.', '!', '?'])
        .scan(0, |at, piece| {
            let start = *at;
            *at += piece.len();
            Some((start, *at))
        })
        .filter(|(_, end)| *end == line.len() || line[*end..].starts_with(' '))
        .scan(0, |from, (_, end)| {
            let sentence = &line[*from..end];
            *from = end;
            Some(sentence.trim())
        })
        .filter(|sentence| !sentence.is_empty())
}

/// Chooses sentences one by one: each time the one that adds most of what is asked.
fn choose(sentences: &[Sentence], question: &str, most: usize) -> Vec<usize> {
    let texts: Vec<Vec<String>> = sentences.iter().map(|sentence| sentence.stems.clone()).collect();
    let rarity = rarity(&texts);
    let asked = weights(question);
    let hinted: BTreeSet<String> = sentences
        .iter()
        .filter(|sentence| sentence.is_result)
        .flat_map(|sentence| stems(&format!("{} {}", sentence.source, sentence.text)))
        .filter(|word| word.parse::<u64>().is_err())
        .collect();
    let mut covered: BTreeSet<&String> = BTreeSet::new();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < most {
        let worth = |sentence: &Sentence| -> f64 {
            let own: BTreeSet<&String> = sentence.stems.iter().collect();
            own.into_iter()
                .map(|word| {
                    let wanted = match asked.get(word) {
                        Some(weight) if sentence.is_result => *weight * RESULT,
                        Some(weight) => *weight,
                        None if !sentence.is_result && hinted.contains(word) => HINTED,
                        None => 0.0,
                    };
                    let fresh = if covered.contains(word) { COVERED } else { 1.0 };
                    wanted * fresh * rarity.get(word.as_str()).copied().unwrap_or_default()
                })
                .sum()
        };
        let best = sentences
            .iter()
            .enumerate()
            .filter(|(place, _)| !chosen.contains(place))
            .map(|(place, sentence)| (place, worth(sentence)))
            .filter(|(_, worth)| *worth > 0.0)
            .max_by(|left, right| left.1.total_cmp(&right.1).then(right.0.cmp(&left.0)));
        let Some((place, _)) = best else { break };
        covered.extend(&sentences[place].stems);
        chosen.push(place);
    }
    chosen
}

/// What each word of a question weighs: what is asked first is what is asked most.
fn weights(question: &str) -> BTreeMap<String, f64> {
    let topic: Vec<&str> =
        split(question).filter(|part| part.ends_with('?') || Wish::read(part) == Wish::read("")).collect();
    let asked = stems(&if topic.is_empty() { question.to_owned() } else { topic.join(" ") });
    let step = 0.5 / f64::from(u32::try_from(asked.len().max(1)).unwrap_or(u32::MAX));
    let mut weight = 1.0;
    let mut weights = BTreeMap::new();
    for word in asked {
        let own = if word.parse::<u64>().is_ok() { NUMBER } else { weight };
        weights.entry(word).or_insert(own);
        weight -= step;
    }
    weights
}

/// What the prompt asks of the answer's form.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    sentences: usize,
    list: bool,
    capitals: bool,
    sources: bool,
}

impl Wish {
    fn read(prompt: &str) -> Self {
        let words: Vec<String> = words(prompt).collect();
        let says = |begins: &str| words.iter().any(|word| word.starts_with(begins));
        let counted = |word: &str| {
            ["sentence", "point", "item", "line", "bullet"]
                .iter()
                .any(|noun| word == *noun || word == format!("{noun}s"))
        };
        // Of several wishes the last one counts: the question stands after the system prompt.
        let asked = (0..words.len()).rev().find_map(|place| match words[place].as_str() {
            "list" => words.get(place + 1..place + 3)?.iter().find_map(|word| number(word)),
            word if counted(word) => words[place.saturating_sub(3)..place].iter().rev().find_map(|word| number(word)),
            word if word.starts_with("brief") => Some(1),
            _ => None,
        });
        let asked = asked.and_then(|count| usize::try_from(count).ok());
        Self {
            sentences: asked.unwrap_or(SENTENCES).clamp(1, 12),
            list: says("list") || says("bullet"),
            capitals: says("capital") || says("uppercase") || prompt.to_lowercase().contains("upper case"),
            sources: says("source") || says("cite"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(system: &str, user: &str) -> String {
        let request = json!({"messages": [{"role": "system", "content": system}, {"role": "user", "content": user}]});
        match answer(&request) {
            Said::Text(text) => text,
            Said::Calls(calls) => panic!("no tools were given: {calls:?}"),
        }
    }

    const PAGES: &str = "[a] Dogs\nDogs travel free. They stay on the lead.\n[b] Bread\nBread is sold at noon, for 2.50. \
        Dogs like it.\n\nQuestion: Do dogs travel free, and is bread sold?";

    #[test]
    fn the_prompt_decides_the_form() {
        for (system, expected) in [
            ("Answer in two sentences.", "Dogs travel free. Bread is sold at noon, for 2.50."),
            ("Answer in one sentence.", "Dogs travel free."),
            ("Answer briefly and in capitals.", "DOGS TRAVEL FREE."),
            ("Answer as a list of 2.", "- Dogs travel free.\n- Bread is sold at noon, for 2.50."),
            ("One sentence. Name the source.", "Dogs travel free. (Dogs)"),
        ] {
            assert_eq!(said(system, PAGES), expected, "{system}");
        }
        assert!(said("", "Hello?").starts_with("I am a stand-in"));
    }

    #[test]
    fn tools_are_called_with_what_the_question_says() {
        let tool = |name: &str, description: &str, properties: Value| {
            let required: Vec<&String> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
            json!({"type": "function", "function": {"name": name, "description": description,
                "parameters": {"type": "object", "properties": properties, "required": required}}})
        };
        let tools = json!([
            tool("weather", "Weather in a city", json!({"city": {"type": "string"}, "days": {"type": "integer"}})),
            tool("stocks", "Price of a share", json!({"symbol": {"type": "string"}})),
        ]);
        let mut request = json!({
            "messages": [{"role": "user", "content": "What will the weather be in New Harrow, for three days?"}],
            "tools": tools,
        });
        let expected = Said::Calls(vec![("weather".into(), r#"{"city":"New Harrow","days":3}"#.into())]);
        assert_eq!(answer(&request), expected);
        request["tool_choice"] = json!("none");
        assert!(matches!(answer(&request), Said::Text(_)));
        request["tool_choice"] = json!({"type": "function", "function": {"name": "stocks"}});
        assert!(matches!(answer(&request), Said::Calls(calls) if calls.len() == 1 && calls[0].0 == "stocks"));
    }

    #[test]
    fn odd_requests_get_an_answer() {
        for request in [json!(null), json!({}), json!({"messages": 3, "tools": [1, {}], "tool_choice": "required"})] {
            answer(&request);
        }
    }
}
