//! Everything from outside the process: `retake.toml`, environment, `.env`, clock, id seed, places.
//!
//! The engine never reads any of it; it is given values.

mod credentials;
mod dotenv;
mod environment;
mod moment;
mod places;
mod settings;
mod state;
mod whereabouts;
mod workflow;

pub use credentials::{credentials, is_credential_name, is_trivial};
pub use dotenv::{Dotenv, find as find_dotenv};
pub use environment::{colour_unwanted, columns, editor, in_ci, search_path, variable, variables};
pub use moment::{now, seed};
pub use places::places;
pub use settings::{FILE, Names, Policy, Problem, Redact, Replay, Settings, Tier, Tool};
pub use state::{Agreed, agree, is_agreed, secret};
pub use whereabouts::{Location, store_to_read, store_to_write};
pub use workflow::{Doubt, Expected, Level, Workflow, is_file_name, with_volatile};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// A directory of a test's own, with nothing of a project above it, gone afterwards.
    pub(super) struct Scratch(PathBuf);

    impl Scratch {
        pub(super) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("retake-{name}-{:016x}", super::seed()));
            fs::create_dir_all(&path).expect("a temporary directory can be made");
            Self(path)
        }

        pub(super) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
