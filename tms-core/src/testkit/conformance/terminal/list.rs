//! Cases of lists of terminals, judged by a model that filters and sorts in memory.

use std::collections::BTreeSet;

use crate::{
    Stores,
    alert::{AlertPlan, Cause, CauseSet},
    id::{CustomerId, TerminalId},
    page::{Order, PageRequest, PageStart},
    presence::{Device, Status},
    terminal::{
        Lifecycle, TerminalDraft, TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
    testkit::{
        build::{self, NOW, at},
        given,
    },
    text::SerialNumber,
};

const SHOPS: [Option<&str>; 5] = [None, Some("新宿店"), Some("100%_\\"), Some("Shinjuku"), Some("a'b")];

/// Stores 14 terminals of two customers that differ in everything that a list filters or sorts by.
async fn mixed_fleet(stores: &Stores) -> (Vec<TerminalView>, [CustomerId; 2]) {
    let customers = [
        given::customer(stores, "A").await.id,
        given::customer(stores, "B").await.id,
    ];
    let mut ids = Vec::new();
    for n in 0..14_usize {
        let number = i64::try_from(n).unwrap();
        let draft = TerminalDraft {
            // Serial numbers of several lengths, so that bytewise order is not order of number.
            serial: SerialNumber::parse(&format!("TC-{}", number * 37)).unwrap_or_else(|_| build::serial(number)),
            model: ["TC-200", "TC-300"][n % 2].to_owned(),
            store_name: SHOPS[n % 5].map(str::to_owned),
            store_code: (n % 3 > 0).then(|| format!("00{}", n % 3)),
            installation_address: (n % 4 == 0).then(|| "Ｎｉｓｈｉ-Shinjuku 1".to_owned()),
            ..build::terminal(customers[n % 2], 900 + number)
        };
        ids.push(stores.terminals.insert(&draft, NOW, build::act()).await.unwrap().id);
    }
    let mut beats = Vec::new();
    for (n, terminal) in ids.iter().enumerate().filter(|(n, _)| n % 3 != 2) {
        let mut beat = build::beat(*terminal, at(i64::try_from(100 - n * 7 % 40).unwrap()));
        beat.device = if n % 4 == 1 { Device::Absent } else { Device::Ok };
        beat.reported.firmware_version = Some(format!("{}.0.0", n % 2 + 1));
        beats.push(beat);
    }
    given::beats(stores, &beats).await;
    raise(stores, &ids[..4]).await;
    super::retire(stores, ids[6]).await;
    let mut views = Vec::new();
    for id in ids {
        views.push(given::view(stores, id).await);
    }
    (views, customers)
}

async fn raise(stores: &Stores, terminals: &[TerminalId]) {
    let fence = given::fence(stores).await;
    let mut plans = Vec::new();
    for terminal in terminals {
        let customer = given::presence(stores, *terminal).await.customer;
        plans.push(AlertPlan {
            terminal: *terminal,
            seen_raised: build::causes(&[Cause::Offline]),
            raise: vec![build::alert(*terminal, customer, Cause::Offline, NOW)],
            resolve: CauseSet::EMPTY,
            at: NOW,
        });
    }
    stores.alerts.apply(&plans, fence).await.unwrap();
}

/// Says what the docs of the filter say.
fn matches(view: &TerminalView, filter: &TerminalFilter) -> bool {
    let draft = &view.terminal.draft;
    let (presence, reported) = (&view.presence, &view.presence.reported);
    let is = |wanted: &Option<String>, have: Option<&str>| wanted.as_deref().is_none_or(|wanted| have == Some(wanted));
    (filter.shows_retired() || view.terminal.lifecycle != Lifecycle::Retired)
        && filter.lifecycle.is_none_or(|wanted| view.terminal.lifecycle == wanted)
        && filter.customer.is_none_or(|customer| draft.customer == customer)
        && filter.status.is_none_or(|status| presence.status == status)
        && is(&filter.model, Some(&draft.model))
        && is(&filter.firmware_version, reported.firmware_version.as_deref())
        && is(&filter.store_code, draft.store_code.as_deref())
        && filter
            .search
            .as_ref()
            .is_none_or(|needle| draft.search_key().contains(needle))
        && filter
            .seen_before
            .is_none_or(|limit| presence.last_seen.is_none_or(|seen| seen < limit))
        && filter.has_alerts.is_none_or(|has| has == (view.active_alerts > 0))
}

fn sorted(mut views: Vec<TerminalView>, sort: TerminalSort, order: Order) -> Vec<TerminalView> {
    views.sort_by_key(|view| {
        let draft = &view.terminal.draft;
        let text = match sort {
            TerminalSort::SerialNumber => draft.serial.as_str().to_owned(),
            TerminalSort::Status => view.presence.status.as_str().to_owned(),
            TerminalSort::StoreName => draft.store_name.clone().unwrap_or_default(),
            TerminalSort::LastHeartbeat => String::new(),
        };
        let seen = view.presence.last_seen.filter(|_| sort == TerminalSort::LastHeartbeat);
        (text, seen, view.terminal.id)
    });
    if order == Order::Descending {
        views.reverse();
    }
    views
}

fn filters(customers: [CustomerId; 2]) -> Vec<TerminalFilter> {
    let all = TerminalFilter::default;
    let mut filters = vec![
        all(),
        TerminalFilter {
            with_retired: true,
            ..all()
        },
        TerminalFilter {
            customer: Some(customers[0]),
            ..all()
        },
        TerminalFilter {
            model: Some("TC-300".to_owned()),
            ..all()
        },
        TerminalFilter {
            firmware_version: Some("2.0.0".to_owned()),
            ..all()
        },
        TerminalFilter {
            store_code: Some("001".to_owned()),
            ..all()
        },
        TerminalFilter {
            seen_before: Some(at(80)),
            ..all()
        },
        TerminalFilter {
            has_alerts: Some(true),
            ..all()
        },
        TerminalFilter {
            has_alerts: Some(false),
            ..all()
        },
        TerminalFilter {
            customer: Some(customers[1]),
            status: Some(Status::Error),
            model: Some("TC-300".to_owned()),
            has_alerts: Some(true),
            ..all()
        },
    ];
    filters.extend(filters_by_life());
    filters.extend(Status::ALL.iter().map(|status| TerminalFilter {
        status: Some(*status),
        ..all()
    }));
    let needles = [
        "%", "_", "\\", "'", "新宿", "新", "shinjuku", "nishi", "tc-3", "100%", "zzz",
    ];
    filters.extend(needles.map(|needle| TerminalFilter {
        search: Some(needle.to_owned()),
        ..all()
    }));
    filters
}

fn filters_by_life() -> Vec<TerminalFilter> {
    let mut filters: Vec<_> = Lifecycle::ALL
        .iter()
        .map(|lifecycle| TerminalFilter {
            lifecycle: Some(*lifecycle),
            ..TerminalFilter::default()
        })
        .collect();
    filters.push(TerminalFilter {
        lifecycle: Some(Lifecycle::Retired),
        search: Some("shinjuku".to_owned()),
        seen_before: Some(at(9_000)),
        ..TerminalFilter::default()
    });
    filters
}

/// Each filter shows exactly what matches, with exact totals.
pub async fn filters_match_the_model(stores: &Stores) {
    let (views, customers) = mixed_fleet(stores).await;
    for filter in filters(customers) {
        let matching = views.iter().filter(|view| matches(view, &filter)).cloned().collect();
        let expected = sorted(matching, TerminalSort::SerialNumber, Order::Ascending);
        let page = build::whole_page();
        let found = stores
            .terminals
            .list(&filter, TerminalSort::SerialNumber, Order::Ascending, &page)
            .await;
        let found = found.unwrap();
        assert_eq!(found.items, expected, "{filter:?}");
        assert_eq!(
            found.total,
            Some(u64::try_from(expected.len()).unwrap()),
            "total of {filter:?}"
        );
    }
}

/// Each sort is in the documented order, both ways: bytewise, those without a value first, ids break ties, and the
/// whole order is reversed when descending.
pub async fn sorts_match_the_model(stores: &Stores) {
    let (views, _) = mixed_fleet(stores).await;
    let filter = TerminalFilter {
        with_retired: true,
        ..TerminalFilter::default()
    };
    for sort in TerminalSort::ALL {
        for order in [Order::Ascending, Order::Descending] {
            let page = build::whole_page();
            let found = stores.terminals.list(&filter, *sort, order, &page).await.unwrap();
            let ids = |views: &[TerminalView]| views.iter().map(|view| view.terminal.id).collect::<Vec<_>>();
            let expected = sorted(views.clone(), *sort, order);
            assert_eq!(ids(&found.items), ids(&expected), "by {sort}, {order:?}");
        }
    }
}

/// Cursors and offsets lead through each order, every row once, whatever the filter.
pub async fn cursors_walk_each_row_once(stores: &Stores) {
    let (_, customers) = mixed_fleet(stores).await;
    for filter in [
        TerminalFilter::default(),
        TerminalFilter {
            customer: Some(customers[0]),
            ..TerminalFilter::default()
        },
        TerminalFilter {
            search: Some("shinjuku".to_owned()),
            ..TerminalFilter::default()
        },
        TerminalFilter {
            status: Some(Status::Online),
            ..TerminalFilter::default()
        },
        TerminalFilter {
            lifecycle: Some(Lifecycle::Active),
            ..TerminalFilter::default()
        },
    ] {
        for sort in [
            TerminalSort::SerialNumber,
            TerminalSort::Status,
            TerminalSort::StoreName,
        ] {
            for order in [Order::Ascending, Order::Descending] {
                let rows =
                    given::paged(async |page| stores.terminals.list(&filter, sort, order, &page).await.unwrap()).await;
                let ids: BTreeSet<_> = rows.iter().map(|view| view.terminal.id).collect();
                assert_eq!(ids.len(), rows.len(), "no row twice by {sort}, {order:?}");
            }
        }
    }
}

/// A walk of cursors shows each terminal once although others come and change meanwhile.
pub async fn cursors_survive_changes(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let fleet = given::fleet(stores, customer.id, 6).await;
    let page = |start| PageRequest {
        start,
        limit: 2,
        count: false,
    };
    let (filter, sort) = (TerminalFilter::default(), TerminalSort::SerialNumber);
    let first = stores
        .terminals
        .list(&filter, sort, Order::Ascending, &page(PageStart::First))
        .await
        .unwrap();
    // The row that the cursor names goes out of the list, one before it comes in.
    super::retire(stores, fleet[1]).await;
    stores
        .terminals
        .insert(&build::terminal(customer.id, 0), NOW, build::act())
        .await
        .unwrap();
    let start = PageStart::After(first.next.expect("there are more"));
    let second = stores
        .terminals
        .list(&filter, sort, Order::Ascending, &page(start))
        .await;
    let ids: Vec<_> = second.unwrap().items.iter().map(|view| view.terminal.id).collect();
    assert_eq!(ids, fleet[2..4]);
}

/// Sorted by last heartbeat there are page numbers only.
pub async fn last_heartbeat_yields_no_cursor(stores: &Stores) {
    let (views, _) = mixed_fleet(stores).await;
    let filter = TerminalFilter {
        with_retired: true,
        ..TerminalFilter::default()
    };
    let expected = sorted(views, TerminalSort::LastHeartbeat, Order::Descending);
    for offset in [0_usize, 5, 13] {
        let request = PageRequest {
            start: PageStart::Offset(u32::try_from(offset).unwrap()),
            limit: 3,
            count: true,
        };
        let sort = TerminalSort::LastHeartbeat;
        let page = stores
            .terminals
            .list(&filter, sort, Order::Descending, &request)
            .await
            .unwrap();
        assert_eq!(page.next, None);
        assert_eq!(page.total, Some(14));
        assert_eq!(page.items, expected[offset..14.min(offset + 3)]);
    }
}
