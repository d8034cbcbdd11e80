//! Who said a name first: the agent's side, a provider, or the user.
//!
//! Where a name comes from decides whether it may stand for another one. A name that the recording
//! knows is itself, so a record's real id is never taken for another record's; only what the agent's
//! side minted can be fresh; what an answer or the user brought is content.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use memchr::memmem;

use super::borders::{joins_after, joins_before};
use super::opaque::Class;
use super::rename::dashed;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A request, an announced node, the result of a tool.
    Agent,
    /// An answer that came over the wire, or an edit of one.
    Provider,
    /// The command and what was piped in.
    User,
}

/// What was said in one execution, each text once, in the order in which it was said first.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    text: Vec<u8>,
    /// Where each text begins, and who said it.
    parts: Vec<(usize, Source)>,
    seen: HashSet<u64>,
    /// Who said the names that were asked for; emptied when something is said.
    asked: RefCell<HashMap<Vec<u8>, Option<Source>>>,
}

impl Origins {
    /// Someone says a text.
    pub(crate) fn say(&mut self, source: Source, text: &[u8]) {
        if text.len() < SHORTEST {
            return;
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        if self.seen.insert(hasher.finish()) {
            self.parts.push((self.text.len(), source));
            self.text.extend_from_slice(text);
            // No name has it, so none is found across two texts.
            self.text.push(0);
            self.asked.get_mut().clear();
        }
    }

    /// Who said a name first, in any of its spellings; `None` if nobody did.
    pub(crate) fn first(&self, class: Class, name: &[u8]) -> Option<Source> {
        if let Some(known) = self.asked.borrow().get(name) {
            return *known;
        }
        let at = spellings(class, name).iter().filter_map(|spelling| self.find(spelling)).min();
        let source = at.map(|at| {
            let part = self.parts.partition_point(|(start, _)| *start <= at);
            self.parts[part.saturating_sub(1)].1
        });
        self.asked.borrow_mut().insert(name.to_vec(), source);
        source
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        // What begins with a mark begins there, whatever stands before it.
        let begins = |at: usize| !name[0].is_ascii_alphanumeric() || !joins_before(&self.text, at);
        memmem::find_iter(&self.text, name).find(|at| begins(*at) && !joins_after(&self.text, at + name.len()))
    }
}

/// Texts shorter than this hold no name.
const SHORTEST: usize = 4;

/// The ways in which a name may have been written where it was said first.
fn spellings(class: Class, name: &[u8]) -> Vec<Vec<u8>> {
    match class {
        Class::Hex => {
            let plain: Vec<u8> = name.iter().filter(|byte| **byte != b'-').map(u8::to_ascii_lowercase).collect();
            let mut all = vec![name.to_vec(), plain.to_ascii_uppercase()];
            if plain.len() == 32 {
                all.extend([dashed(&plain), dashed(&plain).to_ascii_uppercase()]);
            }
            all.push(plain);
            all
        }
        // The number of a port may stand for anything; with its colon it is one.
        Class::Port => vec![[b":", name].concat()],
        _ => vec![name.to_vec()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_say_a_name_is_its_source() {
        let mut origins = Origins::default();
        origins.say(Source::User, b"agent.py order-77f3a91c");
        origins.say(Source::Agent, b"Run 0f8fad5b-d9cb-469f-a165-70867728950e begins.");
        origins.say(Source::Provider, b"0f8fad5b-d9cb-469f-a165-70867728950e asks for 9c1185a5.");
        origins.say(Source::Agent, b"9c1185a5 is there");
        let check = |class, name: &str, expected| assert_eq!(origins.first(class, name.as_bytes()), expected, "{name}");
        check(Class::Hex, "77f3a91c", Some(Source::User));
        check(Class::Hex, "0f8fad5b-d9cb-469f-a165-70867728950e", Some(Source::Agent));
        check(Class::Hex, "0F8FAD5BD9CB469FA16570867728950E", Some(Source::Agent));
        check(Class::Hex, "9c1185a5", Some(Source::Provider));
        check(Class::Hex, "9c1185a", None);
        check(Class::Random, "begins", Some(Source::Agent));
    }

    #[test]
    fn a_name_is_not_put_together_from_two_texts() {
        let mut origins = Origins::default();
        origins.say(Source::Agent, b"ends in 9c11");
        origins.say(Source::Agent, b"85a5 begins");
        assert_eq!(origins.first(Class::Hex, b"9c1185a5"), None);
    }
}
