//! Changes: what a replay does differently, and what each one touches.

use bytes::Bytes;

use super::parameters;
use crate::lineage;
use crate::model::event::Seq;
use crate::model::{Detail, Node, NodeId, Run};
use crate::text::json::{Json, Path, Step};
use crate::wire::{self, Dialect, Side};

/// How far a change to an input reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// From its node on for the rest of the conversation.
    #[default]
    Conversation,
    /// Its node only.
    Once,
    /// Every request that carries the replaced part.
    Everywhere,
}

/// A change as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The node.
    pub node: NodeId,
    /// Field of the node.
    pub path: Path,
    /// The new value: text, or JSON where the old value is no text.
    pub value: String,
}

/// A change that was held against the recording.
#[derive(Debug, Clone)]
pub struct Change {
    /// What was asked for.
    pub wanted: Wanted,
    /// The value it replaces, as text.
    pub old: Option<String>,
    /// What it touches.
    pub target: Target,
}

/// What a change touches.
#[derive(Debug, Clone)]
pub enum Target {
    /// Part of a request.
    Input,
    /// Part of an answer.
    Answer,
    /// The result of a tool, wherever its call id stands.
    Result {
        /// Id of the call.
        call_id: String,
        /// The exchange whose answer asked for it, and the place of the call there.
        made_by: Option<(Seq, usize)>,
        /// Announced node that gives the result, where there is one.
        announced: Option<Seq>,
    },
    /// What an announced node gives.
    Given(Seq),
}

/// Why a change cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--set` was written wrongly.
    #[error("`{0}` is no change")]
    Syntax(String),
    /// The path of a change stops being one.
    #[error("`{path}` is no path: it breaks at character {at}")]
    Path {
        /// The path as it was written.
        path: String,
        /// Where it breaks, from 1.
        at: usize,
    },
    /// There is no such node.
    #[error("run `{run}` has no node `{node}`; its nodes are 1 to {last}")]
    Node {
        /// The run.
        run: String,
        /// The node that was asked for.
        node: u32,
        /// Highest number there is.
        last: u32,
    },
    /// The node has nothing there.
    #[error("node {node} has no `{path}`{}", if fields.is_empty() { String::new() } else { format!("; it has {fields}") })]
    Field {
        /// The node.
        node: NodeId,
        /// The path that was asked for.
        path: String,
        /// What it has.
        fields: String,
    },
    /// The dialect says why not.
    #[error("node {node}: {reason}")]
    Refused {
        /// The node.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// The dialect has no such parameter.
    #[error("node {node}: `{path}` is no parameter of {dialect}{}", meant.as_ref().map_or(String::new(), |meant| format!("; did you mean `{meant}`?")))]
    Unknown {
        /// The node.
        node: NodeId,
        /// The path.
        path: String,
        /// The dialect.
        dialect: &'static str,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The value is of another type.
    #[error("node {node}: `{path}` must be {must}, and `{value}` is not")]
    Type {
        /// The node.
        node: NodeId,
        /// The path.
        path: String,
        /// What it must be.
        must: String,
        /// The value.
        value: String,
    },
    /// The new value is the old one.
    #[error("node {node} has this `{path}` already")]
    Same {
        /// The node.
        node: NodeId,
        /// The path.
        path: String,
    },
}

impl Wanted {
    /// Reads `NODE.PATH=VALUE`.
    ///
    /// # Errors
    /// [`Error::Syntax`] or [`Error::Path`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let syntax = || Error::Syntax(text.to_owned());
        let (place, value) = text.split_once('=').ok_or_else(syntax)?;
        let (node, path) = Self::place(place.trim())?;
        Ok(Self { node, path, value: value.to_owned() })
    }

    /// Reads `NODE.PATH`.
    ///
    /// # Errors
    /// [`Error::Syntax`] or [`Error::Path`].
    pub fn place(text: &str) -> Result<(NodeId, Path), Error> {
        let syntax = || Error::Syntax(text.to_owned());
        let (node, path) = text.split_once('.').ok_or_else(syntax)?;
        let node = node.trim().parse().map_err(|_| syntax())?;
        let read = Path::parse(path).map_err(|at| Error::Path { path: path.to_owned(), at: at + 1 })?;
        if read.0.is_empty() {
            return Err(syntax());
        }
        Ok((NodeId(node), read))
    }
}

