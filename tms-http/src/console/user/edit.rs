//! One person: added, changed, disabled, deleted.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx, Error,
    id::UserId,
    operator::{Profile, User, users::UserRequest},
    permission::{Permission as P, Role},
};

use super::{LinkPage, PATH};
use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go, go_saying, page, page_as},
        customer_choice::{chosen, name_of, proposed},
        flash::Flash,
        form::Form,
        frame::Frame,
        kept::Kept,
        visit::Visit,
    },
    extract::PathId,
    problem::Problem,
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(at!("/new"), show_new)
        .post(at!("/new"), create)
        .get(at!("/{id}"), show)
        .post(at!("/{id}"), update)
        .post(at!("/{id}/disable"), disable)
        .post(at!("/{id}/enable"), enable)
        .post(at!("/{id}/delete"), delete)
}

#[derive(Template)]
#[template(path = "user_new.html")]
struct NewPage {
    f: Arc<Frame>,
    form: Form,
    customers: Vec<String>,
}

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage {
    f: Arc<Frame>,
    user: User,
    customer: Option<String>,
    form: Form,
    customers: Vec<String>,
    may_audit: bool,
}

/// `GET /users/new`: asks for the fresh proof before anything is typed.
async fn show_new(State(app): State<App>, visit: Visit) -> Answer {
    visit.ctx.require(P::UserRead)?;
    visit.fresh()?;
    let Visit { ctx, f } = visit;
    let form = Form::of([("role", Role::Viewer.as_str().to_owned())]);
    let customers = proposed(&app, &ctx).await?;
    page(&NewPage { f, form, customers })
}

/// `POST /users/new`: the answer shows this once how the person sets a password.
async fn create(State(app): State<App>, Visit { ctx, f }: Visit, Kept(mut form): Kept) -> Answer {
    ctx.require(P::UserWrite)?;
    let profile = read_profile(&app, &ctx, &mut form, false).await?;
    let username = form.value("username").to_owned();
    let request = profile.map(|profile| UserRequest {
        username,
        profile,
        password: None,
    });
    let made = form
        .carry_out(&f, request, |request| app.tms.users().create(&ctx, request))
        .await?;
    let status = match made {
        Ok((user, Some(link))) => return page_as(StatusCode::CREATED, &LinkPage::of(f, user, &link)),
        Ok((user, None)) => return go(&f.url(format!("{PATH}/{}", user.id))),
        Err(status) => status,
    };
    let customers = proposed(&app, &ctx).await?;
    page_as(status, &NewPage { f, form, customers })
}

/// `GET /users/{id}`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<UserId>) -> Answer {
    let user = app.tms.users().get(&ctx, id).await?;
    show_user(&app, &ctx, f, StatusCode::OK, user, None).await
}

/// `POST /users/{id}`
async fn update(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<UserId>,
    Kept(mut form): Kept,
) -> Answer {
    ctx.require(P::UserWrite)?;
    let users = app.tms.users();
    let is_disabled = users.get(&ctx, id).await?.profile.is_disabled;
    let wish = form.seen().zip(read_profile(&app, &ctx, &mut form, is_disabled).await?);
    let saved = form
        .carry_out(&f, wish, |(seen, next)| users.update(&ctx, id, seen, next))
        .await?;
    let status = match saved {
        Ok(user) => {
            let said = Flash::good("users.saved", &[&user.username]);
            return go_saying(&f.url(format!("{PATH}/{id}")), &said);
        }
        Err(status) => status,
    };
    let user = users.get(&ctx, id).await?;
    show_user(&app, &ctx, f, status, user, Some(form)).await
}

/// `POST /users/{id}/disable`
async fn disable(State(app): State<App>, visit: Visit, PathId(id): PathId<UserId>, form: Form) -> Answer {
    set_disabled(&app, visit, id, form, true).await
}

/// `POST /users/{id}/enable`
async fn enable(State(app): State<App>, visit: Visit, PathId(id): PathId<UserId>, form: Form) -> Answer {
    set_disabled(&app, visit, id, form, false).await
}

async fn set_disabled(app: &App, Visit { ctx, f }: Visit, id: UserId, form: Form, is_disabled: bool) -> Answer {
    ctx.require(P::UserWrite)?;
    let user = app.tms.users().get(&ctx, id).await?;
    let seen = form.must_have_seen()?;
    let to = f.url(format!("{PATH}/{id}"));
    let next = Profile {
        is_disabled,
        ..user.profile
    };
    let key = if is_disabled { "users.disabled" } else { "users.enabled" };
    match app.tms.users().update(&ctx, id, seen, next).await {
        Ok(user) => go_saying(&to, &Flash::good(key, &[&user.username])),
        Err(Error::Conflict(_)) => go_saying(&to, &Flash::bad("users.last_administrator", &[])),
        Err(error) => Err(error.into()),
    }
}

/// `POST /users/{id}/delete`
async fn delete(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<UserId>, form: Form) -> Answer {
    ctx.require(P::UserWrite)?;
    let user = app.tms.users().get(&ctx, id).await?;
    let seen = form.must_have_seen()?;
    match app.tms.users().delete(&ctx, id, seen).await {
        Ok(()) => go_saying(&f.url(PATH), &Flash::good("users.deleted", &[&user.username])),
        Err(Error::Conflict(_)) => {
            let to = f.url(format!("{PATH}/{id}"));
            go_saying(&to, &Flash::bad("users.last_administrator", &[]))
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_user(app: &App, ctx: &Ctx, f: Arc<Frame>, status: StatusCode, user: User, typed: Option<Form>) -> Answer {
    let customer = name_of(app, ctx, user.profile.customer).await?;
    let present = || filled(&user, customer.clone());
    let form = typed.map_or_else(present, |typed| typed.or_present(status, present));
    let customers = proposed(app, ctx).await?;
    let may_audit = f.may(P::AuditRead);
    page_as(
        status,
        &UserPage {
            f,
            user,
            customer,
            form,
            customers,
            may_audit,
        },
    )
}

/// Puts what is stored into a form.
fn filled(user: &User, customer: Option<String>) -> Form {
    let profile = &user.profile;
    Form::of([
        ("full_name", profile.full_name.clone()),
        ("email", profile.email.clone().unwrap_or_default()),
        ("role", profile.role.as_str().to_owned()),
        ("only_customer", customer.unwrap_or_default()),
        ("revision", user.revision.0.to_string()),
    ])
}

async fn read_profile(app: &App, ctx: &Ctx, form: &mut Form, is_disabled: bool) -> Result<Option<Profile>, Problem> {
    let role = form.need("role");
    let customer = chosen(app, ctx, form, "only_customer").await?;
    if !form.errors.is_empty() {
        return Ok(None);
    }
    Ok(role.map(|role| Profile {
        full_name: form.value("full_name").trim().to_owned(),
        email: form.text("email"),
        role,
        customer,
        is_disabled,
    }))
}
