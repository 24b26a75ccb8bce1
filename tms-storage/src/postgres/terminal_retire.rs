//! The end of a terminal: everything that goes with it, in one transaction.

use tms_core::{
    envelope::Envelope,
    id::{Revision, TerminalId},
    presence::store::Retirement,
    terminal::{Lifecycle, Terminal},
};

use super::{
    credential,
    error::Fault,
    pool::PgStore,
    presence_row, status_change,
    terminal::{lock, overwrite},
};

impl PgStore {
    pub(super) async fn retire_terminal(
        &self,
        id: TerminalId,
        seen: Revision,
        retirement: &Retirement,
        with: Envelope,
    ) -> Result<(), Fault> {
        match self.try_retire(id, seen, retirement, with.clone()).await {
            Err(fault) if fault.is_missing_partition() => {
                let day = Some(retirement.change.at);
                self.add_partitions(day, day).await?;
                self.try_retire(id, seen, retirement, with).await
            }
            outcome => outcome,
        }
    }

    async fn try_retire(
        &self,
        id: TerminalId,
        seen: Revision,
        retirement: &Retirement,
        with: Envelope,
    ) -> Result<(), Fault> {
        let Retirement { write, change } = retirement;
        let mut act = self.act(with).await?;
        let found = lock(&mut act.tx, id.get()).await?;
        let (before, status) = found.ok_or_else(|| Fault::missing("terminal", id))?;
        if before.revision != seen {
            return Err(Fault::stale("terminal", id));
        }
        if presence_row::write(&mut act.tx, &[write]).await? != 1 {
            return Err(Fault::stale("terminal", id));
        }
        let next = Terminal {
            lifecycle: Lifecycle::Retired,
            updated_at: change.at,
            ..before.clone()
        };
        overwrite(&mut act.tx, &next, seen.next()).await?;
        credential::revoke(&mut act.tx, id, None, Some(change.at.into())).await?;
        if before.lifecycle != Lifecycle::Retired {
            status_change::count(&mut act.tx, before.draft.customer, status, -1).await?;
        }
        status_change::write(&mut act.tx, std::slice::from_ref(change)).await?;
        act.finish(Some(id.get())).await
    }
}
