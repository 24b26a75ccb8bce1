//! What people change of alerts: one, or many at once.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tms_core::{
    alert::{Alert, Resolved},
    envelope::Envelope,
    id::Revision,
};

use super::{error::Fault, pool::PgStore, time::maybe};

impl PgStore {
    pub(super) async fn save_alert(&self, next: &Alert, seen: Revision, with: Envelope) -> Result<Revision, Fault> {
        let next = Alert {
            revision: seen,
            ..next.clone()
        };
        let mut act = self.act(with).await?;
        write(&mut act.tx, std::slice::from_ref(&next)).await?;
        act.finish(Some(next.id.get())).await?;
        Ok(seen.next())
    }

    pub(super) async fn save_alerts(&self, next: &[Alert], with: Envelope) -> Result<(), Fault> {
        let mut act = self.act(with).await?;
        write(&mut act.tx, next).await?;
        act.finish(None).await
    }
}

/// Writes alerts whose stored revision is the one they have.
async fn write(tx: &mut PgConnection, next: &[Alert]) -> Result<(), Fault> {
    fn each<T>(next: &[Alert], value: impl Fn(&Alert) -> T) -> Vec<T> {
        next.iter().map(value).collect()
    }
    fn end<T>(alert: &Alert, value: impl Fn(&Resolved) -> T) -> Option<T> {
        alert.resolved.as_ref().map(value)
    }
    expect(tx, next).await?;
    let (by, at): (Vec<_>, Vec<_>) = next.iter().map(|alert| alert.acknowledged.clone().unzip()).unzip();
    sqlx::query(
        "UPDATE alert a SET state = n.state, acknowledged_by = n.acknowledged_by, \
         acknowledged_at = n.acknowledged_at, resolution = n.resolution, resolved_by = n.resolved_by, \
         resolved_at = n.resolved_at, resolution_notes = n.notes, revision = a.revision + 1 \
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], \
         $7::timestamptz[], $8::text[]) AS n (id, state, acknowledged_by, acknowledged_at, resolution, resolved_by, \
         resolved_at, notes) WHERE a.id = n.id",
    )
    .bind(each(next, |alert| alert.id.get()))
    .bind(each(next, |alert| alert.state.as_str()))
    .bind(by)
    .bind(at.into_iter().map(maybe).collect::<Vec<_>>())
    .bind(each(next, |alert| end(alert, |end| end.resolution.as_str())))
    .bind(each(next, |alert| end(alert, |end| end.by.clone()).flatten()))
    .bind(each(next, |alert| maybe(end(alert, |end| end.at))))
    .bind(each(next, |alert| end(alert, |end| end.notes.clone()).flatten()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives the alerts that terminals have open to the customers whose the terminals are now.
pub(super) async fn follow(tx: &mut PgConnection, moved: &[i64]) -> Result<(), Fault> {
    if moved.is_empty() {
        return Ok(());
    }
    // In order of id, as who answers many does.
    sqlx::query(
        "WITH unresolved AS (SELECT id FROM alert WHERE terminal_id = ANY($1) AND state <> 'resolved' ORDER BY id \
         FOR NO KEY UPDATE) \
         UPDATE alert a SET customer_id = t.customer_id, revision = a.revision + 1 FROM unresolved u, terminal t \
         WHERE a.id = u.id AND t.id = a.terminal_id",
    )
    .bind(moved)
    .execute(tx)
    .await?;
    Ok(())
}

/// Locks the alerts and checks their revisions.
async fn expect(tx: &mut PgConnection, next: &[Alert]) -> Result<(), Fault> {
    let rows: Vec<(i64, i64)> =
        sqlx::query_as("SELECT id, revision FROM alert WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE")
            .bind(next.iter().map(|alert| alert.id.get()).collect::<Vec<_>>())
            .fetch_all(tx)
            .await?;
    let stored: BTreeMap<i64, i64> = rows.into_iter().collect();
    for alert in next {
        match stored.get(&alert.id.get()) {
            None => return Err(Fault::missing("alert", alert.id)),
            Some(revision) if *revision != alert.revision.0 => return Err(Fault::stale("alert", alert.id)),
            Some(_) => {}
        }
    }
    Ok(())
}
