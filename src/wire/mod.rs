//! Provider dialects.

pub mod canonical;
pub mod keys;
