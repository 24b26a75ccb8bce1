//! One person: added, changed, disabled, deleted.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx, Error,
    customer::store::CustomerFilter,
    id::{CustomerId, Revision, UserId},
    operator::{Profile, User, users::UserRequest},
    page::{MAX_PER_PAGE, Order, PageRequest},
    permission::{Permission as P, Role},
};

use super::{LinkPage, PATH, company};
use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go, go_saying, page, page_as},
        flash::Flash,
        form::Form,
        frame::Frame,
        visit::Visit,
    },
    extract::PathId,
    problem::Problem,
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/users/new", show_new)
        .post("/users/new", create)
        .get("/users/{id}", show)
        .post("/users/{id}", update)
        .post("/users/{id}/disable", disable)
        .post("/users/{id}/enable", enable)
        .post("/users/{id}/delete", delete)
}

#[derive(Template)]
#[template(path = "user_new.html")]
struct NewPage {
    f: Arc<Frame>,
    form: Form,
    customers: Vec<(CustomerId, String)>,
}

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage {
    f: Arc<Frame>,
    user: User,
    customer: Option<String>,
    form: Form,
    customers: Vec<(CustomerId, String)>,
    may_audit: bool,
}

/// `GET /users/new`: asks for the fresh proof before anything is typed.
async fn show_new(State(app): State<App>, visit: Visit) -> Answer {
    visit.ctx.require(P::UserRead)?;
    visit.fresh()?;
    let Visit { ctx, f } = visit;
    let form = Form::of([("role", Role::Viewer.as_str().to_owned())]);
    let customers = customers(&app, &ctx).await?;
    page(&NewPage { f, form, customers })
}

/// `POST /users/new`: the answer shows this once how the person sets a password.
async fn create(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    ctx.require(P::UserWrite)?;
    if let Some(profile) = read_profile(&mut form, false) {
        let request = UserRequest {
            username: form.value("username").to_owned(),
            profile,
            password: None,
        };
        match app.tms.users().create(&ctx, request).await {
            Ok((user, Some(link))) => return page_as(StatusCode::CREATED, &LinkPage::of(f, user, &link)),
            Ok((user, None)) => return go(&f.url(format!("{PATH}/{}", user.id))),
            Err(error) => form.refuse(&f, error)?,
        }
    }
    let customers = customers(&app, &ctx).await?;
    page_as(StatusCode::UNPROCESSABLE_ENTITY, &NewPage { f, form, customers })
}

/// `GET /users/{id}`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<UserId>) -> Answer {
    let user = app.tms.users().get(&ctx, id).await?;
    let form = filled(&user);
    show_user(&app, &ctx, f, StatusCode::OK, user, form).await
}

/// `POST /users/{id}`
async fn update(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<UserId>, mut form: Form) -> Answer {
    ctx.require(P::UserWrite)?;
    let present = app.tms.users().get(&ctx, id).await?;
    let seen = form.need::<i64>("revision").map(Revision);
    let next = read_profile(&mut form, present.profile.is_disabled);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let (Some(seen), Some(next)) = (seen, next) {
        match app.tms.users().update(&ctx, id, seen, next).await {
            Ok(user) => {
                let said = Flash::good("users.saved", &[&user.username]);
                return go_saying(&f.url(format!("{PATH}/{id}")), &said);
            }
            Err(error) => {
                if matches!(error, Error::Stale(_)) {
                    status = StatusCode::PRECONDITION_FAILED;
                }
                form.refuse(&f, error)?;
            }
        }
    }
    let user = app.tms.users().get(&ctx, id).await?;
    if status == StatusCode::PRECONDITION_FAILED {
        // What somebody else has written is shown, with the revision that a second try needs.
        let fault = form.fault.take();
        form = filled(&user);
        form.fault = fault;
    }
    show_user(&app, &ctx, f, status, user, form).await
}

/// `POST /users/{id}/disable`
async fn disable(State(app): State<App>, visit: Visit, PathId(id): PathId<UserId>, form: Form) -> Answer {
    set_disabled(&app, visit, id, form, true).await
}

/// `POST /users/{id}/enable`
async fn enable(State(app): State<App>, visit: Visit, PathId(id): PathId<UserId>, form: Form) -> Answer {
    set_disabled(&app, visit, id, form, false).await
}

async fn set_disabled(app: &App, Visit { ctx, f }: Visit, id: UserId, mut form: Form, is_disabled: bool) -> Answer {
    ctx.require(P::UserWrite)?;
    let user = app.tms.users().get(&ctx, id).await?;
    let seen = form.need::<i64>("revision").map(Revision);
    let to = f.url(format!("{PATH}/{id}"));
    let next = Profile {
        is_disabled,
        ..user.profile
    };
    let Some(seen) = seen else {
        return Err(Problem::invalid(form.errors));
    };
    let key = if is_disabled { "users.disabled" } else { "users.enabled" };
    match app.tms.users().update(&ctx, id, seen, next).await {
        Ok(user) => go_saying(&to, &Flash::good(key, &[&user.username])),
        Err(Error::Conflict(_)) => go_saying(&to, &Flash::bad("users.last_administrator", &[])),
        Err(error) => Err(error.into()),
    }
}

/// `POST /users/{id}/delete`
async fn delete(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<UserId>, mut form: Form) -> Answer {
    ctx.require(P::UserWrite)?;
    let user = app.tms.users().get(&ctx, id).await?;
    let Some(seen) = form.need::<i64>("revision").map(Revision) else {
        return Err(Problem::invalid(form.errors));
    };
    match app.tms.users().delete(&ctx, id, seen).await {
        Ok(()) => go_saying(&f.url(PATH), &Flash::good("users.deleted", &[&user.username])),
        Err(Error::Conflict(_)) => {
            let to = f.url(format!("{PATH}/{id}"));
            go_saying(&to, &Flash::bad("users.last_administrator", &[]))
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_user(app: &App, ctx: &Ctx, f: Arc<Frame>, status: StatusCode, user: User, form: Form) -> Answer {
    let customer = company(app, ctx, user.profile.customer).await?;
    let customers = customers(app, ctx).await?;
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

/// Returns the first customers by name, to choose from.
async fn customers(app: &App, ctx: &Ctx) -> Result<Vec<(CustomerId, String)>, Error> {
    let first = PageRequest::first(MAX_PER_PAGE);
    let all = CustomerFilter::default();
    let found = app.tms.customers().list(ctx, all, Order::Ascending, &first).await?;
    let named = found.items.into_iter();
    Ok(named
        .map(|customer| (customer.id, customer.draft.company_name))
        .collect())
}

/// Puts what is stored into a form.
fn filled(user: &User) -> Form {
    let profile = &user.profile;
    Form::of([
        ("full_name", profile.full_name.clone()),
        ("email", profile.email.clone().unwrap_or_default()),
        ("role", profile.role.as_str().to_owned()),
        (
            "customer_id",
            profile.customer.map(|id| id.to_string()).unwrap_or_default(),
        ),
        ("revision", user.revision.0.to_string()),
    ])
}

fn read_profile(form: &mut Form, is_disabled: bool) -> Option<Profile> {
    let role = form.need("role");
    let customer = form.read("customer_id");
    if !form.errors.is_empty() {
        return None;
    }
    Some(Profile {
        full_name: form.value("full_name").trim().to_owned(),
        email: form.text("email"),
        role: role?,
        customer,
        is_disabled,
    })
}
