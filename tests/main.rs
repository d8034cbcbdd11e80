//! All integration tests, one module a file.
#![allow(missing_docs, reason = "names of tests say what they test")]

mod announce;
mod cli;
mod demo;
mod export;
mod json;
mod ls;
mod proxy;
mod readme;
mod redact;
mod rm;
mod show;
mod store;
mod support;
mod tag;
mod tidy;
mod ui;
mod wire;
