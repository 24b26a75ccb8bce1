//! Stored things that tests begin with, and short ways to read back. Each function panics when the store refuses.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::build::{self, NOW};
use crate::{
    Stores,
    audit::store::{AuditFilter, AuditRow},
    customer::Customer,
    enrolment::Enrolled,
    envelope::Envelope,
    event::{EventPosition, StoredEvent, store::EventTail},
    heartbeat::{Answer, Heartbeat, HeartbeatRecord, plan::BatchRules},
    id::{CustomerId, TerminalId},
    lease::Fence,
    operator::User,
    page::{Order, Page, PageRequest, PageStart},
    permission::Role,
    presence::{Presence, store::StatusInterval},
    terminal::{Terminal, TerminalView, store::StatusCounts},
    time::Timestamp,
};

/// Reads the audit trail, oldest first.
pub async fn audit(stores: &Stores) -> Vec<AuditRow> {
    let (mut rows, mut start) = (Vec::new(), PageStart::First);
    loop {
        let request = PageRequest {
            start,
            limit: 100,
            count: false,
        };
        let filter = AuditFilter::default();
        let page = stores.audit.list(&filter, Order::Ascending, &request).await.unwrap();
        rows.extend(page.items);
        match page.next {
            Some(cursor) => start = PageStart::After(cursor),
            None => return rows,
        }
    }
}

/// Stores a customer of this name.
pub async fn customer(stores: &Stores, name: &str) -> Customer {
    let draft = build::customer(name);
    stores.customers.insert(&draft, NOW, build::act()).await.unwrap()
}

/// Stores an operator of this name.
pub async fn user(stores: &Stores, name: &str) -> User {
    let new = build::user(name);
    stores.users.insert(&new, NOW, build::act()).await.unwrap()
}

/// Stores an administrator of this name.
pub async fn administrator(stores: &Stores, name: &str) -> User {
    let mut new = build::user(name);
    new.profile.role = Role::Admin;
    stores.users.insert(&new, NOW, build::act()).await.unwrap()
}

/// Stores the terminal number `n` without an agent.
pub async fn registered(stores: &Stores, customer: CustomerId, n: i64) -> Terminal {
    let draft = build::terminal(customer, n);
    stores.terminals.insert(&draft, NOW, build::act()).await.unwrap()
}

/// Enrols the terminal number `n` with the token number `n`, by a code of the same number.
pub async fn enrolled(stores: &Stores, customer: CustomerId, n: i64) -> TerminalId {
    let code = build::code(customer, n);
    stores.enrolment.insert(&code, NOW, build::act()).await.unwrap();
    redeemed(stores, n, n).await.terminal
}

/// Redeems the code number `code` for the terminal number `n`.
pub async fn redeemed(stores: &Stores, code: i64, n: i64) -> Enrolled {
    let request = build::redemption(code, n);
    let outcome = stores.enrolment.redeem(&request, NOW, build::act()).await;
    outcome.unwrap().expect("the code is good")
}

/// Enrols the terminals number 1 to `count`.
pub async fn fleet(stores: &Stores, customer: CustomerId, count: i64) -> Vec<TerminalId> {
    let mut terminals = Vec::new();
    for n in 1..=count {
        terminals.push(enrolled(stores, customer, n).await);
    }
    terminals
}

/// Stores a batch by the default rules.
pub async fn beats(stores: &Stores, beats: &[Heartbeat]) -> Vec<Answer> {
    stores
        .heartbeats
        .record_batch(beats, &BatchRules::default())
        .await
        .unwrap()
}

/// Leads `lease` under the name `holder` for a minute after [`NOW`].
pub async fn lead(stores: &Stores, lease: &'static str, holder: &str) -> Fence {
    let taken = stores.leases.acquire(lease, holder, NOW, Duration::from_secs(60)).await;
    taken.unwrap().expect("the lease is free")
}

/// Leads the lease `sweep`.
pub async fn fence(stores: &Stores) -> Fence {
    lead(stores, "sweep", "node-1").await
}

/// Takes a lease over from its leader and returns the old leader's fence.
pub async fn fenced_off(stores: &Stores) -> Fence {
    let old = lead(stores, "lost", "node-1").await;
    let later = build::at(3_600);
    let new = stores
        .leases
        .acquire("lost", "node-2", later, Duration::from_secs(60))
        .await;
    assert_ne!(new.unwrap().expect("the lease has run out").token, old.token);
    old
}

