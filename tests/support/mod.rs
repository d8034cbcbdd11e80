//! What the tests share.

pub(crate) mod env;
pub(crate) mod fake_model;
pub(crate) mod output;
pub(crate) mod runs;
pub(crate) mod shop;
pub(crate) mod team;
pub(crate) mod terminal;
pub(crate) mod trial;
