//! The answer of a recording: everything goes to its upstream, everything runs.

use bytes::Bytes;

use crate::model::event::{Begin, Ending, Seq};
use crate::proxy::{Answer, Boxed, Call, Given, Verdict};

/// Lets everything through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live;

impl Answer for Live {
    fn answer<'a>(&'a self, _: &'a Call) -> Boxed<'a, Verdict> {
        Box::pin(std::future::ready(Verdict::Forward { body: None, path: None }))
    }

    fn begin<'a>(&'a self, _: &'a Begin) -> Boxed<'a, Option<Given>> {
        Box::pin(std::future::ready(None))
    }

    fn wants_bodies(&self) -> bool {
        false
    }

    fn ended(&self, _: Seq, _: u16, _: &Bytes, _: &Ending) {}
}
