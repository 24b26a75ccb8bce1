//! Channels between wire and domain.

use std::collections::BTreeSet;

use tms_core::{
    alert::Severity,
    error::FieldErrors,
    id::CustomerId,
    notification::{
        Channel, ChannelDraft, ChannelState, Hours, Language, MailSecurity, MailTarget, Routing, Target,
        service::ChannelRequest, target::check_url,
    },
    secret::Secret,
};

use crate::{
    api::field::{id, is_wrong, non_empty, spelled},
    problem::Problem,
    wire::{Patch, notification as wire},
};

type Wishes = (
    Option<wire::MailWish>,
    Option<wire::WebHookWish>,
    Option<wire::SlackWish>,
    Option<wire::Sns>,
);

/// Reads a channel to make.
pub(super) fn request(body: wire::NotificationChannelCreate, faults: FieldErrors) -> Result<ChannelRequest, Problem> {
    read(body, None, faults).map_err(Problem::invalid)
}

/// Reads a channel; `kept` is where it leads if that is not said again, `errors` what is known to be wrong.
pub(crate) fn read(
    body: wire::NotificationChannelCreate,
    kept: Option<Target>,
    mut errors: FieldErrors,
) -> Result<ChannelRequest, FieldErrors> {
    let target = match kept {
        Some(kept) => Some((kept, None)),
        None => target(&mut errors, (body.mail, body.web_hook, body.slack, body.sns)),
    };
    if target.is_none()
        && !["kind", "mail", "web_hook", "slack", "sns"]
            .iter()
            .any(|name| is_wrong(&errors, name))
    {
        errors.add("kind", "one of mail, web_hook, slack, sns must be given");
    }
    let routing = routing(&mut errors, body.routing);
    let language = body
        .language
        .map_or(Some(Language::English), |name| errors.take("language", name.parse()));
    // Stand-ins for what is named as wrong already, so that the rest is looked at too.
    let (target, secret) = target.unwrap_or_else(|| {
        (
            Target::Slack {
                host: "example.com".to_owned(),
            },
            None,
        )
    });
    let draft = ChannelDraft {
        name: body.name,
        is_enabled: body.is_enabled.unwrap_or(true),
        target,
        routing,
        language: language.unwrap_or(Language::English),
    };
    errors.fill(draft.clone().checked());
    if errors.is_empty() {
        Ok(ChannelRequest { draft, secret })
    } else {
        Err(errors)
    }
}

/// Carries out the wishes of a PATCH.
pub(super) fn patched(
    mut draft: ChannelDraft,
    patch: wire::NotificationChannelPatch,
    mut errors: FieldErrors,
) -> Result<ChannelRequest, Problem> {
    let mut secret = None;
    if let Some((target, given)) = target(&mut errors, (patch.mail, patch.web_hook, patch.slack, patch.sns)) {
        (draft.target, secret) = (target, given);
    }
    let wish = match patch.routing {
        Patch::Keep => None,
        Patch::Clear => Some(wire::Routing::default()),
        Patch::Set(routing) => Some(routing),
    };
    if let Some(read) = wish.map(|wish| routing(&mut errors, wish)) {
        draft.routing = read;
    }
    if let Some(language) = patch.language.and_then(|name| errors.take("language", name.parse())) {
        draft.language = language;
    }
    if let Some(name) = patch.name {
        draft.name = name;
    }
    if let Some(is_enabled) = patch.is_enabled {
        draft.is_enabled = is_enabled;
    }
    errors.fill(draft.clone().checked());
    errors.finish()?;
    Ok(ChannelRequest { draft, secret })
}

fn target(errors: &mut FieldErrors, wishes: Wishes) -> Option<(Target, Option<Secret<String>>)> {
    match wishes {
        (None, None, None, None) => None,
        (Some(mail), None, None, None) => Some(read_mail(errors, mail)),
        (None, Some(hook), None, None) => Some((Target::WebHook { url: hook.url }, hook.secret.map(Secret::new))),
        (None, None, None, Some(sns)) => {
            let topic_arn = sns.topic_arn;
            Some((Target::Sns { topic_arn }, None))
        }
        (None, None, Some(slack), None) => {
            let host = errors.take("slack.url", check_url(&slack.url))?;
            Some((Target::Slack { host }, Some(Secret::new(slack.url))))
        }
        _ => {
            errors.add("kind", "only one of mail, web_hook, slack, sns can be given");
            None
        }
    }
}

