//! `retake.toml`: what a project says about its runs.
//!
//! ```toml
//! [redact]
//! patterns = ["ACME-[0-9]{8}"]          # regular expressions; the first group, else the whole match
//! names = ["x-acme-session"]            # headers, query parameters and JSON fields
//!
//! [upstream]
//! openai = "https://gateway.example/v1" # where a provider's calls go
//!
//! [tools.send_email]
//! tier = "destructive"                  # read, write or destructive
//! policy = "deny"                       # serve, run, ask or deny
//!
//! [replay]
//! ignore = ["temperature"]              # fields of requests that need not be equal
//! yes = ["send_email"]                  # tools that may run again without asking
//!
//! [names]
//! pin = ["blue-7 = blue-8"]             # a recorded name and what it is now; `a = a` is never renamed
//! never = ["cafe1babe2"]                # texts that are no names, however random they look
//! patterns = ["job-([0-9]+)"]           # further names; the first group, else the whole match
//! ```
//!
//! Section `[[workflow]]` is in its own file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::workflow::{Workflow, workflows};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// The file's name.
pub const FILE: &str = "retake.toml";

/// What a project says; all of it empty where there is no file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The file, where there is one.
    pub path: Option<PathBuf>,
    /// What is not recorded, beyond credentials.
    pub redact: Redact,
    /// Providers and their URLs, in the order of the file.
    pub upstream: Vec<(String, String)>,
    /// Tools by name, in the order of the file.
    pub tools: Vec<(String, Tool)>,
    /// How runs are replayed.
    pub replay: Replay,
    /// What counts as a name that may be another one in a replay.
    pub names: Names,
    /// Runs that are kept as snapshots and tested, in the order of the file.
    pub workflows: Vec<Workflow>,
}

/// Section `redact`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redact {
    /// Regular expressions, each known to be one.
    pub patterns: Vec<String>,
    /// Names of headers, query parameters and JSON fields.
    pub names: Vec<String>,
}

/// Section `replay`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    /// Paths that are not compared.
    pub ignore: Vec<String>,
    /// Tools that may run again unasked.
    pub yes: Vec<String>,
}

/// Section `names`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Recorded names and what they are now.
    pub pin: Vec<(String, String)>,
    /// Texts that are never names.
    pub never: Vec<String>,
    /// Regular expressions of further names, each known to be one.
    pub patterns: Vec<String>,
}

/// Section `tools.NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tool {
    /// What the tool does to the world.
    pub tier: Option<Tier>,
    /// What is done with its calls in a replay.
    pub policy: Option<Policy>,
}

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// It only looks.
    Read,
    /// It changes something that can be changed back.
    Write,
    /// What it does cannot be undone.
    Destructive,
}

/// What is done with a tool's call in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Its recorded result is given.
    Serve,
    /// It runs.
    Run,
    /// The user is asked.
    Ask,
    /// It is refused.
    Deny,
}

/// What is wrong with a `retake.toml`.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file is there and cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says something that it may not say.
    #[error("{}:{line}:{column}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
        /// The known name that was probably meant.
        nearest: Option<&'static str>,
    },
}

impl Settings {
    /// Reads the nearest `retake.toml` at or above a directory; defaults if there is none.
    ///
    /// # Errors
    /// A file that cannot be read or is not right.
    pub fn load(directory: &Path) -> Result<Self, Problem> {
        match directory.ancestors().map(|above| above.join(FILE)).find(|path| path.is_file()) {
            Some(path) => match fs::read_to_string(&path) {
                Ok(text) => Self::parse(path, &text),
                Err(source) => Err(Problem::Unreadable { path, source }),
            },
            None => Ok(Self::default()),
        }
    }

    /// The same without failing: what is right in the file, the first thing that is not, and whether
    /// section `redact` is known to be right.
    #[must_use]
    pub fn load_leniently(directory: &Path) -> (Self, Option<Problem>, bool) {
        let problem = match Self::load(directory) {
            Ok(settings) => return (settings, None, true),
            Err(problem) => problem,
        };
        let path = match &problem {
            Problem::Unreadable { .. } => return (Self::default(), Some(problem), false),
            Problem::Invalid { path, .. } => path.clone(),
        };
        let Ok(text) = fs::read_to_string(&path) else { return (Self::default(), Some(problem), false) };
        let (settings, redacts) = read_leniently(&text);
        (Self { path: Some(path), ..settings }, Some(problem), redacts)
    }

