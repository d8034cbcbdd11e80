//! The folder of snapshots: for each workflow what it says, its recording as text, and what waits for review.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder's name, beside `retake.toml`.
const NAME: &str = "snapshots";

/// A folder of snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

/// What waits for review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The workflow.
    pub name: String,
    /// What its run says now.
    pub snapshot: PathBuf,
    /// The recording that goes with it; `None` where a call had no answer, so that it cannot be accepted.
    pub recording: Option<PathBuf>,
}

impl Folder {
    /// The folder of a project.
    #[must_use]
    pub fn of(project: &Path) -> Self {
        Self { path: project.join(NAME) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a workflow's run says.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.snap"))
    }

    /// Its recording as text.
    #[must_use]
    pub fn recording(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.jsonl"))
    }

    /// Writes snapshot and recording of a workflow, and takes away what waited for review.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, name: &str, snapshot: &str, recording: &str) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        // The recording first: a snapshot without it says nothing that can be tested.
        replace(&self.recording(name), recording)?;
        replace(&self.snapshot(name), snapshot)?;
        self.reject(name)
    }

    /// Writes what a workflow's run says, and nothing else.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_snapshot(&self, name: &str, snapshot: &str) -> io::Result<()> {
        replace(&self.snapshot(name), snapshot)
    }

    /// A recording that waits without its snapshot: somebody accepted or rejected that elsewhere.
    #[must_use]
    pub fn left_over(&self, name: &str) -> Option<PathBuf> {
        let recording = new(&self.recording(name));
        (recording.is_file() && !new(&self.snapshot(name)).is_file()).then_some(recording)
    }

    /// Puts aside what a workflow's run says now, and the recording that goes with it if there is one.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn put_aside(&self, name: &str, snapshot: &str, recording: Option<&str>) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let waiting = new(&self.recording(name));
        match recording {
            Some(recording) => replace(&waiting, recording)?,
            None => remove(&waiting)?,
        }
        replace(&new(&self.snapshot(name)), snapshot)
    }

    /// All that waits for review, by name.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn pending(&self) -> io::Result<Vec<Pending>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".snap.new"));
            if let Some(name) = name {
                let recording = Some(new(&self.recording(name))).filter(|path| path.is_file());
                found.push(Pending { name: name.to_owned(), snapshot: path, recording });
            }
        }
        found.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(found)
    }

    /// Takes away what waits.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn reject(&self, name: &str) -> io::Result<()> {
        remove(&new(&self.snapshot(name)))?;
        remove(&new(&self.recording(name)))
    }
}

fn new(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(".part");
    let hidden = PathBuf::from(hidden);
    fs::write(&hidden, text)?;
    fs::rename(&hidden, path)
}
