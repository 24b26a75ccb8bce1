//! Choosing a customer by name: people know names, not numbers.

use tms_core::{
    Ctx,
    customer::store::CustomerFilter,
    id::CustomerId,
    page::{Order, PageRequest},
};

use super::form::Form;
use crate::{problem::Problem, state::App};

/// How many customers are proposed; any other is found by its name too.
const PROPOSED: u32 = 100;

/// Returns the names that are proposed.
pub(crate) async fn proposed(app: &App, ctx: &Ctx) -> Result<Vec<String>, Problem> {
    let page = PageRequest::first(PROPOSED);
    let all = CustomerFilter::default();
    let found = app.tms.customers().list(ctx, all, Order::Ascending, &page).await?;
    Ok(found
        .items
        .into_iter()
        .map(|customer| customer.draft.company_name)
        .collect())
}

/// Finds the customer whose name a field holds; none for an empty field. Notes it when there is no such customer.
pub(crate) async fn chosen(app: &App, ctx: &Ctx, form: &mut Form, field: &str) -> Result<Option<CustomerId>, Problem> {
    let Some(name) = form.text(field) else {
        return Ok(None);
    };
    let found = app.tms.customers().find_by_name(ctx, &name).await?;
    if found.is_none() {
        form.errors.add(field, "there is no such customer");
    }
    Ok(found.map(|customer| customer.id))
}

/// Finds the customer whose name a field must hold.
pub(crate) async fn needed(app: &App, ctx: &Ctx, form: &mut Form, field: &str) -> Result<Option<CustomerId>, Problem> {
    if form.text(field).is_none() {
        form.errors.add(field, "is needed");
    }
    chosen(app, ctx, form, field).await
}

/// Returns the name of a customer that something refers to.
pub(crate) async fn name_of(app: &App, ctx: &Ctx, customer: Option<CustomerId>) -> Result<Option<String>, Problem> {
    let Some(id) = customer else {
        return Ok(None);
    };
    Ok(Some(app.tms.customers().get(ctx, id).await?.draft.company_name))
}
