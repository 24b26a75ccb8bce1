//! The presence sweep: turns silence into loss, and crossed thresholds into causes when their time has come.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::Mutex;

use super::{
    PresenceStore,
    sweep::{self, SweepInput},
};
use crate::{
    alert::{AlertStore, Cause, NewAlert, Severity, rule::AlertRules},
    error::StoreError,
    heartbeat::plan::BatchRules,
    lease::Fence,
    time::Timestamp,
};

/// How many due rows one look at the fleet takes.
const LOOK: u32 = 20_000;
/// How many rows are written at a time.
const STEP: usize = 5_000;
/// How many rows are judged anew at a time.
const LOOK_ANEW: u32 = 5_000;
/// After this time every node knows of rules that have changed.
const OTHERS_KNOW_AFTER: Duration = Duration::from_secs(15);
/// How far back our own outages still matter: longer than the longest silence before loss.
const OUTAGE_HORIZON: Duration = Duration::from_secs(2 * 86_400);

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Rows written.
    pub written: u64,
    /// Terminals whose loss is held back.
    pub held: u64,
}

/// The presence sweep.
#[derive(Debug)]
pub struct PresenceSweep {
    presence: Arc<dyn PresenceStore>,
    alerts: Arc<dyn AlertStore>,
    held: Mutex<Held>,
    /// The rules by which every row was judged last; a new leader judges them all once.
    judged: Mutex<Judged>,
}

/// What is known of losses that are held back; a new leader starts anew.
#[derive(Debug, Default)]
struct Held {
    /// The fencing token with which this was found out.
    token: Option<i64>,
    /// Since when.
    since: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Judged {
    by: Option<AlertRules>,
    /// When to judge once more, because other nodes may have judged by older rules until then.
    again_at: Option<Timestamp>,
}

impl PresenceSweep {
    /// Makes the sweep over these ports.
    pub fn new(presence: Arc<dyn PresenceStore>, alerts: Arc<dyn AlertStore>) -> Self {
        Self {
            presence,
            alerts,
            held: Mutex::default(),
            judged: Mutex::default(),
        }
    }

    /// Looks at the fleet once. Notes first that we are alive, so that our own outage is known before silence is judged.
    ///
    /// # Errors
    /// What the store answered; [`StoreError::Fenced`] when another node leads.
    pub async fn tick(&self, now: Timestamp, fence: Fence, rules: &BatchRules) -> Result<SweepReport, StoreError> {
        if let Some(outage) = self.presence.stamp_alive(now).await? {
            tracing::warn!(from = %outage.from, to = %outage.to, "no node could write; deadlines move by that time");
        }
        let outages = self.presence.outages(now.minus(OUTAGE_HORIZON)).await?;
        let mut report = SweepReport {
            written: self.judge_anew(now, fence, rules).await?,
            ..SweepReport::default()
        };
        loop {
            let due = self.presence.due(now, &outages, LOOK).await?;
            let hold = self.judge_mass_loss(&due, now, fence, rules).await?;
            let is_last = due.rows.len() < usize::try_from(LOOK).unwrap_or(usize::MAX);
            let input = SweepInput {
                now,
                outages: &outages,
                rules: &rules.alerts,
                hold_losses: hold,
            };
            let mut written = 0;
            let mut rows = due.rows.into_iter();
            while rows.len() > 0 {
                let plan = sweep::plan(rows.by_ref().take(STEP).collect(), &input);
                if !plan.writes.is_empty() {
                    written += self.presence.apply_sweep(&plan, fence).await?;
                }
            }
            report.written += written;
            if hold {
                report.held = due.due_for_loss;
            }
            // Rows that a heartbeat changed meanwhile, or that are held, would come again at once.
            if is_last || hold || written == 0 {
                return Ok(report);
            }
        }
    }

    /// Lets rules that have changed decide anew about the rows that no heartbeat brings up soon; returns how many were
    /// written.
    async fn judge_anew(&self, now: Timestamp, fence: Fence, rules: &BatchRules) -> Result<u64, StoreError> {
        let mut judged = self.judged.lock().await;
        let is_new = judged.by.as_ref() != Some(&rules.alerts);
        if !is_new && judged.again_at.is_none_or(|at| now < at) {
            return Ok(0);
        }
        let input = SweepInput {
            now,
            outages: &[],
            rules: &rules.alerts,
            // Loss is not what this is about.
            hold_losses: true,
        };
        let (mut written, mut after) = (0, None);
        loop {
            let rows = self.presence.judged_by_rules(after, LOOK_ANEW).await?;
            let is_last = rows.len() < usize::try_from(LOOK_ANEW).unwrap_or(usize::MAX);
            after = rows.last().map(|row| row.terminal);
            let plan = sweep::plan(rows, &input);
            if !plan.writes.is_empty() {
                written += self.presence.apply_sweep(&plan, fence).await?;
            }
            if is_last {
                break;
            }
        }
        *judged = Judged {
            by: Some(rules.alerts.clone()),
            again_at: is_new.then(|| now.plus(OTHERS_KNOW_AFTER)),
        };
        Ok(written)
    }

    /// Tells whether losses are held back, and keeps the server alert about it in line.
    async fn judge_mass_loss(
        &self,
        due: &super::store::DueRows,
        now: Timestamp,
        fence: Fence,
        rules: &BatchRules,
    ) -> Result<bool, StoreError> {
        let mut known = self.held.lock().await;
        let is_new = known.token != Some(fence.token);
        if !sweep::is_mass_loss(due.due_for_loss, due.connected, &rules.presence) {
            // A leader before this one may have raised the alert and be gone.
            if is_new || known.since.is_some() {
                self.alerts.resolve_server_alert(Cause::Offline, now, fence).await?;
            }
            (known.token, known.since) = (Some(fence.token), None);
            return Ok(false);
        }
        let since = known.since.filter(|_| !is_new).unwrap_or(now);
        (known.token, known.since) = (Some(fence.token), Some(since));
        let hold = Duration::from_secs(u64::from(rules.presence.mass_loss_hold_s));
        let alert = NewAlert {
            terminal: None,
            customer: None,
            cause: Cause::Offline,
            severity: Severity::Critical,
            details: json!({ "due": due.due_for_loss, "connected": due.connected, "held_s": hold.as_secs() }),
            at: now,
        };
        self.alerts.raise_server_alert(&alert, fence).await?;
        Ok(now.since(since) < hold)
    }
}
