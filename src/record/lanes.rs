//! Lanes: which model call goes on from the answer of which.

use std::collections::HashMap;

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

type Digest = [u8; 32];

/// What counts of a conversation: no system text, names, reasoning or spelling.
#[derive(Debug)]
struct Shape {
    parts: Vec<Digest>,
    /// Hash of the first n parts, for n from 0.
    prefixes: Vec<Digest>,
    /// Ids of tool calls and of results, with the place of the part.
    ids: Vec<(String, usize)>,
}

impl Shape {
    fn new() -> Self {
        Self { parts: Vec::new(), prefixes: vec![[0; 32]], ids: Vec::new() }
    }

    fn of(messages: &[Message]) -> Self {
        let mut shape = Self::new();
        let mut text = (String::new(), String::new());
        for message in messages {
            if matches!(message.role.as_str(), "system" | "developer") {
                continue;
            }
            for part in &message.parts {
                shape.part(&message.role, part, &mut text);
            }
        }
        shape.close(&mut text);
        shape
    }

    fn part(&mut self, role: &str, part: &Part, text: &mut (String, String)) {
        match part {
            Part::Text(part) => {
                let plain = squeeze(&part.text);
                if plain.is_empty() {
                    return;
                }
                if role == "assistant" {
                    // Some harnesses write the calls of an answer down as text.
                    let words =
                        plain.split(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '-'));
                    let place = self.parts.len();
                    self.ids.extend(words.filter(|word| is_id(word)).map(|word| (word.to_owned(), place)));
                }
                if text.0 != role {
                    self.close(text);
                    role.clone_into(&mut text.0);
                }
                if !text.1.is_empty() {
                    text.1.push(' ');
                }
                text.1.push_str(&plain);
            }
            Part::ToolCall(call) => {
                self.close(text);
                if !call.id.is_empty() {
                    self.ids.push((call.id.clone(), self.parts.len()));
                }
                self.push(&["call", &call.name, &squeeze(&call.arguments)]);
            }
            Part::ToolResult(result) => {
                self.close(text);
                if !result.call_id.is_empty() {
                    self.ids.push((result.call_id.clone(), self.parts.len()));
                }
                self.push(&["result", &squeeze(&result.content)]);
            }
            Part::Media(media) => {
                self.close(text);
                self.push(&["media", &media.text]);
            }
            Part::Reasoning(_) | Part::Other(_) => {}
        }
    }

    fn close(&mut self, text: &mut (String, String)) {
        if !text.1.is_empty() {
            let (role, said) = std::mem::take(text);
            self.push(&["text", &role, &said]);
        }
        text.0.clear();
    }

    fn push(&mut self, fields: &[&str]) {
        let mut hasher = blake3::Hasher::new();
        for field in fields {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field.as_bytes());
        }
        let part = *hasher.finalize().as_bytes();
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

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A candidate: which turn, after which part of the later request, and how strong.
struct Found {
    from: usize,
    place: usize,
    strength: u8,
    compacted: bool,
}

/// The answers known so far, and what would continue them.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    asked: Vec<Shape>,
    ended: Vec<usize>,
    long: Vec<bool>,
    continued: Vec<usize>,
    by_response: HashMap<String, Vec<usize>>,
    by_call: HashMap<String, Vec<usize>>,
    by_whole: HashMap<Digest, Vec<usize>>,
    by_text: HashMap<Digest, Vec<usize>>,
}

impl Lanes {
    /// Adds a call; returns its place.
    pub(crate) fn ask(&mut self, prompt: &Prompt) -> usize {
        self.asked.push(Shape::of(&prompt.messages));
        self.ended.push(usize::MAX);
        self.long.push(false);
        self.continued.push(0);
        self.asked.len() - 1
    }

