//! Customers: the companies that own terminals.

pub mod service;
pub mod store;

use chrono::NaiveDate;

use crate::{
    error::{Error, FieldErrors},
    id::{CustomerId, Revision},
    named_enum,
    text::{Lines, clean, search_key},
    time::Timestamp,
};

pub use service::Customers;
pub use store::CustomerStore;

named_enum!(
    /// What a customer has agreed to.
    ContractType {
        /// The smallest.
        Basic = "basic",
        /// The usual.
        Standard = "standard",
        /// The largest.
        Premium = "premium",
    }
);

/// What people can set of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerDraft {
    /// The name, 1 to 200 characters; unique.
    pub company_name: String,
    /// Its reading in kana.
    pub company_name_kana: Option<String>,
    /// Whom to call.
    pub contact_person: Option<String>,
    /// Where to write.
    pub contact_email: Option<String>,
    /// Where to call.
    pub contact_phone: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// What was agreed.
    pub contract_type: ContractType,
    /// From when.
    pub contract_start_date: Option<NaiveDate>,
    /// Until when; an ended contract refuses new enrolments only.
    pub contract_end_date: Option<NaiveDate>,
    /// An inactive customer refuses new enrolments only.
    pub is_active: bool,
    /// How many terminals there may be, retired ones left out; `None` means any number.
    pub max_terminals: Option<u32>,
    /// Notes of the support team.
    pub notes: Option<String>,
}

impl CustomerDraft {
    /// Makes the draft of an active customer with this name and nothing else.
    pub fn named(company_name: &str) -> Self {
        Self {
            company_name: company_name.to_owned(),
            company_name_kana: None,
            contact_person: None,
            contact_email: None,
            contact_phone: None,
            postal_code: None,
            address: None,
            contract_type: ContractType::Standard,
            contract_start_date: None,
            contract_end_date: None,
            is_active: true,
            max_terminals: None,
            notes: None,
        }
    }

    /// Checks and trims every field.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn checked(mut self) -> Result<Self, Error> {
        let mut errors = FieldErrors::default();
        let name = errors.take("company_name", clean(&self.company_name, 1, 200, Lines::One));
        self.company_name = name.unwrap_or_default();
        let mut optional = |field: &str, value: &mut Option<String>, max: usize, lines: Lines| {
            if let Some(text) = value.take() {
                *value = errors
                    .take(field, clean(&text, 0, max, lines))
                    .filter(|text| !text.is_empty());
            }
        };
        optional("company_name_kana", &mut self.company_name_kana, 200, Lines::One);
        optional("contact_person", &mut self.contact_person, 100, Lines::One);
        optional("contact_email", &mut self.contact_email, 254, Lines::One);
        optional("contact_phone", &mut self.contact_phone, 50, Lines::One);
        optional("postal_code", &mut self.postal_code, 20, Lines::One);
        optional("address", &mut self.address, 500, Lines::Many);
        optional("notes", &mut self.notes, 4_000, Lines::Many);
        if self.contact_email.as_ref().is_some_and(|mail| !mail.contains('@')) {
            errors.add("contact_email", "must be an e-mail address");
        }
        if self
            .contract_start_date
            .zip(self.contract_end_date)
            .is_some_and(|(start, end)| end < start)
        {
            errors.add("contract_end_date", "must not be before contract_start_date");
        }
        if self.max_terminals.is_some_and(|max| max > 10_000_000) {
            errors.add("max_terminals", "must be at most 10000000");
        }
        errors.finish()?;
        Ok(self)
    }

    /// Returns what search looks in.
    pub fn search_key(&self) -> String {
        search_key(&format!(
            "{} {}",
            self.company_name,
            self.company_name_kana.as_deref().unwrap_or_default()
        ))
    }
}

/// A customer as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// What people can set.
    pub draft: CustomerDraft,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by a person.
    pub updated_at: Timestamp,
    /// Counts the changes.
    pub revision: Revision,
}

/// Why a full customer gets no further terminal.
pub const FULL: &str = "the customer has reached its number of terminals";

impl Customer {
    /// Tells whether `more` terminals beside `present` ones, retired ones left out, would be too many.
    pub fn is_full_with(&self, present: u64, more: u64) -> bool {
        let max = self.draft.max_terminals;
        max.is_some_and(|max| present.saturating_add(more) > u64::from(max))
    }

    /// Tells why no further terminal may enrol, if so (DECISIONS 35).
    pub fn enrolment_refusal(&self, enrolled: u64, now: Timestamp) -> Option<&'static str> {
        let draft = &self.draft;
        if !draft.is_active {
            return Some("the customer is inactive");
        }
        if draft
            .contract_end_date
            .is_some_and(|end| end < now.to_chrono().date_naive())
        {
            return Some("the customer's contract has ended");
        }
        self.is_full_with(enrolled, 1).then_some(FULL)
    }
}
