//! All integration tests, one module a file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod announce;
mod cli;
mod demo;
mod diff;
mod export;
mod json;
mod ls;
mod proxy;
mod readme;
mod record;
mod redact;
mod rm;
mod show;
mod store;
mod support;
mod tag;
mod tidy;
mod ui;
mod wire;
