//! `retake replay`: runs a recorded agent again, answered from the recording.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::behind::{self, Surroundings};
use super::{Error, Globals, Kind, demo, edit, library, origin};
use crate::config::{Policy, Settings, Tier};
use crate::demo::is_stand_in;
use crate::demo::stand_in::Handle;
use crate::format::json;
use crate::model::event::{Seq, Started};
use crate::model::{NodeId, Run, RunId};
use crate::record::{self, Input};
use crate::replay::effects::{self, Effect};
use crate::replay::{self, Job, Loose, Options, Plan, Scope, Wanted};
use crate::text::escape::{command as shell_command, one_line};
use crate::text::json::Path;
use crate::ui::streams;

/// Run it again, with changes
///
/// The recorded command runs again and its calls are answered from the recording. Without a
/// change nothing is sent. With one, the changed call is sent and so is what follows from it;
/// everything else is still answered from the recording. What will be sent, and which tools
/// will run again, is said before the start.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// The run [default: the latest that was recorded]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Change a value of a node (can be repeated)
    #[arg(short, long, value_name = "NODE.PATH=VALUE", help_heading = "Changes")]
    pub(crate) set: Vec<String>,
    /// Change a value of a node to the contents of a file (can be repeated)
    #[arg(long, value_name = "NODE.PATH=FILE", help_heading = "Changes")]
    pub(crate) set_file: Vec<String>,
    /// Edit a node in $EDITOR (can be repeated)
    #[arg(short, long, value_name = "NODE", help_heading = "Changes")]
    pub(crate) edit: Vec<String>,
    /// Use this model for every call that is sent
    #[arg(short, long, value_name = "MODEL", help_heading = "Changes")]
    pub(crate) model: Option<String>,
    /// Change this call only, not the rest of its conversation
    #[arg(long, help_heading = "Changes", conflicts_with = "everywhere")]
    pub(crate) once: bool,
    /// Change every request that carries the replaced part
    #[arg(long, help_heading = "Changes")]
    pub(crate) everywhere: bool,
    /// Send this node and those that depend on it, even if nothing changed
    #[arg(long, value_name = "NODE")]
    pub(crate) from: Option<String>,
    /// When to send a call that the recording cannot answer
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) live: Live,
    /// Send at most this many calls [default: twice the recorded ones]
    #[arg(long, value_name = "N")]
    pub(crate) max_calls: Option<u32>,
    /// Do not compare this field of a request (can be repeated)
    #[arg(long, value_name = "PATH")]
    pub(crate) ignore: Vec<String>,
    /// Let the model see what this tool returns now, not what was recorded (can be repeated)
    #[arg(long = "run", value_name = "TOOL")]
    pub(crate) run_tool: Vec<String>,
    /// Keep the pauses of the recording
    #[arg(long)]
    pub(crate) pace: bool,
    /// Leave the telemetry that SDKs upload switched on
    #[arg(long)]
    pub(crate) keep_telemetry: bool,
    /// Agree that tools with effects run again in the agent's process
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Let `--set` send fields and values that the provider does not document
    #[arg(long)]
    pub(crate) force: bool,
    /// Command to run instead of the recorded one
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<OsString>,
}

/// When a call that the recording cannot answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Live {
    /// Only where a change is the cause
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let (id, done) = again(args, false, globals)?;
    if done.sent > 0 && done.code == 0 {
        globals.hint(&format!("compare them with `retake diff {id} {}`", done.run.id));
    }
    Ok(done.code)
}

/// Runs a recording again; returns its name and what became of it. `mute` keeps the agent's own output to the
/// recording.
pub(crate) fn again(args: &Args, mute: bool, globals: &Globals) -> Result<(RunId, Done), Error> {
    let selector = match &args.run {
        Some(selector) => selector.clone(),
        None => library::latest_recorded(globals)?.to_string(),
    };
    let (found, imported) = library::find_with_origin(&selector, globals)?;
    if library::is_running(&found.summary) {
        return Err(Error::new(Kind::Usage, format!("run `{}` is still being recorded", found.run.id)));
    }
    let command = command(&args.command, "replay", &found.run, imported)?;
    let options = options(args, &found.run)?;
    let changes = said(args, &options);
    let (upstream, _serving) = stand_in(&found.run, imported)?;
    let request = Request {
        command,
        changes,
        upstream,
        imported,
        keep_telemetry: args.keep_telemetry,
        pace: args.pace,
        yes: args.yes,
        mute,
        ..Request::default()
    };
    let id = found.run.id.clone();
    let done = perform(found.run, options, &request, globals)?;
    Ok((id, done))
}

