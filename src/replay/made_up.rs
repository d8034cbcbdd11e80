//! What an agent made up: names, readings and ids in its requests that come from no answer.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::assess::Reason;
use super::plan::Entry;
use super::said::Said;
use crate::config::Settings;
use crate::model::event::Seq;
use crate::model::{Micros, Run};
use crate::names::clock::{Clock, Reading};
use crate::names::naming::epoch;
use crate::names::opaque::{Piece, Splitter};
use crate::names::readings;
use crate::names::split::{is_literal, split_token};
use crate::wire::canonical::{Canonical, TokenKind};

/// Paths and values.
type Found = Vec<(String, String)>;

/// The request before, and its tokens with pieces that were far from the clock: they may be near the next one.
type Before<'a> = (&'a Canonical, Vec<usize>);

/// Names, readings and ids that first stand in each call's request and come from no answer.
pub(super) fn made_up(run: &Run, entries: &[Entry], said: &mut Said, settings: &Settings) -> HashMap<Seq, Vec<Reason>> {
    let temporary: Vec<&str> =
        run.started.places.iter().filter(|(name, _)| name == "tmp").map(|(_, value)| value.as_str()).collect();
    let splitter = Splitter::new(Vec::new(), &temporary, &settings.names);
    let mut search =
        Search { start: seconds(run.started.at), splitter, said, known: HashSet::new(), pieces: HashMap::new() };
    let mut ordered: Vec<&Entry> = entries.iter().collect();
    ordered.sort_by_key(|entry| (entry.began, entry.seq));
    let mut before: Option<Before<'_>> = None;
    let mut found = HashMap::new();
    for entry in ordered {
        let (reasons, far) = search.request(entry, before.as_ref());
        found.insert(entry.seq, reasons);
        before = Some((&entry.parsed.canonical, far));
    }
    found
}

fn seconds(at: Micros) -> i64 {
    i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX)
}

struct Search<'a, 's> {
    /// When the run began, in seconds.
    start: i64,
    splitter: Splitter,
    said: &'s mut Said,
    /// Values that a request had before.
    known: HashSet<Vec<u8>>,
    /// Pieces of texts, which stand in many requests.
    pieces: HashMap<(TokenKind, &'a [u8]), Rc<[Piece]>>,
}

impl<'a> Search<'a, '_> {
    /// What a request has first; and its tokens that may be near a later clock.
    fn request(&mut self, entry: &'a Entry, before: Option<&Before<'a>>) -> (Vec<Reason>, Vec<usize>) {
        let canonical = &entry.parsed.canonical;
        let clock = Clock { start: self.start, now: seconds(entry.began) };
        let shared = before.map_or(0, |(before, _)| shared(before, canonical));
        let again = before.iter().flat_map(|(_, far)| far).copied().filter(|place| *place < shared);
        let (mut names, mut clocks, mut ids) = (Found::new(), Found::new(), Vec::new());
        let mut far = Vec::new();
        for place in again.chain(shared..canonical.tokens.len()) {
            let token = &canonical.tokens[place];
            let text = canonical.bytes(token);
            let pieces = self.pieces(canonical, place);
            if pieces.is_empty() || is_in_result(canonical, place) {
                continue;
            }
            let mut is_far = false;
            for piece in pieces.iter() {
                let is_reading = piece.reading && is_near(token.kind, text, *piece, clock);
                if !is_reading && !piece.sure {
                    is_far |= piece.reading;
                    continue;
                }
                let value = piece.of(text);
                if self.known.insert(value.to_vec()) && !self.said.contains_bytes(value, entry.began) {
                    let list = if is_reading { &mut clocks } else { &mut names };
                    list.push((canonical.path(token), String::from_utf8_lossy(value).into_owned()));
                }
            }
            far.extend(is_far.then_some(place));
        }
        let same =
            before.map_or(0, |(before, _)| before.ids.iter().zip(&canonical.ids).take_while(|(a, b)| a == b).count());
        for id in &canonical.ids[same..] {
            if self.known.insert(id.clone().into_bytes()) && !self.said.contains(id, entry.began) {
                ids.push(id.clone());
            }
        }
        let mut reasons = Vec::new();
        reasons.extend((!names.is_empty()).then_some(Reason::Names(names)));
        reasons.extend((!clocks.is_empty()).then_some(Reason::Readings(clocks)));
        reasons.extend((!ids.is_empty()).then_some(Reason::MadeIds(ids)));
        (reasons, far)
    }

    fn pieces(&mut self, canonical: &'a Canonical, place: usize) -> Rc<[Piece]> {
        let token = &canonical.tokens[place];
        let before = place.checked_sub(1).map(|before| &canonical.tokens[before]);
        let literal = || before.is_some_and(|before| is_literal(before.kind, canonical.bytes(before)));
        match token.kind {
            TokenKind::Key | TokenKind::Number => {}
            TokenKind::Text if !literal() => {}
            _ => return Rc::new([]),
        }
        let text = canonical.bytes(token);
        let splitter = &self.splitter;
        let pieces = self.pieces.entry((token.kind, text)).or_insert_with(|| {
            let mut pieces = Vec::new();
            split_token(splitter, token.kind, text, &mut pieces);
            pieces.into()
        });
        Rc::clone(pieces)
    }
}

/// How many tokens two requests begin with that are the same, and results of tools in both or in none.
fn shared(before: &Canonical, now: &Canonical) -> usize {
    let is_same = |(one, other): &(&_, &_)| before.same_token(one, now, other);
    let tokens = before.tokens.iter().zip(&now.tokens).take_while(is_same).count();
    let results = before.results.iter().zip(&now.results).take_while(|(one, other)| one.tokens == other.tokens).count();
    let differs = [before, now].into_iter().filter_map(|canonical| Some(canonical.results.get(results)?.tokens.start));
    differs.fold(tokens, usize::min)
}

fn is_in_result(canonical: &Canonical, place: usize) -> bool {
    let next = canonical.results.partition_point(|result| result.tokens.end <= place);
    canonical.results.get(next).is_some_and(|result| result.tokens.contains(&place))
}

/// Whether a piece is a date or time near the clock of its request.
fn is_near(kind: TokenKind, text: &[u8], piece: Piece, clock: Clock) -> bool {
    let reading = if kind == TokenKind::Number {
        epoch(text)
    } else {
        let (start, end) = (piece.start as usize, piece.end as usize);
        let digit = text[start..end].iter().position(u8::is_ascii_digit);
        let read = digit.and_then(|digit| readings::read(&text[..end], start + digit, start));
        read.filter(|found| found.end == end).map(|found| found.reading)
    };
    reading.is_some_and(|reading| Reading::both_near(&reading, clock, &reading, clock))
}
