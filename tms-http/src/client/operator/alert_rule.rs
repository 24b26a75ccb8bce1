//! The rules of alerts.

use reqwest::Method;

use super::{super::Tagged, OperatorClient};
use crate::{
    client::ClientError,
    wire::{
        List,
        alert_rule::{AlertRule, AlertRuleCreate, AlertRulePatch, AlertRuleReplace},
        history::PageQuery,
    },
};

const PATH: &str = "/alert-rules";

impl OperatorClient {
    /// Lists rules, the general ones first.
    pub async fn alert_rules(&self, query: &PageQuery) -> Result<List<AlertRule>, ClientError> {
        self.list(PATH, query).await
    }

    /// Returns a rule with the revision of the settings that hold it.
    pub async fn alert_rule(&self, id: i64) -> Result<Tagged<AlertRule>, ClientError> {
        self.get(&format!("{PATH}/{id}")).await
    }

    /// Gives a customer a rule of their own.
    pub async fn create_alert_rule(&self, body: &AlertRuleCreate) -> Result<AlertRule, ClientError> {
        self.write(Method::POST, PATH, None, body).await
    }

    /// Replaces a rule of a known revision.
    pub async fn replace_alert_rule(
        &self,
        id: i64,
        etag: &str,
        body: &AlertRuleReplace,
    ) -> Result<AlertRule, ClientError> {
        self.write(Method::PUT, &format!("{PATH}/{id}"), Some(etag), body).await
    }

    /// Changes a rule of a known revision.
    pub async fn patch_alert_rule(&self, id: i64, etag: &str, body: &AlertRulePatch) -> Result<AlertRule, ClientError> {
        self.write(Method::PATCH, &format!("{PATH}/{id}"), Some(etag), body)
            .await
    }

    /// Takes a customer's own rule of a known revision away.
    pub async fn delete_alert_rule(&self, id: i64, etag: &str) -> Result<(), ClientError> {
        self.delete(&format!("{PATH}/{id}"), Some(etag)).await
    }
}
