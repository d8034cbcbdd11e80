//! Why a request is not on the recording: the nearest recorded call, and what differs.

use super::flake::only_names;
use super::nearest::nearest;
use super::pattern;
use super::plan::Plan;
use crate::model::{Detail, NodeId, Part};
use crate::names::opaque::Splitter;
use crate::record::lanes::Lanes;
use crate::text::json::{Json, Kind, Ref};
use crate::wire::canonical::{Canonical, Difference};
use crate::wire::{self, Parsed};

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// One line for the agent and the terminal.
    pub(super) reason: String,
    /// Further lines for the terminal.
    pub(super) details: Vec<String>,
    /// What would make it match, as a question and what to do.
    pub(super) hint: Option<String>,
}

/// A tool result that came out differently and is held.
#[derive(Debug, Clone)]
pub(super) struct HeldResult {
    pub(super) tool: String,
    pub(super) recorded: String,
    pub(super) new: String,
}

/// What is known about a request that no recorded call equals.
pub(super) struct Miss {
    /// Place of the nearest recorded call among the plan's.
    pub(super) nearest: Option<usize>,
    difference: Option<Difference>,
    /// What would make it match.
    hint: Option<String>,
    /// All that differs, up to a bound.
    differences: Vec<Difference>,
    /// Something that explains the difference, a line each.
    why: Vec<String>,
    any: bool,
}

/// Finds the nearest recorded call, and what differs by more than a name: first the calls that go on from the node
/// `before`, where the request goes on from that; then the one that says most of the same in the same order.
pub(super) fn explain(
    plan: &Plan,
    taken: &[bool],
    parsed: &Parsed,
    splitter: &Splitter,
    before: Option<NodeId>,
) -> Miss {
    let name = |parsed: &Parsed| parsed.dialect.map(wire::Dialect::name);
    let alike = |place: &usize| name(&plan.entries[*place].parsed) == name(parsed);
    let before = before.or_else(|| continued(plan, parsed));
    let next = before.map(|node| plan.next(node, taken)).unwrap_or_default();
    let nearest = nearest(&plan.entries, next.into_iter().filter(alike), taken, &parsed.canonical)
        .or_else(|| nearest(&plan.entries, (0..plan.entries.len()).filter(alike), taken, &parsed.canonical));
    let recorded = nearest.map(|place| &plan.entries[place].parsed.canonical);
    let differences = recorded.map(|recorded| recorded.differences(&parsed.canonical, MANY)).unwrap_or_default();
    let difference = recorded.and_then(|recorded| cause(recorded, &differences, splitter));
    let difference = match (difference, nearest) {
        (Some(first), Some(place)) if first.path.starts_with("tools") => {
            Some(other_tools(&plan.entries[place].parsed, parsed).unwrap_or(first))
        }
        (difference, _) => difference,
    };
    let mut why = Vec::new();
    if recorded.is_some_and(|recorded| only_order_differs(recorded, &parsed.canonical)) {
        why.push("only the order of what earlier calls answered differs: they were in flight together".to_owned());
    }
    if remembers(plan, parsed) && !nearest.is_some_and(|place| remembers(plan, &plan.entries[place].parsed)) {
        why.push(
            "the conversation begins with messages that the recording never had: the agent remembers them".to_owned(),
        );
    }
    if nearest.is_some_and(|place| is_compacted(&plan.entries[place].parsed, parsed)) {
        why.push(
            "only the tail of the conversation is carried on in one of the two: the agent compacted it".to_owned(),
        );
    }
    let hint = hint(&differences, splitter);
    Miss { nearest, difference, hint, differences, why, any: !plan.entries.is_empty() }
}

/// The recorded call whose answer a request goes on from.
fn continued(plan: &Plan, parsed: &Parsed) -> Option<NodeId> {
    let prompt = parsed.dialect?.prompt(parsed.json()?);
    if prompt.previous.is_none() && !prompt.messages.iter().any(|message| message.role == "assistant") {
        return None;
    }
    let mut lanes = Lanes::default();
    let mut nodes = Vec::new();
    for node in plan.run.graph.nodes() {
        if let Detail::Call { prompt, reply, .. } = &node.detail {
            let place = lanes.ask(prompt);
            lanes.answer(place, 0, reply);
            nodes.push(node.id);
        }
    }
    let place = lanes.ask(&prompt);
    nodes.get(lanes.link(place, 1, &prompt)?.from).copied()
}

