//! What to say of an agent whose calls were not seen, or not all of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::providers::TABLE;

/// How long looking up names may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many connections are named.
const MOST: usize = 6;

/// What was missed, and what to do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missed {
    /// Hosts that the agent was connected to past the recorder, as `api.mistral.ai` or `10.0.0.1:443`.
    pub hosts: Vec<String>,
    /// Lines that say so, without a prefix.
    pub lines: Vec<String>,
    /// What can be done, one imperative sentence each.
    pub hints: Vec<String>,
}

impl Missed {
    /// What to say where no call was seen, and it was connected to these hosts. `providers` are those whose
    /// keys the agent has.
    #[must_use]
    pub fn new(hosts: &[String], providers: &[&str]) -> Self {
        let mut lines = vec!["it made no calls that retake could see".to_owned()];
        if !hosts.is_empty() {
            lines.push(format!("it was connected past retake to {}", listed(hosts)));
        }
        Self { hosts: hosts.to_vec(), lines, hints: hints(hosts, providers) }
    }

    /// What to say where some calls were seen, and it was connected to these hosts too.
    #[must_use]
    pub fn partly(hosts: &[String]) -> Self {
        if hosts.is_empty() {
            return Self::default();
        }
        let lines = vec![format!(
            "warning: it was also connected past retake to {}: what went there is not recorded, and goes out again in a replay",
            listed(hosts)
        )];
        let is_known = |host: &String| TABLE.providers.iter().any(|it| host_of(it.url.as_deref()) == Some(host));
        let hints = if hosts.iter().any(is_known) { hints(hosts, &[]) } else { Vec::new() };
        Self { hosts: hosts.to_vec(), lines, hints }
    }
}

/// The first of these hosts, and how many more there are.
pub(crate) fn listed(hosts: &[String]) -> String {
    let shown = hosts.iter().take(MOST).map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ");
    let more = hosts.len().saturating_sub(MOST);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn hints(hosts: &[String], providers: &[&str]) -> Vec<String> {
    let mut hints = Vec::new();
    let known =
        |host: &&String| TABLE.providers.iter().any(|provider| host_of(provider.url.as_deref()) == Some(host.as_str()));
    if hosts.iter().any(|host| host == "api.mistral.ai") || providers.contains(&"mistral") {
        hints.push(
            "Mistral's SDKs read no base URL from the environment: give them one with \
             `Mistral(server_url=os.environ.get(\"MISTRAL_ENDPOINT\"), …)`, `serverURL: process.env.MISTRAL_ENDPOINT` in Node"
                .to_owned(),
        );
    }
    hints.push(
        "let the client take its base URL from the environment (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, …) instead of \
         setting it in code, and keep a `.env` file from overriding it"
            .to_owned(),
    );
    let other = hosts.iter().find(|host| !known(host));
    let url = match other {
        Some(host) if host.contains(':') && !host.ends_with(":443") => format!("http://{host}"),
        Some(host) => format!("https://{}", host.trim_end_matches(":443")),
        None => "https://HOST/v1".to_owned(),
    };
    hints.push(format!(
        "for any other server, name it and give its client the URL in `NAME_BASE_URL`: \
         `retake record --upstream name={url} COMMAND`"
    ));
    hints
}

fn host_of(url: Option<&str>) -> Option<&str> {
    url?.split("://").nth(1)?.split('/').next()
}

/// Addresses of the providers of the table; the agent has looked its own up a moment ago.
pub(super) fn provider_addresses() -> BTreeMap<IpAddr, String> {
    let hosts: Vec<String> = TABLE
        .providers
        .iter()
        .filter_map(|provider| host_of(provider.url.as_deref()))
        .filter(|host| !host.contains(':'))
        .map(str::to_owned)
        .collect();
    let (sender, receiver) = channel();
    for host in hosts {
        let sender = sender.clone();
        let look = move || {
            let addresses = (host.as_str(), 443).to_socket_addrs().into_iter().flatten();
            for address in addresses {
                // Nobody listens any more when it took too long.
                let _ = sender.send((address.ip(), host.clone()));
            }
        };
        drop(std::thread::Builder::new().name("retake-names".to_owned()).spawn(look));
    }
    drop(sender);
    let mut found = BTreeMap::new();
    while let Ok((address, host)) = receiver.recv_timeout(PATIENCE) {
        found.insert(address, host);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said() {
        let hosts = ["10.0.0.2:443", "127.0.0.1:8080", "api.mistral.ai"].map(str::to_owned);
        let missed = Missed::new(&hosts, &[]);
        insta::assert_snapshot!([missed.lines, missed.hints].concat().join("\n"), @r#"
        it made no calls that retake could see
        it was connected past retake to `10.0.0.2:443`, `127.0.0.1:8080`, `api.mistral.ai`
        Mistral's SDKs read no base URL from the environment: give them one with `Mistral(server_url=os.environ.get("MISTRAL_ENDPOINT"), …)`, `serverURL: process.env.MISTRAL_ENDPOINT` in Node
        let the client take its base URL from the environment (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, …) instead of setting it in code, and keep a `.env` file from overriding it
        for any other server, name it and give its client the URL in `NAME_BASE_URL`: `retake record --upstream name=https://10.0.0.2 COMMAND`
        "#);
    }
}
