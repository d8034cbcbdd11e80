//! Painted text as rows of so many columns, and rows as ratatui wants them.

use ratatui::style::{Color, Modifier, Style as Look};
use ratatui::text::{Line, Span};

use crate::text::escape::{columns, wrap};
use crate::ui::{Piece, Style, pieces};

/// A row of the screen.
pub(super) type Row = Vec<Piece>;

/// Lays painted text out in so many columns; a line that is broken goes on as far in as it began.
/// For each line of the text, the byte where it begins and its first row are returned too.
#[must_use]
pub(super) fn lay(text: &str, width: usize) -> (Vec<Row>, Vec<(usize, usize)>) {
    let mut rows = Vec::new();
    let mut begins = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        begins.push((at, rows.len()));
        at += line.len();
        broken(pieces(&line.trim_end_matches('\n').replace('\t', "    ")), width, &mut rows);
    }
    (rows, begins)
}

fn broken(row: Row, width: usize, rows: &mut Vec<Row>) {
    let whole: String = row.iter().map(|piece| piece.text.as_str()).collect();
    if columns(&whole) <= width {
        rows.push(row);
        return;
    }
    let indent = whole.len() - whole.trim_start_matches(' ').len();
    let indent = indent.min(width / 2);
    let mut rest = row.into_iter();
    let mut open = rest.next();
    let mut take = |mut bytes: usize| {
        let mut taken: Row = Vec::new();
        while bytes > 0 {
            let Some(piece) = open.as_mut() else { break };
            if piece.text.len() <= bytes {
                bytes -= piece.text.len();
                taken.extend(open.take());
                open = rest.next();
            } else {
                let after = piece.text.split_off(bytes);
                let before = std::mem::replace(&mut piece.text, after);
                taken.push(Piece { style: piece.style, text: before });
                bytes = 0;
            }
        }
        taken
    };
    take(indent);
    let mut at = indent;
    // What began at the edge goes on a little further in.
    let further = if indent == 0 { 2.min(width / 8) } else { indent };
    for (place, line) in wrap(&whole[indent..], width.saturating_sub(further)).into_iter().enumerate() {
        // One space is left out where a line was broken at it.
        if !whole[at..].starts_with(&line) {
            take(1);
            at += 1;
        }
        let before = if place == 0 { indent } else { further };
        let mut row = vec![Piece { style: None, text: " ".repeat(before) }];
        row.extend(take(line.len()));
        at += line.len();
        rows.push(row);
    }
}

/// A row as ratatui wants it.
#[must_use]
pub(super) fn line(row: &Row, colour: bool) -> Line<'static> {
    Line::from(row.iter().map(|piece| Span::styled(piece.text.clone(), look(piece.style, colour))).collect::<Vec<_>>())
}

/// A painted line as ratatui wants it.
#[must_use]
pub(super) fn painted(text: &str, colour: bool) -> Line<'static> {
    line(&pieces(text), colour)
}

/// A style as ratatui has it.
#[must_use]
pub(super) fn look(style: Option<Style>, colour: bool) -> Look {
    let plain = Look::default();
    match style.filter(|_| colour) {
        None => plain,
        Some(Style::Strong) => plain.add_modifier(Modifier::BOLD),
        Some(Style::Faint) => plain.add_modifier(Modifier::DIM),
        Some(Style::Bad) => plain.fg(Color::Red),
        Some(Style::Good) => plain.fg(Color::Green),
        Some(Style::Changed) => plain.fg(Color::Yellow),
        Some(Style::Place) => plain.fg(Color::Cyan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|row| row.iter().map(|piece| piece.text.as_str()).collect()).collect()
    }

    #[test]
    fn long_lines_go_on_as_far_in_as_they_began() {
        let (rows, begins) = lay("head\n    one two three four five\n\n日本語日本語日本語\n", 16);
        assert_eq!(texts(&rows), ["head", "    one two", "    three four", "    five", "", "日本語日本語日", "  本語"]);
        assert_eq!(begins, [(0, 0), (5, 1), (33, 4), (34, 5)]);
    }

    #[test]
    fn styles_survive_a_break() {
        let painted = "\u{1b}[36mmessages\u{1b}[0m a \u{1b}[1mlong bold text\u{1b}[0m end";
        let (rows, _) = lay(painted, 12);
        assert_eq!(texts(&rows), ["messages a", " long bold", " text end"]);
        assert_eq!(rows[0][1].style, Some(Style::Place));
        assert_eq!(rows[1].last().map(|piece| piece.style), Some(Some(Style::Strong)));
        assert_eq!(rows[2][1].style, Some(Style::Strong));
        assert_eq!(rows[2][2].style, None);
    }
}
