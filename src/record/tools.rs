//! Tools that ran inside the agent, read off the conversation.

use std::collections::{HashMap, HashSet};

use super::calls::{Asked, Asks, Calls, Made, Shown};
use super::lanes::{self, Link, Moment, Turn};
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
    let shown = shown(turns, links);
    let mut results: HashMap<Made, Vec<(usize, &ToolResult)>> = HashMap::new();
    for (place, asked) in shown.iter().enumerate() {
        for at in asked.results.iter().filter(|at| at.is_new) {
            if let (Some(made), Some(Part::ToolResult(result))) = (at.made, part(turns, place, at)) {
                let readers = results.entry(made).or_default();
                if readers.last().is_none_or(|(last, _)| *last != place) {
                    readers.push((place, result));
                }
            }
        }
    }
    let introduced: HashSet<&str> =
        turns.iter().flat_map(|turn| turn.reply.tool_calls()).map(|call| call.id.as_str()).collect();
    let mut known = HashSet::new();
    let mut found = Vec::new();
    for (turn, asked) in shown.iter().enumerate() {
        if links[turn].is_some() {
            harness_calls(turns, turn, asked, (&introduced, &mut known), &mut found);
        }
        for (place, call) in turns[turn].reply.tool_calls().enumerate() {
            let mut seen = Seen {
                turn,
                place: format!("call:{place}:{}", call.name),
                call: call.clone(),
                result: None,
                readers: Vec::new(),
                state: ToolState::NoResult,
            };
            if call.by_provider {
                seen.state = ToolState::RunByProvider;
                seen.result = own_result(&turns[turn].reply.parts, &call.id).map(|result| (result, turn));
            } else if let Some(readers) = results.get(&Made { turn, place })
                && let Some((first, result)) = readers.first()
            {
                seen.state = ToolState::ResultSeen;
                seen.result = Some(((*result).clone(), *first));
                seen.readers = readers.iter().map(|(turn, _)| *turn).collect();
            }
            found.push(seen);
        }
    }
    found
}

/// What every request says of tool calls.
fn shown(turns: &[Turn<'_>], links: &[Option<Link>]) -> Vec<Asked> {
    let (mut calls, mut known) = (Calls::default(), Asks::new());
    let mut shown = vec![Asked::default(); turns.len()];
    for moment in lanes::moments(turns) {
        match moment {
            Moment::Asked(turn) => shown[turn] = calls.ask(turn, links[turn], turns[turn].prompt, &mut known),
            Moment::Answered(turn) => calls.answer(turn, turns[turn].reply),
        }
    }
    shown
}

fn part<'a>(turns: &[Turn<'a>], turn: usize, at: &Shown) -> Option<&'a Part> {
    turns[turn].prompt.messages.get(at.message)?.parts.get(at.part)
}

fn own_result(parts: &[Part], id: &str) -> Option<ToolResult> {
    parts.iter().find_map(|part| match part {
        Part::ToolResult(result) if result.call_id == id => Some(result.clone()),
        _ => None,
    })
}

/// Calls that no answer contained and that the turn before did not show: made by the harness. What stands in the
/// first request of a conversation was remembered, not done in this run.
fn harness_calls<'a>(
    turns: &[Turn<'a>],
    turn: usize,
    asked: &Asked,
    (introduced, known): (&HashSet<&str>, &mut HashSet<&'a str>),
    found: &mut Vec<Seen>,
) {
    let mut number = 0;
    for (place, at) in asked.calls.iter().enumerate().filter(|(_, at)| at.made.is_none() && at.is_new) {
        let Some(Part::ToolCall(call)) = part(turns, turn, at) else { continue };
        let may_be_known = call.id.is_empty() || introduced.contains(call.id.as_str());
        if may_be_known || call.by_provider || !known.insert(&call.id) {
            continue;
        }
        let result = asked.results.iter().find(|result| result.call == Some(place));
        let result = result.and_then(|at| part(turns, turn, at)).and_then(|part| match part {
            Part::ToolResult(result) => Some((result.clone(), turn)),
            _ => None,
        });
        found.push(Seen {
            turn,
            place: format!("harness:{number}:{}", call.name),
            call: call.clone(),
            result,
            readers: vec![turn],
            state: ToolState::MadeByHarness,
        });
        number += 1;
    }
}
