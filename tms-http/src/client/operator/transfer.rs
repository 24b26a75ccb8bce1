//! Lists of terminals as files.

use reqwest::{Method, Response, header::CONTENT_TYPE};

use super::OperatorClient;
use crate::{
    client::{ClientError, transport::read},
    wire::terminal::{TerminalImportQuery, TerminalQuery, TerminalsImported},
};

impl OperatorClient {
    /// Creates and changes terminals from a table in the form of CSV (UTF-8): all rows or none.
    pub async fn import_terminals(
        &self,
        query: &TerminalImportQuery,
        table: &str,
    ) -> Result<TerminalsImported, ClientError> {
        let build = |request: reqwest::RequestBuilder| {
            let typed = request.header(CONTENT_TYPE, "text/csv; charset=utf-8");
            typed.query(query).body(table.to_owned())
        };
        read(self.request(Method::POST, "/terminals/import", build).await?).await
    }

    /// Begins to export terminals as a table in the form of CSV, read as it comes. Pages and the order by last heartbeat
    /// are not for this.
    pub async fn export_terminals(&self, query: &TerminalQuery) -> Result<Response, ClientError> {
        self.request(Method::GET, "/terminals/export.csv", |r| r.query(query))
            .await
    }
}
