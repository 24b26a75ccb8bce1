//! The cookie by which a browser is known as a device from which somebody has signed in. It opens nothing: with it the
//! guesses of strangers do not count against who sits there.

use axum::response::{IntoResponseParts, ResponseParts};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};
use tms_core::{operator::guess::DEVICE_LIFE, secret::Token};

const NAME: &str = "__Host-tms_device";

/// Returns what the browser was given, if anything.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| name.trim() == NAME)
        .map(|(_, value)| value.trim().to_owned())
}

/// Gives a token to the browser.
pub(super) struct Keep(String);

impl Keep {
    pub(super) fn of(token: &Token) -> Self {
        let life = DEVICE_LIFE.as_secs();
        let value = token.expose();
        Self(format!(
            "{NAME}={value}; Path=/; Max-Age={life}; Secure; HttpOnly; SameSite=Strict"
        ))
    }
}

impl IntoResponseParts for Keep {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Ok(mut value) = HeaderValue::try_from(self.0) {
            value.set_sensitive(true);
            response.headers_mut().append(SET_COOKIE, value);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.append(COOKIE, HeaderValue::from_static("a=b; tms_device=no"));
        headers.append(COOKIE, HeaderValue::from_static("c=d;__Host-tms_device=yes; e"));
        assert_eq!(cookie(&headers).as_deref(), Some("yes"));
    }
}
