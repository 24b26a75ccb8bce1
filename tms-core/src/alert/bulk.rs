//! Many alerts answered at once: chosen by ids or by a filter, in one transaction, with one audit entry.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Alert, Alerts, service::AlertAnswer, store::AlertFilter};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::{Error, FieldErrors, StoreError},
    event::EventKind,
    id::{AlertId, CustomerId, TerminalId},
    idempotency::{Once, Remembered, once, unreadable},
    page::{Order, PageRequest},
    permission::Permission,
};

/// The most alerts that are answered at once.
pub const MOST: u32 = 10_000;

/// Which alerts are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertSelection {
    /// These; resolved ones among them stay as they are.
    Ids(BTreeSet<AlertId>),
    /// All unresolved ones that match.
    Filter(AlertFilter),
}

/// What a bulk answer did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BulkAnswered {
    /// How many alerts were meant and seen.
    pub matched: u64,
    /// How many of them it changes; the others were answered before.
    pub changed: u64,
    /// The ids that name no alert, or none that the actor sees.
    pub not_found: Vec<AlertId>,
}

impl Alerts {
    /// Acknowledges or resolves many alerts: all or none, at most [`MOST`]. A trial run changes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] when too many are meant, or for wrong notes.
    pub async fn answer_many(
        &self,
        ctx: &Ctx,
        selection: AlertSelection,
        answer: AlertAnswer,
        is_trial: bool,
    ) -> Result<BulkAnswered, Error> {
        ctx.require(Permission::AlertWrite)?;
        let answer = answer.checked()?;
        if is_trial {
            return Ok(self.plan_many(ctx, &selection, &answer).await?.0);
        }
        match once(&*self.idempotency, ctx, || self.carry_out(ctx, &selection, &answer)).await? {
            Once::Done(done) => Ok(done),
            Once::Before(known) => recall(&known),
        }
    }

    async fn carry_out(
        &self,
        ctx: &Ctx,
        selection: &AlertSelection,
        answer: &AlertAnswer,
    ) -> Result<BulkAnswered, Error> {
        for _ in 0..5 {
            let (done, next) = self.plan_many(ctx, selection, answer).await?;
            // Nothing changes, but a key is used up all the same.
            let with = if next.is_empty() {
                Envelope::following()
            } else {
                Envelope::audited(entry(ctx, selection, answer, done.changed))
            };
            let mut with = with.once(ctx, note(&done));
            if next.is_empty() && with.idempotency.is_none() {
                return Ok(done);
            }
            with.events = next
                .iter()
                .map(|alert| alert.event(EventKind::AlertUpdate, ctx.now))
                .collect();
            match self.store.save_many(&next, with).await {
                // Alerts come and go by themselves: those that went meanwhile are looked for again.
                Err(StoreError::Stale(_) | StoreError::Missing(_)) => {}
                outcome => return outcome.map(|()| done).map_err(Error::from),
            }
        }
        Err(Error::unavailable("the alerts are changed by others all the time"))
    }

    async fn plan_many(
        &self,
        ctx: &Ctx,
        selection: &AlertSelection,
        answer: &AlertAnswer,
    ) -> Result<(BulkAnswered, Vec<Alert>), Error> {
        let mut filter = match selection {
            AlertSelection::Ids(ids) => AlertFilter {
                ids: Some(ids.iter().copied().collect()),
                ..AlertFilter::default()
            },
            AlertSelection::Filter(filter) => AlertFilter {
                is_resolved: Some(false),
                ..filter.clone()
            },
        };
        if filter.ids.as_ref().is_some_and(|ids| ids.len() > most()) {
            return Err(FieldErrors::single("alert_ids", format!("at most {MOST}")));
        }
        if let Some(own) = ctx.scope() {
            if filter.customer.is_some_and(|asked| asked != own) {
                return Ok((BulkAnswered::default(), Vec::new()));
            }
            filter.customer = Some(own);
        }
        let page = PageRequest::first(MOST + 1);
        let found = self.store.list(&filter, Order::Ascending, &page).await?.items;
        if found.len() > most() {
            let message = format!("more than {MOST} alerts match; narrow it down");
            return Err(FieldErrors::single("filter", message));
        }
        let mut done = BulkAnswered {
            matched: u64::try_from(found.len()).unwrap_or(u64::MAX),
            changed: 0,
            not_found: missing(selection, &found),
        };
        let by = ctx.actor_name();
        let next = found.into_iter().filter_map(|mut alert| {
            let before = alert.state;
            let applied = answer.apply(&mut alert, &by, ctx.now);
            (applied.is_ok() && alert.state != before).then_some(alert)
        });
        let next: Vec<_> = next.collect();
        done.changed = u64::try_from(next.len()).unwrap_or(u64::MAX);
        Ok((done, next))
    }
}

fn note(done: &BulkAnswered) -> Value {
    let not_found: Vec<_> = done.not_found.iter().map(|id| id.get()).collect();
    json!({ "matched": done.matched, "changed": done.changed, "not_found": not_found })
}

fn recall(known: &Remembered) -> Result<BulkAnswered, Error> {
    let number = |name: &str| known.answer.get(name).and_then(Value::as_u64);
    let ids = known.answer.get("not_found").and_then(Value::as_array);
    let ids = ids.map(|ids| ids.iter().filter_map(|id| AlertId::new(id.as_i64()?).ok()).collect());
    let read = number("matched").zip(number("changed")).zip(ids);
    let ((matched, changed), not_found) = read.ok_or_else(|| unreadable("a field is missing"))?;
    Ok(BulkAnswered {
        matched,
        changed,
        not_found,
    })
}

fn most() -> usize {
    usize::try_from(MOST).unwrap_or(usize::MAX)
}

fn missing(selection: &AlertSelection, found: &[Alert]) -> Vec<AlertId> {
    let AlertSelection::Ids(ids) = selection else {
        return Vec::new();
    };
    let known: BTreeSet<_> = found.iter().map(|alert| alert.id).collect();
    ids.difference(&known).copied().collect()
}

fn entry(ctx: &Ctx, selection: &AlertSelection, answer: &AlertAnswer, count: u64) -> crate::audit::AuditEntry {
    let action = if answer.resolve {
        "alert.bulk_resolve"
    } else {
        "alert.bulk_acknowledge"
    };
    let changes = json!({ "selection": shown(selection), "count": count, "notes": answer.notes });
    ctx.audit(action, AuditTarget::created("alert"), changes)
}

fn shown(selection: &AlertSelection) -> Value {
    match selection {
        AlertSelection::Ids(ids) => json!({ "ids": ids.iter().map(|id| id.get()).collect::<Vec<_>>() }),
        AlertSelection::Filter(filter) => json!({ "filter": {
            "customer_id": filter.customer.map(CustomerId::get),
            "terminal_id": filter.terminal.map(TerminalId::get),
            "severity": filter.severity.map(super::Severity::as_str),
            "alert_type": filter.cause.map(super::Cause::as_str),
            "from_date": filter.from.map(|at| at.to_string()),
            "to_date": filter.to.map(|at| at.to_string()),
        } }),
    }
}
