//! Cases of [`crate::terminal::TerminalStore`].

mod import;
mod list;
mod room;

use chrono::NaiveDate;
use futures::future::join_all;

use crate::{
    Stores,
    alert::AlertPlan,
    alert::{Cause, CauseSet},
    error::StoreError,
    id::{CustomerId, Revision, TerminalId},
    presence::{Device, Presence, Status, store::Retirement},
    terminal::{Host, Lifecycle, Terminal, TerminalDraft, store::StatusCounts},
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

pub use import::{a_large_import_is_stored, an_import_does_what_single_acts_do, an_import_is_all_or_nothing};
pub use list::{
    cursors_survive_changes, cursors_walk_each_row_once, filters_match_the_model, last_heartbeat_yields_no_cursor,
    sorts_match_the_model,
};
pub use room::a_full_customer_takes_no_more;

/// Retires a terminal.
pub(super) async fn retire(stores: &Stores, terminal: TerminalId) {
    let view = given::view(stores, terminal).await;
    let retirement = Retirement::of(view.presence, at(60));
    let (id, seen) = (terminal, view.terminal.revision);
    stores
        .terminals
        .retire(id, seen, &retirement, build::act())
        .await
        .unwrap();
}

pub(super) fn full_draft(customer: CustomerId) -> TerminalDraft {
    TerminalDraft {
        model: "TC-200 'X' \"%_\\".to_owned(),
        store_name: Some("新宿店 '100%' \"_\\ \u{1F600}".to_owned()),
        store_code: Some("０01".to_owned()),
        installation_address: Some("1-2-3\nＳｈｉｎｊｕｋｕ".repeat(20)),
        heartbeat_interval_s: 3_600,
        auto_update_enabled: false,
        installed_date: NaiveDate::from_ymd_opt(1970, 1, 1),
        warranty_end_date: NaiveDate::from_ymd_opt(9999, 12, 31),
        ..build::terminal(customer, 1)
    }
}

/// What is written reads back, by id and by serial number, together with a new presence row.
pub async fn every_field_reads_back(stores: &Stores) {
    let customer = given::customer(stores, "ABC '%_\\ 株式会社").await;
    let draft = full_draft(customer.id);
    let terminal = stores.terminals.insert(&draft, at(1), build::act()).await.unwrap();
    let expected = Terminal {
        id: terminal.id,
        draft,
        lifecycle: Lifecycle::Registered,
        host: Host::default(),
        created_at: at(1),
        updated_at: at(1),
        revision: Revision::FIRST,
    };
    assert_eq!(terminal, expected);
    let view = given::view(stores, terminal.id).await;
    assert_eq!(view.terminal, expected);
    assert_eq!(
        view.presence,
        Presence::new(terminal.id, customer.id, 3_600, at(1)),
        "a terminal begins with this presence row"
    );
    assert_eq!(view.company_name, customer.draft.company_name);
    assert_eq!(view.active_alerts, 0);
    let by_serial = stores.terminals.find_by_serial(&build::serial(1)).await.unwrap();
    assert_eq!(by_serial, Some(view.clone()));
    assert_eq!(given::presence(stores, terminal.id).await, view.presence);
}

/// An id and a serial number that nobody has find nothing.
pub async fn unknown_ones_are_not_found(stores: &Stores) {
    assert_eq!(stores.terminals.find(TerminalId::new(9).unwrap()).await.unwrap(), None);
    assert_eq!(stores.terminals.find_by_serial(&build::serial(9)).await.unwrap(), None);
}

/// Many are found by one question: in order of id, each once, retired ones too, the unknown left out.
pub async fn many_are_found_in_order_of_id(stores: &Stores) {
    let customers = [given::customer(stores, "A").await, given::customer(stores, "B").await];
    let mut ids = Vec::new();
    for n in 0..4_usize {
        let number = i64::try_from(n).unwrap();
        ids.push(given::registered(stores, customers[n % 2].id, number).await.id);
    }
    retire(stores, ids[1]).await;
    let stranger = TerminalId::new(ids[3].get() + 1_000).unwrap();
    let asked = [ids[3], stranger, ids[1], ids[0], ids[3]];
    let found = stores.terminals.find_many(&asked).await.unwrap();
    let mut expected = Vec::new();
    for id in [ids[0], ids[1], ids[3]] {
        expected.push(given::view(stores, id).await);
    }
    assert_eq!(found, expected);
    assert!(stores.terminals.find_many(&[]).await.unwrap().is_empty());
    let many: Vec<_> = (1..=ids[3].get() + 3_000)
        .rev()
        .map(|raw| TerminalId::new(raw).unwrap())
        .collect();
    let found = stores.terminals.find_many(&many).await.unwrap();
    let found: Vec<_> = found.iter().map(|view| view.terminal.id).collect();
    assert_eq!(found, ids, "of thousands of ids");
}

/// No two terminals have one serial number, of whichever customer, retired or not.
pub async fn serials_are_unique(stores: &Stores) {
    let (a, b) = (given::customer(stores, "A").await, given::customer(stores, "B").await);
    let first = given::registered(stores, a.id, 1).await;
    let taken = build::terminal(b.id, 1);
    refused!(
        stores.terminals.insert(&taken, NOW, build::act()).await,
        StoreError::Duplicate(_)
    );
    retire(stores, first.id).await;
    refused!(
        stores.terminals.insert(&taken, NOW, build::act()).await,
        StoreError::Duplicate(_)
    );
    let mut second = given::registered(stores, b.id, 2).await;
    second.draft.serial = build::serial(1);
    refused!(
        stores.terminals.save(&second, Revision::FIRST, build::act()).await,
        StoreError::Duplicate(_)
    );
    assert_eq!(
        given::counts(stores).await.total(),
        1,
        "what was refused is not counted"
    );
}

/// Of parallel inserts of one serial number, one succeeds.
pub async fn one_of_parallel_inserts_wins(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let draft = build::terminal(customer.id, 1);
    let outcomes = join_all((0..6).map(|_| stores.terminals.insert(&draft, NOW, build::act()))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Duplicate(_));
    }
    assert_eq!(given::counts(stores).await.total(), 1);
}

