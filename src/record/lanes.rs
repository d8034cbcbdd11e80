//! Lanes: which model call goes on from the answer of which.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::calls;
use crate::model::{Message, Part, Prompt, Reply};

/// A model call as the search for lanes needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn<'a> {
    /// Place of its request among all events.
    pub(crate) began: usize,
    /// Place of the end of its answer; `usize::MAX` if it never ended.
    pub(crate) ended: usize,
    /// What was asked.
    pub(crate) prompt: &'a Prompt,
    /// What was answered.
    pub(crate) reply: &'a Reply,
}

/// The call that another one continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// Place of the earlier call in the list of turns.
    pub(crate) from: usize,
    /// Whether only the tail of the conversation was carried on.
    pub(crate) compacted: bool,
}

pub(super) type Digest = [u8; 32];

/// What counts of one message, apart from those around it.
#[derive(Debug)]
enum Piece {
    /// Words, and their hash where nothing of the same speaker stands beside them.
    Text { words: String, alone: Digest },
    /// A call, a result, a picture.
    Other(Digest),
    /// An id that is said of what comes next.
    Id(Arc<str>, Says),
}

/// What an id stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// A tool call.
    Call,
    /// The result of one.
    Result,
    /// A word of a text, which may be such an id.
    Word,
}

/// What counts of messages, by their address: calls of one conversation share them.
type Pieces = HashMap<*const Message, Vec<Piece>>;

fn pieces(message: &Message) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(part) => {
                let words = squeeze(&part.text);
                if words.is_empty() {
                    continue;
                }
                if message.role == "assistant" {
                    // Some harnesses write the calls of an answer down as text.
                    let found =
                        words.split(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '-'));
                    pieces.extend(found.filter(|word| is_id(word)).map(|word| Piece::Id(word.into(), Says::Word)));
                }
                let alone = digest(&["text", &message.role, &words]);
                pieces.push(Piece::Text { words, alone });
            }
            Part::ToolCall(call) => {
                pieces.push(Piece::Id(call.id.as_str().into(), Says::Call));
                pieces.push(Piece::Other(calls::asks(call)));
            }
            Part::ToolResult(result) => {
                if !result.call_id.is_empty() {
                    pieces.push(Piece::Id(result.call_id.as_str().into(), Says::Result));
                }
                pieces.push(Piece::Other(digest(&["result", &squeeze(&result.content)])));
            }
            Part::Media(media) => pieces.push(Piece::Other(digest(&["media", &media.text]))),
            Part::Reasoning(_) | Part::Other(_) => {}
        }
    }
    pieces
}

pub(super) fn digest(fields: &[&str]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// What counts of a conversation: no system text, names, reasoning or spelling.
#[derive(Debug)]
struct Shape {
    parts: Vec<Digest>,
    /// Hash of the first n parts, for n from 0.
    prefixes: Vec<Digest>,
    /// Ids of tool calls and of results, with the place of the part.
    ids: Vec<Mention>,
}

/// An id in a conversation.
#[derive(Debug)]
struct Mention {
    id: Arc<str>,
    says: Says,
    /// Place of the part that it is said of.
    at: usize,
}

/// Texts of one speaker that stand together: they count as one.
#[derive(Default)]
struct Speech<'a> {
    role: &'a str,
    alone: Digest,
    words: Vec<&'a str>,
}

impl Shape {
    fn new() -> Self {
        Self { parts: Vec::new(), prefixes: vec![[0; 32]], ids: Vec::new() }
    }

    fn of(messages: &[Arc<Message>], known: &mut Pieces) -> Self {
        let counts = |message: &&Arc<Message>| !matches!(message.role.as_str(), "system" | "developer");
        for message in messages.iter().filter(counts) {
            known.entry(Arc::as_ptr(message)).or_insert_with(|| pieces(message));
        }
        let mut shape = Self::new();
        let mut speech = Speech::default();
        for message in messages.iter().filter(counts) {
            for piece in &known[&Arc::as_ptr(message)] {
                shape.add(&message.role, piece, &mut speech);
            }
        }
        shape.close(&mut speech);
        shape
    }

