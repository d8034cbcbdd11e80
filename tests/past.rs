//! What could lead an agent past the listener: other variables, redirects, fixed hosts, work that outlives it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use retake::model::event::Event;
use retake::store::Store;

use crate::support::fake_model::Reply;
use crate::support::trial::Trial;

const ASK: &str = r#"POST /v1/chat/completions {"model":"m","messages":[{"role":"user","content":"Hello?"}]}"#;

/// What was said after the line with the totals.
fn beyond_totals(said: &str) -> &str {
    said.split_once('\n').map_or("", |(_, rest)| rest)
}

#[test]
fn a_base_url_counts_under_any_name() {
    for (name, value) in [("MY_GATEWAY", "/v1"), ("llm_at", ""), ("OPENAI_SERVER_URL", "/v1/")] {
        let trial = Trial::new(|asked| Reply::chat(&format!("Hello, {}.", asked.header("authorization").is_some())));
        trial.env.write("asks", format!("@ {name}\n{ASK}"));
        let command = |words: &[&str]| {
            let mut command = trial.command();
            command.args(words).env(name, format!("{}{value}", trial.model.url()));
            command
        };
        let recorded = trial.finish(command(&["record"]).args(Trial::agent(&["requests", "asks"])));
        assert!(recorded.out.contains("Hello, true.") && recorded.err.contains("1 model call"), "{name}: {recorded:?}");
        let (replayed, asked) = trial.asked_while(|| trial.finish(&mut command(&["replay"])));
        assert_eq!((replayed.out.as_str(), asked.len()), (recorded.out.as_str(), 0), "{name}: {}", replayed.err);
        assert_eq!(replayed.grade(), "1 call: 1 exact; order kept; 0 sent", "{name}");
    }
}

#[test]
fn a_base_url_of_no_provider_is_known_by_its_name() {
    let trial = Trial::new(|_| Reply::chat("Hello."));
    trial.env.write("asks", format!("@ OPENAI_ENDPOINT\n{ASK}"));
    let mut command = trial.command();
    command.env_remove("OPENAI_BASE_URL").env("OPENAI_ENDPOINT", trial.model.url());
    let recorded = trial.finish(command.arg("record").args(Trial::agent(&["requests", "asks"])));
    assert_eq!(beyond_totals(&recorded.err), "retake: openai-2 is [model] (`OPENAI_ENDPOINT`)\n");
}

/// Every `location` in the recordings.
fn locations(trial: &Trial) -> Vec<String> {
    let files = std::fs::read_dir(trial.env.store().join("runs")).unwrap().map(|file| file.unwrap().path());
    let recordings = files.filter(|path| path.extension().is_some_and(|it| it == "retake"));
    let events = recordings.flat_map(|path| Store::load_file(&path).unwrap().events);
    let heads = events.filter_map(|event| if let Event::Answer(head) = event { Some(head.headers) } else { None });
    heads.flatten().filter(|(name, _)| name == "location").map(|(_, value)| value).collect()
}

#[test]
fn a_redirect_to_the_upstream_comes_back_through_the_listener() {
    for absolute in [true, false] {
        let trial = Trial::new(move |asked| {
            if let Some(path) = asked.target.strip_suffix('/') {
                let host = asked.header("host").unwrap_or_default();
                let location = if absolute { format!("http://{host}{path}") } else { path.to_owned() };
                return Reply::json("").status(307).header("Location", &location);
            }
            Reply::chat(&format!("{} {}", asked.target, asked.header("authorization").is_some()))
        });
        let ask = |path: &str| ASK.replace("/v1/chat/completions", path).replace("Hello?", path);
        let paths = ["/v1/chat/completions/", "/v1/completions/", "/elsewhere/"];
        trial.env.write("asks", paths.map(ask).join("\n"));
        let recorded = trial.record("led", &["requests", "asks"]);
        for path in ["/v1/chat/completions true", "/v1/completions true", "/elsewhere true"] {
            assert!(recorded.out.contains(path), "{absolute}: {recorded:?}");
        }
        // The recording has what the provider said.
        let said = if absolute { format!("{}/elsewhere", trial.model.url()) } else { "/elsewhere".to_owned() };
        assert!(locations(&trial).contains(&said), "{:?}", locations(&trial));
        let (replayed, asked) = trial.asked_while(|| trial.replay(["led"]));
        assert_eq!((replayed.out.as_str(), asked.len()), (recorded.out.as_str(), 0), "{}", replayed.err);
        assert!(replayed.grade().starts_with("6 calls: 6 exact;"), "{}", replayed.err);
        // Where the provider has moved, what was recorded still leads back.
        let mut moved = trial.command();
        moved.env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1").args(["replay", "led"]);
        let (moved, asked) = trial.asked_while(|| trial.finish(&mut moved));
        assert_eq!((moved.out.as_str(), asked.len()), (recorded.out.as_str(), 0), "{}", moved.err);
    }
}

#[test]
fn a_redirect_to_another_host_is_said() {
    let elsewhere = Trial::new(|_| Reply::chat("Elsewhere."));
    let url = elsewhere.model.url();
    let trial = Trial::new(move |asked| {
        Reply::json("").status(307).header("Location", &format!("{url}{}", asked.target.trim_end_matches('/')))
    });
    trial.env.write("asks", ASK.replace("completions", "completions/"));
    let recorded = trial.record("led", &["requests", "asks"]);
    assert!(recorded.out.contains("Elsewhere."), "{recorded:?}");
    let said = recorded.err.replace(&elsewhere.model.url(), "[elsewhere]");
    assert!(said.ends_with("retake: an answer of `openai` led to [elsewhere], past retake\n"), "{said}");
}

