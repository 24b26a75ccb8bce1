//! The console as a browser without a session sees it, and the files its pages name.

use reqwest::StatusCode;

use crate::{
    report::{Report, Seen},
    visitor::{Visitor, send},
};

/// The main pages, which nobody sees without signing in.
pub(crate) const PAGES: &[&str] = &["/dashboard", "/terminals", "/alerts"];

/// Looks at the pages and at each file of the sign-in page.
pub(crate) async fn look(visitor: &Visitor, report: &mut Report) {
    match sign_in_page(visitor).await {
        Ok(page) => {
            report.note("pages", protected(visitor).await);
            report.note("static files", files(visitor, &page).await);
        }
        Err(why) => {
            report.note("pages", Err(why));
            report.skip("static files", "no page names any");
        }
    }
}

async fn sign_in_page(visitor: &Visitor) -> Result<String, String> {
    let answer = visitor.get_page("/login").await?.expect(StatusCode::OK);
    let answer = answer.map_err(|why| format!("/login {why}; is the console switched off?"))?;
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.starts_with("text/html") {
        Ok(answer.body)
    } else {
        Err(format!("/login is {kind:?}, not a page"))
    }
}

async fn protected(visitor: &Visitor) -> Seen {
    for page in PAGES {
        let answer = visitor.get_page(page).await?;
        let to = answer.header("location").unwrap_or_default();
        if !answer.status.is_redirection() || !to.contains("/login") {
            return Err(format!(
                "{page} answers {} instead of leading to /login",
                answer.status.as_u16()
            ));
        }
    }
    Ok(format!("/login, and {} lead there", PAGES.join(", ")))
}

async fn files(visitor: &Visitor, page: &str) -> Seen {
    let named = named(page);
    if named.is_empty() {
        return Err("the page names no file below /static/ or STATIC_URL".to_owned());
    }
    for name in &named {
        let url = visitor
            .base()
            .join(name)
            .map_err(|_| format!("{name:?} is no address"))?;
        let answer = send(visitor.get_of(url)).await?.expect(StatusCode::OK);
        let answer = answer.map_err(|why| format!("{name} {why}; run `tms collect-static`"))?;
        let cached = answer.header("cache-control").unwrap_or_default();
        if !cached.contains("immutable") {
            return Err(format!(
                "{name} may not be kept by browsers: Cache-Control is {cached:?}"
            ));
        }
    }
    Ok(format!("{} files, all there and to be kept", named.len()))
}

/// Returns the style sheets, scripts and pictures that a page names, each once.
fn named(page: &str) -> Vec<String> {
    let attributes = ["href=\"", "src=\""];
    let mut named: Vec<String> = attributes
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| {
            let path = name.split(['?', '#']).next().unwrap_or_default();
            let ending = path.rsplit('.').next().unwrap_or_default();
            path.contains('/')
                && matches!(
                    ending,
                    "css" | "js" | "mjs" | "svg" | "png" | "ico" | "woff2" | "webmanifest"
                )
        })
        .map(|name| name.replace("&amp;", "&"))
        .collect();
    named.sort();
    named.dedup();
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_page_are_found_and_links_are_not() {
        let page = r#"<link rel="stylesheet" href="/static/app.1f.css"><a href="/login">x</a>
            <script type="module" src="/static/app.2e.js"></script><img src="https://cdn.invalid/a.svg?x=1">
            <link href="/static/app.1f.css">"#;
        assert_eq!(
            named(page),
            [
                "/static/app.1f.css",
                "/static/app.2e.js",
                "https://cdn.invalid/a.svg?x=1"
            ]
        );
    }
}
