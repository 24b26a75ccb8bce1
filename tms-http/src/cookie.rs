//! The cookies that browsers keep for us. All belong to this host and to no path in particular, travel over HTTPS only
//! (browsers hold loopback for as good), and none goes along when another site posts to us.

use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

/// The session of the console.
pub(crate) const SESSION: &str = "__Host-tms_session";
/// By which a browser is known as a device from which somebody has signed in. It opens nothing: with it the guesses of
/// strangers do not count against who sits there.
pub(crate) const DEVICE: &str = "__Host-tms_device";
/// What somebody holds between the password and the code of the second factor.
pub(crate) const HALF: &str = "__Host-tms_half";
/// What the next page says once.
pub(crate) const FLASH: &str = "__Host-tms_flash";
/// The language that somebody chose.
pub(crate) const LANGUAGE: &str = "__Host-tms_language";
/// The colours that somebody chose.
pub(crate) const THEME: &str = "__Host-tms_theme";

/// Returns the value of a cookie.
pub(crate) fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

/// A cookie to set.
#[derive(Debug)]
pub(crate) struct SetCookie(String);

impl SetCookie {
    /// Keeps a value until the browser is closed. It goes along when somebody follows a link to us, but not when another
    /// site posts or embeds.
    pub(crate) fn session(name: &str, value: &str) -> Self {
        Self(format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"))
    }

    /// Keeps a value for a time, for requests from our own pages only.
    pub(crate) fn lasting(name: &str, value: &str, life: Duration) -> Self {
        let life = life.as_secs();
        Self(format!(
            "{name}={value}; Path=/; Max-Age={life}; Secure; HttpOnly; SameSite=Strict"
        ))
    }

    /// Keeps what somebody chose, for a year.
    pub(crate) fn choice(name: &str, value: &str) -> Self {
        Self(format!(
            "{name}={value}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax"
        ))
    }

    /// Forgets a value.
    pub(crate) fn forget(name: &str) -> Self {
        Self(format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"))
    }

    /// Adds it to the headers of an answer.
    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        if let Ok(mut value) = HeaderValue::try_from(self.0) {
            value.set_sensitive(true);
            headers.append(SET_COOKIE, value);
        }
    }
}

impl IntoResponseParts for SetCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        self.add_to(response.headers_mut());
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(find(&headers, DEVICE), None);
        headers.append(COOKIE, HeaderValue::from_static("a=1; __Host-tms_device=tms_dev_x"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-tms_devices=2; b=3=4; =;;"));
        assert_eq!(find(&headers, DEVICE), Some("tms_dev_x"));
        assert_eq!(find(&headers, "b"), Some("3=4"));
        assert_eq!(find(&headers, SESSION), None);
    }

    #[test]
    fn no_cookie_can_come_from_elsewhere() {
        for cookie in [
            SetCookie::session(SESSION, "x"),
            SetCookie::lasting(DEVICE, "x", Duration::from_secs(1)),
            SetCookie::choice(THEME, "x"),
            SetCookie::forget(SESSION),
        ] {
            for part in ["__Host-", "; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite="] {
                assert!(cookie.0.contains(part), "{cookie:?}");
            }
            assert!(!cookie.0.contains("Domain"), "{cookie:?}");
        }
    }
}