/// Differences that are looked at for the one that matters.
const MANY: usize = 200;

/// The first difference that is no name, no reading and no result of a tool; else the first that is no name; else the
/// first.
fn cause(recorded: &Canonical, all: &[Difference], splitter: &Splitter) -> Option<Difference> {
    let results: Vec<String> = recorded
        .results
        .iter()
        .filter_map(|result| recorded.tokens.get(result.tokens.start))
        .map(|token| recorded.path(token))
        .filter(|path| !path.is_empty())
        .collect();
    let in_result = |difference: &Difference| results.iter().any(|path| difference.path.starts_with(path.as_str()));
    let matters = |difference: &Difference| match (&difference.left, &difference.right) {
        (Some(left), Some(right)) => !only_names(splitter, left.as_bytes(), right.as_bytes()),
        _ => true,
    };
    let found = all
        .iter()
        .position(|difference| matters(difference) && !in_result(difference))
        .or_else(|| all.iter().position(matters))
        .unwrap_or(0);
    all.get(found).cloned()
}

/// The names of the tools that are offered, where they are not the same: definitions are compared place by place, and
/// one that is gone would look like a change of the next.
fn other_tools(recorded: &Parsed, now: &Parsed) -> Option<Difference> {
    let names = |parsed: &Parsed| -> Option<Vec<String>> {
        let prompt = parsed.dialect?.prompt(parsed.json()?);
        let mut names: Vec<String> = prompt.tools.into_iter().map(|tool| tool.name).collect();
        names.sort();
        Some(names)
    };
    let (old, new) = (names(recorded)?, names(now)?);
    (old != new).then(|| Difference {
        path: "tools".to_owned(),
        left: Some(old.join(", ")),
        right: Some(new.join(", ")),
    })
}

/// Whether one request carries on only the tail of the other's conversation, perhaps under a summary.
fn is_compacted(recorded: &Parsed, now: &Parsed) -> bool {
    let texts = |parsed: &Parsed| -> Vec<String> {
        let (Some(dialect), Some(json)) = (parsed.dialect, parsed.json()) else { return Vec::new() };
        let messages = dialect.prompt(json).messages.into_iter();
        let said = messages.filter(|message| !matches!(message.role.as_str(), "system" | "developer"));
        said.map(|message| format!("{} {:?}", message.role, message.parts.iter().map(said_in).collect::<Vec<_>>()))
            .collect()
    };
    let (recorded, now) = (texts(recorded), texts(now));
    let (short, long) = if recorded.len() < now.len() { (recorded, now) } else { (now, recorded) };
    let tail = |from: usize| short.get(from..).is_some_and(|rest| !rest.is_empty() && long.ends_with(rest));
    short.len() < long.len() && (tail(0) || tail(1))
}

fn said_in(part: &Part) -> String {
    match part {
        Part::Text(text) => text.text.clone(),
        Part::ToolCall(call) => format!("{} {}", call.name, call.arguments),
        Part::ToolResult(result) => result.content.clone(),
        _ => String::new(),
    }
}

/// Whether the first answer that a request carries is none that the recording has.
fn remembers(plan: &Plan, parsed: &Parsed) -> bool {
    let (Some(dialect), Some(json)) = (parsed.dialect, parsed.json()) else { return false };
    let messages = dialect.prompt(json).messages;
    let Some(first) = messages.iter().find(|message| message.role == "assistant") else { return false };
    let ids: Vec<&str> = first
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(call.id.as_str()),
            _ => None,
        })
        .collect();
    let text = first.text();
    !plan.run.graph.nodes().any(|node| match &node.detail {
        Detail::Call { reply, .. } => {
            reply.tool_calls().any(|call| ids.contains(&call.id.as_str()))
                || (!text.is_empty() && reply.text().trim() == text.trim())
        }
        _ => false,
    })
}

