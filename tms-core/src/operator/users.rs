//! What an administrator does with people.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    NewUser, PasswordLink, Profile, Shared, User, UserFilter,
    link::{self, LINK_LIFE},
    password::Passwords,
};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::{Error, FieldErrors},
    id::{Revision, UserId},
    idempotency::{Once, once, unreadable},
    notification::{Invitation, Notifications},
    page::{Order, Page, PageRequest, PageStart},
    permission::{Permission, Role},
    secret::{Secret, Token, TokenKind},
    text::search_key,
    time::Timestamp,
};

/// A person to add, as asked for.
#[derive(Debug, Clone)]
pub struct UserRequest {
    /// The name used to sign in: 3 to 50 of `a-z 0-9 . _ -`.
    pub username: String,
    /// What may be changed later.
    pub profile: Profile,
    /// The first password; without one the person sets it with a link.
    pub password: Option<Secret<String>>,
}

impl UserRequest {
    /// Checks what can be judged without the store; adding the person checks the same.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields.
    pub fn check(&self) -> Result<(), Error> {
        checked(&self.username, self.profile.clone()).map(drop)
    }

    /// Asks for a person with a role and a password, who is bound to no customer.
    pub fn with_password(username: impl Into<String>, role: Role, password: Secret<String>) -> Self {
        Self {
            username: username.into(),
            profile: Profile {
                full_name: String::new(),
                email: None,
                role,
                customer: None,
                is_disabled: false,
            },
            password: Some(password),
        }
    }
}

/// The token of a one-time link with which a person sets a password, shown once.
#[derive(Debug, Clone)]
pub struct ShownLink {
    /// The token; not there for who repeats the request with its key.
    pub token: Option<Token>,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// The whole address, where the installation's is known.
    pub address: Option<Secret<String>>,
    /// Where it was mailed to, if a mail server took it.
    pub mailed_to: Option<String>,
}

/// What an administrator does with people.
#[derive(Debug, Clone)]
pub struct Users {
    shared: Arc<Shared>,
    notifications: Notifications,
    /// Where people find the console.
    public_url: Option<String>,
}

impl Users {
    pub(crate) fn new(shared: Arc<Shared>, notifications: Notifications, public_url: Option<String>) -> Self {
        Self {
            shared,
            notifications,
            public_url,
        }
    }

