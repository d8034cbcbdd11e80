//! Names and readings: which requests are equal up to them, and what is served then.

use bytes::Bytes;
use proptest::prelude::*;

use super::matcher::Decision;
use super::plan::Options;
use super::tests::{Replay, Tape, calls, text};
use crate::config::{Names, Settings};
use crate::model::event::{Action, Event, Grade, Started};
use crate::model::{Micros, Run};
use crate::names::clock::Clock;
use crate::names::naming::{Naming, Outcome, Sides, Unequal};
use crate::names::opaque::Splitter;
use crate::names::rename::Renamer;
use crate::names::split::{Split, structure};
use crate::text::json::{Json, quote};
use crate::wire::canonical::{self, Canonical};
use crate::wire::{Dialect, keys};

/// Tuesday, 24 November 2026, 08:31:21 UTC.
const THEN: i64 = 1_795_509_081;
/// Thursday, 27 May 2027, 17:02:03 UTC.
const NOW: i64 = 1_811_437_323;
const A: &str = "8d1f3a2b-1111-4222-8333-abcdefabcd01";
const B: &str = "019aa2f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b";
const C: &str = "77777777-aaaa-4bbb-8ccc-00000000000c";

fn naming() -> Naming {
    Naming::new(Splitter::new(Vec::new(), &[], &Names::default()))
}

fn canonical(body: &str) -> Canonical {
    let json = Json::parse_text(body).expect("the test's text is JSON");
    canonical::json("test", &keys::CHAT, json, &|_| None)
}

fn compare(naming: &Naming, recorded: &str, new: &str) -> Result<Outcome, Unequal> {
    let (recorded, new) = (canonical(recorded), canonical(new));
    let (left, right) = (Split::new(&naming.splitter, &recorded), Split::new(&naming.splitter, &new));
    let clock = |now: i64| Clock { start: now - 30, now };
    let sides = Sides { recorded: (&recorded, &left, clock(THEN)), new: (&new, &right, clock(NOW)) };
    let outcome = naming.compare(sides, &|_, _| false);
    if outcome.is_ok() {
        assert_eq!(structure(&recorded), structure(&new), "they would not be looked up");
    }
    outcome
}

