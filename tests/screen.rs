//! The screens of `retake step`, drawn into memory: keys in, text out.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use retake::model::{Detail, Edge, Kind, NodeId, Run, State};
use retake::replay::{Scope, Wanted};
use retake::tui::{Act, App, Done, Effect, Key, Kin, Message, Opened, Trouble, perform, view};

use crate::support::runs as made;

/// A run with the tree that it belongs to.
fn opened(run: Run, kin: &[(&str, &str, &str)]) -> Opened {
    let summary = made::summary(&run, State::Finished);
    let kin = kin.iter().map(|(branch, id, says)| Kin {
        id: made::name(id),
        branch: (*branch).to_owned(),
        says: (*says).to_owned(),
    });
    Opened::new(run, summary, kin.collect(), Vec::new())
}

const TREE: &[(&str, &str, &str)] = &[
    ("", "kmqxpwtz", "python agent.py \"What should I do in Lyon this weekend?\""),
    ("└─", "nrsvlkyo", "replay: 5.system=Summarize in one paragraph."),
];

/// The weekend again with another prompt and what follows from it.
fn paragraph() -> Run {
    let mut run = made::weekend();
    run.id = made::name("nrsvlkyo");
    run.started.parent = Some(retake::model::event::Parent {
        run: made::name("kmqxpwtz"),
        changes: vec!["5.system=Summarize in one paragraph.".to_owned()],
        highest: 6,
    });
    let node = run.graph.node_mut(NodeId(5)).expect("it is there");
    if let Detail::Call { prompt, reply, .. } = &mut node.detail {
        prompt.messages[0] = made::says(0, "system", "Summarize in one paragraph.").into();
        reply.parts = vec![made::text("The Fête des Lumières runs until Sunday.")];
        reply.usage.output = Some(187);
    }
    run
}

/// Who reads runs and lays out plans in these tests.
#[derive(Default)]
struct Script {
    edited: Vec<Wanted>,
    replayed: Vec<Vec<Wanted>>,
}

impl Act for Script {
    fn open(&mut self, selector: &str) -> Result<Opened, Trouble> {
        match selector {
            "kmqxpwtz" => Ok(opened(made::weekend(), TREE)),
            "nrsvlkyo" => Ok(opened(paragraph(), TREE)),
            other => Err(Trouble::new(format!("no run is `{other}`")).hint("list the runs with `retake ls`")),
        }
    }

    fn plan(&mut self, _: &Run, changes: &[Wanted], _: Scope) -> Result<Vec<String>, Trouble> {
        let changed = changes.iter().map(|wanted| format!("{}.{} changed", wanted.node, wanted.path));
        let first = "replaying kmqxpwtz: 1 served from the recording".to_owned();
        let last = "5, 6 sent, if the agent still makes them (at most 6 calls)".to_owned();
        Ok(std::iter::once(first).chain(changed).chain([last]).collect())
    }

    fn replay(&mut self, _: &Run, changes: &[Wanted], _: Scope) -> Result<Done, Trouble> {
        self.replayed.push(changes.to_vec());
        Ok(Done { run: made::name("nrsvlkyo"), code: 0, sent: 2 })
    }

    fn edit(&mut self, _: &Run, _: NodeId, _: Option<&str>) -> Result<Vec<Wanted>, Trouble> {
        Ok(std::mem::take(&mut self.edited))
    }
}

/// A screen of so many columns and rows.
struct Screen {
    app: App,
    terminal: Terminal<TestBackend>,
    script: Script,
    /// Effects that only a terminal can have.
    left: Vec<Effect>,
}

impl Screen {
    fn new(run: Opened, columns: u16, rows: u16) -> Self {
        let mut app = App::new(Arc::new(run));
        app.update(Message::Resized(columns, rows));
        let terminal = Terminal::new(TestBackend::new(columns, rows)).expect("memory can be drawn into");
        Self { app, terminal, script: Script::default(), left: Vec::new() }
    }

    /// Takes a message and has its effects done.
    fn send(&mut self, message: Message) {
        let mut effect = self.app.update(message);
        while let Some(told) = perform(&self.app, &effect, &mut self.script) {
            effect = self.app.update(told);
        }
        if effect != Effect::None {
            self.left.push(effect);
        }
    }

