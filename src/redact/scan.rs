//! Looking through a text for what looks like a secret.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::mark::marks;
use super::names::{PARAMETERS, PARTS};
use super::phrase::{self, Named};
use super::token::{TOKENS, Token};

/// What told that something is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It is a known value.
    Known,
    /// It stands under a name.
    Name,
    /// It stands under a name of the user's.
    User,
    /// It looks like one.
    Look,
}

/// A secret and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// What it is, escapes removed.
    pub(super) secret: Vec<u8>,
    pub(super) source: Source,
    /// It is no string: the placeholder needs quotes, escaped this many times.
    pub(super) quotes: Option<usize>,
    /// It is the rest of a secret whose placeholder stands before.
    pub(super) rest: bool,
    /// Where the whole secret begins, if that is before this part of it.
    pub(super) begins: Option<usize>,
}

impl Hit {
    pub(super) fn new(range: Range<usize>, secret: Vec<u8>, source: Source) -> Self {
        Self { range, secret, source, quotes: None, rest: false, begins: None }
    }

    pub(super) fn overlaps(&self, range: &Range<usize>) -> bool {
        self.range.start < range.end && range.start < self.range.end
    }
}

#[derive(Clone, Copy)]
enum Start {
    Token(&'static Token),
    PrivateKey,
    WebToken,
    UserInfo,
    Scheme,
    Webhook,
    Assigned,
    Telegram,
    Entra,
    Terraform,
    Parameter,
    Name,
}

/// Every way in which something to look at begins.
static STARTS: LazyLock<(Regex, HashMap<&'static [u8], Start>)> = LazyLock::new(|| {
    let mut starts: Vec<(&'static str, Start)> = vec![
        ("-----BEGIN", Start::PrivateKey),
        ("eyJ", Start::WebToken),
        ("://", Start::UserInfo),
        (r":\/\/", Start::UserInfo),
        ("Bearer ", Start::Scheme),
        ("bearer ", Start::Scheme),
        ("Basic ", Start::Scheme),
        ("basic ", Start::Scheme),
        ("hooks.slack.com/services/", Start::Webhook),
        (r"hooks.slack.com\/services\/", Start::Webhook),
        ("/api/webhooks/", Start::Webhook),
        (r"\/api\/webhooks\/", Start::Webhook),
        ("AccountKey=", Start::Assigned),
        ("accountkey=", Start::Assigned),
        (r"AccountKey\u003d", Start::Assigned),
        ("SharedAccessKey=", Start::Assigned),
        ("sharedaccesskey=", Start::Assigned),
        (r"SharedAccessKey\u003d", Start::Assigned),
        (":AA", Start::Telegram),
        ("Q~", Start::Entra),
        (".atlasv1.", Start::Terraform),
    ];
    starts.extend(TOKENS.iter().map(|token| (token.start, Start::Token(token))));
    starts.extend(PARAMETERS.iter().map(|name| (*name, Start::Parameter)));
    starts.extend(PARTS.iter().map(|name| (*name, Start::Name)));
    // The first alternative that matches wins, so the longest comes first.
    starts.sort_by_key(|(start, _)| std::cmp::Reverse(start.len()));
    let pattern: Vec<String> = starts.iter().map(|(start, _)| regex::escape(start)).collect();
    let regex = Regex::new(&pattern.join("|")).expect("escaped texts are a pattern");
    (regex, starts.into_iter().map(|(start, kind)| (start.as_bytes(), kind)).collect())
});

