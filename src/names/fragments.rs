//! Names that an answer abbreviates: the beginning or end of one, and ports without their host.
//!
//! A beginning or end of seven and more characters with a digit is renamed if all names that have it say
//! the same of it. What else may be a piece of a recorded name is reported.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::borders::{joins_after, joins_before};
use super::naming::{Bound, key};
use super::opaque::{Class, is_after_port, uuid};
use super::rename::dashed;

/// Shortest beginning or end that stands for its name.
pub(crate) const SHORTEST: usize = 7;
/// Shortest piece of a name that is reported.
const REPORTED: usize = 6;
/// Most names that are looked for in an answer.
const MOST: usize = 512;

/// A name, and whether it is written in small and capital letters alike.
#[derive(Debug)]
struct Name {
    old: Vec<u8>,
    new: Vec<u8>,
    hex: bool,
}

/// Finds pieces of names.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    names: Vec<Name>,
    heads: HashMap<Vec<u8>, Vec<usize>>,
    tails: HashMap<Vec<u8>, Vec<usize>>,
    ports: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Fragments {
    /// For these names; those that stood unchanged speak against a piece that they share.
    pub(crate) fn new<'a>(renamed: &[Bound], unchanged: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut found = Self::default();
        for bound in renamed.iter().filter(|bound| bound.recorded != bound.new) {
            match bound.class {
                Class::Port => found.ports.push((bound.recorded.clone(), bound.new.clone())),
                Class::Hex | Class::Random if is_long(bound) && found.names.len() < MOST => {
                    let written = |name| key(bound.class, name).into_owned();
                    found.add(written(&bound.recorded), written(&bound.new), bound.class == Class::Hex);
                }
                _ => {}
            }
        }
        if !found.names.is_empty() {
            let shared: Vec<&[u8]> = unchanged.filter(|name| found.shares(name)).collect();
            for name in shared {
                found.add(name.to_vec(), name.to_vec(), name.iter().all(u8::is_ascii_hexdigit));
            }
        }
        found
    }

    fn add(&mut self, old: Vec<u8>, new: Vec<u8>, hex: bool) {
        let place = self.names.len();
        self.heads.entry(fold(&old[..SHORTEST])).or_default().push(place);
        self.tails.entry(fold(&old[old.len() - SHORTEST..])).or_default().push(place);
        self.names.push(Name { old, new, hex });
    }

    /// Whether a name begins or ends as one of these does.
    pub(crate) fn shares(&self, name: &[u8]) -> bool {
        name.len() >= SHORTEST
            && (self.heads.contains_key(&fold(&name[..SHORTEST]))
                || self.tails.contains_key(&fold(&name[name.len() - SHORTEST..])))
    }

    /// Pieces of names in a part of a text, and what stands there now.
    pub(crate) fn find(&self, text: &[u8], part: Range<usize>, out: &mut Vec<(Range<usize>, Vec<u8>)>) {
        if self.names.is_empty() && self.ports.is_empty() {
            return;
        }
        let mut floor = part.start;
        for word in words(text, part) {
            if word.start < floor {
                continue;
            }
            if let Some((range, with)) = self.port(text, &word).or_else(|| self.piece(text, &word)) {
                floor = range.end;
                if text[range.clone()] != with[..] {
                    out.push((range, with));
                }
            }
        }
    }

    fn port(&self, text: &[u8], word: &Range<usize>) -> Option<(Range<usize>, Vec<u8>)> {
        let (_, new) = self.ports.iter().find(|(old, _)| *old == text[word.clone()])?;
        is_after_port(text, word.start).then(|| (word.clone(), new.clone()))
    }

    fn piece(&self, text: &[u8], word: &Range<usize>) -> Option<(Range<usize>, Vec<u8>)> {
        let written = &text[word.clone()];
        if written.len() < SHORTEST || !written.iter().any(u8::is_ascii_digit) {
            return None;
        }
        let heads = self.heads.get(&fold(&written[..SHORTEST])).into_iter().flatten();
        let tails = self.tails.get(&fold(&written[written.len() - SHORTEST..])).into_iter().flatten();
        let mut found: BTreeSet<(usize, usize, Vec<u8>)> = BTreeSet::new();
        for place in heads {
            let Some((range, with)) = self.names[*place].head(text, word) else { continue };
            found.insert((range.start, range.end, with));
        }
        for place in tails {
            let Some((range, with)) = self.names[*place].tail(text, word) else { continue };
            found.insert((range.start, range.end, with));
        }
        // Names that begin alike say different things of it.
        let (start, end, with) = found.pop_first().filter(|_| found.is_empty())?;
        Some((start..end, with))
    }

    /// What may be a piece of a recorded name in a text that was renamed.
    pub(crate) fn stale(&self, text: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for word in words(text, 0..text.len()) {
            let written = &text[word.clone()];
            let elided = [&b"..."[..], "…".as_bytes()].iter().any(|dots| text[word.end..].starts_with(dots));
            let least = if elided { 4 } else { REPORTED + usize::from(!is_mixed(written)) };
            let piece = written.len() >= least;
            if self.ports.iter().any(|(old, _)| *old == written) && !self.ports.iter().any(|(_, new)| *new == written) {
                found.insert(show(written));
            } else if piece {
                // A whole uuid is a name of its own.
                let whole =
                    uuid(text, word.start, 0).map(|(start, end)| key(Class::Hex, &text[start..end]).into_owned());
                if whole.is_some_and(|whole| !self.names.iter().any(|name| name.old == whole)) {
                    continue;
                }
                let has = |name: &[u8], hex: bool| {
                    let (name, written) = if hex { (fold(name), fold(written)) } else { (name.into(), written.into()) };
                    if elided {
                        name.starts_with(&written)
                    } else {
                        memchr::memmem::find(&name, &written).is_some()
                            || (name.len() > REPORTED * 2 && memchr::memmem::find(&written, &name).is_some())
                    }
                };
                let old = self.names.iter().any(|name| name.old != name.new && has(&name.old, name.hex));
                if old && !self.names.iter().any(|name| has(&name.new, name.hex)) {
                    found.insert(show(written));
                }
            }
        }
        found
    }
}