    /// Presses keys by their names, with spaces between them.
    fn keys(&mut self, names: &str) -> &mut Self {
        for name in names.split_whitespace() {
            self.send(Message::Key(Key::parse(name).unwrap_or_else(|| panic!("{name} is a key"))));
        }
        self
    }

    /// Types a text.
    fn types(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            self.send(Message::Key(Key::Char(letter)));
        }
        self
    }

    /// What is to be seen, without spaces at the ends of rows.
    fn seen(&mut self) -> String {
        let app = &self.app;
        self.terminal.draw(|frame| view::draw(frame, app)).expect("memory can be drawn into");
        let buffer = self.terminal.backend().buffer();
        let mut rows = Vec::new();
        for y in 0..buffer.area.height {
            let mut row = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                row.push_str(symbol);
                x += u16::try_from(retake::text::escape::columns(symbol).max(1)).expect("a cell is narrow");
            }
            rows.push(row.trim_end().to_owned());
        }
        rows.join("\n").trim_end().to_owned()
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
        self.send(Message::Resized(columns, rows));
    }
}

/// The weekend whose summary can be changed: its request is there as it went over the wire.
fn weekend(columns: u16, rows: u16) -> Screen {
    let mut run = made::weekend();
    let request = r#"{"model":"mistral-small","messages":[{"role":"system","content":"Summarize the findings as a list."},
        {"role":"user","content":"[1] Lyon is the third-largest city\n[2] Fête des Lumières until Sunday"}]}"#;
    run.calls.insert(5, made::exchange(5, request, &["data: {}\n\n"]));
    run.graph.node_mut(NodeId(5)).expect("it is there").seq = Some(5);
    Screen::new(opened(run, TREE), columns, rows)
}

