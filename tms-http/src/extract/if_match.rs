//! Entity tags: revisions (DECISIONS 9), and what stands for one where there is none.

use std::fmt::Write;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponseParts, ResponseParts},
};
use http::{
    HeaderMap, HeaderValue,
    header::{ETAG, IF_MATCH},
    request::Parts,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tms_core::id::Revision;

use crate::problem::{Code, Problem};

/// The tag of an answer.
pub(crate) struct Etag(pub(crate) Revision);

impl IntoResponseParts for Etag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Ok(tag) = HeaderValue::try_from(format!("\"r{}\"", self.0.0)) {
            response.headers_mut().insert(ETAG, tag);
        }
        Ok(response)
    }
}

/// The tag of an answer whose resource nobody changes by its revision: made of what is shown.
pub(crate) struct ContentTag(HeaderValue);

impl ContentTag {
    pub(crate) fn of<T: Serialize>(shown: &T) -> Result<Self, Problem> {
        let digest = Sha256::digest(serde_json::to_vec(shown).map_err(Problem::internal)?);
        let mut tag = String::from("\"c");
        for byte in digest.iter().take(8) {
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        HeaderValue::try_from(tag).map(Self).map_err(Problem::internal)
    }
}

impl IntoResponseParts for ContentTag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        response.headers_mut().insert(ETAG, self.0);
        Ok(response)
    }
}

/// The `If-Match` of a request, missing perhaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMatch {
    Missing,
    /// Whatever is stored.
    Any,
    Revision(Revision),
    /// A tag that no answer ever had, or a weak one.
    Foreign,
}

impl IfMatch {
    fn from_headers(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(IF_MATCH).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return if headers.contains_key(IF_MATCH) {
                Self::Foreign
            } else {
                Self::Missing
            };
        };
        let line = line.to_str().unwrap_or_default().trim();
        if line == "*" {
            return Self::Any;
        }
        let tag = line.strip_prefix("\"r").and_then(|rest| rest.strip_suffix('"'));
        let number = tag.filter(|tag| !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_digit()));
        match number.and_then(|number| number.parse().ok()) {
            Some(revision) => Self::Revision(Revision(revision)),
            None => Self::Foreign,
        }
    }

    /// Refuses a request that has no `If-Match`.
    pub(crate) fn required(self) -> Result<Self, Problem> {
        match self {
            Self::Missing => Err(Problem::new(Code::IfMatchMissing)),
            other => Ok(other),
        }
    }

    /// Returns the only revision that may be changed, where a request may leave that open.
    pub(crate) fn wish(self) -> Result<Option<Revision>, Problem> {
        match self {
            Self::Missing | Self::Any => Ok(None),
            Self::Revision(seen) => Ok(Some(seen)),
            Self::Foreign => Err(Problem::new(Code::Stale)),
        }
    }

    /// Returns the revision to change, if the present one is what the request has seen.
    pub(crate) fn check(self, present: Revision) -> Result<Revision, Problem> {
        match self {
            Self::Any => Ok(present),
            Self::Revision(seen) if seen == present => Ok(present),
            Self::Missing => Err(Problem::new(Code::IfMatchMissing)),
            Self::Revision(_) | Self::Foreign => Err(Problem::new(Code::Stale)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::from_headers(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_tag_of_ours_names_a_revision() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_static(text));
            IfMatch::from_headers(&headers)
        };
        assert_eq!(IfMatch::from_headers(&HeaderMap::new()), IfMatch::Missing);
        assert_eq!(read("\"r12\""), IfMatch::Revision(Revision(12)));
        assert_eq!(read("*"), IfMatch::Any);
        for text in [
            "W/\"r12\"",
            "r12",
            "\"12\"",
            "\"r\"",
            "\"r-1\"",
            "\"r1\", \"r2\"",
            "",
            "\"r99999999999999999999\"",
        ] {
            assert_eq!(read(text), IfMatch::Foreign, "{text}");
        }
    }
}
