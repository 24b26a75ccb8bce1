//! Customers.

use async_trait::async_trait;
use sqlx::{PgConnection, postgres::PgRow};
use tms_core::{
    StoreError,
    customer::{Customer, CustomerDraft, CustomerStore, store::CustomerFilter},
    envelope::Envelope,
    id::{CustomerId, Revision},
    page::{Cursor, Order, Page, PageRequest, PageStart},
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    listing::{COUNT, Conditions, anywhere, behind, count, direction, push_limit},
    pool::PgStore,
    time::At,
};

macro_rules! columns {
    () => {
        "id, company_name, company_name_kana, contact_person, contact_email, contact_phone, postal_code, address, \
         contract_type, contract_start_date, contract_end_date, is_active, max_terminals, notes, created_at, \
         updated_at, revision"
    };
}

fn read(row: &PgRow) -> Result<Customer, Fault> {
    let mut cells = Cells::of("customer", row);
    Ok(Customer {
        id: cells.id(CustomerId::new)?,
        draft: CustomerDraft {
            company_name: cells.get()?,
            company_name_kana: cells.get()?,
            contact_person: cells.get()?,
            contact_email: cells.get()?,
            contact_phone: cells.get()?,
            postal_code: cells.get()?,
            address: cells.get()?,
            contract_type: cells.parse()?,
            contract_start_date: cells.get()?,
            contract_end_date: cells.get()?,
            is_active: cells.get()?,
            max_terminals: cells.maybe_narrow()?,
            notes: cells.get()?,
        },
        created_at: cells.time()?,
        updated_at: cells.time()?,
        revision: cells.revision()?,
    })
}

/// Reads a customer within a transaction, and holds it against other enrolments if it bounds their number.
pub(super) async fn find_for_enrolment(tx: &mut PgConnection, id: i64) -> Result<Option<Customer>, Fault> {
    const FIND: &str = concat!("SELECT ", columns!(), " FROM customer WHERE id = $1");
    const HOLD: &str = concat!("SELECT ", columns!(), " FROM customer WHERE id = $1 FOR NO KEY UPDATE");
    let row = sqlx::query(FIND).bind(id).fetch_optional(&mut *tx).await?;
    let found = row.as_ref().map(read).transpose()?;
    if found
        .as_ref()
        .is_none_or(|customer| customer.draft.max_terminals.is_none())
    {
        return Ok(found);
    }
    let row = sqlx::query(HOLD).bind(id).fetch_optional(tx).await?;
    row.as_ref().map(read).transpose()
}

#[async_trait]
impl CustomerStore for PgStore {
    async fn find(&self, id: CustomerId) -> Result<Option<Customer>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!("SELECT ", columns!(), " FROM customer WHERE id = $1"))
                .bind(id.get())
                .fetch_optional(self.pool())
                .await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn find_by_name(&self, company_name: &str) -> Result<Option<Customer>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!("SELECT ", columns!(), " FROM customer WHERE company_name = $1"))
                .bind(company_name)
                .fetch_optional(self.pool())
                .await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn list(
        &self,
        filter: &CustomerFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Customer>, StoreError> {
        self.bounded(self.list_customers(filter, order, page)).await
    }

    async fn insert(&self, draft: &CustomerDraft, now: Timestamp, with: Envelope) -> Result<Customer, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let sql = concat!(
                "INSERT INTO customer (company_name, company_name_kana, contact_person, contact_email, contact_phone, \
                 postal_code, address, contract_type, contract_start_date, contract_end_date, is_active, \
                 max_terminals, notes, search_key, created_at, updated_at, revision) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, 1) RETURNING ",
                columns!()
            );
            let row = bind(sql, draft).bind(At::from(now)).fetch_one(&mut *act.tx).await?;
            let customer = read(&row)?;
            act.finish(Some(customer.id.get())).await?;
            Ok(customer)
        })
        .await
    }

    async fn save(&self, next: &Customer, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            check(&mut act.tx, next.id, seen).await?;
            let sql = "UPDATE customer SET company_name = $1, company_name_kana = $2, contact_person = $3, \
                       contact_email = $4, contact_phone = $5, postal_code = $6, address = $7, contract_type = $8, \
                       contract_start_date = $9, contract_end_date = $10, is_active = $11, max_terminals = $12, \
                       notes = $13, search_key = $14, updated_at = $15, revision = $16 WHERE id = $17";
            bind(sql, &next.draft)
                .bind(At::from(next.updated_at))
                .bind(seen.next().0)
                .bind(next.id.get())
                .execute(&mut *act.tx)
                .await?;
            act.finish(Some(next.id.get())).await?;
            Ok(seen.next())
        })
        .await
    }

    async fn delete(&self, id: CustomerId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            check(&mut act.tx, id, seen).await?;
            let gone = sqlx::query("DELETE FROM customer WHERE id = $1")
                .bind(id.get())
                .execute(&mut *act.tx)
                .await;
            gone.map_err(|error| Fault::from(error).referenced("customer", id))?;
            // The differences first: what is folded into the counts meanwhile is seen by the second statement.
            for counts in [
                "DELETE FROM terminal_count_delta WHERE customer_id = $1",
                "DELETE FROM terminal_count WHERE customer_id = $1",
            ] {
                sqlx::query(counts).bind(id.get()).execute(&mut *act.tx).await?;
            }
            act.finish(Some(id.get())).await
        })
        .await
    }
}

