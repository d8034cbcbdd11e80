//! The canonical form of a request: what must be equal for two requests to be the same call.
//!
//! A request becomes a list of tokens, in which all that makes no difference to the model is
//! written alike; its key is their hash. Tokens remember where they stand, so that two requests can be
//! compared token by token and a difference named by its path. Nothing recurses, so any depth works.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bytes::Bytes;

use crate::text::decimal;
use crate::text::json::{Json, Kind, Path, Ref, decode_into, unmarked};

/// Hash of a canonical request.
pub type Key = [u8; 32];

/// How a value of a request counts.
#[derive(Debug)]
pub enum Rule {
    /// As it stands: keys sorted, numbers by value, strings decoded.
    Keep,
    /// Not at all.
    Drop,
    /// An id that a provider or harness minted: by the order of its first appearance.
    Id,
    /// An earlier response or conversation: an id, where an answer brought it, else as it stands.
    Reference,
    /// A string that holds JSON: as that JSON, where it is some.
    Embedded,
    /// Text, or a list of parts; a list of one plain text part is that text.
    Content(&'static List),
    /// Text, or a list of messages; text is one user message.
    Input(&'static List),
    /// An object; members that are not named are kept.
    Object(&'static [(&'static str, Rule)]),
    /// A list.
    List(&'static List),
}

/// How a list counts.
#[derive(Debug)]
pub struct List {
    /// How its items count.
    pub item: Rule,
    /// Which order counts.
    pub order: Order,
}

/// Which order of a list counts.
#[derive(Debug)]
pub enum Order {
    /// Its own.
    Own,
    /// None: items are sorted by their name.
    ByName,
    /// Its own, but results of tools that stand together are put in the order of their calls.
    Results(fn(Ref<'_>) -> Option<ToolResultAt<'_>>),
    /// As [`Order::Results`]; results of calls that stand in no request, because the provider keeps them, come last
    /// and in the order of their ids: a served call has the id that it was recorded with.
    KeptResults(fn(Ref<'_>) -> Option<ToolResultAt<'_>>),
}

/// Where the result of a tool stands in an item of a list.
#[derive(Debug, Clone, Copy)]
pub struct ToolResultAt<'a> {
    /// Id of the call.
    pub call_id: Ref<'a>,
    /// The result; `None` of a tool that returned nothing.
    pub result: Option<Ref<'a>>,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An object, a list, or JSON inside a string begins (the byte says which).
    Open,
    /// It ends.
    Close,
    /// The key of the next value.
    Key,
    /// Text, as WTF-8.
    Text,
    /// A number, normalised.
    Number,
    /// `true`, `false` or `null`.
    Word,
    /// A protocol id, as its number in order of appearance.
    Id,
    /// The id of an earlier answer, as its number in order of appearance.
    Reference,
    /// Bytes that are no JSON.
    Bytes,
}

/// One token.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    doc: u32,
    item: u32,
    start: u32,
    end: u32,
}

/// A tool result within a canonical request.
#[derive(Debug, Clone)]
pub struct ResultSpan {
    /// Id of the call, verbatim.
    pub call_id: String,
    /// Its tokens.
    pub tokens: Range<usize>,
    /// The result's index in the body.
    pub item: u32,
}

/// A request in canonical form.
#[derive(Debug, Clone)]
pub struct Canonical {
    /// Hash of all tokens.
    pub key: Key,
    /// The tokens.
    pub tokens: Vec<Token>,
    /// Tool results, in order of tokens.
    pub results: Vec<ResultSpan>,
    /// Protocol ids, verbatim, in order of appearance.
    pub ids: Vec<String>,
    /// Numbers of placeholders of secrets, in order of appearance.
    pub secrets: Vec<usize>,
    buffer: Vec<u8>,
    /// The body and the documents inside its strings.
    docs: Vec<Json>,
    /// For each document inside a string: the document and item that holds it.
    holders: Vec<(u32, u32)>,
}

/// A place where two canonical requests differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path in the recorded request, or in the new one where the recorded has no such place.
    pub path: String,
    /// Value of the first request, as it is written; `None` if it has none there.
    pub left: Option<String>,
    /// Value of the second.
    pub right: Option<String>,
}

