//! One small agent for each way in which replays go wrong.

use futures_util::future::join_all;

use super::super::matcher::Fault;
use super::super::plan::Options;
use super::talk::{Ask, Called, Form, Said, Turn};
use super::world::{Brain, Circumstances, Got, Pick, Report, Run, Trouble, World, plain, record, replay};
use crate::model::event::Grade;

/// An agent and what the oracle expects of its replay.
struct Trap {
    agent: fn(World) -> Run,
    brain: Brain,
    troubles: &'static [(&'static str, &'static [Trouble])],
    /// What the agent does differently in the replay.
    variant: usize,
    /// What else must hold.
    expect: fn(&Report) -> bool,
    /// Faults that the oracle must notice.
    faults: &'static [Fault],
}

impl Trap {
    const fn new(agent: fn(World) -> Run, faults: &'static [Fault]) -> Self {
        Self { agent, brain: plain, troubles: &[], variant: 0, expect: nothing_refused, faults }
    }
}

fn nothing_refused(report: &Report) -> bool {
    report.refused == 0 && report.unused == 0
}

const SEEDS: std::ops::Range<u64> = 0..6;

fn spring(trap: &Trap) {
    let pick = |seed: u64| [Pick::Any, Pick::First, Pick::Last][usize::try_from(seed % 3).unwrap_or_default()];
    let mut noticed = vec![false; trap.faults.len()];
    for seed in SEEDS {
        let then = Circumstances { seed, pick: pick(seed), variant: 0 };
        let now = Circumstances { seed: seed + 1_000, pick: pick(seed / 2 + 1), variant: trap.variant };
        let recorded = record(&trap.agent, trap.brain, trap.troubles, then);
        let report = replay(&recorded, &trap.agent, Options::default(), None, now);
        assert!(!report.objects(), "seed {seed}: {report:#?}");
        assert!((trap.expect)(&report), "seed {seed}: {report:#?}");
        for (fault, noticed) in trap.faults.iter().zip(&mut noticed) {
            let report = replay(&recorded, &trap.agent, Options::default(), Some(*fault), now);
            *noticed |= report.objects();
        }
    }
    let blind: Vec<&Fault> =
        trap.faults.iter().zip(&noticed).filter(|(_, noticed)| !**noticed).map(|(f, _)| f).collect();
    assert!(blind.is_empty() && !noticed.is_empty(), "nobody noticed {blind:?}");
}

