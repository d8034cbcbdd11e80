//! Whether two requests are equal up to a one-to-one renaming, held readings and held results.
//!
//! Requests are compared token by token over their pieces ([`super::opaque`]). The map of names is
//! one for the whole replay and grows only when a match is accepted; what stood unchanged is in it
//! too, so that it cannot be renamed later.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::borders::{joins_after, joins_before};
use super::clock::{Clock, Reading};
use super::fragments::{Fragments, follows};
use super::opaque::{Class, Piece, Splitter, spells};
use super::origin::{Origins, Source};
use super::readings;
use super::rename::Renamer;
use super::split::Split;
use super::temporary::is_made_up;
use super::words::draws;
use crate::text::json::{Edit, quote};
use crate::wire::canonical::{Canonical, ResultSpan, Token, TokenKind};

/// Two names that stand for each other.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) class: Class,
    /// As it is written in the recording.
    pub(crate) recorded: Vec<u8>,
    /// As it is written now.
    pub(crate) new: Vec<u8>,
    /// Part of another name.
    inner: bool,
}

impl Bound {
    /// Two names that are known to stand for each other.
    pub(crate) fn new(class: Class, recorded: &[u8], new: &[u8]) -> Self {
        Self { class, recorded: recorded.to_vec(), new: new.to_vec(), inner: false }
    }
}

/// A reading of the clock that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldReading {
    pub(crate) path: String,
    pub(crate) recorded: String,
    pub(crate) new: String,
}

/// Places of a text and the bytes that stand there instead.
type Replaced = Vec<(Range<usize>, Vec<u8>)>;

/// What two requests are equal up to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    fresh: Vec<Bound>,
    /// Readings that are held.
    pub(crate) readings: Vec<HeldReading>,
    /// Places of results that are held, in the recorded request and in the new one.
    pub(crate) results: Vec<(usize, usize)>,
    /// Whether any name is another one now.
    pub(crate) renames: bool,
    texts: Vec<(Vec<u8>, Replaced)>,
    ids: Vec<(String, String)>,
    /// What differs as names do, if it is a piece of one.
    pieces: Vec<(Class, Vec<u8>, Vec<u8>)>,
}

impl Outcome {
    /// How many names it says are other ones now, that were not known to be.
    pub(crate) fn additions(&self) -> usize {
        let renames =
            |bound: &&Bound| !bound.inner && key(bound.class, &bound.recorded) != key(bound.class, &bound.new);
        self.fresh.iter().filter(renames).count()
    }
}

/// Why two requests are not equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unequal {
    /// Something else than names differs.
    Differs,
    /// A name would have to stand for two.
    Conflict {
        /// A recorded name.
        recorded: String,
        /// What it was renamed to before; `None` if it stood unchanged.
        before: Option<String>,
    },
    /// A value is not fresh on both sides.
    Known {
        /// As it stands in the recording.
        recorded: String,
        /// As it stands now.
        new: String,
        /// Why it counts as content.
        why: &'static str,
    },
}

impl Unequal {
    /// One line that says what is in the way.
    pub(crate) fn line(&self) -> Option<String> {
        Some(match self {
            Self::Differs => return None,
            Self::Conflict { recorded, before: None } => {
                format!("`{recorded}` stood unchanged before, so it cannot be another name now")
            }
            Self::Conflict { recorded, before: Some(before) } => {
                format!("`{recorded}` was renamed to `{before}` before")
            }
            Self::Known { recorded, new, why } => format!("`{new}` cannot stand for `{recorded}`: {why}"),
        })
    }
}

/// Both sides of a comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub(crate) recorded: (&'a Canonical, &'a Split, Clock),
    pub(crate) new: (&'a Canonical, &'a Split, Clock),
}

/// Says whether the result of a tool may be held.
pub(crate) type MayHold<'a> = &'a dyn Fn(&ResultSpan, &ResultSpan) -> bool;

