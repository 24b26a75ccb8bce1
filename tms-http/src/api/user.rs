//! People, as administrators manage them.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    Error,
    error::FieldErrors,
    id::{CustomerId, UserId},
    operator::{
        Profile, User, UserFilter,
        users::{ShownLink, UserRequest},
    },
    page::Order,
    permission::{Permission, Permission as P, Role},
};

use super::field::{created, id, non_empty};
use crate::{
    api::routes::Routes,
    extract::{Etag, IfMatch, JsonBody, Params, PathId, Repeatable, SignedIn},
    paging::{Paging, take_order},
    problem::Problem,
    state::App,
    wire::{List, Patch, user as wire},
};

const PATH: &str = "/users";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/users", list_users)
        .doc("Lists people by name", |d| {
            d.needs(P::UserRead).query::<wire::UserQuery>().list::<wire::User>()
        })
        .post("/users", create_user)
        .doc("Adds a person, and makes a one-time link for the first password", |d| {
            d.needs(P::UserWrite)
                .takes("Idempotency-Key")
                .body::<wire::UserCreate>()
                .created::<wire::UserCreated>()
                .tagged()
                .more("The token of the link is shown this once; whoever repeats the request with its key gets null.")
        })
        .get("/users/{id}", get_user)
        .doc("Returns a person", |d| {
            d.needs(P::UserRead).answers::<wire::User>().tagged()
        })
        .patch("/users/{id}", update_user)
        .doc(
            "Changes a person; a lower role and disabling act within a second",
            |d| {
                d.needs(P::UserWrite)
                    .if_match()
                    .body::<wire::UserPatch>()
                    .answers::<wire::User>()
                    .tagged()
                    .more("The last administrator stays one.")
            },
        )
        .delete("/users/{id}", delete_user)
        .doc("Deletes a person; the audit trail keeps the name", |d| {
            d.needs(P::UserWrite).if_match().empty()
        })
        .post("/users/{id}/password-reset", reset_password)
        .doc("Makes a one-time link for a new password", |d| {
            d.needs(P::UserWrite)
                .takes("Idempotency-Key")
                .makes::<wire::PasswordLink>()
                .refuses(422)
                .more("The token is shown this once.")
        })
        .delete("/users/{id}/mfa", remove_second_factor)
        .doc("Removes a second factor that was lost", |d| {
            d.needs(P::UserWrite).empty()
        })
}

/// `GET /users`
async fn list_users(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<List<wire::User>>, Problem> {
    ctx.require(Permission::UserRead)?;
    let filter = UserFilter {
        role: params.value("role"),
        is_disabled: params.flag("is_disabled"),
        search: params.text("search"),
    };
    params.one_of("sort", &["username"]);
    let order = take_order(&mut params, Order::Ascending);
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.users().list(&ctx, filter, order, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /users/{id}`
async fn get_user(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<UserId>,
) -> Result<Response, Problem> {
    Ok(show(app.tms.users().get(&ctx, id).await?))
}

/// `POST /users`: the answer shows this once with what the person sets the first password.
async fn create_user(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::UserWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let request = body.begin()?.end(check)?;
    let (user, link) = app.tms.users().create(&ctx, request).await?;
    let link = link.ok_or_else(|| Error::Internal("a person without a password has no link".into()))?;
    let (etag, id) = (Etag(user.revision), user.id.get());
    let body = wire::UserCreated {
        user: user.into(),
        password_link: link.into(),
    };
    Ok((etag, created(&app, PATH, id, body)).into_response())
}

/// `PATCH /users/{id}`
async fn update_user(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<UserId>,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::UserWrite)?;
    let (if_match, patch) = (if_match.required()?, body.begin()?);
    let present = app.tms.users().get(&ctx, id).await?;
    let seen = if_match.check(present.revision)?;
    let next = patch.end(|patch, faults| patched(present.profile, patch, faults))?;
    Ok(show(app.tms.users().update(&ctx, id, seen, next).await?))
}

/// `DELETE /users/{id}`
async fn delete_user(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<UserId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    ctx.require(Permission::UserWrite)?;
    let if_match = if_match.required()?;
    let seen = if_match.check(app.tms.users().get(&ctx, id).await?.revision)?;
    app.tms.users().delete(&ctx, id, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /users/{id}/password-reset`: the answer shows the one-time token this once.
async fn reset_password(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<UserId>,
    repeatable: Repeatable,
) -> Result<Response, Problem> {
    ctx.require(Permission::UserWrite)?;
    let ctx = repeatable.of(ctx, &[])?;
    let link: wire::PasswordLink = app.tms.users().reset_password(&ctx, id).await?.into();
    Ok((StatusCode::CREATED, Json(link)).into_response())
}

/// `DELETE /users/{id}/mfa`: for who has lost both the app and the recovery codes.
async fn remove_second_factor(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, Problem> {
    app.tms.users().remove_second_factor(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show(user: User) -> Response {
    (Etag(user.revision), Json(wire::User::from(user))).into_response()
}

fn check(request: wire::UserCreate, mut errors: FieldErrors) -> Result<UserRequest, Problem> {
    let role = errors.take("role", request.role.parse::<Role>());
    let customer = request.customer_id.map(CustomerId::new);
    let customer = customer.and_then(|made| id(&mut errors, "customer_id", made));
    let request = UserRequest {
        username: request.username,
        profile: Profile {
            full_name: request.full_name.unwrap_or_default(),
            email: non_empty(request.email),
            // A stand-in for what is named as wrong already, so that the rest is looked at too.
            role: role.unwrap_or(Role::Viewer),
            customer,
            is_disabled: false,
        },
        password: None,
    };
    errors.fill(request.check());
    errors.finish()?;
    Ok(request)
}

/// Carries out the wishes of a PATCH.
fn patched(mut profile: Profile, patch: wire::UserPatch, mut errors: FieldErrors) -> Result<Profile, Problem> {
    if let Some(role) = patch.role.and_then(|name| errors.take("role", name.parse())) {
        profile.role = role;
    }
    match patch.customer_id {
        Patch::Keep => {}
        Patch::Clear => profile.customer = None,
        Patch::Set(raw) => profile.customer = id(&mut errors, "customer_id", CustomerId::new(raw)),
    }
    if let Some(full_name) = patch.full_name {
        profile.full_name = full_name;
    }
    patch.email.apply(&mut profile.email);
    if let Some(is_disabled) = patch.is_disabled {
        profile.is_disabled = is_disabled;
    }
    errors.fill(profile.clone().checked());
    errors.finish()?;
    Ok(profile)
}

impl From<User> for wire::User {
    fn from(user: User) -> Self {
        let profile = user.profile;
        Self {
            id: user.id.get(),
            username: user.username,
            full_name: profile.full_name,
            email: profile.email,
            role: profile.role.as_str().into(),
            customer_id: profile.customer.map(CustomerId::get),
            is_disabled: profile.is_disabled,
            has_password: user.password_hash.is_some(),
            mfa_enabled: user.has_second_factor,
            created_at: user.created_at.to_string(),
        }
    }
}

impl From<ShownLink> for wire::PasswordLink {
    fn from(link: ShownLink) -> Self {
        Self {
            token: link.token.map(|token| token.expose().to_owned()),
            expires_at: link.expires_at.to_string(),
            address: link.address.map(|address| address.expose().clone()),
            mailed_to: link.mailed_to,
        }
    }
}
