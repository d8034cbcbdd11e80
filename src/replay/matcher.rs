//! Which recorded call is this request, and what the plan does with it. A function of what came before.

mod binding;
mod doing;
#[cfg(test)]
mod fault;
pub(super) mod nearly;
mod origins;
mod relayed;
mod sending;
mod told;
mod twins;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::change::Target;
use super::grade::STALE;
use super::index::Index;
use super::kept::Asked;
use super::miss::{self, HeldResult, Refusal};
use super::outgoing::{Origin, Past};
use super::plan::{Entry, Live, Plan, without};
use crate::model::event::{Action, Decided, Grade, Request, Seq, Started};
use crate::model::{Micros, NodeId};
use crate::names::identity::{From, Identities};
use crate::names::naming::Naming;
use crate::names::rename::Renamer;
use crate::record::calls::{self, Asks, Calls};
use crate::record::lanes::Lanes;
use crate::text::json::Json;
use crate::text::units::count;
use crate::wire::canonical::Key;
use crate::wire::{self, Parsed};

use doing::Doing;
#[cfg(test)]
pub(super) use fault::Fault;
use nearly::Renamed;
use sending::{Carried, carried};
pub(super) use twins::Twins;

/// What is to be done with a request.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) decided: Decided,
    /// Recorded exchange whose answer is given.
    pub(super) entry: Option<usize>,
    /// Path that it is sent to instead of the agent's.
    pub(super) path: Option<String>,
    /// Why nothing is sent and nothing served.
    pub(super) refusal: Option<Refusal>,
    /// The key of the request, for counting refusals.
    pub(super) key: Key,
    /// What renames an answer that is made anew.
    pub(super) renamer: Option<Arc<Renamer>>,
    /// The pieces of the recorded answer with names as they are now, where that changes them.
    pub(super) renamed: Option<Vec<Bytes>>,
    /// Calls of destructive tools in which a name was renamed: to be agreed to.
    pub(super) needs_consent: Vec<String>,
}

