//! What is sent instead of the agent's request: changes, held values, and results by the call that they answer.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;

use super::{Asked, Decision, Found, Matcher, Use};
use crate::model::event::{Action, Decided, Grade, Request, Seq};
use crate::model::{Detail, NodeId, Part, Prompt, Reply};
use crate::record::calls::{self, Asks, Calls};
use crate::record::lanes::Link;
use crate::replay::change::{Scope, Target};
use crate::replay::flake::only_names;
use crate::replay::miss::{Miss, Refusal};
use crate::replay::plan::Live;
use crate::text::json::{Edit, Json, Path};
use crate::wire::{Parsed, Side};

/// The result of a tool in a request, and which call it answers.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) call_id: String,
    pub(super) made: Option<calls::Made>,
}

/// The results that a request carries.
pub(super) fn carried(prompt: &Prompt, asked: &calls::Asked) -> Vec<Carried> {
    let result = |shown: &calls::Shown| match prompt.messages.get(shown.message)?.parts.get(shown.part)? {
        Part::ToolResult(result) => Some(Carried { call_id: result.call_id.clone(), made: shown.made }),
        _ => None,
    };
    asked.results.iter().filter_map(result).collect()
}

impl Matcher {
    /// The request with all changes that hold for it; `None` if none does.
    pub(super) fn edit(
        &mut self,
        parsed: &Parsed,
        json: &Json,
        own: &[usize],
        inherits: &BTreeSet<usize>,
    ) -> Option<Vec<u8>> {
        let renamer = self.naming.renamer();
        for place in own {
            let stands = self.plan.changes[*place].stands(parsed.dialect, json);
            self.replaced.extend(stands.map(|stands| (*place, stands)));
        }
        let mut body: Option<Json> = None;
        for (place, change) in self.plan.changes.iter().enumerate() {
            let now = body.as_ref().unwrap_or(json);
            let own = own.contains(&place);
            let next = match &change.target {
                Target::Input => {
                    let holds = match self.plan.options.scope {
                        Scope::Once => own,
                        Scope::Conversation => own || inherits.contains(&place),
                        Scope::Everywhere => true,
                    };
                    let old = change.old.as_deref().unwrap_or_default();
                    let renamed = renamer.as_ref().and_then(|renamer| renamer.text(old.as_bytes()));
                    let replaced = self.replaced.get(&place);
                    let is_old = |now: &str| now == old || replaced.is_some_and(|replaced| now == replaced);
                    let is_old_now = |now: &str| renamed.as_ref().is_some_and(|old| now.as_bytes() == old);
                    // Within its conversation a name or a time in it may be made anew for each call.
                    let is_like_it = |now: &str| {
                        self.plan.options.scope == Scope::Conversation
                            && only_names(&self.naming.splitter, old.as_bytes(), now.as_bytes())
                    };
                    let readings: [&dyn Fn(&str) -> bool; 3] = [&is_old, &is_old_now, &is_like_it];
                    if holds { change.apply(parsed.dialect, now, own, &readings) } else { None }
                }
                target @ Target::Result { .. } => {
                    let edits = self.result_edits(parsed, now, |carried, _| {
                        self.is_result_of(carried, target)
                            .then(|| crate::text::json::quote(&change.wanted.value).into_bytes())
                    });
                    (!edits.is_empty()).then(|| now.splice(edits))
                }
                Target::Answer | Target::Given(_) => None,
            };
            if let Some(next) = next
                && next != now.bytes()[..]
                && let Ok(next) = Json::parse(next)
            {
                body = Some(next);
            }
        }
        body.map(|json| json.bytes().to_vec())
    }

    /// Replacements for tool results in a body that was made of the last request: for each what stands there.
    fn result_edits(
        &self,
        parsed: &Parsed,
        json: &Json,
        with: impl Fn(&Carried, &[u8]) -> Option<Vec<u8>>,
    ) -> Vec<Edit> {
        let Some(dialect) = parsed.dialect else { return Vec::new() };
        let carried = self.made.last().map(|made| made.results.as_slice()).unwrap_or_default();
        let prompt = dialect.prompt(json);
        let parts = prompt.messages.iter().flat_map(|message| &message.parts);
        let results = parts.filter_map(|part| match part {
            Part::ToolResult(result) => Some(result),
            _ => None,
        });
        let results: Vec<_> = results.collect();
        // What was written out stands before what the agent said itself.
        let mut edits = Vec::new();
        for (result, carried) in results.iter().rev().zip(carried.iter().rev()) {
            let Some(value) = Path::parse(&result.path).ok().and_then(|path| json.root().find(&path)) else { continue };
            if let Some(with) = with(carried, value.raw()) {
                edits.push(Edit { span: value.span(), with });
            }
        }
        edits.reverse();
        edits
    }

