//! Tools that ran inside the agent, read off the conversation.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::lanes::{Link, Turn};
use crate::model::{Message, Part, ToolCall, ToolResult, ToolState};

/// A tool as the conversation shows it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Turn whose answer asked for it; for a call of the harness the turn that showed it first.
    pub(crate) turn: usize,
    /// Its place there: `call:0:get_price`, `harness:0:transfer_back`.
    pub(crate) place: String,
    /// The call.
    pub(crate) call: ToolCall,
    /// The first result and the turn whose request showed it.
    pub(crate) result: Option<(ToolResult, usize)>,
    /// Turns whose requests carry the result first in their lanes.
    pub(crate) readers: Vec<usize>,
    /// What became of it.
    pub(crate) state: ToolState,
}

/// Finds all tools of a run, in order of the turns that show them.
pub(crate) fn tools(turns: &[Turn<'_>], links: &[Option<Link>]) -> Vec<Seen> {
    let results = index(turns, links);
    let mut shown: HashSet<String> = HashSet::new();
    let introduced: HashSet<&str> =
        turns.iter().flat_map(|turn| turn.reply.tool_calls()).map(|call| call.id.as_str()).collect();
    let mut found = Vec::new();
    for (place, turn) in turns.iter().enumerate() {
        let before = found.len();
        harness_calls(turns, links, place, (&introduced, &shown), &mut found);
        for (number, call) in turn.reply.tool_calls().enumerate() {
            let mut seen = Seen {
                turn: place,
                place: format!("call:{number}:{}", call.name),
                call: call.clone(),
                result: None,
                readers: Vec::new(),
                state: ToolState::NoResult,
            };
            if call.by_provider {
                seen.state = ToolState::RunByProvider;
                seen.result = own_result(&turn.reply.parts, &call.id).map(|result| (result, place));
            } else {
                let at = readers(turns, links, &results, place, number, call);
                if let Some((first, result)) = at.first() {
                    seen.state = ToolState::ResultSeen;
                    seen.result = Some(((*result).clone(), *first));
                    seen.readers = at.iter().map(|(turn, _)| *turn).collect();
                }
            }
            found.push(seen);
        }
        shown.extend(found[before..].iter().map(|seen| seen.call.id.clone()));
    }
    found
}

/// Messages of a turn that the turn which it continues did not have.
fn new_messages<'a>(turns: &[Turn<'a>], links: &[Option<Link>], place: usize) -> &'a [Arc<Message>] {
    let messages = &turns[place].prompt.messages;
    let before = links[place].map(|link| &turns[link.from].prompt.messages);
    let same = before.into_iter().flatten().zip(messages).take_while(|(old, new)| Arc::ptr_eq(old, new)).count();
    &messages[same..]
}

type Results<'a> = HashMap<&'a str, Vec<(usize, &'a ToolResult)>>;

/// Results by the ids of their calls, and the turns that show them first.
fn index<'a>(turns: &[Turn<'a>], links: &[Option<Link>]) -> Results<'a> {
    let mut results: Results<'_> = HashMap::new();
    for place in 0..turns.len() {
        for result in results_in(new_messages(turns, links, place)) {
            results.entry(&result.call_id).or_default().push((place, result));
        }
    }
    results
}

/// Turns that show the result of a call first in their lanes, in order.
fn readers<'a>(
    turns: &[Turn<'a>],
    links: &[Option<Link>],
    results: &Results<'a>,
    asked: usize,
    number: usize,
    call: &ToolCall,
) -> Vec<(usize, &'a ToolResult)> {
    let continues = |turn: usize| links[turn].is_some_and(|link| link.from == asked);
    if call.id.is_empty() {
        return (asked + 1..turns.len())
            .filter(|turn| continues(*turn))
            .filter_map(|turn| Some((turn, unnamed_result(&turns[turn], number, call)?)))
            .collect();
    }
    let later: Vec<(usize, &ToolResult)> = results
        .get(call.id.as_str())
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|(turn, _)| turns[*turn].began > turns[asked].ended)
        .collect();
    let mut direct: Vec<(usize, &ToolResult)> = Vec::new();
    for (turn, result) in &later {
        if continues(*turn) && !direct.iter().any(|(known, _)| known == turn) {
            direct.push((*turn, *result));
        }
    }
    if direct.is_empty() { later.into_iter().take(1).collect() } else { direct }
}

/// The result of a call without an id: by its place among the results after the last answer.
fn unnamed_result<'a>(turn: &Turn<'a>, number: usize, call: &ToolCall) -> Option<&'a ToolResult> {
    let messages = &turn.prompt.messages;
    let last = messages.iter().rposition(|message| {
        message.parts.iter().any(|part| matches!(part, Part::ToolCall(call) if !call.by_provider))
    })?;
    let results: Vec<&ToolResult> = messages[last..]
        .iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::ToolResult(result) => Some(result),
            _ => None,
        })
        .collect();
    let result = results.get(number)?;
    result.name.as_ref().is_none_or(|name| *name == call.name).then_some(*result)
}

fn own_result(parts: &[Part], id: &str) -> Option<ToolResult> {
    parts.iter().find_map(|part| match part {
        Part::ToolResult(result) if result.call_id == id => Some(result.clone()),
        _ => None,
    })
}

/// Calls that no answer contained and that the turn before did not show: made by the harness.
fn harness_calls(
    turns: &[Turn<'_>],
    links: &[Option<Link>],
    place: usize,
    (introduced, shown): (&HashSet<&str>, &HashSet<String>),
    found: &mut Vec<Seen>,
) {
    // What stands in the first request of a conversation was remembered, not done in this run.
    let Some(link) = links[place] else { return };
    let is_new = |call: &&ToolCall| {
        let id = call.id.as_str();
        !id.is_empty() && !introduced.contains(id) && !shown.contains(id) && !call.by_provider
    };
    let calls: Vec<&ToolCall> = calls_in(new_messages(turns, links, place)).filter(is_new).collect();
    if calls.is_empty() {
        return;
    }
    let known: HashSet<&str> = calls_in(&turns[link.from].prompt.messages).map(|call| call.id.as_str()).collect();
    let made = calls.into_iter().filter(|call| !known.contains(call.id.as_str()));
    for (number, call) in made.enumerate() {
        let result = results_in(&turns[place].prompt.messages).find(|result| result.call_id == call.id).cloned();
        found.push(Seen {
            turn: place,
            place: format!("harness:{number}:{}", call.name),
            call: call.clone(),
            result: result.map(|result| (result, place)),
            readers: vec![place],
            state: ToolState::MadeByHarness,
        });
    }
}

fn calls_in(messages: &[Arc<Message>]) -> impl Iterator<Item = &ToolCall> {
    messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    })
}

fn results_in(messages: &[Arc<Message>]) -> impl Iterator<Item = &ToolResult> {
    messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::ToolResult(result) => Some(result),
        _ => None,
    })
}
