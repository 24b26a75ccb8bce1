//! Reports as people ask for them.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    availability::{Availability, AvailabilityRequest, Plan},
    calendar::{Calendar, Window},
    figures::{CustomerAlerts, CustomerFigures, CustomerTrouble, MOST_CUSTOMERS, Period, Summary},
    store::{ReportStore, Whose},
    tally::Times,
};
use crate::{
    ctx::Ctx,
    customer::CustomerStore,
    error::Error,
    id::{CustomerId, TerminalId},
    permission::Permission,
    presence::PresenceStore,
    recent::Recent,
    settings::Settings,
    stores::Stores,
    terminal::{TerminalStore, Terminals},
    time::Timestamp,
};

/// How old the shared availability of the last days may be: what it tells changes slowly, and reckoning it looks at every
/// terminal.
const DAYS_FRESH_FOR: Duration = Duration::from_secs(60);
/// How old the shared list of customers in trouble may be.
const TROUBLES_FRESH_FOR: Duration = Duration::from_secs(3);

/// Whose last days, how many, and of which zone.
type DaysKey = (Option<CustomerId>, u32, &'static str);

/// Whose troubles, and how many.
type TroublesKey = (Option<CustomerId>, u32);

/// Reports as people ask for them.
#[derive(Debug, Clone)]
pub struct Reports {
    store: Arc<dyn ReportStore>,
    presence: Arc<dyn PresenceStore>,
    customers: Arc<dyn CustomerStore>,
    fleet: Arc<dyn TerminalStore>,
    terminals: Terminals,
    settings: watch::Receiver<Arc<Settings>>,
    days: Arc<Recent<DaysKey, Availability>>,
    troubles: Arc<Recent<TroublesKey, Vec<CustomerTrouble>>>,
}

impl Reports {
    pub(crate) fn new(stores: &Stores, terminals: Terminals, settings: watch::Receiver<Arc<Settings>>) -> Self {
        Self {
            store: stores.reports.clone(),
            presence: stores.presence.clone(),
            customers: stores.customers.clone(),
            fleet: stores.terminals.clone(),
            terminals,
            settings,
            days: Arc::new(Recent::new(DAYS_FRESH_FOR)),
            troubles: Arc::new(Recent::new(TROUBLES_FRESH_FOR)),
        }
    }

    /// Returns the calendar whose days reports have.
    pub fn calendar(&self) -> Calendar {
        self.settings.borrow().reports.calendar
    }

    /// Returns how available the terminals were that the actor sees, day by day, in the last `days` days, today included;
    /// as of a minute ago at most, as askers share it.
    pub async fn last_days(&self, ctx: &Ctx, days: u32) -> Result<Availability, Error> {
        ctx.require(Permission::ReportRead)?;
        let calendar = self.calendar();
        let request = AvailabilityRequest::last_days(days, calendar, ctx.now);
        let find = || self.availability(ctx, &request, None);
        self.days.get((ctx.scope(), days, calendar.zone()), ctx.now, find).await
    }

    /// Returns the customers, of those that the actor sees, at whom most is wrong at present: terminals offline or in
    /// error, then unresolved alerts. As of seconds ago at most, as askers share it.
    pub async fn troubles(&self, ctx: &Ctx, most: u32) -> Result<Vec<CustomerTrouble>, Error> {
        ctx.require(Permission::ReportRead)?;
        let scope = ctx.scope();
        let find = || async { Ok(self.store.troubles(scope, most).await?) };
        self.troubles.get((scope, most), ctx.now, find).await
    }

    /// Returns how available the terminals were: those of one customer, or all that the actor sees.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time that makes no sense, [`Error::NotFound`] for a customer that is not there or not the
    /// actor's to see.
    pub async fn availability(
        &self,
        ctx: &Ctx,
        request: &AvailabilityRequest,
        customer: Option<CustomerId>,
    ) -> Result<Availability, Error> {
        ctx.require(Permission::ReportRead)?;
        let plan = request.plan(self.calendar(), ctx.now)?;
        let customer = self.bounded(ctx, customer).await?;
        self.add_up(plan, whose(customer)).await
    }

    /// Returns how available one terminal was.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time that makes no sense, [`Error::NotFound`] for a terminal that is not there or not the
    /// actor's to see.
    pub async fn availability_of(
        &self,
        ctx: &Ctx,
        terminal: TerminalId,
        request: &AvailabilityRequest,
    ) -> Result<Availability, Error> {
        ctx.require(Permission::ReportRead)?;
        self.terminals.get(ctx, terminal).await?;
        let plan = request.plan(self.calendar(), ctx.now)?;
        self.add_up(plan, Whose::Terminal(terminal)).await
    }

    /// Returns the figures of a time: of one customer, or of all that the actor sees.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a customer that is not there or not the actor's to see.
    pub async fn summary(&self, ctx: &Ctx, period: Period, customer: Option<CustomerId>) -> Result<Summary, Error> {
        ctx.require(Permission::ReportRead)?;
        let customer = self.bounded(ctx, customer).await?;
        let whole = self.add_up(self.plan(period, ctx.now)?, whose(customer)).await?;
        let issues = self.store.issues(customer, whole.window).await?;
        let most = self
            .store
            .customer_alerts(customer, whole.window, MOST_CUSTOMERS)
            .await?;
        let mut customers = Vec::with_capacity(most.len());
        for alerts in most {
            customers.push(self.figures_of(alerts, period, ctx.now).await?);
        }
        Ok(Summary {
            zone: whole.zone,
            window: whole.window,
            terminals: self.fleet.count_by_status(customer).await?,
            times: whole.total,
            issues,
            customers,
        })
    }

    async fn figures_of(
        &self,
        alerts: CustomerAlerts,
        period: Period,
        now: Timestamp,
    ) -> Result<CustomerFigures, Error> {
        let plan = self.plan(period, now)?;
        let times: Times = self.add_up(plan, Whose::Customer(alerts.customer)).await?.total;
        Ok(CustomerFigures {
            terminals: self.fleet.count_by_status(Some(alerts.customer)).await?,
            alerts,
            times,
        })
    }

    fn plan(&self, period: Period, now: Timestamp) -> Result<Plan, Error> {
        let calendar = self.calendar();
        period.request(calendar, now).plan(calendar, now)
    }

    async fn add_up(&self, plan: Plan, whose: Whose) -> Result<Availability, Error> {
        let outages = self.presence.outages(plan.window.from).await?;
        // Only the whole fleet is added up beforehand.
        let next = if whose == Whose::Everybody {
            self.store.next_hour().await?
        } else {
            None
        };
        let known = plan.known_until(next);
        let before = if plan.window.from < known {
            let window = Window {
                from: plan.window.from,
                to: known,
            };
            self.store.quarters(window).await?
        } else {
            Vec::new()
        };
        let cuts = plan.cuts(known, &outages);
        let spans = match &cuts {
            Some(cuts) => self.store.status_time(whose, cuts).await?,
            None => Vec::new(),
        };
        Ok(plan.conclude(&before, cuts.as_ref(), &spans, &outages))
    }

    /// Returns the one customer whose figures are asked for, or bound the actor.
    async fn bounded(&self, ctx: &Ctx, customer: Option<CustomerId>) -> Result<Option<CustomerId>, Error> {
        let Some(id) = customer else {
            return Ok(ctx.scope());
        };
        let found = if ctx.sees(id) {
            self.customers.find(id).await?
        } else {
            None
        };
        found
            .map(|found| Some(found.id))
            .ok_or_else(|| Error::not_found("customer", id))
    }
}

fn whose(customer: Option<CustomerId>) -> Whose {
    customer.map_or(Whose::Everybody, Whose::Customer)
}
