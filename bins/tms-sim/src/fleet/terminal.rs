//! One terminal of the fleet: asks its [`Life`] what to report, sends it when the server wants it, and waits politely
//! when the server is not well.

use std::{sync::Arc, time::Duration};

use tms_http::{
    client::{AgentClient, ClientError},
    wire::agent::{DeviceReport, HeartbeatRequest, LogLine},
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    backoff::Backoff,
    counts::FleetCounts,
    life::{Life, Note, Report, Step},
    trouble::Trouble,
};
use crate::{
    clock::{now_ms, rfc3339},
    rng::{Rng, mix},
};

/// How many log lines wait while the server can't take them.
const WAITING_LINES: usize = 50;
/// The interval while the server has not said one.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);

/// Returns the firmware that the reader says it runs; a few readers lag behind.
pub(super) fn firmware_version(seed: u64, index: usize) -> &'static str {
    match mix(seed ^ u64::try_from(index).unwrap_or(0)) % 10 {
        0 => "1.9.4",
        1 | 2 => "2.0.0",
        _ => "2.0.1",
    }
}

/// Returns the PC's own address, different for each of the first million terminals.
pub(super) fn ip_address(index: usize) -> String {
    let [_, b, c, d] = u32::try_from(index).unwrap_or(0).to_be_bytes();
    format!("10.{b}.{c}.{d}")
}

/// A log line that waits to be sent.
#[derive(Debug)]
struct Line {
    event_id: String,
    clock: String,
    level: &'static str,
    kind: &'static str,
    message: String,
}

/// One terminal while it lives.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) agent: AgentClient,
    pub(super) life: Life,
    pub(super) rng: Rng,
    pub(super) counts: Arc<FleetCounts>,
    pub(super) interval_scale: f64,
    pub(super) boot_prefix: String,
    pub(super) firmware: &'static str,
    pub(super) ip_address: String,
    pub(super) config_version: i64,
    lines: Vec<Line>,
}

/// What a terminal is made from.
pub(super) struct Parts {
    pub(super) agent: AgentClient,
    pub(super) life: Life,
    pub(super) rng: Rng,
    pub(super) counts: Arc<FleetCounts>,
    pub(super) interval_scale: f64,
    pub(super) index: usize,
    pub(super) seed: u64,
    pub(super) config_version: i64,
}

