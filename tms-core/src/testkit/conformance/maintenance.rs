//! Cases of [`crate::maintenance::MaintenanceStore`].

use crate::{
    Stores,
    id::{MaintenanceId, TerminalId},
    maintenance::{Maintenance, NewMaintenance},
    testkit::{
        build::{self, at},
        given,
    },
    time::Timestamp,
};

async fn fleet(stores: &Stores, count: i64) -> Vec<TerminalId> {
    let customer = given::customer(stores, "ABC").await;
    given::fleet(stores, customer.id, count).await
}

async fn insert(stores: &Stores, terminal: TerminalId, from: i64, until: Option<i64>) -> Maintenance {
    let plan = NewMaintenance {
        terminal,
        from: at(from),
        until: until.map(at),
        reason: "work".to_owned(),
    };
    stores
        .maintenance
        .insert(&plan, "admin", at(0), build::act())
        .await
        .unwrap()
}

async fn out_of_step(stores: &Stores, secs: i64) -> Vec<(TerminalId, bool)> {
    let mut found = stores.maintenance.out_of_step(at(secs), None, 100).await.unwrap();
    found.sort_unstable();
    found
}

/// Does what the reconciler does about every terminal that is out of step.
async fn follow(stores: &Stores, secs: i64) {
    for (terminal, should) in out_of_step(stores, secs).await {
        let row = given::presence(stores, terminal).await;
        let (write, change) = super::presence::maintaining(row, should, at(secs));
        stores.presence.save(&write, change, build::act()).await.unwrap();
    }
}

/// What is written reads back, at both ends of each field.
pub async fn every_field_reads_back(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let plans = [
        NewMaintenance {
            terminal,
            from: Timestamp::EPOCH,
            until: Some(Timestamp::MAX),
            reason: "'\"%_\\ 日本語 \u{1F600}\n".repeat(30),
        },
        NewMaintenance {
            terminal,
            from: at(5),
            until: None,
            reason: "x".to_owned(),
        },
    ];
    for plan in plans {
        let stored = stores
            .maintenance
            .insert(&plan, "O'Neil 日本", at(1), build::act())
            .await
            .unwrap();
        let expected = Maintenance {
            id: stored.id,
            plan,
            created_by: "O'Neil 日本".to_owned(),
            created_at: at(1),
        };
        assert_eq!(stored, expected);
        assert_eq!(stores.maintenance.find(stored.id).await.unwrap(), Some(expected));
    }
    let unknown = MaintenanceId::new(9_999).unwrap();
    assert_eq!(stores.maintenance.find(unknown).await.unwrap(), None);
    let nowhere = NewMaintenance {
        terminal: TerminalId::new(1_000_000).unwrap(),
        from: at(5),
        until: None,
        reason: "x".to_owned(),
    };
    missing!(
        stores.maintenance.insert(&nowhere, "admin", at(1), build::act()).await,
        "terminal"
    );
}

/// Lists are newest first, of all, of a customer, of a terminal.
pub async fn lists_are_newest_first(stores: &Stores) {
    let (a, b) = (
        given::customer(stores, "A").await.id,
        given::customer(stores, "B").await.id,
    );
    let (one, two) = (given::enrolled(stores, a, 1).await, given::enrolled(stores, b, 2).await);
    let mut all = Vec::new();
    for terminal in [one, two, one, one] {
        all.push(insert(stores, terminal, 10, None).await);
    }
    all.reverse();
    for (customer, terminal, expected) in [
        (None, None, vec![0, 1, 2, 3]),
        (Some(a), None, vec![0, 1, 3]),
        (Some(b), None, vec![2]),
        (None, Some(one), vec![0, 1, 3]),
        (Some(b), Some(one), vec![]),
    ] {
        let found = given::paged(async |page| stores.maintenance.list(customer, terminal, &page).await.unwrap()).await;
        let expected: Vec<_> = expected.into_iter().map(|index: usize| all[index].clone()).collect();
        assert_eq!(found, expected, "{customer:?} {terminal:?}");
    }
}

