//! The redactor of a run: what it looks for, and the numbers it has given.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::coding::{Decoded, percent_decoded};
use super::event::Held;
use super::fields::{self, Origin};
use super::forms::{Form, units};
use super::known::Known;
use super::mark::{self, marks};
use super::names::{self, Field, Header};
use super::phrase::secret_part;
use super::scan::{Hit, Source, looks};
use super::stream::channels;
use crate::model::Micros;
use crate::model::event::{Headers, Seq};
use crate::text::json::{Json, Kind};

/// A value that a name gave away is looked for everywhere from then on if it is at least this long.
const WORTH_KNOWING: usize = 12;

/// No more than this many such values are looked for.
const MOST_LEARNED: usize = 256;

/// What the user adds to what is never written.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    patterns: Vec<Regex>,
    names: Vec<String>,
}

/// A pattern of the user's that is not one.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not a regular expression")]
pub struct Error {
    /// The pattern.
    pub pattern: String,
    /// Why.
    pub source: Box<regex::Error>,
}

impl Rules {
    /// Patterns (regular expressions; the first group, else the whole match) and names of headers, query
    /// parameters and JSON fields.
    ///
    /// # Errors
    /// The first pattern that is none.
    pub fn new(patterns: &[String], names: &[String]) -> Result<Self, Error> {
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|source| Error { pattern: pattern.clone(), source: Box::new(source) })
        };
        let names = names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        Ok(Self { patterns: patterns.iter().map(compile).collect::<Result<_, _>>()?, names })
    }

    fn names(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Replaces secrets by placeholders; equal ones have one number. It is one run's, for all of its calls.
pub struct Redactor {
    known: Known,
    /// Names of the variables whose values are known.
    variables: HashMap<Vec<u8>, String>,
    rules: Rules,
    table: Mutex<Table>,
    learned: RwLock<Arc<Vec<Finder<'static>>>>,
    pub(super) held: Mutex<HashMap<Seq, Held>>,
    pub(super) output: Mutex<[Vec<(Micros, Bytes)>; 3]>,
}

/// Numbers and the secrets they stand for. It lives in memory only.
#[derive(Default)]
pub(super) struct Table {
    numbers: HashMap<Vec<u8>, usize>,
    secrets: BTreeMap<usize, Vec<u8>>,
    /// The variables that they are the values of.
    pub(super) origins: BTreeMap<usize, String>,
    /// Those of them that no note told yet.
    pub(super) untold: BTreeSet<usize>,
    last: usize,
}

/// Shows how many secrets there were and none of them.
impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Redactor({} secrets)", self.table().secrets.len())
    }
}

/// A replacement of a range of a text.
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) with: Vec<u8>,
    /// Where the secret begins of which this is a part.
    pub(super) begins: usize,
}

impl Redactor {
    /// A redactor that knows these credentials (names of variables and their values) and the user's rules.
    #[must_use]
    pub fn new(known: &[(String, String)], rules: &Rules) -> Self {
        Self {
            known: Known::new(known.iter().map(|(_, value)| value.as_str())),
            variables: known.iter().rev().map(|(name, value)| (value.clone().into_bytes(), name.clone())).collect(),
            rules: rules.clone(),
            table: Mutex::default(),
            learned: RwLock::default(),
            held: Mutex::default(),
            output: Mutex::default(),
        }
    }

    /// Gives no number up to this one, so that placeholders of a replayed recording stay apart from new ones.
    pub fn reserve(&self, last: usize) {
        let mut table = self.table();
        table.last = table.last.max(last);
    }

    /// The secret with this number, as text.
    #[must_use]
    pub fn secret(&self, number: usize) -> Option<String> {
        self.table().secrets.get(&number).map(|secret| String::from_utf8_lossy(secret).into_owned())
    }

    /// The variable whose value the secret with this number is.
    #[must_use]
    pub fn variable(&self, number: usize) -> Option<String> {
        self.table().origins.get(&number).cloned()
    }

