//! One channel: made, shown, changed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    alert::Severity,
    id::ChannelId,
    notification::{Channel, Language, MailSecurity},
    permission::Permission as P,
    report::Calendar,
};

use super::{
    Health, Kind, PATH,
    form::{blank, filled, read},
};
use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go_saying, page_as},
        flash::Flash,
        form::Form,
        frame::Frame,
        kept::Kept,
        visit::Visit,
    },
    extract::{Params, PathId},
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(at!("/new"), show_new)
        .post(at!("/new"), create)
        .get(at!("/{id}"), show)
        .post(at!("/{id}"), update)
}

/// A channel with the form that changes it, or the form for a new one.
#[derive(Template)]
#[template(path = "channel.html")]
struct ChannelPage {
    f: Arc<Frame>,
    kind: Kind,
    form: Form,
    channel: Option<(Channel, Health)>,
    zones: Vec<&'static str>,
    may_change: bool,
    may_audit: bool,
}

impl ChannelPage {
    fn title(&self) -> &str {
        match &self.channel {
            Some((channel, _)) => &channel.draft.name,
            None => self.f.t("channels.new"),
        }
    }

    /// Tells whether a secret is kept, which need not be typed again.
    fn has_secret(&self) -> bool {
        self.channel
            .as_ref()
            .is_some_and(|(channel, _)| channel.secret.is_some())
    }
}

/// `GET /notification-channels/new`: asks for the fresh proof before anything is typed.
async fn show_new(Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    ctx.require(P::NotificationWrite)?;
    let kind = params.value("kind").unwrap_or(Kind::Mail);
    params.finish()?;
    let form = blank(kind, &f);
    show_channel(f, StatusCode::OK, (form, kind), None)
}

/// `POST /notification-channels/new`
async fn create(State(app): State<App>, Visit { ctx, f }: Visit, Kept(mut form): Kept) -> Answer {
    ctx.require(P::NotificationWrite)?;
    let kind = form.need::<Kind>("kind");
    let request = match kind {
        Some(kind) => read(&app, &ctx, &mut form, kind, None).await?,
        None => None,
    };
    let channels = app.tms.notifications();
    match form
        .carry_out(&f, request, |request| channels.create(&ctx, request))
        .await?
    {
        Ok(made) => {
            let to = f.url(format!("{PATH}/{}", made.id));
            go_saying(&to, &Flash::good("channels.added", &[&made.draft.name]))
        }
        Err(status) => {
            let kind = kind.unwrap_or(Kind::Mail);
            show_channel(f, status, (form, kind), None)
        }
    }
}

/// `GET /notification-channels/{id}`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<ChannelId>) -> Answer {
    let channel = app.tms.notifications().get(&ctx, id).await?;
    let form = filled(&app, &ctx, &channel).await?;
    let kind = Kind::of(&channel.draft.target);
    show_channel(f, StatusCode::OK, (form, kind), Some(channel))
}

/// `POST /notification-channels/{id}`
async fn update(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<ChannelId>,
    Kept(mut form): Kept,
) -> Answer {
    ctx.require(P::NotificationWrite)?;
    let channels = app.tms.notifications();
    let present = channels.get(&ctx, id).await?;
    let kind = Kind::of(&present.draft.target);
    let request = read(&app, &ctx, &mut form, kind, Some(&present)).await?;
    let wish = form.seen().zip(request);
    let saved = form
        .carry_out(&f, wish, |(seen, request)| channels.update(&ctx, id, seen, request))
        .await?;
    let status = match saved {
        Ok(saved) => {
            let said = Flash::good("channels.saved", &[&saved.draft.name]);
            return go_saying(&f.url(format!("{PATH}/{id}")), &said);
        }
        Err(status) => status,
    };
    let channel = channels.get(&ctx, id).await?;
    let present = filled(&app, &ctx, &channel).await?;
    let form = form.or_present(status, || present);
    show_channel(f, status, (form, kind), Some(channel))
}

fn show_channel(f: Arc<Frame>, status: StatusCode, (form, kind): (Form, Kind), channel: Option<Channel>) -> Answer {
    page_as(
        status,
        &ChannelPage {
            kind,
            form,
            channel: channel.map(|channel| {
                let health = Health::of(&channel);
                (channel, health)
            }),
            zones: Calendar::zones().collect(),
            may_change: f.may(P::NotificationWrite),
            may_audit: f.may(P::AuditRead),
            f,
        },
    )
}
