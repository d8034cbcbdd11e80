//! What is done outside of the state: asked for by an update, done by whoever runs it.

use super::{App, Message, Opened, Trouble};
use crate::model::{NodeId, Run, RunId};
use crate::replay::{Scope, Wanted};

/// What an update wants to have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Read a run and look at it.
    Open(String),
    /// Read a run and put it beside.
    Compare(String),
    /// Say what a replay would do.
    Plan,
    /// Replay; needs the terminal as it was.
    Replay,
    /// Let the user edit a node, or one field of it; needs the terminal as it was.
    Editor {
        /// The node.
        node: NodeId,
        /// The field.
        path: Option<String>,
    },
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell goes on; needs the terminal as it was.
    Suspend,
    /// End.
    Quit,
}

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The new run.
    pub run: RunId,
    /// Exit code as `retake replay` has it.
    pub code: i32,
    /// Calls that were sent.
    pub sent: usize,
}

/// Who does what cannot be done by looking at the state.
pub trait Act {
    /// Reads a run.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    fn open(&mut self, selector: &str) -> Result<Opened, Trouble>;

    /// What a replay with these changes would do, a line each.
    ///
    /// # Errors
    /// A change that cannot be made.
    fn plan(&mut self, run: &Run, changes: &[Wanted], scope: Scope) -> Result<Vec<String>, Trouble>;

    /// Replays as `retake replay` does.
    ///
    /// # Errors
    /// It was not begun, or not agreed to.
    fn replay(&mut self, run: &Run, changes: &[Wanted], scope: Scope) -> Result<Done, Trouble>;

    /// Lets the user edit a node, or one field of it.
    ///
    /// # Errors
    /// The editor failed, or nothing was changed.
    fn edit(&mut self, run: &Run, node: NodeId, path: Option<&str>) -> Result<Vec<Wanted>, Trouble>;
}

/// Has an effect done; the message that tells of it, where there is any.
pub fn perform(app: &App, effect: &Effect, act: &mut dyn Act) -> Option<Message> {
    let run = &app.opened.run;
    match effect {
        Effect::Open(selector) => Some(Message::Opened(act.open(selector).map(Into::into))),
        Effect::Compare(selector) => Some(Message::Beside(act.open(selector).map(Into::into))),
        Effect::Plan => Some(Message::Planned(act.plan(run, &app.changes, app.scope))),
        Effect::Replay => Some(Message::Replayed(act.replay(run, &app.changes, app.scope))),
        Effect::Editor { node, path } => Some(Message::Edited(act.edit(run, *node, path.as_deref()))),
        Effect::None | Effect::Redraw | Effect::Suspend | Effect::Quit => None,
    }
}
