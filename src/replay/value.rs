//! What stands at a path of a node, in the words of `--set`.

use std::borrow::Cow;

use super::change::{Error, missing, request, unary_answer};
use crate::lineage;
use crate::model::{Answer, Detail, Document, Node, NodeId, Run, Usage};
use crate::text::json::{Json, Path, Ref, Step, quote};
use crate::wire::Side;

/// The value at a path of a node: of text the text, of anything else its JSON. Besides what `--set` takes,
/// `name`, `kind`, `error`, `finish`, `usage`, `request` and `response` can be read.
///
/// # Errors
/// There is no such node, or it has nothing there.
pub fn value(run: &Run, id: NodeId, path: &Path) -> Result<String, Error> {
    let node = run.graph.node(id).ok_or_else(|| Error::Node {
        run: run.id.to_string(),
        node: id.0,
        last: run.graph.nodes().last().map_or(0, |node| node.id.0),
    })?;
    let Some((Step::Key(first), rest)) = path.0.split_first() else { return Err(missing(node, path)) };
    let rest = Path(rest.to_vec());
    let found = match first.as_str() {
        "request" | "response" => body(run, node, first).and_then(|body| inside(&body, &rest)),
        "name" | "kind" | "error" | "finish" | "usage" => {
            plain(node, first).and_then(|text| if rest.0.is_empty() { Some(text) } else { inside(&text, &rest) })
        }
        _ => match &node.detail {
            Detail::Call { .. } => return of_call(run, node, path),
            Detail::Tool(tool) => match first.as_str() {
                "arguments" => inside(&tool.arguments, &rest),
                "result" => tool.result.as_deref().and_then(|result| inside(result, &rest)),
                "call_id" if rest.0.is_empty() => Some(tool.call_id.clone()),
                "documents" => document(&tool.documents, &rest),
                _ => None,
            },
            Detail::Block(block) => match first.as_str() {
                "input" => inside(&block.input, &rest),
                "output" => block.output.as_deref().and_then(|output| inside(output, &rest)),
                "documents" => document(&block.documents, &rest),
                _ => None,
            },
            Detail::Http { method, target, status } => match (first.as_str(), rest.0.is_empty()) {
                ("method", true) => Some(method.clone()),
                ("target", true) => Some(target.clone()),
                ("status", true) => status.map(|status| status.to_string()),
                _ => None,
            },
        },
    };
    found.ok_or_else(|| missing(node, path))
}

/// Fields of a node that a change can name, with what stands there: inputs first, each once.
#[must_use]
pub fn editable(run: &Run, id: NodeId) -> Vec<(String, String)> {
    let Some(node) = run.graph.node(id) else { return Vec::new() };
    let fields = lineage::fields(node);
    let model = match &node.detail {
        Detail::Call { prompt, .. } => prompt.model.clone().map(|model| ("model".to_owned(), model)),
        _ => None,
    };
    let owned = |field: lineage::Field<'_>| (field.path, field.text.into_owned());
    let inputs = fields.inputs.into_iter().map(owned);
    let outputs = fields.outputs.into_iter().map(owned);
    let mut found: Vec<(String, String)> = Vec::new();
    for (path, text) in inputs.chain(model).chain(outputs) {
        if !found.iter().any(|(known, _)| *known == path) {
            found.push((path, text));
        }
    }
    found
}

/// A field of a model call: where it stands on the wire, else as it was understood.
fn of_call(run: &Run, node: &Node, path: &Path) -> Result<String, Error> {
    let wire = match crate::wire::side(path) {
        Side::Request => request(run, node).map(|(dialect, body)| (dialect, body, Side::Request)),
        Side::Answer => {
            request(run, node).zip(unary_answer(run, node)).map(|((dialect, _), body)| (dialect, body, Side::Answer))
        }
    };
    if let Some((dialect, body, side)) = &wire
        && let Some(found) = dialect.get(*side, body, path)
    {
        return Ok(found);
    }
    if let Some(found) = understood(node, path) {
        return Ok(found);
    }
    match wire {
        Some((dialect, body, side)) => Err(match dialect.locate(side, &body, path) {
            Err(reason) => Error::Refused { node: node.id, reason: reason.to_string() },
            Ok(_) => missing(node, path),
        }),
        None => Err(missing(node, path)),
    }
}

