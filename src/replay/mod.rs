//! Replays: a plan over a recording, and the tape that answers by it.

mod change;
mod given;
mod grade;
mod matcher;
mod plan;
mod tape;
#[cfg(test)]
mod tests;

pub use change::{Change, Error, Scope, Target, Wanted};
pub use plan::{Live, Options, Plan, ranges};
pub use tape::{Listener, Tape};
