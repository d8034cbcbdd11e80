//! `.env` files, read as python-dotenv reads them.

use std::fs;
use std::path::{Path, PathBuf};

use super::variable;

/// A `.env` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dotenv {
    /// Where it is.
    pub path: PathBuf,
    /// Names and values in the order of the file, `${…}` filled in; a name without `=` has no value.
    pub variables: Vec<(String, Option<String>)>,
}

impl Dotenv {
    /// The value that the file gives a name; the last line wins.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.iter().rev().find(|(known, _)| known == name)?.1.as_deref()
    }
}

/// The nearest `.env` file at or above a directory that can be read.
#[must_use]
pub fn find(directory: &Path) -> Option<Dotenv> {
    directory.ancestors().find_map(|above| {
        let path = above.join(".env");
        let bytes = path.is_file().then(|| fs::read(&path).ok())??;
        let variables = parse(&String::from_utf8_lossy(&bytes), &variable);
        Some(Dotenv { path, variables })
    })
}

/// Reads a file's text. A line that cannot be read is skipped, as python-dotenv does.
fn parse(text: &str, outside: &dyn Fn(&str) -> Option<String>) -> Vec<(String, Option<String>)> {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text) };
    let mut variables: Vec<(String, Option<String>)> = Vec::new();
    loop {
        reader.rest = reader.rest.trim_start();
        if reader.rest.is_empty() {
            return variables;
        }
        let line = reader.rest;
        if let Some((name, value)) = reader.binding() {
            let value = value.map(|value| expand(&value, &variables, outside));
            variables.push((name, value));
        } else {
            reader.rest = line;
            reader.skip_line();
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

type Binding = (String, Option<String>);

impl<'a> Reader<'a> {
    /// A name and its value; `None` for a comment or a line that is broken.
    fn binding(&mut self) -> Option<Binding> {
        if let Some(rest) = self.rest.strip_prefix("export")
            && rest.starts_with([' ', '\t'])
        {
            self.rest = rest;
            self.blanks();
        }
        let name = if let Some(rest) = self.rest.strip_prefix('\'') {
            let end = rest.find('\'').filter(|end| *end > 0)?;
            self.rest = &rest[end + 1..];
            &rest[..end]
        } else {
            let end = self.rest.find(|c: char| c == '=' || c == '#' || c.is_whitespace()).unwrap_or(self.rest.len());
            self.take(end)
        };
        if name.is_empty() {
            return None;
        }
        self.blanks();
        let value = match self.rest.strip_prefix('=') {
            Some(rest) => {
                self.rest = rest;
                let blanks = self.blanks();
                Some(self.value(blanks > 0)?)
            }
            None => None,
        };
        self.blanks();
        if self.rest.starts_with('#') || self.rest.starts_with(['\n', '\r']) || self.rest.is_empty() {
            self.skip_line();
            return Some((name.to_owned(), value));
        }
        None
    }

    fn value(&mut self, after_blank: bool) -> Option<String> {
        match self.rest.chars().next() {
            Some('\'') => Some(unescape(self.quoted('\'')?, "\\'")),
            Some('"') => Some(unescape(self.quoted('"')?, "\\'\"abfnrtv")),
            _ => {
                let line = self.take(self.rest.find(['\n', '\r']).unwrap_or(self.rest.len()));
                if after_blank && line.starts_with('#') {
                    return Some(String::new());
                }
                let comment = line
                    .char_indices()
                    .find(|(at, c)| *c == '#' && line[..*at].chars().next_back().is_some_and(char::is_whitespace));
                Some(line[..comment.map_or(line.len(), |(at, _)| at)].trim_end().to_owned())
            }
        }
    }

    /// What stands between quotes; it may go over lines.
    fn quoted(&mut self, quote: char) -> Option<&'a str> {
        let inner = &self.rest[1..];
        let mut before = ' ';
        let end = inner.char_indices().find_map(|(at, c)| {
            let ends = c == quote && before != '\\';
            // Two backslashes are one that is quoted: the second quotes nothing.
            before = if before == '\\' && c == '\\' { ' ' } else { c };
            ends.then_some(at)
        })?;
        self.rest = &inner[end + 1..];
        Some(&inner[..end])
    }

    fn take(&mut self, end: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn blanks(&mut self) -> usize {
        let rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() && c != '\n' && c != '\r');
        let skipped = self.rest.len() - rest.len();
        self.rest = rest;
        skipped
    }

    fn skip_line(&mut self) {
        self.take(self.rest.find(['\n', '\r']).unwrap_or(self.rest.len()));
    }
}

fn unescape(text: &str, known: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let next = characters.clone().next().filter(|next| c == '\\' && known.contains(*next));
        match next {
            Some(escape) => {
                characters.next();
                out.push(match escape {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    other => other,
                });
            }
            None => out.push(c),
        }
    }
    out
}

