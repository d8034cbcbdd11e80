//! Section `[[workflow]]` of `retake.toml`: runs that are kept as snapshots and tested.
//!
//! ```toml
//! [[workflow]]
//! name = "weather"                      # of the files `snapshots/weather.snap` and `snapshots/weather.jsonl`
//! command = ["python", "agent.py"]
//! levels = ["wire", "trajectory", "answer"]
//! volatile = ["get_time", "search.took"]  # tools whose results may differ, or parts of them; fields of requests
//! tools = ["send_email"]                # tools that may run again in the agent's process
//! answer = { contains = ["Lyon"] }      # by default the program's output must be what it was
//! directory = "agents"                  # where the command runs; by default the folder of `retake.toml`
//! timeout = 60                          # seconds
//! accept = ["stale", "redacted"]        # answers that may hold a recorded name, or lack a credential
//! ```

use std::ops::Range;

use toml::de::DeValue;

use super::settings::{Check, Value, Wrong, is_name, is_regex, list, one_of, string, table, unknown, wrong};

/// What a workflow's test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Every request, up to what a replay accepts.
    Wire,
    /// Tools and their arguments, in causal order.
    Trajectory,
    /// What the program printed, or the last answer.
    Answer,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Wire, Self::Trajectory, Self::Answer];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Trajectory => "trajectory",
            Self::Answer => "answer",
        }
    }
}

/// What may be wrong with an answer without a test being able to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// It may hold a part of a recorded name.
    Stale,
    /// It held a credential, and has a placeholder now.
    Redacted,
}

impl Doubt {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Stale, Self::Redacted];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Redacted => "redacted",
        }
    }
}

/// What the answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expected {
    /// What was recorded.
    #[default]
    Recorded,
    /// All of these stand in it.
    Contains(Vec<String>),
    /// This regular expression, known to be one, matches.
    Regex(String),
    /// It is JSON that has all that this JSON has.
    Json(String),
}

/// A run that is kept as a snapshot and tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Its name: of files, so letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// What is compared.
    pub levels: Vec<Level>,
    /// Tools whose results may differ, `TOOL.PATH` for a part of them, or paths of fields of requests.
    pub volatile: Vec<String>,
    /// Tools that may run again.
    pub tools: Vec<String>,
    /// What the answer must be.
    pub answer: Expected,
    /// Where the command runs, below the folder of `retake.toml`.
    pub directory: Option<String>,
    /// Seconds until the agent is ended.
    pub timeout: Option<u64>,
    /// What does not fail a test.
    pub accept: Vec<Doubt>,
    /// Where its name is written, in bytes.
    pub at: Range<usize>,
    /// Where the list `volatile` is written, if it is.
    pub volatile_at: Option<Range<usize>>,
}

const KEYS: &[&str] = &["name", "command", "levels", "volatile", "tools", "answer", "directory", "timeout", "accept"];

/// Reads all workflows.
pub(super) fn workflows(value: &Value<'_>) -> Result<Vec<Workflow>, Wrong> {
    let DeValue::Array(entries) = value.get_ref() else {
        return Err(wrong(value.span().start, "workflows were expected: write `[[workflow]]`"));
    };
    let mut found: Vec<Workflow> = Vec::new();
    for entry in entries {
        let workflow = workflow(entry)?;
        if found.iter().any(|known| known.name == workflow.name) {
            return Err(wrong(workflow.at.start, format!("a second workflow is named `{}`", workflow.name)));
        }
        found.push(workflow);
    }
    Ok(found)
}

