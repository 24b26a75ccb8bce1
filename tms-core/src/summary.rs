//! The fleet at a glance.

use crate::{alert::Severity, terminal::store::StatusCounts, time::Timestamp};

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
