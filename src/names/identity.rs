//! Ids that only say which answer or item is meant: they are bound to where they come from.
//!
//! An id that an answer of this replay brought names the recorded answer that it stands for, and the
//! place of the id in it; the recorded request must name the same. An id that no answer brought was
//! made up by the agent's side: it binds freely, one to one, for the whole run.

use std::collections::{BTreeSet, HashMap};

use crate::model::Reply;
use crate::model::event::Seq;

/// Ids that an answer brought, each with its place in it.
pub(crate) type Minted = Vec<(String, Place)>;

/// What an id of an answer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// The answer.
    Answer,
    /// The conversation that the provider keeps.
    Conversation,
    /// An item of it, by its place.
    Item(usize),
    /// A tool call, by its place among the calls.
    Call(usize),
    /// The item that carries a tool call.
    CallItem(usize),
}

/// The answer that an id comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum From {
    /// A recorded one, by its place in the plan, or the one that stands for it now.
    Recorded(usize),
    /// One that stands for no recorded answer.
    Sent(Seq),
}

/// The ids of an answer.
pub(crate) fn minted(reply: &Reply) -> Minted {
    let mut found = Vec::new();
    found.extend(reply.id.iter().map(|id| (id.clone(), Place::Answer)));
    found.extend(reply.conversation.iter().map(|id| (id.clone(), Place::Conversation)));
    found.extend(reply.item_ids.iter().enumerate().map(|(nth, id)| (id.clone(), Place::Item(nth))));
    for (nth, call) in reply.tool_calls().enumerate() {
        found.push((call.id.clone(), Place::Call(nth)));
        found.extend(call.item_id.iter().map(|id| (id.clone(), Place::CallItem(nth))));
    }
    found.retain(|(id, _)| !id.is_empty());
    found
}

/// The ids of a recording and of its replay.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    recorded: HashMap<String, Vec<(From, Place)>>,
    now: HashMap<String, Vec<(From, Place)>>,
    /// Ids that no answer brought, by the recorded one.
    forward: HashMap<String, String>,
    backward: HashMap<String, String>,
    /// Secrets, by their numbers.
    pub(crate) secrets: Secrets,
}

/// Which secret of now is which recorded one. Only their numbers are known, and for the values of variables the
/// variable: that proves which is which.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Variables of recorded secrets.
    pub(crate) recorded: HashMap<usize, String>,
    /// Variables of those of now.
    pub(crate) now: HashMap<usize, String>,
    forward: HashMap<usize, usize>,
    backward: HashMap<usize, usize>,
    /// Those of now that nothing proves to be what they were taken for.
    unproven: BTreeSet<usize>,
}

impl Secrets {
    /// Whether secrets in the order of their appearance can be the recorded ones.
    pub(crate) fn fit(&self, recorded: &[usize], now: &[usize]) -> bool {
        let fits = |(old, new): (&usize, &usize)| match (self.recorded.get(old), self.now.get(new)) {
            (Some(then), Some(now)) => then == now,
            _ => match (self.forward.get(old), self.backward.get(new)) {
                (None, None) => true,
                (forward, _) => forward == Some(new),
            },
        };
        recorded.len() == now.len() && recorded.iter().zip(now).all(fits)
    }

    /// Remembers what a match took for the same; returns the pairs that are new and of other numbers.
    pub(crate) fn bind(&mut self, recorded: &[usize], now: &[usize]) -> Vec<(usize, usize)> {
        let mut new_ones = Vec::new();
        for (old, new) in recorded.iter().zip(now) {
            if self.recorded.get(old).is_none_or(|variable| self.now.get(new) != Some(variable)) {
                self.unproven.insert(*new);
            }
            if self.forward.insert(*old, *new) != Some(*new) && old != new {
                new_ones.push((*old, *new));
            }
            self.backward.insert(*new, *old);
        }
        new_ones
    }

    /// How many secrets nothing proves to be what they were taken for.
    pub(crate) fn unproven(&self) -> usize {
        self.unproven.len()
    }
}

impl Identities {
    /// A recorded answer brought these.
    pub(crate) fn record(&mut self, entry: usize, minted: &Minted) {
        for (id, place) in minted {
            self.recorded.entry(id.clone()).or_default().push((From::Recorded(entry), *place));
        }
    }

