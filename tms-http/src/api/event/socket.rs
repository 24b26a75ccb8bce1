//! `GET /ws/monitoring`: events over a WebSocket. One task a socket; what is not read in time is not waited for.

use std::time::Duration;

use axum::{
    extract::{
        FromRequestParts, Request, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    response::Response,
};
use http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};
use serde::Serialize;
use tms_core::{
    Actor, Ctx,
    event::{EndReason, EventPosition, EventReader, Told},
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Open, Reader, end, event, kinds, resync};
use crate::{
    extract::operator::{Shown, origin_of},
    problem::{Code, Problem},
    state::App,
    wire::event::{SocketAnswer, SocketRequest},
};

/// The largest message of a client.
const MAX_MESSAGE: usize = 8 * 1_024;
/// How long a client may take to say who it is, and to take one message.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a client is asked whether it is there, however much it is told meanwhile: one that only listens has nothing
/// else to say.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long it may be silent.
const SILENCE: Duration = Duration::from_secs(45);

const AWAY: u16 = 1001;
const POLICY: u16 = 1008;

/// `GET /ws/monitoring`
pub(super) async fn open_socket(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    check_origin(&parts.headers)?;
    if app.settings.draining.has_begun() {
        return Err(Problem::unavailable("the server is going away"));
    }
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &app).await;
    let upgrade = upgrade.map_err(|_| Problem::malformed("this address takes WebSocket handshakes only"))?;
    let ctx = app.tms.ctx(Actor::Anonymous, origin_of(&parts, &app));
    let shown = Shown::or_cookie(&parts.headers)?;
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .write_buffer_size(16 * 1_024)
        .max_write_buffer_size(256 * 1_024);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut talk = Talk {
            app,
            socket,
            ctx,
            reader: None,
            shown: None,
            heard_at: Instant::now(),
            asked_at: Instant::now(),
            _open: Open::new("websocket"),
        };
        let reason = talk.run(shown).await;
        talk.close(reason).await;
    }))
}

/// A browser says from which page it comes; only our own pages may use what the browser has of ours.
fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match headers.get(ORIGIN) {
        None => Ok(()),
        Some(origin) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            match (origin, text(HOST)) {
                (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
                _ => Err(Problem::new(Code::Forbidden).because("the page is of another site")),
            }
        }
    }
}

/// Why a socket is closed.
enum Close {
    /// The client went away or can't be reached.
    Gone,
    /// The stream is over.
    Over(EndReason),
    /// The client said what can't be followed.
    Refused(Problem),
}

struct Talk {
    app: App,
    socket: WebSocket,
    ctx: Ctx,
    reader: Option<EventReader>,
    shown: Option<Shown>,
    heard_at: Instant,
    asked_at: Instant,
    _open: Open,
}

