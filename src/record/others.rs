//! Base URLs in variables that no client of the table reads: led through the listener all the same.

use super::providers::{Provider, TABLE};
use super::routes::{GIVEN, Named, Routes, Setting, Surroundings, Url, Variable};
use crate::proxy::Upstream;

/// What a name may say behind a provider's to be taken for a base URL of it: `OPENAI_API_BASE_URL`,
/// `MISTRAL_SERVER_URL`. Any other word (`OPENAI_STATUS_URL`) makes it something else.
const WORDS: [&str; 9] = ["ADDRESS", "API", "BASE", "BASEURL", "ENDPOINT", "HOST", "SERVER", "URI", "URL"];

impl Routes {
    /// Leads every further variable whose value is or begins with a known upstream, or whose name says
    /// that it is one of a provider's.
    pub(super) fn lead_others(&mut self, from: Surroundings<'_>) {
        for setting in others(from) {
            if Upstream::parse("", &setting.value).is_err() {
                continue;
            }
            let Some((upstream, user, rest)) = self.read(&setting) else { continue };
            let prefix = self
                .known(&setting, &upstream, &rest)
                .or_else(|| self.usual(&setting, &upstream))
                .or_else(|| self.by_its_name(&setting, &upstream));
            if let Some(prefix) = prefix {
                self.variables.push(Variable { name: setting.name, prefix, url: Url::Own { user, rest } });
            }
        }
    }

    /// The prefix of a known upstream that the value lies in. Several providers may be at one place: then
    /// the one that another variable gives just so, else the one that is named, else the nearest path.
    fn known(&mut self, setting: &Setting, value: &Upstream, rest: &str) -> Option<String> {
        let given_so = |name: &str| {
            let same = |url: &Url| matches!(url, Url::Own { rest: own, .. } if own.trim_end_matches('/') == rest.trim_end_matches('/'));
            self.variables.iter().any(|variable| variable.prefix == name && same(&variable.url))
        };
        let named = |name: &str| {
            let provider = TABLE.providers.iter().find(|it| it.name == name || is_further(name, &it.name));
            provider.is_some_and(|provider| stems(provider).any(|stem| mentions(&setting.name, &stem)))
        };
        let rank = |known: &&Upstream| (given_so(&known.name), named(&known.name), known.path.len());
        let mut fits: Vec<&Upstream> = self.upstreams.iter().filter(|known| known.covers(value)).collect();
        // Stable: of equals the first of the table.
        fits.sort_by_key(|known| std::cmp::Reverse(rank(known)));
        let prefix = fits.first()?.name.clone();
        if !self.is_named(&prefix) {
            let url = self.upstreams.iter().find(|known| known.name == prefix).map(Upstream::url)?;
            self.say_named(&prefix, url, setting);
        }
        Some(prefix)
    }

    /// The prefix of a provider that is usually at this address, although its calls go elsewhere.
    fn usual(&mut self, setting: &Setting, value: &Upstream) -> Option<String> {
        let usual = |provider: &Provider| {
            let url = provider.url.as_deref().or(provider.usual.as_deref())?;
            Upstream::parse(&provider.name, url).ok().filter(|usual| usual.covers(value))
        };
        let (provider, upstream) = TABLE.providers.iter().find_map(|provider| Some((provider, usual(provider)?)))?;
        // Who gives an upstream wants all calls of the provider there.
        if self.named.iter().any(|named| named.provider == provider.name && named.by == GIVEN) {
            return Some(provider.name.clone());
        }
        Some(self.place(provider, Upstream { origin: value.origin.clone(), ..upstream }, setting))
    }

    /// A prefix of its own for a base URL by its name alone. The provider's other variables stay as they are.
    fn by_its_name(&mut self, setting: &Setting, value: &Upstream) -> Option<String> {
        let provider = TABLE.providers.iter().find(|provider| is_base_url_of(&setting.name, provider))?;
        if self.named.iter().any(|named| named.provider == provider.name && named.by == GIVEN) {
            return Some(provider.name.clone());
        }
        Some(self.place(provider, value.clone(), setting))
    }

