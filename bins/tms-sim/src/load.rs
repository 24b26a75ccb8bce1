//! A load that counts acknowledged work. It shares its machine with the server and the database, so every request costs
//! as little as it can: kept connections, requests written once and patched, answers read no further than needed.

pub mod gauges;
pub mod histogram;
pub mod journal;
mod line;
pub mod pace;
pub mod report;
pub mod roster;
pub mod target;
pub mod template;
mod worker;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use self::{
    gauges::Gauges,
    journal::{Entry, Journal},
    pace::Pace,
    report::{Counts, LoadReport},
    roster::{Credential, Entrance},
    target::Target,
    worker::{Plan, Seat, Worker},
};
use crate::{
    access::{Access, ENROL_AT_ONCE},
    clock::now_ms,
    error::SimError,
    verify::ledger::Ledger,
};

/// How often noted acknowledgements go to the journal's file.
const FLUSH_EVERY: Duration = Duration::from_millis(50);

/// What a load is like.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadSettings {
    /// The server, such as `http://127.0.0.1:8000`.
    pub url: String,
    /// Post the same heartbeats to this path instead, without enrolment and credential.
    pub bare_path: Option<String>,
    /// How many connections there are; each has one request under way.
    pub connections: usize,
    /// How many terminals report, spread over the connections.
    pub terminals: usize,
    /// How long is measured.
    pub duration: Duration,
    /// How long the load runs before that.
    pub warm_up: Duration,
    /// How many heartbeats a second; as many as possible when `None`.
    pub rate: Option<f64>,
    /// How many batches of log lines are sent for each heartbeat.
    pub log_share: f64,
    /// How long a request may take.
    pub timeout: Duration,
    /// Send what was not acknowledged again, with the same counter, however long the server is away.
    pub through_restarts: bool,
    /// How many terminals enrol at a time.
    pub enrol_at_once: usize,
    /// How terminals enrol.
    pub access: Option<Access>,
    /// Where credentials are kept for the next run.
    pub tokens: Option<PathBuf>,
    /// Where acknowledgements are noted.
    pub journal: Option<PathBuf>,
}

impl LoadSettings {
    /// Makes a load of ten seconds over 64 connections.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            bare_path: None,
            connections: 64,
            terminals: 1_000,
            duration: Duration::from_secs(10),
            warm_up: Duration::from_secs(2),
            rate: None,
            log_share: 0.0,
            timeout: Duration::from_secs(5),
            through_restarts: false,
            enrol_at_once: ENROL_AT_ONCE,
            access: None,
            tokens: None,
            journal: None,
        }
    }

    fn check(&self) -> Result<(), SimError> {
        let wrong = |text: &str| Err(SimError::Settings(text.to_owned()));
        if self.connections == 0 || self.terminals == 0 {
            return wrong("a load needs at least one connection and one terminal");
        }
        if self.enrol_at_once == 0 {
            return wrong("at least one terminal must enrol at a time");
        }
        if self.duration.is_zero() || self.timeout.is_zero() {
            return wrong("duration and time-out must be above 0");
        }
        if self.rate.is_some_and(|rate| !(0.001..=1e9).contains(&rate)) {
            return wrong("the rate must be above 0");
        }
        if !(0.0..=1.0).contains(&self.log_share) {
            return wrong("the share of logs must be 0 to 1");
        }
        Ok(())
    }
}

/// A load that has ended.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub report: LoadReport,
    /// What was sent, for [`crate::verify`].
    pub ledger: Ledger,
}

/// Enrols what is missing, runs the load and returns what it found. `gauges` may be read, or stopped, meanwhile.
///
/// # Errors
/// [`SimError::Unreachable`] when the server stays away and the run does not go through restarts.
pub async fn run(settings: &LoadSettings, gauges: Arc<Gauges>) -> Result<Outcome, SimError> {
    settings.check()?;
    let target = Target::parse(&settings.url, settings.bare_path.as_deref())?;
    let began = Instant::now();
    let roster = gather(settings, &gauges).await?;
    let enrolment = began.elapsed();

    let plan = Arc::new(plan(settings, target, gauges)?);
    if let Some(journal) = &plan.journal {
        let base = i64::try_from(plan.base).unwrap_or(i64::MAX);
        let boot = plan.boot.clone();
        journal.note(&Entry::Run { boot, base });
        journal.flush()?;
    }
    let seats = drive(settings, &plan, roster).await?;
    if let Some(journal) = &plan.journal {
        journal.note(&Entry::End);
        journal.flush()?;
    }
    if plan.gauges.is_unreachable() {
        return Err(SimError::Unreachable(settings.url.clone()));
    }
    let end = Instant::now().min(plan.until);
    let measured = end.saturating_duration_since(plan.measure_from);
    Ok(Outcome {
        report: report(settings, &plan, enrolment, measured),
        ledger: ledger(&plan, seats),
    })
}

