//! `retake demo`: a small agent inside retake, to try everything on.

use super::behind::{self, Recording};
use super::{Error, Globals, Kind, replay};
use crate::config;
use crate::demo::{self, Choice, Step, Unusable, stand_in};
use crate::diff::compare;
use crate::format::json;
use crate::model::Run;
use crate::record::{self, Sealed};
use crate::replay::{Options, Wanted};
use crate::text::json::Path;
use crate::ui::{diff as diff_view, run as run_view};
use std::ffi::OsString;

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
    demo::agent(&args.words)
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let choice =
        demo::choose(args.upstream.as_deref(), args.model.as_deref(), &config::variable).map_err(|unusable| {
            let error = Error::new(Kind::Usage, unusable.to_string());
            match unusable {
                Unusable::NoModel(url) => error.hint(format!("name one: `retake demo --upstream {url} --model NAME`")),
                Unusable::NoKey(model) => {
                    error.hint(format!("name a server that has it: `retake demo --upstream URL --model {model}`"))
                }
            }
        })?;
    let (model, _serving) = model(&choice)?;
    let (mut recorded, mut replayed) = (None, None);
    for step in demo::script(&choice) {
        match step {
            Step::Say(lines) => {
                if !globals.quiet && !globals.json {
                    globals.print(lines.join("\n") + "\n")?;
                }
            }
            Step::Record { arguments } => match record(arguments, &model, globals)? {
                (0, run) => recorded = Some(run),
                (code, _) => return Ok(code),
            },
            Step::Show => show(recorded.as_ref().ok_or_else(nothing)?, globals)?,
            Step::Replay { system } => {
                let done = change(&recorded.as_ref().ok_or_else(nothing)?.run, system, &model, globals)?;
                if done.code != 0 {
                    return Ok(done.code);
                }
                replayed = Some(done.run);
            }
            Step::Diff => {
                let left = &recorded.as_ref().ok_or_else(nothing)?.run;
                diff(left, replayed.as_ref().ok_or_else(nothing)?, globals)?;
            }
        }
    }
    Ok(0)
}

/// The upstream that has the model, as `--upstream` takes it, and the stand-in where that is it.
fn model(choice: &Choice) -> Result<(Vec<String>, Option<stand_in::Handle>), Error> {
    let name = choice.provider.name;
    if choice.is_stand_in {
        let (upstream, handle) = serve()?;
        return Ok((vec![upstream], Some(handle)));
    }
    Ok((choice.upstream.iter().map(|url| format!("{name}={url}")).collect(), None))
}

/// Serves the stand-in for as long as the handle lives; the upstream is as `--upstream` takes it.
pub(crate) fn serve() -> Result<(String, stand_in::Handle), Error> {
    let (address, handle) = stand_in::serve()
        .map_err(|error| Error::new(Kind::Failed, "cannot serve the stand-in on 127.0.0.1").cause(&error))?;
    Ok((format!("{}=http://{address}/v1", demo::Provider::OPENAI.name), handle))
}

fn record(arguments: Vec<String>, model: &[String], globals: &Globals) -> Result<(i32, Sealed), Error> {
    let mut command = vec![program()?];
    command.extend(arguments.into_iter().map(OsString::from));
    let recording = Recording { command: &command, upstream: model, redact: &[], tag: None };
    let (code, sealed) = behind::record(&recording, globals)?;
    Ok((code, sealed.ok_or_else(nothing)?))
}

/// This program: its name where the path leads to it by that name, else its file.
fn program() -> Result<OsString, Error> {
    let file = std::env::current_exe()
        .map_err(|error| Error::new(Kind::Failed, "cannot tell where this program is").cause(&error))?;
    let path = config::search_path();
    let typed = std::env::args().next().filter(|name| !name.contains('/'));
    let same = |name: &String| {
        let found = record::find_program(name.as_ref(), std::path::Path::new("/"), &path).ok()?;
        (found.canonicalize().ok()? == file.canonicalize().ok()?).then_some(())
    };
    Ok(typed.filter(|name| same(name).is_some()).map_or(file.into_os_string(), OsString::from))
}

fn show(recorded: &Sealed, globals: &Globals) -> Result<(), Error> {
    globals.print(if globals.json {
        json::whole(&recorded.run, &recorded.summary)
    } else {
        run_view::view(&recorded.run, &recorded.summary, None, globals.paper())
    })
}

/// Replays the run with another system prompt for its last call.
fn change(run: &Run, system: String, model: &[String], globals: &Globals) -> Result<replay::Done, Error> {
    let node = demo::last_call(run).ok_or_else(nothing)?;
    let path = Path::parse("system").map_err(|_| nothing())?;
    let wanted = Wanted { node, path, value: system };
    let request = replay::Request {
        command: run.started.command.iter().map(OsString::from).collect(),
        changes: vec![format!("{}.{}={}", wanted.node, wanted.path, wanted.value)],
        upstream: model.to_vec(),
        yes: true,
        ..replay::Request::default()
    };
    let options = Options { changes: vec![wanted], allow_effects: true, ..Options::default() };
    replay::perform(run.clone(), options, &request, globals)
}

fn diff(left: &Run, right: &Run, globals: &Globals) -> Result<(), Error> {
    let report = compare(left, right);
    globals.print(if globals.json {
        json::diff(&report)
    } else {
        diff_view::view(&report, left, right, globals.paper())
    })
}

fn nothing() -> Error {
    Error::new(Kind::Failed, "the demo's agent was not recorded")
        .hint("name a store that can be written: `retake demo --store DIR`")
}
