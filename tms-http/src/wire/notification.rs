//! Channels by which people are told of alerts. Secrets travel in one direction only.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Name,
    patch::{Patch, present},
};

/// A channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 3, "name": "Night shift", "kind": "mail", "is_enabled": true,
        "mail": {"host": "smtp.example.com", "port": 587, "security": "starttls", "username": "tms", "has_password": true,
        "sender": "tms@example.com", "receivers": ["night@example.com"]}, "web_hook": null, "slack": null, "sns": null,
        "routing": {"lowest_severity": "HIGH", "customer_ids": [], "hours": {"begin": "22:00", "end": "07:00",
        "time_zone": "Asia/Tokyo"}, "resolved": true}, "language": "ja", "state": {"status": "ok", "failures": 0,
        "last_error": null, "last_failed_at": null, "last_sent_at": "2026-01-24T10:00:00Z",
        "resume_at": "2026-01-24T10:00:10Z", "queued": 0}, "created_at": "2026-01-24T09:00:00Z",
        "updated_at": "2026-01-24T09:00:00Z"}
    ))
)]
pub struct NotificationChannel {
    /// The id.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// mail, web_hook, slack, sns.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::ChannelKind))]
    pub kind: Name,
    /// Whether it is used.
    pub is_enabled: bool,
    /// Where mail goes, if it is mail.
    pub mail: Option<Mail>,
    /// Where the web hook leads, if it is one.
    pub web_hook: Option<WebHook>,
    /// Where Slack listens, if it is Slack.
    pub slack: Option<Slack>,
    /// The topic, if it is one of SNS.
    pub sns: Option<Sns>,
    /// Which alerts it is told of.
    pub routing: Routing,
    /// en, ja.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Language))]
    pub language: Name,
    /// How it fares.
    pub state: ChannelState,
    /// When it was made.
    pub created_at: String,
    /// When people last changed it.
    pub updated_at: String,
}

/// A mail server and who gets mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Mail {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// tls, starttls, none.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::MailSecurity))]
    pub security: Name,
    /// Who signs in.
    pub username: Option<String>,
    /// Whether a password is kept; it is never shown.
    pub has_password: bool,
    /// Who writes.
    pub sender: String,
    /// Who gets it.
    pub receivers: Vec<String>,
}

/// A web hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct WebHook {
    /// Where to.
    pub url: String,
}

/// A web hook of Slack, whose address is a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Slack {
    /// The host of its address.
    pub host: String,
}

/// A topic of SNS; the server's own role must be allowed to publish there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Sns {
    /// Such as arn:aws:sns:ap-northeast-1:123456789012:alerts.
    pub topic_arn: String,
}

/// Which alerts a channel is told of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// The least severe: CRITICAL, HIGH, MEDIUM, LOW, INFO. HIGH when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertSeverity>))]
    pub lowest_severity: Option<String>,
    /// Only of these customers; of all when empty.
    #[serde(default)]
    pub customer_ids: Vec<i64>,
    /// Only at these hours.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Whether the end of an alert is told too.
    #[serde(default)]
    pub resolved: bool,
}

/// Hours of the day, possibly over midnight.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// When they begin, such as 22:00.
    pub begin: String,
    /// When they end, such as 07:00.
    pub end: String,
    /// Such as Asia/Tokyo.
    pub time_zone: String,
}

/// How a channel fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ChannelState {
    /// unused, ok, failing.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::ChannelStatus))]
    pub status: Name,
    /// How often it failed since it last worked.
    pub failures: u32,
    /// Why, the last time.
    pub last_error: Option<String>,
    /// When it last failed.
    pub last_failed_at: Option<String>,
    /// When it last worked.
    pub last_sent_at: Option<String>,
    /// When it is tried again.
    pub resume_at: Option<String>,
    /// How many messages wait.
    pub queued: u64,
}

/// `POST /notification-channels`: with one of mail, web_hook, slack, sns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"name": "Night shift", "mail": {"host": "smtp.example.com", "username": "tms", "password": "...",
        "sender": "tms@example.com", "receivers": ["night@example.com"]}, "routing": {"lowest_severity": "HIGH",
        "customer_ids": [], "hours": {"begin": "22:00", "end": "07:00", "time_zone": "Asia/Tokyo"}, "resolved": true},
        "language": "ja"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct NotificationChannelCreate {
    /// What people call it; unique.
    pub name: String,
    /// Whether it is used; it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    /// Mail over SMTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailWish>,
    /// A web hook with a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_hook: Option<WebHookWish>,
    /// What Slack understands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackWish>,
    /// A topic of SNS, on a server that was built with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sns: Option<Sns>,
    /// Which alerts it is told of.
    #[serde(default)]
    pub routing: Routing,
    /// en, ja; English when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Language>))]
    pub language: Option<String>,
}

/// `PATCH /notification-channels/{id}`; mail, web_hook, slack, sns and routing are replaced as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"is_enabled": false}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct NotificationChannelPatch {
    /// What people call it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is used.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    /// Mail over SMTP.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailWish>,
    /// A web hook with a signature.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub web_hook: Option<WebHookWish>,
    /// What Slack understands.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackWish>,
    /// A topic of SNS.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub sns: Option<Sns>,
    /// Which alerts it is told of; null tells it all that is HIGH or worse.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<Routing>))]
    pub routing: Patch<Routing>,
    /// en, ja.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Language>))]
    pub language: Option<String>,
}

/// A mail server as asked for.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MailWish {
    /// The server.
    pub host: String,
    /// Its port; that of the security when absent: 465, 587, 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// tls, starttls, none; starttls when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::MailSecurity>))]
    pub security: Option<String>,
    /// Who signs in, if anybody must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password; a change may leave it out as long as server and user are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Who writes.
    pub sender: String,
    /// Who gets it.
    pub receivers: Vec<String>,
}

/// A web hook as asked for.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WebHookWish {
    /// Where to.
    pub url: String,
    /// The key of the signature, 16 to 200 characters; a change may leave it out as long as the address is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A web hook of Slack as asked for.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SlackWish {
    /// Where to.
    pub url: String,
}

/// `POST /notification-channels/{id}/test`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"status": "sent", "error": null}
    ))
)]
pub struct NotificationTested {
    /// sent, failed.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::TestStatus))]
    pub status: Name,
    /// Why it failed.
    pub error: Option<String>,
}

impl fmt::Debug for MailWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailWish")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WebHookWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebHookWish")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SlackWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackWish").finish_non_exhaustive()
    }
}
