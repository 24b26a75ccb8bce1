//! The port through which messages leave. Programs that can send implement it.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use super::{MailTarget, Target};
use crate::{secret::Secret, text::InvalidText, time::Timestamp};

/// Where a message goes, with what is secret of it.
#[derive(Debug, Clone)]
pub enum Destination {
    /// Mail.
    Mail {
        /// The server, the writer and the receivers.
        target: MailTarget,
        /// The password of the user name, if there is one.
        password: Option<Secret<String>>,
    },
    /// A web hook.
    WebHook {
        /// Where to.
        url: String,
        /// The key of the signature.
        key: Secret<String>,
    },
    /// What Slack understands.
    Slack {
        /// Where to.
        url: Secret<String>,
    },
    /// A topic of SNS.
    Sns {
        /// The topic.
        topic_arn: String,
    },
}

/// A message as it leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// The same for each try, so that a receiver knows a repetition.
    pub id: String,
    /// The headline.
    pub subject: String,
    /// The text for people.
    pub text: String,
    /// The facts for programs; the same for each try unless the alerts changed.
    pub facts: Value,
    /// When it leaves.
    pub at: Timestamp,
}

/// Why a message did not arrive, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SendError(pub String);

/// Sends messages. Must return within half a minute, and must not follow where a web hook redirects.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync + 'static {
    /// Checks a target before anything is sent there, such as for an address within the own network.
    ///
    /// # Errors
    /// [`InvalidText`] that says why nothing would be sent there.
    fn check(&self, target: &Target) -> Result<(), InvalidText>;

    /// Sends a letter; returns once the other side has taken it.
    ///
    /// # Errors
    /// [`SendError`] when it has not.
    async fn send(&self, to: &Destination, letter: &Letter) -> Result<(), SendError>;
}
