//! What a person sees after signing in, and that signing out ends it.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tms_core::secret::Secret;

use crate::{
    Credentials, Target,
    report::{Report, Seen},
    visitor::{Answer, Visitor, send},
};

/// Lists and single things that every role may read.
const ROUTES: &[&str] = &[
    "/auth/me",
    "/summary",
    "/terminals?per_page=1",
    "/customers?per_page=1",
    "/alerts?per_page=1",
];

/// Somebody who has signed in.
#[derive(Debug)]
pub(crate) struct Operator<'a> {
    visitor: &'a Visitor,
    token: Secret<String>,
    /// A token that somebody else made is not signed out.
    has_session: bool,
}

/// Signs in; `None` when that fails.
pub(crate) async fn sign_in<'a>(visitor: &'a Visitor, target: &Target, report: &mut Report) -> Option<Operator<'a>> {
    let (token, has_session) = match &target.credentials {
        Some(Credentials::Token(token)) => (Ok(token.expose().clone()), false),
        Some(Credentials::Person {
            username,
            password,
            code,
        }) => {
            let body = json!({
                "username": username, "password": password.expose(),
                "mfa_code": code.as_ref().map(Secret::expose),
            });
            (token_of(visitor, &body).await, true)
        }
        None => {
            let why = "nobody to sign in with; set TMS_VERIFY_USERNAME and TMS_VERIFY_PASSWORD, or TMS_VERIFY_TOKEN";
            (Err(why.to_owned()), true)
        }
    };
    let operator = token.map(|token| Operator {
        visitor,
        token: Secret::new(token),
        has_session,
    });
    match operator {
        Ok(operator) => {
            let seen = operator.me().await;
            report.note("sign-in", seen).then_some(operator)
        }
        Err(why) => {
            report.note("sign-in", Err(why));
            None
        }
    }
}

async fn token_of(visitor: &Visitor, body: &Value) -> Result<String, String> {
    let answer = send(visitor.request(Method::POST, "/api/v1/auth/login").json(body)).await?;
    let code = answer
        .json()
        .ok()
        .and_then(|body| Some(body.pointer("/error/code")?.as_str()?.to_owned()));
    match code.as_deref() {
        Some("AUTH_001") => return Err("name or password is wrong, or the account is disabled".to_owned()),
        Some("AUTH_004") => {
            return Err(
                "a code of the second factor is needed; set TMS_VERIFY_CODE, or use TMS_VERIFY_TOKEN".to_owned(),
            );
        }
        _ => {}
    }
    let body = answer.expect(StatusCode::OK)?.json()?;
    let token = body.get("access_token").and_then(Value::as_str);
    token
        .map(str::to_owned)
        .ok_or_else(|| "the answer has no access_token".to_owned())
}

impl Operator<'_> {
    /// Returns what asks and answers.
    pub(crate) fn visitor(&self) -> &Visitor {
        self.visitor
    }

    /// Begins a request of the API.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.visitor
            .request(method, &format!("/api/v1{path}"))
            .bearer_auth(self.token.expose())
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, String> {
        let answer = send(self.request(Method::GET, path)).await?.expect(StatusCode::OK);
        answer.map_err(|why| format!("{path} {why}"))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        let answer = send(self.request(Method::POST, path).json(body))
            .await?
            .expect(StatusCode::CREATED);
        answer.map_err(|why| format!("{path} {why}"))
    }

    async fn me(&self) -> Seen {
        let me = self.get("/auth/me").await?.json()?;
        let text = |field: &str| me.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
        Ok(format!("{} ({})", text("username"), text("role")))
    }

    /// Looks at the API and its limits.
    pub(crate) async fn look(&self, report: &mut Report) {
        report.note("API", self.routes().await);
        report.note("rate limit", self.limit().await);
    }

    async fn routes(&self) -> Seen {
        for route in ROUTES {
            self.get(route).await?.json()?;
        }
        let document = self.get("/openapi.json").await?.json()?;
        let paths = document
            .get("paths")
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len);
        if paths == 0 {
            return Err("/openapi.json describes nothing".to_owned());
        }
        Ok(format!("{} routes answer, {paths} are described", ROUTES.len()))
    }

    /// Looks whether requests are counted, without using the limit up.
    async fn limit(&self) -> Seen {
        let left = |answer: &Answer| {
            answer
                .header("x-ratelimit-remaining")
                .and_then(|text| text.parse::<u64>().ok())
        };
        let lifted =
            || "requests are not counted; is TMS_RATE_LIMITS=off, or does the proxy drop X-RateLimit-*?".to_owned();
        let mut fewest = u64::MAX;
        for _ in 0..5 {
            let answer = self.get("/summary").await?;
            let remaining = left(&answer).ok_or_else(lifted)?;
            if remaining < fewest && fewest != u64::MAX {
                let limit = answer.header("x-ratelimit-limit").unwrap_or("?").to_owned();
                return Ok(format!("counted, {remaining} of {limit} left"));
            }
            fewest = fewest.min(remaining);
        }
        Err("five requests in a row were not counted".to_owned())
    }

    /// Ends the session and looks whether it has ended.
    pub(crate) async fn sign_out(&self, report: &mut Report) {
        if self.has_session {
            report.note("sign-out", self.leave().await);
        } else {
            report.skip("sign-out", "a token stays");
        }
    }

    async fn leave(&self) -> Seen {
        send(self.request(Method::POST, "/auth/logout"))
            .await?
            .expect(StatusCode::NO_CONTENT)?;
        let after = send(self.request(Method::GET, "/auth/me"))
            .await?
            .expect(StatusCode::UNAUTHORIZED);
        after.map_err(|why| format!("the session goes on: {why}"))?;
        Ok("the session has ended".to_owned())
    }
}
