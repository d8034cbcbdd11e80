//! `retake tag`: names for runs.

use super::{Error, Globals, Kind, library};
use crate::config;

/// Name a run
///
/// A tag stands for its run wherever a run can be named. One that is given again moves.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Args {
    /// The run
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// The name
    #[arg(value_name = "NAME", required = true)]
    name: String,
    /// Remove the name instead
    #[arg(short, long)]
    delete: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let name = &args.name;
    if args.delete {
        let id = library::resolve(name, globals)?;
        let had = library::open(globals)?.untag(&id, name, config::now()).map_err(|error| library::failed(&error))?;
        if !had {
            return Err(Error::new(Kind::Usage, format!("no run is tagged `{name}`")).hint("list the runs with `retake ls`"));
        }
        return Ok(0);
    }
    if let Some(why) = wrong(name) {
        return Err(Error::new(Kind::Usage, format!("`{name}` cannot be a tag: {why}")));
    }
    let id = library::resolve(&args.run, globals)?;
    library::open(globals)?.tag(&id, name, config::now()).map_err(|error| library::failed(&error))?;
    globals.note(&format!("tagged {id} as `{name}`"));
    Ok(0)
}

/// What would make a name mean something else where a run is expected.
fn wrong(name: &str) -> Option<&'static str> {
    let selectors = ['~', ':', '/', '\\'];
    if name.is_empty() || name.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        Some("it is empty, or has spaces")
    } else if name.contains(selectors) {
        Some("`~`, `:` and slashes have a meaning where a run is named")
    } else if name == "latest" || name.bytes().all(|byte| byte.is_ascii_digit()) {
        Some("it already means something where a run is named")
    } else if name.starts_with('-') {
        Some("it would be read as an option")
    } else {
        None
    }
}
