//! Agents made by chance: no answer of a replay may be another call's.
//!
//! `cargo test` tries 200 of them, a release build 10,000; `RETAKE_TORTURE=N` says how many,
//! `RETAKE_TORTURE_SEED` with which to begin.

use std::pin::Pin;
use std::rc::Rc;

use futures_util::FutureExt as _;
use futures_util::future::{Shared, join_all};

use super::super::matcher::Fault;
use super::super::plan::Options;
use super::talk::{Ask, Form, Said, Turn};
use super::world::{Circumstances, Pick, Recorded, Report, Rng, Run, Trouble, World, plain, record, replay};
use crate::model::event::Grade;

/// A step of an agent: a call, or a conversation about one thing.
#[derive(Debug, Clone)]
struct Task {
    after: Vec<usize>,
    form: Form,
    system: String,
    user: String,
    /// Whether it tells what the tasks before it found.
    tells: bool,
    named: Option<usize>,
    timed: bool,
    tool: bool,
    drifts: bool,
    turns: usize,
    stream: bool,
}

/// What an agent does, and what is uncertain about it.
#[derive(Debug, Clone)]
struct Workload {
    tasks: Vec<Task>,
    troubles: Vec<(&'static str, &'static [Trouble])>,
    /// Equal calls are answered differently.
    draws: bool,
    /// Calls that differ in nothing but a name.
    confusable: bool,
    /// What the replay does differently: nothing, a changed number, a step less, a step more.
    variant: usize,
    changed: usize,
}

/// The same answer to the same question.
fn steady(ask: &Ask, asked: &str, _: usize) -> Said {
    if calls(ask) { tool_call(asked) } else { plain(ask, asked, 0) }
}

/// Another answer every time.
fn drawn(ask: &Ask, asked: &str, times: usize) -> Said {
    if calls(ask) { tool_call(asked) } else { plain(ask, asked, times) }
}

fn calls(ask: &Ask) -> bool {
    !ask.tools.is_empty() && !ask.turns.iter().any(|turn| matches!(turn, Turn::Results(_)))
}

