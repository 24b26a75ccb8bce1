//! Cases of terminals that are there already when an agent enrols.

use super::{insert, redeem};
use crate::{
    Stores,
    enrolment::{NewCode, Redemption, Refusal},
    error::StoreError,
    terminal::{Lifecycle, TerminalDraft},
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

/// A registered terminal becomes active by the code of its customer and keeps what people set of it.
pub async fn a_registered_terminal_is_taken_over(stores: &Stores) {
    let (customer, other) = (given::customer(stores, "A").await, given::customer(stores, "B").await);
    let draft = TerminalDraft {
        store_name: Some("Its own".to_owned()),
        heartbeat_interval_s: 60,
        auto_update_enabled: false,
        ..build::terminal(customer.id, 1)
    };
    let terminal = stores.terminals.insert(&draft, NOW, build::act()).await.unwrap();
    insert(stores, &build::code(other.id, 1)).await;
    assert!(
        matches!(redeem(stores, 1, 1).await, Err(Refusal::State(_))),
        "another customer's code"
    );
    let code = NewCode {
        store_name: Some("The code's".to_owned()),
        store_code: Some("002".to_owned()),
        ..build::code(customer.id, 2)
    };
    insert(stores, &code).await;
    let enrolled = redeem(stores, 2, 1).await.unwrap();
    assert_eq!(
        (
            enrolled.terminal,
            enrolled.heartbeat_interval_s,
            enrolled.auto_update_enabled
        ),
        (terminal.id, 60, false)
    );
    let view = given::view(stores, terminal.id).await;
    assert_eq!(view.terminal.lifecycle, Lifecycle::Active);
    assert_eq!(view.terminal.draft.store_name.as_deref(), Some("Its own"));
    assert_eq!(
        view.terminal.draft.store_code.as_deref(),
        Some("002"),
        "the code fills what was empty"
    );
    assert_eq!(view.terminal.host, build::redemption(2, 1).host);
    assert_eq!(view.presence.reported, build::redemption(2, 1).reported);
    assert_eq!(view.presence.interval_s, 60);
    assert_eq!(given::counts(stores).await.total(), 1, "it is not counted twice");
}

/// Who read a terminal before its agent enrolled can't undo the enrolment by saving.
pub async fn a_save_does_not_undo_an_enrolment(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let read_before = given::registered(stores, customer.id, 1).await;
    insert(stores, &build::code(customer.id, 1)).await;
    redeem(stores, 1, 1).await.unwrap();
    let outcome = stores
        .terminals
        .save(&read_before, read_before.revision, build::act())
        .await;
    assert!(matches!(outcome, Ok(_) | Err(StoreError::Stale(_))), "{outcome:?}");
    let terminal = given::view(stores, read_before.id).await.terminal;
    assert_eq!(terminal.lifecycle, Lifecycle::Active);
    assert_eq!(terminal.host, build::redemption(1, 1).host);
}

/// A code bound to the serial replaces the PC of an active terminal: the older tokens end.
pub async fn a_bound_code_replaces_a_pc(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::enrolled(stores, customer.id, 1).await;
    insert(stores, &build::code(customer.id, 2)).await;
    let request = Redemption {
        token: build::hash("token", 2),
        ..build::redemption(2, 1)
    };
    let unbound = stores.enrolment.redeem(&request, NOW, build::act()).await.unwrap();
    assert!(matches!(unbound, Err(Refusal::State(_))), "an unbound code");
    let bound = NewCode {
        serial: Some(build::serial(1)),
        ..build::code(customer.id, 3)
    };
    insert(stores, &bound).await;
    let head = stores.credentials.revocation_head().await.unwrap();
    let request = Redemption {
        code: build::hash("code", 3),
        ..request
    };
    let enrolled = stores.enrolment.redeem(&request, NOW, build::act()).await.unwrap();
    assert_eq!(enrolled.unwrap().terminal, terminal);
    assert_eq!(stores.credentials.find(build::hash("token", 1)).await.unwrap(), None);
    let found = stores.credentials.find(build::hash("token", 2)).await.unwrap();
    assert_eq!(found.unwrap().agent.terminal, terminal);
    let feed = stores.credentials.revocations_after(head, 10).await.unwrap();
    let revoked: Vec<_> = feed.into_iter().map(|entry| entry.token).collect();
    assert_eq!(revoked, [build::hash("token", 1)]);
    assert_eq!(given::counts(stores).await.total(), 1);
}

/// A retired terminal that is enrolled again is active, heard, and counted anew.
pub async fn a_retired_terminal_comes_back(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::enrolled(stores, customer.id, 1).await;
    super::super::terminal::retire(stores, terminal).await;
    assert_eq!(given::counts(stores).await.total(), 0);
    let bound = NewCode {
        serial: Some(build::serial(1)),
        ..build::code(customer.id, 2)
    };
    insert(stores, &bound).await;
    let request = Redemption {
        token: build::hash("token", 2),
        ..build::redemption(2, 1)
    };
    let enrolled = stores.enrolment.redeem(&request, NOW, build::act()).await.unwrap();
    assert_eq!(enrolled.unwrap().terminal, terminal);
    let view = given::view(stores, terminal).await;
    assert_eq!(view.terminal.lifecycle, Lifecycle::Active);
    assert!(view.presence.is_active);
    given::beats(stores, &[build::beat(terminal, at(100))]).await;
    let counts = given::counts(stores).await;
    assert_eq!((counts.total(), counts.online), (1, 1));
    assert!(!stores.upkeep.recount().await.unwrap(), "the counts were right");
}
