//! What people set of a channel, and the items of a message, as JSON documents: the form that stores keep.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ChannelDraft, Hours, Item, MailTarget, Routing, Target};
use crate::{
    id::{AlertId, CustomerId},
    text::InvalidText,
};

/// Returns the document of all but name and use.
pub fn write(draft: &ChannelDraft) -> Value {
    let target = match &draft.target {
        Target::Mail(mail) => json!({
            "host": mail.host, "port": mail.port, "security": mail.security.as_str(), "username": mail.username,
            "from": mail.from, "to": mail.to,
        }),
        Target::WebHook { url } => json!({ "url": url }),
        Target::Slack { host } => json!({ "host": host }),
        Target::Sns { topic_arn } => json!({ "topic_arn": topic_arn }),
    };
    let routing = &draft.routing;
    json!({
        "kind": draft.target.kind(),
        "target": target,
        "lowest_severity": routing.lowest.as_str(),
        "customers": routing.customers.iter().map(|customer| customer.get()).collect::<Vec<_>>(),
        "hours": routing.hours.map(|hours| json!([hours.from(), hours.until(), hours.zone()])),
        "tells_end": routing.tells_end,
        "language": draft.language.as_str(),
    })
}

/// Reads a stored document.
///
/// # Errors
/// [`InvalidText`] that names what can't be read.
pub fn read(name: String, is_enabled: bool, document: &Value) -> Result<ChannelDraft, InvalidText> {
    let field = Field(document);
    let target = field.part("target")?;
    let target = match field.text("kind")? {
        "mail" => Target::Mail(read_mail(&target)?),
        "web_hook" => Target::WebHook {
            url: target.text("url")?.to_owned(),
        },
        "slack" => Target::Slack {
            host: target.text("host")?.to_owned(),
        },
        "sns" => Target::Sns {
            topic_arn: target.text("topic_arn")?.to_owned(),
        },
        _ => return Err(unreadable("kind")),
    };
    let customers = field.list("customers")?.iter().map(|id| {
        let id = id.as_i64().and_then(|id| CustomerId::new(id).ok());
        id.ok_or_else(|| unreadable("customers"))
    });
    let routing = Routing {
        lowest: field.text("lowest_severity")?.parse()?,
        customers: customers.collect::<Result<BTreeSet<_>, _>>()?,
        hours: read_hours(document.get("hours"))?,
        tells_end: document
            .get("tells_end")
            .and_then(Value::as_bool)
            .ok_or_else(|| unreadable("tells_end"))?,
    };
    Ok(ChannelDraft {
        name,
        is_enabled,
        target,
        routing,
        language: field.text("language")?.parse()?,
    })
}

fn read_mail(target: &Field<'_>) -> Result<MailTarget, InvalidText> {
    let port = target.0.get("port").and_then(Value::as_u64);
    let to = target.list("to")?.iter().map(|to| to.as_str().map(str::to_owned));
    Ok(MailTarget {
        host: target.text("host")?.to_owned(),
        port: port
            .and_then(|port| u16::try_from(port).ok())
            .ok_or_else(|| unreadable("port"))?,
        security: target.text("security")?.parse()?,
        username: target.0.get("username").and_then(Value::as_str).map(str::to_owned),
        from: target.text("from")?.to_owned(),
        to: to.collect::<Option<_>>().ok_or_else(|| unreadable("to"))?,
    })
}

fn read_hours(value: Option<&Value>) -> Result<Option<Hours>, InvalidText> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let text = |n: usize| value.get(n).and_then(Value::as_str).ok_or_else(|| unreadable("hours"));
    Hours::parse(text(0)?, text(1)?, text(2)?).map(Some)
}

/// Returns the document of items: numbers of alerts, negative where the end is told.
pub fn write_items(items: &[Item]) -> Value {
    let number = |item: &Item| {
        if item.is_end {
            -item.alert.get()
        } else {
            item.alert.get()
        }
    };
    Value::from(items.iter().map(number).collect::<Vec<_>>())
}

/// Reads stored items.
///
/// # Errors
/// [`InvalidText`] when they are no list of numbers.
pub fn read_items(document: &Value) -> Result<Vec<Item>, InvalidText> {
    let item = |value: &Value| {
        let number = value.as_i64()?;
        Some(Item {
            alert: AlertId::new(number.checked_abs()?).ok()?,
            is_end: number < 0,
        })
    };
    let items = document.as_array().and_then(|items| items.iter().map(item).collect());
    items.ok_or_else(|| unreadable("items"))
}

struct Field<'a>(&'a Value);

impl<'a> Field<'a> {
    fn part(&self, name: &str) -> Result<Field<'a>, InvalidText> {
        self.0.get(name).map(Field).ok_or_else(|| unreadable(name))
    }

    fn text(&self, name: &str) -> Result<&'a str, InvalidText> {
        self.0.get(name).and_then(Value::as_str).ok_or_else(|| unreadable(name))
    }

    fn list(&self, name: &str) -> Result<&'a Vec<Value>, InvalidText> {
        self.0
            .get(name)
            .and_then(Value::as_array)
            .ok_or_else(|| unreadable(name))
    }
}

fn unreadable(what: &str) -> InvalidText {
    InvalidText(format!("{what} can't be read"))
}
