//! Builders of test data: valid values of each kind that differ by a number, to be changed where a test cares.

use sha2::{Digest, Sha256};

use crate::{
    alert::{Cause, CauseSet, NewAlert, Severity},
    audit::{AuditTarget, Refusals},
    credential::AgentIdentity,
    ctx::{Access, Actor, Ctx, OperatorIdentity, Origin},
    customer::CustomerDraft,
    enrolment::{NewCode, Redemption},
    envelope::Envelope,
    event::{Event, EventKind},
    heartbeat::{Heartbeat, Metrics, Sequence},
    id::{CustomerId, SessionId, TerminalId, UserId},
    operator::{
        NewApiToken, NewSession, NewUser, PasswordLink, Profile, SessionTokens, api_token::Scopes, seal::SealedSeed,
    },
    page::{PageRequest, PageStart},
    permission::Role,
    presence::{BootId, Counters, Device, Reported},
    secret::{Secret, TokenHash},
    terminal::{Host, TerminalDraft},
    terminal_log::{LogEntry, LogLevel},
    text::SerialNumber,
    time::Timestamp,
};

/// The time at which tests begin: 2026-01-24T10:00:00Z.
pub const NOW: Timestamp = Timestamp::from_secs(1_769_248_800);

/// The heartbeat interval of test terminals, in seconds.
pub const INTERVAL_S: u32 = 300;

/// Returns the moment `secs` after [`NOW`] (before it, if negative).
pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() + secs * 1_000_000)
}

/// Returns the context of a signed-in administrator.
pub fn admin(now: Timestamp) -> Ctx {
    person(Role::Admin, None, now)
}

/// Returns the context of a person with `role`, bound to `customer` if given.
pub fn person(role: Role, customer: Option<CustomerId>, now: Timestamp) -> Ctx {
    Ctx {
        actor: Actor::Operator(OperatorIdentity {
            user: UserId::new(1).unwrap(),
            username: role.as_str().to_owned(),
            role,
            customer,
            access: Access::Session {
                id: SessionId::new(1).unwrap(),
                proven_until: Timestamp::MAX,
            },
            must_set_up: false,
        }),
        now,
        origin: origin(),
        refusals: Refusals::default(),
        idempotency: None,
    }
}

/// Returns the context of an agent.
pub fn agent(identity: AgentIdentity, now: Timestamp) -> Ctx {
    Ctx {
        actor: Actor::Agent(identity),
        now,
        origin: origin(),
        refusals: Refusals::default(),
        idempotency: None,
    }
}

/// Returns where test requests come from.
pub fn origin() -> Origin {
    Origin {
        request_id: "test-request".to_owned(),
        address: Some([192, 0, 2, 7].into()),
        user_agent: "testkit".to_owned(),
    }
}

/// Returns the envelope of an administrator's act on a thing that it creates.
pub fn act() -> Envelope {
    Envelope::audited(admin(NOW).audit("test.act", AuditTarget::created("test"), serde_json::Value::Null))
}

/// Returns [`act`] with the event number `n`.
pub fn act_with_event(n: i64) -> Envelope {
    act().with_event(event(n))
}

/// Returns an event that carries `n`.
pub fn event(n: i64) -> Event {
    Event {
        kind: EventKind::AlertUpdate,
        customer: None,
        at: NOW,
        data: serde_json::json!({ "n": n }),
    }
}

/// Returns the hash of the secret number `n` of this `kind`.
pub fn hash(kind: &str, n: i64) -> TokenHash {
    TokenHash(Sha256::digest(format!("{kind} {n}")).into())
}

/// Returns the serial number `TC-200-00001` for 1.
pub fn serial(n: i64) -> SerialNumber {
    SerialNumber::parse(&format!("TC-200-{n:05}")).unwrap()
}

/// Returns a customer with nothing but a name.
pub fn customer(name: &str) -> CustomerDraft {
    CustomerDraft::named(name)
}

/// Returns the terminal number `n` of `customer`.
pub fn terminal(customer: CustomerId, n: i64) -> TerminalDraft {
    TerminalDraft::new(serial(n), customer, "TC-200", INTERVAL_S)
}

/// Returns the code number `n` for any serial number: one use, good for an hour after [`NOW`].
pub fn code(customer: CustomerId, n: i64) -> NewCode {
    NewCode {
        hash: hash("code", n),
        customer,
        store_name: None,
        store_code: None,
        serial: None,
        max_uses: 1,
        expires_at: at(3_600),
        created_by: "admin".to_owned(),
    }
}

