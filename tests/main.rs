//! All integration tests, one module a file.
#![allow(missing_docs, reason = "names of tests say what they test")]

mod announce;
mod cli;
mod demo;
mod json;
mod proxy;
mod redact;
mod support;
mod tidy;
mod ui;
mod wire;