impl Decision {
    fn of(decided: Decided, key: Key) -> Self {
        Self {
            decided,
            entry: None,
            path: None,
            refusal: None,
            key,
            renamer: None,
            renamed: None,
            needs_consent: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Unused,
    Taken,
}

/// A call of this replay.
#[derive(Debug)]
struct Made {
    /// Changes whose conversation it belongs to.
    inherits: BTreeSet<usize>,
    node: Option<NodeId>,
    /// The recorded exchange whose place it takes, once it was answered.
    entry: Option<usize>,
    /// The results of tools that it carries.
    results: Vec<Carried>,
    /// The call of this replay that it goes on from.
    before: Option<usize>,
    /// Whether it carries what a change brought, or its answer is not the recorded one.
    is_doing: bool,
}

/// The state of matching.
#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) plan: Plan,
    by_key: HashMap<Key, Vec<usize>>,
    index: Index,
    pub(super) naming: Naming,
    /// Which answers ids come from.
    identities: Identities,
    /// Prefixes whose base URL now is that of another prefix of the recording: both, the one of now first.
    moved: Vec<(String, String)>,
    /// Whether it is known who said what in the recording.
    knows_origins: bool,
    /// Calls that matched exactly since the index was asked last, with their ids where those differ.
    exactly: Vec<(usize, Vec<String>)>,
    /// What stood in the way of a match up to names.
    conflict: Option<String>,
    /// When this replay began.
    started: Micros,
    uses: Vec<Use>,
    taken_by: HashMap<Seq, usize>,
    /// Exchanges whose answers are on their way.
    flying: BTreeSet<usize>,
    told_uses: Vec<Use>,
    /// Nodes whose recorded answers were handed over.
    done: BTreeSet<NodeId>,
    /// Their keys and answers.
    done_alike: HashSet<(Key, Key)>,
    /// Call ids of tools whose calls were served unchanged, and the tool's name.
    served_calls: HashMap<String, String>,
    /// The same by the call of this replay.
    served: HashMap<calls::Made, String>,
    /// Which call of which answer is meant in requests.
    calls: Calls,
    /// Recorded results by exchange and place of the call in its answer; read when something is sent.
    results_by_call: Option<HashMap<(Seq, usize), Vec<u8>>>,
    /// Recorded results of tools by call id: the value as it is written in a request.
    recorded_results: HashMap<String, Vec<u8>>,
    pub(super) held: BTreeMap<String, HeldResult>,
    /// What changed calls answered.
    doing: Doing,
    said_otherwise: Vec<String>,
    /// Call ids of tools whose results hand such an answer on.
    relayed: HashSet<String>,
    /// Nodes that depend on what is changed.
    affected: BTreeSet<NodeId>,
    lanes: Lanes,
    made: Vec<Made>,
    places: HashMap<Seq, usize>,
    pub(super) sent: usize,
    /// Whether the request that is decided about carries a stand-in where a key belongs.
    pub(super) keyless: bool,
    /// Whether something was refused: nothing is sent from then on, as clients ask again in other words.
    refused: bool,
    /// Groups of calls that nothing tells apart, as they were met.
    pub(super) twins: Vec<Twins>,
    /// For each refused request the recorded call that is nearest to it.
    pub(super) nearest: BTreeMap<Seq, NodeId>,
    /// What later requests may refer to.
    past: Past,
    /// Requests that have no answer yet.
    asked: HashMap<Seq, Asked>,
    /// What stood in this replay where each change to an input was made.
    replaced: HashMap<usize, String>,
    /// Requests that get an edited answer.
    edited: BTreeSet<Seq>,
    clock: usize,
    /// Keys of calls whose answers are known by their ids.
    named: HashMap<String, Key>,
    /// A fault that a test put in.
    #[cfg(test)]
    pub(super) fault: Option<Fault>,
}

/// A recorded exchange that a request is.
struct Found {
    entry: usize,
    grade: Grade,
    notes: Vec<String>,
    /// Calls that it may just as well be.
    twins: Option<Twins>,
}

impl Matcher {
    /// Lays a plan out; `here` says how this replay began.
    pub(super) fn new(plan: Plan, here: &Started) -> Self {
        let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
        let mut recorded_results = HashMap::new();
        let mut identities = Identities::default();
        for (place, entry) in plan.entries.iter().enumerate() {
            by_key.entry(entry.parsed.canonical.key).or_default().push(place);
            identities.record(place, &entry.minted);
            for result in &entry.parsed.canonical.results {
                let raw = entry.parsed.canonical.body().value(result.item).raw().to_vec();
                recorded_results.entry(result.call_id.clone()).or_insert(raw);
            }
        }
        binding::know_secrets(&mut identities, &plan);
        let (entries, told) = (plan.entries.len(), plan.told.len());
        let mut naming = Naming::new(nearly::splitter(&plan, here));
        origins::given(&mut naming.now, here);
        Self {
            affected: plan.affected(),
            by_key,
            index: Index::default(),
            naming,
            identities,
            moved: binding::moved(&plan, here),
            knows_origins: false,
            exactly: Vec::new(),
            conflict: None,
            started: here.at,
            uses: vec![Use::Unused; entries],
            taken_by: HashMap::new(),
            flying: BTreeSet::new(),
            told_uses: vec![Use::Unused; told],
            done: BTreeSet::new(),
            done_alike: HashSet::new(),
            served_calls: HashMap::new(),
            served: HashMap::new(),
            calls: Calls::default(),
            results_by_call: None,
            recorded_results,
            held: BTreeMap::new(),
            said_otherwise: Vec::new(),
            relayed: HashSet::new(),
            doing: Doing::default(),
            lanes: Lanes::default(),
            made: Vec::new(),
            places: HashMap::new(),
            sent: 0,
            keyless: false,
            refused: false,
            twins: Vec::new(),
            nearest: BTreeMap::new(),
            past: Past::new(&plan.run),
            asked: HashMap::new(),
            replaced: HashMap::new(),
            edited: BTreeSet::new(),
            clock: 0,
            named: HashMap::new(),
            plan,
            #[cfg(test)]
            fault: None,
        }
    }