/// Fills `${NAME}` and `${NAME:-default}`: the environment first, then the lines above.
fn expand(value: &str, above: &[Binding], outside: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let inner = &rest[start + 2..];
        let reference = inner.find('}').and_then(|end| {
            let (name, default) = match inner[..end].split_once(':') {
                Some((name, default)) => (name, default.strip_prefix('-')?),
                None => (&inner[..end], ""),
            };
            Some((end, name, default))
        });
        let Some((end, name, default)) = reference else {
            out.push_str("${");
            rest = inner;
            continue;
        };
        let earlier = || above.iter().rev().find(|(known, _)| known == name).map(|found| found.1.clone());
        match outside(name) {
            Some(found) => out.push_str(&found),
            None => match earlier() {
                Some(found) => out.push_str(&found.unwrap_or_default()),
                None => out.push_str(default),
            },
        }
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Scratch;

    fn check(text: &str, expected: &[(&str, Option<&str>)]) {
        let outside = |name: &str| (name == "OUTSIDE").then(|| "out".to_owned());
        let found = parse(text, &outside);
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn lines_are_read_as_python_dotenv_reads_them() {
        check("a=b", &[("a", Some("b"))]);
        check("export a=b\nexport\tc = d ", &[("a", Some("b")), ("c", Some("d"))]);
        check(
            "# a\n\n a=b # c\nb=c#d\ne= # f\ng=#h",
            &[("a", Some("b")), ("b", Some("c#d")), ("e", Some("")), ("g", Some("#h"))],
        );
        check(
            "a='b # c' # d\nb=\"c\\nd\\\"\\q\"\nc='d\\ne\\''",
            &[("a", Some("b # c")), ("b", Some("c\nd\"\\q")), ("c", Some("d\\ne'"))],
        );
        check("a=\"b\nc\"\nd=e", &[("a", Some("b\nc")), ("d", Some("e"))]);
        check("a\nb=\r\nc=\"d", &[("a", None), ("b", Some(""))]);
        check("a=\"b\" c\nd=e", &[("d", Some("e"))]);
        check("=a\n\u{feff}", &[("\u{feff}", None)]);
        check("'a b'=c", &[("a b", Some("c"))]);
        check("a=\"b\\\\\"\nc=d", &[("a", Some("b\\")), ("c", Some("d"))]);
    }

    #[test]
    fn references_are_filled_in() {
        check(
            "a=b\nc=${a}/${OUTSIDE}/${x:-y}/${x}/${a\nd='${a}'",
            &[("a", Some("b")), ("c", Some("b/out/y//${a")), ("d", Some("b"))],
        );
        check("a\nc=${a:-y}", &[("a", None), ("c", Some(""))]);
    }

    #[test]
    fn the_nearest_file_is_found() {
        let scratch = Scratch::new("dotenv");
        let inner = scratch.path().join("a/b");
        fs::create_dir_all(&inner).expect("a directory");
        fs::write(scratch.path().join("a/.env"), "A=1\nA=2").expect("a file");
        fs::write(scratch.path().join(".env"), "A=3").expect("a file");
        let found = find(&inner).expect("there is one");
        assert_eq!(found.path, scratch.path().join("a/.env"));
        assert_eq!(found.get("A"), Some("2"));
    }
}
