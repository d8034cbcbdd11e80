//! Where on the screen what stands.

use ratatui::layout::Rect;

use super::App;

/// Columns below which graph and node do not stand beside each other.
const NARROW: u16 = 64;

/// Rows below which only what is needed is shown.
const LOW: u16 = 9;

/// Rows that the tree of runs has at most.
const KIN: u16 = 6;

/// The parts of the screen; what finds no room is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    /// The run in a line.
    pub head: Rect,
    /// The line below it.
    pub rule: Rect,
    /// The graph, or the pairs of two runs.
    pub graph: Rect,
    /// The tree of runs, its heading first.
    pub kin: Rect,
    /// The line between left and right.
    pub bar: Rect,
    /// The node, or the differences of a pair.
    pub node: Rect,
    /// What the last command came to, or the line that is typed.
    pub status: Rect,
    /// Keys.
    pub keys: Rect,
}

/// Lays the screen out.
#[must_use]
pub(super) fn areas(app: &App) -> Areas {
    let (width, height) = app.size;
    let low = height < LOW;
    let mut areas = Areas::default();
    let mut top = 0;
    let mut bottom = height;
    let mut below = |rows: u16| {
        let rows = rows.min(bottom.saturating_sub(1));
        bottom -= rows;
        Rect::new(0, bottom, width, rows)
    };
    if !low {
        areas.keys = below(1);
    }
    areas.status = below(1);
    if !low {
        let row = |top: u16| Rect::new(0, top, width, 1);
        areas.head = row(0);
        areas.rule = row(1);
        top = 2;
    }
    let body = Rect::new(0, top, width, bottom.saturating_sub(top));
    if app.beside.is_some() {
        // Two runs have the whole width; what differs stands below them.
        let upper = if body.height < 8 { body.height.div_ceil(2) } else { body.height * 2 / 5 };
        areas.graph = Rect { height: upper, ..body };
        let lower = body.height - upper;
        let line = u16::from(lower > 3);
        areas.bar = Rect::new(0, top + upper, width, line);
        areas.node = Rect::new(0, top + upper + line, width, lower - line);
        return areas;
    }
    let (graph, node) = if width < NARROW {
        if app.front { (Rect::default(), body) } else { (body, Rect::default()) }
    } else {
        let wanted = u16::try_from(app.opened.natural.width()).unwrap_or(u16::MAX).saturating_add(2);
        let left = wanted.clamp(24, width * 9 / 20);
        areas.bar = Rect::new(left, top, 1, body.height);
        (Rect { width: left, ..body }, Rect::new(left + 2, top, width - left - 2, body.height))
    };
    areas.node = node;
    areas.graph = graph;
    let kin = u16::try_from(app.kin.len()).unwrap_or(u16::MAX);
    if kin > 1 && graph.height > LOW {
        let rows = kin.min(KIN).min(graph.height / 3) + 1;
        areas.graph.height -= rows + 1;
        areas.kin = Rect { y: graph.y + graph.height - rows, height: rows, ..graph };
    }
    areas
}
