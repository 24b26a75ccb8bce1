//! The fleet at a glance.

use std::{sync::Arc, time::Duration};

use crate::{
    alert::{AlertStore, Severity},
    ctx::Ctx,
    error::Error,
    id::CustomerId,
    permission::Permission,
    recent::Recent,
    terminal::{TerminalStore, store::StatusCounts},
    time::Timestamp,
};

/// How old a shared answer may be.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Totals of the fleet, at most two seconds old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Terminals by status, retired ones left out.
    pub terminals: StatusCounts,
    /// Unresolved alerts by severity, worst first, zero included.
    pub alerts: Vec<(Severity, u64)>,
    /// When this was counted.
    pub as_of: Timestamp,
}

/// Counts the fleet; askers within a second share one count.
#[derive(Debug)]
pub struct Summaries {
    terminals: Arc<dyn TerminalStore>,
    alerts: Arc<dyn AlertStore>,
    recent: Recent<Option<CustomerId>, Summary>,
}

impl Summaries {
    pub(crate) fn new(terminals: Arc<dyn TerminalStore>, alerts: Arc<dyn AlertStore>) -> Self {
        Self {
            terminals,
            alerts,
            recent: Recent::new(FRESH_FOR),
        }
    }

    /// Returns the totals of what the actor sees.
    pub async fn get(&self, ctx: &Ctx) -> Result<Summary, Error> {
        ctx.require(Permission::TerminalRead)?;
        ctx.require(Permission::AlertRead)?;
        let scope = ctx.scope();
        self.recent.get(scope, ctx.now, || self.count(scope, ctx.now)).await
    }

    async fn count(&self, scope: Option<CustomerId>, now: Timestamp) -> Result<Summary, Error> {
        let terminals = self.terminals.count_by_status(scope).await?;
        let open = self.alerts.count_open(scope).await?;
        let count = |severity| {
            open.iter()
                .find(|(known, _)| *known == severity)
                .map_or(0, |(_, count)| *count)
        };
        let alerts = Severity::ALL
            .iter()
            .map(|severity| (*severity, count(*severity)))
            .collect();
        Ok(Summary {
            terminals,
            alerts,
            as_of: now,
        })
    }
}