    fn add<'a>(&mut self, role: &'a str, piece: &'a Piece, speech: &mut Speech<'a>) {
        match piece {
            Piece::Text { words, alone } => {
                if speech.role != role {
                    self.close(speech);
                }
                speech.role = role;
                speech.alone = *alone;
                speech.words.push(words);
            }
            Piece::Other(part) => {
                self.close(speech);
                self.push(*part);
            }
            Piece::Id(id, says) => {
                if *says != Says::Word {
                    self.close(speech);
                }
                self.ids.push(Mention { id: Arc::clone(id), says: *says, at: self.parts.len() });
            }
        }
    }

    fn close(&mut self, speech: &mut Speech<'_>) {
        match speech.words.as_slice() {
            [] => {}
            [_] => self.push(speech.alone),
            many => self.push(digest(&["text", speech.role, &many.join(" ")])),
        }
        *speech = Speech::default();
    }

    /// The last part, and the hash of all.
    fn end(&self) -> (Option<Digest>, Digest) {
        (self.parts.last().copied(), self.prefixes[self.parts.len()])
    }

    fn push(&mut self, part: Digest) {
        self.prefixes.push(chain(&self.prefixes[self.parts.len()], &part));
        self.parts.push(part);
    }
}

/// Whether a word in running text may be an id that was made at random.
fn is_id(word: &str) -> bool {
    word.len() >= 9
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

pub(super) fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A candidate: which turn, and after which part of the later request.
struct Found {
    from: usize,
    place: usize,
    compacted: bool,
}

/// How many answers that read alike are looked at: of those that nothing else tells apart the latest are likelier.
const ALIKE: usize = 8;

/// The answers known so far, and what would continue them.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    asked: Vec<Shape>,
    ended: Vec<usize>,
    long: Vec<bool>,
    continued: Vec<usize>,
    by_response: HashMap<String, Vec<usize>>,
    /// Answers by the ids of their calls, each answer once.
    by_call: HashMap<String, Vec<usize>>,
    /// Answers by what is said of a call beside its id: see [`Marks`].
    by_mark: HashMap<Digest, Vec<usize>>,
    /// Answers by all that was said up to their end, those first that fewer calls have continued.
    by_whole: HashMap<Digest, BTreeSet<(usize, usize)>>,
    /// Of every call the hashes by which it stands in `by_whole`.
    wholes: Vec<Vec<Digest>>,
    /// Answers that are one text, by that text, alone and with the part before it.
    by_text: HashMap<Digest, Vec<usize>>,
}

/// What tells a call from others with its id, the surest first: what was asked with the part before it, the
/// conversation that it answers, what was asked. Servers number calls per turn, or take the tool's name.
struct Marks([Digest; 3]);

impl Marks {
    fn of(id: &str, asks: &Digest, before: Option<&Digest>, conversation: &Digest) -> Self {
        let id = digest(&[id]);
        let asks = chain(&id, asks);
        Self([chain(&asks, before.unwrap_or(&[0; 32])), chain(&chain(&id, conversation), &[1; 32]), asks])
    }
}

impl Lanes {
    /// Adds a call; returns its place.
    pub(crate) fn ask(&mut self, prompt: &Prompt) -> usize {
        self.ask_as(Shape::of(&prompt.messages, &mut Pieces::new()))
    }

    fn ask_as(&mut self, shape: Shape) -> usize {
        self.asked.push(shape);
        self.ended.push(usize::MAX);
        self.long.push(false);
        self.continued.push(0);
        self.wholes.push(Vec::new());
        self.asked.len() - 1
    }

