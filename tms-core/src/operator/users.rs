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
        self.clone().checked().map(drop)
    }

    fn checked(self) -> Result<(String, Profile), Error> {
        let username = super::user::check_username(&self.username);
        both(
            username.map_err(|e| FieldErrors::single("username", e.0)),
            self.profile.checked(),
        )
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
        let password = request.password.clone();
        let (username, profile) = request.checked()?;
        self.check_customer(&profile).await?;
        let password_hash = match &password {
            None => None,
            Some(password) => {
                Passwords::check(password.expose(), &username)?;
                Some(self.shared.passwords().hash(password).await?)
            }
        };
        let needs_link = password_hash.is_none();
        let changes = json!({
            "username": { "after": username }, "role": { "after": profile.role.as_str() },
            "customer_id": { "after": profile.customer.map(crate::id::CustomerId::get) },
        });
        let with = Envelope::audited(ctx.audit("user.create", AuditTarget::created("user"), changes));
        let with = with.once(ctx, link::note(needs_link.then(|| ctx.now.plus(LINK_LIFE))));
        let new = NewUser {
            username,
            profile,
            password_hash,
        };
        let user = self.shared.stores.users.insert(&new, ctx.now, with).await?;
        let link = if needs_link {
            Some(self.issue(ctx, &user, "user.invite", None).await?)
        } else {
            None
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
        let remembered = Some(link::note(Some(ctx.now.plus(LINK_LIFE))));
        self.issue(ctx, &user, "user.reset_password", remembered).await
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

    /// Makes a link; `answer` is what is remembered for the key of the request, unless another act does so.
    async fn issue(
        &self,
        ctx: &Ctx,
        user: &User,
        action: &'static str,
        answer: Option<Value>,
    ) -> Result<ShownLink, Error> {
        let token = self.shared.generate(TokenKind::PasswordLink)?;
        let link = PasswordLink {
            user: user.id,
            hash: token.hash(),
            expires_at: ctx.now.plus(LINK_LIFE),
        };
        let target = AuditTarget::existing("user", user.id.get());
        let changes = json!({ "expires_at": link.expires_at.to_string() });
        let mut with = Envelope::audited(ctx.audit(action, target, changes));
        if let Some(answer) = answer {
            with = with.once(ctx, answer);
        }
        self.shared.stores.password_links.issue(&link, with).await?;
        let address = self.public_url.as_deref().map(|url| link::address(url, &token));
        let mailed_to = match &address {
            Some(address) => self.mail(ctx, user, address, link.expires_at).await,
            None => None,
        };
        Ok(ShownLink {
            token: Some(token),
            expires_at: link.expires_at,
            address,
            mailed_to,
        })
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

/// Returns both values, or the faults of both.
fn both<A, B>(a: Result<A, Error>, b: Result<B, Error>) -> Result<(A, B), Error> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(Error::Invalid(mut all)), Err(Error::Invalid(more))) => {
            for (field, messages) in more.iter() {
                for message in messages {
                    all.add(field, message.clone());
                }
            }
            Err(Error::Invalid(all))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
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
