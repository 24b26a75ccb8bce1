//! What somebody at a browser sees when a request can't be answered: a page like the others, or the page on which they
//! prove who they are.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::{body::Body, extract::Request, response::Response};
use http::{
    Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, REFERER},
};
use tms_core::{
    Ctx,
    error::{FieldErrors, Proof},
};
use url::form_urlencoded;

use super::{
    answer::{go, harden},
    frame::{Frame, is_live},
    kept::Typed,
    sign_in::confirm,
};
use crate::{
    origin::id_text,
    problem::{Pending, Problem},
    router::API,
    state::{App, Inner},
};

/// Carries what a handler found out about the reader to where its problem is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    frame: OnceLock<Arc<Frame>>,
    ctx: OnceLock<Ctx>,
    typed: OnceLock<Typed>,
}

impl Slot {
    /// Notes the frame of a request.
    pub(super) fn note(extensions: &Extensions, f: &Arc<Frame>) {
        if let Some(slot) = extensions.get::<Self>() {
            let _ = slot.0.frame.set(Arc::clone(f));
        }
    }

    /// Notes who it is that signed in.
    pub(super) fn note_visitor(extensions: &Extensions, ctx: &Ctx) {
        if let Some(slot) = extensions.get::<Self>() {
            let _ = slot.0.ctx.set(ctx.clone());
        }
    }

    /// Keeps what was typed into a form.
    pub(super) fn keep(&self, typed: Typed) {
        let _ = self.0.typed.set(typed);
    }
}

/// Somebody at a browser.
#[derive(Debug)]
pub(crate) struct Reader {
    slot: Slot,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    f: Arc<Frame>,
    title: String,
    advice: String,
    details: Option<String>,
    /// The fields that are wrong, and what is wrong with each.
    faults: Vec<(String, String)>,
    /// The page of ours from which the reader came.
    back: Option<String>,
    status: u16,
    request_id: String,
}