/// A SOCKS proxy that leads every name to this address; it tells what it was asked for.
fn socks(to: String) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (told, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut bytes = |count: usize| {
                let mut read = vec![0; count];
                client.read_exact(&mut read).unwrap();
                read
            };
            let methods = bytes(2)[1];
            bytes(methods.into());
            client.write_all(&[5, 0]).unwrap();
            let mut bytes = |count: usize| {
                let mut read = vec![0; count];
                client.read_exact(&mut read).unwrap();
                read
            };
            let kind = bytes(4)[3];
            let length = if kind == 3 { bytes(1)[0].into() } else { 4 };
            let host = bytes(length);
            bytes(2);
            told.send(if kind == 3 { String::from_utf8(host).unwrap() } else { format!("{host:?}") }).unwrap();
            client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).unwrap();
            let server = TcpStream::connect(&to).unwrap();
            let (mut up, mut down) = ((client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client));
            std::thread::spawn(move || std::io::copy(&mut up.0, &mut up.1));
            std::thread::spawn(move || std::io::copy(&mut down.0, &mut down.1));
        }
    });
    (address, asked)
}

#[test]
fn the_users_socks_proxy_is_used() {
    let trial = Trial::new(|asked| Reply::chat(asked.header("host").unwrap_or_default()));
    trial.env.write("asks", ASK);
    let (proxy, asked) = socks(trial.model.url().replace("http://", ""));
    for (variable, scheme) in [("ALL_PROXY", "socks5h"), ("all_proxy", "socks5h"), ("HTTP_PROXY", "socks5h")] {
        let mut command = trial.command();
        command.env("OPENAI_BASE_URL", "http://llm.invalid/v1").env(variable, format!("{scheme}://{proxy}"));
        let recorded = trial.finish(command.arg("record").args(Trial::agent(&["requests", "asks"])));
        assert!(recorded.out.contains("llm.invalid"), "{recorded:?}");
        assert_eq!(asked.recv().unwrap(), "llm.invalid");
    }
}

#[test]
fn a_host_past_the_listener_is_named_by_every_command() {
    let fixed = Trial::new(|_| Reply::chat("From elsewhere."));
    let trial = Trial::new(|_| Reply::chat("Hello."));
    let asks: Vec<String> = (0..20).map(|number| ASK.replace("Hello", &format!("Number {number}"))).collect();
    trial.env.write("asks", asks.join("\n"));
    let command = |words: &[&str]| {
        let mut command = trial.command();
        command.args(words).env("FIXED", fixed.model.url());
        command
    };
    let hide = |text: &str| text.replace(&fixed.model.url().replace("http://", ""), "[fixed]");
    let recorded = trial.finish(command(&["record", "-t", "two"]).args(Trial::agent(&["beside", "asks"])));
    let graded = trial.finish(&mut command(&["grade", "two"]));
    let replayed = trial.finish(&mut command(&["replay", "two"]));
    assert_eq!(fixed.model.asked().len(), 2);
    insta::assert_snapshot!(hide(&[beyond_totals(&recorded.err), &graded.out, replayed.grade()].join("\n")), @"
    retake: warning: it was also connected past retake to `[fixed]`: what went there is not recorded, and goes out again in a replay
    retake: openai is [model]/v1 (`OPENAI_BASE_URL`)

    lkkkkkkk  partly: 20 of 20 nodes exact; connected past retake to `[fixed]`
    what it asked past retake is not on the recording, and goes out again in a replay

    20 calls: 20 exact; order kept; 0 sent; connected past retake to `[fixed]`
    ");
}

#[test]
fn what_the_agents_own_processes_say_to_each_other_is_not_past_the_listener() {
    let trial = Trial::new(|_| Reply::chat("Hello."));
    trial.env.write("asks", ASK);
    let recorded = trial.record("inside", &["among", "asks"]);
    assert!(!recorded.err.contains("past retake"), "{}", recorded.err);
}

#[test]
fn work_that_outlives_the_agent_is_recorded_and_replayed() {
    let [agent, words @ ..] = &Trial::agent(&["requests", "asks"])[..] else { panic!("a command") };
    let words = words.join(" ");
    for (start, end) in [("(", ") &"), ("( (", ") & ) &"), ("setsid sh -c '", "' &")] {
        let trial = Trial::new(|_| Reply::chat("Later."));
        trial.env.write("asks", format!("{ASK}\n{}", ASK.replace("Hello", "Still there")));
        // It begins when the agent's own process is gone.
        let later = format!("while kill -0 $0 2>/dev/null; do :; done; {agent} {words} >later 2>&1");
        let script =
            format!("echo now; {start} {} {end}", later.replace("$0", if end == "' &" { "'$$'" } else { "$$" }));
        let mut command = trial.command();
        let recorded = trial.finish(command.args(["record", "-t", "left", "sh", "-c", &script]));
        assert_eq!((recorded.out.as_str(), recorded.code), ("now\n", Some(0)), "{recorded:?}");
        assert!(recorded.err.contains(": 2 nodes, 2 model calls"), "{start}: {}", recorded.err);
        let said = std::fs::read_to_string(trial.env.work().join("later")).unwrap();
        assert_eq!(said.matches("Later.").count(), 2, "{said}");
        std::fs::remove_file(trial.env.work().join("later")).unwrap();
        let (replayed, asked) = trial.asked_while(|| trial.replay(["left", "--yes"]));
        assert_eq!((replayed.grade(), asked.len()), ("2 calls: 2 exact; order kept; 0 sent", 0), "{}", replayed.err);
        assert_eq!(std::fs::read_to_string(trial.env.work().join("later")).unwrap(), said);
    }
}