/// `Some((names, readings))` that two texts are equal up to, `None` if they are not equal.
fn check(recorded: &str, new: &str, expected: Option<(usize, usize)>) {
    let body = |text: &str| format!(r#"{{"messages":[{{"role":"user","content":{}}}]}}"#, quote(text));
    let mut naming = naming();
    let found = compare(&naming, &body(recorded), &body(new)).ok().map(|outcome| {
        let readings = outcome.readings.len();
        naming.accept(outcome);
        (naming.count(), readings)
    });
    assert_eq!(found, expected, "{recorded} / {new}");
}

#[test]
fn names_may_be_other_ones_and_nothing_else() {
    check("plain", "plain", Some((0, 0)));
    check(&format!("run {A}"), &format!("run {B}"), Some((1, 0)));
    check(&format!("{A} {A}"), &format!("{B} {B}"), Some((1, 0)));
    check(&format!("{A} {A}"), &format!("{B} {C}"), None);
    check(&format!("{A} {B}"), &format!("{C} {C}"), None);
    check(&format!("{A} {B}"), &format!("{B} {A}"), Some((2, 0)));
    check(&format!("{A} {}", A.to_uppercase()), &format!("{B} {}", B.to_uppercase()), Some((1, 0)));
    check(&format!("{A} {}", A.replace('-', "")), &format!("{B} {}", B.replace('-', "")), Some((1, 0)));
    check(&format!("{A} {}", A.replace('-', "")), &format!("{B} {}", C.replace('-', "")), None);
    check("chunk 8d1f3a2b", "chunk 77aa01bc", Some((1, 0)));
    check("chunk 8d1f3a2b", "chunk 77020134", Some((1, 0)));
    check("chunk 12345678", "chunk 77020134", None);
    check("chunk abc12345", "chunk 1234567f", None);
    check("chunk abc12345", "chunk 987654ef", Some((1, 0)));
    check("chunk abcd1234", "chunk abcd1235", None);
    check("chunk cafe1234", "chunk dead5678", None);
    check("chunk fee12345", "chunk bad67890", None);
    check("invoice AB100234", "invoice CD987654", None);
    check("chunk abc12345 of abc12345", "chunk abc12345 of 987654ef", None);
    check("chunk 8d1f3a2b", "chunk 77aa01bc9", None);
    check("chunk 8d1f3a2b", "chunk overflow", None);
    check("call_JxAU7c2Qw9LmZt4R", "call_Bx1U7c2Qw0LmZt9K", Some((1, 0)));
    check("call_JxAU7c2Qw9LmZt4R", "item_Bx1U7c2Qw0LmZt9K", None);
    check("in /tmp/tmpk3x9q2ab/out", "in /tmp/tmpqq81zz0c/out", Some((1, 0)));
    check("in /tmp/tmpk3x9q2ab/out", "in /tmp/tmpqq81zz0c/err", None);
    check("in /tmp/tmpk3x9q2ab/1", "in /var/folders/a/b1/T/tmpqq81zz0c/1", Some((1, 0)));
    check("/tmp/report.txt", "/tmp/invoice.txt", None);
    check("/tmp/report-november", "/tmp/report-december", None);
    check("/tmp/invoice-10423.pdf", "/tmp/invoice-10424.pdf", None);
    check("/tmp/pytest-of-me/pytest-12/a0", "/tmp/pytest-of-root/pytest-3/a0", Some((1, 0)));
    check("http://127.0.0.1:43121/x", "http://127.0.0.1:51007/x", Some((1, 0)));
    check("http://example.com:43121/x", "http://example.com:51007/x", None);
    for (left, right) in [
        ("42", "43"),
        ("order 10004711", "order 10004712"),
        ("49.99", "49.98"),
        ("facade", "arcade"),
        ("deadbeef", "feedbeef"),
        ("v1.2.3", "v1.2.4"),
        ("#ff8800", "#ff8801"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20"),
        ("claude-3-5-sonnet-20240620", "claude-3-5-sonnet-20241022"),
        ("4242424242424242", "4000000000000002"),
        ("1920x1080p60", "1280x0720p50"),
        ("timeout_1h30m15s", "timeout_2h30m15s"),
        ("due 2026-12-24", "due 2026-12-25"),
        ("face2face1", "face2face2"),
        ("Tuesday", "Thursday"),
    ] {
        check(left, right, None);
    }
}

#[test]
fn readings_of_the_clock_are_held_near_both_clocks_only() {
    check("Today's date is 2026-11-24.", "Today's date is 2027-05-27.", Some((0, 1)));
    check("Today: Tuesday, November 24, 2026", "Today: Thursday, May 27, 2027", Some((0, 1)));
    check("Tue Nov 24 2026 09:31:21 GMT+0100", "Thu May 27 2027 18:02:03 GMT+0100", Some((0, 1)));
    check("released 2024-01-02", "released 2027-05-27", None);
    check("released 2026-11-24", "released 2024-01-02", None);
    check("at 2026-11-24T08:31:20Z", "at 2027-05-27T17:02:01Z", Some((0, 1)));
    check("at 2026-11-24T08:31:20Z", "at 2027-05-27T17:09:01Z", None);
    let body = |number: i64| format!(r#"{{"seed":{number}}}"#);
    assert!(compare(&naming(), &body(THEN), &body(NOW)).is_ok());
    assert!(compare(&naming(), &body(THEN * 1000 + 5), &body(NOW * 1000 + 7)).is_ok());
    assert!(compare(&naming(), &body(THEN), &body(NOW + 600)).is_err());
    assert!(compare(&naming(), &body(41), &body(42)).is_err());
}

#[test]
fn names_in_keys_and_ids_count_too() {
    let body = |one: &str, id: &str, said: &str| {
        format!(
            r#"{{"x":{{"{one}":1,"aaa":2,"zzz":3}},"messages":[{{"role":"assistant","tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},{{"role":"user","content":"{said}"}}]}}"#
        )
    };
    let first = body("/tmp/tmpk3x9q2ab", "call_JxAU7c2Qw9LmZt4R", "see call_JxAU7c2Qw9LmZt4R");
    let other = body("/tmp/tmpqq81zz0c", "call_Bx1U7c2Qw0LmZt9K", "see call_Bx1U7c2Qw0LmZt9K");
    assert!(compare(&naming(), &first, &other).is_ok());
    let wrong = body("/tmp/tmpqq81zz0c", "call_Bx1U7c2Qw0LmZt9K", "see call_JxAU7c2Qw9LmZt4R");
    assert!(matches!(compare(&naming(), &first, &wrong), Err(Unequal::Conflict { .. })));
    let sorted_elsewhere = first.replace("/tmp/tmpk3x9q2ab", "8d1f3a2b");
    assert!(compare(&naming(), &sorted_elsewhere, &sorted_elsewhere.replace("8d1f3a2b", "b77a01bc")).is_ok());
    assert!(compare(&naming(), &sorted_elsewhere, &sorted_elsewhere.replace("aaa", "aab")).is_err());
}

#[test]
fn what_a_provider_signed_counts_as_it_stands() {
    let body =
        |name: &str| format!(r#"{{"messages":[{{"content":[{{"type":"thinking","thinking":"{name}"}},{{"x":1}}]}}]}}"#);
    assert!(compare(&naming(), &body(A), &body(A)).is_ok());
    assert!(compare(&naming(), &body(A), &body(B)).is_err());
}

fn ask(content: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":{}}}]}}"#, quote(content))
}

fn run(calls: &[(&str, String)], places: &[(&str, &str)]) -> Run {
    let mut tape = Tape::new();
    tape.time = u64::try_from(THEN).expect("after 1970") * 1_000_000;
    if let Some(Event::Started(started)) = tape.events.first_mut() {
        started.at = Micros(tape.time);
        started.directory = "/home/me/shop".into();
        started.places = places.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    }
    for (seq, (content, answer)) in (1..).zip(calls) {
        tape.call(seq, &ask(content), answer);
    }
    tape.run()
}

fn replay(run: Run, options: Options) -> Replay {
    let here = Started {
        at: Micros(u64::try_from(NOW).expect("after 1970") * 1_000_000),
        directory: "/ci/job-7".into(),
        places: vec![("home".into(), "/root".into())],
        ..Started::default()
    };
    Replay::begun(run, options, &here)
}

fn served(decision: &Decision) -> String {
    String::from_utf8_lossy(&decision.renamed.clone().unwrap_or_default().concat()).into_owned()
}

#[test]
fn an_answer_is_served_with_the_names_of_now() {
    let (one, two) = (format!("session {A} in /home/me/shop"), format!("again {A}"));
    let run =
        run(&[(&one, text(&format!("hello {A}, /home/me/shop/x"))), (&two, text("bye"))], &[("home", "/home/me")]);
    let mut replay = replay(run, Options::default());
    let first = replay.ask(&ask(&format!("session {B} in /ci/job-7")), "");
    assert_eq!((first.decided.action, first.decided.grade), (Action::Serve, Grade::Names));
    assert!(served(&first).contains(&format!("hello {B}, /ci/job-7/x")), "{}", served(&first));
    assert_eq!(
        first.decided.notes,
        [format!("name: {A} is now {B}"), "name: /home/me/shop is now /ci/job-7".to_owned()]
    );
    let second = replay.ask(&ask(&format!("again {B}")), "");
    assert_eq!((second.decided.grade, second.decided.notes.len()), (Grade::Names, 0));
}

#[test]
fn a_name_that_stands_for_two_is_a_miss_that_says_so() {
    let (one, two) = (format!("session {A}"), format!("again {A}"));
    let mut tape = replay(run(&[(&one, text("x")), (&two, text("y"))], &[]), Options::default());
    assert_eq!(tape.ask(&ask(&format!("session {B}")), "").decided.action, Action::Serve);
    let missed = tape.ask(&ask(&format!("again {C}")), "");
    assert_eq!(missed.decided.action, Action::Refuse);
    let details = missed.refusal.expect("a reason").details;
    assert!(details.contains(&format!("`{A}` was renamed to `{B}` before")), "{details:?}");
    // What stood unchanged once cannot be renamed later.
    let mut tape = replay(run(&[(&one, text("x")), (&two, text("y"))], &[]), Options::default());
    assert_eq!(tape.ask(&ask(&one), "").decided.grade, Grade::Exact);
    let missed = tape.ask(&ask(&format!("again {B}")), "");
    let details = missed.refusal.expect("a reason").details;
    assert!(details.iter().any(|line| line.contains("stood unchanged before")), "{details:?}");
}

#[test]
fn an_exact_match_outranks_names_and_a_known_name_a_new_one() {
    let (one, two, three) = (format!("do {A}"), format!("do {B}"), format!("do {C}"));
    let run = run(&[(&one, text("1")), (&two, text("2")), (&three, text("3"))], &[]);
    let mut tape = replay(run, Options::default());
    let exact = tape.ask(&ask(&two), "");
    assert_eq!((exact.decided.grade, exact.decided.node.map(|node| node.0)), (Grade::Exact, Some(2)));
    // Either of the others may be meant, and they were answered differently.
    let fresh = tape.ask(&ask("do 99999999-aaaa-4bbb-8ccc-00000000000c"), "");
    assert_eq!((fresh.decided.grade, fresh.decided.node.map(|node| node.0)), (Grade::Interchangeable, Some(1)));
}

#[test]
fn a_held_reading_is_said_once_and_stands_in_what_is_sent() {
    let prompt = |day: &str, ask: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"system","content":"Today is {day}."}},{{"role":"user","content":"{ask}"}}]}}"#
        )
    };
    let mut tape = Tape::new();
    tape.time = u64::try_from(THEN).expect("after 1970") * 1_000_000;
    if let Some(Event::Started(started)) = tape.events.first_mut() {
        started.at = Micros(tape.time);
    }
    tape.call(1, &prompt("2026-11-24", "a"), &text("tomorrow"));
    tape.call(2, &prompt("2026-11-24", "b"), &text("b"));
    let live = Options { live: super::plan::Live::Always, ..Options::default() };
    let mut replay = replay(tape.run(), live);
    let first = replay.ask(&prompt("2027-05-27", "a"), "");
    assert_eq!(first.decided.grade, Grade::Held);
    assert_eq!(first.decided.notes, ["held: reading 2026-11-24 at messages[0].content, now 2027-05-27"]);
    let second = replay.ask(&prompt("2027-05-27", "b"), "");
    assert_eq!((second.decided.grade, second.decided.notes.len()), (Grade::Held, 0));
    let third = replay.ask(&prompt("2027-05-27", "new on 2027-05-27"), &text("c"));
    assert_eq!(third.decided.action, Action::SendChanged);
    let sent = String::from_utf8_lossy(&third.decided.sent.expect("a body")).into_owned();
    assert!(sent.contains("Today is 2026-11-24.") && sent.contains("new on 2027-05-27"), "{sent}");
}

