//! An agent that is recorded and replayed through the built program, and the model it talks to.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::env::TestEnv;
use super::fake_model::{Asked, FakeModel, Reply};
use super::output;

/// A key that the agent has.
pub(crate) const KEY: &str = "sk-proj-Zx81kLmQ90aBcD22";

/// A world with a model in it.
pub(crate) struct Trial {
    pub(crate) env: TestEnv,
    pub(crate) model: FakeModel,
    runs: AtomicU64,
}

/// What a command printed and returned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl Trial {
    /// A world whose model answers by this script.
    pub(crate) fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self { env: TestEnv::new(), model: FakeModel::start(script), runs: AtomicU64::new(1) }
    }

    /// Words of a command that runs one of the agents.
    pub(crate) fn agent(words: &[&str]) -> Vec<String> {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_retake"));
        let agent = program.with_file_name("examples").join("scripted");
        assert!(agent.exists(), "examples are built by `cargo test` or `cargo build --examples`");
        let agent = agent.to_string_lossy().into_owned();
        std::iter::once(agent).chain(words.iter().map(|&word| word.to_owned())).collect()
    }

    /// The program, its clock running, with the model's address and a key in its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.env.command();
        let seed = self.runs.fetch_add(1, Ordering::Relaxed);
        command.env_remove("RETAKE_TEST_CLOCK").env("RETAKE_TEST_SEED", seed.to_string());
        command.env("OPENAI_BASE_URL", format!("{}/v1", self.model.url())).env("OPENAI_API_KEY", KEY);
        command
    }

    /// Runs a command to its end; addresses and paths of this world are cut out of what it says.
    pub(crate) fn finish(&self, command: &mut Command) -> Ran {
        let Output { status, stdout, stderr } = command.output().expect("it was built");
        Ran { out: self.plain(&stdout), err: self.plain(&stderr), code: status.code() }
    }

    fn plain(&self, bytes: &[u8]) -> String {
        let agent = Self::agent(&[]).remove(0);
        let text = String::from_utf8_lossy(bytes).replace(&self.model.url(), "[model]").replace(&agent, "scripted");
        text.replace(&*self.env.work().to_string_lossy(), "[work]")
    }

    /// Records an agent, which must end well, and tags the run.
    pub(crate) fn record(&self, tag: &str, words: &[&str]) -> Ran {
        let mut command = self.command();
        let ran = self.finish(command.args(["record", "-t", tag]).args(Self::agent(words)));
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        ran
    }

    /// Replays the latest recording with these further arguments.
    pub(crate) fn replay<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Ran {
        self.finish(self.command().arg("replay").args(arguments))
    }

    /// What the model was asked while something was done.
    pub(crate) fn asked_while<T>(&self, act: impl FnOnce() -> T) -> (T, Vec<Asked>) {
        let before = self.model.asked().len();
        let done = act();
        (done, self.model.asked().split_off(before))
    }

    /// A value of a node of a run, as `--json` prints it.
    pub(crate) fn node(&self, place: &str) -> Value {
        let shown = self.line(&format!("show {place} --json"));
        serde_json::from_str(shown.lines().next().unwrap_or_default()).expect("an object")
    }

    /// Runs the program for its whole output.
    pub(crate) fn line(&self, words: &str) -> String {
        let mut command = self.command();
        let ran = command.args(words.split_whitespace()).stdin(Stdio::null()).output().expect("it was built");
        self.plain(output::whole(&ran).as_bytes())
    }
}

impl Ran {
    /// The line of the grade.
    pub(crate) fn grade(&self) -> &str {
        let lines = self.err.lines().filter_map(|line| line.strip_prefix("retake: recorded "));
        lines.filter_map(|line| line.split_once(": ")).map(|(_, grade)| grade).next_back().unwrap_or_default()
    }
}

/// The texts of the messages of a chat request, and its model, in the order in which they stand.
pub(crate) fn texts(asked: &Asked) -> Vec<String> {
    let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| message["content"].as_str().unwrap_or("-").to_owned()).collect()
}

/// A model that calls `get_price` once and then says what it knows, the way every branch of the tests asks.
pub(crate) fn shop(asked: &Asked) -> Reply {
    let texts = texts(asked);
    let number = asked.number;
    match asked.text() {
        text if text.contains("\"role\":\"tool\"") => {
            let result = texts.last().cloned().unwrap_or_default();
            Reply::chat(&format!("{} I was told: {result}", texts[0]))
        }
        text if text.contains("sum up") || text.contains("poet") || text.contains("pages") => {
            Reply::chat(&format!("Answer {number}."))
        }
        _ => Reply::tool_call(&format!("call_{number}"), "get_price", r#"{"item": "lamp"}"#),
    }
}
