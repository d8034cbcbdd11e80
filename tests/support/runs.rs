//! Runs made by hand, for tests of what is shown of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use retake::model::event::{Action, Decided, Ended, Ending, Grade, Note, Parent, Request, Seq, Started};
use retake::model::{
    Answer, Block, Call, Certainty, Detail, Document, Edge, Kind, Message, Micros, Node, NodeId, Part, Passage, Prompt,
    Reply, Run, RunGraph, RunId, Source, State, Summary, Text, Tool, ToolCall, ToolDefinition, ToolResult, ToolState,
    Usage,
};

/// When all hand-made runs began: 2026-11-24 08:00:00 UTC.
pub(crate) const BEGIN: u64 = 1_795_507_200_000_000;

/// Tenths of a second after the beginning.
pub(crate) fn at(tenths: u64) -> Micros {
    Micros(BEGIN + tenths * 100_000)
}

/// A run's name from its letters.
pub(crate) fn name(letters: &str) -> RunId {
    RunId::parse(letters).expect("eight letters from k to z")
}

/// A run without nodes that ended well after 7.9 s.
pub(crate) fn run(letters: &str, command: &[&str]) -> Run {
    Run {
        id: name(letters),
        started: Started {
            run: Some(name(letters)),
            at: at(0),
            version: "0.1.0".to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            directory: "/home/ada/agent".to_owned(),
            origin: "record".to_owned(),
            ..Started::default()
        },
        ended: Some(Ended { at: at(79), code: 0 }),
        calls: BTreeMap::new(),
        announced: BTreeMap::new(),
        graph: RunGraph::default(),
        output: Vec::new(),
        notes: Vec::new(),
    }
}

/// What lists say of a run.
pub(crate) fn summary(run: &Run, state: State) -> Summary {
    let usages: Vec<Usage> = run
        .graph
        .nodes()
        .filter_map(|node| match &node.detail {
            Detail::Call { reply, .. } => Some(reply.usage),
            _ => None,
        })
        .collect();
    let tokens: u64 = usages.iter().map(|usage| usage.input.unwrap_or(0) + usage.output.unwrap_or(0)).sum();
    Summary {
        id: run.id.clone(),
        state,
        started: run.started.clone(),
        ended: run.ended.clone().filter(|_| state == State::Finished),
        nodes: run.graph.len(),
        model_calls: run.graph.nodes().filter(|node| node.kind == Kind::Llm).count(),
        tokens: (tokens > 0).then_some(tokens),
        duration: run.ended.as_ref().map(|ended| ended.at.since(run.started.at)),
        grade: None,
        tags: Vec::new(),
        models: Vec::new(),
        tools: Vec::new(),
    }
}

/// A node that was seen on the wire.
pub(crate) fn node(id: u32, kind: Kind, name: &str, from: u64, to: u64, detail: Detail) -> Node {
    Node {
        id: NodeId(id),
        kind,
        name: name.to_owned(),
        source: Source::Wire,
        lane: None,
        started: at(from),
        ended: Some(at(to)),
        error: None,
        seq: None,
        attempts: Vec::new(),
        detail,
        decided: None,
        key: None,
        anchor: None,
    }
}

/// A model call: model, messages, parts of the answer and tokens.
pub(crate) fn call(model: &str, messages: Vec<Message>, parts: Vec<Part>, tokens: (u64, u64)) -> Detail {
    Detail::Call {
        dialect: "openai-chat".to_owned(),
        prompt: Box::new(Prompt {
            model: Some(model.to_owned()),
            messages: messages.into_iter().map(Into::into).collect(),
            ..Prompt::default()
        }),
        reply: Box::new(Reply {
            model: Some(model.to_owned()),
            parts,
            finish: Some("stop".to_owned()),
            usage: Usage { input: Some(tokens.0), output: Some(tokens.1), ..Usage::default() },
            ..Reply::default()
        }),
    }
}

/// A message at a place of `messages`.
pub(crate) fn message(place: usize, role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), name: None, parts, path: format!("messages[{place}]") }
}

/// A message of one text.
pub(crate) fn says(place: usize, role: &str, words: &str) -> Message {
    message(place, role, vec![text(words)])
}

/// A text.
pub(crate) fn text(words: &str) -> Part {
    Part::Text(Text { text: words.to_owned(), path: String::new() })
}

/// A tool call.
pub(crate) fn tool_call(id: &str, name: &str, arguments: &str, path: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        path: path.to_owned(),
        ..ToolCall::default()
    })
}

/// A message with a tool's result.
pub(crate) fn result(place: usize, call_id: &str, content: &str) -> Message {
    let path = format!("messages[{place}].content");
    let result = ToolResult { call_id: call_id.to_owned(), content: content.to_owned(), path, ..ToolResult::default() };
    message(place, "tool", vec![Part::ToolResult(result)])
}

