//! Processes that come from the agent, also those that have left its tree: the address of the listener is in
//! their environment.
//!
//! On Linux `/proc` is read; elsewhere none are found. Who cleared its environment is not found either, and
//! does not know the listener.

use std::fs;

/// A process that comes from the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Its number.
    pub(super) id: u32,
    /// Name of its program, as the system cuts it.
    pub(super) name: String,
}

impl std::fmt::Display for Process {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` (process {})", self.name, self.id)
    }
}

/// Processes that were given this `RETAKE_URL`.
pub(super) fn with(url: &str) -> Vec<Process> {
    let entry = format!("RETAKE_URL={url}");
    let mut found: Vec<Process> = numbers()
        .filter(|id| {
            // Nothing can be read of a process that has ended, nor of one of another user.
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|word| word == entry.as_bytes())
        })
        .map(|id| Process { id, name: name(id) })
        .collect();
    found.sort_by_key(|process| process.id);
    found
}

fn numbers() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn name(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_known_by_its_environment() {
        let start = |url: &str| {
            let mut command = Command::new("cat");
            command.env("RETAKE_URL", url).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
        };
        let (mut own, mut other) = (start("http://127.0.0.1:1/abc/retake"), start("http://127.0.0.1:1/abcd/retake"));
        let found = with("http://127.0.0.1:1/abc/retake");
        assert_eq!(found, [Process { id: own.id(), name: "cat".to_owned() }]);
        for child in [&mut own, &mut other] {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
        assert!(with("http://127.0.0.1:1/abc/retake").is_empty());
    }
}
