//! `retake test`: what changed is caught and named, what is harmless stays green.

use std::fs;

use regex::Regex;

use crate::support::fake_model::{Asked, Reply};
use crate::support::team::{self, file, kept, steady, team};
use crate::support::trial::{Ran, Trial};

fn test(trial: &Trial, change: &str) -> Ran {
    let ran = trial.asked_while(|| trial.finish(team(&mut trial.command(), change).arg("test")));
    assert_eq!(ran.1.len(), 0, "{change}: something was sent");
    ran.0
}

/// The part of the output that names the failure.
fn caught(change: &str) -> String {
    let trial = kept();
    let ran = test(&trial, change);
    assert_eq!(ran.code, Some(1), "{change}: {}{}", ran.out, ran.err);
    steady(&ran.out)
}

#[test]
fn harmless_changes_stay_green() {
    let trial = kept();
    for change in ["", "reordered", "slow", "spaced", "tools", "stream", "stream,tools,spaced,reordered"] {
        let ran = test(&trial, change);
        assert_eq!(ran.code, Some(0), "{change}: {}{}", ran.out, ran.err);
        assert!(ran.out.starts_with("PASS  lyon"), "{}", ran.out);
    }
    let left: Vec<_> = fs::read_dir(trial.env.work().join("snapshots")).expect("it is there").collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!trial.line("ls").contains("replay"), "a test that passes leaves no run behind");
}

