//! Secrets that are known as values, found in every form they are written in.

use std::collections::HashMap;
use std::fmt::Write;

use regex::bytes::{Regex, RegexBuilder};

use super::coding::{base64, is_base64};
use super::scan::{Hit, Source};

/// A value shorter than this stands in too many places.
const SHORTEST: usize = 6;

/// A value longer than this is no credential.
const LONGEST: usize = 16 * 1024;

/// Known values, ready to be looked for.
pub(super) struct Known {
    secrets: Vec<Vec<u8>>,
    /// Values of letters and digits, and the base64 of all.
    plain: Option<Regex>,
    /// Which value a match of `plain` is, and whether it is base64.
    matches: HashMap<Vec<u8>, (usize, bool)>,
    /// Values with signs that are written in several ways.
    odd: Vec<(Regex, usize)>,
}

impl Known {
    pub(super) fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut known = Self { secrets: Vec::new(), plain: None, matches: HashMap::new(), odd: Vec::new() };
        for value in values.filter(|value| (SHORTEST..LONGEST).contains(&value.len())) {
            let index = known.secrets.len();
            if known.secrets.iter().any(|secret| secret == value.as_bytes()) {
                continue;
            }
            if value.bytes().all(is_plain) {
                known.matches.insert(value.as_bytes().to_vec(), (index, false));
            } else if let Some(regex) = compile(&ways(value)) {
                known.odd.push((regex, index));
            }
            for form in in_base64(value.as_bytes()) {
                known.matches.entry(form).or_insert((index, true));
            }
            known.secrets.push(value.as_bytes().to_vec());
        }
        let mut forms: Vec<&Vec<u8>> = known.matches.keys().collect();
        // The first alternative that matches wins, so the longest comes first.
        forms.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        let forms: Vec<String> = forms.iter().map(|form| regex::escape(&String::from_utf8_lossy(form))).collect();
        known.plain = (!forms.is_empty()).then(|| compile(&forms.join("|"))).flatten();
        known
    }

    /// Adds every place where a known value stands.
    pub(super) fn find(&self, text: &[u8], hits: &mut Vec<Hit>) {
        let mut add = |range, secret: &[u8]| hits.push(Hit::new(range, secret.to_vec(), Source::Known));
        if let Some(plain) = &self.plain {
            let mut at = 0;
            while let Some(found) = plain.find_at(text, at) {
                at = found.start() + 1;
                let Some((index, encoded)) = self.matches.get(found.as_bytes()) else { continue };
                if *encoded {
                    let inside = |byte: &&u8| is_base64(**byte);
                    let left = text[..found.start()].iter().rev().take_while(inside).count();
                    let right = text[found.end()..].iter().take_while(inside).count();
                    // A short run is a credential as a whole; of a long one (a file) goes what the value reaches.
                    let whole = left + right <= found.len() + 200;
                    let (left, right) = if whole { (left, right) } else { (left.min(1), right.min(1)) };
                    let range = found.start() - left..found.end() + right;
                    add(range.clone(), &text[range]);
                } else {
                    add(found.range(), &self.secrets[*index]);
                }
            }
        }
        for (regex, index) in &self.odd {
            for found in regex.find_iter(text) {
                add(found.range(), &self.secrets[*index]);
            }
        }
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).size_limit(64 << 20).build().ok()
}

/// A sign that is written in one way everywhere.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

