//! What an agent asks of the server.

use std::fmt;

use reqwest::{Client, RequestBuilder};

use super::{
    ClientError,
    transport::{api_root, send_for},
};
use crate::wire::agent::{
    HeartbeatAnswer, HeartbeatRequest, LogAnswer, LogBatch, LogLine, RegisterAnswer, RegisterRequest, RotateAnswer,
};

/// The agent of one enrolled terminal.
#[derive(Clone)]
pub struct AgentClient {
    http: Client,
    root: String,
    serial: String,
    token: String,
}

impl fmt::Debug for AgentClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentClient")
            .field("root", &self.root)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

impl AgentClient {
    /// Takes the credential of a terminal that is enrolled already. `server` is an address such as `http://host:8000`.
    pub fn new(http: Client, server: &str, serial: &str, token: &str) -> Self {
        Self {
            http,
            root: api_root(server),
            serial: serial.to_owned(),
            token: token.to_owned(),
        }
    }

    /// Enrols a terminal: turns a code into a credential.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 401 for a code that is worth nothing, 409 for a serial number that needs a code
    /// of its own.
    pub async fn register(
        http: Client,
        server: &str,
        request: &RegisterRequest,
    ) -> Result<(Self, RegisterAnswer), ClientError> {
        let root = api_root(server);
        let answer: RegisterAnswer = send_for(http.post(format!("{root}/agent/register")).json(request)).await?;
        let client = Self {
            http,
            root,
            serial: request.serial_number.clone(),
            token: answer.agent_token.clone(),
        };
        Ok((client, answer))
    }

    /// Returns the serial number of the terminal.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Returns the credential, to be kept by the caller.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http
            .post(format!("{}{path}", self.root))
            .bearer_auth(&self.token)
            .header("x-terminal-serial", &self.serial)
    }

    /// Reports; the report is durable when this returns.
    pub async fn heartbeat(&self, report: &HeartbeatRequest<'_>) -> Result<HeartbeatAnswer, ClientError> {
        send_for(self.post("/agent/heartbeat").json(report)).await
    }

    /// Sends 1 to 200 lines of log, all or nothing.
    pub async fn logs(&self, lines: Vec<LogLine<'_>>) -> Result<LogAnswer, ClientError> {
        let batch = LogBatch {
            serial_number: self.serial.as_str().into(),
            logs: lines,
        };
        send_for(self.post("/agent/logs").json(&batch)).await
    }

    /// Gets a new credential and uses it from now on; the one before works a while longer.
    pub async fn rotate(&mut self) -> Result<RotateAnswer, ClientError> {
        let answer: RotateAnswer = send_for(self.post("/agent/token/rotate")).await?;
        self.token.clone_from(&answer.agent_token);
        Ok(answer)
    }
}
