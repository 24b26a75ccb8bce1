//! Cases of [`crate::terminal_log::TerminalLogStore`].

use futures::future::join_all;

use crate::{
    Stores,
    id::TerminalId,
    page::{MAX_COUNTED, PageRequest, PageStart},
    terminal_log::{LogEntry, LogLevel, StoredLog, store::LogFilter},
    testkit::{
        build::{self, at},
        given,
    },
    time::Timestamp,
};

async fn terminal(stores: &Stores) -> TerminalId {
    let customer = given::customer(stores, "ABC").await;
    given::enrolled(stores, customer.id, 1).await
}

async fn list(stores: &Stores, terminal: TerminalId, filter: &LogFilter) -> Vec<StoredLog> {
    given::paged(async |page| stores.logs.list(terminal, filter, &page).await.unwrap()).await
}

async fn append(stores: &Stores, terminal: TerminalId, entries: &[LogEntry], secs: i64) -> u64 {
    stores.logs.append(terminal, entries, at(secs)).await.unwrap()
}

/// What is written reads back, at both ends of each field, the last line first.
pub async fn every_field_reads_back(stores: &Stores) {
    let terminal = terminal(stores).await;
    let long = LogEntry {
        event_id: "~!'\"%_\\".repeat(9),
        timestamp: Timestamp::MAX,
        level: LogLevel::Critical,
        kind: "新'%_\\".repeat(10),
        message: "\n\t'\"%_\\ 日本語 \u{1F600}".repeat(200),
        details: serde_json::json!({"deep": {"list": [1, i64::MAX, -2.5, "x", null, true]}, "": "\u{1F600}"}),
    };
    let bare = LogEntry {
        timestamp: Timestamp::EPOCH,
        message: String::new(),
        ..build::log(1)
    };
    assert_eq!(append(stores, terminal, &[long.clone(), bare.clone()], 10).await, 2);
    let stored = list(stores, terminal, &LogFilter::default()).await;
    let entries: Vec<_> = stored.iter().map(|log| log.entry.clone()).collect();
    assert_eq!(entries, [bare, long]);
    assert!(stored.iter().all(|log| log.received_at == at(10)));
    assert!(stored[0].id > stored[1].id);
    assert_eq!(append(stores, terminal, &[], 11).await, 0);
}

/// A line counts once, within a call, over calls, and days apart; another terminal may use the same id.
pub async fn an_event_id_counts_once(stores: &Stores) {
    let one = terminal(stores).await;
    let customer = given::view(stores, one).await.terminal.draft.customer;
    let other = given::enrolled(stores, customer, 2).await;
    assert_eq!(append(stores, one, &[build::log(1), build::log(2)], 0).await, 2);
    let changed = LogEntry {
        message: "another text".to_owned(),
        ..build::log(2)
    };
    assert_eq!(
        append(stores, one, &[changed, build::log(3), build::log(3)], 10).await,
        1
    );
    assert_eq!(append(stores, one, &[build::log(1)], 2 * 86_400).await, 0);
    assert_eq!(append(stores, other, &[build::log(1)], 10).await, 1);
    let messages: Vec<_> = list(stores, one, &LogFilter::default())
        .await
        .into_iter()
        .map(|log| log.entry.message)
        .collect();
    assert_eq!(messages, ["line 3", "line 2", "line 1"], "the first one stays");
    assert_eq!(list(stores, other, &LogFilter::default()).await.len(), 1);
}

/// The same lines sent many times at once count once.
pub async fn parallel_repeats_count_once(stores: &Stores) {
    let terminal = terminal(stores).await;
    let calls = (0..6_i64).map(|n| {
        let mut entries: Vec<_> = (n..n + 10).map(build::log).collect();
        // Half of them in the opposite order.
        if n % 2 == 1 {
            entries.reverse();
        }
        async move { append(stores, terminal, &entries, 10).await }
    });
    let stored: u64 = join_all(calls).await.into_iter().sum();
    assert_eq!(stored, 15);
    let mut ids: Vec<_> = list(stores, terminal, &LogFilter::default())
        .await
        .into_iter()
        .map(|log| log.entry.event_id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 15);
}

/// Filters bound a list; text is found as it is, whatever the case of ASCII letters.
pub async fn filters_match_the_model(stores: &Stores) {
    let terminal = terminal(stores).await;
    let messages = [
        "Card READ",
        "card read 100%",
        "under_score",
        "back\\slash",
        "カード",
        "o'clock",
    ];
    let entries: Vec<_> = messages
        .iter()
        .zip(0..)
        .map(|(message, n)| LogEntry {
            level: if n % 2 == 0 { LogLevel::Info } else { LogLevel::Error },
            kind: ["system", "transaction", "%"][usize::try_from(n % 3).unwrap()].to_owned(),
            message: (*message).to_owned(),
            ..build::log(n)
        })
        .collect();
    append(stores, terminal, &entries, 10).await;
    let mut filters = vec![LogFilter::default()];
    filters.extend(
        [LogLevel::Info, LogLevel::Error, LogLevel::Debug].map(|level| LogFilter {
            level: Some(level),
            ..LogFilter::default()
        }),
    );
    filters.extend(["system", "SYSTEM", "%"].map(|kind| LogFilter {
        kind: Some(kind.to_owned()),
        ..LogFilter::default()
    }));
    filters.extend(
        ["card", "CARD READ", "%", "_", "\\", "'", "カ", "zzz"].map(|text| LogFilter {
            text: Some(text.to_owned()),
            ..LogFilter::default()
        }),
    );
    filters.push(LogFilter {
        level: Some(LogLevel::Error),
        kind: Some("transaction".to_owned()),
        text: Some("read".to_owned()),
    });
    for filter in filters {
        let matches = |entry: &&LogEntry| {
            filter.level.is_none_or(|level| entry.level == level)
                && filter.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
                && filter.text.as_ref().is_none_or(|text| {
                    let (text, message) = (text.to_ascii_lowercase(), entry.message.to_ascii_lowercase());
                    message.contains(&text)
                })
        };
        let expected: Vec<_> = entries.iter().filter(matches).rev().cloned().collect();
        let found = list(stores, terminal, &filter).await;
        let found: Vec<_> = found.into_iter().map(|log| log.entry).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// Totals are exact up to 10,000; more is told as one more than that.
pub async fn totals_are_capped(stores: &Stores) {
    let terminal = terminal(stores).await;
    let page = PageRequest {
        start: PageStart::Offset(9_990),
        limit: 5,
        count: true,
    };
    let mut sent = 0;
    for (upto, total) in [(10_000, MAX_COUNTED), (10_050, MAX_COUNTED + 1)] {
        while sent < upto {
            let next = (sent + 1_000).min(upto);
            let entries: Vec<_> = (sent..next).map(build::log).collect();
            append(stores, terminal, &entries, 10).await;
            sent = next;
        }
        let found = stores.logs.list(terminal, &LogFilter::default(), &page).await.unwrap();
        assert_eq!(found.total, Some(total));
        assert_eq!(found.items[0].entry, build::log(upto - 9_991));
    }
}
