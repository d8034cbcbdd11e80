//! Which providers the agent's calls go to, and the variables that lead them through the listener.

use std::path::PathBuf;

use super::others::is_further;
use super::providers::{Provider, TABLE};
use crate::config::Dotenv;
use crate::proxy::{Key, Listener, Upstream};

/// Stands for a key that the recorded environment had and this one has not.
pub const PLACEHOLDER: &str = "sk-retake-placeholder";

/// How an upstream was named that the user gave.
pub(super) const GIVEN: &str = "--upstream";

/// What the routes are made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// Environment variables.
    pub variables: &'a [(String, String)],
    /// The nearest `.env` file.
    pub dotenv: Option<&'a Dotenv>,
    /// `PROVIDER=URL`, as the user gave them.
    pub given: &'a [String],
}

/// Why there are no routes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A given upstream is not of the form `PROVIDER=URL`.
    #[error("`{given}` is not of the form `PROVIDER=URL`")]
    Form {
        /// What was given.
        given: String,
    },
    /// A name cannot be a prefix.
    #[error("`{name}` cannot name a provider: it takes letters, digits, `-`, `_` and `.`, and not `retake`")]
    Name {
        /// What was given.
        name: String,
    },
    /// A URL cannot be an upstream.
    #[error("`{url}` cannot be an upstream: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// Why.
        reason: String,
    },
}

/// Where a provider's upstream was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The provider's prefix.
    pub provider: String,
    /// Its URL.
    pub url: String,
    /// The variable, or `--upstream`.
    pub by: String,
    /// The file, where it is not the environment.
    pub file: Option<PathBuf>,
}

impl Named {
    /// One line: where its calls went and why.
    #[must_use]
    pub fn line(&self) -> String {
        let file = self.file.as_ref().map(|file| format!(" in {}", file.display())).unwrap_or_default();
        format!("{} is {} (`{}`{file})", self.provider, self.url, self.by)
    }
}

/// Upstreams, and the variables that lead to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// Where calls go, by prefix.
    pub upstreams: Vec<Upstream>,
    /// Where calls went in the recording that is replayed, by prefix.
    pub formerly: Vec<Upstream>,
    /// Keys of the environment and the `.env` file, each with its provider.
    pub keys: Vec<Key>,
    /// Files with certificate authorities that the environment names.
    pub authorities: Vec<PathBuf>,
    /// Upstreams that the user has named, and where.
    pub named: Vec<Named>,
    /// What could not be followed, one line each.
    pub warnings: Vec<String>,
    pub(super) variables: Vec<Variable>,
    no_proxy: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) url: Url,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Url {
    Base,
    Root,
    /// What the user's own URL has before its host and behind it.
    Own {
        user: String,
        rest: String,
    },
}

/// A base URL that the user has set.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) root: bool,
    pub(super) value: String,
    pub(super) file: Option<PathBuf>,
}

impl Routes {
    /// The routes for these surroundings.
    ///
    /// # Errors
    /// A given upstream cannot be one. Anything odd in the environment is a warning.
    pub fn new(from: Surroundings<'_>) -> Result<Self, Error> {
        let mut routes = Self { no_proxy: no_proxy(from), authorities: authorities(from), ..Self::default() };
        let mut given: Vec<(&str, &str)> = Vec::new();
        for text in from.given {
            let (name, url) = text.split_once('=').ok_or_else(|| Error::Form { given: text.clone() })?;
            given.retain(|(known, _)| *known != name);
            given.push((name, url));
        }
        for provider in &TABLE.providers {
            let at = given.iter().position(|(name, _)| *name == provider.name);
            match at.map(|at| given.remove(at)) {
                Some((_, url)) => routes.add_given(&provider.name, url, Some(provider))?,
                None => routes.add(provider, from),
            }
            routes.add_keys(provider, from);
        }
        for (name, url) in given {
            routes.add_given(name, url, None)?;
        }
        routes.lead_others(from);
        Ok(routes)
    }

