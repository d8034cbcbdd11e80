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
    ("down", "next"),
    ("k", "back"),
    ("up", "back"),
    ("J", "lane-next"),
    ("right", "lane-next"),
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
    ("x", "first-error"),
    ("X", "next-error"),
    ("n", "search-next"),
    ("N", "search-back"),
    ("backspace", "return"),
    ("enter", "show"),
    ("w", "whole"),
    ("r", "raw"),
    ("space", "scroll-down"),
    ("page-down", "scroll-down"),
    ("ctrl-f", "scroll-down"),
    ("page-up", "scroll-up"),
    ("ctrl-b", "scroll-up"),
    ("ctrl-e", "scroll-down 1"),
    ("ctrl-y", "scroll-up 1"),
    ("o", "run"),
    ("tab", "run-next"),
    ("shift-tab", "run-back"),
    ("c", "compare"),
    ("f", "first-difference"),
    ("]", "next-difference"),
    ("[", "back-difference"),
    ("s", "swap"),
    ("esc", "close"),
    ("ctrl-r", "reload"),
    ("e", "edit"),
    ("E", "editor"),
    ("p", "plan"),
    ("R", "replay"),
    ("?", "help"),
    ("ctrl-l", "redraw"),
    ("ctrl-z", "suspend"),
    ("q", "quit"),
    ("ctrl-c", "quit"),
];

/// Keys that open the command line, what stands in it then, and what that is for.
pub(super) const OPENERS: &[(&str, &str, &str)] =
    &[(":", "", "type a command"), ("/", "search ", "search all text"), ("0-9", "goto N", "go to a node")];

impl Key {
    /// The key that an event of the terminal means; `None` where it means none.
    #[must_use]
    pub fn of(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        Some(match event.code {
            // Enter that was pressed before keys were taken one by one.
            KeyCode::Char('j') if event.modifiers.contains(KeyModifiers::CONTROL) => Self::Enter,
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
        match (letters.next(), letters.next()) {
            (Some(only), None) => return Some(Self::Char(only)),
            (None, _) => return None,
            _ => {}
        }
        if let Some((_, key)) = NAMED.iter().find(|(named, _)| *named == name) {
            return Some(*key);
        }
        name.strip_prefix("ctrl-")?.chars().next().map(Self::Ctrl)
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
            Self::Char(letter) => write!(formatter, "{}", letter.escape_debug()),
            _ => Ok(()),
        }
    }
}

/// The keys of a command, the first of them first.
#[must_use]
pub(super) fn of_command(name: &str) -> Vec<&'static str> {
    KEYS.iter().filter(|(_, command)| *command == name).map(|(key, _)| *key).collect()
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
