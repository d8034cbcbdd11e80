//! `retake review`: what tests found different, accepted or rejected.

use crate::support::team::{file, kept, team};
use crate::support::trial::{Ran, Trial};

fn run(trial: &Trial, words: &[&str]) -> Ran {
    trial.finish(trial.command().args(words))
}

/// A world in which a tool returns something else, and a test has found it.
fn pending() -> Trial {
    let trial = kept();
    trial.env.write("get_fare.result", r#"{"euros": 41}"#);
    let ran = trial.finish(team(&mut trial.command(), "").arg("test"));
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    trial
}

#[test]
fn what_is_pending_is_listed_and_accepted() {
    let trial = pending();
    insta::assert_snapshot!(run(&trial, &["review", "--list"]).out, @"lyon  1 section: C1.1 get_fare tool");
    insta::assert_snapshot!(run(&trial, &["review"]).err, @r"
    error: `retake review` needs a terminal

    hint: list what is pending with `retake review --list`
    hint: accept or reject one with `retake review --accept NAME` or `--reject NAME`
    ");
    let ran = run(&trial, &["review", "--accept", "lyon"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "accepted `lyon`\n"));
    assert!(file(&trial, "snapshots/lyon.snap").contains("{\"euros\": 41}"));
    assert_eq!(run(&trial, &["review", "--list"]).err, "nothing is pending\n");
    let ran = trial.finish(team(&mut trial.command(), "").arg("test"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

#[test]
fn what_is_rejected_is_gone() {
    let trial = pending();
    let before = file(&trial, "snapshots/lyon.snap");
    assert_eq!(run(&trial, &["review", "--reject", "lyon"]).code, Some(0));
    assert_eq!(file(&trial, "snapshots/lyon.snap"), before);
    assert!(!trial.env.work().join("snapshots/lyon.snap.new").exists());
    assert!(!trial.env.work().join("snapshots/lyon.jsonl.new").exists());
    insta::assert_snapshot!(run(&trial, &["review", "--reject", "lyon"]).err, @r"
    error: `lyon` is not pending; nothing is

    hint: see what differs with `retake test`
    ");
}

#[test]
fn a_field_may_differ_from_now_on() {
    let trial = pending();
    let ran = run(&trial, &["review", "--volatile", "lyon:get_fare"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(file(&trial, "retake.toml").contains("volatile = [\"get_fare\"]"));
    assert!(file(&trial, "snapshots/lyon.snap").contains("result  <volatile>"));
    let ran = trial.finish(team(&mut trial.command(), "").arg("test"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(run(&trial, &["review", "--list"]).err, "nothing is pending\n", "a test that passes clears it");
}

#[test]
fn a_call_without_an_answer_cannot_be_accepted() {
    let trial = kept();
    let ran = trial.finish(team(&mut trial.command(), "prompt").arg("test"));
    assert!(!ran.err.contains("accept or reject"), "{}", ran.err);
    assert!(ran.err.contains("/team`, then `retake snapshot --name lyon`"), "{}", ran.err);
    let ran = run(&trial, &["review", "--accept", "lyon"]);
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @r"
    error: `lyon` cannot be accepted: it makes a call that the recording has no answer for

    hint: record the workflow's command again, then `retake snapshot --name lyon`
    ");
    assert!(run(&trial, &["review", "--list"]).out.contains("cannot be accepted"));
}

#[test]
fn a_review_elsewhere_takes_the_recording_along() {
    let trial = pending();
    let folder = trial.env.work().join("snapshots");
    std::fs::rename(folder.join("lyon.snap.new"), folder.join("lyon.snap")).expect("as cargo insta does");
    let ran = trial.finish(team(&mut trial.command(), "").arg("test"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(!folder.join("lyon.jsonl.new").exists());
}
