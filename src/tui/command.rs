//! Commands: what can be typed after `:` and in `-c`, and what each key stands for.

use super::Trouble;
use crate::replay::Scope;
use crate::text::escape::one_line;
use crate::text::json::Path;
use crate::ui::raw::Side;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// So many nodes on.
    Next(usize),
    /// So many nodes back.
    Back(usize),
    /// So many nodes on in the lane.
    LaneNext(usize),
    /// So many nodes back in the lane.
    LaneBack(usize),
    /// To the first node.
    First,
    /// To the last node.
    Last,
    /// To the node with this number or name.
    Goto(String),
    /// To the node that this one came from; of several to that one.
    Up(Option<u32>),
    /// To the node that came from this one; of several to that one.
    Down(Option<u32>),
    /// Choose among the nodes that this one came from.
    Causes,
    /// Choose among the nodes that came from this one.
    Effects,
    /// To where the cursor was before the last jump.
    Return,
    /// To the first node that failed.
    FirstError,
    /// To the next node that failed.
    NextError,
    /// To the first node from here on that has this text.
    Search(String),
    /// To the next place of the text.
    SearchNext,
    /// To the place of the text before.
    SearchBack,
    /// Show the node where the cursor is.
    Show,
    /// Show what stands at a path.
    Print(Path),
    /// Show the bytes of a side.
    Raw(Side),
    /// Show all of the texts, or only their beginnings.
    Whole,
    /// Scroll the node down: so many lines, or a page.
    ScrollDown(Option<usize>),
    /// Scroll the node up.
    ScrollUp(Option<usize>),
    /// Look at another run; without a name choose among this run, its parent and its replays.
    Run(Option<String>),
    /// Look at the next run of the tree.
    RunNext,
    /// Look at the run before in the tree.
    RunBack,
    /// Read the run again.
    Reload,
    /// Put a run beside this one; without a name choose.
    Compare(Option<String>),
    /// To the first difference of two runs.
    FirstDifference,
    /// To the next difference.
    NextDifference,
    /// To the difference before.
    BackDifference,
    /// Look at the run beside, with this one beside it.
    Swap,
    /// Back to the node, or to one run.
    Close,
    /// Change a field; without a path choose one, without a value type it.
    Edit {
        /// The field.
        path: Option<Path>,
        /// Its new value.
        value: Option<String>,
    },
    /// Change the node in the editor.
    Editor,
    /// How far changes to inputs reach.
    Scope(Scope),
    /// Drop all changes.
    Discard,
    /// Show what a replay with the changes would do.
    Plan,
    /// Replay with the changes.
    Replay,
    /// List the commands and their keys.
    Help,
    /// Draw the screen anew.
    Redraw,
    /// Leave the screen to the shell.
    Suspend,
    /// End.
    Quit,
}

/// A command as help lists it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Further names.
    pub also: &'static [&'static str],
    /// What may follow it.
    pub takes: &'static str,
    /// What it does.
    pub about: &'static str,
}

