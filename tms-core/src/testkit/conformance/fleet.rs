//! A small fleet lives through random histories; after each step the store must agree with a model that keeps the
//! same rows in maps. The rules come from the core; what is judged is that a store applies exactly them.

mod model;
mod op;

use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    Stores,
    alert::{Alert, AlertPlan, decide, store::AlertFilter},
    envelope::Envelope,
    error::StoreError,
    event::{EventKind, EventPosition},
    id::TerminalId,
    lease::Fence,
    page::{Order, PageRequest},
    presence::{
        Presence, StatusChange,
        store::{PresenceWrite, Retirement, SweepPlan},
        sweep::{SweepInput, plan},
    },
    testkit::{build, given},
};
use model::Model;
use op::{Op, any_op};

const HISTORIES: i64 = 16;
const STEPS: usize = 30;
const SHRINKS: i64 = 60;

/// Sixteen random histories of thirty steps: enrolment, batches with repeats and new boots, silence, our own outages,
/// sweeps that come late, maintenance, alerts, answers of people, edits, retirement.
pub async fn any_history_agrees_with_the_model(stores: &Stores) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let fence = given::fence(stores).await;
    for number in 1..=HISTORIES {
        let mut tree = vec(any_op(), STEPS).new_tree(&mut runner).expect("a history");
        let Err(mut fault) = live(stores, fence, number, &tree.current()).await else {
            continue;
        };
        let mut shortest = tree.current();
        let mut is_simpler = tree.simplify();
        for attempt in 1..=SHRINKS {
            if !is_simpler {
                break;
            }
            let history = tree.current();
            is_simpler = match live(stores, fence, number + attempt * 100, &history).await {
                Ok(()) => tree.complicate(),
                Err(found) => {
                    (fault, shortest) = (found, history);
                    tree.simplify()
                }
            };
        }
        panic!("history {number}: {fault}\nthe shortest history found:\n{shortest:#?}");
    }
}

type Told<T = ()> = Result<T, String>;

fn told<T>(outcome: Result<T, StoreError>) -> Told<T> {
    outcome.map_err(|error| format!("the store answered {error:?}"))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, store: &T, model: &T) -> Told {
    if store == model {
        Ok(())
    } else {
        Err(format!("{what}\n  store: {store:?}\n  model: {model:?}"))
    }
}

/// Lets a new customer's fleet live through `history`.
async fn live(stores: &Stores, fence: Fence, number: i64, history: &[Op]) -> Told {
    let began = told(stores.events.head().await)?;
    let customer = given::customer(stores, &format!("history {number}")).await;
    let mut life = Life {
        stores,
        fence,
        number,
        model: Model::new(customer.id),
    };
    life.enrol().await?;
    for (step, op) in history.iter().enumerate() {
        let outcome = life.step(op).await;
        let outcome = match outcome {
            Ok(()) => life.compare().await,
            failed => failed,
        };
        outcome.map_err(|fault| format!("step {step}, {op:?}: {fault}"))?;
    }
    life.compare_histories().await?;
    life.compare_events(began).await
}

struct Life<'a> {
    stores: &'a Stores,
    fence: Fence,
    number: i64,
    model: Model,
}

