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

/// A conversation in which each request has what was said before; the system prompt is `system`.
fn talk(system: &str, turns: &[&str]) -> String {
    let mut messages = vec![format!(r#"{{"role":"system","content":{}}}"#, crate::text::json::quote(system))];
    for (place, turn) in turns.iter().enumerate() {
        let role = if place % 2 == 0 { "user" } else { "assistant" };
        messages.push(format!(r#"{{"role":"{role}","content":{}}}"#, crate::text::json::quote(turn)));
    }
    format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","))
}

/// 2026-11-24 10:00 in microseconds.
const MORNING: u64 = 1_795_514_400_000_000;

fn talk_run(system: &str, turns: &[&str]) -> Run {
    let mut tape =
        Tape { events: vec![Event::Started(Started { at: Micros(MORNING), ..Started::default() })], time: MORNING };
    for (seq, place) in (1..).zip((0..turns.len()).step_by(2)) {
        tape.call(seq, &talk(system, &turns[..=place]), &text(turns[place + 1]));
    }
    tape.run()
}

#[test]
fn a_changed_prompt_does_not_revert_where_it_carries_what_is_fresh_in_each_run() {
    let turns = ["one", "A first thing", "two", "A second thing", "three", "A third thing"];
    for (then, now) in [
        ("Run 0f8fad5b-d9cb-469f-a165-70867728950e. Write.", "Run 7c9e6679-7425-40de-944b-e07fc1f90ae7. Write."),
        ("Work in /tmp/tmpab12cd3e only.", "Work in /tmp/tmpzz98yx7w only."),
        ("It is 2026-11-24 09:59:58. Write.", "It is 2026-11-24 13:59:57. Write."),
    ] {
        let here = Started { at: Micros(MORNING + 4 * 3_600_000_000), ..Started::default() };
        let mut replay = Replay::begun(talk_run(then, &turns), with(&["1.system=Shout."]), &here);
        let mut said: Vec<String> = Vec::new();
        for (place, live) in [(0, "LOUD ONE"), (2, "LOUD TWO"), (4, "LOUD THREE")] {
            let asked: Vec<&str> =
                (0..=place).map(|at| if at % 2 == 0 { turns[at] } else { said[at / 2].as_str() }).collect();
            let decision = replay.ask(&talk(now, &asked), &text(live));
            assert_eq!(decision.decided.action, Action::SendChanged, "{now} {place} {:?}", decision.refusal);
            assert!(sent(&decision).contains("Shout.") && !sent(&decision).contains("Write."), "{}", sent(&decision));
            said.push(live.to_owned());
        }
    }
}

#[test]
fn what_follows_an_edited_answer_is_sent_with_it_however_alike_the_turns_are() {
    let turns = ["write it", "draft", "continue", "alpha", "continue", "alpha again", "continue", "end"];
    for (change, edited) in [("1.answer=beta", 0), ("2.answer=draft", 1), ("3.answer=7", 2)] {
        let mut replay = Replay::of(talk_run("Write.", &turns), with(&[change]));
        let value = change.split_once('=').expect("a change").1;
        let mut said: Vec<&str> = Vec::new();
        for call in 0..4 {
            let asked: Vec<&str> =
                (0..=call * 2).map(|at| if at % 2 == 0 { turns[at] } else { said[at / 2] }).collect();
            let answer = match call.cmp(&edited) {
                std::cmp::Ordering::Less => turns[call * 2 + 1],
                std::cmp::Ordering::Equal => value,
                std::cmp::Ordering::Greater => ["live one", "live two", "live three"][call - 1],
            };
            let decision = replay.ask(&talk("Write.", &asked), &text(answer));
            let action = match call.cmp(&edited) {
                std::cmp::Ordering::Less => Action::Serve,
                std::cmp::Ordering::Equal => Action::ServeEdited,
                std::cmp::Ordering::Greater => Action::Send,
            };
            assert_eq!(decision.decided.action, action, "{change}, call {call}");
            said.push(answer);
        }
    }
}

#[test]
fn a_miss_is_the_doing_of_the_change_whose_words_it_carries_and_of_no_other() {
    let (run, [left, right, _]) = fan_out();
    for (answer, next, may) in [
        ("the tide turns at seven", "say it in French: the tide turns at seven", true),
        (r#"{"port": "Harwich"}"#, "how far is HARWICH?", true),
        ("order 8817 is late", "where is 8817", true),
        ("the tide turns at seven", "how far is Dover?", false),
        (r#"{"port": "Harwich"}"#, "which port?", false),
        ("7", "what is the weather", false),
    ] {
        let mut replay = Replay::of(run.clone(), with(&[&format!("1.answer={answer}")]));
        assert_eq!(replay.ask(&left, &text(answer)).decided.action, Action::ServeEdited);
        let missed = replay.ask(&right.replace("question", next), &text("ok"));
        let expected = if may { Action::Send } else { Action::Refuse };
        assert_eq!(missed.decided.action, expected, "{answer} / {next}");
    }
}

#[test]
fn what_would_be_held_is_sent_if_it_carries_what_a_changed_answer_brought() {
    let ask = |seven: &str| two(&format!(r#"{{"amount": 4999, "note": "{seven}"}}"#), "call_a1");
    let mut tape = Tape::new();
    tape.call(1, &talk("Notes.", &["a note?"]), &text("nothing to note"));
    tape.call(2, ONE, &calls(&[("call_a1", "get_price", "{}")]));
    tape.call(3, &ask("nothing to note"), &text("It costs 4999."));
    let run = tape.run();
    let other = "sold by the crate of twelve";
    let mut replay = Replay::of(run.clone(), with(&[&format!("1.answer={other}")]));
    replay.ask(&talk("Notes.", &["a note?"]), &text(other));
    replay.ask(ONE, "");
    let last = replay.ask(&ask(other), &text("ok"));
    assert_eq!(last.decided.action, Action::Send);
    let mut replay = Replay::of(run, with(&["1.answer=sold by the crate of twelve"]));
    replay.ask(&talk("Notes.", &["a note?"]), &text(other));
    replay.ask(ONE, "");
    assert_eq!(replay.ask(&ask("weighed anew"), "").decided.grade, Grade::Held);
}

#[test]
fn the_nearest_call_is_the_next_of_the_conversation_and_then_what_says_most_of_the_same_in_order() {
    let turns = ["write it", "draft", "continue", "alpha", "continue", "alpha again", "continue", "end"];
    let nearest = |asked: &str, before: &[String]| {
        let mut replay = Replay::of(talk_run("Write.", &turns), Options::default());
        for body in before {
            assert_eq!(replay.ask(body, "").decided.action, Action::Serve);
        }
        replay.ask(asked, "").refusal.expect("a reason").details.first().cloned().unwrap_or_default()
    };
    let talked = |upto: usize| talk("Write.", &turns[..upto]);
    let other = |upto: usize, last: &str| talk("Write.", &[&turns[..upto - 1], &[last]].concat());
    assert_eq!(
        nearest(&other(5, "go on"), &[talked(1), talked(3)]),
        "nearest is node 3 `Write.`, which differs in `messages[5].content`"
    );
    assert_eq!(
        nearest(&other(3, "continue, please"), &[talked(1)]),
        "nearest is node 2 `Write.`, which differs in `messages[3].content`"
    );
    // Without a conversation: the same words in the same order, not the same set of them.
    let mut tape = Tape::new();
    tape.call(1, &talk("Rank.", &["the dog bit the man and ran"]), &text("1"));
    tape.call(2, &talk("Rank.", &["the man bit the dog and sat"]), &text("2"));
    let mut replay = Replay::of(tape.run(), Options::default());
    let missed = replay.ask(&talk("Rank.", &["the man bit the dog and ran"]), "").refusal.expect("a reason");
    assert_eq!(missed.details[0], "nearest is node 2 `Rank.`, which differs in `messages[1].content`");
}

#[test]
fn a_miss_in_a_long_text_shows_what_differs() {
    let long = |what: &str| format!("{} the {what} of the house {}", "before ".repeat(40), "after ".repeat(40));
    let mut tape = Tape::new();
    tape.call(1, &talk("Read.", &[&long("blue door")]), &text("ok"));
    let missed = Replay::of(tape.run(), Options::default()).ask(&talk("Read.", &[&long("red gate")]), "");
    let details = missed.refusal.expect("a reason").details;
    assert_eq!(
        details[1..3],
        [
            "recorded: …before before before before before  the blue door of the house after after afte…",
            "now:      …before before before before before  the red gate of the house after after afte…",
        ]
    );
}

#[test]
fn a_hint_is_given_only_if_it_helps() {
    let hint = |then: &str, now: &str| {
        let mut tape = Tape::new();
        tape.call(1, then, &text("ok"));
        Replay::of(tape.run(), Options::default()).ask(now, "").refusal.expect("a reason").hint.unwrap_or_default()
    };
    let ask = |text: &str| talk("You help.", &[text]);
    assert_eq!(
        hint(&ask("Ticket 28pl is open"), &ask("Ticket z9kx is open")),
        r"is `z9kx` new in each run? add `[names] patterns = ['Ticket ([0-9a-z]{4})\b']` to `retake.toml`"
    );
    assert_eq!(hint(&ask("Ticket 28pl is open"), &ask("Ticket z9kx is shut")), "");
    let seeded = |seed: u32| ask("hi").replace(r#""model":"m""#, &format!(r#""model":"m","seed":{seed}"#));
    assert_eq!(hint(&seeded(1), &seeded(2)), "to accept the difference, add `--ignore 'seed'`");
    assert_eq!(hint(&seeded(1), &seeded(2).replace("hi", "ho")), "");
}

/// A request in which turns of tool calls were answered; each turn is a list of id, tool, arguments and result.
fn worked(turns: &[&[(&str, &str, &str, &str)]]) -> String {
    let mut messages = vec![r#"{"role":"user","content":"compare"}"#.to_owned()];
    for turn in turns {
        let asked: Vec<(&str, &str, &str)> =
            turn.iter().map(|(id, name, arguments, _)| (*id, *name, *arguments)).collect();
        let answer = calls(&asked);
        let json = crate::text::json::Json::parse_text(&answer).expect("an answer");
        let message = json.root().get("choices").and_then(|choices| choices.items().next()?.get("message"));
        messages.push(message.expect("a message").raw_str().into_owned());
        for (id, _, _, result) in *turn {
            messages.push(format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"{result}"}}"#));
        }
    }
    format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","))
}

#[test]
fn a_changed_result_is_that_of_one_call_however_servers_number_them() {
    for ids in [["search:0", "search:0", "search:0"], ["search", "search", "search"], ["", "", ""], ["c1", "c2", "c3"]]
    {
        let one = |result| (ids[0], "search", r#"{"q":"alpha"}"#, result);
        let two = |result| (ids[1], "search", r#"{"q":"beta"}"#, result);
        let three = |result| (ids[2], "search", r#"{"q":"gamma"}"#, result);
        let (first, second) = ([one("facts on alpha")], [two("facts on beta"), three("facts on gamma")]);
        let mut tape = Tape::new();
        tape.call(1, &worked(&[]), &calls(&[(ids[0], "search", r#"{"q":"alpha"}"#)]));
        tape.call(
            2,
            &worked(&[&first]),
            &calls(&[(ids[1], "search", r#"{"q":"beta"}"#), (ids[2], "search", r#"{"q":"gamma"}"#)]),
        );
        tape.call(3, &worked(&[&first, &second]), &text("done"));
        let run = tape.run();
        let tools: Vec<(u32, String)> = run
            .graph
            .nodes()
            .filter_map(|node| match &node.detail {
                crate::model::Detail::Tool(tool) => Some((node.id.0, tool.result.clone().unwrap_or_default())),
                _ => None,
            })
            .collect();
        for (node, old) in &tools {
            let mut replay = Replay::of(run.clone(), with(&[&format!("{node}.result=CHANGED")]));
            let answers = [
                calls(&[(ids[0], "search", r#"{"q":"alpha"}"#)]),
                calls(&[(ids[1], "search", r#"{"q":"beta"}"#), (ids[2], "search", r#"{"q":"gamma"}"#)]),
                text("anew"),
            ];
            let mut last = String::new();
            for (asked, live) in [worked(&[]), worked(&[&first]), worked(&[&first, &second])].iter().zip(&answers) {
                let decision = replay.ask(asked, live);
                assert_ne!(decision.decided.action, Action::Refuse, "{ids:?} {node}");
                last = sent(&decision);
            }
            assert_eq!(last, worked(&[&first, &second]).replace(old, "CHANGED"), "{ids:?} {node}");
        }
        assert_eq!(tools.len(), 3, "{ids:?}");
    }
}

#[test]
fn a_result_that_the_agent_s_code_uses_elsewhere_is_warned_about() {
    let warned = |other: &str| {
        let result = "the ferry of half past nine is cancelled";
        let mut tape = Tape::new();
        tape.call(1, ONE, &calls(&[("call_a1", "get_price", "{}")]));
        tape.call(2, &two(result, "call_a1"), &text("No ferry."));
        tape.call(3, &talk("Write to the guests.", &[other]), &text("Dear guests"));
        let plan = Plan::new(tape.run(), with(&["2.result=all is well"])).expect("a plan");
        plan.describe().into_iter().find(|line| line.contains("alone")).unwrap_or_default()
    };
    assert_eq!(
        warned("Tell them that the ferry of half past nine is cancelled, please."),
        "2.result is changed for the model alone: the agent's own code put the real one into node 4"
    );
    assert_eq!(warned("Tell them about the weather."), "");
}
