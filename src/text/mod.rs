//! Text with no domain in it: JSON, words, units.

pub mod json;
mod path;
pub mod shingle;
pub mod words;
