//! Many terminals made or changed by a list, all or none. Rows are known by the line on which they stand.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::{Lifecycle, Terminal, TerminalDraft, Terminals};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    customer::CustomerStore,
    envelope::Envelope,
    error::{Error, FieldErrors, StoreError},
    id::CustomerId,
    idempotency::{Once, Remembered, once},
    permission::Permission,
    settings::MIN_INTERVAL_S,
    text::SerialNumber,
    time::Timestamp,
};

/// The most rows of one import.
pub const MOST_ROWS: usize = 10_000;
/// The most wrong rows that are named.
const MOST_NAMED: usize = 100;

/// A list as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportList {
    /// The rows.
    pub rows: Vec<ImportRow>,
    /// What could not be read, named together with what is wrong beyond that.
    pub faults: RowErrors,
    /// The column in which a new terminal that names no customer misses it.
    pub customer_column: &'static str,
}

impl Default for ImportList {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            faults: RowErrors::default(),
            customer_column: "customer_id",
        }
    }
}

/// What a list says of one terminal. What it says nothing of stays, or is as usual for a new terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// The line on which it stands, from 1.
    pub line: u64,
    /// Which terminal; `None` if that can't be read.
    pub serial: Option<SerialNumber>,
    /// Whose it is.
    pub customer: Option<ImportCustomer>,
    /// The model of the reader.
    pub model: Option<String>,
    /// The shop's name; `Some(None)` takes it away.
    pub store_name: Option<Option<String>>,
    /// The shop's number.
    pub store_code: Option<Option<String>>,
    /// Where it stands.
    pub installation_address: Option<Option<String>>,
    /// Seconds between heartbeats.
    pub heartbeat_interval_s: Option<u32>,
    /// Whether firmware may be installed without asking.
    pub auto_update_enabled: Option<bool>,
    /// When it was installed.
    pub installed_date: Option<Option<chrono::NaiveDate>>,
    /// Until when it is under warranty.
    pub warranty_end_date: Option<Option<chrono::NaiveDate>>,
}

/// How a list names a customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportCustomer {
    /// By id.
    Id(CustomerId),
    /// By its exact name.
    Name(String),
}

impl ImportCustomer {
    /// Returns the column that names a customer like this.
    const fn column(&self) -> &'static str {
        match self {
            Self::Id(_) => "customer_id",
            Self::Name(_) => "company_name",
        }
    }
}

/// What an import did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many terminals were made.
    pub created: u64,
    /// How many were changed.
    pub updated: u64,
    /// How many were as the list says already.
    pub unchanged: u64,
}

/// What a store writes in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalImport {
    /// Terminals to register.
    pub create: Vec<TerminalDraft>,
    /// Terminals to save; the revision of each is the one seen.
    pub update: Vec<Terminal>,
}

/// What is wrong with a list, by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowErrors(BTreeMap<u64, FieldErrors>);

impl RowErrors {
    /// Notes what is wrong with a field of the row on `line`.
    pub fn add(&mut self, line: u64, field: &str, message: impl Into<String>) {
        self.0.entry(line).or_default().add(field, message);
    }

    /// Returns the faults of the row on `line`, to add to them.
    pub fn of(&mut self, line: u64) -> &mut FieldErrors {
        self.0.entry(line).or_default()
    }

    /// Ends the check: the first wrong rows as fields named `row 12: model`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a row is wrong.
    pub fn finish(self) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        let wrong: Vec<_> = self.0.into_iter().filter(|(_, faults)| !faults.is_empty()).collect();
        for (line, faults) in wrong.iter().take(MOST_NAMED) {
            for (field, messages) in faults.iter() {
                for message in messages {
                    errors.add(format!("row {line}: {field}"), message);
                }
            }
        }
        if wrong.len() > MOST_NAMED {
            errors.add("rows", format!("{} more rows are wrong", wrong.len() - MOST_NAMED));
        }
        errors.finish()
    }
}

impl Terminals {
    /// Makes the terminals of a list that are not known and changes those that are, all or none. A trial run changes
    /// nothing. `usual_interval_s` is the heartbeat interval of a new terminal of which the list does not say any.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names what is wrong by row, [`Error::Conflict`] when a customer would have more terminals
    /// than it may have.
    pub async fn import(
        &self,
        ctx: &Ctx,
        list: ImportList,
        usual_interval_s: u32,
        is_trial: bool,
    ) -> Result<(Imported, bool), Error> {
        ctx.require(Permission::TerminalWrite)?;
        if is_trial {
            let plan = self.plan_import(ctx, &list, usual_interval_s).await?;
            self.check_room(&plan.gains).await?;
            return Ok((plan.counts(), false));
        }
        let work = || self.carry_out_import(ctx, &list, usual_interval_s);
        match once(&*self.idempotency, ctx, work).await? {
            Once::Done(done) => Ok((done, false)),
            Once::Before(known) => Ok((recall(&known)?, true)),
        }
    }

