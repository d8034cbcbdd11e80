//! `retake replay`: runs a recorded agent again, answered from the recording.

use std::ffi::OsString;

use clap::ValueEnum;

use super::{Error, Globals, Kind, library};

/// Run it again, with changes
///
/// The recorded command runs again and its calls are answered from the recording. Without a
/// change nothing is sent. With one, the changed call is sent and so is what follows from it;
/// everything else is still answered from the recording. What will be sent, and which tools
/// will run again, is said before the start.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run [default: the latest that was recorded]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Change a value of a node (can be repeated)
    #[arg(short, long, value_name = "NODE.PATH=VALUE", help_heading = "Changes")]
    pub(crate) set: Vec<String>,
    /// Change a value of a node to the contents of a file (can be repeated)
    #[arg(long, value_name = "NODE.PATH=FILE", help_heading = "Changes")]
    pub(crate) set_file: Vec<String>,
    /// Edit a node in $EDITOR (can be repeated)
    #[arg(short, long, value_name = "NODE", help_heading = "Changes")]
    pub(crate) edit: Vec<String>,
    /// Use this model for every call that is sent
    #[arg(short, long, value_name = "MODEL", help_heading = "Changes")]
    pub(crate) model: Option<String>,
    /// Change this call only, not the rest of its conversation
    #[arg(long, help_heading = "Changes", conflicts_with = "everywhere")]
    pub(crate) once: bool,
    /// Change every request that carries the replaced part
    #[arg(long, help_heading = "Changes")]
    pub(crate) everywhere: bool,
    /// Send this node and those that depend on it, even if nothing changed
    #[arg(long, value_name = "NODE")]
    pub(crate) from: Option<String>,
    /// When to send a call that the recording cannot answer
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) live: Live,
    /// Send at most this many calls [default: twice the recorded ones]
    #[arg(long, value_name = "N")]
    pub(crate) max_calls: Option<u32>,
    /// Do not compare this field of a request (can be repeated)
    #[arg(long, value_name = "PATH")]
    pub(crate) ignore: Vec<String>,
    /// Let the model see what this tool returns now, not what was recorded (can be repeated)
    #[arg(long = "run", value_name = "TOOL")]
    pub(crate) run_tool: Vec<String>,
    /// Leave the telemetry that SDKs upload switched on
    #[arg(long)]
    pub(crate) keep_telemetry: bool,
    /// Agree that tools with effects run again in the agent's process
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Command to run instead of the recorded one
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<OsString>,
}

/// When a call that the recording cannot answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Live {
    /// Only where a change is the cause, and never where `CI` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let id = match &args.run {
        Some(selector) => library::resolve(selector, globals)?,
        None => library::latest_recorded(globals)?,
    };
    let _ = library::find(id.as_str(), globals)?;
    Err(Error::new(Kind::Own, "this build cannot replay"))
}
