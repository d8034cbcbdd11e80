//! README.md is run: every console block, in order, and what each command prints must be what it says.
//!
//! A line `…` stands for any lines, `…` within a line for any text. Names of runs stand for the ones
//! that come up in their place; durations, ages, addresses and the width of gaps do not matter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use regex::Regex;
use retake::demo::stand_in::{Pace, serve_at};

/// A command of the README and what it is said to print.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    /// Line of the command, from 1.
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// Commands of the fenced blocks of this kind.
fn steps(text: &str, fence: &str) -> Vec<Step> {
    let opening = format!("```{fence}");
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (line, number) in text.lines().zip(1..) {
        if line.starts_with("```") {
            inside = line == opening;
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: number, command: command.to_owned(), expected: Vec::new() });
        } else if inside {
            let step = steps.last_mut().unwrap_or_else(|| panic!("line {number} stands before any command"));
            match step.command.strip_suffix('\\') {
                Some(begun) if step.expected.is_empty() => step.command = format!("{begun}{}", line.trim_start()),
                _ => step.expected.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Names of runs as the README has them, and as they are now.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    /// The command with the names of now, also where it has the beginning of one.
    fn translate(&self, command: &str) -> String {
        let name = Regex::new(r"\b[k-z]{4,8}\b").expect("a pattern");
        let now = |found: &regex::Captures<'_>| {
            let word = &found[0];
            let known = self.0.iter().find(|(written, _)| written.starts_with(word));
            known.map_or(word.to_owned(), |(_, now)| now[..word.len()].to_owned())
        };
        name.replace_all(command, now).into_owned()
    }

    /// Whether a line is what the README says; names that it introduces are kept.
    fn agree(&mut self, expected: &str, actual: &str) -> bool {
        let name = Regex::new(r"\b[k-z]{8}\b").expect("a pattern");
        let (expected, actual) = (normal(expected), normal(actual));
        let mut pattern = "^".to_owned();
        let mut introduced = Vec::new();
        let mut at = 0;
        let literal = |text: &str| regex::escape(text).replace('…', ".*");
        for found in name.find_iter(&expected) {
            pattern += &literal(&expected[at..found.start()]);
            if let Some(now) = self.0.get(found.as_str()) {
                pattern += now;
            } else {
                pattern += r"\b([k-z]{8})\b";
                introduced.push(found.as_str().to_owned());
            }
            at = found.end();
        }
        pattern += &literal(&expected[at..]);
        pattern.push('$');
        let Some(found) = Regex::new(&pattern).expect("a pattern").captures(&actual) else { return false };
        for (written, now) in introduced.into_iter().zip(found.iter().skip(1).flatten()) {
            self.0.insert(written, now.as_str().to_owned());
        }
        true
    }

    /// Whether lines are what the README says: `…` alone stands for any number of them.
    fn agree_all(&mut self, expected: &[String], actual: &[&str]) -> bool {
        let Some((first, rest)) = expected.split_first() else { return actual.is_empty() };
        if first == "…" {
            return (0..=actual.len()).any(|skipped| {
                let before = self.0.clone();
                self.agree_all(rest, &actual[skipped..]) || {
                    self.0 = before;
                    false
                }
            });
        }
        let Some((line, others)) = actual.split_first() else { return false };
        self.agree(first, line) && self.agree_all(rest, others)
    }
}

/// A line without what differs from run to run.
fn normal(line: &str) -> String {
    let patterns = [
        (r"\b(?:\d+ (?:seconds?|minutes?) ago|just now|now)\b", "<age>"),
        (r"<?\b\d+(?:\.\d+)? ?(?:µs|us|ms|s)\b", "<time>"),
        (r"127\.0\.0\.1:\d+", "<address>"),
        (r"(\S) {2,}", "$1 "),
        (r"\s+$", ""),
    ];
    patterns.iter().fold(line.to_owned(), |line, (pattern, with)| {
        Regex::new(pattern).expect("a pattern").replace_all(&line, *with).into_owned()
    })
}

/// Where commands are run: a directory and a home of their own, and nothing else in the environment.
struct Place {
    directory: PathBuf,
    environment: Vec<(String, String)>,
    code: i32,
}

impl Place {
    fn new(name: &str, base_url: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if directory.exists() {
            std::fs::remove_dir_all(&directory).expect("it is ours");
        }
        std::fs::create_dir_all(directory.join("home")).expect("there is room");
        let programs = Path::new(env!("CARGO_BIN_EXE_retake")).parent().expect("a directory");
        let examples = programs.join("examples");
        // A project of its own, with the example's folder in it.
        std::fs::write(directory.join("retake.toml"), "").expect("there is room");
        let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
        let copied = Command::new("cp").arg("-R").arg(shop).arg(&directory).status();
        assert!(copied.is_ok_and(|status| status.success()), "the example can be copied");
        assert!(examples.join("agent").exists(), "examples are built by `cargo test` or `cargo build --examples`");
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = vec![
            set("PATH", &format!("{}:{}:/usr/bin:/bin", programs.display(), examples.display())),
            set("HOME", &directory.join("home").display().to_string()),
            set("RETAKE_STORE", &directory.join("store").display().to_string()),
            set("OPENAI_BASE_URL", base_url),
            set("COLUMNS", "120"),
            set("NO_COLOR", "1"),
            set("TERM", "dumb"),
        ];
        Self { directory, environment, code: 0 }
    }

