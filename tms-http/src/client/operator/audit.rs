//! The audit trail.

use reqwest::Method;

use super::OperatorClient;
use crate::{
    client::{ClientError, transport::read},
    wire::{
        List,
        audit::{AuditQuery, AuditRow, AuditVerification, AuditVerifyQuery},
    },
};

impl OperatorClient {
    /// Lists the audit trail, the newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<List<AuditRow>, ClientError> {
        self.list("/audit", query).await
    }

    /// Lets the server walk the audit trail; the answer names the first entry that is not as it was written.
    pub async fn verify_audit(&self, query: &AuditVerifyQuery) -> Result<AuditVerification, ClientError> {
        read(self.request(Method::GET, "/audit/verify", |r| r.query(query)).await?).await
    }

    /// Begins to export the audit trail: JSON lines, oldest first, read as they come. The last line is the head of the
    /// chain; a body that ends without it has broken off.
    pub async fn export_audit(&self, query: &AuditQuery) -> Result<reqwest::Response, ClientError> {
        self.request(Method::GET, "/audit/export.jsonl", |r| r.query(query))
            .await
    }
}
