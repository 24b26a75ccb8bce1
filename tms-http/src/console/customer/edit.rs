//! One customer: added, shown, changed, deleted.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx, Error,
    customer::{ContractType, Customer, CustomerDraft},
    id::{CustomerId, Revision},
    permission::Permission as P,
    text::InvalidText,
};

use super::PATH;
use crate::{
    api::{field::optional_date, routes::Routes},
    console::{
        answer::{Answer, go_saying, page, page_as},
        flash::Flash,
        form::Form,
        frame::Frame,
        visit::Visit,
    },
    extract::PathId,
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(at!("/new"), show_new)
        .post(at!("/new"), create)
        .get(at!("/{id}"), show)
        .post(at!("/{id}"), update)
        .post(at!("/{id}/delete"), delete)
}

/// A customer with the form that changes it, or the form for a new one.
#[derive(Template)]
#[template(path = "customer.html")]
struct CustomerPage {
    f: Arc<Frame>,
    customer: Option<Customer>,
    form: Form,
    may_change: bool,
    /// Whether what was agreed with the customer may be changed, which those who are bound to it may not.
    may_agree: bool,
    may_delete: bool,
    may_audit: bool,
}

/// `GET /customers/new`
async fn show_new(Visit { ctx, f }: Visit) -> Answer {
    ctx.require(P::CustomerWrite)?;
    let form = filled(&CustomerDraft::named(""), None);
    page(&new_page(f, form))
}

/// `POST /customers/new`
async fn create(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    ctx.require(P::CustomerWrite)?;
    let draft = read(&mut form);
    let made = form
        .carry_out(&f, draft, |draft| app.tms.customers().create(&ctx, draft))
        .await?;
    let status = match made {
        Ok(made) => {
            let said = Flash::good("customers.added", &[&made.draft.company_name]);
            return go_saying(&f.url(format!("{PATH}/{}", made.id)), &said);
        }
        Err(status) => status,
    };
    page_as(status, &new_page(f, form))
}

fn new_page(f: Arc<Frame>, form: Form) -> CustomerPage {
    CustomerPage {
        f,
        customer: None,
        form,
        may_change: true,
        may_agree: true,
        may_delete: false,
        may_audit: false,
    }
}

/// `GET /customers/{id}`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<CustomerId>) -> Answer {
    show_customer(&app, &ctx, f, StatusCode::OK, id, None).await
}

/// `POST /customers/{id}`
async fn update(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<CustomerId>,
    mut form: Form,
) -> Answer {
    ctx.require(P::CustomerWrite)?;
    let customers = app.tms.customers();
    if ctx.scope().is_some() {
        // Fields that can't be changed are not sent.
        let present = filled(&customers.get(&ctx, id).await?.draft, None);
        for name in AGREED {
            form.put(name, present.value(name).to_owned());
        }
    }
    let wish = form.seen().zip(read(&mut form));
    let saved = form
        .carry_out(&f, wish, |(seen, draft)| customers.update(&ctx, id, seen, draft))
        .await?;
    let status = match saved {
        Ok(saved) => {
            let said = Flash::good("customers.saved", &[&saved.draft.company_name]);
            return go_saying(&f.url(format!("{PATH}/{id}")), &said);
        }
        Err(status) => status,
    };
    show_customer(&app, &ctx, f, status, id, Some(form)).await
}

/// `POST /customers/{id}/delete`
async fn delete(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<CustomerId>, form: Form) -> Answer {
    ctx.require(P::CustomerWrite)?;
    let seen = form.must_have_seen()?;
    let customer = app.tms.customers().get(&ctx, id).await?;
    match app.tms.customers().delete(&ctx, id, seen).await {
        Ok(()) => {
            let said = Flash::good("customers.deleted", &[&customer.draft.company_name]);
            go_saying(&f.url(PATH), &said)
        }
        Err(Error::Conflict(_)) => {
            let to = f.url(format!("{PATH}/{id}"));
            go_saying(&to, &Flash::bad("customers.in_use", &[&customer.draft.company_name]))
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows a customer, with what was typed if that was refused.
async fn show_customer(
    app: &App,
    ctx: &Ctx,
    f: Arc<Frame>,
    status: StatusCode,
    id: CustomerId,
    typed: Option<Form>,
) -> Answer {
    let customer = app.tms.customers().get(ctx, id).await?;
    let present = || filled(&customer.draft, Some(customer.revision));
    let form = typed.map_or_else(present, |typed| typed.or_present(status, present));
    let may_change = f.may(P::CustomerWrite);
    page_as(
        status,
        &CustomerPage {
            form,
            may_change,
            may_agree: may_change && ctx.scope().is_none(),
            may_delete: may_change && ctx.scope().is_none(),
            may_audit: f.may(P::AuditRead),
            customer: Some(customer),
            f,
        },
    )
}

/// What is agreed with a customer: for all but those who are bound to it.
const AGREED: [&str; 6] = [
    "contract_type",
    "contract_start_date",
    "contract_end_date",
    "is_active",
    "max_terminals",
    "notes",
];

/// Puts a draft into a form.
fn filled(draft: &CustomerDraft, revision: Option<Revision>) -> Form {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Form::of([
        ("company_name", draft.company_name.clone()),
        ("company_name_kana", text(&draft.company_name_kana)),
        ("contact_person", text(&draft.contact_person)),
        ("contact_email", text(&draft.contact_email)),
        ("contact_phone", text(&draft.contact_phone)),
        ("postal_code", text(&draft.postal_code)),
        ("address", text(&draft.address)),
        ("contract_type", draft.contract_type.to_string()),
        (
            "contract_start_date",
            draft.contract_start_date.map(|day| day.to_string()).unwrap_or_default(),
        ),
        (
            "contract_end_date",
            draft.contract_end_date.map(|day| day.to_string()).unwrap_or_default(),
        ),
        (
            "is_active",
            if draft.is_active {
                "on".to_owned()
            } else {
                String::new()
            },
        ),
        (
            "max_terminals",
            draft.max_terminals.map(|most| most.to_string()).unwrap_or_default(),
        ),
        ("notes", text(&draft.notes)),
        (
            "revision",
            revision.map(|revision| revision.0.to_string()).unwrap_or_default(),
        ),
    ])
}

/// Reads a draft, or notes what is wrong with it.
fn read(form: &mut Form) -> Option<CustomerDraft> {
    let contract_type = form.need::<ContractType>("contract_type");
    let max_terminals = form.text("max_terminals").map(|text| {
        let whole = text.parse::<u32>();
        whole.map_err(|_| InvalidText("must be a whole number above zero".to_owned()))
    });
    let max_terminals = max_terminals.and_then(|read| form.errors.take("max_terminals", read));
    let [start, end] = ["contract_start_date", "contract_end_date"].map(|name| form.text(name));
    let contract_start_date = optional_date(&mut form.errors, "contract_start_date", start.as_ref());
    let contract_end_date = optional_date(&mut form.errors, "contract_end_date", end.as_ref());
    if !form.errors.is_empty() {
        return None;
    }
    Some(CustomerDraft {
        company_name: form.value("company_name").to_owned(),
        company_name_kana: form.text("company_name_kana"),
        contact_person: form.text("contact_person"),
        contact_email: form.text("contact_email"),
        contact_phone: form.text("contact_phone"),
        postal_code: form.text("postal_code"),
        address: form.text("address"),
        contract_type: contract_type?,
        contract_start_date,
        contract_end_date,
        is_active: form.is_ticked("is_active"),
        max_terminals,
        notes: form.text("notes"),
    })
}
