//! The rules of this code base that the compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules, lowest first, and the modules of this crate that each may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("model", &["text"]),
    ("config", &["model", "text"]),
    ("redact", &["model", "text"]),
    ("wire", &["model", "text"]),
    ("names", &["config", "model", "text", "wire"]),
    ("lineage", &["model", "text"]),
    ("diff", &["lineage", "model", "names", "text"]),
    ("store", &["model", "text"]),
    ("proxy", &["model", "text", "wire"]),
    ("record", &["config", "lineage", "model", "proxy", "redact", "store", "text", "wire"]),
    ("replay", &["config", "lineage", "model", "names", "proxy", "record", "redact", "store", "text", "wire"]),
    ("snapshot", &["config", "diff", "model", "names", "redact", "replay", "text"]),
    ("format", &["config", "diff", "lineage", "model", "replay", "snapshot", "text", "wire"]),
    ("loopback", &[]),
    ("announce", &["config", "loopback", "model", "text"]),
    ("demo", &["announce", "config", "loopback", "model", "text"]),
    ("ui", &["diff", "lineage", "model", "replay", "snapshot", "text"]),
    ("tui", &["diff", "lineage", "model", "replay", "text", "ui"]),
    (
        "cli",
        &[
            "config", "demo", "diff", "format", "lineage", "model", "proxy", "record", "redact", "replay", "snapshot",
            "store", "text", "tui", "ui", "wire",
        ],
    ),
    ("testing", &["cli"]),
];

/// Crates that only some modules may name.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("bincode", &["store"]),
    ("clap", &["cli"]),
    ("hyper", &["proxy", "record"]),
    ("hyper_util", &["proxy", "record"]),
    ("petgraph", &["model"]),
    ("ratatui", &["tui"]),
    ("renderdag", &["ui"]),
    ("reqwest", &["proxy"]),
    ("rustls", &["proxy"]),
    ("serde", &["config", "format", "record", "replay", "store"]),
    ("quick_junit", &["format"]),
    ("serde_json", &["format", "demo", "text"]),
    ("similar", &["config", "diff", "snapshot", "text"]),
    ("sled", &["store"]),
    ("toml", &["config", "record", "replay"]),
    ("zstd", &["store", "proxy"]),
];

/// Names of modules that say nothing.
const SAYS_NOTHING: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];

const LONGEST: usize = 800;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Sources of the library and the tests: path from the root, and text.
fn all() -> Vec<(String, String)> {
    let folders = ["src", "tests", "examples", "benches"];
    folders
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|path| {
            let name = path.strip_prefix(root()).expect("it is below the root").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("sources are text"))
        })
        .collect()
}

/// The module that a file of `src` belongs to.
fn module(file: &str) -> Option<&str> {
    let name = file.strip_prefix("src/")?.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!matches!(name, "lib" | "main")).then_some(name)
}

/// The text without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(place, line)| (place + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Names that a line uses below `crate::`.
fn uses(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let names = rest.strip_prefix('{').map_or(rest, |inside| inside.split('}').next().unwrap_or(inside));
        let several = rest.starts_with('{');
        for name in names.split(',').take(if several { usize::MAX } else { 1 }) {
            let name = name.trim();
            let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(name.len());
            found.push(&name[..end]);
        }
    }
    found
}

/// Whether a line names a crate.
fn names(line: &str, krate: &str) -> bool {
    line.match_indices(krate).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + krate.len()..];
        before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != ':')
            && after.starts_with("::")
    })
}

#[test]
fn modules_use_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for (file, text) in all() {
        let Some(module) = module(&file) else { continue };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{file}: `{module}` is not in the table of tests/tidy.rs"));
            continue;
        };
        for (number, line) in code(&text) {
            for used in uses(line) {
                let known = MAY_USE.iter().any(|(name, _)| *name == used);
                if known && used != module && !allowed.contains(&used) {
                    wrong.push(format!("{file}:{number}: `{module}` may not use `{used}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn layers_have_no_cycles() {
    let mut below = BTreeSet::new();
    for (module, used) in MAY_USE {
        for name in *used {
            assert!(below.contains(name), "`{module}` may use `{name}`, which is not below it in the table");
        }
        assert!(below.insert(module), "`{module}` is in the table twice");
    }
}

#[test]
fn crates_are_named_only_where_they_belong() {
    let mut wrong = Vec::new();
    for (file, text) in all() {
        let Some(module) = module(&file) else { continue };
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(&text);
        for (number, line) in code(shipped) {
            for (krate, allowed) in MAY_NAME {
                if names(line, krate) && !allowed.contains(&module) {
                    wrong.push(format!("{file}:{number}: `{module}` may not name the crate `{krate}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_say_what_they_are_for_and_stay_short() {
    let unfinished = ["TO", "DO"].concat();
    let mut wrong = Vec::new();
    for (file, text) in all() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{file}: does not begin with a `//!` sentence"));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            wrong.push(format!("{file}: {lines} lines"));
        }
        if let Some(place) = text.lines().position(|line| line.contains(&unfinished)) {
            wrong.push(format!("{file}:{}: {unfinished}", place + 1));
        }
        let words: Vec<&str> = file.split(['/', '.']).collect();
        if SAYS_NOTHING.iter().any(|name| words.contains(name)) {
            wrong.push(format!("{file}: its name says nothing"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/main.rs")).expect("it is this test");
    let named: BTreeSet<&str> = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let mut there: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(root().join("tests")).expect("it holds this test") {
        let path = entry.expect("the folder can be read").path();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") || path.join("mod.rs").exists();
        if let Some(stem) = path.file_stem().filter(|stem| is_module && *stem != "main") {
            there.insert(stem.to_string_lossy().into_owned(), path.clone());
        }
    }
    let there: BTreeSet<&str> = there.keys().map(String::as_str).collect();
    assert_eq!(named, there);
}

#[test]
fn the_library_lists_its_modules_from_the_bottom_up() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("there is a library");
    let listed: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let ordered: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).filter(|name| listed.contains(name)).collect();
    assert_eq!(listed, ordered);
}

#[test]
fn every_command_is_in_the_help_once() {
    let commands = sources(&root().join("src/cli"))
        .iter()
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("pub(crate) struct Args")))
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .filter(|name| name != "help")
        .collect::<Vec<_>>();
    assert!(commands.len() > 5, "{commands:?}");
    let help = crate::support::env::TestEnv::new().run(["--help"]);
    for command in commands {
        let lines =
            help.lines().filter(|line| line.split_whitespace().next() == Some(&command) && line.starts_with("  "));
        assert_eq!(lines.count(), 1, "{command}\n{help}");
    }
}

#[test]
fn a_breach_would_be_found() {
    assert_eq!(uses("use crate::cli::Error;"), ["cli"]);
    assert_eq!(uses("use crate::{cli, ui::Paper};"), ["cli", "ui"]);
    assert_eq!(uses("let x = crate::store::open(crate::config::now());"), ["store", "config"]);
    assert!(names("use sled::Db;", "sled") && names("    let db = sled::open(path);", "sled"));
    assert!(!names("crate::sled::x", "sled") && !names("assled::x", "sled") && !names("// sled", "sled"));
}