/// A terminal of a customer that is not there is refused, on insert and on save.
pub async fn an_unknown_customer_is_missing(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let nobody = CustomerId::new(customer.id.get() + 1_000).unwrap();
    missing!(
        stores
            .terminals
            .insert(&build::terminal(nobody, 1), NOW, build::act())
            .await,
        "customer"
    );
    let mut terminal = given::registered(stores, customer.id, 1).await;
    terminal.draft.customer = nobody;
    missing!(
        stores.terminals.save(&terminal, Revision::FIRST, build::act()).await,
        "customer"
    );
    terminal.draft.customer = customer.id;
    terminal.id = TerminalId::new(terminal.id.get() + 1_000).unwrap();
    missing!(
        stores.terminals.save(&terminal, Revision::FIRST, build::act()).await,
        "terminal"
    );
}

/// A save replaces every field, counts the revision, and copies interval and customer to the presence row.
pub async fn a_save_reaches_the_presence_row(stores: &Stores) {
    let (a, b) = (given::customer(stores, "A").await, given::customer(stores, "B").await);
    let mut terminal = given::registered(stores, a.id, 1).await;
    let before = given::presence(stores, terminal.id).await;
    terminal.draft = TerminalDraft {
        serial: build::serial(77),
        ..full_draft(b.id)
    };
    terminal.updated_at = at(60);
    terminal.revision = stores
        .terminals
        .save(&terminal, Revision::FIRST, build::act())
        .await
        .unwrap();
    assert_eq!(terminal.revision, Revision(2));
    let view = given::view(stores, terminal.id).await;
    assert_eq!(view.terminal, terminal);
    assert_eq!(view.company_name, "B");
    assert_eq!((view.presence.interval_s, view.presence.customer), (3_600, b.id));
    assert!(
        view.presence.version > before.version,
        "the version of the presence row grows"
    );
    let untouched = Presence {
        version: before.version,
        interval_s: before.interval_s,
        customer: before.customer,
        ..view.presence
    };
    assert_eq!(untouched, before, "nothing else of the presence row changes");
}

