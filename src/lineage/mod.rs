//! Where text came from: which node's output stands in which node's input.
//!
//! Everything here is read off the texts of a run; nothing that was recorded is changed.

#[cfg(test)]
pub(crate) mod build;
mod chains;
mod data;
mod fields;
mod retrieval;
mod spans;
#[cfg(test)]
mod tests;

pub use data::data_edges;
pub(crate) use fields::message_path;
pub use fields::{Field, Fields, Voice, fields};
pub use retrieval::{Retrieval, inferred_retrievals};

/// Characters that a passage has at least to be evidence.
pub const PASSAGE: usize = 20;
