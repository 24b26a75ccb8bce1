//! Channels by which people are told of alerts.

pub(crate) mod convert;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    id::ChannelId,
    notification::{Channel, service::ChannelRequest},
    permission::{Permission, Permission as P},
};

use super::field::created;
use crate::{
    api::routes::Routes,
    extract::{Etag, IfMatch, JsonBody, Params, PathId, Repeatable, SignedIn},
    paging::Paging,
    problem::Problem,
    state::App,
    wire::{List, history::PageQuery, notification as wire},
};

const PATH: &str = "/notification-channels";
/// How a web hook is called.
const HOOK: &str = "A web hook is a POST of JSON with `X-TMS-Delivery`, which is the same when a message is sent again, \
                    and `X-TMS-Signature: t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY` under the secret.";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/notification-channels", list_notification_channels)
        .doc("Lists the channels by which people are told of alerts", |d| {
            d.needs(P::NotificationRead)
                .query::<PageQuery>()
                .list::<wire::NotificationChannel>()
        })
        .post("/notification-channels", create_notification_channel)
        .doc("Makes a channel: mail, a web hook or Slack", |d| {
            d.needs(P::NotificationWrite)
                .takes("Idempotency-Key")
                .body::<wire::NotificationChannelCreate>()
                .created::<wire::NotificationChannel>()
                .tagged()
                .refuses(409)
                .more(HOOK)
        })
        .get("/notification-channels/{id}", get_notification_channel)
        .doc("Returns a channel and how it fares", |d| {
            d.needs(P::NotificationRead)
                .answers::<wire::NotificationChannel>()
                .tagged()
        })
        .patch("/notification-channels/{id}", update_notification_channel)
        .doc("Changes a channel", |d| {
            d.needs(P::NotificationWrite)
                .if_match()
                .body::<wire::NotificationChannelPatch>()
                .answers::<wire::NotificationChannel>()
                .tagged()
                .refuses(409)
                .more("A secret that is left out stays, unless the receiver is another.")
        })
        .delete("/notification-channels/{id}", delete_notification_channel)
        .doc("Deletes a channel with the messages that wait for it", |d| {
            d.needs(P::NotificationWrite).if_match().empty()
        })
        .post("/notification-channels/{id}/test", test_notification_channel)
        .doc("Sends a message by a channel now", |d| {
            d.needs(P::NotificationWrite)
                .answers::<wire::NotificationTested>()
                .refuses(409)
                .more("Also for a channel that is not used; the answer says whether it arrived, and why not.")
        })
}

/// `GET /notification-channels`
async fn list_notification_channels(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Json<List<wire::NotificationChannel>>, Problem> {
    ctx.require(Permission::NotificationRead)?;
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.notifications().list(&ctx, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /notification-channels/{id}`
async fn get_notification_channel(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<ChannelId>,
) -> Result<Response, Problem> {
    Ok(show(app.tms.notifications().get(&ctx, id).await?))
}

/// `POST /notification-channels`
async fn create_notification_channel(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::NotificationWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let request = body.begin()?.end(convert::request)?;
    let made = app.tms.notifications().create(&ctx, request).await?;
    let (etag, id) = (Etag(made.revision), made.id.get());
    Ok((etag, created(&app, PATH, id, wire::NotificationChannel::from(made))).into_response())
}

/// `PATCH /notification-channels/{id}`
async fn update_notification_channel(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<ChannelId>,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::NotificationWrite)?;
    let (if_match, patch) = (if_match.required()?, body.begin()?);
    let present = app.tms.notifications().get(&ctx, id).await?;
    let seen = if_match.check(present.revision)?;
    let request: ChannelRequest = patch.end(|patch, faults| convert::patched(present.draft, patch, faults))?;
    Ok(show(app.tms.notifications().update(&ctx, id, seen, request).await?))
}

/// `DELETE /notification-channels/{id}`
async fn delete_notification_channel(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<ChannelId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    ctx.require(Permission::NotificationWrite)?;
    let if_match = if_match.required()?;
    let seen = if_match.check(app.tms.notifications().get(&ctx, id).await?.revision)?;
    app.tms.notifications().delete(&ctx, id, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /notification-channels/{id}/test`: sends a message now and says what came of it.
async fn test_notification_channel(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<ChannelId>,
) -> Result<Json<wire::NotificationTested>, Problem> {
    let error = app.tms.notifications().test(&ctx, id).await?;
    let status = if error.is_none() { "sent" } else { "failed" };
    Ok(Json(wire::NotificationTested {
        status: status.into(),
        error,
    }))
}

fn show(channel: Channel) -> Response {
    (Etag(channel.revision), Json(wire::NotificationChannel::from(channel))).into_response()
}
