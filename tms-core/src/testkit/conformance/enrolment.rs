//! Cases of [`crate::enrolment::EnrolmentStore`].

mod take_over;

use futures::future::join_all;

use crate::{
    Stores,
    credential::AgentIdentity,
    customer::CustomerDraft,
    enrolment::{Enrolled, EnrolmentCode, NewCode, Refusal},
    id::{CustomerId, EnrolmentCodeId, Revision},
    presence::Status,
    terminal::{Lifecycle, TerminalDraft},
    testkit::{
        build::{self, INTERVAL_S, NOW, at},
        given,
    },
    time::Timestamp,
};

pub use take_over::{
    a_bound_code_replaces_a_pc, a_registered_terminal_is_taken_over, a_retired_terminal_comes_back,
    a_save_does_not_undo_an_enrolment,
};

async fn insert(stores: &Stores, code: &NewCode) -> EnrolmentCode {
    stores.enrolment.insert(code, NOW, build::act()).await.unwrap()
}

async fn redeem(stores: &Stores, code: i64, n: i64) -> Result<Enrolled, Refusal> {
    let request = build::redemption(code, n);
    stores
        .enrolment
        .redeem(&request, NOW, build::act_with_event(n))
        .await
        .unwrap()
}

/// What is written reads back, at both ends of each field.
pub async fn every_field_reads_back(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let full = NewCode {
        store_name: Some("新宿店 '100%'".to_owned()),
        store_code: Some("\"_\\".to_owned()),
        serial: Some(build::serial(1)),
        max_uses: u32::MAX / 2,
        expires_at: Timestamp::MAX,
        created_by: "日本 O'Neil".to_owned(),
        ..build::code(customer.id, 1)
    };
    for new in [full, build::code(customer.id, 2)] {
        let code = stores.enrolment.insert(&new, at(1), build::act()).await.unwrap();
        let expected = EnrolmentCode {
            id: code.id,
            customer: customer.id,
            store_name: new.store_name,
            store_code: new.store_code,
            serial: new.serial,
            max_uses: new.max_uses,
            used: 0,
            expires_at: new.expires_at,
            is_revoked: false,
            created_by: new.created_by,
            created_at: at(1),
        };
        assert_eq!(code, expected);
        assert_eq!(stores.enrolment.find(code.id).await.unwrap(), Some(expected));
    }
    let unknown = EnrolmentCodeId::new(9_999).unwrap();
    assert_eq!(stores.enrolment.find(unknown).await.unwrap(), None);
}

/// A code for a customer that is not there is refused.
pub async fn an_unknown_customer_is_missing(stores: &Stores) {
    let code = build::code(CustomerId::new(999).unwrap(), 1);
    missing!(stores.enrolment.insert(&code, NOW, build::act()).await, "customer");
}

/// Lists are newest first, of all customers or of one.
pub async fn lists_are_newest_first(stores: &Stores) {
    let (a, b) = (
        given::customer(stores, "A").await.id,
        given::customer(stores, "B").await.id,
    );
    let mut codes = Vec::new();
    for n in 0..6 {
        codes.push(insert(stores, &build::code(if n % 2 == 0 { a } else { b }, n)).await);
    }
    codes.reverse();
    let all = given::paged(async |page| stores.enrolment.list(None, &page).await.unwrap()).await;
    assert_eq!(all, codes);
    let of_a = given::paged(async |page| stores.enrolment.list(Some(a), &page).await.unwrap()).await;
    let expected: Vec<_> = codes.into_iter().filter(|code| code.customer == a).collect();
    assert_eq!(of_a, expected);
}

/// A withdrawn code enrols nobody; withdrawing again changes nothing, an unknown code is missing.
pub async fn a_revoked_code_enrols_nobody(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let mut code = insert(stores, &build::code(customer.id, 1)).await;
    code.is_revoked = true;
    for _ in 0..2 {
        stores.enrolment.revoke(code.id, build::act()).await.unwrap();
        assert_eq!(stores.enrolment.find(code.id).await.unwrap(), Some(code.clone()));
    }
    assert_eq!(redeem(stores, 1, 1).await, Err(Refusal::Code));
    let unknown = EnrolmentCodeId::new(code.id.get() + 1_000).unwrap();
    missing!(stores.enrolment.revoke(unknown, build::act()).await, "enrolment code");
}

/// A first redemption makes an active terminal with everything it brought, and a token that names it.
pub async fn a_redemption_makes_a_terminal(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let code = NewCode {
        store_name: Some("Shinjuku".to_owned()),
        store_code: Some("001".to_owned()),
        ..build::code(customer.id, 1)
    };
    let code = insert(stores, &code).await;
    let enrolled = redeem(stores, 1, 1).await.unwrap();
    let expected = Enrolled {
        terminal: enrolled.terminal,
        customer: customer.id,
        heartbeat_interval_s: INTERVAL_S,
        config_version: 1,
        auto_update_enabled: true,
    };
    assert_eq!(enrolled, expected);
    let view = given::view(stores, enrolled.terminal).await;
    let request = build::redemption(1, 1);
    let draft = TerminalDraft {
        store_name: Some("Shinjuku".to_owned()),
        store_code: Some("001".to_owned()),
        ..build::terminal(customer.id, 1)
    };
    assert_eq!(view.terminal.draft, draft);
    assert_eq!(view.terminal.lifecycle, Lifecycle::Active);
    assert_eq!(view.terminal.host, request.host);
    assert_eq!(view.presence.reported, request.reported);
    assert_eq!(
        (view.presence.status, view.presence.last_seen, view.presence.is_active),
        (Status::Offline, None, true)
    );
    let credential = stores.credentials.find(request.token).await.unwrap().unwrap();
    let identity = AgentIdentity {
        terminal: enrolled.terminal,
        customer: customer.id,
        serial: build::serial(1),
    };
    assert_eq!((credential.agent, credential.valid_until), (identity, None));
    assert_eq!(stores.enrolment.find(code.id).await.unwrap().unwrap().used, 1);
    assert_eq!(given::counts(stores).await.offline, 1);
    let events = given::events(stores).await;
    assert!(events.iter().any(|stored| stored.event == build::event(1)));
}

