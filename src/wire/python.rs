//! Reads what Python's `repr` writes, as JSON: agents hand lists and objects to a model as `str(…)`.
//!
//! Source: <https://docs.python.org/3/reference/lexical_analysis.html#literals>. An object that is
//! written as a call with names (`Document(id='1', page_content='…')`) becomes an object.

use crate::text::json::{Json, quote};

/// How deep values may stand in each other.
const LEVELS: usize = 50;

/// The text as JSON; `None` if it is no literal of Python.
pub(super) fn to_json(text: &str) -> Option<String> {
    let mut reader = Reader { text, at: 0 };
    let json = reader.value(LEVELS)?;
    reader.space();
    (reader.at == text.len()).then_some(json)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn peek(&mut self) -> Option<char> {
        self.space();
        self.rest().chars().next()
    }

    fn skip(&mut self, expected: char) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += expected.len_utf8())
    }

    fn value(&mut self, levels: usize) -> Option<String> {
        let levels = levels.checked_sub(1)?;
        match self.peek()? {
            '\'' | '"' => self.string().map(|text| quote(&text)),
            '[' => self.list(']', levels),
            '(' => self.list(')', levels),
            '{' => self.dictionary(levels),
            '-' | '0'..='9' => {
                let number = self.word(|character| character.is_ascii_alphanumeric() || "+-._".contains(character));
                Some(if Json::parse_text(number).is_ok() { number.to_owned() } else { quote(number) })
            }
            first if first.is_alphabetic() || first == '_' => self.named(levels),
            _ => None,
        }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !belongs(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Items up to the closer; one may be left empty after the last comma.
    fn items(&mut self, closer: char, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        loop {
            if self.peek()? == closer {
                self.at += 1;
                return Some(());
            }
            item(self)?;
            match self.peek()? {
                ',' => self.at += 1,
                other if other == closer => {}
                _ => return None,
            }
        }
    }

    fn list(&mut self, closer: char, levels: usize) -> Option<String> {
        let mut items = Vec::new();
        self.items(closer, |reader| {
            items.push(reader.value(levels)?);
            Some(())
        })?;
        Some(format!("[{}]", items.join(",")))
    }

    fn dictionary(&mut self, levels: usize) -> Option<String> {
        let mut members = Vec::new();
        self.items('}', |reader| {
            let key = reader.value(levels)?;
            reader.skip(':')?;
            let key = if key.starts_with('"') { key } else { quote(&key) };
            members.push(format!("{key}:{}", reader.value(levels)?));
            Some(())
        })?;
        Some(format!("{{{}}}", members.join(",")))
    }

    /// A word, or an object that is written as a call.
    fn named(&mut self, levels: usize) -> Option<String> {
        let start = self.at;
        let name = self.word(|character| character.is_alphanumeric() || "_.".contains(character));
        if !self.rest().starts_with('(') {
            return match name {
                "None" => Some("null".to_owned()),
                "True" => Some("true".to_owned()),
                "False" => Some("false".to_owned()),
                "nan" | "inf" => Some(quote(name)),
                _ => None,
            };
        }
        let mut members = Vec::new();
        let mut plain = Vec::new();
        self.items(')', |reader| {
            let before = reader.at;
            let key =
                reader.peek().map(|_| reader.word(|character| character.is_alphanumeric() || character == '_'))?;
            if !key.is_empty() && reader.rest().starts_with('=') {
                reader.at += 1;
                members.push(format!("{}:{}", quote(key), reader.value(levels)?));
            } else {
                reader.at = before;
                plain.push(reader.value(levels)?);
            }
            Some(())
        })?;
        let wrapper = name.starts_with("np.") || matches!(name, "Decimal" | "UUID" | "Path" | "PosixPath");
        Some(match plain.as_slice() {
            [] => format!("{{{}}}", members.join(",")),
            [only] if wrapper => only.clone(),
            // What has no names for its parts (`datetime.date(2026, 1, 2)`) stays as it is written.
            _ => quote(&self.text[start..self.at]),
        })
    }

    fn string(&mut self) -> Option<String> {
        let mut out = String::new();
        let mut characters = self.rest().char_indices();
        let (_, mark) = characters.next()?;
        while let Some((place, character)) = characters.next() {
            match character {
                '\\' => match characters.next()?.1 {
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    't' => out.push('\t'),
                    'x' => out.push(code(&mut characters, 2)?),
                    'u' => out.push(code(&mut characters, 4)?),
                    'U' => out.push(code(&mut characters, 8)?),
                    other => out.push(other),
                },
                _ if character == mark => {
                    self.at += place + 1;
                    return Some(out);
                }
                _ => out.push(character),
            }
        }
        None
    }
}

fn code(characters: &mut std::str::CharIndices<'_>, digits: usize) -> Option<char> {
    let text: String = characters.by_ref().take(digits).map(|(_, character)| character).collect();
    let code = u32::from_str_radix(&text, 16).ok()?;
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(to_json(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn literals_become_json() {
        check(r#"[{'a': None, "b": True, 3: (1, -2.5e3,)}]"#, Some(r#"[{"a":null,"b":true,"3":[1,-2.5e3]}]"#));
        check(r#"'it\'s\n\x41\u00e9 "x"'"#, Some(r#""it's\nAé \"x\"""#));
        check("Doc(id='1', meta={})", Some(r#"{"id":"1","meta":{}}"#));
        check("[(Doc(a='b'), 0.5)]", Some(r#"[[{"a":"b"},0.5]]"#));
        check("[np.float64(0.25), UUID('1-2')]", Some(r#"[0.25,"1-2"]"#));
        check("{'d': datetime.date(2026, 1, 2), 'e': inf}", Some(r#"{"d":"datetime.date(2026, 1, 2)","e":"inf"}"#));
        for text in ["", "plain text", "[1, 2", "{'a'}", "<object at 0x1>", "f(", "['a' 'b']", "1 2", "'a"] {
            check(text, None);
        }
        check(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)), None);
    }

    #[test]
    fn whatever_comes_is_read_without_harm() {
        proptest!(|(text in r#"[\[\](){}'",:=a\\xu0-9 .é-]{0,40}"#)| {
            if let Some(json) = to_json(&text) {
                prop_assert!(Json::parse_text(&json).is_ok(), "{}", json);
            }
        });
    }
}