fn workflow(value: &Value<'_>) -> Result<Workflow, Wrong> {
    let mut workflow = Workflow {
        name: String::new(),
        command: Vec::new(),
        levels: Level::ALL.to_vec(),
        volatile: Vec::new(),
        tools: Vec::new(),
        answer: Expected::Recorded,
        directory: None,
        timeout: None,
        accept: Vec::new(),
        at: value.span(),
        volatile_at: None,
    };
    for (key, value) in table(value)? {
        match key.get_ref().as_ref() {
            "name" => {
                workflow.name = string(value, &is_file_name)?;
                workflow.at = value.span();
            }
            "command" => {
                workflow.command = list(value, &|_| None)?;
                if workflow.command.first().is_none_or(String::is_empty) {
                    return Err(wrong(value.span().start, "a program was expected"));
                }
            }
            "levels" => workflow.levels = levels(value)?,
            "volatile" => {
                workflow.volatile = list(value, &is_name)?;
                workflow.volatile_at = Some(value.span());
            }
            "accept" => workflow.accept = doubts(value)?,
            "tools" => workflow.tools = list(value, &is_name)?,
            "answer" => workflow.answer = answer(value)?,
            "directory" => workflow.directory = Some(string(value, &is_below)?),
            "timeout" => match value.get_ref() {
                DeValue::Integer(number) => match number.as_str().parse() {
                    Ok(seconds @ 1..) => workflow.timeout = Some(seconds),
                    _ => return Err(wrong(value.span().start, "a number of seconds from 1 on was expected")),
                },
                _ => return Err(wrong(value.span().start, "a number of seconds was expected")),
            },
            _ => return Err(unknown(key, " in `[[workflow]]`", KEYS)),
        }
    }
    if workflow.name.is_empty() {
        return Err(wrong(workflow.at.start, "a workflow needs a `name`"));
    }
    Ok(workflow)
}

fn levels(value: &Value<'_>) -> Result<Vec<Level>, Wrong> {
    let DeValue::Array(items) = value.get_ref() else {
        return Err(wrong(value.span().start, "a list of levels was expected"));
    };
    let known = Level::ALL.map(|level| (level.as_str(), level));
    let levels: Vec<Level> = items.iter().map(|item| one_of(item, &known)).collect::<Result<_, _>>()?;
    if levels.is_empty() { Err(wrong(value.span().start, "at least one level was expected")) } else { Ok(levels) }
}

fn doubts(value: &Value<'_>) -> Result<Vec<Doubt>, Wrong> {
    let DeValue::Array(items) = value.get_ref() else {
        return Err(wrong(value.span().start, "a list was expected"));
    };
    let known = Doubt::ALL.map(|doubt| (doubt.as_str(), doubt));
    items.iter().map(|item| one_of(item, &known)).collect()
}

fn answer(value: &Value<'_>) -> Result<Expected, Wrong> {
    let entries = table(value)?;
    let [(key, value)] = entries.as_slice() else {
        return Err(wrong(value.span().start, "one of `contains`, `regex` and `json` was expected"));
    };
    Ok(match key.get_ref().as_ref() {
        "contains" => match value.get_ref() {
            DeValue::Array(_) => Expected::Contains(list(value, &is_name)?),
            _ => Expected::Contains(vec![string(value, &is_name)?]),
        },
        "regex" => Expected::Regex(string(value, &is_regex)?),
        "json" => Expected::Json(string(value, &is_json)?),
        _ => return Err(unknown(key, " in `answer`", &["contains", "regex", "json"])),
    })
}

/// The text of `retake.toml` with a further volatile field of a workflow that was read from it.
#[must_use]
pub fn with_volatile(text: &str, workflow: &Workflow, field: &str) -> String {
    let fields = workflow.volatile.iter().map(String::as_str).chain([field]);
    let list: Vec<String> = fields.map(crate::text::json::quote).collect();
    let list = format!("[{}]", list.join(", "));
    let mut out = text.to_owned();
    if let Some(at) = &workflow.volatile_at {
        out.replace_range(at.clone(), &list);
    } else {
        // Behind the line of the name, where a comment may stand too.
        let end = text[workflow.at.end..].find('\n').map_or(text.len(), |line| workflow.at.end + line);
        out.insert_str(end, &format!("\nvolatile = {list}"));
    }
    out
}

/// What is wrong with a name of files, if anything.
#[must_use]
pub fn is_file_name(text: &str) -> Option<String> {
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if text.is_empty() || text.starts_with(['.', '-']) || text.len() > 100 || !text.chars().all(fits) {
        return Some("a name of letters, digits, `-`, `_` and `.` was expected, as it names files".to_owned());
    }
    None
}

fn is_below(text: &str) -> Option<String> {
    let below = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    (!std::path::Path::new(text).components().all(below) || text.is_empty())
        .then(|| "a folder below that of `retake.toml` was expected".to_owned())
}

fn is_json(text: &str) -> Option<String> {
    let check: &Check = &|text| crate::text::json::Json::parse_text(text).err().map(|error| error.to_string());
    check(text)
}
