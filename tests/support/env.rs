//! A world of its own for the built program: environment, home, store, clock and names.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use retake::model::State;
use retake::model::event::{Ended, Event, Output, Parent};
use retake::store::{Recorder, Store};

use super::{output, runs as made};

/// Where the program runs: nothing of the machine is seen but the system's own programs.
pub(crate) struct TestEnv {
    root: PathBuf,
}

impl TestEnv {
    /// An empty working directory, an empty home, and a store that is not there yet.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("retake-test-{}-{number}", std::process::id()));
        for folder in ["home", "work", "tmp"] {
            fs::create_dir_all(root.join(folder)).expect("a temporary directory can be made");
        }
        let root = root.canonicalize().expect("it was made");
        Self { root }
    }

    /// The working directory.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The store's directory.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Puts a run into the store that printed a line and was sealed; its name is eight letters from k to z.
    pub(crate) fn keep(&self, letters: &str, tenths: u64, parent: Option<&str>) {
        let mut recorder = self.begin(letters, tenths, parent);
        let code = i32::from(parent.is_some());
        recorder.write(&Event::Ended(Ended { at: made::at(tenths + 9), code })).expect("it is written");
        let path = recorder.path().to_owned();
        recorder.flush().expect("it is written");
        let events = Store::load_file(&path).expect("it is there").events;
        let run = retake::record::assemble(&made::name(letters), &events);
        let summary = retake::record::summarise(&run, State::Finished);
        recorder.seal(&summary, &run.graph).expect("it is written");
    }

    /// Begins the recording of a run that nobody ends.
    pub(crate) fn begin(&self, letters: &str, tenths: u64, parent: Option<&str>) -> Recorder {
        let store = Store::create(&self.store()).expect("a store can be made");
        let mut recorder = store.recorder(&made::name(letters)).expect("the name is free");
        let mut run = made::run(letters, &["python", "agent.py", "hello there"]);
        run.started.at = made::at(tenths);
        run.started.parent = parent.map(|parent| Parent {
            run: made::name(parent),
            changes: vec!["--set 1.system=x".to_owned()],
            highest: 0,
        });
        let bytes = Bytes::from_static(b"hello\x1b[2J\n");
        let events = [Event::Started(run.started), Event::Output(Output { at: made::at(tenths), stream: 1, bytes })];
        for event in &events {
            recorder.write(event).expect("it is written");
        }
        recorder
    }

    /// The program, ready to be given arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retake"));
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.join("home"))
            .env("TMPDIR", self.root.join("tmp"))
            .env("TZ", "UTC")
            .env("COLUMNS", "100")
            .env("RETAKE_STORE", self.store())
            .env("RETAKE_TEST_CLOCK", (made::BEGIN + 60_000_000).to_string())
            .env("RETAKE_TEST_SEED", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program and returns its output, its errors and its exit code as one text.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> String {
        let ran = self.command().args(arguments).output().expect("the program was built");
        self.hide(&output::whole(&ran))
    }

    /// The same, the words in one string.
    pub(crate) fn line(&self, words: &str) -> String {
        self.run(words.split_whitespace())
    }

    /// The text with the paths of this world replaced.
    fn hide(&self, text: &str) -> String {
        text.replace(&*self.root.to_string_lossy(), "[root]")
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
