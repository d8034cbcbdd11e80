//! The listener that agents talk to instead of their providers.
//!
//! It knows requests, answers and upstreams; what a recording or a plan is it does not know. Who
//! decides what happens to a request is an [`Answer`]; who looks on is a [`Watch`].

mod back;
mod coding;
mod exchange;
mod forward;
mod header;
mod listener;
mod nodes;
mod reply;
mod route;
mod serve;
mod socket;
mod tee;
mod upgrade;
mod websocket;

pub(crate) use forward::reason;
pub use listener::{Clock, EndsStream, Listener, Setup};
pub use route::{Key, Upstream};

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::model::Micros;
use crate::model::event::{Begin, Ending, Event, Headers, Seq};

/// A future that can be kept in a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request as the agent made it, whole.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its number, drawn when its head arrived.
    pub seq: Seq,
    /// When its head arrived.
    pub at: Micros,
    /// Prefix it came in by.
    pub provider: String,
    /// HTTP method.
    pub method: String,
    /// Path at the upstream, as `/v1/chat/completions`: without what a gateway has before the version.
    pub path: String,
    /// Query without the `?`; empty if none.
    pub query: String,
    /// Headers as they came, hop-by-hop ones removed, credentials included: never written.
    pub headers: Headers,
    /// Body, content coding removed.
    pub body: Bytes,
}

/// What is to happen to a request.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It goes to the upstream, with another body and to another path where they are given.
    Forward {
        /// Body instead of the agent's.
        body: Option<Bytes>,
        /// Path instead of the agent's, as in [`Call::path`].
        path: Option<String>,
    },
    /// It is answered here; nothing is sent.
    Serve(Served),
}

/// An answer that is given here.
#[derive(Debug, Clone)]
pub struct Served {
    /// HTTP status.
    pub status: u16,
    /// Headers; framing (`content-length`, `transfer-encoding`) is made by the listener.
    pub headers: Headers,
    /// Pieces of the body, each with the pause before it.
    pub pieces: Vec<(Duration, Bytes)>,
    /// `Complete`, or `Broken` to close the connection after the last piece.
    pub ending: Ending,
}

/// What an announced node gets instead of running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Output as JSON; `null` if the recording has none.
    pub output: Bytes,
    /// Documents as a JSON list; `null` if the recording has none.
    pub documents: Bytes,
    /// Error that the recording has.
    pub error: Option<String>,
}

/// Decides what happens to requests and announced nodes.
pub trait Answer: Send + Sync + 'static {
    /// Decides about a request. May wait, but never for something that may not come.
    fn answer<'a>(&'a self, call: &'a Call) -> Boxed<'a, Verdict>;

    /// Decides about an announced node: `None` runs it, else it gets this and does not run.
    fn begin<'a>(&'a self, begin: &'a Begin) -> Boxed<'a, Option<Given>>;

    /// Whether [`Answer::ended`] wants the bodies of answers; they are kept for it alone.
    fn wants_bodies(&self) -> bool {
        true
    }

    /// The answer to this request ended, however it was made. `body` is what the agent got of it
    /// (its first 64 MiB, content coding removed); `status` is 0 where no answer began.
    fn ended(&self, seq: Seq, status: u16, body: &Bytes, ending: &Ending);
}

/// Looks on. Nothing it does may slow or stop a call.
pub trait Watch: Send + Sync + 'static {
    /// Takes what happened; returns at once. Credentials are still in it.
    fn saw(&self, event: Event);

    /// Is done when everything seen so far is in the hands of the kernel, or could not be.
    fn settled(&self) -> Boxed<'_, ()>;
}
