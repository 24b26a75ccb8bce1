//! The tokens of a signed-in operator. Of several requests that find the access token ended, one renews it.

use std::fmt;

use reqwest::Client;
use tokio::sync::Mutex;

use super::super::{ClientError, transport::send_for};
use crate::wire::auth::{LoginRequest, RefreshRequest, TokenAnswer};

struct Pair {
    access: String,
    refresh: Option<String>,
}

/// The present pair of tokens.
pub struct Session {
    pair: Mutex<Pair>,
    is_fixed: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("is_fixed", &self.is_fixed)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(super) async fn begin(
        http: &Client,
        root: &str,
        login: &LoginRequest,
    ) -> Result<(Self, TokenAnswer), ClientError> {
        let answer: TokenAnswer = send_for(http.post(format!("{root}/auth/login")).json(login)).await?;
        let session = Self {
            pair: Mutex::new(Pair {
                access: answer.access_token.clone(),
                refresh: Some(answer.refresh_token.clone()),
            }),
            is_fixed: false,
        };
        Ok((session, answer))
    }

    pub(super) fn fixed(token: &str) -> Self {
        Self {
            pair: Mutex::new(Pair {
                access: token.to_owned(),
                refresh: None,
            }),
            is_fixed: true,
        }
    }

    pub(super) const fn can_renew(&self) -> bool {
        !self.is_fixed
    }

    pub(super) async fn access(&self) -> String {
        self.pair.lock().await.access.clone()
    }

    /// Renews the pair unless somebody else has since `seen` was read, and returns the access token.
    pub(super) async fn renew(&self, http: &Client, root: &str, seen: &str) -> Result<String, ClientError> {
        let mut pair = self.pair.lock().await;
        if pair.access == seen
            && let Some(refresh_token) = pair.refresh.clone()
        {
            let body = RefreshRequest { refresh_token };
            let answer: TokenAnswer = send_for(http.post(format!("{root}/auth/refresh")).json(&body)).await?;
            pair.access = answer.access_token;
            pair.refresh = Some(answer.refresh_token);
        }
        Ok(pair.access.clone())
    }
}
