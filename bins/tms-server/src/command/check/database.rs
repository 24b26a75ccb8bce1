//! What is looked at in the database, at any time.

use tms_core::{
    Stores,
    time::{Clock, SystemClock},
    upkeep::{Health, SchemaState, store::AuditGrants},
};

use super::finding::Finding;
use crate::config::{Config, StoreConfig};

/// How a role comes to its rights.
const GRANT: &str = "let the owner of the database run `tms migrate` with TMS_DB_APP_ROLE set to this role";

/// Looks at the database; `strictly` takes what could be better about its roles for a fault.
pub async fn look(config: &Config, stores: &Stores, strictly: bool) -> Vec<Finding> {
    let health = match stores.upkeep.health().await {
        Ok(health) => health,
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            let fix = if cause.contains("permission denied") { GRANT } else { "" };
            return vec![Finding::fault("database", format!("{error}: {cause}"), fix)];
        }
    };
    let mut findings = vec![Finding::ok("database"), schema(&health), durability(&health)];
    if health.schema != SchemaState::Older {
        findings.push(rights(&health));
        findings.push(audit(config, &health.audit, strictly));
        findings.push(accounts(stores).await);
        findings.push(clock(stores).await);
    }
    findings
}

fn schema(health: &Health) -> Finding {
    match health.schema {
        SchemaState::Older => Finding::fault("migrations", "migrations are missing", "run `tms migrate`"),
        SchemaState::Current | SchemaState::Newer => Finding::ok("migrations"),
    }
}

fn durability(health: &Health) -> Finding {
    if health.hazards.is_empty() {
        Finding::ok("durability")
    } else {
        Finding::fault("durability", health.hazards.join("; "), "")
    }
}

fn rights(health: &Health) -> Finding {
    if health.closed.is_empty() {
        return Finding::ok("rights");
    }
    Finding::fault(
        "rights",
        format!(
            "the role of the server may not read and write {}",
            health.closed.join(", ")
        ),
        GRANT,
    )
}

/// A server that may add to the trail and no more needs a role of its own. Who asks for one must have it; who signs in
/// as the owner is told that there is a better way.
fn audit(config: &Config, grants: &AuditGrants, strictly: bool) -> Finding {
    let wants_role = matches!(
        &config.store,
        StoreConfig::Postgres {
            application_role: Some(_),
            ..
        }
    );
    match grants {
        AuditGrants::Right => Finding::ok("audit trail"),
        AuditGrants::TooMany(text) if !wants_role && !strictly => Finding::better("audit trail", text, ""),
        AuditGrants::TooFew(text) | AuditGrants::TooMany(text) => Finding::fault("audit trail", text, ""),
    }
}

async fn accounts(stores: &Stores) -> Finding {
    match stores.users.has_users().await {
        Ok(true) => Finding::ok("accounts"),
        Ok(false) => Finding::fault(
            "accounts",
            "nobody can sign in",
            "run `tms user create --username admin --role admin --password-stdin`",
        ),
        Err(error) => Finding::fault("accounts", error.to_string(), ""),
    }
}

async fn clock(stores: &Stores) -> Finding {
    match stores.upkeep.clock_skew(SystemClock.now()).await {
        Ok(skew) if skew.as_secs() >= 5 => Finding::fault(
            "clock",
            format!("this machine and the database differ by {} s", skew.as_secs()),
            "let both follow NTP",
        ),
        Ok(_) => Finding::ok("clock"),
        Err(error) => Finding::fault("clock", error.to_string(), ""),
    }
}
