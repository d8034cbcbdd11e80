//! Matches up to names, readings of the clock and results of tools, and the answers that follow from them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::{Found, Matcher};
use crate::config::Tier;
use crate::model::Micros;
use crate::model::event::{Grade, Request, Started};
use crate::names::clock::Clock;
use crate::names::naming::Sides;
use crate::names::opaque::Splitter;
use crate::names::places;
use crate::names::rename::Renamer;
use crate::replay::effects;
use crate::replay::miss::{HeldResult, cut, held_line, readable};
use crate::replay::plan::Plan;
use crate::wire::canonical::{Canonical, ResultSpan};

impl Matcher {
    /// Equal up to names, readings of the clock and results of tools that this replay served the calls of.
    pub(super) fn find_nearly(&mut self, request: &Request, canonical: &Canonical) -> Option<Found> {
        self.know_origins();
        let entries = &self.plan.entries;
        let (split, places) = self.index.look_up(entries, &self.naming.splitter, canonical);
        for (place, ids) in std::mem::take(&mut self.exactly) {
            let recorded = &entries[place].parsed.canonical;
            let known = self.index.split(entries, &self.naming.splitter, place);
            self.naming.accept_exact(recorded, known, if ids.is_empty() { &recorded.ids } else { &ids });
        }
        let seconds = |at: Micros| i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX);
        let now = Clock { start: seconds(self.started), now: seconds(request.at) };
        let start = seconds(self.plan.run.started.at);
        let may_hold = |old: &ResultSpan, new: &ResultSpan| {
            let tool = self.served_calls.get(&new.call_id);
            old.call_id == new.call_id
                && tool.is_some_and(|tool| !self.plan.options.run_tools.contains(tool))
                && !self.relayed.contains(&new.call_id)
                && !self.result_is_changed(&new.call_id)
        };
        let mut matches = Vec::new();
        let mut conflict = None;
        let others = self.index.others(canonical, &places);
        // Nothing is better than a match that adds no name; only its twins are looked for then. Where
        // something is held, twins may differ in it.
        let mut best_key = None;
        for (nth, place) in places.iter().chain(&others).copied().enumerate() {
            // Those that are taken apart otherwise are looked at where no other fits.
            if nth >= places.len() && !matches.is_empty() {
                break;
            }
            if !self.is_open(place) || !self.is_about_the_same(place, request, canonical) {
                continue;
            }
            let recorded = &self.plan.entries[place];
            if best_key.is_some_and(|key| key != recorded.parsed.canonical.key) {
                continue;
            }
            let Some(known) = self.index.known(place) else { continue };
            let clock = Clock { start, now: seconds(recorded.began) };
            let sides = Sides { recorded: (&recorded.parsed.canonical, known, clock), new: (canonical, &split, now) };
            match self.naming.compare(sides, &may_hold) {
                Ok(outcome) => {
                    let rank = (outcome.renames, outcome.additions());
                    let holds = !outcome.readings.is_empty() || !outcome.results.is_empty();
                    matches.push((rank, place, outcome));
                    if matches.len() >= MOST_ALIKE {
                        break;
                    }
                    if rank.1 == 0 && !holds {
                        best_key.get_or_insert(recorded.parsed.canonical.key);
                    }
                }
                Err(unequal) => conflict = conflict.or_else(|| unequal.line()),
            }
        }
        let Some(best) = matches.iter().map(|(rank, ..)| *rank).min() else {
            self.conflict = conflict;
            return None;
        };
        let alike: Vec<usize> = matches.iter().filter(|(rank, ..)| *rank == best).map(|(_, place, _)| *place).collect();
        let key = |place: usize| self.plan.entries[place].parsed.canonical.key;
        let twins: Vec<usize> = places
            .iter()
            .chain(&others)
            .copied()
            .filter(|place| alike.iter().any(|alike| key(*alike) == key(*place)))
            .filter(|place| self.is_about_the_same(*place, request, canonical))
            .collect();
        let mut found = self.among(&alike, &twins, canonical);
        let (_, place, outcome) = matches.into_iter().find(|(_, place, _)| *place == found.entry)?;
        if found.grade == Grade::Exact {
            found.grade = if outcome.renames { Grade::Names } else { Grade::Held };
        }
        found.notes.extend(self.hold_results(place, canonical, &outcome.results));
        found.notes.extend(self.naming.accept(outcome));
        Some(found)
    }

    /// Remembers the results that are held; notes for those that are new.
    fn hold_results(&mut self, place: usize, canonical: &Canonical, results: &[(usize, usize)]) -> Vec<String> {
        let recorded = &self.plan.entries[place].parsed.canonical;
        let mut notes = Vec::new();
        for (old, new) in results {
            let (old, new) = (&recorded.results[*old], &canonical.results[*new]);
            if self.held.contains_key(&new.call_id) {
                continue;
            }
            let held = HeldResult {
                tool: self.served_calls.get(&new.call_id).cloned().unwrap_or_default(),
                recorded: readable(recorded.body().value(old.item)),
                new: readable(canonical.body().value(new.item)),
            };
            notes.push(format!("held: {}", held_line(&held)));
            self.held.insert(new.call_id.clone(), held);
        }
        notes
    }

    /// The recorded answer with names as they are now, and what is to be said of it.
    pub(super) fn with_names_of_now(&mut self, place: usize) -> Renamed {
        let entry = &self.plan.entries[place];
        let Some(renamer) = self.naming.renamer() else { return Renamed::default() };
        #[cfg(test)]
        let renamer = if self.fault == Some(super::Fault::StalePieces) { renamer.without_pieces() } else { renamer };
        let Some(answer) = self.plan.run.calls.get(&entry.seq).and_then(|call| call.answer.as_ref()) else {
            return Renamed { renamer: Some(renamer), ..Renamed::default() };
        };
        let pieces: Vec<Bytes> = answer.pieces.iter().map(|(_, piece)| piece.clone()).collect();
        let body = renamer.body(&pieces, entry.parsed.dialect.is_some(), answer.is_stream());
        let now = body.as_ref().map_or_else(|| answer.body(), |body| body.concat().into());
        let mut renamed = Renamed::default();
        if let Some(dialect) = entry.parsed.dialect {
            let kind = answer.header("content-type").unwrap_or_default();
            let after = dialect.reply(answer.status, kind, &now);
            renamed.stale = renamer.stale(after.text().as_bytes());
            for call in after.tool_calls() {
                renamed.stale.extend(renamer.stale(call.arguments.as_bytes()));
            }
            let before = dialect.reply(answer.status, kind, &answer.body());
            for (old, new) in before.tool_calls().zip(after.tool_calls()).filter(|_| body.is_some()) {
                let destructive = effects::of(&new.name, &self.plan.options.settings).tier == Some(Tier::Destructive);
                if destructive && old.arguments != new.arguments {
                    let line = format!("renamed in a destructive call: {} {}", new.name, cut(&new.arguments, 120));
                    renamed.needs_consent.push(line);
                }
            }
        } else if std::str::from_utf8(&now).is_ok() {
            renamed.stale = renamer.stale(&now);
        }
        Renamed { renamer: Some(renamer), body, ..renamed }
    }
}

/// A recorded answer with its names as they are now.
#[derive(Debug, Default)]
pub(super) struct Renamed {
    /// What renames an answer that is made anew.
    pub(super) renamer: Option<Arc<Renamer>>,
    /// Its pieces, if any changes.
    pub(super) body: Option<Vec<Bytes>>,
    /// Calls of destructive tools in which a name changed.
    pub(super) needs_consent: Vec<String>,
    /// What may be left of recorded names.
    pub(super) stale: BTreeSet<String>,
}

/// Most recorded calls that one request is compared with to the end.
const MOST_ALIKE: usize = 64;

/// A splitter that knows the places of both sides.
pub(in crate::replay) fn splitter(plan: &Plan, here: &Started) -> Splitter {
    let with_directory = |started: &Started| {
        let mut places = started.places.clone();
        places.push(("directory".to_owned(), started.directory.clone()));
        places
    };
    let (recorded, new) = (with_directory(&plan.run.started), with_directory(here));
    let temporary = recorded.iter().chain(&new).filter(|(name, _)| name == "tmp").map(|(_, value)| value.as_str());
    Splitter::new(places::forms(&recorded, &new), &temporary.collect::<Vec<_>>(), &plan.options.settings.names)
}
