//! Secrets that are known by what stands around them: private keys, web tokens, URLs, assignments.

use std::ops::{Range, RangeInclusive};

use memchr::memmem;

use super::coding::base64_decoded;
use super::names::{self, Field};
use super::token::begins;

/// A private key is no longer than this.
const LONGEST_KEY: usize = 32 * 1024;

/// A web token or a value after a name is no longer than this.
const LONGEST: usize = 8 * 1024;

/// A PEM block with a private key, from `-----BEGIN` (at `at`) to the end of its last line; in JSON with its escapes.
/// One that is cut off reaches as far as its characters do.
pub(super) fn private_key(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &text[at..text.len().min(at + LONGEST_KEY)];
    let head = memmem::find(rest.get(5..100.min(rest.len()))?, b"-----")? + 10;
    let label = &rest[..head];
    if memmem::find(label, b"PRIVATE").is_none() || memmem::find(label, b"KEY").is_none() {
        return None;
    }
    let end = memmem::find(&rest[head..], b"-----END").and_then(|end| {
        let tail = head + end + 8;
        Some(tail + memmem::find(rest.get(tail..rest.len().min(tail + 100))?, b"-----")? + 5)
    });
    let between = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/= \n\r\t\\%:,-".contains(byte);
    if let Some(end) = end
        && memmem::find(&rest[head..end], b"-----BEGIN").is_none()
        && memmem::find(&rest[head..], b"-----END").is_some_and(|length| length >= 16)
        && rest[head..end].iter().all(between)
    {
        return Some(at..at + end);
    }
    let inside =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b'\n' | b'\r' | b'%');
    let mut length = rest[head..].iter().take_while(|byte| inside(byte)).count();
    while length > 0 && rest[head + length - 1] == b'\\' {
        length -= 1;
    }
    (length >= 24).then(|| at..at + head + length)
}

/// A JSON web token: three or five base64url parts, the first of which is a JSON object with `alg`.
pub(super) fn web_token(text: &[u8], at: usize) -> Option<Range<usize>> {
    if !begins(text, at) {
        return None;
    }
    let url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut end = at;
    let mut lengths = Vec::new();
    loop {
        let length = text[end..].iter().take(LONGEST).take_while(|byte| url(byte)).count();
        lengths.push(length);
        end += length;
        if lengths.len() == 5 || text.get(end) != Some(&b'.') || !text.get(end + 1).is_some_and(url) {
            break;
        }
        end += 1;
    }
    let parts = if lengths.len() == 5 { 5 } else { 3 };
    if lengths.len() < parts || lengths[0] >= LONGEST {
        return None;
    }
    let head = base64_decoded(&text[at..at + lengths[0]])?;
    let is_head = head.starts_with(b"{") && memmem::find(&head, b"\"alg\"").is_some();
    let length = lengths[..parts].iter().sum::<usize>() + parts - 1;
    is_head.then(|| at..at + length)
}

/// The password of a URL whose `://` ends at `after`; a user that looks like a token where there is none.
pub(super) fn userinfo(text: &[u8], after: usize) -> Option<Range<usize>> {
    let ends = |byte: u8| byte <= b' ' || byte >= 0x7F || b"/?#\"'<>\\`|,()[]{}".contains(&byte);
    let length = text[after..].iter().take(512).take_while(|byte| !ends(**byte)).count();
    let authority = &text[after..after + length];
    let user = memchr::memrchr(b'@', authority)?;
    if !authority.get(user + 1).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let range = match memchr::memchr(b':', &authority[..user]) {
        Some(colon) => after + colon + 1..after + user,
        None => after..after + user,
    };
    let secret = &text[range.clone()];
    let kept =
        names::is_stand_in(secret) || (range.start == after && !(secret.len() >= 20 && names::is_random(secret, 20)));
    (!kept).then_some(range)
}

/// The credential after `Bearer ` or `Basic `, which ends at `after`.
pub(super) fn after_scheme(text: &[u8], at: usize, after: usize) -> Option<Range<usize>> {
    if !begins(text, at) {
        return None;
    }
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let mut length = text[after..].iter().take(LONGEST).take_while(|byte| inside(byte)).count();
    while length > 0 && text[after + length - 1] == b'.' {
        length -= 1;
    }
    let value = &text[after..after + length];
    let basic = text[at + 1] == b'a';
    let secret = if basic {
        let pair = base64_decoded(value).filter(|pair| length >= 8 && pair.contains(&b':'));
        pair.is_some_and(|pair| pair.iter().all(|byte| (b' '..0x7F).contains(byte)))
    } else {
        names::is_random(value, 16)
    };
    secret.then_some(after..after + length)
}

