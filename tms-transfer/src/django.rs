//! Takes over a Django system from what its `dumpdata` writes: people with their password hashes, customers, terminals,
//! alerts and logs. What TMS has no place for is counted and said, never dropped in silence.

mod dump;
mod fields;
mod fleet;
mod history;
mod mapping;
mod people;
mod report;

use std::collections::{BTreeMap, HashSet};

use tms_core::{alert::Cause, text::SerialNumber, time::Timestamp, transfer::Fixture};

use crate::error::TransferError;
use dump::{Object, References};
use report::Notes;

pub use mapping::{Kind, Mapping};
pub use report::{Report, Row};

/// Reads a `dumpdata` document, in JSON or in JSON lines.
///
/// # Errors
/// [`TransferError`] when it is none. What is wrong with single objects is in the report.
pub fn read_django(text: &str, mapping: &Mapping) -> Result<(Fixture, Report), TransferError> {
    let mut takeover = Takeover {
        mapping,
        fixture: Fixture::default(),
        report: Report::default(),
        groups: References::default(),
        customers: References::default(),
        users: References::default(),
        firmware: References::default(),
        terminals: References::default(),
        open: HashSet::new(),
        moments: HashSet::new(),
    };
    let mut by_kind: BTreeMap<Kind, Vec<Object>> = BTreeMap::new();
    for object in dump::read(text)? {
        match mapping.kind(&object.model) {
            Some(kind) => {
                takeover.report.read(kind, &object.model);
                by_kind.entry(kind).or_default().push(object);
            }
            None => takeover.report.unknown(&object.model),
        }
    }
    // In this order, whatever the order in the file: each kind refers to those before it only.
    for (kind, objects) in by_kind {
        for object in objects {
            takeover.take(kind, &object);
        }
    }
    Ok((takeover.fixture, takeover.report))
}

/// What has been read so far.
struct Takeover<'m> {
    mapping: &'m Mapping,
    fixture: Fixture,
    report: Report,
    groups: References,
    customers: References,
    users: References,
    firmware: References,
    terminals: References,
    /// Of which terminal and cause an alert is open; there may be one.
    open: HashSet<(SerialNumber, Cause)>,
    /// When alerts of a terminal and cause were raised: what they are known by.
    moments: HashSet<(SerialNumber, Cause, Timestamp)>,
}

impl Takeover<'_> {
    fn take(&mut self, kind: Kind, object: &Object) {
        let mut notes = Notes::default();
        let outcome = match kind {
            Kind::Group => self.group(object),
            Kind::Customer => self.customer(object, &mut notes),
            Kind::User => self.user(object, &mut notes),
            Kind::Firmware => self.firmware(object),
            Kind::Terminal => self.terminal(object, &mut notes),
            Kind::Alert => self.alert(object, &mut notes),
            Kind::Log => self.log(object, &mut notes),
        };
        match outcome {
            Ok(()) => self.report.fits(kind, notes),
            Err(why) => self.report.skipped(kind, &object.label(), why),
        }
    }

    /// Groups have no place here: their names say which role a person has.
    fn group(&mut self, object: &Object) -> Result<(), String> {
        let name = object.fields().text(&["name"]).ok_or("it has no name")?;
        self.groups.add(object, name);
        Ok(())
    }

    /// Images of firmware have no place here: their versions say what terminals ran.
    fn firmware(&mut self, object: &Object) -> Result<(), String> {
        let version = object
            .fields()
            .text(&["version", "version_number", "name"])
            .ok_or("it has no version")?;
        self.firmware.add(object, version);
        Err(
            "TMS takes signed images only; upload them anew. The version stays with the terminals that name it"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests;
