//! Stores as their users meet them: shared, damaged, without an index.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use super::sample::{Scratch, conversation, finished, flip, id, one_of_each, prompted, read, record, started};
use super::*;
use crate::model::{Micros, RunGraph, Summary};

const NOW: Micros = Micros(5);

fn names(store: &Store) -> Vec<String> {
    store.summaries(&read).unwrap().into_iter().map(|summary| summary.id.to_string()).collect()
}

fn told(error: &Error) -> String {
    super::catalogue::reason(error)
}

/// Three recorded runs and a replay of the second, in this order.
fn family(store: &Store) -> [RunId; 4] {
    let runs = [id("kkkkkkkk"), id("kkzzzzzz"), id("mmmmmmmm"), id("zzzzzzzz")];
    for (at, run) in (1..).zip(&runs[..3]) {
        record(store, run, &conversation(run, at * 1000, 1..=3, 8));
    }
    let mut events = conversation(&runs[3], 9000, 1..=2, 8);
    events[0] = Event::Started(started(&runs[3], 9000, Some(&runs[1])));
    record(store, &runs[3], &events);
    runs
}

#[test]
fn a_store_is_made_for_its_owner_alone() {
    let scratch = Scratch::new();
    let root = scratch.path("a/b/.retake");
    assert_eq!(told(&Store::open(&root).unwrap_err()), format!("there is no store at `{}`", root.display()));
    let store = Store::create(&root).unwrap();
    Store::create(&root).unwrap();
    assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(fs::read_to_string(root.join("format")).unwrap(), "1\n");
    let run = id("kkkkkkkk");
    record(&store, &run, &one_of_each(&run));
    store.tag(&run, "first", NOW).unwrap();
    names(&store);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in ["", "runs", "index"] {
        assert_eq!(mode(&root.join(folder)), 0o700, "{folder}");
    }
    for file in ["format", "ledger", "runs/kkkkkkkk.retake"] {
        assert_eq!(mode(&root.join(file)), 0o600, "{file}");
    }
    let runs: Vec<_> = fs::read_dir(root.join("runs")).unwrap().collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
}

#[test]
fn a_newer_store_is_refused() {
    let scratch = Scratch::new();
    let root = scratch.store().root().to_owned();
    fs::write(root.join("format"), "3\n").unwrap();
    insta::assert_snapshot!(told(&Store::open(&root).unwrap_err()), @"this store was written by a newer retake (format 3, this one knows 1)");
    assert!(matches!(Store::create(&root), Err(Error::Newer { .. })));
    fs::write(root.join("format"), "\u{1}?").unwrap();
    assert!(matches!(Store::open(&root), Err(Error::Format { .. })));
}

#[test]
fn a_recorder_locks_its_run_and_a_dropped_one_leaves_it_interrupted() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let run = id("kkkkkkkk");
    let events = one_of_each(&run);
    let mut recorder = store.recorder(&run).unwrap();
    assert!(matches!(store.recorder(&run), Err(Error::Exists { .. })));
    assert_eq!(store.load(&run).unwrap().state, State::Running);
    for event in &events {
        recorder.write(event).unwrap();
    }
    let running = store.load(&run).unwrap();
    assert_eq!((running.state, running.events == events, running.damage), (State::Running, true, Vec::new()));
    assert_eq!(store.summaries(&read).unwrap()[0].state, State::Running);
    assert!(matches!(store.remove(&run, NOW), Err(Error::Running { .. })));
    drop(recorder);
    for _ in 0..2 {
        assert_eq!(store.summaries(&read).unwrap()[0].state, State::Interrupted);
    }
    assert!(matches!(store.recorder(&run), Err(Error::Exists { .. })));
    assert!(store.take_warnings().is_empty());
}

