//! The oracle: what a call means says which answer is its own, and whether it depends on a change.

use super::super::talk::{Called, Said};
use super::world::{Answered, Inner, Ticket, Way};
use crate::model::event::{Action, Decided, Ending, Grade, Seq};
use crate::redact::MARK;

/// How labels of secrets begin that a run makes up.
pub(super) const TOKEN: &str = "token ";

/// What the upstream said once.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) seq: Seq,
    pub(super) call: usize,
    pub(super) who: String,
    pub(super) user: String,
    pub(super) system: String,
    /// Calls of tools in its answer: name and arguments.
    pub(super) calls: Vec<Called>,
    /// Results of tools in it, by the call whose answer asked for them and their places there.
    pub(super) results: Vec<(usize, usize, String)>,
    skeleton: String,
    meaning: String,
    status: u16,
    pub(super) said: Said,
    names: Vec<String>,
    history: u64,
    together: bool,
}

/// What of a recorded run is changed in a replay.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) what: What,
    /// The call whose request or answer it is, by its place in the book.
    pub(super) call: usize,
    pub(super) who: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// Which part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    System,
    User,
    Answer,
    /// Arguments of this call of a tool.
    Arguments(usize),
    /// The result of this call of a tool.
    Result(usize),
}

/// What came of a replay.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) calls: usize,
    pub(super) served: usize,
    pub(super) sent: usize,
    /// Calls that are not in the recording and were refused.
    pub(super) refused: usize,
    /// Answers that belong to another call, are stale or called better than they are; calls sent that do
    /// not depend on the change, or served though they do.
    pub(super) wrong: Vec<String>,
    /// Calls that are in the recording, or depend on the change, and were refused.
    pub(super) missed: Vec<String>,
    pub(super) poor: bool,
    /// The call whose request or answer was edited.
    pub(super) edited: Option<usize>,
    /// What became of each call, by who made it.
    pub(super) outcomes: Vec<(String, Action, Grade)>,
}

