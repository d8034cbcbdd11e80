//! Takes text apart into literals, opaque names, places and readings of the clock, in one pass.
//!
//! What is found is a candidate. Whether two candidates that differ may stand for each other is
//! decided on both together ([`super::naming`]): one of them must surely be a name, and the other
//! have its length and alphabet. That keeps random hex apart from numbers and words even where one
//! side came out without a letter. Two pieces of hex of which neither is sure may be names too if
//! they have no letters in common that stand together.
//!
//! Names: uuids; hex of 7 and more characters in which letters and digits alternate at least twice;
//! the random tail of `prefix_tail` and `prefix-tail`, with digits or without, and random text of 16
//! and more characters with a digit; the first component below a temporary directory, where it looks made up; a
//! port from 1024 on after a loopback host; what `retake.toml` adds. Commit ids are names. Numbers,
//! words, dates, versions, model names, colours, coded text and anything inside base64 are none.

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::Regex;

use super::borders::{joins_after, joins_before, word_around};
use super::places::{Form, stands_alone};
use super::readings;
use super::scrambled::{is_encoded_text, is_scrambled, may_be_scrambled};
use super::temporary::{below, starts_path, temporary};
use crate::config::Names;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A uuid or hex.
    Hex,
    /// Letters and digits without sense.
    Random,
    /// A path from the temporary directory's root to its first component.
    Temporary,
    /// A port after a loopback host.
    Port,
    /// A written form of a place, or a name that the user pinned.
    Place,
    /// What the user's pattern matches.
    Pattern,
    /// A date or time only.
    Reading,
}

/// A piece of text that is no literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) class: Class,
    /// Whether it is a name whatever the other side has.
    pub(crate) sure: bool,
    /// Whether it may be a reading of the clock.
    pub(crate) reading: bool,
}

impl Piece {
    /// Its bytes.
    pub(crate) fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..self.end as usize]
    }

    /// Whether it is a name, or would be one beside another that is.
    pub(crate) fn is_or_may_be_name(&self) -> bool {
        self.sure || (!self.reading && matches!(self.class, Class::Hex | Class::Random))
    }
}

/// Finds the pieces of texts.
#[derive(Debug)]
pub(crate) struct Splitter {
    forms: Vec<Form>,
    finder: Option<AhoCorasick>,
    /// From this pattern of the finder on: temporary directories.
    roots: usize,
    patterns: Vec<Regex>,
    never: HashSet<Vec<u8>>,
}

/// Where temporary files usually are.
const USUAL: [&str; 5] = ["/tmp", "/var/tmp", "/private/tmp", "/var/folders", "/private/var/folders"];

/// Longest word that can be a name.
const LONGEST: usize = 128;

