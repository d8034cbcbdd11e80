//! Whether a replay of a workflow still does what was recorded, and if not, which node is the cause.

use std::collections::BTreeSet;

use super::label::labels;
use super::render::printed;
use crate::config::{Doubt, Expected, Level, Names, Workflow};
use crate::diff::{self, Change, ChangeKind, Pair, Place, Status};
use crate::model::{self, Detail, NodeId, Run};
use crate::names::Steady;
use crate::replay::Unmatched;
use crate::text::decimal;
use crate::text::json::{Json, Kind as JsonKind, Ref};
use crate::text::layout;
use crate::text::words::{self, Tag};

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The agent did not end in time.
    Timeout,
    /// The agent made a call that is not on the recording.
    Unmatched,
    /// The agent ended otherwise than recorded, though all its calls were answered.
    Crash,
    /// A recorded call was not made.
    Unused,
    /// A tool was called otherwise, once more, or no more.
    Trajectory,
    /// A tool that ran again returned something else.
    ToolResult,
    /// The answer differs.
    Answer,
    /// The agent was given what may be left of a recorded name.
    Stale,
    /// The agent was given a placeholder where a credential was recorded.
    Redacted,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unmatched => "call_not_recorded",
            Self::Crash => "crash",
            Self::Unused => "call_not_made",
            Self::Trajectory => "trajectory",
            Self::ToolResult => "tool_result",
            Self::Answer => "answer",
            Self::Stale => "stale_name",
            Self::Redacted => "redacted_answer",
        }
    }

    /// Whether the replay can take the recording's place; otherwise the workflow has to be recorded again.
    #[must_use]
    pub fn can_be_accepted(self) -> bool {
        !matches!(self, Self::Unmatched | Self::Timeout | Self::Crash | Self::Stale | Self::Redacted)
    }
}

/// One thing that a test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub kind: Kind,
    /// The level that it fails; none for an agent that did not end as it should.
    pub level: Option<Level>,
    /// The recorded node, where there is one.
    pub node: Option<NodeId>,
    /// Its label in the snapshot.
    pub label: String,
    /// That node's name.
    pub name: String,
    /// What happened, in a line.
    pub says: String,
    /// Where it differs: a path of the node, or empty.
    pub path: String,
    /// The recorded value.
    pub recorded: Option<String>,
    /// The value now.
    pub now: Option<String>,
    /// Further lines.
    pub why: Vec<String>,
}

/// What a test knows of a replay.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The recording.
    pub recorded: &'a Run,
    /// The replay, as far as it came.
    pub replay: &'a Run,
    /// Its calls that were refused.
    pub unmatched: &'a [Unmatched],
    /// What may be left of recorded names in answers, by node.
    pub stale: &'a [(Option<NodeId>, String)],
    /// Nodes whose answers held placeholders of credentials.
    pub redacted: &'a [NodeId],
    /// The seconds after which the agent was ended, if it was.
    pub timed_out: Option<u64>,
}

