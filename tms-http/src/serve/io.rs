//! A socket that tells when bytes come and whether any go, and sends our own answer where hyper has one without a body.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{refusal, watch::Watch};

/// How much of a head that is too large is still read, so that its sender comes to read the answer.
const LINGER_BYTES: usize = 1 << 20;

/// A socket and the watch that it tells.
#[derive(Debug)]
pub(super) struct WatchedSocket {
    stream: TcpStream,
    watch: Arc<Watch>,
    /// What is left of our own answer to a head that can't be read; nothing else follows it.
    last: Option<Bytes>,
    lingered: usize,
}

impl WatchedSocket {
    pub(super) fn new(stream: TcpStream, watch: Arc<Watch>) -> Self {
        Self {
            stream,
            watch,
            last: None,
            lingered: 0,
        }
    }

    /// Sends our own answer instead of `written`, or goes on sending it; `None` if `written` is to be sent.
    fn poll_last(&mut self, cx: &mut Context<'_>, written: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.last.is_none() && self.watch.is_at_rest() {
            self.last = refusal::instead_of(written);
            if self.last.is_some() {
                // What is left of this connection is part of a bad head, not idleness.
                self.watch.has_read();
            }
        }
        let last = self.last.as_mut()?;
        while !last.is_empty() {
            let polled = Pin::new(&mut self.stream).poll_write(cx, last);
            self.watch.has_written(&polled);
            match polled {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(count)) => last.advance(count),
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(Poll::Pending),
            }
        }
        Some(Poll::Ready(Ok(written.len())))
    }

    /// Reads on until the client has read the answer and closes: bytes left unread would reset the connection, and the
    /// answer with it. The watch bounds the time.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 4_096];
        while self.lingered < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.lingered += buf.filled().len(),
                Poll::Ready(_) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for WatchedSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.watch.has_read();
        }
        polled
    }
}

impl AsyncWrite for WatchedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(polled) = self.poll_last(cx, buf) {
            return polled;
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch.has_written(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // An answer of ours has a body, so its head never comes alone.
        let mut parts = bufs.iter().filter(|buf| !buf.is_empty());
        if let (Some(only), None) = (parts.next(), parts.next())
            && let Some(polled) = self.poll_last(cx, only)
        {
            return polled;
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch.has_written(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Ready(Ok(())) if self.last.is_some() => self.poll_linger(cx),
            polled => polled,
        }
    }
}
