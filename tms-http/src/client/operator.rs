//! What an operator asks of the server. An access token that has ended is renewed on the way.

pub mod alert_rule;
pub mod audit;
pub mod customer;
pub mod enrollment_code;
pub mod events;
pub mod maintenance;
pub mod notification;
pub mod people;
pub mod report;
pub mod session;
pub mod setting;
pub mod transfer;
pub mod walk;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};

use self::session::Session;
pub use self::{
    events::{EventStream, Told},
    walk::Walk,
};
use super::{
    ClientError, Tagged,
    transport::{api_root, read, read_tagged, send},
};
use crate::wire::{
    List,
    alert::{Alert, AlertBulk, AlertBulkDone, AlertPatch, AlertPatched, AlertQuery},
    auth::{LoginRequest, TokenAnswer, User},
    history::{LogQuery, LogRow, MetricsPeriod, MetricsQuery, MetricsRow, PageQuery, StatusChange},
    summary::Summary,
    terminal::{Terminal, TerminalCreate, TerminalPatch, TerminalQuery},
};

/// A signed-in operator.
#[derive(Debug)]
pub struct OperatorClient {
    http: Client,
    root: String,
    session: Session,
}

impl OperatorClient {
    /// Signs in. `server` is an address such as `http://host:8000`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 401 for wrong credentials.
    pub async fn login(http: Client, server: &str, username: &str, password: &str) -> Result<Self, ClientError> {
        let login = LoginRequest {
            username: username.to_owned(),
            password: password.to_owned(),
            ..LoginRequest::default()
        };
        Ok(Self::login_with(http, server, &login).await?.0)
    }

    /// Signs in with all that a login may show: a code of the second factor, the token of a known device. Returns what
    /// the server answered too, for the token of the device in it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 401: [`ClientError::needs_proof`] tells whether only the code is missing.
    pub async fn login_with(
        http: Client,
        server: &str,
        login: &LoginRequest,
    ) -> Result<(Self, TokenAnswer), ClientError> {
        let root = api_root(server);
        let (session, answer) = Session::begin(&http, &root, login).await?;
        Ok((Self { http, root, session }, answer))
    }

    /// Uses a personal API token, which is not renewed.
    pub fn with_token(http: Client, server: &str, token: &str) -> Self {
        Self {
            http,
            root: api_root(server),
            session: Session::fixed(token),
        }
    }

    /// Sends a request; a 401 renews the session and sends it once more.
    async fn request(
        &self,
        method: Method,
        path: &str,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let address = format!("{}{path}", self.root);
        let access = self.session.access().await;
        let attempt = |token: &str| send(build(self.http.request(method.clone(), &address).bearer_auth(token)));
        match attempt(&access).await {
            Err(refusal) if refusal.status() == Some(401) && !refusal.needs_proof() && self.session.can_renew() => {
                let renewed = self.session.renew(&self.http, &self.root, &access).await?;
                attempt(&renewed).await
            }
            other => other,
        }
    }