/// Whether two requests say the same lines, in another order.
fn only_order_differs(left: &Canonical, right: &Canonical) -> bool {
    let differences = left.differences(right, usize::MAX);
    !differences.is_empty()
        && differences.iter().all(|difference| {
            let (Some(left), Some(right)) = (&difference.left, &difference.right) else { return false };
            let sorted = |text: &str| {
                let text =
                    Json::parse_text(text).ok().and_then(|json| json.root().as_str().map(std::borrow::Cow::into_owned));
                let mut words: Vec<String> = text.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
                words.sort();
                words
            };
            let (left, right) = (sorted(left), sorted(right));
            left.len() > 1 && left == right
        })
}

impl Miss {
    /// The nearest node.
    pub(super) fn node(&self, plan: &Plan) -> Option<NodeId> {
        self.nearest.map(|place| plan.entries[place].node)
    }

    /// All differences from the nearest node, up to a bound.
    pub(super) fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// The first difference from the nearest node.
    pub(super) fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    /// What explains the difference, a line each.
    pub(super) fn why(&self) -> &[String] {
        &self.why
    }

    /// One line for a call that is sent all the same.
    pub(super) fn note(&self, plan: &Plan) -> String {
        match self.node(plan) {
            Some(node) => format!("not on the recording; nearest is node {node}"),
            None => "not on the recording".into(),
        }
    }

    /// Why the call is refused.
    pub(super) fn refusal(&self, plan: &Plan) -> Refusal {
        let Some(place) = self.nearest else {
            let reason = if self.any { "the recording has no call of this kind" } else { "the recording has no calls" };
            return Refusal { reason: reason.into(), details: Vec::new(), hint: None };
        };
        let node = plan.entries[place].node;
        let name = plan.run.graph.node(node).map(|node| node.name.clone()).unwrap_or_default();
        let named = if name.is_empty() { format!("node {node}") } else { format!("node {node} `{name}`") };
        let Some(difference) = &self.difference else {
            let reason = "the agent makes this call once more than it was recorded".to_owned();
            let details = vec![format!("nearest is {named}, which is equal and was answered already")];
            return Refusal { reason, details, hint: None };
        };
        let value = |value: &Option<String>| value.as_deref().map_or("nothing".to_owned(), |value| cut(value, 120));
        let (left, right) = match (&difference.left, &difference.right) {
            (Some(left), Some(right)) => around(left, right),
            (left, right) => (value(left), value(right)),
        };
        let path = Some(difference.path.clone()).filter(|path| !path.is_empty());
        let differs = path.map_or("its body".to_owned(), |path| format!("`{path}`"));
        Refusal {
            reason: "this call is not on the recording".into(),
            details: [
                format!("nearest is {named}, which differs in {differs}"),
                format!("recorded: {left}"),
                format!("now:      {right}"),
            ]
            .into_iter()
            .chain(self.why.iter().cloned())
            .collect(),
            hint: self.hint.clone(),
        }
    }
}

/// What would make a request match: patterns for names, or fields to ignore; `None` unless nothing else differs.
fn hint(differences: &[Difference], splitter: &Splitter) -> Option<String> {
    let is_name = |left: &str, right: &str| only_names(splitter, left.as_bytes(), right.as_bytes());
    let real = |difference: &&Difference| match (&difference.left, &difference.right) {
        (Some(left), Some(right)) => !is_name(left, right),
        _ => true,
    };
    let real: Vec<&Difference> = differences.iter().filter(real).collect();
    if real.is_empty() || differences.len() >= MANY {
        return None;
    }
    let mut patterns: Vec<pattern::Found> = Vec::new();
    for difference in &real {
        let found = difference.left.as_ref().zip(difference.right.as_ref());
        let Some(found) = found.and_then(|(left, right)| pattern::of(left, right)) else {
            patterns.clear();
            break;
        };
        if !patterns.iter().any(|known| known.pattern == found.pattern) {
            patterns.push(found);
        }
    }
    // Long lists of patterns are no names that somebody forgot.
    if let [first, others @ ..] = patterns.as_slice()
        && others.len() < 3
    {
        let list: Vec<String> = patterns.iter().map(|found| pattern::quoted(&found.pattern)).collect();
        return Some(format!(
            "is `{}` new in each run? add `[names] patterns = [{}]` to `retake.toml`",
            cut(&first.new, 40),
            list.join(", ")
        ));
    }
    let mut fields: Vec<&str> = real.iter().map(|difference| difference.path.as_str()).collect();
    fields.dedup();
    let may = !fields.is_empty()
        && fields.len() <= 3
        && fields.iter().all(|path| !path.is_empty() && !path.contains('\'') && may_be_ignored(path));
    may.then(|| {
        let list: Vec<String> = fields.iter().map(|path| format!("--ignore '{path}'")).collect();
        format!("to accept the difference, add `{}`", list.join(" "))
    })
}