impl Life<'_> {
    async fn step(&mut self, op: &Op) -> Told {
        match op {
            Op::Enrol => self.enrol().await,
            Op::Beats(beats) => self.beats(beats).await,
            Op::Wait(secs) => {
                self.model.wait(*secs);
                Ok(())
            }
            Op::Outage(secs) => {
                self.model.outage(*secs);
                Ok(())
            }
            Op::Sweep => self.sweep(&[]).await,
            Op::LateSweep(beats) => self.sweep(beats).await,
            Op::Maintain(index, on) => self.maintain(*index, *on).await,
            Op::SettleAlerts => self.settle().await,
            Op::ResolveByHand(index) => self.resolve(*index).await,
            Op::Edit(index, interval_s) => self.edit(*index, *interval_s).await,
            Op::Retire(index) => self.retire(*index).await,
        }
    }

    async fn enrol(&mut self) -> Told {
        if self.model.rows.len() == 4 {
            return Ok(());
        }
        let n = self.number * 10 + i64::try_from(self.model.rows.len()).unwrap();
        let id = given::enrolled(self.stores, self.model.customer, n).await;
        let row = given::presence(self.stores, id).await;
        let mut expected = Presence::new(id, self.model.customer, build::INTERVAL_S, build::NOW);
        expected.reported = build::redemption(n, n).reported;
        same("an enrolled row", &row, &expected)?;
        self.model.rows.insert(id, row);
        Ok(())
    }

    async fn beats(&mut self, beats: &[op::Beat]) -> Told {
        let batch = self.model.batch(beats);
        let rules = &self.model.rules;
        let answers = told(self.stores.heartbeats.record_batch(&batch, rules).await)?;
        same("answers", &answers, &self.model.record(&batch))
    }

    /// Sweeps; `meanwhile` arrives between looking and writing.
    async fn sweep(&mut self, meanwhile: &[op::Beat]) -> Told {
        let (now, outages) = (self.model.now, self.model.outages.clone());
        let due = told(self.stores.presence.due(now, &outages, 1_000).await)?;
        let mine = due
            .rows
            .into_iter()
            .filter(|row| self.model.rows.contains_key(&row.terminal));
        let rows: Vec<_> = mine.collect();
        let due: Vec<TerminalId> = rows.iter().map(|row| row.terminal).collect();
        for terminal in self.model.must_be_due() {
            if !due.contains(&terminal) {
                return Err(format!("terminal {terminal} was not found due"));
            }
        }
        if let Some(row) = rows.iter().find(|row| !self.model.may_be_due(row.terminal)) {
            return Err(format!("nothing can be due of {row:?}"));
        }
        let input = SweepInput {
            now,
            outages: &outages,
            rules: &self.model.rules.alerts,
            hold_losses: false,
        };
        let plan: SweepPlan = plan(rows, &input);
        self.beats(meanwhile).await?;
        let written = told(self.stores.presence.apply_sweep(&plan, self.fence).await)?;
        same("rows swept", &written, &self.model.apply_sweep(&plan))
    }

    async fn maintain(&mut self, index: usize, on: bool) -> Told {
        let Some(mut row) = self.model.pick(index) else {
            return Ok(());
        };
        let seen = row.version;
        row.in_maintenance = on;
        let change = row.settle(self.model.now, &self.model.rules.alerts);
        self.save(row, seen, change).await
    }

    async fn save(&mut self, mut row: Presence, seen: i64, change: Option<StatusChange>) -> Told {
        row.version = seen + 1;
        let write = PresenceWrite {
            row,
            seen,
            is_full: true,
        };
        told(self.stores.presence.save(&write, change, Envelope::following()).await)?;
        self.model.write(write.row, change);
        Ok(())
    }

    async fn settle(&mut self) -> Told {
        let unsettled = told(self.stores.presence.unsettled(1_000).await)?;
        let mine = unsettled
            .into_iter()
            .filter(|row| self.model.rows.contains_key(&row.terminal));
        let rows: Vec<_> = mine.collect();
        same("unsettled rows", &rows, &self.model.unsettled())?;
        let rules = &self.model.rules.alerts;
        let plans: Vec<AlertPlan> = rows.iter().map(|row| decide(row, rules, self.model.now)).collect();
        let applied = told(self.stores.alerts.apply(&plans, self.fence).await)?;
        same("alerts applied", &applied, &self.model.apply_alerts(&plans))?;
        let again = told(self.stores.alerts.apply(&plans, self.fence).await)?;
        same(
            "alerts applied again",
            &again,
            &crate::alert::store::AlertsApplied::default(),
        )
    }

    async fn open_alerts(&self) -> Told<Vec<Alert>> {
        let filter = AlertFilter {
            customer: Some(self.model.customer),
            is_resolved: Some(false),
            ..AlertFilter::default()
        };
        let page = PageRequest::first(100);
        told(self.stores.alerts.list(&filter, Order::Ascending, &page).await).map(|page| page.items)
    }

    async fn resolve(&mut self, index: usize) -> Told {
        let open = self.open_alerts().await?;
        let Some(mut alert) = open.into_iter().nth(index) else {
            return Ok(());
        };
        alert.resolve("admin", None, self.model.now).expect("it is open");
        told(
            self.stores
                .alerts
                .save(&alert, alert.revision, Envelope::following())
                .await,
        )?;
        self.model
            .open
            .remove(&(alert.terminal.expect("of a terminal"), alert.cause));
        Ok(())
    }

    async fn edit(&mut self, index: usize, interval_s: u32) -> Told {
        let Some(row) = self.model.pick(index) else {
            return Ok(());
        };
        let mut terminal = given::view(self.stores, row.terminal).await.terminal;
        terminal.draft.heartbeat_interval_s = interval_s;
        told(
            self.stores
                .terminals
                .save(&terminal, terminal.revision, Envelope::following())
                .await,
        )?;
        self.model.edit(row.terminal, interval_s);
        Ok(())
    }

    async fn retire(&mut self, index: usize) -> Told {
        let Some(row) = self.model.pick(index) else {
            return Ok(());
        };
        let (id, now) = (row.terminal, self.model.now);
        let seen = given::view(self.stores, id).await.terminal.revision;
        let retirement = Retirement::of(row, now);
        told(
            self.stores
                .terminals
                .retire(id, seen, &retirement, Envelope::following())
                .await,
        )?;
        self.model.write(retirement.write.row, Some(retirement.change));
        Ok(())
    }

    async fn compare(&mut self) -> Told {
        let ids: Vec<_> = self.model.rows.keys().copied().collect();
        let rows = told(self.stores.presence.find_many(&ids).await)?;
        self.model.adopt_versions(&rows)?;
        same("presence rows", &rows, &self.model.rows.values().cloned().collect())?;
        let counts = told(self.stores.terminals.count_by_status(Some(self.model.customer)).await)?;
        same("counts by status", &counts, &self.model.counts())?;
        let open = self.open_alerts().await?;
        let open: std::collections::BTreeSet<_> = open
            .iter()
            .map(|alert| (alert.terminal.expect("of a terminal"), alert.cause))
            .collect();
        same("open alerts", &open, &self.model.open)
    }

    /// Compares histories as sets: the order of what came at one instant is not promised.
    async fn compare_histories(&self) -> Told {
        for terminal in self.model.rows.keys() {
            let mut intervals = given::status_history(self.stores, *terminal).await;
            intervals.sort_by_key(|interval| format!("{interval:?}"));
            same("status history", &intervals, &self.model.intervals_of(*terminal))?;
            let mut heard = given::history(self.stores, *terminal).await;
            heard.sort_by_key(|record| format!("{record:?}"));
            same("heartbeat history", &heard, &self.model.history_of(*terminal))?;
        }
        Ok(())
    }

    async fn compare_events(&self, began: EventPosition) -> Told {
        let events = given::events_after(self.stores, began).await;
        let mine = events.into_iter().map(|stored| stored.event);
        let (changes, alerts): (Vec<_>, Vec<_>) = mine
            .filter(|event| event.customer == Some(self.model.customer))
            .partition(|event| event.kind == EventKind::TerminalStatusChange);
        same("events of status", &changes, &self.model.events)?;
        same("events of alerts", &alerts.len(), &self.model.alert_events)
    }
}
