//! Customers.

use serde::{Deserialize, Serialize};

use super::{Name, Patch, patch::present};

/// A customer where another thing refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRef {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub company_name: String,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(deny_unknown_fields)]
pub struct CustomerPatch {
    /// The name; unique.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub company_name: Option<String>,
    /// Its reading in kana.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub company_name_kana: Patch<String>,
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub contact_person: Patch<String>,
    /// Where to write.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub contact_email: Patch<String>,
    /// Where to call.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub contact_phone: Patch<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub postal_code: Patch<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub address: Patch<String>,
    /// basic, standard, premium.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub contract_type: Option<String>,
    /// From when, as a date.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub contract_start_date: Patch<String>,
    /// Until when, as a date.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub contract_end_date: Patch<String>,
    /// An inactive customer refuses new enrolments.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// How many terminals may be enrolled; null means any number.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub max_terminals: Patch<u32>,
    /// Notes of the support team.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub notes: Patch<String>,
}

/// The query of `GET /customers`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    pub sort: Option<String>,
    /// asc, desc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}
