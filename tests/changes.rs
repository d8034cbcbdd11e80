//! Changes of a replay: every kind of place, how far they reach, and what they may do.

use std::fs;

use serde_json::Value;

use crate::support::fake_model::Reply;
use crate::support::trial::{Ran, Trial, shop};

/// A recorded conversation: 1 calls the tool 2, 3 answers.
fn chatted() -> Trial {
    let trial = Trial::new(shop);
    trial.record("chat", &["chat"]);
    trial
}

fn replay(trial: &Trial, arguments: &[&str]) -> (Ran, Vec<Value>) {
    let (ran, asked) = trial.asked_while(|| trial.replay([&["chat"], arguments].concat()));
    (ran, asked.iter().map(|asked| serde_json::from_slice(&asked.body).unwrap()).collect())
}

/// The lines of the plan, `; ` between them.
fn plan(ran: &Ran) -> String {
    let lines = ran.err.lines().skip_while(|line| !line.contains("replaying "));
    let lines =
        lines.map_while(|line| line.strip_prefix("retake: replaying ").or_else(|| line.strip_prefix("retake:   ")));
    let lines = lines.filter(|line| !line.starts_with("will run again"));
    let lines: Vec<&str> = lines.map(|line| line.split_once("kkkk: ").map_or(line, |(_, plan)| plan)).collect();
    lines.join("; ")
}

