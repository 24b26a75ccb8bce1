//! TMS inside another application: its API below `/tms`, over a store in memory, beside the host's own pages.

use std::{error::Error, future::pending};

use axum::{Router, routing::get};
use tms_core::{Tms, operator::service::UserRequest, permission::Role, secret::Secret, testkit::MemoryStore};
use tms_http::{HttpSettings, ServeSettings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tms = Tms::builder(MemoryStore::new().stores()).build();
    let admin = UserRequest {
        username: "admin".to_owned(),
        full_name: "Administrator".to_owned(),
        email: None,
        role: Role::Admin,
        password: Secret::new("correct horse battery".to_owned()),
    };
    tms.operators().create(&tms.system_ctx(), admin).await?;

    let mut settings = HttpSettings::new("a secret key of this installation");
    settings.base_path = "/tms".parse()?;
    let app = Router::new()
        .route(
            "/",
            get(|| async { "the host's own page; TMS answers below /tms/api/v1" }),
        )
        .merge(tms_http::router(tms.clone(), settings));

    let work = tms.clone();
    tokio::spawn(async move { work.run(pending()).await });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    tms_http::serve(listener, app, ServeSettings::default(), pending()).await?;
    Ok(())
}