/// A pattern for all the ways in which a value stands in text, JSON (strings in strings too) and URLs.
fn ways(value: &str) -> String {
    let mut pattern = String::new();
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = regex::escape(character.encode_utf8(&mut [0; 4]));
        if character.is_ascii() && is_plain(u8::try_from(character).unwrap_or_default()) {
            pattern.push_str(&escaped);
            continue;
        }
        pattern.push_str("(?:");
        match character {
            // At the end no backslash of what follows may be taken.
            '\\' if characters.peek().is_none() => pattern.push_str(r"\\{8}|\\{4}|\\{2}|\\"),
            '\\' => pattern.push_str(r"\\+"),
            '\n' => pattern.push_str(r"\n|\\+n"),
            '\r' => pattern.push_str(r"\r|\\+r"),
            '\t' => pattern.push_str(r"\t|\\+t"),
            ' ' => pattern.push_str(r" |\+"),
            _ if character.is_ascii() => {
                let _ = write!(pattern, r"\\*{escaped}");
            }
            _ => pattern.push_str(&escaped),
        }
        pattern.push_str(r"|\\+(?i:");
        let mut units = [0; 2];
        for (place, unit) in character.encode_utf16(&mut units).iter().enumerate() {
            let _ = write!(pattern, "{}u{unit:04x}", if place > 0 { r"\\+" } else { "" });
        }
        pattern.push_str(")|(?i:");
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(pattern, "%(?:25)*{byte:02x}");
        }
        pattern.push_str("))");
    }
    pattern
}

/// The part of a value's base64 that is the same whatever stands around it: three shifts, two alphabets.
fn in_base64(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    if value.len() < 8 {
        return forms;
    }
    for shift in 0..3_usize {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(value);
        let encoded = base64(&shifted);
        let form = encoded[(shift * 8).div_ceil(6)..shifted.len() * 8 / 6].to_vec();
        let url = form.iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        });
        let url: Vec<u8> = url.collect();
        if url != form {
            forms.push(url);
        }
        forms.push(form);
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::coding::escape;

    fn found(values: &[&str], text: &str) -> Vec<String> {
        let mut hits = Vec::new();
        Known::new(values.iter().copied()).find(text.as_bytes(), &mut hits);
        hits.into_iter().map(|hit| text[hit.range].to_owned()).collect()
    }

    #[test]
    fn values_are_found_in_all_their_forms() {
        let odd = "a\"b\\c/d+é=😀\n{x";
        assert_eq!(found(&[odd], odd), [odd]);
        for depth in 1..4 {
            let escaped = String::from_utf8(escape(odd.as_bytes().to_vec(), depth)).expect("it was text");
            assert_eq!(found(&[odd], &format!("\"{escaped}\"")), [escaped]);
        }
        for form in [
            r#"a\"b\\c\/d+\u00e9=\uD83D\uDE00\n{x"#,
            r"a\u0022b\u005cc\u002fd\u002B\u00E9\u003d\ud83d\ude00\u000a\u007bx",
            "a%22b%5Cc%2Fd%2B%C3%A9%3D%F0%9F%98%80%0A%7Bx",
            "a%22b%5cc%2fd%2b%c3%a9%3d%f0%9f%98%80%0a%7bx",
            "a%2522b%255Cc%252Fd%252B%25C3%25A9%253D%25F0%259F%2598%2580%250A%257Bx",
        ] {
            assert_eq!(found(&[odd], form), [form]);
        }
        assert!(found(&[odd], "a\"b\\c/d").is_empty());
    }

    #[test]
    fn a_backslash_at_the_end_leaves_the_quote_alone() {
        assert_eq!(found(&["secret\\"], r#""{\"a\":\"secret\\\\\"}""#), [r"secret\\\\"]);
        assert_eq!(found(&["secret\\"], r#""secret\\""#), [r"secret\\"]);
    }

    #[test]
    fn base64_of_a_pair_is_found() {
        let secret = "Zq8vN3rT5-kL";
        for user in ["u", "us", "use", "user"] {
            let pair = String::from_utf8(base64(format!("{user}:{secret}").as_bytes())).expect("base64 is text");
            assert_eq!(found(&[secret], &format!("Basic {pair}==\"")), [format!("{pair}==")]);
        }
        let long = "A".repeat(500);
        let cut = found(&[secret], &format!("{long}{}{long}", "WnE4dk4zclQ1LWtM"));
        assert_eq!(cut, ["AWnE4dk4zclQ1LWtMA"]);
    }

    #[test]
    fn the_longest_value_wins() {
        assert_eq!(found(&["abcdef12", "abcdef1234"], "abcdef1234 abcdef12"), ["abcdef1234", "abcdef12"]);
        assert!(found(&["x", "abc"], "x abc").is_empty());
    }
}