const fn entry(name: &'static str, also: &'static [&'static str], takes: &'static str, about: &'static str) -> Entry {
    Entry { name, also, takes, about }
}

/// All commands, in the order and the groups of the help.
pub const COMMANDS: &[(&str, &[Entry])] = &[
    (
        "Move",
        &[
            entry("next", &["step"], "[N]", "to the next node"),
            entry("back", &["prev", "previous"], "[N]", "to the node before"),
            entry("lane-next", &[], "[N]", "to the next node of its lane"),
            entry("lane-back", &[], "[N]", "to the node before in its lane"),
            entry("first", &[], "", "to the first node"),
            entry("last", &[], "", "to the last node"),
            entry("goto", &["go"], "N|NAME", "to a node"),
            entry("up", &[], "[N]", "to the node whose output flowed into this one"),
            entry("causes", &[], "", "list those and choose one"),
            entry("down", &[], "[N]", "to the node that this one flowed into"),
            entry("effects", &[], "", "list those and choose one"),
            entry("first-error", &["error"], "", "to the first node that failed"),
            entry("next-error", &[], "", "to the next one that failed"),
            entry("search", &["find"], "TEXT", "to the next place of a text in the run"),
            entry("search-next", &[], "", "to its next place"),
            entry("search-back", &[], "", "to the place before"),
            entry("return", &[], "", "to where the last jump began"),
        ],
    ),
    (
        "Look",
        &[
            entry("show", &["node"], "", "the node as a reader wants it"),
            entry("whole", &[], "", "all of its texts, or their beginnings"),
            entry("print", &["p"], "PATH", "what stands at a path: answer, messages[0].content"),
            entry("raw", &[], "[request|sent|response]", "the bytes of its call"),
            entry("scroll-down", &[], "[N]", "down in the node"),
            entry("scroll-up", &[], "[N]", "up in the node"),
        ],
    ),
    (
        "Runs",
        &[
            entry("run", &["open"], "[RUN]", "another run"),
            entry("run-next", &[], "", "the next of this run and its replays"),
            entry("run-back", &[], "", "the one before"),
            entry("compare", &["diff"], "[RUN]", "put a run beside this one"),
            entry("first-difference", &[], "", "to the first difference"),
            entry("next-difference", &[], "", "to the next one"),
            entry("back-difference", &[], "", "to the one before"),
            entry("swap", &[], "", "change sides"),
            entry("close", &[], "", "back to the node, or to one run"),
            entry("reload", &[], "", "read the run again"),
        ],
    ),
    (
        "Change",
        &[
            entry("edit", &["set"], "[PATH[=VALUE]]", "change a field of the node"),
            entry("editor", &[], "", "change the node in $EDITOR"),
            entry("scope", &[], "conversation|once|everywhere", "how far changes to inputs reach"),
            entry("plan", &[], "", "what a replay with the changes would do"),
            entry("replay", &[], "", "run it again with the changes"),
            entry("discard", &[], "", "drop the changes"),
        ],
    ),
    (
        "Screen",
        &[
            entry("help", &[], "", "this list"),
            entry("redraw", &[], "", "draw the screen anew"),
            entry("suspend", &[], "", "back to the shell for a while"),
            entry("quit", &["q", "exit"], "", "end"),
        ],
    ),
];

fn all() -> impl Iterator<Item = &'static Entry> {
    COMMANDS.iter().flat_map(|(_, entries)| *entries)
}

/// The commands of a script: what stands between semicolons, `\;` for one that is meant.
#[must_use]
pub fn split(script: &str) -> Vec<String> {
    let mut commands = vec![String::new()];
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&';') => {
                letters.next();
                if let Some(last) = commands.last_mut() {
                    last.push(';');
                }
            }
            ';' => commands.push(String::new()),
            other => {
                if let Some(last) = commands.last_mut() {
                    last.push(other);
                }
            }
        }
    }
    let trimmed = commands.into_iter().map(|command| command.trim().to_owned());
    trimmed.filter(|command| !command.is_empty()).collect()
}

