//! Signs in and watches: `TMS_PASSWORD=... cargo run -p tms-example-operator-client -- --username mika --acknowledge LOW,INFO`

use std::{
    io::{Write, stdout},
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use tms_example_operator_client::Watcher;
use tms_http::{
    client::{OperatorClient, http_client},
    wire::auth::LoginRequest,
};

/// Watches a fleet and acknowledges alerts.
#[derive(Debug, Parser)]
struct Args {
    /// Address of the server.
    #[arg(long, env = "TMS_URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// The name used to sign in.
    #[arg(long, env = "TMS_USERNAME")]
    username: String,
    /// The password; better by the environment.
    #[arg(long, env = "TMS_PASSWORD", hide_env_values = true)]
    password: String,
    /// The code of the second factor, where one is set up.
    #[arg(long)]
    code: Option<String>,
    /// Severities to acknowledge, by commas; none only watches.
    #[arg(long, value_delimiter = ',')]
    acknowledge: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args = Args::parse();
    let login = LoginRequest {
        username: args.username,
        password: args.password,
        mfa_code: args.code,
        device_token: None,
    };
    let http = http_client(Duration::from_secs(10))?;
    let (client, signed_in) = match OperatorClient::login_with(http, &args.url, &login).await {
        Err(refusal) if refusal.needs_proof() => anyhow::bail!("a second factor is set up: give --code"),
        other => other.context("signing in")?,
    };
    let mut out = stdout();
    let mut say = move |line: String| {
        let _ = writeln!(out, "{line}");
    };
    say(format!(
        "signed in as {} ({})",
        signed_in.user.username, signed_in.user.role
    ));
    let watcher = Watcher::begin(&client, args.acknowledge, say)
        .await
        .context("watching")?;
    Err(watcher.run().await).context("watching")
}
