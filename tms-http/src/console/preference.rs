//! The language and the colours that somebody chooses, signed in or not.

use axum::response::Response;

use super::{
    answer::{Answer, go, local},
    form::Form,
    frame::Theme,
    visit::Guest,
};
use crate::{
    api::routes::Routes,
    cookie::{self, SetCookie},
    words::Locale,
};

pub(super) fn routes() -> Routes {
    Routes::default().post("/preferences", choose)
}

/// `POST /preferences`
async fn choose(Guest { f, .. }: Guest, form: Form) -> Answer {
    let mut response: Response = go(&local(&f, form.value("back")))?;
    if let Ok(locale) = form.value("language").parse::<Locale>() {
        SetCookie::choice(cookie::LANGUAGE, locale.as_str()).add_to(response.headers_mut());
    }
    if let Ok(theme) = form.value("theme").parse::<Theme>() {
        SetCookie::choice(cookie::THEME, theme.as_str()).add_to(response.headers_mut());
    }
    Ok(response)
}
