//! What is never written: credentials become numbered placeholders before anything is kept.
//!
//! A secret is found by the name it stands under (headers, query parameters, JSON fields), because it
//! is a known value (credentials of the environment, and what a name gave away before), or by its look
//! (keys of known vendors, JSON web tokens, private keys, passwords in URLs). Equal secrets have one
//! number within a run; the table is in memory only. Everything else stays as it is, byte for byte, and
//! JSON stays JSON.
//!
//! Limits: a secret that is cut in two by a model's stream is found where the pieces are text of one
//! field of JSON events (`delta.content`, `partial_json`, `delta`, …); base64 is looked into for known
//! values only; what is compressed or encrypted inside a body is not looked into.

mod coding;
mod event;
mod fields;
mod forms;
mod known;
mod mark;
mod names;
mod phrase;
mod redactor;
mod scan;
mod stream;
mod token;

pub use mark::{MARK, fill, mark, marks, numbers_in};
pub use redactor::{Error, Redactor, Rules};
