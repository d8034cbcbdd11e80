//! `retake trust`: agrees to where a project's `retake.toml` sends calls.

use super::behind::Surroundings;
use super::{Error, Globals, Kind};
use crate::config;
use crate::text::escape::one_line;

/// Agree to the upstreams of this project
///
/// A `retake.toml` may say where the calls of a provider go, and your key goes with them; so an upstream in it is used
/// only after you agreed to its host, once for each project. Lists what is agreed to now. On a machine that nobody sits
/// at, name the hosts in `RETAKE_TRUST` instead.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// List the upstreams and whether they are agreed to, and change nothing
    #[arg(short, long)]
    list: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let around = Surroundings::here()?;
    let mut out = String::new();
    for (wanted, url) in around.project_upstreams() {
        let agreed = config::is_agreed(&wanted);
        if !agreed && !args.list {
            config::agree(&wanted).map_err(|error| {
                Error::new(Kind::Failed, "cannot remember that you agree")
                    .cause(&error)
                    .hint("name the host in the environment: `RETAKE_TRUST=HOST`")
            })?;
        }
        let word = if agreed || !args.list { "agreed" } else { "not agreed" };
        out += &format!("{}  {}  {word}\n", one_line(&wanted.provider), one_line(&url));
    }
    if out.is_empty() {
        globals.note("no `retake.toml` here names an upstream");
    }
    globals.print(out)?;
    Ok(0)
}
