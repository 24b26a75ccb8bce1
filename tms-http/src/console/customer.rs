//! The pages of customers.

/// Spells the address of a page below the list.
macro_rules! at {
    ($($rest:literal)?) => {
        concat!("/customers"$(, $rest)?)
    };
}

mod edit;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use tms_core::{
    customer::{Customer, store::CustomerFilter},
    page::Order,
    permission::Permission as P,
};

use super::{
    answer::{Answer, page},
    frame::Frame,
    list::{Choice, Pager, either},
    visit::Visit,
};
use crate::{api::routes::Routes, extract::Params, paging::Paging, state::App};

const PATH: &str = at!();

pub(super) fn routes() -> Routes {
    Routes::default().get(PATH, list_customers).merge(edit::routes())
}

#[derive(Template)]
#[template(path = "customers.html")]
struct CustomersPage {
    f: Arc<Frame>,
    rows: Vec<Customer>,
    pager: Pager,
    search: String,
    states: Vec<Choice>,
    may_add: bool,
}

/// `GET /customers`
async fn list_customers(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    let search = params.text("search");
    let is_active = params.flag("is_active");
    let filter = CustomerFilter {
        only: None,
        search: search.clone(),
        is_active,
    };
    let paging = Paging::take_of_page(&app, &ctx, PATH, params)?;
    let found = app
        .tms
        .customers()
        .list(&ctx, filter, Order::Ascending, &paging.request)
        .await?;
    let list = paging.envelope(&app, found);
    page(&CustomersPage {
        pager: Pager::of(&f, &list.meta, list.links),
        rows: list.data,
        search: search.unwrap_or_default(),
        states: either(
            is_active,
            f.t("customers.is.active").to_owned(),
            f.t("customers.is.inactive").to_owned(),
        ),
        may_add: f.may(P::CustomerWrite) && ctx.scope().is_none(),
        f,
    })
}
