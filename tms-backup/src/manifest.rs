//! What is known of a backup without opening it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tms_core::time::Timestamp;

use crate::{contents::Contents, seal::Digest};

/// The form of this document.
pub(crate) const FORMAT: u32 = 1;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this document: 1.
    pub format: u32,
    /// The name, such as `tms-20261123T051000000Z`.
    pub name: String,
    /// When it was begun.
    pub created_at: String,
    /// The release of TMS that made it.
    pub release: String,
    /// `postgres` or `sqlite`.
    pub database: String,
    /// The archive.
    pub archive: Archive,
    /// What was in the database.
    pub contents: Contents,
}

impl Manifest {
    /// Reads the manifest of this name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(name: &str, text: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if manifest.format != FORMAT || manifest.name != name {
            return Err("its form or name is another".to_owned());
        }
        let belongs = manifest.archive.file.strip_prefix(name).is_some_and(|rest| {
            rest.starts_with('.') && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        });
        if belongs && is_name(name) {
            Ok(manifest)
        } else {
            Err("its archive has a strange name".to_owned())
        }
    }

    pub(crate) fn written(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

/// The file that holds the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its name.
    pub file: String,
    /// Its length and hash, as it is stored.
    #[serde(flatten)]
    pub digest: Digest,
    /// Whether a private key is needed to read it.
    pub is_encrypted: bool,
}

impl Archive {
    pub(crate) fn at(self, path: PathBuf) -> (Self, PathBuf) {
        (self, path)
    }
}

/// Returns the name of a backup that was begun at `now`.
pub(crate) fn name_at(now: Timestamp) -> String {
    format!("tms-{}", now.to_chrono().format("%Y%m%dT%H%M%S%3fZ"))
}

/// Tells whether a text is the name of a backup; others may not become parts of paths.
pub(crate) fn is_name(text: &str) -> bool {
    text.strip_prefix("tms-")
        .is_some_and(|rest| rest.len() == 19 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

pub(crate) fn archive_name(name: &str, extension: &str, is_encrypted: bool) -> String {
    let suffix = if is_encrypted { ".age" } else { "" };
    format!("{name}.{extension}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_lead_nowhere_else() {
        let name = name_at(Timestamp::from_secs(1_769_249_400));
        assert_eq!(name, "tms-20260124T101000000Z");
        assert!(is_name(&name));
        for other in [
            "",
            "tms-",
            "tms-../../../../../x",
            "tms-20260124T101000000Z.json",
            "x-20260124T101000000Z",
        ] {
            assert!(!is_name(other), "{other}");
        }
    }
}
