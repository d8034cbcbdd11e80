//! Replays: a plan over a recording, and the tape that answers by it.

mod assess;
#[cfg(test)]
mod assess_tests;
mod change;
mod clock;
pub mod effects;
mod flake;
mod given;
mod grade;
mod index;
mod matcher;
mod miss;
mod naming;
#[cfg(test)]
mod naming_tests;
mod opaque;
mod outgoing;
mod perform;
mod places;
mod plan;
mod readings;
mod rehearse;
mod rename;
mod split;
mod tape;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;
mod value;

pub use assess::{Assessment, Judged, Reason, Word, gradeable};
pub use change::{Change, Error, Scope, Target, Wanted};
pub use flake::{Flakiness, Order, Race, Volatile, What, flakiness};
pub use perform::{Job, Performed, perform, started};
pub use plan::{Live, Options, Plan, ranges};
pub use rehearse::Rehearsal;
pub use value::{editable, value};
