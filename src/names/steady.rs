//! Texts without what differs from run to run: names, places and readings of the clock are named instead.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::clock::{Clock, Reading};
use super::fragments::SHORTEST;
use super::opaque::{Class, Piece, Splitter};
use super::{places, readings};
use crate::config::Names;
use crate::model::Run;
use crate::model::event::Started;

/// Most names whose parts are looked for.
const MOST: usize = 512;

/// Writes texts of one run as they are in every run: opaque names, places and readings of the clock are named, in the
/// order in which they come.
#[derive(Debug, Clone)]
pub struct Steady {
    splitter: Arc<Splitter>,
    /// Of the run, and of the one that it replays.
    clocks: Vec<Clock>,
    known: HashMap<(Class, Vec<u8>), usize>,
    counts: HashMap<&'static str, usize>,
    /// Names whose beginnings and ends stand for them.
    long: BTreeSet<(Class, Vec<u8>)>,
}

impl Steady {
    /// For a run, by what the project says about names.
    #[must_use]
    pub fn new(run: &Run, rules: &Names) -> Self {
        Self {
            splitter: Arc::new(splitter(&run.started, rules)),
            clocks: vec![clock(run)],
            known: HashMap::new(),
            counts: HashMap::new(),
            long: BTreeSet::new(),
        }
    }

    /// Looks at a text that will not be written, for names of which others have a part only.
    pub fn see(&mut self, text: &str) {
        let mut pieces = Vec::new();
        self.splitter.split(text.as_bytes(), &mut pieces);
        for piece in pieces.iter().filter(|piece| piece.sure && !piece.reading) {
            self.note(piece.class, piece.of(text.as_bytes()));
        }
    }

    fn note(&mut self, class: Class, name: &[u8]) {
        if matches!(class, Class::Hex | Class::Random) && name.len() > 2 * SHORTEST && self.long.len() < MOST {
            self.long.insert((class, name.to_ascii_lowercase()));
        }
    }

    /// The name that a word is the beginning or end of.
    fn whole(&self, word: &[u8]) -> Option<(Class, Vec<u8>)> {
        let is_piece = word.len() >= SHORTEST && word.iter().any(u8::is_ascii_digit);
        let word = is_piece.then(|| word.to_ascii_lowercase())?;
        let mut names = self.long.iter();
        let part = |name: &[u8]| name.len() > word.len() && (name.starts_with(&word) || name.ends_with(&word));
        names.find(|(_, name)| part(name)).cloned()
    }

    /// A stretch of a text without names, the beginnings and ends of names named.
    fn between(&mut self, text: &str, out: &mut String) {
        if self.long.is_empty() {
            return out.push_str(text);
        }
        for word in text.split_inclusive(|letter: char| !letter.is_alphanumeric()) {
            let plain = word.trim_end_matches(|letter: char| !letter.is_alphanumeric());
            match self.whole(plain.as_bytes()) {
                Some((class, name)) => {
                    let named = self.number(class, &name, true);
                    out.push_str(&named);
                    out.push_str(&word[plain.len()..]);
                }
                None => out.push_str(word),
            }
        }
    }

    /// For a replay: what it was served has readings of the clock of its recording.
    #[must_use]
    pub fn of_replay(replay: &Run, recorded: &Run, rules: &Names) -> Self {
        let mut out = Self::new(replay, rules);
        out.clocks.push(clock(recorded));
        out
    }

    /// A text with its volatile values named: `<uuid 1>`, `<name 1>`, `<path 1>`, `<port 1>`, `<time>`, `<home>`.
    pub fn text(&mut self, text: &str) -> String {
        let mut pieces = Vec::new();
        self.splitter.split(text.as_bytes(), &mut pieces);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for piece in pieces {
            let (start, end) = (piece.start as usize, piece.end as usize);
            if start < at || !text.is_char_boundary(start) || !text.is_char_boundary(end) {
                continue;
            }
            if let Some(name) = self.name(text, &piece) {
                self.between(&text[at..start], &mut out);
                out.push_str(&name);
                at = end;
            }
        }
        self.between(&text[at..], &mut out);
        out
    }

    fn name(&mut self, text: &str, piece: &Piece) -> Option<String> {
        let bytes = piece.of(text.as_bytes());
        if piece.reading && self.is_reading(text.as_bytes(), piece) {
            let timed = bytes.contains(&b':') || bytes.iter().all(u8::is_ascii_digit);
            return Some(if timed { "<time>" } else { "<date>" }.to_owned());
        }
        if piece.class == Class::Place {
            let form = self.splitter.forms().iter().find(|form| form.recorded == bytes)?;
            return Some(String::from_utf8_lossy(&form.new).into_owned());
        }
        if !piece.sure || piece.class == Class::Reading {
            return None;
        }
        if let Some((class, whole)) = self.whole(bytes) {
            return Some(self.number(class, &whole, true));
        }
        self.note(piece.class, bytes);
        Some(self.number(piece.class, bytes, false))
    }

