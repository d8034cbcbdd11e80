//! Tool calls by the answer that made them and their place in it: an id alone does not say which call is meant.

use std::collections::HashMap;
use std::sync::Arc;

use super::lanes::{Digest, Link, digest, squeeze};
use crate::model::{Message, Part, Prompt, Reply, ToolCall, ToolResult};
use crate::text::json::{Json, Kind};
use crate::wire::{canonical, keys};

/// The model call whose answer made a tool call, and the place of that among the calls of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Made {
    /// The model call, by the number under which [`Calls`] knows it.
    pub(crate) turn: usize,
    /// Place among [`Reply::tool_calls`].
    pub(crate) place: usize,
}

/// A tool call or the result of one in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Place of the message.
    pub(crate) message: usize,
    /// Place of the part in the message.
    pub(crate) part: usize,
    /// Which call it is; `None` for one that no answer made.
    pub(crate) made: Option<Made>,
    /// Of a result the place of its call among those of the request, where that is there.
    pub(crate) call: Option<usize>,
    /// Whether the request that this one goes on from did not have it.
    pub(crate) is_new: bool,
}

/// What a request says of tool calls, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    pub(crate) calls: Vec<Shown>,
    pub(crate) results: Vec<Shown>,
}

/// What calls of messages ask for, by the address of the message: requests of one conversation share them.
pub(crate) type Asks = HashMap<*const Message, Vec<u64>>;

/// A call as a request carries it.
#[derive(Debug, Clone, Copy)]
struct Carried {
    made: Option<Made>,
    /// Hash of id, name and arguments.
    whole: u64,
    answered: bool,
}

/// The tool calls of a run or a replay, known by the model calls whose answers made them.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    turns: Vec<Turn>,
    by_id: HashMap<String, Vec<Made>>,
}

#[derive(Debug, Default)]
struct Turn {
    /// Calls that the request carries or refers to.
    asked: Vec<Carried>,
    /// Calls of the answer.
    answered: Vec<ToolCall>,
}

impl Calls {
    /// Adds the answer of a model call.
    pub(crate) fn answer(&mut self, turn: usize, reply: &Reply) {
        let calls: Vec<ToolCall> = reply.tool_calls().cloned().collect();
        for (place, call) in calls.iter().enumerate().filter(|(_, call)| !call.id.is_empty()) {
            self.by_id.entry(call.id.clone()).or_default().push(Made { turn, place });
        }
        self.turn(turn).answered = calls;
    }

    /// Adds the request of a model call, which goes on from the answer that `link` names, and says of every tool
    /// call and every result in it which call that is.
    pub(crate) fn ask(&mut self, turn: usize, link: Option<Link>, prompt: &Prompt, known: &mut Asks) -> Asked {
        let from = link.map(|link| link.from);
        let mut talk = Talk::read(&prompt.messages, known);
        align(&from.map(|from| self.expected(from)).unwrap_or_default(), &mut talk);
        for call in talk.calls.iter_mut().filter(|call| call.made.is_none()) {
            call.made = self.alone_with_name(call.call);
        }
        // What the provider keeps is not sent again: results may be of calls that only the answer before has.
        let mut kept = from.filter(|_| prompt.previous.is_some()).map(|from| self.kept(from)).unwrap_or_default();
        let mut asked = Asked::default();
        for ((message, part, result), call) in talk.results.into_iter().zip(talk.answers) {
            let (made, is_new) = if let Some(place) = call {
                let call = &mut talk.calls[place];
                call.answered = true;
                (call.made, call.before.is_none_or(|before| !before.answered))
            } else {
                let made = answered_of(&mut kept, result).or_else(|| self.alone(&result.call_id));
                (made, true)
            };
            asked.results.push(Shown { message, part, made, call, is_new });
        }
        asked.calls.extend(talk.calls.iter().enumerate().map(|(place, call)| Shown {
            message: call.message,
            part: call.part,
            made: call.made,
            call: Some(place),
            is_new: call.before.is_none(),
        }));
        let carried =
            talk.calls.iter().map(|call| Carried { made: call.made, whole: call.whole, answered: call.answered });
        let carried = kept.into_iter().map(|(carried, _)| carried).chain(carried).collect();
        self.turn(turn).asked = carried;
        asked
    }

