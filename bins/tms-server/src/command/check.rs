//! `tms check`: is everything there that the server needs, and is the database one that keeps what it acknowledges?

use std::{path::Path, process::ExitCode, time::Duration};

use serde_json::json;
use tms_core::{
    Stores,
    time::{Clock, SystemClock, Timestamp},
    upkeep::{Health, SchemaState, store::AuditGrants},
};

use crate::{
    config::{Config, StoreConfig},
    output::Output,
    wire_up::{self, Purpose, backups::depot},
};

/// The least free room on the disk, in MiB.
const LEAST_FREE_MIB: u64 = 512;

/// What was looked at, and what is wrong with it.
#[derive(Debug)]
struct Finding {
    name: &'static str,
    fault: Option<String>,
    /// What could be better, and is no fault.
    advice: Option<String>,
}

impl Finding {
    fn new(name: &'static str, fault: Option<String>) -> Self {
        Self {
            name,
            fault,
            advice: None,
        }
    }
}

/// Looks at everything, then says it all.
pub async fn run(config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    let mut findings = vec![
        Finding::new("configuration", None),
        disk(&config.data_dir),
        hosts(config),
        backups(config).await,
    ];
    match wire_up::open_stores(config, Purpose::Command).await {
        Ok(stores) => findings.extend(database(config, &stores).await),
        Err(error) => findings.push(Finding::new("database", Some(format!("{error:#}")))),
    }
    let failed = findings.iter().filter(|finding| finding.fault.is_some()).count();
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| match (&finding.fault, &finding.advice) {
            (Some(fault), _) => format!("FAULT  {}: {fault}", finding.name),
            (None, Some(advice)) => format!("better {}: {advice}", finding.name),
            (None, None) => format!("ok     {}", finding.name),
        })
        .collect();
    let documents: Vec<_> = findings
        .iter()
        .map(|f| json!({ "name": f.name, "ok": f.fault.is_none(), "fault": f.fault, "advice": f.advice }))
        .collect();
    output.result(&json!({ "ok": failed == 0, "findings": documents }), lines.join("\n"));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn database(config: &Config, stores: &Stores) -> Vec<Finding> {
    let health = match stores.upkeep.health().await {
        Ok(health) => health,
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map(|cause| format!(": {cause}"))
                .unwrap_or_default();
            let advice = if cause.contains("permission denied") {
                "; let the owner of the database run `tms migrate` with TMS_DB_APP_ROLE set to this role"
            } else {
                ""
            };
            return vec![Finding::new("database", Some(format!("{error}{cause}{advice}")))];
        }
    };
    let mut findings = vec![Finding::new("database", None), schema(&health), durability(&health)];
    if health.schema != SchemaState::Older {
        findings.push(audit(config, &health.audit));
        findings.push(accounts(stores).await);
        findings.push(clock(stores).await);
    }
    findings
}

fn schema(health: &Health) -> Finding {
    let fault = match health.schema {
        SchemaState::Older => Some("migrations are missing; run `tms migrate`".to_owned()),
        SchemaState::Current | SchemaState::Newer => None,
    };
    Finding::new("migrations", fault)
}

fn durability(health: &Health) -> Finding {
    let fault = if health.hazards.is_empty() {
        None
    } else {
        Some(health.hazards.join("; "))
    };
    Finding::new("durability", fault)
}

/// A server that may add to the trail and no more needs a role of its own. Who asks for one must have it; who signs in
/// as the owner is told that there is a better way.
fn audit(config: &Config, grants: &AuditGrants) -> Finding {
    let wants_role = matches!(
        &config.store,
        StoreConfig::Postgres {
            application_role: Some(_),
            ..
        }
    );
    let mut finding = Finding::new("audit trail", None);
    match grants {
        AuditGrants::Right => {}
        AuditGrants::TooMany(text) if !wants_role => finding.advice = Some(text.clone()),
        AuditGrants::TooFew(text) | AuditGrants::TooMany(text) => finding.fault = Some(text.clone()),
    }
    finding
}

async fn accounts(stores: &Stores) -> Finding {
    let fault = match stores.users.has_users().await {
        Ok(true) => None,
        Ok(false) => {
            Some("nobody can sign in; run `tms user create --username admin --role admin --password-stdin`".to_owned())
        }
        Err(error) => Some(error.to_string()),
    };
    Finding::new("accounts", fault)
}

async fn clock(stores: &Stores) -> Finding {
    let now = SystemClock.now();
    let fault = match stores.upkeep.clock_skew(now).await {
        Ok(skew) if skew.as_secs() >= 5 => Some(format!(
            "this machine and the database differ by {} s; let both follow NTP",
            skew.as_secs()
        )),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    };
    Finding::new("clock", fault)
}

/// How old the newest backup may be.
const FRESH: Duration = Duration::from_secs(26 * 3_600);

/// Who has other backups needs none of ours.
async fn backups(config: &Config) -> Finding {
    let now = SystemClock.now();
    let newest = match depot(config).await {
        Ok(depot) => depot.find(None).await.map_err(anyhow::Error::new),
        Err(error) => Err(error),
    };
    let advice = match newest {
        Ok(manifest) => match manifest.created_at.parse::<Timestamp>() {
            Ok(at) if now.since(at) < FRESH => None,
            _ => Some(format!(
                "the newest is of {}; let `tms backup` run each night",
                manifest.created_at
            )),
        },
        Err(error) => Some(format!("{error:#}; let `tms backup` run each night")),
    };
    Finding {
        advice,
        ..Finding::new("backups", None)
    }
}

fn disk(folder: &Path) -> Finding {
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() {
        Path::new(".")
    } else {
        existing
    };
    let fault = match rustix::fs::statvfs(existing) {
        Ok(room) => {
            let free = room.f_bavail.saturating_mul(room.f_frsize) / (1 << 20);
            (free < LEAST_FREE_MIB).then(|| format!("only {free} MiB are free below {}", existing.display()))
        }
        Err(error) => Some(format!("{}: {error}", existing.display())),
    };
    Finding::new("disk", fault)
}

fn hosts(config: &Config) -> Finding {
    let is_open = !config.listen.ip().is_loopback() && config.allowed_hosts.is_empty();
    let fault = is_open.then(|| "ALLOWED_HOSTS is empty: name the hosts under which the server is called".to_owned());
    let name = if matches!(config.store, StoreConfig::Sqlite) {
        "hosts (embedded store)"
    } else {
        "hosts"
    };
    Finding::new(name, fault)
}
