//! Calls on conversations that a provider keeps, recognised by their path.

/// What a call does with a kept conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept<'a> {
    /// Begins one.
    Begin,
    /// Brings entries and is answered (Mistral).
    Append(&'a str),
    /// Begins another one from a point of this one (Mistral).
    Restart(&'a str),
    /// Brings items, without an answer (`OpenAI`).
    Add(&'a str),
    /// Takes an item away (`OpenAI`).
    Remove(&'a str, &'a str),
    /// Reads it, or does something else to it.
    Other(&'a str),
}

impl<'a> Kept<'a> {
    /// The conversation's id.
    #[must_use]
    pub fn id(self) -> Option<&'a str> {
        match self {
            Self::Begin => None,
            Self::Append(id) | Self::Restart(id) | Self::Add(id) | Self::Remove(id, _) | Self::Other(id) => Some(id),
        }
    }
}

/// What a call does with a conversation, by its path; `None` if it is no such call.
#[must_use]
pub fn kept<'a>(provider: &str, method: &str, path: &'a str) -> Option<Kept<'a>> {
    let plain = path.split(['?', '#']).next().unwrap_or_default();
    let rest: Vec<&str> = plain[after(plain)?..].split('/').filter(|part| !part.is_empty()).collect();
    let mistral = provider.eq_ignore_ascii_case("mistral");
    let post = method.eq_ignore_ascii_case("POST");
    Some(match rest.as_slice() {
        [] if post => Kept::Begin,
        [id] if post && mistral => Kept::Append(id),
        [id, "restart"] if post && mistral => Kept::Restart(id),
        [id, "items"] if post => Kept::Add(id),
        [id, "items", item] if method.eq_ignore_ascii_case("DELETE") => Kept::Remove(id, item),
        [id, ..] => Kept::Other(id),
        [] => return None,
    })
}

/// The path at which a conversation is begun.
#[must_use]
pub fn beginning(path: &str) -> Option<&str> {
    after(path).map(|end| &path[..end])
}

/// Where the segment `conversations` ends.
fn after(path: &str) -> Option<usize> {
    const SEGMENT: &str = "/conversations";
    let at = path.find(SEGMENT)? + SEGMENT.len();
    path[at..].chars().next().is_none_or(|letter| matches!(letter, '/' | '?' | '#')).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_on_conversations_are_told_apart() {
        let check = |provider: &str, method: &str, path: &str, expected: Option<Kept<'_>>| {
            assert_eq!(kept(provider, method, path), expected, "{provider} {method} {path}");
        };
        check("openai", "POST", "/v1/conversations", Some(Kept::Begin));
        check("openai", "POST", "/v1/conversations/c/items", Some(Kept::Add("c")));
        check("openai", "DELETE", "/v1/conversations/c/items/m", Some(Kept::Remove("c", "m")));
        check("openai", "GET", "/v1/conversations/c/items?order=asc", Some(Kept::Other("c")));
        check("openai", "POST", "/v1/conversations/c", Some(Kept::Other("c")));
        check("mistral", "POST", "/v1/conversations/c", Some(Kept::Append("c")));
        check("mistral", "POST", "/v1/conversations/c/restart", Some(Kept::Restart("c")));
        check("mistral", "GET", "/v1/conversations/c/history", Some(Kept::Other("c")));
        check("mistral", "GET", "/v1/conversations", None);
        check("openai", "POST", "/v1/conversations_of/c", None);
        check("openai", "POST", "/v1/responses", None);
        assert_eq!(beginning("/v1/conversations/c/restart"), Some("/v1/conversations"));
    }
}