/// The map of names, and what was held.
#[derive(Debug)]
pub(crate) struct Naming {
    pub(crate) splitter: Splitter,
    forward: HashMap<Vec<u8>, Vec<u8>>,
    backward: HashMap<Vec<u8>, Vec<u8>>,
    renamed: Vec<Bound>,
    renamer: Option<Arc<Renamer>>,
    /// Every held reading once, in order.
    pub(crate) readings: Vec<HeldReading>,
    /// Texts in which readings are held, and what stands there instead.
    texts: HashMap<Vec<u8>, Replaced>,
    /// Protocol ids whose names are in the map already.
    ids: HashMap<String, String>,
    /// Who said what in the recording.
    pub(crate) recorded: Origins,
    /// Who says what now; nothing where all answers are recorded ones.
    pub(crate) now: Origins,
}

impl Naming {
    pub(crate) fn new(splitter: Splitter) -> Self {
        Self {
            splitter,
            forward: HashMap::new(),
            backward: HashMap::new(),
            renamed: Vec::new(),
            renamer: None,
            readings: Vec::new(),
            texts: HashMap::new(),
            ids: HashMap::new(),
            recorded: Origins::default(),
            now: Origins::default(),
        }
    }

    /// Why two values cannot be names that stand for each other, by where they come from.
    fn content(&self, class: Class, old: &[u8], new: &[u8]) -> Option<&'static str> {
        // Both machines' places are known from the start.
        if class == Class::Place {
            return None;
        }
        // The user may say where the agent works; a path below it is the agent's all the same.
        let given = |source| source == Some(Source::User) && !matches!(class, Class::Temporary | Class::Port);
        let (then, now) = (self.recorded.first(class, old), self.now.first(class, new));
        if self.recorded.first(class, new).is_some() {
            Some("it stands in the recording, so it is no new name")
        } else if then == Some(Source::Provider) {
            Some("the recorded one came with an answer, so it is content")
        } else if now == Some(Source::Provider) {
            Some("it came with an answer that was not recorded, so it is content")
        } else if given(then) || given(now) {
            Some("the user gave it, so it is content")
        } else {
            None
        }
    }

    /// Compares two requests; nothing is remembered.
    pub(crate) fn compare(&self, sides: Sides<'_>, hold: MayHold<'_>) -> Result<Outcome, Unequal> {
        let mut trial =
            Trial { naming: self, sides, forward: HashMap::new(), backward: HashMap::new(), out: Outcome::default() };
        trial.ids()?;
        trial.walk(hold)?;
        trial.settle()?;
        Ok(trial.out)
    }

    /// Remembers what a match was equal up to; returns a note for everything that is new.
    pub(crate) fn accept(&mut self, outcome: Outcome) -> Vec<String> {
        let mut notes = Vec::new();
        for bound in outcome.fresh {
            let (old, now) =
                (key(bound.class, &bound.recorded).into_owned(), key(bound.class, &bound.new).into_owned());
            if old != now {
                if !bound.inner {
                    notes.push(format!("name: {} is now {}", shown(&bound.recorded), shown(&bound.new)));
                }
                self.renamed.push(bound);
                self.renamer = None;
            } else if self.renamer.as_ref().is_some_and(|renamer| renamer.fragments.shares(&old)) {
                self.renamer = None;
            }
            self.forward.insert(old.clone(), now.clone());
            self.backward.insert(now, old);
        }
        for reading in outcome.readings {
            let known = |held: &HeldReading| held.recorded == reading.recorded && held.new == reading.new;
            if !self.readings.iter().any(known) {
                let HeldReading { path, recorded, new } = &reading;
                notes.push(format!("held: reading {recorded} at {path}, now {new}"));
                self.readings.push(reading);
            }
        }
        self.texts.extend(outcome.texts);
        self.ids.extend(outcome.ids);
        notes
    }

    /// Remembers that the names of a request that matched exactly stand for themselves, and its ids for each other.
    pub(crate) fn accept_exact(&mut self, recorded: &Canonical, split: &Split, ids: &[String]) {
        let none = Clock::default();
        let sides = Sides { recorded: (recorded, split, none), new: (recorded, split, none) };
        let mut trial =
            Trial { naming: self, sides, forward: HashMap::new(), backward: HashMap::new(), out: Outcome::default() };
        for (old, now) in recorded.ids.iter().zip(ids) {
            let _ = trial.parts(old.as_bytes(), now.as_bytes(), false);
        }
        for (place, token) in recorded.tokens.iter().enumerate() {
            let text = recorded.bytes(token);
            for piece in split.pieces(place).iter().filter(|piece| piece.is_or_may_be_name()) {
                let _ = trial.bind(piece.class, piece.of(text), piece.of(text), false);
            }
        }
        let outcome = trial.out;
        let _ = self.accept(outcome);
    }

    /// How many names are other ones now.
    pub(crate) fn count(&self) -> usize {
        self.renamed.iter().filter(|bound| !bound.inner).count()
    }

    /// What renames answers; `None` while nothing is renamed.
    pub(crate) fn renamer(&mut self) -> Option<Arc<Renamer>> {
        if self.renamed.is_empty() {
            return None;
        }
        if self.renamer.is_none() {
            let places = self.renamed.iter().any(|bound| bound.class == Class::Place);
            let forms = if places { self.splitter.forms() } else { &[] };
            let open = forms.iter().filter(|form| self.forward.get(&form.recorded).is_none_or(|now| *now == form.new));
            let unchanged = self.forward.iter().filter(|(old, now)| old == now).map(|(old, _)| old.as_slice());
            let fragments = Fragments::new(&self.renamed, unchanged);
            self.renamer = Some(Arc::new(Renamer::new(&self.renamed, open, fragments)));
        }
        self.renamer.clone()
    }

    /// What stands in a body instead of readings that were held in the same text before.
    pub(crate) fn held_edits(&self, body: &crate::text::json::Json) -> Vec<Edit> {
        let mut edits = Vec::new();
        if self.texts.is_empty() {
            return edits;
        }
        let mut waiting = vec![body.root()];
        while let Some(value) = waiting.pop() {
            waiting.extend(value.items());
            let Some(text) = value.as_bytes() else { continue };
            let Some(held) = self.texts.get(&*text) else { continue };
            let mut out = Vec::with_capacity(text.len());
            let mut at = 0;
            for (range, with) in held {
                out.extend_from_slice(&text[at..range.start]);
                out.extend_from_slice(with);
                at = range.end;
            }
            out.extend_from_slice(&text[at..]);
            if let Ok(out) = String::from_utf8(out) {
                edits.push(Edit { span: value.span(), with: quote(&out).into_bytes() });
            }
        }
        edits
    }
}

