//! `retake snapshot`: a run kept as files that people read and git merges.

use std::fs;

use crate::support::fake_model::Reply;
use crate::support::team::{self, team};
use crate::support::trial::{KEY, Trial};

#[test]
fn a_run_is_kept_as_text() {
    let trial = team::recorded();
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon", "--yes"]));
    insta::assert_snapshot!(ran.out + &ran.err, @r"
    snapshots/lyon.snap
    snapshots/lyon.jsonl
    wrote `lyon`: 11 nodes, and an entry in `retake.toml`
    hint: commit them, and check the agent with `retake test lyon`
    ");
    insta::assert_snapshot!(team::file(&trial, "retake.toml"), @r#"
    [[workflow]]
    name = "lyon"
    command = ["team"]
    levels = ["wire", "trajectory", "answer"]
    tools = ["price_agent", "weather_agent"]
    "#);
    insta::assert_snapshot!(team::file(&trial, "snapshots/lyon.snap"), @r#"
    ---
    source: retake.toml
    description: "team"
    expression: "lyon"
    info:
      retake: "0.1.0"
    ---
    graph
      A1 You plan trips.
        A1.1 weather_agent           from B2
        A1.2 price_agent             from C2
      A2 You plan trips.
      B1 You know the weather.       from A1
        B1.1 get_forecast
        B1.2 get_alerts
      B2 You know the weather.
      C1 You know what things cost.  from A1
        C1.1 get_fare
      C2 You know what things cost.

    A1 You plan trips.  llm m
      system  You plan trips.
      user  Is Lyon good on Saturday, and what does it cost?
      tool price_agent
        {"type": "function", "function": {"name": "price_agent", "parameters": {"type": "object"}}}
      tool weather_agent
        {"type": "function", "function": {"name": "weather_agent", "parameters": {"type": "object"}}}
      temperature  0.5
      calls weather_agent  {"city": "Lyon"}
      calls price_agent  {"city": "Lyon"}

    A1.1 weather_agent  tool
      result  Sunny, 21 degrees.

    A1.2 price_agent  tool
      result  It costs 40 euros.

    A2 You plan trips.  llm m
      answer  Lyon is sunny on Saturday, for 40 euros.

    B1 You know the weather.  llm m
      system  You know the weather.
      user
        Lyon: fair in autumn.

        {"city": "Lyon"}
      tool get_alerts
        {"type": "function", "function": {"name": "get_alerts", "parameters": {"type": "object"}}}
      tool get_forecast
        {"type": "function", "function": {"name": "get_forecast", "parameters": {"type": "object"}}}
      temperature  0.5
      calls get_forecast  {"day": "saturday"}
      calls get_alerts  {"day": "saturday"}

    B1.1 get_forecast  tool
      result  {"sky": "sunny", "degrees": 21}

    B1.2 get_alerts  tool
      result  {"euros": 40}

    B2 You know the weather.  llm m
      answer  Sunny, 21 degrees.

    C1 You know what things cost.  llm m
      system  You know what things cost.
      user  {"city": "Lyon"}
      tool get_discount
        {"type": "function", "function": {"name": "get_discount", "parameters": {"type": "object"}}}
      tool get_fare
        {"type": "function", "function": {"name": "get_fare", "parameters": {"type": "object"}}}
      temperature  0.5
      calls get_fare  {"city": "Lyon"}

    C1.1 get_fare  tool
      result  {"euros": 40}

    C2 You know what things cost.  llm m
      answer  It costs 40 euros.

    output
      Lyon is sunny on Saturday, for 40 euros.
      done
    "#);
}

#[test]
fn the_recording_is_read_by_every_command_that_takes_a_run() {
    let trial = team::kept();
    let shown = trial.line("show snapshots/lyon.jsonl");
    assert!(shown.contains("weather_agent"), "{shown}");
    let id = trial.line("import snapshots/lyon.jsonl");
    let id = id.trim();
    let again = trial.line("import snapshots/lyon.jsonl");
    assert_eq!(again.trim(), id, "the same file is the same run");
    let differs = trial.line(&format!("diff latest {id} --exit-code"));
    assert!(!differs.contains("cause"), "{differs}");
}

#[test]
fn what_did_not_change_changes_nothing() {
    let trial = team::kept();
    let before = (team::file(&trial, "snapshots/lyon.snap"), team::file(&trial, "snapshots/lyon.jsonl"));
    for change in ["", "reordered", "slow"] {
        team::record(&trial, change);
        let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon"]));
        assert!(ran.err.contains("says the same already"), "{change}: {}{}", ran.out, ran.err);
        let after = (team::file(&trial, "snapshots/lyon.snap"), team::file(&trial, "snapshots/lyon.jsonl"));
        assert!(before == after, "{change}");
    }
    team::record(&trial, "document");
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let after = team::file(&trial, "snapshots/lyon.snap");
    assert!(after.contains("floods") && !before.0.contains("floods"), "{after}");
    let entries = team::file(&trial, "retake.toml").matches("[[workflow]]").count();
    assert_eq!(entries, 1, "the entry is there already");
}

#[test]
fn ids_of_a_run_are_no_change_but_what_it_sends_is() {
    let trial = team::recorded_with(&team::model_of("get_fare"), "named");
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon", "--yes"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let before = (team::file(&trial, "snapshots/lyon.snap"), team::file(&trial, "snapshots/lyon.jsonl"));
    assert!(before.0.contains("system  You plan trips. This is run <uuid 1>."), "{}", before.0);
    team::record(&trial, "named");
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon"]));
    assert!(ran.err.contains("says the same already"), "{}{}", ran.out, ran.err);
    assert!(before == (team::file(&trial, "snapshots/lyon.snap"), team::file(&trial, "snapshots/lyon.jsonl")));
    // What a conversation says once more is not shown once more, so both read the same; no test would pass, though.
    team::record(&trial, "named,forgets");
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon"]));
    assert!(ran.err.contains("wrote `lyon`"), "{}{}", ran.out, ran.err);
    let after = (team::file(&trial, "snapshots/lyon.snap"), team::file(&trial, "snapshots/lyon.jsonl"));
    assert!(before.0 == after.0 && before.1 != after.1);
    let ran = trial.finish(team(&mut trial.command(), "named,forgets").arg("test"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let trial = team::recorded();
    let says = |words: &[&str]| {
        let ran = trial.finish(trial.command().args(words));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        ran.err
    };
    insta::assert_snapshot!(says(&["snapshot", "--name", "../x"]), @"error: `../x` cannot name a workflow: a name of letters, digits, `-`, `_` and `.` was expected, as it names files");
    insta::assert_snapshot!(says(&["snapshot", "none", "--name", "x"]), @r"
    error: no run matches `none`

    hint: list the runs with `retake ls`
    ");
    let refused = trial.finish(team::team(&mut trial.command(), "prompt").args(["replay", "--yes"]));
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    let error = says(&["snapshot", "latest", "--name", "x"]);
    assert!(error.contains("was refused, so it cannot be a snapshot"), "{error}");
    trial.env.write("empty.jsonl", "");
    insta::assert_snapshot!(says(&["snapshot", "empty.jsonl", "--name", "x"]), @r#"error: empty.jsonl: it is not a recording: its first line is not `{"retake":1,…}`"#);
    assert!(!trial.env.work().join("snapshots").exists());
}

#[test]
fn a_credential_refuses_the_snapshot() {
    let trial = team::recorded();
    let text = trial.line("snapshot --name lyon --yes");
    assert!(text.contains("wrote"), "{text}");
    let file = trial.env.work().join("snapshots/lyon.jsonl");
    let recording = fs::read_to_string(&file).expect("it was written");
    let spoiled = recording.replace("You plan trips.", &format!("You plan trips. The key is {KEY}."));
    assert_ne!(recording, spoiled);
    trial.env.write("spoiled.jsonl", &spoiled);
    let ran = trial.finish(trial.command().args(["snapshot", "spoiled.jsonl", "--name", "other"]));
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.err, @r"
    error: a credential stands in the request of node 1, `messages[0].content`; nothing was written to `[work]/snapshots`

    hint: name it in `retake.toml` under `[redact]`, and record the run again
    ");
    assert!(!trial.env.work().join("snapshots/other.snap").exists());
}

#[test]
fn tools_with_effects_are_agreed_to_once() {
    let trial = team::recorded_with(&team::model_of("send_money"), "");
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon"]));
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("`send_money`") && ran.err.contains("--yes"), "{}", ran.err);
    let ran = trial.finish(trial.command().args(["snapshot", "--name", "lyon", "--yes"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(team::file(&trial, "retake.toml").contains("tools = [\"price_agent\", \"send_money\""));
    let ran = trial.finish(team(&mut trial.command(), "").args(["test"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let toml = fs::read_to_string(trial.env.work().join("retake.toml")).expect("it was written");
    let without: Vec<&str> = toml.lines().filter(|line| !line.starts_with("tools")).collect();
    trial.env.write("retake.toml", without.join("\n"));
    let ran = trial.finish(team(&mut trial.command(), "").args(["test"]));
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(team::steady(&ran.out), @r#"
     ERR  lyon   11 nodes  <time>
          `price_agent`, `send_money`, `weather_agent` would run again, and nobody agreed to it
          hint: if it does no harm, say so in `retake.toml`: `tools = ["price_agent", "send_money", "weather_agent"]`
    1 workflow: 1 could not be tested
    "#);
}

/// A recording as text of one conversation over the responses API: an answer of two calls, sent again as two items.
fn responses() -> String {
    let call = |place: u8, name: &str| {
        serde_json::json!({"type": "function_call", "id": format!("fc_{place}"), "call_id": format!("call_{place}"),
            "name": name, "arguments": "{\"day\":1}"})
    };
    let result = |place: u8, says: &str| serde_json::json!({"type": "function_call_output", "call_id": format!("call_{place}"), "output": says});
    let system = "You plan a day on the island and use all of your tools at once.";
    let question = serde_json::json!({"role": "user", "content": "When?"});
    let thought = serde_json::json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAAB",
        "summary": [{"type": "summary_text", "text": "Both are needed."}]});
    let request = |number: u8, input: &[serde_json::Value]| {
        let body = serde_json::json!({"model": "m", "instructions": system, "input": input});
        let headers = serde_json::json!({"content-type": "application/json"});
        serde_json::json!({"request": number, "ms": 1, "provider": "openai", "to": "http://127.0.0.1:9",
            "line": "POST /v1/responses", "headers": headers, "body": body})
    };
    let answer = |number: u8, output: &[serde_json::Value]| {
        let headers = serde_json::json!({"content-type": "application/json"});
        let body = serde_json::json!({"id": format!("resp_{number}"), "object": "response", "status": "completed",
            "model": "m", "output": output});
        serde_json::json!({"answer": number, "ms": 1, "status": 200, "headers": headers, "body": body})
    };
    let said = serde_json::json!({"type": "message", "id": "msg_1", "role": "assistant",
        "content": [{"type": "output_text", "text": "At noon.", "annotations": []}]});
    let (one, two) = (call(1, "get_wind"), call(2, "get_boats"));
    let lines = [
        serde_json::json!({"retake": 1, "command": ["agent"], "at": "2026-11-24T13:00:00Z", "directory": "/work"}),
        request(1, std::slice::from_ref(&question)),
        answer(1, &[thought.clone(), one.clone(), two.clone()]),
        request(2, &[question, thought, one, two, result(1, "calm"), result(2, "noon")]),
        answer(2, &[said]),
        serde_json::json!({"exit": 0, "ms": 1}),
    ];
    lines.map(|line| line.to_string() + "\n").concat()
}

#[test]
fn calls_that_are_sent_again_as_items_are_shown_once() {
    let trial = team::recorded();
    trial.env.write("responses.jsonl", responses());
    let ran = trial.finish(trial.command().args(["snapshot", "responses.jsonl", "--name", "x", "--yes"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    insta::assert_snapshot!(team::file(&trial, "snapshots/x.snap"), @r#"
    ---
    source: retake.toml
    description: "agent"
    expression: "x"
    info:
      retake: "0.1.0"
    ---
    graph
      A1 You plan a day on the island and…
        A1.1 get_wind
        A1.2 get_boats
      A2 You plan a day on the island and…

    A1 You plan a day on the island and…  llm m
      system  You plan a day on the island and use all of your tools at once.
      user  When?
      thinks  Both are needed.
      calls get_wind  {"day": 1}
      calls get_boats  {"day": 1}

    A1.1 get_wind  tool
      result  calm

    A1.2 get_boats  tool
      result  noon

    A2 You plan a day on the island and…  llm m
      answer  At noon.
    "#);
}

#[test]
fn a_git_repository_is_a_project_of_its_own() {
    let trial = team::recorded();
    trial.env.write("retake.toml", "[redact]\nnames = [\"x-outer\"]\n");
    let inner = trial.env.work().join("inner");
    fs::create_dir_all(inner.join(".git")).expect("a directory");
    let ran = trial.finish(trial.command().current_dir(&inner).args(["snapshot", "--name", "lyon", "--yes"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("warning: the project has its own `retake.toml` now, so `"), "{}", ran.err);
    assert!(inner.join("snapshots/lyon.snap").is_file() && inner.join("retake.toml").is_file());
    assert!(!trial.env.work().join("snapshots").exists());
    assert!(!team::file(&trial, "retake.toml").contains("workflow"));
    let ran = trial.finish(team(&mut trial.command(), "").current_dir(&inner).arg("test"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

#[test]
fn the_recording_gives_back_the_bytes_of_the_wire() {
    let answer = |text: &str| {
        format!(
            "{{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"message\":{{\
             \"role\":\"assistant\",\"content\":\"{text}\"}},\"logprobs\":{{\"x\":[1.0,1e3,-0.0,{{}}]}},\
             \"finish_reason\":\"stop\"}}],\"usage\":null}}"
        )
    };
    let spaced = answer(r"caf\u00e9: 1, 2").replace(",\"", ", \"").replace("\":", "\": ");
    let tabbed = answer("so").replace(",\"", ",\r\n\t\"").replace('{', "{ ");
    let marked = format!("\u{feff}{}\n\n", answer("so"));
    let late = format!("\n \n   \n{}", answer("late"));
    let bodies = [answer("so"), spaced, tabbed, marked, late, "<html> no JSON </html>\r\n".to_owned()];
    let answers = bodies.clone();
    let trial = Trial::new(move |asked| Reply::json(&answers[asked.number]));
    let ask = |number: usize| {
        format!(
            "POST /v1/chat/completions {{ \"model\": \"m\",\"messages\" :[{{\"role\":\"user\",\"content\":\"{number}\"}} ] }}\n"
        )
    };
    trial.env.write("asks", (0..bodies.len()).map(ask).collect::<String>());
    let recorded = trial.record("first", &["requests", "asks"]);
    assert!(recorded.out.contains("\"caf\\u00e9: 1, 2\"}, \"logprobs\": {"), "{}", recorded.out);
    let kept = trial.finish(trial.command().args(["snapshot", "--name", "bytes", "--yes"]));
    assert_eq!(kept.code, Some(0), "{}", kept.err);
    let tested = trial.finish(trial.command().args(["test", "bytes"]));
    assert_eq!(tested.code, Some(0), "{}{}", tested.out, tested.err);
    let replayed = trial.finish(
        trial.command().args(["replay", "snapshots/bytes.jsonl", "--"]).args(Trial::agent(&["requests", "asks"])),
    );
    assert_eq!((replayed.code, &replayed.out), (Some(0), &recorded.out), "{}", replayed.err);
    let lines = fs::read_to_string(trial.env.work().join("snapshots/bytes.jsonl")).unwrap();
    let spaces = lines.lines().filter_map(|line| line.split_once("\"spaces\":")).map(|(_, spaces)| spaces);
    insta::assert_snapshot!(spaces.collect::<Vec<_>>().join("\n"), @r#"
    {"comma":" ","colon":" ","but":[[42,""],[44,""],[46,""]]}}
    {"open":" ","comma":"\r\n","unit":"\t","but":[[17,""],[22,"\r\n\t"],[29,"\r\n\t"],[34,"\r\n\t"],[40,""],[42,""],[44,""],[46,""],[47," "],[51,"\r\n\t"]]}}
    {"before":"\ufeff","after":"\n\n"}}
    {"before":"\n \n   \n"}}
    "#);
}