impl Change {
    /// Holds a change against the recording; `force` lets it set what the provider does not know.
    ///
    /// # Errors
    /// There is no such node or field, or the value is the old one.
    pub fn check(run: &Run, wanted: Wanted, force: bool) -> Result<Self, Error> {
        let node = run.graph.node(wanted.node).ok_or_else(|| Error::Node {
            run: run.id.to_string(),
            node: wanted.node.0,
            last: run.graph.nodes().last().map_or(0, |node| node.id.0),
        })?;
        let change = match &node.detail {
            Detail::Call { .. } => Self::of_call(run, node, wanted, force)?,
            Detail::Tool(tool) => Self::of_tool(run, node, tool, wanted)?,
            Detail::Block(_) => match node.seq {
                Some(seq) => Self::of_block(node, seq, wanted)?,
                None => {
                    return Err(Error::Refused {
                        node: wanted.node,
                        reason:
                            "this retrieval was inferred from the calls around it; change the message that carries \
                                 its documents"
                                .into(),
                    });
                }
            },
            Detail::Http { .. } => Self::of_http(run, node, wanted)?,
        };
        if change.old.as_deref() == Some(change.wanted.value.as_str()) {
            return Err(Error::Same { node: change.wanted.node, path: change.wanted.path.to_string() });
        }
        Ok(change)
    }

    fn of_call(run: &Run, node: &Node, wanted: Wanted, force: bool) -> Result<Self, Error> {
        let (dialect, request) = request(run, node).ok_or_else(|| missing(node, &wanted.path))?;
        if is_answer(&wanted.path) {
            let unary = unary_answer(run, node).ok_or_else(|| Error::Refused {
                node: node.id,
                reason: "it has no whole answer that could be edited".into(),
            })?;
            let old = dialect.get(Side::Answer, &unary, &wanted.path);
            dialect
                .set(Side::Answer, &unary, &wanted.path, &wanted.value)
                .map_err(|error| Error::Refused { node: node.id, reason: error.to_string() })?;
            return Ok(Self { wanted, old, target: Target::Answer });
        }
        let old = dialect.get(Side::Request, &request, &wanted.path);
        dialect
            .set(Side::Request, &request, &wanted.path, &wanted.value)
            .map_err(|error| Error::Refused { node: node.id, reason: error.to_string() })?;
        if !force {
            odd(dialect, node.id, &wanted, old.as_deref(), &request)?;
        }
        Ok(Self { wanted, old, target: Target::Input })
    }

    /// The result of a tool, or its arguments: those are part of the answer that asked for it.
    fn of_tool(run: &Run, node: &Node, tool: &crate::model::Tool, wanted: Wanted) -> Result<Self, Error> {
        match wanted.path.0.first() {
            Some(Step::Key(key)) if key == "result" => {
                let old = tool.result.as_deref().ok_or_else(|| missing(node, &wanted.path))?;
                let inner = Path(wanted.path.0[1..].to_vec());
                let value = set_in_text(old, &inner, &wanted.value).ok_or_else(|| missing(node, &wanted.path))?;
                let announced = node.seq.filter(|_| node.source == crate::model::Source::Announced);
                let target = Target::Result { call_id: tool.call_id.clone(), made_by: node.made_by(), announced };
                let wanted = Wanted { path: Path(vec![Step::Key("result".into())]), value, ..wanted };
                Ok(Self { wanted, old: Some(old.to_owned()), target })
            }
            Some(Step::Key(key)) if key == "documents" && node.seq.is_some() => {
                Self::of_block(node, node.seq.unwrap_or_default(), wanted)
            }
            Some(Step::Key(key)) if key == "documents" => {
                let old = tool.result.as_deref().ok_or_else(|| missing(node, &wanted.path))?;
                let Some((Step::Index(place), rest)) = wanted.path.0.get(1).map(|step| (step, &wanted.path.0[2..]))
                else {
                    return Err(missing(node, &wanted.path));
                };
                let document = tool.documents.get(*place).ok_or_else(|| missing(node, &wanted.path))?;
                if !matches!(rest, [] | [Step::Key(_)])
                    || rest.first().is_some_and(|step| *step != Step::Key("text".into()))
                {
                    return Err(missing(node, &wanted.path));
                }
                let value =
                    replace_text(old, &document.text, &wanted.value).ok_or_else(|| missing(node, &wanted.path))?;
                let target = Target::Result { call_id: tool.call_id.clone(), made_by: node.made_by(), announced: None };
                let wanted = Wanted { path: Path(vec![Step::Key("result".into())]), value, ..wanted };
                Ok(Self { wanted, old: Some(old.to_owned()), target })
            }
            Some(Step::Key(key)) if key == "arguments" || key == "name" => {
                let made_by = node.made_by();
                let asked = made_by.and_then(|(seq, _)| run.graph.nodes().find(|node| node.seq == Some(seq)));
                let (Some((_, number)), Some(asked)) = (made_by, asked) else {
                    return Err(Error::Refused {
                        node: node.id,
                        reason: "no answer contains this call, the agent made it itself".into(),
                    });
                };
                let mut steps = vec![Step::Key("tool_calls".into()), Step::Index(number)];
                steps.extend(wanted.path.0.iter().cloned());
                Self::of_call(run, asked, Wanted { node: asked.id, path: Path(steps), value: wanted.value }, false)
            }
            _ => Err(missing(node, &wanted.path)),
        }
    }

