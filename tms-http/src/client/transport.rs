//! One request and its answer; shared by the clients.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, header};
use serde::de::DeserializeOwned;

use super::ClientError;
use crate::wire::ErrorBody;

/// A resource with the revision that its `ETag` named, for `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged<T> {
    /// The resource.
    pub value: T,
    /// Its `ETag` as it was sent; empty when the server sent none.
    pub etag: String,
}

/// Builds the HTTP client that the clients share: connections are kept, redirects are not followed.
///
/// # Errors
/// [`ClientError::Unusable`] when the platform offers no TLS.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client, ClientError> {
    reqwest::Client::builder()
        // Firewalls refuse who doesn't say what it is.
        .user_agent(concat!("tms-client/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .map_err(|e| ClientError::Unusable(Box::new(e)))
}

/// Makes the address of the API below the address of a server.
pub(super) fn api_root(server: &str) -> String {
    format!("{}/api/v1", server.trim_end_matches('/'))
}

/// Sends a request and returns its answer if that is a 2xx.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, ClientError> {
    let answer = request.send().await.map_err(|e| {
        if e.is_builder() {
            ClientError::Unusable(Box::new(e))
        } else {
            ClientError::Transport(e)
        }
    })?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status().as_u16();
    let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
    let retry_after = seconds.and_then(|s| s.trim().parse().ok()).map(Duration::from_secs);
    let problem = answer.json::<ErrorBody>().await.ok().map(|body| Box::new(body.error));
    Err(ClientError::Refused {
        status,
        retry_after,
        problem,
    })
}

/// Sends a request and reads the JSON of its answer.
pub(super) async fn send_for<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ClientError> {
    read(send(request).await?).await
}

/// Reads the JSON of an answer.
pub(super) async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, ClientError> {
    answer.json().await.map_err(|e| {
        if e.is_decode() {
            ClientError::Unreadable(e)
        } else {
            ClientError::Transport(e)
        }
    })
}

/// Reads the JSON of an answer together with its `ETag`.
pub(super) async fn read_tagged<T: DeserializeOwned>(answer: Response) -> Result<Tagged<T>, ClientError> {
    let etag = answer.headers().get(header::ETAG).and_then(|v| v.to_str().ok());
    let etag = etag.unwrap_or_default().to_owned();
    Ok(Tagged {
        value: read(answer).await?,
        etag,
    })
}
