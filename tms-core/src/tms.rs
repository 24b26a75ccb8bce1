//! The facade: one value that offers every service, and one future that does the background work.

pub mod background;
mod node;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

pub use node::NodeSettings;

use crate::{
    alert::{AlertRuleBook, Alerts},
    audit::{Audit, AuditKeys, Refusals},
    credential::{CredentialCache, Credentials},
    ctx::{Actor, Ctx, Origin},
    customer::Customers,
    enrolment::Enrolment,
    event::LiveEvents,
    heartbeat::{HeartbeatIngest, Heartbeats, ingest::IngestWorkers},
    key::SecretKeys,
    limit::SharedLimits,
    maintenance::Maintenances,
    metric::MetricHistory,
    notification::{ChannelSeal, Notifications, Notifier},
    operator::{Accounts, ApiTokens, Operators, SecondFactors, Shared, Tools, password::Passwords, users::Users},
    random::{RandomSource, SystemRandom},
    report::Reports,
    settings::{Settings, SettingsService},
    stores::Stores,
    summary::Summaries,
    terminal::Terminals,
    terminal_log::TerminalLogs,
    time::{Clock, SystemClock, Timestamp},
    transfer::Transfers,
};

/// Puts a [`Tms`] together.
#[derive(Debug)]
pub struct TmsBuilder {
    stores: Stores,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    settings: Settings,
    node: NodeSettings,
    keys: Option<SecretKeys>,
    notifier: Option<Arc<dyn Notifier>>,
}

impl TmsBuilder {
    /// Sets the secret key of the installation, which all its nodes must share. Without one, what would have to be
    /// encrypted or signed is refused; the audit trail is signed with a key that everybody knows.
    #[must_use]
    pub fn secret_keys(mut self, keys: SecretKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Takes another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes another source of randomness than the operating system.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn RandomSource>) -> Self {
        self.random = random;
        self
    }

    /// Sets what holds until somebody saves settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Takes what sends notifications; without it they wait in the outbox for a node that has one.
    #[must_use]
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = Some(notifier);
        self
    }

    /// Sets how this process works.
    #[must_use]
    pub fn node(mut self, node: NodeSettings) -> Self {
        self.node = node;
        self
    }

    /// Builds the value.
    pub fn build(self) -> Tms {
        let Self {
            stores,
            clock,
            random,
            settings,
            node,
            keys,
            notifier,
        } = self;
        let settings = SettingsService::new(stores.settings.clone(), settings);
        let (ingest, workers) = HeartbeatIngest::new(stores.heartbeats.clone(), settings.follow_rules(), node.ingest);
        let cache = CredentialCache::new(stores.credentials.clone(), clock.clone(), node.cached_tokens);
        let cache = Arc::new(cache);
        let seal = ChannelSeal::new(keys.as_ref(), random.clone());
        let passwords = Passwords::new(node.password_cost, node.passwords_at_once, random.clone());
        let tools = Tools::new(passwords, random.clone(), keys.as_ref(), settings.follow_security());
        let people = Shared::new(stores.clone(), tools);
        let terminals = Terminals::new(&stores);
        let audit_keys = Arc::new(keys.as_ref().map_or_else(AuditKeys::public, AuditKeys::new));
        stores.audit.use_keys((*audit_keys).clone());
        let notifications = Notifications::new(&stores, seal, notifier, clock.clone());
        let services = Services {
            audit: Audit::new(stores.audit.clone(), audit_keys.clone()),
            customers: Customers::new(&stores),
            enrolment: Enrolment::new(&stores, random.clone()),
            credentials: Credentials::new(stores.credentials.clone(), cache.clone(), random.clone()),
            heartbeats: Heartbeats::new(ingest),
            logs: TerminalLogs::new(stores.logs.clone(), terminals.clone()),
            maintenance: Maintenances::new(&stores, terminals.clone(), settings.follow_rules()),
            metrics: MetricHistory::new(&stores, terminals.clone(), settings.follow()),
            reports: Reports::new(&stores, terminals.clone(), settings.follow()),
            terminals,
            notifications: notifications.clone(),
            alerts: Alerts::new(&stores),
            alert_rules: AlertRuleBook::new(settings.clone(), &stores),
            users: Users::new(people.clone(), notifications, node.public_url.clone()),
            accounts: Accounts::new(people.clone()),
            api_tokens: ApiTokens::new(people.clone()),
            second_factors: SecondFactors::new(people.clone()),
            operators: Operators::new(people),
            transfers: Transfers::new(stores.clone()),
            live: LiveEvents::new(stores.events.clone(), clock.clone(), node.live),
            summaries: Summaries::new(stores.terminals.clone(), stores.alerts.clone()),
            settings,
        };
        Tms(Arc::new(Inner {
            services,
            stores,
            clock,
            limits: SharedLimits::seeded(&*random),
            random,
            cache,
            workers: Mutex::new(Some(workers)),
            node,
            keys,
            audit_keys,
            refusals: Refusals::new(),
            can_write: AtomicBool::new(true),
        }))
    }
}

