//! How available the fleet was these days, and at whom something is wrong now.

use tms_core::{
    Ctx, Error,
    permission::Permission,
    report::{Share, figures::CustomerTrouble},
};

use crate::{
    console::{
        bars::{Bars, percent},
        frame::Frame,
    },
    problem::Problem,
    state::App,
};

/// How many days are looked back to.
const DAYS: u32 = 7;
/// How many customers are named.
const MOST_CUSTOMERS: u32 = 8;

/// What only who may read reports sees of the dashboard.
pub(super) struct Outlook {
    pub(super) whole: String,
    pub(super) bars: Bars,
    pub(super) days: Vec<Day>,
    pub(super) customers: Vec<CustomerTrouble>,
}

/// A day in numbers.
pub(super) struct Day {
    pub(super) label: String,
    pub(super) share: String,
    pub(super) lost: [String; 3],
}

/// Looks back, if the reader may. Both answers are shared by all who look at the same time, as each costs the more the
/// larger the fleet is.
pub(super) async fn outlook(app: &App, ctx: &Ctx, f: &Frame) -> Result<Option<Outlook>, Problem> {
    if !f.may(Permission::ReportRead) {
        return Ok(None);
    }
    let reports = app.tms.reports();
    let found = match reports.last_days(ctx, DAYS).await {
        // While long reports are made: the rest of the page is worth more.
        Err(Error::Unavailable { .. }) => return Ok(None),
        found => found?,
    };
    let day = |share: &Share| Day {
        label: share.bucket.label.clone(),
        share: percent(share.times.availability()),
        lost: [share.times.offline, share.times.error, share.times.maintenance].map(|time| f.span(time)),
    };
    Ok(Some(Outlook {
        whole: percent(found.total.availability()),
        bars: Bars::of(&found.shares, found.by),
        days: found.shares.iter().map(day).collect(),
        customers: reports.troubles(ctx, MOST_CUSTOMERS).await?,
    }))
}
