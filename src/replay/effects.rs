//! What running a tool again may do: declared by the user, else guessed from its name.

use crate::config::{Settings, Tier};

/// A tier and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The tier; `None` is unknown.
    pub tier: Option<Tier>,
    /// Whether it is a guess from the name.
    pub guessed: bool,
}

/// Words that a name of a tool that only reads begins with.
const READS: &[&str] = &[
    "get",
    "list",
    "search",
    "lookup",
    "look",
    "find",
    "read",
    "fetch",
    "query",
    "check",
    "count",
    "describe",
    "show",
    "view",
    "calculate",
    "compute",
    "calc",
    "convert",
    "parse",
    "format",
    "summarize",
    "translate",
    "how",
    "what",
    "is",
    "has",
    "retrieve",
    "retriever",
    "faq",
    "weather",
    "customer",
    "current",
    "now",
    "time",
];

/// Words in the name of a tool whose effect cannot be taken back.
const DESTROYS: &[&str] = &[
    "delete",
    "remove",
    "drop",
    "destroy",
    "purge",
    "erase",
    "wipe",
    "truncate",
    "kill",
    "terminate",
    "pay",
    "charge",
    "refund",
    "transfer",
    "withdraw",
    "buy",
    "purchase",
    "order",
    "book",
    "cancel",
    "send",
    "email",
    "mail",
    "sms",
    "post",
    "publish",
    "tweet",
    "deploy",
    "release",
    "merge",
    "push",
    "exec",
    "execute",
    "shell",
    "bash",
    "run",
];

/// Words in the name of a tool that changes something.
const WRITES: &[&str] = &[
    "write", "save", "store", "create", "add", "insert", "update", "set", "edit", "append", "put", "upload", "move",
    "rename", "copy", "mkdir", "patch", "apply", "submit", "register", "schedule",
];

/// What running this tool again may do.
#[must_use]
pub fn of(name: &str, settings: &Settings) -> Effect {
    if let Some(tier) = settings.tool(name).tier {
        return Effect { tier: Some(tier), guessed: false };
    }
    let words = words(name);
    let any = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let tier = if any(DESTROYS) {
        Some(Tier::Destructive)
    } else if any(WRITES) {
        Some(Tier::Write)
    } else if words.first().is_some_and(|word| READS.contains(&word.as_str()))
        || words.last().is_some_and(|word| matches!(word.as_str(), "lookup" | "search" | "retriever" | "query"))
    {
        Some(Tier::Read)
    } else {
        None
    };
    Effect { tier, guessed: true }
}

/// The words of a name in any spelling: `send_email`, `sendEmail`, `send-email`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before_lower = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Effect {
    /// The word for it, as `destructive, by its name`.
    #[must_use]
    pub fn says(self) -> String {
        let word = match self.tier {
            Some(Tier::Read) => "read",
            Some(Tier::Write) => "write",
            Some(Tier::Destructive) => "destructive",
            None => return "effect unknown".into(),
        };
        if self.guessed { format!("{word}, judged by its name") } else { word.to_owned() }
    }

    /// Whether it is known or guessed to change nothing.
    #[must_use]
    pub fn is_harmless(self) -> bool {
        self.tier == Some(Tier::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_guessed_from_names() {
        let settings = Settings::default();
        for (name, tier) in [
            ("get_price", Some(Tier::Read)),
            ("searchFlights", Some(Tier::Read)),
            ("sendEmail", Some(Tier::Destructive)),
            ("charge-card", Some(Tier::Destructive)),
            ("write_file", Some(Tier::Write)),
            ("get_and_delete", Some(Tier::Destructive)),
            ("frobnicate", None),
        ] {
            assert_eq!(of(name, &settings).tier, tier, "{name}");
        }
    }
}
