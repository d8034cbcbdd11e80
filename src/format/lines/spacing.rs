//! The white space of a JSON body: what its values do not say, so that a reader gets back the bytes of the wire.
//!
//! A writer spaces by a rule: so much after a comma, after a colon, within brackets. The rule is kept and the places that
//! break it; the values stay as they are, so that they can be said once and compared in a diff.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::text::json::{Json, Ref, quote, string_end, unmarked};

/// White space longer than this is no rule, in characters.
const LONGEST: usize = 64;

/// A body may grow by this factor when its white space is put back, and by [`ROOM`]; a text that would grow more is
/// kept as it is. A file from elsewhere cannot ask for more memory than that.
const GROWTH: usize = 64;

/// Bytes that a short body may grow by.
const ROOM: usize = 4096;

/// Where white space stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After the opening of a container that is not empty.
    Open,
    /// After a comma.
    Comma,
    /// Before a colon.
    Key,
    /// After a colon.
    Colon,
    /// Before the end of a container that is not empty.
    Close,
    /// Anywhere else.
    Other,
}

/// How a writer spaces. White space that ends in a line feed is followed by the indentation of its depth.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rule {
    open: Option<String>,
    comma: Option<String>,
    key: Option<String>,
    colon: Option<String>,
    close: Option<String>,
    /// Indentation of one level.
    unit: String,
}

impl Rule {
    fn slot(&mut self, place: Place) -> Option<&mut Option<String>> {
        match place {
            Place::Open => Some(&mut self.open),
            Place::Comma => Some(&mut self.comma),
            Place::Key => Some(&mut self.key),
            Place::Colon => Some(&mut self.colon),
            Place::Close => Some(&mut self.close),
            Place::Other => None,
        }
    }

    /// Learns from white space in a place that was not met before.
    fn learn(&mut self, place: Place, depth: usize, space: &str) {
        let line = space.rfind('\n').map_or(0, |at| at + 1);
        if line > 0 && depth == 1 && self.unit.is_empty() {
            space[line..].clone_into(&mut self.unit);
        }
        if let Some(slot @ None) = self.slot(place) {
            *slot = Some(if line > 0 { &space[..line] } else { space }.to_owned());
        }
    }

    /// Writes the white space that the rule has for a place.
    fn write(&mut self, place: Place, depth: usize, out: &mut String) {
        let Some(Some(space)) = self.slot(place).cloned() else { return };
        out.push_str(&space);
        if space.ends_with('\n') {
            (0..depth).for_each(|_| out.push_str(&self.unit));
        }
    }
}

/// Walks over JSON text and tells each token: the place and the depth of the white space before it, that, and itself.
/// Returns where the last one ends.
fn walk(text: &str, mut tell: impl FnMut(Place, usize, &str, &str)) -> usize {
    let bytes = text.as_bytes();
    let mut at = bytes.len() - unmarked(bytes).len();
    let (mut depth, mut before, mut end) = (0_usize, None, 0);
    loop {
        let start = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let Some(first) = bytes.get(start).copied() else { return end };
        at = start + token(&bytes[start..]);
        let closes = matches!(first, b'}' | b']');
        depth = depth.saturating_sub(usize::from(closes));
        let place = match (before, closes) {
            (Some(b'{' | b'['), true) => Place::Other,
            (Some(b'{' | b'['), false) => Place::Open,
            (_, true) => Place::Close,
            (Some(b','), _) => Place::Comma,
            (Some(b':'), _) => Place::Colon,
            _ if first == b':' => Place::Key,
            _ => Place::Other,
        };
        tell(place, depth, &text[end..start], &text[start..at]);
        depth += usize::from(matches!(first, b'{' | b'['));
        (before, end) = (Some(first), at);
    }
}

/// Length of the token that a text begins with.
fn token(text: &[u8]) -> usize {
    match text[0] {
        b'"' => string_end(text, 0).unwrap_or(text.len()),
        b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
        _ => {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b"{}[],:\"".contains(byte);
            text.iter().position(ends).unwrap_or(text.len())
        }
    }
}

