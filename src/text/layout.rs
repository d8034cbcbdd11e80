//! JSON laid out for readers: on one line where it is short, else a member a line.

use super::json::{Json, Kind, Ref, quote};

/// JSON text without the spaces between its values.
#[must_use]
pub fn compact(raw: &[u8]) -> String {
    let mut out = Vec::with_capacity(raw.len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in raw {
        if in_string {
            out.push(byte);
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
        } else if !byte.is_ascii_whitespace() {
            in_string = byte == b'"';
            out.push(byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Lines that say what a text says: JSON laid out within `width` characters, other text as it is.
///
/// The same value gives the same lines, however it was spaced. Objects keep the order of their members.
#[must_use]
pub fn lines(text: &str, width: usize) -> Vec<String> {
    match Json::parse_text(text) {
        Ok(json) if matches!(json.root().kind(), Kind::Object | Kind::Array) => value(json.root(), width),
        _ => text.lines().map(str::to_owned).collect(),
    }
}

/// Deepest value that gets lines of its own.
const DEEPEST: usize = 40;

fn value(root: Ref<'_>, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    write(root, "", 0, width, &mut out);
    out
}

fn write(value: Ref<'_>, head: &str, depth: usize, width: usize, out: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let whole = spaced(value);
    let (open, close) = if value.kind() == Kind::Object { ("{", "}") } else { ("[", "]") };
    let container = matches!(value.kind(), Kind::Object | Kind::Array) && !value.is_empty();
    if !container || depth > DEEPEST || indent.len() + head.chars().count() + whole.chars().count() <= width {
        out.push(format!("{indent}{head}{whole}"));
        return;
    }
    out.push(format!("{indent}{head}{open}"));
    for member in value.items() {
        let head = key(member).map(|key| format!("{key}: ")).unwrap_or_default();
        write(member, &head, depth + 1, width, out);
        if member.next().is_some()
            && let Some(last) = out.last_mut()
        {
            last.push(',');
        }
    }
    out.push(format!("{indent}{close}"));
}

fn key(member: Ref<'_>) -> Option<String> {
    member.key().map(|key| quote(&String::from_utf8_lossy(&key)))
}

/// A value on one line, with a space after `:` and `,`.
fn spaced(value: Ref<'_>) -> String {
    let raw = compact(value.raw());
    let mut out = String::with_capacity(raw.len() + 16);
    let (mut in_string, mut escaped) = (false, false);
    for letter in raw.chars() {
        out.push(letter);
        if in_string {
            (in_string, escaped) = (escaped || letter != '"', !escaped && letter == '\\');
        } else if letter == '"' {
            in_string = true;
        } else if matches!(letter, ':' | ',') {
            out.push(' ');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_alike_however_it_is_spaced() {
        let check = |text: &str, width: usize, expected: &[&str]| assert_eq!(lines(text, width), expected, "{text}");
        check(r#"{"a":1, "b":[ 1,2 ],"c": "x: \"y\", z"}"#, 80, &[r#"{"a": 1, "b": [1, 2], "c": "x: \"y\", z"}"#]);
        check("{\"a\":\n1,\"bb\":[1,{}]}", 12, &["{", "  \"a\": 1,", "  \"bb\": [", "    1,", "    {}", "  ]", "}"]);
        check("no\njson {", 4, &["no", "json {"]);
        check("12", 4, &["12"]);
        check("", 4, &[]);
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(lines(&deep, 20).len() < 200);
    }
}