/// Everything that a replay did otherwise and may not, by the workflow's levels; the cause first.
#[must_use]
pub fn check(outcome: Outcome<'_>, workflow: &Workflow, rules: &Names) -> Vec<Failure> {
    let mut found = Vec::new();
    let is = |level: Level| workflow.levels.contains(&level);
    let (recorded, replay) = (outcome.recorded, outcome.replay);
    if let Some(seconds) = outcome.timed_out {
        let seen = replay.graph.nodes().last();
        let after = seen.map_or("before its first call".to_owned(), |node| format!("after node {}", node.id));
        found.push(Failure {
            says: format!("the agent did not end within {seconds} s and was ended, {after}"),
            why: last_words(replay),
            ..failure(Kind::Timeout, None, None, recorded)
        });
    }
    let names = Sides::of(recorded, replay, rules);
    let mut seen = BTreeSet::new();
    for call in outcome.unmatched {
        if seen.insert((call.nearest, call.path.clone(), call.now.clone())) {
            found.push(unmatched(call, recorded, &names));
        }
    }
    let codes = (recorded.ended.as_ref().map(|ended| ended.code), replay.ended.as_ref().map(|ended| ended.code));
    let broke_off = !found.is_empty();
    if !broke_off
        && codes.0 != codes.1
        && let (Some(then), Some(now)) = codes
    {
        found.push(Failure {
            says: format!("the agent ended with exit code {now}, recorded was {then}"),
            why: last_words(replay),
            ..failure(Kind::Crash, None, None, recorded)
        });
    }
    let ended_early = !found.is_empty();
    let report = diff::compare(recorded, replay);
    let refused: BTreeSet<NodeId> =
        outcome.unmatched.iter().filter(|call| !call.extra).filter_map(|call| call.nearest).collect();
    for pair in &report.pairs {
        // What follows from a call that was refused is not told as well.
        let follows = pair.left.is_some_and(|id| recorded.graph.causes(id).iter().any(|cause| refused.contains(cause)));
        if !follows {
            one(pair, (recorded, replay), workflow, &names, ended_early, &mut found);
        }
    }
    if is(Level::Answer) && !ended_early {
        found.extend(answer((recorded, replay), workflow, &names));
    }
    found.extend(doubtful(outcome, workflow));
    let labels = labels(recorded);
    for failure in &mut found {
        failure.label = failure.node.and_then(|node| labels.get(&node).cloned()).unwrap_or_default();
    }
    found.retain(|failure| failure.level.is_none_or(is) || failure.kind == Kind::Unmatched);
    found
}

/// Answers of which it is not known that the agent got what a fresh one would have said.
fn doubtful(outcome: Outcome<'_>, workflow: &Workflow) -> Vec<Failure> {
    let accept =
        |what: &str| vec![format!("accept it with `accept = [\"{what}\"]` in `[[workflow]]`, or record it again")];
    let mut found = Vec::new();
    if !workflow.accept.contains(&Doubt::Stale) {
        let mut seen = BTreeSet::new();
        for (node, name) in outcome.stale.iter().filter(|stale| seen.insert(*stale)) {
            found.push(Failure {
                says: format!("`{name}` in this answer may be left of a recorded name, which is another one now"),
                why: accept(Doubt::Stale.as_str()),
                ..failure(Kind::Stale, None, *node, outcome.recorded)
            });
        }
    }
    if !workflow.accept.contains(&Doubt::Redacted) {
        for node in outcome.redacted {
            found.push(Failure {
                says: "this answer held a credential, and the agent was given the placeholder for it".to_owned(),
                why: accept(Doubt::Redacted.as_str()),
                ..failure(Kind::Redacted, None, Some(*node), outcome.recorded)
            });
        }
    }
    found
}

fn failure(kind: Kind, level: Option<Level>, node: Option<NodeId>, run: &Run) -> Failure {
    let name = node.and_then(|id| run.graph.node(id)).map(|node| node.name.clone()).unwrap_or_default();
    Failure {
        kind,
        level,
        node,
        label: String::new(),
        name,
        says: String::new(),
        path: String::new(),
        recorded: None,
        now: None,
        why: Vec::new(),
    }
}

fn unmatched(call: &Unmatched, recorded: &Run, names: &Sides) -> Failure {
    let failure = failure(Kind::Unmatched, Some(Level::Wire), call.nearest, recorded);
    let (left, right) = match (&call.recorded, &call.now) {
        (Some(left), Some(right)) => {
            let (left, right) = names.steady(&plain(left), &plain(right));
            let (left, right) = apart(&left, &right);
            (Some(left), Some(right))
        }
        (left, right) => (left.as_deref().map(plain), right.as_deref().map(plain)),
    };
    let nothing = call.path.is_empty() && call.recorded.is_none() && call.now.is_none();
    let says = match (call.nearest, call.extra) {
        (None, _) => "the agent made a call that is like none on the recording",
        (Some(_), true) if nothing => "this call was made once more than it was recorded",
        (Some(_), true) => "the agent made a further call, which is not on the recording; this one is the nearest",
        (Some(_), false) => "this call was made otherwise, and the recording has no answer for it",
    };
    let why = if nothing && call.extra { Vec::new() } else { call.why.clone() };
    Failure { says: says.to_owned(), path: call.path.clone(), recorded: left, now: right, why, ..failure }
}

/// What differs from run to run, on both sides.
struct Sides {
    old: Steady,
    new: Steady,
}

