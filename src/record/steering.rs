//! Calls by which a framework steers itself: hand-offs and outputs (`steering.toml`).

use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::{Detail, Edge, Node, RunGraph};
use crate::text::identifier::words;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    handoff: Vec<String>,
    answer: Vec<String>,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("steering.toml")).expect("a test reads the table"));

/// Whether a tool's name says that it hands the conversation over. A name alone is no proof:
/// `transfer_to_savings` moves money.
#[must_use]
pub(super) fn names_a_handoff(name: &str) -> bool {
    let name = format!(" {} ", words(name).join(" "));
    TABLE.handoff.iter().any(|words| name.contains(&format!(" {words} ")))
}

/// Whether nothing ran for a tool node: the framework answered the call itself, or went on with another agent.
#[must_use]
pub fn is_steering(graph: &RunGraph, node: &Node) -> bool {
    let Detail::Tool(tool) = &node.detail else { return false };
    if tool.result.as_deref().is_some_and(|result| TABLE.answer.iter().any(|form| is_of(form, result.trim()))) {
        return true;
    }
    names_a_handoff(&node.name)
        && graph
            .into_node(node.id)
            .filter(|(_, edge)| matches!(edge, Edge::ToolCall))
            .any(|(asked, _)| graph.out_of_node(asked).any(|(_, edge)| matches!(edge, Edge::Handoff)))
}

/// Whether a text has a form, in which `*` is a name: a few words of letters, digits, `_` and `-`.
fn is_of(form: &str, text: &str) -> bool {
    let mut parts = form.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let is_name = |name: &str| {
        (1..=80).contains(&name.len())
            && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ' '))
    };
    for part in parts {
        let end = if part.is_empty() { Some(rest.len()) } else { rest.find(part) };
        let Some(end) = end.filter(|end| is_name(&rest[..*end])) else { return false };
        rest = &rest[end + part.len()..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Block, Kind, Micros, NodeId, Source, Tool, ToolState};

    #[test]
    fn a_handoff_is_named_by_a_row_of_words() {
        for name in [
            "transfer_to_billing_agent",
            "transferToBilling",
            "transfer_back_to_supervisor",
            "transfer_to_agent",
            "Handoff-transfer_to_RefundAgent",
            "handoff",
            "handoff_to_agent",
            "hand_off_to_sales",
            "delegate_task_to_member",
            "Delegate work to coworker",
        ] {
            assert!(names_a_handoff(name), "{name}");
        }
        for name in ["transfer_money_to_savings", "bank_transfer", "transferFunds", "handoffs", "delegates", ""] {
            assert!(!names_a_handoff(name), "{name}");
        }
    }

    #[test]
    fn only_the_answer_of_a_framework_is_one() {
        let check = |text: &str| TABLE.answer.iter().any(|form| is_of(form, text));
        for text in [
            r#"{"assistant": "Billing Agent"}"#,
            r#"{"assistant":"Agent-2"}"#,
            "Successfully transferred to research_expert",
            "Successfully transferred back to supervisor",
            "Transferred to Anna, adopting the role of Anna immediately.",
            "Final result processed.",
        ] {
            assert!(check(text), "{text}");
        }
        for text in [
            r#"{"assistant": "Billing Agent", "amount": "40"}"#,
            r#"{"assistant": ""}"#,
            "Successfully transferred to research_expert.",
            "Successfully transferred to ",
            "Transfer successful",
            "Final result processed. 3 rows written.",
            "",
        ] {
            assert!(!check(text), "{text}");
        }
    }

    #[test]
    fn a_name_without_a_handoff_is_a_tool() {
        let node = |number: u32, kind: &str, name: &str, detail: Detail| Node {
            id: NodeId(number),
            kind: Kind::parse(kind),
            name: name.to_owned(),
            source: Source::Conversation,
            lane: None,
            started: Micros(0),
            ended: None,
            error: None,
            seq: None,
            attempts: Vec::new(),
            detail,
            decided: None,
            key: None,
            anchor: None,
        };
        let tool = |result: &str| {
            Detail::Tool(Tool { result: Some(result.to_owned()), state: ToolState::ResultSeen, ..Tool::default() })
        };
        let check = |name: &str, result: &str, edge: Edge| {
            let mut graph = RunGraph::default();
            for (number, name) in [(1, "a"), (3, "b")] {
                graph.add(node(number, "llm", name, Detail::Block(Block::default())));
            }
            let called = node(2, "tool", name, tool(result));
            graph.add(called.clone());
            graph.connect(NodeId(1), NodeId(2), Edge::ToolCall);
            graph.connect(NodeId(1), NodeId(3), edge);
            is_steering(&graph, &called)
        };
        assert!(!check("transfer_to_savings", "moved 40", Edge::Then));
        assert!(!check("transfer_to_human_agents", "Transfer successful", Edge::Then));
        assert!(check("transfer_to_billing", "ok", Edge::Handoff));
        assert!(check("to_billing", "Successfully transferred to billing", Edge::Then));
        assert!(!check("pay", "ok", Edge::Handoff));
    }
}