/// Returns a request that redeems the code number `code` for the terminal number `n` with the token number `n`.
pub fn redemption(code: i64, n: i64) -> Redemption {
    Redemption {
        code: hash("code", code),
        token: hash("token", n),
        serial: serial(n),
        model: "TC-200".to_owned(),
        host: Host {
            mac_address: Some("00:11:22:33:44:55".to_owned()),
            hostname: Some(format!("PC-{n}")),
            os: Some("Windows 11 Pro 23H2".to_owned()),
        },
        reported: Reported {
            firmware_version: Some("1.0.0".to_owned()),
            agent_version: Some("1.0.0".to_owned()),
            ip_address: Some([192, 168, 1, 100].into()),
            config_version: None,
        },
        interval_s: INTERVAL_S,
    }
}

/// Returns an uncounted heartbeat of a working reader, received and sent at `when`.
pub fn beat(terminal: TerminalId, when: Timestamp) -> Heartbeat {
    Heartbeat {
        terminal,
        received_at: when,
        agent_time: when,
        sequence: None,
        device: Device::Ok,
        metrics: Metrics::default(),
        reported: Reported::default(),
        counters: Counters::default(),
    }
}

/// Returns [`beat`] with a place among those of the boot `boot`.
pub fn counted(terminal: TerminalId, when: Timestamp, boot: &str, seq: i64) -> Heartbeat {
    Heartbeat {
        sequence: Some(Sequence {
            boot: BootId::parse(boot).unwrap(),
            seq,
        }),
        ..beat(terminal, when)
    }
}

/// Returns metrics whose every value is `percent`.
pub const fn metrics(percent: i16) -> Metrics {
    Metrics {
        cpu_percent: Some(percent),
        memory_percent: Some(percent),
        disk_percent: Some(percent),
        temperature_c: Some(percent),
    }
}

/// Returns an alert to raise at `when`.
pub fn alert(terminal: TerminalId, customer: CustomerId, cause: Cause, when: Timestamp) -> NewAlert {
    NewAlert {
        terminal: Some(terminal),
        customer: Some(customer),
        cause,
        severity: Severity::High,
        details: serde_json::json!({ "cause": cause.as_str() }),
        at: when,
    }
}

/// Returns an alert about the server itself.
pub fn server_alert(cause: Cause, when: Timestamp) -> NewAlert {
    NewAlert {
        terminal: None,
        customer: None,
        cause,
        severity: Severity::Critical,
        details: serde_json::json!({}),
        at: when,
    }
}

/// Returns a set of causes.
pub fn causes(causes: &[Cause]) -> CauseSet {
    causes.iter().copied().collect()
}

/// Returns the log line number `n`, with its own event id.
pub fn log(n: i64) -> LogEntry {
    LogEntry {
        event_id: format!("event-{n}"),
        timestamp: NOW,
        level: LogLevel::Info,
        kind: "transaction".to_owned(),
        message: format!("line {n}"),
        details: serde_json::Value::Null,
    }
}

fn no_hash() -> Secret<String> {
    Secret::new("$test$".to_owned())
}

/// Returns an operator of this name whose password hash is no hash.
pub fn user(name: &str) -> NewUser {
    NewUser {
        username: name.to_owned(),
        profile: profile(name, Role::Operator),
        password_hash: Some(no_hash()),
        link: None,
    }
}

/// Returns what others may change of a person of this name.
pub fn profile(name: &str, role: Role) -> Profile {
    Profile {
        full_name: format!("{name} Example"),
        email: None,
        role,
        customer: None,
        is_disabled: false,
    }
}

/// Returns the API token number `n` of a person, which may read terminals for 90 days from [`NOW`].
pub fn api_token(user: UserId, n: i64) -> NewApiToken {
    NewApiToken {
        user,
        name: format!("token {n}"),
        hash: hash("api token", n),
        scopes: Scopes::parse_stored("terminal.read"),
        expires_at: at(90 * 86_400),
    }
}

/// Returns the password link number `n` of a person, for an hour from [`NOW`].
pub fn password_link(user: UserId, n: i64) -> PasswordLink {
    PasswordLink {
        user,
        hash: hash("password link", n),
        expires_at: at(3_600),
    }
}

/// Returns the sealed seed number `n`, which opens with no key.
pub fn sealed_seed(n: i64) -> SealedSeed {
    SealedSeed(hash("seed", n).0.to_vec())
}

/// Returns the tokens number `n` of a session.
pub fn session_tokens(n: i64) -> SessionTokens {
    SessionTokens {
        access: hash("access", n),
        access_until: at(900),
        refresh: hash("refresh", n),
    }
}

/// Returns a session of `user`, whose password is as [`user`] made it, with the tokens number `n`, 12 hours from [`NOW`].
pub fn session(user: UserId, n: i64) -> NewSession {
    NewSession {
        user,
        password_hash: Some(no_hash()),
        tokens: session_tokens(n),
        expires_at: at(12 * 3_600),
        address: Some([192, 0, 2, 7].into()),
        user_agent: "testkit".to_owned(),
    }
}

/// Asks for everything that fits a page, with the total.
pub const fn whole_page() -> PageRequest {
    PageRequest {
        start: PageStart::First,
        limit: 100,
        count: true,
    }
}
