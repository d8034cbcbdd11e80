//! The table of providers, of what a base URL changes in clients, and of telemetry (`providers.toml`).

use std::sync::LazyLock;

use serde::Deserialize;

/// The whole table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Providers, in the order in which they are tried.
    #[serde(rename = "provider")]
    pub providers: Vec<Provider>,
    /// What clients do differently when they are given a base URL.
    #[serde(rename = "effect")]
    pub effects: Vec<Effect>,
    /// Variables that switch telemetry off.
    #[serde(rename = "silencer")]
    pub silencers: Vec<Silencer>,
}

/// A provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name and prefix.
    pub name: String,
    /// Its interface with its version; `None` if it is known only where the user has named it.
    pub url: Option<String>,
    /// Where such a one usually is: a variable with this URL is led, none is set.
    pub usual: Option<String>,
    /// Variables whose URL has the version.
    #[serde(default)]
    pub base: Vec<String>,
    /// Variables whose URL has no version.
    #[serde(default)]
    pub root: Vec<String>,
    /// Variables that are rerouted only where they are set.
    #[serde(default)]
    pub if_set: Vec<String>,
    /// Variables with its keys.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// What a client does differently when it is given a base URL.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// The provider whose base URL it is.
    pub provider: String,
    /// What the client's `user-agent` begins with.
    pub agent: String,
    /// Whether only streamed requests that ask for no usage are a sign of it.
    #[serde(default)]
    pub without_usage: bool,
    /// What to say.
    pub says: String,
}

/// A variable that switches telemetry off.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silencer {
    /// Whose telemetry.
    pub client: String,
    /// Name of the variable.
    pub name: String,
    /// Value that switches it off.
    pub value: String,
}

/// The table.
pub static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("providers.toml")).expect("a test reads the table"));

impl Provider {
    /// Variables of the three kinds, each with whether its URL has no version.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, bool)> {
        let base = self.base.iter().chain(&self.if_set).map(|name| (name.as_str(), false));
        base.chain(self.root.iter().map(|name| (name.as_str(), true)))
    }

    /// The version of its interface with its slash; empty if it has none.
    pub(crate) fn version(&self) -> &str {
        let path = self.url.as_deref().and_then(|url| url.splitn(4, '/').nth(3)).unwrap_or_default();
        let at = self.url.as_deref().map_or(0, |url| url.len() - path.len());
        self.url.as_deref().filter(|_| !path.is_empty()).map_or("", |url| &url[at - 1..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_names_nothing_twice() {
        let mut names: Vec<&str> = TABLE.providers.iter().flat_map(Provider::variables).map(|(name, _)| name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        let versions: Vec<&str> = TABLE.providers.iter().map(Provider::version).take(5).collect();
        assert_eq!(versions, ["/v1", "/v1", "/v1", "/v1beta", ""]);
        for provider in &TABLE.providers {
            assert_eq!(provider.url.is_none(), !provider.if_set.is_empty(), "{}", provider.name);
        }
    }
}