/// A tool whose result was seen.
pub(crate) fn tool(call_id: &str, arguments: &str, result: &str) -> Detail {
    Detail::Tool(Tool {
        call_id: call_id.to_owned(),
        arguments: arguments.to_owned(),
        result: Some(result.to_owned()),
        state: ToolState::ResultSeen,
        ..Tool::default()
    })
}

/// An announced retrieval.
pub(crate) fn retrieval(input: &str, documents: &[&str]) -> Detail {
    let document = |(place, text): (usize, &&str)| Document {
        id: Some(format!("doc-{place}")),
        text: (*text).to_owned(),
        score: Some("0.83".to_owned()),
        metadata: None,
    };
    Detail::Block(Block {
        input: input.to_owned(),
        output: None,
        documents: documents.iter().enumerate().map(document).collect(),
    })
}

/// A passage of one text in another.
pub(crate) fn passage(from: &str, to: &str, characters: usize) -> Edge {
    Edge::Data(vec![Passage {
        from: from.to_owned(),
        from_range: 0..characters,
        to: to.to_owned(),
        to_range: 4..4 + characters,
        certainty: Certainty::Exact,
    }])
}

/// Connects nodes by their numbers.
pub(crate) fn connect(run: &mut Run, edges: Vec<(u32, u32, Edge)>) {
    for (from, to, edge) in edges {
        assert!(run.graph.connect(NodeId(from), NodeId(to), edge), "{from} to {to}");
    }
}

