//! What a form holds: the values as typed, to be shown again beside what is wrong with them.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use axum::extract::{FromRequest, Request};
use http::{StatusCode, header::CONTENT_TYPE};
use tms_core::{
    Error,
    error::FieldErrors,
    id::Revision,
    text::{InvalidText, Lines, clean},
};
use url::form_urlencoded;

use super::frame::Frame;
use crate::{
    extract::body::{MAX_BODY, collect_any},
    problem::{Code, Problem},
    state::App,
};

/// The most fields of a form.
const MOST_FIELDS: usize = 200;
/// The longest value.
const LONGEST: usize = 8_000;

/// A form.
#[derive(Debug, Default)]
pub(crate) struct Form {
    values: BTreeMap<String, Vec<String>>,
    /// What is wrong, as the services say it.
    pub(crate) errors: FieldErrors,
    /// What is wrong with no field in particular, in the reader's language.
    pub(crate) fault: Option<String>,
    /// What somebody else has written meanwhile, where it differs from what was typed.
    theirs: BTreeMap<String, String>,
    /// Whether it only comes back to be looked at, after the person has proved who they are: nothing is to be done.
    is_back: bool,
}

impl Form {
    /// Begins with these values.
    pub(crate) fn of<const N: usize>(values: [(&str, String); N]) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), vec![value]));
        Self {
            values: values.collect(),
            ..Self::default()
        }
    }

    /// Returns a value as typed; empty when there is none.
    pub(crate) fn value(&self, name: &str) -> &str {
        let values = self.values.get(name);
        values.and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// Returns a value that is not only blank.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        Some(self.value(name).trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Tells whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }

    /// Tells whether `value` is among the values of a field.
    pub(crate) fn has(&self, name: &str, value: impl Display) -> bool {
        let value = value.to_string();
        self.all(name).any(|chosen| chosen == value)
    }

    /// Returns all values of a field, such as the boxes that are ticked of many.
    pub(crate) fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.values.get(name).into_iter().flatten().map(String::as_str)
    }

    /// Reads a value that may be absent, or notes what is wrong with it.
    pub(crate) fn read<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().map_err(|e: T::Err| InvalidText(e.to_string()));
        self.errors.take(name, parsed)
    }

    /// Reads a value that must be there, or notes what is wrong.
    pub(crate) fn need<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        if self.text(name).is_none() {
            self.errors.add(name, "is needed");
        }
        self.read(name)
    }

    /// Returns names and values as they were sent.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.values.iter();
        each.flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }

    /// Makes a form that only comes back to be looked at: nothing is to be done.
    pub(crate) fn back<'p>(fields: impl Iterator<Item = (&'p str, &'p str)>) -> Self {
        let mut form = Self {
            is_back: true,
            ..Self::default()
        };
        for (name, value) in fields {
            form.put(name, value.to_owned());
        }
        form
    }

    /// Reads the revision that the person saw of what they change.
    pub(crate) fn seen(&mut self) -> Option<Revision> {
        self.need::<i64>("revision").map(Revision)
    }

    /// Reads the revision for an act that has no form to be shown again.
    ///
    /// # Errors
    /// The problem, when it is missing.
    pub(crate) fn must_have_seen(mut self) -> Result<Revision, Problem> {
        self.seen().ok_or_else(|| Problem::invalid(self.errors))
    }

    /// Carries out what the form wishes, if it could be read; or returns the status with which it is shown again, with
    /// what is wrong.
    ///
    /// # Errors
    /// The problem, when it is nothing that the form can show.
    pub(crate) async fn carry_out<W, T, F>(
        &mut self,
        f: &Frame,
        wish: Option<W>,
        act: impl FnOnce(W) -> F,
    ) -> Result<Result<T, StatusCode>, Problem>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if self.is_back {
            self.errors = FieldErrors::default();
            return Ok(Err(StatusCode::OK));
        }
        let Some(wish) = wish.filter(|_| !self.is_wrong()) else {
            return Ok(Err(StatusCode::UNPROCESSABLE_ENTITY));
        };
        let error = match act(wish).await {
            Ok(done) => return Ok(Ok(done)),
            Err(error) => error,
        };
        let status = match error {
            Error::Stale(_) => StatusCode::PRECONDITION_FAILED,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        self.refuse(f, error)?;
        Ok(Err(status))
    }

    /// Returns what is to be shown of a form that was not carried out: what was typed, and where somebody else was first
    /// the revision that a second try needs, with what they have written where it differs.
    #[must_use]
    pub(crate) fn or_present(mut self, status: StatusCode, present: impl FnOnce() -> Self) -> Self {
        if status != StatusCode::PRECONDITION_FAILED {
            return self;
        }
        for (name, values) in present().values {
            let (typed, stored) = (spelled(self.all(&name)), spelled(values.iter().map(String::as_str)));
            if name == "revision" {
                self.values.insert(name, values);
            } else if typed != stored {
                self.theirs.insert(name, stored);
            }
        }
        self
    }

    /// Returns what somebody else has written into a field meanwhile, if that is not what was typed.
    pub(crate) fn theirs(&self, name: &str) -> Option<&str> {
        let theirs = self.theirs.get(name)?.as_str();
        Some(if theirs.is_empty() { "–" } else { theirs })
    }

    /// Tells whether somebody else has ticked a box, if that is not what was done here.
    pub(crate) fn theirs_ticked(&self, name: &str) -> Option<bool> {
        Some(!self.theirs.get(name)?.is_empty())
    }

    /// Reads a whole number that must be there and within bounds, or notes what is wrong.
    pub(crate) fn need_number(&mut self, name: &str, low: u32, high: u32) -> Option<u32> {
        let Some(text) = self.text(name) else {
            self.errors.add(name, "is needed");
            return None;
        };
        let parsed = Some(&text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let parsed = parsed.and_then(|text| text.parse().ok());
        let parsed = parsed.filter(|number| (low..=high).contains(number));
        self.errors.take(
            name,
            parsed.ok_or_else(|| InvalidText(format!("must be {low} to {high}"))),
        )
    }

    /// Adds a value to a field.
    pub(crate) fn put(&mut self, name: &str, value: String) {
        self.values.entry(name.to_owned()).or_default().push(value);
    }

    /// Takes over what somebody else has found wrong.
    pub(crate) fn add_all(&mut self, errors: &FieldErrors) {
        for (field, messages) in errors.iter() {
            for message in messages {
                self.errors.add(field, message.clone());
            }
        }
    }

    /// Takes what a service refused, to be shown in the form.
    ///
    /// # Errors
    /// The problem, when it is nothing that the form can show.
    pub(crate) fn refuse(&mut self, f: &Frame, error: Error) -> Result<(), Problem> {
        match error {
            Error::Invalid(errors) => self.add_all(&errors),
            Error::Conflict(message) => self.fault = Some(f.fault(&message)),
            Error::Stale(_) => self.fault = Some(f.t("form.stale").to_owned()),
            Error::WrongCredentials => self.fault = Some(f.t("form.wrong_credentials").to_owned()),
            Error::TooMany { retry_after } => self.fault = Some(f.t1("form.too_many", f.span(retry_after))),
            other => return Err(other.into()),
        }
        Ok(())
    }

    /// Tells whether something is wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        self.fault.is_some() || !self.errors.is_empty()
    }

    /// Returns what is wrong with a field, in the reader's language.
    pub(crate) fn errors_of(&self, f: &Frame, name: &str) -> Vec<String> {
        let own = self.errors.iter().filter(|(field, _)| *field == name);
        own.flat_map(|(_, messages)| messages)
            .map(|message| f.fault(message))
            .collect()
    }

    /// Returns all that is wrong with any field, in the reader's language.
    pub(crate) fn all_errors(&self, f: &Frame) -> Vec<String> {
        let all = self.errors.iter().flat_map(|(_, messages)| messages);
        all.map(|message| f.fault(message)).collect()
    }

    /// Tells whether a field is wrong.
    pub(crate) fn is_wrong_at(&self, name: &str) -> bool {
        self.errors.iter().any(|(field, _)| field == name)
    }
}

impl FromRequest<App> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::new(Code::MediaType).because("must be a form"));
        }
        let body = collect_any(&parts.headers, body, MAX_BODY, app.settings.body_timeout).await?;
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(&body).take(MOST_FIELDS) {
            // A browser sends line breaks as two characters.
            let value = value.replace("\r\n", "\n");
            if let Some(value) = form.errors.take(&name, check(&value)) {
                form.values.entry(name.into_owned()).or_default().push(value);
            }
        }
        Ok(form)
    }
}

/// Spells the values of a field, whatever their order.
fn spelled<'v>(values: impl Iterator<Item = &'v str>) -> String {
    let mut values: Vec<_> = values.map(str::trim).filter(|value| !value.is_empty()).collect();
    values.sort_unstable();
    values.join(", ")
}

/// Refuses what no field may hold. Blanks at the ends stay: a password may have them.
fn check(value: &str) -> Result<String, InvalidText> {
    clean(value, 0, LONGEST, Lines::Many)?;
    Ok(value.to_owned())
}
