//! Cases of lists, counts and retention of alerts.

use super::{all, apply, ending, plan, terminal};
use crate::{
    Stores,
    alert::{Alert, AlertState, Cause, Severity, store::AlertFilter},
    id::{CustomerId, TerminalId},
    page::Order,
    testkit::{
        build::{self, at},
        given,
    },
};

/// Says what the docs of the filter say.
fn matches(alert: &Alert, filter: &AlertFilter) -> bool {
    filter.ids.as_ref().is_none_or(|ids| ids.contains(&alert.id))
        && filter.customer.is_none_or(|customer| alert.customer == Some(customer))
        && filter.terminal.is_none_or(|terminal| alert.terminal == Some(terminal))
        && filter
            .is_resolved
            .is_none_or(|is| is == (alert.state == AlertState::Resolved))
        && filter.severity.is_none_or(|severity| alert.severity == severity)
        && filter.cause.is_none_or(|cause| alert.cause == cause)
        && filter.from.is_none_or(|from| alert.created_at >= from)
        && filter.to.is_none_or(|to| alert.created_at < to)
}

fn filters(customer: CustomerId, terminal: TerminalId) -> Vec<AlertFilter> {
    let none = AlertFilter::default;
    vec![
        none(),
        AlertFilter {
            customer: Some(customer),
            ..none()
        },
        AlertFilter {
            terminal: Some(terminal),
            ..none()
        },
        AlertFilter {
            is_resolved: Some(true),
            ..none()
        },
        AlertFilter {
            is_resolved: Some(false),
            ..none()
        },
        AlertFilter {
            severity: Some(Severity::Low),
            ..none()
        },
        AlertFilter {
            cause: Some(Cause::Offline),
            ..none()
        },
        AlertFilter {
            from: Some(at(20)),
            ..none()
        },
        AlertFilter {
            to: Some(at(20)),
            ..none()
        },
        AlertFilter {
            customer: Some(customer),
            is_resolved: Some(false),
            severity: Some(Severity::Low),
            from: Some(at(20)),
            to: Some(at(31)),
            ..none()
        },
    ]
}

/// Filters bound a list, alone and together; it is read by page in both orders.
pub async fn filters_match_the_model(stores: &Stores) {
    let (a, b) = (
        given::customer(stores, "A").await.id,
        given::customer(stores, "B").await.id,
    );
    let fence = given::fence(stores).await;
    let mut terminals = Vec::new();
    for (n, customer) in [(1, a), (2, b), (3, a)] {
        let terminal = given::enrolled(stores, customer, n).await;
        let mut new = plan(terminal, customer, &[Cause::Offline, Cause::HighDisk], at(n * 10));
        new.raise[1].severity = Severity::Low;
        apply(stores, new, fence).await;
        terminals.push(terminal);
    }
    apply(stores, ending(terminals[2], &[Cause::Offline], at(40)), fence).await;
    let alerts = all(stores).await;
    for filter in filters(a, terminals[1]) {
        let mut expected: Vec<_> = alerts.iter().filter(|alert| matches(alert, &filter)).cloned().collect();
        for order in [Order::Ascending, Order::Descending] {
            let found = given::paged(async |page| stores.alerts.list(&filter, order, &page).await.unwrap()).await;
            assert_eq!(found, expected, "{filter:?} {order:?}");
            expected.reverse();
        }
    }
}

/// Unresolved alerts are counted by severity and by terminal.
pub async fn open_alerts_are_counted(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let other_customer = given::customer(stores, "other").await.id;
    let other = given::enrolled(stores, other_customer, 2).await;
    let quiet = given::enrolled(stores, customer, 3).await;
    let fence = given::fence(stores).await;
    let mut new = plan(
        terminal,
        customer,
        &[Cause::Offline, Cause::HighDisk, Cause::HighCpu],
        at(1),
    );
    new.raise[2].severity = Severity::Low;
    apply(stores, new, fence).await;
    apply(stores, plan(other, other_customer, &[Cause::Offline], at(1)), fence).await;
    apply(stores, ending(terminal, &[Cause::HighDisk], at(2)), fence).await;
    let mut seen = all(stores).await.remove(0);
    seen.acknowledge("admin", at(2)).unwrap();
    stores.alerts.save(&seen, seen.revision, build::act()).await.unwrap();
    for (customer, high, low) in [(None, 2, 1), (Some(customer), 1, 1), (Some(other_customer), 1, 0)] {
        let counts = stores.alerts.count_open(customer).await.unwrap();
        let count = |wanted: Severity| {
            let of_it = counts.iter().filter(|(severity, _)| *severity == wanted);
            of_it.map(|(_, count)| *count).sum::<u64>()
        };
        assert_eq!((count(Severity::High), count(Severity::Low)), (high, low), "{counts:?}");
        assert_eq!(counts.iter().map(|(_, count)| *count).sum::<u64>(), high + low);
    }
    let mut of = stores.alerts.count_open_of(&[quiet, other, terminal]).await.unwrap();
    of.sort_unstable();
    let mut expected = [(terminal, 2), (other, 1)];
    expected.sort_unstable();
    assert_eq!(of, expected);
    assert!(stores.alerts.count_open_of(&[]).await.unwrap().is_empty());
}

/// Retention deletes resolved alerts only, older ones only, and no more than its limit.
pub async fn dropping_spares_open_and_young_ones(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    for n in 1..=4 {
        apply(stores, plan(terminal, customer, &[Cause::Offline], at(n * 10)), fence).await;
        if n < 4 {
            apply(stores, ending(terminal, &[Cause::Offline], at(n * 10 + 5)), fence).await;
        }
    }
    let mut kept = all(stores).await;
    assert_eq!(stores.alerts.drop_resolved(at(15), 10).await.unwrap(), 0);
    assert_eq!(stores.alerts.drop_resolved(at(30), 1).await.unwrap(), 1);
    assert_eq!(stores.alerts.drop_resolved(at(30), 10).await.unwrap(), 1);
    assert_eq!(all(stores).await, kept.split_off(2));
}