    #[expect(clippy::too_many_arguments, reason = "all of them are parts of one decision")]
    pub(super) fn send(
        &mut self,
        request: &Request,
        parsed: &Parsed,
        found: Option<&Found>,
        node: Option<NodeId>,
        grade: Grade,
        edited: Option<&[u8]>,
        notes: Vec<String>,
    ) -> Decision {
        let mut body = edited.map_or_else(|| request.body.clone(), Bytes::copy_from_slice);
        let mut changed = edited.is_some();
        let mut notes = notes;
        let mut path = None;
        let mut written_out = false;
        if let Ok(json) = Json::parse(body.clone()) {
            match self.past.kept().write_out(request, &json) {
                Ok(None) => {}
                Ok(Some(out)) => {
                    body = out.body.into();
                    changed = true;
                    written_out = true;
                    path = out.path;
                    notes.push(out.note);
                }
                Err(reason) => {
                    self.refused = true;
                    let refusal = Refusal { reason, details: Vec::new(), hint: None };
                    return Self::refuse(request.seq, refusal, parsed.canonical.key);
                }
            }
        }
        let renamer = self.naming.renamer();
        if let Ok(json) = Json::parse(body.clone()) {
            let edits = self.naming.held_edits(&json);
            if !edits.is_empty() {
                body = json.splice(edits).into();
                changed = true;
            }
        }
        if let Ok(json) = Json::parse(body.clone()) {
            self.know_recorded_results();
            let edits = self.result_edits(parsed, &json, |carried, now| {
                let id = &carried.call_id;
                let tool = match carried.made {
                    Some(made) => self.served.get(&made),
                    None => self.served_calls.get(id),
                }?;
                let let_through = self.plan.options.run_tools.contains(tool)
                    || self.relayed.contains(id)
                    || self.plan.changes.iter().any(|change| self.is_result_of(carried, &change.target));
                let by_call = carried.made.and_then(|made| self.recorded_call(made));
                let recorded = match by_call.zip(self.results_by_call.as_ref()) {
                    Some((call, known)) => known.get(&call),
                    None => self.recorded_results.get(id),
                }?;
                let recorded =
                    renamer.as_ref().and_then(|renamer| renamer.value(recorded)).unwrap_or_else(|| recorded.clone());
                (!let_through && recorded != now).then_some(recorded)
            });
            if !edits.is_empty() {
                body = json.splice(edits).into();
                changed = true;
            }
        }
        if let (Some(model), Some(dialect), Ok(json)) =
            (&self.plan.options.model, parsed.dialect, Json::parse(body.clone()))
        {
            let path = Path(vec![crate::text::json::Step::Key("model".into())]);
            if dialect.get(Side::Request, &json, &path).as_ref() != Some(model)
                && let Ok(set) = dialect.set(Side::Request, &json, &path, model)
            {
                body = set.into();
                changed = true;
            }
        }
        if let Ok(json) = Json::parse(body.clone()) {
            let other_model =
                request_model(&json) != Json::parse(request.body.clone()).ok().as_ref().and_then(request_model);
            if let Some((unsealed, note)) = self.past.unseal(&json, other_model) {
                body = unsealed.into();
                changed = true;
                notes.push(note);
            }
        }
        self.asked.insert(request.seq, Asked { request: request.clone(), body: body.clone(), written_out });
        self.sent += 1;
        let mut beside = Vec::new();
        if let Some(found) = found {
            self.uses[found.entry] = Use::Taken;
            self.taken_by.insert(request.seq, found.entry);
        } else if let Some(node) = node
            && let Some(place) = self.open_entry(node)
        {
            self.uses[place] = Use::Taken;
            self.taken_by.insert(request.seq, place);
        }
        if let Some(entry) = self.taken_by.get(&request.seq).map(|place| &self.plan.entries[*place]) {
            beside = self.plan.beside.get(&entry.seq).cloned().unwrap_or_default();
        }
        let action = if changed { Action::SendChanged } else { Action::Send };
        let sent = changed.then_some(body);
        let decided = Decided { seq: request.seq, action, node, grade, sent, notes, beside };
        Decision { path, ..Decision::of(decided, parsed.canonical.key) }
    }

    pub(super) fn result_is_changed(&self, id: &str) -> bool {
        self.plan.changes.iter().any(|change| matches!(&change.target, Target::Result { call_id, .. } if call_id == id))
    }

    fn open_entry(&self, node: NodeId) -> Option<usize> {
        (0..self.uses.len()).rfind(|place| self.plan.entries[*place].node == node && self.uses[*place] == Use::Unused)
    }

