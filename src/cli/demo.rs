//! `retake demo`: a small agent inside retake, to try everything on.

use super::{Error, Globals, Kind};

/// Run a small built-in agent to try retake on
///
/// Without options it talks to a scripted model on 127.0.0.1: no key, no network.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Talk to this server instead
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
}

pub(crate) fn run(args: &Args, _globals: &Globals) -> Result<i32, Error> {
    let _ = &args.upstream;
    Err(Error::new(Kind::Own, "this build has no demo"))
}
