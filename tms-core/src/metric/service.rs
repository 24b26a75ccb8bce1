//! Measurements of a terminal as people read them.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{Hour, MetricStore, Period, periods};
use crate::{
    ctx::Ctx,
    error::Error,
    id::TerminalId,
    page::{Order, Page, PageRequest},
    report::calendar::{Calendar, Granularity, Window},
    settings::Settings,
    stores::Stores,
    terminal::Terminals,
    time::Timestamp,
};

/// Measurements of a terminal as people read them.
#[derive(Debug, Clone)]
pub struct MetricHistory {
    store: Arc<dyn MetricStore>,
    terminals: Terminals,
    settings: watch::Receiver<Arc<Settings>>,
}

impl MetricHistory {
    pub(crate) fn new(stores: &Stores, terminals: Terminals, settings: watch::Receiver<Arc<Settings>>) -> Self {
        Self {
            store: stores.metrics.clone(),
            terminals,
            settings,
        }
    }

    /// Returns the hours or days of the report's time zone in which a terminal was heard, newest first: those that the
    /// window has a part of, each as a whole.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a terminal that is not there or not the actor's to see.
    pub async fn periods(
        &self,
        ctx: &Ctx,
        terminal: TerminalId,
        window: Window,
        by: Granularity,
        page: &PageRequest,
    ) -> Result<Page<Period>, Error> {
        self.terminals.get(ctx, terminal).await?;
        let calendar = self.settings.borrow().reports.calendar;
        // An empty window has no part of any period.
        let found = if window.from < window.to {
            let (from, to) = whole(window, calendar, by);
            self.store.hours(terminal, from, to).await?
        } else {
            Vec::new()
        };
        let mut rows = periods(&found, calendar, by);
        rows.reverse();
        Ok(Page::cut(rows, page, Order::Descending, |row| {
            row.window.from.as_micros()
        }))
    }
}

/// Returns the first hour of the periods that `window` has a part of, and the first one after them.
fn whole(window: Window, calendar: Calendar, by: Granularity) -> (Hour, Hour) {
    let first = Hour::of(window.from);
    let last = Hour::of(window.to.minus(Duration::from_micros(1)));
    if by == Granularity::Hour {
        return (first, last.next());
    }
    // An hour is of the period in which it begins.
    let next_begin = |at: Timestamp| {
        let hour = Hour::of(at);
        if hour.begin() < at { hour.next() } else { hour }
    };
    let from = calendar.around(first.begin(), by).1.from;
    let to = calendar.around(last.begin(), by).1.to;
    (next_begin(from), next_begin(to))
}
