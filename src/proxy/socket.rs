//! The agent's connections, registered so that the order in which their data arrived is the order in
//! which they are woken.
//!
//! A connection that waits for writing too is ready the moment it is registered, and keeps that place
//! in the system's queue when its data comes: a new connection would overtake older ones whose data
//! came first. So a connection waits for reading alone, and for writing by a descriptor of its own, once
//! a write had to wait.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// Accepts connections.
pub(crate) struct Door(AsyncFd<TcpListener>);

impl Door {
    pub(crate) fn new(listener: TcpListener) -> io::Result<Self> {
        Ok(Self(watched(listener, Interest::READABLE)?))
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|listener| listener.get_ref().accept()) {
                Ok(accepted) => return Socket::new(accepted?.0),
                Err(_would_block) => {}
            }
        }
    }
}

/// Registers a socket for reading or writing alone.
#[expect(deprecated, reason = "the replacement is unsafe; a socket of the standard library owns its one descriptor")]
fn watched<S: AsRawFd>(socket: S, interest: Interest) -> io::Result<AsyncFd<S>> {
    AsyncFd::with_interest(socket, interest)
}

/// A connection.
pub(crate) struct Socket {
    reader: AsyncFd<TcpStream>,
    writer: Option<AsyncFd<TcpStream>>,
}

impl Socket {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // Without it the last piece of a stream may wait 40 ms; a failure costs only that.
        drop(stream.set_nodelay(true));
        Ok(Self { reader: watched(stream, Interest::READABLE)?, writer: None })
    }

    /// Writes, waiting for room where there is none.
    fn poll_output(
        &mut self,
        context: &mut Context<'_>,
        write: impl Fn(&mut &TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match write(&mut self.reader.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => return Poll::Ready(done),
            }
            if self.writer.is_none() {
                let stream = self.reader.get_ref().try_clone()?;
                self.writer = Some(watched(stream, Interest::WRITABLE)?);
            }
            let Some(writer) = &self.writer else { continue };
            let mut room = ready!(writer.poll_write_ready(context))?;
            match room.try_io(|writer| write(&mut writer.get_ref())) {
                Ok(done) => return Poll::Ready(done),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut data = ready!(self.reader.poll_read_ready(context))?;
            match data.try_io(|reader| reader.get_ref().read(buffer.initialize_unfilled())) {
                Ok(Ok(length)) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_output(context, |stream| stream.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_output(context, |stream| stream.write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.reader.get_ref().shutdown(Shutdown::Write) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }
}
