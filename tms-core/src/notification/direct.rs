//! A letter to one person, by the mail server of the first channel that has one. It holds a secret, so it is sent at once
//! or not at all: nothing of it waits in the outbox.

use std::time::Duration;

use serde_json::json;

use super::{Language, Letter, Notifications, SendError, Target, deliver};
use crate::{audit::AuditTarget, ctx::Ctx, envelope::Envelope, error::Error, id::UserId, time::Timestamp};

/// How long somebody who asked for a link waits for the mail server.
const PATIENCE: Duration = Duration::from_secs(10);

/// A link with which a person sets a password.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invitation<'a> {
    /// Whose.
    pub(crate) user: UserId,
    /// The name with which they sign in.
    pub(crate) username: &'a str,
    /// Where to write.
    pub(crate) email: &'a str,
    /// The address of the page, with the token.
    pub(crate) link: &'a str,
    /// Until when it is good.
    pub(crate) until: Timestamp,
}

impl Notifications {
    /// Mails a link; tells whether the mail server took it. Without a channel for mail there is nothing to do.
    ///
    /// # Errors
    /// What the store answered. A mail server that refuses is shown in the audit trail, and is no error.
    pub(crate) async fn invite(&self, ctx: &Ctx, invitation: Invitation<'_>) -> Result<bool, Error> {
        let Some(notifier) = self.notifier.as_deref() else {
            return Ok(false);
        };
        let channels = self.stores.notifications.enabled().await?;
        let by_mail = channels
            .into_iter()
            .find_map(|mut channel| match &mut channel.draft.target {
                Target::Mail(target) => {
                    target.to = vec![invitation.email.to_owned()];
                    Some(channel)
                }
                _ => None,
            });
        let Some(channel) = by_mail else {
            return Ok(false);
        };
        let letter = write(&invitation, channel.draft.language, ctx.now);
        let sending = deliver::send(notifier, &self.seal, &channel, &letter);
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        let sent = sent.unwrap_or_else(|_| Err(SendError("the mail server did not answer in time".to_owned())));
        // How the channel fares is left alone: that one person has no such mailbox must not hold alerts back.
        let error = deliver::outcome(&channel, &sent, &*self.clock).error;
        if let Some(error) = &error {
            tracing::warn!(channel = %channel.draft.name, error, "a password link could not be mailed");
        }
        let target = AuditTarget::existing("user", invitation.user.get());
        let entry = ctx.audit("password_link.mail", target, json!({ "error": error }));
        self.stores.audit.record(Envelope::audited(entry)).await?;
        Ok(error.is_none())
    }
}

fn write(invitation: &Invitation<'_>, language: Language, now: Timestamp) -> Letter {
    let Invitation {
        user,
        username,
        link,
        until,
        ..
    } = invitation;
    let (subject, text) = match language {
        Language::English => (
            "TMS: set your password",
            format!(
                "An administrator made a link with which you, {username}, set your password:\n\n{link}\n\nIt is good once, \
                 until {until}. Pass it on to nobody. If you expect no such mail, tell your administrator.\n"
            ),
        ),
        Language::Japanese => (
            "TMS: パスワードの設定",
            format!(
                "管理者が {username} さんのパスワード設定用リンクを発行しました。\n\n{link}\n\n{until} まで一度だけ使えます。\
                 ほかの人に渡さないでください。心当たりがない場合は管理者に知らせてください。\n"
            ),
        ),
    };
    Letter {
        id: format!("password-link-{user}-{}", now.as_micros()),
        subject: subject.to_owned(),
        text,
        facts: json!({ "type": "password_link", "username": username }),
        at: now,
    }
}
