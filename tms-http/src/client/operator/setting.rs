//! The settings of the installation.

use reqwest::Method;

use super::OperatorClient;
use crate::{
    client::{ClientError, Tagged},
    wire::setting::Settings,
};

impl OperatorClient {
    /// Returns the settings with their revision.
    pub async fn settings(&self) -> Result<Tagged<Settings>, ClientError> {
        self.get("/settings").await
    }

    /// Replaces the settings of a known revision as a whole.
    pub async fn replace_settings(&self, etag: &str, body: &Settings) -> Result<Settings, ClientError> {
        self.write(Method::PUT, "/settings", Some(etag), body).await
    }
}
