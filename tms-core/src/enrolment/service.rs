//! Enrolment as operators and agents see it: codes are made and withdrawn, agents redeem them.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{CodeText, Enrolled, EnrolmentCode, EnrolmentStore, NewCode, Redemption, Refusal, replay};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::{Error, FieldErrors, StoreError},
    id::{CustomerId, EnrolmentCodeId},
    idempotency::{IdempotencyStore, Once, once},
    page::{Page, PageRequest},
    permission::Permission,
    presence::Reported,
    random::RandomSource,
    secret::{Token, TokenKind},
    settings::PresenceSettings,
    stores::Stores,
    terminal::Host,
    text::{Lines, SerialNumber, clean},
    time::Timestamp,
};

/// The longest life of a code.
pub const LONGEST_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// A code that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequest {
    /// Which customer's terminals it enrols.
    pub customer: CustomerId,
    /// The shop that they get.
    pub store_name: Option<String>,
    /// The shop's number that they get.
    pub store_code: Option<String>,
    /// The only serial number that it enrols.
    pub serial: Option<SerialNumber>,
    /// How often it may be used, 1 to 1,000,000.
    pub max_uses: u32,
    /// When it ends, at most [`LONGEST_LIFE`] ahead.
    pub expires_at: Timestamp,
}

impl CodeRequest {
    /// Checks and cleans every field; making the code checks the same.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields.
    pub fn checked(mut self, now: Timestamp) -> Result<Self, Error> {
        let mut errors = FieldErrors::default();
        for (field, value, max) in [
            ("store_name", &mut self.store_name, 200),
            ("store_code", &mut self.store_code, 50),
        ] {
            if let Some(text) = value.take() {
                *value = errors
                    .take(field, clean(&text, 0, max, Lines::One))
                    .filter(|text| !text.is_empty());
            }
        }
        if !(1..=1_000_000).contains(&self.max_uses) {
            errors.add("uses", "must be 1 to 1000000");
        }
        if self.serial.is_some() && self.max_uses != 1 {
            errors.add("uses", "a code for one serial number is used once");
        }
        if self.expires_at <= now || self.expires_at > now.plus(LONGEST_LIFE) {
            errors.add("expires_at", "must be in the future, at most 366 days ahead");
        }
        errors.finish()?;
        Ok(self)
    }
}

/// What an agent sends to enrol; texts are checked by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentRequest {
    /// The reader.
    pub serial: SerialNumber,
    /// The code as typed.
    pub code: String,
    /// The model of the reader.
    pub model: String,
    /// The PC.
    pub host: Host,
    /// What the agent says of itself.
    pub reported: Reported,
}

/// What an agent gets.
#[derive(Debug, Clone)]
pub struct Welcome {
    /// The terminal.
    pub enrolled: Enrolled,
    /// Its token, shown once.
    pub token: Token,
}

/// Enrolment codes and their redemption.
#[derive(Debug, Clone)]
pub struct Enrolment {
    store: Arc<dyn EnrolmentStore>,
    idempotency: Arc<dyn IdempotencyStore>,
    random: Arc<dyn RandomSource>,
}

impl Enrolment {
    pub(crate) fn new(stores: &Stores, random: Arc<dyn RandomSource>) -> Self {
        Self {
            store: stores.enrolment.clone(),
            idempotency: stores.idempotency.clone(),
            random,
        }
    }

    /// Makes a code; its text is returned this once, and not again to who repeats the request with its key.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields.
    pub async fn create_code(
        &self,
        ctx: &Ctx,
        request: CodeRequest,
    ) -> Result<(EnrolmentCode, Option<CodeText>), Error> {
        ctx.require(Permission::EnrolmentWrite)?;
        let once = once(&*self.idempotency, ctx, || self.make_code(ctx, request.clone())).await?;
        match once {
            Once::Done((code, text)) => Ok((code, Some(text))),
            Once::Before(known) => Ok((replay::recall(&known)?, None)),
        }
    }

