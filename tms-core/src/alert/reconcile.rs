//! Raises and resolves alerts from state: works off the rows whose `raised` and `alerted` differ.

use std::sync::Arc;

use super::{AlertStore, decide, store::AlertsApplied};
use crate::{error::StoreError, heartbeat::plan::BatchRules, lease::Fence, presence::PresenceStore, time::Timestamp};

const STEP: u32 = 1_000;

/// The alert reconciler.
#[derive(Debug)]
pub struct AlertReconciler {
    presence: Arc<dyn PresenceStore>,
    alerts: Arc<dyn AlertStore>,
}

impl AlertReconciler {
    /// Makes the reconciler over these ports.
    pub fn new(presence: Arc<dyn PresenceStore>, alerts: Arc<dyn AlertStore>) -> Self {
        Self { presence, alerts }
    }

    /// Brings the open alerts in line with the causes; returns what was done.
    ///
    /// # Errors
    /// What the store answered; [`StoreError::Fenced`] when another node leads.
    pub async fn tick(&self, now: Timestamp, fence: Fence, rules: &BatchRules) -> Result<AlertsApplied, StoreError> {
        let mut total = AlertsApplied::default();
        loop {
            let rows = self.presence.unsettled(STEP).await?;
            if rows.is_empty() {
                return Ok(total);
            }
            let plans: Vec<_> = rows.iter().map(|row| decide(row, &rules.alerts, now)).collect();
            let done = self.alerts.apply(&plans, fence).await?;
            total.raised += done.raised;
            total.resolved += done.resolved;
            if rows.len() < usize::try_from(STEP).unwrap_or(usize::MAX) {
                return Ok(total);
            }
        }
    }
}