/// Finds the key of the call that a response or item id names.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Option<Key>;

/// Makes the canonical form of a JSON body. `operation` names dialect and operation.
#[must_use]
pub fn json(operation: &str, rule: &'static Rule, body: Json, resolve: Resolve<'_>) -> Canonical {
    let mut maker = Maker::new(operation, body.bytes().len(), resolve);
    maker.marked = memchr::memmem::find(body.bytes(), b"_SECRET_").is_some() || has_escaped_letters(body.bytes());
    maker.docs.push(body);
    maker.holders.push((0, 0));
    maker.stack.push(Work::Value { doc: 0, item: 0, rule });
    maker.run();
    maker.finish()
}

/// Makes the canonical form of a body that is no JSON: its parts, each a name and its bytes.
#[must_use]
pub fn parts(operation: &str, parts: &[(String, Bytes)]) -> Canonical {
    let mut maker = Maker::new(operation, 64, &|_| None);
    maker.docs.push(Json::parse_text("null").expect("null is JSON"));
    maker.holders.push((0, 0));
    for (name, bytes) in parts {
        maker.push(TokenKind::Key, 0, 0, name.as_bytes());
        maker.push(TokenKind::Bytes, 0, 0, bytes);
    }
    maker.finish()
}

enum Work {
    Value {
        doc: u32,
        item: u32,
        rule: &'static Rule,
    },
    Member {
        doc: u32,
        item: u32,
        rule: &'static Rule,
    },
    Items {
        doc: u32,
        container: u32,
        next: Option<u32>,
        list: &'static List,
    },
    Close(u32, u32),
    /// The result with this place ends.
    EndResult(usize),
    PlainMessage {
        doc: u32,
        item: u32,
    },
}

struct Maker<'a> {
    tokens: Vec<Token>,
    results: Vec<ResultSpan>,
    /// Results of tools that come next, by their item: ids of their calls.
    pending: HashMap<u32, String>,
    ids: HashMap<Vec<u8>, u32>,
    id_list: Vec<String>,
    secrets: HashMap<Vec<u8>, u32>,
    secret_list: Vec<usize>,
    /// Whether there may be placeholders of secrets.
    marked: bool,
    buffer: Vec<u8>,
    docs: Vec<Json>,
    holders: Vec<(u32, u32)>,
    stack: Vec<Work>,
    resolve: Resolve<'a>,
}

const MARK: &[u8] = b"__RETAKE_SECRET_";
static KEEP: Rule = Rule::Keep;

impl<'a> Maker<'a> {
    fn new(operation: &str, capacity: usize, resolve: Resolve<'a>) -> Self {
        let mut maker = Self {
            tokens: Vec::new(),
            results: Vec::new(),
            pending: HashMap::new(),
            ids: HashMap::new(),
            id_list: Vec::new(),
            secrets: HashMap::new(),
            secret_list: Vec::new(),
            marked: false,
            buffer: Vec::with_capacity(capacity),
            docs: Vec::new(),
            holders: Vec::new(),
            stack: Vec::new(),
            resolve,
        };
        maker.push(TokenKind::Word, 0, 0, operation.as_bytes());
        maker
    }

    fn push(&mut self, kind: TokenKind, doc: u32, item: u32, bytes: &[u8]) {
        let start = offset(self.buffer.len());
        self.buffer.extend_from_slice(bytes);
        self.end(kind, doc, item, start);
    }

    /// Ends a token whose bytes were written to the buffer from `start` on.
    fn end(&mut self, kind: TokenKind, doc: u32, item: u32, start: u32) {
        self.tokens.push(Token { kind, doc, item, start, end: offset(self.buffer.len()) });
    }

    fn finish(self) -> Canonical {
        let mut hasher = blake3::Hasher::new();
        let mut frame = Vec::with_capacity(self.tokens.len() * 5);
        for token in &self.tokens {
            frame.push(token.kind as u8);
            frame.extend_from_slice(&(token.end - token.start).to_le_bytes());
        }
        hasher.update(&frame);
        hasher.update(&self.buffer);
        Canonical {
            key: *hasher.finalize().as_bytes(),
            tokens: self.tokens,
            results: self.results,
            ids: self.id_list,
            secrets: self.secret_list,
            buffer: self.buffer,
            docs: self.docs,
            holders: self.holders,
        }
    }

