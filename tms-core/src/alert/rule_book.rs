//! The rules of alerts one by one: a view of the settings, which hold them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::rule::{AlertRule, AlertRuleId, AlertRules};
use crate::{
    audit::{AuditEntry, AuditTarget, changes},
    ctx::Ctx,
    customer::CustomerStore,
    envelope::Envelope,
    error::{Error, FieldErrors},
    id::{CustomerId, Revision},
    idempotency::{IdempotencyStore, Once, once, unreadable},
    page::{Order, Page, PageRequest},
    permission::Permission,
    settings::{Settings, SettingsService},
    stores::Stores,
};

/// How often a rule is added anew when somebody else changed the settings meanwhile.
const TRIES: usize = 5;

/// A rule with the revision of the settings that hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRule {
    /// The rule.
    pub rule: AlertRule,
    /// Counts the changes of the settings.
    pub revision: Revision,
}

/// The rules of alerts one by one. The general rule of a cause can be changed and switched off, but not taken away;
/// customers may have rules of their own in its place.
#[derive(Debug, Clone)]
pub struct AlertRuleBook {
    settings: SettingsService,
    customers: Arc<dyn CustomerStore>,
    idempotency: Arc<dyn IdempotencyStore>,
}

impl AlertRuleBook {
    pub(crate) fn new(settings: SettingsService, stores: &Stores) -> Self {
        Self {
            settings,
            customers: stores.customers.clone(),
            idempotency: stores.idempotency.clone(),
        }
    }

    /// Lists the rules by id: the general ones first.
    pub async fn list(&self, ctx: &Ctx, page: &PageRequest) -> Result<Page<AlertRule>, Error> {
        let stored = self.settings.get(ctx).await?;
        let mut rules: Vec<_> = stored.settings.rules.iter().copied().collect();
        rules.sort_by_key(AlertRule::id);
        Ok(Page::cut(rules, page, Order::Ascending, |rule| rule.id().get()))
    }

