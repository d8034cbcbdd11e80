//! Two runs beside each other, a row a pair.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{mark, paint, paper, rule};
use crate::diff::{Pair, Status};
use crate::model::{NodeId, Run};
use crate::text::escape::{cut, pad};
use crate::tui::app::App;
use crate::tui::layout::Areas;
use crate::tui::pair::Beside;
use crate::ui::graph::Table;
use crate::ui::{Paper, Style, diff, runs};

/// Both runs by name, the pairs in view, and how much differs in all.
pub(super) fn draw(buffer: &mut Buffer, areas: Areas, app: &App) {
    let Some(beside) = &app.beside else { return };
    let area = areas.graph;
    let half = usize::from(area.width.saturating_sub(4)) / 2;
    let sides = [&app.opened.summary, &beside.right.summary];
    let names = sides.map(|summary| {
        let said = format!("{}  {}", summary.id, runs::what(summary));
        pad(&cut(&said, half), half)
    });
    let paper = paper(area.width);
    let names = names.map(|name| paper.paint(Style::Strong, &name));
    paint(buffer, area, 0, &format!("  {}  {}", names[0], names[1]), app);
    for (row, place) in (1..area.height).zip(app.top..beside.report.pairs.len()) {
        let pair = &beside.report.pairs[place];
        paint(buffer, area, row, &line(app, beside, pair, half), app);
        if place == app.pair {
            mark(buffer, area, row);
        }
    }
    rule(buffer, areas.bar, app);
    let total = diff::total(&beside.report);
    let at = areas.bar.width.saturating_sub(u16::try_from(total.len()).unwrap_or(0) + 3);
    if at > 4 && areas.bar.height > 0 {
        paint(buffer, Rect { x: at, width: areas.bar.width - at, ..areas.bar }, 0, &format!(" {total} "), app);
    }
}

/// A pair: its sign, then the node of each run; what is equal is faint.
fn line(app: &App, beside: &Beside, pair: &Pair, half: usize) -> String {
    let (sign, style) = match pair.status {
        Status::Same => (" ", Style::Faint),
        Status::Differs if pair.frontier => ("~", Style::Changed),
        Status::Differs => ("·", Style::Changed),
        Status::OnlyLeft => ("-", Style::Bad),
        Status::OnlyRight => ("+", Style::Good),
    };
    let plain = Paper { colour: false, ..paper(0) };
    let side = |run: &Run, id: Option<NodeId>, table: &Table| {
        let text = id.and_then(|id| run.graph.node(id)).map(|node| table.line(node, plain)).unwrap_or_default();
        pad(&cut(&text, half), half)
    };
    let paper = paper(0);
    let (left, right) =
        (side(&app.opened.run, pair.left, &app.tables[0]), side(&beside.right.run, pair.right, &app.tables[1]));
    if pair.status == Status::Same {
        return format!("  {}  {}", paper.paint(Style::Faint, &left), paper.paint(Style::Faint, &right));
    }
    format!("{} {left}  {right}", paper.paint(style, sign))
}
