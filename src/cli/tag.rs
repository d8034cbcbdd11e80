//! `retake tag`: names for runs.

use super::{Error, Globals, Kind, library};
use crate::config;
use crate::text::units::count;

/// Name a run
///
/// A tag stands for its run wherever a run can be named, as long as only one has it.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Args {
    /// The run [default: latest]
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// The name
    #[arg(value_name = "NAME", required = true)]
    name: String,
    /// Remove the name instead, from all runs if none is given
    #[arg(short, long)]
    delete: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let name = &args.name;
    if args.delete {
        return delete(args, globals);
    }
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::new(Kind::Usage, format!("`{name}` cannot be a tag: a number means a node")));
    }
    let id = library::resolve(args.run.as_deref().unwrap_or("latest"), globals)?;
    library::open(globals)?.tag(&id, name, config::now()).map_err(|error| library::failed(&error))?;
    globals.note(&format!("tagged {id} as `{name}`"));
    Ok(0)
}

fn delete(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let name = &args.name;
    let tagged = library::summaries(globals)?.into_iter().filter(|run| run.tags.contains(name)).map(|run| run.id);
    let runs = match &args.run {
        Some(selector) => vec![library::resolve(selector, globals)?],
        None => tagged.collect(),
    };
    let store = library::open(globals)?;
    let mut gone = 0;
    for run in &runs {
        gone += usize::from(store.untag(run, name, config::now()).map_err(|error| library::failed(&error))?);
    }
    if gone == 0 {
        return Err(Error::new(Kind::Usage, format!("no such run has the tag `{name}`"))
            .hint("list runs and their tags with `retake ls`"));
    }
    globals.note(&format!("removed the tag `{name}` from {}", count(gone, "run")));
    Ok(0)
}