    fn run(&mut self) {
        while let Some(work) = self.stack.pop() {
            match work {
                Work::Value { doc, item, rule } => self.value(doc, item, rule),
                Work::Member { doc, item, rule } => {
                    let start = offset(self.buffer.len());
                    if let Some(key) = self.docs[doc as usize].value(item).raw_key() {
                        decode_into(key, &mut self.buffer);
                    }
                    self.end(TokenKind::Key, doc, item, start);
                    self.value(doc, item, rule);
                }
                Work::Items { doc, container, next, list } => self.items(doc, container, next, list),
                Work::Close(doc, item) => self.push(TokenKind::Close, doc, item, b""),
                Work::EndResult(place) => self.results[place].tokens.end = self.tokens.len(),
                Work::PlainMessage { doc, item } => {
                    self.push(TokenKind::Open, doc, item, b"[");
                    self.push(TokenKind::Open, doc, item, b"{");
                    self.push(TokenKind::Key, doc, item, b"content");
                    self.text(doc, item);
                    self.push(TokenKind::Key, doc, item, b"role");
                    self.push(TokenKind::Text, doc, item, b"user");
                    self.push(TokenKind::Close, doc, item, b"");
                    self.push(TokenKind::Close, doc, item, b"");
                }
            }
        }
    }

    fn value(&mut self, doc: u32, item: u32, rule: &'static Rule) {
        if doc == 0
            && !self.pending.is_empty()
            && let Some(call_id) = self.pending.remove(&item)
        {
            self.stack.push(Work::EndResult(self.results.len()));
            let start = self.tokens.len();
            self.results.push(ResultSpan { call_id, tokens: start..start, item });
        }
        let value = self.docs[doc as usize].value(item);
        match (rule, value.kind()) {
            (Rule::Drop, _) => {}
            (Rule::Id, Kind::String) => {
                let id = value.as_bytes().unwrap_or_default();
                let number = match self.ids.get(&*id) {
                    Some(number) => *number,
                    None => self.id_number(id.into_owned()),
                };
                self.push(TokenKind::Id, doc, item, &number.to_le_bytes());
            }
            (Rule::Reference, Kind::String) => {
                let id = value.as_bytes().unwrap_or_default();
                // What only the provider knows counts as it stands.
                if (self.resolve)(&String::from_utf8_lossy(&id)).is_none() {
                    self.text(doc, item);
                } else {
                    let number = match self.ids.get(&*id) {
                        Some(number) => *number,
                        None => self.id_number(id.into_owned()),
                    };
                    self.push(TokenKind::Reference, doc, item, &number.to_le_bytes());
                }
            }
            (Rule::Embedded, Kind::String) => {
                let text = value.as_bytes().unwrap_or_default().into_owned();
                // A reader of arguments takes no byte order mark: with one they are text.
                let is_marked = unmarked(&text).len() < text.len();
                match Json::parse(Bytes::from(text)) {
                    Ok(inner) if !is_marked => {
                        let place = offset(self.docs.len());
                        self.docs.push(inner);
                        self.holders.push((doc, item));
                        self.push(TokenKind::Open, doc, item, b"\"");
                        self.stack.push(Work::Close(doc, item));
                        self.stack.push(Work::Value { doc: place, item: 0, rule: &KEEP });
                    }
                    _ => self.text(doc, item),
                }
            }
            (Rule::Input(_), Kind::String) => self.stack.push(Work::PlainMessage { doc, item }),
            (Rule::Content(list), Kind::Array) => match plain_text(value) {
                Some(text) => {
                    let text = text.index();
                    self.text(doc, text);
                }
                None => self.open_list(doc, item, list),
            },
            (Rule::List(list) | Rule::Input(list), Kind::Array) => self.open_list(doc, item, list),
            (Rule::Object(members), Kind::Object) => self.object(doc, item, members),
            (_, Kind::Object) => self.object(doc, item, &[]),
            (_, Kind::Array) => self.open_list(doc, item, &PLAIN),
            (_, Kind::String) => self.text(doc, item),
            (_, Kind::Number) => {
                let start = offset(self.buffer.len());
                decimal::normal_into(value.raw(), &mut self.buffer);
                self.end(TokenKind::Number, doc, item, start);
            }
            (_, Kind::Bool | Kind::Null) => {
                let start = offset(self.buffer.len());
                self.buffer.extend_from_slice(value.raw());
                self.end(TokenKind::Word, doc, item, start);
            }
        }
    }

