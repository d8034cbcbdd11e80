//! Workflows as tests of Rust code: `retake test` for `cargo test`.
//!
//! ```no_run
//! #[test]
//! fn the_agent_still_answers_about_the_weather() {
//!     retake::testing::workflow("weather");
//! }
//! ```
//!
//! The workflow is in `retake.toml`, at or above the folder of the package. What differs waits in
//! `snapshots/NAME.snap.new`, in the format of insta: `retake review` and `cargo insta review` both take it.

use crate::cli;

/// Tests a workflow of `retake.toml`.
///
/// # Panics
/// The test fails, with the report that `retake test` prints.
#[track_caller]
pub fn workflow(name: &str) {
    if let Err(report) = check(name) {
        panic!("{report}");
    }
}

/// Tests a workflow of `retake.toml`, and gives back the report of a failure.
///
/// # Errors
/// Something differs, or the workflow cannot be tested.
pub fn check(name: &str) -> Result<(), String> {
    cli::check(name)
}
