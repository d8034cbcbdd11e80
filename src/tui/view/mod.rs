//! How the state looks. Views draw and decide nothing.

mod compare;
mod graph;
mod node;
mod panes;
mod status;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style as Look};
use ratatui::text::Line;

use super::app::{App, Mode};
use super::ink;
use crate::model::Micros;
use crate::text::escape::columns;
use crate::ui::{Paper, Style, run};

/// Draws the state; a cursor stands where something is typed.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    let areas = app.areas();
    let buffer = frame.buffer_mut();
    head(buffer, areas.head, app);
    rule(buffer, areas.rule, app);
    let mut cursor = None;
    if app.beside.is_some() {
        compare::draw(buffer, areas, app);
    } else {
        graph::draw(buffer, areas.graph, app);
        graph::kin(buffer, areas.kin, app);
        bar(buffer, areas.bar, app);
    }
    node::draw(buffer, areas.node, app);
    match &app.mode {
        Mode::Look => {}
        Mode::Typing(line) => cursor = status::typing(buffer, areas.status, line),
        Mode::Choosing { title, items, at } => panes::choose(buffer, area, title, items, *at, app),
        Mode::Editing { path, line } => cursor = panes::edit(buffer, area, path, line, app),
        Mode::Planning { lines, past } => panes::plan(buffer, area, lines, *past, app),
        Mode::Helping { past } => panes::help(buffer, area, *past, app),
    }
    if !matches!(app.mode, Mode::Typing(_)) {
        status::draw(buffer, areas.status, app);
    }
    status::keys(buffer, areas.keys, app);
    if let Some(place) = cursor.filter(|place: &Position| area.contains(*place)) {
        frame.set_cursor_position(place);
    }
}

/// Paper of so many columns.
fn paper(width: u16) -> Paper {
    Paper { width: Some(usize::from(width)), colour: true, now: Micros(0) }
}

/// Writes a line into its place, and nothing beside it.
fn put(buffer: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    let area = area.intersection(buffer.area);
    if row < area.height && area.width > 0 {
        buffer.set_line(area.x, area.y + row, line, area.width);
    }
}

/// The same with painted text.
fn paint(buffer: &mut Buffer, area: Rect, row: u16, text: &str, app: &App) {
    put(buffer, area, row, &ink::painted(text, app.colour));
}

/// A row that is marked: also readable without colour.
fn mark(buffer: &mut Buffer, area: Rect, row: u16) {
    let line = Rect { y: area.y.saturating_add(row), height: 1, ..area };
    buffer.set_style(line.intersection(buffer.area), Look::default().add_modifier(Modifier::REVERSED));
}

fn head(buffer: &mut Buffer, area: Rect, app: &App) {
    let width = area.width.saturating_sub(1);
    let mut text = run::head(&app.opened.summary, paper(width)).trim_end().to_owned();
    let plain: String = crate::ui::pieces(&text).iter().map(|piece| piece.text.as_str()).collect();
    let facts = run::totals(&app.opened.summary);
    let room = usize::from(width).saturating_sub(columns(&plain));
    if room > columns(&facts) + 2 {
        text = format!("{text}{}{}", " ".repeat(room - columns(&facts)), paper(width).paint(Style::Faint, &facts));
    }
    paint(buffer, Rect { x: 1, width, ..area }, 0, &text, app);
}

fn rule(buffer: &mut Buffer, area: Rect, app: &App) {
    let line = ink::painted(&paper(area.width).paint(Style::Faint, &"─".repeat(usize::from(area.width))), app.colour);
    put(buffer, area, 0, &line);
}

fn bar(buffer: &mut Buffer, area: Rect, app: &App) {
    let line = ink::painted(&paper(1).paint(Style::Faint, "│"), app.colour);
    for row in 0..area.height {
        put(buffer, area, row, &line);
    }
}