#[test]
fn a_renamed_destructive_call_needs_consent() {
    let one = format!("session {A}");
    let answer = calls(&[("call_1", "delete_session", &format!(r#"{{"id":"{A}"}}"#))]);
    let recorded = run(&[(&one, answer)], &[]);
    let mut tape = replay(recorded.clone(), Options::default());
    let refused = tape.ask(&ask(&format!("session {B}")), "");
    assert_eq!(refused.decided.action, Action::Refuse);
    assert!(refused.needs_consent[0].starts_with("renamed in a destructive call: delete_session"));
    let mut tape = replay(recorded, Options { allow_effects: true, ..Options::default() });
    let agreed = tape.ask(&ask(&format!("session {B}")), "");
    assert_eq!(agreed.decided.action, Action::Serve);
    assert!(agreed.decided.notes.iter().any(|note| note.starts_with("renamed in a destructive call")));
    assert!(served(&agreed).contains(&format!(r#"{{\"id\":\"{B}\"}}"#)) && served(&agreed).contains("call_1"));
}

#[test]
fn a_tool_s_new_name_is_known_in_the_answer_after_it() {
    let turn = |name: &str, took: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"go"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_a1","type":"function","function":{{"name":"open","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"call_a1","content":"{{\"id\":\"{name}\",\"ms\":{took}}}"}}]}}"#
        )
    };
    let record = || {
        let mut tape = Tape::new();
        tape.call(1, &ask("go"), &calls(&[("call_a1", "open", "{}")]));
        tape.call(2, &turn(A, "12"), &text(&format!("opened {A}")));
        tape.run()
    };
    let mut tape = replay(record(), Options::default());
    tape.ask(&ask("go"), "");
    let names = tape.ask(&turn(B, "12"), "");
    assert_eq!(names.decided.grade, Grade::Names);
    assert!(served(&names).contains(&format!("opened {B}")));
    let mut tape = replay(record(), Options::default());
    tape.ask(&ask("go"), "");
    let held = tape.ask(&turn(A, "15"), "");
    assert_eq!((held.decided.grade, held.renamed.is_some()), (Grade::Held, false));
}

