//! Spending an enrolment code: what [`admit`] decides from what is stored, within one transaction.

use tms_core::{
    StoreError,
    enrolment::{Admission, Enrolled, EnrolmentCode, Redemption, Refusal, Situation, admit},
    id::{CustomerId, TerminalId},
    presence::{Presence, Reported, store::PresenceWrite},
    terminal::{Lifecycle, Terminal, TerminalDraft},
    time::Timestamp,
};

use super::{
    credential, customer, enrolment,
    error::OrFault,
    presence_write::{Counts, heads, write_changes},
    room,
    terminal::{self, fresh, stored_presence, terminal_columns},
    work::Work,
};

/// Redeems a code. A refusal has written nothing.
pub(super) async fn redeem(
    work: &mut Work<'_>,
    request: &Redemption,
    now: Timestamp,
) -> Result<Result<Enrolled, Refusal>, StoreError> {
    let code = find_code(work, request).await?;
    let owner = match &code {
        Some(code) => find_customer(work, code.customer).await?,
        None => None,
    };
    let enrolled = match &code {
        Some(code) => room::count(work.conn(), code.customer).await?,
        None => 0,
    };
    let existing = find_terminal(work, request).await?;
    let situation = Situation {
        code: code.as_ref(),
        customer: owner.as_ref(),
        enrolled,
        existing: existing.as_ref(),
    };
    let admission = match admit(situation, &request.serial, now) {
        Ok(admission) => admission,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(code) = code else {
        return Ok(Err(Refusal::Code));
    };
    let terminal = match (admission, existing) {
        (Admission::TakeOver(_), Some(existing)) => take_over(work, request, &code, existing, now).await?,
        _ => create(work, request, &code, now).await?,
    };
    credential::insert(work.conn(), terminal.id, request.token).await?;
    sqlx::query("UPDATE enrolment_code SET used = used + 1 WHERE id = ?")
        .bind(code.id.get())
        .execute(work.conn())
        .await
        .or_fault("enrolment code", code.id)?;
    let presence = stored_presence(work.conn(), terminal.id).await?;
    Ok(Ok(Enrolled {
        terminal: terminal.id,
        customer: terminal.draft.customer,
        heartbeat_interval_s: terminal.draft.heartbeat_interval_s,
        config_version: presence.config_version,
        auto_update_enabled: terminal.draft.auto_update_enabled,
    }))
}

async fn create(
    work: &mut Work<'_>,
    request: &Redemption,
    code: &EnrolmentCode,
    now: Timestamp,
) -> Result<Terminal, StoreError> {
    let mut draft = TerminalDraft::new(
        request.serial.clone(),
        code.customer,
        &request.model,
        request.interval_s,
    );
    fill_shop(&mut draft, code);
    let terminal = terminal::insert_row(work.conn(), &draft, Lifecycle::Active, &request.host, now).await?;
    let mut row = Presence::new(terminal.id, code.customer, request.interval_s, now);
    merge(&mut row.reported, &request.reported);
    let mut counts = Counts::default();
    counts.add(row.customer, row.status, 1);
    work.write_row(&fresh(row), None).await?;
    counts.write(work.conn()).await?;
    Ok(terminal)
}

async fn take_over(
    work: &mut Work<'_>,
    request: &Redemption,
    code: &EnrolmentCode,
    mut terminal: Terminal,
    now: Timestamp,
) -> Result<Terminal, StoreError> {
    let is_back = terminal.lifecycle == Lifecycle::Retired;
    terminal.lifecycle = Lifecycle::Active;
    terminal.host = request.host.clone();
    fill_shop(&mut terminal.draft, code);
    terminal.revision = terminal.revision.next();
    terminal::update_row(work.conn(), &terminal, terminal.revision).await?;
    credential::revoke(work.conn(), terminal.id, None, now).await?;

    let mut row = stored_presence(work.conn(), terminal.id).await?;
    let seen = row.version;
    let change = is_back.then(|| row.come_back(now));
    row.version = seen + 1;
    merge(&mut row.reported, &request.reported);
    if is_back {
        // A retired terminal is in no count, so its change of status moves none.
        let mut counts = Counts::default();
        counts.add(row.customer, row.status, 1);
        counts.write(work.conn()).await?;
        write_changes(work.conn(), change.as_slice(), |_| false).await?;
    }
    let last = last_heartbeat(work, terminal.id).await?;
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    work.write_row(&write, last).await?;
    Ok(terminal)
}

fn fill_shop(draft: &mut TerminalDraft, code: &EnrolmentCode) {
    if draft.store_name.is_none() {
        draft.store_name.clone_from(&code.store_name);
    }
    if draft.store_code.is_none() {
        draft.store_code.clone_from(&code.store_code);
    }
}

fn merge(known: &mut Reported, said: &Reported) {
    if said.firmware_version.is_some() {
        known.firmware_version.clone_from(&said.firmware_version);
    }
    if said.agent_version.is_some() {
        known.agent_version.clone_from(&said.agent_version);
    }
    known.ip_address = said.ip_address.or(known.ip_address);
    known.config_version = said.config_version.or(known.config_version);
}

async fn find_code(work: &mut Work<'_>, request: &Redemption) -> Result<Option<EnrolmentCode>, StoreError> {
    let row = sqlx::query("SELECT * FROM enrolment_code WHERE hash = ?")
        .bind(request.code.0.to_vec())
        .fetch_optional(work.conn())
        .await
        .or_fault("enrolment code", "")?;
    row.as_ref().map(enrolment::read).transpose()
}

async fn find_customer(
    work: &mut Work<'_>,
    id: CustomerId,
) -> Result<Option<tms_core::customer::Customer>, StoreError> {
    let row = sqlx::query("SELECT * FROM customer WHERE id = ?")
        .bind(id.get())
        .fetch_optional(work.conn())
        .await
        .or_fault("customer", id)?;
    row.as_ref().map(customer::read).transpose()
}

async fn find_terminal(work: &mut Work<'_>, request: &Redemption) -> Result<Option<Terminal>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        terminal_columns!(),
        " FROM terminal t WHERE t.serial_number = ?"
    ))
    .bind(request.serial.as_str())
    .fetch_optional(work.conn())
    .await
    .or_fault("terminal", &request.serial)?;
    row.as_ref().map(terminal::read).transpose()
}

async fn last_heartbeat(work: &mut Work<'_>, id: TerminalId) -> Result<Option<i64>, StoreError> {
    Ok(heads(work.conn(), &[id])
        .await?
        .get(&id)
        .and_then(|head| head.last_heartbeat))
}
