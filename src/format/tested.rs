//! Results of tests in the shapes that machines read: JSON lines, `JUnit` XML, GitHub's commands and summary.
//!
//! `retake test --json` prints a line of type `workflow` for each workflow: its `name`, `result` (`passed`, `failed`
//! or `broken`), `nodes`, `duration_us`, `grade`, its `approximations`, the `recording` and `replay` that were kept, and its `failures`,
//! each with `kind`, `level`, `node`, its `label` in the snapshot, `name`, `says`, `path`, `recorded`, `now` and `why`.
//!
//! `JUnit`: the schema that Jenkins and GitLab read. GitHub: workflow commands (`::error file=…`) and the job summary,
//! as <https://docs.github.com/actions/reference/workflow-commands-for-github-actions> describes them.

use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::json::line;
use crate::snapshot::{Ended, Failure, Verdict};
use crate::text::escape::escaped;

#[derive(Serialize)]
struct WorkflowLine<'a> {
    r#type: &'static str,
    name: &'a str,
    result: &'static str,
    nodes: usize,
    duration_us: u64,
    grade: &'a str,
    approximations: &'a [String],
    recording: Option<&'a str>,
    replay: Option<&'a str>,
    failures: Vec<FailureLine<'a>>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct FailureLine<'a> {
    kind: &'static str,
    level: Option<&'static str>,
    node: Option<u32>,
    label: &'a str,
    name: &'a str,
    says: &'a str,
    path: &'a str,
    recorded: Option<&'a str>,
    now: Option<&'a str>,
    why: &'a [String],
}

/// A workflow's test as a line of JSON.
#[must_use]
pub fn json(verdict: &Verdict) -> String {
    let (result, failures, error) = match &verdict.result {
        Ended::Passed => ("passed", Vec::new(), None),
        Ended::Failed(failures) => ("failed", failures.iter().map(failure_line).collect(), None),
        Ended::Broken { what, .. } => ("broken", Vec::new(), Some(what.as_str())),
    };
    line(&WorkflowLine {
        r#type: "workflow",
        name: &verdict.name,
        result,
        nodes: verdict.nodes,
        duration_us: verdict.took,
        grade: &verdict.grade,
        approximations: &verdict.approximations,
        recording: verdict.runs.as_ref().map(|(recording, _)| recording.as_str()),
        replay: verdict.runs.as_ref().map(|(_, replay)| replay.as_str()),
        failures,
        error,
    })
}

fn failure_line(failure: &Failure) -> FailureLine<'_> {
    FailureLine {
        kind: failure.kind.as_str(),
        level: failure.level.map(crate::config::Level::as_str),
        node: failure.node.map(|node| node.0),
        label: &failure.label,
        name: &failure.name,
        says: &failure.says,
        path: &failure.path,
        recorded: failure.recorded.as_deref(),
        now: failure.now.as_deref(),
        why: &failure.why,
    }
}

/// A failure in lines: what happened, both values, why.
fn lines(failure: &Failure) -> Vec<String> {
    let mut lines = vec![failure.headline()];
    for (word, value) in [("recorded", &failure.recorded), ("now", &failure.now)] {
        lines.extend(value.as_ref().map(|value| format!("{word}: {value}")));
    }
    lines.extend(failure.why.iter().cloned());
    lines
}

/// All that a verdict says, for people who read it elsewhere.
fn text(verdict: &Verdict) -> String {
    let lines: Vec<String> = match &verdict.result {
        Ended::Passed => Vec::new(),
        Ended::Failed(failures) => failures.iter().flat_map(lines).collect(),
        Ended::Broken { what, causes, hints } => {
            let causes = causes.iter().map(|cause| format!("caused by: {cause}"));
            let hints = hints.iter().map(|hint| format!("hint: {hint}"));
            std::iter::once(what.clone()).chain(causes).chain(hints).collect()
        }
    };
    lines.join("\n")
}

/// `JUnit` XML of all workflows.
///
/// # Errors
/// What the writer says; none is known.
pub fn junit(verdicts: &[Verdict]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("retake");
    let mut suite = TestSuite::new("workflows");
    for verdict in verdicts {
        let mut status = match &verdict.result {
            Ended::Passed => TestCaseStatus::success(),
            Ended::Failed(_) => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Ended::Broken { .. } => TestCaseStatus::non_success(NonSuccessKind::Error),
        };
        if !verdict.passed() {
            let kind = match &verdict.result {
                Ended::Failed(failures) => failures.first().map_or("failed", |failure| failure.kind.as_str()),
                _ => "broken",
            };
            status.set_type(kind);
            status.set_message(verdict.headline());
            status.set_description(text(verdict));
        }
        let mut case = TestCase::new(verdict.name.as_str(), status);
        case.set_classname("retake").set_time(Duration::from_micros(verdict.took));
        suite.add_test_case(case);
    }
    report.add_test_suite(suite);
    report.to_string()
}

/// GitHub's workflow commands: an annotation for each failure, at the node's place in the snapshot. `line` finds it.
#[must_use]
pub fn github(verdict: &Verdict, line: &dyn Fn(&Failure) -> usize) -> String {
    let command = |line: usize, message: &str| {
        let title = format!("retake test {}", verdict.name);
        format!(
            "::error file={},line={line},title={}::{}\n",
            property(&verdict.snapshot),
            property(&title),
            data(message)
        )
    };
    match &verdict.result {
        Ended::Passed => String::new(),
        Ended::Failed(failures) => {
            failures.iter().map(|failure| command(line(failure), &lines(failure).join("\n"))).collect()
        }
        Ended::Broken { .. } => command(1, &text(verdict)),
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The job summary, in Markdown.
#[must_use]
pub fn summary(verdicts: &[Verdict]) -> String {
    let mut out = String::from("### retake test\n\n| workflow | result | nodes | |\n| --- | --- | ---: | --- |\n");
    for verdict in verdicts {
        let result = match verdict.result {
            Ended::Passed => "passed",
            Ended::Failed(_) => "**failed**",
            Ended::Broken { .. } => "**could not be tested**",
        };
        let cell = |text: &str| escaped(text).replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;");
        let headline = if verdict.passed() { verdict.approximations.join("; ") } else { verdict.headline() };
        let headline = cell(&headline);
        let _ = writeln!(out, "| {} | {result} | {} | {headline} |", cell(&verdict.name), verdict.nodes);
    }
    for verdict in verdicts.iter().filter(|verdict| !verdict.passed()) {
        let text = text(verdict).replace("```", "'''");
        let _ = writeln!(out, "\n<details><summary>{}</summary>\n\n```text\n{text}\n```\n\n</details>", verdict.name);
    }
    out
}
