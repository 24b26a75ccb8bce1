//! What the alert reconciler writes: alerts raised and resolved, and what has been dealt with.

use std::collections::BTreeSet;

use sqlx::{PgConnection, types::Json};
use tms_core::{
    alert::{Alert, AlertPlan, Cause, CauseSet, NewAlert, store::AlertsApplied},
    event::EventKind,
    id::{CustomerId, TerminalId},
    lease::Fence,
    time::Timestamp,
};

use super::{
    alert::{alert_columns, read, read_cells},
    cells::Cells,
    envelope::{check_fence, write_events},
    error::Fault,
    pool::PgStore,
    presence_row,
    time::At,
};

impl PgStore {
    /// Does nothing where somebody else is at one of the alerts; the next tick comes soon.
    pub(super) async fn apply_plans(&self, plans: &[AlertPlan], fence: Fence) -> Result<AlertsApplied, Fault> {
        match self.try_apply(plans, fence).await {
            Err(fault) if fault.is_lock_timeout() || fault.is_contention() => Ok(AlertsApplied::default()),
            outcome => outcome,
        }
    }

    async fn try_apply(&self, plans: &[AlertPlan], fence: Fence) -> Result<AlertsApplied, Fault> {
        let mut tx = self.begin().await?;
        check_fence(&mut tx, fence).await?;
        let mut ids: Vec<_> = plans.iter().map(|plan| plan.terminal.get()).collect();
        ids.sort_unstable();
        ids.dedup();
        let rows = presence_row::lock(&mut tx, &ids).await?;
        // Heartbeats wait for these rows, so that who holds an alert for longer is not waited for.
        sqlx::query("SET LOCAL lock_timeout = '50ms'").execute(&mut *tx).await?;
        let alerted = |terminal: TerminalId| {
            let place = rows.binary_search_by_key(&terminal, |row| row.terminal).ok();
            place.and_then(|place| rows.get(place)).map(|row| row.alerted)
        };
        let known = || plans.iter().filter_map(|plan| Some((plan, alerted(plan.terminal)?)));
        let raised = raise(&mut tx, known()).await?;
        let resolved = resolve(&mut tx, known().map(|(plan, _)| plan)).await?;
        sqlx::query(
            "UPDATE terminal_presence p SET alerted = n.alerted, version = version + 1 \
             FROM unnest($1::bigint[], $2::int[]) AS n (terminal_id, alerted) \
             WHERE p.terminal_id = n.terminal_id AND p.alerted <> n.alerted",
        )
        .bind(known().map(|(plan, _)| plan.terminal.get()).collect::<Vec<_>>())
        .bind(known().map(|(plan, _)| plan.seen_raised.bits()).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if raised + resolved > 0 {
            self.tell_events();
        }
        Ok(AlertsApplied { raised, resolved })
    }

    pub(super) async fn raise_about_server(&self, alert: &NewAlert, fence: Fence) -> Result<bool, Fault> {
        let mut tx = self.begin().await?;
        check_fence(&mut tx, fence).await?;
        let row = sqlx::query(concat!(
            "INSERT INTO alert (customer_id, cause, severity, state, details, occurrences, created_at, revision) \
             VALUES ($1, $2, $3, 'open', $4, 1, $5, 1) \
             ON CONFLICT (cause) WHERE state <> 'resolved' AND terminal_id IS NULL DO NOTHING RETURNING ",
            alert_columns!()
        ))
        .bind(alert.customer.map(CustomerId::get))
        .bind(alert.cause.as_str())
        .bind(alert.severity.as_str())
        .bind(Json(&alert.details))
        .bind(At::from(alert.at))
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = &row {
            let made = read(row)?;
            write_events(&mut tx, &[made.event(EventKind::NewAlert, alert.at)]).await?;
        }
        tx.commit().await?;
        if row.is_some() {
            self.tell_events();
        }
        Ok(row.is_some())
    }

    pub(super) async fn resolve_about_server(&self, cause: Cause, at: Timestamp, fence: Fence) -> Result<bool, Fault> {
        let mut tx = self.begin().await?;
        check_fence(&mut tx, fence).await?;
        let row = sqlx::query(concat!(
            "UPDATE alert SET state = 'resolved', resolution = 'auto', resolved_at = $2, revision = revision + 1 \
             WHERE terminal_id IS NULL AND cause = $1 AND state <> 'resolved' RETURNING ",
            alert_columns!()
        ))
        .bind(cause.as_str())
        .bind(At::from(at))
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = &row {
            let ended = read(row)?;
            write_events(&mut tx, &[ended.event(EventKind::AlertUpdate, at)]).await?;
        }
        tx.commit().await?;
        if row.is_some() {
            self.tell_events();
        }
        Ok(row.is_some())
    }
}

/// Raises what was not dealt with already; an open alert of the same cause counts one occurrence more.
async fn raise<'a>(
    tx: &mut PgConnection,
    plans: impl Iterator<Item = (&'a AlertPlan, CauseSet)>,
) -> Result<u64, Fault> {
    let mut taken = BTreeSet::new();
    let mut new: Vec<&NewAlert> = Vec::new();
    for (plan, alerted) in plans {
        let is_new = |alert: &&NewAlert| !alerted.contains(alert.cause);
        new.extend(
            plan.raise
                .iter()
                .filter(is_new)
                .filter(|alert| taken.insert((alert.terminal, alert.cause))),
        );
    }
    if new.is_empty() {
        return Ok(0);
    }
    let rows = sqlx::query(concat!(
        "INSERT INTO alert (terminal_id, customer_id, cause, severity, state, details, occurrences, created_at, revision) \
         SELECT n.terminal_id, n.customer_id, n.cause, n.severity, 'open', n.details, 1, n.at, 1 \
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[]) \
         WITH ORDINALITY AS n (terminal_id, customer_id, cause, severity, details, at, place) ORDER BY n.place \
         ON CONFLICT (terminal_id, cause) WHERE state <> 'resolved' AND terminal_id IS NOT NULL \
         DO UPDATE SET occurrences = alert.occurrences + 1 RETURNING xmax = 0, ",
        alert_columns!()
    ))
    .bind(each(&new, |alert| alert.terminal.map(TerminalId::get)))
    .bind(each(&new, |alert| alert.customer.map(CustomerId::get)))
    .bind(each(&new, |alert| alert.cause.as_str()))
    .bind(each(&new, |alert| alert.severity.as_str()))
    .bind(new.iter().map(|alert| Json(&alert.details)).collect::<Vec<_>>())
    .bind(each(&new, |alert| At::from(alert.at)))
    .fetch_all(&mut *tx)
    .await?;
    let mut events = Vec::new();
    for row in &rows {
        let mut cells = Cells::of("alert", row);
        let is_new = cells.get()?;
        let alert: Alert = read_cells(&mut cells)?;
        if is_new {
            events.push(alert.event(EventKind::NewAlert, alert.created_at));
        }
    }
    write_events(tx, &events).await?;
    Ok(u64::try_from(events.len()).unwrap_or(u64::MAX))
}

/// Resolves the open alerts whose cause went away.
async fn resolve<'a>(tx: &mut PgConnection, plans: impl Iterator<Item = &'a AlertPlan>) -> Result<u64, Fault> {
    let (mut terminals, mut causes, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for plan in plans {
        for cause in plan.resolve.iter() {
            terminals.push(plan.terminal.get());
            causes.push(cause.as_str());
            times.push(At::from(plan.at));
        }
    }
    if terminals.is_empty() {
        return Ok(0);
    }
    let rows = sqlx::query(concat!(
        "WITH ended AS (UPDATE alert a SET state = 'resolved', resolution = 'auto', resolved_at = n.at, \
         revision = a.revision + 1 FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) \
         AS n (terminal, reason, at) WHERE a.terminal_id = n.terminal AND a.cause = n.reason \
         AND a.state <> 'resolved' RETURNING a.*) SELECT ",
        alert_columns!(),
        " FROM ended ORDER BY id"
    ))
    .bind(terminals)
    .bind(causes)
    .bind(times)
    .fetch_all(&mut *tx)
    .await?;
    let mut events = Vec::new();
    for row in &rows {
        let alert = read(row)?;
        let at = alert.resolved.as_ref().map_or(alert.created_at, |end| end.at);
        events.push(alert.event(EventKind::AlertUpdate, at));
    }
    write_events(tx, &events).await?;
    Ok(u64::try_from(events.len()).unwrap_or(u64::MAX))
}

fn each<T>(new: &[&NewAlert], value: impl Fn(&NewAlert) -> T) -> Vec<T> {
    new.iter().map(|alert| value(alert)).collect()
}
