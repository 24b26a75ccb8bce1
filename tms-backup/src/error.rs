//! What can go wrong with a backup.

use std::{io, path::PathBuf};

use tms_core::blob::BlobError;

/// Why a backup was not made or not put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file or folder can't be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another backup began at the same moment.
    #[error("another backup of this moment is being made")]
    Busy,
    /// The database refused.
    #[error("the database refused: {0}")]
    Sql(#[from] sqlx::Error),
    /// The address of the database can't be read.
    #[error("the address of the database can't be read: {0}")]
    Address(String),
    /// A program that dumps or restores is missing or failed.
    #[error("{program}: {cause}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        cause: String,
    },
    /// There is no backup, or none of this name.
    #[error("there is no backup{} in {place}", name.as_ref().map(|name| format!(" named {name}")).unwrap_or_default())]
    Missing {
        /// Which one was asked for; the newest without a name.
        name: Option<String>,
        /// Where.
        place: String,
    },
    /// The manifest can't be read.
    #[error("{place}: not a manifest of a backup: {cause}")]
    Manifest {
        /// Which.
        place: String,
        /// Why.
        cause: String,
    },
    /// The archive is not the one that was written.
    #[error(
        "{place}: the archive is damaged: it has {found} bytes with another hash than the {expected} that were written"
    )]
    Damaged {
        /// Which.
        place: String,
        /// How many bytes were written.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// What keeps the backups elsewhere refused.
    #[error("{place}: {source}")]
    Store {
        /// Where.
        place: String,
        /// Why.
        source: BlobError,
    },
    /// A backup that leaves this machine must be encrypted.
    #[error(
        "backups in {0} are encrypted: set TMS_BACKUP_PUBLIC_KEY to a public key, such as `age-keygen` makes with its private one"
    )]
    NeedsRecipient(String),
    /// The public key is none.
    #[error("not a public key: it begins with age1")]
    Recipient,
    /// The private key is none.
    #[error("{}: no private key in it: its line begins with AGE-SECRET-KEY-1", .0.display())]
    Identity(PathBuf),
    /// A private key is needed.
    #[error("the backup is encrypted; name the file with the private key")]
    NoIdentity,
    /// Encrypting or decrypting failed.
    #[error("the archive can't be {verb}: {cause}")]
    Seal {
        /// What failed.
        verb: &'static str,
        /// Why.
        cause: String,
    },
    /// The backup is of another kind of database.
    #[error("the backup is of a {0} database, which this configuration does not use")]
    OtherDatabase(String),
    /// What was restored is not what was backed up.
    #[error("what was restored differs from what was backed up: {}", .0.join("; "))]
    Differs(Vec<String>),
    /// The database that would be replaced has data.
    #[error("{0} has data; say --replace to put the backup in its place (the present data is kept beside)")]
    NotEmpty(String),
    /// The database that would be replaced is being used.
    #[error("{0} is in use; stop the servers first")]
    InUse(String),
}

impl BackupError {
    /// A file or folder that can't be used.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