/// Who read an older revision may not save.
pub async fn stale_revision_is_refused(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let mut terminal = given::registered(stores, customer.id, 1).await;
    terminal.draft.store_name = Some("first".to_owned());
    stores
        .terminals
        .save(&terminal, Revision::FIRST, build::act())
        .await
        .unwrap();
    terminal.draft.store_name = Some("second".to_owned());
    for seen in [Revision::FIRST, Revision(3)] {
        refused!(
            stores.terminals.save(&terminal, seen, build::act()).await,
            StoreError::Stale(_)
        );
    }
    let kept = given::view(stores, terminal.id).await;
    assert_eq!(kept.terminal.draft.store_name.as_deref(), Some("first"));
}

/// Of parallel saves from one revision, one succeeds.
pub async fn one_of_parallel_saves_wins(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::registered(stores, customer.id, 1).await;
    let saves = (0..6).map(|n| {
        let mut next = terminal.clone();
        next.draft.store_name = Some(format!("writer {n}"));
        async move { stores.terminals.save(&next, Revision::FIRST, build::act()).await }
    });
    let outcomes = join_all(saves).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Stale(_));
    }
    assert_eq!(given::view(stores, terminal.id).await.terminal.revision, Revision(2));
}

/// The counts follow each change of status, customer and life, and agree with a fresh count.
pub async fn counts_follow_status(stores: &Stores) {
    let (a, b) = (given::customer(stores, "A").await, given::customer(stores, "B").await);
    assert_eq!(given::counts(stores).await, StatusCounts::default());
    let fleet = given::fleet(stores, a.id, 4).await;
    let mut broken = build::beat(fleet[1], at(1));
    broken.device = Device::Error(7);
    given::beats(stores, &[build::beat(fleet[0], at(1)), broken]).await;
    let counts = StatusCounts {
        online: 1,
        error: 1,
        offline: 2,
        maintenance: 0,
    };
    assert_eq!(given::counts(stores).await, counts);
    assert_eq!(stores.terminals.count_by_status(Some(a.id)).await.unwrap(), counts);
    assert_eq!(
        stores.terminals.count_by_status(Some(b.id)).await.unwrap(),
        StatusCounts::default()
    );

    let mut moved = given::view(stores, fleet[0]).await.terminal;
    moved.draft.customer = b.id;
    stores
        .terminals
        .save(&moved, moved.revision, build::act())
        .await
        .unwrap();
    let of_b = stores.terminals.count_by_status(Some(b.id)).await.unwrap();
    assert_eq!((of_b.online, of_b.total()), (1, 1), "counts move with the customer");
    let of_a = stores.terminals.count_by_status(Some(a.id)).await.unwrap();
    assert_eq!((of_a.online, of_a.error, of_a.offline), (0, 1, 2));

    retire(stores, fleet[2]).await;
    let counts = StatusCounts { offline: 1, ..counts };
    assert_eq!(given::counts(stores).await, counts);
    assert!(!stores.upkeep.recount().await.unwrap(), "the counts were right");
    assert_eq!(given::counts(stores).await, counts);
}