    /// Adds the answer of a call.
    pub(crate) fn answer(&mut self, place: usize, ended: usize, reply: &Reply) {
        self.ended[place] = ended;
        self.long[place] = reply.text().chars().count() >= 20;
        for id in reply.id.iter().chain(&reply.conversation).chain(&reply.item_ids) {
            self.by_response.entry(id.clone()).or_default().push(place);
        }
        for (choice, parts) in std::iter::once(&reply.parts).chain(&reply.choices).enumerate() {
            let said = Message { role: "assistant".into(), parts: parts.clone(), ..Message::default() };
            let said = Shape::of(&[said.into()], &mut Pieces::new());
            if said.parts.is_empty() {
                continue;
            }
            let (last, conversation) = self.asked[place].end();
            let mut whole = conversation;
            for part in &said.parts {
                whole = chain(&whole, part);
            }
            self.by_whole.entry(whole).or_default().insert((self.continued[place], place));
            self.wholes[place].push(whole);
            if let [only] = said.parts.as_slice()
                && parts.iter().any(|part| matches!(part, Part::Text(_)))
            {
                self.by_text.entry(*only).or_default().push(place);
                if let Some(last) = last {
                    self.by_text.entry(chain(&last, only)).or_default().push(place);
                }
            }
            for call in said.ids.iter().filter(|mention| choice == 0 && mention.says == Says::Call) {
                let before = call.at.checked_sub(1).map(|before| said.parts[before]).or(last);
                let marks = Marks::of(&call.id, &said.parts[call.at], before.as_ref(), &conversation);
                for mark in marks.0 {
                    push_once(self.by_mark.entry(mark).or_default(), place);
                }
                push_once(self.by_call.entry(call.id.to_string()).or_default(), place);
            }
        }
    }

    /// The call that the call at `place`, whose request came at `began`, goes on from.
    pub(crate) fn link(&mut self, place: usize, began: usize, prompt: &Prompt) -> Option<Link> {
        let before = |from: &usize| *from != place && self.ended[*from] < began;
        let shape = &self.asked[place];
        // The last place wins, so they are gone through from the end; in one place an id counts before the
        // whole, and the first id before the others.
        let mut best: Option<Found> = None;
        if let Some(known) = prompt.previous.as_deref().and_then(|id| self.by_response.get(id))
            && let Some(from) = known.iter().rev().copied().find(before)
        {
            best = Some(Found { from, place: usize::MAX, compacted: false });
        }
        for (number, mention) in shape.ids.iter().enumerate().rev() {
            if best.as_ref().is_some_and(|best| best.place > mention.at) {
                break;
            }
            if let Some(from) = self.introduced(shape, number, before) {
                let compacted = mention.at < self.asked[from].parts.len();
                best = Some(Found { from, place: mention.at, compacted });
            }
        }
        for (at, hash) in shape.prefixes[1..].iter().enumerate().rev() {
            if best.as_ref().is_some_and(|best| best.place >= at) {
                break;
            }
            // Of equal answers to equal requests the one that nobody has continued yet.
            let candidates = self.by_whole.get(hash).into_iter().flatten();
            if let Some(from) = candidates.map(|(_, from)| *from).find(before) {
                best = Some(Found { from, place: at, compacted: false });
            }
        }
        if best.is_none() {
            for (at, part) in shape.parts.iter().enumerate() {
                let known = match at.checked_sub(1) {
                    Some(last) => self.by_text.get(&chain(&shape.parts[last], part)),
                    None => self.by_text.get(part),
                };
                let mut latest = known.into_iter().flatten().rev().copied().filter(before).take(ALIKE);
                let fits = |from: &usize| self.long[*from] && self.asked[*from].parts.ends_with(&shape.parts[..at]);
                if let Some(from) = latest.find(fits) {
                    best = Some(Found { from, place: at, compacted: true });
                }
            }
        }
        let link = best.map(|found| Link { from: found.from, compacted: found.compacted })?;
        for whole in &self.wholes[link.from] {
            if let Some(alike) = self.by_whole.get_mut(whole) {
                alike.remove(&(self.continued[link.from], link.from));
                alike.insert((self.continued[link.from] + 1, link.from));
            }
        }
        self.continued[link.from] += 1;
        Some(link)
    }

