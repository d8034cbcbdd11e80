//! Matching and plans, tried on runs made by hand.

use bytes::Bytes;

use super::change::{Scope, Wanted};
use super::matcher::{Decision, Matcher};
use super::plan::{Live, Options, Plan};
use crate::model::event::{Action, AnswerHead, Chunks, End, Ending, Event, Grade, Request, Seq, Started};
use crate::model::{Micros, NodeId, Run, RunId};
use crate::record::assemble;

/// A recording that is written down call by call.
#[derive(Default)]
pub(super) struct Tape {
    pub(super) events: Vec<Event>,
    pub(super) time: u64,
}

pub(super) fn request(seq: Seq, at: u64, body: &str) -> Request {
    Request {
        seq,
        at: Micros(at),
        provider: "openai".into(),
        upstream: "https://api.openai.com".into(),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        query: String::new(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: Bytes::copy_from_slice(body.as_bytes()),
        coding: String::new(),
    }
}

pub(super) fn text(answer: &str) -> String {
    let content = crate::text::json::quote(answer);
    format!(
        r#"{{"id":"chatcmpl-{}","object":"chat.completion","model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":{content}}},"finish_reason":"stop"}}]}}"#,
        answer.len()
    )
}

pub(super) fn calls(calls: &[(&str, &str, &str)]) -> String {
    let calls: Vec<String> = calls
        .iter()
        .map(|(id, name, arguments)| {
            format!(
                r#"{{"id":"{id}","type":"function","function":{{"name":"{name}","arguments":{}}}}}"#,
                crate::text::json::quote(arguments)
            )
        })
        .collect();
    format!(
        r#"{{"id":"chatcmpl-c","object":"chat.completion","model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":[{}]}},"finish_reason":"tool_calls"}}]}}"#,
        calls.join(",")
    )
}

impl Tape {
    pub(super) fn new() -> Self {
        let mut tape = Self::default();
        tape.events.push(Event::Started(Started { at: Micros(1), ..Started::default() }));
        tape.time = 10;
        tape
    }

    fn tick(&mut self) -> u64 {
        self.time += 10;
        self.time
    }

    pub(super) fn ask(&mut self, seq: Seq, body: &str) {
        let at = self.tick();
        self.events.push(Event::Request(request(seq, at, body)));
    }

    pub(super) fn answer(&mut self, seq: Seq, status: u16, body: &str) {
        let at = Micros(self.tick());
        let headers = vec![("content-type".into(), "application/json".into())];
        self.events.push(Event::Answer(AnswerHead { seq, at, status, headers, coding: String::new() }));
        let pieces = vec![(at, Bytes::copy_from_slice(body.as_bytes()))];
        self.events.push(Event::Chunks(Chunks { seq, pieces }));
        self.events.push(Event::End(End { seq, at, how: Ending::Complete }));
    }

    pub(super) fn call(&mut self, seq: Seq, body: &str, answer: &str) {
        self.ask(seq, body);
        self.answer(seq, 200, answer);
    }

    pub(super) fn run(&self) -> Run {
        assemble(&RunId::from_seed(0), &self.events)
    }
}

/// A replay driven by hand.
pub(super) struct Replay {
    pub(super) matcher: Matcher,
    seq: Seq,
    /// Microseconds that are added to the time of a request.
    pub(super) time: u64,
}

impl Replay {
    pub(super) fn of(run: Run, options: Options) -> Self {
        Self::begun(run, options, &Started::default())
    }

    pub(super) fn begun(run: Run, options: Options, here: &Started) -> Self {
        let plan = Plan::new(run, options).expect("a plan that can be made");
        Self { matcher: Matcher::new(plan, here), seq: 100, time: here.at.0 }
    }

    pub(super) fn decide(&mut self, body: &str) -> (Decision, Seq) {
        self.seq += 1;
        let request = request(self.seq, self.time + self.seq * 1_000, body);
        let parsed = self.matcher.parse(&request);
        (self.matcher.decide(&request, &parsed), self.seq)
    }

    /// Asks, and takes the answer: the recorded one, or `live`.
    pub(super) fn ask(&mut self, body: &str, live: &str) -> Decision {
        let (decision, seq) = self.decide(body);
        self.take(&decision, seq, body, live);
        decision
    }

    fn take(&mut self, decision: &Decision, seq: Seq, body: &str, live: &str) {
        let request = request(seq, seq * 1_000, body);
        let parsed = self.matcher.parse(&request);
        let changed = !matches!(decision.decided.action, Action::Serve);
        let body = match decision.entry {
            Some(_) if decision.renamed.is_some() => decision.renamed.clone().unwrap_or_default().concat().into(),
            Some(place) if !changed => {
                let seq = self.matcher.entry(place).seq;
                self.matcher.plan.run().calls[&seq].answer.as_ref().expect("it was answered").body()
            }
            _ => Bytes::copy_from_slice(live.as_bytes()),
        };
        if decision.decided.action != Action::Refuse {
            self.matcher.ended(seq, true, Some((&parsed, 200, "application/json", &body)), changed);
        }
    }
}

fn wanted(text: &str) -> Wanted {
    Wanted::parse(text).expect("a change")
}

fn with(changes: &[&str]) -> Options {
    Options { changes: changes.iter().map(|change| wanted(change)).collect(), ..Options::default() }
}

fn sent(decision: &Decision) -> String {
    let body = decision.decided.sent.clone().unwrap_or_default();
    String::from_utf8_lossy(&body).into_owned()
}

const ONE: &str =
    r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"}]}"#;

fn two(result: &str, id: &str) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"system","content":"Be brief."}},{{"role":"user","content":"hi"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"get_price","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"{id}","content":{}}}]}}"#,
        crate::text::json::quote(result)
    )
}