/// Whether a field may be suggested to be ignored: never words that reach the model.
pub(super) fn may_be_ignored(path: &str) -> bool {
    const WORDS: [&str; 6] = ["messages", "input", "system", "instructions", "tools", "prompt"];
    !WORDS.iter().any(|word| path.starts_with(word))
}

/// Two long texts where they differ, with a little of what stands around it.
fn around(left: &str, right: &str) -> (String, String) {
    const SHORT: usize = 120;
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if a.len() <= SHORT && b.len() <= SHORT {
        return (left.to_owned(), right.to_owned());
    }
    let same = a.iter().zip(&b).take_while(|(one, other)| one == other).count();
    let behind = a[same..].iter().rev().zip(b[same..].iter().rev()).take_while(|(one, other)| one == other).count();
    let part = |text: &[char]| {
        let (from, to) = (same.saturating_sub(40), (text.len() - behind + 30).min(text.len()));
        let to = to.min(from + SHORT);
        let words: String = text[from..to].iter().collect();
        let (before, after) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
        format!("{before}{words}{after}")
    };
    (part(&a), part(&b))
}

/// The first characters of a text.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(most).collect::<String>())
}

/// One line for a held result.
pub(super) fn held_line(held: &HeldResult) -> String {
    let (recorded, new) = (Json::parse_text(&held.recorded), Json::parse_text(&held.new));
    if let (Ok(recorded), Ok(new)) = (recorded, new)
        && recorded.root().kind() == Kind::Object
    {
        let none: wire::canonical::Resolve<'_> = &|_| None;
        let old = wire::canonical::json("result", &wire::keys::PLAIN, recorded, none);
        let now = wire::canonical::json("result", &wire::keys::PLAIN, new, none);
        if let Some(first) = old.differences(&now, 1).first() {
            let show = |value: &Option<String>| value.as_deref().map_or("nothing".into(), |value| cut(value, 60));
            return format!("{} $.{} {}, held {}", held.tool, first.path, show(&first.right), show(&first.left));
        }
    }
    format!("{} {}, held {}", held.tool, cut(&held.new, 60), cut(&held.recorded, 60))
}

/// A value as a person reads it.
pub(super) fn readable(value: Ref<'_>) -> String {
    value.as_str().map_or_else(|| value.raw_str().into_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::*;

    #[test]
    fn a_conversation_that_lost_its_head_is_a_compacted_one() {
        let ask = |said: &[&str]| {
            let roles = ["user", "assistant"].into_iter().cycle();
            let messages = roles.zip(said).map(|(role, said)| format!(r#"{{"role":"{role}","content":"{said}"}}"#));
            let messages = messages.collect::<Vec<_>>().join(",");
            wire::parse(&request(1, 1, &format!(r#"{{"model":"m","messages":[{messages}]}}"#)), &|_| None)
        };
        let whole = ask(&["one", "two", "three", "four", "five"]);
        let tail = ask(&["three", "four", "five"]);
        let summed = ask(&["so far: one, two", "four", "five"]);
        assert!(is_compacted(&whole, &tail) && is_compacted(&tail, &whole) && is_compacted(&whole, &summed));
        assert!(!is_compacted(&whole, &whole) && !is_compacted(&whole, &ask(&["one", "two", "else"])));
        assert!(!is_compacted(&whole, &ask(&["other"])));
    }
}
