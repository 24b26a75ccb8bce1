//! What is in a database, summed up so that two can be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is in a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// A hash of all columns, indexes and constraints.
    pub schema: String,
    /// Each table.
    pub tables: BTreeMap<String, TableSum>,
    /// What each sequence has handed out last.
    pub sequences: BTreeMap<String, i64>,
    /// Where the audit chain ends, if it has begun.
    pub audit_head: Option<AuditHead>,
}

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// How many.
    pub rows: u64,
    /// The sum of the hashes of all rows, which does not depend on their order.
    pub sum: String,
}

/// The end of the audit chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// How many links there are.
    pub place: i64,
    /// The hash of the last one.
    pub hash: String,
}

impl Contents {
    /// Returns how many rows there are.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }

    /// Says what is otherwise in `other`. A sequence may have gone on: it counts outside of snapshots.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.schema != other.schema {
            differences.push("the schema".to_owned());
        }
        let names = self
            .tables
            .keys()
            .chain(other.tables.keys().filter(|name| !self.tables.contains_key(*name)));
        for name in names {
            match (self.tables.get(name), other.tables.get(name)) {
                (Some(one), Some(two)) if one == two => {}
                (Some(one), Some(two)) if one.rows == two.rows => {
                    differences.push(format!("{name}: a row of {}", one.rows));
                }
                (one, two) => {
                    let rows = |sum: Option<&TableSum>| sum.map_or_else(|| "no".to_owned(), |sum| sum.rows.to_string());
                    differences.push(format!("{name}: {} rows instead of {}", rows(two), rows(one)));
                }
            }
        }
        for (name, last) in &self.sequences {
            if other.sequences.get(name).is_none_or(|found| found < last) {
                differences.push(format!("{name}: the sequence is behind"));
            }
        }
        if self.audit_head != other.audit_head {
            differences.push("the end of the audit chain".to_owned());
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        let sum = |rows, sum: &str| TableSum {
            rows,
            sum: sum.to_owned(),
        };
        Contents {
            schema: "s".to_owned(),
            tables: [("a".to_owned(), sum(2, "x")), ("b".to_owned(), sum(0, "0"))].into(),
            sequences: [("a_id".to_owned(), 5)].into(),
            audit_head: None,
        }
    }

    #[test]
    fn each_difference_is_named() {
        let one = contents();
        assert!(one.differences(&one).is_empty());
        let mut two = contents();
        two.schema.clear();
        two.tables.get_mut("a").unwrap().sum.clear();
        two.tables.remove("b");
        two.tables.insert(
            "c".to_owned(),
            TableSum {
                rows: 1,
                sum: "y".to_owned(),
            },
        );
        two.sequences.insert("a_id".to_owned(), 4);
        two.audit_head = Some(AuditHead {
            place: 1,
            hash: "h".to_owned(),
        });
        assert_eq!(
            one.differences(&two),
            [
                "the schema",
                "a: a row of 2",
                "b: no rows instead of 0",
                "c: 1 rows instead of no",
                "a_id: the sequence is behind",
                "the end of the audit chain"
            ]
        );
    }

    #[test]
    fn a_sequence_may_have_gone_on() {
        let (one, mut two) = (contents(), contents());
        two.sequences.insert("a_id".to_owned(), 9);
        assert!(one.differences(&two).is_empty());
    }
}
