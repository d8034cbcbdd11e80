//! The agent's process.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::leash::{Leash, Signals};
use super::program::{self, CannotRun};
use super::streams::{Input, Streams, Tap};

/// How the agent is started.
pub(super) struct Spec<'a> {
    pub(super) command: &'a [OsString],
    pub(super) directory: &'a Path,
    /// Variables that are set for it.
    pub(super) set: &'a [(String, String)],
    /// Variables that it does not get.
    pub(super) unset: &'a [String],
    pub(super) input: Input,
    /// Whether it leads a group of its own: of a run that has no part in the terminal.
    pub(super) apart: bool,
}

/// The running agent.
pub(super) struct Running {
    child: Child,
    leash: Leash,
    signals: Signals,
}

impl Running {
    /// Starts it.
    pub(super) fn start(spec: Spec<'_>, leash: &Leash, tap: &Tap) -> Result<Self, CannotRun> {
        let name = spec.command.first().map(OsString::as_os_str).unwrap_or_default();
        let failed = |error: &std::io::Error| program::failed(name, error);
        let signals = Signals::hand_on(leash);
        let ([input, output, error], jobs) =
            Streams::new(spec.input, tap).map_err(|error| failed(&error))?.into_parts();
        let mut command = Command::new(name);
        command.args(&spec.command[1.min(spec.command.len())..]).current_dir(spec.directory);
        command.stdin(input).stdout(output).stderr(error);
        for variable in spec.unset {
            command.env_remove(variable);
        }
        command.envs(spec.set.iter().map(|(name, value)| (name, value)));
        if spec.apart {
            command.process_group(0);
        }
        let child = command.spawn().map_err(|error| failed(&error))?;
        leash.hold(child.id(), spec.apart);
        // It holds the agent's ends of the pipes, which would never end.
        drop(command);
        Streams::serve(jobs);
        Ok(Self { child, leash: leash.clone(), signals })
    }

    /// Number of the process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; returns its exit code, or 128 and the signal that ended it. Signals still do not end
    /// this process while what is returned with it lives.
    pub(super) fn wait(mut self) -> (i32, Signals) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
        }
        self.leash.release();
        let status = self.child.wait().ok();
        self.leash.settle();
        let code = status.and_then(|status| status.code().or_else(|| status.signal().map(|signal| 128 + signal)));
        (code.unwrap_or(1), self.signals)
    }
}
