//! How replayable a recording is: the verdict, and each node that is not exact with its reasons.

use std::fmt::Write as _;

use super::{Paper, Style, kind_word, paper};
use crate::model::RunId;
use crate::replay::{Assessment, Judged, Word};
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
    // The worst come first, so that none of them is cut.
    let mut worse: Vec<&Judged> = assessment.nodes.iter().filter(|judged| judged.word != Word::Exact).collect();
    if worse.len() > paper::MOST {
        worse.sort_by_key(|judged| std::cmp::Reverse(judged.word));
    }
    for judged in worse.iter().take(paper::MOST) {
        let name = if judged.name.is_empty() { kind_word(&judged.kind).to_owned() } else { one_line(&judged.name) };
        let grade = if judged.word == Word::UpTo { "" } else { judged.word.as_str() };
        let place = format!("{:>3}", judged.node.0);
        let head = format!("{} {name}  {}", paper.paint(Style::Place, &place), paper.paint(Style::Bad, grade));
        let _ = writeln!(out, "{}", head.trim_end());
        for reason in &judged.reasons {
            let _ = writeln!(out, "      {}", paper.cut(&one_line(&reason.says()), 6));
        }
    }
    out.push_str(&paper::rest(worse.len()));
    if assessment.interrupted {
        out.push_str("the recorder ended before the agent did: the last calls may be missing\n");
    }
    if !assessment.past.is_empty() {
        out.push_str("what it asked past retake is not on the recording, and goes out again in a replay\n");
    }
    if !assessment.has_command {
        out.push_str("no command was recorded: a replay needs one\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Micros, NodeId};
    use crate::replay::Reason;

    #[test]
    fn a_long_list_says_how_much_it_leaves_out_and_keeps_the_worst() {
        let judged = |node: u32| {
            let reason = if node == 90 { Reason::CutOff } else { Reason::MadeIds(vec![format!("id-{node}")]) };
            let name = format!("node-{node}");
            Judged { node: NodeId(node), kind: Kind::Llm, name, word: reason.word(), reasons: vec![reason] }
        };
        let nodes = (1..=90).map(judged).collect();
        let assessment = Assessment { word: Word::Not, nodes, interrupted: false, has_command: true, past: Vec::new() };
        let paper = Paper { width: None, colour: false, now: Micros(0) };
        let said = view(&RunId::from_seed(1), &assessment, paper);
        assert!(said.ends_with("  … and 50 more; `--json` prints all\n"), "{said}");
        assert!(said.lines().nth(1).is_some_and(|line| line.contains("node-90")), "{said}");
        assert_eq!(said.matches("id-").count(), 39, "{said}");
    }
}