impl Terminal {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            boot_prefix: format!("{:x}", now_ms()),
            firmware: firmware_version(parts.seed, parts.index),
            ip_address: ip_address(parts.index),
            agent: parts.agent,
            life: parts.life,
            rng: parts.rng,
            counts: parts.counts,
            interval_scale: parts.interval_scale,
            config_version: parts.config_version,
            lines: Vec::new(),
        }
    }

    /// Lives until the server no longer wants it. `first` is how long to wait before the first heartbeat.
    pub(super) async fn live(mut self, first: Duration) {
        let mut due = Instant::now() + first;
        loop {
            sleep_until(due).await;
            match self.life.step(now_ms()) {
                Step::Silent { until_ms } => {
                    let silence = u64::try_from(until_ms.saturating_sub(now_ms())).unwrap_or(0);
                    // Lines that come back at one moment are the exception: shops return one by one.
                    let spread = self.rng.duration(Duration::ZERO, Duration::from_secs(2));
                    due = Instant::now() + Duration::from_millis(silence) + spread;
                }
                Step::Report(report) => {
                    self.note(&report);
                    let Some(next) = self.deliver(&report).await else {
                        self.counts.dismissed.add();
                        tracing::info!(
                            terminal.serial = self.agent.serial(),
                            "the server dismissed this terminal"
                        );
                        return;
                    };
                    due = Instant::now() + next;
                    self.send_lines().await;
                }
            }
        }
    }

    /// Sends a report until the server has it or the next is due; returns when that is, or `None` when the server
    /// no longer wants this terminal.
    async fn deliver(&mut self, report: &Report) -> Option<Duration> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
        for _ in 0..4 {
            match self.send(report).await {
                Ok(next) => return Some(next),
                Err(error) if matches!(error.status(), Some(401 | 403 | 404)) => {
                    self.counts.refused.add();
                    return None;
                }
                Err(error) => {
                    let count = match error.status() {
                        Some(_) => &self.counts.refused,
                        None => &self.counts.unanswered,
                    };
                    count.add();
                    sleep(backoff.wait(error.retry_after(), &mut self.rng)).await;
                }
            }
        }
        Some(SHORTEST_WAIT)
    }

    async fn send(&mut self, report: &Report) -> Result<Duration, ClientError> {
        let (clock, boot) = (
            rfc3339(report.clock_ms),
            format!("{}-{}", self.boot_prefix, report.boot),
        );
        let last = report.last_transaction_ms.map(rfc3339);
        let beat = HeartbeatRequest {
            serial_number: self.agent.serial().into(),
            timestamp: clock.as_str().into(),
            boot_id: Some(boot.as_str().into()),
            seq: Some(report.seq),
            status: if report.device == "ok" { "online" } else { "error" }.into(),
            device: Some(DeviceReport {
                state: report.device.into(),
                error_code: Some(report.error_code),
            }),
            metrics: Some(report.metrics),
            firmware_version: Some(self.firmware.into()),
            agent_version: Some("1.0.0".into()),
            ip_address: Some(self.ip_address.as_str().into()),
            uptime_seconds: Some(report.uptime_s),
            last_transaction: last.as_deref().map(Into::into),
            transaction_count: Some(report.transactions),
            config_version: Some(self.config_version),
        };
        let answer = self.agent.heartbeat(&beat).await?;
        self.counts.acknowledged.add();
        self.config_version = answer.config_version;
        let next = Duration::from_secs(u64::from(answer.next_heartbeat)).mul_f64(self.interval_scale);
        Ok(next.max(SHORTEST_WAIT))
    }

    fn note(&mut self, report: &Report) {
        let Some(note) = report.note else { return };
        let (level, kind, message) = match note {
            Note::Started => ("INFO", "agent", "the agent has started".to_owned()),
            Note::Began(trouble) => {
                self.counts.troubles.add();
                ("ERROR", kind_of(trouble), format!("{} began", trouble.name()))
            }
            Note::Ended(trouble) => {
                if trouble.is_silent() {
                    self.counts.troubles.add();
                }
                ("INFO", kind_of(trouble), format!("{} is over", trouble.name()))
            }
        };
        if self.lines.len() >= WAITING_LINES {
            self.lines.remove(0);
        }
        self.lines.push(Line {
            event_id: format!("{}-{}-{}", self.boot_prefix, report.boot, report.seq),
            clock: rfc3339(report.clock_ms),
            level,
            kind,
            message,
        });
    }

    /// Sends the waiting lines; what the server can't take now waits for the next heartbeat.
    async fn send_lines(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let line = |line: &Line| LogLine {
            event_id: line.event_id.clone().into(),
            timestamp: line.clock.clone().into(),
            level: line.level.into(),
            kind: line.kind.into(),
            message: line.message.clone().into(),
            details: serde_json::Value::Null,
        };
        match self.agent.logs(self.lines.iter().map(line).collect()).await {
            Ok(answer) => {
                self.counts.log_lines.add_many(answer.count);
                self.lines.clear();
            }
            Err(error) if error.is_transient() => self.counts.unanswered.add(),
            Err(_) => {
                self.counts.refused.add();
                self.lines.clear();
            }
        }
    }
}

const fn kind_of(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::LinkLost => "network",
        Trouble::ReaderUnplugged | Trouble::ReaderError => "reader",
        Trouble::Overheated | Trouble::DiskFull | Trouble::ClockSkewed => "system",
        Trouble::AgentRestart => "agent",
    }
}