    fn turn(&mut self, turn: usize) -> &mut Turn {
        if self.turns.len() <= turn {
            self.turns.resize_with(turn + 1, Turn::default);
        }
        &mut self.turns[turn]
    }

    /// The calls that a request which goes on from a turn carries if nothing was left out, in order.
    fn expected(&self, from: usize) -> Vec<Expected<'_>> {
        let Some(turn) = self.turns.get(from) else { return Vec::new() };
        let asked = turn.asked.iter().map(|carried| {
            let call = carried.made.and_then(|made| self.turns.get(made.turn)?.answered.get(made.place));
            Expected { carried: *carried, call, is_asked: true }
        });
        let answered = turn.answered.iter().enumerate().map(|(place, call)| {
            let carried = Carried { made: Some(Made { turn: from, place }), whole: whole(call), answered: false };
            Expected { carried, call: Some(call), is_asked: false }
        });
        asked.chain(answered).collect()
    }

    /// Calls that wait for a result where the provider keeps the conversation.
    fn kept(&self, from: usize) -> Vec<(Carried, ToolCall)> {
        let open = self.expected(from).into_iter().filter(|expected| !expected.carried.answered);
        open.filter_map(|expected| Some((expected.carried, expected.call?.clone())))
            .filter(|(_, call)| !call.by_provider)
            .collect()
    }

    /// The call that alone has this id among all answers.
    fn alone(&self, id: &str) -> Option<Made> {
        match self.by_id.get(id).map(Vec::as_slice) {
            Some([only]) => Some(*only),
            _ => None,
        }
    }

    /// The same, if it asked for the same tool.
    fn alone_with_name(&self, call: &ToolCall) -> Option<Made> {
        let made = self.alone(&call.id)?;
        (self.turns[made.turn].answered[made.place].name == call.name).then_some(made)
    }
}

/// A call that a request should carry.
struct Expected<'a> {
    carried: Carried,
    /// As the answer made it; `None` for a call of the harness.
    call: Option<&'a ToolCall>,
    /// Whether the request before carried it: else the answer brought it.
    is_asked: bool,
}

/// The kept call that a result answers, by id, else by name and order.
fn answered_of(kept: &mut [(Carried, ToolCall)], result: &ToolResult) -> Option<Made> {
    let same_id = |call: &ToolCall| !result.call_id.is_empty() && call.id == result.call_id;
    let nameless = |call: &ToolCall| {
        (call.id.is_empty() || result.call_id.is_empty()) && result.name.as_ref().is_none_or(|name| *name == call.name)
    };
    let open = |kept: &[(Carried, ToolCall)], fits: &dyn Fn(&ToolCall) -> bool| {
        kept.iter().position(|(carried, call)| !carried.answered && fits(call))
    };
    let place = open(kept, &same_id).or_else(|| open(kept, &nameless))?;
    kept[place].0.answered = true;
    kept[place].0.made
}

/// A call in a request.
struct InTalk<'a> {
    message: usize,
    part: usize,
    call: &'a ToolCall,
    whole: u64,
    made: Option<Made>,
    /// How the request before carried it.
    before: Option<Carried>,
    answered: bool,
}

impl InTalk<'_> {
    fn is(&mut self, expected: &Expected<'_>) {
        self.made = expected.carried.made;
        self.before = expected.is_asked.then_some(expected.carried);
    }
}

/// Calls and results of a request, and which result answers which call.
#[derive(Default)]
struct Talk<'a> {
    calls: Vec<InTalk<'a>>,
    results: Vec<(usize, usize, &'a ToolResult)>,
    /// For every result the place of its call in `calls`.
    answers: Vec<Option<usize>>,
}

impl<'a> Talk<'a> {
    fn read(messages: &'a [Arc<Message>], known: &mut Asks) -> Self {
        let mut talk = Self::default();
        let mut open = Open::default();
        for (message, content) in messages.iter().enumerate() {
            let mut calls = 0;
            for (part, what) in content.parts.iter().enumerate() {
                match what {
                    Part::ToolCall(call) => {
                        let whole = known.entry(Arc::as_ptr(content)).or_insert_with(|| wholes(content))[calls];
                        calls += 1;
                        let place = talk.calls.len();
                        let (made, before) = (None, None);
                        talk.calls.push(InTalk { message, part, call, whole, made, before, answered: false });
                        open.call(place);
                    }
                    Part::ToolResult(result) => {
                        talk.answers.push(open.result(&talk.calls, result));
                        talk.results.push((message, part, result));
                    }
                    _ => {}
                }
            }
        }
        talk
    }
}