/// A call on the wire that was answered with these pieces.
pub(crate) fn exchange(seq: Seq, request: &str, pieces: &[&'static str]) -> Call {
    Call {
        request: Request {
            seq,
            at: at(0),
            provider: "openai".to_owned(),
            upstream: "https://api.openai.com".to_owned(),
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            query: String::new(),
            headers: vec![("authorization".to_owned(), "Bearer __RETAKE_SECRET_1__".to_owned())],
            body: Bytes::copy_from_slice(request.as_bytes()),
            coding: String::new(),
        },
        decided: None,
        answer: Some(Answer {
            at: at(3),
            status: 200,
            headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
            coding: String::new(),
            pieces: pieces.iter().map(|piece| (at(3), Bytes::from_static(piece.as_bytes()))).collect(),
        }),
        ending: Some(Ending::Complete),
        ended: Some(at(12)),
        frames: Vec::new(),
    }
}

/// A plan, two searches and a forecast side by side, a summary, an answer.
pub(crate) fn weekend() -> Run {
    let mut run = run("kmqxpwtz", &["python", "agent.py", "What should I do in Lyon this weekend?"]);
    let small = |tokens| call("mistral-small", Vec::new(), vec![text("…")], tokens);
    let summarize = call(
        "mistral-small",
        vec![
            says(0, "system", "Summarize the findings as a list."),
            says(1, "user", "[1] Lyon is the third-largest city\n[2] Fête des Lumières until Sunday"),
        ],
        vec![text("- Fête des Lumières, until Sunday\n- Vieux Lyon")],
        (3_104, 410),
    );
    run.graph.add(node(1, Kind::Llm, "plan", 0, 12, small((812, 94))));
    let lyon = retrieval(r#"{"query":"Lyon","k":5}"#, &["Lyon is the third-largest city"]);
    run.graph.add(node(2, Kind::Retrieval, "wiki", 12, 13, lyon));
    run.graph.add(node(3, Kind::Tool, "weather", 12, 15, tool("call_1", r#"{"city":"Lyon"}"#, "sunny")));
    let news = retrieval(r#"{"query":"Lyon news","k":5}"#, &["Fête des Lumières until Sunday", "Other"]);
    run.graph.add(node(4, Kind::Retrieval, "news", 12, 13, news));
    run.graph.add(node(5, Kind::Llm, "summarize", 15, 44, summarize));
    run.graph.add(node(6, Kind::Llm, "answer", 44, 78, call("mistral-large", vec![], vec![], (1_022, 288))));
    connect(
        &mut run,
        vec![
            (1, 2, Edge::Data(Vec::new())),
            (1, 3, Edge::ToolCall),
            (1, 4, Edge::Data(Vec::new())),
            (2, 5, passage("documents[0].text", "messages[1].content", 30)),
            (4, 5, passage("documents[0].text", "messages[1].content", 30)),
            (5, 6, passage("answer", "messages[1].content", 33)),
            (3, 6, Edge::ToolResult),
            (1, 6, Edge::Then),
        ],
    );
    run
}

/// Two tools called in one answer, their results in the next call of the lane.
pub(crate) fn prices() -> Run {
    let mut run = run("nrsvlkyo", &["node", "agent.mjs"]);
    let asked = vec![says(0, "system", "You sell lamps."), says(1, "user", "What do two lamps cost?")];
    let calls = |path: &str| {
        vec![
            tool_call("call_a", "get_price", r#"{"item": "lamp", "count": 2}"#, &format!("{path}[0]")),
            tool_call("call_b", "get_stock", r#"{"item": "lamp"}"#, &format!("{path}[1]")),
        ]
    };
    let mut later = asked.clone();
    later.push(message(2, "assistant", calls("messages[2].tool_calls")));
    later.push(result(3, "call_a", r#"{"total": 98}"#));
    later.push(result(4, "call_b", "7 left\u{1b}[2J"));
    let mut first = node(1, Kind::Llm, "", 0, 12, call("gpt-5-mini", asked, calls("choices[0].tool_calls"), (60, 31)));
    first.seq = Some(1);
    if let Detail::Call { prompt, .. } = &mut first.detail {
        prompt.stream = true;
        prompt.parameters = vec![("temperature".to_owned(), "0.2".to_owned())];
        prompt.tools = ["get_price", "get_stock"]
            .map(|name| ToolDefinition { name: name.to_owned(), ..ToolDefinition::default() })
            .to_vec();
    }
    run.graph.add(first);
    run.calls.insert(1, exchange(1, r#"{"model":"gpt-5-mini"}"#, &["data: {}\n\n", "data: [DONE]\n\n"]));
    for (id, call, name, result) in
        [(2, "call_a", "get_price", r#"{"total": 98}"#), (3, "call_b", "get_stock", "7 left")]
    {
        let mut tool = node(id, Kind::Tool, name, 12, 14, tool(call, r#"{"item": "lamp"}"#, result));
        tool.source = Source::Conversation;
        tool.anchor = Some((1, format!("call:{}:{name}", id - 2)));
        run.graph.add(tool);
    }
    let answer = call("gpt-5-mini", later, vec![text("Two lamps cost 98, and 7 are left.")], (120, 14));
    run.graph.add(node(4, Kind::Llm, "", 14, 25, answer));
    connect(
        &mut run,
        vec![
            (1, 2, Edge::ToolCall),
            (1, 3, Edge::ToolCall),
            (2, 4, Edge::ToolResult),
            (3, 4, Edge::ToolResult),
            (1, 4, Edge::Then),
        ],
    );
    run
}

/// Three calls at once that nothing connects.
pub(crate) fn three_at_once() -> Run {
    let mut run = run("qzutwoyx", &["./three"]);
    for id in 1..=3 {
        let detail = call("gpt-5-mini", vec![says(0, "user", &format!("question {id}"))], vec![text("yes")], (9, 1));
        run.graph.add(node(id, Kind::Llm, "", u64::from(id), 20, detail));
    }
    run.graph.add(node(4, Kind::Llm, "join", 21, 30, call("gpt-5-mini", vec![], vec![text("no")], (12, 1))));
    connect(&mut run, (1..=3).map(|id| (id, 4, Edge::Data(Vec::new()))).collect());
    run
}

/// A replay of [`prices`] whose second model call was changed and whose last was refused.
pub(crate) fn replayed() -> Run {
    let mut run = prices();
    run.id = name("pvwuqxtm");
    run.started.run = Some(run.id.clone());
    run.started.parent = Some(Parent {
        run: name("nrsvlkyo"),
        changes: vec!["--set 1.system=\"You sell chairs.\"".to_owned()],
        highest: 4,
    });
    "replay".clone_into(&mut run.started.origin);
    let decided = |action, grade, node: u32, notes: &[&str]| Decided {
        seq: 1,
        action,
        node: Some(NodeId(node)),
        grade,
        sent: None,
        notes: notes.iter().map(|&note| note.to_owned()).collect(),
        beside: Vec::new(),
    };
    let serve = decided(Action::Serve, Grade::Held, 1, &["held messages[0].content: 2026-11-23, now 2026-11-24"]);
    let refuse = decided(Action::Refuse, Grade::Miss, 4, &["nearest is 4, which differs in messages[3].content"]);
    for (id, decision) in [(1, serve), (4, refuse)] {
        run.graph.node_mut(NodeId(id)).expect("it was added").decided = Some(decision);
    }
    run.graph.node_mut(NodeId(4)).expect("it was added").error = Some("refused by retake".to_owned());
    run.notes.push(Note { at: at(9), topic: "warning".to_owned(), text: "2 keys were missing".to_owned() });
    run.ended = Some(Ended { at: at(31), code: 1 });
    run
}