    fn add_given(&mut self, name: &str, url: &str, provider: Option<&Provider>) -> Result<(), Error> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if name.is_empty() || name == "retake" || !name.chars().all(allowed) {
            return Err(Error::Name { name: name.to_owned() });
        }
        let failed = |reason| Error::Url { url: url.to_owned(), reason };
        let mut upstream = Upstream::parse(name, url).map_err(failed)?;
        let version = provider.map(Provider::version).unwrap_or_default();
        if !upstream.path.ends_with(version)
            && (upstream.path.is_empty() || provider.is_some_and(|it| it.base.is_empty()))
        {
            upstream.path.push_str(version);
        }
        self.named.push(Named { provider: name.to_owned(), url: upstream.url(), by: GIVEN.to_owned(), file: None });
        self.upstreams.push(upstream);
        if let Some(provider) = provider {
            self.lead(provider);
        } else {
            let variable = format!("{}_BASE_URL", name.to_ascii_uppercase().replace(['-', '.'], "_"));
            self.variables.push(Variable { name: variable, prefix: name.to_owned(), url: Url::Base });
        }
        Ok(())
    }

    /// All variables of the provider lead to its upstream.
    fn lead(&mut self, provider: &Provider) {
        for (name, root) in provider.variables() {
            let url = if root { Url::Root } else { Url::Base };
            self.variables.push(Variable { name: name.to_owned(), prefix: provider.name.clone(), url });
        }
    }

    fn add(&mut self, provider: &Provider, from: Surroundings<'_>) {
        let mut settings = settings(provider, from);
        // The environment goes before the file, as in python-dotenv.
        settings.sort_by_key(|setting| setting.file.is_some());
        let mut own: Vec<String> = Vec::new();
        for setting in &settings {
            let Some((mut upstream, user, rest)) = self.read(setting) else {
                own.push(setting.name.clone());
                continue;
            };
            if setting.root && !upstream.path.ends_with(provider.version()) {
                upstream.path.push_str(provider.version());
            }
            let same = self.upstreams.iter().find(|known| {
                known.origin == upstream.origin
                    && (known.name == provider.name || is_further(&known.name, &provider.name))
            });
            let prefix = match same {
                Some(known) => known.name.clone(),
                None => self.place(provider, upstream, setting),
            };
            own.push(setting.name.clone());
            self.variables.push(Variable { name: setting.name.clone(), prefix, url: Url::Own { user, rest } });
        }
        if !self.upstreams.iter().any(|known| known.name == provider.name) {
            let Some(upstream) = provider.url.as_deref().and_then(|url| Upstream::parse(&provider.name, url).ok())
            else {
                return;
            };
            self.upstreams.push(upstream);
        }
        for (name, root) in provider.variables() {
            if !own.iter().any(|known| known == name) && !provider.if_set.iter().any(|known| known == name) {
                let url = if root { Url::Root } else { Url::Base };
                self.variables.push(Variable { name: name.to_owned(), prefix: provider.name.clone(), url });
            }
        }
    }

    /// The upstream that a setting means, and what its URL has around the host.
    pub(super) fn read(&mut self, setting: &Setting) -> Option<(Upstream, String, String)> {
        let value = full_url(&setting.name, &setting.value);
        let upstream = match Upstream::parse("", &value) {
            Ok(upstream) => upstream,
            Err(reason) => {
                let name = &setting.name;
                self.warnings.push(format!("`{name}` is left as it is, and its calls are not recorded: {reason}"));
                return None;
            }
        };
        let (_, behind) = value.split_once("://")?;
        let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
        let user = behind[..end].rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
        Some((upstream, user, behind[end..].to_owned()))
    }

    /// Gives an upstream that the user has set a prefix: the provider's, or one more where two differ.
    pub(super) fn place(&mut self, provider: &Provider, mut upstream: Upstream, setting: &Setting) -> String {
        let taken = |name: &str| self.upstreams.iter().any(|known| known.name == name);
        let mut name = provider.name.clone();
        let mut number = 2;
        while taken(&name) {
            name = format!("{}-{number}", provider.name);
            number += 1;
        }
        upstream.name.clone_from(&name);
        let (url, file) = (upstream.url(), setting.file.clone());
        self.named.push(Named { provider: name.clone(), url, by: setting.name.clone(), file });
        self.upstreams.push(upstream);
        name
    }

    fn add_keys(&mut self, provider: &Provider, from: Surroundings<'_>) {
        for name in &provider.keys {
            let file = from.dotenv.and_then(|file| file.get(name));
            for secret in [get(from.variables, name), file].into_iter().flatten() {
                self.keys.push(Key { provider: provider.name.clone(), secret: secret.to_owned() });
            }
        }
    }

    /// The variables that the agent gets for this listener: base URLs, `RETAKE_URL`, `NO_PROXY`.
    #[must_use]
    pub fn variables(&self, listener: &Listener) -> Vec<(String, String)> {
        let url = |variable: &Variable| match &variable.url {
            Url::Base => listener.url(&variable.prefix),
            Url::Root => listener.root_url(&variable.prefix),
            Url::Own { user, rest } => {
                let prefix = listener.prefix(&variable.prefix);
                let prefix = prefix.replacen("://", &format!("://{user}"), 1);
                format!("{prefix}{rest}")
            }
        };
        let mut made: Vec<(String, String)> = self.variables.iter().map(|it| (it.name.clone(), url(it))).collect();
        made.push(("RETAKE_URL".to_owned(), listener.nodes_url()));
        made.extend(self.no_proxy.iter().cloned());
        made
    }

    /// Variables that lead to a prefix, in the order in which clients try them.
    #[must_use]
    pub fn variables_of(&self, prefix: &str) -> Vec<&str> {
        self.variables.iter().filter(|it| it.prefix == prefix).map(|it| it.name.as_str()).collect()
    }

    /// The routes with those of a recording: its answers may point there.
    #[must_use]
    pub fn after(mut self, recorded: &[(String, String)]) -> Self {
        let parsed = recorded.iter().filter_map(|(name, url)| Upstream::parse(name, url).ok());
        self.formerly = parsed.filter(|then| self.upstreams.iter().any(|now| now.name == then.name)).collect();
        self
    }

    /// Prefixes and URLs, as a recording names them.
    #[must_use]
    pub fn list(&self) -> Vec<(String, String)> {
        self.upstreams.iter().map(|upstream| (upstream.name.clone(), upstream.url())).collect()
    }

    /// Whether the user has named this provider's upstream.
    #[must_use]
    pub fn is_named(&self, provider: &str) -> bool {
        self.named.iter().any(|named| named.provider == provider)
    }
}

