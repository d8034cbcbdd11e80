//! Replays: a plan over a recording, and the tape that answers by it.

mod assess;
#[cfg(test)]
mod assess_tests;
mod borders;
mod change;
mod clock;
pub mod effects;
mod flake;
#[cfg(test)]
mod flake_tests;
mod fragments;
mod given;
mod grade;
mod index;
mod kept;
#[cfg(test)]
mod kept_tests;
mod made_up;
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
mod said;
mod scrambled;
mod split;
mod tape;
mod temporary;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;
mod unmatched;
mod value;
mod volatile;

pub use assess::{Assessment, Judged, Reason, Word, gradeable};
pub use change::{Change, Error, Scope, Target, Wanted};
pub use flake::{Flakiness, Order, Race, Replayed, Volatile, What, flakiness};
pub use perform::{Job, Performed, perform, started};
pub use plan::{Live, Options, Plan, ranges};
pub use rehearse::Rehearsal;
pub use unmatched::{Unmatched, unmatched};
pub use value::{editable, value};
pub use volatile::Steady;
