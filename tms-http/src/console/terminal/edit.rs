//! Registering a terminal, and changing one so that nobody undoes what another has changed meanwhile.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use tms_core::{
    Ctx,
    id::TerminalId,
    permission::Permission,
    settings::{MAX_INTERVAL_S, MIN_INTERVAL_S},
    terminal::{TerminalDraft, TerminalView},
    text::SerialNumber,
};

use crate::{
    api::{field::optional_date, routes::Routes},
    console::{
        answer::{Answer, go_saying, page, page_as},
        customer_choice::{needed, proposed},
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
        .get("/terminals/new", show_new)
        .post("/terminals/new", register)
        .get("/terminals/{id}/edit", show_edit)
        .post("/terminals/{id}/edit", change)
}

#[derive(Template)]
#[template(path = "terminal_edit.html")]
struct EditPage {
    f: Arc<Frame>,
    form: Form,
    /// The terminal that is changed; none when one is registered.
    id: Option<TerminalId>,
    serial: String,
    customers: Vec<String>,
    interval: (u32, u32),
}

impl EditPage {
    async fn of(app: &App, ctx: &Ctx, f: Arc<Frame>, form: Form, view: Option<&TerminalView>) -> Result<Self, Problem> {
        Ok(Self {
            id: view.map(|view| view.terminal.id),
            serial: view.map_or_else(String::new, |view| view.terminal.draft.serial.to_string()),
            customers: proposed(app, ctx).await?,
            interval: (MIN_INTERVAL_S, MAX_INTERVAL_S),
            f,
            form,
        })
    }
}

/// `GET /terminals/new`
async fn show_new(State(app): State<App>, Visit { ctx, f }: Visit) -> Answer {
    ctx.require(Permission::TerminalWrite)?;
    let usual = app.tms.settings().rules().presence.default_interval_s;
    let form = Form::of([
        ("heartbeat_interval", usual.to_string()),
        ("auto_update_enabled", "true".to_owned()),
    ]);
    page(&EditPage::of(&app, &ctx, f, form, None).await?)
}

/// `POST /terminals/new`
async fn register(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    ctx.require(Permission::TerminalWrite)?;
    let draft = read(&app, &ctx, &mut form).await?;
    let made = form
        .carry_out(&f, draft, |draft| app.tms.terminals().create(&ctx, draft))
        .await?;
    let status = match made {
        Ok(made) => {
            let to = f.url(format!("/terminals/{}", made.terminal.id));
            let said = Flash::good("terminal.registered", &[&made.terminal.draft.serial]);
            return go_saying(&to, &said);
        }
        Err(status) => status,
    };
    page_as(status, &EditPage::of(&app, &ctx, f, form, None).await?)
}

/// `GET /terminals/{id}/edit`
async fn show_edit(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<TerminalId>) -> Answer {
    ctx.require(Permission::TerminalWrite)?;
    let view = app.tms.terminals().get(&ctx, id).await?;
    let form = filled(&view);
    page(&EditPage::of(&app, &ctx, f, form, Some(&view)).await?)
}

/// `POST /terminals/{id}/edit`: for the revision that was shown; who was not first is shown what the other made of it.
async fn change(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<TerminalId>,
    mut form: Form,
) -> Answer {
    ctx.require(Permission::TerminalWrite)?;
    let wish = form.seen().zip(read(&app, &ctx, &mut form).await?);
    let terminals = app.tms.terminals();
    let saved = form
        .carry_out(&f, wish, |(seen, draft)| terminals.update(&ctx, id, seen, draft))
        .await?;
    let status = match saved {
        Ok(saved) => {
            let said = Flash::good("terminal.saved", &[&saved.terminal.draft.serial]);
            return go_saying(&f.url(format!("/terminals/{id}")), &said);
        }
        Err(status) => status,
    };
    let view = terminals.get(&ctx, id).await?;
    let form = form.or_present(status, || filled(&view));
    page_as(status, &EditPage::of(&app, &ctx, f, form, Some(&view)).await?)
}

/// Fills the form with a terminal as it is.
fn filled(view: &TerminalView) -> Form {
    let draft = &view.terminal.draft;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let date = |value: Option<chrono::NaiveDate>| value.map_or_else(String::new, |date| date.to_string());
    Form::of([
        ("revision", view.terminal.revision.0.to_string()),
        ("serial_number", draft.serial.to_string()),
        ("customer", view.company_name.clone()),
        ("model", draft.model.clone()),
        ("store_name", text(&draft.store_name)),
        ("store_code", text(&draft.store_code)),
        ("installation_address", text(&draft.installation_address)),
        ("heartbeat_interval", draft.heartbeat_interval_s.to_string()),
        (
            "auto_update_enabled",
            if draft.auto_update_enabled {
                "true".to_owned()
            } else {
                String::new()
            },
        ),
        ("installed_date", date(draft.installed_date)),
        ("warranty_end_date", date(draft.warranty_end_date)),
    ])
}

/// Reads the form; `None` when something is wrong with it, which it says then.
async fn read(app: &App, ctx: &Ctx, form: &mut Form) -> Result<Option<TerminalDraft>, Problem> {
    let serial = SerialNumber::parse(form.value("serial_number").trim());
    let serial = form.errors.take("serial_number", serial);
    let customer = needed(app, ctx, form, "customer").await?;
    let interval = form.need_number("heartbeat_interval", MIN_INTERVAL_S, MAX_INTERVAL_S);
    let dates = ["installed_date", "warranty_end_date"].map(|name| {
        let text = form.text(name);
        optional_date(&mut form.errors, name, text.as_ref())
    });
    let [installed_date, warranty_end_date] = dates;
    if form.is_wrong() {
        return Ok(None);
    }
    let both = serial.zip(customer).zip(interval);
    Ok(both.map(|((serial, customer), heartbeat_interval_s)| TerminalDraft {
        serial,
        customer,
        model: form.value("model").to_owned(),
        store_name: form.text("store_name"),
        store_code: form.text("store_code"),
        installation_address: form.text("installation_address"),
        heartbeat_interval_s,
        auto_update_enabled: form.is_ticked("auto_update_enabled"),
        installed_date,
        warranty_end_date,
    }))
}
