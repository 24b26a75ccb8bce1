//! Enrolment codes.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tms_core::{
    StoreError,
    enrolment::{Enrolled, EnrolmentCode, EnrolmentStore, NewCode, Redemption, Refusal},
    envelope::Envelope,
    id::{CustomerId, EnrolmentCodeId, EntityRef},
    page::{Order, Page, PageRequest},
    text::SerialNumber,
    time::Timestamp,
};

use super::{
    SqliteStore,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
    redeem,
};

const KIND: &str = "enrolment code";

#[async_trait]
impl EnrolmentStore for SqliteStore {
    async fn insert(&self, code: &NewCode, now: Timestamp, with: Envelope) -> Result<EnrolmentCode, StoreError> {
        let mut work = self.act(&with).await?;
        let row = sqlx::query(
            "INSERT INTO enrolment_code (hash, customer_id, store_name, store_code, serial_number, max_uses, used,
             expires_at, is_revoked, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?, 0, ?, ?) RETURNING *",
        )
        .bind(code.hash.0.to_vec())
        .bind(code.customer.get())
        .bind(&code.store_name)
        .bind(&code.store_code)
        .bind(code.serial.as_ref().map(SerialNumber::as_str))
        .bind(code.max_uses)
        .bind(code.expires_at.as_micros())
        .bind(&code.created_by)
        .bind(now.as_micros())
        .fetch_one(work.conn())
        .await
        .or_fault_referring(KIND, "", "customer")?;
        let code = read(&row)?;
        work.seal(&with, Some(code.id.get())).await?;
        Ok(code)
    }

    async fn find(&self, id: EnrolmentCodeId) -> Result<Option<EnrolmentCode>, StoreError> {
        let row = sqlx::query("SELECT * FROM enrolment_code WHERE id = ?")
            .bind(id.get())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, id)?;
        row.as_ref().map(read).transpose()
    }

    async fn list(&self, customer: Option<CustomerId>, page: &PageRequest) -> Result<Page<EnrolmentCode>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: "*",
            from: "enrolment_code",
            key: None,
            id: "id",
            order: Order::Descending,
        };
        let conditions = |query: &mut Query| {
            if let Some(customer) = customer {
                query.push(" AND customer_id = ").push_bind(customer.get());
            }
        };
        let mut conn = self.read().await?;
        listing
            .page(&mut conn, page, &conditions, read, |code| by_id(code.id.get()))
            .await
    }

    async fn revoke(&self, id: EnrolmentCodeId, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let is_revoked: Option<bool> = sqlx::query_scalar("SELECT is_revoked FROM enrolment_code WHERE id = ?")
            .bind(id.get())
            .fetch_optional(work.conn())
            .await
            .or_fault(KIND, id)?;
        match is_revoked {
            None => return Err(StoreError::Missing(EntityRef::new(KIND, id))),
            Some(true) => return Ok(()),
            Some(false) => {}
        }
        sqlx::query("UPDATE enrolment_code SET is_revoked = 1 WHERE id = ?")
            .bind(id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        work.seal(&with, Some(id.get())).await
    }

    async fn redeem(
        &self,
        request: &Redemption,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Result<Enrolled, Refusal>, StoreError> {
        let mut work = self.act(&with).await?;
        match redeem::redeem(&mut work, request, now).await? {
            Ok(enrolled) => {
                let with = with.of_customer(enrolled.customer);
                work.seal(&with, Some(enrolled.terminal.get())).await?;
                Ok(Ok(enrolled))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

/// Reads a code.
pub(super) fn read(row: &SqliteRow) -> Result<EnrolmentCode, StoreError> {
    let fields = Fields::new(KIND, row);
    let serial: Option<&str> = fields.get("serial_number")?;
    Ok(EnrolmentCode {
        id: fields.id("id", EnrolmentCodeId::new)?,
        customer: fields.customer("customer_id")?,
        store_name: fields.get("store_name")?,
        store_code: fields.get("store_code")?,
        serial: serial
            .map(SerialNumber::parse)
            .transpose()
            .map_err(|error| fields.corrupt("serial_number", error))?,
        max_uses: fields.number("max_uses")?,
        used: fields.number("used")?,
        expires_at: fields.time("expires_at")?,
        is_revoked: fields.get("is_revoked")?,
        created_by: fields.get("created_by")?,
        created_at: fields.time("created_at")?,
    })
}
