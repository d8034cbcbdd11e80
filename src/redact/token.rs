//! Secrets that are known by their look: keys of vendors, each with a beginning of its own.

use std::ops::Range;

/// What may follow a token's beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Letters and digits.
    Word,
    /// Capital letters and digits.
    Upper,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Letters, digits, `-` and `_`.
    Url,
    /// Letters, digits, `-`, `_` and single dots between them.
    Dotted,
    /// Letters, digits, `+`, `/`, `=`, `-` and `_`.
    Base64,
}

/// A kind of token: how it begins, what follows, and how much of it.
pub(super) struct Token {
    pub(super) start: &'static str,
    alphabet: Alphabet,
    least: usize,
    most: usize,
}

const fn token(start: &'static str, alphabet: Alphabet, least: usize, most: usize) -> Token {
    Token { start, alphabet, least, most }
}

use Alphabet::{Base64, Dotted, Hex, Upper, Url, Word};

/// Formats as their vendors document them or as secret scanners know them (November 2026).
pub(super) const TOKENS: &[Token] = &[
    // OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse and many that copied them.
    token("sk-", Url, 20, 300),
    // AWS key ids, Bedrock keys.
    token("AKIA", Upper, 16, 16),
    token("ASIA", Upper, 16, 16),
    token("ABSK", Base64, 100, 400),
    token("bedrock-api-key-", Base64, 60, 4000),
    // GitHub, GitLab.
    token("ghp_", Word, 36, 255),
    token("gho_", Word, 36, 255),
    token("ghu_", Word, 36, 255),
    token("ghs_", Word, 36, 255),
    token("ghr_", Word, 36, 255),
    token("github_pat_", Url, 22, 255),
    token("glpat-", Dotted, 20, 300),
    token("gldt-", Url, 20, 100),
    token("glrt-", Dotted, 20, 300),
    token("glptt-", Url, 40, 100),
    // Slack.
    token("xoxb-", Url, 20, 300),
    token("xoxp-", Url, 20, 300),
    token("xoxa-", Url, 20, 300),
    token("xoxr-", Url, 20, 300),
    token("xoxs-", Url, 20, 300),
    token("xoxc-", Url, 20, 300),
    token("xoxd-", Url, 20, 300),
    token("xoxe.", Url, 20, 300),
    token("xapp-", Url, 20, 300),
    // Google.
    token("AIza", Url, 35, 35),
    token("ya29.", Url, 20, 2000),
    token("GOCSPX-", Url, 28, 28),
    token("AQ.Ab", Url, 30, 200),
    // Other model providers and their neighbours.
    token("hf_", Word, 30, 40),
    token("gsk_", Word, 40, 60),
    token("xai-", Word, 60, 100),
    token("pplx-", Word, 40, 64),
    token("r8_", Word, 37, 40),
    token("nvapi-", Url, 50, 100),
    token("csk-", Word, 40, 60),
    token("tvly-", Url, 20, 80),
    token("jina_", Url, 50, 80),
    token("pcsk_", Url, 50, 100),
    token("lsv2_pt_", Url, 32, 60),
    token("lsv2_sk_", Url, 32, 60),
    token("sk_", Hex, 40, 64),
    token("phx_", Word, 40, 60),
    token("dapi", Hex, 32, 34),
    // Payment, mail, hosting, packages.
    token("sk_live_", Word, 16, 250),
    token("rk_live_", Word, 16, 250),
    token("sk_test_", Word, 16, 250),
    token("rk_test_", Word, 16, 250),
    token("whsec_", Base64, 24, 100),
    token("SG.", Dotted, 60, 80),
    token("shpat_", Hex, 32, 32),
    token("dop_v1_", Hex, 64, 64),
    token("sbp_", Hex, 40, 40),
    token("npm_", Word, 36, 36),
    token("pypi-AgE", Url, 50, 400),
    token("lin_api_", Word, 32, 64),
    token("ntn_", Word, 40, 60),
    token("figd_", Url, 36, 80),
    token("hvs.", Url, 24, 200),
    token("dp.pt.", Word, 40, 50),
    token("ATATT3", Base64, 100, 300),
    token("glsa_", Url, 32, 60),
    token("sntrys_", Base64, 60, 400),
];

impl Token {
    /// The token that begins at `at`, where the text has its beginning.
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        if !begins(text, at) {
            return None;
        }
        let body = at + self.start.len();
        let rest = &text[body..];
        let mut length = rest.iter().take(self.most + 1).take_while(|byte| self.alphabet.has(**byte)).count();
        if self.alphabet == Dotted {
            while length > 0 && rest[length - 1] == b'.' {
                length -= 1;
            }
        }
        let next = rest.get(length).copied().unwrap_or(b' ');
        let right = length >= self.least && length <= self.most && !(next.is_ascii_alphanumeric() || next == b'_');
        // Keys are random: one of 20 letters without a digit is a word.
        (right && rest[..length].iter().any(u8::is_ascii_digit)).then(|| at..body + length)
    }
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_'),
        }
    }
}

/// Whether a word can begin here: at the start, after something that is no part of a word, or after an
/// escape (`\n`, `\u0022`, `%3D`) whose last letter looks like one.
pub(super) fn begins(text: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| text[before]) else { return true };
    if before == b'\\' {
        return !matches!(text.get(at), Some(b'n' | b'r' | b't' | b'b' | b'f' | b'u'));
    }
    if !(before.is_ascii_alphanumeric() || matches!(before, b'_' | b'-')) {
        return true;
    }
    let hex = |from: usize| text[at - from..at].iter().all(u8::is_ascii_hexdigit);
    let back = |by: usize, what: &[u8]| at >= by && text[at - by..].starts_with(what);
    (matches!(before, b'n' | b'r' | b't' | b'b' | b'f') && back(2, b"\\"))
        || (back(6, b"\\u") && hex(4))
        || (back(3, b"%") && hex(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up token of this kind.
    fn example(token: &Token) -> String {
        format!("{}{}", token.start, "a1b2c3d4e5f60718".repeat(400)[..token.least].to_owned())
    }

    #[test]
    fn every_kind_is_found_between_words_and_not_in_one() {
        for token in TOKENS {
            let example = if token.alphabet == Upper { example(token).to_uppercase() } else { example(token) };
            for (before, after) in [("", ""), ("key=", "&"), ("\\n", "\\n"), ("\\u0022", "\\u0022"), ("%20", " ")] {
                let text = format!("{before}{example}{after}");
                let found = token.find(text.as_bytes(), before.len());
                assert_eq!(found, Some(before.len()..before.len() + example.len()), "{text}");
            }
            for (before, after) in [("a", ""), ("_", ""), ("-", ""), ("", "_")] {
                let text = format!("{before}{example}{after}");
                let found = token.find(text.as_bytes(), before.len());
                assert!(found.is_none_or(|found| before.is_empty() && found.end == text.len()), "{text}");
            }
        }
    }

    #[test]
    fn words_are_no_tokens() {
        for text in ["sk-learn-contrib-imbalanced-learn", "sk-dummy", "sk-", "hf_hub_download_from_repo_with_12"] {
            let token = TOKENS.iter().find(|token| text.starts_with(token.start)).expect("there is one");
            assert_eq!(token.find(text.as_bytes(), 0), None, "{text}");
        }
        assert!(!begins(br"\npm_", 1));
    }
}
