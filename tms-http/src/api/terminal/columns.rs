//! The columns of a list of terminals as a file: what export writes, import reads.

use chrono::NaiveDate;
use tms_core::{
    error::{Error, FieldErrors},
    id::CustomerId,
    terminal::{
        TerminalView,
        import::{ImportCustomer, ImportList, ImportRow},
    },
    text::{InvalidText, SerialNumber},
};

use crate::{
    api::field::spelled,
    csv::{Row, Table, table},
};

/// The columns in the order of the export. The last ones are for reading only: import passes over them.
pub(super) const COLUMNS: [&str; 19] = [
    "serial_number",
    "customer_id",
    "company_name",
    "model",
    "store_name",
    "store_code",
    "installation_address",
    "heartbeat_interval",
    "auto_update_enabled",
    "installed_date",
    "warranty_end_date",
    "lifecycle",
    "status",
    "firmware_version",
    "agent_version",
    "ip_address",
    "mac_address",
    "last_heartbeat",
    "active_alerts",
];

/// Makes a table to show.
pub(super) fn example() -> String {
    let row: [&str; COLUMNS.len()] = [
        "TC-200-001",
        "1",
        "ABC Store Inc.",
        "TC-200",
        "Shinjuku Store",
        "001",
        "",
        "300",
        "true",
        "2024-12-01",
        "2026-12-01",
        "active",
        "online",
        "2.0.0",
        "1.0.0",
        "192.168.1.100",
        "00:11:22:33:44:55",
        "2026-01-24T10:00:00Z",
        "0",
    ];
    table([&COLUMNS, &row])
}

/// Shows a terminal in these columns.
pub(super) fn cells(view: TerminalView) -> [String; 19] {
    let (draft, presence) = (view.terminal.draft, view.presence);
    let date = |date: Option<NaiveDate>| date.map_or_else(String::new, |date| date.to_string());
    [
        draft.serial.to_string(),
        draft.customer.to_string(),
        view.company_name,
        draft.model,
        draft.store_name.unwrap_or_default(),
        draft.store_code.unwrap_or_default(),
        draft.installation_address.unwrap_or_default(),
        draft.heartbeat_interval_s.to_string(),
        draft.auto_update_enabled.to_string(),
        date(draft.installed_date),
        date(draft.warranty_end_date),
        view.terminal.lifecycle.to_string(),
        presence.status_seen().to_string(),
        presence.reported.firmware_version.unwrap_or_default(),
        presence.reported.agent_version.unwrap_or_default(),
        presence
            .reported
            .ip_address
            .map_or_else(String::new, |ip| ip.to_string()),
        view.terminal.host.mac_address.unwrap_or_default(),
        spelled(presence.last_seen).unwrap_or_default(),
        view.active_alerts.to_string(),
    ]
}

/// Reads the rows of a table; a column that it does not have is left as it is. What can't be read goes along, to be named
/// together with what is wrong with the rest.
///
/// # Errors
/// [`Error::Invalid`] naming the columns that are wrong.
pub(crate) fn list(table: &Table) -> Result<ImportList, Error> {
    check_columns(&table.columns)?;
    let mut list = ImportList::default();
    if !table.columns.iter().any(|name| name == "customer_id") {
        list.customer_column = "company_name";
    }
    for row in &table.rows {
        let faults = list.faults.of(row.number);
        if let Some(cells) = Cells::of(&table.columns, row, faults) {
            list.rows.push(cells.read(faults));
        }
    }
    Ok(list)
}

fn check_columns(columns: &[String]) -> Result<(), Error> {
    let mut errors = FieldErrors::default();
    for (place, name) in columns.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) {
            let name: String = name.chars().take(50).collect();
            errors.add("row 1", format!("there is no column {name:?}"));
        } else if columns.iter().take(place).any(|before| before == name) {
            errors.add("row 1", format!("the column {name:?} stands twice"));
        }
    }
    if !columns.iter().any(|name| name == "serial_number") {
        errors.add("row 1", "the column \"serial_number\" is missing");
    }
    errors.finish()
}

