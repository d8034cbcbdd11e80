//! Workflows: what a snapshot says of a run, whether a replay still agrees with it, and the files of both.
//!
//! `snapshots/NAME.snap` is written to be read (insta's format), `snapshots/NAME.jsonl` is the recording as text.
//! What a test found different waits in `NAME.snap.new` and `NAME.jsonl.new` until somebody accepts or rejects it.

mod alike;
mod check;
mod compare;
mod file;
mod folder;
mod label;
mod render;
mod secret;
mod verdict;

pub use alike::alike;
pub use check::{Failure, Kind, Outcome, check};
pub use compare::{Changed, compare};
pub use file::{Error, Snapshot};
pub use folder::{Folder, Pending};
pub use render::{Section, render, sections};
pub use secret::{Place, find as find_secret};
pub use verdict::{Ended, Verdict};
