//! Where the store is.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::settings::FILE;
use super::variable;

/// The directory of a project's store.
const PROJECT: &str = ".retake";

/// Where a store is, and why there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Where `--store` or `RETAKE_STORE` says.
    Given(PathBuf),
    /// `.retake` of a project.
    Project(PathBuf),
    /// The user's own store.
    User(PathBuf),
}

impl Location {
    /// The store's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Given(path) | Self::Project(path) | Self::User(path) => path,
        }
    }

    /// Makes the directory, for its owner alone; a project's ignores itself in git.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make(&self) -> io::Result<()> {
        let path = self.path();
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if let Self::Project(_) = self {
            let ignore = path.join(".gitignore");
            if !ignore.exists() {
                fs::write(ignore, "*\n")?;
            }
        }
        Ok(())
    }
}

/// The store that a new run goes to: the given one, else `.retake` beside the nearest `retake.toml`, `.git` or
/// `.retake` at or above `directory`, else the user's.
#[must_use]
pub fn store_to_write(given: Option<&Path>, directory: &Path) -> Location {
    pick(given, directory, &|above| [PROJECT, FILE, ".git"].iter().any(|name| above.join(name).exists()))
}

/// The store to look into: the given one, else the nearest `.retake` at or above `directory`, else the user's.
#[must_use]
pub fn store_to_read(given: Option<&Path>, directory: &Path) -> Location {
    pick(given, directory, &|above| above.join(PROJECT).is_dir())
}

fn pick(given: Option<&Path>, directory: &Path, is_project: &dyn Fn(&Path) -> bool) -> Location {
    let named = || variable("RETAKE_STORE").filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = given.map(Path::to_path_buf).or_else(named) {
        return Location::Given(directory.join(path));
    }
    match directory.ancestors().find(|above| is_project(above)) {
        Some(project) => Location::Project(project.join(PROJECT)),
        None => Location::User(users(directory, cfg!(target_os = "macos"), &variable)),
    }
}

fn users(directory: &Path, mac: bool, variable: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME").unwrap_or_else(|| directory.to_path_buf());
    match absolute("XDG_DATA_HOME") {
        Some(data) => data.join("retake"),
        None if mac => home().join("Library/Application Support/retake"),
        None => home().join(".local/share/retake"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::tests::Scratch;

    #[test]
    fn a_project_keeps_its_runs() {
        let scratch = Scratch::new("store");
        let project = scratch.path().join("project");
        let inner = project.join("a/b");
        fs::create_dir_all(&inner).expect("a directory");
        fs::create_dir(project.join(".git")).expect("a directory");

        let location = store_to_write(None, &inner);
        assert_eq!(location, Location::Project(project.join(".retake")));
        assert_ne!(store_to_read(None, &inner), location);
        location.make().expect("it can be made");
        location.make().expect("it can be made again");
        assert_eq!(store_to_read(None, &inner), location);
        assert_eq!(fs::read_to_string(project.join(".retake/.gitignore")).expect("a file"), "*\n");
        let mode = fs::metadata(project.join(".retake")).expect("a directory").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);

        fs::write(inner.join(FILE), "").expect("a file");
        assert_eq!(store_to_write(None, &inner).path(), inner.join(".retake"));
        assert_eq!(store_to_read(None, &inner), location);
    }

    #[test]
    fn the_user_has_the_last_word() {
        let given = store_to_write(Some(Path::new("there")), Path::new("/here"));
        assert_eq!(given, Location::Given(PathBuf::from("/here/there")));
    }

    #[test]
    fn the_users_store_follows_the_system() {
        let check = |mac, variables: &[(&str, &str)], expected: &str| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(users(Path::new("/here"), mac, &variable), Path::new(expected));
        };
        check(false, &[("HOME", "/home/u")], "/home/u/.local/share/retake");
        check(true, &[("HOME", "/Users/u")], "/Users/u/Library/Application Support/retake");
        check(true, &[("HOME", "/Users/u"), ("XDG_DATA_HOME", "/data")], "/data/retake");
        check(false, &[("XDG_DATA_HOME", "data")], "/here/.local/share/retake");
    }
}
