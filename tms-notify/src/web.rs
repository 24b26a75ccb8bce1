//! Web hooks.

use std::{error::Error, fmt::Write as _};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tms_core::{
    notification::{Letter, SendError},
    secret::Secret,
};

/// The header of the signature: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY` under the key of the channel.
pub const SIGNATURE: &str = "x-tms-signature";
/// The header of the delivery, which is the same when a message is sent again.
pub const DELIVERY: &str = "x-tms-delivery";

/// Signs a body that is sent at `seconds` since 1970.
pub fn sign(key: &Secret<String>, seconds: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length, so the fallback is never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) else {
        return String::new();
    };
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut text = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(crate) async fn send_hook(
    client: &reqwest::Client,
    url: &str,
    key: &Secret<String>,
    letter: &Letter,
) -> Result<(), SendError> {
    let mut facts = letter.facts.clone();
    if let Value::Object(fields) = &mut facts {
        fields.insert("id".to_owned(), json!(letter.id));
        fields.insert("subject".to_owned(), json!(letter.subject));
    }
    let body = facts.to_string().into_bytes();
    let seconds = letter.at.as_micros().div_euclid(1_000_000);
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header(DELIVERY, &letter.id)
        .header(SIGNATURE, sign(key, seconds, &body));
    finish(request.body(body)).await
}

pub(crate) async fn send_slack(
    client: &reqwest::Client,
    url: &Secret<String>,
    letter: &Letter,
) -> Result<(), SendError> {
    let text = format!("*{}*\n{}", plain(&letter.subject), plain(&letter.text));
    finish(client.post(url.expose()).json(&json!({ "text": text }))).await
}

/// Takes from a text what has a meaning to Slack, such as calling everybody.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

async fn finish(request: reqwest::RequestBuilder) -> Result<(), SendError> {
    let answer = request.send().await.map_err(told)?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(SendError(format!("the other side answered {status}")))
    }
}

/// Tells why without the address, which may be secret.
fn told(error: reqwest::Error) -> SendError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    SendError(text)
}
