//! The oracle: whether what was served is what the upstream said to this call, and is called what it is.

use super::{Inner, Served, Side, Ticket};
use crate::model::NodeId;
use crate::model::event::Grade;
use crate::replay::torture::talk::{Called, Said};

impl Inner {
    /// The text with names by their number in this call, and without what is held.
    pub(super) fn unnamed(&self, text: &str, names: &mut Vec<String>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        'text: while !rest.is_empty() {
            for (_, value) in &self.names {
                if let Some(after) = rest.strip_prefix(value.as_str()) {
                    let number = names.iter().position(|known| known == value).unwrap_or_else(|| {
                        names.push(value.clone());
                        names.len() - 1
                    });
                    out.extend(["<name ", &number.to_string(), ">"]);
                    rest = after;
                    continue 'text;
                }
            }
            for (stale, value) in &self.stale {
                if let Some(after) = rest.strip_prefix(stale.as_str()) {
                    let number = names.iter().position(|known| known == value).unwrap_or_else(|| {
                        names.push(value.clone());
                        names.len() - 1
                    });
                    out.extend(["<name ", &number.to_string(), ">"]);
                    rest = after;
                    continue 'text;
                }
            }
            for value in &self.held {
                if let Some(after) = rest.strip_prefix(value.as_str()) {
                    out.push_str("<held>");
                    rest = after;
                    continue 'text;
                }
            }
            let mut letters = rest.chars();
            out.extend(letters.next());
            rest = letters.as_str();
        }
        out
    }

    pub(super) fn unnamed_said(&self, said: &Said, names: &mut Vec<String>) -> Said {
        let text = self.unnamed(&said.text, names);
        let calls = said.calls.iter().map(|call| Called {
            // Ids are the provider's own; the arguments may be spelt anew.
            id: String::new(),
            name: call.name.clone(),
            arguments: self.unnamed(&call.arguments, names).split_whitespace().collect(),
        });
        Said { text, calls: calls.collect() }
    }

    /// What the upstream said to this call and nobody was served yet.
    fn open<'a>(&'a self, ticket: &'a Ticket) -> impl Iterator<Item = usize> + 'a {
        let Side::Replay { used, .. } = &self.side else { unreachable!("it is a replay") };
        (0..self.book.len()).filter(|place| self.book[*place].label == ticket.label && !used.contains(place))
    }

    pub(super) fn judge(&mut self, ticket: &Ticket, served: &Served) {
        // A piece of a recorded name may stand where it was reported.
        for note in &served.decision.decided.notes {
            let Some(piece) = note.strip_prefix("stale: ") else { continue };
            let label = self.recorded_names.iter().find(|(_, value)| value == piece).map(|(label, _)| label);
            if let Some((_, now)) = self.names.iter().find(|(name, _)| Some(name) == label)
                && !self.stale.iter().any(|(known, _)| known == piece)
            {
                self.stale.push((piece.to_owned(), now.clone()));
                self.stale.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
            }
        }
        let reply = ticket.ask.dialect().reply(served.status, &served.kind, &served.body);
        let mut said = Said { text: reply.text(), calls: Vec::new() };
        said.calls.extend(reply.tool_calls().map(|call| Called {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        }));
        let mut names = ticket.names.clone();
        let said = self.unnamed_said(&said, &mut names);
        let same = |place: &usize| {
            let entry = &self.book[*place];
            let as_said = served.broken || entry.status >= 400 || entry.said == said;
            // Attempts of one client come one after the other.
            let alone =
                !ticket.together && self.book.iter().all(|other| other.label != entry.label || other.who == entry.who);
            let first = self.open(ticket).find(|other| alone || *other == *place);
            entry.broken == served.broken
                && (entry.broken || entry.status == served.status)
                && as_said
                && first == Some(*place)
        };
        let mut candidates: Vec<usize> = self.open(ticket).filter(same).collect();
        // Its own answer first, so that equal answers are no permutation.
        candidates.sort_by_key(|place| self.book[*place].who != ticket.who);
        let Some(place) = candidates.first().copied() else {
            let text: String = said.text.chars().take(160).collect();
            self.report.wrong.push(format!("{} was answered `{text}`", ticket.who));
            return;
        };
        let entry = &self.book[place];
        if entry.verbatim != ticket.verbatim && served.decision.decided.grade == Grade::Exact {
            self.report.wrong.push(format!("{} is called exact and is not", ticket.who));
        }
        let pairs: Vec<(String, String)> = entry.names.iter().cloned().zip(names).collect();
        let own = self.book.iter().filter(|other| other.label == ticket.label && other.who == ticket.who);
        let permuted = entry.who != ticket.who
            && own.clone().next().is_some()
            && !own.clone().any(|own| own.said == entry.said)
            && (entry.together || ticket.together || entry.history != ticket.history);
        let who = entry.who.clone();
        let Side::Replay { used, names, permuted: list, .. } = &mut self.side else { unreachable!("it is a replay") };
        used.insert(place);
        for (then, now) in pairs {
            let forth = names.entry(format!("then {then}")).or_insert_with(|| now.clone());
            let conflict = *forth != now;
            let back = names.entry(format!("now {now}")).or_insert_with(|| then.clone());
            if conflict || *back != then {
                self.report.wrong.push(format!("{}: {then} is {now} and something else", ticket.who));
            }
        }
        if permuted {
            list.push((ticket.label, format!("{} got the answer of {who}", ticket.who)));
        }
    }

    /// Looks back at the whole replay.
    pub(super) fn close(&mut self) {
        let Side::Replay { matcher, permuted, .. } = &mut self.side else { unreachable!("it is a replay") };
        for (label, text) in permuted.drain(..) {
            if !self.interchangeable.contains(&label) {
                self.report.wrong.push(format!("{text}, and nobody said so"));
            }
        }
        let unused: Vec<NodeId> = matcher.unused();
        self.report.unused = unused.len();
    }
}