    fn number(&mut self, class: Class, name: &[u8], is_part: bool) -> String {
        let word = match class {
            Class::Hex if name.len() == 36 => "uuid",
            Class::Temporary => "path",
            Class::Port => "port",
            _ => "name",
        };
        let counts = &mut self.counts;
        let number = self.known.entry((class, name.to_ascii_lowercase())).or_insert_with(|| {
            let count = counts.entry(word).or_default();
            *count += 1;
            *count
        });
        if is_part { format!("<part of {word} {number}>") } else { format!("<{word} {number}>") }
    }

    fn is_reading(&self, text: &[u8], piece: &Piece) -> bool {
        let (start, end) = (piece.start as usize, piece.end as usize);
        let Some(digit) = (start..end).find(|at| text[*at].is_ascii_digit()) else { return false };
        let found = readings::read(&text[..end], digit, start).filter(|found| found.end == end);
        let is_near = |clock: &Clock| {
            found.as_ref().is_some_and(|found| Reading::both_near(&found.reading, *clock, &found.reading, *clock))
        };
        self.clocks.iter().any(is_near)
    }
}

/// The time in which a run ran.
fn clock(run: &Run) -> Clock {
    let seconds = |micros: u64| i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
    let last = run.calls.values().filter_map(|call| call.ended).chain(run.ended.as_ref().map(|ended| ended.at));
    let now = last.max().unwrap_or(run.started.at);
    Clock { start: seconds(run.started.at.0), now: seconds(now.0) }
}

fn splitter(started: &Started, rules: &Names) -> Splitter {
    let mut places = started.places.clone();
    places.push(("directory".to_owned(), started.directory.clone()));
    let named: Vec<(String, String)> = places.iter().map(|(name, _)| (name.clone(), format!("<{name}>"))).collect();
    let temporary: Vec<&str> =
        places.iter().filter(|(name, _)| name == "tmp").map(|(_, value)| value.as_str()).collect();
    Splitter::new(places::forms(&places, &named), &temporary, rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Micros, RunGraph, RunId};

    /// A run that began this many microseconds after 1970.
    fn run(at: u64) -> Run {
        let started = Started {
            at: Micros(at),
            directory: "/home/ada/trip-planner".into(),
            places: vec![("home".into(), "/home/ada".into()), ("tmp".into(), "/tmp".into())],
            ..Started::default()
        };
        Run {
            id: RunId::from_seed(1),
            started,
            ended: None,
            calls: std::collections::BTreeMap::new(),
            announced: std::collections::BTreeMap::new(),
            graph: RunGraph::default(),
            output: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_a_replay_was_served_has_readings_of_the_recordings_clock() {
        let (recorded, replay) = (run(1_764_000_000_000_000), run(1_795_000_000_000_000));
        let rules = Names::default();
        let served = "On 2025-11-24 16:00:00, said on 2026-11-18";
        assert_eq!(Steady::new(&recorded, &rules).text(served), "On <time>, said on 2026-11-18");
        assert_eq!(Steady::new(&replay, &rules).text(served), "On 2025-11-24 16:00:00, said on <date>");
        let mut both = Steady::of_replay(&replay, &recorded, &rules);
        assert_eq!(both.text(served), "On <time>, said on <date>");
    }

    #[test]
    fn volatile_values_are_named_and_others_stay() {
        let mut steady = Steady::new(&run(1_764_000_000_000_000), &Names::default());
        for (text, expected) in [
            ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 again", "id <uuid 1> again"),
            ("3F2504E0-4F89-11D3-9A0C-0305E82C3301, 3f2504e0-4f89-11d3-9a0c-0305e82c3302", "<uuid 1>, <uuid 2>"),
            ("in /home/ada/trip-planner/a.txt, /home/ada/b", "in <directory>/a.txt, <home>/b"),
            ("Today is 2025-11-24, the fair was on 2019-05-01", "Today is <date>, the fair was on 2019-05-01"),
            ("at 2025-11-24T16:00:00Z", "at <time>"),
            ("http://127.0.0.1:43127/x costs 4999", "http://127.0.0.1:<port 1>/x costs 4999"),
            ("ü 2025-11-24 ü", "ü <date> ü"),
        ] {
            assert_eq!(steady.text(text), expected);
        }
    }

    #[test]
    fn parts_of_names_are_named_alike_with_and_without_letters() {
        let says = |name: &str, part: &str| {
            let mut steady = Steady::new(&run(1_764_000_000_000_000), &Names::default());
            steady.see(&format!("This is run {name}."));
            steady.text(&format!("Run {part} of {name}, 4999999 in all."))
        };
        let expected = "Run <part of uuid 1> of <uuid 1>, 4999999 in all.";
        assert_eq!(says("37511672-4f89-41d3-9a0c-0305e82c3301", "37511672"), expected);
        assert_eq!(says("3fa1167d-4f89-41d3-9a0c-0305e82c3301", "3fa1167d"), expected);
        assert_eq!(says("3fa1167d-4f89-41d3-9a0c-0305e82c3301", "0305E82C3301"), expected);
    }
}
