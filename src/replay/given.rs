//! Edits of what an announced node is given instead of running.

use bytes::Bytes;

use super::change::set_in_text;
use crate::proxy::Given;
use crate::text::json::{Json, Path, Step, quote};

/// Sets a field of what is given: `output…`, `documents[i]…`, `result…` or `error`.
pub(super) fn edit(given: &mut Given, path: &Path, old: Option<&str>, value: &str) {
    let [Step::Key(field), rest @ ..] = path.0.as_slice() else { return };
    let rest = Path(rest.to_vec());
    match field.as_str() {
        "documents" => {
            set(&mut given.documents, &rest, value);
            // What the agent's code got as its output carries the same text.
            if let Some(old) = old {
                replace(&mut given.output, old, value);
            }
        }
        "output" | "result" => set(&mut given.output, &rest, value),
        "error" => given.error = (!value.is_empty()).then(|| value.to_owned()),
        _ => {}
    }
}

fn set(body: &mut Bytes, path: &Path, value: &str) {
    let text = String::from_utf8_lossy(body).into_owned();
    if path.0.is_empty() {
        let is_text = Json::parse_text(&text).is_ok_and(|json| json.root().as_str().is_some());
        let plain = is_text || Json::parse_text(value).is_err();
        *body = if plain { quote(value).into() } else { value.to_owned().into() };
        return;
    }
    // A document may be a plain text instead of an object with `text`.
    let inner = set_in_text(&text, path, value).or_else(|| {
        let (last, outer) = path.0.split_last()?;
        (*last == Step::Key("text".into())).then(|| set_in_text(&text, &Path(outer.to_vec()), value))?
    });
    if let Some(inner) = inner {
        *body = inner.into();
    }
}

fn replace(body: &mut Bytes, old: &str, new: &str) {
    let Ok(json) = Json::parse(body.clone()) else { return };
    let mut edits = Vec::new();
    let mut stack = vec![json.root()];
    while let Some(value) = stack.pop() {
        if value.as_str().as_deref() == Some(old) {
            edits.push(crate::text::json::Edit { span: value.span(), with: quote(new).into_bytes() });
        }
        stack.extend(value.items());
    }
    if !edits.is_empty() {
        *body = json.splice(edits).into();
    }
}
