//! Names that secrets stand under: headers, query parameters, JSON fields and variables.

/// What a header's name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// A scheme and a credential: the scheme stays.
    Authorization,
    /// `name=value; name=value`: the values are secret.
    Cookie,
    /// `name=value; Path=/`: the first value is secret.
    SetCookie,
    /// A secret as a whole.
    Secret,
}

/// What a header's name says; `None` for one that holds no credential.
pub(super) fn header(name: &str) -> Option<Header> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "authorization" | "proxy-authorization" => return Some(Header::Authorization),
        "cookie" => return Some(Header::Cookie),
        "set-cookie" => return Some(Header::SetCookie),
        "x-session-id" | "x-sessionid" | "x-session" | "x-sid" | "session" | "sessionid" | "sid" | "jsessionid"
        | "phpsessid" => return Some(Header::Secret),
        // The hash of a random number, and what a client may ask for.
        "sec-websocket-key" | "www-authenticate" | "proxy-authenticate" => return None,
        _ => {}
    }
    let words: Vec<&str> = name.split(['-', '_']).collect();
    let single = ["token", "secret", "apikey", "password", "passwd", "credential", "credentials", "auth", "jwt"];
    let double = ["api", "access", "secret", "private", "subscription", "functions", "auth", "license"];
    let secret = words.iter().any(|word| single.contains(word) || *word == "authorization")
        || words.windows(2).any(|pair| pair[1] == "key" && double.contains(&pair[0]));
    secret.then_some(Header::Secret)
}

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Whatever stands there is a secret.
    Secret,
    /// A scheme and a secret, or a secret.
    Authorization,
    /// What stands there is a secret if it looks like one.
    Likely,
    /// What stands there is a secret if chance made it: a code, a session.
    Random,
}

const FIELDS: &[&str] = &[
    "accesstoken",
    "apikey",
    "authtoken",
    "awssecretaccesskey",
    "awssessiontoken",
    "clientsecret",
    "idtoken",
    "passwd",
    "password",
    "privatekey",
    "refreshtoken",
    "secretaccesskey",
    "secretkey",
    "sessiontoken",
    "xapikey",
    "xgoogapikey",
];

/// What the name of a JSON field or a variable says: `api_key`, `apiKey`, `X-Api-Key`, `OPENAI_API_KEY`.
pub(super) fn field(name: &[u8]) -> Option<Field> {
    if name.len() > 64 {
        return None;
    }
    let plain = plain(name);
    if plain == b"authorization" || plain == b"proxyauthorization" {
        return Some(Field::Authorization);
    }
    if FIELDS.iter().any(|known| plain == known.as_bytes()) {
        return Some(Field::Secret);
    }
    let variable = name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
    let ends = |end: &str| name.ends_with(end.as_bytes()) && name.len() > end.len();
    let likely = if variable {
        ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_PASSWD", "_PAT"].iter().any(|end| ends(end))
            && !["PUBLIC_KEY", "PUBLISHABLE_KEY"].iter().any(|end| ends(end))
    } else {
        // `grid_token` is none of an id.
        FIELDS
            .iter()
            .any(|known| plain.ends_with(known.as_bytes()) && (*known != "idtoken" || ends_in_word(name, known)))
    };
    likely.then_some(Field::Likely)
}

/// Whether the end of a name that reads as these letters begins with a word: `userIdToken`, `user_id_token`.
fn ends_in_word(name: &[u8], letters: &str) -> bool {
    let mut left = letters.len();
    let mut at = name.len();
    while left > 0 && at > 0 {
        at -= 1;
        left -= usize::from(!matches!(name[at], b'_' | b'-'));
    }
    at == 0
        || matches!(name[at - 1], b'_' | b'-')
        || (name[at].is_ascii_uppercase() && !name[at - 1].is_ascii_uppercase())
}

