//! Live events, read as they come. A stream that was cut goes on where it was.

use std::{fmt, time::Duration};

use reqwest::{Method, RequestBuilder, Response};
use tokio::time::timeout;

use super::OperatorClient;
use crate::{
    client::ClientError,
    wire::event::{Event, EventQuery},
};

/// How long a server may take to begin a stream, and to say anything once it has: it says something every 15 seconds.
const PATIENCE: Duration = Duration::from_secs(45);
/// A stream has no end, but the time-out of the shared client would give it one.
const WITHOUT_END: Duration = Duration::from_secs(365 * 86_400);
/// The longest block that is taken for an event.
const MAX_BLOCK: usize = 1 << 20;

/// What a stream has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Something happened.
    Event(Event),
    /// Something that happened is gone: read the present state; what comes next follows it.
    Resync,
}

/// A stream of events; see [`OperatorClient::events`].
pub struct EventStream<'c> {
    client: &'c OperatorClient,
    query: EventQuery,
    /// The `id` of the last block: where to go on.
    place: Option<String>,
    response: Option<Response>,
    bytes: Vec<u8>,
}

impl fmt::Debug for EventStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("query", &self.query)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl OperatorClient {
    /// Begins to hear of what happens from now on.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 403 for a role that may not read events, 429 for too many streams.
    pub async fn events(&self, query: EventQuery) -> Result<EventStream<'_>, ClientError> {
        self.events_after(query, None).await
    }

    /// Begins to hear of what happened after a place, such as [`EventStream::place`] of an earlier run.
    ///
    /// # Errors
    /// As [`OperatorClient::events`], and 422 for what is no place.
    pub async fn events_after(&self, query: EventQuery, place: Option<String>) -> Result<EventStream<'_>, ClientError> {
        let mut stream = EventStream {
            client: self,
            query,
            place,
            response: None,
            bytes: Vec::new(),
        };
        stream.open().await?;
        Ok(stream)
    }
}

impl EventStream<'_> {
    /// Returns the place up to which everything was told.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// One that [`ClientError::is_transient`], such as [`ClientError::Cut`]: call again, after a pause, and the stream
    /// goes on where it was. Any other says that the reader is no longer welcome.
    pub async fn next(&mut self) -> Result<Told, ClientError> {
        loop {
            if let Some(block) = self.take_block()? {
                match self.read(&block)? {
                    Some(told) => return Ok(told),
                    None => continue,
                }
            }
            let Some(response) = &mut self.response else {
                self.open().await?;
                continue;
            };
            match timeout(PATIENCE, response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.bytes.extend_from_slice(&bytes),
                Ok(Err(error)) => {
                    self.close();
                    return Err(ClientError::Transport(error));
                }
                Ok(Ok(None)) | Err(_) => return Err(self.cut("the connection ended")),
            }
        }
    }

    async fn open(&mut self) -> Result<(), ClientError> {
        let build = |request: RequestBuilder| {
            let request = request.query(&self.query).timeout(WITHOUT_END);
            match &self.place {
                Some(place) => request.header("last-event-id", place),
                None => request,
            }
        };
        let opened = timeout(PATIENCE, self.client.request(Method::GET, "/events", build)).await;
        self.response = Some(opened.map_err(|_| ClientError::Cut("the server did not begin".to_owned()))??);
        Ok(())
    }

    fn close(&mut self) {
        self.response = None;
        self.bytes.clear();
    }

    fn cut(&mut self, why: &str) -> ClientError {
        self.close();
        ClientError::Cut(why.to_owned())
    }

    /// Takes the next whole block out of what has come.
    fn take_block(&mut self) -> Result<Option<String>, ClientError> {
        let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") else {
            if self.bytes.len() > MAX_BLOCK {
                return Err(self.cut("an event is too long"));
            }
            return Ok(None);
        };
        let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
        Ok(Some(String::from_utf8_lossy(&block).into_owned()))
    }

    fn read(&mut self, block: &str) -> Result<Option<Told>, ClientError> {
        let field = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if let Some(id) = field("id") {
            self.place = Some(id.to_owned());
        }
        let Some(data) = field("data") else {
            return Ok(None);
        };
        let Ok(event) = serde_json::from_str::<Event>(data) else {
            return Err(self.cut("an event could not be read"));
        };
        match &*event.kind {
            "resync" => Ok(Some(Told::Resync)),
            "end" => {
                let reason = event.data.get("reason").and_then(serde_json::Value::as_str);
                Err(self.cut(reason.unwrap_or("the server ended the stream")))
            }
            _ => Ok(Some(Told::Event(event))),
        }
    }
}