impl Splitter {
    /// A splitter for these places; `temporary` names directories beside the usual ones.
    pub(crate) fn new(forms: Vec<Form>, temporary: &[&str], rules: &Names) -> Self {
        let mut forms = forms;
        for (recorded, new) in &rules.pin {
            forms.retain(|form| form.recorded != recorded.as_bytes() && form.new != new.as_bytes());
            forms.push(Form { recorded: recorded.clone().into_bytes(), new: new.clone().into_bytes() });
        }
        forms.retain(|form| !form.recorded.is_empty() && !form.new.is_empty());
        let mut words: Vec<Vec<u8>> = forms.iter().flat_map(|form| [form.recorded.clone(), form.new.clone()]).collect();
        let roots = words.len();
        for root in USUAL.iter().chain(temporary) {
            let root = format!("{}/", root.trim_end_matches('/')).into_bytes();
            if root.len() > 2 && !words[roots..].contains(&root) {
                words.push(root);
            }
        }
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&words).ok();
        let patterns = rules.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
        let never = rules.never.iter().map(|name| name.clone().into_bytes()).collect();
        Self { forms, finder, roots, patterns, never }
    }

    /// The written forms of places.
    pub(crate) fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// Whether the user says that this is no name.
    pub(crate) fn excludes(&self, word: &[u8]) -> bool {
        self.never.contains(word)
    }

    /// Appends the pieces of a text, in order.
    pub(crate) fn split(&self, text: &[u8], out: &mut Vec<Piece>) {
        if text.len() < 3 || u32::try_from(text.len()).is_err() {
            return;
        }
        let mut floor = 0;
        for hit in self.hits(text) {
            let start = hit.start as usize;
            if start >= floor {
                self.between(&text[..start], floor, out);
                if !self.never.contains(hit.of(text)) {
                    out.push(hit);
                }
                floor = hit.end as usize;
            }
        }
        self.between(text, floor, out);
    }

    /// Appends the pieces that begin with a digit or contain one, from `floor` on.
    fn between(&self, text: &[u8], mut floor: usize, out: &mut Vec<Piece>) {
        let mut at = floor;
        while let Some(digit) = next_digit(text, at) {
            let (start, end) = word_around(text, digit, floor);
            floor = self.letters(text, at, start, out).unwrap_or(floor);
            at = end;
            if let Some(piece) = self.word(text, digit, start, end, floor) {
                floor = piece.end as usize;
                at = floor;
                if !self.never.contains(piece.of(text)) {
                    out.push(piece);
                }
            }
        }
        self.letters(text, at, text.len(), out);
    }

    /// Appends the random tails without a digit of `prefix_tail` and `prefix-tail`; returns the end of the last.
    fn letters(&self, text: &[u8], from: usize, to: usize, out: &mut Vec<Piece>) -> Option<usize> {
        let mut last = None;
        for mark in memchr::memchr2_iter(b'_', b'-', text.get(from..to)?) {
            let start = from + mark + 1;
            let length = text[start..to].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            let end = start + length;
            if !(8..=LONGEST).contains(&length) || start < 2 || !text[start - 2].is_ascii_alphanumeric() {
                continue;
            }
            let word = &text[start..end];
            let ends = !joins_after(text, end);
            if ends && may_be_scrambled(word) && !self.never.contains(word) {
                let sure = is_scrambled(word) && !is_encoded_text(word) && !in_base64(text, start, end);
                out.push(piece(start, end, Class::Random, sure));
                last = Some(end);
            }
        }
        last
    }

    /// Places, temporary paths and matches of the user's patterns, in order.
    fn hits(&self, text: &[u8]) -> Vec<Piece> {
        let mut hits = Vec::new();
        let mut at = 0;
        if self.roots == 0 && self.patterns.is_empty() && memchr::memchr(b'/', text).is_none() {
            return hits;
        }
        while let Some(finder) = &self.finder
            && let Some(found) = finder.find(aho_corasick::Input::new(text).range(at..))
        {
            at = found.start() + 1;
            let place = found.pattern().as_usize() < self.roots;
            if place && stands_alone(text, found.start(), found.end()) {
                hits.push(piece(found.start(), found.end(), Class::Place, true));
                at = found.end();
            } else if found.pattern().as_usize() >= self.roots + USUAL.len()
                && starts_path(text, found.start())
                && let Some((end, sure)) = below(text, found.end())
            {
                // Below the run's own temporary directory, wherever it is.
                hits.push(piece(found.start(), end, Class::Temporary, sure));
                at = end;
            } else if let Some((end, sure)) = temporary(text, found.start()) {
                hits.push(piece(found.start(), end, Class::Temporary, sure));
                at = end;
            } else if !place
                && let Some((end, sure)) = below(text, found.end())
                && starts_path(text, found.start())
            {
                hits.push(piece(found.start(), end, Class::Temporary, sure));
                at = end;
            }
        }
        for pattern in &self.patterns {
            for found in pattern.captures_iter(text) {
                let found = found.get(1).or_else(|| found.get(0));
                if let Some(found) = found.filter(|found| !found.is_empty()) {
                    hits.push(piece(found.start(), found.end(), Class::Pattern, true));
                }
            }
        }
        if !self.patterns.is_empty() {
            hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
        }
        hits
    }

    /// The piece that a word with a digit belongs to.
    fn word(&self, text: &[u8], digit: usize, start: usize, end: usize, floor: usize) -> Option<Piece> {
        if let Some((start, end)) = uuid(text, start, floor) {
            return Some(piece(start, end, Class::Hex, true));
        }
        let begins = text.get(start).is_some_and(u8::is_ascii_digit);
        if begins && let Some(end) = port(text, start, end) {
            return Some(piece(start, end, Class::Port, true));
        }
        if begins && is_port(&text[start..end]) && is_after_port(text, start) {
            return Some(piece(start, end, Class::Port, false));
        }
        let word = &text[start..end];
        let known = classify(text, start, end);
        if begins
            && digit == start
            && let Some(found) = readings::read(text, start, floor)
        {
            let (class, sure) =
                known.filter(|_| (found.start, found.end) == (start, end)).unwrap_or((Class::Reading, false));
            return Some(Piece { reading: true, ..piece(found.start, found.end, class, sure) });
        }
        if self.never.contains(word) {
            return None;
        }
        let (class, sure) = known?;
        let start = if class == Class::Hex && word.starts_with(b"0x") { start + 2 } else { start };
        Some(piece(start, end, class, sure))
    }
}

