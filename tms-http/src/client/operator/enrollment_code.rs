//! Codes with which agents enrol.

use reqwest::Method;

use super::OperatorClient;
use crate::{
    client::ClientError,
    wire::{
        List,
        enrollment_code::{EnrollmentCode, EnrollmentCodeCreate, EnrollmentCodeQuery},
    },
};

impl OperatorClient {
    /// Lists enrolment codes, newest first.
    pub async fn enrollment_codes(&self, query: &EnrollmentCodeQuery) -> Result<List<EnrollmentCode>, ClientError> {
        self.list("/enrollment-codes", query).await
    }

    /// Makes an enrolment code; this answer alone shows it.
    pub async fn create_enrollment_code(&self, body: &EnrollmentCodeCreate) -> Result<EnrollmentCode, ClientError> {
        self.write(Method::POST, "/enrollment-codes", None, body).await
    }

    /// Returns an enrolment code without its secret.
    pub async fn enrollment_code(&self, id: i64) -> Result<EnrollmentCode, ClientError> {
        Ok(self.get(&format!("/enrollment-codes/{id}")).await?.value)
    }

    /// Revokes an enrolment code.
    pub async fn revoke_enrollment_code(&self, id: i64) -> Result<(), ClientError> {
        self.delete(&format!("/enrollment-codes/{id}"), None).await
    }
}