    /// Reads a file's text; `path` is for messages.
    ///
    /// # Errors
    /// The first thing that is not right.
    pub fn parse(path: PathBuf, text: &str) -> Result<Self, Problem> {
        match read(text) {
            Ok(settings) => Ok(Self { path: Some(path), ..settings }),
            Err(Wrong { at, what, nearest }) => {
                let before = &text[..text.floor_char_boundary(at)];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                Err(Problem::Invalid { path, line, column, what, nearest })
            }
        }
    }

    /// What is said about a tool.
    #[must_use]
    pub fn tool(&self, name: &str) -> Tool {
        self.tools.iter().find(|(known, _)| known == name).map(|(_, tool)| *tool).unwrap_or_default()
    }
}

pub(super) struct Wrong {
    at: usize,
    what: String,
    nearest: Option<&'static str>,
}

pub(super) type Key<'a> = Spanned<DeString<'a>>;
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

pub(super) fn wrong(at: usize, what: impl Into<String>) -> Wrong {
    Wrong { at, what: what.into(), nearest: None }
}

const SECTIONS: [&str; 6] = ["redact", "upstream", "tools", "replay", "names", "workflow"];

fn parsed(text: &str) -> Result<Spanned<DeTable<'_>>, Wrong> {
    DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(at, error.message().lines().next().unwrap_or("not TOML"))
    })
}

fn read(text: &str) -> Result<Settings, Wrong> {
    let root = parsed(text)?;
    let mut settings = Settings::default();
    for (section, value) in in_order(root.get_ref()) {
        settings.read_section(section, value)?;
    }
    Ok(settings)
}

/// The sections that are right; and whether what must not be recorded is surely among them. Of a text that
/// is no TOML nothing is known.
fn read_leniently(text: &str) -> (Settings, bool) {
    let Ok(root) = parsed(text) else { return (Settings::default(), !text.contains("redact")) };
    let (mut settings, mut redacts) = (Settings::default(), true);
    for (section, value) in in_order(root.get_ref()) {
        let before = settings.clone();
        if let Err(Wrong { nearest, .. }) = settings.read_section(section, value) {
            settings = before;
            redacts &= section.get_ref() != "redact" && nearest != Some("redact");
        }
    }
    (settings, redacts)
}

impl Settings {
    fn read_section(&mut self, section: &Key<'_>, value: &Value<'_>) -> Result<(), Wrong> {
        match section.get_ref().as_ref() {
            "redact" => {
                for (key, value) in table(value)? {
                    match key.get_ref().as_ref() {
                        "patterns" => self.redact.patterns = list(value, &is_pattern)?,
                        "names" => self.redact.names = list(value, &is_name)?,
                        _ => return Err(unknown(key, " in `[redact]`", &["patterns", "names"])),
                    }
                }
            }
            "upstream" => {
                for (provider, url) in table(value)? {
                    self.upstream.push((provider.get_ref().to_string(), string(url, &is_url)?));
                }
            }
            "tools" => {
                for (name, value) in table(value)? {
                    self.tools.push((name.get_ref().to_string(), tool(value)?));
                }
            }
            "replay" => {
                for (key, value) in table(value)? {
                    match key.get_ref().as_ref() {
                        "ignore" => self.replay.ignore = list(value, &is_path)?,
                        "yes" => self.replay.yes = list(value, &is_name)?,
                        _ => return Err(unknown(key, " in `[replay]`", &["ignore", "yes"])),
                    }
                }
            }
            "names" => {
                for (key, value) in table(value)? {
                    match key.get_ref().as_ref() {
                        "pin" => {
                            self.names.pin = list(value, &is_pin)?.iter().filter_map(|text| pin(text)).collect();
                        }
                        "never" => self.names.never = list(value, &is_name)?,
                        "patterns" => self.names.patterns = list(value, &is_pattern)?,
                        _ => return Err(unknown(key, " in `[names]`", &["pin", "never", "patterns"])),
                    }
                }
            }
            "workflow" => self.workflows = workflows(value)?,
            _ => return Err(unknown(section, "", &SECTIONS)),
        }
        Ok(())
    }
}

fn tool(value: &Value<'_>) -> Result<Tool, Wrong> {
    let mut tool = Tool::default();
    for (key, value) in table(value)? {
        match key.get_ref().as_ref() {
            "tier" => {
                let tiers = [("read", Tier::Read), ("write", Tier::Write), ("destructive", Tier::Destructive)];
                tool.tier = Some(one_of(value, &tiers)?);
            }
            "policy" => {
                let policies =
                    [("serve", Policy::Serve), ("run", Policy::Run), ("ask", Policy::Ask), ("deny", Policy::Deny)];
                tool.policy = Some(one_of(value, &policies)?);
            }
            _ => return Err(unknown(key, " of a tool", &["tier", "policy"])),
        }
    }
    Ok(tool)
}

