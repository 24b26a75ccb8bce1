//! How many terminals a customer has and may have. Whoever adds one to a customer that is bounded holds its row until the
//! commit, so that two at a time can't both take the last place.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tms_core::{
    StoreError,
    id::{CustomerId, EntityRef},
    terminal::{Lifecycle, Terminal, TerminalDraft},
};

use super::{
    cells::{Cells, unsigned},
    customer,
    error::Fault,
    terminal_import::each,
};

/// Counts the terminals of a customer, retired ones left out.
pub(super) async fn count(tx: &mut PgConnection, customer: i64) -> Result<u64, Fault> {
    let count: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(n), 0)::bigint FROM (\
         SELECT n FROM terminal_count WHERE customer_id = $1 UNION ALL \
         SELECT n FROM terminal_count_delta WHERE customer_id = $1) counts",
    )
    .bind(customer)
    .fetch_one(tx)
    .await?;
    Ok(unsigned(count))
}

/// Refuses `more` terminals if the customer may not have so many. A customer that is not there is found out by the row
/// that refers to it.
pub(super) async fn expect(tx: &mut PgConnection, id: CustomerId, more: u64) -> Result<(), Fault> {
    let Some(owner) = customer::find_for_enrolment(tx, id.get()).await? else {
        return Ok(());
    };
    if owner.draft.max_terminals.is_some() && owner.is_full_with(count(tx, id.get()).await?, more) {
        return Err(Fault::Store(StoreError::Full(EntityRef::new("customer", id))));
    }
    Ok(())
}

/// Does the same for what these changes would bring. Called before any terminal is locked, as an enrolment holds the
/// customer first; who moves a terminal meanwhile makes its revision another.
pub(super) async fn expect_all(
    tx: &mut PgConnection,
    create: &[TerminalDraft],
    update: &[Terminal],
) -> Result<(), Fault> {
    let mut gains: BTreeMap<CustomerId, i64> = BTreeMap::new();
    for draft in create {
        *gains.entry(draft.customer).or_default() += 1;
    }
    let rows = sqlx::query("SELECT id, customer_id FROM terminal WHERE id = ANY($1)")
        .bind(each(update, |next| next.id.get()))
        .fetch_all(&mut *tx)
        .await?;
    let mut present = BTreeMap::new();
    for row in &rows {
        let mut cells = Cells::of("terminal", row);
        let id: i64 = cells.get()?;
        present.insert(id, cells.id(CustomerId::new)?);
    }
    for next in update.iter().filter(|next| next.lifecycle != Lifecycle::Retired) {
        if let Some(before) = present.get(&next.id.get()) {
            *gains.entry(*before).or_default() -= 1;
            *gains.entry(next.draft.customer).or_default() += 1;
        }
    }
    for (customer, by) in gains {
        if let Ok(more @ 1..) = u64::try_from(by) {
            expect(tx, customer, more).await?;
        }
    }
    Ok(())
}
