//! The act that spends an enrolment code.

use sqlx::PgConnection;
use tms_core::{
    enrolment::{Admission, Enrolled, EnrolmentCode, Redemption, Refusal, Situation, admit},
    envelope::Envelope,
    id::TerminalId,
    presence::{Presence, Reported, Status, store::PresenceWrite},
    terminal::{Lifecycle, Terminal, TerminalDraft},
    time::Timestamp,
};

use super::{
    credential, customer, enrolment,
    error::Fault,
    pool::PgStore,
    presence_row, room, status_change,
    terminal::{self, NewTerminal},
};

/// How often a redemption that met another one is tried.
const TRIES: usize = 3;

impl PgStore {
    pub(super) async fn redeem_code(
        &self,
        request: &Redemption,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Result<Enrolled, Refusal>, Fault> {
        for _ in 1..TRIES {
            match self.try_redeem(request, now, with.clone()).await {
                Err(fault) if fault.is_missing_partition() => self.add_partitions(Some(now), Some(now)).await?,
                // Somebody enrolled the same serial number at the same time: look again.
                Err(fault) if fault.is_duplicate() || fault.is_contention() => {}
                outcome => return outcome,
            }
        }
        self.try_redeem(request, now, with).await
    }

    async fn try_redeem(
        &self,
        request: &Redemption,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Result<Enrolled, Refusal>, Fault> {
        let mut act = self.act(with).await?;
        let tx = &mut act.tx;
        let code = enrolment::hold(tx, request.code).await?;
        let owner = match &code {
            Some(code) => customer::find_for_enrolment(tx, code.customer.get()).await?,
            None => None,
        };
        let is_bounded = owner.as_ref().is_some_and(|owner| owner.draft.max_terminals.is_some());
        let enrolled = match &owner {
            Some(owner) if is_bounded => room::count(tx, owner.id.get()).await?,
            _ => 0,
        };
        let existing = find_terminal(tx, request).await?;
        let found = Situation {
            code: code.as_ref(),
            customer: owner.as_ref(),
            enrolled,
            existing: existing.as_ref().map(|(terminal, _)| terminal),
        };
        let admission = match admit(found, &request.serial, now) {
            Ok(admission) => admission,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(code) = code else {
            return Ok(Err(Refusal::Code));
        };
        let (terminal, row) = match (admission, existing) {
            (Admission::TakeOver(_), Some((known, status))) => {
                take_over(tx, &code, request, (known, status), now).await?
            }
            _ => create(tx, &code, request, now).await?,
        };
        credential::insert(tx, terminal.id, request.token).await?;
        sqlx::query("UPDATE enrolment_code SET used = used + 1 WHERE id = $1")
            .bind(code.id.get())
            .execute(&mut **tx)
            .await?;
        let act = act.of_customer(Some(terminal.draft.customer));
        act.finish(Some(terminal.id.get())).await?;
        self.presence_cache.forget(std::iter::once(terminal.id));
        Ok(Ok(Enrolled {
            terminal: terminal.id,
            customer: terminal.draft.customer,
            heartbeat_interval_s: terminal.draft.heartbeat_interval_s,
            config_version: row.config_version,
            auto_update_enabled: terminal.draft.auto_update_enabled,
        }))
    }
}

async fn find_terminal(tx: &mut PgConnection, request: &Redemption) -> Result<Option<(Terminal, Status)>, Fault> {
    let id: Option<i64> = sqlx::query_scalar("SELECT id FROM terminal WHERE serial_number = $1")
        .bind(request.serial.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    match id {
        None => Ok(None),
        Some(id) => terminal::lock(tx, id).await,
    }
}

async fn create(
    tx: &mut PgConnection,
    code: &EnrolmentCode,
    request: &Redemption,
    now: Timestamp,
) -> Result<(Terminal, Presence), Fault> {
    let draft = TerminalDraft {
        store_name: code.store_name.clone(),
        store_code: code.store_code.clone(),
        ..TerminalDraft::new(
            request.serial.clone(),
            code.customer,
            &request.model,
            request.interval_s,
        )
    };
    let new = NewTerminal {
        draft: &draft,
        lifecycle: Lifecycle::Active,
        host: &request.host,
        now,
    };
    let terminal = terminal::add(tx, &new).await?;
    let mut row = Presence::new(terminal.id, draft.customer, draft.heartbeat_interval_s, now);
    note(&mut row.reported, &request.reported);
    presence_row::insert(tx, &row).await?;
    copy_firmware(tx, terminal.id, row.reported.firmware_version.as_deref()).await?;
    status_change::count(tx, draft.customer, row.status, 1).await?;
    Ok((terminal, row))
}

async fn take_over(
    tx: &mut PgConnection,
    code: &EnrolmentCode,
    request: &Redemption,
    (known, status): (Terminal, Status),
    now: Timestamp,
) -> Result<(Terminal, Presence), Fault> {
    credential::revoke(tx, known.id, None, Some(now.into())).await?;
    let was_retired = known.lifecycle == Lifecycle::Retired;
    let mut terminal = known;
    terminal.lifecycle = Lifecycle::Active;
    terminal.host = request.host.clone();
    let draft = &mut terminal.draft;
    draft.store_name = draft.store_name.take().or_else(|| code.store_name.clone());
    draft.store_code = draft.store_code.take().or_else(|| code.store_code.clone());
    // Who read the terminal before must read it again, or a save would undo this.
    let revision = terminal.revision.next();
    terminal::overwrite(tx, &terminal, revision).await?;
    let rows = presence_row::load(tx, &[terminal.id.get()]).await?;
    let mut row = rows
        .into_iter()
        .next()
        .ok_or_else(|| Fault::missing("terminal", terminal.id))?;
    let seen = row.version;
    let change = was_retired.then(|| row.come_back(now));
    row.version += 1;
    note(&mut row.reported, &request.reported);
    let write = PresenceWrite {
        row: row.clone(),
        seen,
        is_full: true,
    };
    if presence_row::write(tx, &[&write]).await? != 1 {
        return Err(Fault::Contention);
    }
    if was_retired {
        status_change::count(tx, terminal.draft.customer, status, 1).await?;
    }
    status_change::write(tx, change.as_slice()).await?;
    Ok((terminal, row))
}

async fn copy_firmware(tx: &mut PgConnection, id: TerminalId, version: Option<&str>) -> Result<(), Fault> {
    if version.is_some() {
        sqlx::query("UPDATE terminal SET firmware_version = $2 WHERE id = $1")
            .bind(id.get())
            .bind(version)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Takes over what an agent says of itself; what it does not say stays.
fn note(known: &mut Reported, said: &Reported) {
    let said = said.clone();
    *known = Reported {
        firmware_version: said.firmware_version.or(known.firmware_version.take()),
        agent_version: said.agent_version.or(known.agent_version.take()),
        ip_address: said.ip_address.or(known.ip_address),
        config_version: said.config_version.or(known.config_version),
    };
}