/// Ending brings the end forward, never back, and again changes nothing.
pub async fn ending_only_brings_forward(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let open = insert(stores, terminal, 10, None).await;
    let closed = insert(stores, terminal, 10, Some(50)).await;
    let end = async |id, secs| {
        stores.maintenance.end(id, at(secs), build::act()).await.unwrap();
        stores.maintenance.find(id).await.unwrap().unwrap().plan.until
    };
    assert_eq!(end(closed.id, 60).await, Some(at(50)), "it ends sooner");
    assert_eq!(end(closed.id, 40).await, Some(at(40)));
    assert_eq!(end(open.id, 60).await, Some(at(60)));
    assert_eq!(end(open.id, 70).await, Some(at(60)));
}

/// A terminal is out of step from the beginning of a time until its row says so, and from its end until it does not.
pub async fn out_of_step_finds_begin_and_end(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    insert(stores, fleet[0], 10, Some(20)).await;
    let open = insert(stores, fleet[1], 15, None).await;
    assert!(out_of_step(stores, 9).await.is_empty());
    assert_eq!(out_of_step(stores, 10).await, [(fleet[0], true)]);
    follow(stores, 10).await;
    assert!(out_of_step(stores, 14).await.is_empty());
    assert_eq!(out_of_step(stores, 15).await, [(fleet[1], true)]);
    follow(stores, 15).await;
    assert!(out_of_step(stores, 19).await.is_empty());
    assert_eq!(
        out_of_step(stores, 20).await,
        [(fleet[0], false)],
        "its end is not in it"
    );
    follow(stores, 20).await;
    stores.maintenance.end(open.id, at(30), build::act()).await.unwrap();
    assert!(out_of_step(stores, 29).await.is_empty());
    assert_eq!(out_of_step(stores, 30).await, [(fleet[1], false)]);
}

/// Times that overlap hold as long as one of them does.
pub async fn overlapping_times_hold_together(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    insert(stores, terminal, 10, Some(30)).await;
    insert(stores, terminal, 20, Some(40)).await;
    follow(stores, 25).await;
    assert!(out_of_step(stores, 30).await.is_empty());
    assert_eq!(out_of_step(stores, 40).await, [(terminal, false)]);
}

/// A time that was ended before it began never holds.
pub async fn one_ended_before_it_began_never_holds(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let planned = insert(stores, terminal, 100, Some(200)).await;
    stores.maintenance.end(planned.id, at(50), build::act()).await.unwrap();
    for secs in [50, 60, 100, 150] {
        assert!(out_of_step(stores, secs).await.is_empty(), "{secs}");
    }
}

/// Retired terminals are left out, and the limit holds.
pub async fn out_of_step_is_limited_to_active_ones(stores: &Stores) {
    let fleet = fleet(stores, 4).await;
    for terminal in &fleet {
        insert(stores, *terminal, 10, None).await;
    }
    super::terminal::retire(stores, fleet[0]).await;
    let found = out_of_step(stores, 100).await;
    assert_eq!(found, [(fleet[1], true), (fleet[2], true), (fleet[3], true)]);
    assert_eq!(stores.maintenance.out_of_step(at(100), None, 2).await.unwrap().len(), 2);
}

/// Asked of one terminal, it says of no other, however many there are.
pub async fn out_of_step_is_asked_of_one(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    let of = async |terminal, secs| {
        stores
            .maintenance
            .out_of_step(at(secs), Some(terminal), 1)
            .await
            .unwrap()
    };
    for terminal in &fleet[..2] {
        insert(stores, *terminal, 10, Some(20)).await;
    }
    assert_eq!(of(fleet[1], 15).await, [(fleet[1], true)]);
    assert!(of(fleet[2], 15).await.is_empty());
    follow(stores, 15).await;
    assert!(of(fleet[1], 15).await.is_empty());
    assert_eq!(of(fleet[1], 20).await, [(fleet[1], false)]);
    assert!(of(fleet[2], 20).await.is_empty());
}