#[test]
fn each_flush_outlives_a_kill() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let run = id("kkkkkkkk");
    let events = conversation(&run, 1, 1..=6, 40);
    let mut recorder = store.recorder(&run).unwrap();
    let copy = scratch.path("copy.retake");
    for (count, event) in (1..).zip(&events) {
        recorder.write(event).unwrap();
        if matches!(event, Event::End(_)) {
            // What the kernel has is what a kill leaves.
            fs::copy(recorder.path(), &copy).unwrap();
            let killed = Store::load_file(&copy).unwrap();
            assert_eq!((killed.state, killed.damage.len()), (State::Interrupted, 0));
            assert_eq!(killed.events, events[..count]);
        }
    }
}

#[test]
fn summaries_are_newest_first_and_the_same_without_an_index() {
    let scratch = Scratch::new();
    let store = scratch.store();
    family(&store);
    store.tag(&id("kkkkkkkk"), "base", NOW).unwrap();
    let summaries = store.summaries(&read).unwrap();
    assert_eq!(names(&store), ["zzzzzzzz", "mmmmmmmm", "kkzzzzzz", "kkkkkkkk"]);
    assert_eq!(summaries[3].tags, ["base"]);
    assert!(store.take_warnings().is_empty());

    // Deleted: made again.
    fs::remove_dir_all(store.root().join("index")).unwrap();
    assert_eq!(store.summaries(&read).unwrap(), summaries);
    assert!(store.take_warnings().is_empty() && store.root().join("index/db").exists());

    // Held by somebody for good: one warning, asked once.
    let lock = File::create(store.root().join("index.lock")).unwrap();
    lock.lock().unwrap();
    let other = Store::open(store.root()).unwrap();
    for _ in 0..2 {
        assert_eq!(other.summaries(&read).unwrap(), summaries);
        assert_eq!(other.resolve("latest").unwrap(), id("mmmmmmmm"));
    }
    assert_eq!(other.find(&Lookup::Model("gpt-4o".to_owned()), &read).unwrap().len(), 4);
    let warnings: Vec<String> = other.take_warnings().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @"the index cannot be used, reading the files: another process has it open");
    drop(lock);

    // Not to be had: a file stands where it should be.
    fs::remove_dir_all(store.root().join("index")).unwrap();
    fs::write(store.root().join("index"), "").unwrap();
    let other = Store::open(store.root()).unwrap();
    assert_eq!(other.summaries(&read).unwrap(), summaries);
    assert!(matches!(other.take_warnings().as_slice(), [Warning::NoIndex { .. }]));
}

#[test]
fn a_damaged_index_is_made_anew() {
    let scratch = Scratch::new();
    let store = scratch.store();
    family(&store);
    let summaries = store.summaries(&read).unwrap();
    let index = store.root().join("index");
    let files = || -> Vec<_> { fs::read_dir(&index).unwrap().map(|file| file.unwrap().path()).collect() };
    let is_snapshot = |path: &&std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("snap.");
    // An emptied snapshot is set aside, and nothing is lost.
    fs::write(files().iter().find(is_snapshot).unwrap(), "").unwrap();
    assert_eq!(store.index.entries().ok().map(|(entries, warning)| (entries.len(), warning)), Some((4, None)));
    assert!(files().iter().any(|path| path.to_str().unwrap().contains("aside.snap.")));
    // What is not cured by that is deleted and made anew.
    fs::write(index.join("mark"), "").unwrap();
    let outcome = store.index.panic_over("mark");
    assert!(matches!(outcome, Ok((0, Some(Warning::IndexRebuilt { .. })))), "{outcome:?}");
    assert_eq!(store.summaries(&read).unwrap(), summaries);
    store.index.make_foreign();
    assert_eq!(store.summaries(&read).unwrap(), summaries);
    assert!(store.take_warnings().is_empty());
    // Bytes of the log: whatever sled makes of it, the summaries are right.
    for place in (0..4000).step_by(97) {
        flip(&index.join("db"), place);
        assert_eq!(store.summaries(&read).unwrap(), summaries, "byte {place}");
        let warnings = store.take_warnings();
        let harmless = |warning: &Warning| matches!(warning, Warning::IndexRebuilt { .. });
        assert!(warnings.iter().all(harmless), "byte {place}: {warnings:?}");
    }
}

