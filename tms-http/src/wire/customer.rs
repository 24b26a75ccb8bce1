//! Customers.

use serde::{Deserialize, Serialize};

use super::{Name, Patch, patch::present};

/// A customer where another thing refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct CustomerRef {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub company_name: String,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 1, "company_name": "ABC Store Inc.", "company_name_kana": null, "contact_person": "Yamada",
        "contact_email": "yamada@example.com", "contact_phone": "03-0000-0000", "postal_code": "160-0022",
        "address": "Shinjuku 1-1-1", "contract_type": "premium", "contract_start_date": "2024-12-01",
        "contract_end_date": "2027-11-30", "is_active": true, "max_terminals": 10, "notes": "call first",
        "created_at": "2026-01-24T10:00:00Z", "updated_at": "2026-01-24T10:00:00Z"}
    ))
)]
pub struct Customer {
    /// Its id.
    pub id: i64,
    /// The name; unique.
    pub company_name: String,
    /// Its reading in kana.
    pub company_name_kana: Option<String>,
    /// Whom to call.
    pub contact_person: Option<String>,
    /// Where to write.
    pub contact_email: Option<String>,
    /// Where to call.
    pub contact_phone: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// basic, standard, premium.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Contract))]
    pub contract_type: Name,
    /// From when, as a date.
    pub contract_start_date: Option<String>,
    /// Until when, as a date.
    pub contract_end_date: Option<String>,
    /// An inactive customer refuses new enrolments.
    pub is_active: bool,
    /// How many terminals may be enrolled; null means any number.
    pub max_terminals: Option<u32>,
    /// Notes of the support team.
    pub notes: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

/// `POST /customers`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"company_name": "ABC Store Inc.", "contact_person": "Yamada", "contract_type": "premium",
        "contract_start_date": "2024-12-01", "max_terminals": 10}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct CustomerCreate {
    /// The name; unique.
    pub company_name: String,
    /// Its reading in kana.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_name_kana: Option<String>,
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_person: Option<String>,
    /// Where to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_email: Option<String>,
    /// Where to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// basic, standard, premium; standard when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Contract>))]
    pub contract_type: Option<String>,
    /// From when, as a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_start_date: Option<String>,
    /// Until when, as a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_end_date: Option<String>,
    /// True when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// How many terminals may be enrolled; null means any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_terminals: Option<u32>,
    /// Notes of the support team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// `PATCH /customers/{id}`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"contact_phone": "03-0000-0001", "notes": null}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct CustomerPatch {
    /// The name; unique.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub company_name: Option<String>,
    /// Its reading in kana.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub company_name_kana: Patch<String>,
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub contact_person: Patch<String>,
    /// Where to write.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub contact_email: Patch<String>,
    /// Where to call.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub contact_phone: Patch<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub postal_code: Patch<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub address: Patch<String>,
    /// basic, standard, premium.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Contract>))]
    pub contract_type: Option<String>,
    /// From when, as a date.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub contract_start_date: Patch<String>,
    /// Until when, as a date.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub contract_end_date: Patch<String>,
    /// An inactive customer refuses new enrolments.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// How many terminals may be enrolled; null means any number.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<u32>))]
    pub max_terminals: Patch<u32>,
    /// Notes of the support team.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub notes: Patch<String>,
}

/// The query of `GET /customers`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerQuery {
    /// Text in name or reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only active, or only inactive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `company_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::CustomerSort>))]
    pub sort: Option<String>,
    /// asc, desc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}