impl Reader {
    /// Tells whether a request comes from a browser that wants to show a page, and readies it to carry a frame.
    pub(crate) fn of(app: &Inner, request: &mut Request) -> Option<Self> {
        let path = request.uri().path();
        let is_machine = [API, "/api/", "/health", "/metrics", "/static/"]
            .iter()
            .any(|prefix| path.starts_with(prefix));
        let accepts = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let wants_page = accepts.is_some_and(|accept| accept.contains("text/html"));
        if !app.settings.console || is_machine || !wants_page {
            return None;
        }
        let slot = Slot::default();
        request.extensions_mut().insert(slot.clone());
        Some(Self {
            slot,
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    /// Shows a problem that is on its way out; any other answer passes.
    pub(crate) async fn present(self, app: &App, id: &HeaderValue, mut response: Response) -> Response {
        let Some(Pending(problem)) = response.extensions_mut().remove::<Pending>() else {
            return response;
        };
        let f = self.frame(app);
        let mut answer = match (self.ask(app, &f, &problem).await, self.elsewhere(&f, &problem)) {
            (Some(question), _) => question,
            (None, Some(to)) => go(&to).unwrap_or_else(|_| self.page_of(app, &f, &problem, id)),
            (None, None) => self.page_of(app, &f, &problem, id),
        };
        for (name, value) in response.headers() {
            if name != CONTENT_TYPE && name != CONTENT_LENGTH {
                answer.headers_mut().append(name.clone(), value.clone());
            }
        }
        answer
    }

    /// Asks for the proof that a form needs, keeping what was typed.
    async fn ask(&self, app: &App, f: &Arc<Frame>, problem: &Problem) -> Option<Response> {
        if !matches!(problem.proof(), Some(Proof::Fresh)) {
            return None;
        }
        let (ctx, typed) = self.slot.0.ctx.get().zip(self.slot.0.typed.get())?;
        let mut question = confirm::ask_keeping(app, ctx, f, typed.clone()).await.ok()?;
        harden(&mut question, app.settings.static_url.as_ref());
        Some(question)
    }

    fn frame(&self, app: &Inner) -> Arc<Frame> {
        let noted = self.slot.0.frame.get().cloned();
        noted.unwrap_or_else(|| Arc::new(Frame::of(app, &self.headers, &self.uri)))
    }

    /// Returns the page to which the reader goes on: where they can mend what is missing of the proof of who they are, or
    /// where the form stands whose address they asked for.
    fn elsewhere(&self, f: &Frame, problem: &Problem) -> Option<String> {
        if self.method == Method::GET && problem.status() == StatusCode::METHOD_NOT_ALLOWED {
            return self.parent().map(|parent| f.url(parent));
        }
        if is_live(&self.headers) {
            return None;
        }
        let next = || form_urlencoded::byte_serialize(self.page(f).as_bytes()).collect::<String>();
        if problem.is_unauthenticated() {
            return Some(f.url(format!("/login?next={}", next())));
        }
        match problem.proof()? {
            Proof::Fresh => Some(f.url(format!("/confirm?next={}", next()))),
            Proof::SetUp => Some(f.url("/account/second-factor")),
            Proof::Code => None,
        }
    }

    /// Returns the address above the present one, which only takes forms: there stands the form that was shown again as the
    /// answer to itself. Who chose another language on it, and the page that renews itself, ask for its address.
    fn parent(&self) -> Option<&str> {
        let (parent, _) = self.uri.path().rsplit_once('/')?;
        Some(parent).filter(|parent| !parent.is_empty())
    }

    /// Returns the page on which the reader is: what they asked for, or where the form stands that they sent.
    fn page(&self, f: &Frame) -> String {
        if self.method == Method::GET {
            return f.here();
        }
        self.came_from().unwrap_or_else(|| f.url("/dashboard"))
    }

    /// Returns the page of ours from which the reader came.
    fn came_from(&self) -> Option<String> {
        let text = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let came_from = text(REFERER).and_then(|referer| url::Url::parse(referer).ok());
        let came_from = came_from.filter(|page| {
            let authority = page.port().map_or_else(
                || page.host_str().unwrap_or_default().to_owned(),
                |port| format!("{}:{port}", page.host_str().unwrap_or_default()),
            );
            text(HOST).is_some_and(|host| host.eq_ignore_ascii_case(&authority))
        });
        came_from.map(|page| page[url::Position::BeforePath..].to_owned())
    }

    /// Makes the page that tells of a problem.
    fn page_of(&self, app: &Inner, f: &Arc<Frame>, problem: &Problem, id: &HeaderValue) -> Response {
        let mut response = problem.render(id_text(id), f.now);
        let status = response.status();
        let known = ["403", "404", "405", "409", "412", "429", "500", "503"];
        let name = known.iter().find(|known| **known == status.as_str()).unwrap_or(&"400");
        let faults = problem.fields().map(|fields| spelled(f, fields)).unwrap_or_default();
        // The advice says already what is missing, in words of the reader.
        let is_told = !status.is_client_error() || matches!(status.as_u16(), 403 | 404) || !faults.is_empty();
        let page = ErrorPage {
            f: Arc::clone(f),
            title: f.name("error.title", name),
            advice: f.name("error.advice", name),
            details: problem.details().filter(|_| !is_told).map(|text| f.fault(text)),
            faults,
            back: self.came_from().filter(|page| *page != f.here()),
            status: status.as_u16(),
            request_id: id_text(id).to_owned(),
        };
        if let Ok(html) = page.render() {
            *response.body_mut() = Body::from(html);
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            harden(&mut response, app.settings.static_url.as_ref());
        }
        response
    }
}

/// Names the fields that are wrong, each with what is wrong with it.
fn spelled(f: &Frame, fields: &FieldErrors) -> Vec<(String, String)> {
    let each = fields.iter().map(|(field, messages)| {
        let messages: Vec<_> = messages.iter().map(|message| f.fault(message)).collect();
        (f.field(field), messages.join(" "))
    });
    each.collect()
}