    /// Takes a request apart as the recorded ones were.
    pub(super) fn parse(&self, request: &Request) -> Parsed {
        wire::parse(request, &|id| self.named.get(id).copied())
    }

    /// Decides about a request.
    pub(super) fn decide(&mut self, request: &Request, parsed: &Parsed) -> Decision {
        if self.plan.may_send() {
            let asked = Asked { request: request.clone(), body: request.body.clone(), written_out: false };
            self.asked.insert(request.seq, asked);
        }
        self.clock += 1;
        let began = self.clock;
        self.hear_request(&parsed.canonical);
        self.let_relayed_through(&parsed.canonical);
        // What a changed answer brought makes it another question, unless it is equal to a recorded one.
        let carries = self.plan.may_send() && self.doing.is_carried_by(&parsed.canonical);
        let find = |matcher: &mut Self| {
            let may = !carries || matcher.by_key.contains_key(&parsed.canonical.key);
            if may { matcher.find(request, &parsed.canonical) } else { None }
        };
        #[cfg(not(test))]
        let found = find(self);
        #[cfg(test)]
        let found = match self.fault.map_or(fault::Mistake::None, |fault| self.mistaken(fault, parsed)) {
            fault::Mistake::None => find(self),
            fault::Mistake::Nothing => None,
            fault::Mistake::Found(found) => Some(found),
        };
        let found = found.or_else(|| self.find_ignoring(request, parsed));
        if !self.plan.may_send() {
            // Lanes tell what a change reaches and where a call that is sent belongs.
            let node = found.as_ref().map(|found| self.plan.entries[found.entry].node);
            return self.act(request, parsed, found.as_ref(), node, None);
        }
        self.doing.hear(&self.plan, &parsed.canonical);
        let json = parsed.json();
        let prompt = match (parsed.dialect, json) {
            (Some(dialect), Some(json)) => dialect.asked(request, json),
            _ => crate::model::Prompt::default(),
        };
        let place = self.lanes.ask(&prompt);
        self.places.insert(request.seq, place);
        let link = self.lanes.link(place, began, &prompt);
        let asked = self.calls.ask(place, link, &prompt, &mut Asks::new());
        let mut inherits = link.map(|link| self.made[link.from].inherits.clone()).unwrap_or_default();
        let node = found.as_ref().map(|found| self.plan.entries[found.entry].node);
        let placed = node.or_else(|| self.placed(link.and_then(|link| self.made[link.from].node)));
        let own: Vec<usize> = (0..self.plan.changes.len())
            .filter(|change| Some(self.plan.changes[*change].wanted.node) == placed)
            .collect();
        inherits.extend(&own);
        if let Some(node) = node {
            inherits
                .extend((0..self.plan.changes.len()).filter(|change| self.plan.conversations[*change].contains(&node)));
        }
        let is_doing = carries || link.is_some_and(|link| self.made[link.from].is_doing);
        self.made.push(Made {
            inherits: inherits.clone(),
            node: placed,
            entry: None,
            results: carried(&prompt, &asked),
            before: link.map(|link| link.from),
            is_doing,
        });
        if prompt.previous.is_some() {
            // What the provider keeps is not sent again: a message that reads alike is another one.
            let is_message = |change: &usize| self.plan.changes[*change].is_message();
            inherits.retain(|change| own.contains(change) || !is_message(change));
        }
        let edited = json.and_then(|json| self.edit(parsed, json, &own, &inherits));
        self.act(request, parsed, found.as_ref(), placed, edited.as_deref())
    }

