//! The run as a graph, and the tree of runs that it belongs to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{mark, paint, paper, put};
use crate::text::escape::one_line;
use crate::tui::App;
use crate::tui::ink;
use crate::ui::Style;

/// The rows of the graph that are in view, the marked one behind a sign.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    if app.opened.order.is_empty() {
        paint(
            buffer,
            Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area },
            0,
            "no calls were recorded",
            app,
        );
        return;
    }
    let paper = paper(area.width.saturating_sub(3));
    let text = Rect { x: area.x + 2, width: area.width.saturating_sub(3), ..area };
    let rows = app.opened.drawing.rows.iter().skip(app.top).take(usize::from(area.height));
    for (row, drawn) in (0..area.height).zip(rows) {
        let line = app.opened.drawing.line(drawn, &app.opened.run.graph, &app.tables[0], paper);
        put(buffer, text, row, &ink::painted(&line, app.colour));
        if drawn.node.is_some() && drawn.node == app.at {
            put(buffer, area, row, &ink::painted("›", app.colour));
            mark(buffer, area, row);
        }
    }
}

/// This run, the one it came from, and the replays of that.
pub(super) fn kin(buffer: &mut Buffer, area: Rect, app: &App) {
    if area.height < 2 {
        return;
    }
    let paper = paper(area.width);
    paint(buffer, Rect { x: area.x + 2, ..area }, 0, &paper.paint(Style::Faint, "runs"), app);
    let rows = usize::from(area.height) - 1;
    let at = app.kin.iter().position(|kin| kin.id == app.opened.run.id).unwrap_or_default();
    let top = (at + 1).saturating_sub(rows).min(app.kin.len().saturating_sub(rows));
    for (row, kin) in (1..area.height).zip(app.kin.iter().skip(top)) {
        let here = kin.id == app.opened.run.id;
        let sign = if here { "›" } else { " " };
        let style = if here { Style::Strong } else { Style::Faint };
        let name = paper.paint(style, kin.id.as_str());
        let says = paper.cut(&one_line(&kin.says), kin.branch.chars().count() + kin.id.as_str().len() + 4);
        paint(buffer, area, row, &format!("{sign} {}{name}  {says}", kin.branch), app);
    }
}