impl Sides {
    fn of(recorded: &Run, replay: &Run, rules: &Names) -> Self {
        let (mut old, mut new) = (Steady::new(recorded, rules), Steady::of_replay(replay, recorded, rules));
        for (run, names) in [(recorded, &mut old), (replay, &mut new)] {
            let prompts = run.graph.nodes().filter_map(|node| match &node.detail {
                Detail::Call { prompt, .. } => Some(prompt),
                _ => None,
            });
            let mut seen = BTreeSet::new();
            for message in prompts.flat_map(|prompt| &prompt.messages) {
                if seen.insert(std::sync::Arc::as_ptr(message)) {
                    names.see(&message.text());
                }
            }
        }
        Self { old, new }
    }

    /// Both texts with what differs from run to run named.
    fn named(&self, old: &str, new: &str) -> (String, String) {
        (self.old.clone().text(old), self.new.clone().text(new))
    }

    /// Both texts with that named, where something else differs too.
    fn steady(&self, old: &str, new: &str) -> (String, String) {
        let (left, right) = self.named(old, new);
        if left == right { (old.to_owned(), new.to_owned()) } else { (left, right) }
    }
}

/// What one pair of nodes tells.
fn one(
    pair: &Pair,
    (recorded, replay): (&Run, &Run),
    workflow: &Workflow,
    names: &Sides,
    ended_early: bool,
    found: &mut Vec<Failure>,
) {
    let node = |run: &'_ Run, id: Option<NodeId>| id.and_then(|id| run.graph.node(id).cloned());
    let (left, right) = (node(recorded, pair.left), node(replay, pair.right));
    let is_tool = left.as_ref().or(right.as_ref()).is_some_and(|node| node.kind == model::Kind::Tool);
    match pair.status {
        Status::OnlyLeft if !ended_early => {
            let (kind, level, says) = if is_tool {
                (Kind::Trajectory, Level::Trajectory, "this tool was not called")
            } else {
                (Kind::Unused, Level::Wire, "this call was not made")
            };
            found.push(Failure { says: says.to_owned(), ..failure(kind, Some(level), pair.left, recorded) });
        }
        Status::OnlyRight if is_tool && !ended_early => {
            let Some(right) = right else { return };
            let Detail::Tool(tool) = &right.detail else { return };
            found.push(Failure {
                name: right.name.clone(),
                says: "a tool was called that the recording does not have".to_owned(),
                now: Some(format!("{} {}", right.name, plain(&tool.arguments))),
                ..failure(Kind::Trajectory, Some(Level::Trajectory), None, recorded)
            });
        }
        Status::Differs | Status::Same if is_tool && !(pair.changes.is_empty() && pair.held.is_empty()) => {
            let (Some(left), Some(right)) = (left, right) else { return };
            let (Detail::Tool(old), Detail::Tool(new)) = (&left.detail, &right.detail) else { return };
            let alike = |old: &str, new: &str| {
                let (old, new) = names.named(old, new);
                layout::lines(&old, 0) == layout::lines(&new, 0)
            };
            if !alike(&old.arguments, &new.arguments)
                && let Some(change) = pair.changes.iter().find(|change| change.place == Place::Input)
            {
                found.push(Failure {
                    says: "this tool was called otherwise".to_owned(),
                    ..changed(change, names, failure(Kind::Trajectory, Some(Level::Trajectory), pair.left, recorded))
                });
            }
            let (Some(was), Some(is)) = (&old.result, &new.result) else { return };
            let change = pair.changes.iter().chain(&pair.held).find(|change| {
                change.place == Place::Output && !is_volatile(&workflow.volatile, &left.name, &change.path)
            });
            if !alike(was, is)
                && let Some(change) = change
            {
                found.push(Failure {
                    says: "this tool ran again and returned something else; what was recorded was held".to_owned(),
                    ..changed(change, names, failure(Kind::ToolResult, Some(Level::Wire), pair.left, recorded))
                });
            }
        }
        _ => {}
    }
}

