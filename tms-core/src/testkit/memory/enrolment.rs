//! Enrolment codes in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::{State, Token},
};
use crate::{
    enrolment::{Admission, Enrolled, EnrolmentCode, EnrolmentStore, NewCode, Redemption, Refusal, Situation, admit},
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, EnrolmentCodeId, EntityRef, TerminalId},
    page::{Order, Page, PageRequest},
    presence::Reported,
    terminal::{Lifecycle, Terminal, TerminalDraft},
    time::Timestamp,
};

fn missing(id: EnrolmentCodeId) -> StoreError {
    StoreError::Missing(EntityRef::new("enrolment code", id))
}

impl State {
    fn situation(&self, request: &Redemption) -> Situation<'_> {
        let code = self.codes.values().find(|(hash, _)| *hash == request.code);
        let code = code.map(|(_, code)| code);
        let customer = code.and_then(|code| self.customers.get(&code.customer.get()));
        Situation {
            code,
            customer,
            enrolled: customer.map_or(0, |customer| self.counts(Some(customer.id)).total()),
            existing: self.serials.get(&request.serial).and_then(|id| self.terminals.get(id)),
        }
    }

    fn take_over(
        &mut self,
        id: TerminalId,
        code: &EnrolmentCode,
        request: &Redemption,
        now: Timestamp,
    ) -> Option<Terminal> {
        self.revoke_tokens(id, None);
        let row = self.presence.get_mut(&id)?;
        let change = (!row.is_active).then(|| row.come_back(now));
        row.version += 1;
        note(&mut row.reported, &request.reported);
        if let Some(change) = change {
            self.note_change(change);
        }
        let terminal = self.terminals.get_mut(&id)?;
        terminal.lifecycle = Lifecycle::Active;
        terminal.host = request.host.clone();
        // Who read the terminal before must read it again, or a save would undo this.
        terminal.revision = terminal.revision.next();
        let draft = &mut terminal.draft;
        draft.store_name = draft.store_name.take().or_else(|| code.store_name.clone());
        draft.store_code = draft.store_code.take().or_else(|| code.store_code.clone());
        Some(terminal.clone())
    }

    fn create(&mut self, code: &EnrolmentCode, request: &Redemption, now: Timestamp) -> Terminal {
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
        let terminal = self.add_terminal(&draft, Lifecycle::Active, request.host.clone(), now);
        if let Some(row) = self.presence.get_mut(&terminal.id) {
            note(&mut row.reported, &request.reported);
        }
        terminal
    }
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

#[async_trait]
impl EnrolmentStore for MemoryStore {
    async fn insert(&self, code: &NewCode, now: Timestamp, with: Envelope) -> Result<EnrolmentCode, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.customer(code.customer)?;
        let id = state.next_id();
        let stored = EnrolmentCode {
            id: EnrolmentCodeId::new(id).expect("ids grow from one"),
            customer: code.customer,
            store_name: code.store_name.clone(),
            store_code: code.store_code.clone(),
            serial: code.serial.clone(),
            max_uses: code.max_uses,
            used: 0,
            expires_at: code.expires_at,
            is_revoked: false,
            created_by: code.created_by.clone(),
            created_at: now,
        };
        state.codes.insert(id, (code.hash, stored.clone()));
        state.finish(with, id);
        Ok(stored)
    }

    async fn find(&self, id: EnrolmentCodeId) -> Result<Option<EnrolmentCode>, StoreError> {
        Ok(self.enter()?.codes.get(&id.get()).map(|(_, code)| code.clone()))
    }

    async fn list(&self, customer: Option<CustomerId>, page: &PageRequest) -> Result<Page<EnrolmentCode>, StoreError> {
        let state = self.enter()?;
        let codes = state.codes.iter().map(|(id, (_, code))| Keyed::by_id(*id, code));
        let rows = codes.filter(|code| customer.is_none_or(|customer| code.row.customer == customer));
        Ok(page_of(rows.collect(), Order::Descending, page, EnrolmentCode::clone))
    }

    async fn revoke(&self, id: EnrolmentCodeId, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let (_, code) = state.codes.get_mut(&id.get()).ok_or_else(|| missing(id))?;
        code.is_revoked = true;
        state.finish(with, id.get());
        Ok(())
    }

    async fn redeem(
        &self,
        request: &Redemption,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Result<Enrolled, Refusal>, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let found = state.situation(request);
        let code = found.code.cloned();
        let (admission, mut code) = match (admit(found, &request.serial, now), code) {
            (Ok(admission), Some(code)) => (admission, code),
            (Err(refusal), _) => return Ok(Err(refusal)),
            (Ok(_), None) => return Ok(Err(Refusal::Code)),
        };
        state.saw(now);
        let terminal = match admission {
            Admission::Create => state.create(&code, request, now),
            Admission::TakeOver(id) => state.take_over(id, &code, request, now).expect("it was just found"),
        };
        code.used += 1;
        state.codes.insert(code.id.get(), (request.code, code));
        let token = Token {
            terminal: terminal.id,
            valid_until: None,
        };
        state.tokens.insert(request.token, token);
        let config_version = state.row(terminal.id)?.config_version;
        state.finish(with.of_customer(terminal.draft.customer), terminal.id.get());
        Ok(Ok(Enrolled {
            terminal: terminal.id,
            customer: terminal.draft.customer,
            heartbeat_interval_s: terminal.draft.heartbeat_interval_s,
            config_version,
            auto_update_enabled: terminal.draft.auto_update_enabled,
        }))
    }
}
