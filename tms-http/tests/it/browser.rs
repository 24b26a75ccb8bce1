//! A browser as far as a server can tell: it keeps cookies, says from where a form comes, and shows pages.

use std::{cell::RefCell, collections::BTreeMap};

use crate::world::{Answer, PASSWORD, World};

/// Cuts what stands between two marks out of a page.
#[track_caller]
pub(crate) fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("{before} in {page}"));
    rest.split_once(after).unwrap().0
}

/// Returns the revision that a form of a page carries.
#[track_caller]
pub(crate) fn revision(page: &str) -> &str {
    between(page, "name=\"revision\" value=\"", "\"")
}

pub(crate) struct Browser<'w> {
    world: &'w World,
    cookies: RefCell<BTreeMap<String, String>>,
    /// What goes along with every request.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

impl<'w> Browser<'w> {
    /// Opens a browser in English in which nobody has signed in.
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            world,
            cookies: RefCell::default(),
            headers: vec![
                ("accept", "text/html,application/xhtml+xml"),
                ("accept-language", "en"),
                ("sec-fetch-site", "same-origin"),
                ("host", "tms.example"),
            ],
        }
    }

    /// Opens a browser in which a person of this role has signed in; `anonymous` has not.
    pub(crate) async fn of(world: &'w World, role: &str) -> Self {
        let browser = Self::new(world);
        if role != "anonymous" {
            let answer = browser.sign_in(&format!("{role}-san"), PASSWORD).await;
            assert_eq!(answer.status, 303, "{}", answer.text);
        }
        browser
    }

    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Answer {
        self.post("/login", &[("username", username), ("password", password)])
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// Sends a form.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| -> String {
            text.bytes()
                .map(|b| match b {
                    b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
                    b => format!("%{b:02X}"),
                })
                .collect()
        };
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        self.send("POST", path, Some(pairs.collect::<Vec<_>>().join("&"))).await
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    async fn send(&self, method: &str, path: &str, form: Option<String>) -> Answer {
        let mut call = self.world.call(method, &format!("http://tms.example{path}"));
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        let cookies = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>();
        if !cookies.is_empty() {
            call = call.header("cookie", &cookies.join("; "));
        }
        if let Some(form) = form {
            call = call
                .header("content-type", "application/x-www-form-urlencoded")
                .untyped(form);
        }
        let answer = call.send().await;
        for line in answer.headers.get_all("set-cookie") {
            let (pair, rest) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

impl Answer {
    /// Expects a page with this status that is guarded as every page is.
    #[track_caller]
    pub(crate) fn page(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        let policy = self.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("referrer-policy"), "same-origin");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        for inside in ["<style", "style=", "onclick", "onload", "javascript:"] {
            assert!(!self.text.contains(inside), "{inside} in a page");
        }
        let scripts = self.text.matches("<script").count();
        let files = self.text.matches("<script type=\"module\" src=\"").count();
        assert!(scripts >= 1 && scripts == files, "scripts come from files alone");
        assert_eq!(self.text.matches("</html>").count(), 1);
        &self.text
    }

    /// Expects a redirect and returns where it leads.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.header("location")
    }
}
