//! Announced nodes: which recorded one is it, and whether it runs or is given what was recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Matcher, Target, Use};
use crate::model::Micros;
use crate::model::event::{Action, Begin, Decided, Grade};
use crate::names::clock::Clock;
use crate::names::naming::{Outcome, Sides};
use crate::names::rename::Renamer;
use crate::names::split::{Split, structure};
use crate::record::announced;
use crate::replay::grade::STALE;
use crate::replay::plan::ranges;

/// What is to be done with an announced node.
#[derive(Debug, Clone)]
pub(in crate::replay) struct Told {
    pub(in crate::replay) decided: Decided,
    /// Place in the plan's list of the node whose output is given.
    pub(in crate::replay) given: Option<usize>,
    /// What makes the names in its output those of now.
    pub(in crate::replay) renamer: Option<Arc<Renamer>>,
    /// Why it may neither run nor be given.
    pub(in crate::replay) denied: Option<String>,
}

impl Matcher {
    /// Decides about an announced node.
    pub(in crate::replay) fn begin(&mut self, begin: &Begin) -> Told {
        let found = self.told_exactly(begin).or_else(|| self.told_nearly(begin));
        let node = found.as_ref().map(|(place, ..)| self.plan.told[*place].node);
        let decided = |action, grade, notes| Decided {
            seq: begin.seq,
            action,
            node,
            grade,
            sent: None,
            notes,
            beside: Vec::new(),
        };
        let runs = |grade, notes| Told {
            decided: decided(Action::Send, grade, notes),
            given: None,
            renamer: None,
            denied: None,
        };
        if let Some((place, grade, notes)) = found {
            self.told_uses[place] = Use::Taken;
            let run_again = self.plan.options.run_tools.contains(&begin.name)
                || (self.plan.from.contains(&self.plan.told[place].node) && reads(&begin.kind));
            if run_again {
                self.doing.bring(&self.plan, Some(self.plan.told[place].node), []);
                return runs(grade, notes);
            }
            let seq = self.plan.told[place].seq;
            let is_changed = |target: &Target| match target {
                Target::Given(given) => *given == seq,
                Target::Result { announced, .. } => *announced == Some(seq),
                Target::Input | Target::Answer => false,
            };
            let changes = self.plan.changes.iter().filter(|change| is_changed(&change.target));
            let values: Vec<String> = changes.map(|change| change.wanted.value.clone()).collect();
            let changed = !values.is_empty();
            if changed {
                self.bring(self.plan.told[place].node, &values);
            }
            let action = if changed { Action::ServeEdited } else { Action::Serve };
            let renamer = self.naming.renamer();
            #[cfg(test)]
            let renamer = renamer.filter(|_| self.fault != Some(super::Fault::StaleNames));
            let mut notes = notes;
            if let Some(renamer) = &renamer {
                notes.extend(self.told_stale(place, renamer).into_iter().map(|name| format!("{STALE}{name}")));
            }
            return Told { decided: decided(action, grade, notes), given: Some(place), renamer, denied: None };
        }
        if reads(&begin.kind) || self.plan.options.allow_effects {
            return runs(Grade::Miss, Vec::new());
        }
        let reason = format!(
            "the recording has no {} `{}` with this input; it may have effects and was not run (`--yes` lets it run)",
            begin.kind, begin.name
        );
        self.refused = true;
        let decided = decided(Action::Refuse, Grade::Miss, vec![reason.clone()]);
        Told { decided, given: None, renamer: None, denied: Some(reason) }
    }

    /// The first unused node with this input; one of several that ended differently is said to be.
    fn told_exactly(&mut self, begin: &Begin) -> Option<(usize, Grade, Vec<String>)> {
        let key = announced::key(&begin.kind, &begin.name, &begin.input);
        let open: Vec<usize> = (0..self.plan.told.len())
            .filter(|place| self.plan.told[*place].key == key && self.told_uses[*place] == Use::Unused)
            .collect();
        let first = *open.first()?;
        if let Some(canonical) = &self.plan.told[first].canonical {
            let split = Split::new(&self.naming.splitter, canonical);
            self.naming.accept_exact(canonical, &split, &canonical.ids);
        }
        let (grade, notes) = self.told_twins(&open);
        Some((first, grade, notes))
    }