/// A comparison that is under way.
struct Trial<'a> {
    naming: &'a Naming,
    sides: Sides<'a>,
    forward: HashMap<Vec<u8>, Vec<u8>>,
    backward: HashMap<Vec<u8>, Vec<u8>>,
    out: Outcome,
}

/// How much a comparison had found at some point.
struct Mark {
    fresh: usize,
    readings: usize,
    texts: usize,
    pieces: usize,
    renames: bool,
}

impl<'a> Trial<'a> {
    /// Protocol ids in one place: the names in them stand for each other wherever text repeats them.
    fn ids(&mut self) -> Result<(), Unequal> {
        let (old, new) = (self.sides.recorded.0, self.sides.new.0);
        if old.ids.len() != new.ids.len() {
            return Err(Unequal::Differs);
        }
        old.ids.iter().zip(&new.ids).try_for_each(|(old, new)| {
            if self.naming.ids.get(old) == Some(new) {
                return Ok(());
            }
            self.out.ids.push((old.clone(), new.clone()));
            self.parts(old.as_bytes(), new.as_bytes(), false)
        })
    }

    /// Names at the same places of two short texts.
    fn parts(&mut self, old: &[u8], new: &[u8], inner: bool) -> Result<(), Unequal> {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        self.naming.splitter.split(old, &mut left);
        self.naming.splitter.split(new, &mut right);
        if left.len() != right.len() || !same_literals(old, &left, new, &right) {
            return Ok(());
        }
        for (one, other) in left.iter().zip(&right) {
            let (a, b) = (one.of(old), other.of(new));
            let may_be = one.is_or_may_be_name() || other.is_or_may_be_name();
            let class = one.class.min(other.class);
            let names = || self.are_names(one, a, other, b) && self.naming.content(class, a, b).is_none();
            if if a == b { may_be } else { names() } {
                self.bind(class, a, b, inner)?;
            }
        }
        Ok(())
    }

