//! `retake show`: a run as a graph, a node in full, or the bytes of a call.

use clap::ValueEnum;

use super::{Error, Globals, Kind, library};
use crate::config::Settings;
use crate::format::json;
use crate::model::{Detail, NodeId, Run};
use crate::replay;
use crate::ui::{node, raw, run};

/// Show a run as a graph, or one node in full
///
/// A node is RUN:NODE, where NODE is its number or its name; a number alone is a node of the
/// latest run. Long texts are cut on a terminal and whole in a pipe.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run, the node, or a recording file
    #[arg(value_name = "RUN[:NODE]", default_value = "latest")]
    target: String,
    /// Print one side of a node's call as it went over the wire, headers first
    #[arg(long, value_name = "SIDE")]
    raw: Option<Side>,
    /// Print what the agent wrote to its standard output
    #[arg(long, conflicts_with = "raw")]
    output: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// What the agent asked
    Request,
    /// What was sent, where a replay changed it
    Sent,
    /// What the agent got
    Response,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let (selector, place) = library::split(&args.target);
    let found = library::find(selector, globals)?;
    let node = place.map(|place| library::node(&found.run, place)).transpose()?;
    if args.output {
        print_bytes(&raw::output(&found.run, 1), globals)?;
        return Ok(0);
    }
    if let Some(side) = args.raw {
        let node = node.ok_or_else(|| {
            Error::new(Kind::Usage, "`--raw` needs a node")
                .hint(format!("name one, as in `retake show {}:1 --raw request`", found.run.id))
        })?;
        print_bytes(&side_of(&found.run, node, side)?, globals)?;
        return Ok(0);
    }
    match node {
        Some(id) if globals.json => globals.print(json::node_in_full(&found.run, id).unwrap_or_default())?,
        Some(id) => globals.print(node::view(&found.run, id, globals.paper()).unwrap_or_default())?,
        None if globals.json => globals.print(json::whole(&found.run, &found.summary))?,
        None => {
            let verdict = verdict(&found);
            globals.print(run::view(&found.run, &found.summary, verdict.as_deref(), globals.paper()))?;
            if found.run.graph.is_empty() && !library::is_running(&found.summary) {
                globals.hint("see which variables lead calls to retake with `retake help environment`");
            }
        }
    }
    Ok(0)
}

/// How replayable a recorded run is; a replay has a grade of its own.
fn verdict(found: &library::Found) -> Option<String> {
    let recorded = found.run.started.parent.is_none() && !found.run.graph.is_empty();
    (recorded && !library::is_running(&found.summary)).then(|| {
        // A settings file that is not right is for the commands to say that need it.
        let settings = Settings::load(std::path::Path::new(".")).unwrap_or_default();
        replay::gradeable(&found.run, &settings).line()
    })
}

fn side_of(run: &Run, id: NodeId, side: Side) -> Result<Vec<u8>, Error> {
    let node = run.graph.node(id);
    let Some(call) = node.and_then(|node| node.seq).and_then(|seq| run.calls.get(&seq)) else {
        let error = Error::new(Kind::Usage, format!("node {id} was no call on the wire, it has no bytes of its own"));
        let seen_in = node.and_then(|node| match &node.detail {
            Detail::Tool(tool) => tool.seen_in,
            _ => None,
        });
        let reader = run.graph.nodes().find(|node| seen_in.is_some() && node.seq == seen_in);
        return Err(match reader {
            Some(reader) => error.hint(format!(
                "its result stands in the request of node {0}: `retake show {1}:{0} --raw request`",
                reader.id, run.id
            )),
            None => error,
        });
    };
    let wanted = match side {
        Side::Request => raw::Side::Request,
        Side::Sent => raw::Side::Sent,
        Side::Response => raw::Side::Response,
    };
    raw::bytes(call, wanted).ok_or_else(|| Error::new(Kind::Usage, format!("node {id} got no answer")))
}

/// Bytes as they are into a pipe, escaped on a terminal.
fn print_bytes(bytes: &[u8], globals: &Globals) -> Result<(), Error> {
    if globals.paper().width.is_some() { globals.print(raw::shown(bytes)) } else { globals.print(bytes) }
}
