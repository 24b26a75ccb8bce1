//! Live events: what both transports share.

mod socket;
mod sse;

use std::fmt;

use async_trait::async_trait;
use serde_json::json;
use tms_core::{
    Error,
    ctx::OperatorIdentity,
    event::{EndReason, EventKind, EventKinds, EventPosition, Identify, StoredEvent},
    permission::Permission as P,
    text::InvalidText,
    time::Timestamp,
};

use crate::{api::routes::Routes, extract::operator::Shown, state::App, wire::event as wire};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/events", sse::stream_events)
        .doc("Streams events as they happen (server-sent events)", |d| {
            d.needs(P::EventRead)
                .query::<wire::EventQuery>()
                .takes("Last-Event-ID")
                .sends(
                    "text/event-stream",
                    "`id` is the position, `event` the type, `data` an `Event` as JSON. A comment every 15 seconds keeps \
                     the stream alive.",
                    sse::EXAMPLE,
                )
                .more(
                    "With `Last-Event-ID` the stream goes on after that position, or begins with `resync` when something \
                     between is gone. It ends with `end` when the sign-in ends (`signed_out`), the rights change \
                     (`denied`), the reader is too slow (`too_slow`, after a `resync`) or the server goes away \
                     (`closing`). A reader that is bound to a customer hears of that customer's things only.",
                )
        })
        .get("/ws/monitoring", socket::open_socket)
        .doc("Streams events over a WebSocket", |d| {
            d.anyone().refuses(403).switches().more(
                "The first message is `{\"type\":\"auth\",\"token\":\"...\"}` unless the handshake is authenticated; then \
                 `{\"type\":\"subscribe\",\"channels\":[\"new_alert\"],\"after\":\"0-120\"}`, as often as wanted. \
                 `{\"type\":\"ping\"}` is answered by `pong`. Events look like those of `GET /events`.",
            )
        })
}

/// Asks who reads by what was shown when the stream began.
struct Reader {
    app: App,
    shown: Shown,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

#[async_trait]
impl Identify for Reader {
    async fn identify(&self) -> Result<OperatorIdentity, Error> {
        self.shown.identify(&self.app).await
    }
}

/// Counts an open stream until it is dropped.
#[derive(Debug)]
struct Open(&'static str);

impl Open {
    fn new(transport: &'static str) -> Self {
        metrics::gauge!("tms_event_streams", "transport" => transport).increment(1.0);
        Self(transport)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!("tms_event_streams", "transport" => self.0).decrement(1.0);
    }
}

/// Reads the names of types.
fn kinds<'t>(names: impl IntoIterator<Item = &'t str>) -> Result<EventKinds, InvalidText> {
    let names = names.into_iter().map(str::trim).filter(|name| !name.is_empty());
    names.map(str::parse::<EventKind>).collect()
}

fn event(stored: &StoredEvent) -> wire::Event {
    wire::Event {
        kind: stored.event.kind.as_str().into(),
        position: stored.position.to_string(),
        at: stored.event.at.to_string(),
        data: stored.event.data.clone(),
    }
}

fn resync(head: EventPosition, now: Timestamp) -> wire::Event {
    wire::Event {
        kind: "resync".into(),
        position: head.to_string(),
        at: now.to_string(),
        data: json!({}),
    }
}

fn end(reason: EndReason, place: EventPosition, now: Timestamp) -> wire::Event {
    wire::Event {
        kind: "end".into(),
        position: place.to_string(),
        at: now.to_string(),
        data: json!({ "reason": reason.as_str() }),
    }
}
