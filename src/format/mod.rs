//! Runs in other shapes, in and out.

pub mod json;
pub mod lines;
pub mod replays;
pub mod steps;
pub mod tested;
