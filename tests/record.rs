//! `retake record`.

use std::io::Write;
use std::process::Stdio;

use crate::support::env::TestEnv;
use crate::support::fake_model::{FakeModel, Reply};
use crate::support::output;

/// Runs `retake record` with these variables and arguments; the model's address is cut out of what it says.
fn record(env: &TestEnv, model: Option<&FakeModel>, arguments: &[&str]) -> String {
    let mut command = env.command();
    command.env_remove("RETAKE_TEST_CLOCK").env("OPENAI_API_KEY", "sk-proj-Zx81kLmQ90aBcD22");
    let url = model.map(|model| format!("{}/v1", model.url())).unwrap_or_default();
    if model.is_some() {
        command.env("OPENAI_BASE_URL", &url);
    }
    let ran = command.arg("record").args(arguments).output().unwrap();
    let text = output::whole(&ran);
    if url.is_empty() { text } else { text.replace(&url, "[model]") }
}

#[test]
fn an_agent_is_recorded_and_its_streams_and_code_pass_through() {
    let env = TestEnv::new();
    let model = FakeModel::start(|_| Reply::chat("The ferry runs."));
    let program = env!("CARGO_BIN_EXE_retake");
    let script = format!("echo before; {program} demo-agent >/dev/null; echo after >&2; exit 3");
    let said = record(&env, Some(&model), &["-t", "first", "sh", "-c", &script]);
    assert!(said.contains("before\n") && said.contains("after\n"), "{said}");
    assert!(said.contains("retake: recorded ") && said.contains("model call"), "{said}");
    assert!(said.contains("retake: openai is [model] (`OPENAI_BASE_URL`)"), "{said}");
    assert!(!model.asked().is_empty());
    assert_eq!(model.asked()[0].header("authorization"), Some("Bearer sk-proj-Zx81kLmQ90aBcD22"));
    let listed = env.line("ls");
    assert!(listed.contains("first") && listed.contains("model call") || listed.contains("node"), "{listed}");
    assert!(env.line("show first").contains("exit 3"));
    let raw = env.line("show first --raw");
    assert!(!raw.contains("Zx81kLmQ90aBcD22"), "{raw}");
}

#[test]
fn recording_nothing_is_said_with_what_to_do() {
    let env = TestEnv::new();
    insta::assert_snapshot!(record(&env, None, &["true"]), @"
    --- stderr
    retake: recorded lkkkkkkk, but it made no calls that retake could see
    hint: let the client take its base URL from the environment (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, …) instead of setting it in code, and keep a `.env` file from overriding it
    hint: for any other server, name it and give its client the URL in `NAME_BASE_URL`: `retake record --upstream name=https://HOST/v1 COMMAND`
    ");
}

#[test]
fn what_cannot_be_run_is_not_recorded() {
    let env = TestEnv::new();
    env.write("plain", "text");
    insta::assert_snapshot!(record(&env, None, &["no-such-program-anywhere"]), @"
    --- stderr
    error: cannot run `no-such-program-anywhere`: not found
    --- exit 127
    ");
    insta::assert_snapshot!(record(&env, None, &["./plain"]), @"
    --- stderr
    error: cannot run `./plain`: it is not executable
    --- exit 126
    ");
    insta::assert_snapshot!(record(&env, None, &["--upstream", "openai", "true"]), @"
    --- stderr
    error: `openai` is not of the form `PROVIDER=URL`

    hint: write it as `--upstream openai=http://127.0.0.1:8080/v1`
    --- exit 2
    ");
    assert!(env.line("ls").contains("no runs yet"));
}

#[test]
fn a_store_that_cannot_be_made_costs_a_warning() {
    let env = TestEnv::new();
    env.write("file", "");
    let store = env.work().join("file/store");
    let mut command = env.command();
    let ran = command.env("RETAKE_STORE", store).args(["record", "sh", "-c", "echo hi; exit 4"]).output().unwrap();
    let text = output::whole(&ran);
    assert!(text.contains("hi\n") && text.contains("without recording it"), "{text}");
    assert_eq!(ran.status.code(), Some(4));
}

#[test]
fn input_passes_and_signals_are_codes() {
    let env = TestEnv::new();
    let mut command = env.command();
    command.args(["record", "sh", "-c", "read line; test \"$line\" = hello && kill -9 $$"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 9));
}

#[test]
fn a_program_that_never_reads_and_one_that_stays_behind_do_not_hang() {
    let env = TestEnv::new();
    let mut command = env.command();
    command.args(["record", "sh", "-c", "sleep 20 & exit 5"]);
    // The pipe stays open and empty until the end.
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdin = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    drop(stdin);
}