/// Reads a command.
///
/// # Errors
/// What is wrong with it, and what to type instead.
pub fn parse(text: &str) -> Result<Command, Trouble> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Command::Goto(text.to_owned()));
    }
    if let Some(wanted) = text.strip_prefix('/') {
        return Ok(Command::Search(wanted.trim().to_owned()));
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let found = all().find(|entry| entry.name == word || entry.also.contains(&word));
    let Some(entry) = found else { return Err(unknown(word)) };
    if entry.takes.is_empty() && !rest.is_empty() {
        return Err(Trouble::new(format!("`{}` takes nothing, and was given `{}`", entry.name, one_line(rest)))
            .hint(format!("type `{}`", entry.name)));
    }
    let needs = |what: &str| {
        Trouble::new(format!("`{}` needs {what}", entry.name)).hint(format!("type `{} {}`", entry.name, entry.takes))
    };
    let times = || match rest {
        "" => Ok(1),
        number => number.parse::<usize>().map_err(|_| needs("a number or nothing")),
    };
    let lines = || match rest {
        "" => Ok(None),
        number => number.parse::<usize>().map(Some).map_err(|_| needs("a number or nothing")),
    };
    let node = || match rest {
        "" => Ok(None),
        number => number.parse::<u32>().map(Some).map_err(|_| needs("the number of a node, or nothing")),
    };
    let optional = || (!rest.is_empty()).then(|| rest.to_owned());
    Ok(match entry.name {
        "next" => Command::Next(times()?),
        "back" => Command::Back(times()?),
        "lane-next" => Command::LaneNext(times()?),
        "lane-back" => Command::LaneBack(times()?),
        "first" => Command::First,
        "last" => Command::Last,
        "goto" => Command::Goto(optional().ok_or_else(|| needs("a node"))?),
        "up" => Command::Up(node()?),
        "down" => Command::Down(node()?),
        "causes" => Command::Causes,
        "effects" => Command::Effects,
        "return" => Command::Return,
        "first-error" => Command::FirstError,
        "next-error" => Command::NextError,
        "search" => Command::Search(optional().ok_or_else(|| needs("a text"))?),
        "search-next" => Command::SearchNext,
        "search-back" => Command::SearchBack,
        "show" => Command::Show,
        "print" => Command::Print(path(&optional().ok_or_else(|| needs("a path"))?)?),
        "raw" => Command::Raw(match rest {
            "" | "request" => Side::Request,
            "sent" => Side::Sent,
            "response" => Side::Response,
            _ => return Err(needs("`request`, `sent`, `response` or nothing")),
        }),
        "whole" => Command::Whole,
        "scroll-down" => Command::ScrollDown(lines()?),
        "scroll-up" => Command::ScrollUp(lines()?),
        "run" => Command::Run(optional()),
        "run-next" => Command::RunNext,
        "run-back" => Command::RunBack,
        "reload" => Command::Reload,
        "compare" => Command::Compare(optional()),
        "first-difference" => Command::FirstDifference,
        "next-difference" => Command::NextDifference,
        "back-difference" => Command::BackDifference,
        "swap" => Command::Swap,
        "close" => Command::Close,
        "edit" => match rest.split_once('=') {
            _ if rest.is_empty() => Command::Edit { path: None, value: None },
            Some((field, value)) => {
                // A space after the sign is how people write, not part of the value.
                let value = if field.ends_with(' ') { value.strip_prefix(' ').unwrap_or(value) } else { value };
                Command::Edit { path: Some(path(field.trim())?), value: Some(value.to_owned()) }
            }
            None => Command::Edit { path: Some(path(rest)?), value: None },
        },
        "editor" => Command::Editor,
        "scope" => Command::Scope(match rest {
            "conversation" => Scope::Conversation,
            "once" => Scope::Once,
            "everywhere" => Scope::Everywhere,
            _ => return Err(needs("one of three words")),
        }),
        "discard" => Command::Discard,
        "plan" => Command::Plan,
        "replay" => Command::Replay,
        "redraw" => Command::Redraw,
        "suspend" => Command::Suspend,
        "quit" => Command::Quit,
        _ => Command::Help,
    })
}

fn path(text: &str) -> Result<Path, Trouble> {
    let read = Path::parse(text).map_err(|at| {
        Trouble::new(format!("`{}` is no path: it breaks at character {}", one_line(text), at + 1))
            .hint("write it as `messages[0].content`")
    })?;
    if read.0.is_empty() {
        return Err(Trouble::new("a path is missing").hint("write it as `messages[0].content`"));
    }
    Ok(read)
}

/// What was typed, with the name of a command completed as far as it is clear.
#[must_use]
pub(super) fn completed(text: &str) -> String {
    if text.is_empty() || text.contains(' ') {
        return text.to_owned();
    }
    let names: Vec<&str> = all().map(|entry| entry.name).filter(|name| name.starts_with(text)).collect();
    let Some(first) = names.first() else { return text.to_owned() };
    let shared = |known: &str, name: &str| {
        let same = known.bytes().zip(name.bytes()).take_while(|(left, right)| left == right).count();
        known[..same].to_owned()
    };
    let all = names.iter().fold((*first).to_owned(), |known, name| shared(&known, name));
    if names.len() == 1 { format!("{all} ") } else { all }
}

