//! What integration tests share.

pub mod fake_model;
