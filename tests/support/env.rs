//! A world of its own for the built program: environment, home, store, clock and names.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::output;

/// Where the program runs: nothing of the machine is seen but the system's own programs.
pub(crate) struct TestEnv {
    root: PathBuf,
    variables: Vec<(String, String)>,
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
        Self { root, variables: Vec::new() }
    }

    /// The working directory.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The store's directory.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Sets a variable for all that runs from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::write(&path, content).expect("a file can be written");
        path
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
            .env("RETAKE_TEST_CLOCK", super::runs::BEGIN.to_string())
            .env("RETAKE_TEST_SEED", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program and returns its output, its errors and its exit code as one text.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> String {
        let ran = self.command().args(arguments).output().expect("the program was built");
        self.hide(&output::whole(&ran))
    }

    /// The text with the paths of this world replaced.
    fn hide(&self, text: &str) -> String {
        text.replace(&*self.root.to_string_lossy(), "[root]")
    }

    /// The root of this world.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
