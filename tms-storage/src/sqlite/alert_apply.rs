//! Raising and ending alerts as planned: what is there is read once, changed in memory, and written once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    alert::{Alert, AlertPlan, AlertState, Cause, CauseSet, NewAlert, Resolution, Resolved, store::AlertsApplied},
    event::{Event, EventKind},
    id::{AlertId, CustomerId, EntityRef, Revision, TerminalId},
    time::Timestamp,
};

use super::{
    alert::{KIND, read},
    bulk::{Binds, Bulk},
    error::OrFault,
    fields::Fields,
    presence::causes,
    work::{Work, write_events},
};

static ALERTED: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        "SELECT terminal_id, alerted FROM terminal_presence WHERE terminal_id IN (",
        ")",
    )
});

static OPEN: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        "SELECT * FROM alert WHERE state <> 'resolved' AND terminal_id IN (",
        ")",
    )
});

static INSERT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO alert (id, terminal_id, customer_id, cause, severity, state, details, occurrences, created_at,
         resolution, resolved_at, revision) VALUES ",
        12,
        "",
    )
});

static UPDATE: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "WITH next (id, state, occurrences, resolution, resolved_at, revision) AS (VALUES ",
        6,
        ") UPDATE alert SET state = next.state, occurrences = next.occurrences, resolution = next.resolution,
         resolved_at = next.resolved_at, revision = next.revision FROM next WHERE alert.id = next.id",
    )
});

static DEALT_WITH: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "WITH next (id, alerted) AS (VALUES ",
        2,
        ") UPDATE terminal_presence SET alerted = next.alerted FROM next WHERE terminal_id = next.id",
    )
});

static GROWN: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        "UPDATE terminal_pulse SET version = version + 1 WHERE terminal_id IN (",
        ")",
    )
});

/// Carries out plans. A cause that a terminal's `alerted` has already is dealt with, so a plan works once.
pub(super) async fn apply(work: &mut Work<'_>, plans: &[AlertPlan]) -> Result<AlertsApplied, StoreError> {
    let mut ids: Vec<TerminalId> = plans.iter().map(|plan| plan.terminal).collect();
    ids.sort_unstable();
    ids.dedup();
    let (conn, cache) = work.parts();
    let mut applying = Applying::load(conn, &ids).await?;
    for plan in plans {
        applying.take(plan)?;
    }
    for id in applying.dealt_with.keys() {
        cache.forget(*id);
    }
    applying.write(conn).await
}

struct Applying {
    alerted: HashMap<TerminalId, CauseSet>,
    open: HashMap<(TerminalId, Cause), Alert>,
    next_id: i64,
    raised: BTreeMap<AlertId, Alert>,
    changed: BTreeMap<AlertId, Alert>,
    dealt_with: BTreeMap<TerminalId, CauseSet>,
    events: Vec<Event>,
    applied: AlertsApplied,
}

impl Applying {
    async fn load(conn: &mut SqliteConnection, ids: &[TerminalId]) -> Result<Self, StoreError> {
        let rows = ALERTED.of_terminals(conn, ids).await.or_fault("presence", "")?;
        let mut alerted = HashMap::with_capacity(rows.len());
        for row in &rows {
            let fields = Fields::new("presence", row);
            alerted.insert(fields.terminal("terminal_id")?, causes(fields, "alerted")?);
        }
        let rows = OPEN.of_terminals(conn, ids).await.or_fault(KIND, "")?;
        let mut open = HashMap::with_capacity(rows.len());
        for row in &rows {
            let alert = read(row)?;
            if let Some(terminal) = alert.terminal {
                open.insert((terminal, alert.cause), alert);
            }
        }
        Ok(Self {
            alerted,
            open,
            next_id: next_id(conn).await?,
            raised: BTreeMap::new(),
            changed: BTreeMap::new(),
            dealt_with: BTreeMap::new(),
            events: Vec::new(),
            applied: AlertsApplied::default(),
        })
    }

    fn take(&mut self, plan: &AlertPlan) -> Result<(), StoreError> {
        let Some(alerted) = self.alerted.get(&plan.terminal).copied() else {
            return Ok(());
        };
        for new in plan.raise.iter().filter(|new| !alerted.contains(new.cause)) {
            self.raise(plan.terminal, new)?;
        }
        for cause in plan.resolve.iter() {
            self.resolve(plan.terminal, cause, plan.at);
        }
        if alerted != plan.seen_raised {
            self.alerted.insert(plan.terminal, plan.seen_raised);
            self.dealt_with.insert(plan.terminal, plan.seen_raised);
        }
        Ok(())
    }

    fn raise(&mut self, terminal: TerminalId, new: &NewAlert) -> Result<(), StoreError> {
        if let Some(alert) = self.open.get_mut(&(terminal, new.cause)) {
            alert.occurrences += 1;
            alert.revision = alert.revision.next();
            let alert = alert.clone();
            self.note(alert, EventKind::AlertUpdate, new.at);
            return Ok(());
        }
        let alert = raised(self.next_id, Some(terminal), new)?;
        self.next_id += 1;
        self.applied.raised += 1;
        self.open.insert((terminal, new.cause), alert.clone());
        self.events.push(alert.event(EventKind::NewAlert, new.at));
        self.raised.insert(alert.id, alert);
        Ok(())
    }

