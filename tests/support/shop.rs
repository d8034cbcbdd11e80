//! The shop of the README in a project of its own, and the stand-in for a model that its agents ask.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use retake::demo::stand_in::{Handle, Pace, serve_at};

use super::env::TestEnv;

/// What the shop is asked.
pub(crate) const QUESTION: &str = "What does the brass lamp cost, and how long can I return it?";

/// A project with the folder of the shop in it, and the stand-in for a model.
pub(crate) struct Shop {
    pub(crate) env: TestEnv,
    url: String,
    _model: Handle,
}

impl Shop {
    /// A world in which nothing was recorded.
    pub(crate) fn new() -> Self {
        let env = TestEnv::new();
        env.write("retake.toml", "");
        let copied = Command::new("cp").arg("-R").arg(repository("examples/shop")).arg(env.work()).status();
        assert!(copied.is_ok_and(|status| status.success()), "the example can be copied");
        let pace = Pace { before: Duration::from_millis(50), between: Duration::ZERO };
        let (address, model) = serve_at(pace).expect("a free port");
        Self { env, url: format!("http://{address}/v1"), _model: model }
    }

    /// Runs the program, with the examples on the path.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.surround(self.env.command()).args(words).output().expect("the program was built")
    }

    /// Runs one of the examples.
    pub(crate) fn example(&self, words: &[&str]) -> Output {
        let mut command = Command::new(examples().join(words[0]));
        let here = self.env.command();
        command.env_clear().envs(here.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.surround(command).current_dir(self.env.work()).args(&words[1..]).output().expect("examples are built")
    }

    fn surround(&self, mut command: Command) -> Command {
        command.env("PATH", format!("{}:/usr/bin:/bin", examples().display())).env("OPENAI_BASE_URL", &self.url);
        command.env_remove("RETAKE_TEST_CLOCK").env_remove("RETAKE_TEST_SEED");
        command
    }

    /// A world in which the shop is the workflow `lamp`.
    pub(crate) fn kept() -> Self {
        let shop = Self::new();
        shop.well(&["record", "shop", QUESTION]);
        shop.well(&["snapshot", "--name", "lamp"]);
        shop
    }

    /// The same, which must end well; what it printed.
    pub(crate) fn well(&self, words: &[&str]) -> (String, String) {
        let ran = self.run(words);
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(0), "{words:?}: {out}{err}");
        (out.into_owned(), err.into_owned())
    }

    /// Corrects the tool.
    pub(crate) fn fix(&self) {
        let tool = self.env.work().join("shop/get_price");
        let text = std::fs::read_to_string(&tool).expect("it was copied");
        std::fs::write(&tool, text.replace("$2 \"", "$2 / 100 \"")).expect("it can be written");
    }
}

/// Where the examples are.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_retake")).with_file_name("examples")
}

/// A path in the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