async fn gather(settings: &LoadSettings, gauges: &Arc<Gauges>) -> Result<Vec<Credential>, SimError> {
    if settings.bare_path.is_some() {
        let invent = |index| Credential {
            terminal_id: index,
            serial_number: format!("SIM-{index:07}"),
            agent_token: String::new(),
        };
        let count = i64::try_from(settings.terminals).unwrap_or(i64::MAX);
        return Ok((1..=count).map(invent).collect());
    }
    let (entry, tokens) = (Entrance::of(settings), settings.tokens.as_deref());
    roster::gather(&entry, settings.terminals, tokens, gauges).await
}

fn plan(settings: &LoadSettings, target: Target, gauges: Arc<Gauges>) -> Result<Plan, SimError> {
    let journal = settings.journal.as_deref().map(Journal::open).transpose()?;
    let start = Instant::now();
    let start_ms = now_ms();
    let measure_from = start + settings.warm_up;
    Ok(Plan {
        target,
        boot: format!("load-{start_ms:x}"),
        // Counters of one run never meet those of another, and all have 16 digits.
        base: start_ms.unsigned_abs() * 1_000,
        is_bare: settings.bare_path.is_some(),
        timeout: settings.timeout,
        log_share: if settings.bare_path.is_some() {
            0.0
        } else {
            settings.log_share
        },
        through_restarts: settings.through_restarts,
        start_ms,
        start,
        measure_from,
        until: measure_from + settings.duration,
        gauges,
        journal,
    })
}

/// Lets every connection work to the end.
async fn drive(settings: &LoadSettings, plan: &Arc<Plan>, roster: Vec<Credential>) -> Result<Vec<Seat>, SimError> {
    let connections = settings.connections.min(roster.len());
    let mut groups: Vec<Vec<Seat>> = (0..connections).map(|_| Vec::new()).collect();
    for (index, credential) in roster.into_iter().enumerate() {
        let seat = Seat {
            credential,
            next_seq: plan.base,
            next_line: plan.base,
            account: crate::verify::ledger::Account::default(),
        };
        if let Some(group) = groups.get_mut(index % connections) {
            group.push(seat);
        }
    }
    let mut workers = JoinSet::new();
    for (index, seats) in groups.into_iter().enumerate() {
        let pace = Pace::share(settings.rate, index, connections, plan.start);
        if let Some(worker) = Worker::new(plan.clone(), pace, seats) {
            workers.spawn(worker.run());
        }
    }
    let mut flush = tokio::time::interval(FLUSH_EVERY);
    let mut seats = Vec::new();
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                Some(ended) => seats.extend(ended.map_err(SimError::Stopped)?),
                None => return Ok(seats),
            },
            _ = flush.tick() => if let Some(journal) = &plan.journal {
                journal.flush()?;
            },
        }
    }
}

fn report(settings: &LoadSettings, plan: &Plan, enrolment: Duration, measured: Duration) -> LoadReport {
    let gauges = &plan.gauges;
    LoadReport {
        url: plan.target.url.clone(),
        path: plan.target.heartbeat_path.clone(),
        mode: if settings.rate.is_some() { "fixed" } else { "closed" },
        rate: settings.rate,
        connections: settings.connections.min(settings.terminals),
        terminals: settings.terminals,
        enrolled: gauges.enrolled.get(),
        enrolment_s: enrolment.as_secs_f64(),
        measured_s: measured.as_secs_f64(),
        throughput: per_second(gauges.measured.get(), measured),
        latency_ms: gauges.latency.summary(),
        counts: Counts {
            acknowledged: gauges.acknowledged.get(),
            repeated: gauges.repeated.get(),
            log_lines: gauges.log_lines.get(),
            refused: gauges.refused(),
            connection_errors: gauges.connection_errors.get(),
            timeouts: gauges.timeouts.get(),
            unsent: gauges.unsent.get(),
        },
        verification: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        (count as f64 / time.as_secs_f64() * 10.0).round() / 10.0
    }
}

fn ledger(plan: &Plan, seats: Vec<Seat>) -> Ledger {
    let accounts = seats
        .into_iter()
        .filter(|seat| !seat.account.is_empty())
        .map(|seat| (seat.credential.terminal_id, seat.account));
    Ledger {
        accounts: accounts.collect(),
        last_boot: plan.boot.clone(),
        last_base: i64::try_from(plan.base).unwrap_or(i64::MAX),
        is_complete: true,
    }
}
