//! The shop of the README: what a change of a tool reaches through two agents, and what it does not.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use retake::demo::stand_in::{Handle, Pace, serve_at};

use crate::support::env::TestEnv;

const QUESTION: &str = "What does the brass lamp cost, and how long can I return it?";

/// A project with the folder of the shop in it, and the stand-in for a model.
struct Shop {
    env: TestEnv,
    url: String,
    _model: Handle,
}

impl Shop {
    fn new() -> Self {
        let env = TestEnv::new();
        env.write("retake.toml", "");
        let copied = Command::new("cp").arg("-R").arg(repository("examples/shop")).arg(env.work()).status();
        assert!(copied.is_ok_and(|status| status.success()), "the example can be copied");
        let pace = Pace { before: Duration::from_millis(50), between: Duration::ZERO };
        let (address, model) = serve_at(pace).expect("a free port");
        Self { env, url: format!("http://{address}/v1"), _model: model }
    }

    /// Runs the program, with the examples on the path.
    fn run(&self, words: &[&str]) -> Output {
        let mut command = self.env.command();
        let examples = Path::new(env!("CARGO_BIN_EXE_retake")).with_file_name("examples");
        command.env("PATH", format!("{}:/usr/bin:/bin", examples.display())).env("OPENAI_BASE_URL", &self.url);
        command.env_remove("RETAKE_TEST_CLOCK").env_remove("RETAKE_TEST_SEED");
        command.args(words).output().expect("the program was built")
    }

    /// The same, which must end well; what it printed.
    fn well(&self, words: &[&str]) -> (String, String) {
        let ran = self.run(words);
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(0), "{words:?}: {out}{err}");
        (out.into_owned(), err.into_owned())
    }

    /// Corrects the tool.
    fn fix(&self) {
        let tool = self.env.work().join("shop/get_price");
        let text = std::fs::read_to_string(&tool).expect("it was copied");
        std::fs::write(&tool, text.replace("$2 \"", "$2 / 100 \"")).expect("it can be written");
    }
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn a_change_reaches_through_the_agents_between() {
    let shop = Shop::new();
    let (out, _) = shop.well(&["record", "shop", QUESTION]);
    assert_eq!(out, "The brass lamp costs 4999 dollars. A lamp can be returned for 30 days.\n");
    let (out, err) = shop.well(&["replay", "--set", "6.result=The brass lamp costs 49.99 dollars."]);
    assert_eq!(out, "The brass lamp costs 49.99 dollars. A lamp can be returned for 30 days.\n", "{err}");
    assert!(err.contains("3 exact, 1 sent changed, 1 sent;") && !err.contains("held"), "{err}");
    // Another answer of the agent itself is handed on likewise.
    let (out, err) = shop.well(&["replay", "--set", "7.answer=It costs 7 euros for the lamp."]);
    assert!(out.starts_with("It costs 7 euros for the lamp. "), "{out}{err}");
}

#[test]
fn what_no_change_caused_is_held_still() {
    let shop = Shop::new();
    shop.well(&["record", "shop", QUESTION]);
    shop.fix();
    let (out, err) = shop.well(&["replay", "--set", "5.system=Answer in capitals and one sentence."]);
    assert_eq!(out, "The brass lamp costs 4999 dollars. A LAMP CAN BE RETURNED FOR 30 DAYS.\n", "{err}");
    assert!(err.contains("get_price The brass lamp costs 49.99 dollars., held The brass lamp costs 4999"), "{err}");
}

#[test]
fn the_commands_of_the_example_for_ci_are_true() {
    let text = std::fs::read_to_string(repository("examples/ci/agents.yml")).expect("it is there");
    let commands: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("run: retake ")).collect();
    assert_eq!(commands, ["test --junit retake.xml"]);
    assert!(text.contains(&format!("retake@{}", env!("CARGO_PKG_VERSION"))), "another version is installed");
    assert!(!text.contains("secrets.") && !text.contains("_KEY"), "no key is needed");
    let shop = Shop::new();
    shop.well(&["record", "shop", QUESTION]);
    shop.well(&["snapshot", "--name", "lamp"]);
    let words: Vec<&str> = commands[0].split(' ').collect();
    let (out, _) = shop.well(&words);
    assert!(out.contains("1 workflow: 1 passed"), "{out}");
    let report = std::fs::read_to_string(shop.env.work().join("retake.xml")).expect("it was written");
    assert!(report.contains("tests=\"1\"") && report.contains("failures=\"0\""), "{report}");
    shop.fix();
    let ran = shop.run(&words);
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stdout));
}