fn in_order<'a, 'b>(table: &'b DeTable<'a>) -> Vec<(&'b Key<'a>, &'b Value<'a>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

pub(super) fn table<'a, 'b>(value: &'b Value<'a>) -> Result<Vec<(&'b Key<'a>, &'b Value<'a>)>, Wrong> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(in_order(table)),
        _ => Err(wrong(value.span().start, "a table was expected")),
    }
}

/// What is wrong with a text, if anything.
pub(super) type Check = dyn Fn(&str) -> Option<String>;

pub(super) fn string(value: &Value<'_>, check: &Check) -> Result<String, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => match check(text) {
            None => Ok(text.to_string()),
            Some(what) => Err(wrong(value.span().start, what)),
        },
        _ => Err(wrong(value.span().start, "a string was expected")),
    }
}

pub(super) fn list(value: &Value<'_>, check: &Check) -> Result<Vec<String>, Wrong> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(|item| string(item, check)).collect(),
        _ => Err(wrong(value.span().start, "a list of strings was expected")),
    }
}

pub(super) fn one_of<T: Copy>(value: &Value<'_>, choices: &[(&'static str, T)]) -> Result<T, Wrong> {
    let text = string(value, &|_| None)?;
    choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<&'static str> = choices.iter().map(|(name, _)| *name).collect();
        Wrong {
            at: value.span().start,
            what: format!("unknown value `{text}`, it can be {}", spell(&names)),
            nearest: nearest(&text, &names),
        }
    })
}

pub(super) fn unknown(key: &Key<'_>, place: &str, known: &[&'static str]) -> Wrong {
    let name = key.get_ref().as_ref();
    let nearest = nearest(name, known);
    let what = match nearest {
        Some(nearest) => format!("unknown key `{name}`{place}, perhaps `{nearest}` is meant"),
        None => format!("unknown key `{name}`{place}, it can be {}", spell(known)),
    };
    Wrong { at: key.span().start, what, nearest }
}

fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    similar::get_close_matches(name, known, 1, 0.6).first().copied()
}

fn spell(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

pub(super) fn is_name(text: &str) -> Option<String> {
    text.trim().is_empty().then(|| "a name was expected".to_owned())
}

/// `RECORDED = NOW`.
fn pin(text: &str) -> Option<(String, String)> {
    let (recorded, now) = text.split_once('=')?;
    let (recorded, now) = (recorded.trim(), now.trim());
    (!recorded.is_empty() && !now.is_empty()).then(|| (recorded.to_owned(), now.to_owned()))
}

fn is_pin(text: &str) -> Option<String> {
    pin(text).is_none().then(|| "a recorded name, `=` and what it is now were expected".to_owned())
}

fn is_url(text: &str) -> Option<String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_none_or(|host| host.starts_with('/') || host.is_empty())
        .then(|| "a URL that begins with `https://` or `http://` was expected".to_owned())
}

fn is_path(text: &str) -> Option<String> {
    let broken = crate::text::json::Path::parse(text).err()?;
    Some(format!("not a path after its first {broken} bytes"))
}

fn is_pattern(text: &str) -> Option<String> {
    let matches_nothing = regex::bytes::Regex::new(text).is_ok_and(|pattern| pattern.is_match(b""));
    if matches_nothing { Some("a pattern that matches nothing at all".to_owned()) } else { is_regex(text) }
}

