//! A kept HTTP/1.1 connection that does as little as possible for each request: one write, one read, one look at the
//! head of the answer.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest answer that is read; ours are far shorter.
const LONGEST_ANSWER: usize = 256 * 1024;

/// A connection to the server.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// What matters of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    /// The status.
    pub(super) status: u16,
    /// When to come again, if the server said so.
    pub(super) retry_after: Option<Duration>,
    /// Whether the server closes the connection behind this answer.
    pub(super) closes: bool,
}

/// The head of an answer.
struct Head {
    reply: Reply,
    /// How long head and body are together.
    length: usize,
}

impl Line {
    /// Connects.
    pub(super) async fn connect(socket: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(socket).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 4_096],
            filled: 0,
        })
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// Any error means that nobody knows whether the server has acted, and that this connection is of no more use.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        loop {
            if self.filled == self.buffer.len() {
                if self.filled >= LONGEST_ANSWER {
                    return Err(io::Error::other("the answer is too long"));
                }
                self.buffer.resize(self.filled * 2, 0);
            }
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let count = self.stream.read(free).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.filled += count;
            let read = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(head) = parse(read)?
                && head.length <= self.filled
            {
                return Ok(head.reply);
            }
        }
    }
}

/// Reads the head of an answer; `None` while it is not complete.
fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut answer = httparse::Response::new(&mut headers);
    let head_length = match answer.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let mut body_length = None;
    let mut reply = Reply {
        status: answer.code.unwrap_or(0),
        retry_after: None,
        closes: answer.version == Some(0),
    };
    for header in answer.headers.iter() {
        // Comparing lengths first spares most comparisons of text.
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => body_length = number(header.value),
            11 if header.name.eq_ignore_ascii_case("retry-after") => {
                reply.retry_after = number(header.value)
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .map(Duration::from_secs);
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                reply.closes |= header.value.eq_ignore_ascii_case(b"close");
            }
            _ => {}
        }
    }
    let has_body = reply.status >= 200 && reply.status != 204 && reply.status != 304;
    let body_length = match body_length {
        Some(length) => length,
        None if has_body => return Err(io::Error::other("the answer does not say how long it is")),
        None => 0,
    };
    Ok(Some(Head {
        reply,
        length: head_length.saturating_add(body_length),
    }))
}

fn number(value: &[u8]) -> Option<usize> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\nRetry-After: 7\r\nConnection: close\r\n\r\nhello";

    #[test]
    fn a_head_is_read_however_it_is_cut() {
        for end in 0..ANSWER.len() {
            let head = parse(&ANSWER[..end]).unwrap();
            assert!(head.is_none_or(|head| head.length > end), "cut at {end}");
        }
        let head = parse(ANSWER).unwrap().unwrap();
        let expected = Reply {
            status: 503,
            retry_after: Some(Duration::from_secs(7)),
            closes: true,
        };
        assert_eq!((head.reply, head.length), (expected, ANSWER.len()));
        assert!(
            parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err(),
            "an answer of unknown length"
        );
        assert!(parse(b"SSH-2.0-x\r\n").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(parse(&bytes));
        }
    }

    #[tokio::test]
    async fn one_line_carries_many_requests() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{}", "x".repeat(9_000));
            for answer in ["HTTP/1.1 204 No Content\r\n\r\n", &long] {
                let mut byte = [0; 4];
                stream.read_exact(&mut byte).await.unwrap();
                for part in answer.as_bytes().chunks(1_000) {
                    stream.write_all(part).await.unwrap();
                    stream.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut line = Line::connect(&address).await.unwrap();
        assert_eq!(line.exchange(b"ping").await.unwrap().status, 204);
        assert_eq!(line.exchange(b"ping").await.unwrap().status, 200);
        server.await.unwrap();
        assert!(line.exchange(b"ping").await.is_err(), "the server has gone");
    }
}
