//! One connection to a provider in plain HTTP, for the agents of the tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

pub(crate) fn variable(name: &str) -> String {
    std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
}

/// One connection to the provider that the environment names.
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
    pub(crate) host: String,
    pub(crate) prefix: String,
}

/// An answer whose body is read as it comes.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    client: &'a mut Client,
}

impl Client {
    pub(crate) fn new() -> io::Result<Self> {
        Self::of("OPENAI_BASE_URL")
    }

    /// One to the provider that this variable names.
    pub(crate) fn of(name: &str) -> io::Result<Self> {
        Self::at(&variable(name))
    }

    /// One to this URL.
    pub(crate) fn at(url: &str) -> io::Result<Self> {
        let rest = url.strip_prefix("http://").ok_or_else(|| io::Error::other("no base URL"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = format!("/{}", path.trim_end_matches("v1").trim_end_matches('/'));
        let stream = BufReader::new(TcpStream::connect(host)?);
        Ok(Self { stream, host: host.to_owned(), prefix: prefix.trim_end_matches('/').to_owned() })
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> io::Result<Answer<'_>> {
        let mut head = format!("{method} {}{path} HTTP/1.1\r\nHost: {}\r\n", self.prefix, self.host);
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        self.stream.get_mut().write_all(&message)?;
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no answer"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Answer { status, headers, client: self })
    }

    pub(crate) fn json(&mut self, path: &str, body: &Value) -> io::Result<(u16, Value)> {
        let answer = self.ask("POST", path, &usual(), body.to_string().as_bytes())?;
        let status = answer.status;
        let body = answer.body()?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

impl Answer<'_> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, and an error where it breaks off.
    pub(crate) fn body(self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.pieces(|piece| body.extend_from_slice(piece))?;
        Ok(body)
    }

    pub(crate) fn pieces(self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        self.until(|piece| {
            take(piece);
            false
        })
    }

    /// Takes pieces until one is enough.
    pub(crate) fn until(self, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        if let Some(length) = self.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            let mut body = vec![0; length];
            self.client.stream.read_exact(&mut body)?;
            take(&body);
            return Ok(());
        }
        if self.header("transfer-encoding").is_none() {
            let mut body = Vec::new();
            self.client.stream.read_to_end(&mut body)?;
            take(&body);
            return Ok(());
        }
        loop {
            let size = usize::from_str_radix(&self.client.line()?, 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; size];
            self.client.stream.read_exact(&mut chunk)?;
            let enough = take(&chunk);
            self.client.line()?;
            if enough || size == 0 {
                return Ok(());
            }
        }
    }
}

pub(crate) fn usual() -> Vec<(String, String)> {
    let key = variable("OPENAI_API_KEY");
    [("Content-Type", "application/json".to_owned()), ("Authorization", format!("Bearer {key}"))]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}

pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}
