//! `retake diff`: two runs, node by node.

use super::{Error, Globals, Kind, library};

/// Compare two runs node by node
///
/// Without runs: the newest replay and the run it came from. With one: that replay and the
/// run it came from, or that run and its newest replay.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The first run
    #[arg(value_name = "RUN")]
    left: Option<String>,
    /// The second run
    #[arg(value_name = "RUN")]
    right: Option<String>,
    /// Show this node's differences in full
    #[arg(value_name = "NODE")]
    node: Option<String>,
    /// Exit with 1 if they differ
    #[arg(long)]
    exit_code: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let _ = (args, globals, library::root);
    Err(Error::new(Kind::Failed, "stub"))
}
