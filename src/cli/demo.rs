//! `retake demo`: a small agent inside retake, to try everything on.

use super::{Error, Globals, Kind};

/// Run a small built-in agent to try retake on
///
/// It is recorded, shown, replayed with another prompt, and compared. Its model is a stand-in on
/// 127.0.0.1, so that it needs no key and nothing is sent, unless the environment has a provider's
/// key or `--upstream` names a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Use this server, compatible with `OpenAI`, instead of the stand-in
    #[arg(long, value_name = "URL", requires = "model")]
    pub(crate) upstream: Option<String>,

    /// Use this model; `stand-in` is the one that needs no key
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
}

/// Be the agent that `retake demo` records
#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// `[--provider NAME] [--model NAME] [QUESTION]`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

pub(crate) fn agent(args: &AgentArgs) -> i32 {
    crate::demo::agent(&args.words)
}

pub(crate) fn run(args: &Args, _globals: &Globals) -> Result<i32, Error> {
    let _ = &args.upstream;
    Err(Error::new(Kind::Own, "this build has no demo"))
}
