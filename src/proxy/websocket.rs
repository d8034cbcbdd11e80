//! Messages of a WebSocket, read off the bytes that pass: RFC 6455, with the compression of RFC 7692.

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

/// A longer frame or message is not read, and neither is what follows it.
const LONGEST: usize = 256 << 20;

/// What ends every compressed message and is not sent: RFC 7692, section 7.2.2.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    pub(crate) opcode: u8,
    /// Payload, fragments joined, unmasked and decompressed.
    pub(crate) payload: Bytes,
}

/// What the two sides agreed on about compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Compression {
    /// Whether messages may be compressed.
    pub(crate) deflate: bool,
    /// Whether the agent begins each message anew.
    pub(crate) agent_resets: bool,
    /// Whether the upstream does.
    pub(crate) upstream_resets: bool,
}

impl Compression {
    /// What this `sec-websocket-extensions` of an answer agrees on.
    pub(crate) fn parse(extensions: &str) -> Self {
        let extension = extensions.split(',').find(|part| {
            part.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("permessage-deflate"))
        });
        let has = |word: &str| {
            let mut parameters = extension.unwrap_or_default().split(';').skip(1);
            parameters.any(|part| part.trim().eq_ignore_ascii_case(word))
        };
        Self {
            deflate: extension.is_some(),
            agent_resets: has("client_no_context_takeover"),
            upstream_resets: has("server_no_context_takeover"),
        }
    }
}

/// Reads the messages of one direction.
pub(crate) struct Reader {
    buffer: Vec<u8>,
    /// The message whose fragments are coming in.
    message: Option<Fragments>,
    inflate: Option<Decompress>,
    resets: bool,
    broken: bool,
    said: bool,
}

struct Fragments {
    opcode: u8,
    compressed: bool,
    payload: Vec<u8>,
}

struct Frame {
    last: bool,
    compressed: bool,
    opcode: u8,
    payload: Vec<u8>,
    length: usize,
}

impl Reader {
    pub(crate) fn new(deflate: bool, resets: bool) -> Self {
        let inflate = deflate.then(|| Decompress::new(false));
        Self { buffer: Vec::new(), message: None, inflate, resets, broken: false, said: false }
    }

