//! What a summary says of alerts, against what is counted here row by row.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tms_core::{
    Stores, Tms,
    id::CustomerId,
    report::{Period, Summary, figures::mean_resolution},
    testkit::{ManualClock, build},
};

use crate::life::{MINUTES, minute};

/// An alert as it is stored: whose, of which terminal, why, since when, and how long it lasted.
pub struct Row {
    customer: i64,
    terminal: i64,
    cause: String,
    at: i64,
    lasted: Option<i64>,
}

pub fn alert_row<'r, R: sqlx::Row>(row: &'r R) -> Row
where
    usize: sqlx::ColumnIndex<R>,
    i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    Option<i64>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    Row {
        customer: row.get(0),
        terminal: row.get(1),
        cause: row.get(2),
        at: row.get(3),
        lasted: row.get(4),
    }
}

/// What a summary says of alerts: by cause how many, of how many terminals, how many over, and how long in all; by customer
/// how many, and how many open.
type Figures = (
    BTreeMap<String, (u64, u64, u64, Duration)>,
    BTreeMap<i64, (u64, u64)>,
    Option<Duration>,
);

fn figures_of(rows: &[Row], summary: &Summary, customer: Option<CustomerId>) -> Figures {
    let within = |row: &&Row| {
        (summary.window.from.as_micros()..summary.window.to.as_micros()).contains(&row.at)
            && customer.is_none_or(|customer| customer.get() == row.customer)
    };
    let (mut causes, mut customers) = (BTreeMap::new(), BTreeMap::new());
    let mut terminals: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    let (mut over, mut all) = (0_u32, Duration::ZERO);
    for row in rows.iter().filter(within) {
        terminals.entry(&row.cause).or_default().insert(row.terminal);
        let of: &mut (u64, u64, u64, Duration) = causes.entry(row.cause.clone()).or_default();
        let whose: &mut (u64, u64) = customers.entry(row.customer).or_default();
        of.0 += 1;
        whose.0 += 1;
        match row.lasted {
            None => whose.1 += 1,
            Some(micros) => {
                let lasted = Duration::from_micros(u64::try_from(micros).unwrap());
                of.2 += 1;
                of.3 += lasted;
                over += 1;
                all += lasted;
            }
        }
    }
    for (cause, of) in &mut causes {
        of.1 = u64::try_from(terminals[cause.as_str()].len()).unwrap();
    }
    let mean = all.as_micros().checked_div(u128::from(over));
    let mean = mean.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap()));
    (causes, customers, mean)
}

/// Compares the figures of every period, for all and for each customer, with the rows; returns how many alerts there were.
pub async fn compare_figures(stores: &Stores, rows: &[Row], customers: [CustomerId; 2]) -> u64 {
    let clock = ManualClock::new(minute(MINUTES));
    let tms = Tms::builder(stores.clone()).clock(clock).build();
    let ctx = build::admin(minute(MINUTES));
    let mut seen = 0;
    for period in Period::ALL {
        for customer in [None, Some(customers[0]), Some(customers[1])] {
            let summary = tms.reports().summary(&ctx, *period, customer).await.unwrap();
            let expected = figures_of(rows, &summary, customer);
            let causes: BTreeMap<_, _> = summary
                .issues
                .iter()
                .map(|issue| {
                    let figures = (issue.raised, issue.terminals, issue.resolved, issue.lasted);
                    (issue.cause.to_string(), figures)
                })
                .collect();
            let of: BTreeMap<_, _> = summary
                .customers
                .iter()
                .map(|of| (of.alerts.customer.get(), (of.alerts.raised, of.alerts.open)))
                .filter(|(_, (raised, _))| *raised > 0)
                .collect();
            assert_eq!(
                (causes, of, mean_resolution(&summary.issues)),
                expected,
                "{period} {customer:?}"
            );
            let mut raised: Vec<u64> = summary.issues.iter().map(|issue| issue.raised).collect();
            assert!(raised.is_sorted_by(|one, next| one >= next), "the most frequent first");
            seen += raised.drain(..).sum::<u64>();
        }
    }
    seen
}