    fn of_block(node: &Node, seq: Seq, wanted: Wanted) -> Result<Self, Error> {
        let (_, outputs) = {
            let fields = lineage::fields(node);
            (fields.inputs, fields.outputs)
        };
        let text = wanted.path.to_string();
        let old = outputs.iter().find(|field| field.path == text).map(|field| field.text.clone().into_owned());
        let known = old.is_some()
            || matches!(wanted.path.0.first(), Some(Step::Key(key)) if key == "documents" || key == "output" || key == "error");
        if !known {
            return Err(missing(node, &wanted.path));
        }
        Ok(Self { wanted, old, target: Target::Given(seq) })
    }

    fn of_http(run: &Run, node: &Node, wanted: Wanted) -> Result<Self, Error> {
        let side = match wanted.path.0.first() {
            Some(Step::Key(key)) if key == "request" => Target::Input,
            Some(Step::Key(key)) if key == "response" => Target::Answer,
            _ => return Err(missing(node, &wanted.path)),
        };
        let call = node.seq.and_then(|seq| run.calls.get(&seq)).ok_or_else(|| missing(node, &wanted.path))?;
        let body = match side {
            Target::Input => call.request.body.clone(),
            _ => call.answer.as_ref().map(crate::model::Answer::body).unwrap_or_default(),
        };
        let json = Json::parse(body).map_err(|error| Error::Refused { node: node.id, reason: error.to_string() })?;
        let inner = Path(wanted.path.0[1..].to_vec());
        let found = json.root().find(&inner).ok_or_else(|| missing(node, &wanted.path))?;
        let old = found.as_str().map_or_else(|| found.raw_str().into_owned(), std::borrow::Cow::into_owned);
        Ok(Self { wanted, old: Some(old), target: side })
    }

    /// Whether it changes a message of a request.
    pub(super) fn is_message(&self) -> bool {
        let names = |key: &str| matches!(key, "messages" | "input" | "inputs");
        matches!(self.wanted.path.0.as_slice(), [Step::Key(key), Step::Index(_), ..] if names(key))
    }

    /// What stands in a request where this change would be made.
    pub(super) fn stands(&self, dialect: Option<&'static Dialect>, body: &Json) -> Option<String> {
        dialect?.get(Side::Request, body, &self.wanted.path)
    }

    /// Where this change holds in a request of its scope: at its own path, or where the replaced part stands.
    /// `readings` of what the replaced part is now are tried in their order.
    pub(super) fn apply(
        &self,
        dialect: Option<&'static Dialect>,
        body: &Json,
        own_node: bool,
        readings: &[&dyn Fn(&str) -> bool],
    ) -> Option<Vec<u8>> {
        let Some(dialect) = dialect else {
            let inner = Path(self.wanted.path.0.get(1..)?.to_vec());
            return raw_set(body, &inner, &self.wanted.value);
        };
        let set = |path: &Path| dialect.set(Side::Request, body, path, &self.wanted.value).ok();
        if own_node {
            return set(&self.wanted.path);
        }
        // A field that was added stands nowhere else; a message has to be found.
        let whole = match self.wanted.path.0.as_slice() {
            [Step::Key(first), Step::Key(_)] => first == "request",
            path => path.len() == 1,
        };
        let is_replaced = |now: Option<&String>, is: &dyn Fn(&str) -> bool| match (&self.old, now) {
            (None, now) => whole && now.is_none(),
            (Some(_), now) => now.is_some_and(|now| is(now)),
        };
        let now = dialect.get(Side::Request, body, &self.wanted.path);
        let others = self.elsewhere(dialect, body);
        for is in readings {
            if is_replaced(now.as_ref(), is) {
                return set(&self.wanted.path);
            }
            let found = others.iter().find(|(_, text)| self.old.is_some() && is(text));
            if let Some(body) = found.and_then(|(path, _)| set(path)) {
                return Some(body);
            }
        }
        None
    }

    /// Where else in a request a message may stand now, and what stands there.
    fn elsewhere(&self, dialect: &'static Dialect, body: &Json) -> Vec<(Path, String)> {
        let [list @ Step::Key(name), Step::Index(own), rest @ ..] = self.wanted.path.0.as_slice() else {
            return Vec::new();
        };
        if !matches!(name.as_str(), "messages" | "input" | "inputs") {
            return Vec::new();
        }
        let count = dialect.prompt(body).messages.len();
        let places = (0..=count).filter(|index| index != own).map(|index| {
            let steps = [list.clone(), Step::Index(index)].into_iter().chain(rest.iter().cloned());
            Path(steps.collect())
        });
        places
            .filter_map(|path| Some((dialect.get(Side::Request, body, &path)?, path)).map(|(text, path)| (path, text)))
            .collect()
    }
}

