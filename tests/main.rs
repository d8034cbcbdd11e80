//! All integration tests, one module a file.
#![allow(missing_docs, reason = "names of tests say what they test")]

mod announce;
mod demo;
mod proxy;
mod support;
