//! A snapshot file in insta's format: a header in YAML between lines of `---`, then the text.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::text::json::quote;

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The command, for readers.
    pub description: String,
    /// The workflow's name.
    pub expression: String,
    /// What the run says.
    pub text: String,
    /// Version of retake that wrote it; empty where it does not say.
    pub version: String,
}

/// The version that writes.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Git left both sides of a merge in it.
    #[error("line {line}: a merge conflict is not resolved")]
    Conflict {
        /// The line, from 1.
        line: usize,
    },
    /// It is there and cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It has no header.
    #[error("line 1: a header between lines of `---` was expected")]
    Header,
}

impl Snapshot {
    /// The file's text.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::from("---\nsource: retake.toml\n");
        if !self.description.is_empty() {
            let _ = writeln!(out, "description: {}", quote(&self.description));
        }
        let _ = writeln!(out, "expression: {}", quote(&self.expression));
        let _ = writeln!(out, "info:\n  retake: {}\n---", quote(VERSION));
        out.push_str(self.text.trim_end());
        out.push('\n');
        out
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, a merge in it is not resolved, or it has no header.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = fs::read_to_string(path).map_err(|error| Error::Unreadable(error.to_string()))?;
        let marks = ["<<<<<<< ", ">>>>>>> ", "||||||| "];
        let is_mark = |line: &str| marks.iter().any(|mark| line.starts_with(mark)) || line == "=======";
        if let Some(at) = file.lines().position(is_mark) {
            return Err(Error::Conflict { line: at + 1 });
        }
        if file.lines().next() != Some("---") || !file.lines().skip(1).any(|line| line == "---") {
            return Err(Error::Header);
        }
        let read = insta::Snapshot::from_file(path).map_err(|error| Error::Unreadable(error.to_string()))?;
        let insta::internals::SnapshotContents::Text(text) = read.contents() else { return Err(Error::Header) };
        Ok(Self {
            description: read.metadata().description().unwrap_or_default().to_owned(),
            expression: read.metadata().expression().unwrap_or_default().to_owned(),
            text: text.to_string().trim_end().to_owned(),
            version: version(&file),
        })
    }

    /// Whether another version wrote it, which may have said the same in other words.
    #[must_use]
    pub fn is_of_another_version(&self) -> bool {
        self.version != VERSION
    }

    /// Whether two snapshots say the same.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.text.trim_end() == text.trim_end()
    }
}

/// The version in a file's header.
fn version(file: &str) -> String {
    let mut header = file.lines().skip(1).take_while(|line| *line != "---");
    let said = header.find_map(|line| line.strip_prefix("  retake: ")).unwrap_or_default();
    said.trim().trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_as_it_was_written_by_us_and_by_insta() {
        let folder = std::env::temp_dir().join(format!("retake-snap-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("it can be made");
        let path = folder.join("weather.snap");
        let load = |text: &str| {
            fs::write(&path, text).expect("it can be written");
            Snapshot::load(&path)
        };
        let snapshot = Snapshot {
            description: "python agent.py \"what: 1\"".into(),
            expression: "weather".into(),
            text: "graph\n  1 a\n\n---\n1 a".into(),
            version: VERSION.into(),
        };
        let file = snapshot.write();
        assert_eq!(load(&file).expect("it was written"), snapshot);
        assert_eq!(load(&file.replace('\n', "\r\n")).expect("git may have changed the line ends"), snapshot);
        let other = load("---\nsource: tests/a.rs\nexpression: value\n---\ntext\n").expect("it is one");
        assert_eq!((other.expression.as_str(), other.text.as_str()), ("value", "text"));
        assert!(other.is_of_another_version() && !load(&file).expect("it is one").is_of_another_version());
        let fails = |text: &str| load(text).expect_err("it is none").to_string();
        assert_eq!(fails("text"), "line 1: a header between lines of `---` was expected");
        assert_eq!(fails("---\nnever closed"), "line 1: a header between lines of `---` was expected");
        assert_eq!(fails("---\na: 1\n---\nx\n<<<<<<< HEAD\ny\n"), "line 5: a merge conflict is not resolved");
        fs::remove_dir_all(&folder).expect("it is there");
    }
}