struct Cells<'t> {
    columns: &'t [String],
    row: &'t Row,
}

impl<'t> Cells<'t> {
    fn of(columns: &'t [String], row: &'t Row, faults: &mut FieldErrors) -> Option<Self> {
        let surplus = row.cells.iter().skip(columns.len());
        let fits = row.cells.len() >= columns.len() && surplus.into_iter().all(String::is_empty);
        if !fits {
            let (have, want) = (row.cells.len(), columns.len());
            faults.add("cells", format!("has {have} cells instead of {want}"));
        }
        fits.then_some(Self { columns, row })
    }

    /// Returns a cell; `None` if there is no such column.
    fn get(&self, name: &str) -> Option<&'t str> {
        let place = self.columns.iter().position(|column| column == name)?;
        self.row.cells.get(place).map(String::as_str)
    }

    /// Returns a cell that has something in it.
    fn filled(&self, name: &str) -> Option<&'t str> {
        self.get(name).filter(|cell| !cell.is_empty())
    }

    /// Returns a text whose empty cell takes the value away.
    #[allow(
        clippy::option_option,
        reason = "a column that is missing and an empty cell are two wishes"
    )]
    fn optional(&self, name: &str) -> Option<Option<String>> {
        let cell = self.get(name)?;
        Some(Some(cell.to_owned()).filter(|cell| !cell.is_empty()))
    }

    #[allow(
        clippy::option_option,
        reason = "a column that is missing and an empty cell are two wishes"
    )]
    fn date(&self, name: &str, faults: &mut FieldErrors) -> Option<Option<NaiveDate>> {
        match self.get(name)? {
            "" => Some(None),
            cell => faults.take(name, read_date(cell)).map(Some),
        }
    }

    fn read(&self, faults: &mut FieldErrors) -> ImportRow {
        let serial = SerialNumber::parse(self.get("serial_number").unwrap_or_default());
        let serial = faults.take("serial_number", serial);
        let customer = match (self.filled("customer_id"), self.filled("company_name")) {
            (Some(id), _) => {
                let id = id.parse::<CustomerId>().map_err(|wrong| InvalidText(wrong.to_string()));
                faults.take("customer_id", id).map(ImportCustomer::Id)
            }
            (None, name) => name.map(|name| ImportCustomer::Name(name.to_owned())),
        };
        let interval = self.filled("heartbeat_interval").and_then(|cell| {
            let read = cell
                .parse()
                .map_err(|_| InvalidText("must be a number of seconds".to_owned()));
            faults.take("heartbeat_interval", read)
        });
        let auto_update = self
            .filled("auto_update_enabled")
            .and_then(|cell| faults.take("auto_update_enabled", read_flag(cell)));
        ImportRow {
            line: self.row.number,
            serial,
            customer,
            model: self.filled("model").map(str::to_owned),
            store_name: self.optional("store_name"),
            store_code: self.optional("store_code"),
            installation_address: self.optional("installation_address"),
            heartbeat_interval_s: interval,
            auto_update_enabled: auto_update,
            installed_date: self.date("installed_date", faults),
            warranty_end_date: self.date("warranty_end_date", faults),
        }
    }
}

/// Spreadsheets shout.
fn read_flag(cell: &str) -> Result<bool, InvalidText> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(InvalidText("must be true or false".to_owned())),
    }
}

/// Reads `2026-01-24`, or `2026/1/24` as Japanese spreadsheets write it.
fn read_date(cell: &str) -> Result<NaiveDate, InvalidText> {
    let mut parts = cell.splitn(3, ['-', '/']).map(|part| {
        let is_plain = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| is_plain)
    });
    let mut next = || parts.next().flatten();
    let date = match (next(), next(), next()) {
        (Some(year), Some(month), Some(day)) if year >= 1_000 => i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day)),
        _ => None,
    };
    date.ok_or_else(|| InvalidText("must be a date such as 2026-01-24".to_owned()))
}
