//! The console as somebody sees it who signs in there: by the form, with the cookies that a browser keeps.

use std::collections::BTreeMap;

use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE},
};
use tms_core::secret::Secret;
use url::form_urlencoded;

use crate::{
    Credentials, Target,
    page::PAGES,
    report::Report,
    visitor::{self, Answer, Visitor, send},
};

const NAME: &str = "console";
/// How the cookie of a session is named.
const SESSION: &str = "__Host-tms_session";
/// What only a page of somebody who has signed in has.
const SIGN_OUT: &str = "/logout\"";

/// Signs in at the console, looks at its main pages, signs out, and looks whether that ended it.
pub(crate) async fn look(visitor: &Visitor, target: &Target, report: &mut Report) {
    let (username, password) = match &target.credentials {
        Some(Credentials::Person {
            username,
            password,
            code: None,
        }) => (username, password),
        Some(Credentials::Person { code: Some(_), .. }) => {
            report.skip(
                NAME,
                "a code of the second factor opens one door, and has opened the API",
            );
            return;
        }
        Some(Credentials::Token(_)) | None => {
            report.skip(NAME, "a token opens no page; a name and a password do");
            return;
        }
    };
    let mut browser = Browser {
        visitor,
        cookies: BTreeMap::new(),
    };
    let entered = browser.sign_in(username, password).await;
    let seen = match entered {
        Ok(()) => {
            let pages = browser.pages().await;
            // Whatever the pages were like, the session does not stay.
            let left = browser.sign_out().await;
            pages.and_then(|seen| left.map(|()| seen))
        }
        Err(why) => Err(why),
    };
    report.note(NAME, seen);
}

/// What a browser keeps and says.
struct Browser<'v> {
    visitor: &'v Visitor,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    async fn sign_in(&mut self, username: &str, password: &Secret<String>) -> Result<(), String> {
        let form = [("username", username), ("password", password.expose().as_str())];
        let answer = self.post("/login", &form).await?;
        match answer.status {
            StatusCode::SEE_OTHER => {}
            StatusCode::FORBIDDEN => {
                let why = "/login answers 403 as if the form were of another site; let the proxy keep Host and Origin";
                return Err(why.to_owned());
            }
            StatusCode::UNAUTHORIZED => return Err("/login refuses what the API has taken".to_owned()),
            _ => {
                return answer
                    .expect(StatusCode::SEE_OTHER)
                    .map(drop)
                    .map_err(|why| format!("/login {why}"));
            }
        }
        let lines = answer.headers.get_all(SET_COOKIE).iter();
        let session = lines
            .filter_map(|line| line.to_str().ok())
            .find(|line| line.starts_with(SESSION));
        match session {
            None => Err("/login gives no cookie for the session; does the proxy drop it?".to_owned()),
            Some(line) if !(line.contains("; Secure") && line.contains("; HttpOnly")) => {
                Err("the cookie of the session is not as TMS sends it; look at the proxy".to_owned())
            }
            Some(_) => Ok(()),
        }
    }

    async fn pages(&mut self) -> Result<String, String> {
        for page in PAGES {
            let answer = self.get(page).await?.expect(StatusCode::OK);
            let answer = answer.map_err(|why| format!("{page} {why}"))?;
            let kind = answer.header("content-type").unwrap_or_default();
            if !kind.starts_with("text/html") {
                return Err(format!("{page} is {kind:?}, not a page"));
            }
            if !answer.body.contains(SIGN_OUT) {
                return Err(format!("{page} is no page of somebody who has signed in"));
            }
            if !answer.body.trim_end().ends_with("</html>") {
                return Err(format!("{page} is cut off"));
            }
        }
        Ok(format!("{} are shown to who has signed in", PAGES.join(", ")))
    }

    async fn sign_out(&mut self) -> Result<(), String> {
        let before = self.cookies.clone();
        let answer = self.post("/logout", &[]).await?.expect(StatusCode::SEE_OTHER);
        answer.map_err(|why| format!("/logout {why}"))?;
        // A cookie that was kept in spite of it opens nothing.
        self.cookies = before;
        for page in PAGES {
            let answer = self.get(page).await?;
            if !answer.status.is_redirection() {
                return Err(format!("{page} answers {} after signing out", answer.status.as_u16()));
            }
        }
        Ok(())
    }

    async fn get(&mut self, path: &str) -> Result<Answer, String> {
        let request = self.visitor.request(Method::GET, path);
        self.ask(request).await
    }

    /// Sends a form, as one of the server's own pages does.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, String> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .visitor
            .request(Method::POST, path)
            .header(ORIGIN, self.visitor.base().origin().ascii_serialization())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        self.ask(request).await
    }

    async fn ask(&mut self, request: RequestBuilder) -> Result<Answer, String> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = request.header(ACCEPT, visitor::PAGES);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let answer = send(request).await?;
        for line in answer.headers.get_all(SET_COOKIE) {
            let Some((pair, rest)) = line.to_str().ok().and_then(|line| line.split_once(';')) else {
                continue;
            };
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}
