//! People: who may sign in, as what, and how they get in again.

/// Spells the address of a page below the list.
macro_rules! at {
    ($($rest:literal)?) => {
        concat!("/users"$(, $rest)?)
    };
}

mod edit;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use tms_core::{
    id::UserId,
    operator::{User, UserFilter, users::ShownLink},
    page::Order,
    permission::Role,
    time::Timestamp,
};

use super::{
    answer::{Answer, go_saying, page},
    customer_choice::name_of,
    flash::Flash,
    form::Form,
    frame::Frame,
    list::{Choice, Pager, choices, either},
    visit::Visit,
};
use crate::{
    api::routes::Routes,
    extract::{Params, PathId},
    paging::Paging,
    state::App,
};

const PATH: &str = at!();

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(PATH, list_users)
        .merge(edit::routes())
        .post(at!("/{id}/password-reset"), reset_password)
        .post(at!("/{id}/second-factor"), remove_second_factor)
}

/// A person of the list.
struct Row {
    user: User,
    customer: Option<String>,
}

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    f: Arc<Frame>,
    rows: Vec<Row>,
    pager: Pager,
    search: String,
    roles: Vec<Choice>,
    states: Vec<Choice>,
}

/// What is shown this once: how a person sets a password.
#[derive(Template)]
#[template(path = "user_link.html")]
struct LinkPage {
    f: Arc<Frame>,
    user: User,
    /// The address below the one of the console; none for who repeats a request.
    address: Option<String>,
    /// Where it was mailed to, too.
    mailed_to: Option<String>,
    expires_at: Timestamp,
}

impl LinkPage {
    fn of(f: Arc<Frame>, user: User, link: &ShownLink) -> Self {
        let token = link.token.as_ref();
        Self {
            address: token.map(|token| f.url(format!("/password-reset#token={}", token.expose()))),
            mailed_to: link.mailed_to.clone(),
            expires_at: link.expires_at,
            user,
            f,
        }
    }
}

/// `GET /users`
async fn list_users(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    let role: Option<Role> = params.value("role");
    let is_disabled = params.flag("is_disabled");
    let search = params.text("search");
    let filter = UserFilter {
        role,
        is_disabled,
        search: search.clone(),
    };
    let paging = Paging::take_of_page(&app, &ctx, PATH, params)?;
    let found = app
        .tms
        .users()
        .list(&ctx, filter, Order::Ascending, &paging.request)
        .await?;
    let list = paging.envelope(&app, found);
    let mut rows = Vec::with_capacity(list.data.len());
    for user in list.data {
        let customer = name_of(&app, &ctx, user.profile.customer).await?;
        rows.push(Row { user, customer });
    }
    page(&UsersPage {
        rows,
        search: search.unwrap_or_default(),
        roles: choices(&f, "role", Role::ALL, role.as_ref()),
        states: either(
            is_disabled,
            f.t("users.is.disabled").to_owned(),
            f.t("users.is.active").to_owned(),
        ),
        pager: Pager::of(&f, &list.meta, list.links),
        f,
    })
}

/// `POST /users/{id}/password-reset`: shows the link this once.
async fn reset_password(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<UserId>,
    _: Form,
) -> Answer {
    let link = app.tms.users().reset_password(&ctx, id).await?;
    let user = app.tms.users().get(&ctx, id).await?;
    page(&LinkPage::of(f, user, &link))
}

/// `POST /users/{id}/second-factor`: removes it, for who has lost both the app and the recovery codes.
async fn remove_second_factor(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<UserId>,
    _: Form,
) -> Answer {
    let user = app.tms.users().get(&ctx, id).await?;
    app.tms.users().remove_second_factor(&ctx, id).await?;
    let said = Flash::good("users.second_factor_removed", &[&user.username]);
    go_saying(&f.url(format!("{PATH}/{id}")), &said)
}
