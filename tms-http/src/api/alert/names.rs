//! The names that alerts show: looked up for a whole page at a time.

use std::collections::HashMap;

use tms_core::{Ctx, alert::Alert, id::TerminalId};

use crate::{
    problem::Problem,
    state::App,
    wire::{customer::CustomerRef, terminal::TerminalRef},
};

/// The terminals of some alerts and their customers.
pub(crate) struct Names(HashMap<TerminalId, (TerminalRef, CustomerRef)>);

impl Names {
    /// Looks up the names of `alerts`.
    pub(crate) async fn of(app: &App, ctx: &Ctx, alerts: &[Alert]) -> Result<Self, Problem> {
        let mut ids: Vec<TerminalId> = alerts.iter().filter_map(|alert| alert.terminal).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = app.tms.terminals().get_many(ctx, &ids).await?;
        let named = found.into_iter().map(|view| {
            let (id, draft) = (view.terminal.id, view.terminal.draft);
            let terminal = TerminalRef {
                id: id.get(),
                serial_number: draft.serial.as_str().to_owned(),
                store_name: draft.store_name,
            };
            let customer = CustomerRef {
                id: draft.customer.get(),
                company_name: view.company_name,
            };
            (id, (terminal, customer))
        });
        Ok(Self(named.collect()))
    }

    /// Returns the names of a terminal and its customer.
    pub(crate) fn get(&self, id: Option<TerminalId>) -> Option<&(TerminalRef, CustomerRef)> {
        self.0.get(&id?)
    }
}