    /// The number of an id that was not seen before.
    fn id_number(&mut self, id: Vec<u8>) -> u32 {
        let number = offset(self.ids.len());
        self.id_list.push(String::from_utf8_lossy(&id).into_owned());
        self.ids.insert(id, number);
        number
    }

    /// Pushes text; placeholders of secrets are numbered anew in order of appearance.
    fn text(&mut self, doc: u32, item: u32) {
        let start = offset(self.buffer.len());
        let value = self.docs[doc as usize].value(item);
        if value.kind() == Kind::String {
            decode_into(value.raw(), &mut self.buffer);
        }
        if self.marked && memchr::memmem::find(&self.buffer[start as usize..], MARK).is_some() {
            let text = self.buffer.split_off(start as usize);
            self.marked_text(&text);
        }
        self.end(TokenKind::Text, doc, item, start);
    }

    fn marked_text(&mut self, text: &[u8]) {
        let Self { buffer, secrets, secret_list, .. } = self;
        let mut at = 0;
        while let Some(found) = memchr::memmem::find(&text[at..], MARK) {
            let digits = at + found + MARK.len();
            let end = text[digits..].iter().position(|byte| !byte.is_ascii_digit()).map_or(text.len(), |n| n + digits);
            buffer.extend_from_slice(&text[at..digits]);
            let next = offset(secrets.len());
            let number = *secrets.entry(text[digits..end].to_vec()).or_insert_with(|| {
                let written = std::str::from_utf8(&text[digits..end]).ok().and_then(|digits| digits.parse().ok());
                secret_list.push(written.unwrap_or_default());
                next
            });
            buffer.extend_from_slice(number.to_string().as_bytes());
            at = end;
        }
        buffer.extend_from_slice(&text[at..]);
    }

    fn object(&mut self, doc: u32, item: u32, rules: &'static [(&'static str, Rule)]) {
        self.push(TokenKind::Open, doc, item, b"{");
        self.stack.push(Work::Close(doc, item));
        let Self { docs, stack, .. } = self;
        let json = &docs[doc as usize];
        let first = stack.len();
        for member in json.value(item).items() {
            let rule = rules.iter().find(|(name, _)| member.is_key(name)).map_or(&KEEP, |(_, rule)| rule);
            if !matches!(rule, Rule::Drop) {
                stack.push(Work::Member { doc, item: member.index(), rule });
            }
        }
        // Those of one key keep their order; the last of the stack is done first.
        stack[first..].sort_by(|left, right| match (left, right) {
            (Work::Member { item: left, .. }, Work::Member { item: right, .. }) => {
                json.value(*left).key().cmp(&json.value(*right).key())
            }
            _ => std::cmp::Ordering::Equal,
        });
        stack[first..].reverse();
    }

    fn open_list(&mut self, doc: u32, item: u32, list: &'static List) {
        self.push(TokenKind::Open, doc, item, b"[");
        self.stack.push(Work::Close(doc, item));
        let value = self.docs[doc as usize].value(item);
        if let Order::ByName = list.order {
            let mut items: Vec<(Vec<u8>, u32)> =
                value.items().map(|item| (name_of(item).unwrap_or_default(), item.index())).collect();
            items.sort_by(|left, right| left.0.cmp(&right.0));
            for (_, item) in items.into_iter().rev() {
                self.stack.push(Work::Value { doc, item, rule: &list.item });
            }
            return;
        }
        let next = value.items().next().map(Ref::index);
        self.stack.push(Work::Items { doc, container: item, next, list });
    }

    fn items(&mut self, doc: u32, container: u32, next: Option<u32>, list: &'static List) {
        let Some(next) = next else { return };
        let json = &self.docs[doc as usize];
        let first = json.value(next);
        if let Order::Results(result_of) | Order::KeptResults(result_of) = list.order
            && result_of(first).is_some()
        {
            let by_id = matches!(list.order, Order::KeptResults(_));
            let mut run: Vec<(u32, u32, Option<u32>, String)> = Vec::new();
            let mut after = None;
            let mut at = Some(first);
            while let Some(item) = at {
                let Some(found) = result_of(item) else {
                    after = Some(item.index());
                    break;
                };
                let id = found.call_id.as_bytes().unwrap_or_default();
                let rank = self.ids.get(&*id).copied().unwrap_or(u32::MAX);
                let result = found.result.map(Ref::index);
                run.push((rank, item.index(), result, String::from_utf8_lossy(&id).into_owned()));
                at = item.next();
            }
            run.sort_by(|(left, .., one), (right, .., other)| {
                let unknown = by_id && *left == u32::MAX && *right == u32::MAX;
                left.cmp(right).then_with(|| if unknown { one.cmp(other) } else { std::cmp::Ordering::Equal })
            });
            self.stack.push(Work::Items { doc, container, next: after, list });
            for (_, item, result, call_id) in run.into_iter().rev() {
                if let Some(result) = result.filter(|_| doc == 0) {
                    self.pending.insert(result, call_id);
                }
                self.stack.push(Work::Value { doc, item, rule: &list.item });
            }
            return;
        }
        let after = first.next().map(Ref::index);
        self.stack.push(Work::Items { doc, container, next: after, list });
        self.stack.push(Work::Value { doc, item: next, rule: &list.item });
    }
}