/// What the demo's runs need: their stand-in, served again.
pub(crate) fn stand_in(run: &Run, imported: bool) -> Result<(Vec<String>, Option<Handle>), Error> {
    if imported || !is_stand_in(&run.started) {
        return Ok((Vec::new(), None));
    }
    let (upstream, handle) = demo::serve()?;
    Ok((vec![upstream], Some(handle)))
}

/// What is run again, besides the plan.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) command: Vec<OsString>,
    /// Changes and options as they would be typed.
    pub(crate) changes: Vec<String>,
    /// `PROVIDER=URL`, before all that the environment and the recording say.
    pub(crate) upstream: Vec<String>,
    pub(crate) imported: bool,
    pub(crate) keep_telemetry: bool,
    pub(crate) pace: bool,
    pub(crate) yes: bool,
    /// Whether only the recording sees the agent's output, and retake says nothing but what it must.
    pub(crate) mute: bool,
    /// Whether the tools that run again were agreed to before.
    pub(crate) agreed: bool,
    /// Where it runs, if not here.
    pub(crate) directory: Option<PathBuf>,
    /// When the agent is ended.
    pub(crate) timeout: Option<Duration>,
}

/// What became of a replay.
pub(crate) struct Done {
    pub(crate) code: i32,
    /// How many calls were sent.
    pub(crate) sent: usize,
    /// Whether the agent was ended because it took too long.
    pub(crate) timed_out: bool,
    /// The grade line.
    pub(crate) line: String,
    pub(crate) run: Run,
    /// For each refused request the recorded call that is nearest to it.
    pub(crate) nearest: BTreeMap<Seq, NodeId>,
    /// Approximations that were made.
    pub(crate) loose: Loose,
}

/// The command: the given one, else the recorded one; a stranger's is never run unasked.
pub(crate) fn command(given: &[OsString], verb: &str, run: &Run, imported: bool) -> Result<Vec<OsString>, Error> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let recorded = run.started.command.clone();
    if recorded.is_empty() {
        return Err(Error::new(Kind::Usage, format!("run `{}` has no command", run.id))
            .hint(format!("give one: `retake {verb} {} -- COMMAND`", run.id)));
    }
    let shown = one_line(&shell_command(&recorded));
    if recorded.iter().any(|word| word.contains('\u{fffd}')) {
        let what = format!(
            "the command of run `{}` has bytes that are no UTF-8, and is not kept as it was: `{shown}`",
            run.id
        );
        return Err(
            Error::new(Kind::Usage, what).hint(format!("give it yourself: `retake {verb} {} -- COMMAND`", run.id))
        );
    }
    if imported && !asked(&format!("run `{}` was not recorded here; run its command `{shown}`? [y/N] ", run.id))? {
        return Err(Error::new(
            Kind::Usage,
            format!("run `{}` was not recorded here, and its command is not run unasked: `{shown}`", run.id),
        )
        .hint(format!("if you trust it, give it yourself: `retake {verb} {} -- {shown}`", run.id)));
    }
    Ok(recorded.into_iter().map(OsString::from).collect())
}

