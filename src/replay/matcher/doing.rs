//! What changed and sent answers brought: by that a call that the recording has not is the doing of a change, or is not.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::model::{Detail, NodeId, Part, Reply};
use crate::replay::plan::Plan;
use crate::text::json::{Json, Kind};
use crate::wire::canonical::{Canonical, Difference, TokenKind};

/// Letters from which one word alone is taken for a sign of where it came from.
const LONG: usize = 7;
/// Characters from which a word with a digit is taken for one.
const NUMBER: usize = 3;
/// Bytes from which a part of an answer is recognised in a request.
const LEAST: usize = 4;

/// What this replay's changed and sent answers brought.
#[derive(Debug, Default)]
pub(super) struct Doing {
    known: Option<Known>,
    /// Words and pairs of words that only such an answer can have brought.
    brought: HashSet<u64>,
    /// What such answers said, in small letters, white space aside.
    texts: Vec<String>,
    /// Nodes that depend on one whose changed answer was handed over, themselves included.
    reached: BTreeSet<NodeId>,
    /// Whether any such answer was handed over.
    any: bool,
}

/// Words and pairs of words that came from elsewhere.
#[derive(Debug, Default)]
struct Known {
    /// Values that were taken apart, and have nothing else in them.
    values: HashSet<u64>,
    words: HashSet<u64>,
}

impl Known {
    fn of(plan: &Plan) -> Self {
        let mut known = Self::default();
        for entry in &plan.entries {
            known.hear(&entry.parsed.canonical);
        }
        for node in plan.run.graph.nodes() {
            if let Detail::Call { reply, .. } = &node.detail {
                for text in said(reply) {
                    known.learn(text.as_bytes());
                }
            }
        }
        for entry in plan.entries.iter().filter(|entry| entry.parsed.dialect.is_none()) {
            let answer = plan.run.calls.get(&entry.seq).and_then(|call| call.answer.as_ref());
            known.learn(&answer.map(crate::model::Answer::body).unwrap_or_default());
        }
        for announced in plan.run.announced.values() {
            known.learn(&announced.begin.input);
            if let Some(finish) = &announced.finish {
                known.learn(&finish.output);
                known.learn(&finish.documents);
            }
        }
        known
    }

    fn hear(&mut self, canonical: &Canonical) {
        for token in canonical.tokens.iter().filter(|token| speaks(token.kind)) {
            self.learn(canonical.bytes(token));
        }
    }

    fn learn(&mut self, text: &[u8]) {
        if self.values.insert(hash(text)) {
            self.words.extend(words(&String::from_utf8_lossy(text)).flat_map(|word| word.hashes()));
        }
    }
}

impl Doing {
    /// The agent makes a request. What it says and no such answer brought is its own.
    pub(super) fn hear(&mut self, plan: &Plan, canonical: &Canonical) {
        let Self { known, brought, .. } = self;
        let known = known.get_or_insert_with(|| Known::of(plan));
        for token in canonical.tokens.iter().filter(|token| speaks(token.kind)) {
            let text = canonical.bytes(token);
            let value = hash(text);
            if known.values.contains(&value) {
                continue;
            }
            let hashes: Vec<u64> = words(&String::from_utf8_lossy(text)).flat_map(|word| word.hashes()).collect();
            if !hashes.iter().any(|hash| brought.contains(hash)) {
                known.values.insert(value);
            }
            known.words.extend(hashes.into_iter().filter(|hash| !brought.contains(hash)));
        }
    }