    fn walk(&mut self, hold: MayHold<'_>) -> Result<(), Unequal> {
        let Sides { recorded: (old, old_split, _), new: (new, new_split, _) } = self.sides;
        let (old_results, new_results) = (by_start(old), by_start(new));
        if old_results.len() != new_results.len() {
            return Err(Unequal::Differs);
        }
        let (mut left, mut right, mut result) = (0, 0, 0);
        while left < old.tokens.len() && right < new.tokens.len() {
            let (one, other) = (old_split.at(left), new_split.at(right));
            if let (Some(a), Some(b)) = (old_results.get(result), new_results.get(result))
                && (old.results[*a].tokens.start == one || new.results[*b].tokens.start == other)
            {
                let (a, b) = (&old.results[*a], &new.results[*b]);
                if a.tokens.start != one || b.tokens.start != other {
                    return Err(Unequal::Differs);
                }
                self.result(a, b, (left, right), (old_results[result], new_results[result]), hold)?;
                left += a.tokens.len();
                right += b.tokens.len();
                result += 1;
                continue;
            }
            self.token(one, other)?;
            left += 1;
            right += 1;
        }
        if left == old.tokens.len() && right == new.tokens.len() { Ok(()) } else { Err(Unequal::Differs) }
    }

    /// The result of a tool: equal up to names, or held as a whole.
    fn result(
        &mut self,
        old: &ResultSpan,
        new: &ResultSpan,
        (left, right): (usize, usize),
        places: (usize, usize),
        hold: MayHold<'_>,
    ) -> Result<(), Unequal> {
        let before = self.mark();
        let (old_split, new_split) = (self.sides.recorded.1, self.sides.new.1);
        let alike = old.tokens.len() == new.tokens.len();
        let mut equal = if alike { Ok(()) } else { Err(Unequal::Differs) };
        if alike {
            equal = (0..old.tokens.len())
                .try_for_each(|step| self.token(old_split.at(left + step), new_split.at(right + step)));
        }
        // A result that differs in a reading is an answer of its own, which is held as a whole.
        let read_anew = equal.is_ok() && self.out.readings.len() > before.readings && hold(old, new);
        if equal.is_ok() && !read_anew {
            return Ok(());
        }
        let unequal = equal.err().unwrap_or(Unequal::Differs);
        self.undo(&before);
        if !hold(old, new) {
            return Err(unequal);
        }
        self.out.results.push(places);
        if alike {
            // Names in texts that differ in names only are known from now on: later answers carry them.
            for step in 0..old.tokens.len() {
                self.learn(old_split.at(left + step), new_split.at(right + step));
            }
        }
        Ok(())
    }

    fn mark(&self) -> Mark {
        let out = &self.out;
        let (fresh, readings, texts, pieces) = (out.fresh.len(), out.readings.len(), out.texts.len(), out.pieces.len());
        Mark { fresh, readings, texts, pieces, renames: out.renames }
    }

    /// Forgets what was found since a mark.
    fn undo(&mut self, mark: &Mark) {
        for bound in self.out.fresh.drain(mark.fresh..) {
            self.forward.remove(&*key(bound.class, &bound.recorded));
            self.backward.remove(&*key(bound.class, &bound.new));
        }
        self.out.readings.truncate(mark.readings);
        self.out.texts.truncate(mark.texts);
        self.out.pieces.truncate(mark.pieces);
        self.out.renames = mark.renames;
    }

    fn learn(&mut self, old: usize, new: usize) {
        let Sides { recorded: (recorded, ..), new: (now, ..) } = self.sides;
        let (one, other) = (&recorded.tokens[old], &now.tokens[new]);
        if one.kind == TokenKind::Text && other.kind == TokenKind::Text {
            let _ = self.parts(recorded.bytes(one), now.bytes(other), false);
        }
    }

