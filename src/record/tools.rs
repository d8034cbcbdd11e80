//! Tools that ran inside the agent, read off the conversation.

use std::collections::{BTreeSet, HashMap};

use super::lanes::{Link, Turn};
use crate::model::{Part, ToolCall, ToolResult, ToolState};

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
    let results = index(turns);
    let introduced: BTreeSet<&str> =
        turns.iter().flat_map(|turn| turn.reply.tool_calls()).map(|call| call.id.as_str()).collect();
    let mut found = Vec::new();
    for (place, turn) in turns.iter().enumerate() {
        harness_calls(turns, links, place, &introduced, &mut found);
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
    }
    found
}

type Results<'a> = HashMap<&'a str, Vec<(usize, &'a ToolResult)>>;

fn index<'a>(turns: &[Turn<'a>]) -> Results<'a> {
    let mut results: Results<'_> = HashMap::new();
    for (place, turn) in turns.iter().enumerate() {
        for part in turn.prompt.messages.iter().flat_map(|message| &message.parts) {
            if let Part::ToolResult(result) = part {
                results.entry(&result.call_id).or_default().push((place, result));
            }
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
    introduced: &BTreeSet<&str>,
    found: &mut Vec<Seen>,
) {
    // What stands in the first request of a conversation was remembered, not done in this run.
    let Some(link) = links[place] else { return };
    let known: BTreeSet<&str> = calls_in(&turns[link.from]).map(|call| call.id.as_str()).collect();
    let shown: BTreeSet<String> = found.iter().map(|seen| seen.call.id.clone()).collect();
    let results = index(&turns[place..=place]);
    let mut number = 0;
    for call in calls_in(&turns[place]) {
        let id = call.id.as_str();
        if id.is_empty() || introduced.contains(id) || known.contains(id) || shown.contains(id) || call.by_provider {
            continue;
        }
        let result = results.get(id).and_then(|results| results.first()).map(|(_, result)| (*result).clone());
        found.push(Seen {
            turn: place,
            place: format!("harness:{number}:{}", call.name),
            call: call.clone(),
            result: result.map(|result| (result, place)),
            readers: vec![place],
            state: ToolState::MadeByHarness,
        });
        number += 1;
    }
}

fn calls_in<'a>(turn: &Turn<'a>) -> impl Iterator<Item = &'a ToolCall> {
    turn.prompt.messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    })
}
