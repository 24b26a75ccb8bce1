//! The background work of one node: ingest, the revocation feed, settings, and - on the node that leads - the
//! reconcilers. Every loop goes on after a failure; none depends on another.

use std::{pin::pin, sync::atomic::Ordering, time::Duration};

use tokio::{sync::watch, time::MissedTickBehavior};

use super::Tms;
use crate::{
    alert::reconcile::AlertReconciler,
    audit,
    credential::cache::FOLLOW_EVERY,
    envelope::Envelope,
    error::StoreError,
    lease::Fence,
    limit::share::SHARE_EVERY,
    maintenance::reconcile::put_in_step,
    metric,
    notification::follow::Follower,
    presence::{outage::STAMP_EVERY, reconcile::PresenceSweep},
    report as reports,
    time::Timestamp,
    upkeep,
};

/// The lease of the reconcilers.
pub const LEADER: &str = "reconcilers";
/// How long a leader that vanished keeps the others waiting.
pub const LEASE_TTL: Duration = Duration::from_secs(10);
const RENEW_EVERY: Duration = Duration::from_secs(3);
const SETTLE_EVERY: Duration = Duration::from_millis(250);
const NOTIFY_EVERY: Duration = Duration::from_secs(1);
const MAINTENANCE_EVERY: Duration = Duration::from_secs(1);
const RELOAD_EVERY: Duration = Duration::from_secs(5);
const COMPACT_EVERY: Duration = Duration::from_secs(30);
const SEAL_EVERY: Duration = Duration::from_millis(500);
/// How often the head of the audit trail is put into the log, where nobody who can write to the database reaches it.
const HEAD_EVERY: Duration = Duration::from_secs(300);
const REFUSALS_EVERY: Duration = Duration::from_secs(5);
const ROLL_UP_EVERY: Duration = Duration::from_secs(60);
/// How often a node that can't write tries again: what waits for it learns soon that it can.
const RETRY_EVERY: Duration = Duration::from_secs(1);
const UPKEEP_EVERY: Duration = Duration::from_secs(3_600);
/// A sweep rests this many times as long as it took.
const REST: u32 = 20;