fn changed(change: &Change, names: &Sides, failure: Failure) -> Failure {
    let (recorded, now) = match &change.kind {
        ChangeKind::Value { left, right } => (Some(plain(left)), Some(plain(right))),
        ChangeKind::Added(text) => (None, Some(text.clone())),
        ChangeKind::Removed(text) => (Some(text.clone()), None),
        ChangeKind::Text(diff) => {
            let side = |gone: Tag| {
                let hunks = diff.hunks.iter().map(|hunk| {
                    hunk.ops.iter().filter(|op| op.tag != gone).map(|op| op.text.as_str()).collect::<String>()
                });
                hunks.collect::<Vec<_>>().join(" … ")
            };
            (Some(side(Tag::Added)), Some(side(Tag::Removed)))
        }
    };
    let (recorded, now) = match (recorded, now) {
        (Some(left), Some(right)) => {
            let (left, right) = names.steady(&left, &right);
            (Some(left), Some(right))
        }
        one => one,
    };
    Failure { path: change.path.clone(), recorded, now, ..failure }
}

/// Whether a tool's result, or the part of it at this path, may differ.
fn is_volatile(volatile: &[String], name: &str, path: &str) -> bool {
    let inside = path.strip_prefix("result").map_or(path, |rest| rest.trim_start_matches('.'));
    volatile.iter().any(|entry| match entry.strip_prefix(name) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('.').is_some_and(|place| {
            let place = place.strip_prefix("result.").unwrap_or(place);
            inside.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        }),
        None => false,
    })
}

fn answer((recorded, replay): (&Run, &Run), workflow: &Workflow, names: &Sides) -> Option<Failure> {
    let (was, is) = (answered(recorded), answered(replay));
    let failure = failure(Kind::Answer, Some(Level::Answer), was.node, recorded);
    let path = was.place.to_owned();
    let short = |text: &str| words_of(text, 400);
    match &workflow.answer {
        Expected::Recorded => {
            let (old, new) = names.named(was.text.trim_end(), is.text.trim_end());
            if old == new {
                return None;
            }
            let sorted = |text: &str| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            let why = if sorted(&old) == sorted(&new) {
                vec!["the lines are the same, in another order".to_owned()]
            } else {
                Vec::new()
            };
            let (left, right) = apart(&old, &new);
            let says = format!("{} differs", was.says);
            Some(Failure { says, path, recorded: Some(left), now: Some(right), why, ..failure })
        }
        Expected::Contains(texts) => {
            let missing = texts.iter().find(|text| !is.text.contains(text.as_str()))?;
            let says = format!("{} does not contain what it must", was.says);
            Some(Failure { says, path, recorded: Some(missing.clone()), now: Some(short(&is.text)), ..failure })
        }
        Expected::Regex(pattern) => {
            let matches = regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&is.text));
            let says = format!("{} does not match the regular expression", was.says);
            (!matches).then(|| Failure {
                says,
                path,
                recorded: Some(pattern.clone()),
                now: Some(short(&is.text)),
                ..failure
            })
        }
        Expected::Json(expected) => {
            let wanted = Json::parse_text(expected).ok()?;
            let Ok(got) = Json::parse_text(is.text.trim()) else {
                let says = format!("{} is no JSON", was.says);
                return Some(Failure { says, path, now: Some(short(&is.text)), ..failure });
            };
            let wrong = missing(wanted.root(), got.root(), 0)?;
            Some(Failure {
                says: format!("{} lacks a part of the JSON that it must have", was.says),
                path: wrong.path().to_string(),
                recorded: Some(wrong.raw_str().into_owned()),
                now: got.root().find(&wrong.path()).map(|value| value.raw_str().into_owned()),
                ..failure
            })
        }
    }
}

struct Answered {
    text: String,
    node: Option<NodeId>,
    says: &'static str,
    place: &'static str,
}

/// What the program printed; where it printed nothing, the last answer.
fn answered(run: &Run) -> Answered {
    let text = printed(run);
    if !text.trim().is_empty() {
        return Answered { text, node: None, says: "the agent's standard output", place: "" };
    }
    let last = run.graph.nodes().filter(|node| node.kind == model::Kind::Llm).max_by_key(|node| (node.ended, node.id));
    let text = match last.map(|node| &node.detail) {
        Some(Detail::Call { reply, .. }) => reply.text(),
        _ => String::new(),
    };
    Answered { text, node: last.map(|node| node.id), says: "the last answer", place: "answer" }
}

