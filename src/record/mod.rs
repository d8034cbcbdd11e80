//! Recording an agent: where its calls go, its process, its events on their way to the file, and the run they make.
//!
//! [`run`] is what recording and replaying have in common: it starts a listener and the agent behind
//! it, waits, and tells everything to a [`crate::proxy::Watch`], for which [`Recorder`] is made. A
//! [`Take`] is a run on its way into a store; [`assemble`] reads events as a run.

mod afterlife;
pub mod announced;
mod assemble;
mod below;
pub(crate) mod calls;
mod child;
mod descendants;
pub(crate) mod fit;
pub(crate) mod lanes;
mod leash;
mod live;
pub(crate) mod missed;
mod others;
mod program;
mod providers;
mod recorder;
mod routes;
mod run;
mod sockets;
mod start;
mod steering;
mod streams;
mod take;
mod tally;
#[cfg(test)]
mod tests;
mod tools;

pub use assemble::{assemble, summarise};
pub use leash::Leash;
pub use live::Live;
pub use missed::Missed;
pub use program::{CannotRun, find as find_program};
pub use providers::{Effect, Provider, Silencer, TABLE, Table};
pub use recorder::{Recorder, Redact, Sink};
pub use routes::{Error, Named, PLACEHOLDER, Routes, Surroundings, has_placeholder, placeholders};
pub use run::{Failure, Outcome, Setup, run};
pub use start::started;
pub use steering::is_steering;
pub use streams::{Input, is_piped_in};
pub use take::{Sealed, Take};
