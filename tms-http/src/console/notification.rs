//! Channels by which people are told of alerts, and how each fares.

/// Spells the address of a page below the list.
macro_rules! at {
    ($($rest:literal)?) => {
        concat!("/notification-channels"$(, $rest)?)
    };
}

mod edit;
mod form;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use tms_core::{
    Error,
    id::ChannelId,
    named_enum,
    notification::{Channel, Target},
    permission::Permission as P,
};

use super::{
    alert_row::bars,
    answer::{Answer, go_saying, page},
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
    state::App,
};

const PATH: &str = at!();

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(PATH, list_channels)
        .merge(edit::routes())
        .post(at!("/{id}/test"), test)
        .post(at!("/{id}/delete"), delete)
}

named_enum!(
    /// What a channel is.
    Kind {
        /// Mail over SMTP.
        Mail = "mail",
        /// A web hook with a signature.
        WebHook = "web_hook",
        /// What Slack understands.
        Slack = "slack",
        /// A topic of SNS.
        Sns = "sns",
    }
);

impl Kind {
    const fn of(target: &Target) -> Self {
        match target {
            Target::Mail(_) => Self::Mail,
            Target::WebHook { .. } => Self::WebHook,
            Target::Slack { .. } => Self::Slack,
            Target::Sns { .. } => Self::Sns,
        }
    }
}

/// How a channel fares.
struct Health {
    /// The name of the key `channels.is.NAME`.
    name: &'static str,
    /// The icon and the class that give it shape and colour.
    tone: &'static str,
}

impl Health {
    const fn of(channel: &Channel) -> Self {
        let (name, tone) = match (
            channel.draft.is_enabled,
            channel.state.failures,
            channel.state.last_sent_at,
        ) {
            (false, ..) => ("off", "offline"),
            (true, 0, None) => ("unused", "maintenance"),
            (true, 0, Some(_)) => ("works", "online"),
            (true, _, _) => ("fails", "error"),
        };
        Self { name, tone }
    }
}

/// A channel of the list.
struct Row {
    channel: Channel,
    kind: Kind,
    health: Health,
    /// Where it leads, without what is secret.
    target: String,
}

impl Row {
    fn of(channel: Channel) -> Self {
        Self {
            kind: Kind::of(&channel.draft.target),
            health: Health::of(&channel),
            target: match &channel.draft.target {
                Target::Mail(mail) => mail.to.join(", "),
                Target::WebHook { url } => url.clone(),
                Target::Slack { host } => host.clone(),
                Target::Sns { topic_arn } => topic_arn.clone(),
            },
            channel,
        }
    }

    const fn bars(&self) -> u8 {
        bars(&self.channel.draft.routing.lowest)
    }
}

#[derive(Template)]
#[template(path = "channels.html")]
struct ChannelsPage {
    f: Arc<Frame>,
    rows: Vec<Row>,
    pager: Pager,
    may_change: bool,
}

/// `GET /notification-channels`
async fn list_channels(State(app): State<App>, Visit { ctx, f }: Visit, params: Params) -> Answer {
    ctx.require(P::NotificationRead)?;
    let paging = Paging::take_of_page(&app, &ctx, PATH, params)?;
    let found = app.tms.notifications().list(&ctx, &paging.request).await?;
    let list = paging.envelope(&app, found);
    page(&ChannelsPage {
        rows: list.data.into_iter().map(Row::of).collect(),
        pager: Pager::of(&f, &list.meta, list.links),
        may_change: f.may(P::NotificationWrite),
        f,
    })
}

/// `POST /notification-channels/{id}/test`: sends a message now and says what came of it.
async fn test(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<ChannelId>, _: Form) -> Answer {
    let said = match app.tms.notifications().test(&ctx, id).await {
        Ok(None) => Flash::good("channels.test_sent", &[]),
        Ok(Some(why)) => Flash::bad("channels.test_failed", &[&why]),
        Err(Error::Conflict(why)) => Flash::bad("channels.test_failed", &[&f.fault(&why)]),
        Err(error) => return Err(error.into()),
    };
    go_saying(&f.url(format!("{PATH}/{id}")), &said)
}

/// `POST /notification-channels/{id}/delete`
async fn delete(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<ChannelId>, form: Form) -> Answer {
    ctx.require(P::NotificationWrite)?;
    let seen = form.must_have_seen()?;
    let channels = app.tms.notifications();
    let name = channels.get(&ctx, id).await?.draft.name;
    channels.delete(&ctx, id, seen).await?;
    go_saying(&f.url(PATH), &Flash::good("channels.deleted", &[&name]))
}
