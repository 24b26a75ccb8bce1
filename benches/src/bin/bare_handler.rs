//! The baseline H: a bare axum handler that parses the same heartbeat and answers the same bytes, and does nothing else.

use anyhow::Result;
use axum::{Router, body::Bytes, http::StatusCode, http::header::CONTENT_TYPE, response::IntoResponse, routing::post};
use clap::Parser;
use tms_http::wire::agent::HeartbeatRequest;

/// Serves `POST /bare`.
#[derive(Debug, Parser)]
struct Args {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8099")]
    listen: String,
}

const ANSWER: &str = r#"{"status":"acknowledged","server_time":"2026-01-24T10:00:05Z","next_heartbeat":297,"config_version":8,"commands":[]}"#;

async fn bare(body: Bytes) -> impl IntoResponse {
    match serde_json::from_slice::<HeartbeatRequest<'_>>(&body) {
        Ok(beat) if beat.seq.is_some() => (StatusCode::OK, [(CONTENT_TYPE, "application/json")], ANSWER),
        _ => (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "application/json")], "{}"),
    }
}

/// The allocator of the server, so that the comparison shows nothing else.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let listener = tokio::net::TcpListener::bind(&args.listen).await?;
    axum::serve(listener, Router::new().route("/bare", post(bare))).await?;
    Ok(())
}
