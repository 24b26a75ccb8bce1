//! Live events, as a stream (`GET /events`) and over a WebSocket (`GET /ws/monitoring`).

use serde::{Deserialize, Serialize};

use super::Name;

/// Something that happened, or that the reader has to know about its stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"type": "new_alert", "position": "0-121", "at": "2026-01-24T10:00:00Z", "data": {"alert_id": 789, "severity": "HIGH"}}
    ))
)]
pub struct Event {
    /// terminal_status_change, new_alert, alert_update, command_update, deployment_update; `resync` when something
    /// between is gone (read the present state, then go on); `end` when the stream is over (`data.reason` says why).
    #[serde(rename = "type")]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub kind: Name,
    /// Where to go on after a cut: `Last-Event-ID` of the next stream.
    pub position: String,
    /// When it happened.
    pub at: String,
    /// The facts.
    #[serde(default)]
    pub data: serde_json::Value,
}

/// The query of `GET /events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only these types, with commas between; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
}

/// What a client says over the WebSocket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum SocketRequest {
    /// The first message: who reads.
    Auth {
        /// An access token.
        token: String,
    },
    /// What to hear of from now on.
    Subscribe {
        /// Types of events; all when there is none.
        #[serde(default)]
        channels: Vec<String>,
        /// The position after which to begin; now when absent. Counts in the first subscription.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    /// Asks for a `pong`.
    Ping,
}

impl std::fmt::Debug for SocketRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auth { .. } => f.write_str("Auth(..)"),
            Self::Subscribe { channels, after } => f
                .debug_struct("Subscribe")
                .field("channels", channels)
                .field("after", after)
                .finish(),
            Self::Ping => f.write_str("Ping"),
        }
    }
}

/// What the server says over the WebSocket beside [`Event`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketAnswer {
    /// The client is known.
    Ready {
        /// Who it is.
        username: String,
    },
    /// The subscription holds from here on.
    Subscribed {
        /// The types; all when there is none.
        channels: Vec<String>,
        /// Where it begins.
        position: String,
    },
    /// Answers a `ping`.
    Pong,
    /// The last message could not be followed; the connection closes.
    Error {
        /// A code of the contract.
        code: String,
        /// For people.
        message: String,
    },
}
