//! People, and one's own account.

use reqwest::Method;

use super::OperatorClient;
use crate::{
    client::{
        ClientError, Tagged,
        transport::{api_root, send},
    },
    wire::{
        List,
        account::{
            ApiToken, ApiTokenCreate, Confirmation, MfaConfirm, MfaSetup, PasswordChange, PasswordReset, RecoveryCodes,
            Session,
        },
        history::PageQuery,
        user::{PasswordLink, User, UserCreate, UserCreated, UserPatch, UserQuery},
    },
};

impl OperatorClient {
    /// Proves again who one is, before what asks for a fresh proof.
    pub async fn confirm(&self, body: &Confirmation) -> Result<(), ClientError> {
        self.act(Method::POST, "/auth/confirm", |r| r.json(body)).await
    }

    /// Changes one's password; one's other sessions end.
    pub async fn change_password(&self, body: &PasswordChange) -> Result<(), ClientError> {
        self.act(Method::POST, "/auth/password", |r| r.json(body)).await
    }

    /// Sets a password with a one-time token, for somebody who is not signed in.
    pub async fn reset_password(http: &reqwest::Client, server: &str, body: &PasswordReset) -> Result<(), ClientError> {
        let address = format!("{}/auth/password/reset", api_root(server));
        send(http.post(address).json(body)).await.map(drop)
    }

    /// Begins to set up a second factor.
    pub async fn setup_mfa(&self) -> Result<MfaSetup, ClientError> {
        self.write(Method::POST, "/auth/mfa/setup", None, &()).await
    }

    /// Confirms a second factor with a code of the app; the answer alone shows the recovery codes.
    pub async fn confirm_mfa(&self, body: &MfaConfirm) -> Result<RecoveryCodes, ClientError> {
        self.write(Method::POST, "/auth/mfa/confirm", None, body).await
    }

    /// Removes one's second factor.
    pub async fn disable_mfa(&self) -> Result<(), ClientError> {
        self.act(Method::POST, "/auth/mfa/disable", |r| r).await
    }

    /// Lists one's sessions, newest first.
    pub async fn sessions(&self, query: &PageQuery) -> Result<List<Session>, ClientError> {
        self.list("/auth/sessions", query).await
    }

    /// Ends one of one's sessions.
    pub async fn end_session(&self, id: i64) -> Result<(), ClientError> {
        self.delete(&format!("/auth/sessions/{id}"), None).await
    }

    /// Ends all of one's sessions but this.
    pub async fn end_other_sessions(&self) -> Result<(), ClientError> {
        self.delete("/auth/sessions", None).await
    }

    /// Lists one's API tokens, newest first.
    pub async fn api_tokens(&self, query: &PageQuery) -> Result<List<ApiToken>, ClientError> {
        self.list("/auth/tokens", query).await
    }

    /// Makes an API token; this answer alone shows it.
    pub async fn create_api_token(&self, body: &ApiTokenCreate) -> Result<ApiToken, ClientError> {
        self.write(Method::POST, "/auth/tokens", None, body).await
    }

    /// Returns one of one's API tokens without its secret.
    pub async fn api_token(&self, id: i64) -> Result<ApiToken, ClientError> {
        Ok(self.get(&format!("/auth/tokens/{id}")).await?.value)
    }

    /// Deletes one of one's API tokens.
    pub async fn delete_api_token(&self, id: i64) -> Result<(), ClientError> {
        self.delete(&format!("/auth/tokens/{id}"), None).await
    }

    /// Lists people.
    pub async fn users(&self, query: &UserQuery) -> Result<List<User>, ClientError> {
        self.list("/users", query).await
    }

    /// Returns a person with their revision.
    pub async fn user(&self, id: i64) -> Result<Tagged<User>, ClientError> {
        self.get(&format!("/users/{id}")).await
    }

    /// Adds a person; this answer alone shows with what they set the first password.
    pub async fn create_user(&self, body: &UserCreate) -> Result<UserCreated, ClientError> {
        self.write(Method::POST, "/users", None, body).await
    }

    /// Changes a person of a known revision.
    pub async fn patch_user(&self, id: i64, etag: &str, body: &UserPatch) -> Result<User, ClientError> {
        self.write(Method::PATCH, &format!("/users/{id}"), Some(etag), body)
            .await
    }

    /// Deletes a person of a known revision.
    pub async fn delete_user(&self, id: i64, etag: &str) -> Result<(), ClientError> {
        self.delete(&format!("/users/{id}"), Some(etag)).await
    }

    /// Makes a one-time token with which a person sets a new password; this answer alone shows it.
    pub async fn reset_user_password(&self, id: i64) -> Result<PasswordLink, ClientError> {
        self.write(Method::POST, &format!("/users/{id}/password-reset"), None, &())
            .await
    }

    /// Removes the second factor of somebody who has lost it.
    pub async fn remove_user_mfa(&self, id: i64) -> Result<(), ClientError> {
        self.delete(&format!("/users/{id}/mfa"), None).await
    }
}