    /// Takes bytes that passed; returns the messages that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        if self.broken {
            return messages;
        }
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(frame) = self.frame(at) {
            at += frame.length;
            messages.extend(self.take(frame));
        }
        self.buffer.drain(..at);
        messages
    }

    /// Whether reading was given up, and that was not said yet.
    pub(crate) fn gave_up(&mut self) -> bool {
        self.broken && !std::mem::replace(&mut self.said, self.broken)
    }

    fn frame(&mut self, at: usize) -> Option<Frame> {
        let bytes = &self.buffer[at..];
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        let (length, mut start) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => {
                let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
                (usize::try_from(length).unwrap_or(usize::MAX), 10)
            }
            short => (usize::from(short), 2),
        };
        if length > LONGEST {
            self.broken = true;
            self.buffer.truncate(at);
            return None;
        }
        let mask = if second & 0x80 == 0 {
            [0; 4]
        } else {
            start += 4;
            bytes.get(start - 4..start)?.try_into().ok()?
        };
        let masked = bytes.get(start..start + length)?;
        let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        Some(Frame {
            last: first & 0x80 != 0,
            compressed: first & 0x40 != 0,
            opcode: first & 0x0f,
            payload,
            length: start + length,
        })
    }

    fn take(&mut self, frame: Frame) -> Option<Message> {
        if frame.opcode >= 8 {
            return Some(Message { opcode: frame.opcode, payload: frame.payload.into() });
        }
        // A continuation without a beginning is kept as it is.
        let mut message = match (frame.opcode, self.message.take()) {
            (0, Some(message)) => message,
            (opcode, _) => Fragments { opcode, compressed: frame.compressed, payload: Vec::new() },
        };
        message.payload.extend_from_slice(&frame.payload);
        if message.payload.len() > LONGEST {
            self.broken = true;
            return None;
        }
        if !frame.last {
            self.message = Some(message);
            return None;
        }
        let payload = if message.compressed { self.inflate(message.payload) } else { message.payload };
        Some(Message { opcode: message.opcode, payload: payload.into() })
    }

    /// The message decompressed; as it is where that fails or its coding is not known.
    fn inflate(&mut self, payload: Vec<u8>) -> Vec<u8> {
        let Some(inflate) = &mut self.inflate else { return payload };
        if self.resets {
            inflate.reset(false);
        }
        let mut input = payload.clone();
        input.extend_from_slice(&TAIL);
        let mut out = Vec::with_capacity(input.len() * 4);
        let start = inflate.total_in();
        loop {
            let used = usize::try_from(inflate.total_in() - start).unwrap_or(usize::MAX);
            let Some(rest) = input.get(used..) else { break };
            let before = out.len();
            if out.capacity() - out.len() < 1024 {
                out.reserve(out.len().max(4096));
            }
            match inflate.decompress_vec(rest, &mut out, FlushDecompress::Sync) {
                Ok(Status::Ok | Status::BufError) if out.len() > LONGEST => return self.give_up(payload),
                Ok(Status::Ok) if !rest.is_empty() || out.len() > before => {}
                Ok(_) => break,
                Err(_) => return self.give_up(payload),
            }
        }
        out
    }

    /// The window is lost, so what follows cannot be decompressed either.
    fn give_up(&mut self, payload: Vec<u8>) -> Vec<u8> {
        self.inflate = None;
        payload
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression as Level, FlushCompress};

    use super::*;

    fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        let masked = if mask.is_some() { 0x80 } else { 0 };
        match payload.len() {
            short @ 0..126 => out.push(masked | u8::try_from(short).unwrap()),
            long @ 126..65536 => {
                out.push(masked + 126);
                out.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
            long => {
                out.push(masked + 127);
                out.extend((long as u64).to_be_bytes());
            }
        }
        out.extend(mask.unwrap_or_default().iter().take(if mask.is_some() { 4 } else { 0 }));
        let mask = mask.unwrap_or_default();
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }

    fn messages(reader: &mut Reader, bytes: &[u8], step: usize) -> Vec<(u8, Vec<u8>)> {
        let found = bytes.chunks(step).flat_map(|part| reader.push(part)).collect::<Vec<_>>();
        found.into_iter().map(|message| (message.opcode, message.payload.to_vec())).collect()
    }

    #[test]
    fn masks_fragments_and_control_frames_between_them() {
        let key = Some([1, 2, 3, 4]);
        let long = vec![b'x'; 70_000];
        let bytes = [
            frame(0x01, key, b"Hel"),
            frame(0x89, key, b"ping"),
            frame(0x80, key, b"lo"),
            frame(0x82, None, &long),
            frame(0x81, None, &[b'y'; 300]),
            frame(0x88, key, &[3, 232]),
        ]
        .concat();
        let expected =
            vec![(9, b"ping".to_vec()), (1, b"Hello".to_vec()), (2, long), (1, vec![b'y'; 300]), (8, vec![3, 232])];
        for step in [1, 3, 1000, bytes.len()] {
            assert!(messages(&mut Reader::new(false, false), &bytes, step) == expected, "in steps of {step}");
        }
    }

    fn deflate(compress: &mut Compress, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 100);
        compress.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
        out.truncate(out.len() - 4);
        out
    }

    #[test]
    fn compressed_messages_with_and_without_their_context() {
        let text = "the same words again and again, ".repeat(2000);
        for resets in [false, true] {
            let mut compress = Compress::new(Level::default(), false);
            let mut bytes = Vec::new();
            for _ in 0..3 {
                if resets {
                    compress.reset();
                }
                let coded = deflate(&mut compress, text.as_bytes());
                let (head, tail) = coded.split_at(coded.len() / 2);
                bytes.extend(frame(0x41, None, head));
                bytes.extend(frame(0x80, None, tail));
                bytes.extend(frame(0x81, None, b"plain"));
            }
            let mut reader = Reader::new(true, resets);
            let found = messages(&mut reader, &bytes, 7);
            assert_eq!(found.len(), 6);
            assert!(found.iter().step_by(2).all(|(opcode, payload)| *opcode == 1 && payload == text.as_bytes()));
        }
    }

    #[test]
    fn what_cannot_be_read_is_kept_or_given_up() {
        let mut reader = Reader::new(true, false);
        assert_eq!(messages(&mut reader, &frame(0xc1, None, b"\xff\xff\xff"), 9), [(1, b"\xff\xff\xff".to_vec())]);
        assert_eq!(messages(&mut reader, &frame(0xc1, None, b"raw"), 9), [(1, b"raw".to_vec())]);
        let mut head = vec![0x82, 127];
        head.extend(u64::MAX.to_be_bytes());
        assert!(reader.push(&head).is_empty() && reader.gave_up() && !reader.gave_up());
        assert!(reader.push(b"anything").is_empty());
    }

    #[test]
    fn extensions() {
        let parsed =
            Compression::parse("foo, permessage-deflate; server_no_context_takeover; client_max_window_bits=15");
        assert_eq!(parsed, Compression { deflate: true, agent_resets: false, upstream_resets: true });
        assert_eq!(Compression::parse(""), Compression::default());
    }
}