    fn token(&mut self, old: usize, new: usize) -> Result<(), Unequal> {
        let Sides { recorded: (recorded, old_split, _), new: (now, new_split, _) } = self.sides;
        let (one, other) = (&recorded.tokens[old], &now.tokens[new]);
        if one.kind != other.kind {
            return Err(Unequal::Differs);
        }
        let (a, b) = (recorded.bytes(one), now.bytes(other));
        let literal = || old_split.is_literal(old) || new_split.is_literal(new);
        match one.kind {
            TokenKind::Text if a != b && literal() => Err(Unequal::Differs),
            TokenKind::Text | TokenKind::Key => {
                self.text((a, old_split.pieces(old)), (b, new_split.pieces(new)), other)
            }
            TokenKind::Number if a != b => match (epoch(a), epoch(b)) {
                (Some(left), Some(right)) if self.near(&left, &right) => {
                    let (a, b) = (recorded.written(one), now.written(other));
                    self.hold(other, a, b);
                    Ok(())
                }
                _ if is_port_token(old_split.pieces(old)) && is_port_token(new_split.pieces(new)) => {
                    self.out.pieces.push((Class::Port, whole(a), whole(b)));
                    Ok(())
                }
                _ => Err(Unequal::Differs),
            },
            _ if a == b => Ok(()),
            _ => Err(Unequal::Differs),
        }
    }

    /// Two texts: piece by piece where they are taken apart alike, else word by word.
    fn text(&mut self, old: (&[u8], &'a [Piece]), new: (&[u8], &'a [Piece]), token: &Token) -> Result<(), Unequal> {
        let before = self.mark();
        let found = if old.1.len() == new.1.len() && same_literals(old.0, old.1, new.0, new.1) {
            self.pieces(old, new, token)
        } else {
            Err(Unequal::Differs)
        };
        if found != Err(Unequal::Differs) {
            return found;
        }
        self.undo(&before);
        self.words(old, new, token)
    }

    fn pieces(&mut self, old: (&[u8], &[Piece]), new: (&[u8], &[Piece]), token: &Token) -> Result<(), Unequal> {
        let mut held = Vec::new();
        for (one, other) in old.1.iter().zip(new.1) {
            self.pair((old.0, one), (new.0, other), token, &mut held)?;
        }
        if !held.is_empty() {
            self.out.texts.push((new.0.to_vec(), held));
        }
        Ok(())
    }

    /// Two pieces that stand in the same place.
    fn pair(
        &mut self,
        (old, one): (&[u8], &Piece),
        (new, other): (&[u8], &Piece),
        token: &Token,
        held: &mut Replaced,
    ) -> Result<(), Unequal> {
        let (a, b) = (one.of(old), other.of(new));
        if a == b {
            if one.is_or_may_be_name() || other.is_or_may_be_name() {
                self.bind(one.class.min(other.class), a, b, false)?;
            } else {
                self.check(key(one.class, a).as_ref(), key(other.class, b).as_ref(), a)?;
            }
        } else if one.reading && other.reading && self.are_readings(old, one, new, other) {
            self.hold(token, shown(a), shown(b));
            held.push((other.start as usize..other.end as usize, a.to_vec()));
        } else if self.are_names(one, a, other, b) {
            self.bind(one.class.min(other.class), a, b, false)?;
        } else if one.class == other.class && matches!(one.class, Class::Hex | Class::Random | Class::Port) {
            if matches!(one.class, Class::Hex | Class::Random) && draws(a, b).is_some_and(|found| found.len() == 1) {
                return self.bind(one.class, a, b, false);
            }
            self.out.pieces.push((one.class, a.to_vec(), b.to_vec()));
        } else {
            return Err(Unequal::Differs);
        }
        Ok(())
    }

