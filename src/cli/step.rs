//! `retake step`: a run node by node, on a screen or by a script of commands.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::{Error, Globals, Kind, edit, library, replay};
use crate::config::Settings;
use crate::format::json;
use crate::format::steps::{Step, Way};
use crate::model::{NodeId, Run, RunId};
use crate::replay::{Options, Plan, Scope, Wanted};
use crate::text::escape::{escaped, one_line};
use crate::tui::{self, Act, App, COMMANDS, Done, Effect, Kin, Link, Message, Opened, Outcome, Trouble};
use crate::ui::{diff, node, runs};

/// Step through a run, change it, and see what the change does
///
/// The screen shows the run as a graph and one node in full. `?` lists all keys; each stands for a
/// command that can be typed after `:`, or given with `-c` where there is no terminal:
/// `retake step -c 'goto 5; up; print messages[0].content'`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run, a node to begin at, or a recording file
    #[arg(value_name = "RUN[:NODE]", default_value = "latest")]
    target: String,
    /// Do these commands, separated by `;`, and print what they come to (can be repeated)
    #[arg(short, long = "command", value_name = "COMMANDS")]
    commands: Vec<String>,
    /// Agree that tools with effects run again in the agent's process
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let scripted = !args.commands.is_empty();
    if !scripted && !globals.has_screen() {
        return Err(Error::new(Kind::Usage, "`retake step` needs a terminal")
            .hint(format!("give commands instead: `retake step {} -c 'next; print answer'`", args.target))
            .hint(format!("or look at the run with `retake show {}`", args.target)));
    }
    let (selector, place) = library::split(&args.target);
    let quiet = globals.quietly();
    let said = if scripted { globals } else { &quiet };
    let mut hands = Hands {
        globals: said,
        loud: globals,
        // The screen asks about the plan, which lists the tools that run again.
        yes: args.yes || !scripted,
        mute: scripted && globals.json,
        known: HashMap::new(),
        last: None,
    };
    let opened = hands.read(selector)?;
    let mut app = App::new(Arc::new(opened));
    if let Some(place) = place {
        let id = library::node(&app.opened.run, place)?;
        app.update(Message::Run(tui::Command::Goto(id.0.to_string())));
        app.outcome = Outcome::Nothing;
    }
    if scripted {
        app.scripted = true;
        return script(&args.commands, &mut app, &mut hands, globals);
    }
    app.colour = globals.paper().colour;
    tui::run(&mut app, &mut hands).map_err(|error| Error::new(Kind::Failed, "cannot use the terminal").cause(&error))
}

/// Does commands one after the other and prints what each comes to.
fn script(scripts: &[String], app: &mut App, hands: &mut Hands<'_>, globals: &Globals) -> Result<i32, Error> {
    let mut code = 0;
    for text in scripts.iter().flat_map(|script| tui::split(script)) {
        let command = tui::parse(&text).map_err(|trouble| refused(&text, &trouble))?;
        let mut effect = app.update(Message::Run(command));
        loop {
            tell(app, &text, hands, globals)?;
            if let Outcome::Replayed { code: replayed, .. } = app.outcome {
                code = replayed;
            }
            let next = tui::perform(app, &effect, hands);
            let Some(message) = next else { break };
            effect = app.update(message);
        }
        if effect == Effect::Quit {
            break;
        }
    }
    Ok(code)
}

