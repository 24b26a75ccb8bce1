//! Cases of [`crate::report::ReportStore`].

use std::time::Duration;

use futures::future::join;

use super::presence::maintaining;
use crate::{
    Stores,
    alert::{AlertPlan, Cause, CauseSet},
    enrolment::NewCode,
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, TerminalId},
    metric::Hour,
    presence::{Device, Status},
    report::{
        Times, Window,
        figures::CustomerTrouble,
        reconcile::tick,
        store::Whose,
        tally::{Cuts, spread},
    },
    terminal::store::StatusCounts,
    testkit::{
        build::{self, at},
        given,
    },
};

fn cuts(seconds: &[i64]) -> Cuts {
    Cuts::new(seconds.iter().map(|secs| at(*secs)).collect()).unwrap()
}

async fn times(stores: &Stores, whose: Whose, cuts: &Cuts) -> Vec<Times> {
    let spans = stores.reports.status_time(whose, cuts).await.unwrap();
    spread(cuts, &spans, |_| false)
}

/// Seconds online, in error and in maintenance of each piece.
fn seconds(times: &[Times]) -> Vec<(u64, u64, u64)> {
    let each = |times: &Times| {
        (
            times.online.as_secs(),
            times.error.as_secs(),
            times.maintenance.as_secs(),
        )
    };
    times.iter().map(each).collect()
}

async fn heard(stores: &Stores, terminal: TerminalId, secs: i64, device: Device) {
    let mut beat = build::beat(terminal, at(secs));
    beat.device = device;
    given::beats(stores, &[beat]).await;
}

async fn maintain(stores: &Stores, terminal: TerminalId, on: bool, secs: i64) {
    let (write, change) = maintaining(given::presence(stores, terminal).await, on, at(secs));
    let saved = stores.presence.save(&write, change, Envelope::following()).await;
    saved.unwrap();
}

/// Terminals 1 and 2 of one customer, 3 of another; all heard from second 100 on.
async fn fleet(stores: &Stores) -> ([CustomerId; 2], [TerminalId; 3]) {
    let customers = [
        given::customer(stores, "A").await.id,
        given::customer(stores, "B").await.id,
    ];
    let terminals = [
        given::enrolled(stores, customers[0], 1).await,
        given::enrolled(stores, customers[0], 2).await,
        given::enrolled(stores, customers[1], 3).await,
    ];
    for terminal in terminals {
        heard(stores, terminal, 100, Device::Ok).await;
    }
    (customers, terminals)
}

