//! URLs in the headers of an answer that point at an upstream: led back through the listener, so that a
//! client that follows them stays with it. The recording keeps what the provider said.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::listener::Shared;
use super::route::{Upstream, authority_of};
use crate::model::event::{Event, Note};

/// Behind a prefix: what follows is the path at the upstream as it is.
pub(crate) const EXACT: &str = "/~";

/// The same for a redirect from another origin, where clients do not repeat their key.
pub(crate) const FOREIGN: &str = "/~~";

/// Headers whose value may be a path: RFC 9110, section 10.2.2, and what Azure's interfaces poll.
const RELATIVE: [&str; 3] = ["location", "operation-location", "azure-asyncoperation"];

/// The headers as the agent gets them.
pub(crate) fn lead_back(shared: &Shared, own: &Upstream, status: u16, headers: &mut HeaderMap) {
    let known: Vec<&Upstream> = shared.upstreams.iter().chain(&shared.formerly).collect();
    let listener = Listener { origin: format!("http://{}", shared.address), token: &shared.token, own, known: &known };
    if let Some(place) = redirect(status, headers).filter(|place| listener.leads_past(place)) {
        let text = format!("an answer of `{}` led to {}, past retake", own.name, origin(place));
        shared.saw(Event::Note(Note { at: shared.now(), topic: "warning".to_owned(), text }));
    }
    for (name, value) in headers.iter_mut() {
        let led = value.to_str().ok().and_then(|text| listener.header(name, text));
        if let Some(led) = led.and_then(|led| HeaderValue::from_str(&led).ok()) {
            *value = led;
        }
    }
}

fn redirect(status: u16, headers: &HeaderMap) -> Option<&str> {
    (300..400).contains(&status).then(|| headers.get("location")?.to_str().ok()).flatten()
}

/// Scheme and authority of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    &url[..start + authority_of(&url[start..])]
}

struct Listener<'a> {
    origin: String,
    token: &'a str,
    own: &'a Upstream,
    known: &'a [&'a Upstream],
}

impl Listener<'_> {
    fn header(&self, name: &HeaderName, value: &str) -> Option<String> {
        let name = name.as_str();
        if name == "link" {
            return self.links(value);
        }
        // Whose pages may read the answer is said by origin, and nothing follows it.
        if name.starts_with("access-control-") {
            return None;
        }
        if RELATIVE.contains(&name) && value.starts_with('/') && !value.starts_with("//") {
            return Some(format!("/{}/{}{}", self.token, self.own.name, exact(self.own, value, false)));
        }
        self.absolute(value)
    }

    /// `<URL>; rel="next", <URL>; rel="last"`
    fn links(&self, value: &str) -> Option<String> {
        let mut made = String::new();
        let (mut rest, mut changed) = (value, false);
        while let Some((before, behind)) = rest.split_once('<') {
            let (url, after) = behind.split_once('>')?;
            let led = self.absolute(url);
            changed |= led.is_some();
            made.extend([before, "<", led.as_deref().unwrap_or(url), ">"]);
            rest = after;
        }
        made.push_str(rest);
        changed.then_some(made)
    }

    fn absolute(&self, url: &str) -> Option<String> {
        let (upstream, rest) = self.upstream(url)?;
        let foreign = !upstream.is_at(&self.own.origin);
        Some(format!("{}/{}/{}{}", self.origin, self.token, upstream.name, exact(upstream, rest, foreign)))
    }

    /// The upstream that a URL is at, its own before others, and what stands behind the authority.
    fn upstream<'a>(&'a self, url: &'a str) -> Option<(&'a Upstream, &'a str)> {
        let url = url.trim();
        // `//host/path` has the scheme of the request.
        let whole = if url.starts_with("//") {
            format!("{}:{url}", self.own.origin.split("://").next()?)
        } else {
            url.to_owned()
        };
        let place = Upstream::parse("", &whole).ok()?.origin;
        let start = url.find("//")? + 2;
        let rest = &url[start + authority_of(&url[start..])..];
        let own = std::iter::once(self.own).chain(self.known.iter().copied());
        own.into_iter().find(|known| known.is_at(&place)).map(|known| (known, rest))
    }

    /// Whether a client that follows this goes to a host that is no upstream.
    fn leads_past(&self, url: &str) -> bool {
        let absolute = url.starts_with("//") || url.starts_with("http://") || url.starts_with("https://");
        absolute && self.upstream(url).is_none()
    }
}

/// A path, query and fragment behind a prefix, such that the same path comes out at the upstream.
fn exact(upstream: &Upstream, rest: &str, foreign: bool) -> String {
    let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let root = if path.is_empty() { "/" } else { "" };
    if foreign {
        return format!("{FOREIGN}{root}{rest}");
    }
    let whole = format!("{root}{path}");
    if upstream.path_of(&whole) == whole { rest.to_owned() } else { format!("{EXACT}{root}{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: &str, name: &str, value: &str) -> String {
        let parse = |name: &str, url: &str| Upstream::parse(name, url).unwrap();
        let (own, other) = (parse("openai", own), parse("gw", "https://gw.example/team/v1"));
        let known = [&own, &other];
        let listener = Listener { origin: "http://L".to_owned(), token: "tok", own: &own, known: &known };
        let led = listener.header(&HeaderName::try_from(name).unwrap(), value);
        led.unwrap_or_else(|| "as it is".to_owned())
    }

    #[test]
    fn what_points_at_an_upstream_is_led_back() {
        let own = "https://api.openai.com/v1";
        for (name, value, expected) in [
            ("location", "https://api.openai.com/v1/files/1?a=b#c", "http://L/tok/openai/v1/files/1?a=b#c"),
            ("location", "https://API.openai.com:443/v1/files", "http://L/tok/openai/v1/files"),
            ("location", "//api.openai.com/other", "http://L/tok/openai/other"),
            ("location", "/v1/chat/completions", "/tok/openai/v1/chat/completions"),
            ("location", "/files/1", "/tok/openai/~/files/1"),
            ("location", "completions", "as it is"),
            ("location", "https://elsewhere.example/v1", "as it is"),
            ("location", "https://api.openai.com.example/v1", "as it is"),
            ("operation-location", "https://api.openai.com/files/2", "http://L/tok/openai/~/files/2"),
            ("x-next", "https://api.openai.com", "http://L/tok/openai"),
            ("x-next", "https://gw.example/team/v1/x", "http://L/tok/gw/~~/team/v1/x"),
            ("x-next", "/v1/files", "as it is"),
            (
                "link",
                "<https://api.openai.com/v1/a>; rel=\"next\", <https://e.example/>; rel=\"last\"",
                "<http://L/tok/openai/v1/a>; rel=\"next\", <https://e.example/>; rel=\"last\"",
            ),
            ("link", "<https://api.openai.com/v1/a", "as it is"),
            ("access-control-allow-origin", "https://api.openai.com", "as it is"),
        ] {
            assert_eq!(check(own, name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn the_path_that_comes_out_is_the_one_that_was_said() {
        for url in ["https://gw.example/x/openai/v1", "http://127.0.0.1:9/v1", "http://127.0.0.1:9"] {
            let upstream = Upstream::parse("openai", url).unwrap();
            for path in ["/v1/chat/completions", "/x/openai/v1/a", "/x/other", "/files", "/", "/~/a"] {
                for foreign in [false, true] {
                    assert_eq!(upstream.path_of(&exact(&upstream, path, foreign)), path, "{url} {path}");
                }
            }
        }
    }
}
