//! What running a tool again may do: declared by the user, else guessed from its name.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::config::{Settings, Tier};
use crate::text::identifier::words;

/// A tier and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The tier; `None` is unknown.
    pub tier: Option<Tier>,
    /// Whether it is a guess from the name.
    pub guessed: bool,
}

/// What words say (`effects.toml`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    reads: Vec<String>,
    trailing: Vec<String>,
    joins: Vec<String>,
    things: Vec<String>,
    writes: Vec<String>,
    destroys: Vec<String>,
    deeds: Vec<String>,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("effects.toml")).expect("a test reads the table"));

/// Beginnings after which a deed is still one: `autodelete`, `reassign`.
const BEFORE_A_DEED: &[&str] = &["re", "un", "auto", "pre", "over", "out", "de", "dis"];

/// What running this tool again may do.
///
/// A guess only adds caution: no name makes an effect harmless that may be another.
#[must_use]
pub fn of(name: &str, settings: &Settings) -> Effect {
    if let Some(tier) = settings.tool(name).tier {
        return Effect { tier: Some(tier), guessed: false };
    }
    let words = words(name);
    let any = |known: &[String]| words.iter().any(|word| known.contains(word));
    let tier = if only_looks(name) {
        Some(Tier::Read)
    } else if any(&TABLE.destroys) {
        Some(Tier::Destructive)
    } else if any(&TABLE.writes) {
        Some(Tier::Write)
    } else {
        None
    };
    Effect { tier, guessed: true }
}

/// Whether a name says that its tool looks and does nothing else: a verb that looks begins it (below its
/// server's or module's name), or a search ends it, and no word of doing stands beside.
fn only_looks(name: &str) -> bool {
    // Words that are not read here may say anything.
    if !name.is_ascii() {
        return false;
    }
    let spaces = name.replace("__", ".");
    let parts: Vec<Vec<String>> = spaces.split(['.', '/', ':']).map(words).filter(|words| !words.is_empty()).collect();
    let Some((last, before)) = parts.split_last() else { return false };
    let mut last = last.as_slice();
    while let [rest @ .., end] = last
        && TABLE.trailing.contains(end)
    {
        last = rest;
    }
    let reads = |word: &String| TABLE.reads.contains(word);
    let joins = |word: &String| TABLE.joins.contains(word);
    let (verb, beside) = match last {
        [verb, rest @ ..] if reads(verb) => (verb, rest),
        // `search_web` and `web_search` are the same; `wish_list` and `mark_read` look at nothing.
        [rest @ .., verb] if matches!(verb.as_str(), "search" | "lookup") => (verb, rest),
        _ => return false,
    };
    let things = |word: &String| TABLE.things.contains(word);
    let by_the_verb = if last.first() == Some(verb) { 0 } else { beside.len().saturating_sub(1) };
    let harmless =
        |(place, word): (usize, &String)| !joins(word) && (!is_deed(word) || (place == by_the_verb && things(word)));
    beside.iter().enumerate().all(harmless)
        && before.iter().flatten().all(|word| !joins(word) && (!is_deed(word) || things(word)))
}

fn is_deed(word: &str) -> bool {
    let known = |word: &str| {
        [&TABLE.deeds, &TABLE.writes, &TABLE.destroys].iter().any(|deeds| deeds.iter().any(|deed| deed == word))
    };
    known(word) || BEFORE_A_DEED.iter().any(|before| word.strip_prefix(before).is_some_and(known))
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

    fn tier(name: &str) -> Option<Tier> {
        of(name, &Settings::default()).tier
    }

    #[test]
    fn only_a_verb_that_looks_is_harmless() {
        for name in [
            "get_price",
            "getPrice",
            "GetPrice",
            "get-price",
            "get_order_status",
            "searchFlights",
            "list_files",
            "list_deleted_items",
            "read_file",
            "fs.readFile",
            "find_price",
            "lookup_customer",
            "customer_lookup",
            "faq_lookup_tool",
            "web_search",
            "internet-search",
            "email_search",
            "email.search_messages",
            "mcp__github__list_issues",
            "functions.get_weather",
            "github/search_code",
            "getURLData",
            "get_user2",
            "search",
        ] {
            assert_eq!(tier(name), Some(Tier::Read), "{name}");
        }
    }

    #[test]
    fn what_may_do_something_is_not() {
        for name in [
            "format_disk",
            "formatDisk",
            "time_off_request",
            "customer_close_account",
            "check_out_guest",
            "show_popup",
            "get_and_delete",
            "getAndDelete",
            "search_and_replace",
            "searchReplace",
            "find_or_create",
            "getOrCreate",
            "list_item_for_sale",
            "read_then_archive",
            "lookup_and_notify",
            "get_rid_of_user",
            "get_autodelete",
            "get_reassigned_or_fail",
            "find_flight_book",
            "list_orders_cancel",
            "search_start",
            "start_search",
            "wish_list_add",
            "allow_list_domain",
            "price_list",
            "mark_read",
            "cleanup.getAll",
            "delete__get",
            "getanddelete",
            "weather",
            "current_time",
            "calculate",
            "translate",
            "what_is",
            "GETUSERS",
            "get_удалить",
            "ɡet_price",
            "tool",
            "",
            "_",
            "4",
        ] {
            assert_ne!(tier(name), Some(Tier::Read), "{name}");
        }
    }

    #[test]
    fn a_guess_may_say_more_than_unknown() {
        for (name, expected) in [
            ("sendEmail", Some(Tier::Destructive)),
            ("charge-card", Some(Tier::Destructive)),
            ("get_and_delete", Some(Tier::Destructive)),
            ("write_file", Some(Tier::Write)),
            ("fs.writeFile", Some(Tier::Write)),
            ("frobnicate", None),
            ("format_disk", None),
        ] {
            assert_eq!(tier(name), expected, "{name}");
        }
    }

    #[test]
    fn a_thing_is_a_deed_too_and_none_looks() {
        for thing in &TABLE.things {
            assert!(is_deed(thing), "{thing}");
        }
        for read in &TABLE.reads {
            assert!(!is_deed(read), "{read}");
        }
    }

    #[test]
    fn every_deed_beside_a_verb_that_looks_is_noticed() {
        for deed in [&TABLE.deeds, &TABLE.writes, &TABLE.destroys].into_iter().flatten() {
            for read in &TABLE.reads {
                let name = format!("{read}_item_{deed}");
                assert_ne!(tier(&name), Some(Tier::Read), "{name}");
                let name = format!("{deed}_{read}");
                assert_ne!(tier(&name).filter(|_| !TABLE.things.contains(deed)), Some(Tier::Read), "{name}");
            }
        }
    }
}