    async fn make_code(&self, ctx: &Ctx, request: CodeRequest) -> Result<(EnrolmentCode, CodeText), Error> {
        let unknown = || FieldErrors::single("customer_id", "there is no such customer");
        if !ctx.sees(request.customer) {
            return Err(unknown());
        }
        let request = request.checked(ctx.now)?;
        let text = CodeText::generate(&*self.random)?;
        let new = NewCode {
            hash: text.hash(),
            customer: request.customer,
            store_name: request.store_name,
            store_code: request.store_code,
            serial: request.serial,
            max_uses: request.max_uses,
            expires_at: request.expires_at,
            created_by: ctx.actor_name(),
        };
        let changes = json!({
            "customer_id": { "after": new.customer.get() },
            "serial_number": { "after": new.serial.as_ref().map(SerialNumber::as_str) },
            "uses": { "after": new.max_uses },
            "expires_at": { "after": new.expires_at.to_string() },
        });
        let entry = ctx.audit("enrolment_code.create", AuditTarget::created("enrolment_code"), changes);
        let entry = entry.of_customer(new.customer);
        let with = Envelope::audited(entry).once(ctx, replay::note(&new, ctx.now));
        match self.store.insert(&new, ctx.now, with).await {
            Err(StoreError::Missing(_)) => Err(unknown()),
            outcome => Ok((outcome?, text)),
        }
    }

    /// Returns a code, without its text.
    pub async fn get_code(&self, ctx: &Ctx, id: EnrolmentCodeId) -> Result<EnrolmentCode, Error> {
        ctx.require(Permission::EnrolmentRead)?;
        let found = self.store.find(id).await?.filter(|code| ctx.sees(code.customer));
        found.ok_or_else(|| Error::not_found("enrolment code", id))
    }

    /// Lists codes, newest first; of one customer, if one is named. An actor sees none of another customer.
    pub async fn list_codes(
        &self,
        ctx: &Ctx,
        customer: Option<CustomerId>,
        page: &PageRequest,
    ) -> Result<Page<EnrolmentCode>, Error> {
        ctx.require(Permission::EnrolmentRead)?;
        if customer.is_some_and(|asked| !ctx.sees(asked)) {
            return Ok(Page {
                items: Vec::new(),
                next: None,
                total: Some(0),
            });
        }
        Ok(self.store.list(customer.or(ctx.scope()), page).await?)
    }

    /// Withdraws a code.
    pub async fn revoke_code(&self, ctx: &Ctx, id: EnrolmentCodeId) -> Result<(), Error> {
        ctx.require(Permission::EnrolmentWrite)?;
        let code = self.get_code(ctx, id).await?;
        let target = AuditTarget::existing("enrolment_code", id.get());
        let entry = ctx.audit("enrolment_code.revoke", target, json!({}));
        let entry = entry.of_customer(code.customer);
        Ok(self.store.revoke(id, Envelope::audited(entry)).await?)
    }

    /// Turns a code into a terminal's token. Needs no sign-in: the code is the credential.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`] for every fault of the code alike, [`Error::Conflict`] when the customer or the
    /// serial number forbids it, [`Error::Invalid`] naming wrong fields.
    pub async fn enrol(
        &self,
        ctx: &Ctx,
        request: EnrolmentRequest,
        presence: &PresenceSettings,
    ) -> Result<Welcome, Error> {
        let outcome = self.redeem(ctx, request, presence).await;
        outcome.inspect_err(|error| {
            let reason = match error {
                Error::WrongCredentials => "wrong code",
                Error::Conflict(_) => "forbidden by customer or serial number",
                _ => return,
            };
            ctx.refused("terminal.enrol", AuditTarget::created("terminal"), reason);
        })
    }

    async fn redeem(
        &self,
        ctx: &Ctx,
        request: EnrolmentRequest,
        presence: &PresenceSettings,
    ) -> Result<Welcome, Error> {
        let mut errors = FieldErrors::default();
        let model = errors.take("model", clean(&request.model, 1, 50, Lines::One));
        errors.finish()?;
        let code = CodeText::parse(&request.code).map_err(|_| Error::WrongCredentials)?;
        let token = Token::generate(TokenKind::Agent, &*self.random)?;
        let redemption = Redemption {
            code: code.hash(),
            token: token.hash(),
            serial: request.serial,
            model: model.unwrap_or_default(),
            host: request.host,
            reported: request.reported,
            interval_s: presence.default_interval_s,
        };
        let changes = json!({ "serial_number": { "after": redemption.serial.as_str() } });
        let mut entry = ctx.audit("terminal.enrol", AuditTarget::created("terminal"), changes);
        entry.actor = format!("agent:{}", redemption.serial);
        match self
            .store
            .redeem(&redemption, ctx.now, Envelope::audited(entry))
            .await?
        {
            Ok(enrolled) => Ok(Welcome { enrolled, token }),
            Err(Refusal::Code) => Err(Error::WrongCredentials),
            Err(Refusal::State(reason)) => Err(Error::Conflict(reason.to_owned())),
        }
    }
}
