//! How replayable a recording is: the verdict, and each node that is not exact with its reasons.

use std::fmt::Write as _;

use super::{Paper, Style, kind_word};
use crate::model::RunId;
use crate::replay::{Assessment, Word};
use crate::text::escape::one_line;

/// The assessment, as `grade` prints it.
#[must_use]
pub fn view(run: &RunId, assessment: &Assessment, paper: Paper) -> String {
    let style = match assessment.word {
        Word::Exact => Style::Good,
        Word::UpTo => Style::Changed,
        Word::Partly | Word::Not => Style::Bad,
    };
    let mut out = format!(
        "{}  {}\n",
        paper.paint(Style::Strong, run.as_str()),
        paper.paint(style, &one_line(&assessment.line()))
    );
    for judged in assessment.nodes.iter().filter(|judged| judged.word != Word::Exact) {
        let name = if judged.name.is_empty() { kind_word(&judged.kind).to_owned() } else { one_line(&judged.name) };
        let grade = if judged.word == Word::UpTo { "" } else { judged.word.as_str() };
        let place = format!("{:>3}", judged.node.0);
        let head = format!("{} {name}  {}", paper.paint(Style::Place, &place), paper.paint(Style::Bad, grade));
        let _ = writeln!(out, "{}", head.trim_end());
        for reason in &judged.reasons {
            let _ = writeln!(out, "      {}", paper.cut(&one_line(&reason.says()), 6));
        }
    }
    if assessment.interrupted {
        out.push_str("the recorder ended before the agent did: the last calls may be missing\n");
    }
    if !assessment.has_command {
        out.push_str("no command was recorded: a replay needs one\n");
    }
    out
}