/// Whether a letter is written as `\u0041`, so that a mark may hide in the escapes.
fn has_escaped_letters(body: &[u8]) -> bool {
    memchr::memmem::find_iter(body, b"\\u00").any(|at| matches!(body.get(at + 4), Some(b'2'..=b'7')))
}

static PLAIN: List = List { item: Rule::Keep, order: Order::Own };

/// The text of a list that holds one plain text part and nothing else that counts.
fn plain_text(list: Ref<'_>) -> Option<Ref<'_>> {
    let mut items = list.items();
    let part = items.next()?;
    if items.next().is_some() || part.kind() != Kind::Object {
        return None;
    }
    let mut text = None;
    for member in part.items() {
        match &*member.key()? {
            b"type" if matches!(member.as_str().as_deref(), Some("text" | "input_text" | "output_text")) => {}
            b"text" if member.kind() == Kind::String => text = Some(member),
            b"cache_control" => {}
            _ => return None,
        }
    }
    text
}

fn name_of(tool: Ref<'_>) -> Option<Vec<u8>> {
    let name = tool.get("name").or_else(|| tool.get("function")?.get("name")).or_else(|| tool.get("type"))?;
    name.as_bytes().map(std::borrow::Cow::into_owned)
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Canonical {
    /// The bytes of a token.
    #[must_use]
    pub fn bytes(&self, token: &Token) -> &[u8] {
        &self.buffer[token.start as usize..token.end as usize]
    }

    /// Whether a token is the same as one of another request.
    #[must_use]
    pub fn same_token(&self, token: &Token, other: &Self, theirs: &Token) -> bool {
        token.kind == theirs.kind && self.bytes(token) == other.bytes(theirs)
    }

    /// Where a token stands, as `--set` and `--ignore` write it.
    #[must_use]
    pub fn path(&self, token: &Token) -> String {
        let mut steps = self.docs[token.doc as usize].value(token.item).path().0;
        let mut doc = token.doc;
        while doc != 0 {
            let (holder, item) = self.holders[doc as usize];
            let mut outer = self.docs[holder as usize].value(item).path().0;
            outer.append(&mut steps);
            steps = outer;
            doc = holder;
        }
        Path(steps).to_string()
    }

    /// The value at a token, as it is written.
    #[must_use]
    pub fn written(&self, token: &Token) -> String {
        let value = self.docs[token.doc as usize].value(token.item);
        match token.kind {
            TokenKind::Bytes => format!("{} bytes", token.end - token.start),
            TokenKind::Word if token.item == 0 && value.kind() != Kind::Bool => {
                String::from_utf8_lossy(self.bytes(token)).into_owned()
            }
            TokenKind::Key => String::from_utf8_lossy(self.bytes(token)).into_owned(),
            _ => value.raw_str().into_owned(),
        }
    }

    /// The body's document.
    #[must_use]
    pub fn body(&self) -> &Json {
        &self.docs[0]
    }

    /// Places where this request and another differ, at most `limit`, first ones first.
    /// Where the structure differs, the first such place ends the list.
    #[must_use]
    pub fn differences(&self, other: &Self, limit: usize) -> Vec<Difference> {
        let mut found = Vec::new();
        for pair in Pairs::new(self, other) {
            if found.len() >= limit {
                break;
            }
            found.push(match pair {
                Pair::Values(left, right) => Difference {
                    path: self.path(left),
                    left: Some(self.written(left)),
                    right: Some(other.written(right)),
                },
                Pair::Structure(left, right) => {
                    let path = match (left, right) {
                        (Some(left), _) if left.kind != TokenKind::Close => self.path(left),
                        (_, Some(right)) if right.kind != TokenKind::Close => other.path(right),
                        (Some(left), _) => self.path(left),
                        (_, Some(right)) => other.path(right),
                        (None, None) => String::new(),
                    };
                    let value = |canonical: &Self, token: Option<&Token>| {
                        token.filter(|token| token.kind != TokenKind::Close).map(|token| {
                            let value = canonical.docs[token.doc as usize].value(token.item);
                            value.raw_str().into_owned()
                        })
                    };
                    let (mut before, mut after) = (value(self, left), value(other, right));
                    // A key that only one side has: the other side goes on with a later key.
                    if let (Some(left), Some(right)) = (left, right)
                        && left.kind == TokenKind::Key
                        && right.kind == TokenKind::Key
                    {
                        if self.bytes(left) < other.bytes(right) {
                            after = None;
                        } else {
                            before = None;
                        }
                        let path = if before.is_some() { self.path(left) } else { other.path(right) };
                        found.push(Difference { path, left: before, right: after });
                        return found;
                    }
                    Difference { path, left: before, right: after }
                }
            });
        }
        found
    }
}

/// Two tokens that differ.
#[derive(Debug)]
pub enum Pair<'a> {
    /// Leaves in the same place.
    Values(&'a Token, &'a Token),
    /// Here one has what the other has not; comparing goes no further.
    Structure(Option<&'a Token>, Option<&'a Token>),
}

/// Walks two canonical requests side by side and yields what differs.
#[derive(Debug)]
pub struct Pairs<'a> {
    left: &'a Canonical,
    right: &'a Canonical,
    at: usize,
    over: bool,
}

