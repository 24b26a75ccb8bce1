//! Brings a fleet to the server by the way that real agents take: a code for each shop, one registration per terminal.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tms_http::{
    client::{AgentClient, ClientError, OperatorClient},
    wire::{
        agent::{OsInfo, RegisterAnswer, RegisterRequest},
        enrollment_code::EnrollmentCodeCreate,
    },
};

use super::{
    FleetSettings,
    backoff::Backoff,
    counts::FleetCounts,
    shop::{self, Shop},
};
use crate::{
    access::{Access, Secret, code_in_turn, ensure_customer, make_code, sign_in},
    error::SimError,
    rng::Rng,
};

/// How often a request of the enrolment is tried while the server asks to come later.
const TRIES: u32 = 12;

/// A terminal that the server knows.
#[derive(Debug)]
pub(super) struct Enrolled {
    /// Its number in the fleet.
    pub(super) index: usize,
    /// Its agent.
    pub(super) agent: AgentClient,
    /// What the server said.
    pub(super) answer: RegisterAnswer,
}

/// What the enrolment of a whole fleet shares.
struct Enrolment {
    settings: FleetSettings,
    http: reqwest::Client,
    counts: Arc<FleetCounts>,
    source: Source,
}

enum Source {
    Codes(Vec<Secret>),
    Operator {
        client: OperatorClient,
        customers: Vec<i64>,
    },
}

/// Enrols the fleet; hands each terminal over as soon as it is known, so that it can begin to live.
pub(super) async fn enrol(
    settings: &FleetSettings,
    http: reqwest::Client,
    counts: Arc<FleetCounts>,
    mut ready: impl FnMut(Enrolled),
) -> Result<(), SimError> {
    let shops = shop::spread(settings.terminals, settings.seed);
    let source = open(settings, &shops).await?;
    let enrolment = Enrolment {
        settings: settings.clone(),
        http,
        counts,
        source,
    };
    let mut groups = stream::iter(shops)
        .map(|shop| enrolment.shop(shop))
        .buffer_unordered(settings.enrol_at_once);
    while let Some(group) = groups.next().await {
        group?.into_iter().for_each(&mut ready);
    }
    Ok(())
}

async fn open(settings: &FleetSettings, shops: &[Shop]) -> Result<Source, SimError> {
    match &settings.access {
        Access::Codes(codes) if codes.is_empty() => {
            Err(SimError::Settings("at least one enrolment code is needed".to_owned()))
        }
        Access::Codes(codes) => Ok(Source::Codes(codes.clone())),
        Access::Operator { username, password } => {
            let client = sign_in(&settings.base_url, username, password).await?;
            let companies = shops.iter().map(|shop| shop.company + 1).max().unwrap_or(0);
            let mut customers = Vec::with_capacity(companies);
            for company in 0..companies {
                customers.push(ensure_customer(&client, &shop::customer(company)).await?);
            }
            Ok(Source::Operator { client, customers })
        }
    }
}

impl Enrolment {
    /// Brings one shop.
    async fn shop(&self, shop: Shop) -> Result<Vec<Enrolled>, SimError> {
        let code = self.code_for(&shop, None).await?;
        let mut enrolled = Vec::with_capacity(shop.terminals.len());
        for index in shop.terminals.iter().copied() {
            let request = self.request(index, &code);
            match self.register(&request).await {
                Ok((agent, answer)) => enrolled.push(Enrolled { index, agent, answer }),
                Err(refusal) if refusal.status() == Some(409) && matches!(self.source, Source::Operator { .. }) => {
                    // The terminal is known from an earlier run: a code for its serial number replaces its PC.
                    let own = self.code_for(&shop, Some(&request.serial_number)).await?;
                    let again = self.request(index, &own);
                    let (agent, answer) = self.register(&again).await.map_err(SimError::server("enrol again"))?;
                    enrolled.push(Enrolled { index, agent, answer });
                }
                Err(error) => return Err(SimError::server("enrol a terminal")(error)),
            }
            self.counts.enrolled.add();
        }
        Ok(enrolled)
    }

    async fn code_for(&self, shop: &Shop, serial: Option<&str>) -> Result<Secret, SimError> {
        match &self.source {
            Source::Codes(codes) => code_in_turn(codes, shop.terminals.first().copied().unwrap_or(0)),
            Source::Operator { client, customers } => {
                let body = EnrollmentCodeCreate {
                    customer_id: customers.get(shop.company).copied().unwrap_or_default(),
                    store_name: Some(shop.name.clone()),
                    store_code: Some(shop.code.clone()),
                    serial_number: serial.map(str::to_owned),
                    // A code for one serial number is used once.
                    uses: Some(u32::try_from(shop.terminals.len()).unwrap_or(1)).filter(|_| serial.is_none()),
                    ttl_hours: Some(1),
                    expires_at: None,
                };
                self.patiently(|| make_code(client, &body))
                    .await
                    .map_err(SimError::server("make an enrolment code"))
            }
        }
    }

    async fn register(&self, request: &RegisterRequest) -> Result<(AgentClient, RegisterAnswer), ClientError> {
        self.patiently(|| AgentClient::register(self.http.clone(), &self.settings.base_url, request))
            .await
    }

    /// Tries again while the server asks to come later or is not there.
    async fn patiently<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<T, ClientError> {
        let mut rng = Rng::of_part(self.settings.seed, 0xE17);
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(20));
        let mut tries = 1;
        loop {
            match ask().await {
                Err(error) if error.is_transient() && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(backoff.wait(error.retry_after(), &mut rng)).await;
                }
                other => return other,
            }
        }
    }

    fn request(&self, index: usize, code: &Secret) -> RegisterRequest {
        let number = index + 1;
        let bytes = u32::try_from(index).unwrap_or(0).to_be_bytes();
        let [_, b, c, d] = bytes;
        RegisterRequest {
            serial_number: format!("{}-{number:05}", self.settings.serial_prefix),
            enrollment_code: code.expose().to_owned(),
            model: "TC-200".to_owned(),
            // The locally administered range: no real card has such an address.
            mac_address: Some(format!("02:54:4d:{b:02x}:{c:02x}:{d:02x}")),
            agent_version: Some("1.0.0".to_owned()),
            firmware_version: Some(super::terminal::firmware_version(self.settings.seed, index).to_owned()),
            hostname: Some(format!("POS-{number:05}")),
            ip_address: Some(super::terminal::ip_address(index)),
            os_info: Some(OsInfo {
                name: Some("Windows".to_owned()),
                version: Some("10".to_owned()),
                build: Some("19045".to_owned()),
            }),
        }
    }
}
