//! `retake record`.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
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

#[test]
fn what_is_no_utf_8_reaches_the_agent_as_it_is() {
    let env = TestEnv::new();
    let odd = OsStr::from_bytes(b"a\xff\xfeb");
    let folder = env.work().join(odd);
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("/bin/sh", folder.join("odd-shell")).unwrap();
    let path = [folder.as_os_str(), OsStr::new(":/usr/bin:/bin")].join(OsStr::new(""));
    let script = "printf '%s|%s|' \"$1\" \"$ODD\"; exit 4";
    for program in [OsStr::new("sh"), OsStr::new("odd-shell"), folder.join("odd-shell").as_os_str()] {
        let mut command = env.command();
        command.env("ODD", odd).env("PATH", &path).arg("record").args([program, "-c".as_ref(), script.as_ref()]);
        let ran = command.args([OsStr::new("sh"), odd]).output().unwrap();
        assert_eq!((ran.stdout.as_slice(), ran.status.code()), (&b"a\xff\xfeb|a\xff\xfeb|"[..], Some(4)), "{ran:?}");
    }
    // What it was is not kept, so it is not started as something else.
    let said = env.line("replay");
    assert!(said.contains("has bytes that are no UTF-8"), "{said}");
}

#[test]
fn a_store_that_goes_away_does_not_change_the_agents_end() {
    for take_away in [
        "rm -rf \"$RETAKE_STORE\"",
        "rm -r \"$RETAKE_STORE\"/runs",
        "chmod 0 \"$RETAKE_STORE\"; mv \"$RETAKE_STORE\" gone",
    ] {
        let env = TestEnv::new();
        let script = format!("echo before; {take_away}; echo after; exit 3");
        let ran = env.command().args(["record", "-t", "x", "sh", "-c", &script]).output().unwrap();
        assert_eq!((&*ran.stdout, ran.status.code()), (&b"before\nafter\n"[..], Some(3)), "{ran:?}");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(said.contains("warning: the recording cannot be read back"), "{said}");
    }
}

#[test]
fn a_full_disk_does_not_change_the_agents_end() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_retake");
    let script = format!(
        "ulimit -f 8; exec {program} record sh -c 'od -An -N 200000 -v -tx1 /dev/urandom | wc -l; od -An -N 200000 -v -tx1 /dev/urandom; exit 3'"
    );
    let command = env.command();
    let mut shell = std::process::Command::new("sh");
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = shell.current_dir(env.work()).args(["-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!((ran.status.code(), ran.stdout.split(|byte| *byte == b'\n').count()), (Some(3), 12_502), "{said}");
    assert!(said.contains("warning: stopped recording: "), "{said}");
}

#[test]
fn a_mistake_in_the_settings_does_not_keep_the_agent_from_starting() {
    let says = |settings: &str| {
        let env = TestEnv::new();
        env.write("retake.toml", settings);
        let said = env.run(["record", "sh", "-c", "echo it ran"]);
        said.lines().take(6).collect::<Vec<_>>().join("\n")
    };
    let mut all = Vec::new();
    for settings in [
        "[upstraem]\nopenai = \"http://127.0.0.1:9\"\n",
        "[names]\nnever = 3\n[redact]\nnames = [\"x-mine\"]\n",
        "[upstream]\n\"a/b\" = \"http://127.0.0.1:9\"\n",
        "nonsense\n",
        "[redact]\npatterns = [\"(\"]\n",
        "[names]\n[redact\npatterns = []\n",
    ] {
        all.push(says(settings));
    }
    insta::assert_snapshot!(all.join("\n\n"), @"
    it ran
    --- stderr
    retake: warning: [root]/work/retake.toml:1:2: unknown key `upstraem`, perhaps `upstream` is meant
    retake: what is wrong there is left out
    retake: recorded lkkkkkkk, but it made no calls that retake could see
    hint: let the client take its base URL from the environment (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, …) instead of setting it in code, and keep a `.env` file from overriding it

    it ran
    --- stderr
    retake: warning: [root]/work/retake.toml:2:9: a list of strings was expected
    retake: what is wrong there is left out
    retake: recorded lkkkkkkk, but it made no calls that retake could see
    hint: let the client take its base URL from the environment (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, …) instead of setting it in code, and keep a `.env` file from overriding it

    it ran
    --- stderr
    retake: warning: `retake.toml` would send the calls of `a/b`, with your key, to http://127.0.0.1:9; nobody agreed to that, so it is not used
    hint: look at it, and agree with `retake trust`
    retake: recorded lkkkkkkk, but it made no calls that retake could see
    hint: let the client take its base URL from the environment (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, …) instead of setting it in code, and keep a `.env` file from overriding it

    it ran
    --- stderr
    retake: warning: [root]/work/retake.toml:1:9: key with no value, expected `=`
    retake: what is wrong there is left out
    retake: recorded lkkkkkkk, but it made no calls that retake could see
    hint: let the client take its base URL from the environment (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`, …) instead of setting it in code, and keep a `.env` file from overriding it

    it ran
    --- stderr
    retake: warning: [root]/work/retake.toml:2:13: not a regular expression: unclosed group
    retake: what must not be recorded is not known, so the command is not recorded

    it ran
    --- stderr
    retake: warning: [root]/work/retake.toml:2:8: unclosed table, expected `]`
    retake: what must not be recorded is not known, so the command is not recorded
    ");
}

#[test]
fn what_a_replay_switches_off_is_tried_with_the_real_client() {
    let tried = include_str!("clients/telemetry.py");
    for silencer in &retake::record::TABLE.silencers {
        assert!(tried.contains(&format!("    \"{}\": ", silencer.name)), "add {} to it", silencer.name);
    }
}
