//! JSON compared by value: hashes that ignore what does not matter, and differences by path.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use similar::{Algorithm, capture_diff_slices};

use super::assign::{hash, in_order};
use super::{ChangeKind, content};
use crate::text::decimal;
use crate::text::json::{Json, Kind, Ref, Step};

/// How deep JSON inside strings of JSON is read.
const LEVELS: usize = 3;
/// Items of two lists together up to which they are aligned; longer ones are compared place by place.
const ITEMS: usize = 20_000;

/// A document and the hash of each of its values: key order, spacing and spelling of numbers aside.
pub(super) struct Hashed {
    json: Json,
    hashes: Vec<u64>,
}

/// Reads text that is a JSON object or list.
pub(super) fn read(text: &str) -> Option<Hashed> {
    nested(text, LEVELS)
}

fn nested(text: &str, levels: usize) -> Option<Hashed> {
    let start = text.trim_start().as_bytes().first()?;
    if levels == 0 || !matches!(start, b'{' | b'[') {
        return None;
    }
    let json = Json::parse_text(text).ok()?;
    let mut order = Vec::new();
    let mut waiting = vec![json.root()];
    while let Some(value) = waiting.pop() {
        order.push(value);
        waiting.extend(value.items());
    }
    let size = order.iter().map(|value| value.index() as usize + 1).max().unwrap_or_default();
    let mut hashes = vec![0; size];
    // Containers come before what they hold, so the other way round all that is held is known.
    for value in order.iter().rev() {
        hashes[value.index() as usize] = hash_value(*value, &hashes, levels);
    }
    Some(Hashed { json, hashes })
}

fn hash_value(value: Ref<'_>, hashes: &[u64], levels: usize) -> u64 {
    let mut sum = DefaultHasher::new();
    match value.kind() {
        Kind::Object => {
            let mut members: Vec<_> =
                value.items().map(|member| (member.key(), hashes[member.index() as usize])).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            ("object", members).hash(&mut sum);
        }
        Kind::Array => {
            let items: Vec<u64> = value.items().map(|item| hashes[item.index() as usize]).collect();
            ("list", items).hash(&mut sum);
        }
        Kind::String => match value.as_str().and_then(|text| nested(&text, levels - 1)) {
            Some(inner) => ("inner", inner.root()).hash(&mut sum),
            None => ("text", value.as_bytes()).hash(&mut sum),
        },
        Kind::Number => ("number", decimal::normal(value.raw())).hash(&mut sum),
        Kind::Bool | Kind::Null => value.raw().hash(&mut sum),
    }
    sum.finish()
}

impl Hashed {
    /// Hash of the whole document.
    pub(super) fn root(&self) -> u64 {
        self.hashes[0]
    }

    fn of(&self, value: Ref<'_>) -> u64 {
        self.hashes[value.index() as usize]
    }
}

/// Differences of two documents that stand at a path.
pub(super) fn diff(base: &str, left: &Hashed, right: &Hashed) -> Vec<(String, ChangeKind)> {
    let mut out = Vec::new();
    let mut waiting = vec![(left.json.root(), right.json.root())];
    while let Some((a, b)) = waiting.pop() {
        if left.of(a) == right.of(b) {
            continue;
        }
        let mut next = Vec::new();
        match (a.kind(), b.kind()) {
            (Kind::Object, Kind::Object) => members(base, a, b, &mut next, &mut out),
            (Kind::Array, Kind::Array) => items(base, (left, a), (right, b), &mut next, &mut out),
            (Kind::String, Kind::String) => strings(&place(base, a), a, b, &mut out),
            _ => out.push((place(base, a), ChangeKind::Value { left: raw(a), right: raw(b) })),
        }
        waiting.extend(next.into_iter().rev());
    }
    out
}

type Pairs<'a> = Vec<(Ref<'a>, Ref<'a>)>;
type Found = Vec<(String, ChangeKind)>;

fn members<'a>(base: &str, a: Ref<'a>, b: Ref<'a>, next: &mut Pairs<'a>, out: &mut Found) {
    // The k-th of several members with one key belongs to the k-th.
    let mut rights: HashMap<_, std::collections::VecDeque<Ref<'a>>> = HashMap::new();
    for member in b.items() {
        rights.entry(member.key()).or_default().push_back(member);
    }
    for member in a.items() {
        match rights.get_mut(&member.key()).and_then(std::collections::VecDeque::pop_front) {
            Some(other) => next.push((member, other)),
            None => out.push((place(base, member), ChangeKind::Removed(raw(member)))),
        }
    }
    let mut added: Vec<Ref<'_>> = rights.into_values().flatten().collect();
    added.sort_by_key(|member| member.index());
    out.extend(added.into_iter().map(|member| (place(base, member), ChangeKind::Added(raw(member)))));
}

