//! The terminals of a load: enrolled once, kept in a file, used again by later runs.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
    sync::Arc,
};

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tms_http::{
    client::{AgentClient, ClientError, http_client},
    wire::{agent::RegisterRequest, customer::CustomerCreate, enrollment_code::EnrollmentCodeCreate},
};

use super::{LoadSettings, gauges::Gauges};
use crate::{
    access::{Access, Secret, TIMEOUT, code_in_turn, ensure_customer, make_code, sign_in},
    clock::now_ms,
    error::SimError,
    fleet::backoff::Backoff,
    rng::Rng,
};

/// The customer to whom the terminals of a load belong.
const CUSTOMER: &str = "TMS load test";

/// An enrolled terminal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its id.
    pub terminal_id: i64,
    /// The number printed on its reader.
    pub serial_number: String,
    /// Its credential.
    pub agent_token: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("terminal_id", &self.terminal_id)
            .field("serial_number", &self.serial_number)
            .finish_non_exhaustive()
    }
}

/// How the terminals of a load get in.
#[derive(Debug, Clone, Copy)]
pub struct Entrance<'a> {
    server: &'a str,
    access: Option<&'a Access>,
    at_once: usize,
}

impl<'a> Entrance<'a> {
    /// Takes what the settings say.
    pub fn of(settings: &'a LoadSettings) -> Self {
        Self {
            server: &settings.url,
            access: settings.access.as_ref(),
            at_once: settings.enrol_at_once,
        }
    }
}

/// Returns `count` terminals: those of the file first, then newly enrolled ones, which the file gets as well.
pub async fn gather(
    entrance: &Entrance<'_>,
    count: usize,
    file: Option<&Path>,
    gauges: &Arc<Gauges>,
) -> Result<Vec<Credential>, SimError> {
    let mut roster = match file {
        Some(path) => load(path)?,
        None => Vec::new(),
    };
    roster.truncate(count);
    let missing = count - roster.len();
    if missing > 0 {
        let fresh = enrol(entrance, missing, gauges).await?;
        if let Some(path) = file {
            append(path, &fresh).map_err(SimError::file(path))?;
        }
        roster.extend(fresh);
    }
    Ok(roster)
}

fn load(path: &Path) -> Result<Vec<Credential>, SimError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(SimError::file(path))?,
    };
    let read = |line: &str| serde_json::from_str(line).map_err(|e| SimError::file(path)(e.into()));
    text.lines().filter(|line| !line.is_empty()).map(read).collect()
}

/// Appends to a file that only its owner can read.
fn append(path: &Path, fresh: &[Credential]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = BufWriter::new(options.open(path)?);
    for credential in fresh {
        serde_json::to_writer(&mut out, credential)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

async fn enrol(entrance: &Entrance<'_>, count: usize, gauges: &Arc<Gauges>) -> Result<Vec<Credential>, SimError> {
    let lanes = entrance.at_once.min(count);
    let codes = codes(entrance, count, lanes).await?;
    let queue = Queue {
        http: http_client(TIMEOUT).map_err(SimError::server("start"))?,
        server: entrance.server,
        // Two runs that begin within one millisecond would choose the same serial numbers, and be told so by the server.
        prefix: format!("LD{:X}", now_ms()),
        codes,
        gauges,
    };
    // A lane enrols one terminal after the other, so that lanes with codes of their own never meet.
    let lane = |first| queue.enrol((first..count).step_by(lanes));
    let mut waiting = stream::iter(0..lanes).map(lane).buffer_unordered(lanes);
    let mut enrolled = Vec::with_capacity(count);
    while let Some(group) = waiting.next().await {
        enrolled.extend(group?);
    }
    Ok(enrolled)
}

/// What terminals that enrol share.
struct Queue<'a> {
    http: reqwest::Client,
    server: &'a str,
    prefix: String,
    codes: Vec<Secret>,
    gauges: &'a Gauges,
}

impl Queue<'_> {
    async fn enrol(&self, indexes: impl Iterator<Item = usize>) -> Result<Vec<Credential>, SimError> {
        let mut enrolled = Vec::new();
        for index in indexes {
            let request = RegisterRequest {
                serial_number: format!("{}-{index:07}", self.prefix),
                enrollment_code: code_in_turn(&self.codes, index)?.expose().to_owned(),
                model: "TC-200".to_owned(),
                agent_version: Some("1.0.0".to_owned()),
                firmware_version: Some("2.0.0".to_owned()),
                ..RegisterRequest::default()
            };
            let one = register(&self.http, self.server, &request).await;
            enrolled.push(one.map_err(SimError::server("enrol a terminal"))?);
            self.gauges.enrolled.add();
        }
        Ok(enrolled)
    }
}

async fn register(http: &reqwest::Client, server: &str, request: &RegisterRequest) -> Result<Credential, ClientError> {
    let mut backoff = Backoff::new(std::time::Duration::from_millis(100), std::time::Duration::from_secs(5));
    let mut rng = Rng::new(1);
    let mut tries = 1;
    loop {
        match AgentClient::register(http.clone(), server, request).await {
            Ok((agent, answer)) => {
                return Ok(Credential {
                    terminal_id: answer.terminal_id,
                    serial_number: agent.serial().to_owned(),
                    agent_token: answer.agent_token,
                });
            }
            Err(error) if error.is_transient() && tries < 10 => {
                tries += 1;
                tokio::time::sleep(backoff.wait(error.retry_after(), &mut rng)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns the codes that were given, or makes one for each lane.
async fn codes(entrance: &Entrance<'_>, count: usize, lanes: usize) -> Result<Vec<Secret>, SimError> {
    match entrance.access {
        None => Err(SimError::Settings(format!(
            "{count} terminals must enrol: give an enrolment code or an operator"
        ))),
        Some(Access::Codes(codes)) => Ok(codes.clone()),
        Some(Access::Operator { username, password }) => {
            let operator = sign_in(entrance.server, username, password).await?;
            let customer = CustomerCreate {
                company_name: CUSTOMER.to_owned(),
                ..CustomerCreate::default()
            };
            let customer_id = ensure_customer(&operator, &customer).await?;
            let mut codes = Vec::with_capacity(lanes);
            for _ in 0..lanes {
                let body = EnrollmentCodeCreate {
                    customer_id,
                    uses: u32::try_from(count.div_ceil(lanes)).ok(),
                    ttl_hours: Some(1),
                    ..EnrollmentCodeCreate::default()
                };
                let code = make_code(&operator, &body).await;
                codes.push(code.map_err(SimError::server("make an enrolment code"))?);
            }
            Ok(codes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_reads_back_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        assert_eq!(load(&path).unwrap(), Vec::new());
        let one = |terminal_id| Credential {
            terminal_id,
            serial_number: format!("A-{terminal_id}"),
            agent_token: "tms_ag_x".to_owned(),
        };
        append(&path, &[one(1), one(2)]).unwrap();
        append(&path, &[one(3)]).unwrap();
        assert_eq!(load(&path).unwrap(), [one(1), one(2), one(3)]);
        assert!(!format!("{:?}", one(1)).contains("tms_ag_x"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
