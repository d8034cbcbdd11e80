//! What a new snapshot says otherwise than the old one, section by section.

use similar::{Algorithm, ChangeTag, TextDiff};

use super::render::{Section, sections};
use crate::text::words::Tag;

/// Lines around a change that are shown.
const CONTEXT: usize = 2;

/// A section that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its heading.
    pub title: String,
    /// Its lines and what happened to them; what is equal only near a change.
    pub lines: Vec<(Tag, String)>,
}

impl Changed {
    /// Name of the tool that the section is about, if it is about one.
    #[must_use]
    pub fn tool(&self) -> Option<&str> {
        let (_, rest) = self.title.split_once(' ')?;
        let (name, kind) = rest.rsplit_once(" tool").or_else(|| rest.split_once(" tool,"))?;
        let is_node = key(&self.title) != self.title;
        (is_node && (kind.is_empty() || kind.starts_with([' ', ',']))).then(|| name.trim())
    }
}

/// The sections that differ, in the order of the new snapshot, those that are gone last.
#[must_use]
pub fn compare(old: &str, new: &str) -> Vec<Changed> {
    let (old, new) = (sections(old), sections(new));
    let find = |among: &[Section], key: &str| among.iter().find(|section| self::key(&section.title) == key).cloned();
    let mut found = Vec::new();
    for section in &new {
        let before = find(&old, key(&section.title)).map(|section| section.text).unwrap_or_default();
        found.extend(changed(&section.title, &before, &section.text));
    }
    for section in old.iter().filter(|section| find(&new, key(&section.title)).is_none()) {
        found.extend(changed(&section.title, &section.text, ""));
    }
    found
}

/// What a section is found by: the label of its node, or its title.
fn key(title: &str) -> &str {
    match title.split_once(' ') {
        Some((label, _)) if is_label(label) => label,
        _ => title,
    }
}

/// Whether a word is a label, as `A1` or `AB12.3`.
fn is_label(word: &str) -> bool {
    let numbers = word.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    numbers.len() < word.len()
        && numbers.split('.').all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn changed(title: &str, old: &str, new: &str) -> Option<Changed> {
    if old == new {
        return None;
    }
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(old, new);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let tag = match change.tag() {
                ChangeTag::Equal => Tag::Equal,
                ChangeTag::Delete => Tag::Removed,
                ChangeTag::Insert => Tag::Added,
            };
            lines.push((tag, change.value().trim_end_matches('\n').to_owned()));
        }
    }
    // A last line is the same with and without the line feed behind it.
    Some(Changed { title: title.to_owned(), lines }).filter(|changed| !changed.lines.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_compared_by_their_nodes() {
        let old = "graph\n  A1 a\n  A1.1 b\n\nA1 a  llm m\n  answer  x\n\nA1.1 b  tool\n  result  1\n\noutput\n  same";
        let new =
            "graph\n  A1 a\n  A1.1 b\n\nA1 a  llm other\n  answer  x\n\nA1.1 b  tool\n  result  2\n\noutput\n  same\n";
        let found = compare(old, new);
        let titles: Vec<&str> = found.iter().map(|changed| changed.title.as_str()).collect();
        assert_eq!(titles, ["A1 a  llm other", "A1.1 b  tool"]);
        assert_eq!((found[0].tool(), found[1].tool()), (None, Some("b")));
        let lines: Vec<(Tag, &str)> = found[1].lines.iter().map(|(tag, line)| (*tag, line.as_str())).collect();
        let expected = [(Tag::Equal, "A1.1 b  tool"), (Tag::Removed, "  result  1"), (Tag::Added, "  result  2")];
        assert_eq!(lines, expected);
        assert_eq!(compare(old, old), []);
        let gone = compare(old, "graph\n  A1 a\n  A1.1 b\n\nA1 a  llm m\n  answer  x\n\noutput\n  same");
        assert_eq!(gone.len(), 1);
        assert!(gone[0].lines.iter().all(|(tag, _)| *tag == Tag::Removed));
    }
}
