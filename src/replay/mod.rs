//! Replays: a plan over a recording, and the tape that answers by it.

mod assess;
#[cfg(test)]
mod assess_tests;
mod change;
pub mod effects;
mod flake;
#[cfg(test)]
mod flake_tests;
mod given;
mod grade;
mod index;
mod kept;
#[cfg(test)]
mod kept_tests;
mod made_up;
mod matcher;
mod miss;
#[cfg(test)]
mod naming_tests;
mod nearest;
mod outgoing;
mod parameters;
mod pattern;
mod perform;
mod plan;
mod rehearse;
mod said;
mod tape;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;
mod unmatched;
mod value;

pub use assess::{Assessment, Judged, Reason, Word, gradeable};
pub use change::{Change, Error, Scope, Target, Wanted};
pub use flake::{Flakiness, Order, Race, Replayed, Volatile, What, flakiness};
pub use perform::{Job, Loose, Performed, perform, started};
pub use plan::{Live, Options, Plan, ranges};
pub use rehearse::Rehearsal;
pub use unmatched::{Unmatched, unmatched};
pub use value::{editable, value};
