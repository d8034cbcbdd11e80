//! The two lowest lines: what the last command came to or the line that is typed, and the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{paint, paper, put};
use crate::text::escape::{columns, escaped, one_line};
use crate::text::units::count;
use crate::tui::app::{App, Mode};
use crate::tui::line::Line;
use crate::tui::page::Content;
use crate::tui::{Outcome, ink, moves};
use crate::ui::{Style, diff};

/// What the last command came to, behind the command as it would be typed.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    let paper = paper(area.width);
    let said = match &app.outcome {
        Outcome::Failed(trouble) => {
            let hint = trouble.hint.as_ref().map(|hint| format!("   {}", paper.paint(Style::Faint, &one_line(hint))));
            format!("{}{}", paper.paint(Style::Bad, &one_line(&trouble.what)), hint.unwrap_or_default())
        }
        outcome => words(outcome, app),
    };
    let command = if app.said.is_empty() { String::new() } else { format!(":{}  ", one_line(&app.said)) };
    paint(
        buffer,
        Rect { x: 1, width: area.width.saturating_sub(1), ..area },
        0,
        &format!("{}{said}", paper.paint(Style::Faint, &command)),
        app,
    );
}

fn words(outcome: &Outcome, app: &App) -> String {
    match outcome {
        Outcome::At(links) => match links.as_slice() {
            [] => String::new(),
            [only] => format!("by {}", moves::said(only)),
            [first, others @ ..] => {
                let others: Vec<String> = others.iter().take(6).map(|link| link.node.to_string()).collect();
                format!("by {}; also {}", moves::said(first), others.join(", "))
            }
        },
        Outcome::Found { path, around, number, of } => format!("{number} of {of}  {}  {around}", one_line(path)),
        Outcome::Said(remark) => one_line(remark),
        Outcome::Beside(None) => app.beside.as_ref().map(|beside| diff::total(&beside.report)).unwrap_or_default(),
        Outcome::Changed(changes) => match changes.len() {
            0 => "no change is left".to_owned(),
            number => count(number, "change"),
        },
        Outcome::Replayed { run, .. } => format!("recorded {run}"),
        _ => String::new(),
    }
}

/// The line that is typed; returns where the cursor stands.
pub(super) fn typing(buffer: &mut Buffer, area: Rect, line: &Line) -> Option<Position> {
    typed(buffer, area, ":", line)
}

/// A line that is typed behind some sign, scrolled so that the cursor is in view.
pub(super) fn typed(buffer: &mut Buffer, area: Rect, sign: &str, line: &Line) -> Option<Position> {
    let room = usize::from(area.width).saturating_sub(columns(sign) + 1);
    if area.height == 0 || room == 0 {
        return None;
    }
    let shown = |text: &str| escaped(text).replace('\n', "⏎").replace('\t', " ");
    let (before, after) = (shown(&line.text[..line.cursor]), shown(&line.text[line.cursor..]));
    let mut start = 0;
    while columns(&before[start..]) > room {
        start += before[start..].chars().next().map_or(1, char::len_utf8);
    }
    let text = format!("{sign}{}{after}", &before[start..]);
    put(buffer, area, 0, &ratatui::text::Line::from(text));
    let x = area.x + u16::try_from(columns(sign) + columns(&before[start..])).unwrap_or(0);
    Some(Position::new(x, area.y))
}

/// The keys that are of use now, each with its command.
pub(super) fn keys(buffer: &mut Buffer, area: Rect, app: &App) {
    let keys: &[(&str, &str)] = match &app.mode {
        Mode::Typing(_) => &[("enter", "do it"), ("tab", "complete"), ("esc", "leave")],
        Mode::Choosing { .. } => &[("j/k", "choose"), ("enter", "take"), ("esc", "leave")],
        Mode::Editing { .. } => &[("enter", "change"), ("esc", "leave")],
        Mode::Planning { .. } => &[("y", "run it"), ("n", "not now"), ("e", "edit more")],
        Mode::Helping { .. } => &[("j/k", "scroll"), ("q", "close")],
        Mode::Look if app.beside.is_some() => &[
            ("j/k", "next back"),
            ("]/[", "next-difference"),
            ("f", "first-difference"),
            ("s", "swap"),
            ("esc", "close"),
            ("?", "help"),
            ("q", "quit"),
        ],
        Mode::Look if app.content != Content::Node => {
            &[("space", "scroll-down"), ("r", "raw"), ("esc", "close"), ("?", "help"), ("q", "quit")]
        }
        Mode::Look => &[
            ("j/k", "next back"),
            ("u/d", "up down"),
            ("/", "search"),
            ("e", "edit"),
            ("c", "compare"),
            ("tab", "run-next"),
            (":", "command"),
            ("?", "help"),
            ("q", "quit"),
        ],
    };
    let mut all: Vec<(String, String)> = Vec::new();
    if !app.changes.is_empty() {
        all.push((String::new(), count(app.changes.len(), "change")));
    }
    all.extend(keys.iter().map(|(key, what)| ((*key).to_owned(), (*what).to_owned())));
    let wide = |all: &[(String, String)]| {
        all.iter().map(|(key, what)| columns(key) + columns(what) + 4).sum::<usize>() > usize::from(area.width) + 2
    };
    // The last two, help and the way out, stay as long as anything does.
    while wide(&all) && all.len() > 1 {
        all.remove(all.len().saturating_sub(3));
    }
    let paper = paper(area.width);
    let one = |(key, what): &(String, String)| {
        let style = if key.is_empty() { Style::Changed } else { Style::Faint };
        let gap = if key.is_empty() { "" } else { " " };
        format!("{}{gap}{}", paper.paint(Style::Strong, key), paper.paint(style, what))
    };
    let line = all.iter().map(one).collect::<Vec<_>>().join("   ");
    put(buffer, Rect { x: 1, width: area.width.saturating_sub(1), ..area }, 0, &ink::painted(&line, app.colour));
}