    /// Two texts whose pieces are not the same: places, paths, ports and readings must be, and between them the
    /// words that differ must be draws of one maker.
    fn words(&mut self, old: (&[u8], &[Piece]), new: (&[u8], &[Piece]), token: &Token) -> Result<(), Unequal> {
        let is_firm = |piece: &&Piece| !matches!(piece.class, Class::Hex | Class::Random);
        let left: Vec<&Piece> = old.1.iter().filter(is_firm).collect();
        let right: Vec<&Piece> = new.1.iter().filter(is_firm).collect();
        if left.len() != right.len() {
            return Err(Unequal::Differs);
        }
        let mut held = Vec::new();
        let (mut a, mut b) = (0, 0);
        for (one, other) in left.iter().zip(&right) {
            self.gap(&old.0[a..one.start as usize], &new.0[b..other.start as usize])?;
            self.pair((old.0, one), (new.0, other), token, &mut held)?;
            (a, b) = (one.end as usize, other.end as usize);
        }
        self.gap(&old.0[a..], &new.0[b..])?;
        if !held.is_empty() {
            self.out.texts.push((new.0.to_vec(), held));
        }
        Ok(())
    }

    /// Two stretches of text that differ in words only.
    fn gap(&mut self, old: &[u8], new: &[u8]) -> Result<(), Unequal> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let (mut a, mut b) = (0, 0);
        loop {
            let same = old[a..].iter().zip(&new[b..]).take_while(|(one, other)| one == other).count();
            if a + same == old.len() && b + same == new.len() {
                return Ok(());
            }
            let begun = old[a..a + same].iter().rev().take_while(|byte| is_part(byte)).count();
            let end = |text: &[u8], from: usize| from + text[from..].iter().take_while(|byte| is_part(byte)).count();
            let (one, other) = (a + same - begun..end(old, a + same), b + same - begun..end(new, b + same));
            let (ahead, left, right) = without_shared(&old[one.clone()], &new[other.clone()]);
            let joined =
                ahead == 0 && [(old, one.start), (new, other.start)].iter().any(|(text, at)| joins_before(text, *at));
            let splitter = &self.naming.splitter;
            let excluded = splitter.excludes(left) || splitter.excludes(right);
            let nothing = left.is_empty() || right.is_empty();
            // A colour says which one.
            let colour = ahead == 0 && one.start > 0 && old[one.start - 1] == b'#' && left.len() <= 8;
            if nothing || colour || excluded || joined || joins_after(old, one.end) || joins_after(new, other.end) {
                return Err(Unequal::Differs);
            }
            for (left, right) in draws(left, right).ok_or(Unequal::Differs)? {
                let is_hex = |word: &[u8]| word.iter().all(u8::is_ascii_hexdigit);
                let class = if is_hex(left) && is_hex(right) { Class::Hex } else { Class::Random };
                self.bind(class, left, right, false)?;
            }
            (a, b) = (one.end, other.end);
        }
    }

    /// What differs and is no name by itself must be a piece of one: a short commit id, a port without its host.
    fn settle(&mut self) -> Result<(), Unequal> {
        for (class, old, new) in std::mem::take(&mut self.out.pieces) {
            let (old, new) = (key(class, &old), key(class, &new));
            let follows = match class {
                Class::Port => self.check(&old, &new, &old)?,
                _ => follows(self.naming.renamed.iter().chain(&self.out.fresh), &old, &new) == Some(true),
            };
            if !follows {
                return Err(Unequal::Differs);
            }
            self.out.renames = true;
        }
        Ok(())
    }

    fn hold(&mut self, token: &Token, recorded: String, new: String) {
        let path = self.sides.new.0.path(token);
        self.out.readings.push(HeldReading { path, recorded, new });
    }

    fn near(&self, old: &Reading, new: &Reading) -> bool {
        Reading::both_near(old, self.sides.recorded.2, new, self.sides.new.2)
    }

    fn are_readings(&self, old: &[u8], one: &Piece, new: &[u8], other: &Piece) -> bool {
        let read = |text: &[u8], piece: &Piece| {
            let (start, end) = (piece.start as usize, piece.end as usize);
            let digit = start + text[start..end].iter().position(u8::is_ascii_digit)?;
            readings::read(&text[..end], digit, start).filter(|found| found.end == end).map(|found| found.reading)
        };
        matches!((read(old, one), read(new, other)), (Some(left), Some(right)) if self.near(&left, &right))
    }

    /// Whether two texts that differ may be names of one thing: one of them is one for sure, or
    /// both are hex that has nothing else in common.
    fn are_names(&self, one: &Piece, a: &[u8], other: &Piece, b: &[u8]) -> bool {
        let hex = one.class == Class::Hex && other.class == Class::Hex;
        if !(one.sure || other.sure || (hex && is_unlike(a, b))) {
            return false;
        }
        match (one.class, other.class) {
            (Class::Place, Class::Place) => {
                self.naming.splitter.forms().iter().any(|form| form.recorded == a && form.new == b)
            }
            (Class::Hex | Class::Random, Class::Hex | Class::Random) => {
                let hex = |class: &Piece| class.sure && class.class == Class::Hex;
                let dashes = |text: &[u8]| text.iter().map(|byte| *byte == b'-').collect::<Vec<_>>();
                let is_hex = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
                a.len() == b.len() && dashes(a) == dashes(b) && (!(hex(one) || hex(other)) || (is_hex(a) && is_hex(b)))
            }
            (left, right) => left == right && matches!(left, Class::Temporary | Class::Port | Class::Pattern),
        }
    }

    fn bind(&mut self, class: Class, old: &[u8], new: &[u8], inner: bool) -> Result<(), Unequal> {
        let (old_key, new_key) = (key(class, old), key(class, new));
        self.out.renames |= old_key != new_key;
        if self.check(&old_key, &new_key, old)? {
            return Ok(());
        }
        let follows = follows(self.naming.renamed.iter().chain(&self.out.fresh), &old_key, &new_key);
        if follows == Some(false) && old_key != new_key {
            return Err(Unequal::Differs);
        }
        // What is a piece of a name that is another one now comes from where that comes from.
        if old_key != new_key
            && follows != Some(true)
            && let Some(why) = self.naming.content(class, old, new)
        {
            return Err(Unequal::Known { recorded: shown(old), new: shown(new), why });
        }
        let inner = inner || follows == Some(true);
        self.forward.insert(old_key.clone().into_owned(), new_key.clone().into_owned());
        self.backward.insert(new_key.into_owned(), old_key.into_owned());
        self.out.fresh.push(Bound { class, recorded: old.to_vec(), new: new.to_vec(), inner });
        if class == Class::Temporary && old != new {
            let last = |path: &'_ [u8]| path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
            return self.parts(&old[last(old)..], &new[last(new)..], true);
        }
        Ok(())
    }

    /// A name that would stand for two; `old` stands for `new` in the map.
    fn conflict(&self, recorded: &[u8], old: &[u8], new: &[u8]) -> Unequal {
        let bound =
            self.naming.renamed.iter().chain(&self.out.fresh).find(|bound| *key(bound.class, &bound.recorded) == *old);
        let recorded = bound.map_or(recorded, |bound| &bound.recorded);
        let before = (old != new).then(|| shown(bound.map_or(new, |bound| &bound.new)));
        Unequal::Conflict { recorded: shown(recorded), before }
    }

    /// Whether two keys are in the map together; an error if one of them is there with another.
    fn check(&self, old: &[u8], new: &[u8], recorded: &[u8]) -> Result<bool, Unequal> {
        let forward = self.naming.forward.get(old).or_else(|| self.forward.get(old));
        if let Some(known) = forward {
            return if known == new { Ok(true) } else { Err(self.conflict(recorded, old, known)) };
        }
        match self.naming.backward.get(new).or_else(|| self.backward.get(new)) {
            Some(known) => Err(self.conflict(known, known, new)),
            None => Ok(false),
        }
    }
}