    /// The answer that introduced an id: one that alone has it, else the one whose call is the same in more than
    /// that.
    fn introduced(&self, shape: &Shape, number: usize, before: impl Fn(&usize) -> bool + Copy) -> Option<usize> {
        let mention = &shape.ids[number];
        let mut known = self.by_call.get(&*mention.id)?.iter().rev().copied().filter(before);
        let latest = known.next()?;
        let alone = known.next().is_none();
        if alone && is_id(&mention.id) {
            return Some(latest);
        }
        if mention.says != Says::Call {
            // The call that stands before it says more.
            let is_its_call = |other: &Mention| other.says == Says::Call && other.id == mention.id;
            return (alone && !shape.ids[..number].iter().rev().any(is_its_call)).then_some(latest);
        }
        let last = mention.at.checked_sub(1).map(|last| &shape.parts[last]);
        let marks = Marks::of(&mention.id, shape.parts.get(mention.at)?, last, &shape.prefixes[mention.at]);
        // What was asked says little where nothing else is there.
        let marks = &marks.0[..if mention.id.is_empty() { 2 } else { 3 }];
        marks.iter().find_map(|mark| {
            let alike = self.by_mark.get(mark)?.iter().rev().copied().filter(before).take(ALIKE);
            // The first of those that fewest have continued is the latest of them.
            alike.min_by_key(|from| self.continued[*from])
        })
    }
}

fn push_once(places: &mut Vec<usize>, place: usize) {
    if places.last() != Some(&place) {
        places.push(place);
    }
}

fn chain(before: &Digest, part: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before);
    hasher.update(part);
    *hasher.finalize().as_bytes()
}

/// What happened to turns, in order: a request came, or an answer ended.
pub(super) enum Moment {
    Asked(usize),
    Answered(usize),
}