impl Tms {
    /// Does the background work until `shutdown` resolves, then stores what is queued, gives leadership back and ends.
    ///
    /// Spawn it once; a second call returns at once. Dropping it stops the work without the farewell.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let Some(workers) = self.take_workers() else {
            tracing::error!("the background work runs already");
            return;
        };
        let (stop, stopped) = watch::channel(false);
        let wait = |mut stopped: watch::Receiver<bool>| async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let (leads, leader) = watch::channel(None);
        // On the heap, so that the future of who calls this stays small.
        let work = Box::pin(async {
            tokio::join!(
                workers.run(wait(stopped.clone())),
                until(wait(stopped.clone()), self.follow_revocations()),
                until(wait(stopped.clone()), self.live().run()),
                until(wait(stopped.clone()), self.reload_settings()),
                until(wait(stopped.clone()), self.stamp()),
                until(wait(stopped.clone()), self.share_limits()),
                until(wait(stopped.clone()), self.sweep(leader.clone())),
                until(wait(stopped.clone()), self.settle_alerts(leader.clone())),
                until(wait(stopped.clone()), self.follow_alerts(leader.clone())),
                until(wait(stopped.clone()), self.send_notifications(leader.clone())),
                until(wait(stopped.clone()), self.keep_maintenance(leader.clone())),
                until(wait(stopped.clone()), self.compact(leader.clone())),
                until(wait(stopped.clone()), self.keep_up(leader.clone())),
                until(wait(stopped.clone()), self.roll_up_metrics(leader.clone())),
                until(wait(stopped.clone()), self.seal_audit(leader.clone())),
                until(wait(stopped.clone()), self.write_refusals()),
                until(wait(stopped.clone()), self.learn_passwords()),
                self.lead(leads, wait(stopped.clone())),
            )
        });
        let shutdown = async {
            shutdown.await;
            let _ = stop.send(true);
        };
        tokio::join!(work, shutdown);
        report("writing refusals", self.record_refusals(Timestamp::MAX).await);
    }

    /// Learns what hashes of other systems people still have, so that nobody is told from others by the time that a
    /// wrong guess takes.
    async fn learn_passwords(&self) {
        loop {
            if let Err(error) = self.users().learn_foreign_hashes().await {
                tracing::warn!(error = %error, "the hashes of passwords could not be looked at");
            }
            tokio::time::sleep(UPKEEP_EVERY).await;
        }
    }

    /// Does every reconciler's work once, as a leader would; for tests and embedders with a scheduler of their own.
    ///
    /// # Errors
    /// What the store answered; [`StoreError::Fenced`] when another node leads.
    pub async fn tick(&self) -> Result<(), StoreError> {
        let (stores, now) = (self.stores(), self.now());
        self.0.cache.follow().await?;
        if self.settings().reload().await.is_err() {
            tracing::warn!("the settings could not be read again");
        }
        let Some(fence) = stores.leases.acquire(LEADER, &self.0.node.node, now, LEASE_TTL).await? else {
            return Ok(());
        };
        let rules = self.settings().rules();
        put_in_step(&*stores.maintenance, &*stores.presence, &rules, now, fence).await?;
        self.sweeper().tick(now, fence, &rules).await?;
        self.alerter().tick(now, fence, &rules).await?;
        self.follower().tick(now, fence).await?;
        if let Some(deliverer) = self.notifications().deliverer() {
            deliverer.tick(fence).await?;
        }
        self.roll_up(now, fence).await?;
        self.record_refusals(now).await?;
        audit::reconcile::seal(&*stores.audit, &self.0.audit_keys, fence).await?;
        Ok(())
    }

    fn sweeper(&self) -> PresenceSweep {
        PresenceSweep::new(self.stores().presence.clone(), self.stores().alerts.clone())
    }

    fn alerter(&self) -> AlertReconciler {
        AlertReconciler::new(self.stores().presence.clone(), self.stores().alerts.clone())
    }

    fn follower(&self) -> Follower<'_> {
        let stores = self.stores();
        Follower {
            notifications: &*stores.notifications,
            events: &*stores.events,
            alerts: &*stores.alerts,
        }
    }

    async fn follow_revocations(&self) {
        let mut timer = every(FOLLOW_EVERY);
        loop {
            timer.tick().await;
            report("following revocations", self.0.cache.follow().await);
        }
    }

    async fn reload_settings(&self) {
        let mut timer = every(RELOAD_EVERY);
        loop {
            timer.tick().await;
            if let Err(error) = self.settings().reload().await {
                tracing::warn!(error = ?error, "reading the settings failed");
            }
        }
    }

    async fn stamp(&self) {
        loop {
            let stamped = report(
                "noting that this node is alive",
                self.stores().presence.stamp_alive(self.now()).await,
            );
            self.0.can_write.store(stamped.is_some(), Ordering::Relaxed);
            let rest = if stamped.is_some() { STAMP_EVERY } else { RETRY_EVERY };
            tokio::time::sleep(rest).await;
        }
    }

    async fn share_limits(&self) {
        let mut timer = every(SHARE_EVERY);
        loop {
            timer.tick().await;
            let limits = &*self.stores().limits;
            report("sharing limits", self.limits().share(limits, self.now()).await);
        }
    }

    async fn sweep(&self, leader: watch::Receiver<Option<Fence>>) {
        let sweeper = self.sweeper();
        loop {
            let begun = tokio::time::Instant::now();
            if let Some(fence) = present(&leader) {
                let done = sweeper.tick(self.now(), fence, &self.settings().rules()).await;
                if let Some(done) = report("the presence sweep", done).filter(|done| done.written + done.held > 0) {
                    tracing::info!(written = done.written, held = done.held, "presence sweep");
                }
            }
            let rest = (begun.elapsed() * REST).clamp(self.0.node.sweep_every, Duration::from_secs(30));
            tokio::time::sleep(rest).await;
        }
    }

    async fn settle_alerts(&self, leader: watch::Receiver<Option<Fence>>) {
        let (alerter, mut timer) = (self.alerter(), every(SETTLE_EVERY));
        loop {
            timer.tick().await;
            let Some(fence) = present(&leader) else { continue };
            let done = alerter.tick(self.now(), fence, &self.settings().rules()).await;
            if let Some(done) = report("raising alerts", done).filter(|done| done.raised + done.resolved > 0) {
                tracing::info!(raised = done.raised, resolved = done.resolved, "alerts");
            }
        }
    }

    async fn follow_alerts(&self, leader: watch::Receiver<Option<Fence>>) {
        let mut timer = every(NOTIFY_EVERY);
        loop {
            timer.tick().await;
            let Some(fence) = present(&leader) else { continue };
            let told = self.follower().tick(self.now(), fence).await;
            report("turning alerts into notifications", told);
        }
    }

    async fn send_notifications(&self, leader: watch::Receiver<Option<Fence>>) {
        let Some(deliverer) = self.notifications().deliverer() else {
            return std::future::pending().await;
        };
        let mut timer = every(NOTIFY_EVERY);
        loop {
            timer.tick().await;
            let Some(fence) = present(&leader) else { continue };
            let sent = report("sending notifications", deliverer.tick(fence).await);
            if let Some(sent) = sent.filter(|sent| *sent > 0) {
                tracing::info!(sent, "notifications");
            }
        }
    }

    async fn keep_maintenance(&self, leader: watch::Receiver<Option<Fence>>) {
        let (stores, mut timer) = (self.stores(), every(MAINTENANCE_EVERY));
        loop {
            timer.tick().await;
            let Some(fence) = present(&leader) else { continue };
            let rules = self.settings().rules();
            let done = put_in_step(&*stores.maintenance, &*stores.presence, &rules, self.now(), fence).await;
            report("beginning and ending maintenance", done);
        }
    }

    async fn compact(&self, leader: watch::Receiver<Option<Fence>>) {
        let mut timer = every(COMPACT_EVERY);
        loop {
            timer.tick().await;
            if present(&leader).is_some() {
                report("compacting the counts", self.stores().upkeep.compact_counts().await);
            }
        }
    }

    async fn keep_up(&self, mut leader: watch::Receiver<Option<Fence>>) {
        loop {
            let _ = leader.wait_for(Option::is_some).await;
            let keep = match self.settings().reload().await {
                Ok(settings) => settings.retention,
                Err(error) => {
                    tracing::warn!(error = ?error, "upkeep waits for the settings");
                    tokio::time::sleep(RELOAD_EVERY).await;
                    continue;
                }
            };
            let Some(fence) = present(&leader) else { continue };
            let done = upkeep::reconcile::tick(self.stores(), &keep, &self.0.audit_keys, self.now(), fence).await;
            let rest = if report("upkeep", done).is_some() {
                UPKEEP_EVERY
            } else {
                Duration::from_secs(60)
            };
            tokio::time::sleep(rest).await;
        }
    }

    async fn roll_up_metrics(&self, leader: watch::Receiver<Option<Fence>>) {
        let mut timer = every(ROLL_UP_EVERY);
        loop {
            timer.tick().await;
            let Some(fence) = present(&leader) else { continue };
            let done = report("rolling metrics and status up", self.roll_up(self.now(), fence).await);
            if let Some(done) = done.filter(|done| done.rows > 0) {
                tracing::info!(hours = done.hours, rows = done.rows, "metrics rolled up");
            }
        }
    }

    async fn roll_up(&self, now: Timestamp, fence: Fence) -> Result<metric::reconcile::RolledUp, StoreError> {
        let (stores, keep) = (self.stores(), self.settings().present().retention);
        let done = metric::reconcile::tick(&*stores.metrics, keep.metrics_days, now, fence).await?;
        let days = keep.status_changes_days;
        reports::reconcile::tick(&*stores.reports, &*stores.presence, days, now, fence).await?;
        Ok(done)
    }

    async fn seal_audit(&self, leader: watch::Receiver<Option<Fence>>) {
        let (store, mut timer) = (&self.stores().audit, every(SEAL_EVERY));
        let mut logged: Option<tokio::time::Instant> = None;
        loop {
            timer.tick().await;
            let Some(fence) = present(&leader) else { continue };
            let done = audit::reconcile::seal(&**store, &self.0.audit_keys, fence).await;
            if let Some(done) = report("sealing the audit trail", done).filter(|done| done.forged > 0) {
                tracing::error!(
                    forged = done.forged,
                    "entries of the audit trail were written without the key; run `tms audit verify`"
                );
            }
            if logged.is_none_or(|at| at.elapsed() >= HEAD_EVERY)
                && let Some(end) = report("reading the end of the audit trail", store.chain_end().await)
            {
                logged = Some(tokio::time::Instant::now());
                tracing::info!(audit.place = end.head.place, audit.head = %end.head.hash, "head of the audit trail");
            }
        }
    }

    async fn write_refusals(&self) {
        loop {
            tokio::select! {
                () = self.0.refusals.news() => {}
                () = tokio::time::sleep(REFUSALS_EVERY) => {}
            }
            report("writing refusals", self.record_refusals(self.now()).await);
        }
    }

    /// Writes what was refused. What can't be written now is kept: it is taken only once the store has it.
    async fn record_refusals(&self, now: Timestamp) -> Result<(), StoreError> {
        let entries = self.0.refusals.take(now);
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.stores().audit.record(Envelope::entries(entries.clone())).await;
        if written.is_err() {
            self.0.refusals.give_back(entries);
        }
        written
    }

    /// Takes and renews the lease; says who leads to the other loops.
    async fn lead(&self, leads: watch::Sender<Option<Fence>>, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut timer = every(RENEW_EVERY);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = timer.tick() => {}
            }
            let leases = &self.stores().leases;
            let got = leases.acquire(LEADER, &self.0.node.node, self.now(), LEASE_TTL).await;
            // Who can't reach the store stops leading; the fence would stop its writes anyway.
            let fence = report("taking the lead", got).flatten();
            leads.send_if_modified(|present| {
                let differs = *present != fence;
                if differs {
                    tracing::info!(leads = fence.is_some(), node = %self.0.node.node, "leadership changed");
                    *present = fence;
                }
                differs
            });
        }
        if let Some(fence) = leads.send_replace(None) {
            report("giving the lead back", self.stores().leases.release(fence).await);
        }
    }
}

fn present(leader: &watch::Receiver<Option<Fence>>) -> Option<Fence> {
    *leader.borrow()
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut timer = tokio::time::interval(period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

async fn until(stop: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop => {}
        () = work => {}
    }
}

/// Logs a failure, which the next round tries to make good.
fn report<T>(what: &'static str, outcome: Result<T, StoreError>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(StoreError::Fenced) => {
            tracing::info!(what, "another node leads");
            None
        }
        Err(error) => {
            tracing::warn!(what, error = %error, cause = ?std::error::Error::source(&error), "background work failed");
            None
        }
    }
}
