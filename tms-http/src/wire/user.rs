//! People as administrators manage them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Name,
    patch::{Patch, present},
};

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 7, "username": "yamada", "full_name": "Yamada Taro", "email": "yamada@example.com",
        "role": "operator", "customer_id": null, "is_disabled": false, "has_password": true, "mfa_enabled": true,
        "created_at": "2026-01-24T10:00:00Z"}
    ))
)]
pub struct User {
    /// The id.
    pub id: i64,
    /// The name used to sign in.
    pub username: String,
    /// The name that others see.
    pub full_name: String,
    /// Where to write.
    pub email: Option<String>,
    /// admin, operator, support, viewer.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Role))]
    pub role: Name,
    /// The only customer they see, if bound to one.
    pub customer_id: Option<i64>,
    /// Whether sign-in is refused.
    pub is_disabled: bool,
    /// False until the person has set a password.
    pub has_password: bool,
    /// Whether a second factor is set up.
    pub mfa_enabled: bool,
    /// When they were added.
    pub created_at: String,
}

/// The answer to `POST /users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 7, "username": "yamada", "full_name": "Yamada Taro", "email": "yamada@example.com",
        "role": "operator", "customer_id": null, "is_disabled": false, "has_password": false, "mfa_enabled": false,
        "created_at": "2026-01-24T10:00:00Z",
        "password_link": {"token": "tms_pw_...", "expires_at": "2026-01-27T10:00:00Z",
            "address": null, "mailed_to": null}}
    ))
)]
pub struct UserCreated {
    /// The person.
    #[serde(flatten)]
    pub user: User,
    /// With which the person sets the first password; to be handed over.
    pub password_link: PasswordLink,
}

/// A one-time token with which a person sets a password; shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"token": "tms_pw_...", "expires_at": "2026-01-27T10:00:00Z",
        "address": null, "mailed_to": "yamada@example.com"}
    ))
)]
pub struct PasswordLink {
    /// For `POST /auth/password/reset`; null for who repeats the request with its key.
    pub token: Option<String>,
    /// Until when it is good.
    pub expires_at: String,
    /// The address of the page where it is used; null where the server does not know its own, and like the token.
    pub address: Option<String>,
    /// Where it was mailed to, if a mail server took it.
    pub mailed_to: Option<String>,
}

impl fmt::Debug for PasswordLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordLink")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// `POST /users`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"username": "yamada", "role": "operator", "full_name": "Yamada Taro", "email": "yamada@example.com"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct UserCreate {
    /// The name used to sign in: 3 to 50 of a-z, 0-9, `.`, `_` and `-`.
    pub username: String,
    /// admin, operator, support, viewer.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Role))]
    pub role: String,
    /// The name that others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// Where to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The only customer they see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
}

/// `PATCH /users/{id}`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"role": "support", "customer_id": null}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// admin, operator, support, viewer.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Role>))]
    pub role: Option<String>,
    /// The name that others see.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// Where to write.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub email: Patch<String>,
    /// The only customer they see; null lets them see all.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<i64>))]
    pub customer_id: Patch<i64>,
    /// True ends every session, API token and link at once.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_disabled: Option<bool>,
}

/// The query of `GET /users`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UserQuery {
    /// Text in name, full name or e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Role>))]
    pub role: Option<String>,
    /// Only those who may not sign in, or only the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_disabled: Option<bool>,
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// asc, desc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}
