//! What can be typed: the commands, their groups in the help, and the options of all of them.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{
    Globals, demo, diff, export, flake, grade, help, import, ls, record, replay, review, rm, show, snapshot, step,
    store, tag, test, trust,
};

/// Record, replay and diff agent runs
#[derive(Debug, Parser)]
#[command(name = "retake", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) globals: Globals,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Demo(demo::Args),
    #[command(hide = true)]
    DemoAgent(demo::AgentArgs),
    Record(record::Args),
    Import(import::Args),
    Ls(ls::Args),
    Show(show::Args),
    Step(step::Args),
    Diff(diff::Args),
    Replay(replay::Args),
    Grade(grade::Args),
    Flake(flake::Args),
    Snapshot(snapshot::Args),
    Test(test::Args),
    Review(review::Args),
    Tag(tag::Args),
    Export(export::Args),
    Rm(rm::Args),
    Store(store::Args),
    Trust(trust::Args),
    Help(help::Args),
}

/// The groups of the help. Every command that is not hidden is in exactly one.
const GROUPS: &[(&str, &[&str])] = &[
    ("Start", &["demo"]),
    ("Record", &["record", "import"]),
    ("Look", &["ls", "show", "step", "diff"]),
    ("Replay", &["replay", "grade", "flake"]),
    ("Test", &["snapshot", "test", "review"]),
    ("Keep", &["tag", "export", "rm", "store", "trust"]),
];

/// Reads the words of the command line, the program's name first.
///
/// # Errors
/// What clap has to say, help and version included.
pub(super) fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let matches = program().color(colour(&words)).try_get_matches_from(words)?;
    Cli::from_arg_matches(&matches)
}

/// The program with its grouped help.
pub(super) fn program() -> clap::Command {
    let program = Cli::command();
    let width = GROUPS.iter().flat_map(|(_, names)| *names).map(|name| name.len()).max().unwrap_or(0);
    let mut groups = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(groups, "{group}:");
        for name in *names {
            let about = program.find_subcommand(name).and_then(clap::Command::get_about).cloned().unwrap_or_default();
            let _ = writeln!(groups, "  {name:width$}  {about}");
        }
        groups.push('\n');
    }
    let topics: Vec<&str> = help::TOPICS.iter().map(|(name, _)| *name).collect();
    let after =
        format!("Run `retake help <COMMAND>` for a command, `retake help <TOPIC>` for a topic: {}", topics.join(", "));
    program
        .help_template(format!("{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}{{options}}{{after-help}}"))
        .after_help(after)
}

/// `--color` of the words, for what is printed before they are understood.
fn colour(words: &[OsString]) -> ColorChoice {
    let word = |place: usize| words.get(place).and_then(|word| word.to_str());
    let given = (1..words.len()).take_while(|place| word(*place) != Some("--")).find_map(|place| {
        let text = word(place)?;
        text.strip_prefix("--color=").or_else(|| if text == "--color" { word(place + 1) } else { None })
    });
    match given {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let program = Cli::command();
        program.clone().debug_assert();
        let mut named: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let mut commands: Vec<&str> =
            program.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name).collect();
        named.sort_unstable();
        commands.sort_unstable();
        assert_eq!(named, commands);
    }

    #[test]
    fn a_command_to_record_needs_no_dashes() {
        for words in [&["retake", "record", "-t", "x", "python", "-c", "1"][..], &["retake", "record", "--", "python"]]
        {
            let cli = parse(words.iter().map(OsString::from).collect()).expect("it can be typed");
            let Command::Record(args) = cli.command else { panic!("it is record") };
            assert_eq!(args.command[0], "python");
        }
    }
}
