//! A run that goes elsewhere: export, import, replay there; and the store that holds it.

use std::fs;

use crate::support::fake_model::{FakeModel, Reply};
use crate::support::trial::{Trial, shop};

#[test]
fn an_imported_run_is_replayed_with_the_command_of_who_imported_it() {
    let here = Trial::new(shop);
    let recorded = here.record("chat", &["chat"]);
    let exported = here.line("export chat -o chat.retake");
    println!("{exported}");
    let there = Trial::new(|_| Reply::chat("never asked"));
    fs::copy(here.env.work().join("chat.retake"), there.env.work().join("chat.retake")).unwrap();
    let imported = there.line("import chat.retake");
    println!("{imported}");
    let id = imported.lines().next().unwrap().to_owned();
    for run in [id.as_str(), "chat.retake"] {
        let unasked = there.replay([run, "--yes"]);
        println!("{}", unasked.err);
        assert_eq!(unasked.code, Some(2), "{}", unasked.err);
        assert!(unasked.err.contains("is not run unasked"), "{}", unasked.err);
        assert!(!there.env.work().join("effects").exists(), "it did not run");
    }
    let words: Vec<String> =
        [id.clone(), "--yes".to_owned(), "--".to_owned()].into_iter().chain(Trial::agent(&["chat"])).collect();
    let (replayed, asked) = there.asked_while(|| there.replay(&words));
    println!("{}", replayed.err);
    assert!(asked.is_empty());
    assert_eq!((replayed.code, &replayed.out), (Some(0), &recorded.out), "{}", replayed.err);
    println!("{}", there.line("ls"));
}

#[test]
fn an_imported_run_names_no_upstream() {
    let theirs = FakeModel::start(shop);
    let here = Trial::new(shop);
    let mut command = here.command();
    command.env("OPENAI_BASE_URL", format!("{}/v1", theirs.url())).arg("record").args(Trial::agent(&["chat"]));
    here.finish(&mut command);
    here.line("export -o chat.retake");
    let there = Trial::new(shop);
    fs::copy(here.env.work().join("chat.retake"), there.env.work().join("chat.retake")).unwrap();
    there.line("import chat.retake");
    let before = theirs.asked().len();
    let mut command = there.command();
    // Without a base URL of one's own calls would go to the provider itself, through this dead proxy.
    command
        .env_remove("OPENAI_BASE_URL")
        .env("ALL_PROXY", "http://127.0.0.1:9")
        .env("HTTPS_PROXY", "http://127.0.0.1:9");
    command.args(["replay", "latest", "--yes", "--set", "1.system=x", "--"]).args(Trial::agent(&["chat"]));
    let ran = there.finish(&mut command);
    println!("{}{}", ran.out, ran.err);
    assert_ne!(ran.code, Some(0));
    assert_eq!(theirs.asked().len(), before, "the stranger's upstream is left alone");
    let words: Vec<String> = ["latest", "--yes", "--set", "1.system=x", "--"]
        .map(str::to_owned)
        .into_iter()
        .chain(Trial::agent(&["chat"]))
        .collect();
    there.line("rm latest --yes");
    let (ran, asked) = there.asked_while(|| there.replay(&words));
    assert_eq!((ran.code, asked.len()), (Some(0), 2), "{}", ran.err);
    assert_eq!(theirs.asked().len(), before);
}

#[test]
fn tags_removal_and_upkeep_of_real_runs() {
    let trial = Trial::new(shop);
    trial.record("one", &["chat"]);
    trial.record("two", &["fan"]);
    trial.replay(["one", "--yes"]);
    println!("{}", trial.line("tag one keep"));
    println!("{}", trial.line("ls"));
    let (shown, listed) = (trial.line("show two --json"), trial.line("ls --json"));
    println!("{}", trial.line("store verify"));
    let index = fs::read_dir(trial.env.store()).unwrap().map(|entry| entry.unwrap().path());
    println!("{:?}", index.collect::<Vec<_>>());
    fs::remove_dir_all(trial.env.store().join("index")).unwrap();
    println!("{}", trial.line("store rebuild"));
    assert_eq!(trial.line("show two --json"), shown);
    assert_eq!(trial.line("ls --json"), listed);
    assert!(!trial.line("store verify").contains("--- exit"));
    fs::remove_dir_all(trial.env.store().join("index")).unwrap();
    assert_eq!(trial.line("ls --json"), listed, "it comes back by itself");
    println!("{}", trial.line("rm one --yes"));
    println!("{}", trial.line("ls"));
    println!("{}", trial.line("show one"));
    assert!(!trial.line("store verify").contains("--- exit"));
}
