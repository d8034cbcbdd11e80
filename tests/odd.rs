//! odd.
