//! Which recorded call a request is: equal in its key, and naming the same answers, items, secrets and provider.

use bytes::Bytes;

use super::{Found, Matcher};
use crate::model::Reply;
use crate::model::event::{Note, Request, Seq, Started};
use crate::names::identity::{self, From, Identities};
use crate::replay::plan::{Plan, id_of};
use crate::wire::Parsed;
use crate::wire::canonical::Canonical;

impl Matcher {
    /// The secret with this number is the value of a variable.
    pub(in crate::replay) fn know_secret(&mut self, number: usize, variable: String) {
        self.identities.secrets.now.insert(number, variable);
    }

    /// How many secrets nothing proves to be the recorded ones.
    pub(in crate::replay) fn unproven_secrets(&self) -> usize {
        self.identities.secrets.unproven()
    }

    /// The recorded exchange that a request is, by the first step of the contract that finds one.
    pub(super) fn find(&mut self, request: &Request, canonical: &Canonical) -> Option<Found> {
        self.conflict = None;
        let places = self.by_key.get(&canonical.key).cloned().unwrap_or_default();
        let places: Vec<usize> =
            places.into_iter().filter(|place| self.is_about_the_same(*place, request, canonical)).collect();
        let unused: Vec<usize> = places.iter().copied().filter(|place| self.is_open(*place)).collect();
        let mut found = if unused.is_empty() {
            self.find_nearly(request, canonical)?
        } else {
            let found = self.among(&unused, &places, canonical);
            let ids = &self.plan.entries[found.entry].parsed.canonical.ids;
            let ids = if *ids == canonical.ids { Vec::new() } else { canonical.ids.clone() };
            self.exactly.push((found.entry, ids));
            found
        };
        let recorded = &self.plan.entries[found.entry].parsed.canonical;
        self.identities.bind(&recorded.ids, &canonical.ids);
        let pairs = self.identities.secrets.bind(&recorded.secrets, &canonical.secrets);
        let mark = crate::redact::mark;
        found.notes.extend(pairs.iter().map(|(old, new)| format!("secret: {} is now {}", mark(*old), mark(*new))));
        Some(found)
    }

    /// Whether a recorded call went to the same provider, and names the same answers and items.
    pub(super) fn is_about_the_same(&self, place: usize, request: &Request, canonical: &Canonical) -> bool {
        let entry = &self.plan.entries[place];
        let is_moved = |(now, then): &(String, String)| *now == request.provider && *then == entry.provider;
        (entry.provider == request.provider || self.moved.iter().any(is_moved))
            && self.identities.fit(&entry.parsed.canonical.ids, &canonical.ids)
            && self.identities.secrets.fit(&entry.parsed.canonical.secrets, &canonical.secrets)
    }

    /// Remembers the ids that an answer brought, also one that was not taken to its end.
    pub(in crate::replay) fn minted_by(
        &mut self,
        seq: Seq,
        parsed: &Parsed,
        reply: Option<&Reply>,
        body: &Bytes,
        changed: bool,
    ) {
        let minted = match reply {
            Some(reply) => identity::minted(reply),
            None => id_of(body).map(|id| (id, identity::Place::Answer)).into_iter().collect(),
        };
        for (id, place) in &minted {
            if matches!(place, identity::Place::Answer | identity::Place::Conversation | identity::Place::Item(_)) {
                self.named.insert(id.clone(), parsed.canonical.key);
            }
        }
        if changed {
            let from = self.taken_by.get(&seq).map_or(From::Sent(seq), |place| From::Recorded(*place));
            self.identities.bring(from, &minted);
        }
    }
}

/// Prefixes of now whose base URL is that of another prefix of the recording.
pub(super) fn moved(plan: &Plan, here: &Started) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (now, url) in &here.upstreams {
        for (then, known) in &plan.run.started.upstreams {
            if now != then && url.trim_end_matches('/') == known.trim_end_matches('/') {
                found.push((now.clone(), then.clone()));
            }
        }
    }
    found
}

/// Which recorded secrets are values of variables, as the recording says it.
pub(super) fn know_secrets(identities: &mut Identities, plan: &Plan) {
    for note in plan.run.notes.iter().filter(|note| note.topic == Note::SECRET) {
        if let Some((number, variable)) = note.text.split_once(' ')
            && let Ok(number) = number.parse()
        {
            identities.secrets.recorded.insert(number, variable.to_owned());
        }
    }
}