/// Two agents at work at the same time, each with a tool, and one that sums up.
fn panel() -> Run {
    let mut run = made::run("qplnzwvo", &["python", "panel.py"]);
    let ask = |system: &str, question: &str| vec![made::says(0, "system", system), made::says(1, "user", question)];
    let calls = |id: &str, name: &str, arguments: &str| vec![made::tool_call(id, name, arguments, "")];
    let mut later = ask("You are the botanist.", "What grows on Tern Island?");
    later.push(made::message(2, "assistant", calls("call_1", "herbarium", r#"{"island": "Tern"}"#)));
    later.push(made::result(3, "call_1", "thrift, sea campion, scurvy grass"));
    let mut add = |id: u32, kind: Kind, name: &str, from: u64, to: u64, lane: Option<u32>, detail: Detail| {
        let mut node = made::node(id, kind, name, from, to, detail);
        node.lane = lane.map(retake::model::LaneId);
        run.graph.add(node);
    };
    let botanist = ask("You are the botanist.", "What grows on Tern Island?");
    let geologist = ask("You are the geologist.", "What is Tern Island made of?");
    let asked = calls("call_1", "herbarium", r#"{"island": "Tern"}"#);
    add(1, Kind::Llm, "botanist", 0, 8, Some(0), made::call("gpt-5-mini", botanist, asked, (40, 12)));
    let stone = vec![made::text("Mostly Old Red Sandstone.")];
    add(2, Kind::Llm, "geologist", 1, 12, Some(1), made::call("gpt-5-mini", geologist, stone, (41, 9)));
    let found = made::tool("call_1", r#"{"island": "Tern"}"#, "thrift, sea campion, scurvy grass");
    add(3, Kind::Tool, "herbarium", 8, 10, None, found);
    let plants = vec![made::text("Thrift and sea campion.")];
    add(4, Kind::Llm, "botanist", 10, 19, Some(0), made::call("gpt-5-mini", later, plants, (80, 8)));
    let both = ask("Sum up.", "Thrift and sea campion. Mostly Old Red Sandstone.");
    let end = vec![made::text("Thrift and campion on red sandstone.")];
    add(5, Kind::Llm, "editor", 19, 30, Some(2), made::call("gpt-5", both, end, (60, 11)));
    made::connect(
        &mut run,
        vec![
            (1, 3, Edge::ToolCall),
            (3, 4, Edge::ToolResult),
            (1, 4, Edge::Then),
            (4, 5, made::passage("answer", "messages[1].content", 23)),
            (2, 5, made::passage("answer", "messages[1].content", 25)),
        ],
    );
    run
}

#[test]
fn a_run_that_retrieves() {
    let mut screen = weekend(110, 24);
    insta::assert_snapshot!(screen.keys("j j j").seen(), @r#"
     kmqxpwtz  python agent.py "What should I do in Lyon this weekend?"  exit 0
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
      ●      1 plan       mistral-small              │ 4 news  retrieval  0.1s
      ├─┬─╮                                          │   from 1 (data)
      ◆ │ │  2 wiki       {query: Lyon, k: 5}        │   to 5 (data)
      │ ■ │  3 weather    {city: Lyon}               │   in parallel with 2, 3
    › │ │ ◆  4 news       {query: Lyon news, k: 5}   │
      ├───╯                                          │ input.query  "Lyon news"
      ● │    5 summarize  mistral-small              │ input.k  5
      ├─╯                                            │ documents[0].text  doc-0  score 0.83
      ●      6 answer     mistral-large              │   Fête des Lumières until Sunday
                                                     │ documents[1].text  doc-1  score 0.83
                                                     │   Other
                                                     │
                                                     │
                                                     │
                                                     │
                                                     │
                                                     │
      runs                                           │
    › kmqxpwtz  python agent.py "What should I do in…│
      └─nrsvlkyo  replay: 5.system=Summarize in one… │
     :next
     j/k next back   u/d up down   / search   e edit   c compare   tab run-next   : command   ? help   q quit
    "#);
    insta::assert_snapshot!(screen.keys("j").seen(), @r#"
     kmqxpwtz  python agent.py "What should I do in Lyon this weekend?"  exit 0
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
      ●      1 plan       mistral-small              │ 5 summarize  model call  mistral-small  openai-chat  2.9s
      ├─┬─╮                                          │   from 2 (data), 4 (data)
      ◆ │ │  2 wiki       {query: Lyon, k: 5}        │   to 6 (data)
      │ ■ │  3 weather    {city: Lyon}               │   POST https://api.openai.com/v1/chat/completions, 200, 10
      │ │ ◆  4 news       {query: Lyon news, k: 5}   │   B, stream of 1 piece, first byte after 0.3s
      ├───╯                                          │
    › ● │    5 summarize  mistral-small              │ system  new
      ├─╯                                            │   Summarize the findings as a list.
      ●      6 answer     mistral-large              │ messages[1].content  user  new
                                                     │   from 2 documents[0].text: 30 characters at 4, exact
                                                     │   from 4 documents[0].text: 30 characters at 4, exact
                                                     │   [1] Lyon is the third-largest city
                                                     │   [2] Fête des Lumières until Sunday
                                                     │ answer
                                                     │   - Fête des Lumières, until Sunday
                                                     │   - Vieux Lyon
                                                     │
      runs                                           │ finish stop   3,104 → 410 tok
    › kmqxpwtz  python agent.py "What should I do in…│
      └─nrsvlkyo  replay: 5.system=Summarize in one… │
     :next
     j/k next back   u/d up down   / search   e edit   c compare   tab run-next   : command   ? help   q quit
    "#);
}

#[test]
fn agents_side_by_side() {
    let mut screen = Screen::new(opened(panel(), &[]), 100, 18);
    insta::assert_snapshot!(screen.keys("5 enter").seen(), @"
     qplnzwvo  python panel.py  exit 0                          5 nodes, 4 model calls, 261 tokens, 7.9s
    ────────────────────────────────────────────────────────────────────────────────────────────────────
      ●    1 botanist   gpt-5-mini               │ 5 editor  model call  gpt-5  openai-chat  1.1s
      │ ●  2 geologist  gpt-5-mini               │   from 2 (data), 4 (data)
      ■ │  3 herbarium  {island: Tern}           │
      ● │  4 botanist   gpt-5-mini               │ system  new
      ├─╯                                        │   Sum up.
    › ●    5 editor     gpt-5                    │ messages[1].content  user  new
                                                 │   from 2 answer: 25 characters at 4, exact
                                                 │   from 4 answer: 23 characters at 4, exact
                                                 │   Thrift and sea campion. Mostly Old Red Sandstone.
                                                 │ answer
                                                 │   Thrift and campion on red sandstone.
                                                 │
                                                 │ finish stop   60 → 11 tok
                                                 │
     :goto 5
     j/k next back   u/d up down   / search   e edit   c compare   tab run-next   ? help   q quit
    ");
    // To the strongest cause, and the other one by choice.
    screen.keys("u");
    assert_eq!(screen.app.at, Some(NodeId(2)), "more of its text went in");
    screen.keys("backspace U");
    insta::assert_snapshot!(screen.seen(), @"
     qplnzwvo  python panel.py  exit 0                          5 nodes, 4 model calls, 261 tokens, 7.9s
    ────────────────────────────────────────────────────────────────────────────────────────────────────
      ●    1 botanist   gpt-5-mini               │ 5 editor  model call  gpt-5  openai-chat  1.1s
      │ ●  2 geologist  gpt-5-mini               │   from 2 (data), 4 (data)
      ■ │  3 herbarium  {island: Te┌─ 5 came from ──────────────────────┐
      ● │  4 botanist   gpt-5-mini │ › 2 geologist  data, 25 characters │
      ├─╯                          │   4 botanist  data, 23 characters  │
    › ●    5 editor     gpt-5      └────────────────────────────────────┘ser  new
                                                 │   from 2 answer: 25 characters at 4, exact
                                                 │   from 4 answer: 23 characters at 4, exact
                                                 │   Thrift and sea campion. Mostly Old Red Sandstone.
                                                 │ answer
                                                 │   Thrift and campion on red sandstone.
                                                 │
                                                 │ finish stop   60 → 11 tok
                                                 │
     :causes
     j/k choose   enter take   esc leave
    ");
    screen.keys("j enter");
    assert_eq!(screen.app.at, Some(NodeId(4)));
    screen.keys("K");
    assert_eq!(screen.app.at, Some(NodeId(3)), "a tool is in the lane of the call that asked for it");
    screen.keys("K K");
    assert_eq!(screen.app.at, Some(NodeId(1)));
    assert!(screen.seen().contains("node 1 is the first one of its lane"), "{}", screen.seen());
    screen.keys("J J J");
    assert_eq!(screen.app.at, Some(NodeId(4)));
}

#[test]
fn an_edit_with_its_plan_and_both_runs_after_it() {
    let mut screen = weekend(100, 22);
    screen.keys("5 enter e");
    insta::assert_snapshot!(screen.seen(), @r#"
     kmqxpwtz  python agent.py "What should I do in Lyon this weekend?"  exit 0
    ────────────────────────────────────────────────────────────────────────────────────────────────────
      ●      1 plan       mistral-small          │ 5 summarize  model call  mistral-small
      ├─┬─╮                                      │   openai-chat  2.9s
      ◆ │ │  2 wiki       {query: Lyon, k: 5}    │   from 2 (data), 4 (data)
      ┌─ edit node 5 ────────────────────────────────────────────────────────────────────────────────┐
      │ › system               Summarize the findings as a list.                                     │
      │   messages[1].content  [1] Lyon is the third-largest city [2] Fête des Lumières until Sunday │3s
    › │   model                mistral-small                                                         │
      │   answer               - Fête des Lumières, until Sunday - Vieux Lyon                        │
      └──────────────────────────────────────────────────────────────────────────────────────────────┘
                                                 │ messages[1].content  user  new
                                                 │   from 2 documents[0].text: 30 characters at 4, exact
                                                 │   from 4 documents[0].text: 30 characters at 4, exact
                                                 │   [1] Lyon is the third-largest city
                                                 │   [2] Fête des Lumières until Sunday
                                                 │ answer
      runs                                       │   - Fête des Lumières, until Sunday
    › kmqxpwtz  python agent.py "What should I d…│   - Vieux Lyon
      └─nrsvlkyo  replay: 5.system=Summarize in… │ (+ 2 lines: space scrolls)
     :edit
     j/k choose   enter take   esc leave
    "#);
    screen.keys("enter ctrl-u").types("Summarize in one paragraph.").keys("enter");
    insta::assert_snapshot!(screen.seen(), @r#"
     kmqxpwtz  python agent.py "What should I do in Lyon this weekend?"  exit 0
    ────────────────────────────────────────────────────────────────────────────────────────────────────
      ●      1 plan       mistral-small          │ 5 summarize  model call  mistral-small
      ├─┬─╮                                      │   openai-chat  2.9s
      ◆ │ │  2 wiki       {query: Lyon, k: 5}    │   from 2 (data), 4 (data)
      │ ■ │  3 weather┌─ replay kmqxpwtz ────────────────────────────────────────────┐
      │ │ ◆  4 news   │ replaying kmqxpwtz: 1 served from the recording              │at/completions,
      ├───╯           │   5.system changed                                           │st byte after 0.3s
    › ● │    5 summari│   5, 6 sent, if the agent still makes them (at most 6 calls) │
      ├─╯             │                                                              │
      ●      6 answer │ run it? y/n                                                  │
                      └──────────────────────────────────────────────────────────────┘
                                                 │   from 2 documents[0].text: 30 characters at 4, exact
                                                 │   from 4 documents[0].text: 30 characters at 4, exact
                                                 │   [1] Lyon is the third-largest city
                                                 │   [2] Fête des Lumières until Sunday
                                                 │ answer
      runs                                       │   - Fête des Lumières, until Sunday
    › kmqxpwtz  python agent.py "What should I d…│   - Vieux Lyon
      └─nrsvlkyo  replay: 5.system=Summarize in… │ (+ 2 lines: space scrolls)
     :edit system=Summarize in one paragraph.
     1 change   y run it   n not now   e edit more
    "#);
    screen.keys("n");
    assert!(screen.seen().contains("the changes are kept: `plan` shows them again"), "{}", screen.seen());
    screen.keys("p y");
    let changed = &screen.script.replayed[0];
    assert_eq!((changed[0].node, changed[0].value.as_str()), (NodeId(5), "Summarize in one paragraph."));
    insta::assert_snapshot!(screen.seen(), @r#"
     kmqxpwtz  python agent.py "What should I do in Lyon this weekend?"  exit 0
    ────────────────────────────────────────────────────────────────────────────────────────────────────
      kmqxpwtz  python agent.py "What should I do in…   nrsvlkyo  replay: 5.system=Summarize in one par…
      ● 1 plan       mistral-small                      ● 1 plan       mistral-small
      ◆ 2 wiki       {query: Lyon, k: 5}                ◆ 2 wiki       {query: Lyon, k: 5}
      ■ 3 weather    {city: Lyon}                       ■ 3 weather    {city: Lyon}
      ◆ 4 news       {query: Lyon news, k: 5}           ◆ 4 news       {query: Lyon news, k: 5}
    ~ ● 5 summarize  mistral-small                      ● 5 summarize  mistral-small
      ● 6 answer     mistral-large                      ● 6 answer     mistral-large
    ──────────────────────────────────────────────────────────────────── 1 of 6 nodes differs: 1 cause ─
    ~ 5 summarize  cause: input changed  410 → 187 tok
        system
        - Summarize the findings as a list.
        + Summarize in one paragraph.
        answer
        - - Fête des Lumières, until Sunday
        - - Vieux Lyon
        + The Fête des Lumières runs until Sunday.


     :replay
     j/k next back   ]/[ next-difference   f first-difference   s swap   esc close   ? help   q quit
    "#);
    screen.keys("] [");
    assert!(screen.seen().contains("no difference before this one"), "{}", screen.seen());
    screen.keys("esc");
    assert!(screen.app.beside.is_none() && screen.app.changes.is_empty());
    assert!(screen.left.is_empty(), "{:?}", screen.left);
}

#[test]
fn a_value_of_several_lines_goes_to_the_editor() {
    let mut screen = weekend(100, 22);
    screen.keys("5 enter : ").types("edit messages[1].content");
    let value = "[1] Lyon is small\n[2] nothing".to_owned();
    let path = retake::text::json::Path::parse("messages[1].content").expect("a path");
    screen.script.edited.push(Wanted { node: NodeId(5), path, value });
    screen.keys("enter");
    assert!(screen.seen().contains("5.messages[1].content changed"), "{}", screen.seen());
    // Changed back, it is no change any more.
    screen.keys("n : ").types("edit system=x").keys("enter e");
    assert!(screen.seen().contains("system               x"), "{}", screen.seen());
    screen.keys("esc : ").types("edit system=Summarize the findings as a list.").keys("enter");
    assert_eq!(screen.app.changes.len(), 1);
    screen.keys("n : ").types("discard").keys("enter");
    assert!(screen.app.changes.is_empty());
}

#[test]
fn a_long_node_opens_at_what_is_new_in_it() {
    let mut screen = Screen::new(opened(made::prices(), &[]), 100, 14);
    screen.keys("G");
    insta::assert_snapshot!(screen.seen(), @r#"
     nrsvlkyo  node agent.mjs  exit 0                           4 nodes, 2 model calls, 225 tokens, 7.9s
    ────────────────────────────────────────────────────────────────────────────────────────────────────
      ●    1 model call  gpt-5-mini              │ 4  model call  gpt-5-mini  openai-chat  1.1s
      ├─╮                                        │ (10 lines above)
      ■ │  2 get_price   {item: lamp}            │ messages[3].content  tool  new
      │ ■  3 get_stock   {item: lamp}            │   (result call_a)
      ├─╯                                        │   {"total": 98}
    › ●    4 model call  gpt-5-mini              │ messages[4].content  tool  new
                                                 │   (result call_b)
                                                 │   7 left\u{1b}[2J
                                                 │ answer
                                                 │ (+ 3 lines: space scrolls)
     :last
     j/k next back   u/d up down   / search   e edit   c compare   tab run-next   ? help   q quit
    "#);
    screen.keys("page-up page-up");
    assert!(!screen.seen().contains(" above)"), "{}", screen.seen());
}

#[test]
fn all_text_is_searched() {
    let mut screen = weekend(100, 20);
    screen.keys("/").types("lumières").keys("enter");
    assert_eq!(screen.app.at, Some(NodeId(4)));
    assert!(screen.seen().contains(":search lumières  1 of 3  documents[0].text  Fête des Lumières until Sunday"));
    screen.keys("n");
    assert_eq!(screen.app.at, Some(NodeId(5)));
    screen.keys("n n");
    assert_eq!(screen.app.at, Some(NodeId(4)), "after the last comes the first");
    screen.keys("N /").types("not there").keys("enter");
    assert!(screen.seen().contains("`not there` is nowhere in run `kmqxpwtz`"), "{}", screen.seen());
}

#[test]
fn commands_can_be_typed_and_their_mistakes_are_said() {
    let mut screen = weekend(100, 20);
    screen.keys(":").types("got").keys("tab").types("6").keys("enter");
    assert_eq!(screen.app.at, Some(NodeId(6)));
    for (typed, said) in [
        ("goto 9", "run `kmqxpwtz` has no node `9`; its nodes are 1-6   go to one that is there: `goto 1`"),
        ("wat", "there is no command `wat`"),
        ("print answr", "has no `answr`"),
        ("compare nobody", "no run is `nobody`   list the runs with `retake ls`"),
        ("first-error", "no node failed"),
        ("raw", "node 6 was no call on the wire"),
    ] {
        screen.keys(":").types(typed).keys("enter");
        assert!(screen.seen().contains(said), "{typed}\n{}", screen.seen());
    }
    screen.keys("5 enter : ").types("print usage").keys("enter");
    assert!(screen.seen().contains("{\"input\":3104,\"output\":410}"), "{}", screen.seen());
    screen.keys("esc r");
    assert!(screen.seen().contains("POST https://api.openai.com/v1/chat/completions"), "{}", screen.seen());
    screen.keys("?");
    insta::assert_snapshot!(screen.seen(), @"
     k┌─ keys and commands ──────────────────────────────────────────────────────────────────────────┐
    ──│ Move                                                                                         │──
      │   j down            next [N]                      to the next node                           │
      │   k up              back [N]                      to the node before                         │
      │   J right           lane-next [N]                 to the next node of its lane               │
      │   K left            lane-back [N]                 to the node before in its lane             │
      │   g home            first                         to the first node                          │,
      │   G end             last                          to the last node                           │
    › │   0-9               goto N|NAME                   to a node                                  │
      │   u                 up [N]                        to the node whose output flowed into this  │
      │   U                 causes                        list those and choose one                  │
      │   d                 down [N]                      to the node that this one flowed into      │
      │   D                 effects                       list those and choose one                  │
      │   x                 first-error                   to the first node that failed              │
      │   X                 next-error                    to the next one that failed                │
      │   /                 search TEXT                   to the next place of a text in the run     │
    › │   n                 search-next                   to its next place                          │
      └──────────────────────────────────────────────────────────────────────────────────────────────┘
     :help
     j/k scroll   q close
    ");
    screen.keys("q q");
    assert_eq!(screen.left, [Effect::Quit]);
}

#[test]
fn another_run_of_the_tree_takes_its_place() {
    let mut screen = weekend(100, 20);
    screen.keys("5 enter tab");
    assert_eq!((screen.app.opened.run.id.as_str(), screen.app.at), ("nrsvlkyo", Some(NodeId(5))));
    // A replay stands on the right of the run that it came from.
    screen.keys("c");
    assert_eq!(screen.app.opened.run.id.as_str(), "kmqxpwtz");
    screen.keys("s");
    assert_eq!(screen.app.opened.run.id.as_str(), "nrsvlkyo");
    screen.keys("esc o k enter");
    assert_eq!(screen.app.opened.run.id.as_str(), "kmqxpwtz");
}

#[test]
fn a_tiny_screen_shows_what_it_can() {
    let mut screen = weekend(20, 5);
    insta::assert_snapshot!(screen.keys("4 enter").seen(), @"
      ├─┬─╮
      ◆ │ │  2 wiki
      │ ■ │  3 weather
    › │ │ ◆  4 news
     :goto 4
    ");
    insta::assert_snapshot!(screen.keys("enter").seen(), @"
    4 news  retrieval
       0.1s
      from 1 (data)
    (+ 14 lines: space s
     :show
    ");
    for keys in ["?", "e", "p", "c", "/", "r"] {
        for (columns, rows) in [(20, 5), (1, 1), (0, 0), (3, 2), (29, 8), (200, 3), (64, 9)] {
            screen.resize(columns, rows);
            screen.keys("esc esc esc").keys(keys).seen();
        }
    }
}

#[test]
fn a_resize_while_it_draws_is_no_harm() {
    let mut screen = weekend(120, 40);
    screen.keys("5 enter e");
    // The terminal is smaller than the state knows.
    for (columns, rows) in [(20, 5), (1, 1), (119, 39), (64, 9), (63, 9)] {
        screen.terminal.backend_mut().resize(columns, rows);
        screen.seen();
    }
}

#[test]
fn an_empty_run_says_so() {
    let mut screen = Screen::new(opened(made::run("kmqxpwtz", &["true"]), &[]), 80, 12);
    insta::assert_snapshot!(screen.keys("j").seen(), @"
     kmqxpwtz  true  exit 0                             0 nodes, 0 model calls, 7.9s
    ────────────────────────────────────────────────────────────────────────────────
     no calls were recorded │
                            │
                            │
                            │
                            │
                            │
                            │
                            │
     :next  run `kmqxpwtz` has no nodes: no calls were recorded   look at another on
     j/k next back   u/d up down   / search   e edit   c compare   ? help   q quit
    ");
    for key in ["k", "J", "g", "u", "D", "x", "n", "e", "E", "r", "c", "f", "s", "tab", "o", "w", "enter", "backspace"]
    {
        screen.keys(key).seen();
    }
    screen.keys(":").types("print answer").keys("enter");
    assert!(screen.seen().contains("run `kmqxpwtz` has no nodes"), "{}", screen.seen());
}

/// A run whose every text tries to drive the terminal, and has wide, narrow and joined characters.
fn hostile() -> Run {
    const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\u{9b}31m\u{202e}evil\u{0}\tend";
    const WIDE: &str = "日本語テキスト 👩‍👩‍👧 🇩🇪 e\u{301}e\u{301} ✅ ❤\u{fe0f} नमस्ते กำ";
    let mut run = made::run("kmqxpwtz", &["python", EVIL, WIDE]);
    for (id, text) in [(1, EVIL), (2, WIDE), (3, EVIL), (4, WIDE)] {
        let long = format!("{text} {}", text.repeat(8));
        let detail = if id % 2 == 1 {
            made::tool("call", &format!("{{\"a\":{}}}", serde_json::json!(long)), &long)
        } else {
            made::call(text, vec![made::says(0, "system", &long)], vec![made::text(&long)], (1, 1))
        };
        let mut node = made::node(id, Kind::Other(text.to_owned()), text, u64::from(id), 9, detail);
        node.error = (id > 2).then(|| long.clone());
        run.graph.add(node);
    }
    made::connect(&mut run, vec![(1, 2, made::passage(EVIL, WIDE, 9)), (2, 3, Edge::Then), (1, 4, Edge::Then)]);
    run
}

#[test]
fn recorded_text_never_drives_the_terminal_and_is_cut_between_characters() {
    for (columns, rows) in [(100, 30), (64, 20), (71, 20), (40, 12), (20, 5)] {
        let mut screen = Screen::new(opened(hostile(), TREE), columns, rows);
        for keys in ["g", "j", "j", "j", "e", "esc U", "esc /", "e v i l enter", "r", "w", "space"] {
            screen.keys(keys);
            let seen = screen.seen();
            assert!(seen.chars().all(|letter| letter == '\n' || !letter.is_control()), "{seen:?}");
            assert!(!seen.contains(['\u{202e}', '\u{9b}']), "{seen:?}");
            for line in seen.lines() {
                assert!(retake::text::escape::columns(line) <= usize::from(columns), "{line}");
            }
        }
        screen.keys("esc esc g j");
        let seen = screen.seen();
        if columns == 100 {
            let bar = |line: &str| line.rfind('│').map(|at| retake::text::escape::columns(&line[..at]));
            let bars: Vec<_> =
                seen.lines().skip(2).take(rows as usize - 8).filter(|line| line.len() > 60).map(bar).collect();
            assert!(bars.len() > 5 && bars.iter().all(|at| *at == bars[0]), "{bars:?}\n{seen}");
        }
    }
}

#[test]
fn any_keys_at_any_size_are_taken() {
    use proptest::prelude::*;
    let names: Vec<&str> = retake::tui::KEYS.iter().map(|(key, _)| *key).collect();
    let key = prop_oneof![
        4 => proptest::sample::select(names),
        1 => proptest::sample::select(vec![":", "/", "1", "9", "y", "é", "語", "=", ".", "delete", "left", "up"]),
    ];
    let runs = [made::weekend, made::prices, panel, hostile, made::replayed];
    let strategy = (0..runs.len(), 0..90_u16, 0..30_u16, proptest::collection::vec(key, 1..40));
    let config = ProptestConfig { cases: 96, ..ProptestConfig::default() };
    proptest!(config, |((run, columns, rows, keys) in strategy)| {
        let mut screen = Screen::new(opened(runs[run](), TREE), columns, rows);
        for key in keys {
            screen.keys(key).seen();
        }
    });
}

#[test]
fn five_thousand_nodes_are_walked() {
    let mut run = made::run("kmqxpwtz", &["python", "long.py"]);
    for id in 1..=5_000_u32 {
        let detail = if id % 2 == 1 {
            made::call("m", vec![made::says(0, "user", &format!("question {id}"))], vec![made::text("yes")], (9, 1))
        } else {
            made::tool(&format!("call_{id}"), "{}", &format!("result {id}"))
        };
        let kind = if id % 2 == 1 { Kind::Llm } else { Kind::Tool };
        run.graph.add(made::node(id, kind, "step", u64::from(id), u64::from(id) + 1, detail));
    }
    let edges = (2..=5_000).map(|id| (id - 1, id, if id % 2 == 0 { Edge::ToolCall } else { Edge::ToolResult }));
    made::connect(&mut run, edges.collect());
    let mut screen = Screen::new(opened(run, &[]), 120, 36);
    screen.keys("G");
    assert!(screen.seen().contains("› ■  5000 step"), "{}", screen.seen());
    screen.keys("/").types("question 2501").keys("enter");
    assert!(screen.seen().contains("› ●  2501 step"), "{}", screen.seen());
    screen.keys("u u");
    assert!(screen.seen().contains("› ●  2499 step"), "{}", screen.seen());
}