/// Whether a number stands where a port is told.
fn is_port_token(pieces: &[Piece]) -> bool {
    pieces.first().is_some_and(|piece| piece.class == Class::Port)
}

/// The digits of a normalised whole number.
pub(crate) fn whole(number: &[u8]) -> Vec<u8> {
    let mut parts = number.split(|byte| *byte == b'e');
    let mut digits = parts.next().unwrap_or_default().to_vec();
    let zeros = parts.next().and_then(|zeros| std::str::from_utf8(zeros).ok()?.parse::<usize>().ok());
    digits.resize(digits.len() + zeros.unwrap_or(0).min(8), b'0');
    digits
}

/// Places of results in order of their tokens.
fn by_start(canonical: &Canonical) -> Vec<usize> {
    let mut places: Vec<usize> =
        (0..canonical.results.len()).filter(|place| !canonical.results[*place].tokens.is_empty()).collect();
    places.sort_by_key(|place| canonical.results[*place].tokens.start);
    places
}

fn same_literals(old: &[u8], left: &[Piece], new: &[u8], right: &[Piece]) -> bool {
    let (mut a, mut b) = (0, 0);
    for (one, other) in left.iter().zip(right) {
        if old[a..one.start as usize] != new[b..other.start as usize] {
            return false;
        }
        (a, b) = (one.end as usize, other.end as usize);
    }
    old[a..] == new[b..]
}