/// A call that asks for a tool, and the call that reads its result.
fn tool_run() -> Run {
    let mut tape = Tape::new();
    tape.call(1, ONE, &calls(&[("call_a1", "get_price", "{}")]));
    tape.call(2, &two(r#"{"amount": 4999}"#, "call_a1"), &text("It costs 4999."));
    tape.run()
}

#[test]
fn a_run_of_two_calls_and_a_tool_has_three_nodes_in_a_lane() {
    let run = tool_run();
    let nodes: Vec<(u32, &str)> = run.graph.nodes().map(|node| (node.id.0, node.kind.as_str())).collect();
    assert_eq!(nodes, [(1, "llm"), (2, "tool"), (3, "llm")]);
    let edges: Vec<(u32, u32, &str)> =
        run.graph.edges().into_iter().map(|(from, to, edge)| (from.0, to.0, edge.as_str())).collect();
    assert_eq!(edges, [(1, 2, "tool_call"), (1, 3, "then"), (2, 3, "tool_result")]);
}

#[test]
fn an_unchanged_replay_serves_everything_and_a_further_call_is_refused() {
    let mut replay = Replay::of(tool_run(), Options::default());
    assert_eq!(replay.ask(ONE, "").decided.action, Action::Serve);
    let second = replay.ask(&two(r#"{"amount": 4999}"#, "call_a1"), "");
    assert_eq!(
        (second.decided.action, second.decided.grade, second.decided.node),
        (Action::Serve, Grade::Exact, Some(NodeId(3)))
    );
    let third = replay.ask(ONE, "");
    assert_eq!(third.decided.action, Action::Refuse);
    assert!(third.refusal.expect("a reason").reason.contains("once more"));
}

#[test]
fn a_tool_that_answers_anew_is_held_and_said() {
    let mut replay = Replay::of(tool_run(), Options::default());
    replay.ask(ONE, "");
    let second = replay.ask(&two(r#"{"amount": 49.99}"#, "call_a1"), "");
    assert_eq!((second.decided.action, second.decided.grade), (Action::Serve, Grade::Held));
    assert_eq!(second.decided.notes, ["held: get_price $.amount 49.99, held 4999"]);
}

#[test]
fn a_result_is_not_held_for_a_call_that_was_not_served() {
    let mut replay = Replay::of(tool_run(), Options::default());
    replay.ask(ONE, "");
    let other = replay.ask(&two(r#"{"amount": 49.99}"#, "call_zz"), "");
    assert_eq!(other.decided.action, Action::Refuse);
}

#[test]
fn a_changed_prompt_holds_for_the_conversation() {
    let mut replay = Replay::of(tool_run(), with(&["1.system=Be long."]));
    let first = replay.ask(ONE, &calls(&[("call_new", "get_price", "{}")]));
    assert_eq!((first.decided.action, first.decided.node), (Action::SendChanged, Some(NodeId(1))));
    assert!(sent(&first).contains("Be long."));
    let second = replay.ask(&two("5", "call_new"), &text("five"));
    assert_eq!((second.decided.action, second.decided.node), (Action::SendChanged, Some(NodeId(3))));
    assert!(sent(&second).contains("Be long.") && sent(&second).contains(r#""content":"5""#));
}

#[test]
fn a_changed_prompt_holds_once_where_that_was_asked_for() {
    let options = Options { scope: Scope::Once, ..with(&["1.system=Be long."]) };
    let mut replay = Replay::of(tool_run(), options);
    assert_eq!(replay.ask(ONE, &calls(&[("call_new", "get_price", "{}")])).decided.action, Action::SendChanged);
    assert_eq!(replay.ask(&two("5", "call_new"), &text("five")).decided.action, Action::Send);
}

#[test]
fn a_changed_result_replaces_the_real_one_wherever_its_call_id_stands() {
    let mut replay = Replay::of(tool_run(), with(&["2.result.amount=49.99"]));
    assert_eq!(replay.ask(ONE, "").decided.action, Action::Serve);
    let second = replay.ask(&two(r#"{"amount": 1}"#, "call_a1"), &text("ok"));
    assert_eq!((second.decided.action, second.decided.node), (Action::SendChanged, Some(NodeId(3))));
    assert!(sent(&second).contains(r#"{\"amount\": 49.99}"#), "{}", sent(&second));
}

#[test]
fn an_edited_answer_is_served_and_what_follows_is_sent() {
    let mut replay = Replay::of(tool_run(), with(&["1.tool_calls[0].arguments.x=1"]));
    let first = replay.ask(ONE, &calls(&[("call_a1", "get_price", r#"{"x":1}"#)]));
    assert_eq!(first.decided.action, Action::ServeEdited);
    let second =
        replay.ask(&two("7", "call_a1").replace(r#""arguments":"{}""#, r#""arguments":"{\"x\":1}""#), &text("7"));
    assert_eq!(second.decided.action, Action::Send);
}

#[test]
fn what_has_no_key_is_refused_and_ends_all_sending() {
    let check = |changes: &[&str], live: Live| {
        let mut replay = Replay::of(tool_run(), Options { live, ..with(changes) });
        replay.matcher.keyless = true;
        let first = replay.ask(ONE, "");
        assert_eq!((first.decided.action, first.decided.node), (Action::Refuse, Some(NodeId(1))), "{changes:?}");
        assert!(first.decided.sent.is_none() && first.refusal.expect("a reason").reason.contains("no key"));
        // The second has a key, of another provider for one, and would be sent.
        replay.matcher.keyless = false;
        let second = replay.ask(&two("refused", "call_zz"), "");
        assert_eq!(second.decided.action, Action::Refuse);
        assert!(second.refusal.expect("a reason").reason.contains("refused before"));
        assert_eq!(replay.matcher.sent, 0);
    };
    check(&["1.system=Be long."], Live::Always);
    check(&["1.model=m2"], Live::Always);
    check(&["1.messages[1].content=ho"], Live::Always);

    // Without a key what is recorded is served all the same.
    let mut replay = Replay::of(tool_run(), Options { live: Live::Always, ..Options::default() });
    replay.matcher.keyless = true;
    assert_eq!(replay.ask(ONE, "").decided.action, Action::Serve);
    assert_eq!(replay.ask("{}", "").decided.action, Action::Refuse);
}

/// Two branches at once and a call that joins their answers.
fn fan_out() -> (Run, [String; 3]) {
    let ask = |system: &str, user: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"{user}"}}]}}"#
        )
    };
    let (left, right) = (ask("Left branch.", "question"), ask("Right branch.", "question"));
    let join = ask("Join.", "the left branch says a long thing / the right branch says another long thing");
    let mut tape = Tape::new();
    tape.ask(1, &left);
    tape.ask(2, &right);
    tape.answer(2, 200, &text("the right branch says another long thing"));
    tape.answer(1, 200, &text("the left branch says a long thing"));
    tape.call(3, &join, &text("joined"));
    (tape.run(), [left, right, join])
}

#[test]
fn a_join_hangs_under_its_branches_and_branches_not_under_each_other() {
    let (run, _) = fan_out();
    let edges: Vec<(u32, u32, &str)> =
        run.graph.edges().into_iter().map(|(from, to, edge)| (from.0, to.0, edge.as_str())).collect();
    assert_eq!(edges, [(1, 3, "data"), (2, 3, "data")]);
}

#[test]
fn a_change_in_one_branch_leaves_the_other_served_and_sends_the_join() {
    let (run, [left, right, join]) = fan_out();
    let mut replay = Replay::of(run, with(&["1.system=Left branch, changed."]));
    let (first, first_seq) = replay.decide(&left);
    let (second, second_seq) = replay.decide(&right);
    assert_eq!((first.decided.action, second.decided.action), (Action::SendChanged, Action::Serve));
    replay.take(&first, first_seq, &left, &text("now the left branch says something else"));
    replay.take(&second, second_seq, &right, "");
    let joined = join.replace("the left branch says a long thing", "now the left branch says something else");
    let third = replay.ask(&joined, &text("joined anew"));
    assert_eq!(third.decided.action, Action::Send);
}

#[test]
fn a_miss_in_a_parallel_branch_is_not_the_change_s_doing() {
    let (run, [left, right, _]) = fan_out();
    let mut replay = Replay::of(run, with(&["1.system=Left branch, changed."]));
    replay.ask(&left, &text("other"));
    let missed = replay.ask(&right.replace("question", "another question"), "");
    assert_eq!(missed.decided.action, Action::Refuse);
    assert!(missed.refusal.expect("a reason").details[0].contains("`messages[1].content`"));
}

#[test]
fn nothing_is_sent_after_a_refusal() {
    let (run, [left, right, _]) = fan_out();
    let mut replay = Replay::of(run, with(&["1.system=Left branch, changed."]));
    assert_eq!(replay.ask(&right.replace("question", "x"), "").decided.action, Action::Refuse);
    assert_eq!(replay.ask(&left, "").decided.action, Action::Refuse);
    assert_eq!(replay.ask(&right, "").decided.action, Action::Serve);
}

#[test]
fn live_always_lets_misses_out_and_from_sends_what_is_equal() {
    let (run, [left, right, _]) = fan_out();
    let mut replay = Replay::of(run.clone(), Options { live: Live::Always, ..Options::default() });
    assert_eq!(replay.ask(&left.replace("question", "x"), &text("y")).decided.action, Action::Send);
    assert_eq!(replay.ask(&left, "").decided.action, Action::Serve);
    let mut replay = Replay::of(run, Options { from: vec![NodeId(2)], ..Options::default() });
    assert_eq!(replay.ask(&left, "").decided.action, Action::Serve);
    assert_eq!(replay.ask(&right, &text("y")).decided.action, Action::Send);
}

#[test]
fn twins_in_flight_together_are_said_to_be_interchangeable() {
    let mut tape = Tape::new();
    tape.ask(1, ONE);
    tape.ask(2, ONE);
    tape.answer(1, 200, &text("a"));
    tape.answer(2, 200, &text("bb"));
    let mut replay = Replay::of(tape.run(), Options::default());
    let (first, _) = replay.decide(ONE);
    let (second, _) = replay.decide(ONE);
    assert_eq!((first.decided.grade, first.decided.node), (Grade::Interchangeable, Some(NodeId(1))));
    assert_eq!(second.decided.node, Some(NodeId(2)));
}

#[test]
fn equal_calls_one_after_the_other_are_served_in_order_and_exact() {
    let mut tape = Tape::new();
    tape.call(1, ONE, &text("a"));
    tape.call(2, ONE, &text("bb"));
    let mut replay = Replay::of(tape.run(), Options::default());
    let (first, second) = (replay.ask(ONE, ""), replay.ask(ONE, ""));
    assert_eq!((first.decided.grade, first.decided.node), (Grade::Exact, Some(NodeId(1))));
    assert_eq!((second.decided.grade, second.decided.node), (Grade::Exact, Some(NodeId(2))));
}

#[test]
fn attempts_are_one_node_and_are_replayed_as_they_happened() {
    let mut tape = Tape::new();
    tape.ask(1, ONE);
    tape.answer(1, 429, r#"{"error":{"message":"slow down"}}"#);
    tape.call(2, ONE, &text("a"));
    let run = tape.run();
    assert_eq!(run.graph.len(), 1);
    let mut replay = Replay::of(run, Options::default());
    let first = replay.ask(ONE, "");
    let second = replay.ask(ONE, "");
    let seq = |decision: &Decision| replay.matcher.entry(decision.entry.expect("served")).seq;
    assert_eq!((seq(&first), seq(&second)), (1, 2));
}

#[test]
fn a_client_that_left_gives_its_answer_back() {
    let mut replay = Replay::of(tool_run(), Options::default());
    let (_, seq) = replay.decide(ONE);
    replay.matcher.ended(seq, false, None, false);
    assert_eq!(replay.ask(ONE, "").decided.action, Action::Serve);
}

#[test]
fn a_miss_says_when_only_the_order_of_parallel_answers_differs() {
    let ask = |content: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{content}"}}]}}"#);
    let mut tape = Tape::new();
    tape.call(1, &ask("first: amber / second: river"), &text("joined"));
    let mut replay = Replay::of(tape.run(), Options::default());
    let missed = replay.ask(&ask("second: river / first: amber"), "").refusal.expect("a reason");
    assert!(missed.details.iter().any(|line| line.contains("only the order")), "{:?}", missed.details);
    let other = replay.ask(&ask("second: river / first: copper"), "").refusal.expect("a reason");
    assert!(!other.details.iter().any(|line| line.contains("only the order")), "{:?}", other.details);
}

#[test]
fn a_miss_says_when_the_agent_remembers_a_conversation() {
    let mut replay = Replay::of(tool_run(), Options::default());
    let remembered = r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"},{"role":"assistant","content":"hello from yesterday"},{"role":"user","content":"hi"}]}"#;
    let missed = replay.ask(remembered, "").refusal.expect("a reason");
    assert!(missed.details.iter().any(|line| line.contains("remembers")), "{:?}", missed.details);
}
