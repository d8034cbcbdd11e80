//! Search over all text of a run, each text where it first stands.

use crate::lineage;
use crate::model::{Detail, NodeId, Run};
use crate::text::escape::one_line;
use crate::ui::message::{Origin, origins, predecessor};

/// A place of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The node.
    pub node: NodeId,
    /// The field.
    pub path: String,
    /// The text around it, on one line.
    pub around: String,
}

/// All fields that hold the text, in the order of the nodes; small letters find large ones too. What a call
/// carries over from the one before is not found again.
#[must_use]
pub(super) fn search(run: &Run, order: &[NodeId], wanted: &str) -> Vec<Hit> {
    let wanted = Wanted::new(wanted);
    let mut hits = Vec::new();
    for node in order.iter().filter_map(|id| run.graph.node(*id)) {
        let carried = match &node.detail {
            Detail::Call { prompt, .. } => {
                let origins = origins(&prompt.messages, predecessor(run, node.id));
                let old = |(message, origin): (&std::sync::Arc<crate::model::Message>, &Origin)| {
                    (*origin != Origin::New).then(|| message.path.clone())
                };
                let mut paths: Vec<String> = prompt.messages.iter().zip(&origins).filter_map(old).collect();
                let first_is_system = prompt.messages.first().is_some_and(|message| message.role == "system");
                if first_is_system && origins.first().is_some_and(|origin| *origin != Origin::New) {
                    paths.push("system".to_owned());
                }
                paths
            }
            _ => Vec::new(),
        };
        let is_carried = |path: &str| {
            carried.iter().any(|old| path.strip_prefix(old.as_str()).is_some_and(|rest| !starts_word(rest)))
        };
        let fields = lineage::fields(node);
        let before = hits.len();
        let mut look = |path: &str, text: &str| {
            if let Some(at) = wanted.find(text) {
                hits.push(Hit { node: node.id, path: path.to_owned(), around: around(text, at) });
            }
        };
        for field in fields.inputs.iter().filter(|field| !is_carried(&field.path)) {
            look(&field.path, &field.text);
        }
        // What was embedded comes back out under the same name.
        let known = |path: &str| fields.inputs.iter().any(|field| field.path == path);
        for field in fields.outputs.iter().filter(|field| !known(&field.path)) {
            look(&field.path, &field.text);
        }
        if let (Detail::Http { .. }, Some(call)) = (&node.detail, node.seq.and_then(|seq| run.calls.get(&seq))) {
            look("request", &String::from_utf8_lossy(&call.request.body));
            if let Some(answer) = &call.answer {
                look("response", &String::from_utf8_lossy(&answer.body()));
            }
        }
        look("error", node.error.as_deref().unwrap_or_default());
        if hits.len() == before {
            // What names a node is, as a rule, taken from its texts.
            let model = match &node.detail {
                Detail::Call { prompt, reply, .. } => prompt.model.as_deref().or(reply.model.as_deref()),
                Detail::Http { target, .. } => Some(target.as_str()),
                _ => None,
            };
            for (path, text) in [("name", node.name.as_str()), ("model", model.unwrap_or_default())] {
                if let Some(at) = wanted.find(text) {
                    hits.push(Hit { node: node.id, path: path.to_owned(), around: around(text, at) });
                    break;
                }
            }
        }
    }
    hits
}

fn starts_word(rest: &str) -> bool {
    rest.starts_with(|letter: char| letter.is_alphanumeric())
}

/// A text that is looked for.
pub(super) struct Wanted {
    text: String,
    any_case: bool,
}

impl Wanted {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), any_case: !text.chars().any(char::is_uppercase) }
    }

    /// Where it begins in another text.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        if self.text.is_empty() {
            return None;
        }
        if !self.any_case {
            return text.find(&self.text);
        }
        if self.text.is_ascii() {
            let (needle, hay) = (self.text.as_bytes(), text.as_bytes());
            let (small, large) = (needle[0].to_ascii_lowercase(), needle[0].to_ascii_uppercase());
            return memchr::memchr2_iter(small, large, hay)
                .find(|at| hay.get(*at..at + needle.len()).is_some_and(|part| part.eq_ignore_ascii_case(needle)));
        }
        text.char_indices().map(|(at, _)| at).find(|at| {
            let mut rest = text[*at..].chars().flat_map(char::to_lowercase);
            self.text.chars().all(|letter| rest.next() == Some(letter))
        })
    }
}

/// Some words before and after a place, on one line.
fn around(text: &str, at: usize) -> String {
    let start = text[..at].char_indices().rev().nth(24).map_or(0, |(start, _)| start);
    let end = text[at..].char_indices().nth(80).map_or(text.len(), |(end, _)| at + end);
    let dots = |is_cut: bool| if is_cut { "…" } else { "" };
    format!("{}{}{}", dots(start > 0), one_line(&text[start..end]), dots(end < text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_letters_find_large_ones() {
        for (wanted, text, at) in [
            ("lyon", "in Lyon", Some(3)),
            ("Lyon", "in lyon", None),
            ("fête", "La FÊTE", Some(3)),
            ("日", "本日", Some(3)),
            ("", "x", None),
            ("xyz", "xy", None),
        ] {
            assert_eq!(Wanted::new(wanted).find(text), at, "{wanted}");
        }
    }

    #[test]
    fn what_stands_around_is_short_and_harmless() {
        let text = format!("{}\n\u{1b}[2J here {}", "é".repeat(100), "語".repeat(200));
        let at = text.find("here").expect("it is there");
        let shown = around(&text, at);
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("\\u{1b}[2J here"), "{shown}");
        assert!(shown.chars().count() < 140, "{shown}");
    }
}
