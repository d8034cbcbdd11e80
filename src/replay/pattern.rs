//! Patterns for short values that are new in each run: what to put into `[names]`, made from two of them.

use regex::Regex;

use crate::text::json::quote;

/// A pattern, and the two values that it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) pattern: String,
    pub(super) new: String,
}

/// Characters of text that are taken before or after a value to say which one is meant.
const AROUND: usize = 24;

/// The pattern that finds the one word in which two texts differ, if it may be a random one; as regular expressions
/// are written. It was tried on both.
pub(super) fn of(left: &str, right: &str) -> Option<Found> {
    let (left, right) = (unquoted(left), unquoted(right));
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let is_part = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let same = a.iter().zip(&b).take_while(|(one, other)| one == other).count();
    let begun = a[..same].iter().rev().take_while(|letter| is_part(letter)).count();
    let start = same - begun;
    let behind = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(one, other)| one == other).count();
    let ends = a[a.len() - behind..].iter().take_while(|letter| is_part(letter)).count();
    let (old, new) = (&a[start..a.len() - behind + ends], &b[start..b.len() - behind + ends]);
    if !old.iter().chain(new).all(is_part) {
        return None;
    }
    // What both begin with up to a mark is no part of what is random: `run_`.
    let shared = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let head = old[..shared].iter().rposition(|letter| matches!(letter, '_' | '-')).map_or(0, |mark| mark + 1);
    let (old_word, new_word): (String, String) = (old[head..].iter().collect(), new[head..].iter().collect());
    if !is_random(&old_word) || !is_random(&new_word) {
        return None;
    }
    let lengths = (old_word.len().min(new_word.len()), old_word.len().max(new_word.len()));
    let times =
        if lengths.0 == lengths.1 { format!("{{{}}}", lengths.0) } else { format!("{{{},{}}}", lengths.0, lengths.1) };
    let line = |letter: &&char| **letter != '\n';
    let before: Vec<char> = a[..start + head].iter().rev().take_while(line).take(AROUND).copied().collect();
    let before: String = before.into_iter().rev().collect();
    let after: String = a[a.len() - behind + ends..].iter().take_while(line).take(AROUND).collect();
    let (mut ahead, mut then) = (regex::escape(&before), r"\b".to_owned());
    if before.trim().is_empty() {
        ahead = if start + head == 0 { "^".to_owned() } else { String::new() };
        then = if after.is_empty() { "$".to_owned() } else { regex::escape(&after) };
    }
    if ahead.is_empty() && after.trim().is_empty() {
        return None;
    }
    let pattern = format!("{ahead}({}{times}){then}", class(&[&old_word, &new_word]));
    let regex = Regex::new(&pattern).ok()?;
    let finds = |text: &str, word: &str| {
        regex.captures_iter(text).any(|found| found.get(1).is_some_and(|found| found.as_str() == word))
    };
    (finds(&left, &old_word) && finds(&right, &new_word)).then_some(Found { pattern, new: new_word })
}

/// A pattern as TOML writes it.
pub(super) fn quoted(pattern: &str) -> String {
    if pattern.contains('\'') { quote(pattern) } else { format!("'{pattern}'") }
}

fn unquoted(text: &str) -> String {
    let json = text.starts_with('"').then(|| crate::text::json::Json::parse_text(text).ok()).flatten();
    json.and_then(|json| Some(json.root().as_str()?.into_owned())).unwrap_or_else(|| text.to_owned())
}

/// Whether a word looks as if it was drawn: letters and digits mixed, or capitals among small letters.
fn is_random(word: &str) -> bool {
    let has = |is: fn(&char) -> bool| word.chars().any(|letter| is(&letter));
    let digits = has(char::is_ascii_digit);
    let letters = has(char::is_ascii_alphabetic);
    let inner = word.chars().skip(1).any(|letter| letter.is_ascii_uppercase());
    let mixed = inner && has(char::is_ascii_lowercase);
    (4..=64).contains(&word.len()) && (digits && (letters || word.len() >= 6) || mixed)
}

/// The smallest usual alphabet of some words.
fn class(words: &[&str]) -> &'static str {
    let all = |is: fn(char) -> bool| words.iter().all(|word| word.chars().all(is));
    if all(|letter| letter.is_ascii_digit()) {
        "[0-9]"
    } else if all(|letter| letter.is_ascii_digit() || matches!(letter, 'a'..='f')) {
        "[0-9a-f]"
    } else if all(|letter| letter.is_ascii_digit() || letter.is_ascii_lowercase()) {
        "[0-9a-z]"
    } else if all(|letter| letter.is_ascii_alphanumeric()) {
        "[0-9A-Za-z]"
    } else {
        "[0-9A-Za-z_-]"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_made_of_what_stands_around_and_of_the_letters_of_both() {
        let check = |left: &str, right: &str| of(left, right).map(|found| found.pattern).unwrap_or_default();
        for (left, right, expected) in [
            ("\"Session 28plr8qx begins\"", "\"Session z9k2m0ab begins\"", r"Session ([0-9a-z]{8})\b"),
            ("run_4f2a9c done", "run_77bb01 done", r"run_([0-9a-f]{6})\b"),
            ("28plr8qx is its id", "99plr8qq is its id", r"^([0-9a-z]{8}) is its id"),
            ("V1StGXR8_Z5j", "kJ2_8dMwq-L0", r"^([0-9A-Za-z_-]{12})$"),
            ("ticket 482913 (open)", "ticket 99381277 (open)", r"ticket ([0-9]{6,8})\b"),
            ("a lamp", "a table", ""),
            ("lamp 12", "lamp 13", ""),
            ("two words", "two other words", ""),
        ] {
            assert_eq!(check(left, right), expected, "{left} / {right}");
        }
    }
}
