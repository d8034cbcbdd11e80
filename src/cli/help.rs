//! `retake help`: a command's help, or a topic.

use super::{Error, Globals, Kind, args};

/// Topics and their texts.
pub(super) const TOPICS: &[(&str, &str)] = &[
    ("runs", include_str!("topics/runs.md")),
    ("nodes", include_str!("topics/nodes.md")),
    ("matching", include_str!("topics/matching.md")),
    ("workflows", include_str!("topics/workflows.md")),
    ("exit-codes", include_str!("topics/exit-codes.md")),
    ("environment", include_str!("topics/environment.md")),
    ("privacy", include_str!("topics/privacy.md")),
];

/// Print help for a command or a topic
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The command or topic
    #[arg(value_name = "COMMAND|TOPIC")]
    about: Vec<String>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<i32, Error> {
    let mut command = args::program();
    command.build();
    let mut found = &mut command;
    for (place, word) in args.about.iter().enumerate() {
        if place == 0
            && let Some((_, text)) = TOPICS.iter().find(|(name, _)| name == word)
        {
            globals.print(text)?;
            return Ok(0);
        }
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no command or topic `{word}`"))
                .hint("list them with `retake help`")
        })?;
    }
    let help = found.render_long_help();
    let text = if globals.paper().colour { help.ansi().to_string() } else { help.to_string() };
    globals.print(text)?;
    Ok(0)
}
