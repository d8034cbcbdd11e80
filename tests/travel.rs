//! A run that goes elsewhere: export, import, replay there; and the store that holds it.

use std::fs;

use crate::support::fake_model::{FakeModel, Reply};
use crate::support::trial::{Trial, shop};

#[test]
fn an_imported_run_is_replayed_with_the_command_of_who_imported_it() {
    let here = Trial::new(shop);
    let recorded = here.record("chat", &["chat"]);
    let exported = here.line("export chat -o chat.retake");
    assert_eq!(exported, "--- stderr\nwrote lkkkkkkk to `chat.retake`\n");
    let there = Trial::new(|_| Reply::chat("never asked"));
    fs::copy(here.env.work().join("chat.retake"), there.env.work().join("chat.retake")).unwrap();
    let imported = there.line("import chat.retake");
    assert_eq!(imported, "lkkkkkkk\n");
    let id = imported.lines().next().unwrap().to_owned();
    for run in [id.as_str(), "chat.retake"] {
        let unasked = there.replay([run, "--yes"]);
        assert_eq!(unasked.code, Some(2), "{}", unasked.err);
        assert!(unasked.err.contains("is not run unasked"), "{}", unasked.err);
        assert!(!there.env.work().join("effects").exists(), "it did not run");
    }
    let words: Vec<String> =
        [id.clone(), "--yes".to_owned(), "--".to_owned()].into_iter().chain(Trial::agent(&["chat"])).collect();
    let (replayed, asked) = there.asked_while(|| there.replay(&words));
    assert!(asked.is_empty());
    assert_eq!((replayed.code, &replayed.out), (Some(0), &recorded.out), "{}", replayed.err);
    let listed = there.line("ls");
    assert!(listed.lines().nth(1).is_some_and(|line| line.starts_with("└─")), "{listed}");
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
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("cannot reach `api.openai.com`"), "{}", ran.err);
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
    assert_eq!(trial.line("tag one keep"), "--- stderr\ntagged lkkkkkkk as `keep`\n");
    assert!(trial.line("ls").contains("scripted chat  [keep] [one]\n"), "{}", trial.line("ls"));
    let (shown, listed) = (trial.line("show two --json"), trial.line("ls --json"));
    let index = trial.env.store().join("index");
    fs::remove_dir_all(&index).unwrap();
    assert_eq!(trial.line("store rebuild"), "--- stderr\nrebuilt the index: 3 runs\n");
    assert_eq!((trial.line("show two --json"), trial.line("ls --json")), (shown, listed.clone()));
    fs::remove_dir_all(&index).unwrap();
    assert_eq!(trial.line("ls --json"), listed, "it comes back by itself");
    let verified = trial.line("store verify");
    assert!(verified.starts_with("3 recordings, ") && verified.ends_with(", all sound\n"), "{verified}");
    assert_eq!(trial.line("rm keep --yes"), "--- stderr\ndeleted 1 run\n");
    let listed = trial.line("ls");
    assert!(listed.contains("replay of lkkkkkkk") && !listed.contains("[keep]"), "{listed}");
    assert!(trial.line("show one").contains("error: no run matches `one`"));
    let verified = trial.line("store verify");
    assert!(verified.starts_with("2 recordings, ") && verified.ends_with(", all sound\n"), "{verified}");
}
