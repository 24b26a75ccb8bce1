//! `GET /events`: server-sent events. The body is read at the pace of the client; nothing is gathered for it.

use std::{convert::Infallible, fmt::Write, time::Duration};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream::unfold;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use tms_core::event::{EndReason, EventPosition, EventReader, Told};

use super::{Open, Reader, end, event, kinds, resync};
use crate::{
    extract::{Params, operator::Witnessed},
    problem::Problem,
    state::App,
    wire::event as wire,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a stream may be silent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many events go out in one piece.
const AT_ONCE: usize = 64;

/// `GET /events`
pub(super) async fn stream_events(
    State(app): State<App>,
    Witnessed(ctx, shown): Witnessed,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let types = params.text("types");
    let types = params
        .errors
        .take("types", kinds(types.as_deref().unwrap_or_default().split(',')));
    let after = headers
        .get(LAST_EVENT_ID)
        .map(|id| id.to_str().unwrap_or("?").parse::<EventPosition>());
    let after = match after.transpose() {
        Ok(after) => after,
        Err(wrong) => {
            params.errors.add("Last-Event-ID", wrong.0);
            None
        }
    };
    params.finish()?;
    if app.settings.draining.has_begun() {
        return Err(Problem::unavailable("the server is going away"));
    }
    let identify = Box::new(Reader {
        app: app.clone(),
        shown,
    });
    let reader = app
        .tms
        .live()
        .open(&ctx, identify, after, types.unwrap_or_default())
        .await?;
    let stream = Stream {
        app,
        reader,
        has_begun: false,
        is_over: false,
        _open: Open::new("sse"),
    };
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx must not gather what is to be read at once.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, Body::from_stream(unfold(stream, Stream::step))).into_response())
}

/// A stream to show: an alert, a gap, the end.
pub(super) const EXAMPLE: &str = concat!(
    "retry: 2000\n: welcome\nid: 0-120\n\n",
    "id: 0-121\nevent: new_alert\n",
    r#"data: {"type":"new_alert","position":"0-121","at":"2026-01-24T10:00:00Z","data":{"alert_id":789}}"#,
    "\n\nid: 0-9120\nevent: resync\n",
    r#"data: {"type":"resync","position":"0-9120","at":"2026-01-24T10:05:00Z","data":{}}"#,
    "\n\nid: 0-9120\nevent: end\n",
    r#"data: {"type":"end","position":"0-9120","at":"2026-01-24T10:05:00Z","data":{"reason":"too_slow"}}"#,
    "\n\n",
);

/// An open stream.
struct Stream {
    app: App,
    reader: EventReader,
    has_begun: bool,
    is_over: bool,
    _open: Open,
}

impl Stream {
    /// Returns the next piece of the body.
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        let mut out = String::new();
        if self.has_begun {
            self.wait(&mut out).await;
        } else {
            self.has_begun = true;
            // The place as an id without data: a cut before the first event goes on from here.
            let _ = write!(out, "retry: 2000\n: welcome\nid: {}\n\n", self.reader.place());
        }
        Some((Ok(out.into()), self))
    }

    async fn wait(&mut self, out: &mut String) {
        let drain = self.app.settings.draining.clone();
        let told = tokio::select! {
            biased;
            () = drain.begun() => Told::Over(EndReason::Closing),
            told = self.reader.next() => told,
            () = tokio::time::sleep(HEARTBEAT) => {
                let _ = write!(out, ": alive\nid: {}\n\n", self.reader.place());
                return;
            }
        };
        let now = self.app.tms.now();
        match told {
            Told::Event(stored) => {
                put(out, &event(&stored));
                for stored in std::iter::from_fn(|| self.reader.next_ready()).take(AT_ONCE) {
                    put(out, &event(&stored));
                }
            }
            Told::Resync(head) => put(out, &resync(head, now)),
            Told::Over(reason) => {
                put(out, &end(reason, self.reader.place(), now));
                self.is_over = true;
            }
        }
    }
}

fn put(out: &mut String, event: &wire::Event) {
    // JSON has no line break of its own, so one `data` line holds it.
    let data = serde_json::to_string(event).unwrap_or_default();
    let _ = write!(out, "id: {}\nevent: {}\ndata: {data}\n\n", event.position, event.kind);
}