pub(super) fn is_regex(text: &str) -> Option<String> {
    match regex::bytes::Regex::new(text) {
        Ok(_) => None,
        Err(regex::Error::Syntax(message)) => {
            let reason = message.lines().rev().find_map(|line| line.strip_prefix("error: "));
            Some(format!("not a regular expression: {}", reason.unwrap_or("wrong syntax")))
        }
        Err(_) => Some("a regular expression that is too large".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::workflow::{Expected, Level};
    use super::*;

    fn parse(text: &str) -> Result<Settings, Problem> {
        Settings::parse(PathBuf::from(FILE), text)
    }

    #[test]
    fn every_section_is_read() {
        let settings = parse(
            r#"
[upstream]
openai = "https://gateway.example/v1"
local = "http://127.0.0.1:11434"
[tools.send_email]
tier = "destructive"
policy = "deny"
[tools.look_up]
tier = "read"
[redact]
patterns = ['ACME-\d{8}']
names = ["x-acme-session"]
[replay]
ignore = ["temperature", "messages[0].content"]
yes = ["look_up"]
[names]
pin = ["blue-7 = blue-8"]
never = ["cafe1babe2"]
patterns = ['job-(\d+)']
[[workflow]]
name = "weather"
command = ["python", "agent.py"]
volatile = ["get_time"]
answer = { contains = "Lyon" }
[[workflow]]
name = "refund"
levels = ["wire"]
tools = ["pay"]
timeout = 5
"#,
        )
        .expect("all of it is right");
        assert_eq!(settings.upstream[1], ("local".to_owned(), "http://127.0.0.1:11434".to_owned()));
        assert_eq!(settings.tool("send_email"), Tool { tier: Some(Tier::Destructive), policy: Some(Policy::Deny) });
        assert_eq!(settings.tool("look_up").policy, None);
        assert_eq!(settings.redact.patterns, [r"ACME-\d{8}"]);
        assert_eq!(settings.replay.ignore.len(), 2);
        assert_eq!(settings.replay.yes, ["look_up"]);
        assert_eq!(settings.names.pin, [("blue-7".to_owned(), "blue-8".to_owned())]);
        assert_eq!((settings.names.never.len(), settings.names.patterns.len()), (1, 1));
        let [weather, refund] = settings.workflows.as_slice() else { panic!("there are two") };
        assert_eq!((weather.name.as_str(), weather.command.len(), weather.levels.len()), ("weather", 2, 3));
        assert_eq!(weather.answer, Expected::Contains(vec!["Lyon".to_owned()]));
        assert_eq!((refund.levels.as_slice(), refund.timeout), (&[Level::Wire][..], Some(5)));
        assert_eq!((&weather.volatile, &refund.tools), (&vec!["get_time".to_owned()], &vec!["pay".to_owned()]));
        assert_eq!(settings.path.as_deref(), Some(Path::new(FILE)));
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(parse("").expect("right"), Settings { path: Some(FILE.into()), ..Settings::default() });
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let check = |text: &str, expected: &str| {
            let problem = parse(text).expect_err("it is wrong").to_string();
            assert_eq!(problem, format!("retake.toml:{expected}"));
        };
        check("[redact]\nname = []", "2:1: unknown key `name` in `[redact]`, perhaps `names` is meant");
        check("[redakt]", "1:2: unknown key `redakt`, perhaps `redact` is meant");
        check("replay = { quick = true }", "1:12: unknown key `quick` in `[replay]`, it can be `ignore` or `yes`");
        check("[tools.x]\ntier = \"reed\"", "2:8: unknown value `reed`, it can be `read`, `write` or `destructive`");
        check("[tools]\nx = 1", "2:5: a table was expected");
        check("[redact]\nnames = [\"a\", 1]", "2:15: a string was expected");
        check("[redact]\nnames = 'a'", "2:9: a list of strings was expected");
        check("[redact]\npatterns = ['a', '(']", "2:18: not a regular expression: unclosed group");
        check("[redact]\npatterns = ['a*']", "2:13: a pattern that matches nothing at all");
        check("[upstream]\nx = 'ftp://y'", "2:5: a URL that begins with `https://` or `http://` was expected");
        check("[replay]\nignore = ['a[']", "2:11: not a path after its first 2 bytes");
        check("[names]\npin = ['a']", "2:8: a recorded name, `=` and what it is now were expected");
        check("[names]\npattern = []", "2:1: unknown key `pattern` in `[names]`, perhaps `patterns` is meant");
        check("[names]\npatterns = ['(']", "2:13: not a regular expression: unclosed group");
        check("é = 1\n# é\n[redact", "3:8: unclosed table, expected `]`");
    }

    #[test]
    fn the_nearest_file_counts() {
        let scratch = crate::config::tests::Scratch::new("settings");
        let inner = scratch.path().join("a/b");
        fs::create_dir_all(&inner).expect("a directory");
        assert_eq!(Settings::load(&inner).expect("nothing wrong").path, None);
        fs::write(scratch.path().join(FILE), "[replay]\nyes = ['a']").expect("a file");
        assert_eq!(Settings::load(&inner).expect("nothing wrong").replay.yes, ["a"]);
        fs::write(scratch.path().join("a").join(FILE), "").expect("a file");
        assert_eq!(Settings::load(&inner).expect("nothing wrong").replay.yes, [""; 0]);
        fs::write(scratch.path().join("a").join(FILE), [0xff]).expect("a file");
        assert!(matches!(Settings::load(&inner), Err(Problem::Unreadable { .. })));
    }
}
