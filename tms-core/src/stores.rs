//! All ports of one backend in one value.

use std::sync::Arc;

use crate::{
    alert::AlertStore,
    audit::AuditStore,
    credential::CredentialStore,
    customer::CustomerStore,
    enrolment::EnrolmentStore,
    event::EventStore,
    heartbeat::HeartbeatStore,
    idempotency::IdempotencyStore,
    lease::LeaseStore,
    limit::LimitStore,
    maintenance::MaintenanceStore,
    metric::MetricStore,
    notification::NotificationStore,
    operator::{ApiTokenStore, GuessStore, PasswordLinkStore, SecondFactorStore, SessionStore, UserStore},
    presence::PresenceStore,
    report::ReportStore,
    settings::SettingsStore,
    terminal::TerminalStore,
    terminal_log::TerminalLogStore,
    transfer::TransferStore,
    upkeep::UpkeepStore,
};

/// One store per aggregate, all from the same backend (DECISIONS 1).
#[derive(Debug, Clone)]
pub struct Stores {
    /// Customers.
    pub customers: Arc<dyn CustomerStore>,
    /// Terminals.
    pub terminals: Arc<dyn TerminalStore>,
    /// Enrolment codes.
    pub enrolment: Arc<dyn EnrolmentStore>,
    /// Agent tokens.
    pub credentials: Arc<dyn CredentialStore>,
    /// Heartbeats.
    pub heartbeats: Arc<dyn HeartbeatStore>,
    /// Measurements by the hour.
    pub metrics: Arc<dyn MetricStore>,
    /// Presence.
    pub presence: Arc<dyn PresenceStore>,
    /// Alerts.
    pub alerts: Arc<dyn AlertStore>,
    /// Logs of terminals.
    pub logs: Arc<dyn TerminalLogStore>,
    /// Maintenance times.
    pub maintenance: Arc<dyn MaintenanceStore>,
    /// Channels of notifications, and the outbox.
    pub notifications: Arc<dyn NotificationStore>,
    /// People.
    pub users: Arc<dyn UserStore>,
    /// Their sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Their API tokens.
    pub api_tokens: Arc<dyn ApiTokenStore>,
    /// Their second factors.
    pub second_factors: Arc<dyn SecondFactorStore>,
    /// Links with which they set a password.
    pub password_links: Arc<dyn PasswordLinkStore>,
    /// Guesses of passwords and codes.
    pub guesses: Arc<dyn GuessStore>,
    /// Sums for reports.
    pub reports: Arc<dyn ReportStore>,
    /// Settings.
    pub settings: Arc<dyn SettingsStore>,
    /// The audit trail.
    pub audit: Arc<dyn AuditStore>,
    /// The event stream.
    pub events: Arc<dyn EventStore>,
    /// Remembered answers.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// Leadership.
    pub leases: Arc<dyn LeaseStore>,
    /// Limits that nodes share.
    pub limits: Arc<dyn LimitStore>,
    /// Data taken in as a whole.
    pub transfers: Arc<dyn TransferStore>,
    /// Upkeep.
    pub upkeep: Arc<dyn UpkeepStore>,
}

impl Stores {
    /// Takes all ports from one value that implements them all.
    pub fn from_one<S>(store: &Arc<S>) -> Self
    where
        S: CustomerStore
            + TerminalStore
            + EnrolmentStore
            + CredentialStore
            + HeartbeatStore
            + MetricStore
            + PresenceStore
            + AlertStore
            + TerminalLogStore
            + MaintenanceStore
            + NotificationStore
            + UserStore
            + SessionStore
            + ApiTokenStore
            + SecondFactorStore
            + PasswordLinkStore
            + GuessStore
            + ReportStore
            + SettingsStore
            + AuditStore
            + EventStore
            + IdempotencyStore
            + LeaseStore
            + LimitStore
            + TransferStore
            + UpkeepStore,
    {
        Self {
            customers: store.clone(),
            terminals: store.clone(),
            enrolment: store.clone(),
            credentials: store.clone(),
            heartbeats: store.clone(),
            metrics: store.clone(),
            presence: store.clone(),
            alerts: store.clone(),
            logs: store.clone(),
            maintenance: store.clone(),
            notifications: store.clone(),
            users: store.clone(),
            sessions: store.clone(),
            api_tokens: store.clone(),
            second_factors: store.clone(),
            password_links: store.clone(),
            guesses: store.clone(),
            reports: store.clone(),
            settings: store.clone(),
            audit: store.clone(),
            events: store.clone(),
            idempotency: store.clone(),
            leases: store.clone(),
            limits: store.clone(),
            transfers: store.clone(),
            upkeep: store.clone(),
        }
    }
}
