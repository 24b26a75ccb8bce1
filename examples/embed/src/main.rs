//! TMS inside another application: its API below `/tms`, over a store in memory, beside the host's own pages.

use std::{error::Error, future::pending};

use axum::{Router, routing::get};
use tms_core::{
    Tms, key::SecretKeys, operator::users::UserRequest, permission::Role, secret::Secret, testkit::MemoryStore,
};
use tms_http::{HttpSettings, ServeSettings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = "a secret key of this installation";
    let tms = Tms::builder(MemoryStore::new().stores())
        .secret_keys(SecretKeys::new(key))
        .build();
    let password = Secret::new("correct horse battery".to_owned());
    let admin = UserRequest::with_password("admin", Role::Admin, password);
    tms.users().create(&tms.system_ctx(), admin).await?;

    let mut settings = HttpSettings::new(key);
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