/// Asks on a terminal; without one the answer is no.
pub(crate) fn asked(question: &str) -> Result<bool, Error> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    streams::note(question);
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Error::new(Kind::Failed, "cannot read the answer").cause(&error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn options(args: &Args, run: &Run) -> Result<Options, Error> {
    let mut changes = Vec::new();
    for text in &args.set {
        changes.push(Wanted::parse(text).map_err(refused)?);
    }
    for text in &args.set_file {
        let (place, file) = text.split_once('=').ok_or_else(|| refused(replay::Error::Syntax(text.clone())))?;
        let (node, path) = Wanted::place(place.trim()).map_err(refused)?;
        let value = std::fs::read_to_string(file)
            .map_err(|error| Error::new(Kind::Usage, format!("cannot read `{}`", one_line(file))).cause(&error))?;
        changes.push(Wanted { node, path, value });
    }
    for selector in &args.edit {
        let node = library::node(run, selector)?;
        changes.extend(edit::edit(run, node, None)?);
    }
    for tool in &args.run_tool {
        known_tool(tool, run)?;
    }
    let from = args.from.iter().map(|selector| library::node(run, selector)).collect::<Result<_, _>>()?;
    let settings = Settings::load(std::path::Path::new(".")).unwrap_or_default();
    let mut ignore = Vec::new();
    for text in args.ignore.iter().chain(&settings.replay.ignore) {
        let path = Path::parse(text).map_err(|at| refused(replay::Error::Path { path: text.clone(), at: at + 1 }))?;
        ignore.push(path);
    }
    Ok(Options {
        changes,
        scope: if args.once {
            Scope::Once
        } else if args.everywhere {
            Scope::Everywhere
        } else {
            Scope::Conversation
        },
        from,
        model: args.model.clone(),
        live: match args.live {
            Live::Auto => replay::Live::Auto,
            Live::Always => replay::Live::Always,
            Live::Never => replay::Live::Never,
        },
        max_calls: args.max_calls.map(|calls| calls as usize),
        run_tools: args.run_tool.iter().cloned().collect(),
        ignore,
        allow_effects: args.yes,
        force: args.force,
        settings,
    })
}

/// A tool that was never called cannot be let through: its name is mistyped.
fn known_tool(name: &str, run: &Run) -> Result<(), Error> {
    let tools = run.graph.nodes().filter(|node| node.kind == crate::model::Kind::Tool);
    let mut names: Vec<String> = tools.map(|node| node.name.clone()).collect();
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    names.sort();
    names.dedup();
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", one_line(name))).collect();
    let there = if names.is_empty() { "it called none".to_owned() } else { format!("it called {}", names.join(", ")) };
    Err(Error::new(Kind::Usage, format!("run `{}` called no tool `{}`; {there}", run.id, one_line(name))))
}

pub(crate) fn refused(error: replay::Error) -> Error {
    let what = error.to_string();
    let hint = match error {
        replay::Error::Syntax(_) | replay::Error::Path { .. } => {
            "write it as `--set 5.messages[0].content=VALUE`".to_owned()
        }
        replay::Error::Node { run, .. } => format!("look at its nodes with `retake show {run}`"),
        replay::Error::Field { node, .. } | replay::Error::Refused { node, .. } | replay::Error::Same { node, .. } => {
            format!("look at the node with `retake show {node}`, or `RUN:{node}` for an older run")
        }
        replay::Error::Unknown { .. } | replay::Error::Type { .. } => {
            "to send it all the same, add `--force`".to_owned()
        }
    };
    Error::new(Kind::Usage, what).hint(hint)
}

/// Changes and options as they would be typed, for the list of runs.
fn said(args: &Args, options: &Options) -> Vec<String> {
    let mut said: Vec<String> =
        options.changes.iter().map(|change| format!("{}.{}={}", change.node, change.path, change.value)).collect();
    let mut flag = |name: &str, value: Option<String>| said.extend(value.map(|value| format!("--{name} {value}")));
    flag("model", args.model.clone());
    flag("from", args.from.clone());
    flag("max-calls", args.max_calls.map(|calls| calls.to_string()));
    flag("live", (args.live != Live::Auto).then(|| format!("{:?}", args.live).to_lowercase()));
    for tool in &args.run_tool {
        said.push(format!("--run {tool}"));
    }
    for path in &args.ignore {
        said.push(format!("--ignore {path}"));
    }
    if args.once {
        said.push("--once".into());
    }
    if args.everywhere {
        said.push("--everywhere".into());
    }
    said
}

/// Replays a run.
pub(crate) fn perform(run: Run, options: Options, request: &Request, globals: &Globals) -> Result<Done, Error> {
    let around = match &request.directory {
        Some(directory) => Surroundings::at(directory.clone())?,
        None => Surroundings::here()?,
    };
    let id = run.id.clone();
    let highest = run.graph.nodes().last().map_or(0, |node| node.id.0);
    let plan = Plan::new(run, options).map_err(refused)?;
    if !request.mute {
        announce(&plan, globals);
    }
    consent(&plan, &around.settings, request)?;
    let redactor = around.redactor(&[])?;
    redactor.reserve(plan.highest_secret());
    if !request.mute {
        around.agree(&request.upstream)?;
    }
    let routes = around.routes(&upstreams(&plan, &around, request))?.after(&plan.run().started.upstreams);
    let mut set = record::placeholders(&plan.run().started.variables, &around.variables, around.dotenv.as_ref());
    if !request.keep_telemetry {
        set.extend(record::TABLE.silencers.iter().map(|silencer| (silencer.name.clone(), silencer.value.clone())));
    }
    let (store, take) = behind::begin(globals, &redactor)?;
    let mut started = replay::started(around.started(&request.command), &id, request.changes.clone(), highest);
    started.run = Some(take.run().clone());
    started.upstreams = routes.list();
    origin::mark(&store, take.run(), &started, &redactor);
    if !request.mute {
        different(&plan, &started, globals);
    }
    let input = input(&plan, request.mute);
    let quiet = globals.quiet || request.mute;
    let replayed = take.run().clone();
    let watch = take.watch();
    let job = Job {
        plan,
        command: request.command.clone(),
        directory: around.directory.clone(),
        routes,
        set,
        input,
        mute: request.mute,
        started,
        token: behind::token(),
        watch: Arc::clone(&watch),
        redactor,
        ends_stream: behind::ends_stream(),
        clock: behind::clock(),
        pace: request.pace,
        timeout: request.timeout,
        say: Arc::new(move |line: &str| {
            if !quiet {
                behind::say(line);
            }
        }),
    };
    let so_far = || {
        behind::settle(&watch);
        let recording = store.load(&replayed).ok()?;
        Some(record::assemble(&replayed, &recording.events))
    };
    let (performed, line) = match replay::perform(job, so_far) {
        Ok(done) => done,
        Err(failure) => {
            behind::discard(&store, take);
            return Err(behind::unrun(failure));
        }
    };
    let sealed = take.seal(&store).map_err(|error| library::failed(&error))?;
    if request.mute {
        // What it came to is said for all runs together.
    } else if globals.json {
        streams::note(&format!("{}\n", json::run(&sealed.summary)));
    } else if !globals.quiet {
        if let Some(warning) = &sealed.warning {
            behind::say(&format!("warning: {warning}; the run is kept as far as it was recorded"));
        }
        for remark in performed.outcome.remarks.iter().filter(|_| performed.sent > 0) {
            behind::say(remark);
        }
        behind::say(&format!("recorded {}: {line}", sealed.run.id));
    }
    let code = if performed.refused > 0 { 1 } else { performed.outcome.code };
    Ok(Done {
        code,
        sent: performed.sent,
        timed_out: performed.timed_out,
        line,
        run: sealed.run,
        nearest: performed.nearest,
        loose: performed.loose,
    })
}

/// Where calls go: what was asked for, then where the recording's went, for providers that this
/// environment says nothing about.
fn upstreams(plan: &Plan, around: &Surroundings, request: &Request) -> Vec<String> {
    let mut given = request.upstream.clone();
    if request.imported {
        return given;
    }
    let Ok(now) = around.routes(&given) else { return given };
    let default = |provider: &str, url: &str| {
        record::TABLE.providers.iter().any(|known| known.name == provider && known.url.as_deref() == Some(url))
    };
    let then = plan.run().started.upstreams.iter();
    let then = then.filter(|(provider, url)| !now.is_named(provider) && !default(provider, url));
    given.extend(then.map(|(provider, url)| format!("{provider}={url}")));
    given
}

/// What a replay would do, a line each, as it is said before one.
pub(crate) fn describe(plan: &Plan, settings: &Settings) -> Vec<String> {
    let mut lines = plan.describe();
    if let Some(first) = lines.first_mut() {
        *first = format!("replaying {}: {first}", plan.run().id);
    }
    lines.extend(running(&tools(plan, settings)));
    lines
}

/// Says what will be served, changed and sent, and which tools run again.
fn announce(plan: &Plan, globals: &Globals) {
    if globals.quiet {
        return;
    }
    let mut lines = plan.describe().into_iter();
    behind::say(&format!("replaying {}: {}", plan.run().id, lines.next().unwrap_or_default()));
    for line in lines {
        behind::say(&format!("  {line}"));
    }
}

/// Tools that run again inside the agent, how often, and what they may do: the worst first.
fn tools(plan: &Plan, settings: &Settings) -> Vec<(String, usize, Effect)> {
    let effect = |name: &str| effects::of(name, settings);
    let mut tools: Vec<(String, usize, Effect)> =
        plan.tools_that_run().into_iter().map(|(name, count)| (name.clone(), count, effect(&name))).collect();
    tools.sort_by_key(|(name, _, effect)| (std::cmp::Reverse(effect.tier == Some(Tier::Destructive)), name.clone()));
    tools
}

/// The same in words; `None` where there are none.
fn running(tools: &[(String, usize, Effect)]) -> Option<String> {
    let row = |(name, count, effect): &(String, usize, Effect)| {
        let times = if *count > 1 { format!(", {count} times") } else { String::new() };
        format!("{} ({}{times})", one_line(name), effect.says())
    };
    let list: Vec<String> = tools.iter().map(row).collect();
    (!list.is_empty()).then(|| format!("will run again in the agent's process: {}", list.join(", ")))
}

/// Tools run again inside the agent: any that may do more than read needs somebody's word.
fn consent(plan: &Plan, settings: &Settings, request: &Request) -> Result<(), Error> {
    let tools = tools(plan, settings);
    let Some(list) = running(&tools).filter(|_| !request.agreed) else { return Ok(()) };
    behind::say(&format!("  {list}"));
    let open = unagreed(plan, settings);
    if open.is_empty() || request.yes || asked("run them again? [y/N] ")? {
        return Ok(());
    }
    let names: Vec<String> = open.iter().map(|name| format!("`{}`", one_line(name))).collect();
    let they_do = if names.len() == 1 { "it does" } else { "they do" };
    let what = format!("{} would run again, and it is not known that {they_do} no harm", names.join(", "));
    Err(Error::new(Kind::Usage, what)
        .hint("agree with `--yes`, or for good in `retake.toml`: `[replay] yes = [\"NAME\"]`"))
}

/// Tools that run again, may do more than read, and that the project says nothing about.
pub(crate) fn unagreed(plan: &Plan, settings: &Settings) -> Vec<String> {
    let agreed = |name: &String| settings.replay.yes.contains(name) || settings.tool(name).policy == Some(Policy::Run);
    let open = |name: &String| !effects::of(name, settings).is_harmless() && !agreed(name);
    plan.tools_that_run().into_iter().map(|(name, _)| name).filter(open).collect()
}

/// What the agent reads: what is piped in, else what was recorded.
fn input(plan: &Plan, only_recorded: bool) -> Input {
    let recorded_terminal = plan.run().started.terminals[0];
    if !only_recorded && (recorded_terminal || record::is_piped_in()) {
        return Input::Own;
    }
    // What was typed was not recorded, so a run that only the recording sees reads its end at once.
    let pieces = plan.run().output.iter().filter(|output| output.stream == 0 && !output.bytes.is_empty());
    Input::Recorded(pieces.map(|piece| (piece.at, piece.bytes.clone())).collect())
}

/// Says what is different about this start.
fn different(plan: &Plan, now: &Started, globals: &Globals) {
    let then = &plan.run().started;
    let mut notes = Vec::new();
    if then.command != now.command {
        notes.push("another command".to_owned());
    }
    if let (Some(then), Some(now)) = (&then.git, &now.git)
        && then.commit != now.commit
    {
        let short = |commit: &str| commit.chars().take(8).collect::<String>();
        notes.push(format!("commit {} instead of {}", short(&now.commit), short(&then.commit)));
    }
    if then.directory != now.directory {
        notes.push(format!("directory {} instead of {}", now.directory, then.directory));
    }
    if !notes.is_empty() && !globals.quiet {
        behind::say(&format!("  different now: {}", notes.join("; ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Event, Output};

    #[test]
    fn a_run_that_only_the_recording_sees_never_reads_our_input() {
        let plan = |terminal: bool| {
            let started = Started { terminals: [terminal, false, false], ..Started::default() };
            let bytes = bytes::Bytes::from_static(b"yes");
            let typed = Event::Output(Output { at: crate::model::Micros(2), stream: 0, bytes });
            let events: Vec<Event> =
                [Event::Started(started)].into_iter().chain((!terminal).then_some(typed)).collect();
            let run = record::assemble(&RunId::from_seed(1), &events);
            Plan::new(run, Options::default()).expect("it is a plan")
        };
        let pieces = |input: Input| match input {
            Input::Recorded(pieces) => Some(pieces.len()),
            Input::Own => None,
        };
        assert_eq!(pieces(input(&plan(true), true)), Some(0));
        assert_eq!(pieces(input(&plan(false), true)), Some(1));
        assert_eq!(pieces(input(&plan(true), false)), None);
    }
}