#[test]
fn a_changed_or_vanished_file_is_noticed() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let runs = family(&store);
    names(&store);
    fs::remove_file(store.path(&runs[2])).unwrap();
    let (mut summary, graph) = finished(&runs[0], &conversation(&runs[0], 70_000, 1..=1, 4));
    summary.models = vec!["another".to_owned()];
    fs::remove_file(store.path(&runs[0])).unwrap();
    store.recorder(&runs[0]).unwrap().seal(&summary, &graph).unwrap();
    assert_eq!(names(&store), ["kkkkkkkk", "zzzzzzzz", "kkzzzzzz"]);
    assert_eq!(store.find(&Lookup::Model("another".to_owned()), &read).unwrap(), [runs[0].clone()]);
    assert_eq!(store.find(&Lookup::Model("gpt-4o".to_owned()), &read).unwrap(), [runs[1].clone(), runs[3].clone()]);
}

#[test]
fn selectors_mean_one_run() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let no_runs = store.resolve("latest").unwrap_err();
    insta::assert_snapshot!(told(&no_runs), @"no run is `latest`: 0 recorded");
    let runs = family(&store);
    store.tag(&runs[0], "base", NOW).unwrap();
    store.tag(&runs[2], "twice", NOW).unwrap();
    store.tag(&runs[3], "twice", NOW).unwrap();
    store.tag(&runs[1], "m", NOW).unwrap();
    let meant = |selector: &str| match store.resolve(selector) {
        Ok(run) => run.to_string(),
        Err(error) => told(&error),
    };
    let selectors = ["latest", "latest~2", "latest~3", "latest~x", "kkkkkkkk", "kkk", "z", "m", "mm", "base", "kk"];
    let all: Vec<String> = selectors
        .iter()
        .chain(&["twice", "zzzzzzyy", "nn", "", "KK"])
        .map(|selector| format!("{selector}: {}", meant(selector)))
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    latest: mmmmmmmm
    latest~2: kkkkkkkk
    latest~3: no run is `latest~3`: 3 recorded
    latest~x: no run matches `latest~x`
    kkkkkkkk: kkkkkkkk
    kkk: kkkkkkkk
    z: zzzzzzzz
    m: kkzzzzzz
    mm: mmmmmmmm
    base: kkkkkkkk
    kk: `kk` matches 2 runs
    twice: `twice` matches 2 runs
    zzzzzzyy: no run matches `zzzzzzyy`
    nn: no run matches `nn`
    : no run matches ``
    KK: no run matches `KK`
    ");
    let Err(Error::Ambiguous { candidates, .. }) = store.resolve("kk") else { panic!("kk is ambiguous") };
    assert_eq!(candidates, runs[..2]);
    let lengths: Vec<usize> = store.prefixes().unwrap().into_iter().map(|(_, length)| length).collect();
    assert_eq!(lengths, [3, 3, 2, 1], "`m` is a tag");
    assert_eq!(store.parent(&runs[3]).unwrap(), Some(runs[1].clone()));
    assert_eq!(store.parent(&runs[1]).unwrap(), None);
    assert_eq!(store.ancestors(&runs[3]).unwrap(), [runs[1].clone()]);
    assert_eq!(store.children(&runs[1]).unwrap(), [runs[3].clone()]);
    assert_eq!(store.find(&Lookup::Parent(runs[1].clone()), &read).unwrap(), [runs[3].clone()]);
}

