//! Temporary paths: which component below a temporary directory was made up by a program.

use super::borders::{joins_after, joins_before};
use super::opaque::is_measure;
use super::scrambled::{is_unusual, may_be_scrambled};

pub(crate) fn starts_path(text: &[u8], start: usize) -> bool {
    start == 0 || !(joins_before(text, start) || matches!(text[start - 1], b'.' | b'~' | b'_'))
}

/// The end of a temporary path's first component, and whether it looks made up.
pub(crate) fn temporary(text: &[u8], start: usize) -> Option<(usize, bool)> {
    if !starts_path(text, start) {
        return None;
    }
    let rest = &text[start..];
    let inner = rest.strip_prefix(b"/private").unwrap_or(rest);
    let skipped = rest.len() - inner.len();
    if let Some(after) = inner.strip_prefix(b"/var/folders/") {
        // Below it stand two components for the user, then `T`.
        let mut parts = after.splitn(4, |byte| *byte == b'/');
        let (one, two, three) = (parts.next()?, parts.next()?, parts.next()?);
        return (three == b"T").then(|| below(text, start + skipped + 13 + one.len() + two.len() + 4))?;
    }
    let root = [&b"/tmp/"[..], b"/var/tmp/"].into_iter().find(|root| inner.starts_with(root))?;
    below(text, start + skipped + root.len())
}

/// The end of what stands first below a temporary directory, and whether it looks made up.
pub(crate) fn below(text: &[u8], begins: usize) -> Option<(usize, bool)> {
    let (end, sure) = component(text, begins)?;
    // pytest numbers the directories of a user: `pytest-of-me/pytest-12`.
    if text[begins..end].starts_with(b"pytest-of-")
        && text.get(end) == Some(&b'/')
        && let Some((inner, _)) = component(text, end + 1)
        && let Some(number) = text[end + 1..inner].strip_prefix(b"pytest-")
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
    {
        return Some((inner, true));
    }
    Some((end, sure))
}

fn component(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut end = start;
    while let Some(byte) = text.get(end) {
        let ends = match byte {
            0..=b' '
            | 0x7F
            | b'/'
            | b'\\'
            | b'"'
            | b'\''
            | b'`'
            | b'<'
            | b'>'
            | b'|'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b','
            | b';'
            | b'*'
            | b'?'
            | b'$'
            | b'&'
            | b'!' => true,
            b':' => !joins_after(text, end + 1),
            _ => false,
        };
        if ends {
            break;
        }
        end += 1;
    }
    while end > start && text[end - 1] == b'.' {
        end -= 1;
    }
    (end > start).then(|| (end, is_made_up(&text[start..end])))
}

/// Whether the name of a file or folder was made by a program: random, numbered or with a time. The number
/// or date in the name of a file (`invoice-10423.pdf`) says which file is meant, and so do words.
pub(crate) fn is_made_up(name: &[u8]) -> bool {
    let (stem, is_file) = stem(name);
    let digits = stem.iter().filter(|byte| byte.is_ascii_digit()).count();
    if (!is_file && digits >= 4 && !is_year(stem)) || longest_number(stem) >= 9 {
        return true;
    }
    // `tmpk3x9q2ab`, `tmp.Xa8dK2`, `.tmpAbC123`.
    let begun = stem.strip_prefix(b".").unwrap_or(stem);
    let after = [&b"tmp"[..], b"temp", b"Temp"].iter().filter_map(|start| begun.strip_prefix(*start)).next_back();
    if let Some(after) = after {
        // Python's eight characters may spell a word.
        let direct = after.len() == 8
            && after.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_');
        let rest = after.strip_prefix(b"-").or(after.strip_prefix(b".")).or(after.strip_prefix(b"_")).unwrap_or(after);
        let digit = rest.iter().any(u8::is_ascii_digit);
        if direct {
            return true;
        }
        if rest.len() >= 6 && (digit || changes(rest) >= 2 || is_unusual(rest)) {
            return true;
        }
    }
    // What `mkdtemp` makes of a prefix: eight characters in Python, six in Node.
    let mark = |length: usize| {
        let at = stem.len().checked_sub(length + 1)?;
        (at > 0 && matches!(stem[at], b'-' | b'.' | b'_')).then(|| &stem[at + 1..])
    };
    let small = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    if let Some(tail) = mark(8).filter(|tail| tail.iter().all(small)) {
        let digit = tail.iter().any(u8::is_ascii_digit) && tail.iter().any(u8::is_ascii_lowercase);
        if is_unusual(tail) || (digit && (!is_file || changes(tail) >= 3) && !is_measure(tail)) {
            return true;
        }
    }
    if let Some(tail) = mark(6).filter(|tail| !is_file && tail.iter().all(u8::is_ascii_alphanumeric)) {
        // A word has no digit, and no capital letter but its first.
        if tail.iter().any(u8::is_ascii_digit) && changes(tail) >= 1 && !is_measure(tail)
            || changes(tail) >= 2
            || tail[1..].iter().all(u8::is_ascii_alphabetic)
                && tail[1..].iter().any(u8::is_ascii_uppercase)
                && !is_camel(tail)
        {
            return true;
        }
    }
    stem.split(|byte| !byte.is_ascii_alphanumeric()).any(|word| {
        let digit = word.iter().any(u8::is_ascii_digit);
        word.len() >= 6 && !is_measure(word) && if digit { changes(word) >= 3 } else { may_be_scrambled(word) }
    })
}