    fn say_named(&mut self, provider: &str, url: String, setting: &Setting) {
        let (provider, by, file) = (provider.to_owned(), setting.name.clone(), setting.file.clone());
        self.named.push(Named { provider, url, by, file });
    }
}

/// Variables with a URL that no provider of the table has, the environment's before the file's.
fn others(from: Surroundings<'_>) -> Vec<Setting> {
    let known = |name: &str| TABLE.providers.iter().any(|it| it.variables().any(|(known, _)| known == name));
    let is_url = |value: &str| {
        let scheme = value.trim_start().split("://").next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    };
    // A proxy is where calls go through, not where they go to.
    let is_proxy = |name: &str| name.to_ascii_uppercase().split('_').any(|word| word == "PROXY");
    let other = |name: &str, value: &str| {
        !known(name) && is_url(value) && !is_proxy(name) && !name.to_ascii_uppercase().starts_with("RETAKE_")
    };
    let setting =
        |name: &str, value: &str, file| Setting { name: name.to_owned(), root: false, value: value.to_owned(), file };
    let own = from.variables.iter().filter(|(name, value)| other(name, value));
    let mut found: Vec<Setting> = own.map(|(name, value)| setting(name, value, None)).collect();
    for (name, value) in from.dotenv.iter().flat_map(|file| &file.variables) {
        let value = value.as_deref().unwrap_or_default();
        let is_set = from.variables.iter().any(|(known, _)| known == name);
        if other(name, value) && !is_set && !found.iter().any(|setting| setting.name == *name) {
            found.push(setting(name, value, from.dotenv.map(|file| file.path.clone())));
        }
    }
    found
}

/// How a provider is called in names of variables: `OPENAI`, `GEMINI`.
fn stems(provider: &Provider) -> impl Iterator<Item = String> + '_ {
    let of_keys = provider.keys.iter().filter_map(|key| key.strip_suffix("_API_KEY").map(str::to_owned));
    std::iter::once(provider.name.to_ascii_uppercase().replace('-', "_")).chain(of_keys)
}

fn mentions(name: &str, stem: &str) -> bool {
    format!("_{}_", name.to_ascii_uppercase()).contains(&format!("_{stem}_"))
}

fn is_base_url_of(name: &str, provider: &Provider) -> bool {
    let name = name.to_ascii_uppercase();
    let rest = |stem: String| name.strip_prefix(&format!("{stem}_")).is_some_and(|rest| rest.split('_').all(is_word));
    stems(provider).any(rest)
}

fn is_word(word: &str) -> bool {
    WORDS.contains(&word)
}