    fn resolve(&mut self, terminal: TerminalId, cause: Cause, at: Timestamp) {
        if let Some(mut alert) = self.open.remove(&(terminal, cause)) {
            end(&mut alert, at);
            self.applied.resolved += 1;
            self.note(alert, EventKind::AlertUpdate, at);
        }
    }

    fn note(&mut self, alert: Alert, kind: EventKind, at: Timestamp) {
        self.events.push(alert.event(kind, at));
        let place = if self.raised.contains_key(&alert.id) {
            &mut self.raised
        } else {
            &mut self.changed
        };
        place.insert(alert.id, alert);
    }

    async fn write(self, conn: &mut SqliteConnection) -> Result<AlertsApplied, StoreError> {
        // Ended ones first: one of the same cause may follow.
        let changed: Vec<&Alert> = self.changed.values().collect();
        update(conn, &changed).await?;
        let raised: Vec<&Alert> = self.raised.values().collect();
        insert(conn, &raised).await?;
        let dealt_with: Vec<_> = self.dealt_with.into_iter().collect();
        DEALT_WITH
            .execute(conn, &dealt_with, |(id, alerted), binds| {
                binds.add(id.get()).add(alerted.bits());
            })
            .await
            .or_fault("presence", "")?;
        GROWN
            .execute(conn, &dealt_with, |(id, _), binds| {
                binds.add(id.get());
            })
            .await
            .or_fault("presence", "")?;
        write_events(conn, &self.events).await?;
        Ok(self.applied)
    }
}

/// Raises an alert about the server unless one of its cause is open.
pub(super) async fn raise_server_alert(conn: &mut SqliteConnection, new: &NewAlert) -> Result<bool, StoreError> {
    if find_server_alert(conn, new.cause).await?.is_some() {
        return Ok(false);
    }
    let alert = raised(next_id(conn).await?, None, new)?;
    insert(conn, &[&alert]).await?;
    write_events(conn, &[alert.event(EventKind::NewAlert, new.at)]).await?;
    Ok(true)
}

/// Ends the open alert about the server of this cause.
pub(super) async fn resolve_server_alert(
    conn: &mut SqliteConnection,
    cause: Cause,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Some(mut alert) = find_server_alert(conn, cause).await? else {
        return Ok(false);
    };
    end(&mut alert, at);
    update(conn, &[&alert]).await?;
    write_events(conn, &[alert.event(EventKind::AlertUpdate, at)]).await?;
    Ok(true)
}

async fn find_server_alert(conn: &mut SqliteConnection, cause: Cause) -> Result<Option<Alert>, StoreError> {
    let row = sqlx::query("SELECT * FROM alert WHERE terminal_id IS NULL AND cause = ? AND state <> 'resolved'")
        .bind(cause.as_str())
        .fetch_optional(conn)
        .await
        .or_fault(KIND, cause)?;
    row.as_ref().map(read).transpose()
}

async fn next_id(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'alert'")
        .fetch_one(conn)
        .await
        .or_fault(KIND, "")
}

fn raised(id: i64, terminal: Option<TerminalId>, new: &NewAlert) -> Result<Alert, StoreError> {
    Ok(Alert {
        id: AlertId::new(id).map_err(|error| StoreError::Corrupt(EntityRef::new(KIND, id), error.into()))?,
        terminal,
        customer: new.customer,
        cause: new.cause,
        severity: new.severity,
        state: AlertState::Open,
        details: new.details.clone(),
        occurrences: 1,
        created_at: new.at,
        acknowledged: None,
        resolved: None,
        revision: Revision::FIRST,
    })
}

fn end(alert: &mut Alert, at: Timestamp) {
    alert.state = AlertState::Resolved;
    alert.resolved = Some(Resolved {
        resolution: Resolution::Auto,
        by: None,
        at,
        notes: None,
    });
    alert.revision = alert.revision.next();
}

async fn insert(conn: &mut SqliteConnection, alerts: &[&Alert]) -> Result<(), StoreError> {
    INSERT
        .execute(conn, alerts, |alert, binds| {
            binds
                .add(alert.id.get())
                .add(alert.terminal.map(TerminalId::get))
                .add(alert.customer.map(CustomerId::get))
                .add(alert.cause.as_str())
                .add(alert.severity.as_str())
                .add(alert.state.as_str())
                .add(alert.details.to_string())
                .add(alert.occurrences)
                .time(alert.created_at);
            bind_end(alert, binds);
        })
        .await
        .or_fault(KIND, "")
}

async fn update(conn: &mut SqliteConnection, alerts: &[&Alert]) -> Result<(), StoreError> {
    UPDATE
        .execute(conn, alerts, |alert, binds| {
            binds
                .add(alert.id.get())
                .add(alert.state.as_str())
                .add(alert.occurrences);
            bind_end(alert, binds);
        })
        .await
        .or_fault(KIND, "")
}

fn bind_end(alert: &Alert, binds: &mut Binds) {
    let end = alert.resolved.as_ref();
    binds
        .add(end.map(|end| end.resolution.as_str()))
        .maybe_time(end.map(|end| end.at))
        .add(alert.revision.0);
}
