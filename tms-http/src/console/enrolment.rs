//! Enrolment codes: made, shown once, watched, withdrawn.

/// Spells the address of a page below the list.
macro_rules! at {
    ($($rest:literal)?) => {
        concat!("/enrollment-codes"$(, $rest)?)
    };
}

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx,
    enrolment::{EnrolmentCode, service::CodeRequest},
    id::EnrolmentCodeId,
    named_enum,
    page::Page,
    permission::Permission as P,
    text::SerialNumber,
};

use super::{
    answer::{Answer, go_saying, page, page_as},
    customer_choice::{self, name_of, needed, proposed},
    flash::Flash,
    form::Form,
    frame::Frame,
    list::Pager,
    visit::Visit,
};
use crate::{
    api::routes::Routes,
    extract::{Params, PathId},
    paging::Paging,
    problem::Problem,
    state::App,
};

const PATH: &str = at!();
/// How long a code lives unless somebody says, and at most.
const USUAL_HOURS: u32 = 24;
const MOST_HOURS: u32 = 366 * 24;
/// The most terminals of one code.
const MOST_USES: u32 = 1_000_000;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(PATH, list_codes)
        .get(at!("/new"), show_new)
        .post(at!("/new"), create)
        .post(at!("/{id}/revoke"), revoke)
}

named_enum!(
    /// What can be done with a code.
    Usability {
        /// Terminals can enrol with it.
        Usable = "usable",
        /// As many have as may.
        UsedUp = "used_up",
        /// Its time is over.
        Expired = "expired",
        /// Somebody has withdrawn it.
        Withdrawn = "withdrawn",
    }
);

impl Usability {
    fn of(code: &EnrolmentCode, ctx: &Ctx) -> Self {
        if code.is_revoked {
            Self::Withdrawn
        } else if code.used >= code.max_uses {
            Self::UsedUp
        } else if code.expires_at <= ctx.now {
            Self::Expired
        } else {
            Self::Usable
        }
    }
}

/// A code of the list.
struct Row {
    code: EnrolmentCode,
    customer: Option<String>,
    usability: Usability,
}

impl Row {
    fn is_usable(&self) -> bool {
        self.usability == Usability::Usable
    }
}

#[derive(Template)]
#[template(path = "codes.html")]
struct CodesPage {
    f: Arc<Frame>,
    rows: Vec<Row>,
    pager: Pager,
    filter: Form,
    customers: Vec<String>,
    may_make: bool,
}

#[derive(Template)]
#[template(path = "code_new.html")]
struct NewPage {
    f: Arc<Frame>,
    form: Form,
    customers: Vec<String>,
}

/// What is shown this once.
#[derive(Template)]
#[template(path = "code_made.html")]
struct MadePage {
    f: Arc<Frame>,
    code: EnrolmentCode,
    customer: Option<String>,
    /// None for who repeats a request.
    text: Option<String>,
}

/// `GET /enrollment-codes`
async fn list_codes(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    ctx.require(P::EnrolmentRead)?;
    let mut filter = Form::of([("customer", params.text("customer").unwrap_or_default())]);
    let customer = customer_choice::chosen(&app, &ctx, &mut filter, "customer").await?;
    let paging = Paging::take_of_page(&app, &ctx, PATH, params)?;
    let found = if filter.is_wrong() {
        Page {
            items: Vec::new(),
            next: None,
            total: Some(0),
        }
    } else {
        app.tms.enrolment().list_codes(&ctx, customer, &paging.request).await?
    };
    let list = paging.envelope(&app, found);
    let mut rows = Vec::with_capacity(list.data.len());
    for code in list.data {
        rows.push(Row {
            customer: name_of(&app, &ctx, Some(code.customer)).await?,
            usability: Usability::of(&code, &ctx),
            code,
        });
    }
    page(&CodesPage {
        rows,
        pager: Pager::of(&f, &list.meta, list.links),
        filter,
        customers: proposed(&app, &ctx).await?,
        may_make: f.may(P::EnrolmentWrite),
        f,
    })
}

/// `GET /enrollment-codes/new`
async fn show_new(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    ctx.require(P::EnrolmentWrite)?;
    let form = Form::of([
        ("customer", params.text("customer").unwrap_or_default()),
        ("uses", "1".to_owned()),
        ("ttl_hours", USUAL_HOURS.to_string()),
    ]);
    params.finish()?;
    let customers = proposed(&app, &ctx).await?;
    page(&NewPage { f, form, customers })
}

/// `POST /enrollment-codes/new`: the answer shows the code this once.
async fn create(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    ctx.require(P::EnrolmentWrite)?;
    let request = read(&app, &ctx, &mut form).await?;
    let codes = app.tms.enrolment();
    match form
        .carry_out(&f, request, |request| codes.create_code(&ctx, request))
        .await?
    {
        Ok((code, text)) => page_as(
            StatusCode::CREATED,
            &MadePage {
                customer: name_of(&app, &ctx, Some(code.customer)).await?,
                text: text.map(|text| text.expose()),
                code,
                f,
            },
        ),
        Err(status) => {
            let customers = proposed(&app, &ctx).await?;
            page_as(status, &NewPage { f, form, customers })
        }
    }
}

/// `POST /enrollment-codes/{id}/revoke`
async fn revoke(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<EnrolmentCodeId>,
    _: Form,
) -> Answer {
    ctx.require(P::EnrolmentWrite)?;
    app.tms.enrolment().revoke_code(&ctx, id).await?;
    go_saying(&f.url(PATH), &Flash::good("codes.withdrawn", &[]))
}

async fn read(app: &App, ctx: &Ctx, form: &mut Form) -> Result<Option<CodeRequest>, Problem> {
    let customer = needed(app, ctx, form, "customer").await?;
    let serial = form.text("serial_number");
    let serial = serial.and_then(|text| form.errors.take("serial_number", SerialNumber::parse(&text)));
    let uses = form.need_number("uses", 1, MOST_USES);
    let hours = form.need_number("ttl_hours", 1, MOST_HOURS);
    let read = customer.zip(uses).zip(hours);
    Ok(read.map(|((customer, max_uses), hours)| CodeRequest {
        customer,
        store_name: form.text("store_name"),
        store_code: form.text("store_code"),
        serial,
        max_uses,
        expires_at: ctx.now.plus(Duration::from_secs(3_600 * u64::from(hours))),
    }))
}
