//! Version 1 of everything that is stored: frozen, converted by hand, never changed again.
//!
//! bincode writes fields by position: a change to a type below would silently misread old recordings. What
//! needs another shape gets a `v2` beside this module, and `From` its version 1.

mod event;
mod graph;
mod summary;

pub(super) use event::{
    AnswerV1, BeginV1, ChunksV1, DecidedV1, EndV1, EndedV1, FinishV1, FrameV1, NoteV1, OutputV1, RequestV1, StartedV1,
};
pub(super) use graph::GraphV1;
pub(super) use summary::{SummaryV1, TableV1};

use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, written as a length and the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob(pub(super) Bytes);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Blob;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(Bytes::from(bytes)))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(Bytes::copy_from_slice(bytes)))
            }
        }
        deserializer.deserialize_byte_buf(Whole)
    }
}

/// Why a stored value has no place in the model, as a run id that is none.
#[derive(Debug)]
pub(super) struct Invalid(pub(super) &'static str);

fn run(id: &str) -> Result<crate::model::RunId, Invalid> {
    crate::model::RunId::parse(id).ok_or(Invalid("the name of a run"))
}

fn size(value: u64) -> Result<usize, Invalid> {
    usize::try_from(value).map_err(|_| Invalid("a size"))
}
