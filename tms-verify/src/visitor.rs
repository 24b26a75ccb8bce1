//! Asks over HTTP and says plainly why there was no answer.

use std::{error::Error, time::Duration};

use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, header::ACCEPT, redirect::Policy};
use serde_json::Value;
use url::Url;

use crate::{Target, VerifyError};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a browser says that it would like to have.
pub(crate) const PAGES: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
/// The most that is read of an answer.
const LONGEST: usize = 4 << 20;

/// Asks one server. Redirects are looked at, not followed.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    client: Client,
    base: Url,
}

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// The certificate of the server, as DER.
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) body: String,
}

impl Visitor {
    pub(crate) fn new(target: &Target) -> Result<Self, VerifyError> {
        let url = &target.url;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !url.username().is_empty() {
            return Err(VerifyError::Address(url.clone()));
        }
        let mut builder = Client::builder()
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .tls_info(true)
            .user_agent(concat!("tms-verify/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &target.roots {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem).map_err(VerifyError::Roots)?);
        }
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            client: builder.build().map_err(VerifyError::Client)?,
            base,
        })
    }

    /// Returns the address that is looked at.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Begins a request of a path below the address.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let base = self.base.as_str().trim_end_matches('/');
        self.client.request(method, format!("{base}{path}"))
    }

    /// Begins a request of any address.
    pub(crate) fn get_of(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// Gets a page below the address as a browser does: only who asks for a page is led to one.
    pub(crate) async fn get_page(&self, path: &str) -> Result<Answer, String> {
        send(self.request(Method::GET, path).header(ACCEPT, PAGES)).await
    }

    /// Gets a path below the address.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, String> {
        send(self.request(Method::GET, path)).await
    }
}

/// Sends a request and reads the answer.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, String> {
    let mut response = request.send().await.map_err(|error| plainly(&error))?;
    let certificate = response.extensions().get::<reqwest::tls::TlsInfo>();
    let certificate = certificate.and_then(|tls| tls.peer_certificate().map(<[u8]>::to_vec));
    let body = read(&mut response).await?;
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        certificate,
        body,
    })
}

async fn read(response: &mut Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| plainly(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(format!("the answer is longer than {LONGEST} bytes"));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Says the last cause, which is the one that helps, and what to do about the usual ones.
fn plainly(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    if error.is_timeout() {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else if text.contains("UnknownIssuer") || text.contains("self-signed") || text.contains("CaUsedAsEndEntity") {
        format!("the certificate is not trusted ({text}); use one of a public authority, or name yours with --ca")
    } else if text.contains("not valid for name") || text.contains("NotValidForName") {
        format!("the certificate is for another name ({text})")
    } else if ["Expired", "certificate expired"]
        .iter()
        .any(|word| text.contains(word))
    {
        format!("the certificate has expired ({text})")
    } else {
        text
    }
}

impl Answer {
    /// Returns a header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Expects a status.
    pub(crate) fn expect(self, status: StatusCode) -> Result<Self, String> {
        if self.status == status {
            return Ok(self);
        }
        let said = self.json().ok().and_then(|body| {
            let error = body.get("error")?;
            let text = |field: &str| error.get(field).and_then(Value::as_str).unwrap_or_default();
            Some(format!(": {} {}", text("message"), text("details")))
        });
        let said = said.unwrap_or_default();
        Err(format!(
            "answers {} instead of {}{}",
            self.status.as_u16(),
            status.as_u16(),
            said.trim_end()
        ))
    }

    /// Reads the body as JSON.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|_| "the answer is not JSON".to_owned())
    }
}