    /// What a command prints, on standard output and error together. `$?` is the last one's exit code.
    fn run(&mut self, command: &str) -> String {
        let script = format!("exec 2>&1\n(exit {})\n{command}", self.code);
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(std::process::Stdio::null())
            .output()
            .expect("there is a shell");
        self.code = output.status.code().unwrap_or(-1);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Runs the console blocks of a text; the first thing that is not as it says.
fn check(text: &str, place: &mut Place) -> Result<(), String> {
    let steps = steps(text, "console");
    let mut names = Names::default();
    for (step, next) in steps.iter().zip(steps.iter().skip(1).map(Some).chain([None])) {
        let command = names.translate(&step.command);
        let printed = place.run(&command);
        let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
        let at = format!("line {}: `{}`", step.line, step.command);
        if !names.agree_all(&step.expected, &lines) {
            let difference: Vec<String> = similar::TextDiff::from_lines(&step.expected.join("\n"), &lines.join("\n"))
                .iter_all_changes()
                .map(|change| format!("{}{}", change.tag(), change.to_string_lossy().trim_end()))
                .collect();
            return Err(format!("{at} prints something else (- as it says, + as it is):\n{}", difference.join("\n")));
        }
        if place.code != 0 && next.is_none_or(|next| !next.command.contains("$?")) {
            return Err(format!("{at} ended with {} and the text does not show it", place.code));
        }
    }
    Ok(())
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).expect("the README is there")
}

#[test]
fn the_console_blocks_are_true() {
    let (address, _handle) =
        serve_at(Pace { before: Duration::from_millis(50), between: Duration::ZERO }).expect("a free port");
    let mut place = Place::new("readme", &format!("http://{address}/v1"));
    if let Err(problem) = check(&readme(), &mut place) {
        panic!("README.md, {problem}");
    }
}

#[test]
fn the_demo_comes_first_and_the_tests_second() {
    let text = readme();
    let (_, after) = text.split_once("```sh\n").expect("commands");
    let commands: Vec<&str> = after.lines().take(2).collect();
    assert_eq!(commands, ["cargo run -- demo", "cargo test"]);
}

#[test]
fn commands_and_options_that_are_named_exist() {
    let mut place = Place::new("readme-options", "");
    let text = readme();
    let named = Regex::new(r"(?m)(?:`|^\$ )retake ([a-z-]+)([^`\n]*)").expect("a pattern");
    let option = Regex::new(r"(?:^|\s)(--[a-z-]+|-[a-z])\b").expect("a pattern");
    for found in named.captures_iter(&text) {
        let help = place.run(&format!("retake {} --help", &found[1]));
        assert_eq!(place.code, 0, "README.md names `retake {}`: {help}", &found[1]);
        for option in option.captures_iter(&found[2]) {
            assert!(help.contains(&option[1]), "README.md names `retake {}{}`: {help}", &found[1], &found[2]);
        }
    }
    let help = place.run("retake demo --help");
    for option in ["--upstream", "--model"] {
        assert!(!text.contains(option) || help.contains(option), "README.md names `{option}` of the demo: {help}");
    }
}

#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)]+)\)").expect("a pattern");
    for found in link.captures_iter(&readme()) {
        let target = &found[1];
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
        assert!(target.contains("://") || path.exists(), "README.md links to `{target}`");
    }
}

#[test]
fn a_wrong_text_fails() {
    let block = |lines: &str| format!("Text.\n```console\n{lines}\n```\n");
    let mut place = Place::new("readme-wrong", "");
    for (lines, problem) in [
        ("$ echo a\na", ""),
        ("$ echo a; echo b\na", "prints something else"),
        ("$ echo a\nb", "prints something else"),
        ("$ echo a", "prints something else"),
        ("$ printf 'a\\nb\\nc\\n'\n…\nc", ""),
        ("$ printf 'a\\nb\\nc\\n'\n…\nb", "prints something else"),
        ("$ echo took 12ms at 127.0.0.1:81\ntook 1.5s at 127.0.0.1:9999", ""),
        ("$ echo one two three\none … three", ""),
        ("$ echo kmqxpwtz; echo kmqxpwtz\nnrsvlkyo\nnrsvlkyo", ""),
        ("$ echo kmqxpwtz; echo zzzzyyyy\nnrsvlkyo\nnrsvlkyo", "prints something else"),
        ("$ echo kmqxpwtz\nnrsvlkyo\n$ echo nrsv\nkmqx", ""),
        ("$ false", "ended with 1"),
        ("$ false\n$ echo $?\n1", ""),
        ("$ echo a \\\n    b\na b", ""),
        ("$ nosuchprogram\n…", "ended with 127"),
    ] {
        let found = check(&block(lines), &mut place).err().unwrap_or_default();
        assert!(found.contains(problem) && found.is_empty() == problem.is_empty(), "{lines}\n{found}");
    }
}