    /// Whether other nodes with this input were under way with the first, and came to something else.
    fn told_twins(&self, open: &[usize]) -> (Grade, Vec<String>) {
        let finish = |place: usize| {
            let announced = self.plan.run.announced.get(&self.plan.told[place].seq)?;
            let finish = announced.finish.as_ref()?;
            Some((announced.begin.at, finish.at, (&finish.output, &finish.documents, &finish.error)))
        };
        let Some((_, ended, said)) = finish(open[0]) else { return (Grade::Exact, Vec::new()) };
        let mut group: Vec<_> = open[1..]
            .iter()
            .filter(|place| finish(**place).is_some_and(|(began, _, other)| began < ended && other != said))
            .map(|place| self.plan.told[*place].node)
            .collect();
        if group.is_empty() {
            return (Grade::Exact, Vec::new());
        }
        group.push(self.plan.told[open[0]].node);
        group.sort_unstable();
        let note = format!("interchangeable: equal inputs in flight together, nodes {}", ranges(&group));
        (Grade::Interchangeable, vec![note])
    }

    /// An unused node whose input is equal up to names and readings; the one that adds fewest names.
    fn told_nearly(&mut self, begin: &Begin) -> Option<(usize, Grade, Vec<String>)> {
        #[cfg(test)]
        if self.fault == Some(super::Fault::NoRenaming) {
            return None;
        }
        let canonical = announced::canonical(&begin.kind, &begin.name, &begin.input)?;
        self.know_origins();
        let (shape, split) = (structure(&canonical), Split::new(&self.naming.splitter, &canonical));
        let seconds = |at: Micros| i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX);
        let now = Clock { start: seconds(self.started), now: seconds(begin.at) };
        let mut best: Option<((bool, usize), usize, Outcome)> = None;
        for (place, told) in self.plan.told.iter().enumerate() {
            let Some(known) = told.canonical.as_ref().filter(|_| self.told_uses[place] == Use::Unused) else {
                continue;
            };
            let Some(recorded) = self.plan.run.announced.get(&told.seq).map(|announced| &announced.begin) else {
                continue;
            };
            if recorded.kind != begin.kind || recorded.name != begin.name || structure(known) != shape {
                continue;
            }
            let clock = Clock { start: seconds(self.plan.run.started.at), now: seconds(recorded.at) };
            let of_old = Split::new(&self.naming.splitter, known);
            let sides = Sides { recorded: (known, &of_old, clock), new: (&canonical, &split, now) };
            if let Ok(outcome) = self.naming.compare(sides, &|_, _| false) {
                let rank = (outcome.renames, outcome.additions());
                if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
                    best = Some((rank, place, outcome));
                }
            }
        }
        let (_, place, outcome) = best?;
        let grade = if outcome.renames { Grade::Names } else { Grade::Held };
        Some((place, grade, self.naming.accept(outcome)))
    }

    /// What may be left of recorded names in what is given.
    fn told_stale(&self, place: usize, renamer: &Renamer) -> BTreeSet<String> {
        let announced = self.plan.run.announced.get(&self.plan.told[place].seq);
        let Some(finish) = announced.and_then(|announced| announced.finish.as_ref()) else { return BTreeSet::new() };
        let mut found = BTreeSet::new();
        for value in [&finish.output, &finish.documents] {
            found.extend(renamer.stale(renamer.value(value).as_deref().unwrap_or(value)));
        }
        if let Some(error) = &finish.error {
            found.extend(renamer.stale(renamer.text(error.as_bytes()).as_deref().unwrap_or(error.as_bytes())));
        }
        found
    }
}

/// Announced structures that only read or only group: they may run again.
fn reads(kind: &str) -> bool {
    !matches!(kind, "tool" | "memory" | "job" | "human")
}