    /// Whether a call that is not on the recording is the doing of a change, and may be sent.
    pub(super) fn may_miss(&self, miss: &Miss) -> bool {
        match self.plan.options.live {
            Live::Always => true,
            Live::Never => false,
            Live::Auto => {
                self.made.last().is_some_and(|made| made.is_doing)
                    || self.doing.explains(miss.differences())
                    || self.doing.reaches(miss.node(&self.plan))
            }
        }
    }

    /// Calls of an edited answer that are as they were recorded: their results are held all the same.
    pub(super) fn unchanged_calls(&mut self, entry: usize, turn: Option<usize>, reply: &Reply) {
        let seq = self.plan.entries[entry].seq;
        let recorded: Vec<(String, String, String)> = self
            .plan
            .run
            .graph
            .nodes()
            .filter(|node| node.anchor.as_ref().is_some_and(|(anchor, _)| *anchor == seq))
            .filter_map(|node| match &node.detail {
                crate::model::Detail::Tool(tool) => {
                    Some((tool.call_id.clone(), node.name.clone(), tool.arguments.clone()))
                }
                _ => None,
            })
            .collect();
        let renamer = self.naming.renamer();
        let now = |arguments: &str| {
            let text = renamer.as_ref().and_then(|renamer| renamer.text(arguments.as_bytes()));
            text.map_or_else(|| arguments.to_owned(), |text| String::from_utf8_lossy(&text).into_owned())
        };
        for (place, call) in reply.tool_calls().enumerate() {
            let same = |known: &(String, String, String)| {
                known.0 == call.id && known.1 == call.name && now(&known.2) == call.arguments
            };
            if recorded.iter().any(same) {
                self.served_calls.insert(call.id.clone(), call.name.clone());
                self.served.extend(turn.map(|turn| (calls::Made { turn, place }, call.name.clone())));
            }
        }
    }

    /// The recorded exchange and the place in its answer of a call that this replay made.
    fn recorded_call(&self, made: calls::Made) -> Option<(Seq, usize)> {
        let entry = self.made.get(made.turn)?.entry?;
        Some((self.plan.entries[entry].seq, made.place))
    }

    /// Whether a result is the one that a change is about: of the same call of the same answer. Where the conversation
    /// does not tell, an id that no other call has.
    fn is_result_of(&self, carried: &Carried, target: &Target) -> bool {
        let Target::Result { call_id, made_by, .. } = target else { return false };
        if carried.call_id != *call_id {
            return false;
        }
        if let (Some(wanted), Some(is)) = (made_by, carried.made.and_then(|made| self.recorded_call(made))) {
            return *wanted == is;
        }
        let same = |detail: &Detail| matches!(detail, Detail::Tool(tool) if tool.call_id == *call_id);
        let alike = self.plan.run.graph.nodes().filter(|node| same(&node.detail));
        !call_id.is_empty() && alike.take(2).count() == 1
    }

    /// Reads the recorded results by the calls that they answer, once.
    fn know_recorded_results(&mut self) {
        if self.results_by_call.is_some() || self.made.last().is_none_or(|made| made.results.is_empty()) {
            return;
        }
        let mut found = HashMap::new();
        let (mut calls, mut asks) = (Calls::default(), Asks::new());
        let mut before: HashMap<NodeId, NodeId> = HashMap::new();
        for (node, next) in &self.plan.followers {
            before.extend(next.iter().map(|next| (*next, *node)));
        }
        let mut turns: HashMap<NodeId, usize> = HashMap::new();
        let mut seqs = Vec::new();
        for node in self.plan.run.graph.nodes() {
            let (Detail::Call { prompt, reply, .. }, Some(seq)) = (&node.detail, node.seq) else { continue };
            let turn = seqs.len();
            let from = before.get(&node.id).and_then(|before| turns.get(before)).copied();
            let asked = calls.ask(turn, from.map(|from| Link { from, compacted: false }), prompt, &mut asks);
            calls.answer(turn, reply);
            turns.insert(node.id, turn);
            seqs.push(seq);
            let Some(body) = self.plan.run.calls.get(&seq).map(|call| call.request.body.clone()) else { continue };
            let Ok(json) = Json::parse(body) else { continue };
            for shown in &asked.results {
                let (Some(made), Part::ToolResult(result)) =
                    (shown.made, &prompt.messages[shown.message].parts[shown.part])
                else {
                    continue;
                };
                let value = Path::parse(&result.path).ok().and_then(|path| json.root().find(&path));
                if let (Some(seq), Some(value)) = (seqs.get(made.turn), value) {
                    found.entry((*seq, made.place)).or_insert_with(|| value.raw().to_vec());
                }
            }
        }
        self.results_by_call = Some(found);
    }
}

fn request_model(body: &Json) -> Option<String> {
    body.root().text("model")
}
