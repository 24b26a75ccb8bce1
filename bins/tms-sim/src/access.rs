//! How a simulation gets in: with enrolment codes, or as an operator who makes them.

use std::{fmt, time::Duration};

use tms_http::{
    client::{ClientError, OperatorClient, http_client},
    wire::{
        customer::{CustomerCreate, CustomerQuery},
        enrollment_code::EnrollmentCodeCreate,
    },
};

use crate::error::SimError;

/// How long any single request may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// How many terminals enrol at a time when nobody says otherwise. Each waits for the disk of the server, not for its
/// processor, so many of them share one wait.
pub const ENROL_AT_ONCE: usize = 32;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to be sent and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How a simulation gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// With these codes, each good for any serial number and many uses; terminals take them in turn.
    Codes(Vec<Secret>),
    /// As an operator who may make customers and codes.
    Operator {
        /// The name used to sign in.
        username: String,
        /// The password.
        password: Secret,
    },
}

/// Signs in.
pub(crate) async fn sign_in(server: &str, username: &str, password: &Secret) -> Result<OperatorClient, SimError> {
    let doing = "sign in as an operator";
    let http = http_client(TIMEOUT).map_err(SimError::server(doing))?;
    OperatorClient::login(http, server, username, password.expose())
        .await
        .map_err(SimError::server(doing))
}

/// Returns the customer of this name; makes it if there is none.
pub(crate) async fn ensure_customer(operator: &OperatorClient, body: &CustomerCreate) -> Result<i64, SimError> {
    match operator.create_customer(body).await {
        Ok(customer) => return Ok(customer.id),
        Err(refusal) if refusal.status() == Some(409) => {}
        Err(error) => return Err(SimError::server("make a customer")(error)),
    }
    let query = CustomerQuery {
        search: Some(body.company_name.clone()),
        per_page: Some(100),
        ..CustomerQuery::default()
    };
    let found = operator
        .customers(&query)
        .await
        .map_err(SimError::server("find a customer"))?;
    let same = found.data.iter().find(|known| known.company_name == body.company_name);
    same.map(|known| known.id)
        .ok_or_else(|| SimError::Settings(format!("the customer {} exists but can't be seen", body.company_name)))
}

/// Returns the code for a terminal. Terminals take turns: those that enrol at a time spend different codes, because the
/// server lets one use of a code after the other.
pub(crate) fn code_in_turn(codes: &[Secret], index: usize) -> Result<Secret, SimError> {
    let turn = index % codes.len().max(1);
    let code = codes.get(turn).cloned();
    code.ok_or_else(|| SimError::Settings("at least one enrolment code is needed".to_owned()))
}

/// Makes a code and returns its text.
pub(crate) async fn make_code(operator: &OperatorClient, body: &EnrollmentCodeCreate) -> Result<Secret, ClientError> {
    let made = operator.create_enrollment_code(body).await?;
    Ok(Secret::new(made.code.unwrap_or_default()))
}
