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
    /// Letters, digits, `-` and `_`, with capital and small letters: for beginnings that words have too.
    Mixed,
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

use Alphabet::{Base64, Dotted, Hex, Mixed, Upper, Url, Word};

/// Formats as their vendors document them or as secret scanners know them (gitleaks 8, trufflehog 3, detect-secrets 1.5;
/// November 2026).
pub(super) const TOKENS: &[Token] = &[
    // OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse and many that copied them.
    token("sk-", Url, 20, 300),
    // AWS key ids, Bedrock keys.
    token("AKIA", Upper, 16, 16),
    token("ASIA", Upper, 16, 16),
    token("LTAI", Word, 12, 26),
    token("AQVN", Url, 35, 40),
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
    token("glft-", Url, 20, 100),
    token("glimt-", Url, 20, 100),
    token("glagent-", Url, 40, 100),
    token("gloas-", Url, 40, 100),
    token("glsoat-", Url, 20, 100),
    token("glcbt-", Url, 20, 100),
    token("glffct-", Url, 20, 100),
    token("GR1348941", Url, 20, 60),
    // Slack.
    token("xoxe-", Url, 20, 300),
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
    token("1//0", Mixed, 40, 200),
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
    token("tgp_v1_", Url, 40, 60),
    token("fw_", Word, 22, 60),
    token("pa-", Mixed, 40, 60),
    token("llx-", Word, 40, 60),
    token("rpa_", Word, 40, 60),
    token("esecret_", Word, 24, 60),
    token("api_org_", Word, 34, 40),
    token("pylf_v1_", Url, 40, 80),
    token("wandb_v1_", Url, 40, 120),
    token("fc-", Hex, 32, 32),
    token("e2b_", Hex, 40, 40),
    token("bb_live_", Url, 20, 60),
    // Payment, mail, hosting, packages.
    token("sk_live_", Word, 16, 250),
    token("rk_live_", Word, 16, 250),
    token("sk_test_", Word, 16, 250),
    token("rk_test_", Word, 16, 250),
    token("sk_prod_", Word, 16, 250),
    token("rk_prod_", Word, 16, 250),
    token("sq0atp-", Url, 22, 60),
    token("sq0csp-", Url, 43, 60),
    token("EAAA", Mixed, 60, 80),
    token("shippo_live_", Hex, 40, 40),
    token("shippo_test_", Hex, 40, 40),
    token("EZAK", Word, 54, 54),
    token("EZTK", Word, 54, 54),
    token("SK", Hex, 32, 32),
    token("xkeysib-", Url, 81, 81),
    token("re_", Mixed, 30, 40),
    token("shpca_", Hex, 32, 32),
    token("shppa_", Hex, 32, 32),
    token("shpss_", Hex, 32, 32),
    token("doo_v1_", Hex, 64, 64),
    token("dor_v1_", Hex, 64, 64),
    token("sb_secret_", Url, 30, 60),
    token("pscale_tkn_", Dotted, 32, 64),
    token("pscale_pw_", Dotted, 32, 64),
    token("pscale_oauth_", Dotted, 32, 64),
    token("nfp_", Word, 36, 60),
    token("fo1_", Url, 43, 43),
    token("fm1a_", Base64, 50, 2000),
    token("fm1r_", Base64, 50, 2000),
    token("fm2_", Base64, 50, 2000),
    token("HRKU-AA", Url, 58, 58),
    token("dckr_pat_", Url, 27, 32),
    token("dckr_oat_", Url, 27, 32),
    token("tskey-", Url, 20, 100),
    token("sha256~", Url, 43, 43),
    token("rubygems_", Hex, 48, 48),
    token("CLOJARS_", Word, 60, 60),
    token("oy2", Word, 43, 43),
    token("AKCp", Word, 69, 73),
    token("PMAK-", Url, 59, 59),
    token("pnu_", Word, 36, 36),
    token("pul-", Hex, 40, 40),
    token("rdme_", Word, 70, 70),
    token("NRAK-", Upper, 27, 27),
    token("dt0c01.", Dotted, 80, 100),
    token("p8e-", Word, 32, 32),
    token("fio-u-", Url, 64, 64),
    token("CFPAT-", Url, 43, 43),
    token("tfp_", Url, 40, 80),
    token("sl.", Mixed, 100, 2000),
    token("CCIPAT_", Url, 40, 80),
    token("bkua_", Hex, 40, 40),
    token("sqp_", Hex, 40, 40),
    token("squ_", Hex, 40, 40),
    token("sqa_", Hex, 40, 40),
    token("sgp_", Url, 40, 80),
    token("lin_oauth_", Word, 32, 80),
    token("hvb.", Url, 24, 300),
    token("sntryu_", Hex, 64, 64),
    token("glc_", Base64, 32, 400),
    token("ATCTT3", Base64, 100, 300),
    token("ops_eyJ", Url, 200, 2000),
    token("sk.eyJ", Dotted, 60, 400),
    token("AGE-SECRET-KEY-1", Upper, 58, 58),
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
        let has = |test: fn(&u8) -> bool| rest[..length].iter().any(test);
        // Keys are random: one of 20 letters without a digit is a word, and one without capitals a slug.
        let random = has(u8::is_ascii_digit)
            && (self.alphabet != Mixed || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase));
        (right && random).then(|| at..body + length)
    }
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Url | Self::Mixed => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
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
        let body = if token.alphabet == Mixed { "a1B2c3D4e5F60718" } else { "a1b2c3d4e5f60718" };
        format!("{}{}", token.start, &body.repeat(400)[..token.least])
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
    fn what_is_too_short_too_long_or_no_chance_is_none() {
        for token in TOKENS {
            let cased = |text: String| if token.alphabet == Upper { text.to_uppercase() } else { text };
            let whole = cased(example(token));
            let short = whole[..whole.len() - 1].to_owned();
            let letters = format!("{}{}", token.start, cased("abcdefab".repeat(400)[..token.least].to_owned()));
            let long = format!("{}{}", token.start, cased("a1B2c3D4e5F60718".repeat(400)[..=token.most].to_owned()));
            for text in [short, letters, long, token.start.to_owned()] {
                assert_eq!(token.find(text.as_bytes(), 0), None, "{text}");
            }
        }
        let find = |text: &str| {
            TOKENS.iter().any(|token| text.starts_with(token.start) && token.find(text.as_bytes(), 0).is_some())
        };
        for text in [
            "pa-system-with-4-speakers-for-the-assembly-hall-of-the-school",
            "pa-SYSTEM-WITH-4-SPEAKERS-FOR-THE-ASSEMBLY-HALL-OF-SCHOOL",
            "fw_update_2024_final",
            "fw_version",
            "tgp_v1_migration_2",
            "re_match_all_of_the_2_patterns_in_here",
            "sl.component.with.names.and.a.number.4",
            "SK0000",
            "age-secret-key-1qqqq",
        ] {
            assert!(!find(text), "{text}");
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
