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
        let mut before = Vec::new();
        loop {
            let rows = self.presence.unsettled(STEP).await?;
            let terminals: Vec<_> = rows.iter().map(|row| row.terminal).collect();
            // Rows that come again at once were left as they were; the next tick tries them anew.
            if rows.is_empty() || terminals == before {
                return Ok(total);
            }
            before = terminals;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::{CauseSet, store::MockAlertStore},
        id::{CustomerId, TerminalId},
        presence::{Presence, store::MockPresenceStore},
    };

    /// A store that leaves a full page as it was must not keep the leader busy for ever.
    #[tokio::test]
    async fn what_is_left_unsettled_waits_for_the_next_tick() {
        let row = |n: u32| {
            let customer = CustomerId::new(1).unwrap();
            let mut row = Presence::new(
                TerminalId::new(i64::from(n) + 1).unwrap(),
                customer,
                300,
                Timestamp::EPOCH,
            );
            row.alerted = CauseSet::from_bits(1);
            row
        };
        let mut presence = MockPresenceStore::new();
        presence
            .expect_unsettled()
            .returning(move |limit| Ok((0..limit).map(row).collect()));
        let mut alerts = MockAlertStore::new();
        let nothing = |_: &[_], _| Ok(AlertsApplied::default());
        alerts.expect_apply().times(1).returning(nothing);
        let reconciler = AlertReconciler::new(Arc::new(presence), Arc::new(alerts));
        let fence = Fence { lease: "led", token: 1 };
        let done = reconciler.tick(Timestamp::EPOCH, fence, &BatchRules::default()).await;
        assert_eq!(done.unwrap(), AlertsApplied::default());
    }
}
