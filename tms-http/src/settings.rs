//! What the embedder decides about the router and the accept loop. Nothing here is read from the environment.

mod base_path;
mod network;
mod static_url;

use std::{fmt, sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tms_core::secret::Secret;

use crate::drain::Drain;

pub use base_path::BasePath;
pub use network::Network;
pub use static_url::StaticUrl;

/// Renders the metrics page.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Something that makes a node quicker and that it can do without, as `/health/ready` shows it: a node is no less ready
/// when it is away.
#[derive(Clone)]
pub struct Aid {
    pub(crate) name: &'static str,
    pub(crate) problem: Arc<dyn Fn() -> Option<String> + Send + Sync>,
}

impl Aid {
    /// Names it, and says how to ask why it can't be used at the moment.
    pub fn new(name: &'static str, problem: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            name,
            problem: Arc::new(problem),
        }
    }
}

impl fmt::Debug for Aid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aid").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How the router behaves.
#[derive(Clone)]
pub struct HttpSettings {
    /// Where everything is mounted; all links begin with it.
    pub base_path: BasePath,
    /// Whether `/api/v1` is mounted.
    pub api: bool,
    /// Whether the console is mounted: pages for people, and `/static/`.
    pub console: bool,
    /// Whether `/health/` and `/metrics` are mounted.
    pub health: bool,
    /// Where the assets of the console are served, if not by the router itself.
    pub static_url: Option<StaticUrl>,
    /// The host names under which the server may be called (`.example.com` means any below it); empty means any.
    pub allowed_hosts: Vec<String>,
    /// The networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// For how long browsers that have seen an answer over TLS reach this host over nothing else; `None` says nothing
    /// about it. It concerns the whole host, not only what is mounted here.
    pub hsts: Option<Duration>,
    /// False lifts the limits per client; for load tests only.
    pub rate_limits: bool,
    /// Renders `GET /metrics`; without it there is no such page.
    pub metrics: Option<RenderMetrics>,
    /// What a reader of `GET /metrics` must present. With `None` the page is there for this machine only: for requests to
    /// `localhost` or a loopback address that no proxy has passed on.
    pub metrics_token: Option<String>,
    /// What `/health/ready` shows besides the store.
    pub aids: Vec<Aid>,
    /// Tells when the server is going away; share it with [`ServeSettings::draining`].
    pub draining: Drain,
    /// How long a request may take in all.
    pub request_timeout: Duration,
    /// How long the body of a request may take to arrive.
    pub body_timeout: Duration,
    pub(crate) cursor_key: Secret<[u8; 32]>,
}

impl HttpSettings {
    /// Makes the usual settings; the keys of this crate are derived from `secret_key`.
    pub fn new(secret_key: impl AsRef<[u8]>) -> Self {
        Self {
            base_path: BasePath::default(),
            api: true,
            console: true,
            health: true,
            static_url: None,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            hsts: None,
            rate_limits: true,
            metrics: None,
            metrics_token: None,
            aids: Vec::new(),
            draining: Drain::default(),
            request_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(10),
            cursor_key: Secret::new(derive(secret_key.as_ref(), b"tms-http cursor 1")),
        }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("base_path", &self.base_path)
            .field("api", &self.api)
            .field("console", &self.console)
            .field("static_url", &self.static_url)
            .field("health", &self.health)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("hsts", &self.hsts)
            .field("rate_limits", &self.rate_limits)
            .field("metrics", &self.metrics.is_some())
            .field("aids", &self.aids)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}

/// Derives the key of one use from the secret key of the installation.
fn derive(secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length, so the fallback is never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return [0; 32];
    };
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

/// How the accept loop behaves.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// How many connections are open at most; more are answered 503 and closed.
    pub max_connections: usize,
    /// How long a client may take to send the head of a request; the first byte of a connection counts from its start.
    pub header_timeout: Duration,
    /// How long a connection may stay idle between requests.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what is written to it; one that reads, however slowly, is not cut.
    pub write_timeout: Duration,
    /// How large the head of a request may be, bytes.
    pub max_header_bytes: usize,
    /// How long the server goes on serving after it was told to stop, so that balancers notice.
    pub drain: Duration,
    /// How long requests under way may take after that.
    pub finish_timeout: Duration,
    /// The switch that health reads; share it with [`HttpSettings::draining`].
    pub draining: Drain,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            max_header_bytes: 16 * 1_024,
            drain: Duration::from_secs(5),
            finish_timeout: Duration::from_secs(20),
            draining: Drain::default(),
        }
    }
}