impl Talk {
    async fn run(&mut self, shown: Option<Shown>) -> Close {
        let known = match shown {
            Some(shown) => self.identify(shown).await,
            None => match timeout(PATIENCE, self.first_message()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Close::Refused(Problem::new(Code::Slow))),
            },
        };
        if let Err(close) = known {
            return close;
        }
        loop {
            if let Err(close) = self.turn().await {
                return close;
            }
        }
    }

    /// Waits for whatever comes first and deals with it.
    async fn turn(&mut self) -> Result<(), Close> {
        let drain = self.app.settings.draining.clone();
        let due = (self.heard_at + SILENCE).min(self.asked_at + PING_EVERY);
        tokio::select! {
            biased;
            () = drain.begun() => Err(Close::Over(EndReason::Closing)),
            message = self.socket.recv() => match message {
                Some(Ok(message)) => self.hear(message).await,
                _ => Err(Close::Gone),
            },
            () = sleep_until(due) => self.ask().await,
            told = next(&mut self.reader) => self.tell(told).await,
        }
    }

    /// Asks whether the client is there, or gives it up.
    async fn ask(&mut self) -> Result<(), Close> {
        if self.heard_at.elapsed() >= SILENCE {
            return Err(Close::Gone);
        }
        self.asked_at = Instant::now();
        self.send_message(Message::Ping(bytes::Bytes::new())).await
    }

    async fn first_message(&mut self) -> Result<(), Close> {
        loop {
            let text = match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                _ => return Err(Close::Gone),
            };
            return match read(&text)? {
                SocketRequest::Auth { token } => self.identify(Shown::token(token)).await,
                _ => Err(Close::Refused(tms_core::Error::InvalidToken.into())),
            };
        }
    }

    async fn identify(&mut self, shown: Shown) -> Result<(), Close> {
        let person = shown.identify(&self.app).await;
        let person = person.map_err(|error| Close::Refused(error.into()))?;
        let username = person.username.clone();
        self.ctx.actor = Actor::Operator(person);
        self.shown = Some(shown);
        self.send(&SocketAnswer::Ready { username }).await
    }

    async fn hear(&mut self, message: Message) -> Result<(), Close> {
        self.heard_at = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(Close::Gone),
            Message::Binary(_) => return Err(Close::Refused(Problem::malformed("messages are text"))),
        };
        match read(&text)? {
            SocketRequest::Ping => self.send(&SocketAnswer::Pong).await,
            SocketRequest::Subscribe { channels, after } => self.subscribe(channels, after).await,
            SocketRequest::Auth { .. } => Err(Close::Refused(Problem::malformed("the first message alone is auth"))),
        }
    }

    async fn subscribe(&mut self, channels: Vec<String>, after: Option<String>) -> Result<(), Close> {
        let wanted = kinds(channels.iter().map(String::as_str));
        let wanted = wanted.map_err(|wrong| Close::Refused(Problem::field("channels", wrong.0)))?;
        let after = after.map(|after| after.parse::<EventPosition>()).transpose();
        let after = after.map_err(|wrong| Close::Refused(Problem::field("after", wrong.0)))?;
        let place = match (&mut self.reader, self.shown.take()) {
            (Some(reader), _) => {
                reader.want(wanted);
                reader.place()
            }
            (None, Some(shown)) => {
                let app = self.app.clone();
                let identify = Box::new(Reader { app, shown });
                let opened = self.app.tms.live().open(&self.ctx, identify, after, wanted).await;
                let reader = opened.map_err(|error| Close::Refused(error.into()))?;
                self.reader.insert(reader).place()
            }
            (None, None) => return Err(Close::Gone),
        };
        let position = place.to_string();
        self.send(&SocketAnswer::Subscribed { channels, position }).await
    }

    async fn tell(&mut self, told: Told) -> Result<(), Close> {
        match told {
            Told::Event(stored) => self.send(&event(&stored)).await,
            Told::Resync(head) => self.send(&resync(head, self.app.tms.now())).await,
            Told::Over(reason) => Err(Close::Over(reason)),
        }
    }

    async fn send(&mut self, message: &impl Serialize) -> Result<(), Close> {
        let text = serde_json::to_string(message).unwrap_or_default();
        self.send_message(Message::Text(text.into())).await
    }

    /// Sends a message; who does not take it in time is gone.
    async fn send_message(&mut self, message: Message) -> Result<(), Close> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Close::Gone),
        }
    }

    async fn close(mut self, close: Close) {
        let (code, reason) = match close {
            Close::Gone => return,
            Close::Over(reason) => {
                let place = self.reader.as_ref().map(EventReader::place).unwrap_or_default();
                let _ = self.send(&end(reason, place, self.app.tms.now())).await;
                (
                    if reason == EndReason::Closing { AWAY } else { POLICY },
                    reason.as_str(),
                )
            }
            Close::Refused(problem) => {
                let (code, message) = problem.spelled();
                let _ = self.send(&SocketAnswer::Error { code, message }).await;
                (POLICY, "refused")
            }
        };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _ = self.send_message(Message::Close(Some(frame))).await;
    }
}

/// Returns what the reader is told next; never, while there is none.
async fn next(reader: &mut Option<EventReader>) -> Told {
    match reader {
        Some(reader) => reader.next().await,
        None => std::future::pending().await,
    }
}

fn read(text: &str) -> Result<SocketRequest, Close> {
    crate::json::read(text.as_bytes()).map_err(Close::Refused)
}
