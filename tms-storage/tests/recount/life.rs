//! What both databases live through: the same from the same dice.

use std::time::Duration;

use tms_core::{
    Stores,
    alert::{AlertPlan, Cause, CauseSet},
    enrolment::NewCode,
    envelope::Envelope,
    id::{CustomerId, TerminalId},
    page::Order,
    presence::{
        Device, Presence,
        store::{PresenceWrite, Retirement},
    },
    terminal::store::{TerminalFilter, TerminalSort},
    testkit::{build, given},
    time::Timestamp,
};

/// The night in which summer time begins in Berlin lies in the middle.
const BEGIN: &str = "2026-03-20T00:00:00Z";

pub const MINUTES: i64 = 18 * 24 * 60 + 777;

pub fn minute(n: i64) -> Timestamp {
    let begin: Timestamp = BEGIN.parse().unwrap();
    begin.plus(Duration::from_secs(u64::try_from(n * 60).unwrap()))
}

/// A small generator, so that both databases live through the same.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = tms_core::random::mix(self.0);
        self.0 % sides
    }
}

async fn change(stores: &Stores, terminal: TerminalId, at: Timestamp, change: impl FnOnce(&mut Presence)) {
    let mut row = given::presence(stores, terminal).await;
    let seen = row.version;
    change(&mut row);
    let closed = row.settle(at, &tms_core::alert::rule::AlertRules::default());
    row.version += 1;
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    stores
        .presence
        .save(&write, closed, Envelope::following())
        .await
        .unwrap();
}

async fn heard(stores: &Stores, terminal: TerminalId, at: Timestamp, device: Device) {
    let mut beat = build::beat(terminal, at);
    beat.device = device;
    given::beats(stores, &[beat]).await;
}

async fn retire(stores: &Stores, terminal: TerminalId, at: Timestamp) {
    let view = given::view(stores, terminal).await;
    let retirement = Retirement::of(view.presence, at);
    let revision = view.terminal.revision;
    stores
        .terminals
        .retire(terminal, revision, &retirement, build::act())
        .await
        .unwrap();
}

async fn enrol(stores: &Stores, customer: CustomerId, code: i64, n: i64, at: Timestamp) -> TerminalId {
    let new = NewCode {
        serial: Some(build::serial(n)),
        expires_at: at.plus(Duration::from_secs(3_600)),
        ..build::code(customer, code)
    };
    stores.enrolment.insert(&new, at, build::act()).await.unwrap();
    let mut request = build::redemption(code, n);
    request.token = build::hash("token", code);
    let enrolled = stores.enrolment.redeem(&request, at, build::act()).await.unwrap();
    enrolled.unwrap().terminal
}

/// Our own outages; the second one lies around a midnight of Berlin.
pub const OUTAGES: [(i64, i64); 3] = [(4_000, 4_100), (12_930, 13_100), (20_000, 23_000)];

/// Two customers and seven terminals that are heard, lost, in error, maintained, retired and enrolled again; everything
/// on the minute.
pub async fn live(stores: &Stores) -> [CustomerId; 2] {
    let customers = [
        given::customer(stores, "A").await.id,
        given::customer(stores, "B").await.id,
    ];
    let mut dice = Dice(7);
    for n in 1..=7_i64 {
        let customer = customers[usize::try_from(n % 2).unwrap()];
        let mut at = 5 + i64::try_from(dice.throw(600)).unwrap();
        let terminal = enrol(stores, customer, n, n, minute(at)).await;
        let mut codes = 100 * n;
        while at < MINUTES - 2_000 {
            at += 1 + i64::try_from(dice.throw(1_500)).unwrap();
            let row = given::presence(stores, terminal).await;
            let device =
                [Device::Ok, Device::Ok, Device::Absent, Device::Error(3)][usize::try_from(dice.throw(4)).unwrap()];
            match dice.throw(9) {
                _ if !row.is_active => {
                    codes += 1;
                    assert_eq!(enrol(stores, customer, codes, n, minute(at)).await, terminal);
                }
                0 => retire(stores, terminal, minute(at)).await,
                1 | 2 => {
                    change(stores, terminal, minute(at), |row| {
                        row.in_maintenance = !row.in_maintenance;
                    })
                    .await;
                }
                3 | 4 if row.last_seen.is_some() => {
                    change(stores, terminal, minute(at), |row| row.is_lost = true).await;
                }
                _ => heard(stores, terminal, minute(at), device).await,
            }
        }
    }
    customers
}

/// Alerts of every kind of end: raised again and again, some resolved, some open to the end; everything on the minute.
pub async fn trouble(stores: &Stores) {
    let fence = given::fence(stores).await;
    let filter = TerminalFilter {
        with_retired: true,
        ..TerminalFilter::default()
    };
    let page = build::whole_page();
    let all = stores
        .terminals
        .list(&filter, TerminalSort::SerialNumber, Order::Ascending, &page)
        .await
        .unwrap();
    let kinds = [Cause::Offline, Cause::DeviceError, Cause::HighDisk];
    let mut dice = Dice(11);
    for view in all.items {
        let (terminal, customer) = (view.terminal.id, view.terminal.draft.customer);
        let mut at = 0;
        loop {
            at += 1 + i64::try_from(dice.throw(1_200)).unwrap();
            if at >= MINUTES {
                break;
            }
            let cause = kinds[usize::try_from(dice.throw(3)).unwrap()];
            let is_end = dice.throw(3) > 0;
            let plan = AlertPlan {
                terminal,
                seen_raised: CauseSet::EMPTY,
                raise: if is_end {
                    Vec::new()
                } else {
                    vec![build::alert(terminal, customer, cause, minute(at))]
                },
                resolve: if is_end {
                    build::causes(&[cause])
                } else {
                    CauseSet::EMPTY
                },
                at: minute(at),
            };
            stores.alerts.apply(&[plan], fence).await.unwrap();
        }
    }
}
