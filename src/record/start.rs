//! How a run began: what a recording says about its surroundings.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::model::Micros;
use crate::model::event::{Git, Started};

/// How long `git` may take.
const PATIENCE: Duration = Duration::from_millis(700);

/// Describes the start of a command, but for its run's name, upstreams and parent.
#[must_use]
pub fn started(
    at: Micros,
    command: &[String],
    directory: &Path,
    variables: &[(String, String)],
    places: Vec<(String, String)>,
) -> Started {
    let mut names: Vec<String> = variables.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    Started {
        run: None,
        at,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command.to_vec(),
        directory: directory.display().to_string(),
        git: git(directory),
        variables: names,
        terminals: [std::io::stdin().is_terminal(), std::io::stdout().is_terminal(), std::io::stderr().is_terminal()],
        places,
        upstreams: Vec::new(),
        parent: None,
        origin: "record".to_owned(),
    }
}

/// Commit of the directory and whether its tree was clean; `None` outside a repository, without git or
/// if that takes long.
fn git(directory: &Path) -> Option<Git> {
    directory.ancestors().find(|above| above.join(".git").exists())?;
    let directory = directory.to_owned();
    let (sender, receiver) = channel();
    let ask = move || {
        let status = ["status", "--porcelain", "--untracked-files=normal", "--no-renames"];
        let commit = run(&directory, &["rev-parse", "--verify", "HEAD"]);
        let git = commit.map(|commit| {
            let dirty = run(&directory, &status).is_none_or(|changes| !changes.is_empty());
            Git { commit, dirty }
        });
        // Nobody waits any more if it took too long.
        drop(sender.send(git));
    };
    std::thread::Builder::new().name("retake-git".to_owned()).spawn(ask).ok()?;
    receiver.recv_timeout(PATIENCE).ok().flatten()
}

fn run(directory: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    // Without its lock, so that it does not get in the way of the agent's own git.
    git.arg("--no-optional-locks").args(arguments).current_dir(directory);
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
