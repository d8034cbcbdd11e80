//! Text with no domain in it: JSON, words, units.

pub mod decimal;
pub mod escape;
pub mod identifier;
pub mod json;
pub mod layout;
mod path;
pub mod shingle;
pub mod units;
pub mod words;
