//! Enrolment codes.

use async_trait::async_trait;
use sqlx::{PgConnection, QueryBuilder, postgres::PgRow};
use tms_core::{
    StoreError,
    enrolment::{Enrolled, EnrolmentCode, EnrolmentStore, NewCode, Redemption, Refusal},
    envelope::Envelope,
    id::{CustomerId, EnrolmentCodeId},
    page::{Page, PageRequest, PageStart},
    secret::TokenHash,
    text::SerialNumber,
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    listing::{COUNT, Conditions, count, page_by_id, push_limit},
    pool::PgStore,
    time::At,
};

macro_rules! columns {
    () => {
        "id, customer_id, store_name, store_code, serial_number, max_uses, used, expires_at, is_revoked, created_by, \
         created_at"
    };
}

fn read(row: &PgRow) -> Result<EnrolmentCode, Fault> {
    let mut cells = Cells::of("enrolment code", row);
    Ok(EnrolmentCode {
        id: cells.id(EnrolmentCodeId::new)?,
        customer: cells.id(CustomerId::new)?,
        store_name: cells.get()?,
        store_code: cells.get()?,
        serial: cells.maybe_checked(SerialNumber::parse)?,
        max_uses: cells.narrow()?,
        used: cells.narrow()?,
        expires_at: cells.time()?,
        is_revoked: cells.get()?,
        created_by: cells.get()?,
        created_at: cells.time()?,
    })
}

/// Finds a code and holds it until the end of the transaction, so that its last use is had once.
pub(super) async fn hold(tx: &mut PgConnection, code: TokenHash) -> Result<Option<EnrolmentCode>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM enrolment_code WHERE hash = $1 FOR NO KEY UPDATE"
    ))
    .bind(code.0)
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(read).transpose()
}

#[async_trait]
impl EnrolmentStore for PgStore {
    async fn insert(&self, code: &NewCode, now: Timestamp, with: Envelope) -> Result<EnrolmentCode, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let row = sqlx::query(concat!(
                "INSERT INTO enrolment_code (hash, customer_id, store_name, store_code, serial_number, max_uses, used, \
                 expires_at, is_revoked, created_by, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, 0, $7, false, $8, $9) RETURNING ",
                columns!()
            ))
            .bind(code.hash.0)
            .bind(code.customer.get())
            .bind(&code.store_name)
            .bind(&code.store_code)
            .bind(code.serial.as_ref().map(SerialNumber::as_str))
            .bind(i64::from(code.max_uses))
            .bind(At::from(code.expires_at))
            .bind(&code.created_by)
            .bind(At::from(now))
            .fetch_one(&mut *act.tx)
            .await?;
            let stored = read(&row)?;
            act.finish(Some(stored.id.get())).await?;
            Ok(stored)
        })
        .await
    }

    async fn find(&self, id: EnrolmentCodeId) -> Result<Option<EnrolmentCode>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!("SELECT ", columns!(), " FROM enrolment_code WHERE id = $1"))
                .bind(id.get())
                .fetch_optional(self.pool())
                .await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn list(&self, customer: Option<CustomerId>, page: &PageRequest) -> Result<Page<EnrolmentCode>, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            let scope = |all: &mut Conditions<'_>| {
                if let Some(customer) = customer {
                    all.and("customer_id = ").push_bind(customer.get());
                }
            };
            let total = if page.count {
                let mut counting = QueryBuilder::new(COUNT);
                counting.push("enrolment_code");
                scope(&mut Conditions::of(&mut counting));
                Some(count(&mut connection, &mut counting).await?)
            } else {
                None
            };
            let mut query = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM enrolment_code"));
            let mut all = Conditions::of(&mut query);
            scope(&mut all);
            if let PageStart::After(cursor) = &page.start {
                all.and("id < ").push_bind(cursor.id);
            }
            query.push(" ORDER BY id DESC");
            push_limit(&mut query, page);
            let rows = query.build().fetch_all(&mut *connection).await?;
            page_by_id(&rows, page, total, read, |code| code.id.get())
        })
        .await
    }

    async fn revoke(&self, id: EnrolmentCodeId, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let found = sqlx::query("UPDATE enrolment_code SET is_revoked = true WHERE id = $1")
                .bind(id.get())
                .execute(&mut *act.tx)
                .await?;
            if found.rows_affected() == 0 {
                return Err(Fault::missing("enrolment code", id));
            }
            act.finish(Some(id.get())).await
        })
        .await
    }

    async fn redeem(
        &self,
        request: &Redemption,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Result<Enrolled, Refusal>, StoreError> {
        Box::pin(self.bounded(self.redeem_code(request, now, with))).await
    }
}