#[derive(Debug)]
struct Services {
    audit: Audit,
    customers: Customers,
    terminals: Terminals,
    enrolment: Enrolment,
    credentials: Credentials,
    heartbeats: Heartbeats,
    logs: TerminalLogs,
    maintenance: Maintenances,
    alerts: Alerts,
    alert_rules: AlertRuleBook,
    notifications: Notifications,
    operators: Operators,
    users: Users,
    accounts: Accounts,
    api_tokens: ApiTokens,
    second_factors: SecondFactors,
    live: LiveEvents,
    summaries: Summaries,
    transfers: Transfers,
    reports: Reports,
    metrics: MetricHistory,
    settings: SettingsService,
}

#[derive(Debug)]
struct Inner {
    services: Services,
    stores: Stores,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    cache: Arc<CredentialCache>,
    workers: Mutex<Option<IngestWorkers>>,
    node: NodeSettings,
    keys: Option<SecretKeys>,
    audit_keys: Arc<AuditKeys>,
    refusals: Refusals,
    limits: SharedLimits,
    /// Whether the last sign of life of this node could be written.
    can_write: AtomicBool,
}

/// A terminal management system over some stores; cheap to clone.
///
/// [`Tms::run`] must be driven for heartbeats to be stored, silence to be noticed and alerts to be raised.
#[derive(Debug, Clone)]
pub struct Tms(Arc<Inner>);

impl Tms {
    /// Begins with the stores; the rest has defaults.
    pub fn builder(stores: Stores) -> TmsBuilder {
        TmsBuilder {
            stores,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            settings: Settings::default(),
            node: NodeSettings::default(),
            keys: None,
            notifier: None,
        }
    }

    /// Returns the present time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Makes the context of a request; reads the clock once.
    pub fn ctx(&self, actor: Actor, origin: Origin) -> Ctx {
        Ctx {
            actor,
            now: self.now(),
            origin,
            refusals: self.0.refusals.clone(),
            idempotency: None,
        }
    }

    /// Makes the context of the program itself.
    pub fn system_ctx(&self) -> Ctx {
        Ctx::system(self.now())
    }

    /// Customers.
    pub fn customers(&self) -> &Customers {
        &self.0.services.customers
    }

    /// Terminals.
    pub fn terminals(&self) -> &Terminals {
        &self.0.services.terminals
    }

    /// Enrolment codes and their redemption.
    pub fn enrolment(&self) -> &Enrolment {
        &self.0.services.enrolment
    }

    /// Agent tokens.
    pub fn credentials(&self) -> &Credentials {
        &self.0.services.credentials
    }

    /// Heartbeats.
    pub fn heartbeats(&self) -> &Heartbeats {
        &self.0.services.heartbeats
    }

    /// Logs of terminals.
    pub fn logs(&self) -> &TerminalLogs {
        &self.0.services.logs
    }

    /// Maintenance times.
    pub fn maintenance(&self) -> &Maintenances {
        &self.0.services.maintenance
    }

    /// Alerts.
    pub fn alerts(&self) -> &Alerts {
        &self.0.services.alerts
    }

    /// The rules of alerts.
    pub fn alert_rules(&self) -> &AlertRuleBook {
        &self.0.services.alert_rules
    }

    /// Channels by which people are told of alerts.
    pub fn notifications(&self) -> &Notifications {
        &self.0.services.notifications
    }

    /// Sign-in and sign-out of people.
    pub fn operators(&self) -> &Operators {
        &self.0.services.operators
    }

    /// People, as an administrator manages them.
    pub fn users(&self) -> &Users {
        &self.0.services.users
    }

    /// One's own account.
    pub fn accounts(&self) -> &Accounts {
        &self.0.services.accounts
    }

    /// One's own API tokens.
    pub fn api_tokens(&self) -> &ApiTokens {
        &self.0.services.api_tokens
    }

    /// One's own second factor.
    pub fn second_factors(&self) -> &SecondFactors {
        &self.0.services.second_factors
    }

    /// Live events.
    pub fn live(&self) -> &LiveEvents {
        &self.0.services.live
    }

    /// The fleet at a glance.
    pub fn summaries(&self) -> &Summaries {
        &self.0.services.summaries
    }

    /// Data taken in and given out as a whole.
    pub fn transfers(&self) -> &Transfers {
        &self.0.services.transfers
    }

    /// Measurements by the hour and by the day.
    pub fn metrics(&self) -> &MetricHistory {
        &self.0.services.metrics
    }

    /// Reports.
    pub fn reports(&self) -> &Reports {
        &self.0.services.reports
    }

    /// The audit trail.
    pub fn audit(&self) -> &Audit {
        &self.0.services.audit
    }

    /// Settings.
    pub fn settings(&self) -> &SettingsService {
        &self.0.services.settings
    }

    /// The ports, for what has no service of its own (health, events).
    pub fn stores(&self) -> &Stores {
        &self.0.stores
    }

    /// Tells whether the store takes what this node writes: its last sign of life, at most five seconds old. True
    /// where [`Tms::run`] is not driven.
    pub fn can_write(&self) -> bool {
        self.0.can_write.load(Ordering::Relaxed)
    }

    /// The secret keys of the installation, if it was built with any.
    pub fn secret_keys(&self) -> Option<&SecretKeys> {
        self.0.keys.as_ref()
    }

    /// The limits per client that nodes share.
    pub fn limits(&self) -> &SharedLimits {
        &self.0.limits
    }

    /// The source of randomness.
    pub fn random(&self) -> &dyn RandomSource {
        &*self.0.random
    }

    fn take_workers(&self) -> Option<IngestWorkers> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