/// Calls that wait for their results while a conversation is read.
#[derive(Default)]
struct Open {
    /// Calls of earlier turns that got none, in order.
    earlier: Vec<usize>,
    /// Calls of the turn that is read.
    turn: Vec<usize>,
    /// Calls of that turn that were answered.
    done: Vec<usize>,
    /// Whether results of the turn were read.
    results: bool,
}

impl Open {
    fn call(&mut self, place: usize) {
        if std::mem::take(&mut self.results) {
            self.earlier.append(&mut self.turn);
            self.done.clear();
        }
        self.turn.push(place);
    }

    /// The call that a result answers: within the turn by id, where ids repeat or are missing by name and order.
    fn result(&mut self, calls: &[InTalk<'_>], result: &ToolResult) -> Option<usize> {
        self.results = true;
        let id = |place: &usize| !result.call_id.is_empty() && calls[*place].call.id == result.call_id;
        let name = |place: &usize| result.name.as_ref().is_none_or(|name| *name == calls[*place].call.name);
        let nameless = |place: &usize| name(place) && (calls[*place].call.id.is_empty() || result.call_id.is_empty());
        let mut found = None;
        for list in [&mut self.turn, &mut self.earlier] {
            let latest = list.iter().position(|place| id(place) && name(place));
            let place = latest.or_else(|| list.iter().position(id));
            if let Some(place) = place {
                found = Some(list.remove(place));
                break;
            }
        }
        // A second result of a call is a later state of it.
        let found = found.or_else(|| self.done.iter().rev().copied().find(id));
        let found = found.or_else(|| {
            let place = self.turn.iter().position(nameless)?;
            Some(self.turn.remove(place))
        });
        if let Some(found) = found
            && !self.done.contains(&found)
        {
            self.done.push(found);
        }
        found
    }
}

/// How many calls at the end of a request are compared with each other where ids do not tell.
const COMPARED: usize = 64;

/// Says of the calls of a request which of the expected ones they are. The order is kept; requests leave out, add
/// and write anew.
fn align(expected: &[Expected<'_>], talk: &mut Talk<'_>) {
    let calls = &mut talk.calls;
    let same = |call: &InTalk<'_>, expected: &Expected<'_>| call.whole == expected.carried.whole;
    let mut first = calls.iter().zip(expected).take_while(|(call, expected)| same(call, expected)).count();
    let mut last = 0;
    if first < expected.len() {
        // Of a window that moves on the end is what was there before.
        let both = calls.iter().rev().zip(expected.iter().rev());
        last = both.take_while(|(call, expected)| same(call, expected)).count();
        first = first.min(calls.len() - last).min(expected.len() - last);
    }
    let (calls_end, expected_end) = (calls.len() - last, expected.len() - last);
    for (call, expected) in calls[..first].iter_mut().zip(expected) {
        call.is(expected);
    }
    for (call, expected) in calls[calls_end..].iter_mut().zip(&expected[expected_end..]) {
        call.is(expected);
    }
    let (calls, expected) = (&mut calls[first..calls_end], &expected[first..expected_end]);
    if calls.is_empty() || expected.is_empty() {
        return;
    }
    let rest = by_id(calls, expected);
    let (calls_left, expected_left) = rest.sides;
    let calls_left = &calls_left[calls_left.len().saturating_sub(COMPARED)..];
    let expected_left = &expected_left[expected_left.len().saturating_sub(COMPARED)..];
    let likeness =
        |call: usize, other: usize| likeness(&calls[calls_left[call]], &expected[expected_left[other]], rest.minted);
    for (call, other) in in_order(calls_left.len(), expected_left.len(), likeness) {
        calls[calls_left[call]].is(&expected[expected_left[other]]);
    }
}

/// What is left once ids that both sides have once have told.
struct Rest {
    /// Places of calls of the request, and of expected ones.
    sides: (Vec<usize>, Vec<usize>),
    /// Whether the two sides have no id in common: some frameworks give calls ids of their own.
    minted: bool,
}

fn by_id(calls: &mut [InTalk<'_>], expected: &[Expected<'_>]) -> Rest {
    let mut places: HashMap<&str, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (place, call) in calls.iter().enumerate().filter(|(_, call)| !call.call.id.is_empty()) {
        places.entry(&call.call.id).or_default().0.push(place);
    }
    for (place, expected) in expected.iter().enumerate() {
        if let Some(call) = expected.call.filter(|call| !call.id.is_empty()) {
            places.entry(&call.id).or_default().1.push(place);
        }
    }
    let minted = places.values().all(|(calls, expected)| calls.is_empty() || expected.is_empty());
    let told: Vec<(usize, usize)> = places
        .values()
        .filter_map(|places| match (places.0.as_slice(), places.1.as_slice()) {
            ([call], [expected]) => Some((*call, *expected)),
            _ => None,
        })
        .collect();
    let mut left = (vec![true; calls.len()], vec![true; expected.len()]);
    for (call, other) in told {
        calls[call].is(&expected[other]);
        left.0[call] = false;
        left.1[other] = false;
    }
    let open = |left: Vec<bool>| left.iter().enumerate().filter(|(_, left)| **left).map(|(place, _)| place).collect();
    Rest { sides: (open(left.0), open(left.1)), minted }
}

/// How sure it is that a call in a request is an expected one; 0 is no.
fn likeness(call: &InTalk<'_>, expected: &Expected<'_>, minted: bool) -> u32 {
    if call.whole == expected.carried.whole {
        return 16;
    }
    let Some(known) = expected.call else { return 0 };
    let call = call.call;
    let nameless = call.id.is_empty() || known.id.is_empty();
    match (call.name == known.name, call.id == known.id && !nameless) {
        (true, true) => 8,
        (true, false) if (nameless || minted) && asks(call) == asks(known) => 6,
        (true, false) if nameless => 2,
        (false, true) => 4,
        _ => 0,
    }
}

/// Pairs of two lists in order with the greatest likeness, of equal ones the latest.
fn in_order(left: usize, right: usize, likeness: impl Fn(usize, usize) -> u32) -> Vec<(usize, usize)> {
    let wide = right + 1;
    let mut best = vec![0_u32; (left + 1) * wide];
    let mut alike = vec![0_u32; left * right];
    for x in (0..left).rev() {
        for y in (0..right).rev() {
            let both = likeness(x, y);
            alike[x * right + y] = both;
            let paired = if both == 0 { 0 } else { both + best[(x + 1) * wide + y + 1] };
            best[x * wide + y] = paired.max(best[(x + 1) * wide + y]).max(best[x * wide + y + 1]);
        }
    }
    let (mut x, mut y, mut pairs) = (0, 0, Vec::new());
    while x < left && y < right {
        let here = best[x * wide + y];
        if best[x * wide + y + 1] == here {
            y += 1;
        } else if best[(x + 1) * wide + y] == here {
            x += 1;
        } else {
            pairs.push((x, y));
            (x, y) = (x + 1, y + 1);
        }
    }
    pairs
}

/// Hash of what a call asks for: the tool and the arguments, however these are spelled.
pub(super) fn asks(call: &ToolCall) -> Digest {
    let json =
        Json::parse_text(&call.arguments).ok().filter(|json| matches!(json.root().kind(), Kind::Object | Kind::Array));
    let arguments = json.map(|json| canonical::json("arguments", &keys::PLAIN, json, &|_| None).key);
    match arguments {
        Some(arguments) => digest(&["call", &call.name, &blake3::Hash::from(arguments).to_hex()]),
        None => digest(&["call", &call.name, &squeeze(&call.arguments)]),
    }
}

fn whole(call: &ToolCall) -> u64 {
    let id = digest(&[&call.id]);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id).update(&asks(call));
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

fn wholes(message: &Message) -> Vec<u64> {
    let calls = message.parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(whole(call)),
        _ => None,
    });
    calls.collect()
}
