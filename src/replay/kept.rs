//! State that only the provider keeps, as this replay knows it: responses and conversations, and how a
//! request that refers to them is written out.

use std::collections::{HashMap, HashSet};

use super::outgoing::Origin;
use crate::model::Run;
use crate::model::event::Request;
use crate::text::json::{Edit, Json, Kind, Ref, quote};
use crate::wire::{self, Dialect, Kept as Call};

/// A call of this replay whose answer is awaited.
#[derive(Debug)]
pub(super) struct Asked {
    /// As the agent made it.
    pub(super) request: Request,
    /// The body that the provider gets, or got in the recording.
    pub(super) body: bytes::Bytes,
    /// Whether that holds the conversation instead of a reference to it.
    pub(super) written_out: bool,
}

/// A request that carries what it referred to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrittenOut {
    pub(super) body: Vec<u8>,
    /// Where it goes, if elsewhere.
    pub(super) path: Option<String>,
    pub(super) note: String,
}

/// Responses and conversations.
#[derive(Debug, Default)]
pub(super) struct Kept {
    responses: HashMap<String, Response>,
    /// Places of conversations by their ids: one that was written out goes on under each id that it got.
    places: HashMap<String, usize>,
    conversations: Vec<Conversation>,
    /// Conversations that the recording goes on with.
    recorded: HashSet<String>,
}

#[derive(Debug)]
struct Response {
    request: Json,
    answer: Json,
    from: Origin,
}

#[derive(Debug, Default)]
struct Conversation {
    /// All items or entries, in order, as a request can carry them.
    items: Vec<Item>,
    /// The members of the request that began it and hold for all of it (Mistral).
    terms: Vec<Member>,
    /// Something in it is not as it was recorded.
    changed: bool,
    /// It was begun in this replay, so that the provider has it as it is here.
    live: bool,
    /// Why it cannot be written out.
    lacks: Option<String>,
}

#[derive(Debug, Clone)]
struct Item {
    /// Its id at the provider, whether or not it is written.
    id: Option<String>,
    raw: Vec<u8>,
}

/// A member of an object: its key, and all of it as it is written.
type Member = (String, Vec<u8>);

/// Members of a request that hold for its own call only.
const OF_ONE_CALL: &[&str] = &["inputs", "stream", "tool_confirmations", "from_entry_id"];

impl Kept {
    /// Notes which conversations the recording goes on with.
    pub(super) fn new(run: &Run) -> Self {
        let mut kept = Self::default();
        for call in run.calls.values() {
            let body = Json::parse(call.request.body.clone()).ok();
            kept.recorded.extend(conversation(&call.request, body.as_ref()));
        }
        kept
    }

    /// Whether the provider's side of what a request refers to is not as it was recorded.
    pub(super) fn is_changed(&self, request: &Request, body: &Json) -> bool {
        let conversation = conversation(request, Some(body)).and_then(|id| self.conversation(&id));
        conversation.is_some_and(|conversation| conversation.changed)
            || self.chain(body).0.iter().any(|response| response.from != Origin::Recorded)
            || references(body).any(|(_, id)| self.item(&id).is_some_and(|(from, _)| from != Origin::Recorded))
    }

    /// Why a call on a conversation itself may be neither served nor sent.
    pub(super) fn forbidden(&self, request: &Request, found: bool) -> Option<String> {
        let call = wire::kept(&request.provider, &request.method, &request.path)?;
        if wire::recognise(&request.provider, &request.method, &request.path).is_some() {
            return None;
        }
        let id = call.id()?;
        let known = self.conversation(id);
        if known.is_some_and(|known| known.live) || !(known.is_some() || self.recorded.contains(id)) {
            return None;
        }
        let changed = known.is_some_and(|known| known.changed);
        let reads = request.method.eq_ignore_ascii_case("GET");
        if found && !(changed && reads) {
            return None;
        }
        let does = if reads { "reads" } else { "changes" };
        Some(format!("it {does} the conversation `{id}`, which the provider does not have as it is in this replay"))
    }