/// Adds what looks like a secret; with `loosely` also what a name in running text says. Placeholders are no part
/// of a secret. Returns whether a name stands in quotes that says something.
pub(super) fn looks(text: &[u8], loosely: bool, hits: &mut Vec<Hit>) -> bool {
    let (regex, kinds) = &*STARTS;
    let placed: Vec<Range<usize>> = marks(text).map(|(range, _)| range).collect();
    let mut named = false;
    for dot in memchr::memchr_iter(b'.', text) {
        // It has no beginning of its own, and dots are few.
        hits.extend(phrase::discord(text, dot).map(|range| Hit::new(range.clone(), plain(&text[range]), Source::Look)));
    }
    let mut at = 0;
    while let Some(found) = regex.find_at(text, at) {
        let (start, end) = (found.start(), found.end());
        at = start + 1;
        let Some(kind) = kinds.get(found.as_bytes()) else { continue };
        let (range, source) = match kind {
            Start::Token(token) => (token.find(text, start), Source::Look),
            Start::PrivateKey => (phrase::private_key(text, start), Source::Look),
            Start::WebToken => (phrase::web_token(text, start), Source::Look),
            Start::UserInfo => (phrase::userinfo(text, end), Source::Look),
            Start::Scheme => (phrase::after_scheme(text, start, end), Source::Look),
            Start::Webhook => (phrase::webhook(text, end), Source::Look),
            Start::Assigned => (phrase::assigned(text, end), Source::Look),
            Start::Telegram => (phrase::telegram(text, start), Source::Look),
            Start::Entra => (phrase::entra(text, start), Source::Look),
            Start::Terraform => (phrase::terraform(text, start, end), Source::Look),
            Start::Parameter => (phrase::parameter(text, end), Source::Look),
            Start::Name => {
                at = end;
                let parameter = (text.get(end) == Some(&b'=')).then(|| phrase::parameter(text, end + 1)).flatten();
                named = named || phrase::is_quoted_name(text, start, end);
                let name = || Named::find(text, start, end)?.secret(text);
                (parameter.or_else(|| loosely.then(name).flatten()), Source::Name)
            }
        };
        if let Some(range) = range
            && !placed.iter().any(|mark| mark.start < range.end && range.start < mark.end)
        {
            // A value may turn out to be none where it is no string of its own.
            at = if source == Source::Name { at } else { at.max(range.end) };
            let secret = plain(&text[range.clone()]);
            hits.push(Hit::new(range, secret, source));
        }
    }
    named
}

/// A secret without the escapes of the text around it, so that it is one secret wherever it stands.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..4 {
        if memchr::memchr(b'\\', &text).is_none() {
            break;
        }
        text = super::coding::Decoded::of(&text).text;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, loosely: bool) -> Vec<String> {
        let mut hits = Vec::new();
        looks(text.as_bytes(), loosely, &mut hits);
        hits.into_iter().map(|hit| String::from_utf8_lossy(&hit.secret).into_owned()).collect()
    }

    #[test]
    fn every_kind_is_looked_for() {
        let text = concat!(
            r#"curl -H \"Authorization: Bearer abcDEF123456789012\" https://u:s3cretPw@h?api_key=0123456789abcdefg "#,
            r"https:\/\/hooks.slack.com\/services\/T01AB2CD3\/B01AB2CD3\/a1B2c3D4e5F6g7H8 ",
            "Basic dXNlcjpwYXNzd29yZDE= eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln ",
            r"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhk\n-----END PRIVATE KEY----- AKIA0123456789ABCDEF",
        );
        insta::assert_snapshot!(found(text, false).join("\n"), @"
        abcDEF123456789012
        s3cretPw
        0123456789abcdefg
        T01AB2CD3/B01AB2CD3/a1B2c3D4e5F6g7H8
        dXNlcjpwYXNzd29yZDE=
        eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhk
        -----END PRIVATE KEY-----
        AKIA0123456789ABCDEF
        ");
    }

    #[test]
    fn names_in_running_text_count_only_loosely() {
        let text = "DB_PASSWORD=hunter2xyz and config = {'api_key': 'abc123'}";
        assert_eq!(found(text, true), ["hunter2xyz", "abc123"]);
        assert!(found(text, false).is_empty());
    }

    #[test]
    fn one_key_is_one_secret_at_any_depth() {
        let pem = |newline: &str| {
            format!("-----BEGIN PRIVATE KEY-----{newline}MIIEvQIBADANBgkqhk{newline}-----END PRIVATE KEY-----")
        };
        assert_eq!(found(&pem("\n"), false), found(&pem(r"\n"), false));
        assert_eq!(found(&pem("\n"), false), found(&pem(r"\\n"), false));
    }
}