fn items<'a>(
    base: &str,
    (left, a): (&Hashed, Ref<'a>),
    (right, b): (&Hashed, Ref<'a>),
    next: &mut Pairs<'a>,
    out: &mut Found,
) {
    let (lefts, rights): (Vec<Ref<'a>>, Vec<Ref<'a>>) = (a.items().collect(), b.items().collect());
    let gaps = if lefts.len() + rights.len() > ITEMS {
        vec![(0..lefts.len(), 0..rights.len())]
    } else {
        let hashes = |side: &Hashed, items: &[Ref<'_>]| items.iter().map(|item| side.of(*item)).collect::<Vec<_>>();
        content::gaps(&capture_diff_slices(Algorithm::Myers, &hashes(left, &lefts), &hashes(right, &rights)))
    };
    for (old, new) in gaps {
        let (from, to) = (old.start, new.start);
        let pairs = in_order(old.len(), new.len(), |x, y| likeness(left, lefts[from + x], right, rights[to + y]));
        let mut missing: Vec<usize> = old.collect();
        let mut extra: Vec<usize> = new.collect();
        for (x, y) in pairs {
            next.push((lefts[from + x], rights[to + y]));
            missing.retain(|at| *at != from + x);
            extra.retain(|at| *at != to + y);
        }
        out.extend(missing.into_iter().map(|at| (place(base, lefts[at]), ChangeKind::Removed(raw(lefts[at])))));
        out.extend(extra.into_iter().map(|at| (place(base, rights[at]), ChangeKind::Added(raw(rights[at])))));
    }
}

/// How alike two items of lists are: the share of equal members, never 0 for the same kind.
#[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
fn likeness(left: &Hashed, a: Ref<'_>, right: &Hashed, b: Ref<'_>) -> f32 {
    if a.kind() != b.kind() {
        return 0.0;
    }
    let parts = |side: &Hashed, value: Ref<'_>| {
        let mut parts: Vec<u64> = value.items().map(|item| hash((item.key(), side.of(item)))).collect();
        parts.sort_unstable();
        parts
    };
    let (lefts, rights) = (parts(left, a), parts(right, b));
    let both = lefts.iter().filter(|part| rights.binary_search(part).is_ok()).count();
    0.1 + both as f32 / (lefts.len().max(rights.len()).max(1)) as f32
}

fn strings(path: &str, a: Ref<'_>, b: Ref<'_>, out: &mut Found) {
    let (left, right) = (a.as_str().unwrap_or_default(), b.as_str().unwrap_or_default());
    if let (Some(left), Some(right)) = (read(&left), read(&right)) {
        out.extend(diff(path, &left, &right));
        return;
    }
    out.push((path.to_owned(), content::text_change(&left, &right, || (raw(a), raw(b)))));
}

fn raw(value: Ref<'_>) -> String {
    value.raw_str().into_owned()
}

/// The path of a value within a document that stands at `base`.
fn place(base: &str, value: Ref<'_>) -> String {
    let path = value.path();
    match path.0.first() {
        None => base.to_owned(),
        Some(_) if base.is_empty() => path.to_string(),
        Some(Step::Key(_)) if !path.to_string().starts_with('[') => format!("{base}.{path}"),
        Some(_) => format!("{base}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: &str, right: &str, expected: &str) {
        let (left, right) = (read(left).expect("JSON"), read(right).expect("JSON"));
        let found: Vec<String> = diff("a", &left, &right)
            .into_iter()
            .map(|(path, kind)| match kind {
                ChangeKind::Value { left, right } => format!("{path} {left} -> {right}"),
                ChangeKind::Text(diff) => format!("{path} words, {}% alike", diff.alike),
                ChangeKind::Added(text) => format!("{path} + {text}"),
                ChangeKind::Removed(text) => format!("{path} - {text}"),
            })
            .collect();
        assert_eq!(found.join("; "), expected);
        assert_eq!(left.root() == right.root(), expected.is_empty());
    }

    #[test]
    fn differences_have_paths() {
        for (left, right, expected) in [
            (r#"{"a":1,"b":[1,2]}"#, r#"{ "b":[1.0,2e0], "a":1 }"#, ""),
            (r#"{"price":49.99}"#, r#"{"price":4999}"#, "a.price 49.99 -> 4999"),
            (r#"{"a":1,"x.y":2}"#, r#"{"a":1,"c":null}"#, r#"a["x.y"] - 2; a.c + null"#),
            ("[1,2,3,4]", "[1,3,4,5]", "a[1] - 2; a[3] + 5"),
            (
                r#"[{"id":1,"n":"x"},{"id":2,"n":"y"}]"#,
                r#"[{"id":2,"n":"z"}]"#,
                r#"a[0] - {"id":1,"n":"x"}; a[1].n "y" -> "z""#,
            ),
            (r#"{"d":1,"d":2}"#, r#"{"d":1,"d":3}"#, "a.d 2 -> 3"),
            (r#"{"t":"{\"x\": 1, \"y\": [2]}"}"#, r#"{"t":"{\"y\":[2],\"x\":1}"}"#, ""),
            (r#"{"t":"{\"x\": 1}"}"#, r#"{"t":"{\"x\": 2}"}"#, "a.t.x 1 -> 2"),
            (r#"["a longer text of many words"]"#, r#"["a longer text of other words"]"#, "a[0] words, 82% alike"),
            (
                r#"{"n":12345678901234567890}"#,
                r#"{"n":12345678901234567891}"#,
                "a.n 12345678901234567890 -> 12345678901234567891",
            ),
            ("[1]", r#"{"a":1}"#, r#"a [1] -> {"a":1}"#),
        ] {
            check(left, right, expected);
        }
    }

    #[test]
    fn any_depth_can_be_compared() {
        let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(50_000), "]".repeat(50_000));
        let (left, right) = (read(&deep("1")).expect("JSON"), read(&deep("2")).expect("JSON"));
        assert_eq!(diff("", &left, &right).len(), 1);
        assert!(read("plain").is_none() && read("12").is_none() && read("{").is_none());
    }
}