impl Inner {
    /// The text with names by their order, and without what is held.
    pub(super) fn skeleton(&self, text: &str, mut names: Vec<String>) -> (String, Vec<String>) {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        'text: while !rest.is_empty() {
            let known = self.names.iter().find(|(_, value)| rest.starts_with(value.as_str()));
            let stale = || self.stale.iter().find(|(piece, _)| rest.starts_with(piece.as_str()));
            let found = known.map(|(label, value)| (label, value.len()));
            if let Some((label, length)) = found.or_else(|| stale().map(|(piece, label)| (label, piece.len()))) {
                let number = names.iter().position(|name| name == label).unwrap_or_else(|| {
                    names.push(label.clone());
                    names.len() - 1
                });
                out.push_str(&format!("<name {number}>"));
                rest = &rest[length..];
                continue;
            }
            for (value, what) in self.fixed.iter().rev() {
                if let Some(after) = rest.strip_prefix(value.as_str()) {
                    out.push_str(what);
                    rest = after;
                    continue 'text;
                }
            }
            let mut letters = rest.chars();
            out.extend(letters.next());
            rest = letters.as_str();
        }
        (out, names)
    }

    /// An answer with names by their order, ids of calls aside, for they are the provider's own.
    fn bare(&self, said: &Said, names: Vec<String>) -> (Said, Vec<String>) {
        let (text, mut names) = self.skeleton(&said.text, names);
        let mut calls = Vec::new();
        for call in &said.calls {
            let (arguments, more) = self.skeleton(&call.arguments, names);
            names = more;
            let arguments = arguments.split_whitespace().collect();
            calls.push(Called { id: String::new(), name: call.name.clone(), arguments });
        }
        (Said { text, calls }, names)
    }

    /// Remembers what the upstream said, in a recording.
    pub(super) fn note(&mut self, ticket: &Ticket, answered: &Answered) {
        let whole = answered.said.clone().unwrap_or_default();
        let (said, names) = self.bare(&whole, ticket.names.clone());
        let user = ticket.talk.ask.turns.iter().rev().find_map(|turn| match turn {
            super::super::talk::Turn::User(text) => Some(text.clone()),
            _ => None,
        });
        self.book.push(Entry {
            seq: ticket.seq,
            call: ticket.call,
            who: ticket.who.clone(),
            user: user.unwrap_or_default(),
            system: ticket.talk.ask.system.clone(),
            calls: whole.calls,
            results: ticket.talk.told().map(|(call, place, text)| (call, place, text.to_owned())).collect(),
            skeleton: ticket.skeleton.clone(),
            meaning: ticket.meaning.clone(),
            status: answered.status,
            said,
            names,
            history: ticket.history,
            together: ticket.together,
        });
    }

    fn fits(&self, entry: &Entry, ticket: &Ticket) -> bool {
        let bound = |key: String, value: &String| self.bound.get(&key).is_none_or(|known| known == value);
        entry.skeleton == ticket.skeleton
            && entry
                .names
                .iter()
                .zip(&ticket.names)
                .all(|(then, now)| bound(format!("then {then}"), now) && bound(format!("now {now}"), then))
    }

    /// Says what must become of a call, when it arrives.
    pub(super) fn expect(&self, ticket: &mut Ticket) {
        let flying = self.flying.iter().filter(|(other, _)| other.borrow().skeleton == ticket.skeleton).count();
        let open = |entry: &&Entry| !self.used.contains(&entry.call) && self.fits(entry, ticket);
        ticket.known = self.book.iter().filter(open).count() > flying;
        let Some(edit) = &self.edit else { return };
        let result = |place: usize| {
            let carries =
                |(call, at, _): (usize, usize, &str)| self.stands.get(&call) == Some(&edit.call) && at == place;
            ticket.talk.told().any(carries)
        };
        ticket.depends = match edit.what {
            What::System | What::User if ticket.who == edit.who => true,
            What::Result(place) if result(place) => true,
            _ => !self.book.iter().any(|entry| entry.skeleton == ticket.skeleton),
        };
    }

    /// Holds what became of a call against what must.
    pub(super) fn look(&mut self, ticket: &Ticket, answered: &Answered, said: &Said) {
        let Way::Replay { seen, .. } = &self.way else { unreachable!("it is a replay") };
        let Some(decided) = seen.decided(ticket.seq) else {
            self.report.wrong.push(format!("{}: nothing was decided", ticket.who));
            return;
        };
        let lines = seen.last_line();
        self.report.calls += 1;
        self.report.outcomes.push((ticket.who.clone(), decided.action, decided.grade));
        if decided.grade == Grade::Interchangeable {
            self.interchangeable.insert(ticket.skeleton.clone());
        }
        let depends = self.edit.is_some() && ticket.depends;
        let who = &ticket.who;
        match decided.action {
            Action::Refuse if depends => {
                self.report.missed.push(format!("{who} depends on the change and was refused: {lines}"));
            }
            Action::Refuse if ticket.known && !ticket.names.iter().any(|name| self.poor.contains(name)) => {
                self.report.missed.push(format!("{who} was refused: {lines}"));
            }
            Action::Refuse => self.report.refused += 1,
            Action::Send | Action::SendChanged => {
                self.report.sent += 1;
                if depends {
                    if self.edit.as_ref().is_some_and(|edit| edit.who == *who) {
                        self.report.edited = Some(ticket.call);
                    }
                    self.look_at_sent(ticket, answered);
                } else {
                    self.report.wrong.push(format!("{who} was sent and depends on nothing that changed"));
                }
            }
            Action::Serve | Action::ServeEdited => {
                self.report.served += 1;
                if depends {
                    self.report.wrong.push(format!("{who} depends on the change and was served"));
                    return;
                }
                let edited = self
                    .edit
                    .clone()
                    .filter(|edit| matches!(edit.what, What::Answer | What::Arguments(_)) && edit.who == *who);
                if let Some(edit) = edited {
                    let has = said.text.contains(&edit.new)
                        || said.calls.iter().any(|call| call.arguments.contains(&edit.new));
                    if !has {
                        self.report.wrong.push(format!("{who} was not given the edited answer"));
                    }
                    self.used.insert(edit.call);
                    self.report.edited = Some(ticket.call);
                    return;
                }
                self.judge(ticket, answered, said, &decided);
            }
        }
    }

    /// The new value stands in what was sent, where it should, and the old one nowhere.
    fn look_at_sent(&mut self, ticket: &Ticket, answered: &Answered) {
        let (Some(edit), Some(sent)) = (&self.edit, &answered.sent) else { return };
        let sent = String::from_utf8_lossy(sent);
        let who = &ticket.who;
        let edited = |call: usize| self.report.edited == Some(call);
        let needs = match edit.what {
            What::System | What::User => {
                (ticket.who == edit.who || ticket.talk.refers(&edited)) && ticket.body.contains(&edit.old)
            }
            What::Result(place) => {
                let of = |call: usize| self.stands.get(&call) == Some(&edit.call);
                ticket.talk.told().any(|(call, at, _)| of(call) && at == place)
            }
            What::Answer | What::Arguments(_) => ticket.talk.refers(&edited),
        };
        if needs && !sent.contains(&edit.new) {
            self.report.wrong.push(format!("{who} was sent without the new value"));
        } else if needs && !edit.old.is_empty() && sent.contains(&edit.old) {
            self.report.wrong.push(format!("{who} was sent with the old value"));
        }
    }

    fn judge(&mut self, ticket: &Ticket, answered: &Answered, said: &Said, decided: &Decided) {
        // A piece of a recorded name may stand where it was reported.
        for note in &decided.notes {
            let Some(piece) = note.strip_prefix("stale: ") else { continue };
            let label = self.recorded_names.iter().find(|(_, value)| value.contains(piece)).map(|(label, _)| label);
            if let Some(label) = label
                && !self.stale.iter().any(|(known, _)| known == piece)
            {
                self.stale.push((piece.to_owned(), label.clone()));
            }
        }
        if decided.grade == Grade::Held {
            // What a tool returned stands as it was recorded, with the names in it.
            let held: Vec<(String, String)> = self
                .recorded_names
                .iter()
                .filter(|(_, value)| {
                    said.text.contains(value.as_str())
                        || said.calls.iter().any(|call| call.arguments.contains(value.as_str()))
                })
                .map(|(label, value)| (value.clone(), label.clone()))
                .collect();
            self.stale.extend(held);
        }
        let (said, names) = self.bare(said, ticket.names.clone());
        let same = |entry: &&Entry| {
            !self.used.contains(&entry.call)
                && self.fits(entry, ticket)
                && entry.status == answered.status
                && answered.ending == Ending::Complete
                && (entry.status >= 400 || equal(&entry.said, &said))
                && entry.names.len() == names.len()
        };
        let mut candidates: Vec<&Entry> = self.book.iter().filter(same).collect();
        // Its own answer first, so that equal answers are no permutation.
        candidates.sort_by_key(|entry| entry.who != ticket.who);
        let Some(entry) = candidates.first().map(|entry| (*entry).clone()) else {
            let text: String = said.text.chars().take(300).collect();
            let calls: Vec<&str> = said.calls.iter().map(|call| call.arguments.as_str()).collect();
            let own: Vec<&str> =
                self.book.iter().filter(|own| own.who == ticket.who).map(|own| own.said.text.as_str()).collect();
            self.report.wrong.push(format!(
                "{} was answered {} `{text}` {calls:?} ({:?}), its own are {own:?}",
                ticket.who, answered.status, decided.grade
            ));
            return;
        };
        if self.letters(&entry.meaning) != self.letters(&ticket.meaning) && decided.grade == Grade::Exact {
            self.report.wrong.push(format!("{} is called exact and is not", ticket.who));
        }
        let own = self.book.iter().filter(|own| own.who == ticket.who && own.skeleton == ticket.skeleton);
        let permuted = entry.who != ticket.who
            && own.clone().next().is_some()
            && !own.clone().any(|own| own.said == entry.said)
            && (entry.together || ticket.together || entry.history != ticket.history);
        self.used.insert(entry.call);
        self.stands.insert(ticket.call, entry.call);
        for (then, now) in entry.names.iter().zip(&names) {
            self.bound.insert(format!("then {then}"), now.clone());
            self.bound.insert(format!("now {now}"), then.clone());
        }
        if permuted {
            let text = format!("{} got the answer of {}", ticket.who, entry.who);
            self.permuted.push((ticket.skeleton.clone(), text));
        }
    }

    /// A meaning without its secrets, which no recording has to the letter.
    fn letters(&self, meaning: &str) -> String {
        let mut out = meaning.to_owned();
        for (value, what) in self.fixed.iter().filter(|(_, what)| what.starts_with("<secret")) {
            out = out.replace(value, what);
        }
        for (label, value) in
            self.names.iter().chain(&self.recorded_names).filter(|(label, _)| label.starts_with(TOKEN))
        {
            out = out.replace(value, label);
        }
        out
    }

    /// The grade line names the secrets that nothing proves to be the recorded ones.
    pub(super) fn check_line(&mut self, line: &str) {
        let bound = self.bound.keys().any(|key| key.starts_with(&format!("now {TOKEN}")));
        if bound && !line.contains("secret") {
            self.report.wrong.push(format!("a secret was bound without proof, and the grade line is `{line}`"));
        }
    }

    /// Looks back at the whole replay.
    pub(super) fn close(&mut self) {
        for (skeleton, text) in std::mem::take(&mut self.permuted) {
            if !self.interchangeable.contains(&skeleton) {
                self.report.wrong.push(format!("{text}, and nobody said so"));
            }
        }
    }
}

/// Equal answers; a secret that could not be filled in stands as its placeholder.
fn equal(then: &Said, now: &Said) -> bool {
    if then == now {
        return true;
    }
    let filled = |text: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = ["<secret", MARK].iter().filter_map(|mark| rest.find(mark)).min() {
            out.push_str(&rest[..at]);
            out.push_str("<a secret>");
            let after = &rest[at..];
            rest = match after.strip_prefix(MARK) {
                Some(after) => {
                    after.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches("__")
                }
                None => after.split_once('>').map_or("", |(_, after)| after),
            };
        }
        out + rest
    };
    filled(&then.text) == filled(&now.text)
        && then.calls.len() == now.calls.len()
        && then.calls.iter().zip(&now.calls).all(|(then, now)| filled(&then.arguments) == filled(&now.arguments))
}
