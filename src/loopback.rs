//! HTTP/1.1 in the clear, blocking, over `std::net`: for programs that talk to a server on this machine.
//!
//! RFC 9112, as far as two ends that know each other need it: one request a connection from the
//! client, bodies by length, in chunks or up to the end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Longest line of a head.
const LINE: u64 = 64 << 10;
/// Longest body.
const BODY: u64 = 64 << 20;

/// How long to wait for the other side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until it takes the connection.
    pub(crate) connect: Duration,
    /// Between two pieces of what it says.
    pub(crate) silence: Duration,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Content type; empty if none was given.
    pub(crate) content_type: String,
    /// Body, transfer coding removed.
    pub(crate) body: Vec<u8>,
}

/// A request, whole.
#[derive(Debug)]
pub(crate) struct Request {
    /// HTTP method.
    pub(crate) method: String,
    /// Path, without the query.
    pub(crate) path: String,
    /// Whether the client wants to send another one over the same connection.
    pub(crate) keep: bool,
    /// Body, transfer coding removed.
    pub(crate) body: Vec<u8>,
}

/// Host with port and path of an `http://` URL; `None` for anything else.
pub(crate) fn split(url: &str) -> Option<(String, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.is_empty() || authority.contains(['@', ' ', '\r', '\n']) || path.contains([' ', '\r', '\n']) {
        return None;
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    Some((host, if path.is_empty() { "/" } else { path }))
}

/// Sends a request with a JSON body (or none, where it is empty) and waits for the answer.
///
/// # Errors
/// What the connection said, or that the answer is not HTTP.
pub(crate) fn exchange(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    patience: Patience,
) -> io::Result<Answer> {
    let (host, path) = split(url).ok_or_else(|| invalid("not an http:// URL"))?;
    let mut stream = connect(&host, patience)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        head.extend(value.chars().filter(|character| !character.is_control()));
        head.push_str("\r\n");
    }
    if !body.is_empty() {
        let length = body.len().to_string();
        head.extend(["content-type: application/json\r\ncontent-length: ", &length, "\r\n"]);
    }
    head.push_str("\r\n");
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    stream.write_all(&message)?;
    let mut reader = BufReader::new(stream);
    loop {
        let line = line(&mut reader)?.ok_or_else(|| invalid("the connection closed without an answer"))?;
        let status = line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| invalid("the answer is not HTTP"))?;
        let head = Head::read(&mut reader)?;
        if (100..200).contains(&status) {
            continue;
        }
        let body = if status == 204 || status == 304 { Vec::new() } else { head.body(&mut reader, true)? };
        return Ok(Answer { status, content_type: head.content_type, body });
    }
}

/// Reads the next request of a connection; `None` if the client is done.
///
/// # Errors
/// What the connection said, or that the request is not HTTP.
pub(crate) fn receive(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let Some(first) = line(reader)? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Err(invalid("the request is not HTTP"));
    };
    let (method, version) = (method.to_owned(), version.to_owned());
    let path = target.split(['?', '#']).next().unwrap_or_default().to_owned();
    let head = Head::read(reader)?;
    let body = head.body(reader, false)?;
    Ok(Some(Request { method, path, keep: version == "HTTP/1.1" && !head.close, body }))
}

fn connect(host: &str, patience: Patience) -> io::Result<TcpStream> {
    let mut last = invalid("the host has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience.connect) {
            Ok(stream) => {
                stream.set_read_timeout(Some(patience.silence))?;
                stream.set_write_timeout(Some(patience.silence))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[derive(Default)]
struct Head {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    content_type: String,
}

impl Head {
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut head = Self::default();
        while let Some(line) = line(reader)? {
            if line.is_empty() {
                return Ok(head);
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = Some(value.parse().map_err(|_| invalid("a length is no number"))?),
                "transfer-encoding" => head.chunked = value.to_ascii_lowercase().ends_with("chunked"),
                "connection" => head.close = value.eq_ignore_ascii_case("close"),
                "content-type" => value.clone_into(&mut head.content_type),
                _ => {}
            }
        }
        Err(invalid("the head does not end"))
    }

    fn body(&self, reader: &mut impl BufRead, up_to_the_end: bool) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.chunked {
            loop {
                let line = line(reader)?.ok_or_else(|| invalid("the body does not end"))?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(|_| invalid("a chunk has no size"))?;
                if size == 0 {
                    while self::line(reader)?.is_some_and(|trailer| !trailer.is_empty()) {}
                    return Ok(body);
                }
                take(reader, size, &mut body)?;
                self::line(reader)?;
            }
        }
        match self.length {
            Some(length) => take(reader, length, &mut body)?,
            None if up_to_the_end => {
                reader.take(BODY).read_to_end(&mut body)?;
            }
            None => {}
        }
        Ok(body)
    }
}

/// One line without its end; `None` at the end of the connection.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.take(LINE).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(invalid("a line is too long or does not end"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn take(reader: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if body.len() as u64 + length > BODY {
        return Err(invalid("the body is too long"));
    }
    if reader.take(length).read_to_end(body)? as u64 == length {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_split_into_host_and_path() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/a/b", Some(("127.0.0.1:8080", "/a/b"))),
            ("http://localhost", Some(("localhost:80", "/"))),
            ("http://[::1]:9/x", Some(("[::1]:9", "/x"))),
            ("https://example.com/", None),
            ("http:///x", None),
            ("http://a/b\r\nx: y", None),
        ] {
            let found = split(url);
            assert_eq!(found.as_ref().map(|(host, path)| (host.as_str(), *path)), expected, "{url}");
        }
    }

    #[test]
    fn requests_are_read_with_and_without_chunks() {
        let mut bytes: &[u8] =
            b"POST /a?b=c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n\
            GET /n HTTP/1.1\r\nconnection: close\r\n\r\n";
        let first = receive(&mut bytes).expect("HTTP").expect("a request");
        assert_eq!((first.method.as_str(), first.path.as_str(), first.keep), ("POST", "/a", true));
        assert_eq!(first.body, b"abcde");
        let second = receive(&mut bytes).expect("HTTP").expect("a request");
        assert!(!second.keep && second.body.is_empty());
        assert!(receive(&mut bytes).expect("HTTP").is_none());
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        for text in ["x\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab", "GET / HTTP/1.1\r\n", "GET"] {
            assert!(receive(&mut text.as_bytes()).is_err(), "{text}");
        }
    }
}
