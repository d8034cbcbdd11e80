//! What an agent started: its processes and theirs, told apart from later ones of the same number.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// A process and when it began, in ticks since the machine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pid: u32,
    began: u64,
}

impl Process {
    /// Whether it still runs.
    pub(super) fn is_there(self) -> bool {
        read(self.pid).is_some_and(|(now, _, ended)| now == self && !ended)
    }

    /// Sends it a signal, unless it has ended.
    pub(super) fn send(self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_there()) {
            // It may have ended a moment ago.
            let _ = kill_process(pid, signal);
        }
    }
}

/// All processes below this one; none where the system does not list them in `/proc`.
pub(super) fn of(root: u32) -> Vec<Process> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: Vec<(Process, u32)> = numbers.filter_map(read).map(|(process, parent, _)| (process, parent)).collect();
    let mut known = BTreeSet::from([root]);
    let mut found = Vec::new();
    loop {
        let before = found.len();
        for (process, parent) in &all {
            if known.contains(parent) && known.insert(process.pid) {
                found.push(*process);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// A process, its parent, and whether it has ended and is only not yet waited for.
fn read(pid: u32) -> Option<(Process, u32, bool)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ');
    let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
    let began = fields.nth(17)?.parse().ok()?;
    Some((Process { pid, began }, parent, matches!(state, "Z" | "X")))
}
