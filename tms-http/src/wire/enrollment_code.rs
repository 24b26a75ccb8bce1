//! Enrolment codes as operators make and see them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An enrolment code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 5, "code": "K7QM-2V8P-9XAB-4C6D", "customer_id": 1, "store_name": "Shinjuku Store",
        "store_code": "001", "serial_number": null, "uses": 1, "used": 0, "expires_at":
        "2026-01-25T10:00:00Z", "is_revoked": false, "created_by": "yamada", "created_at":
        "2026-01-24T10:00:00Z"}
    ))
)]
pub struct EnrollmentCode {
    /// Its id.
    pub id: i64,
    /// The code itself, in the answer that made it and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whose terminals it enrols.
    pub customer_id: i64,
    /// The shop that they get.
    pub store_name: Option<String>,
    /// The shop's number that they get.
    pub store_code: Option<String>,
    /// The only serial number that it enrols.
    pub serial_number: Option<String>,
    /// How often it may be used.
    pub uses: u32,
    /// How often it was.
    pub used: u32,
    /// From when on it is worth nothing.
    pub expires_at: String,
    /// Whether it was withdrawn.
    pub is_revoked: bool,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: String,
}

impl fmt::Debug for EnrollmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollmentCode")
            .field("id", &self.id)
            .field("customer_id", &self.customer_id)
            .field("uses", &self.uses)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

/// `POST /enrollment-codes`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"customer_id": 1, "store_name": "Shinjuku Store", "store_code": "001", "uses": 1, "ttl_hours": 24}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct EnrollmentCodeCreate {
    /// Whose terminals it enrols.
    pub customer_id: i64,
    /// The shop that they get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_name: Option<String>,
    /// The shop's number that they get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_code: Option<String>,
    /// The only serial number that it enrols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// How often it may be used; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// How long it is good, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_hours: Option<u32>,
    /// Until when it is good; instead of `ttl_hours`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// The query of `GET /enrollment-codes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrollmentCodeQuery {
    /// Only of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
