//! The terminal as paper: how runs, nodes and differences look.
//!
//! Everything here is a function of its arguments and returns text; only `streams` writes.

pub mod assessment;
pub mod diff;
mod facts;
pub mod flake;
pub mod graph;
pub mod message;
pub mod node;
mod paper;
pub mod raw;
pub mod review;
pub mod run;
pub mod runs;
mod sheet;
pub mod store;
pub mod streams;
pub mod tested;

pub use facts::kind_word;
pub use paper::{Paper, Piece, Style, pieces};
pub use sheet::{Place, Sheet};
