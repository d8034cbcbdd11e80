//! What a recorder sees happen, in the order in which it was seen: the content of a recording.
//!
//! Bodies are after transfer and content coding are removed, and after redaction.

use bytes::Bytes;

use super::{Micros, NodeId, RunId};

/// Number of a call or announced node within its run, drawn when its head arrived.
pub type Seq = u64;

/// Header names (lower case) and values, in order.
pub type Headers = Vec<(String, String)>;

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run begins; always the first event.
    Started(Started),
    /// A request arrived, whole.
    Request(Request),
    /// What retake decided to do with a request; only in a replay, before its answer.
    Decided(Decided),
    /// The head of an answer arrived.
    Answer(AnswerHead),
    /// Pieces of an answer's body arrived.
    Chunks(Chunks),
    /// An answer ended.
    End(End),
    /// A frame of an upgraded connection.
    Frame(Frame),
    /// The agent announced that something begins.
    Begin(Begin),
    /// Something announced ended.
    Finish(Finish),
    /// Standard input, output or error.
    Output(Output),
    /// Something that retake has to say about the run.
    Note(Note),
    /// The agent ended; the last event of a finished run.
    Ended(Ended),
}

/// How a run began.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Started {
    /// Name of the run; empty only by default.
    pub run: Option<RunId>,
    /// When.
    pub at: Micros,
    /// Version of retake that recorded it.
    pub version: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Working directory.
    pub directory: String,
    /// Commit of the working directory, and whether the tree was clean.
    pub git: Option<Git>,
    /// Names of the agent's environment variables, sorted. Never values.
    pub variables: Vec<String>,
    /// Whether standard input, output and error were terminals.
    pub terminals: [bool; 3],
    /// Places that differ between machines: `home`, `tmp`, `user`, `host`, with their values.
    pub places: Vec<(String, String)>,
    /// Provider prefixes and the URLs they stood for.
    pub upstreams: Vec<(String, String)>,
    /// Where a replay came from.
    pub parent: Option<Parent>,
    /// `record`, `replay`, or the format it was imported from.
    pub origin: String,
}

/// The state of a git work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Git {
    /// Full commit id.
    pub commit: String,
    /// Whether something was not committed.
    pub dirty: bool,
}

/// What a replay started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The replayed run.
    pub run: RunId,
    /// Changes and options, as they would be typed (`--set 2.system=…`, `--from 5`).
    pub changes: Vec<String>,
    /// Highest node number of the replayed run; new nodes follow it.
    pub highest: u32,
}

/// A request as the agent made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its number.
    pub seq: Seq,
    /// When its head arrived.
    pub at: Micros,
    /// Prefix it came in by: `openai`, `anthropic`, `mistral`, or a name of the user's.
    pub provider: String,
    /// URL of the upstream without the path, as `https://api.openai.com`.
    pub upstream: String,
    /// HTTP method.
    pub method: String,
    /// Path at the upstream, with its `/v1`.
    pub path: String,
    /// Query without the `?`; empty if none.
    pub query: String,
    /// Headers, credentials replaced.
    pub headers: Headers,
    /// Body, decoded and redacted.
    pub body: Bytes,
    /// Transfer and content codings that were removed from the body.
    pub coding: String,
}

/// What a replay did with a request, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The request.
    pub seq: Seq,
    /// What was done.
    pub action: Action,
    /// Node of the parent run that it stands for.
    pub node: Option<NodeId>,
    /// How well it matched.
    pub grade: Grade,
    /// The body that was sent, where it is not the agent's.
    pub sent: Option<Bytes>,
    /// One line each: held values, names, why it was refused.
    pub notes: Vec<String>,
    /// Numbers of the parent's nodes that were read off that node's call, by their place there.
    pub beside: Vec<(String, NodeId)>,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Answered from the recording.
    Serve,
    /// Answered from the recording, with an edited answer.
    ServeEdited,
    /// Sent as the agent made it.
    Send,
    /// Sent with a change.
    SendChanged,
    /// Answered with an error, nothing sent.
    Refuse,
}

/// How a request equals the recorded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Same key.
    Exact,
    /// Same key once results of tools and readings of the clock are held.
    Held,
    /// Same key up to a renaming of opaque names.
    Names,
    /// Same key as other calls in flight whose answers differ.
    Interchangeable,
    /// Named by a change, or found by its place in the lane.
    Place,
    /// No recorded node.
    Miss,
    /// Same key once the fields are left out that the user ignores.
    Ignored,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerHead {
    /// The request's number.
    pub seq: Seq,
    /// When it arrived.
    pub at: Micros,
    /// HTTP status.
    pub status: u16,
    /// Headers, credentials replaced.
    pub headers: Headers,
    /// Transfer and content codings that were removed from the body.
    pub coding: String,
}

/// Pieces of a body, as they arrived.
///
/// Of a long body they come in parts of at least [`Chunks::PART`] bytes; what comes with fewer, or with none, ends what
/// there is so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunks {
    /// The request's number.
    pub seq: Seq,
    /// Arrival and bytes of each piece, in order.
    pub pieces: Vec<(Micros, Bytes)>,
}

impl Chunks {
    /// From this size on pieces are told before the body's end.
    pub const PART: usize = 16 << 20;
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The request's number.
    pub seq: Seq,
    /// When.
    pub at: Micros,
    /// How.
    pub how: Ending,
}

/// Ways in which an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The agent got all of it.
    Complete,
    /// The agent went away before the end.
    ClientLeft,
    /// The upstream broke off, with its reason.
    Broken(String),
    /// The upstream was never reached, with the reason.
    Unreachable(String),
}

/// A frame of an upgraded connection (a WebSocket).
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The number of the request that was upgraded.
    pub seq: Seq,
    /// When.
    pub at: Micros,
    /// Whether the agent sent it.
    pub from_agent: bool,
    /// Opcode of RFC 6455: 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    pub opcode: u8,
    /// Payload of the whole message, unmasked and decompressed.
    pub payload: Bytes,
}

/// The agent announced a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Begin {
    /// Its number.
    pub seq: Seq,
    /// When.
    pub at: Micros,
    /// `retrieval`, `tool`, `step`, …, as it was given.
    pub kind: String,
    /// Name, as it was given.
    pub name: String,
    /// Input, as JSON.
    pub input: Bytes,
    /// Number of the announced node that it stands in.
    pub parent: Option<Seq>,
    /// Id of the tool call that it answers, where the agent knows it.
    pub call_id: Option<String>,
    /// In a replay, what was decided.
    pub decided: Option<Decided>,
}

/// Something announced ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// The number of its beginning.
    pub seq: Seq,
    /// When.
    pub at: Micros,
    /// Output as JSON; `null` if none was given.
    pub output: Bytes,
    /// Documents as a JSON list; `null` if none were given.
    pub documents: Bytes,
    /// Error, as it was given.
    pub error: Option<String>,
}

/// A piece of the agent's own streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// When.
    pub at: Micros,
    /// 0 input, 1 output, 2 error.
    pub stream: u8,
    /// The piece; empty for the end of standard input.
    pub bytes: Bytes,
}

/// Topic of the note that lists hosts which the agent was connected to past retake, separated by `, `.
pub const PAST: &str = "past";

/// Something that retake says about the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Micros,
    /// What kind of thing: `warning`, `held`, `grade`, `missed`, [`Note::SECRET`].
    pub topic: String,
    /// One line.
    pub text: String,
}

impl Note {
    /// Topic of the notes that tell the number of a secret's placeholder and the variable whose value it is.
    pub const SECRET: &str = "secret";
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Micros,
    /// Exit code, or 128 and the signal.
    pub code: i32,
}
