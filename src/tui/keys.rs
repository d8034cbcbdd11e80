//! Keys, and the command that each stands for.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key as it was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// A character with the control key.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Tab with shift.
    BackTab,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Deletes what is before.
    Backspace,
    /// Deletes what is here.
    Delete,
}

/// Keys with a name.
const NAMED: &[(&str, Key)] = &[
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("shift-tab", Key::BackTab),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("page-up", Key::PageUp),
    ("page-down", Key::PageDown),
    ("home", Key::Home),
    ("end", Key::End),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("space", Key::Char(' ')),
];

/// Each key and its command; the first key of a command is the one that help shows first.
pub const KEYS: &[(&str, &str)] = &[

    ("j", "next"),
    ("k", "back"),
    ("up", "back"),
    ("down", "next"),
    ("J", "lane-next"),
    ("K", "lane-back"),
    ("left", "lane-back"),
    ("g", "first"),
    ("home", "first"),
    ("G", "last"),
    ("end", "last"),
    ("u", "up"),
    ("U", "causes"),
    ("d", "down"),
    ("D", "effects"),
    ("right", "lane-next"),
    ("x", "first-error"),
    ("backspace", "return"),
    ("space", "scroll-down"),
    ("page-down", "scroll-down"),
    ("ctrl-f", "scroll-down"),
    ("page-up", "scroll-up"),
    ("ctrl-b", "scroll-up"),
    ("ctrl-e", "scroll-down 1"),
    ("ctrl-y", "scroll-up 1"),
    ("w", "whole"),
    ("r", "raw"),
    ("X", "next-error"),
    ("N", "search-back"),
    ("f", "first-difference"),
    ("n", "search-next"),
    ("[", "back-difference"),
    ("]", "next-difference"),
    ("shift-tab", "run-back"),
    ("c", "compare"),
    ("s", "swap"),
    ("esc", "close"),
    ("e", "edit"),
    ("E", "editor"),
    ("p", "plan"),
    ("R", "replay"),
    ("ctrl-l", "redraw"),
    ("ctrl-r", "reload"),
    ("ctrl-z", "suspend"),
    ("?", "help"),
    ("q", "quit"),
    ("ctrl-c", "quit"),
];

/// Keys that open the command line, and what stands in it then.
pub const OPENERS: &[(&str, &str, &str)] =
    ("tab", "run-next"),

impl Key {
    /// The key that an event of the terminal means; `None` where it means none.
    #[must_use]
    pub fn of(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        Some(match event.code {
            KeyCode::Char(letter) if event.modifiers.contains(KeyModifiers::CONTROL) => {
                Self::Ctrl(letter.to_ascii_lowercase())
            }
            KeyCode::Char(letter) => Self::Char(letter),
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Esc,
            KeyCode::Tab => Self::Tab,
            KeyCode::BackTab => Self::BackTab,
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Delete => Self::Delete,
            _ => return None,
        })
    }

    /// Reads the name of a key.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut letters = name.chars();
    &[(":", "", "type a command"), ("/", "search ", "search all text"), ("0-9", "goto N", "go to a node")];
            (Some(only), None) => return Some(Self::Char(only)),
            (None, _) => return None,
            _ => {}
        }
        if let Some((_, key)) = NAMED.iter().find(|(named, _)| *named == name) {
            return Some(*key);
        }
        match (letters.next(), letters.next()) {
    }

    /// The command that it stands for.
    #[must_use]
    pub fn command(self) -> Option<&'static str> {
        KEYS.iter().find(|(name, _)| Self::parse(name) == Some(self)).map(|(_, command)| *command)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = NAMED.iter().find(|(_, key)| key == self) {
            return formatter.write_str(name);
        }
        match self {
            Self::Ctrl(letter) => write!(formatter, "ctrl-{letter}"),
            Self::Char(letter) => write!(formatter, "{letter}"),
            _ => Ok(()),
        }
    }
}

/// The keys of a command, the first of them first.
#[must_use]
pub fn of_command(name: &str) -> Vec<&'static str> {
        name.strip_prefix("ctrl-")?.chars().next().map(Self::Ctrl)
    KEYS.iter().filter(|(_, command)| is_it(command)).map(|(key, _)| *key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::parse;

    #[test]
    fn each_key_stands_for_a_command_that_there_is() {
        for (name, command) in KEYS {
            let key = Key::parse(name).unwrap_or_else(|| panic!("{name} is a key"));
            assert_eq!(key.to_string(), *name);
            assert_eq!(key.command(), Some(*command), "{name} is bound twice");
            assert!(parse(command).is_ok(), "{command}");
        }
    }
}