    /// Remembers a call and its answer, the body that a call without streaming gets.
    pub(super) fn remember(&mut self, asked: &Asked, answer: Option<&Json>, from: Origin) {
        let request = &asked.request;
        let call = wire::kept(&request.provider, &request.method, &request.path);
        let sent = Json::parse(asked.body.clone()).ok();
        match (call, answer, sent) {
            (Some(Call::Remove(id, item)), ..) => {
                if let Some(conversation) = self.conversation_mut(id) {
                    conversation.items.retain(|known| known.id.as_deref() != Some(item));
                    conversation.changed |= from != Origin::Recorded;
                }
            }
            (Some(Call::Add(id)), Some(answer), _) => {
                if let Some(conversation) = self.conversation_mut(id) {
                    conversation.items.extend(answer.root().get("data").into_iter().flat_map(Ref::items).map(item));
                    conversation.changed |= from != Origin::Recorded;
                }
            }
            (Some(Call::Begin), Some(answer), sent) if answer.root().get("conversation_id").is_none() => {
                let Some(id) = answer.root().text("id") else { return };
                let given = sent.as_ref().and_then(|sent| sent.root().get("items"));
                let items = given.into_iter().flat_map(Ref::items).map(item).collect();
                let live = from == Origin::Live;
                self.begin(id, Conversation { items, live, changed: live, ..Conversation::default() });
            }
            (Some(Call::Begin | Call::Append(_) | Call::Restart(_)), Some(answer), Some(sent)) => {
                self.converse(asked, call.and_then(Call::id), &sent, answer, from);
            }
            (None, Some(answer), Some(sent)) if answer.root().get("output").is_some() => {
                self.respond(asked, sent, answer, from);
            }
            _ => {}
        }
    }

    fn respond(&mut self, asked: &Asked, sent: Json, answer: &Json, from: Origin) {
        let agents = Json::parse(asked.request.body.clone()).ok();
        let place = conversation(&asked.request, agents.as_ref()).and_then(|id| self.places.get(&id).copied());
        if let Some(conversation) = place.map(|place| &mut self.conversations[place]) {
            conversation.take(inputs(sent.root().get("input"), false), asked.written_out);
            conversation.items.extend(outputs(answer, from));
            conversation.changed |= from != Origin::Recorded;
        }
        if let Some(id) = answer.root().text("id") {
            self.responses.insert(id, Response { request: sent, answer: answer.clone(), from });
        }
    }

    /// An answer of Mistral's to a conversation's beginning, going on or branch.
    fn converse(&mut self, asked: &Asked, before: Option<&str>, sent: &Json, answer: &Json, from: Origin) {
        let Some(id) = answer.root().text("conversation_id") else { return };
        let brought = inputs(sent.root().get("inputs"), true);
        let entry = Json::parse(asked.request.body.clone()).ok().and_then(|json| json.root().text("from_entry_id"));
        let place = before.and_then(|before| self.places.get(before).copied());
        let goes_on = before.is_some() && entry.is_none();
        if goes_on && let Some(place) = place {
            let conversation = &mut self.conversations[place];
            conversation.take(brought, asked.written_out);
            conversation.items.extend(outputs(answer, from));
            conversation.changed |= from != Origin::Recorded;
            self.places.insert(id, place);
            return;
        }
        let mut conversation = Conversation::default();
        if let (false, Some(before)) = (asked.written_out, before) {
            match (place, &entry) {
                (Some(place), Some(entry)) => {
                    let known = &self.conversations[place];
                    conversation.terms.clone_from(&known.terms);
                    conversation.lacks.clone_from(&known.lacks);
                    match up_to(&known.items, entry) {
                        Some(items) => conversation.items.extend_from_slice(items),
                        None => conversation.lacks = Some(format!("its entry `{entry}` is not on the recording")),
                    }
                }
                _ => conversation.lacks = Some(format!("`{before}` began before the recording")),
            }
        }
        merge(&mut conversation.terms, members(sent.root(), OF_ONE_CALL));
        conversation.items.extend(brought.into_iter().chain(outputs(answer, from)));
        conversation.changed = from != Origin::Recorded;
        conversation.live = from == Origin::Live && !asked.written_out;
        self.begin(id, conversation);
    }

    fn begin(&mut self, id: String, conversation: Conversation) {
        self.places.insert(id, self.conversations.len());
        self.conversations.push(conversation);
    }

    fn conversation(&self, id: &str) -> Option<&Conversation> {
        self.places.get(id).map(|place| &self.conversations[*place])
    }

    fn conversation_mut(&mut self, id: &str) -> Option<&mut Conversation> {
        self.places.get(id).map(|place| &mut self.conversations[*place])
    }

    /// The responses that a request goes on from, latest first, and the id of one that is not known.
    fn chain(&self, body: &Json) -> (Vec<&Response>, Option<String>) {
        let mut chain = Vec::new();
        let mut id = body.root().text("previous_response_id");
        while let Some(name) = id {
            let Some(response) = self.responses.get(&name).filter(|_| chain.len() <= self.responses.len()) else {
                return (chain, Some(name));
            };
            chain.push(response);
            id = response.request.root().text("previous_response_id");
        }
        (chain, None)
    }

