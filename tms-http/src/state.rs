//! What every handler of one router shares.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use metrics::{Counter, Histogram, counter, histogram};
use tms_core::{Tms, limit::Allowance, report::Calendar, time::Timestamp};

use crate::{limit::Limits, origin::RequestIds, paging::cursor::CursorKey, settings::HttpSettings};

/// The state of one router; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) tms: Tms,
    pub(crate) settings: HttpSettings,
    pub(crate) ids: RequestIds,
    pub(crate) limits: Limits,
    pub(crate) cursors: CursorKey,
    pub(crate) meters: Meters,
    pub(crate) document: Document,
}

/// The OpenAPI document, made when somebody first asks.
#[derive(Default)]
pub(crate) struct Document {
    pub(crate) json: OnceLock<Bytes>,
    pub(crate) html: OnceLock<Bytes>,
}

/// Counters that are touched too often to be looked up each time.
pub(crate) struct Meters {
    /// Heartbeats answered 200.
    pub(crate) heartbeats: Counter,
    /// How long those took.
    pub(crate) heartbeat_seconds: Histogram,
    /// Unknown fields in what agents sent.
    pub(crate) ignored_fields: Counter,
}

impl App {
    pub(crate) fn new(tms: Tms, settings: HttpSettings) -> Self {
        let mut seed = [0_u8; 8];
        // Without randomness ids are still distinct within this process, and limits still hold.
        let _ = tms.random().fill(&mut seed);
        let seed = u64::from_le_bytes(seed);
        let route = "/api/v1/agent/heartbeat";
        Self(Arc::new(Inner {
            ids: RequestIds::new(seed),
            limits: Limits::new(seed.rotate_left(32)),
            cursors: CursorKey::new(*settings.cursor_key.expose()),
            meters: Meters {
                heartbeats: counter!("tms_http_requests_total", "method" => "POST", "route" => route, "status" => "200"),
                heartbeat_seconds: histogram!("tms_http_request_duration_seconds", "route" => route),
                ignored_fields: counter!("tms_http_ignored_fields_total"),
            },
            document: Document::default(),
            tms,
            settings,
        }))
    }
}

impl Inner {
    /// Returns the calendar of the zone in which reports, and dates in queries, are meant.
    pub(crate) fn calendar(&self) -> Calendar {
        self.tms.settings().present().reports.calendar
    }

    /// Counts one act of a client, unless limits are lifted.
    pub(crate) fn limited(&self, count: impl FnOnce(&Self, Timestamp) -> Allowance) -> Option<Allowance> {
        self.settings.rate_limits.then(|| count(self, self.tms.now()))
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
