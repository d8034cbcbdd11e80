//! Faults that tests put into the matcher, to see that they would be noticed.

use super::{Found, Matcher, Use};
use crate::model::event::Grade;
use crate::wire::Parsed;
use crate::wire::canonical::{TokenKind, likeness};

/// A way in which replays elsewhere choose wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::replay) enum Fault {
    /// The next recorded call in order of arrival, whatever was asked.
    Arrival,
    /// The first recorded call with this key, however often it was served.
    Earliest,
    /// The first recorded call with this key that was not used, and nothing is said of twins.
    Unsaid,
    /// The first call that was not used and is like it, more than half of its values.
    Similarity,
    /// The same messages; system prompt, tools and parameters do not count.
    Messages,
    /// The same bytes.
    Bytes,
    /// The same up to digits.
    Digits,
    /// Failed attempts are left out.
    OnlySuccess,
    /// Nothing is renamed or held.
    NoRenaming,
    /// Names may differ, and the answer keeps the recorded ones.
    StaleNames,
    /// Whole names are renamed, pieces of them are not.
    StalePieces,
    /// A client that left has used its answer up.
    NeverBack,
}

/// What comes of a fault.
pub(super) enum Mistake {
    /// It does not show here.
    None,
    /// Nothing is found.
    Nothing,
    /// This is found.
    Found(Found),
}

impl Matcher {
    /// What a matcher with this fault finds.
    pub(super) fn mistaken(&self, fault: Fault, parsed: &Parsed) -> Mistake {
        let entries = &self.plan.entries;
        let mut open: Vec<usize> = (0..entries.len()).filter(|place| self.uses[*place] == Use::Unused).collect();
        open.sort_by_key(|place| (entries[*place].began, entries[*place].seq));
        let canonical = &parsed.canonical;
        let same_key = |place: &usize| entries[*place].parsed.canonical.key == canonical.key;
        let found = match fault {
            Fault::Arrival => open.first().copied(),
            Fault::Earliest => {
                let Some(places) = self.by_key.get(&canonical.key) else { return Mistake::None };
                places.first().copied()
            }
            Fault::Unsaid => open.iter().copied().find(same_key),
            Fault::Similarity => {
                open.iter().copied().find(|place| likeness(&entries[*place].parsed.canonical, canonical) > 0.5)
            }
            Fault::Messages => open.iter().copied().find(|place| said(&entries[*place].parsed) == said(parsed)),
            Fault::Bytes => {
                let body = |parsed: &Parsed| parsed.canonical.body().bytes().clone();
                open.iter().copied().find(|place| body(&entries[*place].parsed) == body(parsed))
            }
            Fault::Digits => {
                open.iter().copied().find(|place| without_digits(&entries[*place].parsed) == without_digits(parsed))
            }
            Fault::OnlySuccess => {
                let run = &self.plan.run;
                let answered = |place: &usize| {
                    let call = &run.calls[&entries[*place].seq];
                    call.answer.as_ref().is_some_and(|answer| answer.status < 400)
                        && call.ending == Some(crate::model::event::Ending::Complete)
                };
                open.iter().copied().filter(answered).find(same_key)
            }
            Fault::NoRenaming => open.iter().copied().filter(|place| self.is_open(*place)).find(same_key),
            Fault::StaleNames | Fault::StalePieces | Fault::NeverBack => return Mistake::None,
        };
        found.map_or(Mistake::Nothing, |entry| {
            Mistake::Found(Found { entry, grade: Grade::Exact, notes: Vec::new(), twins: None })
        })
    }
}

/// Messages without the system prompt.
fn said(parsed: &Parsed) -> Vec<(String, String)> {
    let Some((dialect, json)) = parsed.dialect.zip(parsed.json()) else { return Vec::new() };
    let prompt = dialect.prompt(json);
    let messages = prompt.messages.iter().filter(|message| message.role != "system");
    messages.map(|message| (message.role.clone(), message.text())).collect()
}

fn without_digits(parsed: &Parsed) -> Vec<u8> {
    let tokens = parsed.canonical.tokens.iter().filter(|token| !matches!(token.kind, TokenKind::Id));
    tokens
        .flat_map(|token| {
            let bytes = parsed.canonical.bytes(token);
            bytes.iter().copied().filter(|byte| !byte.is_ascii_digit()).chain([0]).collect::<Vec<u8>>()
        })
        .collect()
}