fn tool_call(asked: &str) -> Said {
    let call = |place: usize, name: &str| super::talk::Called {
        id: format!("call_{asked}{place}"),
        name: name.to_owned(),
        arguments: format!(r#"{{"of":{asked},"place":{place}}}"#),
    };
    Said { text: String::new(), calls: vec![call(0, "price"), call(1, "stock")] }
}

const TROUBLES: [(&str, &[Trouble]); 4] = [
    ("Case 0.", &[Trouble::Status(429), Trouble::Status(500)]),
    ("Case 1.", &[Trouble::Cut]),
    ("Case 2.", &[Trouble::Silence, Trouble::Status(529)]),
    ("Case 3.", &[Trouble::Cut, Trouble::Status(503), Trouble::Cut]),
];

fn workload(seed: u64) -> Workload {
    let mut rng = Rng::new(seed);
    let draws = rng.one_in(2);
    let confusable = rng.one_in(6);
    let names = rng.one_in(2);
    let clock = rng.one_in(4);
    let mut tasks: Vec<Task> = Vec::new();
    let mut troubles = Vec::new();
    for place in 0..3 + rng.below(9) {
        if place > 0 && rng.one_in(4) {
            // A twin: the same call, wherever the agent makes it.
            let mut twin = tasks[rng.below(place)].clone();
            twin.after = (0..place).filter(|_| rng.one_in(4)).take(2).collect();
            tasks.push(twin);
            continue;
        }
        let form = [Form::Chat, Form::Messages, Form::Responses][rng.below(3)];
        let document = rng.below(4);
        let amount = ["4999", "49.99", "4989", "12"][rng.below(4)];
        let mut user = ["What is the fee?", "Sum up.", "Is it due?"][rng.below(3)].to_owned();
        let name = (names && rng.one_in(2)).then(|| rng.below(4));
        if !confusable && name.is_some() {
            user = format!("{user} Step {place}.");
        }
        if rng.one_in(6)
            && let Some(trouble) = TROUBLES.get(troubles.len())
        {
            user = format!("{user} {}", trouble.0);
            troubles.push(*trouble);
        }
        tasks.push(Task {
            after: (0..place).filter(|_| rng.one_in(4)).take(2).collect(),
            form,
            system: format!("Answer from document {document}: the fee is {amount} euro."),
            user,
            tells: rng.one_in(2),
            named: name,
            timed: clock && rng.one_in(2),
            tool: rng.one_in(4),
            drifts: rng.one_in(4),
            turns: rng.below(3),
            stream: rng.one_in(2),
        });
    }
    let changed = rng.below(tasks.len());
    let variant = if rng.one_in(3) { 1 + rng.below(3) } else { 0 };
    Workload { tasks, troubles, draws, confusable, variant, changed }
}

type Step = Shared<Pin<Box<dyn Future<Output = String>>>>;

fn agent(workload: &Rc<Workload>, world: &World) -> Run {
    let (workload, world) = (Rc::clone(workload), world.clone());
    Box::pin(async move {
        let mut steps: Vec<Step> = Vec::new();
        let mut extra = None;
        for (place, task) in workload.tasks.iter().enumerate() {
            let before: Vec<Step> = task.after.iter().map(|place| steps[*place].clone()).collect();
            let (mut task, own) = (task.clone(), world.clone());
            let changed = workload.changed == place;
            let step: Pin<Box<dyn Future<Output = String>>> = Box::pin(async move {
                let found = join_all(before).await;
                if changed && own.variant() == 1 {
                    task.system = task.system.replace("the fee is", "the fee is now 1 and was");
                }
                if changed && own.variant() == 2 {
                    return String::new();
                }
                if task.tells {
                    task.user = format!("{} It is known: {}", task.user, found.join("; "));
                }
                steps_of(&task, place, &own).await
            });
            steps.push(step.shared());
            if changed && world.variant() == 3 {
                let (task, world) = (workload.tasks[place].clone(), world.clone());
                extra = Some(async move { steps_of(&task, place + 100, &world).await });
            }
        }
        join_all(steps.into_iter().chain(extra.map(|extra| {
            let extra: Pin<Box<dyn Future<Output = String>>> = Box::pin(extra);
            extra.shared()
        })))
        .await;
    })
}

async fn steps_of(task: &Task, place: usize, world: &World) -> String {
    let mut user = task.user.clone();
    if let Some(name) = task.named {
        let label = format!("name {name}");
        let (what, place) = match name % 4 {
            0 => (world.uuid(&label), world.directory(&format!("directory of {label}"))),
            1 => (world.short(&label), world.folder(&format!("folder of {label}"))),
            2 => (world.token(&label), format!("http://{}", world.address(&format!("address of {label}")))),
            _ => (world.uuid(&label), format!("http://{}", world.address(&format!("address of {label}")))),
        };
        user = format!("{user} In {place}/notes of {what}.");
        if task.turns > 1 {
            user = format!("{user}{}", super::world::in_short(&user));
        }
    }
    if task.timed {
        user = format!("{user} It is {}.", world.now());
    }
    let mut ask = Ask::of(task.form, &task.system, &user).streamed(task.stream);
    if task.tool {
        ask = ask.with_tools(&["price", "stock"]);
    }
    let mut got = world.insist(&format!("task {place}"), &ask).await;
    if got.failed() {
        return "failed".into();
    }
    if task.tool {
        let mut results: Vec<(String, String)> = Vec::new();
        for (number, call) in got.calls.iter().enumerate() {
            let result = format!("{} is {}", call.name, call.arguments);
            let drifts = task.drifts && number == 0;
            let drift = format!("{} is otherwise", call.name);
            results.push((call.id.clone(), if drifts { world.drifting(&result, &drift) } else { result }));
        }
        if world.chance(2) {
            results.reverse();
        }
        ask = ask.and([Turn::Called(got.calls.clone()), Turn::Results(results)]);
        got = world.insist(&format!("task {place} tools"), &ask).await;
    }
    for turn in 0..task.turns {
        if got.failed() {
            return "failed".into();
        }
        ask = ask.and([Turn::Said(got.text.clone()), Turn::User(format!("Go on, turn {turn}."))]);
        ask.stream = world.chance(2);
        got = world.insist(&format!("task {place} turn {turn}"), &ask).await;
    }
    if got.failed() { "failed".into() } else { got.text }
}

fn pick(rng: &mut Rng) -> Pick {
    [Pick::Any, Pick::Any, Pick::First, Pick::Last, Pick::Single][rng.below(5)]
}

fn tried(seed: u64, fault: Option<Fault>) -> (Workload, Report) {
    let workload = Rc::new(workload(seed));
    let mut rng = Rng::new(seed ^ 0xabcd);
    let make = |world: World| agent(&workload, &world);
    let then = Circumstances { seed: rng.next(), pick: pick(&mut rng), variant: 0 };
    let now = Circumstances { seed: rng.next(), pick: pick(&mut rng), variant: workload.variant };
    let brain = if workload.draws { drawn } else { steady };
    let recorded: Recorded = record(&make, brain, &workload.troubles, then);
    let report = replay(&recorded, &make, Options::default(), fault, now);
    ((*workload).clone(), report)
}

/// The seed to begin with, to look at one again.
fn first() -> u64 {
    let given = std::env::var_os("RETAKE_TORTURE_SEED").and_then(|text| text.to_str()?.parse().ok());
    given.unwrap_or(0)
}

fn how_many() -> u64 {
    let given = std::env::var_os("RETAKE_TORTURE").and_then(|text| text.to_str()?.parse().ok());
    given.unwrap_or(if cfg!(debug_assertions) { 200 } else { 10_000 })
}

#[test]
fn no_answer_is_another_call_s() {
    let (mut calls, mut refused, mut interchangeable, mut certain, mut doubtful, mut named, mut stale) =
        (0, 0, 0, 0, 0, 0, 0);
    for seed in first()..first() + how_many() {
        let (workload, report) = tried(seed, None);
        assert!(report.wrong.is_empty(), "seed {seed}: {:#?}\n{workload:#?}", report.wrong);
        let doubt = workload.confusable || report.poor;
        if !doubt {
            assert!(report.missed.is_empty(), "seed {seed}: {:#?}\n{workload:#?}", report.missed);
        }
        if !doubt && !workload.draws && workload.variant == 0 {
            assert_eq!((report.refused, report.unused), (0, 0), "seed {seed}: {report:#?}");
            certain += 1;
        }
        calls += report.calls;
        refused += report.refused;
        doubtful += report.missed.len();
        named += report.of(Grade::Names);
        stale += report.notes.iter().filter(|note| note.starts_with("stale: ")).count();
        interchangeable += report.of(Grade::Interchangeable);
    }
    assert!(how_many() < 100 || certain > how_many() / 6 && interchangeable > 0, "{certain} {interchangeable}");
    assert!(refused * 4 < calls, "{refused} of {calls} were refused");
    assert!(doubtful * 50 < calls, "{doubtful} of {calls} were refused that are on the recording");
    println!(
        "{} workloads from seed {}, {calls} calls: 0 wrong, {named} up to names, {interchangeable} interchangeable, \
         {stale} stale pieces reported; refused: {refused} that are not on the recording, {doubtful} that differ in a \
         name only or have one like a word or a number, 0 of the {certain} replays in which every call is exact, named or \
         a twin with equal answers",
        how_many(),
        first()
    );
}

#[test]
fn faults_are_noticed_by_chance_too() {
    let faults = [
        Fault::Arrival,
        Fault::Earliest,
        Fault::Unsaid,
        Fault::Similarity,
        Fault::Messages,
        Fault::Bytes,
        Fault::Digits,
        Fault::OnlySuccess,
        Fault::NoRenaming,
        Fault::StaleNames,
        Fault::StalePieces,
    ];
    for fault in faults {
        assert!((0..60).any(|seed| tried(seed, Some(fault)).1.objects()), "{fault:?}");
    }
}