/// Adds a customer unless there is one of its name; returns whether it was added.
pub(super) async fn add_new(tx: &mut PgConnection, draft: &CustomerDraft, now: Timestamp) -> Result<bool, Fault> {
    let sql = "INSERT INTO customer (company_name, company_name_kana, contact_person, contact_email, contact_phone, \
               postal_code, address, contract_type, contract_start_date, contract_end_date, is_active, \
               max_terminals, notes, search_key, created_at, updated_at, revision) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, 1) \
               ON CONFLICT DO NOTHING";
    let done = bind(sql, draft).bind(At::from(now)).execute(tx).await?;
    Ok(done.rows_affected() > 0)
}

type Statement = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds what people can set and the search key as the first 14 values.
fn bind(sql: &'static str, draft: &CustomerDraft) -> Statement {
    sqlx::query(sql)
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
        .bind(draft.max_terminals.map(i64::from))
        .bind(draft.notes.clone())
        .bind(draft.search_key())
}

/// Locks a customer and checks that its revision is still the one seen.
async fn check(tx: &mut PgConnection, id: CustomerId, seen: Revision) -> Result<(), Fault> {
    let revision: Option<i64> = sqlx::query_scalar("SELECT revision FROM customer WHERE id = $1 FOR UPDATE")
        .bind(id.get())
        .fetch_optional(tx)
        .await?;
    match revision {
        None => Err(Fault::missing("customer", id)),
        Some(revision) if revision != seen.0 => Err(Fault::stale("customer", id)),
        Some(_) => Ok(()),
    }
}

impl PgStore {
    async fn list_customers(
        &self,
        filter: &CustomerFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Customer>, Fault> {
        let mut connection = self.pool().acquire().await?;
        let total = if page.count {
            let mut counting = sqlx::QueryBuilder::new(COUNT);
            counting.push("customer");
            conditions(filter, &mut Conditions::of(&mut counting));
            Some(count(&mut connection, &mut counting).await?)
        } else {
            None
        };
        let mut query = sqlx::QueryBuilder::new(concat!("SELECT ", columns!(), " FROM customer"));
        let mut all = Conditions::of(&mut query);
        conditions(filter, &mut all);
        if let PageStart::After(cursor) = &page.start {
            // Names are unique, so that the id never decides.
            all.and("company_name")
                .push(behind(order))
                .push_bind(cursor.value.clone());
        }
        query.push(" ORDER BY company_name").push(direction(order));
        push_limit(&mut query, page);
        let rows = query.build().fetch_all(&mut *connection).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page::from_rows(items, page.limit, total, |customer: &Customer| {
            Cursor {
                value: customer.draft.company_name.clone(),
                id: customer.id.get(),
            }
        }))
    }
}

fn conditions(filter: &CustomerFilter, all: &mut Conditions<'_>) {
    if let Some(only) = filter.only {
        all.and("id = ").push_bind(only.get());
    }
    if let Some(is_active) = filter.is_active {
        all.and("is_active = ").push_bind(is_active);
    }
    if let Some(search) = &filter.search {
        all.and("search_key LIKE ").push_bind(anywhere(search));
    }
}
