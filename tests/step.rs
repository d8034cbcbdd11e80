//! `retake step`: by script, and on a terminal.

use regex::Regex;
use rustix::process::Signal;

use crate::support::env::TestEnv;
use crate::support::terminal::Terminal;
use crate::support::trial::{Trial, shop};

/// Bytes of a recording's header; its version is at 8, its checksum at the end.
const HEADER: usize = 24;

/// Leaves the screen.
const LEFT: &str = "\u{1b}[?1049l";

/// A recorded run of an agent that asks for a price.
fn lamp() -> Trial {
    let trial = Trial::new(shop);
    trial.record("lamp", &["chat"]);
    trial
}

/// What a script prints, without durations.
fn script(trial: &Trial, arguments: &[&str]) -> String {
    let mut command = trial.command();
    let ran = trial.finish(command.arg("step").args(arguments));
    let time = Regex::new(r"<?\b\d+(?:\.\d+)?(?:ms|s)\b").unwrap();
    let time_in_json = Regex::new(r#""(started|duration_us)":("[^"]*"|\d+)"#).unwrap();
    let out = time.replace_all(&ran.out, "[time]").replace("  [time] → [time]", "");
    let out = time_in_json.replace_all(&out, r#""$1":"[time]""#);
    let out = Regex::new(r#""metrics":\[[^]]*\]"#).unwrap().replace_all(&out, r#""metrics":[]"#);
    let err = if ran.err.is_empty() { String::new() } else { format!("--- stderr\n{}", ran.err) };
    let code = ran.code.filter(|code| *code != 0).map(|code| format!("--- exit {code}\n")).unwrap_or_default();
    format!("{out}{}{code}", time.replace_all(&err, "[time]"))
}

#[test]
fn a_script_moves_and_prints() {
    let trial = lamp();
    let all = "goto 3; up; print arguments.item; up; print tool_calls[0].name; print messages[0].content; print usage; \
        last; print answer; search lamp; search-next; causes; return; first; lane-next";
    insta::assert_snapshot!(script(&trial, &["lamp", "-c", all]), @r#"
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
    2 get_price  tool  {item: lamp}  [time]  (by data, tool result, 30 characters)
    lamp
    1 You sell lamps.  model call  m  10 → 5 tok  [time]  (by tool call)
    get_price
    You sell lamps.
    {"input":10,"output":5}
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
    You sell lamps. I was told: get_price did {"item": "lamp"}
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
      messages[3].content  get_price did {"item": "lamp"}  (6 of 7)
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
      answer  You sell lamps. I was told: get_price did {"item": "lamp"}  (7 of 7)
    2 get_price  tool  {item: lamp}  [time]  (by data, tool result, 30 characters)
    1 You sell lamps.  model call  m  10 → 5 tok  [time]
    1 You sell lamps.  model call  m  10 → 5 tok  [time]
    2 get_price  tool  {item: lamp}  [time]
    "#);
    insta::assert_snapshot!(script(&trial, &["lamp:3", "-c", "up", "-c", "print result"]), @r#"
    2 get_price  tool  {item: lamp}  [time]  (by data, tool result, 30 characters)
    get_price did {"item": "lamp"}
    "#);
    insta::assert_snapshot!(script(&trial, &["--json", "-c", "goto 3; up; search lamp; print result; causes"]), @r#"
    {"type":"step","command":"goto 3","outcome":"at","run":"lkkkkkkk","node":3}
    {"type":"node","run":"lkkkkkkk","id":3,"kind":"llm","name":"You sell lamps.","source":"wire","lane":0,"started":"[time]","duration_us":"[time]","error":null,"attempts":1,"dialect":"openai-chat","model":"m","answered_by":"fake-1","finish":"stop","tokens":{"input":10,"output":5,"cached":null,"cache_written":null,"reasoning":null},"tool_state":null,"decided":null}
    {"type":"step","command":"up","outcome":"at","run":"lkkkkkkk","node":2,"by":[{"node":2,"edges":["data","tool_result"],"characters":30,"certainty":"exact"}]}
    {"type":"node","run":"lkkkkkkk","id":2,"kind":"tool","name":"get_price","source":"conversation","lane":null,"started":"[time]","duration_us":"[time]","error":null,"attempts":1,"dialect":null,"model":null,"answered_by":null,"finish":null,"tokens":null,"tool_state":"result_seen","decided":null}
    {"type":"step","command":"search lamp","outcome":"found","run":"lkkkkkkk","node":2,"path":"arguments","text":"{\"item\": \"lamp\"}","number":4,"of":7}
    {"type":"node","run":"lkkkkkkk","id":2,"kind":"tool","name":"get_price","source":"conversation","lane":null,"started":"[time]","duration_us":"[time]","error":null,"attempts":1,"dialect":null,"model":null,"answered_by":null,"finish":null,"tokens":null,"tool_state":"result_seen","decided":null}
    {"type":"step","command":"print result","outcome":"value","run":"lkkkkkkk","node":2,"path":"result","text":"get_price did {\"item\": \"lamp\"}"}
    {"type":"step","command":"causes","outcome":"links","run":"lkkkkkkk","node":2,"by":[{"node":1,"edges":["tool_call"],"characters":0,"certainty":null}]}
    "#);
}

#[test]
fn a_script_edits_plans_and_replays() {
    let trial = lamp();
    let plan = "goto 3; edit system=You are a poet.; plan";
    insta::assert_snapshot!(script(&trial, &["lamp", "-c", plan]), @"
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
    3.system=You are a poet.
    replaying lkkkkkkk: node 1 served from the recording
      3.system changed
      node 3 sent, if the agent still makes them (at most 4 calls)
      will run again in the agent's process: get_price (read, judged by its name)
    ");
    insta::assert_snapshot!(script(&trial, &["lamp", "-c", &format!("{plan}; replay; print answer"), "--yes"]), @r#"
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
    3.system=You are a poet.
    replaying lkkkkkkk: node 1 served from the recording
      3.system changed
      node 3 sent, if the agent still makes them (at most 4 calls)
      will run again in the agent's process: get_price (read, judged by its name)
    You are a poet. I was told: get_price did {"item": "lamp"}
    recorded nkkkkkkk
    lkkkkkkk and nkkkkkkk: 1 of 3 nodes differs: 1 cause
    ~ 3 You sell lamps.  cause: input changed
        system
        - You sell lamps.
        + You are a poet.
        answer
        - You sell lamps. I was told: get_price did {"item": "lamp"}
        + You are a poet. I was told: get_price did {"item": "lamp"}
    You sell lamps. I was told: get_price did {"item": "lamp"}
    --- stderr
    retake: replaying lkkkkkkk: node 1 served from the recording
    retake:   3.system changed
    retake:   node 3 sent, if the agent still makes them (at most 4 calls)
    retake:   will run again in the agent's process: get_price (read, judged by its name)
    retake: openai is [model]/v1 (`OPENAI_BASE_URL`)
    retake: recorded nkkkkkkk: 2 calls: 1 exact, 1 sent changed; tools: 1 ran again in the agent; order kept; 1 sent
    "#);
    let json = script(&trial, &["lamp", "--json", "-c", "goto 3; edit answer=42\\; not more; plan; replay", "--yes"]);
    insta::assert_snapshot!(json, @r#"
    {"type":"step","command":"goto 3","outcome":"at","run":"lkkkkkkk","node":3}
    {"type":"node","run":"lkkkkkkk","id":3,"kind":"llm","name":"You sell lamps.","source":"wire","lane":0,"started":"[time]","duration_us":"[time]","error":null,"attempts":1,"dialect":"openai-chat","model":"m","answered_by":"fake-1","finish":"stop","tokens":{"input":10,"output":5,"cached":null,"cache_written":null,"reasoning":null},"tool_state":null,"decided":null}
    {"type":"step","command":"edit answer=42; not more","outcome":"changed","run":"lkkkkkkk","node":3,"changes":["3.answer=42; not more"]}
    {"type":"step","command":"plan","outcome":"plan","run":"lkkkkkkk","node":3,"changes":["3.answer=42; not more"],"lines":["replaying lkkkkkkk: nodes 1, 3 served from the recording","3.answer changed","a call is sent if it carries what was changed (at most 4 calls)","will run again in the agent's process: get_price (read, judged by its name)"]}
    {"type":"step","command":"replay","outcome":"replayed","run":"lkkkkkkk","node":3,"replay":"okkkkkkk","exit_code":0,"sent":0}
    {"type":"step","command":"replay","outcome":"beside","run":"lkkkkkkk","node":3}
    {"type":"diff","left":"lkkkkkkk","right":"okkkkkkk","equal":false,"same":2,"differ":1,"only_left":0,"only_right":0,"causes":1}
    {"type":"pair","left":3,"right":3,"status":"differs","cause":true,"changes":[{"path":"answer","place":"output","kind":"text","inherited":false,"left":null,"right":null,"hunks":[{"left":0,"right":0,"ops":[["removed","You sell lamps. I was told: get_price did {\"item\": \"lamp\"}"],["added","42; not more"]]}]}],"metrics":[]}
    --- stderr
    retake:   will run again in the agent's process: get_price (read, judged by its name)
    "#);
    insta::assert_snapshot!(script(&trial, &["lamp", "-c", "compare; first-difference; swap; close; run-next"]), @r#"
    lkkkkkkk and okkkkkkk: 1 of 3 nodes differs: 1 cause
    ~ 3 You sell lamps.  cause: same input, another answer
        answer
        - You sell lamps. I was told: get_price did {"item": "lamp"}
        + 42; not more
    ~ 3 You sell lamps.  cause: same input, another answer
        answer
        - You sell lamps. I was told: get_price did {"item": "lamp"}
        + 42; not more
    ~ 3 You sell lamps.  cause: same input, another answer
        answer
        - 42; not more
        + You sell lamps. I was told: get_price did {"item": "lamp"}
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
    "#);
}

#[test]
fn effects_need_the_same_word_as_in_a_replay() {
    let trial = lamp();
    trial.env.write("retake.toml", "[tools.get_price]\ntier = \"destructive\"\n");
    insta::assert_snapshot!(script(&trial, &["lamp", "-c", "goto 3; edit system=x; replay"]), @r#"
    3 You sell lamps.  model call  m  10 → 5 tok  [time]
    3.system=x
    --- stderr
    retake: replaying lkkkkkkk: node 1 served from the recording
    retake:   3.system changed
    retake:   node 3 sent, if the agent still makes them (at most 4 calls)
    retake:   will run again in the agent's process: get_price (destructive)
    error: `get_price` would run again, and it is not known that it does no harm

    hint: agree with `--yes`, or for good in `retake.toml`: `[replay] yes = ["NAME"]`
    --- exit 2
    "#);
}

#[test]
fn mistakes_in_a_script_are_said() {
    let trial = lamp();
    for (commands, said) in [
        ("goto 9", "error: goto 9: run `l"),
        ("wat", "error: there is no command `wat`\n\nhint: list the commands with `help`\n"),
        ("goto 3; print answr", "error: print answr: node 3: "),
        ("goto 2; print arguments.itme", "error: print arguments.itme: node 2 has no `arguments.itme`; it has"),
        ("print a..b", "error: print a..b: `a..b` is no path: it breaks at character 2\n"),
        ("edit system", "error: edit system: `edit` needs a value where nobody can type one\n"),
        ("edit answer=", "error: edit answer=: node 1 has this `answer` already\n"),
        ("edit nothing[3].there=x", "error: edit nothing[3].there=x: node 1: "),
        ("goto 3; next", "error: next: node 3 is the last one\n\nhint: the other way goes `back`\n"),
        ("goto 3; edit model=m", "error: edit model=m: node 3 has this `model` already\n"),
        ("compare nobody", "error: no run matches `nobody`\n\nhint: list the runs with `retake ls`\n"),
        ("goto 2; raw", "error: raw: node 2 was no call on the wire"),
        ("editor", "error: editor: `editor` needs a screen\n"),
        ("search-next", "error: search-next: nothing was looked for\n"),
    ] {
        let printed = script(&trial, &["lamp", "-c", commands]);
        assert!(printed.contains(said) && printed.ends_with("--- exit 2\n"), "{commands}\n{printed}");
        assert!(printed.contains("\nhint: "), "{commands}\n{printed}");
    }
}

#[test]
fn without_a_terminal_it_says_what_else_there_is() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.line("step kmqx"), @"
    --- stderr
    error: `retake step` needs a terminal

    hint: give commands instead: `retake step kmqx -c 'next; print answer'`
    hint: or look at the run with `retake show kmqx`
    --- exit 2
    ");
    insta::assert_snapshot!(env.run(["step", "-c", "next"]), @"
    --- stderr
    error: no runs yet

    hint: record one with `retake record python agent.py`, or try `retake demo`
    --- exit 2
    ");
    env.keep("kmqxpwtz", 0, None);
    insta::assert_snapshot!(env.run(["step", "nope", "-c", "next"]), @"
    --- stderr
    error: no run matches `nope`

    hint: list the runs with `retake ls`
    --- exit 2
    ");
    insta::assert_snapshot!(env.run(["step", "-c", "next"]), @"
    --- stderr
    error: next: run `kmqxpwtz` has no nodes: no calls were recorded

    hint: look at another one with `run`
    --- exit 2
    ");
    insta::assert_snapshot!(env.run(["step", "kmqx:1", "-c", "next"]), @"
    --- stderr
    error: run `kmqxpwtz` has no node `1`; it has none
    --- exit 2
    ");
}

#[test]
fn a_damaged_recording_is_read_as_far_as_it_goes_and_a_newer_one_refused() {
    let trial = lamp();
    let folder = std::fs::read_dir(trial.env.store().join("runs")).unwrap();
    let file = folder.map(|file| file.unwrap().path()).find(|path| path.extension().is_some()).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let copy = trial.env.write("half.retake", &bytes[..bytes.len() / 3]);
    let printed = script(&trial, &[&copy.to_string_lossy(), "-c", "help; first"]);
    assert!(printed.contains("Move:") && !printed.contains("panicked"), "{printed}");
    let mut flipped = bytes.clone();
    let middle = bytes.len() / 3;
    flipped[middle] ^= 0xff;
    let copy = trial.env.write("flipped.retake", &flipped);
    let printed = script(&trial, &[&copy.to_string_lossy(), "-c", "help"]);
    assert!(printed.contains("warning: the recording is damaged: "), "{printed}");
    let mut newer = bytes;
    newer[8] = 9;
    let checksum = crc32fast::hash(&newer[..HEADER - 4]).to_le_bytes();
    newer[HEADER - 4..HEADER].copy_from_slice(&checksum);
    let copy = trial.env.write("newer.retake", &newer);
    let printed = script(&trial, &[&copy.to_string_lossy(), "-c", "next"]);
    assert!(printed.contains("was written by a newer retake (format 9, this one knows 1)"), "{printed}");
    let copy = trial.env.write("none.retake", b"PK\x03\x04 something else");
    let printed = script(&trial, &[&copy.to_string_lossy(), "-c", "next"]);
    assert!(printed.contains("error: cannot read `") && printed.ends_with("--- exit 2\n"), "{printed}");
}

#[test]
fn a_terminal_is_given_back() {
    let trial = lamp();
    let mut command = trial.command();
    let mut terminal = Terminal::start(command.args(["step", "lamp"]), 100, 30);
    terminal.wait_for("\u{1b}[?1049h").wait_for("quit");
    assert!(terminal.is_raw());
    let status = terminal.press("jj/lamp\rq").end();
    assert_eq!(status.code(), Some(0));
    assert!(terminal.shown.contains(LEFT) && terminal.shown.contains("\u{1b}[?25h"), "{:?}", terminal.shown);

    let mut terminal = Terminal::start(trial.command().args(["step", "lamp"]), 20, 5);
    let status = terminal.wait_for("\u{1b}[?1049h").wait_for("›").press("\u{3}").end();
    assert_eq!(status.code(), Some(0));

    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut terminal = Terminal::start(trial.command().args(["step", "lamp"]), 100, 30);
        let status = terminal.wait_for("quit").signal(signal).end();
        assert_eq!(status.code(), Some(code));
        assert!(terminal.shown.contains(LEFT), "{:?}", terminal.shown);
    }
}

#[test]
fn a_terminal_that_goes_away_takes_the_program_with_it() {
    let trial = lamp();
    let mut terminal = Terminal::start(trial.command().args(["step", "lamp"]), 100, 30);
    let status = terminal.wait_for("quit").hang_up();
    assert!(status.code().is_some_and(|code| code != 0), "{status:?}");
}

#[test]
fn a_replay_runs_on_the_terminal_as_it_was() {
    let trial = lamp();
    let mut command = trial.command();
    let mut terminal = Terminal::start(command.args(["step", "lamp:3"]), 100, 30);
    terminal.wait_for("quit").press(":edit system=You are a poet.\r").wait_for("y/n").press("y");
    terminal.wait_for(LEFT).wait_for("You are a poet. I was told: ").wait_for("press Enter");
    terminal.press("\r").wait_for("\u{1b}[?1049h").wait_for("next-difference");
    assert_eq!(terminal.press("q").end().code(), Some(0));
    assert!(trial.line("ls").contains("replay: 3.system=You are a poet."));
}

#[test]
fn an_editor_gets_the_terminal_as_it_was() {
    let trial = lamp();
    let editor = "sed -i 's/You are a shop/You are a poet/;s/shop/poet/'";
    let mut command = trial.command();
    let mut terminal = Terminal::start(command.args(["step", "lamp:3"]).env("EDITOR", editor), 100, 30);
    terminal.wait_for("quit").press("E").wait_for(LEFT).wait_for("\u{1b}[?1049h");
    terminal.press("\u{1b}").press("q");
    let _ = terminal.end();
}
