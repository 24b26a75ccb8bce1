//! Customers.

mod convert;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    customer::{Customer, store::CustomerFilter},
    id::CustomerId,
    page::Order,
    permission::{Permission, Permission as P},
};

use super::field::created;
use crate::{
    api::routes::Routes,
    extract::{Etag, IfMatch, JsonBody, Params, PathId, Repeatable, SignedIn},
    paging::{Paging, take_order},
    problem::Problem,
    state::App,
    wire::{List, customer as wire},
};

const PATH: &str = "/customers";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/customers", list_customers)
        .doc("Lists customers by name", |d| {
            d.needs(P::CustomerRead)
                .query::<wire::CustomerQuery>()
                .list::<wire::Customer>()
        })
        .post("/customers", create_customer)
        .doc("Adds a customer", |d| {
            d.needs(P::CustomerWrite)
                .takes("Idempotency-Key")
                .body::<wire::CustomerCreate>()
                .created::<wire::Customer>()
                .tagged()
        })
        .get("/customers/{id}", get_customer)
        .doc("Returns a customer", |d| {
            d.needs(P::CustomerRead).answers::<wire::Customer>().tagged()
        })
        .patch("/customers/{id}", update_customer)
        .doc("Changes a customer", |d| {
            d.needs(P::CustomerWrite)
                .if_match()
                .body::<wire::CustomerPatch>()
                .answers::<wire::Customer>()
                .tagged()
        })
        .delete("/customers/{id}", delete_customer)
        .doc("Deletes a customer that has no terminals", |d| {
            d.needs(P::CustomerWrite).if_match().empty()
        })
}

/// `GET /customers`
async fn list_customers(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<List<wire::Customer>>, Problem> {
    let filter = CustomerFilter {
        only: None,
        search: params.text("search"),
        is_active: params.flag("is_active"),
    };
    params.one_of("sort", &["company_name"]);
    let order = take_order(&mut params, Order::Ascending);
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.customers().list(&ctx, filter, order, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /customers/{id}`
async fn get_customer(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<CustomerId>,
) -> Result<Response, Problem> {
    Ok(show(app.tms.customers().get(&ctx, id).await?))
}

/// `POST /customers`
async fn create_customer(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::CustomerWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let draft = body.begin()?.end(convert::draft)?;
    let made = app.tms.customers().create(&ctx, draft).await?;
    let etag = Etag(made.revision);
    Ok((etag, created(&app, PATH, made.id.get(), wire::Customer::from(made))).into_response())
}

/// `PATCH /customers/{id}`
async fn update_customer(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<CustomerId>,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::CustomerWrite)?;
    let (if_match, patch) = (if_match.required()?, body.begin()?);
    let present = app.tms.customers().get(&ctx, id).await?;
    let seen = if_match.check(present.revision)?;
    let draft = patch.end(|patch, faults| convert::patched(present.draft, patch, faults))?;
    Ok(show(app.tms.customers().update(&ctx, id, seen, draft).await?))
}

/// `DELETE /customers/{id}`
async fn delete_customer(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<CustomerId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    ctx.require(Permission::CustomerWrite)?;
    let if_match = if_match.required()?;
    let seen = if_match.check(app.tms.customers().get(&ctx, id).await?.revision)?;
    app.tms.customers().delete(&ctx, id, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show(customer: Customer) -> Response {
    (Etag(customer.revision), Json(wire::Customer::from(customer))).into_response()
}