#[test]
fn tags_and_notes_are_said_and_taken_back() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let [first, second, ..] = family(&store);
    for tag in ["", "latest", "-x", "a b", "a~1", "a/b", "a\u{7}"] {
        assert!(matches!(store.tag(&first, tag, NOW), Err(Error::Tag { .. })), "{tag}");
    }
    store.tag(&first, "v1.2", NOW).unwrap();
    store.note(&first, "broke\nhere", NOW).unwrap();
    assert_eq!(store.tags(&first).unwrap(), ["v1.2"]);
    assert_eq!(store.notes(&first).unwrap(), [Remark { at: NOW, text: "broke\nhere".to_owned() }]);
    assert!(store.untag(&first, "v1.2", NOW).unwrap() && !store.untag(&first, "v1.2", NOW).unwrap());
    assert!(matches!(store.tag(&id("nnnnnnnn"), "x", NOW), Err(Error::NoMatch { .. })));
    // A torn line is written over, one that is damaged is skipped.
    store.tag(&second, "kept", NOW).unwrap();
    let mut ledger = fs::read(store.root().join("ledger")).unwrap();
    ledger.extend_from_slice(b"1 00ab");
    fs::write(store.root().join("ledger"), ledger).unwrap();
    store.tag(&second, "later", NOW).unwrap();
    assert_eq!((store.tags(&second).unwrap().len(), store.take_warnings().len()), (2, 0));
    flip(&store.root().join("ledger"), 20);
    assert_eq!(store.tags(&second).unwrap(), ["kept", "later"]);
    assert_eq!(store.take_warnings(), [Warning::Ledger { lines: 1 }]);
}

#[test]
fn a_removed_run_is_gone_for_good() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let [first, second, ..] = family(&store);
    store.tag(&first, "base", NOW).unwrap();
    store.export(&first, &scratch.path("kept.retake")).unwrap();
    for _ in 0..2 {
        store.remove(&first, NOW).unwrap();
    }
    assert!(!store.path(&first).exists());
    assert_eq!(names(&store).len(), 3);
    for selector in ["kkkkkkkk", "base"] {
        assert!(store.resolve(selector).is_err(), "{selector}");
    }
    insta::assert_snapshot!(told(&store.load(&first).unwrap_err()), @"run kkkkkkkk was removed");
    assert!(matches!(store.remove(&id("nnnnnnnn"), NOW), Err(Error::NoMatch { .. })));
    // A file that was deleted by hand is removed too.
    store.tag(&second, "x", NOW).unwrap();
    fs::remove_file(store.path(&second)).unwrap();
    store.remove(&second, NOW).unwrap();
    assert!(store.tags(&second).unwrap().is_empty());
    // What comes back comes without what was said about it.
    assert_eq!(store.import(&scratch.path("kept.retake")).unwrap(), first);
    assert_eq!((store.resolve("kkkkkkkk").unwrap(), store.tags(&first).unwrap().len()), (first, 0));
}

#[test]
fn a_run_is_shared_by_copying_its_file() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let run = id("kkkkkkkk");
    let events = one_of_each(&run);
    record(&store, &run, &events);
    let file = scratch.path("shared.retake");
    store.export(&run, &file).unwrap();
    assert!(matches!(store.export(&run, &file), Err(Error::Exists { .. })));
    let other = Store::create(&scratch.path("other")).unwrap();
    for _ in 0..2 {
        assert_eq!(other.import(&file).unwrap(), run);
    }
    assert_eq!(other.load(&run).unwrap(), store.load(&run).unwrap());
    // The same name with other content.
    fs::remove_file(other.path(&run)).unwrap();
    record(&other, &run, &conversation(&run, 1, 1..=1, 3));
    assert!(matches!(other.import(&file), Err(Error::Different { .. })));
    // An interrupted run goes as it is.
    let cut = id("mmmmmmmm");
    store.recorder(&cut).unwrap().write(&Event::Started(started(&cut, 1, None))).unwrap();
    store.export(&cut, &scratch.path("cut.retake")).unwrap();
    assert_eq!(other.import(&scratch.path("cut.retake")).unwrap(), cut);
    assert_eq!(other.load(&cut).unwrap().state, State::Interrupted);
    // Damage is not copied in.
    flip(&file, 400);
    fs::remove_file(other.path(&run)).unwrap();
    assert!(matches!(other.import(&file), Err(Error::Damaged { .. })));
    fs::write(&file, "{}").unwrap();
    assert!(matches!(other.import(&file), Err(Error::Foreign { .. })));
}