/// Variables for keys that the recorded environment had and this one has not: SDKs start without any.
#[must_use]
pub fn placeholders(
    recorded: &[String],
    variables: &[(String, String)],
    dotenv: Option<&Dotenv>,
) -> Vec<(String, String)> {
    let missing = |name: &&String| {
        get(variables, name).is_none()
            && dotenv.is_none_or(|file| file.get(name).is_none_or(str::is_empty))
            && (TABLE.providers.iter().any(|provider| provider.keys.contains(name))
                || (name.ends_with("_API_KEY") && crate::config::is_credential_name(name)))
    };
    recorded.iter().filter(missing).map(|name| (name.clone(), PLACEHOLDER.to_owned())).collect()
}

/// Whether a request carries a placeholder instead of a key; such a request is not sent.
#[must_use]
pub fn has_placeholder(headers: &[(String, String)], query: &str) -> bool {
    query.contains(PLACEHOLDER) || headers.iter().any(|(_, value)| value.contains(PLACEHOLDER))
}

fn settings(provider: &Provider, from: Surroundings<'_>) -> Vec<Setting> {
    let setting = |(name, root): (&str, bool)| {
        let (name, own) = (name.to_owned(), get(from.variables, name));
        if let Some(value) = own {
            return Some(Setting { name, root, value: value.to_owned(), file: None });
        }
        let file = from.dotenv?;
        let value = file.get(&name).filter(|value| !value.trim().is_empty())?;
        Some(Setting { value: value.to_owned(), name, root, file: Some(file.path.clone()) })
    };
    provider.variables().filter_map(setting).collect()
}

