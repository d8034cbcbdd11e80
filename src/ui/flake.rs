//! What differs from run to run: values with what was seen, races, calls that were not made.

use std::fmt::Write as _;

use super::{Paper, Style, paper};
use crate::replay::{Flakiness, Order, Volatile, What, ranges};
use crate::text::escape::one_line;
use crate::text::units::{count, plural};

/// The report, as `flake` prints it.
#[must_use]
pub fn view(flakiness: &Flakiness, paper: Paper) -> String {
    let times = count(flakiness.runs.len(), "run");
    let id = paper.paint(Style::Strong, flakiness.recorded.as_str());
    if !flakiness.differs() {
        return format!("{id}  {}\n", paper.paint(Style::Good, &format!("nothing differed in {times}")));
    }
    let mut out = format!("{id}  {}\n", headline(flakiness, &times));
    for (title, wanted) in [
        ("refused", &(|what: &What| *what == What::Miss) as &dyn Fn(&What) -> bool),
        ("results of tools, held as recorded", &|what| matches!(what, What::Result(_))),
        ("readings of the clock, held as recorded", &|what| *what == What::Reading),
        ("names, renamed", &|what| *what == What::Name),
        ("not compared", &|what| *what == What::Ignored),
        ("exit code", &|what| *what == What::ExitCode),
    ] {
        let values: Vec<&Volatile> = flakiness.volatile.iter().filter(|value| wanted(&value.what)).collect();
        if !values.is_empty() {
            let _ = writeln!(out, "\n{title}");
            for value in values.iter().take(paper::MOST) {
                field(&mut out, value, paper);
            }
            out.push_str(&paper::rest(values.len()));
        }
    }
    if !flakiness.races.is_empty() {
        out.push_str("\ncalls that race\n");
    }
    for race in flakiness.races.iter().take(paper::MOST) {
        let how = match race.order {
            Order::Arrival => "come in another order",
            Order::Completion => "end in another order",
            Order::Interchangeable => "are equal, in flight together, and were answered differently",
        };
        let _ = writeln!(out, "  nodes {} {how}", paper.paint(Style::Place, &ranges(&race.nodes)));
    }
    out.push_str(&paper::rest(flakiness.races.len()));
    if !flakiness.absent.is_empty() {
        out.push_str("\ncalls that were not made\n");
    }
    for (place, nodes) in flakiness.absent.iter().take(paper::MOST) {
        let noun = plural(nodes.len(), "node");
        let _ = writeln!(out, "  run {}: {noun} {}", place + 1, paper.paint(Style::Place, &ranges(nodes)));
    }
    out.push_str(&paper::rest(flakiness.absent.len()));
    out
}

fn headline(flakiness: &Flakiness, times: &str) -> String {
    let mut parts = Vec::new();
    let refused = flakiness.refused.iter().filter(|calls| **calls > 0).count();
    if refused > 0 {
        let calls = count(flakiness.refusals(), "call");
        parts.push(format!("{calls} refused in {refused} of {times}"));
    }
    let values = flakiness.volatile.len();
    if values > 0 {
        parts.push(
            format!("{} that differ", count(values, "value")).replace("1 value that differ", "1 value that differs"),
        );
    }
    if !flakiness.races.is_empty() {
        parts.push(count(flakiness.races.len(), "race"));
    }
    if !flakiness.absent.is_empty() {
        parts.push("calls that were not made".to_owned());
    }
    let within = if refused > 0 { String::new() } else { format!(" in {times}, and all were answered") };
    format!("{}{within}", parts.join(", "))
}

fn field(out: &mut String, value: &Volatile, paper: Paper) {
    let mut place = match &value.what {
        What::Result(tool) if tool.is_empty() => one_line(&value.path),
        What::Result(tool) => format!("{} {}", one_line(tool), one_line(&value.path)),
        _ => one_line(&value.path),
    };
    if !value.nodes.is_empty() {
        let nodes = format!("{} {}", plural(value.nodes.len(), "node"), ranges(&value.nodes));
        place = if place.is_empty() { nodes } else { format!("{place} of {nodes}") };
    }
    if !place.is_empty() {
        let _ = writeln!(out, "  {}", paper.paint(Style::Place, &place));
    }
    let shown = |value: Option<&str>| value.map_or_else(|| "nothing".to_owned(), one_line);
    let recorded = value.recorded.as_deref();
    let all_absent = recorded.is_none();
    if !all_absent {
        let _ = writeln!(out, "    recorded  {}", paper.cut(&shown(recorded), 14));
    }
    let mut at = 0;
    while at < value.seen.len() {
        let mut end = at;
        while end + 1 < value.seen.len() && value.seen[end + 1] == value.seen[at] {
            end += 1;
        }
        let runs = if at == end { format!("run {}", at + 1) } else { format!("runs {}-{}", at + 1, end + 1) };
        let seen = match value.seen[at].as_deref() {
            None if all_absent => shown(None),
            None => "as recorded".to_owned(),
            seen => shown(seen),
        };
        let _ = writeln!(out, "    {runs:<8}  {}", paper.cut(&seen, 14));
        at = end + 1;
    }
    if let Some(path) = &value.ignore {
        let path = one_line(path);
        let _ = writeln!(
            out,
            "    to accept it: `--ignore '{path}'`, or `[replay] ignore = [\"{path}\"]` in `retake.toml`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Micros, NodeId, RunId};

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        let value = |number: u32| Volatile {
            what: What::Name,
            path: format!("messages[{number}].content"),
            nodes: vec![NodeId(number)],
            recorded: Some(format!("recorded-{number}")),
            seen: vec![Some(format!("seen-{number}"))],
            ignore: None,
        };
        let flakiness = Flakiness {
            recorded: RunId::from_seed(1),
            runs: vec![RunId::from_seed(2)],
            volatile: (1..=77).map(value).collect(),
            races: Vec::new(),
            absent: Vec::new(),
            refused: vec![0],
        };
        let said = view(&flakiness, Paper { width: None, colour: false, now: Micros(0) });
        assert!(said.ends_with("  … and 37 more; `--json` prints all\n"), "{said}");
        assert_eq!((said.matches("recorded-").count(), said.matches("77 values").count()), (40, 1), "{said}");
    }
}
