//! `tms enrollment-code create`.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use serde_json::json;
use tms_core::{Tms, customer::Customer, enrolment::service::CodeRequest, text::SerialNumber};

use crate::{
    config::Config,
    output::Output,
    wire_up::{self, WrongUse, explain},
};

/// The code to make.
#[derive(Debug)]
pub struct Request {
    /// Whose terminals it enrols, by company name.
    pub customer: String,
    /// Whether to add the customer.
    pub create_customer: bool,
    /// The shop that the terminals get.
    pub store: Option<String>,
    /// The only serial number that it enrols.
    pub serial: Option<String>,
    /// How often it may be used.
    pub uses: u32,
    /// How long it lives.
    pub ttl: Duration,
}

/// Makes a code and prints it this once.
pub async fn create(config: &Config, request: Request, output: Output) -> anyhow::Result<ExitCode> {
    let serial = request.serial.as_deref().map(SerialNumber::parse).transpose();
    let serial = serial.map_err(|error| WrongUse(format!("--serial {error}")))?;
    let tms = wire_up::for_command(config).await?;
    let customer = find_customer(&tms, &request).await?;
    let ctx = tms.system_ctx();
    let wish = CodeRequest {
        customer: customer.id,
        store_name: request.store,
        store_code: None,
        serial,
        max_uses: request.uses,
        expires_at: ctx.now.plus(request.ttl),
    };
    let (code, text) = tms.enrolment().create_code(&ctx, wish).await.map_err(explain)?;
    // Without an idempotency key nothing is ever repeated.
    let shown = text.context("the code was made before")?.expose();
    output.result(
        &json!({
            "id": code.id.get(),
            "code": shown,
            "customer_id": customer.id.get(),
            "uses": code.max_uses,
            "expires_at": code.expires_at.to_string(),
        }),
        format!(
            "{shown}\n({} use(s) for {}, until {})",
            code.max_uses, customer.draft.company_name, code.expires_at
        ),
    );
    Ok(ExitCode::SUCCESS)
}

async fn find_customer(tms: &Tms, request: &Request) -> anyhow::Result<Customer> {
    let ctx = tms.system_ctx();
    if request.create_customer {
        return tms
            .customers()
            .find_or_create(&ctx, &request.customer)
            .await
            .map_err(explain);
    }
    let found = tms
        .customers()
        .find_by_name(&ctx, &request.customer)
        .await
        .map_err(explain)?;
    found.ok_or_else(|| {
        anyhow::anyhow!(
            "there is no customer {:?}; add --create-customer to make it",
            request.customer
        )
    })
}