    /// A changed or sent answer was handed over, in the place of a recorded node if there is one.
    pub(super) fn bring<'a>(&mut self, plan: &Plan, node: Option<NodeId>, texts: impl IntoIterator<Item = &'a str>) {
        let known = self.known.get_or_insert_with(|| Known::of(plan));
        self.any = true;
        for text in texts {
            let squeezed = squeeze(text);
            if squeezed.is_empty() {
                continue;
            }
            let only = words(text).nth(1).is_none();
            for word in words(text) {
                let one = Some(word.one).filter(|_| only || word.is_a_sign);
                self.brought.extend(one.into_iter().chain(word.pair).filter(|hash| !known.words.contains(hash)));
            }
            self.texts.push(squeezed);
        }
        if let Some(node) = node.filter(|node| !self.reached.contains(node)) {
            self.reached.extend(plan.run.graph.dependents(node));
        }
    }

    /// Whether a request carries words that only a changed or sent answer can have brought.
    pub(super) fn is_carried_by(&self, canonical: &Canonical) -> bool {
        let Some(known) = self.known.as_ref().filter(|_| !self.brought.is_empty()) else { return false };
        canonical.tokens.iter().filter(|token| speaks(token.kind)).any(|token| {
            let text = canonical.bytes(token);
            !known.values.contains(&hash(text)) && self.is_in(&String::from_utf8_lossy(text))
        })
    }

    /// Whether a text has words that only a changed or sent answer can have brought.
    pub(super) fn is_in(&self, text: &str) -> bool {
        !self.brought.is_empty()
            && words(text).any(|word| {
                self.brought.contains(&word.one) || word.pair.is_some_and(|pair| self.brought.contains(&pair))
            })
    }

    /// Whether what differs from the nearest recorded request stands in a changed or sent answer.
    pub(super) fn explains(&self, differences: &[Difference]) -> bool {
        !self.texts.is_empty()
            && differences.iter().any(|difference| {
                let Some(new) = &difference.right else { return false };
                let old = difference.left.as_deref().unwrap_or_default();
                let (old, new) = (leaves(old).join("\n"), leaves(new));
                let old_words: HashSet<u64> = words(&old).map(|word| word.one).collect();
                new.iter().any(|new| {
                    let part = only_there(new, &old_words);
                    let is_part = |text: &String| *text == part || part.len() >= LEAST && stands_in(text, &part);
                    !part.is_empty() && self.texts.iter().any(is_part)
                })
            })
    }

    /// Whether a recorded node depends on one whose changed answer was handed over; of none, whether any was.
    pub(super) fn reaches(&self, nearest: Option<NodeId>) -> bool {
        self.any && nearest.is_none_or(|node| self.reached.contains(&node))
    }
}

/// Everything that an answer says: its texts, and the names and values of its calls.
pub(super) fn said(reply: &Reply) -> Vec<String> {
    let mut texts = Vec::new();
    for part in reply.parts.iter().chain(reply.choices.iter().flatten()) {
        match part {
            Part::Text(text) | Part::Media(text) | Part::Other(text) => texts.extend(leaves(&text.text)),
            Part::ToolCall(call) => texts.extend(leaves(&call.arguments)),
            Part::ToolResult(result) => texts.extend(leaves(&result.content)),
            Part::Reasoning(_) => {}
        }
    }
    texts
}

/// What a changed or sent answer of any call says.
pub(super) fn answered(reply: Option<&Reply>, body: &[u8]) -> Vec<String> {
    reply.map_or_else(|| leaves(&String::from_utf8_lossy(body)), said)
}

/// The values of a text that is a JSON object or list; else the text.
pub(super) fn leaves(text: &str) -> Vec<String> {
    let json = Json::parse_text(text).ok();
    let Some(json) = json.filter(|json| matches!(json.root().kind(), Kind::Object | Kind::Array | Kind::String)) else {
        return vec![text.to_owned()];
    };
    let mut found = Vec::new();
    let mut waiting = vec![json.root()];
    while let Some(value) = waiting.pop() {
        match value.kind() {
            Kind::Object | Kind::Array => waiting.extend(value.items()),
            Kind::Null | Kind::Bool => {}
            _ => found.push(crate::replay::miss::readable(value)),
        }
    }
    found
}

fn speaks(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Text | TokenKind::Key | TokenKind::Bytes)
}

struct Word {
    one: u64,
    /// With the word before it.
    pair: Option<u64>,
    is_a_sign: bool,
}

impl Word {
    fn hashes(&self) -> impl Iterator<Item = u64> + use<> {
        std::iter::once(self.one).chain(self.pair)
    }
}

fn words(text: &str) -> impl Iterator<Item = Word> {
    let mut before: Option<u64> = None;
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(move |word| {
        let one = hash(word.to_lowercase().as_bytes());
        let pair = before.replace(one).map(|before| hash(&[before.to_le_bytes(), one.to_le_bytes()].concat()));
        let digits = word.chars().any(|letter| letter.is_ascii_digit());
        let is_a_sign = word.chars().count() >= if digits { NUMBER } else { LONG };
        Word { one, pair, is_a_sign }
    })
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn squeeze(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text from its first to its last word that another one has not, in small letters.
fn only_there(text: &str, other: &HashSet<u64>) -> String {
    let text = squeeze(text);
    let is_new = |word: &str| words(word).any(|word| !other.contains(&word.one));
    let all: Vec<&str> = text.split(' ').collect();
    let (Some(first), Some(last)) =
        (all.iter().position(|word| is_new(word)), all.iter().rposition(|word| is_new(word)))
    else {
        return String::new();
    };
    let trimmed = all[first..=last].join(" ");
    trimmed.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned()
}

/// Whether a part stands in a text, at the borders of words.
fn stands_in(text: &str, part: &str) -> bool {
    let joins = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(part)
        .any(|(at, _)| !joins(text[..at].chars().next_back()) && !joins(text[at + part.len()..].chars().next()))
}
