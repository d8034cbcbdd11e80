//! Recording.

pub mod announced;
mod assemble;
pub(crate) mod lanes;
mod tools;

pub use assemble::{assemble, summarise};
//! Recording an agent: where its calls go, its process, and its events on their way to the file.

mod live;
mod providers;
mod routes;

pub use live::Live;
pub use providers::{Effect, Provider, Silencer, TABLE, Table};
pub use routes::{Error, Named, PLACEHOLDER, Routes, Surroundings, has_placeholder, placeholders};