    /// Adds the answer of a call.
    pub(crate) fn answer(&mut self, place: usize, ended: usize, reply: &Reply) {
        self.ended[place] = ended;
        self.long[place] = reply.text().chars().count() >= 20;
        for id in reply.id.iter().chain(&reply.conversation).chain(&reply.item_ids) {
            self.by_response.entry(id.clone()).or_default().push(place);
        }
        for call in reply.tool_calls().filter(|call| !call.id.is_empty()) {
            self.by_call.entry(call.id.clone()).or_default().push(place);
        }
        for parts in std::iter::once(&reply.parts).chain(&reply.choices) {
            let said = [Message { role: "assistant".into(), parts: parts.clone(), ..Message::default() }];
            let said = Shape::of(&said);
            if said.parts.is_empty() {
                continue;
            }
            let mut whole = *self.asked[place].prefixes.last().unwrap_or(&[0; 32]);
            for part in &said.parts {
                whole = chain(&whole, part);
            }
            self.by_whole.entry(whole).or_default().push(place);
            if let [only] = said.parts.as_slice()
                && parts.iter().any(|part| matches!(part, Part::Text(_)))
            {
                self.by_text.entry(*only).or_default().push(place);
            }
        }
    }

    /// The call that the call at `place`, whose request came at `began`, goes on from.
    pub(crate) fn link(&mut self, place: usize, began: usize, prompt: &Prompt) -> Option<Link> {
        let before = |candidates: Option<&Vec<usize>>| -> Vec<usize> {
            let candidates = candidates.map(Vec::as_slice).unwrap_or_default();
            candidates.iter().copied().filter(|from| *from != place && self.ended[*from] < began).collect()
        };
        let shape = &self.asked[place];
        let mut best: Option<Found> = None;
        let mut offer = |found: Found| {
            if best.as_ref().is_none_or(|best| (found.place, found.strength) > (best.place, best.strength)) {
                best = Some(found);
            }
        };
        if let Some(from) = prompt.previous.as_deref().and_then(|id| before(self.by_response.get(id)).pop()) {
            offer(Found { from, place: usize::MAX, strength: 3, compacted: false });
        }
        for (id, at) in &shape.ids {
            if let Some(from) = before(self.by_call.get(id.as_str())).pop() {
                let compacted = *at < self.asked[from].parts.len();
                offer(Found { from, place: *at, strength: 2, compacted });
            }
        }
        for (count, hash) in shape.prefixes.iter().enumerate().skip(1) {
            // Of equal answers to equal requests the one that nobody has continued yet.
            let candidates = before(self.by_whole.get(hash));
            if let Some(from) = candidates.into_iter().min_by_key(|from| self.continued[*from]) {
                offer(Found { from, place: count - 1, strength: 1, compacted: false });
            }
        }
        if best.is_none() {
            for (at, part) in shape.parts.iter().enumerate() {
                for from in before(self.by_text.get(part)) {
                    if self.long[from] && self.asked[from].parts.ends_with(&shape.parts[..at]) {
                        best = Some(Found { from, place: at, strength: 0, compacted: true });
                    }
                }
            }
        }
        let link = best.map(|found| Link { from: found.from, compacted: found.compacted })?;
        self.continued[link.from] += 1;
        Some(link)
    }
}

fn chain(before: &Digest, part: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before);
    hasher.update(part);
    *hasher.finalize().as_bytes()
}

/// For every turn, in order of their requests, the turn that it continues.
pub(crate) fn links(turns: &[Turn<'_>]) -> Vec<Option<Link>> {
    let mut lanes = Lanes::default();
    for turn in turns {
        lanes.ask(turn.prompt);
    }
    for (place, turn) in turns.iter().enumerate() {
        lanes.answer(place, turn.ended, turn.reply);
    }
    turns.iter().enumerate().map(|(place, turn)| lanes.link(place, turn.began, turn.prompt)).collect()
}

/// Numbers the lanes: a call goes on in the lane of the call that it continues, unless several do.
pub(crate) fn lanes(links: &[Option<Link>]) -> Vec<u32> {
    let mut followers = vec![0_usize; links.len()];
    for link in links.iter().flatten() {
        followers[link.from] += 1;
    }
    let mut next = 0;
    let mut lanes = Vec::with_capacity(links.len());
    for link in links {
        lanes.push(match link {
            Some(link) if followers[link.from] == 1 => lanes[link.from],
            _ => {
                next += 1;
                next - 1
            }
        });
    }
    lanes
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
                let prompt = Prompt { messages: messages.clone(), ..Prompt::default() };
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
