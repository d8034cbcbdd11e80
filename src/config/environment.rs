//! The environment of this process: the only place where it is read.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::env;
use std::ffi::OsString;

/// The variable's value; `None` where it is unset or not Unicode.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Where programs are looked for: `PATH`, also where it is not Unicode.
#[must_use]
pub fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_default()
}

/// All variables that are Unicode, sorted by name.
#[must_use]
pub fn variables() -> Vec<(String, String)> {
    let mut all: Vec<_> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    all.sort();
    all
}

/// Width that the user wants, from `COLUMNS`.
#[must_use]
pub fn columns() -> Option<usize> {
    variable("COLUMNS")?.trim().parse().ok().filter(|columns| *columns > 0)
}

/// Whether the user wants no colour: `NO_COLOR` is set and not empty (no-color.org), or `TERM` is `dumb`.
#[must_use]
pub fn colour_unwanted() -> bool {
    variable("NO_COLOR").is_some_and(|value| !value.is_empty()) || variable("TERM").as_deref() == Some("dumb")
}

/// Whether this is a machine of continuous integration: `CI` is set, and not to `false` or `0`.
#[must_use]
pub fn in_ci() -> bool {
    variable("CI").is_some_and(|value| !matches!(value.trim(), "" | "0" | "false"))
}

/// The user's editor: `VISUAL`, else `EDITOR`. It may have arguments.
#[must_use]
pub fn editor() -> Option<String> {
    ["VISUAL", "EDITOR"].into_iter().filter_map(variable).find(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_sorted_and_agree() {
        let all = variables();
        assert!(all.is_sorted());
        for (name, value) in all {
            assert_eq!(variable(&name), Some(value));
        }
    }
}
