//! Runs in other shapes, in and out.

pub mod json;
pub mod replays;
pub mod steps;
