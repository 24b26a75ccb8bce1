//! What people do with channels.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{Channel, ChannelDraft, Notifier, SealedSecret, deliver, document, letter, seal, seal::ChannelSeal};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::{Error, FieldErrors},
    id::{ChannelId, CustomerId, Revision},
    idempotency::{once_made, unreadable},
    page::{Page, PageRequest},
    permission::Permission,
    secret::Secret,
    stores::Stores,
    time::Clock,
};

/// A channel as asked for.
#[derive(Debug, Clone)]
pub struct ChannelRequest {
    /// What can be read again.
    pub draft: ChannelDraft,
    /// The password, key or secret address. A change may leave it out: it stays then, unless the receiver is another.
    pub secret: Option<Secret<String>>,
}

/// What people do with channels.
#[derive(Debug, Clone)]
pub struct Notifications {
    pub(super) stores: Stores,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) seal: ChannelSeal,
    pub(super) notifier: Option<Arc<dyn Notifier>>,
}

impl Notifications {
    pub(crate) fn new(
        stores: &Stores,
        seal: ChannelSeal,
        notifier: Option<Arc<dyn Notifier>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            stores: stores.clone(),
            clock,
            seal,
            notifier,
        }
    }

    /// Returns what sends the messages that are due, if this program can.
    pub(crate) fn deliverer(&self) -> Option<deliver::Deliverer<'_>> {
        Some(deliver::Deliverer {
            stores: &self.stores,
            notifier: self.notifier.as_deref()?,
            seal: &self.seal,
            clock: &*self.clock,
        })
    }

    /// Returns a channel.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, ctx: &Ctx, id: ChannelId) -> Result<Channel, Error> {
        ctx.require(Permission::NotificationRead)?;
        let found = self.stores.notifications.find(id).await?;
        found.ok_or_else(|| Error::not_found("notification channel", id))
    }

    /// Lists channels, newest first.
    pub async fn list(&self, ctx: &Ctx, page: &PageRequest) -> Result<Page<Channel>, Error> {
        ctx.require(Permission::NotificationRead)?;
        Ok(self.stores.notifications.list(page).await?)
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::Conflict`] when the name is taken.
    pub async fn create(&self, ctx: &Ctx, request: ChannelRequest) -> Result<Channel, Error> {
        ctx.require(Permission::NotificationWrite)?;
        let again = async |id: i64| self.get(ctx, ChannelId::new(id).map_err(unreadable)?).await;
        once_made(&*self.stores.idempotency, ctx, || self.add(ctx, request.clone()), again).await
    }

    async fn add(&self, ctx: &Ctx, request: ChannelRequest) -> Result<Channel, Error> {
        let draft = self.checked(request.draft, &BTreeSet::new()).await?;
        let secret = self.sealed(request.secret.as_ref(), &draft, None)?;
        let changes = shown(None, &draft, false);
        let entry = ctx.audit(
            "notification_channel.create",
            AuditTarget::created("notification_channel"),
            changes,
        );
        let with = Envelope::audited(entry).once(ctx, Value::Null);
        let store = &self.stores.notifications;
        Ok(store.insert(&draft, secret, ctx.now, with).await?)
    }

    /// Changes a channel whose revision is still `seen`.
    ///
    /// # Errors
    /// [`Error::Stale`] when it is not, [`Error::Invalid`], [`Error::Conflict`] when the name is taken.
    pub async fn update(
        &self,
        ctx: &Ctx,
        id: ChannelId,
        seen: Revision,
        request: ChannelRequest,
    ) -> Result<Channel, Error> {
        ctx.require(Permission::NotificationWrite)?;
        let before = self.get(ctx, id).await?;
        let draft = self.checked(request.draft, &before.draft.routing.customers).await?;
        let secret = self.sealed(request.secret.as_ref(), &draft, Some(&before))?;
        let changes = shown(Some(&before.draft), &draft, request.secret.is_some());
        let mut next = Channel {
            draft,
            secret,
            updated_at: ctx.now,
            ..before
        };
        let target = AuditTarget::existing("notification_channel", id.get());
        let entry = ctx.audit("notification_channel.update", target, changes);
        let store = &self.stores.notifications;
        next.revision = store.save(&next, seen, Envelope::audited(entry)).await?;
        Ok(next)
    }

    /// Deletes a channel with what waits for it.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::NotFound`].
    pub async fn delete(&self, ctx: &Ctx, id: ChannelId, seen: Revision) -> Result<(), Error> {
        ctx.require(Permission::NotificationWrite)?;
        let before = self.get(ctx, id).await?;
        let changes = json!({ "name": { "before": before.draft.name } });
        let target = AuditTarget::existing("notification_channel", id.get());
        let with = Envelope::audited(ctx.audit("notification_channel.delete", target, changes));
        Ok(self.stores.notifications.delete(id, seen, with).await?)
    }

    /// Sends a message at once, so that a person sees whether the channel works; returns why it does not.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when this program can't send anything.
    pub async fn test(&self, ctx: &Ctx, id: ChannelId) -> Result<Option<String>, Error> {
        ctx.require(Permission::NotificationWrite)?;
        let channel = self.get(ctx, id).await?;
        let Some(notifier) = &self.notifier else {
            return Err(Error::Conflict("this server sends no notifications".to_owned()));
        };
        let letter = letter::trial(&channel, ctx.now);
        let sent = deliver::send(&**notifier, &self.seal, &channel, &letter).await;
        let mut outcome = deliver::outcome(&channel, &sent, &*self.clock);
        // A person who has mended a channel need not wait for its rest to end.
        outcome.resume_at = outcome.at;
        let target = AuditTarget::existing("notification_channel", id.get());
        let entry = ctx.audit("notification_channel.test", target, json!({ "error": outcome.error }));
        let store = &self.stores.notifications;
        store.note(id, &outcome, Envelope::audited(entry)).await?;
        Ok(outcome.error)
    }

    /// Counts the channels that are used, and those of them that failed the last time. It says nothing else about
    /// them, so that the check of a node's health may show it to anybody.
    pub async fn count_failing(&self) -> Result<(usize, usize), Error> {
        let enabled = self.stores.notifications.enabled().await?;
        let failing = enabled.iter().filter(|channel| channel.state.failures > 0).count();
        Ok((enabled.len(), failing))
    }

    /// Checks a draft. Customers that it named `before` may be gone since.
    async fn checked(&self, draft: ChannelDraft, before: &BTreeSet<CustomerId>) -> Result<ChannelDraft, Error> {
        let draft = draft.checked()?;
        for customer in draft.routing.customers.difference(before) {
            if self.stores.customers.find(*customer).await?.is_none() {
                let message = format!("there is no customer {customer}");
                return Err(FieldErrors::single("routing.customer_ids", message));
            }
        }
        if let Some(notifier) = &self.notifier {
            let field = match draft.target.kind() {
                "mail" => "mail.host",
                "slack" => "slack.url",
                "sns" => "sns.topic_arn",
                _ => "web_hook.url",
            };
            let checked = notifier.check(&draft.target);
            checked.map_err(|wrong| FieldErrors::single(field, wrong.0))?;
        }
        Ok(draft)
    }

    /// Seals the secret that was given, or keeps the one before for the same receiver.
    fn sealed(
        &self,
        given: Option<&Secret<String>>,
        draft: &ChannelDraft,
        before: Option<&Channel>,
    ) -> Result<Option<SealedSecret>, Error> {
        let target = &draft.target;
        let Some(field) = target.secret_field() else {
            return match given {
                None => Ok(None),
                Some(_) => Err(FieldErrors::single("mail.username", "is needed beside a password")),
            };
        };
        if let Some(secret) = given {
            seal::check(secret, target)?;
            return self.seal.seal(secret, target).map(Some);
        }
        let kept = before
            .filter(|before| before.draft.target.receiver() == target.receiver())
            .and_then(|before| before.secret.clone());
        kept.map(Some)
            .ok_or_else(|| FieldErrors::single(field, "must be given with a new receiver"))
    }
}

/// Shows a change in the audit trail, without secrets.
fn shown(before: Option<&ChannelDraft>, after: &ChannelDraft, has_new_secret: bool) -> Value {
    let fields = |draft: &ChannelDraft| {
        let mut fields = document::write(draft);
        if let Value::Object(fields) = &mut fields {
            fields.insert("name".to_owned(), json!(draft.name));
            fields.insert("is_enabled".to_owned(), json!(draft.is_enabled));
        }
        fields
    };
    let before = before.map_or(Value::Null, fields);
    let mut changes = crate::audit::changes(&before, &fields(after));
    if has_new_secret {
        let all = changes.as_object_mut();
        all.unwrap_or(&mut Map::new())
            .insert("secret".to_owned(), json!({ "after": "(new)" }));
    }
    changes
}
