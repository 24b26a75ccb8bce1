//! A stand-in for mail servers and web hooks, which keeps what would have been sent.

use std::sync::{Mutex, PoisonError};

use tms_core::{
    notification::{Destination, Letter, Notifier, SendError, Target},
    text::InvalidText,
};

#[derive(Debug, Default)]
struct Seen {
    failure: Option<String>,
    tried: Vec<String>,
    sent: Vec<(String, Letter)>,
}

/// Keeps letters with where they went.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Seen>);

impl Recorder {
    pub(crate) fn fail(&self, why: Option<&str>) {
        self.with(|seen| seen.failure = why.map(str::to_owned));
    }

    pub(crate) fn sent(&self) -> Vec<(String, Letter)> {
        self.with(|seen| seen.sent.clone())
    }

    /// Returns the ids of all letters that were tried.
    pub(crate) fn tried(&self) -> Vec<String> {
        self.with(|seen| seen.tried.clone())
    }

    fn with<T>(&self, read: impl FnOnce(&mut Seen) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait::async_trait]
impl Notifier for Recorder {
    fn check(&self, target: &Target) -> Result<(), InvalidText> {
        match target {
            Target::WebHook { url } if url.contains("private") => Err(InvalidText("is private".to_owned())),
            _ => Ok(()),
        }
    }

    async fn send(&self, to: &Destination, letter: &Letter) -> Result<(), SendError> {
        let to = match to {
            Destination::Mail { target, .. } => target.to.join(", "),
            Destination::WebHook { url, .. } => url.clone(),
            Destination::Slack { url } => url.expose().clone(),
            Destination::Sns { topic_arn } => topic_arn.clone(),
        };
        self.with(|seen| {
            seen.tried.push(letter.id.clone());
            if let Some(why) = &seen.failure {
                return Err(SendError(why.clone()));
            }
            seen.sent.push((to, letter.clone()));
            Ok(())
        })
    }
}