/// Whether this prefix is one more of a provider: `openai-2`.
pub(super) fn is_further(name: &str, provider: &str) -> bool {
    let number = name.strip_prefix(provider).and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Dotenv;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Variables that are led, with their prefix and what stands behind it; then what was named.
    fn led(variables: &[(&str, &str)], file: &[(&str, &str)], given: &[&str]) -> String {
        let variables = pairs(variables);
        let file = Dotenv {
            path: "/p/.env".into(),
            variables: pairs(file).into_iter().map(|(name, value)| (name, Some(value))).collect(),
        };
        let given: Vec<String> = given.iter().map(|given| (*given).to_owned()).collect();
        let from = Surroundings { variables: &variables, dotenv: Some(&file), given: &given };
        let routes = Routes::new(from).unwrap();
        let own = routes.variables.iter().filter_map(|variable| match &variable.url {
            Url::Own { user, rest } => Some(format!("{}={user}{}:{rest}", variable.name, variable.prefix)),
            _ => None,
        });
        let named = routes.named.iter().map(Named::line);
        own.chain(named).chain(routes.warnings.iter().cloned()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_value_that_begins_with_a_known_upstream_is_led_whatever_its_name() {
        insta::assert_snapshot!(led(&[
            ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9"),
            ("MY_GATEWAY", "http://127.0.0.1:9/v1"),
            ("judge_url", "http://localhost:9/v1/chat/completions"),
            ("CLAUDE_AT", "http://u:p@127.0.0.1:9/"),
            ("COMPLETIONS", "https://api.openai.com/v1/chat/completions"),
            ("GROQ_AT", "https://api.groq.com/openai/v1"),
            ("LLM_HOST", "https://API.mistral.ai"),
        ], &[("SECOND_GATEWAY", "http://127.0.0.1:9/v1/")], &[]), @"
        OPENAI_BASE_URL=openai:/v1
        ANTHROPIC_BASE_URL=anthropic:
        MY_GATEWAY=openai:/v1
        judge_url=openai:/v1/chat/completions
        CLAUDE_AT=u:p@anthropic:/
        COMPLETIONS=openai-2:/v1/chat/completions
        GROQ_AT=groq:/openai/v1
        LLM_HOST=mistral:
        SECOND_GATEWAY=openai:/v1/
        openai is http://127.0.0.1:9/v1 (`OPENAI_BASE_URL`)
        anthropic is http://127.0.0.1:9/v1 (`ANTHROPIC_BASE_URL`)
        openai-2 is https://api.openai.com/v1 (`COMPLETIONS`)
        groq is https://api.groq.com/openai/v1 (`GROQ_AT`)
        mistral is https://api.mistral.ai/v1 (`LLM_HOST`)
        ");
    }

    #[test]
    fn a_name_that_says_whose_base_url_it_is_counts() {
        insta::assert_snapshot!(led(&[
            ("OPENAI_ENDPOINT", "https://gw.example/x/v1"),
            ("GEMINI_SERVER_URL", "http://127.0.0.1:7"),
            ("mistral_api_url", "http://127.0.0.1:8/v1"),
            ("OPENAI_STATUS_URL", "https://status.example"),
            ("OPENAI_PROXY_URL", "http://127.0.0.1:3128"),
        ], &[], &[]), @"
        OPENAI_ENDPOINT=openai-2:/x/v1
        GEMINI_SERVER_URL=google-2:
        mistral_api_url=mistral-2:/v1
        openai-2 is https://gw.example/x/v1 (`OPENAI_ENDPOINT`)
        google-2 is http://127.0.0.1:7 (`GEMINI_SERVER_URL`)
        mistral-2 is http://127.0.0.1:8/v1 (`mistral_api_url`)
        ");
    }

    #[test]
    fn what_lies_elsewhere_is_left_alone() {
        insta::assert_snapshot!(led(&[
            ("OPENAI_BASE_URL", "https://gw.example/openai/v1"),
            ("HTTPS_PROXY", "https://gw.example"),
            ("DATABASE_URL", "https://gw.example/database"),
            ("DOCS", "see https://api.openai.com/v1"),
            ("RETAKE_URL", "https://gw.example/openai/retake"),
            ("OTHER", "https://api.openai.com.example/v1"),
            ("OPENAI_ENDPOINT", "http://"),
        ], &[], &[]), @"
        OPENAI_BASE_URL=openai:/openai/v1
        openai is https://gw.example/openai/v1 (`OPENAI_BASE_URL`)
        ");
    }

    #[test]
    fn a_given_upstream_takes_all_of_its_provider() {
        insta::assert_snapshot!(led(&[
            ("MINE", "https://api.openai.com/v1"),
            ("OPENAI_HOST", "http://127.0.0.1:8"),
            ("HERE", "http://127.0.0.1:9/v1/files"),
        ], &[], &["openai=http://127.0.0.1:9"]), @"
        MINE=openai:/v1
        OPENAI_HOST=openai:
        HERE=openai:/v1/files
        openai is http://127.0.0.1:9/v1 (`--upstream`)
        ");
    }
}