    /// Returns a person.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, ctx: &Ctx, id: UserId) -> Result<User, Error> {
        ctx.require(Permission::UserRead)?;
        let found = self.shared.stores.users.find(id).await?;
        found.ok_or_else(|| Error::not_found("user", id))
    }

    /// Returns the person of this name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_by_name(&self, ctx: &Ctx, username: &str) -> Result<User, Error> {
        ctx.require(Permission::UserRead)?;
        let name = super::user::fold_username(username);
        let found = self.shared.stores.users.find_by_name(&name).await?;
        found.ok_or_else(|| Error::not_found("user", name))
    }

    /// Lists people by name; `search` is folded here.
    pub async fn list(
        &self,
        ctx: &Ctx,
        mut filter: UserFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<User>, Error> {
        ctx.require(Permission::UserRead)?;
        filter.search = filter.search.as_deref().map(search_key).filter(|key| !key.is_empty());
        Ok(self.shared.stores.users.list(&filter, order, page).await?)
    }

    /// Learns what hashes of other systems people still have (see [`Passwords::expect`]).
    pub(crate) async fn learn_foreign_hashes(&self) -> Result<(), Error> {
        let mut page = PageRequest::first(1_000);
        loop {
            let users = &self.shared.stores.users;
            let found = users.list(&UserFilter::default(), Order::Ascending, &page).await?;
            let hashes: Vec<_> = found.items.into_iter().filter_map(|user| user.password_hash).collect();
            self.shared.passwords().expect(&hashes);
            match found.next {
                Some(cursor) => page.start = PageStart::After(cursor),
                None => return Ok(()),
            }
        }
    }

    /// Adds a person. Without a password in the request the link is there with which the person sets one.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::Conflict`] when the name is taken.
    pub async fn create(&self, ctx: &Ctx, request: UserRequest) -> Result<(User, Option<ShownLink>), Error> {
        ctx.require(Permission::UserWrite)?;
        match self.once(ctx, || self.add(ctx, request.clone())).await? {
            Once::Done(made) => Ok(made),
            Once::Before(known) => {
                let id = UserId::new(known.made()?).map_err(unreadable)?;
                Ok((self.get(ctx, id).await?, link::recall(&known)))
            }
        }
    }

    async fn add(&self, ctx: &Ctx, request: UserRequest) -> Result<(User, Option<ShownLink>), Error> {
        let (username, profile) = checked(&request.username, request.profile)?;
        self.check_customer(&profile).await?;
        let password_hash = match &request.password {
            None => None,
            Some(password) => {
                Passwords::check(password.expose(), &username)?;
                Some(self.shared.passwords().hash(password).await?)
            }
        };
        let until = ctx.now.plus(LINK_LIFE);
        let token = match &password_hash {
            None => Some(self.shared.generate(TokenKind::PasswordLink)?),
            Some(_) => None,
        };
        let changes = json!({
            "username": { "after": username }, "role": { "after": profile.role.as_str() },
            "customer_id": { "after": profile.customer.map(crate::id::CustomerId::get) },
        });
        let target = AuditTarget::created("user");
        let mut with = Envelope::audited(ctx.audit("user.create", target.clone(), changes));
        if token.is_some() {
            with.audit.push(ctx.audit("user.invite", target, link::changes(until)));
        }
        let with = with.once(ctx, link::note(token.as_ref().map(|_| until)));
        let new = NewUser {
            username,
            profile,
            password_hash,
            link: token.as_ref().map(|token| (token.hash(), until)),
        };
        let user = self.shared.stores.users.insert(&new, ctx.now, with).await?;
        let link = match token {
            Some(token) => Some(self.hand_out(ctx, &user, token, until).await),
            None => None,
        };
        Ok((user, link))
    }

    /// Changes a person whose revision is still `seen`. Who is disabled is signed out everywhere at once.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Invalid`], [`Error::Conflict`] when nobody would be left who can manage people.
    pub async fn update(&self, ctx: &Ctx, id: UserId, seen: Revision, next: Profile) -> Result<User, Error> {
        ctx.require(Permission::UserWrite)?;
        let before = self.get(ctx, id).await?;
        let next = next.checked()?;
        if next.customer != before.profile.customer {
            self.check_customer(&next).await?;
        }
        let changes = differences(&before.profile, &next);
        let target = AuditTarget::existing("user", id.get());
        let with = Envelope::audited(ctx.audit("user.update", target, changes));
        Ok(self.shared.stores.users.save(id, &next, seen, with).await?)
    }

    /// Disables or enables the person of this name, as the command line does.
    ///
    /// # Errors
    /// As [`Self::update`], and [`Error::NotFound`].
    pub async fn set_disabled(&self, ctx: &Ctx, username: &str, is_disabled: bool) -> Result<User, Error> {
        let user = self.get_by_name(ctx, username).await?;
        let next = Profile {
            is_disabled,
            ..user.profile
        };
        self.update(ctx, user.id, user.revision, next).await
    }

    /// Deletes a person.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::NotFound`], [`Error::Conflict`] when nobody would be left who can manage people.
    pub async fn delete(&self, ctx: &Ctx, id: UserId, seen: Revision) -> Result<(), Error> {
        ctx.require(Permission::UserWrite)?;
        let user = self.get(ctx, id).await?;
        let changes = json!({ "username": { "before": user.username } });
        let target = AuditTarget::existing("user", id.get());
        let with = Envelope::audited(ctx.audit("user.delete", target, changes));
        Ok(self.shared.stores.users.delete(id, seen, with).await?)
    }

    /// Makes a one-time link with which the person sets a new password; it replaces the one before. The old password
    /// stays good until then.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] for somebody who is disabled.
    pub async fn reset_password(&self, ctx: &Ctx, id: UserId) -> Result<ShownLink, Error> {
        ctx.require(Permission::UserWrite)?;
        match self.once(ctx, || self.make_link(ctx, id)).await? {
            Once::Done(link) => Ok(link),
            Once::Before(known) => link::recall(&known).ok_or_else(|| unreadable("without a link")),
        }
    }

    async fn make_link(&self, ctx: &Ctx, id: UserId) -> Result<ShownLink, Error> {
        let user = self.get(ctx, id).await?;
        if user.profile.is_disabled {
            return Err(Error::Conflict("this person is disabled".to_owned()));
        }
        let token = self.shared.generate(TokenKind::PasswordLink)?;
        let link = PasswordLink {
            user: id,
            hash: token.hash(),
            expires_at: ctx.now.plus(LINK_LIFE),
        };
        let target = AuditTarget::existing("user", id.get());
        let entry = ctx.audit("user.reset_password", target, link::changes(link.expires_at));
        let with = Envelope::audited(entry).once(ctx, link::note(Some(link.expires_at)));
        self.shared.stores.password_links.issue(&link, with).await?;
        Ok(self.hand_out(ctx, &user, token, link.expires_at).await)
    }

    /// Removes the second factor of somebody who has lost it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_second_factor(&self, ctx: &Ctx, id: UserId) -> Result<(), Error> {
        ctx.require(Permission::UserWrite)?;
        self.get(ctx, id).await?;
        let target = AuditTarget::existing("user", id.get());
        let with = Envelope::audited(ctx.audit("second_factor.remove", target, json!({})));
        Ok(self.shared.stores.second_factors.remove(id, with).await?)
    }

    async fn once<T, W>(&self, ctx: &Ctx, work: impl Fn() -> W + Send) -> Result<Once<T>, Error>
    where
        W: Future<Output = Result<T, Error>> + Send,
    {
        once(&*self.shared.stores.idempotency, ctx, work).await
    }

    /// Shows a link that is stored, once, and mails it where that is possible.
    async fn hand_out(&self, ctx: &Ctx, user: &User, token: Token, expires_at: Timestamp) -> ShownLink {
        let address = self.public_url.as_deref().map(|url| link::address(url, &token));
        let mailed_to = match &address {
            Some(address) => self.mail(ctx, user, address, expires_at).await,
            None => None,
        };
        ShownLink {
            token: Some(token),
            expires_at,
            address,
            mailed_to,
        }
    }

    /// Mails a link to its person; returns where to, if the mail server took it. The administrator has it anyhow, so
    /// that no failure is theirs.
    async fn mail(&self, ctx: &Ctx, user: &User, address: &Secret<String>, until: Timestamp) -> Option<String> {
        let email = user.profile.email.as_deref()?;
        let invitation = Invitation {
            user: user.id,
            username: &user.username,
            email,
            link: address.expose(),
            until,
        };
        match self.notifications.invite(ctx, invitation).await {
            Ok(is_sent) => is_sent.then(|| email.to_owned()),
            Err(error) => {
                tracing::warn!(error = %error, "a password link could not be mailed");
                None
            }
        }
    }

    async fn check_customer(&self, profile: &Profile) -> Result<(), Error> {
        let Some(customer) = profile.customer else {
            return Ok(());
        };
        if self.shared.stores.customers.find(customer).await?.is_none() {
            return Err(FieldErrors::single("customer_id", "there is no such customer"));
        }
        Ok(())
    }
}

/// Returns name and profile, or the faults of both.
fn checked(username: &str, profile: Profile) -> Result<(String, Profile), Error> {
    let mut errors = FieldErrors::default();
    let username = errors.take("username", super::user::check_username(username));
    match (profile.checked(), username) {
        (Ok(profile), Some(username)) => Ok((username, profile)),
        (Ok(_), None) => Err(Error::Invalid(errors)),
        (Err(Error::Invalid(found)), _) => {
            errors.merge(found);
            Err(Error::Invalid(errors))
        }
        (Err(error), _) => Err(error),
    }
}

/// Returns the fields that differ, before and after.
fn differences(before: &Profile, after: &Profile) -> Value {
    let document = |p: &Profile| {
        [
            ("full_name", json!(p.full_name)),
            ("email", json!(p.email)),
            ("role", json!(p.role.as_str())),
            ("customer_id", json!(p.customer.map(crate::id::CustomerId::get))),
            ("is_disabled", json!(p.is_disabled)),
        ]
    };
    let pairs = document(before).into_iter().zip(document(after));
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    let fields: Map<_, _> = changed
        .map(|((field, before), (_, after))| (field.to_owned(), json!({ "before": before, "after": after })))
        .collect();
    Value::Object(fields)
}
