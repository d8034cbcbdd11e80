//! What a project or a file from elsewhere may not do before somebody agreed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::fake_model::{FakeModel, Reply};
use crate::support::trial::{Ran, Trial};

fn asking() -> Trial {
    let trial = Trial::new(|_| Reply::chat("Yes."));
    trial.env.write("question", "Is it?");
    trial
}

fn record(trial: &Trial, change: impl FnOnce(&mut Command)) -> Ran {
    let mut command = trial.command();
    change(&mut command);
    trial.finish(command.arg("record").args(Trial::agent(&["again"])))
}

#[test]
fn a_projects_upstream_gets_no_key_before_somebody_agreed() {
    let (trial, theirs) = (asking(), FakeModel::start(|_| Reply::chat("Mine.")));
    let settings = |name: &str| {
        trial.env.write("retake.toml", format!("[upstream]\n{name} = \"{}/v1\"\n", theirs.url()));
    };
    settings("openai");
    let (ran, asked) = trial.asked_while(|| record(&trial, |_| {}));
    assert_eq!((ran.code, ran.out.as_str(), asked.len()), (Some(0), "Yes.\n", 1), "{}", ran.err);
    assert!(theirs.asked().is_empty(), "the key stays where the environment sends it");
    assert!(ran.err.contains("nobody agreed to that, so it is not used"), "{}", ran.err);
    assert!(ran.err.contains("hint: look at it, and agree with `retake trust`"), "{}", ran.err);

    // Nor in a replay, nor for a provider that the environment says nothing about.
    let changed = ["replay", "--set", "1.messages[0].content=Was it?"];
    assert_eq!(trial.replay(&changed[1..]).code, Some(0));
    settings("acme");
    assert!(record(&trial, |_| {}).err.contains("the calls of `acme`"));
    assert!(theirs.asked().is_empty());

    settings("openai");
    let shown = |text: &str| text.replace(&theirs.url(), "[theirs]");
    assert_eq!(shown(&trial.line("trust --list")), "openai  [theirs]/v1  not agreed\n");
    assert_eq!(shown(&trial.line("trust")), "openai  [theirs]/v1  agreed\n");
    assert_eq!(shown(&trial.line("trust --list")), "openai  [theirs]/v1  agreed\n");
    let ran = record(&trial, |_| {});
    assert_eq!((ran.out.as_str(), theirs.asked().len()), ("Mine.\n", 1), "{}", ran.err);
    assert!(!ran.err.contains("nobody agreed"), "{}", ran.err);

    // Another host, and another project, are another question.
    let other = FakeModel::start(|_| Reply::chat("Another."));
    trial.env.write("retake.toml", format!("[upstream]\nopenai = \"{}/v1\"\n", other.url()));
    assert_eq!(record(&trial, |_| {}).out, "Yes.\n");
    settings("openai");
    let elsewhere = trial.env.work().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    fs::rename(trial.env.work().join("retake.toml"), elsewhere.join("retake.toml")).expect("it is moved");
    fs::copy(trial.env.work().join("question"), elsewhere.join("question")).expect("it is copied");
    let ran = record(&trial, |command| {
        command.current_dir(&elsewhere);
    });
    assert_eq!((ran.out.as_str(), theirs.asked().len()), ("Yes.\n", 1));
    assert!(other.asked().is_empty());
    assert_eq!(trial.line("trust"), "--- stderr\nno `retake.toml` here names an upstream\n");
}

#[test]
fn a_machine_that_nobody_sits_at_names_the_hosts() {
    let (trial, theirs) = (asking(), FakeModel::start(|_| Reply::chat("Mine.")));
    trial.env.write("retake.toml", format!("[upstream]\nopenai = \"{}/v1\"\n", theirs.url()));
    let host = theirs.url().replace("http://", "");
    for (named, out) in [
        (host.clone(), "Mine.\n"),
        (format!("a.example, {host}"), "Mine.\n"),
        (theirs.url(), "Mine.\n"),
        ("127.0.0.1".to_owned(), "Yes.\n"),
        ("1".to_owned(), "Yes.\n"),
        (String::new(), "Yes.\n"),
    ] {
        let ran = record(&trial, |command| {
            command.env("CI", "1").env("RETAKE_TRUST", &named);
        });
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), out), "{named}: {}", ran.err);
    }
    // What says the same as the environment needs no word.
    trial.env.write("retake.toml", format!("[upstream]\nopenai = \"{}/v1\"\n", trial.model.url()));
    let ran = record(&trial, |_| {});
    assert!(ran.out == "Yes.\n" && !ran.err.contains("nobody agreed"), "{}", ran.err);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it is there").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("it is copied");
        }
    }
}

#[test]
fn a_copied_recording_is_a_strangers() {
    let trial = asking();
    trial.record("mine", &["again"]);
    let replay = |store: &Path, home: Option<&Path>| {
        let mut command = trial.command();
        command.env("RETAKE_STORE", store);
        if let Some(home) = home {
            command.env("HOME", home);
        }
        trial.finish(command.args(["replay", "latest", "--yes"]))
    };
    let refused = |ran: &Ran| ran.code == Some(2) && ran.err.contains("was not recorded here") && ran.out.is_empty();
    let own = replay(&trial.env.store(), None);
    assert_eq!((own.code, own.out.as_str()), (Some(0), "Yes.\n"), "{}", own.err);

    // The whole folder, moved: still one's own. On another machine, or in a clone: not.
    let moved = trial.env.work().join("moved");
    copy(&trial.env.store(), &moved);
    assert_eq!(replay(&moved, None).code, Some(0));
    let home = trial.env.work().join("their-home");
    let theirs = replay(&moved, Some(&home));
    assert!(refused(&theirs), "{}", theirs.err);

    // The file alone, in a store of one's own.
    let runs = trial.env.work().join("other");
    copy(&trial.env.store().join("runs"), &runs.join("runs"));
    fs::copy(trial.env.store().join("format"), runs.join("format")).expect("it is copied");
    let copied = replay(&runs, None);
    assert!(refused(&copied), "{}", copied.err);
    assert!(copied.err.contains("hint: if you trust it, give it yourself: `retake replay "), "{}", copied.err);
    let mut command = trial.command();
    command.env("RETAKE_STORE", &runs).args(["replay", "latest", "--yes", "--"]).args(Trial::agent(&["again"]));
    let given = trial.finish(&mut command);
    assert_eq!((given.code, given.out.as_str()), (Some(0), "Yes.\n"), "{}", given.err);

    // A replay of it, with the command that was given, is one's own again.
    assert_eq!(replay(&runs, None).code, Some(0));
}