impl<'a> Pairs<'a> {
    /// Begins at the first token.
    #[must_use]
    pub fn new(left: &'a Canonical, right: &'a Canonical) -> Self {
        Self { left, right, at: 0, over: false }
    }

    /// Index of the token after the last pair.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        while !self.over {
            let (left, right) = (self.left.tokens.get(self.at), self.right.tokens.get(self.at));
            let (Some(left), Some(right)) = (left, right) else {
                self.over = true;
                return (left.is_some() || right.is_some()).then_some(Pair::Structure(left, right));
            };
            self.at += 1;
            if self.left.same_token(left, self.right, right) {
                continue;
            }
            let leaf = |kind| !matches!(kind, TokenKind::Open | TokenKind::Close | TokenKind::Key);
            if leaf(left.kind) && leaf(right.kind) {
                return Some(Pair::Values(left, right));
            }
            self.over = true;
            return Some(Pair::Structure(Some(left), Some(right)));
        }
        None
    }
}

/// Text words that differ between sets, for finding the nearest of several requests.
#[must_use]
pub fn likeness(left: &Canonical, right: &Canonical) -> f64 {
    let words = |canonical: &Canonical| -> HashSet<Key> {
        canonical
            .tokens
            .iter()
            .filter(|token| !matches!(token.kind, TokenKind::Open | TokenKind::Close | TokenKind::Key))
            .map(|token| *blake3::hash(canonical.bytes(token)).as_bytes())
            .collect()
    };
    let (left, right) = (words(left), words(right));
    let common = left.intersection(&right).count();
    let all = left.len() + right.len() - common;
    #[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^52")]
    let share = common as f64 / all.max(1) as f64;
    share
}
