//! The program against a real server over a store in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test panics to report a failure"
)]

use std::time::Duration;

use tms_core::{
    NodeSettings, Tms,
    key::SecretKeys,
    operator::{password::PasswordCost, users::UserRequest},
    permission::Role,
    secret::Secret,
    testkit::MemoryStore,
};
use tms_example_operator_client::Watcher;
use tms_http::{
    HttpSettings, ServeSettings,
    client::{AgentClient, OperatorClient, http_client},
    wire::{
        agent::{DeviceReport, HeartbeatRequest, RegisterRequest},
        customer::CustomerCreate,
        enrollment_code::EnrollmentCodeCreate,
        user::UserPatch,
    },
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

const PASSWORD: &str = "correct horse battery";

/// Starts a server with an administrator and a support operator; returns its address.
async fn start() -> String {
    let node = NodeSettings {
        password_cost: PasswordCost::FOR_TESTS,
        ..NodeSettings::default()
    };
    let tms = Tms::builder(MemoryStore::new().stores())
        .secret_keys(SecretKeys::new("a secret key for tests"))
        .node(node)
        .build();
    for (name, role) in [("root", Role::Admin), ("mika", Role::Support)] {
        let person = UserRequest::with_password(name, role, Secret::new(PASSWORD.to_owned()));
        tms.users().create(&tms.system_ctx(), person).await.unwrap();
    }
    let router = tms_http::router(tms.clone(), HttpSettings::new("a secret key for tests"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { tms.run(std::future::pending()).await });
    tokio::spawn(tms_http::serve(
        listener,
        router,
        ServeSettings::default(),
        std::future::pending(),
    ));
    address
}

async fn sign_in(address: &str, name: &str) -> OperatorClient {
    let http = http_client(Duration::from_secs(10)).unwrap();
    OperatorClient::login(http, address, name, PASSWORD).await.unwrap()
}

async fn enrol(root: &OperatorClient, address: &str) -> AgentClient {
    let customer = CustomerCreate {
        company_name: "ABC Store Inc.".to_owned(),
        ..CustomerCreate::default()
    };
    let code = EnrollmentCodeCreate {
        customer_id: root.create_customer(&customer).await.unwrap().id,
        ..EnrollmentCodeCreate::default()
    };
    let register = RegisterRequest {
        serial_number: "TC-200-001".to_owned(),
        model: "TC-200".to_owned(),
        enrollment_code: root.create_enrollment_code(&code).await.unwrap().code.unwrap(),
        ..RegisterRequest::default()
    };
    let http = http_client(Duration::from_secs(10)).unwrap();
    AgentClient::register(http, address, &register).await.unwrap().0
}

/// Reports a reader in this state, from a PC whose clock is years off.
async fn report(agent: &AgentClient, device: &'static str) {
    let beat = HeartbeatRequest {
        serial_number: agent.serial().into(),
        timestamp: "2020-01-24T10:00:00Z".into(),
        status: "online".into(),
        device: Some(DeviceReport {
            state: device.into(),
            ..DeviceReport::default()
        }),
        ..HeartbeatRequest::default()
    };
    agent.heartbeat(&beat).await.unwrap();
}

#[tokio::test]
async fn old_and_new_alerts_of_the_chosen_severities_are_acknowledged_until_the_operator_is_disabled() {
    let address = start().await;
    let root = sign_in(&address, "root").await;
    let agent = enrol(&root, &address).await;
    // A wrong clock is LOW, a reader that is unplugged HIGH.
    report(&agent, "ok").await;
    while root.open_alerts(None).next().await.unwrap().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }

    let mika = sign_in(&address, "mika").await;
    let (heard, mut said) = mpsc::unbounded_channel();
    let watching = async {
        let say = |line| heard.send(line).unwrap();
        let watcher = Watcher::begin(&mika, vec!["LOW".to_owned(), "HIGH".to_owned()], say).await;
        watcher.unwrap().run().await
    };
    let story = async {
        let mut until = async |what: &str| {
            let patience = Duration::from_secs(20);
            while !timeout(patience, said.recv())
                .await
                .expect("it goes on")
                .unwrap()
                .contains(what)
            {}
        };
        until("(Clock of the PC is wrong) is acknowledged").await;
        report(&agent, "absent").await;
        until("new_alert").await;
        until("(Card reader is not attached) is acknowledged").await;
        let mut open = root.open_alerts(None);
        for alert in open.next().await.unwrap().unwrap() {
            assert_eq!(alert.acknowledged_by.as_deref(), Some("mika"), "{alert:?}");
        }
        let person = root.user(2).await.unwrap();
        let disabled = UserPatch {
            is_disabled: Some(true),
            ..UserPatch::default()
        };
        root.patch_user(2, &person.etag, &disabled).await.unwrap();
    };
    let (refusal, ()) = tokio::join!(watching, story);
    assert_eq!(refusal.status(), Some(401), "{refusal:?}");
}