fn piece(start: usize, end: usize, class: Class, sure: bool) -> Piece {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Piece { start: offset(start), end: offset(end), class, sure, reading: false }
}

fn next_digit(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for chunk in text.get(from..)?.chunks(32) {
        // Without branches, so that it is done for many bytes at once.
        if chunk.iter().fold(0, |found, byte| found | u8::from(byte.wrapping_sub(b'0') < 10)) != 0 {
            return chunk.iter().position(u8::is_ascii_digit).map(|place| at + place);
        }
        at += chunk.len();
    }
    None
}

/// The uuid with dashes that a word belongs to.
pub(crate) fn uuid(text: &[u8], start: usize, floor: usize) -> Option<(usize, usize)> {
    [0, 9, 14, 19, 24].into_iter().find_map(|back| {
        let start = start.checked_sub(back).filter(|start| *start >= floor)?;
        let bytes = text.get(start..start + 36)?;
        let shaped = bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        let free = !joins_before(text, start) && !joins_after(text, start + 36);
        (shaped && free).then_some((start, start + 36))
    })
}

/// The end of the port that begins here, after a loopback host.
fn port(text: &[u8], start: usize, end: usize) -> Option<usize> {
    if start == 0 || text[start - 1] != b':' {
        return None;
    }
    let host = &text[..start - 1];
    let loopback = LOOPBACK.iter().any(|name| host.ends_with(name.as_bytes()));
    (loopback && is_port(&text[start..end])).then_some(end)
}

/// Whether digits are the number of a port that programs may draw.
pub(crate) fn is_port(digits: &[u8]) -> bool {
    let value: Option<u32> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    (4..=5).contains(&digits.len()) && value.is_some_and(|value| (1024..=65_535).contains(&value))
}

/// Whether the word `port` stands before a number, or a colon that follows no host.
pub(crate) fn is_after_port(text: &[u8], start: usize) -> bool {
    let before = &text[start.saturating_sub(24)..start];
    let mark = |byte: &u8| matches!(byte, b' ' | b':' | b'=' | b'#' | b'"' | b'\'' | b'`' | b'*' | b'\\');
    let word = before.len() - before.iter().rev().take_while(|byte| mark(byte)).count();
    let before_word = &before[..word];
    if word < before.len()
        && let Some(from) = before_word.len().checked_sub(4)
        && before_word[from..].eq_ignore_ascii_case(b"port")
    {
        return true;
    }
    before.ends_with(b":") && before.iter().rev().nth(1).is_none_or(|byte| matches!(byte, b' ' | b'(' | b'`' | b'\n'))
}

/// Hosts whose ports are drawn anew by each run.
pub(crate) const LOOPBACK: [&str; 4] = ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"];

/// How a word between other characters looks.
fn classify(text: &[u8], start: usize, end: usize) -> Option<(Class, bool)> {
    let whole = &text[start..end];
    let word = whole.strip_prefix(b"0x").unwrap_or(whole);
    if !(7..=LONGEST).contains(&word.len()) || word.iter().any(|byte| *byte >= 0x80) {
        return None;
    }
    let (mut digits, mut changes, mut lower, mut upper, mut hex) = (0, 0, 0, 0, true);
    let mut before = b'.';
    for byte in word {
        hex &= byte.is_ascii_hexdigit();
        let kind = match byte {
            b'0'..=b'9' => {
                digits += 1;
                b'0'
            }
            b'a'..=b'z' => {
                lower += 1;
                b'a'
            }
            _ => {
                upper += 1;
                b'A'
            }
        };
        // A capital letter begins a word as often as not.
        changes += usize::from(kind != before && before != b'.' && (before, kind) != (b'A', b'a'));
        before = kind;
    }
    if hex && (lower == 0 || upper == 0) {
        let letters = word.len() - digits;
        let sure = letters > 0
            && digits >= 2
            && changes >= 2
            && !is_exponent(word, letters)
            && if word.len() >= 16 { !is_encoded_text(word) } else { !spells(word, 4) };
        return Some((Class::Hex, sure && !in_base64(text, start, end)));
    }
    if word.len() < 8 {
        return None;
    }
    let tail = start >= 2 && matches!(text[start - 1], b'_' | b'-') && text[start - 2].is_ascii_alphanumeric();
    let long = word.len() >= 16;
    let mixed = digits >= 1 && changes >= (word.len() / 4).max(if tail { 3 } else { 4 });
    let random = (tail || long) && (mixed || is_scrambled(word));
    let sure = random && !is_measure(word) && !is_encoded_text(word) && !in_base64(text, start, end);
    Some((Class::Random, sure))
}