impl Name {
    /// What stands instead of a word that begins as the name does.
    fn head(&self, text: &[u8], word: &Range<usize>) -> Option<(Range<usize>, Vec<u8>)> {
        let rest = &text[word.start..];
        let mut spellings = vec![(self.old.clone(), self.new.clone())];
        if self.hex && self.old.len() == 32 && self.new.len() == 32 {
            spellings.insert(0, (dashed(&self.old), dashed(&self.new)));
        }
        spellings.into_iter().find_map(|(old, new)| {
            let mut length = rest.iter().zip(&old).take_while(|(a, b)| self.equal(**a, **b)).count();
            while length > 0 && rest[length - 1] == b'-' {
                length -= 1;
            }
            let after = |place: usize| rest.get(length + place).copied().unwrap_or(b' ');
            let ends = !(joins_after(rest, length) || self.hex && after(0) == b'-' && after(1).is_ascii_hexdigit());
            (length >= SHORTEST + usize::from(!self.hex) && ends)
                .then(|| (word.start..word.start + length, like(&rest[..length], &new[..length])))
        })
    }

    /// What stands instead of a word that ends as the name does.
    fn tail(&self, text: &[u8], word: &Range<usize>) -> Option<(Range<usize>, Vec<u8>)> {
        let written = &text[word.clone()];
        let start = self.old.len().checked_sub(written.len())?;
        let same = written.iter().zip(&self.old[start..]).all(|(a, b)| self.equal(*a, *b));
        let before = &text[..word.start];
        let other = before.ends_with(b"-") && before.iter().rev().skip(1).take(4).all(u8::is_ascii_hexdigit);
        (same && !other && (self.hex || written.len() > SHORTEST))
            .then(|| (word.clone(), like(written, &self.new[start..])))
    }

    fn equal(&self, one: u8, other: u8) -> bool {
        one == other || (self.hex && one.eq_ignore_ascii_case(&other))
    }
}

/// Whether a new text is to a recorded one as the names are that it is a piece of; `None` if it is a piece of none.
pub(crate) fn follows<'a>(names: impl Iterator<Item = &'a Bound>, old: &[u8], new: &[u8]) -> Option<bool> {
    if old.len() < SHORTEST || old.len() != new.len() {
        return None;
    }
    let mut found = None;
    for bound in names.filter(|bound| matches!(bound.class, Class::Hex | Class::Random) && is_long(bound)) {
        let (name, now) = (key(bound.class, &bound.recorded), key(bound.class, &bound.new));
        if name.len() <= old.len() || name.len() != now.len() {
            continue;
        }
        let end = name.len() - old.len();
        for range in [0..old.len(), end..name.len()] {
            if name[range.clone()] == *old {
                found = Some(found.unwrap_or(false) || now[range] == *new);
            }
        }
    }
    found
}

fn is_long(bound: &Bound) -> bool {
    bound.recorded.len() >= 12 && bound.recorded.len() == bound.new.len()
}

fn is_mixed(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_digit) && word.iter().any(u8::is_ascii_alphabetic)
}

fn fold(text: &[u8]) -> Vec<u8> {
    text.to_ascii_lowercase()
}

/// The text in capitals if the other one is.
fn like(written: &[u8], text: &[u8]) -> Vec<u8> {
    let hex = text.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let capitals = written.iter().any(u8::is_ascii_uppercase) && !written.iter().any(u8::is_ascii_lowercase);
    if hex && capitals { text.to_ascii_uppercase() } else { text.to_vec() }
}

/// Words of letters and digits of ASCII in a part of a text.
fn words(text: &[u8], part: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = part.start;
    std::iter::from_fn(move || {
        loop {
            while at < part.end && !text[at].is_ascii_alphanumeric() {
                at += 1;
            }
            let start = at;
            while at < part.end && text[at].is_ascii_alphanumeric() {
                at += 1;
            }
            if at == start || !(joins_before(text, start) || joins_after(text, at)) {
                return (at > start).then_some(start..at);
            }
        }
    })
}
