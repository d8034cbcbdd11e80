//! Which upstream a request is for, and at which path.

use http::HeaderMap;

use super::back::{EXACT, FOREIGN};
use super::header;

/// Where the calls that come in by one prefix go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The prefix: `openai`, `anthropic`, or a name of the user's.
    pub name: String,
    /// Scheme and authority, as `https://api.openai.com`.
    pub origin: String,
    /// Path of the interface, its version included, as `/v1`; may be empty.
    pub path: String,
}

impl Upstream {
    /// The upstream that this URL of a provider's interface means.
    ///
    /// # Errors
    /// Why the URL cannot be one.
    pub fn parse(name: &str, url: &str) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| error.to_string())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("`{}` is not a scheme of a provider", parsed.scheme()));
        }
        let host = parsed.host_str().ok_or("there is no host in it")?;
        let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            origin: format!("{}://{host}{port}", parsed.scheme()),
            path: parsed.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Host and port, as the `host` header names them.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.origin.split_once("://").map_or(self.origin.as_str(), |(_, authority)| authority)
    }

    /// Origin and path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// Whether this is its origin. The names of this machine are one.
    pub(crate) fn is_at(&self, origin: &str) -> bool {
        let (scheme, authority) = origin.split_once("://").unwrap_or_default();
        let port = |authority: &str| authority.rsplit_once(':').map(|(_, port)| port.to_owned());
        let here = is_loopback(authority) && self.is_local();
        self.origin.split_once("://").is_some_and(|(own, own_authority)| {
            own == scheme && (own_authority == authority || (here && port(own_authority) == port(authority)))
        })
    }

    /// Whether what another URL means lies in it: the same origin, and below what a gateway has before
    /// the version.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let (root, _) = split_version(&self.path);
        self.is_at(&other.origin) && (root.is_empty() || begins_with(&other.path, root))
    }

    /// Origin and what the path has before the version (a gateway's own path), and the rest of `path`:
    /// so a call has one path, whichever gateway it goes through.
    pub(crate) fn split<'a>(&self, path: &'a str) -> (String, &'a str) {
        let (root, _) = split_version(&self.path);
        match path.strip_prefix(root).filter(|rest| rest.starts_with('/')) {
            Some(rest) => (format!("{}{root}", self.origin), rest),
            None => (self.origin.clone(), path),
        }
    }

    /// Whether it is on this machine, so that no proxy stands between.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_loopback(self.authority())
    }

    /// The path at the upstream for what stood behind the prefix.
    ///
    /// An agent that was given the interface's own path behind the prefix sends it back and it stays
    /// as it is. One that was given less (a root without `/v1`, or none of a gateway's path) gets the
    /// missing part put before it; a path outside the interface stays as it is, and so does one that an
    /// answer has led back here.
    pub(crate) fn path_of(&self, rest: &str) -> String {
        if let Some(path) = exact_path(rest) {
            return path.to_owned();
        }
        let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        if self.path.is_empty() || begins_with(&rest, &self.path) {
            return rest;
        }
        let (root, version) = split_version(&self.path);
        let starts = self.path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        if let Some(at) = starts.into_iter().find(|at| begins_with(&rest, &self.path[*at..])) {
            return format!("{}{rest}", &self.path[..at]);
        }
        let first = rest[1..].split(['/', ':', '?']).next().unwrap_or_default();
        match version.is_empty() {
            _ if INTERFACES.contains(&first) => format!("{}{rest}", self.path),
            false if begins_with(&rest, root) => rest,
            _ => format!("{root}{rest}"),
        }
    }
}

/// First parts of the paths of model providers' interfaces, behind their version.
const INTERFACES: [&str; 32] = [
    "agents",
    "assistants",
    "audio",
    "batch",
    "batches",
    "cachedContents",
    "chat",
    "classifications",
    "complete",
    "completions",
    "containers",
    "conversations",
    "embed",
    "embeddings",
    "evals",
    "files",
    "fim",
    "fine_tuning",
    "images",
    "libraries",
    "messages",
    "models",
    "moderations",
    "ocr",
    "organizations",
    "realtime",
    "rerank",
    "responses",
    "threads",
    "tunedModels",
    "uploads",
    "vector_stores",
];

/// The path of an exact rest.
fn exact_path(rest: &str) -> Option<&str> {
    let path = rest.strip_prefix(FOREIGN).or_else(|| rest.strip_prefix(EXACT))?;
    path.starts_with('/').then_some(path)
}

/// Whether this rest was led back from an answer of another origin.
pub(crate) fn is_foreign(rest: &str) -> bool {
    rest.strip_prefix(FOREIGN).is_some_and(|path| path.starts_with('/'))
}

/// How long the authority at the beginning of this is.
pub(crate) fn authority_of(behind_scheme: &str) -> usize {
    behind_scheme.find(['/', '?', '#']).unwrap_or(behind_scheme.len())
}

/// A path without its version, and the version with its slash (`/v1`, `/v1beta`; empty if none).
pub(crate) fn split_version(path: &str) -> (&str, &str) {
    match path.rfind('/') {
        Some(at) if is_version(&path[at + 1..]) => path.split_at(at),
        _ => (path, ""),
    }
}

