//! What stands for what between a replay and the run that it replays, as the replay said it: the names of a
//! replay are read as those of its recording, and what was served is what was recorded.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::event::{Action, Decided};
use crate::model::{NodeId, Run, RunId};
use crate::names::rename::Renamer;

/// How a run reads in the words of the run that it replays.
#[derive(Debug, Default)]
pub(super) struct Binding {
    renamer: Option<Renamer>,
    /// Placeholders of now and of the recording.
    secrets: Vec<(String, String)>,
    /// Tools of which results were held.
    pub(super) held: BTreeSet<String>,
    /// Nodes that the user changed.
    pub(super) edited: BTreeSet<NodeId>,
}

impl Binding {
    /// Of a replay; `None` where the other run is neither its parent nor another replay of that.
    pub(super) fn of(run: &Run, other: &Run) -> Option<Self> {
        let parent = |run: &Run| -> Option<RunId> { Some(run.started.parent.as_ref()?.run.clone()) };
        let own = parent(run)?;
        if own != other.id && parent(other) != Some(own) {
            return None;
        }
        let mut binding = Self::default();
        let mut names: Vec<(String, String)> = Vec::new();
        let calls = run.calls.values().filter_map(|call| call.decided.as_ref());
        let told = run.announced.values().filter_map(|announced| announced.begin.decided.as_ref());
        for note in calls.chain(told).flat_map(|decided| &decided.notes) {
            if let Some(rest) = note.strip_prefix("name: ") {
                names.extend(rest.split_once(" is now ").map(|(was, is)| (is.to_owned(), was.to_owned())));
            } else if let Some(rest) = note.strip_prefix("secret: ") {
                let pair = rest.split_once(" is now ").map(|(was, is)| (is.to_owned(), was.to_owned()));
                binding.secrets.extend(pair);
            } else if let Some(rest) = note.strip_prefix("held: reading ") {
                let reading =
                    rest.split_once(" at ").and_then(|(was, rest)| Some((rest.rsplit_once(", now ")?.1, was)));
                names.extend(reading.map(|(is, was)| (is.to_owned(), was.to_owned())));
            } else if let Some(rest) = note.strip_prefix("held: ") {
                binding.held.extend(rest.split(' ').next().map(str::to_owned));
            }
        }
        names.retain(|(is, was)| is != was);
        binding.renamer = (!names.is_empty()).then(|| Renamer::of(&names));
        let changes = run.started.parent.iter().flat_map(|parent| &parent.changes);
        let edits = changes.filter_map(|change| change.strip_prefix("--set ")?.split('.').next()?.parse().ok());
        binding.edited = edits.map(NodeId).collect();
        Some(binding)
    }

    /// A text in the words of the recording.
    pub(super) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        if let Some(renamed) = self.renamer.as_ref().and_then(|renamer| renamer.text(text.as_bytes())) {
            out = Cow::Owned(String::from_utf8_lossy(&renamed).into_owned());
        }
        if !self.secrets.is_empty() && out.contains("_SECRET_") {
            let mut text = out.into_owned();
            // In two steps, as two may have changed numbers.
            for (place, (is, _)) in self.secrets.iter().enumerate() {
                text = text.replace(is.as_str(), &format!("\u{0}{place}\u{0}"));
            }
            for (place, (_, was)) in self.secrets.iter().enumerate() {
                text = text.replace(&format!("\u{0}{place}\u{0}"), was);
            }
            out = Cow::Owned(text);
        }
        out
    }
}

/// Whether a replay answered with what it has for this node, unchanged: then the matcher took the calls for equal.
pub(super) fn is_served(decided: Option<&Decided>, parent: NodeId) -> bool {
    decided.is_some_and(|decided| decided.action == Action::Serve && decided.node == Some(parent))
}
