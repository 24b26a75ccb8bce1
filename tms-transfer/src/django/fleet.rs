//! Customers and terminals.

use tms_core::{
    Error,
    customer::{ContractType, CustomerDraft},
    error::FieldErrors,
    settings::{MAX_INTERVAL_S, MIN_INTERVAL_S, PresenceSettings},
    terminal::TerminalDraft,
    text::SerialNumber,
    transfer::TerminalEntry,
};

use super::{Takeover, dump::Object, fields::Fields, report::Notes};

impl Takeover<'_> {
    pub(super) fn customer(&mut self, object: &Object, notes: &mut Notes) -> Result<(), String> {
        let fields = object.fields();
        let name = fields
            .text(&["company_name", "name", "company"])
            .ok_or("it has no name")?;
        let draft = customer_of(fields, &name, notes);
        let draft = match draft.clone().checked() {
            Ok(draft) => draft,
            Err(Error::Invalid(faults)) => without_wrong(draft, &faults, notes)
                .checked()
                .map_err(|error| said(&error))?,
            Err(error) => return Err(error.to_string()),
        };
        if self.customers.has(&draft.company_name) {
            return Err("another one has the same name".to_owned());
        }
        self.customers.add(object, draft.company_name.clone());
        self.fixture.customers.push(draft);
        Ok(())
    }

    pub(super) fn terminal(&mut self, object: &Object, notes: &mut Notes) -> Result<(), String> {
        let fields = object.fields();
        let serial = fields
            .text(&["serial_number", "serial"])
            .ok_or("it has no serial number")?;
        let serial = SerialNumber::parse(&serial).map_err(|error| format!("its serial number {}", error.0))?;
        if self.terminals.has(serial.as_str()) {
            return Err("another one has the same serial number in upper case".to_owned());
        }
        let customer = fields
            .value(&["customer", "customer_id", "company"])
            .ok_or("it has no customer")?;
        let customer = self.customers.find(customer).ok_or("its customer was not taken")?;
        let draft = TerminalDraft {
            serial,
            customer,
            model: fields
                .text(&["model", "model_name"])
                .unwrap_or_else(|| "unknown".to_owned()),
            store_name: fields.text(&["store_name", "shop_name"]),
            store_code: fields.text(&["store_code", "shop_code"]),
            installation_address: fields.text(&["installation_address", "address", "location"]),
            heartbeat_interval_s: interval(fields, notes),
            auto_update_enabled: fields.flag(&["auto_update_enabled", "auto_update"]).unwrap_or(true),
            installed_date: fields.date(&["installed_date", "installation_date", "installed_at"]),
            warranty_end_date: fields.date(&["warranty_end_date", "warranty_until"]),
        };
        let entry = TerminalEntry {
            draft,
            is_retired: is_retired(fields),
            mac_address: fields.text(&["mac_address"]),
            firmware_version: self.version(fields),
        };
        let entry = entry.checked().map_err(|error| said(&error))?;
        self.terminals.add(object, entry.draft.serial.to_string());
        self.fixture.terminals.push(entry);
        Ok(())
    }

    /// Returns the version that a terminal names: as text, or through an image.
    fn version(&self, fields: Fields<'_>) -> Option<String> {
        let names = ["firmware_version", "current_firmware", "firmware"];
        let by_image = fields.value(&names).and_then(|value| self.firmware.find(value));
        by_image.or_else(|| fields.text(&["firmware_version"]))
    }
}

fn customer_of(fields: Fields<'_>, name: &str, notes: &mut Notes) -> CustomerDraft {
    let contract = fields.text(&["contract_type"]).map(|word| word.to_lowercase());
    let known = contract.as_deref().and_then(|word| word.parse().ok());
    if let (Some(word), None) = (&contract, known) {
        notes.insert(format!(
            "the contract type {word:?} is not known here and became standard"
        ));
    }
    CustomerDraft {
        company_name_kana: fields.text(&["company_name_kana", "name_kana"]),
        contact_person: fields.text(&["contact_person", "contact_name"]),
        contact_email: fields.text(&["contact_email", "email"]),
        contact_phone: fields.text(&["contact_phone", "phone", "phone_number"]),
        postal_code: fields.text(&["postal_code", "zip_code"]),
        address: fields.text(&["address"]),
        contract_type: known.unwrap_or(ContractType::Standard),
        contract_start_date: fields.date(&["contract_start_date"]),
        contract_end_date: fields.date(&["contract_end_date"]),
        is_active: fields.flag(&["is_active"]).unwrap_or(true),
        max_terminals: fields.number(&["max_terminals"]),
        notes: fields.text(&["notes", "memo"]),
        ..CustomerDraft::named(name)
    }
}

/// Leaves out what is wrong and not needed: a mistyped address is no reason to lose a customer and its fleet.
fn without_wrong(mut draft: CustomerDraft, faults: &FieldErrors, notes: &mut Notes) -> CustomerDraft {
    for (field, messages) in faults.iter() {
        match field {
            "company_name_kana" => draft.company_name_kana = None,
            "contact_person" => draft.contact_person = None,
            "contact_email" => draft.contact_email = None,
            "contact_phone" => draft.contact_phone = None,
            "postal_code" => draft.postal_code = None,
            "address" => draft.address = None,
            "contract_end_date" => draft.contract_end_date = None,
            "max_terminals" => draft.max_terminals = None,
            "notes" => draft.notes = None,
            _ => continue,
        }
        notes.insert(format!("without {field}, which {}", messages.join(", ")));
    }
    draft
}

fn interval(fields: Fields<'_>, notes: &mut Notes) -> u32 {
    let usual = PresenceSettings::default().default_interval_s;
    match fields.number(&["heartbeat_interval", "heartbeat_interval_s"]) {
        None => usual,
        Some(seconds) if (MIN_INTERVAL_S..=MAX_INTERVAL_S).contains(&seconds) => seconds,
        Some(_) => {
            notes.insert(format!("the heartbeat interval was out of bounds and became {usual} s"));
            usual
        }
    }
}

fn is_retired(fields: Fields<'_>) -> bool {
    let words = [fields.text(&["lifecycle"]), fields.text(&["status"])];
    let is_over = |word: &String| matches!(word.to_lowercase().as_str(), "retired" | "decommissioned" | "disposed");
    words.iter().flatten().any(is_over) || fields.flag(&["is_active"]) == Some(false)
}

/// Says what is wrong, field by field.
pub(super) fn said(error: &Error) -> String {
    match error {
        Error::Invalid(faults) => {
            let shown: Vec<String> = faults
                .iter()
                .map(|(field, m)| format!("{field} {}", m.join(", ")))
                .collect();
            shown.join("; ")
        }
        other => other.to_string(),
    }
}
