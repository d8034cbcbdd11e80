//! Panes over the screen: choosing, editing, the plan, the commands.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};

use super::status::typed;
use super::{mark, paint, paper};
use crate::text::escape::{columns, escaped, one_line, pad, wrap};
use crate::tui::COMMANDS;
use crate::tui::app::App;
use crate::tui::keys::{OPENERS, of_command};
use crate::tui::line::Line;
use crate::ui::Style;

/// Opens a pane in the middle of the screen with a frame and a title; returns its inside.
fn open(buffer: &mut Buffer, area: Rect, title: &str, width: usize, height: usize, app: &App) -> Rect {
    let fit = |wanted: usize, room: u16| u16::try_from(wanted).unwrap_or(u16::MAX).min(room);
    if area.width < 30 || area.height < 8 {
        // No room for a frame.
        let inside = Rect { height: area.height.saturating_sub(1).max(1).min(area.height), ..area };
        Clear.render(inside, buffer);
        return inside;
    }
    let (width, height) = (fit(width + 4, area.width - 2), fit(height + 2, area.height - 2));
    let left = area.x + (area.width - width) / 2;
    let top = area.y + (area.height - height) / 3;
    let pane = Rect::new(left, top, width, height);
    Clear.render(pane, buffer);
    let paper = paper(width);
    let title = crate::text::escape::cut(&one_line(title), usize::from(width) - 6).into_owned();
    let dashes = usize::from(width).saturating_sub(columns(&title) + 5);
    let faint = |text: &str| paper.paint(Style::Faint, text);
    let upper = format!(
        "{}{}{}",
        faint("┌─ "),
        paper.paint(Style::Strong, &title),
        faint(&format!(" {}┐", "─".repeat(dashes)))
    );
    paint(buffer, pane, 0, &upper, app);
    for row in 1..height - 1 {
        paint(buffer, pane, row, &faint("│"), app);
        paint(buffer, Rect { x: pane.right() - 1, width: 1, ..pane }, row, &faint("│"), app);
    }
    paint(buffer, pane, height - 1, &faint(&format!("└{}┘", "─".repeat(usize::from(width) - 2))), app);
    Rect::new(left + 2, top + 1, width - 4, height - 2)
}

/// Something to choose from.
pub(super) fn choose(buffer: &mut Buffer, area: Rect, title: &str, items: &[(String, String)], at: usize, app: &App) {
    let width = items.iter().map(|(says, _)| columns(says) + 2).max().unwrap_or(0).max(columns(title) + 4);
    let inside = open(buffer, area, title, width, items.len(), app);
    let rows = usize::from(inside.height).max(1);
    let top = (at + 1).saturating_sub(rows);
    let paper = paper(inside.width);
    for (row, (place, (says, _))) in (0..inside.height).zip(items.iter().enumerate().skip(top)) {
        let sign = if place == at { "›" } else { " " };
        paint(buffer, inside, row, &format!("{sign} {}", paper.cut(&escaped(says), 2)), app);
        if place == at {
            mark(buffer, inside, row);
        }
    }
}

/// A value that is typed; returns where the cursor stands.
pub(super) fn edit(buffer: &mut Buffer, area: Rect, path: &str, line: &Line, app: &App) -> Option<Position> {
    let title = match app.here() {
        Some((_, at)) => format!("{at}.{path}"),
        None => path.to_owned(),
    };
    let inside = open(buffer, area, &title, usize::from(area.width).saturating_sub(12), 1, app);
    typed(buffer, inside, "", line)
}

/// What a replay would do, and the question.
pub(super) fn plan(buffer: &mut Buffer, area: Rect, lines: &[String], past: usize, app: &App) {
    let room = usize::from(area.width).saturating_sub(12).clamp(8, 96);
    let mut rows = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let indent = if place == 0 { "" } else { "  " };
        for (part, row) in wrap(&one_line(line), room - indent.len()).into_iter().enumerate() {
            rows.push(format!("{indent}{}{row}", if part == 0 { "" } else { "  " }));
        }
    }
    let title = format!("replay {}", app.opened.run.id);
    let width = rows.iter().map(|row| columns(row)).max().unwrap_or(0).max(columns(&title) + 4).max(16);
    let inside = open(buffer, area, &title, width, rows.len() + 2, app);
    let shown = usize::from(inside.height).saturating_sub(2);
    let past = past.min(rows.len().saturating_sub(shown));
    for (row, line) in (0..inside.height.saturating_sub(2)).zip(rows.iter().skip(past)) {
        paint(buffer, inside, row, line, app);
    }
    let question = paper(inside.width).paint(Style::Strong, "run it? y/n");
    paint(buffer, inside, inside.height.saturating_sub(1), &question, app);
}

/// All commands with their keys.
pub(super) fn help(buffer: &mut Buffer, area: Rect, past: usize, app: &App) {
    let width = usize::from(area.width).saturating_sub(8).clamp(8, 100);
    let paper = paper(u16::try_from(width).unwrap_or(u16::MAX));
    let mut rows = Vec::new();
    for (group, entries) in COMMANDS {
        rows.push(paper.paint(Style::Strong, group));
        for entry in *entries {
            let mut keys: Vec<&str> = OPENERS
                .iter()
                .filter(|(_, opens, _)| opens.split(' ').next() == Some(entry.name))
                .map(|(key, ..)| *key)
                .collect();
            keys.extend(of_command(entry.name).into_iter().take(2));
            let typed = format!("{} {}", entry.name, entry.takes);
            rows.push(format!(
                "  {}  {}  {}",
                paper.paint(Style::Place, &pad(&keys.join(" "), 16)),
                pad(typed.trim_end(), 28),
                paper.paint(Style::Faint, entry.about)
            ));
        }
    }
    rows.push(String::new());
    rows.push(format!("  {}  {}", paper.paint(Style::Place, &pad(":", 16)), "type any of them"));
    let inside = open(buffer, area, "keys and commands", width, rows.len(), app);
    let past = past.min(rows.len().saturating_sub(usize::from(inside.height)));
    for (row, line) in (0..inside.height).zip(rows.iter().skip(past)) {
        paint(buffer, inside, row, line, app);
    }
}
