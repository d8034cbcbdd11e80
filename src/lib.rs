//! rr for agents: record an agent run, step back through it, replay it with a change.
//!
//! The modules in reading order, lowest layer first. The library has no stable interface yet.

pub mod text;

pub mod model;

pub mod config;

pub mod redact;

pub mod wire;

pub mod names;

pub mod lineage;

pub mod diff;

pub mod store;

pub mod proxy;

pub mod record;

pub mod replay;

pub mod snapshot;

pub mod format;

mod loopback;

pub mod announce;

pub mod demo;

pub mod ui;

pub mod tui;

pub mod cli;

pub mod testing;