#[test]
fn random_tails_without_a_digit_are_names_and_words_are_none() {
    check("sess_kJhGfDsAqWeRtYuI", "sess_VbXqTzKwLpRmNdGh", Some((1, 0)));
    check("sess_kJhGfDsAqWeRtYuI", "sess_a81xTzKw0pRmNd7h", Some((1, 0)));
    check("sess_kJhGfDsAqWeRtYuI", "sess_VbXqTzKwLpRmNdG", None);
    check("sess_kJhGfDsAqWeRtYuI", "item_VbXqTzKwLpRmNdGh", None);
    check("sess_kJhGfDsAqWeRtYuI", "sess_UserAccountEntry", None);
    check("a_kJhGfDsAqWeRtYuI a_kJhGfDsAqWeRtYuI", "a_VbXqTzKwLpRmNdGh a_kJhGfDsAqWeRtYuI", None);
    check("on_didChangeTextFiles", "on_didCreateTextFiles", None);
    check("x-HDRWithWCGVideo", "x-HDRWithWCGPhoto", None);
    // Text in another coding is content.
    check("file_SW52b2ljZSA0OTk5IGV1cm8", "file_SW52b2ljZSA0OTkwIGV1cm8", None);
    check("48656c6c6f20776f726c6421", "48656c6c6f20776f726c6422", None);
}