/// A field of a model call that is read off what was understood of it.
fn understood(node: &Node, path: &Path) -> Option<String> {
    let Detail::Call { prompt, reply, .. } = &node.detail else { return None };
    let written = path.to_string();
    match path.0.as_slice() {
        [Step::Key(key)] if key == "model" => prompt.model.clone().or_else(|| reply.model.clone()),
        [Step::Key(key), Step::Index(place), rest @ ..] if key == "tool_calls" => {
            let call = reply.tool_calls().nth(*place)?;
            match rest {
                [] => Some(format!("{{\"name\":{},\"arguments\":{}}}", quote(&call.name), call.arguments)),
                [Step::Key(key)] if key == "name" => Some(call.name.clone()),
                [Step::Key(key)] if key == "id" => Some(call.id.clone()),
                [Step::Key(key), inner @ ..] if key == "arguments" => inside(&call.arguments, &Path(inner.to_vec())),
                _ => None,
            }
        }
        _ => {
            let fields = lineage::fields(node);
            let all = fields.inputs.into_iter().chain(fields.outputs);
            all.into_iter().find(|field| field.path == written).map(|field| field.text.into_owned())
        }
    }
}

/// What `show` says of every node.
fn plain(node: &Node, name: &str) -> Option<String> {
    match name {
        "name" => Some(node.name.clone()),
        "kind" => Some(node.kind.as_str().to_owned()),
        "error" => node.error.clone(),
        "finish" | "usage" => match &node.detail {
            Detail::Call { reply, .. } if name == "finish" => reply.finish.clone(),
            Detail::Call { reply, .. } => Some(usage(&reply.usage)),
            _ => None,
        },
        _ => None,
    }
}

/// Tokens as JSON; what is unknown is left out.
fn usage(usage: &Usage) -> String {
    let members: Vec<String> = [
        ("input", usage.input),
        ("output", usage.output),
        ("cached", usage.cached),
        ("cache_written", usage.cache_written),
        ("reasoning", usage.reasoning),
    ]
    .iter()
    .filter_map(|(name, number)| number.map(|number| format!("\"{name}\":{number}")))
    .collect();
    format!("{{{}}}", members.join(","))
}

/// The body of one side of a call; of a stream the answer that a call without streaming gets.
fn body(run: &Run, node: &Node, side: &str) -> Option<String> {
    let call = run.calls.get(&node.seq?)?;
    let bytes = if side == "request" {
        call.request.body.clone()
    } else {
        match unary_answer(run, node) {
            Some(json) => json.bytes().clone(),
            None => call.answer.as_ref().map(Answer::body)?,
        }
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What stands at a path inside text that is JSON, or the whole text.
fn inside(text: &str, path: &Path) -> Option<String> {
    if path.0.is_empty() {
        return Some(text.to_owned());
    }
    Json::parse_text(text).ok()?.root().find(path).map(shown)
}

fn shown(value: Ref<'_>) -> String {
    value.as_str().map_or_else(|| value.raw_str().into_owned(), Cow::into_owned)
}

fn document(documents: &[Document], path: &Path) -> Option<String> {
    let [Step::Index(place), rest @ ..] = path.0.as_slice() else {
        return path.0.is_empty().then(|| {
            let texts: Vec<&str> = documents.iter().map(|document| document.text.as_str()).collect();
            texts.join("\n")
        });
    };
    let document = documents.get(*place)?;
    match rest {
        [] => Some(document.text.clone()),
        [Step::Key(key)] if key == "text" => Some(document.text.clone()),
        [Step::Key(key)] if key == "id" => document.id.clone(),
        [Step::Key(key)] if key == "score" => document.score.clone(),
        [Step::Key(key), inner @ ..] if key == "metadata" => {
            inside(document.metadata.as_deref()?, &Path(inner.to_vec()))
        }
        _ => None,
    }
}