    async fn carry_out_import(&self, ctx: &Ctx, list: &ImportList, interval_s: u32) -> Result<Imported, Error> {
        for _ in 0..5 {
            let plan = self.plan_import(ctx, list, interval_s).await?;
            let counts = plan.counts();
            let mut with = Envelope::following().once(ctx, note(counts));
            if counts.created + counts.updated > 0 {
                with.audit
                    .push(ctx.audit("terminal.import", AuditTarget::created("terminal"), plan.shown()));
            } else if with.idempotency.is_none() {
                return Ok(counts);
            }
            match self.store.import(&plan.write, ctx.now, with).await {
                // Somebody changed, made or deleted one of them meanwhile: the list is compared again.
                Err(StoreError::Stale(_) | StoreError::Duplicate(_) | StoreError::Missing(_)) => {}
                outcome => return outcome.map(|()| counts).map_err(Error::from),
            }
        }
        Err(Error::unavailable("the terminals are changed by others all the time"))
    }

    async fn plan_import(&self, ctx: &Ctx, list: &ImportList, interval_s: u32) -> Result<Plan, Error> {
        let rows = &list.rows;
        if rows.len() > MOST_ROWS {
            return Err(FieldErrors::single("rows", format!("at most {MOST_ROWS} at a time")));
        }
        let serials: Vec<_> = rows.iter().filter_map(|row| row.serial.clone()).collect();
        let found = self.store.find_by_serials(&serials).await?;
        let mut known: HashMap<_, _> = found.into_iter().map(|t| (t.draft.serial.clone(), t)).collect();
        let customers = self.find_customers(ctx, rows).await?;
        let (mut plan, mut errors) = (Plan::default(), list.faults.clone());
        let mut lines: HashMap<&SerialNumber, u64> = HashMap::new();
        for row in rows {
            let faults = errors.of(row.line);
            let named = row.customer.as_ref();
            let customer = named.and_then(|named| customers.get(named).copied().flatten());
            if let (Some(named), None) = (named, customer) {
                faults.add(named.column(), "there is no such customer");
            }
            let Some(serial) = &row.serial else {
                check(row, faults);
                continue;
            };
            if let Some(first) = lines.insert(serial, row.line) {
                faults.add("serial_number", format!("stands in row {first} already"));
                check(row, faults);
                continue;
            }
            match known.remove(serial) {
                None => {
                    let draft = new_draft(row, serial, customer, (list.customer_column, interval_s), faults);
                    plan.create(draft);
                }
                Some(before) if !ctx.sees(before.draft.customer) => faults.add("serial_number", "is taken"),
                Some(before) => plan.update(row, customer, before, ctx.now, faults),
            }
        }
        errors.finish()?;
        Ok(plan)
    }

    /// Looks up every customer that the list names; `None` for those that are not there or not the actor's to see.
    async fn find_customers(
        &self,
        ctx: &Ctx,
        rows: &[ImportRow],
    ) -> Result<BTreeMap<ImportCustomer, Option<CustomerId>>, Error> {
        let mut customers = BTreeMap::new();
        for named in rows.iter().filter_map(|row| row.customer.as_ref()) {
            if customers.contains_key(named) {
                continue;
            }
            let store: &dyn CustomerStore = &*self.customers;
            let found = match named {
                ImportCustomer::Id(id) => store.find(*id).await?,
                ImportCustomer::Name(name) => store.find_by_name(name).await?,
            };
            let id = found.map(|customer| customer.id).filter(|id| ctx.sees(*id));
            customers.insert(named.clone(), id);
        }
        Ok(customers)
    }
}

#[derive(Default)]
struct Plan {
    write: TerminalImport,
    unchanged: u64,
    /// How many terminals more each customer would have, or fewer.
    gains: BTreeMap<CustomerId, i64>,
}

impl Plan {
    fn create(&mut self, draft: Option<TerminalDraft>) {
        if let Some(draft) = draft {
            *self.gains.entry(draft.customer).or_default() += 1;
            self.write.create.push(draft);
        }
    }

