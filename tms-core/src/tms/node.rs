//! How one process works. What all nodes share are settings.

use std::time::Duration;

use crate::{event::LiveSettings, heartbeat::ingest::IngestSettings, operator::password::PasswordCost};

/// How one process works; nothing here is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// Names this process among the nodes; must differ between them.
    pub node: String,
    /// Group commit.
    pub ingest: IngestSettings,
    /// How many agent tokens are kept in memory.
    pub cached_tokens: usize,
    /// What a password hash costs.
    pub password_cost: PasswordCost,
    /// How many passwords are hashed at a time: half the cores, at least one.
    pub passwords_at_once: usize,
    /// Where people find the console, such as `https://tms.example.com`; without it no password link is mailed.
    pub public_url: Option<String>,
    /// Live events.
    pub live: LiveSettings,
    /// The shortest time between two sweeps; a sweep that takes long waits twenty times as long.
    pub sweep_every: Duration,
}

impl Default for NodeSettings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            node: "node".to_owned(),
            ingest: IngestSettings::default(),
            cached_tokens: 1_000_000,
            password_cost: PasswordCost::STANDARD,
            passwords_at_once: (cores / 2).max(1),
            public_url: None,
            live: LiveSettings::default(),
            sweep_every: Duration::from_secs(1),
        }
    }
}