    /// Gets one page of any list.
    pub async fn list<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<List<T>, ClientError> {
        read(self.request(Method::GET, path, |r| r.query(query)).await?).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Tagged<T>, ClientError> {
        read_tagged(self.request(Method::GET, path, |r| r).await?).await
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        etag: Option<&str>,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let build = |request: RequestBuilder| match etag {
            Some(etag) => request.header("if-match", etag).json(body),
            None => request.json(body),
        };
        read(self.request(method, path, build).await?).await
    }

    /// Does what is answered without a body.
    async fn act(
        &self,
        method: Method,
        path: &str,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<(), ClientError> {
        self.request(method, path, build).await.map(drop)
    }

    async fn delete(&self, path: &str, etag: Option<&str>) -> Result<(), ClientError> {
        let build = |request: RequestBuilder| match etag {
            Some(etag) => request.header("if-match", etag),
            None => request,
        };
        self.act(Method::DELETE, path, build).await
    }

    /// Returns who is signed in.
    pub async fn me(&self) -> Result<User, ClientError> {
        Ok(self.get("/auth/me").await?.value)
    }

    /// Ends the session.
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.act(Method::POST, "/auth/logout", |r| r).await
    }

    /// Returns the fleet at a glance.
    pub async fn summary(&self) -> Result<Summary, ClientError> {
        Ok(self.get("/summary").await?.value)
    }

    /// Lists terminals.
    pub async fn terminals(&self, query: &TerminalQuery) -> Result<List<Terminal>, ClientError> {
        self.list("/terminals", query).await
    }

    /// Returns a terminal with its revision.
    pub async fn terminal(&self, id: i64) -> Result<Tagged<Terminal>, ClientError> {
        self.get(&format!("/terminals/{id}")).await
    }

    /// Makes a terminal that has no agent so far.
    pub async fn create_terminal(&self, body: &TerminalCreate) -> Result<Terminal, ClientError> {
        self.write(Method::POST, "/terminals", None, body).await
    }

    /// Changes a terminal of a known revision.
    pub async fn patch_terminal(&self, id: i64, etag: &str, body: &TerminalPatch) -> Result<Terminal, ClientError> {
        self.write(Method::PATCH, &format!("/terminals/{id}"), Some(etag), body)
            .await
    }

    /// Retires a terminal of a known revision.
    pub async fn retire_terminal(&self, id: i64, etag: &str) -> Result<(), ClientError> {
        self.delete(&format!("/terminals/{id}"), Some(etag)).await
    }

    /// Lists the heartbeats of a terminal, newest first; whatever resolution the query names, the raw one.
    pub async fn metrics(&self, id: i64, query: &MetricsQuery) -> Result<List<MetricsRow>, ClientError> {
        self.measurements(id, "raw", query).await
    }

    /// Lists the hours of a terminal in which it was heard, newest first.
    pub async fn metrics_by_hour(&self, id: i64, query: &MetricsQuery) -> Result<List<MetricsPeriod>, ClientError> {
        self.measurements(id, "hour", query).await
    }

    /// Lists the days of a terminal in which it was heard, newest first.
    pub async fn metrics_by_day(&self, id: i64, query: &MetricsQuery) -> Result<List<MetricsPeriod>, ClientError> {
        self.measurements(id, "day", query).await
    }

    async fn measurements<T: DeserializeOwned>(
        &self,
        id: i64,
        resolution: &str,
        query: &MetricsQuery,
    ) -> Result<List<T>, ClientError> {
        let query = MetricsQuery {
            resolution: Some(resolution.to_owned()),
            ..query.clone()
        };
        self.list(&format!("/terminals/{id}/metrics"), &query).await
    }

    /// Walks the raw heartbeats of a terminal, received in `[from, to)`, newest first.
    pub fn metrics_walk(&self, id: i64, from: Option<&str>, to: Option<&str>) -> Walk<'_, MetricsRow> {
        let mut filters = vec![("resolution", "raw".to_owned())];
        filters.extend(from.map(|from| ("from", from.to_owned())));
        filters.extend(to.map(|to| ("to", to.to_owned())));
        Walk::new(self, format!("/terminals/{id}/metrics"), filters)
    }

    /// Lists the log lines of a terminal, the last received first.
    pub async fn logs(&self, id: i64, query: &LogQuery) -> Result<List<LogRow>, ClientError> {
        self.list(&format!("/terminals/{id}/logs"), query).await
    }

    /// Walks the log lines of a terminal, the last received first.
    pub fn logs_walk(&self, id: i64) -> Walk<'_, LogRow> {
        Walk::new(self, format!("/terminals/{id}/logs"), Vec::new())
    }

    /// Lists the statuses that a terminal had, newest first.
    pub async fn status_changes(&self, id: i64, query: &PageQuery) -> Result<List<StatusChange>, ClientError> {
        self.list(&format!("/terminals/{id}/status-changes"), query).await
    }

    /// Lists alerts.
    pub async fn alerts(&self, query: &AlertQuery) -> Result<List<Alert>, ClientError> {
        self.list("/alerts", query).await
    }

    /// Walks the alerts that are not resolved, the newest first.
    pub fn open_alerts(&self, severity: Option<&str>) -> Walk<'_, Alert> {
        let mut filters = vec![("is_resolved", "false".to_owned())];
        filters.extend(severity.map(|severity| ("severity", severity.to_owned())));
        Walk::new(self, "/alerts".to_owned(), filters)
    }

    /// Returns an alert.
    pub async fn alert(&self, id: i64) -> Result<Alert, ClientError> {
        Ok(self.get(&format!("/alerts/{id}")).await?.value)
    }

    /// Acknowledges or resolves an alert.
    pub async fn patch_alert(&self, id: i64, body: &AlertPatch) -> Result<AlertPatched, ClientError> {
        self.write(Method::PATCH, &format!("/alerts/{id}"), None, body).await
    }

    /// Acknowledges or resolves many alerts, or only counts them.
    pub async fn bulk_alerts(&self, body: &AlertBulk) -> Result<AlertBulkDone, ClientError> {
        self.write(Method::POST, "/alerts/bulk", None, body).await
    }
}