    fn update(
        &mut self,
        row: &ImportRow,
        customer: Option<CustomerId>,
        before: Terminal,
        now: Timestamp,
        faults: &mut FieldErrors,
    ) {
        if before.lifecycle == Lifecycle::Retired {
            faults.add("serial_number", "belongs to a retired terminal");
            return;
        }
        let Some(draft) = applied(row, customer, before.draft.clone(), faults) else {
            return;
        };
        if draft == before.draft {
            self.unchanged += 1;
        } else {
            *self.gains.entry(before.draft.customer).or_default() -= 1;
            *self.gains.entry(draft.customer).or_default() += 1;
            self.write.update.push(Terminal {
                draft,
                updated_at: now,
                ..before
            });
        }
    }

    fn counts(&self) -> Imported {
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        Imported {
            created: count(self.write.create.len()),
            updated: count(self.write.update.len()),
            unchanged: self.unchanged,
        }
    }

    fn shown(&self) -> Value {
        let created = self.write.create.iter().map(|draft| draft.serial.as_str());
        let updated = self.write.update.iter().map(|terminal| terminal.draft.serial.as_str());
        let counts = self.counts();
        json!({
            "count": counts.created + counts.updated,
            "created": created.collect::<Vec<_>>(),
            "updated": updated.collect::<Vec<_>>(),
        })
    }
}

/// Makes the draft of a terminal that is not known, if the row says enough and nothing wrong.
fn new_draft(
    row: &ImportRow,
    serial: &SerialNumber,
    customer: Option<CustomerId>,
    (customer_column, interval_s): (&str, u32),
    faults: &mut FieldErrors,
) -> Option<TerminalDraft> {
    if row.customer.is_none() && !faults.has("customer_id") {
        faults.add(customer_column, "is needed for a new terminal");
    }
    if row.model.is_none() {
        faults.add("model", "is needed for a new terminal");
    }
    let (Some(customer), Some(model)) = (customer, &row.model) else {
        check(row, faults);
        return None;
    };
    let draft = TerminalDraft::new(serial.clone(), customer, model, interval_s);
    applied(row, None, draft, faults)
}

/// Names what is wrong with the cells of a row from which no draft can be made.
fn check(row: &ImportRow, faults: &mut FieldErrors) {
    // Stand-ins for what is missing; neither is looked at.
    if let (Ok(serial), Ok(customer)) = (SerialNumber::parse("NONE"), CustomerId::new(1)) {
        let draft = TerminalDraft::new(serial, customer, "none", MIN_INTERVAL_S);
        applied(row, None, draft, faults);
    }
}

/// Carries out what a row says on `draft`.
fn applied(
    row: &ImportRow,
    customer: Option<CustomerId>,
    mut draft: TerminalDraft,
    faults: &mut FieldErrors,
) -> Option<TerminalDraft> {
    fn set<T: Clone>(field: &mut T, said: Option<&T>) {
        if let Some(said) = said {
            field.clone_from(said);
        }
    }
    set(&mut draft.customer, customer.as_ref());
    set(&mut draft.model, row.model.as_ref());
    set(&mut draft.store_name, row.store_name.as_ref());
    set(&mut draft.store_code, row.store_code.as_ref());
    set(&mut draft.installation_address, row.installation_address.as_ref());
    set(&mut draft.heartbeat_interval_s, row.heartbeat_interval_s.as_ref());
    set(&mut draft.auto_update_enabled, row.auto_update_enabled.as_ref());
    set(&mut draft.installed_date, row.installed_date.as_ref());
    set(&mut draft.warranty_end_date, row.warranty_end_date.as_ref());
    match draft.checked() {
        Ok(draft) => Some(draft),
        Err(Error::Invalid(wrong)) => {
            faults.merge(wrong);
            None
        }
        Err(_) => None,
    }
}

fn note(counts: Imported) -> Value {
    json!({ "created": counts.created, "updated": counts.updated, "unchanged": counts.unchanged })
}

fn recall(known: &Remembered) -> Result<Imported, Error> {
    let number = |name: &str| known.answer.get(name).and_then(Value::as_u64);
    let read = || {
        Some(Imported {
            created: number("created")?,
            updated: number("updated")?,
            unchanged: number("unchanged")?,
        })
    };
    read().ok_or_else(|| Error::Internal("a remembered answer can't be read".into()))
}
