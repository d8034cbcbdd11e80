//! What is said about runs after they ended: an append-only file of checked lines.
//!
//! A line is `1 <CRC-32 of the line without it, hex> <microseconds> <verb> <run> <text>`, with `\n`, `\r`, `\t` and `\\` written
//! out in the text. A torn line costs itself alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Damage, Error};
use crate::model::{Micros, RunId};

/// How long another process may hold the ledger.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something that was said about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// When.
    pub at: Micros,
    /// What.
    pub text: String,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Tag,
    Untag,
    Note,
    Remove,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Untag => "untag",
            Self::Note => "note",
            Self::Remove => "remove",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Tag, Self::Untag, Self::Note, Self::Remove].into_iter().find(|verb| verb.as_str() == word)
    }
}

/// All that the ledger says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) tags: BTreeMap<RunId, BTreeSet<String>>,
    pub(super) notes: BTreeMap<RunId, Vec<Remark>>,
    pub(super) removed: BTreeSet<RunId>,
    pub(super) damage: Vec<Damage>,
}

impl Said {
    pub(super) fn tags_of(&self, run: &RunId) -> Vec<String> {
        self.tags.get(run).into_iter().flatten().cloned().collect()
    }

    fn take(&mut self, at: Micros, verb: Verb, run: RunId, text: String) {
        match verb {
            Verb::Tag => {
                self.tags.entry(run).or_default().insert(text);
            }
            Verb::Untag => {
                self.tags.entry(run).or_default().remove(&text);
            }
            Verb::Note => self.notes.entry(run).or_default().push(Remark { at, text }),
            Verb::Remove => {
                self.tags.remove(&run);
                self.notes.remove(&run);
                self.removed.insert(run);
            }
        }
    }
}

/// Reads the ledger; one that is not there says nothing.
pub(super) fn read(path: &Path) -> Result<Said, Error> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => parse(&bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Said::default()),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn parse(bytes: &[u8]) -> Result<Said, Error> {
    let mut said = Said::default();
    let mut lines = bytes.split(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((index, bytes)) = lines.next() {
        let torn = lines.peek().is_none();
        match line(bytes) {
            _ if bytes.is_empty() => {}
            Line::Said(at, verb, run, text) => said.take(at, verb, run, text),
            Line::Newer(found) => return Err(Error::Newer { what: "the ledger".to_owned(), found, known: 1 }),
            Line::Damaged if torn => {}
            Line::Damaged => said.damage.push(Damage::Ledger { line: index + 1 }),
        }
    }
    Ok(said)
}

enum Line {
    Said(Micros, Verb, RunId, String),
    Newer(u16),
    Damaged,
}

fn line(bytes: &[u8]) -> Line {
    let read = || {
        let (version, rest) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        let (checksum, rest) = rest.split_once(' ')?;
        if u32::from_str_radix(checksum, 16).ok()? != sum(version, rest) {
            return None;
        }
        let version: u16 = version.parse().ok()?;
        if version > 1 {
            return Some(Line::Newer(version));
        }
        let mut words = rest.splitn(4, ' ');
        let at = Micros(words.next()?.parse().ok()?);
        let verb = Verb::parse(words.next()?)?;
        let run = RunId::parse(words.next()?)?;
        Some(Line::Said(at, verb, run, unescape(words.next()?)?))
    };
    read().unwrap_or(Line::Damaged)
}

fn write(at: Micros, verb: Verb, run: &RunId, text: &str) -> String {
    let rest = format!("{} {} {run} {}", at.0, verb.as_str(), escape(text));
    format!("1 {:08x} {rest}\n", sum("1", &rest))
}

fn sum(version: &str, rest: &str) -> u32 {
    crc32fast::hash(format!("{version} {rest}").as_bytes())
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '\\' => '\\',
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(plain)
}

/// Appends one line under the ledger's lock and syncs it to the disk.
pub(super) fn append(path: &Path, at: Micros, verb: Verb, run: &RunId, text: &str) -> Result<(), Error> {
    let fail = |error| Error::io("write", path, error);
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(fail)?;
    lock(&file, path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(fail)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    if whole < bytes.len() {
        // Its writer was killed: nobody was told that it was said.
        file.set_len(whole as u64).map_err(fail)?;
    }
    file.write_all(write(at, verb, run, text).as_bytes()).and_then(|()| file.sync_data()).map_err(fail)
}

/// Takes the exclusive lock of a file, waiting for others; a file system without locks goes without.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), Error> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match file.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: path.to_owned() }),
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> RunId {
        RunId::parse(text).unwrap()
    }

    #[test]
    fn lines_survive_what_stands_in_their_text() {
        let written = write(Micros(7), Verb::Note, &id("kkkkllll"), "a\nb\\n c\t\r");
        insta::assert_snapshot!(written.trim_end(), @r"1 7edfb939 7 note kkkkllll a\nb\\n c\t\r");
        let said = parse(written.as_bytes()).unwrap();
        let remark = Remark { at: Micros(7), text: "a\nb\\n c\t\r".to_owned() };
        assert_eq!(said.notes.get(&id("kkkkllll")), Some(&vec![remark]));
    }

    #[test]
    fn a_later_line_wins() {
        let run = id("zzzzyyyy");
        let lines = [(Verb::Tag, "one"), (Verb::Tag, "two"), (Verb::Untag, "one"), (Verb::Untag, "never")];
        let text: String = lines.iter().map(|(verb, text)| write(Micros(1), *verb, &run, text)).collect();
        assert_eq!(parse(text.as_bytes()).unwrap().tags_of(&run), ["two"]);
        let text = text + &write(Micros(2), Verb::Remove, &run, "");
        let said = parse(text.as_bytes()).unwrap();
        assert!(said.tags_of(&run).is_empty() && said.removed.contains(&run));
    }

    #[test]
    fn a_torn_line_is_no_damage_and_a_damaged_one_costs_itself() {
        let run = id("kkkkkkkk");
        let text = write(Micros(1), Verb::Tag, &run, "one") + &write(Micros(2), Verb::Tag, &run, "two");
        for end in 0..text.len() {
            let said = parse(&text.as_bytes()[..end]).unwrap();
            assert!(said.damage.is_empty(), "cut at {end}");
            assert!(said.tags_of(&run).len() <= 2);
        }
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            match parse(&bytes) {
                Ok(said) => assert!(said.tags_of(&run).len() < 2, "flipped at {place}"),
                Err(error) => panic!("flipped at {place}: {error}"),
            }
        }
    }
}