    /// Returns a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub async fn get(&self, ctx: &Ctx, id: AlertRuleId) -> Result<StoredRule, Error> {
        let stored = self.settings.get(ctx).await?;
        Ok(StoredRule {
            rule: find(&stored.settings, id)?,
            revision: stored.revision,
        })
    }

    /// Gives a customer a rule of their own.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::Conflict`] when there is one for the same already.
    pub async fn create(&self, ctx: &Ctx, rule: AlertRule) -> Result<StoredRule, Error> {
        ctx.require(Permission::SettingsWrite)?;
        check(&rule)?;
        if let Some(customer) = rule.customer {
            self.check_customer(customer).await?;
        }
        match once(&*self.idempotency, ctx, || self.add(ctx, rule)).await? {
            Once::Done(made) => Ok(made),
            // Rules have ids by what they are for, which no store gives.
            Once::Before(known) => {
                let id = known.answer.get("id").and_then(Value::as_str).unwrap_or_default();
                self.get(ctx, id.parse::<AlertRuleId>().map_err(unreadable)?).await
            }
        }
    }

    async fn add(&self, ctx: &Ctx, rule: AlertRule) -> Result<StoredRule, Error> {
        for _ in 0..TRIES {
            let stored = self.settings.get(ctx).await?;
            if find(&stored.settings, rule.id()).is_ok() {
                return Err(self.taken(ctx, &rule).await?);
            }
            let mut next = stored.settings;
            next.rules.put(rule);
            // A cause without a general rule is decided by no rule at all.
            find(&next, rule.id()).map_err(|_| FieldErrors::single("alert_type", "is raised by no rule"))?;
            let entry = entry(ctx, "alert_rule.create", rule.id(), [&Value::Null, &shown(&rule)]);
            let with = Envelope::audited(entry).once(ctx, json!({ "id": rule.id().to_string() }));
            match self.settings.save_as(ctx, next, stored.revision, with).await {
                Err(Error::Stale(_)) => {}
                outcome => {
                    let revision = outcome?.revision;
                    return Ok(StoredRule { rule, revision });
                }
            }
        }
        Err(Error::unavailable("the settings are changed by others all the time"))
    }

    /// Says that there is a rule already. The same request, sent twice at once, may have just made it: then that one's
    /// answer is the answer.
    async fn taken(&self, ctx: &Ctx, rule: &AlertRule) -> Result<Error, Error> {
        if let Some(key) = &ctx.idempotency
            && self.idempotency.find(&key.caller, &key.text, ctx.now).await?.is_some()
        {
            return Ok(Error::Repeated);
        }
        let of = if rule.customer.is_some() {
            " of this customer"
        } else {
            ""
        };
        Ok(Error::Conflict(format!(
            "there is a rule{of} for {} already",
            rule.cause
        )))
    }

    /// Changes a rule; cause and customer stay.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] naming wrong fields, [`Error::Stale`] when the revision is not `seen`.
    pub async fn update(&self, ctx: &Ctx, rule: AlertRule, seen: Revision) -> Result<StoredRule, Error> {
        ctx.require(Permission::SettingsWrite)?;
        check(&rule)?;
        let mut next = self.settings.get(ctx).await?.settings;
        let before = find(&next, rule.id())?;
        next.rules.put(rule);
        let entry = entry(ctx, "alert_rule.update", rule.id(), [&shown(&before), &shown(&rule)]);
        let revision = self.save(ctx, next, seen, entry).await?;
        Ok(StoredRule { rule, revision })
    }

    /// Takes a customer's own rule away, so that the general one holds for their terminals too.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] for a general rule, [`Error::Stale`] when the revision is not `seen`.
    pub async fn delete(&self, ctx: &Ctx, id: AlertRuleId, seen: Revision) -> Result<(), Error> {
        ctx.require(Permission::SettingsWrite)?;
        let mut next = self.settings.get(ctx).await?.settings;
        let before = find(&next, id)?;
        if before.customer.is_none() {
            let message = "the general rule of a cause stays; switch it off instead";
            return Err(Error::Conflict(message.to_owned()));
        }
        next.rules.remove(id);
        let entry = entry(ctx, "alert_rule.delete", id, [&shown(&before), &Value::Null]);
        self.save(ctx, next, seen, entry).await?;
        Ok(())
    }

    async fn save(&self, ctx: &Ctx, next: Settings, seen: Revision, entry: AuditEntry) -> Result<Revision, Error> {
        let with = Envelope::audited(entry);
        Ok(self.settings.save_as(ctx, next, seen, with).await?.revision)
    }

    async fn check_customer(&self, id: CustomerId) -> Result<(), Error> {
        let found = self.customers.find(id).await?;
        found
            .map(drop)
            .ok_or_else(|| FieldErrors::single("customer_id", "there is no such customer"))
    }
}

fn find(settings: &Settings, id: AlertRuleId) -> Result<AlertRule, Error> {
    let rules: &AlertRules = &settings.rules;
    let found = rules.iter().find(|rule| rule.id() == id).copied();
    found.ok_or_else(|| Error::not_found("alert rule", id))
}

fn check(rule: &AlertRule) -> Result<(), Error> {
    let mut errors = FieldErrors::default();
    rule.check("threshold", &mut errors);
    errors.finish()
}

fn entry(ctx: &Ctx, action: &'static str, id: AlertRuleId, [before, after]: [&Value; 2]) -> AuditEntry {
    let target = AuditTarget::existing("alert_rule", id.get());
    ctx.audit(action, target, changes(before, after))
}

/// Shows a rule in the audit trail.
fn shown(rule: &AlertRule) -> Value {
    json!({
        "alert_type": rule.cause.as_str(),
        "customer_id": rule.customer.map(CustomerId::get),
        "is_enabled": rule.is_enabled,
        "severity": rule.severity.as_str(),
        "threshold": rule.threshold.map(|t| json!({
            "value": t.value, "duration_s": t.duration_s, "clear_value": t.clear_value,
        })),
    })
}
