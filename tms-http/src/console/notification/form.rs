//! The form of a channel: its fields are those of the API, so that what is wrong is named alike. Secrets are only ever read.

use tms_core::{
    Ctx,
    alert::Severity,
    error::FieldErrors,
    notification::{Channel, Hours, Language, MailSecurity, Target, service::ChannelRequest},
};

use super::Kind;
use crate::{
    api::notification::convert,
    console::{customer_choice::name_of, form::Form, frame::Frame},
    problem::Problem,
    state::App,
    wire::notification as wire,
    words::Locale,
};

/// Makes the form of a new channel.
pub(super) fn blank(kind: Kind, f: &Frame) -> Form {
    let language = match f.words.0 {
        Locale::English => Language::English,
        Locale::Japanese => Language::Japanese,
    };
    let mut form = Form::of([
        ("kind", kind.to_string()),
        ("is_enabled", "on".to_owned()),
        ("language", language.to_string()),
        ("routing.lowest_severity", Severity::High.to_string()),
        ("routing.resolved", "on".to_owned()),
        ("routing.time_zone", f.zone().name().to_owned()),
    ]);
    if kind == Kind::Mail {
        form.put("mail.security", MailSecurity::StartTls.to_string());
    }
    form
}

/// Puts a channel into a form.
pub(super) async fn filled(app: &App, ctx: &Ctx, channel: &Channel) -> Result<Form, Problem> {
    let (draft, routing) = (&channel.draft, &channel.draft.routing);
    let ticked = |is: bool| if is { "on" } else { "" }.to_owned();
    let mut names = Vec::with_capacity(routing.customers.len());
    for customer in &routing.customers {
        names.extend(name_of(app, ctx, Some(*customer)).await?);
    }
    let hours = |of: fn(&Hours) -> String| routing.hours.as_ref().map(of).unwrap_or_default();
    let zone = routing
        .hours
        .as_ref()
        .map_or_else(|| app.tms.reports().calendar().zone(), Hours::zone);
    let mut form = Form::of([
        ("revision", channel.revision.0.to_string()),
        ("name", draft.name.clone()),
        ("is_enabled", ticked(draft.is_enabled)),
        ("language", draft.language.to_string()),
        ("routing.lowest_severity", routing.lowest.to_string()),
        ("routing.customer_ids", names.join("\n")),
        ("routing.begin", hours(Hours::from)),
        ("routing.end", hours(Hours::until)),
        ("routing.time_zone", zone.to_owned()),
        ("routing.resolved", ticked(routing.tells_end)),
    ]);
    match &draft.target {
        Target::Mail(mail) => {
            form.put("mail.host", mail.host.clone());
            form.put("mail.port", mail.port.to_string());
            form.put("mail.security", mail.security.to_string());
            form.put("mail.username", mail.username.clone().unwrap_or_default());
            form.put("mail.sender", mail.from.clone());
            form.put("mail.receivers", mail.to.join("\n"));
        }
        Target::WebHook { url } => form.put("web_hook.url", url.clone()),
        Target::Slack { .. } => {}
        Target::Sns { topic_arn } => form.put("sns.topic_arn", topic_arn.clone()),
    }
    Ok(form)
}

/// Reads the form of a channel, or notes what is wrong with it.
pub(super) async fn read(
    app: &App,
    ctx: &Ctx,
    form: &mut Form,
    kind: Kind,
    present: Option<&Channel>,
) -> Result<Option<ChannelRequest>, Problem> {
    let customer_ids = customers(app, ctx, form).await?;
    let kept_target = present.map(|present| &present.draft.target);
    // The address of a web hook of Slack is a secret: where none is typed, the one before stays.
    let kept_target = kept_target.filter(|_| kind == Kind::Slack && form.text("slack.url").is_none());
    let mut wish = wire::NotificationChannelCreate {
        name: form.value("name").trim().to_owned(),
        is_enabled: Some(form.is_ticked("is_enabled")),
        routing: routing(form, customer_ids),
        language: form.text("language"),
        ..wire::NotificationChannelCreate::default()
    };
    match kind {
        Kind::Mail => wish.mail = Some(mail(form)),
        Kind::WebHook => {
            wish.web_hook = Some(wire::WebHookWish {
                url: form.value("web_hook.url").trim().to_owned(),
                secret: form.text("web_hook.secret"),
            });
        }
        Kind::Slack => {
            wish.slack = Some(wire::SlackWish {
                url: form.value("slack.url").trim().to_owned(),
            });
        }
        Kind::Sns => {
            wish.sns = Some(wire::Sns {
                topic_arn: form.value("sns.topic_arn").trim().to_owned(),
            });
        }
    }
    let read = convert::read(wish, kept_target.cloned(), FieldErrors::default());
    Ok(read.map_err(|errors| form.add_all(&errors)).ok())
}

fn mail(form: &mut Form) -> wire::MailWish {
    let port = form
        .text("mail.port")
        .and_then(|_| form.need_number("mail.port", 1, 65_535));
    wire::MailWish {
        host: form.value("mail.host").trim().to_owned(),
        port: port.and_then(|port| u16::try_from(port).ok()),
        security: form.text("mail.security"),
        username: form.text("mail.username"),
        password: Some(form.value("mail.password").to_owned()).filter(|password| !password.is_empty()),
        sender: form.value("mail.sender").trim().to_owned(),
        receivers: lines(form.value("mail.receivers")),
    }
}

fn routing(form: &Form, customer_ids: Vec<i64>) -> wire::Routing {
    let (begin, end) = (form.text("routing.begin"), form.text("routing.end"));
    let has_hours = begin.is_some() || end.is_some();
    wire::Routing {
        lowest_severity: form.text("routing.lowest_severity"),
        customer_ids,
        hours: has_hours.then(|| wire::Hours {
            begin: begin.unwrap_or_default(),
            end: end.unwrap_or_default(),
            time_zone: form.value("routing.time_zone").trim().to_owned(),
        }),
        resolved: form.is_ticked("routing.resolved"),
    }
}

/// Finds the customers whose names were typed, one a line.
async fn customers(app: &App, ctx: &Ctx, form: &mut Form) -> Result<Vec<i64>, Problem> {
    let mut ids = Vec::new();
    for name in lines(form.value("routing.customer_ids")) {
        match app.tms.customers().find_by_name(ctx, &name).await? {
            Some(customer) => ids.push(customer.id.get()),
            None => form.errors.add("routing.customer_ids", "there is no such customer"),
        }
    }
    Ok(ids)
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}