/// Retiring ends the terminal's life, revokes its tokens and takes it out of the counts.
pub async fn retiring_revokes_and_uncounts(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::enrolled(stores, customer.id, 1).await;
    given::beats(stores, &[build::beat(terminal, at(1))]).await;
    let rotated = stores
        .credentials
        .rotate(build::hash("token", 1), build::hash("token", 2), at(90), build::act())
        .await;
    rotated.unwrap();
    let head = stores.credentials.revocation_head().await.unwrap();

    let before = given::view(stores, terminal).await;
    retire(stores, terminal).await;
    let view = given::view(stores, terminal).await;
    assert_eq!(view.terminal.lifecycle, Lifecycle::Retired);
    assert!(view.terminal.revision > before.terminal.revision);
    assert!(!view.presence.is_active);
    assert_eq!(view.presence.version, before.presence.version + 1);
    let ended = given::status_history(stores, terminal).await[0];
    assert_eq!(
        (ended.from, ended.to),
        (before.presence.status_since, at(60)),
        "its time of service has ended"
    );
    assert_eq!((ended.status, ended.next), (Status::Online, Status::Online));
    for n in [1, 2] {
        let token = build::hash("token", n);
        assert_eq!(stores.credentials.find(token).await.unwrap(), None, "token {n}");
    }
    let feed = stores.credentials.revocations_after(head, 10).await.unwrap();
    let mut revoked: Vec<_> = feed.into_iter().map(|entry| entry.token).collect();
    revoked.sort_unstable();
    let mut expected = [build::hash("token", 1), build::hash("token", 2)];
    expected.sort_unstable();
    assert_eq!(revoked, expected);
    assert_eq!(given::counts(stores).await.total(), 0);
}

/// Retiring is refused to who read an older revision or an older presence row, and changes nothing then.
pub async fn retiring_from_old_knowledge_is_refused(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::enrolled(stores, customer.id, 1).await;
    let view = given::view(stores, terminal).await;
    given::beats(stores, &[build::beat(terminal, at(1))]).await;
    let old = Retirement::of(view.presence, at(2));
    let seen = view.terminal.revision;
    let outcome = stores
        .terminals
        .retire(terminal, seen, &old, build::act_with_event(1))
        .await;
    refused!(outcome, StoreError::Stale(_));
    let new = Retirement::of(given::presence(stores, terminal).await, at(2));
    let outcome = stores
        .terminals
        .retire(terminal, seen.next(), &new, build::act_with_event(1))
        .await;
    refused!(outcome, StoreError::Stale(_));
    let kept = given::view(stores, terminal).await;
    assert_eq!(kept.terminal, view.terminal);
    assert!(kept.presence.is_active);
    assert!(
        stores
            .credentials
            .find(build::hash("token", 1))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(given::counts(stores).await.online, 1);
}

/// A view counts the terminal's unresolved alerts.
pub async fn a_view_counts_unresolved_alerts(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::enrolled(stores, customer.id, 1).await;
    let fence = given::fence(stores).await;
    let causes = [Cause::Offline, Cause::DeviceError];
    let plan = AlertPlan {
        terminal,
        seen_raised: build::causes(&causes),
        raise: causes
            .map(|cause| build::alert(terminal, customer.id, cause, NOW))
            .to_vec(),
        resolve: CauseSet::EMPTY,
        at: NOW,
    };
    stores.alerts.apply(&[plan], fence).await.unwrap();
    assert_eq!(given::view(stores, terminal).await.active_alerts, 2);
    let plan = AlertPlan {
        terminal,
        seen_raised: build::causes(&[Cause::Offline]),
        raise: Vec::new(),
        resolve: build::causes(&[Cause::DeviceError]),
        at: NOW,
    };
    stores.alerts.apply(&[plan], fence).await.unwrap();
    assert_eq!(given::view(stores, terminal).await.active_alerts, 1);
}

/// The status of a terminal in a view and in a filter is the one of its presence row.
pub async fn status_is_that_of_the_presence_row(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::enrolled(stores, customer.id, 1).await;
    given::beats(stores, &[build::beat(terminal, at(1))]).await;
    assert_eq!(given::view(stores, terminal).await.presence.status, Status::Online);
    assert_eq!(given::presence(stores, terminal).await.status, Status::Online);
}
