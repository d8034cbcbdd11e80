//! Credentials on their way through a whole recording: into no file, and back in their places in a replay.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use retake::store::Store;

use crate::support::fake_model::Reply;
use crate::support::trial::{KEY, Ran, Trial};

const HEADER: &str = "hdr-4fK29sLq81Zx77Qa";
const QUERY: &str = "qry-8sKd02mNvX61Lp3w";
const BODY: &str = "sk-proj-bodyK29sLq81Zx77QaPo20";
const INPUT: &str = "sk-ant-api03-inputQ81Zx77QaPo20mmLs";
const ANSWER: &str = "ghp_answerQ81Zx77QaPo20mmLs8sKd02mNvX619";

const ALL: [&str; 6] = [KEY, HEADER, QUERY, BODY, INPUT, ANSWER];

fn with_input(trial: &Trial, command: &mut Command, input: &str) -> Ran {
    let file = trial.env.write("input", format!("{input}\n"));
    trial.finish(command.stdin(Stdio::from(fs::File::open(file).unwrap())))
}

/// Every byte that the store holds, and every event of its recordings.
fn everything(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            all.extend(everything(&path));
        } else {
            all.extend(fs::read(&path).unwrap());
            if path.extension().is_some_and(|extension| extension == "retake") {
                for event in Store::load_file(&path).unwrap().events {
                    write!(all, "{event:?}").unwrap();
                }
            }
        }
    }
    all
}

#[test]
fn no_key_is_in_any_file_and_all_are_filled_in_again() {
    let trial = Trial::new(|asked| {
        let body = asked.text();
        let echoed = format!("You said {}. Your new key is {ANSWER}.", body.len());
        Reply::chat(&format!("{echoed} Once more: {BODY} and {INPUT}."))
    });
    trial.env.write(
        "asks",
        format!(
            "> x-api-key: {HEADER}\nPOST /v1/chat/completions?api_key={QUERY} \
             {{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"My key is {BODY}, and: ${{stdin}}\"}}]}}"
        ),
    );
    let mut command = trial.command();
    command.arg("record").args(Trial::agent(&["requests", "asks"]));
    let recorded = with_input(&trial, &mut command, INPUT);
    assert_eq!(recorded.code, Some(0), "{}", recorded.err);
    assert!(recorded.out.contains(ANSWER) && recorded.out.contains(INPUT), "the agent gets all of it");
    let asked = trial.model.asked().remove(0);
    assert_eq!(asked.header("x-api-key"), Some(HEADER));
    assert!(asked.target.contains(QUERY) && asked.text().contains(BODY) && asked.text().contains(INPUT));
    let nothing_in = |place: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        for secret in ALL {
            assert!(!text.contains(secret), "{secret} is in {place}");
            assert!(!text.contains(&secret[..secret.len() - 4]), "most of {secret} is in {place}");
        }
    };
    nothing_in("the store", &everything(&trial.env.store()));
    for words in ["show", "show 1", "show 1 --json", "show 1 --raw request", "show 1 --raw response", "show --output"] {
        nothing_in(words, trial.line(words).as_bytes());
    }
    let raw = trial.line("show 1 --raw request");
    assert!(raw.matches("__RETAKE_SECRET_").count() >= 4, "{raw}");

    let mut again = trial.command();
    let (replayed, sent) = trial.asked_while(|| with_input(&trial, again.arg("replay"), INPUT));
    assert!(sent.is_empty() && replayed.code == Some(0), "{}", replayed.err);
    assert!(replayed.out.contains(BODY) && replayed.out.contains(INPUT), "{}", replayed.out);
    assert!(!replayed.out.contains(ANSWER));
    assert!(replayed.grade().contains("redacted: node 1"), "{}", replayed.grade());
    nothing_in("the store after a replay", &everything(&trial.env.store()));

    // Another key in the same place is the same call, and is what comes back.
    let other = "sk-ant-api03-otherQ81Zx77QaPo20mmLs";
    let mut again = trial.command();
    let replayed = with_input(&trial, again.arg("replay"), other);
    assert!(replayed.out.contains(other) && !replayed.out.contains(INPUT), "{}{}", replayed.out, replayed.err);
}

#[test]
fn a_call_without_a_key_is_never_sent() {
    let trial = Trial::new(|_| Reply::chat("Yes."));
    trial.env.write("question", "Is it?");
    trial.record("first", &["again"]);
    let mut command = trial.command();
    command.env_remove("OPENAI_API_KEY").args(["replay", "--set", "1.messages[0].content=Was it?"]);
    let (ran, asked) = trial.asked_while(|| trial.finish(&mut command));
    assert!(asked.is_empty(), "{asked:?}");
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("no key for it in the environment"), "{}", ran.err);
    let shown = trial.line("show 1 --json");
    assert!(shown.contains(r#""action":"refuse""#) && shown.contains("no key for it"), "{shown}");
}
