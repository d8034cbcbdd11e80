//! Places in a JSON document, as people write them.

use std::fmt;

use super::json::{decode, quote, string_end};

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// A place in an array, from 0.
    Index(usize),
}

/// A place in a document, written `messages[0].content` or `["odd.key"][2]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Reads a path; a leading `$.` or `$` is allowed.
    ///
    /// # Errors
    /// The byte offset where the path stops being one.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let trimmed = text.strip_prefix('$').unwrap_or(text);
        let skipped = text.len() - trimmed.len();
        let bytes = trimmed.as_bytes();
        let mut steps = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'[' => {
                    let inside = at + 1;
                    if bytes.get(inside) == Some(&b'"') {
                        let end = string_end(bytes, inside).ok_or(skipped + inside)?;
                        if bytes.get(end) != Some(&b']') {
                            return Err(skipped + end);
                        }
                        steps.push(Step::Key(String::from_utf8_lossy(&decode(&bytes[inside..end])).into_owned()));
                        at = end + 1;
                    } else {
                        let end = trimmed[inside..].find(']').ok_or(skipped + inside)? + inside;
                        let place = trimmed[inside..end].parse().map_err(|_| skipped + inside)?;
                        steps.push(Step::Index(place));
                        at = end + 1;
                    }
                }
                b'.' if at + 1 < bytes.len() && !matches!(bytes[at + 1], b'.' | b'[') => at += 1,
                b'.' => return Err(skipped + at),
                _ => {
                    let end = trimmed[at..].find(['.', '[']).map_or(bytes.len(), |found| found + at);
                    steps.push(Step::Key(trimmed[at..end].to_owned()));
                    at = end;
                }
            }
        }
        Ok(Self(steps))
    }

    /// This path with one more step.
    #[must_use]
    pub fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '"', '$', ' ']) => {
                    write!(formatter, "[{}]", quote(key))?;
                }
                Step::Key(key) if place == 0 => formatter.write_str(key)?,
                Step::Key(key) => write!(formatter, ".{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_and_write_alike() {
        for text in ["messages[0].content", r#"a["b.c"][2]"#, "x", "[0][1]"] {
            assert_eq!(Path::parse(text).expect("a path").to_string(), text);
        }
        assert_eq!(Path::parse("$.a").expect("a path").to_string(), "a");
        for (text, at) in [("a..b", 1), ("a[x]", 2), ("a[", 2), ("a.", 1)] {
            assert_eq!(Path::parse(text), Err(at), "{text}");
        }
    }
}
