//! Customers.

use async_trait::async_trait;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Sqlite, SqliteConnection, query::Query as Statement};
use tms_core::{
    StoreError,
    customer::{Customer, CustomerDraft, CustomerStore, store::CustomerFilter},
    envelope::Envelope,
    id::{CustomerId, EntityRef, Revision},
    page::{Cursor, Order, Page, PageRequest},
    time::Timestamp,
};

use super::{
    SqliteStore,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query},
    work::Work,
};

const KIND: &str = "customer";

#[async_trait]
impl CustomerStore for SqliteStore {
    async fn find(&self, id: CustomerId) -> Result<Option<Customer>, StoreError> {
        let row = sqlx::query("SELECT * FROM customer WHERE id = ?")
            .bind(id.get())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, id)?;
        row.as_ref().map(read).transpose()
    }

    async fn find_by_name(&self, company_name: &str) -> Result<Option<Customer>, StoreError> {
        let row = sqlx::query("SELECT * FROM customer WHERE company_name = ?")
            .bind(company_name)
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, company_name)?;
        row.as_ref().map(read).transpose()
    }

    async fn list(
        &self,
        filter: &CustomerFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Customer>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: "*",
            from: "customer",
            key: Some("company_name"),
            id: "id",
            order,
        };
        let conditions = |query: &mut Query| narrow(query, filter);
        let cursor = |customer: &Customer| Cursor {
            value: customer.draft.company_name.clone(),
            id: customer.id.get(),
        };
        let mut conn = self.read().await?;
        listing.page(&mut conn, page, &conditions, read, cursor).await
    }

    async fn insert(&self, draft: &CustomerDraft, now: Timestamp, with: Envelope) -> Result<Customer, StoreError> {
        let mut work = self.act(&with).await?;
        let statement = sqlx::query(
            "INSERT INTO customer (company_name, company_name_kana, contact_person, contact_email, contact_phone,
             postal_code, address, contract_type, contract_start_date, contract_end_date, is_active, max_terminals,
             notes, search_key, updated_at, created_at, revision)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        );
        let row = bind_draft(statement, draft)
            .bind(now.as_micros())
            .bind(now.as_micros())
            .bind(Revision::FIRST.0)
            .fetch_one(work.conn())
            .await
            .or_fault(KIND, &draft.company_name)?;
        let customer = read(&row)?;
        work.seal(&with, Some(customer.id.get())).await?;
        Ok(customer)
    }

    async fn save(&self, next: &Customer, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let mut work = self.act(&with).await?;
        expect_revision(&mut work, next.id, seen).await?;
        let revision = seen.next();
        let statement = sqlx::query(
            "UPDATE customer SET company_name = ?, company_name_kana = ?, contact_person = ?, contact_email = ?,
             contact_phone = ?, postal_code = ?, address = ?, contract_type = ?, contract_start_date = ?,
             contract_end_date = ?, is_active = ?, max_terminals = ?, notes = ?, search_key = ?, updated_at = ?,
             revision = ? WHERE id = ?",
        );
        bind_draft(statement, &next.draft)
            .bind(next.updated_at.as_micros())
            .bind(revision.0)
            .bind(next.id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, &next.draft.company_name)?;
        work.seal(&with, Some(next.id.get())).await?;
        Ok(revision)
    }

    async fn delete(&self, id: CustomerId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        expect_revision(&mut work, id, seen).await?;
        let is_referenced: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM terminal WHERE customer_id = ?1)
                 OR EXISTS (SELECT 1 FROM operator_user WHERE customer_id = ?1)",
        )
        .bind(id.get())
        .fetch_one(work.conn())
        .await
        .or_fault(KIND, id)?;
        if is_referenced {
            return Err(StoreError::Referenced(EntityRef::new(KIND, id)));
        }
        sqlx::query("DELETE FROM customer WHERE id = ?")
            .bind(id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        work.seal(&with, Some(id.get())).await
    }
}

fn narrow(query: &mut Query, filter: &CustomerFilter) {
    if let Some(only) = filter.only {
        query.push(" AND id = ").push_bind(only.get());
    }
    if let Some(is_active) = filter.is_active {
        query.push(" AND is_active = ").push_bind(is_active);
    }
    if let Some(search) = &filter.search {
        query
            .push(" AND instr(search_key, ")
            .push_bind(search.clone())
            .push(") > 0");
    }
}

async fn expect_revision(work: &mut Work<'_>, id: CustomerId, seen: Revision) -> Result<(), StoreError> {
    let stored: Option<i64> = sqlx::query_scalar("SELECT revision FROM customer WHERE id = ?")
        .bind(id.get())
        .fetch_optional(work.conn())
        .await
        .or_fault(KIND, id)?;
    match stored {
        None => Err(StoreError::Missing(EntityRef::new(KIND, id))),
        Some(revision) if revision != seen.0 => Err(StoreError::Stale(EntityRef::new(KIND, id))),
        Some(_) => Ok(()),
    }
}

/// Adds a customer unless there is one of its name; returns whether it was added.
pub(super) async fn add_new(
    conn: &mut SqliteConnection,
    draft: &CustomerDraft,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let statement = sqlx::query(
        "INSERT INTO customer (company_name, company_name_kana, contact_person, contact_email, contact_phone,
         postal_code, address, contract_type, contract_start_date, contract_end_date, is_active, max_terminals,
         notes, search_key, updated_at, created_at, revision)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let done = bind_draft(statement, draft)
        .bind(now.as_micros())
        .bind(now.as_micros())
        .bind(Revision::FIRST.0)
        .execute(conn)
        .await
        .or_fault(KIND, &draft.company_name)?;
    Ok(done.rows_affected() > 0)
}

fn bind_draft<'q>(
    statement: Statement<'q, Sqlite, SqliteArguments>,
    draft: &CustomerDraft,
) -> Statement<'q, Sqlite, SqliteArguments> {
    statement
        .bind(draft.company_name.clone())
        .bind(draft.company_name_kana.clone())
        .bind(draft.contact_person.clone())
        .bind(draft.contact_email.clone())
        .bind(draft.contact_phone.clone())
        .bind(draft.postal_code.clone())
        .bind(draft.address.clone())
        .bind(draft.contract_type.as_str())
        .bind(draft.contract_start_date)
        .bind(draft.contract_end_date)
        .bind(draft.is_active)
        .bind(draft.max_terminals)
        .bind(draft.notes.clone())
        .bind(draft.search_key())
}

/// Reads a customer.
pub(super) fn read(row: &SqliteRow) -> Result<Customer, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(Customer {
        id: fields.customer("id")?,
        draft: CustomerDraft {
            company_name: fields.get("company_name")?,
            company_name_kana: fields.get("company_name_kana")?,
            contact_person: fields.get("contact_person")?,
            contact_email: fields.get("contact_email")?,
            contact_phone: fields.get("contact_phone")?,
            postal_code: fields.get("postal_code")?,
            address: fields.get("address")?,
            contract_type: fields.named("contract_type")?,
            contract_start_date: fields.get("contract_start_date")?,
            contract_end_date: fields.get("contract_end_date")?,
            is_active: fields.get("is_active")?,
            max_terminals: fields.maybe_number("max_terminals")?,
            notes: fields.get("notes")?,
        },
        created_at: fields.time("created_at")?,
        updated_at: fields.time("updated_at")?,
        revision: fields.revision("revision")?,
    })
}
