//! `retake diff`: two runs, node by node.

use super::library::{self, Found};
use super::{Error, Globals, Kind};
use crate::diff::{Report, compare};
use crate::format::json;
use crate::ui::diff as view;

/// Compare two runs node by node
///
/// Without runs: the run that the newest replay came from, and that replay. With one run: the
/// one it came from and it, if it is a replay, else it and its newest replay. Nodes that
/// differ although all that they depend on is equal are causes; the others follow from them.
#[derive(Debug, clap::Args)]
#[command(override_usage = "retake diff [OPTIONS] [RUN] [RUN] [NODE]")]
pub(crate) struct Args {
    /// The runs to compare, and the number of a node to compare in full
    #[arg(value_name = "RUN|NODE", num_args = 0..=3)]
    which: Vec<String>,
    /// Exit with 1 if they differ; with `--quiet` print nothing
    #[arg(long)]
    exit_code: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let is_number = |word: &&String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let node = args.which.last().filter(is_number);
    let runs = &args.which[..args.which.len() - usize::from(node.is_some())];
    let (left, right) = sides(runs, globals)?;
    let report = compare(&left.run, &right.run);
    let code = i32::from(args.exit_code && !report.summary.is_equal());
    if args.exit_code && globals.quiet {
        return Ok(code);
    }
    globals.print(text(&report, &left, &right, node.map(String::as_str), globals)?)?;
    Ok(code)
}

fn text(report: &Report, left: &Found, right: &Found, node: Option<&str>, globals: &Globals) -> Result<String, Error> {
    let Some(selector) = node else {
        return Ok(if globals.json {
            json::diff(report)
        } else {
            view::view(report, &left.run, &right.run, globals.paper())
        });
    };
    let id =
        library::node(&left.run, selector).or_else(|error| library::node(&right.run, selector).map_err(|_| error))?;
    Ok(if globals.json {
        json::diff_of(report, id)
    } else {
        view::pair_view(report, &left.run, &right.run, id, globals.paper()).unwrap_or_default()
    })
}

/// The two runs that are meant.
fn sides(runs: &[String], globals: &Globals) -> Result<(Found, Found), Error> {
    let find = |selector: &str| library::find(selector, globals);
    match runs {
        [left, right] => Ok((find(left)?, find(right)?)),
        [] => {
            let replay = library::summaries(globals)?.into_iter().find(|run| run.started.parent.is_some());
            let Some(replay) = replay else {
                return Err(if library::summaries(globals)?.is_empty() {
                    library::nothing()
                } else {
                    Error::new(Kind::Usage, "there is no replay to compare").hint(MAKE_ONE)
                });
            };
            with_parent(find(replay.id.as_str())?, globals)
        }
        [only] => {
            let found = find(only)?;
            if found.run.started.parent.is_some() {
                return with_parent(found, globals);
            }
            let is_child = |parent: &crate::model::event::Parent| parent.run == found.run.id;
            let replay =
                library::summaries(globals)?.into_iter().find(|run| run.started.parent.as_ref().is_some_and(is_child));
            match replay {
                Some(replay) => {
                    let replay = find(replay.id.as_str())?;
                    Ok((found, replay))
                }
                None => {
                    Err(Error::new(Kind::Usage, format!("run `{}` has no replay to compare it with", found.run.id))
                        .hint(MAKE_ONE))
                }
            }
        }
        _ => Err(Error::new(Kind::Usage, "`retake diff` compares two runs")
            .hint("name the runs and at most a node, as in `retake diff kmqx nrsv 5`")),
    }
}

/// A replay and the run that it came from, that one on the left.
fn with_parent(replay: Found, globals: &Globals) -> Result<(Found, Found), Error> {
    let parent = replay.run.started.parent.as_ref().map(|parent| parent.run.to_string()).unwrap_or_default();
    Ok((library::find(&parent, globals)?, replay))
}

const MAKE_ONE: &str = "make one with `retake replay`";