fn read_mail(errors: &mut FieldErrors, mail: wire::MailWish) -> (Target, Option<Secret<String>>) {
    let security = match mail.security {
        None => MailSecurity::StartTls,
        Some(name) => errors
            .take("mail.security", name.parse())
            .unwrap_or(MailSecurity::StartTls),
    };
    let usual = match security {
        MailSecurity::Tls => 465,
        MailSecurity::StartTls => 587,
        MailSecurity::Plain => 25,
    };
    let target = MailTarget {
        host: mail.host,
        port: mail.port.unwrap_or(usual),
        security,
        username: non_empty(mail.username),
        from: mail.sender,
        to: mail.receivers,
    };
    (Target::Mail(target), mail.password.map(Secret::new))
}

fn routing(errors: &mut FieldErrors, wish: wire::Routing) -> Routing {
    let lowest = match wish.lowest_severity {
        None => Some(Severity::High),
        Some(name) => errors.take("routing.lowest_severity", name.parse()),
    };
    let customers: Option<BTreeSet<_>> = wish
        .customer_ids
        .into_iter()
        .map(|n| id(errors, "routing.customer_ids", CustomerId::new(n)))
        .collect();
    let hours = wish.hours.map(|hours| {
        let read = Hours::parse(&hours.begin, &hours.end, &hours.time_zone);
        errors.take("routing.hours", read)
    });
    Routing {
        lowest: lowest.unwrap_or(Severity::High),
        customers: customers.unwrap_or_default(),
        hours: hours.flatten(),
        tells_end: wish.resolved,
    }
}

impl From<Channel> for wire::NotificationChannel {
    fn from(channel: Channel) -> Self {
        let draft = channel.draft;
        let kind = draft.target.kind();
        let (mut mail, mut web_hook, mut slack, mut sns) = (None, None, None, None);
        match draft.target {
            Target::Mail(target) => mail = Some(shown_mail(target, channel.secret.is_some())),
            Target::WebHook { url } => web_hook = Some(wire::WebHook { url }),
            Target::Slack { host } => slack = Some(wire::Slack { host }),
            Target::Sns { topic_arn } => sns = Some(wire::Sns { topic_arn }),
        }
        Self {
            id: channel.id.get(),
            name: draft.name,
            kind: kind.into(),
            is_enabled: draft.is_enabled,
            mail,
            web_hook,
            slack,
            sns,
            routing: shown_routing(&draft.routing),
            language: draft.language.as_str().into(),
            state: shown_state(channel.state),
            created_at: channel.created_at.to_string(),
            updated_at: channel.updated_at.to_string(),
        }
    }
}

fn shown_mail(target: MailTarget, has_password: bool) -> wire::Mail {
    wire::Mail {
        host: target.host,
        port: target.port,
        security: target.security.as_str().into(),
        username: target.username,
        has_password,
        sender: target.from,
        receivers: target.to,
    }
}

fn shown_routing(routing: &Routing) -> wire::Routing {
    wire::Routing {
        lowest_severity: Some(routing.lowest.as_str().to_owned()),
        customer_ids: routing.customers.iter().map(|customer| customer.get()).collect(),
        hours: routing.hours.map(|hours| wire::Hours {
            begin: hours.from(),
            end: hours.until(),
            time_zone: hours.zone().to_owned(),
        }),
        resolved: routing.tells_end,
    }
}

fn shown_state(state: ChannelState) -> wire::ChannelState {
    let status = match (state.failures, state.last_sent_at) {
        (0, None) => "unused",
        (0, Some(_)) => "ok",
        _ => "failing",
    };
    wire::ChannelState {
        status: status.into(),
        failures: state.failures,
        last_error: state.last_error,
        last_failed_at: spelled(state.last_failed_at),
        last_sent_at: spelled(state.last_sent_at),
        resume_at: spelled(state.resume_at),
        queued: state.queued,
    }
}