#[test]
fn a_changed_prompt_is_caught() {
    insta::assert_snapshot!(caught("prompt"), @r"
    FAIL  lyon   11 nodes  <time>
          B1 You know the weather. (node <n>)  this call was made otherwise, and the recording has no answer for it
            messages[0].content
            - You know the weather.
            + You know all weather.
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
}

#[test]
fn what_follows_from_a_refused_call_is_not_told_as_well() {
    let model = |asked: &Asked| {
        let text = asked.text();
        let is_last = text.contains("You know the weather.") && text.contains("\"role\":\"tool\"");
        let told = "It will be sunny on Saturday from morning to evening, with 21 degrees at noon.";
        if is_last { Reply::chat(told) } else { team::model_of("get_fare")(asked) }
    };
    let trial = team::recorded_with(&model, "");
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon", "--yes"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let told = test(&trial, "prompt,catches").out;
    assert!(told.contains("B1 You know the weather.") && !told.contains("weather_agent"), "{told}");
}

#[test]
fn a_name_that_differs_is_not_the_cause() {
    let trial = team::kept_with("named");
    assert_eq!(test(&trial, "named").code, Some(0));
    assert!(file(&trial, "snapshots/lyon.snap").contains("This is run <uuid 1>."));
    let ran = test(&trial, "named,question");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(steady(&ran.out), @r"
    FAIL  lyon   11 nodes  <time>
          A1 You plan trips. This is run (node <n>)  this call was made otherwise, and the recording has no answer for it
            messages[1].content
            - Is Lyon good on Saturday, and what does it cost?
            + Is Lyon good on Sunday, and what does it cost?
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
}

#[test]
fn what_was_approximated_is_said_and_doubts_fail() {
    let with_end = |end: &'static str| {
        move |asked: &Asked| {
            let text = asked.text();
            let is_last = text.contains("You plan trips.") && text.contains("\"role\":\"tool\"");
            let run = text.find("This is run ").map_or("", |at| &text[at + 12..at + 48]);
            let abbreviated = format!("{}…{}", &run[..run.len().min(4)], &run[run.len().saturating_sub(4)..]);
            if is_last { Reply::chat(&end.replace("RUN", &abbreviated)) } else { team::model_of("get_fare")(asked) }
        }
    };
    let keep = |end: &'static str| {
        let trial = team::recorded_with(&with_end(end), "named");
        let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon", "--yes"]));
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        trial
    };
    let accept = |trial: &Trial, what: &str| {
        let toml = file(trial, "retake.toml");
        let lines: Vec<&str> = toml.lines().filter(|line| !line.starts_with("accept")).collect();
        let with = lines.join("\n").replace("levels", &format!("accept = [\"{what}\"]\nlevels"));
        trial.env.write("retake.toml", again(trial, &with));
    };
    let named = Regex::new(r"`[0-9a-f]{4}`").expect("a pattern");

    let trial = keep("Lyon is sunny.");
    let passed = test(&trial, "named");
    insta::assert_snapshot!(steady(&passed.out), @r"
    PASS  lyon   11 nodes  <time>  approximated: 2 calls exact up to 1 name
    1 workflow: 1 passed
    ");

    let trial = keep("Run RUN says that Lyon is sunny.");
    let stale = test(&trial, "named");
    assert_eq!(stale.code, Some(1), "{}", stale.out);
    insta::assert_snapshot!(named.replace_all(&steady(&stale.out), "`<name>`"), @r#"
    FAIL  lyon   11 nodes  <time>
          A2 You plan trips. This is run (node <n>)  `<name>` in this answer may be left of a recorded name, which is another one now
            accept it with `accept = ["stale"]` in `[[workflow]]`, or record it again
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    "#);
    accept(&trial, "redacted");
    assert_eq!(test(&trial, "named").code, Some(1));
    accept(&trial, "stale");
    let stale = test(&trial, "named");
    assert_eq!(stale.code, Some(0), "{}", stale.out);
    assert!(stale.out.contains("1 stale name may stand in an answer"), "{}", stale.out);

    let trial = keep("Take sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2m3 to Lyon.");
    let redacted = test(&trial, "named");
    assert_eq!(redacted.code, Some(1), "{}", redacted.out);
    insta::assert_snapshot!(steady(&redacted.out), @r#"
    FAIL  lyon   11 nodes  <time>
          A2 You plan trips. This is run (node <n>)  this answer held a credential, and the agent was given the placeholder for it
            accept it with `accept = ["redacted"]` in `[[workflow]]`, or record it again
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    "#);
    accept(&trial, "redacted");
    let redacted = test(&trial, "named");
    assert_eq!(redacted.code, Some(0), "{}", redacted.out);
    assert!(redacted.out.contains("redacted: node "), "{}", redacted.out);
}

#[test]
fn a_dropped_tool_is_caught() {
    insta::assert_snapshot!(caught("dropped"), @r"
    FAIL  lyon   11 nodes  <time>
          C1 You know what things cost. (node <n>)  this call was made otherwise, and the recording has no answer for it
            tools
            - get_discount, get_fare
            + get_fare
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
}

#[test]
fn an_extra_call_is_caught() {
    insta::assert_snapshot!(caught("extra"), @r"
    FAIL  lyon   11 nodes  <time>
          A1 You plan trips. (node <n>)  the agent made a further call, which is not on the recording; this one is the nearest
            messages[0].content
            - You plan trips.
            + You check plans.
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
}

#[test]
fn a_wrong_argument_is_caught() {
    insta::assert_snapshot!(caught("argument"), @r"
    FAIL  lyon   11 nodes  <time>
          C2 You know what things cost. (node <n>)  this call was made otherwise, and the recording has no answer for it
            messages[2].tool_calls[0].function.arguments.city
            - Lyon
            + Lyons
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
}

#[test]
fn another_document_is_caught() {
    insta::assert_snapshot!(caught("document"), @r#"
    FAIL  lyon   11 nodes  <time>
          B1 You know the weather. (node <n>)  this call was made otherwise, and the recording has no answer for it
            messages[1].content
            - Lyon: fair in autumn.
            - 
            - {"city": "Lyon"}
            + Lyon: the river floods in autumn.
            + 
            + {"city": "Lyon"}
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    "#);
}

#[test]
fn a_changed_answer_is_caught() {
    insta::assert_snapshot!(caught("answer"), @r"
    FAIL  lyon   11 nodes  <time>
          the agent's standard output differs
            - Lyon is sunny on Saturday, for 40 euros.
            - done
            + Lyon is sunny on Saturday, for 41 euros.
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
    insta::assert_snapshot!(caught("lines"), @r"
    FAIL  lyon   11 nodes  <time>
          the agent's standard output differs
            - Lyon is sunny on Saturday, for 40 euros.
            - done
            + done
            + Lyon is sunny on Saturday, for 40 euros.
            the lines are the same, in another order
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
}

#[test]
fn a_tool_that_returns_something_else_is_caught_unless_it_is_volatile() {
    let trial = kept();
    trial.env.write("get_fare.result", r#"{"euros": 41}"#);
    let ran = test(&trial, "");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(steady(&ran.out), @r"
    FAIL  lyon   11 nodes  <time>
          C1.1 get_fare (node <n>)  this tool ran again and returned something else; what was recorded was held
            result.euros
            - 40
            + 41
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
    let toml = file(&trial, "retake.toml");
    for entry in ["get_fare", "get_fare.euros"] {
        let program = format!("volatile = [\"{entry}\"]");
        trial.env.write("retake.toml", again(&trial, &toml).replace("levels", &format!("{program}\nlevels")));
        trial.line("snapshot snapshots/lyon.jsonl --name lyon");
        let ran = test(&trial, "");
        assert_eq!(ran.code, Some(0), "{entry}: {}{}", ran.out, ran.err);
    }
    trial.env.write("retake.toml", again(&trial, &toml).replace("levels", "volatile = [\"get_fare.cents\"]\nlevels"));
    trial.line("snapshot snapshots/lyon.jsonl --name lyon");
    assert_eq!(test(&trial, "").code, Some(1));
}

/// The file as it was, with the machine's path.
fn again(trial: &Trial, text: &str) -> String {
    let now = fs::read_to_string(trial.env.work().join("retake.toml")).expect("it is there");
    let command = now.lines().find(|line| line.starts_with("command")).expect("it has a command");
    text.lines().map(|line| if line.starts_with("command") { command } else { line }).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_timeout_a_crash_and_a_call_are_three_messages() {
    insta::assert_snapshot!(caught("crash"), @r"
    FAIL  lyon   11 nodes  <time>
          the agent ended with exit code 1, recorded was 0
            team: division by zero
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
    let trial = kept();
    let ran = trial.finish(team(&mut trial.command(), "hang").args(["test", "--timeout", "1"]));
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(steady(&ran.out), @r"
    FAIL  lyon   11 nodes  <time>
          the agent did not end within 1 s and was ended, before its first call
          look into it with `retake diff <run> <run>` or `retake step <run>`
    1 workflow: 1 failed
    ");
}

#[test]
fn a_timeout_ends_what_the_agent_started_too() {
    let trial = kept();
    let toml = file(&trial, "retake.toml");
    let command = toml.lines().find(|line| line.starts_with("command")).expect("it has one");
    let shell = "command = [\"sh\", \"-c\", \"sleep 300 & echo $! > below; sh -c 'sleep 301 & echo $! > further; wait'; wait\"]";
    trial.env.write("retake.toml", toml.replace(command, shell));
    let ran = trial.finish(trial.command().args(["test", "--timeout", "1"]));
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    for name in ["below", "further"] {
        let pid = file(&trial, name);
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{name} still runs: {stat}");
    }
}

#[test]
fn levels_and_matchers_say_what_counts() {
    let trial = kept();
    let toml = file(&trial, "retake.toml");
    let with = |levels: &str, answer: &str| {
        let all = "levels = [\"wire\", \"trajectory\", \"answer\"]";
        trial.env.write("retake.toml", again(&trial, &toml).replace(all, &format!("levels = [{levels}]\n{answer}")));
    };
    with("\"wire\"", "");
    assert_eq!(test(&trial, "answer").code, Some(0), "the answer is not compared");
    for (answer, code) in [
        ("answer = { contains = \"41 euros\" }", 0),
        ("answer = { contains = [\"Lyon\", \"42 euros\"] }", 1),
        ("answer = { regex = '\\b4\\d euros' }", 0),
        ("answer = { regex = '^none' }", 1),
        ("answer = { json = '{\"a\": 1}' }", 1),
    ] {
        with("\"answer\"", answer);
        let ran = test(&trial, "answer");
        assert_eq!(ran.code, Some(code), "{answer}: {}{}", ran.out, ran.err);
    }
    trial.env.write("get_fare.result", "{}");
    with("\"trajectory\"", "");
    assert_eq!(test(&trial, "").code, Some(0), "results are a matter of the wire");
}

#[test]
fn machines_get_their_reports() {
    let trial = kept();
    let mut command = trial.command();
    let summary = trial.env.write("summary.md", "before\n");
    command.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    let ran = trial.finish(team(&mut command, "prompt").args(["test", "--junit", "junit.xml"]));
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(steady(&(ran.out + &ran.err)), @r"
    FAIL  lyon   11 nodes  <time>
          B1 You know the weather. (node <n>)  this call was made otherwise, and the recording has no answer for it
            messages[0].content
            - You know the weather.
            + You know all weather.
          look into it with `retake test lyon` on your machine
    1 workflow: 1 failed
    ::error file=snapshots/lyon.snap,line=41,title=retake test lyon::B1 You know the weather.: this call was made otherwise, and the recording has no answer for it: `messages[0].content` differs%0Arecorded: You know the weather.%0Anow: You know all weather.
    ");
    let xml =
        Regex::new("time=\"[0-9.]+\"").expect("a pattern").replace_all(&file(&trial, "junit.xml"), "").into_owned();
    insta::assert_snapshot!(xml, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="retake" tests="1" skipped="0" failures="1" errors="0">
        <testsuite name="workflows" tests="1" skipped="0" errors="0" failures="1">
            <testcase name="lyon" classname="retake" >
                <failure message="B1 You know the weather.: this call was made otherwise, and the recording has no answer for it: `messages[0].content` differs" type="call_not_recorded">B1 You know the weather.: this call was made otherwise, and the recording has no answer for it: `messages[0].content` differs
    recorded: You know the weather.
    now: You know all weather.</failure>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
    insta::assert_snapshot!(file(&trial, "summary.md"), @r"
    before
    ### retake test

    | workflow | result | nodes | |
    | --- | --- | ---: | --- |
    | lyon | **failed** | 11 | B1 You know the weather.: this call was made otherwise, and the recording has no answer for it: `messages[0].content` differs |

    <details><summary>lyon</summary>

    ```text
    B1 You know the weather.: this call was made otherwise, and the recording has no answer for it: `messages[0].content` differs
    recorded: You know the weather.
    now: You know all weather.
    ```

    </details>
    ");
    assert!(!trial.env.work().join("snapshots/lyon.snap.new").exists(), "nothing is written in CI");
    let ran = trial.finish(team(&mut trial.command(), "prompt").args(["test", "--json"]));
    let line: serde_json::Value = serde_json::from_str(ran.out.lines().next().expect("a line")).expect("JSON");
    assert_eq!(line["failures"][0]["kind"], "call_not_recorded");
    assert_eq!(line["failures"][0]["path"], "messages[0].content");
    assert_eq!(line["result"], "failed");
}

#[test]
fn what_is_broken_is_said() {
    let trial = kept();
    let snapshot = fs::read_to_string(trial.env.work().join("snapshots/lyon.snap")).expect("it is there");
    let recording = fs::read_to_string(trial.env.work().join("snapshots/lyon.jsonl")).expect("it is there");
    let broken = |file: &str, text: &str| {
        trial.env.write(&format!("snapshots/{file}"), text);
        let ran = test(&trial, "");
        trial.env.write("snapshots/lyon.snap", &snapshot);
        trial.env.write("snapshots/lyon.jsonl", &recording);
        assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
        steady(&ran.out)
    };
    let merged = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        let (start, rest) = lines.split_at(lines.len() / 2);
        format!("{}\n<<<<<<< HEAD\n{}\n=======\n>>>>>>> main\n", start.join("\n"), rest.join("\n"))
    };
    insta::assert_snapshot!(broken("lyon.snap", &merged(&snapshot)), @r"
     ERR  lyon   11 nodes  <time>
          snapshots/lyon.snap: line 42: a merge conflict is not resolved
          hint: resolve the recording first, then write it again with `retake snapshot snapshots/lyon.jsonl --name lyon`
    1 workflow: 1 could not be tested
    ");
    insta::assert_snapshot!(broken("lyon.snap", &snapshot.replace("Sunny", "Rainy")), @r"
     ERR  lyon   11 nodes  <time>
          snapshots/lyon.snap:33: the snapshot does not say what its recording holds
          hint: write it again with `retake snapshot snapshots/lyon.jsonl --name lyon`
    1 workflow: 1 could not be tested
    ");
    insta::assert_snapshot!(broken("lyon.jsonl", &merged(&recording)), @r"
     ERR  lyon    0 nodes  <time>
          snapshots/lyon.jsonl: line 19: a merge conflict is not resolved
          hint: take one side with `git checkout --theirs FILE` or `--ours`, or record the workflow again
    1 workflow: 1 could not be tested
    ");
    insta::assert_snapshot!(broken("lyon.jsonl", &recording.replace("\"retake\":1", "\"retake\":7")), @r"
     ERR  lyon    0 nodes  <time>
          snapshots/lyon.jsonl: it was written by a newer retake (format 7, this one knows 1)
    1 workflow: 1 could not be tested
    ");
    insta::assert_snapshot!(broken("lyon.jsonl", &recording[..recording.find("{\"request").expect("it has one") + 9]), @r"
     ERR  lyon    0 nodes  <time>
          snapshots/lyon.jsonl: line 7: not JSON at byte 1: a string does not end
    1 workflow: 1 could not be tested
    ");
    fs::remove_file(trial.env.work().join("snapshots/lyon.jsonl")).expect("it is there");
    insta::assert_snapshot!(steady(&test(&trial, "").out), @r"
     ERR  lyon    0 nodes  <time>
          `snapshots/lyon.jsonl` is not there
          hint: make it from a run with `retake snapshot RUN --name lyon`
    1 workflow: 1 could not be tested
    ");
}

#[test]
fn a_snapshot_that_another_version_wrote_may_use_other_words() {
    let trial = kept();
    let snapshot = fs::read_to_string(trial.env.work().join("snapshots/lyon.snap")).expect("it is there");
    let older = snapshot.replace("  retake: \"0.1.0\"", "  retake: \"0.0.1\"").replace("answer  Sunny", "says  Sunny");
    assert_ne!(older, snapshot);
    trial.env.write("snapshots/lyon.snap", older);
    let ran = test(&trial, "");
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

#[test]
fn mistakes_in_the_settings_are_said_with_their_place() {
    let trial = kept();
    let toml = fs::read_to_string(trial.env.work().join("retake.toml")).expect("it is there");
    let says = |text: &str| {
        trial.env.write("retake.toml", text);
        let ran = trial.finish(trial.command().arg("test"));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        ran.err
    };
    insta::assert_snapshot!(says(&format!("{toml}\n{toml}")), @"error: [work]/retake.toml:8:8: a second workflow is named `lyon`");
    insta::assert_snapshot!(says(&toml.replace("levels", "level")), @r"
    error: [work]/retake.toml:4:1: unknown key `level` in `[[workflow]]`, perhaps `levels` is meant

    hint: did you mean `levels`?
    ");
    insta::assert_snapshot!(says(&toml.replace("\"wire\"", "\"wired\"")), @r"
    error: [work]/retake.toml:4:11: unknown value `wired`, it can be `wire`, `trajectory` or `answer`

    hint: did you mean `wire`?
    ");
    insta::assert_snapshot!(says(""), @r"
    error: no workflows: `retake.toml` has none

    hint: make one from a run with `retake snapshot --name NAME`
    ");
    trial.env.write("retake.toml", toml);
    let ran = trial.finish(trial.command().args(["test", "none"]));
    insta::assert_snapshot!(ran.err, @"error: no workflow is named like `none`; there is `lyon`");
}

#[test]
fn several_workflows_run_and_a_filter_chooses() {
    let trial = kept();
    let second = trial.finish(trial.command().args(["snapshot", "snapshots/lyon.jsonl", "--name", "second", "--yes"]));
    assert_eq!(second.code, Some(0), "{}", second.err);
    let ran = test(&trial, "");
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with("2 workflows: 2 passed\n"), "{}", ran.out);
    let ran = trial.finish(team(&mut trial.command(), "").args(["test", "sec"]));
    assert!(ran.out.ends_with("1 workflow: 1 passed\n"), "{}", ran.out);
    trial.finish(trial.command().args(["snapshot", "snapshots/lyon.jsonl", "--name", "lyon2", "--yes"]));
    for (filter, passed) in [("lyon", 1), ("lyo", 2), ("lyon2", 1)] {
        let ran = trial.finish(team(&mut trial.command(), "").args(["test", filter]));
        assert!(ran.out.contains(&format!(": {passed} passed\n")), "{filter}: {}", ran.out);
    }
}

#[test]
fn accepting_takes_what_has_answers() {
    let trial = kept();
    let accept = |change: &str| trial.finish(team(&mut trial.command(), change).args(["test", "--accept"]));
    let ran = accept("answer");
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(file(&trial, "snapshots/lyon.snap").contains("41 euros"));
    assert_eq!(test(&trial, "answer").code, Some(0));
    assert_eq!(test(&trial, "").code, Some(1));
    let ran = accept("prompt");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("is not accepted"), "{}", ran.err);
}

#[test]
fn a_replay_with_a_change_demands_it_of_the_code() {
    let trial = team::recorded();
    let first = trial.line("show latest --json");
    let node = first
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["type"] == "node" && line["name"] == "get_fare")
        .expect("the tool is a node");
    let set = format!("{}.result={{\"euros\": 50}}", node["id"]);
    let ran = trial.finish(team(&mut trial.command(), "").args(["replay", "--yes", "--set", &set]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "fixed", "--yes"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = test(&trial, "");
    assert_eq!(ran.code, Some(1), "the code returns 40 still: {}", ran.out);
    trial.env.write("get_fare.result", "{\"euros\": 50}");
    let ran = test(&trial, "");
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}