/// The last part of a webhook's URL whose fixed beginning ends at `after`.
pub(super) fn webhook(text: &[u8], after: usize) -> Option<Range<usize>> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'\\');
    let length = text[after..].iter().take(300).take_while(|byte| inside(byte)).count();
    let value = &text[after..after + length];
    let length = length - value.iter().rev().take_while(|byte| **byte == b'\\').count();
    (length >= 20 && names::is_random(&text[after..after + length], 20)).then_some(after..after + length)
}

/// A value of base64 behind a name that ends at `after`, as in connection strings: `AccountKey=…==`.
pub(super) fn assigned(text: &[u8], after: usize) -> Option<Range<usize>> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let length = text[after..].iter().take(201).take_while(|byte| inside(byte)).count();
    ((40..=200).contains(&length) && names::is_random(&text[after..after + length], 40))
        .then_some(after..after + length)
}

/// A token that is known by what stands in its middle, from `start` to `end`: its parts before and behind.
fn around(
    text: &[u8],
    (start, end): (usize, usize),
    (left, is_left): (RangeInclusive<usize>, fn(&u8) -> bool),
    (right, is_right): (RangeInclusive<usize>, fn(&u8) -> bool),
) -> Option<Range<usize>> {
    let before = text[..start].iter().rev().take(left.end() + 1).take_while(|byte| is_left(byte)).count();
    let behind = text[end..].iter().take(right.end() + 1).take_while(|byte| is_right(byte)).count();
    let fits = left.contains(&before) && right.contains(&behind);
    (fits && begins(text, start - before)).then(|| start - before..end + behind)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it stands where methods of `u8` by reference do")]
fn is_url(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether there are capital and small letters and digits, as in what chance makes of base64.
fn is_mixed(text: &[u8]) -> bool {
    let has = |test: fn(&u8) -> bool| text.iter().any(test);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

/// A token of a Telegram bot, whose `:AA` stands at `at`: its number, and 35 signs.
pub(super) fn telegram(text: &[u8], at: usize) -> Option<Range<usize>> {
    let digits = text[..at].iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
    // In a URL it stands right behind `/bot`.
    let in_url = text[..at - digits].ends_with(b"/bot");
    let place = (8..=10).contains(&digits) && (in_url || begins(text, at - digits));
    let length = text[at + 3..].iter().take(34).take_while(|byte| is_url(byte)).count();
    (place && length == 33 && is_mixed(&text[at + 1..at + 3 + length])).then(|| at - digits..at + 3 + length)
}

/// A token of a Discord bot, whose first dot stands at `at`: 23 to 28 signs, 6, and 27 to 38.
pub(super) fn discord(text: &[u8], at: usize) -> Option<Range<usize>> {
    if text.get(at + 7) != Some(&b'.') || !text[at + 1..at + 7].iter().all(is_url) {
        return None;
    }
    let found = around(text, (at, at + 8), (23..=28, is_url), (27..=38, is_url))?;
    (is_mixed(&text[found.start..at]) && is_mixed(&text[at + 8..found.end])).then_some(found)
}

/// A client's secret of Microsoft Entra, whose `Q~` stands at `at`: three signs and a digit before, 31 to 34 behind.
pub(super) fn entra(text: &[u8], at: usize) -> Option<Range<usize>> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'~' | b'.' | b'-');
    let found = around(text, (at, at + 2), (4..=4, inside), (31..=34, inside))?;
    (text[at - 1].is_ascii_digit() && is_mixed(&text[found.clone()])).then_some(found)
}

/// A token of Terraform's cloud, whose `.atlasv1.` stands from `at` to `end`: 14 signs before, 60 to 70 behind.
pub(super) fn terraform(text: &[u8], at: usize, end: usize) -> Option<Range<usize>> {
    let found = around(text, (at, end), (14..=14, u8::is_ascii_alphanumeric), (60..=70, is_url))?;
    is_mixed(&text[found.clone()]).then_some(found)
}

/// The value of a query parameter in a URL, whose name ends with the `=` before `after`.
pub(super) fn parameter(text: &[u8], after: usize) -> Option<Range<usize>> {
    let name = text[..after - 1].iter().rev().take(40).take_while(|byte| is_name(**byte)).count();
    let start = after - 1 - name;
    let before = &text[..start];
    let escaped = [&b"\\u0026"[..], b"&amp;", b"%26", b"%3F"].iter().any(|mark| before.ends_with(mark));
    // In `\u0026sig=` the digits are taken for a part of the name.
    let (start, after_escape) = match memmem::find(&text[start..after], b"u0026") {
        Some(0) if before.ends_with(b"\\") => (start + 5, true),
        _ => (start, false),
    };
    if !(escaped || after_escape || before.ends_with(b"?") || before.ends_with(b"&")) {
        return None;
    }
    names::parameter(&text[start..after - 1])?;
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%+/=:".contains(byte);
    let length = text[after..].iter().take(LONGEST).take_while(|byte| inside(byte)).count();
    names::is_random(&text[after..after + length], 16).then_some(after..after + length)
}

/// A name with a value, where the text has a part of a name from `at` to `end`.
pub(super) struct Named {
    /// Where the value stands, without its quotes.
    pub(super) value: Range<usize>,
    /// Whether it stood in quotes after a quoted name and a colon, as in JSON.
    pub(super) quoted: bool,
    field: Field,
}

/// The whole name that a part of a name from `at` to `end` belongs to.
fn whole_name(text: &[u8], at: usize, end: usize) -> Range<usize> {
    let left = text[..at].iter().rev().take(64).take_while(|byte| is_name(**byte)).count();
    let right = text[end..].iter().take(64).take_while(|byte| is_name(**byte)).count();
    let start = at - left;
    // The letter of `\n` is no part of a name.
    let escaped = start > 0 && start < at && text[start - 1] == b'\\' && matches!(text[start], b'n' | b'r' | b't');
    start + usize::from(escaped)..end + right
}

/// Whether a part of a name belongs to one that says something and is followed by a quote.
pub(super) fn is_quoted_name(text: &[u8], at: usize, end: usize) -> bool {
    let name = whole_name(text, at, end);
    quote_at(text, name.end).is_some() && names::field(&text[name]).is_some()
}

impl Named {
    /// Looks for `"name": "value"`, `name=value` and `name: value`, with quotes of any depth of escaping.
    pub(super) fn find(text: &[u8], at: usize, end: usize) -> Option<Self> {
        let name = whole_name(text, at, end);
        let (start, name_end) = (name.start, name.end);
        let field = names::field(&text[name])?;
        let quote = quote_at(text, name_end);
        let mut at = name_end + quote.map_or(0, |quote| quote.length);
        let blanks = |at: usize| text[at..].iter().take(20).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        at += blanks(at);
        let sign = *text.get(at)?;
        if sign == b'=' && text.get(at + 1) != Some(&b'=') || sign == b':' {
            at += 1 + usize::from(text.get(at + 1) == Some(&b'>'));
        } else {
            return None;
        }
        let before = at;
        at += blanks(at);
        let opening = quote_at(text, at);
        let value = match opening {
            Some(opening) => {
                at += opening.length;
                at..opening.end_of_string(text, at)?
            }
            // A bare value: directly after `=`, or alone on its line after `name: `.
            None if quote.is_none() => {
                let ends = |byte: u8| byte <= b' ' || b"\"'\\&;,)]}<>`|".contains(&byte);
                let length = text[at..].iter().take(LONGEST).take_while(|byte| !ends(**byte)).count();
                let alone = || at > before && begins_line(text, start) && ends_line(text, at + length);
                if !(if sign == b'=' { at == before } else { alone() }) {
                    return None;
                }
                at..at + length
            }
            None => return None,
        };
        let quoted = sign == b':' && quote.is_some() && quote == opening && preceded_by(text, start, quote);
        Some(Self { value, quoted, field })
    }

    /// The secret part of the value, where a name in running text is enough to say so.
    pub(super) fn secret(&self, text: &[u8]) -> Option<Range<usize>> {
        secret_part(self.field, &text[self.value.clone()], !self.quoted)
            .map(|part| self.value.start + part.start..self.value.start + part.end)
    }
}

/// The secret part of a value that stands under a name; `strictly` asks that it looks like one.
pub(super) fn secret_part(field: Field, value: &[u8], strictly: bool) -> Option<Range<usize>> {
    let start = names::after_scheme(value);
    let start = if field == Field::Authorization || start > 0 && value[..start].eq_ignore_ascii_case(b"bearer ") {
        start
    } else {
        0
    };
    let secret = &value[start..];
    let found = match field {
        Field::Secret | Field::Authorization if !strictly => !names::is_stand_in(secret),
        _ => names::is_random(secret, 8) && !names::is_stand_in(value),
    };
    (found && value.len() <= LONGEST_KEY).then_some(start..value.len())
}

/// Whether only blanks stand between the beginning of a line (or a list's dash) and this place.
fn begins_line(text: &[u8], at: usize) -> bool {
    let blanks = text[..at].iter().rev().take(100).take_while(|byte| matches!(byte, b' ' | b'-' | b'\t')).count();
    let before = &text[..at - blanks];
    before.is_empty() || [&b"\n"[..], b"\r", b"\\n", b"\\r"].iter().any(|end| before.ends_with(end))
}

fn ends_line(text: &[u8], at: usize) -> bool {
    let rest = &text[at..];
    rest.is_empty() || [&b"\n"[..], b"\r", b"\\", b"\"", b" #"].iter().any(|end| rest.starts_with(end))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// A quote and the backslashes before it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Quote {
    length: usize,
    sign: u8,
}

fn quote_at(text: &[u8], at: usize) -> Option<Quote> {
    let slashes = text[at..].iter().take(16).take_while(|byte| **byte == b'\\').count();
    let sign = *text.get(at + slashes)?;
    // n times inside a string it is 2^n - 1 backslashes.
    (matches!(sign, b'"' | b'\'') && (slashes + 1).is_power_of_two()).then_some(Quote { length: slashes + 1, sign })
}

fn preceded_by(text: &[u8], start: usize, quote: Option<Quote>) -> bool {
    quote.is_some_and(|quote| {
        text[..start].ends_with(&[quote.sign])
            && text[..start - 1].iter().rev().take_while(|byte| **byte == b'\\').count() + 1 == quote.length
    })
}

impl Quote {
    /// Where the string that this quote opened ends; `at` is its first byte.
    fn end_of_string(self, text: &[u8], at: usize) -> Option<usize> {
        let mut from = at;
        let limit = text.len().min(at + LONGEST_KEY);
        loop {
            let found = from + memchr::memchr(self.sign, &text[from..limit])?;
            let slashes = text[at..found].iter().rev().take_while(|byte| **byte == b'\\').count();
            // An escaped backslash is twice as many, and one quoted deeper has more than the rest.
            if slashes % (2 * self.length) == self.length - 1 {
                return Some(found - (self.length - 1));
            }
            from = found + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(find: impl Fn(&[u8], usize) -> Option<Range<usize>>, text: &str, mark: &str, expected: Option<&str>) {
        let at = text.find(mark).expect("the mark is in the text");
        let found = find(text.as_bytes(), at).map(|range| &text[range]);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn private_keys_are_whole_blocks() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\\nMIIEabcdefgh+/=\\n-----END RSA PRIVATE KEY-----";
        check(private_key, &format!("\"{pem}\\n\""), "-----", Some(pem));
        let cut = "-----BEGIN PRIVATE KEY-----\\nMIIEabcdefghijklmnopqrstuv";
        check(private_key, &format!("{cut}\\\" x"), "-----", Some(cut));
        check(private_key, "-----BEGIN CERTIFICATE-----\nMIIE", "-----", None);
        check(private_key, "-----BEGIN PRIVATE KEY-----...", "-----", None);
    }

    #[test]
    fn web_tokens_decode() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl-_x";
        check(web_token, &format!("a {token}. b"), "eyJ", Some(token));
        check(web_token, &format!("a {token}/b.c"), "eyJ", Some(token));
        check(web_token, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0", "eyJ", None);
        check(web_token, "eyJmb28iOiJiYXIifQ.eyJzdWIiOiIxMjM0In0.abc", "eyJ", None);
    }

    #[test]
    fn urls_lose_their_passwords() {
        let find = |text: &[u8], at: usize| userinfo(text, at + 3);
        check(find, "postgres://joe:s3cr:et@db/x", "://", Some("s3cr:et"));
        check(find, "https://0123456789abcdef0123@host.example", "://", Some("0123456789abcdef0123"));
        for text in [
            "https://example.com/@user",
            "ssh://git@github.com",
            "postgres://user:password@localhost",
            "postgres://u:${PW}@h",
            "http://h:80/a@b",
        ] {
            check(find, text, "://", None);
        }
    }

    #[test]
    fn tokens_known_by_their_middle() {
        let bot = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1";
        check(telegram, &format!("run {bot}."), ":AA", Some(bot));
        check(telegram, &format!("https://api.telegram.org/bot{bot}/getMe"), ":AA", Some(bot));
        check(telegram, &format!("\\n{bot}\\n"), ":AA", Some(bot));
        for text in [
            "1234:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1",
            "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw12",
            "x123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1",
            "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "at 10:AA",
        ] {
            check(telegram, text, ":AA", None);
        }
        let bot = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";
        check(discord, &format!("token {bot}\\n"), ".Cl", Some(bot));
        check(discord, &format!("\"{bot}\""), ".Cl", Some(bot));
        check(discord, &format!("Bot {bot}, go"), ".Cl", Some(bot));
        for text in [
            "someConfigurationObjectNames.Clonee.anotherPropertyWithALongNameX",
            "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQX.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
            "com2example3package4names5.Client.theClassThatHasALongName1Name",
            "a.Cl2FMQ.b",
        ] {
            check(discord, text, ".Cl", None);
        }
        let secret = "aB18Q~a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q";
        check(entra, &format!("it is {secret} now"), "Q~", Some(secret));
        check(entra, "aBc8Q~short", "Q~", None);
        let token = format!("a1B2c3D4e5F6g7.atlasv1.{}", "a1B2c3D4e5".repeat(6));
        let find = |text: &[u8], at: usize| terraform(text, at, at + 9);
        check(find, &format!("={token}\n"), ".atlasv1.", Some(&token));
        check(find, "a.atlasv1.b", ".atlasv1.", None);
    }

    #[test]
    fn connection_strings_lose_their_keys() {
        let key = format!("{}==", "a1B2c3D4e5+/".repeat(8)[..86].to_owned());
        let find = |text: &[u8], at: usize| assigned(text, at + "AccountKey=".len());
        check(find, &format!("AccountName=x;AccountKey={key};EndpointSuffix=y"), "AccountKey=", Some(&key));
        check(find, &format!("AccountKey={key}"), "AccountKey=", Some(&key));
        check(find, &format!("AccountKey={key}\""), "AccountKey=", Some(&key));
        check(find, "AccountKey=<your account key goes in here, whatever it is>", "AccountKey=", None);
        check(find, "AccountKey=a1B2c3", "AccountKey=", None);
        check(find, "AccountKey=theKeyOfTheAccountIsToBeFoundInThePortalOfAzure", "AccountKey=", None);
    }

    #[test]
    fn parameters_of_urls() {
        let find = |text: &[u8], at: usize| parameter(text, at + 4);
        check(find, "https://h/p?sig=abc%2Bdef0123456789&x=1", "sig=", Some("abc%2Bdef0123456789"));
        check(find, "https://h/p?a=1\\u0026sig=abcdef0123456789", "sig=", Some("abcdef0123456789"));
        check(find, "sorted(x,key=abcdef0123456789)", "key=", None);
        check(find, "https://h/p?key=name", "key=", None);
    }

    #[test]
    fn names_with_values_at_any_depth() {
        let check = |text: &str, expected: Option<&str>| {
            let at = text.find("api_key").or_else(|| text.find("_KEY")).expect("a name");
            let end = at + if text[at..].starts_with('_') { 4 } else { 7 };
            let found = Named::find(text.as_bytes(), at, end).and_then(|named| named.secret(text.as_bytes()));
            assert_eq!(found.map(|range| &text[range]), expected, "{text}");
        };
        check(r#"{"api_key": "abcd"}"#, Some("abcd"));
        check(r#""{\"api_key\": \"ab\\\"cd\"}""#, Some(r#"ab\\\"cd"#));
        check(r#""{\"api_key\": \"abcd\\\\\"}""#, Some(r"abcd\\\\"));
        check(r#"{"api_key": "<key>"}"#, None);
        check(r#"{"api_key": {"type": "string"}}"#, None);
        check(r#"{"required": ["api_key"]}"#, None);
        check(r#"{"openai_api_key": "sentence"}"#, None);
        check(r"export OPENAI_API_KEY=abc12345def\nx", Some("abc12345def"));
        check(r"\nOPENAI_API_KEY='abc12345def'", Some("abc12345def"));
        check("api_key: abc12345def", Some("abc12345def"));
        check("api_key = \"abc12345def\"", Some("abc12345def"));
        check("if api_key == abc12345def", None);
        check("api_key=os.environ['X1']", None);
        check("api_key=get_key1(2)", None);
    }
}