/// The value of a variable that is set and not empty.
fn get<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    variables.iter().find(|(known, value)| known == name && !value.trim().is_empty()).map(|(_, value)| value.as_str())
}

/// A URL as the client reads it: Ollama's may be a mere host or address to listen on.
fn full_url(name: &str, value: &str) -> String {
    let value = value.trim();
    if !name.starts_with("OLLAMA_") {
        return value.to_owned();
    }
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = match authority.strip_prefix("0.0.0.0").or_else(|| authority.strip_prefix(':').map(|_| authority)) {
        Some(port) => format!("127.0.0.1{port}"),
        None => authority.to_owned(),
    };
    let bare = !value.contains("://") && !authority.contains(':');
    format!("{scheme}://{authority}{}{path}", if bare { ":11434" } else { "" })
}

/// `NO_PROXY` and `no_proxy` with the loopback in them.
fn no_proxy(from: Surroundings<'_>) -> Vec<(String, String)> {
    let (upper, lower) = (get(from.variables, "NO_PROXY"), get(from.variables, "no_proxy"));
    let with_loopback = |value: Option<&str>| {
        let mut hosts: Vec<&str> =
            value.unwrap_or_default().split(',').filter(|host| !host.trim().is_empty()).collect();
        for host in ["127.0.0.1", "localhost"] {
            if !hosts.iter().any(|known| matches!(known.trim(), "*") || known.trim() == host) {
                hosts.push(host);
            }
        }
        hosts.join(",")
    };
    // A client that reads the other spelling first must not lose what only one of them says.
    vec![
        ("NO_PROXY".to_owned(), with_loopback(upper.or(lower))),
        ("no_proxy".to_owned(), with_loopback(lower.or(upper))),
    ]
}

