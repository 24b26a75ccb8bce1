//! What an operator asks of reports.

use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use super::OperatorClient;
use crate::{
    client::{ClientError, transport::read},
    wire::report::{Availability, AvailabilityQuery, ReportSummary, SummaryQuery, TerminalAvailabilityQuery},
};

impl OperatorClient {
    /// Returns how available terminals were.
    pub async fn availability(&self, query: &AvailabilityQuery) -> Result<Availability, ClientError> {
        self.report("/reports/availability", query).await
    }

    /// Returns how available terminals were, as a table in the form of CSV.
    pub async fn availability_csv(&self, query: &AvailabilityQuery) -> Result<String, ClientError> {
        self.table("/reports/availability.csv", query).await
    }

    /// Returns how available a terminal was.
    pub async fn terminal_availability(
        &self,
        id: i64,
        query: &TerminalAvailabilityQuery,
    ) -> Result<Availability, ClientError> {
        self.report(&format!("/terminals/{id}/availability"), query).await
    }

    /// Returns how available a terminal was, as a table in the form of CSV.
    pub async fn terminal_availability_csv(
        &self,
        id: i64,
        query: &TerminalAvailabilityQuery,
    ) -> Result<String, ClientError> {
        self.table(&format!("/terminals/{id}/availability.csv"), query).await
    }

    /// Returns the figures of a time.
    pub async fn report_summary(&self, query: &SummaryQuery) -> Result<ReportSummary, ClientError> {
        self.report("/reports/summary", query).await
    }

    /// Returns the figures of a time as a table in the form of CSV.
    pub async fn report_summary_csv(&self, query: &SummaryQuery) -> Result<String, ClientError> {
        self.table("/reports/summary.csv", query).await
    }

    async fn report<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T, ClientError> {
        read(self.request(Method::GET, path, |r| r.query(query)).await?).await
    }

    async fn table(&self, path: &str, query: &impl Serialize) -> Result<String, ClientError> {
        let answer = self.request(Method::GET, path, |r| r.query(query)).await?;
        answer.text().await.map_err(ClientError::Transport)
    }
}
