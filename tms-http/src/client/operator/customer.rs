//! Customers.

use reqwest::Method;

use super::OperatorClient;
use crate::{
    client::{ClientError, Tagged},
    wire::{
        List,
        customer::{Customer, CustomerCreate, CustomerPatch, CustomerQuery},
    },
};

impl OperatorClient {
    /// Lists customers.
    pub async fn customers(&self, query: &CustomerQuery) -> Result<List<Customer>, ClientError> {
        self.list("/customers", query).await
    }

    /// Returns a customer with its revision.
    pub async fn customer(&self, id: i64) -> Result<Tagged<Customer>, ClientError> {
        self.get(&format!("/customers/{id}")).await
    }

    /// Makes a customer.
    pub async fn create_customer(&self, body: &CustomerCreate) -> Result<Customer, ClientError> {
        self.write(Method::POST, "/customers", None, body).await
    }

    /// Changes a customer of a known revision.
    pub async fn patch_customer(&self, id: i64, etag: &str, body: &CustomerPatch) -> Result<Customer, ClientError> {
        self.write(Method::PATCH, &format!("/customers/{id}"), Some(etag), body)
            .await
    }

    /// Deletes a customer of a known revision who has no terminals.
    pub async fn delete_customer(&self, id: i64, etag: &str) -> Result<(), ClientError> {
        self.delete(&format!("/customers/{id}"), Some(etag)).await
    }
}
