//! What an administrator can set for the whole installation; a versioned document with typed, bounded values.

pub mod document;
pub mod service;
pub mod store;

use std::{collections::BTreeSet, time::Duration};

use crate::{
    alert::rule::AlertRules,
    error::{Error, FieldErrors},
    id::Revision,
    permission::Role,
    report::Calendar,
};

pub use service::SettingsService;
pub use store::SettingsStore;

/// The settings of one installation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// When a silent terminal counts as lost.
    pub presence: PresenceSettings,
    /// What raises an alert.
    pub rules: AlertRules,
    /// How long history is kept.
    pub retention: Retention,
    /// What people must show.
    pub security: SecuritySettings,
    /// How reports are cut.
    pub reports: ReportSettings,
}

/// How reports are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportSettings {
    /// Whose days, weeks and months they have.
    pub calendar: Calendar,
}

/// What people must show to be let in, and to do what is dangerous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecuritySettings {
    /// The roles that need a second factor.
    pub second_factor_roles: BTreeSet<Role>,
    /// For how many minutes a proof of who it is counts as fresh, 1 to 60.
    pub step_up_minutes: u32,
}

impl Default for SecuritySettings {
    fn default() -> Self {
        Self {
            second_factor_roles: BTreeSet::new(),
            step_up_minutes: 10,
        }
    }
}

/// When a silent terminal counts as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceSettings {
    /// The interval of a new terminal, in seconds, 1 to 3,600.
    pub default_interval_s: u32,
    /// How many intervals may be missed, 1 to 10.
    pub lost_after_intervals: u32,
    /// What is added to them, in seconds, 0 to 3,600.
    pub lost_grace_s: u32,
    /// The share of the connected fleet, in percent, that may fall due in one sweep before it is held.
    pub mass_loss_percent: u32,
    /// A smaller number of terminals is never held.
    pub mass_loss_minimum: u32,
    /// How long such a loss is held before it is believed, in seconds.
    pub mass_loss_hold_s: u32,
}

/// How long history is kept, in days (DECISIONS 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Raw metrics.
    pub metrics_days: u32,
    /// Metrics by the hour.
    pub metrics_hourly_days: u32,
    /// Status changes.
    pub status_changes_days: u32,
    /// Logs of terminals.
    pub logs_days: u32,
    /// Resolved alerts.
    pub resolved_alerts_days: u32,
    /// Audit entries.
    pub audit_days: u32,
    /// Events.
    pub events_days: u32,
}

impl Default for PresenceSettings {
    fn default() -> Self {
        Self {
            default_interval_s: 300,
            lost_after_intervals: 2,
            lost_grace_s: 60,
            mass_loss_percent: 20,
            mass_loss_minimum: 50,
            mass_loss_hold_s: 900,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            metrics_days: 7,
            metrics_hourly_days: 400,
            status_changes_days: 400,
            logs_days: 90,
            resolved_alerts_days: 180,
            audit_days: 400,
            events_days: 1,
        }
    }
}

/// The shortest heartbeat interval, in seconds.
pub const MIN_INTERVAL_S: u32 = 1;
/// The longest heartbeat interval, in seconds.
pub const MAX_INTERVAL_S: u32 = 3_600;

impl PresenceSettings {
    /// Returns how long after a heartbeat that answered `next_s` its terminal is lost.
    pub fn lost_after(&self, next_s: u32) -> Duration {
        let seconds = u64::from(self.lost_after_intervals) * u64::from(next_s) + u64::from(self.lost_grace_s);
        Duration::from_secs(seconds)
    }
}

/// What a whole number of the settings may be.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// The name of the field: its section and its key.
    pub field: &'static str,
    /// The least it may be.
    pub low: u32,
    /// The most it may be.
    pub high: u32,
    /// Reads it.
    pub of: fn(&Settings) -> u32,
}

/// The whole numbers of the settings and what each may be.
#[rustfmt::skip]
pub static BOUNDS: [Bound; 14] = [
    bound("presence.default_interval_s", MIN_INTERVAL_S, MAX_INTERVAL_S, |s| s.presence.default_interval_s),
    bound("presence.lost_after_intervals", 1, 10, |s| s.presence.lost_after_intervals),
    bound("presence.lost_grace_s", 0, 3_600, |s| s.presence.lost_grace_s),
    bound("presence.mass_loss_percent", 1, 100, |s| s.presence.mass_loss_percent),
    bound("presence.mass_loss_minimum", 1, 1_000_000, |s| s.presence.mass_loss_minimum),
    bound("presence.mass_loss_hold_s", 0, 86_400, |s| s.presence.mass_loss_hold_s),
    bound("retention.metrics_days", 1, 400, |s| s.retention.metrics_days),
    bound("retention.metrics_hourly_days", 1, 4_000, |s| s.retention.metrics_hourly_days),
    bound("retention.status_changes_days", 31, 4_000, |s| s.retention.status_changes_days),
    bound("retention.logs_days", 1, 4_000, |s| s.retention.logs_days),
    bound("retention.resolved_alerts_days", 1, 4_000, |s| s.retention.resolved_alerts_days),
    bound("retention.audit_days", 31, 4_000, |s| s.retention.audit_days),
    bound("retention.events_days", 1, 30, |s| s.retention.events_days),
    bound("security.step_up_minutes", 1, 60, |s| s.security.step_up_minutes),
];

const fn bound(field: &'static str, low: u32, high: u32, of: fn(&Settings) -> u32) -> Bound {
    Bound { field, low, high, of }
}

impl Settings {
    /// Checks every bound.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each field out of bounds.
    pub fn validate(&self) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        for Bound { field, low, high, of } in &BOUNDS {
            if !(*low..=*high).contains(&of(self)) {
                errors.add(*field, format!("must be {low} to {high}"));
            }
        }
        self.rules.check(&mut errors);
        errors.finish()
    }
}

/// Settings as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSettings {
    /// The values.
    pub settings: Settings,
    /// Counts the changes.
    pub revision: Revision,
}