    /// How many secrets were replaced so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table().secrets.len()
    }

    /// Headers without credentials. Names, order and everything else stay.
    #[must_use]
    pub fn headers(&self, headers: &Headers) -> Headers {
        headers.iter().map(|(name, value)| (name.clone(), self.header(name, value))).collect()
    }

    fn header(&self, name: &str, value: &str) -> String {
        if self.rules.names(name) {
            return self.named(value, value.as_bytes());
        }
        match names::header(name) {
            Some(Header::Authorization) => {
                let (scheme, secret) = value.split_at(names::after_scheme(value.as_bytes()));
                format!("{scheme}{}", self.named(secret, secret.as_bytes()))
            }
            // A count of tokens is none.
            Some(Header::Secret) if value.parse::<f64>().is_ok() => value.to_owned(),
            Some(Header::Secret) => self.named(value, value.as_bytes()),
            Some(Header::Cookie) => {
                let pairs: Vec<String> = value.split("; ").map(|pair| self.cookie(pair)).collect();
                pairs.join("; ")
            }
            Some(Header::SetCookie) => match value.split_once(';') {
                Some((pair, attributes)) => format!("{};{attributes}", self.cookie(pair)),
                None => self.cookie(value),
            },
            None => self.line(value),
        }
    }

    fn cookie(&self, pair: &str) -> String {
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() => format!("{name}={}", self.replaced(value, value.as_bytes())),
            _ => pair.to_owned(),
        }
    }

    /// A query (or a form) without credentials.
    #[must_use]
    pub fn query(&self, query: &str) -> String {
        String::from_utf8_lossy(&self.pairs(query.as_bytes(), false)).into_owned()
    }

    fn pairs(&self, query: &[u8], form: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(query.len());
        for (place, pair) in query.split(|byte| *byte == b'&').enumerate() {
            if place > 0 {
                out.push(b'&');
            }
            let equals = memchr::memchr(b'=', pair);
            let (start, value) = equals.map_or((&[][..], pair), |at| pair.split_at(at + 1));
            let name = percent_decoded(start.strip_suffix(b"=").unwrap_or(start), form);
            let secret = percent_decoded(value, form);
            let is_secret = if self.rules.names(&String::from_utf8_lossy(&name)) {
                !secret.is_empty()
            } else {
                match names::parameter(&name) {
                    Some(Field::Likely) => secret.len() >= 8 && !names::is_stand_in(&secret),
                    // A session names the run too, so it is not looked for elsewhere.
                    Some(Field::Random) if names::is_random(&secret, 16) => {
                        out.extend_from_slice(start);
                        out.extend_from_slice(self.replaced(&String::from_utf8_lossy(value), &secret).as_bytes());
                        continue;
                    }
                    Some(Field::Random) | None => false,
                    Some(_) => !names::is_stand_in(&secret),
                }
            };
            if is_secret {
                out.extend_from_slice(start);
                out.extend_from_slice(self.named(&String::from_utf8_lossy(value), &secret).as_bytes());
            } else {
                out.extend_from_slice(&self.whole(Form::Text, &Bytes::copy_from_slice(pair), false));
            }
        }
        out
    }

    /// The body of a request without credentials. In running text, names are enough to tell one.
    #[must_use]
    pub fn body(&self, content_type: &str, body: &Bytes) -> Bytes {
        self.whole(Form::guess(content_type, body), body, true)
    }

    /// The body of a whole answer without credentials: as [`Redactor::pieces`] of one piece.
    #[must_use]
    pub fn answer(&self, content_type: &str, body: &Bytes) -> Bytes {
        self.whole(Form::guess(content_type, body), body, false)
    }

    /// Any text without credentials, as a program prints it.
    #[must_use]
    pub fn text(&self, text: &[u8]) -> Bytes {
        self.whole(Form::guess("", text), &Bytes::copy_from_slice(text), true)
    }

    /// One line of text without credentials.
    pub(super) fn line(&self, text: &str) -> String {
        let out = self.whole(Form::Text, &Bytes::copy_from_slice(text.as_bytes()), true);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Pieces of an answer without credentials, also where one is cut in two. A placeholder stands in the piece
    /// in which its secret began; pieces of which nothing is left are gone.
    #[must_use]
    pub fn pieces(&self, content_type: &str, pieces: &[(Micros, Bytes)]) -> Vec<(Micros, Bytes)> {
        if let [(at, only)] = pieces {
            return vec![(*at, self.answer(content_type, only))];
        }
        let all = joined(pieces);
        let edits = self.edits(Form::guess(content_type, &all), &all, false);
        split(pieces, &edits)
    }

    /// A text of this form without credentials; the same bytes if there are none.
    pub(super) fn whole(&self, form: Form, text: &Bytes, loosely: bool) -> Bytes {
        if form == Form::Query {
            return self.pairs(text, true).into();
        }
        let edits = self.edits(form, text, loosely);
        if edits.is_empty() { text.clone() } else { apply(text, &edits).into() }
    }

    /// What is to be replaced in a text, in order.
    pub(super) fn edits(&self, form: Form, text: &Bytes, loosely: bool) -> Vec<Edit> {
        self.hits(form, text, loosely).into_iter().map(|hit| self.edit(hit)).collect()
    }

    pub(super) fn edit(&self, hit: Hit) -> Edit {
        let begins = hit.begins.unwrap_or(hit.range.start);
        if hit.rest {
            return Edit { range: hit.range, with: Vec::new(), begins };
        }
        let mark = mark::write(self.number(&hit.secret));
        let with = match hit.quotes {
            None => mark,
            Some(depth) => {
                let quoted = [b"\"", mark.as_slice(), b"\""].concat();
                super::coding::escape(quoted, depth)
            }
        };
        Edit { range: hit.range, with, begins }
    }

    /// Secrets in a text, in order, none overlapping another.
    fn hits(&self, form: Form, text: &Bytes, loosely: bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.values(text, &mut hits);
        if form == Form::Binary {
            return merged(text, hits);
        }
        let named = looks(text, loosely, &mut hits) || self.holds_names(text);
        if form == Form::Parts {
            self.parts(text, &mut hits);
        }
        let streamed = matches!(form, Form::Events | Form::Lines);
        if hits.is_empty() && !named && !streamed && self.rules.patterns.is_empty() {
            return hits;
        }
        let parse = |form| -> Vec<(Range<usize>, Json)> {
            let places = units(form, text).into_iter();
            let wanted = |place: &Range<usize>| hits.iter().any(|hit| hit.overlaps(place));
            let all = named || streamed || !self.rules.patterns.is_empty();
            let json = |place: Range<usize>| Some((place.clone(), Json::parse(text.slice(place)).ok()?));
            places.filter(|place| all || wanted(place)).filter_map(json).collect()
        };
        let mut documents = parse(form);
        if documents.is_empty() && form == Form::Json {
            documents = parse(Form::Lines);
        }
        fit(&mut hits, &documents);
        for (place, json) in &documents {
            if named {
                fields::fields(json, &Origin::At(place.start), &self.rules.names, &mut hits);
            }
            if !self.rules.patterns.is_empty() {
                for string in fields::strings(json.bytes()) {
                    self.patterns_in_string(place.start, json, &string, &mut hits);
                }
            }
        }
        if documents.is_empty() {
            self.patterns(text, &mut hits);
        }
        let named: Vec<Vec<u8>> =
            hits.iter().filter(|hit| hit.source == Source::Name).map(|hit| hit.secret.clone()).collect();
        for secret in named.into_iter().filter(|secret| self.learn(secret)) {
            let mut more = Vec::new();
            everywhere(&Finder::new(&secret), text, &mut more);
            fit(&mut more, &documents);
            hits.extend(more);
        }
        let mut joined = Vec::new();
        if streamed || documents.first().is_some_and(|(_, json)| json.root().kind() == Kind::Array) {
            let mut begins = None;
            for (place, hit) in self.joined(documents.iter().map(|(_, json)| json), loosely) {
                let start = documents[place].0.start;
                let range = start + hit.range.start..start + hit.range.end;
                if !hit.rest {
                    begins = Some(range.start);
                }
                joined.push(Hit { range, begins, ..hit });
            }
        }
        if !joined.is_empty() {
            hits.retain(|hit| !joined.iter().any(|joined| joined.overlaps(&hit.range)));
            hits.append(&mut joined);
        }
        merged(text, hits)
    }

    /// Secrets in the texts that go on from document to document: places of documents, and finds in them.
    pub(super) fn joined<'a>(&self, documents: impl Iterator<Item = &'a Json>, loosely: bool) -> Vec<(usize, Hit)> {
        let mut found = Vec::new();
        for channel in channels(documents) {
            let text = Bytes::copy_from_slice(&channel.text);
            let form = match Form::guess("", &text) {
                Form::Json => Form::Json,
                _ => Form::Text,
            };
            for hit in self.hits(form, &text, loosely) {
                found.extend(channel.spread(&hit));
            }
        }
        found
    }

    /// Known values: those of the environment, and those that a name gave away before.
    fn values(&self, text: &[u8], hits: &mut Vec<Hit>) {
        self.known.find(text, hits);
        let learned = Arc::clone(&self.learned.read().unwrap_or_else(PoisonError::into_inner));
        for finder in learned.iter() {
            everywhere(finder, text, hits);
        }
    }

    /// Fields of a form that are named like credentials.
    fn parts(&self, text: &[u8], hits: &mut Vec<Hit>) {
        for (name, value) in super::forms::parts(text) {
            let (name, secret) = (&text[name], &text[value.clone()]);
            let (place, source) = if self.rules.names(&String::from_utf8_lossy(name)) {
                (0..secret.len(), Source::User)
            } else {
                let field = names::field(name).or_else(|| names::parameter(name));
                let part = field.and_then(|field| secret_part(field, secret, false));
                let Some(part) = part else { continue };
                (part, Source::Name)
            };
            let range = value.start + place.start..value.start + place.end;
            if !range.is_empty() {
                hits.push(Hit::new(range.clone(), text[range].to_vec(), source));
            }
        }
    }

    fn holds_names(&self, text: &[u8]) -> bool {
        self.rules.names.iter().any(|name| memchr::memmem::find(text, name.as_bytes()).is_some())
    }

    fn patterns(&self, text: &[u8], hits: &mut Vec<Hit>) {
        for pattern in &self.rules.patterns {
            for found in pattern.captures_iter(text) {
                let part = found.get(1).or_else(|| found.get(0));
                hits.extend(
                    part.filter(|part| !part.is_empty())
                        .map(|part| Hit::new(part.range(), part.as_bytes().to_vec(), Source::Name)),
                );
            }
        }
    }

    fn patterns_in_string(&self, start: usize, json: &Json, string: &Range<usize>, hits: &mut Vec<Hit>) {
        let decoded = Decoded::of(&json.bytes()[string.clone()]);
        let mut found = Vec::new();
        self.patterns(&decoded.text, &mut found);
        hits.extend(found.into_iter().map(|hit| {
            let before = decoded.before(&hit.range);
            let start = start + string.start;
            Hit { range: start + before.start..start + before.end, ..hit }
        }));
    }

    /// What stands for a value whose name says that it is secret; placeholders and nothing stay.
    fn named(&self, written: &str, secret: &[u8]) -> String {
        self.learn(secret);
        self.replaced(written, secret)
    }

    fn replaced(&self, written: &str, secret: &[u8]) -> String {
        let is_mark = marks(written.as_bytes()).next().is_some_and(|(range, _)| range == (0..written.len()));
        if is_mark || secret.is_empty() {
            return written.to_owned();
        }
        String::from_utf8_lossy(&mark::write(self.number(secret))).into_owned()
    }

    fn number(&self, secret: &[u8]) -> usize {
        let mut table = self.table();
        if let Some(number) = table.numbers.get(secret) {
            return *number;
        }
        table.last += 1;
        let number = table.last;
        table.numbers.insert(secret.to_vec(), number);
        table.secrets.insert(number, secret.to_vec());
        if let Some(variable) = self.variables.get(secret) {
            table.origins.insert(number, variable.clone());
            table.untold.insert(number);
        }
        number
    }

    /// Looks for a value everywhere from now on, if it is worth it; whether it was not looked for before.
    fn learn(&self, secret: &[u8]) -> bool {
        if !names::is_random(secret, WORTH_KNOWING) {
            return false;
        }
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if learned.len() >= MOST_LEARNED || learned.iter().any(|finder| finder.needle() == secret) {
            return false;
        }
        let mut more: Vec<_> = learned.iter().cloned().collect();
        more.push(Finder::new(secret).into_owned());
        *learned = Arc::new(more);
        true
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn everywhere(finder: &Finder<'_>, text: &[u8], hits: &mut Vec<Hit>) {
    let secret = finder.needle();
    let hit = |start| Hit::new(start..start + secret.len(), secret.to_vec(), Source::Known);
    hits.extend(finder.find_iter(text).map(hit));
}

/// The whole that these are pieces of.
pub(super) fn joined(pieces: &[(Micros, Bytes)]) -> Bytes {
    let mut all = Vec::with_capacity(pieces.iter().map(|(_, piece)| piece.len()).sum());
    for (_, piece) in pieces {
        all.extend_from_slice(piece);
    }
    all.into()
}

/// Keeps of the finds in JSON those that can be replaced there.
fn fit(hits: &mut Vec<Hit>, documents: &[(Range<usize>, Json)]) {
    hits.retain_mut(|hit| {
        let after = documents.partition_point(|(place, _)| place.end <= hit.range.start);
        let Some((place, json)) = documents.get(after).filter(|(place, _)| hit.overlaps(place)) else { return true };
        if hit.range.start < place.start || hit.range.end > place.end {
            return false;
        }
        let inside = hit.range.start - place.start..hit.range.end - place.start;
        let fitting = fields::fit(json, &inside, hit.source);
        if let Some(fitting) = &fitting {
            hit.range = place.start + fitting.start..place.start + fitting.end;
        }
        fitting.is_some()
    });
}

/// Finds in order, those that overlap made one; placeholders that stand there already are left alone.
pub(super) fn merged(text: &[u8], mut hits: Vec<Hit>) -> Vec<Hit> {
    if hits.is_empty() {
        return hits;
    }
    let placed: Vec<Range<usize>> = marks(text).map(|(range, _)| range).collect();
    hits.retain(|hit| {
        placed.iter().filter(|mark| hit.overlaps(mark)).all(|mark| hit.source == Source::User && hit.range != *mark)
    });
    hits.sort_by_key(|hit| (hit.range.start, std::cmp::Reverse(hit.range.end), hit.source != Source::Known));
    let mut out: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match out.last_mut() {
            Some(last) if last.range.end > hit.range.start => {
                let apart = hit.rest || last.rest || hit.quotes.is_some() || last.quotes.is_some();
                if hit.range.end > last.range.end && !apart {
                    last.range.end = hit.range.end;
                    last.secret = text[last.range.clone()].to_vec();
                }
            }
            _ => out.push(hit),
        }
    }
    out
}

