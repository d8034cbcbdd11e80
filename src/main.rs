//! The `retake` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    retake::cli::main()
}