/// A refusal leaves nothing: no use, no terminal, no token, no event.
pub async fn a_refusal_changes_nothing(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let used_up = NewCode {
        serial: Some(build::serial(50)),
        max_uses: 2,
        ..build::code(customer.id, 1)
    };
    let code = insert(stores, &used_up).await;
    assert_eq!(redeem(stores, 1, 1).await, Err(Refusal::Code), "for another serial");
    assert_eq!(redeem(stores, 99, 1).await, Err(Refusal::Code), "an unknown code");
    let late = build::redemption(1, 50);
    let outcome = stores
        .enrolment
        .redeem(&late, code.expires_at, build::act_with_event(1))
        .await;
    assert_eq!(outcome.unwrap(), Err(Refusal::Code), "an expired code");
    assert_eq!(stores.enrolment.find(code.id).await.unwrap(), Some(code));
    for n in [1, 50] {
        assert_eq!(stores.terminals.find_by_serial(&build::serial(n)).await.unwrap(), None);
        assert_eq!(stores.credentials.find(build::hash("token", n)).await.unwrap(), None);
    }
    assert!(given::events(stores).await.is_empty());
    assert_eq!(given::counts(stores).await.total(), 0);
}

/// A code with one use left admits one of many at the same time.
pub async fn one_use_admits_one(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let code = insert(stores, &build::code(customer.id, 1)).await;
    let outcomes = join_all((1..=8).map(|n| redeem(stores, 1, n))).await;
    let (admitted, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(admitted.len(), 1);
    assert!(refused.iter().all(|outcome| *outcome == Err(Refusal::Code)));
    assert_eq!(stores.enrolment.find(code.id).await.unwrap().unwrap().used, 1);
    assert_eq!(given::counts(stores).await.total(), 1);
    let mut tokens = 0;
    for n in 1..=8 {
        let found = stores.credentials.find(build::hash("token", n)).await.unwrap();
        tokens += usize::from(found.is_some());
    }
    assert_eq!(tokens, 1, "one token was stored");
    assert_eq!(given::events(stores).await.len(), 1, "one envelope was written");
}

/// Agents that enrol one new serial number at the same time make one terminal.
pub async fn parallel_redemptions_of_one_serial_make_one_terminal(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let mut ids = Vec::new();
    for n in 1..=2 {
        let code = NewCode {
            max_uses: 10,
            ..build::code(customer.id, n)
        };
        ids.push(insert(stores, &code).await.id);
    }
    let redemptions = (1..=6).map(|n| async move {
        let request = crate::enrolment::Redemption {
            token: build::hash("token", n),
            ..build::redemption(n % 2 + 1, 1)
        };
        stores.enrolment.redeem(&request, NOW, build::act()).await.unwrap()
    });
    let outcomes = join_all(redemptions).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(
        outcomes.iter().all(|outcome| !matches!(outcome, Err(Refusal::Code))),
        "{outcomes:?}"
    );
    assert_eq!(given::counts(stores).await.total(), 1);
    let mut used = 0;
    for id in ids {
        used += stores.enrolment.find(id).await.unwrap().unwrap().used;
    }
    assert_eq!(used, 1, "a refusal uses nothing");
}

/// A customer's number of terminals holds against redemptions at the same time, of several codes too.
pub async fn a_customers_limit_holds_in_parallel(stores: &Stores) {
    let draft = CustomerDraft {
        max_terminals: Some(3),
        ..build::customer("ABC")
    };
    let customer = stores.customers.insert(&draft, NOW, build::act()).await.unwrap();
    for n in 1..=2 {
        let code = NewCode {
            max_uses: 10,
            ..build::code(customer.id, n)
        };
        insert(stores, &code).await;
    }
    let outcomes = join_all((1..=8).map(|n| redeem(stores, n % 2 + 1, n))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    assert!(
        outcomes.iter().all(|outcome| !matches!(outcome, Err(Refusal::Code))),
        "{outcomes:?}"
    );
    assert_eq!(given::counts(stores).await.total(), 3);
}

/// An inactive customer, and one whose contract has ended, enrol nobody.
pub async fn a_customer_may_be_closed(stores: &Stores) {
    let mut customer = given::customer(stores, "ABC").await;
    insert(stores, &build::code(customer.id, 1)).await;
    customer.draft.is_active = false;
    stores
        .customers
        .save(&customer, Revision::FIRST, build::act())
        .await
        .unwrap();
    assert!(matches!(redeem(stores, 1, 1).await, Err(Refusal::State(_))));
    customer.draft.is_active = true;
    customer.draft.contract_end_date = Timestamp::from_secs(86_400).to_chrono().date_naive().into();
    stores
        .customers
        .save(&customer, Revision(2), build::act())
        .await
        .unwrap();
    assert!(matches!(redeem(stores, 1, 1).await, Err(Refusal::State(_))));
    customer.draft.contract_end_date = None;
    stores
        .customers
        .save(&customer, Revision(3), build::act())
        .await
        .unwrap();
    assert!(redeem(stores, 1, 1).await.is_ok());
}