/// Whether letters of a short hex text are a word of so many letters at least: `face2face1`.
pub(crate) fn spells(word: &[u8], least: usize) -> bool {
    const WORDS: [&str; 29] = [
        "abed", "accede", "ace", "add", "added", "babe", "bad", "bade", "bead", "bed", "beef", "cab", "cafe", "ceded",
        "dab", "dad", "dead", "deaf", "decade", "deed", "deface", "facade", "face", "faced", "fad", "fade", "faded",
        "fee", "feed",
    ];
    word.split(u8::is_ascii_digit).filter(|run| run.len() >= least).any(|run| {
        let run = run.to_ascii_lowercase();
        WORDS.iter().any(|known| known.as_bytes() == run)
    })
}

/// `12e34567`: a number.
fn is_exponent(word: &[u8], letters: usize) -> bool {
    letters == 1 && word.iter().any(|byte| matches!(byte, b'e' | b'E'))
}

/// `1h30m15s`, `1920x1080p60`, `10gb20mb30`: numbers and their units, which are of one kind.
pub(crate) fn is_measure(word: &[u8]) -> bool {
    const KINDS: [&[&str]; 3] = [
        &["w", "d", "h", "m", "min", "s", "ms", "us", "ns", "y"],
        &["b", "k", "kb", "m", "mb", "g", "gb", "tb"],
        &["x", "y", "p", "k", "px", "pt", "fps"],
    ];
    let units = || word.split(u8::is_ascii_digit).filter(|unit| !unit.is_empty());
    let is_one = |kind: &[&str], unit: &[u8]| kind.iter().any(|known| unit.eq_ignore_ascii_case(known.as_bytes()));
    word.first().is_some_and(u8::is_ascii_digit) && KINDS.iter().any(|kind| units().all(|unit| is_one(kind, unit)))
}

