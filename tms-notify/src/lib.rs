//! Sends what `tms-core` has to tell: mail over SMTP, web hooks with a signature, and what Slack understands. Decides
//! nothing about who is told what, and keeps nothing.

#![warn(missing_docs)]

mod address;
mod mail;
mod web;

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use tms_core::{
    notification::{Destination, Letter, Notifier, SendError, Target, target::check_url},
    text::InvalidText,
};

pub use address::Reach;
pub use web::{DELIVERY, SIGNATURE, sign};

/// SNS speaks a protocol of its own, which this crate does not.
const NO_SNS: &str = "needs a server that was built with AWS";

/// How messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundSettings {
    /// Where web hooks may lead.
    pub reach: Reach,
    /// How long the other side may take.
    pub timeout: Duration,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            reach: Reach::Public,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Sends messages.
#[derive(Debug)]
pub struct Outbound {
    settings: OutboundSettings,
    client: reqwest::Client,
}

impl Outbound {
    /// Makes the clients. The process must have chosen its TLS provider.
    ///
    /// # Errors
    /// What the TLS provider answered.
    pub fn new(settings: OutboundSettings) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(settings.timeout)
            // Where a redirect or a proxy leads was checked by nobody.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(address::Resolver(settings.reach)))
            .user_agent(concat!("tms/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { settings, client })
    }

    /// Checks the address of a web hook as far as it can be read from its text; names are checked when they are
    /// resolved.
    fn check_web(&self, url: &str) -> Result<(), InvalidText> {
        let host = check_url(url)?;
        if self.settings.reach == Reach::Public && !url.starts_with("https://") {
            return Err(InvalidText("must begin with https://".to_owned()));
        }
        match spelled_address(&host, url) {
            Some(address) if !self.settings.reach.allows(address) => Err(InvalidText(
                "must not be an address within a private network".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

/// Reads the address that a host spells, also in the short forms (`127.1`, `0x7f000001`) that clients understand.
fn spelled_address(host: &str, url: &str) -> Option<IpAddr> {
    let parsed = reqwest::Url::parse(url).ok();
    let normal = parsed.as_ref().and_then(|url| url.host_str()).unwrap_or(host);
    normal.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[async_trait]
impl Notifier for Outbound {
    fn check(&self, target: &Target) -> Result<(), InvalidText> {
        match target {
            // A mail server of one's own is usually within one's own network.
            Target::Mail(_) => Ok(()),
            Target::WebHook { url } => self.check_web(url),
            Target::Slack { host } => self.check_web(&format!("https://{host}")),
            Target::Sns { .. } => Err(InvalidText(NO_SNS.to_owned())),
        }
    }

    async fn send(&self, to: &Destination, letter: &Letter) -> Result<(), SendError> {
        let checked = |url: &str| {
            self.check_web(url)
                .map_err(|wrong| SendError(format!("the address {wrong}")))
        };
        match to {
            Destination::Mail { target, password } => {
                mail::send(target, password.as_ref(), letter, self.settings.timeout).await
            }
            Destination::WebHook { url, key } => {
                checked(url)?;
                web::send_hook(&self.client, url, key, letter).await
            }
            Destination::Slack { url } => {
                checked(url.expose())?;
                web::send_slack(&self.client, url, letter).await
            }
            Destination::Sns { .. } => Err(SendError(NO_SNS.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn addresses_within_are_refused_however_they_are_spelled() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let outbound = Outbound::new(OutboundSettings::default()).unwrap();
        let hook = |url: &str| outbound.check(&Target::WebHook { url: url.to_owned() });
        assert!(hook("https://example.com/hook").is_ok() && hook("https://8.8.8.8/").is_ok());
        for within in [
            "http://example.com/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://10.0.0.1:8443/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
        ] {
            assert!(hook(within).is_err(), "{within}");
        }
        let host = "192.168.0.1".to_owned();
        assert!(outbound.check(&Target::Slack { host }).is_err());
    }
}