/// A text with some ranges replaced.
pub(super) fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&text[at..edit.range.start]);
        out.extend_from_slice(&edit.with);
        at = edit.range.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// Pieces of a text with some ranges of the whole replaced; a replacement stands where its range began.
pub(super) fn split(pieces: &[(Micros, Bytes)], edits: &[Edit]) -> Vec<(Micros, Bytes)> {
    let mut out = Vec::with_capacity(pieces.len());
    let mut edits = edits.iter().peekable();
    let mut start = 0;
    // How far into the pieces to come the last replaced range reaches.
    let mut gone = 0;
    for (time, piece) in pieces {
        let end = start + piece.len();
        let mut at = gone.clamp(start, end);
        if at == start && edits.peek().is_none_or(|edit| edit.range.start >= end) {
            if !piece.is_empty() {
                out.push((*time, piece.clone()));
            }
            start = end;
            continue;
        }
        let mut kept = Vec::with_capacity(piece.len());
        while let Some(edit) = edits.next_if(|edit| edit.range.start < end) {
            kept.extend_from_slice(&piece[at - start..edit.range.start - start]);
            kept.extend_from_slice(&edit.with);
            gone = edit.range.end;
            at = gone.min(end);
        }
        kept.extend_from_slice(&piece[at - start..]);
        if !kept.is_empty() {
            out.push((*time, kept.into()));
        }
        start = end;
    }
    out
}
