//! What every page knows: who reads it, in which language, time zone and colours, and where it is.

use std::{fmt::Display, time::Duration};

use chrono_tz::Tz;
use http::{HeaderMap, Uri};
use tms_core::{ctx::OperatorIdentity, named_enum, permission::Permission, time::Timestamp};

use super::{
    asset,
    flash::Flash,
    format, icon,
    nav::{self, NavItem},
};
use crate::{
    cookie,
    state::Inner,
    words::{Locale, Words},
};

named_enum!(
    /// The colours of the console.
    Theme {
        /// What the system of the reader prefers.
        Auto = "auto",
        /// Dark on light.
        Light = "light",
        /// Light on dark.
        Dark = "dark",
    }
);

impl Theme {
    /// Returns what the switch chooses next.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Auto => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::Auto,
        }
    }

    /// Returns the icon.
    pub(crate) const fn icon(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "sun",
            Self::Dark => "moon",
        }
    }
}

/// A request by which a page that is open renews itself; it says no flash and lets no session go on.
pub(super) const LIVE: &str = "x-tms-live";

/// What every page knows. Templates have it as `f`.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) words: Words,
    pub(crate) theme: Theme,
    pub(crate) now: Timestamp,
    pub(crate) person: Option<OperatorIdentity>,
    pub(crate) flash: Option<Flash>,
    zone: Tz,
    base: String,
    statics: String,
    /// The address of the page with its query, below the base path.
    address: String,
}

#[expect(
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    reason = "templates reach everything by `f`, and pass what they have by reference"
)]
impl Frame {
    pub(super) fn of(app: &Inner, headers: &HeaderMap, uri: &Uri) -> Self {
        let chosen = |name| cookie::find(headers, name);
        let locale = chosen(cookie::LANGUAGE).and_then(|name| name.parse().ok());
        let base = app.settings.base_path.as_str().to_owned();
        Self {
            words: Words(locale.unwrap_or_else(|| Locale::wished(headers))),
            theme: chosen(cookie::THEME)
                .and_then(|name| name.parse().ok())
                .unwrap_or(Theme::Auto),
            now: app.tms.now(),
            person: None,
            flash: if is_live(headers) { None } else { Flash::read(headers) },
            // As in reports: the days of both must be the same.
            zone: app.tms.reports().calendar().zone().parse().unwrap_or(Tz::UTC),
            statics: app
                .settings
                .static_url
                .as_ref()
                .map_or_else(|| format!("{base}/static/"), |url| url.as_str().to_owned()),
            base,
            address: uri
                .path_and_query()
                .map_or_else(String::new, |address| address.as_str().to_owned()),
        }
    }

    /// Returns the text of a key.
    pub(crate) fn t<'k>(&self, key: &'k str) -> &'k str {
        self.words.t(key)
    }

    /// Returns the text of the key `family.name`, such as that of a value of an enumeration.
    pub(crate) fn name(&self, family: &str, name: impl Display) -> String {
        self.words.t(&format!("{family}.{name}")).to_owned()
    }

    /// Returns the name of a field; one that has none in the reader's language keeps its own.
    pub(crate) fn field(&self, name: &str) -> String {
        let key = format!("field.{name}");
        let known = self.words.t(&key);
        if known == key { name } else { known }.to_owned()
    }

    /// Returns the text of a key with a value.
    pub(crate) fn t1(&self, key: &str, value: impl Display) -> String {
        self.words.fill(key, &[&value])
    }

    /// Returns the text of a key with two values.
    pub(crate) fn t2(&self, key: &str, first: impl Display, second: impl Display) -> String {
        self.words.fill(key, &[&first, &second])
    }

    /// Returns the text of a key with three values.
    pub(crate) fn t3(&self, key: &str, first: impl Display, second: impl Display, third: impl Display) -> String {
        self.words.fill(key, &[&first, &second, &third])
    }

    /// Returns what the page before wants to say.
    pub(crate) fn say(&self, flash: &Flash) -> String {
        flash.text(self.words)
    }

    /// Returns the address of a page of ours.
    pub(crate) fn url(&self, path: impl Display) -> String {
        format!("{}{path}", self.base)
    }

    /// Returns the address of an asset.
    pub(crate) fn asset(&self, name: &str) -> String {
        format!("{}{}", self.statics, asset::name_of(name))
    }

    /// Returns the address of this page with its query.
    pub(crate) fn here(&self) -> String {
        self.url(&self.address)
    }

    /// Tells whether this page is at `path` or below.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        let own = self.address.split('?').next().unwrap_or_default();
        own == path || own.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns the drawing of an icon; use it with `|safe`.
    pub(crate) fn icon(&self, name: &str) -> &'static str {
        icon::draw(name)
    }

    /// Tells whether the reader may. To show something or not: services are what refuses.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.person.as_ref().is_some_and(|person| person.may(permission))
    }

    /// Returns what the reader can go to.
    pub(crate) fn nav(&self) -> Vec<NavItem> {
        nav::items(self)
    }

    /// Returns the languages there are.
    pub(crate) fn locales(&self) -> &'static [Locale] {
        Locale::ALL
    }

    /// Returns the name of the person.
    pub(crate) fn username(&self) -> &str {
        self.person.as_ref().map_or("", |person| &person.username)
    }

    /// Returns the name of the person's role.
    pub(crate) fn role(&self) -> String {
        let role = self.person.as_ref().map_or("", |person| person.role.as_str());
        self.name("role", role)
    }

    /// Returns the time zone in which times are shown.
    pub(crate) const fn zone(&self) -> Tz {
        self.zone
    }

    /// Spells a moment.
    pub(crate) fn moment(&self, at: &Timestamp) -> String {
        format::moment(*at, self.zone)
    }

    /// Spells how long ago a moment was.
    pub(crate) fn ago(&self, at: &Timestamp) -> String {
        format::ago(*at, self.now, self.words)
    }

    /// Spells how long something lasts.
    pub(crate) fn span(&self, duration: Duration) -> String {
        format::span(duration, self.words)
    }

    /// Spells a count.
    pub(crate) fn number(&self, value: &u64) -> String {
        format::number(*value)
    }

    /// Says in the reader's language what a service says is wrong.
    pub(crate) fn fault(&self, message: &str) -> String {
        self.words.fault(message)
    }
}

/// Tells whether an open page renews itself.
pub(super) fn is_live(headers: &HeaderMap) -> bool {
    headers.contains_key(LIVE)
}
