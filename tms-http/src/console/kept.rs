//! A form whose act may ask for a fresh proof of who it is: what was typed is kept while the person proves it, and the form
//! comes back filled in. It travels along in the page that asks for the proof, so that no server has to remember it.

use axum::extract::{FromRequest, Request};

use super::{failure::Slot, form::Form};
use crate::{problem::Problem, state::App};

/// The field of the page that asks for the proof that says where the form was sent.
pub(crate) const TO: &str = "kept_to";
/// What stands before the names of the kept fields there.
pub(crate) const FIELD: &str = "kept.";
/// Fields that are never shown again.
const SECRET: &[&str] = &["mail.password", "web_hook.secret", "slack.url"];

/// A form that comes back filled in, but for secrets, after a proof that was missing.
#[derive(Debug)]
pub(crate) struct Kept(pub(crate) Form);

/// What was typed, on its way through the proof.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    /// Where the form was sent, below the base path.
    pub(crate) to: String,
    /// Names and values.
    pub(crate) fields: Vec<(String, String)>,
}

impl Typed {
    /// Takes along what a form holds that was sent to `to`.
    fn of(to: &str, form: &Form) -> Self {
        let open = form.fields().filter(|(name, _)| !SECRET.contains(name));
        Self {
            to: to.to_owned(),
            fields: open.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// Reads what the page that asks for the proof carries.
    pub(crate) fn carried(form: &Form) -> Option<Self> {
        let own = |(name, value): (&str, &str)| Some((name.strip_prefix(FIELD)?.to_owned(), value.to_owned()));
        Some(Self {
            to: form.text(TO)?,
            fields: form.fields().filter_map(own).collect(),
        })
    }
}

impl FromRequest<App> for Kept {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let slot = request.extensions().get::<Slot>().cloned();
        let to = request.uri().path().to_owned();
        let form = Form::from_request(request, app).await?;
        if let Some(typed) = Typed::carried(&form) {
            let fields = typed.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            return Ok(Self(Form::back(fields)));
        }
        if let Some(slot) = slot {
            slot.keep(Typed::of(&to, &form));
        }
        Ok(Self(form))
    }
}
