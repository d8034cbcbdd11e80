//! Recording an agent: where its calls go, its process, its events on their way to the file, and the run they make.

pub mod announced;
mod assemble;
pub(crate) mod lanes;
mod live;
mod providers;
mod routes;
mod tools;

pub use assemble::{assemble, summarise};
pub use live::Live;
pub use providers::{Effect, Provider, Silencer, TABLE, Table};
pub use routes::{Error, Named, PLACEHOLDER, Routes, Surroundings, has_placeholder, placeholders};
