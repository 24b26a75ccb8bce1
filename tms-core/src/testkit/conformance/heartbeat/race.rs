//! Cases of heartbeats beside other writers of the same terminals.

use futures::future::{join, join_all};

use super::{fleet, is_recorded};
use crate::{
    Stores,
    alert::{AlertPlan, Cause, CauseSet},
    error::StoreError,
    heartbeat::Answer,
    id::TerminalId,
    presence::{Device, Status, store::Retirement},
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

/// Sends six batches at one time, every other one naming the terminals in the opposite order, so that statuses flip.
async fn flips(stores: &Stores, fleet: &[TerminalId]) {
    let batches = (0..6_i64).map(|n| {
        let mut batch: Vec<_> = fleet
            .iter()
            .map(|terminal| build::beat(*terminal, at(10 + n)))
            .collect();
        if n % 2 == 1 {
            batch.reverse();
            for beat in &mut batch {
                beat.device = Device::Absent;
            }
        }
        async move { given::beats(stores, &batch).await }
    });
    join_all(batches).await;
}

/// A terminal that moves to another customer while its status changes is counted once, at the right customer.
pub async fn moving_beside_heartbeats_counts_right(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    let other = given::customer(stores, "other").await.id;
    let mut moved = given::view(stores, fleet[1]).await.terminal;
    let first = moved.draft.customer;
    moved.draft.customer = other;
    let saving = stores.terminals.save(&moved, moved.revision, build::act());
    let ((), saved) = join(flips(stores, &fleet), saving).await;
    saved.unwrap();
    let of = async |customer| stores.terminals.count_by_status(Some(customer)).await.unwrap();
    assert_eq!((of(first).await.total(), of(other).await.total()), (2, 1));
    assert_eq!(given::presence(stores, fleet[1]).await.customer, other);
    assert!(!stores.upkeep.recount().await.unwrap(), "the counts were right");
    assert_eq!(given::history(stores, fleet[1]).await.len(), 6);
}

/// Retiring beside heartbeats either succeeds or is told to read again, and the counts are right.
pub async fn retiring_beside_heartbeats_counts_right(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    let view = given::view(stores, fleet[0]).await;
    let write = Retirement::of(view.presence, NOW);
    let seen = view.terminal.revision;
    let retiring = stores.terminals.retire(fleet[0], seen, &write, build::act());
    let ((), retired) = join(flips(stores, &fleet), retiring).await;
    let left = match retired {
        Ok(()) => 1,
        Err(StoreError::Stale(_)) => 2,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(given::counts(stores).await.total(), left);
    assert!(!stores.upkeep.recount().await.unwrap(), "the counts were right");
}

/// Alerts that are raised while heartbeats change the same rows are neither lost nor undone.
pub async fn alerts_beside_heartbeats_are_kept(stores: &Stores) {
    let fleet = fleet(stores, 5).await;
    let fence = given::fence(stores).await;
    let customer = given::presence(stores, fleet[0]).await.customer;
    let plans: Vec<_> = fleet
        .iter()
        .map(|terminal| AlertPlan {
            terminal: *terminal,
            seen_raised: build::causes(&[Cause::Security]),
            raise: vec![build::alert(*terminal, customer, Cause::Security, NOW)],
            resolve: CauseSet::EMPTY,
            at: NOW,
        })
        .collect();
    let ((), applied) = join(flips(stores, &fleet), stores.alerts.apply(&plans, fence)).await;
    assert_eq!(applied.unwrap().raised, 5);
    for terminal in fleet {
        let row = given::presence(stores, terminal).await;
        assert_eq!(row.alerted, build::causes(&[Cause::Security]));
        assert_eq!(given::history(stores, terminal).await.len(), 6);
    }
}

/// Batches at one time leave what one after the other would: no heartbeat and no version is lost.
pub async fn parallel_batches_lose_nothing(stores: &Stores) {
    let fleet = fleet(stores, 5).await;
    let before = stores.presence.find_many(&fleet).await.unwrap();
    let batches = (0..8_i64).map(|n| {
        let mut batch: Vec<_> = fleet
            .iter()
            .map(|terminal| build::beat(*terminal, at(10 + n)))
            .collect();
        // Half of them name the terminals in the opposite order.
        if n % 2 == 1 {
            batch.reverse();
        }
        async move { given::beats(stores, &batch).await }
    });
    for answers in join_all(batches).await {
        assert!(answers.iter().all(is_recorded) && answers.len() == 5);
    }
    for row in before {
        let after = given::presence(stores, row.terminal).await;
        assert_eq!(after.version, row.version + 8, "each batch wrote the row once");
        assert_eq!(after.last_seen, Some(at(17)));
        assert_eq!(after.status, Status::Online);
        assert_eq!(given::history(stores, row.terminal).await.len(), 8);
        assert_eq!(
            given::status_history(stores, row.terminal).await.len(),
            1,
            "it came online once"
        );
    }
    assert_eq!(given::counts(stores).await.online, 5);
    assert_eq!(given::events(stores).await.len(), 5);
}

/// Of counted heartbeats in parallel batches, history has exactly those answered as recorded.
pub async fn parallel_counted_batches_agree_with_their_answers(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    let batches = (0..8_i64).map(|n| {
        let batch: Vec<_> = fleet
            .iter()
            .flat_map(|terminal| [n, n + 1].map(|seq| build::counted(*terminal, at(10 + n), "boot", seq)))
            .collect();
        async move { given::beats(stores, &batch).await }
    });
    let answers = join_all(batches).await;
    let recorded = answers.iter().flatten().filter(|answer| is_recorded(answer)).count();
    let mut kept = 0;
    for terminal in fleet {
        assert_eq!(given::presence(stores, terminal).await.seq, Some(8));
        let mut seqs: Vec<_> = given::history(stores, terminal)
            .await
            .iter()
            .map(|row| row.seq)
            .collect();
        kept += seqs.len();
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(
            given::history(stores, terminal).await.len(),
            seqs.len(),
            "each counter once"
        );
    }
    assert_eq!(kept, recorded);
}

/// What people set meanwhile survives heartbeats: interval, customer, maintenance.
pub async fn operators_settings_survive(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let mut edited = given::view(stores, terminal).await.terminal;
    edited.draft.heartbeat_interval_s = 60;
    edited.draft.store_name = Some("edited".to_owned());
    let beats = join_all((0..6).map(|n| async move {
        given::beats(stores, &[build::beat(terminal, at(10 + n))]).await;
    }));
    let (_, saved) = join(beats, stores.terminals.save(&edited, edited.revision, build::act())).await;
    saved.unwrap();
    let answers = given::beats(stores, &[build::beat(terminal, at(30))]).await;
    let view = given::view(stores, terminal).await;
    assert_eq!(view.presence.interval_s, 60);
    assert_eq!(view.terminal.draft.store_name.as_deref(), Some("edited"));
    assert_eq!(given::history(stores, terminal).await.len(), 7);
    assert!(
        matches!(answers[..], [Answer::Recorded(next)] if (54..=60).contains(&next.next_s)),
        "{answers:?}"
    );
    assert_eq!(
        view.terminal.revision,
        edited.revision.next(),
        "a heartbeat counts no revision"
    );
}