    /// The exchange that a request is once the fields are left out that the user ignores; both values are said.
    fn find_ignoring(&self, request: &Request, parsed: &Parsed) -> Option<Found> {
        if self.plan.options.ignore.is_empty() {
            return None;
        }
        let request = without(request, &self.plan.options.ignore);
        let key = wire::parse(&request, &|id| self.named.get(id).copied()).canonical.key;
        let entry = (0..self.plan.entries.len())
            .find(|place| self.plan.entries[*place].ignoring == Some(key) && self.is_open(*place))?;
        let value = |value: Option<String>| value.map_or("nothing".to_owned(), |value| miss::cut(&value, 80));
        let notes = self.plan.entries[entry]
            .parsed
            .canonical
            .differences(&parsed.canonical, 5)
            .into_iter()
            .map(|found| format!("ignored: {} {}, now {}", found.path, value(found.left), value(found.right)))
            .collect();
        Some(Found { entry, grade: Grade::Ignored, notes, twins: None })
    }

    /// The node that comes next in the lane of a node and was not used yet.
    fn placed(&self, before: Option<NodeId>) -> Option<NodeId> {
        let next = self.plan.followers.get(&before?)?;
        next.iter().copied().find(|node| {
            self.plan.entries.iter().zip(&self.uses).any(|(entry, used)| entry.node == *node && *used == Use::Unused)
        })
    }

    /// Whether an exchange was not used yet and the attempts before it were.
    fn is_open(&self, place: usize) -> bool {
        let entry = &self.plan.entries[place];
        self.uses[place] == Use::Unused
            && (entry.attempt == 0
                || self.plan.entries.iter().zip(&self.uses).all(|(other, used)| {
                    other.node != entry.node || other.attempt >= entry.attempt || *used == Use::Taken
                }))
    }

    fn act(
        &mut self,
        request: &Request,
        parsed: &Parsed,
        found: Option<&Found>,
        mut placed: Option<NodeId>,
        edited: Option<&[u8]>,
    ) -> Decision {
        let node = found.as_ref().map(|found| self.plan.entries[found.entry].node);
        let grade =
            found.as_ref().map_or(if placed.is_some() { Grade::Place } else { Grade::Miss }, |found| found.grade);
        let mut notes = found.as_ref().map(|found| found.notes.clone()).unwrap_or_default();
        let key = parsed.canonical.key;
        let forced = node.or(placed).is_some_and(|node| self.plan.from.contains(&node));
        let answer_changed = found.as_ref().is_some_and(|found| self.plan.edits_answer(found.entry));
        if let Some(reason) = self.past.kept().forbidden(request, found.is_some()).filter(|_| self.plan.may_send()) {
            self.refused = true;
            return Self::refuse(request.seq, Refusal { reason, details: Vec::new(), hint: None }, key);
        }
        // What it refers to is not as it was recorded, so it is another question.
        let goes_on_changed = parsed.json().is_some_and(|json| self.past.kept().is_changed(request, json));
        if edited.is_none()
            && !forced
            && !goes_on_changed
            && let Some(found) = &found
        {
            let action = if answer_changed { Action::ServeEdited } else { Action::Serve };
            let Renamed { renamer, body, needs_consent, stale } = self.with_names_of_now(found.entry);
            #[cfg(test)]
            let (renamer, body) = if self.fault == Some(Fault::StaleNames) { (None, None) } else { (renamer, body) };
            if !needs_consent.is_empty() && !self.plan.options.allow_effects {
                self.refused = true;
                let reason =
                    "a name was renamed in the arguments of a destructive tool (`--yes` lets it run)".to_owned();
                let refusal = Refusal { reason, details: needs_consent.clone(), hint: None };
                return Decision { needs_consent, ..Self::refuse(request.seq, refusal, key) };
            }
            notes.extend(needs_consent.iter().cloned());
            let stale: Vec<String> = stale.into_iter().map(|name| format!("{STALE}{name}")).collect();
            let doubtful = !stale.is_empty();
            notes.extend(stale);
            let decision = self.serve(request.seq, found, action, notes, key);
            let mut decision = Decision { renamer, renamed: body, needs_consent, ..decision };
            if (decision.renamed.is_some() || doubtful) && decision.decided.grade == Grade::Exact {
                decision.decided.grade = Grade::Names;
            }
            return decision;
        }
        if found.is_none() && edited.is_none() && !forced && !goes_on_changed {
            let taken: Vec<bool> = self.uses.iter().map(|used| *used == Use::Taken).collect();
            let before = self.made.last().and_then(|made| self.made[made.before?].node);
            let miss = miss::explain(&self.plan, &taken, parsed, &self.naming.splitter, before);
            if !self.may_miss(&miss) {
                self.refused = true;
                self.nearest.extend(miss.node(&self.plan).map(|node| (request.seq, node)));
                let mut refusal = miss.refusal(&self.plan);
                refusal.details.extend(self.conflict.take());
                return Self::refuse(request.seq, refusal, key);
            }
            notes.push(miss.note(&self.plan));
            // What followed from the changed node and is not here yet is this call in other words.
            if let (None, Some(place)) = (placed, miss.nearest.filter(|place| !taken[*place])) {
                placed = Some(self.plan.entries[place].node).filter(|node| self.affected.contains(node));
                if let Some(made) = self.made.last_mut() {
                    made.node = placed;
                }
            }
        }
        let never = self.plan.options.live == Live::Never;
        if self.refused || never || self.keyless || self.sent >= self.plan.ceiling() {
            let reason = if self.refused {
                "a call was refused before, so nothing more is sent".to_owned()
            } else if never {
                "it would have to be sent, and `--live never` forbids it".to_owned()
            } else if self.keyless {
                "it would have to be sent, but there is no key for it in the environment".to_owned()
            } else {
                let sent = count(self.sent, "call");
                format!("{sent} {} sent already, and no more are allowed", if self.sent == 1 { "was" } else { "were" })
            };
            self.refused = true;
            let mut decision = Self::refuse(request.seq, Refusal { reason, details: Vec::new(), hint: None }, key);
            decision.decided.node = node.or(placed);
            return decision;
        }
        self.send(request, parsed, found, node.or(placed), grade, edited, notes)
    }