fn is_version(part: &str) -> bool {
    let Some(rest) = part.strip_prefix('v') else { return false };
    let stage = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let stage = stage.strip_prefix("alpha").or_else(|| stage.strip_prefix("beta")).unwrap_or(stage);
    rest.starts_with(|letter: char| letter.is_ascii_digit()) && stage.bytes().all(|byte| byte.is_ascii_digit())
}

fn begins_with(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether this `host` or `host:port` is the machine itself.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let address: Option<std::net::IpAddr> = host.parse().ok();
    address.is_some_and(|address| address.is_loopback())
        || host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
}

/// A key of the agent's environment and the prefix of the provider that it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Prefix of the provider.
    pub provider: String,
    /// The key itself.
    pub secret: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Key({})", self.provider)
    }
}

/// The provider that the key of a request belongs to, where it is another one than `provider` and the
/// key is known: it must not go to a host that its owner did not name.
pub(crate) fn owner<'a>(keys: &'a [Key], provider: &str, headers: &HeaderMap, query: &str) -> Option<&'a str> {
    let carried = |secret: &str| {
        let names = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
        secret.len() >= 8
            && (names.iter().any(|name| {
                let value = header::text(headers, name);
                value == secret || value.split_once(' ').is_some_and(|(_, token)| token.trim() == secret)
            }) || query.split('&').any(|pair| pair.strip_prefix("key=") == Some(secret)))
    };
    let owners: Vec<&str> = keys.iter().filter(|key| carried(&key.secret)).map(|key| key.provider.as_str()).collect();
    // A further upstream of a provider, `openai-2`, was named in the environment too.
    let further = provider.rsplit_once('-').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let family = further.map_or(provider, |(name, _)| name);
    if owners.iter().any(|owner| [provider, family].contains(owner)) { None } else { owners.first().copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, rest: &str, expected: &str) {
        let upstream = Upstream::parse("p", url).unwrap();
        assert_eq!(upstream.path_of(rest), expected, "{url} {rest}");
    }

    #[test]
    fn paths_are_those_of_the_upstream() {
        check("https://api.openai.com/v1", "/v1/chat/completions", "/v1/chat/completions");
        check("https://api.openai.com/v1/", "/chat/completions", "/v1/chat/completions");
        check("https://api.anthropic.com/v1", "/v1/messages", "/v1/messages");
        check("https://api.anthropic.com/v1", "/messages", "/v1/messages");
        check("https://api.anthropic.com/v1", "/api/hello", "/api/hello");
        check("https://gateway/x/openai/v1", "/x/openai/v1/responses", "/x/openai/v1/responses");
        check("https://gateway/x/openai/v1", "/v1/responses", "/x/openai/v1/responses");
        check("https://gateway/x/openai/v1", "/responses", "/x/openai/v1/responses");
        check("https://gateway/x/openai/v1", "/x/openai/health", "/x/openai/health");
        check("https://gateway/anthropic/v1", "/anthropic/v1/messages", "/anthropic/v1/messages");
        check(
            "https://generativelanguage.googleapis.com/v1beta",
            "/models/g:generateContent",
            "/v1beta/models/g:generateContent",
        );
        check("https://generativelanguage.googleapis.com/v1beta", "/upload/v1beta/files", "/upload/v1beta/files");
        check("http://127.0.0.1:11434", "/api/chat", "/api/chat");
        check("http://127.0.0.1:11434", "", "/");
        check("https://gateway/v1extra", "/v1/x", "/v1extra/v1/x");
        let gateway = Upstream::parse("p", "https://gateway/x/openai/v1").unwrap();
        assert_eq!(gateway.split("/x/openai/v1/responses"), ("https://gateway/x/openai".to_owned(), "/v1/responses"));
        assert_eq!(gateway.split("/x/openaix"), ("https://gateway".to_owned(), "/x/openaix"));
    }

    #[test]
    fn loopback_names() {
        for name in ["127.0.0.1:80", "localhost", "LOCALHOST:1", "[::1]:8080", "a.localhost:1", "127.1.2.3"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["127.0.0.1.example.com", "example.com:127", "10.0.0.1", ""] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn a_key_belongs_to_the_provider_that_its_variable_names() {
        let key = |provider: &str, secret: &str| Key { provider: provider.to_owned(), secret: secret.to_owned() };
        let keys = [
            key("openai", "sk-openai-1"),
            key("mistral", "mistral-key"),
            key("openai", "shared-key"),
            key("mistral", "shared-key"),
        ];
        let bearer = |secret: &str| header::map(&vec![("authorization".to_owned(), format!("Bearer {secret}"))]);
        assert_eq!(owner(&keys, "openai", &bearer("sk-openai-1"), ""), None);
        assert_eq!(owner(&keys, "openai", &bearer("mistral-key"), ""), Some("mistral"));
        assert_eq!(owner(&keys, "openai", &bearer("shared-key"), ""), None);
        assert_eq!(owner(&keys, "openai", &bearer("unknown-key"), ""), None);
        assert_eq!(owner(&keys, "openai-2", &bearer("sk-openai-1"), ""), None);
        assert_eq!(owner(&keys, "openai-2", &bearer("mistral-key"), ""), Some("mistral"));
        assert_eq!(owner(&keys, "google", &HeaderMap::new(), "alt=sse&key=mistral-key"), Some("mistral"));
    }
}