/// Words that each begin with a capital letter: `MyFile`.
fn is_camel(word: &[u8]) -> bool {
    let humps = word.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    let runs = word.windows(2).filter(|pair| pair[0].is_ascii_uppercase() && pair[1].is_ascii_uppercase()).count();
    humps <= 1 && runs == 0
}

/// The name without its extension, and whether it has one.
fn stem(name: &[u8]) -> (&[u8], bool) {
    let mut end = name.len();
    while let Some(dot) = name[..end].iter().rposition(|byte| *byte == b'.') {
        let extension = &name[dot + 1..end];
        let is_one = (1..=5).contains(&extension.len())
            && extension[0].is_ascii_alphabetic()
            && extension.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if dot == 0 || !is_one {
            break;
        }
        end = dot;
    }
    (&name[..end], end < name.len())
}

/// Whether the only number in it is a year.
fn is_year(stem: &[u8]) -> bool {
    let mut numbers = stem.split(|byte| !byte.is_ascii_digit()).filter(|number| !number.is_empty());
    let first = numbers.next().unwrap_or_default();
    numbers.next().is_none() && first.len() == 4 && (first.starts_with(b"19") || first.starts_with(b"20"))
}

fn longest_number(stem: &[u8]) -> usize {
    stem.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or_default()
}

/// How often digits, small and capital letters change, but for a capital at the beginning of a word.
fn changes(word: &[u8]) -> usize {
    let kind = |byte: &u8| if byte.is_ascii_digit() { 0 } else { 1 + u8::from(byte.is_ascii_uppercase()) };
    word.windows(2)
        .filter(|pair| kind(&pair[0]) != kind(&pair[1]) && (kind(&pair[0]), kind(&pair[1])) != (2, 1))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_make_up_is_told_from_what_people_call_things() {
        for name in [
            "tmpk3x9q2ab",
            "tmp_5fj2k1a",
            "tmpqzxjwkvh",
            "tmpa_b2cd34",
            "tmp.Xa8dK2",
            ".tmpAbC123",
            "agent-k3x9q2ab",
            "agent_k3x9q2ab",
            "agent.zqxjkvwp",
            "agent-Xa8dK2",
            "job.88213",
            "run-2026-11-24T08:31:21",
            "x-1234567890.txt",
            "tmpk3x9q2ab.json",
            "upload-8d1f3a2b.pdf",
            "tmp8a2b3c4d.tar.gz",
            "temp123456",
            "scratch-kJhGfDsAqW",
        ] {
            assert!(is_made_up(name.as_bytes()), "{name}");
        }
        for name in [
            "report.txt",
            "report-november",
            "report-december",
            "my_document",
            "sales-contract",
            "report-2024.txt",
            "report_2025",
            "invoice-10423.pdf",
            "temperature.csv",
            "template.json",
            "MyReport.txt",
            "x-MyFile",
            "TheBigRedFox",
            "notes",
            "data-2026-11-24.csv",
            "temp_files",
            "tmp-backup",
            "q3.csv",
        ] {
            assert!(!is_made_up(name.as_bytes()), "{name}");
        }
    }
}
