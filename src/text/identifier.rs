//! The words of an identifier in any of its spellings.

/// The words of a name, in lower case: `send_email`, `sendEmail`, `send-email` and `SEND_EMAIL` are two.
///
/// Digits at the end of a word are no part of it (`get2`, `listV2`).
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(place + 1);
        // `getURLData`: the last capital of a row of them begins the next word.
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase() && before.is_uppercase())
            });
        if !letter.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    for word in &mut words {
        let kept = word.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        if kept > 0 {
            word.truncate(kept);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_name_is_cut_into_words() {
        let check = |name: &str, expected: &[&str]| assert_eq!(words(name), expected, "{name}");
        check("send_email", &["send", "email"]);
        check("sendEmail", &["send", "email"]);
        check("SendEmail", &["send", "email"]);
        check("send-email", &["send", "email"]);
        check("SEND_EMAIL", &["send", "email"]);
        check("fs.readFile", &["fs", "read", "file"]);
        check("getURLData", &["get", "url", "data"]);
        check("HTTPGet", &["http", "get"]);
        check("get_user2", &["get", "user"]);
        check("listV2", &["list", "v"]);
        check("mcp__github__list_issues", &["mcp", "github", "list", "issues"]);
        check("Handoff-transfer_to_refunds", &["handoff", "transfer", "to", "refunds"]);
        check("42", &["42"]);
        check("", &[]);
        check("__", &[]);
    }
}
