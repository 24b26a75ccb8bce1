//! The secrets of channels as stored, bound to who receives them.

use std::sync::Arc;

use super::{SealedSecret, Target};
use crate::{
    error::{Error, FieldErrors},
    key::SecretKeys,
    random::RandomSource,
    seal::Seal,
    secret::Secret,
};

const PURPOSE: &str = "tms-core notification channel 1";

/// Seals and opens the secrets of channels; without a secret key of the installation there are none.
#[derive(Debug, Clone)]
pub(crate) struct ChannelSeal {
    seal: Option<Seal>,
    random: Arc<dyn RandomSource>,
}

impl ChannelSeal {
    pub(crate) fn new(keys: Option<&SecretKeys>, random: Arc<dyn RandomSource>) -> Self {
        Self {
            seal: keys.map(|keys| Seal::new(keys, PURPOSE)),
            random,
        }
    }

    pub(super) fn seal(&self, secret: &Secret<String>, target: &Target) -> Result<SealedSecret, Error> {
        let Some(seal) = &self.seal else {
            return Err(Error::Conflict("without a secret key no secret can be kept".to_owned()));
        };
        let bytes = seal.seal(secret.expose().as_bytes(), target.receiver().as_bytes(), &*self.random)?;
        Ok(SealedSecret(bytes))
    }

    pub(super) fn open(&self, sealed: &SealedSecret, target: &Target) -> Option<Secret<String>> {
        let opened = self.seal.as_ref()?.open(&sealed.0, target.receiver().as_bytes())?;
        String::from_utf8(opened.secret).ok().map(Secret::new)
    }
}

/// Checks a secret that somebody gives.
pub(super) fn check(secret: &Secret<String>, target: &Target) -> Result<(), Error> {
    let (field, least) = match target {
        Target::Sns { .. } => return Err(FieldErrors::single("sns", "has no secret")),
        Target::Mail(_) => ("mail.password", 1),
        // Shorter ones can be found by trying.
        Target::WebHook { .. } => ("web_hook.secret", 16),
        Target::Slack { .. } => ("slack.url", 1),
    };
    let text = secret.expose();
    let most = if matches!(target, Target::Slack { .. }) {
        2_000
    } else {
        200
    };
    if text.chars().count() < least || text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(FieldErrors::single(
            field,
            format!("must be {least} to {most} characters"),
        ));
    }
    Ok(())
}