    fn serve(&mut self, seq: Seq, found: &Found, action: Action, notes: Vec<String>, key: Key) -> Decision {
        let entry = &self.plan.entries[found.entry];
        self.twins.extend(found.twins.clone());
        self.uses[found.entry] = Use::Taken;
        self.taken_by.insert(seq, found.entry);
        self.identities.bring(From::Recorded(found.entry), &entry.minted);
        self.flying.insert(found.entry);
        if action == Action::ServeEdited {
            self.edited.insert(seq);
        }
        let beside = self.plan.beside.get(&entry.seq).cloned().unwrap_or_default();
        let decided = Decided { seq, action, node: Some(entry.node), grade: found.grade, sent: None, notes, beside };
        Decision { entry: Some(found.entry), ..Decision::of(decided, key) }
    }

    fn refuse(seq: Seq, refusal: Refusal, key: Key) -> Decision {
        let notes = std::iter::once(refusal.reason.clone()).chain(refusal.details.iter().cloned()).collect();
        let decided = Decided {
            seq,
            action: Action::Refuse,
            node: None,
            grade: Grade::Miss,
            sent: None,
            notes,
            beside: Vec::new(),
        };
        Decision { refusal: Some(refusal), ..Decision::of(decided, key) }
    }

    /// The agent took an answer, or left before its end.
    pub(super) fn ended(
        &mut self,
        seq: Seq,
        taken: bool,
        answered: Option<(&Parsed, u16, &str, &Bytes)>,
        changed: bool,
    ) {
        self.clock += 1;
        let entry = self.taken_by.get(&seq).copied();
        let asked = self.asked.remove(&seq);
        let edited = self.edited.remove(&seq);
        if let Some(entry) = entry {
            self.flying.remove(&entry);
        }
        if let Some((parsed, status, kind, body)) = answered {
            let reply = parsed.dialect.map(|dialect| dialect.reply(status, kind, body));
            self.minted_by(seq, parsed, reply.as_ref(), body, changed);
        }
        #[cfg(test)]
        let taken = taken || self.fault == Some(Fault::NeverBack);
        // What the agent left when it was recorded too has done its part once something of it was taken.
        let taken = taken
            || entry.is_some_and(|entry| self.plan.entries[entry].ended.is_none())
                && answered.is_some_and(|(_, status, _, body)| status < 400 && !body.is_empty());
        if !taken {
            if let Some(entry) = entry
                && self.plan.entries[entry].ended.is_some()
            {
                self.uses[entry] = Use::Unused;
                self.taken_by.remove(&seq);
            }
            return;
        }
        if let Some(place) = entry {
            let entry = &self.plan.entries[place];
            self.done.insert(entry.node);
            self.done_alike.insert((entry.parsed.canonical.key, entry.digest));
        }
        let Some((parsed, status, kind, body)) = answered else { return };
        if let Some(asked) = asked.filter(|_| (200..300).contains(&status)) {
            let stream = wire::sse::is_stream(kind, body);
            let unary = match parsed.dialect {
                Some(dialect) if stream => dialect.unary(body).map(Bytes::from),
                _ => Some(body.clone()),
            };
            let answer = unary.and_then(|unary| Json::parse(unary).ok());
            let from = if edited {
                Origin::Edited
            } else if changed {
                Origin::Live
            } else {
                Origin::Recorded
            };
            self.past.remember(parsed.dialect, &asked, answer.as_ref(), from);
        }
        let reply = parsed.dialect.map(|dialect| dialect.reply(status, kind, body));
        if changed {
            self.hear_reply(reply.as_ref(), body);
            let node = entry.map(|place| self.plan.entries[place].node);
            let texts = doing::answered(reply.as_ref(), body);
            self.doing.bring(&self.plan, node, texts.iter().map(String::as_str));
            if let Some(place) = self.places.get(&seq) {
                self.made[*place].is_doing = true;
            }
        }
        let Some(reply) = reply else { return };
        let turn = self.places.get(&seq).copied();
        if let Some(turn) = turn {
            self.made[turn].entry = entry;
            self.calls.answer(turn, &reply);
        }
        if changed {
            self.remember_said(&reply.text());
            if let Some(place) = entry {
                self.unchanged_calls(place, turn, &reply);
            }
        } else {
            for (number, call) in reply.tool_calls().enumerate() {
                self.served_calls.insert(call.id.clone(), call.name.clone());
                self.served.extend(turn.map(|turn| (calls::Made { turn, place: number }, call.name.clone())));
                if let Some(place) = entry.filter(|_| self.plan.options.run_tools.contains(&call.name)) {
                    self.doing.bring(&self.plan, Some(self.plan.entries[place].node), []);
                }
            }
        }
        if let Some(place) = self.places.get(&seq) {
            self.lanes.answer(*place, self.clock, &reply);
        }
    }

    /// Recorded exchanges that no request asked for.
    pub(super) fn unused(&self) -> Vec<NodeId> {
        let mut nodes: BTreeSet<NodeId> = BTreeSet::new();
        for (entry, used) in self.plan.entries.iter().zip(&self.uses) {
            if *used == Use::Unused {
                nodes.insert(entry.node);
            }
        }
        nodes.into_iter().collect()
    }

    /// Whether a call that overlapped one that began then, and ended before `ended`, may still come.
    pub(super) fn expects_before(&self, began: Micros, ended: Micros) -> bool {
        self.plan.entries.iter().zip(&self.uses).any(|(entry, used)| {
            *used == Use::Unused
                && entry.ended.is_some_and(|end| end < ended && end > began)
                && entry.began < ended
                && entry.causes.iter().all(|cause| self.done.contains(cause))
        })
    }

    /// The entry at a place.
    pub(super) fn entry(&self, place: usize) -> &Entry {
        &self.plan.entries[place]
    }
}