#[test]
fn pieces_of_names_follow_their_names_and_stand_for_nothing_alone() {
    let short = |name: &str| name[..7].to_owned();
    check(&format!("{A} at {}", short(A)), &format!("{B} at {}", short(B)), Some((1, 0)));
    check(&format!("{A} at {}", &A[..8]), &format!("{B} at {}", &B[..8]), Some((1, 0)));
    check(&format!("{A} at {}", &A[..8]), &format!("{B} at {}", &C[..8]), None);
    check("12345678aa01 at 1234567", "77770134bb02 at 7777013", Some((1, 0)));
    check("at 1234567", "at 7777013", None);
    check("http://127.0.0.1:43127, port 43127", "http://127.0.0.1:51007, port 51007", Some((1, 0)));
    check("http://127.0.0.1:43127, port 43127", "http://127.0.0.1:51007, port 51008", None);
    check("port 43127", "port 51007", None);
    check("43127 of 127.0.0.1:43127", "51007 of 127.0.0.1:51007", None);
    let body = |port: u32| {
        format!(r#"{{"messages":[{{"role":"user","content":"127.0.0.1:{port}"}}],"x":{{"port":{port},"n":1}}}}"#)
    };
    assert!(compare(&naming(), &body(43_127), &body(51_007)).is_ok());
    assert!(compare(&naming(), &body(43_127), &body(51_007).replace(r#""port":51007"#, r#""port":51008"#)).is_err());
    assert!(compare(&naming(), &body(43_120), &body(51_000)).is_ok());
}

#[test]
fn an_answer_that_abbreviates_a_name_is_served_with_the_new_one_or_says_so() {
    let asked = |name: &str, port: u32| ask(&format!("run {name} at http://127.0.0.1:{port}/v1"));
    let answer = |said: &str, now: &str, doubts: usize| {
        let run = run(&[(&format!("run {A} at http://127.0.0.1:43127/v1"), text(said))], &[]);
        let decision = replay(run, Options::default()).ask(&asked(B, 51_007), "");
        assert_eq!(decision.decided.action, Action::Serve);
        let answer = if decision.renamed.is_some() { served(&decision) } else { text(said) };
        assert!(answer.contains(&format!(r#""content":{}"#, quote(now))), "{answer}");
        let stale = decision.decided.notes.iter().filter(|note| note.starts_with("stale: ")).count();
        assert_eq!(stale, doubts, "{:?}", decision.decided.notes);
    };
    answer("commit 8d1f3a2 is in", "commit 019aa2f is in", 0);
    answer("8d1f3a2b…", "019aa2f0…", 0);
    answer("8D1F3A2B", "019AA2F0", 0);
    answer("8d1f3a2b-1111.", "019aa2f0-1c2d.", 0);
    answer("番号は8d1f3a2b-1111-4222-8333-abcdefabcd01です", &format!("番号は{B}です"), 0);
    answer("“8d1f3a2b”", "“019aa2f0”", 0);
    answer("ends in abcdefabcd01", "ends in 5c6d7e8f9a0b", 0);
    answer("listens on port 43127", "listens on port 51007", 0);
    answer("**Port:** `43127`", "**Port:** `51007`", 0);
    // Another uuid that begins alike is a name of its own; a plain number, too short a piece: served as it is, and said.
    answer("8d1f3a2b-2222-4222-8333-abcdefabcd01", "8d1f3a2b-2222-4222-8333-abcdefabcd01", 0);
    answer("8d1f3a2b-2222", "8d1f3a2b-2222", 1);
    answer("43127 is taken", "43127 is taken", 1);
    answer("run 8d1f…cd01", "run 8d1f…cd01", 1);
    answer("run 8d1f3a", "run 8d1f3a", 1);
    answer("43128 steps, 8d2f3a2b, facade", "43128 steps, 8d2f3a2b, facade", 0);
    let call = |port: u32, id: &str| calls(&[("call_1", "open", &format!(r#"{{"port":{port},"id":"{id}"}}"#))]);
    let run = run(&[(&format!("run {A} at http://127.0.0.1:43127/v1"), call(43_127, &A[..8]))], &[]);
    let decision = replay(run, Options::default()).ask(&asked(B, 51_007), "");
    assert!(served(&decision).contains(r#"{\"port\":51007,\"id\":\"019aa2f0\"}"#), "{}", served(&decision));
}

#[test]
fn users_pin_and_exclude_names() {
    let names = Names {
        pin: vec![("blue-7".into(), "blue-8".into())],
        never: vec!["8d1f3a2b".into()],
        patterns: vec!["job [0-9]+".into()],
    };
    let options =
        || Options { settings: Settings { names: names.clone(), ..Settings::default() }, ..Options::default() };
    let recorded = || run(&[("blue-7 8d1f3a2b job 1", text("blue-7 job 1"))], &[]);
    let served_now = replay(recorded(), options()).ask(&ask("blue-8 8d1f3a2b job 22"), "");
    assert_eq!(served_now.decided.action, Action::Serve);
    assert!(served(&served_now).contains("blue-8 job 22"));
    for other in ["blue-9 8d1f3a2b job 1", "blue-7 77aa01bc job 1"] {
        assert_eq!(replay(recorded(), options()).ask(&ask(other), "").decided.action, Action::Refuse);
    }
}

/// A word of a template: what the recording has, what the replay has, and whether they may stand for each other.
#[derive(Debug, Clone)]
enum Word {
    Literal(String),
    Name(usize),
    Date,
    Time,
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        "[a-z]{1,9}".prop_map(Word::Literal),
        "[0-9]{1,6}".prop_map(Word::Literal),
        "(20[012][0-5]-0[1-9]-1[0-9]|v[0-9]\\.[0-9]|\\$[0-9]{2}\\.[0-9]{2}|#[0-9a-f]{6}|[a-z]{3}-[0-9]{1,3})"
            .prop_map(Word::Literal),
        (0usize..6).prop_map(Word::Name),
        Just(Word::Date),
        Just(Word::Time),
    ]
}

/// Sixteen random bytes as one of the shapes that names have.
fn name(shape: usize, seed: u128) -> String {
    let hex = format!("{seed:032x}");
    match shape % 6 {
        0 => format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]),
        1 => format!("{}a1b2", &hex[..12]),
        2 => format!("call_{}Zq7K2xW9", &hex[..8]),
        3 => format!("/tmp/tmp{}/out.txt", &hex[..9]),
        4 => format!("http://127.0.0.1:{}/v1", 10_000 + seed % 50_000),
        _ => hex,
    }
}

fn write(words: &[Word], names: &[u128], date: &str, time: &str) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| match word {
            Word::Literal(text) => text.clone(),
            Word::Name(place) => name(*place, names[*place]),
            Word::Date => date.to_owned(),
            Word::Time => time.to_owned(),
        })
        .collect();
    words.join(" | ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn requests_are_equal_exactly_if_only_names_and_readings_moved(
        words in prop::collection::vec(word(), 1..14),
        old in prop::collection::vec(any::<u128>(), 6),
        new in prop::collection::vec(any::<u128>(), 6),
        change in prop::option::of((any::<prop::sample::Index>(), "[a-z]{1,9}|[0-9]{1,6}|2019-0[1-9]-11")),
    ) {
        let distinct = |seeds: &[u128]| (0..6).all(|place| (0..place).all(|other| name(place, seeds[place]) != name(other, seeds[other])));
        prop_assume!(distinct(&old) && distinct(&new));
        let mut changed = words.clone();
        let mut differs = false;
        if let Some((place, with)) = change {
            let place = place.index(changed.len());
            if let Word::Literal(text) = &words[place] {
                differs = *text != with;
                changed[place] = Word::Literal(with);
            }
        }
        let left = write(&words, &old, "2026-11-24", "08:31:21");
        let right = write(&changed, &new, "2027-05-27", "17:02:03");
        let body = |text: &str| format!(r#"{{"messages":[{{"role":"user","content":{}}}]}}"#, quote(text));
        let found = compare(&naming(), &body(&left), &body(&right));
        prop_assert_eq!(found.is_ok(), !differs, "{} / {}", left, right);
    }

    #[test]
    fn a_map_that_is_not_one_to_one_is_refused(
        order in prop::collection::vec(0usize..4, 2..9),
        twist in prop::collection::vec(0usize..4, 4),
        seeds in prop::collection::vec(any::<u128>(), 8),
    ) {
        let text = |map: &dyn Fn(usize) -> u128| order.iter().map(|place| name(5, map(*place))).collect::<Vec<_>>().join(" ");
        let left = text(&|place| seeds[place]);
        let right = text(&|place| seeds[4 + twist[place]]);
        let body = |text: &str| format!(r#"{{"messages":[{{"role":"user","content":{}}}]}}"#, quote(text));
        let used: std::collections::BTreeSet<usize> = order.iter().copied().collect();
        let images: std::collections::BTreeSet<usize> = used.iter().map(|place| twist[*place]).collect();
        prop_assert_eq!(compare(&naming(), &body(&left), &body(&right)).is_ok(), used.len() == images.len());
    }

    #[test]
    fn a_stream_renamed_in_pieces_is_the_answer_renamed(
        words in prop::collection::vec(prop_oneof![Just(A.to_owned()), Just("8d2f3a2b".to_owned()), "[a-z0-9 é\"\\\\]{1,6}"], 1..8),
        cuts in prop::collection::vec(1usize..9, 1..40),
        borders in prop::collection::vec(1usize..60, 1..40),
        which in 0usize..3,
    ) {
        let mut naming = naming();
        let outcome = compare(&naming, &ask(&format!("{A} 8d2f3a2b")), &ask(&format!("{B} 77aa01bc"))).expect("names only");
        naming.accept(outcome);
        let renamer: std::sync::Arc<Renamer> = naming.renamer().expect("names were renamed");
        let said = words.join(" ");
        let dialect = Dialect::named(["openai-chat", "anthropic-messages", "openai-responses"][which]).expect("it is known");
        let (stream, paths) = streamed(which, &said, &cuts);
        let pieces: Vec<Bytes> = {
            let mut at = 0;
            let mut pieces = Vec::new();
            for border in borders.iter().cycle() {
                let end = (at + border).min(stream.len());
                pieces.push(Bytes::copy_from_slice(&stream[at..end]));
                at = end;
                if at == stream.len() {
                    break;
                }
            }
            pieces
        };
        let renamed = renamer.body(&pieces, true, true).unwrap_or_else(|| pieces.clone());
        prop_assert_eq!(renamed.len(), pieces.len());
        let whole = Bytes::from(renamed.concat());
        let expected = said.replace(A, B);
        let expected = renamer.text(said.as_bytes()).map_or(expected, |text| String::from_utf8(text).expect("text"));
        let reply = dialect.reply(200, "text/event-stream", &whole);
        prop_assert_eq!(reply.text(), expected.clone());
        let unary = Json::parse(dialect.unary(&stream).expect("a whole stream")).expect("JSON");
        let unary = renamer.json(&unary, true).map_or_else(|| unary.bytes().clone(), Bytes::from);
        prop_assert_eq!(dialect.reply(200, "application/json", &unary).text(), expected.clone());
        // What the deltas say together, apart from what whole items say.
        let deltas: String = crate::wire::sse::events(&whole)
            .iter()
            .filter_map(|event| Json::parse(event.data.clone()).ok())
            .filter_map(|json| json.root().find(&paths).and_then(|text| text.as_str().map(std::borrow::Cow::into_owned)))
            .collect();
        prop_assert_eq!(deltas, expected);
        let own = String::from_utf8_lossy(&whole).matches("id-8d2f3a2b").count();
        prop_assert_eq!(own, String::from_utf8_lossy(&stream).matches("id-8d2f3a2b").count());
    }
}

/// A stream that says a text in deltas of these lengths, and the path of a delta's text.
fn streamed(which: usize, said: &str, cuts: &[usize]) -> (Vec<u8>, crate::text::json::Path) {
    let letters: Vec<char> = said.chars().collect();
    let mut parts = Vec::new();
    let mut at = 0;
    for cut in cuts.iter().cycle() {
        let end = (at + cut).min(letters.len());
        parts.push(letters[at..end].iter().collect::<String>());
        at = end;
        if at == letters.len() {
            break;
        }
    }
    let mut out = String::new();
    let mut event = |name: &str, data: String| {
        if !name.is_empty() {
            out.extend(["event: ", name, "\n"]);
        }
        out.extend(["data: ", &data, "\n\n"]);
    };
    let path = match which {
        0 => {
            for part in &parts {
                event(
                    "",
                    format!(
                        r#"{{"id":"id-8d2f3a2b","object":"chat.completion.chunk","model":"m","choices":[{{"index":0,"delta":{{"content":{}}}}}]}}"#,
                        quote(part)
                    ),
                );
            }
            event("", r#"{"id":"id-8d2f3a2b","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.into());
            event("", "[DONE]".into());
            "choices[0].delta.content"
        }
        1 => {
            event("message_start", r#"{"type":"message_start","message":{"id":"id-8d2f3a2b","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#.into());
            event(
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.into(),
            );
            for part in &parts {
                event(
                    "content_block_delta",
                    format!(
                        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{}}}}}"#,
                        quote(part)
                    ),
                );
            }
            event("content_block_stop", r#"{"type":"content_block_stop","index":0}"#.into());
            event(
                "message_delta",
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#.into(),
            );
            event("message_stop", r#"{"type":"message_stop"}"#.into());
            "delta.text"
        }
        _ => {
            let item = |text: &str| {
                format!(
                    r#"{{"id":"id-8d2f3a2b","type":"message","role":"assistant","status":"completed","content":[{{"type":"output_text","text":{},"annotations":[]}}]}}"#,
                    quote(text)
                )
            };
            event("response.created", r#"{"type":"response.created","response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":[]}}"#.into());
            event("response.output_item.added", r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"id-8d2f3a2b","type":"message","role":"assistant","status":"in_progress","content":[]}}"#.into());
            event("response.content_part.added", r#"{"type":"response.content_part.added","item_id":"id-8d2f3a2b","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#.into());
            for part in &parts {
                event(
                    "response.output_text.delta",
                    format!(
                        r#"{{"type":"response.output_text.delta","item_id":"id-8d2f3a2b","output_index":0,"content_index":0,"delta":{}}}"#,
                        quote(part)
                    ),
                );
            }
            event(
                "response.output_item.done",
                format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{}}}"#, item(said)),
            );
            event(
                "response.completed",
                format!(
                    r#"{{"type":"response.completed","response":{{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{}]}}}}"#,
                    item(said)
                ),
            );
            "delta"
        }
    };
    (out.into_bytes(), crate::text::json::Path::parse(path).expect("a path"))
}

/// Draws of a maker of names.
type Maker = (&'static str, fn(&mut dyn FnMut(usize) -> usize) -> String);

fn letters(alphabet: &str, length: usize, draw: &mut dyn FnMut(usize) -> usize) -> String {
    let alphabet = alphabet.as_bytes();
    (0..length).map(|_| char::from(alphabet[draw(alphabet.len())])).collect()
}

const SMALL: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
const ALL: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const URL: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
const HEX: &str = "0123456789abcdef";
const CROCKFORD: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PYTHON: &str = "abcdefghijklmnopqrstuvwxyz0123456789_";

const MAKERS: [Maker; 18] = [
    ("Math.random().toString(36).slice(2, 10)", |draw| letters(SMALL, 8, draw)),
    ("Math.random().toString(36).slice(2)", |draw| {
        let length = 10 + draw(3);
        letters(SMALL, length, draw)
    }),
    ("nanoid()", |draw| letters(URL, 21, draw)),
    ("nanoid(10)", |draw| letters(URL, 10, draw)),
    ("uuid4().hex[:8]", |draw| letters(HEX, 8, draw)),
    ("uuid4().hex[:12]", |draw| letters(HEX, 12, draw)),
    ("uuid4().hex", |draw| letters(HEX, 32, draw)),
    ("token_urlsafe(12)", |draw| letters(URL, 16, draw)),
    ("base62, 10", |draw| letters(ALL, 10, draw)),
    ("base62, 22", |draw| letters(ALL, 22, draw)),
    ("ObjectId", |draw| format!("6924{}", letters(HEX, 20, draw))),
    ("ULID", |draw| format!("01KAV{}", letters(CROCKFORD, 21, draw))),
    ("KSUID", |draw| format!("36Pq{}", letters(ALL, 23, draw))),
    ("mkdtemp()", |draw| format!("/scratch/tmp{}", letters(PYTHON, 8, draw))),
    ("mkdtemp(prefix)", |draw| format!("/scratch/agent-{}", letters(PYTHON, 8, draw))),
    ("fs.mkdtemp", |draw| format!("/scratch/agent-{}", letters(ALL, 6, draw))),
    ("os.MkdirTemp", |draw| format!("/scratch/agent{}", 100_000_000 + draw(4_000_000_000))),
    ("mktemp -d", |draw| format!("/scratch/tmp.{}", letters(ALL, 10, draw))),
];

#[test]
fn whatever_letters_chance_draws_a_name_is_one() {
    let mut state = 7_u64;
    let mut draw = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % below
    };
    let contexts =
        ["Run {}.", "job_{}", "{}", "see https://api.test/v1/jobs/{}/logs now", "[{}] started, then {} again"];
    // How many of 2,000 pairs are refused: letters alone may be a word.
    let naming = Naming::new(Splitter::new(Vec::new(), &["/scratch"], &Names::default()));
    let mut table = String::new();
    for (name, make) in MAKERS {
        let mut refused = [0; 5];
        for round in 0..2_000 {
            let (one, other) = (make(&mut draw), make(&mut draw));
            let place = if one.starts_with('/') { [0, 2, 4][round % 3] } else { round % 5 };
            let body = |name: &str| ask(&contexts[place].replace("{}", name));
            refused[place] += usize::from(compare(&naming, &body(&one), &body(&other)).is_err());
        }
        table += &format!("{name}: {}\n", refused.iter().sum::<usize>());
    }
    insta::assert_snapshot!(table, @r"
    Math.random().toString(36).slice(2, 10): 43
    Math.random().toString(36).slice(2): 54
    nanoid(): 2
    nanoid(10): 29
    uuid4().hex[:8]: 12
    uuid4().hex[:12]: 1
    uuid4().hex: 0
    token_urlsafe(12): 1
    base62, 10: 6
    base62, 22: 0
    ObjectId: 0
    ULID: 0
    KSUID: 0
    mkdtemp(): 0
    mkdtemp(prefix): 0
    fs.mkdtemp: 5
    os.MkdirTemp: 0
    mktemp -d: 0
    ");
}

#[test]
fn a_record_s_real_id_is_never_taken_for_another_s() {
    for (one, other, third) in [
        ("11111111-aaaa-4bbb-8ccc-00000000000a", "22222222-aaaa-4bbb-8ccc-00000000000b", C),
        ("9f8e7d6c", "1a2b3c4d", "77aa01bc"),
        ("cus_NffrFeUfNV2Hib", "cus_Pq81TzKw0pRm7h", "cus_Lw72AzQx9sKd4g"),
        ("order-k3x9q2ab", "order-qq81zz0c", "order-28plr8qx"),
    ] {
        let ask_for = |run: &str, record: &str| ask(&format!("Run {run}: balance of {record}?"));
        let asked = |record: &str| format!("Run {A}: balance of {record}?");
        let recorded = run(&[(&asked(one), text("12")), (&asked(other), text("34"))], &[]);
        // In the other order, in a run with an id of its own.
        let mut tape = replay(recorded.clone(), Options::default());
        let second = tape.ask(&ask_for(B, other), "");
        assert_eq!((second.decided.node.map(|node| node.0), second.decided.grade), (Some(2), Grade::Names), "{other}");
        let first = tape.ask(&ask_for(B, one), "");
        assert_eq!((first.decided.node.map(|node| node.0), first.decided.grade), (Some(1), Grade::Names), "{one}");
        // One that the user gave is no fresh name.
        let here = Started {
            at: Micros(u64::try_from(NOW).expect("after 1970") * 1_000_000),
            command: vec!["agent.py".into(), third.into()],
            ..Started::default()
        };
        let given = Replay::begun(recorded, Options::default(), &here).ask(&ask_for(A, third), "");
        let details = given.refusal.expect("it was refused").details;
        assert!(details.iter().any(|line| line.ends_with("the user gave it, so it is content")), "{details:?}");
    }
}

#[test]
fn a_name_that_a_live_answer_brought_is_content() {
    for (then, now) in [("4f0198a15d", "64ccaf5680"), (A, B), ("k3x9q2abz7", "28plr8qxw1")] {
        let recorded =
            run(&[("write", text(&format!("done in {then}"))), (&format!("review {then}"), text("fine"))], &[]);
        let change = super::change::Wanted::parse("1.model=other").expect("a change");
        let mut tape = replay(recorded, Options { changes: vec![change], ..Options::default() });
        assert_eq!(tape.ask(&ask("write"), &text(&format!("done in {now}"))).decided.action, Action::SendChanged);
        let second = tape.ask(&ask(&format!("review {now}")), &text("fine too"));
        assert_eq!(second.decided.action, Action::Send, "{:?}", second.decided.notes);
    }
}

#[test]
fn a_folder_below_the_run_s_own_temporary_directory_is_minted_wherever_that_is() {
    for root in ["/tmp/agents-x1/t", "/home/me/.cache/tmp", "/scratch/job 7/tmp"] {
        let naming = Naming::new(Splitter::new(Vec::new(), &[root], &Names::default()));
        let body = |name: &str| ask(&format!("Where under {root}/{name} shall the report go?"));
        for (one, other, fits) in [
            ("tmph78abirj", "tmp6ynfifu3", true),
            ("tmph78abirj", "tmpjobo_2gpk4q", true),
            ("report-november", "report-december", false),
        ] {
            assert_eq!(compare(&naming, &body(one), &body(other)).is_ok(), fits, "{root}: {one} {other}");
        }
    }
}