#[test]
fn lookups_and_graphs_come_from_the_index_or_the_file() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let runs = [id("kkkkkkkk"), id("llllllll")];
    for (run, system) in runs.iter().zip(["Be brief.", "Be kind."]) {
        let events = conversation(run, 1, 1..=1, 3);
        let (summary, _) = finished(run, &events);
        let summary = Summary { tools: vec![format!("tool_{run}")], ..summary };
        store.recorder(run).unwrap().seal(&summary, &prompted(system)).unwrap();
    }
    let prompt = Lookup::Prompt(*blake3::hash(b"Be kind.").as_bytes());
    let tool = Lookup::Tool("tool_kkkkkkkk".to_owned());
    let check = |store: &Store| {
        assert_eq!(store.find(&prompt, &read).unwrap(), [runs[1].clone()]);
        assert_eq!(store.find(&tool, &read).unwrap(), [runs[0].clone()]);
        assert!(store.find(&Lookup::Tool("tool".to_owned()), &read).unwrap().is_empty());
        let graph: RunGraph = store.graph(&runs[0], &read).unwrap();
        assert!(graph.nodes().eq(super::sample::graph().nodes()));
    };
    check(&store);
    let lock = File::create(store.root().join("index.lock")).unwrap();
    lock.lock().unwrap();
    check(&Store::open(store.root()).unwrap());
}

#[test]
fn verify_says_which_file_is_damaged_and_whether_the_index_agrees() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let runs = family(&store);
    let agreements = || -> Vec<Agreement> { store.verify().unwrap().files.iter().map(|file| file.index).collect() };
    assert_eq!(agreements(), [Agreement::Behind; 4]);
    assert_eq!(store.rebuild(&read).unwrap(), 4);
    assert_eq!(agreements(), [Agreement::Agrees; 4]);
    let report = store.verify().unwrap();
    assert!(report.is_sound());
    assert_eq!((report.files[0].frames, report.files[0].records), (1, 11));
    flip(&store.path(&runs[1]), 300);
    fs::write(store.path(&runs[2]), "nothing").unwrap();
    let report = store.verify().unwrap();
    assert!(!report.is_sound());
    let sound: Vec<bool> = report.files.iter().map(FileReport::is_sound).collect();
    assert_eq!(sound, [true, false, false, true]);
    assert!(report.files[1].damage.iter().any(Damage::loses), "{:?}", report.files[1].damage);
    assert!(report.files[2].error.as_ref().is_some_and(|error| error.ends_with("is not a recording")));
    // The rest goes on.
    assert_eq!(names(&store).len(), 3);
    assert!(matches!(store.take_warnings().as_slice(), [Warning::Unreadable { .. }]));
}

#[test]
fn many_record_while_others_list() {
    let scratch = Scratch::new();
    let root = scratch.store().root().to_owned();
    let name = |thread: u64, number: u64| RunId::from_seed(0x1234_5678 + thread * 0x0101 + (number << 24));
    thread::scope(|scope| {
        for thread in 0..8 {
            let root = &root;
            scope.spawn(move || {
                let store = Store::create(root).unwrap();
                for number in 0..3 {
                    let run = name(thread, number);
                    record(&store, &run, &conversation(&run, 1000 * thread + number, 1..=4, 30));
                    store.tag(&run, "all", NOW).unwrap();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let mut seen = 0;
                while seen < 24 {
                    let store = Store::open(&root).unwrap();
                    let summaries = store.summaries(&read).unwrap();
                    assert!(summaries.len() >= seen);
                    seen = summaries.len();
                    for summary in summaries {
                        let recording = store.load(&summary.id).unwrap();
                        assert!(recording.damage.is_empty(), "{:?}", recording.damage);
                        assert_ne!(recording.state, State::Interrupted);
                    }
                    assert_eq!(store.take_warnings(), []);
                }
            });
        }
    });
    let store = Store::open(&root).unwrap();
    let summaries = store.summaries(&read).unwrap();
    assert!(summaries.len() == 24 && summaries.iter().all(|summary| summary.tags == ["all"]));
    assert!(store.verify().unwrap().is_sound());
}
