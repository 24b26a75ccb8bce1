//! What people do with their own account: passwords, proofs, the second factor, sessions, API tokens.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Name;

/// Hides the fields of a type that holds secrets.
macro_rules! hidden {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

hidden!(
    Confirmation,
    PasswordChange,
    PasswordReset,
    MfaSetup,
    MfaConfirm,
    RecoveryCodes
);

/// `POST /auth/confirm`: one of the two.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"mfa_code": "492039"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A code of the second factor, or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_code: Option<String>,
}

/// `POST /auth/password`
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"current_password": "correct horse battery", "new_password": "another horse battery"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    pub current_password: String,
    /// The next one.
    pub new_password: String,
}

/// `POST /auth/password/reset`
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"token": "tms_pw_...", "new_password": "another horse battery"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    /// The one-time token that an administrator handed over.
    pub token: String,
    /// The password to set.
    pub new_password: String,
}

/// The answer to `POST /auth/mfa/setup`; shown once.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"secret": "JBSWY3DPEHPK3PXP", "otpauth_uri": "otpauth://totp/TMS:yamada?secret=JBSWY3DPEHPK3PXP&issuer=TMS",
        "qr_svg": "<svg>...</svg>"}
    ))
)]
pub struct MfaSetup {
    /// What a person types into an app.
    pub secret: String,
    /// What an app reads.
    pub otpauth_uri: String,
    /// The same as a QR code, an SVG document.
    pub qr_svg: String,
}

/// `POST /auth/mfa/confirm`
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"mfa_code": "492039"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct MfaConfirm {
    /// The code that the app shows.
    pub mfa_code: String,
}

/// The answer to `POST /auth/mfa/confirm`; shown once.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"recovery_codes": ["K7QM-2V8P-9XAB-4C6D"]}
    ))
)]
pub struct RecoveryCodes {
    /// Each stands for a code of the app, once.
    pub recovery_codes: Vec<String>,
}

/// A sign-in of one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 12, "is_current": true, "ip_address": "203.0.113.9", "user_agent": "Mozilla/5.0",
        "confirmed_at": "2026-01-24T10:00:00Z", "expires_at": "2026-01-31T10:00:00Z",
        "created_at": "2026-01-24T10:00:00Z"}
    ))
)]
pub struct Session {
    /// The id.
    pub id: i64,
    /// Whether the request came in this one.
    pub is_current: bool,
    /// From where.
    pub ip_address: Option<String>,
    /// What the client says it is.
    pub user_agent: String,
    /// When the person last proved who they are.
    pub confirmed_at: String,
    /// When it ends, whatever happens.
    pub expires_at: String,
    /// When it began.
    pub created_at: String,
}

/// A personal API token.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 3, "name": "nightly report", "scopes": ["terminal.read"], "expires_at": "2026-04-24T10:00:00Z",
        "last_used_at": null, "created_at": "2026-01-24T10:00:00Z"}
    ))
)]
pub struct ApiToken {
    /// The id.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it may do, such as `terminal.read`.
    #[cfg_attr(feature = "server", schema(value_type = Vec<crate::openapi::names::Scope>))]
    pub scopes: Vec<Name>,
    /// When it ends.
    pub expires_at: String,
    /// When it was used last, to ten minutes.
    pub last_used_at: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// The token; only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiToken")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// `POST /auth/tokens`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"name": "nightly report", "scopes": ["terminal.read"]}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct ApiTokenCreate {
    /// What it is for.
    pub name: String,
    /// What it may do, such as `terminal.read`.
    #[cfg_attr(feature = "server", schema(value_type = Vec<crate::openapi::names::Scope>))]
    pub scopes: Vec<String>,
    /// When it ends, at most 366 days from now; in 90 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}
