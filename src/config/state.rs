//! What is the user's own and in no project: a secret key, and which hosts projects may send calls to.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::variable;
use crate::text::json::{Json, quote};

/// Hosts that are agreed to for this process, separated by commas: for machines that nobody sits at.
const TRUST: &str = "RETAKE_TRUST";

/// An upstream of a project's `retake.toml` that the user agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The folder of the `retake.toml`.
    pub project: PathBuf,
    /// The provider.
    pub provider: String,
    /// Scheme, host and port.
    pub origin: String,
}

/// The user's folder for state, `$XDG_STATE_HOME/retake`; `None` where there is no home.
fn folder() -> Option<PathBuf> {
    of(cfg!(target_os = "macos"), &variable)
}

fn of(mac: bool, variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    match absolute("XDG_STATE_HOME") {
        Some(state) => Some(state.join("retake")),
        None if mac => Some(absolute("HOME")?.join("Library/Application Support/retake/state")),
        None => Some(absolute("HOME")?.join(".local/state/retake")),
    }
}

/// The user's secret, made where there is none yet: what carries a mark of it was made by this user here.
///
/// `None` where it can be neither read nor made.
#[must_use]
pub fn secret() -> Option<[u8; 32]> {
    secret_in(&folder()?)
}

fn secret_in(folder: &Path) -> Option<[u8; 32]> {
    let path = folder.join("key");
    let read = || <[u8; 32]>::try_from(fs::read(&path).ok()?).ok();
    read().or_else(|| {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
        let mut key = [0; 32];
        fs::File::open("/dev/urandom").and_then(|mut chance| chance.read_exact(&mut key)).ok()?;
        let new = folder.join(format!("key-{}", std::process::id()));
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
        written.and_then(|mut file| file.write_all(&key)).ok()?;
        // Of several that make one at once the first wins, and none reads half of one.
        let _ = fs::hard_link(&new, &path);
        let _ = fs::remove_file(&new);
        read()
    })
}

/// Whether the user agreed that a project's calls go there.
#[must_use]
pub fn is_agreed(wanted: &Agreed) -> bool {
    let host = wanted.origin.split_once("://").map_or(wanted.origin.as_str(), |(_, host)| host);
    let for_now = variable(TRUST).unwrap_or_default();
    for_now.split(',').map(str::trim).any(|named| named == host || named == wanted.origin)
        || folder().is_some_and(|folder| agreed_in(&folder).contains(wanted))
}

/// Remembers that the user agrees.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::NotFound`] where there is no home.
pub fn agree(agreed: &Agreed) -> io::Result<()> {
    let folder = folder().ok_or(io::ErrorKind::NotFound)?;
    agree_in(&folder, agreed)
}

fn agree_in(folder: &Path, agreed: &Agreed) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = quote(&agreed.project.to_string_lossy());
    let line = format!("[{path},{},{}]\n", quote(&agreed.provider), quote(&agreed.origin));
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(folder.join("trusted"))?;
    file.write_all(line.as_bytes())
}

fn agreed_in(folder: &Path) -> Vec<Agreed> {
    let text = fs::read_to_string(folder.join("trusted")).unwrap_or_default();
    let read = |line: &str| {
        let line = Json::parse_text(line).ok()?;
        let part = |place: usize| Some(line.root().at(place)?.as_str()?.into_owned());
        Some(Agreed { project: part(0)?.into(), provider: part(1)?, origin: part(2)? })
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::tests::Scratch;

    #[test]
    fn the_secret_is_made_once_and_is_the_users_alone() {
        let scratch = Scratch::new("secret");
        let folder = scratch.path().join("state/retake");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let made: Vec<_> = (0..8).map(|_| scope.spawn(|| secret_in(&folder))).collect();
            made.into_iter().map(|made| made.join().expect("it does not panic")).collect()
        });
        let key = secret_in(&folder).expect("there is one");
        assert!(keys.iter().flatten().all(|known| *known == key) && keys.iter().flatten().count() > 0);
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("key"))), (0o700, 0o600));
        assert_ne!(secret_in(&scratch.path().join("other")), Some(key));
        assert_eq!(secret_in(Path::new("/dev/null/x")), None);
    }

    #[test]
    fn what_was_agreed_to_is_one_project_provider_and_host() {
        let scratch = Scratch::new("trusted");
        let agreed = |project: &str, provider: &str, origin: &str| Agreed {
            project: project.into(),
            provider: provider.to_owned(),
            origin: origin.to_owned(),
        };
        let one = agreed("/a b\n\"c", "openai", "https://h.example");
        agree_in(scratch.path(), &one).expect("it is written");
        agree_in(scratch.path(), &agreed("/d", "x", "http://127.0.0.1:1")).expect("it is written");
        let known = agreed_in(scratch.path());
        assert_eq!(known.len(), 2);
        assert!(known.contains(&one));
        for other in [
            agreed("/a", "openai", "https://h.example"),
            agreed("/d", "x", "http://127.0.0.1:2"),
            agreed("/d", "y", "http://127.0.0.1:1"),
        ] {
            assert!(!known.contains(&other));
        }
        fs::write(scratch.path().join("trusted"), "[\n{}\n[1,2,3]\n").expect("it is written");
        assert!(agreed_in(scratch.path()).is_empty());
    }

    #[test]
    fn the_folder_follows_the_system() {
        let check = |mac, variables: &[(&str, &str)], expected: Option<&str>| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(of(mac, &variable), expected.map(PathBuf::from));
        };
        check(false, &[("HOME", "/home/u")], Some("/home/u/.local/state/retake"));
        check(false, &[("HOME", "/home/u"), ("XDG_STATE_HOME", "/s")], Some("/s/retake"));
        check(true, &[("HOME", "/Users/u")], Some("/Users/u/Library/Application Support/retake/state"));
        check(false, &[("HOME", "u")], None);
    }
}