fn refused(command: &str, trouble: &Trouble) -> Error {
    let what = match command.split_once(char::is_whitespace) {
        _ if trouble.what.starts_with("there is no command") => trouble.what.clone(),
        _ => format!("{}: {}", one_line(command), trouble.what),
    };
    let error = Error::new(Kind::Usage, what);
    match &trouble.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Prints what a command came to.
fn tell(app: &App, command: &str, hands: &mut Hands<'_>, globals: &Globals) -> Result<(), Error> {
    match &app.outcome {
        Outcome::Nothing => return Ok(()),
        Outcome::Failed(trouble) => {
            return Err(hands.last.take().unwrap_or_else(|| refused(command, trouble)));
        }
        _ => {}
    }
    globals.print(if globals.json { as_json(app, command) } else { as_text(app, globals) })
}

fn as_text(app: &App, globals: &Globals) -> String {
    let here = app.here().and_then(|(opened, at)| opened.run.graph.node(at)).map(node::line).unwrap_or_default();
    let shown = |text: &str| if globals.paper().width.is_some() { escaped(text).into_owned() } else { text.to_owned() };
    match &app.outcome {
        Outcome::At(links) => match links.as_slice() {
            [] if here.is_empty() => format!("run {}: no calls were recorded\n", app.opened.run.id),
            [] => format!("{here}\n"),
            [first, others @ ..] => {
                let others: Vec<String> = others.iter().map(|link| link.node.to_string()).collect();
                let also = if others.is_empty() { String::new() } else { format!("; also {}", others.join(", ")) };
                format!("{here}  (by {}{also})\n", tui::said(first))
            }
        },
        Outcome::Found { path, around, number, of } => {
            format!("{here}\n  {}  {around}  ({number} of {of})\n", one_line(path))
        }
        Outcome::Links(links) => links.iter().fold(String::new(), |mut out, link| {
            let line = app.opened.run.graph.node(link.node).map(node::line).unwrap_or_default();
            let _ = writeln!(out, "{line}  (by {})", tui::said(link));
            out
        }),
        Outcome::Value { text, .. } => {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            format!("{}{end}", shown(text))
        }
        Outcome::Said(remark) => format!("{}\n", escaped(remark)),
        Outcome::Help => help(),
        Outcome::Beside(place) => {
            let Some(beside) = &app.beside else { return String::new() };
            let (left, right) = (&app.opened.run.id, &beside.right.run.id);
            let pair = place.map(|place| pair(app, place, globals)).unwrap_or_default();
            format!("{left} and {right}: {}\n{pair}", diff::total(&beside.report))
        }
        Outcome::Pair(place) => pair(app, *place, globals),
        Outcome::Changed(changes) if changes.is_empty() => "no change is left\n".to_owned(),
        Outcome::Changed(changes) => changes.iter().map(|change| one_line(change) + "\n").collect::<Vec<_>>().concat(),
        Outcome::Plan(lines) => {
            let first = lines.first().cloned().unwrap_or_default();
            lines
                .iter()
                .skip(1)
                .fold(format!("{}\n", escaped(&first)), |out, line| format!("{out}  {}\n", escaped(line)))
        }
        Outcome::Replayed { run, .. } => format!("recorded {run}\n"),
        Outcome::Nothing | Outcome::Failed(_) => String::new(),
    }
}

/// A pair of two runs with its differences.
fn pair(app: &App, place: usize, globals: &Globals) -> String {
    let Some(beside) = &app.beside else { return String::new() };
    let pair = beside.report.pairs.get(place);
    pair.map(|pair| diff::of_pair(pair, &app.opened.run, &beside.right.run, globals.paper())).unwrap_or_default()
}

fn help() -> String {
    let mut out = String::new();
    for (group, entries) in COMMANDS {
        let _ = writeln!(out, "{group}:");
        for entry in *entries {
            let typed = format!("{} {}", entry.name, entry.takes);
            let _ = writeln!(out, "  {:<28}  {}", typed.trim_end(), entry.about);
        }
    }
    out
}

fn as_json(app: &App, command: &str) -> String {
    let (run, at) = match app.here() {
        Some((opened, at)) => (&opened.run, Some(at)),
        None => (&app.opened.run, None),
    };
    let way = |link: &Link| Way::new(link.node.0, link.edges.clone(), link.characters, link.certainty);
    let mut step = Step::new(command, run.id.as_str(), at.map(|at| at.0));
    let node = || at.and_then(|at| json::node(run, at)).unwrap_or_default();
    let typed = app.typed();
    let mut rest = String::new();
    let text;
    match &app.outcome {
        Outcome::At(links) => {
            step.outcome = "at";
            step.by = links.iter().map(way).collect();
            rest = node();
        }
        Outcome::Found { path, around, number, of } => {
            step.outcome = "found";
            (step.path, step.text) = (Some(path.as_str()), Some(around.as_str()));
            (step.number, step.of) = (Some(*number), Some(*of));
            rest = node();
        }
        Outcome::Links(links) => {
            step.outcome = "links";
            step.by = links.iter().map(way).collect();
        }
        Outcome::Value { path, text } => {
            step.outcome = "value";
            (step.path, step.text) = (Some(path.as_str()), Some(text.as_str()));
        }
        Outcome::Said(remark) => {
            step.outcome = "said";
            step.text = Some(remark);
        }
        Outcome::Help => {
            step.outcome = "help";
            text = help();
            step.text = Some(&text);
        }
        Outcome::Beside(place) => {
            step.outcome = "beside";
            if let Some(beside) = &app.beside {
                rest = json::difference(&beside.report);
                rest += &place.and_then(|place| beside.report.pairs.get(place)).map(json::pair_of).unwrap_or_default();
            }
        }
        Outcome::Pair(place) => {
            step.outcome = "pair";
            let pair = app.beside.as_ref().and_then(|beside| beside.report.pairs.get(*place));
            rest = pair.map(json::pair_of).unwrap_or_default();
        }
        Outcome::Changed(_) => {
            step.outcome = "changed";
            step.changes = Some(&typed);
        }
        Outcome::Plan(lines) => {
            step.outcome = "plan";
            (step.changes, step.lines) = (Some(typed.as_slice()), Some(lines.as_slice()));
        }
        Outcome::Replayed { run, code, sent } => {
            step.outcome = "replayed";
            (step.replay, step.exit_code, step.sent) = (Some(run.as_str()), Some(*code), Some(*sent));
        }
        Outcome::Nothing | Outcome::Failed(_) => return String::new(),
    }
    step.line() + &rest
}

/// Reads runs, lays out plans and replays, as the commands of the command line do.
struct Hands<'a> {
    /// The options, where nothing but results may be printed while a screen stands.
    globals: &'a Globals,
    /// The options as they were given: for what is done with the terminal given back.
    loud: &'a Globals,
    yes: bool,
    /// Whether only the recording gets the output of agents.
    mute: bool,
    /// How the user named the runs that were read.
    known: HashMap<RunId, String>,
    /// The last error in full.
    last: Option<Error>,
}

