//! Setting up and removing the second factor.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{enrolment::CodeText, error::FieldErrors, operator::second_factors::Proposal, secret::Secret};

use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go_saying, page, page_as},
        flash::Flash,
        form::Form,
        frame::Frame,
        visit::Visit,
    },
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/account/second-factor", show)
        .post("/account/second-factor", propose)
        .post("/account/second-factor/confirm", confirm)
        .post("/account/second-factor/disable", disable)
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct FactorPage {
    f: Arc<Frame>,
    form: Form,
    is_set_up: bool,
    /// Whether nothing else is allowed before.
    must_set_up: bool,
    proposal: Option<Shown>,
}

/// What the app must learn.
struct Shown {
    secret: String,
    qr_svg: String,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesPage {
    f: Arc<Frame>,
    codes: Vec<String>,
}

impl Shown {
    fn of(proposal: &Proposal) -> Self {
        let svg = proposal.qr_svg.expose();
        // What stands before the drawing is for files.
        let begin = svg.find("<svg").unwrap_or_default();
        Self {
            secret: proposal.secret.expose().clone(),
            qr_svg: svg.get(begin..).unwrap_or_default().to_owned(),
        }
    }
}

/// `GET /account/second-factor`
async fn show(State(app): State<App>, visit: Visit) -> Answer {
    visit.fresh()?;
    let (user, must_set_up) = app.tms.operators().me(&visit.ctx).await?;
    page(&FactorPage {
        f: visit.f,
        form: Form::default(),
        is_set_up: user.has_second_factor,
        must_set_up,
        proposal: None,
    })
}

/// `POST /account/second-factor`: the answer shows the seed this once; asking again makes another.
async fn propose(State(app): State<App>, Visit { ctx, f }: Visit) -> Answer {
    let proposal = app.tms.second_factors().propose(&ctx).await?;
    let (_, must_set_up) = app.tms.operators().me(&ctx).await?;
    page(&FactorPage {
        f,
        form: Form::default(),
        is_set_up: false,
        must_set_up,
        proposal: Some(Shown::of(&proposal)),
    })
}

/// `POST /account/second-factor/confirm`: the answer shows the recovery codes this once.
async fn confirm(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    let code = Secret::new(form.value("code").to_owned());
    match app.tms.second_factors().confirm(&ctx, &code).await {
        Ok(codes) => {
            let codes = codes.iter().map(CodeText::expose).collect();
            page(&CodesPage { f, codes })
        }
        Err(error) => {
            form.refuse(&f, error)?;
            if !form.errors.is_empty() {
                form.errors = FieldErrors::default();
                form.fault = Some(f.t("second_factor.wrong_code").to_owned());
            }
            let (user, must_set_up) = app.tms.operators().me(&ctx).await?;
            // The app knows the seed by now; it is not shown again.
            let page = FactorPage {
                f,
                form,
                is_set_up: user.has_second_factor,
                must_set_up,
                proposal: Some(Shown {
                    secret: String::new(),
                    qr_svg: String::new(),
                }),
            };
            page_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// `POST /account/second-factor/disable`
async fn disable(State(app): State<App>, Visit { ctx, f }: Visit) -> Answer {
    app.tms.second_factors().disable(&ctx).await?;
    go_saying(&f.url("/account"), &Flash::good("second_factor.disabled", &[]))
}
