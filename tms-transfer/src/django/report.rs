//! What became of each kind of object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};
use tms_core::transfer::Taken;

use super::Kind;

/// How many objects are named for each reason.
const NAMED: usize = 5;

/// What was left out of objects that were taken all the same.
pub(super) type Notes = BTreeSet<String>;

/// What became of the objects of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The models that they come from.
    pub models: BTreeSet<String>,
    /// How many were read.
    pub read: u64,
    /// How many have a place here.
    pub fitting: u64,
    /// How many have none: the reason, how many, and the first of them.
    pub skipped: BTreeMap<String, (u64, Vec<String>)>,
    /// What was left out of others, and of how many.
    pub notes: BTreeMap<String, u64>,
}

/// What became of all objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    rows: BTreeMap<Kind, Row>,
    unknown: BTreeMap<String, u64>,
}

impl Report {
    pub(super) fn read(&mut self, kind: Kind, model: &str) {
        let row = self.rows.entry(kind).or_default();
        row.models.insert(model.to_owned());
        row.read += 1;
    }

    pub(super) fn unknown(&mut self, model: &str) {
        *self.unknown.entry(model.to_owned()).or_default() += 1;
    }

    pub(super) fn fits(&mut self, kind: Kind, notes: Notes) {
        let row = self.rows.entry(kind).or_default();
        row.fitting += 1;
        for note in notes {
            *row.notes.entry(note).or_default() += 1;
        }
    }

    pub(super) fn skipped(&mut self, kind: Kind, label: &str, why: String) {
        let row = self.rows.entry(kind).or_default();
        let (count, named) = row.skipped.entry(why).or_default();
        *count += 1;
        if named.len() < NAMED {
            named.push(label.to_owned());
        }
    }

    /// Returns what became of each kind.
    pub fn rows(&self) -> &BTreeMap<Kind, Row> {
        &self.rows
    }

    /// Returns how many objects each model has of which nothing is known here.
    pub fn unknown_models(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    /// Returns the report for programs.
    pub fn to_json(&self, taken: &Taken) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|(kind, row)| row.to_json(*kind, taken)).collect();
        json!({ "kinds": rows, "unknown_models": self.unknown })
    }

    /// Returns the report for people.
    pub fn shown<'a>(&'a self, taken: &'a Taken) -> impl fmt::Display + 'a {
        Shown { report: self, taken }
    }
}

/// Returns how many of a kind were written, if it is one that is.
fn written(kind: Kind, taken: &Taken) -> Option<u64> {
    match kind {
        Kind::Group | Kind::Firmware => None,
        Kind::Customer => Some(taken.customers),
        Kind::User => Some(taken.users),
        Kind::Terminal => Some(taken.terminals),
        Kind::Alert => Some(taken.alerts),
        Kind::Log => Some(taken.logs),
    }
}

impl Row {
    /// Returns how many were written and how many were there already.
    fn counts(&self, kind: Kind, taken: &Taken) -> (u64, u64) {
        written(kind, taken).map_or((0, 0), |written| (written, self.fitting.saturating_sub(written)))
    }

    fn skipped_count(&self) -> u64 {
        self.skipped.values().map(|(count, _)| count).sum()
    }

    fn to_json(&self, kind: Kind, taken: &Taken) -> Value {
        let (imported, there) = self.counts(kind, taken);
        let reasons = self
            .skipped
            .iter()
            .map(|(why, (count, named))| json!({ "why": why, "count": count, "first": named }));
        let notes = self
            .notes
            .iter()
            .map(|(note, count)| json!({ "note": note, "count": count }));
        json!({
            "kind": kind.as_str(), "models": self.models, "read": self.read, "imported": imported,
            "there_already": there, "skipped": self.skipped_count(), "reasons": reasons.collect::<Vec<_>>(),
            "notes": notes.collect::<Vec<_>>(),
        })
    }
}

struct Shown<'a> {
    report: &'a Report,
    taken: &'a Taken,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<10} {:>9} {:>9} {:>9} {:>9}",
            "", "read", "imported", "there", "skipped"
        )?;
        for (kind, row) in &self.report.rows {
            let (imported, there) = row.counts(*kind, self.taken);
            let skipped = row.skipped_count();
            writeln!(
                f,
                "{:<10} {:>9} {imported:>9} {there:>9} {skipped:>9}",
                kind.as_str(),
                row.read
            )?;
            for (why, (count, named)) in &row.skipped {
                writeln!(f, "  {count} skipped: {why} ({})", named.join(", "))?;
            }
            for (note, count) in &row.notes {
                writeln!(f, "  {count} taken, but {note}")?;
            }
        }
        for (model, count) in &self.report.unknown {
            writeln!(
                f,
                "{model}: {count} read, nothing is known of this model; name it with --map if it has a place here"
            )?;
        }
        Ok(())
    }
}
