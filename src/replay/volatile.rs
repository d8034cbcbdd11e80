//! Values that differ from run to run, named: what a snapshot writes instead of them.

use std::collections::HashMap;

use super::clock::{Clock, Reading};
use super::opaque::{Class, Piece, Splitter};
use super::{places, readings};
use crate::config::Names;
use crate::model::Run;
use crate::model::event::Started;

/// Names opaque names, places and readings of the clock of one run, in the order in which they come.
#[derive(Debug)]
pub struct Placeholders {
    splitter: Splitter,
    clock: Clock,
    known: HashMap<(Class, Vec<u8>), String>,
    counts: HashMap<&'static str, usize>,
}

impl Placeholders {
    /// Those of a run, by what the project says about names.
    #[must_use]
    pub fn new(run: &Run, rules: &Names) -> Self {
        let seconds = |micros: u64| i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
        let last = run.calls.values().filter_map(|call| call.ended).chain(run.ended.as_ref().map(|ended| ended.at));
        let now = last.max().unwrap_or(run.started.at);
        Self {
            splitter: splitter(&run.started, rules),
            clock: Clock { start: seconds(run.started.at.0), now: seconds(now.0) },
            known: HashMap::new(),
            counts: HashMap::new(),
        }
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
                out.push_str(&text[at..start]);
                out.push_str(&name);
                at = end;
            }
        }
        out.push_str(&text[at..]);
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
        let word = match piece.class {
            Class::Hex if bytes.len() == 36 => "uuid",
            Class::Temporary => "path",
            Class::Port => "port",
            _ => "name",
        };
        let counts = &mut self.counts;
        let named = self.known.entry((piece.class, bytes.to_ascii_lowercase())).or_insert_with(|| {
            let count = counts.entry(word).or_default();
            *count += 1;
            format!("<{word} {count}>")
        });
        Some(named.clone())
    }

    fn is_reading(&self, text: &[u8], piece: &Piece) -> bool {
        let (start, end) = (piece.start as usize, piece.end as usize);
        let Some(digit) = (start..end).find(|at| text[*at].is_ascii_digit()) else { return false };
        let found = readings::read(&text[..end], digit, start).filter(|found| found.end == end);
        found.is_some_and(|found| Reading::both_near(&found.reading, self.clock, &found.reading, self.clock))
    }
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

    #[test]
    fn volatile_values_are_named_and_others_stay() {
        let started = Started {
            at: Micros(1_764_000_000_000_000),
            directory: "/home/ada/trip-planner".into(),
            places: vec![("home".into(), "/home/ada".into()), ("tmp".into(), "/tmp".into())],
            ..Started::default()
        };
        let run = Run {
            id: RunId::from_seed(1),
            started,
            ended: None,
            calls: std::collections::BTreeMap::new(),
            announced: std::collections::BTreeMap::new(),
            graph: RunGraph::default(),
            output: Vec::new(),
            notes: Vec::new(),
        };
        let mut placeholders = Placeholders::new(&run, &Names::default());
        for (text, expected) in [
            ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 again", "id <uuid 1> again"),
            ("3F2504E0-4F89-11D3-9A0C-0305E82C3301, 3f2504e0-4f89-11d3-9a0c-0305e82c3302", "<uuid 1>, <uuid 2>"),
            ("in /home/ada/trip-planner/a.txt, /home/ada/b", "in <directory>/a.txt, <home>/b"),
            ("Today is 2025-11-24, the fair was on 2019-05-01", "Today is <date>, the fair was on 2019-05-01"),
            ("at 2025-11-24T16:00:00Z", "at <time>"),
            ("http://127.0.0.1:43127/x costs 4999", "http://127.0.0.1:<port 1>/x costs 4999"),
            ("ü 2025-11-24 ü", "ü <date> ü"),
        ] {
            assert_eq!(placeholders.text(text), expected);
        }
    }
}
