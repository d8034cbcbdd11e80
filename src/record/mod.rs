//! Recording.

pub mod announced;
mod assemble;
pub(crate) mod lanes;
mod tools;

pub use assemble::{assemble, summarise};