/// Parts of names of which [`field`] knows at least one in each name that says something.
pub(super) const PARTS: &[&str] = &[
    "api_key",
    "apiKey",
    "api-key",
    "apikey",
    "API_KEY",
    "APIKEY",
    "ApiKey",
    "Api-Key",
    "API-Key",
    "Apikey",
    "password",
    "Password",
    "PASSWORD",
    "passwd",
    "Passwd",
    "PASSWD",
    "client_secret",
    "clientSecret",
    "ClientSecret",
    "client-secret",
    "access_token",
    "accessToken",
    "AccessToken",
    "access-token",
    "refresh_token",
    "refreshToken",
    "RefreshToken",
    "refresh-token",
    "id_token",
    "idToken",
    "IdToken",
    "session_token",
    "sessionToken",
    "SessionToken",
    "auth_token",
    "authToken",
    "AuthToken",
    "auth-token",
    "private_key",
    "privateKey",
    "PrivateKey",
    "private-key",
    "secret_key",
    "secretKey",
    "SecretKey",
    "secret-key",
    "access_key",
    "accessKey",
    "AccessKey",
    "uthorization",
    "AUTHORIZATION",
    "_KEY",
    "_TOKEN",
    "_SECRET",
    "_PAT",
];

/// What a query parameter's name says.
pub(super) fn parameter(name: &[u8]) -> Option<Field> {
    let plain = plain(name);
    let is = |known: &[&str]| known.iter().any(|known| plain == known.as_bytes());
    let secret = [
        "awsaccesskeyid",
        "clientassertion",
        "signature",
        "subscriptionkey",
        "xamzcredential",
        "xamzsecuritytoken",
        "xamzsignature",
        "xgoogcredential",
        "xgoogsignature",
        "apitoken",
    ];
    if is(&secret) || is(FIELDS) {
        return Some(Field::Secret);
    }
    if is(&["code", "session", "sessionid", "sid", "state"]) {
        return Some(Field::Random);
    }
    is(&["auth", "authorization", "hmac", "jwt", "key", "pwd", "secret", "sig", "token"]).then_some(Field::Likely)
}

/// Ends of the names that [`parameter`] knows, with the `=` after them.
pub(super) const PARAMETERS: &[&str] = &[
    "key=",
    "Key=",
    "KEY=",
    "token=",
    "Token=",
    "sig=",
    "ignature=",
    "auth=",
    "secret=",
    "password=",
    "jwt=",
    "redential=",
    "KeyId=",
    "pwd=",
    "assertion=",
    "uthorization=",
    "hmac=",
    "passwd=",
    "code=",
    "session=",
    "sessionid=",
    "session_id=",
    "sid=",
    "state=",
];

/// Lower case, without `_` and `-`.
fn plain(name: &[u8]) -> Vec<u8> {
    name.iter().filter(|byte| !matches!(byte, b'_' | b'-')).map(u8::to_ascii_lowercase).collect()
}

/// The credential in `Bearer x`: the place after a known scheme, else 0.
pub(super) fn after_scheme(value: &[u8]) -> usize {
    const SCHEMES: &[&str] =
        &["bearer", "basic", "token", "apikey", "digest", "negotiate", "key", "aws4-hmac-sha256", "bot", "sharedkey"];
    let Some(space) = memchr::memchr(b' ', value) else { return 0 };
    let scheme = value[..space].to_ascii_lowercase();
    let known = SCHEMES.iter().any(|known| scheme == known.as_bytes());
    let blanks = value[space..].iter().take_while(|byte| **byte == b' ').count();
    if known { space + blanks } else { 0 }
}

/// Whether a value stands in for a secret or describes one: `<token>`, `${KEY}`, `string`, `***`, prose.
pub(super) fn is_stand_in(value: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "api_key",
        "apikey",
        "basic",
        "bearer",
        "boolean",
        "false",
        "key",
        "none",
        "null",
        "number",
        "oauth",
        "optional",
        "pass",
        "passwd",
        "password",
        "pwd",
        "redacted",
        "required",
        "secret",
        "str",
        "string",
        "text",
        "token",
        "true",
        "undefined",
    ];
    let lower = value.to_ascii_lowercase();
    let starts = |start: &&str| lower.starts_with(start.as_bytes());
    let holds = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    let begin = value.iter().next();
    value.len() < 3
        || value.iter().all(|byte| Some(byte) == begin || matches!(byte, b'*' | b'.' | b'x' | b'X'))
        || WORDS.iter().any(|word| lower == word.as_bytes())
        || ["<", "${", "{{", "{%", "%(", "$(", "***", "[", "process.env", "os.environ", "os.getenv", "env."]
            .iter()
            .any(starts)
        || (value[0] == b'$' && value[1..].iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'))
        || ["***", "...", "\u{2026}"].iter().any(|dots| holds(dots))
        || (holds("your") && ["key", "token", "secret", "password"].iter().any(|word| holds(word)))
        || (value.len() < 200 && memchr::memchr_iter(b' ', value).nth(1).is_some())
}

