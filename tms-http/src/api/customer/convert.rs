//! Customers between the domain and the wire.

use tms_core::{
    customer::{ContractType, Customer, CustomerDraft},
    error::FieldErrors,
};

use crate::{
    api::field::{optional_date, patch_date},
    problem::Problem,
    wire::customer as wire,
};

impl From<Customer> for wire::Customer {
    fn from(customer: Customer) -> Self {
        let draft = customer.draft;
        Self {
            id: customer.id.get(),
            company_name: draft.company_name,
            company_name_kana: draft.company_name_kana,
            contact_person: draft.contact_person,
            contact_email: draft.contact_email,
            contact_phone: draft.contact_phone,
            postal_code: draft.postal_code,
            address: draft.address,
            contract_type: draft.contract_type.as_str().into(),
            contract_start_date: draft.contract_start_date.map(|date| date.to_string()),
            contract_end_date: draft.contract_end_date.map(|date| date.to_string()),
            is_active: draft.is_active,
            max_terminals: draft.max_terminals,
            notes: draft.notes,
            created_at: customer.created_at.to_string(),
            updated_at: customer.updated_at.to_string(),
        }
    }
}

/// Reads a customer to add.
pub(super) fn draft(request: wire::CustomerCreate, mut errors: FieldErrors) -> Result<CustomerDraft, Problem> {
    let contract = request
        .contract_type
        .as_deref()
        .and_then(|name| errors.take("contract_type", name.parse()));
    let draft = CustomerDraft {
        company_name: request.company_name,
        company_name_kana: request.company_name_kana,
        contact_person: request.contact_person,
        contact_email: request.contact_email,
        contact_phone: request.contact_phone,
        postal_code: request.postal_code,
        address: request.address,
        contract_type: contract.unwrap_or(ContractType::Standard),
        contract_start_date: optional_date(&mut errors, "contract_start_date", request.contract_start_date.as_ref()),
        contract_end_date: optional_date(&mut errors, "contract_end_date", request.contract_end_date.as_ref()),
        is_active: request.is_active.unwrap_or(true),
        max_terminals: request.max_terminals,
        notes: request.notes,
    };
    finished(errors, draft)
}

/// Checks what could be read, so that all that is wrong is said at once.
fn finished(mut errors: FieldErrors, draft: CustomerDraft) -> Result<CustomerDraft, Problem> {
    let mut looked_at = draft.clone();
    if errors.has("contract_start_date") {
        // What is not known is not compared with.
        looked_at.contract_start_date = None;
    }
    errors.fill(looked_at.checked());
    errors.finish()?;
    Ok(draft)
}

/// Carries out the wishes of a PATCH.
pub(super) fn patched(
    mut draft: CustomerDraft,
    patch: wire::CustomerPatch,
    mut errors: FieldErrors,
) -> Result<CustomerDraft, Problem> {
    if let Some(name) = patch.company_name {
        draft.company_name = name;
    }
    patch.company_name_kana.apply(&mut draft.company_name_kana);
    patch.contact_person.apply(&mut draft.contact_person);
    patch.contact_email.apply(&mut draft.contact_email);
    patch.contact_phone.apply(&mut draft.contact_phone);
    patch.postal_code.apply(&mut draft.postal_code);
    patch.address.apply(&mut draft.address);
    patch.notes.apply(&mut draft.notes);
    patch.max_terminals.apply(&mut draft.max_terminals);
    if let Some(contract) = patch
        .contract_type
        .and_then(|name| errors.take("contract_type", name.parse()))
    {
        draft.contract_type = contract;
    }
    if let Some(is_active) = patch.is_active {
        draft.is_active = is_active;
    }
    let (start, end) = (&mut draft.contract_start_date, &mut draft.contract_end_date);
    patch_date(&mut errors, "contract_start_date", patch.contract_start_date, start);
    patch_date(&mut errors, "contract_end_date", patch.contract_end_date, end);
    finished(errors, draft)
}
