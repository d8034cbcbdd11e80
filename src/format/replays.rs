//! What `grade --json` and `flake --json` print.
//!
//! | `type` | stands for |
//! | --- | --- |
//! | `assessment` | how replayable a run is, with counts |
//! | `judged` | a node and why it is not exact |
//! | `flake` | how much differs between replays of a run |
//! | `volatile` | a value that differs: the recorded one and that of each replay, `null` where it was equal |
//! | `race` | calls whose order differs, or that nothing tells apart |

use serde::Serialize;

use super::json::line;
use crate::model::{NodeId, RunId};
use crate::replay::{Assessment, Flakiness, Judged, Race, Reason, Volatile, What, Word};

#[derive(Serialize)]
struct AssessmentLine<'a> {
    r#type: &'static str,
    run: &'a str,
    word: &'static str,
    line: String,
    nodes: usize,
    exact: usize,
    up_to: usize,
    partly: usize,
    not: usize,
    blame: Vec<u32>,
    interrupted: bool,
    has_command: bool,
    past: &'a [String],
}

#[derive(Serialize)]
struct JudgedLine<'a> {
    r#type: &'static str,
    run: &'a str,
    node: u32,
    kind: &'a str,
    name: &'a str,
    word: &'static str,
    reasons: Vec<ReasonLine>,
}

#[derive(Serialize)]
struct ReasonLine {
    kind: &'static str,
    says: String,
    nodes: Vec<u32>,
    values: Vec<ValueLine>,
}

#[derive(Serialize)]
struct ValueLine {
    path: String,
    value: String,
}

fn numbers(nodes: &[NodeId]) -> Vec<u32> {
    nodes.iter().map(|node| node.0).collect()
}

fn word(word: Word) -> &'static str {
    match word {
        Word::Exact => "exact",
        Word::UpTo => "up_to",
        Word::Partly => "partly",
        Word::Not => "not",
    }
}

/// How replayable a run is, then a line for each node.
#[must_use]
pub fn assessment(run: &RunId, assessment: &Assessment) -> String {
    let head = line(&AssessmentLine {
        r#type: "assessment",
        run: run.as_str(),
        word: word(assessment.word),
        line: assessment.line(),
        nodes: assessment.nodes.len(),
        exact: assessment.count(Word::Exact),
        up_to: assessment.count(Word::UpTo),
        partly: assessment.count(Word::Partly),
        not: assessment.count(Word::Not),
        blame: numbers(&assessment.blame()),
        interrupted: assessment.interrupted,
        has_command: assessment.has_command,
        past: &assessment.past,
    });
    assessment.nodes.iter().fold(head, |lines, judged| lines + &judged_line(run, judged))
}

fn judged_line(run: &RunId, judged: &Judged) -> String {
    let reason = |reason: &Reason| ReasonLine {
        kind: reason.kind(),
        says: reason.says(),
        nodes: numbers(&reason.nodes()),
        values: reason.values().into_iter().map(|(path, value)| ValueLine { path, value }).collect(),
    };
    line(&JudgedLine {
        r#type: "judged",
        run: run.as_str(),
        node: judged.node.0,
        kind: judged.kind.as_str(),
        name: &judged.name,
        word: word(judged.word),
        reasons: judged.reasons.iter().map(reason).collect(),
    })
}

#[derive(Serialize)]
struct FlakeLine<'a> {
    r#type: &'static str,
    run: &'a str,
    times: usize,
    differs: bool,
    refused: &'a [usize],
    kept: Vec<&'a str>,
    absent: Vec<AbsentLine>,
}

#[derive(Serialize)]
struct AbsentLine {
    replay: usize,
    nodes: Vec<u32>,
}

#[derive(Serialize)]
struct VolatileLine<'a> {
    r#type: &'static str,
    what: &'static str,
    tool: Option<&'a str>,
    path: &'a str,
    nodes: Vec<u32>,
    recorded: Option<&'a str>,
    seen: &'a [Option<String>],
    ignore: Option<&'a str>,
}

#[derive(Serialize)]
struct RaceLine {
    r#type: &'static str,
    order: &'static str,
    nodes: Vec<u32>,
}

/// What differs between replays, then a line for each value and each race; `kept` says whether the replays are there.
#[must_use]
pub fn flake(flakiness: &Flakiness, kept: bool) -> String {
    let absent = flakiness.absent.iter().map(|(place, nodes)| AbsentLine { replay: place + 1, nodes: numbers(nodes) });
    let mut lines = line(&FlakeLine {
        r#type: "flake",
        run: flakiness.recorded.as_str(),
        times: flakiness.runs.len(),
        differs: flakiness.differs(),
        refused: &flakiness.refused,
        kept: flakiness.runs.iter().filter(|_| kept).map(RunId::as_str).collect(),
        absent: absent.collect(),
    });
    lines.extend(flakiness.volatile.iter().map(|volatile| line(&volatile_line(volatile))));
    lines.extend(flakiness.races.iter().map(|race| line(&race_line(race))));
    lines
}

fn volatile_line(volatile: &Volatile) -> VolatileLine<'_> {
    VolatileLine {
        r#type: "volatile",
        what: volatile.what.as_str(),
        tool: match &volatile.what {
            What::Result(tool) => Some(tool),
            _ => None,
        },
        path: &volatile.path,
        nodes: numbers(&volatile.nodes),
        recorded: volatile.recorded.as_deref(),
        seen: &volatile.seen,
        ignore: volatile.ignore.as_deref(),
    }
}

fn race_line(race: &Race) -> RaceLine {
    RaceLine { r#type: "race", order: race.order.as_str(), nodes: numbers(&race.nodes) }
}
