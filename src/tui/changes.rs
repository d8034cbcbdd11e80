//! Taking changes on, looking at the plan, replaying.

use super::act::Done;
use super::app::{App, Mode};
use super::line::Line;
use super::{Effect, Outcome, Trouble};
use crate::model::NodeId;
use crate::replay::{self, Change, Scope, Wanted};
use crate::text::escape::one_line;
use crate::text::json::Path;

impl App {
    /// The changes as `retake replay --set` would be given them, and how far they reach.
    #[must_use]
    pub fn typed(&self) -> Vec<String> {
        let change = |wanted: &Wanted| format!("{}.{}={}", wanted.node, wanted.path, wanted.value);
        let mut typed: Vec<String> = self.changes.iter().map(change).collect();
        match self.scope {
            Scope::Conversation => {}
            Scope::Once => typed.push("--once".to_owned()),
            Scope::Everywhere => typed.push("--everywhere".to_owned()),
        }
        typed
    }

    /// The value of a field, with the change to it that was taken on.
    fn value(&self, node: NodeId, path: &Path) -> Result<String, replay::Error> {
        let changed = self.changes.iter().find(|wanted| wanted.node == node && wanted.path == *path);
        match changed {
            Some(wanted) => Ok(wanted.value.clone()),
            None => replay::value(&self.opened.run, node, path),
        }
    }

    pub(super) fn edit(&mut self, path: Option<Path>, value: Option<String>) -> Effect {
        self.mode = Mode::Look;
        let Some(at) = self.editable() else { return Effect::None };
        match (path, value) {
            (Some(path), Some(value)) => return self.change(&path.to_string(), value),
            (_, None) if self.scripted => {
                self.fail("`edit` needs a value where nobody can type one", "type `edit PATH=VALUE`");
            }
            (Some(path), None) => match self.value(at, &path) {
                Ok(text) if text.contains(['\n', '\r']) => return self.editor(Some(path.to_string())),
                Ok(text) => self.mode = Mode::Editing { path: path.to_string(), line: Line::new(&text) },
                Err(error) => self.refuse(&error),
            },
            (None, _) => self.choose_field(at),
        }
        Effect::None
    }

    /// The node to change; only those of the run on the left can be.
    fn editable(&mut self) -> Option<NodeId> {
        let here = self.here().map(|(opened, at)| (std::ptr::eq(opened, &raw const *self.opened), at));
        match here {
            Some((true, at)) => Some(at),
            Some((false, _)) => {
                self.fail("this node is only in the run on the right", "change sides with `swap`");
                None
            }
            None => {
                self.fail("there is no node to change", "look at another run with `run`");
                None
            }
        }
    }

    fn choose_field(&mut self, at: NodeId) {
        let mut items: Vec<(String, String)> = Vec::new();
        let fields = replay::editable(&self.opened.run, at);
        let width = fields.iter().map(|(path, _)| path.len()).max().unwrap_or(0).min(40);
        for (path, text) in fields {
            let Ok(read) = Path::parse(&path) else { continue };
            let text = self.value(at, &read).unwrap_or(text);
            items.push((format!("{path:width$}  {}", one_line(&text)), format!("edit {path}")));
        }
        if items.is_empty() {
            return self.fail(format!("node {at} has nothing that can be changed"), "go to another one with `next`");
        }
        self.mode = Mode::Choosing { title: format!("edit node {at}"), items, at: 0 };
    }

    pub(super) fn editor(&mut self, path: Option<String>) -> Effect {
        match self.editable() {
            Some(_) if self.scripted => {
                self.fail("`editor` needs a screen", "type `edit PATH=VALUE`");
                Effect::None
            }
            Some(node) => Effect::Editor { node, path },
            None => Effect::None,
        }
    }

    /// Takes a change to the node here on.
    pub(super) fn change(&mut self, path: &str, value: String) -> Effect {
        let Some(node) = self.editable() else { return Effect::None };
        let Ok(path) = Path::parse(path) else {
            self.fail(format!("`{}` is no path", one_line(path)), "choose a field with `edit`");
            return Effect::None;
        };
        self.take_on(vec![Wanted { node, path, value }])
    }

    pub(super) fn edited(&mut self, edited: Result<Vec<Wanted>, Trouble>) -> Effect {
        match edited {
            Ok(changes) => self.take_on(changes),
            Err(trouble) => {
                self.outcome = Outcome::Failed(trouble);
                Effect::None
            }
        }
    }

    /// Holds changes against the run and keeps them; each takes the place of an earlier one to its field.
    fn take_on(&mut self, changes: Vec<Wanted>) -> Effect {
        for wanted in changes {
            let same = |known: &Wanted| known.node == wanted.node && known.path == wanted.path;
            let known = self.changes.iter().position(same);
            match Change::check(&self.opened.run, wanted.clone(), false) {
                Ok(_) => match known {
                    Some(place) => self.changes[place] = wanted,
                    None => self.changes.push(wanted),
                },
                // It is changed back.
                Err(replay::Error::Same { .. }) if known.is_some() => {
                    self.changes.retain(|known| !same(known));
                }
                Err(error) => {
                    self.refuse(&error);
                    return Effect::None;
                }
            }
        }
        self.outcome = Outcome::Changed(self.typed());
        if self.scripted { Effect::None } else { Effect::Plan }
    }

    fn refuse(&mut self, error: &replay::Error) {
        self.fail(error.to_string(), "choose a field with `edit`, or see the node with `show`");
    }

    pub(super) fn planned(&mut self, laid: Result<Vec<String>, Trouble>) -> Effect {
        match laid {
            Ok(lines) => {
                if !self.scripted {
                    self.mode = Mode::Planning { lines: lines.clone(), past: 0 };
                }
                self.outcome = Outcome::Plan(lines);
            }
            Err(trouble) => self.outcome = Outcome::Failed(trouble),
        }
        Effect::None
    }

    pub(super) fn replayed(&mut self, done: Result<Done, Trouble>) -> Effect {
        match done {
            Ok(Done { run, code, sent }) => {
                let selector = run.to_string();
                self.changes.clear();
                self.scope = Scope::default();
                self.outcome = Outcome::Replayed { run, code, sent };
                Effect::Compare(selector)
            }
            Err(trouble) => {
                self.outcome = Outcome::Failed(trouble);
                Effect::None
            }
        }
    }
}