fn unknown(word: &str) -> Trouble {
    let trouble = Trouble::new(format!("there is no command `{}`", one_line(word)));
    let names = all().flat_map(|entry| std::iter::once(&entry.name).chain(entry.also));
    let nearest = names
        .map(|name| (similar(word, name), *name))
        .filter(|(likeness, name)| *likeness > 1 && likeness * 3 >= word.len().max(name.len()) * 2)
        .max_by_key(|(likeness, name)| (*likeness, std::cmp::Reverse(name.len())));
    match nearest {
        Some((_, name)) => trouble.hint(format!("did you mean `{name}`?")),
        None => trouble.hint("list the commands with `help`"),
    }
}

/// Letters that two words have in common, in order.
fn similar(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row = vec![0; right.len() + 1];
    for letter in left.chars() {
        let mut corner = 0;
        for (place, other) in right.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if letter == *other { corner + 1 } else { above.max(row[place]) };
            corner = above;
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_split_at_semicolons() {
        assert_eq!(split("goto 5; up;\n print answer ;;"), ["goto 5", "up", "print answer"]);
        assert_eq!(split(r"edit answer=a\; b; plan"), ["edit answer=a; b", "plan"]);
        assert_eq!(split(r"print request.pattern; edit x=\d"), ["print request.pattern", r"edit x=\d"]);
        assert!(split(" ; ").is_empty());
    }

    #[test]
    fn commands_read() {
        let path = |text: &str| Path::parse(text).expect("a path");
        for (text, command) in [
            ("5", Command::Goto("5".to_owned())),
            ("goto summarize", Command::Goto("summarize".to_owned())),
            ("step 3", Command::Next(3)),
            ("/two words ", Command::Search("two words".to_owned())),
            ("up", Command::Up(None)),
            ("up 4", Command::Up(Some(4))),
            ("print messages[0].content", Command::Print(path("messages[0].content"))),
            ("raw response", Command::Raw(Side::Response)),
            ("edit", Command::Edit { path: None, value: None }),
            ("edit answer=a=b ", Command::Edit { path: Some(path("answer")), value: Some("a=b".to_owned()) }),
            ("edit answer = a b", Command::Edit { path: Some(path("answer")), value: Some("a b".to_owned()) }),
            ("edit answer=", Command::Edit { path: Some(path("answer")), value: Some(String::new()) }),
            ("scope once", Command::Scope(Scope::Once)),
            ("q", Command::Quit),
        ] {
            assert_eq!(parse(text), Ok(command), "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_said() {
        for (text, what, hint) in [
            ("goo 5", "there is no command `goo`", "did you mean `goto`?"),
            ("compar", "there is no command `compar`", "did you mean `compare`?"),
            ("zzz", "there is no command `zzz`", "list the commands with `help`"),
            ("", "there is no command ``", "list the commands with `help`"),
            ("goto", "`goto` needs a node", "type `goto N|NAME`"),
            ("next many", "`next` needs a number or nothing", "type `next [N]`"),
            ("quit now", "`quit` takes nothing, and was given `now`", "type `quit`"),
            ("print a..b", "`a..b` is no path: it breaks at character 2", "write it as `messages[0].content`"),
            ("\u{1b}[2J", "there is no command `\\u{1b}[2J`", "list the commands with `help`"),
        ] {
            let trouble = parse(text).expect_err(text);
            assert_eq!((trouble.what.as_str(), trouble.hint.as_deref()), (what, Some(hint)), "{text}");
        }
    }

    #[test]
    fn names_are_completed_as_far_as_they_are_clear() {
        for (text, completed_text) in
            [("go", "goto "), ("lane", "lane-"), ("s", "s"), ("zz", "zz"), ("edit x", "edit x")]
        {
            assert_eq!(completed(text), completed_text);
        }
    }

    #[test]
    fn each_command_of_the_help_can_be_typed() {
        for entry in all() {
            let example = match entry.takes {
                "" => String::new(),
                "[N]" => " 2".to_owned(),
                "[request|sent|response]" => " sent".to_owned(),
                "conversation|once|everywhere" => " once".to_owned(),
                _ => " a".to_owned(),
            };
            let read = parse(&format!("{}{example}", entry.name)).unwrap_or_else(|trouble| panic!("{trouble:?}"));
            assert_eq!(read == Command::Help, entry.name == "help", "{}", entry.name);
        }
    }
}