    /// An item of an answer, and where that came from.
    fn item(&self, id: &str) -> Option<(Origin, Ref<'_>)> {
        self.responses.values().find_map(|response| {
            let mut items = response.answer.root().get("output")?.items();
            Some((response.from, items.find(|item| item.text("id").as_deref() == Some(id))?))
        })
    }

    /// Writes out what a request refers to, where the provider does not have it as it is in this replay.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) fn write_out(&self, request: &Request, body: &Json) -> Result<Option<WrittenOut>, String> {
        if let Some(id) = conversation(request, Some(body)) {
            match self.conversation(&id) {
                Some(known) if !known.live => return write_conversation(known, request, body),
                None if self.recorded.contains(&id) => {
                    return Err(format!(
                        "its conversation `{id}` began before the recording, so it cannot be written out, and the provider has it as the recording left it"
                    ));
                }
                _ => {}
            }
        }
        let edits: Vec<Edit> = references(body)
            .filter_map(|(reference, id)| {
                let (from, item) = self.item(&id)?;
                (from == Origin::Edited).then(|| Edit { span: reference.span(), with: without_id(item) })
            })
            .collect();
        let (chain, unknown) = self.chain(body);
        // A live response holds all that was before it, as it was sent.
        let stale = chain.iter().take_while(|response| response.from != Origin::Live).any(|r| r.from == Origin::Edited);
        let note = "the conversation that the provider keeps was written out, as an answer in it was edited".to_owned();
        let spliced = if edits.is_empty() { body.clone() } else { parsed(body.splice(edits))? };
        if !stale {
            let touched = spliced.bytes() != body.bytes();
            return Ok(touched.then(|| WrittenOut { body: spliced.bytes().to_vec(), path: None, note }));
        }
        if let Some(unknown) = unknown {
            return Err(format!(
                "it goes on from `{unknown}`, which is not on the recording, so it cannot be written out"
            ));
        }
        let mut items: Vec<Item> = Vec::new();
        for response in chain.iter().rev() {
            items.extend(inputs(response.request.root().get("input"), false));
            items.extend(outputs(&response.answer, response.from));
        }
        items.extend(inputs(spliced.root().get("input"), false));
        let body = object(members(spliced.root(), &["previous_response_id", "input"]), "input", &items);
        Ok(Some(WrittenOut { body, path: None, note }))
    }
}

fn write_conversation(known: &Conversation, request: &Request, body: &Json) -> Result<Option<WrittenOut>, String> {
    let root = body.root();
    let Some(id) = conversation(request, Some(body)) else { return Ok(None) };
    let call = wire::kept(&request.provider, &request.method, &request.path);
    let branches = matches!(call, Some(Call::Restart(_)));
    // Unlike a conversation, its past does not move: a branch of an untouched one is the provider's to make.
    if branches && !known.changed {
        return Ok(None);
    }
    if let Some(lacks) = &known.lacks {
        return Err(format!("its conversation `{id}` cannot be written out: {lacks}"));
    }
    let why = if known.changed {
        "it is not there as it is in this replay"
    } else {
        "what the recording brought later is in it there"
    };
    let Some(_) = call else {
        let mut items = known.items.clone();
        items.extend(inputs(root.get("input"), false));
        let body = object(members(root, &["conversation", "input"]), "input", &items);
        let note = format!("the conversation `{id}` that the provider keeps was written out: {why}");
        return Ok(Some(WrittenOut { body, path: None, note }));
    };
    if root.get("tool_confirmations").is_some_and(|value| !value.is_null() && !value.is_empty()) {
        return Err(format!("it confirms tool calls in `{id}`, which only the provider has"));
    }
    let mut items = known.items.clone();
    if let (true, Some(entry)) = (branches, root.text("from_entry_id")) {
        let start = up_to(&items, &entry);
        items = start
            .map(<[Item]>::to_vec)
            .ok_or_else(|| format!("it branches from entry `{entry}` of `{id}`, which is not on the recording"))?;
    }
    items.extend(inputs(root.get("inputs"), true));
    let mut terms = known.terms.clone();
    merge(&mut terms, members(root, &["inputs", "from_entry_id", "tool_confirmations"]));
    let path = wire::beginning(&request.path).map(str::to_owned);
    let note = format!("the conversation `{id}` that the provider keeps was written out and sent as a new one: {why}");
    Ok(Some(WrittenOut { body: object(terms, "inputs", &items), path, note }))
}
impl Conversation {
    /// Takes what a call brought: new items, or all of them where it was written out. Items whose ids are not
    /// written keep them, as the agent may name them.
    fn take(&mut self, mut brought: Vec<Item>, all: bool) {
        if all {
            let mut known = std::mem::take(&mut self.items);
            for item in brought.iter_mut().filter(|item| item.id.is_none()) {
                item.id = known.iter_mut().find(|known| known.raw == item.raw).and_then(|known| known.id.take());
            }
        }
        self.items.append(&mut brought);
    }
}

