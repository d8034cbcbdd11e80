//! A recorder that is killed: nothing that the agent had got to the end of is lost.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use retake::model::{Detail, Part};
use retake::record::assemble;
use retake::store::Store;
use std::os::unix::process::CommandExt;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};

use crate::support::fake_model::{Asked, Reply};
use crate::support::trial::Trial;

/// Numbers that look random and are the same every time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)) % most
    }
}

fn question(asked: &Asked) -> String {
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

fn answered(asked: &Asked) -> Reply {
    let question = question(asked);
    if !question.starts_with("stream") {
        return Reply::chat(&format!("Whole answer to {question}"));
    }
    let delta = |text: &str| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
        format!("data: {}", json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}))
    };
    let words = ["Streamed ", "answer ", "to ", &question].map(delta);
    Reply::stream(words.iter().map(String::as_str).chain(["data: [DONE]"]))
}

#[test]
fn what_was_acknowledged_survives_fifty_kills() {
    let (sender, requests) = channel();
    let sender = Mutex::new(sender);
    let trial = Trial::new(move |asked| {
        // Nobody listens any more after the kill.
        let _ = sender.lock().unwrap().send(());
        answered(asked)
    });
    let mut dice = Dice(7);
    let mut acknowledged_in_all = 0;
    for round in 0..50 {
        let file = format!("acknowledged-{round}");
        let mut command = trial.command();
        command.arg("record").args(Trial::agent(&["loop", &file]));
        let mut recorder = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
        // A request of the agent before may still come in until this run has its file.
        let begun = Instant::now();
        while recordings(&trial) <= round && begun.elapsed() < Duration::from_secs(30) {
            std::thread::yield_now();
        }
        let _ = requests.try_iter().count();
        for _ in 0..=dice.below(24) {
            requests.recv_timeout(Duration::from_secs(30)).expect("the agent asks");
        }
        let (seen, moment) = (Instant::now(), Duration::from_micros(dice.below(3_000)));
        while seen.elapsed() < moment {
            std::hint::spin_loop();
        }
        kill_process(Pid::from_child(&recorder), Signal::KILL).unwrap();
        recorder.wait().unwrap();
        // The agent would go on asking; its group is what is left of it.
        let _ = kill_process_group(Pid::from_child(&recorder), Signal::KILL);
        let shown = trial.line("show");
        assert!(shown.contains(&format!("{file}  interrupted")), "round {round}: {shown}");
        assert!(!shown.contains("--- exit"), "round {round}: {shown}");
        let run = shown.split(' ').next().unwrap().to_owned();
        let acknowledged = fs::read_to_string(trial.env.work().join(&file)).unwrap_or_default();
        let complete = complete(&trial, &run);
        for line in acknowledged.lines() {
            assert!(complete.contains(line), "round {round}: `{line}` is lost; there are {complete:?}");
            acknowledged_in_all += 1;
        }
    }
    assert!(acknowledged_in_all > 200, "{acknowledged_in_all} answers were acknowledged");
    let listed = trial.line("ls");
    assert_eq!(listed.lines().filter(|line| line.contains("interrupted")).count(), 50, "{listed}");
    let verified = trial.line("store verify");
    assert!(!verified.contains("--- exit"), "{verified}");
}

/// How many recordings the store has.
fn recordings(trial: &Trial) -> usize {
    let files = fs::read_dir(trial.env.store().join("runs")).into_iter().flatten().flatten();
    files.filter(|file| file.path().extension().is_some_and(|extension| extension == "retake")).count()
}

/// Calls of a run whose answers are there to the end, as the agent names them.
fn complete(trial: &Trial, run: &str) -> BTreeSet<String> {
    let store = Store::open(&trial.env.store()).unwrap();
    let id = store.resolve(run).unwrap();
    let run = assemble(&id, &store.load(&id).unwrap().events);
    let mut found = BTreeSet::new();
    for node in run.graph.nodes().filter(|node| node.error.is_none() && node.ended.is_some()) {
        let Detail::Call { prompt, reply, .. } = &node.detail else { panic!("all calls are recognised") };
        let Part::Text(question) = &prompt.messages[0].parts[0] else { panic!("it is a text") };
        let (kind, number) = question.text.split_once(" question ").unwrap();
        let start = if kind == "stream" { "Streamed" } else { "Whole" };
        if reply.text() == format!("{start} answer to {}", question.text) {
            found.insert(format!("{kind} {number}"));
        }
    }
    found
}
