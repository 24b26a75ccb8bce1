//! Cases of reading the trail.

use super::{entry, record};
use crate::{
    Stores,
    audit::{AuditEntry, AuditTarget, store::AuditFilter},
    page::{Order, PageRequest, PageStart},
    testkit::{
        build::{self, at},
        given,
    },
};

const ACTIONS: [&str; 3] = ["a.make", "a.drop", "b.make"];

/// Thirty entries that differ in each filtered field.
async fn some(stores: &Stores) {
    let customers = [
        given::customer(stores, "one").await.id,
        given::customer(stores, "two").await.id,
    ];
    let entries = (0_i64..30).map(|n| {
        let turn = |of: i64| usize::try_from(n % of).unwrap();
        AuditEntry {
            at: at(n / 2 * 10),
            actor: ["ann", "bob", "anna", "Ann"][turn(4)].to_owned(),
            action: ACTIONS[turn(3)],
            target: AuditTarget::existing(["x", "y"][turn(2)], n % 5 + 1),
            customer: [Some(customers[0]), None, Some(customers[1])][turn(3)],
            ..entry()
        }
    });
    record(stores, entries.collect()).await;
}

fn filters(customer: crate::id::CustomerId) -> Vec<AuditFilter> {
    let text = |text: &str| Some(text.to_owned());
    let with = |change: &dyn Fn(&mut AuditFilter)| {
        let mut filter = AuditFilter::default();
        change(&mut filter);
        filter
    };
    vec![
        AuditFilter::default(),
        with(&|f| f.actor = text("ann")),
        with(&|f| f.actor = text("nobody")),
        with(&|f| f.action = text("a.drop")),
        with(&|f| f.target_type = text("y")),
        with(&|f| f.target_id = Some(3)),
        with(&|f| (f.target_type, f.target_id) = (text("x"), Some(3))),
        with(&|f| f.customer = Some(customer)),
        with(&|f| f.from = Some(at(50))),
        with(&|f| f.to = Some(at(50))),
        with(&|f| (f.from, f.to, f.actor) = (Some(at(50)), Some(at(100)), text("bob"))),
        with(&|f| (f.customer, f.action, f.to) = (Some(customer), text("b.make"), Some(at(70)))),
    ]
}

/// Each filter, and several together, find what a plain comparison finds; the total agrees.
pub async fn filters_match_the_model(stores: &Stores) {
    some(stores).await;
    let all = given::audit(stores).await;
    let customer = stores.customers.find_by_name("two").await.unwrap().unwrap().id;
    for filter in filters(customer) {
        let is = |asked: &Option<String>, found: &str| asked.as_deref().is_none_or(|asked| asked == found);
        let mut expected = all.clone();
        expected.retain(|row| {
            let r = &row.record;
            is(&filter.actor, &r.actor)
                && is(&filter.action, &r.action)
                && is(&filter.target_type, &r.target_type)
                && filter.target_id.is_none_or(|id| r.target_id == Some(id))
                && filter.customer.is_none_or(|id| r.customer_id == Some(id.get()))
                && filter.from.is_none_or(|from| from <= r.at)
                && filter.to.is_none_or(|to| r.at < to)
        });
        let page = build::whole_page();
        let found = stores.audit.list(&filter, Order::Ascending, &page).await.unwrap();
        assert_eq!(found.items, expected, "{filter:?}");
        assert_eq!(found.total, Some(u64::try_from(expected.len()).unwrap()));
        expected.reverse();
        let found = stores.audit.list(&filter, Order::Descending, &page).await.unwrap();
        assert_eq!(found.items, expected, "{filter:?}");
    }
}

/// Pages by cursor and by offset show each entry once, also when others are written meanwhile.
pub async fn cursors_walk_each_entry_once(stores: &Stores) {
    some(stores).await;
    let all = given::audit(stores).await;
    let newest = all.last().unwrap().record.id;
    for (order, limit) in [(Order::Ascending, 7), (Order::Descending, 10), (Order::Descending, 32)] {
        let mut expected = all.clone();
        if order == Order::Descending {
            expected.reverse();
        }
        let (mut walked, mut start) = (Vec::new(), PageStart::First);
        loop {
            let request = PageRequest {
                start,
                ..PageRequest::first(limit)
            };
            let page = stores
                .audit
                .list(&AuditFilter::default(), order, &request)
                .await
                .unwrap();
            walked.extend(page.items);
            if order == Order::Descending {
                record(stores, vec![entry()]).await;
            }
            match page.next {
                Some(cursor) => start = PageStart::After(cursor),
                None => break,
            }
        }
        walked.retain(|row| row.record.id <= newest);
        assert_eq!(walked, expected, "{order:?} {limit}");
    }
    let request = PageRequest {
        start: PageStart::Offset(30),
        ..PageRequest::first(2)
    };
    let page = stores
        .audit
        .list(&AuditFilter::default(), Order::Ascending, &request)
        .await
        .unwrap();
    assert_eq!(page.items, all[30..32]);
}