#[test]
fn every_place_can_be_changed_and_the_change_holds_for_the_conversation() {
    let trial = chatted();
    let tools = "; tools: 1 ran again in the agent; order kept; ";
    for (set, pointer, value) in [
        ("1.system=You sell chairs.", "/messages/0/content", "\"You sell chairs.\""),
        ("1.messages[1].content=And a chair?", "/messages/1/content", "\"And a chair?\""),
        ("1.model=m2", "/model", "\"m2\""),
        ("1.tools=[]", "/tools", "[]"),
        ("1.temperature=0", "/temperature", "0"),
        ("1.top_p=0.5", "/top_p", "0.5"),
        ("1.request.temperature=0.25", "/temperature", "0.25"),
        ("1.request.seed=7", "/seed", "7"),
    ] {
        let (ran, sent) = replay(&trial, &["--set", set]);
        let place = set.split('=').next().unwrap();
        // A field that the recording does not have may be a slip of the pen, so it is named as new.
        let is_new = ["1.top_p", "1.request.seed"].contains(&place);
        let done = if is_new { "added, the recording has no such field" } else { "changed" };
        assert_eq!(
            plan(&ran),
            format!("{place} {done}; nodes 1, 3 sent, if the agent still makes them (at most 4 calls)")
        );
        assert_eq!(ran.grade(), format!("2 calls: 2 sent changed{tools}2 sent"), "{set}");
        assert_eq!(sent.len(), 2, "{set}");
        for sent in &sent {
            assert_eq!(sent.pointer(pointer).map(Value::to_string).as_deref(), Some(value), "{set}: {sent}");
        }
    }
    for (set, said) in [
        ("3.answer=It is free.", "It is free.\n"),
        ("3.response.choices[0].message.content=It is free.", "It is free.\n"),
    ] {
        let (ran, sent) = replay(&trial, &["--set", set]);
        let place = set.split('=').next().unwrap();
        assert_eq!(
            plan(&ran),
            format!(
                "nodes 1, 3 served from the recording; {place} changed; \
                 a call is sent if it carries what was changed (at most 4 calls)"
            )
        );
        assert_eq!(ran.grade(), format!("2 calls: 1 exact, 1 edited{tools}0 sent"), "{set}");
        assert_eq!((sent.len(), ran.out.as_str()), (0, said), "{set}");
    }
    for (set, grade, pointer, value) in [
        ("1.answer=Wait.", "1 edited, 1 sent", "/messages/2/content", "Wait."),
        (
            "1.tool_calls[0].arguments.item=chair",
            "1 edited, 1 sent",
            "/messages/3/content",
            r#"get_price did {"item": "chair"}"#,
        ),
        ("2.arguments.item=chair", "1 edited, 1 sent", "/messages/3/content", r#"get_price did {"item": "chair"}"#),
        ("2.result=sold out", "1 exact, 1 sent changed", "/messages/3/content", "sold out"),
    ] {
        let (ran, sent) = replay(&trial, &["--set", set]);
        let plan = plan(&ran);
        assert!(plan.starts_with("node 1 served from the recording; "), "{plan}");
        assert!(plan.ends_with(" changed; node 3 sent, if the agent still makes them (at most 4 calls)"), "{plan}");
        assert_eq!(ran.grade(), format!("2 calls: {grade}{tools}1 sent"), "{set}");
        assert_eq!(sent.len(), 1, "{set}");
        assert_eq!(sent[0].pointer(pointer), Some(&Value::from(value)), "{set}");
    }
}

#[test]
fn what_the_provider_does_not_take_is_refused_before_anything_is_sent() {
    let trial = chatted();
    for (set, said) in [
        ("1.temprature=0", "`temprature` is no parameter of openai-chat; did you mean `temperature`?"),
        ("1.sistem=Hi", "`sistem` is no parameter of openai-chat; did you mean `system`?"),
        ("1.request.mesages=[]", "`request.mesages` is no parameter of openai-chat; did you mean `messages`?"),
        ("1.custom_thing=1", "`custom_thing` is no parameter of openai-chat"),
        ("1.temperature=\"hot\"", "`temperature` must be a number, and `\"hot\"` is not"),
        ("1.top_p=most", "`top_p` must be a number, and `most` is not"),
        ("1.max_tokens=12.5", "`max_tokens` must be a whole number, and `12.5` is not"),
        ("1.request.tools={}", "`request.tools` must be a list, and `{}` is not"),
    ] {
        let (ran, sent) = replay(&trial, &["--set", set]);
        let expected = format!("error: node 1: {said}\n\nhint: to send it all the same, add `--force`\n");
        assert_eq!((ran.code, sent.len(), ran.err.as_str()), (Some(2), 0, expected.as_str()), "{set}");
        let (ran, sent) = replay(&trial, &["--set", set, "--force"]);
        assert_eq!((ran.code, sent.len()), (Some(0), 2), "{set}: {}", ran.err);
    }
}

#[test]
fn a_change_reaches_as_far_as_it_is_told() {
    let trial = Trial::new(shop);
    trial.record("fan", &["fan"]);
    let sent = |words: &[&str]| {
        let words = [&["fan", "--yes", "--set", "1.tools=[]"], words].concat();
        let (ran, asked) = trial.asked_while(|| trial.replay(words));
        let bare = asked.iter().filter(|asked| asked.text().contains(r#""tools":[]"#)).count();
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        bare
    };
    assert_eq!(sent(&["--once"]), 1);
    assert_eq!(sent(&[]), 2, "both turns of its conversation");
    assert_eq!(sent(&["--everywhere"]), 7, "three branches of two turns, and the join");
}

#[test]
fn calls_are_sent_as_far_as_they_may_be() {
    let trial = chatted();
    let tools = "; tools: 1 ran again in the agent";
    for (words, code, plan_line, grade) in [
        (
            &["--from", "3"][..],
            0,
            "node 1 served from the recording; node 3 sent, if the agent still makes them (at most 4 calls)",
            format!("2 calls: 1 exact, 1 sent{tools}; order kept; 1 sent"),
        ),
        (
            &["--model", "m3", "--from", "3"],
            0,
            "node 1 served from the recording; node 3 sent, if the agent still makes them (at most 4 calls)",
            format!("2 calls: 1 exact, 1 sent changed{tools}; order kept; 1 sent"),
        ),
        (
            &["--model", "m3"],
            0,
            "nodes 1, 3 served from the recording, nothing is sent; \
             `--model m3` changes nothing, as no call is sent; `--from NODE` sends some",
            format!("2 calls: 2 exact{tools}; order kept; 0 sent"),
        ),
        (
            &["--from", "1", "--max-calls", "1"],
            1,
            "nodes 1, 3 sent, if the agent still makes them (at most 1 call)",
            format!("2 calls: 1 sent, 1 refused{tools}; recorded and not asked for: node 3; order kept; 1 sent"),
        ),
        (
            &["--from", "3", "--live", "never"],
            1,
            "node 1 served from the recording; node 3 would have to be sent, which `--live never` forbids",
            format!("2 calls: 1 exact, 1 refused{tools}; recorded and not asked for: node 3; order kept; 0 sent"),
        ),
        (
            &["--ignore", "temperature"],
            0,
            "nodes 1, 3 served from the recording, nothing is sent",
            format!("2 calls: 2 exact{tools}; order kept; 1 field ignored; 0 sent"),
        ),
        (
            &["--live", "always"],
            0,
            "nodes 1, 3 served from the recording; calls that the recording cannot answer are sent",
            format!("2 calls: 2 exact{tools}; order kept; `--live always`; 0 sent"),
        ),
    ] {
        let (ran, sent) = replay(&trial, words);
        assert_eq!((ran.code, plan(&ran).as_str()), (Some(code), plan_line), "{}", ran.err);
        assert_eq!(ran.grade(), grade, "{words:?}");
        let model = if words.contains(&"--model") { "m3" } else { "m" };
        assert!(sent.iter().all(|sent| sent["model"] == model), "{sent:?}");
    }
}

#[test]
fn a_tool_that_answers_differently_is_held_unless_it_is_let_through() {
    let trial = chatted();
    trial.env.write("get_price.result", "49.99");
    let (held, sent) = replay(&trial, &[]);
    assert!(sent.is_empty());
    assert_eq!(
        held.grade(),
        "2 calls: 1 exact, 1 held; tools: 1 ran again in the agent (1 answered differently: \
         get_price 49.99, held get_price did {\"item\": \"lamp\"}); order kept; 0 sent"
    );
    let (through, sent) = replay(&trial, &["--run", "get_price"]);
    assert_eq!(
        plan(&through),
        "node 1 served from the recording; the model sees what `get_price` returns now; \
         node 3 sent, if the agent still makes them (at most 4 calls)"
    );
    assert_eq!(through.out, "You sell lamps. I was told: 49.99\n", "{}", through.err);
    assert_eq!((sent.len(), &sent[0]["messages"][3]["content"]), (1, &Value::from("49.99")));
    insta::assert_snapshot!(replay(&trial, &["--run", "get_prize"]).0.err, @"error: run `lkkkkkkk` called no tool `get_prize`; it called `get_price`");
    let (changed, sent) = replay(&trial, &["--set", "2.result=sold out"]);
    assert_eq!((changed.code, &sent[0]["messages"][3]["content"]), (Some(0), &Value::from("sold out")));
}

#[test]
fn code_that_was_edited_is_refused_or_let_out_or_ignored() {
    let trial = chatted();
    trial.env.write("system", "You sell tables.");
    let (refused, sent) = replay(&trial, &[]);
    assert_eq!((refused.code, sent.len()), (Some(1), 0));
    insta::assert_snapshot!(refused.err, @r#"
    retake: replaying lkkkkkkk: nodes 1, 3 served from the recording, nothing is sent
    retake:   will run again in the agent's process: get_price (read, judged by its name)
    retake: refused POST /v1/chat/completions: this call is not on the recording
    retake:   nearest is node 1 `You sell lamps.`, which differs in `messages[0].content`
    retake:   recorded: "You sell lamps."
    retake:   now:      "You sell tables."
    retake:   hint: to let such calls out, add `--live always`
    scripted: 400: "retake refused this call: this call is not on the recording"
    retake: recorded mkkkkkkk: 1 call: 1 refused; recorded and not asked for: nodes 1, 3; order kept; 0 sent
    "#);
    let (never, sent) = replay(&trial, &["--live", "never"]);
    assert_eq!((never.code, sent.len()), (Some(1), 0));
    let (ignored, sent) = replay(&trial, &["--ignore", "messages[0].content"]);
    assert_eq!((ignored.code, sent.len()), (Some(0), 0), "{}", ignored.err);
    let (always, sent) = replay(&trial, &["--live", "always"]);
    assert_eq!((always.code, sent.len()), (Some(0), 2), "{}", always.err);
}

#[test]
fn changes_that_cannot_be_made_are_said_before_anything_runs() {
    let trial = chatted();
    let effects = || fs::read_to_string(trial.env.work().join("effects")).unwrap();
    let before = effects();
    let said: Vec<String> = ["1.system=You sell lamps.", "9.system=x", "system=x", "2.system=x", "1.messages[=x"]
        .iter()
        .map(|set| {
            let ran = replay(&trial, &["--set", set]).0;
            assert_eq!(ran.code, Some(2), "{}", ran.err);
            ran.err
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @"
    error: node 1 has this `system` already

    hint: look at the node with `retake show 1`, or `RUN:1` for an older run

    error: run `lkkkkkkk` has no node `9`; its nodes are 1 to 3

    hint: look at its nodes with `retake show lkkkkkkk`

    error: `system` is no change

    hint: write it as `--set 5.messages[0].content=VALUE`

    error: node 2 has no `system`; it has `arguments`, `result`

    hint: look at the node with `retake show 2`, or `RUN:2` for an older run

    error: `messages[` is no path: it breaks at character 10

    hint: write it as `--set 5.messages[0].content=VALUE`
    ");
    assert_eq!(effects(), before);
}

#[test]
fn tools_that_may_do_harm_run_again_only_if_somebody_agreed() {
    let trial = Trial::new(|asked| {
        if asked.text().contains(r#""role":"tool""#) {
            Reply::chat("Sent.")
        } else {
            Reply::tool_call("c", "send_email", "{}")
        }
    });
    trial.record("chat", &["chat"]);
    let effects = || fs::read_to_string(trial.env.work().join("effects")).unwrap().lines().count();
    let (unasked, sent) = replay(&trial, &[]);
    assert_eq!((unasked.code, sent.len(), effects()), (Some(2), 0, 1));
    insta::assert_snapshot!(unasked.err, @r#"
    retake: replaying lkkkkkkk: nodes 1, 3 served from the recording, nothing is sent
    retake:   will run again in the agent's process: send_email (destructive, judged by its name)
    error: `send_email` would run again, and it is not known that it does no harm

    hint: agree with `--yes`, or for good in `retake.toml`: `[replay] yes = ["NAME"]`
    "#);
    let (agreed, _) = replay(&trial, &["--yes"]);
    assert_eq!((agreed.code, effects()), (Some(0), 2), "{}", agreed.err);
    trial.env.write("retake.toml", "[replay]\nyes = [\"send_email\"]\n");
    let (for_good, _) = replay(&trial, &[]);
    assert_eq!((for_good.code, effects()), (Some(0), 3), "{}", for_good.err);
}