/// The name at the top of a request that a path is about, and whether it is all of it.
fn top(path: &Path) -> Option<(&str, bool)> {
    match path.0.as_slice() {
        [Step::Key(wire), Step::Key(name), rest @ ..] if wire == "request" => Some((name, rest.is_empty())),
        [Step::Key(name), rest @ ..] => Some((name, rest.is_empty())),
        _ => None,
    }
}

/// Why a request would hold what its provider does not take.
fn odd(dialect: &Dialect, node: NodeId, wanted: &Wanted, old: Option<&str>, request: &Json) -> Result<(), Error> {
    let Some((name, whole)) = top(&wanted.path) else { return Ok(()) };
    let path = wanted.path.to_string();
    if old.is_none() && whole && !parameters::is_known(dialect, name) {
        let meant = parameters::meant(dialect, name, request);
        return Err(Error::Unknown { node, path, dialect: dialect.name(), meant });
    }
    let of_table = whole.then(|| parameters::wrong_type(dialect, name, &wanted.value)).flatten();
    match of_table.or_else(|| parameters::other_type(old?, &wanted.value)) {
        // A text takes any value.
        Some(must) if of_text(dialect, request, &wanted.path) != Some(true) => {
            Err(Error::Type { node, path, must, value: wanted.value.clone() })
        }
        _ => Ok(()),
    }
}

/// Whether what stands at a path of a request is a text.
fn of_text(dialect: &Dialect, request: &Json, path: &Path) -> Option<bool> {
    let target = dialect.locate(Side::Request, request, path).ok()?.into_iter().next()?;
    Some(request.value(target.item).kind() == crate::text::json::Kind::String)
}

/// Whether a path of a model call names part of its answer.
fn is_answer(path: &Path) -> bool {
    matches!(path.0.first(), Some(Step::Key(key)) if matches!(key.as_str(), "answer" | "tool_calls" | "response"))
}

/// The dialect and request of a node's call, as the agent made it.
pub(super) fn request(run: &Run, node: &Node) -> Option<(&'static Dialect, Json)> {
    let call = run.calls.get(&node.seq?)?;
    let request = &call.request;
    let dialect = wire::recognise(&request.provider, &request.method, &request.path)?;
    Some((dialect, Json::parse(request.body.clone()).ok()?))
}

/// The answer of a node's call as the JSON that a call without streaming gets.
pub(super) fn unary_answer(run: &Run, node: &Node) -> Option<Json> {
    let call = run.calls.get(&node.seq?)?;
    let request = &call.request;
    let dialect = wire::recognise(&request.provider, &request.method, &request.path)?;
    let answer = call.answer.as_ref()?;
    let body = if answer.is_stream() { Bytes::from(dialect.unary(&answer.body())?) } else { answer.body() };
    Json::parse(body).ok()
}

pub(super) fn missing(node: &Node, path: &Path) -> Error {
    let fields = lineage::fields(node);
    let names: Vec<String> =
        fields.inputs.iter().chain(&fields.outputs).take(8).map(|field| format!("`{}`", field.path)).collect();
    Error::Field { node: node.id, path: path.to_string(), fields: names.join(", ") }
}

/// A new value inside text that is JSON, or the whole text; `None` if the path is not there.
pub(super) fn set_in_text(text: &str, path: &Path, value: &str) -> Option<String> {
    if path.0.is_empty() {
        return Some(value.to_owned());
    }
    let json = Json::parse_text(text).ok()?;
    raw_set(&json, path, value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn raw_set(json: &Json, path: &Path, value: &str) -> Option<Vec<u8>> {
    let found = json.root().find(path)?;
    let with = if found.kind() == crate::text::json::Kind::String || Json::parse_text(value).is_err() {
        crate::text::json::quote(value)
    } else {
        value.to_owned()
    };
    Some(json.splice(vec![crate::text::json::Edit { span: found.span(), with: with.into_bytes() }]))
}

/// Replaces a document's text inside a tool's result, JSON or not.
fn replace_text(result: &str, old: &str, new: &str) -> Option<String> {
    if let Ok(json) = Json::parse_text(result) {
        let mut stack = vec![json.root()];
        while let Some(value) = stack.pop() {
            if value.as_str().as_deref() == Some(old) {
                let with = crate::text::json::quote(new).into_bytes();
                let out = json.splice(vec![crate::text::json::Edit { span: value.span(), with }]);
                return Some(String::from_utf8_lossy(&out).into_owned());
            }
            stack.extend(value.items());
        }
        return None;
    }
    result.contains(old).then(|| result.replacen(old, new, 1))
}