/// Two words that differ, without what they share up to a mark at their beginnings and ends; how much they share at
/// their beginnings.
fn without_shared<'a>(old: &'a [u8], new: &'a [u8]) -> (usize, &'a [u8], &'a [u8]) {
    let is_mark = |byte: &u8| matches!(byte, b'_' | b'-');
    let same = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let ahead = old[..same].iter().rposition(is_mark).map_or(0, |mark| mark + 1);
    let (old, new) = (&old[ahead..], &new[ahead..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let behind = old[old.len() - same..].iter().position(is_mark).map_or(0, |mark| same - mark);
    (ahead, &old[..old.len() - behind], &new[..new.len() - behind])
}

/// Whether two pieces of hex are in small letters, share no run of letters, and spell nothing. Codes
/// that people gave (`AB100234`) are in capitals as a rule.
fn is_unlike(a: &[u8], b: &[u8]) -> bool {
    let runs = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split(u8::is_ascii_digit).filter(|run| !run.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let mixed = |text: &[u8]| {
        let letters = text.iter().filter(|byte| byte.is_ascii_lowercase()).count();
        let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
        letters >= 2 && digits >= 1 && letters + digits == text.len() && !spells(text, 3)
    };
    let (left, right) = (runs(a), runs(b));
    mixed(a) && mixed(b) && left.iter().all(|run| !right.contains(run))
}

/// How a name stands in the map: hex in one spelling, ports with their colon.
pub(crate) fn key(class: Class, name: &[u8]) -> Cow<'_, [u8]> {
    match class {
        Class::Hex if name.iter().any(|byte| *byte == b'-' || byte.is_ascii_uppercase()) => {
            name.iter().filter(|byte| **byte != b'-').map(u8::to_ascii_lowercase).collect()
        }
        Class::Port => [b":", name].concat().into(),
        _ => name.into(),
    }
}

/// A normalised number as a reading of the clock.
pub(crate) fn epoch(number: &[u8]) -> Option<Reading> {
    let exponent = memchr::memchr(b'e', number);
    let digits = &number[..exponent.unwrap_or(number.len())];
    let exponent: i32 = match exponent {
        Some(at) => std::str::from_utf8(&number[at + 1..]).ok()?.parse().ok()?,
        None => 0,
    };
    if let Ok(zeros) = usize::try_from(exponent) {
        return if zeros > 18 { None } else { readings::number(digits, zeros) };
    }
    // Seconds with a fraction.
    let whole = digits.len().checked_sub(exponent.unsigned_abs() as usize)?;
    readings::number(&digits[..whole], 0).filter(|_| whole == 10)
}

/// A name as text, control characters aside.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().filter(|letter| !letter.is_control()).collect()
}

/// Whether the last component of a temporary path is a name of its own.
pub(crate) fn component(path: &[u8]) -> Option<&[u8]> {
    let at = path.iter().rposition(|byte| *byte == b'/')?;
    let last = &path[at + 1..];
    (last.len() >= 6 && is_made_up(last)).then_some(last)
}