    /// An answer of this replay brings these.
    pub(crate) fn bring(&mut self, from: From, minted: &Minted) {
        for (id, place) in minted {
            let known = self.now.entry(id.clone()).or_default();
            if !known.contains(&(from, *place)) {
                known.push((from, *place));
            }
        }
    }

    /// Whether ids in the order of their first appearance, recorded and now, can name the same.
    pub(crate) fn fit(&self, recorded: &[String], now: &[String]) -> bool {
        recorded.len() == now.len() && recorded.iter().zip(now).all(|(old, new)| self.fits(old, new))
    }

    fn fits(&self, old: &str, new: &str) -> bool {
        match (self.recorded.get(old), self.now.get(new)) {
            // Some servers repeat ids: one of those that it may be is enough, the texts tell them apart.
            (Some(then), Some(now)) => then.iter().any(|one| now.contains(one)),
            (None, None) => match (self.forward.get(old), self.backward.get(new)) {
                (None, None) => true,
                (forward, _) => forward.is_some_and(|known| known == new),
            },
            _ => old.is_empty() && new.is_empty(),
        }
    }

    /// Remembers what a match took for the same.
    pub(crate) fn bind(&mut self, recorded: &[String], now: &[String]) {
        for (old, new) in recorded.iter().zip(now) {
            if !self.recorded.contains_key(old) && !self.now.contains_key(new) && !old.is_empty() {
                self.forward.insert(old.clone(), new.clone());
                self.backward.insert(new.clone(), old.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(all: &[&str]) -> Vec<String> {
        all.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn an_id_of_an_answer_names_that_answer_and_the_place_in_it() {
        let mut known = Identities::default();
        let calls = |one: &str, two: &str| vec![(one.to_owned(), Place::Call(0)), (two.to_owned(), Place::Call(1))];
        known.record(0, &calls("call_a", "call_b"));
        known.record(1, &calls("search:0", "search:1"));
        known.record(2, &calls("search:0", "search:1"));
        known.bring(From::Recorded(0), &calls("call_x", "call_y"));
        known.bring(From::Recorded(2), &calls("search:0", "search:1"));
        known.bring(From::Sent(9), &calls("call_z", "call_w"));
        let check =
            |old: &[&str], new: &[&str], fits| assert_eq!(known.fit(&ids(old), &ids(new)), fits, "{old:?} {new:?}");
        check(&["call_a", "call_b"], &["call_x", "call_y"], true);
        check(&["call_a", "call_b"], &["call_y", "call_x"], false);
        check(&["call_a"], &["call_z"], false);
        check(&["call_a"], &["call_a"], false);
        check(&["search:0"], &["search:0"], true);
        check(&["search:0"], &["search:1"], false);
        check(&["msg_1"], &["msg_2"], true);
        check(&["msg_1"], &["call_x"], false);
        check(&[""], &[""], true);
        check(&["msg_1"], &["msg_2", "msg_3"], false);
    }

    #[test]
    fn a_secret_is_its_variable_or_is_bound_once() {
        let mut known = Secrets::default();
        known.recorded.extend([(1, "ALPHA".to_owned()), (2, "BETA".to_owned())]);
        known.now.extend([(11, "BETA".to_owned()), (12, "ALPHA".to_owned())]);
        assert!(known.fit(&[1, 2], &[12, 11]) && !known.fit(&[1, 2], &[11, 12]) && !known.fit(&[1], &[11]));
        assert_eq!((known.bind(&[1], &[12]), known.unproven()), (vec![(1, 12)], 0));
        assert!(known.fit(&[3], &[13]));
        assert_eq!((known.bind(&[3], &[13]), known.bind(&[3], &[13]), known.unproven()), (vec![(3, 13)], vec![], 1));
        assert!(known.fit(&[3], &[13]) && !known.fit(&[3], &[14]) && !known.fit(&[4], &[13]));
    }

    #[test]
    fn an_id_that_no_answer_brought_is_bound_once() {
        let mut known = Identities::default();
        known.bind(&ids(&["msg_1", "run-a"]), &ids(&["msg_2", "run-b"]));
        let check = |old: &str, new: &str, fits| assert_eq!(known.fit(&ids(&[old]), &ids(&[new])), fits, "{old} {new}");
        check("msg_1", "msg_2", true);
        check("msg_1", "msg_3", false);
        check("msg_4", "msg_2", false);
        check("msg_4", "msg_3", true);
    }
}
