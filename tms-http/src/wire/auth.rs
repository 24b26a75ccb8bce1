//! Sign-in of operators.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Name;

/// `POST /auth/login`
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"username": "yamada", "password": "correct horse battery"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The name used to sign in.
    pub username: String,
    /// The password.
    pub password: String,
    /// The second factor, where one is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_code: Option<String>,
    /// What an earlier login from this device gave; browsers send it as a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// `POST /auth/refresh`
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"refresh_token": "tms_rt_..."}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The refresh token of the present pair.
    pub refresh_token: String,
}

impl fmt::Debug for RefreshRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshRequest(..)")
    }
}

/// A pair of tokens: the answer to a login and to a refresh.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"access_token": "tms_at_...", "refresh_token": "tms_rt_...", "token_type": "Bearer", "expires_in":
        900, "user": {"id": 1, "username": "yamada", "full_name": "Yamada Taro", "role": "operator", "email":
        "yamada@example.com"}}
    ))
)]
pub struct TokenAnswer {
    /// Goes with each request.
    pub access_token: String,
    /// Gets the next pair, once.
    pub refresh_token: String,
    /// `Bearer`.
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub token_type: Name,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// Who signed in.
    pub user: User,
    /// For this device to keep and to show at the next login, so that the guesses of others never lock it out; absent
    /// when it showed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("expires_in", &self.expires_in)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// An operator as `GET /auth/me` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(as = SignedInUser, example = json!(
        {"id": 1, "username": "yamada", "full_name": "Yamada Taro", "role": "operator", "email":
        "yamada@example.com"}
    ))
)]
pub struct User {
    /// The id.
    pub id: i64,
    /// The name used to sign in.
    pub username: String,
    /// The name that others see.
    pub full_name: String,
    /// admin, operator, support, viewer.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Role))]
    pub role: Name,
    /// Where to write.
    #[serde(default)]
    pub email: Option<String>,
    /// The only customer they see, if bound to one.
    #[serde(default)]
    pub customer_id: Option<i64>,
    /// Whether a second factor is set up.
    #[serde(default)]
    pub mfa_enabled: bool,
    /// Whether a second factor must be set up before anything else is allowed.
    #[serde(default)]
    pub mfa_setup_required: bool,
}