/// Deepest JSON that is compared.
const DEEPEST: usize = 200;

/// The first value that is wanted and is not there.
fn missing<'a>(wanted: Ref<'a>, got: Ref<'_>, depth: usize) -> Option<Ref<'a>> {
    if wanted.kind() != got.kind() || depth > DEEPEST {
        return Some(wanted);
    }
    match wanted.kind() {
        JsonKind::Object => wanted.items().find_map(|member| {
            let key = member.key().unwrap_or_default();
            match got.get(&String::from_utf8_lossy(&key)) {
                Some(there) => missing(member, there, depth + 1),
                None => Some(member),
            }
        }),
        JsonKind::Array if wanted.len() != got.len() => Some(wanted),
        JsonKind::Array => wanted.items().zip(got.items()).find_map(|(wanted, got)| missing(wanted, got, depth + 1)),
        JsonKind::Number => (decimal::normal(wanted.raw()) != decimal::normal(got.raw())).then_some(wanted),
        JsonKind::String => (wanted.as_bytes() != got.as_bytes()).then_some(wanted),
        JsonKind::Bool | JsonKind::Null => (wanted.raw() != got.raw()).then_some(wanted),
    }
}

/// Text of a JSON string, other JSON as it is.
fn plain(text: &str) -> String {
    let json = Json::parse_text(text).ok();
    json.and_then(|json| json.root().as_str().map(std::borrow::Cow::into_owned)).unwrap_or_else(|| text.to_owned())
}

/// Two texts, cut to what differs and a few words around it.
fn apart(left: &str, right: &str) -> (String, String) {
    let diff = words::diff(left, right, 6);
    if diff.hunks.is_empty() {
        return (words_of(left, 200), words_of(right, 200));
    }
    let side = |gone: Tag| {
        let hunks = diff.hunks.iter().take(3).map(|hunk| {
            let text: String = hunk.ops.iter().filter(|op| op.tag != gone).map(|op| op.text.as_str()).collect();
            words_of(&text, 200)
        });
        hunks.collect::<Vec<_>>().join(" … ")
    };
    (side(Tag::Added), side(Tag::Removed))
}

fn words_of(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(most).collect::<String>())
}

/// The last lines that the agent wrote to its standard error.
fn last_words(run: &Run) -> Vec<String> {
    let bytes: Vec<u8> =
        run.output.iter().filter(|output| output.stream == 2).flat_map(|output| output.bytes.iter().copied()).collect();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].iter().map(|line| words_of(line, 200)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_what_is_wanted_or_lacks_it() {
        let check = |wanted: &str, got: &str, expected: Option<&str>| {
            let (wanted, got) = (Json::parse_text(wanted).expect("JSON"), Json::parse_text(got).expect("JSON"));
            let found = missing(wanted.root(), got.root(), 0).map(|wrong| wrong.path().to_string());
            assert_eq!(found.as_deref(), expected);
        };
        check(
            r#"{"a":{"b":1.0},"c":[1,{"d":"\u0041"}]}"#,
            r#"{"x":0,"c":[1,{"d":"A","e":2}],"a":{"b":1,"z":0}}"#,
            None,
        );
        check(r#"{"a":{"b":1}}"#, r#"{"a":{"b":2}}"#, Some("a.b"));
        check(r#"{"a":[1,2]}"#, r#"{"a":[1,2,3]}"#, Some("a"));
        check(r#"{"a":null}"#, r#"{"a":false}"#, Some("a"));
        check(r#"{"a":1}"#, "{}", Some("a"));
        check("[1]", "{}", Some(""));
    }

    #[test]
    fn a_volatile_entry_names_a_tool_or_a_part_of_its_result() {
        let volatile = ["search.took".to_owned(), "clock".to_owned(), "temperature".to_owned()];
        for (name, path, expected) in [
            ("clock", "result", true),
            ("clock", "result.at", true),
            ("clocks", "result", false),
            ("search", "result.took", true),
            ("search", "result.took.ms", true),
            ("search", "result.tooken", false),
            ("search", "result", false),
        ] {
            assert_eq!(is_volatile(&volatile, name, path), expected, "{name} {path}");
        }
    }
}