/// Whether a value looks made by chance: at least `least` bytes of one word, letters and digits, no path or URL.
pub(super) fn is_random(value: &[u8], least: usize) -> bool {
    let has = |test: fn(&u8) -> bool| value.iter().any(test);
    value.len() >= least
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && value.iter().all(u8::is_ascii_graphic)
        && !has(|byte| matches!(byte, b'(' | b')' | b'<' | b'>' | b'{' | b'}' | b'[' | b']'))
        && !(value[0] == b'/' && value.len() < 32)
        && !value.starts_with(b"./")
        && memchr::memmem::find(value, b"://").is_none()
        && !is_stand_in(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_credentials_are_known() {
        for name in [
            "x-api-key",
            "api-key",
            "X-Goog-Api-Key",
            "x-amz-security-token",
            "x-auth-token",
            "ocp-apim-subscription-key",
            "x-functions-key",
            "private-token",
            "x-maxim-api-key",
            "apikey",
            "x-auth",
            "x-session-token",
            "x-csrf-token",
            "x-session-id",
            "X-Session",
            "jsessionid",
        ] {
            assert_eq!(header(name), Some(Header::Secret), "{name}");
        }
        for name in [
            "x-claude-code-session-id",
            "x-ratelimit-limit-tokens",
            "anthropic-ratelimit-input-tokens-remaining",
            "idempotency-key",
            "sec-websocket-key",
            "openai-organization",
            "x-stainless-lang",
            "traceparent",
            "session_id",
            "x-request-id",
            "content-type",
            "anthropic-beta",
            "host",
            "authority",
            "x-author",
        ] {
            assert_eq!(header(name), None, "{name}");
        }
    }

    #[test]
    fn fields_of_credentials_are_known() {
        for name in ["api_key", "apiKey", "X-API-Key", "password", "client_secret", "secretAccessKey", "id_token"] {
            assert_eq!(field(name.as_bytes()), Some(Field::Secret), "{name}");
        }
        for name in ["OPENAI_API_KEY", "openai_api_key", "dbPassword", "GITHUB_TOKEN", "user_id_token", "userIdToken"] {
            assert_eq!(field(name.as_bytes()), Some(Field::Likely), "{name}");
        }
        for name in [
            "max_tokens",
            "token",
            "key",
            "total_tokens",
            "signature",
            "secret",
            "api_keys",
            "TOKENS",
            "KEY",
            "SSH_PUBLIC_KEY",
            "bid_token",
            "grid_token",
            "valid-token",
            "gridToken",
        ] {
            assert_eq!(field(name.as_bytes()), None, "{name}");
        }
        assert_eq!(field(b"Authorization"), Some(Field::Authorization));
    }

    #[test]
    fn every_known_field_holds_a_known_part() {
        let names = [
            "x-goog-api-key",
            "AWS_SECRET_ACCESS_KEY",
            "awsSessionToken",
            "secretAccessKey",
            "Authorization",
            "secret_access_key",
            "AwsSecretAccessKey",
            "DB_PASSWORD",
            "DB_PASSWD",
            "GITHUB_PAT",
        ];
        for name in names {
            assert!(field(name.as_bytes()).is_some(), "{name}");
            assert!(PARTS.iter().any(|part| name.contains(part)), "{name}");
        }
    }

    #[test]
    fn stand_ins_are_no_secrets() {
        for value in [
            "",
            "x",
            "string",
            "<token>",
            "${KEY}",
            "$KEY",
            "****",
            "xxxxxx",
            "your-api-key-1",
            "The user's new password",
        ] {
            assert!(is_stand_in(value.as_bytes()), "{value}");
        }
        for value in ["hunter2", "correct horse", "$ecret"] {
            assert!(!is_stand_in(value.as_bytes()), "{value}");
        }
        assert_eq!(after_scheme(b"Bearer  abc"), 8);
        assert_eq!(after_scheme(b"abc def"), 0);
    }
}