/// The white space of a JSON text as a member of a line; nothing where it has none, and `None` where there are so many
/// exceptions that the text itself is shorter.
pub(super) fn write(text: &str, compact: &str) -> Option<String> {
    if text == compact {
        return Some(String::new());
    }
    let mut rule = Rule::default();
    let (mut number, mut before, mut exceptions, mut expected) = (0, "", String::new(), String::new());
    let end = walk(text, |place, depth, space, _| {
        number += 1;
        if number == 1 {
            before = &text[..space.len()];
            return;
        }
        rule.learn(place, depth, space);
        expected.clear();
        rule.write(place, depth, &mut expected);
        if expected != space {
            let comma = if exceptions.is_empty() { "" } else { "," };
            let _ = write!(exceptions, "{comma}[{number},{}]", quote(space));
        }
    });
    let mut members = Vec::new();
    let named = [
        ("before", Some(before)),
        ("open", rule.open.as_deref()),
        ("comma", rule.comma.as_deref()),
        ("key", rule.key.as_deref()),
        ("colon", rule.colon.as_deref()),
        ("close", rule.close.as_deref()),
        ("unit", Some(rule.unit.as_str())),
        ("after", Some(&text[end..])),
    ];
    for (name, space) in named {
        members.extend(space.filter(|space| !space.is_empty()).map(|space| format!("\"{name}\":{}", written(space))));
    }
    if !exceptions.is_empty() {
        members.push(format!("\"but\":[{exceptions}]"));
    }
    let member = format!(",\"spaces\":{{{}}}", members.join(","));
    let json = Json::parse_text(&member[",\"spaces\":".len()..]).ok()?;
    let again = read(json.root(), compact).ok()?;
    (again == text && exceptions.len() <= compact.len()).then_some(member)
}

/// White space as a JSON string in which all of it can be seen.
fn written(space: &str) -> String {
    quote(space).replace('\u{feff}', "\\ufeff")
}

/// A compact JSON text with its white space.
pub(super) fn read(spaces: Ref<'_>, compact: &str) -> Result<String, String> {
    let space = |value: Ref<'_>| -> Result<String, String> {
        let text = value.as_str().ok_or("`spaces` holds what is no text")?.into_owned();
        let is_space = text.chars().all(|char| matches!(char, ' ' | '\t' | '\n' | '\r' | '\u{feff}'));
        if is_space { Ok(text) } else { Err("`spaces` holds what is no white space".to_owned()) }
    };
    let named = |name: &str| spaces.get(name).map(space).transpose();
    let mut rule = Rule {
        open: named("open")?,
        comma: named("comma")?,
        key: named("key")?,
        colon: named("colon")?,
        close: named("close")?,
        unit: named("unit")?.unwrap_or_default(),
    };
    let all = [&rule.open, &rule.comma, &rule.key, &rule.colon, &rule.close, &Some(rule.unit.clone())];
    if all.into_iter().flatten().any(|space| space.len() > LONGEST) {
        return Err("`spaces` holds too long a rule".to_owned());
    }
    let mut exceptions = HashMap::new();
    for item in spaces.get("but").into_iter().flat_map(Ref::items) {
        let wrong = || "`but` is no list of places and white space".to_owned();
        let place = item.at(0).and_then(Ref::as_u64).ok_or_else(wrong)?;
        exceptions.insert(place, space(item.at(1).ok_or_else(wrong)?)?);
    }
    let most = compact.len() * GROWTH + ROOM;
    let mut out = named("before")?.unwrap_or_default();
    let mut number = 0;
    walk(compact, |place, depth, _, token| {
        number += 1;
        if out.len() > most {
            return;
        }
        match exceptions.get(&number) {
            Some(space) => out.push_str(space),
            None if number == 1 => {}
            None => rule.write(place, depth, &mut out),
        }
        out.push_str(token);
    });
    if out.len() > most {
        return Err("`spaces` makes too long a text".to_owned());
    }
    out.push_str(&named("after")?.unwrap_or_default());
    Ok(out)
}
