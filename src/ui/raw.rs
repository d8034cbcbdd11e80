//! The bytes of a call as they went over the wire, headers first.

use std::fmt::Write as _;

use crate::model::event::Headers;
use crate::model::{Call, Run};
use crate::text::escape::escaped;

/// Which bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the agent asked.
    Request,
    /// What was sent instead, in a replay with a change; else what the agent asked.
    Sent,
    /// What the agent got.
    Response,
}

/// Start line, headers, an empty line and the body of one side of a call; `None` where that side never came.
/// Frames of an upgraded connection follow the answer's body, a line each.
#[must_use]
pub fn bytes(call: &Call, side: Side) -> Option<Vec<u8>> {
    let request = &call.request;
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let start = format!("{} {}{}{query}", request.method, request.upstream, request.path);
    match side {
        Side::Request => Some(whole(&start, &request.headers, &request.body)),
        Side::Sent => {
            let sent = call.decided.as_ref().and_then(|decided| decided.sent.as_ref());
            Some(whole(&start, &request.headers, sent.unwrap_or(&request.body)))
        }
        Side::Response => {
            let answer = call.answer.as_ref()?;
            let mut bytes = whole(&answer.status.to_string(), &answer.headers, &answer.body());
            for frame in &call.frames {
                bytes.extend_from_slice(if frame.from_agent { b"> " } else { b"< " });
                match frame.opcode {
                    8 => bytes.extend_from_slice(b"(close)"),
                    9 => bytes.extend_from_slice(b"(ping)"),
                    10 => bytes.extend_from_slice(b"(pong)"),
                    _ => bytes.extend_from_slice(&frame.payload),
                }
                bytes.push(b'\n');
            }
            Some(bytes)
        }
    }
}

/// The same for a terminal, which recorded bytes must not drive.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let mut text = escaped(&String::from_utf8_lossy(bytes)).into_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// What the agent wrote to a stream (1 output, 2 error), or read (0).
#[must_use]
pub fn output(run: &Run, stream: u8) -> Vec<u8> {
    run.output.iter().filter(|piece| piece.stream == stream).flat_map(|piece| piece.bytes.iter().copied()).collect()
}

fn whole(start: &str, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{start}\n");
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {value}");
    }
    text.push('\n');
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