/// Requests and ends of answers in the order of the events.
pub(super) fn moments(turns: &[Turn<'_>]) -> Vec<Moment> {
    let mut moments: Vec<(usize, Moment)> = Vec::with_capacity(turns.len() * 2);
    for (place, turn) in turns.iter().enumerate() {
        moments.push((turn.began, Moment::Asked(place)));
        if turn.ended != usize::MAX {
            moments.push((turn.ended, Moment::Answered(place)));
        }
    }
    moments.sort_by_key(|(at, _)| *at);
    moments.into_iter().map(|(_, moment)| moment).collect()
}

/// For every turn the turn that it continues.
pub(crate) fn links(turns: &[Turn<'_>]) -> Vec<Option<Link>> {
    let mut lanes = Lanes::default();
    let mut pieces = Pieces::new();
    for turn in turns {
        lanes.ask_as(Shape::of(&turn.prompt.messages, &mut pieces));
    }
    let mut links = vec![None; turns.len()];
    for moment in moments(turns) {
        match moment {
            Moment::Asked(place) => links[place] = lanes.link(place, turns[place].began, turns[place].prompt),
            Moment::Answered(place) => lanes.answer(place, turns[place].ended, turns[place].reply),
        }
    }
    links
}

/// Numbers the lanes: a call goes on in the lane of the call that it continues, unless several do.
pub(crate) fn lanes(links: &[Option<Link>]) -> Vec<u32> {
    let mut followers = vec![0_usize; links.len()];
    for link in links.iter().flatten() {
        followers[link.from] += 1;
    }
    let mut next = 0;
    let mut lanes: Vec<Option<u32>> = vec![None; links.len()];
    for place in 0..links.len() {
        // The call that is gone on from may have a higher place: its body may have come sooner.
        let (mut first, mut unknown) = (place, Vec::new());
        let lane = loop {
            if let Some(lane) = lanes[first] {
                break lane;
            }
            unknown.push(first);
            match links[first] {
                Some(link) if followers[link.from] == 1 => first = link.from,
                _ => {
                    next += 1;
                    break next - 1;
                }
            }
        };
        for place in unknown {
            lanes[place] = Some(lane);
        }
    }
    lanes.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Text, ToolCall, ToolResult};

    fn say(role: &str, text: &str) -> Message {
        let part = Part::Text(Text { text: text.into(), path: String::new() });
        Message { role: role.into(), parts: vec![part], ..Message::default() }
    }

    fn call(id: &str, name: &str) -> Part {
        Part::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: "{}".into(), ..ToolCall::default() })
    }

    fn result(id: &str, content: &str) -> Message {
        let part = ToolResult { call_id: id.into(), content: content.into(), ..ToolResult::default() };
        Message { role: "tool".into(), parts: vec![Part::ToolResult(part)], ..Message::default() }
    }

    fn check(calls: &[(Vec<Message>, Vec<Part>)]) -> (Vec<Option<usize>>, Vec<u32>, Vec<bool>) {
        let calls: Vec<(Prompt, Reply)> = calls
            .iter()
            .map(|(messages, parts)| {
                let messages = messages.iter().cloned().map(Arc::new).collect();
                let prompt = Prompt { messages, ..Prompt::default() };
                (prompt, Reply { parts: parts.clone(), ..Reply::default() })
            })
            .collect();
        let turns: Vec<Turn<'_>> = calls
            .iter()
            .enumerate()
            .map(|(place, (prompt, reply))| Turn { began: place * 2, ended: place * 2 + 1, prompt, reply })
            .collect();
        let found = links(&turns);
        let compacted = found.iter().map(|link| link.is_some_and(|link| link.compacted)).collect();
        (found.iter().map(|link| link.map(|link| link.from)).collect(), lanes(&found), compacted)
    }

    #[test]
    fn a_conversation_is_one_lane_whatever_its_system_prompt() {
        let text = |text: &str| vec![Part::Text(Text { text: text.into(), path: String::new() })];
        let assistant = |part| Message { role: "assistant".into(), parts: vec![part], ..Message::default() };
        let found = check(&[
            (vec![say("system", "a"), say("user", "hi")], vec![call("c1", "f")]),
            (
                vec![say("system", "b"), say("user", "hi"), assistant(call("c1", "f")), result("c1", "r")],
                text("Done  now."),
            ),
            (
                vec![
                    say("user", "hi"),
                    assistant(call("c1", "f")),
                    result("c1", "r"),
                    say("assistant", "Done now."),
                    say("user", "more"),
                ],
                text("ok"),
            ),
            (vec![say("user", "other")], text("ok")),
        ]);
        assert_eq!(found.0, [None, Some(0), Some(1), None]);
        assert_eq!(found.1, [0, 0, 0, 1]);
    }

    #[test]
    fn two_calls_that_continue_one_answer_begin_lanes_of_their_own() {
        let text = vec![Part::Text(Text { text: "plan".into(), path: String::new() })];
        let base = [say("user", "hi"), say("assistant", "plan")];
        let with = |more: &str| base.iter().cloned().chain([say("user", more)]).collect::<Vec<_>>();
        let found = check(&[(vec![say("user", "hi")], text.clone()), (with("a"), text.clone()), (with("b"), text)]);
        assert_eq!(found.0, [None, Some(0), Some(0)]);
        assert_eq!(found.1, [0, 1, 2]);
    }

    #[test]
    fn the_tail_of_a_conversation_goes_on_compacted() {
        let long = "a rather long answer of the model";
        let text = vec![Part::Text(Text { text: long.into(), path: String::new() })];
        let found = check(&[
            (vec![say("user", "one"), say("assistant", "x"), say("user", "two")], text.clone()),
            (vec![say("user", "two"), say("assistant", long), say("user", "three")], text),
        ]);
        assert_eq!(found.0, [None, Some(0)]);
        assert_eq!(found.2, [false, true]);
    }
}
