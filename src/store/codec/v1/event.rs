//! Events, version 1.

use serde::{Deserialize, Serialize};

use super::{Blob, Invalid, run};
use crate::model::event::{
    Action, AnswerHead, Begin, Chunks, Decided, End, Ended, Ending, Finish, Frame, Git, Grade, Note, Output, Parent,
    Request, Started,
};
use crate::model::{Micros, NodeId};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct StartedV1 {
    run: Option<String>,
    at: u64,
    version: String,
    command: Vec<String>,
    directory: String,
    git: Option<GitV1>,
    variables: Vec<String>,
    terminals: [bool; 3],
    places: Vec<(String, String)>,
    upstreams: Vec<(String, String)>,
    parent: Option<ParentV1>,
    origin: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct GitV1 {
    commit: String,
    dirty: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ParentV1 {
    run: String,
    changes: Vec<String>,
    highest: u32,
}

impl From<&Started> for StartedV1 {
    fn from(started: &Started) -> Self {
        let Started {
            run,
            at,
            version,
            command,
            directory,
            git,
            variables,
            terminals,
            places,
            upstreams,
            parent,
            origin,
        } = started.clone();
        Self {
            run: run.map(|run| run.to_string()),
            at: at.0,
            version,
            command,
            directory,
            git: git.map(|Git { commit, dirty }| GitV1 { commit, dirty }),
            variables,
            terminals,
            places,
            upstreams,
            parent: parent.map(|Parent { run, changes, highest }| ParentV1 { run: run.to_string(), changes, highest }),
            origin,
        }
    }
}

impl TryFrom<StartedV1> for Started {
    type Error = Invalid;

    fn try_from(stored: StartedV1) -> Result<Self, Invalid> {
        Ok(Self {
            run: stored.run.map(|id| run(&id)).transpose()?,
            at: Micros(stored.at),
            version: stored.version,
            command: stored.command,
            directory: stored.directory,
            git: stored.git.map(|GitV1 { commit, dirty }| Git { commit, dirty }),
            variables: stored.variables,
            terminals: stored.terminals,
            places: stored.places,
            upstreams: stored.upstreams,
            parent: match stored.parent {
                Some(parent) => {
                    Some(Parent { run: run(&parent.run)?, changes: parent.changes, highest: parent.highest })
                }
                None => None,
            },
            origin: stored.origin,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct RequestV1 {
    seq: u64,
    at: u64,
    provider: String,
    upstream: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Blob,
    coding: String,
}

impl From<&Request> for RequestV1 {
    fn from(request: &Request) -> Self {
        let Request { seq, at, provider, upstream, method, path, query, headers, body, coding } = request.clone();
        Self { seq, at: at.0, provider, upstream, method, path, query, headers, body: Blob(body), coding }
    }
}

impl From<RequestV1> for Request {
    fn from(stored: RequestV1) -> Self {
        let RequestV1 { seq, at, provider, upstream, method, path, query, headers, body, coding } = stored;
        Self { seq, at: Micros(at), provider, upstream, method, path, query, headers, body: body.0, coding }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct DecidedV1 {
    seq: u64,
    action: ActionV1,
    node: Option<u32>,
    grade: GradeV1,
    sent: Option<Blob>,
    notes: Vec<String>,
    beside: Vec<(String, u32)>,
}

impl From<&Decided> for DecidedV1 {
    fn from(decided: &Decided) -> Self {
        let Decided { seq, action, node, grade, sent, notes, beside } = decided.clone();
        Self {
            seq,
            action: action.into(),
            node: node.map(|node| node.0),
            grade: grade.into(),
            sent: sent.map(Blob),
            notes,
            beside: beside.into_iter().map(|(place, node)| (place, node.0)).collect(),
        }
    }
}

impl From<DecidedV1> for Decided {
    fn from(stored: DecidedV1) -> Self {
        let DecidedV1 { seq, action, node, grade, sent, notes, beside } = stored;
        Self {
            seq,
            action: action.into(),
            node: node.map(NodeId),
            grade: grade.into(),
            sent: sent.map(|sent| sent.0),
            notes,
            beside: beside.into_iter().map(|(place, node)| (place, NodeId(node))).collect(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum ActionV1 {
    Serve,
    ServeEdited,
    Send,
    SendChanged,
    Refuse,
}

impl From<Action> for ActionV1 {
    fn from(action: Action) -> Self {
        match action {
            Action::Serve => Self::Serve,
            Action::ServeEdited => Self::ServeEdited,
            Action::Send => Self::Send,
            Action::SendChanged => Self::SendChanged,
            Action::Refuse => Self::Refuse,
        }
    }
}

impl From<ActionV1> for Action {
    fn from(stored: ActionV1) -> Self {
        match stored {
            ActionV1::Serve => Self::Serve,
            ActionV1::ServeEdited => Self::ServeEdited,
            ActionV1::Send => Self::Send,
            ActionV1::SendChanged => Self::SendChanged,
            ActionV1::Refuse => Self::Refuse,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum GradeV1 {
    Exact,
    Held,
    Names,
    Interchangeable,
    Place,
    Miss,
    Ignored,
}

impl From<Grade> for GradeV1 {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Exact => Self::Exact,
            Grade::Held => Self::Held,
            Grade::Names => Self::Names,
            Grade::Interchangeable => Self::Interchangeable,
            Grade::Place => Self::Place,
            Grade::Miss => Self::Miss,
            Grade::Ignored => Self::Ignored,
        }
    }
}

impl From<GradeV1> for Grade {
    fn from(stored: GradeV1) -> Self {
        match stored {
            GradeV1::Exact => Self::Exact,
            GradeV1::Held => Self::Held,
            GradeV1::Names => Self::Names,
            GradeV1::Interchangeable => Self::Interchangeable,
            GradeV1::Place => Self::Place,
            GradeV1::Miss => Self::Miss,
            GradeV1::Ignored => Self::Ignored,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct AnswerV1 {
    seq: u64,
    at: u64,
    status: u16,
    headers: Vec<(String, String)>,
    coding: String,
}

impl From<&AnswerHead> for AnswerV1 {
    fn from(head: &AnswerHead) -> Self {
        let AnswerHead { seq, at, status, headers, coding } = head.clone();
        Self { seq, at: at.0, status, headers, coding }
    }
}

impl From<AnswerV1> for AnswerHead {
    fn from(stored: AnswerV1) -> Self {
        let AnswerV1 { seq, at, status, headers, coding } = stored;
        Self { seq, at: Micros(at), status, headers, coding }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct ChunksV1 {
    seq: u64,
    pieces: Vec<(u64, Blob)>,
}

impl From<&Chunks> for ChunksV1 {
    fn from(chunks: &Chunks) -> Self {
        let Chunks { seq, pieces } = chunks;
        Self { seq: *seq, pieces: pieces.iter().map(|(at, bytes)| (at.0, Blob(bytes.clone()))).collect() }
    }
}

impl From<ChunksV1> for Chunks {
    fn from(stored: ChunksV1) -> Self {
        let ChunksV1 { seq, pieces } = stored;
        Self { seq, pieces: pieces.into_iter().map(|(at, bytes)| (Micros(at), bytes.0)).collect() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct EndV1 {
    seq: u64,
    at: u64,
    how: EndingV1,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum EndingV1 {
    Complete,
    ClientLeft,
    Broken(String),
    Unreachable(String),
}

impl From<&End> for EndV1 {
    fn from(end: &End) -> Self {
        let End { seq, at, how } = end.clone();
        let how = match how {
            Ending::Complete => EndingV1::Complete,
            Ending::ClientLeft => EndingV1::ClientLeft,
            Ending::Broken(reason) => EndingV1::Broken(reason),
            Ending::Unreachable(reason) => EndingV1::Unreachable(reason),
        };
        Self { seq, at: at.0, how }
    }
}

impl From<EndV1> for End {
    fn from(stored: EndV1) -> Self {
        let how = match stored.how {
            EndingV1::Complete => Ending::Complete,
            EndingV1::ClientLeft => Ending::ClientLeft,
            EndingV1::Broken(reason) => Ending::Broken(reason),
            EndingV1::Unreachable(reason) => Ending::Unreachable(reason),
        };
        Self { seq: stored.seq, at: Micros(stored.at), how }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct FrameV1 {
    seq: u64,
    at: u64,
    from_agent: bool,
    opcode: u8,
    payload: Blob,
}

impl From<&Frame> for FrameV1 {
    fn from(frame: &Frame) -> Self {
        let Frame { seq, at, from_agent, opcode, payload } = frame.clone();
        Self { seq, at: at.0, from_agent, opcode, payload: Blob(payload) }
    }
}

impl From<FrameV1> for Frame {
    fn from(stored: FrameV1) -> Self {
        let FrameV1 { seq, at, from_agent, opcode, payload } = stored;
        Self { seq, at: Micros(at), from_agent, opcode, payload: payload.0 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct BeginV1 {
    seq: u64,
    at: u64,
    kind: String,
    name: String,
    input: Blob,
    parent: Option<u64>,
    call_id: Option<String>,
    decided: Option<DecidedV1>,
}

impl From<&Begin> for BeginV1 {
    fn from(begin: &Begin) -> Self {
        let Begin { seq, at, kind, name, input, parent, call_id, decided } = begin.clone();
        let decided = decided.as_ref().map(DecidedV1::from);
        Self { seq, at: at.0, kind, name, input: Blob(input), parent, call_id, decided }
    }
}

impl From<BeginV1> for Begin {
    fn from(stored: BeginV1) -> Self {
        let BeginV1 { seq, at, kind, name, input, parent, call_id, decided } = stored;
        Self { seq, at: Micros(at), kind, name, input: input.0, parent, call_id, decided: decided.map(Decided::from) }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct FinishV1 {
    seq: u64,
    at: u64,
    output: Blob,
    documents: Blob,
    error: Option<String>,
}

impl From<&Finish> for FinishV1 {
    fn from(finish: &Finish) -> Self {
        let Finish { seq, at, output, documents, error } = finish.clone();
        Self { seq, at: at.0, output: Blob(output), documents: Blob(documents), error }
    }
}

impl From<FinishV1> for Finish {
    fn from(stored: FinishV1) -> Self {
        let FinishV1 { seq, at, output, documents, error } = stored;
        Self { seq, at: Micros(at), output: output.0, documents: documents.0, error }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct OutputV1 {
    at: u64,
    stream: u8,
    bytes: Blob,
}

impl From<&Output> for OutputV1 {
    fn from(output: &Output) -> Self {
        let Output { at, stream, bytes } = output.clone();
        Self { at: at.0, stream, bytes: Blob(bytes) }
    }
}

impl From<OutputV1> for Output {
    fn from(stored: OutputV1) -> Self {
        let OutputV1 { at, stream, bytes } = stored;
        Self { at: Micros(at), stream, bytes: bytes.0 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct NoteV1 {
    at: u64,
    topic: String,
    text: String,
}

impl From<&Note> for NoteV1 {
    fn from(note: &Note) -> Self {
        let Note { at, topic, text } = note.clone();
        Self { at: at.0, topic, text }
    }
}

impl From<NoteV1> for Note {
    fn from(stored: NoteV1) -> Self {
        let NoteV1 { at, topic, text } = stored;
        Self { at: Micros(at), topic, text }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct EndedV1 {
    at: u64,
    code: i32,
}

impl From<&Ended> for EndedV1 {
    fn from(ended: &Ended) -> Self {
        let Ended { at, code } = *ended;
        Self { at: at.0, code }
    }
}

impl From<EndedV1> for Ended {
    fn from(stored: EndedV1) -> Self {
        let EndedV1 { at, code } = stored;
        Self { at: Micros(at), code }
    }
}
