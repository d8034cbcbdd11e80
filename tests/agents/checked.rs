//! Tests a workflow as a test of Rust code does, and prints the report.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match retake::testing::check(&name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            drop(std::io::stdout().write_all(report.as_bytes()));
            ExitCode::FAILURE
        }
    }
}
