//! `retake record`: runs a command and records its calls.

use std::ffi::OsString;

use super::behind::{self, Recording};
use super::{Error, Globals};

/// Run a command and record its model calls and tools
///
/// The command runs unchanged: its output, input and exit code pass through. Model calls are
/// recorded by a proxy on 127.0.0.1 whose address is put in the environment variables that
/// the common SDKs read. A failure to record never stops the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name the run
    #[arg(short, long, value_name = "NAME")]
    pub(crate) tag: Option<String>,
    /// Send a provider's calls to this URL (can be repeated)
    #[arg(long, value_name = "PROVIDER=URL")]
    pub(crate) upstream: Vec<String>,
    /// Do not record the values of these headers, query parameters or JSON fields (can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) redact: Vec<String>,
    /// The command to run
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let recording =
        Recording { command: &args.command, upstream: &args.upstream, redact: &args.redact, tag: args.tag.as_deref() };
    behind::record(&recording, globals).map(|(code, _)| code)
}