impl Hands<'_> {
    fn read(&mut self, selector: &str) -> Result<Opened, Error> {
        let found = library::find(selector, self.globals)?;
        let id = &found.run.id;
        let is_in_store = self.known.get(id).is_none_or(|known| known == id.as_str()) && !library::is_file(selector);
        let tree = if is_in_store { library::tree(id, self.globals)? } else { Vec::new() };
        let kin = runs::hung(&tree)
            .into_iter()
            .map(|(branch, summary)| Kin { id: summary.id.clone(), branch, says: runs::what(summary) })
            .collect();
        let named = if is_in_store { id.to_string() } else { selector.to_owned() };
        self.known.insert(id.clone(), named);
        let mut remarks = found.damage;
        if library::is_running(&found.summary) {
            remarks.push("it is still being recorded: `reload` reads it again".to_owned());
        }
        Ok(Opened::new(found.run, found.summary, kin, remarks))
    }

    /// The error as the screen shows it; a script prints it in full.
    fn told<T>(&mut self, done: Result<T, Error>) -> Result<T, Trouble> {
        done.map_err(|error| {
            let (what, hint) = error.told();
            self.last = Some(error);
            Trouble { what, hint }
        })
    }
}

impl Act for Hands<'_> {
    fn open(&mut self, selector: &str) -> Result<Opened, Trouble> {
        let selector =
            RunId::parse(selector).and_then(|id| self.known.get(&id).cloned()).unwrap_or(selector.to_owned());
        let read = self.read(&selector);
        self.told(read)
    }

    fn plan(&mut self, run: &Run, changes: &[Wanted], scope: Scope) -> Result<Vec<String>, Trouble> {
        let settings = Settings::load(Path::new(".")).unwrap_or_default();
        let options = Options { changes: changes.to_vec(), scope, settings: settings.clone(), ..Options::default() };
        let plan = Plan::new(run.clone(), options).map_err(replay::refused);
        let plan = self.told(plan)?;
        Ok(replay::describe(&plan, &settings))
    }

    fn replay(&mut self, run: &Run, changes: &[Wanted], scope: Scope) -> Result<Done, Trouble> {
        let args = replay::Args {
            run: Some(self.known.get(&run.id).cloned().unwrap_or_else(|| run.id.to_string())),
            set: changes.iter().map(|wanted| format!("{}.{}={}", wanted.node, wanted.path, wanted.value)).collect(),
            once: scope == Scope::Once,
            everywhere: scope == Scope::Everywhere,
            yes: self.yes,
            ..replay::Args::default()
        };
        // What it does is said on the terminal, whatever the screen keeps silent about.
        let done = replay::again(&args, self.mute, self.loud);
        let (_, done) = self.told(done)?;
        Ok(Done { run: done.run.id, code: done.code, sent: done.sent })
    }

    fn edit(&mut self, run: &Run, node: NodeId, path: Option<&str>) -> Result<Vec<Wanted>, Trouble> {
        let edited = edit::edit(run, node, path);
        self.told(edited)
    }
}
