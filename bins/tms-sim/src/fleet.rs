//! A fleet that enrols and lives: normal days, lost links, unplugged readers, overheated PCs, and their return. The same
//! seed gives the same troubles at the same times after the start.

pub mod backoff;
pub mod counts;
pub mod day;
mod enrol;
pub mod life;
pub mod shop;
mod terminal;
pub mod trouble;

#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tms_http::client::http_client;
use tokio::task::JoinSet;

use self::{
    enrol::Enrolled,
    life::Life,
    terminal::{Parts, Terminal},
};
use crate::{
    access::{Access, ENROL_AT_ONCE, TIMEOUT},
    clock::now_ms,
    error::SimError,
    rng::Rng,
};

pub use self::{
    counts::{FleetCounts, FleetReport},
    trouble::{Trouble, Troubles},
};

/// The longest time over which the first heartbeats are spread.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// What a fleet is like.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetSettings {
    /// The server, such as `http://127.0.0.1:8000`.
    pub base_url: String,
    /// How many terminals there are.
    pub terminals: usize,
    /// How they get in.
    pub access: Access,
    /// How many of them enrol at a time.
    pub enrol_at_once: usize,
    /// What makes this fleet differ from another, and the same as itself.
    pub seed: u64,
    /// What serial numbers begin with.
    pub serial_prefix: String,
    /// What the answered `next_heartbeat` is multiplied with; 1 obeys it.
    pub interval_scale: f64,
    /// How often something goes wrong.
    pub troubles: Troubles,
}

impl FleetSettings {
    /// Makes an ordinary fleet.
    pub fn new(base_url: &str, terminals: usize, access: Access) -> Self {
        Self {
            base_url: base_url.to_owned(),
            terminals,
            access,
            enrol_at_once: ENROL_AT_ONCE,
            seed: 1,
            serial_prefix: "TC-200".to_owned(),
            interval_scale: 1.0,
            troubles: Troubles::usual(),
        }
    }

    /// Makes a fleet for somebody who watches: its first troubles come within half a minute and soon pass.
    pub fn demo(base_url: &str, terminals: usize, access: Access) -> Self {
        Self {
            troubles: Troubles::demo(),
            ..Self::new(base_url, terminals, access)
        }
    }

    fn check(&self) -> Result<(), SimError> {
        if self.enrol_at_once == 0 {
            return Err(SimError::Settings(
                "at least one terminal must enrol at a time".to_owned(),
            ));
        }
        if !(self.interval_scale.is_finite() && self.interval_scale > 0.0) {
            return Err(SimError::Settings("the interval scale must be above 0".to_owned()));
        }
        if !(self.troubles.per_hour.is_finite() && self.troubles.per_hour >= 0.0) {
            return Err(SimError::Settings("troubles per hour must be 0 or more".to_owned()));
        }
        Ok(())
    }
}

/// Lives until `shutdown` and returns what was done.
///
/// # Errors
/// [`SimError::Server`] when the fleet can't enrol; a server that goes away later is waited for.
pub async fn run(settings: FleetSettings, shutdown: impl Future<Output = ()>) -> Result<FleetReport, SimError> {
    run_counted(settings, Arc::default(), shutdown).await
}

/// Lives like [`run`], with counts that others may read meanwhile.
pub async fn run_counted(
    settings: FleetSettings,
    counts: Arc<FleetCounts>,
    shutdown: impl Future<Output = ()>,
) -> Result<FleetReport, SimError> {
    settings.check()?;
    tokio::select! {
        outcome = live(&settings, &counts) => outcome?,
        () = shutdown => {}
    }
    Ok(counts.report())
}

/// Enrols the fleet and lives for as long as one terminal does.
async fn live(settings: &FleetSettings, counts: &Arc<FleetCounts>) -> Result<(), SimError> {
    let http = http_client(TIMEOUT).map_err(SimError::server("start"))?;
    // Dropping the set ends every terminal, so nothing outlives a shutdown.
    let mut terminals = JoinSet::new();
    let began_ms = now_ms();
    let begin = |enrolled| {
        let (terminal, first) = prepare(settings, counts, began_ms, enrolled);
        terminals.spawn(terminal.live(first));
    };
    enrol::enrol(settings, http, counts.clone(), begin).await?;
    while let Some(ended) = terminals.join_next().await {
        ended.map_err(SimError::Stopped)?;
    }
    Ok(())
}

fn prepare(
    settings: &FleetSettings,
    counts: &Arc<FleetCounts>,
    began_ms: i64,
    enrolled: Enrolled,
) -> (Terminal, Duration) {
    let part = u64::try_from(enrolled.index).unwrap_or(0);
    let mut rng = Rng::of_part(settings.seed, part);
    let interval = Duration::from_secs(u64::from(enrolled.answer.heartbeat_interval)).mul_f64(settings.interval_scale);
    // A terminal is heard once before its first trouble, or nobody would miss it.
    let before_trouble = settings.troubles.early.map_or(FIRST_WITHIN, |(_, within)| within / 5);
    let first = rng.duration(Duration::ZERO, interval.min(FIRST_WITHIN).min(before_trouble));
    let life = Life::new(rng.next(), settings.troubles, began_ms);
    let terminal = Terminal::new(Parts {
        agent: enrolled.agent,
        life,
        rng,
        counts: counts.clone(),
        interval_scale: settings.interval_scale,
        index: enrolled.index,
        seed: settings.seed,
        config_version: enrolled.answer.config.version,
    });
    (terminal, first)
}
