//! All integration tests, one module a file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod announce;
mod changes;
mod cli;
mod crash;
mod demo;
mod diff;
mod export;
mod flake;
mod grade;
mod json;
mod ls;
mod odd;
mod proxy;
mod readme;
mod record;
mod redact;
mod replay;
mod review;
mod rm;
mod secrets;
mod show;
mod snapshot;
mod state;
mod store;
mod story;
mod streams;
mod support;
mod tag;
mod test;
mod tidy;
mod torture;
mod travel;
mod ui;
mod wire;