/// Whether a word stands within a long run of base64, in which words mean nothing.
fn in_base64(text: &[u8], start: usize, end: usize) -> bool {
    const REACH: usize = 160;
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-');
    let before = text[..start].iter().rev().take(REACH).take_while(part).count();
    let after = text[end..].iter().take(REACH).take_while(part).count();
    let run = &text[start - before..end + after];
    run.len() > LONGEST && (run.iter().any(|byte| matches!(byte, b'+' | b'=')) || before + after >= REACH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitter() -> Splitter {
        let forms = vec![Form { recorded: b"/home/me".to_vec(), new: b"/root".to_vec() }];
        let rules = Names {
            pin: vec![("blue-7".into(), "blue-8".into())],
            never: vec!["cafe1babe2".into()],
            patterns: vec!["job-([0-9]+)".into()],
        };
        Splitter::new(forms, &["/scratch"], &rules)
    }

    /// The text with its pieces marked: `<…>` sure names, `{…}` readings, `(…)` what may be one.
    fn check(text: &str, expected: &str) {
        let mut pieces = Vec::new();
        splitter().split(text.as_bytes(), &mut pieces);
        let mut out = String::new();
        let mut at = 0;
        for piece in pieces {
            let (start, end) = (piece.start as usize, piece.end as usize);
            out.push_str(&text[at..start]);
            let (open, close) = match (piece.sure, piece.reading) {
                (true, _) => ('<', '>'),
                (false, true) => ('{', '}'),
                (false, false) => ('(', ')'),
            };
            out.push(open);
            out.push_str(&text[start..end]);
            out.push(close);
            at = end;
        }
        out.push_str(&text[at..]);
        assert_eq!(out, expected);
    }

    #[test]
    fn opaque_names_are_found() {
        check("id 8D1F3A2b-1111-4222-8333-abcdefabcdef.", "id <8D1F3A2b-1111-4222-8333-abcdefabcdef>.");
        check("abcdefab-abcd-4222-8333-abcdefabcdef", "<abcdefab-abcd-4222-8333-abcdefabcdef>");
        check("run--019aa2f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b", "run--<019aa2f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b>");
        check("lc_run--019aa2f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b-0", "lc_run--<019aa2f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b>-0");
        check("commit 3f2a9c1d0b7e6f5a4d3c2b1a0f9e8d7c6b5a4f3e", "commit <3f2a9c1d0b7e6f5a4d3c2b1a0f9e8d7c6b5a4f3e>");
        check("chunk 8d1f3a2b", "chunk <8d1f3a2b>");
        check("commit 3f2a9c1, “8d1f3a2b”, 番号は8d1f3a2bです", "commit <3f2a9c1>, “<8d1f3a2b>”, 番号は<8d1f3a2b>です");
        check("sess_kJhGfDsAqWeRtYuI x-request-VbXqTzKw", "sess_<kJhGfDsAqWeRtYuI> x-request-(VbXqTzKw)");
        check("at 0x7ffd12ab34", "at 0x<7ffd12ab34>");
        check("call_JxAU7c2Qw9LmZt4R", "call_<JxAU7c2Qw9LmZt4R>");
        check("toolu_01A09q90qw90lq917835lq9", "toolu_<01A09q90qw90lq917835lq9>");
        check("chatcmpl-9Xb2kQ7ZpL4mN8vT", "chatcmpl-<9Xb2kQ7ZpL4mN8vT>");
        check("in /tmp/tmpk3x9q2ab/out.txt now", "in </tmp/tmpk3x9q2ab>/out.txt now");
        check("/tmp/run-2026-11-24T08:31:21: no", "</tmp/run-2026-11-24T08:31:21>: no");
        check("/tmp/pytest-of-me/pytest-12/test_a0", "</tmp/pytest-of-me/pytest-12>/test_a0");
        check("/scratch/pytest-of-me/pytest-3/test_b1", "</scratch/pytest-of-me/pytest-3>/test_b1");
        check("/var/folders/zz/zyx1/T/pytest-of-ci/pytest-0/x", "</var/folders/zz/zyx1/T/pytest-of-ci/pytest-0>/x");
        check("/var/folders/zz/zyx1/T/agent.Xa8dK2/f", "</var/folders/zz/zyx1/T/agent.Xa8dK2>/f");
        check("/scratch/job.88213/x", "</scratch/job.88213>/x");
        check("http://127.0.0.1:43121/v1 localhost:8080", "http://127.0.0.1:<43121>/v1 localhost:<8080>");
        check("cd /home/me/x and /root/x", "cd </home/me>/x and </root>/x");
        check("blue-7 blue-8 blue-9", "<blue-7> <blue-8> blue-9");
        check("job-4711 cafe1babe2 12", "job-<4711> cafe1babe2 12");
    }

    #[test]
    fn numbers_words_and_versions_are_no_names() {
        for text in [
            "order 4711, 42 items at 49.99",
            "facade deadbeef decade x86_64 utf8 sha256",
            "version 1.2.3-rc4 of v2",
            "#ff8800 and #1a2b3c",
            "gpt-4o and claude-3-5-sonnet",
            "/tmp/report.txt is",
            "example.com:8443",
            "größe8größe8",
        ] {
            check(&text.replace("/tmp/report.txt", "report.txt"), &text.replace("/tmp/report.txt", "report.txt"));
        }
        check("abcd1234 is", "(abcd1234) is");
        check("face2face talk", "(face2face) talk");
        check("wait 1h30m15s or timeout_1h30m15s", "wait (1h30m15s) or timeout_(1h30m15s)");
        check("card 4242424242424242", "card (4242424242424242)");
        check("gpt-4o-2024-08-06", "gpt-4o-{2024-08-06}");
        check("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-{20241022}");
        check("12345e67 kWh", "(12345e67) kWh");
        check("/tmp/report.txt", "(/tmp/report.txt)");
        let image =
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg".repeat(3);
        let mut pieces = Vec::new();
        splitter().split(image.as_bytes(), &mut pieces);
        assert!(pieces.iter().all(|piece| !piece.sure), "{pieces:?}");
    }

    #[test]
    fn readings_stand_beside_names() {
        check("Today is Tue Nov 24 2026, ok", "Today is {Tue Nov 24 2026}, ok");
        check("log_20261124_083121_8d1f3a2b", "log_{20261124_083121}_<8d1f3a2b>");
        check("at 1795509081 or 12345", "at {1795509081} or 12345");
    }

    #[test]
    fn any_bytes_can_be_split() {
        use proptest::prelude::*;
        let splitter = splitter();
        let text = "(/tmp/|[0-9a-f]{1,9}|-|:|_| |[a-zA-Z0-9]{1,6}|127.0.0.1:|/home/me|Nov |é|2026-11-24){0,20}";
        proptest!(|(text in text)| {
            let mut pieces = Vec::new();
            splitter.split(text.as_bytes(), &mut pieces);
            let mut at = 0;
            for piece in &pieces {
                prop_assert!(piece.start >= at && piece.end > piece.start && piece.end as usize <= text.len(), "{pieces:?}");
                at = piece.end;
            }
        });
    }
}
