//! Replays: a plan over a recording, and the tape that answers by it.

mod change;
pub mod effects;
mod given;
mod grade;
mod matcher;
mod perform;
mod plan;
mod tape;
#[cfg(test)]
mod tests;

pub use change::{Change, Error, Scope, Target, Wanted};
pub use perform::{Job, Performed, perform, started};
pub use plan::{Live, Options, Plan, ranges};
