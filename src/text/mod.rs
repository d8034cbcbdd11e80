//! Text with no domain in it: JSON, words, units.

pub mod json;
mod path;
