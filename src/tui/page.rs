//! What the pane of a node shows, laid out for its width.

use super::ink::{self, Row};
use super::search::Wanted;
use super::{Opened, Outcome};
use crate::model::{Micros, NodeId};
use crate::ui::raw::Side;
use crate::ui::{Paper, node, raw};

/// What is shown of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// The node as a reader wants it.
    #[default]
    Node,
    /// What stands at a path.
    Value {
        /// The path.
        path: String,
        /// What stands there.
        text: String,
    },
    /// The bytes of a side of its call.
    Raw(Side),
}

/// Rows to show.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Fields with the row in which each begins, and whether it is carried over.
    pub fields: Vec<(usize, String, bool)>,
}

impl Page {
    /// Lays out what is to be shown of a node.
    #[must_use]
    pub fn of(opened: &Opened, id: NodeId, content: &Content, whole: bool, width: usize) -> Self {
        let paper = Paper { width: (!whole).then_some(width), colour: true, now: Micros(0) };
        match content {
            Content::Node => {
                let sheet = node::sheet(&opened.run, id, paper).unwrap_or_default();
                let (rows, begins) = ink::lay(&sheet.text, width);
                let row = |at: usize| {
                    let line = begins.partition_point(|(begin, _)| *begin <= at).saturating_sub(1);
                    begins.get(line).map_or(0, |(_, row)| *row)
                };
                let fields = sheet.places.into_iter().map(|place| (row(place.at), place.path, place.carried)).collect();
                Self { rows, fields }
            }
            Content::Value { path, text } => {
                let head = paper.paint(crate::ui::Style::Place, &format!("{id}.{path}"));
                let text = crate::text::escape::escaped(text);
                Self { rows: ink::lay(&format!("{head}\n\n{text}\n"), width).0, fields: Vec::new() }
            }
            Content::Raw(side) => {
                let text = match raw_text(opened, id, *side) {
                    Outcome::Value { text, .. } => raw::shown(text.as_bytes()),
                    Outcome::Failed(trouble) => trouble.what,
                    _ => String::new(),
                };
                Self { rows: ink::lay(&text, width).0, fields: Vec::new() }
            }
        }
    }

    /// Rows above a page that is scrolled, on a pane of so many rows: what the page is, and how much is above.
    #[must_use]
    pub fn pinned(height: u16) -> usize {
        if height > 6 { 2 } else { 0 }
    }

    /// The first field that was not there in the call before, if others stand before it.
    #[must_use]
    pub fn first_new(&self) -> usize {
        let first = self.fields.iter().find(|(_, _, carried)| !carried).map(|(row, ..)| *row);
        let carried = self.fields.first().is_some_and(|(_, _, carried)| *carried);
        first.filter(|_| carried).unwrap_or(0)
    }

    /// The row that has a text, looked for from the row where a field begins.
    pub(super) fn find(&self, path: &str, wanted: &str) -> Option<usize> {
        let wanted = Wanted::new(wanted);
        let related = |field: &str| path.starts_with(field) || field.starts_with(path);
        let start = self.fields.iter().find(|(_, field, _)| related(field)).map_or(0, |(row, ..)| *row);
        let has = |row: &Row| {
            let text: String = row.iter().map(|piece| piece.text.as_str()).collect();
            wanted.find(&text).is_some()
        };
        let from = |start: usize| self.rows.iter().skip(start).position(has).map(|row| row + start);
        from(start).or_else(|| from(0))
    }
}

/// The bytes of a side of a call as text.
pub(super) fn raw_text(opened: &Opened, id: NodeId, side: Side) -> Outcome {
    let name = match side {
        Side::Request => "request",
        Side::Sent => "sent",
        Side::Response => "response",
    };
    let call = opened.run.graph.node(id).and_then(|node| opened.run.calls.get(&node.seq?));
    let Some(call) = call else {
        return Outcome::Failed(
            super::Trouble::new(format!("node {id} was no call on the wire, it has no bytes of its own"))
                .hint("go to the call that carried it with `up` or `down`"),
        );
    };
    match raw::bytes(call, side) {
        Some(bytes) => {
            Outcome::Value { path: format!("raw {name}"), text: String::from_utf8_lossy(&bytes).into_owned() }
        }
        None => Outcome::Failed(super::Trouble::new(format!("node {id} got no answer")).hint("type `raw request`")),
    }
}