/// Intervals that begin before, within or after a piece, end there or last on, count for as long as they lie in it.
pub async fn intervals_are_added_up(stores: &Stores) {
    let (customers, [one, two, three]) = fleet(stores).await;
    heard(stores, one, 250, Device::Absent).await;
    heard(stores, one, 450, Device::Error(7)).await;
    heard(stores, one, 500, Device::Ok).await;
    maintain(stores, two, true, 300).await;
    heard(stores, three, 999, Device::Absent).await;
    let window = cuts(&[200, 300, 400, 1_000]);
    let of = async |whose| seconds(&times(stores, whose, &window).await);
    assert_eq!(
        of(Whose::Terminal(one)).await,
        [(50, 50, 0), (0, 100, 0), (500, 100, 0)]
    );
    assert_eq!(of(Whose::Terminal(two)).await, [(100, 0, 0), (0, 0, 100), (0, 0, 600)]);
    assert_eq!(
        of(Whose::Customer(customers[0])).await,
        [(150, 50, 0), (0, 100, 100), (500, 100, 600)]
    );
    assert_eq!(
        of(Whose::Customer(customers[1])).await,
        [(100, 0, 0), (100, 0, 0), (599, 1, 0)]
    );
    assert_eq!(
        of(Whose::Everybody).await,
        [(250, 50, 0), (100, 100, 100), (1_099, 101, 600)]
    );
    let finer = Cuts::new(vec![
        at(249).plus(Duration::from_micros(999_999)),
        at(250).plus(Duration::from_micros(3)),
    ]);
    let piece = times(stores, Whose::Terminal(one), &finer.unwrap()).await[0];
    assert_eq!(
        (piece.online, piece.error),
        (Duration::from_micros(1), Duration::from_micros(3)),
        "to the microsecond"
    );
    let stranger = TerminalId::new(three.get() + 1_000).unwrap();
    assert!(
        stores
            .reports
            .status_time(Whose::Terminal(stranger), &window)
            .await
            .unwrap()
            .is_empty()
    );
    let before = cuts(&[-500, -100]);
    assert!(
        stores
            .reports
            .status_time(Whose::Everybody, &before)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Time before the first heartbeat, retirement, and what follows on a return are no time offline.
pub async fn life_before_and_after_service_is_told_apart(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await.id;
    let terminal = given::enrolled(stores, customer, 1).await;
    let whose = Whose::Terminal(terminal);
    let now = times(stores, whose, &cuts(&[-100, 50])).await[0];
    assert_eq!((now.unheard, now.counted()), (Duration::from_secs(50), Duration::ZERO));
    heard(stores, terminal, 20, Device::Ok).await;
    // At second 60, with a code bound to it: at second 0 of the same store the clock of a code does not matter.
    super::terminal::retire(stores, terminal).await;
    let retired = times(stores, whose, &cuts(&[0, 100])).await[0];
    let secs = Duration::from_secs;
    assert_eq!(
        (retired.unheard, retired.online, retired.retired),
        (secs(20), secs(40), secs(40))
    );
    let bound = NewCode {
        serial: Some(build::serial(1)),
        ..build::code(customer, 2)
    };
    stores.enrolment.insert(&bound, at(70), build::act()).await.unwrap();
    let mut request = build::redemption(2, 1);
    request.token = build::hash("token", 2);
    let back = stores.enrolment.redeem(&request, at(80), build::act()).await.unwrap();
    assert_eq!(back.unwrap().terminal, terminal);
    let row = given::presence(stores, terminal).await;
    assert_eq!(
        (row.status, row.status_since, row.first_seen),
        (Status::Offline, at(80), None)
    );
    heard(stores, terminal, 85, Device::Absent).await;
    let all = times(stores, whose, &cuts(&[0, 100])).await[0];
    assert_eq!((all.unheard, all.online, all.error), (secs(25), secs(40), secs(15)));
    assert_eq!((all.retired, all.offline), (secs(20), Duration::ZERO));
}

/// Whatever changes while it is added up, each terminal has each moment once.
pub async fn a_change_meanwhile_counts_once(stores: &Stores) {
    let (_, terminals) = fleet(stores).await;
    let window = cuts(&[0, 150, 300]);
    let flips = async {
        for round in 1..40 {
            let device = if round % 2 == 0 { Device::Ok } else { Device::Absent };
            for terminal in terminals {
                heard(stores, terminal, 100 + round, device).await;
            }
        }
    };
    let reads = async {
        for _ in 0..20 {
            let mut total = Times::default();
            for piece in times(stores, Whose::Everybody, &window).await {
                total.add_all(&piece);
            }
            assert_eq!(total.counted() + total.unheard, Duration::from_secs(900));
        }
    };
    join(flips, reads).await;
}

/// Quarters that are saved again are replaced, the next hour never goes back, and who lost the lead saves nothing.
pub async fn quarters_are_kept_once(stores: &Stores) {
    let fence = given::fence(stores).await;
    let reports = &stores.reports;
    assert_eq!(reports.next_hour().await.unwrap(), None);
    let times = |secs| Times {
        online: Duration::from_secs(secs),
        offline: Duration::from_secs(2),
        error: Duration::from_secs(3),
        maintenance: Duration::from_secs(4),
        unheard: Duration::from_secs(5),
        retired: Duration::from_secs(6),
        outage: Duration::from_micros(7),
    };
    let hour = |n: i64| Hour::of(at(n * 3_600));
    let quarters = [(at(0), times(1)), (at(900), times(2))];
    reports.save_quarters(&quarters, hour(2), fence).await.unwrap();
    reports
        .save_quarters(&[(at(900), times(9))], hour(1), fence)
        .await
        .unwrap();
    assert_eq!(reports.next_hour().await.unwrap(), Some(hour(2)));
    let window = |from, to| Window {
        from: at(from),
        to: at(to),
    };
    let all = [(at(0), times(1)), (at(900), times(9))];
    assert_eq!(reports.quarters(window(0, 901)).await.unwrap(), all);
    assert_eq!(reports.quarters(window(0, 900)).await.unwrap(), all[..1]);
    let old = given::fenced_off(stores).await;
    refused!(reports.save_quarters(&quarters, hour(9), old).await, StoreError::Fenced);
    assert_eq!(reports.quarters(window(-9, 9_000)).await.unwrap(), all);
    assert_eq!(reports.next_hour().await.unwrap(), Some(hour(2)));
}

/// The reconciler's quarters add up to what the changes themselves do, our own outages left out.
pub async fn quarters_tell_the_same_as_changes(stores: &Stores) {
    let (_, [one, two, three]) = fleet(stores).await;
    heard(stores, one, 1_000, Device::Absent).await;
    stores.presence.stamp_alive(at(1_200)).await.unwrap();
    stores.presence.stamp_alive(at(2_000)).await.unwrap();
    maintain(stores, two, true, 1_500).await;
    heard(stores, one, 3_600, Device::Ok).await;
    heard(stores, three, 5_000, Device::Error(1)).await;
    let fence = given::fence(stores).await;
    let roll_up = |secs| tick(&*stores.reports, &*stores.presence, 1, at(secs), fence);
    // From the begin of the day before on; the end of the outage is that of a note which is the last one still.
    assert_eq!(roll_up(2_010).await.unwrap(), 34);
    assert_eq!(roll_up(3_719).await.unwrap(), 0);
    assert_eq!(roll_up(7_320).await.unwrap(), 2);
    assert_eq!(stores.reports.next_hour().await.unwrap(), Some(Hour::of(at(7_200))));
    let day = Window {
        from: at(0),
        to: at(7_200),
    };
    let mut kept = Times::default();
    for (_, times) in stores.reports.quarters(day).await.unwrap() {
        kept.add_all(&times);
    }
    let outages = stores.presence.outages(at(0)).await.unwrap();
    let mut moments = vec![day.from, day.to];
    moments.extend(
        outages
            .iter()
            .flat_map(|outage| [outage.from, outage.to])
            .filter(|at| day.from < *at && *at < day.to),
    );
    let cuts = Cuts::new(moments).unwrap();
    let spans = stores.reports.status_time(Whose::Everybody, &cuts).await.unwrap();
    let mut told = Times::default();
    for times in spread(&cuts, &spans, |at| {
        outages.iter().any(|outage| outage.from <= at && at < outage.to)
    }) {
        told.add_all(&times);
    }
    assert_eq!(kept, told);
    assert!(!kept.outage.is_zero() && !kept.maintenance.is_zero() && !kept.error.is_zero());
}

/// Raises alerts of a cause for terminals at a second, and resolves them at a later one if given.
async fn alert(stores: &Stores, terminals: &[TerminalId], cause: Cause, raised: i64, resolved: Option<i64>) {
    let fence = given::fence(stores).await;
    let mut plans = Vec::new();
    for terminal in terminals {
        let customer = given::presence(stores, *terminal).await.customer;
        plans.push(AlertPlan {
            terminal: *terminal,
            seen_raised: build::causes(&[cause]),
            raise: vec![build::alert(*terminal, customer, cause, at(raised))],
            resolve: CauseSet::EMPTY,
            at: at(raised),
        });
    }
    stores.alerts.apply(&plans, fence).await.unwrap();
    let Some(resolved) = resolved else { return };
    for plan in &mut plans {
        plan.raise.clear();
        (plan.resolve, plan.at, plan.seen_raised) = (build::causes(&[cause]), at(resolved), CauseSet::EMPTY);
    }
    stores.alerts.apply(&plans, fence).await.unwrap();
}

/// Two alerts of terminal 1, one each of 2 and 3; one of the server, and two outside of the window.
async fn alerts(stores: &Stores) -> ([CustomerId; 2], Window) {
    let (customers, [one, two, three]) = fleet(stores).await;
    alert(stores, &[one, two], Cause::Offline, 150, Some(190)).await;
    alert(stores, &[one, three], Cause::HighCpu, 200, Some(260)).await;
    alert(stores, &[one], Cause::HighCpu, 270, None).await;
    alert(stores, &[two], Cause::Offline, 299, None).await;
    alert(stores, &[three], Cause::Offline, 300, None).await;
    let fence = given::fence(stores).await;
    let server = build::server_alert(Cause::Offline, at(250));
    stores.alerts.raise_server_alert(&server, fence).await.unwrap();
    let window = Window {
        from: at(200),
        to: at(300),
    };
    (customers, window)
}

/// Alerts count by the time at which they were raised; those that are over also by how long they lasted.
pub async fn alerts_are_counted_by_cause(stores: &Stores) {
    let (customers, window) = alerts(stores).await;
    let found = async |customer| {
        let issues = stores.reports.issues(customer, window).await.unwrap();
        let each = |issue: &crate::report::figures::Issue| {
            (
                issue.cause,
                issue.raised,
                issue.terminals,
                issue.resolved,
                issue.lasted.as_secs(),
            )
        };
        issues.iter().map(each).collect::<Vec<_>>()
    };
    assert_eq!(
        found(None).await,
        [(Cause::HighCpu, 3, 2, 2, 120), (Cause::Offline, 1, 1, 0, 0)]
    );
    assert_eq!(
        found(Some(customers[0])).await,
        [(Cause::HighCpu, 2, 1, 1, 60), (Cause::Offline, 1, 1, 0, 0)]
    );
    assert_eq!(found(Some(customers[1])).await, [(Cause::HighCpu, 1, 1, 1, 60)]);
}

/// Customers come by the number of their alerts, those without any last.
pub async fn alerts_are_counted_by_customer(stores: &Stores) {
    let (customers, window) = alerts(stores).await;
    let quiet = given::customer(stores, "C").await.id;
    let found = async |customer, limit| {
        let figures = stores.reports.customer_alerts(customer, window, limit).await.unwrap();
        let each = |figures: &crate::report::figures::CustomerAlerts| (figures.customer, figures.raised, figures.open);
        figures.iter().map(each).collect::<Vec<_>>()
    };
    let all = [(customers[0], 3, 2), (customers[1], 1, 0), (quiet, 0, 0)];
    assert_eq!(found(None, 10).await, all);
    assert_eq!(found(None, 2).await, all[..2]);
    assert_eq!(found(Some(quiet), 10).await, all[2..]);
    let names = stores.reports.customer_alerts(None, window, 1).await.unwrap();
    assert_eq!(names[0].company_name, "A");
}

/// What is down weighs more than what was raised; whoever has neither is not in trouble.
pub async fn customers_in_trouble_come_first(stores: &Stores) {
    let (customers, [one, two, three]) = fleet(stores).await;
    given::customer(stores, "C").await;
    let found = async |customer, limit| {
        let troubles = stores.reports.troubles(customer, limit).await.unwrap();
        let each = |trouble: &CustomerTrouble| (trouble.company_name.clone(), trouble.down(), trouble.open);
        troubles.iter().map(each).collect::<Vec<_>>()
    };
    let row = |name: &str, down, open| (name.to_owned(), down, open);
    assert!(found(None, 10).await.is_empty(), "all are online");
    alert(stores, &[one], Cause::HighCpu, 150, None).await;
    alert(stores, &[two], Cause::HighCpu, 160, Some(170)).await;
    assert_eq!(found(None, 10).await, [row("A", 0, 1)]);
    heard(stores, three, 200, Device::Absent).await;
    maintain(stores, two, true, 200).await;
    let both = [row("B", 1, 0), row("A", 0, 1)];
    assert_eq!(found(None, 10).await, both);
    assert_eq!(found(None, 1).await, both[..1]);
    assert_eq!(found(Some(customers[0]), 10).await, both[1..]);
    let fourth = given::registered(stores, customers[0], 4).await.id;
    assert_eq!(
        found(None, 10).await,
        [row("A", 1, 1), row("B", 1, 0)],
        "{fourth} was never heard"
    );
    let counts = stores.reports.troubles(Some(customers[0]), 1).await.unwrap()[0].terminals;
    let expected = StatusCounts {
        online: 1,
        offline: 1,
        error: 0,
        maintenance: 1,
    };
    assert_eq!(counts, expected);
}
