//! Runs put together by hand, for tests.

use crate::model::event::Started;
use crate::model::{
    Block, Detail, Document, Edge, Kind, Message, Micros, Node, NodeId, Part, Prompt, Reply, Run, RunGraph, RunId,
    Source, Text, Tool, ToolCall, ToolResult, ToolState,
};

/// A graph in the making.
#[derive(Default)]
pub(crate) struct Build {
    pub(crate) graph: RunGraph,
}

impl Build {
    /// Adds a node; its number is the next.
    pub(crate) fn node(&mut self, kind: Kind, name: &str, time: (u64, u64), detail: Detail) -> NodeId {
        let id = NodeId(u32::try_from(self.graph.len()).expect("few nodes") + 1);
        self.graph.add(Node {
            id,
            kind,
            name: name.to_owned(),
            source: Source::Wire,
            lane: None,
            started: Micros(time.0),
            ended: Some(Micros(time.1)),
            error: None,
            seq: None,
            attempts: Vec::new(),
            detail,
            decided: None,
            key: None,
            anchor: None,
        });
        id
    }

    /// Adds a model call.
    pub(crate) fn llm(&mut self, time: (u64, u64), messages: Vec<Message>, answer: Vec<Part>) -> NodeId {
        let detail = call(messages, Vec::new(), answer);
        self.node(Kind::Llm, "", time, detail)
    }

    /// Adds a model call that carries on another.
    pub(crate) fn next(&mut self, before: NodeId, time: (u64, u64), new: Vec<Message>, answer: Vec<Part>) -> NodeId {
        let mut messages: Vec<Message> = Vec::new();
        if let Some(Detail::Call { prompt, reply, .. }) = self.graph.node(before).map(|node| &node.detail) {
            messages.extend(prompt.messages.iter().map(|message| Message::clone(message)));
            messages.push(Message { role: "assistant".into(), parts: reply.parts.clone(), ..Message::default() });
        }
        messages.extend(new);
        let id = self.llm(time, messages, answer);
        self.graph.connect(before, id, Edge::Then);
        id
    }

    /// Adds an embedding call.
    pub(crate) fn embed(&mut self, time: (u64, u64), texts: &[&str]) -> NodeId {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.node(Kind::Embedding, "", time, call(Vec::new(), texts, Vec::new()))
    }

    /// Adds a tool that `caller` asked for and whose result went into `reader`, where there are any.
    pub(crate) fn tool(
        &mut self,
        (name, id): (&str, &str),
        time: (u64, u64),
        (arguments, result): (&str, &str),
        (caller, reader): (Option<NodeId>, Option<NodeId>),
    ) -> NodeId {
        let tool = Tool {
            call_id: id.to_owned(),
            arguments: arguments.to_owned(),
            result: Some(result.to_owned()),
            state: ToolState::ResultSeen,
            ..Tool::default()
        };
        let node = self.node(Kind::Tool, name, time, Detail::Tool(tool));
        if let Some(caller) = caller {
            self.graph.connect(caller, node, Edge::ToolCall);
        }
        if let Some(reader) = reader {
            self.graph.connect(node, reader, Edge::ToolResult);
        }
        node
    }

    /// Adds an announced node.
    pub(crate) fn block(
        &mut self,
        kind: Kind,
        time: (u64, u64),
        input: &str,
        output: &str,
        documents: &[&str],
    ) -> NodeId {
        let documents =
            documents.iter().map(|text| Document { text: (*text).to_owned(), ..Document::default() }).collect();
        let output = (!output.is_empty()).then(|| output.to_owned());
        self.node(kind, "block", time, Detail::Block(Block { input: input.to_owned(), output, documents }))
    }

    /// The run.
    pub(crate) fn run(self, seed: u64) -> Run {
        Run {
            id: RunId::from_seed(seed),
            started: Started::default(),
            ended: None,
            announced: std::collections::BTreeMap::new(),
            calls: std::collections::BTreeMap::new(),
            graph: self.graph,
            output: Vec::new(),
            notes: Vec::new(),
        }
    }
}

fn call(messages: Vec<Message>, texts: Vec<String>, answer: Vec<Part>) -> Detail {
    let messages = messages
        .into_iter()
        .enumerate()
        .map(|(place, message)| Message { path: format!("messages[{place}]"), ..message }.into())
        .collect();
    Detail::Call {
        dialect: "openai-chat".into(),
        prompt: Box::new(Prompt { model: Some("m".into()), messages, texts, ..Prompt::default() }),
        reply: Box::new(Reply { parts: answer, ..Reply::default() }),
    }
}

pub(crate) fn text(text: &str) -> Part {
    Part::Text(Text { text: text.to_owned(), path: String::new() })
}

pub(crate) fn tool_call(id: &str, name: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        ..ToolCall::default()
    })
}

fn message(role: &str, part: Part) -> Message {
    Message { role: role.to_owned(), parts: vec![part], ..Message::default() }
}

pub(crate) fn system(said: &str) -> Message {
    message("system", text(said))
}

pub(crate) fn user(said: &str) -> Message {
    message("user", text(said))
}

pub(crate) fn result(id: &str, content: &str) -> Message {
    let result = ToolResult { call_id: id.to_owned(), content: content.to_owned(), ..ToolResult::default() };
    message("tool", Part::ToolResult(result))
}