/// Returns an envelope with the fence of a leader that lost its lease.
pub async fn fenced_act(stores: &Stores) -> Envelope {
    let mut with = build::act_with_event(666);
    with.fence = Some(fenced_off(stores).await);
    with
}

/// Returns the view of a terminal.
pub async fn view(stores: &Stores, terminal: TerminalId) -> TerminalView {
    stores.terminals.find(terminal).await.unwrap().expect("the terminal")
}

/// Returns the presence row of a terminal.
pub async fn presence(stores: &Stores, terminal: TerminalId) -> Presence {
    let rows = stores.presence.find_many(&[terminal]).await.unwrap();
    rows.into_iter().next().expect("the presence row")
}

/// Returns the counts of the whole fleet.
pub async fn counts(stores: &Stores) -> StatusCounts {
    stores.terminals.count_by_status(None).await.unwrap()
}

/// Returns all heartbeats of a terminal, newest first.
pub async fn history(stores: &Stores, terminal: TerminalId) -> Vec<HeartbeatRecord> {
    walk(100, async |page| {
        let (from, to) = (Timestamp::EPOCH, Timestamp::MAX);
        stores.heartbeats.history(terminal, from, to, &page).await.unwrap()
    })
    .await
}

/// Returns all closed intervals of status of a terminal, newest first.
pub async fn status_history(stores: &Stores, terminal: TerminalId) -> Vec<StatusInterval> {
    walk(100, async |page| {
        stores.presence.status_history(terminal, &page).await.unwrap()
    })
    .await
}

/// Returns all events behind `after`.
pub async fn events_after(stores: &Stores, after: EventPosition) -> Vec<StoredEvent> {
    let mut all: Vec<StoredEvent> = Vec::new();
    loop {
        let from = all.last().map_or(after, |event| event.position);
        match stores.events.tail(from, 100).await.unwrap() {
            EventTail::Events(more) if more.is_empty() => return all,
            EventTail::Events(more) => all.extend(more),
            EventTail::Resync { head } => panic!("asked to resync to {head} while following from {from}"),
        }
    }
}

/// Returns all events.
pub async fn events(stores: &Stores) -> Vec<StoredEvent> {
    events_after(stores, EventPosition::default()).await
}

/// Walks a list by its cursors, `limit` rows at a time.
pub async fn walk<T>(limit: u32, list: impl AsyncFn(PageRequest) -> Page<T>) -> Vec<T> {
    let mut all = Vec::new();
    let mut start = PageStart::First;
    for _ in 0..10_000 {
        let page = list(PageRequest {
            start,
            limit,
            count: false,
        })
        .await;
        assert!(
            page.items.len() <= usize::try_from(limit).unwrap(),
            "a page has more rows than asked for"
        );
        all.extend(page.items);
        match page.next {
            Some(cursor) => start = PageStart::After(cursor),
            None => return all,
        }
    }
    panic!("a walk of cursors does not end");
}

/// Checks that a list answers alike by cursor, by offset and with a total, and returns its rows.
pub async fn paged<T: PartialEq + std::fmt::Debug>(list: impl AsyncFn(PageRequest) -> Page<T>) -> Vec<T> {
    let whole = list(build::whole_page()).await;
    assert_eq!(whole.next, None, "a list that fits a page has no next page");
    let rows = whole.items;
    assert_eq!(whole.total, Some(u64::try_from(rows.len()).unwrap()), "total");
    for limit in [1, 2, 3] {
        assert_eq!(
            walk(limit, &list).await,
            rows,
            "a walk by cursors, {limit} rows at a time"
        );
        for offset in 0..=rows.len() {
            let page = list(PageRequest {
                start: PageStart::Offset(u32::try_from(offset).unwrap()),
                limit,
                count: true,
            })
            .await;
            let end = rows.len().min(offset + usize::try_from(limit).unwrap());
            assert_eq!(page.items, rows[offset..end], "from row {offset}");
            assert_eq!(page.total, whole.total, "the total does not depend on the page");
        }
    }
    rows
}

/// Lets other futures of the same task go on once.
pub async fn pause() {
    struct Once(bool);
    impl Future for Once {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
    Once(false).await;
}