fn authorities(from: Surroundings<'_>) -> Vec<PathBuf> {
    let names = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
    names.iter().filter_map(|name| get(from.variables, name)).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn dotenv(list: &[(&str, &str)]) -> Dotenv {
        let variables = pairs(list).into_iter().map(|(name, value)| (name, Some(value))).collect();
        Dotenv { path: PathBuf::from("/p/.env"), variables }
    }

    struct Nobody;

    impl crate::proxy::Watch for Nobody {
        fn saw(&self, _: crate::model::event::Event) {}

        fn settled(&self) -> crate::proxy::Boxed<'_, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    /// The variables of these providers that were made, the listener's address cut out.
    fn made(routes: &Routes, names: &[&str]) -> String {
        let listener = Listener::start(crate::proxy::Setup {
            upstreams: routes.upstreams.clone(),
            formerly: Vec::new(),
            keys: Vec::new(),
            authorities: Vec::new(),
            token: "tok".to_owned(),
            first: 1,
            answer: std::sync::Arc::new(super::super::Live),
            watch: std::sync::Arc::new(Nobody),
            ends_stream: std::sync::Arc::new(|_, _, _| false),
            clock: std::sync::Arc::new(|| crate::model::Micros(0)),
        })
        .unwrap();
        let address = listener.address().to_string();
        let variables = routes.variables(&listener);
        let chosen = variables.iter().filter(|(name, _)| names.iter().any(|start| name.contains(start)));
        let lines = chosen.map(|(name, value)| format!("{name}={}", value.replace(&address, "ADDRESS")));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn named(routes: &Routes) -> String {
        routes.named.iter().map(Named::line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn without_anything_set() {
        let routes = Routes::new(Surroundings::default()).unwrap();
        insta::assert_snapshot!(made(&routes, &[""]), @"
        OPENAI_BASE_URL=http://ADDRESS/tok/openai/v1
        OPENAI_API_BASE=http://ADDRESS/tok/openai/v1
        OPENAI_API_BASE_URL=http://ADDRESS/tok/openai/v1
        ANTHROPIC_BASE_URL=http://ADDRESS/tok/anthropic
        ANTHROPIC_API_URL=http://ADDRESS/tok/anthropic
        ANTHROPIC_API_BASE=http://ADDRESS/tok/anthropic
        MISTRAL_BASE_URL=http://ADDRESS/tok/mistral/v1
        MISTRAL_AZURE_API_BASE=http://ADDRESS/tok/mistral/v1
        MISTRAL_ENDPOINT=http://ADDRESS/tok/mistral
        GOOGLE_GEMINI_BASE_URL=http://ADDRESS/tok/google
        GEMINI_API_BASE=http://ADDRESS/tok/google
        CO_API_URL=http://ADDRESS/tok/cohere
        OLLAMA_HOST=http://ADDRESS/tok/ollama
        OLLAMA_API_BASE=http://ADDRESS/tok/ollama
        RETAKE_URL=http://ADDRESS/tok/retake
        NO_PROXY=127.0.0.1,localhost
        no_proxy=127.0.0.1,localhost
        ");
        assert!(routes.named.is_empty() && routes.warnings.is_empty());
    }

    #[test]
    fn what_the_environment_and_the_file_say() {
        let variables = pairs(&[
            ("OPENAI_BASE_URL", "https://u:p@gateway.example/x/openai/v1?a=1"),
            ("MISTRAL_API_KEY", "mistral-key-1"),
            ("OLLAMA_HOST", "0.0.0.0"),
            ("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com/"),
            ("no_proxy", "corp.example"),
        ]);
        let file = dotenv(&[
            ("OPENAI_BASE_URL", "http://ignored.example"),
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9/a"),
            ("OPENAI_API_KEY", "file-key-1"),
        ]);
        let routes = Routes::new(Surroundings { variables: &variables, dotenv: Some(&file), given: &[] }).unwrap();
        insta::assert_snapshot!(made(&routes, &["OPENAI", "ANTHROPIC_BASE", "OLLAMA_HOST", "PROXY", "proxy"]), @"
        OPENAI_BASE_URL=http://u:p@ADDRESS/tok/openai/x/openai/v1?a=1
        OPENAI_API_BASE=http://ADDRESS/tok/openai/x/openai/v1
        OPENAI_API_BASE_URL=http://ADDRESS/tok/openai/x/openai/v1
        ANTHROPIC_BASE_URL=http://ADDRESS/tok/anthropic/a
        OLLAMA_HOST=http://ADDRESS/tok/ollama
        AZURE_OPENAI_ENDPOINT=http://ADDRESS/tok/azure/
        NO_PROXY=corp.example,127.0.0.1,localhost
        no_proxy=corp.example,127.0.0.1,localhost
        ");
        insta::assert_snapshot!(named(&routes), @"
        openai is https://gateway.example/x/openai/v1 (`OPENAI_BASE_URL`)
        anthropic is http://127.0.0.1:9/a/v1 (`ANTHROPIC_BASE_URL` in /p/.env)
        ollama is http://127.0.0.1:11434 (`OLLAMA_HOST`)
        azure is https://me.openai.azure.com (`AZURE_OPENAI_ENDPOINT`)
        ");
        let keys: Vec<_> = routes.keys.iter().map(|key| (key.provider.as_str(), key.secret.as_str())).collect();
        assert_eq!(keys, [("openai", "file-key-1"), ("mistral", "mistral-key-1")]);
    }

    #[test]
    fn two_upstreams_of_one_provider_stay_apart() {
        let variables = pairs(&[("OPENAI_BASE_URL", "http://a/v1"), ("OPENAI_API_BASE", "http://b/v1")]);
        let routes = Routes::new(Surroundings { variables: &variables, ..Surroundings::default() }).unwrap();
        insta::assert_snapshot!(made(&routes, &["OPENAI"]), @"
        OPENAI_BASE_URL=http://ADDRESS/tok/openai/v1
        OPENAI_API_BASE=http://ADDRESS/tok/openai-2/v1
        OPENAI_API_BASE_URL=http://ADDRESS/tok/openai/v1
        ");
    }

    #[test]
    fn given_upstreams() {
        let given: Vec<String> =
            ["openai=http://127.0.0.1:1", "anthropic=http://127.0.0.1:2/x", "my-gw=https://gw.example/v1"]
                .map(str::to_owned)
                .into();
        let variables = pairs(&[("OPENAI_BASE_URL", "http://a/v1"), ("ANTHROPIC_BASE_URL", "no url")]);
        let routes = Routes::new(Surroundings { variables: &variables, dotenv: None, given: &given }).unwrap();
        insta::assert_snapshot!(made(&routes, &["OPENAI", "ANTHROPIC_BASE", "MY_GW"]), @"
        OPENAI_BASE_URL=http://ADDRESS/tok/openai/v1
        OPENAI_API_BASE=http://ADDRESS/tok/openai/v1
        OPENAI_API_BASE_URL=http://ADDRESS/tok/openai/v1
        ANTHROPIC_BASE_URL=http://ADDRESS/tok/anthropic/x
        MY_GW_BASE_URL=http://ADDRESS/tok/my-gw/v1
        ");
        insta::assert_snapshot!(named(&routes), @"
        openai is http://127.0.0.1:1/v1 (`--upstream`)
        anthropic is http://127.0.0.1:2/x/v1 (`--upstream`)
        my-gw is https://gw.example/v1 (`--upstream`)
        ");
        assert_eq!(routes.variables_of("my-gw"), ["MY_GW_BASE_URL"]);
        for (wrong, says) in [
            ("openai", "`openai` is not of the form `PROVIDER=URL`"),
            (
                "a/b=http://x",
                "`a/b` cannot name a provider: it takes letters, digits, `-`, `_` and `.`, and not `retake`",
            ),
            (
                "retake=http://x",
                "`retake` cannot name a provider: it takes letters, digits, `-`, `_` and `.`, and not `retake`",
            ),
            ("x=ftp://x", "`ftp://x` cannot be an upstream: `ftp` is not a scheme of a provider"),
        ] {
            let error =
                Routes::new(Surroundings { given: &[wrong.to_owned()], ..Surroundings::default() }).unwrap_err();
            assert_eq!(error.to_string(), says);
        }
    }

    #[test]
    fn what_is_no_url_is_left_alone_and_said() {
        let variables = pairs(&[("OPENAI_BASE_URL", "not a url")]);
        let routes = Routes::new(Surroundings { variables: &variables, ..Surroundings::default() }).unwrap();
        assert_eq!(routes.variables_of("openai"), ["OPENAI_API_BASE", "OPENAI_API_BASE_URL"]);
        assert_eq!(routes.warnings.len(), 1);
    }

    #[test]
    fn placeholders_stand_for_keys_that_are_missing() {
        let recorded = ["HOME", "MISTRAL_API_KEY", "OPENAI_API_KEY", "SERP_API_KEY"].map(str::to_owned);
        let here = pairs(&[("OPENAI_API_KEY", "k")]);
        let names: Vec<String> = placeholders(&recorded, &here, None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["MISTRAL_API_KEY", "SERP_API_KEY"]);
        assert!(has_placeholder(&pairs(&[("authorization", "Bearer sk-retake-placeholder")]), ""));
    }
}
