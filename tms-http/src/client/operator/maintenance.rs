//! Maintenance times.

use reqwest::Method;

use super::OperatorClient;
use crate::{
    client::ClientError,
    wire::{
        List,
        maintenance::{Maintenance, MaintenanceCreate, MaintenanceQuery},
    },
};

impl OperatorClient {
    /// Lists maintenance times.
    pub async fn maintenances(&self, query: &MaintenanceQuery) -> Result<List<Maintenance>, ClientError> {
        self.list("/maintenance", query).await
    }

    /// Plans a maintenance.
    pub async fn create_maintenance(&self, body: &MaintenanceCreate) -> Result<Maintenance, ClientError> {
        self.write(Method::POST, "/maintenance", None, body).await
    }

    /// Returns a maintenance.
    pub async fn maintenance(&self, id: i64) -> Result<Maintenance, ClientError> {
        Ok(self.get(&format!("/maintenance/{id}")).await?.value)
    }

    /// Ends a maintenance, or calls off one that has not begun.
    pub async fn end_maintenance(&self, id: i64) -> Result<(), ClientError> {
        self.delete(&format!("/maintenance/{id}"), None).await
    }
}