/// A tool that is asked for once; then words.
fn calls_tools(ask: &Ask, asked: &str, times: usize) -> Said {
    let answered = ask.turns.iter().any(|turn| matches!(turn, Turn::Results(_)));
    if ask.tools.is_empty() || answered {
        return plain(ask, asked, times);
    }
    let subject = plain(ask, asked, times).text.rsplit(": ").next().unwrap_or_default().to_owned();
    let calls = ask.tools.iter().enumerate().map(|(place, name)| Called {
        id: format!("call_{asked}{place}"),
        name: (*name).to_owned(),
        arguments: format!(r#"{{"of":{}}}"#, crate::text::json::quote(&subject)),
    });
    Said { text: String::new(), calls: calls.collect() }
}

/// The conversation goes on with what the tools returned, in any order.
fn results(world: &World, ask: &Ask, got: &Got, result: impl Fn(&Called) -> String) -> Ask {
    let mut results: Vec<(String, String)> = got.calls.iter().map(|call| (call.id.clone(), result(call))).collect();
    if world.chance(2) {
        results.reverse();
    }
    ask.and([Turn::Called(got.calls.clone()), Turn::Results(results)])
}

fn concurrent(world: World) -> Run {
    Box::pin(async move {
        join_all((0..8).map(|place| {
            let world = world.clone();
            async move {
                let form = [Form::Chat, Form::Messages, Form::Responses][place % 3];
                let ask = Ask::of(form, "Be brief.", &format!("Question of branch {place}"));
                let got = world.ask(&format!("branch {place}"), &ask).await;
                let next = ask.and([Turn::Said(got.text), Turn::User("And then?".into())]);
                world.ask(&format!("branch {place} again"), &next).await
            }
        }))
        .await;
    })
}

#[test]
fn concurrent_calls() {
    spring(&Trap::new(concurrent, &[Fault::Arrival, Fault::Similarity]));
}

fn best_of_four(world: World) -> Run {
    Box::pin(async move {
        let ask = Ask::of(Form::Chat, "Be bold.", "A title for the story");
        let draws = join_all((0..4).map(|place| {
            let (world, ask) = (world.clone(), ask.clone());
            async move { world.ask(&format!("draw {place}"), &ask).await.text }
        }))
        .await;
        // Judges in the order of the draws, as they came to this agent's places.
        join_all(draws.iter().enumerate().map(|(place, draw)| {
            let (world, judge) = (world.clone(), Ask::of(Form::Chat, "Judge.", draw));
            async move { world.ask(&format!("judge {place} of {draw}"), &judge).await }
        }))
        .await;
        let mut sorted = draws.clone();
        sorted.sort();
        world.ask("choice", &Ask::of(Form::Messages, "Choose.", &sorted.join(" or "))).await;
    })
}

#[test]
fn identical_concurrent_calls_and_their_judge() {
    let interchangeable = |report: &Report| nothing_refused(report) && report.of(Grade::Interchangeable) > 0;
    let faults = &[Fault::Arrival, Fault::Earliest, Fault::Unsaid];
    spring(&Trap { expect: interchangeable, ..Trap::new(best_of_four, faults) });
}

fn asks_thrice(world: World) -> Run {
    Box::pin(async move {
        let ask = Ask::of(Form::Chat, "Be brief.", "Is it done?");
        for place in 0..3 {
            let got = world.ask(&format!("poll {place}"), &ask).await;
            world.ask(&format!("note {place}"), &Ask::of(Form::Chat, "Note it.", &got.text)).await;
        }
    })
}

#[test]
fn equal_calls_one_after_the_other() {
    let exact = |report: &Report| nothing_refused(report) && report.of(Grade::Exact) == 6;
    spring(&Trap { expect: exact, ..Trap::new(asks_thrice, &[Fault::Earliest]) });
}

fn parallel_tools(world: World) -> Run {
    Box::pin(async move {
        join_all((0..3).map(|place| {
            let world = world.clone();
            async move {
                let form = [Form::Chat, Form::Messages, Form::Responses][place];
                let ask = Ask::of(form, "Use tools.", &format!("Lane {place}"));
                let ask = ask.with_tools(&["price", "stock", "weight"]);
                let got = world.ask(&format!("plan {place}"), &ask).await;
                let next = results(&world, &ask, &got, |call| format!("{} of lane {place}", call.name));
                world.ask(&format!("answer {place}"), &next).await;
            }
        }))
        .await;
    })
}

#[test]
fn parallel_tools_whose_results_come_in_another_order() {
    let faults = &[Fault::Bytes, Fault::Arrival];
    spring(&Trap { brain: calls_tools, ..Trap::new(parallel_tools, faults) });
}

fn swapped_results(world: World) -> Run {
    Box::pin(async move {
        let (heavy, light) = (world.drifting("the heavy one", "no one"), world.drifting("the light one", "any one"));
        let ask = Ask::of(Form::Chat, "Use tools.", "Compare").with_tools(&["left", "right"]);
        let got = world.ask("plan", &ask).await;
        let next = results(&world, &ask, &got, |call| if call.name == "left" { heavy.clone() } else { light.clone() });
        world.ask("answer", &next.and([Turn::User("Which is heavy?".into())])).await;
        // Nobody was served the call with this id: its result is not held.
        let strange = Called { id: "call_strange".into(), name: "left".into(), arguments: "{}".into() };
        let result = if world.variant() == 1 { "heavy" } else { "light" };
        let turns = [Turn::Called(vec![strange]), Turn::Results(vec![("call_strange".into(), result.into())])];
        world.ask("strange", &Ask::of(Form::Chat, "Use tools.", "Weigh it").and(turns)).await;
    })
}

#[test]
fn results_are_held_only_for_calls_that_were_served() {
    let held = |report: &Report| report.of(Grade::Held) == 1 && report.refused == 1;
    let faults = &[Fault::Similarity, Fault::NoRenaming];
    spring(&Trap { brain: calls_tools, variant: 1, expect: held, ..Trap::new(swapped_results, faults) });
}

fn minted_ids(world: World) -> Run {
    Box::pin(async move {
        for form in [Form::Chat, Form::Messages, Form::Responses] {
            let ask = Ask::of(form, "Use tools.", "What is it?").with_tools(&["look", "listen"]);
            let mut got = world.ask(&format!("plan {form:?}"), &ask).await;
            for call in &mut got.calls {
                call.id = format!("call_{}", world.random());
            }
            let next = results(&world, &ask, &got, |call| format!("it is {}", call.name));
            world.ask(&format!("answer {form:?}"), &next).await;
        }
    })
}

#[test]
fn ids_that_the_harness_mints() {
    spring(&Trap { brain: calls_tools, ..Trap::new(minted_ids, &[Fault::Bytes]) });
}

fn rag(world: World) -> Run {
    Box::pin(async move {
        let answers = join_all((0..30).map(|place| {
            let world = world.clone();
            async move {
                let system =
                    format!("Answer from this document only. Document {place}: the fee is {} euro.", place * 7);
                let form = if place % 2 == 0 { Form::Chat } else { Form::Messages };
                world.ask(&format!("document {place}"), &Ask::of(form, &system, "What is the fee?")).await.text
            }
        }))
        .await;
        world.ask("sum", &Ask::of(Form::Chat, "Add up.", &answers.join("; "))).await;
    })
}

#[test]
fn a_constant_question_with_the_document_in_the_system_prompt() {
    spring(&Trap::new(rag, &[Fault::Messages, Fault::Arrival, Fault::Similarity, Fault::Digits]));
}

fn near_twins(world: World) -> Run {
    Box::pin(async move {
        let amounts = ["4999", "49.99", "499.9", "4990", "4989", "-4999", "04999", "4999.0"];
        join_all(amounts.iter().enumerate().map(|(place, amount)| {
            let (world, later) = (world.clone(), world.variant() == 1 && place == 2);
            async move {
                let amount = if later { "499.8" } else { amount };
                let ask = Ask::of(Form::Chat, "You approve refunds.", &format!("Refund {amount} euro to order 4711."));
                world.ask(&format!("refund {place}"), &ask).await
            }
        }))
        .await;
        world.ask("last", &Ask::of(Form::Chat, "You approve refunds.", "Are there more?")).await;
    })
}

#[test]
fn near_twins_that_differ_in_a_number() {
    spring(&Trap::new(near_twins, &[Fault::Digits, Fault::Arrival, Fault::Similarity]));
}

#[test]
fn a_changed_number_is_refused_and_the_next_match_is_served() {
    let one = |report: &Report| report.refused == 1 && report.unused == 1 && report.of(Grade::Exact) == 8;
    let faults = &[Fault::Digits, Fault::Arrival, Fault::Similarity];
    spring(&Trap { variant: 1, expect: one, ..Trap::new(near_twins, faults) });
}

fn parameters(world: World) -> Run {
    Box::pin(async move {
        join_all(["0", "0.5", "0.50000000000000000001", "5e-1000"].iter().map(|temperature| {
            let world = world.clone();
            async move {
                let mut ask = Ask::of(Form::Chat, "Be brief.", "Well?");
                (*temperature).clone_into(&mut ask.temperature);
                world.ask(&format!("at {temperature}"), &ask).await
            }
        }))
        .await;
    })
}

#[test]
fn calls_that_differ_in_a_parameter_only() {
    spring(&Trap::new(parameters, &[Fault::Messages, Fault::Similarity]));
}

fn streams(world: World) -> Run {
    Box::pin(async move {
        for (place, form) in [Form::Chat, Form::Messages, Form::Responses].into_iter().enumerate() {
            let stream = (place + world.variant()).is_multiple_of(2);
            let ask = Ask::of(form, "Use tools.", "What is it?").with_tools(&["look"]).streamed(stream);
            let got = world.ask(&format!("plan {form:?}"), &ask).await;
            let next = results(&world, &ask, &got, |_| "a tree".into()).streamed(!stream);
            world.ask(&format!("answer {form:?}"), &next).await;
        }
    })
}

#[test]
fn a_stream_asked_for_as_none_and_back() {
    spring(&Trap { brain: calls_tools, variant: 1, ..Trap::new(streams, &[Fault::Bytes]) });
}

fn retries(world: World) -> Run {
    Box::pin(async move {
        join_all((0..6).map(|place| {
            let world = world.clone();
            async move {
                let ask = Ask::of(Form::Chat, "Be brief.", &format!("Case {place}.")).streamed(place % 2 == 0);
                let got = world.insist(&format!("case {place}"), &ask).await;
                let next = ask.and([Turn::Said(got.text), Turn::User("Sure?".into())]);
                world.insist(&format!("case {place} again"), &next).await;
            }
        }))
        .await;
    })
}

#[test]
fn attempts_fail_as_they_did() {
    const TROUBLES: &[(&str, &[Trouble])] = &[
        ("Case 0.", &[Trouble::Status(429), Trouble::Status(500), Trouble::Status(529)]),
        ("Case 1.", &[Trouble::Status(408), Trouble::Silence]),
        ("Case 2.", &[Trouble::Cut, Trouble::Cut]),
        ("Case 3.", &[Trouble::Silence, Trouble::Status(503)]),
        ("Case 4.", &[Trouble::Cut, Trouble::Status(429), Trouble::Silence, Trouble::Status(500)]),
    ];
    spring(&Trap { troubles: TROUBLES, ..Trap::new(retries, &[Fault::OnlySuccess, Fault::Earliest, Fault::Arrival]) });
}

fn leaves(world: World) -> Run {
    Box::pin(async move {
        let ask = Ask::of(Form::Messages, "Be brief.", "Take your time.").streamed(true);
        if world.variant() == 1 {
            world.leave("impatient", &ask).await;
        }
        world.ask("patient", &ask).await;
        world.ask("other", &Ask::of(Form::Messages, "Be brief.", "Be quick.")).await;
    })
}

#[test]
fn a_client_that_leaves_now_is_served_when_it_comes_back() {
    spring(&Trap { variant: 1, ..Trap::new(leaves, &[Fault::NeverBack]) });
}

fn conversation(world: World) -> Run {
    Box::pin(async move {
        join_all([Form::Chat, Form::Messages].map(|form| {
            let world = world.clone();
            async move {
                let mut ask = Ask::of(form, "You are patient.", "One").with_tools(&["read", "write", "search"]);
                for turn in ["Two", "Three", "Four", "Five", "Six"] {
                    let got = world.ask(&format!("{form:?} before {turn}"), &ask).await;
                    ask = ask.and([Turn::Said(got.text), Turn::User(turn.into())]);
                }
                world.ask(&format!("{form:?} last"), &ask).await;
            }
        }))
        .await;
    })
}

#[test]
fn cache_markers_wander_and_tools_are_reordered() {
    spring(&Trap::new(conversation, &[Fault::Bytes, Fault::Arrival]));
}

fn compacts(world: World) -> Run {
    Box::pin(async move {
        let mut ask = Ask::of(Form::Messages, "You are patient.", "One");
        let limit = if world.variant() == 1 { 4 } else { 6 };
        for turn in ["Two", "Three", "Four", "Five"] {
            if ask.turns.len() >= limit {
                let summary = Ask::of(Form::Messages, "Sum up.", &format!("{:?}", ask.turns));
                let got = world.ask(&format!("summary before {turn}"), &summary).await;
                ask = Ask::of(Form::Messages, "You are patient.", &format!("So far: {}", got.text));
            }
            let got = world.ask(&format!("before {turn}"), &ask).await;
            if got.failed() {
                // Claude Code and others begin anew.
                ask = Ask::of(Form::Messages, "You are patient.", turn);
                continue;
            }
            ask = ask.and([Turn::Said(got.text), Turn::User(turn.into())]);
        }
        world.ask("aside", &Ask::of(Form::Messages, "Sum up.", "What was it about?")).await;
    })
}

#[test]
fn compaction_is_replayed() {
    spring(&Trap::new(compacts, &[Fault::Bytes]));
}

#[test]
fn compaction_that_fires_elsewhere_is_refused() {
    let some = |report: &Report| report.refused > 0 && report.of(Grade::Exact) >= 3;
    spring(&Trap { variant: 1, expect: some, ..Trap::new(compacts, &[Fault::Arrival]) });
}

fn response_chains(world: World) -> Run {
    Box::pin(async move {
        join_all(["ferry", "train", "coach"].map(|subject| {
            let world = world.clone();
            async move {
                let ask = Ask::of(Form::Responses, "Be brief.", &format!("Tell me of the {subject}"));
                let mut got = world.ask(&format!("{subject} first"), &ask).await;
                for turn in 0..3 {
                    let mut next = Ask::of(Form::Responses, "Be brief.", "Go on.");
                    next.previous = got.id.clone();
                    got = world.ask(&format!("{subject} {turn}"), &next).await;
                }
            }
        }))
        .await;
    })
}

#[test]
fn chains_of_responses_say_the_same_words() {
    spring(&Trap::new(response_chains, &[Fault::Arrival, Fault::Messages]));
}

fn side_calls(world: World) -> Run {
    Box::pin(async move {
        let question = "How is the weather in Harrow?";
        let title = Ask::of(Form::Chat, "Write a title of five words.", question);
        let quota = Ask::of(Form::Chat, "", "quota");
        let ask = Ask::of(Form::Chat, "Be brief.", question);
        let (side, main) = (world.clone(), world.clone());
        let sides = async {
            if world.variant() != 1 {
                side.ask("title", &title).await;
            }
            if world.variant() != 0 {
                side.ask("quota", &quota).await;
            }
        };
        let lane = async {
            let got = main.ask("first", &ask).await;
            main.ask("second", &ask.and([Turn::Said(got.text), Turn::User("And tomorrow?".into())])).await;
        };
        futures_util::future::join(sides, lane).await;
    })
}

#[test]
fn side_calls_race_with_the_first_turn() {
    spring(&Trap::new(side_calls, &[Fault::Arrival, Fault::Similarity]));
}

#[test]
fn a_missing_and_an_extra_call_leave_the_others_alone() {
    let both = |report: &Report| report.refused == 1 && report.unused == 1 && report.of(Grade::Exact) == 2;
    spring(&Trap { variant: 1, expect: both, ..Trap::new(side_calls, &[Fault::Arrival]) });
    let extra = |report: &Report| report.refused == 1 && report.unused == 0 && report.of(Grade::Exact) == 3;
    spring(&Trap { variant: 2, expect: extra, ..Trap::new(side_calls, &[Fault::Arrival]) });
}

fn once_more(world: World) -> Run {
    Box::pin(async move {
        let ask = Ask::of(Form::Chat, "Be brief.", "Again?");
        for place in 0..2 + world.variant() {
            world.ask(&format!("time {place}"), &ask).await;
        }
    })
}

#[test]
fn a_call_made_once_more_is_refused() {
    let one = |report: &Report| report.refused == 1 && report.of(Grade::Exact) == 2;
    spring(&Trap { variant: 1, expect: one, ..Trap::new(once_more, &[Fault::Earliest]) });
}

fn drifting_tool(world: World) -> Run {
    Box::pin(async move {
        let ask = Ask::of(Form::Chat, "Use tools.", "What does it cost?").with_tools(&["price"]);
        let got = world.ask("plan", &ask).await;
        let price = world.drifting(r#"{"amount":4999,"of":"lamp"}"#, r#"{"amount":49.99,"of":"lamp"}"#);
        let next = results(&world, &ask, &got, |_| price.clone());
        let got = world.ask("answer", &next).await;
        let last = next.and([Turn::Said(got.text), Turn::User("Buy it.".into())]);
        world.ask("buy", &last).await;
    })
}

#[test]
fn a_tool_that_answers_anew_is_held_in_every_later_call() {
    let held = |report: &Report| {
        let said = "held: price $.amount 49.99, held 4999".to_owned();
        nothing_refused(report) && report.of(Grade::Held) == 2 && report.notes.contains(&said)
    };
    let faults = &[Fault::NoRenaming];
    spring(&Trap { brain: calls_tools, expect: held, ..Trap::new(drifting_tool, faults) });
}

fn own_names(world: World) -> Run {
    Box::pin(async move {
        join_all((0..3).map(|place| {
            let world = world.clone();
            async move {
                let run = world.uuid(&format!("run {place}"));
                let directory = world.directory(&format!("directory {place}"));
                let system = format!("You are run {run}. Work in {directory} only, on part {place}.");
                let form = [Form::Chat, Form::Messages, Form::Responses][place];
                let user = format!("Clean up {directory}/out/{place}.txt");
                let ask = Ask::of(form, &system, &user).with_tools(&["read_later"]).streamed(world.chance(2));
                let got = world.ask(&format!("plan {place}"), &ask).await;
                let path = got.calls.first().map(|call| call.arguments.clone()).unwrap_or_default();
                // What the tool is told must be this run's own directory: a stale one is somebody else's.
                let own = path.contains(&directory);
                let next = results(&world, &ask, &got, |_| format!("gone, own: {own}, log in {directory}/log"));
                let got = world.ask(&format!("answer {place}"), &next).await;
                let last = next.and([Turn::Said(got.text), Turn::User(format!("Close run {run}."))]);
                world.ask(&format!("close {place}"), &last).await;
            }
        }))
        .await;
    })
}

#[test]
fn names_of_the_recording_are_not_served_to_this_run() {
    let named = |report: &Report| nothing_refused(report) && report.of(Grade::Exact) == 0;
    let faults = &[Fault::NoRenaming, Fault::StaleNames, Fault::Arrival];
    spring(&Trap { brain: calls_tools, expect: named, ..Trap::new(own_names, faults) });
}

fn made_names(world: World) -> Run {
    Box::pin(async move {
        join_all((0..3).map(|place| {
            let world = world.clone();
            async move {
                let folder = world.folder(&format!("folder {place}"));
                let (token, short) = (world.token(&format!("token {place}")), world.short(&format!("short {place}")));
                let form = [Form::Chat, Form::Messages, Form::Responses][place];
                let user = format!("Write {folder}/part-{place}.txt for {token}, chunk {short}.");
                let ask = Ask::of(form, "Use tools.", &user).with_tools(&["read_later"]).streamed(world.chance(2));
                let got = world.ask(&format!("plan {place}"), &ask).await;
                let next = results(&world, &ask, &got, |call| format!("as told: {}", call.arguments.contains(&folder)));
                world.ask(&format!("answer {place}"), &next).await;
            }
        }))
        .await;
    })
}

#[test]
fn folders_tokens_and_short_hex_are_those_of_this_run() {
    let named = |report: &Report| report.poor || (nothing_refused(report) && report.of(Grade::Exact) == 0);
    let faults = &[Fault::NoRenaming, Fault::StaleNames, Fault::Arrival];
    spring(&Trap { brain: calls_tools, expect: named, ..Trap::new(made_names, faults) });
}

fn abbreviates(world: World) -> Run {
    Box::pin(async move {
        let (run, address) = (world.uuid("run"), world.address("server"));
        let ask = Ask::of(Form::Chat, "Be brief.", &format!("Check run {run} at http://{address}/v1.")).streamed(true);
        let got = world.ask("check", &ask).await;
        // The answer says the first characters and the port only; the agent goes on with these.
        let short: String = got.text.split(", on: ").next().unwrap_or_default().into();
        let next = ask.and([Turn::Said(got.text), Turn::User(format!("Sure of {short}?"))]);
        let got = world.ask("again", &next).await;
        world.ask("alone", &Ask::of(Form::Messages, "Be brief.", &format!("Explain {short} and {}", got.text))).await;
    })
}

#[test]
fn pieces_of_names_are_those_of_this_run() {
    let named = |report: &Report| nothing_refused(report) && report.of(Grade::Names) == 3;
    let faults = &[Fault::NoRenaming, Fault::StaleNames, Fault::StalePieces];
    spring(&Trap { expect: named, ..Trap::new(abbreviates, faults) });
}

fn files_of_people(world: World) -> Run {
    Box::pin(async move {
        let files = [
            "invoice-10423.pdf",
            "invoice-10424.pdf",
            "invoice-10426.pdf",
            "invoice-10427.pdf",
            "report-november",
            "report-december",
            "x-2024.csv",
        ];
        let other = world.variant() == 1;
        join_all(files.iter().enumerate().map(|(place, file)| {
            let world = world.clone();
            async move {
                let file = if other && place == 0 { "invoice-10425.pdf" } else { file };
                let ask = Ask::of(Form::Chat, "Sum up.", &format!("What is in /tmp/{file}?"));
                world.ask(&format!("file {place}"), &ask).await
            }
        }))
        .await;
    })
}

#[test]
fn files_that_people_named_distinguish() {
    spring(&Trap::new(files_of_people, &[Fault::Digits, Fault::Arrival]));
    let one = |report: &Report| report.refused == 1 && report.unused == 1 && report.of(Grade::Exact) == 6;
    spring(&Trap { variant: 1, expect: one, ..Trap::new(files_of_people, &[Fault::Digits, Fault::Similarity]) });
}

fn drifts_from_its_prompt(world: World) -> Run {
    Box::pin(async move {
        let (prompt, tools): (_, &[&'static str]) = match world.variant() {
            1 => ("You are strict.", &["read", "write"]),
            2 => ("You are patient.", &["read"]),
            _ => ("You are patient.", &["read", "write"]),
        };
        let ask = Ask::of(Form::Messages, prompt, "Shall I?").with_tools(tools);
        world.ask("asks", &ask).await;
        world.ask("other", &Ask::of(Form::Messages, "You are patient.", "And now?")).await;
    })
}

#[test]
fn an_edited_prompt_and_a_missing_tool_are_refused() {
    let one = |report: &Report| report.refused == 1 && report.unused == 1 && report.of(Grade::Exact) == 1;
    let faults = &[Fault::Messages, Fault::Similarity, Fault::Arrival];
    spring(&Trap { variant: 1, expect: one, ..Trap::new(drifts_from_its_prompt, faults) });
    spring(&Trap { variant: 2, expect: one, ..Trap::new(drifts_from_its_prompt, faults) });
}

fn swapped_names(world: World) -> Run {
    Box::pin(async move {
        let (one, other) = (world.uuid("one"), world.uuid("other"));
        let ask = |first: &str, second: &str| {
            Ask::of(Form::Chat, "Move files.", &format!("Move {first} over {second}; then keep {first}."))
        };
        world.ask("both", &ask(&one, &other)).await;
        let kept = if world.variant() == 1 { &other } else { &one };
        world
            .ask("kept", &Ask::of(Form::Chat, "Move files.", &format!("Which is kept of {one} and {other}: {kept}")))
            .await;
    })
}

#[test]
fn names_that_changed_places_are_a_miss() {
    spring(&Trap::new(swapped_names, &[Fault::StaleNames, Fault::NoRenaming]));
    let one = |report: &Report| report.refused == 1 && report.of(Grade::Names) == 1;
    spring(&Trap { variant: 1, expect: one, ..Trap::new(swapped_names, &[Fault::Similarity, Fault::Arrival]) });
}

fn tells_the_time(world: World) -> Run {
    Box::pin(async move {
        let mut ask = Ask::of(Form::Messages, "Be brief.", &format!("It is {}. What is on?", world.now()));
        for turn in 0..3 {
            let got = world.ask(&format!("turn {turn}"), &ask).await;
            let user = format!("Now it is {}. And turn {turn}?", world.now());
            ask = ask.and([Turn::Said(got.text), Turn::User(user)]);
        }
    })
}

#[test]
fn readings_of_the_clock_are_held() {
    let held = |report: &Report| nothing_refused(report) && report.of(Grade::Held) == 3;
    spring(&Trap { expect: held, ..Trap::new(tells_the_time, &[Fault::NoRenaming]) });
}

fn dates_of_documents(world: World) -> Run {
    Box::pin(async move {
        let later = world.variant() == 1;
        join_all(["2019-04-01", "2019-04-02", "2021-12-24T18:00:00Z"].into_iter().enumerate().map(|(place, date)| {
            let world = world.clone();
            async move {
                let date = if later && place == 1 { "2019-04-03" } else { date };
                let system = format!("Invoice of {date}: it was due the same day.");
                world.ask(&format!("invoice {place}"), &Ask::of(Form::Chat, &system, "When was it due?")).await
            }
        }))
        .await;
    })
}

#[test]
fn dates_in_documents_distinguish() {
    spring(&Trap::new(dates_of_documents, &[Fault::Digits, Fault::Messages]));
    let one = |report: &Report| report.refused == 1;
    spring(&Trap { variant: 1, expect: one, ..Trap::new(dates_of_documents, &[Fault::Digits]) });
}

fn deletes(world: World) -> Run {
    Box::pin(async move {
        let file = format!("{}/draft.txt", world.directory("drafts"));
        let ask = Ask::of(Form::Chat, "Use tools.", &file).with_tools(&["delete_file"]);
        let got = world.ask("plan", &ask).await;
        if !got.failed() {
            world.ask("answer", &results(&world, &ask, &got, |_| "gone".into())).await;
        }
    })
}

#[test]
fn a_name_in_the_arguments_of_a_destructive_tool_is_not_renamed_unasked() {
    let then = Circumstances { seed: 1, pick: Pick::First, variant: 0 };
    let recorded = record(&deletes, calls_tools, &[], then);
    let now = Circumstances { seed: 2, ..then };
    let report = replay(&recorded, &deletes, Options::default(), None, now);
    assert!(report.missed.len() == 1 && report.missed[0].contains("destructive"), "{report:#?}");
    let agreed = Options { allow_effects: true, ..Options::default() };
    let report = replay(&recorded, &deletes, agreed.clone(), None, now);
    assert!(!report.objects() && nothing_refused(&report), "{report:#?}");
    let report = replay(&recorded, &deletes, agreed, Some(Fault::StaleNames), now);
    assert!(report.objects());
}
