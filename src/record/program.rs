//! Finding the program that is to be run, and saying what is wrong if there is none.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Why a command cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot run `{program}`: {reason}")]
pub struct CannotRun {
    /// The program as it was given.
    pub program: String,
    /// Why.
    pub reason: String,
    /// 127 if it is not there, 126 if it cannot be executed, as shells have it.
    pub code: i32,
    /// A program with a similar name.
    pub similar: Option<String>,
}

/// Finds a program as the system does.
///
/// # Errors
/// It is not there, or not executable.
pub fn find(program: &OsStr, directory: &Path, path: &OsStr) -> Result<PathBuf, CannotRun> {
    let named = program.to_string_lossy();
    let fail = |code, reason: &str, similar| {
        Err(CannotRun { program: named.clone().into_owned(), reason: reason.to_owned(), code, similar })
    };
    if named.contains('/') {
        let file = directory.join(program);
        return match fs::metadata(&file) {
            Ok(found) if found.is_dir() => fail(126, "it is a directory", None),
            Ok(found) if found.permissions().mode() & 0o111 == 0 => fail(126, "it is not executable", None),
            Ok(_) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => fail(126, "permission denied", None),
            Err(_) => fail(127, "not found", None),
        };
    }
    let mut not_executable = false;
    for folder in std::env::split_paths(path) {
        let file = directory.join(folder).join(program);
        match fs::metadata(&file) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(file),
            Ok(found) => not_executable |= found.is_file(),
            Err(_) => {}
        }
    }
    if not_executable {
        return fail(126, "it is not executable", None);
    }
    fail(127, "not found", similar(&named, path))
}

/// What starting a program that was found failed with.
pub(super) fn failed(program: &OsStr, error: &io::Error) -> CannotRun {
    let (code, reason) = match error.kind() {
        // The file is there, so it is what its first line names that is not.
        io::ErrorKind::NotFound => (127, "the interpreter that its first line names is not there".to_owned()),
        io::ErrorKind::PermissionDenied => (126, "permission denied".to_owned()),
        _ => (126, crate::proxy::reason(error)),
    };
    CannotRun { program: program.to_string_lossy().into_owned(), reason, code, similar: None }
}

/// The program on the path whose name is nearest.
fn similar(program: &str, path: &OsStr) -> Option<String> {
    let most = if program.chars().count() < 4 { 1 } else { 2 };
    let folders = std::env::split_paths(path).filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let names = folders.filter_map(|file| file.file_name().into_string().ok());
    let near = names.map(|name| (distance(program, &name), name)).filter(|(distance, _)| *distance <= most);
    near.min().map(|(_, name)| name)
}

/// How many letters must be put in, taken out, exchanged or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > 2 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let exchanged = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = exchanged.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in
            [("pyton", "python", 1), ("pyhton", "python", 1), ("node", "node", 0), ("ab", "cd", 2)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn what_cannot_be_run() {
        let here = Path::new("/");
        let find = |program: &str, path: &str| find(program.as_ref(), here, path.as_ref());
        assert_eq!(find("sh", "/nowhere:/bin").unwrap(), Path::new("/bin/sh"));
        let missing = find("shh", "/bin").unwrap_err();
        assert_eq!((missing.code, missing.to_string()), (127, "cannot run `shh`: not found".to_owned()));
        assert_eq!(missing.similar.as_deref(), Some("sh"));
        assert_eq!(find("/bin", "").unwrap_err().code, 126);
        assert_eq!(find("/etc/passwd", "").unwrap_err().code, 126);
        assert_eq!(find("etc/passwords", "").unwrap_err().code, 127);
    }
}
