//! The pane of the node: what was laid out, from where it is scrolled to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style as Look};

use super::{paint, paper, put};
use crate::text::units::count;
use crate::tui::app::App;
use crate::tui::page::Page;
use crate::tui::{Outcome, ink};
use crate::ui::Style;

/// The rows that are in view; the first ones say how many are above, the last one how many follow.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    let rows = &app.page.rows;
    let faint = |text: String| paper(area.width).paint(Style::Faint, &text);
    let pinned = if app.past > 0 { Page::pinned(area.height) } else { 0 };
    if let (Some(head), true) = (rows.first(), pinned > 0) {
        put(buffer, area, 0, &ink::line(head, app.colour));
        paint(buffer, area, 1, &faint(format!("({} above)", count(app.past, "line"))), app);
    }
    let body = u16::try_from(pinned).unwrap_or_default();
    let height = usize::from(area.height - body);
    let hidden = rows.len().saturating_sub(app.past + height);
    let shown = if hidden > 0 && height > 3 { height - 1 } else { height };
    for (row, line) in (body..area.height).zip(rows.iter().skip(app.past).take(shown)) {
        put(buffer, area, row, &ink::line(line, app.colour));
    }
    if shown < height {
        let more = format!("(+ {}: space scrolls)", count(hidden + 1, "line"));
        paint(buffer, area, area.height - 1, &faint(more), app);
    }
    if let (Outcome::Found { .. }, Some(search)) = (&app.outcome, &app.search) {
        underline(buffer, area, &search.wanted);
    }
}

/// Underlines a text where it stands within one row.
fn underline(buffer: &mut Buffer, area: Rect, wanted: &str) {
    let area = area.intersection(buffer.area);
    let wanted: Vec<String> = wanted.to_lowercase().chars().map(String::from).collect();
    for y in area.top()..area.bottom() {
        let mut row = Vec::new();
        for x in area.left()..area.right() {
            row.push(buffer[(x, y)].symbol().to_lowercase());
        }
        let mut x = 0;
        while x + wanted.len() <= row.len() {
            // A wide character takes two cells, the second of which is blank.
            let mut at = x;
            let matched = wanted.iter().all(|letter| {
                let same = row.get(at) == Some(letter);
                at += row.get(at).map_or(1, |cell| crate::text::escape::columns(cell).max(1));
                same
            });
            if matched && !wanted.is_empty() {
                let width = u16::try_from(at - x).unwrap_or(u16::MAX);
                let found = Rect::new(area.x + u16::try_from(x).unwrap_or(0), y, width, 1).intersection(area);
                buffer.set_style(found, Look::default().add_modifier(Modifier::UNDERLINED | Modifier::BOLD));
                x = at;
            } else {
                x += 1;
            }
        }
    }
}
