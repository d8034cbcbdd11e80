//! Which variables are credentials, by their names and values.

use std::path::Path;

use super::{find_dotenv, variables};

/// Ends of names that say "credential", after an underscore or alone.
const ENDS: &[&str] = &[
    "KEY",
    "KEYS",
    "APIKEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "PAT",
    "JWT",
    "AUTH",
    "ACCESS_KEY_ID",
];

/// Names that end so and say something public.
const PUBLIC: &[&str] = &["PUBLIC_KEY", "PUBLISHABLE_KEY", "GPG_KEY", "HOST_KEY", "PWD", "OLDPWD"];

/// Values that stand where nothing secret is needed.
const STAND_INS: &[&str] = &[
    "changeme",
    "dummy",
    "example",
    "fake",
    "insert",
    "my-",
    "my_",
    "no-key",
    "none",
    "not-",
    "placeholder",
    "replace",
    "sample",
    "sk-dummy",
    "sk-fake",
    "sk-test",
    "sk-xxx",
    "test",
    "unused",
    "xxx",
    "your",
];

/// Credentials in the environment and in the `.env` file at or above a directory: names and values.
///
/// A URL with a password counts with its password. Values that are trivial ([`is_trivial`]) do not count.
#[must_use]
pub fn credentials(directory: &Path) -> Vec<(String, String)> {
    let file = find_dotenv(directory).map(|file| file.variables).unwrap_or_default();
    let file = file.into_iter().filter_map(|(name, value)| Some((name, value?)));
    select(variables().into_iter().chain(file))
}

fn select(variables: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in variables {
        let secret = if let Some(password) = password_in(&value) {
            (!is_trivial(password)).then(|| password.to_owned())
        } else {
            (is_credential_name(&name) && !is_trivial(&value)).then_some(value)
        };
        if let Some(secret) = secret
            && !found.iter().any(|(_, known)| *known == secret)
        {
            found.push((name, secret));
        }
    }
    found
}

/// Whether a variable of this name holds a credential: `OPENAI_API_KEY`, `GITHUB_TOKEN`, `DB_PASSWORD`.
#[must_use]
pub fn is_credential_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let ends = |end: &&str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'));
    ENDS.iter().any(&ends) && !PUBLIC.iter().any(ends)
}

/// Whether a value is too plain to be a secret: shorter than 8 bytes, a number, a path, a URL, a word or words
/// without a digit, or something like `dummy-key-1`.
#[must_use]
pub fn is_trivial(value: &str) -> bool {
    let value = value.trim();
    if value.len() < 8 || value.contains("://") || value.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let lower = value.to_ascii_lowercase();
    if value.len() < 24 && STAND_INS.iter().any(|word| lower.starts_with(word)) {
        return true;
    }
    let has = |test: fn(&u8) -> bool| value.as_bytes().iter().any(test);
    let digits = has(u8::is_ascii_digit);
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    if ["/", "~/", "./", "../"].iter().any(|start| value.starts_with(start)) {
        // Keys in base64 may begin with a slash too.
        return !(value.len() >= 32 && digits && mixed && !value.contains('.'));
    }
    let odd = has(|byte| byte.is_ascii_punctuation() && !b"-_./,:".contains(byte)) || !value.is_ascii();
    !(digits || odd || (mixed && value.len() >= 16))
}

/// The password in a URL such as `postgres://user:password@host/`.
fn password_in(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (userinfo, _) = authority.rsplit_once('@')?;
    userinfo.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_a_credential() {
        for name in
            ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "hf_token", "PGPASSWORD_PASS", "TOKEN"]
        {
            assert!(is_credential_name(name), "{name}");
        }
        for name in ["PWD", "OLDPWD", "GPG_KEY", "PATH", "TOKENIZERS_PARALLELISM", "STRIPE_PUBLISHABLE_KEY", "MONKEY"] {
            assert!(!is_credential_name(name), "{name}");
        }
    }

    #[test]
    fn plain_values_are_trivial() {
        for value in [
            "x",
            "dummy",
            "sk-dummy",
            "test-key-1",
            "production",
            "not-needed-here",
            "/run/secrets/key_1",
            "~/.config/key1",
            "https://example.com/1",
            "12345678901",
            "timestamp_ms",
        ] {
            assert!(is_trivial(value), "{value}");
        }
        for value in [
            "sk-proj-4fK9xQ2mN8vB7cL1",
            "Zq8vN3rT5",
            "/k3Jd8Fh2Lq9Ws7Vb5Nm1Xc6Zt4Rp0Yg8Ue2Io/",
            "correct$horse",
            "AbCdEfGhIjKlMnOp",
            "test_4b8f02c96d1e7a350f6c2b9d",
        ] {
            assert!(!is_trivial(value), "{value}");
        }
    }

    #[test]
    fn values_are_taken_once_and_urls_give_their_passwords() {
        let variables = [
            ("A_KEY", "Zq8vN3rT5"),
            ("B_TOKEN", "Zq8vN3rT5"),
            ("DATABASE_URL", "postgres://u:pw8Lk2Qz@h/d"),
            ("HOME", "/home/user1"),
            ("C_KEY", "x"),
        ];
        let found = select(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("A_KEY", "Zq8vN3rT5"), ("DATABASE_URL", "pw8Lk2Qz")]);
    }
}