/// The conversation that a request goes on with.
fn conversation(request: &Request, body: Option<&Json>) -> Option<String> {
    if let Some(call) = wire::kept(&request.provider, &request.method, &request.path) {
        return call.id().map(str::to_owned);
    }
    let named = wire::recognise(&request.provider, &request.method, &request.path).map(Dialect::name);
    let conversation = body.filter(|_| named == Some("openai-responses"))?.root().get("conversation")?;
    conversation.as_str().map(std::borrow::Cow::into_owned).or_else(|| conversation.text("id"))
}

/// The references to items in a request, with their ids.
fn references(body: &Json) -> impl Iterator<Item = (Ref<'_>, String)> {
    let items = body.root().get("input").into_iter().flat_map(Ref::items);
    let references = items.filter(|item| item.text("type").as_deref() == Some("item_reference"));
    references.filter_map(|item| Some((item, item.text("id")?)))
}

fn up_to<'a>(items: &'a [Item], id: &str) -> Option<&'a [Item]> {
    items.iter().position(|item| item.id.as_deref() == Some(id)).map(|place| &items[..=place])
}

fn parsed(bytes: Vec<u8>) -> Result<Json, String> {
    Json::parse(bytes).map_err(|error| error.to_string())
}

fn item(value: Ref<'_>) -> Item {
    Item { id: value.text("id"), raw: value.raw().to_vec() }
}

/// The items of an input; a plain text is one message of the user.
fn inputs(input: Option<Ref<'_>>, entries: bool) -> Vec<Item> {
    let Some(input) = input else { return Vec::new() };
    let Some(text) = input.as_str() else { return input.items().map(item).collect() };
    let head = if entries { r#""object":"entry","type":"message.input","# } else { "" };
    let raw = format!(r#"{{{head}"role":"user","content":{}}}"#, quote(&text)).into_bytes();
    vec![Item { id: None, raw }]
}

/// What an answer said, as items of a later request. Reasoning that only the provider can read goes, and with
/// it the ids that tie other items to it; so do the ids of what was edited.
fn outputs(answer: &Json, from: Origin) -> Vec<Item> {
    let root = answer.root();
    let Some(output) = root.get("output").or_else(|| root.get("outputs")) else { return Vec::new() };
    let edited = from == Origin::Edited;
    let is_reasoning = |item: &Ref<'_>| item.text("type").as_deref() == Some("reasoning");
    let sealed = |item: &Ref<'_>| item.get("encrypted_content").is_some_and(|sealed| !sealed.is_null());
    let goes = |item: &Ref<'_>| is_reasoning(item) && (edited || !sealed(item));
    let untied = edited || output.items().any(|item| goes(&item));
    output
        .items()
        .filter(|item| !goes(item))
        .map(|item| Item { id: item.text("id"), raw: if untied { without_id(item) } else { item.raw().to_vec() } })
        .collect()
}

/// The members of an object but for some.
fn members(object: Ref<'_>, but: &[&str]) -> Vec<Member> {
    let bytes = object.doc().bytes();
    object
        .items()
        .filter_map(|member| {
            let key = String::from_utf8_lossy(&member.key()?).into_owned();
            (!but.contains(&key.as_str())).then(|| (key, bytes[member.member_span()].to_vec()))
        })
        .collect()
}

/// Puts later members over earlier ones.
fn merge(members: &mut Vec<Member>, later: Vec<Member>) {
    members.retain(|(key, _)| !later.iter().any(|(other, _)| other == key));
    members.extend(later);
}

/// An object of these members and a list.
fn object(members: Vec<Member>, list: &str, items: &[Item]) -> Vec<u8> {
    let items: Vec<&[u8]> = items.iter().map(|item| item.raw.as_slice()).collect();
    let last = [format!("{}:[", quote(list)).into_bytes(), items.join(&b","[..]), b"]".to_vec()].concat();
    let members: Vec<Vec<u8>> = members.into_iter().map(|(_, member)| member).chain([last]).collect();
    [b"{".to_vec(), members.join(&b","[..]), b"}".to_vec()].concat()
}

/// An item without its id.
pub(super) fn without_id(item: Ref<'_>) -> Vec<u8> {
    if item.kind() != Kind::Object {
        return item.raw().to_vec();
    }
    let members: Vec<Vec<u8>> = members(item, &["id"]).into_iter().map(|(_, member)| member).collect();
    [b"{".to_vec(), members.join(&b","[..]), b"}".to_vec()].concat()
}
